# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
What is told to the controller of our limits, in DC_Power_Parameters (R32, R33).

:class:`AdvertisedLimits` is the frame and when it is due; :class:`Advertising` lowers it to what
leases, heat and power leave, and sees whether the controller keeps to it.
"""

import collections
from collections.abc import Iterator
import math
import typing

from ..deadlines import ROUNDING_S
from ..interface.signals import DcPowerControl, DcPowerParameters
from ..lasting import forget_before
from .inputs import Inputs
from .limits import BothWays, ChargerLimits
from .memory import SessionMemory
from .parameters import PowerConfig
from .phases import BATTERY_CONNECTS, Phase, PhaseMachine
from .setpoint import Lease

SMALLEST_CURRENT_A = 0.1
"""0 means 'configured default' in DC_Power_Parameters, so less than this cannot be told (R33)."""
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


class Steady:
    """
    A limit just below one that moves all the time, such as power over a measured voltage.

    Told as it is, it would be another frame with each reading.
    """

    def __init__(self) -> None:
        self._value = math.inf

    def follow(self, value: float) -> float:
        """Return what was told before while it is below ``value`` and near it, else a new one."""
        if not self._value <= value <= self._value * (1.0 + 4.0 * STEADY_SHARE):
            self._value = value * (1.0 - STEADY_SHARE)
        return self._value


class Excess(typing.NamedTuple):
    """What a command asks for beyond what was told; magnitudes."""

    asked: float
    told: float
    unit: str
    signal: str
    """Of DC_Power_Parameters, as the vendor spells it"""
    entry_name: str
    """Of the configuration, at both ends"""


class _Reach(typing.NamedTuple):
    """What a command reaches for; magnitudes."""

    asked: float
    signal: str
    """Field of DC_Power_Parameters"""
    room: float
    """So little above it is no excess."""
    unit: str
    entry_name: str


def _reaches(command: DcPowerControl) -> Iterator[_Reach]:
    """Yield what a command reaches for that was limited by what was told."""
    function = DcPowerControl.PowerFunction
    if command.power_function == function.POWER_TRANSFER:
        yield _Reach(command.current_range_max, 'maximum_charge_current', EXCESS_A, 'A',
                     'max_charger_current')
        yield _Reach(-command.current_range_min, 'maximum_discharge_current', EXCESS_A, 'A',
                     'max_charger_discharge_current')
    elif command.power_function == function.INSULATION_TEST:
        yield _Reach(command.target_voltage, 'maximum_voltage', EXCESS_V, 'V',
                     'max_charger_voltage')


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
    ) -> None:
        self._configured = configured
        self._left = left_to_controller
        self._sent: DcPowerParameters | None = None
        """``None``: whatever was sent has to be sent again."""
        self._sent_s = -math.inf
        self._history: collections.deque[tuple[float, DcPowerParameters]] = collections.deque()
        """``(time_s, message)`` of what the controller may still have to follow."""
        self.current = DcPowerParameters()
        """
        The message that describes the limits in force.

        A limit of 0 is the controller's own entry. A lowered one is never 0, which would raise it
        (R33, A45), nor is that of a charger that can do nothing: 0.1 is the least.
        """
        self._change(DcPowerParameters(), BothWays())

    def _change(self, wanted: DcPowerParameters, caps: BothWays) -> None:
        """Work out the message anew."""
        self._wanted, self._caps = wanted, caps
        configured = self._configured
        self.current = DcPowerParameters(
            maximum_voltage=self._told(
                'maximum_voltage', configured.max_voltage_v,
                configured.max_charger_voltage, math.inf),
            maximum_charge_current=self._told(
                'maximum_charge_current', configured.max_current_a,
                configured.max_charger_current, caps.charge_a),
            maximum_discharge_current=self._told(
                'maximum_discharge_current', configured.max_discharge_current_a,
                configured.max_charger_discharge_current, caps.discharge_a),
        )

    def _told(self, name: str, possible: float, entry_of_both: float, cap: float) -> float:
        """Return one limit as the frame carries it, rounded down: no more is told than is."""
        wished: float = getattr(self._wanted, name)
        if name in self._left and not wished and cap >= entry_of_both:
            return 0.0
        told = min(wished or possible, possible, cap)
        return max(math.floor(told * 10.0 + 1e-6) / 10.0, SMALLEST_CURRENT_A)

    @property
    def ceilings_a(self) -> BothWays:
        """What :meth:`set` leaves in each direction; infinite where nothing was lowered."""
        wanted = self._wanted
        return BothWays(wanted.maximum_charge_current or math.inf,
                        wanted.maximum_discharge_current or math.inf)

    @property
    def ceiling_v(self) -> float:
        """What :meth:`set` leaves of the voltage; infinite where nothing was lowered."""
        return self._wanted.maximum_voltage or math.inf

    def set(
        self, *, voltage_v: float, charge_current_a: float, discharge_current_a: float,
    ) -> None:
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

    def cap(self, *, charge_a: float = math.inf, discharge_a: float = math.inf) -> None:
        """Lower the currents further for as long as something else does (a lease, heat)."""
        if (charge_a, discharge_a) != self._caps:
            self._change(self._wanted, BothWays(charge_a, discharge_a))

    def announce(self) -> None:
        """Make the limits due again: a session is beginning, or the controller has restarted."""
        self._sent = None

    @property
    def due_s(self) -> float:
        """When the limits in force are due."""
        return self._sent_s + self._wait_s + ROUNDING_S

    @property
    def _wait_s(self) -> float:
        return self.REPEAT_S if self.current == self._sent else self.SPACING_S + self._MARGIN_S

    def due(self, *, now_s: float) -> DcPowerParameters | None:
        """
        Return the message to send now, or ``None``.

        It is due on change and every second, and never faster than R4 allows.
        """
        message = self.current
        if now_s - self._sent_s < self._wait_s:
            return None
        self._sent, self._sent_s = message, now_s
        forget_before(now_s - FOLLOWED_S, self._history)
        self._history.append((now_s, message))
        return message

    def forget_told(self) -> None:
        """Begin anew: a controller that was away may not have heard what was told."""
        self._history.clear()

    def excess_of(self, command: DcPowerControl, *, now_s: float) -> Excess | None:
        """
        Return what a command asks for beyond the limits that were told :data:`FOLLOWED_S` ago.

        Of several that were in force since then the widest counts. A Target_Voltage in a transfer
        is no excess: a vehicle may name any above its battery's (R29).
        """
        forget_before(now_s - FOLLOWED_S, self._history)
        if not self._history or now_s - self._history[0][0] < FOLLOWED_S:
            return None
        for reach in _reaches(command):
            told: float = max(
                getattr(message, reach.signal) or math.inf for _, message in self._history)
            if reach.asked > told + reach.room:
                return Excess(
                    reach.asked, told, reach.unit, reach.signal.title(), reach.entry_name)
        return None


class Advertising:
    """Lowers the advertised limits for as long as something leaves less (R32)."""

    def __init__(
        self, config: PowerConfig, machine: PhaseMachine, inputs: Inputs, memory: SessionMemory,
    ) -> None:
        self._configured = config.limits
        self._machine = machine
        self._inputs = inputs
        self._memory = memory
        self.limits = AdvertisedLimits(
            config.limits, left_to_controller=config.left_to_controller)
        self._steady = Steady(), Steady()
        """What power leaves of the current in each direction, charging first."""
        self._is_in_excess = False
        """Whether the last command was beyond what it had been told for long."""

    def follow(self, lease: Lease | None) -> None:
        """Lower the limits to what the lease in force, heat and power leave."""
        charge_a, discharge_a = self._caps_a()
        # In Range_Mode a lease is carried out by ourselves. Else it limits its own direction; one
        # for next to nothing can only be told as the least of it, and once the vehicle asks.
        if lease is not None and not self._memory.may_choose:
            wish_a = lease.current_a
            is_told = (abs(wish_a) >= SMALLEST_CURRENT_A
                       or self._memory.transfer_command is not None)
            if is_told and wish_a >= 0:
                charge_a = min(charge_a, wish_a)
            elif is_told:
                discharge_a = min(discharge_a, -wish_a)
        self.limits.cap(charge_a=charge_a, discharge_a=discharge_a)

    def _caps_a(self) -> BothWays:
        """
        Return what heat and power leave of the current; infinite where neither limits.

        The interface has no signal for power: it is told as a current, from when the output is at
        the voltage of the battery (R32).
        """
        phase, modules = self._machine.phase, self._inputs.modules
        is_at_battery = phase in BATTERY_CONNECTS or (
            phase is Phase.STANDBY and self._memory.battery_may_be_connected
            and self._inputs.stage.is_closed)
        volts = modules.last.voltage_v if is_at_battery else 0.0
        caps_a = []
        for discharging, steady in zip((False, True), self._steady, strict=True):
            largest_a, name = self._configured.largest(
                discharging=discharging, voltage_v=volts, share=modules.share)
            by_power_a = steady.follow(largest_a if name.endswith('power') else math.inf)
            caps_a.append(largest_a if name == 'temperature' else by_power_a)
        return BothWays(*caps_a)

    def new_excess(self, command: DcPowerControl, *, now_s: float) -> str:
        """Say, once, that commands begin to go beyond what the controller was told (R33)."""
        excess = self.limits.excess_of(command, now_s=now_s)
        was_in_excess, self._is_in_excess = self._is_in_excess, excess is not None
        if excess is None or was_in_excess:
            return ''
        if excess.unit == 'V':
            given = self._configured.max_voltage_v
        else:
            given, _ = self._configured.largest(
                discharging=excess.signal == 'Maximum_Discharge_Current',
                voltage_v=self._inputs.modules.last.voltage_v, share=self._inputs.modules.share)
        unit = excess.unit
        return (
            f'controller commands {excess.asked:g} {unit} although it has been told '
            f'{excess.signal} {excess.told:g} {unit} for {FOLLOWED_S:g} s or more (R33); this '
            f'charger gives at most {given:g} {unit}. Check that DC_Power_Parameters reaches the '
            f'controller, and {excess.entry_name} in its configuration')
