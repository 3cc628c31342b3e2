#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# GET /metrics: its figures are true, Prometheus reads it, and what packaging/ asks of it is there.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/census.sh && . ../lib/qa.sh
REPO=$PWD/../..
qa_up --metrics-addr 127.0.0.1:9323

metrics() { curl -s -m 20 --unix-socket "$SOCK" http://x/metrics >"$HOST/metrics"; }
# of FAMILY [LABELS]: the value of the sample with these labels among its own
of() { awk -v family="$1" -v label="${2-}" '$1 ~ "^" family "({|$)" && (label == "" || index($0, label)) { print $NF; exit }' "$HOST/metrics"; }
value_is() { metrics; [ "$(of "$2" "${3-}")" = "$1" ]; }
above() { metrics; awk -v v="$(of "$2" "${3-}")" -v least="$1" 'BEGIN { exit !(v > least) }'; }

# ---- the format ----
d run -d --name web --memory 64m --pids-limit 50 busybox sh -c 'i=0; while [ $i -lt 300000 ]; do i=$((i + 1)); done; dd if=/dev/zero of=/dev/shm/x bs=1M count=8 2>/dev/null; sleep 1000' >/dev/null
d create --name 'cold.one' busybox true >/dev/null
metrics
same "Prometheus' own reader finds nothing wrong" "" "$(promtool check metrics <"$HOST/metrics" 2>&1)"
like "it says what it is" '^Content-Type: text/plain; version=0.0.4' "$(curl -sI -X GET --unix-socket "$SOCK" http://x/metrics)"
same "every family is there once" "" "$(awk '$1 == "#" && $2 == "TYPE" { print $3 }' "$HOST/metrics" | sort | uniq -d)"

# ---- the figures ----
same "containers by state" "1 0 1" "$(for s in running paused stopped; do of berth_containers "state=\"$s\""; done | tr '\n' ' ' | sed 's/ $//')"
check "memory limit" value_is 67108864 berth_container_memory_limit_bytes 'name="web"'
check "limit of processes" value_is 50 berth_container_processes_limit 'name="web"'
check "CPU time is counted" poll 10 above 0.05 berth_container_cpu_seconds_total 'name="web"'
check "memory is" poll 10 above 8388608 berth_container_memory_usage_bytes 'name="web"'
same "a container that does not run has a state" 1 "$(of berth_container_state 'name="cold.one",state="created"')"
same "and no usage" "" "$(of berth_container_cpu_seconds_total 'name="cold.one"')"
in_host ping -c 3 -i 0.2 -q "$(field web .NetworkSettings.IPAddress)" >/dev/null
check "packets are counted on its interface" poll 5 above 2 berth_container_network_received_packets_total 'interface="eth0"'
d pause web >/dev/null
check "paused" value_is 1 berth_container_state 'state="paused"'
d unpause web >/dev/null
before=$(of berth_commands_total 'command="container pause",result="ok"')
same "a command is counted" 1 "$before"
d pause web >/dev/null 2>&1; d pause web >/dev/null 2>&1; d unpause web >/dev/null
metrics
same "with its result" "2 1" "$(of berth_commands_total 'command="container pause",result="ok"') $(of berth_commands_total 'command="container pause",result="refused"')"
same "and its time" 3 "$(of berth_command_duration_seconds_count 'command="container pause"')"
d run -d --name again --restart on-failure:2 busybox false >/dev/null
check "restarts" poll 20 value_is 2 berth_container_restarts_total 'name="again"'
d run --name greedy --memory 8m --memory-swap 8m busybox sh -c 'tail /dev/zero & wait; sleep 0.5' >/dev/null 2>&1
d run -d --name sick --health-cmd false --health-interval 100ms --health-retries 1 busybox sleep 1000 >/dev/null
check "health" poll 10 value_is 1 berth_container_health 'name="sick",health="unhealthy"'
d rm -f again greedy sick >/dev/null

# ---- whoever asks ----
seq 50 | xargs -P 50 -I{} curl -s -m 20 --unix-socket "$SOCK" -o "$HOST/many-{}" http://x/metrics
same "fifty at once: each has all of it" 50 "$(grep -l '^process_open_fds' "$HOST"/many-* | wc -l)"
timeout 2 curl -s --limit-rate 100 --unix-socket "$SOCK" -o /dev/null http://x/metrics
check "one that goes in the middle is no matter" metrics

seq 600 | xargs -P 4 -I{} curl -s -o /dev/null -H 'Content-Type: application/json' -d '{"Image":"busybox"}' --unix-socket "$SOCK" "http://x/containers/create?name=$(printf 'long%.0s' $(seq 25))-{}"
metrics
same "a long answer is whole" "600 1" "$(grep -c '^berth_container_restarts_total.*longlong' "$HOST/metrics") $(tail -1 "$HOST/metrics" | grep -c '^process_open_fds')"
same "and more than a queue holds" yes "$([ "$(stat -c %s "$HOST/metrics")" -gt 262144 ] && echo yes)"
curl -s -m 30 --limit-rate 400k --unix-socket "$SOCK" -o "$HOST/slow" http://x/metrics
same "also for who reads slowly" 1 "$(tail -1 "$HOST/slow" | grep -c '^process_open_fds')"
timeout 1 curl -s --limit-rate 1k --unix-socket "$SOCK" -o /dev/null http://x/metrics
d ps -aq -f name=longlong | xargs -n 200 "$QA_CLIENT" rm >/dev/null

# ---- at an address ----
scraped() { in_host curl -s -m 10 -o "$HOST/body" -w '%{http_code}' "http://127.0.0.1:9323$1"; }
same "the address gives them" 200 "$(scraped /metrics)"
same "and nothing else" "404 404 404" "$(for p in /containers/json /_ping /v1.41/info; do scraped $p; echo -n ' '; done | sed 's/ $//')"
same "nor is anything done there" 404 "$(in_host curl -s -o /dev/null -w '%{http_code}' -X POST http://127.0.0.1:9323/containers/web/kill)"
cat >"$HOST/prometheus.yml" <<EOF
global: {scrape_interval: 1s, evaluation_interval: 1s}
rule_files: [$REPO/packaging/prometheus/berth.rules.yml]
scrape_configs: [{job_name: berth, static_configs: [{targets: ['127.0.0.1:9323']}]}]
EOF
mkdir "$HOST/prometheus"
in_host prometheus --config.file "$HOST/prometheus.yml" --storage.tsdb.path "$HOST/prometheus" \
    --web.listen-address 127.0.0.1:9090 >"$HOST/prometheus.log" 2>&1 &
PROMETHEUS=$!
asked() { in_host curl -s -m 5 --data-urlencode "query=$1" http://127.0.0.1:9090/api/v1/query | jq -r '.data.result[0].value[1]'; }
is_asked() { [ "$(asked "$2")" = "$1" ]; }
check "Prometheus has scraped it" poll 15 is_asked 1 'up{job="berth"}'
check "and knows the container" poll 10 is_asked 1 'berth_container_info{name="web"}'
same "Prometheus' rules are sound" 10 "$(in_host curl -s http://127.0.0.1:9090/api/v1/rules | jq '[.data.groups[].rules[]] | map(select(.health != "err")) | length')"
asks() { grep -ohE '\b(berth|process)_[a-z_]+' "$REPO"/packaging/{prometheus,grafana}/* | grep -v '^berth_engine_info$' | sort -u; }
metrics
missing=$(for family in $(asks); do grep -qE "^# TYPE ${family%_bucket} " "$HOST/metrics" || echo "$family"; done)
same "every family that rules and dashboard ask for exists" "" "$missing"
check "the dashboard is JSON" jq -e '.panels | length > 5' "$REPO/packaging/grafana/berth.json"
engine_stop
check "an engine that is down is seen" poll 15 is_asked 0 'up{job="berth"}'
check "and its alert is pending" poll 15 is_asked 1 'ALERTS{alertname="BerthEngineDown",alertstate="pending"}'
engine_start --metrics-addr 127.0.0.1:9323
check "one that is back, too" poll 15 is_asked 1 'up{job="berth"}'
kill "$PROMETHEUS"; wait "$PROMETHEUS" 2>/dev/null

# ---- addresses that are none ----
for address in nonsense 127.0.0.1 host:9323 127.0.0.1:99999 ':' '[::1]'; do
    out=$(in_host timeout 10 "$BERTH_BIN/berthd" --metrics-addr "$address" --data-root "$HOST/d2" --exec-root "$HOST/e2" -H "unix://$HOST/e2.sock" 2>&1); rc=$?
    same "refused: $address" "1 yes" "$rc $(grep -q 'invalid address' <<<"$out" && echo yes)"
done
engine_sound
finish
