# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""How a process of this package starts: its arguments, ROS, and parameters that nobody took."""

from collections.abc import Iterator, Sequence
import contextlib
import errno
import importlib
import os
import re
import sys

import rclpy
from rclpy.exceptions import NameValidationException, ParameterException
from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.logging import get_logger_level, LoggingSeverity, set_logger_level
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions

from ..dds import keep_out_of_shared_memory
from ..parameter_files import check, NodeParameters, Process, read, Section, UnusableParameters

RCLError = rclpy_implementation.RCLError
UnknownROSArgsError = rclpy_implementation.UnknownROSArgsError

UNUSABLE = 2
"""Exit status of a process that was started in a way that it cannot be."""
KINDS = {
    'gateway': 'Gateway', 'power_control': 'PowerControlNode', 'precharge': 'PrechargeNode',
    'session': 'SessionNode', 'power_modules_sim': 'PowerModulesSim', 'recorder': 'Recorder',
}
"""Every node of this package: its module, which has its usual name, and its class."""
REFUSALS = (ValueError, ParameterException, NameValidationException, RCLError)
"""What making nodes raises for parameters that they cannot use."""
_WITH_VALUE = {'-p', '--param', '--params-file', '-r', '--remap', '-e', '--enclave',
               '--log-level', '--log-config-file', '--log-file-name'}


def start_ros(arguments: Sequence[str] | None = None) -> None:
    """
    Initialise ROS, without its signal handlers: they would end it before the safe state is sent.

    :param arguments: of the command line with the program first; ``None``: of this process
    :raises UnusableParameters: when it cannot be, with what to do
    """
    arguments = sys.argv if arguments is None else arguments
    _, others = _split(arguments)
    if others:
        raise UnusableParameters(
            f'{others[0]} is no argument of this program: options of ROS stand behind --ros-args, '
            'as in --ros-args -p autostart:=true --params-file my_charger.yaml')
    sections_of(arguments)
    _check_log_folder()
    keep_out_of_shared_memory()
    with _quiet_rcl():
        try:
            rclpy.init(args=arguments, signal_handler_options=SignalHandlerOptions.NO)
        except (RCLError, UnknownROSArgsError) as error:
            raise UnusableParameters(_words_of_rcl(error)) from error


def check_taken(
    nodes: Sequence[Node], *, is_whole: bool = False, arguments: Sequence[str] | None = None,
) -> None:
    """
    See that somebody takes every parameter that this process was started with.

    :param nodes: all of this process, with their parameters declared
    :param is_whole: whether these are all nodes of a charger
    :raises UnusableParameters: for the first that nobody takes
    """
    sections = sections_of(sys.argv if arguments is None else arguments)
    if not sections:
        return
    check(sections, Process(
        {node.get_fully_qualified_name(): NodeParameters(_kind_of(node), _names_of(node))
         for node in nodes},
        {kind: _declared_by(kind) for kind in KINDS}, is_whole))


def sections_of(arguments: Sequence[str]) -> list[Section]:
    """Return what files and options of the command line say, in their order."""
    sections = []
    for option, value in _split(arguments)[0]:
        if option == '--params-file':
            sections += read(value)
        elif option in ('-p', '--param'):
            sections.append(_section_of_option(option, value))
    return sections


def words_of(error: Exception) -> str:
    """Return an error of a start as one sentence."""
    return ' '.join(str(error).split())


def _check_log_folder() -> None:
    """See that ROS can write its log, where it looks for the place in the same order."""
    home = os.environ.get('HOME')
    folder = os.environ.get('ROS_LOG_DIR') or (
        f'{os.environ["ROS_HOME"]}/log' if os.environ.get('ROS_HOME') else
        f'{home}/.ros/log' if home else '')
    if not folder:
        raise UnusableParameters(
            'ROS does not know where to write its log, as HOME is not set: set HOME, or '
            'ROS_LOG_DIR to a folder that can be written')
    try:
        os.makedirs(os.path.expanduser(folder), exist_ok=True)
        if not os.access(os.path.expanduser(folder), os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        raise UnusableParameters(
            f'ROS cannot write its log into {folder} ({error.strerror}): set ROS_LOG_DIR to a '
            'folder that can be written') from error


def _split(arguments: Sequence[str]) -> tuple[list[tuple[str, str]], list[str]]:
    """Return the ROS options as pairs, and all other arguments without the program."""
    options: list[tuple[str, str]] = []
    others: list[str] = []
    left = list(arguments[1:])
    is_ros = False
    while left:
        argument = left.pop(0)
        if argument == '--ros-args':
            is_ros = True
        elif not is_ros:
            others.append(argument)
        elif argument == '--':
            is_ros = False
        elif argument in _WITH_VALUE:
            options.append((argument, left.pop(0) if left else ''))
    return options, others


def _section_of_option(option: str, text: str) -> Section:
    # A namespace cannot be given here: ROS refuses the slash.
    node, _, name = text.partition(':=')[0].rpartition(':')
    return Section(f'{option} {text}', f'/{node or "**"}', {name: None}, is_for_this_process=True)


def _kind_of(node: Node) -> str:
    return type(node).__module__.rpartition('.')[2]


def _names_of(node: Node) -> set[str]:
    return {*node.get_parameters_by_prefix('')}


def _declared_by(kind: str) -> set[str]:
    module = importlib.import_module(f'.{kind}', __package__)
    return {parameter.name for parameter in getattr(module, KINDS[kind]).PARAMETERS}


@contextlib.contextmanager
def _quiet_rcl() -> Iterator[None]:
    """Keep rcl from logging what is said in our own words a moment later."""
    rcl = 'rcl'
    set_logger_level(rcl, LoggingSeverity.FATAL)
    try:
        yield
    finally:
        # Unless --log-level has set it meanwhile.
        if get_logger_level(rcl) == LoggingSeverity.FATAL:
            set_logger_level(rcl, LoggingSeverity.UNSET)


def _words_of_rcl(error: Exception) -> str:
    text = words_of(error)
    if isinstance(error, UnknownROSArgsError):
        return f'ROS has no options {text}: it has -p, -r, --params-file, --log-level and others'
    found = re.search(r"Couldn't parse ([a-z ]+): '(\S+ .*?)'\. Error: (.*)", text)
    if found is None:
        return f'ROS cannot start: {_reason_in(text)}'
    advice = {
        'remap rule': 'as in -r __ns:=/pistol1 or -r from:=to',
        'parameter override rule': 'as in -p autostart:=true, a text with a colon in quotes',
        'log level': 'debug, info, warn, error or fatal',
    }.get(found[1], _reason_in(found[3]))
    return f'{found[2]} is no {found[1]} that ROS understands: {advice}'


def _reason_in(text: str) -> str:
    return re.split(r',? at /', text.rpartition('initialize ')[2])[0]
