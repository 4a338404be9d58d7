# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What is known of the controller: whether it lives, its state, whether it calls an emergency."""

import math

from .deadlines import ROUNDING_S
from .interface.signals import AdvanticsControllerStatus
from .timing import CONTROLLER_TIMEOUT_S, EMERGENCY_CLEAR_S

State = AdvanticsControllerStatus.State

IDLE_STATES: frozenset[int] = frozenset({
    State.INITIALISING, State.WAITING_FOR_PEV, State.NOT_AVAILABLE})
"""States in which the controller has no session. Whatever is not known is none of them."""
CHARGE_PAUSE = 13
"""State of v3.4 and later: a session that goes on, of which v3.2 has no label (7.1)."""
_WITHOUT_SESSION = IDLE_STATES | {State.NEGOTIATING_CONNECTION}
"""A vehicle that stays plugged may begin anew after a single status of State 1 (A42)."""
ANNOUNCING_S = 0.3
"""New_Charge_Session repeats every 100 ms; absent for this long in State 4 it has ended (R6)."""
_UNTIL_ANNOUNCED = _WITHOUT_SESSION | {
    State.CCS_AUTHORISATION_PROCESS, State.CONNECTED_WITH_FULL_INFO, State.INSULATION_TEST}
"""States in which a session may be announced (R6, A4)."""


class ControllerWatch:
    """
    Ages what the controller says, for whoever depends on it.

    ``now_s`` is seconds on one monotonic clock; for what was heard the time at which it was true.
    """

    def __init__(self) -> None:
        self.state: State | int | None = None
        """Advantics_Controller_Status.State as last heard, a number where it is undefined."""
        self.since_s = -math.inf
        """Since when it has been in this state, as far as was heard."""
        self._heard_s = -math.inf
        self._emergency_s = -math.inf
        self._idle_in_a_row = 0
        self._is_announced = False
        self._announced_s = -math.inf

    def see_status(self, state: State | int, *, now_s: float) -> State | int | None:
        """
        Take a status.

        :returns: the state before it, ``None`` when the controller was silent before it (R1)
        """
        before = self.state if self.is_alive(now_s=now_s) else None
        self._heard_s = max(now_s, self._heard_s)
        self.state = state
        if before is None or state not in _WITHOUT_SESSION or (
                state in IDLE_STATES and now_s - self._announced_s >= ANNOUNCING_S):
            self._is_announced = False
        is_without = state in _WITHOUT_SESSION and not self._is_announced
        self._idle_in_a_row = self._idle_in_a_row + 1 if is_without else 0
        if state != before:
            self.since_s = now_s
        return before

    def see_announcement(self, *, now_s: float) -> None:
        """
        Take a New_Charge_Session, which may come before the state that says the same (A4).

        Then Negotiating_Connection goes on until Charge_Parameters_Done, with a session in it; a
        status of State 1 that crossed the announcement says nothing against it.
        """
        self._is_announced, self._announced_s = True, now_s
        self._idle_in_a_row = 0

    def see_finished(self) -> None:
        """Take a Charge_Session_Finished: what was announced is over."""
        self._is_announced = False

    def see_emergency(self, *, now_s: float) -> None:
        """Take an Emergency_Stop, whatever its origin."""
        self._emergency_s = now_s

    @property
    def is_idle(self) -> bool:
        """Whether it has no session; one odd frame among good ones does not say so."""
        return self._idle_in_a_row >= 2

    @property
    def is_past_announcement(self) -> bool:
        """Whether a session is past its announcement; a state without a label here is."""
        return self.state is not None and self.state not in _UNTIL_ANNOUNCED

    @property
    def silent_s(self) -> float:
        """When it counts as silent, if nothing more is heard (R1)."""
        return self._heard_s + CONTROLLER_TIMEOUT_S + ROUNDING_S

    @property
    def calm_s(self) -> float:
        """When its emergency is over, if nothing more is heard (R38)."""
        return self._emergency_s + EMERGENCY_CLEAR_S + ROUNDING_S

    def is_alive(self, *, now_s: float) -> bool:
        """Return whether its status came within the last 200 ms (R1)."""
        return now_s - self._heard_s < CONTROLLER_TIMEOUT_S

    def has_emergency(self, *, now_s: float) -> bool:
        """Return whether an Emergency_Stop came within the last second (R38)."""
        return now_s - self._emergency_s < EMERGENCY_CLEAR_S

    def forbids(self, *, now_s: float) -> str:
        """Name what on the controller's side forbids power right now; empty if nothing does."""
        if not self.is_alive(now_s=now_s):
            age_s = now_s - self._heard_s
            return (
                f'controller silent: no Advantics_Controller_Status for {age_s * 1e3:.0f} ms (R1)'
            )
        if self.has_emergency(now_s=now_s):
            return 'Emergency_Stop is in force (R38)'
        return ''
