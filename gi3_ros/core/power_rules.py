"""
The rules about power: what the charger measures, held against the command in force.

One :class:`PowerRules` judges one session, so nothing of it can be left over for the next.
"""

import collections
import dataclasses

from .findings import Lasting
from .signals import AdvanticsControllerStatus, DcPowerControl

State = AdvanticsControllerStatus.State
PowerFunction = DcPowerControl.PowerFunction

LOW_VOLTAGE_V = 20.0
"""R15."""
UNLOCKING_VOLTAGE_V = 10.0
"""R18: at more than this the controller does not unlock a CHAdeMO plug."""
TEST_VOLTAGE_REACHED = 0.9
"""Share of the test voltage from which the controller judges (R11)."""
_REMEMBERED_S = 1.0
"""What arrives is stamped, and may be this much older than what was sent meanwhile."""
_FLOATING = (PowerFunction.OFF, PowerFunction.STANDBY)
_KEYS_OF_FUNCTION = {
    PowerFunction.OFF: {'floating current'},
    PowerFunction.STANDBY: {'floating current', 'lowering', 'lowering at the end'},
    PowerFunction.INSULATION_TEST: {'test voltage', 'insulation'},
    PowerFunction.PRECHARGE: {'precharge current', 'precharge voltage'},
    PowerFunction.POWER_TRANSFER: {'voltage', 'current'},
}
"""Breaches that are over when another function begins."""


@dataclasses.dataclass(slots=True)
class _Setpoint:
    """A command and when it came into force."""

    since_s: float
    command: DcPowerControl


class PowerRules:
    """
    Judge what one charger does with the power in one session.

    Too much is always a breach. Too little is none from a charger that has said, or has to
    think, that power is over; see :meth:`excuse`.

    :param findings: the :class:`~.findings.Findings` that take the breaches
    :param is_chademo: no precharge and 5 A at the end (R46, R42)
    """

    def __init__(self, tolerances, findings, *, is_chademo=False):
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
        # Of the function in force:
        self._highest_target_v = 0.0
        self._test_since_s = None
        self._has_reached = False
        self._wanted_since_s = None
        self._able_since_s = None
        self._has_flowed = False
        # Of the end of the charge:
        self._ending_since_s = None
        self._closing_since_s = None
        self._contactors_opened = False

    # In

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
            '_function_since_s', '_emergency_since_s', '_test_since_s', '_wanted_since_s',
            '_able_since_s', '_ending_since_s', '_closing_since_s',
        ):
            if getattr(self, name) is not None:
                setattr(self, name, now_s)

    def see_state(self, state, now_s):
        """Take the controller's state."""
        if state != self._state:
            self._state = state
            if state == State.ENDING_CHARGE:
                self._ending_since_s = now_s
            elif state == State.CLOSING_COMMUNICATION:
                self._closing_since_s = now_s

    def see_emergency(self, now_s):
        """Take an Emergency_Stop; the first counts."""
        if self._emergency_since_s is None:
            self._emergency_since_s = now_s

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
            self._has_reached = False
        self._highest_target_v = max(self._highest_target_v, command.target_voltage)
        if self._wanted_since_s is None and (
                command.current_range_min > 0 or command.current_range_max < 0):
            self._wanted_since_s = now_s
        # Elsewhere they open for another reason, without waiting for the current; and a controller
        # that opens before its time does not make a charger late (R42).
        if self._state == State.ENDING_CHARGE and not command.output_contactors:
            waited_s = now_s - self._ending_since_s
            limits = self.tolerances
            self._contactors_opened |= waited_s >= limits.end_current_s - limits.crossing_s
        self._setpoints.append(_Setpoint(now_s, command))
        self._forget_setpoints(now_s)
        is_fresh = (
            self._status is not None
            and now_s - self._status_at_s <= self.tolerances.status_loss_s
        )
        if is_fresh and not self.is_emergency:
            self._check_end_current(self._status, now_s)

    def judge(self, status, *, silent_s, now_s):
        """
        Judge a Power_Modules_Status.

        :param silent_s: since when the controller has been silent
        """
        self._status, self._status_at_s = status, now_s
        if self.is_emergency:
            self._check_emergency_current(status, now_s)
            return
        if not self._setpoints:
            return
        command = self._setpoints[-1].command
        in_force_s = now_s - self._function_since_s
        function = command.power_function
        self._check_silence(command, status, silent_s, now_s)
        self._check_end_current(status, now_s)
        if function == PowerFunction.INSULATION_TEST:
            self._check_test_voltage(command, status, now_s)
            self._check_insulation(command, status, now_s)
        elif function == PowerFunction.PRECHARGE:
            self._check_precharge_current(command, status, now_s)
            self._check_precharge_voltage(command, status, in_force_s, now_s)
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
        for owner, keys in _KEYS_OF_FUNCTION.items():
            if owner != function and not (owner in _FLOATING and function in _FLOATING):
                self._findings.mend(*keys)
        self._lasting.forget()
        self._function_since_s = self._able_since_s = now_s
        self._highest_target_v = 0.0
        self._wanted_since_s = None
        self._has_reached = self._has_flowed = False

    # No power

    def _check_silence(self, command, status, silent_s, now_s):
        """R1: the charger cannot know that the command is still meant."""
        limits = self.tolerances
        if silent_s > limits.controller_timeout_s - limits.controller_jitter_s:
            self.excuse()
        is_late = silent_s > limits.controller_timeout_s + limits.silence_reaction_s
        current_a = status.present_current
        if self._findings.breaks(
                'silence', is_late and command.power_function not in _FLOATING
                and abs(current_a) > limits.off_current_a):
            self._findings.add(
                now_s, 'R1',
                f'{current_a:.1f} A although Advantics_Controller_Status is missing for '
                f'{silent_s:.1f} s', present_current_a=current_a, silent_s=silent_s)

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

    def _check_floating_current(self, command, status, in_force_s, now_s):
        limits = self.tolerances
        current_a = status.present_current
        # In the end of the charge R42 has the word.
        if self._findings.breaks(
                'floating current', self._ending_since_s is None
                and in_force_s > limits.off_current_s and abs(current_a) > limits.off_current_a):
            self._findings.add(
                now_s, 'R22' if command.power_function == PowerFunction.OFF else 'R21',
                f'{current_a:.1f} A after {in_force_s:.1f} s of {_name(command)}',
                present_current_a=current_a, in_force_s=in_force_s)

    def _check_lowering(self, command, status, in_force_s, now_s):
        """
        R15, for the lowering after the insulation test (L1).

        That at the end of a charge (L2) is not waited for, and some chargers must ignore it (R17).
        """
        if not (command.lower_output_voltage and command.output_contactors):
            return
        voltage_v = status.present_voltage
        if self._findings.breaks(
                'lowering', voltage_v > LOW_VOLTAGE_V and in_force_s > self.tolerances.lowering_s
                and not self.is_excused):
            self._findings.add(
                now_s, 'R15', f'{voltage_v:.1f} V after {in_force_s:.1f} s of Lowering, wanted '
                f'{LOW_VOLTAGE_V:.0f} V', present_voltage_v=voltage_v, in_force_s=in_force_s)

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
        if self._findings.breaks(
                'lowering at the end', voltage_v > UNLOCKING_VOLTAGE_V
                and closing_s > self.tolerances.lowering_s and not self.is_excused):
            self._findings.add(
                now_s, 'R18', f'{voltage_v:.1f} V after {closing_s:.1f} s of Lowering in '
                f'Closing_Communication, the plug is unlocked at {UNLOCKING_VOLTAGE_V:.0f} V',
                present_voltage_v=voltage_v, closing_s=closing_s)

    def _check_end_current(self, status, now_s):
        if self._ending_since_s is None:
            return
        limits = self.tolerances
        ending_s = now_s - self._ending_since_s
        current_a = status.present_current
        end_a = limits.chademo_end_current_a if self.is_chademo else limits.end_current_a
        is_over = self._contactors_opened or ending_s > limits.end_current_s
        if self._findings.breaks('end current', is_over and abs(current_a) > end_a):
            self._findings.add(
                now_s, 'R42', f'{current_a:.1f} A {ending_s:.1f} s into the end of the charge, '
                f'permitted {end_a:.0f} A', present_current_a=current_a, ending_s=ending_s)

    # Insulation test and precharge

    def _check_test_voltage(self, command, status, now_s):
        """R11: reach the test voltage and hold it."""
        limits = self.tolerances
        target_v, voltage_v = command.target_voltage, status.present_voltage
        in_force_s = now_s - self._test_since_s
        is_high_enough = voltage_v >= TEST_VOLTAGE_REACHED * target_v
        self._has_reached = self._has_reached or is_high_enough
        is_late = not self._has_reached and in_force_s > limits.test_rise_s
        sags_s = self._lasting.seconds('sag', self._has_reached and not is_high_enough, now_s)
        # Modules that only source cannot follow a target that falls.
        highest_v = self._highest_target_v + self._voltage_room(self._highest_target_v)
        above_s = self._lasting.seconds('above', voltage_v > highest_v, now_s)
        is_too_low = (is_late or sags_s > limits.test_sag_s) and not self.is_excused
        if self._findings.breaks('test voltage', is_too_low or above_s > limits.exceed_s):
            self._findings.add(
                now_s, 'R11', f'{voltage_v:.1f} V after {in_force_s:.1f} s of Insulation_Test at '
                f'{target_v:.1f} V', present_voltage_v=voltage_v, target_voltage_v=target_v,
                in_force_s=in_force_s)

    def _check_insulation(self, command, status, now_s):
        """R13; a value that is too low is the controller's to judge (R12, R14)."""
        is_missing = (
            status.present_voltage >= TEST_VOLTAGE_REACHED * command.target_voltage > 0
            and status.insulation_resistance <= 0
        )
        missing_s = self._lasting.seconds('insulation', is_missing, now_s)
        if self._findings.breaks('insulation', missing_s > self.tolerances.missing_insulation_s):
            self._findings.add(
                now_s, 'R13',
                'Insulation_Resistance stays 0 in the test: no value, or a short to earth',
                missing_s=missing_s)

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
        self._has_reached = (
            self._has_reached or abs(voltage_v - target_v) <= limits.precharge_window_v)
        is_late = not self._has_reached and in_force_s > limits.precharge_rise_s
        is_above = (
            voltage_v > self._highest_target_v + limits.precharge_window_v
            and in_force_s > limits.exceed_s
        )
        if self._findings.breaks(
                'precharge voltage', (is_late and not self.is_excused) or is_above):
            self._findings.add(
                now_s, 'R19',
                f'{voltage_v:.1f} V after {in_force_s:.1f} s of Precharge to {target_v:.1f} V',
                present_voltage_v=voltage_v, target_voltage_v=target_v, in_force_s=in_force_s)

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
        # A battery above the set-point is no breach, pushing current into it is.
        if self._findings.breaks(
                'voltage', voltage_v > highest_v and current_a > limits.current_a):
            self._findings.add(
                now_s, 'R29',
                f'{voltage_v:.1f} V with {current_a:.1f} A, set-point {target_v:.1f} V',
                present_voltage_v=voltage_v, present_current_a=current_a,
                target_voltage_v=target_v)

    def _check_transfer_current(self, status, now_s):
        """R24 of a target, R25 of a range."""
        current_a = status.present_current
        is_broken = self._exceeds(current_a, now_s) or (
            self._falls_short(current_a, status.present_voltage, now_s) and not self.is_excused)
        latest = self._setpoints[-1].command
        is_range = latest.setpoints_mode == DcPowerControl.SetpointsMode.RANGE_MODE
        if self._findings.breaks('current', is_broken):
            self._findings.add(
                now_s, 'R25' if is_range else 'R24',
                f'{current_a:.1f} A, {"range" if is_range else "set-point"} '
                f'{_current(latest)}', present_current_a=current_a,
                current_range_min_a=latest.current_range_min,
                current_range_max_a=latest.current_range_max)

    def _exceeds(self, current_a, now_s):
        """Tell whether it is further away from 0 A than permitted, or on the wrong side of it."""
        if self._is_near(self._setpoints[-1].command, current_a):
            return False
        recent = self._transfers_since(now_s - self.tolerances.exceed_s)
        top_a = max(0.0, *(command.current_range_max for command in recent))
        bottom_a = min(0.0, *(command.current_range_min for command in recent))
        return (
            current_a > top_a + self._current_room(top_a)
            or current_a < bottom_a - self._current_room(bottom_a)
        )

    def _falls_short(self, current_a, voltage_v, now_s):
        """Tell whether it is closer to 0 A than permitted, with no voltage that explains it."""
        limits = self.tolerances
        if self._is_raising(current_a, now_s):
            self._able_since_s = now_s
        if now_s - self._able_since_s <= limits.follow_s:
            return False
        if self._is_near(self._setpoints[-1].command, current_a):
            return False
        earlier = self._transfers_since(now_s - limits.follow_s)
        least_a = min(command.current_range_min for command in earlier)
        most_a = max(command.current_range_max for command in earlier)
        if least_a > 0:
            # R29: the voltage set-point limits as well.
            target_v = min(command.target_voltage for command in earlier)
            is_limited = voltage_v >= target_v - limits.voltage_v
            return current_a < least_a - self._current_room(least_a) and not is_limited
        if most_a < 0:
            is_limited = voltage_v < limits.discharge_from_v
            return current_a > most_a + self._current_room(most_a) and not is_limited
        return False

    def _is_raising(self, current_a, now_s):
        """Tell whether a CHAdeMO charger may still be on its way to the battery's voltage."""
        limits = self.tolerances
        self._has_flowed = self._has_flowed or abs(current_a) > limits.current_a
        if not self.is_chademo or self._has_flowed:
            return False
        # As long as no current is asked for there is no hurry.
        since_s = now_s if self._wanted_since_s is None else self._wanted_since_s
        return now_s - since_s <= limits.chademo_rise_s

    def _transfers_since(self, since_s):
        """Return the Power_Transfer commands in force at any time since then, at least one."""
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

    def _current_room(self, current_a):
        return max(self.tolerances.current_a, self.tolerances.current_share * abs(current_a))

    def _voltage_room(self, voltage_v):
        return max(self.tolerances.voltage_v, self.tolerances.voltage_share * voltage_v)


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
