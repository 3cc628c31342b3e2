"""Asks 127.0.0.11 inside a container's namespace: dns_ask.py COUNT NAME [edns]: the same question
COUNT times at once (other ones where the name has a %), each in a case of its own. Prints how many answers came to the right question
and what they were."""
import random, select, socket, struct, sys

count, name = int(sys.argv[1]), sys.argv[2]
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, 33, 1 << 22)  # SO_RCVBUFFORCE
sent, answers, got = {}, set(), 0
for i in range(count):
    mixed = "".join(random.choice((c.upper(), c.lower())) for c in name.replace("%", str(i)))
    question = b"".join(bytes([len(l)]) + l.encode() for l in mixed.split(".")) + b"\0" + struct.pack("!HH", 1, 1)
    edns = "edns" in sys.argv
    sent[i] = question
    s.sendto(struct.pack("!HHHHHH", i, 0x100, 1, 0, 0, int(edns)) + question +
             (b"\0" + struct.pack("!HHIH", 41, 4096, 0, 0) if edns else b""), ("127.0.0.11", 53))
while sent and select.select([s], [], [], 8)[0]:
    a = s.recv(65535)
    i = struct.unpack("!H", a[:2])[0]
    question = sent.pop(i)
    if a[12:12 + len(question)] == question:
        got += 1
    rcode = a[3] & 15
    answers.add("rcode %d" % rcode if rcode else socket.inet_ntoa(a[12 + len(question) + 12:][:4]))
print(got, " ".join(sorted(answers)))
