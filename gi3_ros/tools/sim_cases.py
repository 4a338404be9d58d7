# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""From the options of ``gi3 sim`` to the pistols with their vehicles."""

import dataclasses
import math
import pathlib

from ..sim import library
from ..sim.config import (
    configs_of_mapping,
    configs_of_text,
    Configured,
    ControllerConfig,
    Pistol,
)
from ..sim.scenario import read_yaml, Scenario
from ..sim.vehicle_config import VehicleConfig

DEFAULT_VEHICLE = 'ccs_400v'
DEFAULT_CHADEMO_VEHICLE = 'chademo'
DEFAULT_DURATION_S = 20.0
_PLUGS = {False: Pistol.CCS.value, True: Pistol.CHADEMO.value}


@dataclasses.dataclass(frozen=True)
class Case:
    """One pistol with its vehicle."""

    config: ControllerConfig
    vehicle: VehicleConfig
    warnings: list[str]


@dataclasses.dataclass(frozen=True)
class Wishes:
    """What the command line says of pistols and vehicles, by the names of its options."""

    config_file: str | None
    pistol: str
    entries: tuple[tuple[str, str], ...]
    index: int | None
    sequence_flags: bool | None
    external_authorisation: bool
    vehicles: tuple[str, ...]
    vehicle_entries: tuple[tuple[str, str], ...]
    duration_s: float | None
    direction: str | None
    state_of_charge: float | None
    max_current: float | None
    steps: bool
    insulation_kohm: float | None


def scenario_of(name: str) -> Scenario | None:
    """Return the scenario of a name, ``None`` for an empty one."""
    if not name:
        return None
    scenarios = library.load_scenarios(name)
    if len(scenarios) > 1:
        stem = pathlib.Path(name).stem
        names = [repr(f'{name} {each.name.removeprefix(stem).strip()}') for each in scenarios]
        raise ValueError(f'{name} holds several: say which one, {", ".join(names)}')
    return scenarios[0]


def cases_of(scenario: Scenario | None, wishes: Wishes) -> list[Case]:
    """
    Return a :class:`Case` for each pistol.

    :raises ValueError: with words that say what to put right
    """
    of_scenario = '' if scenario is None else scenario.vehicle
    names = list(wishes.vehicles) or ([of_scenario] if of_scenario else [])
    vehicles = [_vehicle(name, scenario, wishes) for name in names]
    is_chademo = bool(vehicles) and vehicles[0].protocols[0].is_chademo
    configs = _configs(scenario, wishes, is_chademo=is_chademo)
    if len(vehicles) > len(configs):
        raise ValueError(f'{len(vehicles)} vehicles for {len(configs)} pistols')
    if not names or len(names) < len(configs):
        # What is not said is a vehicle with the plug of the pistol.
        names = [_fitting(config, names, vehicles) for config, _ in configs]
        vehicles = [_vehicle(name, scenario, wishes) for name in names]
    for name, (config, _), vehicle in zip(names, configs, vehicles, strict=True):
        if vehicle.protocols[0].is_chademo is not config.is_chademo:
            raise ValueError(f'the vehicle {name} does not fit the plug of {config.pistol.value}')
    return [
        Case(config, vehicle, warnings)
        for (config, warnings), vehicle in zip(configs, vehicles, strict=True)]


def _fitting(
    config: ControllerConfig, names: list[str], vehicles: list[VehicleConfig],
) -> str:
    """Return the name of the first vehicle whose plug fits, or that of our own."""
    for name, vehicle in zip(names, vehicles, strict=True):
        if vehicle.protocols[0].is_chademo is config.is_chademo:
            return name
    return DEFAULT_CHADEMO_VEHICLE if config.is_chademo else DEFAULT_VEHICLE


def _vehicle(name: str, scenario: Scenario | None, wishes: Wishes) -> VehicleConfig:
    """Return a vehicle: file, then scenario, then options."""
    changes: dict[str, object] = {} if scenario is None else dict(scenario.vehicle_entries)
    if scenario is None:
        changes['charge_duration_s'] = DEFAULT_DURATION_S
    if wishes.duration_s is not None:
        changes['charge_duration_s'] = wishes.duration_s
    if wishes.direction is not None:
        changes['direction'] = wishes.direction
    if wishes.max_current is not None:
        changes['max_current_a'] = wishes.max_current
    if wishes.state_of_charge is not None:
        changes['state_of_charge'] = wishes.state_of_charge / 100
    if wishes.insulation_kohm is not None:
        changes['insulation_resistance_ohm'] = 1000 * wishes.insulation_kohm
    if wishes.steps:
        changes.update(ramp_up_a_per_s=math.inf, ramp_down_a_per_s=math.inf)
    for key, text in wishes.vehicle_entries:
        changes[key] = read_yaml(f'value: {text}', f'--vehicle-set {key}')['value']
    return library.load_vehicle(name, changes)


def _configs(
    scenario: Scenario | None, wishes: Wishes, *, is_chademo: bool,
) -> list[Configured]:
    """Return the configuration of each pistol: file, then scenario, then options."""
    file, pistol = wishes.config_file, wishes.pistol
    entries: dict[str, object] = {} if scenario is None else dict(scenario.controller)
    entries.update(wishes.entries)
    if wishes.index is not None:
        entries['index'] = wishes.index
    if wishes.sequence_flags is not None:
        entries['use_sequence_flags'] = wishes.sequence_flags
    if wishes.external_authorisation:
        if wishes.sequence_flags is False:
            raise ValueError('--external-authorisation needs --sequence-flags (R36)')
        entries['free_service'] = False
    if not file:
        return configs_of_mapping({pistol or _PLUGS[is_chademo]: {}}, changes=entries)
    text = _text(file)
    is_yaml = pathlib.Path(file).suffix in ('.yaml', '.yml')
    if is_yaml:
        content = read_yaml(text, file)
        unknown = sorted(str(key) for key in content if key != 'pistols')
        if unknown:
            raise ValueError(f'{file}: unknown {", ".join(unknown)} beside pistols')
    try:
        if is_yaml:
            return configs_of_mapping(content.get('pistols'), pistol=pistol, changes=entries)
        return configs_of_text(text, pistol=pistol, changes=entries)
    except ValueError as error:
        raise ValueError(f'{file}: {error}') from error


def _text(file: str) -> str:
    try:
        return pathlib.Path(file).read_text(encoding='utf-8')
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f'cannot read {file}: {error}') from error
