"""
Charger and simulator joined on one made-up clock, through the real codec.

The fastest way to see what the decisions in ``core/`` make of a session: no ROS, no bus, no
waiting. A second of it takes some ten milliseconds, and the same start gives the same frames.
"""

from ..core import codec
from ..core.output_stage import OutputStage, Stage, StageConfig
from ..core.power import PowerConfig, PowerControl, POWERED
from ..core.session import SessionConfig, SessionControl
from .modules import PowerModules
from .plug import DirectPlug
from .run import Simulator

STEP_S = 0.01
MEASURE_STEPS = 4
"""As the simulated driver: a reading every 40 ms."""


class Link:
    """
    One charger, one controller with a vehicle, one clock.

    What is switched off in ``is_alive`` says nothing any more: 'controller', 'driver', 'stage',
    'power'.
    """

    def __init__(
        self, *, controller_config=None, vehicle_config=None, power_config=None,
        stage_config=None, session_config=None,
    ):
        self.now_s = 0.0
        self.is_alive = dict.fromkeys(('controller', 'driver', 'stage', 'power'), True)
        self.plug = DirectPlug()
        self.simulator = Simulator(controller_config, vehicle_config, plug=self.plug)
        self.modules = PowerModules()
        self.power = PowerControl(power_config or PowerConfig())
        self.stage = OutputStage(stage_config or StageConfig())
        self.session = SessionControl(session_config or SessionConfig(auto_authorise=True))
        self.decision = None
        """The last :class:`~gi3_ros.core.power.Decision`."""
        self.command = None
        """The last contactor command."""
        self.frames = []
        """``(time_s, frame)`` of all that was on the bus, both ways."""
        self.journal = []
        """What the parts of the charger said."""
        self._steps = 0

    @property
    def state(self):
        """What the controller reports."""
        return self.simulator.controller.state

    def run(self, seconds):
        """Go on for some seconds."""
        for _ in range(round(seconds / STEP_S)):
            self.step()

    def run_until(self, condition, *, within_s):
        """
        Go on until a condition holds.

        :raises AssertionError: when it does not hold within the time, with where things stand
        """
        for _ in range(round(within_s / STEP_S)):
            if condition():
                return
            self.step()
        texts = [entry.text for entry in self.journal[-5:]]
        raise AssertionError(
            f'not within {within_s} s: controller {self.state.name}, {self.decision}, {texts}'
        )

    def step(self):
        """Go on by one tick of everything."""
        self._steps += 1
        self.now_s = self._steps * STEP_S
        self._hardware()
        self._controller()
        self._charger()

    def transmit(self, message):
        """Put a message of ours on the bus."""
        frame = codec.encode(message, index=self.simulator.config.index)
        self.frames.append((self.now_s, frame))
        if self.is_alive['controller']:
            self.simulator.receive(frame, now_s=self.now_s)

    def receive(self, frame):
        """Let the charger take a frame of the controller's, or of whoever pretends to be it."""
        self.frames.append((self.now_s, frame))
        received = codec.decode(frame)
        if isinstance(received, codec.Rejected):
            return
        for part in (self.power, self.stage, self.session):
            part.receive(received.message, now_s=self.now_s)

    def _hardware(self):
        modules, now_s = self.modules, self.now_s
        modules.advance(now_s=now_s)
        modules.connect(self.plug.poll(modules.reading(), now_s=now_s))
        if self._steps % MEASURE_STEPS or not self.is_alive['driver']:
            return
        measurement = modules.measurement()
        for part in (self.power, self.stage, self.session):
            part.measure(measurement, now_s=now_s)
        feedback = modules.feedback()
        self.stage.see_contacts(feedback, now_s=now_s)
        self.session.see_pistol(feedback.pistol_voltage_v, now_s=now_s)

    def _controller(self):
        if self.is_alive['controller']:
            for frame in self.simulator.tick(now_s=self.now_s):
                self.receive(frame)

    def _charger(self):
        now_s = self.now_s
        word = self.session.tick(now_s=now_s)
        if word is not None:
            self.transmit(word)
        if self.is_alive['stage']:
            self.command = self.stage.tick(now_s=now_s)
            if self.command is not None:
                self.modules.command(self.command, now_s=now_s)
            self.power.see_stage(
                self.stage.stage, self.stage.reason, now_s=now_s,
                has_output_contactors=self.stage.config.has_output_contactors)
        if self.is_alive['power']:
            self._power(now_s)
        for part in (self.power, self.stage, self.session):
            self.journal += part.journal.drain()

    def _power(self, now_s):
        decision = self.decision = self.power.tick(now_s=now_s)
        self.modules.set_point(decision.setpoint, now_s=now_s)
        self.stage.see_power(
            decision.fault, is_enabled=decision.system_enable,
            is_commanded=decision.phase in POWERED, now_s=now_s)
        self.session.see_power(decision.fault)
        self.session.see_stage(self.stage.stage is Stage.OPEN, now_s=now_s)
        if decision.parameters is not None:
            self.transmit(decision.parameters)
            self.session.receive(decision.parameters, now_s=now_s)
        if decision.status is not None:
            self.transmit(decision.status)
