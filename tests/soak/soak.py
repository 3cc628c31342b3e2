#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Lives and deaths, and what is left of them. Run by soak.sh inside its host; prints TAP."""
import hashlib
import http.client
import os
import random
import re
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../faults"))
from engine_kit import DATA, EXEC, HOST, Engine, call, create, load, tap, tests

LIVES, KILLS = int(os.environ["LIVES"]), int(os.environ["KILLS"])
CLIENTS = 4
WARM_UP = 40
MEMORY_KB = 6 << 10  # that much may come on top of a tenth: the pools and caches fill up by and by
SETTLE_S = 120
dice = random.Random(int(os.environ["SEED"]))
engine = Engine()
COPIED = ("container", "image", "network", "volume")  # folders of copies, opened when first needed
TAG = hashlib.sha256(("%s\n%s" % (DATA, EXEC)).encode()).hexdigest()[:6]


# ---- lives ----

def life(name):
    """One of several kinds; nothing of it is left."""
    kind = sum(name.encode()) % 5
    more = [{}, {"Volumes": {"/v": {}}}, {"HostConfig": {"AutoRemove": True}},
            {"HostConfig": {"NetworkMode": "soak"}}, {"ExposedPorts": {"80/tcp": {}}, "HostConfig": {
                "PortBindings": {"80/tcp": [{"HostPort": "0"}]}}}][kind]
    c = create(name, Cmd=["sh", "-c", "echo hello; exit 3" if kind != 1 else "sleep 1000"], **more)
    call("POST", "/containers/%s/start" % c)
    if kind == 1:
        e = call("POST", "/containers/%s/exec" % c, {"Cmd": ["true"], "AttachStdout": True})["Id"]
        call("POST", "/exec/%s/start" % e, {"Detach": True})
    elif kind == 2:
        return
    else:
        code = call("POST", "/containers/%s/wait" % c)["StatusCode"]
        if code != 3:
            raise RuntimeError("%s: exit code %d" % (name, code))
    call("DELETE", "/containers/%s?force=1&v=1" % c)


def live(n, prefix):
    left = list(range(n))
    bad = []

    def client(k):
        while left:
            try:
                i = left.pop()
            except IndexError:
                return
            try:
                life("%s-%d-%d" % (prefix, k, i))
            except (OSError, RuntimeError, http.client.HTTPException) as e:
                bad.append(str(e))
    threads = [threading.Thread(target=client, args=(k,)) for k in range(CLIENTS)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return bad


# ---- what there is ----

def descriptors(pid):
    counts = {}
    for fd in os.listdir("/proc/%d/fd" % pid):
        try:
            kind = re.sub(r"[\d\[\]():].*", "", os.readlink("/proc/%d/fd/%s" % (pid, fd)).rsplit("/", 1)[-1])
        except OSError:
            continue
        counts[kind] = counts.get(kind, 0) + 1
    return counts


def memory_kb(pid):
    return int(re.search(r"VmRSS:\s+(\d+)", open("/proc/%d/status" % pid).read())[1])


def lines(*command):
    return len(subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout.split("\n"))


def keeper_pid():
    return int(open(EXEC + "/keeper.pid").read())


def census():
    """Counts that must come back; namespaces that are made in advance breathe and are left out."""
    pids = {"engine": engine.process.pid, "keeper": keeper_pid()}
    out = {"mounts": lines("cat", "/proc/self/mountinfo")}
    for who, pid in pids.items():
        out[who + " mounts"] = lines("cat", "/proc/%d/mountinfo" % pid)
        for kind, n in descriptors(pid).items():
            if kind not in ("net", "mnt") and kind.split(".")[0] not in COPIED:
                out["%s fds: %s" % (who, kind)] = n
    out["links"] = lines("sh", "-c", "ip -o -d link | grep -vw veth")
    out["cgroups"] = lines("sh", "-c", "find /sys/fs/cgroup/*/berth-%s /sys/fs/cgroup/berth-%s -type d" % (TAG, TAG))
    out["rules"] = lines("nft", "list", "ruleset")
    for place in ("containers", "volumes", "trash", "layers", "quarantine", "tmp", "state.db-copies/container"):
        out[place] = lines("find", "%s/%s" % (DATA, place), "-mindepth", "1", "-maxdepth", "1")
    out["exec root"] = lines("find", EXEC)
    return out


def veths():
    return lines("sh", "-c", "ip -o link show type veth")


def differs(name, before, now):
    """Descriptors of a pool breathe; the trash may not have been empty at first."""
    return now > before if name.startswith("engine fds") or name == "trash" else now != before


def settle(base):
    """Until all is as in base; else the difference."""
    end = time.time() + SETTLE_S
    while True:
        now = census()
        gone = {k: (base.get(k, 0), now.get(k, 0)) for k in set(base) | set(now)
                if differs(k, base.get(k, 0), now.get(k, 0))}
        if not gone or time.time() > end:
            return gone
        time.sleep(0.1)


def quiet():
    """A census that does not move."""
    before = None
    for _ in range(200):
        now = census()
        if now == before:
            return now
        before = now
        time.sleep(0.3)
    return before


# ---- parts ----

def test_lives():
    bad = live(WARM_UP, "warm")
    base = quiet()
    pids = (engine.process.pid, keeper_pid())
    bad += live(max(LIVES // 10, 1), "first")
    settle(base)
    memory = [memory_kb(pid) for pid in pids]
    begun = time.time()
    bad += live(LIVES - LIVES // 10, "life")
    took = time.time() - begun
    gone = settle(base)
    after = [memory_kb(pid) for pid in pids]
    print("# %d lives, %.1f a second; resident memory after a tenth and after all: engine %d and %d KiB, "
          "keeper %d and %d KiB" % (LIVES, (LIVES - LIVES // 10) / max(took, 0.001), memory[0], after[0], memory[1], after[1]))
    tap("%d lives: each was as it should be" % LIVES, not bad, "%d: %s" % (len(bad), bad[:5]))
    tap("nothing of them is left", not gone, gone)
    tap("memory is flat", all(b <= a + a // 10 + MEMORY_KB for a, b in zip(memory, after)), (memory, after))
    tap("interfaces made in advance are few", veths() < 60, veths())


def storm(stop, name):
    i = 0
    while not stop.is_set():
        i += 1
        try:
            life("%s-%d" % (name, i))
        except (OSError, RuntimeError, http.client.HTTPException, ValueError):
            time.sleep(0.005)


def one_death(n):
    stop = threading.Event()
    threads = [threading.Thread(target=storm, args=(stop, "k%d%s" % (n, c)), daemon=True) for c in "abc"]
    for t in threads:
        t.start()
    time.sleep(dice.uniform(0.02, 0.25))
    engine.kill()
    stop.set()
    for t in threads:
        t.join()
    return engine.start()


def clear():
    """All but the holder, which is there since the keeper ends when it holds nothing."""
    for c in call("GET", "/containers/json?all=1"):
        if c["Names"] == ["/holder"]:
            continue
        try:
            call("DELETE", "/containers/%s?force=1&v=1" % c["Id"])
        except RuntimeError:
            pass  # it was being removed
    for v in call("GET", "/volumes")["Volumes"] or []:
        try:
            call("DELETE", "/volumes/" + v["Name"])
        except RuntimeError:
            pass


def test_deaths():
    for n in range(2):
        one_death(-1 - n)
    clear()
    base, keeper = quiet(), keeper_pid()
    memory, longest, ms = memory_kb(keeper), 0, []
    for n in range(KILLS):
        begun = time.time()
        if not one_death(n):
            tap("the engine starts after each SIGKILL", False, engine.said)
            return
        ms.append((time.time() - begun) * 1000)
        longest = max(longest, ms[-1])
        if n % 20 == 19:
            clear()
    clear()
    gone = settle(base)
    print("# %d SIGKILLs; a round takes %.0f ms, the longest %.0f; the keeper's resident memory %d and %d KiB" % (
        KILLS, sum(ms) / max(len(ms), 1), longest, memory, memory_kb(keeper_pid())))
    tap("%d SIGKILLs of the engine: nothing is left, nothing is in quarantine" % KILLS,
        not gone and not os.path.exists(DATA + "/quarantine"), gone)
    tap("the keeper is the same, and its memory is flat",
        keeper_pid() == keeper and memory_kb(keeper) <= memory + memory // 10 + MEMORY_KB, memory_kb(keeper_pid()))


def main():
    if not engine.start():
        tap("the engine starts", False, engine.said)
        sys.exit(1)
    load()
    call("POST", "/networks/create", {"Name": "soak"})
    call("POST", "/containers/%s/start" % create("holder"))
    if LIVES:
        test_lives()
    if KILLS:
        test_deaths()
    print("1..%d" % tests[0])
    sys.exit(tests[1] != 0)


main()
