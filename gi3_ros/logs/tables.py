"""
Tables of a log, CSV and Parquet: a row for each frame, for pandas and for spreadsheets.

The first columns are the frame as it was, the others what it means: a table can be read again and
nothing of the bus is lost.
"""

import csv
import datetime
import functools
import io
import itertools

import pyarrow
from pyarrow import parquet

from ..core.interface import codec
from ..core.interface.frame import Frame
from ..core.interface.signals import MESSAGES
from .entries import Heard, LogError
from .formats.packing import DAMAGE, Source
from .reading import Log
from .writing import DATES_FROM_NS, LogWriter

RAW_COLUMNS = ('time_ns', 'channel', 'direction', 'can_id', 'is_extended', 'is_remote',
               'is_error', 'data')
"""What a table is read from; the others follow from these."""
_ROWS = 1 << 14
"""Frames of one row group."""
_LONGEST_DATA = 8
_LONGEST_FIELD = 1 << 16

_HEAD_TYPES = {
    'time_ns': pyarrow.int64(),
    'time': pyarrow.timestamp('ns', 'UTC'),
    'time_s': pyarrow.float64(),
    'channel': pyarrow.string(),
    'direction': pyarrow.string(),
    'pistol': pyarrow.int8(),
    'message': pyarrow.string(),
    'can_id': pyarrow.uint32(),
    'is_extended': pyarrow.bool_(),
    'is_remote': pyarrow.bool_(),
    'is_error': pyarrow.bool_(),
    'data': pyarrow.binary(),
    'problem': pyarrow.string(),
}


def _signal_columns():
    """Yield ``(name, message class, signal)`` for every signal of the interface."""
    for message_class in MESSAGES.values():
        for signal in message_class.SIGNALS:
            yield f'{message_class.NAME}.{signal.name}', message_class, signal


COLUMNS = (*_HEAD_TYPES, *(name for name, _, _ in _signal_columns()))
"""All columns, in their order."""


def _meaning(received):
    """Return the values of a message's columns."""
    message = received.message
    for signal in message.SIGNALS:
        value = getattr(message, signal.field)
        if signal.enum is not None:
            # An undefined label is its number, in a column of words.
            value = signal.labels.get(int(value), str(int(value)))
        yield value


def _problem(decoded):
    """Say why a frame gives no message that may be used; empty where it does."""
    if isinstance(decoded, codec.Rejected):
        return f'{decoded.kind.value}: {decoded.text}'
    if decoded.undefined:
        return f'undefined: {", ".join(decoded.undefined)}'
    return ''


def _names(decoded):
    if isinstance(decoded, codec.Received):
        return decoded.index, decoded.message.NAME
    if decoded.message_class is not None:
        return decoded.index, decoded.message_class.NAME
    return None, None


class CsvWriter(LogWriter):
    """A CSV file; identifiers and data begin with 0x, so that nobody takes them for numbers."""

    def __init__(self, path):
        super().__init__(path)
        self._file = open(  # noqa: SIM115 - it is open as long as the writer
            path, 'x', encoding='utf-8', newline='')
        self._writer = csv.writer(self._file, lineterminator='\n')
        self._writer.writerow(COLUMNS)
        self._first_ns = None
        self._blank = {
            message_class.NAME: [''] * at for message_class, at in _places().items()}
        self._length = len(COLUMNS) - len(_HEAD_TYPES)

    def _write(self, heard):
        frame, time_ns = heard.frame, heard.time_ns
        if self._first_ns is None:
            self._first_ns = time_ns
        decoded = codec.decode(frame)
        index, name = _names(decoded)
        row = [
            # A row is a line: that is what can be read again after a damage.
            time_ns, _iso(time_ns), _decimal(time_ns - self._first_ns),
            ' '.join(heard.channel.splitlines()),
            'tx' if heard.is_sent else 'rx', index, name,
            f'0x{frame.can_id:0{8 if frame.is_extended else 3}X}', int(frame.is_extended),
            int(frame.is_remote), int(frame.is_error), f'0x{frame.data.hex().upper()}',
            _problem(decoded)]
        if isinstance(decoded, codec.Received):
            row += self._blank[name]
            row += (int(value) if value is True or value is False else value
                    for value in _meaning(decoded))
        row += [''] * (len(COLUMNS) - len(row))
        self._writer.writerow(row)

    def _close(self):
        self._file.close()


def _places():
    """Return where the columns of each message begin, after those of the frame."""
    at, places = 0, {}
    for message_class in MESSAGES.values():
        places[message_class] = at
        at += len(message_class.SIGNALS)
    return places


def _iso(time_ns):
    """Return a date in UTC with all its digits; empty for a time without a date."""
    if time_ns < DATES_FROM_NS:
        return ''
    return f'{_iso_second(time_ns // 10**9)}.{time_ns % 10**9:09d}Z'


@functools.lru_cache(maxsize=8)
def _iso_second(seconds):
    return datetime.datetime.fromtimestamp(
        seconds, datetime.timezone.utc).strftime('%Y-%m-%dT%H:%M:%S')


def _decimal(time_ns):
    sign, time_ns = ('-', -time_ns) if time_ns < 0 else ('', time_ns)
    return f'{sign}{time_ns // 10**9}.{time_ns % 10**9:09d}'


def _arrow_type(signal):
    if signal.enum is not None:
        return pyarrow.string()
    return pyarrow.bool_() if signal.is_flag else pyarrow.float64()


def _schema():
    fields = [pyarrow.field(name, arrow_type) for name, arrow_type in _HEAD_TYPES.items()]
    fields += [
        pyarrow.field(
            name, _arrow_type(signal), metadata={'unit': signal.unit} if signal.unit else None)
        for name, _, signal in _signal_columns()]
    return pyarrow.schema(fields)


class ParquetWriter(LogWriter):
    """A Parquet file in row groups; each signal has its unit in the metadata of its column."""

    def __init__(self, path):
        super().__init__(path)
        self._schema = _schema()
        self._file = open(path, 'xb')  # noqa: SIM115 - it is open as long as the writer
        self._writer = parquet.ParquetWriter(self._file, self._schema)
        self._first_ns = None
        self._empty()

    def _empty(self):
        self._head = []
        self._rows = {}
        """For each message: the numbers of its rows, and its values."""

    def _write(self, heard):
        frame, time_ns = heard.frame, heard.time_ns
        if self._first_ns is None:
            self._first_ns = time_ns
        decoded = codec.decode(frame)
        index, name = _names(decoded)
        if isinstance(decoded, codec.Received):
            numbers, values = self._rows.setdefault(name, ([], []))
            numbers.append(len(self._head))
            values.append(tuple(_meaning(decoded)))
        self._head.append((
            time_ns, time_ns if time_ns >= DATES_FROM_NS else None,
            (time_ns - self._first_ns) / 1e9, heard.channel, 'tx' if heard.is_sent else 'rx',
            index, name, frame.can_id, frame.is_extended, frame.is_remote, frame.is_error,
            frame.data, _problem(decoded) or None))
        if len(self._head) == _ROWS:
            self._flush()

    def _flush(self):
        count = len(self._head)
        arrays = [
            pyarrow.array(column, arrow_type)
            for column, arrow_type in zip(
                zip(*self._head, strict=True), _HEAD_TYPES.values(), strict=True)]
        for message_class in MESSAGES.values():
            numbers, values = self._rows.get(message_class.NAME, ((), ()))
            places = [None] * count
            for place, number in enumerate(numbers):
                places[number] = place
            places = pyarrow.array(places, pyarrow.int32())
            columns = zip(*values, strict=True) if values else itertools.repeat(())
            for signal, column in zip(message_class.SIGNALS, columns, strict=False):
                arrow_type = _arrow_type(signal)
                arrays.append(
                    pyarrow.array(column, arrow_type).take(places) if values
                    else pyarrow.nulls(count, arrow_type))
        self._writer.write_table(pyarrow.Table.from_arrays(arrays, schema=self._schema))
        self._empty()

    def _close(self):
        try:
            if self._head:
                self._flush()
            self._writer.close()
        finally:
            self._file.close()


class Table(Log):
    """
    A table written here, read again: the frames that it was made from.

    :param channel: only what was heard there
    :param source: :class:`~.formats.packing.Source` of the path, where there is one already
    :raises LogError: when nothing can be read from it
    """

    def __init__(self, path, *, channel=None, source=None):
        super().__init__(path)
        self._channel = channel
        self._source = source or Source(self.path)
        is_parquet = self._source.start(4) == b'PAR1'
        self.kind = 'Parquet' if is_parquet else 'CSV'
        self._rows = self._parquet_rows if is_parquet else self._csv_rows
        self._bad = bad = []
        first = next(self._entries(bad), None)
        if first is None and bad:
            raise LogError(f'{path}: no frame can be read from this {self.kind}: {bad[0]}')
        self.has_dates = first is not None and first.time_ns >= DATES_FROM_NS

    @property
    def losses(self):
        return sum(self._bad[1:], start=min(len(self._bad), 1))

    def __iter__(self):
        self.problems.clear()
        self._bad, count, names = [], 0, set()
        bad = self._bad
        for entry in self._entries(bad):
            if self._channel in (None, entry.channel):
                count += 1
                yield entry
            elif len(names) < 20:
                names.add(entry.channel)
        if self._channel is not None and not count:
            self.problems.append(
                f'nothing on channel {self._channel}, there is {", ".join(sorted(names))}')
        if bad:
            self.problems.append(bad[0] if len(bad) == 1 else f'{bad[0]}, and {bad[1]} more')

    def _entries(self, bad):
        """
        Yield what is good.

        :param bad: gets words about the first bad row, and the number of further ones
        """
        for number, row in self._rows(bad):
            try:
                yield _heard(row)
            except (ValueError, TypeError, KeyError, OverflowError, AttributeError):
                _add_bad(bad, f'row {number} is no frame')

    def _csv_rows(self, bad):
        number = 1
        try:
            # A damaged file may have NUL bytes and fields without end.
            with self._source.open() as raw, io.TextIOWrapper(
                    raw, encoding='utf-8-sig', errors='replace', newline='') as file:
                lines = iter(lambda: file.readline(_LONGEST_FIELD), '')
                header = next(csv.reader([next(lines, '')]), [])
                places = {name: header.index(name) for name in RAW_COLUMNS if name in header}
                if len(places) < len(RAW_COLUMNS):
                    missing = ', '.join(set(RAW_COLUMNS) - set(places))
                    _add_bad(bad, f'a column is missing: {missing}')
                    return
                for number, line in enumerate(lines, 2):
                    row = _split(line)
                    if row is None or len(row) <= max(places.values()):
                        if line.strip():
                            _add_bad(bad, f'row {number} is no frame')
                        continue
                    yield number, {name: row[place] for name, place in places.items()}
        except (*DAMAGE, csv.Error) as error:
            _add_bad(bad, f'ends after row {number}: {" ".join(str(error).split())}')

    def _parquet_rows(self, bad):
        number = 0
        try:
            # By an open file: Arrow takes no name that is not UTF-8.
            with self._source.plain().open('rb') as plain, parquet.ParquetFile(plain) as file:
                missing = set(RAW_COLUMNS) - set(file.schema_arrow.names)
                if missing:
                    _add_bad(bad, f'a column is missing: {", ".join(sorted(missing))}')
                    return
                for batch in file.iter_batches(_ROWS, columns=list(RAW_COLUMNS)):
                    names = batch.schema.names
                    for values in zip(*(each.to_pylist() for each in batch.columns), strict=True):
                        number += 1
                        yield number, dict(zip(names, values, strict=True))
        except (OSError, ValueError, TypeError, OverflowError, MemoryError,
                pyarrow.ArrowException) as error:
            reason = ' '.join(str(error).split())[:200]
            _add_bad(bad, f'damaged, ends after row {number}: {reason}')


def _split(line):
    try:
        return next(csv.reader(io.StringIO(line, newline='')), None)
    except csv.Error:
        return None


def _add_bad(bad, words):
    if not bad:
        bad.append(words)
    elif len(bad) == 1:
        bad.append(1)
    else:
        bad[1] += 1


_TRUE, _FALSE = (True, '1', 'True', 'true', 'TRUE'), (False, '0', 'False', 'false', 'FALSE')


def _flag(value):
    if value in _TRUE:
        return True
    if value in _FALSE:
        return False
    raise ValueError(f'{value!r} is no flag')


def _heard(row):
    """
    Return the entry of a row, of CSV (strings) or Parquet (values).

    :raises ValueError: when the row is no frame
    """
    can_id, data, time_ns = row['can_id'], row['data'], int(row['time_ns'])
    if isinstance(can_id, str):
        can_id = int(can_id, 16)
    if isinstance(data, str):
        if data[:2] != '0x':
            raise ValueError('data without 0x')
        data = bytes.fromhex(data[2:])
    frame = Frame(can_id, bytes(data), _flag(row['is_extended']), _flag(row['is_remote']),
                  _flag(row['is_error']))
    is_long = frame.is_extended or frame.is_error
    if not 0 <= can_id < 1 << (29 if is_long else 11) or len(data) > _LONGEST_DATA:
        raise ValueError('no frame of classic CAN')
    if not -1 << 63 <= time_ns < 1 << 63 or row['direction'] not in ('rx', 'tx'):
        raise ValueError('no time or direction')
    return Heard(time_ns, frame, str(row['channel']), row['direction'] == 'tx')
