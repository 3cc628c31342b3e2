#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Create, start, connect, disconnect, restart and remove, eight at a time, on mixed networks with
# published ports, while the engine is killed at random moments. After every takeover, and at the
# end: leases, links, namespaces, rules, sockets and descriptors are those of the two containers
# that stay.    NET_CYCLES=2000 SEED=n net_cycles.sh
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/census.sh && . ../lib/qa.sh
case $BERTH_BIN in *debug*) CYCLES=${NET_CYCLES:-300} ;; *) CYCLES=${NET_CYCLES:-600} ;; esac
seed
qa_up
# No client of ours has one of the cycles' ports at its own end, where it would be in the way.
in_host sh -c 'echo 41000-41999 >/proc/sys/net/ipv4/ip_local_reserved_ports'
d network create neta >/dev/null
d network create netb >/dev/null
d run -d --name stay-a --network neta --network-alias web -p 40080:80 busybox httpd -f -p 80 -h /etc >/dev/null
d run -d --name stay-b --network neta -p 40090:80 busybox sleep 100000 >/dev/null

# What must be the same whenever nothing is going on.
shape() {
    local objects
    objects=$(curl -s --unix-socket "$SOCK" http://x/debug/objects)
    echo "containers $(printf '%s' "$objects" | jq -c '[.containers[] | .name] | sort')"
    echo "addresses $(printf '%s' "$objects" | jq -c '[.networks[] | [.name, .endpoints, .free_addresses]] | sort')"
    echo "published $(printf '%s' "$objects" | jq -c '[.net.published, .net.published_sockets, .net.expected_sockets, .net.proxy_fds]')"
    # every veth belongs to a prepared namespace or to one of those that stay
    echo "veths beside the pool $(($(in_host ip -o link show type veth | wc -l) - $(printf '%s' "$objects" | jq '[.net.bridges[].prepared] | add')))"
    echo "bridges $(in_host ip -o link show type bridge | awk -F': ' '{print $2}' | sort | tr '\n' ' ')"
    echo "listening $(in_host ss -Hltun | awk '{print $1, $5}' | sort | tr '\n' ' ')"
    echo "rules $(own_rules | sed 's/berth_[0-9a-f]*//' | sha256sum)"
    echo "keeper-fds $(ls "/proc/$(keeper_pid)/fd" | wc -l)"
    echo "processes $(pgrep -c -P "$(keeper_pid)")"
    echo "cgroups $(own_cgroups | wc -l)"
    echo "trash $(find "$HOST/data/trash" -mindepth 1 -maxdepth 1 2>/dev/null | wc -l)"
    echo "directories $(find "$HOST/data/containers" -mindepth 1 -maxdepth 1 | wc -l)"
    echo "exec-root $(find "$HOST/exec" | grep -vc 'berth.sock\|spool')"
}
is_clean() { shape >"$HOST/now" && diff "$HOST/clean" "$HOST/now" >"$HOST/diff"; }
serves() { in_host curl -fs -m 3 -o /dev/null http://127.0.0.1:40080/hostname; }
names() { d exec stay-b nslookup web 127.0.0.11 2>/dev/null | grep -q '^Name'; }

check "the two that stay serve" poll 5 serves
check "and are named" poll 5 names
settled
shape >"$HOST/clean"
check "at rest nothing changes" poll 10 is_clean
python3 net_cycles.py "$SOCK" "$CYCLES" 8 "$HOST/gate" "$HOST/done" 2>"$HOST/driver" &
DRIVER=$!
trap 'kill $DRIVER 2>/dev/null; host_down' EXIT

kills=0 dirty=0 silent=0 slow=0
begun=${EPOCHREALTIME/./}
while [ ! -e "$HOST/done" ] && kill -0 $DRIVER 2>/dev/null; do
    sleep $((RANDOM % 2)).$((RANDOM % 10))$((RANDOM % 10))
    [ ! -e "$HOST/done" ] || break
    engine_kill
    engine_start || break
    kills=$((kills + 1))
    touch "$HOST/gate"
    poll 60 eval '[ -e "$HOST/gate.quiet" ] || [ -e "$HOST/done" ]' || slow=$((slow + 1))
    if ! poll 15 is_clean; then
        dirty=$((dirty + 1))
        [ $dirty -gt 3 ] || { echo "# after kill $kills:"; sed 's/^/#   /' "$HOST/diff"; }
        cp "$HOST/now" "$HOST/clean" # what is found once is not counted again
    fi
    serves && names || silent=$((silent + 1))
    rm -f "$HOST/gate.quiet" "$HOST/gate"
done
rm -f "$HOST/gate"
wait $DRIVER
result=$(cat "$HOST/done" 2>/dev/null || cat "$HOST/driver")
echo "# $CYCLES cycles, $kills kills in $(((${EPOCHREALTIME/./} - begun) / 1000000)) s: $result"
same "every cycle ended" "$CYCLES" "$(printf '%s' "$result" | jq .cycles 2>/dev/null)"
same "no request was answered wrongly" "[]" "$(printf '%s' "$result" | jq -c .wrong 2>/dev/null)"
if [ $kills -ge 3 ]; then ok "the engine was killed often"; else not_ok "the engine was killed often" "$kills"; fi
same "takeovers that left something" 0 $dirty
same "those that stay were served and named after each" 0 $silent
same "the driver came to rest each time" 0 $slow
settled
check "at the end all is as it was" poll 15 is_clean
[ ! -s "$HOST/diff" ] || sed 's/^/#   /' "$HOST/diff"
d rm -f stay-a stay-b >/dev/null
d network rm neta netb >/dev/null
engine_sound
finish
