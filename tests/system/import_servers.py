# SPDX-License-Identifier: Apache-2.0
# A web server on loopback for import: what it is asked for decides how it misbehaves.
import http.server, sys, threading, time

tar = open(sys.argv[1], "rb").read()


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *args):
        pass

    def answer(self, status, body=b"", length=None, **headers):
        self.send_response(status)
        for k, v in headers.items():
            self.send_header(k, v)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def do_GET(self):
        path = self.path
        if path == "/good.tar":
            self.answer(200, tar)
        elif path == "/redirect":
            self.answer(302, Location="/good.tar")
        elif path == "/circle":
            self.answer(302, Location="/circle")
        elif path == "/elsewhere":
            self.answer(302, Location="file:///etc/passwd")
        elif path == "/denied":
            self.answer(403, b"no")
        elif path == "/broken":
            self.answer(500, b"no")
        elif path == "/page":
            self.answer(200, b"<html>" + b"x" * 2000)
        elif path == "/short":
            self.answer(200, tar[: len(tar) // 2], len(tar))
            self.close_connection = True
        elif path == "/stall":
            self.answer(200, tar[: len(tar) // 2], len(tar))
            time.sleep(60)
        elif path == "/slow":
            self.answer(200, b"", len(tar))
            for i in range(0, len(tar), 50000):
                self.wfile.write(tar[i : i + 50000])
                self.wfile.flush()
                time.sleep(0.02)
        else:
            self.answer(404, b"no")


http.server.ThreadingHTTPServer.daemon_threads = True
server = http.server.ThreadingHTTPServer(("127.0.0.1", 8123), Handler)
print("ready", flush=True)
server.serve_forever()
