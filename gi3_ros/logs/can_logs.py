"""Log files of CAN buses: candump, Vector ASC and BLF, PEAK TRC, and what python-can writes."""

import codecs
import functools
import gc
import io
import logging
import pathlib
import sqlite3
import struct
import sys

import can

from .entries import Heard, LogError, LOST, UNREADABLE
from .formats import csv
from .formats.asc import Asc
from .formats.blf import Blf
from .formats.candump import Candump, CandumpDeltas
from .formats.dates import code_page
from .formats.frames import (
    channel_name,
    FD,
    float_ns,
    LONGEST_DATA,
    Lost,
    make_frame,
    reason,
    TIME_LIMIT_NS,
)
from .formats.packing import DAMAGE, Source
from .formats.trc import Trc
from .reading import Log
from .writing import DATES_FROM_NS

_LONGEST_LINE = 4096
_HEAD = 1 << 16

_LINE_FORMATS = (*csv.READ, Trc, Asc, Candump)
_SUFFIXES = {'.log': Candump, '.asc': Asc, '.trc': Trc}


class Tally:
    """What an iteration meets that gives no entry."""

    def __init__(self):
        self.bad = 0
        self.first = ''
        self.fd = 0
        self.lost = 0
        """Places where the log itself says that frames are missing, .."""
        self.lost_frames = 0
        """.. and how many, where it says that."""
        self.remarks = ()
        """Sentences about what else was not understood; no frame is missing for that."""
        self.end = ''
        self.blf = None
        """The reader, which counts its damages itself."""

        self._places = 0
        """Bad and lost ones: one number, as it is asked for at each frame."""
        self._first_lost = ''
        self._is_lost_last = False

    @property
    def losses(self):
        return self._places + (self.blf.losses if self.blf else 0)

    @property
    def loss(self):
        return LOST if self._is_lost_last else UNREADABLE

    def add(self, what, number, line):
        """Count a line that gives no frame."""
        if what is _BAD:
            self.add_bad(f'line {number}', line)
        elif what is FD:
            self.fd += 1
        elif isinstance(what, Lost):
            self.add_lost(f'line {number}', what.frames)

    def add_lost(self, where, frames=0):
        if not self.lost:
            self._first_lost = where
        self.lost += 1
        self._places += 1
        self.lost_frames += frames
        self._is_lost_last = True

    def add_bad(self, where, what):
        if not self.bad:
            text = ' '.join(what.split())
            text = text if len(text) <= 60 else f'{text[:57]}...'
            self.first = f'{where}: {text!a}' if text else where
        self.bad += 1
        self._places += 1
        self._is_lost_last = False

    def sentences(self, noun):
        if self.bad:
            plural = ('s are', 'are') if self.bad > 1 else (' is', 'is')
            yield (f'{self.bad} {noun}{plural[0]} no frame and {plural[1]} left out, '
                   f'the first is {self.first}')
        if self.lost:
            count = f', {self.lost_frames} frames or more' if self.lost_frames else ''
            places = 'one place' if self.lost == 1 else f'{self.lost} places, the first'
            yield (f'the recorder lost frames in {places} at {self._first_lost}{count}: the log '
                   'says so')
        if self.fd:
            yield (f'{self.fd} frame{"s" if self.fd > 1 else ""} of CAN FD left out: the '
                   'interface is classic CAN')
        if self.end:
            yield self.end
        yield from self.remarks


_BAD = object()
"""Stands for a line that cannot be read."""


class CanLog(Log):
    """
    A log file of a CAN bus.

    :param channel: only what was heard there; formats that number their channels name them can0,
        can1, .. for 1, 2, ..
    :param source: :class:`~.formats.packing.Source` of the path, where there is one already
    :param blf_start: the clock of the start that a BLF file names, of
        :data:`~.formats.blf.START_CLOCKS`; without, what its writer uses
    :raises LogError: when nothing can be read from it
    """

    def __init__(self, path, *, channel=None, source=None, blf_start=None):
        super().__init__(path)
        self._channel = channel
        self._blf_start = blf_start
        try:
            self._source = source or Source(self.path)
            head = self._source.start(_HEAD)
        except DAMAGE as error:
            raise LogError(f'{path}: cannot be read: {reason(error)}') from None
        self._encoding = 'utf-16' if head.startswith(_UTF16) else code_page(head, Asc.dates)
        self._format = self._recognise(head)
        tally = Tally()
        # The first frame tells whether the times are dates; without one nothing is to be had.
        first = next(self._entries(tally), None)
        if first is None and (tally.bad or tally.end):
            words = '; '.join(tally.sentences(self._noun))
            lines = head.decode(self._encoding, 'replace').splitlines()
            if self._format is Candump and any(map(Candump.TIMELESS.match, lines)):
                words = 'its lines have no times: candump -L writes them'
            raise LogError(f'{path}: no frame can be read, taken for {self.kind}: {words}')
        self.has_dates = first is not None and first.time_ns >= DATES_FROM_NS
        self.problems = []
        self._tally = Tally()

    @property
    def losses(self):
        return self._tally.losses

    @property
    def loss(self):
        return self._tally.loss

    @property
    def is_damaged(self):
        # Frames of CAN FD are another bus's.
        return len(self.problems) > bool(self._tally.fd) + len(self._tally.remarks)

    def __iter__(self):
        self.problems.clear()
        tally = self._tally = Tally()
        entries = self._entries(tally)
        if self._channel is None:
            yield from entries
        else:
            yield from self._chosen(entries)
        self.problems.extend(tally.sentences(self._noun))

    def _chosen(self, entries):
        name, others, is_there = self._channel, set(), False
        if name.isdigit() and self._is_numbered:
            # Most count from 1, and can0 is the first one.
            name = channel_name(int(name) + 1 - getattr(self._format, 'FIRST_CHANNEL', 1))
        for entry in entries:
            if entry.channel == name:
                is_there = True
                yield entry
            elif len(others) < _CHANNELS:
                others.add(entry.channel)
        if not is_there:
            names = ', '.join(sorted(each or '(without a name)' for each in others))
            self.problems.append(f'nothing on channel {self._channel}, there is {names or "none"}')

    @property
    def _noun(self):
        return 'line' if isinstance(self._format, type) else 'frame'

    @property
    def _is_numbered(self):
        return self._format not in (Candump, CandumpDeltas, csv.PythonCanCsv)

    def _recognise(self, head):
        for magic, kind, read in (
                (b'LOGG', 'Vector BLF', self._blf), (b'MDF ', 'ASAM MF4', self._mf4),
                (b'SQLite format 3\0', 'python-can database', self._database)):
            if head.startswith(magic):
                self.kind = kind
                return read
        text = head.decode(self._encoding, 'replace')
        lines = text.splitlines()
        for line in lines[:_RECOGNISED]:
            for each in _LINE_FORMATS:
                if each.knows(line):
                    if each is Candump and CandumpDeltas.wrote(lines):
                        each = CandumpDeltas
                    self.kind = each.__name__ if each is Trc else each.kind
                    return each
        suffix = pathlib.PurePath(self._source.name).suffix.lower()
        words = '' if '\0' in text else csv.named(lines) or (
            csv.unknown(lines) if suffix == '.csv' else '')
        if words:
            raise LogError(f'{self.path}: {words}')
        by_suffix = _SUFFIXES.get(suffix)
        if by_suffix is None or '\0' in text:
            raise LogError(
                f'{self.path}: no log that is known here: neither candump, ASC, BLF, TRC, MF4, '
                'CSV, Parquet nor a bag')
        return by_suffix

    def _entries(self, tally):
        if not isinstance(self._format, type):
            return self._format(tally)
        return self._lines(tally)

    def _lines(self, tally):
        parser = self._format()
        parse = parser.parse
        number, is_kind_known = 0, False
        try:
            with self._source.open() as raw, io.TextIOWrapper(
                    raw, encoding=self._encoding, errors='replace') as file:
                lines = iter(functools.partial(file.readline, _LONGEST_LINE), '')
                for number, line in enumerate(lines, 1):
                    try:
                        entry = parse(line)
                    except (ValueError, OverflowError):
                        entry = _BAD
                    if line[-1] != '\n' and _is_cut(parser, line, entry):
                        tally.end = (f'the last line, {number}, has no end and is left out: what '
                                     'wrote the log was cut off in it')
                    elif type(entry) is Heard:
                        if not is_kind_known:
                            is_kind_known, self.kind = True, parser.kind
                        yield entry
                    elif entry is not None:
                        tally.add(entry, number, line)
        except (*DAMAGE, UnicodeError) as error:
            tally.end = f'ends after line {number}: {reason(error)}'
        tally.remarks = tuple(getattr(parser, 'problems', ()))
        self.kind = parser.kind

    def _blf(self, tally):
        with self._source.open() as file:
            try:
                reader = Blf(file, self._blf_start)
            except (*DAMAGE, struct.error) as error:
                tally.end = f'the header is damaged: {reason(error)}'
                return
            tally.blf = reader
            for entry in reader:
                if entry is FD:
                    tally.fd += 1
                else:
                    yield entry
            tally.end = '; '.join(reader.problems())

    def _database(self, tally):
        try:
            connection = sqlite3.connect(
                f'{self._source.plain().resolve().as_uri()}?mode=ro', uri=True)
        except sqlite3.Error as error:
            tally.end = f'the database cannot be opened: {reason(error)}'
            return
        try:
            rows = connection.execute(
                'SELECT ts, arbitration_id, extended, remote, error, data FROM messages '
                'ORDER BY rowid')
            for number, row in enumerate(rows, 1):
                try:
                    entry = _row(*row)
                except (ValueError, TypeError, OverflowError):
                    tally.add_bad(f'row {number}', '')
                    continue
                if entry is FD:
                    tally.fd += 1
                else:
                    yield entry
        except (sqlite3.Error, UnicodeError) as error:
            tally.end = f'the database cannot be read further: {reason(error)}'
        finally:
            connection.close()
        tally.end = '; '.join(filter(None, [tally.end, self._source.damage]))

    def _mf4(self, tally):
        hook = sys.unraisablehook
        try:
            # What it could not open, asammdf cannot close either, and Python would tell of that.
            sys.unraisablehook = lambda _: None
            reader = can.io.mf4.MF4Reader(str(self._source.plain()))
        except NotImplementedError:
            tally.end = 'MF4 needs asammdf: pip install asammdf'
            return
        except Exception as error:
            # A library of its own with errors of every sort: whatever it is, it is no MF4 to us.
            words = reason(error).replace(str(self._source.plain()), str(self.path))
            tally.end = f'damaged: {words}'
            return
        finally:
            gc.collect()
            sys.unraisablehook = hook
        yield from self._messages(reader, tally, float_ns, lambda: 'an unknown place')

    @staticmethod
    def _messages(reader, tally, to_ns, where):
        """Yield what a reader of python-can gives until it fails."""
        messages = iter(reader)
        while True:
            try:
                message = next(messages, None)
            except Exception as error:
                # Damaged bytes raise nearly anything there; what it was is said, and all is over.
                tally.end = f'damaged at {where()}, ends there: {reason(error)}'
                return
            if message is None:
                return
            if message.is_fd:
                tally.fd += 1
                continue
            try:
                time_ns = to_ns(message.timestamp)
                if not -TIME_LIMIT_NS < time_ns < TIME_LIMIT_NS:
                    raise ValueError('a time out of range')
                data = b'' if message.is_remote_frame else bytes(message.data)
                frame = make_frame(
                    message.arbitration_id, data, message.is_extended_id,
                    message.is_remote_frame, message.is_error_frame)
            except (ValueError, OverflowError):
                tally.add_bad(where(), '')
                continue
            channel = message.channel
            yield Heard(
                time_ns, frame,
                channel_name(channel + 1) if isinstance(channel, int) else channel or '',
                not message.is_rx)


def _is_cut(parser, line, entry):
    """Return whether a line without an end, which is the last one, cannot be trusted."""
    if entry is None or len(line) >= _LONGEST_LINE:
        return False
    is_whole = getattr(parser, 'is_whole', None)
    return entry is _BAD or (is_whole is not None and not is_whole(line))


_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_RECOGNISED = 200
"""Lines within which a format has to show."""
_CHANNELS = 20


def _row(seconds, can_id, is_extended, is_remote, is_error, data):
    data = b'' if is_remote or data is None else bytes(data)
    if len(data) > LONGEST_DATA:
        return FD
    frame = make_frame(can_id, data, bool(is_extended), bool(is_remote), bool(is_error))
    return Heard(float_ns(seconds), frame)


# They warn about what they leave out; here it is counted and said instead.
logging.getLogger('can.io').setLevel(logging.ERROR)
logging.getLogger('asammdf').setLevel(logging.CRITICAL)
