# SPDX-License-Identifier: Apache-2.0
"""A tree with every kind of inode, and what a tree is.   copy_tree.py make DIR | list DIR"""
import hashlib, os, stat, struct, sys

def make(top):
    os.mkdir(top)
    def file(name, data=b"x", mode=0o644):
        path = os.path.join(top, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as f:
            f.write(data)
        os.chmod(path, mode)
        return path
    file("plain", b"hello\n")
    file("empty", b"")
    os.chown(file("owned"), 70000, 3000000000)
    os.chmod(file("setid"), 0o6751)
    os.setxattr(file("attributes"), "user.note", b"a\0b\nc")
    # VFS_CAP_REVISION_2, net_bind_service
    os.setxattr(file("capable", mode=0o755), "security.capability", struct.pack("<IIIII", 0x02000001, 1 << 10, 0, 0, 0))
    file("sub/one", b"1" * 70000)
    os.link(os.path.join(top, "sub/one"), os.path.join(top, "linked"))
    os.symlink("sub/one", os.path.join(top, "relative"))
    os.symlink("/nowhere/at/all", os.path.join(top, "dangling"))
    os.mkfifo(os.path.join(top, "fifo"), 0o640)
    os.mknod(os.path.join(top, "char"), stat.S_IFCHR | 0o600, os.makedev(1, 3))
    os.mknod(os.path.join(top, "block"), stat.S_IFBLK | 0o660, os.makedev(300, 70000))
    os.mkdir(os.path.join(top, "sticky"), 0o700)
    os.chmod(os.path.join(top, "sticky"), 0o1777)
    for name, size in (("sparse", 3 << 20), ("huge", 9 << 30), ("hole", 1 << 20)):
        with open(file(name, b""), "r+b") as f:
            f.truncate(size)
            if name != "hole":
                f.seek(1 << 20)
                f.write(b"data")
                f.seek(size - 5)
                f.write(b"end")
    file("utf8-\u00e4\u20ac")
    file(os.fsdecode(b"latin-\xe4"))
    # 4,000 bytes of path, which no single system call takes together with what is above it
    fd = os.open(top, os.O_RDONLY)
    for i in range(15):
        os.mkdir("%02d" % i + "d" * 248, dir_fd=fd)
        child = os.open("%02d" % i + "d" * 248, os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = child
    f = os.open("f" * 200, os.O_WRONLY | os.O_CREAT, 0o600, dir_fd=fd)
    os.write(f, b"deep")
    os.close(f)
    os.close(fd)
    for path, _, _, fd in os.fwalk(top, topdown=False, follow_symlinks=False):
        for name in os.listdir(fd):
            os.utime(name, ns=(1, 1234567890123456789), dir_fd=fd, follow_symlinks=False)
    os.utime(os.path.join(top, "plain"), ns=(1, -2000000000))
    os.utime(top, ns=(1, 987654321987654321))

def content(fd, size):
    """Of what is data alone: a file may be 9 GiB."""
    h, at = hashlib.sha256(), 0
    while at < size:
        try:
            at = os.lseek(fd, at, os.SEEK_DATA)
        except OSError:
            break
        end = os.lseek(fd, at, os.SEEK_HOLE)
        while at < end:
            block = os.pread(fd, 4096 - at % 4096, at)
            if block.strip(b"\0"):
                h.update(b"%d:" % at + block.rstrip(b"\0"))
            at += len(block)
    return h.hexdigest()[:16]

def describe(fd, name, rel, first, out):
    st = os.stat(name, dir_fd=fd, follow_symlinks=False)
    kind = stat.filemode(st.st_mode)
    extra = ""
    if st.st_nlink > 1 and not stat.S_ISDIR(st.st_mode):
        extra += " =" + first.setdefault((st.st_dev, st.st_ino), rel)
    if stat.S_ISLNK(st.st_mode):
        extra += " -> " + os.readlink(name, dir_fd=fd)
    elif stat.S_ISCHR(st.st_mode) or stat.S_ISBLK(st.st_mode):
        extra += " %d,%d" % (os.major(st.st_rdev), os.minor(st.st_rdev))
    elif stat.S_ISREG(st.st_mode) or stat.S_ISDIR(st.st_mode):
        f = os.open(name, os.O_RDONLY | os.O_NOFOLLOW, dir_fd=fd)
        for x in sorted(os.listxattr(f)):
            if x.startswith("user.") or x == "security.capability":
                extra += " %s=%r" % (x, os.getxattr(f, x))
        if stat.S_ISREG(st.st_mode):
            extra += " %d %s%s" % (st.st_size, content(f, st.st_size),
                                   " sparse" if st.st_blocks * 512 < st.st_size // 2 else "")
        os.close(f)
    out.append("%s %s %d:%d %d%s" % (rel, kind, st.st_uid, st.st_gid, st.st_mtime_ns, extra))
    return st

def walk(fd, rel, first, out):
    for name in sorted(os.listdir(fd)):
        path = rel + "/" + name if rel else name
        st = describe(fd, name, path, first, out)
        if stat.S_ISDIR(st.st_mode):
            child = os.open(name, os.O_RDONLY, dir_fd=fd)
            walk(child, path, first, out)
            os.close(child)

def show(top):
    out, fd = [], os.open(top, os.O_RDONLY)
    describe(fd, ".", ".", {}, out)
    walk(fd, "", {}, out)
    for line in out:
        sys.stdout.buffer.write(os.fsencode(line) + b"\n")

{"make": make, "list": show}[sys.argv[1]](sys.argv[2])
