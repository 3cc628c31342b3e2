#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Text of images, containers and registries on a terminal: no command prints what it would obey.
. "$(dirname "$0")/kit.sh"
security_up
export EVIL_TAR=$HOST/evil.tar
python3 - "$IMAGES/busybox.tar" "$EVIL_TAR" <<'PY'
import hashlib, io, json, sys, tarfile
with tarfile.open(sys.argv[1]) as archive:
    base = archive.extractfile(json.load(archive.extractfile("manifest.json"))[0]["Layers"][0]).read()
esc = "\x1b]0;title\x07\x1b[31mevil\x7f\u009b2J\u202eexe.\r"
config = json.dumps({
    "architecture": "amd64", "os": "linux", "author": esc, "config": {
        "Env": ["PATH=/bin"], "Labels": {"evil": esc, esc: "key"}, "Cmd": ["sh", "-c", "echo", esc]},
    "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(base).hexdigest()]},
    "history": [{"created_by": esc, "comment": esc}]}).encode()
with tarfile.open(sys.argv[2], "w") as out:
    manifest = json.dumps([{"Config": "c.json", "RepoTags": ["evil:image"], "Layers": ["l.tar"]}]).encode()
    for name, data in (("c.json", config), ("l.tar", base), ("manifest.json", manifest)):
        info = tarfile.TarInfo(name)
        info.size = len(data)
        out.addfile(info, io.BytesIO(data))
PY
load "$EVIL_TAR" >/dev/null
evil=$'\033[31mevil'
in_host "$BERTH" run -d --name evil -p 127.0.0.1::80 evil:image sh -c 'printf "\033[31mred\n"; sleep 1000 & wait' "$evil" >/dev/null
in_host "$BERTH" volume create --label "x=$evil" evil >/dev/null
in_host "$BERTH" network create --label "x=$evil" evil >/dev/null
in_host python3 - <<'PY' &
import http.server, json
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        evil = "/manifests/" in self.path
        data = json.dumps({"errors": [{"code": "DENIED", "message": "\x1b[31mevil \u202e"}]}).encode() if evil else b"{}"
        self.send_response(403 if evil else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
    def log_message(self, *args): pass
http.server.ThreadingHTTPServer(("127.0.0.1", 5001), Handler).serve_forever()
PY
REGISTRY_PID=$!
check "a registry" poll 10 in_host curl -fs -o /dev/null http://127.0.0.1:5001/v2/
in_host python3 escapes.py "$BERTH" evil >"$HOST/terminal" 2>"$HOST/terminal.err"
same "no command prints what a terminal obeys" "" "$(grep -v '^right' "$HOST/terminal" | cat -v; tail -3 "$HOST/terminal.err")"
same "all were looked at" 27 "$(grep -c '^right' "$HOST/terminal")"
like "what is no terminal gets the bytes" $'\033' "$(in_host "$BERTH" history --no-trunc evil:image)"
finish
