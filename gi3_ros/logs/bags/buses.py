# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
Which bus the raw frames of a topic were on.

A driver tells it by the ``frame_id`` of its messages or by the name of its topics: ros2_socketcan
writes the ``frame_id`` 'can' whatever its interface, and two of it run in two namespaces.
"""

import itertools
import re

REQUEST_TOPICS = ('to_can_bus', 'to_can_bus_fd')
"""
Of a driver such as ros2_socketcan: frames on their way to the bus, which the driver may report
again among the received ones once they were on it. Their ``frame_id`` is what the sender wrote.
"""
_WORDS_OF_ANY_BUS = frozenset((
    'from', 'to', 'rx', 'tx', 'received', 'receive', 'sent', 'send', 'frame', 'frames', 'msg',
    'msgs', 'message', 'messages', 'bus', 'fd', 'raw', 'can'))


class Buses:
    """
    Names of buses, by topic and ``frame_id``.

    The ``frame_id`` is the name where each place has another one; where two places have the same
    one the place is: the namespace, and what the last part of the name says of a bus. Frames of
    two places never get the same name.

    :param firsts: the ``frame_id`` of the first message of each topic
    """

    def __init__(self, firsts: dict[str, str]) -> None:
        received: dict[str, set[str]] = {}
        for topic, frame_id in firsts.items():
            if not _is_request(topic):
                received.setdefault(place_of(topic), set()).add(frame_id)
        self._of_driver = {
            place: each for place, (each, *others) in received.items() if not others}
        self._places_of: dict[str, set[str]] = {}
        for topic, frame_id in firsts.items():
            self._places_of.setdefault(
                self._frame_id(topic, frame_id), set()).add(place_of(topic))
        self._names: dict[tuple[str, str], str] = {}
        """By place and ``frame_id``."""

    def name(self, topic: str, frame_id: str) -> str:
        """Return the name of a bus."""
        key = place_of(topic), self._frame_id(topic, frame_id)
        name = self._names.get(key)
        if name is None:
            name = self._names[key] = self._choose(*key)
        return name

    def is_meant(self, channel: str, topic: str, frame_id: str) -> bool:
        """Return whether somebody who names a bus may mean this one."""
        return channel == self.name(topic, frame_id) or channel.strip('/') in (
            place_of(topic), topic.strip('/').rpartition('/')[0])

    def _frame_id(self, topic: str, frame_id: str) -> str:
        return self._of_driver.get(place_of(topic), frame_id) if _is_request(topic) else frame_id

    def _choose(self, place: str, frame_id: str) -> str:
        is_shared = len(self._places_of.get(frame_id, set()) | {place}) > 1
        wanted = (place or frame_id) if is_shared else frame_id
        taken = frozenset(self._names.values())
        both = '/'.join(filter(None, (place, frame_id)))
        candidates = itertools.chain((wanted, both), (f'{both} ({n})' for n in itertools.count(2)))
        return next(name for name in candidates if name not in taken)


def place_of(topic: str) -> str:
    """Return the namespace of a topic, with what its last part says of a bus."""
    namespace, _, name = topic.strip('/').rpartition('/')
    words = [word for word in re.split('_+', name) if word.lower() not in _WORDS_OF_ANY_BUS]
    return '/'.join(filter(None, (namespace, '_'.join(words))))


def _is_request(topic: str) -> bool:
    return topic.rpartition('/')[2] in REQUEST_TOPICS
