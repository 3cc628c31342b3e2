#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Kills the engine, the keeper, both, or upgrades the keeper, round after round, under a load whose
every promise is checked afterwards. Run by kill.sh inside its host; prints TAP."""
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time

import kill_mix as mix
from kill_client import Lost, Refused, Wrong, call, expect, findings, until
from kill_storm import Storm

HOST, BIN = os.environ["HOST"], os.environ["BERTH_BIN"]
ROUNDS = int(os.environ.get("ROUNDS", "30"))
SEED = int(os.environ.get("SEED", "0")) or int(time.time() * 1000) % 1000000
LIMIT_S = int(os.environ.get("LIMIT_S", "360"))
KEEPER = HOST + "/bin/berth-keeper"
CLIENTS = 6
DECK = os.environ.get("DECK", "").split() or ["engine"] * 16 + ["starting"] * 3 + ["keeper"] * 4 + ["both"] * 3 + ["upgrade"] * 3 + ["term"]

kernel = tuple(map(int, re.match(r"(\d+)\.(\d+)", os.uname().release).groups()))
tests = [0, 0]


def tap(name, is_ok, why=""):
    tests[0] += 1
    tests[1] += not is_ok
    print("%s %d - %s" % ("ok" if is_ok else "not ok", tests[0], name))
    for line in str(why).split("\n") if not is_ok else []:
        print("# " + line[:700])
    sys.stdout.flush()


class Engine:
    """berthd of the private host."""

    def __init__(self):
        self.log_path = HOST + "/engine.log"
        self.process = None

    def launch(self):
        self.process = subprocess.Popen(
            [BIN + "/berthd", "-H", "unix://" + os.environ["SOCK"], "--data-root", HOST + "/data", "--exec-root",
             HOST + "/exec", "--pidfile", HOST + "/engine.pid"],
            stdout=open(self.log_path, "ab"), stderr=subprocess.STDOUT)

    def await_answer(self):
        def answers():
            if self.process.poll() is not None:
                raise SystemExit("the engine ended: %s" % self.log()[-2000:])
            try:
                return call("GET", "/_ping")[0] == 200
            except Lost:
                return False
        until("the engine answers", answers, 60)

    def start(self):
        begin = time.monotonic()
        self.launch()
        self.await_answer()
        findings.counts["longest start in ms"] = max(int((time.monotonic() - begin) * 1000),
                                                     findings.counts.get("longest start in ms", 0))

    def kill(self):
        self.process.kill()
        self.process.wait()
        findings.count("engine deaths")

    def stop(self):
        findings.count("engine deaths")
        self.process.terminate()
        return self.process.wait(60)

    def log(self):
        return open(self.log_path, encoding="utf-8", errors="replace").read()

    def logged(self, text):
        return self.log().count(text)


engine = Engine()


def keeper_pid():
    try:
        return int(open(HOST + "/exec/keeper.pid", encoding="ascii").read())
    except (OSError, ValueError):
        return 0


def probe():
    """A container runs: the keeper has done all that it was told before."""
    def runs():
        try:
            cid = mix.create("probe", ["true"])
        except (Lost, Refused):
            return False
        try:
            expect(204, "POST", "/containers/%s/start" % cid)
            return True
        except Refused:
            return False
        finally:
            call("DELETE", "/containers/%s?force=1" % cid)
    until("a container runs", runs)


def install_keeper(n):
    """Another build of the same keeper."""
    data = open(BIN + "/berth-keeper", "rb").read() + b"another build" * (n % 2)
    with open(KEEPER + ".new", "wb") as f:
        f.write(data)
    os.chmod(KEEPER + ".new", 0o755)
    os.rename(KEEPER + ".new", KEEPER)


class Rounds:
    def __init__(self):
        self.elders, self.pending, self.builds, self.kinds = mix.elders(), [], 0, {}
        self.long_execs = []

    # ---- what is done to them ----

    def down_s(self):
        x = random.random()
        if x < 0.55:
            return random.uniform(0, 0.3)
        return random.uniform(0.3, 1.5) if x < 0.9 else random.uniform(1.5, 10)

    def die_and_come_back(self):
        """The engine is dead: some time passes, then another one."""
        down = self.down_s()
        if down > 0.2:
            self.guarded("backlog", self.web().come)
        time.sleep(down)
        engine.start()

    def web(self):
        return next(e for e in self.elders if isinstance(e, mix.Web))

    def kill_engine(self):
        engine.kill()
        self.die_and_come_back()

    def kill_starting(self):
        engine.kill()
        for _ in range(random.randrange(1, 4)):
            engine.launch()
            time.sleep(random.uniform(0, 0.25))
            engine.kill()
        self.die_and_come_back()

    def kill_keeper(self):
        """Streams go on."""
        cat = next(e for e in self.elders if isinstance(e, mix.Cat))
        goes_on = cat.hold()
        old, n = keeper_pid(), engine.logged("the keeper was killed")
        findings.count("keeper deaths")
        os.kill(old, signal.SIGKILL)
        until("the engine notices", lambda: engine.logged("the keeper was killed") > n)
        until("another keeper", lambda: keeper_pid() not in (0, old))
        goes_on()
        if kernel < (6, 15):
            mix.Codes.can_be_unknown = True

    def kill_both(self):
        self.kill_keeper()
        probe()
        engine.kill()
        self.die_and_come_back()

    def upgrade(self):
        n, pid = engine.logged("the keeper was upgraded in place"), keeper_pid()
        self.builds += 1
        install_keeper(self.builds)
        engine.process.send_signal(signal.SIGHUP)
        if random.random() < 0.4:  # the engine dies in the middle of it; the next one sees to it
            time.sleep(random.uniform(0, 0.03))
            engine.kill()
            self.die_and_come_back()
        until("the keeper is upgraded", lambda: engine.logged("the keeper was upgraded in place") > n or
              engine.process.poll() is not None or self.is_current(), 30)
        if keeper_pid() != pid:
            raise Wrong("the upgraded keeper has another pid")

    @staticmethod
    def is_current():
        """Killed after the upgrade and before the line in the log."""
        exe = open("/proc/%d/exe" % keeper_pid(), "rb").read()
        return exe == open(KEEPER, "rb").read()

    def term(self):
        code = engine.stop()
        self.die_and_come_back()
        if code != 0:
            raise Wrong("SIGTERM: the engine ended with %s" % code)

    # ---- a round ----

    def guarded(self, what, fn):
        try:
            return fn()
        except (Wrong, Lost, Refused) as e:
            findings.wrong("%s: %s: %s" % (what, type(e).__name__, e))
        except Exception as e:  # pylint: disable=broad-except
            findings.wrong("%s: %s: %s at %s" % (what, type(e).__name__, e, e.__traceback__.tb_next))
        return None

    def make_young(self, n):
        def make(fn):
            kind = self.guarded("a new one", fn)
            if kind:
                self.pending.append((n + (random.random() < 0.25), kind))
        threads = [threading.Thread(target=make, args=(fn,)) for fn in mix.young(n, 1.5)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()

    def each(self, kinds, fn):
        """Checks side by side."""
        threads = [threading.Thread(target=self.guarded, args=(k.name, lambda k=k: fn(k))) for k in kinds]
        for t in threads:
            t.start()
        for t in threads:
            t.join()

    def run(self, n, kind):
        findings.round = "%d (%s)" % (n, kind)
        self.kinds[kind] = self.kinds.get(kind, 0) + 1
        self.make_young(n)
        storm = Storm(n, CLIENTS)
        storm.run_for(random.randrange(150), 3)
        self.guarded(kind, {"engine": self.kill_engine, "starting": self.kill_starting, "keeper": self.kill_keeper,
                            "both": self.kill_both, "upgrade": self.upgrade, "term": self.term}[kind])
        storm.end()
        self.guarded("storm", storm.verify)
        self.long_execs += self.guarded("execs", storm.verify_execs) or []
        due = [k for when, k in self.pending if when <= n]
        self.pending = [(when, k) for when, k in self.pending if when > n]
        self.each(self.elders + [k for _, k in self.pending], lambda k: k.check())
        self.each(due, lambda k: (k.check(), k.finish()))

    def finish(self):
        findings.round = "end"
        self.each([k for _, k in self.pending], lambda k: k.finish())
        self.each(self.long_execs, lambda x: x.verify(False))
        open(mix.OUT + "/stop", "w", encoding="ascii").close()
        self.each(self.elders, lambda k: k.finish())


def census():
    env = {**os.environ, "ENGINE_PID": str(engine.process.pid)}
    out = subprocess.run(["bash", "-c", """cd "$0" && H=$HOST N=$HOST_NS_PID E=$ENGINE_PID K=$SOCK
        . ../lib/host.sh; . ../lib/census.sh; . ../lib/tap.sh; . ../lib/qa.sh
        HOST=$H HOST_NS_PID=$N ENGINE_PID=$E SOCK=$K; settled; census_stable""", os.path.dirname(os.path.abspath(__file__))],
                         env=env, capture_output=True, text=True, check=False)
    return out.stdout.split("\n")


def warm_up():
    subprocess.run([BIN + "/berth", "load", "-q", "-i", os.environ["IMAGES"] + "/busybox.tar"], check=True,
                   stdout=subprocess.DEVNULL)
    expect(201, "POST", "/networks/create", {"Name": "warm"})
    for network in ("none", "bridge", "warm"):
        cid = mix.create("warm", ["true"], {"NetworkMode": network})
        expect(204, "POST", "/containers/%s/start" % cid)
        mix.end_of(cid)
        mix.remove(cid)
    expect(204, "DELETE", "/networks/warm")


def play():
    rounds, begin, n = Rounds(), time.monotonic(), 0
    deck = []
    for n in range(1, ROUNDS + 1):
        if not deck:
            deck = random.sample(DECK, len(DECK))
        if time.monotonic() - begin > LIMIT_S:
            n -= 1
            break
        rounds.run(n, deck.pop())
        if os.environ.get("STOP_AT_FIRST") and findings.bad:
            break
    if n < ROUNDS:
        print("# a slow machine: only %d of %d rounds" % (n, ROUNDS))
    tap("%d rounds: %s" % (n, ", ".join("%s %d" % k for k in sorted(rounds.kinds.items()))), n >= ROUNDS // 3, "out of time")
    rounds.finish()


def is_empty():
    return not expect(200, "GET", "/containers/json?all=1")


def main():
    print("# seed %d" % SEED, flush=True)
    random.seed(SEED)
    os.environ["BERTH_KEEPER"] = KEEPER
    os.makedirs(HOST + "/bin", exist_ok=True)
    os.makedirs(mix.OUT, exist_ok=True)
    install_keeper(0)
    engine.start()
    warm_up()
    before = census()
    play()
    tap("no promise was broken", not findings.bad, "\n".join(findings.bad))
    tap("nothing is left", is_empty(), [c["Names"] for c in expect(200, "GET", "/containers/json?all=1")])
    expect(204, "DELETE", "/volumes/keepsake")
    volumes = until("the volumes are gone", lambda: expect(200, "GET", "/volumes"))["Volumes"] or []
    tap("no volume is left", not volumes, [v["Name"] for v in volumes])
    expect(204, "DELETE", "/networks/village")
    after = census()
    tap("the census is as before", before == after,
        "\n".join("%s, after: %s" % p for p in zip(before, after) if p[0] != p[1]))
    print("# " + ", ".join("%s: %s" % p for p in sorted(findings.counts.items())))
    for what in ("lines", "lives", "execs", "records verified", "clients that waited"):
        tap("there was a load: " + what, findings.counts.get(what, 0) > 0 or ROUNDS < 10)
    tap("the engine ends well", engine.stop() == 0)


main()
print("1..%d" % tests[0])
sys.exit(tests[1] != 0)
