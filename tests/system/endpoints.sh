#!/bin/bash
# What a create says of networks and platforms before anything runs: networks that come later, several
# at once, MACs, a network that is connected twice; images of other platforms.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/census.sh && . ../lib/qa.sh
qa_up
d run --rm busybox true
settled
census_stable >"$HOST/before"
for i in 1 2; do api POST /networks/create "{\"Name\":\"n$i\",\"IPAM\":{\"Config\":[{\"Subnet\":\"10.9$i.0.0/24\"}]}}"; done

B='{"Image":"busybox","Cmd":["sleep","1000"]'
create() { api POST "${V:-}/containers/create?name=$1${3:+&$3}" "$B,$2}"; } # NAME REST [QUERY]
in_mode() { # MODE [ENDPOINTS]
    printf '"HostConfig":{"NetworkMode":"%s"}' "$1"
    [ -z "${2:-}" ] || printf ',"NetworkingConfig":{"EndpointsConfig":{%s}}' "$2"
}
net() { field "$1" ".NetworkSettings.Networks.$2.$3"; }
rm_all() { d rm -f "$@" >/dev/null 2>&1; }

# ---- networks that are not there yet ----
for how in mode endpoint; do
    case $how in mode) what=$(in_mode later) ;; endpoint) what=$(in_mode default '"later":{}') ;; esac
    create early "$what"
    same "a network that is not there ($how): created" 201 "$STATUS"
    api_is "and refused at the start" 404 'network later not found' POST /containers/early/start
    api POST /networks/create '{"Name":"later"}'
    api_is "it starts when the network has come" 204 '' POST /containers/early/start
    like "in it" '^172|^192|^10' "$(net early later IPAddress)"
    rm_all early; api DELETE /networks/later
done
create early "$(in_mode later '"later":{"IPAMConfig":{"IPv4Address":"10.1.2.3"}}')"
api POST /networks/create '{"Name":"later","IPAM":{"Config":[{"Subnet":"10.95.0.0/24"}]}}'
api_is "what was asked of it is judged then" 400 'no configured subnet contains IP address 10.1.2.3' POST /containers/early/start
rm_all early; api DELETE /networks/later

# ---- several ----
V=/v1.43 create two "$(in_mode n1 '"n1":{},"n2":{}')"
like "before API 1.44: refused" '^400 .*Container cannot be connected to network endpoints: n1, n2' "$STATUS $BODY"
V=/v1.44 create two "$(in_mode n1 '"n1":{},"n2":{}')"
same "from 1.44 on: created" 201 "$STATUS"
api POST /containers/two/start
like "in both" '^10.91.0.[0-9]+ 10.92.0.[0-9]+$' "$(net two n1 IPAddress) $(net two n2 IPAddress)"
rm_all two

# ---- MAC addresses ----
V=/v1.44 create mac "$(in_mode n1 '"n1":{"MacAddress":"02:42:ac:11:00:98"}')"
same "a MAC is shown before the start" 02:42:ac:11:00:98 "$(net mac n1 MacAddress)"
api POST /containers/mac/start
same "and is the interface's" 02:42:ac:11:00:98 "$(d exec mac cat /sys/class/net/eth0/address)"
rm_all mac
V=/v1.44 create mac "\"MacAddress\":\"02:42:ac:11:00:99\",$(in_mode n1 '"n1":{"MacAddress":"02:42:ac:11:00:98"}')"
like "two that differ: refused" '^400 .*container-wide MAC address must match' "$STATUS $BODY"
V=/v1.43 create mac "\"MacAddress\":\"02:42:ac:11:00:99\",$(in_mode n1 '"n1":{"MacAddress":"02:42:ac:11:00:98"}')"
same "before 1.44 the container's wins" "201 02:42:ac:11:00:99" "$STATUS $(net mac n1 MacAddress)"
rm_all mac

# ---- connected twice ----
create twice "$(in_mode default)"
api_is "connect of a stopped one" 200 '' POST /networks/n1/connect '{"Container":"twice"}'
api_is "and again" 200 '' POST /networks/n1/connect '{"Container":"twice","EndpointConfig":{"Aliases":["al"],"IPAMConfig":{"IPv4Address":"10.91.0.77"}}}'
same "the last settings count" al "$(net twice n1 'Aliases[0]')"
api POST /containers/twice/start
same "also when it runs" 10.91.0.77 "$(net twice n1 IPAddress)"
api_is "connect of a running one that is there" 403 'endpoint with name twice already exists in network n1' POST /networks/n1/connect '{"Container":"twice"}'
rm_all twice

# ---- platforms ----
case $(uname -m) in x86_64) own=linux/amd64 other=linux/arm64 ;; *) own=linux/arm64 other=linux/amd64 ;; esac
words="image with reference busybox was found but does not match the specified platform: wanted $other, actual: linux/"
create pl "$(in_mode none)" "platform=$other"
like "another platform: 404 at create" "^404 .*$words" "$STATUS $BODY"
create pl "$(in_mode none)" platform=windows/amd64
like "another system: 404" '^404 .*wanted windows/amd64' "$STATUS $BODY"
create pl "$(in_mode none)" platform=bad/bad/bad/bad
like "no platform: 400" '^400 ' "$STATUS $BODY"
create pl "$(in_mode none)" "platform=$own"
same "its own" 201 "$STATUS"
rm_all pl
V=/v1.40 create pl "$(in_mode none)" "platform=$other"
same "clients before 1.41 mean nothing by it" 201 "$STATUS"
rm_all pl
json() { printf '{"os":"%s","architecture":"%s"}' "${1%/*}" "${1#*/}" | jq -sRr @uri; }
api_is "inspect: its own" 200 busybox GET "/images/busybox/json?platform=$(json $own)"
api_is "inspect: another" 404 "$words" GET "/images/busybox/json?platform=$(json $other)"
api_is "inspect: half of one" 400 'both os and architecture' GET '/images/busybox/json?platform=%7B%22os%22%3A%22linux%22%7D'
load() { api POST "/images/load?platform=$1" '' -H 'Content-Type: application/x-tar' --data-binary @"$IMAGES/busybox.tar"; }
load "$(json $own)"
like "load: its own" '^200 .*Loaded' "$STATUS $BODY"
load "$(json $other)"
like "load: another" 'does not match the specified platform' "$STATUS $BODY"
rc "run of another platform pulls, and says what is there" 125 d run --rm --pull never --platform $other busybox true
for i in 1 2; do api DELETE "/networks/n$i"; done
d rmi -f "$(api GET /images/json; jq -r '.[].RepoTags[]' <<<"$BODY" | grep -v ^busybox:latest | grep -v 127.0.0.1 | head -1)" >/dev/null 2>&1
settled
census_back "nothing is left" "$HOST/before"
engine_sound
finish
