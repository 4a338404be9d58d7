# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
Signals to ROS messages and back: the only place where one becomes the other.

Field names and units are the same on both sides, as both are generated from the database.
"""

import enum
import math
from typing import Any, NamedTuple

from builtin_interfaces.msg import Time

import gi3_ros.msg as ros

from .core.hardware import (
    Contact,
    ContactorCommand,
    ContactorFeedback,
    ModulesMode,
    PowerMeasurement,
    PowerSetpoint,
)
from .core.interface import signals
from .core.interface.layout import Message
from .core.power.decision import Effective

MESSAGE_CLASSES: tuple[type[Message], ...] = tuple(signals.MESSAGES.values())
ROS_TYPES: dict[type[Message], Any] = {cls: getattr(ros, cls.__name__) for cls in MESSAGE_CLASSES}
"""Class of signals -> ROS type."""
_CLASSES = {ros_type: cls for cls, ros_type in ROS_TYPES.items()}
NS = 1_000_000_000
"""Nanoseconds in a second."""


class _Fields(NamedTuple):
    """What is to be carried over between the two forms of a message, worked out once."""

    ros_type: Any
    names: tuple[str, ...]
    """Numbers and single bits."""
    labelled: tuple[tuple[str, dict[int, enum.IntEnum]], ...]
    """Name and labels by number."""


def _fields_of(cls: type[Message]) -> _Fields:
    return _Fields(
        ROS_TYPES[cls],
        tuple(signal.field for signal in cls.SIGNALS if signal.enum is None),
        tuple((signal.field, {int(label): label for label in signal.enum})
              for signal in cls.SIGNALS if signal.enum is not None))


_FIELDS = {cls: _fields_of(cls) for cls in MESSAGE_CLASSES}


def to_stamp(time_ns: int) -> Time:
    """Turn nanoseconds since 1970 into a stamp."""
    return Time(sec=time_ns // NS, nanosec=time_ns % NS)


def nanoseconds(stamp: Time) -> int:
    """Turn a stamp into nanoseconds since 1970."""
    seconds: int = stamp.sec
    return seconds * NS + int(stamp.nanosec)


def to_ros(message: Message, stamp: Time) -> Any:
    """
    Turn signals into the ROS message of the same name.

    :param stamp: ``builtin_interfaces/Time`` at which the content was true
    """
    fields = _FIELDS[type(message)]
    result = fields.ros_type()
    result.header.stamp = stamp
    for name in fields.names:
        setattr(result, name, getattr(message, name))
    for name, _ in fields.labelled:
        setattr(result, name, int(getattr(message, name)))
    return result


def from_ros(message: Any) -> Message:
    """Turn a ROS message of the interface into signals; an undefined label stays a number."""
    cls = _CLASSES[type(message)]
    fields = _FIELDS[cls]
    values = {name: getattr(message, name) for name in fields.names}
    for name, labels in fields.labelled:
        value = getattr(message, name)
        values[name] = labels.get(value, value)
    return cls(**values)


def setpoint_to_ros(setpoint: PowerSetpoint, stamp: Time) -> ros.PowerSetpoint:
    """Turn a decision of power_control into its message."""
    result = ros.PowerSetpoint(
        mode=int(setpoint.mode), voltage=setpoint.voltage_v, current=setpoint.current_a,
        reason=setpoint.reason,
    )
    result.header.stamp = stamp
    return result


def effective_to_ros(effective: Effective, stamp: Time) -> ros.EffectiveSetpoint:
    """Turn what shaped a decision of power_control into its message."""
    lease, told = effective.lease, effective.told
    result = ros.EffectiveSetpoint(
        voltage=effective.voltage_v, current=effective.current_a, target=effective.target_a,
        wanted=effective.wanted_a, range_min=effective.range_min_a,
        range_max=effective.range_max_a, source=effective.source,
        limited_by=list(effective.limited_by),
        lease_source='' if lease is None else lease.source,
        lease_current=0.0 if lease is None else lease.current_a,
        lease_remaining=effective.lease_remaining_s,
        told_charge_current=told.maximum_charge_current,
        told_discharge_current=told.maximum_discharge_current,
    )
    result.header.stamp = stamp
    return result


def nothing_effective_to_ros(stamp: Time) -> ros.EffectiveSetpoint:
    """Make the last word about the setpoint: there is none, and what was told is not known."""
    result = ros.EffectiveSetpoint(
        source='none', told_charge_current=math.nan, told_discharge_current=math.nan)
    result.header.stamp = stamp
    return result


def setpoint_from_ros(message: ros.PowerSetpoint) -> PowerSetpoint:
    """
    Read a setpoint as a driver does.

    :raises ValueError: for a mode that does not exist
    """
    return PowerSetpoint(
        ModulesMode(message.mode), message.voltage, message.current, message.reason,
    )


def measurement_to_ros(measurement: PowerMeasurement, stamp: Time) -> ros.PowerMeasurement:
    """Turn a driver's reading into its message."""
    result = ros.PowerMeasurement(
        voltage=measurement.voltage_v,
        current=measurement.current_a,
        insulation_resistance=measurement.insulation_resistance_ohm,
        power_modules_temperature=measurement.power_modules_temperature_c,
        enclosure_temperature=measurement.enclosure_temperature_c,
        ready=measurement.is_ready,
        fault=measurement.fault,
    )
    result.header.stamp = stamp
    return result


def measurement_from_ros(message: ros.PowerMeasurement) -> PowerMeasurement:
    """Read a driver's reading."""
    return PowerMeasurement(
        voltage_v=message.voltage,
        current_a=message.current,
        is_ready=message.ready,
        insulation_resistance_ohm=message.insulation_resistance,
        power_modules_temperature_c=message.power_modules_temperature,
        enclosure_temperature_c=message.enclosure_temperature,
        fault=message.fault,
    )


def command_to_ros(command: ContactorCommand, stamp: Time) -> ros.ContactorCommand:
    """Turn a decision about the contactors into its message."""
    result = ros.ContactorCommand(
        output_closed=command.output_closed, precharge_closed=command.precharge_closed,
        reason=command.reason,
    )
    result.header.stamp = stamp
    return result


def command_from_ros(message: ros.ContactorCommand) -> ContactorCommand:
    """Read a contactor command as a driver does."""
    return ContactorCommand(message.output_closed, message.precharge_closed, message.reason)


def feedback_to_ros(feedback: ContactorFeedback, stamp: Time) -> ros.ContactorFeedback:
    """Turn the positions of the contactors into their message."""
    result = ros.ContactorFeedback(
        output=int(feedback.output), precharge=int(feedback.precharge),
        pistol_voltage=feedback.pistol_voltage_v,
    )
    result.header.stamp = stamp
    return result


def feedback_from_ros(message: ros.ContactorFeedback) -> ContactorFeedback:
    """
    Read the positions of the contactors.

    :raises ValueError: for a position that does not exist
    """
    return ContactorFeedback(
        Contact(message.output), Contact(message.precharge), message.pistol_voltage,
    )
