# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What only a real kernel knows of a bus; skipped, with a word, where none is to be had."""

import pathlib
import platform
import shutil
import subprocess

import pytest

HERE = pathlib.Path(__file__).parent


def test_a_machine_without_either_says_so(real_kernel, monkeypatch):
    monkeypatch.setattr(real_kernel, 'namespace', lambda: None)
    monkeypatch.setattr(real_kernel.shutil, 'which', lambda *_, **__: None)
    status, words = real_kernel.run(['true'], seconds=1.0)
    assert status == real_kernel.NOWHERE
    assert 'apt-get install user-mode-linux' in words


@pytest.mark.timeout(200)
def test_the_bus(on_a_real_kernel):
    """Each test of bus_on_kernel.py: one start of a kernel for all of them."""
    status, output = on_a_real_kernel(
        shutil.which('pytest'), '-q', '-p', 'no:cacheprovider', '-rs',
        HERE / 'bus_on_kernel.py', seconds=180)
    print(output)
    assert status == 0, output


@pytest.mark.timeout(260)
def test_a_session(on_a_real_kernel, tmp_path, monkeypatch):
    """session_on_kernel.py; the guest's clock is slow to read, which sessions die of (R1)."""
    clock, compiler = tmp_path / 'quick_clock.so', shutil.which('cc')
    if compiler and platform.machine() == 'x86_64':
        subprocess.run(
            [compiler, '-O2', '-shared', '-fPIC', '-o', clock, HERE / 'quick_clock.c'],
            check=True)
        monkeypatch.setenv('QUICK_CLOCK', str(clock))
    status, output = on_a_real_kernel(
        shutil.which('pytest'), '-q', '-p', 'no:cacheprovider', '-rs',
        HERE / 'session_on_kernel.py', seconds=230)
    print(output)
    assert status == 0, output
    if ' skipped' in output:
        pytest.skip(output.strip().splitlines()[-2])
