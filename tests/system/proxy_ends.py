#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Both ends of connections through the proxy, in one process: the server's sockets are made in
the container's namespace (argv[1]), the client's where it was started. argv[2] names the case;
the last line is "done" or what was wrong."""
import ctypes
import hashlib
import os
import socket
import struct
import sys
import threading
import time

CLONE_NEWNET = 0x40000000
PORT, CLOSED_PORT = 8080, 8081
LIMIT_S = 20
libc = ctypes.CDLL(None, use_errno=True)


def enter(path):
    fd = os.open(path, os.O_RDONLY)
    if libc.setns(fd, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")
    os.close(fd)


def serve_inside(path):
    home = f"/proc/{os.getpid()}/task/{threading.get_native_id()}/ns/net"
    fd = os.open(home, os.O_RDONLY)
    enter(path)
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("0.0.0.0", 7))
    s.listen(512)
    s.settimeout(LIMIT_S)
    libc.setns(fd, CLONE_NEWNET)
    return s


LISTENER = serve_inside(sys.argv[1])


def dial(port=PORT, host="127.0.0.1"):
    return socket.create_connection((host, port), LIMIT_S)


def pair():
    c = dial()
    s, _ = LISTENER.accept()
    s.settimeout(LIMIT_S)
    return c, s


def reset(s):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()


def read_all(s, slow=False):
    digest, n, turns = hashlib.sha256(), 0, 0
    while block := s.recv(1 << 16):
        digest.update(block)
        n += len(block)
        turns += 1
        if slow and turns % 100 == 0:
            time.sleep(0.02)
    return n, digest.hexdigest()


def send(s, data):
    s.sendall(data)
    s.shutdown(socket.SHUT_WR)


def together(*calls):
    out = [None] * len(calls)

    def run(i):
        out[i] = calls[i]()

    threads = [threading.Thread(target=run, args=(i,), daemon=True) for i in range(len(calls))]
    for t in threads:
        t.start()
    for t in threads:
        t.join(3 * LIMIT_S)
    return out


def engine_sockets():
    links = f"/proc/{os.environ['ENGINE_PID']}/fd"
    n = 0
    for fd in os.listdir(links):
        try:
            n += os.readlink(f"{links}/{fd}").startswith("socket:")
        except FileNotFoundError:
            pass
    return n


def is_same(got, data):
    want = (len(data), hashlib.sha256(data).hexdigest())
    assert got == want, f"{got} is not {want}"


def sees_end(s):
    """The other end is gone: EOF or a reset, soon."""
    s.settimeout(5)
    try:
        while s.recv(1 << 16):
            pass
    except ConnectionResetError:
        pass


def sees_reset(s):
    """Not an end that could be meant."""
    s.settimeout(5)
    try:
        while s.recv(1 << 16):
            pass
    except ConnectionResetError:
        return
    raise AssertionError("an end instead of a reset")


def both_ways():
    c, s = pair()
    there, back = os.urandom(24 << 20), os.urandom(24 << 20)
    got = together(lambda: send(c, there), lambda: send(s, back),
                   lambda: read_all(s, True), lambda: read_all(c, True))
    is_same(got[2], there)
    is_same(got[3], back)


def half_closed(first, other):
    """`first` ends its side; what `other` says after that still arrives, whole."""
    send(first, b"a question")
    is_same(read_all(other), b"a question")
    time.sleep(0.3)
    answer = os.urandom(5 << 20)
    got = together(lambda: send(other, answer), lambda: read_all(first))
    is_same(got[1], answer)


def client_first():
    c, s = pair()
    half_closed(c, s)


def server_first():
    c, s = pair()
    half_closed(s, c)


def stopped():
    c, s = pair()
    s.settimeout(0.5)
    sent, block = 0, os.urandom(1 << 20)
    try:
        while sent < 200 << 20:
            sent += s.send(block)
    except TimeoutError:
        pass
    assert sent < 200 << 20, "nothing held the sender back"
    c2, s2 = pair()
    for i in range(200):
        c2.sendall(b"x%d" % i)
        assert s2.recv(100) == b"x%d" % i
    s.settimeout(LIMIT_S)
    s.shutdown(socket.SHUT_WR)
    assert read_all(c)[0] == sent


def reset_client():
    c, s = pair()
    c.sendall(b"x")
    assert s.recv(1) == b"x"
    reset(c)
    sees_reset(s)


def reset_silent():
    c, s = pair()
    send(c, b"x")
    is_same(read_all(s), b"x")
    held = engine_sockets()
    reset(c)
    # Nobody says anything more: the engine must notice by itself.
    end = time.monotonic() + 5
    while engine_sockets() > held - 2:
        assert time.monotonic() < end, "the engine holds the connection of a client that has gone"
        time.sleep(0.02)


def reset_server():
    c, s = pair()
    s.sendall(b"x")
    assert c.recv(1) == b"x"
    reset(s)
    sees_reset(c)


def closed_port():
    """It is reset before a byte, whatever the client does first."""
    for i in range(50):
        for host in ("127.0.0.1", "::1"):
            try:
                c = dial(CLOSED_PORT, host)
                if i % 2:
                    c.sendall(b"x")
            except (ConnectionRefusedError, ConnectionResetError, BrokenPipeError):
                continue
            sees_reset(c)


def late_answer():
    """What the container has said before its reset still arrives, however slow its reader is."""
    c, s = pair()
    answer = os.urandom(1 << 20)

    def say():
        s.sendall(answer)
        c.sendall(b"unread")
        time.sleep(0.3)
        s.close()

    def hear():
        got = b""
        try:
            while block := c.recv(1 << 14):
                got += block
        except ConnectionResetError:
            pass
        return got

    assert together(say, hear)[1] == answer, "a part of the answer"


def own_port():
    """The port at the proxy's end of its way to the container can be published meanwhile."""
    c, s = pair()
    t = socket.socket()
    t.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    t.bind(("0.0.0.0", s.getpeername()[1]))
    t.listen()


def many():
    pairs = [pair() for _ in range(300)]
    for i, (c, s) in enumerate(pairs):
        c.sendall(b"to %d" % i)
    said = {}
    for c, s in pairs:
        said[s.recv(100)] = True
        s.sendall(b"back")
    assert len(said) == len(pairs), f"{len(said)} of {len(pairs)} differ"
    for i, (c, s) in enumerate(pairs):
        assert c.recv(100) == b"back"
        if i % 3 == 0:
            c.close()
            sees_end(s)
        elif i % 3 == 1:
            s.close()
            sees_end(c)
        else:
            reset(s if i % 2 else c)
            sees_end(c if i % 2 else s)


def removed():
    pairs = [pair() for _ in range(20)]
    pairs[0][0].sendall(b"x")
    print("open", flush=True)
    for c, _ in pairs:
        c.settimeout(LIMIT_S)
        try:
            assert not c.recv(1)
        except ConnectionResetError:
            pass


CASES = {f.__name__: f for f in (both_ways, client_first, server_first, stopped, reset_silent,
                                 reset_server, closed_port, late_answer, own_port, many, removed)}
CASES["reset"] = reset_client
try:
    CASES[sys.argv[2]]()
    print("done")
except Exception as e:  # the shell shows the last line
    print(f"{type(e).__name__}: {e}")
    sys.exit(1)
