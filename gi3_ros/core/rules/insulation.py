# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The insulation test, and the insulation after it (R11, R12, R14)."""

import collections

from ..interface.signals import DcPowerControl, PowerModulesStatus
from .facts import Facts
from .findings import Findings
from .kinds import CommandRule, OutputRule
from .output import InForce, way_s
from .session import POWERED
from .tolerances import Tolerances

Function = DcPowerControl.PowerFunction

INSULATION_OHM_PER_V = 100.0
"""R12, R14."""
TEST_VOLTAGE_REACHED = 0.9
"""Share of the test voltage from which the controller judges (R11)."""


class TestVoltageIsHeld(OutputRule):
    """R11: reach the test voltage and hold it, as far as the charger can (R33)."""

    number = 'R11'
    sentence = 'the test voltage is reached and held, as far as the told Maximum_Voltage goes'
    observation = 'a voltage that is late, and still on its way'
    tolerances = (
        'test_rise_s', 'rise_v_per_s', 'test_sag_s', 'exceed_s', 'voltage_v', 'voltage_share')
    during = frozenset({InForce.INSULATION_TEST})

    def on_modules_status(self, status: PowerModulesStatus, now_s: float) -> None:
        limits, output = self.limits, self.facts.output
        target_v, voltage_v = output.command.target_voltage, status.present_voltage
        in_force_s = now_s - output.test_since_s
        wanted_v = TEST_VOLTAGE_REACHED * self.able_v(target_v)
        is_high_enough = voltage_v >= wanted_v
        output.way.has_arrived = has_arrived = output.way.has_arrived or is_high_enough
        is_late = not has_arrived and (
            in_force_s > limits.test_rise_s + way_s(target_v, limits.rise_v_per_s))
        sags_s = self.lasting.seconds('sag', has_arrived and not is_high_enough, now_s)
        # Modules that only source cannot follow a target that falls.
        highest_v = output.highest_v + self.voltage_room(output.highest_v)
        above_s = self.lasting.seconds('above', voltage_v > highest_v, now_s)
        is_bound = self.is_bound(status)
        words = (f'{voltage_v:.1f} V after {in_force_s:.1f} s of Insulation_Test at '
                 f'{target_v:.1f} V')
        values = {'present_voltage_v': voltage_v, 'target_voltage_v': target_v,
                  'in_force_s': in_force_s}
        self.check_way(
            is_late and is_bound, wanted_v - voltage_v, now_s, words, **values)
        is_sagging = sags_s > limits.test_sag_s and is_bound
        if self.breaks(is_sagging or above_s > limits.exceed_s):
            self.find(now_s, words, **values)


class InsulationIsGood(CommandRule):
    """R11, R12: going on says that the insulation is good, and that it was measured."""

    sentences = (
        ('R11', 'nothing is judged below 90 % of the test voltage'),
        ('R12', 'it does not go on below 100 Ohm/V'),
    )

    def __init__(self, facts: Facts, limits: Tolerances, findings: Findings) -> None:
        super().__init__(facts, limits, findings)
        self._test_v = 0.0
        self._ohms: collections.deque[float] = collections.deque(maxlen=2)
        """The last one may have come after the controller had judged."""
        self._has_reached = self._is_measured = False
        self._is_over = False

    def on_modules_status(self, status: PowerModulesStatus, now_s: float) -> None:
        command = self.facts.commands.command
        # The last commands of a test may have a target of 0 V: nothing is measured then.
        if command is None or command.power_function != Function.INSULATION_TEST or (
                command.target_voltage <= 0):
            return
        self._is_measured = True
        if status.present_voltage >= TEST_VOLTAGE_REACHED * command.target_voltage:
            self._has_reached = True
            self._test_v = max(self._test_v, command.target_voltage)
            self._ohms.append(status.insulation_resistance)

    def on_new_command(self, command: DcPowerControl, now_s: float) -> None:
        commands, function = self.facts.commands, command.power_function
        last = None if commands.before is None else commands.before.power_function
        if not commands.is_judged_in_order or function not in POWERED or function == last:
            return
        if function == Function.INSULATION_TEST:
            self._has_reached = self._is_measured = False
            self._test_v = 0.0
            self._ohms.clear()
        elif commands.has_tested and self._is_measured and not self._is_over:
            self._check(now_s)
        self._is_over |= function == Function.POWER_TRANSFER

    def _check(self, now_s: float) -> None:
        if not self._has_reached:
            if self.breaks(True):
                self.find(
                    now_s, f'the insulation was judged below {TEST_VOLTAGE_REACHED:.0%} of the '
                    'test voltage', 'R11')
            return
        needed_ohm, ohm = INSULATION_OHM_PER_V * self._test_v, max(self._ohms)
        # A monitor that the controller reads itself leaves the field at 0 (R13).
        is_bad = self.facts.commands.insulation_ohm > 0 and ohm < needed_ohm
        if self.breaks(is_bad):
            self.find(
                now_s, f'goes on with {ohm / 1e3:.0f} kOhm at {self._test_v:.0f} V, '
                f'needed are {needed_ohm / 1e3:.0f} kOhm', 'R12',
                insulation_resistance_ohm=ohm, needed_ohm=needed_ohm)


class EmergencyWhenInsulationFails(CommandRule):
    """
    R14; a monitor that the controller reads itself leaves the field at 0 (R13).

    Which voltage counts is not written. A charger is on the safe side with the larger one of
    target and output; here the one that accuses less is taken, and a target may be far more than a
    battery ever has (R29).
    """

    number = 'R14'
    sentence = 'an Emergency_Stop follows, below 100 Ohm for each volt of the output'
    tolerances = ('reaction_s',)

    def on_modules_status(self, status: PowerModulesStatus, now_s: float) -> None:
        commands, session = self.facts.commands, self.facts.session
        if session is None or session.is_finished:
            return
        in_use = commands.has_tested and commands.function in (
            Function.PRECHARGE, Function.POWER_TRANSFER)
        volts = status.present_voltage
        needed_ohm = INSULATION_OHM_PER_V * volts
        bad_s = self.lasting.seconds(
            'bad', in_use and commands.insulation_ohm > 0
            and status.insulation_resistance < needed_ohm and not session.has_emergency, now_s)
        if self.breaks(bad_s > self.limits.reaction_s):
            self.find(
                now_s, f'no Emergency_Stop after {bad_s:.1f} s with '
                f'{status.insulation_resistance / 1e3:.0f} kOhm at {volts:.0f} V, needed are '
                f'{needed_ohm / 1e3:.0f} kOhm',
                insulation_resistance_ohm=status.insulation_resistance, needed_ohm=needed_ohm)
