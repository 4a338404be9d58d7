# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""A ROS domain and ports for one demo, apart from all others on this machine."""

import dataclasses
import os
import socket

FIRST_CLAIM_PORT = 47300
FIRST_CAN_PORT = 47420
FIRST_PLUG_PORT = 47540
DOMAINS = range(1, 102)
"""The ROS domains whose ports stay below the ephemeral ports of Linux."""


@dataclasses.dataclass
class Claim:
    """A ROS domain and two ports that no other demo or test on this machine has."""

    number: int
    socket: socket.socket
    """Bound as long as the claim lasts: it ends with the process, however that ends."""

    @property
    def can_port(self) -> int:
        """UDP port of the simulated CAN bus."""
        return FIRST_CAN_PORT + self.number

    @property
    def plug_port(self) -> int:
        """UDP port of the plug link."""
        return FIRST_PLUG_PORT + self.number


class NothingFree(Exception):
    """Everything is taken; the text says so."""


def claim() -> Claim:
    """
    Find a free :class:`Claim`.

    The tests claim domains with the same ports, so that both keep apart.

    :raises NothingFree: when a hundred others go on
    """
    start = os.getpid() % len(DOMAINS)
    for number in (*DOMAINS[start:], *DOMAINS[:start]):
        bound = _bind(FIRST_CLAIM_PORT + number)
        if bound is None:
            continue
        found = Claim(number, bound)
        if all(_is_free(port) for port in (found.can_port, found.plug_port)):
            return found
        bound.close()
    raise NothingFree('no free ROS domain: are a hundred other demos going on?')


def _bind(port: int) -> socket.socket | None:
    bound = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        bound.bind(('127.0.0.1', port))
    except OSError:
        bound.close()
        return None
    return bound


def _is_free(port: int) -> bool:
    bound = _bind(port)
    if bound is not None:
        bound.close()
    return bound is not None
