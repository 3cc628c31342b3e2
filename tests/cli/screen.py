#!/usr/bin/env python3
"""What a command shows at a terminal of so many columns.

usage: screen.py COLUMNS[,COLUMNS] -- CMD…    the terminal's bytes; of two widths the second one comes
after half a second (a window that becomes another size). Ends with the command's code.
"""
import fcntl
import os
import pty
import select
import struct
import sys
import termios
import time

split = sys.argv.index("--")
widths = [int(w) for w in sys.argv[1].split(",")]
pid, fd = pty.fork()
if pid == 0:
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, widths[0], 0, 0))
    os.execvp(sys.argv[split + 1], sys.argv[split + 1:])
begun, deadline = time.time(), time.time() + 60
while time.time() < deadline:
    if len(widths) > 1 and time.time() > begun + 0.5:
        fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 24, widths.pop(), 0, 0))
    if select.select([fd], [], [], 0.1)[0]:
        try:
            data = os.read(fd, 65536)
        except OSError:
            break
        if not data:
            break
        sys.stdout.buffer.write(data)
else:
    os.kill(pid, 9)
_, status = os.waitpid(pid, 0)
sys.stdout.flush()
sys.exit(os.waitstatus_to_exitcode(status))
