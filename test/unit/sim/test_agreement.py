# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What controller and vehicle settle on: the table of interface.md 4.3, and the limits."""

import pytest

from gi3_ros.core.interface.signals import DcPowerControl, DcPowerParameters
from gi3_ros.core.power.limits import ChargerLimits
from gi3_ros.sim.agreement import agree, charger_limits, current_range, NoAgreement, Window
from gi3_ros.sim.config import ControllerConfig, Pistol
from gi3_ros.sim.protocols import ControlMode, Direction, Protocol
from gi3_ros.sim.vehicle_config import VehicleConfig

TARGET = DcPowerControl.SetpointsMode.TARGET_MODE
RANGE = DcPowerControl.SetpointsMode.RANGE_MODE
CHARGE, DISCHARGE, BOTH = Direction
BATTERY_V = 360.0


def settle(protocol, *, is_bidirectional, has_range, vehicle, **entries):
    is_chademo = protocol.is_chademo
    return agree(
        ControllerConfig(
            pistol=Pistol.CHADEMO if is_chademo else Pistol.CCS, enable_iso_part20=True,
            limits=ChargerLimits(
                is_bidirectional=is_bidirectional, supports_range_mode=has_range,
                max_charger_discharge_current=50.0), **entries),
        VehicleConfig(protocols=(protocol,), **vehicle), BATTERY_V)


BPT = {'is_bidirectional': True, 'direction': BOTH}
DYNAMIC = {'control_mode': ControlMode.DYNAMIC}


@pytest.mark.parametrize('is_bidirectional', [False, True])
@pytest.mark.parametrize('has_range', [False, True])
@pytest.mark.parametrize(('protocol', 'vehicle'), [
    (Protocol.DIN_70121, BPT), (Protocol.ISO_15118_2, BPT), (Protocol.ISO_15118_20, {}),
    (Protocol.CHADEMO_0_9, {}), (Protocol.CHADEMO_1, {}), (Protocol.CHADEMO_2, {}),
])
def test_one_way_vehicles_get_a_target_to_charge(protocol, vehicle, is_bidirectional, has_range):
    """Rows 1, 2 and 6."""
    agreed = settle(
        protocol, is_bidirectional=is_bidirectional, has_range=has_range, vehicle=vehicle)
    assert (agreed.mode, agreed.direction) == (TARGET, CHARGE)
    assert not agreed.is_range_converted


@pytest.mark.parametrize('has_range', [False, True])
@pytest.mark.parametrize('direction', Direction)
def test_scheduled_with_bpt_is_a_target_of_either_sign(direction, has_range):
    """Row 3."""
    agreed = settle(Protocol.ISO_15118_20, is_bidirectional=True, has_range=has_range,
                    vehicle={**BPT, 'direction': direction})
    assert (agreed.mode, agreed.direction) == (TARGET, direction)


@pytest.mark.parametrize(('is_bidirectional', 'vehicle', 'direction'), [
    (False, DYNAMIC, CHARGE), (False, {**DYNAMIC, **BPT}, CHARGE), (True, DYNAMIC, CHARGE),
    (True, {**DYNAMIC, **BPT}, BOTH),
    (True, {**DYNAMIC, **BPT, 'direction': DISCHARGE}, DISCHARGE),
])
def test_dynamic_is_a_range(is_bidirectional, vehicle, direction):
    """Rows 4 and 5."""
    agreed = settle(Protocol.ISO_15118_20, is_bidirectional=is_bidirectional, has_range=True,
                    vehicle=vehicle)
    assert (agreed.mode, agreed.direction) == (RANGE, direction)


@pytest.mark.parametrize('protocol', [
    Protocol.CHADEMO_0_9, Protocol.CHADEMO_1, Protocol.CHADEMO_2])
def test_chademo_needs_v2g_on_both_sides_for_a_range(protocol):
    """Row 7, and those that fall to Target_Mode."""
    assert settle(protocol, is_bidirectional=True, has_range=True, vehicle=BPT).mode is RANGE
    for is_bidirectional, vehicle in ((False, BPT), (True, {})):
        agreed = settle(
            protocol, is_bidirectional=is_bidirectional, has_range=True, vehicle=vehicle)
        assert (agreed.mode, agreed.direction) == (TARGET, CHARGE)


@pytest.mark.parametrize('protocol', [Protocol.ISO_15118_20, Protocol.CHADEMO_2])
def test_a_charger_without_range_mode_gets_a_target_or_no_session(protocol):
    """Row 8 and A43."""
    options = {'is_bidirectional': True, 'has_range': False, 'vehicle': {**DYNAMIC, **BPT}}
    agreed = settle(protocol, **options)
    assert (agreed.mode, agreed.is_range_converted) == (TARGET, True)
    with pytest.raises(NoAgreement, match='A43'):
        settle(protocol, **options, without_range_mode='refuse')


def test_a_vehicle_that_only_discharges_needs_a_charger_that_can():
    with pytest.raises(NoAgreement, match='charger not bidirectional'):
        settle(Protocol.ISO_15118_20, is_bidirectional=False, has_range=True,
               vehicle={**BPT, 'direction': DISCHARGE})


@pytest.mark.parametrize(('order', 'expected'), [
    ('standard', Protocol.ISO_15118_2), ('latest', Protocol.ISO_15118_20),
    ('oldest', Protocol.DIN_70121),
])
def test_common_protocols_are_ranked_as_configured(order, expected):
    vehicle = VehicleConfig(
        protocols=(Protocol.ISO_15118_2, Protocol.ISO_15118_20, Protocol.DIN_70121))
    config = ControllerConfig(enable_iso_part20=True, protocol_priority_order=order)
    assert agree(config, vehicle, BATTERY_V).protocol is expected


@pytest.mark.parametrize(('entries', 'protocol'), [
    ({'enable_din': False}, Protocol.DIN_70121), ({'enable_iso_part2': False},
                                                 Protocol.ISO_15118_2),
    ({}, Protocol.ISO_15118_20), ({}, Protocol.CHADEMO_2),
    ({'pistol': Pistol.CHADEMO}, Protocol.ISO_15118_2),
])
def test_without_a_common_protocol_there_is_no_session(entries, protocol):
    with pytest.raises(NoAgreement, match='no common protocol'):
        agree(ControllerConfig(**entries), VehicleConfig(protocols=(protocol,)), BATTERY_V)


@pytest.mark.parametrize(('battery_v', 'fits'), [
    (199.9, False), (200.0, True), (450.0, True), (450.1, False)])
def test_the_battery_has_to_be_where_charger_and_cable_can_be(battery_v, fits):
    config = ControllerConfig(
        limits=ChargerLimits(min_charger_voltage=200.0, max_cable_voltage=450.0))
    if fits:
        agree(config, VehicleConfig(), battery_v)
    else:
        with pytest.raises(NoAgreement, match=r'can do 200\.\.450 V'):
            agree(config, VehicleConfig(), battery_v)


@pytest.mark.parametrize(('parameters', 'expected'), [
    (DcPowerParameters(), (500.0, 100.0, 40.0)),
    (DcPowerParameters(
        maximum_voltage=450.0, maximum_charge_current=60.0, maximum_discharge_current=20.0),
     (450.0, 60.0, 20.0)),
    (DcPowerParameters(
        maximum_voltage=6553.5, maximum_charge_current=6553.5, maximum_discharge_current=6553.5),
     (500.0, 100.0, 40.0)),
    (DcPowerParameters(
        maximum_voltage=0.1, maximum_charge_current=0.1, maximum_discharge_current=0.1),
     (0.1, 0.1, 0.1)),
])
def test_parameters_lower_and_zero_is_the_default(parameters, expected):
    """R33: 120 A of the charger, 100 A of the cable."""
    limits = charger_limits(ChargerLimits(max_charger_discharge_current=40.0), parameters)
    assert (limits.voltage_v, limits.current_a, limits.discharge_current_a) == expected


@pytest.mark.parametrize(('entries', 'charge_w', 'discharge_w'), [
    ({}, 50e3, 20e3),
    ({'max_charger_power': 30e3, 'max_charger_discharge_power': 5e3}, 30e3, 5e3),
    ({'max_cable_power': 10e3}, 10e3, 10e3),
])
def test_a_power_of_zero_is_computed(entries, charge_w, discharge_w):
    """Interface 5.1: cable 500 V x 100 A, charger 500 V x 120 A and 500 V x 40 A."""
    limits = charger_limits(
        ChargerLimits(max_charger_discharge_current=40.0, **entries), DcPowerParameters())
    assert (limits.power_w, limits.discharge_power_w) == (charge_w, discharge_w)


def test_hot_modules_lower_both_directions():
    """R50."""
    limits = charger_limits(
        ChargerLimits(max_charger_discharge_current=40.0), DcPowerParameters(), 0.5)
    assert (limits.current_a, limits.discharge_current_a) == (60.0, 20.0)


@pytest.mark.parametrize(('direction', 'expected'), [
    (BOTH, (-40.0, 50.0)), (CHARGE, (5.0, 50.0)), (DISCHARGE, (-40.0, -3.0))])
def test_ends_of_the_range(direction, expected):
    """R25."""
    window = Window(400.0, 50.0, 5.0, 40.0, 3.0)
    assert current_range(window, direction) == expected


@pytest.mark.parametrize('direction', [CHARGE, DISCHARGE])
def test_a_least_current_never_turns_a_range_around(direction):
    low_a, high_a = current_range(Window(400.0, 2.0, 5.0, 2.0, 5.0), direction)
    assert low_a == high_a
    assert abs(low_a) == 2.0
