# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
How long an hour of one pistol takes to read, to audit and to report, and how much memory.

    python3 bench/logs.py [--minutes 60] [--repeat 5]

Simulated traffic of one long charge, about 80 frames a second in both directions. Every figure
is of a process of its own; the ratios are to reading and decoding alone, in the same run, the
best of several. Memory is the peak of each process, for the whole log and for a quarter of it.
"""

import argparse
import dataclasses
import json
import pathlib
import subprocess
import sys
import tempfile

from gi3_ros.core.interface import codec
from gi3_ros.core.interface.signals import (
    AdvanticsControllerStatus,
    EvInformationBattery,
    EvInformationChargeLimits,
    EvInformationDischargeLimits,
    EvInformationVoltages,
)
from gi3_ros.sim.link import Link
from gi3_ros.sim.vehicle_config import VehicleConfig

BEGIN_S = 1_790_000_000.0
CHUNK_S = 60.0
INFORMATION = (
    EvInformationBattery(76000.0, 47.0), EvInformationVoltages(200.0, 450.0),
    EvInformationChargeLimits(0.0, 120.0, 0.0, 60000.0), EvInformationDischargeLimits(),
)
"""What the controller repeats in each loop of the charge (R49)."""
WAYS = ('decode', 'batches', 'audit', 'report')
"""Reading and decoding frame by frame, and as the commands do it, in batches."""


def traffic():
    """Return a session in three parts: until the charge runs, a minute of it, and the end."""
    link = Link(vehicle_config=VehicleConfig(charge_duration_s=2 * CHUNK_S))
    link.run(2.0)
    link.simulator.vehicle.plug_in()
    while not link.simulator.sessions:
        link.step()
    link.run(3.0)
    start_s = next(time_s for time_s, frame in link.frames if _is_charging(frame)) + CHUNK_S / 2
    return (
        [each for each in link.frames if each[0] < start_s],
        [(time_s - start_s, frame) for time_s, frame in link.frames
         if start_s <= time_s < start_s + CHUNK_S],
        [(time_s - start_s - CHUNK_S, frame) for time_s, frame in link.frames
         if time_s >= start_s + CHUNK_S],
    ), start_s


def _is_charging(frame):
    return codec.decode(frame).message == AdvanticsControllerStatus(
        AdvanticsControllerStatus.State.CHARGING)


def write(path, minutes):
    """Write the log as candump does; return the number of frames and of seconds."""
    (begin, charge, end), begin_s = traffic()
    information = [codec.encode(message, index=1) for message in INFORMATION]
    # Sorted in: with each command of the charge comes what the vehicle tells.
    busy = sorted(
        charge + [(step / 10 + 0.005, frame) for step in range(round(10 * CHUNK_S))
                  for frame in information],
        key=lambda each: each[0])
    count = last_s = 0
    with path.open('w') as file:
        parts = [(0.0, begin)]
        parts += [(begin_s + CHUNK_S * minute, busy) for minute in range(minutes)]
        parts += [(begin_s + CHUNK_S * minutes, end)]
        for offset_s, frames in parts:
            for time_s, frame in frames:
                last_s = offset_s + time_s
                file.write(f'({BEGIN_S + last_s:.6f}) can0 {frame.can_id:08X}#'
                           f'{frame.data.hex().upper()}\n')
            count += len(frames)
    return count, last_s


WORKER = """
import contextlib, json, pathlib, resource, sys, time
way, path, out = sys.argv[1:]
from gi3_ros.core.interface import codec
from gi3_ros.logs.audit import audit
from gi3_ros.logs.decoding import decoded_batches
from gi3_ros.logs.entries import Heard
from gi3_ros.logs.reading import open_log
from gi3_ros.tools.report import report
begin_s = time.perf_counter()
if way == 'decode':
    for entry in open_log(pathlib.Path(path)):
        if isinstance(entry, Heard):
            codec.decode(entry.frame)
elif way == 'batches':
    for batch in decoded_batches(open_log(pathlib.Path(path))):
        pass
elif way == 'audit':
    assert not list(audit(open_log(pathlib.Path(path))))
else:
    # Its exit status is not asked for.
    with contextlib.suppress(SystemExit):
        report.main([path, '-o', out], standalone_mode=False)
seconds = time.perf_counter() - begin_s
peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({'seconds': seconds, 'peak_mib': peak_mib}))
"""


@dataclasses.dataclass
class Figure:
    """Of one way through a log."""

    seconds: float
    peak_mib: float


def measure(way, path):
    """Return the figure of one run in a process of its own."""
    out = subprocess.run(
        [sys.executable, '-c', WORKER, way, str(path), str(path.with_suffix('.html'))],
        check=True, capture_output=True, text=True).stdout
    return Figure(**json.loads(out.splitlines()[-1]))


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument('--minutes', type=int, default=60)
    parser.add_argument('--repeat', type=int, default=5)
    arguments = parser.parse_args()
    minutes = arguments.minutes
    with tempfile.TemporaryDirectory() as folder:
        whole, part = pathlib.Path(folder, 'whole.log'), pathlib.Path(folder, 'part.log')
        count, seconds = write(whole, minutes)
        write(part, max(1, minutes // 4))
        print(f'{count} frames, {seconds:.0f} s, {count / seconds:.0f} a second, '
              f'{whole.stat().st_size / 1e6:.1f} MB; simulated')
        print(f'{"":8} {"s":>8} {"us/frame":>9} {"ratio":>6} {"MiB":>6} {"MiB of a quarter":>17}')
        # In turns, so that whatever else the machine does meets all of them.
        rounds = [{way: measure(way, whole) for way in WAYS} for _ in range(arguments.repeat)]
        best_s = {way: min(each[way].seconds for each in rounds) for way in WAYS}
        for way in WAYS:
            quarter = measure(way, part)
            most_mib = max(each[way].peak_mib for each in rounds)
            print(f'{way:8} {best_s[way]:8.2f} {best_s[way] / count * 1e6:9.1f} '
                  f'{best_s[way] / best_s[WAYS[0]]:6.2f} {most_mib:6.0f} '
                  f'{quarter.peak_mib:17.0f}')


if __name__ == '__main__':
    main()
