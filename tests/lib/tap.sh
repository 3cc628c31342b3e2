# TAP for shell tests: `check NAME CMD…` runs CMD (a function or program) in a subshell: what it sets
# is lost. `finish` prints the plan.
TAP_N=0 TAP_FAILED=0 TAP_FINISHED=

ok() { TAP_N=$((TAP_N + 1)); echo "ok $TAP_N - $1"; }
not_ok() {
    TAP_N=$((TAP_N + 1)); TAP_FAILED=$((TAP_FAILED + 1))
    echo "not ok $TAP_N - $1"
    [ -z "${2:-}" ] || printf '%s\n' "$2" | head -20 | sed 's/^/# /'
}
check() {
    local name=$1 out; shift
    if out=$("$@" 2>&1); then ok "$name"; else not_ok "$name" "$out"; fi
}
# same NAME EXPECTED GOT
same() {
    if [ "$2" = "$3" ]; then ok "$1"; else not_ok "$1" "$(printf 'expected: %s\ngot:      %s' "$2" "$3")"; fi
}
# like NAME REGEX GOT (extended, any line)
like() {
    if printf '%s\n' "$3" | grep -Eq -- "$2"; then ok "$1"; else not_ok "$1" "$(printf 'expected match: %s\ngot: %s' "$2" "$3")"; fi
}
finish() { TAP_FINISHED=1; echo "1..$TAP_N"; [ "$TAP_FAILED" = 0 ]; }
