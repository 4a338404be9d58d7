# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What a log has, before it is replayed: its pistols, their topics, its length."""

from collections.abc import Iterable
import dataclasses

from ...core.interface import codec
from ...core.interface.signals import DcPowerParameters
from ..decoding import decoded_batches
from ..entries import Entry, Gap, Sample
from .parameters import Told


@dataclasses.dataclass(slots=True)
class FoundPistol:
    """What a log has of one pistol."""

    namespace: str | None = None
    topics: dict[str, int] = dataclasses.field(default_factory=dict)
    """Name -> time of its last message, in ns."""
    installation: str | None = None
    told: Told = dataclasses.field(default_factory=Told)

    def see(self, sample: Sample) -> None:
        """Take a message of a topic."""
        self.namespace = sample.namespace
        self.topics[sample.topic] = max(
            sample.time_ns, self.topics.get(sample.topic, sample.time_ns))
        if sample.topic == 'stage_status':
            self.installation = getattr(sample.message, 'installation', None) or None


class Survey:
    """What a log has; it is read once."""

    def __init__(self, log: Iterable[Entry]) -> None:
        self.pistols: dict[int, FoundPistol] = {}
        """By index."""
        self.remarks: list[str] = []
        self.has_samples = False
        self.start_ns = 0
        """The time of the first entry."""
        self.length_s: float = 0
        self._nameless: dict[str, FoundPistol] = {}
        """By namespace: of these the index is not known."""
        first_ns: int | None = None
        last_ns = 0
        for batch in decoded_batches(log):
            for entry, decoded in batch:
                if isinstance(entry, Gap):
                    continue
                if first_ns is None:
                    first_ns = last_ns = entry.time_ns
                last_ns = max(last_ns, entry.time_ns)
                if isinstance(entry, Sample):
                    self._see(entry)
                elif isinstance(decoded, codec.Received):
                    self._hear(decoded)
        if first_ns is not None:
            self.start_ns, self.length_s = first_ns, (last_ns - first_ns) / 1e9
        self._settle()

    def _hear(self, received: codec.Received) -> None:
        pistol = self.pistols.setdefault(received.index, FoundPistol())
        if isinstance(received.message, DcPowerParameters):
            pistol.told = pistol.told.with_also(received.message)

    def _see(self, sample: Sample) -> None:
        self.has_samples = True
        if sample.index is not None:
            self.pistols.setdefault(sample.index, FoundPistol()).see(sample)
        else:
            self._nameless.setdefault(sample.namespace, FoundPistol()).see(sample)

    def _settle(self) -> None:
        """Join namespaces of which the index is not known to the one pistol, if it is one."""
        if len(self._nameless) == 1 and len(self.pistols) == 1:
            found, = self._nameless.values()
            index, pistol = next(iter(self.pistols.items()))
            if not pistol.topics:
                self.pistols[index] = dataclasses.replace(found, told=pistol.told)
                return
        for namespace in self._nameless:
            self.remarks.append(
                f'{namespace}: the index of the pistol is not known, its topics are left out')
        self._nameless.clear()

    def index_of(self, sample: Sample) -> int | None:
        """Return the pistol of a sample, ``None`` when it is not known."""
        if sample.index is not None:
            return sample.index
        if sample.namespace in self._nameless:
            return next(iter(self.pistols))
        return None
