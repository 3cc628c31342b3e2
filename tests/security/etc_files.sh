#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The engine's own files that a container may write: whatever it makes of /etc/hosts and
# /etc/resolv.conf, the engine goes on to update them, soon and with bounded memory; what of it fits
# is kept. A lease on them holds nobody.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/census.sh && . ../lib/qa.sh
QA_CLIENT=$BERTH_BIN/berth
trap host_down EXIT
host_up
images_make
engine_start || { not_ok "engine starts"; finish; exit 1; }
curl -s --unix-socket "$SOCK" -H 'Content-Type: application/x-tar' --data-binary "@$IMAGES/busybox.tar" http://x/images/load >/dev/null
d tag "$(d images -q | head -1)" busybox
addr() { field db .NetworkSettings.Networks.bridge.IPAddress; }
d run -d --name db busybox sleep 1000 >/dev/null
d run -d --name web --link db:db --add-host kept:10.9.9.9 busybox sleep 1000 >/dev/null
HOSTS=/proc/$(field web .State.Pid)/root/etc/hosts

N=0
moves() { # the address of db is another one
    N=$((N + 1))
    d stop -t 0 db
    d run -d --name "thief$N" busybox sleep 1000
    d start db
} >/dev/null
has() { grep -aq "^$(addr)	db " "$HOSTS"; }
follows() { # NAME
    local rss before=${EPOCHREALTIME/./}
    moves
    check "$1: the new address is there" poll 3 has
    check "$1: soon" [ $((${EPOCHREALTIME/./} - before)) -lt 6000000 ]
    same "$1: once" 1 "$(grep -ac '	db ' "$HOSTS")"
    check "$1: the file is bounded" [ "$(stat -c %s "$HOSTS")" -le 1100000 ]
}

follows "as it was"
seq -f '10.1.1.1	some.name.%.0f' 150000 >>"$HOSTS"
follows "3 MB are added"
same "what was there stays" 1 "$(grep -c '^10.9.9.9	kept$' "$HOSTS")"
same "and whole lines of what was added" yes "$(tail -2 "$HOSTS" | head -1 | grep -q '^10\.1\.1\.1	some\.name\.[0-9]*$' && echo yes)"
check "it was told" grep -q 'larger than 1 MiB' "$HOST/engine.log"
truncate -s 3G "$HOSTS"
follows "3 GB of holes"
: >"$HOSTS"
follows "emptied"
yes '' | head -c 1000000 >"$HOSTS"
follows "a million lines"
head -c 3000000 /dev/zero | tr '\0' x >"$HOSTS"
follows "one line of 3 MB"
head -c 500000 /dev/urandom >"$HOSTS"
follows "random bytes"
printf '1.1.1.1\tx\n%s\tdb\0hidden' 9.9.9.9 >"$HOSTS"
moves
check "a zero and no last newline: the address is there" poll 3 has
same "and the rest of it" 1 "$(grep -ac hidden "$HOSTS")"
yes "$(printf '9.9.9.9\tdb')" | head -c 1000000 >"$HOSTS"
moves
check "its own name 100,000 times" poll 3 has

# a lease: who opens it for writing waits 45 seconds
python3 - "$HOSTS" "$HOST/leased" <<'PY' &
import fcntl, os, signal, sys, time
signal.signal(signal.SIGIO, signal.SIG_IGN)
fd = os.open(sys.argv[1], os.O_RDONLY)
fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_RDLCK)
open(sys.argv[2], "w").close()
time.sleep(60)
PY
lease=$!
poll 5 test -e "$HOST/leased"
moves
begun=$SECONDS
rc "a lease does not hold the container's lane" 0 d stop -t 0 web
check "nor for long" [ $((SECONDS - begun)) -lt 10 ]
kill $lease; wait $lease 2>/dev/null
d start web >/dev/null
HOSTS=/proc/$(field web .State.Pid)/root/etc/hosts
follows "without it"

# ---- resolv.conf ----

d network create mine >/dev/null
for what in "head -c 3000000 /dev/urandom" "head -c 0 /dev/null" "printf nameserver"; do
    d restart -t 0 web >/dev/null
    RESOLV=/proc/$(field web .State.Pid)/root/etc/resolv.conf
    $what >"$RESOLV"
    d network connect mine web
    same "resolv.conf after $what" "nameserver 127.0.0.11" "$(grep -a '^nameserver' "$RESOLV")"
    check "and nothing else" [ "$(stat -c %s "$RESOLV")" -lt 2000 ]
    d network disconnect mine web
done
api GET /_ping
same "the engine is well" OK "$BODY"
finish
