# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What was recorded of the hardware is put right where it was told something else then."""

import types

import pytest

from gi3_ros.core.hardware import (
    Contact,
    ContactorCommand,
    ContactorFeedback,
    ModulesMode,
    PowerMeasurement,
    PowerSetpoint,
)
from gi3_ros.core.power.phases import Phase
from gi3_ros.logs.replay.hardware import AssumedContacts, Positions, Readings, SETTLED_S

REGULATE = ModulesMode.REGULATE


def decided(volts, amperes, *, mode=REGULATE, phase=Phase.POWER_TRANSFER):
    return types.SimpleNamespace(setpoint=PowerSetpoint(mode, volts, amperes), phase=phase)


def settled(then, decision, reading, *, is_open=False):
    """Return what becomes of a reading when the decisions have differed for long enough."""
    readings = Readings()
    readings.then = then
    readings.as_today(reading, decision, is_open=is_open, now_s=0.0)
    return readings.as_today(
        reading, decision, is_open=is_open, now_s=SETTLED_S), readings.corrected


@pytest.mark.parametrize(('flowing_a', 'today_a'), [
    (100.0, 60.0),
    (-100.0, -60.0),
    # Beyond its orders by 5 A then: today as well.
    (105.0, 65.0),
    # Less than it was told, as a battery that is full takes.
    (50.0, 50.0),
    (80.0, 60.0),
])
def test_current_that_was_told_then_and_is_not_told_today_is_taken_off(flowing_a, today_a):
    reading, corrected = settled(
        PowerSetpoint(REGULATE, 400.0, 100.0), decided(400.0, 60.0),
        PowerMeasurement(voltage_v=390.0, current_a=flowing_a))
    assert (reading.current_a, reading.voltage_v, corrected) == (today_a, 390.0, 1)


@pytest.mark.parametrize(('phase', 'today_v'), [
    (Phase.INSULATION_TEST, 300.0),
    (Phase.PRECHARGE, 300.0),
    (Phase.POWER_TRANSFER, 400.0),
])
def test_the_voltage_is_that_of_the_modules_only_without_a_battery(phase, today_v):
    reading, _ = settled(
        PowerSetpoint(REGULATE, 400.0, 2.0), decided(300.0, 1.0, phase=phase),
        PowerMeasurement(voltage_v=400.0, current_a=0.0))
    assert reading.voltage_v == today_v


@pytest.mark.parametrize(('is_open', 'today_v'), [(True, 0.0), (False, 400.0)])
def test_modules_that_are_told_to_bleed_empty_an_output_behind_open_contactors(is_open, today_v):
    reading, _ = settled(
        PowerSetpoint(), decided(0.0, 0.0, mode=ModulesMode.BLEED, phase=Phase.STANDBY),
        PowerMeasurement(voltage_v=400.0, current_a=0.0), is_open=is_open)
    assert reading.voltage_v == today_v


def test_a_reading_stays_as_it_is_until_the_decision_has_settled():
    readings = Readings()
    reading = PowerMeasurement(voltage_v=400.0, current_a=100.0)
    assert readings.as_today(reading, decided(400.0, 60.0), is_open=False, now_s=0.0) is reading
    readings.then = PowerSetpoint(REGULATE, 400.0, 100.0)
    for now_s in (0.0, SETTLED_S - 0.01):
        assert readings.as_today(
            reading, decided(400.0, 60.0), is_open=False, now_s=now_s) is reading
    assert readings.corrected == 0


# Contactors

CLOSE = ContactorCommand(output_closed=True, precharge_closed=True)


@pytest.mark.parametrize(('output', 'precharge', 'today'), [
    (Contact.OPEN, Contact.OPEN, (Contact.CLOSED, Contact.CLOSED)),
    # An auxiliary contact that tells nothing would tell nothing today.
    (Contact.OPEN, Contact.UNKNOWN, (Contact.CLOSED, Contact.UNKNOWN)),
    (Contact.UNKNOWN, Contact.OPEN, (Contact.UNKNOWN, Contact.CLOSED)),
])
def test_positions_follow_the_command_of_today_where_they_were_told_otherwise(
        output, precharge, today):
    positions = Positions()
    recorded = ContactorFeedback(output, precharge, 12.0)
    for now_s in (0.0, 0.1):
        assert positions.as_today(
            recorded, CLOSE, was_closed=False, now_s=now_s) is recorded
    assert positions.as_today(
        recorded, CLOSE, was_closed=False, now_s=SETTLED_S) == ContactorFeedback(*today, 12.0)
    assert positions.assumed == 1


@pytest.mark.parametrize('was_closed', [True, None])
def test_positions_stay_where_the_command_was_the_same_or_is_not_known(was_closed):
    positions = Positions()
    recorded = ContactorFeedback(Contact.OPEN, Contact.OPEN)
    for now_s in (1.0, 2.0, 3.0):
        assert positions.as_today(
            recorded, CLOSE, was_closed=was_closed, now_s=now_s) is recorded
    assert positions.assumed == 0


def test_contactors_of_which_nothing_is_recorded_follow_twenty_times_a_second():
    contacts = AssumedContacts()
    assert contacts.take_due(None, 0.0) == ContactorFeedback(Contact.OPEN, Contact.OPEN)
    assert contacts.take_due(CLOSE, 0.04) is None
    assert contacts.take_due(CLOSE, 0.05) == ContactorFeedback(Contact.CLOSED, Contact.CLOSED)
