# SPDX-License-Identifier: Apache-2.0
"""Every public method of docker-py that concerns one engine, and what it gives.

usage: docker_py_methods.py SOCKET record|replay      needs HOST, IMAGES (folders) in the environment
"""
import inspect
import io
import json
import os
import sys
import tarfile
import threading
import time

import docker
from docker import APIClient
from docker.models import containers, images, networks, volumes

from recorded import Record, shape

sock, mode = sys.argv[1:3]
record = Record("docker-py", mode)
CALLED = set()


def trace(owner, name, fn):
    def traced(*args, **kwargs):
        CALLED.add(f"{owner.__name__}.{name}")
        return fn(*args, **kwargs)
    setattr(owner, name, traced)


def public(owner, whose):
    for name, fn in list(vars(owner).items()):
        if not name.startswith("_") and inspect.isfunction(fn):
            yield name, fn
    for base in owner.__mro__[1:]:
        if base.__module__.startswith(whose):
            for name, fn in list(vars(base).items()):
                if not name.startswith("_") and inspect.isfunction(fn):
                    yield name, fn


OWNERS = [APIClient, docker.DockerClient, containers.Container, containers.ContainerCollection, images.Image,
          images.ImageCollection, images.RegistryData, networks.Network, networks.NetworkCollection,
          volumes.Volume, volumes.VolumeCollection]
METHODS = {}
for o in OWNERS:
    for n, f in public(o, "docker.api"):
        if f"{o.__name__}.{n}" not in METHODS:
            METHODS[f"{o.__name__}.{n}"] = f
            trace(o, n, f)

c = docker.DockerClient(base_url="unix://" + sock, version="1.41", timeout=30)
api = c.api


def plain(value):
    if isinstance(value, (containers.Container, images.Image, networks.Network, volumes.Volume, images.RegistryData)):
        return type(value).__name__
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if inspect.isgenerator(value) or type(value).__name__ == "CancellableStream":
        value = list(value)
        if value and all(isinstance(v, bytes) for v in value):
            return b"".join(value)
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    return value


def tried(fn):
    try:
        return plain(fn())
    except docker.errors.APIError as e:
        return {"error": type(e).__name__, "status": e.status_code, "message": e.explanation}
    except (docker.errors.DockerException, ValueError, TypeError) as e:
        return {"error": type(e).__name__, "message": str(e)}


def case(name, fn):
    value = tried(fn)
    record.case(name, value)
    return value


def case_shape(name, fn):
    """For what another machine or moment has other values of."""
    value = tried(fn)
    record.case(name, shape(value))
    return value


def tar_of(name, text):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as t:
        info = tarfile.TarInfo(name)
        info.size, info.mtime = len(text), 1
        t.addfile(info, io.BytesIO(text))
    return out.getvalue()


def built(lines):
    """What a build says of its steps and prints in them; without ids and what each engine does beside."""
    said = "".join(line.get("stream", "") for line in lines).split("\n")
    return [s for s in said if s.startswith(("Step ", "Successfully ", "out "))] + [line["error"] for line in lines if "error" in line]


def tags_in(chunks):
    """Of an archive of images."""
    with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as t:
        return sorted(tag for image in json.load(t.extractfile("manifest.json")) for tag in image["RepoTags"] or [])


def names_in(chunks):
    with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as t:
        return sorted(t.getnames())


def until(is_so):
    end = time.time() + 10
    while not is_so() and time.time() < end:
        time.sleep(0.02)


def running():
    return api.inspect_container("aa")["State"]["Status"] == "running"


IMAGE, REMOTE = "busybox", "127.0.0.1:5000/busybox"

# ---- the engine ----
case("ping", api.ping)
case("DockerClient.ping", c.ping)
case_shape("version", lambda: api.version(api_version=False))
case_shape("DockerClient.version", c.version)
case_shape("info", api.info)
case_shape("DockerClient.info", c.info)
case_shape("df", api.df)
case_shape("DockerClient.df", c.df)
case("get_adapter", lambda: type(api.get_adapter("http+docker://x")).__name__)
case("reload_config", lambda: api.reload_config(os.environ["HOST"] + "/none.json"))
case("login: a server that is not there", lambda: "error" in tried(lambda: api.login("u", "p", registry="127.0.0.1:1")))
case("DockerClient.login: the same", lambda: "error" in tried(lambda: c.login("u", "p", registry="127.0.0.1:1")))

# ---- images ----
case("images", api.images)
case("images: quiet", lambda: api.images(quiet=True))
case("images: name, filters", lambda: api.images(name="nosuch", filters={"dangling": False}))
case("inspect_image", lambda: api.inspect_image(IMAGE))
case("inspect_image: none", lambda: api.inspect_image("nosuch"))
case("history", lambda: api.history(IMAGE))
case("tag", lambda: api.tag(IMAGE, "one", "1"))
case("tag: bad", lambda: api.tag(IMAGE, "UPPER", "1"))
case("remove_image", lambda: api.remove_image("one:1"))
case("remove_image: none", lambda: api.remove_image("one:1"))
case("pull", lambda: sorted(k.get("status", "").split(" ")[0] for k in api.pull(REMOTE, "latest", stream=True, decode=True)))
case("pull: none", lambda: api.pull("127.0.0.1:5000/nosuch", "latest"))
case("import_image", lambda: api.import_image_from_data(tar_of("f", b"x"), repository="imported", tag="1").split('"')[1])
case("import_image_from_stream", lambda: "error" in tried(lambda: api.import_image_from_stream(io.BytesIO(tar_of("f", b"x")), repository="imported", tag="2")))
with open(os.environ["HOST"] + "/rootfs.tar", "wb") as f:
    f.write(tar_of("f", b"x"))
case("import_image_from_file", lambda: api.import_image_from_file(f.name, repository="imported", tag="3").split('"')[1])
case("import_image: changes", lambda: api.import_image(f.name, repository="imported", tag="4", changes=["CMD x"]).split('"')[1])
case("import_image: what it made", lambda: api.inspect_image("imported:4")["Config"])
case("import_image_from_url: nobody there", lambda: "error" in tried(lambda: api.import_image_from_url("http://127.0.0.1:1/x.tar", repository="imported", tag="5")))
case("import_image_from_image: none", lambda: "error" in tried(lambda: api.import_image_from_image("127.0.0.1:5000/nosuch", repository="imported", tag="6")))
with open(os.environ["IMAGES"] + "/busybox.tar", "rb") as f:
    ARCHIVE = f.read()
case("load_image", lambda: api.load_image(ARCHIVE))
case("load_image: rubbish", lambda: "error" in str(tried(lambda: api.load_image(b"rubbish" * 200))))
case("ImageCollection.load", lambda: c.images.load(ARCHIVE))
case("ImageCollection.get", lambda: c.images.get(IMAGE).tags)
case("ImageCollection.list", lambda: len(c.images.list(IMAGE)))
case("ImageCollection.pull", lambda: c.images.pull(REMOTE, "latest"))
case("ImageCollection.pull: all tags", lambda: c.images.pull(REMOTE, all_tags=True))
case("Image.history", lambda: c.images.get(IMAGE).history())
case("Image.tag", lambda: c.images.get(IMAGE).tag("two", "2"))
case("ImageCollection.remove", lambda: c.images.remove("two:2"))
case("Image.save: the tags in it", lambda: tags_in(c.images.get(IMAGE).save()))
case("Image.save: with a name", lambda: tags_in(c.images.get(IMAGE).save(named=True)))
case("get_image: none", lambda: api.get_image("nosuch"))
api.tag(IMAGE, "two", "1")
api.tag(IMAGE, "two", "2")
case("get_image: all tags of a name", lambda: tags_in(api.get_image("two")))
saved = b"".join(api.get_image("two:1"))
for t in ("two:1", "two:2"):
    api.remove_image(t)
case("ImageCollection.load: what was saved", lambda: c.images.load(saved)[0].id == c.images.get(IMAGE).id)
case("ImageCollection.load: its tag", lambda: "two:1" in c.images.get("two:1").tags)
case("load_image: what is said", lambda: api.load_image(saved))
case("inspect_distribution", lambda: api.inspect_distribution(REMOTE))
case("inspect_distribution: none", lambda: "error" in tried(lambda: api.inspect_distribution("127.0.0.1:5000/nosuch")))
case("ImageCollection.get_registry_data", lambda: c.images.get_registry_data(REMOTE).attrs["Descriptor"]["mediaType"])
case("RegistryData.has_platform", lambda: [c.images.get_registry_data(REMOTE).has_platform(p) for p in ("linux", "windows/amd64")])
case("RegistryData.pull", lambda: c.images.get_registry_data(REMOTE).pull())
case("RegistryData.reload", lambda: c.images.get_registry_data(REMOTE).reload())
case("search: a registry that is not there", lambda: "error" in tried(lambda: api.search("127.0.0.1:1/x")))
case("ImageCollection.search: the same", lambda: "error" in tried(lambda: c.images.search("127.0.0.1:1/x")))

# ---- builds ----
DIR = os.environ["HOST"] + "/context"
os.makedirs(DIR + "/more")
for path, text in (("Dockerfile", "FROM busybox\nARG WHO=nobody\nENV A=b\nCOPY f /f\nRUN echo out $WHO; cat /f\nLABEL l=1\nCMD [\"cat\", \"/f\"]\n"),
                   ("f", "out of the context\n"), ("more/ignored", "x"), (".dockerignore", "more\n"), ("Fails", "FROM busybox\nRUN echo out; exit 3\n"),
                   ("Copies", "FROM busybox\nCOPY more /more\n"), ("Stages", "FROM busybox AS one\nRUN echo out one >/g\nFROM busybox AS two\nCOPY --from=one /g /g\nRUN cat /g\nFROM two\nRUN exit 9\n")):
    with open(f"{DIR}/{path}", "w") as f:
        f.write(text)


def build(**more):
    return built(api.build(decode=True, rm=True, forcerm=True, **more))


case("build: a folder", lambda: build(path=DIR, tag="built:1", buildargs={"WHO": "somebody"}, labels={"m": "2"}))
case("build: what it made", lambda: {k: v for k, v in api.inspect_image("built:1")["Config"].items() if k in ("Env", "Cmd", "Labels", "WorkingDir", "Entrypoint")})
case("build: it runs", lambda: c.containers.run("built:1", remove=True))
case("build: a Dockerfile alone", lambda: build(fileobj=io.BytesIO(b"FROM busybox\nRUN echo out alone\n"), tag="built:2"))
case("build: a context of one's own", lambda: build(fileobj=io.BytesIO(tar_of("Dockerfile", b"FROM busybox\nUSER 5\n")), custom_context=True))
case("build: a target", lambda: build(path=DIR, dockerfile="Stages", target="two"))
case("build: a step fails", lambda: build(path=DIR, dockerfile="Fails"))
case("build: what is ignored is not there", lambda: "error" in str(list(api.build(path=DIR, dockerfile="Copies", decode=True, rm=True, forcerm=True))))
case("build: no Dockerfile", lambda: build(path=DIR, dockerfile="Nosuch"))
case("build: an instruction that is none", lambda: build(fileobj=io.BytesIO(b"FROM busybox\nNOSUCH x\n")))
case("build: a bad tag", lambda: build(path=DIR, tag="UPPER"))
case("build: neither path nor file", lambda: api.build())
case("build: quiet", lambda: "".join(line.get("stream", "") for line in api.build(path=DIR, quiet=True, rm=True, decode=True)))
case("build: limits, a cache that is not used", lambda: build(path=DIR, nocache=True, container_limits={"memory": 64 << 20}, shmsize=1 << 20, extra_hosts={"h": "1.2.3.4"}, network_mode="none"))
x = tried(lambda: c.images.build(path=DIR, tag="built:3", rm=True))
case("ImageCollection.build", lambda: [c.images.get("built:3").tags, x[0]])
case("ImageCollection.build: it fails", lambda: c.images.build(path=DIR, dockerfile="Fails", rm=True, forcerm=True))
case("Image.save: what was built", lambda: tags_in(c.images.get("built:3").save(named="built:3")))

case("prune_images", lambda: sorted(api.prune_images({"dangling": True})))
case("ImageCollection.prune", lambda: sorted(c.images.prune()))
case("prune_builds", lambda: sorted(api.prune_builds()))
case("ImageCollection.prune_builds", lambda: sorted(c.images.prune_builds()))

# ---- volumes ----
case("create_volume", lambda: api.create_volume("v1", driver="local", labels={"a": "b"}))
case("create_volume: bad", lambda: api.create_volume("a/b"))
case("inspect_volume", lambda: api.inspect_volume("v1"))
case("inspect_volume: none", lambda: api.inspect_volume("nosuch"))
case("volumes", api.volumes)
case("volumes: filter", lambda: api.volumes(filters={"name": "nosuch"}))
case("remove_volume", lambda: api.remove_volume("v1"))
case("remove_volume: none", lambda: api.remove_volume("v1"))
case("VolumeCollection.create", lambda: c.volumes.create("v2").attrs)
case("VolumeCollection.get", lambda: c.volumes.get("v2").attrs)
case("VolumeCollection.list", lambda: [v.name for v in c.volumes.list()])
case("Volume.remove", lambda: c.volumes.get("v2").remove())
api.create_volume()
case("prune_volumes", lambda: len(api.prune_volumes()["VolumesDeleted"]))
case("VolumeCollection.prune", lambda: c.volumes.prune())

# ---- networks ----
pool = docker.types.IPAMPool(subnet="10.9.0.0/24", gateway="10.9.0.1", iprange="10.9.0.128/25", aux_addresses={"x": "10.9.0.9"})
case("create_network", lambda: api.create_network("n1", driver="bridge", ipam=docker.types.IPAMConfig(pool_configs=[pool]), labels={"a": "b"}, options={"com.docker.network.bridge.name": "br-n1"}))
case("create_network: taken", lambda: api.create_network("n1", check_duplicate=True))
case("inspect_network", lambda: api.inspect_network("n1"))
case("inspect_network: none", lambda: api.inspect_network("nosuch"))
case("inspect_network: bridge", lambda: api.inspect_network("bridge", verbose=True, scope="local"))
case("networks", lambda: sorted((n["Name"], n["Driver"], n["Scope"]) for n in api.networks()))
case("networks: names, ids", lambda: [len(api.networks(names=["n1"])), len(api.networks(ids=["0" * 64]))])
case("NetworkCollection.create", lambda: c.networks.create("n2", internal=True, attachable=True).attrs)
case("NetworkCollection.get", lambda: c.networks.get("n2").name)
case("NetworkCollection.list", lambda: sorted(n.name for n in c.networks.list()))

# ---- containers ----
host = case("create_host_config", lambda: dict(api.create_host_config(
    binds=["v3:/v:ro"], port_bindings={80: ("127.0.0.1", 8080)}, mem_limit="64m", memswap_limit="128m", dns=["9.9.9.9"], cap_add=["CHOWN"], cap_drop=["KILL"],
    extra_hosts={"h": "1.2.3.4"}, restart_policy={"Name": "on-failure", "MaximumRetryCount": 1}, tmpfs={"/t": "size=1m"}, pids_limit=99,
    ulimits=[docker.types.Ulimit(name="nofile", soft=99, hard=100)], log_config=docker.types.LogConfig(type="json-file", config={"max-size": "1m"}), shm_size="8m")))
case("create_endpoint_config", lambda: dict(api.create_endpoint_config(aliases=["al"], ipv4_address="10.9.0.140")))
case("create_networking_config", lambda: dict(api.create_networking_config({"n1": api.create_endpoint_config()})))
case("create_container_config", lambda: dict(api.create_container_config(IMAGE, "true", hostname="h")))
case("create_container", lambda: api.create_container(
    IMAGE, ["sh", "-c", "echo out; echo err >&2; exec sleep 1000"], name="aa", hostname="hosta", user="0", environment={"K": "V"}, ports=[80], volumes=["/v"],
    working_dir="/tmp", labels={"l": "1"}, stop_signal="SIGTERM", stop_timeout=3, healthcheck={"test": ["NONE"]}, host_config=host,
    networking_config=api.create_networking_config({"n1": api.create_endpoint_config(aliases=["al"], ipv4_address="10.9.0.140")})))
case("create_container: no image", lambda: api.create_container("nosuch"))
case("create_container: name taken", lambda: api.create_container(IMAGE, name="aa"))
case("create_container_from_config", lambda: api.create_container_from_config(api.create_container_config(IMAGE, "true"), "fromconfig"))
case("inspect_container: created", lambda: api.inspect_container("aa"))
case("start", lambda: api.start("aa"))
case("start: again", lambda: api.start("aa"))
case("start: none", lambda: api.start("nosuch"))
until(running)
until(lambda: len(api.logs("aa")) == 8)
case("inspect_container: running", lambda: api.inspect_container("aa"))
case("containers", lambda: api.containers(all=True, filters={"name": "aa$"}))
case("containers: quiet, size, limit", lambda: api.containers(quiet=True, size=True, limit=1))
case("port", lambda: api.port("aa", 80))
case("top", lambda: api.top("aa")["Titles"])
case("top: args", lambda: [p[-1] for p in api.top("aa", "-o pid,comm")["Processes"]])
case("logs", lambda: sorted(api.logs("aa").split(b"\n")))
case("logs: tail, timestamps", lambda: len(api.logs("aa", tail=1, timestamps=True).splitlines()))
case("diff", lambda: sorted(d["Path"] for d in api.diff("aa")))
case_shape("stats", lambda: {k: v for k, v in api.stats("aa", stream=False).items() if k not in ("blkio_stats", "networks", "storage_stats")})
case("pause", lambda: api.pause("aa"))
case("pause: again", lambda: api.pause("aa"))
case("unpause", lambda: api.unpause("aa"))
case("unpause: again", lambda: sorted(tried(lambda: api.unpause("aa"))))
case("update_container", lambda: api.update_container("aa", mem_limit="32m", memswap_limit="64m", cpu_shares=99, restart_policy={"Name": "no"}))
case("rename", lambda: api.rename("aa", "bb"))
case("rename: taken", lambda: api.rename("bb", "fromconfig"))
case("rename: back", lambda: api.rename("bb", "aa"))
case("resize", lambda: api.resize("aa", 20, 80))
case("put_archive", lambda: api.put_archive("aa", "/tmp", tar_of("put", b"data")))
case("put_archive: nowhere", lambda: api.put_archive("aa", "/nosuch", tar_of("put", b"data")))
case("get_archive", lambda: [names_in(api.get_archive("aa", "/tmp/put")[0]), api.get_archive("aa", "/tmp/put")[1]["name"]])
case("get_archive: none", lambda: api.get_archive("aa", "/nosuch"))
case("export", lambda: "tmp/put" in names_in(api.export("aa")))
case("diff: what was put", lambda: [d for d in api.diff("aa") if d["Path"].startswith("/tmp/put")])
e = case("exec_create", lambda: api.exec_create("aa", ["sh", "-c", "echo $X; pwd; exit 3"], environment={"X": "Y"}, workdir="/etc"))
case("exec_create: none", lambda: api.exec_create("nosuch", "true"))
case("exec_start", lambda: api.exec_start(e["Id"]))
case("exec_start: again", lambda: api.exec_start(e["Id"]))
case("exec_inspect", lambda: api.exec_inspect(e["Id"]))
case("exec_inspect: none", lambda: api.exec_inspect("0" * 64))
e2 = api.exec_create("aa", "sleep 1000", tty=True, stdin=True)
api.exec_start(e2["Id"], detach=True, tty=True)
case("exec_resize", lambda: api.exec_resize(e2["Id"], 20, 80))
case("attach", lambda: type(api.attach("aa", stream=True)).__name__)
case("attach_socket", lambda: type(api.attach_socket("aa")).__name__)
case("commit", lambda: sorted(api.commit("aa", "committed", "1", message="m", author="me", changes=["ENV C=D"])))
case("commit: what it made", lambda: {k: v for k, v in api.inspect_image("committed:1").items() if k in ("Config", "Author", "Comment", "Os")})
case("connect_container_to_network", lambda: api.connect_container_to_network("aa", "n2", aliases=["other"]))
case("connect_container_to_network: again", lambda: api.connect_container_to_network("aa", "n2"))
case("inspect_network: with a container", lambda: api.inspect_network("n2"))
case("disconnect_container_from_network", lambda: api.disconnect_container_from_network("aa", "n2"))
case("disconnect_container_from_network: again", lambda: api.disconnect_container_from_network("aa", "n2"))
case("kill", lambda: api.kill("aa", "SIGUSR1"))
case("kill: bad signal", lambda: api.kill("aa", "NOSUCH"))
case("restart", lambda: api.restart("aa", timeout=0))
until(running)
case("remove_network: in use", lambda: api.remove_network("n1"))
case("remove_container: runs", lambda: api.remove_container("aa"))
case("stop", lambda: api.stop("aa", timeout=0))
case("stop: again", lambda: api.stop("aa"))
case("kill: stopped", lambda: api.kill("aa"))
case("wait", lambda: api.wait("aa"))
case("wait: none", lambda: api.wait("nosuch"))
case("inspect_container: stopped", lambda: api.inspect_container("aa")["State"])
case("events", lambda: [[x["Type"], x["Action"], sorted(x["Actor"]["Attributes"])] for x in api.events(since=1, until=int(time.time()) + 1, decode=True,
     filters={"container": "aa", "event": ["create", "start", "die", "kill", "stop", "pause", "unpause", "restart", "rename"]})])
case("DockerClient.events", lambda: [x["Action"] for x in c.events(since=1, until=int(time.time()) + 1, decode=True, filters={"type": "volume", "event": "create"})])
case("remove_container", lambda: api.remove_container("aa", v=True))
case("remove_container: none", lambda: api.remove_container("aa"))
case("prune_containers", lambda: len(api.prune_containers()["ContainersDeleted"]))
case("prune_networks", lambda: sorted(api.prune_networks()["NetworksDeleted"]))
case("NetworkCollection.prune", lambda: c.networks.prune())
api.create_network("n3")
case("remove_network", lambda: api.remove_network("n3"))
case("remove_network: none", lambda: api.remove_network("n3"))
case("remove_network: the default", lambda: api.remove_network("bridge"))

# ---- the models of containers ----
case("ContainerCollection.run", lambda: c.containers.run(IMAGE, "echo hi", remove=True))
case("ContainerCollection.run: it fails", lambda: c.containers.run(IMAGE, "sh -c 'echo why >&2; exit 4'", remove=True))
x = c.containers.create(IMAGE, ["sh", "-c", "echo hi; exec sleep 1000"], name="mm", stdin_open=True)
case("ContainerCollection.create", lambda: x.attrs["State"]["Status"])
case("ContainerCollection.get", lambda: c.containers.get("mm").name)
case("ContainerCollection.list", lambda: [k.name for k in c.containers.list(all=True)])
case("Container.start", x.start)
case("Container.attach", lambda: type(x.attach(stream=True)).__name__)
case("Container.attach_socket", lambda: type(x.attach_socket()).__name__)
case("Container.top", lambda: len(x.top()["Processes"]))
until(x.logs)
case("Container.logs", lambda: x.logs(follow=False, tail=1))
case("Container.exec_run", lambda: list(x.exec_run("sh -c 'echo o; exit 2'")))
case("Container.exec_run: demux", lambda: [list(p) if isinstance(p, tuple) else p for p in x.exec_run("sh -c 'echo o; echo e >&2'", demux=True)])
case("Container.put_archive", lambda: x.put_archive("/", tar_of("p", b"1")))
case("Container.get_archive", lambda: names_in(x.get_archive("/p")[0]))
case("Container.export", lambda: "p" in names_in(x.export()))
case("Container.diff", lambda: [d for d in x.diff() if d["Path"] == "/p"])
case("Container.commit", lambda: x.commit("committed", "2").tags)
case("Container.resize", lambda: x.resize(10, 10))
case("Container.update", lambda: x.update(cpu_shares=10))
case("Container.stats", lambda: sorted(k for k in x.stats(stream=False) if k in ("read", "cpu_stats", "memory_stats", "networks", "name")))
case("Container.pause", x.pause)
case("Container.unpause", x.unpause)
case("Container.rename", lambda: x.rename("mm2"))
case("Container.kill", lambda: x.kill("SIGWINCH"))
case("Network.connect", lambda: c.networks.create("n4").connect(x))
case("Network.disconnect", lambda: c.networks.get("n4").disconnect(x))
case("Network.remove", lambda: c.networks.get("n4").remove())
case("Container.restart", lambda: x.restart(timeout=0))
case("Container.stop", lambda: x.stop(timeout=0))
case("Container.wait", x.wait)
case("Container.remove", lambda: x.remove(v=True))
c.containers.create(IMAGE)
case("ContainerCollection.prune", lambda: len(c.containers.prune()["ContainersDeleted"]))
case("close", api.close)
case("DockerClient.close", c.close)

record.methods(METHODS, CALLED)
sys.exit(record.finish())
