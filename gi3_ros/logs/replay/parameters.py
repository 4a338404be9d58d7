# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The parameters of power_control and precharge, from the same files as the nodes take them."""

from collections.abc import Iterable
import dataclasses
import pathlib
import typing

import yaml

from ... import parameter_files
from ...core import controller_config
from ...core.config import entries_of
from ...core.interface.signals import DcPowerParameters
from ...core.power.advertised import SMALLEST_CURRENT_A
from ...core.power.limits import ChargerLimits
from ...core.power.parameters import PowerConfig
from ...core.stage.output_stage import StageConfig
from ..entries import LogError

PRECHARGE_TIMEOUT_S = 20.0
"""Default of the node's parameter precharge_timeout."""
_CONTROLLER_CONFIG = ('controller_config', 'controller_pistol')
_LIMITS: dict[str, typing.Any] = {field.name: field.default for field in entries_of(ChargerLimits)}
_HIGHEST = {
    field.name: field.metadata['high'] for field in entries_of(ChargerLimits)
    if field.metadata['high'] is not None}
_DEFAULTS: dict[str, dict[str, typing.Any]] = {
    'power_control': {
        **dict.fromkeys(_CONTROLLER_CONFIG, ''), **_LIMITS,
        **{field.name: field.default for field in entries_of(PowerConfig)}},
    'precharge': {
        **{field.name: field.default for field in entries_of(StageConfig)},
        'precharge_timeout': PRECHARGE_TIMEOUT_S},
}
"""Node -> name -> value. Values are what YAML has: the configurations check them."""


@dataclasses.dataclass(frozen=True, slots=True)
class Told:
    """The largest limits that a log has in DC_Power_Parameters; 0 is none (R33)."""

    voltage_v: float = 0.0
    current_a: float = 0.0
    discharge_a: float = 0.0

    def with_also(self, message: DcPowerParameters) -> 'Told':
        """Return what is known after another DC_Power_Parameters."""
        return Told(
            max(self.voltage_v, message.maximum_voltage),
            max(self.current_a, message.maximum_charge_current),
            max(self.discharge_a, message.maximum_discharge_current))

    def limits(self) -> dict[str, float]:
        """Return the entries of the limits that follow from it."""
        found: dict[str, float] = {}
        if self.voltage_v:
            found |= dict.fromkeys(('max_charger_voltage', 'max_cable_voltage'), self.voltage_v)
        if self.current_a:
            found['max_charger_current'] = self.current_a
            found['max_cable_current'] = max(self.current_a, self.discharge_a)
        # The smallest that can be told stands for none.
        if self.discharge_a > SMALLEST_CURRENT_A:
            found |= {'is_bidirectional': True, 'max_charger_discharge_current': self.discharge_a}
        # No charger has more than that; what says so is nonsense, and no reason to end.
        return {name: min(value, _HIGHEST.get(name, value)) for name, value in found.items()}

    def unknown(self) -> frozenset[str]:
        """Return the names of what cannot be judged (:data:`.comparison.FIELDS`)."""
        names: set[str] = set()
        if not self.voltage_v:
            names |= {'voltage', 'told voltage'}
        if not self.current_a:
            names |= {'current', 'flowing current', 'delivered current', 'told charge current'}
        if not self.discharge_a:
            names.add('told discharge current')
        return frozenset(names)


@dataclasses.dataclass(frozen=True, slots=True)
class Parameters:
    """What the two nodes of one pistol are configured with."""

    power: PowerConfig = dataclasses.field(default_factory=PowerConfig)
    stage: StageConfig = dataclasses.field(default_factory=StageConfig)
    precharge_timeout_s: float = PRECHARGE_TIMEOUT_S
    given: dict[str, typing.Any] = dataclasses.field(default_factory=dict)
    """What differs from the defaults or was spelt out: name -> value."""
    unknown: frozenset[str] = frozenset()
    """What cannot be judged, as nobody says which limits there were: names of fields."""
    has_limits_of_log: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class _Entry:
    """One value from the command line."""

    pistol: str
    """Its namespace or index; empty: all of them."""
    node: str
    name: str
    value: typing.Any

    @classmethod
    def of(cls, name: str, text: str) -> '_Entry':
        pistol, _, name = name.rpartition('/')
        return cls(pistol.strip('/'), _node_of(name), name, _value_of(text))


class _Asked(typing.NamedTuple):
    """A pistol whose parameters were asked for."""

    namespace: str
    number: str
    """Its index, as it is typed."""


class ParameterFile:
    """
    A ROS parameter file, and single values that hold over it.

    :param path: of the YAML file, or ``None``
    :param entries: ``(name, text)`` of either node; the name of a pistol before it, as in
        ``pistol2/max_charger_current``, or its index
    :raises LogError: when it cannot be read or has no such form
    """

    def __init__(
        self, path: str | None = None, entries: Iterable[tuple[str, str]] = (),
    ) -> None:
        self._path = path
        try:
            self._sections = [] if path is None else parameter_files.read(path)
        except parameter_files.UnusableParameters as error:
            raise LogError(str(error)) from None
        self._entries = [_Entry.of(name, text) for name, text in entries]
        self._pistols: list[_Asked] = []
        """Whose parameters were asked for."""

    def namespace_of(self, index: int) -> str | None:
        """Return the namespace that the file gives a pistol; ``None`` where it does not tell."""
        for section in self._sections:
            names, indices = (section.values.get(each) for each in ('pistols', 'indices'))
            if (section.reaches('/gateway') and isinstance(names, list)
                    and isinstance(indices, list) and index in indices[:len(names)]):
                return str(names[indices.index(index)]).strip('/')
        return None

    def check_used(self) -> None:
        """
        Refuse what no node of a pistol takes that was asked for.

        :raises LogError: with the nearest right name, as a node says it at its start
        """
        nodes = {
            f'/{pistol.namespace}/{node}': parameter_files.NodeParameters(node, set(known))
            for pistol in self._pistols for node, known in _DEFAULTS.items()}
        try:
            parameter_files.check(self._sections, parameter_files.Process(
                nodes, {node: set(known) for node, known in _DEFAULTS.items()}))
        except parameter_files.UnusableParameters as error:
            raise LogError(str(error)) from None
        known = {each for pair in self._pistols for each in pair}
        for entry in self._entries:
            if self._pistols and entry.pistol and entry.pistol not in known:
                names = ', '.join(f'{pistol.namespace} (index {pistol.number})'
                                  for pistol in self._pistols)
                raise LogError(
                    f'{entry.pistol}/{entry.name}: there is no pistol {entry.pistol} in the log, '
                    f'there is {names}')

    def of(
        self, namespace: str, index: int, *, installation: str | None = None,
        told: Told | None = None,
    ) -> Parameters:
        """
        Return the :class:`Parameters` for the nodes of a pistol.

        :param installation: of the output stage, where neither file nor entry has one
        :param told: limits of the log, where there is no file
        :raises LogError: for a name that neither node has, or a value that it refuses
        """
        pistol = _Asked(namespace, str(index))
        self._pistols.append(pistol)
        found = {node: self._of_node(pistol, node) for node in _DEFAULTS}
        power, precharge = found['power_control'], found['precharge']
        given = power | precharge
        if installation is not None:
            precharge.setdefault('installation', installation)
        self._take_controller_config(power)
        unknown: frozenset[str] = frozenset()
        is_told = False
        if told is not None and self._path is None:
            is_told = True
            if not _LIMITS.keys() & power.keys():
                unknown = told.unknown()
            for name, value in told.limits().items():
                power.setdefault(name, value)
        timeout_s = precharge.pop('precharge_timeout', PRECHARGE_TIMEOUT_S)
        try:
            limits = {name: power.pop(name) for name in _LIMITS if name in power}
            return Parameters(
                PowerConfig(limits=ChargerLimits(**limits), **power), StageConfig(**precharge),
                timeout_s, given, unknown, is_told)
        except ValueError as error:
            raise LogError(f'parameters: {error}') from error

    def _of_node(self, pistol: _Asked, node: str) -> dict[str, typing.Any]:
        values: dict[str, typing.Any] = {}
        for section in self._sections:
            if section.reaches(f'/{pistol.namespace}/{node}'):
                values.update(section.values)
        # What is meant for every node need not be of this one.
        known = _DEFAULTS[node]
        values = {name: value for name, value in values.items() if name in known}
        for pistols in (('',), pistol):
            values.update({
                each.name: each.value for each in self._entries
                if each.node == node and each.pistol in pistols})
        return {
            name: _fitting(node, name, value, known[name]) for name, value in values.items()}

    def _take_controller_config(self, power: dict[str, typing.Any]) -> None:
        path, pistol = (power.pop(name, '') for name in _CONTROLLER_CONFIG)
        if not path:
            return
        try:
            text = pathlib.Path(path).read_text(encoding='utf-8')
            entries = controller_config.read(text, pistol=pistol).take(_LIMITS)
        except (OSError, ValueError) as error:
            raise LogError(f'controller_config {path}: {error}') from error
        for name, value in entries.items():
            if power.get(name, value) not in (value, _LIMITS[name]):
                raise LogError(
                    f'{name} is {power[name]} as a parameter and {value} in the configuration of '
                    f'the controller: give it once')
        power.update(entries)


def _node_of(name: str) -> str:
    for node, known in _DEFAULTS.items():
        if name in known:
            return node
    raise LogError(f'neither power_control nor precharge has a parameter {name}')


def _value_of(text: str) -> typing.Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        return text


def _fitting(
    node: str, name: str, value: typing.Any, default: typing.Any,
) -> typing.Any:
    if isinstance(default, float) and type(value) is int:
        return float(value)
    if type(value) is not type(default):
        raise LogError(
            f'parameters: {node} {name} is {value!r}, expected is a {type(default).__name__}')
    return value
