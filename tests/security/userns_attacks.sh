#!/bin/bash
# The root of a user namespace is nobody on the host: with every capability and without a filter it
# does nothing there, nor to files of others, nor to containers with other ids.
. "$(dirname "$0")/kit.sh"
D=$BERTH_BIN/berth
for f in subuid subgid; do [ -e /etc/$f ] || : >/etc/$f; done
echo "berth:1000000:196608" >/tmp/berth-subid
mount --bind /tmp/berth-subid /etc/subuid && mount --bind /tmp/berth-subid /etc/subgid
security_up
mkdir -m 755 "$HOST/bound" "$HOST/bin"
cp "$BERTH_BIN/outsider" "$HOST/bin/"
echo secret >"$HOST/bound/of-another"; chmod 600 "$HOST/bound/of-another"; chown 3000000:3000000 "$HOST/bound/of-another"
echo own >"$HOST/bound/own"

# ---- all capabilities, no filter, nothing masked ----
tries=$(run --userns auto --cap-add ALL --security-opt seccomp=unconfined -v "$HOST/bound:/bound" -v "$HOST/bin:/x:ro" busybox \
    sh -c 'umount /proc/sys /proc/sysrq-trigger 2>/dev/null; mount -o remount,rw /sys 2>/dev/null; /x/outsider tries')
done_of() { printf '%s\n' "$tries" | grep -E 'DONE$' | grep -v -e '^a disk'; }
same "nothing of what only the host's root may" "" "$(done_of)"
same "all was tried" 19 "$(printf '%s\n' "$tries" | grep -cE '^[^:]+: (E[A-Z]+|DONE)$')"
same "another's file is as it was" "3000000:3000000:600 secret" "$(stat -c %u:%g:%a "$HOST/bound/of-another") $(cat "$HOST/bound/of-another")"

# ---- what root makes set-user-ID in a shared place is its own namespace's root elsewhere ----
$D run -d --name one --userns auto -v shared:/shared -v "$HOST/bin:/x:ro" busybox sleep 1000 >/dev/null
$D run -d --name two --userns auto -v shared:/shared busybox sleep 1000 >/dev/null
$D exec one sh -c 'cp /x/outsider /shared/suid; chmod 4755 /shared/suid'
$D exec -d -u 1000 two /shared/suid stay
poll 5 pgrep -f '^/shared/suid stay'
euid() { awk '/^Uid/ { print $3 }' "/proc/$1/status"; }
root_of() { awk '{ print $2 }' "/proc/$($D inspect -f '{{.State.Pid}}' "$1")/uid_map"; }
same "run in another container: root of that one" "$(root_of two)" "$(euid "$(pgrep -f '^/shared/suid stay')")"
check "which is not the first one's" [ "$(root_of one)" != "$(root_of two)" ]
same "a volume's folder is closed to the host's users" "" "$(setpriv --reuid 65534 --clear-groups ls "$HOST/data/volumes/shared/_data" 2>/dev/null)"

# ---- containers do not reach each other ----
like "a process of another's ids is not to be killed" 'No such process|not permitted' \
    "$($D exec one kill -9 "$($D inspect -f '{{.State.Pid}}' two)" 2>&1)"
P1=$($D inspect -f '{{.State.Pid}}' one) P2=$($D inspect -f '{{.State.Pid}}' two)
as_root_of_one() { nsenter -t "$P1" -U --preserve-credentials -S 0 -G 0 -- "$@"; } # sees the host's processes, with the ids of one
check "even by who sees it" eval '! as_root_of_one kill -9 $P2 2>/dev/null && kill -0 $P2'
same "its memory and its root are closed" "" "$(as_root_of_one cat "/proc/$P2/environ" "/proc/$P2/maps" 2>/dev/null; as_root_of_one ls "/proc/$P2/root/" 2>/dev/null)"
same "so are those of the engine and the keeper" "" "$(as_root_of_one ls "/proc/$ENGINE_PID/root/" "/proc/$(keeper_pid)/root/" 2>/dev/null)"
check "and its namespaces" eval '! as_root_of_one nsenter -t $P2 -U true 2>/dev/null'
untouched "after all"
check "the engine lives" alive
finish
