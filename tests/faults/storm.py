#!/usr/bin/python3
"""A storm of containers and execs beside long-lived streams, while the keeper is upgraded or killed.

storm.py SOCK STOP_FILE [--may-refuse]    storm.py SOCK --check (afterwards)

Runs until STOP_FILE exists; then ends what it made (not the containers whose name begins with
"keep-") and prints one line of JSON: counts, and what went wrong. --may-refuse: a start or an exec
whose keeper dies may be refused with a 5xx that says so; whatever was accepted must be right.
"""
import http.client, json, os, random, socket, struct, sys, threading, time

SOCK, STOP = sys.argv[1], sys.argv[2]
MAY_REFUSE = "--may-refuse" in sys.argv
counts, bad, lock = {}, [], threading.Lock()


class Connection(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(30)
        self.sock.connect(SOCK)


def count(what):
    with lock:
        counts[what] = counts.get(what, 0) + 1


def wrong(what):
    with lock:
        bad.append(what[:300])


def is_over():
    return os.path.exists(STOP)


def call(method, path, body=None):
    c = Connection("x")
    c.request(method, path, json.dumps(body) if body is not None else None,
              {"Content-Type": "application/json"})
    r = c.getresponse()
    data = r.read()
    c.close()
    return r.status, data


def is_refusal(status, data):
    if MAY_REFUSE and status >= 500 and b"keeper was killed" in data:
        count("refused")
        return True
    return False


class Stream:
    """A hijacked connection."""

    def __init__(self, path, body=None):
        self.s = socket.socket(socket.AF_UNIX)
        self.s.settimeout(30)
        self.s.connect(SOCK)
        text = json.dumps(body or {})
        self.s.sendall((f"POST {path} HTTP/1.1\r\nHost: x\r\nUpgrade: tcp\r\nConnection: Upgrade\r\n"
                        f"Content-Type: application/json\r\nContent-Length: {len(text)}\r\n\r\n{text}").encode())
        self.left = b""
        while b"\r\n\r\n" not in self.left:
            got = self.s.recv(4096)
            if not got:
                break
            self.left += got
        self.head, _, self.left = self.left.partition(b"\r\n\r\n")
        self.status = int(self.head.split()[1])

    def read(self, n):
        while len(self.left) < n:
            got = self.s.recv(65536)
            if not got:
                return None
            self.left += got
        out, self.left = self.left[:n], self.left[n:]
        return out

    def frame(self):
        head = self.read(8)
        return self.read(struct.unpack(">I", head[4:])[0]) if head else None

    def all_frames(self):
        out = b""
        while (f := self.frame()) is not None:
            out += f
        return out

    def until(self, mark):
        while mark not in self.left:
            got = self.s.recv(65536)
            if not got:
                return False
            self.left += got
        self.left = self.left.partition(mark)[2]
        return True


def unframe(data):
    out = b""
    while data:
        n = struct.unpack(">I", data[4:8])[0]
        out, data = out + data[8:8 + n], data[8 + n:]
    return out


def create(name, cmd, **more):
    body = {"Image": "busybox", "Cmd": cmd, "HostConfig": {"NetworkMode": "none"}}
    body.update(more)
    status, data = call("POST", "/containers/create" + (f"?name={name}" if name else ""), body)
    if status != 201:
        raise RuntimeError(f"create {name}: {status} {data}")
    return json.loads(data)["Id"]


def start(cid):
    return call("POST", f"/containers/{cid}/start")


def run_one(who, n):
    code, word = random.randrange(1, 120), f"out-{who}-{n}"
    nap = random.choice(["", "sleep 0.1;", "sleep 0.5;", "sleep 1;"])
    cid = create(None, ["sh", "-c", f"{nap} echo -n {word}; exit {code}"])
    status, data = start(cid)
    if is_refusal(status, data):
        status, data = call("DELETE", f"/containers/{cid}?force=1")
        if status != 204:
            wrong(f"remove of a refused one: {status} {data}")
        return
    if status != 204:
        return wrong(f"start: {status} {data}")
    status, data = call("POST", f"/containers/{cid}/wait")
    if status != 200 or json.loads(data)["StatusCode"] != code:
        wrong(f"wait {cid[:12]}: {status} {data}, expected {code}")
    status, data = call("GET", f"/containers/{cid}/logs?stdout=1&stderr=1")
    if unframe(data) != word.encode():
        wrong(f"logs of {cid[:12]}: {data}, expected {word}")
    status, data = call("DELETE", f"/containers/{cid}?force=1")
    if status != 204:
        wrong(f"remove: {status} {data}")
    count("runs")


def exec_one(who, n):
    code, word = random.randrange(1, 120), f"exec-{who}-{n}"
    nap = random.choice(["", "sleep 0.1;", "sleep 0.4;"])
    status, data = call("POST", f"/containers/{main_id}/exec", {
        "Cmd": ["sh", "-c", f"{nap} echo -n {word}; exit {code}"], "AttachStdout": True, "AttachStderr": True})
    if status != 201:
        return wrong(f"exec create: {status} {data}")
    eid = json.loads(data)["Id"]
    s = Stream(f"/exec/{eid}/start", {"Detach": False})
    if s.status >= 400:
        text = s.left + (s.s.recv(4096) if not s.left else b"")
        if not is_refusal(s.status, text):
            wrong(f"exec start: {s.status} {text}")
        return
    got = s.all_frames()
    if MAY_REFUSE and b"keeper was killed" in got:
        return count("refused")
    for _ in range(200):
        status, data = call("GET", f"/exec/{eid}/json")
        end = json.loads(data)
        if not end["Running"] and end["ExitCode"] is not None:
            break
        time.sleep(0.01)
    if MAY_REFUSE and got == b"" and end["ExitCode"] in (126, 127) and not end["Pid"]:
        return count("refused") # the answer was 101 before the keeper died
    if got != word.encode() or end["ExitCode"] != code:
        wrong(f"exec: {got} {end['ExitCode']}, expected {word} {code}")
    count("execs")


def repeat(fn, who):
    n = 0
    while not is_over():
        n += 1
        try:
            fn(who, n)
        except Exception as e: # pylint: disable=broad-except
            wrong(f"{fn.__name__}: {type(e).__name__} {e}")
            time.sleep(0.05)


def keep(name, cmd, **more):
    cid = create(name, cmd, **more)
    status, data = start(cid)
    if status != 204:
        raise RuntimeError(f"start {name}: {status} {data}")
    return cid


def echo_pipe():
    s = Stream("/containers/keep-cat/attach?stream=1&stdin=1&stdout=1")
    n = 0
    while not is_over():
        n += 1
        line = f"line {n}\n".encode()
        s.s.sendall(line)
        got = b""
        while len(got) < len(line):
            f = s.frame()
            if f is None:
                return wrong("the pipe's stream ended")
            got += f
        if got != line:
            return wrong(f"pipe: {got}, expected {line}")
        count("echoes")
        time.sleep(0.002)


def echo_tty():
    s = Stream("/containers/keep-tty/attach?stream=1&stdin=1&stdout=1")
    n = 0
    while not is_over():
        n += 1
        s.s.sendall(f"echo a{n}b$((1+{n}))c\n".encode())
        if not s.until(f"a{n}b{n + 1}c\r\n".encode()):
            return wrong("the terminal's stream ended")
        count("commands")
        time.sleep(0.005)


def check_writer():
    time.sleep(0.3)
    _, data = call("GET", "/containers/keep-writer/logs?stdout=1")
    got = unframe(data).decode().split()
    if got[:1] != ["1"] or got != [str(i + 1) for i in range(len(got))]:
        wrong(f"the writer's log is not whole: {got[:3]} … {got[-3:]}, {len(got)} lines")
    counts["lines"] = len(got)


def guarded(fn):
    try:
        fn()
    except Exception as e: # pylint: disable=broad-except
        wrong(f"{fn.__name__}: {type(e).__name__} {e}")


def storm():
    """The threads, until STOP exists."""
    global main_id # pylint: disable=global-statement
    keep("keep-cat", ["cat"], OpenStdin=True, AttachStdin=True, AttachStdout=True)
    keep("keep-tty", ["sh"], OpenStdin=True, Tty=True, AttachStdin=True, AttachStdout=True)
    keep("keep-writer", ["sh", "-c", "i=0; while :; do i=$((i+1)); echo $i; usleep 2000; done"])
    main_id = keep("keep-main", ["sleep", "1000"])
    threads = [threading.Thread(target=repeat, args=(run_one, i)) for i in range(4)]
    threads += [threading.Thread(target=repeat, args=(exec_one, i)) for i in range(3)]
    threads += [threading.Thread(target=guarded, args=(f,)) for f in (echo_pipe, echo_tty)]
    for t in threads:
        t.start()
    open(STOP + ".ready", "w").close()
    for t in threads:
        t.join()
    check_writer()
    print(json.dumps({"counts": counts, "n_bad": len(bad), "bad": bad[:10]}))


def check():
    """What the storm left still works: one word each."""
    s = Stream("/containers/keep-cat/attach?stream=1&stdin=1&stdout=1")
    s.s.sendall(b"still here\n")
    print("pipe", s.frame() == b"still here\n")
    s = Stream("/containers/keep-tty/attach?stream=1&stdin=1&stdout=1")
    s.s.sendall(b"echo a$((20+3))b\n")
    print("tty", s.until(b"a23b\r\n"))
    check_writer()
    print("writer", not bad and counts["lines"])


if STOP == "--check":
    check()
else:
    storm()
