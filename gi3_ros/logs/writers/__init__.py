# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
How logs are written: a module for each format.

The line formats are written here and not by python-can: its writers give a time that goes back the
time before it, leave remote and error frames out of TRC, and move the times of ASC by up to a
millisecond.
"""
