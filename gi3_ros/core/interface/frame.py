# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
One CAN frame, without a CAN library.

As with :mod:`.answers`: one is made for every frame of the bus, so it is not frozen, but has a
hash as if it were. Nobody changes it.
"""

import dataclasses


@dataclasses.dataclass(unsafe_hash=True, slots=True)
class Frame:
    """A classic CAN data frame as it was on the bus."""

    can_id: int
    """29 or 11 bits, without flag bits."""
    data: bytes
    is_extended: bool = True
    is_remote: bool = False
    is_error: bool = False
