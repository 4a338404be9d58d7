# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
Which topics tell the story of a charge: what the recorder records.

``config/record_qos.yaml`` has the same list for ``ros2 bag record``; a test compares them.
"""

from collections.abc import Iterable

from ..core.interface.signals import MESSAGES

_LATCHED = {
    'charge_session': 'gi3_ros/msg/ChargeSession',
    'battery_state': 'sensor_msgs/msg/BatteryState',
    'safe_to_unplug': 'std_msgs/msg/Bool',
    'is_available': 'gi3_ros/msg/Availability',
}
OF_PISTOL = {cls.TOPIC: f'gi3_ros/msg/{cls.__name__}' for cls in MESSAGES.values()} | {
    'power_setpoint': 'gi3_ros/msg/PowerSetpoint',
    'power_measurement': 'gi3_ros/msg/PowerMeasurement',
    'power_status': 'gi3_ros/msg/PowerStatus',
    'effective_setpoint': 'gi3_ros/msg/EffectiveSetpoint',
    'contactor_command': 'gi3_ros/msg/ContactorCommand',
    'contactor_feedback': 'gi3_ros/msg/ContactorFeedback',
    'stage_status': 'gi3_ros/msg/StageStatus',
    'precharge_status': 'gi3_ros/msg/PrechargeStatus',
} | _LATCHED
"""Name within the namespace of a pistol -> type: frames in both directions, then our own words."""
OF_ALL = {'/diagnostics': 'diagnostic_msgs/msg/DiagnosticArray'}
LATCHED = frozenset(_LATCHED)
"""Those that a late joiner gets the last message of."""


def topics(pistols: Iterable[str]) -> dict[str, str]:
    """Return name -> type for the namespaces of some pistols."""
    return {
        f'/{pistol.strip("/")}/{name}': kind
        for pistol in pistols for name, kind in OF_PISTOL.items()
    } | OF_ALL
