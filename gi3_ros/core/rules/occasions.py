# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Which rules of one end look on which occasion."""

from collections.abc import Callable
import functools

from .facts import Facts
from .findings import Finding, Findings
from .output import InForce
from .rule import Rule
from .tolerances import Tolerances

Classes = tuple[type[Rule], ...]


class Occasions:
    """
    The rules of one end, made for one pistol, by the occasions on which they look.

    Each attribute is the tuple of what is to be called then, in the order of the registry.

    :param classes: of the rules
    """

    def __init__(
            self, classes: Classes, facts: Facts, limits: Tolerances,
            new: list[Finding]) -> None:
        self.findings = Findings(new)
        self._classes = classes
        self._make: Callable[[type[Rule]], Rule] = (
            lambda cls: cls(facts, limits, self.findings))
        self._rules = [self._make(cls) for cls in classes]
        self._wire()

    def begin_session(self) -> None:
        """Make the rules of the session anew: nothing is left over."""
        held = self.findings.held
        for number, rule in enumerate(self._rules):
            if rule.is_of_session:
                held.pop(rule, None)
                self._rules[number] = self._make(type(rule))
        self._wire()

    def _wire(self) -> None:
        has = self._having
        self.odd_frame = tuple(rule.on_odd_frame for rule in has('on_odd_frame'))
        self.short_frame = tuple(rule.on_short_frame for rule in has('on_short_frame'))
        self.arrival = tuple(rule.on_arrival for rule in has('on_arrival'))
        self.life = tuple(rule.on_life for rule in has('on_life'))
        self.interruption = tuple(rule.on_interruption for rule in has('on_interruption'))
        self.controller_status = tuple(
            rule.on_controller_status for rule in has('on_controller_status'))
        self.new_state = tuple(rule.on_new_state for rule in has('on_new_state'))
        self.moment = tuple(rule.on_moment for rule in has('on_moment'))
        self.session = tuple(rule.on_session for rule in has('on_session'))
        self.announcement = tuple(rule.on_announcement for rule in has('on_announcement'))
        self.command = tuple(rule.on_command for rule in has('on_command'))
        self.new_command = tuple(rule.on_new_command for rule in has('on_new_command'))
        self.any_command = tuple(
            rule.on_command if _has(type(rule), 'on_command') else rule.on_new_command
            for rule in has('on_command', 'on_new_command'))
        """On a new command: those that look at each, and those that look at new ones."""
        self.emergency = tuple(rule.on_emergency for rule in has('on_emergency'))
        self.finished = tuple(rule.on_finished for rule in has('on_finished'))
        self.modules_status = {
            in_force: tuple(
                rule.on_modules_status for rule in has('on_modules_status')
                if rule.during is None or in_force in rule.during)
            for in_force in InForce}
        self.parameters = tuple(rule.on_parameters for rule in has('on_parameters'))
        self.flags = tuple(rule.on_flags for rule in has('on_flags'))
        self.output = tuple(rule.on_output for rule in has('on_output'))
        self.function = tuple(rule.on_function for rule in has('on_function'))
        self.resume = tuple(rule.on_resume for rule in has('on_resume'))
        self.tick = tuple(rule.on_tick for rule in has('on_tick'))
        self.tick_alive = tuple(rule.on_tick_alive for rule in has('on_tick_alive'))

    def _having(self, *occasions: str) -> list[Rule]:
        return [self._rules[number] for number in _numbers(self._classes, occasions)]


@functools.cache
def _numbers(classes: Classes, occasions: tuple[str, ...]) -> tuple[int, ...]:
    return tuple(
        number for number, cls in enumerate(classes)
        if any(_has(cls, occasion) for occasion in occasions))


def _has(cls: type[Rule], occasion: str) -> bool:
    return getattr(cls, occasion) is not getattr(Rule, occasion)
