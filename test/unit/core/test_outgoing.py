# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What goes out to the controller: fresh, spaced, and outputs go low when nobody has them."""

import pytest

from gi3_ros.core.hardware import COMMAND_TIMEOUT_S
from gi3_ros.core.interface.signals import (
    AdmCsSeccOutputs,
    DcPowerParameters,
    PowerModulesStatus,
    SequenceControl,
)
from gi3_ros.core.journal import Journal
from gi3_ros.core.outgoing import MAX_AGE_S, Outgoing, OutputsWatch
from gi3_ros.core.reception import Counters
from gi3_ros.core.spacing import SPACING_S

HIGH = AdmCsSeccOutputs(digital_output2=True)
LOW = AdmCsSeccOutputs()


class Line:
    """A bus that takes what it is given, or not, and needs a while for it."""

    def __init__(self):
        self.sent = []
        self.is_open = True
        self.takes = True
        self.now_s = 0.0
        self.delay_s = 0.0

    def send(self, message):
        if not self.takes:
            return None
        self.sent.append(message)
        return self.now_s + self.delay_s


class Bench:
    def __init__(self):
        self.line, self.journal, self.counters = Line(), Journal(), Counters()
        self.outputs = OutputsWatch()
        self.outgoing = Outgoing(7, self.line, self.outputs, self.journal, self.counters)

    def offer(self, message, now_s, *, age_s=0.0):
        self.line.now_s = now_s
        self.outgoing.offer(message, now_s - age_s, now_s=now_s)

    def tick(self, now_s):
        self.line.now_s = now_s
        self.outgoing.tick(now_s=now_s)

    def watch(self, now_s):
        self.line.now_s = now_s
        self.outgoing.watch_outputs(now_s=now_s)

    @property
    def texts(self):
        return [entry.text for entry in self.journal.drain()]


@pytest.fixture
def bench():
    return Bench()


def test_a_status_waits_for_nothing(bench):
    for number in range(5):
        bench.offer(PowerModulesStatus(present_voltage=number), 1.0 + number / 1000)
    assert len(bench.line.sent) == 5
    assert not bench.outgoing.is_waiting


def test_limits_keep_their_distance_and_the_newest_goes(bench):
    for amps in (10.0, 20.0, 30.0):
        bench.offer(DcPowerParameters(maximum_charge_current=amps), 1.0)
    bench.tick(1.0 + SPACING_S - 0.001)
    assert [each.maximum_charge_current for each in bench.line.sent] == [10.0]
    assert bench.outgoing.is_waiting
    bench.tick(1.0 + SPACING_S + 0.001)
    assert [each.maximum_charge_current for each in bench.line.sent] == [10.0, 30.0]
    assert not bench.outgoing.is_waiting


def test_the_distance_counts_from_when_the_bus_has_taken_it(bench):
    bench.line.delay_s = 0.05
    bench.offer(DcPowerParameters(maximum_charge_current=10.0), 1.0)
    bench.offer(DcPowerParameters(maximum_charge_current=20.0), 1.06)
    bench.tick(1.0 + SPACING_S + 0.04)
    assert len(bench.line.sent) == 1
    bench.tick(1.0 + SPACING_S + 0.051)
    assert len(bench.line.sent) == 2


def test_every_edge_of_a_button_goes_out(bench):
    pressed = SequenceControl(user_stop_button=SequenceControl.UserStopButton.PRESSED)
    for word in (SequenceControl(), pressed, SequenceControl()):
        bench.offer(word, 1.0)
    for step in range(30):
        bench.tick(1.0 + step / 100)
    assert bench.line.sent == [SequenceControl(), pressed, SequenceControl()]


@pytest.mark.parametrize('message', [PowerModulesStatus(), DcPowerParameters(), HIGH])
def test_what_is_too_old_is_not_sent_and_said(bench, message):
    bench.offer(message, 10.0, age_s=MAX_AGE_S - 0.001)
    assert bench.line.sent == [message]
    bench.offer(message, 20.0, age_s=MAX_AGE_S + 0.001)
    assert bench.line.sent == [message]
    assert bench.counters.not_sent == 1
    assert bench.outgoing.missed_s == 20.0
    text, = bench.texts
    assert 'is 0.40 s old, not sent: is this machine too busy' in text


def test_of_a_bus_in_trouble_only_the_age_is_said(bench):
    bench.line.is_open = False
    bench.offer(PowerModulesStatus(), 20.0, age_s=1.0)
    assert bench.texts == ['Power_Modules_Status is 1.00 s old, not sent']
    assert bench.outgoing.missed_s < 0
    assert bench.counters.not_sent == 1


def test_what_the_bus_did_not_take_is_tried_again_while_it_is_fresh(bench):
    bench.line.takes = False
    bench.offer(DcPowerParameters(), 1.0)
    bench.tick(1.1)
    bench.line.takes = True
    bench.tick(1.2)
    assert bench.line.sent == [DcPowerParameters()]
    bench.line.takes = False
    bench.offer(DcPowerParameters(maximum_voltage=500.0), 2.0)
    bench.line.takes = True
    bench.tick(2.0 + MAX_AGE_S + 0.01)
    assert len(bench.line.sent) == 1
    assert not bench.outgoing.is_waiting


def test_a_status_that_the_bus_did_not_take_is_counted_and_not_repeated(bench):
    bench.line.takes = False
    bench.offer(PowerModulesStatus(), 1.0)
    bench.line.takes = True
    bench.tick(1.2)
    assert bench.line.sent == []
    assert bench.counters.not_sent == 1


def test_what_waits_is_forgotten(bench):
    bench.offer(DcPowerParameters(), 1.0)
    bench.offer(DcPowerParameters(maximum_voltage=500.0), 1.01)
    bench.outgoing.clear()
    bench.tick(2.0)
    assert bench.line.sent == [DcPowerParameters()]


# Digital outputs


def test_outputs_go_low_a_second_after_the_last_command(bench):
    bench.offer(HIGH, 5.0, age_s=0.1)
    bench.watch(4.9 + COMMAND_TIMEOUT_S)
    assert bench.line.sent == [HIGH]
    assert bench.outgoing.is_waiting
    bench.watch(4.9 + COMMAND_TIMEOUT_S + 0.01)
    assert bench.line.sent == [HIGH, LOW]
    assert not bench.outgoing.is_waiting
    text, = bench.texts
    assert text == ('pistol 7: nobody has commanded the digital outputs for 1.0 s, all of them go '
                    'low: has precharge ended?')
    bench.watch(9.0)
    assert bench.line.sent == [HIGH, LOW]


def test_outputs_that_are_commanded_stay(bench):
    for step in range(40):
        bench.offer(HIGH, 5.0 + step / 10)
        bench.watch(5.05 + step / 10)
    assert LOW not in bench.line.sent


def test_outputs_that_were_low_need_nobody(bench):
    bench.offer(HIGH, 5.0)
    bench.offer(LOW, 5.1)
    bench.watch(60.0)
    assert bench.line.sent == [HIGH, LOW]


def test_a_bus_that_takes_nothing_is_asked_again(bench):
    bench.offer(HIGH, 5.0)
    bench.line.takes = False
    bench.watch(7.0)
    assert bench.outgoing.is_waiting
    bench.line.takes = True
    bench.watch(7.1)
    assert bench.line.sent == [HIGH, LOW]


def test_outputs_stay_known_when_everything_else_begins_anew(bench):
    bench.offer(HIGH, 5.0)
    anew = Outgoing(7, bench.line, bench.outputs, bench.journal, bench.counters)
    anew.watch_outputs(now_s=10.0)
    assert bench.line.sent == [HIGH, LOW]
