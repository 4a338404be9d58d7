# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Output stages that are not ours to move: the path is followed, nothing is commanded."""

import math
from typing import ClassVar

from ..hardware import Stage
from .output_stage import Happening, OutputStage, StageConfig, Transitions


class NoContactors(OutputStage):
    """Nothing but a cable: the path is always closed."""

    TRANSITIONS: ClassVar[Transitions] = {}

    def __init__(self, config: StageConfig) -> None:
        super().__init__(config)
        self.stage, self.reason = Stage.CLOSED, 'nothing lies between modules and pistol'

    def _while_closed(self, now_s: float) -> None:
        """Nothing opens it."""


class ControllerRelay(OutputStage):
    """Contactors on the controller's relay, which Output_Contactors mirrors (R45)."""

    TRANSITIONS: ClassVar[Transitions] = {
        (Stage.OPEN, Happening.CLOSE_WANTED): Stage.CLOSED,
        (Stage.CLOSED, Happening.OPEN_WANTED): Stage.OPEN,
        (Stage.OPEN, Happening.FAULT): Stage.FAULT,
        (Stage.FAULT, Happening.RESET): Stage.OPEN,
    }

    def __init__(self, config: StageConfig) -> None:
        super().__init__(config)
        self._flows_since_s = math.inf

    def told(self, *, now_s: float) -> Stage:
        # Its contacts are the controller's: of a silent one nobody knows where they are.
        is_heard = self._controller.is_alive(now_s=now_s)
        return self.stage if is_heard or self.stage is Stage.FAULT else Stage.UNKNOWN

    def _must_stay_open(self, now_s: float) -> str:
        # The relay does not ask how power_control is.
        return self._no_word_of_the_controller(now_s)

    def _while_open(self, now_s: float) -> None:
        why = self._must_stay_open(now_s) or (
            '' if self._says_close else 'the controller says Open')
        self.reason = why
        if not why:
            self._happen(Happening.CLOSE_WANTED, now_s, 'the controller says Close')
        else:
            self._watch_current(now_s)

    def _while_closed(self, now_s: float) -> None:
        self._flows_since_s = math.inf
        why = self._must_stay_open(now_s) or (
            '' if self._says_close else 'the controller says Open')
        if why:
            self._happen(Happening.OPEN_WANTED, now_s, why)

    def _watch_current(self, now_s: float) -> None:
        """Find a welded contactor by a current that goes on although the controller says Open."""
        reading = self._fresh_reading(now_s)
        if reading is None or abs(reading.current_a) <= self._switchable_a:
            self._flows_since_s = math.inf
            return
        self._flows_since_s = min(self._flows_since_s, now_s)
        if now_s - self._flows_since_s >= self.config.unloading_timeout:
            self._fail(
                f'{reading.current_a:.1f} A go on flowing although {self.reason}: is a contactor '
                'welded?', now_s)
