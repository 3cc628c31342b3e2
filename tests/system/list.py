#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What list.sh asks of an engine with thousands of containers.

  create SOCK IMAGE N      N containers, many at once
  hold SOCK                longest time in ms that a ping waits beside ten lists, and how long those take
  churn SOCK IMAGE         lists while others come and go: "doubled N missing N lists N"
  leave SOCK N             N clients that never read what they asked for; ends with its stdin
"""
import http.client
import json
import socket
import sys
import threading
import time


class Unix(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("x", timeout=60)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(60)
        self.sock.connect(self.path)


def call(c, method, path, body=None):
    c.request(method, path, json.dumps(body) if body else None, {"Content-Type": "application/json"} if body else {})
    r = c.getresponse()
    return r.status, r.read()


def create(sock, image, n):
    todo = iter(range(n))
    lock = threading.Lock()

    def work():
        c = Unix(sock)
        while True:
            with lock:
                i = next(todo, None)
            if i is None:
                return
            body = {"Image": image, "Cmd": ["true"], "Labels": {"number": str(i), "some": "text " * 10},
                    "HostConfig": {"NetworkMode": "none"}}
            status, text = call(c, "POST", "/containers/create?name=c%d" % i, body)
            assert status == 201, text

    threads = [threading.Thread(target=work) for _ in range(16)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()


def hold(sock):
    worst, done, took = [], threading.Event(), []

    def ping():
        c = Unix(sock)
        while not done.is_set():
            a = time.monotonic()
            call(c, "GET", "/_ping")
            worst.append((time.monotonic() - a) * 1000)

    t = threading.Thread(target=ping)
    t.start()
    # the lists are read by a process of their own: python's lock would be measured
    import subprocess
    for _ in range(10):
        a = time.monotonic()
        subprocess.run(["curl", "-fs", "-o", "/dev/null", "--unix-socket", sock, "http://x/containers/json?all=1"], check=True)
        took.append((time.monotonic() - a) * 1000)
    done.set()
    t.join()
    worst.sort()
    print("%.1f %.1f %.1f" % (worst[-1], worst[len(worst) * 99 // 100], sorted(took)[5]))


def churn(sock, image):
    done = threading.Event()

    def others():
        c, i = Unix(sock), 0
        while not done.is_set():
            i += 1
            call(c, "POST", "/containers/create?name=x%d" % i, {"Image": image, "HostConfig": {"NetworkMode": "none"}})
            call(c, "DELETE", "/containers/x%d" % i)

    c = Unix(sock)
    stay = {x["Id"] for x in json.loads(call(c, "GET", "/containers/json?all=1")[1])}
    threads = [threading.Thread(target=others)]
    threads[0].start()
    doubled = missing = lists = 0
    end = time.monotonic() + 5
    while time.monotonic() < end:
        status, text = call(c, "GET", "/containers/json?all=1")
        ids = [x["Id"] for x in json.loads(text)]
        doubled += len(ids) - len(set(ids))
        missing += len(stay - set(ids))
        lists += 1
    done.set()
    threads[0].join()
    print("doubled", doubled, "missing", missing, file=sys.stdout)
    print("# %d lists of %d" % (lists, len(stay)), file=sys.stderr)


def leave(sock, n):
    held = []
    for _ in range(n):
        s = socket.socket(socket.AF_UNIX)
        s.connect(sock)
        s.sendall(b"GET /containers/json?all=1 HTTP/1.1\r\nHost: x\r\n\r\n")
        held.append(s)
    print("asked", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    what, sock, *rest = sys.argv[1:]
    {"create": lambda: create(sock, rest[0], int(rest[1])), "hold": lambda: hold(sock),
     "churn": lambda: churn(sock, rest[0]), "leave": lambda: leave(sock, int(rest[0]))}[what]()
