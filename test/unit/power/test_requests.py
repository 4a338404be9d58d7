# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What people, robots and the grid ask of power_control, and what it tells the controller."""

import dataclasses
import itertools
import math

from power_bench import Bench, PRECHARGE, RANGE, STANDBY, State, TOLD, TRANSFER, transferring
import pytest

from gi3_ros.core.hardware import ModulesMode
from gi3_ros.core.interface.signals import (
    ChargeSessionFinished,
    DcPowerControl,
    DcPowerParameters,
    OcppControl,
    PowerModulesStatus,
)
from gi3_ros.core.power.limits import ChargerLimits
from gi3_ros.core.power.parameters import PowerConfig
from gi3_ros.core.power.phases import Phase
from gi3_ros.core.power.setpoint import Priority


def told_by(bench):
    """Return the Maximum_Charge_Current of each DC_Power_Parameters that was sent."""
    return [message.maximum_charge_current for _, message in bench.sent
            if isinstance(message, DcPowerParameters)]


def test_a_lease_before_the_session_lasts_into_it():
    bench = Bench()
    bench.power.request_current(
        30.0, duration_s=300.0, priority=Priority.FLEET, source='depot', now_s=bench.now_s)
    bench.run(1.0)
    bench.lead_to(Phase.STANDBY)
    assert told_by(bench) == [100.0, 30.0, 30.0], 'again when the session begins'


def test_lease_in_target_mode_is_told_to_the_vehicle_and_ends_by_itself():
    """R32: never by giving less than what was asked for."""
    bench = transferring()
    bench.run(1.0)
    words = bench.power.request_current(
        30.0, duration_s=2.0, priority=Priority.OPERATOR, source='test', now_s=bench.now_s)
    assert 'Maximum_Charge_Current 30 A is told to the vehicle' in words
    assert bench.run(0.2).setpoint.current_a == 50.0
    assert told_by(bench)[-1] == 30.0
    bench.run(2.2)
    told = [amperes for amperes, _ in itertools.groupby(told_by(bench))]
    assert told[-3:] == [100.0, 30.0, 100.0]


@pytest.mark.parametrize('wish', [
    {'current_a': 121.0}, {'current_a': -0.1}, {'current_a': math.nan}, {'current_a': 0.0},
    {'duration_s': -1.0}, {'duration_s': 3600.1}, {'duration_s': math.inf},
    {'priority': 0}, {'priority': 3}, {'source': ''},
])
def test_a_senseless_lease_is_refused_with_words(wish):
    bench = transferring()
    arguments = {
        'current_a': 30.0, 'duration_s': 60.0, 'priority': Priority.FLEET, 'source': 'test',
        **wish,
    }
    with pytest.raises(ValueError) as refusal:
        bench.power.request_current(
            arguments.pop('current_a'), **arguments, now_s=bench.now_s)
    assert len(str(refusal.value)) > 20


def test_limits_are_told_never_faster_than_every_100_ms():
    bench = transferring()
    for amps in range(10, 60):
        bench.power.request_limits(
            voltage_v=0.0, charge_current_a=float(amps), discharge_current_a=0.0,
            now_s=bench.now_s)
        bench.run(0.02)
    bench.run(0.2)
    told = [(t, m) for t, m in bench.sent if not isinstance(m, PowerModulesStatus)]
    assert all(b - a >= 0.1 for (a, _), (b, _) in itertools.pairwise(told))
    assert told[-1][1].maximum_charge_current == 59.0


def test_no_lease_outlives_its_session():
    bench = transferring()
    bench.power.request_current(
        30.0, duration_s=3600.0, priority=Priority.OPERATOR, source='test', now_s=bench.now_s)
    bench.give(STANDBY)
    bench.give(ChargeSessionFinished())
    bench.state = State.WAITING_FOR_PEV
    bench.run(0.5)
    bench.sent.clear()
    bench.lead_to(Phase.STANDBY)
    assert set(told_by(bench)) == {100.0}


BOTH_WAYS = ChargerLimits(is_bidirectional=True, max_charger_discharge_current=60.0)
RANGE_TRANSFER = dataclasses.replace(TRANSFER, setpoints_mode=RANGE, current_range_min=-40.0)
DISCHARGE = dataclasses.replace(TRANSFER, current_range_max=-20.0, current_range_min=-20.0)


def in_range_mode(command=RANGE_TRANSFER, limits=BOTH_WAYS, **config):
    bench = Bench(PowerConfig(limits=limits, **config)).wake()
    bench.state = State.CHARGING
    bench.give(command)
    bench.measures(voltage_v=360.0)
    bench.run(1.0)
    return bench


def lease(bench, current_a, *, duration_s=60.0, priority=Priority.OPERATOR, source='test'):
    return bench.power.request_current(
        current_a, duration_s=duration_s, priority=priority, source=source, now_s=bench.now_s)


# Who chooses the current (R25, R30)


@pytest.mark.parametrize('ocpp', [None, 30.0])
@pytest.mark.parametrize('fleet', [None, 20.0])
@pytest.mark.parametrize('operator', [None, 10.0])
def test_order_of_rank_in_range_mode(operator, fleet, ocpp):
    bench = in_range_mode()
    if ocpp is not None:
        bench.give(OcppControl(ocpp))
    if fleet is not None:
        lease(bench, fleet, priority=Priority.FLEET, source='depot')
    if operator is not None:
        lease(bench, operator, source='operator')
    bench.run(1.0)
    wishes = [('operator', operator), ('depot', fleet), ('ocpp', ocpp), ('controller', 50.0)]
    source, current_a = next(wish for wish in wishes if wish[1] is not None)
    effective = bench.decision.effective
    assert (effective.source, effective.current_a) == (source, current_a)
    assert effective.limited_by == ()
    assert (effective.range_min_a, effective.range_max_a) == (-40.0, 50.0)
    bench.power.emergency_stop('above all', now_s=bench.now_s)
    effective = bench.tick().effective
    assert (effective.source, effective.current_a) == ('emergency', 0.0)


@pytest.mark.parametrize('low, high, expected', [
    (5.0, 50.0, 50.0), (-40.0, 50.0, 50.0), (-40.0, -5.0, -5.0), (0.0, 0.0, 0.0),
])
def test_without_a_wish_the_maximum_of_the_range(low, high, expected):
    """R25: charge only, both directions, discharge only."""
    bench = in_range_mode(dataclasses.replace(
        RANGE_TRANSFER, current_range_min=low, current_range_max=high))
    assert bench.decision.setpoint.current_a == expected


@pytest.mark.parametrize('low, high, wish, expected', [
    (5.0, 50.0, 4.9, 5.0), (5.0, 50.0, 5.1, 5.1), (-40.0, 50.0, 50.1, 50.0),
    (-40.0, 50.0, -40.1, -40.0), (-40.0, -5.0, 0.0, -5.0), (-40.0, -5.0, -5.1, -5.1),
])
def test_a_wish_is_clamped_into_the_range_on_every_frame(low, high, wish, expected):
    bench = in_range_mode()
    lease(bench, wish)
    bench.give(dataclasses.replace(
        RANGE_TRANSFER, current_range_min=low, current_range_max=high))
    assert bench.run(1.0).effective.target_a == expected
    assert ('range' in bench.decision.effective.limited_by) is (wish != expected)
    bench.give(RANGE_TRANSFER)
    assert bench.run(1.0).effective.target_a == min(max(wish, -40.0), 50.0)


def test_an_ocpp_current_of_another_session_is_forgotten_and_0_is_0():
    """A16."""
    bench = in_range_mode()
    bench.give(OcppControl(0.0))
    assert bench.run(1.0).setpoint.current_a == 0.0
    bench.give(STANDBY)
    bench.state = State.WAITING_FOR_PEV
    bench.run(0.5)
    bench.wake()
    bench.give(RANGE_TRANSFER)
    assert bench.run(1.0).setpoint.current_a == 50.0


def test_in_target_mode_ocpp_is_ignored():
    """R30."""
    bench = transferring()
    bench.give(OcppControl(10.0))
    assert bench.run(1.0).setpoint.current_a == 50.0


def test_modules_that_cannot_choose_take_the_maximum_of_the_range_and_it_is_a_finding():
    """R25, A43."""
    limits = dataclasses.replace(BOTH_WAYS, supports_range_mode=False)
    bench = in_range_mode(limits=limits)
    bench.give(OcppControl(10.0))
    assert bench.run(1.0).setpoint.current_a == 50.0
    assert 'supports_range_mode is false' in bench.texts()


@pytest.mark.parametrize('command, limits, expected, names', [
    (TRANSFER, {'min_charger_current': 50.0}, 50.0, ()),
    (TRANSFER, {'min_charger_current': 50.1}, 0.0, ('charger minimum',)),
    (TRANSFER, {'min_charger_power': 420.0 * 50.0}, 50.0, ()),
    (TRANSFER, {'min_charger_power': 420.0 * 50.1}, 0.0, ('charger minimum',)),
    (TRANSFER, {'min_charger_voltage': 420.0}, 50.0, ()),
    (TRANSFER, {'min_charger_voltage': 420.1}, 0.0, ('charger minimum',)),
    (DISCHARGE, {'min_charger_discharge_current': 20.0}, -20.0, ()),
    (DISCHARGE, {'min_charger_discharge_current': 20.1}, 0.0, ('charger minimum',)),
    (DISCHARGE, {'min_charger_discharge_voltage': 360.1}, 0.0, ('discharge voltage',)),
    (DISCHARGE, {'is_bidirectional': False}, 0.0, ('not bidirectional',)),
])
def test_what_the_charger_cannot_do_is_not_done_and_said(command, limits, expected, names):
    bench = in_range_mode(command, dataclasses.replace(BOTH_WAYS, **limits))
    assert bench.decision.setpoint.current_a == expected
    assert bench.decision.effective.limited_by == names


@pytest.mark.parametrize('low, expected', [(10.0, 12.0), (0.0, 0.0)])
def test_a_wish_below_the_least_current_is_none_or_the_least_as_the_range_permits(low, expected):
    bench = in_range_mode(
        dataclasses.replace(RANGE_TRANSFER, current_range_min=low),
        dataclasses.replace(BOTH_WAYS, min_charger_current=12.0))
    lease(bench, 11.0)
    assert bench.run(1.0).setpoint.current_a == expected


def test_a_precharge_below_the_least_voltage_is_not_tried():
    bench = Bench(PowerConfig(limits=ChargerLimits(min_charger_voltage=360.1))).wake()
    bench.give(PRECHARGE)
    assert bench.run(0.5).setpoint.mode is ModulesMode.OFF
    assert 'below min_charger_voltage 360.1 V' in bench.decision.note


def test_a_limit_of_our_own_is_not_ramped():
    limits = ChargerLimits(max_charger_power=20_000.0)
    bench = in_range_mode(TRANSFER, limits, current_ramp_down_rate=1.0)
    assert bench.decision.setpoint.current_a == 50.0
    bench.measures(voltage_v=410.0)
    assert bench.tick().setpoint.current_a == pytest.approx(20_000.0 / 410.0)
    assert bench.decision.effective.limited_by == ('charger power',)


# Heat


@pytest.mark.parametrize('mode', [RANGE, DcPowerControl.SetpointsMode.TARGET_MODE])
def test_heat_lowers_the_current_and_what_is_told(mode):
    """R50, R32: 80 °C is three quarters of 120 A."""
    command = dataclasses.replace(
        TRANSFER, current_range_max=100.0, current_range_min=100.0, setpoints_mode=mode)
    bench = in_range_mode(command)
    bench.measures(power_modules_temperature_c=80.0)
    bench.run(0.5)
    assert bench.decision.setpoint.current_a == 90.0
    assert bench.decision.effective.limited_by == ('temperature',)
    assert told_by(bench)[-1] == 90.0
    bench.measures(power_modules_temperature_c=70.0)
    bench.run(0.5)
    assert told_by(bench)[-1] == 100.0
    assert bench.decision.setpoint.current_a == 100.0


# Leases


@pytest.mark.parametrize('later_s, current_a', [(1.99, 10.0), (2.01, 50.0)])
def test_a_lease_ends_by_itself_after_its_time(later_s, current_a):
    bench = in_range_mode()
    lease(bench, 10.0, duration_s=2.0)
    assert bench.run(later_s).effective.target_a == current_a


def test_the_topic_tells_the_lease_and_how_long_it_lasts():
    bench = in_range_mode()
    lease(bench, 80.0, duration_s=10.0, source='depot')
    effective = bench.run(4.0).effective
    assert (effective.lease.source, effective.lease.current_a) == ('depot', 80.0)
    assert effective.lease_remaining_s == pytest.approx(6.0)
    assert (effective.wanted_a, effective.target_a) == (80.0, 50.0)
    assert effective.limited_by == ('range',)


def test_a_lease_behind_another_is_told_so():
    bench = in_range_mode()
    lease(bench, 10.0, source='control room')
    assert 'after the lease of control room' in lease(bench, 20.0, priority=Priority.FLEET)


@pytest.mark.parametrize('command, wish, is_granted', [
    (TRANSFER, 0.1, True), (TRANSFER, 0.09, False), (TRANSFER, 0.0, False),
    (TRANSFER, -20.0, False), (DISCHARGE, -10.0, True), (DISCHARGE, -0.09, False),
    (DISCHARGE, 10.0, False), (RANGE_TRANSFER, 0.0, True), (RANGE_TRANSFER, -20.0, True),
    (RANGE_TRANSFER, 60.0, True),
])
def test_in_target_mode_only_less_in_the_direction_of_the_vehicle_can_be_wished(
        command, wish, is_granted):
    """R32, R33."""
    bench = in_range_mode(command)
    if is_granted:
        assert lease(bench, wish)
    else:
        with pytest.raises(ValueError, match='stop_charge'):
            lease(bench, wish)


def test_a_lease_on_a_scheduled_discharge_is_told_as_the_discharge_limit():
    bench = in_range_mode(DISCHARGE)
    assert 'Maximum_Discharge_Current 10 A is told' in lease(bench, -10.0)
    effective = bench.run(0.3).effective
    assert effective.current_a == -20.0, 'the vehicle sets the current (R24)'
    assert effective.told.maximum_discharge_current == 10.0
    assert effective.told.maximum_charge_current == 100.0


@pytest.mark.parametrize('wish, charge_a, discharge_a', [
    (30.0, 30.0, 60.0), (-30.0, 100.0, 30.0), (0.0, 100.0, 60.0), (0.09, 100.0, 60.0),
])
def test_what_a_lease_tells_before_the_transfer(wish, charge_a, discharge_a):
    bench = Bench(PowerConfig(limits=BOTH_WAYS)).wake()
    assert 'from the power transfer on' in lease(bench, wish)
    told = bench.run(0.3).effective.told
    assert (told.maximum_charge_current, told.maximum_discharge_current) == (
        charge_a, discharge_a)
    bench.give(TRANSFER)
    bench.measures(voltage_v=360.0)
    # Now it is the vehicle that sets the current: what is told is the limit of one direction.
    told = bench.run(0.3).effective.told
    assert (told.maximum_charge_current, told.maximum_discharge_current) == (
        (max(wish, 0.1), 60.0) if wish >= 0 else (100.0, discharge_a))


def test_without_discharging_no_lease_on_it():
    limits = dataclasses.replace(BOTH_WAYS, is_bidirectional=False)
    with pytest.raises(ValueError, match=r'outside 0 \.\. 120 A'):
        lease(Bench(PowerConfig(limits=limits)), -20.0)


def test_a_lease_leaves_the_other_direction_alone():
    bench = in_range_mode(TRANSFER)
    lease(bench, 30.0)
    bench.give(DISCHARGE)
    told = bench.run(0.3).effective.told
    assert (told.maximum_charge_current, told.maximum_discharge_current) == (30.0, 60.0)


def test_a_pause_in_range_mode_tells_the_controller_nothing_of_a_lease():
    bench = in_range_mode()
    lease(bench, -20.0)
    for command in (STANDBY, RANGE_TRANSFER, STANDBY):
        bench.give(command)
        assert bench.run(0.5).effective.told == dataclasses.replace(
            TOLD, maximum_discharge_current=60.0)


@pytest.mark.parametrize('duration_s', [1e-300, 1e-12, 0.099])
def test_a_lease_that_would_be_over_at_once_is_refused(duration_s):
    bench = in_range_mode()
    with pytest.raises(ValueError, match='duration'):
        lease(bench, 10.0, duration_s=duration_s)
    lease(bench, 10.0, duration_s=0.1)


def test_giving_back_says_whose_lease_it_was():
    bench = in_range_mode()
    lease(bench, 10.0, source='control room')
    assert lease(bench, 0.0, duration_s=0.0) == 'lease of control room (operator) given back'
    assert lease(bench, 0.0, duration_s=0.0) == 'there was no lease of the operator'


def test_what_a_lease_tells_is_told_even_where_limits_are_lower():
    bench = in_range_mode(TRANSFER)
    bench.power.request_limits(
        voltage_v=0.0, charge_current_a=10.0, discharge_current_a=0.0, now_s=bench.now_s)
    assert 'Maximum_Charge_Current 10 A is told' in lease(bench, 30.0)


def test_limits_are_kept_at_once_where_the_current_is_ours_to_choose():
    bench = in_range_mode()
    words = bench.power.request_limits(
        voltage_v=400.0, charge_current_a=20.0, discharge_current_a=10.0, now_s=bench.now_s)
    assert words.startswith('told to the controller: maximum 400 V, charge 20 A')
    assert bench.run(1.0).setpoint.current_a == 20.0
    assert bench.decision.effective.limited_by == ('set limits', 'maximum voltage')
    assert bench.decision.setpoint.voltage_v == 400.0
    bench.give(OcppControl(-30.0))
    assert bench.run(1.0).setpoint.current_a == -10.0


def test_a_command_beyond_the_limits_is_said_once_each_time_it_begins():
    """R33: for a fleet of hours, one line; in either direction, and of the test voltage, too."""
    bench = in_range_mode(RANGE_TRANSFER, dataclasses.replace(
        BOTH_WAYS, max_charger_current=40.0, max_charger_discharge_current=15.0))
    bench.run(6.0)
    bench.texts()
    within = dataclasses.replace(TRANSFER, current_range_max=40.0, current_range_min=-15.0,
                                 setpoints_mode=RANGE)
    for low_a, high_a, words in (
        (-15.0, 50.0, 'commands 50 A although it has been told Maximum_Charge_Current 40 A'),
        (-40.0, 40.0, 'commands 40 A although it has been told Maximum_Discharge_Current 15 A'),
    ):
        for _ in range(3):
            bench.give(within)
            for _ in range(20):
                bench.give(dataclasses.replace(
                    within, current_range_min=low_a, current_range_max=high_a))
                bench.run(0.1)
            # The journal counts what comes again within 5 s.
            bench.run(5.0)
        said = bench.texts()
        assert said.count(words) == 3, said
        assert said.count('although') == 3
    assert bench.power.journal.counts['told limits'] == 6


def test_a_test_voltage_beyond_the_limits_is_said():
    bench = Bench(PowerConfig(limits=ChargerLimits(max_charger_voltage=450.0)))
    bench.run(5.0)
    bench.lead_to(Phase.INSULATION_TEST)
    assert 'commands 500 V although it has been told Maximum_Voltage 450 V' in bench.texts()


def test_limits_given_back_are_told_as_what_the_charger_can_do():
    """R33: and what it cannot, as the least; or as 0, where that is left to the controller."""
    no_limits = {'voltage_v': 0.0, 'charge_current_a': 0.0, 'discharge_current_a': 0.0}
    words = Bench().power.request_limits(**no_limits, now_s=1.0)
    assert 'maximum 500 V, charge 100 A, discharge 0.1 A (the least that can be told);' in words
    left = PowerConfig(tell_maximum_voltage=False, limits=ChargerLimits(max_charger_current=40.0))
    words = Bench(left).power.request_limits(**no_limits, now_s=1.0)
    assert 'maximum as the controller is configured, charge 40 A' in words


def test_limits_lead_not_out_of_the_range():
    bench = in_range_mode(dataclasses.replace(RANGE_TRANSFER, current_range_min=30.0))
    bench.power.request_limits(
        voltage_v=0.0, charge_current_a=10.0, discharge_current_a=0.0, now_s=bench.now_s)
    assert bench.run(1.0).setpoint.current_a == 30.0
    assert bench.decision.effective.limited_by == ('set limits', 'range')


def test_the_least_of_the_modules_is_not_above_the_limits_that_were_set():
    bench = in_range_mode(
        dataclasses.replace(RANGE_TRANSFER, current_range_min=5.0),
        dataclasses.replace(BOTH_WAYS, min_charger_current=30.0))
    bench.power.request_limits(
        voltage_v=0.0, charge_current_a=20.0, discharge_current_a=0.0, now_s=bench.now_s)
    assert bench.run(1.0).setpoint.current_a == 0.0


def test_in_target_mode_limits_are_the_vehicles_turn():
    """R32."""
    bench = in_range_mode(TRANSFER)
    bench.power.request_limits(
        voltage_v=0.0, charge_current_a=20.0, discharge_current_a=0.0, now_s=bench.now_s)
    assert bench.run(1.0).setpoint.current_a == 50.0
    assert told_by(bench)[-1] == 20.0


def test_an_ocpp_current_from_before_the_announcement_counts():
    bench = Bench(PowerConfig(limits=BOTH_WAYS))
    bench.give(OcppControl(10.0))
    bench.wake()
    bench.give(RANGE_TRANSFER)
    bench.measures(voltage_v=360.0)
    assert bench.run(1.0).setpoint.current_a == 10.0


def test_an_output_that_sags_below_the_least_does_not_come_and_go():
    limits = dataclasses.replace(BOTH_WAYS, min_charger_discharge_voltage=300.0)
    bench = in_range_mode(DISCHARGE, limits)
    assert bench.decision.setpoint.current_a == -20.0
    bench.measures(voltage_v=299.9)
    assert bench.tick().setpoint.current_a == 0.0
    bench.measures(voltage_v=303.0)
    assert bench.run(2.0).setpoint.current_a == 0.0


def test_a_fault_ends_leases_and_grants_none():
    bench = in_range_mode()
    lease(bench, 10.0)
    bench.power.emergency_stop('for the test', now_s=bench.now_s)
    assert bench.tick().effective.lease is None
    with pytest.raises(ValueError, match='a fault is latched'):
        lease(bench, 10.0)


def test_a_lease_lasts_through_a_moment_of_silence_while_the_modules_wake():
    bench = Bench(PowerConfig(limits=BOTH_WAYS)).lead_to(Phase.WAKING)
    lease(bench, 10.0)
    bench.silent.add('controller')
    assert bench.run(0.3).phase is Phase.IDLE
    bench.silent.clear()
    bench.measures(is_ready=True)
    bench.run(0.2)
    bench.wake()
    bench.give(RANGE_TRANSFER)
    bench.measures(voltage_v=360.0)
    assert bench.run(1.0).setpoint.current_a == 10.0


@pytest.mark.parametrize('command', [RANGE_TRANSFER, TRANSFER])
@pytest.mark.parametrize('wish, told_a', [(10.0, 10.0), (0.0, 100.0)])
def test_the_mode_of_a_session_says_nothing_about_the_next(command, wish, told_a):
    bench = in_range_mode(command)
    bench.give(STANDBY)
    bench.give(ChargeSessionFinished())
    bench.state = State.WAITING_FOR_PEV
    bench.run(0.5)
    assert 'from the power transfer on' in lease(bench, wish)
    bench.run(0.3)
    assert told_by(bench)[-1] == told_a


def test_an_end_that_is_heard_while_idle_drops_no_lease():
    bench = Bench(PowerConfig(limits=BOTH_WAYS))
    lease(bench, 10.0)
    bench.give(ChargeSessionFinished())
    assert bench.decision.effective.lease is not None


def test_a_lease_on_all_that_the_charger_can_do_is_told_in_words():
    bench = in_range_mode(TRANSFER, dataclasses.replace(BOTH_WAYS, max_cable_current=200.0))
    assert 'Maximum_Charge_Current 120 A is told' in lease(bench, 120.0)


def test_a_lease_on_more_than_the_cable_carries_is_told_as_what_it_carries():
    bench = in_range_mode(TRANSFER)
    assert 'Maximum_Charge_Current 100 A is told' in lease(bench, 120.0)


@pytest.mark.parametrize('low_v, battery_v', [(350.0, 355.0), (490.0, 495.0)])
def test_discharging_begins_at_any_voltage_that_is_permitted(low_v, battery_v):
    """The output was at 0 V before: that was no sag."""
    limits = dataclasses.replace(BOTH_WAYS, min_charger_discharge_voltage=low_v)
    bench = Bench(PowerConfig(limits=limits)).wake()
    bench.measures(voltage_v=battery_v)
    bench.give(DISCHARGE)
    assert bench.run(1.0).setpoint.current_a == -20.0


def test_a_lease_granted_after_the_end_is_for_the_next_session():
    bench = in_range_mode()
    bench.give(STANDBY)
    bench.state = State.CLOSING_COMMUNICATION
    bench.give(ChargeSessionFinished())
    lease(bench, 10.0)
    bench.run(0.3)
    bench.state = State.WAITING_FOR_PEV
    bench.run(0.5)
    bench.wake()
    bench.give(RANGE_TRANSFER)
    bench.measures(voltage_v=360.0)
    assert bench.run(1.0).setpoint.current_a == 10.0


def test_no_lease_lasts_into_a_session_that_follows_without_an_idle_controller():
    """A42."""
    bench = in_range_mode()
    lease(bench, 10.0)
    bench.give(STANDBY)
    bench.give(ChargeSessionFinished())
    bench.wake()
    assert bench.decision.phase is Phase.STANDBY
    assert bench.decision.effective.lease is None
