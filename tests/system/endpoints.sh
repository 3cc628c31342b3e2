#!/bin/bash
# What a create says of networks and platforms before anything runs: networks that come later, several
# at once, MACs, a network that is connected twice; images of other platforms.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/census.sh && . ../lib/qa.sh
qa_up
six_up() { api POST /networks/create '{"Name":"six","EnableIPv6":true,"IPAM":{"Config":[{"Subnet":"10.93.0.0/24"},{"Subnet":"fd00:93::/64"}]}}'; }
six_up; d run --rm --network six busybox true; api DELETE /networks/six # what the first IPv6 turns on stays
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

# ---- one interface: link-local addresses, its name, its sysctls ----
six_up
LL='"IPAMConfig":{"LinkLocalIPs":["169.254.34.68","fe80::34"]}'
create ll "$(in_mode six "\"six\":{$LL}")"
api_is "link-local addresses" 204 '' POST /containers/ll/start
like "are given: IPv4" 'inet 169.254.34.68/16' "$(d exec ll ip -4 addr show eth0)"
like "are given: IPv6" 'inet6 fe80::34/64' "$(d exec ll ip -6 addr show eth0)"
same "and shown" '169.254.34.68 fe80::34' "$(net ll six 'IPAMConfig.LinkLocalIPs | join(" ")')"
create l2 "$(in_mode six '"six":{"IPAMConfig":{"LinkLocalIPs":["169.254.34.69","fe80::35"]}}')"; api POST /containers/l2/start
check "containers reach each other by them" poll 5 d exec l2 ping -c1 -W1 -I 169.254.34.69 169.254.34.68
check "by IPv6, too" poll 5 d exec l2 ping -6 -c1 -W1 -I eth0 fe80::34
engine_kill; engine_start || not_ok "the engine starts again"
check "with the next engine" poll 5 d exec l2 ping -c1 -W1 -I 169.254.34.69 169.254.34.68
d exec l2 ip addr add 169.254.34.70/16 dev eth0 2>/dev/null
api_is "connect gives them, too" 200 '' POST /networks/n1/connect '{"Container":"l2","EndpointConfig":{"IPAMConfig":{"LinkLocalIPs":["169.254.77.1"]}}}'
like "on its interface" 'inet 169.254.77.1/16' "$(d exec l2 ip -4 addr show eth1)"
rm_all ll l2
for bad in 10.0.0.1 zz fd00::1; do
    create bad "$(in_mode six "\"six\":{\"IPAMConfig\":{\"LinkLocalIPs\":[\"$bad\"]}}")"
    like "no link-local address: $bad" "^400 .*Invalid link-local IP address: $bad" "$STATUS $BODY"
done
create bad "$(in_mode n1 '"n1":{"IPAMConfig":{"LinkLocalIPs":["fe80::9"]}}')"
like "IPv6 where there is none" '^400 .*the network has no IPv6' "$STATUS $BODY"

E=com.docker.network.endpoint
opts() { printf '"DriverOpts":{"%s.%s":"%s"}' $E "$1" "$2"; }
create opt "$(in_mode n1 "\"n1\":{$(opts ifname lan0)},\"n2\":{}")"
api_is "an interface's name" 204 '' POST /containers/opt/start
same "is that, the other's is eth0" "eth0 lan0" "$(d exec opt ls /sys/class/net | grep -v lo | sort | xargs)"
like "it has the address" "$(net opt n1 IPAddress)" "$(d exec opt ip addr show lan0)"
same "shown" lan0 "$(net opt n1 "DriverOpts[\"$E.ifname\"]")"
check "restart" d restart -t 0 opt
same "the same" "eth0 lan0" "$(d exec opt ls /sys/class/net | grep -v lo | sort | xargs)"
rm_all opt
create opt "$(in_mode n1 "\"n1\":{$(opts sysctls net.ipv4.conf.IFNAME.log_martians=1,net.ipv4.conf.IFNAME.forwarding=0)}")"
api_is "an interface's sysctls" 204 '' POST /containers/opt/start
same "are set" "1 0" "$(d exec opt sh -c 'cd /proc/sys/net/ipv4/conf/eth0; echo $(cat log_martians forwarding)')"
same "of this one alone" 0 "$(d exec opt cat /proc/sys/net/ipv4/conf/lo/log_martians)"
rm_all opt
create opt "$(in_mode n1 "\"n1\":{$(opts sysctls net.ipv4.conf.IFNAME.nosuch=1)}")"
api_is "one that the kernel does not have" 400 'nosuch' POST /containers/opt/start
rm_all opt
for bad in net.ipv4.conf.all.forwarding=1 net.ipv4.conf.IFNAME.x/../../../kernel/x=1 net.ipv4.conf.IFNAME.forwarding kernel.IFNAME.x=1 net.ipv4.ip_forward=1; do
    create opt "$(in_mode n1 "\"n1\":{$(opts sysctls $bad)}")"
    like "no sysctl of an interface: $bad" '^400 .*invalid interface sysctl' "$STATUS $BODY"
done
for bad in lo a/b .. abcdefghijklmnop 'a b'; do
    create opt "$(in_mode n1 "\"n1\":{$(opts ifname "$bad")}")"
    like "no name of an interface: $bad" '^400 .*invalid interface name' "$STATUS $BODY"
done
create opt "$(in_mode n1 "\"n1\":{$(opts ifname lan0)},\"n2\":{$(opts ifname lan0)}")"
api_is "two of a name" 400 'interface name lan0 is used' POST /containers/opt/start
rm_all opt
create opt "$(in_mode n1 "\"n1\":{$(opts nosuch 1)}")"
like "an unknown option is warned of" "^201 .*$E.nosuch has no effect" "$STATUS $BODY"
rm_all opt
api DELETE /networks/six

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
