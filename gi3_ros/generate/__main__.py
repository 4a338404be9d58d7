# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The command ``python -m gi3_ros.generate``."""

import sys

from .command import main

sys.exit(main())
