"""
The rules about readings: what the charger reports, held against physics and the command.

Power_Modules_Status is measured (R5). A figure that no measurement can give is a breach of that;
one that is merely odd is an observation: the bus does not show why. What does not follow the
command, the wrong direction included, is judged in :mod:`.power_rules`.
"""

from ..interface.signals import DcPowerControl, DcPowerParameters, PowerModulesStatus
from ..lasting import Lasting
from .findings import Findings, Tolerances

Function = DcPowerControl.PowerFunction

MOST_V = 1500.0
"""No charger of this interface has more (A38); 6553.5 V are a careless 0xFFFF."""
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


class ReadingRules:
    """
    Judge the readings of one charger in one session.

    :param tolerances: :class:`~.findings.Tolerances`
    :param findings: the :class:`~.findings.Findings` that take the breaches
    :param parameters: the charger's last DC_Power_Parameters, if there are any
    """

    def __init__(
            self, tolerances: Tolerances, findings: Findings,
            parameters: DcPowerParameters | None = None) -> None:
        self._tolerances = tolerances
        self._findings = findings
        self._lasting = Lasting()
        self._function = None
        self._target_v = 0.0
        self._battery_v = 0.0
        """What the vehicle was precharged to, 0 as long as nobody knows."""
        self._was_low = self._is_above = False
        self._told_v = parameters.maximum_voltage if parameters else 0.0
        self._same_v = None
        self._same_since_s = 0.0
        self._least_a = self._most_a = 0.0

    def see_command(self, command: DcPowerControl) -> None:
        """Take a DC_Power_Control."""
        if command.power_function != self._function:
            self._lasting.forget()
            self._findings.mend('no battery', 'far', 'stuck', 'test current')
            self._same_v = None
        self._function, self._target_v = command.power_function, command.target_voltage
        if command.power_function == Function.PRECHARGE and self._target_v <= MOST_V:
            self._battery_v = self._target_v

    def see_parameters(self, parameters: DcPowerParameters) -> None:
        """Take what the charger says that it can give; 0 tells nothing (R33)."""
        self._told_v = parameters.maximum_voltage

    def judge(self, status: PowerModulesStatus, now_s: float) -> None:
        """Judge a Power_Modules_Status."""
        volts, amps = status.present_voltage, status.present_current
        if volts > MOST_V or self._is_above:
            self._is_above = volts > MOST_V
            self._check_above(volts, now_s)
        is_transfer = self._function == Function.POWER_TRANSFER
        if not is_transfer and self._function != Function.INSULATION_TEST:
            return
        is_carrying = abs(amps) > CARRYING_A
        if is_transfer:
            self._check_battery(volts, amps, is_carrying, now_s)
            self._check_stuck(volts, amps, now_s)
        else:
            self._check_test_current(volts, amps, is_carrying, now_s)

    def _check_above(self, volts: float, now_s: float) -> None:
        if self._findings.breaks('above', volts > MOST_V):
            self._findings.add(
                now_s, 'R5', f'Present_Voltage is {volts:.1f} V: no charger has that',
                present_voltage_v=volts)

    def _check_battery(
            self, volts: float, amps: float, is_carrying: bool, now_s: float) -> None:
        """Ask where the current goes: into a battery, or out of one, and that has a voltage."""
        is_low = is_carrying and (volts < NO_BATTERY_V or volts < BATTERY_SHARE * self._battery_v)
        if not is_low and not self._was_low:
            return
        self._was_low = is_low
        is_none = is_carrying and volts < NO_BATTERY_V
        none_s = self._lasting.seconds('no battery', is_none, now_s)
        if self._findings.breaks('no battery', none_s > LASTS_S):
            self._findings.add(
                now_s, 'R5', f'Present_Voltage is {volts:.1f} V at {amps:.1f} A in Power_Transfer '
                f'to {self._target_v:.1f} V: no battery has that, it is not measured',
                present_voltage_v=volts, present_current_a=amps,
                target_voltage_v=self._target_v)
        is_far = is_low and not is_none
        far_s = self._lasting.seconds('far', is_far, now_s)
        if self._findings.breaks('far', far_s > LASTS_S):
            self._findings.observe(
                now_s, 'R5', f'Present_Voltage is {volts:.1f} V at {amps:.1f} A, where the '
                f'battery was precharged at {self._battery_v:.1f} V: is it measured behind the '
                'contactors?', present_voltage_v=volts, present_current_a=amps,
                battery_v=self._battery_v)

    def _check_stuck(self, volts: float, amps: float, now_s: float) -> None:
        """Look for a voltage that does not follow its current though nothing holds it."""
        room_v = self._tolerances.voltage_v
        is_held = abs(volts - self._target_v) <= room_v or abs(volts - self._told_v) <= room_v
        if volts != self._same_v or is_held:
            self._same_v, self._same_since_s = volts, now_s
            self._least_a = self._most_a = amps
            self._findings.mend('stuck')
            return
        if amps < self._least_a:
            self._least_a = amps
        elif amps > self._most_a:
            self._most_a = amps
        same_s = now_s - self._same_since_s
        if same_s >= STUCK_S and self._most_a - self._least_a >= STUCK_A and (
                self._findings.breaks('stuck', True)):
            self._findings.observe(
                now_s, 'R5', f'Present_Voltage is exactly {volts:.1f} V for {same_s:.0f} s, while '
                f'the current went from {self._least_a:.1f} to {self._most_a:.1f} A: is it '
                'measured?', present_voltage_v=volts, same_s=same_s)

    def _check_test_current(
            self, volts: float, amps: float, is_carrying: bool, now_s: float) -> None:
        """Good insulation carries milliamperes; no page says what a charger may report (R11)."""
        carrying_s = self._lasting.seconds('test current', is_carrying, now_s)
        if self._findings.breaks('test current', carrying_s > LASTS_S):
            self._findings.observe(
                now_s, 'R11', f'{amps:.1f} A at {volts:.1f} V in Insulation_Test, where nothing '
                'is connected: a short circuit, or not measured',
                present_voltage_v=volts, present_current_a=amps)
