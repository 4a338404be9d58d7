# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
The precharge stage of CHAdeMO V2G, in place of the diode (R47).

A precharge relay in series with a resistor, and the main relay in parallel with both. For the
insulation test the main relay is closed. After it the vehicle connects its battery whenever it
likes (R46), so the main relay has to be open by then, and the output is filled through the
resistor. On which side of the vehicle's contactors that happens is not told (A41): both orders
work. :class:`OwnV2gStage` commands the relays; :class:`ControllerV2gStage` watches the controller
doing it, of which nothing but the voltage is seen.
"""

import collections
import enum
import math
from typing import ClassVar

from ..command import Request
from ..hardware import BATTERY_FROM_V, Contact, ContactorCommand, Stage
from ..interface.signals import DcPowerControl
from ..timing import MEASUREMENT_MAX_AGE_S
from .contactors import OwnContactors, UNMEASURED
from .followed import ControllerRelay
from .output_stage import Happening, OutputStage, StageConfig, Transitions
from .precharge import Kind, Progress, Verdict
from .rc_curve import longest_fall_s, RcCurve

EMPTY_V = 20.0
"""R15: a lowered output."""
PROVEN_OPEN_S = 0.2
"""With a battery at the pistol, before the precharge relay closes."""
PROOF_A = 2.0
"""No precharge resistor lets so much through: the main relay is closed."""


class Part(enum.Enum):
    """Which part of a V2G session it is, from the commands alone."""

    BEFORE = 'before the insulation test'
    TEST = 'insulation test'
    LOWERING = 'lowering after it'
    CONNECTING = 'a battery may be connected'


class _V2gSession(OutputStage):
    """What both forms know of the session: which part it is, and the curve of the precharge."""

    def __init__(self, config: StageConfig) -> None:
        super().__init__(config)
        self._part = Part.BEFORE
        self._curve = RcCurve(config)
        self._curve_s = -math.inf
        self._began_s = -math.inf
        self._ended_s: float | None = None
        self._is_told = True
        self._is_precharged = False
        """Closed after a precharge, not for the test."""
        self._idle_v = math.nan
        """At the modules before power was commanded."""
        self._is_proven = False

    def _on_command(self, command: DcPowerControl, request: Request) -> None:
        super()._on_command(command, request)
        if request is Request.INSULATION_TEST and not self._battery_may_be_connected:
            self._part = Part.TEST
        elif request is Request.LOWERING and not self._battery_may_be_connected:
            self._part = Part.LOWERING
        elif self._part is not Part.BEFORE or self._is_ready_for_transfer:
            self._part = Part.CONNECTING
        # The vehicle does not ask before it connects (R46).
        self._battery_may_be_connected |= self._part is Part.CONNECTING

    def _forget_battery(self) -> None:
        super()._forget_battery()
        self._part = Part.BEFORE

    # The curve

    def _begin_curve(self, now_s: float) -> None:
        self._curve, self._curve_s = RcCurve(self.config), -math.inf
        self._began_s, self._ended_s, self._is_told = now_s, None, False
        self._watch_curve(now_s)

    def _watch_curve(self, now_s: float) -> RcCurve:
        """Let the curve see a new measurement; return it."""
        reading = self._fresh_reading(now_s)
        if reading is not None and self._measured_s > self._curve_s:
            self._curve_s = self._measured_s
            self._curve.see(
                reading, self._pistol_v(now_s), is_vehicle_ready=self._is_ready_for_transfer,
                now_s=self._measured_s)
        return self._curve

    def _happen(self, event: Happening, now_s: float, reason: str = '') -> None:
        super()._happen(event, now_s, reason)
        if self.stage is Stage.CLOSED and self._is_precharged:
            self._idle_v, self._is_proven = math.nan, False
        elif self.stage in (Stage.OPEN, Stage.FAULT):
            self._is_precharged = False
        if self._ended_s is None and self.stage in (
                Stage.CLOSED, Stage.OPENING, Stage.OPEN, Stage.FAULT):
            self._ended_s = now_s

    def take_progress(self, *, now_s: float) -> Progress | None:
        """Return where the precharge is while it lasts and once after it, or ``None``."""
        curve = self._curve
        if self._is_told:
            return None
        self._is_told = self._ended_s is not None
        end_s = now_s if self._ended_s is None else self._ended_s
        progress = Progress(
            curve.battery_v, curve.output_v, curve.current_a, 0.0, end_s - self._began_s,
            self._verdict(), kind=Kind.V2G, energy_j=curve.energy_j)
        if self._ended_s is None and now_s - self._curve_s >= MEASUREMENT_MAX_AGE_S:
            return progress.unmeasured
        return progress

    def _verdict(self) -> Verdict:
        if self._ended_s is None:
            return Verdict.IN_WINDOW if self._curve.is_matching else Verdict.RUNNING
        return Verdict.DONE if self.stage is Stage.CLOSED else Verdict.ABORTED

    # The proof

    def _watch_path(self, now_s: float) -> None:
        """
        Find a main relay that is not closed when power begins.

        The first amperes through the resistor would move the voltage at the modules far away from
        the battery's; a current that no resistor lets through proves that it is closed.
        """
        reading = self._fresh_reading(now_s)
        if reading is None or self._is_proven or not self._is_precharged:
            return
        if not self._is_power_commanded or math.isnan(self._idle_v):
            self._idle_v = reading.voltage_v
        elif abs(reading.current_a) >= PROOF_A:
            self._is_proven = True
        elif abs(reading.voltage_v - self._idle_v) > self.config.max_closing_difference:
            self._fail(
                f'the voltage at the modules went from {self._idle_v:.0f} to '
                f'{reading.voltage_v:.0f} V with {reading.current_a:.1f} A: the main relay is not '
                'closed, stuck?', now_s)


class ControllerV2gStage(_V2gSession, ControllerRelay):
    """The stage that the controller runs: watched, and closed only after what a precharge does."""

    TRANSITIONS: ClassVar[Transitions] = {
        (Stage.OPEN, Happening.CLOSE_WANTED): Stage.CLOSED,
        (Stage.CLOSED, Happening.OPEN_WANTED): Stage.OPEN,
        (Stage.OPEN, Happening.PRECHARGE_WANTED): Stage.PRECHARGING,
        (Stage.PRECHARGING, Happening.VOLTAGES_MATCH): Stage.CLOSED,
        (Stage.PRECHARGING, Happening.OPEN_WANTED): Stage.OPEN,
        **{(stage, Happening.FAULT): Stage.FAULT
           for stage in (Stage.OPEN, Stage.PRECHARGING, Stage.CLOSED)},
        (Stage.FAULT, Happening.RESET): Stage.OPEN,
    }

    def __init__(self, config: StageConfig) -> None:
        super().__init__(config)
        self._is_over = False
        """After the path was closed and opened again: what it does now is not watched any more."""

    def _while_open(self, now_s: float) -> None:
        why = self._must_stay_open(now_s)
        if not why and self._part is Part.TEST and self._says_close:
            self._happen(Happening.CLOSE_WANTED, now_s, 'the insulation test begins')
            return
        if not why and self._part is Part.CONNECTING and not self._is_over:
            self._happen(Happening.PRECHARGE_WANTED, now_s, 'the vehicle connects')
            self._begin_curve(now_s)
            return
        self.reason = why or ('the session is over' if self._is_over else (
            'the controller says Open' if not self._says_close else self._part.value))
        self._watch_current(now_s)

    def _while_precharging(self, now_s: float) -> None:
        why = self._must_stay_open(now_s)
        if why or self._part is not Part.CONNECTING or self._is_over:
            self._happen(Happening.OPEN_WANTED, now_s, why or 'the session is over')
            return
        curve = self._watch_curve(now_s)
        if curve.fault:
            self._fail(f'{curve.fault}; is chademo_precharge set in the controller?', now_s)
        elif curve.is_matching and self._says_close:
            self._is_precharged = True
            self._happen(Happening.VOLTAGES_MATCH, now_s, 'precharged, the controller says Close')
        elif curve.is_matching:
            self.reason = 'precharged: waits until the controller says Close'
        elif curve.has_begun:
            self.reason = 'the voltage comes through the resistor'
        else:
            self.reason = 'waits for the voltage of the battery'

    def _while_closed(self, now_s: float) -> None:
        self._flows_since_s = math.inf
        why = self._must_stay_open(now_s) or (
            '' if self._says_close else 'the controller says Open')
        if not why and not self._is_precharged and self._part not in (Part.TEST, Part.LOWERING):
            why = 'the insulation test is over'
        if why:
            self._is_over = self._is_precharged
            self._happen(Happening.OPEN_WANTED, now_s, why)
            return
        self._watch_path(now_s)

    def _end_session(self) -> None:
        super()._end_session()
        self._is_over = True

    def _forget_battery(self) -> None:
        super()._forget_battery()
        self._is_over = False


class OwnV2gStage(_V2gSession, OwnContactors):
    """The stage that we command: two relays and a resistor that must not get hot."""

    TRANSITIONS: ClassVar[Transitions] = {
        (Stage.OPEN, Happening.CLOSE_WANTED): Stage.CLOSING,
        (Stage.OPEN, Happening.PRECHARGE_WANTED): Stage.PRECHARGE_CLOSING,
        (Stage.PRECHARGE_CLOSING, Happening.PRECHARGE_CLOSED): Stage.PRECHARGING,
        (Stage.PRECHARGING, Happening.VOLTAGES_MATCH): Stage.CLOSING,
        (Stage.PRECHARGING, Happening.NO_BATTERY): Stage.OPENING,
        (Stage.CLOSING, Happening.CONTACTS_CLOSED): Stage.RELEASING,
        (Stage.RELEASING, Happening.PRECHARGE_OPEN): Stage.CLOSED,
        # Nothing flows before CLOSED is reported but what the resistor lets through.
        **{(stage, Happening.OPEN_WANTED): Stage.OPENING
           for stage in (Stage.PRECHARGE_CLOSING, Stage.PRECHARGING, Stage.CLOSING,
                         Stage.RELEASING)},
        (Stage.CLOSED, Happening.OPEN_WANTED): Stage.UNLOADING,
        (Stage.UNLOADING, Happening.CURRENT_GONE): Stage.OPENING,
        (Stage.OPENING, Happening.CONTACTS_OPEN): Stage.OPEN,
        **{(stage, Happening.EMERGENCY): Stage.OPENING
           for stage in (Stage.PRECHARGE_CLOSING, Stage.PRECHARGING, Stage.CLOSING,
                         Stage.RELEASING, Stage.CLOSED, Stage.UNLOADING)},
        **{(stage, Happening.FAULT): Stage.FAULT
           for stage in (Stage.OPEN, Stage.PRECHARGE_CLOSING, Stage.PRECHARGING, Stage.CLOSING,
                         Stage.RELEASING, Stage.CLOSED, Stage.OPENING)},
        (Stage.FAULT, Happening.RESET): Stage.OPEN,
    }
    OUTPUT_CLOSED = OwnContactors.OUTPUT_CLOSED | {Stage.RELEASING}
    WORD = 'main relay'
    WELDABLE = 'main relay or precharge relay'

    def __init__(self, config: StageConfig) -> None:
        super().__init__(config)
        self._attempts: collections.deque[float] = collections.deque()
        self._battery_since_s = math.inf
        """Since when there has been a voltage at the pistol with the stage open."""
        self._ready_since_s = math.inf
        """Since when the controller has said that the vehicle is ready."""
        self._has_waited_in_vain = False
        """In this session, with a closed relay: not again before the vehicle is ready."""

    @property
    def _wants_precharge_relay(self) -> bool:
        return self.stage in (Stage.PRECHARGE_CLOSING, Stage.PRECHARGING) or (
            self.stage is Stage.CLOSING and self._is_precharged)

    def tick(self, *, now_s: float) -> ContactorCommand | None:
        self._ready_since_s = (
            min(self._ready_since_s, now_s) if self._is_ready_for_transfer else math.inf)
        return super().tick(now_s=now_s)

    def _forget_battery(self) -> None:
        super()._forget_battery()
        self._has_waited_in_vain = False

    # Steps

    def _while_open(self, now_s: float) -> None:
        if self._contact('precharge', now_s) is Contact.CLOSED:
            if now_s - self._entered_s >= self.config.contact_timeout:
                self._fail(
                    'precharge relay: is closed although open is commanded: welded, or the '
                    'auxiliary contact broken?', now_s)
            return
        if self._pistol_v(now_s) >= BATTERY_FROM_V:
            self._battery_since_s = min(self._battery_since_s, now_s)
        else:
            self._battery_since_s = math.inf
        super()._while_open(now_s)
        if self.stage is Stage.PRECHARGE_CLOSING:
            self._attempts.append(now_s)
            self._begin_curve(now_s)

    def _while_precharge_closing(self, now_s: float) -> None:
        if self._leave_if_wanted(now_s) or self._fail_if_main_is_closed(now_s):
            return
        curve = self._watch_curve(now_s)
        if self._contact('precharge', now_s) is Contact.CLOSED:
            self._happen(Happening.PRECHARGE_CLOSED, now_s)
        elif curve.has_moved:
            self._fail_if_late(
                'auxiliary contact of the precharge relay says open although the voltage at the '
                'modules follows: is its wire broken?', now_s)
        else:
            self._fail_if_late(
                f'precharge relay did not close within {self.config.contact_timeout:g} s: stuck?',
                now_s)

    def _fail_if_main_is_closed(self, now_s: float) -> bool:
        if (self._contact('output', now_s) is not Contact.CLOSED
                or now_s - self._entered_s < self.config.contact_timeout / 2):
            return False
        self._fail(self._words_for_closed(now_s), now_s)
        return True

    def _while_precharging(self, now_s: float) -> None:
        if self._leave_if_wanted(now_s) or self._fail_if_main_is_closed(now_s):
            return
        curve = self._watch_curve(now_s)
        closed_s = now_s - self._began_s
        if now_s - self._curve_s >= MEASUREMENT_MAX_AGE_S:
            self._happen(Happening.OPEN_WANTED, now_s, 'the voltage is unknown')
        elif curve.fault:
            self._fail(curve.fault, now_s)
        elif curve.is_matching:
            self._is_precharged = True
            self._happen(
                Happening.VOLTAGES_MATCH, now_s,
                f'{abs(curve.across_v):.0f} V across, {curve.energy_j:.0f} J into the resistor')
        elif curve.has_begun and closed_s < self.config.max_precharge_time:
            self.reason = 'the voltage across falls'
        elif curve.has_begun:
            self._fail(f'no match within {closed_s:.1f} s: {curve.diagnosis}', now_s)
        elif closed_s < self._longest_wait_s:
            self.reason = 'waits for the voltage of the battery'
        else:
            self._give_up(now_s)

    @property
    def _longest_wait_s(self) -> float:
        """For a battery, behind a closed relay: a fall that begins can still end in time."""
        bound_s = self.config.max_precharge_time
        return max(bound_s - longest_fall_s(self.config), bound_s / 2)

    def _give_up(self, now_s: float) -> None:
        waited_s = now_s - self._began_s
        words = f'no battery came within {waited_s:.1f} s'
        # The vehicle was connected all the time: it is our own path that is open, or shorted.
        if now_s - self._ready_since_s >= waited_s:
            self._fail(
                f'{words} although the controller says that the vehicle is ready: are the '
                "resistor or the precharge relay open, or the output's capacitor shorted?", now_s)
            return
        self._has_waited_in_vain = True
        self.journal.finding('no battery', f'precharge: {words}', now_s=now_s)
        self._happen(Happening.NO_BATTERY, now_s, words)

    def _while_releasing(self, now_s: float) -> None:
        if self._leave_if_wanted(now_s):
            return
        if self._contact('precharge', now_s) is Contact.OPEN:
            self._happen(Happening.PRECHARGE_OPEN, now_s)
        else:
            self._fail_if_late(self._words_for_a_closed_precharge_relay, now_s)

    def _while_closed(self, now_s: float) -> None:
        super()._while_closed(now_s)
        if self.stage is Stage.CLOSED:
            self._watch_path(now_s)

    def _while_opening(self, now_s: float) -> None:
        if self._contact('precharge', now_s) is Contact.OPEN:
            super()._while_opening(now_s)
        else:
            self._fail_if_late(self._words_for_a_closed_precharge_relay, now_s)

    @property
    def _words_for_a_closed_precharge_relay(self) -> str:
        return (f'precharge relay: did not open within {self.config.contact_timeout:g} s: welded, '
                'or the auxiliary contact broken?')

    # Conditions

    def _why_leave(self, now_s: float) -> str:
        why = super()._why_leave(now_s)
        if why:
            return why
        if self.stage in (Stage.PRECHARGE_CLOSING, Stage.PRECHARGING):
            return self._does_not_float(now_s)
        if not self._is_precharged and self._is_test_over(now_s):
            return 'the insulation test is over, the vehicle may connect'
        return ''

    def _is_test_over(self, now_s: float) -> bool:
        if self._part is Part.LOWERING:
            # Head start: the controller sees it no earlier than we do.
            reading = self._fresh_reading(now_s)
            return reading is not None and reading.voltage_v <= EMPTY_V
        return self._part is not Part.TEST

    def _way_to_close(self, now_s: float) -> tuple[Happening, str]:
        if self._part is Part.TEST:
            return super()._way_to_close(now_s)
        if self._part is not Part.CONNECTING:
            return Happening.PRECHARGE_WANTED, f'waits: {self._part.value}'
        return Happening.PRECHARGE_WANTED, self._no_precharge(now_s)

    def _no_precharge(self, now_s: float) -> str:
        """Say why no precharge may begin now; empty when it may."""
        reading = self._fresh_reading(now_s)
        if reading is None:
            return UNMEASURED
        why = (self._driver_is_silent(now_s) or self._does_not_float(now_s)
               or self._load(now_s))
        if why:
            return why
        pistol_v = self._feedback.pistol_voltage_v
        if math.isnan(pistol_v) and self._has_waited_in_vain and not self._is_ready_for_transfer:
            return 'no battery came: waits until the controller says that the vehicle is ready'
        if math.isnan(pistol_v) and reading.voltage_v > EMPTY_V:
            # A fall that begins anywhere would tell nothing about the other side.
            return ('the output is not empty and the pistol is not measured: no precharge would '
                    'be recognised')
        if pistol_v < BATTERY_FROM_V:
            return 'waits for the voltage of the battery at the pistol'
        if not math.isnan(pistol_v):
            # An open stage shows that it is open as long as the output stays where it is.
            if now_s - max(self._battery_since_s, self._entered_s) < PROVEN_OPEN_S:
                return 'a battery has come: looks whether both relays are open'
            if reading.voltage_v > self._lowest_v + self.config.max_closing_difference:
                return 'the voltage at the modules rises with both relays open'
        config = self.config
        while self._attempts and now_s - self._attempts[0] >= config.precharge_attempts_period:
            self._attempts.popleft()
        if len(self._attempts) >= config.max_precharge_attempts:
            return (
                f'{len(self._attempts)} precharges within {config.precharge_attempts_period:g} s: '
                'the resistor has to cool')
        return ''

    def _cause_still_there(self, now_s: float) -> str:
        contact = self._contact('precharge', now_s)
        if contact is not Contact.OPEN:
            return f'the precharge relay reports {contact.name} although open is commanded'
        return super()._cause_still_there(now_s)
