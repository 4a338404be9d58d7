# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What people and robots may ask for within a session: a current, lower limits."""

from .advertised import Advertising, SMALLEST_CURRENT_A
from .limits import ChargerLimits
from .memory import SessionMemory
from .setpoint import Priority


class Requests:
    """Grants or refuses, and says in words what comes of it."""

    def __init__(
        self, limits: ChargerLimits, memory: SessionMemory, advertising: Advertising,
    ) -> None:
        self._limits = limits
        self._memory = memory
        self._advertising = advertising

    def current(
        self, current_a: float, *, duration_s: float, priority: int, source: str, fault: str,
        now_s: float,
    ) -> str:
        """
        Grant a lease on the current; see :meth:`Leases.grant`.

        :param fault: the one that is latched, if any
        :returns: words that say how the wish is carried out
        :raises ValueError: with the reason of the refusal
        """
        leases = self._memory.wishes.leases
        if duration_s > 0:
            self._refuse_impossible(current_a, fault)
        ended = leases.grant(
            current_a, duration_s=duration_s, priority=priority, source=source, now_s=now_s,
        )
        rank = Priority(priority).name.lower()
        if duration_s == 0:
            return (f'lease of {ended.source} ({rank}) given back' if ended is not None
                    else f'there was no lease of the {rank}')
        wish = f'{current_a:g} A for {duration_s:g} s'
        ahead = leases.in_force(now_s=now_s)
        if ahead is not None and ahead.priority > priority:
            return f'{wish}, after the lease of {ahead.source}, which ranks higher'
        if self._memory.may_choose:
            return f'{wish}, inside the range of the controller'
        self._advertising.follow(ahead)
        return self._words_of_told(current_a, wish, duration_s)

    def _words_of_told(self, current_a: float, wish: str, duration_s: float) -> str:
        """Say how a wish is carried out that the vehicle has to be told (R32)."""
        told = self._advertising.limits.current
        name, told_a = (
            ('Maximum_Charge_Current', told.maximum_charge_current) if current_a >= 0
            else ('Maximum_Discharge_Current', told.maximum_discharge_current)
        )
        if self._memory.transfer_command is None:
            return (
                f'{wish} from the power transfer on: inside the range of the controller in '
                'Range_Mode; in Target_Mode the vehicle sets the current and is told '
                f'{max(abs(current_a), SMALLEST_CURRENT_A):g} A as its limit (R32)'
            )
        return (
            f'{name} {told_a or abs(current_a):g} A is told to the vehicle for {duration_s:g} s; '
            'the vehicle sets the current (Target_Mode, R32)'
        )

    def _refuse_impossible(self, current_a: float, fault: str) -> None:
        """Refuse a wish for a current that cannot come about, with words."""
        if fault:
            raise ValueError(f'a fault is latched, no power until it is reset: {fault}')
        limits = self._limits
        low = -limits.max_charger_discharge_current if limits.is_bidirectional else 0.0
        high = limits.max_charger_current
        if not low <= current_a <= high:
            raise ValueError(
                f'{current_a:g} A is outside {low:g} .. {high:g} A that this charger can do'
            )
        transfer = self._memory.transfer_command
        if transfer is None or self._memory.may_choose:
            return
        if abs(current_a) < SMALLEST_CURRENT_A or (
                (current_a < 0) != (transfer.current_range_max < 0)):
            raise ValueError(
                f'{current_a:g} A cannot be told to a vehicle that sets the current itself, now '
                f'{transfer.current_range_max:g} A '
                '(Target_Mode, R32, R33); to end the charge call stop_charge'
            )

    def limits(
        self, *, voltage_v: float, charge_current_a: float, discharge_current_a: float,
    ) -> str:
        """
        Lower what is told to the controller; see :meth:`AdvertisedLimits.set`.

        In Range_Mode, where the current is ours to choose, it is kept at once as well, but never
        outside of the range.

        :returns: words with the limits now told
        :raises ValueError: with the reason of the refusal
        """
        advertised = self._advertising.limits
        advertised.set(
            voltage_v=voltage_v, charge_current_a=charge_current_a,
            discharge_current_a=discharge_current_a,
        )
        told = advertised.current
        return (
            f'told to the controller: maximum {_told(told.maximum_voltage, "V")}, '
            f'charge {_told(told.maximum_charge_current, "A")}, '
            f'discharge {_told(told.maximum_discharge_current, "A")}; the '
            'vehicle follows in Target_Mode, this charger in Range_Mode'
        )


def _told(value: float, unit: str) -> str:
    """Put a limit of DC_Power_Parameters into words."""
    if not value:
        return 'as the controller is configured'
    least = ' (the least that can be told)' if value == SMALLEST_CURRENT_A else ''
    return f'{value:g} {unit}{least}'
