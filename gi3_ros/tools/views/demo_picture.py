# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
What is known of the charging session of ``gi3 demo``, and what of it is shown at a moment.

:class:`Picture` is the knowledge; who fills it in does not matter here, and no ROS is needed.
"""

import dataclasses
import itertools
import math
from typing import Generic, TypeVar

from .words import MAX_AGE_S

CHARGE_PERIOD_S = 1.0
"""``charge_session`` comes this often; the others many times a second."""
OUTSIDE = ('NO_CONTROLLER', 'UNAVAILABLE', 'DISCONNECTED', 'UNKNOWN')
"""Phases before and after a session; within one they are worth a word."""
SHOWN_EVENTS = 60
COLUMNS = 240
"""Of the course of the power: more than a chart in a terminal has."""
_PEAK_S = 0.1
_Value = TypeVar('_Value')


@dataclasses.dataclass(frozen=True, slots=True)
class Event:
    """Something worth a line; ``time_s`` counts from the start of the command."""

    time_s: float
    source: str
    text: str
    is_bad: bool = False

    @property
    def words(self) -> str:
        """Who and what."""
        return f'{self.source}: {self.text}'


class Aged(Generic[_Value]):
    """A value that is forgotten when nobody repeats it."""

    def __init__(self, max_age_s: float = MAX_AGE_S) -> None:
        self._max_age_s = max_age_s
        self._value: _Value | None = None
        self._time_s = -math.inf

    def put(self, value: _Value | None, *, now_s: float) -> None:
        """Take a new value."""
        self._value, self._time_s = value, now_s

    def get(self, *, now_s: float) -> _Value | None:
        """Return the value while it is fresh, else ``None``."""
        return self._value if now_s - self._time_s < self._max_age_s else None


@dataclasses.dataclass(frozen=True, slots=True)
class Reading:
    """What the power modules' driver measured."""

    time_s: float
    voltage_v: float
    current_a: float
    insulation_ohm: float

    @property
    def power_w(self) -> float:
        """To the vehicle."""
        return self.voltage_v * self.current_a


@dataclasses.dataclass(frozen=True, slots=True)
class Charge:
    """The newest ``charge_session``."""

    phase: str
    protocol: str
    energy_wh: float
    peak_w: float
    state_of_charge: float
    end_reason: str


@dataclasses.dataclass(frozen=True, slots=True)
class Precharge:
    """The newest ``precharge_status``."""

    target_v: float
    difference_v: float
    elapsed_s: float
    verdict: str


@dataclasses.dataclass(frozen=True, slots=True)
class Power:
    """The newest ``power_status``."""

    phase: str
    is_enabled: bool
    fault: str


@dataclasses.dataclass(frozen=True)
class DemoPicture:
    """What is shown at a moment; what is too old to be true is ``None``."""

    now_s: float
    hint: str
    conclusion: str
    has_failed: bool
    phase: str
    seen: frozenset[str]
    """Phases so far."""
    reading: Reading | None
    controller_state: str | None
    charge: Charge | None
    power: Power | None
    commanded_a: float | None
    output_contact: bool | None
    vehicle_contactors: bool | None
    precharge: Precharge | None
    power_course_w: tuple[float, ...]
    """The highest in each piece of the time that the demo will probably take."""
    events: tuple[Event, ...]

    @property
    def is_interrupted(self) -> bool:
        """Whether nothing is known of a session that has begun."""
        has_begun = any(phase not in OUTSIDE for phase in self.seen)
        return self.phase == 'UNKNOWN' or (self.phase == 'NO_CONTROLLER' and has_begun)


class Picture:
    """All that is known; times count from the start of the command."""

    def __init__(self, expected_s: float) -> None:
        self.expected_s = expected_s
        """How long all of it will probably take."""
        self.hint = ''
        """One line for the lower edge."""
        self.conclusion = ''
        """How all ended, in a few words; empty while it goes on."""
        self.has_failed = False
        self.concluded_s = math.nan
        self.events: list[Event] = []
        self.phases: list[tuple[str, float]] = []
        """``(name, since_s)`` of the session, in order."""
        self.readings: list[Reading] = []
        self.reading: Aged[Reading] = Aged()
        self.controller_state: Aged[str] = Aged()
        self.charge: Aged[Charge] = Aged(MAX_AGE_S + CHARGE_PERIOD_S)
        self.power: Aged[Power] = Aged()
        self.stage: Aged[str] = Aged()
        self.commanded_a: Aged[float] = Aged()
        self.output_contact: Aged[bool] = Aged()
        self.precharge: Precharge | None = None
        self.vehicle_contactors: bool | None = None
        """Whether they are closed, as far as the vehicle told."""
        self.first_state_of_charge = self.last_state_of_charge = math.nan
        """As told first and last: a silent controller tells none."""
        self.last_charge: Charge | None = None
        """The newest :class:`Charge`, of whatever age."""
        self.test_v = 0.0
        self.test_ohm = math.nan
        """Insulation in the test, at the highest voltage."""
        self._peaks_w: dict[int, float] = {}

    def tell(self, time_s: float, source: str, text: str, *, is_bad: bool = False) -> None:
        """Add an event."""
        self.events.append(Event(time_s, source, text, is_bad))

    def conclude(self, words: str, *, time_s: float, has_failed: bool) -> None:
        """Say how all ended; what is seen later no longer counts as the session's."""
        self.conclusion, self.concluded_s, self.has_failed = words, time_s, has_failed

    def see_charge(self, charge: Charge, *, now_s: float, time_s: float) -> None:
        """Take a word of the session node; ``time_s`` is when it was said."""
        self.charge.put(charge, now_s=now_s)
        self.last_charge = charge
        if not self.conclusion and (not self.phases or self.phases[-1][0] != charge.phase):
            self.phases.append((charge.phase, time_s))
        if math.isnan(self.first_state_of_charge):
            self.first_state_of_charge = charge.state_of_charge
        if not math.isnan(charge.state_of_charge):
            self.last_state_of_charge = charge.state_of_charge

    def see_reading(self, reading: Reading, *, now_s: float) -> None:
        """Take a measurement."""
        self.reading.put(reading, now_s=now_s)
        self.readings.append(reading)
        piece = int(reading.time_s / _PEAK_S)
        self._peaks_w[piece] = max(self._peaks_w.get(piece, 0.0), reading.power_w)
        power = self.power.get(now_s=now_s)
        is_test = power is not None and power.phase == 'INSULATION_TEST'
        if is_test and reading.voltage_v >= self.test_v:
            self.test_v, self.test_ohm = reading.voltage_v, reading.insulation_ohm

    def phase(self, *, now_s: float) -> str:
        """Return the phase of the session in capitals."""
        charge = self.charge.get(now_s=now_s)
        return 'STARTING' if self.last_charge is None else 'UNKNOWN' if charge is None \
            else charge.phase

    @property
    def end_reason(self) -> str:
        """How the session ended, as ``charge_session`` names it; empty while it goes on."""
        return '' if self.last_charge is None else self.last_charge.end_reason

    def durations(self) -> list[tuple[str, float]]:
        """Return ``(phase, seconds)`` of the phases, from plug to plug."""
        phases = [*self.phases, ('', self.concluded_s)]
        durations = [
            (name, end_s - since_s)
            for (name, since_s), (_, end_s) in itertools.pairwise(phases)
        ]
        while durations and durations[0][0] in OUTSIDE:
            durations.pop(0)
        while durations and durations[-1][0] in OUTSIDE:
            durations.pop()
        return durations

    def shown(self, *, now_s: float) -> DemoPicture:
        """Return what is shown now."""
        return DemoPicture(
            now_s=now_s, hint=self.hint, conclusion=self.conclusion,
            has_failed=self.has_failed, phase=self.phase(now_s=now_s),
            seen=frozenset(name for name, _ in self.phases),
            reading=self.reading.get(now_s=now_s),
            controller_state=self.controller_state.get(now_s=now_s),
            charge=self.charge.get(now_s=now_s), power=self.power.get(now_s=now_s),
            commanded_a=self.commanded_a.get(now_s=now_s),
            output_contact=self.output_contact.get(now_s=now_s),
            vehicle_contactors=self.vehicle_contactors, precharge=self.precharge,
            power_course_w=self._power_course_w(), events=tuple(self.events[-SHOWN_EVENTS:]))

    def _power_course_w(self) -> tuple[float, ...]:
        last_s = (max(self._peaks_w, default=0) + 1) * _PEAK_S
        piece_s = max(self.expected_s, last_s) / COLUMNS
        course_w = [0.0] * COLUMNS
        for piece, peak_w in self._peaks_w.items():
            column = min(max(int((piece + 0.5) * _PEAK_S / piece_s), 0), COLUMNS - 1)
            course_w[column] = max(course_w[column], peak_w)
        return tuple(course_w)
