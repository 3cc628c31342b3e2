#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What inspect, lists and info show where nothing was asked: Docker's values.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/census.sh && . ../lib/qa.sh
qa_up
shows() { same "inspect: $2" "$3" "$(jq -c "$1" <<<"$BODY")"; } # QUERY NAME EXPECTED, of BODY
d create --name plain busybox >/dev/null # as the docker CLI asks: -1, {}, [], ""
api GET /containers/plain/json
shows .HostConfig.NetworkMode "the network" '"bridge"'
shows .HostConfig.MemorySwappiness "no swappiness" null
shows .HostConfig.PidsLimit "no limit of processes" null
shows .HostConfig.Runtime "the runtime" '"runc"'
shows .HostConfig.Cgroup "the cgroup's mode" '""'
shows .HostConfig.ConsoleSize "the terminal's size" '[0,0]'
shows .Config.Volumes "no volumes" null
shows .Config.WorkingDir "no folder" '""'
shows .Driver "the driver of layers" '"overlay2"'
shows .GraphDriver.Name "and once more" '"overlay2"'
same "the list: the network" bridge "$(api GET '/containers/json?all=1'; jq -r '.[0].HostConfig.NetworkMode' <<<"$BODY")"
api POST '/containers/create?name=more' '{"Image":"busybox","Cmd":["cat","/proc/mounts"],"WorkingDir":"/a//b/../c/","Volumes":{"/anon":{}},"HostConfig":{"Annotations":{"k":"v"},"NetworkMode":"default"}}'
api GET /containers/more/json
shows .Config.WorkingDir "a folder is made plain" '"/a/c"'
shows .Config.Volumes "a volume" '{"/anon":{}}'
shows .HostConfig.NetworkMode "the default by its name" '"bridge"'
same "the list: annotations" '{"k":"v"}' "$(api GET '/containers/json?all=1'; jq -c '.[]|select(.Names==["/more"]).HostConfig.Annotations' <<<"$BODY")"
same "the list before 1.46 has none" null "$(api GET '/v1.45/containers/json?all=1'; jq -c '.[]|select(.Names==["/more"]).HostConfig.Annotations' <<<"$BODY")"
same "an anonymous volume is labelled" '{"com.docker.volume.anonymous":""}' "$(api GET /volumes; jq -c '.Volumes[0].Labels' <<<"$BODY")"
api POST /volumes/create '{"Labels":{"a":"b"}}'
same "also one without a name, beside its own" '{"a":"b","com.docker.volume.anonymous":""}' "$(jq -cS .Labels <<<"$BODY")"
api POST /volumes/create '{"Name":"named"}'
same "a named one is not" null "$(jq -c .Labels <<<"$BODY")"
api POST /containers/more/start; api POST /containers/more/wait
same "the source of shm" shm "$(d logs more | awk '$2 == "/dev/shm" { print $1 }')"
same "no mount is of none" "" "$(d logs more | awk '$1 == "none" { print $2 }')"
api GET /info
shows .Driver "info: the driver of layers" '"overlay2"'
shows '.Runtimes|keys' "info: runtimes" '["io.containerd.runc.v2","runc"]'
shows .DefaultRuntime "info: the default" '"runc"'
shows .FirewallBackend.Driver "info: the firewall" '"nftables"'
for runtime in runc io.containerd.runc.v2; do
    api_is "a container of $runtime" 201 '' POST /containers/create '{"Image":"busybox","HostConfig":{"Runtime":"'$runtime'"}}'
done
engine_sound
finish
