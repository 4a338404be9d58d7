# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
One DC_Power_Control frame, read: which function it requests, and whether it may be followed.

Nothing here remembers anything. Whether a request fits what is running is the transition table's
business (:mod:`.power.phases`).
"""

import enum
import math
import typing

from .interface.signals import DcPowerControl

Function = DcPowerControl.PowerFunction
Mode = DcPowerControl.SetpointsMode

ABSURD_VOLTAGE_V = 1500.0
"""Above any DC connector of this interface (MCS: 1250 V); older controllers can emit an encoded
negative voltage as more than 6500 V (A38)."""


class Request(enum.Enum):
    """What the controller asks the power modules to do (Power_Function and the lowering bit)."""

    OFF = 'Off'
    STANDBY = 'Standby'
    LOWERING = 'Lowering'
    INSULATION_TEST = 'Insulation_Test'
    PRECHARGE = 'Precharge'
    POWER_TRANSFER = 'Power_Transfer'


_REQUESTS: dict[int, Request] = {
    Function.OFF: Request.OFF,
    Function.STANDBY: Request.STANDBY,
    Function.INSULATION_TEST: Request.INSULATION_TEST,
    Function.PRECHARGE: Request.PRECHARGE,
    Function.POWER_TRANSFER: Request.POWER_TRANSFER,
}


def request_of(command: DcPowerControl) -> Request:
    """
    Tell what a legal command requests.

    :param command: a :class:`DcPowerControl` for which :func:`illegality` returned nothing
    """
    if command.lower_output_voltage == DcPowerControl.LowerOutputVoltage.LOWERING:
        return Request.LOWERING
    return _REQUESTS[command.power_function]


class Breach(typing.NamedTuple):
    """What is wrong with a command."""

    rule: str
    """Number in docs/reference/interface.md."""
    text: str


def breach_of(command: DcPowerControl) -> Breach | None:
    """
    Return the :class:`Breach` for which a command must not be followed, ``None`` if it may be.

    Covers undefined labels (interface.md 1.4, 2.4) and the combinations that the interface rules
    out by themselves (R15, R19, R21, R22, R24, R25, A38).
    """
    function = command.power_function
    if function not in _REQUESTS:
        return Breach('1.4', f'Power_Function {int(function)} is not defined')
    for name, value, labels in (
        ('Setpoints_Mode', command.setpoints_mode, Mode),
        ('Output_Contactors', command.output_contactors, DcPowerControl.OutputContactors),
        ('Lower_Output_Voltage', command.lower_output_voltage, DcPowerControl.LowerOutputVoltage),
    ):
        if value not in tuple(labels):
            return Breach('1.4', f'{name} {int(value)} is not defined')
    volts, high, low = setpoints = (
        command.target_voltage, command.current_range_max, command.current_range_min,
    )
    if not all(math.isfinite(value) for value in setpoints):
        return Breach('1.4', f'setpoints {setpoints} are no numbers')
    lowering = command.lower_output_voltage == DcPowerControl.LowerOutputVoltage.LOWERING
    if lowering and function != Function.STANDBY:
        return Breach('R15', f'Lower_Output_Voltage with {Function(function).name}')
    if function in (Function.OFF, Function.STANDBY) and any(setpoints):
        rule = 'R15' if lowering else 'R21' if function == Function.STANDBY else 'R22'
        return Breach(
            rule, f'{Function(function).name} with setpoints {volts:g} V, {high:g} A, {low:g} A')
    if not 0 <= volts <= ABSURD_VOLTAGE_V:
        return Breach('A38', f'Target_Voltage {volts:g} V is absurd')
    if function == Function.INSULATION_TEST:
        return None  # its currents mean nothing (R11)
    if (function == Function.POWER_TRANSFER and command.setpoints_mode == Mode.TARGET_MODE
            and low != high):
        return Breach('R24', f'Target_Mode with different currents {low:g} A and {high:g} A')
    if high < low:
        return Breach('R25', f'Current_Range_Max {high:g} A below Current_Range_Min {low:g} A')
    if function == Function.PRECHARGE and high < 0:
        return Breach('R19', f'Precharge with a current cap of {high:g} A')
    return None


def illegality(command: DcPowerControl) -> str:
    """Say why a command must not be followed, with the rule; empty when it may be."""
    breach = breach_of(command)
    return '' if breach is None else f'{breach.text} ({breach.rule})'


def plain_stop(command: DcPowerControl) -> DcPowerControl | None:
    """
    Return the Standby or Off that an illegal command means all the same, or ``None``.

    A stop is obeyed whatever else the frame says. Its contactor bit counts, if it is one.
    """
    if command.power_function not in (Function.OFF, Function.STANDBY):
        return None
    contactors = command.output_contactors
    if contactors not in tuple(DcPowerControl.OutputContactors):
        contactors = DcPowerControl.OutputContactors.OPEN
    return DcPowerControl(
        power_function=command.power_function, output_contactors=contactors,
    )
