# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What the live view of ``gi3 sim`` shows, as plain data taken from the simulators."""

import collections
from collections.abc import Iterable
import dataclasses
from typing import NamedTuple

from ...core.interface.signals import (
    DcPowerControl,
    EmergencyStop,
    PowerModulesStatus,
    SequenceControl,
)
from ...sim.controller import Controller
from ...sim.events import Event, Kind
from ...sim.simulator import Simulator
from ...sim.stages import IDLE_STAGES, Stage
from ...sim.vehicle_contactors import ContactorFault
from .words import MAX_AGE_S

EVENTS = 200
"""So many are kept: more than the lines of any terminal."""
BREACHES = 3


class Line(NamedTuple):
    """An event as it is shown."""

    time_s: float
    kind: Kind
    pistol: int
    """Index on the bus."""
    words: str


@dataclasses.dataclass(frozen=True)
class Emergency:
    """An emergency stop in force."""

    origin: EmergencyStop.Origin
    is_held: bool
    """Whether its cause lasts, so that it can be released."""
    cause: str


@dataclasses.dataclass(frozen=True)
class Battery:
    """The vehicle's battery, and what went into it and out of it."""

    state_of_charge: float
    open_circuit_v: float
    charged_wh: float
    discharged_wh: float


@dataclasses.dataclass(frozen=True)
class PistolPicture:
    """One pistol: controller, vehicle, and what the charger says."""

    index: int
    pistol: str
    is_chademo: bool
    vehicle: str
    state: str
    """Of the controller, as the interface names it."""
    stage: Stage
    stage_for_s: float
    seen: frozenset[Stage]
    """Stages of this session so far."""
    elapsed_s: float
    session: str
    """What was agreed, in words."""
    relay_closed: bool
    is_plugged: bool
    contactors_closed: bool
    emergency: Emergency | None
    command: DcPowerControl | None
    status: PowerModulesStatus | None
    """The last one while it is news."""
    status_age_s: float | None
    """``None`` before the first."""
    flags: SequenceControl | None
    """``None`` when they are not used."""
    battery: Battery
    disturbances: tuple[str, ...]
    breach_count: int
    breaches: tuple[Line, ...]
    """The last ones."""


@dataclasses.dataclass(frozen=True)
class SimPicture:
    """All that is shown; at least one pistol."""

    pistols: tuple[PistolPicture, ...]
    events: tuple[Line, ...]


class _Track:
    """What is remembered of a pistol."""

    def __init__(self) -> None:
        self.stage: Stage | None = None
        self.since_s = 0.0
        self.seen: set[Stage] = set()
        self.breaches: collections.deque[Line] = collections.deque(maxlen=BREACHES)

    def follow(self, stage: Stage, now_s: float) -> None:
        """Take the stage of this moment."""
        if stage is self.stage:
            return
        if stage is Stage.NEGOTIATING:
            self.seen.clear()
        self.stage, self.since_s = stage, now_s
        self.seen.add(stage)


class Watch:
    """Remembers what happened, and takes pictures of simulators."""

    def __init__(self) -> None:
        self.verdicts: list[Event] = []
        self._lines: collections.deque[Line] = collections.deque(maxlen=EVENTS)
        self._tracks: collections.defaultdict[int, _Track] = collections.defaultdict(_Track)

    def see(self, event: Event) -> None:
        """Take an event."""
        if event.kind is Kind.VERDICT:
            self.verdicts.append(event)
            return
        line = Line(event.time_s, event.kind, event.pistol, event.words)
        self._lines.append(line)
        if event.kind is Kind.FINDING:
            self._tracks[event.pistol].breaches.append(line._replace(words=event.text))

    def follow(self, simulators: Iterable[Simulator], *, now_s: float) -> None:
        """Remember the stages; some last less than a redraw."""
        for simulator in simulators:
            self._tracks[simulator.config.index].follow(simulator.controller.stage, now_s)

    def picture(self, simulators: Iterable[Simulator], *, now_s: float) -> SimPicture:
        """Return what there is to see now."""
        return SimPicture(
            tuple(self._pistol(simulator, now_s) for simulator in simulators),
            tuple(self._lines))

    def _pistol(self, simulator: Simulator, now_s: float) -> PistolPicture:
        config, controller, vehicle = simulator.config, simulator.controller, simulator.vehicle
        track = self._tracks[config.index]
        age_s = now_s - simulator.status_heard_s
        return PistolPicture(
            index=config.index, pistol=config.pistol.value, is_chademo=config.is_chademo,
            vehicle=vehicle.config.name, state=controller.state.name,
            stage=controller.stage, stage_for_s=now_s - track.since_s,
            seen=frozenset(track.seen), elapsed_s=simulator.elapsed_s,
            session=_session(controller),
            relay_closed=controller.relay_closed, is_plugged=vehicle.is_plugged,
            contactors_closed=vehicle.contactors_closed, emergency=_emergency(controller),
            command=controller.power_control,
            status=controller.status if age_s < MAX_AGE_S else None,
            status_age_s=None if simulator.status_heard_s < 0 else age_s,
            flags=controller.flags if config.use_sequence_flags else None,
            battery=Battery(
                vehicle.state_of_charge, vehicle.open_circuit_voltage_v,
                vehicle.energy_charged_wh, vehicle.energy_discharged_wh),
            disturbances=tuple(_disturbances(simulator, now_s)),
            breach_count=len(simulator.findings), breaches=tuple(track.breaches))


def _emergency(controller: Controller) -> Emergency | None:
    if controller.emergency_origin is None:
        return None
    return Emergency(
        controller.emergency_origin, controller.is_emergency_held, controller.emergency_cause)


def _session(controller: Controller) -> str:
    if controller.agreement is not None:
        return str(controller.agreement)
    if controller.stage not in IDLE_STAGES:
        return 'nothing agreed yet'
    outcome = controller.outcome
    return 'none' if outcome is None else f'none; the last: {outcome.state.name}, {outcome.reason}'


def _disturbances(simulator: Simulator, now_s: float) -> Iterable[str]:
    """Return what is wrong on purpose, in words."""
    for each in simulator.wire.disturbances:
        left_s = each.until_s - now_s
        yield f'{each} for {left_s:.0f} s' if left_s < 1e6 else str(each)
    vehicle = simulator.vehicle
    if vehicle.contactor_fault is not ContactorFault.NONE:
        yield f'contactors {vehicle.contactor_fault.value}'
    if vehicle.claimed_battery_v is not None:
        yield f'claim {vehicle.claimed_battery_v:g} V'
    if vehicle.wishes.demanded_a is not None:
        yield f'demand {vehicle.wishes.demanded_a:g} A'
    if vehicle.insulation_resistance_ohm != vehicle.config.insulation_resistance_ohm:
        yield f'insulation {vehicle.insulation_resistance_ohm / 1e3:g} kOhm'
