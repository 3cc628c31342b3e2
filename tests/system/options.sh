#!/bin/bash
# The options of run: each one is seen from inside the container, or refused with a sentence.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/census.sh && . ../lib/qa.sh
qa_up
d run --rm busybox true
settled
census_stable >"$HOST/before"
# in NAME EXPECTED OPTIONS… -- CMD…: what the command prints
in_() {
    local name=$1 want=$2 opts=()
    shift 2
    while [ "$1" != -- ]; do opts+=("$1"); shift; done
    shift
    same "$name" "$want" "$(d run --rm "${opts[@]}" busybox "$@" 2>&1 | grep -v '^WARNING')"
}
in_like() {
    local name=$1 want=$2 opts=()
    shift 2
    while [ "$1" != -- ]; do opts+=("$1"); shift; done
    shift
    like "$name" "$want" "$(d run --rm "${opts[@]}" busybox "$@" 2>&1)"
}
refused() { local name=$1 regex=$2; shift 2; fails "$name" "$regex" d run --rm "$@"; }

# ---- user ----
in_ "--user: default" 0:0 -- sh -c 'echo $(id -u):$(id -g)'
in_ "--user: number" 1234:0 --user 1234 -- sh -c 'echo $(id -u):$(id -g)'
in_ "--user: number with an entry" 1000:1000 --user 1000 -- sh -c 'echo $(id -u):$(id -g)'
in_ "--user: name" 1000:1000 --user app -- sh -c 'echo $(id -u):$(id -g)'
in_ "--user: name, further groups" "1000 10" --user app -- id -G
in_ "--user: name:group" 1000:10 --user app:wheel -- sh -c 'echo $(id -u):$(id -g)'
in_ "--user: number:number" 7:8 --user 7:8 -- sh -c 'echo $(id -u):$(id -g)'
in_ "--user: HOME" /home/app --user app -- sh -c 'echo $HOME'
in_ "--group-add" "0 10 77" --group-add wheel --group-add 77 -- sh -c 'id -G | tr " " "\n" | sort -n | xargs'
in_ "--user: no capabilities" "CapEff: 0000000000000000" --user app -- sh -c 'grep CapEff /proc/self/status | tr "\t" " "'
refused "--user: unknown" 'unable to find user nosuch: no matching entries in passwd file' --user nosuch busybox true
refused "--user: unknown group" 'unable to find group nosuch: no matching entries in group file' --user 0:nosuch busybox true
refused "--user: out of range" 'uids and gids must be in range|invalid|unable to find user' --user 4294967296 busybox true
refused "--user: negative" 'range|invalid|unable to find user' --user -5 busybox true

# ---- folder, environment, entry point, hostname ----
in_ "--workdir" /tmp --workdir /tmp -- pwd
in_ "--workdir: missing is made" /a/b/c --workdir /a/b/c -- pwd
refused "--workdir: a file" 'not a directory' --workdir /etc/passwd busybox true
refused "--workdir: relative" 'working directory .* invalid|absolute' --workdir a/b busybox true
in_ "--env" 'x y=z' -e 'V=x y=z' -- sh -c 'echo "$V"'
in_ "--env: empty" '[]' -e V= -- sh -c 'echo "[$V]"'
in_ "--env: last wins" 2 -e V=1 -e V=2 -- sh -c 'echo $V'
in_ "--env: PATH by default" /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin -- sh -c 'echo $PATH'
in_like "--env: HOSTNAME" '^[0-9a-f]{12}$' -- sh -c 'echo $HOSTNAME'
in_ "--entrypoint" "hello there" --entrypoint echo -- hello there
in_ "--entrypoint drops Cmd" "" --entrypoint /bin/echo --
same "--entrypoint '' needs a command" yes "$(d create --entrypoint '' busybox >/dev/null 2>&1 || echo yes)"
in_ "--hostname" "box.example" --hostname box.example -- hostname
in_ "--hostname in /etc/hosts" yes --hostname box -- sh -c 'grep -qw box /etc/hosts && echo yes'
in_ "--hostname in /etc/hostname" box --hostname box -- cat /etc/hostname
in_like "--hostname a.b.c: the short name is there, too" '(^| )[0-9.]+	a.b.c a$' --hostname a.b.c -- tail -1 /etc/hosts
in_like "--hostname a.b --domainname c: the same" '	a.b.c a$' --hostname a.b --domainname c -- tail -1 /etc/hosts
in_ "--domainname" example.org --domainname example.org -- cat /proc/sys/kernel/domainname
refused "--hostname: too long" 'hostname' --hostname "$(printf 'a%.0s' $(seq 70))" busybox true
refused "--hostname: bad" 'hostname' --hostname 'a b' busybox true
refused "--hostname with --uts host" 'conflicting options' --uts host --hostname x busybox true
in_ "--add-host" "10.1.2.3 db" --add-host db:10.1.2.3 -- sh -c 'grep db /etc/hosts | tr "\t" " "'
refused "--add-host: bad" 'bad format|invalid IP' --add-host db busybox true
in_ "--dns" "nameserver 9.9.9.9" --dns 9.9.9.9 -- grep ^nameserver /etc/resolv.conf
in_ "--dns-search" "search a.example b.example" --dns-search a.example --dns-search b.example -- grep search /etc/resolv.conf
in_ "--dns-option" "options ndots:3" --dns-opt ndots:3 -- grep options /etc/resolv.conf
refused "--dns: bad" 'not (a|an) .*(IP|ip) address' --dns x busybox true
same "labels" 'b c' "$(d create --name lb --label a=b --label c= --label d busybox >/dev/null; d inspect -f '{{.Config.Labels.a}} {{if eq .Config.Labels.d ""}}c{{end}}' lb; d rm lb >/dev/null)"

# ---- file systems ----
in_like "--read-only" 'Read-only file system' --read-only -- sh -c 'echo >/x; :'
in_ "--read-only: /dev/shm is writable" ok --read-only -- sh -c 'echo >/dev/shm/x && echo ok'
in_ "--read-only --tmpfs" ok --read-only --tmpfs /tmp -- sh -c 'echo >/tmp/x && echo ok'
in_like "--tmpfs: options" '^tmpfs /t tmpfs rw,nosuid,nodev,noexec.*size=1024k' --tmpfs /t:size=1m -- grep ' /t ' /proc/mounts
in_like "--tmpfs: exec and mode" 'drwx-----T|drwx------' --tmpfs /t:exec,mode=700 -- ls -ld /t
refused "--tmpfs: bad option" 'invalid mount option' --tmpfs /t:nosuch busybox true
in_like "--shm-size" '^ *8192 ' --shm-size 8m -- sh -c "df -k /dev/shm | awk 'NR==2{print \" \" \$2 \" \"}'"
refused "--shm-size: negative" 'SHM|shm|invalid' --shm-size -1 busybox true
mkdir -p "$HOST/b/sub"; echo inside >"$HOST/b/f"; echo one >"$HOST/file"
in_ "-v: read" inside -v "$HOST/b:/b" -- cat /b/f
in_ "-v: write" "" -v "$HOST/b:/b" -- sh -c 'echo new >/b/new'
same "-v: the host sees it" new "$(cat "$HOST/b/new")"
in_like "-v: ro" 'Read-only file system' -v "$HOST/b:/b:ro" -- sh -c 'echo >/b/x; :'
in_like "-v: a file" '^one$' -v "$HOST/file:/etc/one" -- cat /etc/one
in_ "-v: deep and missing target" inside -v "$HOST/b:/x/y/z" -- cat /x/y/z/f
in_ "-v: missing source is made" ok -v "$HOST/made/deep:/m" -- sh -c '[ -d /m ] && echo ok'
same "-v: it is a directory" yes "$([ -d "$HOST/made/deep" ] && echo yes)"
in_like "-v: over /etc/hosts" '^one$' -v "$HOST/file:/etc/hosts" -- cat /etc/hosts
in_like "-v: within a -v" '^one$' -v "$HOST/b:/b" -v "$HOST/file:/b/sub/x" -- cat /b/sub/x
refused "-v: file onto a directory" 'not a directory|directory onto a file' -v "$HOST/file:/tmp" busybox true
refused "-v: directory onto a file" 'directory|file' -v "$HOST/b:/etc/passwd" busybox true
refused "-v: onto /" "invalid (volume )?spec|can't be '/'|destination" -v "$HOST/b:/" busybox true
refused "-v: relative target" "must be absolute|invalid|mount path" -v "$HOST/b:x" busybox true
refused "-v: bad mode" 'invalid mode' -v "$HOST/b:/b:zz" busybox true
refused "-v: twice the same target" 'Duplicate mount point' -v "$HOST/b:/b" -v "$HOST/made:/b" busybox true
refused "-v: bad volume name" 'includes invalid characters|not allowed|invalid' -v '.!x:/b' busybox true
refused "-v: nocopy on a bind" nocopy -v "$HOST/b:/b:nocopy" busybox true
in_ "a link in the image does not lead out" "" --entrypoint /bin/sh -- -c 'ln -s /tmp /lnk'
in_ "--mount bind" inside --mount "type=bind,src=$HOST/b,dst=/b" -- cat /b/f
in_like "--mount bind,readonly" 'Read-only' --mount "type=bind,src=$HOST/b,dst=/b,readonly" -- sh -c 'echo >/b/x; :'
refused "--mount bind: missing source" 'bind source path does not exist' --mount "type=bind,src=$HOST/nosuch,dst=/b" busybox true
in_like "--mount tmpfs" 'size=2048k' --mount type=tmpfs,dst=/t,tmpfs-size=2m -- grep ' /t ' /proc/mounts
in_ "--mount volume" ok --mount type=volume,src=mv,dst=/v -- sh -c 'echo ok >/v/f; cat /v/f'
in_ "--mount volume: kept" ok --mount type=volume,src=mv,dst=/v,readonly -- cat /v/f
d volume rm mv >/dev/null

# ---- volumes ----
in_ "a new named volume has the image's content" yes -v nv:/etc -- sh -c '[ -s /etc/passwd ] && echo yes'
in_ "a used one keeps its own" "" -v nv:/etc -- sh -c 'rm /etc/group; echo mine >/etc/mine'
in_ "copy-up happens once" "mine gone" -v nv:/bin2 -- sh -c 'echo $(cat /bin2/mine) $([ -e /bin2/group ] || echo gone)'
in_ "nocopy on a named volume" 0 -v nv2:/etc:nocopy -- sh -c 'ls /etc | grep -c passwd'
same "copy-up keeps the mode" 1777 "$(d run --rm -v nv3:/tmp busybox stat -c %a /tmp)"
same "--rm keeps named volumes" "nv nv2 nv3 " "$(d volume ls -q | tr '\n' ' ')"
fails "a volume in use is not removed" 'in use' eval 'd create --name vu -v nv:/x busybox true >/dev/null; d volume rm nv'
d rm vu >/dev/null; d volume rm nv nv2 nv3 >/dev/null
d run --name an -v /anon -v keep:/k busybox touch /anon/x
same "an anonymous volume and a named one" 2 "$(d volume ls -q | wc -l)"
d rm an >/dev/null
same "rm keeps the anonymous one" 2 "$(d volume ls -q | wc -l)"
d run --rm -v keep:/k busybox sh -c 'dd if=/dev/zero of=/k/f bs=1000 count=70 2>/dev/null; ln /k/f /k/g'
same "df measures a volume, each file once" '70000 0' "$(curl -s --unix-socket "$SOCK" http://x/system/df | jq -r '.Volumes[]|select(.Name=="keep").UsageData|"\(.Size) \(.RefCount)"')"
same "prune says what it freed" '["keep"] 70000' "$(curl -s -X POST --unix-socket "$SOCK" 'http://x/volumes/prune?filters=%7B%22all%22:%5B%22true%22%5D%7D' |
    jq -r '"\(.VolumesDeleted|map(select(.=="keep"))) \(.SpaceReclaimed)"')"
d volume prune -f >/dev/null 2>&1; d volume rm keep >/dev/null 2>&1; d volume rm $(d volume ls -q) >/dev/null 2>&1
d run --name an -v /anon -v keep:/k busybox touch /anon/x
d rm -v an >/dev/null
check "rm -v removes the anonymous one only" poll 5 eval '[ "$(d volume ls -q)" = keep ]'
d run --rm -v /anon -v keep:/k busybox true
check "--rm removes the anonymous one only" poll 5 eval '[ "$(d volume ls -q)" = keep ]'
d run -d --name src -v keep:/k -v /anon -v "$HOST/b:/b:ro" busybox sh -c 'echo from-src >/k/f; echo a >/anon/f; sleep 100' >/dev/null
poll 5 d exec src test -e /anon/f
in_ "--volumes-from" "from-src a inside" --volumes-from src -- sh -c 'echo $(cat /k/f /anon/f /b/f)'
in_like "--volumes-from :ro" 'Read-only' --volumes-from src:ro -- sh -c 'echo >/k/x; :'
in_like "--volumes-from keeps ro" 'Read-only' --volumes-from src -- sh -c 'echo >/b/x; :'
refused "--volumes-from: unknown" 'No such container' --volumes-from nosuch busybox true
d rm -fv src >/dev/null; poll 5 eval '[ "$(d volume ls -q)" = keep ]'; d volume rm keep >/dev/null
same "no volume is left" "" "$(d volume ls -q)"

# ---- privileges ----
caps() { d run --rm "$@" busybox grep CapEff /proc/self/status 2>/dev/null | tr -d '\t' | cut -d: -f2; }
same "capabilities: default" 00000000a80425fb "$(caps)"
same "--cap-drop ALL" 0000000000000000 "$(caps --cap-drop ALL)"
same "--cap-drop all --cap-add chown" 0000000000000001 "$(caps --cap-drop all --cap-add chown)"
same "--cap-add CAP_SYS_TIME" 00000000aa0425fb "$(caps --cap-add CAP_SYS_TIME)"
same "--cap-drop one" 00000000a80405fb "$(caps --cap-drop NET_RAW)"
refused "--cap-add: unknown" 'invalid CapAdd: unknown capability' --cap-add NOSUCH busybox true
refused "--cap-drop: unknown" 'invalid CapDrop: unknown capability' --cap-drop NOSUCH busybox true
same "--privileged: what the engine has" "$(grep CapBnd "/proc/$ENGINE_PID/status" | cut -f2)" "$(caps --privileged)"
in_ "--privileged: no filter" 0 --privileged -- sh -c "awk '/^Seccomp:/{print \$2}' /proc/self/status"
in_ "default: a filter" 2 -- sh -c "awk '/^Seccomp:/{print \$2}' /proc/self/status"
in_ "seccomp=unconfined" 0 --security-opt seccomp=unconfined -- sh -c "awk '/^Seccomp:/{print \$2}' /proc/self/status"
in_ "no-new-privileges" 1 --security-opt no-new-privileges -- sh -c "awk '/^NoNewPrivs:/{print \$2}' /proc/self/status"
echo '{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["mkdir","mkdirat"],"action":"SCMP_ACT_ERRNO"}]}' >"$HOST/profile.json"
in_like "seccomp: a profile" 'Operation not permitted' --security-opt "seccomp=$HOST/profile.json" -- sh -c 'mkdir /x; :'
refused "seccomp: a bad profile" 'seccomp|profile|decode' --security-opt "seccomp=$HOST/file" busybox true
refused "--security-opt: unknown" 'invalid --security-opt' --security-opt nosuch=1 busybox true
in_like "default: no mount" 'permission denied|not permitted' -- sh -c 'mount -t tmpfs x /mnt 2>&1 || mount -t tmpfs x /tmp; :'
in_like "default: /proc/sys is read-only" 'Read-only' -- sh -c 'echo 1 >/proc/sys/kernel/domainname; :'
in_ "default: /proc/timer_list is masked" 0 -- sh -c 'cat /proc/timer_list | wc -c'
in_ "--device" "character special file 1:3" --device /dev/null:/dev/mynull -- stat -c '%F %t:%T' /dev/mynull
in_like "--device: it works" 'ok' --device /dev/zero:/dev/z:r -- sh -c 'head -c4 /dev/z >/dev/null && echo ok'
in_like "--device: not with w" 'not permitted|denied' --device /dev/kmsg:/dev/k:r -- sh -c 'echo >/dev/k; :'
refused "--device: missing" 'no such file|gathering device information' --device /dev/nosuch busybox true
refused "--device: no device" 'not a device node' --device /etc/passwd busybox true
in_like "default: mknod of a disk cannot be opened" 'not permitted' -- sh -c 'mknod /d b 8 0; cat /d; mknod /m c 1 1; cat /m; :'
in_ "default: /dev" "core fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero" -- sh -c 'ls /dev | xargs'

# ---- limits ----
in_ "--ulimit" "100 200" --ulimit nofile=100:200 -- sh -c 'echo $(ulimit -Sn) $(ulimit -Hn)'
in_ "--ulimit: core" 0 --ulimit core=0 -- sh -c 'ulimit -c'
refused "--ulimit: unknown" 'invalid ulimit' --ulimit nosuch=1 busybox true
in_ "--sysctl" 7 --sysctl net.ipv4.tcp_retries1=7 -- cat /proc/sys/net/ipv4/tcp_retries1
in_ "--sysctl: kernel.msgmax" 9000 --sysctl kernel.msgmax=9000 -- cat /proc/sys/kernel/msgmax
refused "--sysctl: not of a namespace" 'not.*(namespace|allowed|whitelist)' --sysctl kernel.panic=1 busybox true
refused "--sysctl: of the host's network" 'host|not allowed' --net host --sysctl net.ipv4.ip_forward=1 busybox true
d run -d --name lim -m 64m --memory-reservation 32m --cpus 0.5 --cpu-shares 256 --pids-limit 33 --cpuset-cpus 0 busybox sleep 100 >/dev/null
cg() { cat "/sys/fs/cgroup/$1/$(grep -E ":[^:]*\b$1\b[^:]*:" "/proc/$(field lim .State.Pid)/cgroup" | head -1 | cut -d: -f3-)/$2"; }
same "--memory" 67108864 "$(cg memory memory.limit_in_bytes)"
same "--memory: swap is twice" 134217728 "$(field lim .HostConfig.MemorySwap)"
same "--memory-reservation" 33554432 "$(cg memory memory.soft_limit_in_bytes)"
same "--cpus" "50000 100000" "$(cg cpu cpu.cfs_quota_us) $(cg cpu cpu.cfs_period_us)"
same "--cpu-shares" 256 "$(cg cpu cpu.shares)"
same "--pids-limit" 33 "$(cg pids pids.max)"
same "--cpuset-cpus" 0 "$(cg cpuset cpuset.cpus)"
same "inspect has them" "67108864 500000000 33 0 256" "$(field lim '.HostConfig|"\(.Memory) \(.NanoCpus) \(.PidsLimit) \(.CpusetCpus) \(.CpuShares)"')"
d rm -f lim >/dev/null
d run --name oom -m 16m --memory-swap 16m busybox tail /dev/zero >/dev/null 2>&1 # one line without an end
same "--memory: out of memory" "137 true" "$(field oom '"\(.State.ExitCode) \(.State.OOMKilled)"')"
d rm oom >/dev/null
in_like "--pids-limit holds" "can't fork|Resource temporarily" --pids-limit 5 -- sh -c 'for i in 1 2 3 4 5 6 7 8; do sleep 1 & done; :'
for bad in "-m 1m" "-m 64m --memory-swap 32m" "--memory-swap 64m" "--cpus 9999" "--cpus 0.5 --cpu-quota 1000" "--cpu-period 1 --cpu-quota 5000" "--cpu-quota 10" "--cpuset-cpus 999" "--cpuset-cpus x" "--memory-swappiness 101" "--oom-score-adj 2000" "--blkio-weight 5" "--pids-limit x" "--cpuset-mems 77"; do
    # shellcheck disable=SC2086
    refused "refused: $bad" '.' $bad busybox true
done
in_ "--oom-score-adj" 500 --oom-score-adj 500 -- cat /proc/self/oom_score_adj

# ---- init, namespaces ----
in_like "--init: pid 1 is not the payload" '^[2-9]$' --init -- sh -c 'echo $$'
rc "--init: exit code" 9 d run --rm --init busybox sh -c 'exit 9'
rc "--init: not found is 127" 127 d run --rm --init busybox nosuch
same "--init: orphans are reaped" 0 "$(d run -d --name ini --init busybox sh -c '(sleep 0.1 &) ; sleep 100' >/dev/null; poll 5 eval '! d exec ini pidof sleep | grep -q " "'; d exec ini ps -o stat,comm | grep -c '^Z'; d rm -f ini >/dev/null)"
same "--init: a stop is quick" ok "$(d run -d --name ini --init busybox sleep 100 >/dev/null; timeout 5 "$QA_CLIENT" stop ini >/dev/null && [ "$(field ini .State.ExitCode)" = 143 ] && echo ok; d rm -f ini >/dev/null)"
ns() { readlink "/proc/$1/ns/$2"; }
d run -d --name base --ipc shareable busybox sleep 100 >/dev/null
base=$(field base .State.Pid)
for k in pid net ipc uts mnt; do same "namespace of its own: $k" yes "$([ "$(ns "$base" $k)" != "$(ns "$ENGINE_PID" $k)" ] && echo yes)"; done
d run -d --name shared --pid container:base --net container:base --ipc container:base busybox sleep 100 >/dev/null
s=$(field shared .State.Pid)
for k in pid net ipc; do same "--$k container:" "$(ns "$base" $k)" "$(ns "$s" $k)"; done
in_ "--pid container: sees it" 2 --pid container:base -- sh -c 'ps -o args | grep -c "[s]leep 100"'
same "--net container: same address" "$(d exec base hostname -i)" "$(d exec shared hostname -i)"
d rm -f shared >/dev/null
d run -d --name hostns --pid host --ipc host --uts host --net host busybox sleep 100 >/dev/null 2>&1
h=$(field hostns .State.Pid)
for k in pid ipc uts net; do same "--$k host" "$(ns "$ENGINE_PID" $k)" "$(ns "$h" $k)"; done
d rm -f hostns >/dev/null
refused "--net container: itself unknown" 'No such container' --net container:nosuch busybox true
d create --name cold busybox true >/dev/null
refused "--net container: not running" 'not running|non running' --net container:cold busybox true
refused "--pid container: not running" 'not running|non running' --pid container:cold busybox true
d run -d --name priv busybox sleep 100 >/dev/null
refused "--ipc container: not shareable" 'shareable|non-shareable' --ipc container:priv busybox true
refused "--net nosuch" 'network nosuch not found' --net nosuch busybox true
refused "--pid nonsense" 'invalid PID mode|invalid' --pid nonsense busybox true
refused "--net container with ports" 'conflicting options' --net container:base -p 80 busybox true
refused "--net container with a hostname" 'conflicting options' --net container:base --hostname x busybox true
in_ "--net none" "lo" --net none -- sh -c 'ls /sys/class/net | xargs'
in_ "--ipc none: no /dev/shm" no --ipc none -- sh -c '[ -e /dev/shm ] && echo yes || echo no'
d rm -f base cold priv >/dev/null

# ---- what leaks in ----
in_ "no fd but 0 1 2" 3 -- sh -c 'ls -l /proc/self/fd 2>/dev/null | grep -c -e "->"'
in_ "stdin is empty without -i" "" -- cat
in_ "umask" 0022 -- sh -c umask
in_ "signals are default" 0000000000000000 -- awk '/SigBlk/{print $2}' /proc/self/status
in_ "signals are not ignored" 0000000000000000 -- awk '/SigIgn/{print $2}' /proc/self/status

settled
census_back "the census is as before" "$HOST/before"
engine_sound
finish
