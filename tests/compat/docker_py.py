"""docker-py against the engine. usage: docker_py.py SOCKET; prints ok/not ok lines."""
import socket
import sys
import threading
import time
import traceback

import docker
from docker.errors import APIError, ContainerError, ImageNotFound, NotFound
from docker.types import LogConfig, Mount, Ulimit

c = docker.DockerClient(base_url="unix://" + sys.argv[1], version="auto", timeout=20)
IMAGE, REGISTRY = "busybox", "127.0.0.1:5000"
TESTS = []


def test(fn):
    TESTS.append(fn)
    return fn


@test
def system():
    assert c.ping() and c.version()["ApiVersion"] == "1.51"
    info = c.info()
    assert info["OSType"] == "linux" and info["NCPU"] >= 1
    assert isinstance(c.df(), dict)


@test
def run_returns_output():
    assert c.containers.run(IMAGE, "echo hello", remove=True) == b"hello\n"
    assert c.containers.run(IMAGE, ["sh", "-c", "echo o; echo e >&2"], remove=True, stdout=True, stderr=False) == b"o\n"
    lines = list(c.containers.run(IMAGE, "seq 3", remove=True, stream=True))
    assert b"".join(lines) == b"1\n2\n3\n", lines


@test
def run_raises_on_failure():
    try:
        c.containers.run(IMAGE, ["sh", "-c", "echo why >&2; exit 9"], remove=True)
        assert False
    except ContainerError as e:
        assert e.exit_status == 9 and b"why" in e.stderr
    for command, error in (("nosuch", APIError),):
        try:
            c.containers.run(IMAGE, command, remove=True)
            assert False
        except error as e:
            assert "executable file not found" in str(e)


@test
def detached_life():
    x = c.containers.run(IMAGE, "sleep 1000", detach=True, name="py1", labels={"a": "b"}, environment={"K": "V"}, hostname="pyhost")
    x.reload()
    assert x.status == "running" and x.labels["a"] == "b" and x.id.startswith(x.short_id)
    assert [k.name for k in c.containers.list(filters={"label": "a=b"})] == ["py1"]
    x.pause(); x.reload(); assert x.status == "paused"
    x.unpause()
    assert x.top()["Processes"]
    x.rename("py2")
    assert c.containers.get("py2").id == x.id
    assert x.update(mem_limit=64 << 20, memswap_limit=128 << 20) is not None
    x.stop(timeout=0)
    assert x.wait()["StatusCode"] == 137
    x.start(); x.restart(timeout=0); x.kill()
    x.wait()
    x.remove()
    try:
        c.containers.get("py2")
        assert False
    except NotFound as e:
        assert "No such container" in str(e)


@test
def create_with_everything():
    x = c.containers.create(
        IMAGE, ["sh", "-c", "id -u; pwd; cat /etc/hosts; ulimit -n; cat /t/f 2>/dev/null; hostname"], user="app", working_dir="/tmp",
        extra_hosts={"db": "10.1.2.3"}, ulimits=[Ulimit(name="nofile", soft=99, hard=99)], cap_drop=["ALL"], cap_add=["CHOWN"], read_only=True,
        tmpfs={"/t": "size=1m"}, mem_limit="64m", pids_limit=30, shm_size="8m", dns=["9.9.9.9"], log_config=LogConfig(type="json-file", config={"max-size": "1m"}),
        mounts=[Mount("/v", "pyvol")], stop_signal="INT", security_opt=["no-new-privileges"], nano_cpus=500000000, init=True, sysctls={"net.ipv4.tcp_retries1": "5"},
        restart_policy={"Name": "on-failure", "MaximumRetryCount": 2}, hostname="everything")
    x.start()
    assert x.wait()["StatusCode"] == 0
    out = x.logs().decode()
    assert out.startswith("1000\n/tmp\n") and "10.1.2.3" in out and "\n99\n" in out and out.endswith("everything\n"), out
    x.remove()
    c.volumes.get("pyvol").remove()


@test
def logs():
    x = c.containers.run(IMAGE, ["sh", "-c", "for i in 1 2 3; do echo $i; sleep 0.1; done; echo e >&2"], detach=True)
    assert b"".join(x.logs(stream=True, follow=True)).startswith(b"1\n2\n3\n")
    assert x.logs(stdout=False) == b"e\n"
    assert x.logs(tail=1, stderr=False) == b"3\n"
    assert x.logs(timestamps=True, stderr=False).split(b" ")[0].endswith(b"Z")
    assert x.logs(since=int(time.time()) + 100) == b""
    x.remove()


@test
def exec_():
    x = c.containers.run(IMAGE, "sleep 1000", detach=True)
    r = x.exec_run("echo hi")
    assert r.exit_code == 0 and r.output == b"hi\n"
    assert x.exec_run("sh -c 'exit 5'").exit_code == 5
    assert x.exec_run(["sh", "-c", "echo o; echo e >&2"], demux=True).output == (b"o\n", b"e\n")
    assert x.exec_run("sh -c 'id -u; pwd; echo $K'", user="app", workdir="/etc", environment={"K": "V"}).output == b"1000\n/etc\nV\n"
    assert b"".join(x.exec_run("seq 1000", stream=True).output).count(b"\n") == 1000
    assert b"tty" in x.exec_run("sh -c 'echo tty'", tty=True).output
    code, sock = x.exec_run("cat", stdin=True, socket=True)
    sock._sock.sendall(b"through\n")
    sock._sock.shutdown(socket.SHUT_WR)
    data = b""
    while True:
        got = sock._sock.recv(4096)
        if not got:
            break
        data += got
    assert data[8:] == b"through\n", data
    x.remove(force=True)


@test
def attach():
    x = c.containers.create(IMAGE, ["sh", "-c", "read x; echo got $x"], stdin_open=True)
    s = x.attach_socket(params={"stdin": 1, "stdout": 1, "stream": 1})
    x.start()
    s._sock.sendall(b"word\n")
    data = b""
    while b"got word" not in data:
        got = s._sock.recv(4096)
        assert got, data
        data += got
    assert x.wait()["StatusCode"] == 0
    x.remove()
    y = c.containers.create(IMAGE, "seq 5")
    out = y.attach(stream=True, logs=False)
    y.start()
    assert b"".join(out) == b"1\n2\n3\n4\n5\n"
    y.remove()


@test
def events():
    since = int(time.time()) - 1
    seen = []
    stream = c.events(decode=True, filters={"type": "container", "label": "ev=1"})
    t = threading.Thread(target=lambda: seen.extend(e["Action"] for e in stream), daemon=True)
    t.start()  # it listens already: the answer's head has come
    c.containers.run(IMAGE, "true", remove=True, labels={"ev": "1"})
    end = time.time() + 5
    while "destroy" not in seen and time.time() < end:
        time.sleep(0.05)
    stream.close()
    assert [a for a in seen if a in ("create", "start", "die", "destroy")] == ["create", "start", "die", "destroy"], seen
    past = [e["Action"] for e in c.events(decode=True, since=since, until=int(time.time()) + 1, filters={"label": "ev=1"})]
    assert "create" in past and "destroy" in past, past


@test
def images():
    i = c.images.pull(REGISTRY + "/busybox", tag="latest")
    assert REGISTRY + "/busybox:latest" in i.tags and i.id.startswith("sha256:")
    assert i.tag("pytag", "v1")
    assert c.images.get("pytag:v1").id == i.id
    assert any("pytag:v1" in k.tags for k in c.images.list())
    assert c.images.list(name="pytag")[0].id == i.id
    assert i.history()
    c.images.remove("pytag:v1")
    for call in (lambda: c.images.get("nosuch:x"), lambda: c.images.pull(REGISTRY + "/nosuch")):
        try:
            call()
            assert False
        except (ImageNotFound, NotFound):
            pass
    lines = list(c.api.pull(REGISTRY + "/busybox", tag="latest", stream=True, decode=True))
    assert any("up to date" in k.get("status", "") for k in lines), lines


@test
def volumes():
    v = c.volumes.create("pyv", labels={"x": "y"})
    assert v.name == "pyv" and v.attrs["Labels"] == {"x": "y"} and v.attrs["Driver"] == "local"
    c.containers.run(IMAGE, "sh -c 'echo kept >/d/f'", remove=True, volumes={"pyv": {"bind": "/d", "mode": "rw"}})
    assert c.containers.run(IMAGE, "cat /d/f", remove=True, volumes={"pyv": {"bind": "/d", "mode": "ro"}}) == b"kept\n"
    assert [k.name for k in c.volumes.list(filters={"name": "pyv"})] == ["pyv"]
    v.remove()
    try:
        c.volumes.get("pyv")
        assert False
    except NotFound:
        pass


@test
def networks():
    names = [n.name for n in c.networks.list()]
    assert {"bridge", "host", "none"} <= set(names), names
    assert c.networks.get("bridge").attrs["IPAM"]["Config"]
    assert c.containers.run(IMAGE, "ls /sys/class/net", remove=True, network_mode="none") == b"lo\n"


@test
def ports():
    x = c.containers.run(IMAGE, ["sh", "-c", "while :; do echo served | nc -l -p 80; done"], detach=True, ports={"80/tcp": ("127.0.0.1", None)})
    x.reload()
    binding = x.attrs["NetworkSettings"]["Ports"]["80/tcp"][0]
    assert x.ports["80/tcp"][0]["HostPort"] == binding["HostPort"]
    end, data = time.time() + 5, b""
    while not data and time.time() < end:
        try:
            with socket.create_connection(("127.0.0.1", int(binding["HostPort"])), 2) as s:
                data = s.recv(100)
        except OSError:
            pass
        time.sleep(0.05)
    x.remove(force=True)
    assert data == b"served\n", data


@test
def prune():
    c.containers.create(IMAGE, "true", labels={"pr": "1"})
    assert len(c.containers.prune(filters={"label": "pr=1"})["ContainersDeleted"]) == 1


for fn in TESTS:
    try:
        fn()
        print("ok docker-py: " + fn.__name__.strip("_"), flush=True)
    except Exception:
        print("not ok docker-py: " + fn.__name__.strip("_"), flush=True)
        traceback.print_exc(file=sys.stdout)
    for k in c.containers.list(all=True):
        k.remove(force=True, v=True)
