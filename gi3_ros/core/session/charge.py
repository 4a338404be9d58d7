# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""One charge from its announcement to its end: its energy, its time, how it ended."""

from ..hardware import PowerMeasurement
from ..timing import MEASUREMENT_MAX_AGE_S


class Charge:
    """
    What is counted and remembered of a charge; it stays until the next one begins.

    ``now_s`` is seconds on one monotonic clock.
    """

    def __init__(self) -> None:
        self.began_s: float | None = None
        self.ended_s: float | None = None
        self.protocol = ''
        self.end_reason = ''
        self.charged_wh = 0.0
        self.discharged_wh = 0.0
        self.peak_w = 0.0

    @property
    def is_running(self) -> bool:
        """Whether one has begun and not ended."""
        return self.began_s is not None and self.ended_s is None

    @property
    def is_over(self) -> bool:
        """Whether the last one has ended."""
        return self.ended_s is not None

    def begin(self, *, now_s: float) -> None:
        """Count from zero."""
        self.began_s, self.ended_s = now_s, None
        self.end_reason = ''
        self.charged_wh = self.discharged_wh = self.peak_w = 0.0

    def end(self, reason: str, *, now_s: float) -> None:
        """Remember when and how it ended."""
        self.ended_s, self.end_reason = now_s, reason

    def count(
        self, before: PowerMeasurement, reading: PowerMeasurement, elapsed_s: float,
    ) -> None:
        """Count the energy between two readings, if none is missing between them."""
        if not self.is_running or not 0 < elapsed_s < MEASUREMENT_MAX_AGE_S:
            return
        power_w = (
            before.voltage_v * before.current_a + reading.voltage_v * reading.current_a) / 2
        energy_wh = power_w * elapsed_s / 3600
        self.charged_wh += max(0.0, energy_wh)
        self.discharged_wh += max(0.0, -energy_wh)
        self.peak_w = max(self.peak_w, abs(power_w))

    def duration_s(self, until_s: float) -> float:
        """Return how long it has lasted, 0 before the first one."""
        if self.began_s is None:
            return 0.0
        # Of a session whose controller is silent nobody knows whether it goes on.
        last_s = max(until_s, self.began_s) if self.ended_s is None else self.ended_s
        return last_s - self.began_s
