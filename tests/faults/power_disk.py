# SPDX-License-Identifier: Apache-2.0
"""A disk that knows what was flushed: a file served through /dev/fuse, below a loop device. Every
write is recorded, and every flush; `crash` gives the disk as a power cut at some moment may have
left it: all that was flushed before, and of what came after any part, in sectors: of 512 bytes, or
4096 as on disks of today (a btrfs cannot be mounted whose super block is torn)."""
import ctypes
import errno
import os
import struct
import threading

LOOKUP, FORGET, GETATTR, SETATTR, OPEN, READ, WRITE, STATFS, RELEASE, FSYNC = 1, 2, 3, 4, 14, 15, 16, 17, 18, 20
FLUSH, INIT, INTERRUPT, DESTROY, BATCH_FORGET = 25, 26, 36, 38, 42
MAX_WRITE = 1 << 20
libc = ctypes.CDLL(None, use_errno=True)


class Disk:
    def __init__(self, path, size, mount_point, sector):
        """path: where the disk is kept while it lives (sparse); it appears as mount_point/disk."""
        self.size, self.sector = size, sector
        self.log = []  # (offset, bytes), or None: a flush
        self.is_recording = False
        self.file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        os.ftruncate(self.file, size)
        self.fuse = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
        os.makedirs(mount_point, exist_ok=True)
        options = "fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other" % self.fuse
        if libc.mount(b"disk", mount_point.encode(), b"fuse", 0, options.encode()):
            raise OSError(ctypes.get_errno(), "mount fuse")
        threading.Thread(target=self.serve, daemon=True).start()

    def attr(self, node):
        mode, size = (0o40755, 0) if node == 1 else (0o100600, self.size)
        return struct.pack("<6Q10I", node, size, size // 512, 0, 0, 0, 0, 0, 0, mode, 1, 0, 0, 0, 4096, 0)

    def answer(self, op, node, body):
        if op == INIT:
            return struct.pack("<IIIIHHIIHHI28x", 7, 31, 65536, 1 << 5 | 1 << 22, 16, 12, MAX_WRITE, 1, 256, 0, 0)
        if op == LOOKUP:
            if body.rstrip(b"\0") != b"disk":
                return -errno.ENOENT
            return struct.pack("<QQQQII", 2, 0, 3600, 3600, 0, 0) + self.attr(2)
        if op in (GETATTR, SETATTR):
            return struct.pack("<QII", 3600, 0, 0) + self.attr(node)
        if op == OPEN:
            return struct.pack("<QII", 1, 0, 0)
        if op == READ:
            _, at, size = struct.unpack_from("<QQI", body)
            return os.pread(self.file, size, at)
        if op == WRITE:
            _, at, size = struct.unpack_from("<QQI", body)
            data = bytes(body[40:40 + size])
            os.pwrite(self.file, data, at)
            if self.is_recording:
                self.log.append((at, data))
            return struct.pack("<II", size, 0)
        if op == FSYNC:
            if self.is_recording:
                self.log.append(None)
            return b""
        if op in (FLUSH, RELEASE):
            return b""
        if op == STATFS:
            return struct.pack("<5Q3I28x", 1 << 20, 1 << 20, 1 << 20, 100, 100, 4096, 255, 4096)
        return -errno.ENOSYS

    def serve(self):
        while True:
            try:
                request = os.read(self.fuse, MAX_WRITE + 65536)
            except OSError as e:
                if e.errno in (errno.EINTR, errno.ENOENT, errno.EAGAIN):
                    continue
                return  # unmounted
            _, op, unique, node = struct.unpack_from("<IIQQ", request)
            if op in (FORGET, BATCH_FORGET, INTERRUPT):
                continue
            body = self.answer(op, node, memoryview(request)[40:].tobytes())
            code, body = (body, b"") if isinstance(body, int) else (0, body)
            try:
                os.write(self.fuse, struct.pack("<IiQ", 16 + len(body), code, unique) + body)
            except OSError:
                pass  # who asked is gone
            if op == DESTROY:
                return

    def begin(self, base):
        """From now on writes are recorded; base: a copy of the disk as it is."""
        os.system("cp --sparse=always /proc/%d/fd/%d %s" % (os.getpid(), self.file, base))
        self.is_recording = True

    def crash(self, base, out, at, dice):
        """The disk at out. at: a position in the log."""
        os.system("cp --sparse=always %s %s" % (base, out))
        flushed = max([i for i in range(at) if self.log[i] is None], default=0)
        luck = dice.choice((0, 0.1, 0.5, 0.9, 1))
        fd = os.open(out, os.O_RDWR)
        for i, entry in enumerate(self.log[:at]):
            if entry is None:
                continue
            offset, data = entry
            if i < flushed or dice.random() < luck:
                os.pwrite(fd, data, offset)
            elif dice.random() < 0.3:  # torn
                for n in range(0, len(data), self.sector):
                    if dice.random() < 0.5:
                        os.pwrite(fd, data[n:n + self.sector], offset + n)
        os.close(fd)
        return at - flushed
