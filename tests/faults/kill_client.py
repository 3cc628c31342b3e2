# SPDX-License-Identifier: Apache-2.0
"""The API as kill.py speaks it: requests, hijacked streams, and what it found wrong."""
import http.client
import json
import os
import socket
import struct
import threading
import time

SOCK = os.environ["SOCK"]
PATIENCE = 40  # seconds: for a machine that is shared and slow


class Lost(Exception):
    """The engine died under the request: nobody knows whether it was done."""


class Refused(Exception):
    """The keeper died under the request, and the engine said so."""


class Wrong(Exception):
    """A promise was broken."""


class Findings:
    """What went wrong, and counts; from any thread."""

    def __init__(self):
        self.lock, self.bad, self.counts, self.round = threading.Lock(), [], {}, "0"

    def wrong(self, text):
        with self.lock:
            self.bad.append("round %s: %s" % (self.round, text[:600]))
            print("# WRONG %s: %s" % (time.strftime("%H:%M:%S"), self.bad[-1]), flush=True)

    def count(self, what, n=1):
        with self.lock:
            self.counts[what] = self.counts.get(what, 0) + n


findings = Findings()


class Connection(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(PATIENCE)
        self.sock.connect(SOCK)


def call(method, path, body=None):
    """(status, bytes). Lost when the connection breaks, Refused when the keeper was killed."""
    c = Connection("x")
    try:
        c.request(method, path, json.dumps(body) if body is not None else None,
                  {"Content-Type": "application/json"})
        r = c.getresponse()
        data = r.read()
    except TimeoutError as e:
        raise Wrong("no answer in %d s: %s %s" % (PATIENCE, method, path)) from e
    except (OSError, http.client.HTTPException) as e:
        raise Lost("%s %s: %r" % (method, path, e)) from e
    finally:
        c.close()
    if r.status >= 500 and b"keeper was killed" in data:
        raise Refused(data.decode(errors="replace"))
    findings.count("answers")
    return r.status, data


def expect(wanted, method, path, body=None):
    """The decoded answer, whose status must be among those wanted."""
    status, data = call(method, path, body)
    if status not in ((wanted,) if isinstance(wanted, int) else wanted):
        raise Wrong("%s %s: %d %s" % (method, path, status, data.decode(errors="replace").strip()))
    return json.loads(data) if data[:1] in (b"{", b"[") else data


def inspect(cid):
    """None when there is no such container."""
    status, data = call("GET", "/containers/%s/json" % cid)
    if status not in (200, 404):
        raise Wrong("inspect %s: %d %r" % (cid, status, data))
    return json.loads(data) if status == 200 else None


def until(what, fn, seconds=PATIENCE):
    """Waits for a condition; what it gave."""
    end = time.monotonic() + seconds
    while True:
        got = fn()
        if got:
            return got
        if time.monotonic() > end:
            raise Wrong("not in %d s: %s" % (seconds, what() if callable(what) else what))
        time.sleep(0.03)


def unframe(data):
    """{1: stdout, 2: stderr} of a multiplexed answer."""
    out, at = {1: [], 2: []}, 0
    while at < len(data):
        kind, n = data[at], struct.unpack_from(">I", data, at + 4)[0]
        out[kind].append(data[at + 8:at + 8 + n])
        at += 8 + n
    return {k: b"".join(v) for k, v in out.items()}


def logs(cid, is_tty, query=""):
    data = expect(200, "GET", "/containers/%s/logs?stdout=1&stderr=1%s" % (cid, query))
    return {1: data, 2: b""} if is_tty else unframe(data)


class Stream:
    """A hijacked connection."""

    def __init__(self, path, is_tty, body=None):
        self.is_tty, self.left, self.text = is_tty, b"", b""
        self.s = socket.socket(socket.AF_UNIX)
        self.s.settimeout(PATIENCE)
        text = json.dumps(body) if body else ""
        try:
            self.s.connect(SOCK)
            self.s.sendall(("POST %s HTTP/1.1\r\nHost: x\r\nUpgrade: tcp\r\nConnection: Upgrade\r\n"
                            "Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
                            % (path, len(text), text)).encode())
            while b"\r\n\r\n" not in self.left and self.more():
                pass
        except TimeoutError as e:
            raise Wrong("no answer in %d s: POST %s" % (PATIENCE, path)) from e
        except OSError as e:
            raise Lost(path) from e
        head, _, self.left = self.left.partition(b"\r\n\r\n")
        if not head:
            raise Lost(path)
        if int(head.split()[1]) not in (101, 200):
            if b"keeper was killed" in self.left:
                raise Refused(path)
            raise Wrong("%s: %r %r" % (path, head[:60], self.left[:300]))

    def more(self):
        try:
            got = self.s.recv(65536)
        except TimeoutError as e:
            raise Wrong("a stream said nothing for %d s" % PATIENCE) from e
        except OSError:
            got = b""
        self.left += got
        return bool(got)

    def take(self):
        """Moves whole frames from left to text."""
        if self.is_tty:
            self.text, self.left = self.text + self.left, b""
            return
        while len(self.left) >= 8:
            n = struct.unpack(">I", self.left[4:8])[0]
            if len(self.left) < 8 + n:
                return
            self.text, self.left = self.text + self.left[8:8 + n], self.left[8 + n:]

    def send(self, data):
        try:
            self.s.sendall(data)
        except OSError as e:
            raise Lost("send") from e

    def until(self, mark):
        self.take()
        while mark not in self.text:
            if not self.more():
                raise Lost("the stream ended before %r; it said %r" % (mark, self.text[-200:]))
            self.take()
        self.text = self.text.partition(mark)[2]

    def to_end(self):
        self.take()
        while self.more():
            self.take()
        return self.text

    def half_close(self):
        self.s.shutdown(socket.SHUT_WR)

    def close(self):
        self.s.close()
