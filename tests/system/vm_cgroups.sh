#!/bin/bash
# Cgroup v2 where systemd is the manager, and systemd in a container: in_vm_cgroups.sh in a virtual
# machine. The Debian that boots in there is made once, by debootstrap; without it that part is left
# out.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/vm.sh
vm_begin
DEBIAN=/var/cache/vm-run/debian-systemd.tar # the machine sees it there
debian_make() {
    local root=$VM_DIR/debian
    debootstrap --variant=minbase --include=systemd,systemd-sysv bookworm "$root" &&
        rm -rf "$root"/usr/share/{doc,man,locale,zoneinfo} "$root"/var/{cache,lib}/apt/* "$root/dev" &&
        mkdir "$root/dev" && tar -C "$root" -c . >"$DEBIAN.new" && mv "$DEBIAN.new" "$DEBIAN"
    rm -rf "$root"
}
[ -e "$DEBIAN" ] || debian_make >"$VM_DIR/log" 2>&1 || echo "# no Debian: $(tail -1 "$VM_DIR/log")"
vm_test in_vm_cgroups.sh --systemd --env "DEBIAN=$DEBIAN"
