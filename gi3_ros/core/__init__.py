# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The protocol and the decisions, free of ROS, of CAN drivers and of clocks."""
