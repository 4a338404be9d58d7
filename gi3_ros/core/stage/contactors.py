# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
The charger's own output contactors: when they close, and that they never open under load.

Without auxiliary contacts the time of a contactor stands for them, and the voltage and current
tell what they can.
"""

import math
from typing import ClassVar, NamedTuple

from ..hardware import BATTERY_FROM_V, Contact, ContactorCommand, Stage
from ..timing import FEEDBACK_MAX_AGE_S
from .output_stage import Happening, OutputStage, StageConfig, Transitions

ASSUMED_CONTACT_TIME_S = 0.1
"""Without auxiliary contacts: a DC contactor of this class moves within 50 ms."""
LATE_FEEDBACK_S = 0.2
"""A driver that should have spoken twice meanwhile says nothing about its contacts now."""
SETTLED_S = 0.2
"""After opening: from now on a voltage or current comes through the contactors."""
RISES_S = 0.06
"""A voltage that has come through is there in the next reading, too."""
AFTER_S = 0.05
"""A reading that is so much younger than a word of the contacts was taken after it."""
SENSORS_SHARE = 0.05
"""By which two voltage sensors at the same copper may differ."""
UNMEASURED = 'voltage and current at the modules are unknown: no fresh measurement'
SURELY_CLOSED_A = 2.0
"""No contactor that carries this is open, whatever its auxiliary contact says."""


class _Wanted(NamedTuple):
    """What a contact is commanded, and since when."""

    is_closed: bool = False
    since_s: float = -math.inf


class OwnContactors(OutputStage):
    """Output contactors of our own, for CCS and for CHAdeMO behind a diode."""

    TRANSITIONS: ClassVar[Transitions] = {
        (Stage.OPEN, Happening.CLOSE_WANTED): Stage.CLOSING,
        (Stage.CLOSING, Happening.CONTACTS_CLOSED): Stage.CLOSED,
        # Nothing flows before CLOSED is reported, so there is nothing to wait for.
        (Stage.CLOSING, Happening.OPEN_WANTED): Stage.OPENING,
        (Stage.CLOSED, Happening.OPEN_WANTED): Stage.UNLOADING,
        (Stage.UNLOADING, Happening.CURRENT_GONE): Stage.OPENING,
        (Stage.OPENING, Happening.CONTACTS_OPEN): Stage.OPEN,
        **{(stage, Happening.EMERGENCY): Stage.OPENING
           for stage in (Stage.CLOSING, Stage.CLOSED, Stage.UNLOADING)},
        **{(stage, Happening.FAULT): Stage.FAULT
           for stage in (Stage.OPEN, Stage.CLOSING, Stage.CLOSED, Stage.OPENING)},
        (Stage.FAULT, Happening.RESET): Stage.OPEN,
    }
    OUTPUT_CLOSED = frozenset({Stage.CLOSING, Stage.CLOSED, Stage.UNLOADING})
    """Stages in which the output contactors are commanded closed."""
    WORD = 'output contactors'
    """What people call them."""
    WELDABLE = WORD
    """What a voltage may come through, in words."""

    def __init__(self, config: StageConfig) -> None:
        super().__init__(config)
        self.reason = "waits for the first word of the contactors' driver"
        self._has_begun = False
        self._operator_holds_open = False
        self._unloads = False
        """In FAULT: contacts that may carry current stay closed until it is gone."""
        self._wanted = {'output': _Wanted(), 'precharge': _Wanted()}
        """What each is commanded."""
        self._lowest_v = math.inf
        self._opened_s: float | None = None
        """When the auxiliary contact said open although closed is commanded."""
        self._flows_since_s = math.inf
        self._apart_since_s = math.inf

    # What people ask for

    def request_open(self, *, now_s: float) -> str:
        if self.stage not in (Stage.OPEN, Stage.OPENING, Stage.UNLOADING, Stage.FAULT):
            loaded = self._load(now_s)
            if not loaded and self._is_power_commanded:
                loaded = 'a power function is in force'
            if loaded:
                raise ValueError(f'{loaded}: end the charge with stop_charge first')
        self._operator_holds_open = self._has_news = True
        if self.stage is Stage.OPEN:
            return 'already open; held open until CLOSE or the end of the session'
        return 'opening; held open until CLOSE or the end of the session'

    def request_close(self, *, now_s: float) -> str:
        if self.stage not in (Stage.OPEN, Stage.OPENING, Stage.UNLOADING, Stage.FAULT):
            return f'already {self.stage.name.lower()}'
        why = self.reason if self.stage is Stage.FAULT else self._forbidden(now_s)
        if not why and self.stage is not Stage.OPEN:
            why = f'contactors are {self.stage.name.lower()}, ask again when they are open'
        if not why:
            _, why = self._way_to_close(now_s)
        if why:
            raise ValueError(why)
        self._operator_holds_open, self._has_news = False, True
        return 'closing'

    # The tick

    def told(self, *, now_s: float) -> Stage:
        # Open was commanded: whether they are, only their driver knows.
        is_heard = now_s - self._feedback_s < FEEDBACK_MAX_AGE_S
        return self.stage if is_heard or self.stage is not Stage.OPEN else Stage.UNKNOWN

    def tick(self, *, now_s: float) -> ContactorCommand | None:
        self._has_news, self._ticked_s = False, now_s
        if not self._has_begun:
            if self._feedback_s == -math.inf or self._fresh_reading(now_s) is None:
                return None
            self._begin(now_s)
        super().tick(now_s=now_s)
        if self.stage is Stage.FAULT and self._unloads and self._is_unloaded(now_s):
            self._unloads = False
        command = ContactorCommand(
            output_closed=self.stage in self.OUTPUT_CLOSED or self._unloads,
            precharge_closed=self._wants_precharge_relay, reason=self.reason)
        for name, wanted in self._wanted.items():
            is_closed: bool = getattr(command, f'{name}_closed')
            if is_closed != wanted.is_closed:
                self._wanted[name] = _Wanted(is_closed, now_s)
        return command

    @property
    def _wants_precharge_relay(self) -> bool:
        return False

    def _begin(self, now_s: float) -> None:
        self._has_begun = True
        self._entered_s = now_s
        self.reason = ''
        contact = self._feedback.output
        # Without auxiliary contacts a current says that they are closed.
        if contact is Contact.CLOSED or (contact is Contact.UNKNOWN and self._load(now_s)):
            self.stage = Stage.UNLOADING
            self.reason = 'found closed at the start'
            self.journal.info(f'{self.WORD} found closed at the start', now_s=now_s)

    # Steps, one for each stage

    def _while_open(self, now_s: float) -> None:
        if self._contact('output', now_s) is Contact.CLOSED:
            if now_s - self._entered_s >= self.config.contact_timeout:
                self._fail(self._words_for_closed(now_s), now_s)
            return
        if self._comes_through(now_s):
            return
        why = self._forbidden(now_s) or (
            'held open by an operator' if self._operator_holds_open else '')
        if not why:
            way, why = self._way_to_close(now_s)
        self.reason = why
        if not why:
            self._happen(way, now_s, 'the controller says Close')

    def _while_closing(self, now_s: float) -> None:
        if self._leave_if_wanted(now_s):
            return
        if self._contact('output', now_s) is Contact.CLOSED:
            self._happen(Happening.CONTACTS_CLOSED, now_s)
        else:
            self._fail_if_late(
                f'{self.WORD} did not close within {self.config.contact_timeout:g} s: stuck, or '
                'the auxiliary contact broken?', now_s)

    def _while_closed(self, now_s: float) -> None:
        if self._leave_if_wanted(now_s):
            return
        if now_s - self._feedback_s >= FEEDBACK_MAX_AGE_S:
            self._fail(
                f'contactor driver silent for {now_s - self._feedback_s:.2f} s', now_s,
            )
        elif self._contact('output', now_s) is Contact.OPEN:
            self._on_opened(now_s)
        else:
            self._opened_s = None
            self._watch_difference(now_s)

    def _while_unloading(self, now_s: float) -> None:
        if self._controller.has_emergency(now_s=now_s):
            self._happen(Happening.EMERGENCY, now_s, 'Emergency_Stop')
        elif self._is_unloaded(now_s):
            self._happen(Happening.CURRENT_GONE, now_s, self.reason)

    def _while_opening(self, now_s: float) -> None:
        if self._contact('output', now_s) is Contact.OPEN:
            self._happen(Happening.CONTACTS_OPEN, now_s, self.reason)
        else:
            self._fail_if_late(self._words_for_closed(
                now_s, did=f'did not open within {self.config.contact_timeout:g} s'), now_s)

    def _while_fault(self, now_s: float) -> None:
        if self._controller.has_emergency(now_s=now_s):
            self._unloads = False

    # Conditions

    def _leave_if_wanted(self, now_s: float) -> bool:
        if self._controller.has_emergency(now_s=now_s):
            self._happen(Happening.EMERGENCY, now_s, 'Emergency_Stop')
            return True
        why = self._why_leave(now_s)
        if why:
            self._happen(Happening.OPEN_WANTED, now_s, why)
        return bool(why)

    def _why_leave(self, now_s: float) -> str:
        return self._forbidden(now_s) or (
            'an operator asked for it' if self._operator_holds_open else '')

    def _way_to_close(self, now_s: float) -> tuple[Happening, str]:
        """
        Return what leads to a closed path that nobody forbids, and what is in its way.

        :returns: a :class:`Happening`, and words that are empty when the way is free
        """
        return Happening.CLOSE_WANTED, self._unsafe_to_close(now_s)

    def _unsafe_to_close(self, now_s: float) -> str:
        """Say why closing now would hurt; empty when it would not."""
        reading = self._fresh_reading(now_s)
        if reading is None:
            return UNMEASURED
        why = self._driver_is_silent(now_s) or self._load(now_s)
        if why:
            return why
        pistol_v = self._feedback.pistol_voltage_v
        limit_v = self.config.max_closing_difference
        if math.isnan(pistol_v):
            # The other side is not measured: it is empty as long as no battery can be on it.
            if self._battery_may_be_connected:
                return 'a battery may be at the pistol, whose voltage is not measured'
            if reading.voltage_v > limit_v:
                return (
                    f'{reading.voltage_v:.0f} V at the modules and no measurement at the pistol'
                )
        elif not abs(reading.voltage_v - pistol_v) <= limit_v:
            return (
                f'{reading.voltage_v:.0f} V at the modules, {pistol_v:.0f} V at the pistol: more '
                f'than {limit_v:g} V apart'
            )
        return ''

    def _driver_is_silent(self, now_s: float) -> str:
        if now_s - self._feedback_s >= FEEDBACK_MAX_AGE_S:
            return 'contactor driver silent'
        return ''

    def _is_unloaded(self, now_s: float) -> bool:
        loaded = self._load(now_s)
        if not loaded:
            return True
        if now_s - self._entered_s < self.config.unloading_timeout:
            return False
        self.journal.finding(
            'opened under load',
            f'contactors open after {self.config.unloading_timeout:g} s although {loaded}',
            now_s=now_s,
        )
        return True

    def _contact(self, name: str, now_s: float) -> Contact:
        """Tell where a contact is: by its feedback, without one by the time passed."""
        if now_s - self._feedback_s >= FEEDBACK_MAX_AGE_S:
            return Contact.UNKNOWN
        position: Contact = getattr(self._feedback, name)
        if position is not Contact.UNKNOWN:
            return position
        wanted = self._wanted[name]
        if now_s - max(wanted.since_s, self._entered_s) < ASSUMED_CONTACT_TIME_S:
            return Contact.UNKNOWN
        return Contact.CLOSED if wanted.is_closed else Contact.OPEN

    # What voltage and current tell about the contacts

    def _comes_through(self, now_s: float) -> bool:
        """Find welded contacts by what comes through them while they are open (no feedback)."""
        reading = self._fresh_reading(now_s)
        if reading is None or now_s - self._entered_s < SETTLED_S or self._does_not_float(now_s):
            # What the modules do themselves is no evidence.
            self._lowest_v = self._flows_since_s = math.inf
            return False
        self._lowest_v = min(self._lowest_v, reading.voltage_v)
        flows = abs(reading.current_a) > self._switchable_a
        rises = (reading.voltage_v >= BATTERY_FROM_V
                 and reading.voltage_v > self._lowest_v + self.config.max_closing_difference)
        if not (flows or rises):
            self._flows_since_s = math.inf
            return False
        self._flows_since_s = min(self._flows_since_s, now_s)
        if now_s - self._flows_since_s < (self.config.contact_timeout if flows else RISES_S):
            return False
        what = (f'{reading.current_a:.1f} A flow' if flows else
                f'the voltage at the modules rose from {self._lowest_v:.0f} to '
                f'{reading.voltage_v:.0f} V')
        self._fail(f'{what} although open is commanded: {self.WELDABLE} welded?', now_s)
        return True

    def _watch_difference(self, now_s: float) -> None:
        """Find closed contacts that are not: the modules' side cannot be higher for long."""
        reading, pistol_v = self._fresh_reading(now_s), self._pistol_v(now_s)
        # Lower it may be: behind a diode.
        if reading is None or not reading.voltage_v - pistol_v > (
                self.config.max_closing_difference + SENSORS_SHARE * reading.voltage_v):
            self._apart_since_s = math.inf
            return
        self._apart_since_s = min(self._apart_since_s, now_s)
        if now_s - self._apart_since_s >= self.config.contact_timeout:
            self._fail(
                f'{reading.voltage_v:.0f} V at the modules, {pistol_v:.0f} V at the pistol behind '
                f'closed {self.WORD}: stuck open?', now_s)

    # Faults

    def _on_opened(self, now_s: float) -> None:
        """Judge an auxiliary contact that opened by a reading that was taken after it."""
        if self._opened_s is None:
            self._opened_s = now_s
        reading = self._fresh_reading(now_s)
        if reading is not None and self._measured_s < self._opened_s + AFTER_S:
            return
        self._opened_s = None
        if reading is not None and abs(reading.current_a) >= SURELY_CLOSED_A:
            self._fail(
                f'auxiliary contact of the {self.WORD} says open although '
                f'{reading.current_a:.1f} A flow: is its wire broken?', now_s)
        else:
            self._fail(
                f'{self.WORD} opened without a command, or the auxiliary contact broken?', now_s)

    def _words_for_closed(
        self, now_s: float, *, did: str = 'is closed although open is commanded',
    ) -> str:
        """Name what it is when the auxiliary contact says closed and should not."""
        reading, pistol_v = self._fresh_reading(now_s), self._pistol_v(now_s)
        if reading is not None:
            apart_v = abs(reading.voltage_v - pistol_v)
            if apart_v > self.config.max_closing_difference:
                return (f'auxiliary contact of the {self.WORD} says closed although both sides '
                        f'are {apart_v:.0f} V apart: is its wire shorted?')
        return f'{self.WORD}: {did}: welded, or the auxiliary contact broken?'

    def _fail_if_late(self, why: str, now_s: float) -> None:
        """Fail when a contact has had its time; one whose driver is silent is not blamed."""
        silent_s = now_s - self._feedback_s
        if silent_s >= FEEDBACK_MAX_AGE_S:
            self._fail(f'contactor driver silent for {silent_s:.2f} s', now_s)
        elif (now_s - self._entered_s >= self.config.contact_timeout
                and silent_s < LATE_FEEDBACK_S):
            self._fail(why, now_s)

    def _fail(self, why: str, now_s: float) -> None:
        # What may carry current stays closed until it is gone.
        self._unloads = self.stage in (Stage.CLOSED, Stage.UNLOADING)
        super()._fail(why, now_s)

    def _cause_still_there(self, now_s: float) -> str:
        if self._unloads:
            return 'current may still flow'
        contact = self._contact('output', now_s)
        if contact is not Contact.OPEN:
            return f'contactors report {contact.name} although open is commanded'
        return ''

    def _end_session(self) -> None:
        super()._end_session()
        self._operator_holds_open = False
