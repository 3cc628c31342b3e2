"""Asks 127.0.0.11 from inside a container's namespace: udp|tcp|edns NAME, burst N, garbage N,
wait NAME (one question, long patience). Prints one line."""
import os, random, select, socket, struct, sys, time

TO = ("127.0.0.11", 53)


def query(name, i=1, edns=False, qtype=1):
    q = struct.pack("!HHHHHH", i, 0x100, 1, 0, 0, 1 if edns else 0)
    q += b"".join(bytes([len(l)]) + l.encode() for l in name.split(".")) + b"\0"
    q += struct.pack("!HH", qtype, 1)
    return q + (b"\0" + struct.pack("!HHIH", 41, 4096, 0, 0) if edns else b"")


def udp(q, timeout=8):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(timeout)
    s.sendto(q, TO)
    return s.recv(65535)


def tcp(q):
    s = socket.create_connection(TO, 8)
    s.sendall(struct.pack("!H", len(q)) + q)
    n = struct.unpack("!H", s.recv(2, socket.MSG_WAITALL))[0]
    return s.recv(n, socket.MSG_WAITALL)


def count(a):
    return struct.unpack("!H", a[6:8])[0]


mode, arg = sys.argv[1], sys.argv[2]
if mode == "udp":
    a = udp(query(arg))
    print("udp tc=%d" % (a[2] >> 1 & 1))
elif mode == "tcp":
    print("tcp n=%d" % count(tcp(query(arg))))
elif mode == "edns":
    print("edns n=%d" % count(udp(query(arg, edns=True))))
elif mode == "wait":
    a = udp(query(arg), 15)
    print("wait " + socket.inet_ntoa(a[-4:]))
elif mode == "burst":
    n, got = int(arg), set()
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 21)
    begun = time.time()
    for i in range(n):
        s.sendto(query("plain%d.test" % i, i), TO)
    while len(got) < n and select.select([s], [], [], 6)[0]:
        a = s.recv(4096)
        if count(a) == 1:
            got.add(struct.unpack("!H", a[:2])[0])
    print("burst %d/%d in %.3f s" % (len(got), n, time.time() - begun))
elif mode == "garbage":
    random.seed(7)
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    base = query("plain.test", edns=True)
    for i in range(int(arg)):
        q = bytearray(base if i % 2 else os.urandom(random.randrange(0, 600)))
        for _ in range(random.randrange(4)):
            if q:
                q[random.randrange(len(q))] = random.randrange(256)
        s.sendto(bytes(q), TO)
    c = socket.create_connection(TO, 8)
    c.sendall(os.urandom(5000))
    print("garbage ok" if count(udp(query("plain.test"))) == 1 else "garbage")
