# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
Emptying the output: when it is right, and how it is judged.

Bleeding a battery would feed the resistor of the modules from it for hours, so the output is bled
only where none can be (R15 to R17), and given up when the voltage does not fall.
"""

import math

from ..hardware import Stage
from .inputs import Inputs
from .memory import SessionMemory
from .phases import Phase, PhaseMachine

SAFE_VOLTAGE_V = 20.0
"""R15"""
EMPTY_VOLTAGE_V = 5.0
"""Where emptying the output behind open contactors ends: safely below what is safe."""
BLEED_SETTLE_S = 0.1
"""An older reading does not tell yet what bleeding does: the modules need their time to stop."""
BLEED_CHECK_S = 1.0
BLEED_CHECK_FALL = 0.2
"""Bleeding that lowers the voltage by less than this share in this time feeds on a battery."""


class Bleeding:
    """Tells whether to bleed, and watches what comes of it."""

    def __init__(self, machine: PhaseMachine, inputs: Inputs, memory: SessionMemory) -> None:
        self._machine = machine
        self._inputs = inputs
        self._memory = memory
        self._is_going_on = False
        self._began_s = -math.inf
        self._checked_s = -math.inf
        self._checked_v = 0.0
        """Voltage when it began or was last found to fall."""
        self._least_v = 0.0
        self.is_in_vain = False
        """What is on the output does not fall: not tried again before the fault is reset."""

    def obstacle_to_lowering(self, *, says_close: bool) -> str:
        """
        Say why Lower_Output_Voltage is not followed: a battery may be there; empty if it is.

        :param says_close: whether the command says that the contactors shall be closed: then they
            may be on their way before their report is here
        """
        stage = self._inputs.stage
        if not self._memory.is_battery_possible:
            return ''
        if stage.has_output_contactors:
            if stage.stage is Stage.OPEN:
                return 'does not bleed: the controller says Close' if says_close else ''
            return f'does not bleed: output contactors are {stage.stage.name}'
        if self._machine.phase is Phase.LOWERING_ON_CLOSING:
            return ''
        return 'does not bleed: the vehicle may still be connected (R17)'

    def left_behind(self, *, now_s: float) -> str:
        """
        Name what a session that broke off left on the output; empty if nothing.

        Own contactors cannot be closed on it, so the next session would wait for ever; and as
        long as it is there nobody can be told that the plug may be pulled. Those on the
        controller's relay would close on it: there it is emptied before the modules are enabled,
        when no battery can be connected yet, as in L1 (R16).
        """
        reading, stage = self._inputs.modules.reading(now_s=now_s), self._inputs.stage
        if reading is None or reading.voltage_v <= EMPTY_VOLTAGE_V or self.is_in_vain:
            return ''
        if stage.has_output_contactors:
            is_cut_off = stage.is_open(now_s=now_s)
        else:
            is_cut_off = (self._machine.phase is Phase.WAKING
                          and not self._memory.is_battery_possible)
        if not is_cut_off or (reading.voltage_v <= SAFE_VOLTAGE_V and not self._is_going_on):
            return ''
        return f'{reading.voltage_v:.0f} V are left on the output: emptied first'

    def holds_up_waking(self, *, now_s: float) -> bool:
        """Return whether the modules may not be enabled yet; a little that stays is no reason."""
        return bool(self.left_behind(now_s=now_s)) and (
            self._inputs.modules.last.voltage_v > SAFE_VOLTAGE_V)

    def futility(self, *, now_s: float) -> str:
        """
        Watch the voltage while the output is bled, to zero and not only to 20 V (R18, A12).

        :returns: words when it is in vain; empty while it may go on
        """
        volts, measured_s = self._inputs.modules.last.voltage_v, self._inputs.modules.measured_s
        if not self._is_going_on:
            self._is_going_on = True
            self._began_s = self._checked_s = now_s
            self._checked_v = volts
        if measured_s < self._began_s + BLEED_SETTLE_S:
            # Taken while the modules were still at work.
            self._least_v = volts
        self._least_v = min(self._least_v, volts)
        if volts > self._least_v + SAFE_VOLTAGE_V:
            self.is_in_vain = True
            return (f'output rises while bleeding: from {self._least_v:.0f} to {volts:.0f} V; '
                    'is a battery connected?')
        if now_s - self._checked_s >= BLEED_CHECK_S:
            if volts > max(SAFE_VOLTAGE_V, self._checked_v * (1.0 - BLEED_CHECK_FALL)):
                self.is_in_vain = True
                return (f'output does not fall while bleeding: {self._checked_v:.0f} V, '
                        f'{volts:.0f} V after {BLEED_CHECK_S:g} s; is a battery connected?')
            self._checked_s, self._checked_v = now_s, volts
        return ''

    def end(self) -> None:
        """Take note that the modules do not bleed."""
        self._is_going_on = False

    def forgive(self) -> None:
        """Permit another try: a person has reset the fault."""
        self.is_in_vain = False
