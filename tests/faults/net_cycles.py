#!/usr/bin/env python3
"""Containers come and go on several networks while the engine is killed.

net_cycles.py SOCK CYCLES THREADS GATE DONE

Each cycle makes a container on one of the networks, with or without published ports, starts it,
perhaps connects it elsewhere and back or makes a network for it, and removes everything. A request
that dies with its engine is asked again; what it did by then must not disturb. While GATE exists no
cycle begins; GATE.quiet says that none is running. Ends with one line of JSON in DONE."""
import http.client, json, os, random, socket, sys, threading, time

SOCK, CYCLES, THREADS, GATE, DONE = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4], sys.argv[5]
lock = threading.Lock()
state = {"next": 0, "done": 0, "running": 0, "again": 0}
wrong = []


class Connection(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(60)
        self.sock.connect(SOCK)


def once(method, path, body):
    c = Connection("x")
    try:
        c.request(method, path, json.dumps(body) if body is not None else None, {"Content-Type": "application/json"})
        r = c.getresponse()
        return r.status, r.read().decode()
    finally:
        c.close()


def call(good, method, path, body=None):
    """Until an engine answers; `good` are the statuses that may come, also of a repeated request."""
    end = time.monotonic() + 60
    while True:
        try:
            status, text = once(method, path, body)
        except (OSError, http.client.HTTPException):
            with lock:
                state["again"] += 1
            if time.monotonic() > end:
                raise RuntimeError(f"{method} {path}: no engine")
            time.sleep(0.02)
            continue
        if status not in good:
            raise RuntimeError(f"{method} {path}: {status} {text.strip()[:300]}")
        return status, text


def cycle(i, r):
    name, net = f"cycle-{i}", None
    kind = r.choice(["bridge", "bridge", "neta", "neta", "netb", "own", "none"])
    host = {"NetworkMode": kind}
    exposed = {}
    if kind == "own":
        net = host["NetworkMode"] = f"own-{i}"
        call((201, 409), "POST", "/networks/create", {"Name": net, "CheckDuplicate": True})
    if kind != "none" and r.random() < 0.6:
        bindings = {}
        if r.random() < 0.5:
            bindings["80/tcp"] = [{"HostPort": ""}]
            bindings["53/udp"] = [{"HostPort": ""}]
        else:  # of this thread, every time the same: the last run's must be free again
            first = 41000 + 50 * (threading.current_thread().number)
            for p in range(first, first + 20):
                bindings[f"{p}/tcp"] = [{"HostPort": str(p)}]
        host["PortBindings"] = bindings
        exposed = {k: {} for k in bindings}
    call((201, 409), "POST", f"/containers/create?name={name}",
         {"Image": "busybox", "Cmd": ["sleep", "1000"], "StopSignal": "SIGKILL", "HostConfig": host, "ExposedPorts": exposed})
    call((204, 304), "POST", f"/containers/{name}/start")
    if kind in ("bridge", "neta", "own") and r.random() < 0.5:
        call((200, 403, 409), "POST", "/networks/netb/connect", {"Container": name, "EndpointConfig": {"Aliases": [f"alias-{i}"]}})
        if r.random() < 0.7:
            call((200, 403, 404, 409, 500), "POST", "/networks/netb/disconnect", {"Container": name})
    if r.random() < 0.3:
        call((204, 304), "POST", f"/containers/{name}/restart?t=0")
    if r.random() < 0.3:
        call((204, 304), "POST", f"/containers/{name}/stop?t=0")
    call((204, 404), "DELETE", f"/containers/{name}?force=1&v=1")
    if net:
        call((204, 404), "DELETE", f"/networks/{net}")


def work(number):
    me = threading.current_thread()
    me.number = number
    r = random.Random(number)
    while True:
        while os.path.exists(GATE):
            with lock:
                quiet = state["running"] == 0
            if quiet:
                open(GATE + ".quiet", "w").close()
            time.sleep(0.01)
        with lock:
            if state["next"] == CYCLES or len(wrong) > 20:
                return
            i = state["next"]
            state["next"] += 1
            state["running"] += 1
        try:
            cycle(i, r)
        except RuntimeError as e:
            with lock:
                wrong.append(str(e))
            try:
                call((204, 404, 409), "DELETE", f"/containers/cycle-{i}?force=1&v=1")
                call((204, 404, 403), "DELETE", f"/networks/own-{i}")
            except RuntimeError:
                pass
        with lock:
            state["running"] -= 1
            state["done"] += 1


threads = [threading.Thread(target=work, args=(n,)) for n in range(THREADS)]
for t in threads:
    t.start()
for t in threads:
    t.join()
with open(DONE + ".new", "w") as f:
    json.dump({"cycles": state["done"], "asked again": state["again"], "wrong": wrong[:20]}, f)
os.rename(DONE + ".new", DONE)
