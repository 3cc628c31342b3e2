#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A registry to push to that misbehaves on purpose: push_registry.py PORT. The first word of a repository's
name says how. What it takes it checks: a blob is there only with its digest. PORT+1 is another host, where
uploads may be sent. GET /_log: requests, with who asked; GET /_blobs/REPOSITORY: digests that are there."""
import hashlib
import http.server
import json
import re
import sys
import threading
import time
import urllib.parse

PORT = int(sys.argv[1])
HERE, AWAY = "http://127.0.0.1:%d" % PORT, "http://127.0.0.1:%d" % (PORT + 1)
LOGIN = "Basic dXNlcjpzZWNyZXQ="
lock = threading.Lock()
log, uploads, blobs, manifests, met, uses = [], {}, {}, {}, {}, {}
serial = 0


def first(*key):  # True the first time
    with lock:
        met[key] = met.get(key, 0) + 1
        return met[key] == 1


class Gone(Exception):
    pass


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *args):
        pass

    def say(self, status, body=b"", **headers):
        if isinstance(body, str):
            body = body.encode()
        self.send_response(status)
        length = headers.pop("length", len(body))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), str(value))
        if status not in (204,):
            self.send_header("Content-Length", str(length))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def fail(self, status, code, message, **headers):
        self.say(status, json.dumps({"errors": [{"code": code, "message": message}]}),
                 Content_Type="application/json", **headers)

    def drop(self):
        self.close_connection = True
        raise Gone()

    def body(self, most=None):
        """The request's body, or its first `most` bytes."""
        left = self.length if most is None else min(most, self.length)
        out = bytearray()
        while left:
            piece = self.rfile.read(min(left, 1 << 16))
            if not piece:
                raise Gone()
            out += piece
            left -= len(piece)
        return bytes(out)

    def serve(self):
        url = urllib.parse.urlparse(self.path)
        self.length = int(self.headers.get("Content-Length") or 0)
        with lock:
            if not url.path.startswith("/_"):
                log.append({"method": self.command, "path": self.path, "host": self.server.server_port,
                            "auth": self.headers.get("Authorization") or "", "bytes": self.length,
                            "range": self.headers.get("Content-Range") or ""})
        try:
            self.route(url)
        except (Gone, ConnectionError):
            self.close_connection = True

    do_GET = do_HEAD = do_POST = do_PATCH = do_PUT = do_DELETE = serve

    def route(self, url):
        query = dict(urllib.parse.parse_qsl(url.query))
        if url.path == "/_log":
            return self.say(200, json.dumps(log))
        if url.path.startswith("/_blobs/"):
            return self.say(200, json.dumps(sorted(blobs.get(url.path[8:], {}))))
        if url.path == "/_reset":
            log.clear()
            return self.say(200)
        if url.path == "/token":
            return self.token(urllib.parse.parse_qs(url.query).get("scope", []))
        if url.path == "/v2/":
            return self.say(200, b"{}")
        match = re.match(r"/v2/(.+?)/(blobs/uploads|blobs|manifests)/(.*)$", url.path)
        if not match:
            return self.fail(404, "NOT_FOUND", "no such page")
        self.repository, kind, self.rest = match.groups()
        self.how = self.repository.split("/")[0]
        if not self.is_let_in():
            return None
        if self.how == "portal":
            return self.say(200, b"<html>Welcome to our hotel</html>", Content_Type="text/html")
        if kind == "manifests":
            return self.manifest()
        if kind == "blobs":
            return self.blob()
        return {"POST": self.begin, "PATCH": self.patch, "GET": self.place, "PUT": self.close,
                "DELETE": self.forget}[self.command](query)

    # ---- who

    def token(self, scopes):
        global serial
        if any("strict/" in s for s in scopes) and len(scopes) > 1:
            return self.fail(403, "DENIED", "one scope at a time")
        with lock:
            serial += 1
            uses["t%d" % serial] = 6
        return self.say(200, json.dumps({"token": "t%d" % serial}))

    def is_let_in(self):
        auth = self.headers.get("Authorization") or ""
        is_here = self.server.server_port == PORT
        if self.how in ("cdn", "cdnmove") and is_here and auth != LOGIN:
            self.body()
            self.fail(401, "UNAUTHORIZED", "who are you", WWW_Authenticate='Basic realm="x"')
            return False
        if self.how in ("expire", "strict"):
            with lock:
                left = uses.get(auth[7:], 0)
                uses[auth[7:]] = left - 1
            if left <= 0:
                self.body()
                self.fail(401, "UNAUTHORIZED", "who are you",
                          WWW_Authenticate='Bearer realm="%s/token",service="x"' % HERE)
                return False
        return True

    # ---- blobs

    def blob(self):
        data = blobs.get(self.repository, {}).get(self.rest)
        if data is None:
            return self.fail(404, "BLOB_UNKNOWN", "blob unknown to registry")
        if self.how == "headlie":
            return self.say(200, length=5)
        return self.say(200, data)

    def take(self, digest, data):
        if digest != "sha256:" + hashlib.sha256(data).hexdigest():
            return self.fail(400, "DIGEST_INVALID", "provided digest did not match uploaded content")
        blobs.setdefault(self.repository, {})[digest] = data
        said = "sha256:" + "0" * 64 if self.how == "liedigest" else digest
        if self.how == "late" and first("late", self.repository, digest):
            self.drop()
        return self.say(201, Docker_Content_Digest=said, Location="/v2/%s/blobs/%s" % (self.repository, digest))

    def where(self, key):
        if self.how == "norange":
            return {}
        base = "" if self.how == "rel" else AWAY if self.how == "cdn" else HERE
        have = len(uploads[key])
        return {"Location": "%s/v2/%s/blobs/uploads/%s?_state=x" % (base, self.repository, key),
                "Range": "0-%d" % max(have - 1, 0)}

    def begin(self, query):
        global serial
        if self.how == "busy" and first("post", self.repository):
            return self.fail(429, "TOOMANYREQUESTS", "slow down", Retry_After=1)
        if self.how == "denied":
            return self.fail(403, "DENIED", "not for \x1b[31myou\x07\u202e, says the owner")
        if self.how == "html":
            return self.say(200, b"<html>hello</html>", Content_Type="text/html")
        if self.how == "flood":
            return self.say(202, b"x" * (8 << 20))
        if self.how == "file":
            return self.say(202, Location="file:///etc/passwd")
        if self.how == "user":
            return self.say(202, Location="http://user:secret@127.0.0.1:%d/x" % PORT)
        if self.how == "nowhere":
            return self.say(307)
        if self.how == "round":
            return self.say(307, Location=self.path + "x")
        if query.get("mount") and self.how == "mount":
            data = blobs.get(query["from"], {}).get(query["mount"])
            if data is not None:
                return self.take(query["mount"], data)
        with lock:
            serial += 1
            key = "%d" % serial
            uploads[key] = bytearray()
        extra = {"OCI-Chunk-Min-Length": 1 << 30} if self.how == "bigchunk" else {}
        here = self.where(key)
        if self.how == "norange":
            here = {"Location": "/v2/%s/blobs/uploads/%s?_state=x" % (self.repository, key)}
        return self.say(202, **here, **extra)

    def patch(self, query):
        key = self.rest
        if key not in uploads:
            self.body()
            return self.fail(404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry")
        if self.how == "nopatch" or self.how == "putbreak" or self.how == "putmove":
            self.body()
            return self.fail(405, "UNSUPPORTED", "no pieces here")
        if self.how == "small" and self.length > 1 << 20:
            self.close_connection = True  # without reading it
            return self.fail(413, "SIZE_INVALID", "too large a piece", Connection="close")
        if self.how == "bigchunk":
            self.body()
            return self.fail(400, "SIZE_INVALID", "too small a piece")
        if self.how == "always416":
            self.body()
            return self.fail(416, "RANGE_INVALID", "not this range", Range=self.where(key)["Range"])
        if self.how == "r416" and first("416", key):
            self.body()
            return self.fail(416, "RANGE_INVALID", "not this range", Range=self.where(key)["Range"])
        if self.how == "busy" and first("patch", key):
            self.body()
            return self.fail(429, "TOOMANYREQUESTS", "slow down", Retry_After=1)
        if self.how == "down":
            self.body()
            return self.fail(503, "UNAVAILABLE", "we are on the beach")
        if self.how == "stall":
            self.body()
            time.sleep(600)
        if self.how == "round2" or self.how == "move" and first("move", key) or self.how == "cdnmove" and self.server.server_port == PORT:
            self.body()
            base = AWAY if self.how == "cdnmove" else HERE
            return self.say(307, Location="%s/v2/%s/blobs/uploads/%s?_state=moved" % (base, self.repository, key))
        at = len(uploads[key])
        said = re.match(r"(\d+)-(\d+)$", self.headers.get("Content-Range") or "")
        if said and int(said.group(1)) != at:
            self.body()
            return self.fail(416, "RANGE_INVALID", "not this range", Range="0-%d" % max(at - 1, 0))
        if self.how == "break" and at % (5 << 20) == 0 and first("break", key, at):
            uploads[key] += self.body(self.length // 2)
            self.drop()
        if self.how == "drip" and self.length > 1300000:
            uploads[key] += self.body(1300000)
            self.drop()
        if self.how == "trickle":  # never enough
            uploads[key] += self.body(1000)
            self.drop()
        if self.how == "lost" and first("lost", self.repository):
            self.body(self.length // 2)
            del uploads[key]
            self.drop()
        uploads[key] += self.body()
        if self.how in ("lierange", "lieplace"):
            return self.say(202, Location=self.where(key)["Location"], Range="0-99999999999")
        return self.say(202, **self.where(key))

    def place(self, query):
        if self.rest not in uploads:
            return self.fail(404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry")
        if self.how == "lieplace":
            return self.say(204, Location=self.where(self.rest)["Location"], Range="0-99999999999")
        return self.say(204, **self.where(self.rest))

    def close(self, query):
        key = self.rest
        if key not in uploads:
            self.body()
            return self.fail(404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry")
        if self.how == "stallput":
            time.sleep(600)
        if self.how == "putbreak" and self.length and first("putbreak", self.repository):
            self.body(self.length // 2)
            self.drop()
        if self.how == "putmove" and self.length and self.server.server_port == PORT:
            self.body()
            return self.say(307, Location=AWAY + self.path)
        if self.how == "busy" and first("put", key):
            self.body()
            return self.fail(429, "TOOMANYREQUESTS", "slow down", Retry_After=self.date_time_string(time.time() + 2))
        data = bytes(uploads[key]) + self.body()
        del uploads[key]
        if self.how == "portal2":
            return self.say(200, b"<html>Welcome to our hotel</html>", Content_Type="text/html")
        return self.take(query.get("digest"), data)

    def forget(self, query):
        uploads.pop(self.rest, None)
        return self.say(204)

    # ---- manifests

    def manifest(self):
        if self.command in ("GET", "HEAD"):
            data = manifests.get(self.repository + ":" + self.rest)
            return self.say(200, data) if data else self.fail(404, "MANIFEST_UNKNOWN", "manifest unknown")
        data = self.body()
        if self.how == "badmanifest":
            return self.fail(400, "MANIFEST_INVALID", "not today")
        if self.how == "busy" and first("manifest", self.repository):
            return self.fail(429, "TOOMANYREQUESTS", "slow down", Retry_After=1)
        doc = json.loads(data)
        for d in [doc["config"]] + doc["layers"]:
            have = blobs.get(self.repository, {}).get(d["digest"])
            if have is None or len(have) != d["size"]:
                return self.fail(400, "MANIFEST_BLOB_UNKNOWN", "blob unknown to registry: " + d["digest"])
        if self.how == "portal3":
            return self.say(200, b"<html>Welcome to our hotel</html>", Content_Type="text/html")
        digest = "sha256:" + hashlib.sha256(data).hexdigest()
        if self.how != "liemanifest":
            manifests[self.repository + ":" + self.rest] = data
        if self.how == "liemanifest":
            digest = "sha256:" + "1" * 64
        return self.say(201, Docker_Content_Digest=digest)


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64


away = Server(("127.0.0.1", PORT + 1), Handler)
threading.Thread(target=away.serve_forever, daemon=True).start()
here = Server(("127.0.0.1", PORT), Handler)
print("ready", flush=True)
here.serve_forever()
