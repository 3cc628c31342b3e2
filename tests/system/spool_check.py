#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""spool_check.py LOG OUT ERR: is the json-file log (with its rotated files) exactly what
spool_writer wrote? Prints "missing N doubled N torn N" and where it differs first."""
import glob
import json
import sys


def expected(letter, n):
    text = []
    for i in range(n):
        pad = "".join(chr(97 + (i + k) % 26) for k in range(i * 7 % 97))
        text.append("%s %09d %s" % (letter, i, pad))
    return text


def read_log(path):
    files = sorted(glob.glob(path + ".*"), key=lambda f: -int(f.rsplit(".", 1)[1])) + [path]
    text = {"stdout": [], "stderr": []}
    torn = 0
    for name in files:
        for line in open(name, "rb"):
            try:
                r = json.loads(line)
                text[r["stream"]].append(r["log"])
            except (ValueError, KeyError):
                torn += 1
    return {k: "".join(v).replace("\r\n", "\n") for k, v in text.items()}, torn


def main():
    path, n_out, n_err = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    got, torn = read_log(path)
    bad = []
    missing = doubled = 0
    for stream, letter, n, tail in (("stdout", "o", n_out, "end"), ("stderr", "e", n_err, "")):
        want = expected(letter, n)
        if got[stream] == "".join(w + "\n" for w in want) + tail:
            continue
        lines = got[stream].split("\n")
        seen = {}
        for line in lines:
            seen[line] = seen.get(line, 0) + 1
        missing += sum(1 for w in want if w not in seen)
        doubled += sum(v - 1 for v in seen.values() if v > 1)
        known = set(want)
        torn += sum(1 for line in lines if line not in known and line not in (tail, ""))
        at = next((i for i, w in enumerate(want) if i >= len(lines) or lines[i] != w), len(want))
        bad.append("%s differs at line %d: %r" % (stream, at, lines[max(0, at - 1):at + 3]))
    print("missing %d doubled %d torn %d" % (missing, doubled, torn))
    for b in bad:
        print(b, file=sys.stderr)
    return 1 if bad or torn else 0


sys.exit(main())
