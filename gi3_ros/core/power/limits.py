"""
What this charger can do, as configured and as lowered for the moment (R32, R33).

Entry names and defaults are the controller's own (interface.md 5.1), so one configuration can be
read by both sides.
"""

import collections
import dataclasses
import math
import typing

from ..config import check, entry
from ..interface.signals import DcPowerControl, DcPowerParameters
from ..lasting import forget_before

SMALLEST_CURRENT_A = 0.1
"""0 means 'configured default' in DC_Power_Parameters, so less than this cannot be told (R33)."""
DERATED_SHARE = 0.5
"""Of the current at the temperature where it ends: the controller's own curve (R50)."""
RECOVERY_V = 5.0
RECOVERY_SHARE = 0.03
"""How far above the least discharge voltage the output has to recover, whichever is more."""
HYSTERESIS_C = 2.0
"""A derated current rises again only when it is this much cooler: no flicker on the bus."""
STEADY_SHARE = 0.005
"""A current that follows from power and voltage is told so much lower than it is."""
FOLLOWED_S = 5.0
"""
From DC_Power_Parameters to commands within them. The interface says "dynamic" and no time (A44);
this is the one by which the rules judge a controller (R33).
"""
EXCESS_A = 1.0
EXCESS_V = 1.0
"""A command so little above what was told is rounding, or the controller's own controlling."""


def _volts(default, meaning):
    return entry(default, f'V, {meaning}', 0.0, 1500.0)


def _amperes(default, meaning):
    return entry(default, f'A, {meaning}', 0.0, 3000.0)


def _watts(default, meaning):
    return entry(default, f'W, {meaning}', 0.0, 4e6)


@dataclasses.dataclass(frozen=True, slots=True)
class ChargerLimits:
    """
    Configured limits of the charger and its cable.

    Currents and powers of the discharge direction are magnitudes.
    """

    is_bidirectional: bool = entry(
        False, 'allow discharging; false forbids it whatever the discharge entries say')
    supports_range_mode: bool = entry(
        True, 'the power modules can work at any current of a range; false: in Range_Mode they '
        'take its maximum (R25, A43)')
    min_charger_voltage: float = _volts(0.0, 'least output voltage of a charge')
    max_charger_voltage: float = _volts(500.0, 'the highest the charger may ever apply')
    min_charger_current: float = _amperes(
        0.0, 'least current towards the vehicle that the modules can hold, besides none')
    max_charger_current: float = _amperes(120.0, 'largest current towards the vehicle')
    min_charger_power: float = _watts(
        0.0, 'least power towards the vehicle; 0 = min_charger_voltage x min_charger_current')
    max_charger_power: float = _watts(
        0.0, 'towards the vehicle; 0 = max_charger_voltage x max_charger_current')
    min_charger_discharge_voltage: float = _volts(0.0, 'below it no discharging')
    max_charger_discharge_voltage: float = _volts(
        0.0, 'above it no discharging; 0 = max_charger_voltage')
    min_charger_discharge_current: float = _amperes(
        0.0, 'least current from the vehicle that the modules can hold, besides none')
    max_charger_discharge_current: float = _amperes(
        0.0, 'largest current from the vehicle; 0 forbids discharging')
    min_charger_discharge_power: float = _watts(
        0.0, 'least power from the vehicle; '
        '0 = min_charger_voltage x min_charger_discharge_current')
    max_charger_discharge_power: float = _watts(
        0.0, 'from the vehicle; 0 = max_charger_voltage x max_charger_discharge_current')
    max_cable_voltage: float = _volts(500.0, 'rating of cable and connector')
    max_cable_current: float = _amperes(100.0, 'rating of cable and connector')
    max_cable_power: float = _watts(
        0.0, 'rating of cable and connector; 0 = max_cable_voltage x max_cable_current')

    def __post_init__(self):
        check(self)
        for what in ('voltage', 'current', 'power', 'discharge_voltage', 'discharge_current',
                     'discharge_power'):
            least, most = (getattr(self, f'{end}_charger_{what}') for end in ('min', 'max'))
            # A maximum of 0 is computed, or forbids: the minimum then has nothing to exceed.
            if most and least > most:
                raise ValueError(
                    f'min_charger_{what} {least:g} is above max_charger_{what} {most:g}')

    @property
    def max_voltage_v(self):
        """V that charger and cable both allow."""
        return min(self.max_charger_voltage, self.max_cable_voltage)

    @property
    def max_current_a(self):
        """A towards the vehicle that charger and cable both allow."""
        return min(self.max_charger_current, self.max_cable_current)

    @property
    def max_discharge_current_a(self):
        """A from the vehicle (magnitude) that charger and cable both allow."""
        if not self.is_bidirectional:
            return 0.0
        return min(self.max_charger_discharge_current, self.max_cable_current)

    def largest(self, *, discharging, voltage_v, share=1.0, may_discharge=True):
        """
        Return the largest current in a direction, and the name of what limits it.

        :param voltage_v: present output voltage, for the power limits
        :param share: of the charger's current that its temperature allows
        :param may_discharge: what :class:`DischargeWindow` says of the voltage
        :returns: magnitude in A; 'charger', 'charger power', 'cable', 'cable power',
            'temperature', 'not bidirectional' or 'discharge voltage'
        """
        if not discharging:
            current = self.max_charger_current
            power = self.max_charger_power or self.max_charger_voltage * current
        elif not self.is_bidirectional:
            return 0.0, 'not bidirectional'
        elif not may_discharge:
            return 0.0, 'discharge voltage'
        else:
            current = self.max_charger_discharge_current
            power = self.max_charger_discharge_power or self.max_charger_voltage * current
        cable = self.max_cable_power or self.max_cable_voltage * self.max_cable_current
        bounds = {
            'charger': current,
            'cable': self.max_cable_current,
            'charger power': power / voltage_v if voltage_v > 0 else math.inf,
            'cable power': cable / voltage_v if voltage_v > 0 else math.inf,
            'temperature': current * share,
        }
        name = min(bounds, key=bounds.get)
        return bounds[name], name

    def smallest(self, *, discharging, voltage_v):
        """
        Return the least current (magnitude in A) in a direction that the modules can hold.

        A least power of 0 is computed from least voltage and least current: it asks for no more
        than these two do.

        :param voltage_v: where the output will be, for the least power
        """
        if discharging:
            current = self.min_charger_discharge_current
            power = self.min_charger_discharge_power
        else:
            current, power = self.min_charger_current, self.min_charger_power
        return max(current, power / voltage_v if voltage_v > 0 else 0.0)


class DischargeWindow:
    """
    Whether the output voltage is where discharging is permitted.

    Once it was too low it has to recover: without the load every battery does so a little, and
    the current would go on and off without end.
    """

    def __init__(self, limits):
        self._low_v = limits.min_charger_discharge_voltage
        self._high_v = limits.max_charger_discharge_voltage or limits.max_charger_voltage
        self._was_low = False

    def restart(self):
        """Begin anew: an output that no current was drawn from has not sagged."""
        self._was_low = False

    def permits(self, voltage_v):
        """Return whether current may be drawn at this voltage."""
        recovered_v = min(
            self._low_v + max(RECOVERY_V, RECOVERY_SHARE * self._low_v), self._high_v)
        self._was_low = voltage_v < (recovered_v if self._was_low else self._low_v)
        return not self._was_low and voltage_v <= self._high_v


class Derating:
    """
    The share of its current that a charger may carry at a temperature (R50).

    :param start_c: degrees Celsius up to which it is all of it
    :param end_c: where it has fallen to :data:`DERATED_SHARE`, linearly
    """

    def __init__(self, start_c, end_c):
        self._start_c = start_c
        self._end_c = end_c
        self._counted_c = -math.inf

    def share(self, temperature_c):
        """
        Return the share, in whole percent.

        Without a sensor (NaN) it is all; a sensor that fell silent keeps what it said last.
        """
        if temperature_c > self._counted_c:
            self._counted_c = temperature_c
        elif temperature_c < self._counted_c - HYSTERESIS_C:
            self._counted_c = temperature_c + HYSTERESIS_C
        over = (self._counted_c - self._start_c) / (self._end_c - self._start_c)
        return round(1.0 - (1.0 - DERATED_SHARE) * min(max(over, 0.0), 1.0), 2)


class Steady:
    """
    A limit just below one that moves all the time, such as power over a measured voltage.

    Told as it is, it would be another frame with each reading.
    """

    def __init__(self):
        self._value = math.inf

    def follow(self, value: float) -> float:
        """Return what was told before while it is below ``value`` and near it, else a new one."""
        if not self._value <= value <= self._value * (1.0 + 4.0 * STEADY_SHARE):
            self._value = value * (1.0 - STEADY_SHARE)
        return self._value


class AdvertisedLimits:
    """
    The content of DC_Power_Parameters: what we tell the controller, and when it is due.

    What charger and cable can do is told always: 0 would be the controller's own entry, which may
    be another (R33). Only the limits of ``left_to_controller`` are 0 until something lowers them.

    :param configured: the :class:`ChargerLimits` that cap everything
    :param left_to_controller: names of signals of DC_Power_Parameters
    """

    SPACING_S = 0.1
    """Two frames are at least this far apart (R4)."""
    _MARGIN_S = 0.005
    """Scheduling on the way to the bus may bring two frames closer together."""
    REPEAT_S = 1.0
    """
    A frame may be lost, and whoever comes later has not heard it: a node that was started anew, a
    bus that was off. It would be a session without limits, or without an end of waiting (R37).
    """

    def __init__(
        self, configured: ChargerLimits, *, left_to_controller: frozenset[str] = frozenset(),
    ):
        self._configured = configured
        self._left = left_to_controller
        self._sent = None
        self._sent_s = None
        self._history = collections.deque()
        """``(time_s, message)`` of what the controller may still have to follow."""
        self.current = DcPowerParameters()
        """
        The message that describes the limits in force.

        A limit of 0 is the controller's own entry. A lowered one is never 0, which would raise it
        (R33, A45), nor is that of a charger that can do nothing: 0.1 is the least.
        """
        self._change(DcPowerParameters(), (math.inf, math.inf))

    def _change(self, wanted, caps):
        """Work out the message anew."""
        self._wanted, self._caps = wanted, caps
        configured = self._configured
        self.current = DcPowerParameters(
            maximum_voltage=self._told(
                'maximum_voltage', configured.max_voltage_v,
                configured.max_charger_voltage, math.inf),
            maximum_charge_current=self._told(
                'maximum_charge_current', configured.max_current_a,
                configured.max_charger_current, caps[0]),
            maximum_discharge_current=self._told(
                'maximum_discharge_current', configured.max_discharge_current_a,
                configured.max_charger_discharge_current, caps[1]),
        )

    def _told(self, name, possible, entry_of_both, cap):
        """Return one limit as the frame carries it, rounded down: no more is told than is."""
        wished = getattr(self._wanted, name)
        if name in self._left and not wished and cap >= entry_of_both:
            return 0.0
        told = min(wished or possible, possible, cap)
        return max(math.floor(told * 10.0 + 1e-6) / 10.0, SMALLEST_CURRENT_A)

    @property
    def ceilings_a(self):
        """What :meth:`set` leaves in each direction, charging first; infinite where nothing."""
        wanted = self._wanted
        return (wanted.maximum_charge_current or math.inf,
                wanted.maximum_discharge_current or math.inf)

    @property
    def ceiling_v(self):
        """What :meth:`set` leaves of the voltage; infinite where nothing was lowered."""
        return self._wanted.maximum_voltage or math.inf

    def set(self, *, voltage_v, charge_current_a, discharge_current_a):
        """
        Lower the limits; 0 gives one back to its configured maximum.

        :raises ValueError: for a value that makes no sense or lies above the configured maximum
        """
        configured = self._configured
        wishes = (
            ('maximum_voltage', voltage_v, configured.max_charger_voltage, 'V'),
            ('maximum_charge_current', charge_current_a, configured.max_charger_current, 'A'),
            ('maximum_discharge_current', discharge_current_a,
             configured.max_charger_discharge_current, 'A'),
        )
        for name, value, maximum, unit in wishes:
            if not math.isfinite(value) or value < 0:
                raise ValueError(f'{name} must be a finite number >= 0, not {value}')
            if value > maximum:
                raise ValueError(
                    f'{name} {value:g} {unit} is above the configured maximum of {maximum:g} '
                    f'{unit}'
                )
            if 0 < value < SMALLEST_CURRENT_A:
                raise ValueError(
                    f'{name} {value:g} {unit} would be sent as 0, which means the configured '
                    'maximum (R33)'
                )
        self._change(DcPowerParameters(
            maximum_voltage=voltage_v, maximum_charge_current=charge_current_a,
            maximum_discharge_current=discharge_current_a,
        ), self._caps)

    def cap(self, *, charge_a=math.inf, discharge_a=math.inf):
        """Lower the currents further for as long as something else does (a lease, heat)."""
        if (charge_a, discharge_a) != self._caps:
            self._change(self._wanted, (charge_a, discharge_a))

    def announce(self):
        """Make the limits due again: a session is beginning, or the controller has restarted."""
        self._sent = None

    def due(self, *, now_s):
        """
        Return the message to send now, or ``None``.

        It is due on change and every second, and never faster than R4 allows.
        """
        message = self.current
        wait_s = self.REPEAT_S if message == self._sent else self.SPACING_S + self._MARGIN_S
        if self._sent_s is not None and now_s - self._sent_s < wait_s:
            return None
        self._sent, self._sent_s = message, now_s
        forget_before(now_s - FOLLOWED_S, self._history)
        self._history.append((now_s, message))
        return message

    def forget_told(self):
        """Begin anew: a controller that was away may not have heard what was told."""
        self._history.clear()

    def excess_of(self, command: DcPowerControl, *, now_s: float) -> 'Excess | None':
        """
        Return what a command asks for beyond the limits that were told :data:`FOLLOWED_S` ago.

        Of several that were in force since then the widest counts. A Target_Voltage in a transfer
        is no excess: a vehicle may name any above its battery's (R29).
        """
        forget_before(now_s - FOLLOWED_S, self._history)
        if not self._history or now_s - self._history[0][0] < FOLLOWED_S:
            return None
        for name, asked, room, unit, entry_name in _asked(command):
            told = max(getattr(message, name) or math.inf for _, message in self._history)
            if asked > told + room:
                return Excess(asked, told, unit, name.title(), entry_name)
        return None


class Excess(typing.NamedTuple):
    """What a command asks for beyond what was told; magnitudes."""

    asked: float
    told: float
    unit: str
    signal: str
    """Of DC_Power_Parameters, as the vendor spells it"""
    entry_name: str
    """Of the configuration, at both ends"""


def _asked(command):
    """Yield signal, magnitude, room, unit and entry of what a command reaches for."""
    function = DcPowerControl.PowerFunction
    if command.power_function == function.POWER_TRANSFER:
        yield ('maximum_charge_current', command.current_range_max, EXCESS_A, 'A',
               'max_charger_current')
        yield ('maximum_discharge_current', -command.current_range_min, EXCESS_A, 'A',
               'max_charger_discharge_current')
    elif command.power_function == function.INSULATION_TEST:
        yield ('maximum_voltage', command.target_voltage, EXCESS_V, 'V', 'max_charger_voltage')
