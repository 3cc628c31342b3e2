"""Uses up, as root of a container, one of the things that the kernel counts by user, and holds it.

usage: in_vm_limits.py epoll|inotify|keys|signals|queues|pipes|flight|spaces|session
Prints "used up N" when the kernel refuses more, and waits. Run by in_vm.sh, in a container that has
the machine's own python. "session" prints the number of the session's keyring and ends.
"""
import ctypes
import fcntl
import os
import resource
import select
import signal
import socket
import sys

libc = ctypes.CDLL(None, use_errno=True)
ADD_KEY, KEYCTL = (248, 250) if os.uname().machine == "x86_64" else (217, 219)


def many_files():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def until_refused(act):
    n = 0
    while act(n):
        n += 1
    print("used up %d" % n, flush=True)
    while True:  # here, where what was opened is still held
        signal.pause()


def epoll():
    many_files()
    sets = [select.epoll() for _ in range(64)]
    ends = []

    def one(n):
        if n % 64 == 0:
            ends.append(os.eventfd(0))
        try:
            sets[n % 64].register(ends[-1], 0)
        except OSError:
            return False
        return True
    until_refused(one)


def inotify():
    until_refused(lambda n: libc.inotify_init1(0) >= 0)


def keys():
    until_refused(lambda n: libc.syscall(ADD_KEY, b"user", b"k%d" % n, b"x", ctypes.c_size_t(1), -4) >= 0)


def session():
    print("session %d" % libc.syscall(KEYCTL, 0, -3, 0))


def signals():
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGRTMIN + 5])
    until_refused(lambda n: libc.sigqueue(os.getpid(), int(signal.SIGRTMIN) + 5, 0) == 0)


def queues():
    until_refused(lambda n: libc.mq_open(b"/q%d" % n, os.O_CREAT | os.O_RDWR, 0o600, None) >= 0)


def pipes():
    many_files()
    held = []

    def one(_):
        try:
            held.extend(os.pipe())
        except OSError:
            return False
        return fcntl.fcntl(held[-1], fcntl.F_GETPIPE_SZ) >= 65536
    until_refused(one)


def flight():
    resource.setrlimit(resource.RLIMIT_NOFILE, (100, 100))
    left, right = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    left.setblocking(False)

    def one(_):
        try:
            socket.send_fds(left, [b"x"], [0] * 20)
        except OSError:
            return False
        return True
    until_refused(one)


def spaces():
    def one(_):
        if os.fork() == 0:
            signal.pause()
        return libc.unshare(0x00020000) == 0
    until_refused(one)


globals()[sys.argv[1]]()
