# SPDX-License-Identifier: Apache-2.0
"""hold_thread.py PID NAME: stops the threads of that name, says "held", and lets them go on when
its own stdin ends (or it dies). A disk that hangs, without one that can hang the machine."""
import ctypes
import os
import pathlib
import sys

PTRACE_DETACH, PTRACE_SEIZE, PTRACE_INTERRUPT, WALL = 17, 0x4206, 0x4207, 0x40000000
libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]


def ask(request, tid):
    if libc.ptrace(request, tid, None, None) != 0:
        sys.exit(os.strerror(ctypes.get_errno()))


tasks = pathlib.Path(f"/proc/{sys.argv[1]}/task").iterdir()
tids = [int(t.name) for t in tasks if (t / "comm").read_text().strip() == sys.argv[2]]
for tid in tids:
    ask(PTRACE_SEIZE, tid)
    ask(PTRACE_INTERRUPT, tid)
    os.waitpid(tid, WALL)
print("held", len(tids), flush=True)
sys.stdin.read()
for tid in tids:
    ask(PTRACE_DETACH, tid)
