#!/bin/bash
# What flows: logs, attach, exec, terminals, events, top.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/census.sh && . ../lib/qa.sh
qa_up
d run --rm busybox true
settled
census_stable >"$HOST/before"

# ---- logs ----
d run --name lg busybox sh -c 'i=0; while [ $i -lt 10 ]; do echo out$i; echo err$i >&2; i=$((i+1)); sleep 0.02; done; printf tail' >/dev/null 2>&1
same "logs: stdout" "$(for i in 0 1 2 3 4 5 6 7 8 9; do echo out$i; done; printf tail)" "$(d logs lg 2>/dev/null)"
same "logs: stderr" "$(for i in 0 1 2 3 4 5 6 7 8 9; do echo err$i; done)" "$(d logs lg 2>&1 >/dev/null)"
same "logs: a last line without newline stays so" tail "$(d logs --tail 1 lg 2>/dev/null)"
same "logs --tail 3" "out9 err9 tail" "$(d logs --tail 3 lg 2>&1 | sort -r | sed 's/^tail/tail/' | tr '\n' ' ' | sed 's/tail out9 err9 /out9 err9 tail/')"
same "logs --tail 0" "" "$(d logs --tail 0 lg 2>&1)"
same "logs --tail all" 21 "$(d logs --tail all lg 2>&1 | grep -c .)"
same "logs --tail: more than there is" 21 "$(d logs --tail 1000 lg 2>&1 | grep -c .)"
same "logs -t: nine digits and Z" 21 "$(d logs -t lg 2>&1 | grep -cE '^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\.[0-9]{9}Z (out|err|tail)')"
mid=$(d logs -t lg 2>/dev/null | sed -n 6p | cut -d' ' -f1)
same "logs --since: that line is in" "out5" "$(d logs --since "$mid" lg 2>/dev/null | head -1)"
same "logs --until: that line is the last" "out5" "$(d logs --until "$mid" lg 2>/dev/null | tail -1)"
same "logs --since --until" "out5" "$(d logs --since "$mid" --until "$mid" lg 2>/dev/null)"
same "logs --since in the future" "" "$(d logs --since 2100-01-01T00:00:00Z lg 2>&1)"
same "logs -f of a stopped one ends" 0 "$(timeout 5 "$QA_CLIENT" logs -f lg >/dev/null 2>&1; echo $?)"
api_is "logs: no stream chosen" 400 'at least one stream' GET /containers/lg/logs
api_is "logs: bad since" 400 message GET '/containers/lg/logs?stdout=1&since=x'
api GET '/containers/lg/logs?stdout=1'; all=$BODY
api GET '/containers/lg/logs?stdout=1&since=-5'
check "logs: since before 1970: all of it" [ -n "$all" -a "$BODY" = "$all" ]
api GET '/containers/lg/logs?stdout=1&until=-5'
same "logs: until before 1970: nothing" "200 " "$STATUS $BODY"
api_is "logs: tail is no number" 200 out0 GET '/containers/lg/logs?stdout=1&tail=abc'
api_is "logs: unknown" 404 'No such container' GET '/containers/nosuch/logs?stdout=1'
same "logs: json-file in Docker's format" '{"log":"out0\n","stream":"stdout","time":""}' \
    "$(grep out0 "$(field lg .LogPath)" | jq -c '.time=""')"
d start lg >/dev/null; d wait lg >/dev/null
same "logs: a second run is appended" 2 "$(d logs lg 2>/dev/null | grep -c out0)"
d rm lg >/dev/null
d run -d --name fl busybox sh -c 'echo a; sleep 0.5; echo b; sleep 0.5; echo c' >/dev/null
same "logs -f ends at the exit, with everything" "a b c " "$(timeout 10 "$QA_CLIENT" logs -f fl | tr '\n' ' ')"
d rm fl >/dev/null
d run --name big busybox sh -c 'head -c 100000 /dev/zero | tr "\0" x; echo; seq 1 20000' >/dev/null
same "logs: a long line comes back whole" 100000 "$(d logs big | head -1 | tr -d '\n' | wc -c)"
same "logs: 20,000 lines in order" "$(seq 1 20000 | md5sum)" "$(d logs big | tail -n +2 | md5sum)"
same "logs --tail 5 of many" "$(seq 19996 20000)" "$(d logs --tail 5 big)"
d rm big >/dev/null
same "run: all of a big output" "$(seq 1 50000 | md5sum)" "$(d run --rm busybox seq 1 50000 | md5sum)"
same "run: binary output" "$(head -c 300000 /bin/busybox | md5sum)" "$(d run --rm busybox head -c 300000 /bin/busybox | md5sum)"
d run --name nolog --log-driver none busybox echo x >/dev/null
fails "logs: driver none" 'does not support reading' d logs nolog
d rm nolog >/dev/null
fails "logs: an unknown driver" 'logging plugin "?nosuch' d run --rm --log-driver nosuch busybox true
fails "logs: an unknown option" 'log.opt|unknown' d run --rm --log-opt nosuch=1 busybox true
d run -d --name rot --log-opt max-size=4k --log-opt max-file=2 busybox sh -c 'seq 1 2000; sleep 100' >/dev/null
poll 5 eval 'd logs --tail 1 rot | grep -q 2000'
same "logs: rotation keeps the end" "$(seq 1991 2000)" "$(d logs --tail 10 rot)"
same "logs: rotation keeps it small" yes "$([ "$(du -cb "$(field rot .LogPath)"* | tail -1 | cut -f1)" -lt 20000 ] && echo yes)"
d rm -f rot >/dev/null

# ---- attach ----
same "attach: stdin to the end" "typed" "$(echo typed | d run -i --rm busybox cat)"
same "attach: much stdin comes through" "$(seq 1 100000 | md5sum)" "$(seq 1 100000 | d run -i --rm busybox cat | md5sum)"
same "attach: a slow reader loses nothing" "$(seq 1 30000 | md5sum)" "$(d run --rm busybox seq 1 30000 | (sleep 0.5; cat) | md5sum)"
same "attach: -a stderr alone" "e" "$(d run --rm -a stderr busybox sh -c 'echo o; echo e >&2' 2>&1)"
same "attach: streams stay apart" "o|e" "$(d run --rm busybox sh -c 'echo o; echo e >&2' 2>"$HOST/err")|$(cat "$HOST/err")"
d run -d -i --name at busybox sh -c 'echo first; read x; echo got $x; exit 4' >/dev/null
poll 5 eval '[ "$(d logs at)" = first ]'
same "attach: to a running one" "got hello 4" "$(echo "$(echo hello | timeout 10 "$QA_CLIENT" attach at; echo $?)" | xargs)"
d rm -f at >/dev/null 2>&1
d create -i --name ca busybox cat >/dev/null
same "start -ai" "abc" "$(echo abc | timeout 10 "$QA_CLIENT" start -ai ca)"
d rm ca >/dev/null
d run -d --name two busybox sh -c 'sleep 2; seq 1 2000' >/dev/null
(timeout 10 "$QA_CLIENT" attach two | md5sum >"$HOST/a1") & A1=$!
(timeout 10 "$QA_CLIENT" attach two | md5sum >"$HOST/a2") & A2=$!
wait $A1 $A2
same "attach: two at once get everything" "$(seq 1 2000 | md5sum)|$(seq 1 2000 | md5sum)" "$(cat "$HOST/a1")|$(cat "$HOST/a2")"
fails "attach: to a stopped one" 'stopped container' d attach two
d rm two >/dev/null
python3 - "$SOCK" >"$HOST/raw" 2>&1 <<'PY'
import json, socket, struct, sys, time

def call(method, path, body=None, headers=(), read=True):
    s = socket.socket(socket.AF_UNIX); s.settimeout(10); s.connect(sys.argv[1])
    data = json.dumps(body).encode() if body is not None else b""
    head = f"{method} {path} HTTP/1.1\r\nHost: x\r\n" + "".join(h + "\r\n" for h in headers)
    if data: head += f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n"
    s.sendall(head.encode() + b"\r\n" + data)
    return s
def head(s):
    b = b""
    while not b.endswith(b"\r\n\r\n"):
        c = s.recv(1)
        if not c: break
        b += c
    return b.decode()
def rest(s):
    out = b""
    while True:
        c = s.recv(65536)
        if not c: return out
        out += c
def simple(method, path, body=None):
    s = call(method, path, body, ["Connection: close"]); h = head(s); return h, rest(s)
def frames(data):
    out = []
    while data:
        kind, n = struct.unpack(">BxxxI", data[:8]); out.append((kind, data[8:8 + n])); data = data[8 + n:]
    return out
UP = ["Connection: Upgrade", "Upgrade: tcp"]

simple("POST", "/containers/create?name=raw", {"Image": "busybox", "OpenStdin": True, "StdinOnce": True, "Cmd": ["sh", "-c", "echo out; echo err >&2; cat; exit 3"]})
s = call("POST", "/v1.51/containers/raw/attach?stream=1&stdin=1&stdout=1&stderr=1", None, UP)
h = head(s)
print("attach before start:", h.splitlines()[0])
print("type:", "multiplexed-stream" in h, "Upgrade: tcp" in h)
w = call("POST", "/containers/raw/wait?condition=next-exit"); wh = head(w)
print("wait's head before the start:", wh.splitlines()[0])
print("start:", simple("POST", "/containers/raw/start")[0].splitlines()[0])
s.sendall(b"input\n"); s.shutdown(socket.SHUT_WR)
f = frames(rest(s))
print("stdout:", b"".join(p for k, p in f if k == 1)); print("stderr:", b"".join(p for k, p in f if k == 2))
print("wait:", b'"StatusCode":3' in w.recv(4096))
s = call("POST", "/v1.41/containers/raw/attach?logs=1&stdout=1&stderr=1", None, UP); h = head(s)
print("logs replayed without stream:", sorted(p for k, p in frames(rest(s))))
print("old API says raw-stream:", "raw-stream" in h)
s = call("POST", "/containers/raw/attach?logs=1&stdout=1"); h = head(s)
print("without Upgrade:", h.splitlines()[0])
rest(s)
s = call("POST", "/containers/nosuch/attach?stream=1&stdout=1", None, UP); h = head(s)
print("attach to nothing:", h.splitlines()[0], "raw-stream" in h, rest(s))
s = call("POST", "/containers/raw/attach?stream=1&stdout=1&detachKeys=ctrl-", None, UP); h = head(s)
print("bad detach keys:", h.splitlines()[0], b"Invalid detach keys" in rest(s))
simple("DELETE", "/containers/raw?force=1")

# stdin only: the daemon closes it when the container ends
simple("POST", "/containers/create?name=raw", {"Image": "busybox", "OpenStdin": True, "StdinOnce": True, "Cmd": ["sh", "-c", "exit 0"]})
s = call("POST", "/containers/raw/attach?stream=1&stdin=1", None, UP); head(s)
simple("POST", "/containers/raw/start")
print("stdin-only attach ends with the container:", rest(s) == b"")
simple("DELETE", "/containers/raw?force=1")

# detach keys in a tty, then attach again
simple("POST", "/containers/create?name=raw", {"Image": "busybox", "Tty": True, "OpenStdin": True, "Cmd": ["sh"]})
s = call("POST", "/containers/raw/attach?stream=1&stdin=1&stdout=1&stderr=1", None, UP); h = head(s)
print("tty is raw:", "raw-stream" in h)
simple("POST", "/containers/raw/start")
print("resize:", simple("POST", "/containers/raw/resize?h=33&w=111")[0].splitlines()[0])
def expect(s, what, seconds=8):
    b, end = b"", time.time() + seconds
    s.settimeout(0.5)
    while what not in b and time.time() < end:
        try: c = s.recv(4096)
        except TimeoutError: continue
        if not c: break
        b += c
    return what in b
s.sendall(b"stty size\n"); print("stty sees the size:", expect(s, b"33 111"))
s.sendall(b"\x10\x11")
print("detached:", rest(s)[-20:] != None)
s = call("POST", "/containers/raw/attach?stream=1&stdin=1&stdout=1&detachKeys=a,b", None, UP); head(s)
s.sendall(b"echo again-$((1+1))\n"); print("attached again:", expect(s, b"again-2"))
s.sendall(b"echo ac\n"); print("a prefix of the keys goes through:", expect(s, b"\r\nac\r\n"))
s.sendall(b"exit 8\n"); rest(s)
w = simple("POST", "/containers/raw/wait"); print("code:", b'"StatusCode":8' in w[1])
simple("DELETE", "/containers/raw?force=1")

# stdin bytes in the same packet as the request
simple("POST", "/containers/create?name=raw", {"Image": "busybox", "OpenStdin": True, "StdinOnce": True, "Cmd": ["cat"]})
simple("POST", "/containers/raw/start")
s = socket.socket(socket.AF_UNIX); s.settimeout(10); s.connect(sys.argv[1])
s.sendall(b"POST /containers/raw/attach?stream=1&stdin=1&stdout=1 HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 0\r\n\r\nearly\n")
s.shutdown(socket.SHUT_WR); head(s); print("early stdin:", frames(rest(s)))
simple("DELETE", "/containers/raw?force=1")
# a client that vanishes in the middle
simple("POST", "/containers/create?name=raw", {"Image": "busybox", "Cmd": ["sh", "-c", "while :; do seq 1 1000; done"]})
s = call("POST", "/containers/raw/attach?stream=1&stdout=1", None, UP); head(s)
simple("POST", "/containers/raw/start"); s.recv(1000); s.close()
time.sleep(0.2)
print("alive without its reader:", b'"running"' in simple("GET", "/containers/raw/json")[1])
simple("DELETE", "/containers/raw?force=1")
PY
cat >"$HOST/raw.want" <<'WANT'
attach before start: HTTP/1.1 101 UPGRADED
type: True True
wait's head before the start: HTTP/1.1 200 OK
start: HTTP/1.1 204 No Content
stdout: b'out\ninput\n'
stderr: b'err\n'
wait: True
logs replayed without stream: [b'err\n', b'input\n', b'out\n']
old API says raw-stream: True
without Upgrade: HTTP/1.1 200 OK
attach to nothing: HTTP/1.1 404 Not Found True b'No such container: nosuch\r\n'
bad detach keys: HTTP/1.1 400 Bad Request True
stdin-only attach ends with the container: True
tty is raw: True
resize: HTTP/1.1 200 OK
stty sees the size: True
detached: True
attached again: True
a prefix of the keys goes through: True
code: True
early stdin: [(1, b'early\n')]
alive without its reader: True
WANT
census_same "raw: the whole conversation" "$HOST/raw.want" "$HOST/raw"

# ---- exec ----
d run -d --name ex -e BASE=1 -w /tmp --user app busybox sleep 1000 >/dev/null
same "exec: output" hi "$(d exec ex echo hi)"
rc "exec: code" 7 d exec ex sh -c 'exit 7'
rc "exec: killed is 137" 137 d exec ex sh -c 'kill -9 $$'
rc "exec: not found is 126 or 127" 127 d exec ex nosuch
rc "exec: not executable" 126 d exec ex /etc/passwd
same "exec: the container's user, folder, environment" "1000 /tmp 1" "$(d exec ex sh -c 'echo $(id -u) $PWD $BASE')"
same "exec -u -w -e" "0 /etc 2 x" "$(d exec -u root -w /etc -e BASE=2 -e N=x ex sh -c 'echo $(id -u) $PWD $BASE $N')"
same "exec -u: groups" "1000 10" "$(d exec -u app ex id -G)"
same "exec -i" "abc" "$(echo abc | d exec -i ex cat)"
same "exec: stderr apart" "o|e" "$(d exec ex sh -c 'echo o; echo e >&2' 2>"$HOST/err")|$(cat "$HOST/err")"
same "exec: much" "$(seq 1 50000 | md5sum)" "$(d exec ex seq 1 50000 | md5sum)"
same "exec: stdin and much back" "$(seq 1 50000 | md5sum)" "$(seq 1 50000 | d exec -i ex cat | md5sum)"
same "exec: same namespaces" "$(d exec ex readlink /proc/1/ns/net 2>/dev/null)" "$(d exec ex readlink /proc/self/ns/net 2>/dev/null)"
same "exec: sees the container's processes" 1 "$(d exec ex ps -o args | grep -c '^sleep 1000')"
same "exec: no more rights than the container" "0000000000000000 00000000a80425fb" "$(d exec ex awk '/CapEff|CapBnd/{printf "%s ", $2}' /proc/self/status | awk '{print $1, $2}')"
same "exec: the filter" 2 "$(d exec ex awk '/^Seccomp:/{print $2}' /proc/self/status)"
same "exec --privileged" yes "$([ "$(d exec --privileged -u root ex awk '/CapEff/{print $2}' /proc/self/status)" != 00000000a80425fb ] && echo yes)"
same "exec: in the container's cgroup" yes "$(d exec -d ex sleep 77; poll 5 pgrep -f '^sleep 77$'; p=$(pgrep -f '^sleep 77$' | head -1); grep -q "$(field ex .Id)" "/proc/$p/cgroup" && echo yes)"
api POST /containers/ex/exec '{"Cmd":["sh","-c","sleep 1; exit 5"],"AttachStdout":true}'
e=$(printf %s "$BODY" | jq -r .Id)
api GET "/exec/$e/json"
same "exec: inspect before" "false null" "$(printf %s "$BODY" | jq -r '"\(.Running) \(.ExitCode)"')"
same "exec: its program and arguments" 'sh ["-c","sleep 1; exit 5"]' "$(printf %s "$BODY" | jq -r '.ProcessConfig|.entrypoint + " " + (.arguments|tojson)')"
api_is "exec: start detached" 200 '' POST "/exec/$e/start" '{"Detach":true}'
api GET "/exec/$e/json"
same "exec: inspect meanwhile" "true null" "$(printf %s "$BODY" | jq -r '"\(.Running) \(.ExitCode)"')"
done_() { api GET "/exec/$e/json"; [ "$(printf %s "$BODY" | jq -r .ExitCode)" = 5 ]; }
check "exec: inspect afterwards" poll 5 done_
api_is "exec: start twice is 409" 409 message POST "/exec/$e/start" '{"Detach":true}'
api_is "exec: unknown" 404 'No such exec' GET /exec/nosuch/json
api_is "exec: start of nothing" 404 'No such exec' POST /exec/nosuch/start '{}'
fails "exec: bad user" 'unable to find user nosuch' d exec -u nosuch ex true
fails "exec: folder missing" 'no such file or directory' d exec -w /nosuch ex true
out=$(in_host python3 ../lib/typist.py 'tty; stty size; echo ok-$((2+3))' 'exit 6' -- "$QA_CLIENT" exec -it ex sh)
like "exec -it: a terminal" '/dev/pts/' "$out"
like "exec -it: its size" '^21 77' "$out"
like "exec -it: what is typed runs" 'ok-5' "$out"
like "exec -it: code" 'code 6' "$out"
d exec -d ex sleep 500
d kill ex >/dev/null
check "exec: ends with its container" poll 5 eval '! pgrep -f "^sleep 500$"'
d rm ex >/dev/null
api_is "exec: gone with its container" 404 'No such exec' GET "/exec/$e/json"

# ---- top ----
d run -d --name tp busybox sh -c 'sleep 1000; :' >/dev/null
like "top" 'sleep 1000' "$(d top tp)"
like "top: titles" '^UID +PID +PPID' "$(d top tp)"
like "top with columns" '^PID +(COMMAND|CMD|ARGS)?' "$(d top tp -o pid,args 2>&1)"
api_is "top: json" 200 '"Titles":\[.*"Processes":\[\[' GET /containers/tp/top
api_is "top: hostile ps_args" '200|400' '.' GET '/containers/tp/top?ps_args=-o%20pid%3Btouch%20%2Ftmp%2Fpwned'
same "top: nothing was run" no "$([ -e /tmp/pwned ] && echo yes || echo no)"
d rm -f tp >/dev/null

# ---- events ----
since=$(date +%s.%N)
d run --name ev --label l=1 -v /anon busybox sh -c 'exit 2' >/dev/null
d start ev >/dev/null; d wait ev >/dev/null
d rm -v ev >/dev/null
poll 5 eval '[ "$(d volume ls -q)" = "" ]'
poll 5 eval 'd events --since $since --until "$(date +%s.%N)" --filter type=volume --filter event=destroy | grep -q .'
until=$(date +%s.%N)
events() { d events --since "$since" --until "$until" --format '{{.Type}} {{.Action}}' "$@"; }
same "events: the order of a run, a start and a removal" \
    "volume create|container create|container attach|network connect|volume mount|container start|container die|network disconnect|volume unmount|network connect|volume mount|container start|container die|network disconnect|volume unmount|volume destroy|container destroy" \
    "$(events | paste -sd'|' | sed 's/container destroy|volume destroy$/volume destroy|container destroy/')"
same "events: filter by type" "volume" "$(events --filter type=volume | cut -d' ' -f1 | sort -u)"
same "events: filter by event" "container die" "$(events --filter event=die | sort -u)"
same "events: filter by container" 7 "$(events --filter container=ev | wc -l)"
same "events: filter by label" yes "$([ "$(events --filter label=l=1 | wc -l)" -ge 7 ] && echo yes)"
same "events: filter by image" "container" "$(events --filter image=busybox | cut -d' ' -f1 | sort -u)"
same "events: filters together" 2 "$(events --filter type=container --filter event=start | wc -l)"
same "events: none" "" "$(events --filter container=nosuch)"
same "events: the exit code" "2" "$(d events --since "$since" --until "$until" --filter event=die --format '{{.Actor.Attributes.exitCode}}' | sort -u)"
same "events: attributes" "ev busybox 1" "$(d events --since "$since" --until "$until" --filter event=create --filter type=container --format '{{.Actor.Attributes.name}} {{.Actor.Attributes.image}} {{.Actor.Attributes.l}}')"
api GET "/v1.41/events?since=$since&until=$until&filters=%7B%22event%22%3A%5B%22create%22%5D%2C%22type%22%3A%5B%22container%22%5D%7D"
same "events: legacy fields" "create busybox local" "$(printf %s "$BODY" | jq -r '"\(.status) \(.from) \(.scope)"')"
api_is "events: a bad filter" 400 message GET '/events?filters=%7B%22nosuch%22%3A%5B%22x%22%5D%7D'
api_is "events: bad since" 400 message GET '/events?since=x'
timeout 60 curl -sN -D "$HOST/live.head" --unix-socket "$SOCK" http://x/events >"$HOST/live" & L=$!
poll 5 test -s "$HOST/live.head"
d run -d --name live busybox sleep 100 >/dev/null; d rename live alive; d pause alive >/dev/null; d unpause alive >/dev/null
d exec alive true; d stop -t 0 alive >/dev/null; d restart -t 0 alive >/dev/null; d kill alive >/dev/null; d rm alive >/dev/null
d run -d --name forced busybox sleep 100 >/dev/null; d rm -f forced >/dev/null
poll 5 eval '[ "$(grep -c \"destroy\" "$HOST/live")" -ge 2 ]'
kill $L 2>/dev/null; wait $L 2>/dev/null
same "events: live" "create start rename pause unpause exec_create: true exec_start: true exec_die kill kill die stop start restart kill die destroy create start kill die destroy " \
    "$(jq -r 'select(.Type=="container").Action' "$HOST/live" | grep -v -e '^attach' | tr '\n' ' ' | sed 's/exec_start: true exec_die/exec_start: true exec_die/')"

settled
census_back "the census is as before" "$HOST/before"
engine_sound
finish
