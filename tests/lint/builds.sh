#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Programs and benches build without a warning where the other builds do not look: by default the
# one most unlike them. Build folders are kept, so that the next time only what has changed is built.
#   builds.sh [COMPILER:TYPE…] | all
set -u
cd "$(dirname "$0")/../.." || exit 2
FAILED=0
LOG=$(mktemp) || exit 2
trap 'rm -f "$LOG"' EXIT
case ${1:-} in
"") set -- clang:Release ;;
all) set -- {gcc,clang}:{Debug,Release,RelWithDebInfo,MinSizeRel} ;;
esac

for build; do
    compiler=${build%:*} type=${build#*:}
    if ! CC=$compiler tests/lib/build.sh "build-lint-$compiler-$type" -DCMAKE_BUILD_TYPE="$type" \
        -DBERTH_TESTS=ON -DBERTH_WERROR=ON --target berthd berth berth-keeper bench bench_net \
        >"$LOG" 2>&1; then
        echo "$build does not build:"
        grep -E '(error|warning):' "$LOG" || tail -20 "$LOG"
        FAILED=1
    elif grep -E 'warning:' "$LOG"; then # of the linker or the driver
        echo "$build builds with a warning"
        FAILED=1
    fi
done
exit $FAILED
