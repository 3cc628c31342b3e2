# SPDX-License-Identifier: Apache-2.0
"""What dockerd gave, kept in recorded/, and what the engine gives now.

A record is lines of "case<TAB>JSON", masked: ids, times, addresses and paths have no place in it.
Every key of dockerd's must be there with its value; more keys are no difference, they are of newer
versions. What may differ is in differences_methods.txt: "client | case | path | reason", case and
path as regular expressions. skipped_methods.txt has the public methods that are not called.

Used by docker_py_methods.py. As a program: recorded.py CLIENT record|replay reads what a client in
another language says, lines of a word, a name and JSON, parted by tabs: case, shape, method, called.
"""
import json
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
MASKS = [
    (r"sha256:[0-9a-f]{64}", "DIGEST"),
    (r"\b[0-9a-f]{64}\b", "ID"),
    (r"\b[0-9a-f]{12}\b", "SHORT"),
    (r"\b[0-9a-f]{2}(:[0-9a-f]{2}){5}\b", "MAC"),
    (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?( ?(Z|[+-]\d\d:?\d\d))?", "TIME"),
    (r"Less than a second|About an? (minute|hour)|\b\d+ (second|minute|hour)s?\b", "AWHILE"),
    (r"\b172\.\d+\.\d+\.\d+", "ADDR"),
    (r"\b192\.168\.\d+\.\d+", "ADDR"),
    (r"\b(3276[89]|327[7-9]\d|32[89]\d\d|3[3-9]\d{3}|[45]\d{4}|60\d{3})\b", "EPHEMERAL"),
    (r"/tmp/berth-test\.\w+(/[\w.-]+)*", "PATH"),
]
# Numbers that are another machine's, or another moment's.
MOMENT = re.compile(r"Pid$|PID$|Size|^Created$|time|Time|^Ns?(CPU|Fd|Goroutines)$|MemTotal|^Used|Usage"
                    r"|usage|^size$|^mtime$|total|current|progressDetail$")


def mask(value, key=""):
    if isinstance(value, dict):
        return {mask(k): mask(v, k) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [mask(v, key) for v in value]
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if isinstance(value, str):
        for pattern, name in MASKS:
            value = re.sub(pattern, name, value)
    elif isinstance(value, (int, float)) and not isinstance(value, bool) and MOMENT.search(key):
        value = "NUMBER"
    return value


def shape(value):
    """The kinds of the values alone."""
    if isinstance(value, dict):
        return {k: shape(v) for k, v in value.items()}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return type(value).__name__


def differences(want, got, path=""):
    if isinstance(want, dict) and isinstance(got, dict):
        for k in want:
            if k in got:
                yield from differences(want[k], got[k], f"{path}.{k}")
            else:
                yield f"{path}.{k}", want[k], "(absent)"
    elif isinstance(want, list) and isinstance(got, list) and len(want) == len(got):
        for i, (w, g) in enumerate(zip(want, got)):
            yield from differences(w, g, f"{path}[{i}]")
    elif want != got:
        yield path, want, got


class Record:
    def __init__(self, client, mode):
        self.client, self.mode, self.now, self.bad = client, mode, {}, 0
        self.file = os.path.join(HERE, "recorded", client + ".tsv")
        with open(os.path.join(HERE, "differences_methods.txt")) as f:
            rows = [[x.strip() for x in line.split(" | ", 3)] for line in f if line.strip() and line[0] != "#"]
        self.known = [r + [0] for r in rows if re.fullmatch(r[0], client)]
        self.want = {}
        if mode == "replay":
            with open(self.file) as f:
                self.want = {k: json.loads(v) for k, v in (line.rstrip("\n").split("\t", 1) for line in f)}

    def say(self, is_ok, name, why=""):
        self.bad += not is_ok
        print(("ok " if is_ok else "not ok ") + f"{self.client}: {name}", flush=True)
        for line in str(why).split("\n") if why and not is_ok else []:
            print("  " + line[:400], flush=True)

    def is_known(self, case, path):
        for row in self.known:
            if re.fullmatch(row[1], case) and re.search(row[2], path):
                row[4] += 1
                return True
        return False

    def case(self, name, value):
        got = self.now[name] = mask(value)
        if self.mode == "record":
            print(name, json.dumps(got)[:300], flush=True)
            return
        if name not in self.want:
            self.say(False, name, "dockerd's answer is not recorded")
            return
        wrong = [f"{p or '.'}: dockerd {w!r}, here {g!r}" for p, w, g in differences(self.want[name], got)
                 if not self.is_known(name, p)]
        self.say(not wrong, name, "\n".join(wrong))

    def methods(self, public, called):
        """None is forgotten."""
        rows = []
        with open(os.path.join(HERE, "skipped_methods.txt")) as f:
            for line in f:
                if line.startswith(self.client + " | "):
                    rows.append(line.split(" | ")[1])
        for m in sorted(public):
            is_skipped = any(re.fullmatch(row, m) for row in rows)
            if m in called and is_skipped:
                self.say(False, m, "is called, and skipped_methods.txt has it")
            if m not in called and not is_skipped:
                self.say(False, m, "is neither called nor in skipped_methods.txt")

    def finish(self):
        """The exit code."""
        if self.mode == "record":
            with open(self.file, "w") as f:
                for name, value in self.now.items():
                    f.write(name + "\t" + json.dumps(value, sort_keys=True, ensure_ascii=False) + "\n")
            print(f"# {len(self.now)} cases recorded")
            return 0
        for name in self.want:
            if name not in self.now:
                self.say(False, name, "recorded, and not tried")
        for row in self.known:
            if not row[4]:
                self.say(False, f"differences_methods.txt: {row[1]} {row[2]}", "does not differ any more")
        return 1 if self.bad else 0


def main():
    record, names = Record(sys.argv[1], sys.argv[2]), {"method": set(), "called": set()}
    for line in sys.stdin:
        word, *rest = line.rstrip("\n").split("\t", 2)
        if word in names and len(rest) == 1:
            names[word].add(rest[0])
        elif word in ("case", "shape") and len(rest) == 2:
            value = json.loads(rest[1])
            record.case(rest[0], shape(value) if word == "shape" else value)
        elif word == "end":
            record.methods(names["method"], names["called"])
            sys.exit(record.finish())
        else:
            print(line, end="", flush=True)
    record.say(False, "the client came to its end")
    sys.exit(1)


if __name__ == "__main__":
    main()
