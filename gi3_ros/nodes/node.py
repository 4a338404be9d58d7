# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
What all nodes have in common: their life, their tick, and how they listen, answer and fail.

A lifecycle node of this package listens and shows while inactive, and sends only while active.
Every way out of active (deactivate, an error, a signal) sends the safe state first.
"""

from collections.abc import Callable, Mapping
import dataclasses
import math
import sys
import threading
import time
import traceback
from typing import Any, TYPE_CHECKING, TypeVar

from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.exceptions import NameValidationException
from rclpy.lifecycle import LifecycleNode, TransitionCallbackReturn
from rclpy.publisher import Publisher
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from std_msgs.msg import Header

from .. import convert
from ..core.interface.layout import Message
from ..core.journal import Journal
from .alarm import Alarm
from .arguments import words_of
from .parameters import AUTOSTART, Parameter

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar('T', bound='DataclassInstance')

EVENTS = QoSProfile(depth=10, reliability=ReliabilityPolicy.RELIABLE)
"""For what must arrive in order; a late joiner gets nothing old."""
LATCHED = QoSProfile(
    depth=1, reliability=ReliabilityPolicy.RELIABLE, durability=DurabilityPolicy.TRANSIENT_LOCAL,
)
"""For states that a late joiner wants to know; repeated at 1 Hz as well, for played bags."""

OLDEST_S = 5.0
FUTURE_S = 0.5
EARLY_S = 0.02
"""What is repeated may go out so much sooner, with a decision that is made anyway."""
SHORTEST_S = 1e-3
"""Between two decisions without news: what cannot be done now does not keep a processor busy."""


class CannotConfigure(Exception):
    """The node cannot be configured; the text says what to change."""


class ChargerNode(LifecycleNode):
    """
    A lifecycle node that says why it failed and goes safe whenever it leaves active.

    A subclass names its ``PARAMETERS`` and fills in :meth:`build`, :meth:`start`, :meth:`stop`
    and :meth:`tear_down`. While it is active :meth:`tick` runs whenever :attr:`due_s` says so,
    with :attr:`lock` held: in the thread that brings news, else in a thread of its own, so that
    what falls silent is noticed whatever the executor does.
    """

    PARAMETERS: tuple[Parameter, ...] = ()

    def __init__(self, name: str, **options: Any) -> None:
        super().__init__(name, **options)
        AUTOSTART.declare_on(self)
        self.declare()
        self.lock = threading.RLock()
        """Held while the core is used: callbacks and the tick run in different threads."""
        self.is_active = False
        self.failure = ''
        """Why it fell silent by a failure of its own, until it is configured anew."""
        self._entities: list[tuple[Callable[[Any], object], Any]] = []
        self._is_built = False
        """False from cleanup on: what was waiting in the executor then finds nothing any more."""
        self._alarm = Alarm(self._ring)

    # What a node fills in

    def declare(self) -> None:
        """Declare the parameters; ``ValueError`` for one that is unusable."""
        for parameter in self.PARAMETERS:
            parameter.declare_on(self)

    def build(self) -> None:
        """Create the core and the entities; raise :class:`CannotConfigure` with words."""

    def start(self) -> None:
        """Begin to send."""

    def stop(self) -> None:
        """Send the safe state, once; nothing is sent after it."""

    def tear_down(self) -> None:
        """Release what :meth:`build` took besides the entities."""

    @property
    def due_s(self) -> float:
        """When :meth:`tick` has something to do next, if nothing is heard: monotonic seconds."""
        return math.inf

    def tick(self, *, now_s: float) -> None:
        """Decide and publish; the lock is held."""

    def begin_safe_stop(self) -> None:
        """Bring everything to rest: the process is about to end."""

    @property
    def is_at_rest(self) -> bool:
        """Whether the process may end."""
        return True

    # Transitions

    def on_configure(self, _state: object) -> TransitionCallbackReturn:
        """Create everything; listen and show."""
        return self._guard(self._configure)

    def on_activate(self, _state: object) -> TransitionCallbackReturn:
        """Begin to send."""
        return self._guard(self._activate)

    def on_deactivate(self, _state: object) -> TransitionCallbackReturn:
        """Send the safe state, then nothing."""
        return self._guard(self._deactivate)

    def on_cleanup(self, _state: object) -> TransitionCallbackReturn:
        """Release everything."""
        return self._guard(self._clean_up)

    def on_shutdown(self, _state: object) -> TransitionCallbackReturn:
        """Send the safe state and release everything."""
        return self._guard(self._clean_up)

    def on_error(self, _state: object) -> TransitionCallbackReturn:
        """Go back to unconfigured after an error, safely."""
        return self._guard(self._clean_up)

    def _configure(self) -> TransitionCallbackReturn:
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
        self._alarm.start(f'{self.get_name()} tick')
        with self.lock:
            self._go_on()
        return TransitionCallbackReturn.SUCCESS

    def leave_active(self) -> None:
        """Send the safe state, as at the end of the process; what fails is logged."""
        self._guard(self._deactivate)

    def _activate(self) -> TransitionCallbackReturn:
        if self.failure:
            self.get_logger().error(f'{self.failure}: clean it up and configure it first')
            return TransitionCallbackReturn.FAILURE
        with self.lock:
            self.start()
            self.is_active = True
            self._go_on()
        return TransitionCallbackReturn.SUCCESS

    def _deactivate(self) -> TransitionCallbackReturn:
        with self.lock:
            if self.is_active:
                self.stop()
                self.is_active = False
        return TransitionCallbackReturn.SUCCESS

    def _clean_up(self) -> TransitionCallbackReturn:
        self._deactivate()
        self._is_built = False
        self._alarm.stop()
        self.tear_down()
        for destroy, entity in self._entities:
            destroy(entity)
        self._entities.clear()
        return TransitionCallbackReturn.SUCCESS

    def _guard(
        self, transition: Callable[[], TransitionCallbackReturn],
    ) -> TransitionCallbackReturn:
        # rclpy turns an exception here into the error state without a word about it.
        try:
            return transition()
        except Exception:
            self.get_logger().fatal(f'{transition.__name__}: {traceback.format_exc()}')
            self._go_safe()
            return TransitionCallbackReturn.ERROR

    def _fall_silent(self, where: str) -> None:
        """Log a failure of our own and go safe; the process and its other nodes go on."""
        if not self.context.ok() or self.failure:
            return
        self.failure = f'{where} failed: {sys.exc_info()[1]!r}'
        self.get_logger().fatal(
            f'{where} failed, this node sends nothing any more: {traceback.format_exc()}'
        )
        self._go_safe()

    def _go_safe(self) -> None:
        with self.lock:
            was_active, self.is_active = self.is_active, False
            if was_active:
                try:
                    self.stop()
                except Exception:
                    self.get_logger().fatal(f'no safe state: {traceback.format_exc()}')

    # The tick

    @property
    def is_ticking(self) -> bool:
        """Whether :meth:`tick` is to run."""
        return self.is_active

    def _ring(self) -> None:
        with self.lock:
            self._go_on()

    def come_to_rest(self) -> None:
        """Begin to bring everything to rest, at once; see :attr:`is_at_rest`."""
        with self.lock:
            self.begin_safe_stop()
            self._go_on(at_once=True)

    def _go_on(self, *, at_once: bool = False) -> None:
        """Decide if that is due, and see to it that the next decision comes in time."""
        if not self.is_ticking:
            return
        now_s = time.monotonic()
        try:
            if at_once or self.due_s <= now_s:
                self.tick(now_s=now_s)
            self._alarm.set(max(self.due_s, now_s + SHORTEST_S))
        except Exception:
            self._fall_silent('tick')

    # Help for subclasses

    def value(self, name: str) -> Any:
        """Return the value of a parameter."""
        return self.get_parameter(name).value

    def config(self, cls: type[T], **more: object) -> T:
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

    def now(self) -> Time:
        """Return the ROS time for a stamp."""
        return convert.to_stamp(time.time_ns())

    def true_at_s(self, header: Header) -> float | None:
        """
        Return when a message's content was true, in monotonic seconds; ``None`` if too long ago.

        What waited in a queue is as old as it is, not as new as its callback.
        """
        # The ROS time of a node without use_sim_time, without the objects of rclpy: they took an
        # eighth of the processor time.
        age_s = (time.time_ns() - convert.nanoseconds(header.stamp)) / 1e9
        if not -FUTURE_S < age_s < OLDEST_S:
            self.get_logger().warning(
                f'a message is {age_s:.1f} s old and is not used: do the clocks of the hosts '
                'differ?', throttle_duration_sec=5.0,
            )
            return None
        return time.monotonic() - max(0.0, age_s)

    def publisher(self, ros_type: type, topic: str, qos: QoSProfile = EVENTS) -> Publisher:
        """Create a publisher that lives until cleanup."""
        publisher = self.create_publisher(ros_type, topic, qos)
        self._entities.append((self.destroy_publisher, publisher))
        return publisher

    @staticmethod
    def is_heard(publisher: Publisher) -> bool:
        """
        Tell whether anybody listens now, for a topic that leaves nothing to those who come later.

        Asking takes a tenth of the time of a message that nobody hears.
        """
        count: int = publisher.get_subscription_count()
        return count > 0

    def subscribe(
        self, ros_type: type, topic: str, callback: Callable[[Any, float], object],
        qos: QoSProfile = EVENTS,
    ) -> None:
        """
        Subscribe until cleanup; ``callback(message, true_at_s)`` runs with the lock held.

        A message that is too old, or that the callback refuses with ``ValueError``, is not used
        and says so. One without a header is true when it comes.
        """
        def guarded(message: Any) -> None:
            if not self._is_built:
                return
            has_header = hasattr(message, 'header')
            true_at_s = self.true_at_s(message.header) if has_header else time.monotonic()
            if true_at_s is None:
                return
            with self.lock:
                try:
                    callback(message, true_at_s)
                except ValueError as error:
                    self.get_logger().warning(f'{topic}: {error}', throttle_duration_sec=5.0)
                except Exception:
                    self._fall_silent(topic)
                self._go_on()

        subscription = self.create_subscription(ros_type, topic, guarded, qos)
        self._entities.append((self.destroy_subscription, subscription))

    def subscribe_signals(
        self, cls: type[Message], callback: Callable[[Message, float], object],
    ) -> None:
        """Subscribe to a frame of the interface; ``callback(signals, true_at_s)``."""
        self.subscribe(
            convert.ROS_TYPES[cls], cls.TOPIC,
            lambda message, true_at_s: callback(convert.from_ros(message), true_at_s),
        )

    def serve(self, ros_type: type, name: str, handle: Callable[[Any, Any], str]) -> None:
        """
        Offer a service until cleanup.

        ``handle(request, response)`` returns words; a ``ValueError`` is a refusal with words.
        """
        def answer(request: Any, response: Any) -> Any:
            try:
                with self.lock:
                    if not self.is_active:
                        raise ValueError(f'{self.get_name()} is not active')
                    response.message = handle(request, response)
                    self._go_on()
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

    def every(self, period_s: float, callback: Callable[[], object]) -> None:
        """Call back periodically until cleanup, from the executor."""
        def guarded() -> None:
            if not self._is_built:
                return
            try:
                callback()
            except Exception:
                self._fall_silent('timer')

        timer = self.create_timer(period_s, guarded)
        self._entities.append((self.destroy_timer, timer))

    def diagnostic(
        self, part: str, words: str, *, level: bytes = DiagnosticStatus.OK, hardware_id: str = '',
        values: Mapping[str, object] | None = None,
    ) -> DiagnosticStatus:
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

    def diagnose_every_second(self, diagnose: Callable[[], list[DiagnosticStatus]]) -> None:
        """Publish what ``diagnose()`` returns on /diagnostics, a list of statuses, at 1 Hz."""
        publisher = self.publisher(DiagnosticArray, '/diagnostics')

        def publish() -> None:
            array = DiagnosticArray(status=diagnose())
            array.header.stamp = self.now()
            publisher.publish(array)

        self.every(1.0, publish)

    def tell(self, journal: Journal) -> None:
        """Write a journal's new entries to the log."""
        for entry in journal.drain():
            # rclpy remembers the severity of a call site, so each needs its own.
            if entry.level == 'error':
                self.get_logger().error(entry.text)
            elif entry.level == 'warning':
                self.get_logger().warning(entry.text)
            else:
                self.get_logger().info(entry.text)
