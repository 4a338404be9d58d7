# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
Simulators on one bus, in real time.

:func:`run` gives them a bus, a clock and a way to stop.
"""

from collections.abc import Callable, Iterator, Sequence
import contextlib
import dataclasses
import math
import signal
import threading
import time
from types import FrameType

from ..bus import Bus
from ..core.interface.frame import Frame
from .events import Event, Kind
from .simulator import Simulator, TICK_S
from .stages import IDLE_STAGES

LONGEST_DRAIN_S = 0.05
"""After a stall, time to take the frames that wait; a charger sends some forty a second."""


@dataclasses.dataclass(frozen=True)
class RunConfig:
    """Which bus the simulator runs on."""

    interface: str = 'udp_multicast'
    channel: str = ''
    port: int = 0
    bitrate: int = 0


OnEvent = Callable[[Event], None]
OnFrame = Callable[[Frame, float, bool], None]
"""Called with a frame, the seconds since the epoch, and whether it is ours."""


def run(
    simulators: Sequence[Simulator], config: RunConfig, *, on_event: OnEvent,
    on_frame: OnFrame | None = None, between: Callable[[float], None] | None = None,
    stop: threading.Event | None = None,
) -> int:
    """
    Run simulators on one bus in real time until they are stopped or have had their sessions.

    A stopped simulator just falls silent: it does not fake the end of a session.

    :param simulators: one for each pistol
    :param on_event: called with each :class:`Event`
    :param on_frame: called for every frame
    :param between: called with ``now_s`` in every turn, for whoever looks and types
    :param stop: a ``threading.Event`` that ends the run
    :returns: exit status: 0 when all went as it should and no rule was broken, else 1
    :raises BusError: when the bus cannot be opened
    """
    stop = stop or threading.Event()
    bus_words: list[str] = []
    bus = Bus(
        config.interface, config.channel, bitrate=config.bitrate, port=config.port,
        on_event=bus_words.append,
    )
    with contextlib.closing(bus):
        deadline_s = time.monotonic()
        while not (stop.is_set() or all(simulator.is_over for simulator in simulators)):
            _receive_until(bus, simulators, deadline_s, on_frame)
            now_s = time.monotonic()
            for simulator in simulators:
                simulator.see_bus(bus.is_open, now_s=now_s)
                for frame in simulator.tick(now_s=now_s):
                    if bus.send(frame) and on_frame is not None:
                        on_frame(frame, time.time(), True)
            while bus_words:
                simulators[0].say(Kind.BUS, bus_words.pop(0), now_s=now_s)
            tell(simulators, on_event)
            if between is not None:
                between(now_s)
            # A late tick is not made up for: the grid goes on from the next point in the future.
            deadline_s += TICK_S * max(1, math.ceil((now_s - deadline_s) / TICK_S))
    return conclude(
        simulators, on_event, now_s=time.monotonic(), is_stopped=stop.is_set())


def tell(simulators: Sequence[Simulator], on_event: OnEvent) -> None:
    """Hand out the new events, in the order of their times."""
    events = [event for simulator in simulators for event in simulator.take_events()]
    for event in sorted(events, key=lambda event: event.time_s):
        on_event(event)


def conclude(
    simulators: Sequence[Simulator], on_event: OnEvent, *, now_s: float, is_stopped: bool = False,
) -> int:
    """Say how it went; return the exit status."""
    worst = 0
    for simulator in simulators:
        status, words = simulator.verdict()
        if is_stopped and simulator.controller.stage not in IDLE_STAGES:
            status, words = 1, f'stopped in {simulator.controller.state.name}; {words}'
        steps = {'steps_missing': [*simulator.steps_missing]} if simulator.player else {}
        simulator.say(Kind.VERDICT, words, now_s=now_s, exit_status=status, **steps)
        worst = max(worst, status)
    tell(simulators, on_event)
    return worst


def _receive_until(
    bus: Bus, simulators: Sequence[Simulator], deadline_s: float, on_frame: OnFrame | None,
) -> None:
    """Take frames until the deadline, and all that wait by then: they did come in time."""
    # Arrival is stamped by the interface: a late process does not make the charger late.
    wall_to_monotonic_s = time.monotonic() - time.time()
    # A flood must not stop the clock.
    latest_s = max(time.monotonic(), deadline_s) + LONGEST_DRAIN_S
    while True:
        taken = bus.receive(max(0.0, deadline_s - time.monotonic()))
        now_s = time.monotonic()
        if taken is not None:
            frame, arrival_s = taken
            arrived_s = arrival_s + wall_to_monotonic_s
            is_plausible = now_s - 1.0 <= arrived_s <= now_s
            for simulator in simulators:
                simulator.receive(frame, now_s=arrived_s if is_plausible else now_s)
            if on_frame is not None:
                on_frame(frame, arrival_s, False)
        if now_s >= latest_s or (taken is None and now_s >= deadline_s):
            return


@contextlib.contextmanager
def stop_on_signals() -> Iterator[threading.Event]:
    """Give a ``threading.Event`` that SIGINT and SIGTERM set."""
    stop = threading.Event()

    def set_stop(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    before = {
        number: signal.signal(number, set_stop) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
