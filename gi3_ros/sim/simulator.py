# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
The controller of one pistol, its vehicle, the plug link, the rules and what goes wrong on demand.

:class:`Simulator` joins them through the real codec: frames in, frames out, no clock.
"""

import math
import random
from typing import NamedTuple

from ..core.interface.codec import decode, encode, Rejected
from ..core.interface.frame import Frame
from ..core.rules.findings import Finding
from ..core.rules.tolerances import Tolerances
from . import actions
from .charge_session import Outcome
from .config import ControllerConfig
from .controller import Controller
from .events import Event, Kind, Story
from .inlet_link import InletLink
from .judgement import Judgement, tolerances_for
from .person import Person
from .plug import InletReading, VehiclePlug
from .scenario import End, Player
from .stages import IDLE_STAGES, Stage
from .vehicle import Vehicle
from .vehicle_config import VehicleConfig
from .wire import Wire

TICK_S = 0.01
"""The controller answers a vehicle within 25 ms (R5)."""
PMS_MAX_AGE_S = 0.5
"""Without a plug link Power_Modules_Status stands for the inlet, no longer than this."""


class Verdict(NamedTuple):
    """How everything went until now."""

    exit_status: int
    """0 when all went as it should and no rule was broken, else 1."""
    words: str


class _Undo(NamedTuple):
    """An action that is to come, and undoes one that was."""

    time_s: float
    action: actions.Action


class Simulator:
    """
    Controller and vehicle of one pistol, fed with frames.

    The same seed and the same frames in give the same frames out.

    :param person: a :class:`Person`; without one somebody else has to plug in
    :param player: a :class:`~.scenario.Player`
    :param plug: a vehicle's end of a plug link, or ``None``: then, and as long as nobody answers
        on it, Power_Modules_Status says what is at the inlet
    """

    def __init__(
        self, controller_config: ControllerConfig | None = None,
        vehicle_config: VehicleConfig | None = None, *, plug: VehiclePlug | None = None,
        tolerances: Tolerances | None = None, person: Person | None = None,
        player: Player | None = None, seed: int = 0,
    ) -> None:
        self.config = controller_config or ControllerConfig()
        rng = random.Random(seed)
        self.vehicle = Vehicle(vehicle_config or VehicleConfig(), rng=rng)
        self.controller = Controller(self.config, self.vehicle)
        self.wire = Wire(self.config.index, rng)
        self.person = person
        self.player = player
        self.plug = plug
        self.sessions = 0
        """Sessions that are over, the closing of the communication included."""
        self.are_all_clean = True
        """Whether every session that is over ended as it should have."""
        self.elapsed_s = 0.0
        """Since the first tick."""
        self.restarts = 0
        self.status_heard_s = -math.inf
        """When Power_Modules_Status came last."""
        self._story = Story(self.config.index)
        self.judgement = Judgement(
            self.config.index, tolerances or tolerances_for(self.config), self._story)
        self._inlet = InletLink(plug, self.vehicle, self._story)
        self._is_bus_open = True
        self._undo: list[_Undo] = []
        self._starts_at_s = -math.inf
        self._was_idle = True
        self._were_contactors_closed = False

    def receive(self, frame: Frame, *, now_s: float) -> None:
        """Take a frame from the bus; the simulator's own come back on some buses (R5, 1.4)."""
        if self.wire.is_bus_off:
            return
        received = decode(frame)
        if isinstance(received, Rejected):
            self.judgement.reject(received, now_s=now_s)
            return
        if received.index != self.config.index or received.message.FROM_CONTROLLER:
            return
        self.judgement.receive(received, now_s=now_s)
        if received.undefined:
            # 1.4.4: such a frame controls nothing, the last valid one goes on to age.
            return
        if now_s < self._starts_at_s:
            return
        if received.message.NAME == 'Power_Modules_Status':
            self.status_heard_s = now_s
        self.controller.receive(received.message, now_s=now_s)

    def tick(self, *, now_s: float) -> list[Frame]:
        """Go on until ``now_s``; return the frames to send."""
        self._story.begin(now_s=now_s)
        self.elapsed_s = self._story.elapsed_s(now_s)
        if self.person is not None:
            self.person.tick(self, now_s=now_s)
        if self.player is not None:
            self.player.tick(self, now_s=now_s)
        self._undo_what_is_over(now_s)
        self._observe(now_s)
        self.vehicle.tick(now_s=now_s)
        # Before the controller reacts: its reaction ends what the rules would still look at.
        self.judgement.tick(now_s=now_s)
        self.controller.see_copper(self._inlet.is_up)
        is_running = now_s >= self._starts_at_s
        messages = self.controller.tick(now_s=now_s) if is_running else []
        self._inlet.tell(self.controller, now_s=now_s)
        frames = self.wire.send(
            [encode(message, index=self.config.index) for message in messages], now_s=now_s,
            is_alive=is_running)
        self._follow_bus(now_s)
        for frame in frames:
            self.judgement.hear_own(frame, now_s=now_s)
        self._collect(now_s)
        return frames

    def see_bus(self, is_open: bool, *, now_s: float) -> None:
        """Take whether the bus can be used: an adapter may be gone for a while."""
        if is_open is not self._is_bus_open:
            self._is_bus_open = is_open
            self._follow_bus(now_s)

    def _follow_bus(self, now_s: float) -> None:
        self.judgement.follow_bus(self.wire.is_bus_off or not self._is_bus_open, now_s=now_s)

    # What is done to it

    def do(self, action: actions.Action | str, *, now_s: float) -> None:
        """
        Carry out an action, and undo it after its time.

        :param action: an :class:`~.actions.Action`, or a line of text
        :raises ValueError: for a line that is none, with words
        """
        if isinstance(action, str):
            action = actions.parse(action)
        self.say(Kind.ACTION, action.line, now_s=now_s)
        # What is done now is not undone by the time of something earlier.
        self._undo = [due for due in self._undo if not action.replaces(due.action)]
        if self.person is not None:
            self.person.see(action)
        action.do(self, now_s=now_s)
        if action.undo_line:
            self._undo.append(_Undo(now_s + action.for_s, actions.parse(action.undo_line)))

    def plug_in(self, *, now_s: float) -> None:
        """Let somebody put the connector in."""
        vehicle = self.vehicle
        vehicle.plug_in()
        self.say(
            Kind.VEHICLE,
            f'plugged in: {vehicle.config.name}, {100 * vehicle.state_of_charge:.0f} %, '
            f'{vehicle.open_circuit_voltage_v:.0f} V', now_s=now_s)

    def unplug(self, *, now_s: float) -> None:
        """Let somebody pull the connector out."""
        self.vehicle.unplug()
        self.say(Kind.VEHICLE, 'unplugged', now_s=now_s)

    def restart_controller(self, silent_s: float, *, now_s: float) -> None:
        """Let the controller begin from nothing, after so long without a word."""
        if self.controller.stage not in IDLE_STAGES:
            # The vehicle misses its partner.
            self.vehicle.emergency(now_s=now_s)
            self.are_all_clean = False
        self._collect(now_s)
        before, self.controller = self.controller, Controller(self.config, self.vehicle)
        self.controller.take_over(before, now_s=now_s)
        self.restarts += 1
        self._was_idle = True
        self._starts_at_s = now_s + silent_s

    def _undo_what_is_over(self, now_s: float) -> None:
        for due in [due for due in self._undo if due.time_s <= now_s + 1e-6]:
            self._undo.remove(due)
            self.say(Kind.ACTION, due.action.line, now_s=now_s)
            due.action.do(self, now_s=now_s)

    # How it stands

    @property
    def is_over(self) -> bool:
        """Whether everything that was to happen has happened."""
        if self.player is not None:
            scenario = self.player.scenario
            if self.elapsed_s >= scenario.within_s:
                return True
            if not self.player.is_over or scenario.end is End.NONE:
                return False
        is_idle = self.controller.stage in IDLE_STAGES
        return is_idle and self.person is not None and self.person.is_gone(self)

    @property
    def waits_s(self) -> float:
        """How long nothing will happen by itself: a delayed start may be hours away (R48)."""
        if self.controller.stage is not Stage.WAITING_FOR_CHARGE or self.wire.disturbances or (
                self._undo or (self.player is not None and not self.player.is_over)):
            return 0.0
        return self.controller.waits_s

    @property
    def findings(self) -> list[Finding]:
        """Breaches of the charger."""
        return self.judgement.findings

    @property
    def observations(self) -> list[Finding]:
        """What else was found: nobody's breach."""
        return self.judgement.observations

    @property
    def steps_missing(self) -> dict[int, str]:
        """Steps of the scenario that have not happened; see :attr:`.Player.missing`."""
        return {} if self.player is None else self.player.missing

    def verdict(self) -> Verdict:
        """Return what has come of it so far."""
        expected, permitted = End.CLEAN, frozenset[str]()
        if self.player is not None:
            scenario = self.player.scenario
            expected, permitted = scenario.end, frozenset(scenario.may_break)
        ended, words = self._ending()
        is_as_expected = expected in (End.ANY, ended)
        if expected is not End.CLEAN:
            as_expected = 'as' if is_as_expected else 'not as'
            words += f'; {as_expected} the scenario expects ({expected.value})'
        missing = self.steps_missing.values()
        if missing:
            words += f'; not all of the scenario has happened: {", ".join(missing)}'
        is_good = (
            is_as_expected and not missing and permitted.issuperset(self.judgement.broken_rules))
        return Verdict(0 if is_good else 1, f'{words}; {self.judgement.words}')

    def _ending(self) -> tuple[End, str]:
        """Return how the sessions ended, and what there is to say about the last one."""
        outcome = self.controller.outcome
        if self.controller.stage not in IDLE_STAGES:
            return End.NONE, f'still in {self.controller.state.name}'
        if outcome is None:
            return End.NONE, 'no session came to its end'
        ended = End.CLEAN if self.are_all_clean else End.RUSHED
        return ended, f'{outcome.state.name}: {outcome.reason}; {_energy(outcome)}'

    # What it tells

    @property
    def events(self) -> list[Event]:
        """New events."""
        return self._story.events

    def say(self, kind: Kind, text: str, *, now_s: float, **values: object) -> None:
        """Add an event."""
        self._story.say(kind, text, now_s=now_s, **values)

    def take_events(self) -> list[Event]:
        """Return the new events and forget them."""
        return self._story.take()

    def _observe(self, now_s: float) -> None:
        reading = self._inlet.read(now_s=now_s)
        if reading is None and not self._inlet.has_answered:
            reading = self._reading_from_status(now_s)
        self.vehicle.observe(reading)

    def _reading_from_status(self, now_s: float) -> InletReading | None:
        """Take what a charger without a plug link says for the truth at the inlet."""
        command = self.controller.power_control
        if now_s - self.status_heard_s > PMS_MAX_AGE_S or command is None:
            return None
        if not command.output_contactors:
            return None
        status = self.controller.status
        return InletReading(status.present_voltage, status.present_current)

    def _collect(self, now_s: float) -> None:
        for note in self.controller.take_notes():
            self.say(Kind.CONTROLLER, note.text, now_s=note.time_s)
        vehicle = self.vehicle
        if vehicle.contactors_closed != self._were_contactors_closed:
            self._were_contactors_closed = vehicle.contactors_closed
            position = 'closed' if self._were_contactors_closed else 'opened'
            self.say(
                Kind.VEHICLE,
                f'contactors {position}: inlet {vehicle.inlet_voltage_v:.1f} V '
                f'{round(vehicle.inlet_current_a, 1) + 0.0:.1f} A, '
                f'battery {vehicle.open_circuit_voltage_v:.1f} V',
                now_s=now_s,
            )
        is_idle = self.controller.stage in IDLE_STAGES
        if is_idle and not self._was_idle:
            self.sessions += 1
            outcome = self.controller.outcome
            self.are_all_clean &= outcome is not None and outcome.is_clean
        self._was_idle = is_idle


def _energy(outcome: Outcome) -> str:
    into = f'{outcome.energy_charged_wh:.0f} Wh in {outcome.charging_s:.1f} s'
    if outcome.energy_discharged_wh >= 0.5:
        into += f', {outcome.energy_discharged_wh:.0f} Wh taken back'
    # What gi3 report makes of the same session; only a charger that measures wrongly differs.
    far_wh = max(1.0, 0.1 * (outcome.energy_charged_wh + outcome.energy_discharged_wh))
    if abs(outcome.told_wh - outcome.energy_wh) > far_wh:
        into += f' ({outcome.told_wh:.0f} Wh by what Power_Modules_Status tells)'
    return into
