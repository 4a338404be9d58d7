# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What may end a session in any of its stages: :class:`Supervision`."""

from .charge_session import Session
from .situation import INSULATION_OHM_PER_V, Origin, Situation
from .stages import POWER_STAGES, Stage, TRANSITIONS, Trigger


class Supervision:
    """Watches everybody: the charger, the plug, the link to the vehicle, its patience."""

    def __init__(self, situation: Situation) -> None:
        self._situation = situation

    def look(self, *, now_s: float) -> Trigger | None:
        """Return the gravest thing that happened and that the table knows in this stage."""
        situation = self._situation
        session, vehicle = situation.session, situation.vehicle
        if session is None:
            return None
        if session.is_stop_pressed:
            session.is_stop_pressed = False
            vehicle.ask_to_stop('the stop button was pressed')
        known = TRANSITIONS[situation.stage]
        emergency = situation.emergency
        if session.is_announced and Trigger.EMERGENCY in known and not emergency.is_in_force:
            self._check_interlocks(session, now_s)
        happened = (
            (Trigger.EMERGENCY, emergency.is_in_force),
            (Trigger.UNPLUGGED, not vehicle.is_plugged or vehicle.plug_ins != session.plug_in),
            (Trigger.LINK_LOST, session.is_link_lost),
            (Trigger.UNAVAILABLE, situation.is_withdrawn),
            (Trigger.STOP, bool(vehicle.stop_reason)),
            (Trigger.VEHICLE_TIMEOUT, situation.in_stage_for(now_s) >= self._patience_s()),
        )
        for trigger, has_happened in happened:
            if has_happened and trigger in known:
                return trigger
        return None

    def _check_interlocks(self, session: Session, now_s: float) -> None:
        """R3, R8, R14: the three causes of an emergency that this interface can carry."""
        situation = self._situation
        charger = situation.charger
        silent_s = now_s - charger.status_at_s
        timeout_s = situation.config.charger_can_timeout_ms / 1000.0
        if session.heard_status and silent_s > timeout_s:
            situation.raise_emergency(
                f'no Power_Modules_Status for {1000 * silent_s:.0f} ms, '
                f'permitted {1000 * timeout_s:.0f} ms (R3)', Origin.EVSE, now_s=now_s)
        elif situation.stage is Stage.CHARGING and situation.is_withdrawn:
            situation.raise_emergency(
                'System_Enable withdrawn in the charging loop (R8)', Origin.EVSE, now_s=now_s)
        elif situation.stage in POWER_STAGES and charger.is_status_new:
            told_v = 0.0 if session.power_control is None else session.power_control.target_voltage
            volts = max(told_v, charger.status.present_voltage)
            needed_ohm = INSULATION_OHM_PER_V * volts
            if charger.insulation_ohm() < needed_ohm:
                situation.raise_emergency(
                    f'insulation {charger.insulation_ohm() / 1e3:.0f} kOhm at {volts:.0f} V, '
                    f'needed {needed_ohm / 1e3:.1f} kOhm (R14)', Origin.EVSE, now_s=now_s)

    def _patience_s(self) -> float:
        vehicle = self._situation.vehicle.config
        if self._situation.stage in (Stage.PRECHARGE, Stage.CONNECTING):
            return vehicle.precharge_patience_s
        return vehicle.patience_s
