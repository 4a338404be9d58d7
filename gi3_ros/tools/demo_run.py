# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
One run of ``gi3 demo``: a whole charging session, live.

Three processes of this package, as they would run in a real installation, and this one, which
looks at them through ROS: the simulated power modules, the charger, and the simulated controller
with its vehicle, which knows no ROS and speaks only CAN to the charger.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
import contextlib
import json
import math
import os
import pathlib
import shutil
import signal
import sys
import tempfile
import time
import types
from typing import Any, NamedTuple, TYPE_CHECKING

from rich.console import Console

from ..core.interface.signals import AdvanticsControllerStatus
from .children import Child
from .claim import claim
from .demo_display import Display, display_for, print_summary
from .demo_outcome import Outcome, SummaryRow
from .views.demo_picture import Picture

if TYPE_CHECKING:
    # Late: it needs ROS 2, and a second.
    from .observer import Observer

PISTOL = 'pistol1'
START_WITHIN_S = 30.0
"""Python and ROS come up in two seconds, but the machine may be busy."""
VEHICLE_WITHIN_S = 10.0
BESIDE_TRANSFER_S = 60.0
"""What comes before and after the energy transfer takes 13 s; a vehicle's patience ends at 40."""
USUALLY_BESIDE_TRANSFER_S = 17.0
TURN_S = 0.04
AUTHORISE_AFTER_S = 1.0
"""For people to see that the controller waits for it."""
AFTERMATH_S = 3.0
"""After the death of a process the others are watched for this long."""
REST_WITHIN_S = 4.0
"""The charger comes to rest within 2 s, and ends."""
END_WITHIN_S = 2.0
FALL_S = 0.2
"""From a zero setpoint until the current has to be gone: a measurement and its way included."""
NO_CURRENT_A = 1.0


class Failure(Exception):
    """The demo cannot go on; the text says why."""


class Interrupted(Exception):
    """The user, or the system, asked to end."""


class ChildDied(Exception):
    """A process ended that should not have."""

    def __init__(self, child: Child) -> None:
        super().__init__(child.name)
        self.child = child


class EndRequest:
    """Remembers the first signal that asks to end; all of them are answered in our own order."""

    NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def __init__(self) -> None:
        self.number: int | None = None
        self._before: dict[signal.Signals, Any] = {}  # as signal.signal gives them

    def __enter__(self) -> EndRequest:
        """Take the signals over."""
        self._before = {
            number: signal.signal(number, self._take) for number in self.NUMBERS
            # nohup: the terminal may go.
            if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN
        }
        return self

    def __exit__(self, *_: object) -> None:
        """Give them back."""
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def interrupt(self) -> None:
        """Ask to end, as Ctrl-C does."""
        self._take(signal.SIGINT, None)

    def _take(self, number: int, _frame: types.FrameType | None) -> None:
        if self.number is None:
            self.number = number


class SimulatorEvent(NamedTuple):
    """What the simulator says."""

    kind: str
    text: str


class SimulatorEvents:
    """The JSON lines that ``gi3 sim`` writes, as they come."""

    def __init__(self, path: pathlib.Path) -> None:
        self._path = path
        self._taken = 0

    def take(self) -> list[SimulatorEvent]:
        """Return the new events."""
        if not self._path.exists():
            return []
        with open(self._path, 'rb') as file:
            file.seek(self._taken)
            # What follows the last line feed is still being written.
            complete, line_feed, _ = file.read().rpartition(b'\n')
        self._taken += len(complete + line_feed)
        events = map(json.loads, complete.splitlines())
        return [SimulatorEvent(event['kind'], event['text']) for event in events]


class Demo:
    """One run of the demo; :meth:`run`, then :meth:`summary` and :attr:`status`."""

    def __init__(
        self, *, duration_s: float, can_port: int, plug_port: int, log_dir: pathlib.Path,
        picture: Picture, display: Display, request: EndRequest,
    ) -> None:
        from ament_index_python.packages import get_package_prefix

        self._executables = pathlib.Path(get_package_prefix('gi3_ros')) / 'lib' / 'gi3_ros'
        self._duration_s = duration_s
        self._can_port = can_port
        self._plug_port = plug_port
        self._log_dir = log_dir
        self._picture = picture
        self._display = display
        self._request = request
        self._start_s = time.monotonic()
        self._observer: Observer | None = None
        self._modules: Child | None = None
        self._charger: Child | None = None
        self._vehicle: Child | None = None
        self._simulated = SimulatorEvents(log_dir / 'simulator.json')
        self._authorise_at_s = math.inf
        self._is_output_gone = False
        self._dead: Child | None = None
        self.outcome = Outcome()

    def clock(self) -> float:
        """Return the seconds since the start."""
        return time.monotonic() - self._start_s

    @property
    def status(self) -> int:
        """Exit status."""
        if self._request.number is not None:
            return 128 + self._request.number
        return 1 if self.outcome.failures else 0

    def run(self) -> None:
        """Run it and leave no process behind, whatever happens."""
        try:
            observer = self._start_charger()
            vehicle = self._start_vehicle(observer)
            self._watch(observer)
            vehicle.wait(END_WITHIN_S)
            self._judge(vehicle)
        except Interrupted:
            self._tell(f'{self._signal_name}: ending, the charger first', is_bad=True)
            self._conclude(f'ended by {self._signal_name}', is_bad=True)
        except ChildDied as death:
            self._bury(death.child)
        except Failure as failure:
            self.outcome.failures.append(str(failure))
            self._tell(str(failure), is_bad=True)
            self._conclude(str(failure), is_bad=True)
        finally:
            self._end()

    # The way up

    def _start(
        self, name: str, executable: str, *arguments: object,
        death_signal: signal.Signals = signal.SIGKILL,
    ) -> Child:
        child = Child(
            name, (self._executables / executable, *arguments), log_dir=self._log_dir,
            environment=os.environ, death_signal=death_signal,
        )
        self._tell(f'started the {name}, process {child.pid}')
        return child

    def _start_charger(self) -> Observer:
        """Start what belongs to the charger, and return who looks at it."""
        self._modules = self._start(
            'power modules', 'power_modules_sim', '--ros-args', '-r', f'__ns:=/{PISTOL}',
            '-p', 'autostart:=true', '-p', f'plug_port:={self._plug_port}',
        )
        self._charger = self._start(
            'charger', 'charger', '--ros-args', '-p', 'autostart:=true',
            '-p', 'interface:=udp_multicast', '-p', f'port:={self._can_port}',
            '-p', f'pistols:=[{PISTOL}]',
            # It takes the power away by itself when it is asked to end.
            death_signal=signal.SIGTERM,
        )
        self._look(0.0)
        # Not before the others are on their way: it takes a second, too.
        from .observer import Observer
        observer = self._observer = Observer(self._picture, PISTOL, clock=self.clock)
        self._wait_while(lambda: observer.missing, START_WITHIN_S)
        if observer.strangers:
            raise Failure(
                f'somebody else publishes {", ".join(observer.strangers)} of /{PISTOL} in '
                f'ROS domain {os.environ["ROS_DOMAIN_ID"]}: choose another ROS_DOMAIN_ID'
            )
        return observer

    def _start_vehicle(self, observer: Observer) -> Child:
        vehicle = self._vehicle = self._start(
            'simulator', 'gi3', 'sim', '--once', '--external-authorisation',
            '--port', self._can_port, '--plug-port', self._plug_port,
            '--duration-s', self._duration_s, '--json', self._log_dir / 'simulator.json',
        )
        self._wait_while(
            lambda: '' if observer.controller_state is not None
            else 'nothing heard from the controller', VEHICLE_WITHIN_S,
        )
        return vehicle

    def _wait_while(self, missing: Callable[[], str], timeout_s: float) -> None:
        deadline_s = self.clock() + timeout_s
        while missing():
            if self.clock() >= deadline_s:
                raise Failure(f'{missing()} within {timeout_s:g} s')
            self._turn()

    # The session

    def _watch(self, observer: Observer) -> None:
        deadline_s = self.clock() + self._duration_s + BESIDE_TRANSFER_S
        while self.outcome.verdict is None:
            now_s = self.clock()
            if now_s >= deadline_s:
                raise Failure(
                    'the session has not ended in time: it is in '
                    f'{self._picture.phase(now_s=now_s)}')
            if now_s - observer.last_status_s >= AFTERMATH_S:
                self._describe_silence(observer)
                raise Failure(f'nothing heard from the controller for {AFTERMATH_S:g} s')
            self._turn()

    def _turn(self) -> None:
        if self._request.number is not None:
            raise Interrupted
        self._look(TURN_S)
        if self._is_output_gone:
            raise Failure('nobody reads the output any more')
        for child in (self._modules, self._charger, self._vehicle):
            if child is not None and not child.is_alive and not self._is_regular(child):
                raise ChildDied(child)

    def _is_regular(self, child: Child) -> bool:
        return child is self._vehicle and self.outcome.verdict is not None

    def _look(self, timeout_s: float) -> None:
        """See what comes within this time, and show it."""
        if self._observer is not None:
            self._observer.spin(timeout_s)
            self._authorise_in_time(self._observer)
        for event in self._simulated.take():
            self._take(event)
        if self._is_output_gone:
            return
        try:
            self._display.update(now_s=self.clock())
        except OSError:
            # The terminal or the reader is gone; the way down must not depend on it.
            self._is_output_gone = True

    def _authorise_in_time(self, observer: Observer) -> None:
        waiting = AdvanticsControllerStatus.State.CCS_AUTHORISATION_PROCESS
        if observer.controller_state != waiting:
            self._authorise_at_s = math.inf
        elif self._authorise_at_s == math.inf:
            self._authorise_at_s = self.clock() + AUTHORISE_AFTER_S
        elif self.clock() >= self._authorise_at_s:
            observer.authorise()

    def _take(self, event: SimulatorEvent) -> None:
        """Take an event of the simulator."""
        kind, text = event
        if kind == 'finding':
            if self._request.number is None:
                # To end in mid-session breaks rules; who asked for it knows.
                self.outcome.breaches.append(text)
            text = f'RULE BROKEN {text}'
        elif kind == 'verdict':
            self.outcome.verdict = text
        elif kind == 'vehicle' and text.startswith('contactors '):
            self._picture.vehicle_contactors = text.startswith('contactors closed')
        self._picture.tell(
            self.clock(), 'vehicle' if kind == 'vehicle' else 'controller', text,
            is_bad=kind == 'finding',
        )

    def _tell(self, text: str, *, is_bad: bool = False) -> None:
        self._picture.tell(self.clock(), 'demo', text, is_bad=is_bad)

    def _conclude(self, text: str, *, is_bad: bool) -> None:
        self._picture.conclude(text, time_s=self.clock(), has_failed=is_bad)

    @property
    def _signal_name(self) -> str:
        number = self._request.number
        return '' if number is None else signal.Signals(number).name

    # What became of it

    def _judge(self, vehicle: Child) -> None:
        """Compare what the simulator saw with what ROS saw."""
        if vehicle.status != 0:
            words = self.outcome.verdict or vehicle.end
            self.outcome.failures.append(f'the simulator says: {words}')
        end_reason = self._picture.end_reason
        if end_reason != 'Clean_Stop':
            self.outcome.failures.append(
                f'charge_session says: {end_reason or "the session has not ended"}')
        words = '; '.join(self.outcome.failures) or f'session over: {end_reason}'
        self._tell(words, is_bad=bool(self.outcome.failures))
        self._conclude(words, is_bad=bool(self.outcome.failures))

    def _bury(self, child: Child) -> None:
        """Say who died, watch what the others do about it."""
        phase = self._picture.phase(now_s=self.clock())
        died_s = self.clock()
        self._dead = child
        if child is self._vehicle:
            self._picture.vehicle_contactors = None
        what = f'{child.name} (process {child.pid}) {child.end} in {phase}'
        self.outcome.failures.append(what)
        self._tell(what, is_bad=True)
        while (self._vehicle is not None and self._request.number is None
                and self.clock() < died_s + AFTERMATH_S):
            self._look(TURN_S)
        if child is self._vehicle and self._observer is not None:
            self._describe_silence(self._observer)
        self._conclude(what, is_bad=True)

    def _describe_silence(self, observer: Observer) -> None:
        """Say what the charger did when the controller fell silent (R1)."""
        power = self._picture.power.get(now_s=self.clock())
        if observer.controller_state is None:
            return
        words = ['the controller fell silent']
        if power is not None and power.fault:
            words.append(f'power_control: {power.fault}')
        silent_s = observer.zero_since_s - observer.last_status_s
        if observer.zero_since_s == math.inf:
            words.append('THE SETPOINT IS STILL NOT ZERO')
        elif silent_s > 0:
            words.append(
                f'zero setpoint {1e3 * silent_s:.0f} ms after the last controller_status')
        else:
            words.append('the setpoint was zero already')
        since_s = max(observer.zero_since_s, observer.last_status_s) + FALL_S
        after = [abs(reading.current_a) for reading in self._picture.readings
                 if reading.time_s >= since_s]
        if after:
            current = 'no current' if max(after) <= NO_CURRENT_A else 'CURRENT'
            words.append(
                f'{current} after it: at most {max(after):.1f} A in {len(after)} measurements')
        self.outcome.silence = words

    # The way down

    def _end(self) -> None:
        """End the charger while the power modules and the bus are alive, then these."""
        if self._charger is not None:
            self._end_charger(self._charger)
        for child in (self._vehicle, self._modules):
            if child is not None:
                child.interrupt()
        for child in (self._vehicle, self._modules):
            if child is not None:
                child.wait(END_WITHIN_S, meanwhile=self._look)
        self._look(0.0)
        if self._observer is not None:
            self._observer.close()
        self._look_at_hardware()

    def _end_charger(self, charger: Child) -> None:
        if not charger.is_alive:
            self.outcome.safe_state = 'the charger was gone already'
            return
        began_s = self.clock()
        power = self._picture.power.get(now_s=began_s)
        charger.interrupt()
        was_in_time = charger.wait(REST_WITHIN_S, meanwhile=self._look)
        took_s = self.clock() - began_s
        self._look(TURN_S)
        words = []
        observer = self._observer
        if power is None or observer is None:
            words.append('no power was allowed yet')
        else:
            if observer.zero_since_s == math.inf:
                words.append('NO ZERO SETPOINT SEEN')
            elif observer.zero_since_s >= began_s:
                words.append(f'zero setpoint after {1e3 * (observer.zero_since_s - began_s):.0f} '
                             'ms')
            else:
                words.append('setpoint was zero already')
            if observer.withdrawn_s is not None and observer.withdrawn_s >= began_s:
                words.append('System_Enable = 0 told to the controller')
            elif not power.is_enabled:
                words.append('System_Enable was 0 already')
        if was_in_time:
            words.append(f'charger at rest and ended after {took_s:.1f} s')
        else:
            words.append(f'the charger had not ended after {REST_WITHIN_S:g} s and was killed')
            self.outcome.failures.append(words[-1])
        self.outcome.safe_state = ', '.join(words)
        self._tell(f'safe state: {self.outcome.safe_state}', is_bad=not was_in_time)

    def _look_at_hardware(self) -> None:
        if self._modules is not None:
            self.outcome.hardware = self._modules.lines_with('the hardware would have suffered: ')
        for text in self.outcome.hardware:
            self.outcome.failures.append(f'the hardware would have suffered: {text}')

    # The summary

    def summary(self) -> list[SummaryRow]:
        """Return what is said at the end."""
        # A signal may come on the way down, too.
        self.outcome.ended_by = self._signal_name
        return self.outcome.rows(
            self._picture, self._rows_of_logs(), has_vehicle=self._vehicle is not None)

    def _rows_of_logs(self) -> list[SummaryRow]:
        rows: list[SummaryRow] = []
        for child in (self._modules, self._charger, self._vehicle):
            if child is not None:
                lines = child.last_words() if child is self._dead else child.errors()
                rows += [SummaryRow(child.name, f'log: {line}', True) for line in lines]
        return rows


@contextlib.contextmanager
def _stderr_into(path: pathlib.Path) -> Iterator[None]:
    """Keep what libraries write to standard error off the screen."""
    sys.stderr.flush()
    before = os.dup(2)
    with open(path, 'wb') as log:
        os.dup2(log.fileno(), 2)
    try:
        yield
    finally:
        sys.stderr.flush()
        os.dup2(before, 2)
        os.close(before)


def run_demo(
    *, duration_s: float, port: int | None, plug_port: int | None, is_plain: bool,
    log_dir: pathlib.Path | None,
) -> int:
    """
    Run the demo.

    :param log_dir: keeps the logs; ``None``: a temporary folder, kept after a failure
    :returns: exit status
    :raises NothingFree: when no ROS domain is free
    """
    with EndRequest() as request:
        return _run(duration_s, port, plug_port, is_plain, log_dir, request)


def _run(
    duration_s: float, port: int | None, plug_port: int | None, is_plain: bool,
    log_dir: pathlib.Path | None, request: EndRequest,
) -> int:
    claimed = claim()
    is_own_domain = not os.environ.get('ROS_DOMAIN_ID')
    if is_own_domain:
        os.environ['ROS_DOMAIN_ID'] = str(claimed.number)
    # Simulated power control must never leave the machine.
    os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] = 'LOCALHOST'
    keeps_logs = log_dir is not None
    if log_dir is not None:
        log_dir.mkdir(parents=True, exist_ok=True)
    else:
        log_dir = pathlib.Path(tempfile.mkdtemp(prefix='gi3-demo-'))
    os.environ.setdefault('ROS_LOG_DIR', str(log_dir / 'ros'))
    os.environ['RCUTILS_COLORIZED_OUTPUT'] = '0'
    os.environ['PYTHONUNBUFFERED'] = '1'

    console = Console(highlight=False)
    picture = Picture(duration_s + USUALLY_BESIDE_TRANSFER_S)
    picture.hint = f'to look on: ROS_DOMAIN_ID={os.environ["ROS_DOMAIN_ID"]} ros2 topic list'
    display = display_for(console, picture, is_plain=is_plain, on_leave=request.interrupt)
    run = Demo(
        duration_s=duration_s, can_port=port or claimed.can_port,
        plug_port=plug_port or claimed.plug_port, log_dir=log_dir, picture=picture,
        display=display, request=request,
    )
    with claimed.socket:
        try:
            with display, _stderr_into(log_dir / 'demo.log'):
                run.run()
        except OSError as error:
            run.outcome.failures.append(str(error))
        # Without a reader nobody can be told anything, and nothing runs any more.
        with contextlib.suppress(OSError, SystemExit):
            if not display.is_stuck:
                print_summary(console, run.summary(), is_plain=display.is_plain)
                if run.outcome.failures:
                    console.print(f'logs        {log_dir}', markup=False, soft_wrap=True)
    if not run.outcome.failures and not keeps_logs:
        shutil.rmtree(log_dir, ignore_errors=True)
    return run.status
