#!/usr/bin/env python3
"""Runs the commands of `berth` on a terminal and looks for what the terminal would obey.

usage: escapes.py BERTH NAME    (a container with NAME, an image, volume and network evil…)
Prints a line for each command, "right …" or "WRONG …".
"""
import os
import pty
import re
import select
import signal
import sys
import time

BERTH, NAME = sys.argv[1:3]
OWN = re.compile(rb"\x1b\[\d+[AB]|\x1b\[2K|\x1b\[(?:2J|[HJK])")  # the bars, and stats
BAD = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\r(?!\r*\n)|\xc2[\x80-\x9f]|\xe2\x80[\xa8-\xae\x8e\x8f]|\xe2\x81[\xa6-\xa9]")
failed = 0


def on_terminal(args, seconds):
    pid, fd = pty.fork()
    if pid == 0:
        os.execv(BERTH, [BERTH, *args])
    data, end = b"", time.monotonic() + seconds
    while time.monotonic() < end:
        if select.select([fd], [], [], 0.1)[0]:
            try:
                part = os.read(fd, 65536)
            except OSError:
                break
            if not part:
                break
            data += part
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    os.close(fd)
    return data


def look(args, wanted=b"", seconds=20):
    global failed
    data = on_terminal(args, seconds)
    clean = OWN.sub(b"", data)
    if OWN.search(data):
        clean = clean.replace(b"\r", b"")
    bad = BAD.search(clean)
    try:
        clean.decode()
    except UnicodeDecodeError as e:
        bad = e
    good = not bad and wanted in data
    failed += not good
    print("%s %s: %s" % ("right" if good else "WRONG", " ".join(args), bad or (data[-200:] if not good else "")), flush=True)


look(["ps", "-a", "--no-trunc"], b"\\u001b")
look(["ps", "-a", "--format", "{{json .}}"], b"evil")
look(["ps", "--format", "{{.Command}} {{.Labels}}"], b"\\u001b")
look(["images"], b"evil")
look(["inspect", NAME], b"\\u009b")
look(["inspect", "-f", "{{.Config.Labels}}", NAME], b"\\u001b")
look(["inspect", "-f", "{{.Config.Labels}}", "evil:image"], b"\\u202e")
look(["top", NAME], b"\\u001b")
look(["history", "--no-trunc", "evil:image"], b"\\u001b")
look(["events", "--since", "1h", "--until", "0s"], b"\\u001b")
look(["events", "--since", "1h", "--until", "0s", "--format", "{{json .}}"], b"evil")
look(["info"])
look(["version"])
look(["system", "df"])
look(["stats", NAME], b"", 3)
look(["port", NAME])
look(["volume", "ls", "--format", "{{.Labels}}"], b"\\u001b")
look(["volume", "inspect", "evil"], b"evil")
look(["network", "ls", "--format", "{{.Labels}}"], b"\\u001b")
look(["network", "inspect", "evil"], b"evil")
look(["audit"])
look(["run", "--rm", "evil:image", "/\x1b[31mevil"], b"\\u001b")
look(["start", "\x1b[31mevil"], b"\\u001b")
look(["rmi", "evil\x1b[2J"])
look(["pull", "127.0.0.1:5001/evil:image"], b"\\u202e")
look(["run", "--rm", "127.0.0.1:5001/evil:image"], b"\\u202e")
look(["load", "-i", os.environ["EVIL_TAR"]], b"Loaded")
# The user's own streams are the user's.
for args in (["logs", NAME], ["exec", NAME, "printf", "\\033[31mred"]):
    data = on_terminal(args, 20)
    if b"\x1b[31m" not in data:
        failed += 1
        print("WRONG %s: %r" % (" ".join(args), data[-100:]))
sys.exit(failed > 0)
