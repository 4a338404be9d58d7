"""
What the power modules do: every decision about power is made in this file.

The controller commands with DC_Power_Control; what it may command when is the table
:data:`TRANSITIONS`. A command that the table does not hold is not followed: the last good one
stays in force, the refusal is a finding, and a controller that insists is a fault.

Faults latch with their values, take the power away within the same tick without a ramp, withdraw
System_Enable, and stay until :meth:`PowerControl.reset_fault`. Power comes back only with a
session that is announced afresh, never because a frame came back (R1).
"""

import dataclasses
import enum
import math

from ..command import illegality, plain_stop, Request, request_of
from ..config import check, entry
from ..controller_watch import ANNOUNCING_S, ControllerWatch, State
from ..hardware import DRIVER_TIMEOUT_S, ModulesMode, PowerSetpoint, Stage
from ..interface.signals import (
    AdvanticsControllerStatus,
    ChargeSessionFinished,
    ChargeStatusChange,
    DcPowerControl,
    DcPowerParameters,
    EmergencyStop,
    NewChargeSession,
    OcppControl,
    PowerModulesStatus,
)
from ..journal import Journal
from ..stage.precharge import WINDOW_V
from ..timing import MEASUREMENT_FAULT_AGE_S, MEASUREMENT_MAX_AGE_S, STAGE_MAX_AGE_S
from . import supervision
from .limits import (
    AdvertisedLimits,
    ChargerLimits,
    Derating,
    DischargeWindow,
    FOLLOWED_S,
    SMALLEST_CURRENT_A,
    Steady,
)
from .refusals import Refusals
from .setpoint import choose, is_range_mode, Lease, Leases, Priority, Ramp

STATUS_PERIOD_S = 0.1
"""R2"""
SAFE_VOLTAGE_V = 20.0
"""R15"""
EMPTY_VOLTAGE_V = 5.0
"""Where emptying the output behind open contactors ends: safely below what is safe."""
INSULATION_FROM_V = 200.0
"""From this output voltage on the insulation has to be measured (R13)."""
INSULATION_SATURATION_OHM = 510e3
"""R13: the largest value that Power_Modules_Status carries"""
CROSSING_S = 0.3
"""Command and status of the same moment arrive no further apart than this (A5)."""
CLOSING_S = 0.5
"""No session is announced so soon after one was finished: that is a last word of it (R44)."""
PRECHARGE_MAX_A = 20.0
"""A precharge charges capacitors; vehicles allow 0 .. 2 A (R19). More is never given."""
COMMAND_MAX_AGE_S = 0.3
"""An older command starts nothing: it waited somewhere for too long. A stop is never too old."""
BLEED_SETTLE_S = 0.1
"""An older reading does not tell yet what bleeding does: the modules need their time to stop."""
BLEED_CHECK_S = 1.0
BLEED_CHECK_FALL = 0.2
"""Bleeding that lowers the voltage by less than this share in this time feeds on a battery."""


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


POWERED = frozenset({Phase.INSULATION_TEST, Phase.PRECHARGE, Phase.POWER_TRANSFER})
"""Phases in which the modules may deliver."""
_STOPS = {
    Request.STANDBY: Phase.STANDBY,
    Request.OFF: Phase.OFF,
    Lowering.AFTER_TEST: Phase.LOWERING_AFTER_TEST,
    Lowering.AT_END: Phase.LOWERING_AT_END,
    Lowering.ON_CLOSING: Phase.LOWERING_ON_CLOSING,
}
_STARTS = {
    Request.INSULATION_TEST: Phase.INSULATION_TEST,
    Request.PRECHARGE: Phase.PRECHARGE,
    Request.POWER_TRANSFER: Phase.POWER_TRANSFER,
}
_FLOATING = tuple(_STOPS.values())

TRANSITIONS = {
    (Phase.IDLE, Happening.ANNOUNCED): Phase.WAKING,
    (Phase.WAKING, Happening.ANNOUNCED): Phase.WAKING,
    (Phase.WAKING, Happening.READY): Phase.STANDBY,
    # The controller may send Off until they are (A27), and then Standby before a function (R22).
    (Phase.WAKING, Happening.READY_OFF): Phase.OFF,
    # Nothing is permitted yet: no fault, and an announcement that goes on begins anew.
    (Phase.WAKING, Happening.CONTROLLER_LOST): Phase.IDLE,
    (Phase.FAULT, Happening.RESET): Phase.IDLE,
    # Before the session and while the modules wake there is nothing to stop.
    **{(phase, stop): phase for phase in (Phase.IDLE, Phase.WAKING) for stop in _STOPS},
    # A stop is always obeyed.
    **{(phase, stop): target for phase in (*_FLOATING, *sorted(POWERED))
       for stop, target in _STOPS.items()},
    # A function starts from Standby (lowering after the test is Standby), never from Off (R22) ..
    **{(phase, start): target for phase in (Phase.STANDBY, Phase.LOWERING_AFTER_TEST)
       for start, target in _STARTS.items()},
    # .. and goes on until it is stopped: no function follows another directly.
    **{(phase, start): phase for start, phase in _STARTS.items()},
    # Command and status may cross on the way (A5).
    (Phase.LOWERING_AT_END, Happening.CLOSING): Phase.LOWERING_ON_CLOSING,
    **{(phase, Happening.ANNOUNCED): phase for phase in _FLOATING},
    **{(phase, Happening.ANNOUNCED_AGAIN): Phase.WAKING for phase in (Phase.WAKING, *_FLOATING)},
    **{(phase, Happening.FINISHED): phase for phase in (Phase.IDLE, Phase.WAKING, *_FLOATING)},
    **{(phase, Happening.FINISHED): Phase.STANDBY for phase in sorted(POWERED)},
    **{(phase, Happening.CONTROLLER_IDLE): Phase.IDLE
       for phase in (Phase.IDLE, Phase.WAKING, *_FLOATING)},
    **{(phase, Happening.FAULT): Phase.FAULT for phase in Phase},
}
"""Every change of phase. What is not here does not happen."""


@dataclasses.dataclass(frozen=True, slots=True)
class PowerConfig:
    """Parameters of power_control besides those that it shares with the controller."""

    limits: ChargerLimits = dataclasses.field(default_factory=ChargerLimits)
    tell_maximum_voltage: bool = entry(
        True, 'tell what charger and cable can do as Maximum_Voltage; false: 0, which is the '
        "controller's own max_charger_voltage, until set_limits lowers it (R33)")
    tell_maximum_charge_current: bool = entry(
        True, "the same of Maximum_Charge_Current and the controller's max_charger_current")
    tell_maximum_discharge_current: bool = entry(
        True, "the same of Maximum_Discharge_Current and the controller's "
        'max_charger_discharge_current')
    current_ramp_up_rate: float = entry(
        100.0, 'A/s away from zero, in the power transfer (R28)', 1.0, 10000.0)
    current_ramp_down_rate: float = entry(
        400.0, 'A/s towards zero; a stop is not ramped (R28)', 1.0, 10000.0)
    voltage_ramp_up_rate: float = entry(1000.0, 'V/s upwards, in every function', 1.0, 100000.0)
    voltage_ramp_down_rate: float = entry(
        1000.0, 'V/s downwards, in every function; a stop is not ramped', 1.0, 100000.0)
    insulation_test_current: float = entry(
        2.0, 'A, current limit of the insulation test, for which the interface has none (R11)',
        0.1, 20.0)
    precharge_min_current: float = entry(
        1.0, "A, used in the precharge when the vehicle's cap is lower (A13)", 0.0, 5.0)
    strict_target_voltage: bool = entry(
        False, 'a Target_Voltage above the maximum is a fault in every function; false: only in '
        'the precharge, elsewhere it is clamped (A38)')
    supervise_insulation: bool = entry(
        True, 'check 100 Ohm/V ourselves after the test (R14); false when the controller reads '
        'the monitor (A37)')
    derating_temperature: float = entry(
        75.0, 'degrees C of the modules from which the current is derated (R50)', 0.0, 214.0)
    max_temperature: float = entry(
        85.0, 'degrees C of the modules, half the current here; staying above is a fault (R50)',
        1.0, 215.0)
    voltage_tolerance: float = entry(
        5.0, 'V, on top of 5 %, that a measured voltage may exceed its limit', 0.0, 100.0)
    current_tolerance: float = entry(
        3.0, 'A, on top of 5 %, that a measured current may exceed its limit', 0.0, 100.0)
    over_limit_time: float = entry(
        0.5, 's that a measured value may exceed its limit; the lag of the modules and an inrush '
        'must fit', 0.3, 2.0)
    stopping_time: float = entry(
        1.5, 's that the modules may take to bring the current down after a stop', 0.3, 3.0)

    def __post_init__(self):
        check(self)
        if self.derating_temperature >= self.max_temperature:
            raise ValueError(
                f'derating_temperature {self.derating_temperature:g} must be below '
                f'max_temperature {self.max_temperature:g}')

    @property
    def left_to_controller(self) -> frozenset[str]:
        """Signals of DC_Power_Parameters that say the controller's own entry (R33)."""
        return frozenset(
            name for name in ('maximum_voltage', 'maximum_charge_current',
                              'maximum_discharge_current') if not getattr(self, f'tell_{name}'))


@dataclasses.dataclass(frozen=True, slots=True)
class Effective:
    """The setpoint in force, whose it is, and what shaped it. Volts, amperes, seconds."""

    voltage_v: float = 0.0
    current_a: float = 0.0
    target_a: float = 0.0
    """Where the ramp takes ``current_a``."""
    wanted_a: float = 0.0
    """What ``source`` wants, before any limit."""
    range_min_a: float = 0.0
    range_max_a: float = 0.0
    """Of the controller's command, in a power transfer."""
    source: str = 'controller'
    """'controller', 'ocpp', the source of a lease, 'fault' or 'emergency'."""
    lease: Lease | None = None
    """The lease that ranks highest, also where it can only be told to the vehicle (R32)."""
    lease_remaining_s: float = 0.0
    limited_by: tuple = ()
    told: DcPowerParameters = dataclasses.field(default_factory=DcPowerParameters)
    """The limits as told to the controller; 0 is the controller's own entry (R33)."""


@dataclasses.dataclass(frozen=True, slots=True)
class Decision:
    """What one tick decided."""

    setpoint: PowerSetpoint
    status: PowerModulesStatus | None
    """To send now, or nothing."""
    parameters: DcPowerParameters | None
    """To send now, or nothing."""
    phase: Phase
    system_enable: bool
    fault: str
    note: str
    effective: Effective


class PowerControl:
    """
    The decisions about power, for one pistol.

    Feed it with :meth:`receive` (from the controller), :meth:`measure` and :meth:`see_stage`;
    call :meth:`tick` at 100 Hz and after every command. It reads no clock: ``now_s`` is seconds
    on one monotonic clock, for an input the time at which it was true.
    """

    def __init__(self, config):
        self.config = config
        self.journal = Journal()
        self.phase = Phase.IDLE
        self.fault = ''
        self._fault_source = 'fault'
        self._note = ''
        self._limits = AdvertisedLimits(
            config.limits, left_to_controller=config.left_to_controller)
        self._steady = Steady(), Steady()
        """What power leaves of the current in each direction, charging first."""
        self._is_in_excess = False
        """Whether the last command was beyond what it had been told for long."""
        self._leases = Leases()
        self._derating = Derating(config.derating_temperature, config.max_temperature)
        self._share = 1.0
        self._has_temperature = False
        self._window = DischargeWindow(config.limits)
        self._watch = supervision.Watch(config.over_limit_time)
        self._current = Ramp(config.current_ramp_up_rate, config.current_ramp_down_rate)
        self._voltage = Ramp(config.voltage_ramp_up_rate, config.voltage_ramp_down_rate)
        self._highest_v = 0.0
        """The highest voltage that this phase began with or asked for."""
        self._command = DcPowerControl()
        self._commanded_s = -math.inf
        self._transfer_command = None
        """The last Power_Transfer of this session; its mode outlasts a pause."""
        self._ocpp_a = None
        # Inputs with the time at which each was true.
        self._controller = ControllerWatch()
        self._measurement = None
        self._measured_s = -math.inf
        self._stage = Stage.OPEN
        self._stage_reason = 'nothing heard from it yet'
        self._stage_s = -math.inf
        self._has_output_contactors = True
        self._stage_sees_battery = False
        self._ticked_s = -math.inf
        self._announced_s = -math.inf
        # Memory of the session.
        self._is_finished = False
        self._finished_s = -math.inf
        self._is_off_commanded = False
        self._awaits_idle = False
        """After a fault the controller has to be without a session before one may begin."""
        self._battery_may_be_connected = False
        self._is_tested = False
        self._refusals = Refusals()
        self._bleeding_from = None
        self._bleeds_since_s = -math.inf
        self._bled_to_v = 0.0
        self._bleeds_in_vain = False
        """What is on the output does not fall: not tried again before the fault is reset."""
        self._next_status_s = -math.inf

    # Inputs

    def receive(self, message, *, now_s):
        """Take a decoded message of the controller; others are ignored."""
        handler = _HANDLERS.get(type(message))
        if handler is not None:
            handler(self, message, now_s)

    def measure(self, measurement, *, now_s):
        """
        Take a reading of the power modules' driver.

        A reading with a voltage or current that is no number, or an infinite temperature, is not
        taken: the last good one ages on.

        :returns: whether it was taken
        """
        numbers = (measurement.voltage_v, measurement.current_a)
        temperatures = (
            measurement.power_modules_temperature_c, measurement.enclosure_temperature_c)
        if not all(map(math.isfinite, numbers)) or any(map(math.isinf, temperatures)):
            self.journal.finding(
                'measurement', f'the driver measures {numbers[0]} V, {numbers[1]} A, '
                f'{temperatures[0]} and {temperatures[1]} °C: not taken', now_s=now_s,
            )
            return False
        if now_s < self._measured_s:
            return False
        if self.phase in POWERED:
            # What was missing between two ticks was missing all the same.
            self._fail_if(self._measurement_missing(now_s), now_s)
        self._measurement, self._measured_s = measurement, now_s
        self._share = self._derating.share(measurement.power_modules_temperature_c)
        self._has_temperature |= not math.isnan(measurement.power_modules_temperature_c)
        return True

    def see_stage(
        self, stage, reason, *, has_output_contactors=True, battery_may_be_connected=False, now_s,
    ):
        """Take a report of the output stage."""
        self._stage_sees_battery = battery_may_be_connected
        was_closed = self._stage is Stage.CLOSED
        self._stage, self._stage_reason, self._stage_s = Stage(stage), reason, now_s
        self._has_output_contactors = has_output_contactors
        if was_closed and self._stage is not Stage.CLOSED and self.phase in POWERED:
            # It does not come back by itself: power needs a command that begins anew. What it
            # opens for may be known here, too, and is the better reason.
            self._fail_if(self._controller.forbids(now_s=now_s), now_s)
            self._fail(f'output stage left CLOSED: {self._stage.name} {reason}'.rstrip(), now_s)

    def reading(self, *, now_s):
        """Return the last measurement while it is young enough to be used, else ``None``."""
        return self._measurement if now_s - self._measured_s < MEASUREMENT_MAX_AGE_S else None

    @property
    def is_in_session(self):
        """Whether a session is announced and not over."""
        return self.phase not in (Phase.IDLE, Phase.FAULT) and not self._is_finished

    # Requests of people and robots

    def request_current(self, current_a, *, duration_s, priority, source, now_s):
        """
        Grant a lease on the current; see :meth:`Leases.grant`.

        :returns: words that say how the wish is carried out
        :raises ValueError: with the reason of the refusal
        """
        if duration_s > 0:
            self._refuse_impossible(current_a)
        ended = self._leases.grant(
            current_a, duration_s=duration_s, priority=priority, source=source, now_s=now_s,
        )
        rank = Priority(priority).name.lower()
        if duration_s == 0:
            return (f'lease of {ended.source} ({rank}) given back' if ended is not None
                    else f'there was no lease of the {rank}')
        wish = f'{current_a:g} A for {duration_s:g} s'
        ahead = self._leases.in_force(now_s=now_s)
        if ahead.priority > priority:
            return f'{wish}, after the lease of {ahead.source}, which ranks higher'
        if self._may_choose():
            return f'{wish}, inside the range of the controller'
        self._advertise(ahead)
        told = self._limits.current
        name, told_a = (
            ('Maximum_Charge_Current', told.maximum_charge_current) if current_a >= 0
            else ('Maximum_Discharge_Current', told.maximum_discharge_current)
        )
        if self._transfer_command is None:
            return (
                f'{wish} from the power transfer on: inside the range of the controller in '
                'Range_Mode; in Target_Mode the vehicle sets the current and is told '
                f'{max(abs(current_a), SMALLEST_CURRENT_A):g} A as its limit (R32)'
            )
        return (
            f'{name} {told_a or abs(current_a):g} A is told to the vehicle for {duration_s:g} s; '
            'the vehicle sets the current (Target_Mode, R32)'
        )

    def _refuse_impossible(self, current_a):
        """Refuse a wish for a current that cannot come about, with words."""
        if self.phase is Phase.FAULT:
            raise ValueError(f'a fault is latched, no power until it is reset: {self.fault}')
        limits = self.config.limits
        low = -limits.max_charger_discharge_current if limits.is_bidirectional else 0.0
        high = limits.max_charger_current
        if not low <= current_a <= high:
            raise ValueError(
                f'{current_a:g} A is outside {low:g} .. {high:g} A that this charger can do'
            )
        transfer = self._transfer_command
        if transfer is None or self._may_choose():
            return
        if abs(current_a) < SMALLEST_CURRENT_A or (
                (current_a < 0) != (transfer.current_range_max < 0)):
            raise ValueError(
                f'{current_a:g} A cannot be told to a vehicle that sets the current itself, now '
                f'{transfer.current_range_max:g} A '
                '(Target_Mode, R32, R33); to end the charge call stop_charge'
            )

    def request_limits(self, *, voltage_v, charge_current_a, discharge_current_a, now_s):
        """
        Lower what is told to the controller; see :meth:`AdvertisedLimits.set`.

        In Range_Mode, where the current is ours to choose, it is kept at once as well, but never
        outside of the range.

        :returns: words with the limits now told
        :raises ValueError: with the reason of the refusal
        """
        self._limits.set(
            voltage_v=voltage_v, charge_current_a=charge_current_a,
            discharge_current_a=discharge_current_a,
        )
        told = self._limits.current
        words = (
            f'told to the controller: maximum {_told(told.maximum_voltage, "V")}, '
            f'charge {_told(told.maximum_charge_current, "A")}, '
            f'discharge {_told(told.maximum_discharge_current, "A")}; the '
            'vehicle follows in Target_Mode, this charger in Range_Mode'
        )
        self.journal.info(words, now_s=now_s)
        return words

    def emergency_stop(self, reason, *, now_s):
        """Take the power away at once, latched (R8)."""
        why = f'emergency stop asked for: {reason or "no reason given"}'
        if self.phase is not Phase.FAULT:
            self._fail(why, now_s, source='emergency')
        elif 'emergency stop asked for' not in self.fault:
            self.fault += f'; {why}'
            self.journal.error(f'besides: {why}', now_s=now_s)

    def reset_fault(self, *, now_s):
        """
        Clear a latched fault.

        :raises ValueError: while its cause is still there, with the cause in words
        """
        if self.phase is not Phase.FAULT:
            raise ValueError('no fault is latched')
        cause = self._cause_still_there(now_s)
        if not cause:
            reading, config = self._measurement, self.config
            checks = [*supervision.of_maximum(reading, config.limits, config),
                      *supervision.of_idle(reading, config)]
            if config.supervise_insulation and reading.voltage_v > INSULATION_FROM_V:
                checks += supervision.of_insulation(reading, 0.0)
            if self._has_temperature:
                checks += supervision.of_lost_temperature(reading)
            cause = next((check.words for check in checks if check.is_beyond), '')
        if cause:
            raise ValueError(f'{cause}; the fault stays: {self.fault}')
        self.journal.info(f'fault reset: {self.fault}', now_s=now_s)
        self.fault = ''
        self._bleeds_in_vain = False
        self._happen(Happening.RESET, now_s)

    # The tick

    def tick(self, *, now_s):
        """Decide: age every input, latch what went wrong, and say what the modules shall do."""
        if self.phase in POWERED and now_s - self._ticked_s >= DRIVER_TIMEOUT_S:
            # The driver has switched off meanwhile: nothing to go on with.
            self._fail(f'no decision for {now_s - self._ticked_s:.2f} s: machine too busy?', now_s)
        self._ticked_s = now_s
        self._obey_doubtful_stop(now_s)
        self._supervise(now_s)
        self._note = ''
        setpoint, effective = self._decide(now_s)
        self._note = self._note or self._refusals.words
        if setpoint.mode is not ModulesMode.REGULATE:
            # Whatever stops, stops at once; the next start begins at nothing.
            self._reset_ramps()
        if setpoint.mode is not ModulesMode.BLEED:
            self._bleeding_from = None
        lease = self._leases.in_force(now_s=now_s)
        self._advertise(lease)
        return Decision(
            setpoint=setpoint,
            status=self._status_due(now_s),
            # Before the session, too: without flags the last ones count that were sent before
            # the negotiation (R33).
            parameters=(
                self._limits.due(now_s=now_s) if self._controller.is_alive(now_s=now_s) else None),
            phase=self.phase,
            system_enable=self._system_enable,
            fault=self.fault,
            note=self._note,
            effective=dataclasses.replace(
                effective, voltage_v=setpoint.voltage_v, current_a=setpoint.current_a,
                source=self._fault_source if self.phase is Phase.FAULT else effective.source,
                lease=lease,
                lease_remaining_s=0.0 if lease is None else lease.expires_s - now_s,
                told=self._limits.current,
            ),
        )

    # Messages of the controller

    def _on_status(self, message, now_s):
        if self.phase in POWERED:
            # What was missing between two ticks was missing all the same.
            self._fail_if(self._controller.forbids(now_s=now_s), now_s)
        state = message.state
        before = self._controller.see_status(state, now_s=now_s)
        if before is None:
            self._limits.forget_told()
        if before is None or (
                state == State.NEGOTIATING_CONNECTION and before != state):
            self._limits.announce()
        if state == State.CONNECTED_WITH_FULL_INFO:
            # It may come before New_Charge_Session or after it (A4).
            self._announced(now_s)
        elif state == State.CLOSING_COMMUNICATION and now_s - self._commanded_s < CROSSING_S:
            # Later it says nothing about the command: L2 stays ignored where R17 says so.
            self._happen(Happening.CLOSING, now_s)
        if self._has_no_part(now_s):
            self.journal.finding('mid-session', _NO_PART, now_s=now_s)
        if not self._controller.is_idle:
            return
        self._awaits_idle = False
        if self.phase in POWERED:
            self._fail(
                f'controller went back to {State(state).name} while {self.phase.name} was '
                'commanded', now_s,
            )
        elif self.phase is not Phase.FAULT:
            self._happen(Happening.CONTROLLER_IDLE, now_s)
        self._is_finished = False

    def _on_new_session(self, _message, now_s):
        self._announced(now_s)
        # A session that was tested, or has met a battery, is beyond its announcement: whoever
        # announces another one has lost it, and its state is to say so.
        is_beyond = self._is_tested or self._battery_may_be_connected
        if not (self._awaits_idle or is_beyond):
            self._controller.see_announcement(now_s=now_s)

    def _announced(self, now_s):
        self._announced_s = now_s
        is_next = self._is_finished and self.phase is not Phase.IDLE
        event = Happening.ANNOUNCED_AGAIN if is_next else Happening.ANNOUNCED
        if (self.phase, event) not in TRANSITIONS or (
                now_s - self._finished_s < CLOSING_S):
            return
        if is_next or self.phase is Phase.IDLE:
            if (self._controller.forbids(now_s=now_s) or self._awaits_idle
                    or self._controller.is_past_announcement):
                return  # the announcement repeats, and so does whatever forbids it
            self._begin_session()
        self._happen(event, now_s)

    def _on_status_change(self, message, now_s):
        labels = ChargeStatusChange.VehicleReadyForCharging
        if message.vehicle_ready_for_charging == labels.CHARGE_STARTED:
            self._battery_may_be_connected = True
        elif (message.vehicle_ready_for_charging == labels.CHARGE_STOPPED
                and self.phase is Phase.POWER_TRANSFER):
            # The Standby that belongs to it may get lost (R41).
            stop = DcPowerControl(
                power_function=DcPowerControl.PowerFunction.STANDBY,
                output_contactors=self._command.output_contactors)
            self._refusals.doubt(
                'Charge_Stopped: a stop if no good command follows (R41)', stop, now_s=now_s)

    def _on_finished(self, message, now_s):
        # An undefined label controls nothing (1.4).
        is_defined = isinstance(message.state, ChargeSessionFinished.State)
        if is_defined:
            self._controller.see_finished()
        if is_defined and self.phase is not Phase.FAULT:
            if self.phase is not Phase.IDLE and not self._is_finished:
                self._drop_wishes()
                self._transfer_command = None
            self._is_finished, self._finished_s = True, now_s
            self._happen(Happening.FINISHED, now_s)

    def _drop_wishes(self):
        """Forget leases and OCPP_Control: they belong to one session (A16)."""
        self._leases.clear()
        self._ocpp_a = None

    def _on_emergency(self, message, now_s):
        # Whatever the origin says, defined or not: the frame asks to stop.
        self._controller.see_emergency(now_s=now_s)
        origin = message.origin
        side = origin.name if isinstance(origin, EmergencyStop.Origin) else f'origin {origin}'
        if self.phase in (Phase.IDLE, Phase.FAULT):
            self.journal.finding(
                'emergency', f'Emergency_Stop from the controller, raised by {side} (R38)',
                now_s=now_s)
        else:
            self._fail(
                f'Emergency_Stop from the controller, raised by {side} (R38)', now_s,
                source='emergency')

    def _on_ocpp(self, message, now_s):
        current_a = message.dynamic_target_current
        if not math.isfinite(current_a):
            self.journal.finding(
                'ocpp', f'OCPP_Control with {current_a} A: not taken', now_s=now_s)
        else:
            self._ocpp_a = current_a

    def _on_command(self, command, now_s):
        why = illegality(command)
        if why and plain_stop(command) is not None:
            self._doubt(why, plain_stop(command), now_s)
            return
        if not why:
            event = self._event_of(command)
            why = self._unfit(event, command, now_s)
        if why:
            self._refuse(why, now_s)
            return
        self._refusals.forget()
        if (event in (Request.PRECHARGE, Request.POWER_TRANSFER) and not self._is_tested
                and event in _STARTS and _STARTS[event] is not self.phase):
            self.journal.finding(
                'untested', f'{event.value} without an Insulation_Test in this session: is '
                'skip_cable_check set in the controller?', now_s=now_s)
        if (event is Request.POWER_TRANSFER and is_range_mode(command)
                and not self.config.limits.supports_range_mode):
            self.journal.finding(
                'range mode', 'Range_Mode although supports_range_mode is false: the maximum of '
                'the range is taken (A43); does the controller have the same entry?', now_s=now_s)
        self._command, self._commanded_s = command, now_s
        if event is Request.POWER_TRANSFER:
            self._transfer_command = command
        self._is_tested |= event is Request.INSULATION_TEST
        self._is_off_commanded = event is Request.OFF
        self._warn_of_excess(command, now_s)
        self._happen(event, now_s)
        maximum_v = self.config.limits.max_voltage_v
        if (command.target_voltage > maximum_v and self.phase in POWERED
                and (self.phase is Phase.PRECHARGE or self.config.strict_target_voltage)):
            # In the precharge it is the voltage of a battery, about to be connected to us.
            self._fail(
                f'Target_Voltage {command.target_voltage:g} V above the maximum of '
                f'{maximum_v:g} V (A38)', now_s)

    def _warn_of_excess(self, command, now_s):
        """Say once when a command begins to go beyond what the controller was told (R33)."""
        excess = self._limits.excess_of(command, now_s=now_s)
        was_in_excess, self._is_in_excess = self._is_in_excess, excess is not None
        if excess is None or was_in_excess:
            return
        asked, told, unit, signal, entry_name = excess
        if unit == 'V':
            given = self.config.limits.max_voltage_v
        else:
            given, _ = self.config.limits.largest(
                discharging=signal == 'Maximum_Discharge_Current',
                voltage_v=self._measurement.voltage_v, share=self._share)
        self.journal.finding(
            'told limits',
            f'controller commands {asked:g} {unit} although it has been told {signal} '
            f'{told:g} {unit} for {FOLLOWED_S:g} s or more (R33); this charger gives at most '
            f'{given:g} {unit}. Check that DC_Power_Parameters reaches the controller, and '
            f'{entry_name} in its configuration', now_s=now_s)

    def _event_of(self, command):
        """Return what a legal command is in the table: a lowering is one of three (R16)."""
        request = request_of(command)
        if request is not Request.LOWERING:
            return request
        if self._controller.state == State.CLOSING_COMMUNICATION:
            return Lowering.ON_CLOSING
        return Lowering.AT_END if self._is_battery_possible else Lowering.AFTER_TEST

    def _unfit(self, event, command, now_s):
        """Say why a legal command does not fit what is going on; empty when it does."""
        if self.phase is Phase.FAULT:
            return '' if event in _STOPS else f'{event.value} while a fault is latched'
        if event in _STARTS and self._is_finished:
            return f'{event.value} after Charge_Session_Finished'
        if (self.phase, event) not in TRANSITIONS:
            return f'{event.value} commanded in {self.phase.name}'
        if event in _STARTS and self._ticked_s - now_s > COMMAND_MAX_AGE_S:
            return f'{event.value} is {self._ticked_s - now_s:.1f} s old'
        if event is Request.INSULATION_TEST and self._is_battery_possible:
            return 'Insulation_Test although the battery may be connected'
        if (self.phase is Phase.POWER_TRANSFER and event is Request.POWER_TRANSFER
                and command.setpoints_mode != self._command.setpoints_mode):
            return 'Setpoints_Mode changed within a power transfer (R27)'
        return ''

    def _doubt(self, why, stop, now_s):
        words = f'DC_Power_Control: {why}; obeyed as a stop if no good command follows'
        self.journal.finding('command', words, now_s=now_s)
        self._refusals.doubt(words, stop, now_s=now_s)

    def _obey_doubtful_stop(self, now_s):
        stop = self._refusals.take_stop(now_s=now_s)
        # Where nothing is delivered there is nothing to stop: what is in force goes on.
        if stop is not None and self.phase in POWERED:
            self.journal.finding('doubtful stop', f'{request_of(stop).value} obeyed', now_s=now_s)
            self._command = stop
            self._happen(request_of(stop), now_s)

    def _refuse(self, why, now_s):
        is_powered = self.phase in POWERED
        kept = f'{self.phase.name} stays in force' if is_powered else 'not followed'
        words = f'DC_Power_Control refused: {why}; {kept}'
        self.journal.finding('command', words, now_s=now_s)
        insists = self._refusals.refuse(words, forgives=not is_powered, now_s=now_s)
        if insists and self.phase not in (Phase.IDLE, Phase.WAKING):
            self._fail(f'controller insists on a command that cannot be followed: {why}', now_s)

    # Changes of phase

    def _happen(self, event, now_s):
        before = self.phase
        if (before, event) not in TRANSITIONS:
            return
        after = self.phase = TRANSITIONS[before, event]
        if after is Phase.IDLE and before is not Phase.IDLE:
            self._transfer_command = None
            self._refusals.forget()
            # A session that was finished has dropped the wishes for it: newer ones are for the
            # next. One that was only announced goes on when the controller is heard again.
            if not self._is_finished and event is not Happening.CONTROLLER_LOST:
                self._drop_wishes()
        if after in (Phase.PRECHARGE, Phase.POWER_TRANSFER):
            # The vehicle closes its contactors at the end of the precharge, unannounced (R19).
            self._battery_may_be_connected = True
        if after is not before:
            self._reset_ramps()
            self.journal.info(f'{before.name} -> {after.name} ({event.value})', now_s=now_s)

    def _reset_ramps(self):
        """Begin at no current and at the voltage that is there, but not above the limit."""
        present_v = 0.0 if self._measurement is None else max(0.0, self._measurement.voltage_v)
        self._current.reset()
        self._window.restart()
        self._voltage.reset(min(present_v, self._voltage_limit()))
        self._highest_v = min(present_v, self.config.limits.max_voltage_v)

    def _begin_session(self):
        self._is_finished = False
        self._battery_may_be_connected = self._is_tested = self._is_off_commanded = False
        self._command, self._transfer_command = DcPowerControl(), None
        self._refusals.forget()
        self._watch.restart()
        self._limits.announce()

    def _fail(self, why, now_s, *, source='fault'):
        if self.phase is Phase.FAULT:
            return
        during = self.phase
        self.fault, self._fault_source = f'{why} (in {during.name})', source
        self._awaits_idle = True
        self.journal.error(f'power off, fault latched: {self.fault}', now_s=now_s)
        self._happen(Happening.FAULT, now_s)
        self._leases.clear()
        # The controller must learn it now, not at the next period.
        self._next_status_s = -math.inf

    def _fail_if(self, why, now_s):
        if why:
            self._fail(why, now_s)

    # Supervision

    def _supervise(self, now_s):
        if self.phase in (Phase.IDLE, Phase.FAULT):
            return
        if self.reading(now_s=now_s) is not None:
            self._fail_if(self._watch.see(self._checks(), now_s=now_s), now_s)
        cause = self._cause_still_there(now_s, waking=self.phase is Phase.WAKING)
        if cause and self._is_finished:
            # The session is over: whoever leaves now leaves no fault behind.
            self._happen(Happening.CONTROLLER_IDLE, now_s)
        elif cause and self.phase is Phase.WAKING:
            self._happen(Happening.CONTROLLER_LOST, now_s)
        elif cause:
            self._fail(cause, now_s)
        elif (self.phase is Phase.WAKING and not self._not_ready(now_s)
                and not (self._charge_left_behind(now_s)
                         and self._measurement.voltage_v > SAFE_VOLTAGE_V)):
            self._happen(
                Happening.READY_OFF if self._is_off_commanded else Happening.READY, now_s)

    def _cause_still_there(self, now_s, *, waking=False):
        """Name a cause that forbids power right now, whatever is commanded; empty if none."""
        return self._controller.forbids(now_s=now_s) or (
            '' if waking else self._not_ready(now_s))

    def _has_no_part(self, now_s):
        """Tell whether a session is past its announcement, or awaits one, without us (A4)."""
        controller = self._controller
        state = controller.state
        if (self.phase is not Phase.IDLE or not controller.is_alive(now_s=now_s)
                or (self._is_finished and state in _ENDING)):
            return False
        if state == State.INSULATION_TEST:
            since_s = max(controller.since_s, self._announced_s)
            return self._awaits_idle or now_s - since_s >= ANNOUNCING_S
        return controller.is_past_announcement or (
            self._awaits_idle and state == State.CONNECTED_WITH_FULL_INFO)

    def _not_ready(self, now_s):
        """Name what our own side lacks to run; empty when it is ready (R6)."""
        missing = self._measurement_missing(now_s)
        if missing:
            return missing
        reading = self._measurement
        if reading.fault:
            return f'power modules report a fault: {reading.fault}'
        if not reading.is_ready:
            return 'power modules are not ready'
        age_s = now_s - self._stage_s
        if age_s >= STAGE_MAX_AGE_S:
            return f'output stage silent: last word {age_s * 1e3:.0f} ms ago'
        if self._stage is Stage.FAULT:
            return f'output stage: {self._stage_reason}'
        return ''

    def _measurement_missing(self, now_s):
        if self._measurement is None:
            return 'power modules: nothing measured yet'
        age_s = now_s - self._measured_s
        if age_s >= MEASUREMENT_FAULT_AGE_S:
            return f'power modules silent: last measurement {age_s * 1e3:.0f} ms ago'
        return ''

    def _checks(self):
        """Yield what the last reading is held against in this phase."""
        config, reading, phase = self.config, self._measurement, self.phase
        yield from supervision.of_maximum(reading, config.limits, config)
        if self._has_temperature:
            yield from supervision.of_lost_temperature(reading)
        # Modules that only source cannot follow a target that falls: no fault of theirs.
        if phase is Phase.INSULATION_TEST:
            yield from supervision.of_voltage(reading, self._highest_v, config)
            yield from supervision.of_current_cap(
                reading, config.insulation_test_current, 'insulation test')
            yield from supervision.of_test_load(reading, config.insulation_test_current)
        if phase is Phase.PRECHARGE:
            yield from supervision.of_voltage(
                reading, self._highest_v, config, window_v=WINDOW_V)
            yield from supervision.of_current_cap(reading, self._precharge_cap(), 'precharge')
        if phase is Phase.POWER_TRANSFER:
            yield from supervision.of_transfer(
                reading, self._voltage.value, self._current.value, config)
        if phase not in POWERED and self._stage is Stage.CLOSED:
            yield from supervision.of_idle(reading, config)
        is_after_test = phase in (Phase.PRECHARGE, Phase.POWER_TRANSFER) or (
            phase is Phase.STANDBY and self._battery_may_be_connected)
        # Without a voltage a monitor has nothing to measure with: that is no missing value.
        is_measurable = reading.voltage_v > INSULATION_FROM_V or not math.isnan(
            reading.insulation_resistance_ohm)
        if config.supervise_insulation and is_after_test and is_measurable:
            yield from supervision.of_insulation(reading, self._command.target_voltage)

    # Setpoints

    def _decide(self, now_s):
        """Return the setpoint, and how it came about."""
        if self.phase in POWERED:
            if self._stage is not Stage.CLOSED:
                self._note = (
                    f'{self.phase.name} waits for the output stage: '
                    f'{self._stage.name} {self._stage_reason}'.rstrip()
                )
                return PowerSetpoint(reason=self._note), Effective(limited_by=('output stage',))
            return _REGULATORS[self.phase](self, now_s)
        return self._float(now_s), Effective()

    def _float(self, now_s):
        """Return the setpoint of a phase in which no power is delivered."""
        if self.phase in _BLEEDING:
            return self._lower(now_s)
        if self.phase is Phase.WAKING:
            self._note = self._not_ready(now_s)
        elif self.phase is Phase.IDLE:
            self._note = self._controller.forbids(now_s=now_s) or (
                _NO_PART if self._has_no_part(now_s) else '')
        if self.phase in (Phase.IDLE, Phase.WAKING, Phase.FAULT):
            left_behind = self._charge_left_behind(now_s)
            if left_behind:
                self._note = left_behind
                return self._bleed(now_s, 'left behind by a session')
        return PowerSetpoint(reason=self.fault or self.phase.name)

    def _charge_left_behind(self, now_s):
        """
        Name what a session that broke off left on the output; empty if nothing.

        Own contactors cannot be closed on it, so the next session would wait for ever; and as
        long as it is there nobody can be told that the plug may be pulled. Those on the
        controller's relay would close on it: there it is emptied before the modules are enabled,
        when no battery can be connected yet, as in L1 (R16).
        """
        reading = self.reading(now_s=now_s)
        if self._has_output_contactors:
            is_cut_off = self._stage is Stage.OPEN and now_s - self._stage_s < STAGE_MAX_AGE_S
        else:
            is_cut_off = self.phase is Phase.WAKING and not self._is_battery_possible
        if reading is None or not is_cut_off or self._bleeds_in_vain:
            return ''
        if reading.voltage_v <= EMPTY_VOLTAGE_V:
            return ''
        if reading.voltage_v <= SAFE_VOLTAGE_V and self._bleeding_from is None:
            return ''
        return f'{reading.voltage_v:.0f} V are left on the output: emptied first'

    def _voltage_limit(self):
        limit_v = min(self._command.target_voltage, self.config.limits.max_voltage_v)
        if self.phase is Phase.POWER_TRANSFER and self._may_choose():
            limit_v = min(limit_v, self._limits.ceiling_v)
        return limit_v

    def _move_voltage(self, now_s):
        """Return the voltage setpoint, moved along its ramp towards the command's (R28)."""
        voltage_v = self._voltage.move(self._voltage_limit(), now_s=now_s)
        self._highest_v = max(self._highest_v, voltage_v)
        return voltage_v

    def _test_insulation(self, now_s):
        """R11: the voltage of the command; its currents mean nothing."""
        voltage_v, current_a = self._move_voltage(now_s), self.config.insulation_test_current
        limited_by = ()
        if self._voltage_limit() < self._command.target_voltage:
            limited_by = ('maximum voltage',)
            self._note = (
                f'test voltage {self._command.target_voltage:g} V is above the maximum of '
                f'{self._voltage_limit():g} V'
            )
        return (
            PowerSetpoint(ModulesMode.REGULATE, voltage_v, current_a, 'Insulation_Test'),
            Effective(target_a=current_a, wanted_a=current_a, limited_by=limited_by),
        )

    def _precharge_cap(self):
        limits = self.config.limits
        cap_a = max(self._command.current_range_max, self.config.precharge_min_current)
        return min(cap_a, limits.max_current_a, PRECHARGE_MAX_A)

    def _precharge(self, now_s):
        """R19: the voltage of the battery, with no more current than the vehicle allows."""
        cap_a, limits = self._precharge_cap(), self.config.limits
        if self._voltage_limit() < limits.min_charger_voltage:
            self._note = (
                f'Target_Voltage {self._command.target_voltage:g} V is below '
                f'min_charger_voltage {limits.min_charger_voltage:g} V'
            )
            return PowerSetpoint(reason=self._note), Effective(limited_by=('charger minimum',))
        allowed_a, limited_by = self._command.current_range_max, ()
        if cap_a != allowed_a:
            limited_by = ('precharge minimum' if cap_a > allowed_a else 'charger',)
            self._note = f'{cap_a:g} A in the precharge, the vehicle allows {allowed_a:g} A (A13)'
        return (
            PowerSetpoint(ModulesMode.REGULATE, self._move_voltage(now_s), cap_a, 'Precharge'),
            Effective(target_a=cap_a, wanted_a=allowed_a, limited_by=limited_by),
        )

    def _transfer(self, now_s):
        """R24, R25: the current that :func:`~.setpoint.choose` chose, along its ramp."""
        command, limits = self._command, self.config.limits
        volts = self._measurement.voltage_v
        may_discharge = self._window.permits(volts)
        choice = choose(
            command, limits, lease=self._leases.in_force(now_s=now_s), ocpp_a=self._ocpp_a,
            voltage_v=volts, share=self._share, may_discharge=may_discharge,
            ceilings_a=self._limits.ceilings_a,
        )
        self._current.move(choice.target_a, now_s=now_s)
        # The vehicle's steps are ramped; our own limits hold at once.
        discharge_a, charge_a = (
            limits.largest(
                discharging=discharging, voltage_v=volts, share=self._share,
                may_discharge=may_discharge)[0]
            for discharging in (True, False)
        )
        self._current.clamp(0.0 - discharge_a, charge_a)
        current_a, voltage_v = self._current.value, self._move_voltage(now_s)
        limited_by = [*choice.limited_by]
        if current_a != choice.target_a:
            limited_by.append('ramp')
        if self._voltage_limit() < command.target_voltage:
            limited_by.append('maximum voltage')
        if limited_by:
            self._note = f'{current_a:.1f} A of {choice.wanted_a:g} A: {", ".join(limited_by)}'
        return (
            PowerSetpoint(
                ModulesMode.REGULATE, voltage_v, current_a, f'{choice.source}: transfer'),
            Effective(
                target_a=choice.target_a, wanted_a=choice.wanted_a, source=choice.source,
                range_min_a=command.current_range_min, range_max_a=command.current_range_max,
                limited_by=tuple(limited_by),
            ),
        )

    def _lower(self, now_s):
        """Bleed the output, unless a battery may be on it (R15 to R17)."""
        if self._is_battery_possible and self._has_output_contactors:
            if self._stage is not Stage.OPEN:
                self._note = f'does not bleed: output contactors are {self._stage.name}'
                return PowerSetpoint(reason=self._note)
        elif self._is_battery_possible and self.phase is not Phase.LOWERING_ON_CLOSING:
            self._note = 'does not bleed: the vehicle may still be connected (R17)'
            return PowerSetpoint(reason=self._note)
        return self._bleed(now_s, 'Lower_Output_Voltage')

    def _bleed(self, now_s, why):
        volts = self._measurement.voltage_v
        if self._bleeding_from is None:
            self._bleeding_from = (now_s, volts)
            self._bleeds_since_s = now_s
        if self._measured_s < self._bleeds_since_s + BLEED_SETTLE_S:
            # Taken while the modules were still at work.
            self._bled_to_v = volts
        self._bled_to_v = min(self._bled_to_v, volts)
        if volts > self._bled_to_v + SAFE_VOLTAGE_V:
            self._bleeds_in_vain = True
            self._fail(
                f'output rises while bleeding: from {self._bled_to_v:.0f} to {volts:.0f} V; is a '
                'battery connected?', now_s,
            )
            return PowerSetpoint(reason=self.fault)
        since_s, from_v = self._bleeding_from
        if now_s - since_s >= BLEED_CHECK_S:
            if volts > max(SAFE_VOLTAGE_V, from_v * (1.0 - BLEED_CHECK_FALL)):
                self._bleeds_in_vain = True
                self._fail(
                    f'output does not fall while bleeding: {from_v:.0f} V, {volts:.0f} V after '
                    f'{BLEED_CHECK_S:g} s; is a battery connected?', now_s,
                )
                return PowerSetpoint(reason=self.fault)
            self._bleeding_from = (now_s, volts)
        # On to zero, never stopping at 20 V (A12).
        return PowerSetpoint(ModulesMode.BLEED, reason=why)

    @property
    def _is_battery_possible(self):
        """Whether a battery may be at the pistol, as far as we or the output stage know."""
        return self._battery_may_be_connected or self._stage_sees_battery

    # What is told to the controller

    def _may_choose(self):
        """Tell whether the current is ours to choose, in this session's transfers (R25)."""
        transfer = self._transfer_command
        return (transfer is not None and is_range_mode(transfer)
                and self.config.limits.supports_range_mode)

    def _advertise(self, lease):
        """Lower the limits in DC_Power_Parameters to what a lease, heat and power leave (R32)."""
        transfer = self._transfer_command
        charge_a, discharge_a = self._caps_a()
        # In Range_Mode a lease is carried out by ourselves. Else it limits its own direction; one
        # for next to nothing can only be told as the least of it, and once the vehicle asks.
        if lease is not None and not self._may_choose():
            wish_a = lease.current_a
            is_told = abs(wish_a) >= SMALLEST_CURRENT_A or transfer is not None
            if is_told and wish_a >= 0:
                charge_a = min(charge_a, wish_a)
            elif is_told:
                discharge_a = min(discharge_a, -wish_a)
        self._limits.cap(charge_a=charge_a, discharge_a=discharge_a)

    def _caps_a(self):
        """
        Return what heat and power leave of the current in each direction, charging first.

        The interface has no signal for power: it is told as a current, from when the output is at
        the voltage of the battery (R32). Infinite where neither limits.
        """
        is_at_battery = self.phase in (Phase.PRECHARGE, Phase.POWER_TRANSFER) or (
            self.phase is Phase.STANDBY and self._battery_may_be_connected
            and self._stage is Stage.CLOSED)
        volts = self._measurement.voltage_v if is_at_battery else 0.0
        caps_a = []
        for discharging, steady in zip((False, True), self._steady, strict=True):
            largest_a, name = self.config.limits.largest(
                discharging=discharging, voltage_v=volts, share=self._share)
            by_power_a = steady.follow(largest_a if name.endswith('power') else math.inf)
            caps_a.append(largest_a if name == 'temperature' else by_power_a)
        return caps_a

    @property
    def _system_enable(self):
        return self.phase not in (Phase.IDLE, Phase.WAKING, Phase.FAULT)

    def _status_due(self, now_s):
        """
        Return the status frame when it is time (R2), with a reading that is fresh, or nothing.

        Silence is right when there is nothing true to say, and outside a session once the output
        is safe. A session that we have no part in is told so by System_Enable.
        """
        reading = self.reading(now_s=now_s)
        if reading is None:
            return None
        if (self.phase is Phase.IDLE and reading.voltage_v <= SAFE_VOLTAGE_V
                and not self._has_no_part(now_s)):
            return None
        if now_s < self._next_status_s:
            return None
        late_s = now_s - self._next_status_s
        self._next_status_s = (
            self._next_status_s if late_s < STATUS_PERIOD_S else now_s
        ) + STATUS_PERIOD_S
        return power_modules_status(reading, is_allowed=self._system_enable)


_ENDING = (State.ENDING_CHARGE, State.WELDING_DETECTION, State.CLOSING_COMMUNICATION)
_NO_PART = (
    'a session is running that this node has not seen begin, or was reset in: it stays off until '
    'the next one'
)
_BLEEDING = tuple(_STOPS[moment] for moment in Lowering)
_HANDLERS = {
    AdvanticsControllerStatus: PowerControl._on_status,
    NewChargeSession: PowerControl._on_new_session,
    ChargeStatusChange: PowerControl._on_status_change,
    ChargeSessionFinished: PowerControl._on_finished,
    EmergencyStop: PowerControl._on_emergency,
    OcppControl: PowerControl._on_ocpp,
    DcPowerControl: PowerControl._on_command,
}
_REGULATORS = {
    Phase.INSULATION_TEST: PowerControl._test_insulation,
    Phase.PRECHARGE: PowerControl._precharge,
    Phase.POWER_TRANSFER: PowerControl._transfer,
}


def power_modules_status(reading, *, is_allowed):
    """Put a reading into the words of Power_Modules_Status (R13, R50)."""
    enable = PowerModulesStatus.SystemEnable
    return PowerModulesStatus(
        present_voltage=_inside(reading.voltage_v, 0.0, 6553.5),
        present_current=_inside(reading.current_a, -3276.8, 3276.7),
        power_modules_temperature=_inside(reading.power_modules_temperature_c, -40.0, 215.0),
        enclosure_temperature=_inside(reading.enclosure_temperature_c, -40.0, 215.0),
        system_enable=enable.ALLOWED if is_allowed else enable.NOT_ALLOWED,
        insulation_resistance=_inside(
            reading.insulation_resistance_ohm, 0.0, INSULATION_SATURATION_OHM,
        ),
    )


def _told(value, unit):
    """Put a limit of DC_Power_Parameters into words."""
    if not value:
        return 'as the controller is configured'
    least = ' (the least that can be told)' if value == SMALLEST_CURRENT_A else ''
    return f'{value:g} {unit}{least}'


def _inside(value, low, high):
    """Saturate at the ends of the signal; without a sensor say its lowest value."""
    return low if math.isnan(value) else min(max(value, low), high)
