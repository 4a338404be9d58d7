# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
ROS parameters as they were written, before a node takes them, and those that no node takes.

ROS drops a section for a node that is not there, and a parameter that its node does not have,
without a word: a charger would start on the defaults of its limits.
"""

from collections.abc import Hashable, Iterable, Iterator, Mapping, Set
import dataclasses
import difflib
import pathlib
import re
from typing import Any, NamedTuple, NoReturn, TypeAlias

import yaml

OF_EVERY_NODE = re.compile(
    r'(use_sim_time|autostart|start_type_description_service|qos_overrides\..*)$')
"""Parameters that say nothing about which node is meant."""
_BODY = 'ros__parameters'
_LIKE = 0.75
"""How much alike two names are (difflib) when one may be a slip of the other."""
_NODE_LIKE = 0.85
"""Of nodes: another package's can_gateway is none of ours."""


Value: TypeAlias = object
"""Of a parameter, as YAML gives it."""


class UnusableParameters(ValueError):
    """A file or an argument cannot be used, or nobody takes it; the text says what to change."""


@dataclasses.dataclass(frozen=True)
class Section:
    """Parameters for some nodes."""

    where: str
    """The file, or the option of the command line."""
    key: str
    """Which nodes, as it is written, from the root: ``/**/power_control``."""
    values: Mapping[str, Value]
    """Name -> value; those of a mapping have its name and a point in front."""
    is_for_this_process: bool = False
    """Of the command line: no node elsewhere can be meant."""

    @property
    def node(self) -> str:
        """The last part of the key: the name of a node, or a wildcard."""
        return self.key.rpartition('/')[2]

    def reaches(self, full_name: str) -> bool:
        """Return whether ROS gives it to the node with this name."""
        return re.fullmatch(_pattern(self.key), full_name) is not None


class NodeParameters(NamedTuple):
    """What a node takes."""

    kind: str
    """The usual name of the node."""
    names: Set[str]
    """Of its parameters."""


@dataclasses.dataclass(frozen=True)
class Process:
    """The nodes of a process, and what other nodes of this package there may be."""

    nodes: Mapping[str, NodeParameters]
    """By their full names."""
    known: Mapping[str, Set[str]]
    """Kind -> names of its parameters, of every node of this package."""
    is_whole: bool = False
    """Whether all nodes of a charger are in it, so that nobody else takes what is left over."""

    @property
    def pistols(self) -> set[str]:
        """Namespaces of its nodes; those of gateway and recorder, the root, are none."""
        return {name.rpartition('/')[0] for name in self.nodes} - {''}


def read(path: pathlib.Path | str) -> list[Section]:
    """
    Return the sections of a ROS parameter file.

    :raises UnusableParameters: when it cannot be read, or has no such form
    """
    try:
        text = pathlib.Path(path).read_text(encoding='utf-8')
    except OSError as error:
        raise UnusableParameters(
            f'parameters file {path}: {error.strerror}: give the path of one that can be read'
        ) from error
    except UnicodeDecodeError as error:
        raise UnusableParameters(
            f'parameters file {path}: not UTF-8: save it as UTF-8 text') from error
    return read_text(text, str(path))


def read_text(text: str, where: str) -> list[Section]:
    """Return the sections of the text of a ROS parameter file; ``where`` names it."""
    tab = re.search(r'^[ ]*\t', text, re.MULTILINE)
    if tab:
        raise UnusableParameters(
            f'parameters file {where}: line {text.count(chr(10), 0, tab.start()) + 1} begins with '
            'a tab: YAML takes only spaces there')
    try:
        content = yaml.load(text, _Loader)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise UnusableParameters(
            f'parameters file {where}: no YAML: {" ".join(str(error).split())}') from error
    if content is None:
        raise UnusableParameters(
            f'parameters file {where}: nothing is in it: was it cut off? Leave it away to start '
            'on the defaults')
    if not isinstance(content, dict):
        raise UnusableParameters(
            f'parameters file {where}: it has to begin with the name of a node, such as '
            '/**/power_control:')
    return list(_sections(content, '', where))


class _Loader(yaml.SafeLoader):
    """Keeps what stands twice: ROS takes both sections of a node."""

    def construct_mapping(
            self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """Return a mapping in which mappings of the same name are one."""
        self.flatten_mapping(node)
        mapping: dict[Hashable, Any] = {}
        for key_node, value_node in node.value:
            key = self.construct_object(key_node, deep=True)
            value = self.construct_object(value_node, deep=True)
            if not isinstance(key, Hashable):
                raise yaml.YAMLError(f'line {key_node.start_mark.line + 1}: a list as a name')
            mapping[key] = _merged(mapping.get(key), value)
        return mapping


def _without_tag(loader: yaml.SafeLoader, node: yaml.Node) -> Value:
    """Return what a tag that YAML does not have stands before: ROS reads over them."""
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    # The types of PyYAML have none for resolve().
    tag = loader.resolve(  # type: ignore[no-untyped-call]
        yaml.ScalarNode, node.value, (True, False))
    return loader.construct_object(yaml.ScalarNode(tag, node.value))


# launch_ros writes lists with the tag of Python's tuples.
_Loader.add_constructor(None, _without_tag)


def _merged(before: Value, value: Value) -> Value:
    if not (isinstance(before, dict) and isinstance(value, dict)):
        return value
    return before | {name: _merged(before.get(name), each) for name, each in value.items()}


def _sections(content: Mapping[Hashable, Value], above: str, where: str) -> Iterator[Section]:
    for name, inside in content.items():
        if name == _BODY:
            if not above:
                raise UnusableParameters(
                    f'parameters file {where}: {_BODY} stands above the names of nodes: put it '
                    'below one, such as /**/power_control:')
            if not isinstance(inside, dict):
                raise UnusableParameters(
                    f'parameters file {where}: {above} has no parameters below {_BODY}: remove '
                    'the section, or indent them')
            yield Section(where, above, dict(_flat(inside)))
        elif isinstance(inside, dict):
            yield from _sections(inside, f'{above}/{str(name).strip("/")}', where)
        else:
            raise UnusableParameters(
                f'parameters file {where}: {above}/{str(name).strip("/")} is not below '
                f'{_BODY}: a file has the names of nodes, below each {_BODY} (two underscores), '
                'and below that the parameters')


def _flat(mapping: Mapping[Hashable, Value], above: str = '') -> Iterator[tuple[str, Value]]:
    for name, value in mapping.items():
        if isinstance(value, dict):
            yield from _flat(value, f'{above}{name}.')
        else:
            yield f'{above}{name}', value


def _pattern(key: str) -> str:
    """Return the pattern for a key as ROS reads it: from the root, with or without its slash."""
    words = {'**': r'(?:/\w+)*', '*': r'/\w+'}
    return ''.join(words.get(part, '/' + re.escape(part)) for part in key.strip('/').split('/'))


# What nobody takes


def check(sections: list[Section], process: Process) -> None:
    """
    See that somebody takes each parameter.

    What is meant for a node in another process is fine: its key is that of a node of this
    package, or of a foreign one whose name is nothing like one of ours.

    :raises UnusableParameters: for the first that nobody takes, with the nearest right one
    """
    for section in sections:
        takers = [name for name in process.nodes if section.reaches(name)]
        if section.node in ('*', '**'):
            _check_wildcard(section, takers, process)
        elif takers or section.node in process.known:
            _check_names(section, takers, process)
            if not takers:
                _check_place(section, sections, process)
        else:
            _check_foreign(section, process)


def _check_wildcard(section: Section, takers: list[str], process: Process) -> None:
    """See that parameters for any node are ours or, of a shared file, nothing like ours."""
    taken = {name for taker in takers for name in process.nodes[taker].names}
    known = _all_known(process)
    for name in section.values:
        if name in taken or OF_EVERY_NODE.match(name):
            continue
        if section.is_for_this_process and takers:
            _refuse_name(section, name, taken, process)
        elif name not in known and (process.is_whole or _nearest(name, known)):
            _refuse_name(section, name, known, process)
    if not takers and (section.is_for_this_process or process.is_whole):
        _refuse_key(section, process)


def _check_names(section: Section, takers: list[str], process: Process) -> None:
    """See that a node of ours has all that is meant for it."""
    names: Set[str] = {name for taker in takers for name in process.nodes[taker].names}
    if not takers:
        names = process.known[section.node]
    for name in section.values:
        if name not in names and not OF_EVERY_NODE.match(name):
            _refuse_name(section, name, names, process)


def _check_place(section: Section, sections: list[Section], process: Process) -> None:
    """See that a node of ours, but not of this process, is one of another pistol or process."""
    mine = _names_of(section.node, process)
    if section.is_for_this_process:
        _refuse_key(section, process)
    if not mine or (section.node != 'gateway' and _is_of_another_pistol(
            section, sections, process)):
        return
    if section.node != 'gateway' or not _is_reached(mine, sections):
        _refuse_key(section, process)


def _is_of_another_pistol(
        section: Section, sections: list[Section], process: Process) -> bool:
    """Return whether the files know that pistol, or have something for ours beside it."""
    place, listed = section.key.rpartition('/')[0], _pistols_in(sections)
    if process.is_whole:
        return place in process.pistols | listed
    return bool(place) and (
        bool(process.pistols & listed)
        or _is_reached(_names_of(section.node, process), sections)
        or any(each.key.rpartition('/')[0] in process.pistols for each in sections))


def _names_of(kind: str | None, process: Process) -> list[str]:
    """Return the full names of the nodes of a kind in this process."""
    return [name for name, node in process.nodes.items() if node.kind == kind]


def _is_reached(names: list[str], sections: list[Section]) -> bool:
    """Return whether a section that names the node, not any node, is for one of these."""
    return any(
        each.node == name.rpartition('/')[2] and each.reaches(name)
        for each in sections for name in names)


def _check_foreign(section: Section, process: Process) -> None:
    """See that neither name nor parameters of a foreign node look like ours: a slip."""
    ours = _all_known(process) & {
        name for name in section.values if not OF_EVERY_NODE.match(name)}
    is_slip = _nearest(section.node, [*process.known, 'charger'], _NODE_LIKE) is not None
    if (section.is_for_this_process or is_slip
            or not all(_is_common(name) for name in ours)):
        _refuse_key(section, process)


def _is_common(name: str) -> bool:
    """Return whether nodes of others are likely to have a parameter of this name, too."""
    return '_' not in name


def _all_known(process: Process) -> set[str]:
    return {name for names in process.known.values() for name in names} | {
        name for node in process.nodes.values() for name in node.names}


def _pistols_in(sections: list[Section]) -> set[str]:
    """Return the namespaces of all pistols that a gateway of these files has."""
    listed = (each.values.get('pistols') for each in sections if each.node == 'gateway')
    return {
        '/' + str(pistol).strip('/') for pistols in listed if isinstance(pistols, list)
        for pistol in pistols}


def _refuse_name(
        section: Section, name: str, names: Set[str], process: Process) -> NoReturn:
    whose = 'no node here has' if section.key == '/**' else f'{section.key} does not have'
    owners = [
        kind for kind, theirs in process.known.items()
        if name in theirs and names != _all_known(process)]
    nearest = _nearest(name, names)
    if owners:
        advice = f'it is one of {" and ".join(sorted(owners))}'
    elif nearest:
        advice = f'did you mean {nearest}?'
    else:
        advice = 'config/charger.yaml has all of them'
    raise UnusableParameters(f'{section.where}: {whose} the parameter {name}: {advice}')


def _refuse_key(section: Section, process: Process) -> NoReturn:
    kind = section.node if section.node in process.known else _nearest(
        section.node, process.known, _NODE_LIKE)
    if kind is None:
        owners = [
            each for each, names in process.known.items()
            if any(name in names for name in section.values if not OF_EVERY_NODE.match(name))]
        kind = owners[0] if owners else None
    mine = _names_of(kind, process)
    wide = f'/**/{kind}'
    if kind is None:
        advice = f'the nodes are {", ".join(process.nodes)}'
    elif not mine:
        advice = f'did you mean {wide}?'
    elif len(mine) == 1 and mine[0].count('/') == 1:
        advice = f'did you mean {mine[0]}?'
    else:
        near = max(mine, key=lambda name: difflib.SequenceMatcher(
            None, name, section.key).ratio())
        advice = f'did you mean {near}, or {wide} for every pistol?'
    raise UnusableParameters(f'{section.where}: no node here takes {section.key}: {advice}')


def _nearest(name: str, names: Iterable[str], like: float = _LIKE) -> str | None:
    """Return the name that this may be a slip of; ``None`` when none is like it."""
    plain = {_plain(each): each for each in sorted(names)}
    found = difflib.get_close_matches(_plain(name.rpartition('.')[2]), plain, 1, like)
    return plain[found[0]] if found else None


def _plain(name: str) -> str:
    return re.sub('[^a-z0-9]', '', name.lower())
