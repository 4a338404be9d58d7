# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
Other traffic of a full bus, as a process: ``foreign_frames.py PORT FRAMES_PER_S``.

Packed once and sent with a socket of its own: the sender must not be what makes the machine busy.
Every second it prints how many frames it has sent.
"""

import socket
import sys
import time

import can
from can.interfaces.udp_multicast.utils import pack_message

from gi3_ros.bus import LOCAL_GROUP

FOREIGN_ID = 0x18FF50E5
"""Of a charger for on-board batteries, say; nothing of the Generic Interface."""
STEP_S = 0.002


def main(port, frames_per_s):
    """Send for ever."""
    frame = pack_message(can.Message(arbitration_id=FOREIGN_ID, data=bytes(8)))
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    # They must not leave the machine.
    sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 0)
    count, began_s, told_s = 0, time.monotonic(), 0.0
    while True:
        elapsed_s = time.monotonic() - began_s
        while count < elapsed_s * frames_per_s:
            sender.sendto(frame, (LOCAL_GROUP, port))
            count += 1
        if elapsed_s - told_s >= 1.0:
            told_s = elapsed_s
            print(f'sent {count} in {elapsed_s:.3f} s', flush=True)
        time.sleep(STEP_S)


if __name__ == '__main__':
    main(int(sys.argv[1]), float(sys.argv[2]))
