"""People at terminals: each case is a client (docker or berth) on a pty of its own.

usage: terminal.py CLIENT ENGINE_PID_FILE CASE…|all     prints ok/not ok lines
The engine is started again by the caller after a case that kills it (engine_killed).
"""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time

client, engine_pid_file = sys.argv[1:3]
name = os.path.basename(client)
CASES = []


def case(fn):
    CASES.append(fn)
    return fn


class Terminal:
    """A pty, a client on it, what was shown so far."""

    def __init__(self, *args, rows=24, columns=80):
        self.master, slave = pty.openpty()
        self.slave = slave
        self.size(rows, columns)
        self.before = termios.tcgetattr(slave)
        self.shown = b""

        def child():
            os.setsid()
            fcntl.ioctl(slave, termios.TIOCSCTTY, 0)

        self.p = subprocess.Popen([client] + list(args), stdin=slave, stdout=slave, stderr=slave,
                                  preexec_fn=child)

    def size(self, rows, columns):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, text):
        os.write(self.master, text if isinstance(text, bytes) else text.encode())

    def pump(self, seconds=0.05):
        if select.select([self.master], [], [], seconds)[0]:
            self.shown += os.read(self.master, 65536)

    def see(self, pattern, seconds=40):
        """Waits for the pattern after what was seen before; returns what it matched."""
        end = time.time() + seconds
        while time.time() < end:
            m = re.search(pattern.encode(), self.shown, re.S)
            if m:
                self.shown = self.shown[m.end():]
                return m.group(0).decode(errors="replace")
            self.pump()
        raise AssertionError("not shown: %s; shown: %r" % (pattern, self.shown[-500:]))

    def prompt(self):
        return self.see(r"# (\x1b\[6n)?")

    def wait(self, seconds=40):
        end = time.time() + seconds
        while self.p.poll() is None:
            assert time.time() < end, "the client does not end; shown: %r" % self.shown[-500:]
            self.pump()
        while select.select([self.master], [], [], 0.05)[0]:
            self.pump()
        return self.p.returncode

    def attached(self):
        """The client has the terminal: what is typed goes to it as it is."""
        poll(lambda: not termios.tcgetattr(self.slave)[3] & termios.ICANON)

    def restored(self):
        now = termios.tcgetattr(self.slave)
        assert now == self.before, "the terminal is not as before: %r %r" % (self.before, now)

    def close(self):
        if self.p.poll() is None:
            self.p.kill()
            self.p.wait()
        os.close(self.master)
        os.close(self.slave)


def out(*args, stdin=b"", code=0):
    p = subprocess.run([client] + list(args), input=stdin, capture_output=True, timeout=30)
    assert p.returncode == code, "%s: code %d: %s" % (args, p.returncode, p.stderr.decode())
    return p.stdout


def state(container):
    return out("inspect", "--format", "{{.State.Status}} {{.State.ExitCode}}", container).decode().split()


def poll(fn, seconds=40):
    end = time.time() + seconds
    while not fn():
        assert time.time() < end, "did not become true"
        time.sleep(0.05)


def stays(fn, seconds):
    end = time.time() + seconds
    while time.time() < end:
        assert fn(), "did not stay"
        time.sleep(0.05)


def processes(container, command):
    return command in out("top", container).decode()


def sees_size(t, size):
    """The new size comes a moment after the signal."""
    t.type("stty size\r")
    seen = t.see(r"[0-9]+ [0-9]+\r\n")
    t.prompt()
    return re.match(size, seen)


@case
def window_size_is_seen_inside():
    t = Terminal("run", "--rm", "-it", "busybox", "sh", rows=31, columns=97)
    t.prompt()
    t.type("stty size\r")
    t.see(r"31 97\r\n")
    t.prompt()
    t.size(45, 123)
    poll(lambda: sees_size(t, r"45 123\r\n"))
    t.type("exit 7\r")
    assert t.wait() == 7
    t.restored()


@case
def first_size_is_there_from_the_start():
    for n in range(3):
        t = Terminal("run", "--rm", "-it", "busybox", "sh", "-c", "sleep 0.2; stty size", rows=33, columns=66)
        t.see(r"33 66\r\n")
        assert t.wait() == 0


@case
def detach_and_attach_again():
    t = Terminal("run", "--name", "det", "-it", "busybox", "sh")
    t.prompt()
    t.type("X=kept\r")
    t.prompt()
    t.type(b"\x10")
    time.sleep(0.1)  # two packets
    t.type(b"\x11")
    assert t.wait() == 0
    t.restored()
    assert state("det")[0] == "running"
    t = Terminal("attach", "det")
    t.attached()
    t.type("echo $X-$((40+2))\r")
    t.see("kept-42")
    t.type("exit 3\r")
    assert t.wait() == 3, t.p.returncode
    t.restored()
    out("rm", "det")


@case
def detach_keys_of_ones_own():
    t = Terminal("run", "--name", "own", "--detach-keys", "ctrl-a,x", "-it", "busybox", "sh")
    t.prompt()
    t.type(b"\x10\x11")  # the default ones do nothing now
    t.type(b"echo s\x01till-here\r")
    t.prompt()
    t.type(b"\x01x")
    assert t.wait() == 0
    t.restored()
    assert state("own")[0] == "running"
    out("rm", "-f", "own")


@case
def what_is_typed_before_the_detach_keys_arrives():
    t = Terminal("run", "--name", "typed", "-it", "busybox", "sh")
    t.prompt()
    t.type(b"echo early >/typed\r\x10\x11")  # one packet
    assert t.wait() == 0
    t.restored()
    assert state("typed")[0] == "running"
    out("exec", "typed", "sh", "-c", "for i in $(seq 200); do [ ! -s /typed ] || exit 0; usleep 50000; done; exit 1")
    out("rm", "-f", "typed")


@case
def held_detach_key_is_passed_on():
    t = Terminal("run", "--rm", "-it", "busybox", "cat")
    t.attached()
    t.type(b"a\x10b\r")
    t.see(r"a\^Pb")
    t.type(b"\x04")
    assert t.wait() == 0


@case
def ctrl_c_is_proxied_without_a_tty():
    t = Terminal("run", "--rm", "busybox", "sh", "-c",
                 'trap "echo got-int; exit 5" INT; echo ready; while :; do sleep 0.05; done')
    t.see("ready")
    t.type(b"\x03")
    t.see("got-int")
    assert t.wait() == 5
    t.restored()


@case
def signals_are_proxied_or_not():
    run = ["busybox", "sh", "-c", 'trap "echo got-usr1" USR1; echo ready; while :; do sleep 0.05; done']
    t = Terminal("run", "--rm", "--name", "sig", *run)
    t.see("ready")
    t.p.send_signal(signal.SIGUSR1)
    t.see("got-usr1")
    t.p.send_signal(signal.SIGTERM)  # pid 1 has no handler: it stays
    stays(lambda: state("sig")[0] == "running", 0.3)
    out("kill", "sig")
    assert t.wait() == 137
    if name == "docker":  # its client takes the first Ctrl-C for itself
        return
    t = Terminal("run", "--name", "nosig", "--sig-proxy=false", *run)
    t.see("ready")
    t.type(b"\x03")
    assert t.wait() in (130, -signal.SIGINT, 1), t.p.returncode
    t.restored()
    assert state("nosig")[0] == "running"
    out("rm", "-f", "nosig")


@case
def ctrl_c_and_z_go_inside_with_a_tty():
    t = Terminal("run", "--rm", "-it", "--name", "keys", "busybox", "sh")
    t.prompt()
    t.type("sleep 100\r")
    poll(lambda: processes("keys", "sleep 100"))
    t.type(b"\x1a")
    t.see("Stopped")
    t.prompt()
    t.type("fg\r")
    t.see(r"fg\r\nsleep 100\r\n")
    t.type(b"\x03")
    t.prompt()
    t.type("echo alive-$((1+1))\r")
    t.see("alive-2")
    t.type(b"\x04")
    t.wait()
    t.restored()


@case
def restored_after_sigterm():
    if name == "docker":  # its client stays raw, or goes on
        return
    out("run", "-dit", "--name", "term", "busybox", "sh")
    for args in (("attach", "term"), ("exec", "-it", "term", "sh"),
                 ("run", "--name", "term2", "--sig-proxy=false", "-it", "busybox", "sh")):
        t = Terminal(*args)
        t.attached()
        t.p.send_signal(signal.SIGTERM)
        code = t.wait()
        assert code in (143, -signal.SIGTERM), (args, code)
        t.restored()
        t.close()
    assert state("term")[0] == "running"
    out("rm", "-f", "term", "term2")


@case
def restored_after_errors():
    for args, code in ((("run", "--rm", "-it", "busybox", "nosuch"), 127),
                       (("run", "--rm", "-it", "--network", "nosuch", "busybox", "sh"), 125),
                       (("exec", "-it", "nosuch", "sh"), 1),
                       (("attach", "nosuch"), 1)):
        t = Terminal(*args)
        assert t.wait() == code, (args, t.p.returncode, t.shown)
        t.restored()


@case
def logs_follow_until_ctrl_c():
    out("run", "-d", "--name", "fol", "busybox", "sh", "-c", "while :; do echo tick; sleep 0.1; done")
    t = Terminal("logs", "-f", "fol")
    t.see("tick")
    t.type(b"\x03")
    code = t.wait()
    assert code in (130, -signal.SIGINT), code
    t.restored()
    started = time.time()
    p = subprocess.run(["bash", "-c", '"$0" logs -f fol | head -1', client], capture_output=True, timeout=10)
    assert p.stdout == b"tick\n" and p.stderr in (b"", b"write /dev/stdout: broken pipe\n"), p
    assert time.time() - started < 5
    out("rm", "-f", "fol")


@case
def exec_vi():
    out("run", "-d", "--name", "vi", "busybox", "sleep", "1000")
    t = Terminal("exec", "-it", "vi", "vi", "/note", rows=20, columns=70)
    t.see(r"~.*note")
    t.type("i")
    t.type("hällo wörld")
    t.type(b"\x1b")
    time.sleep(0.3)  # by the time that passes vi tells Escape from the begin of a key
    t.type(":wq\r")
    assert t.wait() == 0
    t.restored()
    assert out("exec", "vi", "cat", "/note").decode() == "hällo wörld\n"
    t = Terminal("exec", "-it", "vi", "top")
    t.see("Mem:.*PID.*top")
    t.type("q")
    assert t.wait() == 0
    t.restored()
    t = Terminal("exec", "-it", "vi", "sh")  # detach: the command goes on
    t.prompt()
    t.type("sleep 1234\r")
    poll(lambda: processes("vi", "sleep 1234"))
    t.type(b"\x10\x11")
    t.wait()
    t.restored()
    assert "sleep 1234" in out("top", "vi").decode()
    out("rm", "-f", "vi")


@case
def two_terminals_at_once():
    out("run", "-dit", "--name", "two", "busybox", "sh")
    one, two = Terminal("attach", "two"), Terminal("attach", "two")
    one.attached()
    two.attached()
    one.type("echo from-$((1+0))\r")
    one.see("from-1")
    two.see("from-1")
    two.type("echo from-$((1+1))\r")
    one.see("from-2")
    two.see("from-2")
    one.type(b"\x10\x11")
    assert one.wait() == (1 if name == "docker" else 0)  # "read escape sequence"
    two.type("echo still; exit 4\r")
    two.see("still\r\n")
    assert two.wait() == 4, two.p.returncode
    one.restored()
    two.restored()
    out("rm", "two")


@case
def engine_killed():
    t = Terminal("run", "--name", "ek", "-it", "busybox", "sh")
    t.prompt()
    with open(engine_pid_file) as f:
        os.kill(int(f.read()), signal.SIGKILL)
    assert t.wait() != 0, t.shown
    t.restored()


@case
def engine_back():
    t = Terminal("attach", "ek")
    t.attached()
    t.type("echo back-$((6*7))\r")
    t.see("back-42")
    t.type("exit\r")
    assert t.wait() == 0
    t.restored()
    out("rm", "ek")


@case
def bytes_through_pipes():
    data = os.urandom(5 << 20)
    assert out("run", "--rm", "-i", "busybox", "cat", stdin=data) == data
    out("run", "-d", "--name", "pipe", "busybox", "sleep", "1000")
    assert out("exec", "-i", "pipe", "cat", stdin=data) == data
    assert out("exec", "-i", "pipe", "head", "-c", "3", stdin=data) == data[:3]  # reads no more
    assert out("exec", "pipe", "cat", stdin=b"x") == b""
    p = subprocess.run(["bash", "-c", 'echo x | "$0" run --rm -i busybox cat | wc -c', client], capture_output=True)
    assert p.stdout.strip() == b"2", p
    p = subprocess.run(["bash", "-c", '"$0" run --rm -i busybox cat < /etc/passwd | cmp - /etc/passwd', client])
    assert p.returncode == 0
    p = subprocess.run(["bash", "-c", '"$0" exec pipe yes | head -1', client], capture_output=True, timeout=20)
    assert p.stdout == b"y\n", p
    p = subprocess.run(["bash", "-c", '"$0" run --rm busybox echo x >&-', client], capture_output=True, timeout=20)
    out("rm", "-f", "pipe")


@case
def characters_over_borders():
    text = "".join(chr(0x4e00 + i % 5000) for i in range(60000))
    data = ("x" + text + "\n").encode()  # three bytes each, off by one from every power of two
    out("run", "--name", "utf", "-i", "busybox", "cat", stdin=data)
    assert out("logs", "utf") == data
    out("rm", "utf")


@case
def closed_and_full_stdio():
    def shell(line):
        p = subprocess.run(["bash", "-c", line, client], capture_output=True, timeout=10)
        return p.returncode, p.stdout, p.stderr

    assert shell('"$0" run --rm -i busybox cat <&-')[0] == 0
    assert shell('"$0" run --rm busybox sh -c "echo x; exit 3" >&-')[0] == 3
    out("run", "-d", "--name", "quiet", "busybox", "sh", "-c", "echo one; sleep 1000")
    code, _, err = shell('"$0" logs quiet >/dev/full')
    assert code == 1 and b"no space left on device" in err, (code, err)
    if name != "docker":  # which waits for the next line
        assert shell('"$0" logs -f quiet | head -1') == (0, b"one\n", b"")
        code, _, err = shell('"$0" ps >/dev/full')
        assert code == 1 and b"no space left on device" in err, (code, err)
    out("rm", "-f", "quiet")


@case
def nothing_needs_a_terminal():
    p = subprocess.run([client, "run", "--rm", "-it", "busybox", "true"], stdin=subprocess.DEVNULL,
                       capture_output=True)
    assert p.returncode == 1 and b"the input device is not a TTY" in p.stderr, p
    assert out("run", "--rm", "-t", "busybox", "echo", "x") == b"x\r\n"
    assert b"/dev/pts/0" in out("run", "--rm", "-t", "busybox", "tty")


failed = 0
for fn in CASES:
    if sys.argv[3:] not in (["all"],) and fn.__name__ not in sys.argv[3:]:
        continue
    if sys.argv[3:] == ["all"] and fn.__name__.startswith("engine_"):
        continue
    try:
        fn()
        print("ok %s: %s" % (name, fn.__name__), flush=True)
    except Exception as e:
        failed += 1
        print("not ok %s: %s # line %s: %s" % (name, fn.__name__, sys.exc_info()[2].tb_next and sys.exc_info()[2].tb_next.tb_lineno, str(e)[:700]), flush=True)
sys.exit(failed != 0)
