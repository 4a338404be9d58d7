# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""One charge session of one pistol: what is told of it."""

import collections
import math
import typing

from ...core.interface.signals import PowerModulesStatus
from .causes import Emergency, INSULATION, Reasons, SILENCE, TEST, WITHDRAWN
from .command import CommandInForce

INTEGRATE_S = 1.0
"""Energy is not counted across a longer silence of Power_Modules_Status."""
GONE_S = 2.0
"""So long after the end of a session a voltage that was left at the output is gone: the vehicle
has opened its contactors, the charger has lowered the rest."""
TOUCHABLE_V = 60.0
"""A voltage that is left there and higher was not taken away."""
FALLING_PER_S = 0.05
"""A voltage that falls by this share in a second is on its way to none."""
SILENT_S = 0.45
"""Without Power_Modules_Status: what the controller's 0.5 s look like in a log (R3)."""
INSULATION_OHM_PER_V = 100.0
"""What the insulation must have (R14)."""
WITHDRAWALS = 20
"""Of one session that are kept."""


class Extreme(typing.NamedTuple):
    """The largest or smallest value that was measured, and when."""

    value: float
    time_s: float


class VehicleVoltages(typing.NamedTuple):
    """What EV_Information_Voltages says; 0 is what the vehicle did not tell (A30)."""

    least_v: float
    most_v: float


class VehicleLimits(typing.NamedTuple):
    """What the vehicle says of one direction; 0 is what it did not tell (A30)."""

    least_a: float
    most_a: float
    least_w: float
    most_w: float


class ToldLimits(typing.NamedTuple):
    """The newest DC_Power_Parameters; 0 is the controller's own limit (R33)."""

    voltage_v: float
    charge_a: float
    discharge_a: float


class Measured(typing.NamedTuple):
    """A Power_Modules_Status, with its power."""

    status: PowerModulesStatus
    time_s: float
    power_w: float


class LeftVoltage:
    """What is left at the output, up to some seconds after the end of a session."""

    def __init__(self) -> None:
        self.seen_s = 0.0
        """When it was measured last."""
        self._output_v = 0.0
        """From Power_Modules_Status."""
        self._pistol_v = 0.0
        """Behind own contactors, from bags."""
        self._marks: collections.deque[Extreme] = collections.deque(maxlen=2)
        """The last readings that are a second apart."""

    @property
    def volts(self) -> float:
        """The higher one of both."""
        return max(self._output_v, self._pistol_v, 0.0)

    def see(
        self, time_s: float, *, output_v: float | None = None, pistol_v: float | None = None,
    ) -> None:
        """Take a reading."""
        self.seen_s = time_s
        if output_v is not None:
            self._output_v = output_v
        if pistol_v is not None:
            self._pistol_v = pistol_v
        if not self._marks or time_s - self._marks[-1].time_s >= 1.0:
            self._marks.append(Extreme(self.volts, time_s))

    @property
    def is_falling(self) -> bool:
        """Whether it is on its way to none."""
        if not self._marks:
            return False
        volts, time_s = self._marks[0]
        share = FALLING_PER_S * (self.seen_s - time_s)
        return self.volts <= volts * (1.0 - min(share, 0.9))


class Session:
    """One charge session of one pistol; what was not heard is ``None``."""

    def __init__(
        self, begin_s: float, is_begin_known: bool, told: ToldLimits | None = None,
    ) -> None:
        self.begin_s = begin_s
        self.is_begin_known = is_begin_known
        self.end_s = math.inf
        """Infinite while it is open."""
        self.outcome: str | None = None
        """``'Clean_Stop'``, ``'Rushed_Stop'``, or ``None`` without Charge_Session_Finished."""
        self.end_reason = ''
        """How it ended, in words."""
        self.is_cut = False
        """Whether it is the log that ends there, and not the session."""
        self.protocol: str | None = None
        self.plug: str | None = None
        self.capacity_wh: float | None = None
        self.ev_voltages: VehicleVoltages | None = None
        self.ev_charge: VehicleLimits | None = None
        self.ev_discharge: VehicleLimits | None = None
        self.soc_from: float | None = None
        self.soc_to: float | None = None
        self.transfer_s: float | None = None
        """When the first Power_Transfer was commanded."""
        self.charged_wh = self.discharged_wh = 0.0
        self.has_energy = False
        """Whether two statuses were close enough to integrate anything."""
        self.uncounted = 0
        """Silences across which no energy was counted .."""
        self.uncounted_s = 0.0
        """.. and their length together."""
        self.peak_v: Extreme | None = None
        self.peak_a: Extreme | None = None
        self.peak_w: Extreme | None = None
        """The current and power of largest magnitude, with their sign."""
        self.test_ohm: Extreme | None = None
        self.later_ohm: Extreme | None = None
        """Smallest insulation: at test voltage, and from the precharge on."""
        self.emergency: Emergency | None = None
        """The first one."""
        self.withdrawals: list[float] = []
        """When System_Enable went from Allowed to Not_Allowed; the first ones."""
        self.was_allowed = False
        """Whether System_Enable was Allowed at any time."""
        self.reasons = Reasons()
        self.stage = ''
        """The last State before the end that says what was going on."""
        self.told = told
        self.left = LeftVoltage()

    @property
    def is_open(self) -> bool:
        """Whether it has not ended yet."""
        return self.end_s == math.inf

    @property
    def duration_s(self) -> float:
        """From begin to end."""
        return max(0.0, self.end_s - self.begin_s)

    @property
    def cause(self) -> str:
        """Why it did not end as it should, in words; empty for one that did."""
        if self.emergency:
            return self.reasons.of_emergency(self.emergency)
        if self.outcome != 'Rushed_Stop':
            return ''
        return self.reasons.of_end(
            self.end_s, was_allowed=self.was_allowed, state=self.stage)

    @property
    def is_whole(self) -> bool:
        """Whether it is in the log from its begin to its end."""
        return self.is_begin_known and self.outcome is not None

    @property
    def left_live_v(self) -> float:
        """The voltage that was not taken away as far as the log says, 0 where it was."""
        volts = self.left.volts
        return volts if not self.is_cut and volts >= TOUCHABLE_V else 0.0

    @property
    def is_left_live(self) -> bool:
        """Whether it was measured long enough after the end to say that it stayed."""
        return (bool(self.left_live_v) and self.left.seen_s - self.end_s >= GONE_S
                and not self.left.is_falling)

    def integrate(self, first_w: float, last_w: float, step_s: float) -> None:
        """Count the energy between two measurements, the power changing evenly."""
        self.has_energy = True
        hours = step_s / 7200
        if first_w > 0 or last_w > 0:
            self.charged_wh += (max(first_w, 0.0) + max(last_w, 0.0)) * hours
        if first_w < 0 or last_w < 0:
            self.discharged_wh -= (min(first_w, 0.0) + min(last_w, 0.0)) * hours

    def measure(
        self, now: Measured, before: Measured | None, command: CommandInForce,
    ) -> None:
        """
        Take a Power_Modules_Status while the session is open.

        :param before: the one before it, where that is of this session, too
        """
        status, time_s, power_w = now
        self.was_allowed = self.was_allowed or status.system_enable == 1
        if before is not None:
            self._see_step(before, now)
        voltage_v, current_a = status.present_voltage, status.present_current
        if self.peak_v is None or voltage_v > self.peak_v[0]:
            self.peak_v = Extreme(voltage_v, time_s)
        if self.peak_a is None or abs(current_a) > abs(self.peak_a[0]):
            self.peak_a = Extreme(current_a, time_s)
        if self.peak_w is None or abs(power_w) > abs(self.peak_w[0]):
            self.peak_w = Extreme(power_w, time_s)
        if command.is_insulated:
            self._see_insulation(
                voltage_v, status.insulation_resistance, time_s, command)

    def _see_step(self, before: Measured, now: Measured) -> None:
        """Take what happened from one status to the next."""
        step_s = now.time_s - before.time_s
        if 0 <= step_s <= INTEGRATE_S:
            self.integrate(before.power_w, now.power_w, step_s)
        elif step_s > 0:
            self.uncounted += 1
            self.uncounted_s += step_s
        if before.status.system_enable == 1 and now.status.system_enable == 0:
            self.reasons.note(
                WITHDRAWN, now.time_s, 'System_Enable was withdrawn by the charger')
            if len(self.withdrawals) < WITHDRAWALS:
                self.withdrawals.append(now.time_s)

    def _see_insulation(
        self, voltage_v: float, ohm: float, time_s: float, command: CommandInForce,
    ) -> None:
        is_test = bool(command.test_v)
        if is_test and voltage_v < 0.9 * command.test_v:
            return
        least = self.test_ohm if is_test else self.later_ohm
        if least is None or ohm < least.value:
            if is_test:
                self.test_ohm = Extreme(ohm, time_s)
            else:
                self.later_ohm = Extreme(ohm, time_s)
        needed_ohm = INSULATION_OHM_PER_V * max(voltage_v, command.insulated_v)
        kind = TEST if is_test else INSULATION
        if ohm >= needed_ohm:
            self.reasons.drop(kind)
            return
        words = 'the insulation test was not passed' if is_test else 'insulation too low'
        self.reasons.note(
            kind, time_s, f'{words}: {ohm / 1e3:.0f} kΩ at {voltage_v:.0f} V, '
            f'{needed_ohm / 1e3:.1f} kΩ are needed ({"R12" if is_test else "R14"})')

    def see_silence(self, time_s: float, heard_s: float) -> None:
        """
        Note the silence of the charger at a moment that may have ended the session.

        :param heard_s: when Power_Modules_Status was heard last
        """
        silent_s = time_s - max(heard_s, self.begin_s)
        if silent_s > SILENT_S:
            self.reasons.note(
                SILENCE, time_s, f'no Power_Modules_Status for {silent_s:.1f} s (R3)')
