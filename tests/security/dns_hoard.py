"""Inside a container's namespace: COUNT TCP connections to 127.0.0.11 that ask for big.test (an answer
of 60 KB, and one of many) without end and read nothing, for SECONDS. Prints when all have asked as
much as is taken, then how many are still connected."""
import select, socket, struct, sys, time

count, seconds = int(sys.argv[1]), float(sys.argv[2])


def question(i, name):
    return struct.pack("!HHHHHH", i, 0x100, 1, 0, 0, 0) + b"".join(
        bytes([len(l)]) + l.encode() for l in name.split(".")) + b"\0" + struct.pack("!HH", 16, 1)


asked = b"".join(struct.pack("!H", len(q)) + q for q in
                 (question(i, "big%s.test" % ("" if i % 2 else i % 100)) for i in range(2000)))
open_ = []
for i in range(count):
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    try:
        s.connect(("127.0.0.11", 53))
    except OSError:
        continue
    s.setblocking(False)
    open_.append(s)
end = time.time() + seconds
told = False
while time.time() < end:
    took = False
    for s in list(open_):
        try:
            took |= s.send(asked) > 0
        except BlockingIOError:
            pass
        except OSError:
            open_.remove(s)
    if not took and not told:
        print("asked", flush=True)
        told = True
    time.sleep(0.05)
print(len(open_), flush=True)
