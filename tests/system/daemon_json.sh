#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# daemon.json: what each key that is honoured does, what is said of the others, --validate, and what a
# SIGHUP takes, with its line of the log and its event.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/census.sh && . ../lib/qa.sh
trap host_down EXIT
host_up
host_registry || { not_ok "a registry"; finish; exit 1; }
C=$HOST/daemon.json
berthd() { in_host "$BERTH_BIN/berthd" --config-file "$C" "$@" 2>&1; }

# ---- a file of every key of dockerd's ----
mkdir "$HOST/cdi"
printf '{"cdiVersion":"0.6.0","kind":"v.com/c","devices":[{"name":"n","containerEdits":{"env":["CDI=yes"]}}]}' >"$HOST/cdi/v.json"
jq -n '{defaultAction:"SCMP_ACT_ALLOW",syscalls:[{names:["mkdir","mkdirat"],action:"SCMP_ACT_ERRNO"}]}' >"$HOST/seccomp.json"
jq -n --arg host "$HOST" '{
  "default-address-pools": [{base: "10.88.0.0/22", size: 24}, {base: "fd88::/56", size: 64}],
  "default-ulimits": {nofile: {Name: "nofile", Soft: 700, Hard: 900}},
  "default-network-opts": {bridge: {"com.docker.network.driver.mtu": "1330"}},
  "default-shm-size": "7M", "default-ipc-mode": "shareable", "default-cgroupns-mode": "host",
  "default-gateway": "10.77.0.9", "bip": "10.77.0.1/16", "fixed-cidr": "10.77.3.0/24",
  "init": true, "risk-warnings": "off", "no-new-privileges": true, "seccomp-profile": ($host + "/seccomp.json"),
  "cdi-spec-dirs": [$host + "/cdi"], "host-gateway-ip": "10.9.8.7",
  "dns": ["10.1.2.3"], "dns-search": ["lan.test"], "dns-opts": ["ndots:3"], "mtu": 1420,
  "log-driver": "json-file", "log-opts": {"max-size": "3m"}, "labels": ["a=b"],
  "metrics-addr": "127.0.0.1:9323", "oom-score-adjust": -40, "max-download-attempts": 2,
  "max-concurrent-downloads": 2, "shutdown-timeout": 20, "insecure-registries": ["10.0.0.0/8"],
  "registry-mirrors": ["https://mirror.test"], "live-restore": true, "userland-proxy": false,
  "default-runtime": "runc", "runtimes": {x: {path: "/x"}}, "features": {cdi: true},
  "builder": {gc: {enabled: true}}, "storage-driver": "overlay2", "iptables": true,
  "exec-opts": ["native.cgroupdriver=systemd"], "tls": false, "tlscacert": "/x",
  "containerd": "/x", "swarm-default-advertise-addr": "", "node-generic-resources": [],
  "authorization-plugins": [], "api-cors-header": "", "graph": ($host + "/data"), "experimental": false,
  "cluster-store": "", "network-control-plane-mtu": 1500, "raw-logs": false, "rootless": false }' >"$C"
like "--validate" '^configuration OK$' "$(berthd --validate)"
like "it says what has no effect" 'option=feature why="CDI is always on' "$(berthd --validate)"
like "live-restore is said" 'option=live-restore why="containers always outlive the engine"' "$(berthd --validate)"
like "a flag and a key" 'specified both as a flag and in the configuration file: mtu: \(from flag: 1300, from file: 1420\)' "$(berthd --validate --mtu 1300)"
start() { # as engine_start, whose data root the file names, too
    jq 'del(.graph)' "$C" >"$C.new" && mv "$C.new" "$C"
    engine_start --config-file "$C"
}
start || { not_ok "engine starts"; finish; exit 1; }
d pull -q 127.0.0.1:5000/busybox >/dev/null && d tag 127.0.0.1:5000/busybox busybox

# ---- what containers get ----
inside() { d run --rm "$@" 2>&1; }
same "ulimits" "700 900" "$(inside busybox sh -c 'echo $(ulimit -Sn) $(ulimit -Hn)')"
same "one that asks for its own" "800" "$(inside --ulimit nofile=800:800 busybox sh -c 'ulimit -n')"
same "the size of /dev/shm" 7168 "$(inside busybox df -k /dev/shm | awk 'NR == 2 { print $2 }')"
like "an init" "berth|init" "$(inside busybox cat /proc/1/comm /proc/1/cmdline | tr '\0' ' ')"
same "none for one that says so" "cat" "$(inside --init=false busybox cat /proc/1/comm)"
same "no new privileges" 1 "$(inside busybox awk '/NoNewPrivs/ { print $2 }' /proc/self/status)"
like "the seccomp profile" "not permitted" "$(inside busybox mkdir /x)"
same "not of privileged ones" "" "$(inside --privileged busybox mkdir /x)"
same "nor of one with its own" "" "$(inside --security-opt seccomp=unconfined busybox mkdir /x)"
same "an IPC namespace that others may join" shareable "$(d create --name cc busybox >/dev/null; field cc .HostConfig.IpcMode)"
same "the host's cgroup namespace" "$(readlink /proc/self/ns/cgroup)" "$(inside busybox readlink /proc/self/ns/cgroup)"
same "its log's options" '{"max-size":"3m"}' "$(api GET /containers/cc/json; jq -c .HostConfig.LogConfig.Config <<<"$BODY")"
api POST '/containers/create?name=cdi' '{"Image":"busybox","Cmd":["env"],"HostConfig":{"DeviceRequests":[{"Driver":"cdi","DeviceIDs":["v.com/c=n"]}]}}'
api POST /containers/cdi/start; api POST /containers/cdi/wait
like "CDI specs of its own folder" '^CDI=yes$' "$(d logs cdi)"

# ---- networks ----
like "the default bridge's address" 'inet 10\.77\.0\.1/16' "$(in_host ip -4 addr)"
like "addresses of the fixed range" 'inet 10\.77\.3\.[0-9]+/16' "$(inside busybox ip -4 addr)"
like "the gateway" 'default via 10\.77\.0\.9 ' "$(inside busybox ip route)"
same "what inspect says of it" '{"Subnet":"10.77.0.0/16","IPRange":"10.77.3.0/24","Gateway":"10.77.0.1"}' "$(d network inspect bridge | jq -c '.[0].IPAM.Config[0]')"
like "the MTU of the bridge" 'mtu 1420' "$(inside busybox ip link show eth0)"
like "host-gateway" '^10\.9\.8\.7[[:space:]]+gw$' "$(inside --add-host gw:host-gateway busybox cat /etc/hosts)"
same "resolv.conf" "search lan.test options ndots:3 nameserver 10.1.2.3" "$(echo $(inside busybox cat /etc/resolv.conf | grep -v '^#' | sort -r | sed 's/ndots:0//'))"
for n in one two three four; do d network create "$n" >/dev/null; done
same "subnets of the pools" "10.88.0.0/24 10.88.1.0/24 10.88.2.0/24 10.88.3.0/24" \
    "$(echo $(for n in one two three four; do d network inspect "$n" | jq -r '.[0].IPAM.Config[0].Subnet'; done))"
like "the pools are at their end" 'could not find an available, non-overlapping IPv4 address pool' "$(d network create five 2>&1)"
d network rm four >/dev/null
same "IPv6 subnets of theirs" fd88::/64 "$(d network create --ipv6 six >/dev/null; d network inspect six | jq -r '.[0].IPAM.Config[]|select(.Subnet|contains(":")).Subnet')"
like "options of new networks" 'mtu 1330' "$(inside --network one busybox ip link show eth0)"
same "one that asks for its own" 1400 "$(d network rm two >/dev/null; d network create -o com.docker.network.driver.mtu=1400 two >/dev/null; d network inspect two | jq -r '.[0].Options["com.docker.network.driver.mtu"]')"

# ---- the engine itself ----
like "metrics" '^berth_' "$(in_host curl -s http://127.0.0.1:9323/metrics)"
like "its OOM score, where it may be changed" "^(-40|0 refused)$" "$(cat "/proc/$ENGINE_PID/oom_score_adj")$(grep -q "not protected from the OOM" "$HOST/engine.log" && echo " refused")"
api GET /info
same "labels" '["a=b"]' "$(jq -c .Labels <<<"$BODY")"
like "the filter in info" 'name=seccomp,profile='"$HOST/seccomp.json" "$(jq -c .SecurityOptions <<<"$BODY")"
like "what has no effect is in the log" 'level=warn msg="option has no effect" option=add-runtime' "$(cat "$HOST/engine.log")"

# ---- a reload ----
edit() { jq "$1" "$C" >"$C.new" && mv "$C.new" "$C"; }
count() { grep -ac "$1" "$HOST/engine.log"; }
hup() { # until its line is there
    local before
    before=$(count 'configuration was read again\|configuration stays')
    kill -HUP "$ENGINE_PID"
    poll 10 eval "[ \$(count 'configuration was read again\|configuration stays') -gt $before ]"
    grep -a 'configuration was read again\|configuration stays' "$HOST/engine.log" | tail -1
}
since=$(date +%s)
like "nothing has changed" 'read again" file=.* changed=nothing' "$(hup)"
edit '.labels=["c=d"]|.debug=true|.["max-concurrent-downloads"]=5|.["shutdown-timeout"]=3|.["insecure-registries"]=["192.168.0.0/16"]|.["registry-mirrors"]=["https://other.test"]|.["default-shm-size"]="9M"'
line=$(hup)
for what in 'debug: false -> true' 'labels: \[a=b\] -> \[c=d\]' 'max-concurrent-downloads: 2 -> 5' 'shutdown-timeout: 20 -> 3' \
    'insecure-registries: \[10.0.0.0/8\] -> \[192.168.0.0/16\]' 'registry-mirrors: \[https://mirror.test\] -> \[https://other.test\]' 'default-shm-size: 7340032 -> 9437184'; do
    like "the line has $what" "$what" "$line"
done
api GET /info
same "labels are the new ones" '["c=d"]' "$(jq -c .Labels <<<"$BODY")"
same "debug" true "$(jq .Debug <<<"$BODY")"
like "mirrors" 'other.test' "$(jq -c .RegistryConfig.Mirrors <<<"$BODY")"
like "insecure registries" '192.168.0.0/16' "$(jq -c .RegistryConfig.InsecureRegistryCIDRs <<<"$BODY")"
same "new containers have the new size" 9216 "$(inside busybox df -k /dev/shm | awk 'NR == 2 { print $2 }')"
check "the log has debug lines" grep -aq level=debug "$HOST/engine.log"
event=$(curl -s --unix-socket "$SOCK" "http://x/events?since=$since&until=$(($(date +%s) + 1))&filters=%7B%22type%22%3A%7B%22daemon%22%3Atrue%7D%7D" | tail -1)
same "the event" 'daemon reload ["c=d"] true 5 3' "$(jq -r '[.Type, .Action, .Actor.Attributes.labels, .Actor.Attributes.debug, .Actor.Attributes["max-concurrent-downloads"], .Actor.Attributes["shutdown-timeout"]]|join(" ")' <<<"$event")"
edit '.mtu=1300|.["log-level"]="warn"|.debug=false'
line=$(hup)
like "the level of the log goes back" 'debug: true -> false' "$(grep -a 'read again' "$HOST/engine.log" | tail -1)$line"
like "what waits for the next start is said" 'level=warn msg="what is changed besides counts from the next start on" settings="mtu: 1420 -> 1300"' "$(tail -3 "$HOST/engine.log")"
echo '{"labels": ["e=f"], ' >"$C.broken"; cp "$C" "$C.good"; cp "$C.broken" "$C"
like "a broken file" 'level=error msg="the configuration stays as it was" error=.*unable to configure the daemon with file' "$(hup)"
echo '{"labels":["e=f"],"mtuu":1}' >"$C"
like "an unknown key" 'mtuu \(did you mean mtu\?\)' "$(hup)"
same "everything stays" '["c=d"]' "$(api GET /info; jq -c .Labels <<<"$BODY")"
cp "$C.good" "$C"; edit '.["log-level"]="info"|.labels=["g=h"]'
for _ in $(seq 20); do kill -HUP "$ENGINE_PID"; done
poll 10 eval '[ "$(api GET /info; jq -c .Labels <<<"$BODY")" = "[\"g=h\"]" ]'
same "many at once" '["g=h"]' "$(api GET /info; jq -c .Labels <<<"$BODY")"
engine_stop

# ---- other values ----
edit '.["log-format"]="json"|.["seccomp-profile"]="unconfined"|del(.["default-gateway"],.["fixed-cidr"],.bip)'
mv "$HOST/engine.log" "$HOST/engine.log.1"
engine_start --config-file "$C" || not_ok "an engine starts"
same "each line of the log is JSON" 0 "$(jq -e -R 'fromjson|.time and .level and .msg' "$HOST/engine.log" | grep -vc true)"
same "no filter for any" 0 "$(inside busybox awk '/^Seccomp:/ { print $2 }' /proc/self/status)"
engine_stop
refused() { # NAME REGEX JSON
    printf '%s' "$3" >"$C"
    local said
    said=$(berthd --data-root "$HOST/other" --exec-root "$HOST/other-run" --host "unix://$HOST/other.sock") && not_ok "$1: it starts"
    like "$1" "$2" "$said"
}
refused "authorization plugins" 'authorization plugins \(x\) would not be asked: .*--policy' '{"authorization-plugins":["x"]}'
refused "a range that is elsewhere" 'fixed-cidr 10.5.0.0/24 is not within the default bridge.s subnet 10.6.0.0/16' '{"bip":"10.6.0.1/16","fixed-cidr":"10.5.0.0/24"}'
refused "a gateway that is elsewhere" 'default-gateway 10.5.0.1 is not within' '{"bip":"10.6.0.1/16","default-gateway":"10.5.0.1"}'
refused "a seccomp profile that is none" 'the seccomp profile .*/daemon.json: ' '{"seccomp-profile":"'"$C"'"}'
mv "$HOST/engine.log.1" "$HOST/engine.log"
finish
