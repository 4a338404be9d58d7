# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Imports point inward: nodes and tools may use the core, never the other way round."""

import ast
import pathlib

import pytest

PACKAGE = pathlib.Path(__file__).resolve().parents[2] / 'gi3_ros'
FORBIDDEN = {
    # Only itself and the standard library: it knows neither ROS nor CAN nor a clock.
    'core': {'rclpy', 'can', 'cantools', 'time', 'datetime', 'click', 'rich', 'textual',
             'gi3_ros.sim', 'gi3_ros.nodes', 'gi3_ros.tools', 'gi3_ros.bus', 'gi3_ros.convert',
             'gi3_ros.msg'},
    'sim': {'rclpy', 'can', 'cantools', 'rich', 'textual', 'gi3_ros.nodes', 'gi3_ros.tools',
            'gi3_ros.msg'},
    'nodes': {'can', 'cantools', 'gi3_ros.tools'},
    # Of a log nobody can transmit: no bus, no nodes; and it is read where there is no ROS.
    'logs': {'rclpy', 'cantools', 'click', 'rich', 'textual', 'gi3_ros.sim', 'gi3_ros.nodes',
             'gi3_ros.tools', 'gi3_ros.bus', 'gi3_ros.convert', 'gi3_ros.msg'},
    'tools': {'can', 'cantools'},
    # It writes a part of what the others are made of.
    'generate': {'rclpy', 'can', 'click', 'rich', 'gi3_ros.core', 'gi3_ros.sim', 'gi3_ros.nodes',
                 'gi3_ros.logs', 'gi3_ros.tools', 'gi3_ros.msg'},
}
ROOMS = {
    'core/interface': set(),
    'core': {'core/interface'},
    'core/session': {'core', 'core/interface'},
    'core/stage': {'core', 'core/interface'},
    'core/power': {'core', 'core/interface', 'core/stage'},
    'core/rules': {'core', 'core/interface'},
}
"""Which other rooms of the core a room may use; ``core`` is what the rooms share."""
MAY_IMPORT_SIM = {
    'nodes/power_modules_sim.py', 'tools/sim.py', 'tools/sim_cases.py', 'tools/views/sim_desk.py',
    'tools/views/sim_picture.py', 'tools/views/sim_words.py',
}


def imports_of(path):
    """Return the absolute names of what a module imports."""
    package = ['gi3_ros', *path.relative_to(PACKAGE).parent.parts]
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ''
            if node.level:
                base = '.'.join([*package[:len(package) - node.level + 1], base]).rstrip('.')
            names |= {base} | {f'{base}.{alias.name}' for alias in node.names}
    return names


def modules():
    return sorted(path for path in PACKAGE.rglob('*.py') if path.parent != PACKAGE)


@pytest.mark.parametrize('path', modules(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_point_inward(path):
    part = path.relative_to(PACKAGE).parts[0]
    for name in imports_of(path):
        for forbidden in FORBIDDEN[part]:
            assert name != forbidden and not name.startswith(f'{forbidden}.'), name


def of_ours(path):
    """Return the files of this package that a module imports."""
    files = set()
    for name in imports_of(path):
        stem = PACKAGE.parent.joinpath(*name.split('.'))
        if name.startswith('gi3_ros.') and stem.with_suffix('.py').is_file():
            files.add(stem.with_suffix('.py'))
    return files - {path}


@pytest.mark.parametrize(
    'path', sorted((PACKAGE / 'core').rglob('*.py')), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_each_room_of_the_core_knows_only_what_it_may(path):
    room = path.parent.relative_to(PACKAGE).as_posix()
    used = {each.parent.relative_to(PACKAGE).as_posix() for each in of_ours(path)}
    assert used - {room} <= ROOMS[room]


def test_no_files_import_each_other_in_a_circle():
    graph = {path: of_ours(path) for path in PACKAGE.rglob('*.py')}
    while True:
        leaves = {path for path, used in graph.items() if not used & graph.keys()}
        if not leaves:
            break
        graph = {path: used for path, used in graph.items() if path not in leaves}
    # What is left imports or is imported by a circle.
    assert {str(path.relative_to(PACKAGE)) for path in graph} == set()


@pytest.mark.parametrize('path', modules(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_only_entry_points_use_the_simulator(path):
    name = path.relative_to(PACKAGE).as_posix()
    if name.startswith('sim/') or name in MAY_IMPORT_SIM:
        return
    assert not any(each.startswith('gi3_ros.sim') for each in imports_of(path))


def test_only_the_bus_and_the_reader_of_log_files_use_python_can():
    users = {
        path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob('*.py')
        if {'can', 'can.io'} & imports_of(path)}
    assert users <= {'bus.py', 'logs/formats/mf4.py', 'logs/writers/blf.py'}


@pytest.mark.parametrize(
    'path', sorted((PACKAGE / 'logs' / 'formats').glob('*.py')), ids=lambda path: path.name)
def test_a_format_is_read_without_what_writes_it(path):
    """Nor by what decides about formats, or makes entries of bags."""
    used = {each.relative_to(PACKAGE / 'logs').as_posix() for each in of_ours(path)
            if each.is_relative_to(PACKAGE / 'logs')}
    assert all(each == 'entries.py' or each.startswith('formats/') for each in used)
