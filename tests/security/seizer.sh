#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A container that may trace waits for whoever comes into its pid namespace: a container that joins
# it, an exec. What it catches has no more than it will run with: nothing that is privileged, and
# nothing without its filter, is ever in there.
. "$(dirname "$0")/kit.sh"
security_up probe
DEFAULT=00000000a80425fb # Docker's set
TRACER=00000000a80c25fb  # and SYS_PTRACE

up() { # COUNT: id of one that catches so many
    local id
    id=$(in_host $D run -d --cap-add SYS_PTRACE hostile:probe /seizer "$1" 2>/dev/null 8>&-)
    poll 5 eval 'in_host $D logs '"$id"' | grep -q ready'
    echo "$id"
}
caught() { in_host $D logs "$1" | sed -n "s/ *\$//; $(($2 + 1))p"; } # ID NUMBER
catches() { [ -n "$(caught "$@")" ]; }
newcomer() { # NAME EXPECTED OPTIONS…: what is caught of a container that joins
    local name=$1 expected=$2 id; shift 2
    id=$(up 1)
    same "$name: it runs all the same" ran "$(run --pid "container:$id" "$@" hostile:probe sh -c 'echo ran; sleep 0.4' | tr -d '\r' | grep -v WARNING)"
    poll 5 catches "$id" 1
    same "$name: what is caught" "$expected" "$(caught "$id" 1)"
    in_host $D rm -f "$id" >/dev/null
}

newcomer "one that joins" "$DEFAULT 2"
newcomer "one with a terminal" "$DEFAULT 2" -t
newcomer "one without capabilities" "0000000000000000 2" --cap-drop all
newcomer "one of another user" "0000000000000000 2" -u 1000
newcomer "one with no_new_privs" "$DEFAULT 2" --security-opt no-new-privileges

ID=$(up 2)
same "an exec runs all the same" ran "$(in_host timeout 20 $D exec "$ID" sh -c 'echo ran; sleep 0.4' 2>&1)"
poll 5 catches "$ID" 1
same "an exec: what is caught" "$TRACER 2" "$(caught "$ID" 1)"
same "exec -u 1000" ran "$(in_host timeout 20 $D exec -u 1000 "$ID" sh -c 'echo ran; sleep 0.4' 2>&1)"
poll 5 catches "$ID" 2
same "exec -u 1000: what is caught" "0000000000000000 2" "$(caught "$ID" 2)"
in_host $D rm -f "$ID" >/dev/null

# /proc of the one that joins is that of the namespace, with what is hidden hidden, whatever the
# donor has made of its own.
ID=$(in_host $D run -d hostile:probe sleep 4711 8>&-)
same "/proc shows the donor's processes" "sleep 4711" "$(run --pid "container:$ID" hostile:probe sh -c 'tr "\0" " " </proc/1/cmdline | sed "s/ $//"')"
same "and the newcomer itself" yes "$(run --pid "container:$ID" hostile:probe sh -c '[ "$(readlink /proc/self)" = $$ ] || [ -d /proc/$$ ] && echo yes')"
same "masked paths are masked" 0 "$(run --pid "container:$ID" hostile:probe sh -c 'cat /proc/keys | wc -c')"
like "read-only paths are read-only" "Read-only" "$(run --pid "container:$ID" hostile:probe sh -c 'echo h >/proc/sys/kernel/domainname' 2>&1)"
like "and its mount is safe" "rw,nosuid,nodev,noexec" "$(run --pid "container:$ID" hostile:probe grep ' /proc proc ' /proc/mounts)"
in_host $D rm -f "$ID" >/dev/null
check "the engine lives" alive
untouched "seizer"
finish
