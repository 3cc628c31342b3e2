#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Fuzzes every parser with libFuzzer, ASan and UBSan: TAP. FUZZ_JOBS (2) at a time; the parsers of the
# network for FUZZ_SECONDS (60), the others for FUZZ_OTHERS (5). What libFuzzer finds interesting is
# kept in BUILD/corpus/NOUN and used the next time; an input that hurts is printed, kept and a failure.
#   run.sh [--fixed] [BUILD [NOUN…]]
# --fixed: always the same inputs, the same number of them, whatever was found before.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/lib/tap.sh
FIXED=
[ "${1:-}" != --fixed ] || { FIXED=1; shift; }
BUILD=${1:-$PWD/build-fuzz}
[ $# = 0 ] || shift
LONG=" dns netlink port port_spec subnet "
LOGS=$(mktemp -d /tmp/berth-fuzz.XXXXXX)
trap 'rm -rf "$LOGS"' EXIT

command -v clang >/dev/null || { echo "1..0 # SKIP no clang"; exit 0; }
nouns() { find tests/fuzz -name 'fuzz_*.c' | sed 's|.*/fuzz_||; s|\.c$||' | sort; }
[ $# -gt 0 ] || set -- $(nouns)
targets=()
for noun; do targets+=("fuzz_$noun"); done
if ! CC=clang tests/lib/build.sh "$BUILD" -DCMAKE_BUILD_TYPE=RelWithDebInfo -DBERTH_FUZZ=ON \
    -DBERTH_SANITIZE=ON -DBERTH_TESTS=ON -DBERTH_WERROR=ON --target "${targets[@]}" >"$LOGS/build" 2>&1; then
    not_ok "the fuzzers are built" "$(tail -20 "$LOGS/build")"
    finish; exit 1
fi

# The same run everywhere: no addresses or clocks in it, the corpus in the order of its names. (What
# use_cmp learns of comparisons depends on when they were made.)
fuzz_fixed() { # NOUN
    local noun=$1 runs=10000
    case $LONG in *" $noun "*) runs=60000 ;; esac
    [ "$noun" != unpack ] || runs=3000 # each is some files
    mkdir -p "$BUILD/corpus"
    find "tests/fuzz/corpus/$noun" -type f | LC_ALL=C sort | paste -sd, >"$LOGS/$noun.seeds"
    timeout 900 setarch -R "$BUILD/bin/fuzz_$noun" -seed=1 -runs=$runs -reload=0 -use_cmp=0 -timeout=60 \
        -rss_limit_mb=2048 -print_final_stats=1 -artifact_prefix="$BUILD/corpus/$noun-bad-" \
        "-seed_inputs=@$LOGS/$noun.seeds" >"$LOGS/$noun" 2>&1
    echo $? >"$LOGS/$noun.status"
}
fuzz() { # NOUN
    local noun=$1 seconds=${FUZZ_OTHERS:-5} found=$BUILD/corpus/$1
    case $LONG in *" $noun "*) seconds=${FUZZ_SECONDS:-60} ;; esac
    mkdir -p "$found"
    # -timeout: an input that takes this long is a bug, too
    timeout $((seconds + 60)) "$BUILD/bin/fuzz_$noun" -max_total_time="$seconds" -timeout=10 \
        -rss_limit_mb=2048 -print_final_stats=1 -artifact_prefix="$found-bad-" "$found" \
        "tests/fuzz/corpus/$noun" >"$LOGS/$noun" 2>&1
    echo $? >"$LOGS/$noun.status"
}

# The long ones first, so that the end is not one that runs alone.
order=()
for noun; do case $LONG in *" $noun "*) order+=("$noun") ;; esac; done
for noun; do case $LONG in *" $noun "*) ;; *) order+=("$noun") ;; esac; done
for noun in "${order[@]}"; do
    while [ "$(jobs -rp | wc -l)" -ge "${FUZZ_JOBS:-2}" ]; do wait -n; done
    "fuzz${FIXED:+_fixed}" "$noun" &
done
wait
for noun in "${order[@]}"; do
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$LOGS/$noun")
    if [ "$(cat "$LOGS/$noun.status")" = 0 ] && [ "${runs:-0}" -gt 0 ]; then
        ok "$noun: $runs inputs$([ -n "$FIXED" ] || echo ", $(find "$BUILD/corpus/$noun" -type f | wc -l) kept")"
    else
        not_ok "$noun" "$(grep -vE '^(#[0-9]|NEW_FUNC|INFO)' "$LOGS/$noun" | head -60
            find "$BUILD/corpus" -maxdepth 1 -name "$noun-bad-*" -newer "$LOGS/build" -exec sh -c 'echo "$1:"; xxd "$1" | head -20' _ {} \;)"
    fi
done
finish
