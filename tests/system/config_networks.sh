#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Networks that lend their configuration (ConfigOnly) and those that take it (ConfigFrom), with
# Docker's refusals; both are kept across a killed engine.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/census.sh && . ../lib/qa.sh
trap host_down EXIT
host_up && P=$HOST/policy.json
printf '{"rules":[]}\n' >"$P" && chmod 644 "$P"
host_registry || { not_ok "a registry"; finish; exit 1; }
engine_start --policy "$P" || { not_ok "engine starts"; finish; exit 1; }
d pull -q 127.0.0.1:5000/busybox >/dev/null && d tag 127.0.0.1:5000/busybox busybox

net() { api GET "/networks/$1" && printf '%s' "$BODY" | jq -cS "$2"; }
ours() { in_host "$BERTH" -H "unix://$SOCK" "$@"; }
bridges() { in_host ip -o link show type bridge | wc -l; }
create() { api_is "$1" "$2" "$3" POST /networks/create "$4"; } # NAME STATUS REGEX BODY
operator='configuration network can only contain network specific fields. Network operator fields like \[ ingress \| internal \| attachable \| scope \] are not supported.'
own='user specified configurations are not supported if the network depends on a configuration network'

# ---- one that lends ----
before=$(bridges)
check "a network that lends" d network create --config-only --subnet 10.91.0.0/24 --ip-range 10.91.0.128/25 \
    --gateway 10.91.0.9 --aux-address a=10.91.0.130 --label l=1 -o com.docker.network.driver.mtu=1400 lender
same "what inspect says" '["null","local",true,"",true,false,{"l":"1"},{"com.docker.network.driver.mtu":"1400"}]' \
    "$(net lender '[.Driver,.Scope,.ConfigOnly,.ConfigFrom.Network,.EnableIPv4,.EnableIPv6,.Labels,.Options]')"
same "its addresses are as they were asked for" \
    '[{"AuxiliaryAddresses":{"a":"10.91.0.130"},"Gateway":"10.91.0.9","IPRange":"10.91.0.128/25","Subnet":"10.91.0.0/24"}]' \
    "$(net lender .IPAM.Config)"
like "it is listed" "lender +null +local" "$(d network ls)"
same "it has no bridge" "$before" "$(bridges)"
check "the same addresses may be lent twice" d network create --config-only --subnet 10.91.0.0/24 again
check "and are nobody's" d network create --subnet 10.91.0.0/24 owner
check "until somebody has them" d network rm owner again
create "a driver is warned of" 201 'driver macvlan is not kept' '{"Name":"odd","ConfigOnly":true,"Driver":"macvlan"}'
check "and removed" d network rm odd
for field in '"Internal":true' '"Attachable":true' '"Ingress":true' '"Scope":"local"'; do
    create "not with $field" 403 "$operator" "{\"Name\":\"x\",\"ConfigOnly\":true,$field}"
done
create "nor from another one" 403 'a configuration network cannot depend on another configuration network' \
    '{"Name":"x","ConfigOnly":true,"ConfigFrom":{"Network":"lender"}}'
create "nor twice by one name" 409 'network with name lender already exists' '{"Name":"lender","ConfigOnly":true}'
create "nor with broken addresses" 400 'invalid subnet 10.91.0.1/24' \
    '{"Name":"x","ConfigOnly":true,"IPAM":{"Config":[{"Subnet":"10.91.0.1/24"}]}}'

# ---- no container uses it ----
endpoint='cannot create endpoint on configuration-only network'
fails "run" "$endpoint" d run --rm --net lender busybox true
api_is "create" 403 "$endpoint" POST /containers/create '{"Image":"busybox","HostConfig":{"NetworkMode":"lender"}}'
d create --name cc --net later busybox sleep 1000 >/dev/null
check "a name that a container waits for" d network create --config-only later
fails "start" "$endpoint" d start cc
fails "connect" "$endpoint" d network connect lender cc
d rm cc >/dev/null
check "the name is free again" d network rm later

# ---- one that takes ----
create "what is not there" 404 'configuration network \\"nix\\" does not exist' '{"Name":"x","ConfigFrom":{"Network":"nix"}}'
create "what does not lend" 404 'configuration network \\"bridge\\" does not exist' '{"Name":"x","ConfigFrom":{"Network":"bridge"}}'
for field in '"EnableIPv6":true' '"EnableIPv4":false' '"Labels":{"a":"b"}' '"IPAM":{"Config":[{"Subnet":"10.92.0.0/24"}]}' \
    '"IPAM":{"Options":{"a":"b"}}' '"IPAM":{"Driver":"nosuch"}'; do
    create "not with $field" 403 "$own" "{\"Name\":\"x\",\"ConfigFrom\":{\"Network\":\"lender\"},$field}"
done
create "nor with options" 403 'network driver options are not supported if the network depends on a configuration network' \
    '{"Name":"x","ConfigFrom":{"Network":"lender"},"Options":{"a":"b"}}'
check "a network that takes" d network create --config-from lender --internal --attachable taker
taken='["bridge",false,"lender",true,true,{"l":"1"},{"com.docker.network.driver.mtu":"1400"}]'
shape='[.Driver,.ConfigOnly,.ConfigFrom.Network,.Internal,.Attachable,.Labels,.Options]'
same "what inspect says of it" "$taken" "$(net taker "$shape")"
same "it has the addresses" "$(net lender .IPAM.Config)" "$(net taker .IPAM.Config)"
create "they are claimed" 403 'Pool overlaps' '{"Name":"x","ConfigFrom":{"Network":"lender"}}'
check "a container in it" d run -d --name aa --net taker busybox sleep 1000
like "has an address of the range, and the mtu" 'mtu 1400 .*inet 10.91.0.1[2-9][0-9]/24' \
    "$(d exec aa ip addr show eth0 | tr '\n' ' ')"
fails "what is taken from stays" 'configuration network "lender" is in use' d network rm lender
check "IPv6 is lent, too" d network create --config-only --ipv6 --subnet fd00:91::/64 six
check "and taken by the command line of ours" ours network create --config-from six sixth
same "with it" '[true,"fd00:91::/64"]' "$(net sixth '[.EnableIPv6,(.IPAM.Config[].Subnet|select(test(":")))]')"
check "which makes one that lends" ours network create --config-only seven
same "it does" true "$(net seven .ConfigOnly)"
like "and says the warning" '^WARNING: driver ipvlan is not kept' "$(ours network create --config-only -d ipvlan eight 2>&1 >/dev/null)"

# ---- kept ----
shown=$(net lender .; net taker 'del(.Containers)')
engine_kill
engine_start --policy "$P" || { not_ok "the engine comes back"; finish; exit 1; }
same "both are as they were" "$shown" "$(net lender .; net taker 'del(.Containers)')"
fails "and still belong together" 'configuration network "lender" is in use' d network rm lender
d rm -f aa >/dev/null
d network prune -f >/dev/null
same "prune leaves what lends alone" "eight lender seven six" \
    "$(api GET /networks; printf %s "$BODY" | jq -r '[.[]|select(.ConfigOnly).Name]|sort|join(" ")')"
same "and takes the takers" 404 "$(api GET /networks/taker; echo "$STATUS")"
check "then it goes" d network rm lender
same "no bridge is left" "$before" "$(bridges)"

# ---- policies ----
printf '{"rules":[{"name":"nets","deny":{"networks":["six"]}}]}\n' >"$P.new" && chmod 644 "$P.new" && mv "$P.new" "$P"
kill -HUP "$ENGINE_PID"
check "a policy is read" poll 5 grep -q 'msg="the policy' "$HOST/engine.log"
create "who may not use it may not take from it" 403 'nets\\" forbids the network six' '{"Name":"x","ConfigFrom":{"Network":"six"}}'
finish
