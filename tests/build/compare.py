# SPDX-License-Identifier: Apache-2.0
"""Sends each construct to dockerd's classic builder and compares its error with ours.

compare.py SOCKET READ_CONSTRUCTS. Nothing can be pulled, so a Dockerfile that is right ends with an
error about its image; that counts as "parsed". compare.txt has what differs and why: patterns
of cases.
"""
import fnmatch
import http.client
import io
import json
import pathlib
import re
import socket
import subprocess
import sys
import tarfile
import tempfile

HERE = pathlib.Path(__file__).parent
CASE = re.compile(r"^=== (\S+)([^\n]*)\n(.*?)\n---\n", re.S | re.M)
# What is behind the parsing. An image that was built from scratch may be called "a" by its id.
HEX_BASE = re.compile(r"^(FROM +(?:--\S+ +)*)([a-f])(?=[ \n\r]|$)", re.M)
PARSED = re.compile("pull access denied|dial tcp|no such host|repository does not exist|lookup |"
                    "No image was generated|^built$|invalid reference format|OCI runtime|"
                    "(COPY|ADD) failed|option requires BuildKit|returned a non-zero code")
ESCAPES = {"R": b"\r", "T": b"\t", "S": b" ", "0": b"\0", "B": b"\xef\xbb\xbf", "^": b"^", "N": b""}


class Unix(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("x")
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)


def unescape(text):
    parts = re.split(r"\^(N\n|.)", text)
    return b"".join(ESCAPES[p[0]] if i % 2 else p.encode() for i, p in enumerate(parts))


def dockerd(path, dockerfile):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        info = tarfile.TarInfo("Dockerfile")
        info.size = len(dockerfile)
        tar.addfile(info, io.BytesIO(dockerfile))
    conn = Unix(path)
    conn.request("POST", "/v1.41/build?version=1", out.getvalue(),
                 {"Content-Type": "application/x-tar"})
    answer = conn.getresponse()
    try:
        text = answer.read().decode()
    except http.client.IncompleteRead:
        return "dockerd's handler panics"
    if answer.status != 200:
        return json.loads(text)["message"]
    for line in text.splitlines():
        if "error" in json.loads(line):
            return json.loads(line)["error"]
    return "built"


def ours(program, dockerfile):
    with tempfile.NamedTemporaryFile() as f:
        f.write(dockerfile)
        f.flush()
        done = subprocess.run([program, "--check", f.name], capture_output=True, text=True)
    return done.stdout.split("\n")[0].replace(f.name, "Dockerfile")


def plain(text):
    """Without what only one of them adds: the line, the suggestion, capitals, quotes' style."""
    text = re.sub(r"^dockerfile parse error (on )?line \d+: ", "", text)
    text = re.sub(r"^failed to parse Dockerfile: ", "", text)
    text = re.sub(r" \(did you mean .*\?\)$", "", text)
    text = re.sub(r"(?i)unknown flag: (--)?", "unknown flag: ", text)
    text = re.sub(r"(?i)^(unknown instruction: )(.*)", lambda m: m[1] + m[2].upper(), text)
    return text[:1].lower() + text[1:]


def main():
    sock, program = sys.argv[1:]
    known = [line.split(" ", 1)[0] for line in (HERE / "compare.txt").read_text().splitlines()
             if line and line[0] != "#"]
    n = same = explained = 0
    bad = []
    for file in sorted((HERE / "constructs").glob("*.txt")):
        for name, _, text in CASE.findall(file.read_text()):
            case = f"{file.stem}/{name}"
            dockerfile = unescape(HEX_BASE.sub(r"\1x\2", text) + "\n")
            theirs = dockerd(sock, dockerfile)
            if PARSED.search(theirs):
                theirs = ""
            mine = ours(program, dockerfile)
            n += 1
            if plain(theirs) == plain(mine):
                same += 1
            elif any(fnmatch.fnmatch(case, pattern) for pattern in known):
                explained += 1
            else:
                bad.append(f"{case}\n#   dockerd: {theirs or 'parses'}\n#   here:    {mine or 'parses'}")
    for text in bad:
        print(f"not ok - {text}")
    print(f"# {n} constructs: {same} the same, {explained} explained, {len(bad)} not")
    return 1 if bad else 0


sys.exit(main())
