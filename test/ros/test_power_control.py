# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""power_control against a scripted controller and scripted hardware on topics."""

import itertools
import math
import pathlib

import pytest

from gi3_ros import msg as ros
from gi3_ros import srv
from gi3_ros.core.hardware import ModulesMode, Stage
from gi3_ros.core.interface import signals
from gi3_ros.nodes.power_control import PowerControlNode

CONTROLLER_CONFIG = pathlib.Path(__file__).parents[1] / 'data' / 'controller.cfg'
State = signals.AdvanticsControllerStatus.State
Function = signals.DcPowerControl.PowerFunction
BUSY_MACHINE_S = 0.3
"""Allowed on top of a limit for the scheduling of a machine with other work to do."""
OPERATOR = srv.SetCurrentSetpoint.Request.PRIORITY_OPERATOR


@pytest.fixture
def power_control(world, peers):
    """Give an active power_control without slow ramps, with all its peers alive."""
    node = world.bring_up(
        PowerControlNode, current_ramp_up_rate=10000.0, voltage_ramp_up_rate=100000.0,
        is_bidirectional=True, max_charger_discharge_current=60.0)
    peers.begin()
    return node


@pytest.fixture
def transfer(power_control, peers):
    """Give power_control at 50 A in Target_Mode."""
    peers.go_to_transfer(current_a=50.0)
    return power_control


def is_allowed(status):
    return status.system_enable == status.SYSTEM_ENABLE_ALLOWED


def call_current(world, current_a, *, duration_s=10.0, priority=OPERATOR, source='fleet 7'):
    return world.call(
        srv.SetCurrentSetpoint, 'set_current_setpoint', current=current_a, duration=duration_s,
        priority=priority, source=source)


def call_reset(world):
    return world.call(srv.ResetFault, 'reset_fault')


def wait_for_fault(peers, words):
    return peers.words.wait_for(lambda message: words in message.fault)


def assert_stays_off(peers, *, statuses=4):
    """Look at the next half second: no power is asked for, and none is allowed."""
    setpoints, pms, heard = peers.setpoints.mark, peers.statuses.mark, peers.words.mark
    for _ in range(5):
        heard += 1
        peers.words.wait_for(after=heard)
    assert {setpoint.mode for setpoint in peers.setpoints.heard[setpoints:]} == {ModulesMode.OFF}
    assert not any(is_allowed(status) for status in peers.statuses.heard[pms:])


def test_wakes_up_and_goes_to_a_power_transfer(world, peers, transfer):
    effective = world.listen(ros.EffectiveSetpoint, 'effective_setpoint').wait_for()
    assert (effective.current, effective.target, effective.wanted) == (50.0, 50.0, 50.0)
    assert (effective.range_min, effective.range_max) == (50.0, 50.0)
    assert (effective.source, list(effective.limited_by)) == ('controller', [])
    phases = [name for name, _ in itertools.groupby(
        words.phase_name for words in peers.words.heard)]
    assert [name for name in phases if name not in ('IDLE', 'WAKING')] == [
        'STANDBY', 'INSULATION_TEST', 'LOWERING_AFTER_TEST', 'PRECHARGE', 'STANDBY',
        'POWER_TRANSFER']
    assert all(words.system_enable and not words.fault for words in peers.words.heard
               if words.phase_name not in ('IDLE', 'WAKING'))
    precharge = peers.wait_for_setpoint(ModulesMode.REGULATE, voltage_v=peers.BATTERY_V)
    assert precharge.current == 2.0, "never above the vehicle's cap (R19)"


def test_waits_in_waking_until_the_modules_are_ready(world, peers, power_control):
    readings = world.listen(ros.PowerMeasurement, 'power_measurement')
    peers.is_ready = False
    # With the second one of them here, the first has been heard by power_control, too.
    first = readings.wait_for(lambda reading: not reading.ready)
    readings.wait_for(lambda reading: reading.header.stamp != first.header.stamp,
                      after=readings.mark)
    peers.state = State.CONNECTED_WITH_FULL_INFO
    waking = peers.words.wait_for(
        lambda words: words.phase_name == 'WAKING' and 'not ready' in words.note)
    assert not waking.system_enable
    assert not is_allowed(peers.statuses.wait_for()), 'R6: the status goes out all the same'
    peers.is_ready = True
    assert peers.wait_for_phase('STANDBY').system_enable
    assert is_allowed(peers.statuses.wait_for(is_allowed))


def test_sends_the_status_every_100_ms_with_the_measurement_and_its_stamp(
        world, peers, transfer, seconds):
    measurements = world.listen(ros.PowerMeasurement, 'power_measurement')
    measurements.wait_for()
    mark = peers.statuses.mark
    peers.statuses.wait_for(after=mark + 10)
    statuses = peers.statuses.heard[mark + 2:mark + 10]
    by_stamp = {seconds(message.header.stamp): message for message in measurements.heard}
    for status in statuses:
        measurement = by_stamp[seconds(status.header.stamp)]
        assert status.present_voltage == measurement.voltage
        assert status.present_current == measurement.current
        assert is_allowed(status)
    span_s = seconds(statuses[-1].header.stamp) - seconds(statuses[0].header.stamp)
    assert span_s / (len(statuses) - 1) == pytest.approx(0.1, abs=0.03)


SILENCES = {
    'controller_status': (0.2, 'controller silent'),
    'power_measurement': (0.25, 'power modules silent'),
    'stage_status': (0.5, 'output stage silent'),
}


@pytest.mark.parametrize(
    ('topic', 'limit_s', 'words'), [(topic, *rest) for topic, rest in SILENCES.items()])
def test_silence_takes_the_power_away_and_it_does_not_come_back_by_itself(
        world, peers, transfer, seconds, topic, limit_s, words):
    mark = peers.setpoints.mark
    last_s = peers.silence(topic)
    off = peers.wait_for_setpoint(ModulesMode.OFF, after=mark)
    took_s = seconds(off.header.stamp) - last_s
    strict = f', R1 asks for {limit_s + 0.02:.2f} s' if topic == 'controller_status' else ''
    print(f'silence of {topic}: zero setpoint after {1e3 * took_s:.0f} ms{strict}')
    assert limit_s <= took_s < limit_s + BUSY_MACHINE_S
    assert (off.voltage, off.current) == (0.0, 0.0)
    assert words in off.reason
    assert not wait_for_fault(peers, words).system_enable
    refused = call_reset(world)
    assert not refused.success
    assert words in refused.message
    peers.speak(topic)
    peers.transfer(50.0)
    assert_stays_off(peers)
    assert wait_for_fault(peers, words)
    assert call_reset(world).success
    # R1: frames that are back are no session that begins.
    peers.transfer(50.0)
    assert_stays_off(peers)


def test_withdraws_system_enable_once_when_the_modules_fall_silent(peers, transfer, seconds):
    mark = peers.statuses.mark
    last_s = peers.silence('power_measurement')
    withdrawn = peers.statuses.wait_for(
        lambda status: not is_allowed(status), after=mark)
    assert seconds(withdrawn.header.stamp) == pytest.approx(last_s)
    heard = peers.words.mark
    peers.words.wait_for(after=heard + 5)
    after = peers.statuses.heard[peers.statuses.heard.index(withdrawn) + 1:]
    assert not after, 'nothing true is left to say (house rule 6)'


def test_system_enable_goes_and_the_status_goes_on_when_the_controller_is_silent(peers, transfer):
    peers.silence('controller_status')
    wait_for_fault(peers, 'controller silent')
    mark = peers.statuses.mark
    peers.statuses.wait_for(after=mark + 3)
    assert not any(is_allowed(status) for status in peers.statuses.heard[mark + 1:])


def test_emergency_stop_of_the_controller_is_obeyed_at_once(world, peers, beats, transfer):
    mark = peers.setpoints.mark
    beats.every(0.1, 'emergency_stop', lambda: world.publish(
        'emergency_stop', ros.EmergencyStop(origin=3)))
    off = peers.wait_for_setpoint(ModulesMode.OFF, after=mark)
    assert 'Emergency_Stop' in off.reason
    assert 'PEV' in off.reason
    wait_for_fault(peers, 'Emergency_Stop')
    refused = call_reset(world)
    assert not refused.success
    assert 'in force' in refused.message
    beats.silence('emergency_stop')
    world.wait_until(lambda: call_reset(world).success, 'reset once it is absent for a second')
    assert_stays_off(peers)


@pytest.mark.parametrize(('fault', 'words'), [
    ('fuse of module 2', 'fuse of module 2'),
    ('', 'not ready'),
])
def test_modules_that_fail_stop_the_power(world, peers, transfer, fault, words):
    mark = peers.setpoints.mark
    peers.modules_fault, peers.is_ready = fault, bool(fault)
    assert words in peers.wait_for_setpoint(ModulesMode.OFF, after=mark).reason
    assert words in call_reset(world).message
    peers.modules_fault, peers.is_ready = '', True
    world.wait_until(lambda: call_reset(world).success, 'the cause is gone')


def test_a_stage_that_opens_under_power_gets_none_any_more(peers, transfer):
    mark = peers.setpoints.mark
    peers.stage, peers.stage_reason = Stage.UNLOADING, 'an operator asked for it'
    off = peers.wait_for_setpoint(ModulesMode.OFF, after=mark)
    assert 'UNLOADING an operator asked for it' in off.reason
    wait_for_fault(peers, 'output stage left CLOSED')


def test_a_stage_fault_stops_the_power_for_good(peers, transfer):
    mark = peers.setpoints.mark
    peers.stage, peers.stage_reason = Stage.FAULT, 'welded'
    assert 'welded' in peers.wait_for_setpoint(ModulesMode.OFF, after=mark).reason
    wait_for_fault(peers, 'welded')


def test_deactivated_it_withdraws_system_enable_and_falls_silent(world, peers, beats, transfer):
    # The one from before it was ready may have been the last so far.
    peers.statuses.wait_for(is_allowed)
    mark, allowed = peers.setpoints.mark, peers.statuses.mark
    assert world.change(transfer, 'deactivate')
    assert peers.wait_for_setpoint(ModulesMode.OFF, after=mark).reason
    peers.statuses.wait_for(lambda status: not is_allowed(status), after=allowed)
    beats.go_on(0.2)
    heard = (peers.statuses.mark, peers.setpoints.mark)
    beats.go_on(0.5)
    assert (peers.statuses.mark, peers.setpoints.mark) == heard, 'half a second of silence'
    assert not is_allowed(peers.statuses.last)
    assert peers.setpoints.last.mode == ModulesMode.OFF


@pytest.mark.parametrize('restart', [False, True])
def test_a_start_inside_a_session_stays_off(world, peers, restart):
    node = world.create(PowerControlNode)
    assert world.change(node, 'configure')
    peers.begin()
    if restart:
        assert world.change(node, 'activate')
        peers.announce()
        assert world.change(node, 'deactivate')
    peers.state = State.CHARGING
    assert world.change(node, 'activate')
    for _ in range(3):
        peers.transfer(50.0)
    assert_stays_off(peers)
    assert peers.words.last.phase_name == 'IDLE'
    # The next session is welcome.
    peers.state = State.WAITING_FOR_PEV
    peers.announce()


# The controller's own configuration


def test_limits_come_from_the_controllers_own_configuration(world, peers, capfd):
    # Spelled out with its default, as a copy of charger.yaml does: that is no second opinion.
    node = world.bring_up(
        PowerControlNode, controller_config=str(CONTROLLER_CONFIG), controller_pistol='CCS DC',
        max_charger_voltage=500.0, max_cable_current=200.0)
    assert [node.value(name) for name in (
        'max_charger_voltage', 'max_charger_current', 'max_cable_voltage', 'is_bidirectional',
        'max_charger_discharge_current', 'max_cable_power',
    )] == [920.0, 250.0, 950.0, True, 80.0, 0.0]
    told = capfd.readouterr().err
    assert 'max_voltage should be' in told, 'an old name (A20)'
    assert 'max_charger_voltage 920.0' in told
    peers.begin()
    peers.announce()
    # Told as well: the copy may be older than what the controller has by now (R33).
    peers.parameters.wait_for(lambda p: (
        p.maximum_voltage, p.maximum_charge_current, p.maximum_discharge_current,
    ) == (920.0, 200.0, 80.0))
    answer = world.call(srv.SetLimits, 'set_limits', maximum_voltage=900.0)
    assert answer.success, 'the limits in force are those of the file'


@pytest.mark.parametrize(('parameters', 'words'), [
    (('controller_config:=/nowhere.cfg',), 'No such file'),
    ((f'controller_config:={CONTROLLER_CONFIG}',), 'controller_pistol chooses'),
    ((f'controller_config:={CONTROLLER_CONFIG}', 'controller_pistol:=MCS'), 'no section'),
    ((f'controller_config:={CONTROLLER_CONFIG}', 'controller_pistol:=CCS DC',
      'max_charger_voltage:=800.0'), 'max_charger_voltage is 800.0 as a parameter and 920.0'),
    (('max_charger_voltage:=1500.1',), 'max_charger_voltage'),
])
def test_an_unusable_configuration_ends_the_process_in_words(start_process, parameters, words):
    arguments = [word for parameter in parameters for word in ('-p', parameter)]
    process = start_process('power_control', '--ros-args', *arguments)
    assert process.exit_status() == 2
    assert words in process.text
    assert 'Traceback' not in process.text


# Services


def test_a_lease_is_told_to_the_vehicle_and_ends_by_itself(world, peers, transfer, seconds):
    mark = peers.parameters.mark
    answer = call_current(world, 30.0, duration_s=0.8)
    assert answer.success
    assert 'Maximum_Charge_Current 30 A' in answer.message
    assert (answer.current_in_force, answer.source_in_force) == (50.0, 'controller')
    lowered = peers.parameters.wait_for(after=mark)
    assert lowered.maximum_charge_current == 30.0
    given_back = peers.parameters.wait_for(after=mark + 1)
    assert given_back.maximum_charge_current == 100.0, 'what the cable carries (R33)'
    lasted_s = seconds(given_back.header.stamp) - seconds(lowered.header.stamp)
    assert lasted_s == pytest.approx(0.8, abs=BUSY_MACHINE_S)
    # In Target_Mode the order of the vehicle counts all the while (R24).
    assert peers.setpoints.last.current == 50.0


def test_a_lease_given_back_ends_at_once(world, peers, transfer):
    mark = peers.parameters.mark
    assert call_current(world, 30.0, duration_s=600.0).success
    peers.parameters.wait_for(lambda p: p.maximum_charge_current == 30.0, after=mark)
    assert 'given back' in call_current(world, 0.0, duration_s=0.0).message
    peers.parameters.wait_for(lambda p: p.maximum_charge_current == 100.0, after=mark + 1)


def test_in_range_mode_a_lease_moves_the_current(world, peers, power_control):
    peers.go_to_transfer(current_a=50.0, range_mode=True)
    answer = call_current(world, 20.0, duration_s=0.8)
    assert answer.success
    assert (answer.source_in_force, answer.target_in_force) == ('fleet 7', 20.0)
    told = world.listen(ros.EffectiveSetpoint, 'effective_setpoint').wait_for(
        lambda effective: effective.source == 'fleet 7')
    assert (told.lease_source, told.lease_current, told.wanted) == ('fleet 7', 20.0, 20.0)
    assert 0.0 < told.lease_remaining <= 0.8
    assert (told.range_min, told.range_max) == (0.0, 50.0)
    mark = peers.setpoints.mark
    peers.wait_for_setpoint(ModulesMode.REGULATE, current_a=20.0)
    peers.wait_for_setpoint(ModulesMode.REGULATE, current_a=50.0, after=mark)
    out_of_range = call_current(world, -20.0)
    assert out_of_range.success
    assert 'range' in out_of_range.limited_by, 'the range begins at 0 A'
    peers.wait_for_setpoint(ModulesMode.REGULATE, current_a=0.0)


IMPOSSIBLE_LEASES = [
    ({'current_a': 121.0}, 'outside -60 .. 120 A'),
    ({'current_a': -61.0}, 'outside -60 .. 120 A'),
    ({'current_a': -20.0}, 'Target_Mode'),
    ({'current_a': 0.0}, 'stop_charge'),
    ({'current_a': math.nan}, 'outside'),
    ({'current_a': 30.0, 'duration_s': math.nan}, 'finite'),
    ({'current_a': 30.0, 'duration_s': -1.0}, 'duration'),
    ({'current_a': 30.0, 'duration_s': 3601.0}, 'duration'),
    ({'current_a': 30.0, 'priority': 7}, 'priority 7'),
    ({'current_a': 30.0, 'source': ''}, 'source'),
]


def test_impossible_leases_are_refused_in_words(world, peers, transfer):
    peers.parameters.wait_for()
    mark = peers.parameters.mark
    for wish, words in IMPOSSIBLE_LEASES:
        answer = call_current(world, **wish)
        assert not answer.success, wish
        assert words in answer.message, wish
        assert answer.current_in_force == 50.0, wish
    heard = peers.words.mark
    peers.words.wait_for(after=heard + 3)
    assert peers.parameters.mark == mark, 'a refusal changes nothing'


def test_limits_are_told_to_the_controller(world, peers, power_control):
    peers.announce()
    mark = peers.parameters.mark
    answer = world.call(
        srv.SetLimits, 'set_limits', maximum_voltage=450.0, maximum_charge_current=80.0)
    assert answer.success
    assert '450 V' in answer.message
    limits = peers.parameters.wait_for(after=mark)
    assert (limits.maximum_voltage, limits.maximum_charge_current) == (450.0, 80.0)


IMPOSSIBLE_LIMITS = [
    ({'maximum_voltage': 501.0}, 'above the configured maximum of 500 V'),
    ({'maximum_charge_current': 121.0}, 'above the configured maximum of 120 A'),
    ({'maximum_discharge_current': 61.0}, 'above the configured maximum of 60 A'),
    ({'maximum_charge_current': -1.0}, 'must be'),
    ({'maximum_charge_current': math.inf}, 'finite'),
    ({'maximum_charge_current': 0.01}, 'R33'),
]


def test_impossible_limits_are_refused_in_words(world, power_control):
    for wish, words in IMPOSSIBLE_LIMITS:
        answer = world.call(srv.SetLimits, 'set_limits', **wish)
        assert not answer.success, wish
        assert words in answer.message, wish


def test_emergency_stop_by_service_latches_with_its_reason(world, peers, transfer, seconds):
    peers.statuses.wait_for(is_allowed)
    mark, allowed = peers.setpoints.mark, peers.statuses.mark
    answer = world.call(srv.EmergencyStop, 'emergency_stop', reason='robot fell over')
    assert answer.success
    assert 'robot fell over' in peers.wait_for_setpoint(ModulesMode.OFF, after=mark).reason
    peers.statuses.wait_for(lambda status: not is_allowed(status), after=allowed)
    peers.transfer(50.0)
    assert_stays_off(peers)
    fault = wait_for_fault(peers, 'robot fell over')
    assert fault.phase_name == 'FAULT'
    assert seconds(fault.fault_since) > 0.0
    assert peers.words.wait_for(after=peers.words.mark + 3).fault_since == fault.fault_since
    effective = world.listen(ros.EffectiveSetpoint, 'effective_setpoint').wait_for()
    assert (effective.source, effective.current) == ('emergency', 0.0), 'above every lease'
    reset = call_reset(world)
    assert reset.success, 'its cause was the call'
    again = call_reset(world)
    assert not again.success
    assert 'no fault' in again.message


def test_an_inactive_node_refuses_everything(world):
    node = world.create(PowerControlNode)
    assert world.change(node, 'configure')
    for ros_type, name in [
        (srv.SetCurrentSetpoint, 'set_current_setpoint'), (srv.SetLimits, 'set_limits'),
        (srv.EmergencyStop, 'emergency_stop'), (srv.ResetFault, 'reset_fault'),
    ]:
        answer = world.call(ros_type, name)
        assert not answer.success, name
        assert 'not active' in answer.message, name
