# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
What lies between the power modules and the pistol, and how it breaks.

:class:`OutputPath` has the output contactors and the precharge relay of a charger, whoever moves
them (:class:`~.modules_config.Contactors`). What breaks is a :class:`HardwareFault`.
"""

import enum
import math

from ..core.hardware import (
    COMMAND_TIMEOUT_S,
    Contact,
    ContactorCommand,
    ContactorFeedback,
    NAN,
)
from .modules_config import Contactors, ModulesConfig
from .plug import Inlet

EPSILON_S = 1e-9
"""What the sums of floating-point numbers may be off."""
_NAMES = {
    Contactors.OWN: 'output contactors',
    Contactors.OUTPUTS: 'output contactors',
    Contactors.CONTROLLER: 'controller relay',
    Contactors.NONE: 'cable alone',
}


class Contactor:
    """A contactor that needs its time to move."""

    def __init__(
        self, *, closing_s: float = 0.03, opening_s: float = 0.02, is_closed: bool = False,
    ) -> None:
        self.is_closed = is_closed
        self.is_wanted_closed = is_closed
        self.is_welded = False
        """The contacts are together for good, whatever the coil does."""
        self.is_stuck = False
        """They do not come together, whatever the coil does."""
        self._is_pulled = is_closed
        self._closing_s = closing_s
        self._opening_s = opening_s
        self._moves_at_s = math.inf

    def drive(self, closed: bool, *, now_s: float) -> None:
        """Energise or release the coil."""
        if closed == self.is_wanted_closed:
            return
        self.is_wanted_closed = closed
        if closed == self._is_pulled:
            self._moves_at_s = math.inf
        else:
            self._moves_at_s = now_s + (self._closing_s if closed else self._opening_s)

    def advance(self, *, now_s: float) -> bool:
        """Return whether the contacts have moved just now."""
        was_closed = self.is_closed
        if now_s >= self._moves_at_s - EPSILON_S:
            self._moves_at_s = math.inf
            self._is_pulled = self.is_wanted_closed
        self.is_closed = self.is_welded or (self._is_pulled and not self.is_stuck)
        return self.is_closed is not was_closed

    @property
    def is_moving(self) -> bool:
        """Whether the coil is about to move something."""
        return self._moves_at_s < math.inf

    @property
    def contact(self) -> Contact:
        """What the auxiliary contact says."""
        return Contact.CLOSED if self.is_closed else Contact.OPEN


class HardwareFault(enum.Enum):
    """What can break in the charger; contactors and relays only where there are some."""

    MAIN_WELDED = 'main_welded'
    """The output contactors are closed and do not open any more."""
    MAIN_STUCK = 'main_stuck'
    """They are open and do not close any more."""
    PRECHARGE_WELDED = 'precharge_welded'
    PRECHARGE_STUCK = 'precharge_stuck'
    RESISTOR_OPEN = 'resistor_open'
    """Nothing flows through the precharge relay, closed or not."""
    OUTPUT_SHORTED = 'output_shorted'
    """The modules' output capacitor is a short."""
    MAIN_FEEDBACK_OPEN = 'main_feedback_open'
    """The auxiliary contact of the output contactors says open, whatever they do: a broken
    wire."""
    MAIN_FEEDBACK_CLOSED = 'main_feedback_closed'
    """It says closed, whatever they do: a shorted wire."""
    PRECHARGE_FEEDBACK_OPEN = 'precharge_feedback_open'
    PRECHARGE_FEEDBACK_CLOSED = 'precharge_feedback_closed'


def parse_faults(text: str) -> frozenset[HardwareFault]:
    """
    Return the set of :class:`HardwareFault` whose names a text has, separated by commas.

    :raises ValueError: with the known names, when one of them is not
    """
    names = {name.strip() for name in text.split(',')} - {''}
    known = [fault.value for fault in HardwareFault]
    unknown = sorted(names.difference(known))
    if unknown:
        raise ValueError(
            f'no fault of the hardware is called {", ".join(map(repr, unknown))}, '
            f'known are {", ".join(known)}')
    return frozenset(HardwareFault(name) for name in names)


class OutputPath:
    """The output contactors, and the precharge relay with its resistor in parallel to them."""

    def __init__(self, config: ModulesConfig) -> None:
        self._config = config
        self.name = _NAMES[config.contactors]
        """What joins modules and pistol, as a breach calls it."""
        # Without a switch the path is one that is always closed.
        self.output = Contactor(is_closed=config.contactors is Contactors.NONE)
        self.precharge = Contactor()
        self._is_resistor_open = False
        self._faults: frozenset[HardwareFault] = frozenset()
        self._command_at_s = -math.inf

    @property
    def resistor_conducts(self) -> bool:
        """Whether current can flow through the precharge relay."""
        return self.precharge.is_closed and not self._is_resistor_open

    @property
    def is_closed(self) -> bool:
        """Whether modules and pistol are joined, by whoever's contactors."""
        return self.output.is_closed or self.resistor_conducts

    def break_down(self, faults: frozenset[HardwareFault]) -> None:
        """Be as broken as ``faults`` says, from the next move on."""
        self._faults = faults
        self._is_resistor_open = HardwareFault.RESISTOR_OPEN in faults
        if self._config.contactors is not Contactors.NONE:
            self.output.is_welded = HardwareFault.MAIN_WELDED in faults
            self.output.is_stuck = HardwareFault.MAIN_STUCK in faults
            self.precharge.is_welded = HardwareFault.PRECHARGE_WELDED in faults
            self.precharge.is_stuck = HardwareFault.PRECHARGE_STUCK in faults

    def command(self, command: ContactorCommand, *, now_s: float) -> None:
        """Take the charger's command; it counts where the contactors are its own."""
        if self._config.contactors is not Contactors.OWN:
            return
        self._command_at_s = now_s
        self.output.drive(command.output_closed, now_s=now_s)
        self.precharge.drive(command.precharge_closed, now_s=now_s)

    def drive(self, inlet: Inlet, current_a: float, *, now_s: float) -> None:
        """
        Let everybody else drive the coils: the controller, or the driver without commands.

        :param current_a: through the output contactors
        """
        config = self._config
        if config.contactors is Contactors.CONTROLLER:
            self.output.drive(inlet.relay_closed, now_s=now_s)
            self.precharge.drive(inlet.precharge_relay_closed, now_s=now_s)
        elif config.contactors is Contactors.OUTPUTS:
            self.output.drive(inlet.is_high(config.main_output), now_s=now_s)
            self.precharge.drive(inlet.is_high(config.precharge_output), now_s=now_s)
        elif config.contactors is Contactors.OWN and self._is_command_over(now_s):
            self.precharge.drive(False, now_s=now_s)
            if abs(current_a) <= config.max_off_current_a:
                self.output.drive(False, now_s=now_s)

    def may_move_until(self, until_s: float) -> bool:
        """Tell whether, with the same inlet and commands, something may move until then."""
        if self.output.is_moving or self.precharge.is_moving:
            return True
        return (
            self._config.contactors is Contactors.OWN
            and (self.output.is_wanted_closed or self.precharge.is_wanted_closed)
            and self._is_command_over(until_s)
        )

    def _is_command_over(self, now_s: float) -> bool:
        return now_s - self._command_at_s >= COMMAND_TIMEOUT_S - EPSILON_S

    def feedback(self, pistol_voltage_v: float) -> ContactorFeedback:
        """Return what is seen of the charger's contactors; without any, nothing is known."""
        if not self._config.contactors.are_of_the_charger:
            return ContactorFeedback()
        return ContactorFeedback(
            output=self._contact(
                self.output, HardwareFault.MAIN_FEEDBACK_OPEN,
                HardwareFault.MAIN_FEEDBACK_CLOSED),
            precharge=self._contact(
                self.precharge, HardwareFault.PRECHARGE_FEEDBACK_OPEN,
                HardwareFault.PRECHARGE_FEEDBACK_CLOSED),
            pistol_voltage_v=pistol_voltage_v if self._config.measures_pistol else NAN,
        )

    def _contact(
        self, contactor: Contactor, says_open: HardwareFault, says_closed: HardwareFault,
    ) -> Contact:
        if not self._config.has_feedback:
            return Contact.UNKNOWN
        if says_open in self._faults:
            return Contact.OPEN
        return Contact.CLOSED if says_closed in self._faults else contactor.contact
