# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
How long a frame takes to decode and to encode, against cantools, and many frames at once.

    python3 bench/codec.py [--repeat 15] [--seed 1] [--frames 1000000]

Each message with random values that it may have; the database is dbc/gi3_v3.2.kcd, and cantools
does what it does by default: ``message.decode(data)`` gives a dictionary with labels by name,
``message.encode(values)`` checks and packs one. Ours are ``codec.decode(frame)`` and
``codec.encode(message, index=1)``, which deal with the identifier and the pistol, too. Both in
turns, the best of several. A ratio is the time of cantools divided by ours.

The last lines: how long it takes to turn a log in memory into an array for each signal, four
pistols in a charge and a tenth foreign frames; from arrays of frames, and from entries of a log.
"""

import argparse
import pathlib
import random
import time

import cantools

from gi3_ros.core.interface import codec
from gi3_ros.core.interface.frame import Frame
from gi3_ros.core.interface.signals import MESSAGES
from gi3_ros.logs.columns import columns, gathered
from gi3_ros.logs.entries import Heard

DATABASE = pathlib.Path(__file__).resolve().parents[1] / 'dbc/gi3_v3.2.kcd'
FRAMES = 64
"""Different ones of each message."""
CALLS = 20
"""Times that each of them is taken in one measurement."""


def random_data(message_class, vendor, chance):
    """Return bytes with a number for each signal that it may have, and 0 elsewhere."""
    bits = 0
    for signal in message_class.SIGNALS:
        limits = vendor.get_signal_by_name(signal.name)
        raw = chance.choice([*signal.labels] or range(1 << signal.length))
        # cantools refuses to encode more than the declared maximum, as of a state of charge.
        if signal.unit and limits.maximum:
            raw = min(raw, round((limits.maximum - limits.offset) / limits.scale))
        bits |= raw << signal.start
    return bits.to_bytes(message_class.LENGTH, 'little')


def best_us(ways, things, repeat):
    """Return the shortest time for one of the things, in each way; the ways take turns."""
    best_s = [float('inf')] * len(ways)
    for _ in range(repeat):
        for place, (way, arguments) in enumerate(zip(ways, things, strict=True)):
            begin_s = time.perf_counter()
            for _ in range(CALLS):
                for argument in arguments:
                    way(argument)
            best_s[place] = min(best_s[place], time.perf_counter() - begin_s)
    return [each / CALLS / FRAMES * 1e6 for each in best_s]


def encoded(message):
    """Encode as a node does."""
    return codec.encode(message, index=1)


def compare(message_class, vendor, arguments):
    """Return the times of one message: of cantools and ours, decoding and encoding."""
    chance = random.Random(f'{arguments.seed} {message_class.NAME}')
    datas = [random_data(message_class, vendor, chance) for _ in range(FRAMES)]
    frames = [Frame(message_class.BASE_ID | 1 << 24, data) for data in datas]
    values = [vendor.decode(data) for data in datas]
    messages = [codec.decode(frame).message for frame in frames]
    for data, frame, value, message in zip(datas, frames, values, messages, strict=True):
        assert vendor.encode(value) == data
        assert encoded(message) == frame
    return [
        *best_us([vendor.decode, codec.decode], [datas, frames], arguments.repeat),
        *best_us([vendor.encode, encoded], [values, messages], arguments.repeat)]


def log_of(count, seed):
    """Return a log of so many frames: each message as often as a charge has it."""
    chance = random.Random(seed)
    classes = [each for each in MESSAGES.values() if each.PERIOD_S != 1.0 for _ in range(10)]
    classes += [each for each in MESSAGES.values() if each.PERIOD_S == 1.0]
    classes += [None] * (len(classes) // 9)
    heard = []
    for number in range(count):
        message_class = chance.choice(classes)
        if message_class is None:
            frame = Frame(chance.randrange(1 << 29), chance.randbytes(chance.randrange(9)))
        else:
            frame = Frame(message_class.BASE_ID | chance.randint(1, 4) << 24,
                          chance.randbytes(message_class.LENGTH))
        heard.append(Heard(number * 1_000_000, frame))
    return heard


def measure_columns(arguments):
    """Print how long many frames take."""
    log = log_of(arguments.frames, arguments.seed)
    begin_s = time.perf_counter()
    frames = gathered(log)
    gathering_s = time.perf_counter() - begin_s
    best_s = float('inf')
    for _ in range(arguments.repeat):
        begin_s = time.perf_counter()
        tables = columns(frames)
        best_s = min(best_s, time.perf_counter() - begin_s)
    arrays = sum(len(table.values) for table in tables.values())
    print(f'columns  {len(log)} frames into {arrays} arrays: {best_s:.3f} s')
    print(f'gathered {len(log)} entries of a log into arrays of frames: {gathering_s:.3f} s')


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument('--repeat', type=int, default=15)
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--frames', type=int, default=1_000_000)
    arguments = parser.parse_args()
    database = cantools.database.load_file(DATABASE)
    print(f'{"us":32} {"decode: cantools":>17} {"ours":>6} {"ratio":>6}'
          f' {"encode: cantools":>17} {"ours":>6} {"ratio":>6}')
    ratios = []
    for message_class in MESSAGES.values():
        vendor = database.get_message_by_name(message_class.NAME)
        theirs, ours, their_encode, our_encode = compare(message_class, vendor, arguments)
        ratios.append((theirs / ours, their_encode / our_encode))
        print(f'{message_class.NAME:32} {theirs:17.2f} {ours:6.2f} {theirs / ours:6.2f}'
              f' {their_encode:17.2f} {our_encode:6.2f} {their_encode / our_encode:6.2f}')
    decoding, encoding = zip(*ratios, strict=True)
    print(f'{"least ratio":32} {min(decoding):31.2f} {min(encoding):31.2f}')
    measure_columns(arguments)


if __name__ == '__main__':
    main()
