# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
How late the status frames of ``gi3 sim`` come, without a live view and with one.

    . .venv/env.sh && python3 bench/terminal.py [--seconds 10] [--terminals stopped]

The terminal takes everything at once, little (as a line of 9600 bit/s does), or nothing at all;
somebody types. The frames are heard on a virtual bus of this machine. The controller's status is
due every 100 ms, and a charger takes the controller for dead after 200 ms (R1). The last column
says how long the command takes to end once nobody reads any more. Other work of the machine is in
the figures.
"""

import argparse
import fcntl
import itertools
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time

from gi3_ros.bus import Bus
from gi3_ros.core.interface.signals import AdvanticsControllerStatus
from gi3_ros.priority import raise_priority
from gi3_ros.tools.claim import claim

COMMAND = 'from gi3_ros.tools.main import main; main()'
READ_BYTES_PER_S = {'no view': 1e9, 'fast': 1e9, 'slow': 960, 'stopped': 0}
"""What the terminal takes; without a view it gets lines."""
SETTLE_S = 4.0
"""For the view to come up."""
KEYS_EVERY_S = 0.5


class Terminal:
    """The end of a pseudo-terminal where a person would be, who also types."""

    def __init__(self, descriptor, bytes_per_s):
        self._descriptor = descriptor
        self._bytes_per_s = bytes_per_s
        self._since_s = self._typed_s = time.monotonic()
        self._taken = 0

    def turn(self, *, has_keys):
        """Read as much as the line has carried, and type."""
        now_s = time.monotonic()
        room = int(self._bytes_per_s * (now_s - self._since_s)) - self._taken
        if room > 0 and select.select([self._descriptor], [], [], 0.0)[0]:
            self._taken += len(os.read(self._descriptor, min(room, 65536)))
        if has_keys and now_s - self._typed_s > KEYS_EVERY_S:
            self._typed_s = now_s
            os.write(self._descriptor, b'?')


def measured_s(kind, seconds, port):
    """Return the times between status frames, and how long the end took."""
    arguments = ['sim', '--port', str(port), '--plug-port', '0', '--no-sequence-flags']
    if kind != 'no view':
        arguments.append('--live')
    person, command_end = pty.openpty()
    fcntl.ioctl(person, termios.TIOCSWINSZ, struct.pack('HHHH', 40, 100, 0, 0))
    process = subprocess.Popen(
        [sys.executable, '-c', COMMAND, *arguments],
        stdin=command_end, stdout=command_end, stderr=command_end, start_new_session=True,
        env={**os.environ, 'TERM': 'xterm-256color'})
    os.close(command_end)
    bus = Bus('udp_multicast', port=port)
    arrivals_s, begun_s = [], time.monotonic()
    fast = Terminal(person, 1e9)
    slow = None
    try:
        while time.monotonic() - begun_s < SETTLE_S + seconds:
            heard = bus.receive(0.005)
            is_settled = time.monotonic() - begun_s > SETTLE_S
            if is_settled and slow is None:
                slow = Terminal(person, READ_BYTES_PER_S[kind])
            (slow or fast).turn(has_keys=is_settled and kind != 'no view')
            is_status = heard is not None and (
                heard[0].can_id & 0xFFFFF == AdvanticsControllerStatus.BASE_ID)
            if is_status and is_settled:
                arrivals_s.append(heard[1])
    finally:
        process.terminate()
        ended_s = time.monotonic()
        process.wait(20)
        took_s = time.monotonic() - ended_s
        bus.close()
        os.close(person)
    return [after - before for before, after in itertools.pairwise(arrivals_s)], took_s


def main():
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--seconds', type=float, default=10.0)
    parser.add_argument(
        '--terminals', nargs='+', default=list(READ_BYTES_PER_S), choices=READ_BYTES_PER_S)
    arguments = parser.parse_args()
    port = claim().can_port
    # As the simulator asks for it: who measures must not be late.
    raise_priority()
    print(f'{"terminal":10} {"frames":>7} {"longest gap":>12} {"end after":>10}')
    for kind in arguments.terminals:
        gaps, took_s = measured_s(kind, arguments.seconds, port)
        print(f'{kind:10} {len(gaps) + 1:7} {1e3 * max(gaps, default=float("nan")):9.0f} ms '
              f'{took_s:8.1f} s')


if __name__ == '__main__':
    main()
