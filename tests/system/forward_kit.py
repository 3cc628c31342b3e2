#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A log server, and what came to it, for forward.sh.

  serve unixgram|udp|tcp WHERE OUT   writes OUT: "CONNECTION\\tMESSAGE" a line
  check OUT TAG N_OUT N_ERR          "missing N extra N out-of-order N", then how late the stamps are
  sum OUT TAG                        bytes of lines and of what markers name
"""
import collections
import datetime
import os
import re
import socket
import sys
import threading


def serve(kind, where, out):
    f = open(out, "ab", 0)
    if kind == "tcp":
        s = socket.socket()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
        s.bind(("127.0.0.1", int(where)))
        s.listen(128)
    else:
        s = socket.socket(socket.AF_UNIX if kind == "unixgram" else socket.AF_INET, socket.SOCK_DGRAM)
        s.setsockopt(socket.SOL_SOCKET, 33, 64 << 20)  # SO_RCVBUFFORCE: udp has no way to wait
        s.bind(where if kind == "unixgram" else ("127.0.0.1", int(where)))
    open(out + ".ready", "w").close()
    if kind != "tcp":
        while True:
            f.write(b"0\t" + s.recv(65536).replace(b"\n", b"\x1f") + b"\n")
    lock = threading.Lock()

    def take(c, number):  # a line without its end is of an engine that was killed: it comes again
        rest = b""
        try:
            while d := c.recv(65536):
                *lines, rest = (rest + d).split(b"\n")
                with lock:
                    f.write(b"".join(b"%d\t%s\n" % (number, line) for line in lines))
        except OSError:
            pass

    number = os.path.getsize(out)  # grows from one server to the next
    while True:
        number += 1
        threading.Thread(target=take, args=(s.accept()[0], number), daemon=True).start()


SYSLOG = re.compile(r"<\d+>1 (\S+) \S+ (\S+) \d+ \S+ - (.*)", re.S)


def parse(message):
    """(when, tag, text) of RFC 5424, or of the journal."""
    m = SYSLOG.match(message)
    if m:
        return m.group(1), m.group(2), m.group(3).rstrip("\x1f")
    fields = dict(x.split("=", 1) for x in message.split("\x1f") if "=" in x)
    return fields["SYSLOG_TIMESTAMP"], fields["CONTAINER_TAG"], fields["MESSAGE"]


def read(out):
    """Texts of each container in the order in which they came: connection by connection."""
    by = collections.defaultdict(lambda: collections.defaultdict(list))
    for line in open(out, encoding="latin1", newline="\n"):
        number, message = line.rstrip("\n").split("\t", 1)
        when, who, text = parse(message)
        by[who][int(number)].append((when, text))
    return {who: [x for number in sorted(of) for x in of[number]] for who, of in by.items()}


def micros(when):
    t = datetime.datetime.fromisoformat(when[:26].rstrip("Z") + "+00:00")
    return int(t.timestamp() * 1000000)


def check(lines, n_out, n_err):
    """What is to be said of a container's lines, how many are doubled, how late they were stamped."""
    late = []
    missing = extra = disorder = 0
    for letter, n in (("o", n_out), ("e", n_err)):
        last, seen = -1, collections.Counter()
        for when, text in lines:
            part = text.split(" ")
            if part[0] != letter or len(part) < 2:
                continue
            i = int(part[1])
            disorder += i < last
            last = i
            seen[i] += 1
            if len(part) > 2 and part[2].isdigit():
                late.append((micros(when) - int(part[2])) / 1000)
        missing += sum(1 for i in range(n) if not seen[i])
        extra += sum(seen.values()) - len(seen)
    ends = sum(text == "end" for _, text in lines)
    torn = sum(not re.match("[oe] [0-9]{9} ", t) and t != "end" for _, t in lines)
    late.sort()
    return (f"missing {missing} out-of-order {disorder} torn {torn} end {min(ends, 1)}", extra + max(ends - 1, 0),
            [round(x) for x in (late[0], late[len(late) * 99 // 100], late[-1])] if late else [])


def check_one(out, tag, n_out, n_err):
    verdict, doubled, late = check(read(out).get(tag, []), int(n_out), int(n_err))
    print(verdict)
    print(doubled, *late)


def check_all(out, written, *tags):
    """Those of which not all came, or more than one line twice. `written`: the writers' folder."""
    lines = read(out)
    for tag in tags:
        n_out, n_err = open(f"{written}/{tag}", encoding="ascii").read().split()[:2]
        verdict, doubled, _ = check(lines.get(tag, []), int(n_out), int(n_err))
        if verdict != "missing 0 out-of-order 0 torn 0 end 1" or doubled > 1:
            print(f"{tag}: {verdict} doubled {doubled}")


def total(out, tag):
    told = text = 0
    for _, line in read(out).get(tag, []):
        m = re.match("berth: ([0-9]+) bytes of log were dropped here", line)
        told += int(m.group(1)) if m else 0
        text += 0 if m else len(line) + 1
    print(text, told)


if __name__ == "__main__":
    a = sys.argv[2:]
    {"serve": serve, "check": check_one, "check_all": check_all, "sum": total}[sys.argv[1]](*a)
