# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
Generated from dbc/gi3_v3.2.kcd by: python -m gi3_ros.generate.

One class per frame of the interface, in SI units. Do not edit. What the signals mean in
full stands in the database and in the ROS messages of the same names.
"""

from dataclasses import dataclass
from enum import IntEnum

from .layout import Message, Signal


@dataclass(frozen=True, slots=True)
class AdvanticsControllerStatus(Message):
    """
    Heartbeat of the controller and the stage it is in.

    0x6B000, from the controller, every 100 ms.
    """

    NAME = 'Advantics_Controller_Status'
    BASE_ID = 0x6B000
    LENGTH = 1
    PERIOD_S = 0.1
    FROM_CONTROLLER = True
    TOPIC = 'controller_status'

    class State(IntEnum):
        INITIALISING = 0
        WAITING_FOR_PEV = 1
        NEGOTIATING_CONNECTION = 2
        CONNECTED_WITH_FULL_INFO = 3
        INSULATION_TEST = 4
        PRECHARGE = 5
        WAITING_FOR_CHARGE = 6
        CHARGING = 7
        ENDING_CHARGE = 8
        WELDING_DETECTION = 9
        CLOSING_COMMUNICATION = 10
        CCS_AUTHORISATION_PROCESS = 11
        NOT_AVAILABLE = 12

    state: State | int = State.INITIALISING
    """Stage of the controller."""

    SIGNALS = (
        Signal(
            'state', 'State', 0, 8, enum=State,
            labels={
                0: 'Initialising', 1: 'Waiting_For_PEV', 2: 'Negotiating_Connection',
                3: 'Connected_With_Full_Info', 4: 'Insulation_Test', 5: 'Precharge',
                6: 'Waiting_For_Charge', 7: 'Charging', 8: 'Ending_Charge', 9: 'Welding_Detection',
                10: 'Closing_Communication', 11: 'CCS_Authorisation_Process', 12: 'Not_Available',
            },
        ),
    )


@dataclass(frozen=True, slots=True)
class NewChargeSession(Message):
    """
    A vehicle is there and its parameters are known.

    0x6B001, from the controller, every 100 ms.
    """

    NAME = 'New_Charge_Session'
    BASE_ID = 0x6B001
    LENGTH = 2
    PERIOD_S = 0.1
    FROM_CONTROLLER = True
    TOPIC = 'new_charge_session'

    class CommunicationProtocol(IntEnum):
        CCS_DIN_70121_2012_V2 = 0
        CCS_ISO_15118_2010_V1 = 1
        CCS_ISO_15118_2013_V2 = 2
        CHADEMO_V0_9 = 3  # CHAdeMO_v0.9
        CHADEMO_V1_0_TO_V1_2 = 4  # CHAdeMO_v1.0-v1.1-v1.2
        CHADEMO_V2_0 = 5  # CHAdeMO_v2.0
        CCS_PWM = 6
        CCS_ISO_15118_2022 = 7

    class PlugAndPins(IntEnum):
        CCS_DC_CORE = 0
        CCS_DC_EXTENDED = 1
        CHADEMO = 2
        CCS_AC = 3

    communication_protocol: CommunicationProtocol | int = (
        CommunicationProtocol.CCS_DIN_70121_2012_V2)
    """Charging protocol that controller and vehicle settled on."""
    plug_and_pins: PlugAndPins | int = PlugAndPins.CCS_DC_CORE
    """Connector, and which of its power pins the vehicle uses."""

    SIGNALS = (
        Signal(
            'communication_protocol', 'Communication_Protocol', 0, 8, enum=CommunicationProtocol,
            labels={
                0: 'CCS_DIN_70121_2012_v2', 1: 'CCS_ISO_15118_2010_v1', 2: 'CCS_ISO_15118_2013_v2',
                3: 'CHAdeMO_v0.9', 4: 'CHAdeMO_v1.0-v1.1-v1.2', 5: 'CHAdeMO_v2.0', 6: 'CCS_PWM',
                7: 'CCS_ISO_15118_2022',
            },
        ),
        Signal(
            'plug_and_pins', 'Plug_and_pins', 8, 8, enum=PlugAndPins,
            labels={
                0: 'CCS_DC_Core', 1: 'CCS_DC_Extended', 2: 'CHAdeMO', 3: 'CCS_AC',
            },
        ),
    )


@dataclass(frozen=True, slots=True)
class ChargeStatusChange(Message):
    """
    The vehicle enters or leaves the energy transfer.

    0x6B002, from the controller, on events.
    """

    NAME = 'Charge_Status_Change'
    BASE_ID = 0x6B002
    LENGTH = 1
    PERIOD_S = None
    FROM_CONTROLLER = True
    TOPIC = 'charge_status_change'

    class VehicleReadyForCharging(IntEnum):
        CHARGE_STOPPED = 0
        CHARGE_STARTED = 1

    vehicle_ready_for_charging: VehicleReadyForCharging | int = (
        VehicleReadyForCharging.CHARGE_STOPPED)
    """Whether energy may be asked for from now on."""

    SIGNALS = (
        Signal(
            'vehicle_ready_for_charging', 'Vehicle_Ready_for_Charging', 0, 8,
            enum=VehicleReadyForCharging,
            labels={
                0: 'Charge_Stopped', 1: 'Charge_Started',
            },
        ),
    )


@dataclass(frozen=True, slots=True)
class DcPowerControl(Message):
    """
    What the power stage has to do now, and with which setpoints.

    0x6B003, from the controller, every 100 ms.
    """

    NAME = 'DC_Power_Control'
    BASE_ID = 0x6B003
    LENGTH = 7
    PERIOD_S = 0.1
    FROM_CONTROLLER = True
    TOPIC = 'dc_power_control'

    class PowerFunction(IntEnum):
        OFF = 0
        STANDBY = 1
        INSULATION_TEST = 2
        PRECHARGE = 4
        POWER_TRANSFER = 8

    class SetpointsMode(IntEnum):
        TARGET_MODE = 0
        RANGE_MODE = 1

    class OutputContactors(IntEnum):
        OPEN = 0
        CLOSE = 1

    class LowerOutputVoltage(IntEnum):
        NO_LOWERING = 0
        LOWERING = 1

    target_voltage: float = 0.0
    """V. Voltage setpoint, never to be exceeded."""
    current_range_max: float = 0.0
    """A. Upper end of the permitted current, positive towards the vehicle."""
    current_range_min: float = 0.0
    """A. Lower end of the permitted current, negative for discharging."""
    power_function: PowerFunction | int = PowerFunction.OFF
    """What is asked of the power stage."""
    setpoints_mode: SetpointsMode | int = SetpointsMode.TARGET_MODE
    """Whether the two currents are one target or a range."""
    output_contactors: OutputContactors | int = OutputContactors.OPEN
    """What the controller does with the relay that drives the output contactors."""
    lower_output_voltage: LowerOutputVoltage | int = LowerOutputVoltage.NO_LOWERING
    """Bring the output down to 20 V or less, actively."""

    SIGNALS = (
        Signal('target_voltage', 'Target_Voltage', 0, 16, denominator=10, unit='V'),
        Signal(
            'current_range_max', 'Current_Range_Max', 16, 16, is_signed=True, denominator=10,
            unit='A',
        ),
        Signal(
            'current_range_min', 'Current_Range_Min', 32, 16, is_signed=True, denominator=10,
            unit='A',
        ),
        Signal(
            'power_function', 'Power_Function', 48, 4, enum=PowerFunction,
            labels={
                0: 'Off', 1: 'Standby', 2: 'Insulation_Test', 4: 'Precharge', 8: 'Power_Transfer',
            },
        ),
        Signal(
            'setpoints_mode', 'Setpoints_Mode', 53, 1, enum=SetpointsMode,
            labels={
                0: 'Target_Mode', 1: 'Range_Mode',
            },
        ),
        Signal(
            'output_contactors', 'Output_Contactors', 54, 1, enum=OutputContactors,
            labels={
                0: 'Open', 1: 'Close',
            },
        ),
        Signal(
            'lower_output_voltage', 'Lower_Output_Voltage', 55, 1, enum=LowerOutputVoltage,
            labels={
                0: 'No_Lowering', 1: 'Lowering',
            },
        ),
    )


@dataclass(frozen=True, slots=True)
class ChargeSessionFinished(Message):
    """
    The session is over.

    0x6B004, from the controller, on events.
    """

    NAME = 'Charge_Session_Finished'
    BASE_ID = 0x6B004
    LENGTH = 1
    PERIOD_S = None
    FROM_CONTROLLER = True
    TOPIC = 'charge_session_finished'

    class State(IntEnum):
        CLEAN_STOP = 0
        RUSHED_STOP = 1

    state: State | int = State.CLEAN_STOP
    """How the session ended."""

    SIGNALS = (
        Signal(
            'state', 'State', 0, 8, enum=State,
            labels={
                0: 'Clean_Stop', 1: 'Rushed_Stop',
            },
        ),
    )


@dataclass(frozen=True, slots=True)
class EmergencyStop(Message):
    """
    An emergency stop is in force.

    0x6B005, from the controller, every 100 ms.
    """

    NAME = 'Emergency_Stop'
    BASE_ID = 0x6B005
    LENGTH = 1
    PERIOD_S = 0.1
    FROM_CONTROLLER = True
    TOPIC = 'emergency_stop'

    class Origin(IntEnum):
        EVSE = 1
        PEV = 3

    origin: Origin | int = Origin.EVSE
    """Side that raised it."""

    SIGNALS = (
        Signal(
            'origin', 'Origin', 0, 8, enum=Origin,
            labels={
                1: 'EVSE', 3: 'PEV',
            },
        ),
    )


@dataclass(frozen=True, slots=True)
class EvInformationBattery(Message):
    """
    The vehicle's battery.

    0x6B100, from the controller, on events.
    """

    NAME = 'EV_Information_Battery'
    BASE_ID = 0x6B100
    LENGTH = 3
    PERIOD_S = None
    FROM_CONTROLLER = True
    TOPIC = 'ev_information_battery'

    battery_capacity: float = 0.0
    """Wh. Energy that the full battery holds."""
    present_state_of_charge: float = 0.0
    """%. State of charge, for people only."""

    SIGNALS = (
        Signal('battery_capacity', 'Battery_Capacity', 0, 16, numerator=1000, unit='Wh'),
        Signal('present_state_of_charge', 'Present_State_of_Charge', 16, 8, unit='%'),
    )


@dataclass(frozen=True, slots=True)
class EvInformationVoltages(Message):
    """
    The vehicle's voltage window.

    0x6B101, from the controller, on events.
    """

    NAME = 'EV_Information_Voltages'
    BASE_ID = 0x6B101
    LENGTH = 4
    PERIOD_S = None
    FROM_CONTROLLER = True
    TOPIC = 'ev_information_voltages'

    ev_minimum_voltage: float = 0.0
    """V. Lowest voltage the vehicle works with."""
    ev_maximum_voltage: float = 0.0
    """V. Highest voltage the vehicle bears."""

    SIGNALS = (
        Signal('ev_minimum_voltage', 'EV_Minimum_Voltage', 0, 16, denominator=10, unit='V'),
        Signal('ev_maximum_voltage', 'EV_Maximum_Voltage', 16, 16, denominator=10, unit='V'),
    )


@dataclass(frozen=True, slots=True)
class EvInformationChargeLimits(Message):
    """
    What the vehicle can take.

    0x6B102, from the controller, on events.
    """

    NAME = 'EV_Information_Charge_Limits'
    BASE_ID = 0x6B102
    LENGTH = 8
    PERIOD_S = None
    FROM_CONTROLLER = True
    TOPIC = 'ev_information_charge_limits'

    ev_minimum_charge_current: float = 0.0
    """A. Smallest current it charges with."""
    ev_maximum_charge_current: float = 0.0
    """A. Largest current it charges with."""
    ev_minimum_charge_power: float = 0.0
    """W. Smallest power it charges with."""
    ev_maximum_charge_power: float = 0.0
    """W. Largest power it charges with."""

    SIGNALS = (
        Signal(
            'ev_minimum_charge_current', 'EV_Minimum_Charge_Current', 0, 16, denominator=10,
            unit='A',
        ),
        Signal(
            'ev_maximum_charge_current', 'EV_Maximum_Charge_Current', 16, 16, denominator=10,
            unit='A',
        ),
        Signal(
            'ev_minimum_charge_power', 'EV_Minimum_Charge_Power', 32, 16, numerator=1000, unit='W',
        ),
        Signal(
            'ev_maximum_charge_power', 'EV_Maximum_Charge_Power', 48, 16, numerator=1000, unit='W',
        ),
    )


@dataclass(frozen=True, slots=True)
class EvInformationDischargeLimits(Message):
    """
    What the vehicle can give, as magnitudes.

    0x6B103, from the controller, on events.
    """

    NAME = 'EV_Information_Discharge_Limits'
    BASE_ID = 0x6B103
    LENGTH = 8
    PERIOD_S = None
    FROM_CONTROLLER = True
    TOPIC = 'ev_information_discharge_limits'

    ev_minimum_discharge_current: float = 0.0
    """A. Smallest current it discharges with, a magnitude."""
    ev_maximum_discharge_current: float = 0.0
    """A. Largest current it discharges with, a magnitude."""
    ev_minimum_discharge_power: float = 0.0
    """W. Smallest power it discharges with, a magnitude."""
    ev_maximum_discharge_power: float = 0.0
    """W. Largest power it discharges with, a magnitude."""

    SIGNALS = (
        Signal(
            'ev_minimum_discharge_current', 'EV_Minimum_Discharge_Current', 0, 16, denominator=10,
            unit='A',
        ),
        Signal(
            'ev_maximum_discharge_current', 'EV_Maximum_Discharge_Current', 16, 16, denominator=10,
            unit='A',
        ),
        Signal(
            'ev_minimum_discharge_power', 'EV_Minimum_Discharge_Power', 32, 16, numerator=1000,
            unit='W',
        ),
        Signal(
            'ev_maximum_discharge_power', 'EV_Maximum_Discharge_Power', 48, 16, numerator=1000,
            unit='W',
        ),
    )


@dataclass(frozen=True, slots=True)
class AdmCoCui1Inputs(Message):
    """
    Inputs of the ADM-CO-CUI1 hardware.

    0x6B200, from the controller, every 1000 ms.
    """

    NAME = 'ADM_CO_CUI1_Inputs'
    BASE_ID = 0x6B200
    LENGTH = 8
    PERIOD_S = 1.0
    FROM_CONTROLLER = True
    TOPIC = 'adm_co_cui1_inputs'

    switch0: bool = False
    """Level at SWITCH0, J7 pin 1."""
    switch1: bool = False
    """Level at SWITCH1, J7 pin 2."""
    switch2: bool = False
    """Level at SWITCH2, J7 pin 3."""
    switch3: bool = False
    """Level at SWITCH3, J7 pin 4."""
    switch4: bool = False
    """Level at SWITCH4, J7 pin 5."""
    switch5: bool = False
    """Level at SWITCH5, J7 pin 6."""
    colibri_temperature: float = -40.0
    """degC. Temperature of the controller's computer board."""
    cpu_temperature: float = -40.0
    """degC. Temperature of the controller's processor."""
    pistol_ptc1: float = -40.0
    """degC. Temperature at the first sensor of this pistol."""
    pistol_ptc2: float = -40.0
    """degC. Temperature at the second sensor of this pistol."""

    SIGNALS = (
        Signal('switch0', 'SWITCH0', 0, 1),
        Signal('switch1', 'SWITCH1', 1, 1),
        Signal('switch2', 'SWITCH2', 2, 1),
        Signal('switch3', 'SWITCH3', 3, 1),
        Signal('switch4', 'SWITCH4', 4, 1),
        Signal('switch5', 'SWITCH5', 5, 1),
        Signal('colibri_temperature', 'Colibri_Temperature', 32, 8, offset=-40, unit='degC'),
        Signal('cpu_temperature', 'CPU_Temperature', 40, 8, offset=-40, unit='degC'),
        Signal('pistol_ptc1', 'Pistol_PTC1', 48, 8, offset=-40, unit='degC'),
        Signal('pistol_ptc2', 'Pistol_PTC2', 56, 8, offset=-40, unit='degC'),
    )


@dataclass(frozen=True, slots=True)
class AdmCsSeccInputs(Message):
    """
    Inputs of the ADM-CS-SECC hardware.

    0x6B201, from the controller, every 1000 ms.
    """

    NAME = 'ADM_CS_SECC_Inputs'
    BASE_ID = 0x6B201
    LENGTH = 8
    PERIOD_S = 1.0
    FROM_CONTROLLER = True
    TOPIC = 'adm_cs_secc_inputs'

    digital_input1: bool = False
    """Level at DIG_IN1, CONN6 pin 1."""
    digital_input2: bool = False
    """Level at DIG_IN2, CONN6 pin 2."""
    digital_input3: bool = False
    """Level at DIG_IN3, CONN6 pin 3."""
    digital_input4: bool = False
    """Level at DIG_IN4, CONN6 pin 4."""
    cpu_temperature: float = -40.0
    """degC. Temperature of the controller's processor."""
    pistol_ptc1: float = -40.0
    """degC. Temperature at the first sensor of this pistol."""
    pistol_ptc2: float = -40.0
    """degC. Temperature at the second sensor of this pistol."""

    SIGNALS = (
        Signal('digital_input1', 'Digital_Input1', 0, 1),
        Signal('digital_input2', 'Digital_Input2', 1, 1),
        Signal('digital_input3', 'Digital_Input3', 2, 1),
        Signal('digital_input4', 'Digital_Input4', 3, 1),
        Signal('cpu_temperature', 'CPU_Temperature', 40, 8, offset=-40, unit='degC'),
        Signal('pistol_ptc1', 'Pistol_PTC1', 48, 8, offset=-40, unit='degC'),
        Signal('pistol_ptc2', 'Pistol_PTC2', 56, 8, offset=-40, unit='degC'),
    )


@dataclass(frozen=True, slots=True)
class OcppControl(Message):
    """
    A wish of the central system that reached the controller through OCPP.

    0x6B300, from the controller, on events.
    """

    NAME = 'OCPP_Control'
    BASE_ID = 0x6B300
    LENGTH = 2
    PERIOD_S = None
    FROM_CONTROLLER = True
    TOPIC = 'ocpp_control'

    dynamic_target_current: float = 0.0
    """A. Wanted current, positive towards the vehicle."""

    SIGNALS = (
        Signal(
            'dynamic_target_current', 'Dynamic_Target_Current', 0, 16, is_signed=True,
            denominator=10, unit='A',
        ),
    )


@dataclass(frozen=True, slots=True)
class PowerModulesStatus(Message):
    """
    What the power modules measure, and whether they may be used.

    0x63000, to the controller, every 100 ms.
    """

    NAME = 'Power_Modules_Status'
    BASE_ID = 0x63000
    LENGTH = 8
    PERIOD_S = 0.1
    FROM_CONTROLLER = False
    TOPIC = 'power_modules_status'

    class SystemEnable(IntEnum):
        NOT_ALLOWED = 0
        ALLOWED = 1

    present_voltage: float = 0.0
    """V. Voltage measured at the output."""
    present_current: float = 0.0
    """A. Current measured at the output, positive towards the vehicle."""
    power_modules_temperature: float = -40.0
    """degC. Hottest sensor in the power modules."""
    enclosure_temperature: float = -40.0
    """degC. Hottest sensor in the enclosure."""
    system_enable: SystemEnable | int = SystemEnable.NOT_ALLOWED
    """The charger's permission to go on."""
    insulation_resistance: float = 0.0
    """Ohm. Insulation resistance now, saturating at its largest value."""

    SIGNALS = (
        Signal('present_voltage', 'Present_Voltage', 0, 16, denominator=10, unit='V'),
        Signal(
            'present_current', 'Present_Current', 16, 16, is_signed=True, denominator=10, unit='A',
        ),
        Signal(
            'power_modules_temperature', 'Power_Modules_Temperature', 32, 8, offset=-40,
            unit='degC',
        ),
        Signal('enclosure_temperature', 'Enclosure_Temperature', 40, 8, offset=-40, unit='degC'),
        Signal(
            'system_enable', 'System_Enable', 48, 8, enum=SystemEnable,
            labels={
                0: 'Not_Allowed', 1: 'Allowed',
            },
        ),
        Signal(
            'insulation_resistance', 'Insulation_Resistance', 56, 8, numerator=2000, unit='Ohm',
        ),
    )


@dataclass(frozen=True, slots=True)
class DcPowerParameters(Message):
    """
    Limits that the charger wants told to the vehicle.

    0x63001, to the controller, on events.
    """

    NAME = 'DC_Power_Parameters'
    BASE_ID = 0x63001
    LENGTH = 8
    PERIOD_S = None
    FROM_CONTROLLER = False
    TOPIC = 'dc_power_parameters'

    maximum_voltage: float = 0.0
    """V. Highest voltage on offer."""
    maximum_charge_current: float = 0.0
    """A. Largest charge current on offer."""
    maximum_discharge_current: float = 0.0
    """A. Largest discharge current on offer, a magnitude."""
    range_target_current: float = 0.0
    """A. Current to use within the range, positive towards the vehicle."""

    SIGNALS = (
        Signal('maximum_voltage', 'Maximum_Voltage', 0, 16, denominator=10, unit='V'),
        Signal(
            'maximum_charge_current', 'Maximum_Charge_Current', 16, 16, denominator=10, unit='A',
        ),
        Signal(
            'maximum_discharge_current', 'Maximum_Discharge_Current', 32, 16, denominator=10,
            unit='A',
        ),
        Signal(
            'range_target_current', 'Range_Target_Current', 48, 16, is_signed=True, denominator=10,
            unit='A',
        ),
    )


@dataclass(frozen=True, slots=True)
class SequenceControl(Message):
    """
    The charger's say in how a session proceeds.

    0x63002, to the controller, on events.
    """

    NAME = 'Sequence_Control'
    BASE_ID = 0x63002
    LENGTH = 3
    PERIOD_S = None
    FROM_CONTROLLER = False
    TOPIC = 'sequence_control'

    class StartChargeAuthorisation(IntEnum):
        NOT_ALLOWED = 0
        ALLOWED = 1

    class ChademoStartButton(IntEnum):
        NOT_PRESSED = 0
        PRESSED = 1

    class CcsAuthorisationDone(IntEnum):
        NOT_DONE = 0
        DONE = 1

    class CcsAuthorisationValid(IntEnum):
        INVALID = 0
        VALID = 1

    class ChargeParametersDone(IntEnum):
        NOT_DONE = 0
        DONE = 1

    class UserStopButton(IntEnum):
        NOT_PRESSED = 0
        PRESSED = 1

    start_charge_authorisation: StartChargeAuthorisation | int = (
        StartChargeAuthorisation.NOT_ALLOWED)
    """Whether a session may start."""
    chademo_start_button: ChademoStartButton | int = ChademoStartButton.NOT_PRESSED
    """Press of the start button, CHAdeMO only."""
    ccs_authorisation_done: CcsAuthorisationDone | int = CcsAuthorisationDone.NOT_DONE
    """Whether the user's authorisation is decided, CCS only."""
    ccs_authorisation_valid: CcsAuthorisationValid | int = CcsAuthorisationValid.INVALID
    """How it was decided, CCS only."""
    charge_parameters_done: ChargeParametersDone | int = ChargeParametersDone.NOT_DONE
    """Whether the limits in DC_Power_Parameters are final."""
    user_stop_button: UserStopButton | int = UserStopButton.NOT_PRESSED
    """Press of the stop button, for a regular end of the charge."""

    SIGNALS = (
        Signal(
            'start_charge_authorisation', 'Start_Charge_Authorisation', 0, 1,
            enum=StartChargeAuthorisation,
            labels={
                0: 'Not_Allowed', 1: 'Allowed',
            },
        ),
        Signal(
            'chademo_start_button', 'CHAdeMO_Start_Button', 1, 1, enum=ChademoStartButton,
            labels={
                0: 'Not_Pressed', 1: 'Pressed',
            },
        ),
        Signal(
            'ccs_authorisation_done', 'CCS_Authorisation_Done', 8, 1, enum=CcsAuthorisationDone,
            labels={
                0: 'Not_Done', 1: 'Done',
            },
        ),
        Signal(
            'ccs_authorisation_valid', 'CCS_Authorisation_Valid', 9, 1, enum=CcsAuthorisationValid,
            labels={
                0: 'Invalid', 1: 'Valid',
            },
        ),
        Signal(
            'charge_parameters_done', 'Charge_Parameters_Done', 10, 1, enum=ChargeParametersDone,
            labels={
                0: 'Not_Done', 1: 'Done',
            },
        ),
        Signal(
            'user_stop_button', 'User_Stop_Button', 16, 1, enum=UserStopButton,
            labels={
                0: 'Not_Pressed', 1: 'Pressed',
            },
        ),
    )


@dataclass(frozen=True, slots=True)
class AdmCsSeccOutputs(Message):
    """
    Digital outputs of the ADM-CS-SECC hardware, commanded over CAN (A23).

    0x63201, to the controller, every 1000 ms.
    """

    NAME = 'ADM_CS_SECC_Outputs'
    BASE_ID = 0x63201
    LENGTH = 8
    PERIOD_S = 1.0
    FROM_CONTROLLER = False
    TOPIC = 'adm_cs_secc_outputs'

    digital_output1: bool = False
    """Wanted level at DIG_OUT1, CONN5 pin 1."""
    digital_output2: bool = False
    """Wanted level at DIG_OUT2, CONN5 pin 2."""
    digital_output3: bool = False
    """Wanted level at DIG_OUT3, CONN5 pin 3."""
    digital_output4: bool = False
    """Wanted level at DIG_OUT4, CONN5 pin 4."""

    SIGNALS = (
        Signal('digital_output1', 'Digital_Output1', 0, 1),
        Signal('digital_output2', 'Digital_Output2', 1, 1),
        Signal('digital_output3', 'Digital_Output3', 2, 1),
        Signal('digital_output4', 'Digital_Output4', 3, 1),
    )


MESSAGES: dict[int, type[Message]] = {
    message_class.BASE_ID: message_class
    for message_class in (
        AdvanticsControllerStatus,
        NewChargeSession,
        ChargeStatusChange,
        DcPowerControl,
        ChargeSessionFinished,
        EmergencyStop,
        EvInformationBattery,
        EvInformationVoltages,
        EvInformationChargeLimits,
        EvInformationDischargeLimits,
        AdmCoCui1Inputs,
        AdmCsSeccInputs,
        OcppControl,
        PowerModulesStatus,
        DcPowerParameters,
        SequenceControl,
        AdmCsSeccOutputs,
    )
}
"""All classes, by identifier with pistol index 0."""
