# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
What the power modules do: every decision about power is made here.

The controller commands with DC_Power_Control; what it may command when is the table of
:mod:`.phases`. A command that the table does not hold is not followed: the last good one stays in
force, the refusal is a finding, and a controller that insists is a fault.

Faults latch with their values, take the power away within the same tick without a ramp, withdraw
System_Enable, and stay until :meth:`PowerControl.reset_fault`. Power comes back only with a
session that is announced afresh, never because a frame came back (R1).
"""

import math

from ..command import illegality, plain_stop, request_of
from ..controller_watch import State
from ..hardware import DRIVER_TIMEOUT_S, ModulesMode, PowerMeasurement, PowerSetpoint
from ..interface.signals import (
    AdvanticsControllerStatus,
    ChargeSessionFinished,
    ChargeStatusChange,
    DcPowerControl,
    EmergencyStop,
    NewChargeSession,
    OcppControl,
)
from ..journal import Journal
from .advertised import Advertising
from .bleeding import Bleeding
from .commands import Commands
from .decision import Decision, Effective, Regulation
from .inputs import Inputs, nonsense_in
from .memory import NO_PART, SessionMemory
from .modules_status import ModulesStatus
from .pace import Pace
from .parameters import PowerConfig
from .phases import BATTERY_CONNECTS, BLEEDING, Event, Happening, Phase, PhaseMachine, readiness
from .regulators import regulators_for
from .requests import Requests
from .supervision import Supervision


class PowerControl:
    """
    The decisions about power, for one pistol.

    Feed it with :meth:`receive` (from the controller), :meth:`measure` and :meth:`see_stage`;
    call :meth:`tick` whenever :attr:`due_s` says so. It reads no clock: ``now_s`` is seconds on
    one monotonic clock, for an input the time at which it was true.
    """

    def __init__(self, config: PowerConfig) -> None:
        self.config = config
        self.journal = Journal()
        self.fault = ''
        """Words of the fault that is latched; empty when none is."""
        self._fault_source = 'fault'
        self._ticked_s = -math.inf
        self._machine = PhaseMachine()
        self._inputs = Inputs(config)
        self._memory = SessionMemory(config, self._inputs.stage)
        self._commands = Commands(
            config.limits, self._machine, self._inputs.controller, self._memory)
        around = self._machine, self._inputs, self._memory
        self._supervision = Supervision(config, *around)
        self._bleeding = Bleeding(*around)
        self._advertising = Advertising(config, *around)
        self._status = ModulesStatus(*around)
        self._requests = Requests(config.limits, self._memory, self._advertising)
        self._pace = Pace(
            self._commands, self._supervision, self._status, self._advertising, *around[:2])
        self._regulators = regulators_for(
            config, self._commands, self._inputs.modules, self._memory, self._advertising.limits)

    @property
    def phase(self) -> Phase:
        """What it is doing."""
        return self._machine.phase

    @property
    def is_in_session(self) -> bool:
        """Whether a session is announced and not over."""
        return self.phase not in (Phase.IDLE, Phase.FAULT) and not self._memory.is_finished

    # Inputs

    def receive(self, message: object, *, now_s: float) -> None:
        """Take a decoded message of the controller; information on the vehicle moves nothing."""
        self._pace.hear_controller(message)
        match message:
            case AdvanticsControllerStatus():
                self._on_status(message, now_s)
            case DcPowerControl():
                self._on_command(message, now_s)
            case NewChargeSession():
                self._on_new_session(now_s)
            case ChargeStatusChange():
                self._on_status_change(message, now_s)
            case ChargeSessionFinished():
                self._on_finished(message, now_s)
            case EmergencyStop():
                self._on_emergency(message, now_s)
            case OcppControl():
                self._on_ocpp(message, now_s)

    def measure(self, measurement: PowerMeasurement, *, now_s: float) -> bool:
        """
        Take a reading of the power modules' driver.

        A reading with a voltage or current that is no number, or an infinite temperature, is not
        taken: the last good one ages on.

        :returns: whether it was taken
        """
        nonsense, modules = nonsense_in(measurement), self._inputs.modules
        if nonsense:
            self.journal.finding('measurement', nonsense, now_s=now_s)
            return False
        if now_s < modules.measured_s:
            return False
        if self._machine.is_powered:
            # What was missing between two ticks was missing all the same.
            self._fail_if(modules.silence(now_s=now_s), now_s)
        modules.take(measurement, now_s=now_s)
        self._pace.hear_reading()
        return True

    def see_stage(
        self, stage: int, reason: str, *, has_output_contactors: bool = True,
        battery_may_be_connected: bool = False, now_s: float,
    ) -> None:
        """Take a report of the output stage."""
        reports = self._inputs.stage
        was_closed = reports.is_closed
        self._pace.hear()
        reports.take(
            stage, reason, has_output_contactors=has_output_contactors,
            sees_battery=battery_may_be_connected, now_s=now_s)
        if was_closed and not reports.is_closed and self._machine.is_powered:
            # It does not come back by itself: power needs a command that begins anew. What it
            # opens for may be known here, too, and is the better reason.
            self._fail_if(self._inputs.controller.forbids(now_s=now_s), now_s)
            self._fail(f'output stage left CLOSED: {reports.stage.name} {reason}'.rstrip(), now_s)

    def reading(self, *, now_s: float) -> PowerMeasurement | None:
        """Return the last measurement while it is young enough to be used, else ``None``."""
        return self._inputs.modules.reading(now_s=now_s)

    # Requests of people and robots

    def request_current(
        self, current_a: float, *, duration_s: float, priority: int, source: str, now_s: float,
    ) -> str:
        """Grant a lease on the current; see :meth:`Requests.current`."""
        return self._requests.current(
            current_a, duration_s=duration_s, priority=priority, source=source, fault=self.fault,
            now_s=now_s)

    def request_limits(
        self, *, voltage_v: float, charge_current_a: float, discharge_current_a: float,
        now_s: float,
    ) -> str:
        """Lower what is told to the controller; see :meth:`Requests.limits`."""
        words = self._requests.limits(
            voltage_v=voltage_v, charge_current_a=charge_current_a,
            discharge_current_a=discharge_current_a)
        self.journal.info(words, now_s=now_s)
        return words

    def emergency_stop(self, reason: str, *, now_s: float) -> None:
        """Take the power away at once, latched (R8)."""
        why = f'emergency stop asked for: {reason or "no reason given"}'
        if self.phase is not Phase.FAULT:
            self._fail(why, now_s, source='emergency')
        elif 'emergency stop asked for' not in self.fault:
            self.fault += f'; {why}'
            self.journal.error(f'besides: {why}', now_s=now_s)

    def reset_fault(self, *, now_s: float) -> None:
        """
        Clear a latched fault.

        :raises ValueError: while its cause is still there, with the cause in words
        """
        if self.phase is not Phase.FAULT:
            raise ValueError('no fault is latched')
        cause = self._inputs.forbids(now_s=now_s) or self._supervision.against_reset()
        if cause:
            raise ValueError(f'{cause}; the fault stays: {self.fault}')
        self.journal.info(f'fault reset: {self.fault}', now_s=now_s)
        self.fault = ''
        self._bleeding.forgive()
        self._happen(Happening.RESET, now_s)

    # The tick

    @property
    def due_s(self) -> float:
        """When :meth:`tick` has something to do next, if nothing is heard until then."""
        return self._pace.due_s

    def tick(self, *, now_s: float) -> Decision:
        """Decide: age every input, latch what went wrong, and say what the modules shall do."""
        if self._machine.is_powered and now_s - self._ticked_s >= DRIVER_TIMEOUT_S:
            # The driver has switched off meanwhile: nothing to go on with.
            self._fail(f'no decision for {now_s - self._ticked_s:.2f} s: machine too busy?', now_s)
        self._ticked_s = now_s
        self._obey_doubtful_stop(now_s)
        self._supervise(now_s)
        regulation = self._regulate(now_s)
        self._pace.decided(regulation.setpoint, now_s=now_s)
        mode = regulation.setpoint.mode
        if mode is not ModulesMode.REGULATE:
            self._restart_function()
        if mode is not ModulesMode.BLEED:
            self._bleeding.end()
        lease = self._memory.wishes.leases.in_force(now_s=now_s)
        self._advertising.follow(lease)
        return Decision(
            setpoint=regulation.setpoint,
            status=self._status.due(now_s=now_s),
            # Before the session, too: without flags the last ones count that were sent before
            # the negotiation (R33).
            parameters=(
                self._advertising.limits.due(now_s=now_s)
                if self._inputs.controller.is_alive(now_s=now_s) else None),
            phase=self.phase,
            system_enable=self._machine.is_enabled,
            fault=self.fault,
            note=regulation.note or self._commands.refusals.words,
            effective=Effective.of(
                regulation, lease=lease, told=self._advertising.limits.current,
                fault_source=self._fault_source if self.fault else '', now_s=now_s),
        )

    # Setpoints

    def _regulate(self, now_s: float) -> Regulation:
        """Return the setpoint of the phase, and how it came about."""
        regulator = self._regulators.get(self.phase)
        if regulator is None:
            return self._float(now_s)
        if not self._inputs.stage.is_closed:
            note = f'{self.phase.name} waits for the output stage: {self._inputs.stage.words}'
            return Regulation(PowerSetpoint(reason=note), note, ('output stage',))
        return regulator.regulate(now_s=now_s)

    def _float(self, now_s: float) -> Regulation:
        """Return the setpoint of a phase in which no power is delivered (R21)."""
        phase, note = self.phase, ''
        if phase in BLEEDING:
            obstacle = self._bleeding.obstacle_to_lowering(
                says_close=self._commands.says_close)
            if obstacle:
                return Regulation(PowerSetpoint(reason=obstacle), obstacle)
            return self._bleed(now_s, 'Lower_Output_Voltage')
        if phase is Phase.WAKING:
            note = self._inputs.not_ready(now_s=now_s)
        elif phase is Phase.IDLE:
            controller = self._inputs.controller
            note = controller.forbids(now_s=now_s) or (
                NO_PART if self._memory.has_no_part(controller, now_s=now_s) else '')
        if phase in (Phase.IDLE, Phase.WAKING, Phase.FAULT):
            left_behind = self._bleeding.left_behind(now_s=now_s)
            if left_behind:
                return self._bleed(now_s, 'left behind by a session', left_behind)
        return Regulation(PowerSetpoint(reason=self.fault or phase.name), note)

    def _bleed(self, now_s: float, why: str, note: str = '') -> Regulation:
        """Empty the output, as long as that helps (R15)."""
        futility = self._bleeding.futility(now_s=now_s)
        if futility:
            self._fail(futility, now_s)
            return Regulation(PowerSetpoint(reason=self.fault), note)
        return Regulation(PowerSetpoint(ModulesMode.BLEED, reason=why), note)

    # Messages of the controller

    def _on_status(self, message: AdvanticsControllerStatus, now_s: float) -> None:
        controller, memory = self._inputs.controller, self._memory
        if self._machine.is_powered:
            # What was missing between two ticks was missing all the same.
            self._fail_if(controller.forbids(now_s=now_s), now_s)
        state = message.state
        before = controller.see_status(state, now_s=now_s)
        limits = self._advertising.limits
        if before is None:
            limits.forget_told()
        if before is None or (state == State.NEGOTIATING_CONNECTION and before != state):
            limits.announce()
        if state == State.CONNECTED_WITH_FULL_INFO:
            # It may come before New_Charge_Session or after it (A4).
            self._announced(now_s)
        elif state == State.CLOSING_COMMUNICATION and self._commands.is_recent(now_s=now_s):
            # Later it says nothing about the command: L2 stays ignored where R17 says so.
            self._happen(Happening.CLOSING, now_s)
        if self.phase is Phase.IDLE and memory.has_no_part(controller, now_s=now_s):
            self.journal.finding('mid-session', NO_PART, now_s=now_s)
        if controller.is_idle:
            self._on_idle(State(state), now_s)

    def _on_idle(self, state: State, now_s: float) -> None:
        """Take note that the controller has no session."""
        self._memory.awaits_idle = False
        event = self._machine.when_controller_is_idle()
        if event is Happening.FAULT:
            self._fail(
                f'controller went back to {state.name} while {self.phase.name} was commanded',
                now_s)
        else:
            self._happen(event, now_s)
        self._memory.is_finished = False

    def _on_new_session(self, now_s: float) -> None:
        self._announced(now_s)
        if not (self._memory.awaits_idle or self._memory.is_beyond_announcement):
            self._inputs.controller.see_announcement(now_s=now_s)

    def _announced(self, now_s: float) -> None:
        memory, controller = self._memory, self._inputs.controller
        memory.see_announcement(now_s=now_s)
        event = self._machine.announcement(is_finished=memory.is_finished)
        if not self._machine.has_row(event) or memory.is_closing(now_s=now_s):
            return
        if self._machine.begins_session(event):
            if (controller.forbids(now_s=now_s) or memory.awaits_idle
                    or controller.is_past_announcement):
                return  # the announcement repeats, and so does whatever forbids it
            memory.begin()
            self._commands.forget()
            self._supervision.restart()
            self._advertising.limits.announce()
        self._happen(event, now_s)

    def _on_status_change(self, message: ChargeStatusChange, now_s: float) -> None:
        labels = ChargeStatusChange.VehicleReadyForCharging
        if message.vehicle_ready_for_charging == labels.CHARGE_STARTED:
            self._memory.battery_may_be_connected = True
        elif (message.vehicle_ready_for_charging == labels.CHARGE_STOPPED
                and self.phase is Phase.POWER_TRANSFER):
            self._commands.expect_standby(now_s=now_s)

    def _on_finished(self, message: ChargeSessionFinished, now_s: float) -> None:
        if not isinstance(message.state, ChargeSessionFinished.State):
            return  # an undefined label controls nothing (1.4)
        self._inputs.controller.see_finished()
        if self.phase is not Phase.FAULT:
            self._memory.finish(is_in_session=self.phase is not Phase.IDLE, now_s=now_s)
            self._happen(Happening.FINISHED, now_s)

    def _on_emergency(self, message: EmergencyStop, now_s: float) -> None:
        # Whatever the origin says, defined or not: the frame asks to stop.
        self._inputs.controller.see_emergency(now_s=now_s)
        origin = message.origin
        side = origin.name if isinstance(origin, EmergencyStop.Origin) else f'origin {origin}'
        if self.phase in (Phase.IDLE, Phase.FAULT):
            self.journal.finding(
                'emergency', f'Emergency_Stop from the controller, raised by {side} (R38)',
                now_s=now_s)
        else:
            self._fail(
                f'Emergency_Stop from the controller, raised by {side} (R38)', now_s,
                source='emergency')

    def _on_ocpp(self, message: OcppControl, now_s: float) -> None:
        current_a = message.dynamic_target_current
        if not math.isfinite(current_a):
            self.journal.finding(
                'ocpp', f'OCPP_Control with {current_a} A: not taken', now_s=now_s)
        else:
            self._memory.wishes.ocpp_a = current_a

    # Commands

    def _on_command(self, command: DcPowerControl, now_s: float) -> None:
        why = illegality(command)
        if why:
            stop = plain_stop(command)
            if stop is None:
                self._refuse(why, now_s)
            else:
                words = f'DC_Power_Control: {why}; obeyed as a stop if no good command follows'
                self.journal.finding('command', words, now_s=now_s)
                self._commands.refusals.doubt(words, stop, now_s=now_s)
            return
        event = self._commands.event_of(command)
        why = self._commands.misfit(command, event, ticked_s=self._ticked_s, now_s=now_s)
        if why:
            self._refuse(why, now_s)
        else:
            self._follow(command, event, now_s)

    def _follow(self, command: DcPowerControl, event: Event, now_s: float) -> None:
        """Put a good command in force."""
        self._commands.refusals.forget()
        for key, words in self._commands.oddities(command, event):
            self.journal.finding(key, words, now_s=now_s)
        self._commands.take(command, event, now_s=now_s)
        excess = self._advertising.new_excess(command, now_s=now_s)
        if excess:
            self.journal.finding('told limits', excess, now_s=now_s)
        self._happen(event, now_s)
        maximum_v = self.config.limits.max_voltage_v
        if (command.target_voltage > maximum_v and self._machine.is_powered
                and (self.phase is Phase.PRECHARGE or self.config.strict_target_voltage)):
            # In the precharge it is the voltage of a battery, about to be connected to us.
            self._fail(
                f'Target_Voltage {command.target_voltage:g} V above the maximum of '
                f'{maximum_v:g} V (A38)', now_s)

    def _obey_doubtful_stop(self, now_s: float) -> None:
        stop = self._commands.refusals.take_stop(now_s=now_s)
        # Where nothing is delivered there is nothing to stop: what is in force goes on.
        if stop is not None and self._machine.is_powered:
            self.journal.finding('doubtful stop', f'{request_of(stop).value} obeyed', now_s=now_s)
            self._commands.in_force = stop
            self._happen(request_of(stop), now_s)

    def _refuse(self, why: str, now_s: float) -> None:
        is_powered = self._machine.is_powered
        kept = f'{self.phase.name} stays in force' if is_powered else 'not followed'
        words = f'DC_Power_Control refused: {why}; {kept}'
        self.journal.finding('command', words, now_s=now_s)
        insists = self._commands.refusals.refuse(words, forgives=not is_powered, now_s=now_s)
        if insists and self.phase not in (Phase.IDLE, Phase.WAKING):
            self._fail(f'controller insists on a command that cannot be followed: {why}', now_s)

    # Changes of phase

    def _happen(self, event: Event, now_s: float) -> None:
        before = self.phase
        if not self._machine.happen(event):
            return
        self._pace.hear()
        after = self.phase
        if after is Phase.IDLE and before is not Phase.IDLE:
            self._memory.leave(is_lost=event is Happening.CONTROLLER_LOST)
            self._commands.refusals.forget()
        if after in BATTERY_CONNECTS:
            # The vehicle closes its contactors at the end of the precharge, unannounced (R19).
            self._memory.battery_may_be_connected = True
        if after is not before:
            self._restart_function()
            self.journal.info(f'{before.name} -> {after.name} ({event.value})', now_s=now_s)

    def _restart_function(self) -> None:
        regulator = self._regulators.get(self.phase)
        if regulator is not None:
            regulator.restart()

    def _fail(self, why: str, now_s: float, *, source: str = 'fault') -> None:
        if self.phase is Phase.FAULT:
            return
        self.fault, self._fault_source = f'{why} (in {self.phase.name})', source
        self._memory.awaits_idle = True
        self.journal.error(f'power off, fault latched: {self.fault}', now_s=now_s)
        self._happen(Happening.FAULT, now_s)
        self._memory.wishes.leases.clear()
        self._status.hurry()

    def _fail_if(self, why: str, now_s: float) -> None:
        if why:
            self._fail(why, now_s)

    # Supervision

    def _supervise(self, now_s: float) -> None:
        """Latch what went wrong; end a session that cannot go on; go on from WAKING when ready."""
        if self.phase in (Phase.IDLE, Phase.FAULT):
            return
        if self.reading(now_s=now_s) is not None:
            self._fail_if(self._wrong(now_s), now_s)
        is_waking = self.phase is Phase.WAKING
        cause = (self._inputs.controller.forbids(now_s=now_s) if is_waking
                 else self._inputs.forbids(now_s=now_s))
        if cause:
            event = self._machine.when_power_is_forbidden(is_finished=self._memory.is_finished)
            if event is Happening.FAULT:
                self._fail(cause, now_s)
            else:
                self._happen(event, now_s)
        elif (is_waking and not self._inputs.not_ready(now_s=now_s)
                and not self._bleeding.holds_up_waking(now_s=now_s)):
            self._happen(readiness(is_off_commanded=self._memory.is_off_commanded), now_s)

    def _wrong(self, now_s: float) -> str:
        """Name a measured value that has been wrong for too long; empty if none."""
        regulator, reading = self._regulators.get(self.phase), self._inputs.modules.last
        return self._supervision.see(
            () if regulator is None else regulator.checks(reading),
            target_v=self._commands.in_force.target_voltage, now_s=now_s)
