"""
The rules about commands: DC_Power_Control, held against its form, its order and its moment.

One :class:`CommandRules` judges one session of one controller, so nothing of it can be left over
for the next. What the charger makes of the commands is judged in :mod:`.power_rules`.
"""

import collections
import math

from ..command import breach_of
from ..interface.signals import AdvanticsControllerStatus, DcPowerControl, NewChargeSession
from ..lasting import forget_before, Lasting
from .findings import HELD_S
from .power_rules import AFTER_LOOP, LOW_VOLTAGE_V, TEST_VOLTAGE_REACHED

State = AdvanticsControllerStatus.State
Function = DcPowerControl.PowerFunction
Mode = DcPowerControl.SetpointsMode
Protocol = NewChargeSession.CommunicationProtocol

INSULATION_OHM_PER_V = 100.0
"""R12, R14"""
POWERED = frozenset({Function.INSULATION_TEST, Function.PRECHARGE, Function.POWER_TRANSFER})
CHADEMO = frozenset({Protocol.CHADEMO_V0_9, Protocol.CHADEMO_V1_0_TO_V1_2, Protocol.CHADEMO_V2_0})
_CHARGE_ONLY = frozenset({
    Protocol.CHADEMO_V0_9,
    Protocol.CCS_DIN_70121_2012_V2, Protocol.CCS_ISO_15118_2010_V1,
    Protocol.CCS_ISO_15118_2013_V2,
})
"""Protocols without a range and without a way back (4.3)."""
_WRONG_MODE = {Function.INSULATION_TEST: Mode.RANGE_MODE, Function.PRECHARGE: Mode.TARGET_MODE}
_ROUNDING_V = 1.0
_OLD_S = 0.05
"""A reading may have been taken so long before it comes."""
_MEASURING_A = 0.5
"""What the vehicle measures may be so much less than what the charger reports."""


class CommandRules:
    """
    Judge the commands of one session.

    :param findings: the :class:`~.findings.Findings` that take the breaches
    :param announcement: the session's New_Charge_Session; ``None`` when its begin was not heard:
        then commands are judged one by one, not by what came before
    :param limits: deque of ``(since when, DC_Power_Parameters)``, to which others add
    """

    def __init__(self, tolerances, findings, announcement=None, limits=()):
        self.tolerances = tolerances
        self.is_chademo = (
            announcement is not None and announcement.communication_protocol in CHADEMO)
        self.insulation_ohm = 0.0
        """Largest Insulation_Resistance so far; 0 of a charger that does not report it (R13)."""
        self.has_tested = False
        self.command = None
        """The DC_Power_Control in force."""
        self._is_whole = announcement is not None
        self._protocol = announcement.communication_protocol if self._is_whole else None
        self._findings = findings
        self._lasting = Lasting()
        self._state = None
        self._command_at_s = None
        self._paced_from_s = None
        self._is_emergency = False
        self._is_spoilt = False
        """Whether a command that could not be read came since the last."""
        # Of the insulation test:
        self._test_v = 0.0
        self._test_ohms = collections.deque(maxlen=2)
        """The last one may have come after the controller had judged."""
        self._has_reached = False
        self._is_measured = False
        self._lowered_v = None
        """The lowest output since the power of the test was taken back."""
        # Of the transfer:
        self._is_started = False
        self._has_transferred = False
        self._has_connected = False
        """Whether a battery may be on the output: after a precharge or a transfer."""
        self._mode = None
        self._limits = limits
        # Of the end:
        self._was_ending = False
        self._is_stopped = False
        self._floating_since_s = None
        self._end_readings = collections.deque(maxlen=2)
        """``(time, magnitude in A)``."""
        self._held = []
        """What is a breach only if the session turns out to end in the regular way."""

    # In

    def last(self, now_s):
        """Return the command in force if it is of this moment."""
        is_fresh = self.command is not None and now_s - self._command_at_s < HELD_S
        return self.command if is_fresh else None

    @property
    def function(self):
        """Power_Function in force, ``None`` before the first command."""
        return None if self.command is None else self.command.power_function

    def see_state(self, state, now_s):
        """Take the controller's state, which it repeats every 100 ms."""
        if state != self._state:
            self._state = state
            if state == State.ENDING_CHARGE:
                self._was_ending = True
                self._see_floating(now_s)
        self._check_chademo_state(now_s)
        if self.command is not None:
            self._check_moment(self.command, now_s)

    def see_start(self, is_started):
        """Take a Charge_Status_Change; ``None`` is one that cannot be read."""
        self._is_started = is_started is not False
        self._is_stopped |= not is_started

    def see_spoilt(self, now_s):
        """Take a command that cannot be read: it came in time, and whatever follows may follow."""
        self._paced_from_s = now_s
        self._is_spoilt = True

    def see_emergency(self):
        """Take an Emergency_Stop: from now on only that there is no power counts (R38)."""
        self._is_emergency = True

    def see_status(self, status, now_s):
        """Take what the charger measures."""
        self.insulation_ohm = max(self.insulation_ohm, status.insulation_resistance)
        volts, command = status.present_voltage, self.command
        if volts <= LOW_VOLTAGE_V + _ROUNDING_V:
            self._findings.drop('lowered')
        if self._lowered_v is not None:
            self._lowered_v = min(volts, self._lowered_v)
        if self._floating_since_s is not None and now_s - self._floating_since_s > _OLD_S:
            self._end_readings.append((now_s, abs(status.present_current)))
        # The last commands of a test may have a target of 0 V: nothing is measured then.
        if self.function == Function.INSULATION_TEST and command.target_voltage > 0:
            self._is_measured = True
            if volts >= TEST_VOLTAGE_REACHED * command.target_voltage:
                self._has_reached = True
                self._test_v = max(self._test_v, command.target_voltage)
                self._test_ohms.append(status.insulation_resistance)

    def tear(self, now_s):
        """Take it that something may have been missed until now."""
        self._is_whole = False
        self._lowered_v = None
        self._paced_from_s = now_s
        self._lasting.forget()

    def see_command(self, command, now_s):
        """Take a DC_Power_Control; one that is repeated says nothing new."""
        before, self.command = self.command, command
        self._command_at_s = self._paced_from_s = now_s
        is_known = not self._is_spoilt
        self._is_spoilt = False
        self._check_limits(command, now_s)
        if command == before:
            return
        self._see_floating(now_s)
        if command.power_function in POWERED:
            # Who goes on has not ended.
            self._held.clear()
            self._has_connected |= command.power_function != Function.INSULATION_TEST
        self._check_form(command, now_s)
        self._check_mode(command, now_s)
        self._check_protocol(command, now_s)
        if self._is_whole and not self._is_emergency:
            self._check_order(before, command, now_s, is_known)
            self._check_opening(before, command, now_s)

    def _see_floating(self, now_s):
        """R41: the end begins with the first Standby in Ending_Charge."""
        if (self._floating_since_s is None and self._state == State.ENDING_CHARGE
                and self.command is not None and self.function not in POWERED):
            self._floating_since_s = now_s
            self._end_readings.clear()

    def see_end(self, is_clean, now_s):
        """
        Take Charge_Session_Finished: a clean end has gone through all steps (R41, A26).

        Who breaks off may leave out what he likes.
        """
        held, self._held = self._held, []
        if not is_clean:
            return
        for time_s, key, rule, text, values in held:
            if self._findings.breaks(key, True):
                self._findings.add(time_s, rule, text, **values)
        if not self._has_transferred:
            return
        missing = [words for words, is_missing in (
            ('State Ending_Charge', not self._was_ending),
            ('Charge_Status_Change = Charge_Stopped', not self._is_stopped),
            ('open contactors',
             self.function not in POWERED and bool(self.command.output_contactors)),
        ) if is_missing]
        if missing:
            self._findings.add(
                now_s, 'R41', f'Clean_Stop after a charge, without {" and ".join(missing)}')

    def tick(self, now_s):
        """Look for what should have come by now."""
        self._check_pace(now_s)
        self._findings.release(now_s)

    # One command

    def _check_form(self, command, now_s):
        breach = breach_of(command)
        # One key for all, so that a controller that insists on one is found once.
        if breach is None:
            self._findings.mend('form')
        else:
            if self._findings.breaks('form', True):
                self._findings.add(now_s, breach.rule, breach.text)

    def _check_mode(self, command, now_s):
        """R27: each function has its mode, and a transfer keeps its own."""
        function, mode = command.power_function, command.setpoints_mode
        if self._findings.breaks(
                'precharge', function == Function.PRECHARGE and command.current_range_min != 0
                and 0 <= command.current_range_max >= command.current_range_min):
            self._findings.add(
                now_s, 'R19',
                f'Precharge with a Current_Range_Min of {command.current_range_min:g} A, it is 0',
                current_range_min_a=command.current_range_min)
        is_wrong = _WRONG_MODE.get(function) == mode
        if function == Function.POWER_TRANSFER:
            is_wrong = self._mode not in (None, mode)
            self._mode = mode
        elif function != Function.STANDBY:
            self._mode = None
        if self._findings.breaks('mode', is_wrong):
            self._findings.add(
                now_s, 'R27', f'the mode of a running transfer changes to {_mode(mode)}'
                if function == Function.POWER_TRANSFER else
                f'{function_name(function)} in {_mode(mode)}')

    def _check_protocol(self, command, now_s):
        """R24, R46: what the protocol does not know cannot be commanded."""
        function = command.power_function
        if self._findings.breaks(
                'precharge of CHAdeMO', self.is_chademo and function == Function.PRECHARGE):
            self._findings.add(now_s, 'R46', 'Precharge in a CHAdeMO session')
        if self._protocol not in _CHARGE_ONLY:
            return
        is_beyond = (
            command.setpoints_mode == Mode.RANGE_MODE or command.current_range_min < 0)
        if self._findings.breaks('protocol', function == Function.POWER_TRANSFER and is_beyond):
            self._findings.add(
                now_s, 'R24',
                f'{_mode(command.setpoints_mode)} with {command.current_range_min:g} .. '
                f'{command.current_range_max:g} A: '
                f'{NewChargeSession.SIGNALS[0].labels[self._protocol]} has neither a range nor '
                'discharging', current_range_min_a=command.current_range_min,
                current_range_max_a=command.current_range_max)

    # One after the other

    def _check_order(self, before, command, now_s, is_known):
        function = command.power_function
        last = None if before is None else before.power_function
        # A11: later texts have a plain Standby in place of Lowering.
        is_lowering = command.lower_output_voltage or (
            last == Function.INSULATION_TEST and function not in POWERED)
        if is_lowering and not self._has_transferred and self._lowered_v is None:
            self._lowered_v = math.inf
        if function not in POWERED or function == last:
            return
        self._check_lowered(function, now_s)
        rule = 'R22'
        if function == Function.INSULATION_TEST:
            rule = 'R10'
        elif last == Function.INSULATION_TEST:
            rule = 'R16'
        elif last == Function.PRECHARGE:
            rule = 'R20'
        self._findings.mend('order')
        if self._findings.breaks('order', is_known and last != Function.STANDBY):
            self._findings.add(
                now_s, rule, f'{function_name(function)} straight after {function_name(last)}, '
                'without Standby')
        if function == Function.INSULATION_TEST:
            self.has_tested = True
            self._has_reached = self._is_measured = False
            self._test_v = 0.0
            self._test_ohms.clear()
        elif not self._has_transferred and self.has_tested:
            self._check_test_passed(now_s)
        if function == Function.POWER_TRANSFER:
            self._has_transferred = True

    def _check_test_passed(self, now_s):
        """R11, R12: going on says that the insulation is good."""
        if not self._is_measured:
            return
        if not self._has_reached:
            if self._findings.breaks('test', True):
                self._findings.add(
                    now_s, 'R11', 'the insulation was judged below '
                    f'{TEST_VOLTAGE_REACHED:.0%} of the test voltage')
            return
        needed_ohm, ohm = INSULATION_OHM_PER_V * self._test_v, max(self._test_ohms)
        # A monitor that the controller reads itself leaves the field at 0 (R13).
        is_bad = self.insulation_ohm > 0 and ohm < needed_ohm
        if self._findings.breaks('test', is_bad):
            self._findings.add(
                now_s, 'R12', f'goes on with {ohm / 1e3:.0f} kOhm at {self._test_v:.0f} V, '
                f'needed are {needed_ohm / 1e3:.0f} kOhm', insulation_resistance_ohm=ohm,
                needed_ohm=needed_ohm)

    def _check_lowered(self, function, now_s):
        """
        R16: before a battery is connected the controller waits for a low output.

        Only going on to power tells that it has not waited: a session that is given up leaves
        Lowering, too.
        """
        volts, self._lowered_v = self._lowered_v, None
        is_known = volts is not None and math.isfinite(volts)
        goes_on = function != Function.INSULATION_TEST
        if self._findings.breaks(
                'lowered', is_known and goes_on and volts > LOW_VOLTAGE_V + _ROUNDING_V):
            self._findings.hold(
                'lowered', now_s, 'R16',
                f'goes on with {volts:.1f} V on the output after the insulation test, it has to '
                f'wait for {LOW_VOLTAGE_V:.0f} V', present_voltage_v=volts)

    def _check_opening(self, before, command, now_s):
        """R41, R42: first the current, then the contactors."""
        is_opening = (
            before is not None and before.output_contactors and not command.output_contactors)
        # The state may come after the command.
        if not is_opening or self._state not in (State.CHARGING, State.ENDING_CHARGE):
            return
        if before.power_function in POWERED:
            self._held.append((
                now_s, 'first step', 'R41', 'the contactors open straight out of '
                f'{function_name(before.power_function)}: first comes Standby with closed ones',
                {}))
            return
        limits = self.tolerances
        end_a = limits.chademo_end_current_a if self.is_chademo else limits.end_current_a
        current_a = self._current_at(now_s)
        # After its bounded wait the controller opens all the same (A10).
        is_early = self._floating_since_s is not None and (
            now_s - self._floating_since_s < limits.end_current_s - limits.crossing_s)
        if is_early and current_a > end_a + _MEASURING_A:
            self._held.append((
                now_s, 'opening', 'R42',
                f'the contactors open at {current_a:.1f} A, permitted {end_a:.0f} A',
                {'present_current_a': current_a}))

    def _current_at(self, now_s):
        """
        Return what is left of the current in A by the last two readings, 0 when nobody knows.

        A reading is of some time ago, and the vehicle measures, too: where the current is falling
        it has fallen further by now.
        """
        if len(self._end_readings) < 2:
            return 0.0
        (first_s, first_a), (last_s, last_a) = self._end_readings
        if now_s - last_s > self.tolerances.status_loss_s or last_s <= first_s:
            return 0.0
        fall_a_per_s = max(0.0, (first_a - last_a) / (last_s - first_s))
        return last_a - fall_a_per_s * (now_s - last_s)

    # What is in force, at every status of the controller

    def _check_moment(self, command, now_s):
        limits, function = self.tolerances, command.power_function
        is_transfer = function == Function.POWER_TRANSFER
        ending_s = self._lasting.seconds(
            'ending', self._state in AFTER_LOOP and function in POWERED
            and not self._is_emergency, now_s)
        if self._findings.breaks('power at the end', ending_s > limits.reaction_s):
            self._findings.add(
                now_s, 'R41',
                f'{function_name(function)} is commanded {ending_s:.1f} s into the end of '
                'the charge')
        not_started_s = self._lasting.seconds(
            'not started', is_transfer and self._is_whole and not self._is_started
            and self._state not in AFTER_LOOP, now_s)
        if self._findings.breaks('start', not_started_s > limits.crossing_s):
            self._findings.add(
                now_s, 'R48', 'Power_Transfer without Charge_Status_Change = Charge_Started')
        self._check_lowering(command, now_s)

    def _check_lowering(self, command, now_s):
        """R16: closed contactors before the battery is connected, open ones afterwards."""
        is_late = self._has_connected or (self._state in AFTER_LOOP and not self._is_whole)
        is_closed = bool(command.output_contactors)
        # A session that is given up on the way is in neither place.
        is_wrong = is_closed if is_late else (
            not is_closed and self.has_tested and self._state not in AFTER_LOOP)
        wrong_s = self._lasting.seconds(
            'lowering', bool(command.lower_output_voltage) and is_wrong
            and not self._is_emergency, now_s)
        if self._findings.breaks(
                'contactors while lowering', wrong_s > self.tolerances.crossing_s):
            self._findings.add(
                now_s, 'R16',
                'Lowering with closed contactors although the battery may be behind them'
                if is_late else 'Lowering after the insulation test with open contactors')

    def _check_limits(self, command, now_s):
        """
        R33, A44: the charger's limits hold for the commands as well; 0 tells nothing.

        Only a command that came after the time to obey counts: one in force may be a minute old
        (R26).
        """
        limits = self._limits
        forget_before(now_s - self.tolerances.limits_s, limits)
        if (not limits or now_s - limits[0][0] <= self.tolerances.limits_s
                or self._is_emergency):
            return
        # Of those that were in force in the time to obey, the widest.
        most_a = max([told.maximum_charge_current or math.inf for _, told in limits])
        least_a = -max([told.maximum_discharge_current or math.inf for _, told in limits])
        most_v = max([told.maximum_voltage or math.inf for _, told in limits])
        function, room_a = command.power_function, self.tolerances.current_a
        is_over = function == Function.POWER_TRANSFER and (
            command.current_range_max > most_a + room_a
            or command.current_range_min < least_a - room_a)
        if self._findings.breaks('limits', is_over):
            permitted = ' and '.join(
                f'{amperes:g} A of {way}' for amperes, way in (
                    (most_a, 'charging'), (-least_a, 'discharging')) if amperes < math.inf)
            self._findings.add(
                now_s, 'R33',
                f'{command.current_range_min:g} .. {command.current_range_max:g} A are '
                f'commanded, DC_Power_Parameters permit {permitted}',
                current_range_min_a=command.current_range_min,
                current_range_max_a=command.current_range_max)
        is_over_v = function == Function.INSULATION_TEST and (
            command.target_voltage > most_v + _ROUNDING_V)
        if self._findings.breaks('voltage limit', is_over_v):
            self._findings.add(
                now_s, 'R33',
                f'a test at {command.target_voltage:g} V is commanded, DC_Power_Parameters permit '
                f'{most_v:g} V', target_voltage_v=command.target_voltage)

    def _check_chademo_state(self, now_s):
        if self._findings.breaks(
                'state of CHAdeMO', self.is_chademo and self._state == State.PRECHARGE):
            self._findings.add(now_s, 'R46', 'State Precharge in a CHAdeMO session')

    def _check_pace(self, now_s):
        """R26: how long a vehicle may be without a word in the transfer."""
        if (self.function != Function.POWER_TRANSFER or self._state != State.CHARGING
                or self._is_emergency):
            return
        limits, silent_s = self.tolerances, now_s - self._paced_from_s
        # It waits for so long for the vehicle, and gives up then.
        longest_s = (limits.chademo_silence_of_commands_s if self.is_chademo
                     else limits.silence_of_commands_s + limits.reaction_s)
        if self._findings.breaks('pace', silent_s > longest_s):
            self._findings.add(
                now_s, 'R26', f'no DC_Power_Control for {silent_s:.1f} s in the transfer',
                silent_s=silent_s)


def is_chademo(announcement):
    """Tell whether a New_Charge_Session is one of CHAdeMO."""
    return (
        announcement.communication_protocol in CHADEMO
        or announcement.plug_and_pins == NewChargeSession.PlugAndPins.CHADEMO)


def function_name(function):
    """Spell a function as the vendor does."""
    if function is None:
        return 'nothing'
    return '_'.join(word.capitalize() for word in Function(function).name.split('_'))


def _mode(mode):
    return 'Range_Mode' if mode == Mode.RANGE_MODE else 'Target_Mode'
