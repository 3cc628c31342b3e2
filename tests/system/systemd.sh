#!/bin/bash
# --systemd: what is refused and what is filled in. cgroup v1 here: vm_cgroups.sh boots a Debian.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/census.sh && . ../lib/qa.sh
qa_up
b() { in_host "$BERTH" "$@"; }
root=$HOST/root
mkdir -p "$root/bin" "$root/usr/lib/systemd" "$root/sbin" && cp /bin/busybox "$root/bin/sh"
printf '#!/bin/sh\necho booted\n' >"$root/usr/lib/systemd/systemd"
chmod +x "$root/usr/lib/systemd/systemd" && ln -sf ../usr/lib/systemd/systemd "$root/sbin/init"
tar -C "$root" -c . | d import - system >/dev/null
boots() { # COMMAND ARGS…
    local command=$1; shift
    d rm -f boots >/dev/null 2>&1
    b run --rm --name boots "$@" system "$command" 2>&1 | grep -v WARNING
}
said='is systemd, which cannot run in an ordinary container: for a system container use --systemd=true'
like "without the option: a sentence" "/usr/lib/systemd/systemd $said" "$(boots /usr/lib/systemd/systemd)"
like "by whatever link" "/sbin/init $said" "$(boots /sbin/init)"
same "--systemd=false: as it is" booted "$(boots /sbin/init --systemd=false)"
same "--privileged: as it is" booted "$(boots /sbin/init --privileged)"
same "another init is no systemd" "" "$(b run --rm busybox /bin/true)"
fails "no such value" 'it is true, auto or false' b create --systemd=maybe busybox true
if grep -q ' cgroup .*memory' /proc/mounts; then
    fails "cgroup v1: refused with the reason" '--systemd needs cgroup v2' b create --systemd=true busybox true
    fails "auto, by the command" '--systemd needs cgroup v2' b create --systemd=auto busybox /sbin/init
fi
id=$(b create --systemd=auto busybox true)
same "auto: another command is none" "false null" "$(field "$id" '.HostConfig|"\(.Systemd) \(.Tmpfs)"')"
engine_sound
finish
