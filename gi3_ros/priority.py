"""
Ask the system to run this process before ordinary ones.

A charger whose process waits 200 ms for a processor on a busy machine has to take its controller
for dead (R1), and rightly so. With a real-time priority it does not wait. The kernel keeps a
share of each second for everybody else, so a loop gone wild cannot take the machine.
"""

import os

PRIORITY = 10
"""Above everything ordinary, below what a kernel or a drive control would use."""


def raise_priority():
    """
    Ask for round-robin real-time scheduling, for this thread and those it starts from now on.

    :returns: empty when it was granted, else words that say why not and how to allow it
    """
    if not hasattr(os, 'sched_setscheduler'):
        return 'no real-time priority on this system'
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(PRIORITY))
    except OSError as error:
        return (
            f'no real-time priority ({error.strerror}): on a busy machine a charge may be stopped '
            'because this process waited 200 ms for a processor (R1); allow it with rtprio in '
            '/etc/security/limits.conf or with CAP_SYS_NICE'
        )
    return ''
