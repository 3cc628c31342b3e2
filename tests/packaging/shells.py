# SPDX-License-Identifier: Apache-2.0
"""shells.py bash|zsh SETUP LINE: types LINE and tabs into a real interactive shell and
prints what the screen has then, one line a word."""
import os
import pty
import re
import select
import sys
import time

shell, setup, line = sys.argv[1:4]
command = {"bash": ["bash", "--norc", "--noprofile", "-i"], "zsh": ["zsh", "-f", "-i"]}[shell]


def read_until(fd, text, seconds):
    seen, end = "", time.monotonic() + seconds
    while time.monotonic() < end:
        if select.select([fd], [], [], 0.3)[0]:
            try:
                seen += os.read(fd, 65536).decode(errors="replace")
            except OSError:
                break
        elif text is None or text in seen:
            break
    return seen


pid, fd = pty.fork()
if pid == 0:
    os.environ.update(TERM="dumb", PS1="$ ", COLUMNS="200", LINES="200")
    os.execvp(command[0], command)
read_until(fd, "$ ", 5)
os.write(fd, f"stty cols 200 rows 200; {setup}; echo REA''DY\n".encode())
read_until(fd, "READY", 40)
os.write(fd, (line + "\t").encode())
# The names come from the engine, so the answer takes a while; where there are several, one tab more
# lists them.
seen, end = "", time.monotonic() + 40
while time.monotonic() < end:
    more = read_until(fd, None, 2)
    seen += more
    if len(seen) > len(line) + 2 and not more:
        break
    if not more:
        os.write(fd, b"\t")
os.write(fd, b"\x03\x04exit\n")
os.close(fd)
seen = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\x07", "", seen)
print("\n".join(seen.split()))
