# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
gateway: the only one who writes to the bus.

Every frame of the interface becomes a typed topic of its pistol; typed messages for the
controller become frames, each exactly once and only while fresh. It has no opinion about power.
Inactive it listens and shows, and sends nothing. Both ends are held to the rules of the interface
on the way; who breaks one is named in the log and in the diagnostics, and nothing else follows.

What is decided here is decided in the core: :mod:`~gi3_ros.core.reception` sorts what comes,
:mod:`~gi3_ros.core.rate_limit` thins out a flood of it, :mod:`~gi3_ros.core.outgoing` paces what
goes, :mod:`~gi3_ros.core.rules.live` judges both.
"""

import collections
from collections.abc import Sequence
import dataclasses
import functools
import math
import operator
import threading
import time
import traceback
from typing import Any

from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.publisher import Publisher

from .. import convert
from ..bus import Bus, BusError
from ..core.interface import codec
from ..core.interface.frame import Frame
from ..core.interface.layout import Message
from ..core.journal import FRESH_FINDING_S, Journal
from ..core.outgoing import Outgoing, OutputsWatch
from ..core.rate_limit import Arrived, RateLimit
from ..core.reception import Counters, Reception
from ..core.rules.findings import Finding
from ..core.rules.judge import TICK_S
from ..core.rules.live import LiveJudge
from .node import CannotConfigure, ChargerNode, EVENTS
from .parameters import Parameter
from .process import run

RECEIVE_TIMEOUT_S = 0.1
"""Bounds how long the receive thread needs to notice that it shall end."""
RETRY_S = 0.02
"""After this time a frame is offered again to a bus that did not take it."""
QUIET_S = 0.25
"""When nobody has had a word for the controller for this long, nobody will: R2 asks for 0.1 s."""
OTHER_CLOCK_S = 60.0
"""An adapter whose stamps are further away than this has a clock of its own; what has merely
waited keeps its age."""
MOST_IDS = 8
"""Of a newer version are named in the diagnostics."""


class _Pistol:
    """What the gateway has for one pistol; to its :class:`Outgoing` it is the line."""

    def __init__(self, name: str, index: int, bus: Bus, gateway: 'Gateway') -> None:
        self.name = name
        self.index = index
        self.publishers: dict[type[Message], Publisher] = {}
        self.judge = LiveJudge(
            functools.partial(gateway.blame, name), functools.partial(gateway.give_up, name))
        self.outgoing = Outgoing(
            index, self, gateway.outputs[index], gateway.journal, gateway.counters)
        self._bus = bus
        self._gateway = gateway

    @property
    def is_open(self) -> bool:
        """Whether the bus is fit to send."""
        return self._bus.is_open

    def send(self, message: Message) -> float | None:
        """Send it; return when the bus has taken it."""
        if not self._gateway.transmit(self._bus, codec.encode(message, index=self.index)):
            return None
        sent_s = time.monotonic()
        self.judge.take(codec.Received(self.index, message), now_s=sent_s)
        return sent_s


class Gateway(ChargerNode):
    """The bridge between one CAN bus and the topics of its pistols."""

    PARAMETERS = (
        Parameter('interface', 'udp_multicast',
                  'python-can interface: socketcan, udp_multicast (this machine only), ..'),
        Parameter('channel', '', 'its channel: can0, vcan0, a multicast group, ..'),
        Parameter('bitrate', 0,
                  'bit/s for adapters that set it themselves, 0 leaves it as it is; '
                  'the interface runs at 500000', 0, 1_000_000),
        Parameter('port', 0, 'UDP port, udp_multicast only; 0 is the default of python-can',
                  0, 65535),
        Parameter('pistols', ['pistol1'], 'namespace of each pistol on this bus'),
        Parameter('indices', [1], "each pistol's index in the controller's configuration, 1..31"),
    )

    def __init__(self, **options: Any) -> None:
        super().__init__('gateway', **options)
        self.bus: Bus | None = None
        self.journal = Journal()
        self.counters = Counters()
        self.outputs: collections.defaultdict[int, OutputsWatch] = collections.defaultdict(
            OutputsWatch)
        self._pistols: dict[int, _Pistol] = {}
        self._ticked_s = -math.inf
        self._receiver: threading.Thread | None = None
        self._receiving = False

    def build(self) -> None:
        names, indices = list(self.value('pistols')), list(self.value('indices'))
        self._check_pistols(names, indices)
        self.journal, self.counters = Journal(), Counters()
        self._reception = Reception(indices, self.journal, self.counters)
        self._limit = RateLimit()
        try:
            bus = self.bus = Bus(
                self.value('interface'), self.value('channel'), bitrate=self.value('bitrate'),
                port=self.value('port'), indices=indices, waits=True,
                on_event=self._on_bus_event,
            )
        except BusError as error:
            raise CannotConfigure(str(error)) from error
        self._pistols = {
            index: _Pistol(name, index, bus, self)
            for name, index in zip(names, indices, strict=True)}
        for pistol in self._pistols.values():
            self._create_topics(pistol)
        self.diagnose_every_second(lambda: self._diagnose(bus))
        self.every(TICK_S, lambda: self._watch(bus))
        self._receiving = True
        self._receiver = threading.Thread(
            target=self._receive_for_ever, args=(bus,), name='gateway receive', daemon=True)
        self._receiver.start()
        self.get_logger().info(f'on {bus.name}: ' + ', '.join(
            f'{pistol.name} has index {pistol.index}' for pistol in self._pistols.values()))

    @staticmethod
    def _check_pistols(names: Sequence[str], indices: Sequence[int]) -> None:
        if len(names) != len(indices) or not names:
            raise CannotConfigure(
                f'{len(names)} pistols and {len(indices)} indices: give one index a pistol')
        for given in (names, indices):
            if len(set(given)) != len(given):
                raise CannotConfigure(f'{given}: each may appear once')
        for index in indices:
            if not codec.INDEX_MIN <= index <= codec.INDEX_MAX:
                raise CannotConfigure(f'pistol index {index} is not 1..31 (A19)')

    def tear_down(self) -> None:
        self._receiving = False
        if self._receiver is not None:
            self._receiver.join()
            self._receiver = None
        if self.bus is not None:
            self.bus.close()
            self.bus = None

    @property
    def is_at_rest(self) -> bool:
        # In processes of their own the others are ending too, and not without a last word.
        ways = [pistol.outgoing for pistol in self._pistols.values()]
        asked_s = max((each.asked_s for each in ways), default=-math.inf)
        is_quiet = time.monotonic() - asked_s > QUIET_S
        return not self.is_active or (is_quiet and not any(each.is_waiting for each in ways))

    def _create_topics(self, pistol: _Pistol) -> None:
        for cls in convert.MESSAGE_CLASSES:
            topic = f'{pistol.name}/{cls.TOPIC}'
            if cls.FROM_CONTROLLER:
                pistol.publishers[cls] = self.publisher(convert.ROS_TYPES[cls], topic, EVENTS)
            else:
                self.subscribe(
                    convert.ROS_TYPES[cls], topic, functools.partial(self._send, pistol.outgoing))

    # To the controller

    def _send(self, outgoing: Outgoing, message: Any, true_at_s: float) -> None:
        if self.is_active:
            outgoing.offer(convert.from_ros(message), true_at_s, now_s=time.monotonic())

    @property
    def due_s(self) -> float:
        due_s = min(pistol.outgoing.due_s for pistol in self._pistols.values())
        # What the bus did not take is tried again.
        return due_s if due_s > self._ticked_s else self._ticked_s + RETRY_S

    def tick(self, *, now_s: float) -> None:
        """Send what has kept its distance by now."""
        self._ticked_s = now_s
        for pistol in self._pistols.values():
            pistol.outgoing.tick(now_s=now_s)

    def stop(self) -> None:
        for pistol in self._pistols.values():
            pistol.outgoing.clear()

    def transmit(self, bus: Bus, frame: Frame) -> bool:
        """Return whether the bus has taken it."""
        if bus.echoes:
            self._reception.echoes.expect(frame)
        if not bus.send(frame):
            return False
        self.counters.sent += 1
        return True

    def _watch(self, bus: Bus) -> None:
        """Look for what should have come by now."""
        now_s = time.monotonic()
        for pistol in self._pistols.values():
            if bus.is_open:
                pistol.judge.tick(now_s=now_s)
            with self.lock:
                if self.is_active:
                    pistol.outgoing.watch_outputs(now_s=now_s)

    # From the bus

    def _receive_for_ever(self, bus: Bus) -> None:
        while self._receiving:
            try:
                held_s = self._limit.due_s - time.monotonic()
                arrived = bus.receive(min(max(held_s, 0.0), RECEIVE_TIMEOUT_S))
                if arrived is not None:
                    self._on_frame(bus, *arrived)
                for held in self._limit.due(now_s=time.monotonic()):
                    self._show(held)
            except Exception:
                # Nothing on a bus may end reception (design: a peer's misbehaviour is a finding).
                if not self._receiving or not self.context.ok():
                    return
                self.get_logger().error(
                    f'a frame could not be handled: {traceback.format_exc()}',
                    throttle_duration_sec=5.0,
                )

    def _on_frame(self, bus: Bus, frame: Frame, arrival: float) -> None:
        now_s = time.monotonic()
        if frame.is_error:
            self._reception.take_error(bus.describe_errors(frame), now_s=now_s)
            return
        decoded = self._reception.take(frame, now_s=now_s)
        if decoded is None:
            return
        if isinstance(decoded, codec.Received):
            for passing in self._limit.take(decoded, arrival, now_s=now_s):
                self._show(passing)
            if self._limit.limited_s == now_s:
                self._say_flood(decoded, now_s)
        self._pistols[decoded.index].judge.take(decoded, now_s=now_s - self._age_s(arrival))

    def _show(self, arrived: Arrived) -> None:
        """Publish a message of a controller, as old as it is."""
        message = arrived.received.message
        publisher = self._pistols[arrived.received.index].publishers[type(message)]
        if self.is_heard(publisher):
            age_s = self._age_s(arrived.arrival)
            stamp = convert.to_stamp(time.time_ns() - round(age_s * convert.NS))
            publisher.publish(convert.to_ros(message, stamp))

    def _say_flood(self, received: codec.Received, now_s: float) -> None:
        self.counters.superseded = self._limit.superseded
        name = self._pistols[received.index].name
        self.journal.finding(
            'flood', f'{name}: {received.message.NAME} comes faster than the interface has it: '
            'the newest counts. What on the bus sends so much?', now_s=now_s)

    @staticmethod
    def _age_s(arrival: float) -> float:
        """Return for how long a frame has waited since it arrived on the bus."""
        age_s = time.time() - arrival
        return age_s if -OTHER_CLOCK_S < age_s < OTHER_CLOCK_S else 0.0

    # The rules

    def blame(self, pistol: str, finding: Finding) -> None:
        """Write a finding of the rules to the log."""
        if finding.is_observation:
            self.journal.finding(
                f'{pistol} {finding.rule} {finding.who}, observations',
                f'{pistol}: {finding.rule}, {finding.who}: {finding.text} (an observation, no '
                'rule is broken)', now_s=finding.time_s)
            return
        self.journal.finding(
            f'{pistol} {finding.rule} {finding.who}',
            f'{pistol}: the {finding.who} breaks {finding.rule}: {finding.text}',
            now_s=finding.time_s)

    def give_up(self, pistol: str, words: str) -> None:
        """Write to the log that the rules are not judged any more."""
        self.get_logger().error(
            f'{pistol}: a fault of this package in judging the rules; nobody is judged until the '
            f'next configure, all else goes on. Please report it: {words}')

    # Diagnostics

    def _on_bus_event(self, text: str) -> None:
        for pistol in self._pistols.values():
            pistol.judge.begin_anew()
        if self.bus is not None and not self.bus.trouble:
            self.get_logger().warning(text)
        else:
            self.get_logger().error(text)

    def _diagnose(self, bus: Bus) -> list[DiagnosticStatus]:
        self.tell(self.journal)
        level, words = DiagnosticStatus.OK, 'frames come and go'
        found_s = max(
            self._reception.found_s,
            *(pistol.outgoing.missed_s for pistol in self._pistols.values()))
        if not bus.is_open:
            level, words = DiagnosticStatus.ERROR, bus.trouble
        elif bus.warning:
            level, words = DiagnosticStatus.WARN, bus.warning
        elif time.monotonic() - self._limit.limited_s < FRESH_FINDING_S:
            level, words = DiagnosticStatus.WARN, 'there was a flood of frames: the newest counted'
        elif time.monotonic() - found_s < FRESH_FINDING_S:
            level, words = DiagnosticStatus.WARN, 'there were findings'
        values = dataclasses.asdict(self.counters) | {
            'bus_state': bus.condition.value, 'fd_frames': bus.fd_frames,
        } | dict(self.journal.counts)
        # A copy at once: frames go on coming in their own thread.
        ids = dict(self._reception.newer_ids)
        newer = sorted(ids.items(), key=operator.itemgetter(1), reverse=True)
        if newer:
            values['newer ids'] = ', '.join(
                f'{name} ({count})' for name, count in newer[:MOST_IDS])
        return [
            self.diagnostic('bus', words, level=level, hardware_id=bus.name, values=values),
            *(self._diagnose_rules(bus, pistol) for pistol in self._pistols.values())]

    def _diagnose_rules(self, bus: Bus, pistol: _Pistol) -> DiagnosticStatus:
        """Say which end of this pistol broke which rule how often, and what came last."""
        judge = pistol.judge
        level, words, last = DiagnosticStatus.OK, 'nobody breaks a rule', judge.last
        if judge.fault:
            level = DiagnosticStatus.ERROR
            words = f'a fault in the rules, nobody is judged any more: {judge.fault}'
        elif judge.is_flooded:
            level = DiagnosticStatus.WARN
            words = 'more frames than this interface has: nobody is judged meanwhile'
        elif last is not None:
            ago_s = time.monotonic() - last.time_s
            words = f'{ago_s:.0f} s ago: the {last.who} breaks {last.rule}: {last.text}'
            if ago_s < FRESH_FINDING_S:
                level = DiagnosticStatus.WARN
        return self.diagnostic(
            f'rules {pistol.name}', words, level=level, hardware_id=f'{bus.name} {pistol.name}',
            values=dict(sorted(judge.counts.items())))


def main() -> int:
    """Run the gateway alone."""
    return run(lambda: [Gateway()])
