#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a login meets: auth_servers.py FOLDER. A token service at 5003 (for a docker-registry whose
rootcertbundle is FOLDER/token.crt), registries that misbehave at 5004, and at 5005 the host that
those would like to have the password: all of what each of them hears is in FOLDER/heard, a line a
request. user:secret is known; "identity" gets a refresh token."""
import base64
import http.server
import json
import os
import subprocess
import sys
import threading
import time
import urllib.parse

FOLDER = sys.argv[1]
KNOWN = {"user": "secret", "identity": "secret"}
REFRESH = "refresh-token-of-identity"
heard = open(os.path.join(FOLDER, "heard"), "a", encoding="utf-8")
lock = threading.Lock()


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def jwt(account, access):
    """Signed as docker-registry wants it: RS256, the certificate in the head."""
    with open(os.path.join(FOLDER, "token.crt"), encoding="ascii") as f:
        der = "".join(line for line in f.read().splitlines() if not line.startswith("-"))
    now = int(time.time())
    head = {"typ": "JWT", "alg": "RS256", "x5c": [der]}
    body = {"iss": "tests", "sub": account, "aud": "tests", "exp": now + 300, "nbf": now - 60,
            "iat": now, "jti": str(now), "access": access}
    text = b64(json.dumps(head).encode()) + "." + b64(json.dumps(body).encode())
    signed = subprocess.run(["openssl", "dgst", "-sha256", "-sign", os.path.join(FOLDER, "token.key")],
                            input=text.encode(), stdout=subprocess.PIPE, check=True).stdout
    return text + "." + b64(signed)


def access_of(scopes):
    out = []
    for scope in " ".join(scopes).split():
        kind, name, actions = scope.rsplit(":", 2) if scope.count(":") < 3 else (
            scope.split(":")[0], ":".join(scope.split(":")[1:-1]), scope.split(":")[-1])
        out.append({"type": kind, "name": name, "actions": actions.split(",")})
    return out


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def answer(self, status, body=b"", headers=(), kind="application/json"):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def hear(self, body=""):
        with lock:
            heard.write(json.dumps({"port": self.server.server_address[1], "method": self.command,
                                    "path": self.path, "auth": self.headers.get("Authorization"),
                                    "body": body}) + "\n")
            heard.flush()

    def user(self):
        """Of Basic credentials; None: there are none, "": they are wrong."""
        sent = self.headers.get("Authorization") or ""
        if not sent.startswith("Basic "):
            return None
        name, _, password = base64.b64decode(sent[6:]).decode().partition(":")
        return name if KNOWN.get(name) == password else ""

    def do_GET(self):
        self.hear()
        try:
            self.server.handle(self)
        except OSError:
            self.close_connection = True

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        self.hear(body)
        try:
            self.server.handle(self, urllib.parse.parse_qs(body))
        except OSError:
            self.close_connection = True


def tokens(h, form=None):
    query = urllib.parse.parse_qs(urllib.parse.urlsplit(h.path).query)
    if form is not None:
        if form.get("refresh_token") != [REFRESH] or form.get("grant_type") != ["refresh_token"]:
            return h.answer(401, b'{"details":"incorrect refresh token"}')
        answer = {"access_token": jwt("identity", access_of(form.get("scope", []))),
                  "refresh_token": REFRESH}
        return h.answer(200, json.dumps(answer).encode())
    user = h.user()
    if user == "":
        return h.answer(401, b'{"details":"incorrect username or password"}')
    access = access_of(query.get("scope", [])) if user else []
    answer = {"token": jwt(user or "", access)}
    if user == "identity" and query.get("offline_token") == ["true"]:
        answer["refresh_token"] = REFRESH
    return h.answer(200, json.dumps(answer).encode())


AWAY = "http://localhost:5005"
REALM = 'Bearer realm="http://127.0.0.1:5004/%s/token",service="tests"'


def hostile(h, form=None):
    """The host's name, 127.0.0.N, says how: "Host: 127.0.0.11:5004"."""
    how = {"127.0.0.11": "html", "127.0.0.12": "huge", "127.0.0.13": "stall", "127.0.0.14": "circle",
           "127.0.0.15": "away", "127.0.0.16": "tokenaway", "127.0.0.17": "tokencircle",
           "127.0.0.18": "badtoken", "127.0.0.19": "hugetoken", "127.0.0.20": "newline",
           "127.0.0.21": "notoken", "127.0.0.22": "closes", "127.0.0.23": "lies",
           "127.0.0.24": "basicaway", "127.0.0.25": "realm"}.get(h.headers["Host"].split(":")[0], "")
    if how == "" and h.path.startswith("/"):
        how = h.path.split("/")[1]  # the token services
    at_token = h.path.split("?")[0].endswith("/token")
    signed_in = bool(h.headers.get("Authorization"))
    if how == "html":
        return h.answer(200, b"<html>welcome</html>", kind="text/html")
    if how == "huge":
        return h.answer(200, b"x" * (8 << 20))
    if how == "stall":
        h.send_response(200)
        h.send_header("Content-Length", "100")
        h.end_headers()
        h.wfile.flush()
        return time.sleep(30)
    if how == "closes":
        h.close_connection = True
        return h.connection.close()
    if how == "circle":
        return h.answer(302, b"", [("Location", h.path + ("x" if len(h.path) < 200 else ""))])
    if how in ("away", "basicaway") and not signed_in:
        return h.answer(401, b"{}", [("WWW-Authenticate", 'Basic realm="x"')])
    if how in ("away", "basicaway"):
        return h.answer(307, b"", [("Location", AWAY + h.path)])
    if at_token and how == "tokenaway":
        return h.answer(307, b"", [("Location", AWAY + "/token")])
    if at_token and how == "tokencircle":
        return h.answer(307, b"", [("Location", h.path)])
    if at_token:
        return h.answer(200, {"badtoken": b"<html>", "hugetoken": b'{"token":"' + b"x" * (1 << 20) + b'"}',
                              "newline": b'{"token":"a\\r\\nX-Evil: 1"}', "notoken": b"{}",
                              "lies": b'{"token":"ok"}'}.get(how, b"{}"))
    if how == "realm":
        return h.answer(401, b"{}", [("WWW-Authenticate", 'Bearer realm="file:///etc/passwd"')])
    return h.answer(401, b"{}", [("WWW-Authenticate", REALM % how)])


def away(h, form=None):
    return h.answer(200, b'{"token":"stolen"}')


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass


def serve(address, handle):
    server = Server(address, Handler)
    server.handle = handle
    threading.Thread(target=server.serve_forever, daemon=True).start()


serve(("127.0.0.1", 5003), tokens)
serve(("0.0.0.0", 5004), hostile)
serve(("127.0.0.1", 5005), away)
print("ready", flush=True)
threading.Event().wait()
