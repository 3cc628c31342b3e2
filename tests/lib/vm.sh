# A test inside a virtual machine (vm-run.sh) that has this host's files, a cgroup v2 and Debian's
# own kernel: the programs are installed with cmake --install and run from /usr/local/bin. Sourced
# behind host.sh. Emulated, it takes minutes. BERTH_VM=0 leaves it out; BERTH_VM=1 makes a machine
# that cannot be had (no packages, no kernel) a failure; BERTH_VM_KERNEL=trixie boots 6.12.
#
#   vm_begin [OPTIONS…]      skips where there is no machine; sets VM_DIR, which the machine has at
#                            /tmp/berth-vm, with the images busybox.tar, three.tar and many.tar
#   vm_test SCRIPT OPTIONS…  runs the script of tests/system in it; options are vm-run.sh's

VM_DIR=
vm_fail() { # NAME LOG
    echo "not ok 1 - $1"
    tail -20 "$2" | sed 's/^/# /'
    echo "1..1"
    exit 1
}
vm() { bash "$BERTH_SRC/tests/lib/vm-run.sh" --kernel "${BERTH_VM_KERNEL:-bookworm}" "$@"; }

vm_begin() { # options of vm-run.sh that install something
    [ "${BERTH_VM:-auto}" != 0 ] || { echo "1..0 # SKIP BERTH_VM=0"; exit 0; }
    [ "$(id -u)" = 0 ] || { echo "1..0 # SKIP needs root"; exit 0; }
    VM_DIR=$(mktemp -d /tmp/berth-vm.XXXXXX)
    trap 'rm -rf "$VM_DIR"' EXIT
    trap 'exit 143' TERM INT
    if ! vm --setup-only "$@" >"$VM_DIR/log" 2>&1; then
        [ "${BERTH_VM:-auto}" != 1 ] || vm_fail "a virtual machine" "$VM_DIR/log"
        echo "1..0 # SKIP no virtual machine: $(tail -1 "$VM_DIR/log")"
        exit 0
    fi
    images_make
    { python3 "$BERTH_SRC/tests/lib/images_deep.py" "$VM_DIR" &&
        cp "$IMAGES/busybox.tar" "$IMAGES/"ready-* "$VM_DIR/"; } >"$VM_DIR/log" 2>&1 ||
        vm_fail "images" "$VM_DIR/log"
    cmake --install "$(dirname "$BERTH_BIN")" --prefix "$VM_DIR/usr" >"$VM_DIR/log" 2>&1 ||
        vm_fail "cmake --install" "$VM_DIR/log"
    mkdir -p "$VM_DIR/tests"
    cp -r "$BERTH_SRC/tests/lib" "$BERTH_SRC/tests/system" "$VM_DIR/tests/"
}
vm_test() {
    local script=$1
    shift
    cat >"$VM_DIR/go" <<GO
cp $VM_DIR/usr/bin/* $VM_DIR/usr/sbin/* $VM_DIR/usr/libexec/berth/* /usr/local/bin/
cp -r $VM_DIR /tmp/berth-vm
cd /tmp/berth-vm/tests/system && exec bash $script
GO
    vm --share "$VM_DIR:ro" --env BERTH_BIN=/usr/local/bin --env IMAGES=/tmp/berth-vm \
        --env BERTH_IMAGES=/tmp/berth-vm --timeout "${BERTH_VM_TIMEOUT:-1400}" "$@" -- bash "$VM_DIR/go"
}
