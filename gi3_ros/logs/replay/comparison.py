# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
What was decided then, held against what is decided now.

Both ran on clocks of their own, so the same decision comes up to a tick earlier or later, and a
ramp is a tick ahead or behind. Now is the same as then where then had the same value, or passed
it, within :data:`SLACK_S` before or after. So a difference that is shorter is none.
"""

import collections
from collections.abc import Iterable
import dataclasses
import enum
import itertools
import math
import re
import typing

from ...core.hardware import ContactorCommand, PowerSetpoint

STEP_S = 0.02
"""Distance of the moments that are compared."""
SLACK_S = 0.16
MERGE_S = 0.3
"""Differences of one field that are no further apart than this are one."""
_REACH = round(SLACK_S / STEP_S)
_NUMBERS = re.compile(r'-?\d+(?:\.\d+)?')


def without_numbers(text: str) -> str:
    """Return words by which two sentences are the same that differ in what was measured."""
    return _NUMBERS.sub('#', text)


Value = str | float | None
"""What was decided; ``None`` where it is not known."""


class Kind(enum.Enum):
    """How two values are compared."""

    SAME = 'same'
    NUMBER = 'number'
    WORDS = 'words'
    """The same words may have other numbers: what was measured, for how long."""
    COVERED = 'covered'
    """Then is a measured current, now what is permitted at the most."""
    DELIVERED = 'delivered'
    """Then is a measured current, now what was asked for at the least."""


_OF_NUMBERS = frozenset({Kind.NUMBER, Kind.COVERED, Kind.DELIVERED})


@dataclasses.dataclass(frozen=True, slots=True)
class Field:
    """One thing that is decided."""

    name: str
    kind: Kind = Kind.SAME
    unit: str = ''
    expires_s: float = 1.0
    """Then is not known any more when nothing was recorded for so long."""
    tolerance: float = 0.1
    is_of_stage: bool = False
    """Whether precharge decides it, else power_control."""


FOR_EVER_S = float('inf')
FIELDS = (
    Field('phase'),
    Field('system_enable'),
    Field('fault', Kind.WORDS),
    Field('mode'),
    Field('voltage', Kind.NUMBER, 'V'),
    Field('current', Kind.NUMBER, 'A'),
    Field('flowing current', Kind.COVERED, 'A', 0.5),
    Field('stage', is_of_stage=True),
    Field('stage fault', Kind.WORDS, is_of_stage=True),
    Field('output contactors', is_of_stage=True),
    Field('precharge relay', is_of_stage=True),
    Field('precharge', expires_s=FOR_EVER_S, is_of_stage=True),
    Field('told voltage', Kind.NUMBER, 'V', FOR_EVER_S),
    Field('told charge current', Kind.NUMBER, 'A', FOR_EVER_S),
    Field('told discharge current', Kind.NUMBER, 'A', FOR_EVER_S),
    Field('delivered current', Kind.DELIVERED, 'A', 0.5),
)
PLACES = {field.name: place for place, field in enumerate(FIELDS)}
_PHASE = PLACES['phase']
_OF_POWER = slice(_PHASE, PLACES['flowing current'] + 1)
_OF_STAGE = slice(PLACES['stage'], PLACES['precharge relay'] + 1)


@dataclasses.dataclass(slots=True)
class Difference:
    """From when to when now was not as then. Seconds since the log began."""

    field: Field
    begin_s: float
    end_s: float
    then: Value
    """At the beginning; of numbers where they were furthest apart."""
    now: Value
    reason: str
    """What the decision of now says about itself, at the beginning."""

    @property
    def seconds(self) -> float:
        """For how long."""
        return self.end_s - self.begin_s


@dataclasses.dataclass(frozen=True, slots=True)
class Row:
    """What was going on from a moment on."""

    time_s: float
    then: Value
    now: Value


class _Moment(typing.NamedTuple):
    time_s: float
    then: list[Value]
    """By the places of the fields."""
    now: list[Value]
    power_reason: str
    stage_reason: str


class Comparison:
    """
    Collects what was decided then and what is decided now, and finds the differences.

    :param without: names of fields that cannot be judged
    """

    def __init__(self, without: Iterable[str] = ()) -> None:
        self._without = frozenset(without)
        self.differences: list[Difference] = []
        self._phases: list[Row] = []
        self.compared_s = 0.0
        """For how long anything of then was known."""
        self._known: set[str] = set()
        self._then: list[Value] = [None] * len(FIELDS)
        self._expires_s = [-FOR_EVER_S] * len(FIELDS)
        self._now: list[Value] = [None] * len(FIELDS)
        self._power_reason = self._stage_reason = ''
        """What the decisions of now say about themselves."""
        self._ring: collections.deque[_Moment] = collections.deque(maxlen=2 * _REACH + 1)
        self._open: dict[int, Difference] = {}
        self._steady = 0

    @property
    def phases(self) -> list[Row]:
        """One for every change of the phase, then or now, that lasted."""
        rows: list[Row] = []
        for row, later in itertools.zip_longest(self._phases, self._phases[1:]):
            is_short = later is not None and later.time_s - row.time_s < SLACK_S
            if is_short and row.then is not None and row.then != row.now:
                continue
            if not rows or (rows[-1].then, rows[-1].now) != (row.then, row.now):
                rows.append(row)
        return rows

    @property
    def compared(self) -> list[str]:
        """Names of the fields of which the log has what was decided then."""
        return [field.name for field in FIELDS if field.name in self._known]

    @property
    def unknown(self) -> list[str]:
        """Names of the other fields: of these the log has nothing."""
        return [field.name for field in FIELDS
                if field.name not in self._known and field.name not in self._without]

    @property
    def not_judged(self) -> list[str]:
        """Names of fields that cannot be judged, as the limits of then are not known."""
        return [field.name for field in FIELDS if field.name in self._without]

    def was(
        self, name: str, value: Value, *, now_s: float, expires_s: float | None = None,
    ) -> None:
        """
        Take what was decided then.

        :param expires_s: where it is not known for as long as the field says
        """
        if name in self._without:
            return
        place = PLACES[name]
        self._known.add(name)
        self._then[place] = value
        self._expires_s[place] = now_s + (
            FIELDS[place].expires_s if expires_s is None else expires_s)

    def last(self, name: str) -> Value:
        """Return what was decided then, as last heard."""
        return self._then[PLACES[name]]

    def is_power(
        self, phase: str, enable: bool, fault: str, setpoint: PowerSetpoint, allowed_a: float,
        reason: str,
    ) -> None:
        """
        Take what power_control decides now.

        :param allowed_a: the largest current that may flow
        """
        self._now[_OF_POWER] = (
            phase, enable, fault, setpoint.mode.name, setpoint.voltage_v, setpoint.current_a,
            allowed_a)
        self._power_reason = reason

    def is_stage(
        self, stage: str, fault: str, command: ContactorCommand | None, reason: str,
    ) -> None:
        """Take what precharge decides now."""
        self._now[_OF_STAGE] = (
            stage, fault,
            None if command is None else _position(command.output_closed),
            None if command is None else _position(command.precharge_closed))
        self._stage_reason = reason

    def says(self, name: str, value: Value) -> None:
        """Take any other decision of now."""
        self._now[PLACES[name]] = value

    def step(self, *, now_s: float) -> None:
        """Compare; to be called every :data:`STEP_S`."""
        then = [
            value if now_s <= expires_s else None
            for value, expires_s in zip(self._then, self._expires_s, strict=True)]
        now = list(self._now)
        if self._ring and self._ring[-1].then == then and self._ring[-1].now == now:
            self._steady += 1
        else:
            self._steady = 0
        self._ring.append(_Moment(now_s, then, now, self._power_reason, self._stage_reason))
        if any(value is not None for value in then):
            self.compared_s += STEP_S
        # What has not changed for so long gives the same answer as the last time.
        if len(self._ring) == self._ring.maxlen and self._steady <= 2 * _REACH + 1:
            self._compare(self._ring[_REACH])

    def pause(self, *, now_s: float) -> None:
        """End everything: nothing more is known for a while."""
        for _ in range(_REACH):
            if self._ring:
                self._ring.append(self._ring[-1])
                self._compare(self._ring[min(_REACH, len(self._ring) - 1)])
        for place in list(self._open):
            self._close(place, now_s)
        self._ring.clear()
        self._steady = 0

    def _compare(self, moment: _Moment) -> None:
        shown = moment.now[_PHASE]
        for place, field in enumerate(FIELDS):
            was, is_now = moment.then[place], moment.now[place]
            is_known = was is not None and is_now is not None
            if not is_known or was == is_now or self._is_same(place, field, is_now):
                self._close(place, moment.time_s)
            else:
                self._differs(place, moment)
        phase = moment.then[_PHASE]
        if phase is not None and shown is not None and _PHASE not in self._open:
            phase = shown
        row = Row(moment.time_s, phase, shown)
        if not self._phases or (self._phases[-1].then, self._phases[-1].now) != (phase, shown):
            self._phases.append(row)

    def _is_same(self, place: int, field: Field, is_now: Value) -> bool:
        """Return whether then was the same around this moment."""
        around = [
            each for each in (moment.then[place] for moment in self._ring) if each is not None]
        if field.kind is Kind.SAME:
            return is_now in around
        if field.kind is Kind.WORDS:
            return without_numbers(str(is_now)) in map(without_numbers, map(str, around))
        return self._is_same_number(place, field, _number(is_now), list(map(_number, around)))

    def _is_same_number(
        self, place: int, field: Field, is_now: float, around: list[float],
    ) -> bool:
        if field.kind is Kind.NUMBER:
            return min(around) - field.tolerance <= is_now <= max(around) + field.tolerance
        if field.kind is Kind.DELIVERED:
            return max(map(abs, around)) >= 0.9 * is_now - 3.0
        permitted = max(
            _number(each) for each in (moment.now[place] for moment in self._ring)
            if each is not None)
        return min(map(abs, around)) <= 1.05 * permitted + 3.0

    def _differs(self, place: int, moment: _Moment) -> None:
        field, was, is_now = FIELDS[place], moment.then[place], moment.now[place]
        difference = self._open.get(place)
        if difference is None:
            recent = next((
                each for each in reversed(self.differences) if each.field is field), None)
            if recent is not None and moment.time_s - recent.end_s <= MERGE_S:
                difference = recent
            else:
                difference = Difference(
                    field, moment.time_s, moment.time_s, was, is_now,
                    moment.stage_reason if field.is_of_stage else moment.power_reason)
                self.differences.append(difference)
            self._open[place] = difference
        elif field.kind in _OF_NUMBERS and (
                abs(_number(was) - _number(is_now))
                > abs(_number(difference.then) - _number(difference.now))):
            difference.then, difference.now = was, is_now
        difference.end_s = moment.time_s

    def _close(self, place: int, time_s: float) -> None:
        difference = self._open.pop(place, None)
        if difference is not None:
            difference.end_s = time_s
            if difference.seconds < SLACK_S:
                self.differences.remove(difference)


def _number(value: Value) -> float:
    """Return the value of a field of numbers."""
    return math.nan if value is None else float(value)


def _position(is_closed: bool) -> str:
    return 'closed' if is_closed else 'open'
