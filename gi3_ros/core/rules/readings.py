# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
What the charger reports, held against physics (R5, R50).

Power_Modules_Status is measured. A figure that no measurement can give is a breach of that; one
that is merely odd is an observation: the bus does not show why. What does not follow the command,
the wrong direction included, is judged with the command.
"""

from ..interface.layout import CUSTOMER
from ..interface.signals import DcPowerControl, PowerModulesStatus
from .facts import Facts
from .findings import Findings
from .output import MOST_V
from .rule import Rule
from .tolerances import Tolerances

Function = DcPowerControl.PowerFunction

NO_BATTERY_V = 20.0
"""No battery that is charged or discharged has less; a lowered output has (R15) .."""
BATTERY_SHARE = 0.5
""".. and none falls to half of what it was precharged to."""
CARRYING_A = 5.0
"""Smaller currents may be an offset of the measurement; CHAdeMO opens at it (R42)."""
STUCK_A = 50.0
"""So much more or less current changes every battery's voltage by a volt or more, and so long
is no chance .."""
STUCK_S = 10.0
LASTS_S = 1.0
""".. and what does not last may be a moment between two readings."""


class PossibleTemperature(Rule):
    """R50: the controller ends the charge for it."""

    who = CUSTOMER
    number = 'R50'
    sentence = 'no temperature that cannot be'
    tolerances = ('temperature_c',)

    def on_modules_status(self, status: PowerModulesStatus, now_s: float) -> None:
        modules_c, enclosure_c = status.power_modules_temperature, status.enclosure_temperature
        if max(modules_c, enclosure_c) > self.limits.temperature_c or self.broken:
            self._check('Power_Modules_Temperature', modules_c, now_s)
            self._check('Enclosure_Temperature', enclosure_c, now_s)

    def _check(self, name: str, temperature_c: float, now_s: float) -> None:
        if self.breaks(temperature_c > self.limits.temperature_c, key=name):
            self.find(
                now_s, f'{name} is {temperature_c:.0f} °C: no sensor is told as -40 °C',
                temperature_c=temperature_c)


class ReadingRule(Rule):
    """What is measured in one function, whether an Emergency_Stop is in force or not."""

    who = CUSTOMER
    is_of_session = True

    def on_function(self, function: int, before: int | None) -> None:
        if function != before:
            self.lasting.forget()
            self.broken.clear()


class PossibleVoltage(Rule):
    """R5: more than any charger of this interface has."""

    who = CUSTOMER
    is_of_session = True
    number = 'R5'
    sentence = 'what is told can be measured: no more than 1500 V'

    def on_modules_status(self, status: PowerModulesStatus, now_s: float) -> None:
        volts = status.present_voltage
        if (volts > MOST_V or self.broken) and self.breaks(volts > MOST_V):
            self.find(
                now_s, f'Present_Voltage is {volts:.1f} V: no charger has that',
                present_voltage_v=volts)


class BatteryHasVoltage(ReadingRule):
    """R5: ask where the current goes: into a battery, or out of one, and that has a voltage."""

    number = 'R5'
    sentence = 'no current of a transfer at less than 20 V'
    observation = 'in a transfer, a voltage below half of what the battery was precharged at'

    def __init__(self, facts: Facts, limits: Tolerances, findings: Findings) -> None:
        super().__init__(facts, limits, findings)
        self._was_low = False

    def on_modules_status(self, status: PowerModulesStatus, now_s: float) -> None:
        output = self.facts.output
        if output.function != Function.POWER_TRANSFER:
            return
        volts, amps, battery_v = status.present_voltage, status.present_current, output.battery_v
        is_low = abs(amps) > CARRYING_A and (
            volts < NO_BATTERY_V or volts < BATTERY_SHARE * battery_v)
        if not is_low and not self._was_low:
            return
        self._was_low = is_low
        is_none = is_low and volts < NO_BATTERY_V
        none_s = self.lasting.seconds('none', is_none, now_s)
        if self.breaks(none_s > LASTS_S, key='none'):
            target_v = output.command.target_voltage
            self.find(
                now_s, f'Present_Voltage is {volts:.1f} V at {amps:.1f} A in Power_Transfer '
                f'to {target_v:.1f} V: no battery has that, it is not measured',
                present_voltage_v=volts, present_current_a=amps, target_voltage_v=target_v)
        far_s = self.lasting.seconds('far', is_low and not is_none, now_s)
        if self.breaks(far_s > LASTS_S, key='far'):
            self.observe(
                now_s, f'Present_Voltage is {volts:.1f} V at {amps:.1f} A, where the '
                f'battery was precharged at {battery_v:.1f} V: is it measured behind the '
                'contactors?', present_voltage_v=volts, present_current_a=amps,
                battery_v=battery_v)


class VoltageMoves(ReadingRule):
    """R5: look for a voltage that does not follow its current though nothing holds it."""

    number = 'R5'
    observation = (
        'in a transfer, a voltage that stays exactly the same for 10 s while the current goes '
        'through 50 A, unless the set-point or the told Maximum_Voltage holds it')
    tolerances = ('voltage_v',)

    def __init__(self, facts: Facts, limits: Tolerances, findings: Findings) -> None:
        super().__init__(facts, limits, findings)
        self._same_v: float | None = None
        self._same_since_s = 0.0
        self._least_a = self._most_a = 0.0

    def on_function(self, function: int, before: int | None) -> None:
        super().on_function(function, before)
        if function != before:
            self._same_v = None

    def on_modules_status(self, status: PowerModulesStatus, now_s: float) -> None:
        facts = self.facts
        if facts.output.function != Function.POWER_TRANSFER:
            return
        volts, amps, room_v = (
            status.present_voltage, status.present_current, self.limits.voltage_v)
        told_v = facts.parameters.maximum_voltage if facts.parameters else 0.0
        is_held = (
            abs(volts - facts.output.command.target_voltage) <= room_v
            or abs(volts - told_v) <= room_v)
        if volts != self._same_v or is_held:
            self._same_v, self._same_since_s = volts, now_s
            self._least_a = self._most_a = amps
            self.mend()
            return
        if amps < self._least_a:
            self._least_a = amps
        elif amps > self._most_a:
            self._most_a = amps
        same_s = now_s - self._same_since_s
        if same_s >= STUCK_S and self._most_a - self._least_a >= STUCK_A and self.breaks(True):
            self.observe(
                now_s, f'Present_Voltage is exactly {volts:.1f} V for {same_s:.0f} s, while '
                f'the current went from {self._least_a:.1f} to {self._most_a:.1f} A: is it '
                'measured?', present_voltage_v=volts, same_s=same_s)


class NoCurrentInTest(ReadingRule):
    """R11: good insulation carries milliamperes; no page says what a charger may report."""

    number = 'R11'
    observation = 'more than 5 A in the insulation test: no page has a limit'

    def on_modules_status(self, status: PowerModulesStatus, now_s: float) -> None:
        if self.facts.output.function != Function.INSULATION_TEST:
            return
        volts, amps = status.present_voltage, status.present_current
        carrying_s = self.lasting.seconds('carrying', abs(amps) > CARRYING_A, now_s)
        if self.breaks(carrying_s > LASTS_S):
            self.observe(
                now_s, f'{amps:.1f} A at {volts:.1f} V in Insulation_Test, where nothing '
                'is connected: a short circuit, or not measured',
                present_voltage_v=volts, present_current_a=amps)
