# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Real-time priority: for all threads of a process, and given back by all of them."""

import subprocess
import sys

import pytest

PROGRAM = """
import os, threading
from gi3_ros.priority import PRIORITY, give_back_priority, raise_priority
end = threading.Event()
thread = threading.Thread(target=end.wait)
thread.start()
def policies():
    return {(os.sched_getscheduler(int(each)), os.sched_getparam(int(each)).sched_priority)
            for each in os.listdir('/proc/self/task')}
refused = raise_priority()
raised = policies()
give_back_priority()
print('refused' if refused else raised == {(os.SCHED_RR, PRIORITY)},
      policies() == {(os.SCHED_OTHER, 0)})
end.set()
"""


def test_all_threads_get_it_and_give_it_back(tmp_path):
    program = subprocess.run(
        [sys.executable, '-c', PROGRAM], cwd=tmp_path, stdout=subprocess.PIPE, text=True,
        timeout=60.0, check=True)
    if 'refused' in program.stdout:
        pytest.skip('this system gives no real-time priority')
    assert program.stdout == 'True True\n'
