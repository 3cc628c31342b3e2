#!/usr/bin/env python3
"""Clients of GET /events that stop reading, and others beside them.

usage: events.py SOCKET IMAGE    prints TAP
"""
import http.client
import json
import socket
import sys
import threading
import time

SOCKET, IMAGE = sys.argv[1:3]
TAGS = 9000  # two events each: more than the history has room for
count = failed = 0


def report(good, name, detail=""):
    global count, failed
    count += 1
    failed += not good
    print("%sok %d - %s" % ("" if good else "not ", count, name), flush=True)
    if not good:
        print("# %s" % detail, flush=True)


def connection():
    c = http.client.HTTPConnection("berth")
    c.sock = socket.socket(socket.AF_UNIX)
    c.sock.connect(SOCKET)
    return c


class Follower:
    """Reads events one by one, from its own connection."""

    def __init__(self, query):
        self.connection = connection()
        self.connection.sock.settimeout(20)
        self.connection.request("GET", "/events" + query)
        self.answer = self.connection.getresponse()

    def next(self):
        line = self.answer.readline()
        return json.loads(line) if line else None


def storm(n):
    c = connection()
    for i in range(n):
        c.request("POST", "/images/%s/tag?repo=storm&tag=t%d" % (IMAGE, i % 3))
        answer = c.getresponse()
        answer.read()
        if answer.status != 201:
            raise SystemExit("a tag: %d" % answer.status)


slow, fast = Follower(""), Follower("?filters=%7B%22type%22%3A%5B%22image%22%2C%22command%22%5D%7D")
seen, longest = [], [0.0]


def follow():
    while True:
        event = fast.next()
        seen.append(event["seq"])
        if event["Action"] == "untag" or event["Type"] == "daemon":
            return


def ping():
    c = connection()
    while not done.is_set():
        begun = time.monotonic()
        c.request("GET", "/_ping")
        c.getresponse().read()
        longest[0] = max(longest[0], time.monotonic() - begun)
        time.sleep(0.01)


done = threading.Event()
threads = [threading.Thread(target=follow), threading.Thread(target=ping)]
for t in threads:
    t.start()
storm(TAGS)
c = connection()
c.request("DELETE", "/images/storm:t0")
c.getresponse().read()
threads[0].join()
done.set()
threads[1].join()
report(len(seen) >= 2 * TAGS and seen == list(range(seen[0], seen[0] + len(seen))), "who reads has all of them, in order",
       "%d of %d, %r" % (len(seen), 2 * TAGS, [(a, b) for a, b in zip(seen, seen[1:]) if b != a + 1][:5]))
report(longest[0] < 0.5, "who does not read slows nobody", "a ping took %.3f s" % longest[0])

last, gap, before = None, None, 0
while True:
    event = slow.next()
    if event is None:
        break
    if event["Action"] == "gap":
        gap = event
    elif gap is None:
        before += 1
        last = event["seq"]
    if event["Action"] == "untag":
        break
attributes = gap and gap["Actor"]["Attributes"]
report(gap is not None and event is not None, "who reads late is told of the gap and goes on", repr((gap, event)))
report(gap is not None and before > 100 and int(attributes["from"]) > last and
       int(attributes["to"]) - int(attributes["from"]) + 1 == int(attributes["missed"]) == gap["seq"] + 1 - int(attributes["from"]),
       "the gap says which numbers", repr((last, attributes)))
print("1..%d" % count)
sys.exit(failed > 0)
