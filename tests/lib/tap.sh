# TAP for shell tests: `check NAME CMD…` runs CMD (a function or program) in a subshell: what it sets
# is lost. `finish` prints the plan. What a test waits for it asks for:
#
#   poll SECONDS CMD…     until CMD succeeds; four times as long on a machine that is busy, no longer
#                         than a second where much has failed already (an engine that is gone)
#   stays SECONDS CMD…    CMD succeeds, and goes on doing so for that time
# Random moments are SEED's: tests/run gives one, which is always the same; "long" leaves it to chance.
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
poll() {
    local patience=$(($1 * 4000000))
    [ "$TAP_FAILED" -lt 10 ] || patience=1000000
    local end=$((${EPOCHREALTIME/./} + patience))
    shift
    until "$@" >/dev/null 2>&1; do
        [ "${EPOCHREALTIME/./}" -lt $end ] || return 1
        sleep 0.05
    done
}
stays() {
    local end=$((${EPOCHREALTIME/./} + $(echo "$1" | awk '{ print int($1 * 1000000) }')))
    shift
    while "$@" >/dev/null 2>&1; do
        [ "${EPOCHREALTIME/./}" -lt $end ] || return 0
        sleep 0.1
    done
    return 1
}
seed() {
    export SEED=${SEED:-$SRANDOM}
    RANDOM=$SEED
    echo "# seed $SEED"
}
finish() { ! declare -F check_500 >/dev/null || check_500; TAP_FINISHED=1; echo "1..$TAP_N"; [ "$TAP_FAILED" = 0 ]; }
