# SPDX-License-Identifier: Apache-2.0
# What the tests of clients' methods share (compat/recorded.py). Needs host.sh, tap.sh, qa.sh.
#
#   methods_up              host, registry, engine, busybox loaded as compat/record does it
#   methods_run NAME CMD…   its lines "ok …" and "not ok …" are tests

methods_up() {
    trap host_down EXIT
    host_up
    host_registry || { not_ok "a registry with images"; finish; exit 1; }
    engine_start "$@" || { not_ok "engine starts"; finish; exit 1; }
    in_host curl -fs --unix-socket "$SOCK" -X POST -T "$IMAGES/busybox.tar" 'http://x/images/load?quiet=1' >/dev/null ||
        { not_ok "busybox is loaded"; finish; exit 1; }
    export HOST IMAGES
}
methods_run() {
    local name=$1 line status
    shift
    "$@" >"$HOST/tap" 2>&1
    status=$?
    while IFS= read -r line; do
        case $line in
        "ok "*) ok "${line#ok }" ;;
        "not ok "*) not_ok "${line#not ok }" ;;
        *) echo "# $line" ;;
        esac
    done <"$HOST/tap"
    check "$name came to its end" [ "$status" = "$(grep -q '^not ok' "$HOST/tap" && echo 1 || echo 0)" ]
}
