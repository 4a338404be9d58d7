# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
Supervision of the CCS precharge (R19, R20).

The vehicle ends it, there is no 'done' message: a Standby that follows is how we know.
"""

import dataclasses
import enum
import math

from ..command import illegality, Request, request_of
from ..hardware import ModulesMode, PowerMeasurement, PowerSetpoint
from ..interface.layout import Message
from ..interface.signals import DcPowerControl
from ..timing import CONTROLLER_TIMEOUT_S, MEASUREMENT_MAX_AGE_S

WINDOW_V = 20.0
"""
R19: the vehicle connects within +/- 20 V of its battery.

Of this charger. The audit has its own tolerance (rules/tolerances.py), the simulated vehicle its
own window (sim/vehicle.py): neither shall agree with a mistake made here.
"""
CURRENT_TOLERANCE_A = 0.5
"""What a measured current may be above its cap: sensors of large modules are no better."""


class Verdict(enum.IntEnum):
    """How the precharge goes; the numbers are those of ``PrechargeStatus.msg``."""

    IDLE = 0
    RUNNING = 1
    IN_WINDOW = 2
    DONE = 3
    ABORTED = 4
    TIMED_OUT = 5
    OVER_CURRENT = 6
    UNKNOWN = 7
    """It lasts, but nothing is measured any more. Any undefined number is this."""

    @classmethod
    def _missing_(cls, _value: object) -> 'Verdict':
        return cls.UNKNOWN


class Kind(enum.IntEnum):
    """Whose precharge it is; the numbers are those of ``PrechargeStatus.msg``."""

    CCS = 0
    """By the power modules, to the battery's voltage (R19)."""
    V2G = 1
    """By the battery, through the resistor of the stage (R47)."""


@dataclasses.dataclass(frozen=True, slots=True)
class Progress:
    """Where the precharge is. Volts, amperes, seconds."""

    target_v: float
    present_v: float
    current_a: float
    current_cap_a: float
    elapsed_s: float
    verdict: Verdict
    kind: Kind = Kind.CCS
    energy_j: float = 0.0
    """Into the resistor of the stage."""

    @property
    def difference_v(self) -> float:
        """Present voltage minus target."""
        return self.present_v - self.target_v

    @property
    def unmeasured(self) -> 'Progress':
        """The same without what is not measured any more."""
        return dataclasses.replace(
            self, present_v=math.nan, current_a=math.nan, verdict=Verdict.UNKNOWN)

    @property
    def words(self) -> str:
        """Tell it in a line."""
        energy = f', {self.energy_j:.0f} J into the resistor' if self.kind is Kind.V2G else ''
        hint = ''
        if self.verdict is Verdict.TIMED_OUT:
            hint = ('; it is the vehicle that ends it: if it does not, look at the voltage at its '
                    'inlet')
        if self.verdict is Verdict.UNKNOWN:
            hint = '; the power modules are not measured any more: look at their driver'
        return (
            f'precharge {self.verdict.name} after {self.elapsed_s:.2f} s: {self.present_v:.1f} V '
            f'of {self.target_v:.1f} V, {self.current_a:.1f} A{energy}{hint}')


class PrechargeSupervision:
    """
    Watches one precharge after another.

    :param timeout_s: a precharge that lasts longer is called timed out
    """

    def __init__(self, timeout_s: float) -> None:
        self.timeout_s = timeout_s
        self._command = DcPowerControl()
        self._began_s: float | None = None
        self._ended_s: float | None = None
        self._is_end_told = True
        self._is_lost = False
        """Ended by a controller that fell silent, not by the vehicle."""
        self._heard_s = -math.inf
        self._voltage_v = math.nan
        self._current_a = math.nan
        self._measured_s = -math.inf
        self._allowed_a = 0.0

    def receive(self, message: Message, *, now_s: float) -> None:
        """Take a decoded message of the controller: its commands, and that it lives."""
        self._heard_s = max(now_s, self._heard_s)
        if not isinstance(message, DcPowerControl) or illegality(message):
            return
        if request_of(message) is Request.PRECHARGE:
            if self._began_s is None or self._ended_s is not None:
                self._began_s, self._ended_s = now_s, None
                self._is_end_told = self._is_lost = False
            self._command = message
        elif self._began_s is not None and self._ended_s is None:
            self._ended_s = now_s

    def measure(self, measurement: PowerMeasurement, *, now_s: float) -> None:
        """Take a reading of the power modules' driver; after the end it no longer counts."""
        if self._ended_s is None:
            self._voltage_v, self._current_a = measurement.voltage_v, measurement.current_a
            self._measured_s = now_s

    def see_setpoint(self, setpoint: PowerSetpoint) -> None:
        """Take power_control's setpoint: it may permit more than the vehicle does (A13)."""
        if setpoint.mode is ModulesMode.REGULATE:
            self._allowed_a = setpoint.current_a

    def progress(self, *, now_s: float) -> Progress | None:
        """Return the :class:`Progress`, or ``None`` when no precharge was seen yet."""
        if self._began_s is None:
            return None
        end_s = now_s if self._ended_s is None else self._ended_s
        elapsed_s = end_s - self._began_s
        progress = Progress(
            self._command.target_voltage, self._voltage_v, self._current_a,
            self._command.current_range_max, elapsed_s, self._verdict(elapsed_s),
        )
        # What the modules measured before they fell silent is not what is there now.
        if end_s - self._measured_s >= MEASUREMENT_MAX_AGE_S or math.isnan(self._voltage_v):
            return progress.unmeasured
        return progress

    def _verdict(self, elapsed_s: float) -> Verdict:
        in_window = abs(self._voltage_v - self._command.target_voltage) <= WINDOW_V
        if self._is_lost:
            return Verdict.ABORTED
        if self._ended_s is not None:
            return Verdict.DONE if in_window else Verdict.ABORTED
        if elapsed_s > self.timeout_s:
            return Verdict.TIMED_OUT
        if abs(self._current_a) > CURRENT_TOLERANCE_A + max(
                self._command.current_range_max, self._allowed_a):
            return Verdict.OVER_CURRENT
        return Verdict.IN_WINDOW if in_window else Verdict.RUNNING

    def _end_if_lost(self, now_s: float) -> None:
        # Whatever it commanded last: one that is silent commands nothing any more (R1).
        if (self._began_s is not None and self._ended_s is None
                and now_s - self._heard_s >= CONTROLLER_TIMEOUT_S):
            self._ended_s, self._is_lost = now_s, True

    def take_news(self, *, now_s: float) -> Progress | None:
        """Return the :class:`Progress` while a precharge lasts and once after it."""
        self._end_if_lost(now_s)
        if self._is_end_told:
            return None
        self._is_end_told = self._ended_s is not None
        return self.progress(now_s=now_s)
