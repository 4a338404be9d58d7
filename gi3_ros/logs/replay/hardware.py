# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What was recorded of the hardware, without what it would not have done today."""

import dataclasses
import math

from ...core.hardware import (
    Contact,
    ContactorCommand,
    ContactorFeedback,
    ModulesMode,
    PowerMeasurement,
    PowerSetpoint,
)
from ...core.power.decision import Decision
from ...core.power.phases import Phase

SETTLED_S = 0.15
"""So long a decision has to differ before the recorded hardware cannot have followed it."""
CONTACT_PERIOD_S = 0.05
"""Of contactors that are taken to follow."""
_VOLTAGE_IS_OURS = frozenset({Phase.INSULATION_TEST, Phase.PRECHARGE})


class Readings:
    """
    Puts right what the modules would not have done with today's setpoint.

    They never exceed their setpoint (``PowerSetpoint.msg``). So what they were told then beyond
    what they are told now is taken off; what they did beyond their orders stays. And behind open
    contactors they empty the output when they are told to. Without that a lower limit would look
    as if the modules disobeyed it.
    """

    def __init__(self) -> None:
        self.corrected = 0
        """How many are not as recorded."""
        self.then: PowerSetpoint | None = None
        """What the modules were told then."""
        self._differs_since_s: float | None = None
        self._is_emptied = False

    def as_today(
        self, measurement: PowerMeasurement, decision: Decision | None, *, is_open: bool,
        now_s: float,
    ) -> PowerMeasurement:
        """
        Return a reading as it would have been.

        :param decision: of today
        :param is_open: whether today's contactors are open
        """
        then = self.then
        if then is None or decision is None:
            return measurement
        now = decision.setpoint
        if now.mode is then.mode or now.mode is ModulesMode.REGULATE:
            self._is_emptied = False
        is_emptying = now.mode is ModulesMode.BLEED and then.mode is not ModulesMode.BLEED
        excess_a = abs(then.current_a) - abs(now.current_a)
        # With a battery behind the contactors the voltage is not that of the modules.
        excess_v = then.voltage_v - now.voltage_v if decision.phase in _VOLTAGE_IS_OURS else 0.0
        if not (excess_a > 0.1 or excess_v > 0.1 or is_emptying or self._is_emptied):
            self._differs_since_s = None
            return measurement
        if self._differs_since_s is None:
            self._differs_since_s = now_s
        if now_s - self._differs_since_s < SETTLED_S:
            return measurement
        self.corrected += 1
        self._is_emptied |= is_emptying and is_open
        if self._is_emptied:
            return dataclasses.replace(measurement, voltage_v=0.0, current_a=0.0)
        magnitude_a = _less(abs(measurement.current_a), excess_a, abs(now.current_a))
        return dataclasses.replace(
            measurement, current_a=math.copysign(magnitude_a, measurement.current_a),
            voltage_v=_less(measurement.voltage_v, excess_v, now.voltage_v))


def _less(measured: float, excess: float, told: float) -> float:
    """Take off the excess of what was told then, down to what is told today and no further."""
    if excess <= 0.0 or measured <= told:
        return measured
    return max(told, measured - excess)


class Positions:
    """Puts right the positions of contactors that were told something else then."""

    def __init__(self) -> None:
        self.assumed = 0
        """How many are not as recorded: taken to follow today's commands."""
        self._differs_since_s: float | None = None

    def as_today(
        self, recorded: ContactorFeedback, command: ContactorCommand | None, *,
        was_closed: bool | None, now_s: float,
    ) -> ContactorFeedback:
        """
        Return positions as they would have been.

        :param command: of today
        :param was_closed: whether the output contactors were told to close then; ``None`` where
            that is not known, or there are none
        """
        if command is None or was_closed is None or was_closed is command.output_closed:
            self._differs_since_s = None
            return recorded
        if self._differs_since_s is None:
            self._differs_since_s = now_s
        if now_s - self._differs_since_s < SETTLED_S:
            return recorded
        self.assumed += 1
        output, precharge = recorded.output, recorded.precharge
        if output is not Contact.UNKNOWN:
            output = _contact(command.output_closed)
        if precharge is not Contact.UNKNOWN:
            precharge = _contact(command.precharge_closed)
        return dataclasses.replace(recorded, output=output, precharge=precharge)


class AssumedContacts:
    """Contactors that are taken to follow today's commands, as nothing of them is recorded."""

    def __init__(self) -> None:
        self._told_s = -math.inf

    def take_due(
        self, command: ContactorCommand | None, now_s: float,
    ) -> ContactorFeedback | None:
        """Return their positions, if it is time that they report them."""
        if now_s - self._told_s < CONTACT_PERIOD_S:
            return None
        self._told_s = now_s
        return ContactorFeedback(
            _contact(command is not None and command.output_closed),
            _contact(command is not None and command.precharge_closed))


def _contact(is_closed: bool) -> Contact:
    return Contact.CLOSED if is_closed else Contact.OPEN
