"""The host's resolver for networks.sh: UDP and TCP on ADDR:53, every question appended to FILE.
plain*.test answers, absent.test does not exist, slow.test answers the second time, forged.test is
preceded by answers with a wrong id and a wrong question, big.test has 60 addresses."""
import socket, struct, sys, threading

addr, log = sys.argv[1], sys.argv[2]
family = socket.AF_INET6 if ":" in addr else socket.AF_INET
seen = {}


def name_of(q):
    at, labels = 12, []
    while q[at]:
        labels.append(q[at + 1:at + 1 + q[at]].decode("latin1"))
        at += 1 + q[at]
    return ".".join(labels).lower(), at + 5


def reply(q, addrs, rcode=0, tc=False, name=None):
    end = name_of(q)[1]
    question = q[12:end]
    if name:
        question = b"".join(bytes([len(l)]) + l.encode() for l in name.split(".")) + b"\0" + q[end - 4:end]
    flags = 0x8180 | rcode | (0x200 if tc else 0)
    soa = b""
    if rcode == 3 or not addrs:
        soa = b"\xc0\x0c" + struct.pack("!HHIH", 6, 1, 60, 22) + b"\0\0" + struct.pack("!IIIII", 1, 2, 3, 4, 60)
    out = q[:2] + struct.pack("!HHHHH", flags, 1, len(addrs), 1 if soa else 0, 0) + question
    for a in addrs:
        out += b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, 300, 4) + socket.inet_aton(a)
    return out + soa


def answers(q, is_tcp):
    name = name_of(q)[0]
    with open(log, "a") as f:
        f.write(name + "\n")
    qtype = struct.unpack("!H", q[name_of(q)[1] - 4:name_of(q)[1] - 2])[0]
    if name == "absent.test" or not name.endswith(".test"):
        return [reply(q, [], 3)]
    if qtype != 1:
        return [reply(q, [])]
    if name == "slow.test":
        seen[name] = seen.get(name, 0) + 1
        return [] if seen[name] == 1 else [reply(q, ["192.0.2.2"])]
    if name == "forged.test":
        bad = reply(q, ["203.0.113.9"])
        return [bytes([bad[0] ^ 1]) + bad[1:], reply(q, ["203.0.113.9"], name="other.test"), b"x",
                reply(q, ["192.0.2.3"])]
    if name == "big.test":
        big = ["198.51.100.%d" % i for i in range(60)]
        return [reply(q, big)] if is_tcp else [reply(q, big[:10], tc=True)]
    return [reply(q, ["192.0.2.1"])]


def tcp():
    s = socket.socket(family)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind((addr, 53))
    s.listen(64)
    while True:
        c, _ = s.accept()
        try:
            n = struct.unpack("!H", c.recv(2, socket.MSG_WAITALL))[0]
            for a in answers(c.recv(n, socket.MSG_WAITALL), True):
                c.sendall(struct.pack("!H", len(a)) + a)
        except (OSError, struct.error):
            pass
        c.close()


threading.Thread(target=tcp, daemon=True).start()
u = socket.socket(family, socket.SOCK_DGRAM)
u.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 21)
u.bind((addr, 53))
while True:
    q, who = u.recvfrom(4096)
    for a in answers(q, False):
        u.sendto(a, who)
