# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The parameters of the nodes: declared with their units and ranges, and read-only."""

import dataclasses
from typing import Any

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
from rclpy.exceptions import InvalidParameterTypeException, InvalidParameterValueException
from rclpy.node import Node

from ..core.config import entries_of


@dataclasses.dataclass(frozen=True)
class Parameter:
    """One parameter: default, unit and range in words and numbers."""

    name: str
    default: Any
    description: str
    low: float | None = None
    high: float | None = None

    def declare_on(self, node: Node, *, found: object = None) -> None:
        """
        Declare it, read-only: safety hangs on these, and a running charge keeps its rules.

        :param found: a value from elsewhere (the controller's own configuration), which holds
        :raises ValueError: when the parameter was given a value, too, and a different one
        """
        descriptor = ParameterDescriptor(description=self.description)
        if isinstance(self.default, float) and self.low is not None:
            descriptor.floating_point_range = [
                FloatingPointRange(from_value=self.low, to_value=self.high)
            ]
        elif (isinstance(self.default, int) and not isinstance(self.default, bool)
                and self.low is not None):
            descriptor.integer_range = [
                IntegerRange(from_value=self.low, to_value=self.high, step=1)
            ]
        if found is not None:
            given = self._declare(node, descriptor).value
            node.undeclare_parameter(self.name)
            # A parameters file may spell out defaults: that is no second opinion.
            if given not in (self.default, found):
                raise ValueError(
                    f'{self.name} is {given} as a parameter and {found} in the configuration of '
                    'the controller: give it once'
                )
        descriptor.read_only = True
        if found is None:
            self._declare(node, descriptor)
        else:
            node.declare_parameter(self.name, found, descriptor, ignore_override=True)

    def _declare(self, node: Node, descriptor: ParameterDescriptor) -> Any:
        try:
            return node.declare_parameter(self.name, self.default, descriptor)
        except (InvalidParameterTypeException, InvalidParameterValueException) as error:
            kind = next(words for kind, words in _KINDS if isinstance(self.default, kind))
            within = '' if self.low is None else f', {self.low:g} .. {self.high:g}'
            # rclpy has the name once more behind its own words.
            why = str(error).rpartition(':')[0]
            raise ValueError(
                f'{node.get_fully_qualified_name()}: {self.name} has to be {kind}{within}: {why}'
            ) from error


_KINDS: tuple[tuple[type, str], ...] = (
    (bool, 'true or false'), (int, 'a whole number'),
    (float, 'a number with a point, such as 120.0'), (str, 'a text'),
    (list, 'a list, such as [1, 2] or [left, right]'),
)


def parameters_of(cls: type[Any]) -> tuple[Parameter, ...]:
    """Return the parameters for a configuration class of the core."""
    return tuple(
        Parameter(field.name, field.default, field.metadata['meaning'],
                  field.metadata['low'], field.metadata['high'])
        for field in entries_of(cls)
    )


AUTOSTART = Parameter(
    'autostart', False,
    'Configure and activate by itself at the start; a launch file does it instead by transitions.',
)
