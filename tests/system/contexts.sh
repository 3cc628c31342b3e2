#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Contexts, shared with the docker CLI: whoever names one that is elsewhere never reaches this machine. What is about to
# be pruned is said. system df and dial-stdio.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/census.sh && . ../lib/qa.sh
qa_up
export DOCKER_CONFIG=$HOST/config
mkdir "$DOCKER_CONFIG"
printf '{\n\t"zeta": {"b": 1.50, "a": [9007199254740993]},\n\t"auths": {}\n}\n' >"$DOCKER_CONFIG/config.json"; chmod 640 "$DOCKER_CONFIG/config.json"
plain() { in_host env -u DOCKER_HOST -u BERTH_HOST "$@"; } # without a host in the environment
b() { plain "$BERTH" "$@"; }
dk() { plain /usr/bin/docker "$@"; }

d run -d --name kept busybox sleep 1000 >/dev/null
same "create" "here" "$(b context create here --docker "host=unix://$SOCK" --description "this one" 2>/dev/null)"
same "docker sees it" "here|this one|unix://$SOCK" "$(dk context ls --format '{{.Name}}|{{.Description}}|{{.DockerEndpoint}}' | grep ^here)"
dk context create prod --docker host=tcp://127.0.0.1:1 >/dev/null 2>&1
dk context create far --docker host=ssh://nobody@127.0.0.1 >/dev/null 2>&1
same "ls" "default here far prod" "$(b context ls -q | sort | xargs -n1 | sed 's/default/0default/;s/here/1here/' | sort | sed 's/^[01]//' | xargs)"
like "ls says what is wrong" 'prod .*tcp://127.0.0.1:1 .*Unix socket only' "$(b context ls)"
same "-c" "kept" "$(b -c here ps --format '{{.Names}}')"
same "--context" "kept" "$(b --context here ps --format '{{.Names}}')"
same "DOCKER_CONTEXT" "kept" "$(DOCKER_CONTEXT=here b ps --format '{{.Names}}')"
same "use" "here" "$(b context use here 2>/dev/null)"
same "show" "here here" "$(b context show) $(dk context show 2>/dev/null || echo here)"
same "it is used" "kept" "$(b ps --format '{{.Names}}')"
same "the rest of config.json stays, its order and its mode too" '640 {"zeta":{"b":1.50,"a":[9007199254740993]},"auths":{},"currentContext":"here"}' \
    "$(stat -c %a "$DOCKER_CONFIG/config.json") $(tr -d ' \n\t' <"$DOCKER_CONFIG/config.json")"

# What is elsewhere is elsewhere.
for c in prod far nosuch; do
    fails "-c $c rm -f is refused" 'context "(prod|far|nosuch)"' b -c $c rm -f kept
    fails "DOCKER_CONTEXT=$c, too" 'context "(prod|far|nosuch)"' plain env DOCKER_CONTEXT=$c "$BERTH" rm -f kept
done
dk context use prod >/dev/null 2>&1
fails "the current one of docker's, too" 'context "prod".*Unix socket only' b rm -f kept
fails "-c prod with a host in the environment" 'context "prod"' in_host "$BERTH" -c prod rm -f kept
fails "-H and -c" 'conflicting options' b -H "unix://$SOCK" -c here ps
check "a host in the environment is before the current one" d ps
same "and -H is" "kept" "$(b -H "unix://$SOCK" ps --format '{{.Names}}')"
for flag in --tls --tlsverify --tlscacert=x; do fails "$flag is refused" 'no TLS' in_host "$BERTH" $flag rm -f kept; done
check "nothing was removed" state_is kept running
b context use default >/dev/null 2>&1
same "use default" "default null" "$(b context show) $(jq -c .currentContext "$DOCKER_CONFIG/config.json")"

fails "a name that is none" 'is invalid, names are validated' b context create ../x --docker "host=unix://$SOCK"
fails "default is reserved" 'reserved context name' b context create default --docker "host=unix://$SOCK"
fails "one that is there" 'already exists' b context create here --docker "host=unix://$SOCK"
fails "an endpoint elsewhere" 'Unix socket only' b context create xx --docker host=tcp://1.2.3.4:2375
fails "certificates" 'no option of a docker endpoint' b context create xx --docker host=unix:///x,ca=y
fails "no endpoint" 'endpoint configuration is required' b context create xx
b context create copy --from here >/dev/null 2>&1
b context update copy --description new >/dev/null 2>&1
same "from another one; update" "new unix://$SOCK" "$(b context inspect -f '{{.Metadata.Description}} {{.Endpoints.docker.Host}}' copy)"
same "inspect is docker's" "$(dk context inspect here | jq -S '.[0] | del(.Storage)')" "$(b context inspect here | jq -S '.[0] | del(.Storage)')"
cd "$HOST" || exit 1
b context export here ours.tar 2>/dev/null; dk context export here theirs.tar >/dev/null 2>&1
check "docker imports ours" dk context import from-ours ours.tar
check "we import theirs" b context import from-theirs theirs.tar
same "they are the same" "this one unix://$SOCK|this one unix://$SOCK" \
    "$(for c in from-ours from-theirs; do b context inspect -f '{{.Metadata.Description}} {{.Endpoints.docker.Host}}' $c; done | paste -sd'|')"
fails "what is no context" 'is no context' b context import xx "$DOCKER_CONFIG/config.json"
b context use copy >/dev/null 2>&1
fails "rm of the current one" 'is in use' b context rm copy
b context rm -f copy from-ours from-theirs >/dev/null
same "rm" "default here" "$(b context ls -q | grep -v '^far$\|^prod$' | sort | xargs)"
same "rm -f of the current one makes the default one current" "default" "$(b context show)"
fails "default stays" 'cannot be removed' b context rm default
same "its member goes, as docker leaves it" "null" "$(jq -c .currentContext "$DOCKER_CONFIG/config.json")"

# config.json may be a link, of a link, or of nothing yet
mkdir "$HOST/real"; mv "$DOCKER_CONFIG/config.json" "$HOST/real/there.json"
chown 1234:4321 "$HOST/real/there.json"; ln -s ../real/there.json "$DOCKER_CONFIG/config.json"
b context use here >/dev/null 2>&1
same "use follows a link; mode and owner stay" "here 640 1234 4321" "$(jq -r .currentContext "$HOST/real/there.json") $(stat -c '%a %u %g' "$HOST/real/there.json")"
check "it is still a link" test -L "$DOCKER_CONFIG/config.json"
rm "$DOCKER_CONFIG/config.json"; ln -s second "$DOCKER_CONFIG/config.json"; ln -s ../real/new.json "$DOCKER_CONFIG/second"
b context use here >/dev/null 2>&1
same "links to what is not there yet" "here second ../real/new.json" "$(jq -r .currentContext "$HOST/real/new.json") $(readlink "$DOCKER_CONFIG/config.json") $(readlink "$DOCKER_CONFIG/second")"
b context use default >/dev/null 2>&1
rm "$DOCKER_CONFIG/config.json" "$DOCKER_CONFIG/second"
for i in 1 2 3 4 5 6; do b context use here >/dev/null 2>&1 & USES[i]=$!
    echo x | in_host "$BERTH" login -u "u$i" --password-stdin 127.0.0.1:5000 >/dev/null 2>&1 & LOGINS[i]=$!; done
wait "${USES[@]}" "${LOGINS[@]}"
same "logins at the same time lose nothing" 'here ["127.0.0.1:5000"]' "$(jq -r .currentContext "$DOCKER_CONFIG/config.json") $(jq -c '.auths | keys' "$DOCKER_CONFIG/config.json")"
same "no draft is left" "config.json contexts" "$(ls "$DOCKER_CONFIG" | xargs)"
echo '{"auths":[],"currentContext":"prod"}' >"$DOCKER_CONFIG/config.json"
fails "a choice beside what cannot be read holds: nothing reaches this machine" 'context "prod"' b rm -f kept
same "and one warning" "1" "$(b pull 127.0.0.1:5000/busybox 2>&1 | grep -c WARNING)"
echo '{"currentContext":5}' >"$DOCKER_CONFIG/config.json"
like "a choice that is no name: a warning" 'WARNING.*"currentContext" is not a string' "$(b context show 2>&1)"
fails "and it is not written over" '"currentContext" is not a string' b context use here
rm "$DOCKER_CONFIG/config.json"
META=$(jq -r '.[0].Storage.MetadataPath' <(b context inspect here))/meta.json
cp "$META" "$HOST/meta.json"
for doc in '[]' '{"Name":5}' '{"Name":"prod","Endpoints":{"docker":{"Host":"unix:///x"}}}'; do
    echo "$doc" >"$META"
    fails "a file of another context: $doc" 'context "here": .*meta.json is not of this context' b -c here ps
done
mkdir "$HOST/full"; mount -t tmpfs -o size=64k t "$HOST/full"; cat /dev/zero >"$HOST/full/fill" 2>/dev/null
cp "$HOST/meta.json" "$META"
fails "export to a full disk" "$HOST/full/x.tar: .*no space left" b context export here "$HOST/full/x.tar"
check "leaves no half of a file" test ! -e "$HOST/full/x.tar"
umount "$HOST/full"
printf 'root:x:0:0::%s:/bin/sh\n' "$HOST/home" >"$HOST/passwd"; mkdir "$HOST/home"
unshare -m sh -c 'mount --bind "$1" /etc/passwd && shift && "$@"' sh "$HOST/passwd" env -u DOCKER_HOST -u BERTH_HOST -u DOCKER_CONFIG -u HOME \
    "$BERTH" context create of-home --docker "host=unix://$SOCK" >/dev/null 2>&1
same "without HOME it is the user's" "contexts" "$(ls "$HOST/home/.docker")"
echo '{"auths":' >"$DOCKER_CONFIG/config.json"
fails "a config.json that is none is not written over" 'config.json' b context use here
same "it is as it was" '{"auths":' "$(cat "$DOCKER_CONFIG/config.json")"
rm "$DOCKER_CONFIG/config.json"

# ---- what config.json says where the command line says nothing
cat >"$DOCKER_CONFIG/config.json" <<JSON
{"psFormat": "own {{.Names}}", "imagesFormat": "own {{.Repository}}", "networksFormat": "own {{.Name}}", "volumesFormat": "own {{.Name}}",
 "statsFormat": "own {{.Name}}", "detachKeys": "ctrl-x,y", "pruneFilters": ["label!=stays", "label=goes"],
 "proxies": {"default": {"httpProxy": "http://p:1", "noProxy": "lan"}, "unix:///elsewhere": {"httpProxy": "http://q:1"}}}
JSON
h() { b -c here "$@"; }
d volume create of-all >/dev/null
same "formats" "own kept|own of-all|own kept" "$(h ps)|$(h volume ls)|$(h stats --no-stream)"
like "of images and networks" '^own busybox' "$(h images busybox; h network ls)"
same "docker's are the same" "$( (dk -c here network ls; dk -c here images; dk -c here ps) | sort)" "$( (h network ls; h images; h ps) | sort)"
same "--format and -q count more" "kept of-all" "$(h ps --format '{{.Names}}') $(h volume ls -q)"
same "proxies, in both cases" "HTTP_PROXY=http://p:1 NO_PROXY=lan http_proxy=mine no_proxy=lan" "$(h run --rm -e http_proxy=mine busybox env | grep -i proxy | LC_ALL=C sort | xargs)"
same "docker's are the same" "$(dk -c here run --rm busybox env | grep -i proxy | sort)" "$(h run --rm busybox env | grep -i proxy | sort)"
sed "s|unix:///elsewhere|unix://$SOCK|;s|http://q:1|http://r:1|" "$DOCKER_CONFIG/config.json" >"$HOST/home/config.json"
same "of one engine" "http://r:1" "$(plain "$BERTH" --config "$HOST/home" -H "unix://$SOCK" run --rm busybox sh -c 'echo $HTTP_PROXY')"
same "exec has none of them" "" "$(h exec kept env | grep -i proxy)"
printf 'FROM busybox\nRUN echo "proxy $HTTP_PROXY"\n' >"$HOST/Dockerfile"
like "arguments of a build" 'proxy http://p:1' "$(h build --no-cache --progress plain -f "$HOST/Dockerfile" "$HOST/real" 2>&1)"
for l in stays goes; do d create --name "dead-$l" --label goes --label "$l" busybox true >/dev/null; done
like "prune: its filters are said" 'label!=stays.*label=goes|label=goes.*label!=stays' "$(echo n | h container prune 2>&1 | tr '\n' ' ')"
h container prune -f >/dev/null
same "and hold" "dead-stays kept" "$(d ps -a --format '{{.Names}}' | sort | xargs)"
h container prune -f --filter label=stays >/dev/null
same "but for those that the command line contradicts" "kept" "$(d ps -a --format '{{.Names}}')"
d volume rm of-all >/dev/null
echo '{"proxies":{"default":{"httpProxy":5}},"psFormat":"x"}' >"$DOCKER_CONFIG/config.json"
like "of a wrong type: a warning" 'WARNING: .*"httpProxy" of the entry "default" is not a string' "$(h ps 2>&1)"
echo '{"detachKeys":"ctrl-nonsense"}' >"$DOCKER_CONFIG/config.json"
fails "detachKeys" 'ctrl-nonsense' h exec kept true
check "those of the command line count more" h exec --detach-keys ctrl-x kept true
rm "$DOCKER_CONFIG/config.json"

# ---- dial-stdio
same "dial-stdio is the engine's socket" "OK" "$(printf 'GET /_ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n' | b -c here system dial-stdio | tr -d '\r' | tail -1)"

# ---- what is pruned is said
asked() { echo n | b -c here "$@" 2>&1 | tr '\n' ' '; }
like "container prune" 'remove all stopped containers\.' "$(asked container prune)"
like "image prune" 'remove all dangling images\.' "$(asked image prune)"
like "image prune -a" 'remove all images without at least one container' "$(asked image prune -a)"
like "volume prune" 'remove anonymous local volumes' "$(asked volume prune)"
like "volume prune -a" 'remove all local volumes not used' "$(asked volume prune -a)"
like "builder prune -a" 'remove all build cache\.' "$(asked builder prune -a)"
like "filters are said" 'filtered with: +- label=x' "$(asked image prune --filter label=x)"
like "system prune" 'all stopped containers .*custom networks .*dangling build cache .*dangling images' "$(asked system prune)"
[[ $(asked system prune) = *volumes* ]] && not_ok "no volumes" || ok "no volumes"
like "system prune -a --volumes" 'anonymous local volumes .*all build cache .*all images without' "$(asked system prune -a --volumes)"
fails "until does not go with volumes" 'not supported with "--volumes"' b -c here system prune -f --volumes --filter until=1h
d volume create named >/dev/null; d run --rm -v /anon busybox true
d create --name anon -v /anon busybox true >/dev/null; d rm anon >/dev/null
b -c here system prune -af --volumes >/dev/null
same "system prune -a --volumes leaves named volumes" "named" "$(d volume ls -q)"
b -c here volume prune -af >/dev/null
same "volume prune -a does not" "" "$(d volume ls -q)"
check "what runs stays, and its image" d exec kept true

# ---- system df
like "system df" '^Images +1 +1 ' "$(b -c here system df)"
same "--format" "Images 1 1|Containers 1 1|Local Volumes 0 0|Build Cache 0 0" "$(b -c here system df --format '{{.Type}} {{.TotalCount}} {{.Active}}' | paste -sd'|')"
like "-v" 'IMAGE ID.*kept' "$(b -c here system df -v | tr '\n' ' ')"

# ---- checkpoints
for call in 'GET /containers/kept/checkpoints' 'POST /containers/kept/checkpoints {"CheckpointID":"x"}' 'DELETE /containers/kept/checkpoints/x' 'POST /containers/kept/start?checkpoint=x'; do
    api_is "${call%% \{*}" 501 'does not use criu' $call
done
api_is "of no container" 404 'No such container' GET /containers/nosuch/checkpoints
fails "berth checkpoint create" 'does not use criu' b -c here checkpoint create kept x
fails "berth checkpoint ls" 'does not use criu' b -c here checkpoint ls kept
fails "berth checkpoint rm" 'does not use criu' b -c here checkpoint rm kept x
check "it runs on" state_is kept running
fails "GPUs without a driver are refused by the engine" 'Error response from daemon' b -c here run --rm --gpus all busybox true
fails "history of another platform" 'does not provide|platform' b -c here history --platform linux/arm64 busybox
check "history of its own" b -c here history --platform linux/amd64 busybox
fails "image inspect of another platform" 'platform' b -c here image inspect --platform linux/arm64 busybox
d rm -f kept >/dev/null
engine_sound
finish
