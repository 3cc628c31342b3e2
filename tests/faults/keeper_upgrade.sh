#!/bin/bash
# The keeper becomes another build many times under a storm of starts, exits and execs: it keeps its
# pid, nothing is lost, every exit code is right, streams go on. Bad binaries change nothing.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/census.sh && . ../lib/qa.sh
UPGRADES=${UPGRADES:-24} # an even number: the last is not the one that comes then
seed
trap host_down EXIT
host_up
images_make
mkdir "$HOST/bin"
export BERTH_KEEPER=$HOST/bin/berth-keeper
cp "$BERTH_BIN/berth-keeper" "$HOST/one"
cp "$HOST/one" "$HOST/two" && echo "another build" >>"$HOST/two"

install_keeper() { cp "$1" "$HOST/bin/new" && chmod +x "$HOST/bin/new" && mv "$HOST/bin/new" "$BERTH_KEEPER"; }
reload() { kill -HUP "$ENGINE_PID"; }
upgraded() { grep -c "the keeper was upgraded in place" "$HOST/engine.log"; }
refused() { grep -c "the keeper could not be upgraded" "$HOST/engine.log"; }
reaches() { [ "$("$1")" -ge "$2" ]; }

install_keeper "$HOST/one"
engine_start || { not_ok "engine starts"; finish; exit 1; }
in_host "$BERTH" load -q -i "$IMAGES/busybox.tar" >/dev/null
KEEPER=$(keeper_pid)

in_host "$BERTH" run --rm --network none busybox true
settled
census_stable >"$HOST/before"

python3 storm.py "$SOCK" "$HOST/stop" >"$HOST/storm" 2>&1 &
STORM=$!
check "the storm begins" poll 10 test -e "$HOST/stop.ready"
n=0
while [ $n -lt "$UPGRADES" ]; do
    n=$((n + 1))
    if [ $((n % 2)) = 1 ]; then install_keeper "$HOST/two"; else install_keeper "$HOST/one"; fi
    reload
    poll 5 reaches upgraded $n || break
    sleep "0.$((RANDOM % 4))"
done
same "upgrades in place" "$UPGRADES" "$(upgraded)"
same "the keeper is the same process" "$KEEPER" "$(keeper_pid)"
check "and runs" is_alive "$KEEPER"

n=0
for bad in empty garbage /bin/true /bin/sleep; do
    n=$((n + 1))
    case $bad in
    empty) : >"$HOST/bad" ;;
    garbage) head -c 5000 /dev/urandom >"$HOST/bad" ;;
    *) cp "$bad" "$HOST/bad" ;;
    esac
    install_keeper "$HOST/bad"
    reload
    poll 6 reaches refused $n
done
same "bad binaries are refused" 4 "$(refused)"
touch "$HOST/stop"
wait $STORM
echo "# $(cat "$HOST/storm")"
same "nothing went wrong in the storm" 0 "$(jq .n_bad "$HOST/storm")"
check "containers were run" test "$(jq .counts.runs "$HOST/storm")" -gt 20
check "execs were run" test "$(jq .counts.execs "$HOST/storm")" -gt 20
check "streams were used" test "$(jq .counts.echoes "$HOST/storm")" -gt 500

# The engine ends in the middle of everything; the next one finds a keeper that was upgraded often,
# and its own binary is another one.
install_keeper "$HOST/two"
engine_kill
engine_start || not_ok "engine starts again"
n=$((UPGRADES + 1))
check "an engine with another keeper binary upgrades it when it connects" poll 5 reaches upgraded $n
same "four containers still run" 4 "$(in_host "$BERTH" ps -q | wc -l)"
like "streams and logs go on" "pipe True tty True writer [0-9]+" "$(python3 storm.py "$SOCK" --check | tr '\n' ' ')"
in_host "$BERTH" kill keep-main >/dev/null
same "and of a killed one" 137 "$(in_host "$BERTH" wait keep-main)"
containers_clear
settled
census_back "the census is as before" "$HOST/before"
finish
