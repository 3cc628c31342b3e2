"""The host's resolver for dns.sh, on ADDR:53 by UDP and TCP; every question is a line of FILE: how it
came, port, id, name as it was written. By the first word of the name:
  slow     half a second later                lower    in lower case, by UDP
  lonely   in lower case, and not by TCP      forged   first lies of who has not seen the question
  big      60 KB, so by TCP
The answer is 192.0.2.1; lies are 203.0.113.x."""
import socket, struct, sys, threading, time

addr, log = sys.argv[1], open(sys.argv[2], "a", buffering=1)


def name_of(q):
    at, labels = 12, []
    while q[at]:
        labels.append(q[at + 1:at + 1 + q[at]].decode())
        at += 1 + q[at]
    return ".".join(labels), at + 5


def reply(q, a, question=None, ident=None):
    end = name_of(q)[1]
    return ((ident or q[:2]) + struct.pack("!HHHHH", 0x8180, 1, 1, 0, 0) + (question or q[12:end]) +
            b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, 300, 4) + socket.inet_aton(a))


def big(q):
    end = name_of(q)[1]
    record = b"\xc0\x0c" + struct.pack("!HHIHB", 16, 1, 300, 256, 255) + b"x" * 255
    return q[:2] + struct.pack("!HHHHH", 0x8180, 1, 220, 0, 0) + q[12:end] + record * 220


def lower(q):
    end = name_of(q)[1]
    return q[12:end].lower()


def swapped(q):
    end = name_of(q)[1]
    return q[12:end - 4].swapcase() + q[end - 4:end]


def by_udp(u, q, who):
    name = name_of(q)[0]
    log.write(f"udp {who[1]} {q[:2].hex()} {name}\n")
    word = name.lower().split(".")[0].rstrip("0123456789")
    if word == "slow":
        time.sleep(0.5)
    if word in ("lower", "lonely"):
        u.sendto(reply(q, "192.0.2.1", lower(q)), who)
        return
    if word == "forged":
        u.sendto(reply(q, "203.0.113.1", ident=bytes([q[0] ^ 1, q[1]])), who)
        u.sendto(reply(q, "203.0.113.2", b"\5other" + q[18:name_of(q)[1]]), who)
        for lie, port in (("203.0.113.3", 0), ("203.0.113.4", 53)):  # another port, another address
            s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            s.bind((addr if not port else "10.53.0.9", port))
            s.sendto(reply(q, lie), who)
            s.close()
        u.sendto(reply(q, "203.0.113.5", swapped(q)), who)  # all but the case was guessed
        return
    if word == "big":
        u.sendto(q[:2] + b"\x83\x80" + q[4:6] + b"\0" * 6 + q[12:name_of(q)[1]], who)
        return
    u.sendto(reply(q, "192.0.2.1"), who)


def by_tcp(c):
    try:
        n = struct.unpack("!H", c.recv(2, socket.MSG_WAITALL))[0]
        q = c.recv(n, socket.MSG_WAITALL)
        name = name_of(q)[0]
        log.write(f"tcp {c.getpeername()[1]} {q[:2].hex()} {name}\n")
        if not name.lower().startswith("lonely"):
            a = big(q) if name.lower().startswith("big") else reply(q, "192.0.2.1")
            c.sendall(struct.pack("!H", len(a)) + a)
    except (OSError, struct.error):
        pass
    c.close()


def tcp():
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind((addr, 53))
    s.listen(64)
    while True:
        threading.Thread(target=by_tcp, args=(s.accept()[0],), daemon=True).start()


threading.Thread(target=tcp, daemon=True).start()
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
u.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 21)
u.bind((addr, 53))
while True:
    q, who = u.recvfrom(4096)
    threading.Thread(target=by_udp, args=(u, q, who), daemon=True).start()
