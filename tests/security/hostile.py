#!/usr/bin/env python3
"""Makes hostile images as docker-archives, each a layer or more on top of busybox.

usage: hostile.py OUT_DIR BUSYBOX_TAR BIN_DIR
Writes OUT_DIR/NAME.tar for every image below; tests load them through the API. BIN_DIR has
the static programs of tests/security.
"""
import hashlib
import io
import json
import sys
import tarfile

OUT, BUSYBOX, BIN = sys.argv[1:4]


def base_layer():
    with tarfile.open(BUSYBOX) as tar:
        manifest = json.load(tar.extractfile("manifest.json"))
        return tar.extractfile(manifest[0]["Layers"][0]).read()


BASE = base_layer()
PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class Layer:
    def __init__(self):
        self.out = io.BytesIO()
        self.tar = tarfile.open(fileobj=self.out, mode="w", format=tarfile.PAX_FORMAT)

    def add(self, name, data=b"", mode=0o644, kind=tarfile.REGTYPE, link="", dev=(0, 0), pax=None):
        info = tarfile.TarInfo(name)
        info.size, info.mode, info.type, info.linkname = len(data), mode, kind, link
        info.devmajor, info.devminor = dev
        info.pax_headers = pax or {}
        self.tar.addfile(info, io.BytesIO(data) if data else None)
        return self

    def dir(self, name, mode=0o755):
        return self.add(name, mode=mode, kind=tarfile.DIRTYPE)

    def link(self, name, target):
        return self.add(name, kind=tarfile.SYMTYPE, link=target)

    def hard(self, name, target):
        return self.add(name, kind=tarfile.LNKTYPE, link=target)

    def gone(self, name):
        folder, _, last = name.rpartition("/")
        return self.add((folder + "/" if folder else "") + ".wh." + last)

    def bytes(self):
        self.tar.close()
        return self.out.getvalue()


def add_bytes(tar, name, data):
    info = tarfile.TarInfo(name)
    info.size = len(data)
    tar.addfile(info, io.BytesIO(data))


def image(name, layers=(), diff_ids=None, config_name=None, layer_names=None, manifest=None, **config):
    blobs = [BASE] + [layer.bytes() if isinstance(layer, Layer) else layer for layer in layers]
    ids = ["sha256:" + hashlib.sha256(b).hexdigest() for b in blobs]
    config.setdefault("Env", [PATH])
    config.setdefault("Cmd", ["sh"])
    document = json.dumps({
        "architecture": "amd64", "os": "linux", "created": "2026-11-01T00:00:00Z", "config": config,
        "rootfs": {"type": "layers", "diff_ids": diff_ids or ids},
        "history": [{"created": "2026-11-01T00:00:00Z", "created_by": name} for _ in blobs]}).encode()
    names = layer_names or ["%d/layer.tar" % i for i in range(len(blobs))]
    config_name = config_name or hashlib.sha256(document).hexdigest() + ".json"
    with tarfile.open("%s/%s.tar" % (OUT, name), "w") as tar:
        add_bytes(tar, config_name, document)
        for blob_name, blob in zip(names, blobs):
            add_bytes(tar, blob_name, blob)
        add_bytes(tar, "manifest.json", json.dumps(manifest or [
            {"Config": config_name, "RepoTags": ["hostile:" + name], "Layers": names}]).encode())


def swap(name, target):
    """A layer in which a folder or file of busybox is gone and a symlink stands in its place."""
    return [Layer().gone(name), Layer().link(name, target)]


def symlinks():
    outside = "/../../../../../../../../tmp/berth-outside"
    for name in ("dev", "proc", "sys", "etc", "tmp", "run"):
        layers = swap(name, outside) if name != "run" else [Layer().link(name, outside)]
        image("link-" + name, layers)
    image("link-dev-tmp", swap("dev", "/tmp"))
    image("link-proc-tmp", swap("proc", "/tmp"))
    for name in ("hosts", "hostname", "resolv.conf", "mtab"):
        image("link-etc-" + name, [Layer().link("etc/" + name, outside + "/file")])
    image("link-null", [Layer().link("dev/null", "/proc/sysrq-trigger").link("dev/console", outside)
                        .link("dev/pts", outside).link("dev/shm", outside)
                        .link("dev/stdout", outside).link("dev/ptmx", outside)])
    for name in ("dev", "proc", "sys"):  # into a volume where others exchange what the link leads to
        image("link-shared-" + name, swap(name, "/v/" + name))
    image("link-target", [Layer().link("mnt", outside).link("data", "/proc").link("up", "../../..")
                          .link("loop", "loop")])
    image("link-volume", [Layer().link("vol", outside)], Volumes={"/vol": {}})
    image("volume-proc", Volumes={"/proc": {}})
    image("volume-below-proc", Volumes={"/proc/self/attr": {}})
    image("volume-sys", Volumes={"/sys/kernel": {}})
    image("volume-root", Volumes={"/": {}})
    image("volume-up", Volumes={"/../../../../tmp/berth-outside": {}})


def identity():
    image("probe", [Layer().add("syscall_probe", open(BIN + "/syscall_probe", "rb").read(), 0o755)
                    .add("swapper", open(BIN + "/swapper", "rb").read(), 0o755)
                    .add("matrix_probe", open(BIN + "/matrix_probe", "rb").read(), 0o755)
                    .add("churn", open(BIN + "/churn", "rb").read(), 0o755)
                    .add("seizer", open(BIN + "/seizer", "rb").read(), 0o755)
                    .add("aliens", open(BIN + "/aliens", "rb").read(), 0o755)])
    image("self-exe", [Layer().add("evil", b"#!/proc/self/exe\n", 0o755)
                       .link("evil2", "/proc/self/exe")
                       .add("evil3", b"#!/proc/1/exe\n", 0o755)], Entrypoint=["/evil"], Cmd=None)
    image("workdir-fd", WorkingDir="/proc/self/fd/7")
    image("workdir-link", [Layer().link("w", "/proc/self/fd/7/../..")], WorkingDir="/w/x")
    image("workdir-up", [Layer().link("w", "/../../../../../../tmp/berth-outside")], WorkingDir="/w")
    passwd = (b"root:x:0:0:root:/root:/bin/sh\n4294967296:x:0:0::/:/bin/sh\n4294967295:x:0:0::/:/bin/sh\n"
              b"0x0:x:0:0::/:/bin/sh\n1234:x:0:0::/:/bin/sh\n-1:x:0:0::/:/bin/sh\n+5:x:0:0::/:/bin/sh\n"
              b"99999999999999999999:x:0:0::/:/bin/sh\nbig:x:4294967296:4294967296::/:/bin/sh\n"
              b"neg:x:-1:-1::/:/bin/sh\nempty:x:::/:/bin/sh\nmany:x:77:78::/:/bin/sh\n")
    group = b"root:x:0:\nwheel:x:10:many\ng78:x:78:\n4294967296:x:0:many\nbig:x:4294967297:many\n"
    image("users", [Layer().add("etc/passwd", passwd).add("etc/group", group)])
    image("user-link", [Layer().link("etc/passwd", "/proc/1/environ").link("etc/group", "/dev/zero")])
    image("user-fifo", [Layer().gone("etc/passwd"), Layer().add("etc/passwd", kind=tarfile.FIFOTYPE)])
    image("lib-evil", [Layer().add("lib/x86_64-linux-gnu/libnss_files.so.2", b"\x7fELF evil", 0o755)
                       .add("usr/bin/xz", b"#!/bin/sh\ntouch /tmp/berth-outside/ran\n", 0o755)
                       .add("usr/bin/unpigz", b"#!/bin/sh\ntouch /tmp/berth-outside/ran\n", 0o755)])


def archives():
    """Layers that try to get out: each must be refused or stay inside; nothing outside changes."""
    out = "../../../../../../../../../../tmp/berth-outside/escaped"
    image("tar-up", [Layer().add(out, b"x")])
    image("tar-abs", [Layer().add("/tmp/berth-outside/escaped", b"x")])
    image("tar-link-write", [Layer().link("d", "/tmp/berth-outside").add("d/escaped", b"x")])
    image("tar-link-write-rel", [Layer().link("d", "../" * 12 + "tmp/berth-outside").add("d/escaped", b"x")])
    image("tar-link-layers", [Layer().link("d", "/tmp/berth-outside"), Layer().add("d/escaped", b"x")])
    image("tar-link-file", [Layer().link("f", "/tmp/berth-outside/file"), Layer().add("f", b"changed")])
    image("tar-hard-abs", [Layer().hard("h", "/tmp/berth-outside/file").add("h", b"changed")])
    image("tar-hard-up", [Layer().hard("h", "../" * 12 + "tmp/berth-outside/file")])
    image("tar-hard-link", [Layer().link("d", "/tmp/berth-outside").hard("h", "d/file")])
    image("tar-whiteout-up", [Layer().add("../" * 12 + "tmp/berth-outside/.wh.file")])
    image("tar-whiteout-dots", [Layer().add(".wh...")])
    image("tar-whiteout-dot", [Layer().add(".wh..")])
    image("tar-whiteout-link", [Layer().link("d", "/tmp/berth-outside").add("d/.wh.file")])
    image("tar-whiteout-empty", [Layer().add(".wh.")])
    image("tar-opaque-link", [Layer().link("d", "/tmp/berth-outside"), Layer().add("d/.wh..wh..opq")])
    image("tar-device", [Layer().add("sda", kind=tarfile.BLKTYPE, dev=(254, 0), mode=0o666)])
    image("tar-pax-path", [Layer().add("x", b"x", pax={"path": out})])
    image("tar-pax-link", [Layer().add("x", kind=tarfile.SYMTYPE, link="y", pax={"linkpath": "/tmp/berth-outside/file"})
                           .add("x", b"changed")])
    image("tar-mode-dir", [Layer().link("d", "/tmp/berth-outside").dir("d", 0o777)])
    image("tar-trusted", [Layer().add("x", b"x", pax={"SCHILY.xattr.trusted.overlay.redirect": "/../../etc"})
                          .dir("r").add("r/x", b"", pax={"SCHILY.xattr.trusted.overlay.opaque": "y"})])
    image("json-config-up", config_name="../../../../../../tmp/berth-outside/escaped.json")
    image("json-layer-up", layer_names=["../../../../../tmp/berth-outside/escaped.tar"])
    image("json-digest", diff_ids=["sha256:" + "0" * 64])
    image("json-digest-path", diff_ids=["sha256:../../../../../tmp/berth-outside/escaped"])
    image("json-tag", manifest=[{"Config": "../x", "RepoTags": ["../../../tmp/x:latest"], "Layers": ["0/layer.tar"]}])


symlinks()
identity()
archives()
