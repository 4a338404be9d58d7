# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The parameter files say what the nodes declare."""

import pathlib

import pytest
import yaml

from gi3_ros.nodes.gateway import Gateway
from gi3_ros.nodes.parameters import AUTOSTART
from gi3_ros.nodes.power_control import PowerControlNode
from gi3_ros.nodes.power_modules_sim import PowerModulesSim
from gi3_ros.nodes.precharge import PrechargeNode
from gi3_ros.nodes.session import SessionNode

ROOT = pathlib.Path(__file__).resolve().parents[2]
NODES = {
    'gateway': Gateway, 'power_control': PowerControlNode, 'precharge': PrechargeNode,
    'session': SessionNode,
}
FILES = sorted(
    path for path in (ROOT / 'config').glob('*.yaml') if path.name != 'record_qos.yaml')


def parameters(path):
    """Return node name -> parameters of a file."""
    return {
        name.rsplit('/', 1)[-1]: values['ros__parameters']
        for name, values in yaml.safe_load(path.read_text()).items()
    }


def declared(node_class):
    """Return parameter name -> default."""
    return {each.name: each.default for each in (AUTOSTART, *node_class.PARAMETERS)}


def test_the_reference_file_has_every_parameter_with_its_default():
    assert parameters(ROOT / 'config' / 'charger.yaml') == {
        name: declared(node_class) for name, node_class in NODES.items()
    }


@pytest.mark.parametrize('path', FILES, ids=lambda path: path.name)
def test_every_file_speaks_only_of_parameters_that_exist_and_of_their_types(path):
    for name, values in parameters(path).items():
        known = declared(NODES[name])
        for parameter, value in values.items():
            assert type(value) is type(known[parameter]), f'{name}.{parameter}'


@pytest.mark.parametrize('node_class', [*NODES.values(), PowerModulesSim])
def test_every_parameter_is_described(node_class):
    for parameter in node_class.PARAMETERS:
        assert len(parameter.description) >= 3, parameter.name
        if isinstance(parameter.default, float):
            assert parameter.low <= parameter.default <= parameter.high, parameter.name
