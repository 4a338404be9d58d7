# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The rules of one or both ends, held against what these send: messages in, findings out."""

from collections.abc import Callable, Collection

from ..interface.layout import CONTROLLER, CUSTOMER, Message
from ..interface.signals import (
    AdvanticsControllerStatus,
    ChargeSessionFinished,
    ChargeStatusChange,
    DcPowerControl,
    DcPowerParameters,
    EmergencyStop,
    NewChargeSession,
    PowerModulesStatus,
    SequenceControl,
)
from .facts import Facts, INFORMATION
from .findings import Finding
from .frames import bits_not_newer, labels_not_newer
from .occasions import Occasions
from .registry import OF_CHARGER, OF_CONTROLLER
from .tolerances import Tolerances


class Rulebook:
    """
    Hold one or both ends of one pistol to the rules.

    Each breach is named once while it lasts, with the end that broke the rule. ``now_s`` is
    seconds on one clock; frames may arrive a little out of order. The methods return the new
    findings.

    :param tolerances: how far a good one may be off
    :param ends: who is judged
    """

    def __init__(
            self, tolerances: Tolerances | None = None,
            ends: Collection[str] = (CUSTOMER, CONTROLLER)) -> None:
        limits = tolerances or Tolerances()
        self.facts = Facts(limits)
        self._new: list[Finding] = []
        self._is_paused = False
        self._commands, self._output = self.facts.commands, self.facts.output
        self._charger = Occasions(
            OF_CHARGER if CUSTOMER in ends else (), self.facts, limits, self._new)
        self._controller = Occasions(
            OF_CONTROLLER if CONTROLLER in ends else (), self.facts, limits, self._new)
        self._takers: dict[type[Message], Callable[..., None]] = {
            AdvanticsControllerStatus: self._take_controller_status,
            NewChargeSession: self._take_announcement,
            **dict.fromkeys(INFORMATION, self.facts.see_information),
            ChargeStatusChange: self._take_start,
            DcPowerControl: self._take_command,
            EmergencyStop: self._take_emergency,
            ChargeSessionFinished: self._take_finished,
            PowerModulesStatus: self._take_modules_status,
            DcPowerParameters: self._take_parameters,
            SequenceControl: self._take_flags,
        }

    # In

    def receive(
            self, message: Message, *, now_s: float, undefined: tuple[str, ...] = (),
            unassigned_bits: int = 0) -> list[Finding]:
        """
        Take a message of either direction.

        :param undefined: as in ``codec.Received``; such a message counts as sent, and is judged
            for nothing else
        :param unassigned_bits: as in ``codec.Received``
        """
        facts = self.facts
        if undefined or unassigned_bits or facts.unsound:
            undefined = self._see_frame(message, undefined, unassigned_bits, now_s)
        if not message.FROM_CONTROLLER:
            facts.heard.is_charger_known = True
        elif facts.heard.controller_at_s is None:
            self._see_life(now_s)
        if undefined:
            self._take_unreadable(message, now_s)
        else:
            take = self._takers.get(type(message))
            if take is not None:
                take(message, now_s)
        return self._taken() if self._new else []

    def knows(self, message: Message, undefined: tuple[str, ...], unassigned_bits: int) -> bool:
        """Tell whether this is sound and says nothing that was not told in this session before."""
        facts = self.facts
        return (
            not undefined and not unassigned_bits and facts.session is not None
            and type(message) in facts.session.told and message.NAME not in facts.unsound)

    def reject(
            self, message_class: type[Message], text: str, *, now_s: float) -> list[Finding]:
        """
        Take a frame that is shorter than its message (1.4.2).

        It controls nothing, but it was sent in time.

        :param message_class: the message that it should have been
        :param text: what is wrong with it, in words
        """
        facts = self.facts
        facts.unsound.add(message_class.NAME)
        end = self._controller if message_class.FROM_CONTROLLER else self._charger
        for look in end.short_frame:
            look(message_class, text, now_s)
        if not message_class.FROM_CONTROLLER:
            facts.heard.is_charger_known = True
        elif facts.heard.controller_at_s is None:
            self._see_life(now_s)
        if message_class is AdvanticsControllerStatus:
            self._hear_controller(now_s, is_audible=False)
        elif message_class is PowerModulesStatus:
            self._hear_charger(now_s)
        facts.see_unreadable(message_class, now_s)
        return self._taken()

    def tick(self, *, now_s: float) -> list[Finding]:
        """Look for what should have come by now."""
        facts = self.facts
        if facts.heard.controller_at_s is not None:
            self._check_life(facts.heard.controller_at_s, now_s)
            for look in self._controller.tick:
                look(now_s)
            if not facts.heard.is_missing:
                for look in self._controller.tick_alive:
                    look(now_s)
                if self._controller.findings.held:
                    self._controller.findings.release(now_s)
        if not self._is_paused:
            for look in self._charger.tick:
                look(now_s)
            if not facts.heard.is_controller_silent(now_s):
                for look in self._charger.tick_alive:
                    look(now_s)
        return self._taken() if self._new else []

    def pause(self) -> None:
        """Look for nothing of the charger until :meth:`resume`: nobody hears the other."""
        self._is_paused = True

    def resume(self, now_s: float) -> None:
        """Count all times of the charger from now on."""
        self._is_paused = False
        self.facts.resume(now_s)
        for take in self._charger.resume:
            take(now_s)

    def _taken(self) -> list[Finding]:
        findings = list(self._new)
        self._new.clear()
        return findings

    # Frames, whatever is in them

    def _see_frame(
            self, message: Message, undefined: tuple[str, ...], unassigned_bits: int,
            now_s: float) -> tuple[str, ...]:
        """Look at a frame that may not be sound; return its labels that cannot be read."""
        unsound = self.facts.unsound
        if not undefined and not unassigned_bits and message.NAME not in unsound:
            return undefined
        undefined = labels_not_newer(message, undefined)
        unassigned_bits = bits_not_newer(message, unassigned_bits)
        end = self._controller if message.FROM_CONTROLLER else self._charger
        for look in end.odd_frame:
            look(message, undefined, unassigned_bits, now_s)
        if undefined or unassigned_bits:
            unsound.add(message.NAME)
        else:
            unsound.discard(message.NAME)
        return undefined

    def _see_life(self, now_s: float) -> None:
        """Take that a controller has said something of which no status was heard yet."""
        facts = self.facts
        if facts.heard.controller_begin_s is None:
            facts.heard.controller_begin_s = now_s
        self._check_life(facts.heard.controller_begin_s, now_s)

    def _check_life(self, since_s: float, now_s: float) -> None:
        self.facts.look_for_controller(since_s, now_s)
        if self.facts.heard.is_missing:
            for take in self._controller.interruption:
                take()
        for look in self._controller.life:
            look(now_s)

    def _hear_controller(self, now_s: float, *, is_audible: bool = True) -> None:
        if self.facts.heard.controller_at_s is not None:
            self._check_life(self.facts.heard.controller_at_s, now_s)
        self.facts.hear_controller(now_s, is_audible=is_audible)

    def _hear_charger(self, now_s: float) -> None:
        self.facts.hear_charger(now_s)
        for look in self._charger.arrival:
            look(now_s)

    def _take_unreadable(self, message: Message, now_s: float) -> None:
        if isinstance(message, AdvanticsControllerStatus):
            # It lives, whatever its state may be called (R1).
            self._hear_controller(now_s)
        elif isinstance(message, PowerModulesStatus):
            self._hear_charger(now_s)
        elif isinstance(message, EmergencyStop):
            # Who stops for it all the same is on the safe side.
            self.facts.output.excuse()
        self.facts.see_unreadable(type(message), now_s)

    # From the controller

    def _take_controller_status(self, message: AdvanticsControllerStatus, now_s: float) -> None:
        self._hear_controller(now_s)
        self.facts.see_state(message.state, now_s)
        if self.facts.commands is not self._commands or self.facts.output is not self._output:
            self._follow_sessions()
        if self.facts.has_entered:
            for look in self._controller.new_state:
                look(message.state, now_s)
        for look_at_moment in self._controller.moment:
            look_at_moment(now_s)
        for look in self._charger.controller_status:
            look(message.state, now_s)

    def _take_announcement(self, message: NewChargeSession, now_s: float) -> None:
        facts = self.facts
        facts.see_announcement(message, now_s)
        is_new = facts.commands is not self._commands
        self._follow_sessions()
        if not is_new:
            for look in self._controller.announcement:
                look(now_s)
            return
        if facts.commands.command is not None:
            # It was sent after the announcement, and logged before it.
            for look_at_command in self._controller.new_command:
                look_at_command(facts.commands.command, now_s)
        if facts.state is not None:
            for look in self._controller.moment:
                look(now_s)
        for look_at_session in self._controller.session:
            look_at_session(message, now_s)

    def _take_start(self, message: ChargeStatusChange, now_s: float) -> None:
        self.facts.see_start(message)

    def _take_command(self, command: DcPowerControl, now_s: float) -> None:
        output = self.facts.output
        is_new = self.facts.commands.see_command(command, now_s)
        is_new_at_output = output.see_command(command, now_s)
        for look in self._controller.any_command if is_new else self._controller.command:
            look(command, now_s)
        if not is_new_at_output:
            return
        if output.is_function_new(command):
            before = None if output.before is None else output.before.power_function
            for take in self._charger.function:
                take(command.power_function, before)
        for look in self._charger.new_command:
            look(command, now_s)

    def _take_emergency(self, message: EmergencyStop, now_s: float) -> None:
        self.facts.see_emergency(now_s)
        for look in self._controller.emergency:
            look(now_s)
        if not self._is_paused:
            for look in self._charger.emergency:
                look(now_s)

    def _take_finished(self, message: ChargeSessionFinished, now_s: float) -> None:
        if self.facts.see_finished(now_s):
            for look in self._controller.finished:
                look(message, now_s)

    # From the charger

    def _take_modules_status(self, status: PowerModulesStatus, now_s: float) -> None:
        facts = self.facts
        facts.hear_charger(now_s)
        facts.see_modules_status(status, now_s)
        in_force = facts.output.in_force
        for look in self._controller.modules_status[in_force]:
            look(status, now_s)
        for look_at_arrival in self._charger.arrival:
            look_at_arrival(now_s)
        for look in self._charger.modules_status[in_force]:
            look(status, now_s)

    def _take_parameters(self, parameters: DcPowerParameters, now_s: float) -> None:
        self.facts.see_parameters(parameters, now_s)
        for look in self._charger.parameters:
            look(parameters, now_s)

    def _take_flags(self, flags: SequenceControl, now_s: float) -> None:
        self.facts.see_flags(flags, now_s)
        for look in self._controller.flags:
            look(flags, now_s)
        for look in self._charger.flags:
            look(flags, now_s)

    def _follow_sessions(self) -> None:
        """Make the rules of a session anew where one has begun or ended."""
        facts = self.facts
        if facts.commands is not self._commands:
            self._commands = facts.commands
            self._controller.begin_session()
        if facts.output is not self._output:
            before, self._output = self._output, facts.output
            self._charger.begin_session()
            for take in self._charger.output:
                take(before)
