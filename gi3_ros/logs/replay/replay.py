# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
A recorded session, fed into what power_control and precharge decide today.

The cores are those of the nodes, ticked as the nodes tick them, on the time of the log: as fast
as the machine can, and twice the same. There is no bus here and no topic: what comes out is
compared with what was decided then (:mod:`.comparison`), and nothing else.
"""

from collections.abc import Iterable
import dataclasses

from ...core.interface import codec
from ..entries import Entry, Heard, Sample
from .comparison import Difference
from .order import as_known, as_recorded, stamp_ns
from .parameters import ParameterFile
from .pistol import Replay
from .survey import Survey

SILENT_S = 1.0
"""An input that is not in so much of the end of a log is worth a remark."""
_INPUTS = ('power_measurement', 'contactor_feedback')


@dataclasses.dataclass(slots=True)
class Outcome:
    """What came of a log."""

    replays: list[Replay]
    """One for each pistol that was heard."""
    remarks: list[str]
    seconds: float
    """How long the log is."""
    start_ns: int
    """The time of its first entry."""

    @property
    def is_same(self) -> bool:
        """Whether today decides as then, wherever that is known, and all could be judged."""
        return not self.differences and self.is_judged and any(
            each.comparison.compared_s > 0 for each in self.replays)

    @property
    def is_judged(self) -> bool:
        """Whether the limits of then are known of every pistol."""
        return not any(each.comparison.not_judged for each in self.replays)

    @property
    def differences(self) -> list[Difference]:
        """All differences, of all pistols."""
        return [each for replay in self.replays for each in replay.comparison.differences]


def replay(log: Iterable[Entry], parameter_file: ParameterFile | None = None) -> Outcome:
    """
    Feed a log to the cores of today.

    The log is read twice: what it has decides what has to be derived.

    :param log: what :func:`~..reading.open_log` returns, or any iterable that can be read twice
    :param parameter_file: the defaults without
    :raises LogError: for parameters that are unusable
    """
    survey = Survey(log)
    replays = _replays(survey, parameter_file or ParameterFile())
    start_ns = survey.start_ns
    for known_ns, entry in as_known(log) if survey.has_samples else as_recorded(log):
        time_s = (known_ns - start_ns) / 1e9
        if isinstance(entry, Heard):
            received = codec.decode(entry.frame)
            if isinstance(received, codec.Received):
                replays[received.index].hear(received, time_s)
        elif isinstance(entry, Sample):
            index = survey.index_of(entry)
            if index is not None:
                true_ns = stamp_ns(entry)
                replays[index].take(
                    entry, time_s, None if true_ns is None else (true_ns - start_ns) / 1e9)
    for each in replays.values():
        each.end(survey.length_s)
    return Outcome(list(replays.values()), survey.remarks, survey.length_s, start_ns)


def _replays(survey: Survey, parameter_file: ParameterFile) -> dict[int, Replay]:
    """Return what replays each pistol, by index."""
    replays = {}
    for index, found in sorted(survey.pistols.items()):
        namespace = found.namespace or parameter_file.namespace_of(index) or f'pistol{index}'
        replays[index] = Replay(
            namespace, index, found.topics,
            parameter_file.of(
                namespace, index, installation=found.installation, told=found.told))
        for topic, last_ns in found.topics.items():
            silent_s = survey.length_s - (last_ns - survey.start_ns) / 1e9
            if topic in _INPUTS and silent_s > SILENT_S:
                replays[index].remarks.append(
                    f'the log has no {topic} in its last {silent_s:.1f} s: today takes that for '
                    f'silence, whether it was silent or not recorded')
    parameter_file.check_used()
    return replays
