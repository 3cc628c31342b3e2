#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A person at a terminal who is asked for a name and a password.

usage: auth_typist.py HOW CMD…    HOW: LINE,LINE… to type at each question (": "), or a signal's name
for what ends the command at the last question; "^C" is typed. Prints what was shown, whether the
terminal shows what is typed while the password is asked for and afterwards, and the exit code."""
import os
import pty
import select
import signal
import sys
import termios
import time

lines, command = sys.argv[1].split(","), sys.argv[2:]
master, slave = pty.openpty()
shown = b""


def echoes():
    return bool(termios.tcgetattr(slave)[3] & termios.ECHO)


def read_for(seconds):
    global shown
    end = time.time() + seconds
    while time.time() < end and select.select([master], [], [], 0.05)[0]:
        shown += os.read(master, 4096)


pid = os.fork()
if pid == 0:
    os.setsid()
    for fd in (0, 1, 2):
        os.dup2(slave, fd)
    import fcntl
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    os.execvp(command[0], command)
answered, status, deadline, hidden = 0, None, time.time() + 60, False
while time.time() < deadline and status is None:
    read_for(0.2)
    ended, code = os.waitpid(pid, os.WNOHANG)
    if ended:
        status = code
        break
    if lines and shown[answered:].rstrip(b"\n").endswith((b"sername: ", b"assword: ", b"): ")):
        is_password = shown.endswith(b"assword: ")
        end = time.time() + 5
        while is_password and echoes() and time.time() < end:
            time.sleep(0.01)
        hidden = is_password and not echoes()
        answered = len(shown)
        what = lines.pop(0)
        if what.startswith("SIG"):
            os.kill(pid, getattr(signal, what))
        elif what == "^C":
            os.write(master, b"\x03")
        elif what == "^D":
            os.write(master, b"\x04")
        else:
            os.write(master, what.encode() + b"\r")
if status is None:
    os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    print("TIMEOUT")
read_for(0.2)
sys.stdout.write(shown.decode(errors="replace"))
print("\nhidden", hidden, "echo", echoes(), "code", os.waitstatus_to_exitcode(status))
