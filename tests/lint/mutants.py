#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Breaks the code on purpose, and asks the tests: random one-line mutants (a negated condition, an
off-by-one, a dropped call). Run as root, by hand; docs/MUTANTS.md says what was found.

  mutants.py                       draws, builds, runs; goes on where it was ended
  mutants.py --count N --seed S    how many, and which
  mutants.py --folder F[,F…]       of src/F only
  mutants.py --only N              that one again, with what the tests say
  mutants.py --system NAME[,…]     the scripts for what survives the unit tests ("" for none)
  mutants.py --report              the results so far, as a table

The tree is never touched: a copy below --work gets all mutants at once, each behind MUTANT(n),
which is true in a process whose world has that number in a file. So there is one build, and MUTANT
also notes which lines a test comes by: only tests that do are run for a mutant. Tests run in a PID
and mount namespace with a file system that cannot be written to: a mutant may well kill(-1).
"""
import argparse, base64, concurrent.futures, gzip, json, os, pathlib, random, re, signal
import subprocess, sys, threading, time

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDERS = "core wire stream container place exec run view recover runtime keeper init".split()
SCRIPTS = "guide_running guide_network lifecycle takeover streams health networks"
# Which script a folder's mutants are likely to break. A mutant meets at most EACH scripts.
LIKELY = {"stream": "streams", "place": "networks", "exec": "health", "recover": "takeover",
          "keeper": "takeover", "core": "takeover"}
EACH = 2
# Built for nobody's eyes: a log line; what only LeakSanitizer's build sees.
NOT_DROPPED = re.compile(r"(log_\w+|err_drop|free|mem_free|va_\w+|assert\w*|static_assert)$")
CALL = re.compile(r"(\s+)(\(void\))?([a-z_]\w*(?:(?:->|\.)\w+)*|TRY)\((.*)\);$")
BRANCH = re.compile(r"(\s*(?:\} )?(?:else )?(?:if|while) \()(.*)(\)(?: \{|;)?)$")
RETURN = re.compile(r"(\s*return )(.*)(;)$")
STEP = re.compile(r" (?:(<=|>=|<|>) |([+-] 1\b(?![.\w])))")
LOGIC = re.compile(r" (==|!=|&&|\|\||<|>|<=|>=) |^!")

HEADER = r"""
#pragma once
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
__attribute__((weak)) int mutant_chosen;
__attribute__((weak)) unsigned char *mutant_reached;
__attribute__((weak)) unsigned char mutant_nowhere[4096];
static inline int MUTANT(int n)
{
    if (mutant_reached)
        mutant_reached[n] = 1;
    return n == mutant_chosen;
}
__attribute__((constructor)) static void mutant_begin(void)
{
    char text[16] = "";
    int fd;
    if (mutant_reached)
        return;
    mutant_reached = mutant_nowhere;
    fd = open("/tmp/.mutant/chosen", O_RDONLY | O_CLOEXEC);
    if (fd >= 0 && read(fd, text, sizeof(text) - 1) > 0)
        mutant_chosen = atoi(text);
    close(fd);
    fd = open("/tmp/.mutant/reached", O_RDWR | O_CLOEXEC);
    if (fd >= 0) {
        void *map = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (map != MAP_FAILED)
            mutant_reached = map;
    }
    close(fd);
}
"""
# Inside of the namespaces: NUMBER COMMAND…; the last line says which mutants were come by.
INSIDE = r"""
mkdir -p /tmp/.mutant && echo "$1" >/tmp/.mutant/chosen && truncate -s 4096 /tmp/.mutant/reached
chmod 666 /tmp/.mutant/reached
mount -t tmpfs -o mode=1777 tmpfs /dev/shm && mount -o remount,bind,ro / || exit 99
shift
"$@"
status=$?
echo "REACHED $(gzip -c /tmp/.mutant/reached | base64 -w0)"
exit $status
"""


# ---- drawing ----

def is_balanced(text):
    depth = 0
    for c in text:
        depth += (c == "(") - (c == ")")
        if depth < 0:
            return False
    return depth == 0


def negated(head, condition, tail):
    return lambda n: f"{head}MUTANT({n}) ? !({condition}) : !!({condition}){tail}"


def candidates(line, bare, before):
    """(kind, what, maker) of a line; bare is the line with its strings blanked."""
    m = BRANCH.match(line)
    if m and is_balanced(m[2]):
        yield "negated", f"!({m[2]})", negated(*m.groups())
    m = RETURN.match(line)
    if m:
        condition, question, rest = m[2].partition(" ? ")
        is_one = is_balanced(condition) and '"' not in condition
        if is_one and (question or LOGIC.search(condition)):
            yield ("negated", f"!({condition})",
                   lambda n, m=m: f"{m[1]}(MUTANT({n}) ? !({condition}) : !!({condition}))"
                                  f"{question}{rest};")
    if "<<" not in bare and ">>" not in bare:
        for m in STEP.finditer(bare):
            at, end, o = m.start(), m.end(), m[1] or m[2]
            if o[0] in "+-":
                yield ("off by one", f"without `{o}`", lambda n, at=at, o=o:
                       f"{line[:at]} {o[0]} !MUTANT({n}){line[at + 4:]}")
            elif o in ("<", ">="):
                yield ("off by one", f"`{o}` → `{ {'<': '<=', '>=': '>'}[o] }`",
                       lambda n, end=end: f"{line[:end]}MUTANT({n}) + {line[end:]}")
            else:
                yield ("off by one", f"`{o}` → `{ {'<=': '<', '>': '>='}[o] }`",
                       lambda n, at=at: f"{line[:at]} + MUTANT({n}){line[at:]}")
    m = CALL.match(line)
    if m and is_balanced(m[4]) and not NOT_DROPPED.match(m[3]) and \
            re.search(r"([;{}):]|\*/|else|^)$", before.strip()):
        call = line.strip()
        if m[3] == "TRY":
            yield "dropped", call, lambda n: f"{m[1]}do {{ if (!MUTANT({n})) {call} }} while (0);"
        else:
            yield ("dropped", call,
                   lambda n: f"{m[1]}MUTANT({n}) ? (void)0 : "
                             f"(void)({call[:-1].removeprefix('(void)')});")


def sites(folders):
    for folder in folders:
        for path in sorted((ROOT / "src" / folder).glob("*.c")):
            text = path.read_text()
            text = re.sub(r"/\*.*?\*/", lambda m: re.sub(r"[^\n]", " ", m[0]), text, flags=re.S)
            lines = text.split("\n")
            for number, line in enumerate(lines, 1):
                bare = re.sub(r'"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])+\'',
                              lambda m: "x" * len(m[0]), line)
                if re.match(r"\s*(#|case |enum|ASSERT|.*\\$)|.*\bASSERT", line):
                    continue
                for kind, what, make in candidates(line, bare, lines[number - 2]):
                    yield {"file": str(path.relative_to(ROOT)), "line": number, "kind": kind,
                           "what": what, "make": make}


def draw(folders, seed):
    """All of them in random order, the kinds taking turns, one a line."""
    kinds, taken, out = {}, set(), []
    for s in sites(folders):
        kinds.setdefault(s["kind"], []).append(s)
    for kind in sorted(kinds):
        random.Random(f"{seed} {kind}").shuffle(kinds[kind])
    while any(kinds.values()):
        for kind in sorted(kinds):
            while kinds[kind]:
                s = kinds[kind].pop()
                if (s["file"], s["line"]) not in taken:
                    taken.add((s["file"], s["line"]))
                    out.append(s)
                    break
    return out


# ---- the copy ----

def write_mutants(tree, chosen):
    files = {}
    for s in chosen:
        files.setdefault(s["file"], []).append(s)
    for name, those in files.items():
        lines = (ROOT / name).read_text().split("\n")
        for s in those:
            lines[s["line"] - 1] = s["make"](s["n"])
        (tree / name).write_text("\n".join(lines))
    return files


def unsound(work, name):
    """Lines of a file that do not compile."""
    database = json.loads((work / "build" / "compile_commands.json").read_text())
    command = next(c["command"] for c in database if c["file"].endswith("/" + name))
    command = re.sub(r"^\S*ccache ", "", re.sub(r" -o \S+ -c ", " -fsyntax-only -c ", command))
    out = subprocess.run(command + " -Werror=vla", shell=True, cwd=work / "build", text=True,
                         stderr=subprocess.PIPE, env=dict(os.environ, LC_ALL="C")).stderr
    return {(name, int(n)) for n in re.findall(re.escape(name) + r":(\d+):\d+: error", out)}


def prepare(args, work):
    """The copy with the mutants, built. Kept as long as seed, count, folders, sources are."""
    tree = work / "tree"
    candidates_left = draw(args.folders, args.seed)
    state = work / "drawn.json"
    sources = subprocess.run("cat $(git ls-files -co --exclude-standard src include) | sha256sum",
                             shell=True, cwd=ROOT, capture_output=True, text=True).stdout.strip()
    key = [args.seed, args.count, args.folders, sources]
    drawn = json.loads(state.read_text()) if state.exists() else None
    if not drawn or drawn["key"] != key:
        subprocess.run(f"rm -rf {tree} {work}/reached.json; mkdir -p {tree}; git ls-files -z -co "
                       f"--exclude-standard | tar c --null -T - | tar x -C {tree}",
                       shell=True, cwd=ROOT, check=True)
        (work / "mutant.h").write_text(HEADER)
        configure(work)
        chosen, bad = [], set()
        while True:
            left = [s for s in candidates_left if (s["file"], s["line"]) not in bad]
            chosen = left[:args.count]
            for n, s in enumerate(chosen, 1):
                s["n"] = n
            names = sorted({s["file"] for s in chosen})
            for name in names:
                (tree / name).write_text((ROOT / name).read_text())
            write_mutants(tree, chosen)
            with concurrent.futures.ThreadPoolExecutor(2) as pool:
                found = set().union(*pool.map(lambda name: unsound(work, name), names))
            ours = {(s["file"], s["line"]) for s in chosen}
            if found - ours:
                sys.exit(f"does not compile, and is no mutant: {sorted(found - ours)}")
            if not found:
                break
            bad |= found
        drawn = {"key": key, "mutants": [{k: s[k] for k in ("n", "file", "line", "kind", "what")}
                                         for s in chosen]}
        state.write_text(json.dumps(drawn, indent=0))
    subprocess.run(["nice", "ninja", "-C", work / "build", "--quiet"] + targets(work), check=True)
    return drawn["mutants"]


def configure(work):
    flags = f"-O0 -g0 -w -include {work}/mutant.h"
    subprocess.run(["cmake", "-G", "Ninja", "-S", work / "tree", "-B", work / "build",
                    "-DCMAKE_BUILD_TYPE=Debug", f"-DCMAKE_C_FLAGS={flags}", "-DBERTH_TESTS=ON"],
                   check=True, stdout=subprocess.DEVNULL)


def unit_tests(work):
    """Programs that link a folder which is broken."""
    out = []
    for path in sorted((work / "tree/tests/unit").glob("test_*.c")):
        links = re.search(r"links:(.*?)\*/", path.read_text())[1].split()
        if set(links) & set(FOLDERS + ["keeper_message", "api"]):
            out.append(path.stem)
    return out


def targets(work):
    return ["berthd", "berth", "berth-keeper"] + unit_tests(work)


# ---- running ----

class Tests:
    def __init__(self, work, scripts):
        self.work, self.scripts = work, scripts
        self.path = work / "reached.json"
        self.reached = json.loads(self.path.read_text()) if self.path.exists() else {}

    def run(self, n, name, timeout):
        """One test or script: (why it failed or None, mutants come by, seconds, output)."""
        begin = time.monotonic()
        inside = ["sh", "-c", INSIDE, "inside", str(n)]
        if name.startswith("test_"):
            command = ["unshare", "--pid", "--mount", "--net", "--fork", "--kill-child",
                       "--mount-proc", "sh", "-c",
                       'mount -t tmpfs tmpfs /tmp && exec "$@"', "sh", *inside,
                       self.work / "build/bin" / name]
        else:
            command = [self.work / "tree/tests/lib/world.sh", *inside, "bash",
                       next((self.work / "tree/tests").glob(f"*/{name}.sh"))]
        env = dict(os.environ, BERTH_BIN=str(self.work / "build/bin"), SEED="1", HOME="/tmp",
                   PYTHONDONTWRITEBYTECODE="1")
        p = subprocess.Popen([str(c) for c in command], stdout=subprocess.PIPE, env=env,
                             stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True,
                             errors="replace", cwd=self.work / "tree/tests/unit")
        # unshare leaves SIGTERM to its child; world.sh tidies up at one
        end = signal.SIGKILL if name.startswith("test_") else signal.SIGTERM
        late = threading.Timer(timeout, lambda: p.send_signal(end))
        late.start()
        why, reached, said = None, [], []
        for line in p.stdout:
            said.append(line)
            if line.startswith("not ok") and not why and n:
                why = re.sub(r"^not ok \d+ - ", "", line.strip())
                p.send_signal(end)
            if line.startswith("REACHED "):
                data = gzip.decompress(base64.b64decode(line.split()[1]))
                reached = [i for i, c in enumerate(data) if c]
        status = p.wait()
        is_late = not late.is_alive()
        late.cancel()
        if not why and is_late:
            why = "timeout"
        if not why and status:
            why = next((l.strip() for l in said if l.startswith("not ok")), f"exit status {status}")
        return why, reached, round(time.monotonic() - begin, 1), "".join(said)

    def learn(self, names, jobs):
        """What each test comes by when nothing is broken."""
        def one(name):
            if name in self.reached:
                return
            why, reached, seconds, said = self.run(0, name, 600)
            print(f"{name}: {seconds} s, comes by {len(reached)} mutants" +
                  (f", FAILS and is not used: {why}" if why else ""), flush=True)
            self.reached[name] = {"mutants": reached, "seconds": seconds, "fails": why}
            self.path.write_text(json.dumps(self.reached))
        with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
            list(pool.map(one, names))

    def reaching(self, m, is_unit):
        names = [k for k, v in self.reached.items() if m["n"] in v["mutants"] and not v["fails"]
                 and k.startswith("test_") == is_unit and (is_unit or k in self.scripts)]
        likely = LIKELY.get(m["file"].split("/")[1], "lifecycle")
        names.sort(key=lambda k: (not k.startswith("guide"), k != likely, self.reached[k]["seconds"]))
        return names if is_unit else names[:EACH]

    def judge(self, m, names):
        """Which test kills it, or None."""
        for name in names:
            limit = 30 + 3 * self.reached[name]["seconds"]
            why = self.run(m["n"], name, limit)[0]
            # on a busy machine a test may fail by itself: then it does not fail twice
            if why and why != "timeout" and name.startswith("test_"):
                why = self.run(m["n"], name, limit)[0]
            if why:
                return f"{name}: {why}"
        return None


def phase(args, tests, mutants, results, is_unit):
    lock = threading.Lock()

    def one(m):
        old = results.get(m["n"], {})
        if old.get("killed") or old.get("unit" if is_unit else "system", ["-"]) != ["-"]:
            return
        names = tests.reaching(m, is_unit)
        by = tests.judge(m, names)
        r = dict(m, **{k: old[k] for k in ("unit", "system") if k in old})
        r["unit" if is_unit else "system"] = names or ["-"]
        if by:
            r["killed"] = by
        with lock:
            results[m["n"]] = r
            with open(args.results, "a") as f:
                f.write(json.dumps(r) + "\n")
            print(f"{m['n']:3} {m['file']}:{m['line']} {m['kind']} {m['what'][:60]} -- " +
                  (f"killed by {by}" if by else f"survives {' '.join(names) or '(not come by)'}"),
                  flush=True)
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        list(pool.map(one, mutants))


def report(results):
    print("| mutant | mutation | result |\n|---|---|---|")
    for n in sorted(results):
        r = results[n]
        how = f"killed: {r['killed']}" if "killed" in r else "survived: " + " ".join(
            r.get("unit", []) + r.get("system", ["system tests not run"]))
        what = r["what"].replace("|", "\\|")
        print(f"| {n} {r['file']}:{r['line']} | {r['kind']}: {what} | {how} |")
    folders = {}
    for r in results.values():
        f = folders.setdefault(r["file"].split("/")[1], [0, 0, 0])
        f[0] += 1
        f[1] += "killed" in r
        f[2] += "killed" in r and r["killed"].startswith("test_")
    print("\n| folder | mutants | killed | by unit tests |\n|---|---|---|---|")
    for name, (n, killed, unit) in folders.items():
        print(f"| {name} | {n} | {killed} | {unit} |")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    p.add_argument("--count", type=int, default=300)
    p.add_argument("--seed", default="berth")
    p.add_argument("--folder", default=",".join(FOLDERS))
    p.add_argument("--only", type=int)
    p.add_argument("--first", type=int, help="run only the first of what was drawn")
    p.add_argument("--system", default=SCRIPTS)
    p.add_argument("--jobs", type=int, default=os.cpu_count())
    p.add_argument("--work", default="/var/tmp/berth-mutants")
    p.add_argument("--results", help="default: WORK/results")
    p.add_argument("--report", action="store_true")
    args = p.parse_args()
    args.folders = args.folder.split(",")
    work = pathlib.Path(args.work)
    args.results = args.results or str(work / "results")
    results = {}
    if os.path.exists(args.results):
        for line in open(args.results):
            r = json.loads(line)
            results[r["n"]] = r
    if args.report:
        report(results)
        return
    work.mkdir(exist_ok=True)
    mutants = prepare(args, work)
    scripts = args.system.replace(",", " ").split()
    tests = Tests(work, scripts)
    results = {n: r for n, r in results.items() if n <= len(mutants) and r["what"] ==
               mutants[n - 1]["what"] and r["file"] == mutants[n - 1]["file"]}
    if args.only:
        m = mutants[args.only - 1]
        print(m)
        for name in unit_tests(work) + scripts:
            if name in tests.reached and m["n"] not in tests.reached[name]["mutants"]:
                continue
            why, reached, seconds, said = tests.run(m["n"], name, 600)
            print(f"---- {name}: {why or 'passes'} ({seconds} s)")
            for line in said.split("\n"):
                if line.startswith(("not ok", "#")):
                    print(line)
        return
    mutants = mutants[:args.first]
    tests.learn(unit_tests(work), args.jobs)
    phase(args, tests, mutants, results, True)
    tests.learn(scripts, args.jobs)
    phase(args, tests, mutants, results, False)
    report(results)


if __name__ == "__main__":
    main()
