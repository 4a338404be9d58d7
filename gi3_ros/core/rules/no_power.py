# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""No power where none is commanded: in Standby and Off, and before any command (R21, R22)."""

from ..interface.layout import CUSTOMER
from ..interface.signals import DcPowerControl, PowerModulesStatus
from .facts import Facts
from .findings import Findings
from .output import InForce, Output
from .rule import Rule
from .tolerances import Tolerances

Function = DcPowerControl.PowerFunction


class NoCurrentUncommanded(Rule):
    """R21, R22: Standby and Off float, and as long as nothing was commanded all is off."""

    who = CUSTOMER
    sentences = (
        ('R21', 'no current in Standby'),
        ('R22', 'no current in Off, and none before the first command'),
    )
    tolerances = ('off_current_a', 'off_current_s', 'end_current_s')
    during = frozenset({InForce.NOTHING, InForce.OFF, InForce.STANDBY})

    def __init__(self, facts: Facts, limits: Tolerances, findings: Findings) -> None:
        super().__init__(facts, limits, findings)
        self._uncommanded_since_s: float | None = None

    def on_output(self, before: Output) -> None:
        # What has gone on since another session in which nothing was commanded is one thing.
        if before.setpoints or before.is_emergency:
            self._uncommanded_since_s = None
            self.mend()

    def on_function(self, function: int, before: int | None) -> None:
        if function not in (Function.OFF, Function.STANDBY):
            self.mend()

    def on_resume(self, now_s: float) -> None:
        if self._uncommanded_since_s is not None:
            self._uncommanded_since_s = now_s

    def on_modules_status(self, status: PowerModulesStatus, now_s: float) -> None:
        if self.facts.output.in_force is InForce.NOTHING:
            self._check_uncommanded(status.present_current, now_s)
        else:
            self._check_floating(status.present_current, now_s)

    def _check_uncommanded(self, current_a: float, now_s: float) -> None:
        limits = self.limits
        if not self.facts.output.is_whole:
            return
        if self._uncommanded_since_s is None:
            self._uncommanded_since_s = now_s
        since_s = now_s - self._uncommanded_since_s
        if self.breaks(
                since_s > limits.end_current_s and abs(current_a) > limits.off_current_a, now_s):
            self.find(
                now_s, f'{current_a:.1f} A although nothing was commanded', 'R22',
                present_current_a=current_a)

    def _check_floating(self, current_a: float, now_s: float) -> None:
        limits, output = self.limits, self.facts.output
        command, in_force_s = output.command, now_s - output.function_since_s
        # A transfer that pauses is not sooner over than one that ends (R42), and there R42 has the
        # word.
        off_s = limits.end_current_s if output.was_transfer else limits.off_current_s
        # While lowering, what flows backwards is bled; out of a battery it must not be (R17).
        is_bled = command.lower_output_voltage and not output.has_connected
        is_off = current_a <= limits.off_current_a and (
            is_bled or current_a >= -limits.off_current_a)
        if self.breaks(
                output.ending_since_s is None and in_force_s > off_s and not is_off, now_s):
            self.find(
                now_s, f'{current_a:.1f} A after {in_force_s:.1f} s of {_name(command)}',
                'R22' if command.power_function == Function.OFF else 'R21',
                present_current_a=current_a, in_force_s=in_force_s)


def _name(command: DcPowerControl) -> str:
    words = Function(command.power_function).name.replace('_', ' ').capitalize()
    return f'{words} with Lowering' if command.lower_output_voltage else words
