#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Owners in archives.   make FILE: a tar with every kind of inode, each of somebody else, with an
access list and a file capability.   list [PREFIX]: of the tar on stdin, "name uid:gid attributes"."""
import io
import sys
import tarfile

CAPABILITY = bytes.fromhex("0100000200040000" + "00" * 12)
# user::rw- user:1000:rw- group::r-- group:1001:r-- mask::rw- other::r--
ACCESS = bytes.fromhex("02000000" "01000600ffffffff" "02000600e8030000" "04000400ffffffff"
                       "08000400e9030000" "10000600ffffffff" "20000400ffffffff")
XATTR = "SCHILY.xattr."


def record(key, value):
    """A pax record: its own length is part of it. tarfile's writer takes text only."""
    body = b" " + key.encode() + b"=" + value + b"\n"
    n = len(body) + 1
    while len(str(n)) + len(body) != n:
        n = len(str(n)) + len(body)
    return str(n).encode() + body


def make(path):
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as t:
        def add(name, kind=tarfile.REGTYPE, uid=0, gid=0, data=b"", **more):
            i = tarfile.TarInfo(name)
            i.type, i.uid, i.gid, i.size = kind, uid, gid, len(data)
            for k, v in more.items():
                setattr(i, k, v)
            t.addfile(i, io.BytesIO(data))

        def add_with(name, key, value):
            add("pax", tarfile.XHDTYPE, data=record(XATTR + key, value))
            add(name, data=b"x")

        add("in", tarfile.DIRTYPE, 12, 13, mode=0o755)
        add("in/file", uid=1000, gid=1001, data=b"x", mode=0o4755)
        add("in/large", uid=1002, data=b"x" * (2 << 20))
        add("in/link", tarfile.SYMTYPE, 7, 8, linkname="file")
        add("in/fifo", tarfile.FIFOTYPE, 9, 10)
        add("in/new", tarfile.DIRTYPE, mode=0o755)
        add("in/new/deep", data=b"x")
        add_with("in/capable", "security.capability", CAPABILITY)
        add_with("in/listed", "system.posix_acl_access", ACCESS)


def show(prefix):
    lines = []
    for i in tarfile.open(fileobj=sys.stdin.buffer, mode="r|"):
        name = i.name.removeprefix("./")
        if not name.startswith(prefix) or name == "":
            continue
        attributes = ["%s=%s" % (k[len(XATTR):], v.encode("utf-8", "surrogateescape").hex())
                      for k, v in sorted(i.pax_headers.items()) if k.startswith(XATTR)]
        lines.append(" ".join([name.removeprefix(prefix), "%d:%d" % (i.uid, i.gid)] + attributes))
    print("\n".join(sorted(lines)))


if sys.argv[1] == "make":
    make(sys.argv[2])
else:
    show(sys.argv[2] if len(sys.argv) > 2 else "")
