#!/bin/bash
# Fields and flags that are easily accepted and forgotten: each is honoured, or refused with a
# sentence, or answered with a warning.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/census.sh && . ../lib/qa.sh
qa_up
refused() { local name=$1 regex=$2; shift 2; fails "$name" "$regex" d create --name refused "$@"; }
privs() { d "$@" grep NoNewPrivs /proc/self/status | tr -d '\t'; }

# ---- --storage-opt: this machine's kernel has no project quotas (in_vm.sh has) ----
refused "--storage-opt size: the reason" 'cannot be honoured: .*it needs a data root on xfs' --storage-opt size=10m busybox true
refused "--storage-opt: unknown" 'unknown option in --storage-opt: nosuch' --storage-opt nosuch=1 busybox true
refused "--storage-opt size: no size" 'invalid size in --storage-opt: x' --storage-opt size=x busybox true
refused "--storage-opt size: negative" 'invalid size in --storage-opt: -1' --storage-opt size=-1 busybox true
same "nothing is left of what was refused" "" "$(d ps -aq)$(ls "$HOST/data/containers")"

# ---- berthd --no-new-privileges: the default of new containers ----
d run -d --name before busybox sleep 100 >/dev/null
engine_stop; engine_start --no-new-privileges || { not_ok "engine starts"; finish; exit 1; }
same "--no-new-privileges: run" NoNewPrivs:1 "$(privs run --rm busybox)"
same "--no-new-privileges: also privileged" NoNewPrivs:1 "$(privs run --rm --privileged busybox)"
same "--no-new-privileges: a container may say otherwise" NoNewPrivs:0 "$(privs run --rm --security-opt no-new-privileges=false busybox)"
same "--no-new-privileges: an older container is as it was" NoNewPrivs:0 "$(privs exec before)"
d run -d --name after busybox sleep 100 >/dev/null
same "--no-new-privileges: exec" NoNewPrivs:1 "$(privs exec after)"
same "--no-new-privileges: inspect shows it" '[no-new-privileges=true]' "$(d inspect -f '{{.HostConfig.SecurityOpt}}' after)"
engine_stop
echo '{"no-new-privileges": true}' >"$HOST/daemon.json"
engine_start --config-file "$HOST/daemon.json" || { not_ok "engine starts"; finish; exit 1; }
same "daemon.json: no-new-privileges" NoNewPrivs:1 "$(privs run --rm busybox)"
d rm -f before after >/dev/null

engine_sound
finish
