# SPDX-License-Identifier: Apache-2.0
"""keeper_unhold.py EXEC_ROOT KEY: as an engine that the keeper hands its things to, lets go of the
sockets held under KEY. Only while no engine is connected."""
import socket
import struct
import sys

KM_HELLO, KM_UNHOLD, KM_ENTRIES_END, VERSION = 1, 6, 66, 2

keeper = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
keeper.connect(sys.argv[1] + "/keeper.sock")
keeper.send(struct.pack("<IIQII64s", KM_HELLO, 88, 1, VERSION, 0, b""))
while struct.unpack("<I", keeper.recv(1024)[:4])[0] != KM_ENTRIES_END:
    pass
keeper.send(struct.pack("<IIQiI160s", KM_UNHOLD, 184, 2, 0, 0, sys.argv[2].encode()))
