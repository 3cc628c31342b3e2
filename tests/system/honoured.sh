#!/bin/bash
# Fields and flags that are easily accepted and forgotten: each is honoured, or refused with a
# sentence, or answered with a warning.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/census.sh && . ../lib/qa.sh
qa_up
refused() { local name=$1 regex=$2; shift 2; fails "$name" "$regex" d create --name refused "$@"; }
privs() { d "$@" grep NoNewPrivs /proc/self/status | tr -d '\t'; }

# ---- --storage-opt: this machine's kernel has no project quotas (in_vm.sh has) ----
refused "--storage-opt size: the reason" 'cannot be honoured: .*it needs a data root on xfs' --storage-opt size=10m busybox true
refused "--storage-opt: unknown" 'unknown option in --storage-opt: nosuch' --storage-opt nosuch=1 busybox true
refused "--storage-opt size: no size" 'invalid size in --storage-opt: x' --storage-opt size=x busybox true
refused "--storage-opt size: negative" 'invalid size in --storage-opt: -1' --storage-opt size=-1 busybox true
same "nothing is left of what was refused" "" "$(d ps -aq)$(ls "$HOST/data/containers")"

# ---- update: the kernel knows it, or it is refused ----
field() { d inspect "$1" | jq -r ".[0]$2"; }
cg() { cat "/sys/fs/cgroup/$1/$(grep -E ":[^:]*\b$1\b[^:]*:" "/proc/$(field up .State.Pid)/cgroup" | cut -d: -f3-)/$2"; }
update() { api POST /containers/up/update "$1"; echo "$STATUS $BODY"; }
disk=$(for f in /sys/block/*/dev; do b=/dev/$(basename "${f%/dev}"); [ ! -b "$b" ] || { echo "$b"; break; }; done)
number=$(cat "/sys/block/${disk#/dev/}/dev")
d run -d --name up -m 64m --oom-kill-disable --device-read-bps "$disk:1mb" busybox sleep 100 >/dev/null
same "before: the OOM killer is off" "oom_kill_disable 1" "$(cg memory memory.oom_control | head -1)"
same "before: a device's rate" "$number 1048576" "$(cg blkio blkio.throttle.read_bps_device)"
like "update: swappiness" '^200 ' "$(update '{"MemorySwappiness":7}')"
same "update: swappiness in the kernel" 7 "$(cg memory memory.swappiness)"
like "update: OOM killer on again" '^200 ' "$(update '{"OomKillDisable":false}')"
same "update: OOM killer in the kernel" "oom_kill_disable 0" "$(cg memory memory.oom_control | head -1)"
like "update: a device's rates" '^200 ' "$(update '{"BlkioDeviceReadBps":[{"Path":"'"$disk"'","Rate":2097152}],"BlkioDeviceWriteIOps":[{"Path":"'"$disk"'","Rate":9}]}')"
same "update: a device's rates in the kernel" "$number 2097152 $number 9" "$(cg blkio blkio.throttle.read_bps_device) $(cg blkio blkio.throttle.write_iops_device)"
same "update: a device is not listed twice" "2097152 1" "$(field up '.HostConfig|"\(.BlkioDeviceReadBps[0].Rate) \(.BlkioDeviceReadBps|length)"')"
like "update: a rate of zero ends the limit" '^200 ' "$(update '{"BlkioDeviceReadBps":[{"Path":"'"$disk"'","Rate":0}]}')"
same "update: no limit in the kernel" "" "$(cg blkio blkio.throttle.read_bps_device)"
like "update: kernel memory is answered with a warning" '^200 .*kernel memory' "$(update '{"KernelMemory":67108864}')"
like "update: that of TCP, too" '^200 .*kernel memory' "$(update '{"KernelMemoryTCP":67108864}')"
said='kernel memory cgroup is unstable and not to be used'
for client in "d" "in_host $BERTH"; do # later docker clients leave the field out
    like "kernel memory: create by $client" "$said" "$($client create --name kmem --kernel-memory 64m busybox true 2>&1)"
    d rm kmem >/dev/null
    like "kernel memory: run by $client" "$said" "$($client run --rm --kernel-memory 64m busybox true 2>&1)"
    like "kernel memory: update by $client" "$said" "$($client update --kernel-memory 64m up 2>&1)"
done
same "kernel memory is never limited" "$(cat /sys/fs/cgroup/memory/memory.kmem.limit_in_bytes)" "$(cg memory memory.kmem.limit_in_bytes)"
for body in '"Ulimits":[{"Name":"nofile","Soft":1,"Hard":2}]' '"Devices":[{"PathOnHost":"/dev/null"}]' '"DeviceCgroupRules":["c 1:3 r"]' '"Privileged":true' '"CgroupParent":"/x"' '"SomethingNew":1'; do
    key=${body#\"}; key=${key%%\"*}
    like "update: refused: $key" "^400 .*$key.* of a container cannot be updated" "$(update "{$body}")"
done
like "update: empty fields ask for nothing" '^200 ' "$(update '{"CpuShares":0,"CgroupParent":"","Devices":null,"DeviceRequests":[],"Ulimits":[],"RestartPolicy":{"Name":"","MaximumRetryCount":0},"Memory":0}')"
like "update: not an object" '^400 ' "$(update '[]')"
same "update: the OOM warning comes once" 1 "$(d create --name oom --oom-kill-disable busybox true 2>&1 | grep -c 'OOM killer is disabled')"
d rm -f up oom >/dev/null

# ---- out of memory in a container that goes on ----
ooms() { in_host timeout 5 "$BERTH" events --since 1h --until "$(date +%s.%N)" --filter container="$1" --filter event=oom | wc -l; }
eats='head -c 64m /dev/zero | tail >/dev/null' # one line without an end
d run -d --name lives -m 24m --memory-swap 24m busybox sh -c "sleep 100000 & $eats; wait" >/dev/null
poll 10 eval '[ "$(field lives .State.OOMKilled)" = true ]'
same "a child is killed: said while the container runs" "true running" "$(field lives '.State|"\(.OOMKilled) \(.Status)"')"
n=$(ooms lives)
check "a child is killed: an event" [ "$n" -ge 1 ]
d exec lives sh -c "$eats" >/dev/null 2>&1
check "an exec is killed: another event" poll 10 eval '[ "$(ooms lives)" -gt "$n" ]'
engine_kill; engine_start || { not_ok "engine starts"; finish; exit 1; }
d exec lives sh -c "$eats" >/dev/null 2>&1
check "the next engine notices, too" poll 10 eval '[ "$(ooms lives)" -ge 1 ]'
sleep 0.3; n=$(ooms lives) # longer than the watch rests
d stop -t 0 lives >/dev/null
same "after the exit it stays said, and is not told again" "true $n" "$(field lives .State.OOMKilled) $(ooms lives)"
d run --name child -m 24m --memory-swap 24m busybox sh -c 'tail /dev/zero; exit $?' >/dev/null 2>&1
d run --init --name below -m 24m --memory-swap 24m busybox tail /dev/zero >/dev/null 2>&1
same "an exit by itself with a child's code: said" "137 true 137 true" "$(field child '.State|"\(.ExitCode) \(.OOMKilled)"') $(field below '.State|"\(.ExitCode) \(.OOMKilled)"')"
d run -d --name calm -m 24m busybox sleep 1000 >/dev/null
same "a calm one has none" false "$(field calm .State.OOMKilled)"
same "update: a limit for one that had none" 200 "$(d run -d --name later busybox sh -c "sleep 100000 & sleep 1; $eats; wait" >/dev/null; api POST /containers/later/update '{"Memory":25165824,"MemorySwap":25165824}'; echo "$STATUS")"
check "update: it is watched from then on" poll 10 eval '[ "$(ooms later)" -ge 1 ]'
d rm -f lives calm later >/dev/null

# ---- berthd --no-new-privileges: the default of new containers ----
d run -d --name before busybox sleep 100 >/dev/null
engine_stop; engine_start --no-new-privileges || { not_ok "engine starts"; finish; exit 1; }
same "--no-new-privileges: run" NoNewPrivs:1 "$(privs run --rm busybox)"
same "--no-new-privileges: also privileged" NoNewPrivs:1 "$(privs run --rm --privileged busybox)"
same "--no-new-privileges: a container may say otherwise" NoNewPrivs:0 "$(privs run --rm --security-opt no-new-privileges=false busybox)"
same "--no-new-privileges: an older container is as it was" NoNewPrivs:0 "$(privs exec before)"
d run -d --name after busybox sleep 100 >/dev/null
same "--no-new-privileges: exec" NoNewPrivs:1 "$(privs exec after)"
same "--no-new-privileges: inspect shows it" '[no-new-privileges=true]' "$(d inspect -f '{{.HostConfig.SecurityOpt}}' after)"
engine_stop
echo '{"no-new-privileges": true}' >"$HOST/daemon.json"
engine_start --config-file "$HOST/daemon.json" || { not_ok "engine starts"; finish; exit 1; }
same "daemon.json: no-new-privileges" NoNewPrivs:1 "$(privs run --rm busybox)"
d rm -f before after >/dev/null

engine_sound
finish
