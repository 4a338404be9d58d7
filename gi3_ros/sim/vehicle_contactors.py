# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The two contactors between the inlet of the vehicle and its battery, and when it moves them."""

import enum
import math

from .contactors import Contactor
from .vehicle_config import VehicleConfig


class ContactorFault(enum.Enum):
    """What is wrong with the vehicle's contactors."""

    NONE = 'none'
    STAYS_OPEN = 'stays_open'
    """It never closes them."""
    STAYS_CLOSED = 'stays_closed'
    """Once closed it does not open them before it is unplugged."""
    WELDED = 'welded'
    """Closed whatever it does, so that the battery is on the inlet."""


class VehicleContactors:
    """
    The vehicle's contactors: closed on its own, opened when it may, or when it must.

    :param config: the :class:`~.vehicle_config.VehicleConfig`
    """

    def __init__(self, config: VehicleConfig) -> None:
        self.fault = ContactorFault.NONE
        self.config = config
        self._contactor = Contactor(closing_s=0.05, opening_s=0.03)
        self._is_connecting = False
        self._must_match = True
        self._matches_since_s: float | None = None
        self._open_from_s = math.inf
        self._open_at_latest_s = math.inf

    @property
    def are_closed(self) -> bool:
        """Whether the battery is on the inlet."""
        return self._contactor.is_closed or self.fault is ContactorFault.WELDED

    def connect(self, *, must_match: bool) -> None:
        """
        Close from now on.

        :param must_match: only where the inlet has the voltage of the battery
        """
        self._is_connecting = True
        self._must_match = must_match
        self._matches_since_s = None

    def stay(self) -> None:
        """Stay as they are."""
        self._is_connecting = False

    def open_unloaded(self, *, now_s: float) -> None:
        """Open when the current is low."""
        self._is_connecting = False
        self._open_from_s = min(self._open_from_s, now_s + self.config.opening_delay_s)

    def open_soon(self, *, now_s: float) -> None:
        """Open soon, whatever the current is."""
        self._is_connecting = False
        self._open_from_s = now_s
        self._open_at_latest_s = min(
            self._open_at_latest_s, now_s + self.config.forced_opening_s)

    def forget_session(self) -> None:
        """Have no wish any more."""
        self._is_connecting = False
        self._matches_since_s = None
        self._open_from_s = math.inf
        self._open_at_latest_s = math.inf

    def tick(
        self, *, is_plugged: bool, difference_v: float, inlet_a: float, now_s: float,
    ) -> None:
        """
        Move until ``now_s``.

        :param difference_v: between the inlet and the battery as it tells it
        """
        if not is_plugged:
            self._contactor.drive(False, now_s=now_s)
        elif self._is_connecting:
            self._close_when_voltages_match(difference_v, now_s)
        elif self._wants_open(inlet_a, now_s):
            self._contactor.drive(False, now_s=now_s)
        self._contactor.advance(now_s=now_s)

    def _wants_open(self, inlet_a: float, now_s: float) -> bool:
        if self.fault is ContactorFault.STAYS_CLOSED:
            return False
        return now_s >= self._open_at_latest_s or (
            now_s >= self._open_from_s and abs(inlet_a) < self.config.open_below_a)

    def _close_when_voltages_match(self, difference_v: float, now_s: float) -> None:
        if self.fault is ContactorFault.STAYS_OPEN:
            return
        if self._must_match and difference_v > self.config.precharge_window_v:
            self._matches_since_s = None
        elif self._matches_since_s is None:
            self._matches_since_s = now_s
        elif now_s - self._matches_since_s >= self.config.precharge_settle_s - 1e-6:
            self._contactor.drive(True, now_s=now_s)
