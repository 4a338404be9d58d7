# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""New_Charge_Session: repeated, complete, and before any power (R6, R46, R49, R53)."""

import dataclasses

from ..interface.signals import DcPowerControl, NewChargeSession, PowerModulesStatus
from .facts import INFORMATION
from .findings import CROSSED_S
from .kinds import CommandRule
from .session import function_name, is_chademo, POWERED, Session
from .states import UNTIL_END, WAKING

PlugAndPins = NewChargeSession.PlugAndPins


class AnnouncementRepeats(CommandRule):
    """R6: it wakes the modules, and repeats until they are ready."""

    number = 'R6'
    sentence = 'the announcement repeats until Allowed'
    tolerances = ('announcement_gap_s',)

    def on_tick_alive(self, now_s: float) -> None:
        facts = self.facts
        session = _sound_session(facts.session)
        if session is None:
            return
        is_waiting = (
            facts.state in WAKING and facts.status is not None and not session.may_begin
            and not facts.commands.has_tested)
        if not is_waiting and not self.broken:
            return
        gap_s = now_s - session.announced_at_s
        if self.breaks(is_waiting and gap_s > self.limits.announcement_gap_s, now_s):
            self.find(
                now_s, f'New_Charge_Session is missing for {gap_s:.1f} s, it repeats until '
                'System_Enable is Allowed', gap_s=gap_s)


class AnnouncementEnds(CommandRule):
    """R6: once System_Enable is Allowed nobody needs it."""

    number = 'R6'
    sentence = 'the announcement ends with Allowed'
    tolerances = ('reaction_s',)

    def on_announcement(self, now_s: float) -> None:
        session = self.facts.session
        if session is None:
            return
        is_enabled = session.is_enabled and not session.is_interrupted
        enabled_s = now_s - session.enabled_at_s if session.enabled_at_s is not None else 0.0
        if self.breaks(is_enabled and enabled_s > self.limits.reaction_s):
            self.find(
                now_s, f'New_Charge_Session still repeats {enabled_s:.1f} s after '
                'System_Enable was Allowed')


class InformationComes(CommandRule):
    """R49: what the vehicle tells of itself."""

    number = 'R49'
    sentence = 'all four EV_Information within 10 s'
    tolerances = ('information_s', 'crossing_s')

    def on_tick_alive(self, now_s: float) -> None:
        facts, limits = self.facts, self.limits
        session = _sound_session(facts.session)
        if session is None:
            return
        if len(session.told) == len(INFORMATION):
            self.mend()
            return
        # Some may have come just before a log begins.
        begin_s = facts.heard.controller_begin_s
        is_early = begin_s is None or session.since_s - begin_s <= limits.crossing_s
        is_late = (
            now_s - session.since_s > limits.information_s and facts.state in UNTIL_END
            and not is_early)
        if self.breaks(is_late):
            self.find(
                now_s, ', '.join(cls.NAME for cls in INFORMATION if cls not in session.told)
                + f' did not come in {limits.information_s:.0f} s after New_Charge_Session')


class NoAlternatingCurrent(CommandRule):
    """R53: AC is controlled through another interface."""

    number = 'R53'
    sentence = 'no AC is announced'

    def on_session(self, announcement: NewChargeSession, now_s: float) -> None:
        if announcement.plug_and_pins == PlugAndPins.CCS_AC:
            self.find(now_s, 'CCS_AC announced: AC is controlled through interface v2')


class PlugFitsProtocol(CommandRule):
    """R46: CHAdeMO has a plug of its own."""

    number = 'R46'
    sentence = 'protocol and plug fit'

    def on_session(self, announcement: NewChargeSession, now_s: float) -> None:
        of_protocol = is_chademo(
            dataclasses.replace(announcement, plug_and_pins=PlugAndPins.CCS_DC_CORE))
        of_plug = announcement.plug_and_pins == PlugAndPins.CHADEMO
        if of_protocol != of_plug:
            protocol, plug = (
                signal.labels.get(int(getattr(announcement, signal.field)), 'MCS')
                for signal in announcement.SIGNALS)
            self.find(now_s, f'{protocol} announced on the plug {plug}')


class PowerIsAnnounced(CommandRule):
    """R6: one command of the session before may be logged late."""

    number = 'R6'
    sentence = 'no power without an announcement'

    def on_command(self, command: DcPowerControl, now_s: float) -> None:
        facts = self.facts
        if facts.session is not None or command.power_function not in POWERED:
            return
        if self.breaks(facts.was_idle and now_s - facts.idle_at_s > CROSSED_S):
            self.find(
                now_s, f'{function_name(command.power_function)} is commanded without '
                'New_Charge_Session')


class PowerIsAllowed(CommandRule):
    """R6; of a charger that was never heard nobody knows."""

    number = 'R6'
    sentence = 'no power before Allowed'

    def on_command(self, command: DcPowerControl, now_s: float) -> None:
        facts, session = self.facts, self.facts.session
        if session is None or session.has_emergency or command.power_function not in POWERED:
            return
        if self.breaks(facts.status is not None and not session.may_begin):
            self.hold(
                now_s, f'{function_name(command.power_function)} is commanded although '
                'System_Enable was never Allowed')

    def on_modules_status(self, status: PowerModulesStatus, now_s: float) -> None:
        session = self.facts.session
        if self.broken and session is not None and session.enabled_at_s is not None:
            self.drop()


def _sound_session(session: Session | None) -> Session | None:
    """Return the session if it goes on, and nothing of it was missed."""
    if session is None or session.is_finished or session.has_emergency or session.is_interrupted:
        return None
    return session
