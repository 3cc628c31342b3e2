#!/bin/bash
# The engine on a pure cgroup v2 and Debian 12's own kernel. Run by vm.sh inside its machine, where
# every program is five to ten times slower: one container answers as many questions as it can.
# vm.sh sets BERTH_BIN (the installed programs) and IMAGES (a folder with image archives).
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/qa.sh && . ../lib/lan.sh
trap 'lan_down; host_down' EXIT
expect_500 '/start .*no procfs to share' 'a donor has put something over its /proc'
expect_500 '/start .*a limit of user.max_' 'a limit of the machine is used up'
expect_500 'Bind for .* failed: port is already allocated' 'as Docker'
host_up
CG=/sys/fs/cgroup
before=$(grep ' cgroup2 ' /proc/mounts)
engine_start || { not_ok "engine starts"; finish; exit 1; }
ok "engine starts"
b() { in_host timeout 60 "$BERTH" "$@"; }
field() { # CONTAINER .FIELD…: their values; berth starts faster than curl and jq here
    local c=$1 f=$2; shift 2
    for i in "$@"; do f="$f}} {{$i"; done
    "$BERTH" inspect -f "{{$f}}" "$c" 2>/dev/null
}
group() { echo $CG$(sed -n 's/^0:://p' "/proc/$(field "$1" .State.Pid)/cgroup"); }
poll() { # SECONDS CMD…
    local end=$((SECONDS + $1)); shift
    until "$@" >/dev/null 2>&1; do [ $SECONDS -lt $end ] || return 1; sleep 0.1; done
}
state_is() { [ "$(field "$1" .State.Status)" = "$2" ]; }
rc() { # NAME CODE CMD…
    local name=$1 code=$2 out; shift 2
    out=$("$@" 2>&1 </dev/null); set -- $?
    if [ "$1" = "$code" ]; then ok "$name"; else not_ok "$name" "expected $code, got $1: $out"; fi
}
lines() { # PREFIX OUTPUT: the line NAME=VALUE as VALUE
    printf '%s\n' "$2" | tr -d '\r' | sed -n "s/^$1=//p"
}

# ---- images: one layer, three, and one hundred and thirty (mount(2) instead of fsopen) ----
for i in busybox three many; do check "load $i" b load -q -i "$IMAGES/$i.tar"; done
same "run" "Hello world" "$(b run --rm busybox echo Hello world 2>&1)"
same "run: three layers" "1 2 2" "$(b run --rm three sh -c 'echo $(cat /l1 /l2 /same)' 2>&1)"
same "run: 130 layers" "129 129" "$(b run --rm many sh -c 'echo $(ls -d /l* | wc -l) $(cat /same)' 2>&1)"
rc "exit code" 7 b run --rm busybox sh -c 'exit 7'
rc "executable not found" 127 b run --rm busybox nosuch
rc "permission denied" 126 b run --rm busybox /etc/passwd

# ---- one look around inside: confinement ----
out=$(b run --rm busybox sh -c '
echo caps=$(grep CapEff /proc/self/status | cut -f2)
echo seccomp=$(grep Seccomp: /proc/self/status | cut -f2)
echo unshare=$(unshare -m true 2>&1 | tail -1)
echo keys=$(wc -c </proc/keys) timers=$(cat /proc/timer_list | wc -c)
echo firmware=$(ls /sys/firmware | wc -l) acpi=$(ls /proc/acpi 2>/dev/null | wc -l)
echo sysrq=$(echo h 2>&1 >/proc/sysrq-trigger)
echo dev=$(ls /dev)
echo fds=$(ls /proc/self/fd)
echo group=$(cat /proc/self/cgroup)
echo shown=$(grep " /sys/fs/cgroup " /proc/mounts | cut -d" " -f1-3)
echo knobs=$([ -e /sys/fs/cgroup/memory.max ] && [ ! -e /sys/fs/cgroup/user.slice ] && echo own)
echo readonly=$(mkdir /sys/fs/cgroup/x 2>&1)
echo procs=$(cat /sys/fs/cgroup/cgroup.procs | head -1)
mknod /d b 254 0; echo disk=$(cat /d 2>&1 | head -1)
mknod /m c 1 1; echo mem=$(cat /m 2>&1 | head -1)
' 2>&1)
same "default capabilities" 00000000a80425fb "$(lines caps "$out")"
same "a seccomp filter" 2 "$(lines seccomp "$out")"
like "it forbids unshare" "not permitted" "$(lines unshare "$out")"
same "masked files" "0 timers=0" "$(lines keys "$out")"
same "masked folders" "0 acpi=0" "$(lines firmware "$out")"
like "read-only paths" "Read-only" "$(lines sysrq "$out")"
same "/dev" "core fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero" "$(lines dev "$out")"
same "open descriptors" "0 1 2 3" "$(lines fds "$out")"
same "a cgroup namespace of its own" "0::/" "$(lines group "$out")"
same "cgroup2 is mounted" "cgroup2 /sys/fs/cgroup cgroup2" "$(lines shown "$out" | sed 's/^cgroup /cgroup2 /')"
same "and shows its own cgroup" own "$(lines knobs "$out")"
like "read-only" "Read-only" "$(lines readonly "$out")"
same "with its processes" 1 "$(lines procs "$out")"
like "devices: no disk" "not permitted" "$(lines disk "$out")"
like "devices: no /dev/mem" "not permitted" "$(lines mem "$out")"
out=$(b run --rm --cgroupns host busybox sh -c '
echo group=$(cat /proc/self/cgroup); echo tree=$([ -d /sys/fs/cgroup/user.slice ] && echo whole)
echo readonly=$(mkdir /sys/fs/cgroup/x 2>&1)' 2>&1)
like "--cgroupns host: the path" "^0::/berth[^/]*/[0-9a-f]{64}$" "$(lines group "$out")"
same "--cgroupns host: the tree" whole "$(lines tree "$out")"
like "--cgroupns host: read-only" "Read-only" "$(lines readonly "$out")"
same "the host's cgroup2 keeps its options" "$before" "$(grep ' cgroup2 ' /proc/mounts)"
out=$(b run --rm --privileged busybox sh -c '
echo caps=$(grep CapEff /proc/self/status | cut -f2); echo seccomp=$(grep Seccomp: /proc/self/status | cut -f2)
echo sub=$(mkdir /sys/fs/cgroup/x && rmdir /sys/fs/cgroup/x && echo made)
echo disk=$(head -c 4 /dev/vda 2>&1 | wc -c); echo mount=$(mount -t tmpfs x /mnt 2>&1 || mount -t tmpfs x /tmp && echo done)' 2>&1)
same "--privileged: all capabilities" "$(sed -n 's/^CapBnd:\t//p' /proc/self/status)" "$(lines caps "$out")"
same "--privileged: no filter" 0 "$(lines seccomp "$out")"
same "--privileged: writable cgroups" made "$(lines sub "$out")"
same "--privileged: devices" 4 "$(lines disk "$out")"
like "--privileged: mount" "done" "$(lines mount "$out")"
same "the host's cgroup2 still keeps them" "$before" "$(grep ' cgroup2 ' /proc/mounts)"

same "a mount at /dev: masked all the same" "0 host" \
    "$(b run --rm -v /dev:/dev busybox sh -c 'echo $(wc -c </proc/keys) $([ -b /dev/vda ] && echo host)' 2>/dev/null)"

# ---- limits ----
b run -d --name lim -m 64m --memory-reservation 32m --cpus 0.5 --cpu-shares 512 --pids-limit 33 --cpuset-cpus 0 \
    --device /dev/fuse:/dev/k:r --device-cgroup-rule 'c 10:200 rw' \
    --device-read-bps /dev/vda:1mb --device-write-bps /dev/vda:1mb busybox sleep 1000 >/dev/null
g=$(group lim)
same "--memory" 67108864 "$(cat $g/memory.max)"
same "--memory: as much swap" 67108864 "$(cat $g/memory.swap.max)"
same "--memory-reservation" 33554432 "$(cat $g/memory.low)"
same "--cpus" "50000 100000" "$(cat $g/cpu.max)"
same "--cpu-shares" 20 "$(cat $g/cpu.weight)"
same "--pids-limit" 33 "$(cat $g/pids.max)"
same "--cpuset-cpus" 0 "$(cat $g/cpuset.cpus)"
like "--device-read-bps, --device-write-bps" "^[0-9]+:0 rbps=1048576 wbps=1048576 " "$(cat $g/io.max)"
out=$(b exec lim sh -c 'mknod /t c 10 200; echo rule=$( (: <>/t) 2>&1 | head -1)
echo read=$( (: </dev/k) 2>&1); echo write=$( (: >>/dev/k) 2>&1); mknod /f c 10 237; echo loop=$( (: <>/f) 2>&1)')
like "--device: not with w" "not permitted" "$(lines write "$out")"
same "--device: r" "" "$(lines read "$out")"
same "--device-cgroup-rule" "" "$(lines rule "$out" | grep 'not permitted')"
like "no rule, no device" "not permitted" "$(lines loop "$out")"
out=$(b exec lim sh -c 't=$(date +%s); timeout 2 sh -c "while :; do :; done"; dd if=/dev/zero of=/x bs=64k count=48 conv=fsync 2>/dev/null; echo took=$(($(date +%s) - t))')
check "--cpus bites" test "$(sed -n 's/^nr_throttled //p' $g/cpu.stat)" -gt 5
check "--device-write-bps bites: 3 MiB and 2 s of spinning took $(lines took "$out") s" test "$(lines took "$out")" -ge 4
check "update" b update -m 32m --memory-swap 64m --cpus 1 --pids-limit 44 lim
same "update: the files" "33554432 33554432 100000 100000 44" "$(echo $(cat $g/memory.max $g/memory.swap.max $g/cpu.max $g/pids.max))"
like "top" "sleep 1000" "$(b top lim)"
# ---- pause, stop, kill ----
check "pause" b pause lim
same "pause: the cgroup is frozen" 1 "$(cat $g/cgroup.freeze)"
same "pause: the state" paused "$(field lim .State.Status)"
check "unpause" b unpause lim
same "unpause: it is not frozen" 0 "$(cat $g/cgroup.freeze)"
b pause lim >/dev/null
check "rm -f of a paused one" b rm -f lim
same "its cgroup is gone" no "$([ -e "$g" ] && echo yes || echo no)"
out=$(b run --rm --blkio-weight 300 busybox cat /sys/fs/cgroup/io.weight 2>&1)
like "--blkio-weight: done or answered" "default 2930|not supported|discarded" "$out"
b run --name oom -m 16m --memory-swap 16m busybox sh -c 'x=$(head -c 64m /dev/zero | tr "\0" a); echo ${#x}' >/dev/null 2>&1
like "out of memory" "^(137|1|2) true" "$(field oom .State.ExitCode .State.OOMKilled)"
b rm oom >/dev/null
b run -d --name oom -m 24m --memory-swap 24m busybox sh -c 'sleep 100000 & head -c 64m /dev/zero | tail >/dev/null; wait' >/dev/null
check "out of memory in a container that goes on" poll 20 eval '[ "$(field oom .State.OOMKilled .State.Status)" = "true running" ]'
like "and its event" "^[1-9]" "$(b events --since 1h --until "$(date +%s.%N)" --filter container=oom --filter event=oom | wc -l)"
b rm -f oom >/dev/null
like "--pids-limit holds" "can't fork|Resource temporarily" \
    "$(b run --rm --pids-limit 5 busybox sh -c 'for i in 1 2 3 4 5 6 7 8; do sleep 1 & done; :' 2>&1)"

# ---- a terminal ----
out=$(b run --rm -t busybox sh -c 'echo tty=$(tty); echo console=$([ -c /dev/console ] && echo c); echo dev=$(ls /dev)
stty size >/dev/null && echo size=ok; echo hello >/dev/console' 2>&1 </dev/null)
like "-t: a terminal" "^/dev/(pts/0|console)$" "$(lines tty "$out")"
same "-t: /dev/console" c "$(lines console "$out")"
like "-t: its output is seen" "^hello" "$out"
same "-t: its size" ok "$(lines size "$out")"
check "script is there" command -v script
out=$(printf 'echo typed-$((40+2))\nexit 3\n' | in_host timeout 60 script -qec "$BERTH run -it --name it busybox sh" /dev/null 2>&1 | tr -d '\r'; b wait it; b rm it >/dev/null)
like "-it: what is typed is run" "^typed-42" "$out"
same "-it: the exit code" 3 "$(printf '%s\n' "$out" | tail -1)"

# ---- in the background, with a port; exec ----
b run -d --name web --expose 80 -p 8081:80 busybox sh -c 'mkdir /www; echo it-works >/www/index.html; echo started; exec httpd -f -p 80 -h /www' >/dev/null
poll 20 in_host curl -fs http://127.0.0.1:8081/
same "-p" it-works "$(in_host curl -s --max-time 20 http://127.0.0.1:8081/)"
same "logs" started "$(b logs web)"
same "exec" "1 root" "$(b exec web sh -c 'echo $(head -1 /sys/fs/cgroup/cgroup.procs) $(id -un)')"
same "exec: in the same cgroup" "0::/" "$(b exec web cat /proc/self/cgroup)"
rc "exec: exit code" 9 b exec web sh -c 'exit 9'
like "exec -t" "^/dev/pts/" "$(b exec -t web tty 2>&1 </dev/null)"
check "stop" b stop -t 1 web
check "start again" b start web
check "kill" b kill web
same "kill: the code" 137 "$(b wait web)"
check "rm" b rm web
b run -d --name web -P --expose 80 busybox httpd -f -p 80 -h /etc >/dev/null
port=$(b port web 80/tcp | sed -n 's/^0\.0\.0\.0://p')
poll 20 in_host curl -fs "http://127.0.0.1:$port/passwd"
like "-P" "^root:" "$(in_host curl -s --max-time 20 "http://127.0.0.1:$port/passwd")"
b rm -f web >/dev/null

# ---- cgroups made inside: a payload that delegates, as systemd does ----
b run -d --name nest --privileged busybox sh -c 'mkdir /sys/fs/cgroup/init; echo 1 >/sys/fs/cgroup/init/cgroup.procs
echo "+memory +pids" >/sys/fs/cgroup/cgroup.subtree_control && echo delegated; exec sleep 1000' >/dev/null 2>&1
poll 10 eval 'b logs nest | grep -q delegated'
same "exec where the cgroup has children" "0::/init" "$(b exec nest cat /proc/self/cgroup 2>&1)"
like "top where the cgroup has children" "sleep 1000" "$(b top nest)"
g=$(group nest); g=${g%/init}
check "rm -f where the cgroup has children" b rm -f nest
same "all of it is gone" no "$([ -e "$g" ] && echo yes || echo no)"

# ---- another's processes: before 6.17 /proc is a clone of the donor's ----
b run -d --name donor --privileged busybox sleep 4711 >/dev/null 2>&1
out=$(b run --rm --pid container:donor busybox sh -c 'echo who=$(tr "\\0" " " </proc/1/cmdline)
echo mount=$(grep " /proc proc " /proc/mounts | cut -d" " -f4); echo keys=$(wc -c </proc/keys)
echo readonly=$(echo x 2>&1 >/proc/sys/kernel/domainname); echo caps=$(grep CapEff /proc/self/status | cut -f2)' 2>&1)
same "--pid container: its processes" "sleep 4711" "$(lines who "$out" | sed 's/ *$//')"
like "--pid container: a mount of its own" "^rw,nosuid,nodev,noexec" "$(lines mount "$out")"
same "--pid container: masked" 0 "$(lines keys "$out")"
like "--pid container: read-only" "Read-only" "$(lines readonly "$out")"
same "--pid container: capabilities" 00000000a80425fb "$(lines caps "$out")"
b exec donor mount -t tmpfs x /proc
like "--pid container: what a donor put over its /proc is not shared" "has no procfs to share|^$" \
    "$(b run --rm --pid container:donor busybox [ -d /proc/1 ] 2>&1)"
b rm -f donor >/dev/null

# ---- code that gets no processor: the keeper does not wait for it ----
usual_run() { # ms; one of three may meet a lock of the kernel's that who is throttled holds
    local i t0
    for i in 1 2 3; do
        t0=${EPOCHREALTIME/./}; b run --rm busybox true >/dev/null 2>&1
        echo $(((${EPOCHREALTIME/./} - t0) / 1000))
    done | sort -n | sed -n 2p
}
b run -d --name slow busybox sh -c 'for i in $(seq 150); do while :; do :; done & done; wait' >/dev/null
g=$(group slow)
poll 40 eval '[ $(wc -l <$g/cgroup.procs) -gt 100 ]'
b update --cpus 0.01 slow >/dev/null
control=$(usual_run)
for i in 1 2 3; do { in_host timeout 40 "$BERTH" exec slow true; in_host timeout 40 "$BERTH" exec slow true; } >/dev/null 2>&1 & done
sleep 0.5
got=$(usual_run)
if [ $got -lt $((control * 2 + 2000)) ]; then ok "beside execs that get no processor a run takes $got ms ($control)"; else
    not_ok "execs that get no processor hold a neighbour" "$got ms, without them $control"; fi
b rm -f slow >/dev/null

# ---- restart policies, volumes ----
b run -d --name again --restart on-failure:2 busybox sh -c 'exit 4' >/dev/null
poll 30 eval 'state_is again exited && [ "$(field again .RestartCount)" = 2 ]'
same "--restart on-failure:2" "2 4" "$(field again .RestartCount .State.ExitCode)"
b rm again >/dev/null
same "a new volume has the image's content" "yes mine" \
    "$(b run --rm -v nv:/etc busybox sh -c '[ -s /etc/group ] && echo mine >/etc/mine'; b run --rm -v nv:/x busybox sh -c 'echo $([ -s /x/passwd ] && echo yes) $(cat /x/mine)')"
b volume rm nv >/dev/null
mkdir -p "$HOST/bind/sub"; echo inside >"$HOST/bind/f"
same "a bind, a tmpfs, read-only" "inside ro tmp" "$(b run --rm --read-only --tmpfs /t -v "$HOST/bind:/b:ro" busybox \
    sh -c 'echo $(cat /b/f) $(touch /x 2>/dev/null || touch /b/y 2>/dev/null || echo ro) $(touch /t/x && echo tmp)' 2>&1)"

# ---- many in a row ----
bad=0; start=$SECONDS
for i in $(seq 30); do [ "$(b run --rm busybox echo $i 2>&1)" = "$i" ] || bad=$((bad + 1)); done
same "30 in a row ($((SECONDS - start)) s)" 0 $bad

# ---- takeover: the engine is killed, the containers go on ----
b run -d --name t1 busybox sh -c 'i=0; while :; do i=$((i+1)); echo $i; sleep 0.2; done' >/dev/null
b run -d --name t2 busybox sh -c 'while [ ! -e /go ]; do sleep 0.1; done; exit 5' >/dev/null
b run -d --name t3 --restart always busybox sleep 1000 >/dev/null
pid=$(field t1 .State.Pid) pid2=$(field t2 .State.Pid)
engine_kill
touch "/proc/$pid2/root/go"
sleep 1
engine_start || not_ok "the engine comes back"
same "takeover: the same process" "$pid" "$(field t1 .State.Pid)"
poll 10 state_is t2 exited
same "takeover: the code of what ended meanwhile" 5 "$(field t2 .State.ExitCode)"
b logs t1 >"$HOST/log"
same "takeover: no line of the log is lost" "" "$(awk '$1 != NR' "$HOST/log" | head -3)"
same "takeover: exec" in "$(b exec t1 echo in)"
check "takeover: stop" b stop -t 0 t1

# ---- the keeper is killed: before 6.15 nobody can tell an adopted container's code ----
engine_kill
engine_start || not_ok "the engine comes back again" # the keeper is not its child now
b start t1 >/dev/null; b start t2 >/dev/null
pid=$(field t3 .State.Pid)
kill -KILL "$(keeper_pid)"
sleep 1
same "no keeper: the containers run on" running "$(field t3 .State.Status)"
kill -KILL "$pid"
poll 20 eval '[ "$(field t3 .State.Pid)" != '"$pid"' ] && state_is t3 running'
same "no keeper: the policy starts it again" running "$(field t3 .State.Status)"
kill -TERM "$(field t1 .State.Pid)"; kill -KILL "$(field t1 .State.Pid)"
poll 20 state_is t1 exited
# (its zombie tells it, until whoever inherited it has reaped it)
like "no keeper: the code is true, or unknown and it says so" "^(137 |255 the exit code is unknown)" "$(field t1 .State.ExitCode .State.Error)"
same "no keeper: a new one runs containers" again "$(b run --rm busybox echo again 2>&1)"
b rm -f t1 t2 t3 >/dev/null

# ---- what the kernel counts by user: root of a container uses it up, the others go on ----
attack() { # KIND [OPTIONS…]: a container that holds all there is
    local kind=$1; shift
    b run -d --name greedy "$@" --cap-add SYS_ADMIN --security-opt seccomp=unconfined --pids-limit 5000 \
        $(for i in /usr /lib /lib64; do [ ! -e $i ] || echo "-v $i:$i:ro"; done) -v "$PWD/in_vm_limits.py:/greedy.py:ro" \
        busybox /usr/bin/python3 /greedy.py "$kind" >/dev/null
    poll 60 eval 'b logs greedy 2>&1 | grep -q "used up"' || echo "not used up: $(b logs greedy 2>&1 | tail -2)"
    b logs greedy 2>&1 | grep 'used up'
}
b run -d --name steady busybox sleep 10000 >/dev/null
lives() { # NAME: a life, an exec and a question (timeout(1) itself would need a pending signal)
    same "$1" "life exec steady" "$(in_host "$BERTH" run --rm busybox echo life 2>&1) $(in_host "$BERTH" exec steady echo exec 2>&1) $(field steady .Name | tr -d /)"
}
limit() { # NAME KIND [SYSCTL=VALUE]
    local was
    [ -z "${3:-}" ] || { was=$(sysctl -n "${3%%=*}"); sysctl -qw "$3"; }
    like "$1: used up" "^used up" "$(attack "$2")"
    lives "$1: others go on"
    b rm -f greedy >/dev/null
    lives "$1: and when it is free again"
    [ -z "${3:-}" ] || sysctl -qw "${3%%=*}=$was"
}
limit "epoll watches" epoll fs.epoll.max_user_watches=3000
limit "inotify instances" inotify
limit "pending signals" signals
limit "message queues" queues
limit "pages of pipes, softly" pipes
limit "pages of pipes, hard" pipes fs.pipe-user-pages-hard=20000
limit "descriptors in flight" flight
sysctl -qw kernel.keys.root_maxkeys=400
like "keys: used up" "^used up" "$(attack keys)"
lives "keys: others go on"
session() { b run --rm --security-opt seccomp=unconfined $(for i in /usr /lib /lib64; do [ ! -e $i ] || echo "-v $i:$i:ro"; done) \
    -v "$PWD/in_vm_limits.py:/greedy.py:ro" busybox /usr/bin/python3 /greedy.py session 2>&1; }
same "keys: each container has a keyring of its own" 2 "$(for i in 1 2; do session; done | grep '^session [0-9]' | sort -u | wc -l)"
b rm -f greedy >/dev/null
was=$(sysctl -n user.max_mnt_namespaces)
sysctl -qw user.max_mnt_namespaces=40
like "mount namespaces: used up" "^used up" "$(attack spaces)"
like "mount namespaces: a start says why it fails" "namespace" "$(b run --rm busybox echo life 2>&1)"
same "mount namespaces: the engine answers" steady "$(field steady .Name | tr -d /)"
b rm -f greedy >/dev/null
lives "mount namespaces: and when they are free again"
sysctl -qw "user.max_mnt_namespaces=$was" kernel.keys.root_maxkeys=1000000
# The engine's own watches, when there is no room for any: nothing falls, all goes on afterwards.
was=$(sysctl -n fs.epoll.max_user_watches)
sysctl -qw fs.epoll.max_user_watches=1
check "no room for a watch: a client waits" eval '! curl -fs --max-time 2 -o /dev/null --unix-socket "$SOCK" http://x/_ping'
check "and the log says why" grep -q "raise fs.epoll.max_user_watches" "$HOST/engine.log"
sysctl -qw "fs.epoll.max_user_watches=$was"
lives "room again: all go on"
b rm -f steady >/dev/null

# ---- a LAN: 802.1q, ipvlan, SCTP ----
d() { b "$@"; }
lan_up
check "this kernel has 802.1q" has_type vlan id 5
check "and ipvlan" has_type ipvlan
check "and SCTP" python3 -c 'import socket; socket.socket(socket.AF_INET, socket.SOCK_STREAM, 132)'
lan_sub_interfaces
lan_ipvlan
lan_sctp
lan_down

# ---- Debian's docker CLI and a registry on the loopback ----
check "a registry" eval 'HOST_IMAGES=busybox host_registry'
d() { in_host timeout 120 /usr/bin/docker "$@"; }
like "docker pull" "Status: (Downloaded newer|Image is up to date)" "$(d pull 127.0.0.1:5000/busybox 2>&1)"
same "docker run" "by docker" "$(d run --rm 127.0.0.1:5000/busybox echo by docker 2>&1)"
like "docker info" "Cgroup Version: 2" "$(d info 2>/dev/null)"
check "no cgroup is left" poll 10 eval '[ -z "$(find $CG/berth* -mindepth 1 -type d)" ]'
. ./in_vm_userns.sh

# ---- the kernel's OOM killer: it takes others first; engine or keeper may go, containers stay ----
# Memory is counted where it was taken: who was begun in a group and then left still fills it.
oom_begin() { # NAME: an engine and its keeper in a memory group of that name
    mkdir "$CG/$1" "$CG/oom-free" 2>/dev/null
    echo $$ >"$CG/$1/cgroup.procs"
    engine_start || not_ok "engine starts"
    echo $$ >"$CG/oom-free/cgroup.procs"
    poll 10 is_alive "$(keeper_pid)"
}
oom_kills() { sed -n 's/^oom_kill //p' "$CG/$1/memory.events"; }
old=$(keeper_pid); kill "$old" 2>/dev/null; poll 10 eval '! is_alive $old'
oom_begin oom-a
engine=$ENGINE_PID keeper=$(keeper_pid)
same "both are in the group" "1 1" "$(grep -c "^$engine\$" $CG/oom-a/cgroup.procs) $(grep -c "^$keeper\$" $CG/oom-a/cgroup.procs)"
same "what protects them" "-500 -900" "$(cat /proc/$engine/oom_score_adj /proc/$keeper/oom_score_adj | xargs)"
b load -q -i "$IMAGES/busybox.tar" >/dev/null
b run -d --name stays busybox sleep 100000 >/dev/null
pid=$(field stays .State.Pid)
echo $(($(cat $CG/oom-a/memory.current) + (16 << 20))) >$CG/oom-a/memory.max
sh -c "echo \$\$ >$CG/oom-a/cgroup.procs; head -c 200m /dev/zero | tail" >/dev/null 2>&1
same "a neighbour that takes the memory goes, not they" "yes $engine $keeper" \
    "$([ "$(oom_kills oom-a)" -ge 1 ] && echo yes) $(cat "$HOST/engine.pid") $(keeper_pid)"
check "both live" eval 'is_alive $engine && is_alive $keeper'
echo "$keeper" >$CG/oom-free/cgroup.procs
echo 1M >$CG/oom-a/memory.max
check "alone in the group, the engine is killed" poll 20 eval '! is_alive $engine'
wait "$engine" 2>/dev/null; same "by the OOM killer" 137 $?
ENGINE_PID=
same "its container stays" "sleep" "$(cat /proc/$pid/comm)"
engine_start || not_ok "engine starts"
same "the next engine has it" "running $pid" "$(field stays .State.Status .State.Pid)"
same "exec" hello "$(b exec stays echo hello 2>&1)"
b rm -f stays >/dev/null
engine_stop; kill "$keeper" 2>/dev/null; poll 10 eval '! is_alive $keeper'
oom_begin oom-b
keeper=$(keeper_pid)
b run -d --name stays busybox sleep 100000 >/dev/null
pid=$(field stays .State.Pid)
echo "$ENGINE_PID" >$CG/oom-free/cgroup.procs
echo 1M >$CG/oom-b/memory.max
check "alone in the group, the keeper is killed" poll 20 eval '! is_alive $keeper'
check "the engine lives" is_alive "$ENGINE_PID"
new_keeper() { [ "$(keeper_pid)" != "$keeper" ] && is_alive "$(keeper_pid)"; }
check "and has another keeper" poll 20 new_keeper
same "the container stays" "running $pid sleep" "$(field stays .State.Status .State.Pid) $(cat /proc/$pid/comm)"
same "exec by the new keeper" hello "$(b exec stays echo hello 2>&1)"
same "run by the new keeper" hello "$(b run --rm busybox echo hello 2>&1)"
check "stop" b stop -t 0 stays
b rm -f stays >/dev/null
engine_stop

# ---- --storage-opt size: project quotas, on a data root of their own ----
modprobe -a loop quota_v2
truncate -s 300M "$HOST/quota.img" && mkfs.ext4 -q -O quota,project "$HOST/quota.img" && mkdir "$HOST/quota"
check "ext4 with project quotas" mount -o loop,prjquota "$HOST/quota.img" "$HOST/quota"
engine_start --data-root "$HOST/quota" || not_ok "engine starts"
b load -q -i "$IMAGES/busybox.tar" >/dev/null
write_50m='dd if=/dev/zero of=/x bs=1M count=50 2>&1; df -k / | tail -1'
like "--storage-opt size: no more can be written, and df says so" "Disk quota exceeded.* 10240 " \
    "$(b run --name small --storage-opt size=10m busybox sh -c "$write_50m" 2>&1 | xargs)"
like "--storage-opt size: nor after a restart" "Disk quota exceeded" "$(b start -a small 2>&1)"
like "--storage-opt size: another container has no limit" "50\+0 records out" "$(b run --rm busybox sh -c "$write_50m" 2>&1 | xargs)"
project=$(lsattr -pd "$HOST/quota/containers/$(b inspect -f '{{.Id}}' small)/upper" | cut -d' ' -f1)
quota() { # its hard limit in KiB and its bytes: quotactl_fd(Q_GETQUOTA)
    python3 -c "
import ctypes, os, struct
q = ctypes.create_string_buffer(72)
ctypes.CDLL(None).syscall(443, os.open('$HOST/quota', os.O_RDONLY), 0x800007 << 8 | 2, $project, q)
print(*struct.unpack('9Q', q.raw)[:3:2])"
}
like "--storage-opt size: the project's quota" "^10240 10[0-9]{6}$" "$(quota)"
b rm small >/dev/null
check "--storage-opt size: is given back with the container" poll 10 eval '[ "$(quota)" = "0 0" ]'
engine_stop
umount "$HOST/quota"
same "nothing was logged as an error" "" "$(grep -h level=error "$HOST/engine.log" | grep -v -e 'msg="request failed"' -e 'msg="the keeper was killed')"
finish
