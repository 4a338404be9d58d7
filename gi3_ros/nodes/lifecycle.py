"""
What all nodes have in common: their life, their tick, their parameters, and how a process ends.

A lifecycle node of this package listens and shows while inactive, and sends only while active.
Every way out of active (deactivate, an error, a signal) sends the safe state first.
"""

import contextlib
import dataclasses
import signal
import sys
import threading
import time
import traceback

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
import rclpy
from rclpy.exceptions import (
    InvalidParameterTypeException,
    InvalidParameterValueException,
    NameValidationException,
)
from rclpy.executors import ExternalShutdownException
from rclpy.lifecycle import LifecycleNode, TransitionCallbackReturn
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rclpy.time import Time

from .. import convert
from ..core.config import entries_of
from ..parameter_files import UnusableParameters
from ..priority import raise_priority
from .arguments import check_taken, REFUSALS, start_ros, UNUSABLE, words_of
from .executor import make_executor

EVENTS = QoSProfile(depth=10, reliability=ReliabilityPolicy.RELIABLE)
"""For what must arrive in order; a late joiner gets nothing old."""
LATCHED = QoSProfile(
    depth=1, reliability=ReliabilityPolicy.RELIABLE, durability=DurabilityPolicy.TRANSIENT_LOCAL,
)
"""For states that a late joiner wants to know; repeated at 1 Hz as well, for played bags."""

OLDEST_S = 5.0
FUTURE_S = 0.5
SAFE_WITHIN_S = 2.0
"""A process that is asked to end waits no longer than this for the current to go."""
END_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
"""A closed terminal (SIGHUP) must not leave a charge without its charger either."""
REST_POLL_S = 0.01
FLUSH_S = 0.05
"""For the last message of a node to reach those who act on it."""


class CannotConfigure(Exception):
    """The node cannot be configured; the text says what to change."""


@dataclasses.dataclass(frozen=True)
class Parameter:
    """One parameter: default, unit and range in words and numbers."""

    name: str
    default: object
    description: str
    low: float | None = None
    high: float | None = None

    def declare_on(self, node, *, found=None):
        """
        Declare it, read-only: safety hangs on these, and a running charge keeps its rules.

        :param found: a value from elsewhere (the controller's own configuration), which holds
        :raises ValueError: when the parameter was given a value, too, and a different one
        """
        descriptor = ParameterDescriptor(description=self.description)
        if isinstance(self.default, float) and self.low is not None:
            descriptor.floating_point_range = [
                FloatingPointRange(from_value=self.low, to_value=self.high)
            ]
        elif (isinstance(self.default, int) and not isinstance(self.default, bool)
                and self.low is not None):
            descriptor.integer_range = [
                IntegerRange(from_value=self.low, to_value=self.high, step=1)
            ]
        if found is not None:
            given = self._declare(node, descriptor).value
            node.undeclare_parameter(self.name)
            # A parameters file may spell out defaults: that is no second opinion.
            if given not in (self.default, found):
                raise ValueError(
                    f'{self.name} is {given} as a parameter and {found} in the configuration of '
                    'the controller: give it once'
                )
        descriptor.read_only = True
        if found is None:
            self._declare(node, descriptor)
        else:
            node.declare_parameter(self.name, found, descriptor, ignore_override=True)

    def _declare(self, node, descriptor):
        try:
            return node.declare_parameter(self.name, self.default, descriptor)
        except (InvalidParameterTypeException, InvalidParameterValueException) as error:
            kind = next(words for kind, words in _KINDS if isinstance(self.default, kind))
            within = '' if self.low is None else f', {self.low:g} .. {self.high:g}'
            # rclpy has the name once more behind its own words.
            why = str(error).rpartition(':')[0]
            raise ValueError(
                f'{node.get_fully_qualified_name()}: {self.name} has to be {kind}{within}: {why}'
            ) from error


_KINDS = (
    (bool, 'true or false'), (int, 'a whole number'),
    (float, 'a number with a point, such as 120.0'), (str, 'a text'),
    (list, 'a list, such as [1, 2] or [left, right]'),
)


def parameters_of(cls):
    """Return the parameters for a configuration class of the core."""
    return tuple(
        Parameter(field.name, field.default, field.metadata['meaning'],
                  field.metadata['low'], field.metadata['high'])
        for field in entries_of(cls)
    )


AUTOSTART = Parameter(
    'autostart', False,
    'Configure and activate by itself at the start; a launch file does it instead by transitions.',
)


class ChargerNode(LifecycleNode):
    """
    A lifecycle node that says why it failed and goes safe whenever it leaves active.

    A subclass names its ``PARAMETERS`` and fills in :meth:`build`, :meth:`start`, :meth:`stop`
    and :meth:`tear_down`; :meth:`tick` runs every ``TICK_S`` in a thread of its own from
    configure to cleanup, with :attr:`lock` held.
    """

    PARAMETERS = ()
    TICK_S = None

    def __init__(self, name, **options):
        super().__init__(name, **options)
        AUTOSTART.declare_on(self)
        self.declare()
        self.lock = threading.RLock()
        """Held while the core is used: callbacks and the tick run in different threads."""
        self.is_active = False
        self.failure = ''
        """Why it fell silent by a failure of its own, until it is configured anew."""
        self._entities = []
        self._is_built = False
        """False from cleanup on: what was waiting in the executor then finds nothing any more."""
        self._tick_stop = threading.Event()
        self._tick_thread = None

    # What a node fills in

    def declare(self):
        """Declare the parameters; ``ValueError`` for one that is unusable."""
        for parameter in self.PARAMETERS:
            parameter.declare_on(self)

    def build(self):
        """Create the core and the entities; raise :class:`CannotConfigure` with words."""

    def start(self):
        """Begin to send."""

    def stop(self):
        """Send the safe state, once; nothing is sent after it."""

    def tear_down(self):
        """Release what :meth:`build` took besides the entities."""

    def tick(self):
        """Decide and publish."""

    def begin_safe_stop(self):
        """Bring everything to rest: the process is about to end."""

    @property
    def is_at_rest(self):
        """Whether the process may end."""
        return True

    # Transitions

    def on_configure(self, _state):
        """Create everything; listen and show."""
        return self._guard(self._configure)

    def on_activate(self, _state):
        """Begin to send."""
        return self._guard(self._activate)

    def on_deactivate(self, _state):
        """Send the safe state, then nothing."""
        return self._guard(self._deactivate)

    def on_cleanup(self, _state):
        """Release everything."""
        return self._guard(self._clean_up)

    def on_shutdown(self, _state):
        """Send the safe state and release everything."""
        return self._guard(self._clean_up)

    def on_error(self, _state):
        """Go back to unconfigured after an error, safely."""
        return self._guard(self._clean_up)

    def _configure(self):
        self.failure = ''
        try:
            if self.value('use_sim_time'):
                raise CannotConfigure(
                    'use_sim_time is set: the age of what it hears cannot be told, unset it'
                )
            self.build()
            self._is_built = True
        except (CannotConfigure, NameValidationException) as error:
            self.get_logger().error(f'cannot be configured: {words_of(error)}')
            self._clean_up()
            return TransitionCallbackReturn.FAILURE
        if self.TICK_S is not None:
            self._tick_stop.clear()
            self._tick_thread = threading.Thread(
                target=self._tick_for_ever, name=f'{self.get_name()} tick', daemon=True,
            )
            self._tick_thread.start()
        return TransitionCallbackReturn.SUCCESS

    def _activate(self):
        if self.failure:
            self.get_logger().error(f'{self.failure}: clean it up and configure it first')
            return TransitionCallbackReturn.FAILURE
        with self.lock:
            self.start()
            self.is_active = True
        return TransitionCallbackReturn.SUCCESS

    def _deactivate(self):
        with self.lock:
            if self.is_active:
                self.stop()
                self.is_active = False
        return TransitionCallbackReturn.SUCCESS

    def _clean_up(self):
        self._deactivate()
        self._is_built = False
        self._tick_stop.set()
        if self._tick_thread is not None:
            self._tick_thread.join()
            self._tick_thread = None
        self.tear_down()
        for destroy, entity in self._entities:
            destroy(entity)
        self._entities.clear()
        return TransitionCallbackReturn.SUCCESS

    def _guard(self, transition):
        # rclpy turns an exception here into the error state without a word about it.
        try:
            return transition()
        except Exception:
            self.get_logger().fatal(f'{transition.__name__}: {traceback.format_exc()}')
            self._go_safe()
            return TransitionCallbackReturn.ERROR

    def _fall_silent(self, where):
        """Log a failure of our own and go safe; the process and its other nodes go on."""
        if not self.context.ok() or self.failure:
            return
        self.failure = f'{where} failed: {sys.exc_info()[1]!r}'
        self.get_logger().fatal(
            f'{where} failed, this node sends nothing any more: {traceback.format_exc()}'
        )
        self._go_safe()

    def _go_safe(self):
        with self.lock:
            was_active, self.is_active = self.is_active, False
            if was_active:
                try:
                    self.stop()
                except Exception:
                    self.get_logger().fatal(f'no safe state: {traceback.format_exc()}')

    # The tick

    def _tick_for_ever(self):
        due_s = time.monotonic()
        while not self._tick_stop.is_set():
            try:
                with self.lock:
                    self.tick()
            except Exception:
                self._fall_silent('tick')
                return
            due_s = max(due_s + self.TICK_S, time.monotonic())
            self._tick_stop.wait(due_s - time.monotonic())

    # Help for subclasses

    def value(self, name):
        """Return the value of a parameter."""
        return self.get_parameter(name).value

    def config(self, cls, **more):
        """
        Build a configuration dataclass from the parameters of the same names.

        :raises CannotConfigure: when it refuses a value
        """
        names = {field.name for field in dataclasses.fields(cls)} - set(more)
        try:
            return cls(**{
                name: self.value(name) for name in names if self.has_parameter(name)
            }, **more)
        except ValueError as error:
            raise CannotConfigure(str(error)) from error

    def now(self):
        """Return the ROS time for a stamp."""
        return self.get_clock().now().to_msg()

    def true_at_s(self, header):
        """
        Return when a message's content was true, in monotonic seconds; ``None`` if too long ago.

        What waited in a queue is as old as it is, not as new as its callback.
        """
        age_s = (self.get_clock().now() - Time.from_msg(
            header.stamp, clock_type=self.get_clock().clock_type)).nanoseconds / 1e9
        if not -FUTURE_S < age_s < OLDEST_S:
            self.get_logger().warning(
                f'a message is {age_s:.1f} s old and is not used: do the clocks of the hosts '
                'differ?', throttle_duration_sec=5.0,
            )
            return None
        return time.monotonic() - max(0.0, age_s)

    def publisher(self, ros_type, topic, qos=EVENTS):
        """Create a publisher that lives until cleanup."""
        publisher = self.create_publisher(ros_type, topic, qos)
        self._entities.append((self.destroy_publisher, publisher))
        return publisher

    def subscribe(self, ros_type, topic, callback, qos=EVENTS):
        """
        Subscribe until cleanup; ``callback(message, true_at_s)`` runs with the lock held.

        A message that is too old, or that the callback refuses with ``ValueError``, is not used
        and says so. One without a header is true when it comes.
        """
        def guarded(message):
            if not self._is_built:
                return
            has_header = hasattr(message, 'header')
            true_at_s = self.true_at_s(message.header) if has_header else time.monotonic()
            if true_at_s is None:
                return
            try:
                with self.lock:
                    callback(message, true_at_s)
            except ValueError as error:
                self.get_logger().warning(f'{topic}: {error}', throttle_duration_sec=5.0)
            except Exception:
                self._fall_silent(topic)

        subscription = self.create_subscription(ros_type, topic, guarded, qos)
        self._entities.append((self.destroy_subscription, subscription))

    def subscribe_signals(self, cls, callback):
        """Subscribe to a frame of the interface; ``callback(signals, true_at_s)``."""
        self.subscribe(
            convert.ROS_TYPES[cls], cls.TOPIC,
            lambda message, true_at_s: callback(convert.from_ros(message), true_at_s),
        )

    def serve(self, ros_type, name, handle):
        """
        Offer a service until cleanup.

        ``handle(request, response)`` returns words; a ``ValueError`` is a refusal with words.
        """
        def answer(request, response):
            try:
                with self.lock:
                    if not self.is_active:
                        raise ValueError(f'{self.get_name()} is not active')
                    response.message = handle(request, response)
                response.success = True
            except ValueError as error:
                response.success = False
                response.message = str(error)
                self.get_logger().warning(f'{name} refused: {error}')
            except Exception:
                self._fall_silent(name)
                response.success = False
                response.message = f'{self.get_name()} failed, see its log; it is safe and silent'
            return response

        service = self.create_service(ros_type, name, answer)
        self._entities.append((self.destroy_service, service))

    def every(self, period_s, callback):
        """Call back periodically until cleanup, from the executor."""
        def guarded():
            if not self._is_built:
                return
            try:
                callback()
            except Exception:
                self._fall_silent('timer')

        timer = self.create_timer(period_s, guarded)
        self._entities.append((self.destroy_timer, timer))

    def diagnostic(self, part, words, *, level=DiagnosticStatus.OK, hardware_id='', values=None):
        """
        Return a status for /diagnostics; a failure of our own holds over what is given.

        Its name is that of the node with its namespace, as an aggregator takes two statuses of
        one name for the same.
        """
        if self.failure:
            level, words = DiagnosticStatus.ERROR, self.failure
        return DiagnosticStatus(
            name=f'{self.get_fully_qualified_name().lstrip("/")}: {part}', level=level,
            message=words, hardware_id=hardware_id or self.get_namespace(),
            values=[KeyValue(key=key, value=str(value)) for key, value in (values or {}).items()])

    def diagnose_every_second(self, diagnose):
        """Publish what ``diagnose()`` returns on /diagnostics, a list of statuses, at 1 Hz."""
        publisher = self.publisher(DiagnosticArray, '/diagnostics')

        def publish():
            array = DiagnosticArray(status=diagnose())
            array.header.stamp = self.now()
            publisher.publish(array)

        self.every(1.0, publish)

    def tell(self, journal):
        """Write a journal's new entries to the log."""
        for entry in journal.drain():
            # rclpy remembers the severity of a call site, so each needs its own.
            if entry.level == 'error':
                self.get_logger().error(entry.text)
            elif entry.level == 'warning':
                self.get_logger().warning(entry.text)
            else:
                self.get_logger().info(entry.text)


def run(make_nodes, *, is_whole=False):
    """
    Run nodes in one process until SIGINT or SIGTERM, then bring them to rest.

    :param make_nodes: called once ROS is up; yields the nodes, the gateway first if there is one
    :param is_whole: whether they are all nodes of a charger, so that a parameter that none of them
        takes is taken by nobody
    :returns: exit status: 0 after a requested end, 1 when a node could not start, 2 when an
        argument or a parameter is unusable
    """
    ending, ended, failures = threading.Event(), threading.Event(), []
    try:
        start_ros()
    except UnusableParameters as error:
        print(f'gi3_ros: {error}', file=sys.stderr)
        return UNUSABLE
    for number in END_SIGNALS:
        # nohup: who started us may want us to outlive the terminal.
        if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, lambda *_: ending.set())
    nodes, threads = [], []
    try:
        try:
            nodes.extend(make_nodes())
            check_taken(nodes, is_whole=is_whole)
            executors = [make_executor() for _ in nodes]
        except REFUSALS as error:
            print(f'gi3_ros: unusable parameter: {words_of(error)}', file=sys.stderr)
            return UNUSABLE
        for node in nodes:
            if not node.value('autostart'):
                node.get_logger().info(
                    'unconfigured: waits for lifecycle transitions, or start it with '
                    '--ros-args -p autostart:=true, behind --params-file if there is one'
                )
            elif not _start(node):
                return 1
        for node, executor in zip(nodes, executors, strict=True):
            threads.append(threading.Thread(
                target=_spin, args=(node, executor, ending, ended, failures),
                name=node.get_name(),
            ))
            threads[-1].start()
        is_raised = False
        while not ending.wait(0.1):
            if not is_raised and any(node.is_active for node in nodes):
                is_raised, ordinary = True, raise_priority()
                if ordinary:
                    nodes[0].get_logger().warning(ordinary)
        _come_to_rest(nodes)
        return 1 if failures else 0
    finally:
        # Ctrl-C reaches a launched process twice; the second must not hit the interpreter's end.
        for number in END_SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        ended.set()
        for thread in threads:
            thread.join()
        for node in reversed(nodes):
            with contextlib.suppress(Exception):
                node.trigger_shutdown()
            node.destroy_node()
        rclpy.try_shutdown()


def _spin(node, executor, ending, ended, failures):
    """
    Run one node's callbacks.

    Each node has an executor of its own: a node that hangs holds up no other, and what a
    single-threaded one costs for a message grows with the number of entities that it waits for.
    """
    executor.add_node(node)
    try:
        while not ended.is_set():
            executor.spin_once(timeout_sec=0.1)
    except ExternalShutdownException:
        ending.set()
    except Exception:
        print(traceback.format_exc(), file=sys.stderr)
        failures.append(node)
        ending.set()
    finally:
        executor.shutdown()


def _start(node):
    for transition in (node.trigger_configure, node.trigger_activate):
        if transition() != TransitionCallbackReturn.SUCCESS:
            node.get_logger().fatal('could not be started, see above')
            return False
    return True


def _come_to_rest(nodes):
    """Take the power away, let the current go, open; bounded, as a dead peer must not hold us."""
    for node in nodes:
        with node.lock:
            node.begin_safe_stop()
    deadline_s = time.monotonic() + SAFE_WITHIN_S
    # The first node carries the words of the others to the bus, so it falls silent last.
    for node in reversed(nodes):
        while time.monotonic() < deadline_s and not node.is_at_rest:
            time.sleep(REST_POLL_S)
        node._guard(node._deactivate)
        time.sleep(FLUSH_S)
