#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Looks at the programs of an optimised build for what cmake/hardening.cmake promises: by what is in
# the file, and by the flags that gcc has noted for each unit. Prints what is missing.
#   hardening.sh [BIN]     (build/bin)
set -u
cd "$(dirname "$0")/../.." || exit 2
LC_ALL=C
export LC_ALL
BIN=${1:-build/bin}
FAILED=0

missing() { echo "$PROGRAM: $*"; FAILED=1; }
has() { grep -qE "$1" <<<"$HEADERS" || missing "$2"; }
has_not() { ! grep -qE "$1" <<<"$HEADERS" || missing "$2"; }

look_at_headers() {
    HEADERS=$(readelf -hldW "$BIN/$PROGRAM")
    has 'Type: +DYN ' "is at a fixed address (no PIE)"
    has '\(FLAGS_1\).*\bPIE\b' "is not linked as PIE"
    has ' GNU_RELRO ' "no RELRO"
    has '\(FLAGS_1\).*\bNOW\b' "no BIND_NOW"
    has ' GNU_STACK .* RW +0x' "the stack can be executed"
    has_not '^ +LOAD .* RWE ' "memory that can be written and executed"
    has_not '\(TEXTREL\)|\(RPATH\)|\(RUNPATH\)' "text relocations, or a path for libraries"
    case $PROGRAM in
    berth-keeper) has_not ' INTERP |\(NEEDED\)' "is not static" ;;
    *) has ' INTERP ' "no interpreter" ;;
    esac
}

# The keeper's libc has canaries of its own, so there it is main that must have one.
look_at_code() {
    local main machine symbols
    symbols=$(nm "$BIN/$PROGRAM")
    main=$(objdump -d --no-show-raw-insn --disassemble=main "$BIN/$PROGRAM")
    machine=$(sed -n 's/^ *Machine: *//p' <<<"$HEADERS")
    grep -qE ' U __stack_chk_fail' <<<"$symbols" || grep -q '<__stack_chk_fail' <<<"$main" ||
        missing "no stack protector"
    [[ $machine != *X86-64* ]] || grep -q '\bendbr64\b' <<<"$main" || missing "main: no endbr64 (CET)"
    grep -qE ' [TU] __v?snprintf_chk' <<<"$symbols" || missing "nothing of FORTIFY"
}

# The linker keeps the note of CET only where the C library's own start files have it as well.
look_at_notes() {
    local start
    start=$("${CC:-cc}" -print-file-name=Scrt1.o)
    readelf -n "$start" 2>/dev/null | grep -q 'IBT, SHSTK' || return 0
    readelf -n "$BIN/$PROGRAM" | grep -q 'IBT, SHSTK' || missing "no CET property"
}

look_at_units() {
    local units flag
    units=$(readelf --debug-dump=info --dwarf-depth=1 "$BIN/$PROGRAM" 2>/dev/null |
        grep 'DW_AT_producer.*GNU C')
    [ -n "$units" ] || return 0 # clang, or stripped
    for flag in -fPIE -fstack-protector-strong -fstack-clash-protection \
        -ftrivial-auto-var-init=zero -fcf-protection=full; do
        case $flag in -fcf*) [ "$(uname -m)" = x86_64 ] || continue ;; esac
        ! grep -qve " $flag" <<<"$units" ||
            missing "$(grep -cve " $flag" <<<"$units") units without $flag"
    done
}

for PROGRAM in berthd berth berth-keeper; do
    [ -x "$BIN/$PROGRAM" ] || { missing "is not in $BIN"; continue; }
    look_at_headers
    look_at_code
    look_at_notes
    look_at_units
done
exit $FAILED
