# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
Ask the system to run this process before ordinary ones.

A charger whose process waits 200 ms for a processor on a busy machine has to take its controller
for dead (R1), and rightly so. With a real-time priority it does not wait. The kernel keeps a
share of each second for everybody else, so a loop gone wild cannot take the machine.
"""

import contextlib
import os

PRIORITY = 10
"""Above everything ordinary, below what a kernel or a drive control would use."""


def raise_priority() -> str:
    """
    Ask for round-robin real-time scheduling for all threads of this process, now and later.

    Not before the process has started up: importing Python modules takes seconds of processor
    time, which would be taken from those who are at work with the same priority.

    :returns: empty when it was granted, else words that say why not and how to allow it
    """
    if not hasattr(os, 'sched_setscheduler'):
        return 'no real-time priority on this system'
    try:
        _set(os.SCHED_RR, PRIORITY)
    except OSError as error:
        return (
            f'no real-time priority ({error.strerror}): on a busy machine a charge may be stopped '
            'because this process waited 200 ms for a processor (R1); allow it with rtprio in '
            '/etc/security/limits.conf or with CAP_SYS_NICE'
        )
    return ''


def give_back_priority() -> None:
    """
    Go on as an ordinary process.

    Once all is at rest: to end takes some 60 ms of processor time, and other chargers of this
    machine would wait for it.
    """
    if hasattr(os, 'sched_setscheduler'):
        with contextlib.suppress(OSError):
            _set(os.SCHED_OTHER, 0)


def _set(policy: int, priority: int) -> None:
    # Threads that start later inherit it from the one that starts them.
    for thread in os.listdir('/proc/self/task'):
        with contextlib.suppress(ProcessLookupError):
            os.sched_setscheduler(int(thread), policy, os.sched_param(priority))
