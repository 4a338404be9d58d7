# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Every row of every installation's table, played on a made-up clock."""

import pytest
from stage_bench import (
    EMERGENCY,
    OPEN,
    StageBench,
    STANDBY,
    TEST,
)

from gi3_ros.core.hardware import ModulesMode, Stage
from gi3_ros.core.stage.installations import STAGES
from gi3_ros.core.stage.output_stage import Happening, Installation


def closing(bench):
    """Bring own contactors to CLOSING."""
    return bench.give(TEST).run_to(Stage.CLOSING)


def closed(bench):
    if bench.config.kind is Installation.OWN_CONTACTORS:
        return closing(bench).run_to(Stage.CLOSED)
    if bench.config.kind is Installation.CONTROLLER_RELAY:
        return bench.give(STANDBY).run_to(Stage.CLOSED)
    return bench.go_to_closed()


def unloading(bench):
    """Let a current flow that does not go at once."""
    closed(bench).vehicle_closed = bench.main = True
    bench.current_a = 50.0
    return bench.run(0.1).give(OPEN).run_to(Stage.UNLOADING)


def opening(bench):
    return closed(bench).give(OPEN).run_to(Stage.OPENING)


def precharge_closing(bench):
    bench.go_to_connecting().run(0.2)
    bench.vehicle_closed = True
    return bench.run_to(Stage.PRECHARGE_CLOSING)


def precharging(bench):
    if bench.config.kind is Installation.CONTROLLER_V2G:
        return bench.go_to_connecting().run_to(Stage.PRECHARGING)
    return precharge_closing(bench).run_to(Stage.PRECHARGING)


def closing_after_precharge(bench):
    return precharging(bench).run_to(Stage.CLOSING)


def releasing(bench):
    return precharging(bench).run_to(Stage.RELEASING)


def fault(bench):
    fail(bench)
    return bench.run_to(Stage.FAULT)


def fail(bench):
    """Let something break that every installation notices."""
    if bench.config.has_output_contactors:
        opening(bench).broken.add('main')
        bench.main = True
    else:
        closed(bench).give(OPEN).run_to(Stage.OPEN)
        bench.vehicle_closed = bench.main = True
        bench.current_a = 50.0


GO = {
    Stage.OPEN: lambda bench: bench, Stage.CLOSING: closing, Stage.CLOSED: closed,
    Stage.UNLOADING: unloading, Stage.OPENING: opening, Stage.FAULT: fault,
    Stage.PRECHARGE_CLOSING: precharge_closing, Stage.PRECHARGING: precharging,
    Stage.RELEASING: releasing,
}


def want_closed(bench):
    bench.give(STANDBY).give(TEST)


def want_precharge(bench):
    bench.go_to_connecting()
    if bench.config.kind is Installation.OWN_V2G:
        bench.run_to(Stage.OPEN).run(0.2)
        bench.vehicle_closed = True


def want_open(bench):
    if bench.config.kind is Installation.CONTROLLER_V2G and bench.stage is Stage.PRECHARGING:
        bench.silent.add('controller')
    bench.give(OPEN)


def match(bench):
    """Let the precharge be done, by whoever closes the relays."""
    bench.vehicle_closed = True
    if bench.config.kind is Installation.CONTROLLER_V2G:
        bench.relay = True


def no_battery(bench):
    bench.vehicle_closed = False


def mend_and_reset(bench):
    bench.broken.clear()
    bench.current_a, bench.main, bench.vehicle_closed = 0.0, False, False
    bench.give(OPEN).run(0.5).core.reset_fault(now_s=bench.now_s)


DO = {
    Happening.CLOSE_WANTED: want_closed,
    Happening.OPEN_WANTED: want_open,
    Happening.CURRENT_GONE: lambda bench: setattr(bench, 'current_a', 0.0),
    Happening.CONTACTS_CLOSED: lambda bench: None,
    Happening.CONTACTS_OPEN: lambda bench: None,
    Happening.PRECHARGE_WANTED: want_precharge,
    Happening.PRECHARGE_CLOSED: lambda bench: None,
    Happening.VOLTAGES_MATCH: match,
    Happening.PRECHARGE_OPEN: lambda bench: None,
    Happening.NO_BATTERY: no_battery,
    Happening.EMERGENCY: lambda bench: bench.give(EMERGENCY),
    Happening.RESET: mend_and_reset,
}
BREAK = {
    # What must not happen in each stage.
    Stage.CLOSING: lambda bench: bench.broken.add('main'),
    Stage.CLOSED: lambda bench: bench.silent.add('contactors'),
    Stage.OPENING: lambda bench: (bench.broken.add('main'), setattr(bench, 'main', True)),
    Stage.PRECHARGE_CLOSING: lambda bench: (
        bench.broken.add('relay'), setattr(bench, 'relay', False)),
    Stage.PRECHARGING: lambda bench: bench.broken.add('resistor'),
    Stage.RELEASING: lambda bench: (bench.broken.add('relay'), setattr(bench, 'relay', True)),
}


def break_open(bench):
    bench.vehicle_closed = bench.main = True
    bench.broken.add('main')
    bench.current_a = 50.0


def break_followed(bench):
    """Break what the controller runs, where no contact could tell."""
    if bench.stage is Stage.PRECHARGING:
        bench.vehicle_closed = bench.main = True
    elif bench.stage is Stage.CLOSED and bench.config.kind is Installation.CONTROLLER_V2G:
        bench.main, bench.relay, bench.is_commanded = False, True, True
        bench.run(0.2)
        bench.current_a = 0.1
        bench.let(ModulesMode.REGULATE)


ROWS = [
    pytest.param(installation, before, event, after,
                 id=f'{installation.value}-{before.name}-{event.name}')
    for installation, cls in STAGES.items()
    for (before, event), after in cls.TRANSITIONS.items()
]


@pytest.mark.parametrize('installation, before, event, after', ROWS)
def test_row(installation, before, event, after):
    bench = StageBench(installation.value)
    seen = []
    original = bench.core._happen

    def note(happening, now_s, reason=''):
        stage = bench.core.stage
        original(happening, now_s, reason)
        if (stage, happening) in type(bench.core).TRANSITIONS:
            seen.append((stage, happening, bench.core.stage))
    bench.core._happen = note
    GO[before](bench)
    assert bench.stage is before
    if event is not Happening.FAULT:
        DO[event](bench)
    elif before is Stage.OPEN:
        break_open(bench)
    elif installation is Installation.CONTROLLER_V2G:
        break_followed(bench)
    else:
        BREAK[before](bench)
    bench.run(3.5)
    assert (before, event, after) in seen, f'{bench.stage.name}: {bench.reason}; {seen}'


def test_no_contactors_have_no_table_and_are_always_closed():
    bench = StageBench('none').give(OPEN).give(EMERGENCY).run(1.0)
    assert bench.stage is Stage.CLOSED
    assert not STAGES[Installation.NONE].TRANSITIONS
