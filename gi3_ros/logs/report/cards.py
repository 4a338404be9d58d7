# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The sessions of a pistol on its page: a card for each."""

from collections.abc import Iterator
import typing

from ..story.pistol import Pistol
from ..story.session import INTEGRATE_S, Session
from ..story.verdict import count, duration
from .clock import Clock
from .markup import safe

CARDS = 24
"""Sessions of one pistol with a card; all of them are in the table."""
SATURATED_OHM = 510e3
"""The largest insulation that Power_Modules_Status can say (R13)."""
_BADGES = {'Clean_Stop': ' good', 'Rushed_Stop': ' bad'}


class _Figure(typing.NamedTuple):
    title: str
    value: str
    unit: str


def cards(pistol: Pistol, clock: Clock) -> str:
    """Return the cards of the sessions of a pistol."""
    if not pistol.sessions:
        stops = ''
        if pistol.emergencies:
            origin, time_s = pistol.emergencies[0]
            stops = f' Emergency_Stop by the {safe(origin)} at {safe(clock.text(time_s))}.'
        return f'<p>No charge session in this log.{stops}</p>'
    each = ''.join(_card(number, session, clock)
                   for number, session in enumerate(pistol.sessions[:CARDS], 1))
    rest = ''
    if len(pistol.sessions) > CARDS:
        rest = (f'<p class="note">The first {CARDS} sessions of {len(pistol.sessions)}; the '
                'table has the others.</p>')
    return f'<div class="cards">{each}</div>{rest}'


def _card(number: int, session: Session, clock: Clock) -> str:
    is_clear = session.is_begin_known and not session.left_live_v
    mood = _BADGES.get(session.outcome or '', '') if is_clear else ''
    badge = session.outcome or 'no end'
    begin = clock.text(session.begin_s)
    if not session.is_begin_known:
        begin = f'before {begin}'
    how = ' · '.join(filter(None, (session.protocol, session.plug)))
    rows = ''.join(
        f'<div><dd>{safe(each.value)} <small>{safe(each.unit)}</small></dd>'
        f'<dt>{safe(each.title)}</dt></div>' for each in _figures(session))
    lines = ''.join(f'<p class="alarm">{safe(alarm)}</p>' for alarm in _alarms(session, clock))
    facts = ''.join(f'<span>{safe(fact)}</span>' for fact in _facts(session))
    return (
        f'<article class="card"><h3>Session {number} <span class="badge{mood}">{safe(badge)}'
        f'</span> <small>{safe(begin)} to {safe(clock.text(session.end_s))}</small> '
        f'<small>{safe(how)}</small></h3><dl class="figures">{rows}</dl>{lines}'
        f'<p class="facts">{facts}</p></article>')


def _figures(session: Session) -> Iterator[_Figure]:
    yield _Figure('Duration', duration(session.duration_s), '')
    if session.has_energy:
        yield _energy('Charged', session.charged_wh)
        if session.discharged_wh >= 0.05:
            yield _energy('Discharged', session.discharged_wh)
    if session.soc_from is not None:
        yield _Figure(
            'State of charge', f'{session.soc_from:.0f} → {session.soc_to:.0f}', '%')
    for title, peak, factor, unit, places in (
            ('Peak power', session.peak_w, 1e-3, 'kW', 1),
            ('Peak current', session.peak_a, 1, 'A', 1),
            ('Peak voltage', session.peak_v, 1, 'V', 1)):
        if peak is not None:
            yield _Figure(title, f'{peak.value * factor:.{places}f}', unit)
    for title, least in (('Insulation in test', session.test_ohm),
                         ('Insulation after', session.later_ohm)):
        if least is not None:
            sign = '≥ ' if least.value >= SATURATED_OHM else ''
            yield _Figure(title, f'{sign}{least.value / 1e3:.0f}', 'kΩ')


def _energy(title: str, energy_wh: float) -> _Figure:
    if energy_wh < 1000:
        return _Figure(title, f'{energy_wh:.1f}', 'Wh')
    return _Figure(title, f'{energy_wh / 1000:.2f}', 'kWh')


def _alarms(session: Session, clock: Clock) -> Iterator[str]:
    if session.cause:
        at_s = session.emergency.time_s if session.emergency else session.end_s
        yield f'{clock.text(at_s)}: {session.cause}'
    if session.withdrawals:
        yield 'System_Enable withdrawn at ' + ', '.join(
            map(clock.text, session.withdrawals[:5]))
    if not session.outcome:
        yield session.end_reason[:1].upper() + session.end_reason[1:]
    if not session.is_begin_known:
        yield 'Its begin is not in the log'
    if session.left_live_v:
        yield f'{session.left_live_v:.0f} V ' + (
            'stayed at the output after it' if session.is_left_live else
            'at the output when it was measured last')
    if session.uncounted:
        yield (
            f'Energy without {session.uncounted_s:.1f} s in '
            f'{count(session.uncounted, "gap")} of Power_Modules_Status longer than '
            f'{INTEGRATE_S:.0f} s')


def _facts(session: Session) -> Iterator[str]:
    if session.capacity_wh:
        yield f'Battery {session.capacity_wh / 1000:.0f} kWh'
    # 0 is what the vehicle did not tell (A30).
    if session.ev_voltages and any(session.ev_voltages):
        least, most = session.ev_voltages
        yield (f'Vehicle {least:.0f} to {most:.0f} V' if least and most else
               f'Vehicle up to {most:.0f} V' if most else f'Vehicle from {least:.0f} V')
    for words, limits in (('charges', session.ev_charge),
                          ('discharges', session.ev_discharge)):
        figures = [] if limits is None else [f'{value:.0f} {unit}' for value, unit in (
            (limits.most_a, 'A'), (limits.most_w / 1000, 'kW')) if value]
        if figures:
            yield f'{words} with up to {", ".join(figures)}'
    if session.told and not any(session.told):
        yield "No limits told by the charger: the controller's own hold"
    elif session.told:
        # And 0 is what the charger leaves to the configuration of the controller (R33).
        volts, *amperes = (f'{value:.0f} {unit}' if value else "the controller's own"
                           for value, unit in zip(session.told, 'VAA', strict=True))
        yield (f'Limits told by the charger: voltage {volts}, charging {amperes[0]}, '
               f'discharging {amperes[1]}')
