# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Which class of output stage an installation has."""

from .contactors import OwnContactors
from .followed import ControllerRelay, NoContactors
from .output_stage import Installation, OutputStage, StageConfig
from .v2g import ControllerV2gStage, OwnV2gStage

STAGES: dict[Installation, type[OutputStage]] = {
    Installation.NONE: NoContactors,
    Installation.CONTROLLER_RELAY: ControllerRelay,
    Installation.OWN_CONTACTORS: OwnContactors,
    Installation.CONTROLLER_V2G: ControllerV2gStage,
    Installation.OWN_V2G: OwnV2gStage,
}


def stage_for(config: StageConfig) -> OutputStage:
    """Return the output stage of an installation."""
    return STAGES[config.kind](config)
