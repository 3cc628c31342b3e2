#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Checks that a function that is not static has a user outside its file: else it is dead, or could
# be static. A test alone is no user of what not even its own file calls, but for the windows of
# ALLOWED. Reads the text only, as circles.sh does. Prints file:line of each.
cd "$(dirname "$0")/../.." || exit 2
exec python3 - << 'END'
import collections, pathlib, re, sys

# How tests see what has no other window: they count, or wait for what berth has no need to know.
ALLOWED = set("dns_cache_count ipam6_count log_flush pools_count_threads".split())
TEXT = re.compile(r"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])+'", re.S)
DEFINITION = re.compile(r"^(static |)[A-Za-z_][\w *\n]*?\b(\w+)\([^;{}]*\)\n\{", re.M)
DECLARATION = re.compile(r"^(?!static|#)[a-z][\w *]*\b\w+\([^;{}]*;", re.M)


def blank(match):
    return re.sub(r"[^\n]", " ", match.group())


def code(path):
    text = TEXT.sub(blank, path.read_text())
    return DECLARATION.sub("", text) if path.suffix == ".h" else text


words = {}
home = {}
for top in ("src", "include", "packaging", "tests", "bench"):
    for path in sorted(pathlib.Path(top).rglob("*.[ch]")):
        text = code(path)
        words[path] = collections.Counter(re.findall(r"\b[a-z]\w*\b", text))
        if top != "src" or path.suffix != ".c":
            continue
        for found in DEFINITION.finditer(text):
            if not found[1] and found[2] != "main":
                home[found[2]] = (path, text.count("\n", 0, found.start(2)) + 1)
if len(home) < 1000:
    sys.exit(f"only {len(home)} functions found: is this the tree?")

product, tests = set(), set()
for path, counts in words.items():
    users = product if path.parts[0] in ("src", "include", "packaging") else tests
    users.update(name for name in counts if name in home and home[name][0] != path)
complaints = []
for name, (path, line) in home.items():
    is_called_at_home = words[path][name] > 1
    if name in product or (name in tests and (is_called_at_home or name in ALLOWED)):
        continue
    what = ("is used by tests alone" if name in tests else
            "could be static" if is_called_at_home else "is not used")
    complaints.append(f"{path}:{line}: {name} {what}")
complaints += [f"{name} of ALLOWED is not there, or used" for name in
               sorted(n for n in ALLOWED if n not in home or n in product)]
print("\n".join(sorted(complaints)))
sys.exit(1 if complaints else 0)
END
