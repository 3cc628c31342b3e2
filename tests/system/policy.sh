#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# --policy: who may ask for what. Every way to make or use a container passes it, it is read again
# on SIGHUP, and what is broken is refused with its place.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/census.sh && . ../lib/qa.sh
GROUP=4242
trap host_down EXIT
host_up && chmod 711 "$HOST" && P=$HOST/policy.json
host_registry || { not_ok "a registry"; finish; exit 1; }
policy() { printf '%s\n' "$1" >"$P.new" && chmod 644 "$P.new" && mv "$P.new" "$P"; }
as() { local uid=$1; shift; in_host setpriv --reuid "$uid" --regid 100 --groups "$GROUP,27" "$@"; }
u() { as 1000 "$QA_CLIENT" --config /tmp/none "$@" 2>&1; }
asked() { # METHOD PATH [CURL ARGS…]: fails with what the engine says
    local out
    out=$(as 1000 curl -s --fail-with-body --unix-socket "$SOCK" -X "$1" "${@:3}" "http://x$2") || { printf %s "$out" | jq -r .message; return 1; }
}
reload() { # until the log says that it was read, or refused
    local was
    was=$(grep -c 'msg="the policy' "$HOST/engine.log")
    kill -HUP "$ENGINE_PID"
    poll 5 eval "[ \$(grep -c 'msg=\"the policy' '$HOST/engine.log') -gt $was ]" || not_ok "a reload"
}
rules() { policy "{\"rules\":[$1]}"; reload; }
forbidden() { # NAME REGEX CMD…: it fails with 403's sentence, and leaves nothing
    local name=$1 regex=$2 out
    shift 2
    out=$("$@" 2>&1) && { not_ok "$name" "it was not refused: $out"; return; }
    like "$name" "policy's rule \"$regex" "$out"
}

# ---- the file ----
policy '{"rules":[
 {"name":"a","deny":{"risk":["privileged"]}}]}'
engine_start --group $GROUP --policy "$P" 2>/dev/null && not_ok "a broken file: the engine starts" || ok "a broken file: no start"
like "… and says the place" 'policy .*/policy.json: line 2: rules\[0\].deny.risk: unknown key' "$(cat "$HOST/engine.log")"
policy '{"rules":[]}'; chmod 666 "$P"
engine_start --group $GROUP --policy "$P" 2>/dev/null && not_ok "a file that others may write" || ok "a file that others may write: no start"
like "… and says so" 'others than root may write it' "$(cat "$HOST/engine.log")"
policy '{"rules":[{"name":"no way out","except":["root"],"deny":{"severity":"critical"}}]}'
engine_start --group $GROUP --policy "$P" || { not_ok "engine starts"; finish; exit 1; }
d pull -q 127.0.0.1:5000/busybox >/dev/null && d tag 127.0.0.1:5000/busybox busybox
like "policy check: good" ': 1 rule, nothing is wrong' "$(in_host "$BERTH" policy check "$P")"
printf '{"rules":[{"name":"x","users":["nobody-here"]}]}' >"$HOST/bad.json"
like "policy check: bad" 'line 1: rules\[0\].users\[0\]: there is no user "nobody-here"' "$(in_host "$BERTH" policy check "$HOST/bad.json" 2>&1)"

# ---- create ----
forbidden "create: a risk" 'no way out" forbids the risk privileged: --privileged' u create --privileged busybox true
forbidden "create: the socket" 'no way out" forbids the risk engine-socket' u create -v "$HOST/exec:/x" busybox true
ln -s "$HOST" "$HOST/data/link"
forbidden "create: the socket, through a link" 'no way out" forbids the risk engine-socket' u run --rm -v "$HOST/data/link:/x" busybox true
same "nothing is left of them" " " "$(d ps -aq) $(ls "$HOST/data/containers")"
api POST /containers/create '{"Image":"busybox","HostConfig":{"Privileged":true}}'
same "others are not subject to it" 201 "$STATUS"
d rm -f "$(d ps -aq)" >/dev/null
like "what is not denied works" '^fine' "$(u run --rm busybox echo fine)"
same "the status is 403" 403 "$(as 1000 curl -s -o /dev/null -w '%{http_code}' --unix-socket "$SOCK" -H 'Content-Type: application/json' -d '{"Image":"busybox","HostConfig":{"PidMode":"host","CapAdd":["ALL"]}}' http://x/containers/create)"

# ---- what exists already ----
d run -d --name root --privileged busybox sleep 1000 >/dev/null 2>&1
d create --name idle --privileged busybox sleep 1000 >/dev/null 2>&1
for cmd in "start idle" "restart root" "exec root true" "cp $P root:/tmp/x" "update --cpus 1 root"; do
    forbidden "of another's: $cmd" 'no way out" forbids the risk privileged' u $cmd
done
forbidden "of another's: attach" 'no way out" forbids the risk privileged' asked POST '/containers/root/attach?stream=1&stdout=1'
forbidden "of another's: attach by a websocket" 'no way out" forbids the risk privileged' asked GET /containers/root/attach/ws
like "… it may be looked at" 'privileged' "$(u inspect -f 'privileged {{.HostConfig.Privileged}}' root)"
d run -d --name plain busybox sleep 1000 >/dev/null
like "exec: what is plain" '^in' "$(u exec plain echo in)"
forbidden "exec --privileged" 'no way out" forbids the risk exec-privileged' u exec --privileged plain true
ID=$(in_host curl -s --unix-socket "$SOCK" -H 'Content-Type: application/json' -d '{"Cmd":["true"],"Privileged":true}' http://x/containers/plain/exec | jq -r .Id)
forbidden "exec start: made by another" 'no way out" forbids the risk exec-privileged' \
    asked POST "/exec/$ID/start" -H 'Content-Type: application/json' -d '{"Detach":true}'
d rm -f root idle plain >/dev/null

# ---- volumes and networks ----
forbidden "volume create: leads to the socket" 'no way out" forbids the risk engine-socket' u volume create -o type=none -o o=bind -o "device=$HOST/exec" led
same "a plain volume" mine "$(u volume create mine)"
same "a volume with other options" small "$(u volume create -o type=tmpfs -o device=tmpfs -o o=size=1m small)"
d volume create -o type=none -o o=bind -o "device=$HOST/exec" led >/dev/null
forbidden "create: a volume that leads there" 'no way out" forbids the risk engine-socket' u create -v led:/x busybox true
rules '{"name":"nets","users":["1000"],"deny":{"networks":["host","driver:macvlan","secret","container:*"]}}'
forbidden "network create: driver" 'nets" forbids the network driver:macvlan' u network create -d macvlan other
d network create secret >/dev/null
forbidden "create: a network" 'nets" forbids the network secret' u create --net secret busybox true
forbidden "create: by its id" 'nets" forbids the network secret' u create --net "$(d network inspect -f '{{.Id}}' secret)" busybox true
forbidden "create: the host's" 'nets" forbids the network host' u create --net host busybox true
d create --name one busybox true >/dev/null
forbidden "connect" 'nets" forbids the network secret' u network connect secret one
forbidden "another's namespace" 'nets" forbids the network container:' u create --net container:one busybox true
d rm one >/dev/null

# ---- lists ----
mkdir -m 777 "$HOST/open" && mkdir "$HOST/open/own" "$HOST/closed"
rules '{"name":"only","users":["@27"],"allow":{"mounts":["'"$HOST/open"'"],"images":["busybox"],"capabilities":["NET_ADMIN"],"devices":["/dev/null"]},"deny":{"commands":["image load","container kill"],"capabilities":["SYS_CHROOT"]}}'
forbidden "allow: mounts" "only\" does not allow the mount of $HOST/closed" u create --cap-drop SYS_CHROOT -v "$HOST/closed:/x" busybox true
ln -s "$HOST/closed" "$HOST/open/l"
forbidden "allow: mounts, by a link" "only\" does not allow the mount of $HOST/closed" u create --cap-drop SYS_CHROOT -v "$HOST/open/l:/x" busybox true
forbidden "allow: images" 'only" does not allow the image 127.0.0.1:5000/registry' u create --cap-drop SYS_CHROOT 127.0.0.1:5000/registry true
forbidden "deny: a default capability" 'only" forbids the capability SYS_CHROOT' u create busybox true
forbidden "allow: capabilities" 'only" does not allow the capability SYS_TIME' u create --cap-drop SYS_CHROOT --cap-add SYS_TIME busybox true
forbidden "allow: devices" 'only" does not allow the device /dev/zero' u create --cap-drop SYS_CHROOT --device /dev/zero busybox true
forbidden "allow: devices, by a link" 'only" does not allow the device .*/open/dev' u create --cap-drop SYS_CHROOT --device "$(ln -s /dev/zero "$HOST/open/dev"; echo "$HOST/open/dev")" busybox true
forbidden "commands" 'only" forbids the command image load' eval 'u load <"$IMAGES/busybox.tar"'
d run -d --name target busybox sleep 1000 >/dev/null
forbidden "commands: kill" 'only" forbids the command container kill' u kill target
ID=$(u create --cap-drop SYS_CHROOT --cap-add NET_ADMIN --device /dev/null -v "$HOST/open/own:/x" busybox ls /x | tail -1)
like "what is on the lists" '^[0-9a-f]{64}$' "$ID"

# ---- a folder that was exchanged for a link after it was judged ----
touch "$HOST/closed/secret"
same "it starts while all is as it was" 0 "$(u start -a "$ID" >/dev/null; echo $?)"
mv "$HOST/open/own" "$HOST/open/was" && ln -s "$HOST/closed" "$HOST/open/own"
forbidden "exchanged for a link: start is judged anew" "only\" does not allow the mount of $HOST/closed" u start "$ID"
like "… and the engine itself mounts nothing else" 'leads to .*/closed, and was allowed when it led to .*/open/own' "$(d start -a "$ID" 2>&1)"
d rm -f target "$ID" >/dev/null
rm "$HOST/open/own" && mv "$HOST/open/was" "$HOST/open/own"
d volume create -o type=none -o o=bind -o "device=$HOST/open/own" led2 >/dev/null
ID=$(u create --cap-drop SYS_CHROOT -v led2:/x busybox ls /x | tail -1)
mv "$HOST/open/own" "$HOST/open/was" && ln -s "$HOST/closed" "$HOST/open/own"
like "the same by a volume" 'leads to .*/closed, and was allowed when' "$(d start -a "$ID" 2>&1)"
d rm -f "$ID" >/dev/null

# ---- reload ----
rules '{"name":"none","users":["1000"],"deny":{"images":["*"]}}'
forbidden "after a reload" 'none" forbids the image busybox' u create busybox true
policy '{"rules":[{"name":"x"}]}'; reload
like "a broken file is told of" 'msg="the policy stays as it was" .*neither denies nor allows' "$(tail -20 "$HOST/engine.log")"
forbidden "… and changes nothing" 'none" forbids the image busybox' u create busybox true
rm "$P"; reload
forbidden "a file that is gone changes nothing, either" 'none" forbids the image busybox' u create busybox true
rules ''
like "no rules: everything is allowed" '^[0-9a-f]{64}$' "$(u create busybox true | tail -1)"
d rm -f "$(d ps -aq)" >/dev/null
engine_stop
finish
