# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
The session of the controller as a table: stages, what happens in them, and what follows.

Row by row as in interface.md 4.1 and 4.2, with what each stage reports and commands where that is
always the same. :mod:`.controller` works it off with :mod:`.stage_work`.
"""

from collections.abc import Mapping
import dataclasses
import enum

from ..core.interface.signals import AdvanticsControllerStatus, DcPowerControl

State = AdvanticsControllerStatus.State


class Stage(enum.Enum):
    """Where the session is, finer than what ``State`` reports."""

    INITIALISING = enum.auto()
    NOT_AVAILABLE = enum.auto()
    WAITING_FOR_PEV = enum.auto()
    NEGOTIATING = enum.auto()
    AUTHORISATION = enum.auto()
    FULL_INFO = enum.auto()
    NOT_READY = enum.auto()
    """Insulation test, a: waits for System_Enable."""
    READY = enum.auto()
    """Insulation test, b: one Standby."""
    TESTING = enum.auto()
    """Insulation test, c."""
    LOWERING = enum.auto()
    """Insulation test, d: waits for a low output."""
    PRECHARGE = enum.auto()
    PRECHARGE_DONE = enum.auto()
    """One Standby after the vehicle has closed its contactors."""
    CONNECTING = enum.auto()
    """CHAdeMO instead: the vehicle closes its contactors, behind a diode or a relay (R46, R47)."""
    WAITING_FOR_CHARGE = enum.auto()
    CHARGING = enum.auto()
    ENDING_CURRENT = enum.auto()
    """End of charge, step 1 of interface.md 4.4."""
    ENDING_OPEN = enum.auto()
    """Step 2."""
    ENDING_LOWER = enum.auto()
    """Step 3."""
    WELDING_DETECTION = enum.auto()
    CLOSING = enum.auto()
    EMERGENCY = enum.auto()
    """Closing after an emergency stop."""


class Trigger(enum.Enum):
    """What happened; the value is how it reads in the events."""

    START_FORBIDDEN = 'Start_Charge_Authorisation is not given'
    START_ALLOWED = 'sessions may start'
    PLUGGED_IN = 'vehicle plugged in'
    START_PRESSED = 'start button pressed'
    AUTHORISATION_NEEDED = 'external authorisation is needed'
    IDENTIFIED = 'vehicle parameters are known'
    NO_AGREEMENT = 'vehicle and charger do not fit'
    REFUSED = 'authorisation refused'
    PARAMETERS_DONE = 'charge parameters are final'
    MODULES_ENABLED = 'power modules are enabled'
    STEP_DONE = 'step done'
    NO_TEST = 'no insulation test (skip_cable_check)'
    INSULATION_GOOD = 'insulation is good'
    INSULATION_BAD = 'insulation test failed'
    OUTPUT_LOW = 'output is low'
    OUTPUT_LOW_CHADEMO = 'output is low, the vehicle may close its contactors'
    VEHICLE_CONNECTED = 'vehicle has closed its contactors'
    POWER_WANTED = 'vehicle wants power'
    CURRENT_LOW = 'current is low'
    CURRENT_STAYS = 'current does not fall'
    WELDING_DETECTION = 'vehicle checks its contactors'
    # What may happen at any time:
    STOP = 'regular stop'
    UNAVAILABLE = 'System_Enable withdrawn before the charging loop'
    VEHICLE_TIMEOUT = 'vehicle lost its patience'
    UNPLUGGED = 'vehicle unplugged'
    LINK_LOST = 'the vehicle does not answer any more'
    EMERGENCY = 'emergency stop'


_ALWAYS = {
    Trigger.UNPLUGGED: Stage.CLOSING,
    Trigger.LINK_LOST: Stage.CLOSING,
    Trigger.EMERGENCY: Stage.EMERGENCY,
}
_BEFORE_MODULES = {**_ALWAYS, Trigger.STOP: Stage.CLOSING}
_WITH_MODULES = {**_BEFORE_MODULES, Trigger.UNAVAILABLE: Stage.CLOSING}
# The battery may be on the output: a regular stop takes the three steps of the end.
_WITH_BATTERY = {**_WITH_MODULES, Trigger.STOP: Stage.ENDING_CURRENT}
_IMPATIENT = {Trigger.VEHICLE_TIMEOUT: Stage.CLOSING}
_BACK_TO_IDLE = {
    Trigger.START_ALLOWED: Stage.WAITING_FOR_PEV,
    Trigger.START_FORBIDDEN: Stage.NOT_AVAILABLE,
}

TRANSITIONS: Mapping[Stage, Mapping[Trigger, Stage]] = {
    Stage.INITIALISING: _BACK_TO_IDLE,
    Stage.NOT_AVAILABLE: {Trigger.START_ALLOWED: Stage.WAITING_FOR_PEV},
    Stage.WAITING_FOR_PEV: {
        Trigger.START_FORBIDDEN: Stage.NOT_AVAILABLE,
        Trigger.PLUGGED_IN: Stage.NEGOTIATING,
        Trigger.START_PRESSED: Stage.NEGOTIATING,
    },
    Stage.NEGOTIATING: {
        **_BEFORE_MODULES,
        Trigger.NO_AGREEMENT: Stage.CLOSING,
        Trigger.AUTHORISATION_NEEDED: Stage.AUTHORISATION,
        Trigger.IDENTIFIED: Stage.FULL_INFO,
    },
    Stage.AUTHORISATION: {
        **_BEFORE_MODULES, **_IMPATIENT,
        Trigger.IDENTIFIED: Stage.FULL_INFO,
        Trigger.REFUSED: Stage.CLOSING,
    },
    Stage.FULL_INFO: {
        **_WITH_MODULES, **_IMPATIENT,
        Trigger.PARAMETERS_DONE: Stage.NOT_READY,
    },
    Stage.NOT_READY: {
        **_WITH_MODULES, **_IMPATIENT,
        Trigger.MODULES_ENABLED: Stage.READY,
    },
    Stage.READY: {
        **_WITH_MODULES,
        Trigger.STEP_DONE: Stage.TESTING,
        Trigger.NO_TEST: Stage.LOWERING,
    },
    Stage.TESTING: {
        **_WITH_MODULES,
        Trigger.INSULATION_GOOD: Stage.LOWERING,
        Trigger.INSULATION_BAD: Stage.CLOSING,
    },
    Stage.LOWERING: {
        **_WITH_MODULES, **_IMPATIENT,
        Trigger.OUTPUT_LOW: Stage.PRECHARGE,
        Trigger.OUTPUT_LOW_CHADEMO: Stage.CONNECTING,
    },
    Stage.PRECHARGE: {
        **_WITH_BATTERY, **_IMPATIENT,
        Trigger.VEHICLE_CONNECTED: Stage.PRECHARGE_DONE,
    },
    Stage.PRECHARGE_DONE: {
        **_WITH_BATTERY,
        Trigger.STEP_DONE: Stage.WAITING_FOR_CHARGE,
    },
    Stage.CONNECTING: {
        **_WITH_BATTERY, **_IMPATIENT,
        Trigger.VEHICLE_CONNECTED: Stage.WAITING_FOR_CHARGE,
    },
    # May take hours (R48): nobody loses patience here.
    Stage.WAITING_FOR_CHARGE: {
        **_WITH_BATTERY,
        Trigger.POWER_WANTED: Stage.CHARGING,
    },
    # System_Enable withdrawn is an emergency here (R8), not "unavailable".
    Stage.CHARGING: {
        **_ALWAYS,
        Trigger.STOP: Stage.ENDING_CURRENT,
    },
    Stage.ENDING_CURRENT: {
        **_ALWAYS,
        Trigger.CURRENT_LOW: Stage.ENDING_OPEN,
        Trigger.CURRENT_STAYS: Stage.ENDING_OPEN,
    },
    Stage.ENDING_OPEN: {
        **_ALWAYS,
        Trigger.STEP_DONE: Stage.ENDING_LOWER,
    },
    Stage.ENDING_LOWER: {
        **_ALWAYS,
        Trigger.STEP_DONE: Stage.CLOSING,
        Trigger.WELDING_DETECTION: Stage.WELDING_DETECTION,
    },
    Stage.WELDING_DETECTION: {
        **_ALWAYS,
        Trigger.STEP_DONE: Stage.CLOSING,
    },
    Stage.CLOSING: _BACK_TO_IDLE,
    Stage.EMERGENCY: _BACK_TO_IDLE,
}
"""Every change of stage. A trigger that a stage does not list is ignored there."""

REPORTED = {
    Stage.INITIALISING: State.INITIALISING,
    Stage.NOT_AVAILABLE: State.NOT_AVAILABLE,
    Stage.WAITING_FOR_PEV: State.WAITING_FOR_PEV,
    Stage.NEGOTIATING: State.NEGOTIATING_CONNECTION,
    Stage.AUTHORISATION: State.CCS_AUTHORISATION_PROCESS,
    Stage.FULL_INFO: State.CONNECTED_WITH_FULL_INFO,
    Stage.NOT_READY: State.INSULATION_TEST,
    Stage.READY: State.INSULATION_TEST,
    Stage.TESTING: State.INSULATION_TEST,
    Stage.LOWERING: State.INSULATION_TEST,
    Stage.PRECHARGE: State.PRECHARGE,
    Stage.PRECHARGE_DONE: State.PRECHARGE,
    Stage.CONNECTING: State.INSULATION_TEST,
    Stage.WAITING_FOR_CHARGE: State.WAITING_FOR_CHARGE,
    Stage.CHARGING: State.CHARGING,
    Stage.ENDING_CURRENT: State.ENDING_CHARGE,
    Stage.ENDING_OPEN: State.ENDING_CHARGE,
    Stage.ENDING_LOWER: State.ENDING_CHARGE,
    Stage.WELDING_DETECTION: State.WELDING_DETECTION,
    Stage.CLOSING: State.CLOSING_COMMUNICATION,
    Stage.EMERGENCY: State.CLOSING_COMMUNICATION,
}
"""What Advantics_Controller_Status says in each stage."""

_STANDBY = DcPowerControl.PowerFunction.STANDBY
CLOSE = DcPowerControl.OutputContactors.CLOSE
_LOWERING = DcPowerControl.LowerOutputVoltage.LOWERING

OFF_OPEN = DcPowerControl()
STANDBY_CLOSED = DcPowerControl(power_function=_STANDBY, output_contactors=CLOSE)
STANDBY_OPEN = DcPowerControl(power_function=_STANDBY)
LOWERING_CLOSED = dataclasses.replace(STANDBY_CLOSED, lower_output_voltage=_LOWERING)
LOWERING_OPEN = dataclasses.replace(STANDBY_OPEN, lower_output_voltage=_LOWERING)

CONSTANT_POWER_CONTROL = {
    Stage.NOT_READY: OFF_OPEN,
    Stage.READY: STANDBY_CLOSED,
    Stage.LOWERING: LOWERING_CLOSED,
    Stage.PRECHARGE_DONE: STANDBY_CLOSED,
    Stage.WAITING_FOR_CHARGE: STANDBY_CLOSED,
    Stage.ENDING_CURRENT: STANDBY_CLOSED,
    Stage.ENDING_OPEN: STANDBY_OPEN,
    Stage.ENDING_LOWER: LOWERING_OPEN,
    Stage.WELDING_DETECTION: STANDBY_OPEN,
    Stage.EMERGENCY: OFF_OPEN,
}
"""DC_Power_Control where it is always the same; None is sent before the modules are asked."""

SENT_ONCE = frozenset({
    Stage.READY, Stage.PRECHARGE_DONE, Stage.WAITING_FOR_CHARGE, Stage.ENDING_OPEN,
    Stage.WELDING_DETECTION,
})
"""Stages whose command goes out once when the vehicle sets the pace (4.1)."""
WAITS = {
    Stage.NOT_AVAILABLE: 'Sequence_Control with Start_Charge_Authorisation = 1 (R35, A7)',
    Stage.AUTHORISATION: 'Sequence_Control with CCS_Authorisation_Done = 1 (R36)',
    Stage.FULL_INFO: 'Sequence_Control with Charge_Parameters_Done = 1 (R37)',
    Stage.NOT_READY: 'Power_Modules_Status with System_Enable = Allowed (R6)',
    Stage.TESTING: 'a good insulation at 90 % of the test voltage (R11, R12)',
    Stage.LOWERING: 'Present_Voltage of 20 V or less (R15)',
    Stage.PRECHARGE: 'Present_Voltage within 20 V of the battery (R19)',
    Stage.CONNECTING: 'Present_Voltage within 20 V of the battery, through its resistor (R47)',
    Stage.ENDING_CURRENT: 'the current to fall (R42)',
}
"""What the charger has to do before the session goes on; told to those who wonder."""
WAITING_IS_TOLD_S = 3.0
ENDS = frozenset({
    Trigger.STOP, Trigger.NO_AGREEMENT, Trigger.REFUSED, Trigger.INSULATION_BAD,
    Trigger.CURRENT_STAYS, Trigger.UNAVAILABLE, Trigger.VEHICLE_TIMEOUT, Trigger.UNPLUGGED,
    Trigger.LINK_LOST, Trigger.EMERGENCY,
})
"""Triggers that say why a session ended; the last one counts."""
IDLE_STAGES = frozenset({Stage.INITIALISING, Stage.NOT_AVAILABLE, Stage.WAITING_FOR_PEV})
POWER_STAGES = frozenset({Stage.PRECHARGE, Stage.WAITING_FOR_CHARGE, Stage.CHARGING})
"""Where the insulation is watched after the test (R14)."""
