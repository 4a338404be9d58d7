# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
An ADVANTICS controller: the session as the charger sees it from the other end of the bus.

The session is one table, :data:`.stages.TRANSITIONS`: in a stage something happens, and the table
says which stage comes next. What happens is named by the work of the stage
(:mod:`.stage_work`), or, in any stage, by :mod:`.supervision`. What is not in the table does not
move the session.

What differs between the protocols is settled in :mod:`.agreement`. What is sent when:
:mod:`.transmitter`; the command to the power modules: :mod:`.power_commands`.

Decoded messages in, messages to send out; no clock and no CAN.
"""

from ..core.interface.layout import Message
from ..core.interface.signals import (
    AdmCsSeccOutputs,
    DcPowerControl,
    DcPowerParameters,
    OcppControl,
    PowerModulesStatus,
    SequenceControl,
)
from .agreement import Agreement
from .charge_session import Outcome
from .config import ControllerConfig
from .power_commands import PowerCommands
from .situation import Note, Origin, Situation
from .stage_work import StageWork
from .stages import (
    CLOSE,
    ENDS,
    IDLE_STAGES,
    Stage,
    State,
    TRANSITIONS,
    Trigger,
    WAITING_IS_TOLD_S,
    WAITS,
)
from .supervision import Supervision
from .transmitter import Transmitter
from .vehicle import Vehicle


class Controller:
    """
    The controller with one vehicle at its pistol.

    :param vehicle: whoever runs both keeps it ticking
    """

    def __init__(self, config: ControllerConfig, vehicle: Vehicle) -> None:
        self.config = config
        self.vehicle = vehicle
        self.situation = Situation(config, vehicle)
        """What all of its parts look at."""
        self._charger = self.situation.charger
        commands = PowerCommands(self.situation)
        self._supervision = Supervision(self.situation)
        self._work = StageWork(self.situation, commands)
        self._transmitter = Transmitter(self.situation, commands)
        self._is_waiting_told = False

    # How it stands

    @property
    def stage(self) -> Stage:
        """Where the session is, finer than :attr:`state`."""
        return self.situation.stage

    @property
    def state(self) -> State:
        """What Advantics_Controller_Status reports."""
        return self.situation.state

    @property
    def agreement(self) -> Agreement | None:
        """What was settled on for this session, ``None`` while nothing is."""
        session = self.situation.session
        return None if session is None else session.agreement

    @property
    def outcome(self) -> Outcome | None:
        """That of the last session, ``None`` before one has ended."""
        return self.situation.outcome

    @property
    def waits_s(self) -> float:
        """Until the vehicle wants its energy, while it waits (R48)."""
        return self.situation.waits_s

    @property
    def emergency_origin(self) -> Origin | None:
        """Who raised the emergency stop that is in force, ``None`` without one."""
        return self.situation.emergency.origin

    @property
    def emergency_cause(self) -> str:
        """In words, of the last emergency stop."""
        return self.situation.emergency.cause

    @property
    def is_emergency_held(self) -> bool:
        """Whether somebody keeps it up, as a mushroom button does."""
        return self.situation.emergency.is_held

    @property
    def status(self) -> PowerModulesStatus:
        """The last one of the charger."""
        return self._charger.status

    @property
    def flags(self) -> SequenceControl:
        """The last ones of the charger."""
        return self._charger.flags

    @property
    def power_control(self) -> DcPowerControl | None:
        """The DC_Power_Control in force, ``None`` before the first of a session."""
        session = self.situation.session
        return None if session is None else session.power_control

    @property
    def relay_closed(self) -> bool:
        """Whether its own relay is closed, which drives contactors of the charger (R45, A41)."""
        command = self.power_control
        return command is not None and command.output_contactors == CLOSE

    @property
    def precharge_relay_closed(self) -> bool:
        """Whether Digital_OUT1 drives the precharge relay of CHAdeMO (R47)."""
        return self.stage is Stage.CONNECTING and self.config.chademo_precharge

    @property
    def digital_outputs(self) -> int:
        """
        Levels of the outputs that the charger commands (0x63201), bit 0 for the first.

        That one is the controller's own where it drives the precharge relay (R47).
        """
        return self._charger.output_levels(2 if self.config.chademo_precharge else 1)

    # In

    def receive(self, message: Message, *, now_s: float) -> None:
        """Take a decoded message of the charger; others are not for the controller."""
        charger = self._charger
        if isinstance(message, PowerModulesStatus):
            session = self.situation.session
            if session is not None:
                session.hear_status(charger.status, message, now_s - charger.status_at_s)
            charger.take_status(message, now_s=now_s)
        elif isinstance(message, DcPowerParameters):
            charger.parameters = message
        elif isinstance(message, SequenceControl):
            self._receive_flags(message, now_s)
        elif isinstance(message, AdmCsSeccOutputs):
            self._receive_outputs(message, now_s)

    def _receive_flags(self, flags: SequenceControl, now_s: float) -> None:
        config = self.config
        # A7: what is said while the controller boots is not taken as initialisation.
        if not config.use_sequence_flags or (
                self.stage is Stage.INITIALISING and not config.takes_early_flags):
            return
        before, self._charger.flags = self._charger.flags, flags
        # R39: only the change from 0 to 1 acts.
        if flags.user_stop_button and not before.user_stop_button:
            self.press_stop()
        if flags.chademo_start_button and not before.chademo_start_button:
            self.press_start(now_s=now_s)

    def _receive_outputs(self, outputs: AdmCsSeccOutputs, now_s: float) -> None:
        charger = self._charger
        if outputs != charger.outputs:
            charger.outputs = outputs
            levels = [charger.output_levels(1) >> n & 1 for n in range(4)]
            self._note(now_s, f'digital outputs 1 to 4: {levels}')

    @property
    def inputs(self) -> int:
        """Levels of the digital inputs that are monitored, bit 0 the first; set it at will."""
        return self.situation.inputs

    @inputs.setter
    def inputs(self, levels: int) -> None:
        self.situation.inputs = levels

    def see_copper(self, is_there: bool) -> None:
        """Take whether the inlet is simulated copper, not what the charger says."""
        self.situation.has_copper = is_there

    # What people do

    def press_stop(self) -> None:
        """
        Press the stop button; outside of a session nobody is stopped (R39).

        That is until controller and vehicle have agreed on one, and after its end.
        """
        session = self.situation.session
        if session is not None:
            session.is_stop_pressed = session.agreement is not None and not session.is_finished

    def press_start(self, *, now_s: float) -> None:
        """Press the start button of CHAdeMO; remembered while no session may start (R35)."""
        start = self.situation.start
        if not self.config.is_chademo:
            self._note(now_s, 'start button: has no meaning in CCS')
        elif self.situation.session is None and not start.is_button_remembered:
            start.is_button_remembered = True
            self._note(now_s, 'start button pressed')

    def lose_link(self) -> None:
        """Let the vehicle fall silent in mid-session (4.1)."""
        if self.situation.session is not None:
            self.situation.session.is_link_lost = True

    def ask_again(self) -> None:
        """Let the vehicle that is plugged in ask for another session (A42)."""
        self.situation.start.ask_again()

    def set_ocpp_target(self, current_a: float) -> None:
        """Let the central system choose the current; negative discharges (R30)."""
        self.situation.notices.append(OcppControl(dynamic_target_current=current_a))

    def emergency_stop(
        self, cause: str, *, origin: Origin = Origin.EVSE, now_s: float,
    ) -> None:
        """Raise an emergency that lasts until :meth:`release_emergency` (the mushroom button)."""
        self.situation.emergency.is_held = True
        self.situation.raise_emergency(cause, origin, now_s=now_s)

    def release_emergency(self) -> None:
        """Take the cause of :meth:`emergency_stop` away; the session does not come back."""
        self.situation.emergency.is_held = False

    def take_over(self, before: 'Controller', *, now_s: float) -> None:
        """Take what people hold down: it is still held down after a restart."""
        self.inputs = before.inputs
        origin = before.emergency_origin
        if before.is_emergency_held and origin is not None:
            self.emergency_stop(before.emergency_cause, origin=origin, now_s=now_s)

    # Out

    def tick(self, *, now_s: float) -> list[Message]:
        """
        Go on with the session.

        :returns: the messages to send now, in order
        """
        situation = self.situation
        situation.begin(now_s=now_s)
        situation.start.watch()
        trigger = self._supervision.look(now_s=now_s) or self._work.do(now_s=now_s)
        if trigger is not None:
            self._follow(trigger, now_s)
        elif not self._is_waiting_told and situation.in_stage_for(now_s) >= WAITING_IS_TOLD_S:
            self._tell_waiting(now_s)
        if situation.stage in IDLE_STAGES and not situation.emergency.is_held:
            # R38: here the conditions are evaluated again, and all but the button belonged to
            # the session that is over.
            situation.emergency.origin = None
        self._charger.is_status_new = False
        return self._transmitter.messages(now_s=now_s)

    def take_notes(self) -> list[Note]:
        """Return what it says about itself, and forget it."""
        notes, self.situation.notes = self.situation.notes, []
        return notes

    def _follow(self, trigger: Trigger, now_s: float) -> None:
        """Change the stage as the table says."""
        situation = self.situation
        why = self._reason_of(trigger)
        if situation.session is not None and trigger in ENDS:
            situation.session.reason = why
        left = situation.stage
        situation.enter(TRANSITIONS[left][trigger], now_s=now_s)
        self._is_waiting_told = False
        self._note(now_s, f'{left.name} -> {situation.stage.name}: {why}')
        self._work.enter(now_s=now_s)

    def _tell_waiting(self, now_s: float) -> None:
        self._is_waiting_told = True
        situation = self.situation
        is_of_interest = situation.session is not None or situation.start.is_plug_in_remembered
        if situation.stage in WAITS and is_of_interest:
            self._note(
                now_s, f'{situation.stage.name} waits for {WAITS[situation.stage]}')

    def _reason_of(self, trigger: Trigger) -> str:
        session = self.situation.session
        details = ''
        if trigger is Trigger.NO_AGREEMENT and session is not None:
            details = f': {session.disagreement}'
        elif trigger is Trigger.EMERGENCY:
            details = f': {self.emergency_cause}'
        elif trigger is Trigger.STOP:
            details = f': {self.vehicle.stop_reason}'
        elif trigger is Trigger.VEHICLE_TIMEOUT:
            details = f' in {self.stage.name}'
        return f'{trigger.value}{details}'

    def _note(self, now_s: float, text: str) -> None:
        self.situation.note(text, now_s=now_s)
