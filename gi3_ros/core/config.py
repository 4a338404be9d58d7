# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
Fields of a configuration: default, meaning with unit, and range, written once.

The nodes declare their parameters from these fields, and the configuration checks itself by
them, wherever its values came from.
"""

from collections.abc import Iterator
import dataclasses
import math
from typing import Any, TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar('T')


def entry(default: T, meaning: str, low: float | None = None, high: float | None = None) -> T:
    """
    Return a dataclass field of a configuration.

    :param meaning: words, with the unit, for the description of the parameter
    :param low: smallest permitted number, inclusive; ``high`` the largest
    """
    return dataclasses.field(
        default=default, metadata={'meaning': meaning, 'low': low, 'high': high},
    )


def entries_of(cls: type['DataclassInstance']) -> Iterator['dataclasses.Field[Any]']:
    """Yield the fields of a configuration class that were made by :func:`entry`."""
    return (field for field in dataclasses.fields(cls) if 'meaning' in field.metadata)


def check(config: 'DataclassInstance') -> None:
    """
    Check the numbers of a configuration against their ranges.

    :raises ValueError: for the first that is no finite number or outside its range, in words
    """
    for field in entries_of(type(config)):
        value, low, high = getattr(config, field.name), *map(field.metadata.get, ('low', 'high'))
        if low is not None and not (math.isfinite(value) and low <= value <= high):
            raise ValueError(f'{field.name} must be {low:g} .. {high:g}, not {value}')
