# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
Formats of log files: how each is recognised and read, in a module of its own.

All have ``knows(file, line)``. Those of a CAN log and of a table have ``parse(file, ..)``, which
yields entries. A file of a bag gives messages of topics, as a bag is a folder of several such
files: :mod:`..bags` makes entries of them. :mod:`.format` has the three interfaces. Which formats
there are, and which one a file has, is in :mod:`..recognition`. How logs are written is in
:mod:`..writers`, which nothing here imports.

The line formats are parsed here and not by python-can: its readers end at the first bad line, take
most error frames of candump for data frames, leave out those of TRC, and keep times as floats,
which at today's dates are too coarse for nanoseconds.
"""
