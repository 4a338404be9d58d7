"""
The vehicle at the other end of the cable: a battery, two contactors and a few wishes.

The controller asks it what it wants and tells it how far the session is; what really happens in
the battery follows from the voltage and the current at its inlet (:meth:`Vehicle.observe`).
No clock and no CAN here.
"""

import dataclasses
import enum
import itertools
import math
import random

from .agreement import ControlMode, Direction, Protocol, Window
from .modules import Contactor
from .plug import Inlet, InletReading

_MOST = {
    **dict.fromkeys(('min_voltage_v', 'max_voltage_v', 'target_voltage_v'), 6553.5),
    **dict.fromkeys(('max_current_a', 'min_current_a', 'max_discharge_current_a',
                     'min_discharge_current_a'), 6553.5),
    **dict.fromkeys(('max_power_w', 'min_power_w', 'max_discharge_power_w',
                     'min_discharge_power_w', 'capacity_wh'), 65535e3),
    'precharge_current_a': 3276.7,
    **dict.fromkeys(('state_of_charge', 'target_state_of_charge', 'least_state_of_charge',
                     'request_jitter'), 1.0),
}
"""What the frames can carry, and shares."""
LONGEST_REQUEST_S = 60.0
SHORTEST_REQUEST_S = 0.025
"""A CCS vehicle may take so long between two requests; the controller answers in 25 ms (R26)."""


@dataclasses.dataclass(frozen=True)
class VehicleConfig:
    """A vehicle; the defaults are a 400 V passenger car."""

    name: str = 'passenger car, 400 V, 75 kWh'
    protocols: tuple = (Protocol.ISO_15118_2, Protocol.DIN_70121)
    """What it speaks, as it ranks them."""
    control_mode: ControlMode = ControlMode.SCHEDULED
    """Of ISO 15118-20."""
    is_bidirectional: bool = False
    """BPT of ISO 15118-20, V2G of CHAdeMO."""
    direction: Direction = Direction.CHARGE
    """What it lets happen in a session."""
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
    min_current_a: float = 0.0
    min_power_w: float = 0.0
    max_discharge_current_a: float = 0.0
    max_discharge_power_w: float = 0.0
    min_discharge_current_a: float = 0.0
    min_discharge_power_w: float = 0.0
    """Magnitudes; 0 W and a minimum of 0 A are not told (A30)."""
    current_taper: tuple = ((0.0, 1.0), (0.7, 1.0), (0.85, 0.6), (0.95, 0.25), (1.0, 0.05))
    """Share of ``max_current_a`` over the state of charge."""
    stop_below_a: float = 3.0
    """It ends the charge when it would ask for less."""
    target_state_of_charge: float = 0.9
    least_state_of_charge: float = 0.2
    """It does not discharge below."""
    charge_duration_s: float = math.inf
    """It ends the session after this long in the energy transfer. A schedule for both directions
    charges for the first half of it; without an end it charges full first."""
    pauses: tuple = ()
    """``(after_s, for_s)`` in the energy transfer: it asks for nothing, which is Standby."""
    ramp_up_a_per_s: float = 60.0
    """Infinite makes it ask for everything at once (R28)."""
    ramp_down_a_per_s: float = 60.0
    """Slope of the request before a planned end."""
    request_period_s: float = 0.1
    """Pace of its requests in the energy transfer, 25 ms to 60 s."""
    request_jitter: float = 0.0
    """Share of the period by which each may come earlier or later."""
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
            most = _MOST.get(field.name, math.inf)
            if isinstance(value, float) and not 0 <= value <= most:
                raise ValueError(
                    f'{field.name} of the vehicle is {value:g}, permitted are 0..{most:g}')
        for name in ('capacity_wh', 'resistance_ohm', 'insulation_resistance_ohm'):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f'{name} of the vehicle must be a number above 0')
        if not SHORTEST_REQUEST_S <= self.request_period_s <= LONGEST_REQUEST_S:
            raise ValueError(
                f'request_period_s of the vehicle is {self.request_period_s:g}, permitted are '
                f'{SHORTEST_REQUEST_S:g}..{LONGEST_REQUEST_S:g} (R26)')
        if not self.protocols or len({each.is_chademo for each in self.protocols}) != 1:
            raise ValueError('protocols of the vehicle must be of one plug, CCS or CHAdeMO')
        if self.direction is not Direction.CHARGE and not self.is_bidirectional:
            raise ValueError(
                f'direction of the vehicle is {self.direction.value}, but it is not bidirectional')
        for name, least, most in (('open_circuit_v', 1.0, 6553.5), ('current_taper', 0.0, 1.0)):
            shares = [point[0] for point in getattr(self, name)]
            if len(shares) < 2 or shares != sorted(set(shares)):
                raise ValueError(
                    f'{name} of the vehicle needs two points or more, by rising state of charge')
            if not all(least <= value <= most for _, value in getattr(self, name)):
                raise ValueError(f'{name} of the vehicle has values outside {least:g}..{most:g}')


class ContactorFault(enum.Enum):
    """What is wrong with the vehicle's contactors."""

    NONE = 'none'
    STAYS_OPEN = 'stays_open'
    """It never closes them."""
    STAYS_CLOSED = 'stays_closed'
    """Once closed it does not open them before it is unplugged."""
    WELDED = 'welded'
    """Closed whatever it does, so that the battery is on the inlet."""


@dataclasses.dataclass(frozen=True, slots=True)
class ChargeRequest:
    """What the vehicle asks for in the energy transfer; discharging is negative."""

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

    :param rng: a ``random.Random`` for the jitter of its requests
    """

    def __init__(self, config=None, *, rng=None):
        self.config = config or VehicleConfig()
        self.is_plugged = False
        self.state_of_charge = self.config.state_of_charge
        self.energy_charged_wh = 0.0
        self.energy_discharged_wh = 0.0
        """Into and out of the battery, ever."""
        self.plug_ins = 0
        """How often it was plugged in: who looks late sees that the plug was out meanwhile."""
        self.inlet_voltage_v = 0.0
        self.inlet_current_a = 0.0
        self.stop_reason = ''
        """Why it wants the energy transfer to end; empty while it does not."""
        self.contactor_fault = ContactorFault.NONE
        self.insulation_resistance_ohm = self.config.insulation_resistance_ohm
        self.claimed_battery_v = None
        """What it says in the precharge instead of the truth; ``None``: the truth."""
        self.demanded_a = None
        """What it asks for instead of what is good for it; ``None``: what is good."""
        self._rng = rng or random.Random(0)
        self._contactors = Contactor(closing_s=0.05, opening_s=0.03)
        self._now_s = None
        self._is_connecting = False
        self._must_match = True
        self._inside_window_since_s = None
        self._charging_since_s = None
        self._request = ChargeRequest()
        self._requested_at_s = -math.inf
        self._next_request_s = -math.inf
        self._told = self._told_window = None
        self._pause_until_s = self._paused_at_s = -math.inf
        self._was_full = False
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
            insulation_resistance_ohm=self.insulation_resistance_ohm,
        )

    @property
    def contactors_closed(self):
        """Whether the battery is on the inlet."""
        return self._contactors.is_closed or self.contactor_fault is ContactorFault.WELDED

    @property
    def open_circuit_voltage_v(self):
        """Battery voltage without current."""
        return interpolate(self.config.open_circuit_v, self.state_of_charge)

    @property
    def energy_wh(self):
        """Into the battery, what came out of it subtracted."""
        return self.energy_charged_wh - self.energy_discharged_wh

    # What people and physics do to it

    def plug_in(self):
        """Put the connector in."""
        self.plug_ins += not self.is_plugged
        self.is_plugged = True

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
        elif self._is_connecting:
            self._close_when_voltages_match(now_s)
        elif self._wants_open(now_s):
            self._contactors.drive(False, now_s=now_s)
        self._contactors.advance(now_s=now_s)

    def _wants_open(self, now_s):
        if self.contactor_fault is ContactorFault.STAYS_CLOSED:
            return False
        return now_s >= self._open_at_latest_s or (
            now_s >= self._open_from_s and abs(self.inlet_current_a) < self.config.open_below_a)

    # What the controller asks and tells it

    def begin_session(self):
        """Forget the session before."""
        self._forget_session()

    @property
    def told_battery_v(self):
        """The battery voltage that it tells, which need not be the true one."""
        if self.claimed_battery_v is not None:
            return self.claimed_battery_v
        return self.open_circuit_voltage_v

    def begin_precharge(self):
        """Watch the inlet from now on, close the contactors when it fits the battery (R19)."""
        self._is_connecting = True
        self._must_match = True
        self._inside_window_since_s = None

    def connect(self):
        """Close the contactors at whatever voltage: CHAdeMO has no precharge of its own (R46)."""
        self._is_connecting = True
        self._must_match = False
        self._inside_window_since_s = None

    def begin_transfer(self, *, now_s):
        """Ask for energy from now on."""
        self._is_connecting = False
        self._charging_since_s = now_s
        self._request = ChargeRequest()
        self._requested_at_s = now_s - self.config.request_period_s
        self._next_request_s = now_s
        self._told = None

    def end_transfer(self, *, now_s):
        """Open the contactors when the current is low."""
        self._is_connecting = False
        self._open_from_s = min(self._open_from_s, now_s + self.config.opening_delay_s)

    def emergency(self, *, now_s):
        """Open the contactors soon, whatever the current is."""
        self._is_connecting = False
        self._open_from_s = now_s
        self._open_at_latest_s = min(
            self._open_at_latest_s, now_s + self.config.forced_opening_s)

    def ask_to_stop(self, reason):
        """Somebody wants a regular end; the vehicle complies at its next request."""
        self.stop_reason = self.stop_reason or reason

    def pause(self, seconds, *, now_s):
        """Ask for nothing for a while."""
        self._pause_until_s = now_s + seconds

    def is_pausing(self, *, now_s):
        """Whether it asks for nothing just now; it begins from nothing again afterwards."""
        if self._charging_since_s is None:
            return False
        charging_s = now_s - self._charging_since_s
        is_pausing = now_s < self._pause_until_s or any(
            after_s <= charging_s < after_s + for_s for after_s, for_s in self.config.pauses)
        if is_pausing:
            self._request = ChargeRequest()
            self._paused_at_s = now_s
            self._look_at_the_clock(now_s)
        return is_pausing

    @property
    def asked_s(self):
        """When it asked last."""
        return self._requested_at_s

    def is_request_due(self, *, now_s):
        """Whether it asks anew now, at its own pace."""
        return now_s >= self._next_request_s - 1e-6

    def request(self, limits, direction=Direction.CHARGE, *, now_s):
        """
        Return the current it asks for now; renewed at the vehicle's own pace.

        :param limits: the :class:`~.agreement.ChargeLimits` that it was told
        """
        if self.is_request_due(now_s=now_s):
            elapsed_s = now_s - max(self._requested_at_s, self._paused_at_s)
            self._asked(now_s)
            self._request = self._new_request(limits, direction, elapsed_s, now_s)
        return self._request

    def window(self, limits, direction, *, now_s):
        """
        Return the :class:`~.agreement.Window` that battery, vehicle and charger allow now.

        For a range; renewed at the vehicle's own pace, and when the charger says something new
        (A44). Whether the vehicle wants to stop is looked at as well.
        """
        if self.is_request_due(now_s=now_s) or limits != self._told:
            self._asked(now_s)
            self._told, self._told_window = limits, self._window(limits)
            self._look_for_an_end(self._told_window, direction, now_s)
        return self._told_window

    def _asked(self, now_s):
        config = self.config
        self._requested_at_s = now_s
        period_s = config.request_period_s
        if config.request_jitter:
            period_s *= 1 + config.request_jitter * self._rng.uniform(-1, 1)
        self._next_request_s = now_s + min(max(period_s, SHORTEST_REQUEST_S), LONGEST_REQUEST_S)

    def _window(self, limits):
        config = self.config
        voltage_v = min(config.target_voltage_v, limits.voltage_v)
        battery_v = self.open_circuit_voltage_v
        inlet_v = max(self.inlet_voltage_v, battery_v)
        charge_a = min(
            config.max_current_a * interpolate(config.current_taper, self.state_of_charge),
            limits.current_a,
            min(config.max_power_w, limits.power_w) / inlet_v,
            (voltage_v - battery_v) / config.resistance_ohm,
        )
        if self.state_of_charge >= config.target_state_of_charge:
            charge_a = 0.0
        may_discharge = limits.discharge_from_v <= battery_v <= limits.discharge_to_v
        discharge_a = min(
            config.max_discharge_current_a,
            limits.discharge_current_a,
            min(config.max_discharge_power_w or math.inf, limits.discharge_power_w) / battery_v,
            (battery_v - config.min_voltage_v) / config.resistance_ohm,
        )
        if self.state_of_charge <= config.least_state_of_charge or not may_discharge:
            discharge_a = 0.0
        return Window(
            voltage_v=voltage_v,
            charge_a=max(charge_a, 0.0),
            least_charge_a=max(
                config.min_current_a, limits.least_current_a,
                max(config.min_power_w, limits.least_power_w) / inlet_v),
            discharge_a=max(discharge_a, 0.0),
            least_discharge_a=max(
                config.min_discharge_current_a, limits.least_discharge_current_a,
                max(config.min_discharge_power_w, limits.least_discharge_power_w) / battery_v),
        )

    def _look_at_the_clock(self, now_s):
        if self._remaining_s(now_s) <= 0:
            self.ask_to_stop('the planned charging time is over')

    def _look_for_an_end(self, window, direction, now_s):
        config = self.config
        self._look_at_the_clock(now_s)
        soc = f'state of charge {100 * self.state_of_charge:.0f} % reached'
        is_full = self.state_of_charge >= config.target_state_of_charge
        is_empty = self.state_of_charge <= config.least_state_of_charge
        self._was_full |= is_full
        if (is_full and direction is Direction.CHARGE) or (is_empty and (
                direction is Direction.DISCHARGE
                or (direction is Direction.BOTH and self._was_full))):
            self.ask_to_stop(soc)
            return
        possible_a = {
            Direction.CHARGE: window.charge_a, Direction.DISCHARGE: window.discharge_a,
            Direction.BOTH: max(window.charge_a, window.discharge_a),
        }[direction]
        if possible_a < config.stop_below_a:
            self.ask_to_stop(f'only {possible_a:.1f} A are possible')

    def _remaining_s(self, now_s):
        return self._charging_since_s + self.config.charge_duration_s - now_s

    def _new_request(self, limits, direction, elapsed_s, now_s):
        config = self.config
        window = self._window(limits)
        if self.demanded_a is not None:
            return ChargeRequest(window.voltage_v, self.demanded_a)
        self._look_for_an_end(window, direction, now_s)
        remaining_s = self._remaining_s(now_s)
        before_a = self._request.current_a
        sign = -1.0 if self._is_to_discharge(direction, now_s) else 1.0
        if before_a * sign < 0:
            # Through 0 A first.
            current_a = max(0.0, abs(before_a) - config.ramp_down_a_per_s * elapsed_s) * -sign
        else:
            current_a = sign * min(
                window.charge_a if sign > 0 else window.discharge_a,
                abs(before_a) + config.ramp_up_a_per_s * elapsed_s)
        end_a = config.ramp_down_a_per_s * remaining_s if remaining_s > 0 else 0.0
        return ChargeRequest(window.voltage_v, min(max(current_a, -end_a), end_a))

    def _is_to_discharge(self, direction, now_s):
        if direction is not Direction.BOTH:
            return direction is Direction.DISCHARGE
        if math.isfinite(self.config.charge_duration_s):
            return self._remaining_s(now_s) < self.config.charge_duration_s / 2
        return self._was_full

    def _charge_battery(self, elapsed_s):
        into_battery_wh = (
            self.open_circuit_voltage_v * self.inlet_current_a * elapsed_s / 3600.0)
        # As a meter at the plug counts, and gi3 report out of the readings: what becomes heat in
        # the battery is in it, and at 0 V there is nothing to count.
        through_inlet_wh = self.inlet_voltage_v * self.inlet_current_a * elapsed_s / 3600.0
        self.energy_charged_wh += max(through_inlet_wh, 0.0)
        self.energy_discharged_wh += max(-through_inlet_wh, 0.0)
        self.state_of_charge = min(
            1.0, max(0.0, self.state_of_charge + into_battery_wh / self.config.capacity_wh))

    def _close_when_voltages_match(self, now_s):
        difference_v = abs(self.inlet_voltage_v - self.told_battery_v)
        if self.contactor_fault is ContactorFault.STAYS_OPEN:
            return
        if self._must_match and difference_v > self.config.precharge_window_v:
            self._inside_window_since_s = None
        elif self._inside_window_since_s is None:
            self._inside_window_since_s = now_s
        elif now_s - self._inside_window_since_s >= self.config.precharge_settle_s - 1e-6:
            self._contactors.drive(True, now_s=now_s)

    def _forget_session(self):
        self.stop_reason = ''
        self._is_connecting = False
        self._inside_window_since_s = None
        self._charging_since_s = None
        self._request = ChargeRequest()
        self._pause_until_s = self._paused_at_s = -math.inf
        self._was_full = False
        self._open_from_s = math.inf
        self._open_at_latest_s = math.inf
