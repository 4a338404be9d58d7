# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The configuration of the simulated controller: names, defaults, files, and what is refused."""

import pathlib

import pytest

from gi3_ros.core import controller_config
from gi3_ros.core.config import entries_of
from gi3_ros.core.power.limits import ChargerLimits
from gi3_ros.sim.config import (
    configs_of_mapping,
    configs_of_text,
    ControllerConfig,
    Pistol,
    WITHOUT_EFFECT,
)

TWO_PISTOLS = """
[pistols]
enabled =
    CCS DC
    CHAdeMO

[pistol:CCS DC]
charger_type = Advantics_Generic_DC_v3
is_bidirectional = true
max_charger_voltage = 920
max_charger_discharge_current = 120
enable_iso_part20 = true
use_sequence_flags = true

[pistol:CHAdeMO]
charger_type = Advantics_Generic_DC_v3
chademo_precharge = true
max_charger_current = 80
"""


@pytest.mark.parametrize(('name', 'default'), [
    ('index', 1), ('charger_can_timeout_ms', 500.0), ('use_sequence_flags', True),
    ('is_bidirectional', False), ('supports_range_mode', True),
    ('min_charger_voltage', 0.0), ('max_charger_voltage', 500.0),
    ('min_charger_current', 0.0), ('max_charger_current', 120.0),
    ('min_charger_power', 0.0), ('max_charger_power', 0.0),
    ('min_charger_discharge_voltage', 0.0), ('max_charger_discharge_voltage', 0.0),
    ('min_charger_discharge_current', 0.0), ('max_charger_discharge_current', 0.0),
    ('min_charger_discharge_power', 0.0), ('max_charger_discharge_power', 0.0),
    ('max_cable_voltage', 500.0), ('max_cable_current', 100.0), ('max_cable_power', 0.0),
    ('enable_din', True), ('enable_iso_part2', True), ('enable_iso_part20', False),
    ('chademo_precharge', False), ('support_welding_detection', True),
    ('free_service', True), ('skip_cable_check', False),
])
def test_names_and_defaults_are_the_controllers(name, default):
    """Interface 5.1."""
    defaults = {
        field.name: field.default
        for cls in (ControllerConfig, ChargerLimits) for field in entries_of(cls)}
    assert defaults[name] == default


def test_all_enabled_pistols_of_the_controllers_own_file():
    (ccs, ccs_warnings), (chademo, _) = configs_of_text(TWO_PISTOLS)
    assert (ccs.pistol, ccs.index) == (Pistol.CCS, 1)
    assert ccs.limits.max_charger_voltage == 920.0
    assert ccs.limits.is_bidirectional and ccs.enable_iso_part20
    assert ccs_warnings == []
    assert (chademo.pistol, chademo.index) == (Pistol.CHADEMO, 3)
    assert chademo.chademo_precharge
    assert chademo.limits.max_charger_current == 80.0


def test_one_pistol_of_several_with_changes():
    (config, _), = configs_of_text(
        TWO_PISTOLS, pistol='CHAdeMO', changes={'index': 5, 'is_bidirectional': True})
    assert (config.index, config.limits.is_bidirectional) == (5, True)


def test_the_file_of_the_tests_is_read_the_same_as_by_the_charger():
    path = pathlib.Path(__file__).resolve().parents[2] / 'data' / 'controller.cfg'
    text = path.read_text(encoding='utf-8')
    for name in controller_config.dc_pistols(controller_config.parse(text)):
        (config, _), = configs_of_text(text, pistol=name)
        section = controller_config.read(text, pistol=name)
        expected = section.take({
            field.name: field.default for field in entries_of(ChargerLimits)})
        assert {entry: getattr(config.limits, entry) for entry in expected} == expected


def test_old_names_are_taken_with_a_warning():
    """A20."""
    (config, warnings), = configs_of_mapping(
        {'CCS DC': {'max_voltage': 450, 'enable_iso_ed1': False}})
    assert config.limits.max_charger_voltage == 450.0
    assert not config.enable_iso_part2
    assert sum('A20' in warning for warning in warnings) == 2


@pytest.mark.parametrize('name', WITHOUT_EFFECT)
def test_what_has_no_effect_says_so(name):
    (_, warnings), = configs_of_mapping({'CCS DC': {name: '1'}})
    assert any(f'{name} has no effect here' in warning for warning in warnings)


def test_yaml_values_of_all_kinds():
    (config, _), = configs_of_mapping({'CCS DC': {
        'use_sequence_flags': False, 'index': 7, 'boot_s': 2, 'insulation_rule': 'absolute'}})
    assert (config.use_sequence_flags, config.index, config.boot_s, config.insulation_rule) == (
        False, 7, 2.0, 'absolute')


@pytest.mark.parametrize(('pistols', 'words'), [
    ({}, 'mapping of pistol names'),
    ({'CCS DC': {'max_charger_volt': 1}}, 'no max_charger_volt'),
    ({'CCS DC': {'max_charger_voltage': 'much'}}, 'a number is expected'),
    ({'CCS DC': {'max_charger_voltage': 5000}}, 'max_charger_voltage must be'),
    ({'CCS DC': {'index': 0}}, 'index must be 1 .. 31'),
    ({'CCS DC': {'charger_type': 'Advantics_Generic_DC_v2'}}, 'will not speak this interface'),
    ({'CCS AC': {}}, 'no DC pistol'),
    ({'MCS': {}}, 'has no label in v3.2'),
    ({'CCS DC': {'index': 3}, 'CHAdeMO': {}}, 'same index 3'),
    ({'CCS DC': 'all'}, 'a mapping of entries is expected'),
    ({'CCS DC': {'hardware': 'ADM-CS-SPCC'}}, 'permitted are ADM-CS-SECC'),
])
def test_bad_configurations_are_refused_with_words(pistols, words):
    with pytest.raises(ValueError, match=words):
        configs_of_mapping(pistols)


@pytest.mark.parametrize(('entries', 'is_needed'), [
    ({}, False), ({'free_service': False}, True),
    ({'free_service': False, 'use_sequence_flags': False}, False),
    ({'free_service': False, 'pistol': Pistol.CHADEMO}, False),
])
def test_external_authorisation_needs_flags_and_ccs(entries, is_needed):
    """R36."""
    assert ControllerConfig(**entries).needs_authorisation is is_needed
