# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What all rules have in common: broken once, mended, held; and when which of them looks."""

import pytest

from gi3_ros.core.interface.layout import CONTROLLER, CUSTOMER
from gi3_ros.core.interface.signals import (
    AdvanticsControllerStatus,
    DcPowerControl,
    EmergencyStop,
    NewChargeSession,
    PowerModulesStatus,
)
from gi3_ros.core.rules.facts import Facts
from gi3_ros.core.rules.findings import CROSSED_S, Findings
from gi3_ros.core.rules.kinds import OutputRule
from gi3_ros.core.rules.occasions import Occasions
from gi3_ros.core.rules.output import InForce
from gi3_ros.core.rules.rule import OVER_S, Rule
from gi3_ros.core.rules.rulebook import Rulebook
from gi3_ros.core.rules.tolerances import Tolerances

Function = DcPowerControl.PowerFunction
State = AdvanticsControllerStatus.State
STANDBY = DcPowerControl(power_function=Function.STANDBY, output_contactors=1)
TEST = DcPowerControl(
    target_voltage=500.0, power_function=Function.INSULATION_TEST, output_contactors=1)


class Odd(Rule):
    """Notes when it is called."""

    who = CUSTOMER
    number = 'R1'
    calls = ()

    def on_tick(self, now_s):
        self.calls += (now_s,)


class OddOfSession(Odd):
    is_of_session = True


class InTest(OutputRule):
    number = 'R11'
    during = frozenset({InForce.INSULATION_TEST})

    def on_modules_status(self, status, now_s):
        pass


@pytest.fixture
def findings():
    return Findings([])


@pytest.fixture
def rule(findings):
    return Odd(Facts(Tolerances()), Tolerances(), findings)


def test_what_stays_broken_is_found_once_until_it_is_mended(rule):
    assert [rule.breaks(is_broken) for is_broken in (False, True, True, False, True)] == [
        False, True, False, False, True]
    rule.mend()
    assert rule.breaks(True)


def test_breaches_with_keys_are_apart(rule):
    assert rule.breaks(True, key='a')
    assert rule.breaks(True, key='b')
    rule.mend('a')
    assert rule.breaks(True, key='a')
    assert not rule.breaks(True, key='b')


@pytest.mark.parametrize(('good_s', 'is_new'), [(OVER_S, False), (OVER_S + 0.1, True)])
def test_what_comes_and_goes_is_over_after_two_seconds(rule, good_s, is_new):
    assert rule.breaks(True, 1.0)
    assert not rule.breaks(False, 1.0 + good_s)
    assert rule.breaks(True, 1.0 + good_s) is is_new


def test_a_finding_has_number_end_words_and_values(rule, findings):
    rule.find(1.0, 'words', present_current_a=2.0)
    rule.observe(2.0, 'odd')
    rule.find(3.0, 'other', 'R2')
    assert [(each.time_s, each.rule, each.text, each.values, each.who, each.is_observation)
            for each in findings.new] == [
        (1.0, 'R1', 'words', {'present_current_a': 2.0}, CUSTOMER, False),
        (2.0, 'R1', 'odd', {}, CUSTOMER, True),
        (3.0, 'R2', 'other', {}, CUSTOMER, False)]


@pytest.mark.parametrize('late_s', [CROSSED_S - 0.01, CROSSED_S])
def test_what_is_held_is_found_after_a_moment(rule, findings, late_s):
    rule.hold(1.0, 'first')
    rule.hold(1.05, 'second')
    findings.release(1.0 + late_s)
    assert [each.text for each in findings.new] == (['first'] if late_s >= CROSSED_S else [])
    findings.release(2.0)
    assert [each.text for each in findings.new] == ['first']


def test_what_is_dropped_is_not_found(rule, findings):
    rule.drop()
    rule.hold(1.0, 'words')
    rule.drop()
    findings.release(5.0)
    assert findings.new == []


# Occasions

def occasions(*classes):
    return Occasions(classes, Facts(Tolerances()), Tolerances(), [])


def test_only_occasions_that_a_rule_has_are_called_and_in_the_order_of_the_list():
    made = occasions(OddOfSession, InTest, Odd)
    assert [type(call.__self__) for call in made.tick] == [OddOfSession, Odd]
    assert made.command == made.finished == ()


def test_a_rule_of_a_session_is_made_anew_and_what_it_holds_is_gone():
    made = occasions(OddOfSession, Odd)
    before = [call.__self__ for call in made.tick]
    for each in before:
        each.hold(1.0, type(each).__name__)
    made.begin_session()
    after = [call.__self__ for call in made.tick]
    assert [one is other for one, other in zip(before, after, strict=True)] == [False, True]
    assert [each.text for each in made.findings.held.values()] == ['Odd']


def test_a_status_is_for_those_whose_function_is_in_force():
    made = occasions(InTest)
    assert [in_force for in_force, calls in made.modules_status.items() if calls] == [
        InForce.INSULATION_TEST]


@pytest.mark.parametrize(('function', 'is_mended'), [
    (Function.INSULATION_TEST, False), (Function.STANDBY, True)])
def test_what_cannot_be_broken_in_another_function_is_mended_with_it(
        findings, function, is_mended):
    rule = InTest(Facts(Tolerances()), Tolerances(), findings)
    rule.breaks(True)
    rule.lasting.seconds('over', True, 1.0)
    rule.on_function(function, None)
    assert rule.breaks(True) is is_mended
    assert rule.lasting.seconds('over', True, 2.0) == 0.0


# Facts, as the rulebook feeds them

def test_facts_have_taken_a_message_before_a_rule_looks(monkeypatch):
    seen = []

    def look(self, status, now_s):
        seen.append((self.facts.output.in_force, self.facts.output.status, self.facts.status))

    monkeypatch.setattr(
        'gi3_ros.core.rules.readings.PossibleTemperature.on_modules_status', look)
    book = Rulebook()
    status = PowerModulesStatus(present_voltage=10.0)
    book.receive(STANDBY, now_s=0.0)
    book.receive(status, now_s=0.1)
    book.receive(EmergencyStop(), now_s=0.2)
    book.receive(status, now_s=0.3)
    assert seen == [(InForce.STANDBY, status, status), (InForce.EMERGENCY, status, status)]


def test_sessions_of_both_ends_begin_with_the_announcement_and_end_in_their_own_time():
    book = Rulebook()
    facts = book.facts
    book.receive(AdvanticsControllerStatus(State.INSULATION_TEST), now_s=0.0)
    assert facts.session is facts.power is None
    book.receive(NewChargeSession(), now_s=0.1)
    book.receive(TEST, now_s=0.2)
    assert (facts.session.since_s, facts.power.since_s) == (0.1, 0.1)
    assert facts.commands.has_tested and facts.output.function == Function.INSULATION_TEST
    book.receive(AdvanticsControllerStatus(State.WAITING_FOR_PEV), now_s=0.7)
    assert facts.session is facts.power is None
    assert facts.commands.command is None and facts.output.in_force is InForce.NOTHING


def test_a_command_that_was_logged_before_its_announcement_belongs_to_it():
    book = Rulebook()
    book.receive(STANDBY, now_s=0.05)
    book.receive(NewChargeSession(), now_s=0.1)
    assert book.facts.commands.command == STANDBY
    late = Rulebook()
    late.receive(STANDBY, now_s=0.05)
    late.receive(NewChargeSession(), now_s=0.2)
    assert late.facts.commands.command is None


@pytest.mark.parametrize(('ends', 'who'), [
    ((CUSTOMER,), {CUSTOMER}), ((CONTROLLER,), {CONTROLLER}),
    ((CUSTOMER, CONTROLLER), {CUSTOMER, CONTROLLER})])
def test_only_the_ends_that_are_asked_for_are_judged(ends, who):
    book = Rulebook(ends=ends)
    found = []
    for message_class in (PowerModulesStatus, AdvanticsControllerStatus):
        found += book.reject(message_class, 'short', now_s=0.0)
    assert {each.who for each in found} == who


def test_nothing_of_the_charger_is_looked_for_while_nobody_hears_the_other():
    """Times count from the end of the pause on (R3)."""
    book = Rulebook(ends=(CUSTOMER,))

    def run(begin_s, end_s, *, is_heard=True):
        found = []
        for step in range(round(begin_s * 10), round(end_s * 10)):
            now_s = step / 10
            book.receive(AdvanticsControllerStatus(State.INSULATION_TEST), now_s=now_s)
            if is_heard:
                book.receive(PowerModulesStatus(), now_s=now_s)
            found += book.tick(now_s=now_s)
        return [each.rule for each in found]

    book.receive(PowerModulesStatus(), now_s=0.0)
    book.receive(NewChargeSession(), now_s=0.0)
    assert run(0.0, 1.0) == []
    book.pause()
    assert run(1.0, 3.0, is_heard=False) == []
    book.resume(3.0)
    assert run(3.0, 3.4) == []
    assert run(3.4, 4.5, is_heard=False) == ['R3']

