# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
Vehicles and scenarios: those that come along with the package, and files of one's own.

A name without a suffix is one of ours, anything else a path.
"""

from collections.abc import Mapping
import dataclasses
import enum
import math
import pathlib
from typing import Any, TypeVar

from . import scenario as scenarios
from .protocols import ControlMode, Direction, Protocol
from .scenario import read_yaml, Scenario
from .vehicle_config import Pause, Point, VehicleConfig

_HERE = pathlib.Path(__file__).parent
VEHICLES = _HERE / 'vehicles'
SCENARIOS = _HERE / 'scenarios'
_KINDS: Mapping[str, type[ControlMode] | type[Direction]] = {
    'control_mode': ControlMode, 'direction': Direction,
}
_PAIRS: Mapping[str, type[Point] | type[Pause]] = {
    'open_circuit_v': Point, 'current_taper': Point, 'pauses': Pause,
}
Word = TypeVar('Word', bound=enum.Enum)


def names_in(folder: pathlib.Path) -> list[str]:
    """Return the names that come along in a folder, sorted."""
    return sorted(path.stem for path in folder.glob('*.yaml'))


def load_vehicle(name: str, changes: Mapping[str, object] | None = None) -> VehicleConfig:
    """
    Return the vehicle of a file.

    :param changes: mapping of entries that replace those of the file
    :raises ValueError: with the file and what is wrong with it
    """
    path, text = _read(name, VEHICLES, 'vehicle')
    return vehicle_of({**read_yaml(text, path.name), **(changes or {})}, path.name)


def vehicle_of(content: Mapping[str, object], where: str) -> VehicleConfig:
    """
    Return the vehicle of a mapping.

    :raises ValueError: with ``where`` and what is wrong
    """
    fields = {field.name: field for field in dataclasses.fields(VehicleConfig)}
    # Each value becomes what its field holds.
    values: dict[str, Any] = {}
    for name, value in content.items():
        if name not in fields:
            raise ValueError(
                f'{where}: a vehicle has no {name}; it has {", ".join(sorted(fields))}')
        try:
            values[name] = _value(name, value, fields[name].default)
        except (TypeError, ValueError) as error:
            raise ValueError(f'{where}: {name}: {error}') from error
    try:
        return VehicleConfig(**values)
    except ValueError as error:
        raise ValueError(f'{where}: {error}') from error


def load_scenarios(name: str) -> list[Scenario]:
    """
    Return the scenarios of a file.

    :param name: with one of the words of ``for_each`` behind it, only that one is meant
    :raises ValueError: with the file and what is wrong with it
    """
    file, word = _file_and_word(name)
    path, text = _read(file, SCENARIOS, 'scenario')
    found = scenarios.load(text, name=path.stem)
    if not word:
        return found
    chosen = [each for each in found if each.name == f'{path.stem} {word.strip()}']
    if not chosen:
        words = ', '.join(
            repr(f'{file} {each.name.removeprefix(path.stem).strip()}') for each in found)
        raise ValueError(f'there is no scenario {name!r}; there are {words}')
    return chosen


def _file_and_word(name: str) -> tuple[str, str]:
    """Take a name apart; the longest part that is a file is the file, blanks and all."""
    parts = name.split(' ')
    for count in range(len(parts), 0, -1):
        file = ' '.join(parts[:count])
        if pathlib.Path(file).is_file():
            return file, ' '.join(parts[count:])
    file, _, word = name.partition(' ')
    return file, word


def _read(name: str, folder: pathlib.Path, what: str) -> tuple[pathlib.Path, str]:
    path = pathlib.Path(name)
    if not path.suffix:
        path = folder / f'{name}.yaml'
        if not path.exists():
            raise ValueError(
                f'there is no {what} {name!r}; there are {", ".join(names_in(folder))}, and '
                'files of your own with their suffix .yaml')
    try:
        return path, path.read_text(encoding='utf-8')
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f'cannot read the {what} {name}: {error}') from error


def _value(name: str, value: object, default: object) -> object:
    if isinstance(value, enum.Enum):
        return value
    if name == 'protocols':
        words = value if isinstance(value, list | tuple) else [value]
        return tuple(word if isinstance(word, Protocol) else _choice(word, Protocol)
                     for word in words)
    if name in _KINDS:
        return _choice(value, _KINDS[name])
    if isinstance(default, bool):
        if not isinstance(value, bool):
            raise ValueError(f'{value!r} should be true or false')
        return value
    if name in _PAIRS:
        if not isinstance(value, list | tuple):
            raise ValueError('a list of pairs is expected')
        return tuple(_PAIRS[name](*_pair(each)) for each in value)
    if isinstance(default, str):
        return str(value)
    return _number(value)


def _choice(word: object, kind: type[Word]) -> Word:
    for each in kind:
        if each.value == word:
            return each
    raise ValueError(f'{word!r} is none of {", ".join(each.value for each in kind)}')


def _pair(value: object) -> tuple[float, float]:
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise ValueError(f'{value!r} should be a pair of numbers')
    first, second = value
    return _number(first), _number(second)


def _number(value: object) -> float:
    try:
        number = float(value) if isinstance(value, int | float) else math.nan
    except OverflowError:
        number = math.nan
    if isinstance(value, bool) or math.isnan(number):
        raise ValueError(f'{value!r:.40} should be a number')
    return number
