# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Why a session did not end as it should, from what was on the bus."""

import pytest
import scenario_bench

from gi3_ros.core.interface import codec
from gi3_ros.core.interface.signals import (
    AdvanticsControllerStatus,
    ChargeSessionFinished,
    DcPowerControl,
    EmergencyStop,
    NewChargeSession,
    PowerModulesStatus,
    SequenceControl,
)
from gi3_ros.logs.entries import Heard
from gi3_ros.logs.story.story import tell
from gi3_ros.sim import library

State = AdvanticsControllerStatus.State
Function = DcPowerControl.PowerFunction
RUSHED = ChargeSessionFinished(ChargeSessionFinished.State.RUSHED_STOP)
CLEAN = ChargeSessionFinished()


def heard(time_s, message):
    return Heard(round(time_s * 1e9), codec.encode(message, index=1))


def status(voltage=400.0, current=50.0, ohm=510e3, enable=1):
    return PowerModulesStatus(present_voltage=voltage, present_current=current,
                              insulation_resistance=ohm, system_enable=enable)


def cause_of(*entries):
    log = [heard(0.0, NewChargeSession()), *(heard(*entry) for entry in entries)]
    session, = tell(log).pistols[1].sessions
    return session.cause


def alive(begin_s, end_s, **fields):
    return [(begin_s + each / 10, status(**fields))
            for each in range(round((end_s - begin_s) * 10))]


TRANSFER = (1.0, DcPowerControl(420, 50, 50, Function.POWER_TRANSFER, 0, 1))
PRESSED = SequenceControl(user_stop_button=1)
CASES = [
    pytest.param(
        [TRANSFER, *alive(1.1, 5.0), *alive(5.0, 5.4, ohm=20e3), (5.4, EmergencyStop()),
         (5.5, RUSHED)],
        'Emergency_Stop by the EVSE: insulation too low: 20 kΩ at 400 V, 40.0 kΩ are needed (R14)',
        id='insulation'),
    pytest.param(
        [TRANSFER, *alive(1.1, 5.0), *alive(5.0, 5.4, ohm=20e3), *alive(5.4, 9.0),
         (9.0, EmergencyStop()), (9.0, RUSHED)],
        'Emergency_Stop by the EVSE: the bus does not say why; an interlock, a door or a button',
        id='insulation that was good again'),
    pytest.param(
        [TRANSFER, *alive(1.1, 5.0), (5.0, EmergencyStop(EmergencyStop.Origin.PEV)),
         (5.1, RUSHED)],
        'Emergency_Stop by the vehicle (PEV)', id='vehicle'),
    pytest.param(
        [TRANSFER, *alive(1.1, 5.0), (5.0, status(enable=0)), (5.1, EmergencyStop()),
         (5.2, RUSHED)],
        'Emergency_Stop by the EVSE: System_Enable was withdrawn by the charger', id='withdrawn'),
    pytest.param(
        [TRANSFER, *alive(1.1, 5.0), (5.5, EmergencyStop()), (5.6, RUSHED)],
        'Emergency_Stop by the EVSE: no Power_Modules_Status for 0.6 s (R3)', id='silent modules'),
    pytest.param(
        [TRANSFER, *alive(1.1, 5.0), (5.0, PRESSED), *alive(5.1, 9.0), (9.0, RUSHED)],
        'the stop button was pressed (User_Stop_Button)', id='button'),
    pytest.param(
        [TRANSFER, *alive(1.1, 5.0), (5.0, PRESSED), (5.1, SequenceControl()),
         *alive(5.1, 99.0), (99.0, RUSHED)],
        'the bus does not say why it ended', id='button long ago'),
    pytest.param(
        [(1.0, DcPowerControl(500, 0, 0, Function.INSULATION_TEST, 0, 1)),
         *alive(1.1, 9.0, voltage=498.0, current=0.0, ohm=10e3), (9.0, RUSHED)],
        'the insulation test was not passed: 10 kΩ at 498 V, 50.0 kΩ are needed (R12)', id='test'),
    pytest.param(
        [(1.0, SequenceControl(ccs_authorisation_done=1)), (3.0, RUSHED)],
        'the authorisation was refused (CCS_Authorisation_Valid)', id='refused'),
    pytest.param(
        [(0.5, AdvanticsControllerStatus(State.INSULATION_TEST)),
         *alive(0.5, 40.0, voltage=0.0, current=0.0, enable=0), (40.0, RUSHED)],
        'the charger never gave System_Enable (R6)', id='never allowed'),
    pytest.param(
        [(0.5, AdvanticsControllerStatus(State.PRECHARGE)), *alive(0.5, 3.0),
         (2.9, AdvanticsControllerStatus(State.CLOSING_COMMUNICATION)), (3.0, RUSHED)],
        'the bus does not say why it ended in Precharge', id='unknown'),
    pytest.param(
        [TRANSFER, *alive(1.1, 5.0), (5.0, PRESSED), *alive(5.1, 9.0), (9.0, CLEAN)], '',
        id='clean'),
]


@pytest.mark.parametrize(('entries', 'words'), CASES)
def test_the_cause_is_what_was_seen_just_before(entries, words):
    assert cause_of(*sorted(entries, key=lambda entry: entry[0])) == words


@pytest.mark.parametrize(('name', 'words'), [
    ('insulation_falls', 'insulation too low: 20 kΩ'),
    ('insulation_bad', 'the insulation test was not passed'),
    ('emergency_evse', 'Emergency_Stop by the EVSE'),
    ('emergency_pev', 'Emergency_Stop by the vehicle (PEV)'),
    ('wrong_precharge', 'System_Enable was withdrawn by the charger'),
    ('never_closes', 'does not say why it ended in Precharge'),
])
def test_the_cause_of_a_scenario_is_the_one_that_was_played(name, words):
    bench = scenario_bench.Bench(library.load_scenarios(name)[0])
    assert bench.play().end == 'Rushed_Stop'
    story = tell([Heard(round(time_s * 1e9), frame) for time_s, frame in bench.frames])
    assert words in story.pistols[1].sessions[0].cause
