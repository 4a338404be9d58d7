# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
Generated from dbc/gi3_v3.2.kcd by: python -m gi3_ros.generate.

How each frame of the interface is read and written. Do not edit. Every frame on the bus
passes here, so it is fast: bytes go through layouts of :mod:`struct`, and values that
are as they should be are converted in place. Others go to :func:`~.checking.checked`.
"""

from collections.abc import Callable
from struct import Struct
from typing import Any

from .answers import Received
from .checking import checked
from .layout import by_number, Message, unlocked
from .signals import (
    AdmCoCui1Inputs,
    AdmCsSeccInputs,
    AdmCsSeccOutputs,
    AdvanticsControllerStatus,
    ChargeSessionFinished,
    ChargeStatusChange,
    DcPowerControl,
    DcPowerParameters,
    EmergencyStop,
    EvInformationBattery,
    EvInformationChargeLimits,
    EvInformationDischargeLimits,
    EvInformationVoltages,
    NewChargeSession,
    OcppControl,
    PowerModulesStatus,
    SequenceControl,
)

# Both kinds of objects are made without their __init__, which would take half the time
# of decoding. A message is frozen when it gets its class: see unlocked().
_new: Any = object.__new__


_AdvanticsControllerStatus = unlocked(AdvanticsControllerStatus)
_ADVANTICS_CONTROLLER_STATUS = Struct('<B')
_ADVANTICS_CONTROLLER_STATUS_STATE = by_number(AdvanticsControllerStatus.State, 8)


def unpack_advantics_controller_status(index: int, data: bytes) -> Received:
    """Read Advantics_Controller_Status."""
    state = data[0]
    message = _new(_AdvanticsControllerStatus)
    state = _ADVANTICS_CONTROLLER_STATUS_STATE[state]
    message.state = state
    message.__class__ = AdvanticsControllerStatus
    undefined: tuple[str, ...] = ()
    if type(state) is int:
        undefined += (f'State={state}',)
    received: Received = _new(Received)
    received.index = index
    received.message = message
    received.undefined = undefined
    received.unassigned_bits = 0
    return received


def pack_advantics_controller_status(message: AdvanticsControllerStatus) -> bytes:
    """Write Advantics_Controller_Status."""
    state: int = message.state
    if type(state) is not AdvanticsControllerStatus.State:
        state = checked(message, 0)
    return _ADVANTICS_CONTROLLER_STATUS.pack(state)


_NewChargeSession = unlocked(NewChargeSession)
_NEW_CHARGE_SESSION = Struct('<BB')
_NEW_CHARGE_SESSION_COMMUNICATION_PROTOCOL = by_number(NewChargeSession.CommunicationProtocol, 8)
_NEW_CHARGE_SESSION_PLUG_AND_PINS = by_number(NewChargeSession.PlugAndPins, 8)


def unpack_new_charge_session(index: int, data: bytes) -> Received:
    """Read New_Charge_Session."""
    communication_protocol = data[0]
    plug_and_pins = data[1]
    message = _new(_NewChargeSession)
    communication_protocol = _NEW_CHARGE_SESSION_COMMUNICATION_PROTOCOL[communication_protocol]
    message.communication_protocol = communication_protocol
    plug_and_pins = _NEW_CHARGE_SESSION_PLUG_AND_PINS[plug_and_pins]
    message.plug_and_pins = plug_and_pins
    message.__class__ = NewChargeSession
    undefined: tuple[str, ...] = ()
    if type(communication_protocol) is int:
        undefined += (f'Communication_Protocol={communication_protocol}',)
    if type(plug_and_pins) is int:
        undefined += (f'Plug_and_pins={plug_and_pins}',)
    received: Received = _new(Received)
    received.index = index
    received.message = message
    received.undefined = undefined
    received.unassigned_bits = 0
    return received


def pack_new_charge_session(message: NewChargeSession) -> bytes:
    """Write New_Charge_Session."""
    communication_protocol: int = message.communication_protocol
    if type(communication_protocol) is not NewChargeSession.CommunicationProtocol:
        communication_protocol = checked(message, 0)
    plug_and_pins: int = message.plug_and_pins
    if type(plug_and_pins) is not NewChargeSession.PlugAndPins:
        plug_and_pins = checked(message, 1)
    return _NEW_CHARGE_SESSION.pack(communication_protocol, plug_and_pins)


_ChargeStatusChange = unlocked(ChargeStatusChange)
_CHARGE_STATUS_CHANGE = Struct('<B')
_CHARGE_STATUS_CHANGE_VEHICLE_READY_FOR_CHARGING = by_number(
    ChargeStatusChange.VehicleReadyForCharging, 8,
)


def unpack_charge_status_change(index: int, data: bytes) -> Received:
    """Read Charge_Status_Change."""
    vehicle_ready_for_charging = data[0]
    message = _new(_ChargeStatusChange)
    vehicle_ready_for_charging = (
        _CHARGE_STATUS_CHANGE_VEHICLE_READY_FOR_CHARGING[vehicle_ready_for_charging])
    message.vehicle_ready_for_charging = vehicle_ready_for_charging
    message.__class__ = ChargeStatusChange
    undefined: tuple[str, ...] = ()
    if type(vehicle_ready_for_charging) is int:
        undefined += (f'Vehicle_Ready_for_Charging={vehicle_ready_for_charging}',)
    received: Received = _new(Received)
    received.index = index
    received.message = message
    received.undefined = undefined
    received.unassigned_bits = 0
    return received


def pack_charge_status_change(message: ChargeStatusChange) -> bytes:
    """Write Charge_Status_Change."""
    vehicle_ready_for_charging: int = message.vehicle_ready_for_charging
    if type(vehicle_ready_for_charging) is not ChargeStatusChange.VehicleReadyForCharging:
        vehicle_ready_for_charging = checked(message, 0)
    return _CHARGE_STATUS_CHANGE.pack(vehicle_ready_for_charging)


_DcPowerControl = unlocked(DcPowerControl)
_DC_POWER_CONTROL = Struct('<HhhB')
_DC_POWER_CONTROL_FROM = _DC_POWER_CONTROL.unpack_from
_DC_POWER_CONTROL_POWER_FUNCTION = by_number(DcPowerControl.PowerFunction, 4)
_DC_POWER_CONTROL_SETPOINTS_MODE = by_number(DcPowerControl.SetpointsMode, 1)
_DC_POWER_CONTROL_OUTPUT_CONTACTORS = by_number(DcPowerControl.OutputContactors, 1)
_DC_POWER_CONTROL_LOWER_OUTPUT_VOLTAGE = by_number(DcPowerControl.LowerOutputVoltage, 1)


def unpack_dc_power_control(index: int, data: bytes) -> Received:
    """Read DC_Power_Control."""
    target_voltage, current_range_max, current_range_min, bits_48 = _DC_POWER_CONTROL_FROM(data)
    message = _new(_DcPowerControl)
    message.target_voltage = target_voltage / 10
    message.current_range_max = current_range_max / 10
    message.current_range_min = current_range_min / 10
    power_function = _DC_POWER_CONTROL_POWER_FUNCTION[bits_48 & 0xf]
    message.power_function = power_function
    message.setpoints_mode = _DC_POWER_CONTROL_SETPOINTS_MODE[bits_48 >> 5 & 0x1]
    message.output_contactors = _DC_POWER_CONTROL_OUTPUT_CONTACTORS[bits_48 >> 6 & 0x1]
    message.lower_output_voltage = _DC_POWER_CONTROL_LOWER_OUTPUT_VOLTAGE[bits_48 >> 7]
    message.__class__ = DcPowerControl
    undefined: tuple[str, ...] = ()
    if type(power_function) is int:
        undefined += (f'Power_Function={power_function}',)
    received: Received = _new(Received)
    received.index = index
    received.message = message
    received.undefined = undefined
    received.unassigned_bits = (bits_48 & 0x10) << 48
    return received


def pack_dc_power_control(message: DcPowerControl) -> bytes:
    """Write DC_Power_Control."""
    value = message.target_voltage
    if type(value) is float and -0.5 <= (scaled := value * 10) < 65535.5:
        target_voltage = round(scaled)
    else:
        target_voltage = checked(message, 0)
    value = message.current_range_max
    if type(value) is float and -32768.5 <= (scaled := value * 10) < 32767.5:
        current_range_max = round(scaled)
    else:
        current_range_max = checked(message, 1)
    value = message.current_range_min
    if type(value) is float and -32768.5 <= (scaled := value * 10) < 32767.5:
        current_range_min = round(scaled)
    else:
        current_range_min = checked(message, 2)
    power_function: int = message.power_function
    if type(power_function) is not DcPowerControl.PowerFunction:
        power_function = checked(message, 3)
    setpoints_mode: int = message.setpoints_mode
    if type(setpoints_mode) is not DcPowerControl.SetpointsMode:
        setpoints_mode = checked(message, 4)
    output_contactors: int = message.output_contactors
    if type(output_contactors) is not DcPowerControl.OutputContactors:
        output_contactors = checked(message, 5)
    lower_output_voltage: int = message.lower_output_voltage
    if type(lower_output_voltage) is not DcPowerControl.LowerOutputVoltage:
        lower_output_voltage = checked(message, 6)
    return _DC_POWER_CONTROL.pack(
        target_voltage, current_range_max, current_range_min, power_function | setpoints_mode << 5
        | output_contactors << 6 | lower_output_voltage << 7,
    )


_ChargeSessionFinished = unlocked(ChargeSessionFinished)
_CHARGE_SESSION_FINISHED = Struct('<B')
_CHARGE_SESSION_FINISHED_STATE = by_number(ChargeSessionFinished.State, 8)


def unpack_charge_session_finished(index: int, data: bytes) -> Received:
    """Read Charge_Session_Finished."""
    state = data[0]
    message = _new(_ChargeSessionFinished)
    state = _CHARGE_SESSION_FINISHED_STATE[state]
    message.state = state
    message.__class__ = ChargeSessionFinished
    undefined: tuple[str, ...] = ()
    if type(state) is int:
        undefined += (f'State={state}',)
    received: Received = _new(Received)
    received.index = index
    received.message = message
    received.undefined = undefined
    received.unassigned_bits = 0
    return received


def pack_charge_session_finished(message: ChargeSessionFinished) -> bytes:
    """Write Charge_Session_Finished."""
    state: int = message.state
    if type(state) is not ChargeSessionFinished.State:
        state = checked(message, 0)
    return _CHARGE_SESSION_FINISHED.pack(state)


_EmergencyStop = unlocked(EmergencyStop)
_EMERGENCY_STOP = Struct('<B')
_EMERGENCY_STOP_ORIGIN = by_number(EmergencyStop.Origin, 8)


def unpack_emergency_stop(index: int, data: bytes) -> Received:
    """Read Emergency_Stop."""
    origin = data[0]
    message = _new(_EmergencyStop)
    origin = _EMERGENCY_STOP_ORIGIN[origin]
    message.origin = origin
    message.__class__ = EmergencyStop
    undefined: tuple[str, ...] = ()
    if type(origin) is int:
        undefined += (f'Origin={origin}',)
    received: Received = _new(Received)
    received.index = index
    received.message = message
    received.undefined = undefined
    received.unassigned_bits = 0
    return received


def pack_emergency_stop(message: EmergencyStop) -> bytes:
    """Write Emergency_Stop."""
    origin: int = message.origin
    if type(origin) is not EmergencyStop.Origin:
        origin = checked(message, 0)
    return _EMERGENCY_STOP.pack(origin)


_EvInformationBattery = unlocked(EvInformationBattery)
_EV_INFORMATION_BATTERY = Struct('<HB')
_EV_INFORMATION_BATTERY_FROM = _EV_INFORMATION_BATTERY.unpack_from


def unpack_ev_information_battery(index: int, data: bytes) -> Received:
    """Read EV_Information_Battery."""
    battery_capacity, present_state_of_charge = _EV_INFORMATION_BATTERY_FROM(data)
    message = _new(_EvInformationBattery)
    message.battery_capacity = battery_capacity * 1000.0
    message.present_state_of_charge = float(present_state_of_charge)
    message.__class__ = EvInformationBattery
    received: Received = _new(Received)
    received.index = index
    received.message = message
    received.undefined = ()
    received.unassigned_bits = 0
    return received


def pack_ev_information_battery(message: EvInformationBattery) -> bytes:
    """Write EV_Information_Battery."""
    value = message.battery_capacity
    if type(value) is float and -0.5 <= (scaled := value / 1000) < 65535.5:
        battery_capacity = round(scaled)
    else:
        battery_capacity = checked(message, 0)
    value = message.present_state_of_charge
    if type(value) is float and -0.5 <= (scaled := value) < 255.5:
        present_state_of_charge = round(scaled)
    else:
        present_state_of_charge = checked(message, 1)
    return _EV_INFORMATION_BATTERY.pack(battery_capacity, present_state_of_charge)


_EvInformationVoltages = unlocked(EvInformationVoltages)
_EV_INFORMATION_VOLTAGES = Struct('<HH')
_EV_INFORMATION_VOLTAGES_FROM = _EV_INFORMATION_VOLTAGES.unpack_from


def unpack_ev_information_voltages(index: int, data: bytes) -> Received:
    """Read EV_Information_Voltages."""
    ev_minimum_voltage, ev_maximum_voltage = _EV_INFORMATION_VOLTAGES_FROM(data)
    message = _new(_EvInformationVoltages)
    message.ev_minimum_voltage = ev_minimum_voltage / 10
    message.ev_maximum_voltage = ev_maximum_voltage / 10
    message.__class__ = EvInformationVoltages
    received: Received = _new(Received)
    received.index = index
    received.message = message
    received.undefined = ()
    received.unassigned_bits = 0
    return received


def pack_ev_information_voltages(message: EvInformationVoltages) -> bytes:
    """Write EV_Information_Voltages."""
    value = message.ev_minimum_voltage
    if type(value) is float and -0.5 <= (scaled := value * 10) < 65535.5:
        ev_minimum_voltage = round(scaled)
    else:
        ev_minimum_voltage = checked(message, 0)
    value = message.ev_maximum_voltage
    if type(value) is float and -0.5 <= (scaled := value * 10) < 65535.5:
        ev_maximum_voltage = round(scaled)
    else:
        ev_maximum_voltage = checked(message, 1)
    return _EV_INFORMATION_VOLTAGES.pack(ev_minimum_voltage, ev_maximum_voltage)


_EvInformationChargeLimits = unlocked(EvInformationChargeLimits)
_EV_INFORMATION_CHARGE_LIMITS = Struct('<HHHH')
_EV_INFORMATION_CHARGE_LIMITS_FROM = _EV_INFORMATION_CHARGE_LIMITS.unpack_from


def unpack_ev_information_charge_limits(index: int, data: bytes) -> Received:
    """Read EV_Information_Charge_Limits."""
    (
        ev_minimum_charge_current, ev_maximum_charge_current, ev_minimum_charge_power,
        ev_maximum_charge_power,
    ) = _EV_INFORMATION_CHARGE_LIMITS_FROM(data)
    message = _new(_EvInformationChargeLimits)
    message.ev_minimum_charge_current = ev_minimum_charge_current / 10
    message.ev_maximum_charge_current = ev_maximum_charge_current / 10
    message.ev_minimum_charge_power = ev_minimum_charge_power * 1000.0
    message.ev_maximum_charge_power = ev_maximum_charge_power * 1000.0
    message.__class__ = EvInformationChargeLimits
    received: Received = _new(Received)
    received.index = index
    received.message = message
    received.undefined = ()
    received.unassigned_bits = 0
    return received


def pack_ev_information_charge_limits(message: EvInformationChargeLimits) -> bytes:
    """Write EV_Information_Charge_Limits."""
    value = message.ev_minimum_charge_current
    if type(value) is float and -0.5 <= (scaled := value * 10) < 65535.5:
        ev_minimum_charge_current = round(scaled)
    else:
        ev_minimum_charge_current = checked(message, 0)
    value = message.ev_maximum_charge_current
    if type(value) is float and -0.5 <= (scaled := value * 10) < 65535.5:
        ev_maximum_charge_current = round(scaled)
    else:
        ev_maximum_charge_current = checked(message, 1)
    value = message.ev_minimum_charge_power
    if type(value) is float and -0.5 <= (scaled := value / 1000) < 65535.5:
        ev_minimum_charge_power = round(scaled)
    else:
        ev_minimum_charge_power = checked(message, 2)
    value = message.ev_maximum_charge_power
    if type(value) is float and -0.5 <= (scaled := value / 1000) < 65535.5:
        ev_maximum_charge_power = round(scaled)
    else:
        ev_maximum_charge_power = checked(message, 3)
    return _EV_INFORMATION_CHARGE_LIMITS.pack(
        ev_minimum_charge_current, ev_maximum_charge_current, ev_minimum_charge_power,
        ev_maximum_charge_power,
    )


_EvInformationDischargeLimits = unlocked(EvInformationDischargeLimits)
_EV_INFORMATION_DISCHARGE_LIMITS = Struct('<HHHH')
_EV_INFORMATION_DISCHARGE_LIMITS_FROM = _EV_INFORMATION_DISCHARGE_LIMITS.unpack_from


def unpack_ev_information_discharge_limits(index: int, data: bytes) -> Received:
    """Read EV_Information_Discharge_Limits."""
    (
        ev_minimum_discharge_current, ev_maximum_discharge_current, ev_minimum_discharge_power,
        ev_maximum_discharge_power,
    ) = _EV_INFORMATION_DISCHARGE_LIMITS_FROM(data)
    message = _new(_EvInformationDischargeLimits)
    message.ev_minimum_discharge_current = ev_minimum_discharge_current / 10
    message.ev_maximum_discharge_current = ev_maximum_discharge_current / 10
    message.ev_minimum_discharge_power = ev_minimum_discharge_power * 1000.0
    message.ev_maximum_discharge_power = ev_maximum_discharge_power * 1000.0
    message.__class__ = EvInformationDischargeLimits
    received: Received = _new(Received)
    received.index = index
    received.message = message
    received.undefined = ()
    received.unassigned_bits = 0
    return received


def pack_ev_information_discharge_limits(message: EvInformationDischargeLimits) -> bytes:
    """Write EV_Information_Discharge_Limits."""
    value = message.ev_minimum_discharge_current
    if type(value) is float and -0.5 <= (scaled := value * 10) < 65535.5:
        ev_minimum_discharge_current = round(scaled)
    else:
        ev_minimum_discharge_current = checked(message, 0)
    value = message.ev_maximum_discharge_current
    if type(value) is float and -0.5 <= (scaled := value * 10) < 65535.5:
        ev_maximum_discharge_current = round(scaled)
    else:
        ev_maximum_discharge_current = checked(message, 1)
    value = message.ev_minimum_discharge_power
    if type(value) is float and -0.5 <= (scaled := value / 1000) < 65535.5:
        ev_minimum_discharge_power = round(scaled)
    else:
        ev_minimum_discharge_power = checked(message, 2)
    value = message.ev_maximum_discharge_power
    if type(value) is float and -0.5 <= (scaled := value / 1000) < 65535.5:
        ev_maximum_discharge_power = round(scaled)
    else:
        ev_maximum_discharge_power = checked(message, 3)
    return _EV_INFORMATION_DISCHARGE_LIMITS.pack(
        ev_minimum_discharge_current, ev_maximum_discharge_current, ev_minimum_discharge_power,
        ev_maximum_discharge_power,
    )


_AdmCoCui1Inputs = unlocked(AdmCoCui1Inputs)
_ADM_CO_CUI1_INPUTS = Struct('<IBBBB')
_ADM_CO_CUI1_INPUTS_FROM = _ADM_CO_CUI1_INPUTS.unpack_from


def unpack_adm_co_cui1_inputs(index: int, data: bytes) -> Received:
    """Read ADM_CO_CUI1_Inputs."""
    (
        bits_0, colibri_temperature, cpu_temperature, pistol_ptc1, pistol_ptc2,
    ) = _ADM_CO_CUI1_INPUTS_FROM(data)
    message = _new(_AdmCoCui1Inputs)
    message.switch0 = (bits_0 & 0x1) != 0
    message.switch1 = (bits_0 & 0x2) != 0
    message.switch2 = (bits_0 & 0x4) != 0
    message.switch3 = (bits_0 & 0x8) != 0
    message.switch4 = (bits_0 & 0x10) != 0
    message.switch5 = (bits_0 & 0x20) != 0
    message.colibri_temperature = colibri_temperature - 40.0
    message.cpu_temperature = cpu_temperature - 40.0
    message.pistol_ptc1 = pistol_ptc1 - 40.0
    message.pistol_ptc2 = pistol_ptc2 - 40.0
    message.__class__ = AdmCoCui1Inputs
    received: Received = _new(Received)
    received.index = index
    received.message = message
    received.undefined = ()
    received.unassigned_bits = (bits_0 & 0xffffffc0)
    return received


def pack_adm_co_cui1_inputs(message: AdmCoCui1Inputs) -> bytes:
    """Write ADM_CO_CUI1_Inputs."""
    switch0: int = message.switch0
    if type(switch0) is not bool:
        switch0 = checked(message, 0)
    switch1: int = message.switch1
    if type(switch1) is not bool:
        switch1 = checked(message, 1)
    switch2: int = message.switch2
    if type(switch2) is not bool:
        switch2 = checked(message, 2)
    switch3: int = message.switch3
    if type(switch3) is not bool:
        switch3 = checked(message, 3)
    switch4: int = message.switch4
    if type(switch4) is not bool:
        switch4 = checked(message, 4)
    switch5: int = message.switch5
    if type(switch5) is not bool:
        switch5 = checked(message, 5)
    value = message.colibri_temperature
    if type(value) is float and -0.5 <= (scaled := value + 40) < 255.5:
        colibri_temperature = round(scaled)
    else:
        colibri_temperature = checked(message, 6)
    value = message.cpu_temperature
    if type(value) is float and -0.5 <= (scaled := value + 40) < 255.5:
        cpu_temperature = round(scaled)
    else:
        cpu_temperature = checked(message, 7)
    value = message.pistol_ptc1
    if type(value) is float and -0.5 <= (scaled := value + 40) < 255.5:
        pistol_ptc1 = round(scaled)
    else:
        pistol_ptc1 = checked(message, 8)
    value = message.pistol_ptc2
    if type(value) is float and -0.5 <= (scaled := value + 40) < 255.5:
        pistol_ptc2 = round(scaled)
    else:
        pistol_ptc2 = checked(message, 9)
    return _ADM_CO_CUI1_INPUTS.pack(
        switch0 | switch1 << 1 | switch2 << 2 | switch3 << 3 | switch4 << 4 | switch5 << 5,
        colibri_temperature, cpu_temperature, pistol_ptc1, pistol_ptc2,
    )


_AdmCsSeccInputs = unlocked(AdmCsSeccInputs)
_ADM_CS_SECC_INPUTS = Struct('<IBBBB')
_ADM_CS_SECC_INPUTS_FROM = _ADM_CS_SECC_INPUTS.unpack_from


def unpack_adm_cs_secc_inputs(index: int, data: bytes) -> Received:
    """Read ADM_CS_SECC_Inputs."""
    bits_0, bits_32, cpu_temperature, pistol_ptc1, pistol_ptc2 = _ADM_CS_SECC_INPUTS_FROM(data)
    message = _new(_AdmCsSeccInputs)
    message.digital_input1 = (bits_0 & 0x1) != 0
    message.digital_input2 = (bits_0 & 0x2) != 0
    message.digital_input3 = (bits_0 & 0x4) != 0
    message.digital_input4 = (bits_0 & 0x8) != 0
    message.cpu_temperature = cpu_temperature - 40.0
    message.pistol_ptc1 = pistol_ptc1 - 40.0
    message.pistol_ptc2 = pistol_ptc2 - 40.0
    message.__class__ = AdmCsSeccInputs
    received: Received = _new(Received)
    received.index = index
    received.message = message
    received.undefined = ()
    received.unassigned_bits = (bits_0 & 0xfffffff0) | (bits_32 & 0xff) << 32
    return received


def pack_adm_cs_secc_inputs(message: AdmCsSeccInputs) -> bytes:
    """Write ADM_CS_SECC_Inputs."""
    digital_input1: int = message.digital_input1
    if type(digital_input1) is not bool:
        digital_input1 = checked(message, 0)
    digital_input2: int = message.digital_input2
    if type(digital_input2) is not bool:
        digital_input2 = checked(message, 1)
    digital_input3: int = message.digital_input3
    if type(digital_input3) is not bool:
        digital_input3 = checked(message, 2)
    digital_input4: int = message.digital_input4
    if type(digital_input4) is not bool:
        digital_input4 = checked(message, 3)
    value = message.cpu_temperature
    if type(value) is float and -0.5 <= (scaled := value + 40) < 255.5:
        cpu_temperature = round(scaled)
    else:
        cpu_temperature = checked(message, 4)
    value = message.pistol_ptc1
    if type(value) is float and -0.5 <= (scaled := value + 40) < 255.5:
        pistol_ptc1 = round(scaled)
    else:
        pistol_ptc1 = checked(message, 5)
    value = message.pistol_ptc2
    if type(value) is float and -0.5 <= (scaled := value + 40) < 255.5:
        pistol_ptc2 = round(scaled)
    else:
        pistol_ptc2 = checked(message, 6)
    return _ADM_CS_SECC_INPUTS.pack(
        digital_input1 | digital_input2 << 1 | digital_input3 << 2 | digital_input4 << 3, 0,
        cpu_temperature, pistol_ptc1, pistol_ptc2,
    )


_OcppControl = unlocked(OcppControl)
_OCPP_CONTROL = Struct('<h')
_OCPP_CONTROL_FROM = _OCPP_CONTROL.unpack_from


def unpack_ocpp_control(index: int, data: bytes) -> Received:
    """Read OCPP_Control."""
    dynamic_target_current, = _OCPP_CONTROL_FROM(data)
    message = _new(_OcppControl)
    message.dynamic_target_current = dynamic_target_current / 10
    message.__class__ = OcppControl
    received: Received = _new(Received)
    received.index = index
    received.message = message
    received.undefined = ()
    received.unassigned_bits = 0
    return received


def pack_ocpp_control(message: OcppControl) -> bytes:
    """Write OCPP_Control."""
    value = message.dynamic_target_current
    if type(value) is float and -32768.5 <= (scaled := value * 10) < 32767.5:
        dynamic_target_current = round(scaled)
    else:
        dynamic_target_current = checked(message, 0)
    return _OCPP_CONTROL.pack(dynamic_target_current)


_PowerModulesStatus = unlocked(PowerModulesStatus)
_POWER_MODULES_STATUS = Struct('<HhBBBB')
_POWER_MODULES_STATUS_FROM = _POWER_MODULES_STATUS.unpack_from
_POWER_MODULES_STATUS_SYSTEM_ENABLE = by_number(PowerModulesStatus.SystemEnable, 8)


def unpack_power_modules_status(index: int, data: bytes) -> Received:
    """Read Power_Modules_Status."""
    (
        present_voltage, present_current, power_modules_temperature, enclosure_temperature,
        system_enable, insulation_resistance,
    ) = _POWER_MODULES_STATUS_FROM(data)
    message = _new(_PowerModulesStatus)
    message.present_voltage = present_voltage / 10
    message.present_current = present_current / 10
    message.power_modules_temperature = power_modules_temperature - 40.0
    message.enclosure_temperature = enclosure_temperature - 40.0
    system_enable = _POWER_MODULES_STATUS_SYSTEM_ENABLE[system_enable]
    message.system_enable = system_enable
    message.insulation_resistance = insulation_resistance * 2000.0
    message.__class__ = PowerModulesStatus
    undefined: tuple[str, ...] = ()
    if type(system_enable) is int:
        undefined += (f'System_Enable={system_enable}',)
    received: Received = _new(Received)
    received.index = index
    received.message = message
    received.undefined = undefined
    received.unassigned_bits = 0
    return received


def pack_power_modules_status(message: PowerModulesStatus) -> bytes:
    """Write Power_Modules_Status."""
    value = message.present_voltage
    if type(value) is float and -0.5 <= (scaled := value * 10) < 65535.5:
        present_voltage = round(scaled)
    else:
        present_voltage = checked(message, 0)
    value = message.present_current
    if type(value) is float and -32768.5 <= (scaled := value * 10) < 32767.5:
        present_current = round(scaled)
    else:
        present_current = checked(message, 1)
    value = message.power_modules_temperature
    if type(value) is float and -0.5 <= (scaled := value + 40) < 255.5:
        power_modules_temperature = round(scaled)
    else:
        power_modules_temperature = checked(message, 2)
    value = message.enclosure_temperature
    if type(value) is float and -0.5 <= (scaled := value + 40) < 255.5:
        enclosure_temperature = round(scaled)
    else:
        enclosure_temperature = checked(message, 3)
    system_enable: int = message.system_enable
    if type(system_enable) is not PowerModulesStatus.SystemEnable:
        system_enable = checked(message, 4)
    value = message.insulation_resistance
    if type(value) is float and -0.5 <= (scaled := value / 2000) < 255.5:
        insulation_resistance = round(scaled)
    else:
        insulation_resistance = checked(message, 5)
    return _POWER_MODULES_STATUS.pack(
        present_voltage, present_current, power_modules_temperature, enclosure_temperature,
        system_enable, insulation_resistance,
    )


_DcPowerParameters = unlocked(DcPowerParameters)
_DC_POWER_PARAMETERS = Struct('<HHHh')
_DC_POWER_PARAMETERS_FROM = _DC_POWER_PARAMETERS.unpack_from


def unpack_dc_power_parameters(index: int, data: bytes) -> Received:
    """Read DC_Power_Parameters."""
    (
        maximum_voltage, maximum_charge_current, maximum_discharge_current, range_target_current,
    ) = _DC_POWER_PARAMETERS_FROM(data)
    message = _new(_DcPowerParameters)
    message.maximum_voltage = maximum_voltage / 10
    message.maximum_charge_current = maximum_charge_current / 10
    message.maximum_discharge_current = maximum_discharge_current / 10
    message.range_target_current = range_target_current / 10
    message.__class__ = DcPowerParameters
    received: Received = _new(Received)
    received.index = index
    received.message = message
    received.undefined = ()
    received.unassigned_bits = 0
    return received


def pack_dc_power_parameters(message: DcPowerParameters) -> bytes:
    """Write DC_Power_Parameters."""
    value = message.maximum_voltage
    if type(value) is float and -0.5 <= (scaled := value * 10) < 65535.5:
        maximum_voltage = round(scaled)
    else:
        maximum_voltage = checked(message, 0)
    value = message.maximum_charge_current
    if type(value) is float and -0.5 <= (scaled := value * 10) < 65535.5:
        maximum_charge_current = round(scaled)
    else:
        maximum_charge_current = checked(message, 1)
    value = message.maximum_discharge_current
    if type(value) is float and -0.5 <= (scaled := value * 10) < 65535.5:
        maximum_discharge_current = round(scaled)
    else:
        maximum_discharge_current = checked(message, 2)
    value = message.range_target_current
    if type(value) is float and -32768.5 <= (scaled := value * 10) < 32767.5:
        range_target_current = round(scaled)
    else:
        range_target_current = checked(message, 3)
    return _DC_POWER_PARAMETERS.pack(
        maximum_voltage, maximum_charge_current, maximum_discharge_current, range_target_current,
    )


_SequenceControl = unlocked(SequenceControl)
_SEQUENCE_CONTROL = Struct('<HB')
_SEQUENCE_CONTROL_FROM = _SEQUENCE_CONTROL.unpack_from
_SEQUENCE_CONTROL_START_CHARGE_AUTHORISATION = by_number(
    SequenceControl.StartChargeAuthorisation, 1,
)
_SEQUENCE_CONTROL_CHADEMO_START_BUTTON = by_number(SequenceControl.ChademoStartButton, 1)
_SEQUENCE_CONTROL_CCS_AUTHORISATION_DONE = by_number(SequenceControl.CcsAuthorisationDone, 1)
_SEQUENCE_CONTROL_CCS_AUTHORISATION_VALID = by_number(SequenceControl.CcsAuthorisationValid, 1)
_SEQUENCE_CONTROL_CHARGE_PARAMETERS_DONE = by_number(SequenceControl.ChargeParametersDone, 1)
_SEQUENCE_CONTROL_USER_STOP_BUTTON = by_number(SequenceControl.UserStopButton, 1)


def unpack_sequence_control(index: int, data: bytes) -> Received:
    """Read Sequence_Control."""
    bits_0, bits_16 = _SEQUENCE_CONTROL_FROM(data)
    message = _new(_SequenceControl)
    message.start_charge_authorisation = _SEQUENCE_CONTROL_START_CHARGE_AUTHORISATION[bits_0 & 0x1]
    message.chademo_start_button = _SEQUENCE_CONTROL_CHADEMO_START_BUTTON[bits_0 >> 1 & 0x1]
    message.ccs_authorisation_done = _SEQUENCE_CONTROL_CCS_AUTHORISATION_DONE[bits_0 >> 8 & 0x1]
    message.ccs_authorisation_valid = _SEQUENCE_CONTROL_CCS_AUTHORISATION_VALID[bits_0 >> 9 & 0x1]
    message.charge_parameters_done = _SEQUENCE_CONTROL_CHARGE_PARAMETERS_DONE[bits_0 >> 10 & 0x1]
    message.user_stop_button = _SEQUENCE_CONTROL_USER_STOP_BUTTON[bits_16 & 0x1]
    message.__class__ = SequenceControl
    received: Received = _new(Received)
    received.index = index
    received.message = message
    received.undefined = ()
    received.unassigned_bits = (bits_0 & 0xf8fc) | (bits_16 & 0xfe) << 16
    return received


def pack_sequence_control(message: SequenceControl) -> bytes:
    """Write Sequence_Control."""
    start_charge_authorisation: int = message.start_charge_authorisation
    if type(start_charge_authorisation) is not SequenceControl.StartChargeAuthorisation:
        start_charge_authorisation = checked(message, 0)
    chademo_start_button: int = message.chademo_start_button
    if type(chademo_start_button) is not SequenceControl.ChademoStartButton:
        chademo_start_button = checked(message, 1)
    ccs_authorisation_done: int = message.ccs_authorisation_done
    if type(ccs_authorisation_done) is not SequenceControl.CcsAuthorisationDone:
        ccs_authorisation_done = checked(message, 2)
    ccs_authorisation_valid: int = message.ccs_authorisation_valid
    if type(ccs_authorisation_valid) is not SequenceControl.CcsAuthorisationValid:
        ccs_authorisation_valid = checked(message, 3)
    charge_parameters_done: int = message.charge_parameters_done
    if type(charge_parameters_done) is not SequenceControl.ChargeParametersDone:
        charge_parameters_done = checked(message, 4)
    user_stop_button: int = message.user_stop_button
    if type(user_stop_button) is not SequenceControl.UserStopButton:
        user_stop_button = checked(message, 5)
    return _SEQUENCE_CONTROL.pack(
        start_charge_authorisation | chademo_start_button << 1 | ccs_authorisation_done << 8
        | ccs_authorisation_valid << 9 | charge_parameters_done << 10, user_stop_button,
    )


_AdmCsSeccOutputs = unlocked(AdmCsSeccOutputs)
_ADM_CS_SECC_OUTPUTS = Struct('<Q')
_ADM_CS_SECC_OUTPUTS_FROM = _ADM_CS_SECC_OUTPUTS.unpack_from


def unpack_adm_cs_secc_outputs(index: int, data: bytes) -> Received:
    """Read ADM_CS_SECC_Outputs."""
    bits_0, = _ADM_CS_SECC_OUTPUTS_FROM(data)
    message = _new(_AdmCsSeccOutputs)
    message.digital_output1 = (bits_0 & 0x1) != 0
    message.digital_output2 = (bits_0 & 0x2) != 0
    message.digital_output3 = (bits_0 & 0x4) != 0
    message.digital_output4 = (bits_0 & 0x8) != 0
    message.__class__ = AdmCsSeccOutputs
    received: Received = _new(Received)
    received.index = index
    received.message = message
    received.undefined = ()
    received.unassigned_bits = (bits_0 & 0xfffffffffffffff0)
    return received


def pack_adm_cs_secc_outputs(message: AdmCsSeccOutputs) -> bytes:
    """Write ADM_CS_SECC_Outputs."""
    digital_output1: int = message.digital_output1
    if type(digital_output1) is not bool:
        digital_output1 = checked(message, 0)
    digital_output2: int = message.digital_output2
    if type(digital_output2) is not bool:
        digital_output2 = checked(message, 1)
    digital_output3: int = message.digital_output3
    if type(digital_output3) is not bool:
        digital_output3 = checked(message, 2)
    digital_output4: int = message.digital_output4
    if type(digital_output4) is not bool:
        digital_output4 = checked(message, 3)
    return _ADM_CS_SECC_OUTPUTS.pack(
        digital_output1 | digital_output2 << 1 | digital_output3 << 2 | digital_output4 << 3,
    )


UNPACK: dict[int, Callable[[int, bytes], Received]] = {
    AdvanticsControllerStatus.BASE_ID: unpack_advantics_controller_status,
    NewChargeSession.BASE_ID: unpack_new_charge_session,
    ChargeStatusChange.BASE_ID: unpack_charge_status_change,
    DcPowerControl.BASE_ID: unpack_dc_power_control,
    ChargeSessionFinished.BASE_ID: unpack_charge_session_finished,
    EmergencyStop.BASE_ID: unpack_emergency_stop,
    EvInformationBattery.BASE_ID: unpack_ev_information_battery,
    EvInformationVoltages.BASE_ID: unpack_ev_information_voltages,
    EvInformationChargeLimits.BASE_ID: unpack_ev_information_charge_limits,
    EvInformationDischargeLimits.BASE_ID: unpack_ev_information_discharge_limits,
    AdmCoCui1Inputs.BASE_ID: unpack_adm_co_cui1_inputs,
    AdmCsSeccInputs.BASE_ID: unpack_adm_cs_secc_inputs,
    OcppControl.BASE_ID: unpack_ocpp_control,
    PowerModulesStatus.BASE_ID: unpack_power_modules_status,
    DcPowerParameters.BASE_ID: unpack_dc_power_parameters,
    SequenceControl.BASE_ID: unpack_sequence_control,
    AdmCsSeccOutputs.BASE_ID: unpack_adm_cs_secc_outputs,
}
"""By identifier with pistol index 0. Arguments: the pistol index, and the data, which
must be as long as the message at least."""

# Any: each takes its own message only.
PACK: dict[type[Message], Callable[[Any], bytes]] = {
    AdvanticsControllerStatus: pack_advantics_controller_status,
    NewChargeSession: pack_new_charge_session,
    ChargeStatusChange: pack_charge_status_change,
    DcPowerControl: pack_dc_power_control,
    ChargeSessionFinished: pack_charge_session_finished,
    EmergencyStop: pack_emergency_stop,
    EvInformationBattery: pack_ev_information_battery,
    EvInformationVoltages: pack_ev_information_voltages,
    EvInformationChargeLimits: pack_ev_information_charge_limits,
    EvInformationDischargeLimits: pack_ev_information_discharge_limits,
    AdmCoCui1Inputs: pack_adm_co_cui1_inputs,
    AdmCsSeccInputs: pack_adm_cs_secc_inputs,
    OcppControl: pack_ocpp_control,
    PowerModulesStatus: pack_power_modules_status,
    DcPowerParameters: pack_dc_power_parameters,
    SequenceControl: pack_sequence_control,
    AdmCsSeccOutputs: pack_adm_cs_secc_outputs,
}
"""By class. They raise ValueError for what the frame cannot carry."""
