# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What a tick decides: the setpoint of the modules, and how it came about."""

import dataclasses
import typing

from ..hardware import PowerSetpoint
from ..interface.signals import DcPowerParameters, PowerModulesStatus
from .phases import Phase
from .setpoint import Lease


class Regulation(typing.NamedTuple):
    """The setpoint of a phase, and what shaped it; what :class:`Effective` says, means it here."""

    setpoint: PowerSetpoint
    note: str = ''
    """What a person should know about it; empty when all is as commanded."""
    limited_by: tuple[str, ...] = ()
    target_a: float = 0.0
    wanted_a: float = 0.0
    range_min_a: float = 0.0
    range_max_a: float = 0.0
    source: str = 'controller'


@dataclasses.dataclass(frozen=True, slots=True)
class Effective:
    """The setpoint in force, whose it is, and what shaped it. Volts, amperes, seconds."""

    voltage_v: float = 0.0
    current_a: float = 0.0
    target_a: float = 0.0
    """Where the ramp takes ``current_a``."""
    wanted_a: float = 0.0
    """What ``source`` wants, before any limit."""
    range_min_a: float = 0.0
    range_max_a: float = 0.0
    """Of the controller's command, in a power transfer."""
    source: str = 'controller'
    """'controller', 'ocpp', the source of a lease, 'fault' or 'emergency'."""
    lease: Lease | None = None
    """The lease that ranks highest, also where it can only be told to the vehicle (R32)."""
    lease_remaining_s: float = 0.0
    limited_by: tuple[str, ...] = ()
    told: DcPowerParameters = dataclasses.field(default_factory=DcPowerParameters)
    """The limits as told to the controller; 0 is the controller's own entry (R33)."""

    @classmethod
    def of(
        cls, regulation: Regulation, *, lease: Lease | None, told: DcPowerParameters,
        fault_source: str, now_s: float,
    ) -> 'Effective':
        """
        Put a regulation into words for people and robots.

        :param fault_source: who took the power away, if a fault is latched
        """
        return cls(
            voltage_v=regulation.setpoint.voltage_v,
            current_a=regulation.setpoint.current_a,
            target_a=regulation.target_a,
            wanted_a=regulation.wanted_a,
            range_min_a=regulation.range_min_a,
            range_max_a=regulation.range_max_a,
            source=fault_source or regulation.source,
            lease=lease,
            lease_remaining_s=0.0 if lease is None else lease.expires_s - now_s,
            limited_by=regulation.limited_by,
            told=told,
        )


@dataclasses.dataclass(frozen=True, slots=True)
class Decision:
    """What one tick decided."""

    setpoint: PowerSetpoint
    status: PowerModulesStatus | None
    """To send now, or nothing."""
    parameters: DcPowerParameters | None
    """To send now, or nothing."""
    phase: Phase
    system_enable: bool
    fault: str
    note: str
    effective: Effective
