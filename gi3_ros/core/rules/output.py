# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""One session as it is at the charger's output: what is to be there, and what is measured."""

import collections
import dataclasses
import enum
import math

from ..interface.signals import DcPowerControl, DcPowerParameters, PowerModulesStatus
from ..lasting import forget_before
from .states import BEFORE_COMMANDS, State
from .tolerances import Tolerances

Function = DcPowerControl.PowerFunction

PERIOD_S = 0.1
"""Of all that repeats: a reading, a command may be this old (R2, R26)."""
FLOATING = (Function.OFF, Function.STANDBY)
MOST_V = 1500.0
"""No charger of this interface has more (A38); 6553.5 V are a careless 0xFFFF."""
_REMEMBERED_S = 1.0
"""What arrives is stamped, and may be this much older than what was sent meanwhile."""
_PROGRESS_V, _PROGRESS_S = 1.0, 2.0
"""A voltage that has come closer by so much within so long is still on its way."""


class InForce(enum.Enum):
    """What a charger has to keep to at its output."""

    NOTHING = enum.auto()
    """Nothing was commanded yet."""
    OFF = enum.auto()
    STANDBY = enum.auto()
    INSULATION_TEST = enum.auto()
    PRECHARGE = enum.auto()
    POWER_TRANSFER = enum.auto()
    EMERGENCY = enum.auto()
    """An Emergency_Stop, whatever is commanded (R38)."""


FUNCTIONS: dict[int, InForce] = {function: InForce[function.name] for function in Function}
COMMANDED = frozenset(FUNCTIONS.values())


@dataclasses.dataclass(slots=True)
class Setpoint:
    """A command and when it came into force."""

    since_s: float
    command: DcPowerControl


class Hull:
    """
    The currents on the way from the last set-points to the one in force, at the pace of a ramp.

    :param rate_a_per_s: what a charger may need for its ramp (R28)
    :param delay_s: and before it, out of a Standby
    """

    def __init__(self, rate_a_per_s: float, delay_s: float) -> None:
        self._rate_a_per_s = rate_a_per_s
        self._delay_a = rate_a_per_s * delay_s
        self._at_s: float | None = None
        # How far from 0 A it may still be, on either side ..
        self.top_a = self.bottom_a = 0.0
        # .. and how far from it, it has to be by now.
        self.least_a, self.most_a = -self._delay_a, self._delay_a

    def move(self, permitted: list[DcPowerControl], now_s: float) -> None:
        """
        Go on in time.

        :param permitted: commands that may still be followed, none without a transfer
        """
        moved_a = 0.0 if self._at_s is None else (
            self._rate_a_per_s * max(0.0, now_s - self._at_s))
        self._at_s = now_s
        highest_a = max([each.current_range_max for each in permitted], default=0.0)
        lowest_a = min([each.current_range_min for each in permitted], default=0.0)
        self.top_a = max(0.0, self.top_a - moved_a, highest_a)
        self.bottom_a = min(0.0, self.bottom_a + moved_a, lowest_a)
        if permitted:
            self.least_a = min(self.least_a + moved_a, lowest_a)
            self.most_a = max(self.most_a - moved_a, highest_a)
        else:
            self.least_a, self.most_a = -self._delay_a, self._delay_a


class Way:
    """
    The way of a voltage to where it has to be.

    :param begun_v: what was on the output when it began
    """

    def __init__(self, begun_v: float) -> None:
        self.begun_v = begun_v
        self.has_arrived = False
        self._distances: collections.deque[tuple[float, float]] = collections.deque()
        """``(time, V)`` of the last moments."""

    def forget(self) -> None:
        """Take it that it has another aim from now on."""
        self._distances.clear()

    def is_on(self, distance_v: float, now_s: float, share: float = 0.0) -> bool:
        """Take the next distance; tell whether it has become smaller in the last moments."""
        distances = self._distances
        distances.append((now_s, distance_v))
        forget_before(now_s - _PROGRESS_S, distances)
        _, before_v = distances[0]
        return before_v - distance_v >= max(_PROGRESS_V, share * before_v)


class Output:
    """
    What was commanded of one charger in one session, and what it has measured since.

    It begins with New_Charge_Session, or with the state in which one begins.

    :param is_chademo: no precharge and 5 A at the end (R46, R42)
    :param is_whole: whether all commands were heard; then there is no power before the first
    """

    def __init__(
            self, limits: Tolerances, *, is_chademo: bool = False, is_whole: bool = True) -> None:
        self.is_chademo = is_chademo
        self.is_whole = is_whole
        self.in_force = InForce.NOTHING
        self.is_excused = False
        """Whether nothing more is expected of the charger; see :meth:`excuse`."""
        self.state: int | None = None
        """Of the controller, as far as it was heard in this session."""
        self.setpoints: collections.deque[Setpoint] = collections.deque()
        """The last commands that said something new, the one in force at the end."""
        self.heard_since_s = math.inf
        """Since the first command: what held before it is not known."""
        self.function_since_s = math.inf
        """Since the function, its contactors and its Lowering are what they are."""
        self.command = DcPowerControl()
        """The one in force."""
        self.function: int | None = None
        """Its Power_Function, ``None`` before the first command."""
        self.before: DcPowerControl | None = None
        """The command before it."""
        self.was_transfer = False
        self.has_connected = False
        """Whether a battery may be on the output: after a precharge or a transfer."""
        self.battery_v = 0.0
        """What the vehicle was precharged to, 0 as long as nobody knows."""
        self.test_since_s = self.precharge_since_s = math.inf
        self.wanted_since_s: float | None = None
        """Since when a current is asked for, 0 A being none."""
        self.able_since_s = math.inf
        """Since when the charger can be on its way to the current."""
        self.way = Way(0.0)
        self.hull = Hull(limits.ramp_a_per_s, limits.exceed_s)
        self.emergency_since_s: float | None = None
        self.ending_since_s: float | None = None
        """First Standby of the end of the charge (R42)."""
        self.closing_since_s: float | None = None
        self.closing_v = 0.0
        """What was on the output when the communication began to close."""
        self.status: PowerModulesStatus | None = None
        """The last one."""
        self.status_at_s = -math.inf
        self.step_s = 0.0
        """From the one before it."""
        self._limits = limits
        self._precharge_v = 0.0
        """The target from which the time in the window counts."""
        self._highest_target_v = 0.0
        self._found_v = 0.0
        """What was on the output when the function began, as far as it is still there."""

    # What there is

    @property
    def is_commanded(self) -> bool:
        """Whether anything was commanded, and no Emergency_Stop has ended it."""
        return self.in_force in COMMANDED

    @property
    def is_emergency(self) -> bool:
        """Whether an Emergency_Stop has ended this session's power (R38)."""
        return self.emergency_since_s is not None

    @property
    def last_v(self) -> float:
        return 0.0 if self.status is None else self.status.present_voltage

    @property
    def highest_v(self) -> float:
        """Nobody has to sink what is there already."""
        return max(self._highest_target_v, self._found_v)

    def transfers_since(self, since_s: float) -> list[DcPowerControl]:
        """Return the Power_Transfer commands in force at any time since then."""
        commands = []
        for setpoint in reversed(self.setpoints):
            if setpoint.command.power_function == Function.POWER_TRANSFER:
                commands.append(setpoint.command)
            if setpoint.since_s <= since_s:
                break
        return commands

    # What comes

    def excuse(self) -> None:
        """
        Expect nothing more of the charger for the rest of the session.

        After a silent controller it has to stop and to wait for the next one (R1); after its
        permission was withdrawn there is no power to be had.
        """
        self.is_excused = True

    def restart(self, now_s: float) -> None:
        """Count all times from now on: until now the charger may have heard nothing."""
        for setpoint in self.setpoints:
            setpoint.since_s = now_s
        if self.setpoints:
            self.function_since_s = self.able_since_s = now_s
        if self.test_since_s < math.inf:
            self.test_since_s = now_s
        if self.precharge_since_s < math.inf:
            self.precharge_since_s = now_s
        if self.wanted_since_s is not None:
            self.wanted_since_s = now_s
        if self.emergency_since_s is not None:
            self.emergency_since_s = now_s
        if self.ending_since_s is not None:
            self.ending_since_s = now_s
        if self.closing_since_s is not None:
            self.closing_since_s = now_s

    def see_state(self, state: int, now_s: float) -> None:
        """Take the controller's state."""
        if state == self.state:
            return
        self.state = state
        if state == State.CLOSING_COMMUNICATION:
            self.closing_since_s, self.closing_v = now_s, self.last_v
            self.way.forget()
        elif state in BEFORE_COMMANDS:
            self.is_whole = True
        self._see_end(now_s)

    def see_emergency(self, now_s: float) -> None:
        """Take an Emergency_Stop; the first counts."""
        if self.emergency_since_s is None:
            self.emergency_since_s = now_s
            self.in_force = InForce.EMERGENCY

    def see_parameters(
            self, before: DcPowerParameters | None, parameters: DcPowerParameters,
            now_s: float) -> None:
        """Take what the charger says that it can give; 0 tells nothing (R33)."""
        before = before or DcPowerParameters()
        if self.setpoints and any(
                0 < getattr(before, name) < min(wanted, getattr(parameters, name) or math.inf)
                for name, wanted in _limited(self.command)):
            # It has its time to come up to a higher one.
            self.able_since_s = now_s

    def see_status(self, status: PowerModulesStatus, now_s: float) -> None:
        """Take a Power_Modules_Status."""
        self.step_s = 0.0 if self.status is None else now_s - self.status_at_s
        self.status, self.status_at_s = status, now_s
        if status.present_voltage < self._found_v:
            self._found_v = status.present_voltage
        if self.in_force in COMMANDED:
            self._move_hull(status.present_current, now_s)

    def see_command(self, command: DcPowerControl, now_s: float) -> bool:
        """
        Take a DC_Power_Control; it holds until the next, however long that takes (R26).

        :returns: whether it says something new
        """
        before = self.command if self.setpoints else None
        if before is None:
            # What held before that may still count, where a log begins in mid-session.
            self.heard_since_s = now_s
        elif command == before:
            return False
        self.before = before
        if self.is_function_new(command):
            self._start_function(command, now_s)
        self._see_target(command, before, now_s)
        self._highest_target_v = max(self._highest_target_v, command.target_voltage)
        if self.wanted_since_s is None and (
                command.current_range_min > 0 or command.current_range_max < 0):
            self.wanted_since_s = now_s
        self.setpoints.append(Setpoint(now_s, command))
        self.command, self.function = command, command.power_function
        self._see_end(now_s)
        self._forget_setpoints(now_s)
        if not self.is_emergency:
            self.in_force = FUNCTIONS[command.power_function]
        return True

    def is_function_new(self, command: DcPowerControl) -> bool:
        """Tell whether this is more than a new set-point of what was commanded before it."""
        return self.before is None or _kind(command) != _kind(self.before)

    def _start_function(self, command: DcPowerControl, now_s: float) -> None:
        function = command.power_function
        last = None if self.before is None else self.before.power_function
        if last is None:
            self.was_transfer = not self.is_whole
        elif function != last and not (function in FLOATING and last in FLOATING):
            self.was_transfer = last == Function.POWER_TRANSFER
        if function not in FLOATING:
            # An end that was none.
            self.ending_since_s = None
            self.has_connected |= function != Function.INSULATION_TEST
        self.function_since_s = self.able_since_s = now_s
        self._highest_target_v = 0.0
        self._found_v = self.last_v
        self.wanted_since_s = None
        self.way = Way(self.last_v)

    def _see_target(
            self, command: DcPowerControl, before: DcPowerControl | None, now_s: float) -> None:
        """Let a voltage begin its way anew when its target moves."""
        function, target_v = command.power_function, command.target_voltage
        is_new = before is None or before.power_function != function
        if function == Function.INSULATION_TEST and (
                is_new or before is None or target_v != before.target_voltage):
            self.test_since_s = now_s
            self.way = Way(self.last_v)
        elif function == Function.PRECHARGE:
            if is_new or (
                    abs(target_v - self._precharge_v) > self._limits.precharge_window_v):
                self.precharge_since_s, self._precharge_v = now_s, target_v
                self.way = Way(self.last_v)
            if target_v <= MOST_V:
                self.battery_v = target_v

    def _see_end(self, now_s: float) -> None:
        """R41, R42: the end of the power begins with its first Standby, not with the state."""
        if (self.state == State.ENDING_CHARGE and self.ending_since_s is None
                and self.setpoints and self.command.power_function in FLOATING):
            self.ending_since_s = now_s

    def _move_hull(self, current_a: float, now_s: float) -> None:
        hull, exceed_s = self.hull, self._limits.exceed_s
        hull.move(self.transfers_since(now_s - exceed_s), now_s)
        if not self.is_whole and now_s - self.heard_since_s <= exceed_s:
            # What was commanded before the log began is not known.
            hull.top_a, hull.bottom_a = max(hull.top_a, current_a), min(hull.bottom_a, current_a)

    def _forget_setpoints(self, now_s: float) -> None:
        oldest_s = now_s - max(self._limits.exceed_s, self._limits.follow_s) - _REMEMBERED_S
        while len(self.setpoints) > 1 and self.setpoints[1].since_s < oldest_s:
            self.setpoints.popleft()


def way_s(volts: float, volts_per_s: float) -> float:
    """Return how long a voltage may be on its way."""
    return volts / volts_per_s if volts_per_s > 0 else math.inf


def _limited(command: DcPowerControl) -> tuple[tuple[str, float], ...]:
    """Return the fields of DC_Power_Parameters that a command reaches for, and how far."""
    return (
        ('maximum_voltage', command.target_voltage),
        ('maximum_charge_current', command.current_range_min),
        ('maximum_discharge_current', -command.current_range_max),
    )


def _kind(command: DcPowerControl) -> tuple[int, int, int]:
    """Return what makes a command another one: a new set-point alone does not."""
    return command.power_function, command.lower_output_voltage, command.output_contactors
