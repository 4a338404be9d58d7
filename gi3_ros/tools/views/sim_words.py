# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""How the live view of ``gi3 sim`` says what is in a picture."""

from collections.abc import Iterator

from rich.text import Text

from ...core.interface.signals import DcPowerControl, PowerModulesStatus
from ...sim.actions import ACTIONS
from ...sim.events import Kind
from ...sim.stages import IDLE_STAGES, Stage
from .sim_desk import Origin, SIDES
from .sim_picture import BREACHES, Line, PistolPicture, SimPicture
from .widgets import (
    BAD,
    between,
    copper,
    EventLine,
    GOOD,
    KEY,
    LABEL,
    LABEL_WIDTH,
    ODD,
    row,
    step_bar,
    Value,
)
from .words import label, lower_words, number, wrapped

STEPS = (
    ('negotiate', (Stage.NEGOTIATING,)),
    ('authorise', (Stage.AUTHORISATION, Stage.FULL_INFO)),
    ('insulation', (Stage.NOT_READY, Stage.READY, Stage.TESTING, Stage.LOWERING)),
    ('precharge', (Stage.PRECHARGE, Stage.PRECHARGE_DONE)),
    ('charge', (Stage.WAITING_FOR_CHARGE, Stage.CHARGING)),
    ('end', (
        Stage.ENDING_CURRENT, Stage.ENDING_OPEN, Stage.ENDING_LOWER, Stage.WELDING_DETECTION,
        Stage.CLOSING, Stage.EMERGENCY)),
)
CHADEMO_STEPS = tuple(
    ('connect', (Stage.CONNECTING,)) if title == 'precharge' else (title, stages)
    for title, stages in STEPS)
LATE_S = 0.25
"""Older than this a status is late: it comes every 100 ms (R2)."""
HELP_OF_KEYS = (
    ('p', 'plug in, or unplug; from then on nobody else does it'),
    ('s', 'stop button at the controller'),
    ('a', 'start button of CHAdeMO'),
    ('e', 'emergency stop of the charger side: pull it, release it'),
    ('v', 'emergency stop of the vehicle side: pull it, release it'),
    ('x', 'the vehicle ends the charge'),
    ('tab 1..9', 'another pistol: the next one, or the one with this index'),
    (':', 'type any of the actions below; Enter does it, Esc leaves it'),
    ('q Ctrl-C', 'quit; a session in progress is not ended in an orderly way'),
)
_UNKNOWN_C = PowerModulesStatus().power_modules_temperature
_EVENT_STYLES = {
    Kind.FINDING: BAD, Kind.OBSERVATION: ODD, Kind.ACTION: KEY, Kind.BUS: ODD}


def pistols(picture: SimPicture, chosen: int) -> list[Text]:
    """Return a line for each pistol when there are several."""
    if len(picture.pistols) == 1:
        return []
    lines = []
    for number_, pistol in enumerate(picture.pistols):
        status = pistol.status
        volts, amperes = (None, None) if status is None else (
            status.present_voltage, status.present_current)
        line = Text.assemble(
            '▶ ' if number_ == chosen else '  ', (f'{pistol.index:<2}', f'bold {KEY}'),
            f' {pistol.pistol:7}  {lower_words(pistol.state):24} '
            f'{number(volts, "6.1f", "V"):>8} '
            f'{number(amperes, "6.1f", "A"):>8} '
            f'{100 * pistol.battery.state_of_charge:4.0f} %')
        if pistol.emergency is not None:
            line.append('  emergency', style=f'bold {BAD}')
        elif pistol.breach_count:
            line.append('  breaches', style=BAD)
        if number_ != chosen:
            line.stylize('dim')
        lines.append(line)
    return lines


def headline(pistol: PistolPicture, width: int) -> list[Text]:
    """Return where the session is."""
    colour = BAD if pistol.emergency is not None else (
        '' if pistol.stage in IDLE_STAGES else GOOD)
    name, stage = pistol.state, pistol.stage.name
    left = Text.assemble(
        (f' {name.replace("_", " ")} ', f'bold reverse {colour}'),
        (('' if stage == name else f'  {stage}') + f'  for {pistol.stage_for_s:.1f} s', LABEL))
    right = Text(
        f'pistol {pistol.index}, {pistol.pistol}   {pistol.elapsed_s:.1f} s', style=LABEL)
    return [
        between(left, right, width),
        step_bar(CHADEMO_STEPS if pistol.is_chademo else STEPS, pistol.stage, pistol.seen)]


def who(pistol: PistolPicture, width: int, *, has_room: bool) -> list[Text]:
    """Return who is there, and the copper between them."""
    lines = []
    if pistol.emergency is not None:
        _, side = SIDES[pistol.emergency.origin]
        held = ', held' if pistol.emergency.is_held else ''
        lines = [
            Text(text, style='bold white on red') for text in wrapped(
                f'EMERGENCY STOP of the {side}{held}: {pistol.emergency.cause}', width)]
    if has_room:
        lines += row('vehicle', pistol.vehicle, width)
    return [*lines, *row('session', pistol.session, width), copper(
        'charger', (pistol.relay_closed, 'plugged in' if pistol.is_plugged else 'unplugged'),
        (pistol.contactors_closed, 'battery'))]


def commands(pistol: PistolPicture) -> list[Value]:
    """Return what the controller commands, and the battery."""
    command, battery = pistol.command, pistol.battery
    function = voltage = current = contactors = '-'
    if command is not None:
        function = label(command.power_function)
        voltage = number(command.target_voltage, '7.1f', 'V')
        current = number(command.current_range_max, '7.1f', 'A')
        if command.setpoints_mode is DcPowerControl.SetpointsMode.RANGE_MODE:
            current = f'{command.current_range_min:7.1f} to {command.current_range_max:.1f} A'
        contactors = label(command.output_contactors)
        if command.lower_output_voltage:
            contactors += ', lowering'
    energy = number(battery.charged_wh / 1e3, '7.3f', 'kWh')
    if battery.discharged_wh >= 0.5:
        energy += f', {battery.discharged_wh / 1e3:.3f} out'
    return [
        Value('function', function),
        Value('voltage', voltage),
        Value('current', current),
        Value('contactors', contactors),
        Value('battery', f'{100 * battery.state_of_charge:7.1f} %, '
                         f'{battery.open_circuit_v:.1f} V'),
        Value('energy', energy),
    ]


def age(pistol: PistolPicture) -> tuple[str, str]:
    """Return how old the charger's report is, and the style for that."""
    age_s = pistol.status_age_s
    if age_s is None:
        return 'nothing yet', BAD
    words = f'silent for {age_s:.0f} s' if pistol.status is None else f'{age_s:.2f} s ago'
    return words, LABEL if age_s < LATE_S else BAD


def reports(pistol: PistolPicture) -> list[Value]:
    """Return what the charger reports."""
    status = pistol.status
    if status is None:
        labels = ('voltage', 'current', 'power', 'enable', 'insulation', 'temperature')
        return [Value(label, '-') for label in labels]
    watts = status.present_voltage * status.present_current
    is_allowed = status.system_enable is PowerModulesStatus.SystemEnable.ALLOWED
    return [
        Value('voltage', number(status.present_voltage, '7.1f', 'V')),
        Value('current', number(status.present_current, '7.1f', 'A')),
        Value('power', number(watts / 1e3, '7.1f', 'kW')),
        Value('enable', label(status.system_enable),
              f'bold {GOOD if is_allowed else ODD}'),
        Value('insulation', number(status.insulation_resistance / 1e3, '7.0f', 'kOhm')),
        Value('temperature', f'{_celsius(status.power_modules_temperature)}, enclosure '
                             f'{_celsius(status.enclosure_temperature)}'),
    ]


def _celsius(value: float) -> str:
    return '-' if value <= _UNKNOWN_C else f'{value:.0f} °C'


def state_of_rules(pistol: PistolPicture, width: int, *, has_room: bool) -> list[Text]:
    """Return the flags, what is wrong on purpose, and what rules the charger broke."""
    return [
        _flags(pistol),
        *row('disturbed', '; '.join(pistol.disturbances), width, ODD),
        *_rules(pistol, width, BREACHES if has_room else 1)]


def _flags(pistol: PistolPicture) -> Text:
    line = Text(f'{"flags":{LABEL_WIDTH}}', style=LABEL)
    flags = pistol.flags
    if flags is None:
        return line + Text('not used (use_sequence_flags)', style=LABEL)
    shown = [('start', flags.start_charge_authorisation)]
    if pistol.is_chademo:
        shown.append(('start button', flags.chademo_start_button))
    else:
        shown += [('auth. done', flags.ccs_authorisation_done),
                  ('auth. valid', flags.ccs_authorisation_valid)]
    shown += [('parameters', flags.charge_parameters_done), ('stop', flags.user_stop_button)]
    for title, is_set in shown:
        line.append(f'{"●" if is_set else "○"} {title}  ', style='not dim' if is_set else LABEL)
    return line


def _rules(pistol: PistolPicture, width: int, most: int) -> list[Text]:
    count = pistol.breach_count
    if not count:
        return row('rules', 'none broken by the charger', width, GOOD)
    many = 'es' if count > 1 else ''
    lines = row('rules', f'{count} breach{many} by the charger', width, f'bold {BAD}')
    for breach in pistol.breaches[-most:]:
        lines += row('', f'{breach.time_s:.2f} s  {breach.words}', width, BAD)
    return lines


def events(picture: SimPicture) -> list[EventLine]:
    """Return the events, with whose they are when there are several pistols."""
    has_several = len(picture.pistols) > 1

    def shown(line: Line) -> EventLine:
        whose = f'[{line.pistol}] ' if has_several else ''
        return EventLine(line.time_s, whose + line.words, _EVENT_STYLES.get(line.kind, ''))

    return [shown(line) for line in picture.events]


def keys(pistol: PistolPicture, *, has_several: bool) -> Iterator[tuple[str, str]]:
    """Return keys, and what each does now."""
    emergency = pistol.emergency
    held = emergency.origin if emergency is not None and emergency.is_held else None
    yield 'p', 'unplug' if pistol.is_plugged else 'plug in'
    if pistol.is_chademo:
        yield 'a', 'start'
    yield 's', 'stop'
    for origin, (key, side) in SIDES.items():
        of_side = '' if origin is Origin.EVSE else f'{side} '
        yield key, f'{of_side}{"release" if held is origin else "emergency"}'
    yield 'x', 'vehicle ends'
    if has_several:
        yield 'tab', 'next pistol'
    yield ':', 'action'
    yield '?', 'help'
    yield 'q', 'quit'


def help_lines(width: int) -> list[Text]:
    """Return what the keys and the actions do."""
    lines = [
        Text.assemble((f'{key:{LABEL_WIDTH}}', f'bold {KEY}'), words)
        for key, words in HELP_OF_KEYS]
    lines.append(Text())
    for name, spec in ACTIONS.items():
        lines.append(Text.assemble((name, f'bold {KEY}'), f' {spec.usage}'))
        lines += [Text(f'    {part}', style=LABEL) for part in wrapped(spec.help, width - 4)]
    return lines
