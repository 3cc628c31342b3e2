#!/usr/bin/env python3
"""A person at a terminal of 21 x 77: types each line when a shell's prompt is shown.

usage: typist.py LINE… -- CMD…    prints what the terminal showed, then "code N"
"""
import fcntl
import os
import pty
import re
import select
import struct
import sys
import termios
import time

split = sys.argv.index("--")
lines, command = sys.argv[1:split], sys.argv[split + 1:]
pid, fd = pty.fork()
if pid == 0:
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 21, 77, 0, 0))
    os.execvp(command[0], command)
shown, deadline = b"", time.time() + 60
while time.time() < deadline:
    if select.select([fd], [], [], 0.2)[0]:
        try:
            data = os.read(fd, 4096)
        except OSError:
            break
        if not data:
            break
        shown += data
    # busybox asks the terminal where the cursor is: ESC [ 6 n
    if lines and re.sub(rb"\x1b\[[0-9]*[A-Za-z]", b"", shown).endswith((b"$ ", b"# ")):
        time.sleep(0.2)  # the client resizes once more
        shown += b"\n"
        os.write(fd, lines.pop(0).encode() + b"\r")
else:
    os.kill(pid, 9)
    print("TIMEOUT")
_, status = os.waitpid(pid, 0)
sys.stdout.write(shown.decode(errors="replace"))
print("\ncode", os.waitstatus_to_exitcode(status))
