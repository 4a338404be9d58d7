"""
The vehicle at the other end of the cable: a battery, two contactors and a few wishes.

The controller asks it what it wants and tells it how far the session is; what really happens in
the battery follows from the voltage and the current at its inlet (:meth:`Vehicle.observe`).
No clock and no CAN here.
"""

import dataclasses
import itertools
import math

from .modules import Contactor
from .plug import Inlet, InletReading


@dataclasses.dataclass(frozen=True)
class VehicleConfig:
    """A vehicle; the defaults are a 400 V passenger car."""

    name: str = 'passenger car, 400 V, 75 kWh'
    capacity_wh: float = 75e3
    state_of_charge: float = 0.52
    open_circuit_v: tuple = (
        (0.0, 316.0), (0.05, 332.0), (0.1, 340.0), (0.2, 349.0), (0.3, 353.5), (0.4, 357.5),
        (0.5, 363.0), (0.6, 371.5), (0.7, 381.0), (0.8, 391.0), (0.9, 399.0), (1.0, 403.0),
    )
    """Battery voltage without current over the state of charge."""
    resistance_ohm: float = 0.07
    insulation_resistance_ohm: float = 1.2e6
    min_voltage_v: float = 300.0
    max_voltage_v: float = 410.0
    target_voltage_v: float = 408.0
    """What it asks for while charging: above the battery, so that current control rules."""
    max_current_a: float = 110.0
    max_power_w: float = 90e3
    current_taper: tuple = ((0.0, 1.0), (0.7, 1.0), (0.85, 0.6), (0.95, 0.25), (1.0, 0.05))
    """Share of ``max_current_a`` over the state of charge."""
    stop_below_a: float = 3.0
    """It ends the charge when it would ask for less."""
    target_state_of_charge: float = 0.9
    charge_duration_s: float = math.inf
    """It ends the charge after this long in the energy transfer."""
    ramp_up_a_per_s: float = 60.0
    """Infinite makes it ask for everything at once (R28)."""
    ramp_down_a_per_s: float = 60.0
    """Slope of the request before a planned end."""
    request_period_s: float = 0.1
    """Pace of its requests in the energy transfer."""
    precharge_current_a: float = 2.0
    precharge_window_v: float = 20.0
    """It closes its contactors when the inlet is this close to the battery (R19)."""
    precharge_settle_s: float = 0.2
    start_delay_s: float = 0.5
    """From closed contactors to the first power request; may be hours (R48)."""
    patience_s: float = 40.0
    """How long it lets the charger get ready (R6)."""
    precharge_patience_s: float = 10.0
    open_below_a: float = 1.0
    opening_delay_s: float = 0.3
    """After the end of the transfer it waits this long before it opens its contactors."""
    forced_opening_s: float = 0.5
    """In an emergency it opens after this long whatever the current."""
    welding_detection_s: float = 0.0
    """0: it does without."""

    def __post_init__(self):
        """Refuse what cannot be simulated."""
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if isinstance(value, float) and not value >= 0:
                raise ValueError(f'{field.name} of the vehicle is {value}, permitted are 0 and up')
        for name in ('capacity_wh', 'resistance_ohm', 'insulation_resistance_ohm'):
            if not getattr(self, name) > 0:
                raise ValueError(f'{name} of the vehicle must be above 0')
        if self.state_of_charge > 1:
            raise ValueError('state_of_charge of the vehicle is a share, 0 to 1')


@dataclasses.dataclass(frozen=True, slots=True)
class ChargeLimits:
    """What the charger side can give, as told to the vehicle."""

    voltage_v: float
    current_a: float
    power_w: float


@dataclasses.dataclass(frozen=True, slots=True)
class ChargeRequest:
    """What the vehicle asks for in the energy transfer."""

    voltage_v: float = 0.0
    current_a: float = 0.0


def interpolate(curve, x):
    """Return the value at ``x`` of a curve given by points, level beyond its ends."""
    if x <= curve[0][0]:
        return curve[0][1]
    for (x0, y0), (x1, y1) in itertools.pairwise(curve):
        if x <= x1:
            return y0 + (y1 - y0) * (x - x0) / (x1 - x0)
    return curve[-1][1]


class Vehicle:
    """
    A vehicle with its battery.

    Whoever runs it calls ``observe`` with what is at the inlet and ``tick`` often (every 10 ms).
    """

    def __init__(self, config=None):
        self.config = config or VehicleConfig()
        self.is_plugged = False
        self.state_of_charge = self.config.state_of_charge
        self.energy_wh = 0.0
        """Into the battery since the last plug-in."""
        self.inlet_voltage_v = 0.0
        self.inlet_current_a = 0.0
        self.stop_reason = ''
        """Why it wants the energy transfer to end; empty while it does not."""
        self._contactors = Contactor(closing_s=0.05, opening_s=0.03)
        self._now_s = None
        self._precharging = False
        self._inside_window_since_s = None
        self._charging_since_s = None
        self._request = ChargeRequest()
        self._requested_at_s = -math.inf
        self._open_from_s = math.inf
        self._open_at_latest_s = math.inf

    # What hangs on the cable

    def inlet(self):
        """Return what the charger's cable sees of this vehicle."""
        return Inlet(
            is_plugged=self.is_plugged,
            contactors_closed=self.contactors_closed,
            battery_emf_v=self.open_circuit_voltage_v,
            battery_resistance_ohm=self.config.resistance_ohm,
            insulation_resistance_ohm=self.config.insulation_resistance_ohm,
        )

    @property
    def contactors_closed(self):
        """Whether the battery is on the inlet."""
        return self._contactors.is_closed

    @property
    def open_circuit_voltage_v(self):
        """Battery voltage without current."""
        return interpolate(self.config.open_circuit_v, self.state_of_charge)

    # What people and physics do to it

    def plug_in(self):
        """Put the connector in."""
        self.is_plugged = True
        self.energy_wh = 0.0

    def unplug(self):
        """Pull the connector out; the contactors open by themselves."""
        self.is_plugged = False
        self._forget_session()

    def observe(self, reading):
        """Take the truth at the inlet; ``None`` when nothing is known about it."""
        reading = reading or InletReading()
        self.inlet_voltage_v = reading.voltage_v
        self.inlet_current_a = reading.current_a

    def tick(self, *, now_s):
        """Let the battery charge and the contactors move until ``now_s``."""
        elapsed_s = 0.0 if self._now_s is None else max(0.0, now_s - self._now_s)
        self._now_s = now_s
        if self.contactors_closed and self.is_plugged:
            self._charge_battery(elapsed_s)
        if not self.is_plugged:
            self._contactors.drive(False, now_s=now_s)
        elif self._precharging:
            self._close_when_voltages_match(now_s)
        elif now_s >= self._open_at_latest_s or (
            now_s >= self._open_from_s and abs(self.inlet_current_a) < self.config.open_below_a
        ):
            self._contactors.drive(False, now_s=now_s)
        self._contactors.advance(now_s=now_s)

    # What the controller asks and tells it

    def begin_session(self):
        """Forget the session before."""
        self._forget_session()

    def begin_precharge(self):
        """Watch the inlet from now on, close the contactors when it fits the battery."""
        self._precharging = True
        self._inside_window_since_s = None

    def begin_transfer(self, *, now_s):
        """Ask for energy from now on."""
        self._precharging = False
        self._charging_since_s = now_s
        self._request = ChargeRequest()
        self._requested_at_s = now_s - self.config.request_period_s

    def end_transfer(self, *, now_s):
        """Open the contactors when the current is low."""
        self._precharging = False
        self._open_from_s = min(self._open_from_s, now_s + self.config.opening_delay_s)

    def emergency(self, *, now_s):
        """Open the contactors soon, whatever the current is."""
        self._precharging = False
        self._open_from_s = now_s
        self._open_at_latest_s = min(
            self._open_at_latest_s, now_s + self.config.forced_opening_s)

    def ask_to_stop(self, reason):
        """Somebody wants a regular end; the vehicle complies at its next request."""
        self.stop_reason = self.stop_reason or reason

    def request(self, limits, *, now_s):
        """Return what it asks for now; renewed at the vehicle's own pace."""
        elapsed_s = now_s - self._requested_at_s
        if elapsed_s >= self.config.request_period_s - 1e-6:
            self._requested_at_s = now_s
            self._request = self._new_request(limits, elapsed_s, now_s)
        return self._request

    def _new_request(self, limits, elapsed_s, now_s):
        config = self.config
        voltage_v = min(config.target_voltage_v, limits.voltage_v)
        battery_v = self.open_circuit_voltage_v
        ceiling_a = min(
            config.max_current_a * interpolate(config.current_taper, self.state_of_charge),
            limits.current_a,
            min(config.max_power_w, limits.power_w) / max(self.inlet_voltage_v, battery_v),
            (voltage_v - battery_v) / config.resistance_ohm,
        )
        remaining_s = self._charging_since_s + config.charge_duration_s - now_s
        if remaining_s <= 0:
            self.ask_to_stop('the planned charging time is over')
        elif self.state_of_charge >= config.target_state_of_charge:
            self.ask_to_stop(
                f'state of charge {100 * self.state_of_charge:.0f} % reached')
        elif ceiling_a < config.stop_below_a:
            self.ask_to_stop(f'only {max(ceiling_a, 0.0):.1f} A are possible')
        current_a = min(
            ceiling_a,
            self._request.current_a + config.ramp_up_a_per_s * elapsed_s,
            config.ramp_down_a_per_s * remaining_s if remaining_s > 0 else 0.0,
        )
        return ChargeRequest(voltage_v, max(current_a, 0.0))

    def _charge_battery(self, elapsed_s):
        into_battery_wh = (
            self.open_circuit_voltage_v * self.inlet_current_a * elapsed_s / 3600.0)
        self.energy_wh += into_battery_wh
        self.state_of_charge = min(
            1.0, max(0.0, self.state_of_charge + into_battery_wh / self.config.capacity_wh))

    def _close_when_voltages_match(self, now_s):
        difference_v = abs(self.inlet_voltage_v - self.open_circuit_voltage_v)
        if difference_v > self.config.precharge_window_v:
            self._inside_window_since_s = None
        elif self._inside_window_since_s is None:
            self._inside_window_since_s = now_s
        elif now_s - self._inside_window_since_s >= self.config.precharge_settle_s - 1e-6:
            self._contactors.drive(True, now_s=now_s)

    def _forget_session(self):
        self.stop_reason = ''
        self._precharging = False
        self._inside_window_since_s = None
        self._charging_since_s = None
        self._request = ChargeRequest()
        self._open_from_s = math.inf
        self._open_at_latest_s = math.inf
