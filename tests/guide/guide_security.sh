#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The guide's section 8, "Security Feature Interpretation", item by item: what a container has by
# default, that what is dangerous must be asked for, that whoever asks is warned and audit lists it.
. "$(dirname "$0")/kit.sh"
guide_up
guide_image busybox
mkdir "$HOST/shared" && chmod 755 "$HOST" # as /srv is
with /usr/bin/docker

sh_() { c run --rm busybox sh -c "$1"; }
caps() { grep CapEff: | tr -d '[:space:]' | cut -d: -f2; }
# risky ITEM CAPABILITY NUMBER RISK: not had by default; --cap-add gives it and warns, audit lists it.
# Where the engine itself lacks it, it is refused.
risky() {
    local out name=$2
    like "8.$1 $name: is not a default" "^no$" "$( (( (0x$DEFAULT >> $3) & 1 )) && echo yes || echo no)"
    out=$(c run -d --name "cap-$name" --cap-add "$name" busybox sleep 1000)
    if printf '%s\n' "$out" | grep -q "not available in the current environment"; then
        like "8.$1 $name: is refused, this machine does not have it" "CAP_$name" "$out"
        c rm -f "cap-$name" >/dev/null
        return
    fi
    like "8.$1 $name: is warned of" "WARNING: --cap-add $name: .*($4)" "$out"
    like "8.$1 $name: is given" "^yes$" "$( (( (0x$(c exec "cap-$name" grep CapEff: /proc/self/status | caps) >> $3) & 1 )) && echo yes)"
    like "8.$1 $name: is in the audit" "cap-$(tr 'A-Z_' 'a-z-' <<<"$name"): " "$(in_host "$BERTH" audit "cap-$name")"
    c rm -f "cap-$name" >/dev/null
}
# said ITEM NAME WARNING RULE RUN-OPTIONS…: warned of at create, and listed by audit with its rule
said() {
    local item=$1 name=$2 warning=$3 rule=$4 out; shift 4
    out=$(c create --name said "$@" busybox true)
    like "8.$item $name: is warned of" "WARNING: .*($warning)" "$out"
    like "8.$item $name: is in the audit" " ($rule): " "$(in_host "$BERTH" audit said)"
    c rm -f said >/dev/null
}

# ---- 1: the defaults ----
DEFAULT=$(sh_ 'cat /proc/self/status' | caps)
set_of() { python3 -c 'import sys; print(sum(1 << int(n) for n in sys.argv[1:]))' "$@"; }
# CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP NET_BIND_SERVICE SYS_CHROOT KILL AUDIT_WRITE
same "8.1 the default's 14 capabilities, and no other" "$(set_of 0 1 4 3 27 13 6 7 31 8 10 18 5 29)" "$((0x$DEFAULT))"
same "8.1 nor may it ever have more" "$DEFAULT" "$(sh_ 'grep CapBnd: /proc/self/status' | cut -f2)"
same "8.1 the same for exec" "$DEFAULT" "$(c run -d --name ex busybox sleep 1000 >/dev/null; c exec ex cat /proc/self/status | caps; c rm -f ex >/dev/null)"
like "8.1 a call that is not in the list fails (EPERM)" "unshare: .*not permitted" "$(sh_ 'unshare -m true')"
same "8.1 the filter is on" 2 "$(sh_ 'grep Seccomp: /proc/self/status' | cut -f2)"
same "8.1 calls come with their capability" works "$(c run --rm --cap-add SYS_ADMIN busybox sh -c 'unshare -m true && echo works' | grep -v WARNING)"
like "8.1 a capability that is not is refused by name" "invalid|[Uu]nknown|CAP_NOSUCH" "$(c run --rm --cap-add NOSUCH busybox true)"

# ---- 2 to 7, 11 to 17: capabilities ----
like "8.2 no module is loaded or removed" "rmmod: .*not permitted" "$(sh_ 'rmmod nosuch')"
risky 2 SYS_MODULE 16 module
OUT=$(sh_ 'mount -t tmpfs x /tmp; umount /proc; nsenter -t 1 -m true; unshare -u true; hostname mine; losetup /dev/loop0 /etc/passwd')
like "8.3 nothing is mounted" "mount: permission denied" "$OUT"
like "8.3 nor unmounted" "umount: .*not permitted" "$OUT"
like "8.3 no namespace is entered" "nsenter: .*not permitted" "$OUT"
like "8.3 nor made" "unshare: .*not permitted" "$OUT"
like "8.3 the host name is not set" "sethostname: .*not permitted" "$OUT"
like "8.3 no driver is reached" "losetup: .*(No such|not permitted)" "$OUT"
risky 3 SYS_ADMIN 21 "mount|escape"
same "8.3 with it all of that works" "mine mounted" "$(c run --rm --cap-add SYS_ADMIN busybox sh -c 'hostname mine && mount -t tmpfs x /tmp && unshare -u true && echo $(hostname) mounted' | grep -v WARNING)"
like "8.4 no interface is made" "not permitted" "$(sh_ 'ip link add d0 type dummy')"
risky 4 NET_ADMIN 12 "interfaces|traffic"
same "8.4 with it only those of its own network are reached" "eth0 lo" "$(c run --rm --cap-add NET_ADMIN busybox ls /sys/class/net | grep -v WARNING | tr -s ' \n' '\n' | sed 's/\x1b\[[0-9;]*m//g' | sort | xargs)"
risky 5 DAC_READ_SEARCH 2 handle
same "8.6 no I/O port and no memory of the host" "" "$(sh_ 'ls /dev/port /dev/mem 2>/dev/null')"
like "8.6 nor by a node of one's own" "not permitted" "$(sh_ 'mknod /tmp/port c 1 4; cat /tmp/port')"
risky 6 SYS_RAWIO 17 "I/O|crash"
risky 7 SYS_PTRACE 19 "trace|seccomp"
OUT=$(c run -d --name all --cap-add all busybox sleep 1000)
like "8.8 --cap-add all: is warned of" "WARNING: --cap-add ALL.*take over the host" "$OUT"
like "8.8 --cap-add all: is in the audit" " cap-all: " "$(in_host "$BERTH" audit all)"
same "8.8 --cap-add all: is all that there are" "$(grep CapBnd: /proc/self/status | cut -f2)" "$(c exec all grep CapEff: /proc/self/status | cut -f2)"
c rm -f all >/dev/null
risky 11 AUDIT_CONTROL 30 audit
risky 12 BLOCK_SUSPEND 36 suspend
risky 12 WAKE_ALARM 35 suspend
risky 13 IPC_LOCK 14 memory
like "8.14 the kernel's log is not read" "dmesg: .*not permitted" "$(sh_ dmesg)"
risky 14 SYSLOG 34 kernel
risky 15 SYS_NICE 23 scheduling
like "8.16 no limit is raised" "not permitted" "$(sh_ 'ulimit -Hn 99999999')"
risky 16 SYS_RESOURCE 24 limits
like "8.17 the clock is not set" "not permitted" "$(sh_ 'date -s 2001-01-01')"
risky 17 SYS_TIME 25 clock

# ---- 9: seccomp ----
said 9 "seccomp unconfined" "seccomp is off" seccomp-unconfined --security-opt seccomp:unconfined
same "8.9 seccomp unconfined: is done" 0 "$(c run --rm --security-opt seccomp:unconfined busybox grep Seccomp: /proc/self/status | grep -v WARNING | cut -f2)"
echo '{"defaultAction":"SCMP_ACT_ALLOW"}' >"$HOST/profile.json"
said 9 "a profile of one's own" "profile of your own" seccomp-profile --security-opt "seccomp=$HOST/profile.json"

# ---- 10: /proc and /sys ----
OUT=$(sh_ 'for f in /proc/sys/kernel/core_pattern /proc/sysrq-trigger /proc/irq/default_smp_affinity /sys/kernel/mm/ksm/run /sys/fs/cgroup/x; do
    [ ! -e ${f%/*} ] || (echo x >$f) 2>/dev/null && echo wrote $f; done; mount | grep -E " on /sys " | grep -c ro,')
same "8.10 /proc and /sys are not written" 1 "$OUT"
like "8.10 nor mounted over" "/proc" "$(c run --rm -v "$HOST/shared:/proc" busybox true)"
said 10 "--privileged" "--privileged: .*/proc and /sys" privileged --privileged
said 10 "systempaths=unconfined" "masked|read-only" "unmasked-paths|writable-proc" --security-opt systempaths=unconfined
for path in /proc /sys /proc/sys; do said 10 "$path of the host" "$path of the host is mounted" writable-proc -v "$path:/x"; done

# ---- 18: what the defaults may do to the host ----
c run --rm -v "$HOST/shared:/s" busybox sh -c 'cp /bin/busybox /s/su; chmod 4755 /s/su' >/dev/null
like "8.18 a set-user-ID program in a shared folder is one on the host" "^4755$" "$(stat -c %a "$HOST/shared/su")"
OUT=$(c create --name said -v "$HOST/shared:/s" busybox true)
like "8.18 so sharing a folder that users reach is warned of" "WARNING: .*set-user-ID" "$OUT"
like "8.18 and is in the audit" " setuid-share: " "$(in_host "$BERTH" audit said)"
c rm said >/dev/null
same "8.18 not when it is read-only" "" "$(c create --name said -v "$HOST/shared:/s:ro" busybox true | grep WARNING)"
c rm said >/dev/null
said 18 "AUDIT_WRITE that is asked for" "--cap-add AUDIT_WRITE: .*flood" cap-audit-write --cap-add AUDIT_WRITE
said 18 "AUDIT_WRITE asked for alone" "--cap-add AUDIT_WRITE: .*flood" cap-audit-write --cap-drop ALL --cap-add CAP_AUDIT_WRITE
same "8.18 AUDIT_WRITE of the default set: no warning" "" "$(c create --name said busybox true | grep WARNING)"
like "8.18 but a note of the audit" "cap-audit-write" "$(in_host "$BERTH" audit --severity note said)"
c rm said >/dev/null
c run --name flood --log-opt max-size=1m --log-opt max-file=2 busybox sh -c 'yes 0123456789012345678901234567890123456789 | head -c 8000000' >/dev/null
check "8.18 what a container writes to its log is bounded" test "$(du -sk "$(dirname "$(c inspect -f '{{.LogPath}}' flood)")" | cut -f1)" -lt 3000
c rm flood >/dev/null
like "8.18 also when nobody says so" "20m.*5|5.*20m|max-file|^map\[\]$" "$(c run -d --name quiet busybox true >/dev/null; c inspect -f '{{.HostConfig.LogConfig.Config}}' quiet; c rm -f quiet >/dev/null)"

# ---- 19: namespaces of the host ----
for what in pid ipc uts network; do
    said 19 "--$what host" "--(net|$what) host: " "host-$what" --$what host
done
same "8.19 a container sees no process of the host" 1 "$(sh_ 'ls -d /proc/[0-9]* | grep -vx "/proc/1" | wc -l' | sed 's/^[1-4]$/1/')"
like "8.19 --pid host does" "^yes$" "$(c run --rm --pid host busybox sh -c "[ -e /proc/$ENGINE_PID/comm ] && grep -q berthd /proc/$ENGINE_PID/comm && echo yes")"
like "8.19 and may kill them" "^killed$" "$(sleep 1000 & c run --rm --pid host busybox kill $! >/dev/null; sleep 0.2; kill -0 $! 2>/dev/null || echo killed)"

# ---- 20: devices and folders of the host ----
said 20 "--device" "--device /dev/null: " host-device --device /dev/null:/dev/x
said 20 "--device-cgroup-rule" "--device-cgroup-rule" "device-rule|device" --device-cgroup-rule 'b *:* rwm'
for path in / /etc /dev /boot /root /usr; do
    [ ! -e $path ] || said 20 "-v $path" "$path of the host (\(.*\) )?is mounted" sensitive-folder -v "$path:/x:ro"
done
said 20 "the engine's socket" "controls the engine" engine-socket -v "$SOCK:/var/run/docker.sock"
same "8.20 none of the host's by default" "" "$(sh_ 'ls /dev/sd? /dev/vd? /dev/nvme* /dev/mem /dev/kmsg 2>/dev/null')"
like "8.20 nor by a node of one's own" "not permitted" "$(sh_ 'mknod /tmp/disk b 254 0 && head -c 1 /tmp/disk')"
finish
