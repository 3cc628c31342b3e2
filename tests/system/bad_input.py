"""Hostile bytes for the engine's socket. usage: bad_input.py SOCKET FOLDER; prints ok/not ok lines."""
import io
import json
import os
import random
import socket
import sys
import tarfile
import time

SOCK, FOLDER = sys.argv[1], sys.argv[2]
random.seed(7)


def send(data, shut=False, wait=6, parts=None):
    """The answer to raw bytes; b"" when the engine closed without one, None when it said nothing."""
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(wait)
    s.connect(SOCK)
    out = b""
    try:
        try:
            for part in parts or [data]:
                s.sendall(part)
            if shut:
                s.shutdown(socket.SHUT_WR)
        except (BrokenPipeError, ConnectionResetError):
            pass
        while True:
            c = s.recv(65536)
            if not c:
                break
            out += c
    except TimeoutError:
        return out or None
    except ConnectionResetError:
        pass
    finally:
        s.close()
    return out


def request(method, path, body=b"", ctype="application/json", extra=()):
    if isinstance(body, str):
        body = body.encode()
    head = f"{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
    if body:
        head += f"Content-Length: {len(body)}\r\n"
        if ctype:
            head += f"Content-Type: {ctype}\r\n"
    for line in extra:
        head += line + "\r\n"
    return send(head.encode("latin1") + b"\r\n" + body, wait=20)


def status(answer):
    try:
        return int(answer.split(b" ", 2)[1])
    except (IndexError, ValueError, AttributeError):
        return -1


def sentence(answer):
    body = answer.split(b"\r\n\r\n", 1)[-1]
    if b"chunked" in answer.split(b"\r\n\r\n", 1)[0].lower():
        body = b"".join(body.split(b"\r\n")[1::2])
    try:
        return json.loads(body)["message"]
    except Exception:
        return ""


def alive():
    return status(request("GET", "/_ping")) == 200


def say(good, name, detail=""):
    name = name.replace("\n", "\\n").replace("\r", "\\r").replace("#", "%")[:110]
    print(("ok " if good else "not ok ") + name + ("" if good else f": {str(detail)[:260]}"), flush=True)


def refused(name, answer, low=400, high=599):
    good = answer is not None and low <= status(answer) <= high and len(sentence(answer)) > 3
    say(good and alive(), name, answer)


def closed_or_refused(name, answer):
    """Bytes that are no HTTP: a 400, or a closed connection; never a 2xx and never silence."""
    good = answer is not None and (answer == b"" or 400 <= status(answer) <= 599)
    say(good and alive(), name, answer)


# ---- HTTP ----
raw = {
    "http: garbage": b"\x00\x01\x02\xff\xfe garbage\r\n\r\n",
    "http: TLS hello": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256)),
    "http: HTTP/2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "http: version 9": b"GET /_ping HTTP/9.9\r\nHost: x\r\n\r\n",
    "http: unknown method": b"BREW /_ping HTTP/1.1\r\nHost: x\r\n\r\n",
    "http: bad header": b"GET /_ping HTTP/1.1\r\nno colon here\r\n\r\n",
    "http: NUL in a header": b"GET /_ping HTTP/1.1\r\nHost: a\x00b\r\n\r\n",
    "http: NUL in the path": b"GET /\x00 HTTP/1.1\r\nHost: x\r\n\r\n",
    "http: negative length": b"POST /containers/create HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    "http: absurd length": b"POST /containers/create HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n",
    "http: two lengths": b"POST /containers/create HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    "http: length and chunks": b"POST /containers/create HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "http: unknown transfer coding": b"POST /containers/create HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n",
    "http: chunk size is no number": b"POST /containers/create HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
    "http: chunk size overflows": b"POST /containers/create HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n{}\r\n",
    "http: chunk without its end": b"POST /containers/create HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}XX0\r\n\r\n",
    "http: huge header": b"GET /_ping HTTP/1.1\r\nHost: x\r\nX-Big: " + b"a" * 2_000_000 + b"\r\n\r\n",
    "http: very many headers": b"GET /_ping HTTP/1.1\r\nHost: x\r\n" + b"X-A: b\r\n" * 100_000 + b"\r\n",
    "http: huge path": b"GET /" + b"a" * 2_000_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    "http: body announced as 4 GiB": b"POST /containers/create HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 4294967296\r\n\r\n",
}
for name, data in raw.items():
    closed_or_refused(name, send(data, shut=True))
for cut in (b"G", b"GET /_pi", b"GET /_ping HTTP/1.1\r\nHo", b"POST /containers/create HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{\"Image\":",
            b"POST /containers/create HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"I"):
    answer = send(cut, shut=True)
    say(answer is not None and status(answer) in (-1, 400, 408) and alive(), "http: cut off after " + repr(cut[-20:]), answer)
for i in range(40):
    data = bytearray(b"POST /v1.41/containers/create?name=fz HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 20\r\n\r\n{\"Image\":\"busy\\u0000\"}")
    for _ in range(random.randint(1, 6)):
        data[random.randrange(len(data))] = random.randrange(256)
    send(bytes(data), shut=True, wait=5)
say(alive(), "http: forty damaged requests")
answer = send(b"", parts=[bytes([b]) for b in b"GET /_ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"])
say(status(answer) == 200, "http: byte by byte is fine", answer)
answer = send(b"GET /_ping HTTP/1.1\r\nHost: x\r\n\r\n" * 50 + b"GET /_ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
say(answer is not None and answer.count(b"200 OK") == 51, "http: 51 requests in one packet", (answer or b"")[:80])
idle = [socket.socket(socket.AF_UNIX) for _ in range(300)]
for s in idle:
    s.connect(SOCK)
    s.sendall(b"GET /_p")
say(alive(), "http: 300 that never finish their request")
for s in idle:
    s.close()

# ---- routes and versions ----
for method, path in (("GET", "/nosuch"), ("POST", "/containers/json"), ("DELETE", "/_ping"), ("PUT", "/containers/x/json"),
                     ("GET", "/containers"), ("GET", "/v1.41/nosuch"), ("GET", "/v1.41"), ("POST", "/exec"), ("PATCH", "/version"),
                     ("GET", "/containers/a/b/c/d"), ("GET", "//containers/json"), ("GET", "/../etc/passwd"), ("GET", "/containers/../json")):
    refused(f"route: {method} {path}", request(method, path), 404, 404)
for version in ("v1.23", "v0.1", "v1.99", "v2.0", "v99999999999.1", "v1", "v1.", "v.1", "v1.2.3", "v-1.41"):
    answer = request("GET", f"/{version}/containers/json")
    say(answer is not None and status(answer) in (400, 404) and alive(), f"version: {version}", answer)

# ---- JSON ----
create = "/containers/create"
bodies = {
    "empty": b" ", "not JSON": b"hello", "half": b'{"Image":"busybox"', "an array": b"[]", "a string": b'"x"', "null": b"null", "a number": b"7",
    "trailing garbage": b'{"Image":"busybox"} x', "two documents": b"{}{}", "single quotes": b"{'Image':'busybox'}", "comment": b'{/*x*/}',
    "bad escape": b'{"Image":"\\x"}', "lone surrogate": b'{"Image":"\\ud800"}', "bad UTF-8": b'{"Image":"\xff\xfe"}', "control character": b'{"Image":"a\x01"}',
    "NUL escaped": b'{"Image":"busybox\\u0000x"}', "raw NUL": b'{"Image":"busy\x00box"}', "deep arrays": b"[" * 200000, "deep objects": b'{"a":' * 100000 + b"1" + b"}" * 100000,
    "deep within a field": b'{"Image":"busybox","Cmd":["true"],"Labels":' + b"[" * 50000 + b"]" * 50000 + b"}",
    "unquoted key": b"{Image:1}", "no image": b"{}", "empty image": b'{"Image":""}', "huge number": b'{"Image":"busybox","Cmd":["true"],"StopTimeout":1e999}',
    "30 MB": b'{"Image":"' + b"a" * 30_000_000 + b'"}',
}
for name, body in bodies.items():
    refused(f"json: {name}", request("POST", create, body))
refused("json: wrong content type", request("POST", create, '{"Image":"busybox"}', "text/plain"), 400, 415)
refused("json: form", request("POST", create, "Image=busybox", "application/x-www-form-urlencoded"), 400, 415)
refused("json: no content type", request("POST", create, '{"Image":"busybox"}', None), 400, 415)

wrong = {"str": [7, [], {}, True], "strs": [7, {}, "x\u0000"], "int": ["x", [], {}, 1.5, True], "bool": ["x", 7, []], "map": [7, "x", [1]], "obj": [7, "x", [1], True], "list": [7, "x", {}]}
config = {"Hostname": "str", "User": "str", "WorkingDir": "str", "Image": "str", "Env": "list", "Cmd": "strs", "Entrypoint": "strs", "Tty": "bool", "OpenStdin": "bool",
          "AttachStdout": "bool", "ExposedPorts": "map", "Volumes": "map", "Labels": "map", "StopSignal": "str", "StopTimeout": "int", "Healthcheck": "obj", "HostConfig": "obj", "NetworkingConfig": "obj"}
host = {"Binds": "list", "NetworkMode": "str", "PortBindings": "map", "PublishAllPorts": "bool", "RestartPolicy": "obj", "AutoRemove": "bool", "Privileged": "bool", "CapAdd": "list",
        "CapDrop": "list", "SecurityOpt": "list", "PidMode": "str", "Devices": "list", "Memory": "int", "MemorySwap": "int", "CpuShares": "int", "NanoCpus": "int", "PidsLimit": "int",
        "LogConfig": "obj", "Mounts": "list", "Tmpfs": "map", "ShmSize": "int", "ReadonlyRootfs": "bool", "Dns": "list", "ExtraHosts": "list", "Sysctls": "map", "Ulimits": "list",
        "OomScoreAdj": "int", "Init": "bool", "VolumesFrom": "list", "GroupAdd": "list", "CpusetCpus": "str", "BlkioWeight": "int", "BlkioWeightDevice": "list", "MaskedPaths": "list"}
for fields, inner in ((config, False), (host, True)):
    for field, kind in fields.items():
        for value in wrong[kind]:
            body = {"Image": "busybox", "Cmd": ["true"]}
            if inner:
                body["HostConfig"] = {field: value}
            else:
                body[field] = value
            refused(f"json: {'HostConfig.' if inner else ''}{field} = {json.dumps(value)}", request("POST", create, json.dumps(body)), 400, 499)


def with_host(**fields):
    return json.dumps({"Image": "busybox", "Cmd": ["true"], "HostConfig": fields})


hostile = {
    "Memory negative": with_host(Memory=-5), "Memory tiny": with_host(Memory=1), "Memory 2^63": '{"Image":"busybox","Cmd":["true"],"HostConfig":{"Memory":9223372036854775808}}',
    "ShmSize negative": with_host(ShmSize=-1), "CpuShares negative": with_host(CpuShares=-4), "NanoCpus huge": with_host(NanoCpus=10 ** 18),
    "Binds relative": with_host(Binds=["a/b:/c"]), "Binds no target": with_host(Binds=["/tmp"]) and with_host(Binds=["/tmp:"]), "Binds many colons": with_host(Binds=["a:b:c:d:e"]),
    "Binds dot dot": with_host(Binds=["/tmp:/../.."]), "Binds empty": with_host(Binds=[""]), "Binds over root": with_host(Binds=["/tmp:/"]),
    "Mounts without type": with_host(Mounts=[{"Target": "/x"}]), "Mounts unknown type": with_host(Mounts=[{"Type": "x", "Target": "/x"}]),
    "Mounts no target": with_host(Mounts=[{"Type": "tmpfs"}]), "Mounts bind missing": with_host(Mounts=[{"Type": "bind", "Source": "/nosuch", "Target": "/x"}]),
    "Mounts not objects": with_host(Mounts=["x"]), "Mounts tmpfs with a source": with_host(Mounts=[{"Type": "tmpfs", "Source": "/x", "Target": "/x"}]),
    "Port 0": with_host(PortBindings={"0/tcp": [{"HostPort": "1"}]}), "Port 70000": with_host(PortBindings={"70000/tcp": [{}]}), "Port word": with_host(PortBindings={"http": [{}]}),
    "Port proto": with_host(PortBindings={"80/xyz": [{}]}), "HostPort word": with_host(PortBindings={"80/tcp": [{"HostPort": "x"}]}), "HostIp": with_host(PortBindings={"80/tcp": [{"HostIp": "1.2.3"}]}),
    "Port ranges without end": with_host(PortBindings={f"1-65535/{p}": [{}] * 50 for p in ("tcp", "udp")}),
    "ExposedPorts word": json.dumps({"Image": "busybox", "Cmd": ["true"], "ExposedPorts": {"x": {}}}),
    "Sysctl host's": with_host(Sysctls={"kernel.panic": "1"}), "Sysctl dots": with_host(Sysctls={"net.../../kernel.panic": "1"}), "Sysctl empty": with_host(Sysctls={"": "1"}),
    "Ulimit unknown": with_host(Ulimits=[{"Name": "x", "Soft": 1, "Hard": 1}]), "Ulimit soft over hard": with_host(Ulimits=[{"Name": "nofile", "Soft": 9, "Hard": 1}]),
    "Device": with_host(Devices=[{"PathOnHost": "/nosuch", "PathInContainer": "/dev/x", "CgroupPermissions": "rwm"}]) , "Device permissions": with_host(Devices=[{"PathOnHost": "/dev/null", "PathInContainer": "/dev/x", "CgroupPermissions": "xyz"}]),
    "CapAdd": with_host(CapAdd=["NOSUCH"]), "SecurityOpt": with_host(SecurityOpt=["x"]), "seccomp not JSON": with_host(SecurityOpt=["seccomp={"]), "seccomp wrong": with_host(SecurityOpt=['seccomp={"defaultAction":"X"}']),
    "LogConfig": with_host(LogConfig={"Type": "nosuch"}), "LogConfig option": with_host(LogConfig={"Type": "json-file", "Config": {"max-size": "x"}}),
    "VolumesFrom": with_host(VolumesFrom=["nosuch"]), "VolumesFrom mode": with_host(VolumesFrom=["target:zz"]), "NetworkMode": with_host(NetworkMode="nosuch"), "NetworkMode self": with_host(NetworkMode="container:"),
    "IpcMode": with_host(IpcMode="x"), "PidMode": with_host(PidMode="container:nosuch"), "UTSMode": with_host(UTSMode="x"), "UsernsMode": with_host(UsernsMode="x"), "Runtime": with_host(Runtime="nosuch"),
    "Dns": with_host(Dns=["x"]), "ExtraHosts": with_host(ExtraHosts=["x"]), "ExtraHosts newline": with_host(ExtraHosts=["a\nb:1.2.3.4"]), "Tmpfs target": with_host(Tmpfs={"x": ""}), "Tmpfs option": with_host(Tmpfs={"/x": "nosuch=1"}),
    "OomScoreAdj": with_host(OomScoreAdj=99999), "BlkioWeight": with_host(BlkioWeight=5), "BlkioWeightDevice": with_host(BlkioWeightDevice=[{"Path": "/nosuch", "Weight": 100}]), "CpusetCpus": with_host(CpusetCpus="999"),
    "Hostname long": json.dumps({"Image": "busybox", "Cmd": ["true"], "Hostname": "a" * 300}), "Hostname newline": json.dumps({"Image": "busybox", "Cmd": ["true"], "Hostname": "a\nb"}),
    "Env without name": json.dumps({"Image": "busybox", "Cmd": ["true"], "Env": ["=x"]}), "StopSignal": json.dumps({"Image": "busybox", "Cmd": ["true"], "StopSignal": "NOSUCH"}),
    "WorkingDir": json.dumps({"Image": "busybox", "Cmd": ["true"], "WorkingDir": "a/b"}), "empty Cmd": json.dumps({"Image": "busybox", "Cmd": [], "Entrypoint": [""]}),
    "MacAddress": json.dumps({"Image": "busybox", "Cmd": ["true"], "MacAddress": "zz"}), "DomainName newline": json.dumps({"Image": "busybox", "Cmd": ["true"], "Domainname": "a\nb"}),
}
for name, body in hostile.items():
    answer = request("POST", create, body)
    good = 400 <= status(answer) <= 599 and len(sentence(answer)) > 3
    if status(answer) == 201:  # some can be judged at the start alone
        cid = json.loads(answer.split(b"\r\n\r\n", 1)[1])["Id"]
        answer = request("POST", f"/containers/{cid}/start")
        good = 400 <= status(answer) <= 599 and len(sentence(answer)) > 3
        request("DELETE", f"/containers/{cid}?force=1&v=1")
    say(good and alive(), f"create: {name}", answer)
for name in ("a" * 5000, "../x", "x/..", ".", "..", "a b", "é", "a%00b", "%2e%2e", "-", "_a", "a\\b", "a'b", "a;b", "a$(id)"):
    refused(f"name: {name[:30]}", request("POST", create + "?name=" + "".join(c if c.isalnum() or c in "%._-" else "".join("%%%02x" % b for b in c.encode()) for c in name), '{"Image":"busybox","Cmd":["true"]}'), 400, 409)

# ---- references, ids, queries ----
for ref in ("UPPER", "a//b", "-a", "a:", "a:b:c", "a@sha256:12", "a@md5:1", "a:" + "t" * 200, "x" * 5000, "http://x/y", "a b", "..", "a/../b", "é", "a%00b", "sha256:zz"):
    quoted = "".join(c if c.isalnum() or c in "%._-" else "".join("%%%02x" % b for b in c.encode()) for c in ref)
    refused(f"pull: {ref[:30]}", request("POST", f"/images/create?fromImage={quoted}"))
    refused(f"image: {ref[:30]}", request("GET", f"/images/{quoted}/json"))
    refused(f"rmi: {ref[:30]}", request("DELETE", f"/images/{quoted}"))
    refused(f"tag: {ref[:30]}", request("POST", f"/images/busybox/tag?repo={quoted}"))
for ident in ("nosuch", "0" * 64, "z" * 64, "a" * 9000, "%00", "%2e%2e", "..%2f..", "%ff%fe", "a%0d%0ab"):
    for method, path in (("GET", "json"), ("POST", "start"), ("POST", "stop"), ("POST", "kill"), ("POST", "wait"), ("GET", "logs?stdout=1"), ("GET", "top"), ("POST", "rename?name=xx"), ("POST", "pause"), ("POST", "resize?h=1&w=1")):
        refused(f"id {ident[:12]}: {path}", request(method, f"/containers/{ident}/{path}"), 400, 409)
    refused(f"id {ident[:12]}: rm", request("DELETE", f"/containers/{ident}"), 400, 409)
    refused(f"id {ident[:12]}: exec", request("GET", f"/exec/{ident}/json"), 400, 409)
    refused(f"id {ident[:12]}: volume", request("GET", f"/volumes/{ident}"), 400, 409)
    refused(f"id {ident[:12]}: network", request("GET", f"/networks/{ident}"), 400, 409)
for path in ("/containers/target/stop?t=x", "/containers/target/kill?signal=x", "/containers/target/kill?signal=-1", "/containers/target/kill?signal=65",
             "/containers/target/kill?signal=0", "/containers/target/resize?h=x&w=1", "/containers/target/resize?h=-1&w=1", "/containers/target/resize?h=1", "/containers/target/resize?h=99999999999&w=1",
             "/containers/target/wait?condition=x", "/containers/target/rename?name=%00", "/images/create", "/images/create?fromImage=", "/images/create?fromSrc=ftp://x", "/images/create?fromImage=x&platform=plan9/mips",
             "/images/busybox/tag", "/containers/target/attach?stream=1&stdout=1&detachKeys=%00"):
    answer = request("POST", path)
    say(answer is not None and 400 <= status(answer) <= 599 and alive(), f"query: {path}", answer)
for path in ("/containers/json?limit=x", "/containers/json?filters=%7B", "/containers/json?filters=%7B%22name%22%3A%5B%22%28%22%5D%7D", "/images/json?filters=[]x", "/events?since=x", "/events?until=1&filters=%22",
             "/containers/target/logs?stdout=1&since=x", "/containers/target/logs", "/volumes?filters=%7B%22x%22%3A%5B%5D%7D", "/networks?filters=7", "/containers/json?filters=%7B%22label%22%3A7%7D",
             "/containers/json?filters=%7B%22name%22%3A%5B%22%28%28a%7B1%2C255%7D%29%7B1%2C255%7D%29%7B1%2C255%7D%22%5D%7D", "/containers/json?filters=%7B%22status%22%3A%5B7%5D%7D", "/containers/json?%zz=%z"):
    answer = request("GET", path)
    wants_refusal = "%zz" not in path and "%28%22" not in path
    say(answer is not None and (400 <= status(answer) <= 499 or not wants_refusal) and alive(), f"query: {path}", answer)
answer = request("GET", "/containers/json?" + "&".join(f"a{i}=b" for i in range(20000)))
say(answer is not None and alive(), "query: 20,000 parameters", answer)

# ---- exec, update, volumes, networks ----
posts = {
    "exec": ("/containers/target/exec", ['{"Cmd":7}', '{"Cmd":[]}', '{}', '{"Cmd":["a",7]}', "[]", "x", '{"Cmd":["true"],"Tty":"x"}']),
    "update": ("/containers/target/update", ['{"Memory":"x"}', '{"Memory":5}', '{"RestartPolicy":{"Name":"x"}}', '{"CpusetCpus":"x"}', "[]", "x", '{"NanoCpus":-1}', '{"BlkioWeight":7000}']),
    "volume": ("/volumes/create", ['{"Name":"../x"}', '{"Name":"a/b"}', '{"Name":7}', '{"Driver":"nosuch"}', '{"DriverOpts":7}', "[]", "x", '{"Name":"' + "a" * 3000 + '"}', '{"Name":"vv","DriverOpts":{"type":"nosuch"}}', '{"Labels":[]}']),
    "network": ("/networks/create", ['{"Name":""}', '{"Name":7}', "[]", "x", '{}', '{"Name":"bridge"}', '{"Name":"nn","Driver":"nosuch"}', '{"Name":"nn","IPAM":{"Config":[{"Subnet":"x"}]}}', '{"Name":"nn","IPAM":7}']),
}
for what, (path, bodies) in posts.items():
    for body in bodies:
        refused(f"{what}: {body[:60]}", request("POST", path, body))


# ---- archives ----
def tar(members):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as t:
        for name, data, kind, link in members:
            info = tarfile.TarInfo(name)
            info.type, info.linkname, info.size = kind, link, len(data)
            t.addfile(info, io.BytesIO(data))
    return out.getvalue()


F, L, H, D, C = tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.CHRTYPE
good = tar([("a", b"x" * 5000, F, "")])
manifest = json.dumps([{"Config": "c.json", "RepoTags": ["evil:1"], "Layers": ["l.tar"]}]).encode()
conf = json.dumps({"architecture": "amd64", "os": "linux", "config": {}, "rootfs": {"type": "layers", "diff_ids": ["sha256:" + "0" * 64]}}).encode()
loads = {
    "garbage": os.urandom(5000), "empty": b"", "zeros": bytes(20480), "cut": good[:700], "no manifest": good,
    "manifest is no JSON": tar([("manifest.json", b"x", F, "")]), "manifest is empty": tar([("manifest.json", b"[]", F, "")]), "manifest names what is not there": tar([("manifest.json", manifest, F, "")]),
    "wrong diff id": tar([("manifest.json", manifest, F, ""), ("c.json", conf, F, ""), ("l.tar", good, F, "")]),
    "config is no JSON": tar([("manifest.json", manifest, F, ""), ("c.json", b"{", F, ""), ("l.tar", good, F, "")]),
    "names that lead out": tar([("manifest.json", json.dumps([{"Config": "../../etc/passwd", "RepoTags": [], "Layers": ["/etc/passwd"]}]).encode(), F, "")]),
    "manifest is a link": tar([("manifest.json", b"", L, "/etc/passwd")]), "a device": tar([("manifest.json", b"", C, "")]),
    "gzip of garbage": b"\x1f\x8b\x08" + os.urandom(3000), "index.json alone": tar([("oci-layout", b'{"imageLayoutVersion":"1.0.0"}', F, ""), ("index.json", b'{"manifests":[{"digest":"sha256:../../x","size":5}]}', F, "")]),
    "deep manifest": tar([("manifest.json", b"[" * 100000, F, "")]), "layers without end": tar([("manifest.json", json.dumps([{"Config": "c.json", "Layers": ["l.tar"] * 100000}]).encode(), F, ""), ("c.json", conf, F, "")]),
}
for name, data in loads.items():
    answer = request("POST", "/images/load?quiet=1", data, "application/x-tar")
    bad = answer is not None and (400 <= status(answer) <= 599 or b'"error"' in answer)
    say(bad and alive(), f"load: {name}", answer)
imports = {
    "garbage": os.urandom(5000), "cut": good[:700], "leads out": tar([("../../evil", b"x", F, "")]),
    "through a link": tar([("l", b"", L, "/tmp"), ("l/evil-import", b"x", F, "")]), "hard link to the host": tar([("p", b"", H, "/etc/passwd")]), "gzip of garbage": b"\x1f\x8b\x08" + os.urandom(3000),
}
for name, data in imports.items():
    answer = request("POST", "/images/create?fromSrc=-&repo=evil&tag=" + name.replace(" ", ""), data, "application/x-tar")
    bad = answer is not None and (400 <= status(answer) <= 599 or b'"error"' in answer)
    if name == "through a link":  # may be unpacked, inside the image
        bad = answer is not None and not os.path.exists("/tmp/evil-import")
    say(bad and alive(), f"import: {name}", answer)
answer = send(b"POST /images/load HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-tar\r\nContent-Length: 50000\r\n\r\n" + good[:6000], shut=True, wait=20)
say(answer is not None and alive(), "load: the client goes in the middle", answer)
images = json.loads(request("GET", "/images/json").split(b"\r\n\r\n", 1)[1])
for image in images:
    for t in image["RepoTags"] or []:
        if t.startswith("evil"):
            request("DELETE", f"/images/{t}?force=1")
images = json.loads(request("GET", "/images/json?all=1").split(b"\r\n\r\n", 1)[1])
say(all(not t.startswith("evil") for i in images for t in i["RepoTags"] or []) and len(images) == 1, "no image of the archives is left", images)
