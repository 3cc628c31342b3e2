#!/usr/bin/env python3
"""Clients that do half of something and fall silent, and those that are only slow.

usage: silence.py SOCKET PATIENCE_S     (of an engine with BERTH_PATIENCE_MS)
Prints a line for each, "right …" or "WRONG …".
"""
import http.client
import io
import json
import socket
import sys
import tarfile
import threading
import time

SOCKET, PATIENCE = sys.argv[1], float(sys.argv[2])
failed = 0


def say(name, good, what=""):
    global failed
    failed += not good
    sys.stdout.write("%s %s: %s\n" % ("right" if good else "WRONG", name, what))  # at once: threads do
    sys.stdout.flush()


def connect(rcvbuf=None):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(30)
    s.connect(SOCKET)
    return s


def call(method, path, body=None):
    c = http.client.HTTPConnection("x", timeout=60)
    c.sock = connect()
    c.request(method, path, json.dumps(body) if body is not None else None, {"Content-Type": "application/json"})
    r = c.getresponse()
    return r.status, r.read()


def must(method, path, body=None):
    status, text = call(method, path, body)
    assert status < 400, (method, path, status, text)
    return json.loads(text) if text.startswith(b"{") else text


def until_end(s):
    """What comes until the other side closes; None when it does not within some patiences."""
    data, end = b"", time.monotonic() + 6 * PATIENCE + 10
    while time.monotonic() < end:
        try:
            part = s.recv(65536)
        except socket.timeout:
            return None
        except ConnectionError:
            return data
        if not part:
            return data
        data += part
    return None


def drip(s, data, pause=PATIENCE / 8):
    """Byte by byte, for longer than anybody waits, until the other side is tired of it."""
    end = time.monotonic() + 8 * PATIENCE
    try:
        while time.monotonic() < end:
            for byte in data:
                s.sendall(bytes([byte]))
                time.sleep(pause)
    except OSError:
        pass


def cut(name, first, more=None, expect=b"HTTP/1.1 408 "):
    s = connect()
    began = time.monotonic()
    s.sendall(first)
    if more:
        threading.Thread(target=drip, args=(s, more), daemon=True).start()
    answer = until_end(s)
    took = time.monotonic() - began
    say(name, answer is not None and answer.startswith(expect) and took >= 0.8 * PATIENCE,
        "%s after %.1f s" % (answer and answer[:30], took))
    s.close()


def halves():
    post = b"POST /containers/create HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    load = b"POST /images/load HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-tar\r\n"
    run = [
        ("half of a head", b"GET /_ping HTTP/1.1\r\nHos"),
        ("a head that drips", b"GET /_ping HTTP/1.1\r\n", b"X-A: b\r\n"),
        ("half of a body", post + b"Content-Length: 100\r\n\r\n{\"Image\""),
        ("a body that drips", post + b"Content-Length: 100000\r\n\r\n", b"          "),
        ("chunks without an end", post + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
        ("a chunk's size without an end", post + b"Transfer-Encoding: chunked\r\n\r\n", b"0"),
        ("half of an archive", load + b"Content-Length: 100000\r\n\r\nabc", None, b""),
        ("an archive in chunks that stops", load + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", None, b""),
        ("nothing at all", b"", None, b""),
        ("nothing after an answer", b"GET /_ping HTTP/1.1\r\nHost: x\r\n\r\n", None, b"HTTP/1.1 200 "),
        ("empty lines", b"\r\n", b"\r\n", b""),
    ]
    threads = [threading.Thread(target=cut, args=r) for r in run]
    for t in threads:
        t.start()
    for t in threads:
        t.join()


def lengths():
    """More than was announced is the next request, which is none; less is half of one."""
    s = connect()
    s.sendall(b"POST /containers/create HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
              b"Content-Length: 2\r\n\r\n{}{\"Image\":\"hostile:probe\"}")
    answer = until_end(s)
    say("a body longer than announced", answer is not None and answer.count(b"HTTP/1.1 400") == 2, answer and answer[:20])


def readers():
    """Answers that nobody takes: the connection goes, also when requests are piled up behind it."""
    labels = {"k%d" % i: "v" * 300 for i in range(5000)}
    id = must("POST", "/containers/create", {"Image": "hostile:probe", "Labels": labels})["Id"]
    s = connect()
    s.sendall((b"GET /containers/%s/json HTTP/1.1\r\nHost: x\r\n\r\n" % id.encode()) * 50)
    time.sleep(3 * PATIENCE)
    try:
        n = 0
        while True:
            part = s.recv(1 << 20)
            if not part:
                break
            n += len(part)
        ended = True
    except ConnectionError:
        ended = True
    except socket.timeout:
        ended = False
    say("an answer that nobody reads", ended and n < 4 << 20, "%d bytes were there" % n)
    must("DELETE", "/containers/%s?force=1" % id)


def patient():
    """What may last: streams, long polls, slow uploads."""
    id = must("POST", "/containers/create", {
        "Image": "hostile:probe", "Cmd": ["cat"], "OpenStdin": True, "AttachStdin": True, "AttachStdout": True})["Id"]
    tail = b" HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 0\r\n\r\n"
    attached, waiting, events, logs = connect(), connect(), connect(), connect()
    attached.sendall(b"POST /containers/" + id.encode() + b"/attach?stream=1&stdin=1&stdout=1" + tail)
    waiting.sendall(b"POST /containers/" + id.encode() + b"/wait?condition=next-exit HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
    events.sendall(b"GET /events HTTP/1.1\r\nHost: x\r\n\r\n")
    must("POST", "/containers/%s/start" % id)
    logs.sendall(b"GET /containers/" + id.encode() + b"/logs?follow=1&stdout=1 HTTP/1.1\r\nHost: x\r\n\r\n")
    slow = connect()
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        info = tarfile.TarInfo("manifest.json")
        info.size = 9000 # the engine reads to the end of it, not further
        tar.addfile(info, io.BytesIO(b"[" + b" " * 8998 + b"]"))
    data = archive.getvalue()
    slow.sendall(b"POST /images/load HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(data))
    part = len(data) // 8
    try:
        for i in range(8):
            slow.sendall(data[i * part:(i + 1) * part if i < 7 else len(data)])
            time.sleep(PATIENCE / 2)
    except OSError:
        pass
    answer = slow.recv(65536)
    say("a slow upload", b"holds no image" in answer, answer[:40])
    attached.sendall(b"late\n")
    time.sleep(0.3)
    for name, s, text in (("an attached stream", attached, b"late"), ("a followed log", logs, b"late"), ("events", events, b"start")):
        s.settimeout(5)
        got = b""
        try:
            while text not in got:
                part = s.recv(65536)
                if not part:
                    break
                got += part
        except socket.timeout:
            pass
        say(name, text in got, got[-40:])
    must("POST", "/containers/%s/kill" % id)
    got = b""
    while b"StatusCode" not in got:
        part = waiting.recv(65536)
        if not part:
            break
        got += part
    say("a wait", b'"StatusCode":137' in got, got[-40:])
    must("DELETE", "/containers/%s?force=1" % id)


for part in (halves, lengths, readers, patient):
    part()
sys.exit(failed > 0)
