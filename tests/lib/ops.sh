# SPDX-License-Identifier: Apache-2.0
# One case for every type of operation that `berthd --list-steps` knows, for steps.sh and late.sh.
# Needs host.sh, tap.sh, census.sh, qa.sh.
#
#   ops_up             host, registries, engine, busybox, what the cases need
#   steps_of PLACES    "type:step place" of every step in one of PLACES (a regex)
#   before WHERE       what must be there for "type:step" to be run
#   act WHERE          the command that comes past it: sets STATUS and BODY. False: there is no case
#   clear_up           removes what before and act have made
#   ops_over           the end: the engine works, and nothing is left ("$HOST/before": the census)
#   refused, worked    whether BODY is an error with a sentence; a good answer, or "it is so already"

CREATE='{"Image":"busybox","Cmd":["sleep","1000"],"Volumes":{"/anon":{}},"HostConfig":{"PortBindings":{"80/tcp":[{"HostPort":"6100"}]},
  "Mounts":[{"Type":"volume","Source":"fown","Target":"/own","VolumeOptions":{"DriverConfig":{"Options":{"type":"tmpfs","device":"tmpfs"}}}}]}}'
LARGE=$(printf '{"Image":"busybox","Cmd":["true"],"Labels":{"large":"%040000d"}}' 0)
TAR='Content-Type: application/x-tar'

# An image of one layer of 3 MB, in a registry at 5001 ("slow/": over 2 s), as a tar to import and
# as an archive to load.
big_layer() {
    local manifest digest
    nsenter --net="/proc/$HOST_NS_PID/ns/net" -- python3 "$BERTH_SRC/tests/system/image_registry.py" 5001 >"$HOST/ready-5001" 2>&1 &
    SLOW_REGISTRY=$!
    poll 10 grep -q ready "$HOST/ready-5001"
    manifest=$(in_host curl -s http://127.0.0.1:5001/v2/good/manifests/latest)
    digest=$(printf %s "$manifest" | jq -r '.layers[0].digest')
    in_host curl -s "http://127.0.0.1:5001/v2/good/blobs/$digest" | gunzip >"$HOST/big.tar"
    printf '{"architecture":"amd64","os":"linux","config":{"Cmd":["x"]},"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' \
        "$(sha256sum <"$HOST/big.tar" | cut -d' ' -f1)" >"$HOST/config.json"
    echo '[{"Config":"config.json","RepoTags":["fload:latest"],"Layers":["big.tar"]}]' >"$HOST/manifest.json"
    tar -C "$HOST" -cf "$HOST/load.tar" config.json manifest.json big.tar
}
ops_up() {
    qa_up "$@"
    big_layer || { not_ok "a layer"; finish; exit 1; }
}
ops_over() {
    engine_stop; engine_start
    clear_up
    check "it still works" d run --rm busybox true
    settled
    same "no volume is left" "" "$(d volume ls -q)"
    census_stable >"$HOST/after"
    census_same "the census is as before" "$HOST/before" "$HOST/after"
    sound
}
steps_of() { "$BERTH_BIN/berthd" --list-steps | grep -E " ($1)\$"; }

make() { api POST '/containers/create?name=ff' "$CREATE"; }
up() { make; api POST /containers/ff/start; }
exec_made() { api POST /containers/ff/exec '{"Cmd":["sh","-c","exit 3"]}'; EXEC=$(printf %s "$BODY" | jq -r .Id); }

# A build that comes past every step, one at a time; and one whose steps wait for one another.
BUILD_ALL='FROM busybox
WORKDIR /w/v
COPY --from=busybox /etc/passwd /y
RUN echo z >/z
RUN <<EOF
#!/bin/sh
echo s >/s
EOF
ADD http://127.0.0.1:5000/v2/ /u
RUN --mount=type=bind,target=/m --mount=type=bind,from=busybox,target=/i --mount=type=cache,id=faults,target=/c echo m >/m2'
BUILD_WAITS='FROM busybox AS one
RUN sleep 0.7; echo x >/x
FROM busybox
COPY --from=one /x /y'
BUILD_HOLDS='FROM busybox
RUN --mount=type=cache,id=held,target=/c,sharing=locked sleep 0.7'
build_file() {
    case $1 in
    build/from:await-base) printf 'FROM 127.0.0.1:5001/slow:latest\nLABEL of=faults\n' ;;
    build/source:await-source | build/step:await-sources | build/step:look-up) echo "$BUILD_WAITS" ;;
    build/step:hold-folders) echo "$BUILD_HOLDS" ;;
    *) echo "$BUILD_ALL" ;;
    esac
}
build_context() { # WHERE
    mkdir -p "$HOST/context" && build_file "$1" >"$HOST/context/Dockerfile" && tar -C "$HOST/context" -cf "$HOST/context.tar" .
}
build() { build_context "$1"; api POST '/build?t=fbuild&nocache=1&forcerm=1' '' -H "$TAR" --data-binary "@$HOST/context.tar"; }

before() {
    case $1 in
    build/from:await-base) api DELETE /images/fbuild; api POST '/build/prune?all=1'; api DELETE /images/127.0.0.1:5001/slow ;;
    container/start:* | container/rename:* | container/remove:*) make ;;
    container/exec:* | container/exec-create:* | container/stop:* | container/top:* | container/update:*) up ;;
    container/commit:* | image/commit:*) api DELETE /images/fcommit; up ;;
    container/pause:*) up; ! state_is ff paused || api POST /containers/ff/unpause ;;
    container/stats:*) up ;;
    container/sizes:* | container/risks:* | container/changes:* | container/path-stat:* | container/copy-out:* | container/copy-in:*) make ;;
    volume/remove:* | volume/measure:*) api POST /volumes/create '{"Name":"fv"}' ;;
    network/remove:*) api POST /networks/create '{"Name":"fnet"}' ;;
    network/connect:*) up; api POST /networks/create '{"Name":"fnet"}' ;;
    network/disconnect:*)
        up; api POST /networks/create '{"Name":"fnet"}'
        api POST /networks/fnet/connect '{"Container":"ff"}' ;;
    image/remove:*) api POST '/images/busybox/tag?repo=fimg' ;;
    image/pull-all:*) for tag in a b c; do api DELETE "/images/127.0.0.1:5001/good:$tag"; done ;;
    image/push:* | image/push-all:*) # its digest is a new name, so that there is something to save
        for tag in a b; do api DELETE "/images/127.0.0.1:5000/fpush:$tag"; done
        for tag in a b; do api POST "/images/busybox/tag?repo=127.0.0.1:5000/fpush&tag=$tag"; done ;;
    image/pull:* | image/load:* | image/import:*) api DELETE /images/127.0.0.1:5001/good; api DELETE /images/fload; api DELETE /images/fimport ;;
    esac
}
act() {
    case $1 in
    container/create:look-at-sources*) api POST '/containers/create?name=fl' '{"Image":"busybox","Cmd":["true"],"HostConfig":{"Binds":["/srv:/srv:ro"]}}' ;;
    container/create:read-devices*)
        mkdir -p /run/cdi && printf '{"cdiVersion":"0.6.0","kind":"v/c","devices":[{"name":"n","containerEdits":{"env":["A=1"]}}]}' >/run/cdi/faults.json
        api POST '/containers/create?name=fl' '{"Image":"busybox","Cmd":["true"],"HostConfig":{"DeviceRequests":[{"Driver":"cdi","DeviceIDs":["v/c=n"]}]}}' ;;
    container/create:*-large-*) api POST '/containers/create?name=fl' "$LARGE" ;;
    container/create:* | volume/mount:*) make ;;
    container/start:*) api POST /containers/ff/start ;;
    container/rename:*) api POST '/containers/ff/rename?name=fg' ;;
    container/remove:*) api DELETE '/containers/ff?v=1&force=1' ;;
    container/stop:*) api POST '/containers/ff/stop?t=0' ;;
    container/pause:*) api POST /containers/ff/pause ;;
    container/top:*) api GET /containers/ff/top ;;
    container/risks:*) api GET /containers/ff/risks ;;
    container/update:*) # never the same twice: what was not written would not show
        MEMORY=$((${MEMORY:-33554432} + 4096))
        api POST /containers/ff/update "{\"Memory\":$MEMORY}" ;;
    container/sizes:*) api GET '/containers/json?all=1&size=1' ;;
    container/commit:* | image/commit:*) api POST '/commit?container=ff&repo=fcommit&changes=LABEL+of=faults' ;;
    container/changes:*) api GET /containers/ff/changes ;;
    container/stats:*) api GET '/containers/ff/stats?stream=0' ;;
    container/path-stat:*) api HEAD '/containers/ff/archive?path=/etc' ;;
    container/copy-out:*) api GET '/containers/ff/archive?path=/etc/passwd' ;;
    container/copy-in:*) api PUT '/containers/ff/archive?path=/tmp' '' -H "$TAR" --data-binary "@$HOST/load.tar" ;;
    container/exec-create:*) api POST /containers/ff/exec '{"Cmd":["true"]}' ;;
    container/exec:*) exec_made; api POST "/exec/$EXEC/start" '{"Detach":true}' ;;
    volume/create:*) api POST /volumes/create '{"Name":"fv"}' ;;
    volume/remove:*) api DELETE /volumes/fv ;;
    volume/measure:* | quarantine/measure:*) api GET /system/df ;;
    network/create:*) api POST /networks/create '{"Name":"fnet"}' ;;
    network/remove:*) api DELETE /networks/fnet ;;
    network/connect:*) api POST /networks/fnet/connect '{"Container":"ff"}' ;;
    network/disconnect:*) api POST /networks/fnet/disconnect '{"Container":"ff"}' ;;
    image/pull:*) api POST '/images/create?fromImage=127.0.0.1:5001/good&tag=latest' ;;
    image/ask:*) api GET /distribution/127.0.0.1:5001/good:latest/json ;;
    image/pull-all:*) api POST '/images/create?fromImage=127.0.0.1:5001/good' ;;
    image/push:*) api POST '/images/127.0.0.1:5000/fpush/push?tag=a' ;;
    image/push-all:*) api POST '/images/127.0.0.1:5000/fpush/push' ;;
    build/* | image/list:*) build "$1" ;;
    image/tag:*) api POST '/images/busybox/tag?repo=fimg' ;;
    image/remove:*) api DELETE /images/fimg ;;
    image/save:*) api GET '/images/get?names=busybox' ;;
    image/load:*) api POST '/images/load' '' -H "$TAR" --data-binary "@$HOST/load.tar" ;;
    image/import:*) api POST '/images/create?fromSrc=-&repo=fimport' '' -H "$TAR" --data-binary "@$HOST/big.tar" ;;
    *) return 1 ;;
    esac
}
# What a copy that was cut off has left in ff, for the next engine: LEFT, on the disk.
copy_left() {
    local id
    id=$(field ff .Id) LEFT=$HOST/data/containers/$(field ff .Id)/upper/.berth-cp-00000000000000ff
    echo x >"$LEFT"
    printf '/.berth-cp-00000000000000ff\0' >"$HOST/data/copies/$id.faults"
}
clear_up() {
    local path
    containers_clear
    api DELETE /images/fbuild
    api POST '/build/prune?all=1'
    for path in volumes/{fv,fown}?force=1 networks/fnet images/{fimg,fcommit,fimport,fload,127.0.0.1:5000/fpush:{a,b},127.0.0.1:5001/good{,:a,:b,:c},127.0.0.1:5001/slow}; do
        api DELETE "/$path"
    done
}
refused() {
    { [[ $STATUS = [45]* ]] || [[ $BODY == *'"error"'* ]]; } &&
        printf %s "$BODY" | grep -Eq '"(message|error)":"[^"]{8,}'
}
worked() { [[ $STATUS = 2* || $STATUS = 304 ]] && [[ $BODY != *'"error"'* ]]; }

# Nothing of the kind in the log: what sanitizers and assertions say ends the test with it.
sound() {
    local bad='ERROR: (Address|Leak)Sanitizer|runtime error:|[Aa]ssertion' reports
    reports=$(grep -v level=error "$HOST/engine.log" | grep -cE "$bad")
    same "no sanitizer report, no failed assertion" 0 "$reports"
    [ "$reports" = 0 ] || grep -E -B10 -A40 "$bad" "$HOST/engine.log" | grep -v msg=command | head -120 | sed "s/^/# /"
}
