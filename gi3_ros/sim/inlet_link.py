# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
The vehicle's end of the plug link: what is at its inlet, and what the circuit has to know.

The copper itself, and how datagrams carry it: :mod:`.plug`.
"""

import math

from .controller import Controller
from .events import Kind, Story
from .plug import Inlet, InletReading, PERIOD_S, VehiclePlug
from .vehicle import Vehicle

CABLE_GONE_S = 0.5
"""So long after the plug link has aged out, the vehicle counts as unplugged. Not at once: when
all of the charger dies, the emergency for its silence on the bus (R3) shall come first."""


class InletLink:
    """
    Joins a vehicle, and the relays of its controller, with the circuit of the power modules.

    :param plug: a vehicle's end of a plug link, or ``None``: then nobody ever answers
    """

    def __init__(self, plug: VehiclePlug | None, vehicle: Vehicle, story: Story) -> None:
        self.is_up = False
        """Whether there is simulated copper at the inlet."""
        self._plug = plug
        self._vehicle = vehicle
        self._story = story
        self._heard_s = -math.inf
        self._sent: Inlet | None = None
        self._sent_s = -math.inf

    @property
    def has_answered(self) -> bool:
        """Whether the other end was ever there: what the charger says is not copper then."""
        return self._plug is not None and self._plug.was_heard

    def read(self, *, now_s: float) -> InletReading | None:
        """Return what is at the inlet, ``None`` if not known; unplug a cable that is gone."""
        reading = None if self._plug is None else self._plug.reading(now_s=now_s)
        if reading is not None:
            self._heard_s = now_s
            if not self.is_up:
                self.is_up = True
                self._say('plug link is up: real copper at the inlet', now_s)
        elif self.is_up and now_s - self._heard_s >= CABLE_GONE_S:
            self.is_up = False
            self._say('plug link fell silent: the cable is gone', now_s)
            if self._vehicle.is_plugged:
                self._vehicle.unplug()
        return reading

    def tell(self, controller: Controller, *, now_s: float) -> None:
        """Tell the circuit how everything at the pistol stands: at once when something moves."""
        if self._plug is None:
            return
        inlet = self._vehicle.inlet(
            relay_closed=controller.relay_closed,
            precharge_relay_closed=controller.precharge_relay_closed,
            digital_outputs=controller.digital_outputs,
        )
        before = self._sent
        has_moved = before is None or before.contacts != inlet.contacts
        if has_moved or now_s - self._sent_s >= PERIOD_S - 1e-6:
            self._plug.send(inlet)
            self._sent = inlet
            self._sent_s = now_s

    def _say(self, text: str, now_s: float) -> None:
        self._story.say(Kind.VEHICLE, text, now_s=now_s)
