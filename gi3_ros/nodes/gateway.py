"""
gateway: the only one who writes to the bus.

Every frame of the interface becomes a typed topic of its pistol; typed messages for the
controller become frames, each exactly once and only while fresh. It has no opinion about power.
Inactive it listens and shows, and sends nothing. Both ends are held to the rules of the interface
on the way; who breaks one is named in the log and in the diagnostics, and nothing else follows.
"""

import collections
import dataclasses
import functools
import math
import operator
import threading
import time
import traceback

from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.duration import Duration

from .. import convert
from ..bus import Bus, BusError
from ..core.hardware import COMMAND_TIMEOUT_S
from ..core.interface import codec, signals
from ..core.journal import FRESH_FINDING_S, Journal
from ..core.rules.judge import Rules, TICK_S
from ..core.spacing import Spacing
from ..core.timing import MEASUREMENT_MAX_AGE_S
from .lifecycle import CannotConfigure, ChargerNode, EVENTS, Parameter, run

RECEIVE_TIMEOUT_S = 0.1
"""Bounds how long the receive thread needs to notice that it shall end."""
MAX_AGE_S = MEASUREMENT_MAX_AGE_S + 0.1
"""Older words for the controller are not sent: a reading may be this old, the way included."""
QUIET_S = 0.25
"""When nobody has had a word for the controller for this long, nobody will: R2 asks for 0.1 s."""
OTHER_CLOCK_S = 60.0
"""An adapter whose stamps are further away than this has a clock of its own; what has merely
waited keeps its age."""
MOST_FRAMES_PER_S = 400
"""Of one pistol; several times what both ends have to say."""
MOST_IDS = 8
"""Of a newer version are named in the diagnostics."""
OWN_FRAMES = 64
"""How many of our own frames are remembered to know their echoes, on a bus that has echoes."""
SPACED = {signals.DcPowerParameters: False, signals.SequenceControl: True}
"""
What goes out no faster than :data:`~..core.spacing.SPACING_S`, and whether each change of it does.

Not Power_Modules_Status: a withdrawal of System_Enable waits for nothing, and of several that
arrive together the newest is the last.
"""


@dataclasses.dataclass
class Counters:
    """What went over the bus since configure."""

    received: int = 0
    sent: int = 0
    not_sent: int = 0
    bad: int = 0
    foreign: int = 0
    newer: int = 0
    """Of this interface's family, with a number that v3.2 does not have: ignored (1.4.3)."""
    bus_errors: int = 0


class Judge:
    """
    Holds one pistol to the rules; frames come from two threads.

    In a flood of frames it looks away, and begins anew after it: what keeps the charger going has
    precedence. For the same reason a fault of its own ends the judging, and nothing else.

    :param report: called with each new finding
    :param give_up: called once with the traceback of such a fault
    """

    def __init__(self, report, give_up):
        self.counts = collections.Counter()
        """How often which end broke which rule since configure; observations apart."""
        self.last = None
        """The last breach."""
        self.is_flooded = False
        self.fault = ''
        """Why nobody is judged any more, until the next configure."""
        self._frames = 0
        self._ticked_s = 0.0
        self._report = report
        self._give_up = give_up
        self._lock = threading.Lock()
        self.begin_anew()

    def begin_anew(self):
        """Forget what was heard: until now frames may have been missed."""
        with self._lock:
            self._rules = Rules()

    def take(self, decoded, now_s):
        """Take a frame of the bus, or one of ours that went out."""
        self._frames += 1
        elapsed_s = max(TICK_S, now_s - self._ticked_s)
        if self.is_flooded or self._frames > MOST_FRAMES_PER_S * elapsed_s:
            self.is_flooded = True
            return
        self._judge(lambda rules: (
            rules.receive if isinstance(decoded, codec.Received) else rules.reject)(
                decoded, now_s=now_s))

    def tick(self, now_s):
        """Look for what should have come by now; every :data:`~.rules.TICK_S`."""
        is_calm = self._frames <= MOST_FRAMES_PER_S * max(TICK_S, now_s - self._ticked_s)
        self._frames, self._ticked_s = 0, now_s
        if not self.is_flooded:
            self._judge(lambda rules: rules.tick(now_s=now_s))
        elif is_calm:
            self.begin_anew()
            self.is_flooded = False

    def _judge(self, ask):
        with self._lock:
            if self.fault:
                return
            try:
                for finding in ask(self._rules):
                    if finding.is_observation:
                        self.counts[f'{finding.rule} {finding.who}, observations'] += 1
                    else:
                        self.counts[f'{finding.rule} {finding.who}'] += 1
                        self.last = finding
                    self._report(finding)
            except Exception as error:
                # Whoever charges does not need it: this may be what a peer's frames can cause.
                self.fault = f'{type(error).__name__}: {error}'
                self._give_up(traceback.format_exc())


class Gateway(ChargerNode):
    """The bridge between one CAN bus and the topics of its pistols."""

    TICK_S = 0.02
    """What waits for its distance on the bus waits no longer than this for its turn."""
    PARAMETERS = (
        Parameter('interface', 'udp_multicast',
                  'python-can interface: socketcan, udp_multicast (this machine only), ..'),
        Parameter('channel', '', 'its channel: can0, vcan0, a multicast group, ..'),
        Parameter('bitrate', 0,
                  'bit/s for adapters that set it themselves, 0 leaves it as it is; '
                  'the interface runs at 500000', 0, 1_000_000),
        Parameter('port', 0, 'UDP port, udp_multicast only; 0 is the default of python-can',
                  0, 65535),
        Parameter('pistols', ['pistol1'], 'namespace of each pistol on this bus'),
        Parameter('indices', [1], "each pistol's index in the controller's configuration, 1..31"),
    )

    def __init__(self, **options):
        super().__init__('gateway', **options)
        self._bus = None
        self._receiver = None
        self._receiving = False
        self._asked_to_send_s = -math.inf
        self._outputs_high_s = {}
        self._spacings = {}

    def build(self):
        pistols, indices = list(self.value('pistols')), list(self.value('indices'))
        if len(pistols) != len(indices) or not pistols:
            raise CannotConfigure(
                f'{len(pistols)} pistols and {len(indices)} indices: give one index a pistol'
            )
        for names in (pistols, indices):
            if len(set(names)) != len(names):
                raise CannotConfigure(f'{names}: each may appear once')
        for index in indices:
            if not codec.INDEX_MIN <= index <= codec.INDEX_MAX:
                raise CannotConfigure(f'pistol index {index} is not 1..31 (A19)')
        self._journal = Journal()
        self._counters = Counters()
        self._newer_ids = collections.Counter()
        self._found_s = -math.inf
        self._own = collections.deque(maxlen=OWN_FRAMES)
        self._spacings = {
            (index, cls): Spacing(keeps_edges=keeps_edges)
            for index in indices for cls, keeps_edges in SPACED.items()}
        try:
            self._bus = Bus(
                self.value('interface'), self.value('channel'), bitrate=self.value('bitrate'),
                port=self.value('port'), is_family_only=True, waits=True,
                on_event=self._on_bus_event,
            )
        except BusError as error:
            raise CannotConfigure(str(error)) from error
        self._publishers_of = {
            index: self._create_topics(pistol, index)
            for pistol, index in zip(pistols, indices, strict=True)
        }
        self._pistols = dict(zip(indices, pistols, strict=True))
        self._judges = {
            index: Judge(functools.partial(self._blame, pistol),
                         functools.partial(self._give_up_judging, pistol))
            for index, pistol in self._pistols.items()}
        self.diagnose_every_second(self._diagnose)
        self.every(TICK_S, self._watch)
        self._receiving = True
        self._receiver = threading.Thread(
            target=self._receive_for_ever, name='gateway receive', daemon=True,
        )
        self._receiver.start()
        self.get_logger().info(
            f'on {self._bus.name}: '
            + ', '.join(f'{pistol} has index {index}'
                        for pistol, index in zip(pistols, indices, strict=True))
        )

    def tear_down(self):
        self._receiving = False
        if self._receiver is not None:
            self._receiver.join()
            self._receiver = None
        if self._bus is not None:
            self._bus.close()
            self._bus = None

    @property
    def is_at_rest(self):
        # In processes of their own the others are ending too, and not without a last word.
        is_quiet = time.monotonic() - self._asked_to_send_s > QUIET_S
        is_waiting = self._outputs_high_s or any(self._spacings.values())
        return not self.is_active or (is_quiet and not is_waiting)

    def _create_topics(self, pistol, index):
        publishers = {}
        for cls in convert.MESSAGE_CLASSES:
            topic = f'{pistol}/{cls.TOPIC}'
            if cls.FROM_CONTROLLER:
                publishers[cls] = self.publisher(convert.ROS_TYPES[cls], topic, EVENTS)
            else:
                self.subscribe(
                    convert.ROS_TYPES[cls], topic,
                    lambda message, true_at_s, index=index: self._send(message, true_at_s, index),
                )
        return publishers

    # To the controller

    def _send(self, message, true_at_s, index):
        if not self.is_active:
            return
        content = convert.from_ros(message)
        now_s = self._asked_to_send_s = time.monotonic()
        if self._is_too_old(content, true_at_s, now_s):
            return
        if isinstance(content, signals.AdmCsSeccOutputs):
            self._note_outputs(content, true_at_s, index)
        spacing = self._spacings.get((index, type(content)))
        if spacing is not None:
            spacing.offer(content, true_at_s)
            self._send_waiting(spacing, index)
        elif not self._transmit(content, index):
            self._miss(now_s)

    def tick(self):
        """Send what has kept its distance by now."""
        for (index, _), spacing in self._spacings.items():
            if self.is_active:
                self._send_waiting(spacing, index)
            else:
                spacing.clear()

    def _send_waiting(self, spacing: Spacing, index: int) -> None:
        """Send what is due; what the bus does not take is tried again as long as it is fresh."""
        now_s = time.monotonic()
        while (due := spacing.due(now_s=now_s)) is not None:
            if self._is_too_old(due.content, due.true_at_s, now_s):
                spacing.drop()
                continue
            if self._transmit(due.content, index):
                spacing.sent(now_s=time.monotonic())
            return

    def _is_too_old(self, content, true_at_s: float, now_s: float) -> bool:
        age_s = now_s - true_at_s
        if age_s <= MAX_AGE_S:
            return False
        self._miss(now_s)
        # Where the bus is in trouble, that is said, and is the reason.
        why = ': is this machine too busy, do the clocks of the hosts differ?'
        self._journal.finding(
            'too old', f'{content.NAME} is {age_s:.2f} s old, not sent'
            f'{why if self._bus.is_open else ""}', now_s=now_s)
        return True

    def _miss(self, now_s: float) -> None:
        self._counters.not_sent += 1
        if self._bus.is_open:
            # What a bus in trouble does not take is said as long as it is.
            self._found_s = now_s

    def _transmit(self, content, index: int) -> bool:
        """Return whether the bus has taken it."""
        frame = codec.encode(content, index=index)
        if self._bus.echoes:
            self._own.append((frame.can_id, frame.data))
        if not self._bus.send(frame):
            return False
        self._counters.sent += 1
        self._judges[index].take(codec.Received(index, content), time.monotonic())
        return True

    def _note_outputs(self, outputs, true_at_s, index):
        if outputs == signals.AdmCsSeccOutputs():
            self._outputs_high_s.pop(index, None)
        else:
            self._outputs_high_s[index] = true_at_s

    def _watch(self):
        """Look for what should have come by now."""
        now_s = time.monotonic()
        if self._bus.is_open:
            for judge in self._judges.values():
                judge.tick(now_s)
        self._watch_outputs(now_s)

    def _watch_outputs(self, now_s):
        """
        Let relays go whose author has died: the controller would hold them for ever.

        As a driver opens contactors a second after the last command: by then power_control, which
        hears the same silence, has taken the current away.
        """
        with self.lock:
            if not self.is_active:
                return
            for index, true_at_s in list(self._outputs_high_s.items()):
                if now_s - true_at_s > COMMAND_TIMEOUT_S:
                    # A bus that takes nothing now is asked again: a relay may hang on it.
                    if self._transmit(signals.AdmCsSeccOutputs(), index):
                        del self._outputs_high_s[index]
                    else:
                        self._miss(now_s)
                    self._journal.finding(
                        'outputs', f'pistol {index}: nobody has commanded the digital outputs '
                        f'for {now_s - true_at_s:.1f} s, all of them go low: has precharge '
                        'ended?', now_s=now_s)

    # From the bus

    def _receive_for_ever(self):
        while self._receiving:
            try:
                arrived = self._bus.receive(RECEIVE_TIMEOUT_S)
                if arrived is not None:
                    self._on_frame(*arrived)
            except Exception:
                # Nothing on a bus may end reception (design: a peer's misbehaviour is a finding).
                if not self._receiving or not self.context.ok():
                    return
                self.get_logger().error(
                    f'a frame could not be handled: {traceback.format_exc()}',
                    throttle_duration_sec=5.0,
                )

    def _on_frame(self, frame, arrival):
        counters, now_s = self._counters, time.monotonic()
        counters.received += 1
        if frame.is_error:
            counters.bus_errors += 1
            self._journal.finding(
                'error frame',
                f'the bus reports errors{self._bus.describe_errors(frame)}', now_s=now_s)
            return
        received = codec.decode(frame)
        if isinstance(received, codec.Rejected):
            counters.foreign += received.kind is codec.Rejection.FOREIGN
            if received.kind is codec.Rejection.UNKNOWN:
                counters.newer += 1
                self._newer_ids[f'0x{frame.can_id & 0xFFFFFF:05X}'] += 1
            if received.kind is codec.Rejection.SHORT:
                self._find('short frame', received.text, now_s)
                judge = self._judges.get(received.index)
                if judge is not None and received.message_class.FROM_CONTROLLER:
                    judge.take(received, now_s - self._age_s(arrival))
            return
        publishers = self._publishers_of.get(received.index)
        if publishers is None:
            counters.foreign += 1
            return
        message = received.message
        if not message.FROM_CONTROLLER:
            self._on_own_direction(frame, message, now_s)
            return
        if received.undefined:
            # It is shown as it is; whoever controls anything with it checks the label (1.4).
            self._find(
                'undefined label', f'{message.NAME}: {", ".join(received.undefined)} is not '
                'defined in v3.2', now_s,
            )
        if received.unassigned_bits:
            self._find(
                'unassigned bits', f'{message.NAME}: bits {received.unassigned_bits:#x} are set '
                'but not assigned in v3.2', now_s,
            )
        age_s = self._age_s(arrival)
        stamp = (self.get_clock().now() - Duration(seconds=age_s)).to_msg()
        publishers[type(message)].publish(convert.to_ros(message, stamp))
        self._judges[received.index].take(received, now_s - age_s)

    def _on_own_direction(self, frame, message, now_s):
        # Some buses echo what we send; anything else in this direction is somebody else's.
        try:
            self._own.remove((frame.can_id, frame.data))
        except ValueError:
            self._find(
                'second customer controller', f'{message.NAME} of this pistol was sent by '
                'somebody else: two charger sides with one index?', now_s,
            )

    def _find(self, kind, text, now_s):
        self._counters.bad += 1
        self._found_s = now_s
        self._journal.finding(kind, text, now_s=now_s)

    def _blame(self, pistol, finding):
        if finding.is_observation:
            self._journal.finding(
                f'{pistol} {finding.rule} {finding.who}, observations',
                f'{pistol}: {finding.rule}, {finding.who}: {finding.text} (an observation, no '
                'rule is broken)', now_s=finding.time_s)
            return
        self._journal.finding(
            f'{pistol} {finding.rule} {finding.who}',
            f'{pistol}: the {finding.who} breaks {finding.rule}: {finding.text}',
            now_s=finding.time_s)

    def _give_up_judging(self, pistol, words):
        self.get_logger().error(
            f'{pistol}: a fault of this package in judging the rules; nobody is judged until the '
            f'next configure, all else goes on. Please report it: {words}')

    @staticmethod
    def _age_s(arrival):
        """Return for how long a frame has waited since it arrived on the bus."""
        age_s = time.time() - arrival
        return age_s if -OTHER_CLOCK_S < age_s < OTHER_CLOCK_S else 0.0

    # Diagnostics

    def _on_bus_event(self, text):
        for judge in self._judges.values():
            judge.begin_anew()
        if self._bus is not None and not self._bus.trouble:
            self.get_logger().warning(text)
        else:
            self.get_logger().error(text)

    def _diagnose(self):
        self.tell(self._journal)
        level, words = DiagnosticStatus.OK, 'frames come and go'
        if not self._bus.is_open:
            level, words = DiagnosticStatus.ERROR, self._bus.trouble
        elif self._bus.warning:
            level, words = DiagnosticStatus.WARN, self._bus.warning
        elif time.monotonic() - self._found_s < FRESH_FINDING_S:
            level, words = DiagnosticStatus.WARN, 'there were findings'
        values = dataclasses.asdict(self._counters) | {
            'bus_state': self._bus.condition.value, 'fd_frames': self._bus.fd_frames,
        } | dict(self._journal.counts)
        # A copy at once: frames go on coming in their own thread.
        newer = sorted(dict(self._newer_ids).items(), key=operator.itemgetter(1), reverse=True)
        if newer:
            values['newer ids'] = ', '.join(
                f'{name} ({count})' for name, count in newer[:MOST_IDS])
        return [
            self.diagnostic(
                'bus', words, level=level, hardware_id=self._bus.name, values=values),
            *(self._diagnose_rules(index) for index in self._judges)]

    def _diagnose_rules(self, index):
        """Say which end of this pistol broke which rule how often, and what came last."""
        judge, pistol = self._judges[index], self._pistols[index]
        level, words, last = DiagnosticStatus.OK, 'nobody breaks a rule', judge.last
        if judge.fault:
            level = DiagnosticStatus.ERROR
            words = f'a fault in the rules, nobody is judged any more: {judge.fault}'
        elif judge.is_flooded:
            level = DiagnosticStatus.WARN
            words = 'more frames than this interface has: nobody is judged meanwhile'
        elif last is not None:
            ago_s = time.monotonic() - last.time_s
            words = f'{ago_s:.0f} s ago: the {last.who} breaks {last.rule}: {last.text}'
            if ago_s < FRESH_FINDING_S:
                level = DiagnosticStatus.WARN
        return self.diagnostic(
            f'rules {pistol}', words, level=level, hardware_id=f'{self._bus.name} {pistol}',
            values=dict(sorted(judge.counts.items())))


def main():
    """Run the gateway alone."""
    return run(lambda: [Gateway()])
