# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Who has the cable in hand."""

from .actions import Action, Simulated
from .stages import IDLE_STAGES


class Person:
    """
    Who has the cable in hand: plugs in, presses start where that is needed, unplugs, comes again.

    :param sessions: after so many it does not come again; 0: it always does
    :param plug_in_after_s: from the start, and from unplugging, to the next plug-in
    :param start_after_s: from plugging in to the start button of CHAdeMO; infinite: never
    :param unplug_after_s: from the end of a session
    """

    def __init__(
        self, *, sessions: int = 0, plug_in_after_s: float = 1.0, start_after_s: float = 1.0,
        unplug_after_s: float = 2.0,
    ) -> None:
        self._most_sessions = sessions
        self.plug_in_after_s = plug_in_after_s
        self._start_after_s = start_after_s
        self._unplug_after_s = unplug_after_s
        self._sessions = 0
        self._due_s: float | None = None
        self._start_due_s: float | None = None
        self._restarts = 0
        self._has_cable = True

    def see(self, action: Action) -> None:
        """Leave the cable, or the start button, to whoever has just used it."""
        if action.is_of('plug_in', 'unplug'):
            self._has_cable = False
        elif action.is_of('start'):
            self._start_due_s = None

    def is_gone(self, simulator: Simulated) -> bool:
        """Whether it has had its sessions."""
        return bool(self._most_sessions) and simulator.sessions >= self._most_sessions

    def tick(self, simulator: Simulated, *, now_s: float) -> None:
        """Do what is due."""
        vehicle = simulator.vehicle
        is_idle = simulator.controller.stage in IDLE_STAGES
        if simulator.restarts > self._restarts:
            self._restarts = simulator.restarts
            self._will_press_start(simulator, now_s)
        if self._start_due_s is not None and now_s >= self._start_due_s:
            self._start_due_s = None
            if vehicle.is_plugged:
                simulator.controller.press_start(now_s=now_s)
        if not self._has_cable:
            return
        if simulator.sessions > self._sessions:
            self._sessions = simulator.sessions
            self._due_s = now_s + self._unplug_after_s
        elif self._due_s is None and not vehicle.is_plugged and is_idle and (
                not self.is_gone(simulator)):
            self._due_s = now_s + self.plug_in_after_s
        if self._due_s is None or now_s < self._due_s:
            return
        self._due_s = None
        if vehicle.is_plugged:
            # Not when another session has begun meanwhile (A42).
            if is_idle:
                simulator.unplug(now_s=now_s)
            return
        if self.is_gone(simulator):
            return
        simulator.plug_in(now_s=now_s)
        self._will_press_start(simulator, now_s)

    def _will_press_start(self, simulator: Simulated, now_s: float) -> None:
        if simulator.config.is_chademo and simulator.vehicle.is_plugged:
            self._start_due_s = now_s + self._start_after_s
