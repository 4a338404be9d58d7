# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The rules while it happens: judging that may never hold up or stop a charge."""

import collections
from collections.abc import Callable
import threading
import traceback

from ..interface.codec import Received, Rejected
from .findings import Finding
from .judge import Judge, TICK_S

MOST_FRAMES_PER_S = 400
"""Of one pistol; several times what both ends have to say."""


class LiveJudge:
    """
    Holds one pistol to the rules; frames come from two threads.

    In a flood of frames it looks away, and begins anew after it: what keeps the charger going has
    precedence. For the same reason a fault of its own ends the judging, and nothing else.

    :param report: called with each new finding
    :param give_up: called once with the traceback of such a fault
    """

    def __init__(
        self, report: Callable[[Finding], object], give_up: Callable[[str], object],
    ) -> None:
        self.counts: collections.Counter[str] = collections.Counter()
        """How often which end broke which rule; observations apart."""
        self.last: Finding | None = None
        """The last breach."""
        self.is_flooded = False
        self.fault = ''
        """Why nobody is judged any more."""
        self._frames = 0
        self._ticked_s = 0.0
        self._report = report
        self._give_up = give_up
        self._lock = threading.Lock()
        self.begin_anew()

    def begin_anew(self) -> None:
        """Forget what was heard: until now frames may have been missed."""
        with self._lock:
            self._rules = Judge()

    def take(self, decoded: Received | Rejected, *, now_s: float) -> None:
        """Take a frame of the bus, or one of ours that went out."""
        self._frames += 1
        elapsed_s = max(TICK_S, now_s - self._ticked_s)
        if self.is_flooded or self._frames > MOST_FRAMES_PER_S * elapsed_s:
            self.is_flooded = True
            return
        if isinstance(decoded, Received):
            self._judge(lambda rules: rules.receive(decoded, now_s=now_s))
        else:
            self._judge(lambda rules: rules.reject(decoded, now_s=now_s))

    def tick(self, *, now_s: float) -> None:
        """Look for what should have come by now; every :data:`~.judge.TICK_S`."""
        is_calm = self._frames <= MOST_FRAMES_PER_S * max(TICK_S, now_s - self._ticked_s)
        self._frames, self._ticked_s = 0, now_s
        if not self.is_flooded:
            self._judge(lambda rules: rules.tick(now_s=now_s))
        elif is_calm:
            self.begin_anew()
            self.is_flooded = False

    def _judge(self, ask: Callable[[Judge], list[Finding]]) -> None:
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
