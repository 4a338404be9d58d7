"""
One way to write a log, whatever file it becomes.

The line formats are written here and not by python-can: its writers give a time that goes back the
time before it, leave remote and error frames out of TRC, and move the times of ASC by up to a
millisecond.
"""

import datetime
import pathlib
import re

from .entries import Heard, is_overflow, LogError

DATES_FROM_NS = 631_152_000 * 10**9
"""The year 1990: a time below is no date but counts from the start of the log."""
_ERROR_FLAG = 0x20000000
_BAGS = ('', '.mcap', '.db3')


class LogWriter:
    """
    What writes entries to a file as they come.

    :raises LogError: from every method, when the file cannot be written
    """

    def __init__(self, path):
        self.path = pathlib.Path(path)
        self.frames = 0
        self.samples_left_out = 0
        """Messages that are no frames: only a bag has a place for them."""
        self.problems = []
        """Sentences about what the format has no place for; complete once it is closed."""
        self._is_open = True

    def write(self, entry):
        """Add a :class:`~.entries.Heard`; a :class:`~.entries.Sample` is only counted."""
        if not isinstance(entry, Heard):
            self.samples_left_out += 1
            return
        self.frames += 1
        try:
            self._write(entry)
        except OSError as error:
            raise self._failed(error) from None

    def close(self):
        """Finish the file."""
        if not self._is_open:
            return
        self._is_open = False
        try:
            self._close()
        except OSError as error:
            raise self._failed(error) from None
        if self.samples_left_out:
            self.problems.append(
                f'{self.samples_left_out} messages that are no frames left out: only a bag has a '
                'place for them')

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _failed(self, error):
        return LogError(f'{self.path}: cannot be written: {error.strerror or error}')

    def _write(self, heard):
        raise NotImplementedError

    def _close(self):
        raise NotImplementedError


class ChannelNumbers:
    """The numbers of channels, for formats without names: can0 is 1, can1 is 2, and so on."""

    LIMIT = 250

    def __init__(self):
        self._numbers = {}

    def number(self, name):
        """Return the number of a channel; another name gets one that is free."""
        number = self._numbers.get(name)
        if number is None:
            number = self._numbers[name] = self._choose(name)
        return number

    def problems(self):
        """Say which names are not kept."""
        for name, number in self._numbers.items():
            if name and name != f'can{number - 1}':
                yield f'the format has no names of channels: {" ".join(name.split())} is {number}'

    def _choose(self, name):
        match = re.search(r'(\d{1,3})$', name)
        number = int(match[1]) + 1 if match and int(match[1]) < self.LIMIT else 1
        taken = set(self._numbers.values())
        return next((each for each in (number, *range(1, self.LIMIT)) if each not in taken), 1)


class StartTime:
    """
    The start of a log whose times count from it: the last full second before the first frame.

    Without a date (times from 0) it is 0.

    :param is_local: whether the file has the start in local time
    """

    def __init__(self, *, is_local=False):
        self.start_ns = None
        self._is_local = is_local
        self.last_ns = 0
        self._early = 0

    def offset_ns(self, time_ns):
        """Return a time since the start; a time before the start is the start."""
        if self.start_ns is None:
            self.start_ns = self._start_s(time_ns // 10**9) * 10**9
        offset_ns = time_ns - self.start_ns
        if offset_ns < 0:
            self._early += 1
            offset_ns = 0
        self.last_ns = offset_ns
        return offset_ns

    def _start_s(self, seconds):
        if seconds * 10**9 < DATES_FROM_NS:
            return 0
        if not self._is_local:
            return seconds
        # When summer time ends an hour comes twice, and readers take the first.
        return int(datetime.datetime.fromtimestamp(seconds).replace(fold=0).timestamp())

    def problems(self):
        """Say how many times are not kept."""
        if self._early:
            yield (f'{self._early} frames are from before the start of the log, where the format '
                   'has no times: they are at its start')


class _LineWriter(LogWriter):
    """A text format with a line for each frame."""

    _NEWLINE = '\n'

    def __init__(self, path):
        super().__init__(path)
        self._channels = ChannelNumbers()
        self._start = StartTime()
        self._emptied = 0
        self._file = open(  # noqa: SIM115 - it is open as long as the writer
            path, 'x', encoding='utf-8', newline=self._NEWLINE)

    def _close(self):
        self._file.close()
        self.problems += [*self._channels.problems(), *self._start.problems()]
        if self._emptied:
            self.problems.append(
                f'{self._emptied} error frames without what they say: the format keeps only that '
                'they were there')

    def _note_error(self, frame):
        if frame.can_id or frame.data:
            self._emptied += 1


class CandumpWriter(_LineWriter):
    """``candump -L``, with times to the microsecond."""

    def _write(self, heard):
        frame = heard.frame
        us = (heard.time_ns + 500) // 1000
        sign, us = ('-', -us) if us < 0 else ('', us)
        if frame.is_error:
            can_id = f'{frame.can_id & 0x1FFFFFFF | _ERROR_FLAG:08X}'
        else:
            can_id = f'{frame.can_id:0{8 if frame.is_extended else 3}X}'
        data = 'R' if frame.is_remote else frame.data.hex().upper()
        channel = '_'.join(heard.channel.split()) or 'can0'
        self._file.write(
            f'({sign}{us // 10**6}.{us % 10**6:06d}) {channel} {can_id}#{data} '
            f'{"T" if heard.is_sent else "R"}\n')


class AscWriter(_LineWriter):
    """Vector's text format, with times to the microsecond; its dates are local time."""

    def __init__(self, path):
        super().__init__(path)
        self._start = StartTime(is_local=True)
        self._has_header = False

    def _write(self, heard):
        us = (self._start.offset_ns(heard.time_ns) + 500) // 1000
        if not self._has_header:
            self._header(self._start.start_ns)
        frame = heard.frame
        channel = self._channels.number(heard.channel)
        if frame.is_error:
            self._note_error(frame)
            words = 'ErrorFrame'
        else:
            can_id = f'{frame.can_id:X}{"x" if frame.is_extended else ""}'
            if frame.is_remote:
                data = 'r'
            else:
                data = f'd {len(frame.data):x} {frame.data.hex(" ").upper()}'.rstrip()
            words = f'{can_id:15} {"Tx" if heard.is_sent else "Rx"}   {data}'
        time_s = f'{us // 10**6:4d}.{us % 10**6:06d}'
        if frame.is_error and is_overflow(frame):
            self._file.write(f'{time_s} CAN {channel} Status:rx queue overrun\n')
        self._file.write(f'{time_s} {channel}  {words}\n')

    def _header(self, start_ns):
        self._has_header = True
        when = datetime.datetime.fromtimestamp(start_ns // 10**9)
        # Not strftime: its names follow the language of the machine.
        date = (f'{_WEEKDAYS[when.weekday()]} {_MONTHS[when.month - 1]} {when.day:02d} '
                f'{when:%H:%M:%S}.000 {when.year}')
        self._file.write(
            f'date {date}\nbase hex  timestamps absolute\ninternal events logged\n'
            f'Begin Triggerblock {date}\n   0.000000 Start of measurement\n')

    def _close(self):
        if not self._has_header:
            self._header(0)
        self._file.write('End TriggerBlock\n')
        super()._close()


_WEEKDAYS = ('Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun')
_MONTHS = ('Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec')
_EPOCH_DAYS = 25569
"""From the day 0 of PEAK's files, the 30th of December 1899."""


class TrcWriter(_LineWriter):
    """PEAK's text format, version 2.1, with times to the microsecond; its dates are UTC."""

    _NEWLINE = '\r\n'

    def __init__(self, path):
        super().__init__(path)
        self._has_header = False

    def _write(self, heard):
        us = (self._start.offset_ns(heard.time_ns) + 500) // 1000
        if not self._has_header:
            self._header(self._start.start_ns)
        frame = heard.frame
        sort, can_id, length = 'DT', f'{frame.can_id:0{8 if frame.is_extended else 4}X}', 0
        data = ''
        if frame.is_error:
            self._note_error(frame)
            sort, can_id = 'ER', '-'
        elif frame.is_remote:
            sort = 'RR'
        else:
            length, data = len(frame.data), frame.data.hex(' ').upper()
        channel = self._channels.number(heard.channel)
        begin = f'{self.frames:7d} {us // 1000:9d}.{us % 1000:03d}'
        row = (
            f'{begin} {sort} {channel:2d} {can_id:>8} '
            f'{"Tx" if heard.is_sent else "Rx"} -  {length:<4} {data}')
        if frame.is_error and is_overflow(frame):
            self._file.write(f'{begin} ST {channel:2d} {"-":>8} Rx -  4    00 00 00 02\n')
        self._file.write(f'{row.rstrip()}\n')

    def _header(self, start_ns):
        self._has_header = True
        seconds = start_ns // 10**9
        # Fifteen digits of a day are less than a nanosecond.
        part = seconds % 86_400 * 10**15 // 86_400
        when = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
        self._file.write(
            ';$FILEVERSION=2.1\n'
            f';$STARTTIME={seconds // 86_400 + _EPOCH_DAYS}.{part:015d}\n'
            ';$COLUMNS=N,O,T,B,I,d,R,L,D\n'
            f';\n;   Start time: {when:%Y-%m-%d %H:%M:%S} UTC\n'
            ';   Number, offset in ms, type, bus, identifier, direction, reserved, length, data\n'
            ';---+-- ------+------ +- +- --+----- +- +- +--- +- -- -- -- -- -- -- --\n')

    def _close(self):
        if not self._has_header:
            self._header(0)
        super()._close()


def open_writer(path):
    """
    Begin a log; what it becomes follows from the suffix.

    What was written is in the file at once, but for what the system buffers: a log that is cut
    short by a crash can be read as far as it goes (BLF and Parquet in blocks).

    It begins where nothing is yet; :mod:`.output` replaces what is there.

    :returns: :class:`LogWriter`, or a writer of bags with the same methods
    :raises LogError: when it cannot be written
    """
    path = pathlib.Path(path)
    suffix = path.suffix.lower()
    if suffix in _BAGS:
        return _bag_writer(path)
    writer = _writer_class(suffix)
    if writer is None:
        raise LogError(
            f'{path}: {suffix} is no log that can be written; there are {", ".join(SUFFIXES)}')
    try:
        return writer(path)
    except FileExistsError:
        raise LogError(f'{path}: the file is there already') from None
    except OSError as error:
        raise LogError(f'{path}: cannot be written: {error.strerror or error}') from None


SUFFIXES = ('.log', '.asc', '.blf', '.trc', '.csv', '.parquet', '.mcap', '.db3')


def _writer_class(suffix):
    # Libraries of the other formats take a while to load.
    if suffix == '.blf':
        from .formats.blf import BlfWriter
        return BlfWriter
    if suffix == '.csv':
        from .tables import CsvWriter
        return CsvWriter
    if suffix == '.parquet':
        from .tables import ParquetWriter
        return ParquetWriter
    return {'.log': CandumpWriter, '.asc': AscWriter, '.trc': TrcWriter}.get(suffix)


def _bag_writer(path):
    from .bag_writer import BagWriter
    return BagWriter(path)
