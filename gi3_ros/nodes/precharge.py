# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
precharge: the only author of contactor commands.

Owns the output stage between the power modules and the pistol, supervises the CCS precharge, and
commands the controller's digital outputs, on which relays of the stage may hang.
"""

import math
import time
from typing import Any

from diagnostic_msgs.msg import DiagnosticStatus

import gi3_ros.msg as ros
import gi3_ros.srv as srv

from .. import convert
from ..core.hardware import ContactorCommand, Stage
from ..core.interface import signals
from ..core.interface.layout import Message
from ..core.power.phases import POWERED
from ..core.stage.digital_outputs import DigitalOutputs
from ..core.stage.installations import stage_for
from ..core.stage.output_stage import StageConfig
from ..core.stage.precharge import PrechargeSupervision, Progress, Verdict
from .node import ChargerNode, EARLY_S
from .parameters import Parameter, parameters_of
from .process import run

REPORT_PERIOD_S = 0.1
SIGNALS = (
    signals.AdvanticsControllerStatus, signals.NewChargeSession, signals.ChargeStatusChange,
    signals.DcPowerControl, signals.ChargeSessionFinished, signals.EmergencyStop,
)


class PrechargeNode(ChargerNode):
    """The output stage of one pistol."""

    PARAMETERS = (
        *parameters_of(StageConfig),
        Parameter('precharge_timeout', 20.0,
                  's after which a precharge is called timed out; the vehicle ends it', 1.0, 60.0),
    )

    def __init__(self, **options: Any) -> None:
        super().__init__('precharge', **options)

    def build(self) -> None:
        self._config = self.config(StageConfig)
        self._reset()
        self._command = self.publisher(ros.ContactorCommand, 'contactor_command')
        self._stage_status = self.publisher(ros.StageStatus, 'stage_status')
        self._precharge_status = self.publisher(ros.PrechargeStatus, 'precharge_status')
        self._outputs_to_controller = self.publisher(
            convert.ROS_TYPES[signals.AdmCsSeccOutputs], signals.AdmCsSeccOutputs.TOPIC)
        for cls in SIGNALS:
            self.subscribe_signals(cls, self._on_controller)
        self.subscribe(ros.PowerMeasurement, 'power_measurement', self._on_measurement)
        self.subscribe(ros.ContactorFeedback, 'contactor_feedback', self._on_feedback)
        self.subscribe(ros.PowerStatus, 'power_status', self._on_power)
        self.subscribe(ros.PowerSetpoint, 'power_setpoint', self._on_setpoint)
        self.serve(srv.SetContactors, 'set_contactors', self._set_contactors)
        self.serve(srv.SetOutputs, 'set_outputs', self._set_outputs)
        self.serve(srv.ResetFault, 'reset_stage_fault', self._reset_fault)
        self.diagnose_every_second(self._diagnose)

    def _reset(self) -> None:
        self._stage = stage_for(self._config)
        self._outputs = DigitalOutputs(self._config)
        self._supervision = PrechargeSupervision(self.value('precharge_timeout'))
        self._last: tuple[ContactorCommand | None, Stage] | None = None
        self._progress: Progress | None = None
        """Of a precharge that lasts, as told last."""
        self._verdict: Verdict | None = None
        self._due_s = -math.inf
        self._ending = False

    def start(self) -> None:
        self._reset()

    def stop(self) -> None:
        """Say that nothing is known: no power; the driver opens once the current is gone."""
        why = self.failure or 'precharge has left active'
        if self._stage.stage is Stage.FAULT:
            self._publish_stage(Stage.FAULT, f'{self._stage.reason}; {why}')
        else:
            self._publish_stage(Stage.UNKNOWN, why)
        if self._progress is not None:
            self._publish_progress(self._progress.unmeasured)
        self._publish_outputs(self._outputs.last_word())

    def begin_safe_stop(self) -> None:
        self._ending = True

    @property
    def is_at_rest(self) -> bool:
        return (not self.is_active or self._stage.stage is Stage.OPEN
                or not self._config.has_output_contactors)

    @property
    def due_s(self) -> float:
        return min(self._stage.due_s, self._outputs.due_s, self._due_s)

    def tick(self, *, now_s: float) -> None:
        stage = self._stage
        if self._ending:
            stage.see_power('the process was asked to end', is_enabled=False, now_s=now_s)
        command = stage.tick(now_s=now_s)
        decision = (command, stage.stage)
        if command is not None:
            self._outputs.follow(command)
        self._publish_outputs(self._outputs.due(now_s=now_s))
        if decision != self._last or now_s >= self._due_s - EARLY_S:
            self._last, self._due_s = decision, now_s + REPORT_PERIOD_S
            if command is not None:
                self._command.publish(convert.command_to_ros(command, self.now()))
            self._publish_stage(stage.told(now_s=now_s), stage.reason)
            self._tell_progress(now_s)
        self.tell(stage.journal)

    def _publish_stage(self, stage: Stage, reason: str) -> None:
        message = ros.StageStatus(
            stage=int(stage), stage_name=stage.name, reason=reason,
            installation=self._config.installation,
            has_output_contactors=self._config.has_output_contactors,
            battery_may_be_connected=self._stage.battery_may_be_connected,
        )
        message.header.stamp = self.now()
        self._stage_status.publish(message)

    def _publish_outputs(self, message: signals.AdmCsSeccOutputs | None) -> None:
        if message is not None:
            self._outputs_to_controller.publish(convert.to_ros(message, self.now()))

    def _tell_progress(self, now_s: float) -> None:
        progress = self._progress = self._supervision.take_news(
            now_s=now_s) or self._stage.take_progress(now_s=now_s)
        if progress is None:
            return
        self._publish_progress(progress)
        before, self._verdict = self._verdict, progress.verdict
        if progress.verdict is before:
            return
        if progress.verdict in (Verdict.DONE, Verdict.ABORTED):
            self.get_logger().info(progress.words)
        elif progress.verdict in (Verdict.TIMED_OUT, Verdict.OVER_CURRENT, Verdict.UNKNOWN):
            self.get_logger().warning(progress.words)

    def _publish_progress(self, progress: Progress) -> None:
        message = ros.PrechargeStatus(
            kind=int(progress.kind), target=progress.target_v, present=progress.present_v,
            difference=progress.difference_v, current=progress.current_a,
            current_cap=progress.current_cap_a, elapsed=progress.elapsed_s,
            energy=progress.energy_j, verdict=int(progress.verdict),
        )
        message.header.stamp = self.now()
        self._precharge_status.publish(message)

    # Inputs

    def _on_controller(self, message: Message, true_at_s: float) -> None:
        self._stage.receive(message, now_s=true_at_s)
        self._supervision.receive(message, now_s=true_at_s)

    def _on_measurement(self, message: ros.PowerMeasurement, true_at_s: float) -> None:
        measurement = convert.measurement_from_ros(message)
        self._stage.measure(measurement, now_s=true_at_s)
        self._supervision.measure(measurement, now_s=true_at_s)

    def _on_feedback(self, message: ros.ContactorFeedback, true_at_s: float) -> None:
        self._stage.see_contacts(convert.feedback_from_ros(message), now_s=true_at_s)

    def _on_power(self, message: ros.PowerStatus, true_at_s: float) -> None:
        self._stage.see_power(
            message.fault, is_enabled=message.system_enable,
            is_commanded=message.phase in POWERED, now_s=true_at_s,
        )

    def _on_setpoint(self, message: ros.PowerSetpoint, true_at_s: float) -> None:
        setpoint = convert.setpoint_from_ros(message)
        self._stage.see_setpoint(setpoint.mode, now_s=true_at_s)
        self._supervision.see_setpoint(setpoint)

    # Services

    def _set_outputs(self, request: srv.SetOutputs.Request, _response: object) -> str:
        return self._outputs.request(list(request.outputs), request.high)

    def _set_contactors(self, request: srv.SetContactors.Request, _response: object) -> str:
        now_s = time.monotonic()
        if request.position == request.OPEN:
            return self._stage.request_open(now_s=now_s)
        if request.position == request.CLOSE:
            return self._stage.request_close(now_s=now_s)
        raise ValueError(f'position {request.position} is neither OPEN (0) nor CLOSE (1)')

    def _reset_fault(self, _request: object, _response: object) -> str:
        self._stage.reset_fault(now_s=time.monotonic())
        return 'reset'

    # Diagnostics

    def _diagnose(self) -> list[DiagnosticStatus]:
        with self.lock:
            stage, counts = self._stage, dict(self._stage.journal.counts)
            where, reason = stage.stage, stage.reason
        level, words = DiagnosticStatus.OK, 'inactive'
        if self.is_active:
            words = f'{where.name}: {reason}' if reason else where.name
            if where is Stage.FAULT:
                level = DiagnosticStatus.ERROR
            elif stage.journal.has_fresh_finding(now_s=time.monotonic()):
                level = DiagnosticStatus.WARN
        return [self.diagnostic('stage', words, level=level, values={
            'installation': self._config.installation, **counts})]


def main() -> int:
    """Run precharge alone."""
    return run(lambda: [PrechargeNode()])
