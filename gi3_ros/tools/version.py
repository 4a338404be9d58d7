# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Which version of this package runs."""

from importlib import metadata


def version() -> str:
    """Return the version of this package; empty where it is used without being installed."""
    try:
        return metadata.version('gi3_ros')
    except metadata.PackageNotFoundError:
        return ''
