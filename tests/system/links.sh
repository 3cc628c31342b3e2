#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# --link: names, addresses and variables of another container of the default bridge; what it opens
# where containers may not talk; an alias in networks of users.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/census.sh && . ../lib/qa.sh
expect_500 'Cannot link to (a non running container: /db-1|/else, as it does not belong)' 'as Docker'
qa_up
sh_in() { d exec "$1" sh -c "$2" 2>&1; }
db() { # NAME ARGS…: says hello at port 5432 and 5433
    local name=$1; shift
    d run -d --name "$name" "$@" busybox sh -c 'mkdir /w; echo hello >/w/index.html; httpd -p 5433 -h /w; exec httpd -f -p 5432 -h /w' >/dev/null
}
says() { sh_in "$1" "printf 'GET / HTTP/1.0\r\n\r\n' | nc -w 1 $2 $3 2>&1" | tail -1; }
addr_of() { field "$1" '.NetworkSettings.Networks.bridge.IPAddress'; }
tables() { in_host nft list ruleset 2>/dev/null; }
settled; census_stable >"$HOST/before"

fails "an unknown container" "could not get container for nix: No such container: nix" d run --rm --link nix:a busybox true
fails "a bad format" "bad format for links: a:b:c" d run --rm --link a:b:c busybox true
check "a container" db db-1 --expose 5432 -e SECRET=sesame -e HOME=/x
addr=$(addr_of db-1)
api_is "host network" 400 "host type networking can't be used with links" POST /containers/create '{"Image":"busybox","HostConfig":{"NetworkMode":"host","Links":["db-1"]}}'
check "linked" d run -d --name web --link db-1:my-db --link db-1 -e MY_DB_ENV_SECRET=mine busybox sleep 1000
like "hosts: alias, host name, name" "^$addr	my-db $(field db-1 .Config.Hostname) db-1$" "$(sh_in web 'cat /etc/hosts')"
like "hosts: its own name" "^$addr	db-1 $(field db-1 .Config.Hostname)$" "$(sh_in web 'cat /etc/hosts')"
same "inspect" '["/db-1:/web/db-1","/db-1:/web/my-db"]' "$(field web '.HostConfig.Links | sort' | jq -c .)"
same "answers by the alias" hello "$(says web my-db 5432)"
env=$(d exec web sh -c 'tr "\0" "\n" </proc/1/environ')
for v in "MY_DB_PORT=tcp://$addr:5432" "MY_DB_PORT_5432_TCP=tcp://$addr:5432" "MY_DB_PORT_5432_TCP_ADDR=$addr" \
    "MY_DB_PORT_5432_TCP_PORT=5432" "MY_DB_PORT_5432_TCP_PROTO=tcp" "MY_DB_NAME=/web/my-db" "DB_1_ENV_SECRET=sesame" "MY_DB_ENV_SECRET=mine"; do
    like "variable ${v%%=*}" "^$v$" "$env"
done
same "not HOME" "" "$(printf '%s\n' "$env" | grep ENV_HOME)"
for v in "MY_DB_PORT_5432_TCP_ADDR=$addr" "DB_1_ENV_SECRET=sesame" "MY_DB_ENV_SECRET=mine"; do
    like "an exec has them: ${v%%=*}" "^$v$" "$(d exec web env)"
done
same "but not what exec says otherwise" other "$(d exec -e MY_DB_PORT=other web sh -c 'echo $MY_DB_PORT')"
names() { api GET /containers/json; jq -c --arg id "$(field db-1 .Id)" '[.[] | select(.Id == $id) | .Names[]] | sort' <<<"$BODY"; }
same "the list has the names that it has as a link" '["/db-1","/web/db-1","/web/my-db"]' "$(names)"
for way in web/my-db /web/my-db web/db-1; do same "found by $way" /db-1 "$(field "$way" .Name)"; done
api_is "not by what is no link" 404 'No such container: web/nix' GET /containers/web/nix/json
api_is "nor of nobody" 404 'No such container: nobody/my-db' GET /containers/nobody/my-db/json
same "commands know the name, too" 5432 "$(d exec web/my-db sh -c 'echo 5432')"
check "a container in its network" d run -d --name inner --network container:db-1 busybox sleep 1000
check "can be linked to" d run -d --name web9 --link inner:in busybox sleep 1000
like "as the one whose network it is" "^$addr	in $(field db-1 .Config.Hostname) db-1$" "$(sh_in web9 'cat /etc/hosts')"
d rm -f web9 inner >/dev/null
check "rename" d rename db-1 db-2
like "inspect follows" '/db-2:/web/my-db' "$(field web '.HostConfig.Links')"
check "back" d rename db-2 db-1

# ---- another address ----
d stop -t 0 db-1 >/dev/null
check "somebody takes the address" d run -d --name thief busybox sleep 1000
d start db-1 >/dev/null
new=$(addr_of db-1)
same "the address is another one" yes "$([ "$new" != "$addr" ] && echo yes)"
check "hosts follows" poll 3 eval "sh_in web 'cat /etc/hosts' | grep -q '^$new	my-db '"
same "the old one is gone" "" "$(sh_in web 'cat /etc/hosts' | grep "^$addr	")"
same "what was there stays" 1 "$(sh_in web 'grep -c localnet /etc/hosts')"
same "answers" hello "$(says web my-db 5432)"
d stop -t 0 db-1 >/dev/null
fails "start without it" "Cannot link to a non running container: /db-1 AS /web/" d restart -t 0 web
d start db-1 >/dev/null; check "start with it" d start web
d network create mine >/dev/null
check "one that is elsewhere" d run -d --name else --network mine busybox sleep 1000
fails "is not linkable" "Cannot link to /else, as it does not belong to the default network" d run --rm --link else busybox true

# ---- rm --link ----
fails "rm --link of another" "No such (link|container)" d rm --link web/nix
check "rm --link" d rm --link web/my-db
same "is gone" '["/db-1:/web/db-1"]' "$(field web '.HostConfig.Links' | jq -c .)"
fails "twice" "No such (link|container)" d rm --link web/my-db
d rm -f db-1 >/dev/null
same "a removed container is no link" null "$(field web '.HostConfig.Links')"
d rm -f web thief else >/dev/null

# ---- networks of users ----
check "in a network" db db-3 --network mine
check "linked there" d run -d --name web3 --network mine --link db-3:base busybox sleep 1000
same "is a name" hello "$(says web3 base 5432)"
like "of the resolver's" "$(field db-3 .NetworkSettings.Networks.mine.IPAddress)" "$(sh_in web3 'nslookup base 127.0.0.11')"
check "another one" d run -d --name plain3 --network mine busybox sleep 1000
fails "of this container's only" "" d exec plain3 nslookup base 127.0.0.11
d rm -f db-3 web3 plain3 >/dev/null; d network rm mine >/dev/null
settled
census_back "nothing is left" "$HOST/before"

# ---- icc off ----
engine_stop
if engine_start --icc=false; then ok "an engine with icc off"; else not_ok "an engine with icc off"; fi
check "a container" db db-4 --expose 5432
check "a stranger" d run -d --name stranger busybox sleep 1000
check "linked" d run -d --name web4 --link db-4:base busybox sleep 1000
same "reaches what is exposed" hello "$(says web4 base 5432)"
like "not what is not" "^$|timed out" "$(says web4 base 5433)"
like "strangers reach nothing" "^$|timed out" "$(says stranger "$(addr_of db-4)" 5432)"
fails "nor the other way" "" d exec db-4 ping -c1 -W1 "$(addr_of web4)"
engine_kill; engine_start --icc=false
same "after the engine" hello "$(says web4 base 5432)"
like "strangers still nothing" "^$|timed out" "$(says stranger "$(addr_of db-4)" 5432)"
old=$(addr_of db-4)
d stop -t 0 db-4 >/dev/null
same "a stopped one is not open" "" "$(tables | grep -F "$(addr_of web4) . $old")"
d run -d --name next busybox sleep 1000 >/dev/null; d start db-4 >/dev/null
check "with another address" poll 3 eval '[ "$(says web4 base 5432)" = hello ]'
d rm -f web4 >/dev/null
no_rule() { ! tables | grep -qF '. tcp . 5432'; }
check "no rule is left" poll 5 no_rule
d rm -f db-4 stranger next >/dev/null
engine_sound
finish
