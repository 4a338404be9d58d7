# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
When power_control has something to do: at the next deadline, or when there is news.

What must happen at its time has a deadline here: the silence of each input (R1), the frames to
the controller (R2, R4), a stop in doubt. All else that time decides is looked at again after
:data:`RESTING_S`, and while something moves after :data:`MOVING_S`.
"""

import math

from ..deadlines import next_of
from ..hardware import ModulesMode, PowerSetpoint
from ..interface.signals import AdvanticsControllerStatus
from .advertised import Advertising
from .commands import Commands
from .inputs import Inputs
from .modules_status import ModulesStatus
from .phases import Phase, PhaseMachine
from .supervision import Supervision

MOVING_S = 0.01
"""A step of a ramp, of bleeding, of a value that is out of its limits."""
RESTING_S = 0.05
"""In a session in which nothing moves."""
IDLE_S = 0.1
"""With neither session nor anything to bleed."""


class Pace:
    """Tells when the next decision is due."""

    def __init__(
        self, commands: Commands, supervision: Supervision, status: ModulesStatus,
        advertising: Advertising, machine: PhaseMachine, inputs: Inputs,
    ) -> None:
        self._machine = machine
        self._inputs = inputs
        self._commands = commands
        self._supervision = supervision
        self._status = status
        self._limits = advertising.limits
        self._has_news = True
        self._decided_s = -math.inf
        self._setpoint = PowerSetpoint()
        self._moved_s = -math.inf
        """When the setpoint changed last."""

    def hear(self) -> None:
        """Take that something has changed: a decision is due now."""
        self._has_news = True

    def hear_controller(self, message: object) -> None:
        """Take a message of the controller; the same status again is news in a session only."""
        is_repeated = (
            isinstance(message, AdvanticsControllerStatus)
            and message.state == self._inputs.controller.state)
        self._has_news |= not is_repeated or not self._is_idle

    def hear_reading(self) -> None:
        """Take that there is another reading: without a session nothing hangs on a single one."""
        self._has_news |= not self._is_idle

    @property
    def _is_idle(self) -> bool:
        return self._machine.phase in (Phase.IDLE, Phase.FAULT)

    def decided(self, setpoint: PowerSetpoint, *, now_s: float) -> None:
        """Take what was decided."""
        self._has_news, self._decided_s = False, now_s
        before = self._setpoint
        if setpoint.mode is ModulesMode.BLEED or (
                setpoint.mode, setpoint.voltage_v, setpoint.current_a) != (
                before.mode, before.voltage_v, before.current_a):
            self._moved_s = now_s
        self._setpoint = setpoint

    @property
    def due_s(self) -> float:
        """When the next decision is due if nothing is heard until then."""
        if self._has_news:
            return -math.inf
        # Two decisions may follow each other so fast that nothing moved between them.
        moves = self._decided_s - self._moved_s < MOVING_S / 2
        if moves or self._supervision.is_in_doubt:
            step_s = MOVING_S
        else:
            step_s = IDLE_S if self._is_idle else RESTING_S
        decided_s, inputs = self._decided_s, self._inputs
        return next_of(
            decided_s + step_s, self._status.due_s, self._limits.due_s,
            self._commands.refusals.stop_s, inputs.controller.silent_s, inputs.modules.silent_s,
            inputs.stage.silent_s, after_s=decided_s)
