# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What is said of a charge to people and robots; what is not known is said to be unknown."""

import dataclasses
import enum
import math

from ..controller_watch import CHARGE_PAUSE, State

UNKNOWN_STATE = 255
"""Told as the controller's state when it is not heard; no version has it as a label."""


class Phase(enum.IntEnum):
    """The charge as people see it; the numbers are those of ``ChargeSession.msg``."""

    DISCONNECTED = 0
    NEGOTIATING = 1
    AUTHORISING = 2
    PREPARING = 3
    INSULATION_TEST = 4
    PRECHARGE = 5
    WAITING = 6
    CHARGING = 7
    ENDING = 8
    FINISHED = 9
    UNAVAILABLE = 10
    NO_CONTROLLER = 11
    PAUSED = 12
    UNKNOWN = 13
    """A state without a label here is a session that goes on, whatever it is."""


PHASE_OF_STATE: dict[int, Phase] = {
    State.INITIALISING: Phase.UNAVAILABLE,
    State.NOT_AVAILABLE: Phase.UNAVAILABLE,
    State.WAITING_FOR_PEV: Phase.DISCONNECTED,
    State.NEGOTIATING_CONNECTION: Phase.NEGOTIATING,
    State.CCS_AUTHORISATION_PROCESS: Phase.AUTHORISING,
    State.CONNECTED_WITH_FULL_INFO: Phase.PREPARING,
    State.INSULATION_TEST: Phase.INSULATION_TEST,
    State.PRECHARGE: Phase.PRECHARGE,
    State.WAITING_FOR_CHARGE: Phase.WAITING,
    State.CHARGING: Phase.CHARGING,
    State.ENDING_CHARGE: Phase.ENDING,
    State.WELDING_DETECTION: Phase.ENDING,
    State.CLOSING_COMMUNICATION: Phase.FINISHED,
    CHARGE_PAUSE: Phase.PAUSED,
}
"""The controller's state is informative (A5): it tells the story, it never moves power."""


@dataclasses.dataclass(frozen=True, slots=True)
class Story:
    """The charge so far. Watt hours, seconds, watts; state of charge 0..1 or NaN."""

    phase: Phase
    controller_state: int
    protocol: str
    energy_charged_wh: float
    energy_discharged_wh: float
    duration_s: float
    peak_power_w: float
    state_of_charge: float
    end_reason: str
    note: str = ''


class Charging(enum.IntEnum):
    """What the battery does; the numbers are those of ``sensor_msgs/BatteryState``."""

    UNKNOWN = 0
    CHARGING = 1
    DISCHARGING = 2
    NOT_CHARGING = 3


@dataclasses.dataclass(frozen=True, slots=True)
class Battery:
    """What is known of the vehicle's battery right now. Volts, amperes, 0..1; NaN is unknown."""

    voltage_v: float = math.nan
    current_a: float = math.nan
    """Positive into the battery."""
    state_of_charge: float = math.nan
    charging: Charging = Charging.UNKNOWN
    is_present: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class Words:
    """All that session says to people and robots, true at one moment."""

    story: Story
    battery: Battery
    is_safe_to_unplug: bool
    why_not_available: str
    """Empty when a charge may begin."""

    @property
    def news(self) -> tuple[object, ...]:
        """Return what is worth a word before the next repeat."""
        story, battery = self.story, self.battery
        return (
            story.phase, story.controller_state, story.end_reason, self.is_safe_to_unplug,
            self.why_not_available, battery.charging, battery.is_present,
            math.isnan(battery.voltage_v), math.isnan(battery.state_of_charge),
        )

    def last(self, why: str) -> 'Words':
        """
        Return what is left to say for one who says nothing any more.

        What was counted stays, as it was so; of what is so now nothing is known.
        """
        story = dataclasses.replace(
            self.story, phase=Phase.UNKNOWN, controller_state=UNKNOWN_STATE,
            state_of_charge=math.nan, note=why)
        return Words(story, Battery(), is_safe_to_unplug=False, why_not_available=why)


NOTHING_KNOWN = Words(
    Story(Phase.UNKNOWN, UNKNOWN_STATE, '', 0.0, 0.0, 0.0, 0.0, math.nan, ''), Battery(),
    is_safe_to_unplug=False, why_not_available='nothing is known yet')
