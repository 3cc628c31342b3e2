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

# Must an exec that was started come to its true end when the engine dies under it?
STRICT_EXECS = False


class Record:
    """What is known of one container. yes, no or maybe."""

    def __init__(self, name):
        self.names, self.token = {name}, name
        self.exists = self.started = self.paused = self.removed = "no"
        self.ended, self.code, self.must_end = None, None, False
        self.execs, self.mode, self.joined = [], "none", "maybe"


class Storm:
    def __init__(self, n, clients):
        self.n, self.over, self.records, self.things = n, threading.Event(), [], []
        self.threads = [threading.Thread(target=self.client, args=(i,)) for i in range(clients)]
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
        code = random.randrange(1, 120)
        status, data = call("POST", "/containers/%s/exec" % cid,
                            {"Cmd": ["sh", "-c", "sleep 0.%d; echo -n said; exit %d" % (random.randrange(4), code)],
                             "AttachStdout": True, "AttachStderr": True})
        if status == 409:
            return  # it has ended, or is paused
        if status != 201:
            raise Wrong("exec create: %d %r" % (status, data))
        eid = json.loads(data)["Id"]
        try:
            s = Stream("/exec/%s/start" % eid, False, {"Detach": False})
        except Wrong as e:
            if b" 409 " in str(e).encode() or " 126" in str(e):
                return
            if " 409" in str(e) or "not running" in str(e) or "paused" in str(e):
                return
            raise
        if STRICT_EXECS:
            r.execs.append((eid, code))
        text = s.to_end()
        if text == b"said":
            status, data = call("GET", "/exec/%s/json" % eid)
            if status == 200 and not (doc := json.loads(data))["Running"] and doc["ExitCode"] != code:
                raise Wrong("exec in %s: code %s, expected %d" % (r.token, doc["ExitCode"], code))
            findings.count("execs")

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
        r.code, r.paused = (137, *(r.code if isinstance(r.code, tuple) else (r.code,))), "maybe"
        status, data = call("POST", "/containers/%s/kill" % cid)
        if status == 204:
            r.must_end = True
        elif status != 409:
            raise Wrong("kill: %d %r" % (status, data))

    @staticmethod
    def stop(r, cid):
        r.code, r.paused = (137, 143, *(r.code if isinstance(r.code, tuple) else (r.code,))), "maybe"
        status, data = call("POST", "/containers/%s/stop?t=0" % cid)
        if status not in (204, 304):
            raise Wrong("stop: %d %r" % (status, data))
        r.must_end, r.ended, r.paused = True, "yes", "no"

    @staticmethod
    def restart(r, cid):
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

    # ---- afterwards ----

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
        doc = docs[0]
        cid, state = doc["Id"], doc["State"]
        if r.joined != "maybe" and ("village" in doc["NetworkSettings"]["Networks"]) != (r.joined == "yes"):
            raise Wrong("in the network: %s, but %s" % (r.joined, list(doc["NetworkSettings"]["Networks"])))
        if r.exists == "yes":
            self.verify_state(r, cid, state)
        remove(cid)

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
        for eid, code in r.execs:
            doc = until("exec has ended", lambda e=eid: not (d := expect(200, "GET", "/exec/%s/json" % e))["Running"] and d)
            if doc["ExitCode"] not in (code, 137):
                raise Wrong("exec: code %s, expected %d" % (doc["ExitCode"], code))
        if r.must_end:
            code = end_of(cid)
            if code not in (r.code if isinstance(r.code, tuple) else (r.code,)):
                if not (code == 255 and Codes.can_be_unknown):
                    raise Wrong("code %d, expected %s: %s" % (code, r.code, inspect(cid)["State"]))
