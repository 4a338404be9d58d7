# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
How Fast DDS, the default middleware of ROS 2, carries topics: over UDP, not in shared memory.

Processes that share memory share its locks. One that joins or is killed makes others wait, and so
may one that waits for a processor with such a lock: 0.3 to 0.6 s were seen, also in a charger with
real-time priority, and R1 allows 0.2 s (docs/decisions/udp_only.md).
"""

import os

from ament_index_python.packages import get_package_share_directory

RANGE = 'ROS_AUTOMATIC_DISCOVERY_RANGE'
PROFILES = ('FASTRTPS_DEFAULT_PROFILES_FILE', 'FASTDDS_DEFAULT_PROFILES_FILE')
"""The names of Jazzy's version and of Kilted's."""
FAST_DDS = 'rmw_fastrtps_cpp'


def keep_out_of_shared_memory() -> None:
    """
    Set the environment of this process, and of those that it starts; before rclpy.init().

    What the user has chosen in Fast DDS' own variables stays as it is.
    """
    os.environ.setdefault('FASTDDS_BUILTIN_TRANSPORTS', 'UDPv4')
    is_local = (os.environ.get(RANGE, '').upper() == 'LOCALHOST'
                or os.environ.get('ROS_LOCALHOST_ONLY') == '1')
    if not is_local or os.environ.get('RMW_IMPLEMENTATION', FAST_DDS) != FAST_DDS:
        return
    # For LOCALHOST rmw_fastrtps adds shared memory, whatever else it is told. A profile keeps the
    # topics on this machine as well.
    loopback = f'{get_package_share_directory("gi3_ros")}/config/fastdds_loopback.xml'
    if all(os.environ.get(name, loopback) == loopback for name in PROFILES):
        os.environ.update(dict.fromkeys(PROFILES, loopback))
        os.environ[RANGE] = 'SYSTEM_DEFAULT'
        os.environ.pop('ROS_LOCALHOST_ONLY', None)
