"""
The rules that bind the controller, held against what it really sends.

:class:`ControllerRules` is the twin of ``CustomerRules`` in :mod:`.customer_rules`: fed with the
messages of both directions, it names each breach once, with number, time and values. What a good
controller does because the charger has broken something is no breach.

Commands are judged in :mod:`.command_rules`, one object for a session; here are the frames
themselves, the announcement, the flags, the reactions to the charger, and the end.
"""

import collections
import dataclasses
import math

from ..controller_watch import CHARGE_PAUSE, IDLE_STATES
from ..interface.layout import CONTROLLER
from ..interface.signals import (
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
    PowerModulesStatus,
    SequenceControl,
)
from ..lasting import forget_before, Lasting
from ..timing import EMERGENCY_CLEAR_S
from .command_rules import CommandRules, function_name, INSULATION_OHM_PER_V, is_chademo, POWERED
from .findings import Findings, HELD_S, taken, Tolerances
from .frame_rules import FrameRules, not_newer
from .power_rules import AFTER_LOOP, PERIOD_S

State = AdvanticsControllerStatus.State
SystemEnable = PowerModulesStatus.SystemEnable

_WAKING = frozenset({State.CONNECTED_WITH_FULL_INFO, State.INSULATION_TEST})
"""Where the announcement repeats (R6)."""
_UNTIL_END = _WAKING | {State.PRECHARGE, State.WAITING_FOR_CHARGE, State.CHARGING}
_BEGUN = _UNTIL_END | {State.NEGOTIATING_CONNECTION, State.CCS_AUTHORISATION_PROCESS}
"""Where a session is, until it ends."""
_REEVALUATING = IDLE_STATES | {State.NEGOTIATING_CONNECTION}
"""Where an emergency may be over, and another one begin (R38)."""
INFORMATION = (
    EvInformationBattery, EvInformationVoltages, EvInformationChargeLimits,
    EvInformationDischargeLimits,
)


@dataclasses.dataclass(slots=True)
class _Session:
    """From New_Charge_Session until the controller is idle again."""

    since_s: float
    announced_at_s: float
    told: set = dataclasses.field(default_factory=set)
    """Classes of EV_Information that came."""
    status_at_s: float | None = None
    was_allowed: bool = False
    """Whether System_Enable was Allowed just before it: it counts until the first status (A6)."""
    enabled_at_s: float | None = None
    """First Allowed."""
    is_enabled: bool = False
    withdrawn_at_s: float | None = None
    """Last 1 -> 0 of System_Enable; what comes after it takes nothing back (R7, R8)."""
    was_in_loop: bool = False
    """Whether the permission was withdrawn inside the charging loop (R8)."""
    left_at_s: float | None = None
    """When the controller turned to the end."""
    has_emergency: bool = False
    has_spoilt_emergency: bool = False
    """Whether one came that could not be read: nobody needs to follow it, but it was sent."""
    is_broken_off: bool = False
    """Whether an emergency came before the regular end had begun (A26)."""
    finished_at_s: float | None = None
    is_torn: bool = False
    """Whether the controller was silent in it: what it sent meanwhile was not heard."""

    @property
    def may_begin(self):
        """Whether System_Enable is or was Allowed."""
        return self.enabled_at_s is not None or (self.was_allowed and self.status_at_s is None)

    @property
    def is_finished(self):
        return self.finished_at_s is not None


class ControllerRules:
    """Judge one controller; the methods are those of ``CustomerRules``."""

    def __init__(self, tolerances=None):
        self.tolerances = tolerances or Tolerances()
        self._new = []
        self._findings = Findings(self._new, CONTROLLER)
        self._frames = FrameRules(self._findings)
        self._state = None
        self._heard_at_s = None
        self._begin_s = None
        self._was_idle = False
        self._idle_at_s = -math.inf
        self._has_flags = False
        self._flags = collections.deque()
        """``(since when, Sequence_Control)``, the last ones."""
        self._was_authorised = False
        self._pressed_at_s = None
        self._told_at_s = {}
        self._limits = collections.deque()
        """``(since when, DC_Power_Parameters)``, the last ones."""
        self._has_heard_charger = False
        self._status = None
        """``(time, Power_Modules_Status)``, the last one."""
        self._emergency_at_s = -math.inf
        self._emergency_since_s = None
        self._is_alarmed = False
        """Whether an Emergency_Stop came since the state has changed."""
        self._unfinished_since_s = None
        self._forget_session()

    # In

    @property
    def is_in_session(self):
        """Whether the controller's state is one of a session whose modules have to be awake."""
        return self._state in _UNTIL_END or self._state in AFTER_LOOP

    @property
    def heard_at_s(self):
        """When the last status came, whatever was in it."""
        return -math.inf if self._heard_at_s is None else self._heard_at_s

    def expect(self, now_s):
        """Take it that it lives, and repeats its status."""
        self._heard_at_s = self._begin_s = now_s

    def pass_over(self, seconds):
        """Take it that nobody could be heard for so long, and was not silent either."""
        self._emergency_at_s += seconds
        if self._heard_at_s is not None:
            self._heard_at_s += seconds
        if self._session is not None:
            self._session.announced_at_s += seconds
            if self._session.status_at_s is not None:
                self._session.status_at_s += seconds

    def notes(self, message, undefined, unassigned_bits):
        """
        Take what the vehicle tells if it is sound and was told in this session before.

        :returns: whether it was taken; if not, :meth:`receive` has to
        """
        return (
            not undefined and not unassigned_bits and self._session is not None
            and type(message) in self._session.told
            and not self._frames.was_spoilt(message))

    def receive(self, message, *, now_s, undefined=(), unassigned_bits=0):
        """
        Take a message of either direction.

        :param undefined: as in ``codec.Received``; such a message is judged for nothing else
        :param unassigned_bits: as in ``codec.Received``
        :returns: list of new findings
        """
        if message.FROM_CONTROLLER:
            self._frames.see(message, undefined, unassigned_bits, now_s)
            if self._heard_at_s is None:
                self._see_life(now_s)
        else:
            self._has_heard_charger = True
        if undefined:
            undefined = not_newer(message, undefined)
        if isinstance(message, AdvanticsControllerStatus):
            self._hear(now_s)
        handle = _HANDLERS.get(type(message))
        if handle is not None and not undefined:
            handle(self, message, now_s)
        elif undefined:
            self._take_spoilt(type(message), now_s)
        return taken(self._new)

    def reject(self, message_class, text, *, now_s):
        """
        Take a frame of either direction that is shorter than its message (1.4.2).

        :returns: list of new findings
        """
        if message_class.FROM_CONTROLLER:
            self._frames.see_short(message_class, text, now_s)
            if self._heard_at_s is None:
                self._see_life(now_s)
        if message_class is AdvanticsControllerStatus:
            self._hear(now_s)
        self._take_spoilt(message_class, now_s)
        return taken(self._new)

    def tick(self, *, now_s):
        """Look for what should have come by now; return the new findings."""
        if self._heard_at_s is not None:
            is_silent = self._check_heartbeat(now_s - self._heard_at_s, now_s)
            self._check_finished(now_s)
            if not is_silent:
                self._check_announcement(now_s)
                self._check_reactions(now_s)
                self._check_emergency_goes_on(now_s)
                self._check_stop(now_s)
                self._commands.tick(now_s)
                self._findings.release(now_s)
                self._session_findings.release(now_s)
        return taken(self._new)

    # The frames

    def _take_spoilt(self, message_class, now_s):
        """Take that something was sent which cannot be read: it is not missing on top of that."""
        session = self._session
        if message_class is NewChargeSession:
            self._was_idle = False
        elif message_class is ChargeStatusChange:
            self._commands.see_start(None)
        elif message_class is DcPowerControl:
            self._commands.see_spoilt(now_s)
        elif message_class is EmergencyStop and session is not None:
            session.has_spoilt_emergency = True
        elif message_class is PowerModulesStatus and session is not None:
            session.status_at_s = now_s
        elif message_class is ChargeSessionFinished:
            self._unfinished_since_s = None
            if session is not None:
                session.is_torn = True
        elif message_class in INFORMATION and session is not None:
            session.told.add(message_class)

    def _see_life(self, now_s):
        """R1: who has something to say and goes on talking sends its status, too."""
        if self._begin_s is None:
            self._begin_s = now_s
        self._check_heartbeat(now_s - self._begin_s, now_s)

    def _hear(self, now_s):
        if self._heard_at_s is not None:
            self._check_heartbeat(now_s - self._heard_at_s, now_s)
        self._heard_at_s = now_s

    def _check_heartbeat(self, silent_s, now_s):
        limits = self.tolerances
        is_missing = silent_s > limits.controller_timeout_s + limits.controller_jitter_s
        if is_missing:
            self._tear(now_s)
        if self._findings.breaks('heartbeat', is_missing, now_s):
            self._findings.add(
                now_s, 'R1', 'no Advantics_Controller_Status for more than '
                f'{1000 * limits.controller_timeout_s:.0f} ms, it comes every 100 ms, always',
                silent_s=silent_s)
        return is_missing

    def _tear(self, now_s):
        """
        Blame a silent controller for its silence, not for what was missed with it (R1).

        What it said meanwhile was not heard, and what was said to it may not have been.
        """
        self._was_idle = False
        self._flags.clear()
        self._pressed_at_s = None
        self._is_alarmed = False
        self._lasting.forget()
        self._commands.tear(now_s)
        session = self._session
        if session is None:
            return
        session.is_torn = True
        # Its own clocks begin again when it can hear.
        if session.status_at_s is not None:
            session.status_at_s = now_s
        if session.withdrawn_at_s is not None:
            session.withdrawn_at_s = now_s

    # The session

    def _on_status(self, message, now_s):
        before, self._state = self._state, message.state
        state = message.state
        # With use_sequence_flags only (R34); State 11 may also be an authorisation of its own.
        self._has_flags |= state == State.NOT_AVAILABLE
        if state != before:
            self._is_alarmed = False
        if state == State.INITIALISING and state != before:
            self._start_anew(now_s, is_known=before is not None)
        if state == CHARGE_PAUSE and before != CHARGE_PAUSE:
            # Of v3.4: what comes after it is not of this version, nor what it has to say before.
            self._forget_session()
            self._was_idle = False
        if self._session is not None:
            if state in _UNTIL_END:
                self._session.left_at_s = None
            elif before in _UNTIL_END:
                self._session.left_at_s = now_s
        if state == State.NEGOTIATING_CONNECTION and before in AFTER_LOOP:
            # A vehicle that stays plugged may begin anew without an idle status (A42).
            self._end_session(state, now_s)
        if state in IDLE_STATES:
            if before is not None and before not in IDLE_STATES:
                self._end_session(state, now_s)
            elif self._session is not None and (
                    now_s - self._session.since_s > self.tolerances.crossing_s):
                # A late frame of the session before: this one has never begun.
                self._forget_session()
            self._was_idle = True
            if before not in IDLE_STATES:
                self._idle_at_s = now_s
        if state != before:
            self._check_transition(before, state, now_s)
        self._commands.see_state(state, now_s)

    def _start_anew(self, now_s, *, is_known):
        """
        Take State 0: no flags and no limits are known to the controller any more (4.1).

        Its configuration may be another one. In a log without the charger nobody knows what it is
        told afterwards, and in one that begins here, what it was told before.
        """
        self._has_flags = False
        self._limits.clear()
        self._forget_flags(now_s)
        # What was told in this moment may have come after it.
        crossed = [each for each in self._flags
                   if now_s - each[0] <= self.tolerances.crossing_s]
        self._flags.clear()
        if is_known and self._has_heard_charger:
            self._flags.append((now_s, SequenceControl()))
        self._flags.extend(crossed)

    def _end_session(self, state, now_s):
        session = self._session
        if (session is not None and state != State.INITIALISING
                and not session.is_finished and not session.is_torn):
            # Its last word may cross with the state.
            self._unfinished_since_s = now_s
        self._forget_session()

    def _check_finished(self, now_s):
        since_s = self._unfinished_since_s
        if since_s is None or now_s - since_s <= self.tolerances.crossing_s:
            return
        self._unfinished_since_s = None
        self._findings.add(now_s, 'R40', 'the session ends without Charge_Session_Finished')

    def _forget_session(self, announcement=None):
        self._session = None
        self._session_findings = Findings(self._new, CONTROLLER)
        self._commands = CommandRules(
            self.tolerances, Findings(self._new, CONTROLLER), announcement, self._limits)
        self._lasting = Lasting()

    def _on_new_charge_session(self, message, now_s):
        session = self._session
        if session is not None and (
                not session.is_finished
                or now_s - session.finished_at_s <= self.tolerances.crossing_s):
            session.announced_at_s = now_s
            self._check_announced_enough(session, now_s)
            return
        last = self._commands.last(now_s)
        self._forget_session(message)
        if last is not None:
            # It was sent after the announcement, and logged before it.
            self._commands.see_command(last, now_s)
        session = self._session = _Session(now_s, now_s, told={
            cls for cls, time_s in self._told_at_s.items()
            if now_s - time_s < self.tolerances.crossing_s})
        if self._status is not None:
            at_s, status = self._status
            # Modules that were awake have allowed it before.
            if (status.system_enable == SystemEnable.ALLOWED
                    and now_s - at_s <= self.tolerances.status_loss_s):
                session.was_allowed = True
        if self._state is not None:
            self._commands.see_state(self._state, now_s)
        is_ac = message.plug_and_pins == NewChargeSession.PlugAndPins.CCS_AC
        if self._session_findings.breaks('AC', is_ac):
            self._session_findings.add(
                now_s, 'R53', 'CCS_AC announced: AC is controlled through interface v2')
        of_protocol = is_chademo(dataclasses.replace(
            message, plug_and_pins=NewChargeSession.PlugAndPins.CCS_DC_CORE))
        of_plug = message.plug_and_pins == NewChargeSession.PlugAndPins.CHADEMO
        labels = [
            signal.labels.get(int(getattr(message, signal.field)), 'MCS')
            for signal in message.SIGNALS]
        if self._session_findings.breaks('plug', of_protocol != of_plug):
            self._session_findings.add(
                now_s, 'R46', f'{labels[0]} announced on the plug {labels[1]}')

    def _on_finished(self, message, now_s):
        session = self._session
        if self._unfinished_since_s is not None:
            self._unfinished_since_s = None
            return
        if session is None:
            return
        # CAN itself may deliver a frame twice.
        if self._session_findings.breaks(
                'finished twice', session.is_finished
                and now_s - session.finished_at_s > self.tolerances.crossing_s):
            self._session_findings.add(
                now_s, 'R40', 'Charge_Session_Finished a second time for one session')
        self._check_reactions(now_s, is_over=True)
        is_clean = message.state == ChargeSessionFinished.State.CLEAN_STOP
        if not session.is_finished and not session.is_torn and not session.has_emergency:
            self._commands.see_end(is_clean, now_s)
        if self._session_findings.breaks('clean', is_clean and session.is_broken_off):
            self._session_findings.add(
                now_s, 'R40', 'Clean_Stop reported for a session that ended by Emergency_Stop')
        if not session.is_finished:
            session.finished_at_s = now_s

    def _on_information(self, message, now_s):
        if self._session is None:
            self._told_at_s[type(message)] = now_s
        else:
            self._session.told.add(type(message))

    def _on_power_control(self, command, now_s):
        self._commands.see_command(command, now_s)
        self._check_power_in_emergency(command, now_s)
        session = self._session
        if command.power_function not in POWERED:
            return
        if session is None:
            # One of the session before may be logged late.
            if self._session_findings.breaks(
                    'not announced', self._was_idle and now_s - self._idle_at_s > HELD_S):
                self._session_findings.add(
                    now_s, 'R6', f'{function_name(command.power_function)} is commanded without '
                    'New_Charge_Session')
        elif not session.has_emergency:
            if self._session_findings.breaks(
                    'after the end', session.is_finished
                    and now_s - session.finished_at_s > self.tolerances.crossing_s):
                self._session_findings.add(
                    now_s, 'R40', f'{function_name(command.power_function)} is commanded after '
                    'Charge_Session_Finished')
            # Of a charger that was never heard nobody knows.
            if self._session_findings.breaks(
                    'not enabled', self._status is not None and not session.may_begin):
                self._session_findings.hold(
                    'not enabled', now_s, 'R6', f'{function_name(command.power_function)} is '
                    'commanded although System_Enable was never Allowed')

    # Flags

    def _on_flags(self, flags, now_s):
        before = self._flags[-1][1] if self._flags else None
        self._flags.append((now_s, flags))
        self._forget_flags(now_s)
        self._note_authorisation()
        for key, is_there in (
            ('start', flags.start_charge_authorisation),
            ('authorised', flags.ccs_authorisation_done and flags.ccs_authorisation_valid),
            ('parameters', flags.charge_parameters_done),
        ):
            if is_there:
                self._findings.drop(key)
        is_press = before is not None and (
            flags.user_stop_button and not before.user_stop_button)
        # Without use_sequence_flags buttons do nothing (R34).
        if (is_press and self._has_flags and self._state == State.CHARGING
                and self._pressed_at_s is None):
            self._pressed_at_s = now_s

    def _forget_flags(self, now_s):
        """Keep what may have crossed with a state."""
        forget_before(now_s - self.tolerances.crossing_s, self._flags)

    def _note_authorisation(self):
        """R36: the first result counts, whatever comes after it (and there is the charger's)."""
        if self._state == State.CCS_AUTHORISATION_PROCESS:
            self._was_authorised |= any(
                flags.ccs_authorisation_done and flags.ccs_authorisation_valid
                for _, flags in self._flags)

    def _check_transition(self, before, state, now_s):
        """R35, R36, R37: what the controller has to wait for; not before its flags are known."""
        if state == State.CCS_AUTHORISATION_PROCESS:
            self._was_authorised = False
            self._note_authorisation()
        if not self._flags or not self._has_flags or before is None:
            return
        self._forget_flags(now_s)
        recent = [flags for _, flags in self._flags]
        self._findings.mend('start', 'authorised', 'parameters')
        is_new_session = before in IDLE_STATES and state in _BEGUN
        if self._findings.breaks('start', is_new_session and not any(
                flags.start_charge_authorisation for flags in recent)):
            self._findings.hold(
                'start', now_s, 'R35', 'a session begins although Start_Charge_Authorisation is 0')
        has_passed = (before == State.CCS_AUTHORISATION_PROCESS
                      and state == State.CONNECTED_WITH_FULL_INFO)
        if self._findings.breaks('authorised', has_passed and not self._was_authorised):
            self._findings.hold(
                'authorised', now_s, 'R36',
                f'goes on with CCS_Authorisation_Done {int(recent[-1].ccs_authorisation_done)}, '
                f'CCS_Authorisation_Valid {int(recent[-1].ccs_authorisation_valid)}')
        goes_on = state == State.INSULATION_TEST and before in (
            State.CONNECTED_WITH_FULL_INFO, State.CCS_AUTHORISATION_PROCESS)
        if self._findings.breaks('parameters', goes_on and not any(
                flags.charge_parameters_done for flags in recent)):
            self._findings.hold(
                'parameters', now_s, 'R37', 'the test begins although Charge_Parameters_Done is 0')

    def _check_stop(self, now_s):
        """R39: a charge does not go on for long after the stop button."""
        if self._state != State.CHARGING:
            self._pressed_at_s = None
        if self._pressed_at_s is None:
            self._findings.mend('stop button')
            return
        waited_s = now_s - self._pressed_at_s
        if self._findings.breaks('stop button', waited_s > self.tolerances.stop_s):
            self._findings.add(
                now_s, 'R39',
                f'the charge goes on {waited_s:.0f} s after User_Stop_Button; or the vehicle '
                'does not comply', waited_s=waited_s)

    # The charger, and what has to follow from it

    def _on_modules_status(self, status, now_s):
        self._status = now_s, status
        self._commands.see_status(status, now_s)
        session = self._session
        if session is None or session.is_finished:
            return
        session.status_at_s = now_s
        if status.system_enable == SystemEnable.ALLOWED:
            session.is_enabled = True
            if session.enabled_at_s is None:
                session.enabled_at_s = now_s
                self._session_findings.drop('not enabled')
        elif session.is_enabled:
            session.is_enabled = False
            session.withdrawn_at_s = now_s
            session.was_in_loop = self._state == State.CHARGING
            self._session_findings.mend('withdrawal')
        self._check_insulation(session, status, now_s)

    def _check_insulation(self, session, status, now_s):
        """
        R14; a monitor that the controller reads itself leaves the field at 0 (R13).

        Which voltage counts is not written. A charger is on the safe side with the larger one of
        target and output; here the one that accuses less is taken, and a target may be far more
        than a battery ever has (R29).
        """
        commands = self._commands
        in_use = commands.has_tested and commands.function in (
            DcPowerControl.PowerFunction.PRECHARGE, DcPowerControl.PowerFunction.POWER_TRANSFER)
        volts = status.present_voltage
        needed_ohm = INSULATION_OHM_PER_V * volts
        bad_s = self._lasting.seconds(
            'insulation', in_use and commands.insulation_ohm > 0
            and status.insulation_resistance < needed_ohm and not session.has_emergency, now_s)
        if self._session_findings.breaks('insulation', bad_s > self.tolerances.reaction_s):
            self._session_findings.add(
                now_s, 'R14', f'no Emergency_Stop after {bad_s:.1f} s with '
                f'{status.insulation_resistance / 1e3:.0f} kOhm at {volts:.0f} V, needed are '
                f'{needed_ohm / 1e3:.0f} kOhm',
                insulation_resistance_ohm=status.insulation_resistance, needed_ohm=needed_ohm)

    def _check_announcement(self, now_s):
        """R6, R49: what belongs to the announcement."""
        session, limits = self._session, self.tolerances
        if session is None or session.is_finished or session.has_emergency or session.is_torn:
            return
        gap_s = now_s - session.announced_at_s
        is_waiting = (
            self._status is not None and not session.may_begin and self._state in _WAKING
            and not self._commands.has_tested)
        if self._session_findings.breaks(
                'announcement', is_waiting and gap_s > limits.announcement_gap_s, now_s):
            self._session_findings.add(
                now_s, 'R6', f'New_Charge_Session is missing for {gap_s:.1f} s, it repeats until '
                'System_Enable is Allowed', gap_s=gap_s)
        is_told = len(session.told) == len(INFORMATION)
        # Some may have come just before a log begins.
        is_late = (
            now_s - session.since_s > limits.information_s and self._state in _UNTIL_END
            and session.since_s - self._begin_s > limits.crossing_s)
        if self._session_findings.breaks('information', is_late and not is_told):
            self._session_findings.add(
                now_s, 'R49',
                ', '.join(cls.NAME for cls in INFORMATION if cls not in session.told)
                + f' did not come in {limits.information_s:.0f} s after New_Charge_Session')

    def _check_announced_enough(self, session, now_s):
        """R6: the announcement ends with Allowed."""
        is_too_long = (
            session.is_enabled and session.enabled_at_s is not None and not session.is_torn
            and now_s - session.enabled_at_s > self.tolerances.reaction_s)
        if self._session_findings.breaks('announced on', is_too_long):
            self._session_findings.add(
                now_s, 'R6', 'New_Charge_Session still repeats '
                f'{now_s - session.enabled_at_s:.1f} s after System_Enable was Allowed')

    def _check_reactions(self, now_s, *, is_over=False):
        """
        R3, R7, R8: what the controller has to do when the charger fails.

        :param is_over: whether the session ends now: what had to come has come, or never will
        """
        session, limits = self._session, self.tolerances
        if (session is None or session.is_finished or session.has_emergency
                or session.has_spoilt_emergency):
            return
        is_on = self._state in _UNTIL_END
        # An end that had begun before is one for another reason.
        left_at_s = session.left_at_s
        if left_at_s is None:
            left_at_s = math.inf if is_on else -math.inf
        reaction_s = limits.crossing_s if is_over else limits.reaction_s
        if session.status_at_s is not None:
            silent_s = now_s - session.status_at_s
            was_on = left_at_s - session.status_at_s > limits.status_loss_s
            if self._session_findings.breaks(
                    'silence', was_on and silent_s > limits.status_loss_s + reaction_s, now_s):
                self._session_findings.add(
                    now_s, 'R3', f'no Emergency_Stop although Power_Modules_Status is missing for '
                    f'{silent_s:.1f} s', silent_s=silent_s)
        if session.withdrawn_at_s is None:
            return
        withdrawn_s = now_s - session.withdrawn_at_s
        if session.was_in_loop:
            was_on = left_at_s - session.withdrawn_at_s > 2 * PERIOD_S
            if self._session_findings.breaks('withdrawal', was_on and withdrawn_s > reaction_s):
                self._session_findings.add(
                    now_s, 'R8', f'no Emergency_Stop {withdrawn_s:.1f} s after System_Enable was '
                    'withdrawn in the charging loop', withdrawn_s=withdrawn_s)
        else:
            if self._session_findings.breaks(
                    'withdrawal', is_on and withdrawn_s > limits.unavailable_s):
                self._session_findings.add(
                    now_s, 'R7',
                    f'the session goes on {withdrawn_s:.1f} s after System_Enable was '
                    'withdrawn before the charging loop', withdrawn_s=withdrawn_s)

    # Emergency

    def _on_emergency(self, message, now_s):
        gap_s = now_s - self._emergency_at_s
        self._emergency_at_s = now_s
        if gap_s >= EMERGENCY_CLEAR_S:
            self._emergency_since_s = now_s
            self._findings.mend('power in emergency')
        # It ceases where the controller looks at the cause again, in another state.
        was_same = self._is_alarmed and self._state not in _REEVALUATING and (
            gap_s < EMERGENCY_CLEAR_S or self._state in _UNTIL_END)
        self._is_alarmed = True
        if self._findings.breaks(
                'emergency gap', was_same and gap_s > self.tolerances.emergency_gap_s):
            self._findings.add(
                now_s, 'R38',
                f'Emergency_Stop {1000 * gap_s:.0f} ms after the one before, it repeats '
                'every 100 ms', gap_s=gap_s)
        self._commands.see_emergency()
        if self._session is not None:
            self._session.has_emergency = True
            self._session.is_broken_off |= self._state in _UNTIL_END

    def _check_emergency_goes_on(self, now_s):
        """R38: as long as the charge is on nothing has been looked at again."""
        gap_s = now_s - self._emergency_at_s
        is_over = self._is_alarmed and self._state in _UNTIL_END and (
            gap_s > self.tolerances.emergency_gap_s)
        if is_over and self._findings.breaks('emergency gap', True):
            self._findings.add(
                now_s, 'R38',
                f'Emergency_Stop is missing for {1000 * gap_s:.0f} ms and the charge was not '
                'ended: it repeats every 100 ms', gap_s=gap_s)

    def _check_power_in_emergency(self, command, now_s):
        """R38; Emergency_Stop alone ends the power: a command need not follow (A25)."""
        # The session is over with it, however long it then goes on.
        is_over = self._session is not None and self._session.has_emergency
        if not is_over and now_s - self._emergency_at_s >= EMERGENCY_CLEAR_S:
            return
        since_s = now_s - self._emergency_since_s
        is_powered = command.power_function in POWERED
        if self._findings.breaks(
                'power in emergency', is_powered and since_s > self.tolerances.crossing_s):
            self._findings.add(
                now_s, 'R38', f'power is commanded {since_s:.1f} s into an emergency stop',
                since_s=since_s)

    def _on_start(self, message, now_s):
        started = ChargeStatusChange.VehicleReadyForCharging.CHARGE_STARTED
        self._commands.see_start(message.vehicle_ready_for_charging == started)

    def _on_parameters(self, message, now_s):
        if not self._limits or message != self._limits[-1][1]:
            self._limits.append((now_s, message))
            forget_before(now_s - self.tolerances.limits_s, self._limits)


_HANDLERS = {
    AdvanticsControllerStatus: ControllerRules._on_status,
    NewChargeSession: ControllerRules._on_new_charge_session,
    ChargeStatusChange: ControllerRules._on_start,
    DcPowerControl: ControllerRules._on_power_control,
    ChargeSessionFinished: ControllerRules._on_finished,
    EmergencyStop: ControllerRules._on_emergency,
    EvInformationBattery: ControllerRules._on_information,
    EvInformationVoltages: ControllerRules._on_information,
    EvInformationChargeLimits: ControllerRules._on_information,
    EvInformationDischargeLimits: ControllerRules._on_information,
    PowerModulesStatus: ControllerRules._on_modules_status,
    DcPowerParameters: ControllerRules._on_parameters,
    SequenceControl: ControllerRules._on_flags,
}
