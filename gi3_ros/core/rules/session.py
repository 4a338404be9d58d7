# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""One session as the controller leads it: what it has announced, told and commanded."""

import dataclasses

from ..interface.layout import Message
from ..interface.signals import DcPowerControl, NewChargeSession, PowerModulesStatus
from .states import State

Function = DcPowerControl.PowerFunction
Protocol = NewChargeSession.CommunicationProtocol

POWERED = frozenset({Function.INSULATION_TEST, Function.PRECHARGE, Function.POWER_TRANSFER})
CHADEMO = frozenset({Protocol.CHADEMO_V0_9, Protocol.CHADEMO_V1_0_TO_V1_2, Protocol.CHADEMO_V2_0})


@dataclasses.dataclass(slots=True)
class Session:
    """From New_Charge_Session until the controller is idle again."""

    since_s: float
    announced_at_s: float
    told: set[type[Message]] = dataclasses.field(default_factory=set)
    """Classes of EV_Information that came."""
    status_at_s: float | None = None
    was_allowed: bool = False
    """Whether System_Enable was Allowed just before it: it counts until the first status (A6)."""
    enabled_at_s: float | None = None
    """First Allowed."""
    is_enabled: bool = False
    withdrawn_at_s: float | None = None
    """Last 1 -> 0 of System_Enable; what comes after it takes nothing back (R7, R8)."""
    withdrawals: int = 0
    was_in_loop: bool = False
    """Whether the permission was withdrawn inside the charging loop (R8)."""
    left_at_s: float | None = None
    """When the controller turned to the end."""
    has_emergency: bool = False
    has_unreadable_emergency: bool = False
    """Whether one came that could not be read: nobody needs to follow it, but it was sent."""
    is_broken_off: bool = False
    """Whether an emergency came before the regular end had begun (A26)."""
    finished_at_s: float | None = None
    """First Charge_Session_Finished."""
    finishes: int = 0
    """How many came."""
    is_interrupted: bool = False
    """Whether the controller was silent in it: what it sent meanwhile was not heard."""

    @property
    def may_begin(self) -> bool:
        """Whether System_Enable is or was Allowed."""
        return self.enabled_at_s is not None or (self.was_allowed and self.status_at_s is None)

    @property
    def is_finished(self) -> bool:
        return self.finished_at_s is not None

    def see_allowed(self, is_allowed: bool, is_in_loop: bool, now_s: float) -> None:
        """Take the System_Enable of a Power_Modules_Status."""
        self.status_at_s = now_s
        if is_allowed:
            self.is_enabled = True
            if self.enabled_at_s is None:
                self.enabled_at_s = now_s
        elif self.is_enabled:
            self.is_enabled = False
            self.withdrawn_at_s = now_s
            self.withdrawals += 1
            self.was_in_loop = is_in_loop

    def see_finished(self, now_s: float) -> None:
        """Take a Charge_Session_Finished; the first one counts."""
        self.finishes += 1
        if self.finished_at_s is None:
            self.finished_at_s = now_s

    def interrupt(self, now_s: float) -> None:
        """Take it that the controller was silent: its own clocks begin when it can hear again."""
        self.is_interrupted = True
        if self.status_at_s is not None:
            self.status_at_s = now_s
        if self.withdrawn_at_s is not None:
            self.withdrawn_at_s = now_s


class Commands:
    """
    What the controller has commanded in a session, and what it has told with it.

    :param announcement: the session's New_Charge_Session; ``None`` when its begin was not heard:
        then commands are judged one by one, not by what came before
    """

    def __init__(self, announcement: NewChargeSession | None = None) -> None:
        self.command: DcPowerControl | None = None
        """The DC_Power_Control in force."""
        self.function: int | None = None
        """Its Power_Function, ``None`` before the first command."""
        self.before: DcPowerControl | None = None
        """The one before it."""
        self.command_at_s = 0.0
        self.paced_from_s = 0.0
        """Since when the vehicle is without a word (R26)."""
        self.is_whole = announcement is not None
        """Whether all commands of the session were heard."""
        self.protocol = None if announcement is None else announcement.communication_protocol
        self.is_chademo = self.protocol in CHADEMO
        self.is_emergency = False
        """From then on only that there is no power counts (R38)."""
        self.is_order_known = True
        """Whether nothing unreadable came between the last two commands."""
        self.has_tested = False
        self.has_transferred = False
        self.has_connected = False
        """Whether a battery may be on the output: after a precharge or a transfer."""
        self.is_started = False
        """Whether Charge_Status_Change says so (R48)."""
        self.is_stopped = False
        self.was_ending = False
        """Whether State Ending_Charge was there."""
        self.floating_since_s: float | None = None
        """First Standby in Ending_Charge: there the end begins (R41)."""
        self.insulation_ohm = 0.0
        """Largest Insulation_Resistance so far; 0 of a charger that does not report it (R13)."""
        self._state: int | None = None
        self._has_gap = False

    @property
    def is_judged_in_order(self) -> bool:
        """Whether a command may be judged by what came before it."""
        return self.is_whole and not self.is_emergency

    def see_state(self, state: int, now_s: float) -> None:
        """Take the controller's state, which it repeats every 100 ms."""
        if state == self._state:
            return
        self._state = state
        if state == State.ENDING_CHARGE:
            self.was_ending = True
            self._see_floating(now_s)

    def see_command(self, command: DcPowerControl, now_s: float) -> bool:
        """Take a DC_Power_Control; tell whether it says something new."""
        self.before, self.command = self.command, command
        self.function = command.power_function
        self.command_at_s = self.paced_from_s = now_s
        self.is_order_known, self._has_gap = not self._has_gap, False
        if command == self.before:
            return False
        self._see_floating(now_s)
        function = command.power_function
        if function in POWERED:
            self.has_connected |= function != Function.INSULATION_TEST
            if self.is_judged_in_order:
                self.has_tested |= function == Function.INSULATION_TEST
                self.has_transferred |= function == Function.POWER_TRANSFER
        return True

    def see_unreadable_command(self, now_s: float) -> None:
        """Take a command that cannot be read: it came in time, and whatever follows may follow."""
        self.paced_from_s = now_s
        self._has_gap = True

    def see_start(self, is_started: bool | None) -> None:
        """Take a Charge_Status_Change; ``None`` is one that cannot be read."""
        self.is_started = is_started is not False
        self.is_stopped |= not is_started

    def see_status(self, status: PowerModulesStatus) -> None:
        """Take what the charger measures."""
        self.insulation_ohm = max(self.insulation_ohm, status.insulation_resistance)

    def interrupt(self, now_s: float) -> None:
        """Take it that something may have been missed until now."""
        self.is_whole = False
        self.paced_from_s = now_s

    def _see_floating(self, now_s: float) -> None:
        if (self.floating_since_s is None and self._state == State.ENDING_CHARGE
                and self.command is not None and self.function not in POWERED):
            self.floating_since_s = now_s


def is_chademo(announcement: NewChargeSession) -> bool:
    """Tell whether a New_Charge_Session is one of CHAdeMO."""
    return (
        announcement.communication_protocol in CHADEMO
        or announcement.plug_and_pins == NewChargeSession.PlugAndPins.CHADEMO)


def function_name(function: int | None) -> str:
    """Spell a function as the vendor does."""
    if function is None:
        return 'nothing'
    return '_'.join(word.capitalize() for word in Function(function).name.split('_'))
