#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Lives on a disk whose power is cut at many moments, each of which it then starts from. Run by
power.sh inside its host; prints TAP."""
import os
import random
import shutil
import subprocess
import sys

from engine_kit import DATA, EXEC, HOST, Engine, call, create, load, tap, tests
from power_disk import Disk

CUTS = int(os.environ.get("CUTS", "12"))
FS = os.environ.get("FS", "ext4")
SIZE = (320 if FS == "xfs" else 256) << 20  # mkfs.xfs makes no smaller one
dice = random.Random(int(os.environ["SEED"]))
engine = Engine()
promises = []  # (kind, name, from, until): positions in the log; until: None, or (asked, answered)


def run(*args):
    subprocess.run(args, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def text_of(command):
    return subprocess.run(["bash", "-c", command], stdout=subprocess.PIPE, text=True).stdout


def mount(image):
    os.makedirs(DATA, exist_ok=True)
    run("mount", "-o", "loop", image, DATA)


class Promise:
    """Something that is there from the answer on until somebody asks for its end."""

    def __init__(self, disk, kind, name, make):
        self.disk, self.kind, self.name = disk, kind, name
        self.asked = self.gone = None
        self.id = make() or name
        self.since = len(disk.log)

    def end(self, remove):
        self.asked = len(self.disk.log)
        remove()
        self.gone = len(self.disk.log)

    def broken(self, at, found):
        is_there = self.id in found[self.kind]
        if self.since <= at and (self.asked is None or at < self.asked) and not is_there:
            return "%s %s was promised at %d and is not there" % (self.kind, self.name, self.since)
        if self.gone is not None and self.gone <= at and is_there:
            return "%s %s was removed at %d and is there" % (self.kind, self.name, self.gone)
        return None


def live(disk):
    p = []

    def new(kind, name, make):
        p.append(Promise(disk, kind, name, make))
        return p[-1]

    image = new("image", "busybox:latest", load)
    for i in range(12):
        c = new("container", "c%d" % i, lambda n="c%d" % i: create(n, Volumes={"/anon": {}}))
        v = new("volume", "v%d" % i, lambda n="v%d" % i: call("POST", "/volumes/create", {"Name": n}) and None)
        if i % 3 == 1:
            c.end(lambda c=c: call("DELETE", "/containers/%s?v=1" % c.id))
            v.end(lambda v=v: call("DELETE", "/volumes/" + v.name))
        if i == 4:
            new("network", "net", lambda: call("POST", "/networks/create", {"Name": "net"})["Id"])
        if i == 6:
            other = new("image", "registry:latest", lambda: load("registry"))
        if i == 9:
            other.end(lambda: call("DELETE", "/images/registry"))
    return p, image


def layers():
    """Each layer with the digest of everything in it."""
    return text_of("""cd %s/layers && for l in *; do [ ${#l} = 64 ] || continue
        echo "$l $(cd "$l" && find . -printf '%%p %%y %%m %%s %%l\\n' | grep -v '^. d' |
            sed 's/ d \\([0-7]*\\) [0-9]*/ d \\1/' | sort | sha256sum | cut -c1-16) $(
            cd "$l/diff" && find . -type f -print0 | sort -z | xargs -0r sha256sum | sha256sum | cut -c1-16)"
        done""" % DATA).split("\n")


def found():
    return {
        "container": {c["Id"] for c in call("GET", "/containers/json?all=1")},
        "volume": {v["Name"] for v in call("GET", "/volumes")["Volumes"]},
        "network": {n["Id"] for n in call("GET", "/networks")},
        "image": {t for i in call("GET", "/images/json") for t in i["RepoTags"]},
    }


def end_engine():
    """And all that it left running: the machine has no power."""
    engine.kill()
    try:
        keeper = int(open(EXEC + "/keeper.pid").read())
        os.kill(keeper, 9)
    except (OSError, ValueError):
        pass
    subprocess.run(["umount", DATA], stderr=subprocess.DEVNULL) and None
    while os.path.ismount(DATA):
        subprocess.run(["umount", "-l", DATA])
    shutil.rmtree(EXEC, ignore_errors=True)


def look(at, promised, image, whole_layers):
    """What is wrong after a cut, in one text."""
    bad = []
    if not engine.start():
        return "the engine does not start: " + engine.said
    now = found()
    bad += [b for b in (p.broken(at, now) for p in promised) if b]
    bad += ["layer not whole: " + layer for layer in layers() if layer not in whole_layers]
    if image.since <= at:
        one = [p for p in promised if p.kind == "container" and p.id in now["container"]]
        for c in one[:2] + one[2:][-1:]:
            try:
                call("POST", "/containers/%s/start" % c.id)
                call("DELETE", "/containers/%s?force=1" % c.id)
            except RuntimeError as e:
                bad.append("%s: %s" % (c.name, e))
    return "\n".join(bad)


def main():
    disk = Disk(HOST + "/disk", SIZE, HOST + "/fuse", 4096 if FS == "btrfs" else 512)
    run("mkfs." + FS, "-q", HOST + "/fuse/disk")
    mount(HOST + "/fuse/disk")
    run("sync")
    disk.begin(HOST + "/base")
    if not engine.start():
        tap("the engine starts", False, engine.said)
        sys.exit(1)
    promised, image = live(disk)
    n = len(disk.log)
    load("registry") # after the end, to know its layers
    whole_layers = set(layers())
    end_engine()
    flushes = sum(entry is None for entry in disk.log[:n])
    print("# %d writes, %d flushes" % (n - flushes, flushes))
    tap("the disk sees flushes", flushes > 30, flushes)
    bad, lost = [], 0
    answers = sorted({p.since for p in promised} | {p.gone for p in promised if p.gone})
    cuts = [n] + [dice.choice(answers) + dice.randrange(3) for _ in range(CUTS // 2)]
    while len(cuts) < CUTS:
        cuts.append(dice.randrange(1, n))
    for at in cuts:
        lost += disk.crash(HOST + "/base", HOST + "/crashed", at, dice)
        mount(HOST + "/crashed")
        why = look(at, promised, image, whole_layers)
        end_engine()
        if why:
            bad.append("cut at %d of %d: %s" % (at, n, why))
    print("# %d writes had not been flushed at the cuts" % lost)
    tap("%d power cuts: what was acknowledged is whole" % len(cuts), not bad, "\n".join(bad))
    tap("there was something to lose", lost > 0)
    print("1..%d" % tests[0])
    sys.exit(tests[1] != 0)


main()
