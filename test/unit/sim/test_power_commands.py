# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Which DC_Power_Control the controller sends, and how often."""

import dataclasses
import itertools

from controller_bench import Bench, CAR, Function, State, TICK_S
import pytest

from gi3_ros.core.interface.codec import encode
from gi3_ros.core.interface.signals import DcPowerControl, DcPowerParameters
from gi3_ros.core.power.limits import ChargerLimits
from gi3_ros.sim.config import ControllerConfig
from gi3_ros.sim.protocols import ControlMode, Protocol
from gi3_ros.sim.stages import Stage
from gi3_ros.sim.vehicle_config import VehicleConfig


@pytest.mark.parametrize('car', [
    {'charge_duration_s': 8.0},
    {'charge_duration_s': 8.0, 'protocols': (Protocol.ISO_15118_20,), 'state_of_charge': 0.75,
     'control_mode': ControlMode.DYNAMIC},
])
def test_power_control_is_cyclic_and_not_sent_when_nothing_has_changed(car):
    """R26, A9: every 100 ms, and at once when something changes."""
    bench = Bench(ControllerConfig(enable_iso_part20=True), VehicleConfig(**car))
    bench.until_over()
    sent = [(time_s, encode(message, index=1).data)
            for time_s, message in bench.all_of(DcPowerControl)
            if message.power_function is Function.POWER_TRANSFER]
    assert all(b[0] - a[0] > 0.095 for a, b in itertools.pairwise(sent) if a[1] == b[1])
    assert max(b[0] - a[0] for a, b in itertools.pairwise(sent)) < 0.105
    # The vehicle asks ten times a second.
    assert len(sent) < 8.0 * 21


def test_a_demand_stays_within_what_was_agreed():
    """Interface 4.3: no session of ISO 15118-2 discharges."""
    bench = Bench(
        ControllerConfig(limits=ChargerLimits(max_charger_discharge_current=60.0)),
        VehicleConfig(charge_duration_s=6.0))
    bench.until_stage(Stage.CHARGING)
    bench.run(2.0)
    bench.simulator.do('demand -40', now_s=bench.now_s)
    bench.run(1.0)
    assert bench.controller.power_control.current_range_max == 0.0
    bench.simulator.do('demand nothing', now_s=bench.now_s)
    bench.until_over()
    assert bench.simulator.findings == []


def test_a_slow_cycle_does_not_stretch_the_steps():
    bench = Bench(ControllerConfig(power_control_period_s=20.0))
    bench.until_stage(Stage.CHARGING)
    assert bench.now_s < 20.0


def test_lower_maximum_current_lowers_the_running_request():
    """R32, A44."""
    bench = Bench()
    bench.until_stage(Stage.CHARGING)
    bench.run(2.0)
    assert bench.controller.power_control.current_range_max == 100.0
    bench.charger.send(DcPowerParameters(maximum_charge_current=40.0))
    bench.step()
    assert bench.controller.power_control.current_range_max == 40.0
    assert bench.all_of(DcPowerControl)[-1][0] == bench.now_s - TICK_S
    assert bench.until_over().is_clean
    assert bench.simulator.findings == []


@pytest.mark.parametrize(('parameters', 'expected_a'), [
    (DcPowerParameters(), 100.0),
    (DcPowerParameters(maximum_charge_current=0.0), 100.0),
    (DcPowerParameters(maximum_charge_current=60.0), 60.0),
    (DcPowerParameters(maximum_charge_current=6553.5), 100.0),
])
def test_zero_means_the_default_and_nothing_exceeds_it(parameters, expected_a):
    """R33."""
    bench = Bench()
    bench.charger.send(parameters)
    bench.until_stage(Stage.CHARGING)
    bench.run(2.0)
    assert bench.controller.power_control.current_range_max == expected_a


def test_maximum_voltage_is_the_test_voltage():
    bench = Bench()
    bench.charger.send(DcPowerParameters(maximum_voltage=450.0))
    bench.until_stage(Stage.TESTING)
    assert bench.controller.power_control.target_voltage == 450.0


def test_configured_power_limits_the_current():
    bench = Bench(ControllerConfig(limits=ChargerLimits(max_charger_power=20e3)))
    bench.until_stage(Stage.CHARGING)
    bench.run(3.0)
    command = bench.controller.power_control
    volts = bench.vehicle.inlet_voltage_v
    assert command.current_range_max * volts == pytest.approx(20e3, rel=0.02)


def with_pace(period_s, **vehicle):
    bench = Bench(
        ControllerConfig(power_control_pace='vehicle'),
        VehicleConfig(request_period_s=period_s, charge_duration_s=20.0, **vehicle))
    bench.until_over(200.0)
    assert bench.controller.outcome.is_clean
    return bench


def gaps_in_transfer(bench):
    times = [time_s for time_s, message in bench.all_of(DcPowerControl)
             if message.power_function is Function.POWER_TRANSFER]
    return [b - a for a, b in itertools.pairwise(times)]


@pytest.mark.parametrize('period_s', [0.03, 0.25, 4.0])
def test_the_vehicle_sets_the_pace_of_power_control(period_s):
    """R26, A9: no frame but those that answer the vehicle."""
    gaps = gaps_in_transfer(with_pace(period_s))
    assert all(abs(gap - period_s) <= TICK_S + 1e-6 for gap in gaps)


def test_the_pace_may_jitter():
    gaps = gaps_in_transfer(with_pace(0.2, request_jitter=0.5))
    assert min(gaps) < 0.15 and max(gaps) > 0.25


def test_in_the_vehicles_pace_single_commands_go_out_once():
    """Interface 4.1: READY, the end of the precharge, and waiting."""
    bench = with_pace(0.1, start_delay_s=3.0)
    functions = [encode(message, index=1).data[6] for _, message in bench.all_of(DcPowerControl)]
    counts = [(key, len(list(group))) for key, group in itertools.groupby(functions)]
    assert [count for key, count in counts if key == 0x41][:2] == [1, 1]


def test_hot_modules_lower_the_request_and_end_the_charge():
    """R50: half the current at 85 degrees, where it ends."""
    bench = Bench(vehicle=VehicleConfig())
    bench.until_stage(Stage.CHARGING)
    report = bench.charger._report
    celsius = 25.0

    def hot():
        with_temperature = []
        send, bench.charger.send = bench.charger.send, with_temperature.append
        report()
        bench.charger.send = send
        send(dataclasses.replace(with_temperature[0], power_modules_temperature=celsius))

    bench.charger._report = hot
    bench.run(3.0)
    assert bench.controller.power_control.current_range_max == 100.0
    celsius = 80.0
    bench.run(1.0)
    assert bench.controller.power_control.current_range_max == pytest.approx(90.0)
    celsius = 85.0
    assert 'R50' in bench.until_over().reason


def test_a_pause_in_the_transfer_is_a_standby_in_state_7():
    """Interface 4.1."""
    bench = Bench(vehicle=dataclasses.replace(CAR, charge_duration_s=6.0, pauses=((2.0, 1.5),)))
    assert bench.until_over().is_clean
    assert bench.simulator.findings == []
    kinds = [key for key, _ in itertools.groupby(
        (message.power_function, bench.state_at(time_s))
        for time_s, message in bench.all_of(DcPowerControl))]
    where = kinds.index((Function.POWER_TRANSFER, State.CHARGING))
    assert kinds[where:where + 3] == [
        (Function.POWER_TRANSFER, State.CHARGING), (Function.STANDBY, State.CHARGING),
        (Function.POWER_TRANSFER, State.CHARGING)]
