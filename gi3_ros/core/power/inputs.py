# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
What power_control is told by others, and how old it is: every input ages.

The controller ages in :class:`~..controller_watch.ControllerWatch`, its commands in
:class:`~.commands.Commands`. The figures stand in :mod:`..timing`. ``now_s`` is seconds on one
monotonic clock, for an input the time at which it was true.
"""

import math

from ..controller_watch import ControllerWatch
from ..deadlines import ROUNDING_S
from ..hardware import PowerMeasurement, Stage
from ..timing import MEASUREMENT_FAULT_AGE_S, MEASUREMENT_MAX_AGE_S, STAGE_MAX_AGE_S
from .limits import Derating
from .parameters import PowerConfig


def nonsense_in(measurement: PowerMeasurement) -> str:
    """Say why a reading cannot be taken; empty when it can. A sensor may be missing (NaN)."""
    volts, amperes = measurement.voltage_v, measurement.current_a
    modules_c = measurement.power_modules_temperature_c
    enclosure_c = measurement.enclosure_temperature_c
    if (math.isfinite(volts) and math.isfinite(amperes)
            and not math.isinf(modules_c) and not math.isinf(enclosure_c)):
        return ''
    return (f'the driver measures {volts} V, {amperes} A, {modules_c} and {enclosure_c} °C: '
            'not taken')


class Modules:
    """The readings of the power modules' driver."""

    def __init__(self, config: PowerConfig) -> None:
        self._derating = Derating(config.derating_temperature, config.max_temperature)
        self.last = PowerMeasurement(voltage_v=0.0, current_a=0.0, is_ready=False)
        """The last reading, however old; before the first one, nothing."""
        self.measured_s = -math.inf
        self.share = 1.0
        """Of the current, that the temperature allows (R50)."""
        self.has_temperature = False
        """Whether there has been a sensor: one that falls silent is a fault."""

    def take(self, measurement: PowerMeasurement, *, now_s: float) -> None:
        """Take a reading in which :func:`nonsense_in` finds nothing."""
        self.last, self.measured_s = measurement, now_s
        self.share = self._derating.share(measurement.power_modules_temperature_c)
        self.has_temperature |= not math.isnan(measurement.power_modules_temperature_c)

    def reading(self, *, now_s: float) -> PowerMeasurement | None:
        """Return the last reading while it is young enough to be used, else ``None`` (R5)."""
        return self.last if now_s - self.measured_s < MEASUREMENT_MAX_AGE_S else None

    @property
    def silent_s(self) -> float:
        """When missing readings are a fault, if none comes."""
        return self.measured_s + MEASUREMENT_FAULT_AGE_S + ROUNDING_S

    def silence(self, *, now_s: float) -> str:
        """Say that readings are missing; empty while they come."""
        age_s = now_s - self.measured_s
        if age_s < MEASUREMENT_FAULT_AGE_S:
            return ''
        if self.measured_s == -math.inf:
            return 'power modules: nothing measured yet'
        return f'power modules silent: last measurement {age_s * 1e3:.0f} ms ago'

    def not_ready(self, *, now_s: float) -> str:
        """Name what the modules lack to run; empty when they are ready."""
        silence = self.silence(now_s=now_s)
        if silence:
            return silence
        if self.last.fault:
            return f'power modules report a fault: {self.last.fault}'
        if not self.last.is_ready:
            return 'power modules are not ready'
        return ''


class StageReports:
    """What the output stage reports."""

    def __init__(self) -> None:
        self.stage = Stage.OPEN
        self.reason = 'nothing heard from it yet'
        self.has_output_contactors = True
        self.sees_battery = False
        """Whether it says that a battery may be at the pistol."""
        self._heard_s = -math.inf

    def take(
        self, stage: int, reason: str, *, has_output_contactors: bool, sees_battery: bool,
        now_s: float,
    ) -> None:
        """Take a report; an undefined number is ``Stage.UNKNOWN``."""
        self.stage, self.reason, self._heard_s = Stage(stage), reason, now_s
        self.has_output_contactors, self.sees_battery = has_output_contactors, sees_battery

    @property
    def is_closed(self) -> bool:
        """Whether its last word is that the contacts are closed."""
        return self.stage is Stage.CLOSED

    @property
    def words(self) -> str:
        """What it says, and why."""
        return f'{self.stage.name} {self.reason}'.rstrip()

    @property
    def silent_s(self) -> float:
        """When it counts as silent, if nothing more is heard."""
        return self._heard_s + STAGE_MAX_AGE_S + ROUNDING_S

    def is_open(self, *, now_s: float) -> bool:
        """Return whether it says that the contacts are open, and said so a moment ago."""
        return self.stage is Stage.OPEN and now_s - self._heard_s < STAGE_MAX_AGE_S

    def not_ready(self, *, now_s: float) -> str:
        """Say that it is silent or has a fault; empty otherwise."""
        age_s = now_s - self._heard_s
        if age_s >= STAGE_MAX_AGE_S:
            return f'output stage silent: last word {age_s * 1e3:.0f} ms ago'
        if self.stage is Stage.FAULT:
            return f'output stage: {self.reason}'
        return ''


class Inputs:
    """All that power depends on besides commands, and what of it forbids power."""

    def __init__(self, config: PowerConfig) -> None:
        self.controller = ControllerWatch()
        self.modules = Modules(config)
        self.stage = StageReports()

    def not_ready(self, *, now_s: float) -> str:
        """Name what our own side lacks to run; empty when it is ready (R6)."""
        return self.modules.not_ready(now_s=now_s) or self.stage.not_ready(now_s=now_s)

    def forbids(self, *, now_s: float) -> str:
        """Name a cause that forbids power, whatever is commanded; empty if none."""
        return self.controller.forbids(now_s=now_s) or self.not_ready(now_s=now_s)
