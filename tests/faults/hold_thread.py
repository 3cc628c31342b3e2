# SPDX-License-Identifier: Apache-2.0
"""hold_thread.py PID NAME: stops the thread of that name, says "held", and lets it go on when its
own stdin ends. A disk that takes long, for one writer alone."""
import ctypes
import os
import pathlib
import sys

PTRACE_DETACH, PTRACE_SEIZE, PTRACE_INTERRUPT, WALL = 17, 0x4206, 0x4207, 0x40000000
libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]

tasks = pathlib.Path(f"/proc/{sys.argv[1]}/task").iterdir()
tid = next(int(t.name) for t in tasks if (t / "comm").read_text().strip() == sys.argv[2])
for request in (PTRACE_SEIZE, PTRACE_INTERRUPT):
    if libc.ptrace(request, tid, None, None) != 0:
        sys.exit(os.strerror(ctypes.get_errno()))
os.waitpid(tid, WALL)
print("held", flush=True)
sys.stdin.read()
libc.ptrace(PTRACE_DETACH, tid, None, None)
