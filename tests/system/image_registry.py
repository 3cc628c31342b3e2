#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A registry that misbehaves on purpose: image_registry.py PORT [mirror]. The repository's name says
how. A mirror has the tags of library/… as they were, and not all that they name."""
import base64
import gzip
import hashlib
import http.server
import io
import json
import re
import sys
import tarfile
import threading
import time

PORT = int(sys.argv[1])
IS_MIRROR = sys.argv[2:] == ["mirror"]
LOGIN = "Basic " + base64.b64encode(b"user:secret").decode()
seen = {}  # how often a path was asked for
lock = threading.Lock()
blobs = {}


def put(data):
    digest = "sha256:" + hashlib.sha256(data).hexdigest()
    blobs[digest] = data
    return {"digest": digest, "size": len(data)}


def tar_of(files):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, data in files:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


def noise(n, seed):
    out = bytearray()
    block = seed.encode()
    while len(out) < n:
        block = hashlib.sha256(block).digest()
        out += block
    return bytes(out[:n])


def image(tag, files_of_layers, arch="amd64", diff=None):
    layers, diffs = [], []
    for files in files_of_layers:
        tar = tar_of(files)
        diffs.append("sha256:" + hashlib.sha256(tar).hexdigest())
        layer = put(gzip.compress(tar, 1, mtime=0))
        layer["mediaType"] = "application/vnd.docker.image.rootfs.diff.tar.gzip"
        layers.append(layer)
    config = put(json.dumps({
        "architecture": arch, "os": "linux", "config": {"Cmd": [tag]},
        "rootfs": {"type": "layers", "diff_ids": diff or diffs}}).encode())
    config["mediaType"] = "application/vnd.docker.container.image.v1+json"
    return json.dumps({
        "schemaVersion": 2, "config": config, "layers": layers,
        "mediaType": "application/vnd.docker.distribution.manifest.v2+json"}).encode()


def index_of_indexes(*indexes):
    """Which do not say for what they are."""
    return json.dumps({
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [dict(put(i), mediaType="application/vnd.oci.image.index.v1+json") for i in indexes]}).encode()


def index(entries):
    return json.dumps({
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [dict(put(m), platform=p,
                           mediaType="application/vnd.docker.distribution.manifest.v2+json")
                      for m, p in entries]}).encode()


GOOD = image("good", [[("a/big", noise(3 << 20, "a"))], [("b", b"text")]])
MANIFESTS = {
    "hostile": image("hostile", [[("ok", b"x")], [("../../../evil", b"x")]]),
    "diff": image("diff", [[("c", b"c")]], diff=["sha256:" + "0" * 64]),
    "large": b"{" + b" " * (5 << 20) + b"}",
    "garbage": b"<html>hello</html>",
    "schema1": b'{"schemaVersion":1,"fsLayers":[]}',
    "index": index([(image("arm", [[("arm", b"x")]], "arm64"),
                     {"os": "linux", "architecture": "arm64", "variant": "v8"}),
                    (image("amd", [[("amd", b"x")]]), {"os": "linux", "architecture": "amd64"})]),
    "foreign": index([(image("s390", [[("s", b"x")]], "s390x"),
                       {"os": "linux", "architecture": "s390x"})]),
}
MANIFESTS["deep"] = index_of_indexes(MANIFESTS["foreign"], index_of_indexes(MANIFESTS["foreign"]),
                                     index_of_indexes(MANIFESTS["foreign"], MANIFESTS["index"]))
MANIFESTS["foreigndeep"] = index_of_indexes(MANIFESTS["foreign"], index_of_indexes(MANIFESTS["foreign"]))
deep = MANIFESTS["index"]
for _ in range(9):
    deep = index_of_indexes(deep)
MANIFESTS["toodeep"] = deep
TAGS = {"tagless": None, "badtags": ["good", "../bad"], "oldtag": ["one", "schema1"]}

# What has become of the tag since the mirror has seen it.
OLD = MANIFESTS["index"]
NEW = index([(image("new", [[("new", b"x")]]), {"os": "linux", "architecture": "amd64"})])
MOVED = {
    "library/same": OLD,  # nothing
    "library/single": image("single", [[("single", b"x")]]),  # one manifest, not an index
    "library/index": NEW,
    "library/nested": index([(NEW, {"os": "linux", "architecture": "amd64"})]),
    "library/config": OLD,
    "library/layer": OLD,
    "library/lies": OLD,
}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def times(self):
        with lock:
            seen[self.path] = seen.get(self.path, 0) + 1
            return seen[self.path]

    def answer(self, status, body=b"", headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def refuse(self, status, code, message, headers=()):
        body = json.dumps({"errors": [{"code": code, "message": message}]}).encode()
        self.answer(status, body, headers)

    def hang_up(self):
        self.close_connection = True
        self.connection.close()

    def is_allowed(self, repo):
        """Answers itself when not."""
        sent = self.headers.get("Authorization")
        if repo.startswith("token"):
            if sent == "Bearer t0ken-" + repo:
                return True
            realm = f'Bearer realm="http://127.0.0.1:{PORT}/token",service="test"'
            self.refuse(401, "UNAUTHORIZED", "authentication required",
                        [("WWW-Authenticate", realm + f',scope="repository:{repo}:pull"')])
            return False
        if repo in ("basic", "movedbasic"):
            if sent == LOGIN:
                return True
            self.refuse(401, "UNAUTHORIZED", "authentication required",
                        [("WWW-Authenticate", 'Basic realm="test"')])
            return False
        if repo == "denied":
            self.refuse(403, "DENIED", "requested access to the resource is denied")
            return False
        return True

    def do_token(self):
        repo = re.search(r"repository%3A([a-z0-9]+)%3Apull", self.path)
        if not repo:
            return self.answer(400)
        if repo[1] == "tokenlogin" and self.headers.get("Authorization") != LOGIN:
            return self.answer(401, b'{"details":"incorrect username or password"}')
        return self.answer(200, json.dumps({"token": "t0ken-" + repo[1]}).encode())

    def do_tags(self, repo, query):
        """Two pages, and for ever in one repository."""
        if repo == "gone":
            return self.refuse(404, "NAME_UNKNOWN", "repository name not known to registry")
        headers = []
        if repo == "endless" or not query and repo not in TAGS:
            headers = [("Link", f'</v2/{repo}/tags/list?last=b&n=2>; rel="next"')]
        tags = TAGS.get(repo, ["c"] if query else ["a", "b"])
        return self.answer(200, json.dumps({"name": repo, "tags": tags}).encode(), headers)

    def do_manifest(self, repo, name):
        data = blobs.get(name) or MANIFESTS.get("schema1" if name == "schema1" else repo, GOOD)
        if repo in MOVED and not name.startswith("sha256:"):
            data = OLD if IS_MIRROR else MOVED[repo]
        elif repo in ("library/same", "library/single", "library/index", "library/nested") and IS_MIRROR:
            return self.refuse(404, "MANIFEST_UNKNOWN", "manifest unknown")
        if repo == "flaky" and self.times() <= 2:
            return self.answer(503)
        if repo == "busy" and self.times() == 1:
            return self.answer(429, b"", [("Retry-After", "1")])
        kind = "application/json" if data is MANIFESTS["garbage"] else json.loads(data).get(
            "mediaType", "application/json")
        return self.answer(200, data, [("Content-Type", kind)])

    def do_blob(self, repo, digest):
        data = blobs.get(digest)
        is_config = data is not None and data[:1] == b"{"
        if data is None or (IS_MIRROR and repo == ("library/config" if is_config else "library/layer")):
            return self.refuse(404, "BLOB_UNKNOWN", "blob unknown to registry")
        if IS_MIRROR and repo == "library/lies":
            data = data[:-1] + bytes([data[-1] ^ 1])
        if repo == "flaky" and self.times() <= 2:
            return self.answer(500)
        if repo.startswith("moved"):
            return self.answer(307, b"gone", [("Location", f"http://localhost:{PORT}/moved/{digest}")])
        if repo == "wrong" and len(data) > 1000:
            data = data[:-1000] + bytes([data[-1000] ^ 1]) + data[-999:]
        if repo == "longer":
            data += b"more"
        first = 0
        if "Range" in self.headers and repo != "norange":
            first = int(re.match(r"bytes=(\d+)-", self.headers["Range"])[1])
        self.send_response(206 if first else 200)
        if first:
            self.send_header("Content-Range", f"bytes {first}-{len(data) - 1}/{len(data)}")
        self.send_header("Content-Length", str(len(data) - first))
        self.end_headers()
        part = data[first:]
        if repo in ("cut", "norange") and len(data) > 1000 and self.times() <= 3:
            self.wfile.write(part[: 300000 * (1 if repo == "cut" else seen[self.path])])
            return self.hang_up()
        if repo == "short" and len(data) > 1000:
            self.wfile.write(part[: max(0, 300000 - first)])
            return self.hang_up()
        if repo == "slow":
            for at in range(0, len(part), 65536):
                self.wfile.write(part[at : at + 65536])
                time.sleep(0.05)
            return None
        return self.wfile.write(part)

    def do_GET(self):
        if self.path == "/v2/":
            return self.answer(200, b"{}")
        if self.path.startswith("/token"):
            return self.do_token()
        if self.path.startswith("/moved/"):
            if "Authorization" in self.headers:
                return self.answer(400, b"the password was sent elsewhere")
            return self.answer(200, blobs[self.path[7:]])
        m = re.fullmatch(r"/v2/([a-z0-9/]+)/(manifests|blobs|tags)/(.*)", self.path)
        if not m or not self.is_allowed(m[1]):
            return None if m else self.answer(404)
        if m[2] == "tags":
            return self.do_tags(m[1], m[3].partition("?")[2])
        try:
            return (self.do_manifest if m[2] == "manifests" else self.do_blob)(m[1], m[3])
        except (BrokenPipeError, ConnectionResetError, OSError):
            return self.hang_up()


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass


print("ready", flush=True)
Server(("127.0.0.1", PORT), Handler).serve_forever()
