# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What the controller knows of one session: :class:`Session` while it lasts, then its outcome."""

import dataclasses
import math

from ..core.interface.layout import Message
from ..core.interface.signals import (
    ChargeSessionFinished,
    DcPowerControl,
    PowerModulesStatus,
)
from .agreement import Agreement

INTEGRATE_S = 1.0
"""As gi3 report: no energy is counted across a longer silence of Power_Modules_Status."""


@dataclasses.dataclass(frozen=True)
class Outcome:
    """How a session ended."""

    state: ChargeSessionFinished.State
    reason: str
    duration_s: float
    charging_s: float
    energy_charged_wh: float
    energy_discharged_wh: float
    """Into and out of the vehicle, at its inlet."""
    agreement: Agreement | None
    """What controller and vehicle settled on."""
    insulation_resistance_ohm: float
    """Lowest value that counted in the test; NaN without a test."""
    told_wh: float = math.nan
    """Into the vehicle by the charger's Power_Modules_Status, what came out of it subtracted."""

    @property
    def is_clean(self) -> bool:
        """Whether the session ended in the regular way."""
        return self.state is ChargeSessionFinished.State.CLEAN_STOP

    @property
    def energy_wh(self) -> float:
        """Into the vehicle, what came out of it subtracted."""
        return self.energy_charged_wh - self.energy_discharged_wh


@dataclasses.dataclass
class InsulationTest:
    """What has been measured in the insulation test until now."""

    good_iterations: int = 0
    """In a row."""
    lowest_ohm: float = math.inf
    """Of the good ones."""

    def take(self, insulation_ohm: float, *, needed_ohm: float) -> None:
        """Take a value at the test voltage."""
        if insulation_ohm < needed_ohm:
            self.good_iterations = 0
            return
        self.good_iterations += 1
        self.lowest_ohm = min(self.lowest_ohm, insulation_ohm)


@dataclasses.dataclass
class Session:
    """What is known about the session in progress; a new one starts with nothing."""

    started_s: float
    plug_in: int = 0
    """Which plug-in of the vehicle it belongs to."""
    charged_before_wh: float = 0.0
    discharged_before_wh: float = 0.0
    agreement: Agreement | None = None
    disagreement: str = ''
    """Why there is no agreement."""
    is_announced: bool = False
    heard_status: bool = False
    was_enabled: bool = False
    """Whether System_Enable was Allowed once."""
    told_wh: float = 0.0
    insulation: InsulationTest = dataclasses.field(default_factory=InsulationTest)
    is_stop_pressed: bool = False
    is_link_lost: bool = False
    ended_regularly: bool = False
    reason: str = ''
    charging_from_s: float = math.nan
    charging_s: float = 0.0
    finished_s: float = math.nan
    power_control: DcPowerControl | None = None
    """The last one that was sent."""
    sent_information: dict[str, Message] = dataclasses.field(default_factory=dict)
    """The last EV information of each kind."""

    @property
    def is_finished(self) -> bool:
        """Whether Charge_Session_Finished was sent."""
        return not math.isnan(self.finished_s)

    @property
    def agreed(self) -> Agreement:
        """The agreement, in the stages that there are only with one."""
        if self.agreement is None:
            raise RuntimeError('vehicle and controller have not agreed yet')
        return self.agreement

    def hear_status(
        self, before: PowerModulesStatus, status: PowerModulesStatus, gap_s: float,
    ) -> None:
        """
        Take a Power_Modules_Status.

        :param before: the one before it, ``gap_s`` earlier
        """
        if gap_s <= INTEGRATE_S:
            watts = before.present_voltage * before.present_current
            watts += status.present_voltage * status.present_current
            self.told_wh += watts * gap_s / 7200.0
        self.heard_status = True
        if status.system_enable is PowerModulesStatus.SystemEnable.ALLOWED:
            self.was_enabled = True

    def outcome(
        self, state: ChargeSessionFinished.State, *, charged_wh: float, discharged_wh: float,
    ) -> Outcome:
        """
        Sum up a session that has finished.

        :param charged_wh: what the meter of the vehicle shows now; ``discharged_wh`` as well
        """
        lowest_ohm = self.insulation.lowest_ohm
        return Outcome(
            state=state,
            reason=self.reason,
            duration_s=self.finished_s - self.started_s,
            charging_s=self.charging_s,
            energy_charged_wh=charged_wh - self.charged_before_wh,
            energy_discharged_wh=discharged_wh - self.discharged_before_wh,
            agreement=self.agreement,
            insulation_resistance_ohm=lowest_ohm if math.isfinite(lowest_ohm) else math.nan,
            told_wh=self.told_wh,
        )
