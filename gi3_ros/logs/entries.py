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


def decoded_batches(log):
    """
    Yield lists of ``(entry, decoded)`` in the order of a log.

    ``decoded`` is what :func:`~gi3_ros.core.codec.decode` makes of a :class:`Heard`, ``None`` for
    a :class:`Sample`. In batches because reading, decoding and judging in turns for each frame
    takes half as long again: neither stays in the caches of the processor.
    """
    batch = []
    try:
        for entry in log:
            batch.append(entry)
            if len(batch) == BATCH:
                yield _decoded(batch)
                batch = []
    except LogError:
        yield _decoded(batch)
        raise
    yield _decoded(batch)


def _decoded(entries):
    return [
        (entry, codec.decode(entry.frame) if isinstance(entry, Heard) else None)
        for entry in entries]
