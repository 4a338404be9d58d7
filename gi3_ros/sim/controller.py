"""
An ADVANTICS controller: the session as the charger sees it from the other end of the bus.

The session is one table, :data:`.stages.TRANSITIONS`: in a stage something happens, and the table
says which stage comes next. One method per stage (``_in_<stage>``) does the stage's work and names
what happened; ``_supervise`` names what may happen in any stage. What is not in the table does not
move the session.

What differs between the protocols is settled in :mod:`.agreement`; CHAdeMO takes its own way
between the insulation test and the energy transfer (interface.md 4.2).

Decoded messages in, messages to send out; no clock and no CAN.
"""

import dataclasses
import math

from ..core.interface.signals import (
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
from ..core.power.limits import Derating
from .agreement import agree, charger_limits, current_range, Direction, LABEL, NoAgreement
from .stages import (
    CLOSE,
    CONSTANT_POWER_CONTROL,
    ENDS,
    IDLE_STAGES,
    LOWERING_OPEN,
    OFF_OPEN,
    POWER_STAGES,
    REPORTED,
    SENT_ONCE,
    Stage,
    STANDBY_CLOSED,
    STANDBY_OPEN,
    TRANSITIONS,
    Trigger,
    WAITING_IS_TOLD_S,
    WAITS,
)

Origin = EmergencyStop.Origin
PlugAndPins = NewChargeSession.PlugAndPins
SetpointsMode = DcPowerControl.SetpointsMode

LOW_VOLTAGE_V = 20.0
"""Lowering is done at or below this (R15)."""
UNLOCKING_VOLTAGE_V = 10.0
"""CHAdeMO lets the plug go at or below this (R18)."""
INTEGRATE_S = 1.0
"""As gi3 report: no energy is counted across a longer silence of Power_Modules_Status."""
LONGEST_PRECHARGE_REQUEST_S = 1.0
"""However slow a vehicle is in the transfer: a precharge takes seconds."""
LOW_CURRENT_A = 1.0
CHADEMO_LOW_CURRENT_A = 5.0
"""The end of the charge goes on at or below this magnitude (R42, A36)."""
PRECHARGE_RELAY_S = 2.0
"""How long the precharge relay stays closed where no copper is simulated."""
CLOSING_DIFFERENCE_V = 20.0
"""The main relay closes over the precharge relay at or below this."""
DERATING_C = 75.0
MAX_TEMPERATURE_C = 85.0
"""Of the power modules: half the current at the second, where the charge ends (R50)."""
INSULATION_OHM_PER_V = 100.0
"""Wanted in the test (R12); below it while power is in use: emergency (R14)."""
INSULATION_ABSOLUTE_OHM = 100e3
"""The other rule for the test (A1)."""
TEST_VOLTAGE_REACHED = 0.9
"""Share of the test voltage from which the insulation is judged (R11)."""


@dataclasses.dataclass(frozen=True)
class Outcome:
    """How a session ended."""

    state: ChargeSessionFinished.State
    reason: str
    duration_s: float
    charging_s: float
    energy_charged_wh: float
    energy_discharged_wh: float
    """Into and out of the vehicle, at its inlet."""
    agreement: object
    """What controller and vehicle settled on (:class:`~.agreement.Agreement`), or ``None``."""
    insulation_resistance_ohm: float
    """Lowest value that counted in the test; NaN without a test."""
    told_wh: float = math.nan
    """Into the vehicle by the charger's Power_Modules_Status, what came out of it subtracted."""

    @property
    def is_clean(self):
        """Whether the session ended in the regular way."""
        return self.state is ChargeSessionFinished.State.CLEAN_STOP

    @property
    def energy_wh(self):
        """Into the vehicle, what came out of it subtracted."""
        return self.energy_charged_wh - self.energy_discharged_wh


@dataclasses.dataclass
class _Session:
    """What is known about the session in progress; a new one starts with nothing."""

    started_s: float
    plug_in: int = 0
    """Which plug-in of the vehicle it belongs to."""
    charged_before_wh: float = 0.0
    discharged_before_wh: float = 0.0
    agreement: object = None
    is_announced: bool = False
    heard_status: bool = False
    told_wh: float = 0.0
    was_enabled: bool = False
    good_iterations: int = 0
    insulation_ohm: float = math.inf
    ended_regularly: bool = False
    reason: str = ''
    charging_from_s: float = math.nan
    charging_s: float = 0.0
    finished_s: float = math.nan

    @property
    def is_finished(self):
        """Whether Charge_Session_Finished was sent."""
        return not math.isnan(self.finished_s)


class _Cycle:
    """Due at fixed distances; late calls neither shift the grid nor pile up."""

    def __init__(self):
        self._next_s = -math.inf

    def is_due(self, period_s, *, now_s):
        if now_s < self._next_s - 1e-6:
            return False
        on_grid_s = self._next_s + period_s
        self._next_s = on_grid_s if on_grid_s > now_s else now_s + period_s
        return True

    def restart(self, period_s, *, now_s):
        self._next_s = now_s + period_s


class Controller:
    """
    The controller with one vehicle at its pistol.

    :param vehicle: a :class:`~.vehicle.Vehicle`; whoever runs both keeps it ticking
    """

    def __init__(self, config, vehicle):
        self.config = config
        self.vehicle = vehicle
        self.stage = Stage.INITIALISING
        self.outcome = None
        """The last :class:`Outcome`, ``None`` before a session has ended."""
        self.events = []
        """``(time_s, text)``; take and clear them at will."""
        self.emergency_origin = None
        """Who raised the emergency stop that is in force, ``None`` without one."""
        self.emergency_cause = ''
        """In words, of the last emergency stop."""
        self.is_emergency_held = False
        """Whether somebody keeps it up, as a mushroom button does."""
        self.status = PowerModulesStatus()
        self.parameters = DcPowerParameters()
        self.flags = SequenceControl()
        self.has_copper = False
        """Whether the inlet of the vehicle is simulated copper, not what the charger says."""
        self.waits_s = 0.0
        """Until the vehicle wants its energy, while it waits (R48)."""
        self.outputs = AdmCsSeccOutputs()
        """What the charger wants of the digital outputs."""
        self.inputs = 0
        """Levels of the digital inputs that are monitored, bit 0 the first."""
        self._derating = Derating(DERATING_C, MAX_TEMPERATURE_C)
        self._status_at_s = -math.inf
        self._status_is_new = False
        self._stage_since_s = None
        self._is_waiting_told = False
        self._session = None
        self._is_plug_in_remembered = False
        self._is_start_remembered = False
        self._was_plugged = False
        self._plug_in = 0
        self._stop_pressed = False
        self._disagreement = ''
        self._is_link_lost = False
        self._answered_request_s = None
        self._outbox = []
        self._sent_state = None
        self._sent_power_control = None
        self._sent_inputs = None
        self._sent_information = {}
        self._status_cycle = _Cycle()
        self._power_cycle = _Cycle()
        self._announcement_cycle = _Cycle()
        self._emergency_cycle = _Cycle()
        self._inputs_cycle = _Cycle()
        self._information_cycle = _Cycle()

    @property
    def state(self):
        """What Advantics_Controller_Status reports."""
        if self.config.state_order == 'after':
            if self.stage is Stage.NOT_READY:
                return REPORTED[Stage.FULL_INFO]
            if self.stage is Stage.FULL_INFO:
                return REPORTED[
                    Stage.AUTHORISATION if self.config.needs_authorisation else Stage.NEGOTIATING]
        return REPORTED[self.stage]

    @property
    def power_control(self):
        """The DC_Power_Control in force, ``None`` before the first of a session."""
        return self._sent_power_control

    @property
    def agreement(self):
        """The :class:`~.agreement.Agreement` of this session, ``None`` while there is none."""
        return None if self._session is None else self._session.agreement

    # In

    def receive(self, message, *, now_s):
        """Take a decoded message of the charger; others are not for the controller."""
        if isinstance(message, PowerModulesStatus):
            self._receive_status(message, now_s)
        elif isinstance(message, DcPowerParameters):
            self.parameters = message
        elif isinstance(message, SequenceControl):
            self._receive_flags(message, now_s)
        elif isinstance(message, AdmCsSeccOutputs):
            self._receive_outputs(message, now_s)

    def _receive_status(self, status, now_s):
        if self._session is not None and now_s - self._status_at_s <= INTEGRATE_S:
            watts = self.status.present_voltage * self.status.present_current
            watts += status.present_voltage * status.present_current
            self._session.told_wh += watts * (now_s - self._status_at_s) / 7200.0
        self.status = status
        self._status_at_s = now_s
        self._status_is_new = True
        session = self._session
        if session is not None:
            session.heard_status = True
            if status.system_enable is PowerModulesStatus.SystemEnable.ALLOWED:
                session.was_enabled = True

    def _receive_flags(self, flags, now_s):
        config = self.config
        # A7: what is said while the controller boots is not taken as initialisation.
        if not config.use_sequence_flags or (
                self.stage is Stage.INITIALISING and not config.takes_early_flags):
            return
        before, self.flags = self.flags, flags
        # R39: only the change from 0 to 1 acts.
        if flags.user_stop_button and not before.user_stop_button:
            self.press_stop()
        if flags.chademo_start_button and not before.chademo_start_button:
            self.press_start(now_s=now_s)

    def _receive_outputs(self, outputs, now_s):
        if outputs != self.outputs:
            self.outputs = outputs
            levels = [int(getattr(outputs, f'digital_output{n}')) for n in range(1, 5)]
            self._event(now_s, f'digital outputs 1 to 4: {levels}')

    # What people do

    def press_stop(self):
        """
        Press the stop button; outside of a session nobody is stopped (R39).

        That is until controller and vehicle have agreed on one, and after its end.
        """
        session = self._session
        self._stop_pressed = (
            session is not None and session.agreement is not None and not session.is_finished)

    def press_start(self, *, now_s):
        """Press the start button of CHAdeMO; remembered while no session may start (R35)."""
        if not self.config.is_chademo:
            self._event(now_s, 'start button: has no meaning in CCS')
        elif self._session is None and not self._is_start_remembered:
            self._is_start_remembered = True
            self._event(now_s, 'start button pressed')

    def lose_link(self):
        """Let the vehicle fall silent in mid-session (4.1)."""
        self._is_link_lost = self._session is not None

    def ask_again(self):
        """Let the vehicle that is plugged in ask for another session (A42)."""
        if self.vehicle.is_plugged:
            self._is_plug_in_remembered = True

    def set_ocpp_target(self, current_a):
        """Let the central system choose the current; negative discharges (R30)."""
        self._outbox.append(OcppControl(dynamic_target_current=current_a))

    def emergency_stop(self, cause, *, origin=Origin.EVSE, now_s):
        """Raise an emergency that lasts until :meth:`release_emergency` (the mushroom button)."""
        self.is_emergency_held = True
        self._raise_emergency(cause, origin, now_s)

    def release_emergency(self):
        """Take the cause of :meth:`emergency_stop` away; the session does not come back."""
        self.is_emergency_held = False

    # Out

    def tick(self, *, now_s):
        """
        Go on with the session.

        :returns: the messages to send now, in order
        """
        if self._stage_since_s is None:
            self._stage_since_s = now_s
        self._watch_plug()
        trigger = self._supervise(now_s) or self._work(now_s)
        if trigger is not None:
            self._follow(trigger, now_s)
        elif not self._is_waiting_told and self._in_stage_for(now_s) >= WAITING_IS_TOLD_S:
            self._tell_waiting(now_s)
        if self.stage in IDLE_STAGES and not self.is_emergency_held:
            # R38: here the conditions are evaluated again, and all but the button belonged to
            # the session that is over.
            self.emergency_origin = None
        self._status_is_new = False
        self._send_cyclic(now_s)
        outbox, self._outbox = self._outbox, []
        return outbox

    def _follow(self, trigger, now_s):
        """Change the stage as the table says."""
        why = self._reason_of(trigger)
        if self._session is not None and trigger in ENDS:
            self._session.reason = why
        left = self.stage
        self.stage = TRANSITIONS[left][trigger]
        self._stage_since_s = now_s
        self._is_waiting_told = False
        self._event(now_s, f'{left.name} -> {self.stage.name}: {why}')
        enter = getattr(self, f'_enter_{self.stage.name.lower()}', None)
        if enter is not None:
            enter(now_s)

    def _tell_waiting(self, now_s):
        self._is_waiting_told = True
        is_of_interest = self._session is not None or self._is_plug_in_remembered
        if self.stage in WAITS and is_of_interest:
            self._event(now_s, f'{self.stage.name} waits for {WAITS[self.stage]}')

    def _reason_of(self, trigger):
        if trigger is Trigger.NO_AGREEMENT:
            return f'{trigger.value}: {self._disagreement}'
        if trigger is Trigger.EMERGENCY:
            return f'{trigger.value}: {self.emergency_cause}'
        if trigger is Trigger.STOP:
            return f'{trigger.value}: {self.vehicle.stop_reason}'
        if trigger is Trigger.VEHICLE_TIMEOUT:
            return f'{trigger.value} in {self.stage.name}'
        return trigger.value

    def _work(self, now_s):
        return getattr(self, f'_in_{self.stage.name.lower()}')(now_s)

    def _in_stage_for(self, now_s):
        return now_s - self._stage_since_s + 1e-6

    # What may happen in any stage

    def _watch_plug(self):
        """Remember a plug-in until a session has come of it, also while none may start (R35)."""
        if self.vehicle.plug_ins != self._plug_in:
            self._plug_in = self.vehicle.plug_ins
            self._is_plug_in_remembered = True
            self._is_start_remembered &= not self._was_plugged
        self._was_plugged = self.vehicle.is_plugged
        if not self._was_plugged:
            self._is_plug_in_remembered = self._is_start_remembered = False

    def _supervise(self, now_s):
        """Return the gravest thing that happened and that the table knows in this stage."""
        session = self._session
        if session is None:
            return None
        if self._stop_pressed:
            self._stop_pressed = False
            self.vehicle.ask_to_stop('the stop button was pressed')
        can_stop = session.is_announced and Trigger.EMERGENCY in TRANSITIONS[self.stage]
        if can_stop and self.emergency_origin is None:
            self._check_interlocks(session, now_s)
        happened = (
            (Trigger.EMERGENCY, self.emergency_origin is not None),
            (Trigger.UNPLUGGED, not self.vehicle.is_plugged
             or self.vehicle.plug_ins != session.plug_in),
            (Trigger.LINK_LOST, self._is_link_lost),
            (Trigger.UNAVAILABLE, self._is_withdrawn(session)),
            (Trigger.STOP, bool(self.vehicle.stop_reason)),
            (Trigger.VEHICLE_TIMEOUT, self._in_stage_for(now_s) >= self._patience_s()),
        )
        for trigger, has_happened in happened:
            if has_happened and trigger in TRANSITIONS[self.stage]:
                return trigger
        return None

    def _check_interlocks(self, session, now_s):
        """R3, R8, R14: the three causes of an emergency that this interface can carry."""
        status = self.status
        silent_s = now_s - self._status_at_s
        timeout_s = self.config.charger_can_timeout_ms / 1000.0
        if session.heard_status and silent_s > timeout_s:
            self._raise_emergency(
                f'no Power_Modules_Status for {1000 * silent_s:.0f} ms, '
                f'permitted {1000 * timeout_s:.0f} ms (R3)', Origin.EVSE, now_s)
        elif self.stage is Stage.CHARGING and self._is_withdrawn(session):
            self._raise_emergency(
                'System_Enable withdrawn in the charging loop (R8)', Origin.EVSE, now_s)
        elif self.stage in POWER_STAGES and self._status_is_new:
            volts = max(self._told_target_v(), status.present_voltage)
            needed_ohm = INSULATION_OHM_PER_V * volts
            if self._insulation_ohm() < needed_ohm:
                self._raise_emergency(
                    f'insulation {self._insulation_ohm() / 1e3:.0f} kOhm at {volts:.0f} V, '
                    f'needed {needed_ohm / 1e3:.1f} kOhm (R14)', Origin.EVSE, now_s)

    def _insulation_ohm(self):
        """Return what counts: a monitor of the controller's own, or what the charger says."""
        if self.config.has_own_monitor:
            return self.vehicle.insulation_resistance_ohm
        return self.status.insulation_resistance

    def _told_target_v(self):
        return 0.0 if self._sent_power_control is None else self._sent_power_control.target_voltage

    def _is_withdrawn(self, session):
        return (
            session.was_enabled
            and self.status.system_enable is not PowerModulesStatus.SystemEnable.ALLOWED
        )

    def _patience_s(self):
        vehicle = self.vehicle.config
        if self.stage in (Stage.PRECHARGE, Stage.CONNECTING):
            return vehicle.precharge_patience_s
        return vehicle.patience_s

    def _raise_emergency(self, cause, origin, now_s):
        if self.emergency_origin is None:
            self.emergency_origin = origin
            self.emergency_cause = cause
            self._event(now_s, f'emergency stop, origin {origin.name}: {cause}')

    # Stages without a session

    def _permission(self):
        if not self.config.use_sequence_flags or self.flags.start_charge_authorisation:
            return Trigger.START_ALLOWED
        return Trigger.START_FORBIDDEN

    def _in_initialising(self, now_s):
        return self._permission() if self._in_stage_for(now_s) >= self.config.boot_s else None

    def _in_not_available(self, now_s):
        permission = self._permission()
        return permission if permission is Trigger.START_ALLOWED else None

    def _in_waiting_for_pev(self, now_s):
        permission = self._permission()
        if permission is Trigger.START_FORBIDDEN:
            return permission
        if not self._is_plug_in_remembered or self.emergency_origin is not None:
            return None
        if not self.config.is_chademo:
            return Trigger.PLUGGED_IN
        return Trigger.START_PRESSED if self._is_start_remembered else None

    # Getting to know the vehicle

    def _enter_negotiating(self, now_s):
        self._is_plug_in_remembered = self._is_start_remembered = False
        self._stop_pressed = self._is_link_lost = False
        self._session = _Session(
            now_s, plug_in=self._plug_in,
            charged_before_wh=self.vehicle.energy_charged_wh,
            discharged_before_wh=self.vehicle.energy_discharged_wh)
        self._sent_information = {}
        self.vehicle.begin_session()

    def _in_negotiating(self, now_s):
        if self._in_stage_for(now_s) < self.config.negotiation_s:
            return None
        try:
            agreement = agree(
                self.config, self.vehicle.config, self.vehicle.open_circuit_voltage_v,
                told_v=self._charger_limits().voltage_v)
        except NoAgreement as error:
            self._disagreement = str(error)
            return Trigger.NO_AGREEMENT
        self._session.agreement = agreement
        self._event(now_s, f'agreed: {agreement}')
        if self.config.needs_authorisation:
            return Trigger.AUTHORISATION_NEEDED
        return Trigger.IDENTIFIED

    def _in_authorisation(self, now_s):
        if not self.flags.ccs_authorisation_done:
            return None
        return Trigger.IDENTIFIED if self.flags.ccs_authorisation_valid else Trigger.REFUSED

    def _enter_full_info(self, now_s):
        # From here on the modules have to report (R2) and what they said before does not count.
        self._session.heard_status = False
        self._session.was_enabled = False
        self._announcement_cycle = _Cycle()

    def _in_full_info(self, now_s):
        self._announce(now_s)
        # The announcement and the vehicle's data belong to this state (4.1), and somebody may
        # want to answer them with other parameters (R37).
        if self._in_stage_for(now_s) < NewChargeSession.PERIOD_S:
            return None
        if not self.config.use_sequence_flags or self.flags.charge_parameters_done:
            return Trigger.PARAMETERS_DONE
        return None

    def _announce(self, now_s):
        """Send New_Charge_Session until the modules are enabled, at least once (R6)."""
        session = self._session
        if session.is_announced and session.was_enabled:
            return
        if self._announcement_cycle.is_due(NewChargeSession.PERIOD_S, now_s=now_s):
            session.is_announced = True
            self._outbox.append(
                NewChargeSession(LABEL[session.agreement.protocol], self._pins()))

    def _pins(self):
        if self.config.is_chademo:
            return PlugAndPins.CHADEMO
        if self.config.energy_transfer_type == 'DC_extended':
            return PlugAndPins.CCS_DC_EXTENDED
        return PlugAndPins.CCS_DC_CORE

    # Insulation test

    def _enter_not_ready(self, now_s):
        if self.config.is_chademo:
            self._event(now_s, 'plug locked')

    def _in_not_ready(self, now_s):
        self._announce(now_s)
        return Trigger.MODULES_ENABLED if self._session.was_enabled else None

    def _in_ready(self, now_s):
        trigger = self._after_one_period(now_s)
        return Trigger.NO_TEST if trigger and self.config.skip_cable_check else trigger

    def _in_testing(self, now_s):
        session, status = self._session, self.status
        if self._in_stage_for(now_s) >= self.config.insulation_timeout_s:
            return Trigger.INSULATION_BAD
        test_v = self._test_voltage_v()
        if not self._status_is_new or status.present_voltage < TEST_VOLTAGE_REACHED * test_v:
            return None
        insulation_ohm = self._insulation_ohm()
        if insulation_ohm < self._needed_insulation_ohm(test_v):
            session.good_iterations = 0
            return None
        session.good_iterations += 1
        session.insulation_ohm = min(session.insulation_ohm, insulation_ohm)
        if session.good_iterations < self.config.insulation_iterations:
            return None
        return Trigger.INSULATION_GOOD

    def _test_voltage_v(self):
        """Return the highest voltage that the charger could apply in this session (R11)."""
        return self._charger_limits().voltage_v

    def _needed_insulation_ohm(self, test_v):
        if self.config.insulation_rule == 'absolute':
            return INSULATION_ABSOLUTE_OHM
        return INSULATION_OHM_PER_V * test_v

    def _in_lowering(self, now_s):
        if not self._status_is_new or self.status.present_voltage > LOW_VOLTAGE_V:
            return None
        return Trigger.OUTPUT_LOW_CHADEMO if self.config.is_chademo else Trigger.OUTPUT_LOW

    # Precharge

    def _enter_precharge(self, now_s):
        self.vehicle.begin_precharge()

    def _in_precharge(self, now_s):
        return Trigger.VEHICLE_CONNECTED if self.vehicle.contactors_closed else None

    def _in_precharge_done(self, now_s):
        return self._after_one_period(now_s)

    # CHAdeMO connects without the power modules

    def _enter_connecting(self, now_s):
        self.vehicle.connect()

    def _in_connecting(self, now_s):
        if not self.vehicle.contactors_closed:
            return None
        if not self.config.chademo_precharge:
            return Trigger.VEHICLE_CONNECTED
        # R47: the modules float, so what they report is what came through the resistor. Without
        # simulated copper nothing comes through it.
        difference_v = abs(self.status.present_voltage - self.vehicle.open_circuit_voltage_v)
        is_close = self._status_is_new and difference_v <= CLOSING_DIFFERENCE_V
        if not self.has_copper:
            is_close = self._in_stage_for(now_s) >= PRECHARGE_RELAY_S
        return Trigger.VEHICLE_CONNECTED if is_close else None

    @property
    def precharge_relay_closed(self):
        """Whether Digital_OUT1 drives the precharge relay of CHAdeMO (R47)."""
        return self.stage is Stage.CONNECTING and self.config.chademo_precharge

    @property
    def digital_outputs(self):
        """
        Levels of the outputs that the charger commands (0x63201), bit 0 for the first.

        That one is the controller's own where it drives the precharge relay (R47).
        """
        first = 2 if self.config.chademo_precharge else 1
        return sum(
            getattr(self.outputs, f'digital_output{n}') << (n - 1) for n in range(first, 5))

    @property
    def relay_closed(self):
        """Whether its own relay is closed, which drives contactors of the charger (R45, A41)."""
        command = self._sent_power_control
        return command is not None and command.output_contactors == CLOSE

    def _enter_waiting_for_charge(self, now_s):
        self._outbox.append(ChargeStatusChange(
            ChargeStatusChange.VehicleReadyForCharging.CHARGE_STARTED))

    def _in_waiting_for_charge(self, now_s):
        self.waits_s = self.vehicle.config.start_delay_s - self._in_stage_for(now_s)
        return Trigger.POWER_WANTED if self.waits_s <= 0 else None

    # Energy transfer

    def _enter_charging(self, now_s):
        self._session.charging_from_s = now_s
        self.vehicle.begin_transfer(now_s=now_s)

    def _in_charging(self, now_s):
        self._session.charging_s = now_s - self._session.charging_from_s
        return None

    def _charger_limits(self):
        return charger_limits(
            self.config.limits, self.parameters, self._derating.share(self._modules_c()))

    def _modules_c(self):
        """Return the temperature of the power modules, NaN when they do not tell (R50)."""
        celsius = self.status.power_modules_temperature
        return celsius if celsius > PowerModulesStatus().power_modules_temperature else math.nan

    def _transfer_command(self, now_s):
        # Merged anew each time, so that new DC_Power_Parameters act on a running charge (A44).
        limits, agreement, vehicle = self._charger_limits(), self._session.agreement, self.vehicle
        if self._modules_c() >= MAX_TEMPERATURE_C:
            vehicle.ask_to_stop(f'the power modules are at {self._modules_c():.0f} °C (R50)')
        if vehicle.is_pausing(now_s=now_s):
            return STANDBY_CLOSED
        if agreement.mode is SetpointsMode.RANGE_MODE or agreement.is_range_converted:
            window = vehicle.window(limits, agreement.direction, now_s=now_s)
            voltage_v = window.voltage_v
            low_a, high_a = current_range(window, agreement.direction)
            if agreement.is_range_converted:
                # A43: as the modules would, that cannot choose.
                is_out = agreement.direction is Direction.DISCHARGE
                low_a = high_a = low_a if is_out else high_a
        else:
            request = vehicle.request(limits, agreement.direction, now_s=now_s)
            voltage_v = request.voltage_v
            low_a = high_a = self._clamped(request.current_a, limits, agreement.direction)
        # As the frame carries them: what is the same there is no change.
        return DcPowerControl(
            target_voltage=round(min(voltage_v, limits.voltage_v), 1),
            current_range_max=round(high_a, 1),
            current_range_min=round(low_a, 1),
            power_function=DcPowerControl.PowerFunction.POWER_TRANSFER,
            setpoints_mode=agreement.mode,
            output_contactors=CLOSE,
        )

    def _clamped(self, current_a, limits, direction):
        """Keep a target within the limits and the direction that was agreed (4.3)."""
        volts = max(self.status.present_voltage, 1.0)
        most_a = least_a = 0.0
        if direction is not Direction.DISCHARGE:
            most_a = min(limits.current_a, limits.power_w / volts)
        if direction is not Direction.CHARGE:
            least_a = -min(limits.discharge_current_a, limits.discharge_power_w / volts)
        return min(max(current_a, least_a), most_a)

    # End of the charge, in three steps

    def _enter_ending_current(self, now_s):
        self.vehicle.end_transfer(now_s=now_s)
        self._outbox.append(ChargeStatusChange(
            ChargeStatusChange.VehicleReadyForCharging.CHARGE_STOPPED))

    def _in_ending_current(self, now_s):
        low_a = CHADEMO_LOW_CURRENT_A if self.config.is_chademo else LOW_CURRENT_A
        if self._status_is_new and abs(self.status.present_current) <= low_a:
            self._session.ended_regularly = True
            return Trigger.CURRENT_LOW
        if self._in_stage_for(now_s) >= self.config.ending_timeout_s:
            self._event(
                now_s,
                f'the charger still reports {self.status.present_current:.1f} A after '
                f'{self.config.ending_timeout_s:.0f} s in Standby (R42): going on without it')
            return Trigger.CURRENT_STAYS
        return None

    def _in_ending_open(self, now_s):
        return self._after_one_period(now_s)

    def _in_ending_lower(self, now_s):
        # The lowering is not waited for (R16, L2). The vehicle's contactors are: what follows
        # is for an output without a battery.
        waited = self._in_stage_for(now_s) >= self.config.ending_timeout_s
        if self.vehicle.contactors_closed and not waited:
            return None
        trigger = self._after_one_period(now_s)
        config = self.config
        is_supported = config.support_welding_detection or not config.is_chademo
        if trigger and is_supported and self.vehicle.config.welding_detection_s > 0:
            return Trigger.WELDING_DETECTION
        return trigger

    def _in_welding_detection(self, now_s):
        if self._in_stage_for(now_s) < self.vehicle.config.welding_detection_s:
            return None
        if self.vehicle.contactors_closed:
            self._event(
                now_s, 'welding detection: the vehicle finds its contactors welded, '
                f'{self.vehicle.inlet_voltage_v:.0f} V at the inlet')
        return Trigger.STEP_DONE

    # Closing

    def _enter_closing(self, now_s):
        self.vehicle.end_transfer(now_s=now_s)

    def _in_closing(self, now_s):
        """Lower what is left on the output (L3), then say that the session has finished."""
        session = self._session
        if session.is_finished:
            return self._back_to_idle(now_s)
        # CHAdeMO holds the plug until it is safe to touch (R18).
        is_chademo, config = self.config.is_chademo, self.config
        low_v = UNLOCKING_VOLTAGE_V if is_chademo else LOW_VOLTAGE_V
        patience_s = config.lowering_timeout_s * (3 if is_chademo else 1)
        is_low = self.status.present_voltage <= low_v
        if is_low or not session.was_enabled or self._in_stage_for(now_s) >= patience_s:
            if is_chademo:
                self._event(now_s, 'plug unlocked' if is_low or not session.was_enabled else (
                    f'plug stays locked: {self.status.present_voltage:.0f} V reported (R18)'))
            self._finish(now_s)
        return None

    def _closing_command(self):
        # Not every session comes here by way of the three steps. Never bleed a battery: the
        # vehicle opens first.
        if self.emergency_origin is not None:
            return OFF_OPEN
        if self._session.is_finished or self.vehicle.contactors_closed:
            return STANDBY_OPEN
        low_v = UNLOCKING_VOLTAGE_V if self.config.is_chademo else LOW_VOLTAGE_V
        return LOWERING_OPEN if self.status.present_voltage > low_v else STANDBY_OPEN

    def _enter_emergency(self, now_s):
        self.vehicle.emergency(now_s=now_s)
        self._finish(now_s)

    def _in_emergency(self, now_s):
        is_kept = self.is_emergency_held and not self.config.emergency_outlasts_session
        return None if is_kept else self._back_to_idle(now_s)

    def _back_to_idle(self, now_s):
        # R44: some seconds after Charge_Session_Finished.
        if now_s - self._session.finished_s < self.config.closing_s - 1e-6:
            return None
        self._session = None
        self._sent_power_control = None
        return self._permission()

    def _finish(self, now_s):
        session = self._session
        session.finished_s = now_s
        finished = ChargeSessionFinished.State
        is_clean = session.ended_regularly and self.emergency_origin is None
        state = finished.CLEAN_STOP if is_clean else finished.RUSHED_STOP
        self.outcome = Outcome(
            state=state,
            reason=session.reason,
            duration_s=now_s - session.started_s,
            charging_s=session.charging_s,
            energy_charged_wh=self.vehicle.energy_charged_wh - session.charged_before_wh,
            energy_discharged_wh=(
                self.vehicle.energy_discharged_wh - session.discharged_before_wh),
            agreement=session.agreement,
            insulation_resistance_ohm=(
                session.insulation_ohm if math.isfinite(session.insulation_ohm) else math.nan),
            told_wh=session.told_wh,
        )
        self._outbox.append(ChargeSessionFinished(state))
        self._event(now_s, f'session finished, {state.name}: {session.reason}')

    # Frames

    def _after_one_period(self, now_s):
        is_over = self._in_stage_for(now_s) >= DcPowerControl.PERIOD_S
        return Trigger.STEP_DONE if is_over else None

    def _send_cyclic(self, now_s):
        """Complete the outbox: status first, so that a state comes before what it announces."""
        notices, self._outbox = self._outbox, []
        # Before the state that follows from it (4.5).
        if self.emergency_origin is not None and self._emergency_cycle.is_due(
            EmergencyStop.PERIOD_S, now_s=now_s
        ):
            self._outbox.append(EmergencyStop(self.emergency_origin))
        self._send_status(now_s)
        finished = [notice for notice in notices if isinstance(notice, ChargeSessionFinished)]
        self._outbox += [notice for notice in notices if notice not in finished]
        self._send_information(now_s)
        self._send_power_control(now_s)
        # After it the modules may sleep: nothing that they have to obey may follow.
        self._outbox += finished
        self._send_inputs(now_s)

    def _send_status(self, now_s):
        # A change goes out at once: some states last less than a period.
        is_due = self._status_cycle.is_due(AdvanticsControllerStatus.PERIOD_S, now_s=now_s)
        if is_due or self.state is not self._sent_state:
            self._sent_state = self.state
            self._outbox.append(AdvanticsControllerStatus(self.state))

    def _power_command(self, now_s):
        stage = self.stage
        if stage is Stage.TESTING:
            return DcPowerControl(
                target_voltage=self._test_voltage_v(),
                power_function=DcPowerControl.PowerFunction.INSULATION_TEST,
                output_contactors=CLOSE,
            )
        if stage is Stage.PRECHARGE:
            return DcPowerControl(
                target_voltage=self.vehicle.told_battery_v,
                current_range_max=self.vehicle.config.precharge_current_a,
                power_function=DcPowerControl.PowerFunction.PRECHARGE,
                setpoints_mode=DcPowerControl.SetpointsMode.RANGE_MODE,
                output_contactors=CLOSE,
            )
        if stage is Stage.CHARGING:
            return self._transfer_command(now_s)
        if stage is Stage.CLOSING:
            return self._closing_command()
        if stage is Stage.CONNECTING:
            return STANDBY_OPEN if self.config.chademo_precharge else STANDBY_CLOSED
        return CONSTANT_POWER_CONTROL.get(stage)

    def _send_power_control(self, now_s):
        command = self._power_command(now_s)
        if command is None or not self._is_power_control_due(command, now_s):
            return
        self._sent_power_control = command
        self._answered_request_s = self.vehicle.asked_s
        self._outbox.append(command)

    def _is_power_control_due(self, command, now_s):
        before, stage = self._sent_power_control, self.stage
        is_paced = self.config.power_control_pace == 'vehicle' and not self.config.is_chademo
        period_s = self.config.power_control_period_s
        if stage is Stage.ENDING_CURRENT:
            period_s = self.config.ending_period_s
        elif is_paced and stage is Stage.PRECHARGE:
            period_s = min(self.vehicle.config.request_period_s, LONGEST_PRECHARGE_REQUEST_S)
        if before is None or _step(command) != _step(before):
            self._power_cycle.restart(period_s, now_s=now_s)
            return True
        if is_paced and stage is Stage.CHARGING:
            # The vehicle asks, the controller forwards (R26, A9).
            return self._answered_request_s != self.vehicle.asked_s
        if stage is Stage.CLOSING and self._session.is_finished:
            return False
        if is_paced and stage in SENT_ONCE:
            return False
        if command != before:
            self._power_cycle.restart(period_s, now_s=now_s)
            return True
        return self._power_cycle.is_due(period_s, now_s=now_s)

    def _send_information(self, now_s):
        """EV information: at least once, on every change, and repeated in the loop (R49)."""
        session = self._session
        if session is None or not session.is_announced or session.is_finished:
            return
        is_due = self.stage is Stage.CHARGING and self._information_cycle.is_due(
            self.config.information_period_s, now_s=now_s)
        for message in self._information():
            if is_due or self._sent_information.get(message.NAME) != message:
                self._sent_information[message.NAME] = message
                self._outbox.append(message)

    def _information(self):
        vehicle = self.vehicle.config
        return (
            EvInformationBattery(
                battery_capacity=vehicle.capacity_wh,
                present_state_of_charge=math.floor(
                    100 * self.vehicle.state_of_charge + 1e-9),
            ),
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

    def _send_inputs(self, now_s):
        if self.stage is Stage.INITIALISING:
            return
        inputs = self._inputs()
        is_due = self._inputs_cycle.is_due(AdmCsSeccInputs.PERIOD_S, now_s=now_s)
        if is_due or inputs != self._sent_inputs:
            self._sent_inputs = inputs
            self._outbox.append(inputs)

    def _inputs(self):
        temperatures = {'cpu_temperature': 46.0, 'pistol_ptc1': 24.0, 'pistol_ptc2': 24.0}
        levels = [bool(self.inputs >> number & 1) for number in range(6)]
        if self.config.hardware == 'ADM-CO-CUI1':
            switches = {f'switch{number}': level for number, level in enumerate(levels)}
            return AdmCoCui1Inputs(**switches, colibri_temperature=41.0, **temperatures)
        inputs = {f'digital_input{number + 1}': level for number, level in enumerate(levels[:4])}
        return AdmCsSeccInputs(**inputs, **temperatures)

    def _event(self, now_s, text):
        self.events.append((now_s, text))


def _step(command):
    """Return what makes a command another step of the session: a set-point alone does not."""
    return command.power_function, command.output_contactors, command.lower_output_voltage
