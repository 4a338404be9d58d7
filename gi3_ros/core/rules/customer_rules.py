"""
The rules that bind the customer side, held against what it really sends.

:class:`CustomerRules` is fed with the messages of both directions and names each breach once,
with the number of the rule in docs/reference/interface.md, the time and the values. A breach that
lasts is one finding; it can be found again after it has been mended. It never touches the session.

What it measures under which command is judged in :mod:`.power_rules`, whether it can be
measured at all in :mod:`.reading_rules`, one object of each for a session; here are the frames
themselves, System_Enable, the flags, and where a session begins and ends.
"""

import collections
import dataclasses
import math

from ..controller_watch import IDLE_STATES
from ..interface.signals import (
    AdvanticsControllerStatus,
    ChargeSessionFinished,
    DcPowerControl,
    DcPowerParameters,
    EmergencyStop,
    NewChargeSession,
    PowerModulesStatus,
    SequenceControl,
)
from .command_rules import is_chademo
from .findings import Findings, taken, Tolerances
from .frame_rules import FrameRules, not_newer
from .power_rules import PowerRules
from .reading_rules import ReadingRules

State = AdvanticsControllerStatus.State
SystemEnable = PowerModulesStatus.SystemEnable

_WAKING = frozenset({State.CONNECTED_WITH_FULL_INFO, State.INSULATION_TEST})
"""Where the controller waits for Allowed (R6)."""
_UNTIL_LOOP_ENDS = _WAKING | {
    State.NEGOTIATING_CONNECTION, State.CCS_AUTHORISATION_PROCESS, State.PRECHARGE,
    State.WAITING_FOR_CHARGE, State.CHARGING,
}


_ROUNDING_S = 1e-6
"""Differences of times have rounding errors."""


@dataclasses.dataclass(slots=True)
class _Session:
    """From New_Charge_Session to Charge_Session_Finished."""

    since_s: float
    status_at_s: float | None = None
    """Last Power_Modules_Status in it."""
    was_enabled: bool = False


class CustomerRules:
    """
    Judge one customer controller.

    Its methods return the new findings. Arrival times may run a little behind the times of
    ``tick``.
    """

    def __init__(self, tolerances=None):
        self.tolerances = tolerances or Tolerances()
        self._new = []
        self._is_paused = False
        self._state = None
        self._controller_at_s = None
        self._has_spoken = False
        """Whether the charger was ever heard: a log may have but one direction."""
        self._is_enabled = False
        # Of the frames, whatever the session:
        self._findings = Findings(self._new)
        # The only labelled field of the customer side with room for other numbers is
        # System_Enable.
        self._frames = FrameRules(self._findings, label_rule='R6')
        self._status_times_s = collections.deque()
        self._parameters = None
        self._parameters_at_s = None
        self._flags = SequenceControl()
        self._pressed_since_s = {}
        self._has_flags = False
        """Whether the controller is known to use them: only then it has a State 12 (R34)."""
        self._has_to_tell = False
        self._untold_since_s = None
        # Of the session:
        self._session = None
        self._session_findings = None
        self._power = self._readings = None
        self._forget_session(is_whole=False)

    # In

    @property
    def is_in_session(self):
        """Whether the status is due: from New_Charge_Session to Charge_Session_Finished (R2)."""
        return self._session is not None

    def receive(self, message, *, now_s, undefined=(), unassigned_bits=0):
        """
        Take a message of either direction.

        :param undefined: as in ``codec.Received``; such a message counts as sent, and is judged
            for nothing else
        :param unassigned_bits: as in ``codec.Received``
        :returns: list of new findings
        """
        if not message.FROM_CONTROLLER:
            self._has_spoken = True
            self._frames.see(message, undefined, unassigned_bits, now_s)
        if undefined:
            undefined = not_newer(message, undefined)
        if isinstance(message, PowerModulesStatus):
            self._hear_status(now_s)
        elif isinstance(message, AdvanticsControllerStatus):
            # It lives, whatever its state may be called (R1).
            self._hear_controller(now_s)
        handle = _HANDLERS.get(type(message))
        if handle is not None and not undefined:
            handle(self, message, now_s)
        elif undefined and isinstance(message, EmergencyStop):
            # Who stops for it all the same is on the safe side.
            self._power.excuse()
        return taken(self._new)

    def reject(self, message_class, text, *, now_s):
        """
        Take a frame of the customer side that is shorter than its message (1.4.2).

        It controls nothing, but it was sent in time.

        :param message_class: the message that it should have been
        :param text: what is wrong with it, in words
        :returns: list of new findings
        """
        self._has_spoken = True
        self._frames.see_short(message_class, text, now_s)
        if message_class is PowerModulesStatus:
            self._hear_status(now_s)
        return taken(self._new)

    def tick(self, *, now_s):
        """Look for what should have come by now; return the new findings."""
        if not self._is_paused:
            self._check_buttons_held(now_s)
            self._check_told(now_s)
            if self._session is not None and not self._is_controller_silent(now_s):
                self._check_silence(self._session, now_s)
                self._check_permission_in_time(self._session, now_s)
        return taken(self._new)

    @property
    def heard_at_s(self):
        """When the last Power_Modules_Status came, whatever was in it."""
        return self._status_times_s[-1] if self._status_times_s else -math.inf

    def pass_over(self, seconds):
        """Take it that nobody could be heard for so long, and was not silent either."""
        if self._controller_at_s is not None:
            self._controller_at_s += seconds
        if self._session is not None and self._session.status_at_s is not None:
            self._session.status_at_s += seconds

    def pause(self):
        """Look for nothing until :meth:`resume`: nobody hears the other."""
        self._is_paused = True

    def resume(self, now_s):
        """
        Count all times from now on.

        Of this session nothing more is expected, as after a silent controller (R1); of what is
        too much the charger is still to blame.
        """
        self._is_paused = False
        self._controller_at_s = None
        # A release may have been missed.
        self._pressed_since_s.clear()
        self._untold_since_s = None
        self._restart_session(now_s)
        self._power.restart(now_s)

    # From the controller

    def _hear_controller(self, now_s):
        if self._is_controller_silent(now_s):
            self._restart_session(now_s)
        self._controller_at_s = now_s

    def _on_controller_status(self, message, now_s):
        before, self._state = self._state, message.state
        has_entered = message.state != before
        if message.state in IDLE_STATES and before not in IDLE_STATES:
            self._forget_session()
        self._has_flags |= message.state == State.NOT_AVAILABLE
        if message.state == State.INITIALISING:
            # 4.1: a controller that starts has all flags at 0, and has to be told again (A7).
            self._has_to_tell |= bool(self._flags.start_charge_authorisation)
            self._untold_since_s = None
            self._has_flags &= not has_entered
            self._flags = SequenceControl()
            self._pressed_since_s.clear()
        elif message.state == State.NOT_AVAILABLE and has_entered and self._has_to_tell:
            self._untold_since_s = now_s
        if message.state == State.NEGOTIATING_CONNECTION and has_entered:
            # A vehicle that stays plugged may begin anew after one idle status, or none (A42).
            self._forget_session()
            self._check_stop_button_released(now_s)
        self._power.see_state(message.state, now_s)

    def _on_new_charge_session(self, message, now_s):
        if self._session is not None:
            return
        self._forget_session(is_chademo=is_chademo(message))
        self._session = _Session(now_s)

    def _on_finished(self, message, now_s):
        # R40: from here on the modules may be silent. Power is judged on: they may not deliver.
        self._session = None

    def _on_emergency(self, message, now_s):
        if self._session is not None and not self._is_paused:
            # The session may be over with it, before anybody looks at the silence again (R3).
            self._check_silence(
                self._session, now_s, slack_s=self.tolerances.controller_jitter_s)
        self._power.see_emergency(now_s)

    def _on_power_control(self, command, now_s):
        self._power.see_command(command, now_s)
        self._readings.see_command(command)

    def _forget_session(self, *, is_chademo=False, is_whole=True):
        self._session = None
        self._session_findings = Findings(self._new)
        before = self._power
        self._power = PowerRules(
            self.tolerances, Findings(self._new), is_chademo=is_chademo,
            parameters=self._parameters, is_whole=is_whole)
        self._readings = ReadingRules(
            self.tolerances, Findings(self._new), self._parameters)
        if before is not None and is_whole:
            self._power.follow(before)

    def _restart_session(self, now_s):
        """Begin to wait for the status anew, and expect nothing more of the power (R1)."""
        if self._session is not None:
            self._session.since_s = now_s
            self._session.status_at_s = None
        self._power.excuse()

    def _silent_s(self, now_s):
        """Return since when the controller has been silent, 0 before it has said anything."""
        return 0.0 if self._controller_at_s is None else now_s - self._controller_at_s

    def _is_controller_silent(self, now_s):
        """Tell whether the charger may take the controller for dead: then nobody hears it."""
        limits = self.tolerances
        return self._silent_s(now_s) > limits.controller_timeout_s - limits.controller_jitter_s

    # From the charger

    def _on_status(self, status, now_s):
        self._check_temperatures(status, now_s)
        self._note_permission(status)
        self._power.judge(status, silent_s=self._silent_s(now_s), now_s=now_s)
        self._readings.judge(status, now_s)

    def _on_parameters(self, message, now_s):
        limits = self.tolerances
        self._power.see_parameters(message, now_s)
        self._readings.see_parameters(message)
        # CAN itself may deliver a frame twice.
        is_double = (
            message == self._parameters
            and now_s - self._parameters_at_s < limits.parameters_jitter_s)
        self._parameters = message
        if is_double:
            return
        if self._parameters_at_s is not None:
            distance_s = now_s - self._parameters_at_s
            # One that seems to be earlier is late in the log.
            is_close = 0 <= distance_s < limits.parameters_spacing_s - limits.parameters_jitter_s
            if self._findings.breaks('parameters', is_close):
                self._findings.add(
                    now_s, 'R4',
                    f'DC_Power_Parameters {1000 * distance_s:.0f} ms after the one before, '
                    f'permitted {1000 * limits.parameters_spacing_s:.0f} ms',
                    distance_s=distance_s)
        self._parameters_at_s = now_s

    def _on_flags(self, flags, now_s):
        before, self._flags = self._flags, flags
        self._has_to_tell, self._untold_since_s = False, None
        self._findings.mend('initialisation')
        self._check_authorisation(before, flags, now_s)
        for name, pressed in (
            ('User_Stop_Button', flags.user_stop_button),
            ('CHAdeMO_Start_Button', flags.chademo_start_button),
        ):
            if pressed:
                self._pressed_since_s.setdefault(name, now_s)
            else:
                self._pressed_since_s.pop(name, None)
                self._findings.mend(name)

    # The status as a frame

    def _hear_status(self, now_s):
        """R2 and R3: it came, whatever is in it."""
        self._check_flood(now_s)
        session = self._session
        if session is None:
            return
        if session.status_at_s is not None and not self._is_controller_silent(now_s):
            self._check_gap(now_s - session.status_at_s, now_s)
        session.status_at_s = now_s

    def _check_gap(self, gap_s, now_s):
        limits, findings = self.tolerances, self._session_findings
        # A longer silence is a loss, and was reported as such when it reached the loss time,
        # unless nobody looked meanwhile.
        if findings.breaks(
                'status gap',
                limits.status_gap_s + _ROUNDING_S < gap_s <= limits.status_loss_s, now_s):
            findings.add(
                now_s, 'R2',
                f'Power_Modules_Status {1000 * gap_s:.0f} ms after the one before, nominal '
                '100 ms', gap_s=gap_s)
        if findings.breaks('status lost', gap_s > limits.status_loss_s, now_s):
            findings.add(now_s, 'R3', _lost(gap_s), silent_s=gap_s)

    def _check_flood(self, now_s):
        limits, times_s = self.tolerances, self._status_times_s
        times_s.append(now_s)
        while times_s[0] < now_s - limits.flood_s:
            times_s.popleft()
        rate_hz = len(times_s) / limits.flood_s
        is_flood = rate_hz > limits.status_rate_hz
        # At the limit it is one flood, not many.
        is_clear = is_flood or rate_hz < 0.8 * limits.status_rate_hz
        if is_clear and self._findings.breaks('flood', is_flood):
            self._findings.add(
                now_s, 'R2', f'{rate_hz:.0f} Power_Modules_Status a second, nominal 10',
                rate_hz=rate_hz)

    def _check_silence(self, session, now_s, *, slack_s=0.0):
        limits, findings = self.tolerances, self._session_findings
        if session.status_at_s is None:
            waited_s = now_s - session.since_s
            if findings.breaks(
                    'first status', self._has_spoken and waited_s > limits.first_status_s):
                findings.add(
                    now_s, 'R2',
                    f'no Power_Modules_Status {waited_s:.1f} s after New_Charge_Session',
                    waited_s=waited_s)
        else:
            silent_s = now_s - session.status_at_s
            if findings.breaks('status lost', silent_s > limits.status_loss_s - slack_s, now_s):
                findings.add(now_s, 'R3', _lost(silent_s), silent_s=silent_s)

    # System_Enable and temperatures

    def _check_permission_in_time(self, session, now_s):
        """R6; before the first Allowed a 0 is no withdrawal (A6)."""
        waited_s = now_s - session.since_s
        is_waiting = (
            session.status_at_s is not None and not session.was_enabled
            and self._state in _WAKING and not self._power.is_emergency
            and not self._power.is_excused
        )
        if self._session_findings.breaks(
                'permission', is_waiting and waited_s > self.tolerances.enable_s):
            self._session_findings.add(
                now_s, 'R6',
                f'System_Enable is not Allowed {waited_s:.0f} s after New_Charge_Session',
                waited_s=waited_s)

    def _note_permission(self, status):
        """
        Take System_Enable.

        To withdraw it is the charger's right, and the only word it has for an emergency of its own
        (R7, R8). From then on no power is expected of it; after the loop none is anyway, but that
        the output is lowered still is (R18).
        """
        was_enabled = self._is_enabled
        self._is_enabled = status.system_enable == SystemEnable.ALLOWED
        if self._is_enabled and self._session is not None:
            self._session.was_enabled = True
        elif was_enabled and not self._is_enabled and self._state in _UNTIL_LOOP_ENDS and (
                self._session is None or self._session.was_enabled):
            self._power.excuse()

    def _check_temperatures(self, status, now_s):
        """R50: the controller ends the charge for it."""
        self._check_temperature(
            'Power_Modules_Temperature', status.power_modules_temperature, now_s)
        self._check_temperature('Enclosure_Temperature', status.enclosure_temperature, now_s)

    def _check_temperature(self, name, temperature_c, now_s):
        if self._findings.breaks(name, temperature_c > self.tolerances.temperature_c):
            self._findings.add(
                now_s, 'R50', f'{name} is {temperature_c:.0f} °C: no sensor is told as -40 °C',
                temperature_c=temperature_c)

    # Flags

    def _check_stop_button_released(self, now_s):
        # The start button of CHAdeMO is what begins the session: that one may be pressed.
        name = 'User_Stop_Button'
        if name in self._pressed_since_s and self._findings.breaks(name, True):
            self._blame_button(
                now_s, f'{name} is still pressed when a session begins: it cannot act in it')

    def _check_buttons_held(self, now_s):
        """R39; :meth:`_on_flags` mends it."""
        for name, since_s in self._pressed_since_s.items():
            held_s = now_s - since_s
            if held_s > self.tolerances.button_s and self._findings.breaks(name, True):
                self._blame_button(
                    now_s, f'{name} has been pressed for {held_s:.0f} s: it cannot act again',
                    held_s=held_s)

    def _blame_button(self, now_s: float, words: str, **values: float) -> None:
        """R39, where flags are known to be in use; without use_sequence_flags none acts (R34)."""
        if self._has_flags:
            self._findings.add(now_s, 'R39', words, **values)
        else:
            self._findings.observe(
                now_s, 'R39', f'{words}, if the controller uses the flags at all: it was never '
                'in Not_Available', **values)

    def _check_told(self, now_s):
        """R34, A7: a controller that has restarted knows none of the flags."""
        if self._untold_since_s is None:
            return
        waited_s = now_s - self._untold_since_s
        if self._findings.breaks('initialisation', waited_s > self.tolerances.initialisation_s):
            self._findings.add(
                now_s, 'R34',
                f'no Sequence_Control {waited_s:.0f} s after the controller has restarted: it '
                'waits in Not_Available, with all flags at 0', waited_s=waited_s)

    def _check_authorisation(self, before, flags, now_s):
        """R36: the result is final once it is said to be there."""
        if not (before.ccs_authorisation_done and flags.ccs_authorisation_done):
            self._findings.mend('authorisation')
            return
        valid = flags.ccs_authorisation_valid
        if valid == before.ccs_authorisation_valid:
            return
        # A refusal ends the session before the late Valid comes; taking a result back after the
        # charge is tidying up.
        is_late = self._state in _UNTIL_LOOP_ENDS or (
            bool(valid) and self._state not in IDLE_STATES)
        if is_late and self._findings.breaks('authorisation', True):
            self._findings.add(
                now_s, 'R36', f'CCS_Authorisation_Valid changed to {int(valid)} while '
                'CCS_Authorisation_Done stayed 1: the first result counts', valid=int(valid))


def _lost(silent_s):
    return f'Power_Modules_Status lost: silent for {1000 * silent_s:.0f} ms'


_HANDLERS = {
    AdvanticsControllerStatus: CustomerRules._on_controller_status,
    NewChargeSession: CustomerRules._on_new_charge_session,
    ChargeSessionFinished: CustomerRules._on_finished,
    EmergencyStop: CustomerRules._on_emergency,
    DcPowerControl: CustomerRules._on_power_control,
    PowerModulesStatus: CustomerRules._on_status,
    DcPowerParameters: CustomerRules._on_parameters,
    SequenceControl: CustomerRules._on_flags,
}
