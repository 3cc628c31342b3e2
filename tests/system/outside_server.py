"""For outside.sh, inside a container's network namespace: answers TCP and UDP on PORT with the
address of the asker."""
import socket, sys, threading

port = int(sys.argv[1])
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.bind(("0.0.0.0", port))
tcp = socket.create_server(("0.0.0.0", port))


def serve_udp():
    while True:
        _, who = udp.recvfrom(2048)
        udp.sendto(who[0].encode() + b"\n", who)


threading.Thread(target=serve_udp, daemon=True).start()
while True:
    s, who = tcp.accept()
    s.sendall(who[0].encode() + b"\n")
    s.close()
