# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
Every vehicle that comes along, in every protocol, mode and direction that it knows.

Whole sessions with the charger of this package on the made-up clock. What is expected stands here
as the table of interface.md 4.3, not as the simulator has it; energies are compared with what
flowed through the copper.
"""

import dataclasses
import itertools

import pytest
from scenario_bench import found_in

from gi3_ros.core.interface import codec
from gi3_ros.core.interface.signals import (
    AdvanticsControllerStatus,
    DcPowerControl,
    EvInformationDischargeLimits,
    NewChargeSession,
    PowerModulesStatus,
)
from gi3_ros.core.power.limits import ChargerLimits
from gi3_ros.core.power.parameters import PowerConfig
from gi3_ros.core.power.phases import Phase
from gi3_ros.sim import library
from gi3_ros.sim.config import ControllerConfig, Pistol
from gi3_ros.sim.link import Link, STEP_S
from gi3_ros.sim.protocols import ControlMode, Direction, Protocol

Function = DcPowerControl.PowerFunction
VEHICLES = {
    name: library.load_vehicle(name) for name in library.names_in(library.VEHICLES)}
SHARE = 0.01
"""Energies agree within 1 %."""
LABELS = {
    Protocol.DIN_70121: 0, Protocol.ISO_15118_2: 2, Protocol.ISO_15118_20: 7,
    Protocol.CHADEMO_0_9: 3, Protocol.CHADEMO_1: 4, Protocol.CHADEMO_2: 5,
}


@dataclasses.dataclass(frozen=True)
class Case:
    """One session of the matrix."""

    vehicle: str
    protocol: Protocol
    control_mode: ControlMode
    is_bidirectional: bool
    supports_range_mode: bool
    direction: Direction

    def __str__(self):
        words = [self.vehicle, self.protocol.value.replace(' ', '_')]
        if self.protocol is Protocol.ISO_15118_20:
            words.append(self.control_mode.value)
        words.append('bidirectional' if self.is_bidirectional else 'unidirectional')
        if not self.supports_range_mode:
            words.append('no_range')
        return '-'.join([*words, self.direction.value])

    @property
    def can_discharge(self):
        """Whether energy may come back (interface.md 4.3)."""
        return self.is_bidirectional and (
            self.protocol.is_chademo or self.protocol is Protocol.ISO_15118_20
        ) and VEHICLES[self.vehicle].is_bidirectional

    @property
    def gives_range(self):
        """Whether the vehicle leaves the current to the charger."""
        if self.protocol.is_chademo:
            return self.can_discharge
        return (self.protocol is Protocol.ISO_15118_20
                and self.control_mode is ControlMode.DYNAMIC)

    @property
    def is_range(self):
        """Whether the charger sees Range_Mode."""
        return self.gives_range and self.supports_range_mode


def cases():
    for vehicle, config in VEHICLES.items():
        for protocol, mode, is_bidirectional, has_range, direction in itertools.product(
                config.protocols, ControlMode, (False, True), (True, False), Direction):
            case = Case(vehicle, protocol, mode, is_bidirectional, has_range, direction)
            is_new = (
                # Elsewhere these make no difference.
                (protocol is Protocol.ISO_15118_20 or mode is config.control_mode)
                and (case.gives_range or has_range)
                and (direction is Direction.CHARGE or case.can_discharge)
            )
            if is_new:
                yield case


class Run:
    """One session, with what flowed at the inlet added up independently."""

    def __init__(self, case, *, weaker=None, **entries):
        """
        Make charger and simulator.

        :param weaker: limits of the charger that the controller knows nothing of
        """
        self.case = case
        vehicle = dataclasses.replace(
            VEHICLES[case.vehicle], protocols=(case.protocol,), control_mode=case.control_mode,
            direction=case.direction, charge_duration_s=14.0)
        config = ControllerConfig(
            pistol=Pistol.CHADEMO if case.protocol.is_chademo else Pistol.CCS,
            index=3 if case.protocol.is_chademo else 1,
            limits=ChargerLimits(
                is_bidirectional=case.is_bidirectional,
                supports_range_mode=case.supports_range_mode,
                max_charger_voltage=900.0, max_charger_current=150.0,
                max_charger_discharge_current=50.0, max_charger_power=90e3,
                max_cable_voltage=920.0, max_cable_current=200.0),
            enable_iso_part20=True, chademo_precharge=case.is_bidirectional,
            boot_s=0.1, negotiation_s=0.2, **entries)
        charger = {} if weaker is None else {
            'power_config': PowerConfig(limits=dataclasses.replace(config.limits, **weaker))}
        self.link = Link(controller_config=config, vehicle_config=vehicle, **charger)
        self.charged_j = self.discharged_j = 0.0
        self.most_a = self.least_a = 0.0
        self.phases = []
        self.sent = ()

    def go(self):
        link = self.link
        link.run(2.0)
        link.simulator.plug_in(now_s=link.now_s)
        if self.case.protocol.is_chademo:
            link.simulator.do('start', now_s=link.now_s)
        is_turned = False
        for _ in range(round(120 / STEP_S)):
            link.step()
            circuit = link.modules.circuit
            power_w = circuit.vehicle_current_a * circuit.pistol_voltage_v
            self.most_a = max(self.most_a, circuit.output_current_a)
            self.least_a = min(self.least_a, circuit.output_current_a)
            self.charged_j += max(power_w, 0.0) * STEP_S
            self.discharged_j += max(-power_w, 0.0) * STEP_S
            phase = link.decision.phase
            if not self.phases or self.phases[-1] is not phase:
                self.phases.append(phase)
            session = link.simulator.controller
            if (self.case.is_range and self.case.direction is not Direction.CHARGE
                    and not is_turned and self.charging_s() > 6.0):
                is_turned = True
                link.simulator.do('ocpp -20', now_s=link.now_s)
            if link.simulator.sessions:
                self.sent = [codec.decode(frame).message for _, frame in link.frames]
                return session.outcome
        raise AssertionError(f'no end: {session.stage}, {link.simulator.events[-5:]}')

    def charging_s(self):
        session = self.link.simulator.controller.situation.session
        return 0.0 if session is None else session.charging_s

    def messages(self, cls):
        return [message for message in self.sent if isinstance(message, cls)]


def without_repeats(values):
    return [key for key, _ in itertools.groupby(values)]


@pytest.mark.parametrize('case', list(cases()), ids=str)
def test_session_ends_clean_and_its_energy_is_what_flowed(case):
    check_session(Run(case))


@pytest.mark.parametrize('vehicle', [
    name for name, config in VEHICLES.items() if not config.protocols[0].is_chademo])
def test_so_it_does_with_core_pins_at_the_pace_of_the_vehicle(vehicle):
    """R26: no DC_Power_Control but the vehicle's own requests."""
    case = next(case for case in cases() if case.vehicle == vehicle)
    check_session(Run(case, energy_transfer_type='DC_core', power_control_pace='vehicle'))


ONE_OF_EACH = {
    (case.is_range, case.direction, case.protocol.is_chademo): case
    for case in cases() if case.protocol is not Protocol.CHADEMO_0_9}.values()
"""
Cases that differ in mode, direction or plug.

Not with the version of CHAdeMO for which an audit knows no V2G.
"""


@pytest.mark.parametrize('weaker', [
    {'max_charger_current': 40.0, 'max_charger_discharge_current': 15.0},
    {'max_charger_power': 9e3, 'max_charger_discharge_power': 4e3},
], ids=lambda weaker: next(iter(weaker)))
@pytest.mark.parametrize('case', ONE_OF_EACH, ids=str)
def test_a_charger_that_can_do_less_than_the_controller_thinks_breaks_no_rule(case, weaker):
    """R24, R32, R33: it tells so, in every mode and direction, and nobody asks it for more."""
    run = Run(case, weaker=weaker)
    outcome = run.go()
    link = run.link
    assert outcome.is_clean, outcome
    assert link.simulator.findings == []
    assert found_in(link.frames) == frozenset()
    assert link.modules.breaches == []
    assert link.decision.fault == ''
    assert [each.text for each in link.charger.journal if each.level == 'warning'] == []
    volts = link.simulator.vehicle.open_circuit_voltage_v
    ours = link.power.config.limits
    for reached_a, is_out, is_wanted in (
        (run.most_a, False, case.direction is not Direction.DISCHARGE),
        (-run.least_a, True, min(each.current_range_max for each in run.messages(
            DcPowerControl)) < 0 or case.direction is Direction.DISCHARGE),
    ):
        largest_a, _ = ours.largest(discharging=is_out, voltage_v=volts)
        if is_wanted:
            # The battery gives way, and with power the current; OCPP asks for 20 A.
            assert min(0.95 * largest_a, 19.9) <= reached_a <= largest_a + 1.0


def check_session(run):
    case = run.case
    outcome = run.go()
    link = run.link
    assert outcome.is_clean, outcome
    assert link.simulator.findings == []
    assert link.modules.breaches == []
    assert link.decision.fault == ''
    assert str(outcome.agreement).startswith(case.protocol.value)
    check_phases(run)
    check_pace(run)
    check_setpoints(run)
    check_energies(run, outcome)


def check_pace(run):
    """R26, A9: at the vehicle's pace, or every 100 ms and when the vehicle asks for another."""
    vehicle, config = VEHICLES[run.case.vehicle], run.link.simulator.config
    times = [
        time_s for (time_s, _), message in zip(run.link.frames, run.sent, strict=True)
        if isinstance(message, DcPowerControl) and message.power_function is (
            Function.POWER_TRANSFER)]
    asked_hz = 1 / (vehicle.request_period_s * (1 - vehicle.request_jitter / 2))
    is_paced = config.power_control_pace == 'vehicle'
    most_hz = asked_hz if is_paced else 10 + asked_hz
    assert len(times) <= 14 * most_hz * 1.1 + 5
    if is_paced:
        least_s = vehicle.request_period_s * (1 - vehicle.request_jitter) - STEP_S - 1e-6
        assert min(b - a for a, b in itertools.pairwise(times)) >= least_s


def check_phases(run):
    """As interface.md 4.1 and 4.2."""
    states = without_repeats(
        int(each.state) for each in run.messages(AdvanticsControllerStatus))
    welding = [9] if VEHICLES[run.case.vehicle].welding_detection_s else []
    precharge = [] if run.case.protocol.is_chademo else [5]
    assert states == [0, 12, 1, 2, 3, 4, *precharge, 6, 7, 8, *welding, 10, 1]
    announced = run.messages(NewChargeSession)[0]
    assert announced.communication_protocol == LABELS[run.case.protocol]
    pins = {'DC_core': 0, 'DC_extended': 1}[run.link.simulator.config.energy_transfer_type]
    assert announced.plug_and_pins == (2 if run.case.protocol.is_chademo else pins)
    powered = [phase for phase in run.phases if phase in (
        Phase.INSULATION_TEST, Phase.LOWERING_AFTER_TEST, Phase.PRECHARGE, Phase.POWER_TRANSFER)]
    assert without_repeats(powered) == [
        Phase.INSULATION_TEST, Phase.LOWERING_AFTER_TEST,
        *([] if run.case.protocol.is_chademo else [Phase.PRECHARGE]), Phase.POWER_TRANSFER]


def check_setpoints(run):
    """Mode and sign as interface.md 4.3."""
    case = run.case
    commands = [each for each in run.messages(DcPowerControl)
                if each.power_function is Function.POWER_TRANSFER]
    assert {int(each.setpoints_mode) for each in commands} == {int(case.is_range)}
    lows = [each.current_range_min for each in commands]
    highs = [each.current_range_max for each in commands]
    assert all(low <= high for low, high in zip(lows, highs, strict=True))
    if not case.is_range:
        assert lows == highs
    if case.direction is Direction.CHARGE:
        assert min(lows) >= 0.0 < max(highs)
    elif case.direction is Direction.DISCHARGE:
        assert max(highs) <= 0.0 > min(lows)
    elif case.is_range or not case.gives_range:
        assert min(lows) < 0.0 < max(highs)
    else:
        # A43: the larger end of the range is taken, which charges.
        assert min(lows) >= 0.0
    if case.protocol is Protocol.ISO_15118_20 or case.protocol.is_chademo:
        limits = run.messages(EvInformationDischargeLimits)[0]
        vehicle = VEHICLES[case.vehicle]
        assert limits.ev_maximum_discharge_current == vehicle.max_discharge_current_a


def check_energies(run, outcome):
    case, link = run.case, run.link
    charged_wh, discharged_wh = run.charged_j / 3600, run.discharged_j / 3600
    total_wh = charged_wh + discharged_wh
    assert total_wh > 15.0
    expects_both = case.direction is Direction.BOTH and (case.is_range or not case.gives_range)
    if expects_both:
        assert charged_wh > 10.0 and discharged_wh > 5.0
    elif case.direction is Direction.DISCHARGE:
        assert charged_wh < SHARE * discharged_wh
    else:
        assert discharged_wh < SHARE * charged_wh
    # The charger's own account, measured at its output.
    story = link.session.story(now_s=link.now_s)
    assert story.energy_charged_wh == pytest.approx(charged_wh, abs=SHARE * total_wh)
    assert story.energy_discharged_wh == pytest.approx(discharged_wh, abs=SHARE * total_wh)
    # The vehicle's, at its inlet: with what became heat in the battery.
    ledger = link.modules.circuit.ledger
    assert outcome.energy_wh == pytest.approx(ledger.vehicle_j / 3600, abs=SHARE * total_wh)
    # What was reported on the bus.
    reported_wh = sum(
        each.present_voltage * each.present_current * PowerModulesStatus.PERIOD_S / 3600
        for each in run.messages(PowerModulesStatus))
    assert reported_wh == pytest.approx(charged_wh - discharged_wh, abs=SHARE * total_wh)


def test_the_matrix_has_every_combination_that_makes_a_difference():
    found = list(cases())
    assert {case.protocol for case in found} == set(Protocol)
    assert {case.vehicle for case in found} == set(VEHICLES)
    assert {(case.is_range, case.direction) for case in found} == {
        (is_range, direction) for is_range in (False, True) for direction in Direction}
    for protocol in (Protocol.CHADEMO_0_9, Protocol.CHADEMO_1, Protocol.CHADEMO_2):
        assert {case.can_discharge for case in found if case.protocol is protocol} == {
            False, True}
