#!/bin/bash
# Where containers' cgroups are: --cgroup-parent of a container and of the engine, and a cgroup that
# was delegated to the engine. cgroup v1 here, in_vm_cgroups.sh has v2 and systemd's slices.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/census.sh && . ../lib/qa.sh
CG=/sys/fs/cgroup
grep -q ' cgroup .*memory' /proc/mounts || { echo "1..0 # SKIP cgroup v1 only"; exit 0; }
qa_up
where() { sed -n 's/^[0-9]*:memory://p' "/proc/$(field "$1" .State.Pid)/cgroup"; }
places() { sed '/^0::/d; s/^[0-9]*:[^:]*://' "/proc/$(field "$1" .State.Pid)/cgroup" | sort -u; } # in all hierarchies
own=$(d run -d --name plain busybox sleep 1000) && own=$(where plain) && own=${own%/*} && id=$(field plain .Id)
same "no parent: the engine's own cgroup" "$own/$id" "$(where plain)"

# ---- a parent of a container ----
d run -d --name far --cgroup-parent /tests/far -m 64m --cpuset-cpus 0 busybox sleep 1000 >/dev/null
id=$(field far .Id)
same "an absolute parent, in every hierarchy" "/tests/far/$id" "$(places far)"
same "inspect shows it" /tests/far "$(field far .HostConfig.CgroupParent)"
same "its limits hold" "67108864 0" "$(cat $CG/memory/tests/far/$id/memory.limit_in_bytes) $(cat $CG/cpuset/tests/far/$id/cpuset.cpus)"
same "exec is there" "/tests/far/$id" "$(d exec far sed -n 's/^[0-9]*:memory://p' /proc/self/cgroup)"
like "top sees it" "sleep 1000" "$(d top far)"
check "pause" d pause far
same "pause freezes it" FROZEN "$(cat $CG/freezer/tests/far/$id/freezer.state)"
engine_kill; engine_start || { not_ok "engine starts"; finish; exit 1; }
same "the next engine finds it paused" paused "$(field far .State.Status)"
check "unpause" d unpause far
check "update" d update -m 32m --memory-swap 64m far
same "update changes it" 33554432 "$(cat $CG/memory/tests/far/$id/memory.limit_in_bytes)"
d run -d --name near --cgroup-parent tests/near busybox sleep 1000 >/dev/null
same "a relative parent is below the engine's own" "$own/tests/near/$(field near .Id)" "$(where near)"
engine_kill; engine_start || { not_ok "engine starts"; finish; exit 1; }
same "the next engine does not take a parent for a left-over" running "$(field near .State.Status)"
mkdir $CG/*/theirs 2>/dev/null; mkdir -p $CG/memory/theirs
d run -d --name theirs --cgroup-parent /theirs busybox sleep 1000 >/dev/null
same "a parent that is there" "/theirs/$(field theirs .Id)" "$(where theirs)"
d rm -f far near theirs >/dev/null
exists() { [ -n "$(find $CG -maxdepth 3 -path "*/$1" -print -quit)" ]; }
gone_all() { ! exists tests && ! exists "${own#/}/tests"; }
check "parents that were made are removed with the last container" poll 5 gone_all
check "one that was there stays" exists theirs
rmdir $CG/*/theirs

# ---- one that comes while another goes ----
churn() { for _ in $(seq 8); do d run --rm --cgroup-parent /tests/churn busybox true || echo failed; done; }
churn >"$HOST/churn1" 2>&1 &
one=$!
churn >"$HOST/churn2" 2>&1
wait $one
same "two that make and remove one parent" "" "$(cat "$HOST"/churn?)"
check "and nothing is left" poll 5 gone_all

# ---- an engine that dies ----
d run -d --name dies --cgroup-parent /tests/dies busybox sleep 1000 >/dev/null
pid=$(field dies .State.Pid) keeper=$(keeper_pid)
engine_kill
kill -KILL "$keeper" "$pid"
poll 5 eval '! is_alive $pid'
engine_start || { not_ok "engine starts"; finish; exit 1; }
check "what a dead engine has left below a parent is removed" poll 5 gone_all

# ---- refused ----
refused() { fails "refused: ${2//[$'\n']/ }" "$1" d create --cgroup-parent "$2" busybox true; }
refused 'leads elsewhere or is hidden' /a/../b
refused 'leads elsewhere or is hidden' ..
refused 'leads elsewhere or is hidden' /a/./b
refused "is a container's own cgroup" "$own/$(field plain .Id)"
refused 'longer than 255' "/$(printf '%0300d' 0)"
refused 'control characters' $'/a\nb'
refused 'slices need cgroup v2, and this host has v1' batch.slice
refused 'a slice is a name without a path' /batch.slice
refused 'a slice is a name without a path' a--b.slice
rc "create refuses, not start" 125 d run --rm --cgroup-parent /a/../b busybox true
same "nothing is left of what was refused" "" "$(d ps -aq --filter status=created)"
d rm -f plain dies >/dev/null
engine_stop

# ---- the engine's own ----
engine_start --cgroup-parent /deep/er || { not_ok "engine starts"; finish; exit 1; }
d run -d --name own busybox sleep 1000 >/dev/null
same "berthd --cgroup-parent: a path" "/deep/er/$(field own .Id)" "$(where own)"
d rm -f own >/dev/null
keeper=$(keeper_pid)
engine_stop
check "it goes with the engine" poll 5 eval '! exists deep'

# ---- delegated ----
hierarchies=$(awk '$3 == "cgroup" { print $2 }' /proc/mounts)
for h in $hierarchies; do mkdir "$h/given"; done
for f in cpus mems; do cat $CG/cpuset/cpuset.$f >$CG/cpuset/given/cpuset.$f; done
for h in $hierarchies; do
    python3 -c 'import os, sys; os.setxattr(sys.argv[1], "trusted.delegate", b"1")' "$h/given"
done
before=$(find $CG -maxdepth 2 -type d | sort)
( for h in $hierarchies; do echo $BASHPID >"$h/given/cgroup.procs"; done
  engine_start && echo "$ENGINE_PID" >"$HOST/engine_pid" ) || not_ok "engine starts"
ENGINE_PID=$(cat "$HOST/engine_pid")
d run -d --name in busybox sleep 1000 >/dev/null
d run -d --name abs --cgroup-parent /x/y busybox sleep 1000 >/dev/null
like "delegated: the engine's own is below" "^/given/berth[^/]*/$(field in .Id)\$" "$(where in)"
same "delegated: an absolute parent, too" "/given/x/y/$(field abs .Id)" "$(places abs)"
same "delegated: nothing is made above" "$before" "$(find $CG -maxdepth 2 -type d | sort)"
d rm -f in abs >/dev/null
kill -TERM "$ENGINE_PID"; poll 5 eval '! is_alive $ENGINE_PID'
ENGINE_PID=
finish
