# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
What the power modules do, held against what they were asked to do.

Each check is a :class:`Check`: is the measured value beyond its limit now, and the words that
become the fault when it has been for longer than ``over_limit_time``. Which checks belong to
which phase is decided in :class:`Supervision`, and by the function that runs
(:mod:`.regulators`).
"""

from collections.abc import Iterable, Iterator
import dataclasses
import math

from ..hardware import PowerMeasurement
from .inputs import Inputs
from .limits import ChargerLimits
from .memory import SessionMemory
from .parameters import PowerConfig
from .phases import BATTERY_CONNECTS, Phase, PhaseMachine

INSULATION_FROM_V = 200.0
"""From this output voltage on the insulation has to be measured (R13)."""
LIMIT_SHARE = 0.05
"""What a good regulator and its sensor may be off, as a share of the limit; the parameters
``voltage_tolerance`` and ``current_tolerance`` come on top."""
CAP_TOLERANCE_A = 1.0
"""On top of the current limit of precharge and insulation test: a few amperes (R19)."""
PUSHING_A = 1.0
"""From this current on the modules push: above their voltage setpoint that is a fault (R29)."""
TEST_LOAD_S = 3.0
"""For so long the current of an insulation test may charge what there is of capacitors (R11)."""
IDLE_CURRENT_A = 5.0
"""Through closed contactors although no power is commanded; more than a sensor's offset."""
INSULATION_OHM_PER_V = 100.0
"""R14"""


@dataclasses.dataclass(frozen=True, slots=True)
class Check:
    """One measured value against its limit."""

    name: str
    is_beyond: bool
    words: str
    patience_s: float | None = None
    """How long it may be so, where that differs from what the :class:`Watch` is told"""


def of_maximum(
    reading: PowerMeasurement, limits: ChargerLimits, config: PowerConfig,
) -> Iterator[Check]:
    """Check what holds in every phase: the configured maxima of charger and cable, and heat."""
    volts, amperes = reading.voltage_v, reading.current_a
    yield Check(
        'maximum voltage',
        volts > limits.max_voltage_v * (1 + LIMIT_SHARE) + config.voltage_tolerance,
        f'over-voltage: {volts:.1f} V with a maximum of {limits.max_voltage_v:g} V',
    )
    maximum_a = limits.max_current_a if amperes >= 0 else limits.max_discharge_current_a
    yield Check(
        'maximum current',
        abs(amperes) > maximum_a * (1 + LIMIT_SHARE) + config.current_tolerance,
        f'over-current: {amperes:.1f} A with a maximum of {maximum_a:g} A',
    )
    celsius = reading.power_modules_temperature_c
    yield Check(
        'temperature', celsius >= config.max_temperature,
        f'power modules at {celsius:.0f} °C, {config.max_temperature:g} °C is the end (R50)',
    )


def of_lost_temperature(reading: PowerMeasurement) -> Iterator[Check]:
    """Check a sensor that has been there: without it heat would go unseen (R50)."""
    yield Check(
        'temperature sensor', math.isnan(reading.power_modules_temperature_c),
        'power modules report no temperature any more',
    )


def of_voltage(
    reading: PowerMeasurement, setpoint_v: float, config: PowerConfig, *, window_v: float = 0.0,
) -> Iterator[Check]:
    """
    Check the voltage while it is what the modules regulate (R11, R19).

    :param window_v: how far above it the vehicle may connect a battery, in a precharge
    """
    room_v = max(setpoint_v * LIMIT_SHARE, window_v) + config.voltage_tolerance
    yield Check(
        'voltage', reading.voltage_v > setpoint_v + room_v,
        f'over-voltage: {reading.voltage_v:.1f} V with a setpoint of {setpoint_v:g} V',
    )


def of_current_cap(
    reading: PowerMeasurement, cap_a: float, function: str,
) -> Iterator[Check]:
    """Check the current of an insulation test (R11) or a precharge (R19) against its cap."""
    yield Check(
        'capped current', abs(reading.current_a) > cap_a + CAP_TOLERANCE_A,
        f'over-current: {reading.current_a:.1f} A in the {function}, its cap is {cap_a:g} A',
    )


def of_test_load(reading: PowerMeasurement, cap_a: float) -> Iterator[Check]:
    """Check that the insulation test charges capacitors and nothing else (R11)."""
    volts, amperes = reading.voltage_v, reading.current_a
    yield Check(
        'test load', abs(amperes) > min(PUSHING_A, cap_a / 2),
        f'{amperes:.1f} A go on flowing in the insulation test at {volts:.0f} V: is a battery or '
        'a load on the output?', TEST_LOAD_S,
    )


def of_transfer(
    reading: PowerMeasurement, setpoint_v: float, setpoint_a: float, config: PowerConfig,
) -> Iterator[Check]:
    """Check current and voltage of the power transfer (R24, R29)."""
    volts, amperes = reading.voltage_v, reading.current_a
    room_a = abs(setpoint_a) * LIMIT_SHARE + config.current_tolerance
    # Less than asked for is the modules' right (they may be at the voltage limit), more is not.
    yield Check(
        'current', not min(setpoint_a, 0.0) - room_a <= amperes <= max(setpoint_a, 0.0) + room_a,
        f'over-current: {amperes:.1f} A with a setpoint of {setpoint_a:.1f} A',
    )
    # A battery may sit above the setpoint by itself; pushing current into it then is the fault.
    yield Check(
        'voltage', amperes > PUSHING_A
        and volts > setpoint_v * (1 + LIMIT_SHARE) + config.voltage_tolerance,
        f'over-voltage: {volts:.1f} V at {amperes:.1f} A with a setpoint of {setpoint_v:g} V',
    )


def of_idle(reading: PowerMeasurement, config: PowerConfig) -> Iterator[Check]:
    """Check that nothing flows while no power is commanded; modules need time to stop (R21)."""
    yield Check(
        'idle current', abs(reading.current_a) > IDLE_CURRENT_A,
        f'{reading.current_a:.1f} A although no power is commanded', config.stopping_time,
    )


def of_insulation(reading: PowerMeasurement, target_v: float) -> Iterator[Check]:
    """Check the insulation after the test (R14); a value that is missing is not a good one."""
    ohms, volts = reading.insulation_resistance_ohm, max(target_v, reading.voltage_v)
    if math.isnan(ohms):
        yield Check(
            'insulation', True, 'insulation is not measured (R13); if the controller reads the '
            'monitor itself, set supervise_insulation to false (A37)',
        )
        return
    needed = INSULATION_OHM_PER_V * volts
    yield Check(
        'insulation', ohms < needed,
        f'insulation {ohms / 1e3:.1f} kOhm below {needed / 1e3:.1f} kOhm at {volts:.0f} V (R14)',
    )


class Watch:
    """
    How long each checked value has been beyond its limit.

    :param patience_s: seconds after which it counts; longer than a contactor's inrush
    """

    def __init__(self, patience_s: float) -> None:
        self._patience_s = patience_s
        self._since_s: dict[str, float] = {}

    def see(self, checks: Iterable[Check], *, now_s: float) -> str:
        """Return the words of a check that has failed for too long, empty when none has."""
        failing = {check.name: check for check in checks if check.is_beyond}
        self._since_s = {name: self._since_s.get(name, now_s) for name in failing}
        for name, since_s in self._since_s.items():
            check = failing[name]
            patience_s = self._patience_s if check.patience_s is None else check.patience_s
            if now_s - since_s >= patience_s:
                return check.words
        return ''

    @property
    def is_in_doubt(self) -> bool:
        """Whether something is beyond its limit, not for too long yet."""
        return bool(self._since_s)

    def restart(self) -> None:
        """Forget what was: another session begins."""
        self._since_s.clear()


class Supervision:
    """Holds the last reading against what the phase permits."""

    def __init__(
        self, config: PowerConfig, machine: PhaseMachine, inputs: Inputs, memory: SessionMemory,
    ) -> None:
        self._config = config
        self._machine = machine
        self._inputs = inputs
        self._memory = memory
        self._watch = Watch(config.over_limit_time)

    @property
    def is_in_doubt(self) -> bool:
        """Whether a measured value is wrong, not for too long yet."""
        return self._watch.is_in_doubt

    def restart(self) -> None:
        """Forget what was: another session begins."""
        self._watch.restart()

    def see(self, of_function: Iterable[Check], *, target_v: float, now_s: float) -> str:
        """
        Return the words of what has been wrong for too long, empty when nothing has.

        :param of_function: the checks of the function that runs, if one does
        :param target_v: Target_Voltage of the command in force
        """
        return self._watch.see(self._checks(of_function, target_v), now_s=now_s)

    def _checks(self, of_function: Iterable[Check], target_v: float) -> Iterator[Check]:
        """Yield what the last reading is held against in this phase."""
        config, reading, phase = self._config, self._inputs.modules.last, self._machine.phase
        yield from of_maximum(reading, config.limits, config)
        if self._inputs.modules.has_temperature:
            yield from of_lost_temperature(reading)
        yield from of_function
        if not self._machine.is_powered and self._inputs.stage.is_closed:
            yield from of_idle(reading, config)
        is_after_test = phase in BATTERY_CONNECTS or (
            phase is Phase.STANDBY and self._memory.battery_may_be_connected)
        # Without a voltage a monitor has nothing to measure with: that is no missing value.
        is_measurable = reading.voltage_v > INSULATION_FROM_V or not math.isnan(
            reading.insulation_resistance_ohm)
        if config.supervise_insulation and is_after_test and is_measurable:
            yield from of_insulation(reading, target_v)

    def against_reset(self) -> str:
        """Say what of the last reading a fault may not be reset with; empty if nothing."""
        config, reading = self._config, self._inputs.modules.last
        checks = [*of_maximum(reading, config.limits, config), *of_idle(reading, config)]
        if config.supervise_insulation and reading.voltage_v > INSULATION_FROM_V:
            checks += of_insulation(reading, 0.0)
        if self._inputs.modules.has_temperature:
            checks += of_lost_temperature(reading)
        return next((check.words for check in checks if check.is_beyond), '')
