# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""DC_Power_Control: its form, its mode, its order and its pace (R10, R16, R20, R22, R24..R27)."""

from ..command import breach_of
from ..interface.signals import DcPowerControl, NewChargeSession
from .facts import Facts
from .findings import Findings
from .kinds import CommandRule
from .session import function_name, POWERED
from .states import State
from .tolerances import Tolerances

Function = DcPowerControl.PowerFunction
Mode = DcPowerControl.SetpointsMode
Protocol = NewChargeSession.CommunicationProtocol

_CHARGE_ONLY = frozenset({
    Protocol.CHADEMO_V0_9,
    Protocol.CCS_DIN_70121_2012_V2, Protocol.CCS_ISO_15118_2010_V1,
    Protocol.CCS_ISO_15118_2013_V2,
})
"""Protocols without a range and without a way back (4.3)."""
_WRONG_MODE: dict[int, int] = {
    Function.INSULATION_TEST: Mode.RANGE_MODE, Function.PRECHARGE: Mode.TARGET_MODE}


class WellFormed(CommandRule):
    """What :func:`~gi3_ros.core.command.breach_of` says; who insists on one is found once."""

    sentences = (
        ('R15', 'Lowering only with Standby and zeros'),
        ('R19', 'no negative cap'),
        ('R21', 'no set-points in Standby'),
        ('R22', 'no set-points in Off'),
        ('R24', 'one target'),
        ('R25', 'the ends of the range are in order'),
        ('A38', 'no Target_Voltage above 1500 V'),
    )

    def on_new_command(self, command: DcPowerControl, now_s: float) -> None:
        breach = breach_of(command)
        if breach is None:
            self.mend()
        elif self.breaks(True):
            self.find(now_s, breach.text, breach.rule)


class PrechargeFromZero(CommandRule):
    """R19: the cap of the vehicle is the upper end of the range, 0 the lower one."""

    number = 'R19'
    sentence = 'a least current of 0'

    def on_new_command(self, command: DcPowerControl, now_s: float) -> None:
        low_a, high_a = command.current_range_min, command.current_range_max
        is_wrong = (
            command.power_function == Function.PRECHARGE and low_a != 0 and 0 <= high_a >= low_a)
        if self.breaks(is_wrong):
            self.find(
                now_s, f'Precharge with a Current_Range_Min of {low_a:g} A, it is 0',
                current_range_min_a=low_a)


class ModeFits(CommandRule):
    """R27: each function has its mode, and a transfer keeps its own."""

    number = 'R27'
    sentence = 'each function has its mode, a transfer keeps its own'

    def __init__(self, facts: Facts, limits: Tolerances, findings: Findings) -> None:
        super().__init__(facts, limits, findings)
        self._mode: int | None = None

    def on_new_command(self, command: DcPowerControl, now_s: float) -> None:
        function, mode = command.power_function, command.setpoints_mode
        is_wrong = _WRONG_MODE.get(function) == mode
        if function == Function.POWER_TRANSFER:
            is_wrong = self._mode not in (None, mode)
            self._mode = mode
        elif function != Function.STANDBY:
            self._mode = None
        if self.breaks(is_wrong):
            self.find(
                now_s, f'the mode of a running transfer changes to {_mode(mode)}'
                if function == Function.POWER_TRANSFER else
                f'{function_name(function)} in {_mode(mode)}')


class NoPrechargeOfChademo(CommandRule):
    """R46: what the protocol does not know is neither commanded nor a state."""

    number = 'R46'
    sentence = 'no precharge'

    def on_new_command(self, command: DcPowerControl, now_s: float) -> None:
        is_chademo = self.facts.commands.is_chademo
        if self.breaks(is_chademo and command.power_function == Function.PRECHARGE, key='command'):
            self.find(now_s, 'Precharge in a CHAdeMO session')

    def on_moment(self, now_s: float) -> None:
        is_chademo = self.facts.commands.is_chademo
        if is_chademo and self.breaks(self.facts.state == State.PRECHARGE, key='state'):
            self.find(now_s, 'State Precharge in a CHAdeMO session')


class ProtocolKnowsIt(CommandRule):
    """R24: what the protocol does not know cannot be commanded."""

    number = 'R24'
    sentence = 'neither a range nor discharging in DIN 70121, ISO 15118-2 and CHAdeMO 0.9'

    def on_new_command(self, command: DcPowerControl, now_s: float) -> None:
        protocol = self.facts.commands.protocol
        if protocol is None or protocol not in _CHARGE_ONLY:
            return
        low_a, high_a = command.current_range_min, command.current_range_max
        is_beyond = command.setpoints_mode == Mode.RANGE_MODE or low_a < 0
        if self.breaks(command.power_function == Function.POWER_TRANSFER and is_beyond):
            self.find(
                now_s, f'{_mode(command.setpoints_mode)} with {low_a:g} .. {high_a:g} A: '
                f'{NewChargeSession.SIGNALS[0].labels[protocol]} has neither a range nor '
                'discharging', current_range_min_a=low_a, current_range_max_a=high_a)


class StandbyBetween(CommandRule):
    """R10, R16, R20, R22: between two functions comes Standby, whatever they are."""

    sentences = (
        ('R10', 'Standby comes before the test'),
        ('R16', 'Standby comes after the test'),
        ('R20', 'Standby ends the precharge'),
        ('R22', 'nothing starts out of Off'),
    )

    def on_new_command(self, command: DcPowerControl, now_s: float) -> None:
        commands, function = self.facts.commands, command.power_function
        last = None if commands.before is None else commands.before.power_function
        if not commands.is_judged_in_order or function not in POWERED or function == last:
            return
        number = 'R22'
        if function == Function.INSULATION_TEST:
            number = 'R10'
        elif last == Function.INSULATION_TEST:
            number = 'R16'
        elif last == Function.PRECHARGE:
            number = 'R20'
        if commands.is_order_known and last != Function.STANDBY:
            self.find(
                now_s, f'{function_name(function)} straight after {function_name(last)}, without '
                'Standby', number)


class PaceOfCommands(CommandRule):
    """R26: how long a vehicle may be without a word in the transfer."""

    number = 'R26'
    sentence = 'a command within 60 s of a transfer, of CHAdeMO within 1 s'
    tolerances = ('silence_of_commands_s', 'chademo_silence_of_commands_s', 'reaction_s')

    def on_tick_alive(self, now_s: float) -> None:
        commands, limits = self.facts.commands, self.limits
        if (commands.function != Function.POWER_TRANSFER or self.facts.state != State.CHARGING
                or commands.is_emergency):
            return
        silent_s = now_s - commands.paced_from_s
        # It waits for so long for the vehicle, and gives up then.
        longest_s = (limits.chademo_silence_of_commands_s if commands.is_chademo
                     else limits.silence_of_commands_s + limits.reaction_s)
        if self.breaks(silent_s > longest_s):
            self.find(
                now_s, f'no DC_Power_Control for {silent_s:.1f} s in the transfer',
                silent_s=silent_s)


def _mode(mode: int) -> str:
    return 'Range_Mode' if mode == Mode.RANGE_MODE else 'Target_Mode'
