# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""docs/reference/interface.md explains every number that code, messages and documents point to."""

import pathlib
import re
from xml.etree import ElementTree

import pytest

ROOT = pathlib.Path(__file__).parents[3]
DOCUMENT = ROOT / 'docs' / 'reference' / 'interface.md'
DATABASE = ROOT / 'dbc' / 'gi3_v3.2.kcd'
PLACES = ('gi3_ros', 'msg', 'srv', 'config', 'docs', 'dbc', 'test', 'README.md')
SUFFIXES = {'.py', '.msg', '.srv', '.yaml', '.yml', '.md', '.kcd'}

TEXT = DOCUMENT.read_text(encoding='utf-8')
ROWS = re.findall(r'^\| ([RA]\d+) \|', TEXT, re.MULTILINE)
SECTIONS = set(re.findall(r'^#{2,3} (\d(?:\.\d+)?) ', TEXT, re.MULTILINE))


def mentions(pattern):
    """Say where each match of a pattern occurs: ``{match: {file, ...}}``."""
    found = {}
    for place in PLACES:
        path = ROOT / place
        for file in sorted(path.rglob('*')) if path.is_dir() else [path]:
            if file.suffix in SUFFIXES and file.is_file():
                for match in re.findall(pattern, file.read_text(encoding='utf-8')):
                    found.setdefault(match, set()).add(str(file.relative_to(ROOT)))
    return found


def test_rows_are_complete_and_unique():
    """One row each."""
    numbers = [f'R{n}' for n in range(1, 54)] + [f'A{n}' for n in range(1, 46)]
    assert sorted(ROWS) == sorted(numbers)


def test_every_number_has_its_row():
    """A payload in hex such as A0 is no number of ours: they have no leading 0."""
    found = mentions(r'\b[RA][1-9]\d?\b')
    assert len(found) > 60, 'the search looks in the wrong places'
    assert {number: files for number, files in found.items() if number not in ROWS} == {}


def test_every_section_exists():
    """``interface.md 4.1`` has a heading, and 1.4.2 is an item of 1.4."""
    items = TEXT.partition('\n### 1.4 ')[2].partition('\n## ')[0]
    known = SECTIONS | {f'1.4.{n}' for n in re.findall(r'^(\d)\. ', items, re.MULTILINE)}
    found = (
        mentions(r'interface\.md (\d(?:\.\d+)*)')
        | mentions(r'interface\.md \d\.\d+, (\d\.\d+)')
        | mentions(r'\b(1\.4\.\d)\b')
    )
    assert '2.4' in found
    assert {number: files for number, files in found.items() if number not in known} == {}


@pytest.mark.parametrize('message', ElementTree.parse(DATABASE).findall('.//{*}Message'),
                         ids=lambda message: message.get('name'))
def test_message_table_agrees_with_the_database(message):
    """Id, name, length, sender and period."""
    is_ours = message.find('{*}Producer/{*}NodeRef').get('id') == '6'
    direction = 'charger → controller' if is_ours else 'controller → charger'
    assert (
        f'| {message.get("id")} | `{message.get("name")}` | {message.get("length")} '
        f'| {direction} | {message.get("interval") or "event"} |'
    ) in TEXT
