#!/usr/bin/env python3
"""In a namespace. serve PORT...: answers every TCP connection with the port and closes; `burst HOST
FIRST LAST`: connects to each port of a range at once and counts those that are answered."""
import selectors
import socket
import sys


def serve(ports):
    wait = selectors.DefaultSelector()
    for port in ports:
        s = socket.socket()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind(("0.0.0.0", port))
        s.listen(512)
        wait.register(s, selectors.EVENT_READ, port)
    print("ready", flush=True)
    while True:
        for key, _ in wait.select():
            client, peer = key.fileobj.accept()
            client.sendall(b"%d %s\n" % (key.data, peer[0].encode()))
            client.close()


def burst(host, first, last):
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    open_now = []
    for port in range(first, last + 1):
        s = socket.socket(family)
        s.settimeout(10)
        s.connect((host, port))
        open_now.append((port, s))
    good = sum(s.recv(100).startswith(b"%d " % port) for port, s in open_now)
    print(f"answered {good}/{len(open_now)}")


if sys.argv[1] == "serve":
    serve(range(int(sys.argv[2]), int(sys.argv[3]) + 1))
else:
    burst(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
