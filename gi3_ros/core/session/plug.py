# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What is known of the plug: what is measured on both sides of the contactors, and its age."""

import math

from ..hardware import BATTERY_FROM_V, PowerMeasurement, Stage
from ..timing import FEEDBACK_MAX_AGE_S, MEASUREMENT_MAX_AGE_S, STAGE_MAX_AGE_S

SAFE_CURRENT_A = 1.0
SAFE_VOLTAGE_V = 20.0
"""R15, R44: the plug may be pulled below these."""


class Plug:
    """Ages the inputs that say whether the plug is live; ``now_s`` is seconds on one clock."""

    def __init__(self) -> None:
        self.measurement: PowerMeasurement | None = None
        self._measured_s = -math.inf
        self.stage = Stage.UNKNOWN
        self._has_output_contactors = True
        self._stage_s = -math.inf
        self._pistol_v = math.nan
        self._pistol_s = -math.inf

    def measure(self, measurement: PowerMeasurement, *, now_s: float) -> float | None:
        """
        Take a reading of the power modules' driver.

        :returns: seconds since the last, ``None`` if it was not taken: one that is no number or
            older than the last
        """
        if now_s < self._measured_s or not (
                math.isfinite(measurement.voltage_v) and math.isfinite(measurement.current_a)):
            return None
        elapsed_s = now_s - self._measured_s
        self.measurement, self._measured_s = measurement, now_s
        return elapsed_s

    def see_stage(self, stage: Stage, *, has_output_contactors: bool, now_s: float) -> None:
        """Take where the output stage is, and whether its contacts are our own."""
        self.stage, self._stage_s = stage, now_s
        self._has_output_contactors = has_output_contactors

    def see_pistol(self, voltage_v: float, *, now_s: float) -> None:
        """Take the voltage at the vehicle's side of the output contactors, NaN if unmeasured."""
        self._pistol_v, self._pistol_s = voltage_v, now_s

    def battery_reading(self, *, now_s: float) -> PowerMeasurement | None:
        """Return what is measured at the output if that is the battery: all closed and fresh."""
        reading = self.measurement
        is_battery = (
            reading is not None
            and self.stage is Stage.CLOSED and now_s - self._stage_s < STAGE_MAX_AGE_S
            and now_s - self._measured_s < MEASUREMENT_MAX_AGE_S
            # Behind a diode the output may be empty (R46): that is not the battery's voltage.
            and reading.voltage_v >= BATTERY_FROM_V)
        return reading if is_battery else None

    def is_dead(self, *, has_let_go: bool, is_closing: bool, now_s: float) -> bool:
        """
        Tell whether nothing dangerous is at the plug: the measured half of ``safe_to_unplug``.

        What is unknown is not safe. What counts is the voltage at the pistol. Where it is not
        measured, open contactors hide it, our own or those on the controller's relay: then only a
        controller without a session is trusted, which has let the plug go (R44).

        :param has_let_go: whether the controller has no session
        :param is_closing: whether it is closing one whose charge is over
        """
        reading = self.measurement
        if reading is None or now_s - self._measured_s >= MEASUREMENT_MAX_AGE_S or (
                now_s - self._stage_s >= STAGE_MAX_AGE_S):
            return False
        volts = reading.voltage_v
        if self._has_output_contactors:
            is_fresh = now_s - self._pistol_s < FEEDBACK_MAX_AGE_S
            if self.stage is not Stage.OPEN or not is_fresh:
                return False
            if not math.isnan(self._pistol_v):
                volts = max(volts, self._pistol_v)
                has_let_go |= is_closing
        return has_let_go and abs(reading.current_a) <= SAFE_CURRENT_A and volts <= SAFE_VOLTAGE_V
