# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
charger: all nodes of a charger in one process, with the same topics as apart.

The gateway's parameter ``pistols`` says which pistols there are; each gets its power_control,
precharge and session in the namespace of its name.
"""

from collections.abc import Iterator

from rclpy.validate_namespace import validate_namespace

from .gateway import Gateway
from .node import ChargerNode
from .power_control import PowerControlNode
from .precharge import PrechargeNode
from .process import run
from .session import SessionNode


def make_nodes() -> Iterator[ChargerNode]:
    """Yield the gateway, then the nodes of each of its pistols."""
    gateway = Gateway()
    yield gateway
    for pistol in gateway.value('pistols'):
        # rclpy has more to say about a wrong one than a sentence.
        validate_namespace(f'/{pistol}' if pistol[:1] != '/' else pistol)
        for node_class in (PowerControlNode, PrechargeNode, SessionNode):
            yield node_class(namespace=pistol)


def main() -> int:
    """Run the whole charger."""
    return run(make_nodes, is_whole=True)
