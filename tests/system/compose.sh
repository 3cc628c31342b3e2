#!/bin/bash
# docker-compose (Debian's) runs an application of three services against the engine: order by
# health, names, ports, logs, exec, scale, restart, a killed engine, and nothing left by down -v.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/census.sh && . ../lib/qa.sh
command -v docker-compose >/dev/null || { not_ok "docker-compose is installed (tests/lib/packages.sh test)"; finish; exit 1; }
export HOME=/nonexistent COMPOSE_HTTP_TIMEOUT=20 COMPOSE_IGNORE_ORPHANS=1
qa_up
c() { in_host timeout 60 docker-compose --ansi never -p app -f compose.yml "$@" </dev/null; }
http() { in_host curl -s -m 5 "http://127.0.0.1:$1"; }
d run --rm busybox true
# The first network with IPv6 turns forwarding on; that, and the rules that go with it, stay.
d network create --ipv6 first >/dev/null; d network rm first >/dev/null
settled
census_stable >"$HOST/before"

check "up -d" c up -d
out=$(c ps)
like "ps: the store is healthy" "app_store_1 .*Up \(healthy\)" "$out"
like "ps: the web server's port" "app_web_1 .*127.0.0.1:808[0-5]->80/tcp" "$out"
started() { field "app_$1_1" .State.StartedAt; }
waited_ms=$(($(date -d "$(started web)" +%s%3N) - $(date -d "$(started store)" +%s%3N)))
if [ $waited_ms -ge 1000 ]; then ok "the web server waited for the store's health"; else
    not_ok "the web server waited for the store's health" "$waited_ms ms"
fi
same "exec: environment" web "$(c exec -T web sh -c 'echo $WHO')"
same "exec: exit code" 7 "$(c exec -T web sh -c 'exit 7' >/dev/null 2>&1; echo $?)"
like "names: an alias" "Address.*172" "$(c exec -T web nslookup cache 2>&1)"
fails "names: not those of a network that it is not in" "can.t find|can.t resolve" c exec -T web nslookup six
same "the service by its name" "$(field app_web_1 .Config.Hostname)" "$(c exec -T web wget -qO- http://web)"
port=$(c port web 80)
same "port" "$(field app_web_1 .Config.Hostname)" "$(http "${port#*:}")"
like "IPv6" "fd00:66::" "$(c exec -T worker ip -6 addr show)"
rc "an internal network leads nowhere" 1 c exec -T store ping -c 1 -W 1 10.66.0.1
check "the worker reaches the store by its alias" poll 5 sh -c "$(declare -f in_host); HOST_NS_PID=$HOST_NS_PID; in_host docker logs app_worker_1 2>&1 | grep -q 'ping [0-9]'"
like "logs" "worker_1 .*ping" "$(c logs --tail 5)"

before=$(started worker)
rc "restart" 0 c restart -t 5 worker
if [ "$before" != "$(started worker)" ]; then ok "restart: another run"; else not_ok "restart: another run"; fi
like "restart: it was told" "bye" "$(d logs app_worker_1)"
check "scale" c up -d --scale web=3
same "scale: three answer" 3 "$(for p in 8080 8081 8082 8083 8084 8085; do http $p; done | sort -u | wc -l)"
like "scale: a name has three addresses" "^3$" "$(c exec -T worker nslookup web 2>/dev/null | grep -c 'Address: ')"
check "scale back" c up -d --scale web=1
check "scale back: two are gone" poll 5 gone app_web_3

runs=$(started worker)
engine_kill
engine_start || not_ok "the engine starts again"
rc "a killed engine: up -d finds everything as it was" 0 c up -d
same "a killed engine: nothing was restarted" "$runs" "$(started worker)"
like "a killed engine: the web server answers" "^[0-9a-f]{12}$" "$(port=$(c port web 80); http "${port#*:}")"
check "a killed engine: health goes on" poll 5 sh -c "$(declare -f in_host); HOST_NS_PID=$HOST_NS_PID; in_host docker ps | grep -q 'Up.*(healthy)'"

c logs -f --tail 1 worker >"$HOST/follow" 2>&1 &
follower=$!
check "logs -f follows" poll 5 grep -q "ping [0-9]" "$HOST/follow"
check "stop" c stop -t 1
check "logs -f ended with its container" poll 5 sh -c "! kill -0 $follower"
wait $follower 2>/dev/null
like "logs -f saw the end" "bye" "$(cat "$HOST/follow")"
check "start" c start
check "start: the store is healthy again" poll 8 sh -c "$(declare -f in_host); HOST_NS_PID=$HOST_NS_PID; in_host docker ps --filter health=healthy -q | grep -q ."
like "a network in use is not removed" "has active endpoints" "$(d network rm app_back 2>&1)"

# A network that was made anew under its name: the container starts in it.
d network disconnect -f app_front app_web_1
c stop -t 0 web >/dev/null 2>&1
d network connect app_front app_web_1
check "a network of a stopped container goes" d network rm app_front
fails "and is missed by its name" "network app_front not found" d start app_web_1
d network create app_front >/dev/null
check "it starts in the new one" d start app_web_1
like "with an address" "^172\." "$(field app_web_1 '.NetworkSettings.Networks.app_front.IPAddress')"

check "down -v" c down -v -t 1
same "no container" "" "$(d ps -aq)"
same "no network" "bridge host none" "$(d network ls --format '{{.Name}}' | sort | tr '\n' ' ' | sed 's/ $//')"
same "no volume" "" "$(d volume ls -q)"
settled
census_back "nothing is left" "$HOST/before"
engine_sound
finish
