#!/bin/bash
# What Debian 12 must have. `packages.sh build` or `packages.sh test`: installs what is missing.
set -eu
BUILD="gcc cmake ninja-build pkg-config libc6-dev libuv1-dev libseccomp-dev libcap-dev
 libcurl4-openssl-dev libarchive-dev libsqlite3-dev libssl-dev libmnl-dev libnftables-dev
 libcjson-dev zlib1g-dev libsystemd-dev libselinux1-dev node-llhttp ca-certificates scdoc"
DEMO="busybox-static docker-registry skopeo curl iproute2 util-linux python3 procps"
TEST="$DEMO docker.io docker-compose nftables iputils-ping python3-docker jq strace clang-format clang
 libclang-rt-14-dev prometheus umoci podman zstd socat dnsmasq-base dnsutils iperf3 iptables debootstrap
 xfsprogs btrfs-progs man-db bsdextrautils zsh fish"

case ${1:-build} in
build) want=$BUILD ;;
demo) want="$BUILD $DEMO" ;;
test) want="$BUILD $TEST" ;;
ansible) want=ansible ;; # tests/run compat-ansible
packaging) want="debhelper lintian debootstrap" ;; # tests/run packaging
*) echo "usage: packages.sh build|demo|test|ansible|packaging" >&2; exit 2 ;;
esac

[ "${1:-build}" != test ] || command -v npm >/dev/null || want="$want nodejs npm"

install() { # PACKAGE…
    # Services of these packages must not start here: they would meddle with the machine's network.
    local policy=/usr/sbin/policy-rc.d
    export DEBIAN_FRONTEND=noninteractive
    if [ ! -e $policy ]; then
        printf '#!/bin/sh\nexit 101\n' >$policy
        chmod +x $policy
        trap "rm -f $policy" EXIT
    fi
    apt-get -o DPkg::Lock::Timeout=600 -qq update >/dev/null
    apt-get -o DPkg::Lock::Timeout=600 -qq install -y --no-install-recommends "$@" >/dev/null
}

missing=
for p in $want; do
    dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q 'ok installed' || missing="$missing $p"
done
if [ -n "$missing" ]; then
    echo "installing:$missing"
    # shellcheck disable=SC2086
    install $missing
fi
[ "${1:-build}" != test ] || bash "$(dirname "$0")/npm.sh"
