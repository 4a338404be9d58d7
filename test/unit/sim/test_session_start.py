# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What a session begins with: permission, plug-in and start button, remembered (R35)."""

import dataclasses

from controller_bench import Bench, chademo, Function
from obedient_charger import START_ALLOWED

from gi3_ros.core.interface.codec import encode
from gi3_ros.core.interface.signals import DcPowerControl, SequenceControl
from gi3_ros.sim.config import ControllerConfig
from gi3_ros.sim.stages import Stage


def test_a_second_session_needs_a_new_plug_in():
    bench = Bench()
    bench.until_over()
    bench.run(3.0)
    assert bench.controller.stage is Stage.WAITING_FOR_PEV
    bench.vehicle.unplug()
    bench.run(0.5)
    bench.vehicle.plug_in()
    bench.until(lambda bench: bench.simulator.sessions == 2)
    assert bench.controller.outcome.is_clean
    assert bench.simulator.findings == []


def test_plug_in_is_remembered_while_no_session_may_start():
    """R35."""
    bench = Bench()
    bench.charger.flags = SequenceControl()
    bench.run(5.0)
    assert bench.controller.stage is Stage.NOT_AVAILABLE
    bench.charger.flags = START_ALLOWED
    bench.until_stage(Stage.NEGOTIATING, at_most_s=1.0)


def test_withdrawn_permission_leads_to_not_available_only_when_idle():
    """A35."""
    bench = Bench()
    bench.until_stage(Stage.CHARGING)
    bench.charger.flags = SequenceControl()
    bench.charger.flags_in_session = dataclasses.replace(
        bench.charger.flags_in_session, start_charge_authorisation=0)
    assert bench.until_over().is_clean
    assert bench.controller.stage is Stage.NOT_AVAILABLE


def test_flags_sent_while_booting_do_not_count():
    """A7."""
    bench = Bench()
    bench.simulator.receive(encode(START_ALLOWED, index=1), now_s=0.0)
    bench.charger.flags = SequenceControl()
    bench.run(3.0)
    assert bench.controller.stage is Stage.NOT_AVAILABLE


def test_early_flags_count_where_the_option_says_so():
    """A7."""
    bench = Bench(ControllerConfig(takes_early_flags=True))
    bench.simulator.receive(encode(START_ALLOWED, index=1), now_s=0.0)
    bench.charger.flags = SequenceControl()
    bench.run(1.5)
    assert bench.states()[:2] == [0, 1]


def test_chademo_starts_with_the_button_not_with_the_plug():
    """R46."""
    bench = chademo()
    bench.run(5.0)
    assert bench.controller.stage is Stage.WAITING_FOR_PEV
    bench.controller.press_start(now_s=bench.now_s)
    outcome = bench.until_over()
    assert outcome.is_clean
    assert bench.states() == [0, 12, 1, 2, 3, 4, 6, 7, 8, 10, 1]
    assert Function.PRECHARGE not in {
        message.power_function for _, message in bench.all_of(DcPowerControl)}
    assert bench.simulator.findings == []
    assert bench.charger.modules.breaches == []
    assert 'plug locked' in bench.texts() and 'plug unlocked' in bench.texts()


def test_chademo_starts_with_the_flag_on_its_edge():
    """R39, R46."""
    bench = chademo()
    bench.run(2.0)
    bench.charger.flags = dataclasses.replace(START_ALLOWED, chademo_start_button=1)
    bench.until_stage(Stage.NEGOTIATING, at_most_s=1.0)


def test_a_press_is_remembered_while_no_session_may_start():
    """R35."""
    bench = chademo()
    bench.charger.flags = SequenceControl()
    bench.run(2.0)
    bench.controller.press_start(now_s=bench.now_s)
    bench.run(2.0)
    assert bench.controller.stage is Stage.NOT_AVAILABLE
    bench.charger.flags = START_ALLOWED
    bench.until_stage(Stage.NEGOTIATING, at_most_s=1.0)


def test_a_press_is_forgotten_with_the_plug_pulled():
    bench = chademo()
    bench.charger.flags = SequenceControl()
    bench.run(2.0)
    bench.controller.press_start(now_s=bench.now_s)
    bench.vehicle.unplug()
    bench.run(0.5)
    bench.vehicle.plug_in()
    bench.charger.flags = START_ALLOWED
    bench.run(2.0)
    assert bench.controller.stage is Stage.WAITING_FOR_PEV


def test_another_session_without_unplugging():
    """A42."""
    bench = Bench()
    bench.until_over()
    bench.controller.ask_again()
    bench.until(lambda bench: bench.simulator.sessions == 2)
    assert bench.controller.outcome.is_clean
    assert bench.simulator.findings == []
