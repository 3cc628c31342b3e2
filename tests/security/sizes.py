#!/usr/bin/env python3
"""Four times as much of each list that strangers make may cost four times as much, not sixteen.

usage: sizes.py SOCKET ENGINE_PID BUSYBOX_TAR [CASE…]
What is measured is the CPU time of the engine, so a busy machine does not matter. Prints a line
for each case, "right …" or "WRONG …".
"""
import hashlib
import http.client
import io
import json
import socket
import sys
import tarfile
import time
import urllib.parse

SOCKET, PID, BUSYBOX = sys.argv[1:4]
ONLY = sys.argv[4:]
CLOCK = (~int(PID) << 3) | 2  # CLOCK_PROCESS_CPUTIME of another process: clock_getcpuclockid(3)
GROWTH = 9.0  # between 4, which is linear, and 16
FLOOR_S = 0.05  # below this nobody has to wait
PATH = "PATH=/bin"
failed = 0


def call(method, path, body=None, kind="application/json"):
    c = http.client.HTTPConnection("x", timeout=120)
    c.sock = socket.socket(socket.AF_UNIX)
    c.sock.settimeout(120)
    c.sock.connect(SOCKET)
    if body is not None and not isinstance(body, (bytes, str)):
        body = json.dumps(body)
    c.request(method, path, body, {"Content-Type": kind})
    r = c.getresponse()
    text = r.read().decode(errors="replace")
    c.close()
    return r.status, text


def must(method, path, body=None, kind="application/json"):
    status, text = call(method, path, body, kind)
    if status >= 400 or '"error"' in text[:200]:
        raise RuntimeError("%s %s: %d %s" % (method, path, status, text[:200]))
    return text


def say(name, good, what):
    global failed
    failed += not good
    print("%s %s: %s" % ("right" if good else "WRONG", name, what), flush=True)


def cpu(act, *args):
    before = time.clock_gettime(CLOCK)
    act(*args)
    return time.clock_gettime(CLOCK) - before


def grows(name, n, make, act, drop=lambda made: None, times=3):
    """act(make(n)) against act(make(4 n)); the best of some times each."""
    if ONLY and name not in ONLY:
        return
    took = []
    for size in (n, 4 * n):
        best = 1e9
        for _ in range(times):
            made = make(size)
            best = min(best, cpu(act, made))
            drop(made)
            if best < FLOOR_S / 4:
                break
        took.append(best)
        if best > 20:
            break
    small, large = took[0], took[-1]
    say(name, large < FLOOR_S or (len(took) == 2 and large < GROWTH * small),
        "%d: %.3f s, %d: %.3f s" % (n, small, 4 * n, large))


# ---- what is measured: images ----

with tarfile.open(BUSYBOX) as archive:
    first = json.load(archive.extractfile("manifest.json"))[0]
    BASE = archive.extractfile(first["Layers"][0]).read()


def layer(name, data):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        info = tarfile.TarInfo(name)
        info.size = len(data)
        tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


def archive_of(config, tags=("sizes:image",), layers=(), history=None):
    blobs = [BASE, *layers]
    document = json.dumps({
        "architecture": "amd64", "os": "linux", "config": dict({"Env": [PATH], "Cmd": ["true"]}, **config),
        "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(b).hexdigest() for b in blobs]},
        "history": history or [{"created_by": "sizes"} for _ in blobs]}).encode()
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        names = ["%d.tar" % i for i in range(len(blobs))]
        manifest = json.dumps([{"Config": "config.json", "RepoTags": list(tags), "Layers": names}]).encode()
        for name, data in [("config.json", document), *zip(names, blobs), ("manifest.json", manifest)]:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


def load(archive):
    return must("POST", "/images/load", archive, "application/x-tar")


def unload(image="sizes:image"):
    call("DELETE", "/images/%s?force=1" % image)


def words(n, form="%d"):
    return [form % i for i in range(n)]


def word_map(n, form="k%d", value="v"):
    return {form % i: value for i in range(n)}


def image_life(archive):
    load(archive)
    must("POST", "/images/sizes:image/tag?repo=sizes&tag=again")
    must("GET", "/images/sizes:image/json")
    must("GET", "/images/sizes:image/history")
    must("DELETE", "/images/sizes:image?force=1")
    must("DELETE", "/images/sizes:again?force=1")


def images():
    for key, make in {"Labels": word_map, "Env": lambda n: [PATH] + words(n - 1, "A%d=b"), "Cmd": words,
                      "Entrypoint": words, "OnBuild": words, "Shell": words,
                      "Volumes": lambda n: word_map(n, "/v%d", {})}.items():
        grows("image-" + key, 2500, lambda n: archive_of({key: make(n)}), image_life)
    grows("image-ExposedPorts", 16000, lambda n: archive_of({"ExposedPorts": word_map(n, "%d/tcp", {})}), image_life)
    grows("image-history", 2500, lambda n: archive_of({}, history=[{"empty_layer": i > 0} for i in range(n)]), image_life)
    grows("image-names", 250, lambda n: archive_of({}, words(n, "sizes:t%d")), named_life)
    grows("image-names-moved", 250, names_of_another, load, lambda _: must("DELETE", "/images/sizes:t1?force=1"))
    for change in ("ENV ", "LABEL "):
        grows("import-" + change.strip(), 1000, lambda n: change + " ".join(words(n, "k%d=v")), import_with)
    grows("import-EXPOSE", 5000, lambda n: "EXPOSE 1-%d" % n, import_with)


def named_life(archive):
    load(archive)
    must("DELETE", "/images/%s?force=1" % json.loads(must("GET", "/images/sizes:t1/json"))["Id"])


def names_of_another(n):
    load(archive_of({"Labels": {"of": "another"}}, words(n, "sizes:t%d")))
    return archive_of({}, words(n, "sizes:t%d"))


def import_with(change):
    must("POST", "/images/create?fromSrc=-&repo=sizes&tag=imported&changes=" + urllib.parse.quote(change),
         layer("x", b""), "application/x-tar")
    unload("sizes:imported")


# ---- containers ----

def create(config=None, host=None, **more):
    body = dict({"Image": "sizes:plain", "Cmd": ["true"], "HostConfig": host or {}}, **(config or {}))
    body.update(more)
    return json.loads(must("POST", "/containers/create", body))["Id"]


def remove(id):
    call("DELETE", "/containers/%s?force=1&v=1" % id)


def created(body):
    id = create(body.get("config"), body.get("host"))
    must("GET", "/containers/%s/json" % id)
    must("GET", "/containers/json?all=1")
    remove(id)


def lived(body):
    id = create(body.get("config"), dict({"NetworkMode": "none"}, **body.get("host", {})))
    must("POST", "/containers/%s/start" % id)
    must("POST", "/containers/%s/wait" % id)
    remove(id)


def config_lists():
    lists = {
        "Env": lambda n: words(n, "A%d=b"), "Labels": word_map, "Cmd": words, "Entrypoint": words,
        "OnBuild": words, "Shell": words, "ExposedPorts": lambda n: word_map(n, "%d/tcp", {})}
    for key, make in lists.items():
        n = 2500 if key != "ExposedPorts" else 16000
        first = 1 if key == "ExposedPorts" else 0
        grows("create-" + key, n, lambda n: {"config": {key: make(n) if not first else
              {"%d/tcp" % (i + 1): {} for i in range(n - 1)}}}, created)
    hosts = {
        "ExtraHosts": lambda n: words(n, "h%d:10.0.0.1"), "Dns": lambda n: ["10.0.0.1"] * n,
        "DnsSearch": lambda n: words(n, "d%d"), "DnsOptions": lambda n: words(n, "o%d"),
        "CapAdd": lambda n: ["CHOWN"] * n, "CapDrop": lambda n: ["CHOWN"] * n,
        "SecurityOpt": lambda n: ["label=disable"] * n, "Annotations": word_map,
        "Sysctls": lambda n: word_map(n, "net.ipv4.conf.x%d.forwarding", "1"), "MaskedPaths": lambda n: words(n, "/m%d"),
        "ReadonlyPaths": lambda n: words(n, "/r%d"), "DeviceCgroupRules": lambda n: ["c 1:3 r"] * n,
        "Ulimits": lambda n: [{"Name": "nofile", "Soft": 9, "Hard": 9}] * n}
    for key, make in hosts.items():
        grows("create-" + key, 2500, lambda n: {"host": {key: make(n)}}, created)
    for key, n, make in (("Binds", 25, lambda n: words(n, "/tmp:/b%d")), ("Tmpfs", 25, lambda n: word_map(n, "/t%d", "")),
                         ("Mounts", 25, lambda n: [{"Type": "tmpfs", "Target": "/m%d" % i} for i in range(n)]),
                         ("GroupAdd", 64, words)):
        grows("create-" + key, n, lambda n: {"host": {key: make(n)}}, created)
    grows("create-P", 8000, lambda n: {
        "config": {"ExposedPorts": {"%d/tcp" % (i + 1): {} for i in range(n)}},
        "host": {"PublishAllPorts": True, "PortBindings": {"%d/tcp" % (i + 1): [{"HostIp": "127.0.0.1"}] for i in range(n)}}},
        created)
    grows("create-P-ranges", 2500, lambda n: {
        "config": {"ExposedPorts": {"1-%d/tcp" % (65535 - i): {} for i in range(n)}}, "host": {"PublishAllPorts": True}},
        lambda b: call("POST", "/containers/create", dict({"Image": "sizes:plain", "HostConfig": b["host"]}, **b["config"])))
    grows("member-again", 5000, lambda n: '{"Image": "sizes:plain", %s "HostConfig": {}}' % "".join(
        '"Labels": {"k%d": ""}, ' % i for i in range(n)), lambda text: call("POST", "/containers/create", text))


def lives():
    grows("life-Env", 2500, lambda n: {"config": {"Env": words(n, "A%d=b")}}, lived)
    grows("life-log-labels", 2500, lambda n: {
        "config": {"Labels": word_map(n)},
        "host": {"LogConfig": {"Type": "json-file", "Config": {"labels": ",".join(words(n, "x%d"))}}}}, lived)
    grows("life-log-env", 2500, lambda n: {
        "config": {"Env": words(n, "A%d=b")},
        "host": {"LogConfig": {"Type": "json-file", "Config": {"env-regex": "^A.*[0-9]+$"}}}}, lived)
    grows("life-groups", 64, of_groups, lived)
    grows("life-devices", 500, lambda n: {"host": {"Devices": [
        {"PathOnHost": "/dev/null", "PathInContainer": "/dev/n%d" % i, "CgroupPermissions": "r"} for i in range(n)]}}, lived)
    grows("life-seccomp", 250, lambda n: {"host": {"SecurityOpt": ["seccomp=" + json.dumps({
        "defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["personality"], "action": "SCMP_ACT_ERRNO", "args": [
            {"index": 0, "value": 1000 + i, "op": "SCMP_CMP_EQ"}]} for i in range(n)]})]}}, lived)
    grows("life-many-hosts", 2500, lambda n: {"host": {"ExtraHosts": words(n, "h%d:10.0.0.1")}}, lived)
    id = create(Cmd=["sleep", "300"], host={"NetworkMode": "none"})
    must("POST", "/containers/%s/start" % id)

    def execute(env):
        exec_id = json.loads(must("POST", "/containers/%s/exec" % id, {"Cmd": ["true"], "Env": env, "AttachStdout": True}))["Id"]
        must("POST", "/exec/%s/start" % exec_id, {})
    grows("exec-Env", 2500, lambda n: words(n, "A%d=b"), execute)
    remove(id)
    grows("inspect-ports", 500, of_ports, inspected, remove)


def of_groups(n):
    lines = "".join("g%d:x:%d:\n" % (i, i) for i in range(200 * n)).encode()
    unload("sizes:groups")
    load(archive_of({}, ["sizes:groups"], [layer("etc/group", lines)]))
    return {"config": {"Image": "sizes:groups"}, "host": {"GroupAdd": ["g%d" % (200 * n - 1 - i) for i in range(n - 1)]}}


def of_ports(n): # every second one: no two of them are a range
    bindings = {"%d/tcp" % (2 * i + 1): [{"HostIp": "127.0.0.1", "HostPort": str(20000 + 2 * i)}] for i in range(n)}
    id = create({"Cmd": ["sleep", "300"], "ExposedPorts": {k: {} for k in bindings}}, {"PortBindings": bindings})
    must("POST", "/containers/%s/start" % id)
    return id


def inspected(id):
    for _ in range(4):
        must("GET", "/containers/%s/json" % id)
        must("GET", "/containers/json")


# ---- the rest of the API ----

def others():
    def network(labels):
        must("POST", "/networks/create", {"Name": "sizes", "Labels": labels})
        must("GET", "/networks/sizes")
        must("DELETE", "/networks/sizes")

    def volume(labels):
        must("POST", "/volumes/create", {"Name": "sizes", "Labels": labels})
        must("GET", "/volumes/sizes")
        must("DELETE", "/volumes/sizes")
    grows("network-Labels", 2500, word_map, network)
    grows("volume-Labels", 2500, word_map, volume)
    def asked(body):
        call("POST", "/networks/create", dict({"Name": "sizes"}, **body))
        call("DELETE", "/networks/sizes")
    grows("network-pools", 2500, lambda n: {"IPAM": {"Config": [
        {"Subnet": "10.%d.%d.0/24" % (i // 256, i % 256)} for i in range(n)]}}, asked)
    grows("network-aux", 2500, lambda n: {"IPAM": {"Config": [{"Subnet": "10.7.0.0/16", "AuxiliaryAddresses": {
        "h%d" % i: "10.7.%d.%d" % (1 + i // 256, i % 256) for i in range(n)}}]}}, asked)
    grows("network-Options", 2500, lambda n: {"Options": word_map(n)}, asked)
    grows("volume-DriverOpts", 2500, lambda n: {"Name": "sizes", "DriverOpts": word_map(n)},
          lambda body: call("POST", "/volumes/create", body))
    grows("endpoint-DriverOpts", 2500, lambda n: {"Image": "sizes:plain", "NetworkingConfig": {"EndpointsConfig": {"bridge": {
        "DriverOpts": word_map(n)}}}}, lambda body: remove(json.loads(must("POST", "/containers/create", body))["Id"]))
    grows("endpoint-networks", 2500, lambda n: {"Image": "sizes:plain", "NetworkingConfig": {"EndpointsConfig": {
        "n%d" % i: {} for i in range(n)}}}, lambda body: call("POST", "/containers/create", body))
    grows("create-Links", 64, lambda n: {"Image": "sizes:plain", "HostConfig": {"Links": words(n, "x%d:y")}},
          lambda body: call("POST", "/containers/create", body))
    grows("create-VolumesFrom", 2500, lambda n: {"Image": "sizes:plain", "HostConfig": {"VolumesFrom": words(n)}},
          lambda body: call("POST", "/containers/create", body))
    grows("create-Blkio", 2500, lambda n: {"Image": "sizes:plain", "HostConfig": {"BlkioDeviceReadBps": [
        {"Path": "/dev/x%d" % i, "Rate": 1} for i in range(n)]}}, lambda body: call("POST", "/containers/create", body))
    grows("unknown-members", 50000, lambda n: json.dumps(dict({"Image": "sizes:plain"}, **word_map(n))),
          lambda text: remove(json.loads(must("POST", "/containers/create", text))["Id"]))
    id = create(Labels=word_map(10000))
    grows("filter-labels", 64, lambda n: {"label": words(n, "k%d=v")}, lambda f: must(
        "GET", "/containers/json?all=1&filters=" + urllib.parse.quote(json.dumps(f))))
    remove(id)


# ---- what is refused ----

def refused(name, text, status_and_answer):
    if ONLY and name not in ONLY:
        return
    status, answer = status_and_answer
    say(name, text in answer and (status in (200, 400)), "%d %s" % (status, answer.strip()[:100]))


def bounds():
    for key, value, n in (("Labels", word_map(10001), 10001), ("Env", words(10001, "A%d=b"), 10001),
                          ("ExposedPorts", word_map(65537, "%d/tcp", {}), 65537),
                          ("Volumes", word_map(10001, "/v%d", {}), 10001)):
        said = "%s has %d entries, at most" % (key, n)
        refused("bound-load-" + key, said, call("POST", "/images/load", archive_of({key: value}), "application/x-tar"))
        refused("bound-create-" + key, said, call("POST", "/containers/create", {"Image": "sizes:plain", key: value}))
    refused("bound-load-history", "history has 10001 entries, at most",
            call("POST", "/images/load", archive_of({}, history=[{"empty_layer": i > 0} for i in range(10001)]), "application/x-tar"))
    refused("bound-load-names", "an image of the archive has more than 1000 names",
            call("POST", "/images/load", archive_of({}, words(1001, "sizes:t%d")), "application/x-tar"))
    change = "EXPOSE 1-65535 1-65535/udp"
    refused("bound-import-EXPOSE", "EXPOSE has more than", call("POST", "/images/create?fromSrc=-&changes=" + urllib.parse.quote(change),
            layer("x", b""), "application/x-tar"))
    refused("bound-volume", "Labels has 10001 entries, at most", call("POST", "/volumes/create", {"Labels": word_map(10001)}))
    refused("bound-network", "Labels has 10001 entries, at most", call("POST", "/networks/create", {"Name": "x", "Labels": word_map(10001)}))
    refused("bound-filter", "257 values, at most", call("GET", "/containers/json?filters=" + urllib.parse.quote(json.dumps({"id": words(257)}))))
    refused("bound-filter-images", "257 values, at most", call("GET", "/images/json?filters=" + urllib.parse.quote(json.dumps({"label": words(257)}))))
    refused("bound-aliases", "Aliases has 257 entries, at most", call("POST", "/containers/create", {
        "Image": "sizes:plain", "NetworkingConfig": {"EndpointsConfig": {"bridge": {"Aliases": words(257)}}}}))
    refused("bound-again", "is there more than 4 times", call("POST", "/containers/create",
            '{"Image": "sizes:plain", %s "HostConfig": {}}' % ('"Env": [], ' * 5)))


load(archive_of({"Labels": {"of": "plain"}}, ["sizes:plain"]))
for part in (images, config_lists, lives, others, bounds):
    part()
sys.exit(failed > 0)
