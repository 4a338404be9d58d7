"""
The rules that bind the customer side, held against what it really sends.

:class:`CustomerRules` is fed with the messages of both directions and names each breach once,
with the number of the rule in docs/interface.md, the time and the values. A breach that lasts is
one finding; it can be found again after it has been mended. It never touches the session.
"""

import collections
import dataclasses

from .controller_watch import IDLE_STATES
from .signals import (
    AdvanticsControllerStatus,
    ChargeSessionFinished,
    DcPowerControl,
    DcPowerParameters,
    EmergencyStop,
    NewChargeSession,
    PowerModulesStatus,
    SequenceControl,
)

State = AdvanticsControllerStatus.State
PowerFunction = DcPowerControl.PowerFunction
SystemEnable = PowerModulesStatus.SystemEnable

LOW_VOLTAGE_V = 20.0
"""R15."""
TEST_VOLTAGE_REACHED = 0.9
"""Share of the test voltage from which the controller judges (R11)."""
_FLOATING = (PowerFunction.OFF, PowerFunction.STANDBY)
_KEYS_OF_FUNCTION = {
    PowerFunction.OFF: {'floating current'},
    PowerFunction.STANDBY: {'floating current', 'lowering'},
    PowerFunction.INSULATION_TEST: {'test voltage', 'insulation'},
    PowerFunction.PRECHARGE: {'precharge current', 'precharge voltage'},
    PowerFunction.POWER_TRANSFER: {'voltage', 'current'},
}
"""Breaches that are over when another function begins."""


@dataclasses.dataclass(frozen=True)
class Tolerances:
    """
    How far a good charger may be off.

    The limits of the protocol are R-numbers; what is added to them here is room for ramps,
    measuring and a busy machine.
    """

    status_gap_s: float = 0.25
    """Largest distance between two Power_Modules_Status; nominal 0.1 s (R2)."""
    status_loss_s: float = 0.5
    """Longer silence is a loss, as in the controller (R3)."""
    first_status_s: float = 2.0
    """From the first New_Charge_Session to the first Power_Modules_Status (R2)."""
    parameters_spacing_s: float = 0.1
    """R4."""
    parameters_jitter_s: float = 0.01
    """Arrival may be closer than sending was."""
    test_rise_s: float = 5.0
    """From the first Insulation_Test command to 90 % of the voltage (R11)."""
    missing_insulation_s: float = 2.0
    """How long the insulation may read 0 at test voltage (R13)."""
    lowering_s: float = 5.0
    """From the first Lowering command to 20 V (R15)."""
    precharge_rise_s: float = 5.0
    precharge_window_v: float = 20.0
    """R19."""
    precharge_floor_a: float = 3.0
    """Chargers may use this much when the vehicle asks for less (A13)."""
    precharge_over_s: float = 0.2
    """Charging capacitors may take more for this long."""
    off_current_a: float = 1.0
    off_current_s: float = 0.5
    """R21, R38: from the command to no current."""
    exceed_s: float = 1.0
    """A set-point counts this long after it was replaced by a lower one (R24, R29)."""
    follow_s: float = 3.0
    """Room for the charger's own ramp upwards (R24, R28)."""
    current_a: float = 1.0
    current_share: float = 0.02
    voltage_v: float = 10.0
    voltage_share: float = 0.02
    """Current and voltage: whichever of the absolute value and the share is larger."""
    end_current_a: float = 1.0
    end_current_s: float = 3.0
    """R42, A10."""


@dataclasses.dataclass(frozen=True, slots=True)
class Finding:
    """One breach of a rule."""

    time_s: float
    rule: str
    """Number in docs/interface.md, such as ``'R21'``."""
    text: str
    values: dict
    who: str = 'customer'


@dataclasses.dataclass(frozen=True, slots=True)
class _Setpoint:
    """A command and when it came into force."""

    since_s: float
    command: DcPowerControl


class CustomerRules:
    """
    Judge one customer controller.

    ``receive`` and ``tick`` return the new findings. Arrival times may run a little behind the
    times of ``tick``.
    """

    def __init__(self, tolerances=None):
        self.tolerances = tolerances or Tolerances()
        self._new = []
        self._broken = set()
        self._state = None
        self._emergency_since_s = None
        self._status = None
        self._status_at_s = None
        self._parameters_at_s = None
        self._flags = SequenceControl()
        self._start_session(None)

    def _start_session(self, now_s):
        self._session_since_s = now_s
        self._session_status_at_s = None
        self._was_enabled = False
        self._setpoints = collections.deque()
        self._function_since_s = None
        self._reached_test_voltage = False
        self._no_insulation_since_s = None
        self._precharge_over_since_s = None
        self._reached_precharge = False
        self._lowered = False
        self._ending_since_s = None
        self._contactors_opened = False

    # In

    def receive(self, message, *, now_s, undefined=(), unassigned_bits=0):
        """
        Take a message of either direction.

        :param undefined: as in ``codec.Received``; such a message is judged for nothing else
        :param unassigned_bits: as in ``codec.Received``
        :returns: list of new findings
        """
        name = message.NAME
        if not message.FROM_CONTROLLER:
            self._check(
                f'bits {name}', unassigned_bits != 0, now_s, 'R52',
                f'unassigned bits set in {name}', unassigned_bits=unassigned_bits)
            # The only labelled field of the customer side with room for other numbers.
            self._check(
                f'labels {name}', bool(undefined), now_s, 'R6',
                f'undefined value in {name}: {", ".join(undefined)}')
        handle = _HANDLERS.get(type(message))
        if handle is not None and not undefined:
            handle(self, message, now_s)
        return self._take()

    def tick(self, *, now_s):
        """Look for what should have come by now; return the new findings."""
        limits = self.tolerances
        if self._session_since_s is not None:
            last_s = self._session_status_at_s
            if last_s is None:
                waited_s = now_s - self._session_since_s
                self._check(
                    'first status', waited_s > limits.first_status_s, now_s, 'R2',
                    f'no Power_Modules_Status {waited_s:.1f} s after New_Charge_Session',
                    waited_s=waited_s)
            else:
                silent_s = now_s - last_s
                self._check(
                    'status lost', silent_s > limits.status_loss_s, now_s, 'R3',
                    f'Power_Modules_Status lost: silent for {1000 * silent_s:.0f} ms',
                    silent_s=silent_s)
        return self._take()

    # From the controller

    def _on_controller_status(self, message, now_s):
        before, self._state = self._state, message.state
        if message.state in IDLE_STATES:
            self._emergency_since_s = None
            if before not in IDLE_STATES:
                self._start_session(None)
        if message.state == State.NEGOTIATING_CONNECTION and before != message.state:
            self._check_buttons_released(now_s)
        if message.state == State.ENDING_CHARGE and before != message.state:
            self._ending_since_s = now_s

    def _on_new_charge_session(self, message, now_s):
        if self._session_since_s is None:
            self._start_session(now_s)
            self._broken.clear()

    def _on_finished(self, message, now_s):
        # R40: from here on the modules may be silent.
        self._session_since_s = None
        self._broken.discard('status lost')

    def _on_emergency(self, message, now_s):
        if self._emergency_since_s is None:
            self._emergency_since_s = now_s

    def _on_power_control(self, command, now_s):
        setpoints = self._setpoints
        before = setpoints[-1].command if setpoints else None
        if command == before:
            return
        if before is None or _kind(command) != _kind(before):
            self._function_since_s = now_s
            self._start_function(command)
        if (
            before is not None
            and self._ending_since_s is not None
            and not command.output_contactors
        ):
            self._contactors_opened = True
        setpoints.append(_Setpoint(now_s, command))
        is_fresh = (
            self._status is not None
            and now_s - self._status_at_s <= self.tolerances.status_loss_s
        )
        if is_fresh and self._emergency_since_s is None:
            self._check_end_current(self._status, now_s)

    def _start_function(self, command):
        function = command.power_function
        for owner, keys in _KEYS_OF_FUNCTION.items():
            if owner != function and not (owner in _FLOATING and function in _FLOATING):
                self._broken -= keys
        if function == PowerFunction.INSULATION_TEST:
            self._reached_test_voltage = False
            self._no_insulation_since_s = None
        elif function == PowerFunction.PRECHARGE:
            self._reached_precharge = False
            self._precharge_over_since_s = None
        elif command.lower_output_voltage:
            self._lowered = False

    # From the charger

    def _on_status(self, status, now_s):
        self._check_gap(now_s)
        self._check_withdrawal(status, now_s)
        self._status = status
        self._status_at_s = now_s
        if self._session_since_s is not None:
            self._session_status_at_s = now_s
        if not self._setpoints:
            return
        command = self._setpoints[-1].command
        in_force_s = now_s - self._function_since_s
        function = command.power_function
        if self._emergency_since_s is not None:
            self._check_emergency_current(status, now_s)
            return
        self._check_end_current(status, now_s)
        if function == PowerFunction.INSULATION_TEST:
            self._check_insulation_test(command, status, in_force_s, now_s)
        elif function == PowerFunction.PRECHARGE:
            self._check_precharge(command, status, in_force_s, now_s)
        elif function == PowerFunction.POWER_TRANSFER:
            self._check_transfer(status, now_s)
        elif function in _FLOATING:
            self._check_floating(command, status, in_force_s, now_s)

    def _on_parameters(self, message, now_s):
        limits = self.tolerances
        if self._parameters_at_s is not None:
            distance_s = now_s - self._parameters_at_s
            is_close = distance_s < limits.parameters_spacing_s - limits.parameters_jitter_s
            self._check(
                'parameters', is_close, now_s, 'R4',
                f'DC_Power_Parameters {1000 * distance_s:.0f} ms after the one before, '
                f'permitted {1000 * limits.parameters_spacing_s:.0f} ms',
                distance_s=distance_s)
        self._parameters_at_s = now_s

    def _on_flags(self, flags, now_s):
        self._flags = flags

    # The rules

    def _check_buttons_released(self, now_s):
        for name, pressed in (
            ('User_Stop_Button', self._flags.user_stop_button),
            ('CHAdeMO_Start_Button', self._flags.chademo_start_button),
        ):
            self._check(
                name, bool(pressed), now_s, 'R39',
                f'{name} is still pressed when a session begins: it cannot act in it')

    def _check_gap(self, now_s):
        limits = self.tolerances
        if self._session_status_at_s is None or self._session_since_s is None:
            return
        gap_s = now_s - self._session_status_at_s
        # A longer silence was reported as a loss when it reached the loss time.
        self._check(
            'status gap', limits.status_gap_s < gap_s <= limits.status_loss_s, now_s, 'R2',
            f'Power_Modules_Status {1000 * gap_s:.0f} ms after the one before, nominal 100 ms',
            gap_s=gap_s)
        self._check('status lost', False, now_s, 'R3', '')

    def _check_withdrawal(self, status, now_s):
        is_enabled = status.system_enable == SystemEnable.ALLOWED
        if self._session_since_s is not None and is_enabled:
            self._was_enabled = True
        is_loop = self._state == State.CHARGING and self._emergency_since_s is None
        self._check(
            'withdrawal', is_loop and self._was_enabled and not is_enabled, now_s, 'R8',
            'System_Enable withdrawn in the charging loop: an emergency by the charger')

    def _check_insulation_test(self, command, status, in_force_s, now_s):
        limits = self.tolerances
        target_v = command.target_voltage
        has_risen = status.present_voltage >= TEST_VOLTAGE_REACHED * target_v
        self._reached_test_voltage = self._reached_test_voltage or has_risen
        self._check(
            'test voltage',
            not self._reached_test_voltage and in_force_s > limits.test_rise_s, now_s, 'R11',
            f'{status.present_voltage:.1f} V after {in_force_s:.1f} s of Insulation_Test at '
            f'{target_v:.1f} V', present_voltage_v=status.present_voltage,
            target_voltage_v=target_v)
        if not has_risen or status.insulation_resistance > 0:
            self._no_insulation_since_s = None
        elif self._no_insulation_since_s is None:
            self._no_insulation_since_s = now_s
        missing_s = 0.0
        if self._no_insulation_since_s is not None:
            missing_s = now_s - self._no_insulation_since_s
        self._check(
            'insulation', missing_s > limits.missing_insulation_s, now_s, 'R13',
            'Insulation_Resistance stays 0 in the test: no value, or a short to earth',
            missing_s=missing_s)

    def _check_precharge(self, command, status, in_force_s, now_s):
        limits = self.tolerances
        cap_a = max(command.current_range_max, limits.precharge_floor_a) + limits.current_a
        if abs(status.present_current) <= cap_a:
            self._precharge_over_since_s = None
        elif self._precharge_over_since_s is None:
            self._precharge_over_since_s = now_s
        over_s = 0.0
        if self._precharge_over_since_s is not None:
            over_s = now_s - self._precharge_over_since_s
        self._check(
            'precharge current', over_s > limits.precharge_over_s, now_s, 'R19',
            f'{status.present_current:.1f} A in Precharge, cap '
            f'{command.current_range_max:.1f} A',
            present_current_a=status.present_current, cap_a=command.current_range_max)
        off_v = status.present_voltage - command.target_voltage
        self._reached_precharge = (
            self._reached_precharge or abs(off_v) <= limits.precharge_window_v)
        is_above = off_v > limits.precharge_window_v and in_force_s > limits.exceed_s
        is_late = not self._reached_precharge and in_force_s > limits.precharge_rise_s
        self._check(
            'precharge voltage', is_late or is_above, now_s, 'R19',
            f'{status.present_voltage:.1f} V after {in_force_s:.1f} s of Precharge to '
            f'{command.target_voltage:.1f} V', present_voltage_v=status.present_voltage,
            target_voltage_v=command.target_voltage)

    def _check_floating(self, command, status, in_force_s, now_s):
        limits = self.tolerances
        # In the end of the charge R42 has the word.
        is_ending = self._ending_since_s is not None
        current_a = status.present_current
        self._check(
            'floating current',
            not is_ending and in_force_s > limits.off_current_s
            and abs(current_a) > limits.off_current_a, now_s, 'R21',
            f'{current_a:.1f} A after {in_force_s:.1f} s of {_name(command)}',
            present_current_a=current_a)
        if not (command.lower_output_voltage and command.output_contactors):
            # L2 and L3 are not waited for, and some chargers have to ignore L2 (R17).
            return
        self._lowered = self._lowered or status.present_voltage <= LOW_VOLTAGE_V
        self._check(
            'lowering', not self._lowered and in_force_s > limits.lowering_s, now_s, 'R15',
            f'{status.present_voltage:.1f} V after {in_force_s:.1f} s of Lowering, wanted 20 V',
            present_voltage_v=status.present_voltage)

    def _check_transfer(self, status, now_s):
        """Compare with the hull of the set-points of the last moments: ramps and steps count."""
        limits = self.tolerances
        recent = self._setpoints_since(now_s - limits.exceed_s)
        earlier = self._setpoints_since(now_s - limits.follow_s)
        current_a, voltage_v = status.present_current, status.present_voltage
        target_v = max(command.target_voltage for command in recent)
        highest_v = target_v + max(limits.voltage_v, limits.voltage_share * target_v)
        # A battery above the set-point is no breach, pushing current into it is.
        self._check(
            'voltage', voltage_v > highest_v and current_a > limits.current_a, now_s, 'R29',
            f'{voltage_v:.1f} V with {current_a:.1f} A, set-point {target_v:.1f} V',
            present_voltage_v=voltage_v, target_voltage_v=target_v)
        # Upwards and downwards in the sense of magnitude: away from 0 A is exceeding.
        top_a = max(0.0, *(command.current_range_max for command in recent))
        bottom_a = min(0.0, *(command.current_range_min for command in recent))
        exceeds = (
            current_a > top_a + self._current_room(top_a)
            or current_a < bottom_a - self._current_room(bottom_a)
        )
        # Towards 0 A is falling short, and slow ramps and the voltage limit are permitted.
        least_a = min(command.current_range_min for command in earlier)
        most_a = max(command.current_range_max for command in earlier)
        is_low = current_a < least_a - self._current_room(least_a)
        is_voltage_limited = voltage_v >= target_v - limits.voltage_v
        falls_short = (
            (is_low and not is_voltage_limited)
            or current_a > most_a + self._current_room(most_a)
        )
        latest = self._setpoints[-1].command
        self._check(
            'current', exceeds or falls_short, now_s, 'R24',
            f'{current_a:.1f} A, set-point {_current(latest)}',
            present_current_a=current_a, current_range_min_a=latest.current_range_min,
            current_range_max_a=latest.current_range_max)

    def _current_room(self, current_a):
        return max(self.tolerances.current_a, self.tolerances.current_share * abs(current_a))

    def _setpoints_since(self, since_s):
        """Return the commands that were in force since then; forget much older ones."""
        oldest_s = since_s - self.tolerances.follow_s
        while len(self._setpoints) > 1 and self._setpoints[1].since_s < oldest_s:
            self._setpoints.popleft()
        commands = []
        for setpoint in reversed(self._setpoints):
            commands.append(setpoint.command)
            if setpoint.since_s <= since_s:
                break
        return commands

    def _check_end_current(self, status, now_s):
        if self._ending_since_s is None:
            return
        limits = self.tolerances
        ending_s = now_s - self._ending_since_s
        current_a = status.present_current
        is_over = self._contactors_opened or ending_s > limits.end_current_s
        self._check(
            'end current', is_over and abs(current_a) > limits.end_current_a, now_s, 'R42',
            f'{current_a:.1f} A {ending_s:.1f} s into the end of the charge, permitted 1 A',
            present_current_a=current_a, ending_s=ending_s)

    def _check_emergency_current(self, status, now_s):
        limits = self.tolerances
        since_s = now_s - self._emergency_since_s
        self._check(
            'emergency current',
            since_s > limits.off_current_s
            and abs(status.present_current) > limits.off_current_a, now_s, 'R38',
            f'{status.present_current:.1f} A {since_s:.1f} s after Emergency_Stop',
            present_current_a=status.present_current)

    # Findings

    def _check(self, key, is_broken, now_s, rule, text, **values):
        """Report what has just been broken; what stays broken was reported."""
        if not is_broken:
            self._broken.discard(key)
        elif key not in self._broken:
            self._broken.add(key)
            self._new.append(Finding(now_s, rule, text, values))

    def _take(self):
        new, self._new = self._new, []
        return new


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
