"""Which class of output stage an installation has."""

from .contactors import OwnContactors
from .followed import ControllerRelay, NoContactors
from .output_stage import Installation
from .v2g import ControllerV2gStage, OwnV2gStage

STAGES = {
    Installation.NONE: NoContactors,
    Installation.CONTROLLER_RELAY: ControllerRelay,
    Installation.OWN_CONTACTORS: OwnContactors,
    Installation.CONTROLLER_V2G: ControllerV2gStage,
    Installation.OWN_V2G: OwnV2gStage,
}


def stage_for(config):
    """Return the output stage of an installation, for a :class:`~.output_stage.StageConfig`."""
    return STAGES[config.kind](config)
