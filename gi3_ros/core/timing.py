# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""How old each input may grow before it counts as silence; stated once for all who listen."""

CONTROLLER_TIMEOUT_S = 0.2
"""R1: Advantics_Controller_Status comes every 100 ms, always."""
EMERGENCY_CLEAR_S = 1.0
"""R38: Emergency_Stop repeats every 100 ms; absent for this long it is over."""
MEASUREMENT_FAULT_AGE_S = 0.25
"""Of the power modules' driver; an older reading is a fault: at 20 Hz, four missed in a row."""
MEASUREMENT_MAX_AGE_S = 0.3
"""No older reading is used or reported. Above the fault age, so that the one frame which
withdraws System_Enable still carries a reading within its age."""
STAGE_MAX_AGE_S = 0.5
"""Of the output stage, which reports ten times a second."""
POWER_MAX_AGE_S = 0.5
"""Of power_control, which reports ten times a second."""
FEEDBACK_MAX_AGE_S = 0.5
"""Of the contactors' driver, which reports ten times a second."""
TOLD_WITHIN_S = 1.5
"""Of every word to people and robots: what has changed is told at once, and repeated every second.
Who listens takes an older word for unknown."""
