# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The session: what a robot or an operator wants of a charge, and what becomes of it."""
