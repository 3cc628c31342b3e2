#!/bin/bash
# Configures and builds: build.sh DIR [-DOPTION…] [--target NAME…]. A folder that was configured
# before keeps its generator (cmake refuses another one); a new one gets Ninja.
set -eu
cd "$(dirname "$0")/../.."
dir=$1
shift
options=() targets=()
while [ $# -gt 0 ] && [ "$1" != --target ]; do options+=("$1"); shift; done
targets=("$@")
grep -qs '^CMAKE_GENERATOR:' "$dir/CMakeCache.txt" || options=(-G Ninja "${options[@]}")
cmake -S . -B "$dir" "${options[@]}" >/dev/null
cmake --build "$dir" --parallel "$(nproc)" "${targets[@]}"
