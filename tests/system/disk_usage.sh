#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# system df, and images with shared-size: a layer that several images have is on the disk once.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/census.sh && . ../lib/qa.sh
qa_up
b() { in_host env BERTH_HOST="unix://$SOCK" "$BERTH_BIN/berth" "$@"; }
df() { api GET "${1-}/system/df" && jq -r "$2" <<<"$BODY"; }
of() { printf '.Images[] | select(.RepoTags[0]? == "%s:latest") | %s' "$1" "$2"; }
BUSYBOX=$(api GET /images/busybox/json && jq -r .Size <<<"$BODY")

mkdir "$HOST/base" && head -c 100000 /dev/urandom >"$HOST/base/a" && tar -C "$HOST/base" -cf - . | d import - base >/dev/null
same "images with nothing in common: the sum" $((BUSYBOX + 100000)) "$(df /v1.47 .LayersSize)"
same "nothing is shared" "0 0" "$(df /v1.47 '[.Images[].SharedSize] | join(" ")')"

d create --name cc base /x >/dev/null
for n in 1 2; do # each has the layers of the one before
    head -c 5000$n /dev/urandom >"$HOST/more$n" && d cp "$HOST/more$n" cc:/ && d commit cc "more$n" >/dev/null
    d rm cc >/dev/null; d create --name cc "more$n" /x >/dev/null
done
same "a layer of three images counts once" $((BUSYBOX + 100000 + 50001 + 50002)) "$(df /v1.47 .LayersSize)"
same "the first one is shared whole" "100000 100000" "$(df /v1.47 "$(of base '"\(.Size) \(.SharedSize)"')")"
same "of the second one what the others have, too" "150001 150001" "$(df /v1.47 "$(of more1 '"\(.Size) \(.SharedSize)"')")"
same "of the third one without its own" "200003 150001" "$(df /v1.47 "$(of more2 '"\(.Size) \(.SharedSize)"')")"
d tag more2 again >/dev/null
same "another name is no other image" "200003 150001" "$(df /v1.47 ".Images[] | select(.RepoTags | index(\"again:latest\")) | \"\(.Size) \(.SharedSize)\"")"
d rmi again >/dev/null
same "containers are counted in every version" "0 1" "$(df /v1.41 "$(of base .Containers)" | xargs) $(df /v1.41 "$(of more2 .Containers)")"
same "only what is asked for" "0 null 1" "$(api GET '/v1.47/system/df?type=container'; jq -r '"\(.LayersSize) \(.Images[0]) \(.Containers|length)"' <<<"$BODY")"

shared() { api GET "$1" && jq -r ".[] | select(.RepoTags[0] == \"more2:latest\") | .SharedSize" <<<"$BODY"; }
same "images: shared-size" 150001 "$(shared '/v1.47/images/json?shared-size=1')"
same "images: when it is not asked for" -1 "$(shared /v1.47/images/json)"
same "images: before there was such a parameter" -1 "$(shared '/v1.41/images/json?shared-size=1')"

like "berth system df: what an image has alone can be had back" "^Images +4 +1 +2.182MB +2.132MB \\(97%\\)" "$(b system df)"
row() { b system df -v | awk -v name="$1" '$1 == name { print $(NF-3), $(NF-2), $(NF-1), $NF }'; }
same "berth system df -v" "200kB 150kB 50kB 1" "$(row more2)"
same "the same by docker" "200kB 150kB 50kB 1" "$(d system df -v | awk '$1 == "more2" { print $(NF-3), $(NF-2), $(NF-1), $NF }')"

d rmi -f more2 >/dev/null # its container stays
same "what a container still has is on the disk" $((BUSYBOX + 100000 + 50001 + 50002)) "$(df /v1.47 .LayersSize)"
same "and is shared with no image that is listed" 100000 "$(df /v1.47 "$(of more1 .SharedSize)")"
d rm cc >/dev/null
same "until it is gone" $((BUSYBOX + 100000 + 50001)) "$(df /v1.47 .LayersSize)"
finish
