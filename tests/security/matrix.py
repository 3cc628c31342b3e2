#!/usr/bin/env python3
"""The matrix of what a default container may do: dockerd's record, and how berth compares.

usage: matrix.py record RAW HEADER…      writes the record of a folder of matrix_probe's outputs
       matrix.py compare RECORD PERMITTED RAW   prints TAP: each item of RAW against the record

A record has rules rather than items: ranges of numbers, and for paths and devices the verdict of
all below, so that it also judges what another machine has. What lies in /proc itself is listed
("known"): of something else there the record knows nothing.
"""
import collections
import fnmatch
import os
import re
import sys

KINDS = ("calls", "paths", "devices")
LOOKED_AT = re.compile(r"(?:file|dir) (.*) (masked|\S+ [r.-][w.-]|\S+ (?:ro|rw|unknown)(?: closed)?)$")  # names have blanks


def raw(folder):
    """[(kind, key, verdict)] of what the probe has printed."""
    items = []
    for name in KINDS:
        for line in open(os.path.join(folder, name), errors="replace"):
            words = line.split()
            if words[0] == "call":
                items.append(("call " + words[1], int(words[2]), words[3]))
            elif words[0] == "args":
                key, _, verdict = line[5:].rstrip().rpartition(": ")
                items.append(("args", key, verdict))
            elif words[0] in ("file", "dir"):
                path, verdict = LOOKED_AT.match(line).groups()
                items.append((words[0], path.replace("/self/.", "/self", 1), verdict))
            elif words[0] == "node":
                items.append(("node", words[1], " ".join(words[2:])))
            elif words[0] == "device":
                items.append(("device " + words[1], (int(words[2]), int(words[3])), " ".join(words[4:])))
    return items


def plain(verdict):
    """A dot is what the file's own mode forbids, which says nothing of the container."""
    return re.sub(r"\.$", "-", re.sub(r" \.", " r", verdict))


def is_same(want, got):
    return want is not None and re.fullmatch(re.escape(got).replace(r"\.", "."), want) is not None


# ---- rules ----

def ranges(numbers):
    out, numbers = [], sorted(numbers)
    for n in numbers:
        if out and out[-1][1] == n - 1:
            out[-1][1] = n
        else:
            out.append([n, n])
    return " ".join(str(a) if a == b else "%d-%d" % (a, b) for a, b in out)


def expand(text):
    for part in text.split():
        first, _, last = part.partition("-")
        yield from range(int(first), int(last or first) + 1)


def path_rules(items):
    """The fewest (path, verdict) that say the same, where a rule holds for all below it."""
    tree = {}
    for path, verdict in items:
        node = tree
        for part in path.strip("/").split("/"):
            node = node.setdefault(part, {})
        node[""] = verdict
    out = []

    def count(node):
        return sum((count(child) for name, child in node.items() if name), collections.Counter([node[""]] if "" in node else []))

    def emit(path, node, inherited):
        votes = count(node)
        if set(votes) == {inherited}:
            return
        best = votes.most_common(1)[0][0]
        if best != inherited:
            out.append((path, best))
        if len(votes) > 1:
            for name in sorted(n for n in node if n):
                emit(path + "/" + name, node[name], best)
            if "" in node and node[""] != best:
                out.append((path + "/.", node[""]))
    for name in sorted(tree):
        emit("/" + name, tree[name], None)
    return out


def rule_of(rules, path):
    if path + "/." in rules:
        return rules[path + "/."]
    while path:
        if path in rules:
            return rules[path]
        path = path.rpartition("/")[0]
    return None


def record(folder, header):
    groups = collections.defaultdict(list)
    for kind, key, verdict in raw(folder):
        groups[kind].append((key, verdict))
    for line in header:
        print("#", line)
    print("known", *sorted({path.split("/")[2] for path, _ in groups["file"] + groups["dir"] if path.startswith("/proc/")}))
    for kind, items in groups.items():
        if kind.startswith("call"):
            verdicts = collections.defaultdict(list)
            for number, verdict in items:
                verdicts[verdict].append(number)
            for verdict, numbers in sorted(verdicts.items()):
                print(kind, verdict, ranges(numbers))
        elif kind in ("file", "dir"):
            for path, verdict in path_rules([(path, plain(verdict)) for path, verdict in items]):
                print(kind, path, verdict)
        elif kind.startswith("device"):
            usual = collections.Counter(v for _, v in items).most_common(1)[0][0]
            print(kind, "*", "*", usual)
            majors = collections.defaultdict(list)
            for (major, minor), verdict in items:
                if verdict != usual:
                    majors[major, verdict].append(minor)
            for (major, verdict), minors in sorted(majors.items()):
                print(kind, major, ranges(minors).replace(" ", ","), verdict)
        else:
            for key, verdict in items:
                print(kind, key + (":" if kind == "args" else ""), verdict)


def read_record(path):
    """{kind: look-up function}"""
    tables, usual = collections.defaultdict(dict), {}
    for line in open(path):
        words = line.split()
        if not words or words[0] == "#":
            continue
        if words[0] == "known":
            tables["known"] = dict.fromkeys(words[1:])
        elif words[0] == "call":
            for number in expand(" ".join(words[3:])):
                tables["call " + words[1]][number] = words[2]
        elif words[0] == "args":
            key, _, verdict = line[5:].rstrip().rpartition(": ")
            tables["args"][key] = verdict
        elif words[0] == "device" and words[2] == "*":
            usual["device " + words[1]] = " ".join(words[4:])
        elif words[0] == "device":
            for minor in expand(words[3].replace(",", " ")):
                tables["device " + words[1]][int(words[2]), minor] = " ".join(words[4:])
        elif words[0] in ("file", "dir"):
            tables[words[0]][words[1]] = " ".join(words[2:])
        else:
            tables[words[0]][words[1]] = " ".join(words[2:])
    return tables, usual


# ---- comparison ----

def permitted_list(path):
    """[(kind, pattern of keys, dockerd's verdict, berth's, reason)]"""
    out = []
    for line in open(path):
        if line.strip() and not line.startswith("#"):
            out.append([part.strip() for part in line.rstrip("\n").split("|")])
    return out


def is_permitted(permitted, kind, key, want, got):
    for p_kind, pattern, p_want, p_got, _ in permitted:
        if fnmatch.fnmatchcase(kind, p_kind) and (p_want, p_got) == (want, got):
            if key in expand(pattern) if kind.startswith("call") else fnmatch.fnmatchcase(
                    "%d %d" % key if isinstance(key, tuple) else key, pattern):
                return True
    return False


def compare(record_path, permitted_path, folder):
    tables, usual = read_record(record_path)
    permitted = permitted_list(permitted_path)
    number = failed = 0
    groups = collections.defaultdict(list)
    for kind, key, verdict in raw(folder):
        groups[kind].append((key, verdict))
    for kind, items in groups.items():
        wrong, n_same, n_permitted, unknown = [], 0, 0, set()
        for key, got in items:
            if kind in ("file", "dir"):
                if key.startswith("/proc/") and key.split("/")[2] not in tables["known"]:
                    unknown.add(key.split("/")[2])
                    continue
                want = rule_of(tables[kind], key)
            else:
                want = tables[kind].get(key, usual.get(kind, "absent"))
            if is_same(want, got):
                n_same += 1
            elif is_permitted(permitted, kind, key, want, got):
                n_permitted += 1
            else:
                wrong.append((key, want, got))
        if kind in ("node", "args"):
            missing = set(tables[kind]) - {key for key, _ in items}
            wrong += [(key, tables[kind][key], "absent") for key in sorted(missing)]
        number += 1
        failed += bool(wrong)
        print("%sok %d - %s: %d as dockerd has them%s" % (
            "not " if wrong else "", number, kind, n_same,
            ", %d differ as permitted" % n_permitted if n_permitted else ""))
        if unknown:
            print("#   in /proc, and not where the record was made:", *sorted(unknown))
        pairs = collections.defaultdict(list)
        for key, want, got in wrong:
            pairs[want, got].append(key)
        for (want, got), keys in pairs.items():
            shown = ranges(keys) if kind.startswith("call") else " ".join("%s" % (k,) for k in keys[:12])
            print("#   dockerd: %s, berth: %s: %d: %s" % (want, got, len(keys), shown))
    return number, failed


def main():
    if sys.argv[1:2] == ["record"]:
        record(sys.argv[2], sys.argv[3:])
        return
    number, failed = compare(*sys.argv[2:5])
    print("1..%d" % number)
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
