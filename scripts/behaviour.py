#!/usr/bin/env python3
# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
Record what the installed package does, in files that can be compared byte for byte.

Run it with the Python of the environment, before a change that must not change behaviour and after
it (``. .venv/env.sh`` first)::

    scripts/behaviour.py record old
    scripts/behaviour.py record new --logs old   # the logs of the old version are judged
    scripts/behaviour.py compare old new

What is recorded, a folder for each kind:

- ``play``: every scenario with our charger on the made-up clock, what came of it, its row of
  docs/faults.md; ``sim``: the same and further sessions by ``gi3 sim``; ``judge``: what the rules
  find, live, in a charger that breaks one
- ``logs``: all frames of these and of the hand-made logs of the tests; bags of typed topics
- ``audit``, ``report``, ``page``, ``identify``, ``replay``, ``convert``: what these commands say
  of every log, there and back through all formats, and of files that are cut off
- ``golden``: the golden frames decoded, encoded again, shortened
- ``help``: the help of every command
- ``demo``: the words of ``gi3 demo``, without its numbers. It starts processes: only if asked for

Left out are the version of this package, the time that something took, and the folder of a page
in docs/.
"""

import argparse
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import as_completed, ProcessPoolExecutor
import csv
import dataclasses
import difflib
import enum
import functools
import hashlib
import importlib
import json
import os
import pathlib
import pkgutil
import re
import shutil
import subprocess
import sys
import tempfile
from typing import Any

ROOT = pathlib.Path(__file__).resolve().parents[1]
START_NS = 1_780_000_000_000_000_000
SEPARATE = ('demo',)
"""What is recorded only when it is asked for."""
LOOKS = ('audit', 'report', 'page', 'identify', 'replay', 'convert')
"""Kinds that are made of the logs."""
KINDS = ('play', 'sim', 'judge', 'logs', *LOOKS, 'golden', 'help', *SEPARATE)
COMMANDS = ('', 'sim', 'audit', 'convert', 'decode', 'demo', 'identify', 'record', 'replay',
            'report')
FORMATS = ('.asc', '.trc', '.csv', '.blf', '.parquet', '.mcap', '.db3')
TEXTS = ('.asc', '.trc', '.csv')
INSTALLATIONS = ('none', 'controller_relay', 'own_contactors', 'controller_v2g', 'own_v2g')
BOTH_WAYS = ('--set', 'is_bidirectional=true', '--set', 'max_charger_discharge_current=60')
HIGH = ('--set', 'max_charger_voltage=920', '--set', 'max_cable_voltage=920')
SESSIONS = {
    'ccs_400v': ('--vehicle', 'ccs_400v'),
    'ccs_800v': ('--vehicle', 'ccs_800v', *HIGH),
    'chademo': ('--vehicle', 'chademo'),
    'chademo_v2g': ('--vehicle', 'chademo_v2g'),
    'chademo_v2g_controller': (
        '--vehicle', 'chademo_v2g', *BOTH_WAYS, '--set', 'chademo_precharge=true',
        '--direction', 'both'),
    'chademo_v2g_own': (
        '--vehicle', 'chademo_v2g', *BOTH_WAYS, '--direction', 'discharge'),
    'din_only': ('--vehicle', 'din_only'),
    'rude_400v': ('--vehicle', 'rude_400v'),
    'truck_bpt': (
        '--vehicle', 'truck_bpt', *HIGH, *BOTH_WAYS, '--set', 'enable_iso_part20=true',
        '--direction', 'both'),
    'config': ('--config', str(ROOT / 'test/data/controller.cfg')),
    'authorised': ('--external-authorisation',),
    'without_flags': ('--no-sequence-flags',),
    'steps': ('--steps', '--max-current', '30', '--duration-s', '5'),
    'poor_insulation': ('--insulation-kohm', '20'),
    'strict': ('--tolerance', 'follow_s=0.2', '--tolerance', 'first_status_s=0.1'),
    'jitter_seed_7': ('--scenario', 'jitter', '--seed', '7'),
    'no_such': ('--vehicle', 'no_such'),
    'list': ('--list',),
    'actions': ('--help-actions',),
}
"""Sessions of ``gi3 sim --fast``, beside the scenarios."""


# ---- what is used of the package and its tests

@functools.cache
def module(name: str) -> Any:
    """Import the module of this name, wherever it lies in the package today."""
    package = importlib.import_module('gi3_ros')
    found = [each.name for each in pkgutil.walk_packages(package.__path__, 'gi3_ros.')
             if each.name.endswith(f'.{name}') and '.nodes' not in each.name]
    if len(found) != 1:
        raise LookupError(f'{len(found)} modules in gi3_ros have the name {name}: {found}')
    return importlib.import_module(found[0])


@functools.cache
def of_tests(*names: str) -> Any:
    """Import a bench or a module of the tests, of the first name that there is."""
    paths = [path for path in ROOT.joinpath('test').rglob('*.py')
             if {'unit', 'support'} & set(path.parts)]
    sys.path += sorted({str(path.parent) for path in paths} - set(sys.path))
    stems = {path.stem for path in paths}
    return importlib.import_module(next(name for name in names if name in stems))


@functools.cache
def version() -> str:
    """Return what the command says its version is."""
    return gi3('--version').split()[2]


def gi3(*arguments: str) -> str:
    """Return what a command says, errors too, and its exit status in the last line."""
    from click.testing import CliRunner
    os.environ.update(COLUMNS='100', TZ='UTC', NO_COLOR='1')
    result = CliRunner().invoke(module('tools.main').main, list(arguments))
    text = f'{result.output}\nexit status {result.exit_code}\n'
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        text += f'{result.exception!r}\n'
    return text if arguments == ('--version',) else neutral(text)


def neutral(text: str) -> str:
    """Take out what differs from version to version and from run to run."""
    text = text.replace(str(ROOT), 'ROOT').replace(version().removeprefix('v'), 'VERSION')
    text = re.sub(r'docs/[a-z-]+/(\w+\.md)', r'docs/\1', text)
    text = re.sub(r'"took_s": [\d.e-]+', '"took_s": N', text)
    return re.sub(r'in [\d.]+ s, [\d.]+ times as fast', 'in N s, N times as fast', text)


# ---- files

def slug(name: str) -> str:
    return re.sub(r'[^A-Za-z0-9_.=-]+', '_', name)


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:20]


def put(out: pathlib.Path, kind: str, name: str, content: object) -> None:
    """Write a file of the record: text as it is, all else as JSON."""
    text = content if isinstance(content, str) else json.dumps(
        content, indent=1, ensure_ascii=False, default=plain)
    path = out / kind / f'{slug(name)}.txt'
    if path.exists():
        raise ValueError(f'two of the name {path}')
    path.write_text(text, encoding='utf-8')


def plain(value: Any) -> object:
    """Return something that JSON has for an object."""
    if isinstance(value, enum.Enum):
        return value.name
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {each.name: getattr(value, each.name) for each in dataclasses.fields(value)}
    return sorted(value) if isinstance(value, set | frozenset) else str(value)


def put_log(out: pathlib.Path, name: str, frames: Any) -> str:
    """Write ``(time in s, Frame)`` as candump does."""
    lines = []
    for time_s, frame in frames:
        seconds, nanoseconds = divmod(START_NS + round(time_s * 1e9), 10**9)
        can_id = f'{frame.can_id:08X}' if frame.is_extended else f'{frame.can_id:03X}'
        lines.append(
            f'({seconds}.{nanoseconds // 1000:06}) can0 {can_id}#{frame.data.hex().upper()}\n')
    text = ''.join(lines)
    (out / 'logs' / f'{slug(name)}.log').write_text(text)
    return digest(text.encode())


# ---- jobs: what is recorded

def scenario(out: pathlib.Path, name: str) -> None:
    tests = of_tests('test_scenarios')
    outcome, bench = tests.outcome_of(name)
    heading, row = tests.row_of(name)
    page, = (ROOT / 'docs').rglob('faults.md')
    rows = page.read_text(encoding='utf-8').splitlines()
    found = of_tests('scenario_bench').expectation_of(tests.SCENARIOS[name])
    put(out, 'play', name, {
        'row': row, 'heading': heading, 'is in docs/faults.md': row in rows, 'expected': found,
        'outcome': outcome, 'findings': bench.simulator.findings,
        'observations': bench.simulator.observations,
        'frames': put_log(out, f'scenario {name}', bench.frames)})


def bag(out: pathlib.Path, name: str) -> None:
    """Record a scenario as a bag of typed topics, as the tests of gi3 replay do."""
    link = of_tests('scenario_bench').Bench(of_tests('test_scenarios').SCENARIOS[name])
    recorder = of_tests('recording_bench').Recorder(link)
    link.play()
    store = module('ros_types').typestore()
    heard = module('entries').Heard
    path = out / 'logs' / f'{slug(f"bag {name}")}'
    with module('writers.bag').BagWriter(path) as writer:
        for entry in recorder:
            if isinstance(entry, heard):
                writer.write(entry)
                continue
            message = typed(entry)
            writer.write_serialised(
                f'/{entry.namespace}/{entry.topic}', message.__msgtype__, entry.time_ns,
                store.serialize_cdr(message, message.__msgtype__))


def typed(sample: Any) -> Any:
    """Return a sample's message of the type of its topic; fields that it has not are empty."""
    ros_types = module('ros_types')
    name = ''.join(word.capitalize() for word in sample.topic.split('_'))
    cls = ros_types.typestore().types[f'gi3_ros/msg/{name}']
    stamp = sample.message.header.stamp
    header = ros_types.header(stamp.sec * 10**9 + stamp.nanosec)
    empty = {'limited_by': [], 'fault_since': header.stamp, 'note': '', 'reason': '',
             'source': 'controller'}
    fields = empty | vars(sample.message) | {'header': header}
    return cls(**{each: fields.get(each, 0.0) for each in cls.__annotations__
                  if not each.startswith('__')})


def sim(out: pathlib.Path, name: str, *arguments: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        log = pathlib.Path(folder) / 'x.log'
        events = pathlib.Path(folder) / 'x.jsonl'
        told = gi3('sim', '--fast', *arguments, '--log', str(log), '--json', str(events))
        data = log.read_bytes() if log.exists() else b''
        if data and '--scenario' not in arguments:
            (out / 'logs' / f'{slug(f"sim {name}")}.log').write_bytes(data)
        said = neutral(events.read_text()) if events.exists() else ''
    put(out, 'sim', name, f'{told}\nlog {digest(data)}\n{said}')


def session(out: pathlib.Path, name: str) -> None:
    put_log(out, f'session {name}', of_tests('log_bench').session(name))


def spoilt(out: pathlib.Path, name: str) -> None:
    breaches = of_tests('log_breaches')
    made = next(each for each in breaches.LOGS if each.id == name)
    put_log(out, f'spoilt {name}', breaches.log_of(*made.values[1:]))


def breach(out: pathlib.Path, name: str) -> None:
    tests = of_tests('charger_breaches', 'test_breaches')
    _, charger, circumstances = next(each for each in tests.BREACHES if each.id == name).values
    frames: list[tuple[float, object]] = []
    simulator = tests.run(
        charger, **circumstances, on_frame=lambda frame, time_s: frames.append((time_s, frame)))
    put(out, 'judge', name, {
        'findings': simulator.findings, 'observations': simulator.observations,
        'verdict': simulator.verdict(), 'events': simulator.events,
        'frames': put_log(out, f'breach {name}', frames)})


def look(out: pathlib.Path, log: str, *kinds: str) -> None:
    """Give a log to the commands that read logs; the current folder is that of the log."""
    name = pathlib.Path(log).name
    os.chdir(pathlib.Path(log).parent)
    if 'audit' in kinds:
        put(out, 'audit', name, gi3('audit', '--utc', '--json', name) + gi3(
            'audit', '--utc', '--all', name))
    if 'identify' in kinds:
        put(out, 'identify', name, gi3('identify', '--json', name) + gi3('identify', name))
    with tempfile.TemporaryDirectory() as folder:
        if 'convert' in kinds:
            put(out, 'convert', name, ''.join(conversions(name, folder)).replace(
                folder, 'FOLDER'))
        if {'report', 'page'} & {*kinds}:
            page = pathlib.Path(folder) / 'page.html'
            told = gi3('report', '--utc', '--json', '-o', str(page), name)
            put(out, 'report', name, told.replace(folder, 'FOLDER'))
            text = neutral(page.read_text(encoding='utf-8')) if page.exists() else ''
            put(out, 'page', name, '\n'.join(
                line if len(line) < 500 else f'{len(line)} characters {digest(line.encode())}'
                for line in text.splitlines()))
    if 'replay' in kinds:
        replays(out, name)


def replays(out: pathlib.Path, name: str) -> None:
    options: list[tuple[str, ...]] = [()]
    if name.startswith(('session', 'sim')):
        options += [('--set', f'installation={each}') for each in INSTALLATIONS]
        options += [('--params', str(path)) for path in sorted(ROOT.glob('config/c*.yaml'))]
    if not name.startswith(('scenario', 'spoilt', 'breach')):
        options.append(('--set', 'max_charger_current=60'))
        put(out, 'replay', f'{name} in words', gi3('replay', '--utc', *options[-1], name))
    put(out, 'replay', name, ''.join(
        f'{each}\n{gi3("replay", "--utc", "--json", *each, name)}'.replace(str(ROOT), 'ROOT')
        for each in options))


def conversions(name: str, folder: str) -> Iterator[str]:
    """Tell what a log becomes in each format, and what is read of that again."""
    for suffix in FORMATS:
        path = pathlib.Path(folder) / f'x{suffix}'
        yield gi3('convert', name, str(path))
        if not path.exists():
            continue
        data = path.read_bytes() if path.is_file() else b''
        if suffix in TEXTS:
            yield f'{suffix} {digest(data)}\n'
        yield f'back {read_again(path)}'
        if name.startswith(('session', 'sim')) and data:
            for share in (0.3, 0.8):
                path.write_bytes(data[:int(share * len(data))])
                yield f'{share} of it {read_again(path)}'


def read_again(path: pathlib.Path) -> str:
    """Convert to candump's format and return the digest of that and what is said."""
    log = path.with_name(f'{path.name}.log')
    told = gi3('convert', '--force', str(path), str(log))
    lines = log.read_bytes() if log.exists() else b''
    return f'{lines.count(10)} lines {digest(lines)} {told}'


def golden(out: pathlib.Path, file: str) -> None:
    codec, frame_class = module('codec'), module('frame').Frame
    with open(file, encoding='utf-8', newline='') as rows:
        frames = [(int(row['base_id'], 16), bytes.fromhex(row['payload_hex']))
                  for row in csv.DictReader(rows)]
    for base_id, payload in frames:
        lines = []
        variants = [payload, payload + bytes(1), b'\xff' * len(payload), bytes(len(payload))]
        variants += [payload[:length] for length in range(len(payload))]
        for index in (0, 1, 31):
            for data in variants:
                spelt = f'{(index << 24) + base_id:08X}#{data.hex().upper()}'
                lines.append(gi3('decode', spelt))
                received = codec.decode(frame_class((index << 24) + base_id, data))
                if (message := getattr(received, 'message', None)) is not None:
                    lines.append(f'{message}\n{encoded(codec, message, received.index)}\n')
        put(out, 'golden', f'{base_id:05X} {payload.hex()}', ''.join(lines))


def encoded(codec: Any, message: object, index: int) -> str:
    try:
        frame = codec.encode(message, index=index)
    except ValueError as error:
        return f'not encoded: {error}'
    return f'{frame.can_id:08X}#{frame.data.hex().upper()}'


def help_of(out: pathlib.Path, command: str) -> None:
    put(out, 'help', command or 'gi3', gi3(*filter(None, (command, '--help'))))


def demo(out: pathlib.Path, *_nothing: str) -> None:
    """
    Record what each part says in its order; that of the parts among each other may differ.

    What is seen of the charger while it comes and goes is left to chance.
    """
    done = subprocess.run(
        ['gi3', 'demo', '--plain'], capture_output=True, text=True, timeout=180)
    says: dict[str, list[str]] = {}
    for line in f'{done.stdout}{done.stderr}exit status {done.returncode}\n'.splitlines():
        line, is_timed = re.subn(r'^ *[\d.]+ s  ', '', line)
        who = line.partition(':')[0] if ': ' in line and is_timed else 'status'
        if who == 'status' and is_timed:
            line = line.split()[0]
        lines = says.setdefault(who if is_timed else 'summary', [])
        words = line if 'exit' in line else re.sub(r'\d+(\.\d+)?', 'N', line)
        if lines[-1:] != [words] and not re.search('UNKNOWN|DISCONNECTED|NO_CONT', words):
            lines.append(words)
    for who, lines in says.items():
        put(out, 'demo', who, '\n'.join(lines))


# ---- record and compare

Job = tuple[Callable[..., None], tuple[str, ...]]


def jobs_of(kinds: set[str], frames: str) -> Iterator[Job]:
    """Name everything to do but what is done with the logs; what takes long comes first."""
    tests = of_tests('test_scenarios')
    breaches = of_tests('charger_breaches', 'test_breaches').BREACHES
    sims: dict[str, tuple[str, ...]] = {
        name: ('--scenario', name) for name in tests.SCENARIOS} | SESSIONS
    wanted: list[tuple[set[str], Callable[..., None], list[tuple[str, ...]]]] = [
        ({'sim', 'logs'}, sim, [(name, *words) for name, words in sims.items()]),
        ({'play', 'logs'}, scenario, [(name,) for name in tests.SCENARIOS]),
        ({'logs'}, bag, [(name,) for name in tests.FIRST_OF_FILES]),
        ({'logs'}, session, [(name,) for name in of_tests('log_bench').SESSIONS]),
        ({'logs'}, spoilt, [(each.id,) for each in of_tests('log_breaches').LOGS]),
        ({'judge', 'logs'}, breach, [(each.id,) for each in breaches]),
        ({'golden'}, golden, [(frames,)]),
        ({'help'}, help_of, [(name,) for name in COMMANDS]),
        ({'demo'}, demo, [()]),
    ]
    for serves, function, arguments in wanted:
        if serves & kinds:
            yield from ((function, each) for each in arguments)


def record(out: pathlib.Path, kinds: set[str], logs: pathlib.Path, jobs: int, frames: str) -> int:
    """Fill a folder; return how many things failed."""
    for kind in kinds & set(KINDS):
        shutil.rmtree(out / kind, ignore_errors=True)
    for kind in KINDS:
        (out / kind).mkdir(parents=True, exist_ok=True)
    failed = work(out, list(jobs_of(kinds, frames)), jobs) if kinds - set(LOOKS) else 0
    if set(LOOKS) & kinds:
        names = sorted(str(path) for path in (logs / 'logs').iterdir())
        failed += work(out, [(look, (name, *sorted(kinds))) for name in names], jobs)
    return failed


def work(out: pathlib.Path, todo: list[Job], jobs: int) -> int:
    failed = 0
    with ProcessPoolExecutor(jobs) as pool:
        futures = {pool.submit(job, out, *words): (job, words) for job, words in todo}
        for number, future in enumerate(as_completed(futures), 1):
            if (error := future.exception()) is not None:
                failed += 1
                job, words = futures[future]
                print(f'{job.__name__} {words}: {error!r}', file=sys.stderr)
            if number % 50 == 0 or number == len(todo):
                print(f'{number} of {len(todo)}', file=sys.stderr)
    return failed


def compare(old: pathlib.Path, new: pathlib.Path, *, show: int) -> int:
    """Print a table and the first differences; return how many files differ."""
    names = sorted({
        path.relative_to(folder) for folder in (old, new) for path in folder.rglob('*')
        if path.is_file()})
    differ = [name for name in names if content_of(old / name) != content_of(new / name)]
    count, unequal = (Counter(name.parts[0] for name in some) for some in (names, differ))
    print(f'{"kind":10} {"compared":>8} {"equal":>8} {"differ":>8}')
    for kind in KINDS:
        missing = [str(folder) for folder in (old, new) if not any((folder / kind).glob('*'))]
        if count[kind]:
            print(f'{kind:10} {count[kind]:8} {count[kind] - unequal[kind]:8} {unequal[kind]:8}',
                  *(f' not recorded: {folder}' for folder in missing))
        if missing:
            del unequal[kind]
    for kind in unequal:
        print(f'\n{kind}: {", ".join(name.stem for name in differ if name.parts[0] == kind)}')
        for name in [name for name in differ if name.parts[0] == kind][:show]:
            before, after = (
                (content_of(folder / name) or b'(not there)').decode(errors='replace').splitlines()
                for folder in (old, new))
            changes = difflib.unified_diff(
                before, after, f'{old / name}', f'{new / name}', n=0, lineterm='')
            print(*(line[:300] for line, _ in zip(changes, range(8), strict=False)), sep='\n')
    return len(differ)


def content_of(path: pathlib.Path) -> bytes | None:
    """Return what is in a file; of a bag its messages: how they are packed is left to chance."""
    if not path.exists():
        return None
    if path.suffix != '.mcap':
        return path.read_bytes()
    from rosbags.highlevel import AnyReader
    with AnyReader([path.parent]) as reader:
        return ''.join(
            f'{time_ns} {connection.topic} {connection.msgtype} {digest(data)}\n'
            for connection, time_ns, data in reader.messages()).encode()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest='command', required=True)
    recording = commands.add_parser('record', help='write what the package does into a folder')
    recording.add_argument('out', type=pathlib.Path)
    recording.add_argument('--only', nargs='+', choices=KINDS, help='these kinds; else all but '
                           + ', '.join(SEPARATE))
    recording.add_argument('--logs', type=pathlib.Path, help='a record whose logs are judged, in '
                           'place of the logs that are made')
    recording.add_argument('--frames', default=str(ROOT / 'test/data/golden_frames.csv'))
    recording.add_argument('-j', '--jobs', type=int, default=1, help='processes at a time')
    comparing = commands.add_parser('compare', help='compare two records; 1 if they differ')
    comparing.add_argument('old', type=pathlib.Path)
    comparing.add_argument('new', type=pathlib.Path)
    comparing.add_argument('--show', type=int, default=3, help='differences shown of a kind')
    given = parser.parse_args()
    if given.command == 'compare':
        sys.exit(compare(given.old, given.new, show=given.show) > 0)
    kinds = set(given.only or KINDS) - (set() if given.only else set(SEPARATE))
    if {'report', 'page'} & kinds:
        kinds |= {'report', 'page'}
    out = given.out.resolve()
    logs = (given.logs or out).resolve()
    sys.exit(record(out, kinds, logs, given.jobs, given.frames) > 0)


if __name__ == '__main__':
    main()
