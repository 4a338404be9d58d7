# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
The phases of power_control, and the table of everything that changes them.

One rule for this file: whatever decides about the phase stands here. Most of it is a row of
:data:`ROWS`. What does not fit into a row is a function below the table, which says which event
it is that happens. The rest of the room asks :class:`PhaseMachine` and never sets a phase.

How to read it
--------------
There are two groups of phases in a session. In a *powered* phase the modules may deliver: a
function of Power_Function runs. In a *floating* phase they deliver nothing: they are off, or they
bleed. Before a session there are IDLE and WAKING, and apart from all stands FAULT.

A row says: in these phases, when this happens, that phase follows. An event is a command of the
controller (a :class:`~..command.Request`, or a :class:`Lowering`) or a :class:`Happening`.
**What is not in the table does not happen.** A command without a row is not followed: the last
good one stays in force, the refusal is a finding, and a controller that insists is a fault
(:mod:`.refusals`). A happening without a row changes nothing.

Why it is as it is
------------------
*A stop is always obeyed.* Standby, Off and the three lowerings have a row in every phase of a
session, the floating ones included, so no order of commands can keep power on. Before the session
there is nothing to stop: there a stop changes nothing, and is no breach either.

*A function never starts from Off.* It starts from Standby, which keeps the modules ready (R22). A
function straight after Off means that a Standby got lost, and nobody knows what else did. What was
lost is not guessed. The lowering after the test is a Standby with one more bit, so a function may
start from there. The other two lowerings come at the end, when nothing starts any more.

*No function follows another directly.* Each begins without current and at the voltage that is
measured; the Standby in between is the moment at which that becomes true. The same function
commanded again goes on with new setpoints.

*Lowering has three moments* (R16). The frame is the same each time, but the answer is not, because
of the battery. After the insulation test none is connected yet: the output is bled with closed
contactors (L1). At the end of a transfer it may still be connected: the output is bled only behind
open contactors, and without own contactors not at all (L2, R17). In Closing_Communication the
vehicle has opened its contactors (R44), so a charger without own ones bleeds, too (L3). Which
moment it is follows from what has happened and from the controller's state
(:func:`moment_of_lowering`). Command and status may cross on the way (A5): the status that makes a
lowering the third one may come just after it, and has a row of its own for that.

*Announcements may come again.* New_Charge_Session repeats every 100 ms, and
Connected_With_Full_Info says the same (A4). Within a session they change nothing. Only after
Charge_Session_Finished they mean another session. It begins in WAKING like the first one, even if
the controller was not seen idle in between (:meth:`PhaseMachine.announcement`).

*Off may come while the modules wake* (A27). The session then begins in OFF, and the controller
owes a Standby before a function, as ever.

*Silence while the modules wake is no fault.* Nothing was permitted yet, and the announcement that
goes on begins anew. In every later phase it is a fault, unless the session was finished: then it
is the end of it (:meth:`PhaseMachine.when_power_is_forbidden`).

*A fault is left only through reset.* Every phase leads to FAULT, and no frame leads out of it:
power never comes back because a frame came back (R1). A stop has no row there: the power is off
already, and nothing is refused. A reset leads to IDLE, so the next power needs a session that is
announced afresh.

The diagram in docs/explanation/architecture.md is drawn from :data:`ROWS` by scripts/draw.py. The
tests take their rows from here; each event needs something that makes it happen (``Bench.happen``
in test/support/power_bench.py).
"""

import enum
import typing

from ..command import Request


class Phase(enum.IntEnum):
    """What power_control is doing; the numbers are those of ``PowerStatus.msg``."""

    IDLE = 0
    WAKING = 1
    STANDBY = 2
    INSULATION_TEST = 3
    LOWERING_AFTER_TEST = 4
    """L1 of R16: the contactors stay closed, no battery is connected yet."""
    PRECHARGE = 5
    POWER_TRANSFER = 6
    LOWERING_AT_END = 7
    """L2 of R16: the battery may still be connected to the pistol."""
    LOWERING_ON_CLOSING = 8
    """L3 of R16."""
    OFF = 9
    FAULT = 10


class Lowering(enum.Enum):
    """The three moments at which Lower_Output_Voltage may come (R16)."""

    AFTER_TEST = 'Lowering before a battery is connected (L1)'
    AT_END = 'Lowering after a transfer (L2)'
    ON_CLOSING = 'Lowering in Closing_Communication (L3)'


class Happening(enum.Enum):
    """What moves the phase besides a command."""

    ANNOUNCED = 'session announced'
    ANNOUNCED_AGAIN = 'next session announced'
    READY = 'modules ready'
    READY_OFF = 'modules ready, Off commanded'
    CLOSING = 'controller closes the communication'
    FINISHED = 'session finished'
    CONTROLLER_IDLE = 'controller idle'
    CONTROLLER_LOST = 'controller silent'
    FAULT = 'fault'
    RESET = 'fault reset'


Event: typing.TypeAlias = Request | Lowering | Happening

BEFORE = frozenset({Phase.IDLE, Phase.WAKING})
"""Phases before a session: nothing is permitted yet."""
FLOATING = frozenset({
    Phase.STANDBY, Phase.OFF,
    Phase.LOWERING_AFTER_TEST, Phase.LOWERING_AT_END, Phase.LOWERING_ON_CLOSING,
})
"""Phases of a session in which the modules deliver nothing."""
POWERED = frozenset({Phase.INSULATION_TEST, Phase.PRECHARGE, Phase.POWER_TRANSFER})
"""Phases of a session in which the modules may deliver."""
SESSION = FLOATING | POWERED
BLEEDING = frozenset({
    Phase.LOWERING_AFTER_TEST, Phase.LOWERING_AT_END, Phase.LOWERING_ON_CLOSING})
"""Phases in which the controller asks for an output without voltage (R15)."""
BATTERY_CONNECTS = frozenset({Phase.PRECHARGE, Phase.POWER_TRANSFER})
"""Phases in which the vehicle may connect its battery, unannounced (R19)."""

STOPS: frozenset[Event] = frozenset({Request.STANDBY, Request.OFF, *Lowering})
STARTS: frozenset[Event] = frozenset({
    Request.INSULATION_TEST, Request.PRECHARGE, Request.POWER_TRANSFER})
"""Commands that start a function."""

_READY_TO_START = frozenset({Phase.STANDBY, Phase.LOWERING_AFTER_TEST})
_STAYS = None
"""The event is all right there, and changes nothing."""


class Row(typing.NamedTuple):
    """In one of these phases, when this happens, that phase follows."""

    phases: Phase | frozenset[Phase]
    event: Event
    target: Phase | None
    """``None``: the phase stays what it is."""

    @property
    def sources(self) -> list[Phase]:
        """The phases for which it holds, in the order of their numbers."""
        return [self.phases] if isinstance(self.phases, Phase) else sorted(self.phases)


ROWS = (
    # in                        when                         it becomes

    # A session begins.
    Row(Phase.IDLE,             Happening.ANNOUNCED,         Phase.WAKING),
    Row(Phase.WAKING,           Happening.ANNOUNCED,         _STAYS),
    Row(Phase.WAKING,           Happening.ANNOUNCED_AGAIN,   _STAYS),
    Row(Phase.WAKING,           Happening.READY,             Phase.STANDBY),
    Row(Phase.WAKING,           Happening.READY_OFF,         Phase.OFF),
    Row(Phase.WAKING,           Happening.CONTROLLER_LOST,   Phase.IDLE),

    # A stop is always obeyed. Before the session there is nothing to stop.
    Row(BEFORE,                 Request.STANDBY,             _STAYS),
    Row(BEFORE,                 Request.OFF,                 _STAYS),
    Row(BEFORE,                 Lowering.AFTER_TEST,         _STAYS),
    Row(BEFORE,                 Lowering.AT_END,             _STAYS),
    Row(BEFORE,                 Lowering.ON_CLOSING,         _STAYS),
    Row(SESSION,                Request.STANDBY,             Phase.STANDBY),
    Row(SESSION,                Request.OFF,                 Phase.OFF),
    Row(SESSION,                Lowering.AFTER_TEST,         Phase.LOWERING_AFTER_TEST),
    Row(SESSION,                Lowering.AT_END,             Phase.LOWERING_AT_END),
    Row(SESSION,                Lowering.ON_CLOSING,         Phase.LOWERING_ON_CLOSING),

    # A function starts from Standby, of which the lowering after the test is one. Never from Off.
    Row(_READY_TO_START,        Request.INSULATION_TEST,     Phase.INSULATION_TEST),
    Row(_READY_TO_START,        Request.PRECHARGE,           Phase.PRECHARGE),
    Row(_READY_TO_START,        Request.POWER_TRANSFER,      Phase.POWER_TRANSFER),

    # It goes on until it is stopped: no function follows another directly.
    Row(Phase.INSULATION_TEST,  Request.INSULATION_TEST,     _STAYS),
    Row(Phase.PRECHARGE,        Request.PRECHARGE,           _STAYS),
    Row(Phase.POWER_TRANSFER,   Request.POWER_TRANSFER,      _STAYS),

    # The status that makes it the third lowering came after the command.
    Row(Phase.LOWERING_AT_END,  Happening.CLOSING,           Phase.LOWERING_ON_CLOSING),

    # The session ends, or another one begins.
    Row(BEFORE,                 Happening.FINISHED,          _STAYS),
    Row(FLOATING,               Happening.FINISHED,          _STAYS),
    Row(POWERED,                Happening.FINISHED,          Phase.STANDBY),
    Row(FLOATING,               Happening.ANNOUNCED,         _STAYS),
    Row(FLOATING,               Happening.ANNOUNCED_AGAIN,   Phase.WAKING),
    Row(BEFORE,                 Happening.CONTROLLER_IDLE,   Phase.IDLE),
    Row(FLOATING,               Happening.CONTROLLER_IDLE,   Phase.IDLE),

    # A fault, and the only way out of it.
    Row(frozenset(Phase),       Happening.FAULT,             Phase.FAULT),
    Row(Phase.FAULT,            Happening.RESET,             Phase.IDLE),
)

TRANSITIONS: dict[tuple[Phase, Event], Phase] = {
    (phase, row.event): phase if row.target is _STAYS else row.target
    for row in ROWS for phase in row.sources
}
"""Every change of phase, by phase and event. What is not here does not happen."""


def moment_of_lowering(*, is_closing: bool, is_battery_possible: bool) -> Lowering:
    """
    Tell which of its three moments a Lower_Output_Voltage has (R16).

    :param is_closing: whether the controller is in Closing_Communication
    :param is_battery_possible: whether a battery may be at the pistol
    """
    if is_closing:
        return Lowering.ON_CLOSING
    return Lowering.AT_END if is_battery_possible else Lowering.AFTER_TEST


def readiness(*, is_off_commanded: bool) -> Happening:
    """Tell what it is that the modules are ready: Off may have been commanded by then (A27)."""
    return Happening.READY_OFF if is_off_commanded else Happening.READY


class PhaseMachine:
    """The phase, and the only place that changes it."""

    def __init__(self) -> None:
        self.phase = Phase.IDLE

    @property
    def is_powered(self) -> bool:
        """Whether the modules may deliver."""
        return self.phase in POWERED

    @property
    def is_enabled(self) -> bool:
        """Whether the controller may use the modules: System_Enable (R6, R7)."""
        return self.phase in SESSION

    def has_row(self, event: Event) -> bool:
        """Return whether the event may happen in this phase."""
        return (self.phase, event) in TRANSITIONS

    def starts(self, event: Event) -> bool:
        """Return whether the event starts a function that does not run yet."""
        return event in STARTS and TRANSITIONS.get((self.phase, event)) is not self.phase

    def happen(self, event: Event) -> bool:
        """Let an event happen; returns whether the table has it. Without a row nothing changes."""
        if not self.has_row(event):
            return False
        self.phase = TRANSITIONS[self.phase, event]
        return True

    # What cannot be a row: which event it is.

    def announcement(self, *, is_finished: bool) -> Happening:
        """
        Tell whether an announcement is of the next session.

        :param is_finished: whether Charge_Session_Finished came, and no session began since
        """
        is_next = is_finished and self.phase is not Phase.IDLE
        return Happening.ANNOUNCED_AGAIN if is_next else Happening.ANNOUNCED

    def begins_session(self, announcement: Happening) -> bool:
        """Return whether an announcement begins a session, rather than repeat what is known."""
        return announcement is Happening.ANNOUNCED_AGAIN or self.phase is Phase.IDLE

    def when_power_is_forbidden(self, *, is_finished: bool) -> Happening:
        """
        Tell what it is that our own side or the controller's fails.

        :param is_finished: whether the session is over: whoever leaves now leaves no fault behind
        """
        if is_finished:
            return Happening.CONTROLLER_IDLE
        return Happening.CONTROLLER_LOST if self.phase is Phase.WAKING else Happening.FAULT

    def when_controller_is_idle(self) -> Happening:
        """Tell what it is that the controller has no session: while power is on, a fault."""
        return Happening.FAULT if self.is_powered else Happening.CONTROLLER_IDLE
