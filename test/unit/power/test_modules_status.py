# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The status frame: what it says of a reading, and when it is due."""

import math

import pytest

from gi3_ros.core.hardware import PowerMeasurement
from gi3_ros.core.interface.signals import AdvanticsControllerStatus, PowerModulesStatus
from gi3_ros.core.power.inputs import Inputs
from gi3_ros.core.power.memory import SessionMemory
from gi3_ros.core.power.modules_status import ModulesStatus, power_modules_status
from gi3_ros.core.power.parameters import PowerConfig
from gi3_ros.core.power.phases import Phase, PhaseMachine, SESSION

ALLOWED = PowerModulesStatus.SystemEnable.ALLOWED


def test_status_frame_saturates_instead_of_failing():
    status = power_modules_status(
        PowerMeasurement(-0.4, 1e9, insulation_resistance_ohm=math.inf), is_allowed=True)
    assert status.present_voltage == 0.0
    assert status.present_current == 3276.7
    assert status.insulation_resistance == 510e3


class Around:
    """A charger with a fresh reading, measured at 0 s."""

    def __init__(self, phase, volts=0.0):
        config = PowerConfig()
        self.machine, self.inputs = PhaseMachine(), Inputs(config)
        self.machine.phase = phase
        self.inputs.modules.take(PowerMeasurement(volts, 0.0), now_s=0.0)
        self.memory = SessionMemory(config, self.inputs.stage)
        self.status = ModulesStatus(self.machine, self.inputs, self.memory)


@pytest.mark.parametrize('phase', Phase)
def test_it_allows_the_modules_in_a_session_only(phase):
    """R6, R7, R9: whatever the flags say."""
    status = Around(phase, volts=100.0).status.due(now_s=0.0)
    assert (status.system_enable == ALLOWED) is (phase in SESSION)


@pytest.mark.parametrize('age_s, is_sent', [(0.299, True), (0.3, False)])
def test_no_old_reading_is_sent(age_s, is_sent):
    """R5."""
    assert (Around(Phase.STANDBY).status.due(now_s=age_s) is not None) is is_sent


@pytest.mark.parametrize('volts, is_sent', [(20.0, False), (20.1, True)])
def test_outside_a_session_it_is_silent_once_the_output_is_safe(volts, is_sent):
    assert (Around(Phase.IDLE, volts).status.due(now_s=0.0) is not None) is is_sent


def test_a_session_without_us_is_told_that_the_modules_are_not_there():
    around = Around(Phase.IDLE)
    around.inputs.controller.see_status(AdvanticsControllerStatus.State.CHARGING, now_s=0.0)
    assert around.status.due(now_s=0.0).system_enable != ALLOWED


def test_a_late_tick_shifts_no_later_one_unless_a_whole_period_was_missed():
    """R2: every 100 ms, on average too."""
    around = Around(Phase.STANDBY)
    sent_s = []
    for now_s in (0.0, 0.09, 0.13, 0.19, 0.201, 0.45, 0.54, 0.55):
        around.inputs.modules.measured_s = now_s
        if around.status.due(now_s=now_s) is not None:
            sent_s.append(now_s)
    assert sent_s == [0.0, 0.13, 0.201, 0.45, 0.55]


def test_in_a_hurry_it_waits_for_no_period():
    around = Around(Phase.STANDBY)
    assert around.status.due(now_s=0.0) is not None
    assert around.status.due(now_s=0.01) is None
    around.status.hurry()
    assert around.status.due(now_s=0.01) is not None
