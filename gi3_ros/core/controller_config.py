# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
The controller's own configuration, read: one pistol section of its ``config.cfg``.

The file (``/srv/config.cfg`` on an SECC, ``/etc/advantics/default/config.cfg`` on an SPCC) says
what the controller will tell the vehicle, so a charger that reads it cannot promise otherwise.
Entries and units are those of interface.md 5.1: volts, amperes, watts. The text comes from the
caller; nothing here opens a file.
"""

from collections.abc import Iterable, Mapping
import configparser
import dataclasses
import math
import re
import types

CHARGER_TYPE = 'Advantics_Generic_DC_v3'
"""What ``charger_type`` must be for this interface (interface.md 5.1)."""
OLD_NAMES = {
    **{f'{end}_{what}': f'{end}_charger_{what}'
       for end in ('min', 'max') for what in ('voltage', 'current', 'power')},
    'enable_iso_ed1': 'enable_iso_part2',
}
"""Entries of older files and their current names (A20)."""

Value = bool | int | float | str
Parser = configparser.RawConfigParser

_AC = 'ccs ac'
_FLAGS = 'use_sequence_flags'
_BOOLEANS = configparser.RawConfigParser.BOOLEAN_STATES
_EXPECTED: dict[type[Value], str] = {
    bool: 'true or false', int: 'a whole number', float: 'a number'}
_LIKE_AN_ENTRY_OR_SECTION = re.compile(r'\w+\s*=|\[')


@dataclasses.dataclass(frozen=True, slots=True)
class PistolSection:
    """What the configuration says about one pistol."""

    name: str
    """As the file spells it, without ``pistol:``"""
    entries: Mapping[str, str]
    """The text of each entry under its current name in lower case, blanks around it removed"""
    warnings: tuple[str, ...] = ()
    """What a person should put right in the file, though we understood it"""
    origins: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """Where an entry stands in the file, if not under its current name in this section"""

    def take(self, defaults: Mapping[str, Value]) -> dict[str, Value]:
        """
        Return the values of those entries that the section has.

        :param defaults: entry names with their defaults; a value is converted to the type of its
            default, which is bool, int, float or str
        :returns: name to value; the default itself is never among them
        :raises ValueError: for a text that is no value of that type; a number must be finite
        """
        return {
            name: self._value(name, type(default))
            for name, default in defaults.items() if name in self.entries
        }

    def _value(self, name: str, kind: type[Value]) -> Value:
        text = self.entries[name]
        if kind is str:
            return text
        try:
            if kind is bool:
                return _BOOLEANS[text.lower()]
            if math.isfinite(float(text)):
                return kind(text)
        except (KeyError, ValueError, OverflowError):
            pass
        where = self.origins.get(name, f'[pistol:{self.name}] {name}')
        hint = '; it has several lines: leading blanks?' if '\n' in text else ''
        raise ValueError(f'{where} = {text!r}: {_EXPECTED[kind]} is expected{hint}')


def read(text: str, *, pistol: str = '') -> PistolSection:
    """
    Read the section of one pistol; :func:`parse` and :func:`section_of` in one.

    :param text: the whole configuration file
    """
    return section_of(parse(text), pistol=pistol)


def section_of(parser: Parser, *, pistol: str = '') -> PistolSection:
    """
    Return the section of one pistol.

    :param parser: what :func:`parse` or :func:`parse_mapping` returned
    :param pistol: its name (``CCS DC`` or ``pistol:CCS DC``, in any case); empty for the only DC
        pistol that is enabled or, without a list of enabled ones, the only one with a section
    :returns: old names (A20) and ``use_sequence_flags`` in ``[charger]``
        (A8) are accepted with a warning
    :raises ValueError: for a pistol that is not there or not certain, an entry that is there twice
        with different texts, or a pistol that speaks another interface: ``charger_type``, or AC
        (R53)
    """
    sections = _sections(parser)
    enabled = _enabled(parser)
    there = ', '.join(f'[{section}]' for section in sections.values()) or 'no pistol section'
    wanted = _plain(pistol) or _only(enabled or sections, there)
    if wanted == _AC:
        raise ValueError('CCS AC speaks another interface, v2 (R53): choose a DC pistol')
    if wanted not in sections:
        raise ValueError(f'there is no section for pistol {wanted!r}; there is: {there}')
    section = sections[wanted]
    name = section.strip()[len('pistol:'):].strip()
    entries, origins, warnings = _entries(parser, section)
    if enabled and wanted not in enabled:
        warnings.append(f'[pistols] enabled does not list {name}: the controller will not use it')
    warnings += _complaint_about_type(section, entries.get('charger_type'))
    return PistolSection(
        name=name, entries=types.MappingProxyType(entries), warnings=tuple(warnings),
        origins=types.MappingProxyType(origins),
    )


def dc_pistols(parser: Parser) -> list[str]:
    """Return the names of the DC pistols that are enabled, or have a section where none is."""
    return [name for name in (_enabled(parser) or _sections(parser)) if name != _AC]


def parse_mapping(pistols: Mapping[str, Mapping[str, object]]) -> Parser:
    """
    Take the sections from a mapping instead: pistol name to a mapping of entries.

    What is written so is for this interface: ``charger_type`` need not be given.
    """
    parser = _new_parser()
    for name, entries in pistols.items():
        section = f'pistol:{_plain(str(name))}'
        if parser.has_section(section):
            raise ValueError(f'pistol {name} is there twice, written differently')
        parser.read_dict({section: {'charger_type': CHARGER_TYPE, **entries}})
    return parser


def change(parser: Parser, entries: Mapping[str, object]) -> None:
    """
    Replace entries in every pistol's section, under whatever name they stand there.

    :param entries: current names and new values
    """
    old_names = {new: old for old, new in OLD_NAMES.items()}
    for section in _sections(parser).values():
        for name, value in entries.items():
            parser.remove_option(section, old_names.get(name, ''))
            parser.set(section, name, str(value))
    if _FLAGS in entries and parser.has_section('charger'):
        parser.remove_option('charger', _FLAGS)


def _sections(parser: Parser) -> dict[str, str]:
    """Return the pistols' sections as the file spells them, by their plain names."""
    sections: dict[str, str] = {}
    for section in parser.sections():
        if section.strip().lower().startswith('pistol:'):
            if _plain(section) in sections:
                raise ValueError(f'[{section}] is there twice, written differently')
            sections[_plain(section)] = section
    return sections


def _enabled(parser: Parser) -> list[str]:
    listed = parser.get('pistols', 'enabled', fallback='').split('\n')
    # Named twice it is still one.
    return list(dict.fromkeys(_plain(each) for each in listed if each.strip()))


def _plain(pistol: str) -> str:
    return pistol.strip().lower().removeprefix('pistol:').strip()


def _new_parser() -> Parser:
    return configparser.RawConfigParser(inline_comment_prefixes=('#',))


def parse(text: str) -> Parser:
    """
    Take a configuration file apart.

    :raises ValueError: for a text that cannot be read, with the line
    """
    parser = _new_parser()
    try:
        parser.read_string(text.removeprefix('\ufeff'))
    except (configparser.DuplicateSectionError, configparser.DuplicateOptionError) as error:
        what = f'[{error.section}] {getattr(error, "option", "")}'.strip()
        raise ValueError(f'line {error.lineno}: {what} is there twice') from error
    except configparser.MissingSectionHeaderError as error:
        raise ValueError(f'line {error.lineno} stands before the first [section]') from error
    except configparser.ParsingError as error:
        number = error.errors[0][0]
        raise ValueError(f'line {number} is neither a [section] nor name = value') from error
    return parser


def _only(names: Iterable[str], there: str) -> str:
    """Return the one DC pistol among plain names."""
    dc = {name for name in names if name != _AC}
    if len(dc) != 1:
        what = f'several DC pistols ({", ".join(sorted(dc))})' if dc else 'no DC pistol'
        raise ValueError(
            f'{what} in question, there is: {there}; the parameter controller_pistol chooses')
    return dc.pop()


def _entries(parser: Parser, section: str) -> tuple[dict[str, str], dict[str, str], list[str]]:
    """Return texts by current name, where they stand if elsewhere, and warnings."""
    entries: dict[str, str] = {}
    origins: dict[str, str] = {}
    warnings: list[str] = []
    for name, text in parser[section].items():
        entries[name] = text.strip()
        for line in text.split('\n')[1:]:
            if _LIKE_AN_ENTRY_OR_SECTION.match(line):
                warnings.append(f'[{section}] {name} has the line {line!r}: leading blanks?')
    elsewhere = [
        (new, entries.pop(old), f'[{section}] {old}', 'A20')
        for old, new in OLD_NAMES.items() if old in entries
    ]
    if parser.has_option('charger', _FLAGS):
        text = parser.get('charger', _FLAGS).strip()
        elsewhere.append((_FLAGS, text, f'[charger] {_FLAGS}', 'A8'))
    for name, text, origin, rule in elsewhere:
        held = entries.get(name)
        if held is None:
            entries[name], origins[name] = text, origin
        elif held.lower() != text.lower():
            raise ValueError(
                f'[{section}] {name} = {held!r}, but {origin} = {text!r} ({rule}): remove one')
        warnings.append(f'{origin} should be [{section}] {name} ({rule})')
    return entries, origins, warnings


def _complaint_about_type(section: str, text: str | None) -> list[str]:
    """Return a list with a warning if the charger type is not given; raise if it is another."""
    if text is None:
        return [f'[{section}] has no charger_type, and the controller then takes a v2 type: set '
                f'charger_type = {CHARGER_TYPE}']
    if re.sub(r'[\s_]', '', text).lower() != CHARGER_TYPE.replace('_', '').lower():
        raise ValueError(
            f'[{section}] charger_type = {text!r}: the controller will not speak this interface; '
            f'set charger_type = {CHARGER_TYPE}')
    return []
