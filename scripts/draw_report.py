# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
Draw the picture of ``gi3 report`` in the documentation, from two simulated sessions.

``.venv/bin/python scripts/draw_report.py`` simulates them on a made-up clock, spoils a little of
what both ends said, writes a candump log, has ``gi3 report`` make the page and Chromium photograph
it: ``docs/pictures/report.png``. With a folder as argument the log and the page stay there, too.
"""

import dataclasses
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
PICTURE = ROOT / 'docs' / 'pictures' / 'report.png'
SIZE = 1440, 1500
BEGIN_NS = 1_772_593_263_250_000_000
"""4 March 2026, 03:01 UTC: when else."""
FIRST = (
    (2.0, 'plug_in'), (24.0, 'demand 62'), (36.0, 'demand 88'), (46.0, 'pause 4'),
    (56.0, 'insulation 190'), (66.0, 'stop'), (78.0, 'unplug'),
)
"""What is done to the simulator in the first session, and when in s; a number is a current in A
that the charger is asked for."""
SECOND = (
    (1.0, 'plug_in'), (14.0, 45.0), (24.0, 'insulation 84'), (28.0, -18.0),
    (34.0, 'reserved DC_Power_Control for 0.3'), (40.0, -28.0), (50.0, 96.0),
    (62.0, 'insulation 46'), (67.0, 'emergency evse'), (72.0, 'release'),
)
FIRST_S, SECOND_S = 84.0, 80.0
"""How long they last, with what is before and after."""
SILENCE_S = 104.0, 104.42
"""The charger says nothing."""
EXCESS_S, EXCESS_A = (139.0, 142.0), 9.0
"""It measures so much more than it was told."""


def session(steps, length_s, **configs):
    """Return the frames of one session."""
    from gi3_ros.core.power.setpoint import Priority
    from gi3_ros.sim.link import Link

    link = Link(**configs)
    steps = list(steps)
    while link.now_s < length_s:
        if steps and link.now_s >= steps[0][0]:
            what = steps.pop(0)[1]
            if isinstance(what, str):
                link.simulator.do(what, now_s=link.now_s)
            else:
                link.power.request_current(
                    what, duration_s=60.0, priority=Priority.OPERATOR, source='demo',
                    now_s=link.now_s)
        link.step()
    return link.frames


def simulated():
    """Return the frames of both sessions, a little spoilt: list of (time in s, frame)."""
    from gi3_ros.core.interface import codec
    from gi3_ros.core.interface.signals import PowerModulesStatus
    from gi3_ros.core.power.limits import ChargerLimits
    from gi3_ros.sim.config import ControllerConfig
    from gi3_ros.sim.protocols import ControlMode, Direction, Protocol
    from gi3_ros.sim.vehicle_config import VehicleConfig

    frames = list(session(
        FIRST, FIRST_S,
        controller_config=ControllerConfig(free_service=False, insulation_iterations=20),
        vehicle_config=VehicleConfig(start_delay_s=1.5, request_jitter=0.2)))
    frames += [(FIRST_S + time_s, frame) for time_s, frame in session(
        SECOND, SECOND_S,
        controller_config=ControllerConfig(
            enable_iso_part20=True, insulation_iterations=20, boot_s=0.0,
            limits=ChargerLimits(is_bidirectional=True, max_charger_discharge_current=40.0)),
        vehicle_config=VehicleConfig(
            protocols=(Protocol.ISO_15118_20,), control_mode=ControlMode.DYNAMIC,
            is_bidirectional=True, direction=Direction.BOTH, min_current_a=8.0,
            max_discharge_current_a=30.0, min_discharge_current_a=8.0))]
    spoilt = []
    for time_s, frame in frames:
        received = codec.decode(frame)
        message = received.message if isinstance(received, codec.Received) else None
        if isinstance(message, PowerModulesStatus):
            if SILENCE_S[0] <= time_s < SILENCE_S[1]:
                continue
            if EXCESS_S[0] <= time_s < EXCESS_S[1]:
                frame = codec.encode(dataclasses.replace(
                    message, present_current=message.present_current + EXCESS_A),
                    index=received.index)
        spoilt.append((time_s, frame))
    return spoilt


def draw(folder):
    """Write the log, the page and the picture into a folder."""
    from gi3_ros.logs.entries import Heard
    from gi3_ros.logs.writing import open_writer

    log, page, picture = (folder / f'last_night.{suffix}' for suffix in ('log', 'html', 'png'))
    log.unlink(missing_ok=True)
    with open_writer(log) as writer:
        for time_s, frame in simulated():
            writer.write(Heard(BEGIN_NS + round(time_s * 1e9), frame, 'can0'))
    command = 'from gi3_ros.tools.main import main; main()'
    environment = os.environ | {'PYTHONPATH': str(ROOT), 'TZ': 'UTC'}
    subprocess.run(
        [sys.executable, '-c', command, 'report', str(log), '-o', str(page),
         '--note', 'Simulated data'], check=True, env=environment)
    chromium = shutil.which('chromium') or shutil.which('google-chrome')
    if chromium is None:
        raise SystemExit('there is no Chromium to photograph the page with')
    subprocess.run(
        [chromium, '--headless=new', '--no-sandbox', '--disable-gpu', '--hide-scrollbars',
         f'--user-data-dir={folder / "profile"}', '--virtual-time-budget=10000',
         f'--window-size={SIZE[0]},{SIZE[1]}', f'--screenshot={picture}', page.as_uri()],
        check=True, stderr=subprocess.DEVNULL)
    return picture


if __name__ == '__main__':
    # The sources, not what was built from them.
    sys.path.insert(0, str(ROOT))
    if len(sys.argv) > 1:
        target = pathlib.Path(sys.argv[1]).resolve()
        target.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(draw(target), PICTURE)
    else:
        with tempfile.TemporaryDirectory() as temporary:
            shutil.copyfile(draw(pathlib.Path(temporary)), PICTURE)
