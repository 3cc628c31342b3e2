#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Devices by name (CDI): specs in /etc/cdi and /var/run/cdi say what a name is. It is judged as if the
# user had asked for its parts; what the engine cannot give is refused with the reason.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/census.sh && . ../lib/qa.sh
trap 'umount /etc 2>/dev/null; host_down' EXIT
host_up && P=$HOST/policy.json
# the world's /etc is the host's: a copy takes its place
cp -a /etc "$HOST/etc" && mount --bind "$HOST/etc" /etc && mkdir -p /etc/cdi /var/run/cdi || { not_ok "an own /etc"; finish; exit 1; }
printf '{"rules":[]}\n' >"$P" && chmod 644 "$P"
host_registry || { not_ok "a registry"; finish; exit 1; }
engine_start --policy "$P" || { not_ok "engine starts"; finish; exit 1; }
d pull -q 127.0.0.1:5000/busybox >/dev/null && d tag 127.0.0.1:5000/busybox busybox
mkdir "$HOST/lib" && echo library >"$HOST/lib/x.so"

ours() { in_host "$BERTH" -H "unix://$SOCK" "$@"; }
spec() { # FILE KIND DEVICES [EDITS OF ALL]
    printf '{"cdiVersion":"0.6.0","kind":"%s","devices":[%s],"containerEdits":%s}\n' "$2" "$3" "${4:-{\}}" >"$1"
}
asks() { printf '{"Image":"busybox","Cmd":["true"],"HostConfig":{"DeviceRequests":[{"Driver":"cdi","DeviceIDs":["%s"]}]}}' "$1"; }
refuses() { api_is "$1" 400 "$2" POST /containers/create "$(asks "$3")"; } # NAME REGEX DEVICE
device() { printf '{"name":"%s","containerEdits":%s}' "$1" "$2"; }

# ---- what a name is ----
spec /etc/cdi/v.json v.com/gpu \
    "$(device one '{"deviceNodes":[{"path":"/dev/one","hostPath":"/dev/zero","permissions":"r"},{"path":"/dev/k","hostPath":"/dev/kmsg","permissions":"r"}],"env":["ONE=1"]}'),
     $(device two '{"deviceNodes":[{"path":"/dev/full"}],"additionalGids":[4711]}')" \
    '{"env":["ALL=yes"],"mounts":[{"hostPath":"'"$HOST"'/lib","containerPath":"/vendor","options":["ro","nosuid","nodev","rbind","rprivate"]}]}'
out=$(ours run --rm --device v.com/gpu=one --device v.com/gpu=two -e ALL=no busybox \
    sh -c 'echo $ONE $ALL; cat /vendor/x.so; head -c 3 /dev/one | wc -c; ls /dev/full; id -G; echo x >/vendor/y; echo x >/dev/k' 2>&1)
like "variables, those of the spec too" '^1 yes$' "$out"
like "its mounts" '^library$' "$out"
like "its nodes, by another name" '^3$' "$out"
like "of each device" '^/dev/full$' "$out"
like "its groups" '4711' "$out"
like "the mount is read-only" 'vendor/y: Read-only' "$out"
like "the node has the permissions" "dev/k: (Operation not permitted|Permission denied)" "$out"
like "what binds have not is said" 'WARNING: CDI: option nosuid of the mount /vendor is not set' "$out"
like "the risks of its parts are told" 'WARNING: .*--device /dev/zero' "$out"
api POST '/containers/create?name=cc' "$(asks v.com/gpu=one)"
same "inspect has the name" '["v.com/gpu=one"]' "$(field cc '.HostConfig.DeviceRequests[0].DeviceIDs|tojson')"
same "and its parts" '/dev/zero /dev/one r' "$(field cc '.HostConfig.Devices[0]|[.PathOnHost,.PathInContainer,.CgroupPermissions]|join(" ")')"
again=$(field cc '.Config * {HostConfig}|tojson')
api_is "what inspect shows makes another one" 201 '"Id"' POST /containers/create "$again"
rm /etc/cdi/v.json
check "it starts without the spec" d start cc

# ---- which spec ----
spec /etc/cdi/low.json v.com/gpu "$(device one '{"env":["FROM=etc"]}')"
spec /var/run/cdi/high.json v.com/gpu "$(device one '{"env":["FROM=run"]}')"
same "/var/run counts more" run "$(ours run --rm --device v.com/gpu=one busybox sh -c 'echo $FROM')"
spec /var/run/cdi/other.json v.com/gpu "$(device one '{"env":["FROM=other"]}')"
refuses "two of one rank" 'CDI device v.com/gpu=one: .*both have it' v.com/gpu=one
rm /var/run/cdi/*
chmod 666 /etc/cdi/low.json
refuses "a spec that others may write" 'others than root may write it' v.com/gpu=one
chmod 644 /etc/cdi/low.json
echo '{' >/etc/cdi/broken.json
same "a broken one is no reason for another vendor" etc "$(ours run --rm --device v.com/gpu=one busybox sh -c 'echo $FROM')"
refuses "but is named" 'no spec in /etc/cdi or /var/run/cdi has it; /etc/cdi/broken.json was not read' v.com/gpu=nix
rm /etc/cdi/broken.json; echo 'kind: v.com/yaml' >/etc/cdi/v.yaml
refuses "YAML is named, too" 'v.yaml was not read: specs are read as JSON' v.com/yaml=one
rm /etc/cdi/v.yaml
mkfifo /etc/cdi/fifo.json
refuses "a pipe holds nobody up" 'it is no regular file' v.com/gpu=nix
rm /etc/cdi/fifo.json
head -c 2000000 /dev/zero | tr '\0' ' ' >/etc/cdi/long.json
refuses "nor one that is too long" 'long.json was not read' v.com/gpu=nix
rm /etc/cdi/long.json

# ---- what is refused ----
refuses "no name" 'invalid CDI device' nonsense
while read -r edits; do
    read -r regex
    spec /etc/cdi/bad.json v.com/bad "$(device n "$edits")"
    refuses "refused: $edits" "CDI device v.com/bad=n: .*$regex" v.com/bad=n
done <<'END'
{"hooks":[{"hookName":"createContainer","path":"/usr/bin/hook"}]}
it has hooks \(/usr/bin/hook\)
{"intelRdt":{"closID":"x"}}
intelRdt
{"mounts":[{"hostPath":"/etc","containerPath":"/x","options":["idmap"]}]}
option idmap of the mount /x is not supported
{"deviceNodes":[{"path":"/dev/null","major":7}]}
major of /dev/null is 1 on the host
{"deviceNodes":[{"path":"/dev/nosuch"}]}
no such file
{"later":[]}
it has later, which is not supported
END
api_is "no count" 400 'have DeviceIDs only' POST /containers/create \
    '{"Image":"busybox","HostConfig":{"DeviceRequests":[{"Driver":"cdi","Count":1,"DeviceIDs":["v.com/gpu=one"]}]}}'

# ---- policies ----
spec /etc/cdi/v.json v.com/gpu2 "$(device node '{"deviceNodes":[{"path":"/dev/null","hostPath":"/dev/zero"}]}'),
    $(device mount '{"mounts":[{"hostPath":"'"$HOST"'/lib","containerPath":"/v"}]}')"
printf '{"rules":[{"name":"parts","deny":{"devices":["/dev/zero"],"mounts":["%s/lib"]}}]}\n' "$HOST" >"$P.new" && chmod 644 "$P.new" && mv "$P.new" "$P"
kill -HUP "$ENGINE_PID"
check "a policy is read" poll 5 grep -q 'msg="the policy' "$HOST/engine.log"
api_is "its nodes are judged" 403 'parts\\" forbids the device /dev/zero' POST /containers/create "$(asks v.com/gpu2=node)"
api_is "its mounts are judged" 403 'parts\\" forbids the mount' POST /containers/create "$(asks v.com/gpu2=mount)"
finish
