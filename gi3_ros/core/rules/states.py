# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""States of the controller, by what the rules expect in them."""

from ..controller_watch import IDLE_STATES
from ..interface.signals import AdvanticsControllerStatus

State = AdvanticsControllerStatus.State

WAKING = frozenset({State.CONNECTED_WITH_FULL_INFO, State.INSULATION_TEST})
"""Where the announcement repeats, and the controller waits for Allowed (R6)."""
UNTIL_END = WAKING | {State.PRECHARGE, State.WAITING_FOR_CHARGE, State.CHARGING}
"""Where the modules have to be awake, and the end has not begun."""
BEGUN = UNTIL_END | {State.NEGOTIATING_CONNECTION, State.CCS_AUTHORISATION_PROCESS}
"""Where a session is, until its end begins."""
AFTER_LOOP = frozenset({
    State.ENDING_CHARGE, State.WELDING_DETECTION, State.CLOSING_COMMUNICATION})
"""Where a charge ends."""
BEFORE_COMMANDS = IDLE_STATES | {
    State.NEGOTIATING_CONNECTION, State.CCS_AUTHORISATION_PROCESS,
    State.CONNECTED_WITH_FULL_INFO}
"""Where nothing was commanded yet."""
REEVALUATING = IDLE_STATES | {State.NEGOTIATING_CONNECTION}
"""Where an emergency may be over, and another one begin (R38)."""
