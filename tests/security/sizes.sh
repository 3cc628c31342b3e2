#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Lists of any length, from images and clients: four times as long takes four times as long, and what
# is longer than anybody needs is refused with a sentence.    sizes.sh [CASE…]
. "$(dirname "$0")/kit.sh"
security_up
python3 sizes.py "$SOCK" "$ENGINE_PID" "$IMAGES/busybox.tar" "$@" >"$HOST/sizes" 2>"$HOST/sizes.err"
status=$?
grep -v '^right' "$HOST/sizes" | sed 's/^/# /'
[ -z "${SIZES_TOLD:-}" ] || sed 's/^/# /' "$HOST/sizes"
same "every case was tried" "" "$(tail -3 "$HOST/sizes.err")"
same "none of $(grep -c : "$HOST/sizes") grows with the square of a list, all bounds hold" "0" "$status"
check "the engine answers" alive
finish
