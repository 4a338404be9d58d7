# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
The commands of the controller: the one in force, and those that do not fit what is going on.

Whether a command is legal by itself says :mod:`..command`; here it meets the phase and the
session.
"""

from collections.abc import Iterator
import math

from ..command import Request, request_of
from ..controller_watch import ControllerWatch, State
from ..interface.signals import DcPowerControl
from .limits import ChargerLimits
from .memory import SessionMemory
from .phases import Event, moment_of_lowering, Phase, PhaseMachine, STARTS, STOPS
from .refusals import Refusals
from .setpoint import is_range_mode

CROSSING_S = 0.3
"""Command and status of the same moment arrive no further apart than this (A5)."""
COMMAND_MAX_AGE_S = 0.3
"""An older command starts nothing: it waited somewhere for too long. A stop is never too old."""


class Commands:
    """The last good command, which stays in force (R26), and the refused ones since."""

    def __init__(
        self, limits: ChargerLimits, machine: PhaseMachine, controller: ControllerWatch,
        memory: SessionMemory,
    ) -> None:
        self._limits = limits
        self._machine = machine
        self._controller = controller
        self._memory = memory
        self.in_force = DcPowerControl()
        self._taken_s = -math.inf
        self.refusals = Refusals()

    @property
    def says_close(self) -> bool:
        """Whether the contactors shall be closed."""
        return self.in_force.output_contactors == DcPowerControl.OutputContactors.CLOSE

    def forget(self) -> None:
        """Begin a session: nothing is commanded yet."""
        self.in_force = DcPowerControl()
        self.refusals.forget()

    def take(self, command: DcPowerControl, event: Event, *, now_s: float) -> None:
        """Put a command in force in which :meth:`misfit` finds nothing."""
        self.in_force, self._taken_s = command, now_s
        memory = self._memory
        if event is Request.POWER_TRANSFER:
            memory.transfer_command = command
        memory.is_tested |= event is Request.INSULATION_TEST
        memory.is_off_commanded = event is Request.OFF

    def expect_standby(self, *, now_s: float) -> None:
        """Take Charge_Stopped as a stop: the Standby that belongs to it may get lost (R41)."""
        stop = DcPowerControl(
            power_function=DcPowerControl.PowerFunction.STANDBY,
            output_contactors=self.in_force.output_contactors)
        self.refusals.doubt(
            'Charge_Stopped: a stop if no good command follows (R41)', stop, now_s=now_s)

    def is_recent(self, *, now_s: float) -> bool:
        """Return whether the command in force may have crossed a status on the way (A5)."""
        return now_s - self._taken_s < CROSSING_S

    def event_of(self, command: DcPowerControl) -> Event:
        """Return what a legal command is in the table: a lowering is one of three (R16)."""
        request = request_of(command)
        if request is not Request.LOWERING:
            return request
        return moment_of_lowering(
            is_closing=self._controller.state == State.CLOSING_COMMUNICATION,
            is_battery_possible=self._memory.is_battery_possible)

    def misfit(
        self, command: DcPowerControl, event: Event, *, ticked_s: float, now_s: float,
    ) -> str:
        """
        Say why a legal command does not fit what is going on; empty when it does.

        :param ticked_s: time of the last decision, against which a command may be late
        """
        phase = self._machine.phase
        if phase is Phase.FAULT:
            return '' if event in STOPS else f'{event.value} while a fault is latched'
        if event in STARTS and self._memory.is_finished:
            return f'{event.value} after Charge_Session_Finished'
        if not self._machine.has_row(event):
            return f'{event.value} commanded in {phase.name}'
        if event in STARTS and ticked_s - now_s > COMMAND_MAX_AGE_S:
            return f'{event.value} is {ticked_s - now_s:.1f} s old'
        if event is Request.INSULATION_TEST and self._memory.is_battery_possible:
            return 'Insulation_Test although the battery may be connected'
        if (phase is Phase.POWER_TRANSFER and event is Request.POWER_TRANSFER
                and command.setpoints_mode != self.in_force.setpoints_mode):
            return 'Setpoints_Mode changed within a power transfer (R27)'
        return ''

    def oddities(self, command: DcPowerControl, event: Event) -> Iterator[tuple[str, str]]:
        """Yield key and words of what is odd about a command that is followed all the same."""
        if (event in (Request.PRECHARGE, Request.POWER_TRANSFER) and not self._memory.is_tested
                and self._machine.starts(event)):
            yield 'untested', (
                f'{event.value} without an Insulation_Test in this session: is skip_cable_check '
                'set in the controller?')
        if (event is Request.POWER_TRANSFER and is_range_mode(command)
                and not self._limits.supports_range_mode):
            yield 'range mode', (
                'Range_Mode although supports_range_mode is false: the maximum of the range is '
                'taken (A43); does the controller have the same entry?')
