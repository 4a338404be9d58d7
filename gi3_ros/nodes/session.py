"""
session: the only author of Sequence_Control, and the teller of the charge's story.

What a robot or an operator wants of a charge comes in here as services.
"""

import math
import time

from diagnostic_msgs.msg import DiagnosticStatus
from sensor_msgs.msg import BatteryState
from std_msgs.msg import Bool

from gi3_ros import msg as ros
from gi3_ros import srv

from .. import convert
from ..core import signals
from ..core.output_stage import Stage
from ..core.session import Phase, SessionConfig, SessionControl
from .lifecycle import ChargerNode, LATCHED, parameters_of, run

REPEAT_S = 1.0
SIGNALS = (
    signals.AdvanticsControllerStatus, signals.NewChargeSession, signals.EvInformationBattery,
    signals.ChargeSessionFinished, signals.EmergencyStop, signals.DcPowerParameters,
)


class SessionNode(ChargerNode):
    """The session of one pistol."""

    TICK_S = 0.05
    PARAMETERS = parameters_of(SessionConfig)

    def __init__(self, **options):
        super().__init__('session', **options)

    def build(self):
        self._config = self.config(SessionConfig)
        self._reset()
        self._word = self.publisher(
            convert.ROS_TYPES[signals.SequenceControl], signals.SequenceControl.TOPIC)
        self._charge_session = self.publisher(ros.ChargeSession, 'charge_session', LATCHED)
        self._battery_state = self.publisher(BatteryState, 'battery_state', LATCHED)
        self._safe_to_unplug = self.publisher(Bool, 'safe_to_unplug', LATCHED)
        for cls in SIGNALS:
            self.subscribe_signals(cls, self._on_signals)
        self.subscribe(ros.PowerMeasurement, 'power_measurement', self._on_measurement)
        self.subscribe(ros.ContactorFeedback, 'contactor_feedback', self._on_feedback)
        self.subscribe(ros.PowerStatus, 'power_status', self._on_power)
        self.subscribe(ros.StageStatus, 'stage_status', self._on_stage)
        self.serve(srv.Authorise, 'authorise', self._authorise)
        self.serve(srv.StopCharge, 'stop_charge', self._stop_charge)
        self.diagnose_every_second(self._diagnose)

    def _reset(self):
        self._core = SessionControl(self._config)
        self._last = None
        self._due_s = -math.inf
        self._reading = None

    def start(self):
        self._reset()

    def stop(self):
        """Nobody is left who could stop a charge: none may begin, and nothing is called safe."""
        self._word.publish(convert.to_ros(self._core.start_forbidden, self.now()))
        self._safe_to_unplug.publish(Bool(data=False))

    def tick(self):
        if not self.is_active:
            return
        now_s = time.monotonic()
        word = self._core.tick(now_s=now_s)
        if word is not None:
            self._word.publish(convert.to_ros(word, self.now()))
        story = self._core.story(now_s=now_s)
        is_safe = self._core.is_safe_to_unplug(now_s=now_s)
        news = (story.phase, story.controller_state, story.end_reason, is_safe)
        if news != self._last or now_s >= self._due_s:
            self._last, self._due_s = news, now_s + REPEAT_S
            self._publish(story, is_safe)
        self.tell(self._core.journal)

    def _publish(self, story, is_safe):
        message = ros.ChargeSession(
            phase=int(story.phase), phase_name=story.phase.name,
            controller_state=story.controller_state, protocol=story.protocol,
            energy_charged=story.energy_charged_wh, energy_discharged=story.energy_discharged_wh,
            duration=story.duration_s, peak_power=story.peak_power_w,
            state_of_charge=story.state_of_charge, end_reason=story.end_reason,
        )
        message.header.stamp = self.now()
        self._charge_session.publish(message)
        self._safe_to_unplug.publish(Bool(data=is_safe))
        self._battery_state.publish(self._battery(story, message.header.stamp))

    def _battery(self, story, stamp):
        """Say what is known of the battery; NaN where nobody tells us (BatteryState.msg)."""
        battery = BatteryState(
            voltage=math.nan, current=math.nan, temperature=math.nan, charge=math.nan,
            capacity=math.nan, design_capacity=math.nan, percentage=story.state_of_charge,
            power_supply_status=BatteryState.POWER_SUPPLY_STATUS_UNKNOWN,
            power_supply_health=BatteryState.POWER_SUPPLY_HEALTH_UNKNOWN,
            power_supply_technology=BatteryState.POWER_SUPPLY_TECHNOLOGY_UNKNOWN,
            present=not math.isnan(story.state_of_charge) and not story.end_reason,
        )
        battery.header.stamp = stamp
        if self._core.is_battery_on_output and self._reading is not None:
            battery.header.stamp = self._reading.header.stamp
            battery.voltage = self._reading.voltage
            battery.current = self._reading.current
            battery.power_supply_status = (
                BatteryState.POWER_SUPPLY_STATUS_CHARGING if battery.current > 0.5
                else BatteryState.POWER_SUPPLY_STATUS_DISCHARGING if battery.current < -0.5
                else BatteryState.POWER_SUPPLY_STATUS_NOT_CHARGING
            )
        return battery

    # Inputs

    def _on_signals(self, message, true_at_s):
        self._core.receive(message, now_s=true_at_s)

    def _on_measurement(self, message, true_at_s):
        self._core.measure(convert.measurement_from_ros(message), now_s=true_at_s)
        self._reading = message

    def _on_power(self, message, _true_at_s):
        self._core.see_power(message.fault)

    def _on_stage(self, message, true_at_s):
        self._core.see_stage(
            message.stage == Stage.OPEN, has_output_contactors=message.has_output_contactors,
            now_s=true_at_s,
        )

    def _on_feedback(self, message, true_at_s):
        self._core.see_pistol(message.pistol_voltage, now_s=true_at_s)

    # Services

    def _authorise(self, request, _response):
        return self._core.authorise(request.valid, now_s=time.monotonic())

    def _stop_charge(self, _request, _response):
        return self._core.stop_charge(now_s=time.monotonic())

    # Diagnostics

    def _diagnose(self):
        with self.lock:
            story = self._core.story(now_s=time.monotonic())
            counts = dict(self._core.journal.counts)
        level, words = DiagnosticStatus.OK, 'inactive'
        if self.is_active:
            words = f'{story.phase.name}: {story.end_reason}' if story.end_reason else (
                story.phase.name)
            if counts or story.phase is Phase.NO_CONTROLLER:
                level = DiagnosticStatus.WARN
        return [self.diagnostic('session', words, level=level, values={
            'controller state': story.controller_state, 'protocol': story.protocol, **counts})]


def main():
    """Run session alone."""
    return run(lambda: [SessionNode()])
