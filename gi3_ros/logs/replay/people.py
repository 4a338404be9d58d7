# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What people did during a recorded session, as far as it shows, done again."""

import math
import typing

from ...core.controller_watch import IDLE_STATES, State
from ...core.hardware import Stage
from ...core.power.phases import Phase
from ...core.power.setpoint import Priority
from .comparison import Comparison
from .today import Remarks, Today

RESET_PERIOD_S = 1.0
_EMERGENCY = 'emergency stop asked for: '
_NOT_UNDERWAY = IDLE_STATES | {
    State.NEGOTIATING_CONNECTION, State.CONNECTED_WITH_FULL_INFO, State.CCS_AUTHORISATION_PROCESS}


class _Lease(typing.NamedTuple):
    source: str
    current_a: float


_NO_LEASE = _Lease('', 0.0)


class People:
    """
    Does again what people did: leases, emergency stops, resets of faults.

    :param is_measured: whether the log has the readings of the power modules
    """

    def __init__(
        self, today: Today, comparison: Comparison, remarks: Remarks, *, is_measured: bool,
    ) -> None:
        self._today = today
        self._comparison = comparison
        self._remarks = remarks
        self._is_measured = is_measured
        self._lease = _NO_LEASE
        self._state: State | int | None = None
        self._state_s = 0.0
        self._reset_tried_s = -math.inf

    def see_lease(self, lease: typing.Any, now_s: float) -> None:
        """
        Grant the lease that ranked highest then, and give it back when it was gone.

        :param lease: message of ``effective_setpoint``
        """
        granted = _Lease(
            lease.lease_source, lease.lease_current) if lease.lease_source else _NO_LEASE
        if granted == self._lease:
            return
        self._lease = granted
        try:
            self._today.power.request_current(
                granted.current_a, duration_s=lease.lease_remaining if granted.source else 0.0,
                priority=Priority.OPERATOR, source=granted.source, now_s=now_s)
        except ValueError as error:
            self._remarks.add(f'lease of {granted.source}: refused today: {error}')

    def see_power_fault(self, fault: str, now_s: float) -> None:
        """Take a fault of power_control that was latched then: an emergency stop is done again."""
        if fault.startswith(_EMERGENCY):
            reason = fault[len(_EMERGENCY):].rsplit(' (in ', 1)[0]
            self._today.power.emergency_stop(reason, now_s=now_s)
            self._today.tick_power(now_s)

    def see_power_reset(self, now_s: float) -> None:
        """Take it that a fault of power_control was reset then."""
        if self._today.power.phase is Phase.FAULT:
            self._reset_power(now_s, 'as then')

    def see_stage_reset(self, now_s: float) -> None:
        """Take it that a fault of precharge was reset then."""
        if self._today.stage.stage is Stage.FAULT:
            self._reset_stage(now_s, 'as then')

    def see_state(self, state: State | int, now_s: float) -> bool:
        """Take the state of the controller; return whether it stays in an idle one."""
        if self._state is None and state not in _NOT_UNDERWAY:
            name = getattr(state, 'name', f'state {state}')
            self._remarks.add(
                f'the log begins within a session (controller in {name}): today gives '
                f'no power before one that it sees begin, as after a restart')
        if state not in IDLE_STATES or state != self._state:
            self._state, self._state_s = state, now_s
            return False
        # A fault of today that was none then, or that nobody can have been seen to reset.
        is_over = now_s - self._state_s > RESET_PERIOD_S
        if is_over and now_s - self._reset_tried_s > RESET_PERIOD_S:
            self._reset_after_session(now_s)
        return True

    def _reset_after_session(self, now_s: float) -> None:
        if self._today.power.phase is Phase.FAULT and not self._comparison.last('fault'):
            self._reset_tried_s = now_s
            self._reset_power(now_s, 'as the session is over')
        if self._today.stage.stage is Stage.FAULT and not self._comparison.last('stage fault'):
            self._reset_tried_s = now_s
            self._reset_stage(now_s, 'as the session is over')

    def _reset_power(self, now_s: float, why: str) -> None:
        try:
            self._today.power.reset_fault(now_s=now_s)
        except ValueError as error:
            if self._is_measured:
                self._remarks.add(f'power_control cannot be reset today: {error}')
                return
            # Outside of a session Power_Modules_Status may be silent, and a reset needs a reading.
            self._today.restart_power()
        self._remarks.add(f'after {now_s:.2f} s: the fault of power_control is reset {why}')

    def _reset_stage(self, now_s: float, why: str) -> None:
        try:
            self._today.stage.reset_fault(now_s=now_s)
        except ValueError as error:
            self._remarks.add(f'precharge cannot be reset today: {error}')
            return
        self._remarks.add(f'after {now_s:.2f} s: the fault of precharge is reset {why}')
