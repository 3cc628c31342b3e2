#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What berth's options take and refuse, in the docker CLI's words: references, labels, ulimits,
# variables, templates. What is expected is what the docker CLI said to the same engine.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/census.sh && . ../lib/qa.sh
qa_up
b() { in_host "$BERTH" "$@"; }
b create --name tpl -l a=1 -e A=1 busybox >/dev/null
says() { # CODE WORDS ARGS…: the code, and the words in what it says
    local code=$1 words=$2 out got
    shift 2
    out=$(b "$@" 2>&1 </dev/null)
    got=$?
    if [ "$got" = "$code" ] && [[ $out == *"$words"* ]]; then ok "$* -> $words"; else not_ok "$*" "expected: $code $words
got:      $got $out"; fi
}

# ---- references
for name in a:b:c a: :x a@sha256:1 'a b' a//b "a:$(printf 'x%.0s' {1..129})"; do
    says 1 "Error parsing reference: \"$name\" is not a valid repository/tag: invalid reference format" tag busybox "$name"
done
says 1 'must be lowercase' tag busybox UPPER
says 1 'No such image: nosuch:latest' tag nosuch x
says 0 '' tag busybox a/b/c:d

# ---- labels
for noun in "create" "network create" "volume create"; do
    for label in '' =b =; do
        # shellcheck disable=SC2086
        says "$([ "$noun" = create ] && echo 125 || echo 1)" "invalid label '$label': empty name" $noun --label "$label" busybox
    done
    # shellcheck disable=SC2086
    says "$([ "$noun" = create ] && echo 125 || echo 1)" "label 'a b' contains whitespaces" $noun --label 'a b=c' busybox
done
printf 'a=1\nbare\n# c\n\n  d=2\n' >"$HOST/labels"
b create --name labelled --label-file "$HOST/labels" --label e --label f=g=h busybox >/dev/null
same "labels" '{"a":"1","d":"2","e":"","f":"g=h"}' "$(field labelled .Config.Labels | jq -cS .)"
echo =x >"$HOST/labels"
says 125 "no variable name on line '=x'" create --label-file "$HOST/labels" busybox

# ---- ulimits
for limit in nofile nofile= nofile=x nofile=1:x nofile=1:2:3 nofile=1: nofile=:1 nofile=1e3 nofile=unlimited nofile=99999999999999999999; do
    says 125 '' create --ulimit "$limit" busybox
done
for limit in nosuch=1 NOFILE=1 'nofile =1'; do says 125 "invalid ulimit type: ${limit%=*}" create --ulimit "$limit" busybox; done
for limit in 2048:1024 -1:10; do says 125 "ulimit soft limit must be less than or equal to hard limit: ${limit%:*} > ${limit#*:}" create --ulimit nofile=$limit busybox; done
for limit in nofile=1024 nofile=1024:2048 core=0; do says 0 '' create --ulimit "$limit" busybox; done

# ---- variables: a bare NAME is the caller's; without one it takes away the image's
b run --name bare -e NOSUCH -e HOSTNAME -e PATH= busybox /bin/env >"$HOST/out"
same "-e NAME, unset: what the container has" "HOME=/root PATH=" "$(sort "$HOST/out" | xargs)"
same "-e NAME, unset: it stays in the configuration" '["NOSUCH","HOSTNAME","PATH="]' "$(field bare .Config.Env | jq -c .)"
printf 'FROM busybox\nENV OF_IMAGE=1 KEPT=2\n' | d build -q -t with-env - >/dev/null
same "-e NAME, unset: the image's is gone" "KEPT=2" "$(b run --rm -e OF_IMAGE with-env env | grep -E '^(OF_IMAGE|KEPT)')"
same "-e NAME, set: the caller's" "OF_IMAGE=mine" "$(export OF_IMAGE=mine; b run --rm -e OF_IMAGE with-env env | grep OF_IMAGE)"
echo OF_IMAGE >"$HOST/env"
same "--env-file, unset: the image's stays" "OF_IMAGE=1" "$(b run --rm --env-file "$HOST/env" with-env env | grep OF_IMAGE)"
for value in '' =x; do says 125 "invalid environment variable" create -e "$value" busybox; done

# ---- content trust, which there is none of: not asked for it is nothing, asked for it is an error
for command in "pull busybox" "push busybox" "build ." "run busybox" "create busybox"; do
    says "$([[ $command =~ ^(run|create) ]] && echo 125 || echo 1)" 'content trust is not supported' ${command%% *} --disable-content-trust=false ${command#* }
done
says 0 '' run --rm --disable-content-trust busybox true

# ---- templates: unit tests have the rest
ID=$(field tpl .Id)
while IFS='|' read -r template wanted; do
    same "$template" "${wanted//ID/${ID:0:4}}" "$(b inspect tpl --format "${template//!/|}" 2>&1)"
done <<'X'
{{.Config.Labels.nosuch}}|<no value>
{{slice .Id 0 4}}|ID
{{printf "%x %05d %.4s" 255 42 .Id}}|ff 00042 ID
{{pad .Name 1 2}}.| /tpl  .
{{range .Config.Env}}{{.}}{{break}}{{end}}|A=1
{{define "x"}}<{{.}}>{{end}}{{template "x" .Name}}|</tpl>
{{.SizeRw}}|<nil>
{{$x := 1}}{{$x = 2}}{{$x}}|2
{{html "<a>"}} {{urlquery "a b"}}|&lt;a&gt; a+b
X
like "inspect --format json: one line" '^\[\{"Id":"[0-9a-f]{64}".*\}\]$' "$(b inspect tpl --format json)"
containers_clear
engine_sound
finish
