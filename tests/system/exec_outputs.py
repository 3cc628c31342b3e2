"""usage: exec_outputs.py SOCKET CONTAINER ROUNDS THREADS    prints TAP

Short execs, many at a time, by raw sockets without an upgrade, with one, and as HTTP/1.0: what the
command says is there, whole, and the stream ends. A part of the clients reads as docker-py and
ansible do: the head with a buffer, and late; then the stream from the socket, without the buffer.
"""
import json
import socket
import sys
import threading
import time

SOCKET, CONTAINER, ROUNDS, THREADS = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
WAYS = {
    "no upgrade": "POST /exec/%s/start HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
    "closing": "POST /exec/%s/start HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
    "upgrade": "POST /exec/%s/start HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Type: application/json\r\n"
               "Content-Length: %d\r\n\r\n%s",
    "HTTP/1.0": "POST /exec/%s/start HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
}
COMMANDS = ((["id", "-u"], b"0\n", b""), (["sh", "-c", "id -u; id -g"], b"0\n0\n", b""), (["sh", "-c", "echo out; echo err >&2"], b"out\n", b"err\n"),
            (["true"], b"", b""))
wrong, lock = [], threading.Lock()
left = [ROUNDS]


def ask(text, is_late=False):
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(60)
        s.connect(SOCKET)
        s.sendall(text.encode())
        answer = b""
        if is_late:
            time.sleep(0.03)  # a process that had no turn: the command has ended by now
            answer = s.recv(8192).partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
        while True:
            part = s.recv(65536)
            if not part:
                return answer
            answer += part


def frames(body):
    said = {1: b"", 2: b""}
    while body:
        size = int.from_bytes(body[4:8], "big")
        said[body[0]] += body[8:8 + size]
        body = body[8 + size:]
    return said[1], said[2]


def one(way, is_late, command, out, err):
    body = json.dumps({"Cmd": command, "AttachStdout": True, "AttachStderr": True})
    made = ask("POST /containers/%s/exec HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (CONTAINER, len(body), body))
    body = json.dumps({"Tty": False, "Detach": False})
    answer = ask(WAYS[way] % (json.loads(made.split(b"\r\n\r\n", 1)[1])["Id"], len(body), body), is_late)
    head, _, body = answer.partition(b"\r\n\r\n")
    try:
        good = frames(body) == (out, err)
    except (KeyError, IndexError):
        good = False
    return None if good else "%s%s %s: %r %r" % (way, ", read late" if is_late else "", command, head, body)


def worker(n):
    while True:
        with lock:
            if left[0] == 0:
                return
            left[0] -= 1
            i = left[0]
        try:
            odd = one(list(WAYS)[i % len(WAYS)], i // 16 % 8 == 0, *COMMANDS[(i // len(WAYS)) % len(COMMANDS)])
        except Exception as e:  # a socket that ends, an answer that is none
            odd = "%s: %s" % (type(e).__name__, e)
        if odd:
            with lock:
                wrong.append(odd)


threads = [threading.Thread(target=worker, args=(n,)) for n in range(THREADS)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print("%sok 1 - %d short execs, %d at a time: all that they say arrives" % ("not " if wrong else "", ROUNDS, THREADS))
for line in wrong[:10]:
    print("# %s" % line[:500])
print("# %d of %d are wrong" % (len(wrong), ROUNDS))
sys.exit(bool(wrong))
