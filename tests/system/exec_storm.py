# Fifty execs in flight for takeover_exec.sh. `storm` creates and starts them until the engine dies and
# prints what was acknowledged; `settle` asks the next engine: every acknowledged one is known, has
# run or can be started, has run exactly once and has its true code.
import http.client, json, socket, sys, threading, time

SOCK, MODE, FILE, BOX = sys.argv[1:5]
N = 50


class Local(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(20)
        self.sock.connect(SOCK)


def call(method, path, body=None):
    c = Local("x")
    c.request(method, path, json.dumps(body) if body is not None else None, {"Content-Type": "application/json"})
    r = c.getresponse()
    text = r.read()
    return r.status, json.loads(text) if text.startswith(b"{") else text


def worker(n, out, stop):
    k = 0
    while not stop.is_set():
        k += 1
        token = "%s-%d-%d" % (FILE.rsplit("/", 1)[-1], n, k)
        try:
            status, got = call("POST", "/containers/%s/exec" % BOX, {
                "Cmd": ["sh", "-c", "echo %s >>/marks; exit 3" % token], "AttachStdout": n % 2 == 0, "Tty": n % 5 == 0})
            if status != 201:
                out.append({"bad": [status, str(got)]})
                continue
            out.append({"id": got["Id"], "token": token})
            if n % 7:  # the others are only created
                call("POST", "/exec/%s/start" % got["Id"], {"Detach": n % 2 == 1})
        except (OSError, http.client.HTTPException, ValueError):
            return
        if n % 7 == 0:
            time.sleep(0.05)


def storm():
    out, stop = [], threading.Event()
    threads = [threading.Thread(target=worker, args=(n, out, stop)) for n in range(N)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    json.dump(out, open(FILE, "w"))


def settle():
    known = json.load(open(FILE))
    bad = [str(e["bad"]) for e in known if "bad" in e]
    known = [e for e in known if "id" in e]
    restarted = 0
    for e in known:
        status, x = call("GET", "/exec/%s/json" % e["id"])
        if status != 200:
            bad.append("%s: %s" % (e["token"], status))
            continue
        if not x["Running"] and x["ExitCode"] is None:
            status, text = call("POST", "/exec/%s/start" % e["id"], {"Detach": True})
            restarted += status == 200
            if status not in (200, 409):
                bad.append("%s: start: %s %s" % (e["token"], status, text))
    end = time.time() + 10
    for e in known:
        while True:
            status, x = call("GET", "/exec/%s/json" % e["id"])
            if status != 200 or x["ExitCode"] is not None or time.time() > end:
                break
            time.sleep(0.05)
        if status == 200 and x["ExitCode"] != 3:
            bad.append("%s: %s" % (e["token"], x))
    status, top = call("GET", "/containers/%s/json" % BOX)
    marks = open("/proc/%d/root/marks" % top["State"]["Pid"]).read().split()
    for e in known:
        if marks.count(e["token"]) != 1:
            bad.append("%s: ran %d times" % (e["token"], marks.count(e["token"])))
    print(json.dumps({"acknowledged": len(known), "started later": restarted, "bad": bad[:8], "n_bad": len(bad)}))


storm() if MODE == "storm" else settle()
