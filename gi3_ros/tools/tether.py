# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
Start a command that must not outlive its starter: ``tether.py PID SIGNAL COMMAND ARGUMENT..``.

The kernel sends SIGNAL to the command when the process PID, which started it, is gone, even by
``kill -9``. A process of its own does it, because to run Python between fork and exec is not safe
in a starter with threads. Linux only; elsewhere the command is just started.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
"""``linux/prctl.h``"""


def main(starter: str, death_signal: str, *command: str) -> None:
    """Become the command."""
    # A shell starts what is in the background with SIGINT ignored, which would be inherited.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    if sys.platform == 'linux':
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0):
            raise OSError(ctypes.get_errno(), 'prctl(PR_SET_PDEATHSIG)')
        if os.getppid() != int(starter):
            sys.exit('the starter is gone already')
    os.execv(command[0], command)


if __name__ == '__main__':
    main(*sys.argv[1:])
