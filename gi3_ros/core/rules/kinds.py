# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Two kinds of rules: about what is at the output, and about what the controller does."""

from ..interface.layout import CONTROLLER, CUSTOMER
from ..interface.signals import DcPowerControl, PowerModulesStatus
from .output import FUNCTIONS
from .rule import Rule

Function = DcPowerControl.PowerFunction
SystemEnable = PowerModulesStatus.SystemEnable


class OutputRule(Rule):
    """
    Hold what the charger measures to what is in force.

    Too much is always a breach. Too little is none from a charger that has said, or has to think,
    that power is over; see :meth:`~.output.Output.excuse`.
    """

    who = CUSTOMER
    is_of_session = True

    def on_function(self, function: int, before: int | None) -> None:
        """Count what lasts anew; what can only be broken in other functions is mended."""
        self.lasting.forget()
        if self.during is not None and FUNCTIONS[function] not in self.during:
            self.broken.clear()

    def on_resume(self, now_s: float) -> None:
        self.lasting.forget()

    def is_bound(self, status: PowerModulesStatus) -> bool:
        """Tell whether the charger has to deliver: it has allowed it, and nothing excuses it."""
        return (
            not self.facts.output.is_excused and status.system_enable == SystemEnable.ALLOWED)

    def able_v(self, voltage_v: float) -> float:
        """Return as much of a voltage as the charger has said that it can give (R33)."""
        told = self.facts.parameters
        return min(voltage_v, told.maximum_voltage) if told and told.maximum_voltage else voltage_v

    def current_room(self, current_a: float) -> float:
        """Return how far a current may be off."""
        return max(self.limits.current_a, self.limits.current_share * abs(current_a))

    def voltage_room(self, voltage_v: float) -> float:
        """Return how far a voltage may be off."""
        return max(self.limits.voltage_v, self.limits.voltage_share * voltage_v)

    def check_way(
            self, is_late: bool, distance_v: float, now_s: float, words: str, *,
            share: float = 0.0, **values: float) -> None:
        """
        Judge a voltage that has to come somewhere.

        One that is late and does not move is a breach; one that is still on its way is an
        observation, as no source says how long that may take.

        :param share: of the distance, how much less it has to become at least to count as moving
        """
        is_on_its_way = self.facts.output.way.is_on(distance_v, now_s, share)
        if self.breaks(is_late and is_on_its_way, key='slow'):
            self.observe(
                now_s, f'{words}, and still on its way: slow, but no page of the interface '
                'says how long that may take', **values)
        if self.breaks(is_late and not is_on_its_way, key='late'):
            self.find(now_s, words, **values)


class CommandRule(Rule):
    """Hold the controller to what belongs together in one session."""

    who = CONTROLLER
    is_of_session = True

    def on_interruption(self) -> None:
        self.lasting.forget()
