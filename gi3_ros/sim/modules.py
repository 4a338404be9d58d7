"""
The power modules' circuit and the driver in front of it: physics, not an echo.

    modules --+---[contactors]--[diode]--[cable]--+---[vehicle contactors]--[R]--(battery)
              |                                   |
         output C, bleeder                   pistol C, insulation, discharge resistor

Contactors, or a relay with the precharge resistor in parallel, belong to whom
:class:`Contactors` says; the diode and the discharge resistor are there with
``CircuitConfig.has_diode`` only. :class:`Circuit` solves the two capacitor nodes,
:class:`PowerModules` is what a power modules driver would be to the charger: set-points and
contactor commands in, measurements out. Neither owns a clock. What breaks is a
:class:`HardwareFault`.
"""

import dataclasses
import enum
import math
import random

from ..core.hardware import (
    COMMAND_TIMEOUT_S,
    Contact,
    ContactorFeedback,
    DRIVER_TIMEOUT_S,
    ModulesMode,
    NAN,
    PowerMeasurement,
    PowerSetpoint,
)
from .plug import InletReading, UNPLUGGED

STEP_S = 0.001
"""Time step of the circuit."""
_LEAP_STEPS = 10
"""So many steps are made at once where nothing moves: most of a day is waiting (R48)."""
_LEAP_MAX_V_PER_S = 2.0
"""Where a voltage moves faster no leap is made."""
_MAX_CATCH_UP_S = 1.0
"""A longer pause of the caller is not simulated: the driver has timed out long before."""
_EPSILON_S = 1e-9


def _is_battery_on(inlet):
    """Tell whether the vehicle has its battery on the pistol."""
    return inlet.is_plugged and inlet.contactors_closed


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
    has_diode: bool = False
    """Without drop, between contactors and pistol: current flows towards the vehicle only, as in
    a unidirectional CHAdeMO charger (R47)."""
    pistol_bleed_ohm: float = 50e3
    """Across the pistol of a charger with a diode, which keeps the bleeder away from it."""
    charger_insulation_ohm: float = 2e6
    short_ohm: float = 0.5
    """Across the output when it is shorted."""
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
    shorted_j: float = 0.0
    """In the short across the output."""
    leaked_j: float = 0.0
    """In sensing, insulation and the discharge resistor at the pistol."""
    path_loss_j: float = 0.0
    """In the cable, the contactors and the precharge resistor."""
    vehicle_j: float = 0.0
    """Through the vehicle's contactors."""
    battery_loss_j: float = 0.0
    battery_j: float = 0.0
    """Stored in the battery, the loss in its resistance taken off."""
    modules_c: float = 0.0
    vehicle_c: float = 0.0


class _Network:
    """
    The resistors as they are joined during a step, and what the two nodes make of it.

    Kirchhoff's current law at the nodes, a capacitor being a conductance of C / dt from where its
    voltage was, so that ``from_output`` = ``output_s`` * the output's voltage before::

        (at_output + path) * v_output - path * v_pistol = from_output + modules' current
        (at_pistol + path) * v_pistol - path * v_output = from_pistol

    Solved for the voltages it takes three resistances (of the determinant of that)::

        v_output = output_ohm * (from_output + modules' current) + transfer_ohm * from_pistol
        v_pistol = transfer_ohm * (from_output + modules' current) + pistol_ohm * from_pistol
    """

    __slots__ = (
        'bleeder', 'leakage', 'output_ohm', 'output_s', 'path', 'pistol_leakage', 'pistol_ohm',
        'pistol_s', 'short', 'transfer_ohm', 'vehicle',
    )

    def __init__(self, config, dt_s, path, bleeds, is_shorted, inlet):
        self.path = path
        self.output_s = config.output_capacitance_f / dt_s
        self.pistol_s = config.pistol_capacitance_f / dt_s
        self.bleeder = 1.0 / config.bleeder_ohm if bleeds else 0.0
        self.short = 1.0 / config.short_ohm if is_shorted else 0.0
        self.leakage = 1.0 / config.leakage_ohm
        self.vehicle = 1.0 / inlet.battery_resistance_ohm if _is_battery_on(inlet) else 0.0
        self.pistol_leakage = 1.0 / inlet.insulation_resistance_ohm if inlet.is_plugged else 0.0
        if config.has_diode:
            self.pistol_leakage += 1.0 / config.pistol_bleed_ohm
        at_output = self.output_s + self.bleeder + self.short + self.leakage
        at_pistol = self.pistol_s + self.vehicle + self.pistol_leakage
        # Multiplied out: with a path of milliohms the difference of two large numbers is noise.
        determinant = at_output * at_pistol + (at_output + at_pistol) * path
        self.output_ohm = (at_pistol + path) / determinant
        self.pistol_ohm = (at_output + path) / determinant
        self.transfer_ohm = path / determinant


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
        self.slope_v_per_s = 0.0
        """How fast the voltages moved in the last step, the faster of the two."""
        self._limit_a = 0.0
        self._networks = {}
        self._networks_inlet = None

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
        output_closed=False, precharge_closed=False, inlet=UNPLUGGED, is_shorted=False,
        max_slope_v_per_s=math.inf,
    ):
        """
        Go on by ``dt_s`` with the modules, contactors and vehicle as given.

        :param precharge_closed: whether the path through the precharge resistor conducts
        :param is_shorted: whether the output is
        :param max_slope_v_per_s: nothing is done when a voltage would move faster
        :returns: whether it was done
        """
        config = self.config
        limit_a = 0.0
        if mode is ModulesMode.REGULATE:
            limit_a = self._next_limit(dt_s, current_a)
        path = 0.0
        if output_closed:
            path = 1.0 / config.cable_ohm
        elif precharge_closed:
            path = 1.0 / (config.precharge_ohm + config.cable_ohm)
        bleeds = mode is ModulesMode.BLEED
        network = self._network(dt_s, path, bleeds, is_shorted, inlet)
        output_v, pistol_v, modules_a = self._solve(network, mode, voltage_v, limit_a, inlet)
        if config.has_diode and path and output_v < pistol_v:
            # It blocks. There is no second answer to look for: a circuit in which a closed path
            # would carry current backwards has the higher voltage at the pistol when it is open.
            network = self._network(dt_s, 0.0, bleeds, is_shorted, inlet)
            output_v, pistol_v, modules_a = self._solve(network, mode, voltage_v, limit_a, inlet)
        slope_v_per_s = max(
            abs(output_v - self.output_voltage_v), abs(pistol_v - self.pistol_voltage_v)) / dt_s
        if slope_v_per_s > max_slope_v_per_s:
            return False

        emf_v = inlet.battery_emf_v
        output_a = network.path * (output_v - pistol_v)
        vehicle_a = network.vehicle * (pistol_v - emf_v)
        ledger = self.ledger
        ledger.modules_j += modules_a * output_v * dt_s
        ledger.bled_j += network.bleeder * output_v ** 2 * dt_s
        ledger.shorted_j += network.short * output_v ** 2 * dt_s
        ledger.leaked_j += (
            network.leakage * output_v ** 2 + network.pistol_leakage * pistol_v ** 2) * dt_s
        ledger.path_loss_j += output_a * (output_v - pistol_v) * dt_s
        ledger.vehicle_j += vehicle_a * pistol_v * dt_s
        ledger.battery_loss_j += vehicle_a ** 2 * inlet.battery_resistance_ohm * dt_s
        ledger.battery_j += vehicle_a * emf_v * dt_s
        ledger.modules_c += modules_a * dt_s
        ledger.vehicle_c += vehicle_a * dt_s

        self._limit_a = limit_a
        self.output_voltage_v = output_v
        self.pistol_voltage_v = pistol_v
        self.slope_v_per_s = slope_v_per_s
        self.modules_current_a = modules_a
        self.output_current_a = output_a
        self.vehicle_current_a = vehicle_a
        return True

    def _network(self, dt_s, path, bleeds, is_shorted, inlet):
        if inlet is not self._networks_inlet:
            self._networks.clear()
            self._networks_inlet = inlet
        key = dt_s, path, bleeds, is_shorted
        network = self._networks.get(key)
        if network is None:
            network = self._networks[key] = _Network(self.config, *key, inlet)
        return network

    def _solve(self, network, mode, voltage_v, limit_a, inlet):
        """Return the voltages of output and pistol and the modules' current after a step."""
        from_output = network.output_s * self.output_voltage_v
        from_pistol = (
            network.pistol_s * self.pistol_voltage_v + network.vehicle * inlet.battery_emf_v)
        floating_v = network.output_ohm * from_output + network.transfer_ohm * from_pistol
        modules_a = 0.0
        if mode is ModulesMode.REGULATE:
            modules_a = self._regulate(voltage_v, limit_a, floating_v, network.output_ohm)
        return (
            floating_v + network.output_ohm * modules_a,
            network.transfer_ohm * (from_output + modules_a) + network.pistol_ohm * from_pistol,
            modules_a,
        )

    def _next_limit(self, dt_s, current_a):
        """Return the current limit of the regulator at the end of a step, on its way there."""
        config = self.config
        rating_a = min(
            config.max_current_a, config.max_power_w / max(self.output_voltage_v, 1.0)
        )
        wanted_a = min(max(current_a, -rating_a), rating_a)
        slew_a = config.slew_a_per_s * dt_s
        return self._limit_a + min(max(wanted_a - self._limit_a, -slew_a), slew_a)

    def _regulate(self, voltage_v, limit_a, floating_v, output_ohm):
        """Return the current of an ideal regulator: voltage control inside a current limit."""
        config = self.config
        if limit_a >= 0:
            voltage_v = min(max(voltage_v, 0.0), config.max_voltage_v)
            to_setpoint_a = (voltage_v - floating_v) / output_ohm
            return min(max(to_setpoint_a, 0.0), limit_a)
        to_floor_a = (config.min_discharge_voltage_v - floating_v) / output_ohm
        return min(max(to_floor_a, limit_a), 0.0)


class Contactor:
    """A contactor that needs its time to move."""

    def __init__(self, *, closing_s=0.03, opening_s=0.02, is_closed=False):
        self.is_closed = is_closed
        self.is_wanted_closed = is_closed
        self.is_welded = False
        """The contacts are together for good, whatever the coil does."""
        self.is_stuck = False
        """They do not come together, whatever the coil does."""
        self._is_pulled = is_closed
        self._closing_s = closing_s
        self._opening_s = opening_s
        self._moves_at_s = math.inf

    def drive(self, closed, *, now_s):
        """Energise or release the coil."""
        if closed == self.is_wanted_closed:
            return
        self.is_wanted_closed = closed
        if closed == self._is_pulled:
            self._moves_at_s = math.inf
        else:
            self._moves_at_s = now_s + (self._closing_s if closed else self._opening_s)

    def advance(self, *, now_s):
        """Return whether the contacts have moved just now."""
        was_closed = self.is_closed
        if now_s >= self._moves_at_s - _EPSILON_S:
            self._moves_at_s = math.inf
            self._is_pulled = self.is_wanted_closed
        self.is_closed = self.is_welded or (self._is_pulled and not self.is_stuck)
        return self.is_closed is not was_closed

    @property
    def is_moving(self):
        """Whether the coil is about to move something."""
        return self._moves_at_s < math.inf

    @property
    def contact(self):
        """What the auxiliary contact says."""
        return Contact.CLOSED if self.is_closed else Contact.OPEN


class Contactors(enum.Enum):
    """Who moves what lies between the modules and the pistol (R45, R47)."""

    OWN = 'own'
    """The charger itself, by its ContactorCommand."""
    CONTROLLER = 'controller'
    """The controller: the coils hang on its relays, ``Inlet`` says how these stand."""
    OUTPUTS = 'outputs'
    """The charger itself, by ADM_CS_SECC_Outputs: the coils hang on digital outputs of the
    controller that are CAN_Controlled (0x63201), at most 100 mA each. ``Inlet`` has the levels."""
    NONE = 'none'
    """Nothing lies between them: the cable is all there is."""


_OF_THE_CHARGER = (Contactors.OWN, Contactors.OUTPUTS)
"""Where it has auxiliary contacts, and a voltage behind the contactors, to look at."""
_PATH_NAMES = {
    Contactors.OWN: 'output contactors',
    Contactors.OUTPUTS: 'output contactors',
    Contactors.CONTROLLER: 'controller relay',
    Contactors.NONE: 'cable alone',
}


class HardwareFault(enum.Enum):
    """What can break in the charger; contactors and relays only where there are some."""

    MAIN_WELDED = 'main_welded'
    """The output contactors are closed and do not open any more."""
    MAIN_STUCK = 'main_stuck'
    """They are open and do not close any more."""
    PRECHARGE_WELDED = 'precharge_welded'
    PRECHARGE_STUCK = 'precharge_stuck'
    RESISTOR_OPEN = 'resistor_open'
    """Nothing flows through the precharge relay, closed or not."""
    OUTPUT_SHORTED = 'output_shorted'
    """The modules' output capacitor is a short."""
    MAIN_FEEDBACK_OPEN = 'main_feedback_open'
    """The auxiliary contact of the output contactors says open, whatever they do: a broken
    wire."""
    MAIN_FEEDBACK_CLOSED = 'main_feedback_closed'
    """It says closed, whatever they do: a shorted wire."""
    PRECHARGE_FEEDBACK_OPEN = 'precharge_feedback_open'
    PRECHARGE_FEEDBACK_CLOSED = 'precharge_feedback_closed'


def parse_faults(text):
    """
    Return the set of :class:`HardwareFault` whose names a text has, separated by commas.

    :raises ValueError: with the known names, when one of them is not
    """
    names = {name.strip() for name in text.split(',')} - {''}
    known = [fault.value for fault in HardwareFault]
    unknown = sorted(names.difference(known))
    if unknown:
        raise ValueError(
            f'no fault of the hardware is called {", ".join(map(repr, unknown))}, '
            f'known are {", ".join(known)}')
    return {HardwareFault(name) for name in names}


@dataclasses.dataclass(frozen=True)
class ModulesConfig:
    """Installation, behaviour of the driver, and the limits of what is good for the hardware."""

    circuit: CircuitConfig = dataclasses.field(default_factory=CircuitConfig)
    contactors: Contactors = Contactors.OWN
    main_output: int = 0
    """With OUTPUTS: the digital output of the output contactors, 1 to 4; 0: on none, they stay
    open."""
    precharge_output: int = 0
    """That of the precharge relay."""
    has_feedback: bool = True
    """Contactors of the charger have auxiliary contacts."""
    measures_pistol: bool = True
    """The voltage behind contactors of the charger is measured."""
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
    max_precharge_j: float = 500.0
    """Into the precharge resistor in one go; filling the output to 400 V takes 32 J."""
    max_off_current_a: float = 1.0
    off_current_grace_s: float = 0.05
    """Capacitors even out at once when contactors close; what goes on flowing is no inrush."""
    noise_seed: int | None = None
    """With a seed: small repeatable noise on what is measured."""


@dataclasses.dataclass(frozen=True, slots=True)
class HardwareBreach:
    """Something the real hardware would have suffered from."""

    time_s: float
    text: str
    values: dict


class _Meter:
    """Adds up, and tells the moment at which there is more than the limit."""

    def __init__(self, limit):
        self.total = 0.0
        self._limit = limit

    def add(self, amount):
        """Return whether it is this amount that passes the limit."""
        before, self.total = self.total, self.total + amount
        return before <= self._limit < self.total

    def reset(self):
        """Begin anew."""
        self.total = 0.0


class PowerModules:
    """
    Simulated driver of power modules, and of the charger's own contactors where it has some.

    It keeps the contract of ``PowerSetpoint`` and ``ContactorCommand``: it switches off by itself
    when no set-point came for ``DRIVER_TIMEOUT_S``; when no command came for
    ``COMMAND_TIMEOUT_S`` it opens the precharge relay, and the output contactors once no current
    flows. Where the coils hang on the controller a command does nothing; without contactors of
    the charger there is no feedback. What a real charger would be damaged by is kept in
    ``breaches``, whoever did it.
    """

    def __init__(self, config=None):
        self.config = config or ModulesConfig()
        self.circuit = Circuit(self.config.circuit)
        self.breaches = []
        self.faults = set()
        """Of :class:`HardwareFault`: what is broken; change it at will."""
        self.timeouts = 0
        """How often the set-points stopped while the modules were regulating or bleeding."""
        # Without a switch the path is one that is always closed.
        self._output = Contactor(is_closed=self.config.contactors is Contactors.NONE)
        self._precharge = Contactor()
        self._inlet = UNPLUGGED
        self._was_battery_on = False
        self._setpoint = PowerSetpoint()
        self._setpoint_at_s = -math.inf
        self._command_at_s = -math.inf
        self._awake_at_s = math.inf
        self._now_s = None
        self._mode = ModulesMode.OFF
        self._bled_from_battery_j = _Meter(self.config.max_bled_from_battery_j)
        self._precharge_j = _Meter(self.config.max_precharge_j)
        self._off_current_s = _Meter(self.config.off_current_grace_s)
        self._measured_v = 0.0
        self._measured_a = 0.0
        self._temperature_c = self.config.ambient_c
        seed = self.config.noise_seed
        self._noise = None if seed is None else random.Random(seed)

    @property
    def is_ready(self):
        """Whether the modules are awake."""
        return self._now_s is not None and self._is_awake(self._now_s)

    @property
    def is_at_rest(self):
        """Whether the driver may go: own contactors open, without them no power processed."""
        if self.config.contactors in _OF_THE_CHARGER:
            return not self._output.is_closed
        return self._mode is not ModulesMode.REGULATE

    @property
    def is_path_closed(self):
        """Whether modules and pistol are joined, by whoever's contactors."""
        return self._output.is_closed or self._resistor_conducts

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
        if self.config.contactors is not Contactors.OWN:
            return
        self._command_at_s = now_s
        self._output.drive(command.output_closed, now_s=now_s)
        self._precharge.drive(command.precharge_closed, now_s=now_s)

    def connect(self, inlet):
        """Say what hangs at the pistol from now on, and what the controller drives."""
        self._inlet = inlet

    def advance(self, *, now_s):
        """Let the circuit run until ``now_s``."""
        self._break()
        if self._now_s is None or now_s - self._now_s > _MAX_CATCH_UP_S:
            self._now_s = now_s if self._now_s is None else now_s - _MAX_CATCH_UP_S
        steps = int((now_s - self._now_s) / STEP_S + _EPSILON_S / STEP_S)
        start_s = self._now_s
        done = 0
        while done < steps:
            self._switch(start_s + (done + 1) * STEP_S)
            count = min(steps - done, _LEAP_STEPS)
            until_s = start_s + (done + count) * STEP_S
            if not (
                self.circuit.slope_v_per_s <= _LEAP_MAX_V_PER_S
                and not self._switches_until(until_s)
                and self._flow(until_s, count, max_slope_v_per_s=_LEAP_MAX_V_PER_S)
            ):
                count = 1
                self._flow(start_s + (done + 1) * STEP_S, 1)
            done += count

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
        """Return what is seen of the charger's contactors; without any, nothing is known."""
        config = self.config
        if config.contactors not in _OF_THE_CHARGER:
            return ContactorFeedback()
        return ContactorFeedback(
            output=self._contact(
                self._output, HardwareFault.MAIN_FEEDBACK_OPEN,
                HardwareFault.MAIN_FEEDBACK_CLOSED),
            precharge=self._contact(
                self._precharge, HardwareFault.PRECHARGE_FEEDBACK_OPEN,
                HardwareFault.PRECHARGE_FEEDBACK_CLOSED),
            pistol_voltage_v=self.circuit.pistol_voltage_v if config.measures_pistol else NAN,
        )

    def _contact(self, contactor, says_open, says_closed):
        if not self.config.has_feedback:
            return Contact.UNKNOWN
        if says_open in self.faults:
            return Contact.OPEN
        return Contact.CLOSED if says_closed in self.faults else contactor.contact

    def reading(self):
        """Return the truth at the vehicle's inlet, for the plug link."""
        return InletReading(
            voltage_v=self.circuit.pistol_voltage_v, current_a=self.circuit.vehicle_current_a,
        )

    @property
    def _resistor_conducts(self):
        """Whether current can flow through the precharge relay."""
        return self._precharge.is_closed and HardwareFault.RESISTOR_OPEN not in self.faults

    def _break(self):
        """Let the contactors be as broken as ``faults`` says."""
        if self.config.contactors is Contactors.NONE:
            return
        self._output.is_welded = HardwareFault.MAIN_WELDED in self.faults
        self._output.is_stuck = HardwareFault.MAIN_STUCK in self.faults
        self._precharge.is_welded = HardwareFault.PRECHARGE_WELDED in self.faults
        self._precharge.is_stuck = HardwareFault.PRECHARGE_STUCK in self.faults

    def _switch(self, now_s):
        """Let modules and contactors do what is due at ``now_s``; doing it again is no harm."""
        self._choose_mode(now_s)
        self._watch_vehicle(now_s)
        self._move_contactors(now_s)

    def _switches_until(self, until_s):
        """Tell whether :meth:`_switch` may have something to do until then."""
        if self._setpoint.mode is not self._mode or (
            self._mode is not ModulesMode.OFF
            and until_s - self._setpoint_at_s >= DRIVER_TIMEOUT_S - _EPSILON_S
        ):
            return True
        if self._output.is_moving or self._precharge.is_moving:
            return True
        return (
            self.config.contactors is Contactors.OWN
            and (self._output.is_wanted_closed or self._precharge.is_wanted_closed)
            and until_s - self._command_at_s >= COMMAND_TIMEOUT_S - _EPSILON_S
        )

    def _flow(self, now_s, count, *, max_slope_v_per_s=math.inf):
        """Let the current flow for ``count`` steps until ``now_s``; return whether it did."""
        dt_s = count * STEP_S
        has_flown = self.circuit.step(
            dt_s, mode=self._mode, voltage_v=self._setpoint.voltage_v,
            current_a=self._setpoint.current_a, output_closed=self._output.is_closed,
            precharge_closed=self._resistor_conducts, inlet=self._inlet,
            is_shorted=HardwareFault.OUTPUT_SHORTED in self.faults,
            max_slope_v_per_s=max_slope_v_per_s,
        )
        if has_flown:
            self._now_s = now_s
            self._watch_hardware(now_s, dt_s)
            self._measure(count)
        return has_flown

    def _is_awake(self, now_s):
        return now_s >= self._awake_at_s - _EPSILON_S

    def _choose_mode(self, now_s):
        mode = self._setpoint.mode
        if now_s - self._setpoint_at_s >= DRIVER_TIMEOUT_S - _EPSILON_S:
            if self._mode is not ModulesMode.OFF:
                self.timeouts += 1
            mode = ModulesMode.OFF
        elif mode is ModulesMode.REGULATE and not self._is_awake(now_s):
            mode = ModulesMode.OFF
        if mode is not self._mode:
            self._mode = mode
            self._bled_from_battery_j.reset()

    def _move_contactors(self, now_s):
        self._drive_coils(now_s)
        if self._precharge.advance(now_s=now_s) and self._precharge.is_closed:
            self._precharge_j.reset()
            if self._mode is not ModulesMode.OFF:
                self._breach(
                    now_s, f'precharge relay closed while the modules are {self._mode.name}')
        if not self._output.advance(now_s=now_s):
            return
        circuit = self.circuit
        name = _PATH_NAMES[self.config.contactors]
        if self._output.is_closed:
            across_v = circuit.output_voltage_v - circuit.pistol_voltage_v
            if across_v < 0 and self.config.circuit.has_diode:
                return
            self._watch_closing(now_s, name, abs(across_v), self.config.circuit.cable_ohm)
        else:
            through_a = abs(circuit.output_current_a)
            if through_a > self.config.max_opening_current_a:
                self._breach(now_s, f'{name} opened under {through_a:.0f} A', through_a=through_a)

    def _drive_coils(self, now_s):
        config, inlet = self.config, self._inlet
        if config.contactors is Contactors.CONTROLLER:
            self._output.drive(inlet.relay_closed, now_s=now_s)
            self._precharge.drive(inlet.precharge_relay_closed, now_s=now_s)
        elif config.contactors is Contactors.OUTPUTS:
            self._output.drive(self._is_high(config.main_output), now_s=now_s)
            self._precharge.drive(self._is_high(config.precharge_output), now_s=now_s)
        elif (config.contactors is Contactors.OWN
                and now_s - self._command_at_s >= COMMAND_TIMEOUT_S - _EPSILON_S):
            self._precharge.drive(False, now_s=now_s)
            if abs(self.circuit.output_current_a) <= config.max_off_current_a:
                self._output.drive(False, now_s=now_s)

    def _is_high(self, output):
        """Tell whether a digital output is, by its number; 0 is none."""
        return output > 0 and bool(self._inlet.digital_outputs & 1 << (output - 1))

    def _watch_vehicle(self, now_s):
        """No switch of ours, but it is our capacitors that fill when the vehicle closes."""
        was_on, self._was_battery_on = self._was_battery_on, _is_battery_on(self._inlet)
        if self._was_battery_on and not was_on and self._output.is_closed:
            inrush_v = self._inlet.battery_emf_v - self.circuit.pistol_voltage_v
            if inrush_v < 0 or not self.config.circuit.has_diode:
                self._watch_closing(now_s, 'vehicle contactors', abs(inrush_v),
                                    self._inlet.battery_resistance_ohm)

    def _watch_closing(self, now_s, name, across_v, ohm):
        if across_v > self.config.max_closing_voltage_v:
            self._breach(
                now_s, f'{name} closed with {across_v:.0f} V across',
                across_v=across_v, inrush_a=across_v / ohm,
            )

    def _watch_hardware(self, now_s, dt_s):
        circuit, config = self.circuit, self.config
        path_name = ''
        if self._output.is_closed:
            path_name = _PATH_NAMES[config.contactors]
        elif self._resistor_conducts:
            path_name = 'precharge relay'
            taken_j = circuit.output_current_a ** 2 * circuit.config.precharge_ohm * dt_s
            if self._precharge_j.add(taken_j):
                self._breach(
                    now_s, f'precharge resistor took {self._precharge_j.total:.0f} J in one go',
                    precharge_j=self._precharge_j.total,
                )
        if (self._mode is ModulesMode.BLEED and path_name and not circuit.config.has_diode
                and _is_battery_on(self._inlet)):
            bled_j = circuit.output_voltage_v ** 2 / circuit.config.bleeder_ohm * dt_s
            if self._bled_from_battery_j.add(bled_j):
                self._breach(
                    now_s, 'bleeder on while the vehicle battery is connected through the '
                    f'{path_name}', bled_j=self._bled_from_battery_j.total,
                )
        off_a = abs(circuit.output_current_a) if self._mode is ModulesMode.OFF else 0.0
        if off_a <= config.max_off_current_a:
            self._off_current_s.reset()
        elif self._off_current_s.add(dt_s):
            self._breach(
                now_s, f'{off_a:.1f} A flow through the {path_name} although the modules are off',
                off_a=off_a,
            )

    def _measure(self, count):
        config = self.config
        # What is left of a difference after so many steps of the filter.
        left = (config.sensor_lag_s / (STEP_S + config.sensor_lag_s)) ** count
        self._measured_v += (1.0 - left) * (self.circuit.output_voltage_v - self._measured_v)
        self._measured_a += (1.0 - left) * (self.circuit.output_current_a - self._measured_a)
        power_w = abs(self.circuit.modules_current_a * self.circuit.output_voltage_v)
        settled_c = config.ambient_c + power_w * config.kelvin_per_watt
        self._temperature_c += (
            (settled_c - self._temperature_c) * count * STEP_S / config.thermal_lag_s
        )

    def _insulation_ohm(self):
        ohm = self.config.circuit.charger_insulation_ohm
        if self.is_path_closed and self._inlet.is_plugged:
            vehicle_ohm = self._inlet.insulation_resistance_ohm
            ohm = ohm * vehicle_ohm / (ohm + vehicle_ohm)
        return ohm

    def _noise_of(self, amplitude):
        return 0.0 if self._noise is None else self._noise.uniform(-amplitude, amplitude)

    def _breach(self, now_s, text, **values):
        self.breaches.append(HardwareBreach(now_s, text, values))
