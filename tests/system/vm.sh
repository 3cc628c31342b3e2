#!/bin/bash
# The engine on cgroup v2 and Debian 12's own kernel: in_vm.sh in a virtual machine (lib/vm-run.sh)
# that has this host's files. The programs are installed with cmake --install and run from
# /usr/local/bin. Emulated, it takes minutes. BERTH_VM=0 leaves it out; BERTH_VM=1 makes a machine
# that cannot be had (no packages, no kernel) a failure; BERTH_VM_KERNEL=trixie boots 6.12.
# BERTH_VM_SECURITY="NAME…" runs these of tests/security in it instead ("tests/run vm-security").
cd "$(dirname "$0")" && . ../lib/host.sh
[ "${BERTH_VM:-auto}" != 0 ] || { echo "1..0 # SKIP BERTH_VM=0"; exit 0; }
[ "$(id -u)" = 0 ] || { echo "1..0 # SKIP needs root"; exit 0; }
dir=$(mktemp -d /tmp/berth-vm.XXXXXX)
trap 'rm -rf "$dir"' EXIT
trap 'exit 143' TERM INT

fail() { # NAME LOG
    echo "not ok 1 - $1"
    tail -20 "$2" | sed 's/^/# /'
    echo "1..1"
    exit 1
}
vm() { bash ../lib/vm-run.sh --kernel "${BERTH_VM_KERNEL:-bookworm}" "$@"; }

if ! vm --setup-only >"$dir/log" 2>&1; then
    [ "${BERTH_VM:-auto}" != 1 ] || fail "a virtual machine" "$dir/log"
    echo "1..0 # SKIP no virtual machine: $(tail -1 "$dir/log")"
    exit 0
fi
images_make
{ python3 ../lib/images_deep.py "$dir" && cp "$IMAGES/busybox.tar" "$IMAGES/"ready-* "$dir/"; } \
    >"$dir/log" 2>&1 || fail "images" "$dir/log"
cmake --install "$(dirname "$BERTH_BIN")" --prefix "$dir/usr" >"$dir/log" 2>&1 ||
    fail "cmake --install" "$dir/log"
mkdir -p "$dir/tests/system" && cp -r ../lib "$dir/tests/" && cp in_vm.sh in_vm_limits.py "$dir/tests/system/"
test=system/in_vm.sh
if [ -n "${BERTH_VM_SECURITY:-}" ]; then
    test="security/in_vm.sh $BERTH_VM_SECURITY"
    cp -r ../security "$dir/tests/"
    for i in syscall_probe swapper aliens seizer churn matrix_probe payload_fds slow_kill.so; do cp "$BERTH_BIN/$i" "$dir/usr/bin/"; done
fi
cat >"$dir/go" <<GO
cp $dir/usr/bin/* /usr/local/bin/
cp -r $dir /tmp/berth-vm
cd /tmp/berth-vm/tests && exec bash $test
GO
vm --share "$dir:ro" --env BERTH_BIN=/usr/local/bin --env IMAGES=/tmp/berth-vm \
    --env BERTH_IMAGES=/tmp/berth-vm --timeout "${BERTH_VM_TIMEOUT:-1400}" -- bash "$dir/go"
