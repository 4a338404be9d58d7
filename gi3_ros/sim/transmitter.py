# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""When the controller sends what: :class:`Transmitter`, the frames of each tick in their order."""

import math

from ..core.interface.layout import Message
from ..core.interface.signals import (
    AdmCoCui1Inputs,
    AdmCsSeccInputs,
    AdvanticsControllerStatus,
    ChargeSessionFinished,
    DcPowerControl,
    EmergencyStop,
    EvInformationBattery,
    EvInformationChargeLimits,
    EvInformationDischargeLimits,
    EvInformationVoltages,
)
from .charge_session import Session
from .power_commands import PowerCommands
from .situation import Situation
from .stages import SENT_ONCE, Stage, State
from .vehicle_config import VehicleConfig

LONGEST_PRECHARGE_REQUEST_S = 1.0
"""However slow a vehicle is in the transfer: a precharge takes seconds."""
CPU_C = 46.0
COLIBRI_C = 41.0
PISTOL_C = 24.0
"""What its own sensors always say."""


class Cycle:
    """Due at fixed distances; late calls neither shift the grid nor pile up."""

    def __init__(self) -> None:
        self._next_s = -math.inf

    def is_due(self, period_s: float, *, now_s: float) -> bool:
        """Whether it is time; if so, the next time is a period later."""
        if now_s < self._next_s - 1e-6:
            return False
        on_grid_s = self._next_s + period_s
        self._next_s = on_grid_s if on_grid_s > now_s else now_s + period_s
        return True

    def restart(self, period_s: float, *, now_s: float) -> None:
        """Be due after a period, whatever was before."""
        self._next_s = now_s + period_s


class Transmitter:
    """Sends what is cyclic, what has changed, and the notices of the stages."""

    def __init__(self, situation: Situation, commands: PowerCommands) -> None:
        self._situation = situation
        self._commands = commands
        self._constant_information: tuple[Message, ...] = ()
        self._answered_request_s: float | None = None
        self._sent_state: State | None = None
        self._sent_inputs: Message | None = None
        self._status_cycle = Cycle()
        self._power_cycle = Cycle()
        self._emergency_cycle = Cycle()
        self._inputs_cycle = Cycle()
        self._information_cycle = Cycle()

    def messages(self, *, now_s: float) -> list[Message]:
        """Return what to send now; a state comes before what it announces."""
        situation = self._situation
        notices, situation.notices = situation.notices, []
        out: list[Message] = []
        # Before the state that follows from it (4.5).
        origin = situation.emergency.origin
        if origin is not None and self._emergency_cycle.is_due(
            EmergencyStop.PERIOD_S, now_s=now_s
        ):
            out.append(EmergencyStop(origin))
        self._add_status(out, now_s)
        finished = [notice for notice in notices if isinstance(notice, ChargeSessionFinished)]
        out += [notice for notice in notices if notice not in finished]
        session = situation.session
        if session is not None:
            self._add_information(out, session, now_s)
            self._add_power_control(out, session, now_s)
        # After it the modules may sleep: nothing that they have to obey may follow.
        out += finished
        self._add_inputs(out, now_s)
        return out

    def _add_status(self, out: list[Message], now_s: float) -> None:
        # A change goes out at once: some states last less than a period.
        state = self._situation.state
        is_due = self._status_cycle.is_due(AdvanticsControllerStatus.PERIOD_S, now_s=now_s)
        if is_due or state is not self._sent_state:
            self._sent_state = state
            out.append(AdvanticsControllerStatus(state))

    def _add_power_control(self, out: list[Message], session: Session, now_s: float) -> None:
        command = self._commands.wanted(session, now_s=now_s)
        if command is None or not self._is_power_control_due(command, session, now_s):
            return
        session.power_control = command
        self._answered_request_s = self._situation.vehicle.wishes.asked_s
        out.append(command)

    def _is_power_control_due(
        self, command: DcPowerControl, session: Session, now_s: float,
    ) -> bool:
        situation = self._situation
        before, stage, config = session.power_control, situation.stage, situation.config
        is_paced = config.power_control_pace == 'vehicle' and not config.is_chademo
        period_s = config.power_control_period_s
        if stage is Stage.ENDING_CURRENT:
            period_s = config.ending_period_s
        elif is_paced and stage is Stage.PRECHARGE:
            period_s = min(situation.vehicle.config.request_period_s, LONGEST_PRECHARGE_REQUEST_S)
        if before is None or not _is_same_step(command, before):
            self._power_cycle.restart(period_s, now_s=now_s)
            return True
        if is_paced and stage is Stage.CHARGING:
            # The vehicle asks, the controller forwards (R26, A9).
            return self._answered_request_s != situation.vehicle.wishes.asked_s
        if stage is Stage.CLOSING and session.is_finished:
            return False
        if is_paced and stage in SENT_ONCE:
            return False
        if command != before:
            self._power_cycle.restart(period_s, now_s=now_s)
            return True
        return self._power_cycle.is_due(period_s, now_s=now_s)

    def _add_information(self, out: list[Message], session: Session, now_s: float) -> None:
        """EV information: at least once, on every change, and repeated in the loop (R49)."""
        if not session.is_announced or session.is_finished:
            return
        is_due = self._situation.stage is Stage.CHARGING and self._information_cycle.is_due(
            self._situation.config.information_period_s, now_s=now_s)
        vehicle = self._situation.vehicle
        if not session.sent_information:
            self._constant_information = _constant_information(vehicle.config)
        battery = EvInformationBattery(
            battery_capacity=vehicle.config.capacity_wh,
            present_state_of_charge=math.floor(100 * vehicle.state_of_charge + 1e-9),
        )
        for message in (battery, *self._constant_information):
            if is_due or session.sent_information.get(message.NAME) != message:
                session.sent_information[message.NAME] = message
                out.append(message)

    def _add_inputs(self, out: list[Message], now_s: float) -> None:
        if self._situation.stage is Stage.INITIALISING:
            return
        inputs = self._inputs()
        is_due = self._inputs_cycle.is_due(AdmCsSeccInputs.PERIOD_S, now_s=now_s)
        if is_due or inputs != self._sent_inputs:
            self._sent_inputs = inputs
            out.append(inputs)

    def _inputs(self) -> AdmCoCui1Inputs | AdmCsSeccInputs:
        levels = self._situation.inputs
        first = bool(levels & 1), bool(levels & 2), bool(levels & 4), bool(levels & 8)
        if self._situation.config.hardware == 'ADM-CO-CUI1':
            return AdmCoCui1Inputs(
                *first, bool(levels & 16), bool(levels & 32), COLIBRI_C, CPU_C, PISTOL_C, PISTOL_C)
        return AdmCsSeccInputs(*first, CPU_C, PISTOL_C, PISTOL_C)


def _is_same_step(one: DcPowerControl, other: DcPowerControl) -> bool:
    """Tell whether commands belong to one step of the session: a set-point makes no other."""
    return (
        one.power_function == other.power_function
        and one.output_contactors == other.output_contactors
        and one.lower_output_voltage == other.lower_output_voltage
    )


def _constant_information(vehicle: VehicleConfig) -> tuple[Message, ...]:
    """Return the EV information that does not change in a session."""
    return (
        EvInformationVoltages(
            ev_minimum_voltage=vehicle.min_voltage_v,
            ev_maximum_voltage=vehicle.max_voltage_v,
        ),
        EvInformationChargeLimits(
            ev_minimum_charge_current=vehicle.min_current_a,
            ev_maximum_charge_current=vehicle.max_current_a,
            ev_minimum_charge_power=vehicle.min_power_w,
            ev_maximum_charge_power=vehicle.max_power_w,
        ),
        EvInformationDischargeLimits(
            ev_minimum_discharge_current=vehicle.min_discharge_current_a,
            ev_maximum_discharge_current=vehicle.max_discharge_current_a,
            ev_minimum_discharge_power=vehicle.min_discharge_power_w,
            ev_maximum_discharge_power=vehicle.max_discharge_power_w,
        ),
    )
