# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Write the files, or compare them."""

import argparse
import pathlib
import sys

from .database import DatabaseError, read_database
from .dbc import write_dbc
from .files import COMMAND, DBC, NOTICE, PACKING, SIGNALS, SOURCE
from .messages import write_msg
from .packing import write_packing
from .signals import write_signals


def main(arguments: list[str] | None = None) -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(
        prog=COMMAND, description='Write the DBC, the Python modules and the ROS messages.')
    parser.add_argument(
        '--check', action='store_true', help='write nothing; exit 1 if a file would change')
    parser.add_argument(
        '--root', type=pathlib.Path, default=pathlib.Path(), metavar='DIRECTORY',
        help='root of the project (default: here)')
    options = parser.parse_args(arguments)
    try:
        files = generate(options.root / SOURCE)
    except DatabaseError as error:
        print(f'{SOURCE}: {error}', file=sys.stderr)
        return 2
    wrong = [path for path, text in files.items() if read(options.root / path) != text]
    # A message that left the database must not stay behind as a ROS type.
    left_over = [
        f'msg/{path.name}' for path in sorted((options.root / 'msg').glob('*.msg'))
        if f'msg/{path.name}' not in files and NOTICE in (read(path) or '')
    ]
    if options.check:
        return report(wrong, left_over, len(files))
    for path in wrong:
        target = options.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(files[path], encoding='utf-8', newline='\n')
        print(f'wrote {path}')
    for path in left_over:
        (options.root / path).unlink()
        print(f'removed {path}')
    return 0


def report(wrong: list[str], left_over: list[str], count: int) -> int:
    """Say what would change, and return the exit status."""
    for path in wrong:
        print(f'{path} is not what {SOURCE} gives')
    for path in left_over:
        print(f'{path} has no message in {SOURCE}')
    if wrong or left_over:
        print(f'Do not edit these files; run: {COMMAND}')
        return 1
    print(f'{count} files agree with {SOURCE}')
    return 0


def read(path: pathlib.Path) -> str | None:
    """Return the text of a file as it stands on the disk, or None without one."""
    try:
        return path.read_bytes().decode('utf-8', 'replace')
    except FileNotFoundError:
        return None


def generate(source: pathlib.Path) -> dict[str, str]:
    """
    Read the database and generate all files.

    :returns: text by path within the project
    :raises DatabaseError: with words that say where and what
    """
    database, frames = read_database(source)
    files = {
        DBC: write_dbc(database),
        SIGNALS: write_signals(frames),
        PACKING: write_packing(frames),
    }
    for frame in frames:
        files[f'msg/{frame.class_name}.msg'] = write_msg(frame)
    return files
