# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
What the controller does in each stage: :class:`StageWork`, row by row as in interface.md 4.1, 4.2.

A method ``_in_<stage>`` does the stage's work and names what happened; the table
:data:`.stages.TRANSITIONS` says what follows. ``_enter_<stage>`` does what is done once.
CHAdeMO takes its own way between the insulation test and the energy transfer.
"""

from collections.abc import Callable

from ..core.interface.signals import (
    ChargeSessionFinished,
    ChargeStatusChange,
    DcPowerControl,
    NewChargeSession,
)
from .agreement import agree, NoAgreement
from .charge_session import Session
from .power_commands import PowerCommands
from .protocols import LABEL
from .situation import INSULATION_OHM_PER_V, LOW_VOLTAGE_V, Situation
from .stages import Stage, Trigger
from .transmitter import Cycle

PlugAndPins = NewChargeSession.PlugAndPins
ReadyForCharging = ChargeStatusChange.VehicleReadyForCharging

LOW_CURRENT_A = 1.0
CHADEMO_LOW_CURRENT_A = 5.0
"""The end of the charge goes on at or below this magnitude (R42, A36)."""
PRECHARGE_RELAY_S = 2.0
"""How long the precharge relay stays closed where no copper is simulated."""
CLOSING_DIFFERENCE_V = 20.0
"""The main relay closes over the precharge relay at or below this."""
INSULATION_ABSOLUTE_OHM = 100e3
"""The other rule for the test (A1)."""
TEST_VOLTAGE_REACHED = 0.9
"""Share of the test voltage from which the insulation is judged (R11)."""

IdleWork = Callable[[float], Trigger | None]
SessionWork = Callable[[Session, float], Trigger | None]
Entry = Callable[[Session, float], None]


class StageWork:
    """Does what a stage asks for, and begins and ends the session."""

    def __init__(self, situation: Situation, commands: PowerCommands) -> None:
        self._situation = situation
        self._config = situation.config
        self._vehicle = situation.vehicle
        self._charger = situation.charger
        self._commands = commands
        self._announcement_cycle = Cycle()
        self.while_idle: dict[Stage, IdleWork] = {
            Stage.INITIALISING: self._in_initialising,
            Stage.NOT_AVAILABLE: self._in_not_available,
            Stage.WAITING_FOR_PEV: self._in_waiting_for_pev,
        }
        self.in_session: dict[Stage, SessionWork] = {
            Stage.NEGOTIATING: self._in_negotiating,
            Stage.AUTHORISATION: self._in_authorisation,
            Stage.FULL_INFO: self._in_full_info,
            Stage.NOT_READY: self._in_not_ready,
            Stage.READY: self._in_ready,
            Stage.TESTING: self._in_testing,
            Stage.LOWERING: self._in_lowering,
            Stage.PRECHARGE: self._in_precharge,
            Stage.PRECHARGE_DONE: self._after_one_period,
            Stage.CONNECTING: self._in_connecting,
            Stage.WAITING_FOR_CHARGE: self._in_waiting_for_charge,
            Stage.CHARGING: self._in_charging,
            Stage.ENDING_CURRENT: self._in_ending_current,
            Stage.ENDING_OPEN: self._after_one_period,
            Stage.ENDING_LOWER: self._in_ending_lower,
            Stage.WELDING_DETECTION: self._in_welding_detection,
            Stage.CLOSING: self._in_closing,
            Stage.EMERGENCY: self._in_emergency,
        }
        self._entries: dict[Stage, Entry] = {
            Stage.FULL_INFO: self._enter_full_info,
            Stage.NOT_READY: self._enter_not_ready,
            Stage.PRECHARGE: self._enter_precharge,
            Stage.CONNECTING: self._enter_connecting,
            Stage.WAITING_FOR_CHARGE: self._enter_waiting_for_charge,
            Stage.CHARGING: self._enter_charging,
            Stage.ENDING_CURRENT: self._enter_ending_current,
            Stage.CLOSING: self._enter_closing,
            Stage.EMERGENCY: self._enter_emergency,
        }

    def do(self, *, now_s: float) -> Trigger | None:
        """Go on with the work of the present stage; return what happened."""
        session, stage = self._situation.session, self._situation.stage
        if session is None:
            return self.while_idle[stage](now_s)
        return self.in_session[stage](session, now_s)

    def enter(self, *, now_s: float) -> None:
        """Begin the work of a stage that has just been entered."""
        situation = self._situation
        if situation.stage is Stage.NEGOTIATING:
            situation.session = self._begin_session(now_s)
        if situation.session is not None and situation.stage in self._entries:
            self._entries[situation.stage](situation.session, now_s)

    def _for_s(self, now_s: float) -> float:
        return self._situation.in_stage_for(now_s)

    def _note(self, now_s: float, text: str) -> None:
        self._situation.note(text, now_s=now_s)

    def _after_one_period(self, _session: Session, now_s: float) -> Trigger | None:
        return Trigger.STEP_DONE if self._for_s(now_s) >= DcPowerControl.PERIOD_S else None

    # Stages without a session

    def _permission(self) -> Trigger:
        return Trigger.START_ALLOWED if self._charger.may_start else Trigger.START_FORBIDDEN

    def _in_initialising(self, now_s: float) -> Trigger | None:
        return self._permission() if self._for_s(now_s) >= self._config.boot_s else None

    def _in_not_available(self, _now_s: float) -> Trigger | None:
        return Trigger.START_ALLOWED if self._charger.may_start else None

    def _in_waiting_for_pev(self, _now_s: float) -> Trigger | None:
        if not self._charger.may_start:
            return Trigger.START_FORBIDDEN
        start = self._situation.start
        if not start.is_plug_in_remembered or self._situation.emergency.is_in_force:
            return None
        if not self._config.is_chademo:
            return Trigger.PLUGGED_IN
        return Trigger.START_PRESSED if start.is_button_remembered else None

    # Getting to know the vehicle

    def _begin_session(self, now_s: float) -> Session:
        start, vehicle = self._situation.start, self._vehicle
        start.forget()
        vehicle.begin_session()
        return Session(
            now_s, plug_in=start.plug_in,
            charged_before_wh=vehicle.energy_charged_wh,
            discharged_before_wh=vehicle.energy_discharged_wh)

    def _in_negotiating(self, session: Session, now_s: float) -> Trigger | None:
        if self._for_s(now_s) < self._config.negotiation_s:
            return None
        vehicle = self._vehicle
        try:
            session.agreement = agree(
                self._config, vehicle.config, vehicle.open_circuit_voltage_v,
                told_v=self._charger.limits().voltage_v)
        except NoAgreement as error:
            session.disagreement = str(error)
            return Trigger.NO_AGREEMENT
        self._note(now_s, f'agreed: {session.agreement}')
        if self._config.needs_authorisation:
            return Trigger.AUTHORISATION_NEEDED
        return Trigger.IDENTIFIED

    def _in_authorisation(self, _session: Session, _now_s: float) -> Trigger | None:
        flags = self._charger.flags
        if not flags.ccs_authorisation_done:
            return None
        return Trigger.IDENTIFIED if flags.ccs_authorisation_valid else Trigger.REFUSED

    def _enter_full_info(self, session: Session, _now_s: float) -> None:
        # From here on the modules have to report (R2) and what they said before does not count.
        session.heard_status = False
        session.was_enabled = False
        self._announcement_cycle = Cycle()

    def _in_full_info(self, session: Session, now_s: float) -> Trigger | None:
        self._announce(session, now_s)
        # The announcement and the vehicle's data belong to this state (4.1), and somebody may
        # want to answer them with other parameters (R37).
        if self._for_s(now_s) < NewChargeSession.PERIOD_S:
            return None
        return Trigger.PARAMETERS_DONE if self._charger.are_parameters_done else None

    def _announce(self, session: Session, now_s: float) -> None:
        """Send New_Charge_Session until the modules are enabled, at least once (R6)."""
        if session.is_announced and session.was_enabled:
            return
        if self._announcement_cycle.is_due(NewChargeSession.PERIOD_S, now_s=now_s):
            session.is_announced = True
            self._situation.notices.append(
                NewChargeSession(LABEL[session.agreed.protocol], self._pins()))

    def _pins(self) -> PlugAndPins:
        if self._config.is_chademo:
            return PlugAndPins.CHADEMO
        if self._config.energy_transfer_type == 'DC_extended':
            return PlugAndPins.CCS_DC_EXTENDED
        return PlugAndPins.CCS_DC_CORE

    # Insulation test

    def _enter_not_ready(self, _session: Session, now_s: float) -> None:
        if self._config.is_chademo:
            self._note(now_s, 'plug locked')

    def _in_not_ready(self, session: Session, now_s: float) -> Trigger | None:
        self._announce(session, now_s)
        return Trigger.MODULES_ENABLED if session.was_enabled else None

    def _in_ready(self, session: Session, now_s: float) -> Trigger | None:
        trigger = self._after_one_period(session, now_s)
        return Trigger.NO_TEST if trigger and self._config.skip_cable_check else trigger

    def _in_testing(self, session: Session, now_s: float) -> Trigger | None:
        charger = self._charger
        if self._for_s(now_s) >= self._config.insulation_timeout_s:
            return Trigger.INSULATION_BAD
        test_v = self._commands.test_voltage_v()
        is_reached = charger.status.present_voltage >= TEST_VOLTAGE_REACHED * test_v
        if not (charger.is_status_new and is_reached):
            return None
        session.insulation.take(
            charger.insulation_ohm(), needed_ohm=self._needed_insulation_ohm(test_v))
        is_good = session.insulation.good_iterations >= self._config.insulation_iterations
        return Trigger.INSULATION_GOOD if is_good else None

    def _needed_insulation_ohm(self, test_v: float) -> float:
        if self._config.insulation_rule == 'absolute':
            return INSULATION_ABSOLUTE_OHM
        return INSULATION_OHM_PER_V * test_v

    def _in_lowering(self, _session: Session, _now_s: float) -> Trigger | None:
        charger = self._charger
        if not charger.is_status_new or charger.status.present_voltage > LOW_VOLTAGE_V:
            return None
        return Trigger.OUTPUT_LOW_CHADEMO if self._config.is_chademo else Trigger.OUTPUT_LOW

    # Precharge

    def _enter_precharge(self, _session: Session, _now_s: float) -> None:
        self._vehicle.begin_precharge()

    def _in_precharge(self, _session: Session, _now_s: float) -> Trigger | None:
        return Trigger.VEHICLE_CONNECTED if self._vehicle.contactors_closed else None

    # CHAdeMO connects without the power modules

    def _enter_connecting(self, _session: Session, _now_s: float) -> None:
        self._vehicle.connect()

    def _in_connecting(self, _session: Session, now_s: float) -> Trigger | None:
        if not self._vehicle.contactors_closed:
            return None
        if not self._config.chademo_precharge:
            return Trigger.VEHICLE_CONNECTED
        # R47: the modules float, so what they report is what came through the resistor. Without
        # simulated copper nothing comes through it.
        charger = self._charger
        difference_v = abs(
            charger.status.present_voltage - self._vehicle.open_circuit_voltage_v)
        is_close = charger.is_status_new and difference_v <= CLOSING_DIFFERENCE_V
        if not self._situation.has_copper:
            is_close = self._for_s(now_s) >= PRECHARGE_RELAY_S
        return Trigger.VEHICLE_CONNECTED if is_close else None

    # Energy transfer

    def _enter_waiting_for_charge(self, _session: Session, _now_s: float) -> None:
        self._situation.notices.append(ChargeStatusChange(ReadyForCharging.CHARGE_STARTED))

    def _in_waiting_for_charge(self, _session: Session, now_s: float) -> Trigger | None:
        waits_s = self._vehicle.config.start_delay_s - self._for_s(now_s)
        self._situation.waits_s = waits_s
        return Trigger.POWER_WANTED if waits_s <= 0 else None

    def _enter_charging(self, session: Session, now_s: float) -> None:
        session.charging_from_s = now_s
        self._vehicle.begin_transfer(now_s=now_s)

    def _in_charging(self, session: Session, now_s: float) -> Trigger | None:
        session.charging_s = now_s - session.charging_from_s
        return None

    # End of the charge, in three steps

    def _enter_ending_current(self, _session: Session, now_s: float) -> None:
        self._vehicle.end_transfer(now_s=now_s)
        self._situation.notices.append(ChargeStatusChange(ReadyForCharging.CHARGE_STOPPED))

    def _in_ending_current(self, session: Session, now_s: float) -> Trigger | None:
        charger, config = self._charger, self._config
        low_a = CHADEMO_LOW_CURRENT_A if config.is_chademo else LOW_CURRENT_A
        if charger.is_status_new and abs(charger.status.present_current) <= low_a:
            session.ended_regularly = True
            return Trigger.CURRENT_LOW
        if self._for_s(now_s) >= config.ending_timeout_s:
            self._note(
                now_s,
                f'the charger still reports {charger.status.present_current:.1f} A after '
                f'{config.ending_timeout_s:.0f} s in Standby (R42): going on without it')
            return Trigger.CURRENT_STAYS
        return None

    def _in_ending_lower(self, session: Session, now_s: float) -> Trigger | None:
        # The lowering is not waited for (R16, L2). The vehicle's contactors are: what follows
        # is for an output without a battery.
        config = self._config
        waited = self._for_s(now_s) >= config.ending_timeout_s
        if self._vehicle.contactors_closed and not waited:
            return None
        trigger = self._after_one_period(session, now_s)
        is_supported = config.support_welding_detection or not config.is_chademo
        if trigger and is_supported and self._vehicle.config.welding_detection_s > 0:
            return Trigger.WELDING_DETECTION
        return trigger

    def _in_welding_detection(self, _session: Session, now_s: float) -> Trigger | None:
        if self._for_s(now_s) < self._vehicle.config.welding_detection_s:
            return None
        if self._vehicle.contactors_closed:
            self._note(
                now_s, 'welding detection: the vehicle finds its contactors welded, '
                f'{self._vehicle.inlet_voltage_v:.0f} V at the inlet')
        return Trigger.STEP_DONE

    # Closing

    def _enter_closing(self, _session: Session, now_s: float) -> None:
        self._vehicle.end_transfer(now_s=now_s)

    def _in_closing(self, session: Session, now_s: float) -> Trigger | None:
        """Lower what is left on the output (L3), then say that the session has finished."""
        if session.is_finished:
            return self._back_to_idle(session, now_s)
        # CHAdeMO holds the plug until it is safe to touch (R18).
        is_chademo, voltage_v = self._config.is_chademo, self._charger.status.present_voltage
        patience_s = self._config.lowering_timeout_s * (3 if is_chademo else 1)
        is_low = voltage_v <= self._situation.low_voltage_v
        if is_low or not session.was_enabled or self._for_s(now_s) >= patience_s:
            if is_chademo:
                self._note(now_s, 'plug unlocked' if is_low or not session.was_enabled else (
                    f'plug stays locked: {voltage_v:.0f} V reported (R18)'))
            self._finish(session, now_s)
        return None

    def _enter_emergency(self, session: Session, now_s: float) -> None:
        self._vehicle.emergency(now_s=now_s)
        self._finish(session, now_s)

    def _in_emergency(self, session: Session, now_s: float) -> Trigger | None:
        is_held = self._situation.emergency.is_held
        is_kept = is_held and not self._config.emergency_outlasts_session
        return None if is_kept else self._back_to_idle(session, now_s)

    def _back_to_idle(self, session: Session, now_s: float) -> Trigger | None:
        # R44: some seconds after Charge_Session_Finished.
        if now_s - session.finished_s < self._config.closing_s - 1e-6:
            return None
        self._situation.session = None
        return self._permission()

    def _finish(self, session: Session, now_s: float) -> None:
        situation = self._situation
        session.finished_s = now_s
        is_clean = session.ended_regularly and not situation.emergency.is_in_force
        finished = ChargeSessionFinished.State
        state = finished.CLEAN_STOP if is_clean else finished.RUSHED_STOP
        situation.outcome = session.outcome(
            state, charged_wh=self._vehicle.energy_charged_wh,
            discharged_wh=self._vehicle.energy_discharged_wh)
        situation.notices.append(ChargeSessionFinished(state))
        self._note(now_s, f'session finished, {state.name}: {session.reason}')
