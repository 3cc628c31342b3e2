#!/bin/bash
# What only a cgroup v2 has, and systemd as its manager. Run by vm_cgroups.sh inside its machine,
# where every program is five to ten times slower. vm_cgroups.sh sets BERTH_BIN,
# IMAGES and DEBIAN (an archive of a root file system).
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh
trap host_down EXIT
host_up
CG=/sys/fs/cgroup
engine_start || { not_ok "engine starts"; finish; exit 1; }
b() { in_host timeout 60 "$BERTH" "$@"; }
field() { local c=$1; shift; "$BERTH" inspect -f "{{$1}}" "$c" 2>/dev/null; }
where() { sed -n 's/^0:://p' "/proc/$(field "$1" .State.Pid)/cgroup"; }
refused() { # NAME REGEX ARGS…
    local name=$1 regex=$2 out; shift 2
    out=$(b create "$@" 2>&1) && b rm -f "$out" >/dev/null 2>&1
    like "$name" "$regex" "$out"
}
up() { curl -fs --unix-socket "$SOCK" http://x/_ping; }
b load -q -i "$IMAGES/busybox.tar" >/dev/null
own=$(b run -d --name plain busybox sleep 100000); own=$(where plain); own=${own%/*}

# ---- pressure ----
if [ -e $CG$(where plain)/cpu.pressure ]; then
    like "stats tells of the pressure" '^[0-9.]+% [0-9.]+% [0-9.]+%$' "$(b stats --no-stream --format '{{.CPUPressure}} {{.MemoryPressure}} {{.IOPressure}}' plain 2>&1)"
    same "its members" '["cpu","io","memory"] ["avg10","avg300","avg60","total"]' \
        "$(curl -fs --unix-socket "$SOCK" 'http://x/containers/plain/stats?stream=0&one-shot=1' | jq -c '.pressure_stats | keys, (.cpu.full | keys)' | paste -sd' ')"
else
    like "a kernel without PSI: a sentence" 'the engine tells no pressure.*--' "$(b stats --no-stream --format '{{.CPUPressure}}' plain 2>&1 | paste -sd' ')"
fi

# ---- weights of block I/O: iocost, then BFQ ----
modprobe null_blk nr_devices=1 || not_ok "a disk"
disk=/dev/nullb0 scheduler=/sys/block/nullb0/queue/scheduler number=$(cat /sys/block/nullb0/dev)
echo none >$scheduler
like "--blkio-weight: nobody weighs" 'blkio-weight has no effect now: no disk has a scheduler with weights .*echo bfq > /sys/block/' \
    "$(b run -d --name weighed --blkio-weight 300 busybox sleep 100000 2>&1)"
like "--blkio-weight: iocost would" "^default 2930" "$(cat $CG$(where weighed)/io.weight)"
b rm -f weighed >/dev/null
refused "--blkio-weight-device: no scheduler with weights" 'scheduler of /dev/nullb0 is none, which has no weights; choose bfq' --blkio-weight-device $disk:300 busybox true
echo "$number enable=1" >$CG/io.cost.qos
same "iocost: no warning" "" "$(b create --name weighed --blkio-weight 300 --blkio-weight-device $disk:400 busybox sleep 100000 2>&1 >/dev/null)"
b start weighed >/dev/null
same "iocost: its weights" "default 2930 $number 3940" "$(echo $(cat $CG$(where weighed)/io.weight))"
b kill weighed >/dev/null
echo "$number enable=0" >$CG/io.cost.qos
like "start: iocost is off" "which has no weights" "$(b start weighed 2>&1)"
echo bfq >$scheduler
check "start: with BFQ, whose module came later than the engine" b start weighed
like "BFQ: its weights" "^(default )?300 $number 400\$" "$(echo $(cat $CG$(where weighed)/io.bfq.weight))"
like "update" "^weighed" "$(b update --blkio-weight 500 weighed 2>&1)"
like "BFQ: updated" "^(default )?500 $number 400\$" "$(echo $(cat $CG$(where weighed)/io.bfq.weight))"
b rm -f weighed >/dev/null

# ---- parents ----
b run -d --name far --cgroup-parent /tests/far -m 64m busybox sleep 100000 >/dev/null
same "an absolute parent" "/tests/far/$(field far .Id)" "$(where far)"
same "its limits hold" 67108864 "$(cat $CG$(where far)/memory.max)"
same "exec is there" "0::/" "$(b exec far cat /proc/self/cgroup)"
b run -d --name near --cgroup-parent tests/near --pids-limit 77 busybox sleep 100000 >/dev/null
same "a relative parent" "$own/tests/near/$(field near .Id) 77" "$(where near) $(cat $CG$(where near)/pids.max)"
b rm -f far near >/dev/null
same "both are removed with the last container" "" "$(ls -d $CG/tests $CG$own/tests 2>/dev/null)"
mkdir $CG/busy; sleep 100000 & busy=$!; echo $busy >$CG/busy/cgroup.procs
refused "a parent with processes" '^.*cgroup-parent /busy has processes of its own: .*move them into a cgroup below' --cgroup-parent /busy busybox true
refused "below one with processes" '/busy/below has processes of its own|processes of its own' --cgroup-parent /busy/below busybox true
kill $busy; wait $busy 2>/dev/null
mkdir $CG/busy/t && echo threaded >$CG/busy/t/cgroup.type
refused "a threaded parent" 'its type is threaded' --cgroup-parent /busy/t busybox true
rmdir $CG/busy/t $CG/busy

# ---- slices ----
b run -d --name night --cgroup-parent batch-night.slice -m 64m busybox sleep 100000 >/dev/null
id=$(field night .Id)
like "a slice: in a service of ours" "^/batch.slice/batch-night.slice/berth[^/]*-batch-night.service/$id\$" "$(where night)"
same "inspect shows the slice" batch-night.slice "$(field night .HostConfig.CgroupParent)"
service=$(where night); service=${service%/*}; service=${service##*/}
same "systemd knows it as delegated" "yes active" "$(systemctl show -P Delegate $service) $(systemctl show -P ActiveState $service)"
same "its limits hold" 67108864 "$(cat $CG$(where night)/memory.max)"
systemctl set-property --runtime batch.slice MemoryMax=500M
same "and so do the slice's" 524288000 "$(cat $CG/batch.slice/memory.max)"
systemctl daemon-reload
same "a reload of systemd changes nothing" "/batch.slice/batch-night.slice/$service/$id 67108864" "$(where night) $(cat $CG$(where night)/memory.max)"
b run -d --name dawn --cgroup-parent batch-night.slice busybox sleep 100000 >/dev/null
same "a second container: the same service" "/batch.slice/batch-night.slice/$service/$(field dawn .Id)" "$(where dawn)"
b rm -f night >/dev/null
same "one of two goes" active "$(systemctl show -P ActiveState $service)"
engine_kill; engine_start || not_ok "engine starts"
same "the next engine finds the other" "running" "$(field dawn .State.Status)"
b rm -f dawn >/dev/null
b run -d --name again --cgroup-parent batch-night.slice busybox sleep 100000 >/dev/null
same "another comes later" "/batch.slice/batch-night.slice/$service/$(field again .Id)" "$(where again)"
b rm -f again >/dev/null
same "the last goes, and the service" "inactive" "$(systemctl show -P ActiveState $service)"
same "no cgroup of it is left" "" "$(ls -d $CG/batch.slice/batch-night.slice/*/ 2>/dev/null)"
refused "no slice's name" 'a slice is a name without a path' --cgroup-parent /batch.slice busybox true
b rm -f plain >/dev/null
engine_stop
engine_start --cgroup-parent batch.slice || not_ok "engine starts"
b run -d --name default busybox sleep 100000 >/dev/null
like "berthd --cgroup-parent: a slice" "^/batch.slice/berth[^/]*-batch.service/" "$(where default)"
b rm -f default >/dev/null
engine_stop

# ---- systemd in a container ----
engine_start || not_ok "engine starts"
if [ -e "$DEBIAN" ]; then
    b import "$DEBIAN" debian >/dev/null || not_ok "a Debian with systemd"
    like "without the option: a sentence" "is systemd, which cannot run in an ordinary container: for a system container use --systemd=true" \
        "$(b run --rm debian /sbin/init 2>&1)"
    b run -d -t --name deb --systemd=true -m 256m debian /sbin/init >/dev/null
    is_up() { b exec deb systemctl is-system-running 2>&1 | grep -qE '^(running|degraded)'; }
    check "a Debian boots" poll 120 is_up
    same "inspect shows what it got" '["container=berth"] SIGRTMIN+3 private' \
        "$("$BERTH" inspect -f '{{json .Config.Env}} {{.Config.StopSignal}} {{.HostConfig.CgroupnsMode}}' deb)"
    echo "# $(b exec deb systemctl is-system-running 2>&1): $(b exec deb systemctl --failed --no-legend --plain 2>&1 | xargs)"
    same "without privileges" 00000000a80425fb "$(b exec deb sed -n 's/^CapEff:\t//p' /proc/1/status)"
    same "it detects where it is" berth "$(b exec deb systemd-detect-virt -c 2>&1 | sed s/container-other/berth/)"
    b exec deb sh -c 'printf "[Service]\nExecStart=/bin/sh -c \"echo unit speaks; exec sleep 1000\"\nMemoryMax=50M\n" >/etc/systemd/system/unit.service; systemctl daemon-reload; systemctl start unit'
    same "it runs a unit" active "$(b exec deb systemctl is-active unit)"
    has_line() { b exec deb journalctl -u unit --no-pager 2>&1 | grep -q "unit speaks"; }
    check "it journals" poll 20 has_line
    same "in a cgroup of the container's own, with limits" 52428800 "$(b exec deb cat /sys/fs/cgroup/system.slice/unit.service/memory.max)"
    g=$CG$(where deb)
    like "its processes are below its limits" "/payload/" "$g"
    same "which are out of its reach" "268435456 none" "$(cat "${g%%/payload*}/memory.max") $(b exec deb sh -c 'cat /sys/fs/cgroup/memory.max 2>/dev/null || echo none' | sed s/max/none/)"
    same "exec is beside it" "0::/init.scope" "$(b exec deb cat /proc/self/cgroup)"
    check "stop: it shuts down" b stop -t 120 deb
    like "cleanly" "^(0|130) false" "$(field deb .State.ExitCode) $(field deb .State.OOMKilled)"
    like "and says so" "Reached target .*(Shut|Power|Exit|Halt|Final)|Exiting container|Shutting down" "$(b logs deb 2>&1 | tail -30)"
    check "and boots again" b start deb
    check "it is up again" poll 120 is_up
    check "rm -f" b rm -f deb
    same "no cgroup is left" "" "$(find $CG/berth*/ -mindepth 1 -type d)"
fi
engine_stop

# ---- delegated by systemd ----
before=$(ls -d $CG/*/ | sort)
systemd-run -q --unit given -p Delegate=yes -p KillMode=process nsenter --net="/proc/$HOST_NS_PID/ns/net" -- \
    "$BERTH_BIN/berthd" -H "unix://$SOCK" --data-root "$HOST/data" --exec-root "$HOST/exec" --pidfile "$HOST/engine.pid"
poll 20 up || not_ok "engine starts as a service"
b run -d --name in -m 64m busybox sleep 100000 >/dev/null
like "delegated: containers are below" "^/system.slice/given.service/berth[^/]*/$(field in .Id)\$" "$(where in)"
same "delegated: their limits hold" 67108864 "$(cat $CG$(where in)/memory.max)"
b run -d --name abs --cgroup-parent /x busybox sleep 100000 >/dev/null
same "delegated: an absolute parent, too" "/system.slice/given.service/x/$(field abs .Id)" "$(where abs)"
same "delegated: nothing is made above" "$before" "$(ls -d $CG/*/ | sort)"
check "delegated: and a new container" b run --rm -m 64m busybox true
b rm -f in abs >/dev/null
systemctl stop given
keeper=$(keeper_pid); [ -z "$keeper" ] || kill "$keeper"

# ---- a service of systemd's whose containers are in a slice: they outlive it ----
systemd-run -q --unit berth -p KillMode=process nsenter --net="/proc/$HOST_NS_PID/ns/net" -- \
    "$BERTH_BIN/berthd" -H "unix://$SOCK" --data-root "$HOST/data" --exec-root "$HOST/exec" --cgroup-parent batch.slice
poll 20 up || not_ok "engine starts as a service"
b run -d --name stays -m 64m busybox sleep 100000 >/dev/null
was=$(where stays)
systemctl restart berth
poll 20 up
same "a restart of the service: its containers stay" "running $was" "$(field stays .State.Status) $(where stays)"
check "a new container" b run --rm -m 64m busybox true
b rm -f stays >/dev/null
systemctl stop berth
keeper=$(keeper_pid); [ -z "$keeper" ] || kill "$keeper"
finish
