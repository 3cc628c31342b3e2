# SPDX-License-Identifier: Apache-2.0
"""Commands from many clients at once, in flight when the engine dies, and a record of what was
acknowledged: that must hold afterwards. What was not acknowledged may be either way, but sound."""
import json
import os
import random
import threading
import time

from kill_client import Lost, Refused, Stream, Wrong, call, expect, findings, inspect, until
from kill_mix import OUT, Codes, end_of, remove


class Exec:
    """An exec, and what is known of it. It leaves two marks in a folder of ours: that it ran (once),
    and its code, just before it ends. is_sure: 200 for a detached start, or its first word; a 101
    says only that the stream is open (start errors come in it), so then inspect decides.
    is_undone: refused, since the keeper was killed under it. It can be started again, and if it had
    begun it was killed before the answer."""
    WORDS = b"".join(b"%d said\n" % i for i in range(40))

    def __init__(self, token, naps=("0", "0.1", "0.3", "1", "2.5")):
        self.token = self.name = token
        self.code, self.id = random.randrange(1, 120), None
        self.nap = random.choice(naps)
        self.is_asked = self.is_sure = self.is_undone = False

    def path(self, kind):
        return "%s/%s.%s" % (OUT, self.token, kind)

    def mark(self, kind):
        try:
            return open(self.path(kind), encoding="ascii").read().split()
        except FileNotFoundError:
            return []

    def script(self):
        half = "while [ $i -lt %d ]; do echo $i said; i=$((i + 1)); done; "
        return ("echo ran >>/out/{0}.ran; i=0; " + half % 20 + "sleep {1}; " + half % 40 +
                "echo {2} >>/out/{0}.code; exit {2}").format(self.token, self.nap, self.code)

    def create(self, cid):
        """False: the container has ended, or is paused."""
        status, data = call("POST", "/containers/%s/exec" % cid, {
            "Cmd": ["sh", "-c", self.script()], "AttachStdout": True, "AttachStderr": True,
            "AttachStdin": random.random() < 0.3})
        if status not in (201, 409):
            raise Wrong("exec create: %d %r" % (status, data))
        self.id = json.loads(data)["Id"] if status == 201 else None
        return status == 201

    def act(self):
        random.choice([self.start_detached, self.start_attached, self.start_attached, self.leave])()

    def leave(self):
        """Created, not started: that, too, is kept."""

    def start_detached(self):
        self.is_asked = True
        try:
            status, data = call("POST", "/exec/%s/start" % self.id, {"Detach": True})
        except Refused:
            self.is_undone = True
            raise
        if status == 200:
            self.is_sure = True
        elif status not in (404, 409) and b"killed by signal 9" not in data:  # with its container: verify_end
            raise Wrong("exec start: %d %r" % (status, data))

    def start_attached(self):
        self.is_asked = True
        deaths = findings.counts.get("engine deaths", 0), findings.counts.get("keeper deaths", 0)
        try:
            s = Stream("/exec/%s/start" % self.id, False, {"Detach": False})
        except Refused:
            self.is_undone = True
            raise
        except Wrong as e:
            if " 404" in str(e) or " 409" in str(e):  # the container has ended, or is paused
                return
            raise
        try:
            text = s.to_end()
        finally:
            s.close()
        if b"keeper was killed" in text:  # said in the stream, as Docker does
            self.is_undone = True
            return
        if b"not running" in text or b"paused" in text or b"killed by signal 9 during set-up" in text:
            return
        self.is_sure = bool(text)
        if not self.WORDS.startswith(text):
            raise Wrong("exec %s said %r" % (self.token, text[-200:]))
        status, data = call("GET", "/exec/%s/json" % self.id)  # Lost: the stream ended with the engine
        if (findings.counts.get("engine deaths", 0), findings.counts.get("keeper deaths", 0)) != deaths:
            return
        if status == 404:  # its container has been removed by us? No: one client, one container
            raise Wrong("exec %s: 404 at its end" % self.token)
        doc = json.loads(data)
        if doc["Running"]:
            raise Wrong("exec %s: its stream has ended, but it runs" % self.token)
        if text == self.WORDS and doc["ExitCode"] not in (self.code, 137):
            raise Wrong("exec %s: code %s, expected %d" % (self.token, doc["ExitCode"], self.code))
        if doc["ExitCode"] == self.code and text != self.WORDS:
            raise Wrong("exec %s: it said only %d bytes" % (self.token, len(text)))

    # ---- afterwards ----

    def inspect(self):
        status, data = call("GET", "/exec/%s/json" % self.id)
        if status != 200:
            raise Wrong("exec %s was acknowledged: %d %r" % (self.token, status, data))
        return json.loads(data)

    def verify(self, may_be_killed):
        """The next engine knows it: as startable, as running, or its end."""
        doc = self.inspect()
        is_new = not doc["Running"] and doc["ExitCode"] is None
        if self.is_undone and not is_new:
            raise Wrong("exec %s was refused, but: %s" % (self.token, doc))
        if is_new and not self.is_undone and (self.is_sure or self.mark("ran")):
            # a start is settled by the keeper's word, a moment after adoption at the latest
            doc = until(lambda: "exec %s was started (sure: %s, marks %s %s), but: %s" % (
                self.token, self.is_sure, self.mark("ran"), self.mark("code"), self.inspect()),
                        lambda: (d := self.inspect()) and (d["Running"] or d["ExitCode"] is not None) and d, 10)
        elif is_new:
            status, data = call("POST", "/exec/%s/start" % self.id, {"Detach": True})
            if status == 200:
                findings.count("execs started by the next engine")
            elif status == 409 and b"already" in data:
                pass  # it is being settled
            elif status == 404 and may_be_killed:
                return  # its container is not running any more
            else:
                raise Wrong("exec %s cannot be started: %d %r" % (self.token, status, data))
        elif not self.is_asked:
            raise Wrong("exec %s was never started, but: %s" % (self.token, doc))
        doc = until(lambda: "exec %s ends: %s" % (self.token, self.inspect()),
                    lambda: (d := self.inspect())["ExitCode"] is not None and not d["Running"] and d)
        self.verify_end(doc["ExitCode"], may_be_killed)

    def verify_end(self, code, may_be_killed):
        ran, ended = self.mark("ran"), self.mark("code")
        if len(ran) > 1 + self.is_undone or len(ended) > 1 + self.is_undone:
            raise Wrong("exec %s (undone: %s) ran %d times, ended %d" % (self.token, self.is_undone, len(ran), len(ended)))
        findings.count("execs")
        if code == self.code:
            if not ended:
                raise Wrong("exec %s: it has not come to its end, but its code is %d" % (self.token, code))
        elif code == 137 and may_be_killed or code == 255 and Codes.can_be_unknown:
            findings.count("execs that were killed")
        else:
            raise Wrong("exec %s: code %s, expected %d; marks %s %s" % (self.token, code, self.code, ran, ended))


class Record:
    """What is known of one container. yes, no or maybe."""

    def __init__(self, name):
        self.names, self.token = {name}, name
        self.exists = self.started = self.paused = self.removed = "no"
        self.ended, self.code, self.must_end = None, None, False
        self.may_end = False  # somebody asked for it
        self.execs, self.mode, self.joined = [], "none", "maybe"


class Storm:
    def __init__(self, n, clients):
        self.n, self.over, self.records, self.things, self.execs = n, threading.Event(), [], [], []
        self.threads = [threading.Thread(target=self.client, args=(i,)) for i in range(clients)]
        self.threads += [threading.Thread(target=self.caller, args=(i,)) for i in range(clients)]
        self.threads.append(threading.Thread(target=self.keeper_of_things))
        for t in self.threads:
            t.start()

    @staticmethod
    def run_for(commands, seconds):
        """A moment by what was done: a slow machine is killed in the middle of things as well."""
        begin, late = findings.counts.get("answers", 0), time.monotonic() + seconds
        while findings.counts.get("answers", 0) < begin + commands and time.monotonic() < late:
            time.sleep(random.uniform(0, 0.01))

    def end(self):
        self.over.set()
        for t in self.threads:
            t.join()

    def client(self, who):
        k = 0
        while not self.over.is_set():
            k += 1
            try:
                self.life(Record("s%d-%d-%d" % (self.n, who, k)))
            except Refused:
                findings.count("refused")
            except Lost:
                return
            except Exception as e:  # pylint: disable=broad-except
                findings.wrong("storm: %s: %s" % (type(e).__name__, e))
                return

    def life(self, r):
        name = r.token
        code = random.randrange(1, 120)
        nap = random.choice(["0", "0.05", "0.3", "1", "1000"])
        r.must_end, r.code = nap != "1000", code
        self.records.append(r)
        r.exists = "maybe"
        cmd = ["sh", "-c", "echo ran >/out/%s; sleep %s; exit %d" % (name, nap, code)]
        r.mode = random.choice(["none", "none", "bridge", "village"])
        host = {"Binds": [OUT + ":/out"], "NetworkMode": r.mode}
        volumes = {"/anonymous": {}} if random.random() < 0.3 else {}
        cid = expect(201, "POST", "/containers/create?name=" + name,
                     {"Image": "busybox", "Cmd": cmd, "HostConfig": host, "Volumes": volumes})["Id"]
        r.exists = "yes"
        if random.random() < 0.15:
            self.remove(r, cid)
            return
        r.started = "maybe"
        expect(204, "POST", "/containers/%s/start" % cid)
        r.started = "yes"
        acts = [self.exec, self.rename, self.pause, self.kill, self.stop, self.restart, self.remove]
        if r.mode == "bridge":
            acts.append(self.connect)
        for act in random.sample(acts, random.randrange(1, 4)):
            act(r, cid)
            if r.exists == "no":
                return
        if random.random() < 0.5:
            self.remove(r, cid)
        findings.count("lives")

    @staticmethod
    def exec(r, cid):
        x = Exec("%s-x%d" % (r.token, len(r.execs)))
        if x.create(cid):
            r.execs.append(x)
            x.act()

    @staticmethod
    def rename(r, cid):
        new = r.token + "-new"
        r.names = r.names | {new}
        expect(204, "POST", "/containers/%s/rename?name=%s" % (cid, new))
        r.names = {new}

    @staticmethod
    def pause(r, cid):
        r.paused = "maybe"
        status, data = call("POST", "/containers/%s/pause" % cid)
        if status in (409, 500) and b"not running" in data or status == 409:
            r.paused = "no"
            return
        if status != 204:
            raise Wrong("pause: %d %r" % (status, data))
        r.paused = "yes"
        if random.random() < 0.5:
            r.paused = "maybe"
            expect((204, 409), "POST", "/containers/%s/unpause" % cid)  # 409: it had ended already
            r.paused = "no"

    @staticmethod
    def kill(r, cid):
        r.may_end = True
        r.code, r.paused = (137, *(r.code if isinstance(r.code, tuple) else (r.code,))), "maybe"
        status, data = call("POST", "/containers/%s/kill" % cid)
        if status == 204:
            r.must_end = True
        elif status != 409:
            raise Wrong("kill: %d %r" % (status, data))

    @staticmethod
    def stop(r, cid):
        r.may_end = True
        r.code, r.paused = (137, 143, *(r.code if isinstance(r.code, tuple) else (r.code,))), "maybe"
        status, data = call("POST", "/containers/%s/stop?t=0" % cid)
        if status not in (204, 304):
            raise Wrong("stop: %d %r" % (status, data))
        r.must_end, r.ended, r.paused = True, "yes", "no"

    @staticmethod
    def restart(r, cid):
        r.may_end = True
        r.code, r.paused = (137, 143, *(r.code if isinstance(r.code, tuple) else (r.code,))), "maybe"
        r.must_end, r.ended = False, None
        expect(204, "POST", "/containers/%s/restart?t=0" % cid)
        r.paused = "no"

    @staticmethod
    def connect(r, cid):
        status, data = call("POST", "/networks/village/connect", {"Container": cid})
        if status == 409:  # it has just ended
            return
        if status != 200:
            raise Wrong("connect: %d %r" % (status, data))
        r.joined = "yes"
        if random.random() < 0.4:
            r.joined = "maybe"
            if call("POST", "/networks/village/disconnect", {"Container": cid})[0] == 200:
                r.joined = "no"

    @staticmethod
    def remove(r, cid):
        r.exists = "maybe"
        expect(204, "DELETE", "/containers/%s?force=1&v=1" % cid)
        r.exists = "no"

    def keeper_of_things(self):
        """Volumes and networks come and go as well."""
        k = 0
        while not self.over.is_set():
            k += 1
            name = "t%d-%d" % (self.n, k)
            kind = random.choice(["volumes", "volumes", "networks"])
            thing = [kind, name, "maybe"]
            self.things.append(thing)
            try:
                expect(201, "POST", "/%s/create" % kind, {"Name": name})
                thing[2] = "yes"
                if random.random() < 0.5:
                    thing[2] = "maybe"
                    expect(204, "DELETE", "/%s/%s" % (kind, name))
                    thing[2] = "no"
            except (Lost, Refused):
                return
            except Exception as e:  # pylint: disable=broad-except
                findings.wrong("storm: %s: %s" % (type(e).__name__, e))
                return

    def caller(self, who):
        """Execs in a container that nobody ends: their codes must be true."""
        k = 0
        while not self.over.is_set():
            k += 1
            x = Exec("c%d-%d-%d" % (self.n, who, k), ("0", "0", "0.1", "0.1", "0.5", "2.5", "12"))
            try:
                if not x.create("e-hall"):
                    raise Wrong("e-hall does not run")
                self.execs.append(x)
                x.start_detached() if x.nap == "12" else x.act()
            except Refused:
                findings.count("refused")
            except Lost:
                return
            except Exception as e:  # pylint: disable=broad-except
                findings.wrong("exec %s: %s: %s" % (x.token, type(e).__name__, e))
                return

    # ---- afterwards ----

    def verify_execs(self):
        """Returns those that outlive some more engines."""
        for x in self.execs:
            try:
                if x.nap != "12":
                    x.verify(False)
            except Wrong as e:
                findings.wrong(str(e))
        return [x for x in self.execs if x.nap == "12"]

    def verify(self):
        for r in self.records:
            try:
                self.verify_one(r)
            except Wrong as e:
                findings.wrong("storm, %s: %s" % (r.token, e))
        for kind, name, exists in self.things:
            status, _ = call("GET", "/%s/%s" % (kind, name))
            if exists != "maybe" and (status == 200) != (exists == "yes"):
                findings.wrong("%s %s: exists %s, but inspect says %d" % (kind, name, exists, status))
            status, data = call("DELETE", "/%s/%s" % (kind, name))
            if status not in (204, 404):
                findings.wrong("%s %s cannot be removed: %d %r" % (kind, name, status, data))
        findings.count("records verified", len(self.records))

    def verify_one(self, r):
        docs = [d for d in map(inspect, sorted(r.names)) if d]
        if r.exists == "no" and docs:
            raise Wrong("removed, but there: %s" % docs[0]["State"])
        if r.exists == "yes" and not docs:
            raise Wrong("created, but not there by %s" % sorted(r.names))
        if not docs:
            return
        if len(docs) > 1:
            raise Wrong("two of them")
        try:
            self.verify_there(r, docs[0])
        finally:
            remove(docs[0]["Id"])

    def verify_there(self, r, doc):
        cid, state = doc["Id"], doc["State"]
        if r.joined != "maybe" and ("village" in doc["NetworkSettings"]["Networks"]) != (r.joined == "yes"):
            raise Wrong("in the network: %s, but %s" % (r.joined, list(doc["NetworkSettings"]["Networks"])))
        if r.exists == "yes":
            self.verify_state(r, cid, state)

    @staticmethod
    def verify_state(r, cid, state):
        if r.started == "yes" and state["Status"] == "created":
            raise Wrong("started, but %s" % state)
        if r.started == "no" and state["Status"] != "created":
            raise Wrong("not started, but %s" % state)
        if r.ended == "yes" and state["Running"]:
            raise Wrong("stopped, but %s" % state)
        if r.paused == "yes" and state["Status"] != "paused" and not r.must_end:
            raise Wrong("paused, but %s" % state)
        if r.started != "yes":
            return
        if r.paused != "no" and inspect(cid)["State"]["Paused"]:
            expect((204, 409), "POST", "/containers/%s/unpause" % cid)
        if not isinstance(r.code, tuple):  # nobody killed it
            until("it was started, so it ran", lambda: os.path.exists(OUT + "/" + r.token), 20)
        for x in r.execs:
            x.verify(r.must_end or r.may_end)
        if r.must_end:
            code = end_of(cid)
            if code not in (r.code if isinstance(r.code, tuple) else (r.code,)):
                if not (code == 255 and Codes.can_be_unknown):
                    raise Wrong("code %d, expected %s: %s" % (code, r.code, inspect(cid)["State"]))
