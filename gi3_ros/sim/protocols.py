# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What vehicle and controller may speak, who plans the current, and which way energy may flow."""

from collections.abc import Mapping
import enum
import types

from ..core.interface.signals import NewChargeSession

_Label = NewChargeSession.CommunicationProtocol


class Protocol(enum.Enum):
    """What a vehicle can speak, the oldest of each family first; the value is its name."""

    DIN_70121 = 'DIN 70121'
    ISO_15118_2 = 'ISO 15118-2'
    ISO_15118_20 = 'ISO 15118-20'
    CHADEMO_0_9 = 'CHAdeMO 0.9'
    CHADEMO_1 = 'CHAdeMO 1.x'
    CHADEMO_2 = 'CHAdeMO 2.0'

    @property
    def is_chademo(self) -> bool:
        """Whether it needs the other plug."""
        return self in CHADEMO


CHADEMO = (Protocol.CHADEMO_0_9, Protocol.CHADEMO_1, Protocol.CHADEMO_2)

LABEL: Mapping[Protocol, _Label] = types.MappingProxyType({
    Protocol.DIN_70121: _Label.CCS_DIN_70121_2012_V2,
    Protocol.ISO_15118_2: _Label.CCS_ISO_15118_2013_V2,
    Protocol.ISO_15118_20: _Label.CCS_ISO_15118_2022,
    Protocol.CHADEMO_0_9: _Label.CHADEMO_V0_9,
    Protocol.CHADEMO_1: _Label.CHADEMO_V1_0_TO_V1_2,
    Protocol.CHADEMO_2: _Label.CHADEMO_V2_0,
})
"""What New_Charge_Session says."""


class ControlMode(enum.Enum):
    """Who plans the current in ISO 15118-20."""

    SCHEDULED = 'scheduled'
    """The vehicle, within what was agreed: one target."""
    DYNAMIC = 'dynamic'
    """The charger, within the limits of the vehicle: a range."""


class Direction(enum.Enum):
    """Which way the energy may flow in a session."""

    CHARGE = 'charge'
    DISCHARGE = 'discharge'
    BOTH = 'both'
