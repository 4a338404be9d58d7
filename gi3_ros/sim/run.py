"""
The simulator on a bus.

:class:`Simulator` joins the controller of one pistol, its vehicle, the plug link, the rules and
what goes wrong on demand, through the real codec: frames in, frames out, no clock. :func:`run`
gives one or more of them a bus, a clock and a way to stop.
"""

import contextlib
import dataclasses
import enum
import json
import math
import random
import signal
import threading
import time

from ..bus import Bus
from ..core.interface.codec import decode, encode, Received, Rejected, Rejection
from ..core.interface.layout import CUSTOMER
from ..core.rules.rulebook import Rulebook
from ..core.rules.tolerances import Tolerances
from . import actions
from .config import ControllerConfig
from .controller import Controller
from .plug import InletReading
from .plug import PERIOD_S as PLUG_PERIOD_S
from .scenario import End
from .stages import IDLE_STAGES, Stage
from .vehicle import Vehicle, VehicleConfig
from .wire import Wire

TICK_S = 0.01
"""The controller answers a vehicle within 25 ms (R5)."""
LONGEST_DRAIN_S = 0.05
"""After a stall, time to take the frames that wait; a charger sends some forty a second."""
PMS_MAX_AGE_S = 0.5
"""Without a plug link Power_Modules_Status stands for the inlet, no longer than this."""


CABLE_GONE_S = 0.5
"""So long after the plug link has aged out, the vehicle counts as unplugged. Not at once: when
all of the charger dies, the emergency for its silence on the bus (R3) shall come first."""


class Kind(enum.Enum):
    """Where an event comes from."""

    CONTROLLER = 'controller'
    FINDING = 'finding'
    """The charger broke a rule."""
    OBSERVATION = 'observation'
    """Something odd of the charger that no rule forbids."""
    VEHICLE = 'vehicle'
    CHARGER = 'charger'
    """What is known of the charger besides its frames: where it is simulated, too."""
    BUS = 'bus'
    ACTION = 'action'
    """Somebody did something to the simulator."""
    VERDICT = 'verdict'


_PREFIX = {
    Kind.CONTROLLER: '',
    Kind.FINDING: 'RULE BROKEN ',
    Kind.OBSERVATION: 'observation, no rule broken: ',
    Kind.VEHICLE: 'vehicle: ',
    Kind.CHARGER: 'charger: ',
    Kind.BUS: 'bus: ',
    Kind.ACTION: '> ',
    Kind.VERDICT: '',
}


@dataclasses.dataclass(frozen=True, slots=True)
class Event:
    """Something worth a line; ``time_s`` counts from the start of the simulator."""

    time_s: float
    kind: Kind
    text: str
    values: dict = dataclasses.field(default_factory=dict)
    pistol: int = 1
    """Index on the bus."""

    @property
    def words(self):
        """What happened, and where unless it was at the controller."""
        return f'{_PREFIX[self.kind]}{self.text}'

    def to_json(self):
        """Return one line of JSON."""
        return json.dumps({
            'time_s': round(self.time_s, 3), 'pistol': self.pistol, 'kind': self.kind.value,
            'text': self.text,
            **({'values': _finite(self.values)} if self.values else {}),
        })


def _finite(values):
    """JSON has no NaN."""
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in values.items()
    }


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
        self, controller_config=None, vehicle_config=None, *, plug=None, tolerances=None,
        person=None, player=None, seed=0,
    ):
        self.config = controller_config or ControllerConfig()
        rng = random.Random(seed)
        self.vehicle = Vehicle(vehicle_config or VehicleConfig(), rng=rng)
        self.controller = Controller(self.config, self.vehicle)
        self.wire = Wire(self.config.index, rng)
        self.person = person
        self.player = player
        self.rules = Rulebook(
            tolerances or tolerances_for(self.config), ends=(CUSTOMER,))
        self.events = []
        """New :class:`Event` objects; take and clear them at will."""
        self.sessions = 0
        """Sessions that are over, the closing of the communication included."""
        self.findings = []
        """Breaches of the charger."""
        self.observations = []
        """What else was found: nobody's breach."""
        self.plug = plug
        self.are_all_clean = True
        """Whether every session that is over ended as it should have."""
        self.elapsed_s = 0.0
        """Since the first tick."""
        self.restarts = 0
        self._is_bus_open = True
        self._is_paused = False
        self._undo = []
        self._starts_at_s = -math.inf
        self._start_s = None
        self._sent_inlet = None
        self._sent_inlet_at_s = -math.inf
        self._is_plug_link_up = False
        self._plug_heard_s = -math.inf
        self.status_heard_s = -math.inf
        """When Power_Modules_Status came last."""
        self._was_idle = True
        self._were_contactors_closed = False
        self._rejections = set()

    def receive(self, frame, *, now_s):
        """Take a frame from the bus; the simulator's own come back on some buses (R5, 1.4)."""
        if self.wire.is_bus_off:
            return
        received = decode(frame)
        if isinstance(received, Rejected):
            self._reject(received, now_s)
            return
        if received.index != self.config.index or received.message.FROM_CONTROLLER:
            return
        self._judge(received, now_s)
        if received.undefined:
            # 1.4.4: such a frame controls nothing, the last valid one goes on to age.
            return
        if now_s < self._starts_at_s:
            return
        if received.message.NAME == 'Power_Modules_Status':
            self.status_heard_s = now_s
        self.controller.receive(received.message, now_s=now_s)

    def tick(self, *, now_s):
        """Go on until ``now_s``; return the frames to send."""
        if self._start_s is None:
            self._start_s = now_s
        self.elapsed_s = now_s - self._start_s
        for who in (self.person, self.player):
            if who is not None:
                who.tick(self, now_s=now_s)
        self._undo_what_is_over(now_s)
        self._read_inlet(now_s)
        self.vehicle.tick(now_s=now_s)
        # Before the controller reacts: its reaction ends what the rules would still look at.
        self._keep(self.rules.tick(now_s=now_s))
        self.controller.has_copper = self._is_plug_link_up
        is_running = now_s >= self._starts_at_s
        messages = self.controller.tick(now_s=now_s) if is_running else []
        self._tell_inlet(now_s)
        frames = self.wire.send(
            [encode(message, index=self.config.index) for message in messages], now_s=now_s,
            is_alive=is_running)
        self._follow_bus(now_s)
        for frame in frames:
            self._judge_own(frame, now_s)
        self._collect(now_s)
        return frames

    def see_bus(self, is_open, *, now_s):
        """Take whether the bus can be used: an adapter may be gone for a while."""
        if is_open is not self._is_bus_open:
            self._is_bus_open = is_open
            self._follow_bus(now_s)

    def _follow_bus(self, now_s):
        """Blame the charger for nothing that went unheard."""
        is_off = self.wire.is_bus_off or not self._is_bus_open
        if is_off is self._is_paused:
            return
        self._is_paused = is_off
        self.say(Kind.BUS, 'off' if is_off else 'back', now_s=now_s)
        if is_off:
            self.rules.pause()
        else:
            self.rules.resume(now_s)

    # What is done to it

    def do(self, action, *, now_s):
        """
        Carry out an action, and undo it after its time.

        :param action: an :class:`~.actions.Action`, or a line of text
        :raises ValueError: for a line that is none, with words
        """
        if isinstance(action, str):
            action = actions.parse(action)
        self.say(Kind.ACTION, action.line, now_s=now_s)
        # What is done now is not undone by the time of something earlier.
        self._undo = [due for due in self._undo if not action.replaces(due[1])]
        if self.person is not None:
            self.person.see(action)
        action.do(self, now_s=now_s)
        if action.undo_line:
            self._undo.append((now_s + action.for_s, actions.parse(action.undo_line)))

    def plug_in(self, *, now_s):
        """Let somebody put the connector in."""
        vehicle = self.vehicle
        vehicle.plug_in()
        self.say(
            Kind.VEHICLE,
            f'plugged in: {vehicle.config.name}, {100 * vehicle.state_of_charge:.0f} %, '
            f'{vehicle.open_circuit_voltage_v:.0f} V', now_s=now_s)

    def unplug(self, *, now_s):
        """Let somebody pull the connector out."""
        self.vehicle.unplug()
        self.say(Kind.VEHICLE, 'unplugged', now_s=now_s)

    def restart_controller(self, silent_s, *, now_s):
        """Let the controller begin from nothing, after so long without a word."""
        if self.controller.stage not in IDLE_STAGES:
            # The vehicle misses its partner.
            self.vehicle.emergency(now_s=now_s)
            self.are_all_clean = False
        self._collect(now_s)
        before, self.controller = self.controller, Controller(self.config, self.vehicle)
        # What people hold down is still held down.
        self.controller.inputs = before.inputs
        if before.is_emergency_held:
            self.controller.emergency_stop(
                before.emergency_cause, origin=before.emergency_origin, now_s=now_s)
        self.restarts += 1
        self._was_idle = True
        self._starts_at_s = now_s + silent_s

    def _undo_what_is_over(self, now_s):
        for due in [due for due in self._undo if due[0] <= now_s + 1e-6]:
            self._undo.remove(due)
            self.say(Kind.ACTION, due[1].line, now_s=now_s)
            due[1].do(self, now_s=now_s)

    @property
    def is_over(self):
        """Whether everything that was to happen has happened."""
        if self.player is not None:
            scenario = self.player.scenario
            if self.elapsed_s >= scenario.within_s:
                return True
            if not self.player.is_over or scenario.end == End.NONE:
                return False
        is_idle = self.controller.stage in IDLE_STAGES
        return is_idle and self.person is not None and self.person.is_gone(self)

    @property
    def waits_s(self):
        """How long nothing will happen by itself: a delayed start may be hours away (R48)."""
        if self.controller.stage is not Stage.WAITING_FOR_CHARGE or self.wire.disturbances or (
                self._undo or (self.player is not None and not self.player.is_over)):
            return 0.0
        return self.controller.waits_s

    def verdict(self):
        """Return ``(exit status, sentence)`` of what has happened so far."""
        outcome = self.controller.outcome
        rules = sorted({finding.rule for finding in self.findings})
        breaches = 'no rule broken by the charger'
        if self.findings:
            many = 'es' if len(self.findings) > 1 else ''
            breaches = (
                f'{len(self.findings)} breach{many} of {", ".join(rules)} by the charger')
        if self.observations:
            many = 's' if len(self.observations) > 1 else ''
            breaches += f', {len(self.observations)} observation{many}'
        expected, permitted = End.CLEAN, ()
        if self.player is not None:
            expected, permitted = self.player.scenario.end, self.player.scenario.may_break
        if self.controller.stage not in IDLE_STAGES:
            ended, words = End.NONE, f'still in {self.controller.state.name}'
        elif outcome is None:
            ended, words = End.NONE, 'no session came to its end'
        else:
            ended = End.CLEAN if self.are_all_clean else End.RUSHED
            words = f'{outcome.state.name}: {outcome.reason}; {_energy(outcome)}'
        is_as_expected = expected in (End.ANY, ended)
        if expected != End.CLEAN:
            words += f'; {"as" if is_as_expected else "not as"} the scenario expects ({expected})'
        missing = self.steps_missing.values()
        if missing:
            words += f'; not all of the scenario has happened: {", ".join(missing)}'
        is_good = is_as_expected and not missing and not set(rules) - set(permitted)
        return (0 if is_good else 1), f'{words}; {breaches}'

    @property
    def steps_missing(self) -> dict[int, str]:
        """Steps of the scenario that have not happened; see :attr:`.Player.missing`."""
        return {} if self.player is None else self.player.missing

    def say(self, kind, text, *, now_s, **values):
        """Add an event."""
        start_s = now_s if self._start_s is None else self._start_s
        self.events.append(Event(now_s - start_s, kind, text, values, self.config.index))

    def take_events(self):
        """Return the new events and forget them."""
        events, self.events = self.events, []
        return events

    def _read_inlet(self, now_s):
        reading = None if self.plug is None else self.plug.reading(now_s=now_s)
        if reading is not None:
            self._plug_heard_s = now_s
            if not self._is_plug_link_up:
                self._is_plug_link_up = True
                self.say(Kind.VEHICLE, 'plug link is up: real copper at the inlet', now_s=now_s)
        elif self._is_plug_link_up:
            if now_s - self._plug_heard_s < CABLE_GONE_S:
                self.vehicle.observe(None)
                return
            self._is_plug_link_up = False
            self.say(Kind.VEHICLE, 'plug link fell silent: the cable is gone', now_s=now_s)
            if self.vehicle.is_plugged:
                self.vehicle.unplug()
        elif self.plug is None or not self.plug.was_heard:
            reading = self._reading_from_status(now_s)
        self.vehicle.observe(reading)

    def _reading_from_status(self, now_s):
        """Take what a charger without a plug link says for the truth at the inlet."""
        command = self.controller.power_control
        if now_s - self.status_heard_s > PMS_MAX_AGE_S or command is None:
            return None
        if not command.output_contactors:
            return None
        status = self.controller.status
        return InletReading(status.present_voltage, status.present_current)

    def _tell_inlet(self, now_s):
        if self.plug is None:
            return
        inlet = dataclasses.replace(
            self.vehicle.inlet(),
            relay_closed=self.controller.relay_closed,
            precharge_relay_closed=self.controller.precharge_relay_closed,
            digital_outputs=self.controller.digital_outputs,
        )
        before = self._sent_inlet
        has_moved = before is None or _contacts(before) != _contacts(inlet)
        if has_moved or now_s - self._sent_inlet_at_s >= PLUG_PERIOD_S - 1e-6:
            self.plug.send(inlet)
            self._sent_inlet = inlet
            self._sent_inlet_at_s = now_s

    def _judge(self, received, now_s):
        self._keep(self.rules.receive(
            received.message, now_s=now_s,
            undefined=received.undefined, unassigned_bits=received.unassigned_bits,
        ))

    def _judge_own(self, frame, now_s):
        """Let the rules know what the charger has heard."""
        received = decode(frame)
        if not isinstance(received, Received) or received.index != self.config.index:
            return
        if received.message.NAME == 'Advantics_Controller_Status':
            # Whatever state it reports, the controller lives (R1).
            received = dataclasses.replace(received, undefined=())
        if received.message.FROM_CONTROLLER:
            self._judge(received, now_s)

    def _keep(self, findings):
        for finding in findings:
            kept, kind = (
                (self.observations, Kind.OBSERVATION) if finding.is_observation
                else (self.findings, Kind.FINDING))
            kept.append(finding)
            self.say(
                kind, f'{finding.rule}: {finding.text}',
                now_s=finding.time_s, **finding.values,
            )

    def _reject(self, rejected, now_s):
        """Name a malformed frame once per kind; foreign and newer ones are nobody's fault."""
        if rejected.kind is not Rejection.SHORT:
            return
        if rejected.index == self.config.index and not rejected.message_class.FROM_CONTROLLER:
            self._keep(self.rules.reject(rejected.message_class, rejected.text, now_s=now_s))
        elif rejected.text not in self._rejections:
            self._rejections.add(rejected.text)
            self.say(Kind.BUS, f'frame ignored: {rejected.text}', now_s=now_s)

    def _collect(self, now_s):
        for time_s, text in self.controller.events:
            self.say(Kind.CONTROLLER, text, now_s=time_s)
        self.controller.events.clear()
        if self.vehicle.contactors_closed != self._were_contactors_closed:
            self._were_contactors_closed = self.vehicle.contactors_closed
            position = 'closed' if self._were_contactors_closed else 'opened'
            self.say(
                Kind.VEHICLE,
                f'contactors {position}: inlet {self.vehicle.inlet_voltage_v:.1f} V '
                f'{round(self.vehicle.inlet_current_a, 1) + 0.0:.1f} A, '
                f'battery {self.vehicle.open_circuit_voltage_v:.1f} V',
                now_s=now_s,
            )
        is_idle = self.controller.stage in IDLE_STAGES
        if is_idle and not self._was_idle:
            self.sessions += 1
            outcome = self.controller.outcome
            self.are_all_clean &= outcome is not None and outcome.is_clean
        self._was_idle = is_idle


def _contacts(inlet):
    """Return what the other end of the plug link has to know at once."""
    return (inlet.is_plugged, inlet.contactors_closed, inlet.relay_closed,
            inlet.precharge_relay_closed, inlet.digital_outputs)


def tolerances_for(config):
    """Return the tolerances of the rules that follow from a controller's configuration."""
    return Tolerances(discharge_from_v=config.limits.min_charger_discharge_voltage)


def _energy(outcome):
    into = f'{outcome.energy_charged_wh:.0f} Wh in {outcome.charging_s:.1f} s'
    if outcome.energy_discharged_wh >= 0.5:
        into += f', {outcome.energy_discharged_wh:.0f} Wh taken back'
    # What gi3 report makes of the same session; only a charger that measures wrongly differs.
    far_wh = max(1.0, 0.1 * (outcome.energy_charged_wh + outcome.energy_discharged_wh))
    if abs(outcome.told_wh - outcome.energy_wh) > far_wh:
        into += f' ({outcome.told_wh:.0f} Wh by what Power_Modules_Status tells)'
    return into


class Person:
    """
    Who has the cable in hand: plugs in, presses start where that is needed, unplugs, comes again.

    :param sessions: after so many it does not come again; 0: it always does
    :param plug_in_after_s: from the start, and from unplugging, to the next plug-in
    :param start_after_s: from plugging in to the start button of CHAdeMO; infinite: never
    :param unplug_after_s: from the end of a session
    """

    def __init__(
        self, *, sessions=0, plug_in_after_s=1.0, start_after_s=1.0, unplug_after_s=2.0,
    ):
        self._most_sessions = sessions
        self.plug_in_after_s = plug_in_after_s
        self._start_after_s = start_after_s
        self._unplug_after_s = unplug_after_s
        self._sessions = 0
        self._due_s = None
        self._start_due_s = None
        self._restarts = 0
        self._has_cable = True

    def see(self, action):
        """Leave the cable, or the start button, to whoever has just used it."""
        if action.is_of('plug_in', 'unplug'):
            self._has_cable = False
        elif action.is_of('start'):
            self._start_due_s = None

    def is_gone(self, simulator):
        """Whether it has had its sessions."""
        return bool(self._most_sessions) and simulator.sessions >= self._most_sessions

    def tick(self, simulator, *, now_s):
        """Do what is due."""
        vehicle = simulator.vehicle
        is_idle = simulator.controller.stage in IDLE_STAGES
        if simulator.restarts > self._restarts:
            self._restarts = simulator.restarts
            self._will_press_start(simulator, now_s)
        if self._start_due_s is not None and now_s >= self._start_due_s:
            self._start_due_s = None
            if vehicle.is_plugged:
                simulator.controller.press_start(now_s=now_s)
        if not self._has_cable:
            return
        if simulator.sessions > self._sessions:
            self._sessions = simulator.sessions
            self._due_s = now_s + self._unplug_after_s
        elif self._due_s is None and not vehicle.is_plugged and is_idle and (
                not self.is_gone(simulator)):
            self._due_s = now_s + self.plug_in_after_s
        if self._due_s is None or now_s < self._due_s:
            return
        self._due_s = None
        if vehicle.is_plugged:
            # Not when another session has begun meanwhile (A42).
            if is_idle:
                simulator.unplug(now_s=now_s)
            return
        if self.is_gone(simulator):
            return
        simulator.plug_in(now_s=now_s)
        self._will_press_start(simulator, now_s)

    def _will_press_start(self, simulator, now_s):
        if simulator.config.is_chademo and simulator.vehicle.is_plugged:
            self._start_due_s = now_s + self._start_after_s


@dataclasses.dataclass(frozen=True)
class RunConfig:
    """Which bus the simulator runs on."""

    interface: str = 'udp_multicast'
    channel: str = ''
    port: int = 0
    bitrate: int = 0


def run(simulators, config, *, on_event, on_frame=None, between=None, stop=None):
    """
    Run simulators on one bus in real time until they are stopped or have had their sessions.

    A stopped simulator just falls silent: it does not fake the end of a session.

    :param simulators: list of :class:`Simulator`, one for each pistol
    :param on_event: called with each :class:`Event`
    :param on_frame: called with ``(frame, seconds since the epoch, is ours)`` for every frame
    :param between: called with ``now_s`` in every turn, for whoever looks and types
    :param stop: a ``threading.Event`` that ends the run
    :returns: exit status: 0 when all went as it should and no rule was broken, else 1
    :raises BusError: when the bus cannot be opened
    """
    stop = stop or threading.Event()
    bus_words = []
    bus = Bus(
        config.interface, config.channel, bitrate=config.bitrate, port=config.port,
        on_event=bus_words.append,
    )
    with contextlib.closing(bus):
        deadline_s = time.monotonic()
        while not (stop.is_set() or all(simulator.is_over for simulator in simulators)):
            _receive_until(bus, simulators, deadline_s, on_frame)
            now_s = time.monotonic()
            for simulator in simulators:
                simulator.see_bus(bus.is_open, now_s=now_s)
                for frame in simulator.tick(now_s=now_s):
                    if bus.send(frame) and on_frame is not None:
                        on_frame(frame, time.time(), True)
            while bus_words:
                simulators[0].say(Kind.BUS, bus_words.pop(0), now_s=now_s)
            tell(simulators, on_event)
            if between is not None:
                between(now_s)
            # A late tick is not made up for: the grid goes on from the next point in the future.
            deadline_s += TICK_S * max(1, math.ceil((now_s - deadline_s) / TICK_S))
    return conclude(
        simulators, on_event, now_s=time.monotonic(), is_stopped=stop.is_set())


def tell(simulators, on_event):
    """Hand out the new events, in the order of their times."""
    events = [event for simulator in simulators for event in simulator.take_events()]
    for event in sorted(events, key=lambda event: event.time_s):
        on_event(event)


def conclude(simulators, on_event, *, now_s, is_stopped=False):
    """Say how it went; return the exit status."""
    worst = 0
    for simulator in simulators:
        status, words = simulator.verdict()
        if is_stopped and simulator.controller.stage not in IDLE_STAGES:
            status, words = 1, f'stopped in {simulator.controller.state.name}; {words}'
        steps = {'steps_missing': [*simulator.steps_missing]} if simulator.player else {}
        simulator.say(Kind.VERDICT, words, now_s=now_s, exit_status=status, **steps)
        worst = max(worst, status)
    tell(simulators, on_event)
    return worst


def _receive_until(bus, simulators, deadline_s, on_frame):
    """Take frames until the deadline, and all that wait by then: they did come in time."""
    # Arrival is stamped by the interface: a late process does not make the charger late.
    wall_to_monotonic_s = time.monotonic() - time.time()
    # A flood must not stop the clock.
    latest_s = max(time.monotonic(), deadline_s) + LONGEST_DRAIN_S
    while True:
        taken = bus.receive(max(0.0, deadline_s - time.monotonic()))
        now_s = time.monotonic()
        if taken is not None:
            frame, arrival_s = taken
            arrived_s = arrival_s + wall_to_monotonic_s
            is_plausible = now_s - 1.0 <= arrived_s <= now_s
            for simulator in simulators:
                simulator.receive(frame, now_s=arrived_s if is_plausible else now_s)
            if on_frame is not None:
                on_frame(frame, arrival_s, False)
        if now_s >= latest_s or (taken is None and now_s >= deadline_s):
            return


@contextlib.contextmanager
def stop_on_signals():
    """Give a ``threading.Event`` that SIGINT and SIGTERM set."""
    stop = threading.Event()

    def set_stop(_number, _frame):
        stop.set()

    before = {
        number: signal.signal(number, set_stop) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
