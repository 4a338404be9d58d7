# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
The vehicle at the other end of the cable: a battery, two contactors and a few wishes.

The controller asks it what it wants and tells it how far the session is; what really happens in
the battery follows from the voltage and the current at its inlet (:meth:`Vehicle.observe`).
No clock and no CAN here.
"""

import random

from .battery import Battery
from .plug import Inlet, InletReading
from .vehicle_config import VehicleConfig
from .vehicle_contactors import ContactorFault, VehicleContactors
from .wishes import Wishes

_NOTHING = InletReading()


class Vehicle:
    """
    A vehicle with its battery.

    Whoever runs it calls ``observe`` with what is at the inlet and ``tick`` often (every 10 ms).

    :param rng: for the jitter of its requests
    """

    def __init__(
        self, config: VehicleConfig | None = None, *, rng: random.Random | None = None,
    ) -> None:
        config = config or VehicleConfig()
        self.battery = Battery(config)
        self.wishes = Wishes(config, self.battery, rng or random.Random(0))
        self.is_plugged = False
        self.plug_ins = 0
        """How often it was plugged in: who looks late sees that the plug was out meanwhile."""
        self.insulation_resistance_ohm = config.insulation_resistance_ohm
        self.claimed_battery_v: float | None = None
        """What it says in the precharge instead of the truth; ``None``: the truth."""
        self._config = config
        self._contactors = VehicleContactors(config)
        self._now_s: float | None = None

    @property
    def config(self) -> VehicleConfig:
        """What it is like; set another one to have it behave differently from now on."""
        return self._config

    @config.setter
    def config(self, config: VehicleConfig) -> None:
        self._config = self.battery.config = config
        self.wishes.config = self._contactors.config = config

    # What hangs on the cable

    def inlet(
        self, *, relay_closed: bool = False, precharge_relay_closed: bool = False,
        digital_outputs: int = 0,
    ) -> Inlet:
        """Return what the charger's cable sees of this vehicle, and of the controller as given."""
        return Inlet(
            is_plugged=self.is_plugged,
            contactors_closed=self.contactors_closed,
            battery_emf_v=self.battery.open_circuit_voltage_v,
            battery_resistance_ohm=self._config.resistance_ohm,
            insulation_resistance_ohm=self.insulation_resistance_ohm,
            relay_closed=relay_closed,
            precharge_relay_closed=precharge_relay_closed,
            digital_outputs=digital_outputs,
        )

    @property
    def contactors_closed(self) -> bool:
        """Whether the battery is on the inlet."""
        return self._contactors.are_closed

    @property
    def contactor_fault(self) -> ContactorFault:
        """What is wrong with the contactors; set it at will."""
        return self._contactors.fault

    @contactor_fault.setter
    def contactor_fault(self, fault: ContactorFault) -> None:
        self._contactors.fault = fault

    @property
    def open_circuit_voltage_v(self) -> float:
        """Battery voltage without current."""
        return self.battery.open_circuit_voltage_v

    @property
    def state_of_charge(self) -> float:
        """From 0 to 1."""
        return self.battery.state_of_charge

    @property
    def inlet_voltage_v(self) -> float:
        """Voltage that it measures at its inlet."""
        return self.battery.inlet.voltage_v

    @property
    def inlet_current_a(self) -> float:
        """Current through the inlet; negative out of the vehicle."""
        return self.battery.inlet.current_a

    @property
    def energy_charged_wh(self) -> float:
        """Into the vehicle, ever."""
        return self.battery.energy_charged_wh

    @property
    def energy_discharged_wh(self) -> float:
        """Out of it, ever."""
        return self.battery.energy_discharged_wh

    @property
    def energy_wh(self) -> float:
        """Into the vehicle, what came out of it subtracted."""
        return self.battery.energy_charged_wh - self.battery.energy_discharged_wh

    # What people and physics do to it

    def plug_in(self) -> None:
        """Put the connector in."""
        self.plug_ins += not self.is_plugged
        self.is_plugged = True

    def unplug(self) -> None:
        """Pull the connector out; the contactors open by themselves."""
        self.is_plugged = False
        self.begin_session()

    def observe(self, reading: InletReading | None) -> None:
        """Take the truth at the inlet; ``None`` when nothing is known about it."""
        self.battery.inlet = reading or _NOTHING

    def tick(self, *, now_s: float) -> None:
        """Let the battery charge and the contactors move until ``now_s``."""
        elapsed_s = 0.0 if self._now_s is None else max(0.0, now_s - self._now_s)
        self._now_s = now_s
        if self.contactors_closed and self.is_plugged:
            self.battery.charge(elapsed_s)
        inlet = self.battery.inlet
        self._contactors.tick(
            is_plugged=self.is_plugged, inlet_a=inlet.current_a,
            difference_v=abs(inlet.voltage_v - self.told_battery_v), now_s=now_s)

    # What the controller asks and tells it

    def begin_session(self) -> None:
        """Forget the session before."""
        self.wishes.forget_session()
        self._contactors.forget_session()

    @property
    def told_battery_v(self) -> float:
        """The battery voltage that it tells, which need not be the true one."""
        if self.claimed_battery_v is not None:
            return self.claimed_battery_v
        return self.battery.open_circuit_voltage_v

    @property
    def stop_reason(self) -> str:
        """Why it wants the energy transfer to end; empty while it does not."""
        return self.wishes.stop_reason

    def ask_to_stop(self, reason: str) -> None:
        """Somebody wants a regular end; the vehicle complies at its next request."""
        self.wishes.ask_to_stop(reason)

    def begin_precharge(self) -> None:
        """Watch the inlet from now on, close the contactors when it fits the battery (R19)."""
        self._contactors.connect(must_match=True)

    def connect(self) -> None:
        """Close the contactors at whatever voltage: CHAdeMO has no precharge of its own (R46)."""
        self._contactors.connect(must_match=False)

    def begin_transfer(self, *, now_s: float) -> None:
        """Ask for energy from now on."""
        self._contactors.stay()
        self.wishes.begin(now_s=now_s)

    def end_transfer(self, *, now_s: float) -> None:
        """Open the contactors when the current is low."""
        self._contactors.open_unloaded(now_s=now_s)

    def emergency(self, *, now_s: float) -> None:
        """Open the contactors soon, whatever the current is."""
        self._contactors.open_soon(now_s=now_s)
