# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
Chargers and simulators joined on one made-up clock, through the real codec.

The fastest way to see what the decisions in ``core/`` make of a session: no ROS, no bus, no
waiting. A second of it takes some ten milliseconds, and the same start gives the same frames.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from ..core.hardware import ContactorCommand
from ..core.interface import codec
from ..core.interface.frame import Frame
from ..core.interface.layout import Message
from ..core.journal import Entry
from ..core.power.control import PowerControl
from ..core.power.decision import Decision
from ..core.power.parameters import PowerConfig
from ..core.power.phases import POWERED
from ..core.session.control import SessionConfig, SessionControl
from ..core.stage.installations import stage_for
from ..core.stage.output_stage import Installation, StageConfig
from .circuit import CircuitConfig
from .config import ControllerConfig
from .modules import PowerModules
from .modules_config import Contactors, ModulesConfig
from .person import Person
from .plug import CircuitPlug, DirectPlug
from .scenario import Player
from .simulator import Simulator
from .stages import State
from .vehicle_config import VehicleConfig

STEP_S = 0.01
WAITING_STEPS = 5
WAITING_FROM_S = 2.0
"""So many at once while, for so long, nothing but time will pass: a delayed start may be hours
(R48)."""
MEASURE_PERIOD_S = 0.04
"""As the simulated driver."""


class Charger:
    """
    The charger of this package with simulated power modules, for one pistol.

    What is switched off in ``is_alive`` says nothing any more: 'driver', 'stage', 'power'.
    """

    def __init__(
        self, *, index: int = 1, plug: CircuitPlug | None = None,
        power_config: PowerConfig | None = None, stage_config: StageConfig | None = None,
        session_config: SessionConfig | None = None, modules_config: ModulesConfig | None = None,
    ) -> None:
        self.index = index
        self.is_alive = dict.fromkeys(('driver', 'stage', 'power'), True)
        self.plug = plug or DirectPlug()
        self.modules = PowerModules(modules_config)
        self.power = PowerControl(power_config or PowerConfig())
        self.stage = stage_for(stage_config or StageConfig())
        self.session = SessionControl(session_config or SessionConfig(auto_authorise=True))
        self.decision: Decision | None = None
        """The last one of the power control."""
        self.command: ContactorCommand | None = None
        """The last contactor command."""
        self.journal: list[Entry] = []
        """What the parts of the charger said."""
        self._measured_s = 0.0
        self._outbox: list[Message] = []

    @classmethod
    def fitting(
        cls, config: ControllerConfig, plug: CircuitPlug | None, *,
        power_config: PowerConfig | None = None, stage_config: StageConfig | None = None,
        session_config: SessionConfig | None = None, modules_config: ModulesConfig | None = None,
    ) -> 'Charger':
        """
        Return a charger whose limits and installation fit a controller.

        CCS and the classic CHAdeMO charger have contactors of their own, the latter with a diode
        behind them (R46); where energy flows back over CHAdeMO, the precharge stage takes their
        place, which the controller runs or is ours (R47).
        """
        stage_config = stage_config or stage_config_for(config)
        return cls(
            index=config.index, plug=plug, session_config=session_config,
            power_config=power_config or PowerConfig(limits=config.limits),
            stage_config=stage_config,
            modules_config=modules_config or modules_for(config, stage_config))

    def receive(self, frame: Frame, *, now_s: float) -> None:
        """Take a frame from the bus."""
        received = codec.decode(frame)
        if isinstance(received, codec.Rejected) or received.index != self.index:
            return
        for part in (self.power, self.stage, self.session):
            part.receive(received.message, now_s=now_s)

    def move_hardware(self, *, now_s: float) -> None:
        """Let the circuit run until ``now_s``, and measure."""
        modules = self.modules
        modules.advance(now_s=now_s)
        modules.connect(self.plug.poll(modules.reading(), now_s=now_s))
        if now_s - self._measured_s < MEASURE_PERIOD_S - 1e-6 or not self.is_alive['driver']:
            return
        self._measured_s = now_s
        measurement = modules.measurement()
        for part in (self.power, self.stage, self.session):
            part.measure(measurement, now_s=now_s)
        feedback = modules.feedback()
        self.stage.see_contacts(feedback, now_s=now_s)
        self.session.see_pistol(feedback.pistol_voltage_v, now_s=now_s)

    def tick(self, *, now_s: float) -> list[Message]:
        """Decide; return the messages to send."""
        word = self.session.tick(now_s=now_s)
        if word is not None:
            self._outbox.append(word)
        if self.is_alive['stage']:
            self.command = self.stage.tick(now_s=now_s)
            if self.command is not None:
                self.modules.command(self.command, now_s=now_s)
            stage = self.stage.told(now_s=now_s)
            self.power.see_stage(
                stage, self.stage.reason, now_s=now_s,
                has_output_contactors=self.stage.config.has_output_contactors,
                battery_may_be_connected=self.stage.battery_may_be_connected)
            self.session.see_stage(
                stage, self.stage.reason, now_s=now_s,
                has_output_contactors=self.stage.config.has_output_contactors)
        if self.is_alive['power']:
            self._tick_power(now_s)
        for journal in (self.power.journal, self.stage.journal, self.session.journal):
            self.journal += journal.drain()
        outbox, self._outbox = self._outbox, []
        return outbox

    def _tick_power(self, now_s: float) -> None:
        decision = self.decision = self.power.tick(now_s=now_s)
        self.modules.set_point(decision.setpoint, now_s=now_s)
        self.stage.see_setpoint(decision.setpoint.mode, now_s=now_s)
        self.stage.see_power(
            decision.fault, is_enabled=decision.system_enable,
            is_commanded=decision.phase in POWERED, now_s=now_s)
        self.session.see_power(decision.fault, now_s=now_s)
        if decision.parameters is not None:
            self._outbox.append(decision.parameters)
            self.session.receive(decision.parameters, now_s=now_s)
        if decision.status is not None:
            self._outbox.append(decision.status)


def _is_v2g(config: ControllerConfig) -> bool:
    return config.is_chademo and config.limits.is_bidirectional


def stage_config_for(config: ControllerConfig) -> StageConfig:
    """Return the output stage of a charger that fits a controller."""
    installation = Installation.OWN_CONTACTORS
    if _is_v2g(config):
        installation = (
            Installation.CONTROLLER_V2G if config.chademo_precharge else Installation.OWN_V2G)
    return StageConfig(installation=installation.value)


def modules_for(config: ControllerConfig, stage: StageConfig) -> ModulesConfig:
    """Return power modules that can do what the controller asks for, with such a stage."""
    limits = config.limits
    circuit = CircuitConfig(
        has_diode=config.is_chademo and not _is_v2g(config),
        max_voltage_v=max(1000.0, limits.max_charger_voltage),
        max_current_a=1.25 * max(
            limits.max_charger_current, limits.max_charger_discharge_current),
        max_power_w=1.25 * limits.max_charger_voltage * limits.max_charger_current)
    return ModulesConfig(circuit=circuit, contactors=(
        Contactors.OWN if stage.has_output_contactors else Contactors.CONTROLLER))


class ChargerOnBus(Protocol):
    """A charger for one pistol, of this package or another, on the clock of :class:`Clock`."""

    index: int
    decision: Decision | None
    journal: list[Entry]

    def move_hardware(self, *, now_s: float) -> None:
        """Let its circuit run until ``now_s``."""

    def receive(self, frame: Frame, *, now_s: float) -> None:
        """Take a frame from the bus."""

    def tick(self, *, now_s: float) -> list[Message]:
        """Decide; return the messages to send."""


OnFrame = Callable[[Frame, float], None]
"""Called with a frame and its time in s."""


class Clock:
    """
    Any number of pistols on one bus, with one made-up clock.

    :param pistols: a simulator and a charger for each
    :param on_frame: called for every frame, if given
    """

    def __init__(
        self, pistols: Sequence[tuple[Simulator, ChargerOnBus]], *,
        on_frame: OnFrame | None = None,
    ) -> None:
        self.now_s = 0.0
        self.pistols = pistols
        self.is_controller_alive = True
        """A controller that is not says and hears nothing."""
        self._on_frame = on_frame
        self._steps = 0

    def run(self, seconds: float) -> None:
        """Go on for some seconds."""
        until_s = self.now_s + seconds - STEP_S / 2
        while self.now_s < until_s:
            self.step()

    def run_until(self, condition: Callable[[], object], *, within_s: float) -> None:
        """
        Go on until a condition holds.

        :raises AssertionError: when it does not hold within the time, with where things stand
        """
        until_s = self.now_s + within_s
        while self.now_s < until_s:
            if condition():
                return
            self.step()
        stand = [
            (simulator.controller.stage.name, charger.decision, [
                entry.text for entry in charger.journal[-5:]])
            for simulator, charger in self.pistols]
        raise AssertionError(f'not within {within_s} s: {stand}')

    def step(self) -> None:
        """Go on by one tick of everything; a longer one while all wait for a late start."""
        is_waiting = self.is_controller_alive and all(
            simulator.waits_s > WAITING_FROM_S for simulator, _ in self.pistols)
        self._steps += WAITING_STEPS if is_waiting else 1
        now_s = self.now_s = self._steps * STEP_S
        for _, charger in self.pistols:
            charger.move_hardware(now_s=now_s)
        if self.is_controller_alive:
            for simulator, _ in self.pistols:
                for frame in simulator.tick(now_s=now_s):
                    self.hear(frame)
        for _, charger in self.pistols:
            for message in charger.tick(now_s=now_s):
                self.transmit(message, charger.index)

    def hear(self, frame: Frame) -> None:
        """Let the chargers take a frame of a controller's, or of whoever pretends to be one."""
        self._record(frame)
        for _, charger in self.pistols:
            charger.receive(frame, now_s=self.now_s)

    def transmit(self, message: Message, index: int) -> None:
        """Put a message of a charger on the bus."""
        frame = codec.encode(message, index=index)
        self._record(frame)
        if self.is_controller_alive:
            for simulator, _ in self.pistols:
                simulator.receive(frame, now_s=self.now_s)

    def _record(self, frame: Frame) -> None:
        if self._on_frame is not None:
            self._on_frame(frame, self.now_s)


class FrameAt(NamedTuple):
    """A frame that was on the bus, and when."""

    time_s: float
    frame: Frame


class Link(Clock):
    """One charger of this package, fitting, and one controller with a vehicle."""

    def __init__(
        self, *, controller_config: ControllerConfig | None = None,
        vehicle_config: VehicleConfig | None = None, player: Player | None = None,
        person: Person | None = None, seed: int = 0, power_config: PowerConfig | None = None,
        stage_config: StageConfig | None = None, session_config: SessionConfig | None = None,
        modules_config: ModulesConfig | None = None,
    ) -> None:
        plug = DirectPlug()
        self.simulator = Simulator(
            controller_config, vehicle_config, plug=plug, player=player, person=person, seed=seed)
        self.charger = Charger.fitting(
            self.simulator.config, plug, power_config=power_config, stage_config=stage_config,
            session_config=session_config, modules_config=modules_config)
        self.frames: list[FrameAt] = []
        """All that was on the bus, both ways."""
        super().__init__([(self.simulator, self.charger)], on_frame=self._keep)
        self.modules = self.charger.modules
        self.power = self.charger.power
        self.stage = self.charger.stage
        self.session = self.charger.session

    def _keep(self, frame: Frame, time_s: float) -> None:
        self.frames.append(FrameAt(time_s, frame))

    @property
    def state(self) -> State:
        """What the controller reports."""
        return self.simulator.controller.state

    @property
    def decision(self) -> Decision | None:
        """The last one of the charger's power control."""
        return self.charger.decision
