#!/bin/bash
# Log drivers beside json-file: local (tail, since, rotation, compression, SIGKILL), syslog over
# unix, udp and tcp, absent and hung servers in both modes, journald where a socket can be put.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh
SERVERS=
cleanup() {
    for pid in $SERVERS; do kill "$pid" 2>/dev/null; done
    [ -z "${JOURNAL:-}" ] || { rm -f /run/systemd/journal/socket; rmdir /run/systemd/journal 2>/dev/null; }
    host_down
}
trap cleanup EXIT
host_up
images_make
engine_start || { not_ok "engine starts"; finish; exit 1; }
api() { curl -fs --unix-socket "$SOCK" -X "$1" "http://x/v1.51$2" "${@:3}"; }
api POST /images/load -H 'Content-Type: application/x-tar' --data-binary @"$IMAGES/busybox.tar" >/dev/null
IMAGE=$(api GET /images/json | python3 -c 'import json,sys; print(json.load(sys.stdin)[0]["RepoTags"][0])') ||
    { not_ok "an image is loaded"; finish; exit 1; }

create() { # NAME DRIVER OPTIONS-JSON SCRIPT [EXTRA]
    python3 - "$@" <<PY | curl -s --unix-socket "$SOCK" -X POST -H 'Content-Type: application/json' -d @- "http://x/v1.51/containers/create?name=$1"
import json, sys
a = sys.argv
print(json.dumps({"Image": "$IMAGE", "Cmd": ["sh", "-c", a[4]], "Labels": {"team": "red"},
    "HostConfig": {"NetworkMode": "none", "LogConfig": {"Type": a[2], "Config": json.loads(a[3])}}}))
PY
}
run() { create "$@" >/dev/null && api POST "/containers/$1/start"; }
run_wait() { run "$@" && api POST "/containers/$1/wait" >/dev/null; }
logs() { api GET "/containers/$1/logs?stdout=1&stderr=1${2:-}" | python3 -c '
import sys
d = sys.stdin.buffer.read()
at, out = 0, []
while at < len(d):
    n = int.from_bytes(d[at+4:at+8], "big"); out.append(d[at+8:at+8+n]); at += 8 + n
try: sys.stdout.buffer.write(b"".join(out)); sys.stdout.flush()
except BrokenPipeError: pass' 2>/dev/null; }

# ---- local ----
run_wait plain local '{}' 'for i in $(seq 1000); do echo "line $i"; done; printf "no newline"; echo err >&2'
same "local: every line, and the end without a newline" "1001 no newline" \
    "$(logs plain '' | grep -v '^err' >"$HOST/all"; echo "$(grep -c . "$HOST/all") $(tail -1 "$HOST/all")")"
same "local: tail" "line 999line 1000no newline" "$(api GET '/containers/plain/logs?stdout=1&tail=3' | tr -d '\000-\037' | sed 's/[^a-z0-9 ]//g')"
check "local: its file" test -s "$HOST"/data/*/*/local-logs/container.log -o -s "$HOST"/data/*/*/*/local-logs/container.log
LOG=$(find "$HOST/data" -name container.log | head -1)
run_wait many local '{"max-size":"100k","max-file":"4"}' 'i=0; while [ $i -lt 20000 ]; do echo "a line of some length, number $i"; i=$((i+1)); done'
LOGS=$(find "$HOST/data" -path '*local-logs*' -name 'container.log.1*' | head -1 | xargs dirname)
poll 10 test -e "$LOGS/container.log.3.gz"
poll 10 test ! -e "$LOGS/container.log.1"
same "local: rotated files are compressed" "container.log container.log.1.gz container.log.2.gz container.log.3.gz" \
    "$(ls "$LOGS" | tr '\n' ' ' | sed 's/ $//')"
check "local: zcat reads them" sh -c "zcat $LOGS/container.log.2.gz | grep -aq 'a line of some length'"
FIRST=$(logs many | head -1 | grep -o '[0-9]*$')
same "local: what is left is served in order, without a gap" "$(seq -f 'a line of some length, number %g' "$FIRST" 19999 | md5sum)" "$(logs many | md5sum)"
same "local: tail over compressed files" "$(seq -f 'a line of some length, number %g' 14000 19999 | tail -6000 | md5sum)" "$(logs many '&tail=6000' | md5sum)"

run_wait gz json-file '{"max-size":"100k","max-file":"3","compress":"true"}' 'i=0; while [ $i -lt 8000 ]; do echo "a line of some length, number $i"; i=$((i+1)); done'
JSON=$(find "$HOST/data" -name '*-json.log.1*' | head -1)
poll 10 test -e "${JSON%%.log*}.log.2.gz"
poll 10 test ! -e "${JSON%%.log*}.log.1"
FIRST=$(logs gz | head -1 | grep -o '[0-9]*$')
same "json-file: compress=true" "2 $(seq -f 'a line of some length, number %g' "$FIRST" 7999 | md5sum)" \
    "$(ls "${JSON%%.log*}".log.*.gz | wc -l) $(logs gz | md5sum)"

run kept local '{}' 'i=0; while [ $i -lt 30 ]; do echo "kept $i"; i=$((i+1)); sleep 0.1; done'
poll 5 eval 'logs kept | grep -q "kept 6"'
engine_kill
poll 5 eval '[ -n "$(find "$HOST/exec/spool" -type f -size +0)" ]' # it goes on meanwhile
engine_start
api POST /containers/kept/wait >/dev/null
same "local: SIGKILL of the engine: lines in order, none twice" "" "$(logs kept | sort | uniq -d; logs kept | sort -c -k2n 2>&1)"
same "local: the last line is there" "kept 29" "$(logs kept | tail -1)"
printf '\0\0\0garbage\xff' >>"$LOG"
same "local: garbage at the end is skipped" "1002" "$(logs plain | grep -ac '')"

# ---- syslog ----
cat >"$HOST/server.py" <<'PY'
import os, socket, sys, time
kind, where, out = sys.argv[1:4]
f = open(out, "ab", 0)
if kind == "unixgram":
    s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.bind(where)
elif kind == "udp":
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("127.0.0.1", int(where)))
else:
    s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    s.bind(("127.0.0.1", int(where))); s.listen(8)
f.write(b"")
open(out + ".ready", "w")
if kind == "hung":
    held = []
    while True: held.append(s.accept())
if kind == "slow": # takes nothing until the file GO appears
    c = s.accept()[0]
    while not os.path.exists(out + ".go"): time.sleep(0.05)
elif kind == "tcp":
    while True:
        c = s.accept()[0]
        while d := c.recv(65536): f.write(d)
while kind == "slow":
    d = c.recv(65536)
    if not d: break
    f.write(d)
while kind in ("unixgram", "udp"): f.write(s.recv(65536))
PY
serve() { # KIND WHERE NAME
    nsenter --net="/proc/$HOST_NS_PID/ns/net" -- python3 "$HOST/server.py" "$1" "$2" "$HOST/$3" &
    SERVERS="$SERVERS $!"
    poll 10 test -e "$HOST/$3.ready"
}
has_lines() { [ "$(grep -ac '' "$HOST/$1" 2>/dev/null)" -ge "$2" ]; }

serve unixgram "$HOST/log.sock" dgram
run_wait su syslog "{\"syslog-address\":\"unix://$HOST/log.sock\",\"tag\":\"{{.Name}}\"}" 'for i in $(seq 500); do echo "unix $i"; done; echo bad >&2; printf tail'
check "syslog unix: all lines arrive" poll 10 has_lines dgram 502
like "syslog unix: Docker's local format" "^<30>[A-Z][a-z]{2} [ 0-9]{2} [0-9:]{8} su\[[0-9]+\]: unix 1$" "$(grep -a 'unix 1$' "$HOST/dgram")"
like "syslog unix: stderr is an error" "^<27>.*: bad$" "$(grep -a 'bad$' "$HOST/dgram")"
same "syslog unix: in order" "$(seq -f 'unix %g' 500 | md5sum)" "$(grep -ao 'unix [0-9]*$' "$HOST/dgram" | md5sum)"
like "syslog: logs cannot be read" 'configured logging driver does not support reading' \
    "$(curl -s -w ' %{http_code}' --unix-socket "$SOCK" 'http://x/v1.51/containers/su/logs?stdout=1')"
like "syslog: with 501" ' 501$' "$(curl -s -w ' %{http_code}' --unix-socket "$SOCK" 'http://x/v1.51/containers/su/logs?stdout=1')"

serve udp 5514 udp
run_wait sd syslog '{"syslog-address":"udp://127.0.0.1:5514","syslog-format":"rfc5424micro","syslog-facility":"local3","labels":"team"}' 'for i in 1 2 3; do echo "udp $i"; sleep 0.05; done'
check "syslog udp: arrives" poll 10 has_lines udp 3
like "syslog udp: RFC 5424 with microseconds" "^<158>1 [-0-9]{10}T[0-9:]{8}\.[0-9]{6}Z [^ ]+ [0-9a-f]{12} [0-9]+ [0-9a-f]{12} \[berth@32473 team=\"red\"\] udp 1$" "$(cat "$HOST/udp")"

serve tcp 5515 tcp
run_wait st syslog '{"syslog-address":"tcp://127.0.0.1:5515","syslog-format":"rfc3164"}' 'for i in $(seq 20000); do echo "tcp line number $i"; done'
check "syslog tcp: all lines arrive" poll 10 has_lines tcp 20000
same "syslog tcp: in order, each once" "$(seq -f 'tcp line number %g' 20000 | md5sum)" "$(grep -ao 'tcp line number [0-9]*$' "$HOST/tcp" | md5sum)"

# absent: nothing is delayed
timed() { local a; a=$(date +%s%N); "$@"; echo $((($(date +%s%N) - a) / 1000000)); }
MS=$(timed run_wait absent syslog '{"syslog-address":"tcp://127.0.0.1:5999"}' 'echo lost words')
check "syslog absent: a container runs as ever ($MS ms)" test "$MS" -lt 5000
MS=$(timed run_wait nosock syslog '{"syslog-address":"unix:///no/such"}' 'echo lost words')
check "syslog without its socket: too ($MS ms)" test "$MS" -lt 5000

# hung
serve hung 5516 hung
MS=$(timed run_wait nb syslog '{"syslog-address":"tcp://127.0.0.1:5516","mode":"non-blocking","max-buffer-size":"64k"}' 'i=0; while [ $i -lt 30000 ]; do echo "a line for a server that hangs, number $i"; i=$((i+1)); done')
check "syslog hung, non-blocking: the container is not held back ($MS ms)" test "$MS" -lt 8000
run bl syslog '{"syslog-address":"tcp://127.0.0.1:5516"}' 'yes "a line for a server that hangs"'
latency() { # p90 and the worst of 200 lists, in ms
    python3 - "$SOCK" <<'PY'
import socket, sys, time
t = []
for _ in range(200):
    a = time.monotonic()
    s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])
    s.sendall(b"GET /containers/json HTTP/1.0\r\n\r\n")
    while s.recv(65536): pass
    t.append((time.monotonic() - a) * 1000)
t.sort()
print(round(t[180]), round(t[-1]))
PY
}
read -r P90 WORST <<<"$(latency)"
check "syslog hung, blocking: the list is answered (p90 $P90 ms, worst $WORST ms)" test "$P90" -lt 50
RSS=$(awk '/VmRSS/ {print $2}' "/proc/$ENGINE_PID/status")
bounded() { [ $(($(awk '/VmRSS/ {print $2}' "/proc/$ENGINE_PID/status") - RSS)) -lt 4096 ]; }
check "syslog hung, blocking: memory is bounded" stays 1 bounded
PID=$(api GET /containers/bl/json | python3 -c 'import json,sys; print(json.load(sys.stdin)["State"]["Pid"])')
like "syslog hung, blocking: the container waits in write" 'pipe' "$(cat "/proc/$PID/wchan" "/proc/$PID/stack" 2>/dev/null; for p in $(cat /proc/$PID/task/*/children); do cat "/proc/$p/wchan"; done)"
MS=$(timed api DELETE '/containers/bl?force=1')
check "syslog hung: rm -f is answered ($MS ms)" test "$MS" -lt 3000

# a server that wakes up gets what fitted, and hears what is missing
serve slow 5517 slow
run_wait drop syslog '{"syslog-address":"tcp://127.0.0.1:5517","mode":"non-blocking","max-buffer-size":"32k"}' 'i=0; while [ $i -lt 200000 ]; do echo "dropped or not: number $i"; i=$((i+1)); done'
touch "$HOST/slow.go"
api POST /containers/drop/start; api POST /containers/drop/wait >/dev/null
check "syslog woken: lines come, with a line for the missing" poll 10 grep -aq 'berth: [0-9]* bytes of log were dropped here' "$HOST/slow"

like "options are checked at create" 'unknown log opt' "$(create x syslog '{"max-size":"1m"}' true)"
like "addresses are checked at create" 'syslog-address' "$(create x syslog '{"syslog-address":"nowhere"}' true)"

# ---- none and journald ----
run_wait mute none '{}' 'echo nothing'
like "none: 501" ' 501$' "$(curl -s -w ' %{http_code}' --unix-socket "$SOCK" 'http://x/v1.51/containers/mute/logs?stdout=1')"
if [ ! -e /run/systemd/journal ]; then
    like "journald without a journal: refused at create" 'journald is not enabled on this host' \
        "$(create jo journald '{}' 'echo to the journal')"
    for rm in --rm --name=kept; do
        out=$(in_host /usr/bin/docker run $rm --log-driver journald busybox true 2>&1); rc=$?
        like "the CLI says it, run $rm" '^125 .*journald is not enabled on this host' "$rc $out"
    done
    same "and leaves nothing" "" "$(in_host /usr/bin/docker ps -aq --filter status=created)"
    JOURNAL=1; mkdir -p /run/systemd/journal
    serve unixgram /run/systemd/journal/socket journal
    create gone journald '{}' 'true' >/dev/null
    mv /run/systemd/journal/socket /run/systemd/journal/away
    like "a journal that went meanwhile: the attach waits, the start says it" '101.*400.*journald is not enabled' \
        "$({ curl -s -m 2 -o /dev/null -w '%{http_code} ' -H 'Connection: Upgrade' -H 'Upgrade: tcp' --unix-socket "$SOCK" \
            -X POST 'http://x/v1.51/containers/gone/attach?stream=1&stdout=1'
            curl -s -w ' %{http_code} ' -o "$HOST/said" --unix-socket "$SOCK" -X POST http://x/v1.51/containers/gone/start; cat "$HOST/said"; } | tr '\n' ' ')"
    mv /run/systemd/journal/away /run/systemd/journal/socket
    run_wait jr journald '{"labels":"team","tag":"t-{{.Name}}"}' 'echo to the journal'
    check "journald: arrives" poll 10 grep -aq '^MESSAGE=to the journal$' "$HOST/journal"
    for field in "CONTAINER_NAME=jr" "CONTAINER_TAG=t-jr" "PRIORITY=6" "TEAM=red" "CONTAINER_ID_FULL=[0-9a-f]{64}" "IMAGE_NAME=.*busybox"; do
        like "journald: $field" "^$field" "$(cat "$HOST/journal")"
    done
fi

containers_clear
check "the engine is well" kill -0 "$ENGINE_PID"
finish
