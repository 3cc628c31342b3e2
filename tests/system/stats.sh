#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# docker stats: Docker's JSON to the field, the first answer at once, one sampler for all who watch.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/census.sh && . ../lib/qa.sh
qa_up
b() { in_host "$BERTH" "$@"; }
cd "$HOST" || exit 1
d run -d --name busy -m 64m --pids-limit 50 busybox sh -c 'while :; do :; done' >/dev/null
d run -d --name idle busybox sleep 1000 >/dev/null
d create --name made busybox true >/dev/null
q() { printf %s "$BODY" | jq -r "$1"; }
now() { echo "${EPOCHREALTIME/./}"; }

T=$(now); api GET '/containers/busy/stats?stream=0'; T=$(($(now) - T))
check "one answer comes at once ($((T / 1000)) ms)" [ $T -lt 1500000 ]
same "its fields" "blkio_stats cpu_stats id memory_stats name networks num_procs pids_stats precpu_stats preread read storage_stats" "$(q 'del(.pressure_stats) | keys | join(" ")')"
same "of cpu" "cpu_usage online_cpus system_cpu_usage throttling_data" "$(q '.cpu_stats | keys | join(" ")')"
like "of its use" "^(percpu_usage )?total_usage usage_in_kernelmode usage_in_usermode$" "$(q '.cpu_stats.cpu_usage | keys | join(" ")')"
same "of throttling" "periods throttled_periods throttled_time" "$(q '.cpu_stats.throttling_data | keys | join(" ")')"
same "of block I/O" "io_merged_recursive io_queue_recursive io_service_bytes_recursive io_service_time_recursive io_serviced_recursive io_time_recursive io_wait_time_recursive sectors_recursive" "$(q '.blkio_stats | keys | join(" ")')"
same "of a network" "rx_bytes rx_dropped rx_errors rx_packets tx_bytes tx_dropped tx_errors tx_packets" "$(q '.networks.eth0 | keys | join(" ")')"
same "the interfaces of the container alone" "eth0" "$(q '.networks | keys | join(" ")')"
same "name, limits" "/busy 67108864 50" "$(q '"\(.name) \(.memory_stats.limit) \(.pids_stats.limit)"')"
same "its id" "$(field busy .Id)" "$(api GET '/containers/busy/stats?stream=0'; q .id)"
check "it burns a processor" [ "$(q '((.cpu_stats.cpu_usage.total_usage - .precpu_stats.cpu_usage.total_usage) * 100 * .cpu_stats.online_cpus / (.cpu_stats.system_cpu_usage - .precpu_stats.system_cpu_usage)) | . > 10')" = true ]
check "memory is used" [ "$(q '.memory_stats.usage > 100000 and (.memory_stats.stats | length > 10)')" = true ]
check "processes" [ "$(q '.pids_stats.current >= 1')" = true ]
api GET '/containers/busy/stats?stream=0&one-shot=1'
same "one-shot has nothing before it" "0 0001-01-01T00:00:00Z null" "$(q '"\(.precpu_stats.cpu_usage.total_usage) \(.preread) \(.precpu_stats.system_cpu_usage)"')"
api_is "a stream of one shot is refused" 400 "cannot have stream=true and one-shot=true" GET '/containers/busy/stats?one-shot=1&stream=1'
api_is "no such container" 404 "No such container" GET '/containers/nix/stats?stream=0'
api GET '/containers/made/stats?stream=0'
same "one that does not run gives zeros" "200 /made 0 {} 0001-01-01T00:00:00Z" "$STATUS $(q '"\(.name) \(.cpu_stats.cpu_usage.total_usage) \(.memory_stats) \(.read)"')"
d exec idle sh -c 'ping -c 3 -i 0.1 "$(ip route | sed -n "s/default via \([^ ]*\).*/\1/p")" >/dev/null'
api GET '/containers/idle/stats?stream=0'
check "bytes of the network" [ "$(q '.networks.eth0 | .rx_bytes > 200 and .tx_bytes > 200')" = true ]
d run -d --name hostnet --network host busybox sleep 1000 >/dev/null 2>&1
api GET '/containers/hostnet/stats?stream=0'; same "the host's network is not the container's" null "$(q .networks)"

# ---- streams
stream() { timeout "$1" curl -sN --unix-socket "$SOCK" "http://x/containers/$2/stats"; }
stream 2.6 busy >s1
like "a stream gives one a second, the first at once" '^[234]$' "$(wc -l <s1)"
same "each is compared with the one before" "$(sed -n 1p s1 | jq -r .read)" "$(sed -n 2p s1 | jq -r .preread)"
# Ten watch the same: one look a second for all of them.
W=(); for i in $(seq 10); do stream 3.3 busy >"m$i" & W+=($!); done; wait "${W[@]}"
same "ten who watch see the same looks" 1 "$(for i in $(seq 10); do tail -n +2 "m$i" | head -2 | tail -1 | jq -r .read; done | sort -u | wc -l | awk '{ print $1 <= 2 ? 1 : $1 }')"
stream 20 idle >gone & W=$!
poll 5 test -s gone; d rm -f idle >/dev/null
wait $W; same "the stream ends with the container" 0 $?
d run -d --name again busybox sleep 1000 >/dev/null
stream 5 again >cycle & W=$!
poll 5 test -s cycle; d stop -t 0 again >/dev/null
check "while it does not run there are zeros" poll 5 eval 'tail -1 cycle | jq -e ".memory_stats == {}"'
d start again >/dev/null
check "and figures again when it runs" poll 5 eval 'tail -1 cycle | jq -e ".memory_stats.usage > 0"'
{ kill $W; wait $W; } 2>/dev/null

# ---- the command lines
like "berth stats --no-stream" "busy +[0-9]+\.[0-9]+% +[0-9.]+[KM]iB / 64MiB" "$(b stats --no-stream busy)"
same "the docker CLI shows the same columns" "$(d stats --no-stream busy | head -1 | tr -s ' ' | sed 's/ $//')" "$(b stats --no-stream busy | head -1 | tr -s ' ' | sed 's/ $//')"
same "-a shows all" "4" "$(b stats --no-stream -a | tail -n +2 | wc -l)"
same "--format" "busy:50" "$(b stats --no-stream --format '{{.Name}}:50' busy)"
same "--sort" "busy hostnet" "$(b stats --no-stream --sort cpu --format '{{.Name}}' hostnet busy | tr '\n' ' ' | sed 's/ $//')"
same "--sort name" "busy hostnet" "$(b stats --no-stream --sort name --format '{{.Name}}' hostnet busy | tr '\n' ' ' | sed 's/ $//')"
fails "--sort what is no column" "it is cpu, mem" b stats --no-stream --sort x
# Pressure: cgroup v1 has none.
api GET /info; V=$(q .CgroupVersion)
psi() { b stats --no-stream "$@" 2>&1; }
like "--psi" "CPU PRESSURE +MEM PRESSURE +I/O PRESSURE" "$(psi --psi busy)"
if [ "$V" = 2 ]; then
    like "what it is" "^[0-9.]+% [0-9.]+% [0-9.]+%$|-- -- --$" "$(psi --format '{{.CPUPressure}} {{.MemoryPressure}} {{.IOPressure}}' busy)"
else
    same "without cgroup v2 there is none, which is said once" "WARNING: the engine tells no pressure: that needs cgroup v2 and a kernel with PSI (psi=1)|-- -- --|-- -- --" \
        "$(psi --format '{{.CPUPressure}} {{.MemoryPressure}} {{.IOPressure}}' busy hostnet | paste -sd'|')"
    same "nothing is said of one that does not run" "--" "$(psi --format '{{.CPUPressure}}' made)"
fi
same "members of the JSON only where they are asked for" "false true" "$(b stats --no-stream --format json busy | jq 'has("IOPressure")') $(b stats --no-stream --psi --format json busy 2>/dev/null | jq 'has("IOPressure")')"
like "it burns a processor there, too" "^[1-9][0-9]+\." "$(b stats --no-stream --format '{{.CPUPerc}}' busy)"
like "a live table" "busy.*busy" "$(timeout 3 script -qec "$BERTH stats busy" /dev/null | tr -d '\n')"

# ---- 200 rows: a frame is no larger than the screen, and drawn over the one before
seq 197 | xargs -P 4 -I{} curl -fs -o /dev/null --unix-socket "$SOCK" -X POST -H 'Content-Type: application/json' -d '{"Image":"busybox","Cmd":["true"],"Labels":{"many":"1"}}' 'http://x/containers/create'
n=$(b stats --no-stream -a | wc -l)
screen() { in_host python3 "$BERTH_SRC/tests/system/stats_screen.py" "$@" "$BERTH" stats -a | paste -sd' '; }
same "in 40 rows of 60 columns" "cleared 1 times frames several lines [40] too wide 0 last ['... and $((n - 39)) more']" "$(screen 40 60 8)"
same "in 400 rows of 200 columns" "cleared 1 times frames several lines [$n] too wide 0 last ['a container']" "$(screen 400 200 8)"
d ps -aqf label=many | xargs /usr/bin/docker rm >/dev/null

# ---- whatever state it is in
d run -d --name below --cgroup-parent /berth-stats -m 48m busybox sleep 1000 >/dev/null
d run -d --name paused -m 32m busybox sh -c 'while :; do :; done' >/dev/null; d pause paused >/dev/null
d run -d --name ended busybox true >/dev/null; d wait ended >/dev/null
d run -d --name failing --restart always busybox false >/dev/null
poll 20 state_is failing restarting # for ever longer
like "with --cgroup-parent" "^below 0.00% [1-9][0-9.]*KiB / 48MiB 1$" "$(d stats --no-stream --format '{{.Name}} {{.CPUPerc}} {{.MemUsage}} {{.PIDs}}' below)"
like "paused: no time, but its memory" "^paused 0.00% [1-9][0-9.]*KiB / 32MiB 1$" "$(d stats --no-stream --format '{{.Name}} {{.CPUPerc}} {{.MemUsage}} {{.PIDs}}' paused)"
same "ended: zeros" "ended 0.00% 0B / 0B 0" "$(d stats --no-stream --format '{{.Name}} {{.CPUPerc}} {{.MemUsage}} {{.PIDs}}' ended)"
like "between two starts there is an answer" "^failing [0-9.]+% " "$(d stats --no-stream --format '{{.Name}} {{.CPUPerc}} {{.MemUsage}} {{.PIDs}}' failing)"
same "all who run, and no others, without names" "$(d ps --format '{{.Names}}' | grep -v failing | sort | paste -sd' ')" "$(d stats --no-stream --format '{{.Name}}' | grep -v failing | sort | paste -sd' ')"
d unpause paused >/dev/null; d rm -f paused below ended failing >/dev/null
engine_stop
same "the engine ends while nobody watches" "" "$(grep -E 'Sanitizer|Assertion' engine.log)"
engine_start; stream 5 busy >last & poll 5 test -s last; engine_stop
check "and while somebody does" test ! -S "$SOCK" -o -z "$(pgrep -f "$HOST/data" | head -1)"
finish
