"""
The power modules' circuit and the driver in front of it: physics, not an echo.

    modules --+---[contactors]--[cable]--+---[vehicle contactors]--[R]--(battery)
              |                          |
         output C, bleeder          pistol C, insulation

:class:`Circuit` solves the two capacitor nodes, :class:`PowerModules` is what a power modules
driver would be to the charger: set-points and contactor commands in, measurements out.
Neither owns a clock.
"""

import dataclasses
import math
import random

from ..core.hardware import (
    COMMAND_TIMEOUT_S,
    Contact,
    ContactorFeedback,
    DRIVER_TIMEOUT_S,
    ModulesMode,
    PowerMeasurement,
    PowerSetpoint,
)
from .plug import InletReading, UNPLUGGED

STEP_S = 0.001
"""Time step of the circuit."""
_MAX_CATCH_UP_S = 1.0
"""A longer pause of the caller is not simulated: the driver has timed out long before."""
_EPSILON_S = 1e-9


@dataclasses.dataclass(frozen=True)
class CircuitConfig:
    """The parts of the circuit; defaults of a 60 kW charger with its own contactors."""

    output_capacitance_f: float = 400e-6
    pistol_capacitance_f: float = 2e-6
    """Cable and vehicle inlet."""
    bleeder_ohm: float = 680.0
    leakage_ohm: float = 1e6
    """Voltage sensing across the output, always there."""
    cable_ohm: float = 0.01
    precharge_ohm: float = 500.0
    """In series with the precharge relay (R47)."""
    charger_insulation_ohm: float = 2e6
    max_voltage_v: float = 1000.0
    max_current_a: float = 150.0
    max_power_w: float = 60e3
    min_discharge_voltage_v: float = 50.0
    """Below it the modules cannot draw from the vehicle."""
    slew_a_per_s: float = 2000.0
    """How fast the current limit of the regulator moves; the voltage loop cuts at once."""


@dataclasses.dataclass
class Ledger:
    """Where energy and charge went, in joules and coulombs since the start."""

    modules_j: float = 0.0
    bled_j: float = 0.0
    leaked_j: float = 0.0
    path_loss_j: float = 0.0
    """In the cable, the contactors and the precharge resistor."""
    vehicle_j: float = 0.0
    """Through the vehicle's contactors."""
    battery_loss_j: float = 0.0
    battery_j: float = 0.0
    """Stored in the battery, the loss in its resistance taken off."""
    modules_c: float = 0.0
    vehicle_c: float = 0.0


class Circuit:
    """
    Two capacitor nodes and what hangs on them.

    Backward Euler: closing a contactor makes time constants of microseconds, and this scheme
    stays stable with any step.
    """

    def __init__(self, config=None):
        self.config = config or CircuitConfig()
        self.ledger = Ledger()
        self.output_voltage_v = 0.0
        self.pistol_voltage_v = 0.0
        self.modules_current_a = 0.0
        self.output_current_a = 0.0
        """Through the charger's contactors, towards the vehicle."""
        self.vehicle_current_a = 0.0
        """Through the vehicle's contactors, into the battery."""
        self._limit_a = 0.0

    @property
    def stored_j(self):
        """Energy in the two capacitors."""
        return 0.5 * (
            self.config.output_capacitance_f * self.output_voltage_v ** 2
            + self.config.pistol_capacitance_f * self.pistol_voltage_v ** 2
        )

    @property
    def stored_c(self):
        """Charge in the two capacitors."""
        return (
            self.config.output_capacitance_f * self.output_voltage_v
            + self.config.pistol_capacitance_f * self.pistol_voltage_v
        )

    def step(
        self, dt_s, *, mode=ModulesMode.OFF, voltage_v=0.0, current_a=0.0,
        output_closed=False, precharge_closed=False, inlet=UNPLUGGED,
    ):
        """Go on by ``dt_s`` with the modules, contactors and vehicle as given."""
        config = self.config
        output_s = config.output_capacitance_f / dt_s
        pistol_s = config.pistol_capacitance_f / dt_s
        bleeder = 1.0 / config.bleeder_ohm if mode is ModulesMode.BLEED else 0.0
        leakage = 1.0 / config.leakage_ohm
        path = 0.0
        if output_closed:
            path = 1.0 / config.cable_ohm
        elif precharge_closed:
            path = 1.0 / (config.precharge_ohm + config.cable_ohm)
        is_connected = inlet.is_plugged and inlet.contactors_closed
        vehicle = 1.0 / inlet.battery_resistance_ohm if is_connected else 0.0
        insulation = 1.0 / inlet.insulation_resistance_ohm if inlet.is_plugged else 0.0

        # Kirchhoff's current law at the two nodes, linear in the current of the modules:
        #   (at_output + path) * v_output - path * v_pistol = from_output + modules' current
        #   (at_pistol + path) * v_pistol - path * v_output = from_pistol
        at_output = output_s + bleeder + leakage
        at_pistol = pistol_s + vehicle + insulation
        from_output = output_s * self.output_voltage_v
        from_pistol = pistol_s * self.pistol_voltage_v + vehicle * inlet.battery_emf_v
        determinant = at_output * at_pistol + (at_output + at_pistol) * path
        floating_v = ((at_pistol + path) * from_output + path * from_pistol) / determinant
        volts_per_amp = (at_pistol + path) / determinant

        modules_a = 0.0
        if mode is ModulesMode.REGULATE:
            modules_a = self._regulate(dt_s, voltage_v, current_a, floating_v, volts_per_amp)
        else:
            self._limit_a = 0.0
        output_v = floating_v + volts_per_amp * modules_a
        pistol_v = (
            (at_output + path) * from_pistol + path * (from_output + modules_a)
        ) / determinant
        output_a = path * (output_v - pistol_v)
        vehicle_a = vehicle * (pistol_v - inlet.battery_emf_v)

        ledger = self.ledger
        ledger.modules_j += modules_a * output_v * dt_s
        ledger.bled_j += bleeder * output_v ** 2 * dt_s
        ledger.leaked_j += (leakage * output_v ** 2 + insulation * pistol_v ** 2) * dt_s
        ledger.path_loss_j += output_a * (output_v - pistol_v) * dt_s
        ledger.vehicle_j += vehicle_a * pistol_v * dt_s
        ledger.battery_loss_j += vehicle_a ** 2 * inlet.battery_resistance_ohm * dt_s
        ledger.battery_j += vehicle_a * inlet.battery_emf_v * dt_s
        ledger.modules_c += modules_a * dt_s
        ledger.vehicle_c += vehicle_a * dt_s

        self.output_voltage_v = output_v
        self.pistol_voltage_v = pistol_v
        self.modules_current_a = modules_a
        self.output_current_a = output_a
        self.vehicle_current_a = vehicle_a

    def _regulate(self, dt_s, voltage_v, current_a, floating_v, volts_per_amp):
        """Return the current of an ideal regulator: voltage control inside a current limit."""
        config = self.config
        voltage_v = min(max(voltage_v, 0.0), config.max_voltage_v)
        rating_a = min(
            config.max_current_a, config.max_power_w / max(self.output_voltage_v, 1.0)
        )
        wanted_a = min(max(current_a, -rating_a), rating_a)
        slew_a = config.slew_a_per_s * dt_s
        self._limit_a += min(max(wanted_a - self._limit_a, -slew_a), slew_a)
        if self._limit_a >= 0:
            to_setpoint_a = (voltage_v - floating_v) / volts_per_amp
            return min(max(to_setpoint_a, 0.0), self._limit_a)
        to_floor_a = (config.min_discharge_voltage_v - floating_v) / volts_per_amp
        return min(max(to_floor_a, self._limit_a), 0.0)


class Contactor:
    """A contactor that needs its time to move."""

    def __init__(self, *, closing_s=0.03, opening_s=0.02):
        self.is_closed = False
        self.is_wanted_closed = False
        self._closing_s = closing_s
        self._opening_s = opening_s
        self._moves_at_s = math.inf

    def drive(self, closed, *, now_s):
        """Energise or release the coil."""
        if closed == self.is_wanted_closed:
            return
        self.is_wanted_closed = closed
        if closed == self.is_closed:
            self._moves_at_s = math.inf
        else:
            self._moves_at_s = now_s + (self._closing_s if closed else self._opening_s)

    def advance(self, *, now_s):
        """Return whether the contacts have moved just now."""
        if now_s < self._moves_at_s - _EPSILON_S:
            return False
        self._moves_at_s = math.inf
        self.is_closed = self.is_wanted_closed
        return True

    @property
    def contact(self):
        """What the auxiliary contact says."""
        return Contact.CLOSED if self.is_closed else Contact.OPEN


@dataclasses.dataclass(frozen=True)
class ModulesConfig:
    """Behaviour of the driver, and the limits of what is good for the hardware."""

    circuit: CircuitConfig = dataclasses.field(default_factory=CircuitConfig)
    wake_up_s: float = 1.5
    """From the first set-point of a stream until the modules are ready."""
    sleep_after_s: float = 5.0
    """Silence after which they have to be woken again."""
    sensor_lag_s: float = 0.005
    """Time constant of the measuring filter."""
    ambient_c: float = 25.0
    kelvin_per_watt: float = 0.0006
    """Temperature rise of the modules over ambient, at the end, per watt of output."""
    thermal_lag_s: float = 120.0
    max_closing_voltage_v: float = 20.0
    max_opening_current_a: float = 5.0
    max_bled_from_battery_j: float = 20.0
    max_off_current_a: float = 1.0
    off_current_grace_s: float = 0.05
    noise_seed: int | None = None
    """With a seed: small repeatable noise on what is measured."""


@dataclasses.dataclass(frozen=True, slots=True)
class HardwareBreach:
    """Something the real hardware would have suffered from."""

    time_s: float
    text: str
    values: dict


class PowerModules:
    """
    Simulated driver of power modules with the charger's own contactors.

    It keeps the contract of ``PowerSetpoint`` and ``ContactorCommand``: it switches off by itself
    when no set-point came for ``DRIVER_TIMEOUT_S``, and opens when no command came for
    ``COMMAND_TIMEOUT_S`` and no current flows. What a real charger would be damaged by is kept in
    ``breaches``.
    """

    def __init__(self, config=None):
        self.config = config or ModulesConfig()
        self.circuit = Circuit(self.config.circuit)
        self.breaches = []
        self.timeouts = 0
        """How often the set-points stopped while the modules were regulating or bleeding."""
        self._output = Contactor()
        self._precharge = Contactor()
        self._inlet = UNPLUGGED
        self._setpoint = PowerSetpoint()
        self._setpoint_at_s = -math.inf
        self._command_at_s = -math.inf
        self._awake_at_s = math.inf
        self._now_s = None
        self._mode = ModulesMode.OFF
        self._mode_since_s = -math.inf
        self._bled_from_battery_j = 0.0
        self._carries_off_current = False
        self._measured_v = 0.0
        self._measured_a = 0.0
        self._temperature_c = self.config.ambient_c
        seed = self.config.noise_seed
        self._noise = None if seed is None else random.Random(seed)

    @property
    def is_ready(self):
        """Whether the modules are awake."""
        return self._now_s is not None and self._now_s >= self._awake_at_s - _EPSILON_S

    def set_point(self, setpoint, *, now_s):
        """Take a set-point; a stream of them, of whatever mode, wakes the modules."""
        self.advance(now_s=now_s)
        if not (math.isfinite(setpoint.voltage_v) and math.isfinite(setpoint.current_a)):
            # Not even a sign of life: the one who sends this has lost control.
            self._breach(
                now_s, 'set-point is not a finite number',
                voltage_v=setpoint.voltage_v, current_a=setpoint.current_a)
            return
        if now_s - self._setpoint_at_s > self.config.sleep_after_s:
            self._awake_at_s = now_s + self.config.wake_up_s
        self._setpoint = setpoint
        self._setpoint_at_s = now_s

    def command(self, command, *, now_s):
        """Take a :class:`~gi3_ros.core.hardware.ContactorCommand`."""
        self.advance(now_s=now_s)
        self._command_at_s = now_s
        self._output.drive(command.output_closed, now_s=now_s)
        self._precharge.drive(command.precharge_closed, now_s=now_s)

    def connect(self, inlet):
        """Say what hangs at the pistol from now on."""
        self._inlet = inlet

    def advance(self, *, now_s):
        """Let the circuit run until ``now_s``."""
        if self._now_s is None or now_s - self._now_s > _MAX_CATCH_UP_S:
            self._now_s = now_s if self._now_s is None else now_s - _MAX_CATCH_UP_S
        steps = int((now_s - self._now_s) / STEP_S + _EPSILON_S / STEP_S)
        start_s = self._now_s
        for count in range(1, steps + 1):
            self._step(start_s + count * STEP_S)

    def measurement(self):
        """Return what the driver measures at the modules' output."""
        return PowerMeasurement(
            voltage_v=self._measured_v + self._noise_of(0.1),
            current_a=self._measured_a + self._noise_of(0.02),
            is_ready=self.is_ready,
            insulation_resistance_ohm=self._insulation_ohm(),
            power_modules_temperature_c=self._temperature_c,
            enclosure_temperature_c=(self._temperature_c + self.config.ambient_c) / 2,
        )

    def feedback(self):
        """Return the positions of the own contactors."""
        return ContactorFeedback(
            output=self._output.contact,
            precharge=self._precharge.contact,
            pistol_voltage_v=self.circuit.pistol_voltage_v,
        )

    def reading(self):
        """Return the truth at the vehicle's inlet, for the plug link."""
        return InletReading(
            voltage_v=self.circuit.pistol_voltage_v, current_a=self.circuit.vehicle_current_a,
        )

    def _step(self, now_s):
        self._now_s = now_s
        self._choose_mode(now_s)
        self._move_contactors(now_s)
        setpoint = self._setpoint
        self.circuit.step(
            STEP_S, mode=self._mode, voltage_v=setpoint.voltage_v, current_a=setpoint.current_a,
            output_closed=self._output.is_closed, precharge_closed=self._precharge.is_closed,
            inlet=self._inlet,
        )
        self._watch_hardware(now_s)
        self._measure()

    def _choose_mode(self, now_s):
        mode = self._setpoint.mode
        if now_s - self._setpoint_at_s >= DRIVER_TIMEOUT_S - _EPSILON_S:
            if self._mode is not ModulesMode.OFF:
                self.timeouts += 1
            mode = ModulesMode.OFF
        elif mode is ModulesMode.REGULATE and not self.is_ready:
            mode = ModulesMode.OFF
        if mode is not self._mode:
            self._mode = mode
            self._mode_since_s = now_s
            self._bled_from_battery_j = 0.0

    def _move_contactors(self, now_s):
        circuit = self.circuit
        if (now_s - self._command_at_s >= COMMAND_TIMEOUT_S - _EPSILON_S
                and abs(circuit.output_current_a) <= self.config.max_off_current_a):
            self._output.drive(False, now_s=now_s)
            self._precharge.drive(False, now_s=now_s)
        self._precharge.advance(now_s=now_s)
        if not self._output.advance(now_s=now_s):
            return
        across_v = abs(circuit.output_voltage_v - circuit.pistol_voltage_v)
        if self._output.is_closed and across_v > self.config.max_closing_voltage_v:
            self._breach(
                now_s, f'output contactors closed with {across_v:.0f} V across',
                across_v=across_v, inrush_a=across_v / circuit.config.cable_ohm,
            )
        through_a = abs(circuit.output_current_a)
        if not self._output.is_closed and through_a > self.config.max_opening_current_a:
            self._breach(
                now_s, f'output contactors opened under {through_a:.0f} A', through_a=through_a,
            )

    def _watch_hardware(self, now_s):
        circuit, config = self.circuit, self.config
        is_battery_connected = (
            self._output.is_closed and self._inlet.is_plugged and self._inlet.contactors_closed
        )
        if self._mode is ModulesMode.BLEED and is_battery_connected:
            before_j = self._bled_from_battery_j
            self._bled_from_battery_j += (
                circuit.output_voltage_v ** 2 / circuit.config.bleeder_ohm * STEP_S
            )
            if before_j <= config.max_bled_from_battery_j < self._bled_from_battery_j:
                self._breach(
                    now_s, 'bleeder on while the vehicle battery is connected',
                    bled_j=self._bled_from_battery_j,
                )
        off_a = 0.0
        if (
            self._mode is ModulesMode.OFF
            and now_s - self._mode_since_s > config.off_current_grace_s
        ):
            off_a = abs(circuit.output_current_a)
        carries = off_a > config.max_off_current_a
        if carries and not self._carries_off_current:
            self._breach(now_s, f'{off_a:.1f} A flow although the modules are off', off_a=off_a)
        self._carries_off_current = carries

    def _measure(self):
        config = self.config
        share = STEP_S / (STEP_S + config.sensor_lag_s)
        self._measured_v += share * (self.circuit.output_voltage_v - self._measured_v)
        self._measured_a += share * (self.circuit.output_current_a - self._measured_a)
        power_w = abs(self.circuit.modules_current_a * self.circuit.output_voltage_v)
        settled_c = config.ambient_c + power_w * config.kelvin_per_watt
        self._temperature_c += (settled_c - self._temperature_c) * STEP_S / config.thermal_lag_s

    def _insulation_ohm(self):
        ohm = self.config.circuit.charger_insulation_ohm
        if self._output.is_closed and self._inlet.is_plugged:
            vehicle_ohm = self._inlet.insulation_resistance_ohm
            ohm = ohm * vehicle_ohm / (ohm + vehicle_ohm)
        return ohm

    def _noise_of(self, amplitude):
        return 0.0 if self._noise is None else self._noise.uniform(-amplitude, amplitude)

    def _breach(self, now_s, text, **values):
        self.breaches.append(HardwareBreach(now_s, text, values))
