#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""keeper_version.py SOCKET HOW: a keeper of a version that nobody knows. HOW it takes the wish to
become another: "refuses" with a reason, "hangs-up", "silent", "becomes" (and still is of its own
version), "garbage" (its very welcome is cut short). Prints "upgrade" for each such wish."""
import os
import socket
import struct
import sys

KM_HELLO, KM_UPGRADE, KM_WELCOME, KM_ENTRIES_END, KM_UPGRADED = 1, 40, 64, 66, 96
VERSION = 99


def message(kind, tag, body=b""):
    return struct.pack("=IIQ", kind, 16 + len(body), tag) + body


def welcome(tag):
    return message(KM_WELCOME, tag, struct.pack("=IIII64s", VERSION, os.getpid(), 1, 0, b"from-the-future"))


def upgraded(tag, reason):
    return message(KM_UPGRADED, tag, struct.pack("=iI64s128s", 0, VERSION, b"from-the-future", reason))


def serve(link, how):
    while True:
        data, _fds, _flags, _addr = socket.recv_fds(link, 4096, 253)
        if not data:
            return
        kind, _size, tag = struct.unpack_from("=IIQ", data)
        if kind == KM_HELLO and how == "garbage":
            link.send(welcome(tag)[:40])
        elif kind == KM_HELLO:
            link.send(welcome(tag))
            link.send(message(65, tag, b"an entry of another form" * 20))
            link.send(message(KM_ENTRIES_END, tag))
        elif kind == KM_UPGRADE:
            print("upgrade", flush=True)
            if how == "hangs-up":
                return
            if how == "refuses":
                link.send(upgraded(tag, b"not this one"))
            elif how == "becomes":
                link.send(upgraded(tag, b""))


def main():
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind(sys.argv[1])
    listener.listen(8)
    print("listens", flush=True)
    while True:
        link, _ = listener.accept()
        serve(link, sys.argv[2])
        link.close()


main()
