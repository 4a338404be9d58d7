# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""When something is due: whoever decides sleeps until then, or until it hears something."""

import math

ROUNDING_S = 1e-6
"""What sums of times may be off: at a deadline its condition holds already."""


def next_of(*deadlines_s: float, after_s: float) -> float:
    """Return the first deadline after the last decision; infinite without one."""
    return min((each for each in deadlines_s if each > after_s), default=math.inf)
