#!/bin/bash
# vm-run.sh: run a command in a throw-away virtual machine that has the host's
# own files, a stock Debian kernel and a pure cgroup v2 hierarchy.
#
#   vm-run.sh [options] -- COMMAND [ARG...]
#
#   --kernel bookworm|trixie  Debian release whose kernel is booted  [bookworm]
#   --mem SIZE, --cpus N      guest memory and processors            [4G, all]
#   --share DIR[:MODE]        show DIR at the same path inside; may be repeated.
#                             MODE rw (default; 9p, writes reach the host; no
#                             sockets, FIFOs or devices can be made there),
#                             ro, or copy (writes go to guest memory, then vanish)
#   --fresh PATH              an empty scratch directory at PATH; may be repeated
#                             (/tmp, /var/tmp, /var/lib are such ones anyway)
#   --scratch ext4|tmpfs      what /tmp, /var/tmp and /var/lib are on      [ext4]
#   --disk SIZE               size of the ext4 scratch disk (sparse)         [8G]
#   --systemd                 boot systemd as PID 1 (with D-Bus), run COMMAND as
#                             a service; without it a small shell is PID 1
#   --apparmor                AppArmor on, with its tools (default: off in the kernel)
#   --selinux                 SELinux on, without a policy; secilc on the host
#   --net                     eth0 with user-mode networking (default: lo only)
#   --env NAME[=VALUE]        pass an environment variable; may be repeated
#   --stdin                   give COMMAND this script's standard input (read to
#                             its end first); without it stdin is /dev/null
#   --timeout SEC             for everything after the set-up           [600]
#   --accel auto|kvm|tcg      [auto] tcg unless the CPU really has VMX or SVM
#   --append "ARGS"           more kernel arguments
#   --setup-only              install packages, fetch the kernel, boot nothing
#   --verbose                 progress and times on stderr
#
# Exit status: COMMAND's own (128+N when killed by signal N); 124 when the time
# is up; 125 when the set-up or the guest failed (the console's end is shown).
#
# What is writable. The guest's / is the host's / read-only through 9p with a
# tmpfs on top (overlayfs), so every binary and library installed here is there
# too, and nothing written reaches the host. /tmp, /var/tmp and /var/lib are
# on a real file system, because overlayfs refuses an upper directory on
# overlayfs; of the host's /var/lib only a few (dpkg, apt, ...) are visible, as
# links. /run, /dev/shm are tmpfs. Do not put an overlayfs upper directory on a
# shared directory either (9p): use --fresh for other paths that hold one.
#
# cgroup v2 is at /sys/fs/cgroup; every controller is enabled for children of
# the root, and COMMAND runs in /user.slice/vm-run.scope, as a login shell would.
#
# The cache (kernel and modules) is in $VM_RUN_CACHE or /var/cache/vm-run.
set -u
PROG=vm-run

KERNEL=bookworm MEM=4G CPUS= SCRATCH=ext4 DISK=8G SYSTEMD=0 APPARMOR=0 SELINUX=0 NET=0 STDIN=0
TIMEOUT=600 ACCEL=${VM_RUN_ACCEL:-auto} APPEND= SETUP_ONLY=0 VERBOSE=0
SHARES=() ENVS=() FRESH=()
CACHE=${VM_RUN_CACHE:-/var/cache/vm-run}

die()  { echo "$PROG: $*" >&2; exit 125; }
info() { [ $VERBOSE = 0 ] || echo "$PROG: [$((SECONDS))s] $*" >&2; }
usage() { sed -n '2,/^set -u/{s/^# \{0,1\}//;/^set -u/d;p}' "$0"; }

need() { [ $# -ge 2 ] || die "option $1 needs a value"; }
while [ $# -gt 0 ]; do
  case $1 in
    --kernel)  need "$@"; KERNEL=$2; shift 2 ;;
    --mem)     need "$@"; MEM=$2; shift 2 ;;
    --cpus)    need "$@"; CPUS=$2; shift 2 ;;
    --share)   need "$@"; SHARES+=("$2"); shift 2 ;;
    --fresh)   need "$@"; FRESH+=("$2"); shift 2 ;;
    --scratch) need "$@"; SCRATCH=$2; shift 2 ;;
    --disk)    need "$@"; DISK=$2; shift 2 ;;
    --env)     need "$@"; ENVS+=("$2"); shift 2 ;;
    --timeout) need "$@"; TIMEOUT=$2; shift 2 ;;
    --accel)   need "$@"; ACCEL=$2; shift 2 ;;
    --append)  need "$@"; APPEND=$2; shift 2 ;;
    --systemd) SYSTEMD=1; shift ;;
    --apparmor) APPARMOR=1; shift ;;
    --selinux) SELINUX=1; shift ;;
    --net)     NET=1; shift ;;
    --stdin)   STDIN=1; shift ;;
    --setup-only) SETUP_ONLY=1; shift ;;
    --verbose) VERBOSE=1; shift ;;
    -h|--help) usage; exit 0 ;;
    --) shift; break ;;
    -*) die "unknown option $1 (see --help)" ;;
    *) break ;;
  esac
done
[ $# -gt 0 ] || [ $SETUP_ONLY = 1 ] || die "no command given (see --help)"
case $KERNEL in bookworm|trixie) ;; *) die "unknown kernel $KERNEL" ;; esac
case $SCRATCH in ext4|tmpfs) ;; *) die "unknown scratch $SCRATCH" ;; esac
case $TIMEOUT in ''|*[!0-9]*) die "bad timeout $TIMEOUT" ;; esac
[ "$(id -u)" = 0 ] || die "needs root (it shares / with the guest)"
[ -n "$CPUS" ] || CPUS=$(nproc)

# ---------------------------------------------------------------- packages ---
# Only what is missing is installed. Another apt may be running: wait for it.
export DEBIAN_FRONTEND=noninteractive
APT=(apt-get -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3)
install_missing() {
  local want=() pair
  for pair in "$@"; do
    PATH=$PATH:/usr/sbin:/sbin command -v "${pair%%=*}" >/dev/null 2>&1 ||
      [ -e "${pair%%=*}" ] || want+=("${pair#*=}")
  done
  [ ${#want[@]} -gt 0 ] || return 0
  info "installing ${want[*]}"
  local log; log=$(mktemp)
  "${APT[@]}" install -y --no-install-recommends "${want[@]}" </dev/null >"$log" 2>&1 ||
    { "${APT[@]}" update </dev/null >>"$log" 2>&1
      "${APT[@]}" install -y --no-install-recommends "${want[@]}" </dev/null >>"$log" 2>&1; } ||
    { tail -20 "$log" >&2; rm -f "$log"; die "cannot install ${want[*]}"; }
  rm -f "$log"
}
PATH=$PATH:/usr/sbin:/sbin
mkdir -p "$CACHE" || die "cannot make $CACHE"
exec 9>"$CACHE/lock"; flock -w 600 9 || die "cache is locked by another run"
install_missing qemu-system-x86_64=qemu-system-x86 modprobe=kmod busybox=busybox-static \
  xz=xz-utils mke2fs=e2fsprogs
# The initramfs has nothing but busybox in it, so that one must be static.
file_is_static() { ! ldd "$1" >/dev/null 2>&1; }
BUSYBOX=$(command -v busybox)
file_is_static "$BUSYBOX" || { "${APT[@]}" install -y --no-install-recommends busybox-static \
  </dev/null >/dev/null 2>&1; file_is_static "$BUSYBOX" || die "busybox is not static"; }
[ $SYSTEMD = 0 ] || install_missing /lib/systemd/systemd=systemd /usr/bin/dbus-daemon=dbus
[ $APPARMOR = 0 ] || install_missing apparmor_parser=apparmor
[ $SELINUX = 0 ] || install_missing secilc=secilc

# ------------------------------------------------------------------ kernel ---
# A private apt state, so that the host's own sources and lists are untouched.
# The mirror and key are the ones the host already uses for Debian.
KDIR=$CACHE/$KERNEL
RECIPE=5                            # raise it when what is cached changes
if [ "$(cat "$KDIR/ready" 2>/dev/null)" != $RECIPE ]; then
  info "fetching the $KERNEL kernel"
  rm -rf "$KDIR"; mkdir -p "$KDIR/apt/lists/partial" "$KDIR/apt/cache/archives/partial" "$KDIR/root"
  uri=$(apt-get indextargets --format '$(LABEL)|$(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
        sed -n 's/^Debian|//p' | head -n1)
  if [ -z "$uri" ]; then            # lists never fetched: do so and look again
    "${APT[@]}" update </dev/null >/dev/null 2>&1
    uri=$(apt-get indextargets --format '$(LABEL)|$(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
          sed -n 's/^Debian|//p' | head -n1)
  fi
  [ -n "$uri" ] || die "no Debian source in this host's apt configuration"
  key=; [ ! -e /usr/share/keyrings/debian-archive-keyring.gpg ] ||
    key='[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] '
  echo "deb $key$uri $KERNEL main" >"$KDIR/apt/sources.list"
  o=(-o "Dir::Etc::sourcelist=$KDIR/apt/sources.list" -o Dir::Etc::sourceparts=/dev/null
     -o "Dir::State::lists=$KDIR/apt/lists" -o "Dir::Cache=$KDIR/apt/cache"
     -o Acquire::Languages=none -o APT::Sandbox::User=root -o Acquire::Retries=3)
  apt-get "${o[@]}" update </dev/null >"$KDIR/apt/log" 2>&1 ||
    { tail -5 "$KDIR/apt/log" >&2; die "cannot read the $KERNEL package list"; }
  # The plain kernel, not the cloud one: that one has no 9p.
  pkg=$(apt-cache "${o[@]}" depends linux-image-amd64 |
        sed -n 's/^ *Depends: *\(linux-image-[0-9][^ ]*\).*/\1/p' | head -n1)
  [ -n "$pkg" ] || die "no kernel package in $KERNEL"
  (cd "$KDIR/apt" && apt-get "${o[@]}" download "$pkg" </dev/null >>log 2>&1) ||
    { tail -5 "$KDIR/apt/log" >&2; die "cannot download $pkg"; }
  info "unpacking $pkg"
  # Unpacked, never installed: no initramfs or boot loader is touched.
  # Hardware drivers are the bulk of it and no use in a virtual machine.
  ex=(); for d in gpu media infiniband iio staging isdn usb mtd hwmon input leds \
      bluetooth nfc platform spi i2c gpio mfd regulator power rtc ata \
      net/wireless net/ethernet net/can net/usb net/dsa; do
    ex+=("--exclude=*/kernel/drivers/$d/*"); done
  dpkg-deb --fsys-tarfile "$KDIR"/apt/*.deb |
    tar -x -C "$KDIR/root" --exclude='*/usr/share/*' --exclude='*/kernel/sound/*' "${ex[@]}" ||
    die "cannot unpack $pkg"
  mv "$KDIR"/root/boot/vmlinuz-* "$KDIR/vmlinuz" || die "no kernel image in $pkg"
  mv "$KDIR"/root/boot/config-* "$KDIR/config"
  # The image's own decompressor takes seconds when emulated, so unpack it here
  # and let qemu start the ELF file (PVH). If that fails the image will do.
  try_elf() {                       # $1 magic (regexp), $2... decompressor
    local off magic=$1; shift
    for off in $(LC_ALL=C grep -aboP "$magic" "$KDIR/vmlinuz" | cut -d: -f1 | head -n 4); do
      tail -c "+$((off + 1))" "$KDIR/vmlinuz" | "$@" >"$KDIR/vmlinux" 2>/dev/null
      [ "$(head -c 4 "$KDIR/vmlinux" | tail -c 3)" = ELF ] &&
        [ "$(stat -c %s "$KDIR/vmlinux")" -gt 20000000 ] && return 0
    done
    rm -f "$KDIR/vmlinux"; return 1
  }
  try_elf '\xfd7zXZ\x00' xz -dcq || try_elf '\x28\xb5\x2f\xfd' zstd -dcq ||
    try_elf '\x1f\x8b\x08' gzip -dcq || info "no ELF kernel; booting the compressed one"
  mods=$(echo "$KDIR"/root/lib/modules/* "$KDIR"/root/usr/lib/modules/*)
  for m in $mods; do [ -d "$m" ] && KVER=${m##*/} && mkdir -p "$KDIR/lib" && mv "${m%/*}" "$KDIR/lib/modules"; done
  [ -n "${KVER:-}" ] || die "no modules in $pkg"
  depmod -b "$KDIR" "$KVER" || die "depmod failed"
  # The initramfs: busybox, and the modules that mounting the root takes.
  # Decompressed here, since busybox insmod may not read xz.
  I=$KDIR/initrd.d; mkdir -p "$I"/{bin,dev,proc,sys,mod,lower,upper,newroot}
  cp "$BUSYBOX" "$I/bin/busybox"
  n=10; : >"$KDIR/modlist"
  for m in virtio_pci 9pnet_virtio 9p overlay; do
    modprobe -d "$KDIR" -S "$KVER" --show-depends "$m" 2>/dev/null | sed -n 's/^insmod \([^ ]*\).*/\1/p'
  done | awk '!seen[$0]++' >"$KDIR/modlist"
  while read -r f; do
    b=${f##*/}; b=${b%.xz}; b=${b%.zst}; n=$((n+1))
    case $f in
      *.xz)  xz -dc "$f"   >"$I/mod/$n-$b" ;;
      *.zst) zstd -qdc "$f" >"$I/mod/$n-$b" ;;
      *)     cp "$f" "$I/mod/$n-$b" ;;
    esac || die "cannot take module $f"
  done <"$KDIR/modlist"
  [ -s "$KDIR/modlist" ] || die "modules for the root file system not found"
  cat >"$I/init" <<'STAGE1'
#!/bin/busybox sh
# Stage 1, in the initramfs: put the root together and enter it.
b=/bin/busybox
$b mount -t proc proc /proc; $b mount -t sysfs sysfs /sys; $b mount -t devtmpfs dev /dev
fail() { $b echo "vm-run: stage 1: $*" >/dev/console; $b sleep 1; $b poweroff -f; }
for m in /mod/*; do $b insmod $m || fail "insmod $m"; done
o=trans=virtio,version=9p2000.L,msize=524288
# noxattr: overlayfs asks for an attribute at every look-up, each a round trip.
$b mount -t 9p -o ro,noxattr,cache=loose,$o hostroot /lower || fail "host root"
$b mount -t tmpfs -o mode=755,size=75% tmpfs /upper || fail tmpfs
$b mkdir /upper/u /upper/w
$b mount -t overlay -o lowerdir=/lower,upperdir=/upper/u,workdir=/upper/w overlay /newroot || fail overlay
$b mount -t tmpfs -o mode=755 tmpfs /newroot/run || fail run
$b mkdir -p /newroot/run/vm-run/job /newroot/run/vm-run/bin
$b cp /bin/busybox /newroot/run/vm-run/bin/
$b mount -t 9p -o cache=none,$o vmjob /newroot/run/vm-run/job || fail job
: >/newroot/run/vm-run/job/booted
for m in proc sys dev; do $b mount --move /$m /newroot/$m || fail "move $m"; done
exec $b switch_root /newroot /run/vm-run/bin/busybox sh /run/vm-run/job/stage2
fail "switch_root"
STAGE1
  chmod +x "$I/init"
  (cd "$I" && find . | "$BUSYBOX" cpio -o -H newc 2>/dev/null) >"$KDIR/initrd" || die "cannot make the initramfs"
  rm -rf "$I" "$KDIR/root" "$KDIR/apt"
  echo "$KVER" >"$KDIR/version"
  echo $RECIPE >"$KDIR/ready"
fi
KVER=$(cat "$KDIR/version")
flock -u 9; exec 9>&-
info "kernel $KVER is ready"
[ $SETUP_ONLY = 0 ] || exit 0

# --------------------------------------------------------------------- job ---
# A run that was killed outright leaves its directory behind: remove such ones.
for d in "${TMPDIR:-/tmp}"/vm-run.??????; do
  [ -O "$d/pid" ] && ! [ -L "$d" ] && ! kill -0 "$(cat "$d/pid")" 2>/dev/null && rm -rf "$d"
done
JOB=$(mktemp -d "${TMPDIR:-/tmp}/vm-run.XXXXXX") || die "no temporary directory"
echo $$ >"$JOB/pid"
QEMU= CATS=()
stop_qemu() {                       # ends only the process started below
  [ -n "$QEMU" ] || return 0
  kill -TERM "$QEMU" 2>/dev/null
  local i; for i in 1 2 3 4 5 6 7 8 9 10; do kill -0 "$QEMU" 2>/dev/null || break; sleep 0.2; done
  kill -KILL "$QEMU" 2>/dev/null; wait "$QEMU" 2>/dev/null; QEMU=
}
cleanup() {
  trap - EXIT INT TERM HUP
  stop_qemu
  local p; for p in ${CATS[@]+"${CATS[@]}"}; do kill "$p" 2>/dev/null; done
  rm -rf "$JOB"
}
trap cleanup EXIT
trap 'cleanup; exit 130' INT
trap 'cleanup; exit 143' TERM HUP

# The command, with its arguments and environment quoted for bash.
{
  for e in ${ENVS[@]+"${ENVS[@]}"}; do
    case $e in *=*) ;; *) e="$e=${!e-}" ;; esac
    printf 'export %s=%q\n' "${e%%=*}" "${e#*=}"
  done
  printf 'cd -- %q 2>/dev/null || cd /\n' "$PWD"
  printf 'exec'; printf ' %q' "$@"; echo
} >"$JOB/command"
if [ $STDIN = 1 ]; then cat >"$JOB/stdin"; fi

# Shares, each with its own 9p tag.
QARGS=() i=0; : >"$JOB/shares"
for s in ${SHARES[@]+"${SHARES[@]}"}; do
  mode=rw; case $s in *:rw|*:ro|*:copy) mode=${s##*:}; s=${s%:*} ;; esac
  d=$(readlink -f -- "$s"); [ -d "$d" ] || die "--share: $s is no directory"
  case $d in *[,:\\]*|*' '*) die "--share: odd character in $d" ;; esac
  ro=; [ $mode = rw ] || ro=,readonly=on
  QARGS+=(-virtfs "local,path=$d,mount_tag=share$i,security_model=passthrough,multidevs=remap$ro")
  echo "share$i $mode $d" >>"$JOB/shares"; i=$((i+1))
done
printf '%s\n' ${FRESH[@]+"${FRESH[@]}"} >"$JOB/fresh"
if [ $SCRATCH = ext4 ]; then
  truncate -s "$DISK" "$JOB/disk" &&
    mke2fs -q -F -t ext4 -O ^has_journal -E lazy_itable_init=1,discard -m 0 "$JOB/disk" </dev/null >/dev/null 2>&1 ||
    die "cannot make the scratch disk"
  QARGS+=(-drive "file=$JOB/disk,format=raw,if=virtio,cache=unsafe,discard=unmap")
fi
[ $NET = 0 ] || QARGS+=(-netdev user,id=n0 -device virtio-net-pci,netdev=n0,romfile=)
cat >"$JOB/conf" <<CONF
KVER=$KVER SCRATCH=$SCRATCH SYSTEMD=$SYSTEMD NET=$NET NOW=@$(date +%s) HOSTNAME_IN=vm-$KERNEL
MODULES=$KDIR/lib/modules
CONF

# Stage 2 runs in the guest, on the new root, as PID 1. It is for busybox sh,
# which has nearly all of these commands built in: starting a program from the
# host's root takes a tenth of a second and more under emulation.
cat >"$JOB/stage2" <<'STAGE2'
#!/run/vm-run/bin/busybox sh
J=/run/vm-run/job
. $J/conf
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=dumb LANG=C.UTF-8
exec </dev/null >/dev/console 2>&1
fail() { echo "vm-run: stage 2: $*"; sleep 1; poweroff -f; }
date -s "$NOW" >/dev/null          # a TCG guest's clock may have slipped
# Modules first: from here on the kernel loads what is asked for by itself.
mkdir -p /lib/modules; mount --bind "$MODULES" /lib/modules || fail modules
# fuse, tun, loop: for their /dev nodes.
/sbin/modprobe -a virtio_console virtio_blk ext4 fuse tun loop || fail modprobe
mkdir -p /dev/pts /dev/shm /dev/mqueue
mount -t devpts -o gid=5,mode=620,ptmxmode=666 devpts /dev/pts
mount -t tmpfs -o mode=1777 tmpfs /dev/shm
mount -t mqueue mqueue /dev/mqueue
mount -t securityfs securityfs /sys/kernel/security
mount -t bpf bpf /sys/fs/bpf
mount -t tracefs tracefs /sys/kernel/tracing 2>/dev/null
[ -e /dev/fd ] || ln -s /proc/self/fd /dev/fd
for n in 0:stdin 1:stdout 2:stderr; do [ -e /dev/${n#*:} ] || ln -s /proc/self/fd/${n%:*} /dev/${n#*:}; done
# Scratch: a real file system for /tmp, /var/tmp, /var/lib.
S=/run/vm-run/scratch; mkdir -p $S
if [ $SCRATCH = ext4 ]; then
  mount -t ext4 -o noatime,discard /dev/vda $S || fail "scratch disk"
else mount -t tmpfs -o size=75%,mode=755 tmpfs $S; fi
mkdir -m 1777 $S/tmp $S/vartmp; mkdir $S/varlib $S/fresh
mkdir -p /run/vm-run/host; mount --bind / /run/vm-run/host   # /'s own /var/lib
for d in dpkg apt dbus pam ucf apparmor ca-certificates; do
  [ -e /var/lib/$d ] && ln -s /run/vm-run/host/var/lib/$d $S/varlib/$d
done
mount --bind $S/varlib /var/lib; mount --bind $S/tmp /tmp; mount --bind $S/vartmp /var/tmp
n=0; while read -r d; do [ -n "$d" ] || continue
  n=$((n+1)); mkdir -p "$S/fresh/$n" "$d" && mount --bind "$S/fresh/$n" "$d" || fail "fresh $d"
done <$J/fresh
# Shares come last: they may lie below /tmp.
O=trans=virtio,version=9p2000.L,msize=524288
while read -r tag mode d; do
  mkdir -p "$d"
  case $mode in
    rw) mount -t 9p -o cache=mmap,$O $tag "$d" ;;
    ro) mount -t 9p -o ro,cache=loose,$O $tag "$d" ;;
    copy) l=/run/vm-run/$tag; mkdir -p $l/l $l/t; mount -t 9p -o ro,cache=loose,$O $tag $l/l &&
      mount -t tmpfs tmpfs $l/t && mkdir $l/t/u $l/t/w &&
      mount -t overlay -o lowerdir=$l/l,upperdir=$l/t/u,workdir=$l/t/w overlay "$d" ;;
  esac || fail "share $d"
done <$J/shares
# Network: names and loopback; a fixed address if user-mode networking was asked for.
hostname $HOSTNAME_IN
rm -f /etc/hostname /etc/hosts; echo $HOSTNAME_IN >/etc/hostname
printf '127.0.0.1 localhost %s\n::1 localhost ip6-localhost\n' $HOSTNAME_IN >/etc/hosts
ip link set lo up
if [ $NET = 1 ]; then
  /sbin/modprobe virtio_net; ip addr add 10.0.2.15/24 dev eth0; ip link set eth0 up
  ip route add default via 10.0.2.2; rm -f /etc/resolv.conf; echo nameserver 10.0.2.3 >/etc/resolv.conf
fi
[ -s /etc/machine-id ] || tr -d - </proc/sys/kernel/random/uuid >/etc/machine-id
# cgroup v2, and every controller for the root's children.
mount -t cgroup2 -o nsdelegate,memory_recursiveprot cgroup2 /sys/fs/cgroup || fail cgroup2
for c in $(cat /sys/fs/cgroup/cgroup.controllers); do echo +$c >/sys/fs/cgroup/cgroup.subtree_control; done
# The ports of the virtio console, by name (no udev here).
mkdir -p /run/vm-run/port
for p in /sys/class/virtio-ports/*; do ln -s /dev/${p##*/} /run/vm-run/port/$(cat $p/name); done

# What runs the command. A port can be opened once only, so its output goes
# through pipes; daemons left behind may hold those open, so do not wait for
# their ends for ever.
cat >/run/vm-run/run <<'RUN'
#!/bin/bash
J=/run/vm-run/job
b=/run/vm-run/bin/busybox
in=/dev/null; [ ! -e $J/stdin ] || in=$J/stdin
$b mkfifo /run/vm-run/o /run/vm-run/e
$b cat /run/vm-run/o >/run/vm-run/port/out & o=$!
$b cat /run/vm-run/e >/run/vm-run/port/err & e=$!
(
  [ -z "${VM_CGROUP:-}" ] || echo $BASHPID >$VM_CGROUP/cgroup.procs
  unset VM_CGROUP J o e b
  exec /bin/bash /run/vm-run/job/command
) <$in >/run/vm-run/o 2>/run/vm-run/e & c=$!
: >$J/started
wait $c; rc=$?
for i in 1 2 3 4 5 6 7 8 9 10; do
  kill -0 $o 2>/dev/null || kill -0 $e 2>/dev/null || break; $b sleep 0.1
done
kill $o $e 2>/dev/null; wait $o $e 2>/dev/null
echo $rc >$J/rc.new; $b mv $J/rc.new $J/rc
exit 0
RUN
chmod +x /run/vm-run/run
cat >/run/vm-run/off <<'OFF'
#!/run/vm-run/bin/busybox sh
while read -r tag mode d; do [ $mode != rw ] || timeout 20 sync -f "$d"; done </run/vm-run/job/shares
exec /run/vm-run/bin/busybox poweroff -f
OFF
chmod +x /run/vm-run/off

if [ $SYSTEMD = 0 ]; then
  for c in user.slice user.slice/vm-run.scope; do
    mkdir /sys/fs/cgroup/$c
    [ $c != user.slice ] || for k in $(cat /sys/fs/cgroup/cgroup.controllers); do echo +$k >/sys/fs/cgroup/$c/cgroup.subtree_control; done
  done
  VM_CGROUP=/sys/fs/cgroup/user.slice/vm-run.scope /run/vm-run/run &
  wait $!
  /run/vm-run/off
  fail "no power off"
fi

# systemd: none of the host's own services, only the base system, D-Bus and us.
: >/etc/fstab
U=/run/vm-run/units; mkdir $U
for u in systemd-firstboot systemd-timesyncd systemd-networkd systemd-resolved systemd-random-seed \
    systemd-update-utmp systemd-udev-settle e2scrub_reap ldconfig systemd-hwdb-update \
    systemd-journal-catalog-update systemd-pcrphase systemd-pcrphase-sysinit modprobe@drm; do ln -s /dev/null $U/$u.service; done
ln -s /dev/null $U/tmp.mount
cat >$U/vm-run.target <<'UNIT'
[Unit]
Requires=basic.target vm-run.service
Wants=dbus.service
AllowIsolate=yes
UNIT
cat >$U/vm-run.service <<'UNIT'
[Unit]
After=basic.target dbus.service
[Service]
Type=exec
Environment=HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin TERM=dumb LANG=C.UTF-8
ExecStart=/run/vm-run/run
ExecStopPost=/run/vm-run/off
TimeoutStartSec=infinity
TasksMax=infinity
OOMPolicy=continue
UNIT
mount --bind $U /etc/systemd/system
exec /lib/systemd/systemd --unit=vm-run.target --show-status=no --log-target=console --log-level=warning
fail "no systemd"
STAGE2

# -------------------------------------------------------------------- boot ---
# /dev/kvm alone says little: under some hypervisors it is there but only runs
# guests made for it. Where the CPU shows VMX or SVM it is the real thing.
if [ "$ACCEL" = auto ]; then
  if [ -w /dev/kvm ] && grep -qwE 'vmx|svm' /proc/cpuinfo; then ACCEL=kvm; else ACCEL=tcg; fi
fi

boot() {                            # $1 accelerator; leaves QEMU set
  local acc k=$KDIR/vmlinux; [ -e "$k" ] || k=$KDIR/vmlinuz
  case $1 in
    kvm) acc=(-accel kvm -cpu host) ;;
    # la57=off: 4-level page tables cost less to emulate.
    tcg) acc=(-accel tcg,thread=multi,tb-size=512 -cpu max,la57=off) ;;
    *) die "unknown accelerator $1" ;;
  esac
  local lsm="apparmor=0"; [ $APPARMOR = 0 ] || lsm="apparmor=1 security=apparmor"
  [ $SELINUX = 0 ] || lsm="security=selinux selinux=1"
  rm -f "$JOB"/{booted,started,rc,out,err}; mkfifo "$JOB/out" "$JOB/err" || die mkfifo
  # Not on qemu's own descriptors: qemu would change their flags.
  cat "$JOB/out" & CATS=($!)
  cat "$JOB/err" >&2 & CATS+=($!)
  # pdeathsig: should this script be killed outright, its qemu goes too.
  setpriv --pdeathsig KILL -- qemu-system-x86_64 "${acc[@]}" -M q35,usb=off,vmport=off -m "$MEM" -smp "$CPUS" \
    -nodefaults -no-user-config -no-reboot -display none \
    -serial "file:$JOB/console" -kernel "$k" -initrd "$KDIR/initrd" \
    -append "console=ttyS0 quiet loglevel=4 panic=-1 mitigations=off nokaslr nowatchdog cryptomgr.notests systemd.unified_cgroup_hierarchy=1 net.ifnames=0 $lsm $APPEND" \
    -virtfs local,path=/,mount_tag=hostroot,security_model=passthrough,readonly=on,multidevs=remap \
    -virtfs "local,path=$JOB,mount_tag=vmjob,security_model=passthrough,multidevs=remap" \
    -device virtio-serial-pci -chardev "file,id=out,path=$JOB/out" -chardev "file,id=err,path=$JOB/err" \
    -device virtserialport,chardev=out,name=out -device virtserialport,chardev=err,name=err \
    -object rng-random,id=rng0,filename=/dev/urandom -device virtio-rng-pci,rng=rng0 \
    ${QARGS[@]+"${QARGS[@]}"} </dev/null >"$JOB/qemu.log" 2>&1 &
  QEMU=$!
}

begin=$SECONDS
info "booting ($ACCEL)"
boot "$ACCEL"
seen=0 status= done_at=
while :; do
  if ! kill -0 "$QEMU" 2>/dev/null; then wait "$QEMU" 2>/dev/null; QEMU=; fi
  if [ $seen -lt 1 ] && [ -e "$JOB/booted" ];  then seen=1; info "root mounted"; fi
  if [ $seen -lt 2 ] && [ -e "$JOB/started" ]; then seen=2; info "command started"; fi
  [ -n "$QEMU" ] || break
  if [ $ACCEL = kvm ] && [ $seen = 0 ] && [ $((SECONDS - begin)) -ge 30 ]; then
    info "no sign of life under kvm, trying tcg"
    stop_qemu; for p in "${CATS[@]}"; do kill "$p" 2>/dev/null; done
    ACCEL=tcg; boot tcg
  fi
  if [ $((SECONDS - begin)) -ge "$TIMEOUT" ]; then
    echo "$PROG: time is up after $TIMEOUT s" >&2; stop_qemu; status=124; break
  fi
  # The result is there but the guest does not go off: do not wait for that.
  [ -n "$done_at" ] || [ ! -e "$JOB/rc" ] || done_at=$SECONDS
  if [ -n "$done_at" ] && [ $((SECONDS - done_at)) -ge 30 ]; then stop_qemu; break; fi
  sleep 0.2
done
# qemu has ended: its ends of the pipes are closed, and what is in them is read.
for p in "${CATS[@]}"; do wait "$p" 2>/dev/null; done; CATS=()
if [ -z "$status" ]; then
  status=$(cat "$JOB/rc" 2>/dev/null)
  case $status in ''|*[!0-9]*)
    echo "$PROG: the guest ended without a result; its console ends with:" >&2
    tail -n 30 "$JOB/console" "$JOB/qemu.log" >&2; status=125 ;;
  esac
fi
[ $VERBOSE = 0 ] || { [ ! -s "$JOB/console" ] || tail -n 15 "$JOB/console" | sed 's/^/vm-run: console: /' >&2; }
info "ended with $status"
exit "$status"
