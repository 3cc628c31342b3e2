#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Dockerfiles of real software with their contexts (real/), built without a network and run: what the images
# say must be what `expect` says. REAL=NAME… builds those alone.
#
# expect:  base: IMAGE…       what it is FROM: busybox, or made here of this machine's packages
#          machine: ARCH      only there
#          file: PATH         the Dockerfile, when it is not ./Dockerfile
#          first: TAG FILE    is built before, as TAG
#          args: FLAGS…       it is built (again) with these
#          run: [FLAGS… --] COMMAND…   of a container of it
#          out: LINE          what that must print, a line each
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/census.sh && . ../lib/qa.sh
REAL_DIR=$PWD/real
qa_up
export DOCKER_BUILDKIT=0

packages_of() { # IMAGE
    case $1 in
    debian-tools) echo gcc libc6-dev make python3-minimal libpython3-stdlib perl-base passwd ;;
    debian-node) echo nodejs ;;
    esac
}
# have_base IMAGE: it is there, or can be made; made once a machine
have_base() {
    local file=$IMAGES/base-$1-$(cksum <../lib/make_base.py | cut -d' ' -f1).tar
    [ "$1" != busybox ] || return 0
    ! d image inspect "$1" >/dev/null 2>&1 || return 0
    if [ ! -e "$file" ]; then
        # shellcheck disable=SC2046
        python3 ../lib/make_base.py "$file.$$" $(packages_of "$1") || { rm -f "$file.$$"; return 1; }
        mv "$file.$$" "$file"
    fi
    d import "$file" "$1" >/dev/null
}
build() { # NAME FILE FLAGS…; an ignore file of one Dockerfile is unknown to docker's classic builder
    local tag=$1 file=$2 client=("$QA_CLIENT")
    shift 2
    [ ! -e "$CONTEXT/$file.dockerignore" ] || client=("$BERTH_BIN/berth" -H "unix://$SOCK")
    LOG=$(in_host "${client[@]}" build -t "$tag" -f "$CONTEXT/$file" "$@" "$CONTEXT" 2>&1)
}
run_now() { # compares what was to be run last
    local before=() after=() got
    [ -n "$RUN_SET" ] || return
    if [ -z "$BUILT" ]; then
        # shellcheck disable=SC2086
        if ! build "real-$NAME" "$FILE" $ARGS; then
            BROKEN=1
            # What an engine refuses on purpose is not a Dockerfile's fault.
            if grep -q 'is not supported by this version of berth' <<<"$LOG"; then
                ok "$NAME # SKIP $(tail -1 <<<"$LOG" | cut -c1-70)"
            else
                not_ok "$NAME is built ($ARGS)" "$(tail -20 <<<"$LOG")"
            fi
            return
        fi
        BUILT=1
    fi
    eval "set -- $RUN"
    if [[ " $RUN " == *" -- "* ]]; then
        while [ "$1" != -- ]; do before+=("$1"); shift; done
        shift
    fi
    after=("$@")
    got=$(eval "d run --rm --network none ${before[*]} real-$NAME ${after[*]@Q}" 2>&1)
    same "$NAME: ${RUN:-as it is}" "${WANTED%$'\n'}" "$got"
    RUN_SET=
}
take() { # NAME
    local key value images
    NAME=$1 CONTEXT=$REAL_DIR/$1 FILE=Dockerfile ARGS= BUILT= RUN= RUN_SET= WANTED= BROKEN=
    while IFS= read -r line || [ -n "$line" ]; do
        key=${line%%:*} value=${line#*:} value=${value# }
        [ -z "$BROKEN" ] || return
        case $key in
        base)
            images=$value
            for key in $images; do
                have_base "$key" || { ok "$NAME # SKIP no packages for $key on this machine"; return; }
            done ;;
        machine) [ "$value" = "$(uname -m)" ] || { ok "$NAME # SKIP not on this machine"; return; } ;;
        file) FILE=$value ;;
        first) build "${value%% *}" "${value#* }" || { not_ok "$NAME: $value is built" "$LOG"; return; } ;;
        args) run_now; ARGS=$value BUILT= ;;
        run)
            run_now
            RUN=$value RUN_SET=1 WANTED= ;;
        out) WANTED+=$value$'\n' ;;
        esac
    done <"$CONTEXT/expect"
    run_now
}
# shellcheck disable=SC2086
set -- ${REAL:-$(ls "$REAL_DIR")}
for name; do take "$name"; done
engine_sound
finish
