"""usage: bodies.py SOCKET BERTHD DISK FOLDER    prints TAP; the fields are those of fields.py"""
import http.client
import json
import socket
import sys

import fields
from fields import SOCKET, report, request

ENDPOINTS = ("/containers/create", "/containers/nosuch/update", "/containers/nosuch/exec", "/exec/nosuch/start", "/networks/create",
             "/networks/nosuch/connect", "/networks/nosuch/disconnect", "/volumes/create")
MALFORMED = (
    ('{"a":1', "unexpected EOF"),
    ("x", "invalid character 'x' looking for beginning of value"),
    ('{"a" 1}', "invalid character '1' after object key"),
    ('{"a":1 "b":2}', "invalid character '\"' after object key:value pair"),
    ('{"a":[1 2]}', "invalid character '2' after array element"),
    ("{a:1}", "invalid character 'a' looking for beginning of object key string"),
    ('{"a":nil}', "invalid character 'i' in literal null (expecting 'u')"),
    ('{"a":"\\x"}', "invalid character 'x' in string escape code"),
)
# What an attacker wants, and how it says no: a request that was looked at by somebody who reads JSON
# otherwise must not weaken more than was seen.
WEAK = {
    "Privileged": (True, False), "PublishAllPorts": (True, False), "ReadonlyRootfs": (False, True), "OomKillDisable": (True, False),
    "AutoRemove": (True, False), "Init": (False, True),
    "PidMode": ("host", "private"), "IpcMode": ("host", "private"), "UTSMode": ("host", ""), "NetworkMode": ("host", "none"),
    "CgroupnsMode": ("host", "private"), "SecurityOpt": (["seccomp=unconfined"], ["no-new-privileges"]),
    "CapAdd": (["SYS_TIME"], ["CHOWN"]), "CapDrop": ([], ["ALL"]), "Binds": (["/:/h"], ["/tmp:/x"]), "MaskedPaths": ([], ["/proc/keys"]),
    "ReadonlyPaths": ([], ["/proc/sys"]), "DeviceCgroupRules": (["c *:* rwm"], []),
}
WRONG = {"string": 5, "bool": "x", "int": "x", "strings": 5, "set": "x", "map": "x", "object": "x", "objects": "x", "ints": "x"}


def send(path, text):
    connection = http.client.HTTPConnection("berth", timeout=20)
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.connect(SOCKET)
    connection.request("POST", path, text.encode(), {"Content-Type": "application/json"})
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, json.loads(body or b"{}").get("message", ""), body


def malformed():
    for path in ENDPOINTS:
        for text, words in MALFORMED:
            status, message, _ = send(path, text)
            report(status == 400 and words in message, "%s: %s" % (path, text), "%s %s" % (status, message))


def path_of(row):
    return {"Config": "/containers/create", "HostConfig": "/containers/create", "Mount": "/containers/create",
            "EndpointSettings": "/containers/create", "ExecConfig": "/containers/nosuch/exec", "ExecStart": "/exec/nosuch/start",
            "Update": "/containers/nosuch/update", "NetworkCreate": "/networks/create", "VolumeCreate": "/volumes/create",
            "NetworkConnect": "/networks/nosuch/connect", "NetworkDisconnect": "/networks/nosuch/disconnect"}.get(row["in"].split(".")[0])


def mistyped(rows):
    """Also of endpoints whose object does not exist, and with an image that does not: nothing is looked up before."""
    for name, row in rows.items():
        path = path_of(row)
        if not path or row["type"] not in WRONG or name in ("Mount.ClusterOptions", "VolumeCreate.ClusterVolumeSpec"):
            continue  # these two are refused whatever they are
        body, _ = fields.body_of(row, WRONG[row["type"]])
        if path == "/containers/create" and row["field"] != "Image":
            body.setdefault("Image", "nosuch")
        status, message, _ = send(path, json.dumps(body))
        report(status == 400 and "cannot unmarshal" in message and row["field"] in message, "%s: mistyped" % name, "%s %s" % (status, message))


def created(text):
    status, message, body = send("/containers/create", text)
    if status != 201:
        return {"error": message}
    made = json.loads(body)["Id"]
    host = request("GET", "/containers/%s/json" % made)[1]["HostConfig"]
    request("DELETE", "/containers/%s?force=1" % made)
    return host


def doubled():
    odd = {"k": "\u212a", "s": "\u017f"}
    for key, (weak, strong) in WEAK.items():
        spellings = [key, key.lower(), key.upper(), key.swapcase()]
        spellings += [key.replace(c, odd[c.lower()], 1) for c in key if c.lower() in odd][:1]
        for other in spellings:
            for first, last, wanted in ((weak, strong, strong), (strong, weak, weak)):
                text = '{"Image":"busybox","HostConfig":{%s:%s,%s:%s}}' % (
                    json.dumps(key), json.dumps(first), json.dumps(other, ensure_ascii=False), json.dumps(last))
                got = created(text).get(key)
                report(got == wanted or (not got and not wanted), "%s, then %s: the last counts (%s)" % (key, other, json.dumps(last)), got)
    for text, key, wanted in (
            ('{"Privileged":true,"privileged":null}', "Privileged", True),
            ('{"CapDrop":["ALL"],"capdrop":null}', "CapDrop", None),
            ('{"Binds":["/:/h"],"binds":null}', "Binds", None),
            ('{"PidsLimit":5,"pidslimit":null}', "PidsLimit", None),
            ('{"Sysctls":{"net.ipv4.ip_forward":"1"},"sysctls":{"net.ipv4.ip_default_ttl":"9"}}', "Sysctls",
             {"net.ipv4.ip_forward": "1", "net.ipv4.ip_default_ttl": "9"}),
            ('{"LogConfig":{"Type":"none"},"logconfig":{"Config":{}}}', "LogConfig", {"Type": "none", "Config": {}})):
        got = created('{"Image":"busybox","HostConfig":%s}' % text).get(key)
        report(got == wanted, "as Go: %s" % text, got)
    for text, wanted in (
            ('"HostConfig":{"Privileged":true},"hostconfig":null', False),
            ('"HostConfig":{"Privileged":true},"hostconfig":{"PidMode":"host"}', True),
            ('"hostConfig":{"Privileged":true}', True),
            ('"HostConfig":null,"hostconfig":{"privileged":true}', True)):
        got = created('{"Image":"busybox",%s}' % text).get("Privileged")
        report(got is wanted, "as Go: {%s}" % text, got)


def main():
    rows = fields.read_fields()
    malformed()
    mistyped(rows)
    doubled()
    for text, words in (("", "got EOF while reading request body"), ("null", "config cannot be empty"), ("[]", "config cannot be empty|cannot unmarshal array"),
                        ("{} {}", "after top-level value"), ("5", "cannot be empty|cannot unmarshal number")):
        status, message, _ = send("/containers/create", text)
        report(status == 400 and any(w in message for w in words.split("|")), "create: %s" % json.dumps(text), message)
    print("1..%d" % fields.count)
    sys.exit(fields.failed > 0)


if __name__ == "__main__":
    main()
