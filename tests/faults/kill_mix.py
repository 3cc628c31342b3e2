# SPDX-License-Identifier: Apache-2.0
"""The containers of kill.py: what each kind is, what it must be after a takeover and at its end."""
import os
import random
import socket
import threading
import time

from kill_client import Lost, Refused, Stream, Wrong, call, expect, findings, inspect, logs, until

OUT = os.environ["HOST"] + "/out"
ALPHABET = "abcdefghijklmnopqrstuvwxyz" * 2600
STALL_US = 1500000   # a write may take this much longer than the machine's own naps
HEALTH = 500000000   # ns
PORT = 6100


def create(name, cmd, host=None, **more):
    body = {"Image": "busybox", "Cmd": cmd, "HostConfig": {"NetworkMode": "none", **(host or {})}, **more}
    return expect(201, "POST", "/containers/create?name=" + name, body)["Id"]


def start(cid):
    expect(204, "POST", "/containers/%s/start" % cid)


def remove(cid):
    """Everything must be removable, and then be gone."""
    expect((204, 404), "DELETE", "/containers/%s?force=1&v=1" % cid)
    until("%s is gone" % cid, lambda: inspect(cid) is None)


def end_of(cid):
    """The code by wait, which must be that of inspect."""
    code = expect(200, "POST", "/containers/%s/wait" % cid)["StatusCode"]
    doc = until("%s has ended: %s" % (cid, code), lambda: (d := inspect(cid)) and not d["State"]["Running"] and d)
    if doc["State"]["ExitCode"] != code:
        raise Wrong("%s: wait says %d, inspect %s" % (doc["Name"], code, doc["State"]))
    return code


class Codes:
    """Is this the code? On kernels that do not tell, a killed keeper may have made it unknown."""
    can_be_unknown = False

    @classmethod
    def check(cls, cid, wanted, got):
        if got == 255 and cls.can_be_unknown:
            doc = inspect(cid)
            if doc is None or "unknown" in doc["State"]["Error"]:
                return
        if got != wanted:
            raise Wrong("%s: exit code %s, expected %s: %s" % (cid, got, wanted, (inspect(cid) or {}).get("State")))


class Kind:
    """One container. check() after each takeover; finish() when its time has come."""
    is_tty = False

    def __init__(self, name):
        self.name, self.cid = name, None

    def check(self):
        pass

    def finish(self):
        pass

    def is_running(self):
        doc = inspect(self.cid)
        if not doc or doc["State"]["Status"] != "running":
            raise Wrong("%s does not run: %s" % (self.name, doc and doc["State"]))
        return doc

    def attach(self, extra=""):
        return Stream("/containers/%s/attach?stream=1&stdin=1&stdout=1&stderr=1%s" % (self.cid, extra), self.is_tty)


class Writer(Kind):
    """Numbered lines; its log must be exactly these."""

    def __init__(self, name, rate, lines=0, long_every=0, driver="json-file", is_tty=False,
                 partial=False, streams="both", **options):
        super().__init__(name)
        self.lines, self.long_every, self.is_tty = lines, long_every, is_tty
        self.code = random.randrange(1, 90)
        config = {"max-size": "1g", **{k.replace("_", "-"): v for k, v in options.items()}}
        self.cid = create(name, ["/w", "/out", name, str(rate), str(lines), str(long_every), str(self.code),
                                 "partial" if partial else "whole", "out" if is_tty else streams],
                          {"Binds": [os.environ["HOST"] + "/w:/w:ro", OUT + ":/out"],
                           "LogConfig": {"Type": driver, "Config": config}}, Tty=is_tty)
        start(self.cid)

    def expected(self, letter, first, n):
        out = []
        for i in range(first, n):
            pad = i * 7 % 97
            if self.long_every and i % self.long_every == self.long_every - 1:
                pad = 16384 + i * 37 % 50000
            out.append("%s %09d %s" % (letter, i, ALPHABET[i % 26:i % 26 + pad]))
        return out

    def compare(self, got, first, n, letter, tail):
        got = got.decode(errors="replace").replace("\r\n", "\n")
        want = self.expected(letter, first, n)
        if got == "".join(w + "\n" for w in want) + tail:
            return
        lines = got.split("\n")
        seen, known = {}, set(want)
        for line in lines:
            seen[line] = seen.get(line, 0) + 1
        at = next((i for i, w in enumerate(want) if i >= len(lines) or lines[i] != w), len(want))
        raise Wrong("%s %s: missing %d doubled %d torn %d, first at line %d: %r" % (
            self.name, letter, sum(1 for w in want if w not in seen), sum(v - 1 for v in seen.values()),
            sum(1 for x in lines if x not in known and x not in (tail, "")), first + at,
            [x[:60] for x in lines[max(0, at - 2):at + 3]]))

    def check(self):
        """While it runs: the end of the log is a row of numbers without a gap, and it grows."""
        self.is_running() if not self.lines else None
        got = logs(self.cid, self.is_tty, "&tail=1500")
        for kind, letter in ((1, "o"), (2, "e")):
            lines = got[kind].decode().replace("\r\n", "\n").split("\n")
            numbers = [int(x.split(" ")[1]) for x in lines[1:-1] if x[:2] == letter + " "]
            if numbers and numbers != list(range(numbers[0], numbers[0] + len(numbers))):
                gap = next(i for i, x in enumerate(numbers) if x != numbers[0] + i)
                raise Wrong("%s: lines %s in the log" % (self.name, numbers[max(0, gap - 3):gap + 4]))
        if not self.lines:
            last = got[1][-40:]
            until("%s: the log grows" % self.name,
                  lambda: logs(self.cid, self.is_tty, "&tail=1")[1][-40:] != last)

    def finish(self):
        Codes.check(self.cid, self.code, end_of(self.cid))
        n_out, n_err, stall, nap = map(int, open("%s/%s.result" % (OUT, self.name), encoding="ascii").read().split())
        got = logs(self.cid, self.is_tty)
        self.compare(got[1], 0, n_out, "o", "end")
        self.compare(got[2], 0, n_err, "e", "")
        findings.count("lines", n_out + n_err)
        findings.counts["longest write in us"] = max(stall, findings.counts.get("longest write in us", 0))
        if stall > STALL_US + 2 * nap:
            raise Wrong("%s: a write took %d us (the machine's worst nap: %d)" % (self.name, stall, nap))
        remove(self.cid)


class Shell(Kind):
    """A terminal that is typed at."""
    is_tty = True

    def __init__(self, name):
        super().__init__(name)
        self.n = 0
        self.cid = create(name, ["sh"], OpenStdin=True, Tty=True)
        start(self.cid)

    def check(self):
        s = self.attach()
        for _ in range(3):
            self.n += 1
            s.send(b"echo a%db$((1+%d))c\n" % (self.n, self.n))
            s.until(b"a%db%dc\r\n" % (self.n, self.n + 1))
        s.close()

    def finish(self):
        s = self.attach()
        s.send(b"exit 33\n")
        s.to_end()
        Codes.check(self.cid, 33, end_of(self.cid))
        text = logs(self.cid, True)[1]
        seen = [int(x.split(b"b")[0][1:]) for x in text.split(b"\r\n") if x[:1] == b"a" and x[-1:] == b"c"]
        if seen != list(range(1, self.n + 1)):
            raise Wrong("%s: the log has %s of %d answers" % (self.name, seen[:50], self.n))
        remove(self.cid)


class Cat(Kind):
    """-i without StdinOnce: clients come and go, the engine too, its stdin stays open."""

    def __init__(self, name):
        super().__init__(name)
        self.lines = []
        self.cid = create(name, ["cat"], OpenStdin=True)
        start(self.cid)

    def say(self, s):
        line = b"%s line %d\n" % (self.name.encode(), len(self.lines))
        self.lines.append(line)
        s.send(line)
        s.until(line)

    def check(self):
        s = self.attach()
        self.say(s)
        self.say(s)
        s.close()
        self.is_running()

    def hold(self):
        """A client that the keeper's death or upgrade must not disturb."""
        s = self.attach()
        self.say(s)
        return lambda: (self.say(s), self.say(s), s.close())

    def finish(self):
        self.check()
        if logs(self.cid, False)[1] != b"".join(self.lines):
            raise Wrong("%s: %d lines were echoed, the log has others" % (self.name, len(self.lines)))
        expect(204, "POST", "/containers/%s/kill" % self.cid)
        Codes.check(self.cid, 137, end_of(self.cid))
        remove(self.cid)


class Once(Cat):
    """StdinOnce. Attached when the engine died: its input has ended with the client. Not attached:
    the first client's end is the end."""

    def __init__(self, name, is_attached):
        Kind.__init__(self, name)
        self.lines, self.stream = [], None
        self.cid = create(name, ["sh", "-c", "cat; exit 21"], OpenStdin=True, StdinOnce=True, AttachStdin=True)
        start(self.cid)
        if is_attached:
            self.stream = self.attach()
            self.say(self.stream)

    def check(self):
        pass

    def finish(self):
        if not self.stream:
            self.stream = self.attach()
            self.say(self.stream)
        try:
            self.stream.half_close()
        except OSError:
            pass
        self.stream.to_end()
        Codes.check(self.cid, 21, end_of(self.cid))
        if logs(self.cid, False)[1] != b"".join(self.lines):
            raise Wrong("%s: the log is %r" % (self.name, logs(self.cid, False)[1][:100]))
        remove(self.cid)


class Exiter(Kind):
    """Ends with a known code at a random moment, with last words without a newline, waited for by a
    client that may die with the engine."""

    def __init__(self, name, seconds):
        super().__init__(name)
        self.code, self.early = random.randrange(1, 120), None
        self.is_tty = random.random() < 0.3
        self.cid = create(name, ["sh", "-c", "sleep %.2f; echo -n words of %s; exit %d" % (seconds, name, self.code)],
                          Tty=self.is_tty)
        self.waiter = threading.Thread(target=self.wait)
        condition = random.choice(["next-exit", "not-running"])
        if condition == "next-exit":
            self.query = "?condition=next-exit"
            self.waiter.start()
            start(self.cid)
        else:
            self.query = ""
            start(self.cid)
            self.waiter.start()

    def wait(self):
        try:
            self.early = expect(200, "POST", "/containers/%s/wait%s" % (self.cid, self.query))["StatusCode"]
        except (Lost, Refused):
            pass
        except Exception as e:  # pylint: disable=broad-except
            findings.wrong("%s: wait: %s" % (self.name, e))

    def finish(self):
        Codes.check(self.cid, self.code, end_of(self.cid))
        self.waiter.join(60)
        if self.early is None and not self.waiter.is_alive():
            findings.count("waits cut off")
        elif not (self.early == 0 and self.query):  # next-exit began before the start was known
            if self.early is None:
                # registered after its end: then nothing more will come
                if not self.query:
                    raise Wrong("%s: a wait was never answered" % self.name)
            else:
                Codes.check(self.cid, self.code, self.early)
        until(lambda: "%s: last words, the log is %r" % (self.name, logs(self.cid, self.is_tty)[1]),
              lambda: logs(self.cid, self.is_tty)[1] == b"words of " + self.name.encode(), 5)
        remove(self.cid)


class AutoRemove(Kind):
    """Ends at a random moment; it and its anonymous volume are gone then."""

    def __init__(self, name, seconds):
        super().__init__(name)
        self.cid = create(name, ["sh", "-c", "sleep %.2f; exit 4" % seconds], {"AutoRemove": True},
                          Volumes={"/anonymous": {}})
        self.volume = inspect(self.cid)["Mounts"][0]["Name"]
        start(self.cid)

    def finish(self):
        until(lambda: "%s removes itself: %s" % (self.name, (inspect(self.cid) or {}).get("State")),
              lambda: inspect(self.cid) is None)
        until("%s: its volume is gone" % self.name, lambda: call("GET", "/volumes/" + self.volume)[0] == 404, 10)


class OnFailure(Kind):
    """Fails, is started again as often as its policy says, and no more."""
    RETRIES = 3

    def __init__(self, name, seconds):
        super().__init__(name)
        self.deaths = self.all_deaths()
        self.cid = create(name, ["sh", "-c", "echo x >>/out/%s.runs; echo run; sleep %.2f; exit 5" % (name, seconds)],
                          {"Binds": [OUT + ":/out"],
                           "RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": self.RETRIES}})
        start(self.cid)

    @staticmethod
    def all_deaths():
        return findings.counts.get("engine deaths", 0) + findings.counts.get("keeper deaths", 0)

    def runs(self):
        try:
            return len(open("%s/%s.runs" % (OUT, self.name), encoding="ascii").read().split())
        except FileNotFoundError:
            return 0

    def finish(self):
        state = until(lambda: "%s has no retries left: %s" % (self.name, inspect(self.cid)["State"]),
                      lambda: (s := inspect(self.cid)["State"])["Status"] == "exited" and s)
        Codes.check(self.cid, 5, state["ExitCode"])
        count, runs = inspect(self.cid)["RestartCount"], self.runs()
        # A start that was in flight when the engine or the keeper died is undone, and does not count.
        undone = self.all_deaths() - self.deaths
        if count != self.RETRIES or not 0 <= runs - self.RETRIES - 1 <= undone:
            raise Wrong("%s: %d runs, RestartCount %d, expected %d retries" % (self.name, runs, count, self.RETRIES))
        n = logs(self.cid, False)[1].count(b"run\n")
        if not self.RETRIES + 1 <= n <= runs:
            raise Wrong("%s: %d runs, %d in the log" % (self.name, runs, n))
        remove(self.cid)


class Always(OnFailure):
    """Is started again, for ever."""

    def __init__(self, name):
        Kind.__init__(self, name)
        self.killed = time.monotonic()
        self.cid = create(name, ["sh", "-c", "echo x >>/out/%s.runs; echo run; exec sleep 100" % name],
                          {"Binds": [OUT + ":/out"], "RestartPolicy": {"Name": "always"}})
        start(self.cid)

    def kill_process(self):
        """As the OOM killer would: nobody asked the engine for it."""
        doc = inspect(self.cid)
        if doc["State"]["Pid"]:
            try:
                os.kill(doc["State"]["Pid"], 9)
            except ProcessLookupError:
                pass

    def check(self):
        runs = self.runs()
        until("%s runs" % self.name, lambda: inspect(self.cid)["State"]["Running"])
        if time.monotonic() - self.killed < 15:  # else the pause before a restart doubles each time
            return
        self.killed = time.monotonic()
        self.kill_process()
        until(lambda: "%s was started again: %s" % (self.name, inspect(self.cid)["State"]), lambda: self.runs() > runs, 100)

    def finish(self):
        expect(204, "POST", "/containers/%s/stop?t=0" % self.cid)
        runs = self.runs()
        n = logs(self.cid, False)[1].count(b"run\n")
        if not runs - self.all_deaths() <= n <= runs:
            raise Wrong("%s: %d runs, %d in the log" % (self.name, runs, n))
        remove(self.cid)


class Healthy(Kind):
    """Its checks go on after the engine's death."""

    def __init__(self, name):
        super().__init__(name)
        self.cid = create(name, ["sleep", "10000"], Healthcheck={
            "Test": ["CMD-SHELL", "echo fine"], "Interval": HEALTH, "Retries": 3, "Timeout": 20 * 10 ** 9})
        start(self.cid)

    def check(self):
        begin = time.time()

        def is_fresh():
            h = self.is_running()["State"]["Health"]
            last = h["Log"] and h["Log"][-1]
            return (h["Status"] == "healthy" and last and last["ExitCode"] == 0 and last["Output"] == "fine\n" and
                    last["Start"] >= time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(begin)))
        until(lambda: "%s is checked again: %s" % (self.name, inspect(self.cid)["State"]["Health"]), is_fresh)

    def finish(self):
        remove(self.cid)


class Hall(Kind):
    """Where the storm's execs run."""

    def __init__(self, name):
        super().__init__(name)
        self.cid = create(name, ["sleep", "10000"], {"Binds": [OUT + ":/out"]})
        start(self.cid)

    def check(self):
        self.is_running()

    def finish(self):
        remove(self.cid)


class Web(Kind):
    """A published port. Clients that come while no engine is there wait in its backlog."""

    def __init__(self, name):
        super().__init__(name)
        self.waiting = []
        self.cid = create(name, ["sh", "-c", "mkdir /w; echo the page >/w/index.html; exec httpd -f -h /w"],
                          {"NetworkMode": "bridge", "PortBindings": {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": str(PORT)}]}},
                          ExposedPorts={"80/tcp": {}})
        start(self.cid)

    def knock(self):
        s = socket.create_connection(("127.0.0.1", PORT), 10)
        s.settimeout(40)
        s.sendall(b"GET / HTTP/1.0\r\n\r\n")
        return s

    @staticmethod
    def answer(s):
        got = b""
        try:
            while part := s.recv(4096):
                got += part
        except OSError as e:
            got += b" (%s)" % str(e).encode()
        s.close()
        return got

    def come(self):
        """Called while no engine is there."""
        try:
            self.waiting = [self.knock() for _ in range(5)]
        except OSError as e:
            raise Wrong("%s: a client was refused while no engine was there: %s" % (self.name, e)) from e

    def check(self):
        for s in self.waiting:
            if b"the page" not in (got := self.answer(s)):
                raise Wrong("%s: a client that waited got %r" % (self.name, got))
            findings.count("clients that waited")
        self.waiting = []
        until("%s: the port answers" % self.name, self.answers)

    def answers(self):
        try:
            return b"the page" in self.answer(self.knock())
        except OSError:
            return False

    def finish(self):
        remove(self.cid)


def run_exec(cid, cmd):
    """(output, exit code)"""
    eid = expect(201, "POST", "/containers/%s/exec" % cid, {"Cmd": cmd, "AttachStdout": True, "AttachStderr": True})["Id"]
    s = Stream("/exec/%s/start" % eid, False, {"Detach": False})
    text = s.to_end()
    s.close()
    doc = until("an exec has ended", lambda: not (d := expect(200, "GET", "/exec/%s/json" % eid))["Running"] and d)
    return text, doc["ExitCode"]


class Neighbour(Kind):
    """In a user-defined network: finds the others by name."""

    def __init__(self, name, network, others):
        super().__init__(name)
        self.others = others
        self.cid = create(name, ["sleep", "10000"], {"NetworkMode": network})
        start(self.cid)

    def check(self):
        for other in self.others:
            doc = inspect(other)
            address = list(doc["NetworkSettings"]["Networks"].values())[0]["IPAddress"]
            text, code = run_exec(self.cid, ["nslookup", other, "127.0.0.11"])
            if code != 0 or address.encode() not in text:
                raise Wrong("%s does not find %s (%s): %d %r" % (self.name, other, address, code, text))
            text, code = run_exec(self.cid, ["ping", "-c1", "-W", "10", other])
            if code != 0:
                raise Wrong("%s does not reach %s: %d %r" % (self.name, other, code, text))

    def finish(self):
        remove(self.cid)


def elders():
    """Those that live through all rounds."""
    expect(201, "POST", "/networks/create", {"Name": "village"})
    expect(201, "POST", "/volumes/create", {"Name": "keepsake"})
    return [Writer("e-whole", 2000), Writer("e-rotate", 1200, max_size="1m", max_file="999"),
            Writer("e-long", 200, long_every=40, partial=True), Writer("e-local", 1500, driver="local"),
            Writer("e-locallong", 150, long_every=30, driver="local"),
            Writer("e-tty", 1000, is_tty=True, partial=True), Shell("e-shell"), Cat("e-cat"), Always("e-always"),
            Healthy("e-healthy"), Hall("e-hall"), Web("e-web"), Neighbour("e-left", "village", ["e-left"]),
            Neighbour("e-right", "village", ["e-left", "e-right"])]


def young(n, span):
    """Makers of those of round n, which may end within span seconds."""
    def name(kind):
        return "y%d-%s" % (n, kind)

    def moment():
        return random.uniform(0, span)

    def writer(kind, **options):
        rate = random.choice([1000, 3000, 5000])
        lines = int(rate * random.uniform(0.2, span))
        if options.get("long_every"):
            rate, lines = rate // 10, lines // 10
        return lambda: Writer(name(kind), rate, lines, partial=random.random() < 0.5, **options)
    makers = [writer("json"), writer("local", driver="local"), writer("long", long_every=random.randrange(5, 40)),
              writer("tty", is_tty=True), writer("rotate", max_size="100k", max_file="1000"),
              lambda: Once(name("attached"), True), lambda: Once(name("alone"), False), lambda: Shell(name("shell")),
              lambda: OnFailure(name("fails"), random.choice([0, 0.1, 0.3])),
              lambda: Neighbour(name("guest"), "village", ["e-left", name("guest")])]
    makers += [lambda i=i, t=moment(): Exiter(name("exit%d" % i), t) for i in range(4)]
    makers += [lambda i=i, t=moment(): AutoRemove(name("auto%d" % i), t) for i in range(2)]
    return makers
