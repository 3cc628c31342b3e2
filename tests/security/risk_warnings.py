#!/usr/bin/env python3
"""The guide's security section, item by item: what a create request answers.

usage: risk_warnings.py SOCKET IMAGE    prints TAP; the API's Warnings are what every client shows
"""
import http.client
import json
import re
import socket
import sys

SOCKET, IMAGE = sys.argv[1:3]
count = failed = 0


def request(method, path, body=None):
    connection = http.client.HTTPConnection("berth")
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.connect(SOCKET)
    connection.request(method, path, json.dumps(body) if body is not None else None,
                       {"Content-Type": "application/json"})
    answer = connection.getresponse()
    text = answer.read()
    return answer.status, json.loads(text) if text else None


def report(good, name, detail=""):
    global count, failed
    count += 1
    failed += not good
    print("%sok %d - %s" % ("" if good else "not ", count, name))
    if not good:
        print("# %s" % detail)


def create(host=None, **config):
    status, answer = request("POST", "/containers/create", dict(config, Image=IMAGE, Cmd=["true"], HostConfig=host or {}))
    if status == 201:
        request("DELETE", "/containers/%s?force=1" % answer["Id"])
        return "\n".join(answer["Warnings"] or [])
    return "%d %s" % (status, answer.get("message"))


def warns(item, pattern, host, **config):
    text = create(host, **config)
    if "not available in the current environment" in text:  # the machine itself lacks the capability
        report(True, "item %s is refused here: %s" % (item, json.dumps(host)))
        return
    report(re.search(pattern, text) is not None and not text.startswith(("4", "5")), "item %s warns: %s" % (item, json.dumps(host)), text)


def refuses(item, pattern, host, **config):
    text = create(host, **config)
    report(text.startswith("4") and re.search(pattern, text) is not None, "item %s is refused: %s" % (item, json.dumps(host)), text)


def silent(item, host, **config):
    text = create(host, **config)
    report(text == "", "item %s says nothing: %s" % (item, json.dumps(host)), text)


silent("1 (defaults)", {})
silent("1 (fewer capabilities)", {"CapDrop": ["ALL"], "CapAdd": ["CHOWN", "NET_RAW"]})
silent("1 (limits)", {"Memory": 64 << 20, "PidsLimit": 100, "ReadonlyRootfs": True, "SecurityOpt": ["no-new-privileges"]})
refuses("1 (unknown capability)", "(?i)capabilit", {"CapAdd": ["CAP_NOSUCH"]})
for item, name, risk in (
        (2, "SYS_MODULE", "module"), (3, "SYS_ADMIN", "mount|escape"), (4, "NET_ADMIN", "traffic|interfaces"),
        (5, "DAC_READ_SEARCH", "handle"), (6, "SYS_RAWIO", "I/O|crash"), (7, "SYS_PTRACE", "trace|seccomp"),
        (11, "AUDIT_CONTROL", "audit"), (12, "BLOCK_SUSPEND", "suspend"), (12, "WAKE_ALARM", "suspend|wake"),
        (13, "IPC_LOCK", "memory"), (14, "SYSLOG", "kernel"), (15, "SYS_NICE", "scheduling"),
        (16, "SYS_RESOURCE", "limits"), (17, "SYS_TIME", "clock"), (18, "AUDIT_WRITE", "flood")):
    for form in (name, "CAP_" + name, name.lower()):
        warns(item, "%s.*(%s)" % (name, risk), {"CapAdd": [form]})
for form in ("ALL", "all", "CAP_ALL"):
    warns(8, "every capability", {"CapAdd": [form]})
for option in ("seccomp=unconfined", "seccomp:unconfined"):
    warns(9, "seccomp is off", {"SecurityOpt": [option]})
warns(9, "profile of your own", {"SecurityOpt": ['seccomp={"defaultAction":"SCMP_ACT_ALLOW"}']})
refuses(9, "(?i)seccomp", {"SecurityOpt": ["seccomp={broken"]})
refuses(9, "(?i)security", {"SecurityOpt": ["nosuch=1"]})
warns(10, "(?i)/proc", {"Privileged": True})
warns(10, "masked", {"MaskedPaths": []})
warns(10, "read-only", {"ReadonlyPaths": []})
for path in ("/proc", "/sys", "/proc/sys", "/sys/kernel"):
    warns(10, re.escape(path) + " of the host", {"Binds": [path + ":/x"]})
    warns(10, re.escape(path) + " of the host", {"Mounts": [{"Type": "bind", "Source": path, "Target": "/x"}]})
refuses(10, "/proc", {"Binds": ["/tmp:/proc"]})
warns(18, "set-user-ID", {"Binds": ["/tmp:/x"]})
warns(18, "set-user-ID", {"Mounts": [{"Type": "bind", "Source": "/var/tmp", "Target": "/x"}]})
silent("18 (read-only share)", {"Binds": ["/var/tmp:/x:ro"]})
for key, word in (("PidMode", "pid"), ("IpcMode", "ipc"), ("UTSMode", "uts"), ("NetworkMode", "net")):
    warns(19, "--%s host" % word, {key: "host"})
refuses(19, "(?i)hostname|uts", {"UTSMode": "host"}, Hostname="mine")
warns(20, "device", {"Devices": [{"PathOnHost": "/dev/null", "PathInContainer": "/dev/x", "CgroupPermissions": "rwm"}]})
warns(20, "device", {"DeviceCgroupRules": ["b *:* rwm"]})
warns(20, "device", {"DeviceCgroupRules": ["a *:* rwm"]})
warns(20, "device", {"DeviceCgroupRules": ["c *:* rwm"]})
warns(20, "device", {"DeviceCgroupRules": ["c 1:1 rw"]})
for path in ("/", "/etc", "/dev", "/boot", "/root", "/var/run", "/usr", "/lib", "/etc/shadow", "/var/lib/docker", "/dev/sda",
             "/root/.ssh", "/run/docker.sock", "//etc/", "/tmp/../etc"):
    warns(20, "mounted", {"Binds": [path + ":/x"]})
silent("20 (an ordinary folder, read-only)", {"Binds": ["/srv/data:/x:ro"]})
silent("20 (a volume)", {"Binds": ["named:/x"]})

# The guide's precautions that are answers of create
warns("kernel memory", "(?i)kernel memory", {"KernelMemory": 1 << 30})
text = create({"BlkioWeight": 500})
report(text == "" or re.search("(?i)blkio|weight", text) is not None, "blkio-weight is done or answered", text)
text = create({"BlkioWeightDevice": [{"Path": "/dev/null", "Weight": 300}]})
report(text.startswith("4") or re.search("(?i)blkio|weight|block", text) is not None, "blkio-weight-device of no disk is answered", text)
refuses("nocopy", "(?i)nocopy|mode", {"Binds": ["/tmp:/x:nocopy"]})
status, answer = request("POST", "/containers/create?name=one", {"Image": IMAGE, "Cmd": ["true"]})
for name in (answer["Id"], answer["Id"][:12]):
    status, second = request("POST", "/containers/create?name=" + name, {"Image": IMAGE, "Cmd": ["true"]})
    report(status in (400, 409) and "ID" in second.get("message", ""), "an id of %d digits is no name" % len(name), str(second))
request("DELETE", "/containers/one?force=1")
text = create({"NetworkMode": "host", "PublishAllPorts": True, "PortBindings": {"80/tcp": [{"HostPort": "80"}]}})
report(text.count("discarded") == 1, "nothing is said twice", text)
print("1..%d" % count)
sys.exit(failed > 0)
