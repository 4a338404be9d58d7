# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
All rules that are checked. A rule that is not in these lists is not.

Where one message breaks several, they are found in the order of the lists.
"""

from typing import NamedTuple

from . import (
    announcement,
    commands,
    emergency,
    ending,
    flags,
    frames,
    heartbeat,
    insulation,
    limits,
    lowering,
    no_power,
    permission,
    precharge,
    readings,
    transfer,
)
from .rule import Rule
from .senders import Chargers, Controllers

OF_CHARGER: tuple[type[Rule], ...] = (
    frames.WholeFramesOfCharger,
    frames.SpareBitsOfCharger,
    frames.KnownLabelsOfCharger,
    heartbeat.StatusIsNoFlood,
    heartbeat.StatusComesRegularly,
    heartbeat.FirstStatusComes,
    heartbeat.StatusIsNotLost,
    readings.PossibleTemperature,
    emergency.NoCurrentInEmergency,
    heartbeat.NoCurrentInSilence,
    ending.CurrentEnds,
    insulation.TestVoltageIsHeld,
    precharge.PrechargeCurrent,
    precharge.PrechargeVoltage,
    precharge.PrechargeHolds,
    transfer.VoltageIsNotExceeded,
    transfer.CurrentFollows,
    no_power.NoCurrentUncommanded,
    lowering.LowersAfterTest,
    lowering.LowersToUnlock,
    readings.PossibleVoltage,
    readings.BatteryHasVoltage,
    readings.VoltageMoves,
    readings.NoCurrentInTest,
    limits.LimitsKeepTheirDistance,
    flags.ButtonsComeBack,
    flags.ToldAfterRestart,
    flags.AuthorisationIsFinal,
    permission.AllowedInTime,
)
"""What binds the charger, the customer side of the bus."""
OF_CONTROLLER: tuple[type[Rule], ...] = (
    frames.WholeFramesOfController,
    frames.SpareBitsOfController,
    frames.KnownLabelsOfController,
    heartbeat.ControllerLives,
    ending.FinishComes,
    ending.FinishComesOnce,
    announcement.AnnouncementRepeats,
    announcement.AnnouncementEnds,
    announcement.InformationComes,
    announcement.NoAlternatingCurrent,
    announcement.PlugFitsProtocol,
    permission.EmergencyWhenSilent,
    permission.EmergencyWhenWithdrawn,
    permission.EndsWhenWithdrawn,
    limits.LimitsAreKept,
    commands.WellFormed,
    commands.PrechargeFromZero,
    commands.ModeFits,
    commands.NoPrechargeOfChademo,
    commands.ProtocolKnowsIt,
    commands.StandbyBetween,
    insulation.InsulationIsGood,
    insulation.EmergencyWhenInsulationFails,
    ending.NoPowerAtTheEnd,
    transfer.StartIsTold,
    lowering.ContactorsWhileLowering,
    ending.CurrentBeforeContactors,
    ending.CurrentIsLowAtOpening,
    ending.AllStepsOfTheEnd,
    ending.NoCleanStopAfterEmergency,
    emergency.EmergencyRepeats,
    emergency.NoPowerInEmergency,
    flags.EndsAfterStop,
    commands.PaceOfCommands,
    announcement.PowerIsAnnounced,
    ending.NoPowerAfterFinish,
    lowering.WaitsForLowVoltage,
    flags.WaitsForStart,
    flags.WaitsForAuthorisation,
    flags.WaitsForParameters,
    announcement.PowerIsAllowed,
)
"""What binds the controller."""
RULES = OF_CHARGER + OF_CONTROLLER


class Clause(NamedTuple):
    """One sentence of one rule: a row of the list of what is checked live and in logs."""

    number: str
    who: str
    sentence: str
    rule: type[object]


def clauses() -> list[Clause]:
    """Return what is checked, the rules of the interface first, in the order of their numbers."""
    found = [
        Clause(number, rule.who, sentence, rule)
        for rule in RULES for number, sentence in rule.clauses()]
    found += [
        Clause(each.number, each.who, each.sentence, each) for each in (Chargers, Controllers)]
    return sorted(found, key=lambda clause: rank(clause.number))


def rank(number: str) -> tuple[bool, float]:
    """Return what numbers are sorted by: the rules of the interface come first."""
    return not number.startswith('R'), float(number.lstrip('RA'))
