# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Whole sessions with a charger that breaks one rule: found by that rule, and by no other."""

from charger_breaches import (
    at,
    AT_MOST_S,
    Authorises,
    AUTHORISING,
    BREACHES,
    broken,
    bus_off,
    CAR,
    CHADEMO,
    EMERGENCY_IN_CHARGE,
    fall_silent,
    HasHalfTheVoltage,
    IN_RANGE,
    MeasuresNoVoltage,
    MUTE_IN_CHARGE,
    OUT_OF_THE_BATTERY,
    PATIENT_CAR,
    press_emergency,
    ReportsNoInsulation,
    restart,
    run,
    SCHEDULED_OUT,
    SLOW_CAR,
    stop,
    STRICT,
    unplug,
    WithdrawsAndStops,
    WithdrawsBeforeLoop,
    WithdrawsInLoop,
)
from obedient_charger import Charger
import pytest

from gi3_ros.core.power.limits import ChargerLimits
from gi3_ros.core.power.parameters import PowerConfig
from gi3_ros.sim.config import ControllerConfig
from gi3_ros.sim.link import Link
from gi3_ros.sim.simulator import Simulator
from gi3_ros.sim.stages import Stage


@pytest.mark.parametrize(('rule', 'charger_class', 'circumstances'), BREACHES)
def test_each_breach_is_found_by_its_rule_and_by_no_other(rule, charger_class, circumstances):
    simulator = run(charger_class, **circumstances)
    assert broken(simulator) == {rule}


@pytest.mark.parametrize('circumstances', [
    pytest.param({}, id='good session'),
    pytest.param({'sessions': 2}, id='two sessions'),
    pytest.param(IN_RANGE, id='range'),
    pytest.param(OUT_OF_THE_BATTERY, id='range of discharging'),
    pytest.param(SCHEDULED_OUT, id='scheduled discharge'),
    pytest.param(CHADEMO, id='CHAdeMO'),
    pytest.param({'config': ControllerConfig(power_control_period_s=2.0)}, id='rare commands'),
    pytest.param({'vehicle': SLOW_CAR}, id='rare requests'),
    pytest.param({'happening': MUTE_IN_CHARGE}, id='silent controller'),
    pytest.param({'happening': EMERGENCY_IN_CHARGE, 'sessions': 2}, id='after an emergency'),
    pytest.param({'happening': (Stage.NOT_READY, fall_silent)}, id='silent while waking'),
    pytest.param({'happening': (Stage.CHARGING, bus_off, 1.0)}, id='bus off'),
    *(
        pytest.param({'happening': (stage, act, after_s)}, id=f'{act.__name__} in {stage.name}')
        for act in (stop, unplug, press_emergency)
        for stage, after_s in (
            (Stage.NOT_READY, 0.0), (Stage.TESTING, 0.5), (Stage.LOWERING, 0.0),
            (Stage.PRECHARGE, 0.1), (Stage.WAITING_FOR_CHARGE, 0.0), (Stage.CHARGING, 2.0),
            (Stage.ENDING_CURRENT, 0.0),
        )
    ),
])
def test_charger_that_obeys_breaks_nothing_whatever_happens(circumstances):
    simulator = run(Charger, **circumstances)
    assert simulator.findings == simulator.observations == []


@pytest.mark.parametrize('charger_class', [
    WithdrawsBeforeLoop, WithdrawsInLoop, WithdrawsAndStops, ReportsNoInsulation])
def test_what_a_charger_may_do_ends_the_charge_and_is_no_breach(charger_class):
    """R7, R8: an emergency of its own; R13: what a yes/no monitor says when things are bad."""
    simulator = run(charger_class)
    assert not simulator.controller.outcome.is_clean
    assert simulator.findings == []


def test_charger_that_authorises_in_one_frame_breaks_nothing():
    simulator = run(Authorises, config=AUTHORISING)
    assert simulator.controller.outcome.is_clean
    assert simulator.findings == []


@pytest.mark.parametrize('act', [stop, unplug, press_emergency, fall_silent, bus_off, restart])
@pytest.mark.parametrize(('stage', 'after_s'), [
    (Stage.NOT_READY, 0.0), (Stage.PRECHARGE, 0.1), (Stage.CHARGING, 1.0)])
def test_this_projects_charger_breaks_nothing_either(stage, after_s, act):
    link = Link(vehicle_config=CAR)
    meddle = at(stage, act, after_s)
    link.simulator.vehicle.plug_in()

    def is_refused():
        """Tell whether no vehicle is let in until the charger's fault is reset (R35)."""
        return link.decision.fault and link.simulator.controller.stage is Stage.NOT_AVAILABLE

    while not link.simulator.sessions and not (link.decision is not None and is_refused()):
        link.step()
        meddle(link.simulator, link.now_s)
        assert link.now_s < AT_MOST_S
    link.run(5.0)
    assert link.simulator.findings == link.simulator.observations == []


@pytest.mark.parametrize(('charger_class', 'share', 'observed'), [
    (MeasuresNoVoltage, 0.0, []), (HasHalfTheVoltage, 0.45, ['R5']), (Charger, 1.0, [])])
def test_energies_of_the_inlet_and_of_the_readings_are_told_apart(charger_class, share, observed):
    """What gi3 report counts is what was told; where that is not what was there, both are said."""
    simulator = run(charger_class)
    outcome = simulator.controller.outcome
    assert outcome.energy_wh > 30.0
    assert outcome.told_wh == pytest.approx(share * outcome.energy_wh, abs=1.0)
    words = simulator.verdict()[1]
    assert ('Power_Modules_Status tells' in words) is (share < 1.0)
    assert [each.rule for each in simulator.observations] == observed


def test_without_copper_the_energy_is_that_of_the_readings():
    """A charger without a plug link, whose voltage reads 0: nothing was delivered by anything."""
    frames = []
    run(MeasuresNoVoltage, on_frame=lambda frame, time_s: frames.append((time_s, frame)))
    simulator = Simulator(None, CAR, tolerances=STRICT)
    simulator.vehicle.plug_in()
    for time_s, frame in frames:
        simulator.receive(frame, now_s=time_s)
        simulator.tick(now_s=time_s)
    outcome = simulator.controller.outcome
    assert outcome.charging_s > 5.0
    assert outcome.energy_wh == outcome.told_wh == pytest.approx(0.0, abs=1.0)


@pytest.mark.parametrize(('ramp_v_per_s', 'observed'), [(200.0, []), (95.0, []), (60.0, ['R11'])])
def test_a_charger_that_ramps_slowly_breaks_nothing(ramp_v_per_s, observed):
    """R11: 920 V have 9.6 s; who is slower and on his way is not quick, and nothing else."""
    limits = ChargerLimits(max_charger_voltage=920.0, max_cable_voltage=920.0)
    link = Link(
        controller_config=ControllerConfig(limits=limits),
        vehicle_config=PATIENT_CAR,
        power_config=PowerConfig(limits=limits, voltage_ramp_up_rate=ramp_v_per_s))
    link.simulator.vehicle.plug_in()
    link.run_until(lambda: link.simulator.sessions, within_s=AT_MOST_S)
    assert link.simulator.findings == []
    assert [each.rule for each in link.simulator.observations] == observed
