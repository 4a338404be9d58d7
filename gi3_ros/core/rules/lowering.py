# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Lowering of the output voltage: after the insulation test, and at the end (R15, R16, R18)."""

import math

from ..interface.signals import DcPowerControl, PowerModulesStatus
from .facts import Facts
from .findings import Findings
from .kinds import CommandRule, OutputRule
from .output import InForce, way_s
from .session import POWERED
from .states import AFTER_LOOP, State
from .tolerances import Tolerances

Function = DcPowerControl.PowerFunction

LOW_VOLTAGE_V = 20.0
"""R15."""
UNLOCKING_VOLTAGE_V = 10.0
"""R18: at more than this the controller does not unlock a CHAdeMO plug."""
_PROGRESS_DOWN = 0.05
"""An output that is lowered loses more than this share in :data:`~.output.PROGRESS_S`; one that
just discharges is not lowered (R15)."""
_ROUNDING_V = 1.0


class LowersAfterTest(OutputRule):
    """
    R15, for the lowering after the insulation test (L1).

    That at the end of a charge (L2) is not waited for, and some chargers must ignore it (R17).
    """

    number = 'R15'
    sentence = 'the output is at 20 V in time after the insulation test, actively lowered'
    observation = 'a voltage that is late, and still on its way'
    tolerances = ('lowering_s', 'lowering_v_per_s')
    during = frozenset({InForce.OFF, InForce.STANDBY})

    def on_modules_status(self, status: PowerModulesStatus, now_s: float) -> None:
        output = self.facts.output
        command = output.command
        # Nobody bleeds a battery, whatever is commanded (R17).
        if not (command.lower_output_voltage and command.output_contactors) or (
                output.has_connected or output.state != State.INSULATION_TEST):
            return
        voltage_v = status.present_voltage
        in_force_s = now_s - output.function_since_s
        is_late = (
            voltage_v > LOW_VOLTAGE_V and not output.is_excused
            and in_force_s > _lowering_s(self.limits, output.way.begun_v))
        self.check_way(
            is_late, voltage_v, now_s,
            f'{voltage_v:.1f} V after {in_force_s:.1f} s of Lowering, wanted '
            f'{LOW_VOLTAGE_V:.0f} V', share=_PROGRESS_DOWN, present_voltage_v=voltage_v,
            in_force_s=in_force_s)


class LowersToUnlock(OutputRule):
    """R18: what holds a CHAdeMO plug in Closing_Communication (L3)."""

    number = 'R18'
    sentence = 'the output is at 10 V in time at the end of CHAdeMO'
    observation = 'a voltage that is late, and still on its way'
    tolerances = ('lowering_s', 'lowering_v_per_s')
    during = frozenset({InForce.OFF, InForce.STANDBY})

    def on_modules_status(self, status: PowerModulesStatus, now_s: float) -> None:
        output = self.facts.output
        command, closing_since_s = output.command, output.closing_since_s
        if closing_since_s is None or output.state != State.CLOSING_COMMUNICATION or not (
                output.is_chademo and command.lower_output_voltage
                and not command.output_contactors):
            return
        voltage_v = status.present_voltage
        in_force_s = now_s - output.function_since_s
        closing_s = min(in_force_s, now_s - closing_since_s)
        begun_v = output.way.begun_v if closing_s == in_force_s else output.closing_v
        is_late = (
            voltage_v > UNLOCKING_VOLTAGE_V and not output.is_excused
            and closing_s > _lowering_s(self.limits, begun_v))
        self.check_way(
            is_late, voltage_v, now_s,
            f'{voltage_v:.1f} V after {closing_s:.1f} s of Lowering in Closing_Communication, '
            f'the plug is unlocked at {UNLOCKING_VOLTAGE_V:.0f} V', share=_PROGRESS_DOWN,
            present_voltage_v=voltage_v, closing_s=closing_s)


class WaitsForLowVoltage(CommandRule):
    """
    R16: before a battery is connected the controller waits for a low output.

    Only going on to power tells that it has not waited: a session that is given up leaves
    Lowering, too.
    """

    number = 'R16'
    sentence = 'it waits for 20 V before a battery is connected'

    def __init__(self, facts: Facts, limits: Tolerances, findings: Findings) -> None:
        super().__init__(facts, limits, findings)
        self._lowest_v: float | None = None
        """Since the power of the test was taken back; infinite before the first reading."""

    def on_interruption(self) -> None:
        super().on_interruption()
        self._lowest_v = None

    def on_modules_status(self, status: PowerModulesStatus, now_s: float) -> None:
        volts = status.present_voltage
        if volts <= LOW_VOLTAGE_V + _ROUNDING_V:
            self.drop()
        if self._lowest_v is not None:
            self._lowest_v = min(volts, self._lowest_v)

    def on_new_command(self, command: DcPowerControl, now_s: float) -> None:
        commands, function = self.facts.commands, command.power_function
        if not commands.is_judged_in_order:
            return
        last = None if commands.before is None else commands.before.power_function
        # A11: later texts have a plain Standby in place of Lowering.
        is_lowering = command.lower_output_voltage or (
            last == Function.INSULATION_TEST and function not in POWERED)
        if is_lowering and not commands.has_transferred and self._lowest_v is None:
            self._lowest_v = math.inf
        if function not in POWERED or function == last:
            return
        volts, self._lowest_v = self._lowest_v, None
        if volts is None:
            self.mend()
            return
        is_high = LOW_VOLTAGE_V + _ROUNDING_V < volts < math.inf
        if self.breaks(is_high and function != Function.INSULATION_TEST):
            self.hold(
                now_s, f'goes on with {volts:.1f} V on the output after the insulation '
                f'test, it has to wait for {LOW_VOLTAGE_V:.0f} V', present_voltage_v=volts)


class ContactorsWhileLowering(CommandRule):
    """R16: closed contactors before the battery is connected, open ones afterwards."""

    number = 'R16'
    sentence = 'contactors are closed in the Lowering after the test, open in that at the end'
    tolerances = ('crossing_s',)

    def on_moment(self, now_s: float) -> None:
        commands, state = self.facts.commands, self.facts.state
        command = commands.command
        if command is None:
            return
        is_late = commands.has_connected or (state in AFTER_LOOP and not commands.is_whole)
        is_closed = bool(command.output_contactors)
        # A session that is given up on the way is in neither place.
        is_wrong = is_closed if is_late else (
            not is_closed and commands.has_tested and state not in AFTER_LOOP)
        wrong_s = self.lasting.seconds(
            'wrong', bool(command.lower_output_voltage) and is_wrong and not commands.is_emergency,
            now_s)
        if self.breaks(wrong_s > self.limits.crossing_s):
            self.find(
                now_s, 'Lowering with closed contactors although the battery may be '
                'behind them' if is_late else
                'Lowering after the insulation test with open contactors')


def _lowering_s(limits: Tolerances, begun_v: float) -> float:
    """Return how long the way down from a voltage may take."""
    return limits.lowering_s + way_s(begun_v, limits.lowering_v_per_s)
