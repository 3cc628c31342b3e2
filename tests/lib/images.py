#!/usr/bin/env python3
"""Makes the test images as docker-archives: busybox, and a registry that runs in a container.

usage: images.py OUT_DIR    writes OUT_DIR/busybox.tar and OUT_DIR/registry.tar
"""
import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile

EPOCH = 1700000000


def add(tar, name, data=b"", mode=0o644, kind=tarfile.REGTYPE, link=""):
    info = tarfile.TarInfo(name)
    info.size, info.mode, info.type, info.linkname, info.mtime = len(data), mode, kind, link, EPOCH
    tar.addfile(info, io.BytesIO(data) if data else None)


def layer(fill):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        fill(tar)
    return out.getvalue()


def busybox_layer(tar):
    busybox = open("/bin/busybox", "rb").read()
    for folder in ("bin", "dev", "etc", "home", "proc", "root", "sys", "usr", "usr/bin", "usr/sbin", "var"):
        add(tar, folder, mode=0o755, kind=tarfile.DIRTYPE)
    add(tar, "tmp", mode=0o1777, kind=tarfile.DIRTYPE)
    add(tar, "bin/busybox", busybox, 0o755)
    applets = subprocess.check_output(["/bin/busybox", "--list"], text=True).split()
    for applet in applets:
        if applet != "busybox":
            add(tar, "bin/" + applet, mode=0o755, kind=tarfile.LNKTYPE, link="bin/busybox")
    add(tar, "bin/bash", b"#!/bin/sh\nexec /bin/sh \"$@\"\n", 0o755)  # the guide types /bin/bash
    add(tar, "etc/passwd", b"root:x:0:0:root:/root:/bin/sh\ndaemon:x:1:1:daemon:/usr/sbin:/bin/false\n"
                           b"nobody:x:65534:65534:nobody:/home:/bin/false\napp:x:1000:1000::/home/app:/bin/sh\n")
    add(tar, "etc/group", b"root:x:0:\ndaemon:x:1:\nwheel:x:10:app\napp:x:1000:\n")


def registry_layer(tar):
    files = {"/usr/bin/docker-registry"}
    for line in subprocess.check_output(["ldd", "/usr/bin/docker-registry"], text=True).split():
        if line.startswith("/"):
            files.add(line)
    for path in sorted(files):
        add(tar, path.lstrip("/"), open(os.path.realpath(path), "rb").read(), 0o755)
    config = (b"version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: /var/lib/registry\n"
              b"http:\n  addr: :5000\n")
    add(tar, "etc/registry.yml", config)


def archive(path, name, layers, config):
    blobs, diff_ids = [], []
    for data in layers:
        digest = hashlib.sha256(data).hexdigest()
        diff_ids.append("sha256:" + digest)
        blobs.append((digest + "/layer.tar", data))
    document = {"architecture": "amd64", "os": "linux", "created": "2026-11-01T00:00:00Z",
                "config": config, "rootfs": {"type": "layers", "diff_ids": diff_ids},
                "history": [{"created": "2026-11-01T00:00:00Z", "created_by": "images.py"} for _ in layers]}
    text = json.dumps(document).encode()
    manifest = [{"Config": hashlib.sha256(text).hexdigest() + ".json", "RepoTags": [name],
                 "Layers": [b[0] for b in blobs]}]
    with tarfile.open(path, "w") as tar:
        add(tar, manifest[0]["Config"], text)
        for blob, data in blobs:
            add(tar, blob, data)
        add(tar, "manifest.json", json.dumps(manifest).encode())


def main():
    out = sys.argv[1]
    base = layer(busybox_layer)
    path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    archive(out + "/busybox.tar", "busybox:latest", [base], {"Cmd": ["sh"], "Env": [path]})
    archive(out + "/registry.tar", "registry:latest", [base, layer(registry_layer)],
            {"Entrypoint": ["/usr/bin/docker-registry"], "Cmd": ["serve", "/etc/registry.yml"],
             "Env": [path], "ExposedPorts": {"5000/tcp": {}}, "Volumes": {"/var/lib/registry": {}}})


if __name__ == "__main__":
    main()
