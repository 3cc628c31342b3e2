#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Loads for turns.sh, and what they did to the loop.

  turns.py SOCK LOAD [ARGS…]   runs the load, then prints three numbers: the longest hold of the loop in ms of
                               CPU time (the upper end of its bucket), the longest turn, and how many holds
                               were long (4 ms, unless the load knows better); behind them who held it for a
                               millisecond
"""
import http.client
import io
import json
import socket
import struct
import sys
import tarfile
import threading
import time


class Unix(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("x", timeout=120)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(120)
        self.sock.connect(self.path)


def call(c, method, path, body=None, kind="application/json", want=(200, 201, 204, 304)):
    if body is not None and not isinstance(body, bytes):
        body = json.dumps(body).encode()
    c.request(method, "/v1.51" + path, body, {"Content-Type": kind} if body else {})
    r = c.getresponse()
    text = r.read()
    assert r.status in want, "%s %s: %d %s" % (method, path, r.status, text[:300])
    return json.loads(text) if text[:1] in b"[{" and text else text


def each(sock, items, fn, threads=8):
    """fn(connection, item) for all items, some at a time."""
    todo, lock = iter(items), threading.Lock()

    def work():
        c = Unix(sock)
        while True:
            with lock:
                item = next(todo, None)
            if item is None:
                return
            fn(c, item)

    all_threads = [threading.Thread(target=work) for _ in range(threads)]
    [t.start() for t in all_threads]
    [t.join() for t in all_threads]


# ---- loads ----

def create(s, image, n):
    each(s, range(n), lambda c, i: call(c, "POST", "/containers/create?name=c%d" % i, {
        "Image": image, "Cmd": ["true"], "Labels": {"number": str(i), "some": "text " * 10},
        "HostConfig": {"NetworkMode": "none"}}))


def get(s, path, n):
    """One answer after the other. Long is what takes a quarter of the work of an answer or more."""
    c = Unix(s)
    c.connect()
    pid = struct.unpack("3i", c.sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0]

    def work_ns():  # of the loop's thread
        return int(open("/proc/%d/task/%d/schedstat" % (pid, pid)).read().split()[0])

    before = work_ns()
    for _ in range(n):
        call(c, "GET", path)
    return (work_ns() - before) // n // 4


def lists(s):
    each(s, ["/containers/json?all=1"] * 10 + ['/containers/json?all=1&filters={"label":["number=17"]}'] * 10 +
         ['/containers/json?all=1&filters={"name":["nothing"]}'] * 10 + ["/containers/json?all=1&limit=1000"] * 5 +
         ["/volumes"] * 10 + ['/volumes?filters={"name":["nothing"]}'] * 10 + ["/images/json"] * 10 +
         ['/images/json?filters={"reference":["other1*"]}'] * 10 + ["/images/made:t0/json"] * 5 +
         ["/images/made:t0/history"] * 5 + ["/networks"] * 5,
         lambda c, path: call(c, "GET", path.replace('"', "%22")))


def inspects(s, n):
    each(s, range(n), lambda c, i: call(c, "GET", "/containers/c%d/json" % i))


def remove(s, n):
    each(s, range(n), lambda c, i: call(c, "DELETE", "/containers/r%d?force=1&v=1" % i))


def volumes(s, n):
    each(s, range(n), lambda c, i: call(c, "POST", "/volumes/create", {"Name": "v%d" % i, "Labels": {"some": "text " * 10}}))


def tar_of(name, data):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        info = tarfile.TarInfo(name)
        info.size = len(data)
        tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


def images(s, n, tags):
    def make(c, i):
        call(c, "POST", "/images/create?fromSrc=-&repo=made&tag=t%d" % i, tar_of("f%d" % i, b"x" * 100), "application/x-tar")

    each(s, range(n), make)
    each(s, range(tags), lambda c, i: call(c, "POST", "/images/made:t0/tag?repo=other%d&tag=t%d" % (i % 100, i)))


def events(s):
    def replay(c, path):
        c.request("GET", path)
        c.getresponse().read()

    each(s, ["/events?since=1&until=%d" % time.time()] * 10, replay, 4)


def usage(s):
    each(s, ["/system/df"] * 3, lambda c, path: call(c, "GET", path), 2)


def prune(s, what):
    call(Unix(s), "POST", "/%s/prune" % what + {"volumes": "?filters=%7B%22all%22:[%22true%22]%7D",
                                                "images": "?filters=%7B%22dangling%22:[%22false%22]%7D"}.get(what, ""))


def ports(s, image, n):
    c = Unix(s)
    exposed = {"%d/tcp" % p: {} for p in range(20000, 20000 + n)}
    bindings = {"%d/tcp" % p: [{"HostIp": "", "HostPort": str(p)}] for p in range(20000, 20000 + n)}
    call(c, "POST", "/containers/create?name=ports", {"Image": image, "Cmd": ["sleep", "1000"], "ExposedPorts": exposed,
                                                      "HostConfig": {"PortBindings": bindings}})
    call(c, "POST", "/containers/ports/start")
    for _ in range(3):
        call(c, "GET", "/containers/ports/json")
        call(c, "GET", "/containers/json")
    call(c, "DELETE", "/containers/ports?force=1")


def bodies(s, image, mib):
    """A create as large as it may be, in every way it may be large."""
    n = mib << 20
    for i, more in enumerate([
            {"Env": ["E%d=%s" % (i, "x" * 90) for i in range(n // 105)]},
            {"Labels": {"l%d" % i: "x" * 90 for i in range(n // 105)}},
            {"Env": ["E=" + "\\\"" * (n // 4)]},
            {"Cmd": ["a"] * (n // 8)},
            {"ExposedPorts": {"%d/tcp" % i: {} for i in range(1, 65000)}},
            {"Unknown": [[{"a": 1}] * 20] * (n // 240)},
            {"Volumes": {"/v%d" % i: {} for i in range(n // 200)}},
            {"HostConfig": {"NetworkMode": "none", "Binds": ["/tmp:/b%d" % i for i in range(n // 100)]}},
            {"HostConfig": {"ExtraHosts": ["h%d:1.2.3.4" % i for i in range(n // 40)]}},
            {"NetworkingConfig": {"EndpointsConfig": {"none": {"Aliases": ["a%d" % i for i in range(n // 30)]}}}}]):
        c = Unix(s)
        body = {"Image": image, "HostConfig": {"NetworkMode": "none"}} | more
        call(c, "POST", "/containers/create?name=big%d" % i, body, want=(201, 400, 413))
        call(c, "GET", "/containers/big%d/json" % i, want=(200, 404))
        call(c, "GET", "/containers/json?all=1")
        call(c, "POST", "/containers/big%d/start" % i, want=(204, 400, 404, 500))
        call(c, "DELETE", "/containers/big%d?force=1" % i, want=(204, 404))


def start(s, n, image, network):
    if network != "none":
        call(Unix(s), "POST", "/networks/create", {"Name": network}, want=(201, 409))

    def one(c, i):
        call(c, "POST", "/containers/create?name=r%d" % i, {"Image": image, "Cmd": ["sleep", "1000"], "StopTimeout": 0,
                                                            "HostConfig": {"NetworkMode": network, "Init": False}})
        call(c, "POST", "/containers/r%d/start" % i)
    each(s, range(n), one)


def networks(s, network):
    each(s, ["/networks"] * 20 + ["/networks/%s" % network] * 20 + ["/networks/%s?verbose=1" % network] * 5 + ["/containers/json"] * 10,
         lambda c, path: call(c, "GET", path))


def logs(s, image):
    c = Unix(s)
    call(c, "POST", "/containers/create?name=long", {"Image": image, "Cmd": ["sh", "-c",
         "x=$(head -c 1000000 /dev/zero | tr '\\0' x); for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do echo $x; done; seq 300000"],
         "HostConfig": {"NetworkMode": "none"}})
    call(c, "POST", "/containers/long/start")
    call(c, "POST", "/containers/long/wait")
    each(s, ["/containers/long/logs?stdout=1", "/containers/long/logs?stdout=1&tail=100000", "/containers/long/logs?stdout=1&timestamps=1"] * 2,
         lambda c, path: call(c, "GET", path), 3)
    call(c, "DELETE", "/containers/long?force=1")


def attached(s, image, n):
    c = Unix(s)
    call(c, "POST", "/containers/create?name=talks", {"Image": image, "Cmd": ["sh", "-c", "sleep 2; seq 100000"],
                                                      "HostConfig": {"NetworkMode": "none"}})
    socks = []
    for _ in range(n):
        k = socket.socket(socket.AF_UNIX)
        k.connect(s)
        k.sendall(b"POST /v1.51/containers/talks/attach?stream=1&stdout=1 HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n")
        socks.append(k)
    call(c, "POST", "/containers/talks/start")
    import selectors
    sel = selectors.DefaultSelector()
    [sel.register(k, selectors.EVENT_READ) for k in socks]
    left = n
    end = time.time() + 60
    while left and time.time() < end:
        for key, _ in sel.select(1):
            if not key.fileobj.recv(1 << 20):
                sel.unregister(key.fileobj)
                left -= 1
    assert left == 0
    call(c, "DELETE", "/containers/talks?force=1")


def pull(s, name, answer):
    c = Unix(s)
    c.request("POST", "/images/create?fromImage=" + name)
    with open(answer, "wb") as f:
        f.write(c.getresponse().read())


def debug(s):
    call(Unix(s), "GET", "/debug/objects")


# ---- the measure ----

def turns(s):
    return call(Unix(s), "GET", "/debug/turns")["turns"]


def longest_ms(before, after, key):
    grown = [i for i in range(len(after[key])) if after[key][i] > before[key][i]]
    return 2 ** grown[-1] * 1.024 / 1000 if grown else 1.024


def report(before, after, long_ns):
    was = {(h["of"], h["what"]): h["count"] for h in before["longest"]}
    held = [(h["us"], "%s %s %.1f ms" % (h["of"], h["what"], h["us"] / 1000)) for h in after["longest"]
            if h["count"] > was.get((h["of"], h["what"]), 0)]
    first = (long_ns >> 10).bit_length() + 1
    long = sum(after["holds_cpu"][first:]) - sum(before["holds_cpu"][first:])
    print("%.0f %.0f %d %s" % (longest_ms(before, after, "holds_cpu"), longest_ms(before, after, "turns_cpu"), long,
                               "; ".join(text for _, text in sorted(held, reverse=True)[:5])))


if __name__ == "__main__":
    sock, load, *rest = sys.argv[1:]
    was = turns(sock)
    long_ns = globals()[load](sock, *[int(x) if x.isdigit() else x for x in rest]) or 4000000
    report(was, turns(sock), long_ns)
