"""
Draw the picture of ``gi3 sim --live`` in the documentation: a session on the made-up clock.

``.venv/bin/python scripts/draw_live.py`` rewrites ``docs/pictures/sim_live.svg``.
"""

import io
import pathlib
import sys
import threading

ROOT = pathlib.Path(__file__).resolve().parents[1]
PICTURE = ROOT / 'docs' / 'pictures' / 'sim_live.svg'
WIDTH, HEIGHT = 100, 31
KEYS = ((2.0, 'p'), (13.0, ':jitter DC_Power_Control 0.05 for 30\n'))
"""What is pressed, and when in s."""
END_S = 20.0


def drawn():
    """Return the picture as SVG."""
    from rich.console import Console

    from gi3_ros.sim.config import ControllerConfig
    from gi3_ros.sim.link import Link
    from gi3_ros.sim.vehicle import VehicleConfig
    from gi3_ros.tools.sim_screen import View

    link = Link(
        controller_config=ControllerConfig(), vehicle_config=VehicleConfig(charge_duration_s=60))
    view, simulators = View(), [link.simulator]
    keys = list(KEYS)
    while link.now_s < END_S:
        link.step()
        for event in link.simulator.take_events():
            view.see(event)
        view.follow(simulators, now_s=link.now_s)
        if keys and link.now_s >= keys[0][0]:
            view.press(keys.pop(0)[1], simulators, threading.Event(), now_s=link.now_s)
    console = Console(
        file=io.StringIO(), record=True, width=WIDTH, height=HEIGHT, force_terminal=True,
        color_system='truecolor')
    console.print(view.draw(simulators, now_s=link.now_s, width=WIDTH, height=HEIGHT))
    return console.export_svg(title='gi3 sim --live')


if __name__ == '__main__':
    # The sources, not what was built from them.
    sys.path.insert(0, str(ROOT))
    PICTURE.write_text(drawn(), encoding='utf-8')
