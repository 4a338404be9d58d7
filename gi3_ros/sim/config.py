# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
The configuration of the simulated controller.

The entries of the real one with their names and defaults (interface.md 5.1), from its own
``config.cfg`` or from YAML, and beside them what only a simulator needs.
"""

from collections.abc import Mapping
import dataclasses
import enum
from typing import Any, NamedTuple

from ..core import controller_config
from ..core.config import check, entries_of, entry
from ..core.controller_config import Parser, PistolSection, Value
from ..core.power.limits import ChargerLimits


class Pistol(enum.Enum):
    """The pistols that speak this interface; the value is the name in ``config.cfg``."""

    CCS = 'CCS DC'
    CHADEMO = 'CHAdeMO'


DEFAULT_INDEX = {Pistol.CCS: 1, Pistol.CHADEMO: 3}
"""Interface 1.2."""

WITHOUT_EFFECT = {
    'current_ramp_up_rate': 'the customer side drives the power modules (R31)',
    'current_ramp_down_rate': 'the customer side drives the power modules (R31)',
    'limit_non_bidir_to_positive_current': 'no simulated vehicle asks for less than 0 A there',
    'allow_no_tls_for_iso_part20': 'the link to the vehicle is not simulated',
    'current_ripple': 'the link to the vehicle is not simulated',
    'evse_id': 'the link to the vehicle is not simulated',
    'temperatures': 'the power modules are supervised as by default (R50)',
}
"""Entries that a configuration may have and that change nothing here, with the reason."""
_CHOICES = {
    'energy_transfer_type': ('DC_core', 'DC_extended'),
    'protocol_priority_order': ('standard', 'latest', 'oldest'),
    'insulation_rule': ('ohm_per_volt', 'absolute'),
    'power_control_pace': ('cyclic', 'vehicle'),
    'without_range_mode': ('convert', 'refuse'),
    'insulation_monitor_type': ('Not_Used', 'BenderISOCHA425HV'),
    'hardware': ('ADM-CS-SECC', 'ADM-CO-CUI1'),
    'state_order': ('before', 'after'),
}


@dataclasses.dataclass(frozen=True)
class ControllerConfig:
    """
    Configuration of the controller of one pistol.

    ``limits`` and the first group have the names and defaults of the real controller's entries,
    the second group is the simulator's own.
    """

    pistol: Pistol = Pistol.CCS
    limits: ChargerLimits = dataclasses.field(default_factory=ChargerLimits)

    index: int = entry(1, 'of the pistol on the bus (1.2, A19)', 1, 31)
    charger_can_timeout_ms: float = entry(
        500.0, 'ms without Power_Modules_Status that are an emergency (R3)', 1.0, 60e3)
    use_sequence_flags: bool = entry(True, 'obey Sequence_Control (R34)')
    enable_din: bool = entry(True, 'DIN 70121')
    enable_iso_part2: bool = entry(True, 'ISO 15118-2')
    enable_iso_part20: bool = entry(False, 'ISO 15118-20')
    protocol_priority_order: str = entry(
        'standard', 'which of the common protocols is taken: standard (as the vehicle ranks '
        'them), latest, oldest')
    free_service: bool = entry(
        True, 'false: with the flags, an external authorisation is waited for, CCS only (R36)')
    skip_cable_check: bool = entry(False, 'no insulation test')
    energy_transfer_type: str = entry('DC_extended', 'DC_core or DC_extended: the pins of CCS')
    insulation_monitor_type: str = entry(
        'Not_Used', 'Not_Used: Insulation_Resistance of the charger counts; BenderISOCHA425HV: '
        'the controller measures itself (R13, A37)')
    chademo_precharge: bool = entry(
        False, 'the controller runs a precharge relay and its relay 3 (R47)')
    support_welding_detection: bool = entry(True, 'of CHAdeMO (R43)')

    boot_s: float = entry(1.0, 's until it is ready; the real one takes about 15 s', 0.0, 600.0)
    negotiation_s: float = entry(1.5, 's of talk with the vehicle', 0.0, 600.0)
    insulation_rule: str = entry(
        'ohm_per_volt', 'what the test asks for: ohm_per_volt (100 Ohm/V) or absolute '
        '(100 kOhm) (A1)')
    insulation_iterations: int = entry(10, 'good readings in a row (A2)', 1, 1000)
    insulation_timeout_s: float = entry(30.0, 's (A3)', 0.1, 600.0)
    power_control_pace: str = entry(
        'cyclic', 'DC_Power_Control cyclic and on change, or at the pace of the vehicle, CCS '
        'only (A9, R26)')
    power_control_period_s: float = entry(0.1, 's, of the cyclic pace', 0.01, 60.0)
    ending_period_s: float = entry(
        0.05, 's between two Standby while the current falls: some chargers stop only when it '
        'is repeated quickly (A10)', 0.01, 1.0)
    ending_timeout_s: float = entry(3.0, 's for the current to fall (A10)', 0.1, 60.0)
    lowering_timeout_s: float = entry(
        3.0, 's for the output to fall on closing, which is not stated to be waited for; '
        'CHAdeMO waits three times as long for 10 V (R18)', 0.1, 60.0)
    closing_s: float = entry(3.0, 's of Closing_Communication (R44)', 0.0, 600.0)
    information_period_s: float = entry(
        1.0, 's between two EV information in the loop', 0.1, 600.0)
    without_range_mode: str = entry(
        'convert', 'what becomes of a range when supports_range_mode is false: convert (to a '
        'target, the end of the range) or refuse (the vehicle) (A43)')
    emergency_outlasts_session: bool = entry(
        False, 'the controller goes back to idle with an emergency stop still in force (4.5)')
    takes_early_flags: bool = entry(
        False, 'Sequence_Control counts while the controller is still initialising (A7)')
    state_order: str = entry(
        'before', 'whether Connected_With_Full_Info and Insulation_Test are reported before the '
        'controller waits for Charge_Parameters_Done and System_Enable, or after it as in the '
        "maker's diagrams; New_Charge_Session then comes in the state before (A4)")
    hardware: str = entry(
        'ADM-CS-SECC', 'ADM-CS-SECC or ADM-CO-CUI1: whose inputs are reported (0x6B201, 0x6B200)')

    def __post_init__(self) -> None:
        """Refuse what the interface cannot express."""
        check(self)
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                raise ValueError(
                    f'{name} is {getattr(self, name)!r}, permitted are {" and ".join(choices)}')

    @property
    def has_own_monitor(self) -> bool:
        """Whether the controller reads an insulation monitor itself."""
        return self.insulation_monitor_type != 'Not_Used'

    @property
    def is_chademo(self) -> bool:
        """Whether the pistol speaks CHAdeMO."""
        return self.pistol is Pistol.CHADEMO

    @property
    def needs_authorisation(self) -> bool:
        """Whether CCS waits for CCS_Authorisation_Done; without flags nobody asks (R36)."""
        return not (self.free_service or self.is_chademo) and self.use_sequence_flags


class Configured(NamedTuple):
    """What was read for one pistol."""

    config: ControllerConfig
    warnings: list[str]
    """What a person should know about it."""


def configs_of_text(
    text: str, *, pistol: str = '', changes: Mapping[str, object] | None = None,
) -> list[Configured]:
    """
    Read the controller's own ``config.cfg``.

    :param pistol: the name of one pistol; empty for all DC pistols that are enabled
    :param changes: entries that replace those of the file
    :raises ValueError: with words that say what to put right
    """
    parser = controller_config.parse(text)
    _change(parser, changes or {})
    return _configs(parser, pistol)


def configs_of_mapping(
    pistols: object, *, pistol: str = '', changes: Mapping[str, object] | None = None,
) -> list[Configured]:
    """
    Take pistols from YAML: the name of each pistol to a mapping of entries.

    Unlike a ``config.cfg``, which holds much else, it may have no entry that is not known here.
    The parameters are those of :func:`configs_of_text`.

    :raises ValueError: with words that say what to put right
    """
    if not isinstance(pistols, dict) or not pistols:
        raise ValueError('pistols: a mapping of pistol names to their entries is expected')
    for name, entries in pistols.items():
        if not isinstance(entries, dict | None):
            raise ValueError(f'pistol {name}: a mapping of entries is expected')
        _refuse_unknown(f'pistol {name}', entries or {})
    parser = controller_config.parse_mapping(
        {name: entries or {} for name, entries in pistols.items()})
    _change(parser, changes or {})
    return _configs(parser, pistol)


def _change(parser: Parser, changes: Mapping[str, object]) -> None:
    _refuse_unknown('changes', changes)
    old = controller_config.OLD_NAMES
    controller_config.change(parser, {old.get(name, name): changes[name] for name in changes})


def _refuse_unknown(where: str, entries: Mapping[str, object]) -> None:
    known = {*_defaults(ChargerLimits), *_defaults(ControllerConfig), *WITHOUT_EFFECT,
             *controller_config.OLD_NAMES, 'charger_type'}
    empty = sorted(str(name) for name, value in entries.items() if value is None)
    if empty:
        raise ValueError(f'{where}: {", ".join(empty)} has no value')
    unknown = sorted(str(name) for name in entries if name not in known)
    if unknown:
        raise ValueError(
            f'{where}: the controller has no {", ".join(unknown)}; the simulated one has '
            f'{", ".join(sorted(known))}')


def _configs(parser: Parser, pistol: str) -> list[Configured]:
    names = [pistol] if pistol else controller_config.dc_pistols(parser)
    if not names:
        raise ValueError('no DC pistol is there')
    configs = [_config(controller_config.section_of(parser, pistol=name)) for name in names]
    by_index: dict[int, str] = {}
    for config, _ in configs:
        if config.index in by_index:
            raise ValueError(
                f'{by_index[config.index]} and {config.pistol.value} have the same index '
                f'{config.index} (1.2)')
        by_index[config.index] = config.pistol.value
    return configs


def _config(section: PistolSection) -> Configured:
    try:
        pistol = next(each for each in Pistol if each.value.lower() == section.name.lower())
    except StopIteration:
        raise ValueError(
            f'pistol {section.name} has no label in v3.2 of the interface; known are '
            f'{", ".join(each.value for each in Pistol)}') from None
    # Each text is converted to the type of its field.
    limits: dict[str, Any] = {**section.take(_defaults(ChargerLimits))}
    own: dict[str, Any] = {
        'index': DEFAULT_INDEX[pistol], **section.take(_defaults(ControllerConfig))}
    config = ControllerConfig(pistol=pistol, limits=ChargerLimits(**limits), **own)
    warnings = [
        *section.warnings,
        *(f'{name} has no effect here: {why}' for name, why in WITHOUT_EFFECT.items()
          if name in section.entries),
    ]
    return Configured(config, warnings)


def _defaults(cls: type[ControllerConfig] | type[ChargerLimits]) -> dict[str, Value]:
    defaults = {field.name: field.default for field in entries_of(cls)}
    return {name: default for name, default in defaults.items() if isinstance(default, Value)}
