#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# berth build --check: no engine, the warnings and errors as docker build --check prints them, and its codes.
cd "$(dirname "$0")" && . ../lib/tap.sh
BERTH=$BERTH_BIN/berth
T=$(mktemp -d /tmp/berth-check.XXXXXX)
trap 'rm -rf "$T"' EXIT
cd "$T" || exit 1
# ask FLAGS…: OUT, ERR and CODE
ask() {
    OUT=$("$BERTH" -H unix:///nowhere build --check "$@" 2>"$T/err")
    CODE=$?
    ERR=$(cat "$T/err")
}
mkdir -p ctx/sub

printf 'FROM debian:12 AS build\nRUN make\nCMD ["a"]\n' >ctx/Dockerfile
ask ctx
same "a clean Dockerfile" "0 Check complete, no warnings found." "$CODE $OUT$ERR"

printf 'FROM debian AS Build\nRUN make\n' >ctx/Dockerfile
ask ctx
same "one warning, and the code" 1 "$CODE"
same "as docker shows it" "Check complete, 1 warning has been found!

WARNING: StageNameCasing - https://docs.docker.com/go/dockerfile/rule/stage-name-casing/
Stage name 'Build' should be lowercase
Dockerfile:1
--------------------
   1 | >>> FROM debian AS Build
   2 |     RUN make
   3 |     
--------------------" "$OUT"
same "and nothing else" "" "$ERR"

printf 'FROM debian AS Build\nMAINTAINER me\n' >ctx/sub/Other
ask -f ctx/sub/Other ctx
like "--file" "2 warnings have been found.*ctx/sub/Other:1.*MaintainerDeprecated.*ctx/sub/Other:2" "$(tr '\n' ' ' <<<"$OUT")"

ask -f - ctx <ctx/sub/Other
like "--file -" "Dockerfile:2" "$OUT"
ask - <ctx/sub/Other
like "a Dockerfile on stdin" "Dockerfile:2" "$OUT"
ask -f x - <ctx/sub/Other
same "stdin and a file" "1 " "$CODE $OUT"
like "… is refused" "leave out --file" "$ERR"

printf 'FROM debian\nCOPY --chwn=1 \\\n  a b\n' >ctx/Dockerfile
ask ctx
same "an error's code" 1 "$CODE"
like "its sentence" "dockerfile parse error on line 2: unknown flag: --chwn .did you mean chown" "$ERR"
like "and the line" "Dockerfile:2:6.*>>> COPY --chwn=1" "$(tr '\n' ' ' <<<"$ERR")"

printf 'ARG TAG\nFROM debian:$TAG\n' >ctx/Dockerfile
ask --build-arg TAG=12 ctx
like "--build-arg is no default" "InvalidDefaultArgInFrom" "$OUT"
printf 'ARG BASE\nFROM ${BASE?needed}\n' >ctx/Dockerfile
ask ctx
like "what cannot be expanded" "BASE: needed" "$ERR"
ask --build-arg BASE=debian ctx
same "with --build-arg" "" "$ERR"
BASE=debian ask --build-arg BASE ctx
same "with the caller's variable" "" "$ERR"

printf '# check=skip=StageNameCasing;error=true\nFROM debian AS X\nMAINTAINER me\n' >ctx/Dockerfile
ask ctx
like "error=true" "lint violation found for rules: MaintainerDeprecated$" "$ERR"

printf '# check=experimental=CopyIgnoredFile\nFROM debian\nCOPY secret /\n' >ctx/Dockerfile
echo secret >ctx/.dockerignore
ask ctx
like "what .dockerignore leaves out" 'Attempting to Copy file "secret"' "$OUT"
echo other >ctx/Dockerfile.dockerignore
ask ctx
same "its own ignore file holds alone" "0 Check complete, no warnings found." "$CODE $OUT"
echo '[' >ctx/Dockerfile.dockerignore
ask ctx
like "a bad pattern" 'Dockerfile.dockerignore:1: syntax error in pattern: "\["' "$ERR"
rm ctx/*ignore ctx/.dockerignore

ask --target nosuch ctx
like "a target that is not there" 'target stage "nosuch" could not be found' "$ERR"
ask "$T/none"
like "no Dockerfile" "unable to read Dockerfile" "$ERR"
finish
