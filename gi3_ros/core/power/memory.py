# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What power_control remembers of a session: what has happened in it, and who wished what."""

import math

from ..controller_watch import ANNOUNCING_S, ControllerWatch, State
from ..interface.signals import DcPowerControl
from .inputs import StageReports
from .parameters import PowerConfig
from .setpoint import is_range_mode, Leases

CLOSING_S = 0.5
"""No session is announced so soon after one was finished: that is a last word of it (R44)."""
NO_PART = (
    'a session is running that this node has not seen begin, or was reset in: it stays off until '
    'the next one'
)
_ENDING = frozenset({State.ENDING_CHARGE, State.WELDING_DETECTION, State.CLOSING_COMMUNICATION})


class SessionMemory:
    """
    What has happened since the session began.

    :param stage: the reports of the output stage, which may know of a battery that we do not
    """

    def __init__(self, config: PowerConfig, stage: StageReports) -> None:
        self._supports_range_mode = config.limits.supports_range_mode
        self._stage = stage
        self.is_finished = False
        """Charge_Session_Finished came, and the controller was not idle since."""
        self._finished_s = -math.inf
        self._announced_s = -math.inf
        self.is_off_commanded = False
        """The last command was Off: it counts when the modules are ready (A27)."""
        self.awaits_idle = False
        """After a fault the controller has to be without a session before one may begin."""
        self.battery_may_be_connected = False
        self.is_tested = False
        """There was an Insulation_Test."""
        self.transfer_command: DcPowerControl | None = None
        """The last Power_Transfer of this session; its mode outlasts a pause."""
        self.wishes = Wishes()

    def begin(self) -> None:
        """Begin a session: nothing of the one before counts."""
        self.is_finished = False
        self.battery_may_be_connected = self.is_tested = self.is_off_commanded = False
        self.transfer_command = None

    def see_announcement(self, *, now_s: float) -> None:
        """Take note of an announcement, whether or not it begins a session."""
        self._announced_s = now_s

    def finish(self, *, is_in_session: bool, now_s: float) -> None:
        """Take note of Charge_Session_Finished; said again it ends nothing more."""
        if is_in_session and not self.is_finished:
            self.wishes.drop()
            self.transfer_command = None
        self.is_finished, self._finished_s = True, now_s

    def leave(self, *, is_lost: bool) -> None:
        """
        Go back to having no session.

        :param is_lost: it was only announced, and goes on when the controller is heard again
        """
        self.transfer_command = None
        # A session that was finished has dropped the wishes for it: newer ones are for the next.
        if not self.is_finished and not is_lost:
            self.wishes.drop()

    def is_closing(self, *, now_s: float) -> bool:
        """Return whether a session ended so recently that an announcement is a word of it."""
        return now_s - self._finished_s < CLOSING_S

    @property
    def is_beyond_announcement(self) -> bool:
        """
        Whether a session was tested, or has met a battery.

        Whoever announces another one has lost it, and its state is to say so.
        """
        return self.is_tested or self.battery_may_be_connected

    @property
    def is_battery_possible(self) -> bool:
        """Whether a battery may be at the pistol, as far as we or the output stage know."""
        return self.battery_may_be_connected or self._stage.sees_battery

    @property
    def may_choose(self) -> bool:
        """Whether the current is ours to choose, in this session's transfers (R25)."""
        return (self.transfer_command is not None and is_range_mode(self.transfer_command)
                and self._supports_range_mode)

    def has_no_part(self, controller: ControllerWatch, *, now_s: float) -> bool:
        """
        Tell whether a session is past its announcement, or awaits one, without us (A4).

        Only to be asked in IDLE: in every other phase we have our part.
        """
        state = controller.state
        if not controller.is_alive(now_s=now_s) or (self.is_finished and state in _ENDING):
            return False
        if state == State.INSULATION_TEST:
            since_s = max(controller.since_s, self._announced_s)
            return self.awaits_idle or now_s - since_s >= ANNOUNCING_S
        return controller.is_past_announcement or (
            self.awaits_idle and state == State.CONNECTED_WITH_FULL_INFO)


class Wishes:
    """Wishes for a current in Range_Mode: they belong to one session (A16)."""

    def __init__(self) -> None:
        self.leases = Leases()
        self.ocpp_a: float | None = None
        """Of the last OCPP_Control."""

    def drop(self) -> None:
        """Forget all of them."""
        self.leases.clear()
        self.ocpp_a = None
