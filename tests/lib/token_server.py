#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A token service for docker-registry: token_server.py PORT FOLDER. Makes FOLDER/cert.pem, signs with
its key. user:secret may do everything but with others/…; nobody may pull. Scopes asked for go to
FOLDER/scopes, a line each."""
import base64
import datetime
import http.server
import json
import os
import sys
import time
import urllib.parse

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

PORT, FOLDER = int(sys.argv[1]), sys.argv[2]
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
NAME = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tests")])
NOW = datetime.datetime.utcnow()
CERT = (x509.CertificateBuilder().subject_name(NAME).issuer_name(NAME).public_key(KEY.public_key())
        .serial_number(1).not_valid_before(NOW - datetime.timedelta(days=1))
        .not_valid_after(NOW + datetime.timedelta(days=2))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(KEY, hashes.SHA256()))
LOGIN = "Basic " + base64.b64encode(b"user:secret").decode()


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def token(access):
    now = int(time.time())
    head = {"typ": "JWT", "alg": "RS256",
            "x5c": [base64.b64encode(CERT.public_bytes(serialization.Encoding.DER)).decode()]}
    body = {"iss": "tests", "sub": "user", "aud": "registry", "exp": now + 60, "nbf": now - 60, "iat": now,
            "jti": str(time.time_ns()), "access": access}
    text = b64(json.dumps(head).encode()) + "." + b64(json.dumps(body).encode())
    return text + "." + b64(KEY.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256()))


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def do_GET(self):
        query = urllib.parse.parse_qs(urllib.parse.urlparse(self.path).query)
        is_user = self.headers.get("Authorization") == LOGIN
        access = []
        for scope in query.get("scope", []):
            with open(FOLDER + "/scopes", "a") as log:
                log.write(scope + "\n")
            kind, name, actions = scope.split(":")
            wanted = actions.split(",")
            granted = [x for x in wanted if (is_user and not name.startswith("others/")) or x == "pull"]
            access.append({"type": kind, "name": name, "actions": granted})
        status, answer = 200, {"token": token(access), "expires_in": 60}
        if self.headers.get("Authorization") not in (None, LOGIN):
            status, answer = 401, {"details": "incorrect username or password"}
        data = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


with open(FOLDER + "/cert.pem.new", "wb") as out:
    out.write(CERT.public_bytes(serialization.Encoding.PEM))
os.rename(FOLDER + "/cert.pem.new", FOLDER + "/cert.pem")
http.server.ThreadingHTTPServer(("127.0.0.1", PORT), Handler).serve_forever()
