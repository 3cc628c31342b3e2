# SPDX-License-Identifier: Apache-2.0
"""A service manager, as far as sd_notify(3) and sd_listen_fds(3) go: gives sockets to a program and
writes down what it is told.

    service_manager.py LOG [-a] [-w USEC] [-s PATH]... -- PROGRAM ARGS...

LOG gets a line for each datagram: seconds since the start, and its text with | for newlines. -a: an
abstract socket; -w: a watchdog; -s: a listening socket for the program. SIGTERM and SIGHUP go on to
the program; the manager ends with it, with its code."""
import os
import signal
import socket
import subprocess
import sys
import time

log = open(sys.argv[1], "a", buffering=1)
args, given, env = sys.argv[2:], [], dict(os.environ)
address = sys.argv[1] + ".sock"
while args[0] != "--":
    option = args.pop(0)
    if option == "-a":
        address = f"\0berth-test-{os.getpid()}"
    elif option == "-w":
        env["WATCHDOG_USEC"] = args.pop(0)
    elif option == "-s":
        s = socket.socket(socket.AF_UNIX)
        s.bind(args.pop(0))
        s.listen(64)
        given.append(s)
program = args[1:]

told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
told.bind(address)
env["NOTIFY_SOCKET"] = address.replace("\0", "@")
if given:
    env["LISTEN_FDS"] = str(len(given))


def give():
    os.environ.clear()
    os.environ.update(env)
    if given:
        os.environ["LISTEN_PID"] = str(os.getpid())
    if "WATCHDOG_USEC" in env:
        os.environ["WATCHDOG_PID"] = str(os.getpid())
    high = [os.dup2(s.fileno(), 100 + i) for i, s in enumerate(given)]
    for i, fd in enumerate(high):
        os.dup2(fd, 3 + i)
    os.closerange(3 + len(given), 200)


begun = time.monotonic()
pid = os.fork()
if pid == 0:
    give()
    os.execv(program[0], program)
for number in (signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, lambda n, frame: os.kill(pid, n))
for s in given:
    s.close()
told.settimeout(0.1)
status = None
while True:
    try:
        text = told.recv(4096).decode().strip().replace("\n", "|")
        log.write(f"{time.monotonic() - begun:.2f} {text}\n")
        continue
    except TimeoutError:
        pass
    if status is not None:
        sys.exit(status)
    done, code = os.waitpid(pid, os.WNOHANG)
    if done:
        status = os.waitstatus_to_exitcode(code) & 255
