# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
Whether a charge may begin at this pistol: Start_Charge_Authorisation (R35), and why not.

People give and withdraw it; a latched fault, or silence of those who would have to deliver the
power, withdraws it whatever people say, and gives it back when it is over.
"""

import math

from ..deadlines import ROUNDING_S
from ..hardware import Stage
from ..timing import POWER_MAX_AGE_S, STAGE_MAX_AGE_S


class Availability:
    """
    The permission to begin; ``now_s`` is seconds on one monotonic clock.

    :param is_allowed: what holds as long as nobody asks for something else
    """

    def __init__(self, is_allowed: bool) -> None:
        self._is_allowed = is_allowed
        self._asked: bool | None = None
        """What people asked for, ``None`` when nothing of it is in force."""
        self._asked_reason = ''
        self._asked_until_s = math.inf
        self._power_fault = ''
        self._power_s = -math.inf
        self._stage = Stage.UNKNOWN
        self._stage_reason = ''
        self._has_output_contactors = True
        self._stage_s = -math.inf

    def see_power(self, fault: str, *, now_s: float) -> None:
        """Take power_control's latched fault in words, empty when there is none."""
        self._power_fault, self._power_s = fault, now_s

    def see_stage(
        self, stage: Stage, reason: str, *, has_output_contactors: bool = True, now_s: float,
    ) -> None:
        """Take where the output stage is, why, and whether it has contacts of our own."""
        self._stage, self._stage_reason, self._stage_s = stage, reason, now_s
        self._has_output_contactors = has_output_contactors

    def ask(self, is_available: bool, *, reason: str, duration_s: float, now_s: float) -> None:
        """
        Take the pistol out of service or give it back.

        :param duration_s: how long this holds, 0 until the next call
        :raises ValueError: with the reason of the refusal
        """
        if not (math.isfinite(duration_s) and duration_s >= 0.0):
            raise ValueError(
                f'duration is {duration_s:g}: give seconds, or 0 for "until the next call"')
        self._asked, self._asked_reason = is_available, reason.strip()
        self._asked_until_s = now_s + duration_s if duration_s else math.inf

    @property
    def deadlines_s(self) -> tuple[float, float, float]:
        """When a word of others is too old, and when what people asked for is over."""
        return (self._power_s + POWER_MAX_AGE_S + ROUNDING_S,
                self._stage_s + STAGE_MAX_AGE_S + ROUNDING_S, self._asked_until_s)

    def why_not(self, *, now_s: float) -> str:
        """Say why no charge may begin, with what to do; empty when one may."""
        return self._why_not_wanted(now_s) or self._why_not_able(now_s)

    def _why_not_wanted(self, now_s: float) -> str:
        if self._asked is not None and now_s < self._asked_until_s:
            because = f': {self._asked_reason}' if self._asked_reason else ''
            return '' if self._asked else f'taken out of service{because}'
        return '' if self._is_allowed else (
            'start_allowed is false: call set_availability to let a vehicle begin')

    def _why_not_able(self, now_s: float) -> str:
        # A fault that is not repeated any more is not over: silence comes first, and forbids too.
        if now_s - self._power_s >= POWER_MAX_AGE_S:
            return 'power_control is silent: is it active?'
        if self._power_fault:
            return f'fault of power_control: {self._power_fault}; mend it, then reset_fault'
        if now_s - self._stage_s >= STAGE_MAX_AGE_S:
            return 'precharge is silent: is it active?'
        if self._stage is Stage.FAULT:
            return (f'fault of the output stage: {self._stage_reason}; mend it, then '
                    'reset_stage_fault')
        if self._stage is Stage.UNKNOWN and self._has_output_contactors:
            # They would not close. Of those of the controller it is its silence, told elsewhere.
            return ("where the output contactors are is not known: is the contactors' driver "
                    'running, is precharge active?')
        return ''
