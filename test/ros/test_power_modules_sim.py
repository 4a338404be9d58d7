# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""power_modules_sim with the installations it can stand for."""

import contextlib
import math
import threading

import pytest
from std_msgs.msg import String

from gi3_ros.core.hardware import Contact
from gi3_ros.msg import ContactorCommand, ContactorFeedback, PowerMeasurement
from gi3_ros.nodes.power_modules_sim import PowerModulesSim
from gi3_ros.sim.contactors import HardwareFault
from gi3_ros.sim.modules_config import Contactors
from gi3_ros.sim.plug import Inlet, PERIOD_S, VehicleEnd

BATTERY_V = 360.0


class Vehicle:
    """Tells over the plug link what hangs at the pistol: ``inlet``."""

    def __init__(self, port):
        self.inlet = Inlet()
        self._end = VehicleEnd(port)
        self._is_over = threading.Event()
        self._teller = threading.Thread(target=self._tell, name='vehicle')
        self._teller.start()

    def _tell(self):
        while not self._is_over.wait(PERIOD_S):
            self._end.send(self.inlet)

    def close(self):
        self._is_over.set()
        self._teller.join()
        self._end.close()


def test_own_contactors_follow_the_command_and_say_where_they_are(world, claim_port):
    feedback = world.listen(ContactorFeedback, 'contactor_feedback')
    world.bring_up(PowerModulesSim, plug_port=claim_port())
    said = feedback.wait_for()
    assert said.output == Contact.OPEN
    assert said.pistol_voltage == 0.0
    world.publish('contactor_command', ContactorCommand(output_closed=True))
    feedback.wait_for(lambda message: message.output == Contact.CLOSED)


@pytest.mark.parametrize('contactors', [Contactors.CONTROLLER, Contactors.NONE])
@pytest.mark.parametrize('has_diode', [False, True])
def test_without_own_contactors_the_battery_is_behind_the_relay_or_the_diode(
        world, claim_port, contactors, has_diode):
    feedback = world.listen(ContactorFeedback, 'contactor_feedback')
    measurement = world.listen(PowerMeasurement, 'power_measurement')
    port = claim_port()
    node = world.bring_up(
        PowerModulesSim, plug_port=port, contactors=contactors.value, has_diode=has_diode)
    said = feedback.wait_for()
    assert (said.output, said.precharge) == (Contact.UNKNOWN, Contact.UNKNOWN)
    assert math.isnan(said.pistol_voltage)
    assert node.is_at_rest

    with contextlib.closing(Vehicle(port)) as vehicle:
        def measured_v(relay_closed):
            vehicle.inlet = Inlet(True, True, BATTERY_V, relay_closed=relay_closed)
            return measurement.wait_for(after=measurement.mark + 10).voltage

        is_on_output = contactors is Contactors.NONE and not has_diode
        assert measured_v(False) == pytest.approx(BATTERY_V if is_on_output else 0.0, abs=0.1)
        assert measured_v(True) == pytest.approx(0.0 if has_diode else BATTERY_V, abs=0.1)


def test_coils_on_the_controllers_outputs_move_the_contactors(world, claim_port):
    feedback = world.listen(ContactorFeedback, 'contactor_feedback')
    port = claim_port()
    world.bring_up(
        PowerModulesSim, plug_port=port, contactors='outputs', main_output=4, precharge_output=1)
    with contextlib.closing(Vehicle(port)) as vehicle:
        for levels in (0b0001, 0b1001, 0b1000, 0b0110):
            vehicle.inlet = Inlet(digital_outputs=levels)
            said = feedback.wait_for(
                lambda said, wanted=(levels >> 3 & 1, levels & 1):
                (said.output, said.precharge) == wanted)
            assert said.pistol_voltage == pytest.approx(0.0, abs=0.1)
        vehicle.inlet = Inlet(digital_outputs=0b1000)
        feedback.wait_for(lambda said: said.output == Contact.CLOSED, after=feedback.mark)
    # Nobody holds them any more.
    feedback.wait_for(lambda said: said.output == Contact.OPEN, after=feedback.mark)


def test_what_own_contactors_do_not_have_is_not_reported(world, claim_port):
    feedback = world.listen(ContactorFeedback, 'contactor_feedback')
    world.bring_up(
        PowerModulesSim, plug_port=claim_port(), has_feedback=False, measures_pistol=False)
    said = feedback.wait_for()
    assert (said.output, said.precharge) == (Contact.UNKNOWN, Contact.UNKNOWN)
    assert math.isnan(said.pistol_voltage)


@pytest.mark.parametrize('parameters, words', [
    ({'contactors': 'relay'}, "'relay', permitted are own, controller, outputs, none"),
    ({'faults': 'resistor_open, main_weld'},
     "faults: no fault of the hardware is called 'main_weld', known are main_welded, main_stuck,"),
])
def test_what_does_not_exist_is_refused_in_words(world, claim_port, capfd, parameters, words):
    node = world.create(PowerModulesSim, plug_port=claim_port(), **parameters)
    assert not world.change(node, 'configure')
    assert words in capfd.readouterr().err


def test_hardware_may_be_broken_from_the_start_and_be_mended_and_break_otherwise(
        world, claim_port, capfd):
    feedback = world.listen(ContactorFeedback, 'contactor_feedback')
    world.bring_up(PowerModulesSim, plug_port=claim_port(), faults='main_welded, resistor_open')
    feedback.wait_for(lambda said: said.output == Contact.CLOSED)
    world.publish('hardware_faults', String(data=''))
    feedback.wait_for(lambda said: said.output == Contact.OPEN, after=feedback.mark)
    world.publish('hardware_faults', String(data='precharge_welded,main_feedback_closed'))
    feedback.wait_for(
        lambda said: said.output == said.precharge == Contact.CLOSED, after=feedback.mark)
    capfd.readouterr()

    world.publish('hardware_faults', String(data='main_stuck, no_such_thing'))
    told = []
    world.wait_until(
        lambda: told.append(capfd.readouterr().err) or "'no_such_thing'" in ''.join(told),
        'the name is in the log')
    assert all(fault.value in ''.join(told) for fault in HardwareFault)
    assert '[ERROR]' in ''.join(told)
    said = feedback.wait_for(after=feedback.mark + 10)
    assert said.output == said.precharge == Contact.CLOSED
