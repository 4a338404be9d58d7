# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""How much is tried where cases are made at random: ``--times 20`` tries twenty times as many."""

factor = 1
"""Set by conftest.py before any test module is read."""


def many(count):
    """Return how many cases to try instead of the usual number."""
    return factor * count
