# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The sessions of one pistol, and what belongs to each of them."""

import collections
import math

from ...core.interface.signals import (
    DcPowerControl,
    EvInformationBattery,
    EvInformationChargeLimits,
    EvInformationDischargeLimits,
    EvInformationVoltages,
    PowerModulesStatus,
    SequenceControl,
)
from . import causes
from .causes import Emergency
from .command import CommandInForce
from .session import (
    INTEGRATE_S,
    Measured,
    Session,
    ToldLimits,
    VehicleLimits,
    VehicleVoltages,
)

Function = DcPowerControl.PowerFunction
CROSSING_S = 0.5
"""State and announcement of the same moment are no further apart (A5)."""
REST_S = 5.0
"""For so long what flows after the end of a session is still counted as its energy."""
LEFT_S = 15.0
"""For so long after its end the voltage that is left at the output belongs to a session."""
KEPT = 500
"""Sessions, emergencies and presses of the stop button that are kept of one pistol; of sessions
the others are counted."""


class Sessions:
    """Keeps the sessions of one pistol, and gives each what is said and measured in it."""

    def __init__(self) -> None:
        self.kept: list[Session] = []
        self.more = 0
        """How many are not kept."""
        self.endings: collections.Counter[str | None] = collections.Counter()
        """Outcome of a session, ``None`` included -> how many; also of those that are not kept."""
        self.open: Session | None = None
        self.emergencies: list[Emergency] = []
        """Also outside of sessions; the first ones."""
        self.stops: list[float] = []
        """When User_Stop_Button went to Pressed; the first ones."""
        self._latest: Session | None = None
        """The session that is open or was open last."""
        self._measured: Measured | None = None
        """The newest status, where energy can be counted from it on."""
        self._measured_s = -math.inf
        """When the newest status was heard, whatever was between."""
        self._told: ToldLimits | None = None
        self._emergency_s = -math.inf
        self._is_stop_pressed = False

    def begin(self, time_s: float, *, is_begin_known: bool) -> Session:
        """Open a session."""
        session = self.open = self._latest = Session(time_s, is_begin_known, self._told)
        self._measured = None
        if len(self.kept) < KEPT:
            self.kept.append(session)
        else:
            self.more += 1
        return session

    def end(self, time_s: float, reason: str, outcome: str | None = None) -> None:
        """End the session that is open."""
        session = self.open
        if session is None:
            return
        if session.emergency is None:
            session.see_silence(time_s, self._measured_s)
        session.end_s = time_s
        session.end_reason = reason
        session.outcome = outcome
        self.endings[outcome] += 1
        self.open = None

    def cut(self, time_s: float, reason: str) -> None:
        """End the session that is open where the log ends or has a hole."""
        if self.open is not None:
            self.open.is_cut = True
            self.end(time_s, reason)

    def interrupt(self) -> None:
        """Take it that what was going on is not known any more."""
        self._latest = self._measured = None

    # What is measured

    def see_status(
        self, status: PowerModulesStatus, power_w: float, command: CommandInForce,
        time_s: float,
    ) -> None:
        """Take a Power_Modules_Status."""
        self.see_left(time_s, output_v=status.present_voltage)
        now, before = Measured(status, time_s, power_w), self._measured
        self._measured, self._measured_s = now, time_s
        if self.open is not None:
            self.open.measure(now, before, command)
        elif before is not None:
            self._count_rest(now, before)

    def _count_rest(self, now: Measured, before: Measured) -> None:
        """Count what still flows when the session has been declared finished."""
        session = self._latest
        if session is None or now.time_s - session.end_s > REST_S:
            return
        step_s = now.time_s - before.time_s
        if 0 <= step_s <= INTEGRATE_S:
            session.integrate(before.power_w, now.power_w, step_s)

    def see_left(
        self, time_s: float, *, output_v: float | None = None, pistol_v: float | None = None,
    ) -> None:
        """Take a voltage for the session that what is left at the output belongs to, if any."""
        session = self._latest
        if session is not None and time_s - session.end_s <= LEFT_S:
            session.left.see(time_s, output_v=output_v, pistol_v=pistol_v)

    # What is said

    def see_command(self, message: DcPowerControl, time_s: float) -> None:
        """Take a DC_Power_Control that commands power."""
        function = message.power_function
        if self.open is not None and function != Function.INSULATION_TEST:
            self.open.reasons.drop(causes.TEST)
            if self.open.transfer_s is None and function == Function.POWER_TRANSFER:
                self.open.transfer_s = time_s

    def see_emergency(self, origin: str, time_s: float) -> bool:
        """Take an Emergency_Stop; return whether it is a new one, as it is repeated."""
        is_new = time_s - self._emergency_s > 1.0
        self._emergency_s = time_s
        if is_new:
            emergency = Emergency(origin, time_s)
            if len(self.emergencies) < KEPT:
                self.emergencies.append(emergency)
            if self._latest is not None:
                self._blame(self._latest, emergency)
        return is_new

    def _blame(self, session: Session, emergency: Emergency) -> None:
        """Take it that an emergency belongs to a session, where it is open or has just ended."""
        time_s = emergency.time_s
        session.see_silence(time_s, self._measured_s)
        # The end may be said first.
        if session.emergency is None and (
                session.is_open or 0 <= time_s - session.end_s <= CROSSING_S):
            session.emergency = emergency

    def see_battery(self, message: EvInformationBattery) -> None:
        """Take the battery of the vehicle."""
        session = self.open
        if session is not None:
            session.capacity_wh = message.battery_capacity or None
            if session.soc_from is None:
                session.soc_from = message.present_state_of_charge
            session.soc_to = message.present_state_of_charge

    def see_voltages(self, message: EvInformationVoltages) -> None:
        """Take the voltages of the vehicle."""
        if self.open is not None:
            self.open.ev_voltages = VehicleVoltages(
                message.ev_minimum_voltage, message.ev_maximum_voltage)

    def see_charge_limits(self, message: EvInformationChargeLimits) -> None:
        """Take what the vehicle charges with."""
        if self.open is not None:
            self.open.ev_charge = VehicleLimits(
                message.ev_minimum_charge_current, message.ev_maximum_charge_current,
                message.ev_minimum_charge_power, message.ev_maximum_charge_power)

    def see_discharge_limits(self, message: EvInformationDischargeLimits) -> None:
        """Take what the vehicle discharges with."""
        if self.open is not None:
            self.open.ev_discharge = VehicleLimits(
                message.ev_minimum_discharge_current, message.ev_maximum_discharge_current,
                message.ev_minimum_discharge_power, message.ev_maximum_discharge_power)

    def see_told(self, told: ToldLimits) -> None:
        """Take the limits of DC_Power_Parameters."""
        self._told = told
        if self.open is not None:
            self.open.told = told

    def see_sequence(self, message: SequenceControl, time_s: float) -> None:
        """Take the stop button and the authorisation."""
        is_pressed = message.user_stop_button == 1
        if is_pressed and not self._is_stop_pressed:
            if len(self.stops) < KEPT:
                self.stops.append(time_s)
            self._note(causes.BUTTON, time_s, 'the stop button was pressed (User_Stop_Button)')
        self._is_stop_pressed = is_pressed
        if message.ccs_authorisation_done == 1 and message.ccs_authorisation_valid == 0:
            self._note(
                causes.REFUSED, time_s, 'the authorisation was refused (CCS_Authorisation_Valid)')

    def _note(self, kind: str, time_s: float, words: str) -> None:
        if self.open is not None:
            self.open.reasons.note(kind, time_s, words)
