# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What all parts of the controller look at: :class:`Situation`, how far it is with whom."""

import dataclasses
import math
from typing import NamedTuple

from ..core.interface.layout import Message
from ..core.interface.signals import EmergencyStop
from .charge_session import Outcome, Session
from .charger_reports import ChargerReports
from .config import ControllerConfig
from .stages import REPORTED, Stage, State
from .vehicle import Vehicle

Origin = EmergencyStop.Origin

LOW_VOLTAGE_V = 20.0
"""Lowering is done at or below this (R15)."""
UNLOCKING_VOLTAGE_V = 10.0
"""CHAdeMO lets the plug go at or below this (R18)."""
INSULATION_OHM_PER_V = 100.0
"""Wanted in the test (R12); below it while power is in use: emergency (R14)."""


class Note(NamedTuple):
    """Something that the controller says about itself."""

    time_s: float
    text: str


@dataclasses.dataclass
class Emergency:
    """The emergency stop that is in force, or the last one."""

    origin: Origin | None = None
    """Who raised the one that is in force, ``None`` without one."""
    cause: str = ''
    """In words, of the last one."""
    is_held: bool = False
    """Whether somebody keeps it up, as a mushroom button does."""

    @property
    def is_in_force(self) -> bool:
        """Whether there is one now."""
        return self.origin is not None


class StartMemory:
    """A plug-in and the start button: remembered until a session has come of them (R35)."""

    def __init__(self, vehicle: Vehicle) -> None:
        self.is_plug_in_remembered = False
        self.is_button_remembered = False
        self.plug_in = 0
        """Number of the plug-in that was seen last."""
        self._vehicle = vehicle
        self._was_plugged = False

    def watch(self) -> None:
        """Look at the plug."""
        vehicle = self._vehicle
        if vehicle.plug_ins != self.plug_in:
            self.plug_in = vehicle.plug_ins
            self.is_plug_in_remembered = True
            self.is_button_remembered &= not self._was_plugged
        self._was_plugged = vehicle.is_plugged
        if not self._was_plugged:
            self.forget()

    def ask_again(self) -> None:
        """Let the vehicle that is plugged in ask for another session (A42)."""
        if self._vehicle.is_plugged:
            self.is_plug_in_remembered = True

    def forget(self) -> None:
        """Take that a session comes of it, or none."""
        self.is_plug_in_remembered = self.is_button_remembered = False


class Situation:
    """Configuration, vehicle, charger and session of a controller."""

    def __init__(self, config: ControllerConfig, vehicle: Vehicle) -> None:
        self.config = config
        self.vehicle = vehicle
        self.charger = ChargerReports(config, vehicle)
        self.start = StartMemory(vehicle)
        self.emergency = Emergency()
        self.stage = Stage.INITIALISING
        self.session: Session | None = None
        """The one in progress; there is none in the stages that are idle, and only there."""
        self.outcome: Outcome | None = None
        """That of the last session."""
        self.inputs = 0
        """Levels of the digital inputs that are monitored, bit 0 the first."""
        self.has_copper = False
        """Whether the inlet of the vehicle is simulated copper, not what the charger says."""
        self.waits_s = 0.0
        """Until the vehicle wants its energy, while it waits (R48)."""
        self.notices: list[Message] = []
        """Messages that are sent once, at the end of this tick."""
        self.notes: list[Note] = []
        self._since_s = math.inf

    def begin(self, *, now_s: float) -> None:
        """Count the time in the first stage from now on, if it does not yet."""
        if self._since_s == math.inf:
            self._since_s = now_s

    def enter(self, stage: Stage, *, now_s: float) -> None:
        """Be in another stage from now on."""
        self.stage = stage
        self._since_s = now_s

    def in_stage_for(self, now_s: float) -> float:
        """Return the time in this stage, a hair more against rounding."""
        return now_s - self._since_s + 1e-6

    def note(self, text: str, *, now_s: float) -> None:
        """Say something about oneself."""
        self.notes.append(Note(now_s, text))

    def raise_emergency(self, cause: str, origin: Origin, *, now_s: float) -> None:
        """Begin an emergency stop, unless there is one."""
        emergency = self.emergency
        if not emergency.is_in_force:
            emergency.origin = origin
            emergency.cause = cause
            self.note(f'emergency stop, origin {origin.name}: {cause}', now_s=now_s)

    @property
    def state(self) -> State:
        """What Advantics_Controller_Status reports."""
        if self.config.state_order == 'after':
            if self.stage is Stage.NOT_READY:
                return REPORTED[Stage.FULL_INFO]
            if self.stage is Stage.FULL_INFO:
                return REPORTED[
                    Stage.AUTHORISATION if self.config.needs_authorisation else Stage.NEGOTIATING]
        return REPORTED[self.stage]

    @property
    def low_voltage_v(self) -> float:
        """From which voltage on nothing has to be lowered any more before the end."""
        return UNLOCKING_VOLTAGE_V if self.config.is_chademo else LOW_VOLTAGE_V

    @property
    def is_withdrawn(self) -> bool:
        """Whether System_Enable was Allowed in this session and is not any more."""
        session = self.session
        return session is not None and session.was_enabled and not self.charger.is_enabled
