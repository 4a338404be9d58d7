"""What a log consists of, whatever file it comes from."""

import dataclasses

from ..core.interface import codec
from ..core.interface.frame import Frame

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


UNREADABLE = 'something could not be read'
LOST = 'the recorder lost frames'


@dataclasses.dataclass(frozen=True, slots=True)
class Gap:
    """Stands before an entry before which something of the log is missing."""

    time_ns: int
    """Of that entry."""
    words: str = UNREADABLE
    """Why; empty where another one beside it says it."""


def decoded_batches(log, notes=None):
    """
    Yield lists of ``(entry, decoded)`` in the order of a log.

    ``decoded`` is what :func:`~gi3_ros.core.interface.codec.decode` makes of a :class:`Heard`,
    ``None`` for a :class:`Sample` and for a :class:`Gap`. In batches because reading, decoding
    and judging in turns for each frame takes half as long again: neither stays in the caches of
    the processor.

    Stamps that cannot be are put right (:mod:`.clocks`).

    :param log: :class:`~.reading.Log`, or any other source of entries
    :param notes: list that takes ``(time_ns, sentence)`` of what was put right
    :raises LogError: when one message of one pistol is on two buses: these are two pistols, or
        one that is heard twice, and whoever judges them as one accuses the innocent
    """
    from .clocks import straightened
    batch, decoded = [], _Decoder()
    try:
        for entry in straightened(_with_gaps(log), [] if notes is None else notes):
            batch.append(entry)
            if len(batch) >= BATCH:
                yield decoded(batch)
                batch = []
    except LogError:
        yield decoded(batch, is_last=True)
        raise
    last = decoded(batch, is_last=True)
    if decoded.overflows and hasattr(log, 'problems'):
        log.problems.append(decoded.sentence())
    yield last


def _with_gaps(log):
    """Yield the entries of a log, and before some of them that something could not be read."""
    losses = getattr(log, 'losses', 0)
    for entry in log:
        if getattr(log, 'losses', 0) != losses:
            losses = log.losses
            yield Gap(entry.time_ns, getattr(log, 'loss', UNREADABLE))
        yield entry


class _Decoder:
    """Makes batches of entries, with what is decoded of each."""

    _HELD = 4
    """Entries that wait for the next batch: a loss may lie before them."""

    _KNOWN = 1024
    """Frames whose message is kept: most of a log is what was said before."""

    def __init__(self):
        self.overflows = 0
        self._messages = {}
        self._first_ns = self._overflow_ns = None
        self._channels = {}
        self._held = []

    def sentence(self):
        places = 'place' if self.overflows == 1 else 'places, the first'
        after_s = (self._overflow_ns - self._first_ns) / 1e9
        return (f'the recorder lost frames in {self.overflows} {places} {after_s:.3f} s after the '
                'first frame: its error frames say so (rx-overflow)')

    def __call__(self, entries, *, is_last=False):
        batch, channels = self._held, self._channels
        if self._first_ns is None and entries:
            self._first_ns = entries[0].time_ns
        for entry in entries:
            decoded = None
            if isinstance(entry, Heard):
                frame, channel = entry.frame, entry.channel
                decoded = self._decode(frame)
                if decoded.index:
                    if channels.setdefault(frame.can_id, channel) != channel:
                        self._refuse(frame.can_id, decoded.index, channel)
                elif frame.is_error and is_overflow(frame):
                    self._note_overflow(entry.time_ns)
                    self._part(batch)
                    batch.append((Gap(entry.time_ns, LOST), None))
            elif isinstance(entry, Gap) and entry.words == LOST:
                self._part(batch)
            batch.append((entry, decoded))
        self._held = [] if is_last else batch[-self._HELD:]
        return batch if is_last else batch[:-self._HELD]

    def _decode(self, frame):
        if frame.is_error or frame.is_remote or not frame.is_extended:
            return codec.decode(frame)
        key = frame.can_id, frame.data
        decoded = self._messages.get(key)
        if decoded is None:
            decoded = codec.decode(frame)
            if len(self._messages) >= self._KNOWN:
                self._messages.clear()
            self._messages[key] = decoded
        return decoded

    @classmethod
    def _part(cls, batch):
        """
        Put a gap where the last entries were silent for longest.

        Some adapters tell of a loss behind the frame that follows it (gs_usb does).
        """
        places = range(max(1, len(batch) - cls._HELD + 1), len(batch))
        if places:
            at = max(places, key=lambda at: batch[at][0].time_ns - batch[at - 1][0].time_ns)
            batch.insert(at, (Gap(batch[at][0].time_ns, ''), None))

    def _note_overflow(self, time_ns):
        self.overflows += 1
        if self._overflow_ns is None:
            self._overflow_ns = time_ns

    def _refuse(self, can_id, index, channel):
        names = ' and '.join(
            each or 'one without a name' for each in (self._channels[can_id], channel))
        raise LogError(f'pistol {index} is on two buses, {names}: choose one with --channel')


def is_overflow(frame):
    """
    Return whether an error frame of SocketCAN says that the receive buffer overflowed.

    ``CAN_ERR_CRTL`` with ``CAN_ERR_CRTL_RX_OVERFLOW``; such frames have 8 bytes, and their
    identifier is the class of the error (``linux/can/error.h``).
    """
    return bool(frame.can_id < 0x400 and frame.can_id & 0x004 and len(frame.data) == 8
                and frame.data[1] & 0x01)
