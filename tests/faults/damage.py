#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Damages what an engine that was killed has left, and looks at what the next one makes of it. Run
by damage.sh inside its host; prints TAP."""
import http.client
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time

from engine_kit import BIN, DATA, EXEC, HOST, IMAGES, LOG, ROOTS, SOCK, Engine, call, create, load, tap, tests

TRIALS = int(os.environ.get("TRIALS", "40"))
ROUNDS = int(os.environ.get("ROUNDS", "20"))
SAVE = HOST + "/save"
STATE = DATA + "/state.db"
dice = random.Random(int(os.environ["SEED"]))
engine = Engine()


def recover():
    r = subprocess.run([BIN + "/berthd", "--recover"] + ROOTS, stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT, text=True)
    with open(LOG, "a") as log:
        log.write(r.stdout)
    return r.returncode, r.stdout


def expect_started():
    if not engine.start():
        raise RuntimeError("the engine does not start:\n" + engine.said)


def known():
    """All that a client can see, in one text."""
    lines = []
    for c in call("GET", "/containers/json?all=1"):
        i = call("GET", "/containers/%s/json" % c["Id"])
        lines.append("container %s %s %s %s %s %s" % (
            i["Id"], i["Name"], i["Image"], i["State"]["Status"], sorted(i["Config"]["Labels"].items()),
            sorted((m["Name"], m["Destination"]) for m in i["Mounts"])))
    for i in call("GET", "/images/json"):
        lines.append("image %s %s" % (i["Id"], i["RepoTags"]))
    for v in call("GET", "/volumes")["Volumes"]:
        lines.append("volume %s %s" % (v["Name"], v["Labels"]))
    for n in call("GET", "/networks"):
        lines.append("network %s %s %s" % (n["Id"], n["Name"], n["Labels"]))
    return "\n".join(sorted(lines))


def set_up():
    expect_started()
    load()
    call("POST", "/volumes/create", {"Name": "vol", "Labels": {"a": "b"}})
    call("POST", "/networks/create", {"Name": "net", "Labels": {"c": "d"}})
    for i in range(2):
        call("POST", "/containers/%s/start" % create("up%d" % i))
    for i in range(12): # their documents fill pages
        create("still%d" % i, Env=["PAD=" + "x" * 900], HostConfig={"Binds": ["vol:/v"]})
    call("DELETE", "/containers/still11")
    with open(DATA + "/volumes/vol/_data/file", "w") as f:
        f.write("kept")
    up0 = call("GET", "/containers/up0/json")["Id"]
    e = call("POST", "/containers/%s/exec" % up0, {"Cmd": ["sleep", "100000"]})["Id"]
    call("POST", "/exec/%s/start" % e, {"Detach": True})


def copies_settled():
    """The copies are a moment behind: until each container's says what its document says."""
    ids = [c["Id"] for c in call("GET", "/containers/json")]

    def is_up(i):
        try:
            return '"Status":1' in open("%s-copies/container/%s" % (STATE, i)).read()
        except OSError:
            return False
    end = time.time() + 20
    while time.time() < end and not all(map(is_up, ids)):
        time.sleep(0.02)
    time.sleep(0.1)


def restore():
    for name in os.listdir(DATA):
        if name not in ("layers", "engine-id", "berthd.lock"):
            path = DATA + "/" + name
            shutil.rmtree(path) if os.path.isdir(path) else os.unlink(path)
    subprocess.check_call(["cp", "-a", SAVE + "/.", DATA])
    shutil.copy(HOST + "/execs.db", EXEC + "/execs.db")
    shutil.copy(HOST + "/execs.db-wal", EXEC + "/execs.db-wal")


def save():
    shutil.rmtree(SAVE, ignore_errors=True)
    os.mkdir(SAVE)
    for name in os.listdir(DATA):
        if name not in ("layers", "engine-id", "berthd.lock"):
            subprocess.check_call(["cp", "-a", DATA + "/" + name, SAVE])
    for name in ("execs.db", "execs.db-wal"):
        shutil.copy(EXEC + "/" + name, HOST + "/" + name)


def flip(path, at, bits):
    with open(path, "r+b") as f:
        f.seek(at)
        byte = f.read(1)
        f.seek(at)
        f.write(bytes([byte[0] ^ bits]))


def damages(n):
    """Names and functions."""
    for _ in range(n):
        file = dice.choice(["state.db-wal"] * 4 + ["state.db"] * 3 + ["state.db-mark"])
        path = SAVE + "/" + file
        size = os.path.getsize(path)
        at, bits = dice.randrange(size if dice.random() < 0.8 else min(size, 200)), dice.randrange(1, 256)
        yield "%s, byte %d ^ %02x" % (file, at, bits), lambda f=file, a=at, b=bits: flip(DATA + "/" + f, a, b)
    size = os.path.getsize(SAVE + "/state.db-wal")
    for frame in [0, 1] + [dice.randrange(2, size // 4120) for _ in range(3)]:
        at = 32 + frame * 4120
        yield "the log cut to frame %d" % frame, lambda a=at: os.truncate(STATE + "-wal", a)
        yield "the log cut in frame %d" % frame, lambda a=at: os.truncate(STATE + "-wal", a + 1000)
    yield "the log empty", lambda: os.truncate(STATE + "-wal", 0)
    yield "the file empty", lambda: os.truncate(STATE, 0)
    yield "the file cut", lambda: os.truncate(STATE, os.path.getsize(STATE) // 2)
    for file in ("", "-wal", "-mark"):
        yield "state.db%s gone" % file, lambda f=file: os.unlink(STATE + f)
    yield "all but the copies gone", lambda: [os.unlink(STATE + f) for f in ("", "-wal", "-mark")]
    for file in ("execs.db", "execs.db-wal"):
        for _ in range(3):
            at = dice.randrange(os.path.getsize(HOST + "/" + file))
            yield "%s, byte %d" % (file, at), lambda f=file, a=at: flip(EXEC + "/" + f, a, 0x55)
        yield file + " gone", lambda f=file: os.unlink(EXEC + "/" + f)


def try_one(name, damage, expected, counts):
    restore()
    damage()
    if engine.start():
        counts["whole"] += 1
    else:
        counts["refused"] += 1
        if "--recover" not in engine.said:
            return "it does not say what to do: " + engine.said
        code, text = recover()
        if code:
            return "--recover fails: " + text
        if counts["refused"] % 8 == 1:
            code, again = recover()
            if code or "nothing had to be recovered" not in again:
                return "--recover once more: %d %s" % (code, again)
        if not engine.start():
            return "after --recover: " + engine.said
    found = known()
    engine.kill()
    if found != expected:
        return "lost:  %s\nfound: %s" % (sorted(set(expected.split("\n")) - set(found.split("\n"))),
                                         sorted(set(found.split("\n")) - set(expected.split("\n"))))
    return None


def test_damages():
    expected = known()
    copies_settled()
    engine.kill()
    save()
    counts = {"whole": 0, "refused": 0}
    bad = []
    n = 0
    for name, damage in damages(TRIALS):
        n += 1
        why = try_one(name, damage, expected, counts)
        if why:
            bad.append("%s: %s" % (name, why))
            if engine.process.poll() is None:
                engine.kill()
    tap("%d kinds of damage: all is there, or it is refused and recovered" % n, not bad, "\n".join(bad))
    print("# whole: %(whole)d, refused and recovered: %(refused)d" % counts)
    tap("both happened", counts["whole"] > 3 and counts["refused"] > 10, counts)
    restore()


# ---- what no document knows ----

def edit(sql, *values):
    s = sqlite3.connect(STATE)
    with s:
        s.execute(sql, values)
    s.close()


def quarantine():
    return sorted(os.listdir(DATA + "/quarantine")) if os.path.exists(DATA + "/quarantine") else []


def test_shorter():
    expect_started()
    expected = known()
    ids = {c["Names"][0]: c["Id"] for c in call("GET", "/containers/json?all=1")}
    still = ids["/still0"]
    engine.kill(signal.SIGTERM)
    edit("DELETE FROM documents WHERE kind = 'container' AND id = ?", still)
    edit("DELETE FROM documents WHERE kind IN ('image', 'volume') OR (kind = 'network' AND json LIKE '%\"net\"%')")
    expect_started()
    tap("a shorter database: what it does not know is in quarantine",
        {"container-" + still, "container-" + still + ".json"} <= set(quarantine()) and
        any(n.startswith("layer-") for n in quarantine()), quarantine())
    tap("the log says so, and what to do", "quarantine" in engine.said and "--recover" in engine.said, engine.said)
    tap("a volume is taken over with its labels",
        [v["Labels"] for v in call("GET", "/volumes")["Volumes"] if v["Name"] == "vol"] == [{"a": "b"}])
    usage = call("GET", "/system/df")
    tap("GET /system/df shows it", usage["Quarantine"]["Count"] == len(quarantine()) and
        usage["Quarantine"]["Size"] > 100000, usage.get("Quarantine"))
    text = subprocess.run([BIN + "/berth", "system", "df"], stdout=subprocess.PIPE, text=True,
                          env=dict(os.environ, BERTH_HOST="unix://" + SOCK)).stdout
    tap("so does berth system df", "Quarantine" in text, text)
    engine.kill(signal.SIGTERM)
    before = quarantine()
    expect_started()
    tap("nothing of it is removed by a start", quarantine() == before, quarantine())
    engine.kill(signal.SIGTERM)
    code, text = recover()
    expect_started()
    found = known()
    tap("--recover brings all of it back", code == 0 and found == expected, text + "\n" + found + "\n" + expected)
    tap("and its files", open(DATA + "/volumes/vol/_data/file").read() == "kept" and
        os.path.isdir(DATA + "/containers/" + still))
    tap("the quarantine is empty again, but for what is there anew", not any(
        n.startswith(("container-", "layer-")) for n in quarantine()), quarantine())
    engine.kill(signal.SIGTERM)
    restore()


def test_bad_document():
    expect_started()
    n = len(call("GET", "/containers/json?all=1"))
    ids = {c["Names"][0]: c["Id"] for c in call("GET", "/containers/json?all=1")}
    engine.kill(signal.SIGTERM)
    edit("UPDATE documents SET json = '{broken' WHERE kind = 'container' AND id = ?", ids["/still1"])
    edit("UPDATE documents SET json = '[]' WHERE kind = 'volume' AND id = 'vol'")
    expect_started()
    left = len(call("GET", "/containers/json?all=1"))
    tap("a document that is not understood does not stop the others", left == n - 1, (left, n))
    tap("it and its folder are in quarantine", {
        "container-" + ids["/still1"], "container-" + ids["/still1"] + ".json"} <= set(quarantine()), quarantine())
    tap("a volume stays one", "vol" in [v["Name"] for v in call("GET", "/volumes")["Volumes"]])
    engine.kill(signal.SIGTERM)
    restore()


def test_lost_folder():
    expect_started()
    one = call("GET", "/containers/still2/json")["Id"]
    engine.kill(signal.SIGTERM)
    shutil.rmtree(DATA + "/containers/" + one)
    expect_started()
    call("POST", "/containers/still2/start")
    tap("a container whose folder is gone can be started, and the log says so", "is gone" in engine.said, engine.said)
    call("DELETE", "/containers/still2?force=1")
    engine.kill(signal.SIGTERM)
    restore()


def test_other_formats():
    expect_started()
    engine.kill(signal.SIGTERM)
    edit("UPDATE meta SET format = 7")
    edit("PRAGMA user_version = 7")
    is_up = engine.start()
    tap("a newer format is refused", not is_up and "written by a newer berth" in engine.said, engine.said)
    code, text = recover()
    tap("also by --recover", code == 1 and "newer berth" in text, text)
    edit("UPDATE meta SET format = 1")
    edit("PRAGMA user_version = 1")
    edit("PRAGMA application_id = 1")
    is_up = engine.start()
    tap("a wrong application id is refused", not is_up and "application id" in engine.said, engine.said)
    restore()


# ---- normal life ----

def storm(stop):
    i = 0
    while not stop.is_set():
        i += 1
        me = threading.current_thread().name + str(i)
        try:
            c = create(me, Volumes={"/anon": {}} if i % 2 else {})
            if i % 3 == 0:
                call("POST", "/containers/%s/start" % c)
            if i % 5 != 0:
                call("DELETE", "/containers/%s?force=1&v=1" % c)
            call("POST", "/volumes/create", {"Name": me})
            if i % 2:
                call("DELETE", "/volumes/" + me)
        except (OSError, RuntimeError, http.client.HTTPException):
            time.sleep(0.01)


def image_storm(stop):
    while not stop.is_set():
        try:
            with open(IMAGES + "/registry.tar", "rb") as f:
                call("POST", "/images/load", f.read())
            call("DELETE", "/images/registry")
        except (OSError, RuntimeError, http.client.HTTPException):
            time.sleep(0.01)


def test_normal_life():
    for _ in range(ROUNDS):
        expect_started()
        stop = threading.Event()
        threads = [threading.Thread(target=storm, args=(stop,), name=n, daemon=True) for n in "abc"]
        threads.append(threading.Thread(target=image_storm, args=(stop,), daemon=True))
        for t in threads:
            t.start()
        time.sleep(dice.uniform(0.05, 0.6))
        engine.kill()
        stop.set()
        for t in threads:
            t.join()
    expect_started()
    tap("%d SIGKILLs in the middle of everything: nothing is in quarantine" % ROUNDS, not quarantine(), "%s\n%s" % (
        quarantine(), subprocess.run(["grep", "-a", "quarantine", LOG], stdout=subprocess.PIPE, text=True).stdout[-3000:]))
    folders = set(os.listdir(DATA + "/containers"))
    ids = {c["Id"] for c in call("GET", "/containers/json?all=1")}
    tap("and no folder is left without its container", folders == ids, folders ^ ids)


def main():
    set_up()
    test_damages()
    test_shorter()
    test_bad_document()
    test_lost_folder()
    test_other_formats()
    test_normal_life()
    print("1..%d" % tests[0])
    sys.exit(tests[1] != 0)


main()
