#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Filters of every list, names against ids, and what an event says.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/census.sh && . ../lib/qa.sh
qa_up
listed() { api GET "$1" '' -g; jq -r "${2:-.[].Names[0]}" <<<"$BODY" | sort | paste -sd' '; }

# ---- images: by reference only the names that match ----
d tag busybox one:1; d tag busybox one:2; d tag busybox other:1
tags() { listed "/images/json?filters=$1" '.[].RepoTags[]'; }
same "a name" "one:1 one:2" "$(tags '{"reference":["one"]}')"
same "a name with its tag" "one:2" "$(tags '{"reference":["one:2"]}')"
same "two values" "one:1 other:1" "$(tags '{"reference":["one:1","other"]}')"
same "a pattern" "one:1 other:1" "$(tags '{"reference":["o*:1"]}')"
same "an older spelling" "one:1" "$(tags '{"reference":{"one:1":true}}')"
same "none" "" "$(tags '{"reference":["nosuch"]}')"
same "by tag no digest is shown" "[]" "$(api GET '/images/json?filters={"reference":["one:1"]}' '' -g; jq -c '.[].RepoDigests' <<<"$BODY")"
same "what the CLI removes by its list is what matched" "other:1" "$(d images -q --filter reference=one --format '{{.Repository}}:{{.Tag}}' | xargs -n1 "$QA_CLIENT" -H "unix://$SOCK" rmi >/dev/null 2>&1; d images --format '{{.Repository}}:{{.Tag}}' | grep -e ^one -e ^other)"

# ---- values of filters ----
for list in "/images/json dangling" "/volumes dangling" "/networks dangling"; do
    read -r path key <<<"$list"
    for value in true 1 false 0; do api_is "$path: $key=$value" 200 '' GET "$path?filters={\"$key\":[\"$value\"]}" '' -g; done
    api_is "$path: both" 400 "invalid filter '$key=" GET "$path?filters={\"$key\":[\"true\",\"false\"]}" '' -g
    api_is "$path: neither" 400 "invalid filter '$key=\[x\]'" GET "$path?filters={\"$key\":[\"x\"]}" '' -g
    api_is "$path: an unknown key" 400 "invalid filter 'nosuch'" GET "$path?filters={\"nosuch\":[\"x\"]}" '' -g
done
for path in containers images networks; do
    api_is "$path/prune: two times" 400 'more than one until filter specified' POST "/$path/prune?filters={\"until\":[\"1h\",\"2h\"]}" '' -g
done
d run -d --name mm -l k=1 -l x=y busybox sleep 1000 >/dev/null
d run -d --name nn -l k=2 busybox sleep 1000 >/dev/null
same "labels are AND-ed" /mm "$(listed '/containers/json?filters={"label":["k=1","x"]}')"
same "names are OR-ed" "/mm /nn" "$(listed '/containers/json?filters={"name":["mm","nn"]}')"
same "keys are AND-ed" "" "$(listed '/containers/json?filters={"name":["mm"],"label":["k=2"]}')"
d volume create --label k=1 v1 >/dev/null; d volume create --label k=2 v2 >/dev/null
same "volumes: a label's value" v2 "$(listed '/volumes?filters={"label":["k=2"]}' '.Volumes[].Name')"
same "prune: all but" '["v1"]' "$(api POST '/volumes/prune?filters={"all":["true"],"label!":["k=2"]}' '' -g; jq -c .VolumesDeleted <<<"$BODY")"

# ---- the cache of builds, which is empty ----
api_is "build/prune" 200 '"CachesDeleted":null,"SpaceReclaimed":0' POST /build/prune
api_is "build/prune: an unknown key" 400 "invalid filter 'nosuch'" POST '/build/prune?filters={"nosuch":["x"]}' '' -g
d create --name gone busybox true >/dev/null
like "docker system prune comes to its end" 'Total reclaimed space' "$(d system prune -f 2>&1)"
same "and has removed" "" "$(d ps -aqf name=gone)"

# ---- names against ids ----
d network create 'my net' >/dev/null
api_is "a network's name with blanks" 200 '"Name":"my net"' GET '/networks/my%20net'
api_is "but none of blanks" 400 'name is empty' POST /networks/create '{"Name":"  "}'
api POST /networks/create '{"Name":"first"}'; id=$(jq -r .Id <<<"$BODY")
api POST /networks/create "{\"Name\":\"$id\"}"
same "a network's full id beats another's name" first "$(api GET "/networks/$id"; jq -r .Name <<<"$BODY")"
d network disconnect bridge mm; check "a container of a network with blanks" d network connect 'my net' mm

# ---- events ----
d exec mm true
poll 5 eval 'events exec_die | grep -q exec_die'
events() { in_host timeout 5 "$BERTH" events --since 1h --until "$(date +%s.%N)" --filter event="$1" "${@:2}" --format '{{json .}}'; }
id=$(events exec_create | jq -r .Actor.Attributes.execID | tail -1)
poll 5 eval '[ -n "$(events exec_die)" ]'
same "exec_die: which one, and how" "$id 0" "$(events exec_die | jq -r '.Actor.Attributes|"\(.execID) \(.exitCode)"' | tail -1)"
same "exec_start: which one" "$id" "$(events exec_start | jq -r .Actor.Attributes.execID | tail -1)"
n=$(events create | wc -l)
same "an empty container= matches all" "$n" "$(events create --filter container= | wc -l)"
same "a container by its name's beginning" mm "$(events start --filter container=m | jq -r .Actor.Attributes.name | grep -x -e mm -e nn)"
d run -d --name stuck -m 24m --memory-swap 24m --oom-kill-disable busybox awk 'BEGIN { s = "x"; for (;;) s = s s }' >/dev/null
check "oom is told where the killer is off" poll 10 eval '[ -n "$(events oom --filter container=stuck)" ]'
d rm -f mm nn stuck >/dev/null
engine_sound
finish
