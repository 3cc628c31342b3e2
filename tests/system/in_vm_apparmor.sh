#!/bin/bash
# AppArmor where the kernel has it. Run by apparmor.sh inside its machine (in_vm.sh says of what kind).
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/qa.sh
trap host_down EXIT
host_up
LOADED=/sys/kernel/security/apparmor/profiles
b() { in_host timeout 60 "$BERTH" "$@"; }
same "no profile of ours is loaded" 0 "$(grep -c '^berth-default ' $LOADED)"
engine_start || { not_ok "engine starts"; finish; exit 1; }
same "the engine loads its own" "berth-default (enforce)" "$(grep '^berth-default ' $LOADED)"
like "info" 'apparmor' "$(b info)"
b load -q -i "$IMAGES/busybox.tar" >/dev/null
shown() { b inspect -f '{{.AppArmorProfile}}' "$1"; }
current='cat /proc/self/attr/apparmor/current'

# Nothing is masked or read-only, and all capabilities: what is denied is denied by the profile.
OPEN=(--cap-add ALL --security-opt seccomp=unconfined --security-opt systempaths=unconfined)
tries='
echo sysrq=$( (echo h >/proc/sysrq-trigger) 2>&1)
for i in domainname core_pattern sysrq; do echo setting=$( (echo x >/proc/sys/kernel/$i) 2>&1); done
echo bus=$( (echo x >/proc/bus/pci/devices) 2>&1)
echo mount=$(mount -t tmpfs x /mnt 2>&1)
echo uevent=$( (echo x >/sys/kernel/uevent_helper) 2>&1)
echo shm=$( (echo 70000 >/proc/sys/kernel/shmmax) 2>&1 && echo yes)
echo profile=$(cat /proc/self/attr/apparmor/current)'
got() { printf '%s\n' "$2" | sed -n "s/^$1=//p"; }
mkdir -p "$HOST/mnt"
out=$(b run --rm "${OPEN[@]}" -v "$HOST/mnt:/mnt" busybox sh -c "$tries" 2>&1)
same "run: confined" "berth-default (enforce)" "$(got profile "$out")"
like "run: /proc/sysrq-trigger" 'Permission denied' "$(got sysrq "$out")"
same "run: settings of the kernel's" 3 "$(got setting "$out" | grep -c 'Permission denied')"
like "run: the rest of /proc" 'Permission denied' "$(got bus "$out")"
like "run: a mount" '(Permission|permission) denied' "$(got mount "$out")"
like "run: a setting in /sys" 'denied|Read-only' "$(got uevent "$out")"
same "run: what is the container's own" yes "$(got shm "$out")"
out=$(b run --rm "${OPEN[@]}" --security-opt apparmor=unconfined -v "$HOST/mnt:/mnt" busybox sh -c "$tries" 2>&1)
same "unconfined" "unconfined" "$(got profile "$out")"
same "unconfined: the same mount" "" "$(got mount "$out")"
same "--privileged: unconfined" "unconfined" "$(b run --rm --privileged busybox $current 2>&1 | grep -v WARN)"

# ---- ptrace across profiles, exec, init, user namespaces ----
b run -d --name cc --pid host --cap-add SYS_PTRACE busybox sleep 1000 >/dev/null 2>&1
sleep 3333 & other=$!
like "ptrace: a process of the host's, seen by --pid host" 'denied' "$(b exec cc cat /proc/$other/environ /proc/$other/maps 2>&1 | tail -1)"
kill $other
same "exec: confined" "berth-default (enforce)" "$(b exec cc $current)"
same "exec --privileged: confined" "berth-default (enforce)" "$(b exec --privileged cc $current)"
same "inspect" "berth-default" "$(shown cc)"
same "--init: both" "berth-default (enforce) berth-default (enforce)" \
    "$(b run --rm --init busybox sh -c 'echo $(cat /proc/1/attr/apparmor/current /proc/self/attr/apparmor/current)')"
same "a user, no-new-privileges" "berth-default (enforce)" "$(b run --rm -u 1000 --security-opt no-new-privileges busybox $current)"
b run -d --name donor busybox sleep 1000 >/dev/null
same "--pid container:" "berth-default (enforce)" "$(b run --rm --pid container:donor busybox $current)"
echo 'berth:1000000:131072' | tee /etc/subuid >/etc/subgid
engine_stop; engine_start || not_ok "engine starts"
same "--userns auto" "berth-default (enforce)" "$(b run --rm --userns auto busybox $current)"
b run -d --name un --userns auto busybox sleep 1000 >/dev/null
same "--userns auto: exec" "berth-default (enforce)" "$(b exec un $current)"

# ---- profiles of one's own ----
printf 'profile mine flags=(attach_disconnected) { file, network, capability, signal, deny /etc/shadow r, deny /etc/group r, }\n' | apparmor_parser -Kr
out=$(b run --rm --name own --security-opt apparmor=mine busybox sh -c "$current; cat /etc/group" 2>&1)
like "apparmor=NAME" '^mine \(enforce\)' "$out"
like "apparmor=NAME: its rules" 'denied' "$out"
b create --name named --security-opt apparmor=mine busybox true >/dev/null
same "apparmor=NAME: inspect" mine "$(shown named)"
like "a profile that is not loaded" 'unable to apply apparmor profile nosuch: no such file or directory .it is not loaded' \
    "$(b run --rm --security-opt apparmor=nosuch busybox true 2>&1)"
b rm -f $(b ps -aq) >/dev/null
finish
