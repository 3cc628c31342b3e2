#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A request of an older version of the API means what it meant then; of a version that there is not,
# and of paths that there are not, the answers are Docker's.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/census.sh && . ../lib/qa.sh
qa_up
mkdir -p "$HOST/ro/below"
made() { # VERSION BODY QUERY…: of inspect, in that version's create
    local version=$1 body=$2 query=$3
    api POST "/v$version/containers/create?name=made" "$body"
    [ "$STATUS" = 201 ] || { echo "$STATUS $BODY"; return; }
    field made "$query"
    api DELETE '/containers/made?force=1'
}

# ---- versions and paths ----
api_is "too old" 400 'client version 1.10 is too old. Minimum supported API version is' GET /v1.10/info
api_is "too new" 400 'client version 9.99 is too new. Maximum supported API version is' GET /v9.99/info
for version in v1.10 v1.41 v9.99; do
    api_is "an unknown path of $version" 404 'page not found' GET /$version/nosuch
    api_is "an unknown method of $version" 404 'page not found' POST /$version/containers/json
done
api_is "OPTIONS /" 200 '' OPTIONS /
api_is "OPTIONS of a path" 200 '' OPTIONS /containers/json
api_is "OPTIONS of a version" 200 '' OPTIONS /v1.41/containers/json

# ---- create ----
ro='"HostConfig":{"Mounts":[{"Type":"bind","Source":"'$HOST/ro'","Target":"/m","ReadOnly":true}],"Binds":["'$HOST/ro':/b:ro"]}'
writable() { # VERSION PATH: below a read-only bind that has a mount below
    api POST "/v$1/containers/create?name=ro" '{"Image":"busybox","Cmd":["touch","'"$2"'/below/x"],'"$ro"'}'
    api POST /containers/ro/start; api POST /containers/ro/wait; jq -r .StatusCode <<<"$BODY"; api DELETE /containers/ro
}
mount -t tmpfs tmpfs "$HOST/ro/below"
same "read-only, 1.43: what is mounted below is as it is" "0 0" "$(writable 1.43 /m) $(writable 1.43 /b)"
same "read-only, 1.44: all of it is read-only" "1 1" "$(writable 1.44 /m) $(writable 1.44 /b)"
umount "$HOST/ro/below"
like "ReadOnlyForceRecursive before 1.44" '^400 .*ReadOnlyForceRecursive needs API v1.44' \
    "$(made 1.43 '{"Image":"busybox","HostConfig":{"Mounts":[{"Type":"bind","Source":"/tmp","Target":"/m","ReadOnly":true,"BindOptions":{"ReadOnlyForceRecursive":true}}]}}' .)"
like "Subpath before 1.45" '^400 .*VolumeOptions.Subpath needs API v1.45' \
    "$(made 1.44 '{"Image":"busybox","HostConfig":{"Mounts":[{"Type":"volume","Source":"vv","Target":"/m","VolumeOptions":{"Subpath":"x"}}]}}' .)"
like "an image mount before 1.48" '^400 .*needs API v1.48' \
    "$(made 1.47 '{"Image":"busybox","HostConfig":{"Mounts":[{"Type":"image","Source":"busybox","Target":"/m"}]}}' .)"
d network create one >/dev/null; d network create two >/dev/null
both='{"Image":"busybox","HostConfig":{"NetworkMode":"one"},"NetworkingConfig":{"EndpointsConfig":{"one":{},"two":{"GwPriority":5}}}}'
like "two networks before 1.44" '^400 .*Container cannot be connected to network endpoints: one, two' "$(made 1.43 "$both" .)"
same "two networks of 1.44" "one two" "$(made 1.44 "$both" '.NetworkSettings.Networks|keys|join(" ")')"
same "IpcMode" "shareable private" "$(made 1.39 '{"Image":"busybox"}' .HostConfig.IpcMode) $(made 1.40 '{"Image":"busybox"}' .HostConfig.IpcMode)"
same "Annotations came with 1.43" "null b" "$(made 1.42 '{"Image":"busybox","HostConfig":{"Annotations":{"a":"b"}}}' .HostConfig.Annotations.a) $(made 1.43 '{"Image":"busybox","HostConfig":{"Annotations":{"a":"b"}}}' .HostConfig.Annotations.a)"
health='{"Image":"busybox","Healthcheck":{"Test":["CMD","true"],"StartInterval":2000000000}}'
same "StartInterval came with 1.44" "null 2000000000" "$(made 1.43 "$health" .Config.Healthcheck.StartInterval) $(made 1.44 "$health" .Config.Healthcheck.StartInterval)"
like "CreateMountpoint came with 1.42" '^400 .*does not exist' \
    "$(made 1.41 '{"Image":"busybox","HostConfig":{"Mounts":[{"Type":"bind","Source":"'"$HOST"'/nosuch","Target":"/m","BindOptions":{"CreateMountpoint":true}}]}}' .)"

# ---- update ----
pids() { cat "/sys/fs/cgroup/pids/$(grep ':pids:' "/proc/$(field run .State.Pid)/cgroup" | cut -d: -f3-)/pids.max" 2>/dev/null; }
d run -d --name run --pids-limit 50 busybox sleep 1000 >/dev/null
api POST /v1.39/containers/run/update '{"PidsLimit":70}'
same "PidsLimit in update came with 1.40" 50 "$(field run .HostConfig.PidsLimit)"
api POST /v1.40/containers/run/update '{"PidsLimit":70}'
same "from then on it is set" "70 70" "$(field run .HostConfig.PidsLimit) $(pids)"
for none in 0 -1; do
    api POST /v1.47/containers/run/update '{"PidsLimit":70}'
    api POST /v1.47/containers/run/update "{\"PidsLimit\":$none}"
    same "$none is unlimited" "0 max" "$(field run .HostConfig.PidsLimit) $(pids)"
    same "at create, too: $none" null "$(made 1.47 '{"Image":"busybox","HostConfig":{"PidsLimit":'$none'}}' .HostConfig.PidsLimit)"
done
d rm -f run >/dev/null
engine_sound
finish
