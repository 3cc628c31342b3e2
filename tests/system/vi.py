#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A person with vi at a terminal: replaces FROM, which the screen shows, by TO, and saves.

usage: vi.py FROM TO CMD…    the command starts vi; its exit code is ours
"""
import fcntl
import os
import pty
import select
import struct
import sys
import termios
import time

old, new, command = sys.argv[1], sys.argv[2], sys.argv[3:]
pid, fd = pty.fork()
if pid == 0:
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    os.execvp(command[0], command)
steps = [(old.encode(), f":%s/{old}/{new}/\r"), (new.encode(), ":wq\r")]
shown, deadline = b"", time.time() + 60
while time.time() < deadline:
    if not select.select([fd], [], [], 0.2)[0]:
        continue
    try:
        data = os.read(fd, 4096)
    except OSError:
        break
    if not data:
        break
    if b"\x1b[6n" in data:  # it asks where the cursor is
        os.write(fd, b"\x1b[24;80R")
    shown += data
    if steps and steps[0][0] in shown:
        os.write(fd, steps.pop(0)[1].encode())
        shown = b""
else:
    os.kill(pid, 9)
    print("TIMEOUT")
_, status = os.waitpid(pid, 0)
sys.exit(os.waitstatus_to_exitcode(status) & 0xff)
