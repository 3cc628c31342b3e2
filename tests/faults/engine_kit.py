# SPDX-License-Identifier: Apache-2.0
"""An engine in the private host of a test, and calls of its API: damage.py's and power.py's."""
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time

HOST, BIN, SOCK, IMAGES = (os.environ[name] for name in ("HOST", "BERTH_BIN", "SOCK", "IMAGES"))
DATA, EXEC, LOG = (HOST + "/" + name for name in ("data", "exec", "engine.log"))
ROOTS = ["--data-root", DATA, "--exec-root", EXEC]
tests = [0, 0]


def tap(name, is_ok, why=""):
    tests[0] += 1
    tests[1] += not is_ok
    print("%s %d - %s" % ("ok" if is_ok else "not ok", tests[0], name))
    for line in str(why).split("\n")[:20] if not is_ok else []:
        print("# " + line[:900])
    sys.stdout.flush()


class Connection(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(60)
        self.sock.connect(SOCK)


def call(method, path, body=None):
    """The answer; raises when it is not a success."""
    c = Connection("x")
    try:
        raw = isinstance(body, bytes)
        c.request(method, path, body if raw else json.dumps(body) if body is not None else None,
                  {"Content-Type": "application/x-tar" if raw else "application/json"})
        r = c.getresponse()
        text = r.read()
    finally:
        c.close()
    if r.status >= 400:
        raise RuntimeError("%s %s: %d %s" % (method, path, r.status, text[:300]))
    try:
        return json.loads(text) if text else None
    except ValueError:
        return text


class Engine:
    def __init__(self):
        self.process = None
        self.said = ""

    def start(self):
        """True: it serves. Else it has ended, and `said` is what it wrote."""
        at = os.path.getsize(LOG) if os.path.exists(LOG) else 0
        with open(LOG, "ab") as log:
            self.process = subprocess.Popen(
                [BIN + "/berthd", "-H", "unix://" + SOCK, "--pidfile", HOST + "/engine.pid"] + ROOTS,
                stdout=log, stderr=log)
        end = time.time() + 60
        while time.time() < end:
            try:
                call("GET", "/_ping")
                break
            except OSError:
                if self.process.poll() is not None:
                    break
                time.sleep(0.01)
        with open(LOG, "rb") as log:
            log.seek(at)
            self.said = log.read().decode("utf-8", "replace")
        return self.process.poll() is None

    def kill(self, number=signal.SIGKILL):
        self.process.send_signal(number)
        self.process.wait()


def create(name, image="busybox", **more):
    return call("POST", "/containers/create?name=" + name, dict(
        {"Image": image, "Cmd": ["sleep", "100000"], "Labels": {"of": name}}, **more))["Id"]


def load(name="busybox"):
    with open("%s/%s.tar" % (IMAGES, name), "rb") as f:
        call("POST", "/images/load", f.read())
