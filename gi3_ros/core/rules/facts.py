# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
What both ends of one pistol have said, and what follows from it: all that the rules look at.

There is one :class:`Facts` for each pistol, and it takes every message before a rule does. It
judges nothing. What it knows of one session is in :mod:`.session` (as the controller leads it) and
in :mod:`.output` (as it is at the charger's output); these begin and end at different messages.
"""

import collections
import dataclasses
import math

from ..controller_watch import CHARGE_PAUSE, IDLE_STATES
from ..interface.layout import Message
from ..interface.signals import (
    ChargeSessionFinished,
    ChargeStatusChange,
    DcPowerControl,
    DcPowerParameters,
    EmergencyStop,
    EvInformationBattery,
    EvInformationChargeLimits,
    EvInformationDischargeLimits,
    EvInformationVoltages,
    NewChargeSession,
    PowerModulesStatus,
    SequenceControl,
)
from ..lasting import forget_before
from ..timing import EMERGENCY_CLEAR_S
from .findings import CROSSED_S
from .output import Output
from .session import Commands, is_chademo, Session
from .states import AFTER_LOOP, BEGUN, State, UNTIL_END
from .tolerances import Tolerances

SystemEnable = PowerModulesStatus.SystemEnable

INFORMATION = (
    EvInformationBattery, EvInformationVoltages, EvInformationChargeLimits,
    EvInformationDischargeLimits,
)


@dataclasses.dataclass(slots=True)
class Power:
    """From New_Charge_Session to Charge_Session_Finished: the status has to come (R2)."""

    since_s: float
    status_at_s: float | None = None
    """Last Power_Modules_Status in it."""
    was_enabled: bool = False


@dataclasses.dataclass(slots=True)
class Emergency:
    """Emergency_Stop, as long as it repeats and afterwards."""

    at_s: float = -math.inf
    """The last one."""
    since_s: float = -math.inf
    """The first one of those without a gap of a second (R38)."""
    gap_s: float = math.inf
    """From the last but one to the last."""
    is_on: bool = False
    """Whether one came since the state has changed."""
    was_on: bool = False
    """Whether one had come before the last one did."""


class Heard:
    """When which end was heard, whatever it said."""

    def __init__(self, limits: Tolerances) -> None:
        self.controller_begin_s: float | None = None
        """When the controller was heard for the first time."""
        self.controller_at_s: float | None = None
        """When its last status came."""
        self.missing_s = 0.0
        """For how long its status had been missing when it was last looked at .."""
        self.is_missing = False
        """.. and whether that is longer than it may be (R1)."""
        self.audible_at_s: float | None = None
        """When the charger could hear its status last."""
        self.is_charger_known = False
        """Whether the charger was ever heard: a log may have but one direction."""
        self.charger_at_s = -math.inf
        """When its last status came."""
        self.status_gap_s: float | None = None
        """From the status before that in this session, if both ends were there."""
        self.deaf_s = 0.0
        """For how long it had not heard the controller then, 0 before it ever did .."""
        self.is_deaf = False
        """.. and whether it could take the controller for dead (R1)."""
        self._deaf_after_s = limits.controller_timeout_s - limits.controller_jitter_s
        self._missing_after_s = limits.controller_timeout_s + limits.controller_jitter_s

    def is_controller_silent(self, now_s: float) -> bool:
        """Tell whether the charger may take the controller for dead: then nobody hears it."""
        return self.audible_at_s is not None and now_s - self.audible_at_s > self._deaf_after_s

    def is_controller_missing(self, since_s: float, now_s: float) -> bool:
        """Note and tell whether its status is missing since then for longer than it may be."""
        self.missing_s = now_s - since_s
        self.is_missing = self.missing_s > self._missing_after_s
        return self.is_missing

    def expect_controller(self, now_s: float) -> None:
        """Take it that it lives, and repeats its status."""
        self.controller_at_s = self.controller_begin_s = now_s

    def hear_charger(self, before_s: float | None, now_s: float) -> None:
        """
        Take that a status of the charger came.

        :param before_s: when the one before it came in this session
        """
        self.charger_at_s = now_s
        self.deaf_s = 0.0 if self.audible_at_s is None else now_s - self.audible_at_s
        self.is_deaf = self.deaf_s > self._deaf_after_s
        self.status_gap_s = None if before_s is None or self.is_deaf else now_s - before_s

    def pass_over(self, seconds: float) -> None:
        """Take it that nobody could be heard for so long, and was not silent either."""
        if self.controller_at_s is not None:
            self.controller_at_s += seconds
        if self.audible_at_s is not None:
            self.audible_at_s += seconds


class Flags:
    """
    Sequence_Control, as the charger tells it and as the controller has heard it.

    :param crossing_s: so long flags and a state may cross
    """

    def __init__(self, crossing_s: float) -> None:
        self.are_used = False
        """Whether the controller is known to use them: only then it has a State 12 (R34)."""
        self.told = SequenceControl()
        """As the controller was last told them; 0 after it has restarted."""
        self.told_before = SequenceControl()
        self.recent: collections.deque[tuple[float, SequenceControl]] = collections.deque()
        """``(since when, Sequence_Control)``, those that may have crossed with a state; none where
        nobody knows them."""
        self._crossing_s = crossing_s

    def see(self, flags: SequenceControl, now_s: float) -> None:
        """Take a Sequence_Control."""
        self.told_before, self.told = self.told, flags
        self.recent.append((now_s, flags))
        self.forget(now_s)

    def forget(self, now_s: float) -> None:
        """Keep what may have crossed with a state."""
        forget_before(now_s - self._crossing_s, self.recent)

    def start_anew(self, now_s: float, *, is_known: bool) -> None:
        """
        Take it that the controller starts, and knows none (4.1).

        :param is_known: whether all that it is told is heard from here on
        """
        self.are_used = False
        self.forget(now_s)
        # What was told in this moment may have come after it.
        crossed = [each for each in self.recent if now_s - each[0] <= self._crossing_s]
        self.recent.clear()
        if is_known:
            self.recent.append((now_s, SequenceControl()))
        self.recent.extend(crossed)


class Facts:
    """
    What is known of one pistol.

    ``now_s`` is seconds on one clock; frames may arrive a little out of order.
    """

    def __init__(self, limits: Tolerances) -> None:
        self.limits = limits
        self.unsound: set[str] = set()
        """Names of the messages of which the last one was not sound."""
        self.heard = Heard(limits)
        # The controller:
        self.state: int | None = None
        """As it was last told."""
        self.state_before: int | None = None
        """In the status before that."""
        self.has_entered = False
        """Whether these two differ."""
        self.was_idle = False
        self.idle_at_s = -math.inf
        """When it became idle."""
        self.emergency = Emergency()
        # The charger:
        self.status: PowerModulesStatus | None = None
        """The last one that could be read."""
        self.status_at_s = -math.inf
        self.is_enabled = False
        """Whether System_Enable was Allowed in it."""
        self.parameters: DcPowerParameters | None = None
        self.told_limits: collections.deque[tuple[float, DcPowerParameters]] = collections.deque()
        """``(since when, DC_Power_Parameters)``, those the controller may still go by."""
        self.flags = Flags(limits.crossing_s)
        # Sessions:
        self.unfinished_since_s: float | None = None
        """Since when a session is over whose Charge_Session_Finished has not come."""
        self.session: Session | None = None
        self.commands = Commands()
        self.power: Power | None = None
        self.output = Output(limits, is_whole=False)
        self._told_at_s: dict[type[Message], float] = {}

    # Whether they live

    @property
    def is_controller_awake(self) -> bool:
        """Whether its state is one of a session whose modules have to be awake."""
        return self.state in UNTIL_END or self.state in AFTER_LOOP

    def pass_over(self, seconds: float) -> None:
        """Take it that nobody could be heard for so long, and was not silent either."""
        self.emergency.at_s += seconds
        self.heard.pass_over(seconds)
        if self.session is not None:
            self.session.announced_at_s += seconds
            if self.session.status_at_s is not None:
                self.session.status_at_s += seconds
        if self.power is not None and self.power.status_at_s is not None:
            self.power.status_at_s += seconds

    def look_for_controller(self, since_s: float, now_s: float) -> None:
        """Note whether its status is missing since then; see :meth:`interrupt`."""
        if self.heard.is_controller_missing(since_s, now_s):
            self.interrupt(now_s)

    def interrupt(self, now_s: float) -> None:
        """
        Blame a silent controller for its silence, not for what was missed with it (R1).

        What it said meanwhile was not heard, and what was said to it may not have been.
        """
        self.was_idle = False
        self.flags.recent.clear()
        self.emergency.is_on = False
        self.commands.interrupt(now_s)
        if self.session is not None:
            self.session.interrupt(now_s)

    def hear_controller(self, now_s: float, *, is_audible: bool = True) -> None:
        """
        Take that a status of the controller came, whatever is in it.

        :param is_audible: whether the charger takes it for one
        """
        self.heard.controller_at_s = now_s
        if is_audible:
            if self.heard.is_controller_silent(now_s):
                self.restart(now_s)
            self.heard.audible_at_s = now_s

    def hear_charger(self, now_s: float) -> None:
        """Take that a status of the charger came, whatever is in it (R2, R3)."""
        power = self.power
        self.heard.hear_charger(None if power is None else power.status_at_s, now_s)
        if power is not None:
            power.status_at_s = now_s

    def restart(self, now_s: float) -> None:
        """Begin to wait for the charger's status anew, and expect nothing more of it (R1)."""
        if self.power is not None:
            self.power.since_s = now_s
            self.power.status_at_s = None
        self.output.excuse()

    def resume(self, now_s: float) -> None:
        """
        Count what binds the charger from now on: until now nobody has heard the other.

        Of this session nothing more is expected of it, as after a silent controller (R1); of what
        is too much it is still to blame.
        """
        self.heard.audible_at_s = None
        self.restart(now_s)
        self.output.restart(now_s)

    # From the controller

    def see_state(self, state: int, now_s: float) -> None:
        """Take an Advantics_Controller_Status."""
        before, self.state_before = self.state, self.state
        self.state = state
        self.has_entered = has_entered = state != before
        # With use_sequence_flags only (R34); State 11 may also be an authorisation of its own.
        self.flags.are_used |= state == State.NOT_AVAILABLE
        if has_entered:
            self.emergency.is_on = False
        if state == State.INITIALISING:
            # 4.1: a controller that starts has all flags at 0, and has to be told again (A7).
            self.flags.told = SequenceControl()
            if has_entered:
                self._start_anew(now_s, is_known=before is not None)
        self._lead_session(before, state, now_s)
        self.commands.see_state(state, now_s)
        # A vehicle that stays plugged may begin anew after one idle status, or none (A42).
        if (state in IDLE_STATES and before not in IDLE_STATES) or (
                state == State.NEGOTIATING_CONNECTION and has_entered):
            self._begin_output()
        self.output.see_state(state, now_s)

    def see_announcement(self, announcement: NewChargeSession, now_s: float) -> None:
        """Take a New_Charge_Session."""
        session = self.session
        if session is None or (
                session.finished_at_s is not None
                and now_s - session.finished_at_s > self.limits.crossing_s):
            self._announce_session(announcement, now_s)
        else:
            session.announced_at_s = now_s
        if self.power is None:
            self._begin_output(is_chademo=is_chademo(announcement))
            self.power = Power(now_s)

    def see_information(self, message: Message, now_s: float) -> None:
        """Take one of the four EV_Information (R49)."""
        if self.session is None:
            self._told_at_s[type(message)] = now_s
        else:
            self.session.told.add(type(message))

    def see_start(self, message: ChargeStatusChange) -> None:
        """Take a Charge_Status_Change."""
        started = ChargeStatusChange.VehicleReadyForCharging.CHARGE_STARTED
        self.commands.see_start(message.vehicle_ready_for_charging == started)

    def see_emergency(self, now_s: float) -> None:
        """Take an Emergency_Stop."""
        emergency = self.emergency
        emergency.gap_s, emergency.at_s = now_s - emergency.at_s, now_s
        if emergency.gap_s >= EMERGENCY_CLEAR_S:
            emergency.since_s = now_s
        emergency.was_on, emergency.is_on = emergency.is_on, True
        self.commands.is_emergency = True
        if self.session is not None:
            self.session.has_emergency = True
            self.session.is_broken_off |= self.state in UNTIL_END
        self.output.see_emergency(now_s)

    def see_finished(self, now_s: float) -> bool:
        """Take a Charge_Session_Finished; tell whether it is the word of a session that is on."""
        # R40: from here on the modules may be silent. Power is judged on: they may not deliver.
        self.power = None
        is_late, self.unfinished_since_s = self.unfinished_since_s is not None, None
        if is_late or self.session is None:
            return False
        self.session.see_finished(now_s)
        return True

    def see_unreadable(self, message_class: type[Message], now_s: float) -> None:
        """Take that something was sent which cannot be read: it is not missing on top of that."""
        session = self.session
        if message_class is NewChargeSession:
            self.was_idle = False
        elif message_class is ChargeStatusChange:
            self.commands.see_start(None)
        elif message_class is DcPowerControl:
            self.commands.see_unreadable_command(now_s)
        elif message_class is ChargeSessionFinished:
            self.unfinished_since_s = None
            if session is not None:
                session.is_interrupted = True
        elif session is None:
            return
        elif message_class is EmergencyStop:
            session.has_unreadable_emergency = True
        elif message_class is PowerModulesStatus:
            session.status_at_s = now_s
        elif message_class in INFORMATION:
            session.told.add(message_class)

    def _start_anew(self, now_s: float, *, is_known: bool) -> None:
        """
        Take State 0: no flags and no limits are known to the controller any more (4.1).

        Its configuration may be another one. In a log without the charger nobody knows what it is
        told afterwards, and in one that begins here, what it was told before.
        """
        self.told_limits.clear()
        self.flags.start_anew(now_s, is_known=is_known and self.heard.is_charger_known)

    # Sessions

    def _lead_session(self, before: int | None, state: int, now_s: float) -> None:
        """Let the controller's session go on, or end, with its state."""
        if state == CHARGE_PAUSE and before != CHARGE_PAUSE:
            # Of v3.4: what comes after it is not of this version, nor what it has to say before.
            self._forget_session()
            self.was_idle = False
        session = self.session
        if session is not None:
            if state in UNTIL_END:
                session.left_at_s = None
            elif before in UNTIL_END:
                session.left_at_s = now_s
        if state == State.NEGOTIATING_CONNECTION and before in AFTER_LOOP:
            # A vehicle that stays plugged may begin anew without an idle status (A42).
            self._end_session(state, now_s)
        if state not in IDLE_STATES:
            return
        if before is not None and before not in IDLE_STATES:
            self._end_session(state, now_s)
        elif session is not None and now_s - session.since_s > self.limits.crossing_s:
            # A late frame of the session before: this one has never begun.
            self._forget_session()
        self.was_idle = True
        if before not in IDLE_STATES:
            self.idle_at_s = now_s

    def _announce_session(self, announcement: NewChargeSession, now_s: float) -> None:
        last, at_s = self.commands.command, self.commands.command_at_s
        self._forget_session(announcement)
        if last is not None and now_s - at_s < CROSSED_S:
            # It was sent after the announcement, and logged before it.
            self.commands.see_command(last, now_s)
        self.session = Session(now_s, now_s, told={
            cls for cls, time_s in self._told_at_s.items()
            if now_s - time_s < self.limits.crossing_s})
        # Modules that were awake have allowed it before.
        self.session.was_allowed = (
            self.is_enabled and now_s - self.status_at_s <= self.limits.status_loss_s)
        if self.state is not None:
            self.commands.see_state(self.state, now_s)

    def _end_session(self, state: int, now_s: float) -> None:
        session = self.session
        if (session is not None and state != State.INITIALISING
                and not session.is_finished and not session.is_interrupted):
            # Its last word may cross with the state.
            self.unfinished_since_s = now_s
        self._forget_session()

    def _forget_session(self, announcement: NewChargeSession | None = None) -> None:
        self.session = None
        self.commands = Commands(announcement)

    def _begin_output(self, *, is_chademo: bool = False) -> None:
        self.power = None
        self.output = Output(self.limits, is_chademo=is_chademo)

    # From the charger

    def see_modules_status(self, status: PowerModulesStatus, now_s: float) -> None:
        """Take a Power_Modules_Status, after :meth:`hear_charger`."""
        was_enabled = self.is_enabled
        self.is_enabled = status.system_enable == SystemEnable.ALLOWED
        self.status, self.status_at_s = status, now_s
        self.commands.see_status(status)
        if self.session is not None and not self.session.is_finished:
            self.session.see_allowed(self.is_enabled, self.state == State.CHARGING, now_s)
        if self.power is not None:
            self.power.was_enabled |= self.is_enabled
        # To withdraw it is the charger's right, and the only word it has for an emergency of its
        # own (R7, R8). From then on no power is expected of it; after the loop none is anyway, but
        # that the output is lowered still is (R18).
        is_withdrawn = was_enabled and not self.is_enabled and self.state in BEGUN and (
            self.power is None or self.power.was_enabled)
        if is_withdrawn or (self.heard.is_deaf and self.output.is_commanded):
            self.output.excuse()
        self.output.see_status(status, now_s)

    def see_parameters(self, parameters: DcPowerParameters, now_s: float) -> None:
        """Take a DC_Power_Parameters."""
        told = self.told_limits
        if not told or parameters != told[-1][1]:
            told.append((now_s, parameters))
            self.forget_limits(now_s)
        self.output.see_parameters(self.parameters, parameters, now_s)
        self.parameters = parameters

    def see_flags(self, flags: SequenceControl, now_s: float) -> None:
        """Take a Sequence_Control."""
        self.flags.see(flags, now_s)

    def forget_limits(self, now_s: float) -> None:
        """Keep what the controller may still go by."""
        forget_before(now_s - self.limits.limits_s, self.told_limits)
