#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Every command and flag of docker 28's command line (its reference, docs.docker.com/reference/cli/docker) is one of berth,
# or is refused with a sentence that says why. Of the groups that need several machines the group itself is.
#   COMMAND: FLAG…      a flag that berth refuses has a "!" behind it, a command that it refuses alone too
# shellcheck disable=SC2086
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh
export DOCKER_CONFIG=/nonexistent
unset DOCKER_HOST BERTH_HOST DOCKER_CONTEXT
BERTH=$BERTH_BIN/berth
T=$(mktemp -d) && cd "$T" && trap 'rm -rf "$T"' EXIT || exit 1
b() { "$BERTH" -H unix:///nonexistent.sock "$@" </dev/null 2>&1; }

RUN="add-host annotation attach blkio-weight blkio-weight-device cap-add cap-drop cgroup-parent cgroupns cidfile cpu-count! cpu-percent!
  cpu-period cpu-quota cpu-rt-period cpu-rt-runtime cpu-shares cpus cpuset-cpus cpuset-mems device device-cgroup-rule device-read-bps
  device-read-iops device-write-bps device-write-iops disable-content-trust dns dns-opt dns-option dns-search domainname entrypoint env env-file
  expose gpus group-add health-cmd health-interval health-retries health-start-interval health-start-period health-timeout hostname
  init interactive io-maxbandwidth! io-maxiops! ip ip6 ipc isolation! kernel-memory label label-file link link-local-ip log-driver log-opt
  mac-address memory memory-reservation memory-swap memory-swappiness mount name net net-alias network network-alias no-healthcheck
  oom-kill-disable oom-score-adj pid pids-limit platform privileged publish publish-all pull quiet read-only restart rm runtime
  security-opt shm-size stop-signal stop-timeout storage-opt sysctl tmpfs tty ulimit use-api-socket! user userns uts volume
  volume-driver volumes-from workdir"
BUILD="add-host allow! annotation! attest! build-arg build-context! builder! cache-from cache-to! call cgroup-parent check
  compress! cpu-period cpu-quota cpu-shares cpuset-cpus cpuset-mems disable-content-trust file force-rm iidfile isolation! label load memory
  memory-swap metadata-file! network no-cache no-cache-filter! output! platform progress provenance! pull push! quiet rm sbom! secret
  security-opt! shm-size squash! ssh! tag target ulimit"
TABLE="attach: detach-keys no-stdin sig-proxy
build: $(echo $BUILD)
builder build: $(echo $BUILD)
builder prune: all filter force keep-storage
checkpoint create: checkpoint-dir leave-running
checkpoint ls: checkpoint-dir
checkpoint list: checkpoint-dir
checkpoint rm: checkpoint-dir
checkpoint remove: checkpoint-dir
commit: author change message pause
context create: description docker from default-stack-orchestrator! kubernetes!
context export:
context import:
context inspect: format
context ls: format quiet
context list: format quiet
context rm: force
context remove: force
context show:
context update: description docker
context use:
cp: archive follow-link quiet
create: $(echo $RUN)
diff:
events: filter format since until
exec: detach detach-keys env env-file interactive privileged tty user workdir
export: output
history: format human no-trunc platform quiet
image build: $(echo $BUILD)
image inspect: format platform
image prune: all filter force
images: all digests filter format no-trunc quiet tree!
import: change message platform
info: format
inspect: format size type
kill: signal
load: input platform quiet
login: password password-stdin username
logout:
logs: details follow since tail timestamps until
manifest annotate!:
manifest inspect: insecure verbose
manifest create!:
manifest push!:
manifest rm!:
network connect: alias driver-opt gw-priority ip ip6 link link-local-ip
network create: attachable aux-address config-from config-only driver gateway ingress! internal ip-range ipam-driver ipam-opt ipv4 ipv6 label opt scope subnet
network disconnect: force
network inspect: format verbose
network ls: filter format no-trunc quiet
network list: filter format no-trunc quiet
network prune: filter force
network rm: force
network remove: force
pause:
port:
ps: all filter format last latest no-trunc quiet size
pull: all-tags disable-content-trust platform quiet
push: all-tags disable-content-trust platform quiet
rename:
restart: signal timeout time
rm: force link volumes
rmi: force no-prune platform!
run: $(echo $RUN) detach detach-keys sig-proxy
save: output platform
search: filter format limit no-trunc
start: attach checkpoint! checkpoint-dir! detach-keys interactive
stats: all format no-stream no-trunc
stop: signal timeout time
system df: format verbose
system dial-stdio:
system events: filter format since until
system info: format
system prune: all filter force volumes
tag:
top:
unpause:
update: blkio-weight cpu-period cpu-quota cpu-rt-period cpu-rt-runtime cpu-shares cpus cpuset-cpus cpuset-mems kernel-memory memory memory-reservation memory-swap pids-limit restart
version: format
volume create: availability! driver group! label limit-bytes! name opt required-bytes! scope! secret! sharing! topology-preferred! topology-required! type!
volume inspect: format
volume ls: cluster! filter format quiet
volume list: cluster! filter format quiet
volume prune: all filter force
volume rm: force
volume remove: force
volume update!:
wait:
container attach: detach-keys no-stdin sig-proxy
container commit: author change message pause
container cp: archive follow-link quiet
container create: $(echo $RUN)
container diff:
container exec: detach detach-keys env env-file interactive privileged tty user workdir
container export: output
container inspect: format size
container kill: signal
container logs: details follow since tail timestamps until
container ls: all filter format last latest no-trunc quiet size
container list: all filter format last latest no-trunc quiet size
container ps: all filter format last latest no-trunc quiet size
container pause:
container port:
container prune: filter force
container rename:
container restart: signal timeout
container rm: force link volumes
container remove: force link volumes
container run: $(echo $RUN) detach detach-keys sig-proxy
container start: attach checkpoint! checkpoint-dir! detach-keys interactive
container stats: all format no-stream no-trunc
container stop: signal timeout
container top:
container unpause:
container update: cpus memory pids-limit restart
container wait:
image history: format human no-trunc platform quiet
image import: change message platform
image load: input platform quiet
image ls: all digests filter format no-trunc quiet tree!
image list: all digests filter format no-trunc quiet tree!
image pull: all-tags disable-content-trust platform quiet
image push: all-tags disable-content-trust platform quiet
image rm: force no-prune platform!
image remove: force no-prune platform!
image save: output platform
image tag:"
# Groups and plugins that are not of one machine, or not of the engine.
GROUPS_REFUSED="buildx compose config node plugin secret service stack swarm trust"
GLOBALS="config context debug host log-level tls tlscacert tlscert tlskey tlsverify version"

refused() { # COMMAND
    local out code
    out=$(b $1); code=$?
    if [ $code = 1 ] && [[ $out =~ ^berth\ $1\ is\ not\ supported:\ .{15} ]]; then ok "$1 is refused"; else not_ok "$1 is refused" "$code $out"; fi
}
while IFS=: read -r command flags; do
    if [ "${command%!}" != "$command" ]; then
        refused "${command%!}"
        continue
    fi
    out=$(b $command --help); code=$?
    [ $code = 0 ] && ok "$command" || not_ok "$command" "$out"
    for flag in $flags; do
        name=${flag%!}
        if [ "$name" = "$flag" ]; then # one that takes a value takes this one, and there is no engine to do anything
            out=$(b $command "--$name" --help)
            case $out in
            *"unknown flag"* | *"is not supported"*) not_ok "$command --$name" "$out" ;;
            *) ok "$command --$name" ;;
            esac
        else
            out=$(b $command "--$name=1"); code=$?
            if [ $code = 125 ] && [[ $out =~ --$name\ is\ not\ supported:\ .{15} ]]; then ok "$command --$name is refused"; else
                not_ok "$command --$name is refused" "$code $out"; fi
        fi
    done
done <<<"$TABLE"
for group in $GROUPS_REFUSED; do refused "$group"; done
for flag in $GLOBALS; do
    out=$("$BERTH" "--$flag" --help 2>&1)
    case $out in *"unknown flag"*) not_ok "--$flag" "$out" ;; *) ok "--$flag" ;; esac
done
out=$(b run --nosuch)
[[ $out = "unknown flag: --nosuch"* ]] && ok "what is none is none" || not_ok "what is none is none" "$out"
out=$(b container nosuch)
[[ $out = *"unknown command"* ]] && ok "nor is a command" || not_ok "nor is a command" "$out"
finish
