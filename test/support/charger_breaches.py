# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
Chargers that break one rule, and whole sessions with them.

Each class here obeys in everything but one thing.
"""

import dataclasses
import math

from obedient_charger import Charger, Function, State, SystemEnable
import pytest

from gi3_ros.core.hardware import ModulesMode, PowerSetpoint
from gi3_ros.core.interface.codec import encode
from gi3_ros.core.interface.frame import Frame
from gi3_ros.core.interface.signals import AdvanticsControllerStatus, DcPowerParameters
from gi3_ros.core.power.limits import ChargerLimits
from gi3_ros.core.rules.tolerances import Tolerances
from gi3_ros.sim.circuit import CircuitConfig
from gi3_ros.sim.config import ControllerConfig, Pistol
from gi3_ros.sim.modules_config import ModulesConfig
from gi3_ros.sim.plug import DirectPlug
from gi3_ros.sim.protocols import ControlMode, Direction, Protocol
from gi3_ros.sim.simulator import Simulator
from gi3_ros.sim.stages import Stage
from gi3_ros.sim.vehicle_config import VehicleConfig

TICK_S = 0.01
AT_MOST_S = 120.0
# Long enough in each phase for what lasts to be seen.
CAR = VehicleConfig(
    charge_duration_s=6.0, ramp_up_a_per_s=math.inf, start_delay_s=1.0, precharge_settle_s=0.6,
    patience_s=12.0, forced_opening_s=2.0)
PATIENT_CAR = dataclasses.replace(CAR, patience_s=VehicleConfig.patience_s)
SLOW_CAR = dataclasses.replace(CAR, request_period_s=4.0, charge_duration_s=9.0)
STRICT = Tolerances(follow_s=3.0, first_status_s=2.0)
"""Shorter than the defaults, so that short sessions do."""
LONG_TEST = ControllerConfig(insulation_iterations=40)
AUTHORISING = ControllerConfig(free_service=False)
BIDIRECTIONAL = ChargerLimits(is_bidirectional=True, max_charger_discharge_current=40.0)
ISO_20 = ControllerConfig(limits=BIDIRECTIONAL, enable_iso_part20=True)
RANGE_CAR = dataclasses.replace(
    CAR, protocols=(Protocol.ISO_15118_20,), control_mode=ControlMode.DYNAMIC,
    is_bidirectional=True, min_current_a=8.0, max_discharge_current_a=30.0,
    min_discharge_current_a=8.0)
IN_RANGE = {'config': ISO_20, 'vehicle': RANGE_CAR}
OUT_OF_THE_BATTERY = {
    'config': ISO_20, 'vehicle': dataclasses.replace(RANGE_CAR, direction=Direction.DISCHARGE)}
SCHEDULED_OUT = {'config': ISO_20, 'vehicle': dataclasses.replace(
    RANGE_CAR, control_mode=ControlMode.SCHEDULED, direction=Direction.DISCHARGE)}
CHADEMO = {
    'config': ControllerConfig(pistol=Pistol.CHADEMO, index=1),
    'vehicle': dataclasses.replace(CAR, protocols=(Protocol.CHADEMO_1,), open_below_a=5.0),
    'modules': ModulesConfig(circuit=CircuitConfig(has_diode=True))}
PUSHING = PowerSetpoint(ModulesMode.REGULATE, 420.0, 10.0)


def scaled(setpoint, *, volts=1.0, amps=1.0):
    return dataclasses.replace(
        setpoint, voltage_v=volts * setpoint.voltage_v, current_a=amps * setpoint.current_a)


class KeepsPowerInSilence(Charger):
    @property
    def is_stopped(self):
        return False

    @is_stopped.setter
    def is_stopped(self, _value):
        pass


class ReportsRarely(Charger):
    report_period_s = 0.3


class ReportsConstantly(Charger):
    report_period_s = 0.01


class ReportsLate(Charger):
    def _report(self):
        if not self.is_announced or self.now_s - self.announced_at_s > 2.5:
            super()._report()


class FallsSilent(Charger):
    def _report(self):
        if self.state != State.CHARGING:
            super()._report()


class SendsParametersFast(Charger):
    def tick(self, now_s):
        if round(now_s / TICK_S) % 5 == 0:
            self.send(DcPowerParameters())
        return super().tick(now_s)


class SpoilsStatus(Charger):
    """Sends what no encoder would, as long as the charge goes on."""

    def _report(self):
        frame = encode(self.status(), index=1)
        if self.state == State.CHARGING:
            frame = Frame(frame.can_id, self.spoilt(frame.data))
        self.send(frame)


class SendsUndefinedLabel(SpoilsStatus):
    def spoilt(self, data):
        return data[:6] + b'\x07' + data[7:]


class SendsShortStatus(SpoilsStatus):
    def spoilt(self, data):
        return data[:6]


class SetsUnassignedBit(Charger):
    def send(self, message):
        if message == self.flags_in_session:
            frame = encode(message, index=1)
            message = Frame(frame.can_id, bytes([frame.data[0] | 0x80]) + frame.data[1:])
        super().send(message)


class NeverAllows(Charger):
    def status(self):
        return dataclasses.replace(super().status(), system_enable=SystemEnable.NOT_ALLOWED)


class Withdraws(Charger):
    def status(self):
        status = super().status()
        if self.state in self.states:
            status = dataclasses.replace(status, system_enable=SystemEnable.NOT_ALLOWED)
        return status


class WithdrawsBeforeLoop(Withdraws):
    states = (State.WAITING_FOR_CHARGE,)


class WithdrawsInLoop(Withdraws):
    states = (State.CHARGING,)


class WithdrawsAndStops(WithdrawsInLoop):
    """The current goes with the permission: that is no second breach."""

    def obey(self, command):
        return PowerSetpoint() if self.state == State.CHARGING else super().obey(command)


class Misregulates(Charger):
    def obey(self, command):
        setpoint = super().obey(command)
        return self.wrong(setpoint) if command.power_function == self.in_function else setpoint


class RaisesTestVoltageTooLow(Misregulates):
    in_function = Function.INSULATION_TEST

    def wrong(self, setpoint):
        return scaled(setpoint, volts=0.85)


class RaisesTestVoltageTooHigh(Misregulates):
    in_function = Function.INSULATION_TEST

    def wrong(self, setpoint):
        return scaled(setpoint, volts=1.1)


class ReportsNoInsulation(Charger):
    def status(self):
        return dataclasses.replace(super().status(), insulation_resistance=0.0)


class DoesNotLower(Misregulates):
    in_function = Function.STANDBY

    def wrong(self, setpoint):
        return PowerSetpoint()


class MeasuresNoVoltage(Charger):
    """Its sensor is dead as long as power is transferred."""

    def status(self):
        status = super().status()
        if self.state == State.CHARGING:
            status = dataclasses.replace(status, present_voltage=0.0)
        return status


class HasHalfTheVoltage(Charger):
    """Measures half of what is there, as long as power is transferred."""

    def status(self):
        status = super().status()
        if self.state == State.CHARGING:
            status = dataclasses.replace(status, present_voltage=0.45 * status.present_voltage)
        return status


class PrechargesTooLow(Misregulates):
    in_function = Function.PRECHARGE

    def wrong(self, setpoint):
        return scaled(setpoint, volts=0.7)


class PrechargesTooHigh(Misregulates):
    in_function = Function.PRECHARGE

    def wrong(self, setpoint):
        return scaled(setpoint, volts=1.1)


class PushesInStandby(Charger):
    def obey(self, command):
        return PUSHING if self.state == State.WAITING_FOR_CHARGE else super().obey(command)


class OverdoesCurrent(Misregulates):
    in_function = Function.POWER_TRANSFER

    def wrong(self, setpoint):
        return scaled(setpoint, amps=1.1)


class UnderdeliversCurrent(Misregulates):
    in_function = Function.POWER_TRANSFER

    def wrong(self, setpoint):
        return scaled(setpoint, amps=0.8)


class Discharges(Misregulates):
    in_function = Function.POWER_TRANSFER

    def wrong(self, setpoint):
        return scaled(setpoint, amps=-0.2)


class Measures(Charger):
    """Measures what is wrong: what the circuit of the simulator would not let happen."""

    def status(self):
        status = super().status()
        if self.function == self.in_function and self.state == self.in_state:
            field, value = self.wrong
            status = dataclasses.replace(status, **{field: value})
        return status


class MeasuresPrechargeCurrent(Measures):
    in_function, in_state = Function.PRECHARGE, State.PRECHARGE
    wrong = 'present_current', 9.0


class MeasuresCurrentInOff(Measures):
    in_function, in_state = Function.OFF, State.INSULATION_TEST
    wrong = 'present_current', 5.0


class MeasuresVoltageAboveSetpoint(Measures):
    in_function, in_state = Function.POWER_TRANSFER, State.CHARGING
    wrong = 'present_voltage', 430.0


class MeasuresNonsenseHeat(Measures):
    in_function, in_state = Function.POWER_TRANSFER, State.CHARGING
    wrong = 'power_modules_temperature', 215.0


class DeliversInEmergency(Charger):
    def stop(self, _setpoint, _is_closed):
        return PUSHING, True


class Authorises(Charger):
    """Gives a result when it is asked for, and ``after_s`` later perhaps another."""

    first, then = 1, 1
    after_s = 0.1
    done_at_s = None

    def _send_flags(self):
        if self.state == State.CCS_AUTHORISATION_PROCESS and self.done_at_s is None:
            self.done_at_s = self.now_s
        if self.done_at_s is not None:
            is_first = self.now_s - self.done_at_s < self.after_s
            self.flags_in_session = dataclasses.replace(
                self.flags_in_session, ccs_authorisation_done=1,
                ccs_authorisation_valid=self.first if is_first else self.then)
        super()._send_flags()


class AuthorisesTooLate(Authorises):
    first, then = 0, 1


class TakesAuthorisationBack(Authorises):
    first, then = 1, 0
    after_s = 4.0


class PressesStopForEver(Charger):
    def __init__(self, plug):
        super().__init__(plug)
        self.flags = dataclasses.replace(self.flags, user_stop_button=1)
        self.flags_in_session = dataclasses.replace(self.flags_in_session, user_stop_button=1)


class HoldsStartButton(Charger):
    def __init__(self, plug):
        super().__init__(plug)
        self.flags_in_session = dataclasses.replace(
            self.flags_in_session, chademo_start_button=1)


class DeliversAtTheEnd(Charger):
    @property
    def obeys_standby(self):
        return self.state != State.ENDING_CHARGE

    @obeys_standby.setter
    def obeys_standby(self, _value):
        pass


class LeavesRange(Misregulates):
    in_function = Function.POWER_TRANSFER

    def wrong(self, setpoint):
        return dataclasses.replace(setpoint, current_a=setpoint.current_a + self.beside_a)


class ExceedsRange(LeavesRange):
    beside_a = 12.0


class FallsBelowRange(Charger):
    def obey(self, command):
        setpoint = super().obey(command)
        if command.power_function == Function.POWER_TRANSFER:
            setpoint = dataclasses.replace(setpoint, current_a=3.0)
        return setpoint


class DischargesTooMuch(LeavesRange):
    beside_a = -35.0


class DischargesTooLittle(Misregulates):
    in_function = Function.POWER_TRANSFER

    def wrong(self, setpoint):
        return scaled(setpoint, amps=0.7)


class MeasuresCurrentAtTheEnd(Measures):
    """More than CHAdeMO permits before the contactors open."""

    in_function, in_state = Function.STANDBY, State.ENDING_CHARGE
    wrong = 'present_current', 6.0


class LeavesVoltageOnThePlug(Charger):
    def __init__(self, plug, modules=None):
        super().__init__(plug, modules)
        self.bleeds_to_v = 15.0


# What happens to a session besides the charger.

def at(stage, act, after_s=0.0):
    """Return a meddler that acts once, so long after the controller has entered a stage."""
    due_s = []

    def meddle(simulator, now_s):
        if not due_s and simulator.controller.stage is stage:
            due_s.append(now_s + after_s)
        if due_s and now_s >= due_s[0]:
            due_s[0] = math.inf
            act(simulator, now_s)
    return meddle


def fall_silent(simulator, _now_s):
    """Send everything but the heartbeat from now on."""
    tick = simulator.controller.tick

    def tick_without_status(*, now_s):
        return [message for message in tick(now_s=now_s)
                if not isinstance(message, AdvanticsControllerStatus)]

    simulator.controller.tick = tick_without_status


def press_emergency(simulator, now_s):
    simulator.controller.emergency_stop('test', now_s=now_s)
    simulator.controller.release_emergency()


def unplug(simulator, _now_s):
    simulator.vehicle.unplug()


def stop(simulator, _now_s):
    simulator.vehicle.ask_to_stop('test')


def bus_off(simulator, now_s):
    simulator.do('bus_off for 1', now_s=now_s)


def restart(simulator, now_s):
    simulator.do('restart 1', now_s=now_s)


MUTE_IN_CHARGE = (Stage.CHARGING, fall_silent, 1.0)
EMERGENCY_IN_CHARGE = (Stage.CHARGING, press_emergency, 1.0)


def run(
    charger_class, *, config=None, vehicle=CAR, modules=None, happening=None, sessions=1,
    on_frame=lambda _frame, _now_s: None,
):
    """Run sessions to their end; return the simulator."""
    plug = DirectPlug()
    simulator = Simulator(config, vehicle, plug=plug, tolerances=STRICT)
    charger = charger_class(plug) if modules is None else charger_class(plug, modules)
    meddle = at(*happening) if happening else lambda _simulator, _now_s: None
    simulator.vehicle.plug_in()
    if simulator.config.is_chademo:
        simulator.do('start', now_s=0.0)
    for step in range(round(AT_MOST_S / TICK_S)):
        now_s = step * TICK_S
        for message in charger.tick(now_s):
            frame = message if isinstance(message, Frame) else encode(message, index=1)
            on_frame(frame, now_s)
            simulator.receive(frame, now_s=now_s)
        meddle(simulator, now_s)
        for frame in simulator.tick(now_s=now_s):
            on_frame(frame, now_s)
            charger.receive(frame)
        if simulator.sessions == sessions:
            return simulator
        if simulator.sessions and not simulator.vehicle.is_plugged:
            simulator.vehicle.plug_in()
        elif simulator.sessions and simulator.controller.stage is Stage.WAITING_FOR_PEV:
            simulator.vehicle.unplug()
    raise AssertionError(f'not over in {AT_MOST_S} s: {simulator.controller.stage}')


def broken(simulator):
    return {finding.rule for finding in simulator.findings}


BREACHES = [
    pytest.param('R1', KeepsPowerInSilence, {'happening': MUTE_IN_CHARGE}, id='R1'),
    pytest.param('R2', ReportsRarely, {}, id='R2 too rarely'),
    pytest.param('R2', ReportsConstantly, {}, id='R2 too often'),
    pytest.param('R2', ReportsLate, {}, id='R2 too late'),
    pytest.param('R3', FallsSilent, {}, id='R3'),
    pytest.param('R4', SendsParametersFast, {}, id='R4'),
    pytest.param('R6', SendsUndefinedLabel, {}, id='R6 undefined'),
    pytest.param('R6', NeverAllows, {'vehicle': PATIENT_CAR}, id='R6 never'),
    pytest.param('R5', MeasuresNoVoltage, {}, id='R5'),
    pytest.param('R11', RaisesTestVoltageTooLow, {}, id='R11 too low'),
    pytest.param('R11', RaisesTestVoltageTooHigh, {'config': LONG_TEST}, id='R11 too high'),
    pytest.param('R15', DoesNotLower, {}, id='R15'),
    pytest.param('R18', LeavesVoltageOnThePlug, CHADEMO, id='R18'),
    pytest.param('R19', MeasuresPrechargeCurrent, {}, id='R19 current'),
    pytest.param('R19', PrechargesTooLow, {}, id='R19 too low'),
    pytest.param('R19', PrechargesTooHigh, {}, id='R19 too high'),
    pytest.param('R21', PushesInStandby, {}, id='R21'),
    pytest.param('R22', MeasuresCurrentInOff, {}, id='R22'),
    pytest.param('R24', OverdoesCurrent, {}, id='R24 too much'),
    # A ramp has its time, and so has what ends the charge.
    pytest.param('R24', UnderdeliversCurrent, {
        'vehicle': dataclasses.replace(CAR, charge_duration_s=12.0)}, id='R24 too little'),
    pytest.param('R24', Discharges, {}, id='R24 backwards'),
    pytest.param('R24', DischargesTooLittle, SCHEDULED_OUT, id='R24 discharging'),
    pytest.param('R25', ExceedsRange, IN_RANGE, id='R25 above'),
    pytest.param('R25', FallsBelowRange, IN_RANGE, id='R25 below'),
    pytest.param('R25', DischargesTooMuch, OUT_OF_THE_BATTERY, id='R25 discharging'),
    pytest.param('R29', MeasuresVoltageAboveSetpoint, {}, id='R29'),
    pytest.param('R36', AuthorisesTooLate, {'config': AUTHORISING}, id='R36 too late'),
    pytest.param('R36', TakesAuthorisationBack, {'config': AUTHORISING}, id='R36 taken back'),
    pytest.param('R38', DeliversInEmergency, {'happening': EMERGENCY_IN_CHARGE}, id='R38'),
    pytest.param('R39', PressesStopForEver, {}, id='R39 from before'),
    pytest.param('R39', HoldsStartButton, {}, id='R39 held'),
    pytest.param('R42', DeliversAtTheEnd, {}, id='R42'),
    pytest.param('R42', MeasuresCurrentAtTheEnd, CHADEMO, id='R42 CHAdeMO'),
    pytest.param('R50', MeasuresNonsenseHeat, {}, id='R50'),
    pytest.param('R52', SetsUnassignedBit, {}, id='R52'),
    pytest.param('1.4', SendsShortStatus, {}, id='1.4'),
]
