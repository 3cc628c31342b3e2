# A websocket client for websocket.sh, from the RFC and nothing else. Prints one line of TAP-able
# "ok NAME" or "not ok NAME: why" for each case; the shell counts them.
import base64, hashlib, http.client, json, os, socket, struct, sys, threading, time

SOCK = sys.argv[1]
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
DEFAULT = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
           "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}


class Local(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(20)
        self.sock.connect(SOCK)


def call(method, path, body=None):
    c = Local("x")
    c.request(method, path, json.dumps(body) if body is not None else None, {"Content-Type": "application/json"})
    r = c.getresponse()
    return r.status, r.read()


class Ws:
    """After the handshake; `head` is the answer's head, `status` its code."""

    def __init__(self, path, headers=None, method="GET", early=b"", buffer=None):
        self.s = socket.socket(socket.AF_UNIX)
        if buffer:
            self.s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        self.s.settimeout(20)
        self.s.connect(SOCK)
        lines = dict(DEFAULT)
        lines.update(headers or {})
        text = "%s %s HTTP/1.1\r\nHost: x\r\n" % (method, path)
        text += "".join("%s: %s\r\n" % kv for kv in lines.items() if kv[1] is not None)
        self.s.sendall(text.encode() + b"\r\n" + early)
        self.buf = b""
        while b"\r\n\r\n" not in self.buf:
            got = self.s.recv(65536)
            if not got:
                break
            self.buf += got
        self.head, _, self.buf = self.buf.partition(b"\r\n\r\n")
        self.status = int(self.head.split()[1])

    def header(self, name):
        for line in self.head.split(b"\r\n")[1:]:
            key, _, value = line.partition(b":")
            if key.strip().lower() == name.lower().encode():
                return value.strip().decode()

    def take(self, n):
        while len(self.buf) < n:
            got = self.s.recv(1 << 20)
            if not got:
                raise EOFError
            self.buf += got
        out, self.buf = self.buf[:n], self.buf[n:]
        return out

    def frame(self):
        a, b = self.take(2)
        assert not b & 0x80, "the server must not mask"
        assert not a & 0x70, "reserved bits"
        n = b & 0x7F
        if n == 126:
            n = struct.unpack(">H", self.take(2))[0]
        elif n == 127:
            n = struct.unpack(">Q", self.take(8))[0]
        return a, self.take(n)

    def data(self, n=None, until=None):
        """n bytes of output, or all up to `until`, or to the close (whose code is kept)."""
        parts, total, self.code = [], 0, None
        while (n is None or total < n) and (until is None or until not in b"".join(parts)):
            a, p = self.frame()
            if a == 0x88:
                self.code = struct.unpack(">H", p)[0] if p else 0
                break
            assert a == 0x82, "output is binary frames, got %x" % a
            assert len(p) <= 32768, "a frame of %d" % len(p)
            parts.append(p)
            total += len(p)
        return b"".join(parts)

    def send(self, payload, first=0x82, mask=b"\x01\x02\x03\x04"):
        self.s.sendall(frame(payload, first, mask))

    def ended(self):
        try:
            return self.s.recv(1) == b""
        except ConnectionResetError:
            return True


def frame(payload, first=0x82, mask=b"\x01\x02\x03\x04"):
    n = len(payload)
    m = 0x80 if mask else 0
    head = bytes([first, m | n]) if n < 126 else bytes([first, m | 126]) + struct.pack(">H", n) if n < 65536 else bytes([first, m | 127]) + struct.pack(">Q", n)
    if mask:
        key = int.from_bytes(mask * (n // 4 + 1), "big") >> 8 * (4 * (n // 4 + 1) - n)
        payload = (int.from_bytes(payload, "big") ^ key).to_bytes(n, "big") if n else b""
    return head + mask + payload


def container(cmd, **more):
    body = {"Image": "busybox", "Cmd": cmd, "OpenStdin": True, "StdinOnce": True, "AttachStdin": True,
            "AttachStdout": True, "AttachStderr": True, "HostConfig": {"NetworkMode": "none"}}
    body.update(more)
    status, got = call("POST", "/containers/create", body)
    assert status == 201, got
    return json.loads(got)["Id"]


def start(id):
    status, got = call("POST", "/containers/%s/start" % id)
    assert status == 204, got


def wait(id):
    return json.loads(call("POST", "/containers/%s/wait" % id)[1])["StatusCode"]


ALL = "stream=1&stdin=1&stdout=1&stderr=1"


def attach(id, query=ALL, **more):
    w = Ws("/v1.44/containers/%s/attach/ws?%s" % (id, query), **more)
    assert w.status == 101, w.head
    return w


def running(cmd, query=ALL, buffer=None, **more):
    id = container(cmd, **more)
    w = attach(id, query, buffer=buffer)
    start(id)
    return id, w


# ---- cases ----

def case_handshake():
    id, w = running(["cat"])
    want = base64.b64encode(hashlib.sha1(DEFAULT["Sec-WebSocket-Key"].encode() + GUID).digest()).decode()
    assert w.header("Sec-WebSocket-Accept") == want, w.head
    assert w.header("Upgrade").lower() == "websocket" and w.header("Connection").lower() == "upgrade", w.head
    assert w.header("Sec-WebSocket-Protocol") is None


def case_bad_handshakes():
    id = container(["cat"])
    path = "/containers/%s/attach/ws?%s" % (id, ALL)
    for headers, status in (({"Sec-WebSocket-Version": "8"}, 426), ({"Sec-WebSocket-Version": None}, 426),
                            ({"Sec-WebSocket-Key": None}, 400), ({"Sec-WebSocket-Key": "short"}, 400),
                            ({"Sec-WebSocket-Key": "!" * 24}, 400), ({"Upgrade": "h2c"}, 400),
                            ({"Upgrade": None}, 400), ({"Connection": "keep-alive"}, 400)):
        w = Ws(path, headers)
        assert w.status == status, (headers, w.head)
        assert b"message" in w.buf or b"message" in w.s.recv(4096), (headers, w.buf)
        if status == 426:
            assert w.header("Sec-WebSocket-Version") == "13", w.head
    assert Ws("/containers/nosuch/attach/ws?" + ALL).status == 404
    assert Ws(path + "&detachKeys=ctrl-%3F%3F").status == 400
    assert Ws(path, method="POST").status in (404, 405)


def case_paused_409():
    id, w = running(["sleep", "100"])
    call("POST", "/containers/%s/pause" % id)
    assert Ws("/containers/%s/attach/ws?%s" % (id, ALL)).status == 409
    call("POST", "/containers/%s/unpause" % id)


def case_echo_binary_and_text():
    id, w = running(["cat"])
    for first in (0x82, 0x81):
        text = bytes(range(256)) if first == 0x82 else "größer".encode()
        w.send(text, first)
        assert w.data(len(text)) == text


def case_frames_with_the_handshake():
    id, w = running(["cat"])
    v = Ws("/containers/%s/attach/ws?%s" % (id, ALL), early=frame(b"early\n"))
    assert v.status == 101 and w.data(6) == b"early\n" and v.data(6) == b"early\n"


def case_fragments_ping_and_tiny_frames():
    id, w = running(["cat"])
    w.s.sendall(frame(b"a", 0x01) + frame(b"b", 0x00) + frame(b"hi", 0x89) + frame(b"c\n", 0x80))
    got, pong = b"", None
    while len(got) < 4 or pong is None:
        a, p = w.frame()
        if a == 0x8A:
            pong = p
        else:
            got += p
    assert got == b"abc\n" and pong == b"hi", (got, pong)
    w.s.sendall(b"".join(frame(b"%d" % (i % 10)) for i in range(20000)) + frame(b"", 0x8A))
    assert w.data(20000) == b"".join(b"%d" % (i % 10) for i in range(20000))


def case_one_long_frame():
    id, w = running(["sh", "-c", "md5sum"])
    data = os.urandom(8 << 20)
    w.send(data)
    w.s.shutdown(socket.SHUT_WR)
    assert w.data().split()[0].decode() == hashlib.md5(data).hexdigest()
    assert wait(id) == 0


def case_half_close():
    id, w = running(["sh", "-c", "cat; sleep 0.3; echo after; exit 4"])
    w.send(b"before\n")
    w.s.shutdown(socket.SHUT_WR)
    got = w.data()
    assert got == b"before\nafter\n", got
    assert w.code == 1000 and w.ended() and wait(id) == 4


def case_close_ends_stdin():
    id, w = running(["sh", "-c", "cat; exit 5"])
    w.send(b"x\n")
    assert w.data(2) == b"x\n"
    w.send(struct.pack(">H", 1001) + b"bye", 0x88)
    assert w.data() == b"" and w.code == 1001 and w.ended() and wait(id) == 5


def case_empty_close():
    id, w = running(["cat"])
    w.send(b"", 0x88)
    a, p = w.frame()
    assert (a, p) == (0x88, b""), (a, p)
    assert w.ended() and wait(id) == 0


def case_vanished_client():
    id, w = running(["sh", "-c", "cat; exit 6"])
    w.s.close()
    assert wait(id) == 6


def case_tty_shell():
    id, w = running(["sh"], Tty=True)
    call("POST", "/containers/%s/resize?h=21&w=43" % id)
    w.send(b"stty size; echo $((40+2))\r", 0x81)
    got = w.data(until=b"\r\n42\r\n")
    assert b"21 43" in got, got
    w.send(b"exit 7\r")
    w.data()
    assert w.code == 1000 and wait(id) == 7


def case_detach_keys():
    for keys, query in ((b"\x10\x11", ALL), (b"\x01x", ALL + "&detachKeys=ctrl-a,x")):
        id, w = running(["sh"], query, Tty=True)
        w.send(keys)
        w.data()
        assert w.code == 1000 and w.ended()
        state = json.loads(call("GET", "/containers/%s/json" % id)[1])["State"]
        assert state["Running"], state
        v = attach(id)
        v.send(b"echo $((6*7))\r")
        assert b"42" in v.data(until=b"\r\n42\r\n")


def case_big_output():
    id, w = running(["sh", "-c", "head -c 8388608 /dev/zero | tr '\\0' x; head -c 1048576 /dev/zero; exit 3"], "stream=1&stdout=1")
    got = w.data()
    assert got == b"x" * 8388608 + bytes(1048576), len(got)
    assert w.code == 1000 and wait(id) == 3


def case_never_multiplexed():
    id, w = running(["sh", "-c", "echo out; sleep 0.2; echo err >&2"])
    assert w.data() == b"out\nerr\n"
    id, w = running(["sh", "-c", "echo out; echo err >&2"], "stream=1&stderr=1")
    assert w.data() == b"err\n"


def case_logs_replay():
    id, w = running(["sh", "-c", "seq 3000; read x; echo $x; exit 2"], "stream=1&stdout=1")
    want = b"".join(b"%d\n" % i for i in range(1, 3001))
    assert w.data(len(want)) == want
    v = attach(id, ALL + "&logs=1")
    assert v.data(len(want)) == want
    v.send(b"live\n")
    assert v.data() == b"live\n" and v.code == 1000
    u = attach(id, "logs=1&stdout=1")
    assert u.data() == want + b"live\n" and u.code == 1000


BIG = 16777216


def case_slow_reader():
    id = container(["sh", "-c", "head -c %d /dev/zero; sleep 0.2; exit 9" % BIG])
    slow = attach(id, "stream=1&stdout=1", buffer=4096)
    start(id)
    time.sleep(1)
    assert len(slow.data()) == BIG
    assert wait(id) == 9


def case_stopped_reader_in_company():
    command = ["sh", "-c", "head -c %d /dev/zero; sleep 0.2; exit 9" % BIG]
    took = []
    for with_stopped in (False, True):
        id = container(command)
        stopped = attach(id, "stream=1&stdout=1", buffer=4096) if with_stopped else None
        fast = attach(id, "stream=1&stdout=1")
        t = time.time()
        start(id)
        assert len(fast.data()) == BIG
        assert wait(id) == 9
        took.append(time.time() - t)
    assert took[1] < 8 + 4 * took[0], took  # the stopped one held nobody up
    assert len(stopped.data()) < BIG  # and was cut


def case_pings_without_reading():
    id, w = running(["cat"])
    w.s.setblocking(False)
    sent, ping = 0, frame(b"p" * 125, 0x89) * 64
    try:
        while sent < 32 << 20:
            sent += w.s.send(ping)
    except BlockingIOError:
        pass
    w.s.setblocking(True)
    w.s.settimeout(20)
    assert json.loads(call("GET", "/containers/%s/json" % id)[1])["State"]["Running"]
    w.s.close()
    assert wait(id) == 0


def case_protocol_errors():
    bad = {"unmasked": frame(b"x", 0x82, b""), "reserved bit": frame(b"x", 0xC2), "opcode": frame(b"x", 0x83),
           "continuation": frame(b"x", 0x80), "fragmented ping": frame(b"x", 0x09), "long ping": frame(b"x" * 126, 0x89),
           "close code": frame(struct.pack(">H", 1005), 0x88), "half a code": frame(b"x", 0x88),
           "length": b"\x82\xff\xff" + bytes(11), "nested": frame(b"x", 0x01) + frame(b"x", 0x01)}
    for name, bytes_ in bad.items():
        id, w = running(["cat", "-"])
        w.s.sendall(bytes_)
        w.data()
        assert w.code == 1002 and w.ended(), (name, w.code)
        assert wait(id) == 0, name


for name, case in list(globals().items()):
    if name.startswith("case_"):
        try:
            case()
            print("ok", name[5:].replace("_", " "))
        except Exception as e:
            print("not ok", name[5:].replace("_", " ") + ":", type(e).__name__, str(e)[:300].replace("\n", " "))
        sys.stdout.flush()
