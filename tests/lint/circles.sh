#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Checks that the files of the container's rooms call one another in one direction: a circle of
# calls (a file that reaches itself through others) may have at most LIMIT files. A function passed
# by its name counts as called. Reads the text only: functions that are not static, by the layout
# that clang-format gives them. Prints every circle that is too large, and what closes it.
cd "$(dirname "$0")/../.." || exit 2
exec python3 - "${@:-container place exec run view recover}" << 'END'
import collections, pathlib, re, sys

LIMIT = 3
rooms = " ".join(sys.argv[1:]).split()
files = sorted(p for room in rooms for p in pathlib.Path("src", room).glob("*.c"))
DEFINITION = re.compile(r"^(static |)[a-z][\w *\n]*?\b(\w+)\([^;{}]*\)\n\{", re.M)


def code(path):
    text = re.sub(r"/\*.*?\*/", " ", path.read_text(), flags=re.S)
    return re.sub(r'"(\\.|[^"\\])*"', '""', text)


texts = {p: code(p) for p in files}
home, own = {}, collections.defaultdict(set)
for p in files:
    for static, name in DEFINITION.findall(texts[p]):
        if static:
            own[p].add(name)
        else:
            home[name] = p
calls = {p: collections.defaultdict(set) for p in files}
for p in files:
    for name in set(re.findall(r"\b[a-z]\w*\b", texts[p])):
        if home.get(name, p) != p and name not in own[p]:
            calls[p][home[name]].add(name)
if len(home) < 2 * len(files):
    sys.exit(f"only {len(home)} functions found in {len(files)} files: is this the tree?")


def reach(start):
    seen, todo = set(), [start]
    while todo:
        for other in calls[todo.pop()]:
            if other not in seen:
                seen.add(other)
                todo.append(other)
    return seen


ways = {p: reach(p) for p in files}
circles = {frozenset(q for q in files if q in ways[p] and p in ways[q]) for p in files}
largest = max(map(len, circles), default=0)
bad = [c for c in circles if len(c) > LIMIT]
for circle in bad:
    print(f"a circle of {len(circle)} files calls itself:")
    for p in sorted(circle):
        for q in sorted(calls[p].keys() & circle):
            print(f"{p}: calls {q}: {', '.join(sorted(calls[p][q]))}")
print(f"# {len(files)} files, {len(home)} functions; the largest circle of calls has {largest} files")
sys.exit(bool(bad))
END
