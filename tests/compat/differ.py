"""Runs commands.txt in lanes and compares them.

usage: differ.py live HOST DOCKER BERTH DOCKERD_NS BERTH_NS GROUPS     beside a dockerd (run)
       differ.py record HOST DOCKER NS SOCKET                    dockerd's lane into recorded/ (record)
       differ.py replay HOST DOCKER BERTH NS LANE                one of ours against it (commands_*.sh)

A group is a heading "# NAME" and its commands up to the next heading; each starts and ends with
nothing. A command that begins with ~ prepares, and is not compared. $D is the client, $T a folder of
the lane's own. Compared are the exit code and stdout and stderr with ids, addresses and times masked.
"""
import json
import os
import re
import subprocess
import sys
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
mode, host, docker = sys.argv[1:4]
CLIENT = subprocess.run([docker, "--version"], capture_output=True, text=True).stdout.split()[2].split(".")[0]
wanted = sys.argv[7] if mode == "live" else "."

MASKS = [
    (r"sha256:[0-9a-f]{64}", "sha256:DIGEST"),
    (r"\b[0-9a-f]{64}\b", "ID64"),
    (r"\b[0-9a-f]{12}\b", "ID12"),
    (r"\b[0-9a-f]{2}(:[0-9a-f]{2}){5}\b", "MAC"),
    (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?( ?(Z|[+-]\d\d:?\d\d)( UTC)?)?", "TIME"),
    (r"Less than a second|About an? (minute|hour)|\b\d+ (second|minute|hour|day|week|month|year)s?\b", "AWHILE"),
    (r"\b(3276[89]|327[7-9]\d|32[89]\d\d|3[3-9]\d{3}|[45]\d{4}|60\d{3})\b", "EPHEMERAL"),
    (r"\b172\.\d+\.\d+\.\d+", "ADDR"),
    (r"\b192\.168\.\d+\.\d+", "ADDR"),
    (r"/tmp/berth-test\.\w+", "HOST"),
    (r"lane-folder-\w+", "LANE"),
    (r"\b(docker|berth|Docker|Berth)\b", "ENGINE"),
    (r"\b\d+(\.\d+)?ms\b", "MS"),
    (r"[ \t]{2,}", "  "),
    (r'time="TIME" level=error msg="error waiting for container: context canceled"(\n|$)', ""), # 20.10's, or not
]


def mask(text):
    for pattern, name in MASKS:
        text = re.sub(pattern, name, text)
    return "\n".join(line.rstrip() for line in text.rstrip().split("\n"))


def groups():
    out, name = [], None
    with open(os.path.join(HERE, "commands.txt")) as f:
        for line in f.read().replace("\\\n", "").split("\n"):
            if line.startswith("# "):
                name = line[2:]
                out.append((name, []))
            elif line.strip() and not line.startswith("#"):
                out[-1][1].append(line)
    return [g for g in out if re.search(wanted, g[0])]


CLEAN = ("$D ps -aq | xargs -r $D rm -fv; $D network ls -q --filter type=custom | xargs -r $D network rm; "
         "$D volume ls -q | xargs -r $D volume rm")


class Lane:
    def __init__(self, name, client, ns, sock):
        self.name, self.ns, self.results = name, ns, []
        self.folder = os.path.join(host, "lane-folder-" + name)
        os.makedirs(self.folder)
        self.env = dict(os.environ, D=client, T=self.folder, DOCKER_HOST="unix://" + sock,
                        BERTH_HOST="unix://" + sock, HOME=self.folder, LC_ALL="C.UTF-8")

    def run(self, command):
        try:
            p = subprocess.run(["nsenter", "--net=/proc/%s/ns/net" % self.ns, "bash", "-c", command],
                               stdin=subprocess.DEVNULL, capture_output=True, env=self.env, timeout=40,
                               cwd=self.folder, errors="replace")
            return p.returncode, p.stdout, p.stderr
        except subprocess.TimeoutExpired as e:
            return "timeout", str(e.stdout), str(e.stderr)

    def run_all(self):
        with open(os.path.join(host, "lane-" + self.name), "w") as log:
            for name, commands in groups():
                log.write("# %s\n" % name)
                for command in commands:
                    code, out, err = self.run(command.lstrip("~ "))
                    self.results.append((name, command, code, mask(out), mask(err)))
                    log.write("$ %s\n%s%s[%s]\n" % (command, out, err, code))
                code, out, err = self.run(CLEAN)
                if code != 0:
                    log.write("cleaning: %s %s%s\n" % (code, out, err))
                    self.results.append((name, "(cleaning up)", code, mask(out), mask(err)))


def known_differences():
    """differences.txt: paragraphs of "lane | regex on the command | reason"; lane is docker, docker20, berth or both."""
    out = []
    with open(os.path.join(HERE, "differences.txt")) as f:
        for line in f:
            if line.strip() and not line.startswith("#"):
                lane, command, reason = [x.strip() for x in line.split(" | ", 2)]
                out.append([lane, command, reason, 0])
    return out


def show(title, text):
    for line in (text or "(nothing)").split("\n")[:25]:
        print("#   %s %s" % (title, line))


def compare(reference, lane, known):
    bad = 0
    for want, got in zip(reference, lane.results):
        if want[1].startswith("~"):
            continue
        name = "%s: %s: %s" % (lane.name, want[0], want[1])
        row = next((k for k in known if k[0] in (lane.name, "both") and k[1] in want[1]), None)
        if want[2:] == got[2:]:
            print("ok - " + name)
            continue
        if row:
            row[3] += 1
            print("ok - %s # differs: %s" % (name, row[2]))
            continue
        bad += 1
        print("not ok - " + name)
        for what, i in (("code", 2), ("out", 3), ("err", 4)):
            if want[i] != got[i]:
                show("dockerd %s:" % what, str(want[i]))
                show("berth   %s:" % what, str(got[i]))
    return bad


def live(berth, dockerd_ns, berth_ns):
    sock = os.path.join(host, "exec/berth.sock")
    reference = Lane("dockerd", docker, dockerd_ns, os.path.join(host, "docker/sock"))
    lanes = [Lane("docker", docker, berth_ns, sock), Lane("berth", berth, berth_ns, sock)]
    thread = threading.Thread(target=reference.run_all)
    thread.start()
    for lane in lanes:
        lane.run_all()
    thread.join()
    return reference.results, lanes


def record_file(client):
    return os.path.join(HERE, "recorded", "commands-%s.json" % client)


def replay(berth, ns, name):
    """berth says what Docker's client of 28 says; Docker's of any version what it said itself."""
    if name != "berth" and not os.path.exists(record_file(CLIENT)):
        print("1..0 # SKIP nothing is recorded for Docker's client %s" % CLIENT)
        sys.exit(0)
    with open(record_file("28" if name == "berth" else CLIENT)) as f:
        reference = [(*r[:3], mask(r[3]), mask(r[4])) for r in json.load(f)]
    lane = Lane(name, berth if name == "berth" else docker, ns, os.path.join(host, "exec/berth.sock"))
    lane.run_all()
    return reference, [lane]


def report(reference, lanes):
    known = known_differences()
    bad = sum(compare(reference, lane, known) for lane in lanes)
    total = sum(1 for lane in lanes for r in lane.results if not r[1].startswith("~"))
    if wanted == ".":
        names = ["both"] * (len(lanes) == 2) + [lane.name for lane in lanes]  # "both": by either
        for row in known:
            if not row[3] and row[0] in names:
                print("not ok - differences.txt names what does not differ: %s" % row[1])
                bad, total = bad + 1, total + 1
    print("1..%d" % total)
    print("# %d commands in each lane, %d differences not accounted for" % (total // len(lanes), bad))
    return bad


if mode == "record":
    dockerd = Lane("dockerd", docker, sys.argv[4], sys.argv[5])
    dockerd.run_all()
    with open(record_file(CLIENT), "w") as f:
        json.dump(dockerd.results, f, indent=0, ensure_ascii=False)
        f.write("\n")
    print("# %d commands recorded" % len(dockerd.results))
elif mode == "replay":
    sys.exit(report(*replay(*sys.argv[4:7])) != 0)
else:
    sys.exit(report(*live(*sys.argv[4:7])) != 0)
