#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Hostile requests: names that are paths (CVE-2014-9358), fields of any length (CVE-2021-43784),
# bodies that lie about their size (CVE-2024-41110, -2026-34040), clients that never read and
# terminals that fail (CVE-2022-23471, -2022-31030, -2025-64329): nothing outside changes and
# the engine stays as small as it was.
. "$(dirname "$0")/kit.sh"
security_up probe
status() { curl -s -o "$HOST/answer" -w '%{http_code}' --path-as-is --max-time 20 --unix-socket "$SOCK" "$@"; }
json='Content-Type: application/json'

paths() {
    local n
    for n in '..%2f..%2f..%2ftmp%2fberth-outside' '%2e%2e' '.' '..' '%00' 'a%00b' '%2ftmp%2fberth-outside' "$(printf 'a%.0s' $(seq 5000))"; do
        for p in "GET /containers/$n/json" "DELETE /containers/$n?force=1&v=1" "GET /images/$n/json" "DELETE /images/$n" "GET /volumes/$n" \
            "DELETE /volumes/$n?force=1" "DELETE /networks/$n" "POST /exec/$n/start" "GET /containers/$n/logs?stdout=1" "POST /containers/$n/rename?name=$n"; do
            out=$(status -X "${p%% *}" -H "$json" -d '{}' "http://x${p#* }")
            case $out in 4?? | 301) ;; 204) case $p in "DELETE /volumes/"*) ;; *) not_ok "$p" "$out" ;; esac ;; # forced: absent is gone
            2*) [ "${p#* }" = "/containers/./json" ] || not_ok "$p" "$out" ;; *) not_ok "$p" "$out $(head -c 200 "$HOST/answer")" ;; esac
        done
        for p in containers/create volumes/create networks/create; do
            python3 - "$n" >"$HOST/body" <<'PY'
import json, sys, urllib.parse
n = urllib.parse.unquote(sys.argv[1])
print(json.dumps({"Image": "hostile:probe", "Name": n, "HostConfig": {"Binds": [n + ":/x"], "CgroupParent": n}}))
PY
            out=$(status -X POST -H "$json" --data-binary "@$HOST/body" "http://x/$p?name=$n")
            case $out in 4??) ;; *) not_ok "POST $p $n" "$out $(head -c 200 "$HOST/answer")" ;; esac
        done
    done
    for p in '../../tmp/berth-outside' '/' '..' '/../..' 'a/../../..' '/docker/../../x'; do
        python3 -c 'import json,sys; print(json.dumps({"Image":"hostile:probe","Cmd":["true"],"HostConfig":{"CgroupParent":sys.argv[1]}}))' "$p" >"$HOST/body"
        out=$(status -X POST -H "$json" --data-binary "@$HOST/body" http://x/containers/create)
        [ "$out" != 201 ] || out=$(status -X POST "http://x/containers/$(sed 's/.*"Id":"\([0-9a-f]*\)".*/\1/' "$HOST/answer")/start")
        case $out in 4?? | 204) ;; *) not_ok "cgroup parent $p" "$out $(head -c 200 "$HOST/answer")" ;; esac
    done
    same "no cgroup was made outside of a hierarchy" "" "$(find /sys/fs/cgroup -maxdepth 1 -name '*berth-outside*')"
    for n in 'x?repo=../../tmp/berth-outside&tag=x' 'x?repo=x&tag=../../y' 'x?repo=%2ftmp%2fx&tag=y'; do
        like "tag $n is refused" "^4" "$(status -X POST "http://x/images/$(printf hostile:probe)/tag?${n#*\?}")"
    done
    untouched "names that are paths"
    check "the engine answers" alive
}

fields() {
    local out
    python3 - "$SOCK" >"$HOST/fields" <<'PY'
import http.client, json, socket, sys
def call(method, path, body=None, headers=None):
    c = http.client.HTTPConnection("x", timeout=30)
    c.sock = socket.socket(socket.AF_UNIX); c.sock.settimeout(30); c.sock.connect(sys.argv[1])
    c.request(method, path, body, headers or {"Content-Type": "application/json"})
    r = c.getresponse(); return r.status, r.read()
big = "A" * 70000
n = bad = 0
for name, config in {
        "environment": {"Env": ["X=" + big]}, "environment of 1.5 MB": {"Env": ["X%d=%s" % (i, big) for i in range(20)]},
        "argument": {"Cmd": ["true", big]}, "argument of 200 KB": {"Cmd": ["true", big * 3]},
        "hostname": {"Hostname": big}, "user": {"User": big}, "working directory": {"WorkingDir": "/" + big},
        "label": {"Labels": {big: big}}, "bind": {"HostConfig": {"Binds": ["/" + big + ":/x"]}},
        "target": {"HostConfig": {"Tmpfs": {"/" + big: ""}}}, "sysctl": {"HostConfig": {"Sysctls": {"net.x" + big: big}}},
        "tmpfs option": {"HostConfig": {"Tmpfs": {"/t": "size=" + big}}}, "hosts": {"HostConfig": {"ExtraHosts": ["x:" + big]}},
        "many hosts": {"HostConfig": {"ExtraHosts": ["h%d:10.0.0.1" % i for i in range(5000)]}},
        "many mounts": {"HostConfig": {"Tmpfs": {"/t%d" % i: "" for i in range(400)}}},
        "many groups": {"HostConfig": {"GroupAdd": [str(i) for i in range(70000)]}},
        "security option": {"HostConfig": {"SecurityOpt": [big]}}, "log option": {"HostConfig": {"LogConfig": {"Type": "json-file", "Config": {big: big}}}},
        "stop signal": {"StopSignal": big}, "ulimit": {"HostConfig": {"Ulimits": [{"Name": big, "Soft": 1, "Hard": 1}]}},
        "device": {"HostConfig": {"Devices": [{"PathOnHost": "/" + big, "PathInContainer": "/x", "CgroupPermissions": "r"}]}},
        "numbers": {"HostConfig": {"Memory": 2**63 - 1, "CpuShares": -2**63, "OomScoreAdj": 10**9, "ShmSize": 2**62}},
        "nested": None}.items():
    body = json.dumps(dict({"Image": "hostile:probe", "Cmd": ["true"]}, **config)) if config else "[" * 100000 + "]" * 100000
    status, text = call("POST", "/containers/create", body)
    if status == 201:
        id = json.loads(text)["Id"]
        status, text = call("POST", "/containers/%s/start" % id)
        call("POST", "/containers/%s/wait" % id) if status == 204 else None
        call("DELETE", "/containers/%s?force=1" % id)
    n += 1
    good = status in (204, 400, 409, 413) and not (status >= 400 and not json.loads(text).get("message"))
    bad += not good
    print("# %s: %s (%d%s)" % ("right" if good else "WRONG", name, status, " " + text[:90].decode(errors="replace").strip() if status != 204 else ""))
sys.exit(bad > 0)
PY
    same "every field of any length is answered, done or refused" "" "$(grep WRONG "$HOST/fields")"
    same "all of them were tried" 23 "$(grep -c : "$HOST/fields")"
    head -c 40000000 /dev/zero | tr '\0' ' ' >"$HOST/body"
    like "a body of 40 MB is refused" "^4(00|13)$" "$(status -X POST -H "$json" --data-binary "@$HOST/body" http://x/containers/create)"
    like "and when it comes in chunks" "^4(00|13)$" "$(status -X POST -H "$json" -H 'Transfer-Encoding: chunked' --data-binary "@$HOST/body" http://x/containers/create)"
    like "an empty one is refused" "^4" "$(status -X POST -H "$json" -H 'Content-Length: 0' http://x/containers/create)"
    out=$(printf 'POST /containers/create HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /info HTTP/1.1\r\nHost: x\r\n\r\n' | timeout 3 socat - "UNIX-CONNECT:$SOCK" 2>/dev/null || true)
    same "two lengths are refused: nothing is smuggled" "" "$(printf '%s\n' "$out" | grep '200 OK')"
    check "the engine answers" alive
}

# What is looked up on the host, or needs a descriptor at a start, is judged where it is asked for.
hosts() {
    local n held
    create() { api POST /containers/create "{\"Image\":\"hostile:probe\",\"Cmd\":[\"true\"],\"HostConfig\":{$1}}"; }
    like "--device /: refused" "more than 10000 files below /" "$(create '"Devices":[{"PathOnHost":"/","PathInContainer":"/dev/x","CgroupPermissions":"rwm"}]')"
    mkdir -p "$HOST/tree" && (cd "$HOST/tree" && seq 9000 | xargs mkdir)
    for n in 1 2 3; do create "\"Devices\":[{\"PathOnHost\":\"$HOST/tree\",\"PathInContainer\":\"/dev/x\",\"CgroupPermissions\":\"rwm\"}]" >/dev/null; done
    held=$(api GET /debug/turns | python3 -c 'import json,sys; print([h for h in json.load(sys.stdin)["turns"]["longest"] if "check" in h["what"] + h["of"] and h["cpu_us"] > 2000])')
    same "a large folder of --device does not hold the loop" "[]" "$held"
    mounts() { python3 -c 'import json,sys; print(json.dumps({"/t%d" % i: "" for i in range(int(sys.argv[1]))}))' "$1"; }
    n=$(create "\"Tmpfs\":$(mounts 100),\"NetworkMode\":\"none\"" | sed 's/.*"Id":"\([0-9a-f]*\)".*/\1/')
    same "100 mounts: created and started" "" "$(api POST "/containers/$n/start")"
    api DELETE "/containers/$n?force=1" >/dev/null
    like "101: refused when they are asked for" "a container has at most 100 mounts" "$(create "\"Tmpfs\":$(mounts 101)")"
    like "also together" "a container has at most 100 mounts" "$(create "\"Tmpfs\":$(mounts 60),\"Binds\":[$(seq -f '"/tmp:/b%g"' -s, 60)]")"
    check "the engine answers" alive
}

# A sanitized engine keeps freed memory in quarantine: there only the descriptors are judged.
grep -q __asan_init "$BERTH_BIN/berthd" && slack=100000 || slack=0
rss() { awk '/^VmRSS/ {print $2}' "/proc/$ENGINE_PID/status"; }
fds() { find "/proc/$1/fd" -mindepth 1 | wc -l; }
memory() {
    local id before_rss before_fds before_keeper i
    id=$(in_host $D run -d hostile:probe sleep 300 8>&-)
    execs() { # COUNT: execs with a terminal that fail, by one client
        python3 - "$SOCK" "$id" "$1" <<'PY'
import http.client, json, socket, sys
def call(method, path, body=None):
    c = http.client.HTTPConnection("x", timeout=30)
    c.sock = socket.socket(socket.AF_UNIX); c.sock.settimeout(30); c.sock.connect(sys.argv[1])
    c.request(method, path, json.dumps(body) if body else None, {"Content-Type": "application/json"})
    r = c.getresponse(); return r.status, r.read()
for i in range(int(sys.argv[3])):
    s, t = call("POST", "/containers/%s/exec" % sys.argv[2], {"Cmd": ["/nosuch"], "Tty": True, "AttachStdout": True, "AttachStdin": True})
    call("POST", "/exec/%s/start" % json.loads(t)["Id"], {"Tty": True})
PY
    }
    execs 200
    before_rss=$(rss) before_fds=$(fds "$ENGINE_PID") before_keeper=$(fds "$(keeper_pid)")
    execs 800
    i=$(($(rss) - before_rss))
    check "800 failing tty execs more: resident memory grew by $i KiB" test "$i" -lt $((4096 + slack))
    i=$(($(fds "$ENGINE_PID") - before_fds))
    check "and by $i descriptors" test "$i" -le 8
    i=$(($(fds "$(keeper_pid)") - before_keeper))
    check "the keeper by $i descriptors" test "$i" -le 4
    # An exec that writes without end to clients that never read
    before_rss=$(rss)
    python3 - "$SOCK" "$id" <<'PY' &
import json, socket, subprocess, sys, time
socks = []
for i in range(10):
    out = subprocess.run(["curl", "-s", "--unix-socket", sys.argv[1], "-H", "Content-Type: application/json", "-d",
                          json.dumps({"Cmd": ["sh", "-c", "exec yes xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"], "AttachStdout": True}),
                          "http://x/containers/%s/exec" % sys.argv[2]], capture_output=True).stdout
    s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])
    s.sendall(("POST /exec/%s/start HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}" % json.loads(out)["Id"]).encode())
    socks.append(s)
time.sleep(3)
PY
    sleep 2.5
    i=$(($(rss) - before_rss))
    check "ten execs that flood clients who do not read: resident memory grew by $i KiB" test "$i" -lt $((30000 + slack))
    check "the engine answers meanwhile" alive
    wait $!
    in_host $D rm -f "$id" >/dev/null
    before_rss=$(rss)
    # A container that floods its log without a newline
    id=$(in_host $D run -d --log-opt max-size=1m hostile:probe sh -c 'exec cat /dev/zero' 8>&-)
    sleep 2
    i=$(($(rss) - before_rss))
    check "a log without newlines: resident memory grew by $i KiB" test "$i" -lt $((16384 + slack))
    in_host $D rm -f "$id" >/dev/null
    i=$(find "$HOST/data" -name '*.log*' -size +8M | wc -l)
    check "and the log stayed bounded" test "$i" = 0
}

case ${1:-all} in
all) paths; fields; hosts; memory ;;
*) "$@" ;;
esac
finish
