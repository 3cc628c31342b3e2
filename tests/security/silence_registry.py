#!/usr/bin/env python3
"""A registry on 127.0.0.1:5001 that takes its time. slow:blob, slow:manifest, slow:nothing, slow:fine"""
import hashlib
import http.server
import io
import json
import os
import sys
import tarfile
import time

out = io.BytesIO()
with tarfile.open(fileobj=out, mode="w") as tar:
    info = tarfile.TarInfo("file")
    info.size = 40000
    tar.addfile(info, io.BytesIO(os.urandom(40000)))
LAYER = out.getvalue()


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


CONFIG = json.dumps({"architecture": "amd64" if os.uname().machine == "x86_64" else "arm64", "os": "linux", "config": {"Cmd": ["x"]},
                     "rootfs": {"type": "layers", "diff_ids": [digest(LAYER)]}}).encode()
TYPE = "application/vnd.oci.image.manifest.v1+json"
MANIFEST = json.dumps({
    "schemaVersion": 2, "mediaType": TYPE,
    "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest(CONFIG), "size": len(CONFIG)},
    "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": digest(LAYER), "size": len(LAYER)}]}).encode()
which = "fine"


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def send(self, data, kind, at_once, pause):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        for i in range(0, len(data), at_once):
            self.wfile.write(data[i:i + at_once])
            self.wfile.flush()
            time.sleep(pause)

    def do_GET(self):
        global which
        try:
            if "/manifests/" in self.path:
                if "sha256:" not in self.path:
                    which = self.path.rsplit("/", 1)[1]
                if which == "nothing":
                    time.sleep(60)
                self.send(MANIFEST, TYPE, *((1, 0.5) if which == "manifest" else (len(MANIFEST), 0)))
            elif digest(CONFIG) in self.path:
                self.send(CONFIG, "application/json", len(CONFIG), 0)
            elif digest(LAYER) in self.path:
                self.send(LAYER, "application/octet-stream", *((1, 0.5) if which == "blob" else (5000, 0.5)))
            else:
                self.send(b"{}", "application/json", 2, 0)
        except OSError:
            pass

    def log_message(self, *args):
        print(*args, file=sys.stderr, flush=True)


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True


Server(("127.0.0.1", 5001), Handler).serve_forever()
