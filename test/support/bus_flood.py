# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
Fill a udp_multicast bus with frames of pistol 1, as a controller that has gone wild does.

    python bus_flood.py PORT FRAMES_PER_S SECONDS
"""

import itertools
import socket
import sys
import time

import can
from can.interfaces.udp_multicast.utils import pack_message

from gi3_ros.bus import LOCAL_GROUP
from gi3_ros.core.interface import codec, signals

INDEX = 1
PER_BEAT = 20
VOLTAGE_V = 400.0
CURRENTS_A = 20.0, 24.0
"""Of the commands, in turn."""


def contents():
    """Yield what is sent in turn: what a controller says while it charges, two ways at once."""
    state = signals.AdvanticsControllerStatus.State
    commands = [signals.DcPowerControl(
        target_voltage=VOLTAGE_V, current_range_max=current_a, current_range_min=current_a,
        power_function=signals.DcPowerControl.PowerFunction.POWER_TRANSFER,
        output_contactors=signals.DcPowerControl.OutputContactors.CLOSE,
    ) for current_a in CURRENTS_A]
    others = [
        signals.AdvanticsControllerStatus(state.CHARGING), signals.EvInformationBattery(),
        signals.EvInformationVoltages(), signals.EvInformationChargeLimits(),
        signals.EvInformationDischargeLimits(), signals.AdmCoCui1Inputs(),
        signals.AdmCsSeccInputs()]
    mixed = [each for other in others for each in (*commands, other)]
    frames = [codec.encode(message, index=INDEX) for message in mixed]
    known = [(frame.can_id, frame.data) for frame in frames]
    for number in range(0x400, 0x800):
        yield from known
        # A number that the interface does not have, another one each time.
        yield 0x6B000 | INDEX << 24 | number, bytes(8)


def main(port, frames_per_s, seconds):
    packed = itertools.cycle([pack_message(can.Message(
        arbitration_id=can_id, data=data, is_extended_id=True)) for can_id, data in contents()])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as outlet:
        # It must never leave this machine.
        outlet.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 0)
        due_s = began_s = time.monotonic()
        for _ in range(round(frames_per_s * seconds / PER_BEAT)):
            for datagram in itertools.islice(packed, PER_BEAT):
                outlet.sendto(datagram, (LOCAL_GROUP, port))
            due_s += PER_BEAT / frames_per_s
            time.sleep(max(0.0, due_s - time.monotonic()))
    print(f'{frames_per_s * seconds / (time.monotonic() - began_s):.0f} frames a second')


if __name__ == '__main__':
    main(int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3]))
