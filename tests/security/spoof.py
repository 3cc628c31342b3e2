# SPDX-License-Identifier: Apache-2.0
# What root in a container with every capability can send: forged frames out of the container's
# interface, each followed by an honest one, and what of them another container (or the bridge of
# the host) gets to see.    spoof.py ATTACKER_PID VICTIM_PID OTHER_PID BRIDGE
# The victim's side is told apart by a number in each frame. Prints one line a frame: NAME seen|lost.
import ctypes, os, re, socket, struct, subprocess, sys

attacker, victim, other = (int(p) for p in sys.argv[1:4])
bridge = sys.argv[4]
libc = ctypes.CDLL(None, use_errno=True)


def enter(pid):
    fd = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY)
    assert libc.setns(fd, 0x40000000) == 0
    os.close(fd)


HOME = os.getpid()


def raw(pid, ifname):
    home = os.open(f"/proc/{HOME}/task/{HOME}/ns/net", os.O_RDONLY)
    if pid:
        enter(pid)
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    s.bind((ifname, 0))
    text = subprocess.run(["ip", "addr", "show", "dev", ifname], capture_output=True, text=True).stdout
    libc.setns(home, 0x40000000)
    os.close(home)
    s.settimeout(5)
    mac = bytes.fromhex(re.search(r"link/ether (\S+)", text)[1].replace(":", ""))
    v4 = re.search(r"inet (\S+)/", text)[1]
    v6 = [a for a in re.findall(r"inet6 (\S+)/", text)]
    return s, mac, v4, next(a for a in v6 if not a.startswith("fe80")), next(a for a in v6 if a.startswith("fe80"))


def checksum(b):
    b += b"\0" * (len(b) % 2)
    s = sum(struct.unpack(f"!{len(b) // 2}H", b))
    s = (s >> 16) + (s & 0xFFFF)
    return ~(s + (s >> 16)) & 0xFFFF


def p4(a):
    return socket.inet_pton(socket.AF_INET, a)


def p6(a):
    return socket.inet_pton(socket.AF_INET6, a)


def eth(dst, src, kind, body, tag=b""):
    return dst + src + tag + struct.pack("!H", kind) + body


def ip4(src, dst, proto, body):
    h = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(body), 0, 0, 64, proto, 0, p4(src), p4(dst))
    return h[:10] + struct.pack("!H", checksum(h)) + h[12:] + body


def udp(mark):
    return struct.pack("!HHHH", 53, 5353, 8 + len(mark), 0) + mark


def arp(op, sha, spa, tha, tpa):
    return struct.pack("!HHBBH", 1, 0x800, 6, 4, op) + sha + p4(spa) + tha + p4(tpa)


def ip6(src, dst, proto, body, hops=255):
    return struct.pack("!IHBB", 6 << 28, len(body), proto, hops) + p6(src) + p6(dst) + body


def icmp6(src, dst, kind, body):
    pseudo = p6(src) + p6(dst) + struct.pack("!II", 4 + len(body), 58)
    c = checksum(pseudo + struct.pack("!BBH", kind, 0, 0) + body)
    return ip6(src, dst, 58, struct.pack("!BBH", kind, 0, c) + body)


def hop_by_hop(packet):  # the same behind an extension header
    return packet[:4] + struct.pack("!HB", len(packet) - 40 + 8, 0) + packet[7:40] + bytes([58, 0, 1, 4, 0, 0, 0, 0]) + packet[40:]


a, a_mac, a4, a6, a_ll = raw(attacker, "eth0")
v, v_mac, v4, v6, v_ll = raw(victim, "eth0")
o, o_mac, o4, o6, o_ll = raw(other, "eth0")
h, g_mac, g4, g6, g_ll = raw(0, bridge)


def option(m):  # of neighbour discovery, unknown to all; what follows the packet is cut off by bridges
    m += b"\0" * (-(len(m) + 2) % 8)
    return bytes([253, (len(m) + 2) // 8]) + m


def na(target, mac, m):
    return struct.pack("!I", 0x60000000) + p6(target) + b"\2\1" + mac + option(m)


def redirect4(m):
    b = struct.pack("!BBH4s", 5, 1, 0, p4(a4)) + ip4(v4, "8.8.8.8", 17, udp(m))
    return b[:2] + struct.pack("!H", checksum(b)) + b[4:]


ra = struct.pack("!BBHII", 64, 0, 1800, 0, 0) + b"\1\1" + a_mac
redirect = b"\0" * 4 + p6(a_ll) + p6("2001:db8::1")

# name, honest?, source MAC, type, body (a function of the mark), tag
frames = [
    ("own IPv4", True, a_mac, 0x800, lambda m: ip4(a4, v4, 17, udp(m))),
    ("own IPv6", True, a_mac, 0x86DD, lambda m: ip6(a6, v6, 17, udp(m))),
    ("own link-local", True, a_mac, 0x86DD, lambda m: ip6(a_ll, v_ll, 17, udp(m))),
    ("own ARP", True, a_mac, 0x806, lambda m: arp(2, a_mac, a4, v_mac, v4) + m),
    ("own, behind an option", True, a_mac, 0x86DD, lambda m: hop_by_hop(icmp6(a6, v6, 136, na(a6, a_mac, m)))),
    ("own neighbour advertisement", True, a_mac, 0x86DD, lambda m: icmp6(a6, v6, 136, na(a6, a_mac, m))),
    ("another's IPv4", False, a_mac, 0x800, lambda m: ip4(o4, v4, 17, udp(m))),
    ("another's IPv4 and MAC", False, o_mac, 0x800, lambda m: ip4(o4, v4, 17, udp(m))),
    ("another's MAC", False, o_mac, 0x800, lambda m: ip4(a4, v4, 17, udp(m))),
    ("the gateway's IPv4", False, a_mac, 0x800, lambda m: ip4(g4, v4, 17, udp(m))),
    ("the gateway's IPv4 and MAC", False, g_mac, 0x800, lambda m: ip4(g4, v4, 17, udp(m))),
    ("IPv4 from outside the subnet", False, a_mac, 0x800, lambda m: ip4("192.0.2.53", v4, 17, udp(m))),
    ("IPv4 from nowhere", False, a_mac, 0x800, lambda m: ip4("0.0.0.0", v4, 17, udp(m))),
    ("a redirect", False, a_mac, 0x800, lambda m: ip4(a4, v4, 1, redirect4(m))),
    ("ARP: another's", False, a_mac, 0x806, lambda m: arp(2, a_mac, o4, v_mac, v4) + m),
    ("ARP: the gateway's", False, a_mac, 0x806, lambda m: arp(2, a_mac, g4, v_mac, v4) + m),
    ("ARP: the gateway's, gratuitous", False, a_mac, 0x806, lambda m: arp(1, a_mac, g4, b"\0" * 6, g4) + m),
    ("ARP: another's, asking", False, a_mac, 0x806, lambda m: arp(1, a_mac, o4, b"\0" * 6, v4) + m),
    ("ARP: own, another's MAC inside", False, a_mac, 0x806, lambda m: arp(2, o_mac, a4, v_mac, v4) + m),
    ("ARP: another's with its MAC", False, o_mac, 0x806, lambda m: arp(2, o_mac, o4, v_mac, v4) + m),
    ("another's IPv6", False, a_mac, 0x86DD, lambda m: ip6(o6, v6, 17, udp(m))),
    ("another's IPv6 and MAC", False, o_mac, 0x86DD, lambda m: ip6(o6, v6, 17, udp(m))),
    ("another's link-local", False, a_mac, 0x86DD, lambda m: ip6(o_ll, v_ll, 17, udp(m))),
    ("the gateway's IPv6", False, a_mac, 0x86DD, lambda m: ip6(g6, v6, 17, udp(m))),
    ("IPv6 from outside the subnet", False, a_mac, 0x86DD, lambda m: ip6("2001:db8:53::1", v6, 17, udp(m))),
    ("neighbour advertisement: another's", False, a_mac, 0x86DD, lambda m: icmp6(a6, v6, 136, na(o6, a_mac, m))),
    ("neighbour advertisement: the gateway's", False, a_mac, 0x86DD, lambda m: icmp6(a6, v6, 136, na(g6, a_mac, m))),
    ("neighbour advertisement: fe80::1", False, a_mac, 0x86DD, lambda m: icmp6(a_ll, v_ll, 136, na(g_ll, a_mac, m))),
    ("the same behind an option", False, a_mac, 0x86DD, lambda m: hop_by_hop(icmp6(a6, v6, 136, na(o6, a_mac, m)))),
    ("router advertisement", False, a_mac, 0x86DD, lambda m: icmp6(a_ll, "ff02::1", 134, ra + option(m))),
    ("router advertisement, the gateway's", False, a_mac, 0x86DD, lambda m: icmp6(g_ll, "ff02::1", 134, ra + option(m))),
    ("IPv6 redirect", False, a_mac, 0x86DD, lambda m: icmp6(a_ll, v6, 137, redirect + option(m))),
    ("another's IPv4 behind tag 0", False, a_mac, 0x800, lambda m: ip4(o4, v4, 17, udp(m)), struct.pack("!HH", 0x8100, 0)),
    ("another's IPv4 behind two tags", False, a_mac, 0x800, lambda m: ip4(o4, v4, 17, udp(m)), struct.pack("!HHHH", 0x88A8, 0, 0x8100, 0)),
]


def seen(sock, mark, end):
    """Whether mark came before end, which comes."""
    found = False
    while True:
        frame = sock.recv(4096)
        if mark in frame:
            found = True
        if end in frame:
            return found


failed = False
for where, sock, to in (("the victim", v, v_mac), ("the host", h, g_mac)):
    for i, (name, honest, src, kind, body, *tag) in enumerate(frames):
        mark, end = f"<{os.getpid()}.{where}.{i}>".encode(), f"[{os.getpid()}.{where}.{i}]".encode()
        a.send(eth(to, src, kind, body(mark), *tag))
        a.send(eth(to, a_mac, 0x800, ip4(a4, v4 if where == "the victim" else g4, 17, udp(end))))
        try:
            got = seen(sock, mark, end)
        except TimeoutError:
            print(f"{where}: {name}: not even what is honest came")
            failed = True
            continue
        if got != honest:
            failed = True
            print(f"{where}: {name}: {'seen' if got else 'lost'}")
print("done")
sys.exit(failed)
