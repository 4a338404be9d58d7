# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What ``gi3 demo`` sees of a charge through ROS. Importing this needs ROS 2."""

from collections.abc import Callable
import math
import time
from typing import Any

import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rclpy.signals import SignalHandlerOptions

from gi3_ros import msg as ros
from gi3_ros import srv

from ..core.hardware import Contact
from ..core.interface.signals import AdvanticsControllerStatus
from ..core.stage.precharge import Verdict
from ..dds import keep_out_of_shared_memory
from .views.demo_picture import Charge, Picture, Power, Precharge, Reading

State = AdvanticsControllerStatus.State
# A message of ROS is Any: its class is generated when the package is built.

EVENTS = QoSProfile(depth=100, reliability=ReliabilityPolicy.RELIABLE)
LATCHED = QoSProfile(
    depth=1, reliability=ReliabilityPolicy.RELIABLE, durability=DurabilityPolicy.TRANSIENT_LOCAL,
)


class Observer:
    """
    A node beside the charger: it listens, and calls ``authorise``.

    :param picture: filled in from the topics
    :param clock: returns seconds since the start of the demo
    """

    def __init__(self, picture: Picture, pistol: str, *, clock: Callable[[], float]) -> None:
        self._picture = picture
        self._clock = clock
        self._pistol = pistol
        self._context = rclpy.Context()
        keep_out_of_shared_memory()
        # The command has its own signal handlers: rclpy's would cut it off from the charger.
        rclpy.init(context=self._context, signal_handler_options=SignalHandlerOptions.NO)
        self._node = rclpy.create_node('demo', context=self._context)
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self._node)
        self._authorise = self._node.create_client(srv.Authorise, f'/{pistol}/authorise')
        now = self._node.get_clock().now().nanoseconds / 1e9
        self._zero_s = now - clock()
        self._handled = 0
        self._answer: Any = None  # a future of rclpy
        self._fault = ''
        self._power_phase = ''
        self._stage = ''
        self._verdict = Verdict.IDLE
        self.has_measurement = False
        self.has_session = False
        self.controller_state: int | None = None
        """As a number, ``None`` before the first."""
        self.last_status_s = -math.inf
        """When the last frame 0x6B000 arrived on the bus."""
        self.zero_since_s = -math.inf
        """Since when the setpoint asks for no power; infinite while it asks for some."""
        self.withdrawn_s: float | None = None
        """When System_Enable was first withdrawn after having been given."""
        self._was_enabled = False
        for ros_type, topic, callback, qos in (
            (ros.ChargeSession, 'charge_session', self._on_charge, LATCHED),
            (ros.PowerMeasurement, 'power_measurement', self._on_measurement, EVENTS),
            (ros.PowerSetpoint, 'power_setpoint', self._on_setpoint, EVENTS),
            (ros.PowerStatus, 'power_status', self._on_power, EVENTS),
            (ros.PowerModulesStatus, 'power_modules_status', self._on_word, EVENTS),
            (ros.StageStatus, 'stage_status', self._on_stage, EVENTS),
            (ros.ContactorFeedback, 'contactor_feedback', self._on_feedback, EVENTS),
            (ros.PrechargeStatus, 'precharge_status', self._on_precharge, EVENTS),
            (ros.EffectiveSetpoint, 'effective_setpoint', self._on_effective, EVENTS),
            (ros.AdvanticsControllerStatus, 'controller_status', self._on_status, EVENTS),
        ):
            self._node.create_subscription(
                ros_type, f'/{pistol}/{topic}', self._counted(callback), qos)

    def spin(self, timeout_s: float) -> None:
        """Wait, then handle all that has come: one who looks on must not cost much."""
        time.sleep(timeout_s)
        idle = 0
        # One idle call means only that the executor will look for more the next time.
        while idle < 2:
            handled = self._handled
            self._executor.spin_once(timeout_sec=0.0)
            idle = 0 if self._handled != handled else idle + 1

    def close(self) -> None:
        """Leave ROS."""
        self._executor.shutdown()
        self._node.destroy_node()
        self._context.try_shutdown()

    def _counted(self, callback: Callable[[Any], None]) -> Callable[[Any], None]:
        def counted(message: Any) -> None:
            self._handled += 1
            callback(message)
        return counted

    # Readiness

    @property
    def missing(self) -> str:
        """Words for what has not come up yet, empty when the charger is complete."""
        if not self.has_measurement:
            return 'no power_measurement from the power modules'
        if not self.has_session:
            return 'no charge_session from the charger'
        if not self._picture.power.get(now_s=self._clock()):
            return 'no power_status from the charger'
        if not self._authorise.service_is_ready():
            return 'no service authorise'
        return ''

    @property
    def strangers(self) -> list[str]:
        """Topics of ours that somebody else publishes, too."""
        return [
            topic for topic in ('power_measurement', 'power_setpoint', 'charge_session')
            if self._node.count_publishers(f'/{self._pistol}/{topic}') > 1
        ]

    # The service

    def authorise(self) -> None:
        """Say that the vehicle may charge; the answer becomes an event."""
        if self._answer is not None:
            return
        self._picture.tell(self._clock(), 'demo', 'calls the service authorise')
        self._answer = self._authorise.call_async(srv.Authorise.Request(valid=True))
        self._answer.add_done_callback(self._on_answer)

    def _on_answer(self, future: Any) -> None:
        answer = future.result()
        word = 'answers' if answer.success else 'refuses'
        self._picture.tell(
            self._clock(), 'session', f'{word} {answer.message!r}', is_bad=not answer.success)

    # Topics

    def _time_s(self, header: Any) -> float:
        """Return the time of a stamp on the clock of the demo."""
        return float(header.stamp.sec + header.stamp.nanosec / 1e9 - self._zero_s)

    def _on_charge(self, message: Any) -> None:
        self.has_session = True
        self._picture.see_charge(
            Charge(
                phase=message.phase_name, protocol=message.protocol,
                energy_wh=message.energy_charged, peak_w=message.peak_power,
                state_of_charge=message.state_of_charge, end_reason=message.end_reason,
            ),
            now_s=self._clock(), time_s=self._time_s(message.header),
        )

    def _on_measurement(self, message: Any) -> None:
        self.has_measurement = True
        self._picture.see_reading(
            Reading(
                time_s=self._time_s(message.header), voltage_v=message.voltage,
                current_a=message.current, insulation_ohm=message.insulation_resistance,
            ),
            now_s=self._clock(),
        )

    def _on_setpoint(self, message: Any) -> None:
        is_zero = message.mode != message.MODE_REGULATE or message.current == 0.0
        if not is_zero:
            self.zero_since_s = math.inf
        elif self.zero_since_s == math.inf:
            self.zero_since_s = self._time_s(message.header)

    def _on_power(self, message: Any) -> None:
        power = Power(message.phase_name, message.system_enable, message.fault)
        self._picture.power.put(power, now_s=self._clock())
        time_s = self._time_s(message.header)
        if power.phase != self._power_phase:
            if self._power_phase:
                self._picture.tell(
                    time_s, 'power_control', f'{self._power_phase} -> {power.phase}')
            self._power_phase = power.phase
        if power.fault and power.fault != self._fault:
            self._picture.tell(time_s, 'power_control', f'fault: {power.fault}', is_bad=True)
        self._fault = power.fault

    def _on_word(self, message: Any) -> None:
        is_enabled = message.system_enable == message.SYSTEM_ENABLE_ALLOWED
        if self._was_enabled and not is_enabled:
            self.withdrawn_s = self._clock()
        self._was_enabled = is_enabled

    def _on_stage(self, message: Any) -> None:
        self._picture.stage.put(message.stage_name, now_s=self._clock())
        if message.stage_name == self._stage:
            return
        if self._stage:
            self._picture.tell(
                self._time_s(message.header), 'precharge',
                f'output contactors {self._stage} -> {message.stage_name}'
                + (f': {message.reason}' if message.reason else ''),
                is_bad=message.stage == message.FAULT,
            )
        self._stage = message.stage_name

    def _on_feedback(self, message: Any) -> None:
        is_closed = {Contact.OPEN: False, Contact.CLOSED: True}.get(message.output)
        self._picture.output_contact.put(is_closed, now_s=self._clock())

    def _on_precharge(self, message: Any) -> None:
        verdict = Verdict(message.verdict)
        self._picture.precharge = Precharge(
            target_v=message.target, difference_v=message.difference,
            elapsed_s=message.elapsed, verdict=verdict.name.lower().replace('_', ' '),
        )
        if verdict is not self._verdict and verdict is not Verdict.IDLE:
            self._picture.tell(
                self._time_s(message.header), 'precharge',
                f'{verdict.name.lower().replace("_", " ")}: {message.present:.1f} V of '
                f'{message.target:.1f} V after {message.elapsed:.2f} s',
                is_bad=verdict in (Verdict.ABORTED, Verdict.TIMED_OUT),
            )
        self._verdict = verdict

    def _on_effective(self, message: Any) -> None:
        if message.range_max or message.range_min:
            self._picture.commanded_a.put(message.range_max, now_s=self._clock())

    def _on_status(self, message: Any) -> None:
        self.last_status_s = self._time_s(message.header)
        self.controller_state = message.state
        try:
            name = State(message.state).name
        except ValueError:
            name = f'state {message.state}'
        self._picture.controller_state.put(name, now_s=self._clock())
