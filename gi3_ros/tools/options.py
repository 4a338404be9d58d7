# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Options that several commands of ``gi3`` have in common."""

from collections.abc import Callable, Iterable
import dataclasses
import math
from typing import Any, TypeVar

import click

from ..core.interface.codec import INDEX_MAX, INDEX_MIN
from ..core.rules.tolerances import Tolerances
from ..logs.times import Zone

Command = TypeVar('Command', bound=Callable[..., Any])
"""A function that becomes a command of click."""


# Generic since click 8.4 only, and not to be written so with an older one.
class Entry(click.ParamType):  # type: ignore[type-arg]
    """``NAME=VALUE``, as a pair."""

    name = 'NAME=VALUE'

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None,
    ) -> tuple[str, str]:
        name, sign, text = value.partition('=')
        if not sign or not name.strip():
            self.fail(f'{value!r} should be NAME=VALUE', param, ctx)
        return name.strip(), text.strip()


tolerance_option = click.option(
    '--tolerance', 'tolerances', multiple=True, type=Entry(),
    help='Of the rules that both ends are held to, such as follow_s=10; may be given often. '
    'docs/reference/rules.md has their names.')


def with_entries(tolerances: Tolerances, entries: Iterable[tuple[str, str]]) -> Tolerances:
    """
    Return :class:`~gi3_ros.core.rules.tolerances.Tolerances` with some of them changed.

    :param entries: pairs of strings
    :raises ValueError: with words, for a name or a number that is none
    """
    names = [field.name for field in dataclasses.fields(tolerances)]
    for name, text in entries:
        if name not in names:
            raise ValueError(f'there is no tolerance {name}; there are {", ".join(names)}')
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not value >= 0:
            raise ValueError(f'--tolerance {name}={text}: a number, 0 or more, is expected')
        tolerances = dataclasses.replace(tolerances, **{name: value})
    return tolerances


class _PistolEntry(click.ParamType):  # type: ignore[type-arg]  # as above
    """``NAMESPACE=INDEX``."""

    name = 'NAMESPACE=INDEX'

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None,
    ) -> tuple[str, int]:
        namespace, text = Entry().convert(value, param, ctx)
        if not text.isdecimal() or not INDEX_MIN <= int(text) <= INDEX_MAX:
            self.fail(f'{text!r} is no pistol index, {INDEX_MIN} to {INDEX_MAX}', param, ctx)
        return namespace.strip('/'), int(text)


def log_options(command: Command) -> Command:
    """Add what every command that reads a log needs: ``channel``, ``pistols``, ``blf_start``."""
    for option in (
        click.option(
            '--blf-start', type=click.Choice(('local', 'utc')),
            help='The clock of the start that a BLF file names. Without: UTC where python-can or '
            'gi3 wrote it, else local time, as CANoe writes it.'),
        click.option(
            '--pistol', 'pistols', multiple=True, type=_PistolEntry(),
            help='Index of the pistol whose topics are in a namespace, such as cell/ccs=1; bags '
            'only.'),
        click.option('--channel', help='Only this bus, of a log of several.'),
    ):
        command = option(command)
    return command


def zone_options(command: Command) -> Command:
    """Add in which time zone times are told: ``zone_name`` and ``is_utc`` for :func:`zone_of`."""
    for option in (
        click.option('--utc', 'is_utc', is_flag=True, help='Tell times in UTC; as --tz UTC.'),
        click.option(
            '--tz', 'zone_name', metavar='NAME',
            help='Tell times in this zone, such as Europe/Madrid or +02:00; that of this machine '
            'without.'),
    ):
        command = option(command)
    return command


def zone_of(name: str | None, is_utc: bool) -> Zone:
    """
    Return the :class:`~gi3_ros.logs.times.Zone` that was asked for.

    :raises ValueError: with words, when there is none of this name, or two were asked for
    """
    if name is not None and is_utc:
        raise ValueError('--tz and --utc contradict each other: give one of them')
    return Zone('UTC' if is_utc else name)


def bus_options(command: Command) -> Command:
    """Add what names a bus: ``interface``, ``channel``, ``port`` and ``bitrate``."""
    for option in (
        click.option(
            '--bitrate', default=0, type=click.IntRange(min=0),
            help='Bit/s for adapters that set it themselves. 0: leave it as it is.'),
        click.option(
            '--port', default=0, type=click.IntRange(0, 65535),
            help='UDP port, udp_multicast only. 0: the default of python-can.'),
        click.option(
            '--channel', '-c', default='', help='Its channel: can0, vcan0, a multicast group.'),
        click.option(
            '--interface', '-i', default='udp_multicast',
            help='python-can interface: socketcan, udp_multicast (this machine only), ...'),
    ):
        command = option(command)
    return command
