#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Docker's sentences that clients look for (the docker CLI, docker-py, compose, testcontainers,
# ansible's modules, scripts with grep): one table. A row: what is asked, the status, the words.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/census.sh && . ../lib/qa.sh
expect_500 'clash/start .*port is already allocated' 'as Docker: the port of another container'
qa_up
for name in run paused; do d run -d --name $name busybox sleep 1000 >/dev/null; done
d pause paused >/dev/null
d create --name still busybox true >/dev/null
d run -d --name port -p 18099:80 busybox sleep 1000 >/dev/null
d network create net >/dev/null; d network connect net run
d volume create vol >/dev/null; d create --name user -v vol:/v busybox >/dev/null
d create --name clash -p 18099:80 busybox sleep 9 >/dev/null
d run -d --name mute --log-driver none busybox true >/dev/null
RUN=$(field run .Id) PAUSED=$(field paused .Id) STILL=$(field still .Id) IMAGE=$(field run .Image)

# STATUS METHOD PATH BODY|- WORDS…
while read -r status method path body words; do
    [ "$body" != - ] || body=
    api "$method" "$path" "${body/\%20/ }" -g
    if [ "$STATUS" = "$status" ] && [[ "$(jq -r .message <<<"$BODY" 2>/dev/null || echo "$BODY")" == *"$words"* ]]; then ok "$method $path: $words"; else
        not_ok "$method $path $body" "expected: $status $words
got:      $STATUS $BODY"
    fi
done <<ROWS
404 GET /containers/nosuch/json - No such container: nosuch
404 DELETE /containers/nosuch - No such container: nosuch
404 POST /containers/create {"Image":"nosuch"} No such image: nosuch:latest
404 GET /images/nosuch/json - No such image: nosuch:latest
404 DELETE /images/nosuch - No such image: nosuch:latest
400 POST /containers/create {"Image":"UPPER"} invalid reference format: repository name
400 POST /containers/create {"Image":"%20"} invalid reference format
409 POST /containers/create?name=run {"Image":"busybox"} Conflict. The container name "/run" is already in use by container "$RUN". You have to remove (or rename) that container to be able to reuse that name.
400 POST /containers/create?name=a%20b {"Image":"busybox"} Invalid container name (a b), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed
400 POST /containers/create {"Image":"busybox","HostConfig":{"Memory":67108864,"MemorySwap":33554432}} Minimum memoryswap limit should be larger than memory limit, see usage
400 POST /containers/create {"Image":"busybox","HostConfig":{"MemorySwap":33554432}} You should always set the Memory limit when using Memoryswap limit, see usage
400 POST /containers/create {"Image":"busybox","HostConfig":{"Memory":1}} Minimum memory limit allowed is 6MB
400 POST /containers/create {"Image":"busybox","HostConfig":{"AutoRemove":true,"RestartPolicy":{"Name":"always"}}} can't create 'AutoRemove' container with restart policy
400 POST /containers/create {"Image":"busybox","HostConfig":{"Binds":["/tmp:rel"]}} mount path must be absolute
400 POST /containers/create {"Image":"busybox","HostConfig":{"Binds":["/tmp:/a","/tmp:/a"]}} Duplicate mount point: /a
400 POST /containers/create {"Image":"busybox","HostConfig":{"Mounts":[{"Type":"bind","Source":"/nosuch","Target":"/m"}]}} bind source path does not exist: /nosuch
400 POST /containers/run/resize?h=x&w=1 - invalid resize height "x": invalid syntax
400 POST /containers/run/resize?h=1&w= - invalid resize width "": invalid syntax
400 POST /containers/run/resize?h=-1&w=1 - invalid resize height "-1": value out of range
409 POST /containers/still/resize?h=1&w=1 - is not running
409 DELETE /containers/run - You cannot remove a running container $RUN. Stop the container before attempting removal or force remove
409 DELETE /containers/paused - You cannot remove a paused container $PAUSED. Unpause and then stop the container before attempting removal or force remove
409 POST /containers/paused/exec {"Cmd":["true"]} Container $PAUSED is paused, unpause the container before exec
409 POST /containers/still/exec {"Cmd":["true"]} $STILL is not running
400 POST /containers/run/exec {} No exec command specified
404 POST /exec/nosuch/start {} No such exec instance: nosuch
404 GET /exec/nosuch/json - No such exec instance: nosuch
409 POST /containers/still/kill - is not running
400 POST /containers/run/kill?signal=NOSUCH - Invalid signal: NOSUCH
409 POST /containers/paused/pause - is already paused
409 POST /containers/still/pause - is not running
409 POST /containers/run/unpause - is not paused
409 POST /containers/paused/start - cannot start a paused container, try unpause instead
400 POST /containers/run/wait?condition=x - invalid condition: "x"
400 POST /containers/run/rename?name= - Neither old nor new names may be empty
400 POST /containers/run/rename?name=run - Renaming a container with the same name as its current name
409 POST /containers/run/rename?name=still - Error when allocating new name: Conflict. The container name "/still" is already in use by container "$STILL".
409 GET /containers/still/top - is not running
400 GET /containers/run/logs - you must choose at least one stream
501 GET /containers/mute/logs?stdout=1 - configured logging driver does not support reading
500 POST /containers/clash/start - Bind for 0.0.0.0:18099 failed: port is already allocated
404 GET /networks/nosuch - network nosuch not found
409 POST /networks/create {"Name":"net"} network with name net already exists
403 POST /networks/create {"Name":"bridge"} operation is not permitted on predefined bridge network
403 DELETE /networks/bridge - bridge is a pre-defined network and cannot be removed
403 DELETE /networks/net - has active endpoints
403 POST /networks/net/connect {"Container":"run"} endpoint with name run already exists in network net
404 POST /networks/net/connect {"Container":"nosuch"} No such container: nosuch
404 GET /volumes/nosuch - get nosuch: no such volume
404 DELETE /volumes/nosuch - get nosuch: no such volume
409 DELETE /volumes/vol - remove vol: volume is in use - [
409 DELETE /images/$IMAGE - conflict: unable to delete
400 POST /images/busybox/tag?repo=UPPER - invalid reference format: repository name
404 POST /images/nosuch/tag?repo=x - No such image: nosuch:latest
400 GET /containers/json?filters={"nosuch":["1"]} - invalid filter 'nosuch'
400 GET /images/json?filters={"nosuch":["1"]} - invalid filter 'nosuch'
400 GET /networks?filters={"nosuch":["1"]} - invalid filter 'nosuch'
400 GET /volumes?filters={"nosuch":["1"]} - invalid filter 'nosuch'
400 GET /images/json?filters={"dangling":["x"]} - invalid filter 'dangling=[x]'
400 GET /volumes?filters={"dangling":["x"]} - invalid filter 'dangling=[x]'
400 POST /images/prune?filters={"until":["1h","2h"]} - more than one until filter specified
400 POST /containers/prune?filters={"until":["1h","2h"]} - more than one until filter specified
400 GET /v1.10/info - client version 1.10 is too old. Minimum supported API version is
404 GET /nosuch - page not found
ROWS
d unpause paused >/dev/null
engine_sound
finish
