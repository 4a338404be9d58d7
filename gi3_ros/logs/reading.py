"""One way to open a log, whatever file it is."""

import contextlib
import pathlib
import shlex
import sqlite3

from .entries import LogError, UNREADABLE
from .formats.packing import DAMAGE, Source

_MCAP = b'\x89MCAP0\r\n'
_ROS_1 = b'#ROSBAG V'
_PARQUET = b'PAR1'
_SQLITE = b'SQLite format 3\0'
_BAG_SUFFIXES = ('.mcap', '.db3')


class Log:
    """
    Entries in the order of a file; iterating twice reads the file twice.

    :param kind: what sort of file it is, in words
    """

    def __init__(self, path, kind=''):
        self.path = pathlib.Path(path)
        self.kind = kind
        self.problems = []
        """Sentences about what could not be read; complete once an iteration has ended."""
        self.has_dates = False
        """Whether times count since the epoch; otherwise since the start of the log."""

    @property
    def losses(self):
        """In how many places, up to the entry given last, something could not be read."""
        return 0

    @property
    def loss(self):
        """Why something is missing in the last of these places, in words."""
        return UNREADABLE

    @property
    def is_damaged(self):
        """Whether what could not be read may have been of the interface; as ``problems``."""
        return bool(self.problems)

    def __iter__(self):
        """Yield :class:`~.entries.Heard` and :class:`~.entries.Sample`."""
        raise NotImplementedError


def open_log(path, *, channel=None, pistols=None, blf_start=None):
    """
    Open a CAN log, a table or a bag; the content decides, then the suffix.

    :param channel: only what was heard on this bus; all of them without
    :param pistols: pistol indices by namespace, for bags of typed topics that do not tell
    :param blf_start: 'local' or 'utc', the clock of the start that a BLF file names; without,
        what its writer uses
    :returns: :class:`Log`
    :raises LogError: when nothing can be read from it
    """
    path = pathlib.Path(path)
    try:
        if path.is_dir():
            return _open_bag(path, channel, pistols)
        source, head = _start(path)
    except FileNotFoundError:
        raise LogError(f'{path}: there is no such file') from None
    except (*DAMAGE, ValueError) as error:
        raise LogError(f'{path}: cannot be read: {_reason(error)}') from None
    if head.startswith(_MCAP) or pathlib.Path(source.name).suffix.lower() in _BAG_SUFFIXES or (
            head == _SQLITE and _is_bag(source.plain())):
        return _open_bag(path, channel, pistols)
    if pistols:
        raise LogError(f'{path}: it is no bag, its frames have the index of their pistol')
    if head.startswith(_PARQUET) or head.lstrip(b'\xef\xbb\xbf"').startswith(b'time_ns'):
        from .tables import Table
        return Table(path, channel=channel, source=source)
    from .can_logs import CanLog
    return CanLog(path, channel=channel, source=source, blf_start=blf_start)


def _start(path):
    """Return the content of a file and its first bytes."""
    if path.exists() and not path.is_file():
        raise LogError(f'{path}: is no file: save what comes out of a pipe in one first')
    source = Source(path)
    head = source.start(len(_SQLITE))
    if not head:
        raise LogError(f'{path}: the file is empty')
    if head.startswith(_ROS_1):
        if source.is_packed:
            raise LogError(f'{path}: a packed bag of ROS 1: unpack it first')
        target = path.with_suffix('') if path.suffix else path.with_name(f'{path.name}_ros2')
        names = ' --dst '.join(shlex.quote(str(each)) for each in (path, target))
        raise LogError(f'{path}: a bag of ROS 1: rosbags-convert --src {names} makes one of ROS 2 '
                       'of it, which is read')
    return source, head


def _is_bag(path):
    """Return whether a database is of rosbag2; python-can writes others."""
    try:
        with contextlib.closing(sqlite3.connect(
                f'{path.resolve().as_uri()}?mode=ro', uri=True)) as connection:
            return bool(connection.execute(
                "SELECT 1 FROM sqlite_master WHERE name = 'topics'").fetchall())
    except sqlite3.Error:
        return False


def _open_bag(path, channel, pistols):
    from .bags import Bag
    return Bag(path, channel=channel, pistols=pistols)


def _reason(error):
    return getattr(error, 'strerror', None) or str(error)
