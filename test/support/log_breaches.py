# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Hand-made logs: a clean session with one thing spoilt, and what an audit has to say of it."""

import dataclasses

from log_bench import after, changed, edited, Function, session, State, without
import pytest

from gi3_ros.core.interface import codec
from gi3_ros.core.interface.frame import Frame
from gi3_ros.core.interface.signals import (
    AdmCsSeccInputs,
    AdvanticsControllerStatus,
    ChargeSessionFinished,
    ChargeStatusChange,
    DcPowerControl,
    DcPowerParameters,
    EmergencyStop,
    EvInformationBattery,
    EvInformationVoltages,
    NewChargeSession,
    PowerModulesStatus,
    SequenceControl,
)

Protocol = NewChargeSession.CommunicationProtocol
PlugAndPins = NewChargeSession.PlugAndPins
TRANSFER = DcPowerControl(
    target_voltage=420.0, current_range_max=10.0, current_range_min=10.0,
    power_function=Function.POWER_TRANSFER, output_contactors=1)
ANNOUNCEMENT = NewChargeSession(
    Protocol.CCS_ISO_15118_2013_V2, PlugAndPins.CCS_DC_EXTENDED)
STANDBY = DcPowerControl(power_function=Function.STANDBY, output_contactors=1)
BOTH = {'controller', 'customer'}


def function_is(*functions):
    return lambda _state, message: (
        message.power_function in functions and not message.lower_output_voltage)


def in_state(*states):
    return lambda state, _message: state in states


def lowering_in(*states):
    return lambda state, message: bool(message.lower_output_voltage) and state in states


def between(low_s, high_s):
    """Return a condition on the time, for :func:`without`."""
    return lambda _state, time_s: low_s <= time_s < high_s


def raw(cls, spoil, *, nth=1):
    """Return an edit that spoils the bytes of the nth frame of a message."""
    count = 0

    def edit(message, _time_s, _state):
        nonlocal count
        if not isinstance(message, cls):
            return message
        count += 1
        if count != nth:
            return message
        frame = codec.encode(message, index=1)
        return Frame(frame.can_id, spoil(frame.data))
    return edit


def once_before(cls, extra, *, when=lambda _state, _message: True):
    """Return an edit that puts another message before the first of these."""
    is_done = False

    def edit(message, _time_s, state):
        nonlocal is_done
        if is_done or not isinstance(message, cls) or not when(state, message):
            return message
        is_done = True
        return [extra, message]
    return edit


def all_of(*edits):
    """Return one edit after the other; only the last may add frames."""
    def edit(message, time_s, state):
        for each in edits:
            message = each(message, time_s, state)
            if not hasattr(message, 'SIGNALS'):
                return message
        return message
    return edit


def flags(**fields):
    return changed(SequenceControl, **fields)


def begins(cls, *states):
    return lambda message, state: isinstance(message, cls) and state in states


def first(edit):
    """Return an edit that acts on one message only."""
    is_done = False

    def wrapped(message, time_s, state):
        nonlocal is_done
        if is_done:
            return message
        result = edit(message, time_s, state)
        is_done = result is not message
        return result
    return wrapped


def press_stop(message, time_s, state):
    flags_in_charge = SequenceControl(
        start_charge_authorisation=1, ccs_authorisation_done=1, ccs_authorisation_valid=1,
        charge_parameters_done=1)
    pressed = dataclasses.replace(flags_in_charge, user_stop_button=1)
    return [message, pressed, flags_in_charge]


def restarted(message, time_s, state):
    """Let the controller wait for ever after its restart, as nobody tells it anything."""
    if time_s < 20.0 or isinstance(message, PowerModulesStatus):
        return message
    if isinstance(message, AdvanticsControllerStatus):
        state = State.INITIALISING if time_s < 21.0 else State.NOT_AVAILABLE
        return dataclasses.replace(message, state=state)
    return None


def withdrawn(state):
    return changed(
        PowerModulesStatus, system_enable=0, when=in_state(state))


# (who, rule, what is in the file's name, session, edit); who may be both.
LOG_BREACHES = [
    ('controller', 'R1', 'no status', 'CCS',
     lambda: without(AdvanticsControllerStatus, when=between(2.0, 2.5))),
    ('controller', '1.4', 'short frame', 'CCS',
     lambda: raw(EvInformationBattery, lambda data: data[:2], nth=2)),
    ('controller', '1.4', 'undefined state', 'CCS',
     lambda: raw(AdvanticsControllerStatus, lambda data: b'\x0e', nth=20)),
    ('controller', 'R52', 'stray bits', 'CCS',
     lambda: raw(AdmCsSeccInputs, lambda data: b'\xf0' + data[1:])),
    ('controller', 'R1', 'never a status', 'CCS', lambda: without(AdvanticsControllerStatus)),
    (BOTH, 'R3', 'silent charger', 'CCS',
     lambda: without(PowerModulesStatus, when=between(19.0, 22.0))),
    ('controller', 'R6', 'announcement stops', 'waking',
     lambda: without(NewChargeSession, when=between(6.2, 6.8))),
    ('controller', 'R6', 'never allowed', 'CCS', lambda: all_of(
        changed(PowerModulesStatus, system_enable=0))),
    ('controller', 'R6', 'announced for ever', 'CCS', lambda: after(
        0.0, lambda message, _time_s, state: (
            [message, ANNOUNCEMENT] if isinstance(message, AdvanticsControllerStatus)
            and state in (State.INSULATION_TEST, State.PRECHARGE) else message),
        is_begin=lambda message, _state: isinstance(message, NewChargeSession))),
    ('controller', 'R6', 'not announced', 'CCS', lambda: without(NewChargeSession)),
    ('controller', 'R7', 'withdrawal before the loop', 'late',
     lambda: withdrawn(State.WAITING_FOR_CHARGE)),
    ('controller', 'R8', 'withdrawal in the loop', 'CCS', lambda: withdrawn(State.CHARGING)),
    ('controller', 'R10', 'no Standby before the test', 'CCS', lambda: without(
        DcPowerControl, when=between(5.625, 5.725))),
    ('controller', 'R11', 'test judged too early', 'CCS', lambda: changed(
        PowerModulesStatus, present_voltage=430.0, insulation_resistance=510e3,
        when=lambda state, message: (
            state == State.INSULATION_TEST and message.present_voltage > 430.0))),
    ('controller', 'R12', 'bad insulation accepted', 'CCS', lambda: changed(
        PowerModulesStatus, insulation_resistance=30e3, when=in_state(State.INSULATION_TEST))),
    ('controller', 'R14', 'bad insulation in the charge', 'CCS', lambda: changed(
        PowerModulesStatus, insulation_resistance=10e3, when=in_state(State.CHARGING))),
    ('controller', 'R15', 'lowering with a set-point', 'CCS', lambda: changed(
        DcPowerControl, target_voltage=100.0, at_most=1,
        when=lowering_in(State.INSULATION_TEST))),
    ('controller', 'R16', 'not lowered', 'CCS', lambda: changed(
        PowerModulesStatus, present_voltage=60.0,
        when=lambda state, message: (
            state == State.INSULATION_TEST and 0 < message.present_voltage < 60.0))),
    ('controller', 'R16', 'straight from the test', 'CCS', lambda: without(
        DcPowerControl, when=between(8.1, 9.1))),
    ('controller', 'R16', 'lowering with closed contactors', 'CCS', lambda: changed(
        DcPowerControl, output_contactors=1,
        when=lowering_in(State.ENDING_CHARGE, State.CLOSING_COMMUNICATION))),
    ('controller', 'R16', 'lowering with open contactors', 'CCS', lambda: changed(
        DcPowerControl, output_contactors=0, when=lowering_in(State.INSULATION_TEST))),
    ('controller', 'R19', 'negative cap', 'CCS', lambda: changed(
        DcPowerControl, current_range_max=-1.0, current_range_min=-2.0, at_most=1,
        when=function_is(Function.PRECHARGE))),
    ('controller', 'R19', 'negative least current', 'CCS', lambda: changed(
        DcPowerControl, current_range_min=-2.0, at_most=1,
        when=function_is(Function.PRECHARGE))),
    ('controller', 'R20', 'straight from precharge', 'CCS', lambda: without(
        DcPowerControl, when=lambda state, _time_s: state == State.WAITING_FOR_CHARGE or (
            state == State.PRECHARGE and _time_s > 10.05))),
    ('controller', 'R21', 'Standby with a set-point', 'CCS', lambda: changed(
        DcPowerControl, target_voltage=10.0, at_most=1,
        when=lambda state, message: (
            state == State.WAITING_FOR_CHARGE and message.power_function == Function.STANDBY))),
    ('controller', 'R22', 'out of Off', 'CCS', lambda: once_before(
        DcPowerControl, DcPowerControl(), when=function_is(Function.PRECHARGE))),
    ('controller', 'R22', 'Off with a set-point', 'CCS', lambda: changed(
        DcPowerControl, target_voltage=10.0, at_most=1, when=function_is(Function.OFF))),
    ('controller', 'R24', 'two targets', 'CCS', lambda: changed(
        DcPowerControl, current_range_min=99.5, at_most=1,
        when=lambda _state, message: message.current_range_max == 100.0)),
    ('controller', 'R24', 'range of DIN', 'range', lambda: changed(
        NewChargeSession, communication_protocol=Protocol.CCS_DIN_70121_2012_V2)),
    ('controller', 'R25', 'ends of the range exchanged', 'range', lambda: changed(
        DcPowerControl, current_range_max=9.0, current_range_min=9.5, at_most=1,
        when=function_is(Function.POWER_TRANSFER))),
    ('controller', 'R26', 'no commands', 'CHAdeMO', lambda: without(
        DcPowerControl, when=between(12.0, 13.5))),
    ('controller', 'R27', 'test in Range_Mode', 'CCS', lambda: changed(
        DcPowerControl, setpoints_mode=1, at_most=1,
        when=function_is(Function.INSULATION_TEST))),
    ('controller', 'R27', 'precharge in Target_Mode', 'CCS', lambda: changed(
        DcPowerControl, setpoints_mode=0, at_most=1, when=function_is(Function.PRECHARGE))),
    ('controller', 'R27', 'other mode in the transfer', 'range', lambda: after(
        3.0, changed(
            DcPowerControl, setpoints_mode=0, current_range_min=20.0, current_range_max=20.0,
            at_most=1),
        is_begin=begins(DcPowerControl, State.CHARGING))),
    ('controller', 'R33', 'beyond the limits', 'CCS', lambda: after(
        1.0, changed(DcPowerParameters, maximum_charge_current=50.0),
        is_begin=begins(DcPowerControl, State.CHARGING))),
    ('controller', 'R33', 'test above the limit', 'long test', lambda: changed(
        DcPowerParameters, maximum_voltage=400.0)),
    ('controller', 'R35', 'start without permission', 'CCS', lambda: after(
        2.0, all_of(
            flags(start_charge_authorisation=0),
            once_before(AdvanticsControllerStatus, SequenceControl())),
        is_begin=begins(AdvanticsControllerStatus, State.WAITING_FOR_PEV))),
    ('controller', 'R36', 'refused and yet charged', 'CCS', lambda: flags(
        ccs_authorisation_valid=0)),
    ('controller', 'R37', 'parameters not final', 'CCS', lambda: flags(charge_parameters_done=0)),
    ('controller', 'R38', 'gap in the emergency', 'emergency', lambda: after(
        0.5, without(EmergencyStop, when=between(0.0, 20.1)), is_begin=begins(
            EmergencyStop, State.CHARGING, State.CLOSING_COMMUNICATION))),
    ('controller', 'R38', 'power in the emergency', 'emergency', lambda: after(
        0.0, lambda message, _time_s, _state: (
            TRANSFER if isinstance(message, DcPowerControl) else message),
        is_begin=lambda message, _state: isinstance(message, EmergencyStop))),
    ('controller', 'R39', 'stop button without effect', 'long', lambda: after(
        3.0, first(press_stop), is_begin=begins(DcPowerControl, State.CHARGING))),
    ('controller', 'R40', 'no end', 'CCS', lambda: without(ChargeSessionFinished)),
    ('controller', 'R40', 'two ends', 'CCS', lambda: after(
        1.0, once_before(AdvanticsControllerStatus, ChargeSessionFinished()),
        is_begin=lambda message, _state: isinstance(message, ChargeSessionFinished))),
    ('controller', 'R40', 'clean emergency', 'emergency', lambda: changed(
        ChargeSessionFinished, state=0)),
    ('controller', 'R40', 'power after the end', 'CCS', lambda: after(
        0.7, first(
            lambda message, _time_s, _state: [message, TRANSFER, DcPowerControl()]
            if isinstance(message, AdvanticsControllerStatus) else message),
        is_begin=lambda message, _state: isinstance(message, ChargeSessionFinished))),
    ('controller', 'R41', 'contactors first', 'CCS', lambda: lambda message, _time_s, state: (
        None if message == STANDBY and state == State.ENDING_CHARGE else message)),
    ('controller', 'R41', 'power at the end', 'CCS', lambda: lambda message, _time_s, state: (
        TRANSFER if isinstance(message, DcPowerControl) and state in (
            State.ENDING_CHARGE, State.CLOSING_COMMUNICATION) else message)),
    ('controller', 'R41', 'Charge_Stopped not told', 'CCS', lambda: without(
        ChargeStatusChange, when=lambda state, _time_s: state == State.ENDING_CHARGE)),
    ('controller', 'R42', 'opened under load', 'CCS', lambda: all_of(
        changed(
            PowerModulesStatus, present_current=20.0, when=in_state(State.ENDING_CHARGE)),
        changed(
            DcPowerControl, output_contactors=1, lower_output_voltage=0, at_most=4,
            when=in_state(State.ENDING_CHARGE)))),
    ('controller', 'R46', 'plug of the other', 'CCS', lambda: changed(
        NewChargeSession, plug_and_pins=PlugAndPins.CHADEMO)),
    ('controller', 'R46', 'precharge in CHAdeMO', 'CHAdeMO', lambda: once_before(
        DcPowerControl, DcPowerControl(
            target_voltage=10.0, current_range_max=1.0, setpoints_mode=1, output_contactors=1,
            power_function=Function.PRECHARGE),
        when=lambda state, _message: state == State.WAITING_FOR_CHARGE)),
    ('controller', 'R46', 'state of CCS', 'CHAdeMO', lambda: once_before(
        AdvanticsControllerStatus, AdvanticsControllerStatus(State.PRECHARGE),
        when=lambda state, _message: state == State.WAITING_FOR_CHARGE)),
    ('controller', 'R48', 'start not told', 'CCS', lambda: without(
        ChargeStatusChange, when=lambda state, _time_s: state != State.ENDING_CHARGE)),
    ('controller', 'R49', 'no voltages', 'CCS', lambda: without(EvInformationVoltages)),
    ('controller', 'R53', 'AC', 'CCS', lambda: changed(
        NewChargeSession, plug_and_pins=PlugAndPins.CCS_AC)),
    ('controller', 'A38', 'absurd voltage', 'CCS', lambda: changed(
        DcPowerControl, target_voltage=6553.5, at_most=1,
        when=function_is(Function.POWER_TRANSFER))),
    ('customer', 'R34', 'flags not told again', 'restart', lambda: restarted),
]


def log_of(name, make_edit):
    """Return the hand-made log."""
    return edited(session(name), make_edit())


IN_SESSION = {'restart': {('controller', 'R1')}}
"""What is found in a session before anything is spoilt: a controller that restarts is silent."""
LOGS = [
    pytest.param(
        {(end, rule) for end in ((who,) if isinstance(who, str) else who)}
        | IN_SESSION.get(name, set()), name, make_edit, id=f'{rule} {words}')
    for who, rule, words, name, make_edit in LOG_BREACHES
]
