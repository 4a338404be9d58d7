# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The other end of the bus: an ADVANTICS controller with a vehicle, and the power modules."""
