#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The guide's section 7, "Concurrent Performance": no message is lost and no start fails, however many
# commands come at once; containers that are created and restarted at the same time never report an
# init that still runs.
. "$(dirname "$0")/kit.sh"
guide_up
guide_image busybox
with /usr/bin/docker

# 1,200 commands at once, each a connection of its own (clients would be 1,200 processes).
commands() {
    python3 - "$SOCK" "$1" <<'PY'
import http.client, json, socket, sys, threading
def call(method, path, body=None):
    c = http.client.HTTPConnection("x", timeout=300)
    c.sock = socket.socket(socket.AF_UNIX); c.sock.settimeout(300); c.sock.connect(sys.argv[1])
    c.request(method, path, json.dumps(body) if body else None, {"Content-Type": "application/json"})
    r = c.getresponse(); return r.status, r.read()
n, bad = int(sys.argv[2]), []
gate = threading.Barrier(n)
def one(i):
    gate.wait()
    status, text = call("POST", "/containers/create?name=c%d" % i, {"Image": "busybox", "Cmd": ["true"], "Labels": {"crowd": "1"}, "HostConfig": {"NetworkMode": "none"}})
    if status != 201:
        bad.append(text)
threading.stack_size(128 * 1024)
threads = [threading.Thread(target=one, args=(i,)) for i in range(n)]
for t in threads: t.start()
for t in threads: t.join()
print(len(bad), bad[:2] or "")
PY
}
in_host "$CLIENT" events --filter label=crowd --format '{{.Status}}' >"$HOST/events" &
EVENTS=$!
poll 5 eval 'c create --name seen --label crowd=1 busybox true; c rm seen; [ -s "$HOST/events" ]'
N_SEEN=$(grep -c create "$HOST/events")
same "7.1 1,200 commands at once: none fails" "0" "$(commands 1200 | sed 's/ *$//')"
check "7.1 and no message about them is lost" poll 10 eval '[ "$(grep -c create "$HOST/events")" = $((N_SEEN + 1200)) ]'
same "7.1 all are there" 1200 "$(c ps -aq --filter label=crowd | wc -l)"

# 60 starts at once: none fails
starts() { c ps -aq --filter label=crowd | head -60 | xargs -P 30 -n 2 nsenter --net="/proc/$HOST_NS_PID/ns/net" -- "$CLIENT" start 2>&1 | grep -vE '^[0-9a-f]{12}$'; }
same "7.2 60 starts at once: none fails" "" "$(starts)"
check "7.2 each ended, and it was told" poll 10 eval '[ "$(grep -c die "$HOST/events")" = 60 ]'
kill $EVENTS
c ps -aq --filter label=crowd | xargs -n 300 nsenter --net="/proc/$HOST_NS_PID/ns/net" -- "$CLIENT" rm -f >/dev/null

restarts() { # of a shell that ignores SIGTERM; beside them others are created
    local i k
    for i in 1 2 3 4 5 6; do
        (
            c run -d --name "r$i" busybox sh -c 'trap "" TERM; while :; do sleep 1; done' >/dev/null
            for k in 1 2 3 4; do c restart -t 0 "r$i"; c run --rm busybox echo beside; done
            c stop -t 0 "r$i" && c start "r$i"
        ) >"$HOST/restarts-$i" 2>&1 &
    done
    wait $(jobs -rp | grep -vxE "$HOST_NS_PID|$ENGINE_PID")
    cat "$HOST"/restarts-*
}
OUT=$(restarts)
same "7.3 restarts beside creates: no \"container init still running\", nor another error" "" "$(printf '%s\n' "$OUT" | grep -vxE 'r[0-9]|beside')"
same "7.3 all are done" "36 24" "$(printf '%s\n' "$OUT" | grep -cx 'r[0-9]') $(printf '%s\n' "$OUT" | grep -cx beside)"
same "7.4 each can be started again at once, not after 4 or 5 s" 6 "$(c ps -q --filter name='r[0-9]' | wc -l)"
finish
