# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
The setpoint of each function while it runs: insulation test, precharge, power transfer.

Each is a :class:`Regulator`: how it regulates, and what the reading of the modules is held
against meanwhile. All of them move the same :class:`Output`.
"""

import abc
from collections.abc import Iterator, Mapping

from ..hardware import ModulesMode, PowerMeasurement, PowerSetpoint
from ..stage.precharge import WINDOW_V
from . import supervision
from .advertised import AdvertisedLimits
from .commands import Commands
from .decision import Regulation
from .inputs import Modules
from .limits import DischargeWindow
from .memory import SessionMemory
from .parameters import PowerConfig
from .phases import Phase
from .setpoint import choose, Ramp

PRECHARGE_MAX_A = 20.0
"""A precharge charges capacitors; vehicles allow 0 .. 2 A (R19). More is never given."""


class Output:
    """Where voltage and current are on their ramps (R28)."""

    def __init__(self, config: PowerConfig) -> None:
        self.current = Ramp(config.current_ramp_up_rate, config.current_ramp_down_rate)
        self.voltage = Ramp(config.voltage_ramp_up_rate, config.voltage_ramp_down_rate)
        self.highest_v = 0.0
        """The highest voltage that this phase began with or asked for."""

    def restart(self, *, present_v: float, limit_v: float, maximum_v: float) -> None:
        """Begin at no current and at the voltage that is there, but not above the limit."""
        self.current.reset()
        self.voltage.reset(min(present_v, limit_v))
        self.highest_v = min(present_v, maximum_v)

    def move_voltage(self, limit_v: float, *, now_s: float) -> float:
        """Move the voltage along its ramp, and return it."""
        voltage_v = self.voltage.move(limit_v, now_s=now_s)
        self.highest_v = max(self.highest_v, voltage_v)
        return voltage_v


class Regulator(abc.ABC):
    """One function of the modules."""

    def __init__(
        self, config: PowerConfig, commands: Commands, modules: Modules, output: Output,
    ) -> None:
        self._config = config
        self._limits = config.limits
        self._commands = commands
        self._modules = modules
        self._output = output

    @property
    def limit_v(self) -> float:
        """Where the voltage goes: what is commanded, as far as charger and cable can."""
        return min(self._commands.in_force.target_voltage, self._limits.max_voltage_v)

    def restart(self) -> None:
        """Begin anew; whatever stops, stops at once, and the next start begins at nothing."""
        self._output.restart(
            present_v=max(0.0, self._modules.last.voltage_v), limit_v=self.limit_v,
            maximum_v=self._limits.max_voltage_v)

    @abc.abstractmethod
    def regulate(self, *, now_s: float) -> Regulation:
        """Return the setpoint of now, with the stage closed."""

    @abc.abstractmethod
    def checks(self, reading: PowerMeasurement) -> Iterator[supervision.Check]:
        """Yield what a reading is held against while the function runs."""


class InsulationTest(Regulator):
    """R11: the voltage of the command; its currents mean nothing."""

    def regulate(self, *, now_s: float) -> Regulation:
        """Hold the test voltage, with the current of the parameter."""
        limit_v, target_v = self.limit_v, self._commands.in_force.target_voltage
        voltage_v = self._output.move_voltage(limit_v, now_s=now_s)
        current_a = self._config.insulation_test_current
        is_clamped = limit_v < target_v
        note = f'test voltage {target_v:g} V is above the maximum of {limit_v:g} V'
        return Regulation(
            PowerSetpoint(ModulesMode.REGULATE, voltage_v, current_a, 'Insulation_Test'),
            note if is_clamped else '', ('maximum voltage',) if is_clamped else (),
            target_a=current_a, wanted_a=current_a)

    def checks(self, reading: PowerMeasurement) -> Iterator[supervision.Check]:
        """Hold the voltage against its setpoint, the current against what capacitors need."""
        cap_a = self._config.insulation_test_current
        # Modules that only source cannot follow a target that falls: no fault of theirs.
        yield from supervision.of_voltage(reading, self._output.highest_v, self._config)
        yield from supervision.of_current_cap(reading, cap_a, 'insulation test')
        yield from supervision.of_test_load(reading, cap_a)


class Precharge(Regulator):
    """R19: the voltage of the battery, with no more current than the vehicle allows."""

    @property
    def cap_a(self) -> float:
        """The current that the vehicle allows, but not less than the modules need (A13)."""
        asked_a = self._commands.in_force.current_range_max
        cap_a = max(asked_a, self._config.precharge_min_current)
        return min(cap_a, self._limits.max_current_a, PRECHARGE_MAX_A)

    def regulate(self, *, now_s: float) -> Regulation:
        """Go to the voltage of the battery, unless it is below what this charger can do."""
        limit_v, least_v = self.limit_v, self._limits.min_charger_voltage
        command, cap_a = self._commands.in_force, self.cap_a
        if limit_v < least_v:
            note = (f'Target_Voltage {command.target_voltage:g} V is below min_charger_voltage '
                    f'{least_v:g} V')
            return Regulation(PowerSetpoint(reason=note), note, ('charger minimum',))
        voltage_v, allowed_a = (
            self._output.move_voltage(limit_v, now_s=now_s), command.current_range_max)
        regulation = Regulation(
            PowerSetpoint(ModulesMode.REGULATE, voltage_v, cap_a, 'Precharge'),
            target_a=cap_a, wanted_a=allowed_a)
        if cap_a == allowed_a:
            return regulation
        return regulation._replace(
            note=f'{cap_a:g} A in the precharge, the vehicle allows {allowed_a:g} A (A13)',
            limited_by=('precharge minimum' if cap_a > allowed_a else 'charger',))

    def checks(self, reading: PowerMeasurement) -> Iterator[supervision.Check]:
        """Hold the voltage against the window of the vehicle, the current against its cap."""
        yield from supervision.of_voltage(
            reading, self._output.highest_v, self._config, window_v=WINDOW_V)
        yield from supervision.of_current_cap(reading, self.cap_a, 'precharge')


class Transfer(Regulator):
    """R24, R25: the current that :func:`~.setpoint.choose` chose, along its ramp."""

    def __init__(
        self, config: PowerConfig, commands: Commands, modules: Modules, output: Output,
        memory: SessionMemory, advertised: AdvertisedLimits,
    ) -> None:
        super().__init__(config, commands, modules, output)
        self._memory = memory
        self._advertised = advertised
        self._window = DischargeWindow(config.limits)

    @property
    def limit_v(self) -> float:
        """As ever; where the choice is ours, what ``set_limits`` left holds at once, too."""
        limit_v = super().limit_v
        return min(limit_v, self._advertised.ceiling_v) if self._memory.may_choose else limit_v

    def restart(self) -> None:
        """Begin anew; an output that no current was drawn from has not sagged."""
        super().restart()
        self._window.restart()

    def regulate(self, *, now_s: float) -> Regulation:
        """Move the current towards what was chosen."""
        command, limits, modules = self._commands.in_force, self._limits, self._modules
        wishes, volts = self._memory.wishes, modules.last.voltage_v
        may_discharge = self._window.permits(volts)
        choice = choose(
            command, limits, lease=wishes.leases.in_force(now_s=now_s), ocpp_a=wishes.ocpp_a,
            voltage_v=volts, share=modules.share, may_discharge=may_discharge,
            ceilings_a=self._advertised.ceilings_a,
        )
        current_a = self._move_current(
            choice.target_a, volts=volts, may_discharge=may_discharge, now_s=now_s)
        limit_v = self.limit_v
        voltage_v = self._output.move_voltage(limit_v, now_s=now_s)
        limited_by = choice.limited_by
        if current_a != choice.target_a:
            limited_by += ('ramp',)
        if limit_v < command.target_voltage:
            limited_by += ('maximum voltage',)
        note = ''
        if limited_by:
            note = f'{current_a:.1f} A of {choice.wanted_a:g} A: {", ".join(limited_by)}'
        return Regulation(
            PowerSetpoint(
                ModulesMode.REGULATE, voltage_v, current_a, f'{choice.source}: transfer'),
            note, limited_by, choice.target_a, choice.wanted_a, command.current_range_min,
            command.current_range_max, choice.source)

    def _move_current(
        self, target_a: float, *, volts: float, may_discharge: bool, now_s: float,
    ) -> float:
        """Ramp the vehicle's steps (R28); our own limits hold at once."""
        limits, share, current = self._limits, self._modules.share, self._output.current
        current.move(target_a, now_s=now_s)
        discharge_a, _ = limits.largest(
            discharging=True, voltage_v=volts, share=share, may_discharge=may_discharge)
        charge_a, _ = limits.largest(discharging=False, voltage_v=volts, share=share)
        current.clamp(0.0 - discharge_a, charge_a)
        return current.value

    def checks(self, reading: PowerMeasurement) -> Iterator[supervision.Check]:
        """Hold current and voltage against their setpoints."""
        yield from supervision.of_transfer(
            reading, self._output.voltage.value, self._output.current.value, self._config)


def regulators_for(
    config: PowerConfig, commands: Commands, modules: Modules, memory: SessionMemory,
    advertised: AdvertisedLimits,
) -> Mapping[Phase, Regulator]:
    """Return the regulator of each powered phase; they share one output."""
    output = Output(config)
    return {
        Phase.INSULATION_TEST: InsulationTest(config, commands, modules, output),
        Phase.PRECHARGE: Precharge(config, commands, modules, output),
        Phase.POWER_TRANSFER: Transfer(config, commands, modules, output, memory, advertised),
    }
