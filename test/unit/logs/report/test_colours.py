# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The colours of the report stand in one place, and its sheet uses no others than there are."""

import re

from gi3_ros.core.interface.layout import CONTROLLER, CUSTOMER
from gi3_ros.logs.report.colours import (
    BARS,
    FINDINGS,
    OBSERVATION,
    PAGE,
    script,
    style_sheet,
    WITH_LIGHT_WORDS,
)


def test_both_ends_have_a_mark_of_their_own():
    assert set(FINDINGS) == {CUSTOMER, CONTROLLER}
    marks = [*FINDINGS.values(), OBSERVATION]
    assert len({each.colour for each in marks}) == len({each.symbol for each in marks}) == 3


def test_the_table_of_findings_has_the_colours_of_the_chart():
    sheet = style_sheet()
    for name, mark in (*FINDINGS.items(), ('observation', OBSERVATION)):
        assert f'.who.{name}::before {{ background: {mark.colour};' in sheet


def test_every_colour_of_the_page_is_there_by_day_and_by_night():
    sheet = style_sheet()
    day, night = (set(re.findall(r'(--[\w-]+):', part))
                  for part in PAGE.split('@media screen', 1))
    assert set(re.findall(r'var\((--[\w-]+)\)', sheet)) <= day
    assert day == night


def test_light_words_are_on_colours_that_there_are():
    assert set(BARS.values()) >= WITH_LIGHT_WORDS


def test_the_script_is_one_that_a_page_may_hold():
    assert script().startswith("\n'use strict';")
    assert '</script' not in script()
    assert '</style' not in style_sheet()
