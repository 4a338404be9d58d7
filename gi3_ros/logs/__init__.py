# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Logs of a bus and bags of topics: read, written, told as a story; needs no ROS."""
