# SPDX-License-Identifier: Apache-2.0
# What the guide's tests share: a host, an engine, and every client that is on this machine. A test's
# name begins with the number of its sentence in docs/GUIDE.md.
#
#   guide_up [ENGINE ARGS]   host and engine      guide_image NAME   an image without a registry
#   each SECTION             calls it for each client: c ARGS… runs the client, $N is its name
#   with CLIENT              makes it the client
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh

guide_up() {
    trap host_down EXIT
    host_up
    images_make
    [ -z "${GUIDE_REGISTRY:-}" ] || guide_registry || { not_ok "a registry with images"; finish; exit 1; }
    engine_start "$@" || { not_ok "engine starts"; finish; exit 1; }
}
guide_image() { curl -s --unix-socket "$SOCK" -X POST -T "$IMAGES/$1.tar" 'http://x/images/load?quiet=1' >/dev/null; }

# The guide's registry has an address of its own; the same stands in for Docker's official one.
guide_registry() {
    local i
    host_registry && in_host ip addr add 192.168.1.110/32 dev lo || return 1
    nsenter --net="/proc/$HOST_NS_PID/ns/net" -- \
        socat TCP-LISTEN:5000,bind=192.168.1.110,fork,reuseaddr TCP:127.0.0.1:5000 &
    disown
    for i in busybox registry; do
        in_host skopeo copy -q --insecure-policy --src-tls-verify=false --dest-tls-verify=false \
            "docker://127.0.0.1:5000/$i" "docker://127.0.0.1:5000/library/$i" || return 1
    done
}

c() { in_host timeout -k 5 60 "$CLIENT" "$@" 2>&1; }
with() {
    CLIENT=$1
    case $1 in
    /usr/bin/docker) N=docker-20 ;;
    /usr/local/bin/docker) N=docker-new ;;
    *) N=berth ;;
    esac
}
each() {
    local client
    for client in /usr/bin/docker /usr/local/bin/docker "$BERTH"; do
        [ -x "$client" ] && "$client" --version >/dev/null 2>&1 || continue
        with "$client"
        "$1"
    done
}
# What a person types at a terminal, and what it shows.
typed() { # LINE… -- ARGS…
    local lines=()
    while [ "$1" != -- ]; do lines+=("$1"); shift; done
    shift
    in_host python3 ../lib/typist.py "${lines[@]}" -- "$CLIENT" "$@" 2>&1 | tr -d '\r'
}
