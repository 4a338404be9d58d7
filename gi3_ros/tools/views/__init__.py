# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
What the ``gi3`` command shows live in a terminal.

A live view is a textual application in a process of its own (:mod:`.child`). The command that it
belongs to (:mod:`.process`) sends it pictures, which are plain data, and takes what was typed.
A terminal that takes no text may hold up the view for as long as it likes; the command goes on.
"""
