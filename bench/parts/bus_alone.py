# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
Take frames from a bus and do nothing with them, as a process: ``bus_alone.py PORT``.

What a gateway cannot save, whatever it does with a frame.
"""

import sys

from gi3_ros.bus import open_bus


def main(port):
    """Receive for ever."""
    bus = open_bus('udp_multicast', port=port)
    print('up', flush=True)
    while True:
        bus.recv(1.0)


if __name__ == '__main__':
    main(int(sys.argv[1]))
