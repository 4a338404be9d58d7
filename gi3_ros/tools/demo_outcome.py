# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What became of a run of ``gi3 demo``, and how it is summed up."""

import dataclasses
import math
from typing import NamedTuple

from .views.demo_picture import Picture


class SummaryRow(NamedTuple):
    """A line of the summary."""

    label: str
    text: str
    is_bad: bool = False


@dataclasses.dataclass
class Outcome:
    """What is known at the end, besides the picture of the session."""

    failures: list[str] = dataclasses.field(default_factory=list)
    """Why it failed; empty when all went as it should."""
    ended_by: str = ''
    """The signal that ended it."""
    silence: list[str] = dataclasses.field(default_factory=list)
    """What the charger did when the controller fell silent."""
    safe_state: str = ''
    """How the charger came to rest."""
    breaches: list[str] = dataclasses.field(default_factory=list)
    """Rules that the charger broke."""
    hardware: list[str] = dataclasses.field(default_factory=list)
    """What the hardware would have suffered from."""
    verdict: str | None = None
    """That of the simulator, ``None`` before it."""

    def rows(
        self, picture: Picture, logs: list[SummaryRow], *, has_vehicle: bool,
    ) -> list[SummaryRow]:
        """
        Return what is said at the end.

        :param logs: what the processes have said last, for a failure
        :param has_vehicle: whether it came so far that a vehicle could judge the charger
        """
        rows = [self._row_of_end(picture.end_reason)]
        rows += [SummaryRow('', text, True) for text in self.silence]
        if self.failures:
            rows += logs
        if self.safe_state:
            rows.append(SummaryRow('safe state', self.safe_state))
        rows += _rows_of_session(picture)
        if has_vehicle:
            rows += self._rows_of_checks()
        return rows

    def _row_of_end(self, end_reason: str) -> SummaryRow:
        if self.ended_by:
            return SummaryRow('ended', f'by {self.ended_by}', True)
        if self.failures:
            return SummaryRow('FAILED', '; '.join(self.failures), True)
        return SummaryRow('ended', f'{end_reason}, both sides agree')

    def _rows_of_checks(self) -> list[SummaryRow]:
        rows = []
        count = len(self.breaches)
        words = f'{count or "none"} broken by the charger'
        if self.ended_by:
            words += ' until then'
        elif self.verdict:
            rows.append(SummaryRow('simulator', self.verdict, bool(self.breaches)))
        rows.append(SummaryRow('rules', words, count > 0))
        rows += [SummaryRow('', text, True) for text in self.breaches]
        count = len(self.hardware)
        rows.append(SummaryRow(
            'hardware',
            f'{count} times overstressed' if count else 'never overstressed', count > 0))
        return rows


def _rows_of_session(picture: Picture) -> list[SummaryRow]:
    rows: list[SummaryRow] = []
    charge = picture.last_charge
    durations = picture.durations()
    if durations:
        rows.append(SummaryRow(
            'phases',
            ', '.join(f'{name} {seconds:.1f} s' for name, seconds in durations)))
    if charge is not None and charge.energy_wh > 0:
        rows.append(SummaryRow(
            'energy',
            f'{charge.energy_wh / 1e3:.3f} kWh, peak {charge.peak_w / 1e3:.1f} kW, battery '
            f'{100 * picture.first_state_of_charge:.0f} to '
            f'{100 * picture.last_state_of_charge:.0f} %'))
    if not math.isnan(picture.test_ohm):
        rows.append(SummaryRow(
            'insulation',
            f'{picture.test_ohm / 1e3:.0f} kOhm in the test at {picture.test_v:.0f} V'))
    if picture.precharge is not None:
        precharge = picture.precharge
        rows.append(SummaryRow(
            'precharge',
            f'{precharge.verdict} after {precharge.elapsed_s:.2f} s, '
            f'{abs(precharge.difference_v):.1f} V from its target of '
            f'{precharge.target_v:.1f} V'))
    return rows
