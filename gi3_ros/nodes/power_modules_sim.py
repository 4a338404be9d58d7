# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
power_modules_sim: a simulated driver of power modules and contactors behind real topics.

The circuit is physics (:mod:`gi3_ros.sim.circuit`); what hangs at the pistol comes from the
simulated vehicle over the plug link, and so do the positions of the simulated controller's relays
and the levels of its outputs, where coils hang on these. Whoever wants to see it break names the
faults on the topic ``hardware_faults``. A real installation puts its own driver here.
"""

import math
from typing import Any

from std_msgs.msg import String

import gi3_ros.msg as ros

from .. import convert
from ..core.hardware import Contact
from ..sim.circuit import CircuitConfig
from ..sim.contactors import HardwareFault, parse_faults
from ..sim.modules import PowerModules
from ..sim.modules_config import Contactors, ModulesConfig
from ..sim.plug import CircuitEnd, DEFAULT_PORT, PlugError
from .node import CannotConfigure, ChargerNode
from .parameters import Parameter
from .process import run

STEP_S = 0.005
MEASURE_PERIOD_S = 0.04


class PowerModulesSim(ChargerNode):
    """Simulated hardware of one pistol."""

    PARAMETERS = (
        Parameter('plug_port', DEFAULT_PORT,
                  'UDP port of the plug link on this machine, the same as for gi3 sim', 1, 65535),
        Parameter('contactors', Contactors.OWN.value,
                  'Who moves the contactors between modules and pistol: own (the charger, with '
                  'installation own_.. of precharge), controller (its relay, R45), outputs (the '
                  'charger, by digital outputs of the controller, R47), or none'),
        Parameter('main_output', ModulesConfig.main_output,
                  'Digital output of the controller that the output contactors hang on, with '
                  'contactors outputs; 0 = none', 0, 4),
        Parameter('precharge_output', ModulesConfig.precharge_output,
                  'The one of the precharge relay', 0, 4),
        Parameter('has_feedback', ModulesConfig.has_feedback,
                  'Whether contactors of the charger (own, outputs) have auxiliary contacts'),
        Parameter('measures_pistol', ModulesConfig.measures_pistol,
                  'Whether the voltage behind these contactors is measured'),
        Parameter('has_diode', CircuitConfig.has_diode,
                  'Whether a diode keeps the vehicle from feeding the output, as in a '
                  'unidirectional CHAdeMO charger (R47)'),
        Parameter('faults', '',
                  'What is broken from the start, separated by commas: '
                  + ', '.join(fault.value for fault in HardwareFault)),
    )

    def __init__(self, **options: Any) -> None:
        super().__init__('power_modules_sim', **options)
        self._plug: CircuitEnd | None = None

    def build(self) -> None:
        modules = PowerModules(self._installation())
        try:
            modules.faults = parse_faults(self.value('faults'))
        except ValueError as error:
            raise CannotConfigure(f'faults: {error}') from error
        try:
            self._plug = CircuitEnd(self.value('plug_port'))
        except PlugError as error:
            raise CannotConfigure(str(error)) from error
        self._modules = modules
        self._breaches_told = 0
        self._due_s = 0.0
        self._ticked_s = -math.inf
        self._last_contacts: tuple[Contact, Contact] | None = None
        self._measurement = self.publisher(ros.PowerMeasurement, 'power_measurement')
        self._feedback = self.publisher(ros.ContactorFeedback, 'contactor_feedback')
        self.subscribe(ros.PowerSetpoint, 'power_setpoint', self._on_setpoint)
        self.subscribe(ros.ContactorCommand, 'contactor_command', self._on_command)
        self.subscribe(String, 'hardware_faults', self._on_faults)

    def tear_down(self) -> None:
        if self._plug is not None:
            self._plug.close()
            self._plug = None

    @property
    def is_at_rest(self) -> bool:
        # Hardware does not vanish: it is there until those who command it have opened it.
        return not self.is_active or self._modules.is_at_rest

    @property
    def is_ticking(self) -> bool:
        # Hardware is there whether somebody listens or not.
        return self._plug is not None

    @property
    def due_s(self) -> float:
        return self._ticked_s + STEP_S

    def tick(self, *, now_s: float) -> None:
        self._ticked_s = now_s
        modules = self._modules
        modules.advance(now_s=now_s)
        if self._plug is not None:
            modules.connect(self._plug.poll(modules.reading(), now_s=now_s))
        for breach in modules.breaches[self._breaches_told:]:
            self.get_logger().error(f'the hardware would have suffered: {breach.text}')
        self._breaches_told = len(modules.breaches)
        if not self.is_active:
            return
        feedback = modules.feedback()
        contacts = (feedback.output, feedback.precharge)
        if now_s >= self._due_s or contacts != self._last_contacts:
            self._due_s = now_s + MEASURE_PERIOD_S
            self._last_contacts = contacts
            stamp = self.now()
            self._measurement.publish(convert.measurement_to_ros(modules.measurement(), stamp))
            self._feedback.publish(convert.feedback_to_ros(feedback, stamp))

    def _installation(self) -> ModulesConfig:
        try:
            contactors = Contactors(self.value('contactors'))
        except ValueError as error:
            known = ', '.join(each.value for each in Contactors)
            raise CannotConfigure(
                f'contactors is {self.value("contactors")!r}, permitted are {known}'
            ) from error
        return self.config(
            ModulesConfig, contactors=contactors,
            circuit=CircuitConfig(has_diode=self.value('has_diode')))

    def _on_setpoint(self, message: ros.PowerSetpoint, true_at_s: float) -> None:
        self._modules.set_point(convert.setpoint_from_ros(message), now_s=true_at_s)

    def _on_command(self, message: ros.ContactorCommand, true_at_s: float) -> None:
        self._modules.command(convert.command_from_ros(message), now_s=true_at_s)

    def _on_faults(self, message: String, _true_at_s: float) -> None:
        try:
            faults = parse_faults(message.data)
        except ValueError as error:
            self.get_logger().error(str(error))
            return
        self._modules.faults = faults
        names = ', '.join(sorted(fault.value for fault in faults))
        self.get_logger().warning(f'broken from now on: {names or "nothing"}')


def main() -> int:
    """Run the simulated hardware alone."""
    return run(lambda: [PowerModulesSim()])
