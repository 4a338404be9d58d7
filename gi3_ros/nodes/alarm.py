# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""An alarm clock with a thread of its own, in place of a loop that looks again and again."""

from collections.abc import Callable
import math
import threading
import time


class Alarm:
    """
    Calls ``ring`` when it is time, from a thread of its own; ``ring`` sets the next time.

    Its thread waits for nothing else, so it rings whatever the executors of ROS do.
    """

    def __init__(self, ring: Callable[[], object]) -> None:
        self._ring = ring
        self._due_s = math.inf
        self._is_running = False
        self._sooner = threading.Event()
        """The time was brought forward, or the thread shall end."""
        self._thread: threading.Thread | None = None

    def start(self, name: str) -> None:
        """Start the thread; nothing rings before :meth:`set`."""
        self._due_s, self._is_running = math.inf, True
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def set(self, due_s: float) -> None:
        """Ring at this time, in monotonic seconds, instead of the one that was set before."""
        was_due_s, self._due_s = self._due_s, due_s
        if due_s < was_due_s:
            self._sooner.set()

    def stop(self) -> None:
        """End the thread, and wait for its end."""
        self._is_running = False
        self._sooner.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _run(self) -> None:
        while self._is_running:
            self._sooner.clear()
            # Later than the clear: a time that was brought forward in between is seen here.
            wait_s = self._due_s - time.monotonic()
            if wait_s <= 0.0:
                self._due_s = math.inf
                self._ring()
            else:
                self._sooner.wait(None if wait_s == math.inf else wait_s)
