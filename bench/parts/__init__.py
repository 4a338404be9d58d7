# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What bench/charger.py consists of: one module for each part, and what they share."""
