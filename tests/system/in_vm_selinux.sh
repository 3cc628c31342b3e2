#!/bin/bash
# SELinux where the kernel has it. Run by vm_selinux.sh inside its machine (in_vm.sh says of what
# kind); the policy is tests/lib/selinux_policy.py's: container_t may touch container_file_t of its
# own categories alone.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/qa.sh
trap host_down EXIT
host_up
b() { in_host timeout 60 "$BERTH" "$@"; }
validate() { "$BERTH_BIN/berthd" --validate --selinux-enabled 2>&1; }

# ---- the engine ----
like "no policy is loaded: refused" '--selinux-enabled: SELinux is off on this host' "$(validate)"
mount -t selinuxfs selinuxfs /sys/fs/selinux
like "nor is one when the file system is there" 'SELinux is off on this host' "$(validate)"
dd if=/tmp/berth-vm/policy of=/sys/fs/selinux/load bs=16M 2>/dev/null || not_ok "the policy is loaded"
mkdir -p /etc/selinux/berth/contexts
printf 'SELINUX=enforcing\nSELINUXTYPE=berth\n' >/etc/selinux/config
CONTEXTS=/etc/selinux/berth/contexts/lxc_contexts
printf 'process = "system_u:system_r:container_t:s0"\n' >$CONTEXTS
like "a policy without files for containers" 'lxc_contexts: there is no line file' "$(validate)"
printf 'process = "system_u:system_r:nosuch_t:s0"\nfile = "system_u:object_r:container_file_t:s0"\n' >$CONTEXTS
like "a type that the policy has not" 'has no context "system_u:system_r:nosuch_t:s0"' "$(validate)"
printf '# of the test\nprocess = "system_u:system_r:container_t:s0"\nfile = "system_u:object_r:container_file_t:s0"\nro_file = "system_u:object_r:container_ro_file_t:s0"\n' >$CONTEXTS
check "accepted" "$BERTH_BIN/berthd" --validate --selinux-enabled
chcon system_u:object_r:shown_t:s0 /dev/null # what a real policy calls null_device_t
echo 1 >/sys/fs/selinux/enforce

engine_start || { not_ok "engine starts"; finish; exit 1; }
b load -q -i "$IMAGES/busybox.tar" >/dev/null
like "without the flag: labels are refused" 'label=type:x: the engine does not set SELinux labels .berthd --selinux-enabled' \
    "$(b run --rm --security-opt label=type:x busybox true 2>&1)"
b run -d --name before busybox sleep 1000 >/dev/null
same "without the flag: no label" "system_u:system_r:kernel_t:s0-s0:c0.c1023" "$(b exec before cat /proc/self/attr/current | tr -d '\0')"
same "without the flag: inspect" "[] []" "$(b inspect -f '[{{.ProcessLabel}}] [{{.MountLabel}}]' before)"
engine_stop
engine_start --selinux-enabled || { not_ok "engine starts"; finish; exit 1; }
same "layers of before have got their label" "system_u:object_r:container_ro_file_t:s0" \
    "$(find "$HOST/data/layers" -exec stat -c %C {} + | sort -u)"
like "info" 'name=selinux|selinux' "$(b info)"

# ---- a container ----
plabel() { b inspect -f '{{.ProcessLabel}}' "$1"; }
mlabel() { b inspect -f '{{.MountLabel}}' "$1"; }
current='cat /proc/self/attr/current'
in_() { b exec "$@" 2>&1 | tr -d '\0' | grep -v '^WARN'; }
level() { plabel "$1" | cut -d: -f4-; }
b run -d --name one busybox sleep 1000 >/dev/null
b run -d --name two busybox sleep 1000 >/dev/null
P1=$(plabel one) L1=$(level one)
like "a process label" '^system_u:system_r:container_t:s0:c[0-9]+,c[0-9]+$' "$P1"
same "a mount label, of the same categories" "system_u:object_r:container_file_t:$L1" "$(mlabel one)"
check "two containers differ" [ "$L1" != "$(level two)" ]
same "its first process has it" "$P1" "$(tr -d '\0' <"/proc/$(b inspect -f '{{.State.Pid}}' one)/attr/current")"
same "an exec has it" "$P1" "$(in_ one $current)"
same "exec --privileged has it" "$P1" "$(in_ --privileged one $current)"
label_of() { stat -c %C "/proc/$(b inspect -f "{{.State.Pid}}" "$1")/root$2" 2>&1; }
M1=$(mlabel one)
for path in / /bin/busybox /dev /dev/null /dev/pts /dev/shm /dev/mqueue /etc/hosts /etc/resolv.conf; do
    same "$path has the mount label" "$M1" "$(label_of one $path)"
done
same "it may read and write its own" "yes 1 2" \
    "$(in_ one sh -c 'echo 1 >/f; echo 2 >/dev/shm/f; test -w /dev/null && echo yes $(cat /f /dev/shm/f)')"
like "names are resolved" localhost "$(in_ one cat /etc/hosts)"
same "-t: a terminal" "$L1" "$(b exec -t one sh -c 'echo ok >/dev/tty; cat /proc/self/attr/current' | tr -d '\0\r' | sed -n 's/.*container_t://p')"
b restart -t 0 one >/dev/null
same "a restart keeps it" "$P1 $M1" "$(plabel one) $(label_of one /)"
engine_kill; engine_start --selinux-enabled || not_ok "engine starts"
same "an engine that was killed: kept" "$P1 $P1" "$(plabel one) $(in_ one $current)"
same "--rm, a user, no-new-privileges" container_t "$(b run --rm -u 1000 --security-opt no-new-privileges busybox $current | cut -d: -f3)"
same "--init: both" "container_t container_t" \
    "$(b run --rm --init busybox sh -c 'for i in 1 self; do cut -d: -f3 /proc/$i/attr/current; done' | xargs)"
same "--read-only --tmpfs" yes "$(b run --rm --read-only --tmpfs /t busybox sh -c 'echo 1 >/t/f && echo yes' 2>&1)"
echo 'berth:1000000:131072' | tee /etc/subuid >/etc/subgid
engine_stop; engine_start --selinux-enabled || not_ok "engine starts"
same "--userns auto" "container_t yes" "$(b run --rm --userns auto busybox sh -c 'echo $(cut -d: -f3 /proc/self/attr/current) $(echo 1 >/f && echo yes)' 2>&1)"

# ---- what is denied ----
mkdir -p "$HOST/plain" "$HOST/z" "$HOST/Z/sub"
echo secret | tee "$HOST/plain/f" "$HOST/z/f" "$HOST/Z/f" >"$HOST/Z/sub/f"
ln -s /etc/passwd "$HOST/Z/link"
like "a bind as it is: denied" 'ermission denied' "$(b run --rm --cap-add ALL -v "$HOST/plain:/v" busybox cat /v/f 2>&1)"
same "label=disable: not denied" secret "$(b run --rm --security-opt label=disable -v "$HOST/plain:/v" busybox cat /v/f 2>&1 | grep -v WARN)"
attr() { stat -c %C "$1" 2>&1; }
b run -d --name own -v "$HOST/Z:/v:Z" busybox sleep 1000 >/dev/null
same ":Z: its own" secret "$(in_ own cat /v/f)"
same ":Z: what is below, and the link itself" "$(mlabel own) $(mlabel own)" "$(attr "$HOST/Z/sub/f") $(attr "$HOST/Z/link")"
check ":Z: not where the link leads" [ "$(attr /etc/passwd)" != "$(mlabel own)" ]
like ":Z: another container's: denied" 'ermission denied' "$(b run --rm -v "$HOST/Z:/v" busybox cat /v/f 2>&1)"
same ":z: everybody's" "secret secret" "$(echo $(b run --rm -v "$HOST/z:/v:z" busybox cat /v/f 2>&1) $(b run --rm -v "$HOST/z:/v" busybox cat /v/f 2>&1))"
same ":z: without categories" "system_u:object_r:container_file_t:s0" "$(attr "$HOST/z/f")"
same ":ro,z: labelled all the same" secret "$(chcon system_u:object_r:host_t:s0 "$HOST/z/f"; b run --rm -v "$HOST/z:/v:ro,z" busybox cat /v/f 2>&1)"
for path in / /etc /usr /var/lib; do
    like ":Z of $path: refused" "SELinux relabeling of $path is not allowed" "$(b run --rm -v "$path:/v:Z" busybox true 2>&1)"
done
ln -s /etc "$HOST/etc"
like ":Z of /etc by another name: refused" 'SELinux relabeling of .* is not allowed' "$(b run --rm -v "$HOST/etc:/v:Z" busybox true 2>&1)"
same "a volume is everybody's" "1 yes" "$(echo $(b run --rm -v vol:/v busybox sh -c 'echo 1 >/v/f; cat /v/f' 2>&1) $(b run --rm -v vol:/v busybox sh -c 'cat /v/f >/dev/null && echo yes' 2>&1))"
same "an image mount" yes "$(b run --rm --mount type=image,source=busybox,target=/i busybox sh -c 'test -x /i/bin/busybox && /i/bin/busybox echo yes' 2>&1)"
in_ two sh -c 'sleep 600 & echo $!' >/dev/null
like "another's processes by --pid host of a confined one" 'ermission denied|denied' \
    "$(b run --rm --pid host --security-opt "label=level:s0:c1,c2" --cap-add ALL busybox sh -c "cat /proc/$(b inspect -f '{{.State.Pid}}' two)/environ" 2>&1 | tail -1)"

# ---- options ----
own_level() { b run --rm "$@" busybox $current 2>&1 | tr -d '\0' | grep -v '^WARN'; }
same "label=disable" "system_u:system_r:kernel_t:s0-s0:c0.c1023" "$(own_level --security-opt label=disable)"
same "--privileged" "system_u:system_r:kernel_t:s0-s0:c0.c1023" "$(own_level --privileged)"
b create --name priv --privileged busybox true >/dev/null 2>&1
same "--privileged: inspect" "[] [system_u:object_r:container_file_t:s0:c1022,c1023]" "$(b inspect -f '[{{.ProcessLabel}}] [{{.MountLabel}}]' priv)"
same "label=level:" "system_u:system_r:container_t:s0:c100,c200" "$(own_level --security-opt label=level:s0:c100,c200)"
same "label:level:, the old spelling" "system_u:system_r:container_t:s0:c100,c200" "$(own_level --security-opt label:level:s0:c100,c200)"
like "label=type:" '^system_u:system_r:spc_t:s0:c' "$(own_level --security-opt label=type:spc_t)"
like "label=filetype:" ':other_file_t:' "$(b create --name ft --security-opt label=filetype:other_file_t busybox true >/dev/null; mlabel ft)"
like "a type that the policy has not: refused" 'has no context "system_u:system_r:nosuch_t:s0:c' \
    "$(b create --security-opt label=type:nosuch_t busybox true 2>&1)"
like "what is no option" 'bad label option "colour:red"' "$(b create --security-opt label=colour:red busybox true 2>&1)"
same "--pid container: the same label" "$P1" "$(own_level --pid container:one)"
same "--ipc container: the same label" "$P1" "$(b run -d --name sha --ipc shareable busybox sleep 1000 >/dev/null; b run --rm --ipc container:sha busybox $current 2>&1 | tr -d '\0' | sed "s/^$(plabel sha)\$/$P1/")"
like "--pid and --ipc of two: refused" "labels aren't the same" "$(b create --pid container:one --ipc container:sha busybox true 2>&1)"
like "audit: label=disable" 'label-disable' "$(b run -d --name dis --security-opt label=disable busybox sleep 1000 >/dev/null 2>&1; b audit 2>&1)"

# ---- files by the engine, builds ----
echo here >"$HOST/here"
b cp "$HOST/here" one:/here
same "cp: the container may read it" here "$(in_ one cat /here)"
b commit one committed >/dev/null
same "commit: of another container's categories" here "$(b run --rm committed cat /here 2>&1)"
mkdir "$HOST/ctx"; printf 'FROM busybox\nRUN echo built >/b && cut -d: -f3 /proc/self/attr/current >/l\n' >"$HOST/ctx/Dockerfile"
b build -q -t built "$HOST/ctx" >"$HOST/build.log" 2>&1
same "build: RUN is confined" "built container_t" "$(b run --rm built sh -c 'echo $(cat /b /l)' 2>&1)"

# ---- the engine without the flag again ----
engine_stop; engine_start || not_ok "engine starts"
same "without the flag: what runs is as it was, and its execs" "$P1" "$(in_ one $current)"
b restart -t 0 one >/dev/null
same "without the flag: from the next start on without" "system_u:system_r:kernel_t:s0-s0:c0.c1023 []" "$(in_ one $current) [$(plabel one)]"
engine_stop; engine_start --selinux-enabled || not_ok "engine starts"
same "with it: as it runs" "[]" "[$(plabel one)]"
b restart -t 0 one >/dev/null
like "with it: from the next start on with one" '^system_u:system_r:container_t:s0:c[0-9]+,c[0-9]+$' "$(plabel one)"
b rm -f $(b ps -aq) >/dev/null
[ $TAP_FAILED = 0 ] || { dmesg | grep -E 'avc:|SELinux:.*denied' | tail -40; tail -20 "$HOST/engine.log"; } | sed 's/^/# /'
finish
