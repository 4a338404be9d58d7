# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Power_Modules_Status, the heartbeat of the charger: what it says, and when it is due."""

import math

from ..hardware import PowerMeasurement
from ..interface.signals import PowerModulesStatus
from .bleeding import SAFE_VOLTAGE_V
from .inputs import Inputs
from .memory import SessionMemory
from .phases import Phase, PhaseMachine

STATUS_PERIOD_S = 0.1
"""R2"""
INSULATION_SATURATION_OHM = 510e3
"""R13: the largest value that Power_Modules_Status carries"""


def power_modules_status(reading: PowerMeasurement, *, is_allowed: bool) -> PowerModulesStatus:
    """Put a reading into the words of Power_Modules_Status (R13, R50)."""
    enable = PowerModulesStatus.SystemEnable
    return PowerModulesStatus(
        present_voltage=_inside(reading.voltage_v, 0.0, 6553.5),
        present_current=_inside(reading.current_a, -3276.8, 3276.7),
        power_modules_temperature=_inside(reading.power_modules_temperature_c, -40.0, 215.0),
        enclosure_temperature=_inside(reading.enclosure_temperature_c, -40.0, 215.0),
        system_enable=enable.ALLOWED if is_allowed else enable.NOT_ALLOWED,
        insulation_resistance=_inside(
            reading.insulation_resistance_ohm, 0.0, INSULATION_SATURATION_OHM,
        ),
    )


def _inside(value: float, low: float, high: float) -> float:
    """Saturate at the ends of the signal; without a sensor say its lowest value."""
    return low if math.isnan(value) else min(max(value, low), high)


class ModulesStatus:
    """When the status frame is due."""

    def __init__(self, machine: PhaseMachine, inputs: Inputs, memory: SessionMemory) -> None:
        self._machine = machine
        self._inputs = inputs
        self._memory = memory
        self._next_s = -math.inf

    def hurry(self) -> None:
        """Make it due now: the controller must learn of a fault before the next period."""
        self._next_s = -math.inf

    @property
    def due_s(self) -> float:
        """When the next one is due, if there is something to say."""
        return self._next_s

    def due(self, *, now_s: float) -> PowerModulesStatus | None:
        """
        Return the status frame when it is time (R2), with a reading that is fresh, or nothing.

        Silence is right when there is nothing true to say, and outside a session once the output
        is safe. A session that we have no part in is told so by System_Enable.
        """
        reading = self._inputs.modules.reading(now_s=now_s)
        if reading is None:
            return None
        if (self._machine.phase is Phase.IDLE and reading.voltage_v <= SAFE_VOLTAGE_V
                and not self._memory.has_no_part(self._inputs.controller, now_s=now_s)):
            return None
        if now_s < self._next_s:
            return None
        late_s = now_s - self._next_s
        self._next_s = (self._next_s if late_s < STATUS_PERIOD_S else now_s) + STATUS_PERIOD_S
        return power_modules_status(reading, is_allowed=self._machine.is_enabled)
