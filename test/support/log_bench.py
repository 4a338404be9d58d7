# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
Logs for tests: clean sessions of the simulator, and the same with one thing spoilt by hand.

A log is a list of ``(time in s, Frame)``. :func:`edited` makes the hand-made ones of a clean one.
"""

import dataclasses
import functools
import math

from charger_breaches import CAR, ISO_20, RANGE_CAR

from gi3_ros.core.interface import codec
from gi3_ros.core.interface.signals import AdvanticsControllerStatus, DcPowerControl
from gi3_ros.sim.config import ControllerConfig, Pistol
from gi3_ros.sim.link import Link
from gi3_ros.sim.modules_config import ModulesConfig
from gi3_ros.sim.protocols import Protocol
from gi3_ros.sim.stages import Stage

State = AdvanticsControllerStatus.State
Function = DcPowerControl.PowerFunction

SLOW_CAR = dataclasses.replace(CAR, start_delay_s=7.0, charge_duration_s=8.0)
"""Long enough in each phase for every rule to show."""
LONG_CAR = dataclasses.replace(CAR, charge_duration_s=100.0)
AUTHORISING = ControllerConfig(free_service=False, insulation_iterations=20)
SESSIONS = {
    'CCS': {'controller_config': AUTHORISING, 'vehicle_config': SLOW_CAR},
    'long': {'controller_config': AUTHORISING, 'vehicle_config': LONG_CAR},
    'long test': {
        'controller_config': ControllerConfig(free_service=False, insulation_iterations=100),
        'vehicle_config': CAR},
    'late': {
        'controller_config': AUTHORISING,
        'vehicle_config': dataclasses.replace(CAR, start_delay_s=65.0)},
    'range': {
        'controller_config': ISO_20,
        'vehicle_config': dataclasses.replace(RANGE_CAR, start_delay_s=3.0)},
    'CHAdeMO': {
        'controller_config': ControllerConfig(pistol=Pistol.CHADEMO, index=1),
        'vehicle_config': dataclasses.replace(
            CAR, protocols=(Protocol.CHADEMO_1,), open_below_a=5.0)},
    'waking': {
        'controller_config': AUTHORISING, 'vehicle_config': CAR,
        'modules_config': ModulesConfig(wake_up_s=8.0)},
    'emergency': {'controller_config': AUTHORISING, 'vehicle_config': SLOW_CAR},
    'restart': {'controller_config': AUTHORISING, 'vehicle_config': SLOW_CAR},
}
AT_MOST_S = 200.0


@functools.cache
def session(name):
    """Return the log of a session from power-up to idle, as a tuple."""
    link = Link(**SESSIONS[name])
    simulator = link.simulator
    if name == 'restart':
        # A charger that does not withdraw its permission with its fault: the vehicle comes again.
        see_power = link.session.see_power
        link.session.see_power = lambda _fault, *, now_s: see_power('', now_s=now_s)
    link.run(4.0)
    simulator.vehicle.plug_in()
    if simulator.config.is_chademo:
        simulator.do('start', now_s=link.now_s)
    has_happened = False
    while not simulator.sessions:
        link.step()
        assert link.now_s < AT_MOST_S, simulator.controller.stage
        if simulator.controller.stage is Stage.CHARGING and not has_happened:
            has_happened = True
            if name == 'emergency':
                link.run(2.0)
                simulator.controller.emergency_stop('test', now_s=link.now_s)
                link.run(3.0)
                simulator.controller.release_emergency()
            elif name == 'restart':
                link.run(2.0)
                simulator.do('restart 1', now_s=link.now_s)
    link.run(8.0)
    return tuple(link.frames)


def edited(log, edit):
    """
    Return a log with some frames changed.

    :param edit: called with ``(message, time in s, state)``, the state as last reported; returns
        the message unchanged to keep it, another one, a ``Frame``, a list of these, or ``None``
    """
    out, state = [], None
    for time_s, frame in log:
        received = codec.decode(frame)
        message = received.message
        if isinstance(message, AdvanticsControllerStatus):
            state = message.state
        changed = edit(message, time_s, state)
        for each in changed if isinstance(changed, list) else [changed]:
            if each is message:
                out.append((time_s, frame))
            elif each is not None:
                is_message = hasattr(each, 'SIGNALS')
                out.append((
                    time_s, codec.encode(each, index=received.index) if is_message else each))
    return out


def without(cls, *, when=lambda _state, _time_s: True):
    """Return an edit that takes out one message."""
    return lambda message, time_s, state: (
        None if isinstance(message, cls) and when(state, time_s) else message)


def changed(cls, *, when=lambda _state, _message: True, at_most=math.inf, **fields):
    """Return an edit that changes fields of one message, of so many at most."""
    count = 0

    def edit(message, _time_s, state):
        nonlocal count
        if not isinstance(message, cls) or not when(state, message) or count >= at_most:
            return message
        count += 1
        return dataclasses.replace(message, **fields)
    return edit


def after(seconds, edit, *, is_begin):
    """Return an edit that begins so long after something was there for the first time."""
    begin_s = None

    def wrapped(message, time_s, state):
        nonlocal begin_s
        if begin_s is None and is_begin(message, state):
            begin_s = time_s
        if begin_s is None or time_s - begin_s < seconds:
            return message
        return edit(message, time_s, state)
    return wrapped
