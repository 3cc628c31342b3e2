#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Ways around the policy: through another's container (its files, its namespaces, its execs), a
# volume whose options name the host in other words, an image that is only mounted.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/census.sh && . ../lib/qa.sh
trap host_down EXIT
host_up && chmod 711 "$HOST" && P=$HOST/policy.json
images_make
policy() { printf '{"rules":[%s]}\n' "$1" >"$P.new" && chmod 644 "$P.new" && mv "$P.new" "$P"; }
u() { in_host setpriv --reuid 1000 --regid 100 --groups 4242 "$QA_CLIENT" --config /tmp/none "$@" 2>&1; }
ub() { in_host setpriv --reuid 1000 --regid 100 --groups 4242 "$BERTH" "$@" 2>&1; }
asked() { # METHOD PATH [CURL ARGS…]
    in_host setpriv --reuid 1000 --regid 100 --groups 4242 curl -s --unix-socket "$SOCK" -X "$1" "${@:3}" "http://x$2" 2>&1
}
body() { asked "$1" "$2" -H 'Content-Type: application/json' -d "$3"; }
rules() { # and waits until it is read
    local was
    was=$(grep -c 'msg="the policy' "$HOST/engine.log")
    policy "$1" && kill -HUP "$ENGINE_PID"
    poll 5 eval "[ \$(grep -c 'msg=\"the policy' '$HOST/engine.log') -gt $was ]" || not_ok "a reload"
}
forbidden() { # NAME REGEX CMD…
    like "$1" "policy's rule .*$2" "$("${@:3}" 2>&1 | tr -d "\\0")"
}
policy '{"name":"safe","except":["root"],"deny":{"severity":"high"}}'
engine_start --group 4242 --policy "$P" || { not_ok "engine starts"; finish; exit 1; }
d load -q -i "$IMAGES/busybox.tar" >/dev/null

# ---- another's container: its files ----
mkdir "$HOST/closed" && echo secret >"$HOST/closed/key"
d create --name wide --privileged -v "$HOST/closed:/x" busybox true >/dev/null 2>&1
tar -C "$HOST/closed" -cf "$HOST/data/in.tar" key
forbidden "archive: nothing is read" 'the risk privileged' asked GET '/containers/wide/archive?path=/x/key'
same "… nor looked at" 403 "$(asked HEAD '/containers/wide/archive?path=/x/key' -I -o /dev/null -w '%{http_code}')"
forbidden "… nor exported" 'the risk privileged' asked GET /containers/wide/export
forbidden "… nor written" 'the risk privileged' asked PUT '/containers/wide/archive?path=/x' --data-binary @- <"$HOST/data/in.tar"
d create --name plain busybox true >/dev/null
like "of one that is allowed it works" '^root:' "$(asked GET '/containers/plain/archive?path=/etc/passwd' | tar -xO)"
same "… also in" 200 "$(asked PUT '/containers/plain/archive?path=/' -o /dev/null -w '%{http_code}' --data-binary @- <"$HOST/data/in.tar")"
same "… as it was sent" secret "$(asked GET '/containers/plain/archive?path=/key' | tar -xO)"
d rm -f wide plain >/dev/null

# ---- another's container: its namespaces ----
d run -d --name all --pid host --ipc host --net host busybox sleep 1000 >/dev/null 2>&1
d run -d --name next --pid container:all --ipc container:all --net container:all busybox sleep 1000 >/dev/null 2>&1
for donor in all next; do
    forbidden "--pid container:$donor" 'the risk host-pid' u create --pid container:$donor busybox true
    forbidden "--ipc container:$donor" 'the risk host-ipc' u create --ipc container:all busybox true
    forbidden "--net container:$donor" 'the risk host-network' u create --net container:$donor busybox true
done
forbidden "start of one that has it so" 'the risk host-' u restart next
d run -d --name mild --ipc shareable busybox sleep 1000 >/dev/null
like "of one that is allowed" '^fine' "$(u run --rm --pid container:mild --ipc container:mild --net container:mild busybox echo fine)"
d rm -f all next mild >/dev/null

# ---- volumes: the host in other words ----
volume() { # NAME TYPE DEVICE O
    u volume create -o "type=$2" -o "device=$3" ${4:+-o "o=$4"} "$1"
}
forbidden "a volume of /proc" 'the risk (writable-proc|sensitive-folder)' volume proc proc proc
forbidden "… by another device" 'the risk (writable-proc|sensitive-folder)' volume proc proc /srv
forbidden "a volume of /sys" 'the risk (writable-proc|sensitive-folder)' volume sys sysfs none
forbidden "… of cgroups" 'the risk (writable-proc|sensitive-folder)' volume cgroup cgroup2 none
forbidden "… of devices" 'the risk sensitive-folder' volume dev devtmpfs none
forbidden "… of what debugs the kernel" 'the risk (writable-proc|sensitive-folder)' volume debug debugfs none
forbidden "a relative bind" 'the risk sensitive-folder' volume bind none "$(realpath --relative-to="$(readlink "/proc/$ENGINE_PID/cwd")" /etc)" bind
forbidden "a relative disk" 'the risk (host-device|sensitive-folder)' volume disk ext4 "$(realpath --relative-to="$(readlink "/proc/$ENGINE_PID/cwd")" /dev/null)"
forbidden "an overlay: relative" 'the risk sensitive-folder' volume over overlay overlay "lowerdir=$(realpath --relative-to="$(readlink "/proc/$ENGINE_PID/cwd")" /etc):$HOST/closed"
forbidden "an overlay: escaped" 'the risk sensitive-folder' volume over overlay overlay "lowerdir=\\/etc:$HOST/closed"
forbidden "an overlay: a letter escaped" 'the risk sensitive-folder' volume over overlay overlay "lowerdir=/\\etc:$HOST/closed"
forbidden "an overlay: only data" 'the risk sensitive-folder' volume over overlay overlay "lowerdir=$HOST/closed,datadir+=/etc"
d volume create -o type=proc -o device=proc theirs >/dev/null
forbidden "another's volume of that kind" 'the risk (writable-proc|sensitive-folder)' u create -v theirs:/p busybox true
forbidden "made by the create" 'the risk (writable-proc|sensitive-folder)' u create --mount type=volume,src=mine,dst=/p,volume-opt=type=proc,volume-opt=device=proc busybox true
same "tmpfs is allowed" ok "$(volume ok tmpfs tmpfs size=1m)"
same "a server's is judged by others" far "$(volume far nfs :/srv addr=192.0.2.1)"

# ---- images that are mounted, networks, execs ----
tar -C "$HOST/closed" -c . | d import - hidden:1 >/dev/null
rules '{"name":"lists","users":["1000"],"deny":{"images":["hidden"],"networks":["driver:bridge"],"capabilities":["SYS_ADMIN"]}}'
forbidden "network create without a driver" 'the network driver:bridge' body POST /networks/create '{"Name":"n"}'
forbidden "… with an empty one" 'the network driver:bridge' body POST /networks/create '{"Name":"n","Driver":""}'
forbidden "an image that is mounted" 'forbids the image hidden' ub create --mount type=image,src=hidden:1,dst=/m busybox true
in_host "$BERTH" create --name has --mount type=image,src=hidden:1,dst=/m busybox sleep 1000 >/dev/null
forbidden "… in another's container" 'forbids the image hidden' u start has
d rm -f has >/dev/null
d run -d --name plain busybox sleep 1000 >/dev/null
ID=$(in_host curl -s --unix-socket "$SOCK" -H 'Content-Type: application/json' -d '{"Cmd":["true"],"Privileged":true}' http://x/containers/plain/exec | jq -r .Id)
forbidden "another's exec: its capabilities" 'the capability SYS_ADMIN' body POST "/exec/$ID/start" '{"Detach":true}'
d rm -f plain >/dev/null

# ---- networks by whoever is in them ----
d network create secret >/dev/null
rules '{"name":"nets","users":["1000"],"deny":{"networks":["secret","host"]}}'
d run -d --name in --net secret busybox sleep 1000 >/dev/null
d run -d --name beside --net container:in busybox sleep 1000 >/dev/null
forbidden "a container's network" 'the network secret' u create --net container:in busybox true
forbidden "… through another" 'the network secret' u create --net container:beside busybox true
forbidden "… that exists already" 'the network secret' u restart beside
d run -d --name out busybox sleep 1000 >/dev/null
like "of one that is allowed" '^fine' "$(u run --rm --net container:out busybox echo fine)"
d rm -f in beside out >/dev/null; d network rm secret >/dev/null

# ---- a device that is another one later ----
rules '{"name":"null","users":["1000"],"deny":{"devices":["/dev/zero"]}}'
ln -s /dev/null "$HOST/data/dev"
like "a device by a link" '^[0-9a-f]{64}$' "$(u create --name dev --device "$HOST/data/dev:/dev/d" busybox true | tail -1)"
ln -sfn /dev/zero "$HOST/data/dev"
forbidden "… that leads elsewhere at the start" 'the device /dev/zero' u start dev
d rm -f dev >/dev/null

# ---- commands by another name ----
rules '{"name":"keep","users":["1000"],"deny":{"commands":["container remove"]}}'
d create --name victim busybox true >/dev/null
u create --name mine --link victim:it busybox true >/dev/null
forbidden "a removal by the name of a link" 'the command container remove' asked DELETE '/containers/mine/it?force=1'
same "… whose link may be taken away" 204 "$(asked DELETE '/containers/mine/it?link=1' -o /dev/null -w '%{http_code}')"
same "it is there" victim "$(d inspect -f '{{.Name}}' victim | tr -d /)"
d rm -f victim mine >/dev/null
rules '{"name":"typo","users":["1000"],"deny":{"commands":["image pull"]}}'
like "a command that is none is refused" 'denies ."image pull.", which no command is called' "$(tail -3 "$HOST/engine.log")"
engine_stop
finish
