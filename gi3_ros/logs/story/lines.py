# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What is drawn of one pistol: lanes (what held from when to when) and series (values)."""

from collections.abc import Iterable
import typing

from ...core.interface.layout import Message
from ...core.interface.signals import (
    AdmCoCui1Inputs,
    AdmCsSeccInputs,
    AdvanticsControllerStatus,
    DcPowerControl,
    MESSAGES,
    PowerModulesStatus,
)
from .command import CommandInForce
from .lanes import Lane
from .series import Focus, Series, Window
from .session import INSULATION_OHM_PER_V, ToldLimits

State = AdvanticsControllerStatus.State
Function = DcPowerControl.PowerFunction
PHASES = frozenset({
    State.INSULATION_TEST, State.PRECHARGE, State.ENDING_CHARGE, State.WELDING_DETECTION,
    State.CLOSING_COMMUNICATION})
"""States of which no sample is left out of the lines .."""
PHASE_S = 300.0
""".. for so long: who hangs in one for hours is thinned like all else."""
PHASE_LABELS = frozenset({
    'Insulation_Test', 'Precharge', 'Ending_Charge', 'Welding_Detection', 'Closing_Communication',
    'Standby, Lowering', 'Off, Lowering', 'INSULATION_TEST', 'PRECHARGE'})
"""Bars of these stay when others have to go."""
NOT_PROVIDED_C = -40.0
"""R50."""

_COMMANDED = ('target', 'range_max', 'range_min')
"""Lines of what DC_Power_Control says."""
_RANGE = _COMMANDED[1:]
_HELD = ('soc', 'ocpp', 'limit_v', 'limit_charge', 'limit_discharge')
"""Lines of what holds until the end of the log."""
_FAST_S, _SLOW_S = 0.5, 3.0
"""Lines of messages that come every 0.1 s and every second are interrupted after so long."""
_LINES: dict[float | None, tuple[str, ...]] = {
    _FAST_S: ('voltage', 'current', 'power', 'insulation', 'modules', 'enclosure', 'threshold'),
    None: (*_COMMANDED, *_HELD),
    _SLOW_S: ('cpu', 'ptc1', 'ptc2', 'colibri'),
    1.0: ('setpoint_v', 'setpoint_a'),
}
"""After how many seconds without a word a line is interrupted -> names of lines."""
_MODES = {0: 'OFF', 1: 'REGULATE', 2: 'BLEED'}
_POSITIONS = {0: 'open', 1: 'closed', 2: 'unknown'}
_LABELS = {
    cls: {signal.field: signal.labels for signal in cls.SIGNALS if signal.labels}
    for cls in MESSAGES.values()}


def label_of(message: Message, field: str) -> str:
    """Return the vendor's word for a value, or its number where it has none."""
    value = getattr(message, field)
    return _LABELS[type(message)][field].get(value) or f'undefined ({int(value)})'


class Lines:
    """
    Lanes and series of one pistol.

    :param windows: times of which no sample is left out of the series
    """

    def __init__(self, windows: Iterable[Window] = ()) -> None:
        self.lanes: dict[str, Lane] = {
            'State': Lane(1.0, phases=PHASE_LABELS), 'Power_Function': Lane(phases=PHASE_LABELS),
            'System_Enable': Lane(1.0), 'Output_Contactors': Lane(),
        }
        """Title -> lane; those of topics are added when there are any."""
        self.state = self.lanes['State']
        self.focus = Focus(windows)
        """Times of which no sample is left out of the series."""
        self.series: dict[str, Series] = {
            name: Series(gap_s, focus=self.focus)
            for gap_s, names in _LINES.items() for name in names}
        self._phase_s: float | None = None
        """Since when a phase is going on of which nothing is left out."""
        self._enable: int | None = None

    def interrupt(self, time_s: float) -> None:
        """Take it that the log has a hole."""
        self._phase_s = None
        for series in self.series.values():
            series.interrupt()
        for lane in self.lanes.values():
            lane.see(time_s, None)

    def conclude(self, time_s: float) -> None:
        """Let what holds last until the log ends."""
        for name in _HELD:
            self.series[name].hold(time_s)

    def end_session(self, time_s: float) -> None:
        """Take it that the session has ended."""
        self.focus.around(time_s)
        # A target of the central system is forgotten with the session (A16), the state of charge
        # is that of a vehicle that leaves.
        self._end(('ocpp', 'soc'), time_s)

    def _end(self, names: Iterable[str], time_s: float) -> None:
        for name in names:
            self.series[name].hold(time_s)
            self.series[name].interrupt()

    # The wire

    def see_phase(
        self, state: State | int | None, command: DcPowerControl | None, time_s: float,
    ) -> None:
        """Take a new state or a new command, which may be of a phase of :data:`PHASES`."""
        is_phase = state in PHASES or (command is not None and (
            command.lower_output_voltage == 1
            or command.power_function in (Function.INSULATION_TEST, Function.PRECHARGE)))
        if not is_phase:
            self._phase_s = None
        elif self._phase_s is None:
            self._phase_s = time_s

    def see_command(
        self, message: DcPowerControl, before: DcPowerControl | None, time_s: float,
    ) -> None:
        """Take a DC_Power_Control that is another one than before."""
        function = message.power_function
        if before is None or before.power_function != function or (
                before.output_contactors != message.output_contactors):
            self.focus.around(time_s)
        words = label_of(message, 'power_function')
        if message.lower_output_voltage == 1:
            words += ', Lowering'
        elif function == Function.POWER_TRANSFER and message.setpoints_mode == 1:
            words += ', Range_Mode'
        self.lanes['Power_Function'].see(time_s, words)
        self.lanes['Output_Contactors'].see(time_s, label_of(message, 'output_contactors'))
        series = self.series
        if function in (Function.OFF, Function.STANDBY):
            self._end(_COMMANDED, time_s)
            return
        series['target'].add(time_s, message.target_voltage)
        if function == Function.INSULATION_TEST:
            self._end(_RANGE, time_s)
        else:
            series['range_max'].add(time_s, message.current_range_max)
            series['range_min'].add(time_s, message.current_range_min)

    def end_command(self, time_s: float) -> None:
        """Take it that nothing is commanded any more since the newest command."""
        for title in ('Power_Function', 'Output_Contactors'):
            self.lanes[title].hold(time_s)
            self.lanes[title].see(time_s, None)
        self._end(_COMMANDED, time_s)

    def see_status(
        self, status: PowerModulesStatus, power_w: float, command: CommandInForce,
        time_s: float,
    ) -> None:
        """Take a Power_Modules_Status."""
        series = self.series
        voltage_v = status.present_voltage
        series['voltage'].add(time_s, voltage_v)
        series['current'].add(time_s, status.present_current)
        series['power'].add(time_s, power_w)
        series['insulation'].add(time_s, status.insulation_resistance)
        series['modules'].add(time_s, _provided_c(status.power_modules_temperature))
        series['enclosure'].add(time_s, _provided_c(status.enclosure_temperature))
        self.lanes['System_Enable'].see(time_s, label_of(status, 'system_enable'))
        if status.system_enable != self._enable:
            self._enable = status.system_enable
            self.focus.around(time_s)
        if self._phase_s is not None and time_s - self._phase_s <= PHASE_S:
            self.focus.around(time_s)
        if command.is_insulated:
            reference_v = voltage_v if voltage_v > command.insulated_v else command.insulated_v
            series['threshold'].add(time_s, INSULATION_OHM_PER_V * reference_v)
        else:
            series['threshold'].interrupt()

    def see_told(self, told: ToldLimits, time_s: float) -> None:
        """Take the limits of DC_Power_Parameters."""
        # 0 is no limit of 0, but the one that the controller is configured with (R33).
        for name, limit in (('limit_v', told.voltage_v), ('limit_charge', told.charge_a),
                            ('limit_discharge', -told.discharge_a)):
            self.series[name].hold(time_s)
            self.series[name].add(time_s, limit or None)

    def see_inputs(self, message: AdmCoCui1Inputs | AdmCsSeccInputs, time_s: float) -> None:
        """Take the temperatures of the controller."""
        for name, field in (('cpu', 'cpu_temperature'), ('ptc1', 'pistol_ptc1'),
                            ('ptc2', 'pistol_ptc2'), ('colibri', 'colibri_temperature')):
            self.series[name].add(time_s, _provided_c(getattr(message, field, NOT_PROVIDED_C)))

    # Topics that are no frames: their messages are those of ROS

    def _see(self, title: str, time_s: float, label: str | None) -> None:
        lane = self.lanes.get(title)
        if lane is None:
            lane = self.lanes[title] = Lane(2.0)
        lane.see(time_s, label)

    def see_power_status(self, message: typing.Any, time_s: float) -> None:
        """Take the phase of power_control."""
        self._see('power_control', time_s, message.phase_name or f'phase {message.phase}')
        if message.fault or 'fault' in self.lanes:
            self._see('fault', time_s, message.fault or None)

    def see_stage_status(self, message: typing.Any, time_s: float) -> None:
        """Take the stage of precharge."""
        self._see('output stage', time_s, message.stage_name or f'stage {message.stage}')

    def see_contactors(self, message: typing.Any, time_s: float) -> None:
        """Take contactor_feedback."""
        self._see('output contactors', time_s, _position(message.output))
        self._see('precharge relay', time_s, _position(message.precharge))

    def see_setpoint(self, message: typing.Any, time_s: float) -> None:
        """Take power_setpoint."""
        mode = message.mode
        self._see('setpoint', time_s, _MODES.get(mode, f'mode {mode}'))
        is_regulating = mode == 1
        self.series['setpoint_v'].add(time_s, message.voltage if is_regulating else None)
        self.series['setpoint_a'].add(time_s, message.current if is_regulating else None)


def _provided_c(celsius: float) -> float | None:
    return None if celsius == NOT_PROVIDED_C else celsius


def _position(value: int) -> str:
    return _POSITIONS.get(value, str(value))
