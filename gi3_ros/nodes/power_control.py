# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
power_control: the only author of what the power modules do.

Messages in, :class:`~gi3_ros.core.power.control.PowerControl` decides, messages out. It sends
Power_Modules_Status from the same tick that decides, so its silence means what it says.
"""

import math
import pathlib
import time
from typing import Any

from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticStatus

import gi3_ros.msg as ros
import gi3_ros.srv as srv

from .. import convert
from ..core import controller_config
from ..core.hardware import ModulesMode, PowerSetpoint
from ..core.interface import signals
from ..core.interface.layout import Message
from ..core.power.control import PowerControl
from ..core.power.decision import Decision
from ..core.power.limits import ChargerLimits
from ..core.power.modules_status import power_modules_status
from ..core.power.parameters import PowerConfig
from .node import ChargerNode, EARLY_S
from .parameters import Parameter, parameters_of
from .process import run

SETPOINT_PERIOD_S = 0.05
"""A driver switches off after 300 ms without one; a changed one goes out at once."""
OFF_PERIOD_S = 0.1
"""One that asks for nothing may be late."""
REPORT_PERIOD_S = 0.1
SIGNALS = (
    signals.AdvanticsControllerStatus, signals.NewChargeSession, signals.ChargeStatusChange,
    signals.DcPowerControl, signals.ChargeSessionFinished, signals.EmergencyStop,
    signals.OcppControl,
)
LIMITS = parameters_of(ChargerLimits)


class PowerControlNode(ChargerNode):
    """Power for one pistol."""

    PARAMETERS = (
        Parameter('controller_config', '',
                  "path of the controller's own config.cfg: its entries hold for the parameters "
                  'of the same names; empty: the parameters hold'),
        Parameter('controller_pistol', '',
                  "section of this pistol in it, such as 'CCS DC'; empty: the only one"),
        *LIMITS,
        *parameters_of(PowerConfig),
    )

    def __init__(self, **options: Any) -> None:
        super().__init__('power_control', **options)

    def declare(self) -> None:
        entries: dict[str, controller_config.Value] = {}
        for parameter in self.PARAMETERS:
            parameter.declare_on(self, found=entries.get(parameter.name))
            if parameter.name == 'controller_pistol' and self.value('controller_config'):
                entries = self._read_controller_config()

    def _read_controller_config(self) -> dict[str, controller_config.Value]:
        """
        Return the entries that shape power (interface.md 5.1); ``ValueError`` with words.

        Not the ramp rates: there they are those of Range_Target_Current, which the controller
        follows only where it drives the modules itself (R31).
        """
        path = self.value('controller_config')
        try:
            text = pathlib.Path(path).read_text(encoding='utf-8')
            section = controller_config.read(text, pistol=self.value('controller_pistol'))
            entries = section.take({each.name: each.default for each in LIMITS})
        except (OSError, ValueError) as error:
            raise ValueError(f'controller_config {path}: {error}') from error
        for warning in section.warnings:
            self.get_logger().warning(f'{path}: {warning}')
        words = ', '.join(f'{name} {value}' for name, value in entries.items())
        self.get_logger().info(f'{path} [pistol:{section.name}]: {words or "no entry for us"}')
        return entries

    def build(self) -> None:
        self._config = self.config(PowerConfig, limits=self.config(ChargerLimits))
        self._core = PowerControl(self._config)
        self._setpoint_due_s = self._words_due_s = -math.inf
        self._last: Decision | None = None
        self._measurement_stamp: Time | None = None
        self._fault_since = Time()
        self._setpoint = self.publisher(ros.PowerSetpoint, 'power_setpoint')
        self._status = self.publisher(ros.PowerStatus, 'power_status')
        self._effective = self.publisher(ros.EffectiveSetpoint, 'effective_setpoint')
        self._to_controller = {
            cls: self.publisher(convert.ROS_TYPES[cls], cls.TOPIC)
            for cls in (signals.PowerModulesStatus, signals.DcPowerParameters)
        }
        for cls in SIGNALS:
            self.subscribe_signals(cls, self._on_controller)
        self.subscribe(ros.PowerMeasurement, 'power_measurement', self._on_measurement)
        self.subscribe(ros.StageStatus, 'stage_status', self._on_stage)
        self.serve(srv.SetCurrentSetpoint, 'set_current_setpoint', self._set_current_setpoint)
        self.serve(srv.SetLimits, 'set_limits', self._set_limits)
        self.serve(srv.EmergencyStop, 'emergency_stop', self._emergency_stop)
        self.serve(srv.ResetFault, 'reset_fault', self._reset_fault)
        self.diagnose_every_second(self._diagnose)

    def start(self) -> None:
        # Nothing that was commanded while inactive counts: power needs a session begun now.
        self._core = PowerControl(self._config)
        self._last = None
        self._fault_since = Time()

    def stop(self) -> None:
        """Zero power, System_Enable withdrawn while that can be said honestly, then silence."""
        # Not decided by the core: it may be the core that has failed.
        why, stamp = self.failure or 'power_control leaves active', self.now()
        self._setpoint.publish(convert.setpoint_to_ros(PowerSetpoint(reason=why), stamp))
        reading = self._core.reading(now_s=time.monotonic())
        if reading is not None:
            self._publish_status(power_modules_status(reading, is_allowed=False))
        fault = self._core.fault
        if self._core.is_in_session:
            fault = f'{why} (in {self._core.phase.name})'
            self.get_logger().error(f'power off: {fault}')
        phase = ros.PowerStatus.FAULT if fault else ros.PowerStatus.UNKNOWN
        message = ros.PowerStatus(
            phase=phase, phase_name='FAULT' if fault else 'UNKNOWN', fault=fault, note=why,
            fault_since=stamp if fault and self._fault_since == Time() else self._fault_since)
        message.header.stamp = stamp
        self._status.publish(message)
        self._effective.publish(convert.nothing_effective_to_ros(stamp))

    def begin_safe_stop(self) -> None:
        if self.is_active and self._core.is_in_session:
            self._core.emergency_stop('the process was asked to end', now_s=time.monotonic())

    @property
    def is_at_rest(self) -> bool:
        if not self.is_active:
            return True
        reading = self._core.reading(now_s=time.monotonic())
        return reading is None or abs(reading.current_a) <= 1.0

    @property
    def due_s(self) -> float:
        return min(self._core.due_s, self._setpoint_due_s, self._words_due_s)

    def tick(self, *, now_s: float) -> None:
        self._step(now_s)

    def _step(self, now_s: float) -> Decision:
        """Decide and publish; the lock is held."""
        decision = self._core.tick(now_s=now_s)
        last, self._last = self._last, decision
        stamp = self.now()
        if not decision.fault:
            self._fault_since = Time()
        elif self._fault_since == Time():
            self._fault_since = stamp
        is_due = now_s >= self._setpoint_due_s - EARLY_S
        if last is None or decision.setpoint != last.setpoint or is_due:
            self._setpoint.publish(convert.setpoint_to_ros(decision.setpoint, stamp))
            is_off = decision.setpoint.mode is ModulesMode.OFF
            self._setpoint_due_s = now_s + (OFF_PERIOD_S if is_off else SETPOINT_PERIOD_S)
        if decision.status is not None:
            self._publish_status(decision.status)
        if decision.parameters is not None:
            self._to_controller[signals.DcPowerParameters].publish(
                convert.to_ros(decision.parameters, stamp))
        has_moved = last is None or (
            (decision.phase, decision.fault) != (last.phase, last.fault)
        )
        if has_moved or now_s >= self._words_due_s - EARLY_S:
            self._words_due_s = now_s + REPORT_PERIOD_S
            self._publish_words(decision, stamp)
        self.tell(self._core.journal)
        return decision

    def _publish_status(self, status: signals.PowerModulesStatus) -> None:
        # The stamp is the measurement's own: no reading leaves younger than it is.
        self._to_controller[signals.PowerModulesStatus].publish(
            convert.to_ros(status, self._measurement_stamp))

    def _publish_words(self, decision: Decision, stamp: Time) -> None:
        message = ros.PowerStatus(
            phase=int(decision.phase), phase_name=decision.phase.name,
            system_enable=decision.system_enable, fault=decision.fault,
            fault_since=self._fault_since, note=decision.note,
        )
        message.header.stamp = stamp
        self._status.publish(message)
        if self.is_heard(self._effective):
            self._effective.publish(convert.effective_to_ros(decision.effective, stamp))

    # Inputs

    def _on_controller(self, message: Message, true_at_s: float) -> None:
        self._core.receive(message, now_s=true_at_s)

    def _on_measurement(self, message: ros.PowerMeasurement, true_at_s: float) -> None:
        if self._core.measure(convert.measurement_from_ros(message), now_s=true_at_s):
            self._measurement_stamp = message.header.stamp

    def _on_stage(self, message: ros.StageStatus, true_at_s: float) -> None:
        self._core.see_stage(
            message.stage, message.reason, now_s=true_at_s,
            has_output_contactors=message.has_output_contactors,
            battery_may_be_connected=message.battery_may_be_connected,
        )

    # Services

    def _set_current_setpoint(
        self, request: srv.SetCurrentSetpoint.Request, response: srv.SetCurrentSetpoint.Response,
    ) -> str:
        now_s = time.monotonic()
        try:
            return self._core.request_current(
                request.current, duration_s=request.duration, priority=request.priority,
                source=request.source, now_s=now_s,
            )
        finally:
            effective = self._step(now_s).effective
            response.current_in_force = effective.current_a
            response.target_in_force = effective.target_a
            response.source_in_force = effective.source
            response.limited_by = list(effective.limited_by)

    def _set_limits(self, request: srv.SetLimits.Request, _response: object) -> str:
        return self._core.request_limits(
            voltage_v=request.maximum_voltage,
            charge_current_a=request.maximum_charge_current,
            discharge_current_a=request.maximum_discharge_current,
            now_s=time.monotonic(),
        )

    def _emergency_stop(self, request: srv.EmergencyStop.Request, _response: object) -> str:
        now_s = time.monotonic()
        self._core.emergency_stop(request.reason, now_s=now_s)
        self._step(now_s)
        return f'no power; latched until reset_fault: {self._core.fault}'

    def _reset_fault(self, _request: object, _response: object) -> str:
        self._core.reset_fault(now_s=time.monotonic())
        return 'reset; power comes back with the next session'

    # Diagnostics

    def _diagnose(self) -> list[DiagnosticStatus]:
        with self.lock:
            decision, counts = self._last, dict(self._core.journal.counts)
        level, words = DiagnosticStatus.OK, 'inactive'
        if self.is_active and decision is not None:
            words = decision.note or decision.phase.name
            if decision.fault:
                level, words = DiagnosticStatus.ERROR, decision.fault
            elif self._core.journal.has_fresh_finding(now_s=time.monotonic()):
                level = DiagnosticStatus.WARN
        authors = self.count_publishers('power_setpoint')
        if authors > 1:
            level = DiagnosticStatus.ERROR
            words = f'{authors} authors of power_setpoint: only one may be there'
        return [self.diagnostic('power', words, level=level, values=counts)]


def main() -> int:
    """Run power_control alone."""
    return run(lambda: [PowerControlNode()])
