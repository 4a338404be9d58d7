# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What the simulator has to tell: :class:`Event`, a line of text or of JSON."""

import dataclasses
import enum
import json
import math


class Kind(enum.Enum):
    """Where an event comes from."""

    CONTROLLER = 'controller'
    FINDING = 'finding'
    """The charger broke a rule."""
    OBSERVATION = 'observation'
    """Something odd of the charger that no rule forbids."""
    VEHICLE = 'vehicle'
    CHARGER = 'charger'
    """What is known of the charger besides its frames: where it is simulated, too."""
    BUS = 'bus'
    ACTION = 'action'
    """Somebody did something to the simulator."""
    VERDICT = 'verdict'


_PREFIX = {
    Kind.CONTROLLER: '',
    Kind.FINDING: 'RULE BROKEN ',
    Kind.OBSERVATION: 'observation, no rule broken: ',
    Kind.VEHICLE: 'vehicle: ',
    Kind.CHARGER: 'charger: ',
    Kind.BUS: 'bus: ',
    Kind.ACTION: '> ',
    Kind.VERDICT: '',
}


@dataclasses.dataclass(frozen=True, slots=True)
class Event:
    """Something worth a line; ``time_s`` counts from the start of the simulator."""

    time_s: float
    kind: Kind
    text: str
    values: dict[str, object] = dataclasses.field(default_factory=dict)
    pistol: int = 1
    """Index on the bus."""

    @property
    def words(self) -> str:
        """What happened, and where unless it was at the controller."""
        return f'{_PREFIX[self.kind]}{self.text}'

    def to_json(self) -> str:
        """Return one line of JSON."""
        return json.dumps({
            'time_s': round(self.time_s, 3), 'pistol': self.pistol, 'kind': self.kind.value,
            'text': self.text,
            **({'values': _finite(self.values)} if self.values else {}),
        })


def _finite(values: dict[str, object]) -> dict[str, object]:
    """JSON has no NaN."""
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in values.items()
    }


class Story:
    """
    The events of one pistol, in order.

    :param pistol: its index on the bus
    """

    def __init__(self, pistol: int) -> None:
        self.events: list[Event] = []
        self._pistol = pistol
        self._start_s: float | None = None

    def begin(self, *, now_s: float) -> None:
        """Count from now on; only the first time counts."""
        if self._start_s is None:
            self._start_s = now_s

    def elapsed_s(self, now_s: float) -> float:
        """Return the time since the start."""
        return 0.0 if self._start_s is None else now_s - self._start_s

    def say(self, kind: Kind, text: str, *, now_s: float, **values: object) -> None:
        """Add an event."""
        self.events.append(Event(self.elapsed_s(now_s), kind, text, values, self._pistol))

    def take(self) -> list[Event]:
        """Return the new events and forget them."""
        events, self.events = self.events, []
        return events
