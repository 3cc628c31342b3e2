#!/usr/bin/env python3
"""In the namespace of each of many containers: asks 127.0.0.11 for its neighbours.

names_many.py FILE: lines of "pid name address"; each container asks for its successor, one far
away, itself, an address (PTR) and a name nobody has. Prints one line."""
import ctypes, os, random, socket, struct, sys

libc = ctypes.CDLL(None, use_errno=True)
rows = [line.split() for line in open(sys.argv[1])]
random.seed(7)


def query(name, qtype):
    q = struct.pack("!HHHHHH", random.getrandbits(16), 0x100, 1, 0, 0, 0)
    return q + b"".join(bytes([len(p)]) + p.encode() for p in name.split(".")) + b"\0" + struct.pack("!HH", qtype, 1)


def ask(s, name, qtype=1):
    q = query(name, qtype)
    s.send(q)
    a = s.recv(2000)
    assert a[:2] == q[:2]
    return a[3] & 15, a[len(q) + 12:] if a[7] else b""


right = bad = 0
for i, (pid, name, address) in enumerate(rows):
    fd = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY)
    if libc.setns(fd, 0x40000000):
        raise OSError(ctypes.get_errno(), "setns")
    os.close(fd)
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(5)
    s.connect(("127.0.0.11", 53))
    for k in (0, 1, len(rows) // 2, random.randrange(len(rows))):
        _, other, expected = rows[(i + k) % len(rows)]
        for asked in (other, other + ".crowd"):
            good = ask(s, asked) == (0, socket.inet_aton(expected))
            right, bad = right + good, bad + (not good)
    _, other, expected = rows[(i + 1) % len(rows)]
    code, answer = ask(s, ".".join(reversed(expected.split("."))) + ".in-addr.arpa", 12)
    good = code == 0 and answer.startswith(bytes([len(other)]) + other.encode() + b"\5crowd")
    right, bad = right + good, bad + (not good)
    s.close()
print(f"{right} right, {bad} wrong, of {len(rows)}")
