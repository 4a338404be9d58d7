# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
Write everything that follows from the CAN database.

``python -m gi3_ros.generate``, in the project's root, reads ``dbc/gi3_v3.2.kcd`` and writes

* ``dbc/gi3_v3.2.dbc``, the same database for tools that do not read KCD,
* ``gi3_ros/core/interface/signals.py``, the frames as Python classes,
* ``gi3_ros/core/interface/packing.py``, functions that read and write their bytes,
* ``msg/*.msg``, the frames as ROS messages.

With ``--check`` it writes nothing and exits 1 if one of them is not what it would write. A tool
for developers: it needs cantools, and nothing that runs a charger needs it.
"""
