# SPDX-License-Identifier: Apache-2.0
# What the security tests share: an engine with busybox and hostile images, a canary folder
# outside of everything that no container may touch.   security_up [IMAGE…]
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh
D=/usr/bin/docker
CANARY=/tmp/berth-outside # the hostile images name it

security_down() { host_down; rm -rf "$CANARY"; }
security_up() {
    exec 8>/tmp/berth-outside.lock && flock 8 # one test at a time: the canary's name is in images
    trap security_down EXIT
    host_up
    images_make
    canary_make
    mkdir -p "$HOST/hostile"
    python3 hostile.py "$HOST/hostile" "$IMAGES/busybox.tar" "$BERTH_BIN" || exit 1
    engine_start 8>&- || { not_ok "engine starts"; finish; exit 1; }
    load "$IMAGES/busybox.tar" >/dev/null
    local i
    for i in "$@"; do load "$HOST/hostile/$i.tar" >/dev/null; done
}
canary_make() {
    rm -rf "$CANARY" && mkdir -m 700 "$CANARY" && echo canary >"$CANARY/file" && chmod 600 "$CANARY/file"
    CANARY_SUM=$(canary_sum)
}
canary_sum() { find "$CANARY" -printf '%p %m %u %s %T@ %i\n' | sort; cat "$CANARY/file"; }
untouched() { # NAME
    same "$1: nothing outside has changed" "$CANARY_SUM" "$(canary_sum)"
    [ "$CANARY_SUM" = "$(canary_sum)" ] || canary_make
}
load() { curl -s --max-time 30 --unix-socket "$SOCK" -H 'Content-Type: application/x-tar' --data-binary "@$1" http://x/images/load; }
api() { # METHOD PATH [JSON]: the answer's body
    local method=$1 path=$2; shift 2
    curl -s --max-time 30 --unix-socket "$SOCK" -X "$method" ${1:+-H 'Content-Type: application/json' -d "$1"} "http://x$path"
}
run() { in_host timeout 30 $D run --rm "$@" 2>&1 8>&-; }
alive() { [ "$(api GET /_ping)" = OK ]; }
