# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Which DC_Power_Control the controller wants in a stage: :class:`PowerCommands`."""

from ..core.interface.signals import DcPowerControl
from .agreement import Agreement, ChargeLimits, current_range
from .charge_session import Session
from .charger_reports import MAX_TEMPERATURE_C
from .protocols import Direction
from .situation import Situation
from .stages import (
    CLOSE,
    CONSTANT_POWER_CONTROL,
    LOWERING_OPEN,
    OFF_OPEN,
    Stage,
    STANDBY_CLOSED,
    STANDBY_OPEN,
)

SetpointsMode = DcPowerControl.SetpointsMode


class PowerCommands:
    """Makes the command of the present stage out of what vehicle and charger say."""

    def __init__(self, situation: Situation) -> None:
        self._situation = situation

    def wanted(self, session: Session, *, now_s: float) -> DcPowerControl | None:
        """Return the command that should be in force now; None before the modules are asked."""
        situation = self._situation
        stage = situation.stage
        if stage is Stage.CHARGING:
            return self._transfer(session.agreed, now_s)
        if stage is Stage.TESTING:
            return DcPowerControl(
                target_voltage=self.test_voltage_v(),
                power_function=DcPowerControl.PowerFunction.INSULATION_TEST,
                output_contactors=CLOSE,
            )
        if stage is Stage.PRECHARGE:
            return DcPowerControl(
                target_voltage=situation.vehicle.told_battery_v,
                current_range_max=situation.vehicle.config.precharge_current_a,
                power_function=DcPowerControl.PowerFunction.PRECHARGE,
                setpoints_mode=SetpointsMode.RANGE_MODE,
                output_contactors=CLOSE,
            )
        if stage is Stage.CLOSING:
            return self._closing(session)
        if stage is Stage.CONNECTING:
            return STANDBY_OPEN if situation.config.chademo_precharge else STANDBY_CLOSED
        return CONSTANT_POWER_CONTROL.get(stage)

    def test_voltage_v(self) -> float:
        """Return the highest voltage that the charger could apply in this session (R11)."""
        return self._situation.charger.limits().voltage_v

    def _transfer(self, agreement: Agreement, now_s: float) -> DcPowerControl:
        charger, vehicle = self._situation.charger, self._situation.vehicle
        # Merged anew each time, so that new DC_Power_Parameters act on a running charge (A44).
        limits = charger.limits()
        modules_c = charger.modules_c
        if modules_c >= MAX_TEMPERATURE_C:
            vehicle.ask_to_stop(f'the power modules are at {modules_c:.0f} °C (R50)')
        if vehicle.wishes.is_pausing(now_s=now_s):
            return STANDBY_CLOSED
        if agreement.mode is SetpointsMode.RANGE_MODE or agreement.is_range_converted:
            window = vehicle.wishes.window(limits, agreement.direction, now_s=now_s)
            voltage_v = window.voltage_v
            low_a, high_a = current_range(window, agreement.direction)
            if agreement.is_range_converted:
                # A43: as the modules would, that cannot choose.
                is_out = agreement.direction is Direction.DISCHARGE
                low_a = high_a = low_a if is_out else high_a
        else:
            request = vehicle.wishes.request(limits, agreement.direction, now_s=now_s)
            voltage_v = request.voltage_v
            low_a = high_a = self._clamped(request.current_a, limits, agreement.direction)
        # As the frame carries them: what is the same there is no change.
        return DcPowerControl(
            target_voltage=round(min(voltage_v, limits.voltage_v), 1),
            current_range_max=round(high_a, 1),
            current_range_min=round(low_a, 1),
            power_function=DcPowerControl.PowerFunction.POWER_TRANSFER,
            setpoints_mode=agreement.mode,
            output_contactors=CLOSE,
        )

    def _clamped(self, current_a: float, limits: ChargeLimits, direction: Direction) -> float:
        """Keep a target within the limits and the direction that was agreed (4.3)."""
        volts = max(self._situation.charger.status.present_voltage, 1.0)
        most_a = least_a = 0.0
        if direction is not Direction.DISCHARGE:
            most_a = min(limits.current_a, limits.power_w / volts)
        if direction is not Direction.CHARGE:
            least_a = -min(limits.discharge_current_a, limits.discharge_power_w / volts)
        return min(max(current_a, least_a), most_a)

    def _closing(self, session: Session) -> DcPowerControl:
        # Not every session comes here by way of the three steps. Never bleed a battery: the
        # vehicle opens first.
        situation = self._situation
        if situation.emergency.is_in_force:
            return OFF_OPEN
        if session.is_finished or situation.vehicle.contactors_closed:
            return STANDBY_OPEN
        is_high = situation.charger.status.present_voltage > situation.low_voltage_v
        return LOWERING_OPEN if is_high else STANDBY_OPEN
