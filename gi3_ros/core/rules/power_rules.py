"""
The rules about power: what the charger measures, held against the command in force.

One :class:`PowerRules` judges one session, so nothing of it can be left over for the next.
"""

import collections
import dataclasses
import math

from ..interface.signals import (
    AdvanticsControllerStatus,
    DcPowerControl,
    DcPowerParameters,
    PowerModulesStatus,
)
from ..lasting import forget_before, Lasting

State = AdvanticsControllerStatus.State
PowerFunction = DcPowerControl.PowerFunction
SystemEnable = PowerModulesStatus.SystemEnable

LOW_VOLTAGE_V = 20.0
"""R15."""
UNLOCKING_VOLTAGE_V = 10.0
"""R18: at more than this the controller does not unlock a CHAdeMO plug."""
TEST_VOLTAGE_REACHED = 0.9
"""Share of the test voltage from which the controller judges (R11)."""
PERIOD_S = 0.1
"""Of all that repeats: a reading, a command may be this old (R2, R26)."""
_REMEMBERED_S = 1.0
"""What arrives is stamped, and may be this much older than what was sent meanwhile."""
_BEFORE_COMMANDS = frozenset({
    State.INITIALISING, State.WAITING_FOR_PEV, State.NEGOTIATING_CONNECTION,
    State.CCS_AUTHORISATION_PROCESS, State.CONNECTED_WITH_FULL_INFO, State.NOT_AVAILABLE,
})
"""Where nothing was commanded yet."""
AFTER_LOOP = frozenset({
    State.ENDING_CHARGE, State.WELDING_DETECTION, State.CLOSING_COMMUNICATION})
"""Where a charge ends."""
_ROUNDING_S = 1e-6
"""Sums of times have rounding errors."""
PROGRESS_V, PROGRESS_S = 1.0, 2.0
"""A voltage that has come closer by so much within so long is still on its way .."""
PROGRESS_DOWN = 0.05
""".. down by such a share of it, too: an output that just discharges is not lowered (R15)."""
_FLOATING = (PowerFunction.OFF, PowerFunction.STANDBY)
_LOWERING = ('R15', 'R18')
_CURRENTS = ('short', 'charging', 'discharging')
_KEYS_OF_FUNCTION = {
    PowerFunction.OFF: {'floating current'},
    PowerFunction.STANDBY: {
        'floating current', 'lowering', 'slow lowering', 'lowering at the end',
        'slow lowering at the end'},
    PowerFunction.INSULATION_TEST: {'test voltage', 'late test', 'slow late test'},
    PowerFunction.PRECHARGE: {
        'precharge current', 'precharge voltage', 'late precharge', 'slow late precharge',
        'precharge window'},
    PowerFunction.POWER_TRANSFER: {'voltage', *_CURRENTS},
}
"""Breaches that are over when another function begins."""


@dataclasses.dataclass(slots=True)
class _Setpoint:
    """A command and when it came into force."""

    since_s: float
    command: DcPowerControl


class _Hull:
    """
    The currents on the way from the last set-points to the one in force, at the pace of a ramp.

    :param rate_a_per_s: what a charger may need for its ramp (R28)
    :param delay_s: and before it, out of a Standby
    """

    def __init__(self, rate_a_per_s, delay_s):
        self._rate_a_per_s = rate_a_per_s
        self._delay_a = rate_a_per_s * delay_s
        self._at_s = None
        # How far from 0 A it may still be, on either side ..
        self.top_a = self.bottom_a = 0.0
        # .. and how far from it, it has to be by now.
        self.least_a, self.most_a = -self._delay_a, self._delay_a

    def move(self, permitted, now_s):
        """
        Go on in time.

        :param permitted: commands that may still be followed, none without a transfer
        """
        moved_a = 0.0 if self._at_s is None else (
            self._rate_a_per_s * max(0.0, now_s - self._at_s))
        self._at_s = now_s
        highest_a = max([each.current_range_max for each in permitted], default=0.0)
        lowest_a = min([each.current_range_min for each in permitted], default=0.0)
        self.top_a = max(0.0, self.top_a - moved_a, highest_a)
        self.bottom_a = min(0.0, self.bottom_a + moved_a, lowest_a)
        if permitted:
            self.least_a = min(self.least_a + moved_a, lowest_a)
            self.most_a = max(self.most_a - moved_a, highest_a)
        else:
            self.least_a, self.most_a = -self._delay_a, self._delay_a


class _Way:
    """Tells whether a voltage still comes closer to where it has to be."""

    def __init__(self) -> None:
        self._distances = collections.deque()
        """``(time, V)`` of the last moments."""

    def is_on(self, distance_v: float, now_s: float, share: float = 0.0) -> bool:
        """Take the next distance; tell whether it has become smaller in the last moments."""
        distances = self._distances
        distances.append((now_s, distance_v))
        forget_before(now_s - PROGRESS_S, distances)
        _, before_v = distances[0]
        return before_v - distance_v >= max(PROGRESS_V, share * before_v)


class PowerRules:
    """
    Judge what one charger does with the power in one session.

    Too much is always a breach. Too little is none from a charger that has said, or has to
    think, that power is over; see :meth:`excuse`.

    :param findings: the :class:`~.findings.Findings` that take the breaches
    :param is_chademo: no precharge and 5 A at the end (R46, R42)
    :param parameters: the charger's last DC_Power_Parameters: it need not give more (R32)
    :param is_whole: whether all commands were heard; then there is no power before the first
    """

    def __init__(
            self, tolerances, findings, *, is_chademo=False, parameters=None, is_whole=True):
        self.tolerances = tolerances
        self.is_chademo = is_chademo
        self.is_excused = False
        self._findings = findings
        self._state = None
        self._status = None
        self._status_at_s = None
        self._setpoints = collections.deque()
        self._heard_since_s = None
        self._function_since_s = None
        self._lasting = Lasting()
        self._emergency_since_s = None
        self._stop_since_s = None
        self._uncommanded_since_s = None
        self._is_whole = is_whole
        self._limits = parameters
        # Of the function in force:
        self._highest_target_v = 0.0
        self._test_since_s = None
        self._precharge_since_s = None
        self._precharge_v = 0.0
        """The target from which the time in the window counts."""
        self._out_s = 0.0
        """How long the voltage was out of it, once it was in it."""
        self._has_reached = False
        self._way = _Way()
        self._begun_v = 0.0
        """What was on the output when the function began .."""
        self._closing_v = 0.0
        """.. and when the communication began to close."""
        self._wanted_since_s = None
        self._able_since_s = None
        self._has_flowed = False
        self._was_transfer = False
        self._has_connected = False
        """Whether a battery may be on the output: after a precharge or a transfer."""
        self._hull = _Hull(tolerances.ramp_a_per_s, tolerances.exceed_s)
        self._over = None
        """``(time, current)`` when the voltage came above the set-point."""
        self._found_v = 0.0
        """What was on the output when the function began, as far as it is still there."""
        # Of the end of the charge:
        self._ending_since_s = None
        self._closing_since_s = None

    # In

    def follow(self, before):
        """Go on with what another session has left, if nothing was commanded in it either."""
        if not before._setpoints and not before.is_emergency:
            self._uncommanded_since_s = before._uncommanded_since_s
            self._findings = before._findings

    @property
    def is_emergency(self):
        """Whether an Emergency_Stop has ended this session's power (R38)."""
        return self._emergency_since_s is not None

    def excuse(self):
        """
        Expect nothing more of the charger for the rest of the session.

        After a silent controller it has to stop and to wait for the next one (R1); after its
        permission was withdrawn there is no power to be had.
        """
        self.is_excused = True

    def restart(self, now_s):
        """Count all times from now on: until now the charger may have heard nothing."""
        self._lasting.forget()
        for setpoint in self._setpoints:
            setpoint.since_s = now_s
        for name in (
            '_function_since_s', '_emergency_since_s', '_test_since_s', '_precharge_since_s',
            '_wanted_since_s', '_able_since_s', '_ending_since_s', '_closing_since_s',
            '_stop_since_s', '_uncommanded_since_s',
        ):
            if getattr(self, name) is not None:
                setattr(self, name, now_s)

    def see_state(self, state, now_s):
        """Take the controller's state."""
        if state != self._state:
            self._state = state
            if state == State.CLOSING_COMMUNICATION:
                self._closing_since_s, self._closing_v = now_s, self._last_v
                self._way = _Way()
            elif state in _BEFORE_COMMANDS:
                self._is_whole = True
            self._see_end(now_s)

    def _see_end(self, now_s):
        """R41, R42: the end of the power begins with its first Standby, not with the state."""
        if (self._state == State.ENDING_CHARGE and self._ending_since_s is None
                and self._setpoints and self._setpoints[-1].command.power_function in _FLOATING):
            self._ending_since_s = now_s

    def see_emergency(self, now_s):
        """Take an Emergency_Stop; the first counts."""
        if self._emergency_since_s is None:
            self._emergency_since_s = now_s

    def see_parameters(self, parameters, now_s):
        """Take what the charger says that it can give; 0 tells nothing (R33)."""
        before, self._limits = self._limits or DcPowerParameters(), parameters
        if self._setpoints and any(
                0 < getattr(before, name) < min(wanted, getattr(parameters, name) or math.inf)
                for name, wanted in _limited(self._setpoints[-1].command)):
            # It has its time to come up to a higher one.
            self._able_since_s = now_s

    def see_command(self, command, now_s):
        """Take a DC_Power_Control; it holds until the next, however long that takes (R26)."""
        before = self._setpoints[-1].command if self._setpoints else None
        if before is None:
            # What held before that may still count, where a log begins in mid-session.
            self._heard_since_s = now_s
        if command == before:
            return
        if before is None or _kind(command) != _kind(before):
            self._start_function(command, now_s)
        if command.power_function == PowerFunction.INSULATION_TEST and (
                before is None or before.power_function != PowerFunction.INSULATION_TEST
                or command.target_voltage != before.target_voltage):
            self._test_since_s = now_s
            self._begin_way()
        if command.power_function == PowerFunction.PRECHARGE and (
                before is None or before.power_function != PowerFunction.PRECHARGE
                or abs(command.target_voltage - self._precharge_v)
                > self.tolerances.precharge_window_v):
            self._precharge_since_s, self._precharge_v = now_s, command.target_voltage
            self._begin_way()
        self._highest_target_v = max(self._highest_target_v, command.target_voltage)
        if self._wanted_since_s is None and (
                command.current_range_min > 0 or command.current_range_max < 0):
            self._wanted_since_s = now_s
        self._setpoints.append(_Setpoint(now_s, command))
        self._see_end(now_s)
        self._forget_setpoints(now_s)
        self._see_opening(command, now_s)

    def _see_opening(self, command, now_s):
        """
        R42, A10: a controller that has waited for its whole time opens, and the current is over.

        Then the last reading before it counts. One that opens sooner does not make a charger late.
        """
        if self._state != State.ENDING_CHARGE or command.output_contactors:
            return
        limits = self.tolerances
        since_s = now_s if self._ending_since_s is None else self._ending_since_s
        if now_s - since_s >= limits.end_current_s - PERIOD_S and not self.is_emergency and (
                self._status is not None
                and now_s - self._status_at_s <= limits.status_loss_s):
            self._check_end_current(self._status, limits.end_current_s - PERIOD_S, now_s)

    def judge(self, status, *, silent_s, now_s):
        """
        Judge a Power_Modules_Status.

        :param silent_s: since when the controller has been silent
        """
        before_s = now_s if self._status_at_s is None else self._status_at_s
        self._status, self._status_at_s = status, now_s
        self._found_v = min(self._found_v, status.present_voltage)
        if self.is_emergency:
            self._check_emergency_current(status, now_s)
            return
        if not self._setpoints:
            self._check_uncommanded_current(status, now_s)
            return
        command = self._setpoints[-1].command
        in_force_s = now_s - self._function_since_s
        function = command.power_function
        self._move_hull(status.present_current, now_s)
        self._check_silence(command, status, silent_s, now_s)
        self._check_end_current(status, self.tolerances.end_current_s, now_s)
        if function == PowerFunction.INSULATION_TEST:
            self._check_test_voltage(command, status, now_s)
        elif function == PowerFunction.PRECHARGE:
            self._check_precharge_current(command, status, now_s)
            self._check_precharge_voltage(command, status, in_force_s, now_s)
            self._check_precharge_window(status, now_s - before_s, now_s)
        elif function == PowerFunction.POWER_TRANSFER and (
                now_s - self._heard_since_s > self.tolerances.exceed_s):
            self._check_transfer_voltage(status, now_s)
            self._check_transfer_current(status, now_s)
        elif function in _FLOATING:
            self._check_floating_current(command, status, in_force_s, now_s)
            self._check_lowering(command, status, in_force_s, now_s)
            self._check_lowering_at_the_end(command, status, in_force_s, now_s)

    def _start_function(self, command, now_s):
        function = command.power_function
        if function in _FLOATING:
            # R1: now the controller begins anew, and so may the charger.
            self._stop_since_s = None
        last = self._setpoints[-1].command.power_function if self._setpoints else None
        if last is None:
            self._was_transfer = not self._is_whole
        elif function != last and not (function in _FLOATING and last in _FLOATING):
            self._was_transfer = last == PowerFunction.POWER_TRANSFER
        if function not in _FLOATING:
            # An end that was none.
            self._ending_since_s = None
            self._has_connected |= function != PowerFunction.INSULATION_TEST
        for owner, keys in _KEYS_OF_FUNCTION.items():
            if owner != function and not (owner in _FLOATING and function in _FLOATING):
                self._findings.mend(*keys)
        self._lasting.forget()
        self._function_since_s = self._able_since_s = now_s
        self._over = None
        self._highest_target_v = 0.0
        self._found_v = self._last_v
        self._wanted_since_s = None
        self._has_flowed = False
        self._begin_way()

    def _begin_way(self) -> None:
        """Take it that a voltage shall change from now on."""
        self._has_reached = False
        self._out_s = 0.0
        self._begun_v = self._last_v
        self._way = _Way()

    @property
    def _last_v(self) -> float:
        return 0.0 if self._status is None else self._status.present_voltage

    # No power

    def _check_silence(self, command, status, silent_s, now_s):
        """R1: nobody knows whether the command is still meant, and nobody resumes by himself."""
        limits = self.tolerances
        if silent_s > limits.controller_timeout_s - limits.controller_jitter_s:
            self.excuse()
        is_powered = command.power_function not in _FLOATING
        # Much longer than its timeout: nobody can have missed that.
        if is_powered and self._stop_since_s is None and silent_s > limits.status_loss_s:
            self._stop_since_s = now_s - silent_s + limits.controller_timeout_s
        is_late = (
            self._stop_since_s is not None
            and now_s - self._stop_since_s > limits.silence_reaction_s)
        current_a = status.present_current
        if self._findings.breaks(
                'silence', is_powered and is_late and abs(current_a) > limits.off_current_a):
            missing = (
                f'is missing for {silent_s:.1f} s' if silent_s > limits.controller_timeout_s
                else 'was missing, and no Standby or Off has come since')
            self._findings.add(
                now_s, 'R1',
                f'{current_a:.1f} A although Advantics_Controller_Status {missing}',
                present_current_a=current_a, silent_s=silent_s)

    def _check_emergency_current(self, status, now_s):
        limits = self.tolerances
        since_s = now_s - self._emergency_since_s
        current_a = status.present_current
        if self._findings.breaks(
                'emergency current', since_s > limits.off_current_s
                and abs(current_a) > limits.off_current_a):
            self._findings.add(
                now_s, 'R38', f'{current_a:.1f} A {since_s:.1f} s after Emergency_Stop',
                present_current_a=current_a, since_s=since_s)

    def _check_uncommanded_current(self, status, now_s):
        """R22: as long as nothing was commanded all is off."""
        if not self._is_whole:
            return
        limits = self.tolerances
        if self._uncommanded_since_s is None:
            self._uncommanded_since_s = now_s
        current_a, since_s = status.present_current, now_s - self._uncommanded_since_s
        if self._findings.breaks(
                'floating current', since_s > limits.end_current_s
                and abs(current_a) > limits.off_current_a, now_s):
            self._findings.add(
                now_s, 'R22', f'{current_a:.1f} A although nothing was commanded',
                present_current_a=current_a)

    def _check_floating_current(self, command, status, in_force_s, now_s):
        limits = self.tolerances
        current_a = status.present_current
        # A transfer that pauses is not sooner over than one that ends (R42), and there R42 has the
        # word.
        off_s = limits.end_current_s if self._was_transfer else limits.off_current_s
        # While lowering, what flows backwards is bled; out of a battery it must not be (R17).
        is_bled = command.lower_output_voltage and not self._has_connected
        is_off = current_a <= limits.off_current_a and (
            is_bled or current_a >= -limits.off_current_a)
        if self._findings.breaks(
                'floating current', self._ending_since_s is None
                and in_force_s > off_s and not is_off, now_s):
            self._findings.add(
                now_s, 'R22' if command.power_function == PowerFunction.OFF else 'R21',
                f'{current_a:.1f} A after {in_force_s:.1f} s of {_name(command)}',
                present_current_a=current_a, in_force_s=in_force_s)

    def _check_lowering(self, command, status, in_force_s, now_s):
        """
        R15, for the lowering after the insulation test (L1).

        That at the end of a charge (L2) is not waited for, and some chargers must ignore it (R17).
        """
        # Nobody bleeds a battery, whatever is commanded (R17).
        if not (command.lower_output_voltage and command.output_contactors) or (
                self._has_connected or self._state != State.INSULATION_TEST):
            return
        voltage_v = status.present_voltage
        is_late = (
            voltage_v > LOW_VOLTAGE_V and not self.is_excused
            and in_force_s > self._lowering_s(self._begun_v))
        self._check_way(
            'lowering', is_late, voltage_v, now_s, 'R15',
            f'{voltage_v:.1f} V after {in_force_s:.1f} s of Lowering, wanted '
            f'{LOW_VOLTAGE_V:.0f} V', present_voltage_v=voltage_v, in_force_s=in_force_s)

    def _lowering_s(self, begun_v: float) -> float:
        """Return how long the way down from a voltage may take."""
        limits = self.tolerances
        return limits.lowering_s + _way_s(begun_v, limits.lowering_v_per_s)

    def _check_way(
            self, key: str, is_late: bool, distance_v: float, now_s: float, rule: str,
            words: str, **values: float) -> None:
        """
        Judge a voltage that has to come somewhere.

        One that is late and does not move is a breach; one that is still on its way is an
        observation, as no source says how long that may take.
        """
        is_on_its_way = self._way.is_on(
            distance_v, now_s, PROGRESS_DOWN if rule in _LOWERING else 0.0)
        if self._findings.breaks(f'slow {key}', is_late and is_on_its_way):
            self._findings.observe(
                now_s, rule, f'{words}, and still on its way: slow, but no page of the interface '
                'says how long that may take', **values)
        if self._findings.breaks(key, is_late and not is_on_its_way):
            self._findings.add(now_s, rule, words, **values)

    def _check_lowering_at_the_end(self, command, status, in_force_s, now_s):
        """R18: what holds a CHAdeMO plug in Closing_Communication (L3)."""
        is_closing = self._state == State.CLOSING_COMMUNICATION
        if not (
            self.is_chademo and is_closing
            and command.lower_output_voltage and not command.output_contactors
        ):
            return
        voltage_v = status.present_voltage
        closing_s = min(in_force_s, now_s - self._closing_since_s)
        begun_v = self._begun_v if closing_s == in_force_s else self._closing_v
        is_late = (
            voltage_v > UNLOCKING_VOLTAGE_V and not self.is_excused
            and closing_s > self._lowering_s(begun_v))
        self._check_way(
            'lowering at the end', is_late, voltage_v, now_s, 'R18',
            f'{voltage_v:.1f} V after {closing_s:.1f} s of Lowering in Closing_Communication, '
            f'the plug is unlocked at {UNLOCKING_VOLTAGE_V:.0f} V',
            present_voltage_v=voltage_v, closing_s=closing_s)

    def _check_end_current(self, status, permitted_s, now_s):
        """R42."""
        if self._ending_since_s is None:
            return
        limits = self.tolerances
        ending_s = now_s - self._ending_since_s
        current_a = status.present_current
        end_a = limits.chademo_end_current_a if self.is_chademo else limits.end_current_a
        if self._findings.breaks(
                'end current', ending_s > permitted_s and abs(current_a) > end_a):
            self._findings.add(
                now_s, 'R42', f'{current_a:.1f} A {ending_s:.1f} s into the end of the charge, '
                f'permitted {end_a:.0f} A', present_current_a=current_a, ending_s=ending_s)

    # Insulation test and precharge

    def _check_test_voltage(self, command, status, now_s):
        """R11: reach the test voltage and hold it, as far as the charger can (R33)."""
        limits = self.tolerances
        target_v, voltage_v = command.target_voltage, status.present_voltage
        in_force_s = now_s - self._test_since_s
        wanted_v = TEST_VOLTAGE_REACHED * self._able_v(target_v)
        is_high_enough = voltage_v >= wanted_v
        self._has_reached = self._has_reached or is_high_enough
        is_late = not self._has_reached and (
            in_force_s > limits.test_rise_s + _way_s(target_v, limits.rise_v_per_s))
        sags_s = self._lasting.seconds('sag', self._has_reached and not is_high_enough, now_s)
        # Modules that only source cannot follow a target that falls.
        highest_v = self._highest_v + self._voltage_room(self._highest_v)
        above_s = self._lasting.seconds('above', voltage_v > highest_v, now_s)
        is_bound = self._is_bound(status)
        words = (f'{voltage_v:.1f} V after {in_force_s:.1f} s of Insulation_Test at '
                 f'{target_v:.1f} V')
        values = {'present_voltage_v': voltage_v, 'target_voltage_v': target_v,
                  'in_force_s': in_force_s}
        self._check_way(
            'late test', is_late and is_bound, wanted_v - voltage_v, now_s, 'R11', words, **values)
        is_sagging = sags_s > limits.test_sag_s and is_bound
        if self._findings.breaks('test voltage', is_sagging or above_s > limits.exceed_s):
            self._findings.add(now_s, 'R11', words, **values)

    def _check_precharge_current(self, command, status, now_s):
        """R19, A13: no more than the vehicle's cap."""
        limits = self.tolerances
        current_a, allowed_a = status.present_current, command.current_range_max
        cap_a = max(allowed_a, limits.precharge_floor_a) + limits.current_a
        over_s = self._lasting.seconds('precharge current', abs(current_a) > cap_a, now_s)
        if self._findings.breaks('precharge current', over_s > limits.precharge_over_s):
            self._findings.add(
                now_s, 'R19', f'{current_a:.1f} A in Precharge, cap {allowed_a:.1f} A',
                present_current_a=current_a, cap_a=allowed_a)

    def _check_precharge_voltage(self, command, status, in_force_s, now_s):
        """R19: into the window around the battery's voltage, and not above it."""
        limits = self.tolerances
        target_v, voltage_v = command.target_voltage, status.present_voltage
        distance_v = abs(voltage_v - self._able_v(target_v))
        self._has_reached = self._has_reached or distance_v <= limits.precharge_window_v
        is_above = (
            voltage_v > self._highest_v + limits.precharge_window_v
            and in_force_s > limits.exceed_s
        )
        # With a cap of 0 A nothing can be raised; what chargers use then is their choice (A13).
        is_late = (
            not self._has_reached and not is_above and command.current_range_max > 0
            and self._is_bound(status) and now_s - self._precharge_since_s
            > limits.precharge_rise_s + _way_s(target_v, limits.rise_v_per_s))
        words = f'{voltage_v:.1f} V after {in_force_s:.1f} s of Precharge to {target_v:.1f} V'
        values = {'present_voltage_v': voltage_v, 'target_voltage_v': target_v,
                  'in_force_s': in_force_s}
        self._check_way('late precharge', is_late, distance_v, now_s, 'R19', words, **values)
        if self._findings.breaks('precharge voltage', is_above):
            self._findings.add(now_s, 'R19', words, **values)

    def _check_precharge_window(
            self, status: PowerModulesStatus, step_s: float, now_s: float) -> None:
        """
        R19: the window is held, not touched; the vehicle connects when it has looked for a while.

        Above it, what modules cannot sink may be left: that is looked at elsewhere.
        """
        limits, command = self.tolerances, self._setpoints[-1].command
        away_v = self._able_v(command.target_voltage) - status.present_voltage
        if self._has_reached and away_v > limits.precharge_window_v and (
                command.current_range_max > 0):
            self._out_s += step_s
        if self._findings.breaks('precharge window', (
                self._out_s > limits.precharge_out_s + _ROUNDING_S and self._is_bound(status))):
            self._findings.add(
                now_s, 'R19',
                f'{status.present_voltage:.1f} V in Precharge to {command.target_voltage:.1f} V: '
                f'the voltage was there, and has been out of the window of '
                f'{limits.precharge_window_v:.0f} V for {self._out_s:.1f} s altogether',
                present_voltage_v=status.present_voltage,
                target_voltage_v=command.target_voltage, out_s=self._out_s)

    # Power transfer: held against the hull of the set-points of the last moments, so that ramps
    # and steps are permitted.

    def _check_transfer_voltage(self, status, now_s):
        limits = self.tolerances
        current_a, voltage_v = status.present_current, status.present_voltage
        target_v = self._setpoints[-1].command.target_voltage
        highest_v = target_v + self._voltage_room(target_v)
        if voltage_v > highest_v:
            recent = self._transfers_since(now_s - limits.exceed_s)
            target_v = max(command.target_voltage for command in recent)
            highest_v = target_v + self._voltage_room(target_v)
        if voltage_v > highest_v and self._over is None:
            self._over = now_s, current_a
        if self._over is not None and (
                self._lasting.seconds('within', voltage_v <= highest_v, now_s) > limits.exceed_s):
            self._over = None
        if self._over is None:
            self._findings.breaks('voltage', False, now_s)
            return
        # A battery above the set-point is no breach, pushing current into it is; but for a ramp.
        over_since_s, over_a = self._over
        falling_a = over_a + limits.current_a - limits.ramp_a_per_s * (now_s - over_since_s)
        if self._findings.breaks(
                'voltage', voltage_v > highest_v
                and current_a > max(limits.current_a, falling_a), now_s):
            self._findings.add(
                now_s, 'R29',
                f'{voltage_v:.1f} V with {current_a:.1f} A, set-point {target_v:.1f} V',
                present_voltage_v=voltage_v, present_current_a=current_a,
                target_voltage_v=target_v)

    def _check_transfer_current(self, status, now_s):
        """R24 of a target, R25 of a range."""
        current_a = status.present_current
        latest = self._setpoints[-1].command
        if self.is_chademo and self._is_raising(current_a, now_s):
            self._able_since_s = now_s
        is_near = self._is_near(latest, current_a)
        is_short = not is_near and self._falls_short(current_a, status, now_s)
        # What ends the charge may be on its way: the vehicle opens, something trips.
        short_s = self._lasting.seconds('short', is_short, now_s)
        # A current of the other direction is another breach.
        which = None
        if not is_near and self._exceeds(current_a):
            which = 'charging' if current_a > 0 else 'discharging'
        elif is_short and short_s >= self.tolerances.short_s:
            which = 'short'
        is_range = latest.setpoints_mode == DcPowerControl.SetpointsMode.RANGE_MODE
        is_new = False
        for key in _CURRENTS:
            is_new |= self._findings.breaks(key, key == which, now_s)
        if is_new:
            self._findings.add(
                now_s, 'R25' if is_range else 'R24',
                f'{current_a:.1f} A, {"range" if is_range else "set-point"} '
                f'{_current(latest)}', present_current_a=current_a,
                current_range_min_a=latest.current_range_min,
                current_range_max_a=latest.current_range_max)

    def _move_hull(self, current_a, now_s):
        hull = self._hull
        hull.move(self._transfers_since(now_s - self.tolerances.exceed_s), now_s)
        if not self._is_whole and now_s - self._heard_since_s <= self.tolerances.exceed_s:
            # What was commanded before the log began is not known.
            hull.top_a, hull.bottom_a = max(hull.top_a, current_a), min(hull.bottom_a, current_a)

    def _exceeds(self, current_a):
        """
        Tell whether it is further away from 0 A than permitted, or on the wrong side of it.

        A set-point that was lowered counts on for a while, and after it the way down (R28).
        """
        hull = self._hull
        return (
            current_a > hull.top_a + self._current_room(hull.top_a)
            or current_a < hull.bottom_a - self._current_room(hull.bottom_a)
        )

    def _falls_short(self, current_a, status, now_s):
        """Tell whether it is closer to 0 A than permitted, with no voltage that explains it."""
        limits = self.tolerances
        if now_s - self._able_since_s <= limits.follow_s or not self._is_bound(status):
            return False
        if self._state in AFTER_LOOP or (self._limits is None and not self._is_whole):
            return False
        earlier = self._transfers_since(now_s - limits.follow_s)
        told = self._limits or DcPowerParameters()
        least_a = min(
            told.maximum_charge_current or math.inf, self._hull.least_a,
            *(command.current_range_min for command in earlier))
        most_a = max(
            -(told.maximum_discharge_current or math.inf), self._hull.most_a,
            *(command.current_range_max for command in earlier))
        if least_a > 0:
            # R29: the voltage set-point limits as well.
            target_v = self._able_v(min(command.target_voltage for command in earlier))
            is_limited = status.present_voltage >= target_v - limits.voltage_v
            return current_a < least_a - self._current_room(least_a) and not is_limited
        if most_a < 0:
            is_limited = status.present_voltage < limits.discharge_from_v
            return current_a > most_a + self._current_room(most_a) and not is_limited
        return False

    def _is_raising(self, current_a, now_s):
        """Tell whether a CHAdeMO charger may still be on its way to the battery's voltage."""
        limits = self.tolerances
        self._has_flowed = self._has_flowed or abs(current_a) > limits.current_a
        if self._has_flowed:
            return False
        # As long as no current is asked for there is no hurry.
        since_s = now_s if self._wanted_since_s is None else self._wanted_since_s
        target_v = self._setpoints[-1].command.target_voltage
        return now_s - since_s <= limits.chademo_rise_s + _way_s(target_v, limits.rise_v_per_s)

    def _transfers_since(self, since_s):
        """Return the Power_Transfer commands in force at any time since then."""
        commands = []
        for setpoint in reversed(self._setpoints):
            if setpoint.command.power_function == PowerFunction.POWER_TRANSFER:
                commands.append(setpoint.command)
            if setpoint.since_s <= since_s:
                break
        return commands

    def _forget_setpoints(self, now_s):
        limits = self.tolerances
        oldest_s = now_s - max(limits.exceed_s, limits.follow_s) - _REMEMBERED_S
        while len(self._setpoints) > 1 and self._setpoints[1].since_s < oldest_s:
            self._setpoints.popleft()

    # Helpers

    def _is_near(self, command, current_a):
        """Tell whether this current breaks nothing, without asking for what held before."""
        room_a = self.tolerances.current_a
        return (command.current_range_min - room_a <= current_a
                <= command.current_range_max + room_a)

    @property
    def _highest_v(self):
        """Nobody has to sink what is there already."""
        return max(self._highest_target_v, self._found_v)

    def _able_v(self, voltage_v):
        """Return as much of a voltage as the charger has said that it can give (R33)."""
        told_v = self._limits.maximum_voltage if self._limits else 0.0
        return min(voltage_v, told_v or math.inf)

    def _is_bound(self, status):
        """Tell whether the charger has to deliver: it has allowed it, and nothing excuses it."""
        return not self.is_excused and status.system_enable == SystemEnable.ALLOWED

    def _current_room(self, current_a):
        return max(self.tolerances.current_a, self.tolerances.current_share * abs(current_a))

    def _voltage_room(self, voltage_v):
        return max(self.tolerances.voltage_v, self.tolerances.voltage_share * voltage_v)


def _way_s(volts: float, volts_per_s: float) -> float:
    """Return how long a voltage may be on its way."""
    return volts / volts_per_s if volts_per_s > 0 else math.inf


def _limited(command):
    """Return the fields of DC_Power_Parameters that a command reaches for, and how far."""
    return (
        ('maximum_voltage', command.target_voltage),
        ('maximum_charge_current', command.current_range_min),
        ('maximum_discharge_current', -command.current_range_max),
    )


def _kind(command):
    """Return what makes a command another one: a new set-point alone does not."""
    return command.power_function, command.lower_output_voltage, command.output_contactors


def _name(command):
    words = command.power_function.name.replace('_', ' ').capitalize()
    return f'{words} with Lowering' if command.lower_output_voltage else words


def _current(command):
    if command.current_range_min == command.current_range_max:
        return f'{command.current_range_max:.1f} A'
    return f'{command.current_range_min:.1f}..{command.current_range_max:.1f} A'
