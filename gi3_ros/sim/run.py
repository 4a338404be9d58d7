"""
The simulator on a bus.

:class:`Simulator` joins controller, vehicle, plug link and the rules through the real codec:
frames in, frames out, no clock. :func:`run` gives it a bus, a clock and a way to stop.
"""

import contextlib
import dataclasses
import enum
import json
import math
import signal
import threading
import time

from ..bus import Bus
from ..core.codec import decode, encode, Received, Rejected, Rejection
from ..core.rules import CustomerRules
from .controller import Controller, ControllerConfig, IDLE_STAGES
from .plug import InletReading
from .plug import PERIOD_S as PLUG_PERIOD_S
from .vehicle import Vehicle, VehicleConfig

TICK_S = 0.01
"""The controller answers a vehicle within 25 ms (R5)."""
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
    VEHICLE = 'vehicle'
    BUS = 'bus'
    VERDICT = 'verdict'


@dataclasses.dataclass(frozen=True, slots=True)
class Event:
    """Something worth a line; ``time_s`` counts from the start of the simulator."""

    time_s: float
    kind: Kind
    text: str
    values: dict = dataclasses.field(default_factory=dict)

    def to_json(self):
        """Return one line of JSON."""
        return json.dumps({
            'time_s': round(self.time_s, 3), 'kind': self.kind.value, 'text': self.text,
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
    Controller and vehicle, fed with frames.

    :param plug: a vehicle's end of a plug link, or ``None``: then, and as long as nobody answers
        on it, Power_Modules_Status says what is at the inlet
    """

    def __init__(self, controller_config=None, vehicle_config=None, *, plug=None, tolerances=None):
        self.config = controller_config or ControllerConfig()
        self.vehicle = Vehicle(vehicle_config or VehicleConfig())
        self.controller = Controller(self.config, self.vehicle)
        self.rules = CustomerRules(tolerances)
        self.events = []
        """New :class:`Event` objects; take and clear them at will."""
        self.sessions = 0
        """Sessions that are over, the closing of the communication included."""
        self.findings = []
        self._plug = plug
        self._start_s = None
        self._status_at_s = -math.inf
        self._sent_inlet = None
        self._sent_inlet_at_s = -math.inf
        self._is_plug_link_up = False
        self._plug_heard_s = -math.inf
        self._was_idle = True
        self._were_contactors_closed = False
        self._rejections = set()

    def receive(self, frame, *, now_s):
        """Take a frame from the bus; the simulator's own come back on some buses (R5, 1.4)."""
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
        if received.message.NAME == 'Power_Modules_Status':
            self._status_at_s = now_s
        self.controller.receive(received.message, now_s=now_s)

    def tick(self, *, now_s):
        """Go on until ``now_s``; return the frames to send."""
        if self._start_s is None:
            self._start_s = now_s
        self._read_inlet(now_s)
        self.vehicle.tick(now_s=now_s)
        # Before the controller reacts: its reaction ends what the rules would still look at.
        self._keep(self.rules.tick(now_s=now_s))
        messages = self.controller.tick(now_s=now_s)
        self._tell_inlet(now_s)
        frames = []
        for message in messages:
            self._judge(Received(self.config.index, message), now_s)
            frames.append(encode(message, index=self.config.index))
        self._collect(now_s)
        return frames

    def verdict(self):
        """Return ``(exit status, sentence)`` of what has happened so far."""
        outcome = self.controller.outcome
        broken = len(self.findings)
        rules = sorted({finding.rule for finding in self.findings})
        breaches = (
            f'{broken} breach{"es" if broken > 1 else ""} of {", ".join(rules)} by the charger'
            if broken else 'no rule broken by the charger'
        )
        if outcome is None:
            return 1, f'no session came to its end; {breaches}'
        energy = f'{outcome.energy_wh:.0f} Wh in {outcome.charging_s:.1f} s'
        words = f'{outcome.state.name}: {outcome.reason}; {energy}; {breaches}'
        return (0 if outcome.is_clean and not broken else 1), words

    def say(self, kind, text, *, now_s, **values):
        """Add an event."""
        start_s = now_s if self._start_s is None else self._start_s
        self.events.append(Event(now_s - start_s, kind, text, values))

    def take_events(self):
        """Return the new events and forget them."""
        events, self.events = self.events, []
        return events

    def _read_inlet(self, now_s):
        reading = None if self._plug is None else self._plug.reading(now_s=now_s)
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
        elif self._plug is None or not self._plug.was_heard:
            reading = self._reading_from_status(now_s)
        self.vehicle.observe(reading)

    def _reading_from_status(self, now_s):
        """Take what a charger without a plug link says for the truth at the inlet."""
        command = self.controller.power_control
        if now_s - self._status_at_s > PMS_MAX_AGE_S or command is None:
            return None
        if not command.output_contactors:
            return None
        status = self.controller.status
        return InletReading(status.present_voltage, status.present_current)

    def _tell_inlet(self, now_s):
        if self._plug is None:
            return
        inlet = self.vehicle.inlet()
        before = self._sent_inlet
        has_moved = before is None or (
            (before.is_plugged, before.contactors_closed)
            != (inlet.is_plugged, inlet.contactors_closed)
        )
        if has_moved or now_s - self._sent_inlet_at_s >= PLUG_PERIOD_S - 1e-6:
            self._plug.send(inlet)
            self._sent_inlet = inlet
            self._sent_inlet_at_s = now_s

    def _judge(self, received, now_s):
        self._keep(self.rules.receive(
            received.message, now_s=now_s,
            undefined=received.undefined, unassigned_bits=received.unassigned_bits,
        ))

    def _keep(self, findings):
        for finding in findings:
            self.findings.append(finding)
            self.say(
                Kind.FINDING, f'{finding.rule}: {finding.text}',
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
                f'{self.vehicle.inlet_current_a:.1f} A, '
                f'battery {self.vehicle.open_circuit_voltage_v:.1f} V',
                now_s=now_s,
            )
        is_idle = self.controller.stage in IDLE_STAGES
        if is_idle and not self._was_idle:
            self.sessions += 1
        self._was_idle = is_idle


@dataclasses.dataclass(frozen=True)
class RunConfig:
    """How the simulator runs on a bus."""

    interface: str = 'udp_multicast'
    channel: str = ''
    port: int = 0
    bitrate: int = 0
    sessions: int = 0
    """Stop after so many; 0 goes on until stopped."""
    plug_in_after_s: float = 1.0
    """From the controller's start, and from unplugging, to the next plug-in."""
    unplug_after_s: float = 2.0
    """From the end of a session."""


class _Driver:
    """The person with the cable: plugs in, charges, unplugs, comes again."""

    def __init__(self, config):
        self._config = config
        self._due_s = None
        self._sessions = 0

    def tick(self, simulator, *, now_s):
        vehicle = simulator.vehicle
        if simulator.sessions > self._sessions:
            self._sessions = simulator.sessions
            self._due_s = now_s + self._config.unplug_after_s
        elif self._due_s is None and not vehicle.is_plugged and (
            simulator.controller.stage in IDLE_STAGES
        ):
            self._due_s = now_s + self._config.plug_in_after_s
        if self._due_s is None or now_s < self._due_s:
            return
        self._due_s = None
        if vehicle.is_plugged:
            vehicle.unplug()
            simulator.say(Kind.VEHICLE, 'unplugged', now_s=now_s)
        else:
            vehicle.plug_in()
            simulator.say(
                Kind.VEHICLE,
                f'plugged in: {vehicle.config.name}, {100 * vehicle.state_of_charge:.0f} %, '
                f'{vehicle.open_circuit_voltage_v:.0f} V', now_s=now_s,
            )


def run(simulator, config, *, on_event, stop=None):
    """
    Run the simulator in real time until it is stopped or has had its sessions.

    A stopped simulator just falls silent: it does not fake the end of a session.

    :param on_event: called with each :class:`Event`
    :param stop: a ``threading.Event`` that ends the run
    :returns: exit status: 0 when all sessions ended Clean_Stop and no rule was broken, else 1
    :raises BusError: when the bus cannot be opened
    """
    stop = stop or threading.Event()
    bus_words = []
    bus = Bus(
        config.interface, config.channel, bitrate=config.bitrate, port=config.port,
        on_event=bus_words.append,
    )
    driver = _Driver(config)
    are_all_clean = True
    sessions = 0
    with contextlib.closing(bus):
        deadline_s = time.monotonic()
        while not stop.is_set():
            _receive_until(bus, simulator, deadline_s)
            now_s = time.monotonic()
            driver.tick(simulator, now_s=now_s)
            for frame in simulator.tick(now_s=now_s):
                bus.send(frame)
            while bus_words:
                simulator.say(Kind.BUS, bus_words.pop(0), now_s=now_s)
            for event in simulator.take_events():
                on_event(event)
            if simulator.sessions > sessions:
                sessions = simulator.sessions
                are_all_clean = are_all_clean and simulator.controller.outcome.is_clean
                if sessions == config.sessions:
                    break
            # A late tick is not made up for: the grid goes on from the next point in the future.
            deadline_s += TICK_S * max(1, math.ceil((now_s - deadline_s) / TICK_S))
    status, words = simulator.verdict()
    if stop.is_set() and simulator.controller.stage not in IDLE_STAGES:
        status, words = 1, f'stopped in {simulator.controller.state.name}; {words}'
    elif not are_all_clean:
        status = 1
    simulator.say(Kind.VERDICT, words, now_s=time.monotonic(), exit_status=status)
    for event in simulator.take_events():
        on_event(event)
    return status


def _receive_until(bus, simulator, deadline_s):
    """Take frames until the deadline, at least those that wait already."""
    # Arrival is stamped by the interface: a late process does not make the charger late.
    wall_to_monotonic_s = time.monotonic() - time.time()
    while True:
        now_s = time.monotonic()
        taken = bus.receive(max(0.0, deadline_s - now_s))
        now_s = time.monotonic()
        if taken is not None:
            frame, arrival_s = taken
            arrived_s = arrival_s + wall_to_monotonic_s
            is_plausible = now_s - 1.0 <= arrived_s <= now_s
            simulator.receive(frame, now_s=arrived_s if is_plausible else now_s)
        if now_s >= deadline_s and (taken is None or now_s >= deadline_s + TICK_S):
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
