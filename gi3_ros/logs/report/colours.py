# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
The colours of the report: of findings, of bars and lines of the chart, and of the page.

How the page is laid out stands in ``page.css``, what it does in ``page.js``, both beside this.
"""

import pathlib
import typing

BLUE, ORANGE, GREEN, RED = '#0072b2', '#e69f00', '#009e73', '#d55e00'
PURPLE, SKY, GREY, DARK = '#aa4499', '#56b4e9', '#9aa5b1', '#5c6773'
"""Told apart with any kind of colour blindness (after Okabe and Ito)."""


class Mark(typing.NamedTuple):
    """How a finding is marked in the chart, and in the table of findings."""

    colour: str
    symbol: str
    """Of plotly.js; page.css has the same shapes."""


FINDINGS = {'customer': Mark(RED, 'triangle-down'), 'controller': Mark(PURPLE, 'diamond')}
"""By the end that broke the rule. Its name in the table is written in ``--bad`` or ``--other``."""
OTHER_FINDING = Mark(DARK, 'circle')
OBSERVATION = Mark('#6b7f93', 'circle')

BARS = {
    'Initialising': GREY, 'Waiting_For_PEV': '#c9d1d9', 'Not_Available': DARK,
    'Negotiating_Connection': SKY, 'CCS_Authorisation_Process': '#7fb8d8',
    'Connected_With_Full_Info': '#3d93c4', 'Insulation_Test': PURPLE, 'Precharge': ORANGE,
    'Waiting_For_Charge': '#f0c75e', 'Charging': GREEN, 'Ending_Charge': '#7f9fb5',
    'Welding_Detection': '#cc79a7', 'Closing_Communication': '#a3b8c9',
    'Off': '#c9d1d9', 'Standby': '#a3b8c9', 'Power_Transfer': GREEN,
    'Power_Transfer, Range_Mode': '#2fb58c', 'Standby, Lowering': '#cc79a7',
    'Off, Lowering': '#cc79a7',
    'Allowed': GREEN, 'Not_Allowed': RED, 'Open': '#c9d1d9', 'Close': BLUE,
    'open': '#c9d1d9', 'closed': BLUE, 'unknown': GREY,
    'OFF': '#c9d1d9', 'REGULATE': GREEN, 'BLEED': '#cc79a7',
    'IDLE': '#c9d1d9', 'WAKING': SKY, 'STANDBY': '#a3b8c9', 'INSULATION_TEST': PURPLE,
    'PRECHARGE': ORANGE, 'POWER_TRANSFER': GREEN, 'FAULT': RED, 'OPEN': '#c9d1d9',
    'CLOSING': SKY, 'CLOSED': BLUE, 'UNLOADING': '#f0c75e', 'OPENING': SKY,
}
"""By the words on them."""
OTHER_BAR = '#cc79a7'
FAULT_BAR = RED
LIGHT_WORDS, DARK_WORDS = '#ffffff', '#1b2733'
WITH_LIGHT_WORDS = frozenset({
    PURPLE, GREEN, RED, BLUE, DARK, '#3d93c4', '#2fb58c'})
"""Colours of bars that carry light words."""
RANGE_AREA = 'rgba(230,159,0,0.22)'
"""Between the commanded limits of the current."""
SESSION_AREA = 'rgba(86,180,233,0.08)'

PAGE = """
:root { --paper: #f5f7f9; --card: #fff; --ink: #1b2733; --soft: #5c6773; --rule: #dde3e9;
  --accent: #0072b2; --other: #aa4499; --good: #007a59; --bad: #b84a00; --doubt: #a67c00;
  --mark: #fff3d6; }
@media screen and (prefers-color-scheme: dark) {
  :root { --paper: #11171d; --card: #1a222b; --ink: #e4eaf0; --soft: #9fb0bf; --rule: #2e3a46;
    --accent: #6db9ea; --other: #e08fd2; --good: #4cc9a0; --bad: #f0904e; --doubt: #d9a93f;
    --mark: #3b3220; } }
"""
"""Of the page, by day and by night; page.css uses them."""
_MARKS = {
    'customer-mark': FINDINGS['customer'].colour,
    'controller-mark': FINDINGS['controller'].colour,
    'observation-mark': OBSERVATION.colour,
}
"""As in the chart: by day and by night the same."""
_HERE = pathlib.Path(__file__).parent


def style_sheet() -> str:
    """Return the style of the page."""
    text = (_HERE / 'page.css').read_text(encoding='utf-8')
    for name, colour in _MARKS.items():
        text = text.replace(f'var(--{name})', colour)
    return PAGE + text


def script() -> str:
    """Return what the page does."""
    return '\n' + (_HERE / 'page.js').read_text(encoding='utf-8')
