# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Who of this machine's tests gets a processor, and when."""

import contextlib
import functools
import os


def go_first(priority):
    """
    Let this thread, and those that it starts, go before all that is ordinary.

    :returns: whether the system allows it
    """
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(priority))
    except OSError:
        return False
    return True


def be_ordinary(pid=0):
    """Take that away again, from a process with all its threads, or from this thread."""
    with contextlib.suppress(OSError):
        for thread in map(int, os.listdir(f'/proc/{pid}/task')) if pid else (0,):
            os.sched_setscheduler(thread, os.SCHED_OTHER, os.sched_param(0))


@functools.cache
def sessions_at_a_time():
    """Return how many sessions of real processes this machine has processors for."""
    processors = len(os.sched_getaffinity(0))
    if not go_first(1):
        return processors
    be_ordinary()
    # Each takes a third of a processor, and has it at once.
    return processors + 1
