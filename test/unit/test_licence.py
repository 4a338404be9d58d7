# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Every source file says whose it is and under which licence (REP-2004, 3.iv)."""

import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
LINES = ('Copyright 2026 gi3_ros maintainers', 'SPDX-License-Identifier: Apache-2.0')
FOLDERS = ('bench', 'cmake', 'config', 'dbc', 'gi3_ros', 'launch', 'msg', 'scripts', 'srv', 'test')
OF_THE_ROOT = ('.ci/run', 'CMakeLists.txt', 'Makefile', 'setup.py')
SUFFIXES = {'.bash', '.c', '.cmake', '.in', '.kcd', '.msg', '.py', '.sh', '.srv', '.xml'}
AT_THE_END = {'.msg', '.srv'}
"""What is at their top is the documentation of the message."""


def is_source(path):
    is_config = path.suffix == '.yaml' and path.parent.name == 'config'
    return path.is_file() and (path.suffix in SUFFIXES or is_config)


def sources():
    found = [ROOT / name for name in OF_THE_ROOT]
    for folder in FOLDERS:
        found += filter(is_source, (ROOT / folder).rglob('*'))
    return sorted(path for path in found if path.read_text(encoding='utf-8').strip())


@pytest.mark.parametrize('path', sources(), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_source_file_has_the_copyright_line_and_the_licence(path):
    lines = path.read_text(encoding='utf-8').splitlines()
    place = lines[-2:] if path.suffix in AT_THE_END else lines[:4]
    plain = [re.sub(r'^(#|//|<!--) | -->$', '', line) for line in place]
    begin = plain.index(LINES[0]) if LINES[0] in plain else 0
    assert tuple(plain[begin:begin + 2]) == LINES


def test_the_notice_names_the_same_holder():
    assert LINES[0] in (ROOT / 'NOTICE').read_text(encoding='utf-8').splitlines()
