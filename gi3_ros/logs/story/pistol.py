# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
What is known of one pistol of a log: the handlers of its messages.

What is drawn of it goes to :class:`~.lines.Lines`, what is told in words to
:class:`~.sessions.Sessions`; when a session begins and ends is found here.
"""

from collections.abc import Callable, Iterable
import typing

from ...core.interface.codec import Received, Rejected
from ...core.interface.layout import Message
from ...core.interface.signals import (
    AdmCoCui1Inputs,
    AdmCsSeccInputs,
    AdvanticsControllerStatus,
    ChargeSessionFinished,
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
from .command import CommandInForce
from .lines import label_of, Lines
from .rates import BadFrames, MessageRate
from .series import Window
from .session import Session, ToldLimits
from .sessions import CROSSING_S, Sessions

State = AdvanticsControllerStatus.State
IDLE = frozenset({State.INITIALISING, State.WAITING_FOR_PEV, State.NOT_AVAILABLE})
NOT_UNDER_WAY = IDLE | {
    State.NEGOTIATING_CONNECTION, State.CCS_AUTHORISATION_PROCESS, State.CLOSING_COMMUNICATION}
"""Any other is one of a session whose begin may not be in the log, also one that has no label
here (Charge_Pause of v3.4)."""
_AT_THE_END = frozenset({
    State.ENDING_CHARGE, State.WELDING_DETECTION, State.CLOSING_COMMUNICATION})

_Handle = Callable[['Pistol', typing.Any, float], None]
"""Takes a message and its time. ``Any``: each takes the message of its own class only."""


class Pistol:
    """
    What is known of one pistol.

    :param windows: times of which no sample is left out of the lines
    """

    def __init__(self, index: int, windows: Iterable[Window] = ()) -> None:
        self.index = index
        self.rates: dict[str, MessageRate] = {}
        """By message name."""
        self.bad = BadFrames()
        self.begins_in: str | None = None
        """The State that the log begins in where a session was under way, else ``''``."""
        self._sessions = Sessions()
        self.sessions = self._sessions.kept
        self.endings = self._sessions.endings
        self.emergencies = self._sessions.emergencies
        self.stops = self._sessions.stops
        self._lines = Lines(windows)
        self.lanes = self._lines.lanes
        self.series = self._lines.series
        self.focus = self._lines.focus
        self._command = CommandInForce()
        self._known: dict[
            type[Message], tuple[Callable[[float, object], None], _Handle]] = {}
        """Class of message -> where it is counted, and what takes it."""
        self._state: State | int | None = None
        self._state_s = 0.0
        self._was_active = False
        """Whether the controller left its idle states in this session."""
        self._finished_s: float | None = None

    @property
    def more_sessions(self) -> int:
        """How many are not kept."""
        return self._sessions.more

    @property
    def frames(self) -> int:
        """How many were heard, sound or not."""
        return sum(rate.count for rate in self.rates.values()) + self.bad.short

    # The wire

    def take(self, time_s: float, received: Received) -> None:
        """Take a message of this pistol."""
        message = received.message
        cls = type(message)
        known = self._known.get(cls)
        if known is None:
            rate = self.rates[cls.NAME] = MessageRate(cls)
            known = self._known[cls] = rate.see, _HANDLERS.get(cls, _ignore)
        if received.undefined or received.unassigned_bits:
            self.bad.see(time_s, received)
        see, handle = known
        handle(self, message, time_s)
        see(time_s, self._sessions.open)

    def reject(self, time_s: float, rejected: Rejected) -> None:
        """Take a frame of this pistol that was too short."""
        self.bad.see(time_s, rejected)

    def interrupt(self, time_s: float, reason: str = 'the log was interrupted') -> None:
        """Take it that the log has a hole: what was going on is not known any more."""
        self._cut(time_s, reason)
        self._sessions.interrupt()
        self._forget_command()
        self._state = self._finished_s = None
        self._lines.interrupt(time_s)

    def conclude(self, time_s: float) -> None:
        """End what is still open where the log ends."""
        self._cut(time_s, 'the log ends during the session')
        self._forget_command()
        self._lines.conclude(time_s)

    # Begin and end of a session

    def _begin(self, time_s: float, *, is_begin_known: bool) -> Session:
        # What was commanded in the session before is none of this one.
        self._forget_command()
        self._was_active = False
        self.focus.around(time_s)
        return self._sessions.begin(time_s, is_begin_known=is_begin_known)

    def _end(self, time_s: float, reason: str, outcome: str | None = None) -> None:
        if self._sessions.open is not None:
            self._sessions.end(time_s, reason, outcome)
            self._lines.end_session(time_s)

    def _cut(self, time_s: float, reason: str) -> None:
        if self._sessions.open is not None:
            self._sessions.cut(time_s, reason)
            self._lines.end_session(time_s)

    def _on_state(self, message: AdvanticsControllerStatus, time_s: float) -> None:
        state = message.state
        session = self._sessions.open
        if state is self._state and time_s - self._state_s <= 1.0 and (
                session is None or self._was_active):
            self._state_s = time_s
            self._lines.state.hold(time_s)
            return
        self._state_s = time_s
        label = label_of(message, 'state')
        self._lines.state.see(time_s, label)
        if state != self._state:
            self._on_new_state(state, label, time_s)
        session = self._sessions.open
        if session is None:
            return
        if state not in IDLE:
            self._was_active = True
        elif self._was_active or time_s - session.begin_s > CROSSING_S:
            self._end(
                time_s, f'the controller went to {label} without Charge_Session_Finished')

    def _on_new_state(self, state: State | int, label: str, time_s: float) -> None:
        is_under_way = self._sessions.open is None and self._finished_s is None and (
            state not in NOT_UNDER_WAY or state == State.CLOSING_COMMUNICATION)
        if self.begins_in is None:
            self.begins_in = label if is_under_way else ''
        if self._state is None and is_under_way and state not in NOT_UNDER_WAY:
            self._begin(time_s, is_begin_known=False)
        if state in IDLE:
            # A controller that restarted commands nothing any more, and does not say so.
            self._forget_command()
        elif self._sessions.open is not None and state not in _AT_THE_END:
            self._sessions.open.stage = label
        self._state = state
        self.focus.around(time_s)
        self._lines.see_phase(state, self._command.message, time_s)

    def _on_announcement(self, message: NewChargeSession, time_s: float) -> None:
        session = self._sessions.open
        if session is None:
            if self._finished_s is not None and 0 <= time_s - self._finished_s < CROSSING_S:
                return
            session = self._begin(time_s, is_begin_known=True)
        session.protocol = label_of(message, 'communication_protocol')
        session.plug = label_of(message, 'plug_and_pins')

    def _on_finished(self, message: ChargeSessionFinished, time_s: float) -> None:
        self._finished_s = time_s
        outcome = label_of(message, 'state')
        self._end(time_s, outcome, outcome)

    def _on_command(self, message: DcPowerControl, time_s: float) -> None:
        command = self._command
        before = command.message
        if not command.see(message, time_s):
            return
        self._lines.see_phase(self._state, message, time_s)
        self._lines.see_command(message, before, time_s)
        if command.is_insulated:
            self._sessions.see_command(message, time_s)

    def _forget_command(self) -> None:
        if self._command.message is not None:
            self._lines.end_command(self._command.repeated_s)
        self._command.forget()

    # What is said and measured in it

    def _on_status(self, status: PowerModulesStatus, time_s: float) -> None:
        power_w = status.present_voltage * status.present_current
        self._lines.see_status(status, power_w, self._command, time_s)
        self._sessions.see_status(status, power_w, self._command, time_s)

    def _on_emergency(self, message: EmergencyStop, time_s: float) -> None:
        if self._sessions.see_emergency(label_of(message, 'origin'), time_s):
            self.focus.around(time_s)

    def _on_battery(self, message: EvInformationBattery, time_s: float) -> None:
        self.series['soc'].add(time_s, message.present_state_of_charge)
        self._sessions.see_battery(message)

    def _on_voltages(self, message: EvInformationVoltages, _time_s: float) -> None:
        self._sessions.see_voltages(message)

    def _on_charge_limits(self, message: EvInformationChargeLimits, _time_s: float) -> None:
        self._sessions.see_charge_limits(message)

    def _on_discharge_limits(
        self, message: EvInformationDischargeLimits, _time_s: float,
    ) -> None:
        self._sessions.see_discharge_limits(message)

    def _on_parameters(self, message: DcPowerParameters, time_s: float) -> None:
        told = ToldLimits(
            message.maximum_voltage, message.maximum_charge_current,
            message.maximum_discharge_current)
        self._lines.see_told(told, time_s)
        self._sessions.see_told(told)

    def _on_ocpp(self, message: OcppControl, time_s: float) -> None:
        self.series['ocpp'].add(time_s, message.dynamic_target_current)

    def _on_inputs(self, message: AdmCoCui1Inputs | AdmCsSeccInputs, time_s: float) -> None:
        self._lines.see_inputs(message, time_s)

    def _on_sequence(self, message: SequenceControl, time_s: float) -> None:
        self._sessions.see_sequence(message, time_s)

    # Topics that are no frames: their messages are those of ROS

    def sample(self, time_s: float, topic: str, message: object) -> None:
        """Take a message of another topic of this pistol."""
        handler = _SAMPLE_HANDLERS.get(topic)
        if handler is not None:
            handler(self, message, time_s)

    def _on_power_status(self, message: typing.Any, time_s: float) -> None:
        self._lines.see_power_status(message, time_s)

    def _on_stage_status(self, message: typing.Any, time_s: float) -> None:
        self._lines.see_stage_status(message, time_s)

    def _on_feedback(self, message: typing.Any, time_s: float) -> None:
        self._lines.see_contactors(message, time_s)
        # Behind own contactors only this tells what is left at the pistol.
        pistol_v = getattr(message, 'pistol_voltage', None)
        if pistol_v is not None and pistol_v == pistol_v:
            self._sessions.see_left(time_s, pistol_v=pistol_v)

    def _on_setpoint(self, message: typing.Any, time_s: float) -> None:
        self._lines.see_setpoint(message, time_s)


def _ignore(_pistol: Pistol, _message: object, _time_s: float) -> None:
    pass


_HANDLERS: dict[type[Message], _Handle] = {
    AdvanticsControllerStatus: Pistol._on_state,
    NewChargeSession: Pistol._on_announcement,
    ChargeSessionFinished: Pistol._on_finished,
    DcPowerControl: Pistol._on_command,
    PowerModulesStatus: Pistol._on_status,
    EmergencyStop: Pistol._on_emergency,
    EvInformationBattery: Pistol._on_battery,
    EvInformationVoltages: Pistol._on_voltages,
    EvInformationChargeLimits: Pistol._on_charge_limits,
    EvInformationDischargeLimits: Pistol._on_discharge_limits,
    DcPowerParameters: Pistol._on_parameters,
    OcppControl: Pistol._on_ocpp,
    AdmCoCui1Inputs: Pistol._on_inputs,
    AdmCsSeccInputs: Pistol._on_inputs,
    SequenceControl: Pistol._on_sequence,
}
_SAMPLE_HANDLERS: dict[str, _Handle] = {
    'power_status': Pistol._on_power_status,
    'stage_status': Pistol._on_stage_status,
    'contactor_feedback': Pistol._on_feedback,
    'power_setpoint': Pistol._on_setpoint,
}
