#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Docker Hub as far as a search goes: search_servers.py CERT KEY serves index.docker.io at 443, and
at 5006 registries whose name, 127.0.0.N, says what is wrong with their search."""
import http.server
import json
import ssl
import sys
import threading
import time
import urllib.parse

HUB = [("nginx", 900, True, False, "Official build of Nginx.\nSecond line"),
       ("u/nginx-exporter", 5, False, True, "x" * 80), ("u/none", 0, False, False, None)]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def answer(self, status, body, kind="application/json", headers=()):
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        try:
            self.server.handle(self, urllib.parse.urlsplit(self.path))
        except OSError:
            self.close_connection = True


def result(name, stars, official, automated, text):
    return {"name": name, "star_count": stars, "is_official": official, "is_automated": automated,
            "description": text, "unknown": {"x": 1}}


def hub(h, url):
    query = urllib.parse.parse_qs(url.query)
    if url.path != "/v1/search":
        return h.answer(401, {}, headers=[("WWW-Authenticate", 'Basic realm="x"')])
    n = int(query["n"][0])
    return h.answer(200, {"num_results": 3, "query": query.get("q"), "results": [result(*r) for r in HUB][:n]})


def strange(h, url):
    how = h.headers["Host"].split(":")[0].rsplit(".", 1)[1]
    if url.path == "/v2/":
        return h.answer(200, {})
    if url.path == "/v1/search":
        return {
            "31": lambda: h.answer(200, b"<html>"),
            "32": lambda: h.answer(200, b"{" + b" " * (5 << 20) + b"}"),
            "33": lambda: time.sleep(30),
            "34": lambda: h.answer(200, {"results": [result("x" * 300, 1, True, True, "a"), result("../e", 1, True, True, "a"), 7,
                                                     result("good", "many", True, True, "a"), result("fine", -3, False, False, "\x1b[31m" + "é" * 3000)],
                                         "num_results": 5}),
            "35": lambda: h.answer(200, {"results": [result(f"n{i}", i, False, False, "") for i in range(3000)], "num_results": 3000}),
            "36": lambda: h.answer(302, b"", headers=[("Location", h.path)]),
            "37": lambda: h.answer(200, {"results": {"a": 1}}),
            "38": lambda: h.answer(200, b"<html>", "text/html"),
        }.get(how, lambda: h.answer(404, b"none", "text/plain"))()
    page = int((urllib.parse.parse_qs(url.query).get("last", ["r0"])[0])[1:] or 0)
    if how == "39":  # pages without an end
        return h.answer(200, {"repositories": [f"r{page + 1}"]}, headers=[("Link", f'</v2/_catalog?last=r{page + 1}>; rel="next"')])
    if how == "40":  # two pages
        names = ["r1"] if page == 0 else ["tail/r2"]
        return h.answer(200, {"repositories": names}, headers=[("Link", "</x>; rel=\"next\"")] if page == 0 else [])
    return h.answer(200, b"<html>", "text/html")


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass


def serve(address, handle, tls=None):
    server = Server(address, Handler)
    server.handle = handle
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()


context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1], sys.argv[2])
serve(("127.0.0.1", 443), hub, context)
serve(("0.0.0.0", 5006), strange)
print("ready", flush=True)
threading.Event().wait()
