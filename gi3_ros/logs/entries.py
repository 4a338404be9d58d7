"""What a log consists of, whatever file it comes from."""

import dataclasses

from ..core import codec
from ..core.frame import Frame

BATCH = 64
"""Entries that are read before they are judged."""


class LogError(Exception):
    """A file that cannot be read or written at all; the text is one sentence, with what to do."""


@dataclasses.dataclass(frozen=True, slots=True)
class Heard:
    """One frame that was on the bus."""

    time_ns: int
    """Since the epoch; since the start of the log where the log has no date."""
    frame: Frame
    channel: str = ''
    """The bus, where the log names one."""
    is_sent: bool = False
    """Whether the machine that wrote the log sent it."""

    @property
    def time_s(self):
        """The time in seconds, to the microsecond for times since the epoch."""
        return self.time_ns / 1e9


@dataclasses.dataclass(frozen=True, slots=True)
class Sample:
    """One message of a topic that is not a frame: of the hardware edge, or a word of our nodes."""

    time_ns: int
    """When it was recorded, since the epoch."""
    namespace: str
    """Of the pistol, without slashes at the ends: 'pistol1', 'depot/cell2/ccs'."""
    topic: str
    """Its name within the namespace, such as 'power_setpoint'."""
    message: object
    """With the fields of the ROS message of the topic's type, ``header`` included."""
    index: int | None = None
    """Pistol index on the bus that belongs to the namespace, as far as it is known."""


@dataclasses.dataclass(frozen=True, slots=True)
class Gap:
    """Stands before an entry before which something of the log could not be read."""

    time_ns: int
    """Of that entry."""


def decoded_batches(log, notes=None):
    """
    Yield lists of ``(entry, decoded)`` in the order of a log.

    ``decoded`` is what :func:`~gi3_ros.core.codec.decode` makes of a :class:`Heard`, ``None`` for
    a :class:`Sample` and for a :class:`Gap`. In batches because reading, decoding and judging in
    turns for each frame takes half as long again: neither stays in the caches of the processor.

    Stamps that cannot be are put right (:mod:`.clocks`).

    :param log: :class:`~.reading.Log`, or any other source of entries
    :param notes: list that takes ``(time_ns, sentence)`` of what was put right
    :raises LogError: when one message of one pistol is on two buses: these are two pistols, or
        one that is heard twice, and whoever judges them as one accuses the innocent
    """
    from .clocks import straightened
    batch, channels = [], {}
    try:
        for entry in straightened(_with_gaps(log), [] if notes is None else notes):
            batch.append(entry)
            if len(batch) >= BATCH:
                yield _decoded(batch, channels)
                batch = []
    except LogError:
        yield _decoded(batch, channels)
        raise
    yield _decoded(batch, channels)


def _with_gaps(log):
    """Yield the entries of a log, and before some of them that something could not be read."""
    losses = getattr(log, 'losses', 0)
    for entry in log:
        if getattr(log, 'losses', 0) != losses:
            losses = log.losses
            yield Gap(entry.time_ns)
        yield entry


def _decoded(entries, channels):
    batch = []
    for entry in entries:
        decoded = None
        if isinstance(entry, Heard):
            frame, channel = entry.frame, entry.channel
            decoded = codec.decode(frame)
            if decoded.index is not None and (
                    channels.setdefault(frame.can_id, channel) != channel):
                names = ' and '.join(
                    each or 'one without a name' for each in (channels[frame.can_id], channel))
                raise LogError(
                    f'pistol {decoded.index} is on two buses, {names}: choose one with --channel')
        batch.append((entry, decoded))
    return batch
