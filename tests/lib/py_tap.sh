# SPDX-License-Identifier: Apache-2.0
# For tests that are python programs with engines of their own (faults/engine_kit.py): a host for
# them, and their TAP as that of the script. Needs host.sh, tap.sh.
#
#   py_up            host and images; a test with more to clean up defines py_down first
#   py_run FILE      runs it in the host's netns; the script goes on with more checks, and `finish`

py_down() { :; }
py_end() {
    [ ! -e "$HOST/engine.pid" ] || ENGINE_PID=$(cat "$HOST/engine.pid")
    py_down
    host_down
}
py_up() {
    trap py_end EXIT
    host_up
    images_make
    export HOST SOCK BERTH_BIN HOST_NS_PID IMAGES
}
py_run() {
    local status
    in_host python3 "$1" | tee "$HOST/tap" | grep --line-buffered -v '^1\.\.'
    status=${PIPESTATUS[0]}
    TAP_N=$(grep -c -E '^(not )?ok ' "$HOST/tap")
    TAP_FAILED=$(grep -c '^not ok ' "$HOST/tap")
    [ "$status" = 0 ] || [ "$TAP_FAILED" != 0 ] || not_ok "$1 ended early"
}
