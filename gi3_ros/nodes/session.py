# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
session: the only author of Sequence_Control, and the teller of the charge's story.

What a robot or an operator wants of a charge comes in here as services.
"""

import math
import time
from typing import Any

from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.duration import Duration
from rclpy.qos import QoSProfile
from sensor_msgs.msg import BatteryState
from std_msgs.msg import Bool

import gi3_ros.msg as ros
import gi3_ros.srv as srv

from .. import convert
from ..core.interface import signals
from ..core.interface.layout import Message
from ..core.session.control import SessionConfig, SessionControl
from ..core.session.words import Battery, NOTHING_KNOWN, Phase, Story, Words
from ..core.timing import TOLD_WITHIN_S
from .node import ChargerNode, LATCHED
from .parameters import parameters_of
from .process import run

REPEAT_S = 1.0
REPEATED = QoSProfile(
    depth=1, reliability=LATCHED.reliability, durability=LATCHED.durability,
    deadline=Duration(seconds=TOLD_WITHIN_S),
)
"""Latched, and with a promise: a subscriber that asks for this deadline is told when it is missed.
No lifespan: between hosts whose clocks differ it would swallow every word in silence."""
SIGNALS = (
    signals.AdvanticsControllerStatus, signals.NewChargeSession, signals.EvInformationBattery,
    signals.ChargeSessionFinished, signals.EmergencyStop, signals.DcPowerParameters,
)


class SessionNode(ChargerNode):
    """The session of one pistol."""

    PARAMETERS = parameters_of(SessionConfig)

    def __init__(self, **options: Any) -> None:
        super().__init__('session', **options)

    def build(self) -> None:
        self._config = self.config(SessionConfig)
        self._reset()
        self._word = self.publisher(
            convert.ROS_TYPES[signals.SequenceControl], signals.SequenceControl.TOPIC)
        self._charge_session = self.publisher(ros.ChargeSession, 'charge_session', REPEATED)
        self._battery_state = self.publisher(BatteryState, 'battery_state', REPEATED)
        self._safe_to_unplug = self.publisher(Bool, 'safe_to_unplug', REPEATED)
        self._is_available = self.publisher(ros.Availability, 'is_available', REPEATED)
        for cls in SIGNALS:
            self.subscribe_signals(cls, self._on_signals)
        self.subscribe(ros.PowerMeasurement, 'power_measurement', self._on_measurement)
        self.subscribe(ros.ContactorFeedback, 'contactor_feedback', self._on_feedback)
        self.subscribe(ros.PowerStatus, 'power_status', self._on_power)
        self.subscribe(ros.StageStatus, 'stage_status', self._on_stage)
        self.serve(srv.Authorise, 'authorise', self._authorise)
        self.serve(srv.StartCharge, 'start_charge', self._start_charge)
        self.serve(srv.StopCharge, 'stop_charge', self._stop_charge)
        self.serve(srv.SetAvailability, 'set_availability', self._set_availability)
        self.diagnose_every_second(self._diagnose)

    def _reset(self) -> None:
        self._core = SessionControl(self._config)
        self._words = NOTHING_KNOWN
        self._due_s = -math.inf
        self._reading_stamp: Time | None = None

    def start(self) -> None:
        self._reset()

    def stop(self) -> None:
        """Nobody is left who could stop a charge: none may begin, and nothing is known."""
        # From what was told last, not from the core: it may be the core that has failed.
        self._publish(self._words.last(self.failure or 'session has left active'))
        self._word.publish(convert.to_ros(self._core.start_forbidden, self.now()))

    @property
    def due_s(self) -> float:
        return min(self._core.due_s, self._due_s)

    def tick(self, *, now_s: float) -> None:
        word = self._core.tick(now_s=now_s)
        if word is not None:
            self._word.publish(convert.to_ros(word, self.now()))
        before, self._words = self._words, self._core.words(now_s=now_s)
        if self._words.news != before.news or now_s >= self._due_s:
            self._due_s = now_s + REPEAT_S
            self._publish(self._words)
        self.tell(self._core.journal)

    def _publish(self, words: Words) -> None:
        stamp = self.now()
        # What somebody may act upon first.
        self._safe_to_unplug.publish(Bool(data=words.is_safe_to_unplug))
        self._battery_state.publish(self._battery(words.battery, stamp))
        self._is_available.publish(self._availability(words.why_not_available, stamp))
        self._charge_session.publish(self._story(words.story, stamp))

    @staticmethod
    def _availability(why_not: str, stamp: Time) -> ros.Availability:
        message = ros.Availability(available=not why_not, reason=why_not)
        message.header.stamp = stamp
        return message

    @staticmethod
    def _story(story: Story, stamp: Time) -> ros.ChargeSession:
        message = ros.ChargeSession(
            phase=int(story.phase), phase_name=story.phase.name,
            controller_state=story.controller_state, protocol=story.protocol,
            energy_charged=story.energy_charged_wh, energy_discharged=story.energy_discharged_wh,
            duration=story.duration_s, peak_power=story.peak_power_w,
            state_of_charge=story.state_of_charge, end_reason=story.end_reason, note=story.note,
        )
        message.header.stamp = stamp
        return message

    def _battery(self, battery: Battery, stamp: Time) -> BatteryState:
        """Say what is known of the battery; NaN where nobody tells us (BatteryState.msg)."""
        message = BatteryState(
            voltage=battery.voltage_v, current=battery.current_a, temperature=math.nan,
            charge=math.nan, capacity=math.nan, design_capacity=math.nan,
            percentage=battery.state_of_charge, power_supply_status=int(battery.charging),
            power_supply_health=BatteryState.POWER_SUPPLY_HEALTH_UNKNOWN,
            power_supply_technology=BatteryState.POWER_SUPPLY_TECHNOLOGY_UNKNOWN,
            present=battery.is_present,
        )
        # No reading leaves younger than it is.
        message.header.stamp = stamp if math.isnan(battery.voltage_v) else self._reading_stamp
        return message

    # Inputs

    def _on_signals(self, message: Message, true_at_s: float) -> None:
        self._core.receive(message, now_s=true_at_s)

    def _on_measurement(self, message: ros.PowerMeasurement, true_at_s: float) -> None:
        if self._core.measure(convert.measurement_from_ros(message), now_s=true_at_s):
            self._reading_stamp = message.header.stamp

    def _on_power(self, message: ros.PowerStatus, true_at_s: float) -> None:
        self._core.see_power(message.fault, now_s=true_at_s)

    def _on_stage(self, message: ros.StageStatus, true_at_s: float) -> None:
        self._core.see_stage(
            message.stage, message.reason,
            has_output_contactors=message.has_output_contactors, now_s=true_at_s,
        )

    def _on_feedback(self, message: ros.ContactorFeedback, true_at_s: float) -> None:
        self._core.see_pistol(message.pistol_voltage, now_s=true_at_s)

    # Services

    def _authorise(self, request: srv.Authorise.Request, _response: object) -> str:
        return self._core.authorise(request.valid, now_s=time.monotonic())

    def _start_charge(self, _request: object, _response: object) -> str:
        return self._core.start_charge(now_s=time.monotonic())

    def _stop_charge(self, _request: object, _response: object) -> str:
        return self._core.stop_charge(now_s=time.monotonic())

    def _set_availability(self, request: srv.SetAvailability.Request, _response: object) -> str:
        return self._core.set_availability(
            request.available, reason=request.reason, duration_s=request.duration,
            now_s=time.monotonic(),
        )

    # Diagnostics

    def _diagnose(self) -> list[DiagnosticStatus]:
        with self.lock:
            story = self._core.story(now_s=time.monotonic())
            counts = dict(self._core.journal.counts)
        level, words = DiagnosticStatus.OK, 'inactive'
        if self.is_active:
            words = f'{story.phase.name}: {story.end_reason}' if story.end_reason else (
                story.phase.name)
            is_fresh = self._core.journal.has_fresh_finding(now_s=time.monotonic())
            if is_fresh or story.phase is Phase.NO_CONTROLLER:
                level = DiagnosticStatus.WARN
        return [self.diagnostic('session', words, level=level, values={
            'controller state': story.controller_state, 'protocol': story.protocol, **counts})]


def main() -> int:
    """Run session alone."""
    return run(lambda: [SessionNode()])
