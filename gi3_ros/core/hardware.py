# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
What crosses the edge between the decisions and the hardware.

One driver (or the simulation of one) stands behind each edge. The same words stand in
``msg/PowerSetpoint.msg`` and its siblings; these classes are what the core works with.
Volts, amperes, ohms, degrees Celsius. Positive current flows towards the vehicle (R23).
"""

import dataclasses
import enum
import math

NAN = math.nan
BATTERY_FROM_V = 60.0
"""More than a lowered output keeps (20 V, R15), less than any traction battery has."""


class ModulesMode(enum.IntEnum):
    """What the power modules do with their output."""

    OFF = 0
    """No power processing, output floating; nothing is bled (R21)."""
    REGULATE = 1
    """Hold ``voltage_v`` without exceeding ``current_a`` by magnitude, in its direction."""
    BLEED = 2
    """No power processing, output capacitors discharged actively (R15)."""


@dataclasses.dataclass(frozen=True, slots=True)
class PowerSetpoint:
    """
    What the power modules shall do now.

    A driver switches off by itself when no setpoint came for 300 ms.
    With ``current_a`` >= 0 the modules source up to that current and stop at ``voltage_v``; with
    ``current_a`` < 0 they draw up to that magnitude from the vehicle.
    """

    mode: ModulesMode = ModulesMode.OFF
    voltage_v: float = 0.0
    current_a: float = 0.0
    reason: str = ''


DRIVER_TIMEOUT_S = 0.3
"""A driver that has had no setpoint for this long switches off."""
COMMAND_TIMEOUT_S = 1.0
"""
A driver that has had no contactor command for this long opens the precharge relay at once, as its
resistor limits the current and must not get hot, and the output contactors as soon as no current
flows.
"""


@dataclasses.dataclass(frozen=True, slots=True)
class PowerMeasurement:
    """What the driver measured; NaN where the hardware has no sensor."""

    voltage_v: float
    """At the modules' output, on the modules' side of own output contactors."""
    current_a: float
    is_ready: bool = True
    """The modules could run now: awake, supplied, no fault."""
    insulation_resistance_ohm: float = NAN
    power_modules_temperature_c: float = NAN
    enclosure_temperature_c: float = NAN
    fault: str = ''
    """Words of the driver about its fault; empty when there is none."""


class Contact(enum.IntEnum):
    """Position of a contactor."""

    OPEN = 0
    CLOSED = 1
    UNKNOWN = 2


@dataclasses.dataclass(frozen=True, slots=True)
class ContactorCommand:
    """Wanted positions of the charger's own contactors."""

    output_closed: bool = False
    """Output contactors between the modules and the pistol."""
    precharge_closed: bool = False
    """Relay in series with the precharge resistor (R47)."""
    reason: str = ''


@dataclasses.dataclass(frozen=True, slots=True)
class ContactorFeedback:
    """Positions reported by auxiliary contacts, and the voltage on the pistol's side."""

    output: Contact = Contact.UNKNOWN
    precharge: Contact = Contact.UNKNOWN
    pistol_voltage_v: float = NAN
    """On the vehicle's side of the output contactors; NaN where it is not measured."""


class Stage(enum.IntEnum):
    """Where the output stage is; the numbers are those of ``StageStatus.msg``."""

    OPEN = 0
    CLOSING = 1
    CLOSED = 2
    UNLOADING = 3
    """Contacts still closed: waits until the current is gone."""
    OPENING = 4
    FAULT = 5
    PRECHARGE_CLOSING = 6
    """The precharge relay is on its way."""
    PRECHARGING = 7
    """The voltage across the stage falls through the resistor."""
    RELEASING = 8
    """Main relay closed: the precharge relay opens."""
    UNKNOWN = 9
    """Only told, never entered: neither open nor closed is known. Any undefined number is this."""

    @classmethod
    def _missing_(cls, _value: object) -> 'Stage':
        return cls.UNKNOWN
