"""What only a real kernel knows of a bus; skipped, with a word, where none is to be had."""

import pathlib
import shutil

import pytest

HERE = pathlib.Path(__file__).parent


@pytest.mark.timeout(200)
def test_the_bus(on_a_real_kernel):
    """Each test of bus_on_kernel.py: one start of a kernel for all of them."""
    status, output = on_a_real_kernel(
        shutil.which('pytest'), '-q', '-p', 'no:cacheprovider', '-rs',
        HERE / 'bus_on_kernel.py', seconds=180)
    print(output)
    assert status == 0, output
