# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The link between a command and its live view: whole messages, and nobody waits."""

import contextlib
import socket

import pytest

from gi3_ros.tools.views.link import Answer, Leave, Link, Press, Ready, Show


@pytest.fixture
def ends():
    """Return both ends of a link."""
    one, other = map(Link, socket.socketpair())
    with contextlib.closing(one), contextlib.closing(other):
        yield one, other


def test_messages_come_as_they_were_sent(ends):
    one, other = ends
    sent = [Ready(), Press('p', 3), Answer('no'), Leave(), Show({'a': 1.5})]
    for message in sent:
        one.send(message)
    assert other.receive() == sent
    assert other.receive() == []


def test_a_message_that_comes_in_pieces_is_whole_in_the_end():
    raw, end = socket.socketpair()
    with contextlib.closing(raw), contextlib.closing(Link(end)) as link:
        ours, theirs = socket.socketpair()
        with contextlib.closing(theirs), contextlib.closing(Link(ours)) as sender:
            sender.send(Answer('in pieces'))
            data = theirs.recv(4096)
        for position in range(len(data)):
            assert link.receive() == []
            raw.send(data[position:position + 1])
        assert link.receive() == [Answer('in pieces')]


def test_more_than_the_socket_takes_waits_for_its_turn(ends):
    """A megabyte into an end that nobody reads."""
    one, other = ends
    one.send(Show('x' * 1_000_000))
    one.send(Ready())
    assert not one.flush()
    got = []
    while len(got) < 2:
        got += other.receive()
        one.flush()
    assert got == [Show('x' * 1_000_000), Ready()]
    assert one.flush()


def test_an_end_that_is_gone_is_noticed(ends):
    one, other = ends
    one.send(Leave())
    one.close()
    assert other.receive() == [Leave()]
    assert not other.is_open
    other.send(Ready())
    assert other.receive() == []
