#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What weakens a container's isolation is said at create and by `berth audit`: with severity and
# remedy, as text and JSON; and the engine's socket and sensitive folders are known under any name.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/census.sh && . ../lib/qa.sh
qa_up
b() { in_host "$BERTH" "$@"; }
W=$HOST/w && mkdir -m 755 "$W"
named() { # NAME RISK WHAT CREATE-ARGS…: create warns of it, audit names it
    local name=$1 risk=$2 what=$3 out
    shift 3
    d rm -f box >/dev/null 2>&1
    out=$(d create --name box "$@" busybox true 2>&1)
    like "$name: create warns" "$what" "$out"
    like "$name: audit" "^$risk .+$what" "$(b audit --format json box | jq -r '"\(.Name) \(.Severity) \(.Remedy|length) \(.Risk)"')"
}
silent() { # NAME CREATE-ARGS…
    local name=$1
    shift
    d rm -f box >/dev/null 2>&1
    same "$name: create says nothing" 1 "$(d create --name box "$@" busybox true 2>&1 | wc -l)"
    same "$name: audit finds nothing" "" "$(b audit --format json box)"
}

# ---- the engine's socket ----
silent "defaults"
named "the socket" engine-socket 'berth.sock of the host is mounted: .*controls the engine' -v "$SOCK:/s"
named "its folder" engine-socket "/exec of the host is mounted with .*/berth.sock below it" -v "$HOST/exec:/s:ro"
named "the root" engine-socket "/ of the host is mounted with .*/berth.sock below it" -v /:/s:ro
ln -s "$SOCK" "$W/link" && ln -s "$HOST" "$W/up" && ln "$SOCK" "$HOST/harmless"
named "a link to it" engine-socket "/w/link of the host \(.*/berth.sock\) is mounted" -v "$W/link:/s"
named "a link to a folder above it" engine-socket "/w/up of the host \(.*\) is mounted with" --mount "type=bind,src=$W/up,dst=/s"
named "another name of it" engine-socket '/harmless of the host is mounted: .*controls' -v "$HOST/harmless:/s"
mkdir "$W/again" "$W/outer" "$W/outer/in" && mount --bind "$HOST/exec" "$W/again" && mount --bind "$HOST/exec" "$W/outer/in"
named "its folder, mounted elsewhere" engine-socket '/w/again of the host is mounted with' -v "$W/again:/s"
named "a folder with it mounted below" engine-socket '/w/outer of the host is mounted with' -v "$W/outer:/s"
d rm -f box >/dev/null
silent "the same, without what is mounted below" --mount "type=bind,src=$W/outer,dst=/s,readonly,bind-nonrecursive"
d volume create -o type=none -o o=bind -o "device=$HOST/exec" led >/dev/null
named "a volume that leads there" engine-socket 'is mounted with .* by the volume led' -v led:/s
d rm -f box >/dev/null
umount "$W/again" "$W/outer/in"
named "by name alone" engine-socket '/run/docker.sock of the host is mounted' -v /run/docker.sock:/s
mkdir "$W/plain"
silent "a folder of no interest" -v "$W/plain:/s:ro"
silent "a volume" -v plain:/s

# ---- sensitive folders, by other names; shared folders ----
ln -s /etc "$W/etc" && mkdir "$W/bound" && mount --bind /etc "$W/bound"
named "a link to /etc" sensitive-folder '/w/etc of the host \(/etc\) is mounted: it is sensitive' -v "$W/etc:/e:ro"
named "/etc, mounted elsewhere" sensitive-folder '/w/bound of the host is mounted: it is sensitive' -v "$W/bound:/e:ro"
named "a folder of it" sensitive-folder '/w/bound/.* of the host is mounted' -v "$W/bound/init.d:/e:ro"
d rm -f box >/dev/null; umount "$W/bound"
d create --name box -v /etc/localtime:/etc/localtime:ro busybox true >/dev/null 2>&1
same "the host's time zone: audit finds nothing" "" "$(b audit --format json box)"
d rm -f box >/dev/null
d volume create -o type=overlay -o device=overlay -o "o=lowerdir=/etc:/usr" over >/dev/null
named "an overlay of it" sensitive-folder '/etc of the host is mounted by the volume over' -v over:/e:ro
named "the data root" sensitive-folder '/data/volumes of the host is mounted' -v "$HOST/data/volumes:/e:ro"
named "/sys, writable" writable-proc '/sys of the host is mounted writable: .*kernel' -v /sys:/e
named "a shared folder" setuid-share '/tmp of the host is mounted writable: users of the host' -v /tmp:/e
named "a folder that others may enter" setuid-share '/srv of the host is mounted writable' -v /srv:/e
mkdir "$W/nosuid" && chmod 711 "$HOST" && mount -t tmpfs -o nosuid,mode=1777 none "$W/nosuid"
silent "a shared folder without set-user-ID" -v "$W/nosuid:/e"
d rm -f box >/dev/null; umount "$W/nosuid"; chmod 700 "$HOST"
silent "a folder that others cannot reach" -v "$W/plain:/e"

# ---- the rest, as text; severities; execs ----
d rm -f box >/dev/null
d run -d --name up --cap-add SYS_ADMIN --pid host --security-opt seccomp=unconfined --cap-add WAKE_ALARM busybox sleep 1000 >/dev/null 2>&1
OUT=$(b audit) STATUS=$?
same "audit: exit code" 1 $STATUS
same "audit: the worst first" "critical high high low" "$(printf '%s\n' "$OUT" | awk '/^  [a-z]/ { printf "%s%s", n++ ? " " : "", $1 }')"
like "audit: the remedy" '^ {12}cap-sys-admin: .*without' "$OUT"
same "audit: --severity" "cap-sys-admin" "$(b audit --severity critical --format json | jq -r .Name)"
like "audit: notes are told when asked for" 'cap-audit-write' "$(b audit --severity note)"
like "audit: a severity that is none" 'note, low' "$(b audit --severity nosuch 2>&1)"
OUT=$(in_host curl -s --unix-socket "$SOCK" -H 'Content-Type: application/json' -d '{"Cmd":["sleep","1000"],"Privileged":true}' http://x/containers/up/exec)
like "exec --privileged: create warns" 'Warnings.*take over the host' "$OUT"
like "exec --privileged: audit" 'exec-privileged' "$(b audit --format json up | jq -r .Name)"
like "exec --privileged: the client shows it" 'WARNING: exec --privileged' "$(b exec --privileged up true 2>&1)"
same "exec: no warning" '["Id"]' "$(in_host curl -s --unix-socket "$SOCK" -H 'Content-Type: application/json' -d '{"Cmd":["true"]}' http://x/containers/up/exec | jq -c keys)"
d rm -f up >/dev/null
d run -d --name fine busybox sleep 1000 >/dev/null
same "audit: nothing found" "1 container checked, nothing weakens their isolation 0" "$(b audit) $?"
fails() { like "$1" "$2" "$("${@:3}" 2>&1)"; }
fails "audit: no such container" 'No such container: nosuch' b audit nosuch
same "docs/SECURITY.md knows every risk, and no other" \
    "$(sed -n 's/^    {"\([a-z-]*\)", RISK_\([A-Z]*\),.*/\1 \L\2/p' "$BERTH_SRC/src/runtime/risk.c" | sort)" \
    "$(sed -n '/^## Risks/,/^## Policy/s/^| `\([a-z-]*\)` | \([a-z]*\) | .*/\1 \2/p' "$BERTH_SRC/docs/SECURITY.md" | sort)"
engine_stop
finish
