#!/bin/bash
# Limits that are a part of what somebody else has: real-time budgets, and huge pages in the sizes of
# the kernel. cgroup v1; in_vm_cgroups.sh has v2.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/census.sh && . ../lib/qa.sh
expect_500 'unable to give a cpu-rt-runtime' 'the parent cgroup has less'
CPU=/sys/fs/cgroup/cpu
[ -e "$CPU/cpu.rt_runtime_us" ] || { echo "1..0 # SKIP no real-time budgets in this kernel"; exit 0; }
qa_up
cg() { cat "$CPU$(sed -n 's/^[0-9]*:cpu://p' "/proc/$(field "$1" .State.Pid)/cgroup")/$2"; }
refused() { local name=$1 regex=$2; shift 2; fails "$name" "$regex" d create --name refused "$@" busybox true; }
update() { api POST /containers/rt/update "$1"; echo "$STATUS $BODY"; }

# ---- no budget ----
like "--cpu-rt-runtime: the parent has none" 'cpu-rt-runtime of 20000 us in 1000000 us is more than the parent cgroup has: 0 us in 1000000 us; .*berthd --cpu-rt-runtime' \
    "$(d create --cpu-rt-runtime 20000 busybox true 2>&1)"
rc "it is create that refuses" 125 d run --rm --cpu-rt-runtime 20000 busybox true
refused "more runtime than period" 'runtime cannot be higher than cpu real-time period' --cpu-rt-runtime 20000 --cpu-rt-period 10000
like "negative" '^400' "$(api POST /containers/create '{"Image":"busybox","HostConfig":{"CpuRealtimeRuntime":-5}}'; echo "$STATUS$BODY")"
check "a period alone needs no budget" d run --rm --cpu-rt-period 500000 busybox true
same "nothing is left of what was refused" "" "$(d ps -aq)"
keeper=$(keeper_pid); engine_stop
timeout 10 "$BERTH_BIN/berthd" -H "unix://$HOST/x.sock" --data-root "$HOST/x" --exec-root "$HOST/y" --cpu-rt-runtime 50000 >"$HOST/log" 2>&1
like "berthd --cpu-rt-runtime: the cgroup above has none" 'real-time budget of 50000 us in 1000000 us \(the cgroup above, .*, must have that much in cpu.rt_runtime_us' "$(cat "$HOST/log")"
kill "$(cat "$HOST/y/keeper.pid" 2>/dev/null)" 2>/dev/null

# ---- one that is handed down ----
echo 100000 >$CPU/cpu.rt_runtime_us
engine_start --cpu-rt-runtime 50000 --cpu-rt-period 500000 || { not_ok "engine starts"; finish; exit 1; }
realtime() { d run --rm --cap-add SYS_NICE -v /usr:/usr:ro -v /lib:/lib:ro -v /lib64:/lib64:ro "$@" busybox /usr/bin/chrt -f 1 echo runs 2>&1 | tail -1; }
hierarchy=
like "without a budget nothing runs in real time" "not permitted" "$(realtime)"
same "with one it does" "runs" "$(realtime --cpu-rt-runtime 20000 2>&1)"
like "another parent has its own, or none" 'more than the parent cgroup has: 0 us .*another by its cpu.rt_runtime_us' "$(d create --cpu-rt-runtime 20000 --cgroup-parent /tests/rt busybox true 2>&1)"
d run -d --name rt --cpu-rt-runtime 20000 --cpu-rt-period 400000 busybox sleep 1000 >/dev/null
same "the files" "20000 400000" "$(cg rt cpu.rt_runtime_us) $(cg rt cpu.rt_period_us)"
refused "more than the parent's share" 'cpu-rt-runtime of 60000 us in 500000 us is more than the parent cgroup has: 50000 us in 500000 us' --cpu-rt-runtime 60000 --cpu-rt-period 500000
like "update" '^200' "$(update '{"CpuRealtimeRuntime":5000,"CpuRealtimePeriod":100000}')"
same "update: the files, also where the old runtime were more than the new period has" "5000 100000" "$(cg rt cpu.rt_runtime_us) $(cg rt cpu.rt_period_us)"
like "update: more than the parent has" '^400.*more than the parent cgroup has' "$(update '{"CpuRealtimeRuntime":90000}')"
d run -d --name other --cpu-rt-runtime 20000 --cpu-rt-period 500000 busybox sleep 1000 >/dev/null
like "start: others have taken it" 'unable to give a cpu-rt-runtime of 40000 us: others have taken' "$(d run --rm --cpu-rt-runtime 40000 --cpu-rt-period 500000 busybox true 2>&1)"
d rm -f rt other >/dev/null 2>&1
d rm -f $(d ps -aq) >/dev/null 2>&1

# ---- huge pages ----
huge() { api POST /containers/create '{"Image":"busybox","Cmd":["sleep","1000"],"HostConfig":{"Hugetlbs":'"$1"'}}'; echo "$STATUS $BODY"; }
two=/sys/kernel/mm/hugepages/hugepages-2048kB
if [ -d $two ]; then
    grep -q hugetlb /proc/self/mountinfo ||
        like "no controller: a warning says which" 'Hugetlb limit discarded. Reason: cgroup v1.s hugetlb controller is not mounted' "$(huge '[{"PageSize":"2MB","Limit":4194304}]')"
    containers_clear; engine_stop
    mkdir "$HOST/hugetlb" # only the first cgroup namespace makes a hierarchy
    mount -t cgroup -o hugetlb hugetlb "$HOST/hugetlb" 2>/dev/null && hierarchy=1
    engine_start || { not_ok "engine starts"; finish; exit 1; }
    files() { echo $(cat "$HOST/hugetlb"/berth*/"$1"/hugetlb.2MB.{,rsvd.}limit_in_bytes); }
    id=$("$BERTH" create --hugetlb-limit 2m:4m busybox sleep 1000 2>/dev/null) && d start "$id" >/dev/null
    [ -z "$hierarchy" ] || same "--hugetlb-limit: pages in use and reserved" "4194304 4194304" "$(files "$id")"
    same "inspect shows it" '[{"PageSize":"2m","Limit":4194304}]' "$(field "$id" '.HostConfig.Hugetlbs|tojson')"
    api POST "/containers/$id/update" '{"Hugetlbs":[{"PageSize":"2m","Limit":8388608}]}'
    [ -z "$hierarchy" ] || same "update" "200 8388608 8388608" "$STATUS $(files "$id")"
    same "update: shown" '[{"PageSize":"2m","Limit":8388608}]' "$(field "$id" '.HostConfig.Hugetlbs|tojson')"
    id=$("$BERTH" create --hugetlb-limit 0 busybox sleep 1000 2>/dev/null) && d start "$id" >/dev/null
    [ -z "$hierarchy" ] || same "--hugetlb-limit: the default size, and none at all" "0 0" "$(files "$id")"
    like "a size that the kernel lacks" '^400.*no huge pages of 4194304 bytes, its sizes are .*2MB' "$(huge '[{"PageSize":"4MB","Limit":4194304}]')"
    like "no whole pages" '^400.*3145728 bytes are not a whole number of pages of 2MB' "$(huge '[{"PageSize":"2MB","Limit":3145728}]')"
    like "no size" '^400.*invalid page size' "$(huge '[{"PageSize":"x","Limit":0}]')"
    like "no limit" '^400.*invalid hugetlb limit -1' "$(huge '[{"PageSize":"2MB","Limit":-1}]')"
    containers_clear; engine_stop
    [ -z "$hierarchy" ] || umount "$HOST/hugetlb"
fi
finish
