#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# An image whose configuration nobody would be allowed to ask for runs as Docker runs it.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/census.sh && . ../lib/qa.sh
qa_up
# odd NAME CONFIG: busybox with these members of its configuration
odd() {
    python3 - "$IMAGES/busybox.tar" "$HOST/odd.tar" "$1" "$2" <<'PY'
import hashlib, io, json, sys, tarfile
source, target, name, more = sys.argv[1:]
old = tarfile.open(source)
manifest = json.load(old.extractfile("manifest.json"))[0]
config = json.load(old.extractfile(manifest["Config"]))
config.setdefault("config", {}).update(json.loads(more))
text = json.dumps(config).encode()
with tarfile.open(target, "w") as new:
    def add(path, data):
        info = tarfile.TarInfo(path)
        info.size = len(data)
        new.addfile(info, io.BytesIO(data))
    for path in dict.fromkeys(manifest["Layers"]):
        add(path, old.extractfile(path).read())
    path = hashlib.sha256(text).hexdigest() + ".json"
    add(path, text)
    add("manifest.json", json.dumps([{"Config": path, "RepoTags": [name + ":latest"], "Layers": manifest["Layers"]}]).encode())
PY
    d load -q -i "$HOST/odd.tar" >/dev/null
}
created() { api POST "/containers/create?name=$1" "{\"Image\":\"$1\"${2:-}}"; echo "$STATUS"; }
odd ports '{"ExposedPorts":{"80/TCP":{},"abc/tcp":{},"":{},"53/Udp":{},"90":{}}}'
created ports ',"Cmd":["sleep","1000"],"HostConfig":{"PublishAllPorts":true}' >/dev/null
same "ports: it is created, and what is none is said" "201 2" "$STATUS $(jq -r '.Warnings[]' <<<"$BODY" | grep -c "the image's port .* is none")"
same "the others are exposed" "53/udp 80/tcp 90" "$(field ports '.Config.ExposedPorts|keys|join(" ")')"
api POST /containers/ports/start
same "and it starts" 204 "$STATUS"
same "published by their numbers" "53/udp 80/tcp 90/tcp" "$(field ports '.NetworkSettings.Ports|to_entries|map(select(.value).key)|sort|join(" ")')"
odd volumes '{"Volumes":{"data":{},"/":{},"/a//b/":{}}}'
same "volumes: it is created" 201 "$(created volumes ',"Cmd":["sh","-c","grep -c -E \" (/data|/a/b) \" /proc/mounts"]')"
same "at their places" "/a/b /data" "$(field volumes '[.Mounts[].Destination]|sort|join(" ")')"
api POST /containers/volumes/start; api POST /containers/volumes/wait
same "and they are mounted" 2 "$(d logs volumes)"
odd signal '{"StopSignal":"SIGNOSUCH"}'
same "a signal that nobody knows: it is created" 201 "$(created signal ',"Cmd":["sh","-c","trap \"exit 7\" TERM; echo up; while :; do sleep 0.05; done"]')"
api POST /containers/signal/start; poll 5 eval 'd logs signal | grep -q up'
api POST '/containers/signal/stop?t=9'
same "and is stopped by SIGTERM" 7 "$(field signal .State.ExitCode)"
for signal in sigquit 3 RTMIN+2 SIGRTMAX-1 winch; do
    odd known '{"StopSignal":"'$signal'"}'
    same "a signal as images write it: $signal" 201 "$(created known)"
    api DELETE /containers/known
done
odd rest '{"Env":["PATH=/bin","","=x","BARE"],"WorkingDir":"work","Healthcheck":{"Test":["CMD","true"],"Interval":5,"Retries":-1}}'
same "variables, folder, check: it is created" 201 "$(created rest ',"Cmd":["pwd"]')"
api POST /containers/rest/start; api POST /containers/rest/wait
same "and runs in its folder" /work "$(d logs rest)"
# the same of a user is refused
for body in '"ExposedPorts":{"abc/tcp":{}}' '"StopSignal":"SIGNOSUCH"' '"WorkingDir":"work"' '"Env":["=x"]' '"Healthcheck":{"Test":["CMD","true"],"Interval":5}'; do
    api_is "a user's $body" 400 '' POST /containers/create "{\"Image\":\"busybox\",$body}"
done
d rm -f -v ports volumes signal rest >/dev/null
engine_sound
finish
