# SPDX-License-Identifier: Apache-2.0
# berth stats on a terminal: frames of `ROWS` by `COLUMNS`, for some seconds; says what they look like.
#   stats_screen.py ROWS COLUMNS SECONDS COMMAND...
import fcntl, os, pty, re, select, struct, sys, termios, time

rows, columns, seconds = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
pid, fd = pty.fork()
if pid == 0:
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    os.execvp(sys.argv[4], sys.argv[4:])
out, end = b"", time.time() + seconds
while time.time() < end:
    if select.select([fd], [], [], 0.1)[0]:
        try:
            out += os.read(fd, 1 << 16)
        except OSError:
            break
os.kill(pid, 15)
os.waitpid(pid, 0)
frames = out.decode(errors="replace").split("\x1b[H")[1:]
whole = [f for f in frames if f.endswith("\x1b[J")]
lines = [re.sub(r"\x1b\[[KJ]", "", f).split("\r\n") for f in whole]
print("cleared", out.count(b"\x1b[2J"), "times")
print("frames", "several" if len(whole) > 1 else len(whole))
print("lines", sorted({len(f) for f in lines}))
print("too wide", sum(len(l) > columns for f in lines for l in f))
print("last", sorted({f[-1] if f[-1].startswith("...") else "a container" for f in lines}))
