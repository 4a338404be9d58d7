# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The simulator's side of its live view: what keys and typed actions do, and when it looks."""

from collections.abc import Sequence
import threading
from typing import Protocol

from ...core.interface.signals import EmergencyStop
from ...sim.events import Event
from ...sim.simulator import Simulator
from .link import Leave, Press, Typed, Verdict
from .sim_picture import Watch

Origin = EmergencyStop.Origin

REFRESH_PERIOD_S = 0.2
SIDES = {Origin.EVSE: ('e', 'charger'), Origin.PEV: ('v', 'vehicle')}
"""Key of the emergency stop of each side, and its name."""
_ACTIONS = {'s': 'stop', 'a': 'start', 'x': 'vehicle_stop'}
_ORIGINS = {key: origin for origin, (key, _) in SIDES.items()}


class Viewer(Protocol):
    """A view, as the desk sees it; :class:`.process.ViewProcess` is one."""

    @property
    def is_there(self) -> bool:
        """Whether somebody can still look on."""

    @property
    def wants_picture(self) -> bool:
        """Whether a picture would be shown now."""

    def show(self, picture: object) -> None:
        """Show a picture."""

    def answer(self, words: str) -> None:
        """Say why what was typed was not done; empty words when it was."""

    def conclude(self, picture: object, verdicts: tuple[Verdict, ...] = ()) -> None:
        """Keep what stays after the end."""

    def receive(self) -> list[Press | Typed | Leave]:
        """Return what was typed."""


class Desk:
    """
    Between simulators and a view: pictures one way, what was typed the other; never waits.

    :param period_s: from one picture to the next, at least
    """

    def __init__(
        self, viewer: Viewer, simulators: Sequence[Simulator], *,
        period_s: float = REFRESH_PERIOD_S,
    ) -> None:
        self._viewer = viewer
        self._simulators = simulators
        self._watch = Watch()
        self._period_s = period_s
        self._now_s = 0.0
        self._due_s = 0.0

    def __call__(self, event: Event) -> None:
        """Take an event; with a verdict comes the last picture."""
        self._watch.see(event)
        if self._watch.verdicts:
            self._viewer.conclude(
                self._watch.picture(self._simulators, now_s=self._now_s), self._verdicts())

    def turn(self, stop: threading.Event, *, now_s: float) -> None:
        """
        Do what was typed, and send a picture when the view can show one.

        :param stop: set to quit
        """
        self._now_s = now_s
        self._watch.follow(self._simulators, now_s=now_s)
        for typed in self._viewer.receive():
            if isinstance(typed, Leave):
                stop.set()
            else:
                self._viewer.answer(self._act(typed))
        if not self._viewer.is_there:
            # The terminal is gone, and nobody can quit any more.
            stop.set()
        elif now_s >= self._due_s and self._viewer.wants_picture:
            self._due_s = now_s + self._period_s
            self._viewer.show(self._watch.picture(self._simulators, now_s=now_s))

    def _act(self, typed: Press | Typed) -> str:
        """Do it; return why not, empty when it was done."""
        # What was typed is seen at once.
        self._due_s = self._now_s
        try:
            for simulator in self._simulators:
                if simulator.config.index == typed.index:
                    line = typed.line if isinstance(typed, Typed) else _action(
                        typed.key, simulator)
                    simulator.do(line, now_s=self._now_s)
        except ValueError as error:
            return str(error)
        return ''

    def _verdicts(self) -> tuple[Verdict, ...]:
        has_several = len(self._simulators) > 1
        return tuple(
            Verdict(f'{event.time_s:8.2f} s  '
                    f'{f"[{event.pistol}] " if has_several else ""}{event.words}',
                    is_good=not event.values['exit_status'])
            for event in self._watch.verdicts)


def _action(key: str, simulator: Simulator) -> str:
    """
    Return the action that a key means now.

    :raises ValueError: when it means none, with words
    """
    if key == 'p':
        return 'unplug' if simulator.vehicle.is_plugged else 'plug_in'
    if key in _ORIGINS:
        return _emergency_action(_ORIGINS[key], simulator)
    return _ACTIONS[key]


def _emergency_action(origin: Origin, simulator: Simulator) -> str:
    controller = simulator.controller
    if not controller.is_emergency_held:
        return f'emergency {origin.name.lower()}'
    if controller.emergency_origin is origin:
        return 'release'
    key, side = SIDES[Origin.PEV if origin is Origin.EVSE else Origin.EVSE]
    raise ValueError(f'the emergency stop of the {side} is pulled already; {key} releases it')
