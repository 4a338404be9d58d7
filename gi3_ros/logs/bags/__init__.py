# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Reading bags: which files belong to one, and what its messages say of the bus."""
