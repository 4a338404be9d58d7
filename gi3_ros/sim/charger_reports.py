# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What the charger has said: :class:`ChargerReports`, the controller's view of it."""

import math

from ..core.interface.signals import (
    AdmCsSeccOutputs,
    DcPowerParameters,
    PowerModulesStatus,
    SequenceControl,
)
from ..core.power.limits import Derating
from .agreement import ChargeLimits, charger_limits
from .config import ControllerConfig
from .vehicle import Vehicle

DERATING_C = 75.0
MAX_TEMPERATURE_C = 85.0
"""Of the power modules: half the current at the second, where the charge ends (R50)."""
_NO_SENSOR_C = PowerModulesStatus().power_modules_temperature


class ChargerReports:
    """The last messages of the charger, and what follows from them."""

    def __init__(self, config: ControllerConfig, vehicle: Vehicle) -> None:
        self.status = PowerModulesStatus()
        self.status_at_s = -math.inf
        self.is_status_new = False
        """Whether it came since the last tick."""
        self.parameters = DcPowerParameters()
        self.flags = SequenceControl()
        self.outputs = AdmCsSeccOutputs()
        """What the charger wants of the digital outputs."""
        self._config = config
        self._vehicle = vehicle
        self._derating = Derating(DERATING_C, MAX_TEMPERATURE_C)

    def take_status(self, status: PowerModulesStatus, *, now_s: float) -> None:
        """Take what the power modules report."""
        self.status = status
        self.status_at_s = now_s
        self.is_status_new = True

    @property
    def may_start(self) -> bool:
        """Whether the charger allows a session; without the flags it always does (R34)."""
        return bool(
            not self._config.use_sequence_flags or self.flags.start_charge_authorisation)

    @property
    def are_parameters_done(self) -> bool:
        """Whether its parameters are final (R37)."""
        return bool(not self._config.use_sequence_flags or self.flags.charge_parameters_done)

    @property
    def is_enabled(self) -> bool:
        """Whether the power modules are."""
        return self.status.system_enable is PowerModulesStatus.SystemEnable.ALLOWED

    @property
    def modules_c(self) -> float:
        """Temperature of the power modules, NaN when they do not tell (R50)."""
        celsius = self.status.power_modules_temperature
        return celsius if celsius > _NO_SENSOR_C else math.nan

    def insulation_ohm(self) -> float:
        """Return what counts: a monitor of the controller's own, or what the charger says."""
        if self._config.has_own_monitor:
            return self._vehicle.insulation_resistance_ohm
        return self.status.insulation_resistance

    def limits(self) -> ChargeLimits:
        """Return what charger and cable can do now."""
        return charger_limits(
            self._config.limits, self.parameters, self._derating.share(self.modules_c))

    def output_levels(self, first: int) -> int:
        """Return the levels of the digital outputs from the ``first`` on; bit 0 is output 1."""
        outputs = self.outputs
        levels = (outputs.digital_output1, outputs.digital_output2, outputs.digital_output3,
                  outputs.digital_output4)
        return sum(level << n for n, level in enumerate(levels) if n >= first - 1)
