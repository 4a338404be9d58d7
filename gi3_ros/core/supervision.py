"""
What the power modules do, held against what they were asked to do.

Each check is a :class:`Check`: is the measured value beyond its limit now, and the words that
become the fault when it has been for longer than ``over_limit_time``. Which checks belong to
which phase is decided in :mod:`.power`.
"""

import dataclasses
import math

LIMIT_SHARE = 0.05
"""What a good regulator and its sensor may be off, as a share of the limit; the parameters
``voltage_tolerance`` and ``current_tolerance`` come on top."""
PRECHARGE_TOLERANCE_A = 1.0
"""On top of the cap of the precharge, which is only a few amperes (R19)."""
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


def of_maximum(reading, limits, config):
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


def of_voltage(reading, setpoint_v, config):
    """Check the voltage while it is what the modules regulate (R11, R19)."""
    yield Check(
        'voltage',
        reading.voltage_v > setpoint_v * (1 + LIMIT_SHARE) + config.voltage_tolerance,
        f'over-voltage: {reading.voltage_v:.1f} V with a setpoint of {setpoint_v:g} V',
    )


def of_precharge(reading, cap_a):
    """Check the current of the precharge against its cap (R19)."""
    yield Check(
        'precharge current', abs(reading.current_a) > cap_a + PRECHARGE_TOLERANCE_A,
        f'precharge current {reading.current_a:.1f} A over its cap of {cap_a:g} A (R19)',
    )


def of_transfer(reading, setpoint_v, setpoint_a, config):
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
        'voltage', amperes > config.current_tolerance
        and volts > setpoint_v * (1 + LIMIT_SHARE) + config.voltage_tolerance,
        f'over-voltage: {volts:.1f} V at {amperes:.1f} A with a setpoint of {setpoint_v:g} V',
    )


def of_idle(reading):
    """Check that nothing flows while no power is commanded (R21)."""
    yield Check(
        'idle current', abs(reading.current_a) > IDLE_CURRENT_A,
        f'{reading.current_a:.1f} A although no power is commanded',
    )


def of_insulation(reading, target_v):
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

    def __init__(self, patience_s):
        self._patience_s = patience_s
        self._since_s = {}

    def see(self, checks, *, now_s):
        """Return the words of a check that has failed for too long, empty when none has."""
        checks = list(checks)
        failing = {check.name: check for check in checks if check.is_beyond}
        self._since_s = {name: self._since_s.get(name, now_s) for name in failing}
        for name, since_s in self._since_s.items():
            if now_s - since_s >= self._patience_s:
                return failing[name].words
        return ''
