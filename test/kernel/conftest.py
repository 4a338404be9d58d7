# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Commands on a kernel that has SocketCAN."""

import importlib.util
import pathlib

import pytest

HERE = pathlib.Path(__file__).parent


@pytest.fixture
def real_kernel():
    """Give the module of that name."""
    spec = importlib.util.spec_from_file_location('real_kernel', HERE / 'real_kernel.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def on_a_real_kernel(real_kernel):
    """
    Give the function that runs a command there and returns ``(exit status, output)``.

    It skips the test, with a word, where neither the machine's own CAN nor user-mode Linux is.
    """
    def run(*command, seconds):
        status, output = real_kernel.run(list(map(str, command)), seconds=seconds)
        if status == real_kernel.NOWHERE:
            pytest.skip(output.strip())
        return status, output
    return run
