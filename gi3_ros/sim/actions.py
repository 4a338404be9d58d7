# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
What can be done to the simulator while it runs: by a scenario, a typed line or a key.

An action is one line of text: its name, its arguments, and for some at the end ``for SECONDS``,
after which it is undone. :data:`ACTIONS` is the list; ``gi3 sim --help-actions`` prints it.
"""

from collections.abc import Callable, Iterable, Mapping
import dataclasses
import math
import shlex
from typing import Protocol

from ..core.interface.frame import Frame
from ..core.interface.signals import EmergencyStop
from .config import ControllerConfig
from .controller import Controller
from .vehicle import Vehicle
from .vehicle_contactors import ContactorFault
from .wire import Disturbance, message_named, NEWER_VERSIONS, signal_of, Wire

ALL = 'all'
"""Instead of the name of a message: every one of them."""


class Simulated(Protocol):
    """The :class:`~.simulator.Simulator`, for those who do something to it."""

    vehicle: Vehicle
    controller: Controller
    wire: Wire
    config: ControllerConfig
    sessions: int
    restarts: int
    elapsed_s: float

    def do(self, action: 'Action', *, now_s: float) -> None:
        """Carry out an action, and undo it after its time."""

    def plug_in(self, *, now_s: float) -> None:
        """Let somebody put the connector in."""

    def unplug(self, *, now_s: float) -> None:
        """Let somebody pull the connector out."""

    def restart_controller(self, silent_s: float, *, now_s: float) -> None:
        """Let the controller begin from nothing, after so long without a word."""


@dataclasses.dataclass(frozen=True, slots=True)
class Action:
    """A line that was understood; :meth:`do` carries it out."""

    line: str
    spec: '_Spec'
    arguments: tuple[object, ...]
    for_s: float = math.inf

    def do(self, simulator: Simulated, *, now_s: float) -> None:
        """Carry it out."""
        self.spec.function(simulator, *self.arguments, now_s=now_s, until_s=now_s + self.for_s)

    def is_of(self, *names: str) -> bool:
        """Whether it is one of these actions."""
        return any(self.spec is ACTIONS[name] for name in names)

    def replaces(self, undo: 'Action') -> bool:
        """Whether it makes an action that is to come, and would undo something, needless."""
        return self.line == undo.line or self.spec.undo == undo.line

    @property
    def undo_line(self) -> str:
        """The action that undoes it when its time is over; empty when nothing has to."""
        return self.spec.undo if math.isfinite(self.for_s) else ''


@dataclasses.dataclass(frozen=True, slots=True)
class _Spec:
    function: Callable[..., None]
    """Called with the simulator, the arguments, ``now_s`` and ``until_s``."""
    arguments: str
    """As in a usage line: capitals are values, brackets are optional."""
    help: str
    convert: Callable[..., tuple[object, ...]] = lambda: ()
    """From the words of a line to the arguments of ``function``."""
    undo: str = ''
    is_timed: bool = False

    @property
    def usage(self) -> str:
        return f'{self.arguments}{" [for SECONDS]" if self.is_timed or self.undo else ""}'.strip()


def parse(line: str) -> Action:
    """
    Understand a line.

    :raises ValueError: with words that say what is wrong and how it should be
    """
    try:
        words = shlex.split(line, comments=True)
    except ValueError as error:
        raise ValueError(f'{line!r}: {error}') from error
    if not words:
        raise ValueError('an empty line is no action')
    name, *words = words
    if name not in ACTIONS:
        raise ValueError(f'{name!r} is no action; there are {", ".join(ACTIONS)}')
    spec = ACTIONS[name]
    try:
        for_s = math.inf
        if len(words) >= 2 and words[-2] == 'for':
            if not (spec.is_timed or spec.undo):
                raise ValueError('it has no duration')
            for_s = _number(words[-1], 'SECONDS', low=0.0)
            words = words[:-2]
        return Action(line.strip(), spec, spec.convert(*words), for_s)
    except TypeError as error:
        raise ValueError(f'{line!r}: usage is {name} {spec.usage}'.rstrip()) from error
    except ValueError as error:
        raise ValueError(f'{line!r}: {error}; usage is {name} {spec.usage}'.rstrip()) from error


def _number(
    text: str, name: str, *, low: float = -math.inf, high: float = math.inf,
) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and low <= value <= high):
        limits = f', {low:g}..{high:g}' if math.isfinite(low) or math.isfinite(high) else ''
        raise ValueError(f'{name} {text!r} should be a number{limits}')
    return value


def _whole(text: str, name: str, *, low: int, high: int) -> int:
    try:
        value = int(text, 0)
    except ValueError:
        value = low - 1
    if not low <= value <= high:
        raise ValueError(f'{name} {text!r} should be a whole number, {low}..{high}')
    return value


def _choice(text: str, name: str, choices: Iterable[str]) -> str:
    if text not in choices:
        raise ValueError(f'{name} {text!r} should be one of {", ".join(choices)}')
    return text


# What each action does. Arguments are converted already; every one gets ``now_s`` and ``until_s``.


def _plug(simulator: Simulated, *, now_s: float, **_: float) -> None:
    simulator.plug_in(now_s=now_s)


def _unplug(simulator: Simulated, *, now_s: float, **_: float) -> None:
    simulator.unplug(now_s=now_s)


def _ask_again(simulator: Simulated, **_: float) -> None:
    simulator.controller.ask_again()


def _start(simulator: Simulated, *, now_s: float, **_: float) -> None:
    simulator.controller.press_start(now_s=now_s)


def _stop(simulator: Simulated, **_: float) -> None:
    simulator.controller.press_stop()


def _vehicle_stop(simulator: Simulated, **_: float) -> None:
    simulator.vehicle.ask_to_stop('the vehicle has had enough')


def _lose_link(simulator: Simulated, *, now_s: float, **_: float) -> None:
    # Each of them notices by itself.
    simulator.controller.lose_link()
    simulator.vehicle.emergency(now_s=now_s)


def _emergency(simulator: Simulated, side: str, *, now_s: float, **_: float) -> None:
    origin = EmergencyStop.Origin[side.upper()]
    cause = {'evse': 'emergency button of the charger', 'pev': 'fault of the vehicle'}[side]
    simulator.controller.emergency_stop(cause, origin=origin, now_s=now_s)


def _release(simulator: Simulated, **_: float) -> None:
    simulator.controller.release_emergency()


def _restart(simulator: Simulated, silent_s: float, *, now_s: float, **_: float) -> None:
    simulator.restart_controller(silent_s, now_s=now_s)


def _ocpp(simulator: Simulated, current_a: float, **_: float) -> None:
    simulator.controller.set_ocpp_target(current_a)


def _input(simulator: Simulated, number: int, is_high: bool, **_: float) -> None:
    bit = 1 << number - 1
    controller = simulator.controller
    controller.inputs = controller.inputs | bit if is_high else controller.inputs & ~bit


def _insulation(simulator: Simulated, kohm: float | None, **_: float) -> None:
    vehicle = simulator.vehicle
    vehicle.insulation_resistance_ohm = (
        vehicle.config.insulation_resistance_ohm if kohm is None else 1e3 * kohm)


def _contactors(simulator: Simulated, fault: str, **_: float) -> None:
    simulator.vehicle.contactor_fault = ContactorFault(fault)


def _claim(simulator: Simulated, volts: float | None, **_: float) -> None:
    simulator.vehicle.claimed_battery_v = volts


def _demand(simulator: Simulated, amperes: float | None, **_: float) -> None:
    simulator.vehicle.wishes.demanded_a = amperes


def _pause(simulator: Simulated, seconds: float, *, now_s: float, **_: float) -> None:
    simulator.vehicle.wishes.pause(seconds, now_s=now_s)


def _disturb(kind: str) -> Callable[..., None]:
    def do(
        simulator: Simulated, message: str = '', amount: float = 0.0, *, until_s: float,
        **_: float,
    ) -> None:
        simulator.wire.disturb(Disturbance(
            kind, message=message, amount=amount, until_s=until_s))
    return do


def _newer(simulator: Simulated, version: str, *, until_s: float, **_: float) -> None:
    simulator.wire.disturb(Disturbance('newer', version=version, until_s=until_s))


def _set(
    simulator: Simulated, message: str, signal: str, raw: int, *, until_s: float, **_: float,
) -> None:
    simulator.wire.disturb(Disturbance(
        'set', message=message, signal=signal, amount=raw, until_s=until_s))


def _send(simulator: Simulated, can_id: int, data: bytes, **_: float) -> None:
    simulator.wire.inject(Frame(can_id, data, is_extended=can_id > 0x7FF))


def _heal(simulator: Simulated, message: str, **_: float) -> None:
    simulator.wire.heal(message)


# From words to arguments.


def _message(text: str) -> str:
    return '' if text == ALL else message_named(text).NAME


def _one_message(text: str) -> tuple[str]:
    return (_message(text),)


def _message_and_number(
    name: str, default: float, low: float, high: float,
) -> Callable[..., tuple[str, float]]:
    def convert(message: str, amount: str = str(default)) -> tuple[str, float]:
        return _message(message), _number(amount, name, low=low, high=high)
    return convert


def _message_signal_raw(message: str, signal: str, raw: str) -> tuple[str, str, int]:
    cls = message_named(message)
    field = signal_of(cls, signal)
    return message, signal, _whole(raw, 'RAW', low=field.raw_minimum, high=(
        1 << field.length) - 1)


def _can_frame(can_id: str, data: str = '') -> tuple[int, bytes]:
    number = _whole(f'0x{can_id.removeprefix("0x")}', 'ID', low=0, high=0x1FFFFFFF)
    try:
        octets = bytes.fromhex(data)
    except ValueError:
        octets = None
    if octets is None or len(octets) > 8:
        raise ValueError(f'DATA {data!r} should be up to 8 bytes in hexadecimal digits')
    return number, octets


def _or_none(
    word: str, name: str, low: float, high: float,
) -> Callable[[str], tuple[float | None]]:
    def convert(text: str) -> tuple[float | None]:
        return (None if text == word else _number(text, name, low=low, high=high),)
    return convert


ACTIONS: Mapping[str, _Spec] = {
    'plug_in': _Spec(_plug, '', 'put the connector into the vehicle'),
    'unplug': _Spec(_unplug, '', 'pull it out, whatever the session does'),
    'ask_again': _Spec(_ask_again, '', 'the vehicle asks for another session, still plugged in'),
    'start': _Spec(_start, '', 'press the start button of CHAdeMO'),
    'stop': _Spec(_stop, '', 'press the stop button at the controller'),
    'vehicle_stop': _Spec(_vehicle_stop, '', 'the vehicle ends the charge'),
    'lose_link': _Spec(
        _lose_link, '', 'vehicle and controller do not understand each other any more'),
    'emergency': _Spec(
        _emergency, '[evse|pev]', 'raise an emergency stop that lasts',
        lambda side='evse': (_choice(side, 'SIDE', ('evse', 'pev')),), undo='release'),
    'release': _Spec(_release, '', 'take the cause of the emergency stop away'),
    'restart': _Spec(
        _restart, '[SILENT_S]', 'the controller restarts, after so long without a word',
        lambda silent='1': (_number(silent, 'SILENT_S', low=0.0, high=3600.0),)),
    'ocpp': _Spec(
        _ocpp, 'AMPERE', 'OCPP_Control: the central system chooses the current',
        lambda amperes: (_number(amperes, 'AMPERE', low=-3276.8, high=3276.7),)),
    'input': _Spec(
        _input, 'NUMBER 0|1', 'level of a monitored digital input',
        lambda number, level: (
            _whole(number, 'NUMBER', low=1, high=6), _choice(level, 'LEVEL', ('0', '1')) == '1')),
    'insulation': _Spec(
        _insulation, 'KOHM|good', 'insulation of the vehicle',
        _or_none('good', 'KOHM', 1e-3, 1e6), undo='insulation good'),
    'contactors': _Spec(
        _contactors, 'none|stays_open|stays_closed|welded', "fault of the vehicle's contactors",
        lambda fault: (_choice(fault, 'FAULT', [each.value for each in ContactorFault]),),
        undo='contactors none'),
    'claim': _Spec(
        _claim, 'VOLT|truth', 'battery voltage that the vehicle tells in the precharge',
        _or_none('truth', 'VOLT', 0.0, 6553.5), undo='claim truth'),
    'demand': _Spec(
        _demand, 'AMPERE|nothing', 'current the vehicle asks for, whatever is good for it and '
        'without an end by itself; the controller keeps to the limits',
        _or_none('nothing', 'AMPERE', -3276.8, 3276.7),
        undo='demand nothing'),
    'pause': _Spec(
        _pause, 'SECONDS', 'the vehicle asks for nothing in the energy transfer',
        lambda seconds: (_number(seconds, 'SECONDS', low=0.0),)),
    'mute': _Spec(
        _disturb('mute'), 'MESSAGE|all', 'a message is not sent', _one_message, is_timed=True),
    'jitter': _Spec(
        _disturb('jitter'), 'MESSAGE|all [MOST_S]', 'frames come up to so much later',
        _message_and_number('MOST_S', 0.05, 0.0, 60.0), is_timed=True),
    'duplicate': _Spec(
        _disturb('duplicate'), 'MESSAGE|all [COPIES]', 'frames come again',
        _message_and_number('COPIES', 1, 1, 50), is_timed=True),
    'shorten': _Spec(
        _disturb('shorten'), 'MESSAGE|all [BYTES]', 'bytes are missing at the end',
        _message_and_number('BYTES', 1, 1, 8), is_timed=True),
    'lengthen': _Spec(
        _disturb('lengthen'), 'MESSAGE|all [BYTES]', 'bytes too many at the end',
        _message_and_number('BYTES', 1, 1, 8), is_timed=True),
    'reserved': _Spec(
        _disturb('reserved'), 'MESSAGE|all', 'bits that no signal owns are set', _one_message,
        is_timed=True),
    'set': _Spec(
        _set, 'MESSAGE SIGNAL RAW', 'a raw number in a signal, a label that there is not, too',
        _message_signal_raw, is_timed=True),
    'newer': _Spec(
        _newer, '[3.3|3.4|3.5|3.6]', 'longer and unknown frames of a later interface version',
        lambda version='3.6': (_choice(version, 'VERSION', NEWER_VERSIONS),), is_timed=True),
    'bus_off': _Spec(_disturb('bus_off'), '', 'nothing goes either way', is_timed=True),
    'send': _Spec(
        _send, 'ID [DATA]', 'a frame of your own, both in hexadecimal digits', _can_frame),
    'heal': _Spec(
        _heal, '[MESSAGE|all]', 'end what is wrong with a message',
        lambda message=ALL: (_message(message),)),
}
"""Every action by its name."""
