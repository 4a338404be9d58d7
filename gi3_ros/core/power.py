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

from .command import illegality, Request, request_of
from .hardware import DRIVER_TIMEOUT_S, ModulesMode, PowerSetpoint
from .journal import Journal
from .limits import AdvertisedLimits, ChargerLimits, SMALLEST_CURRENT_A
from .output_stage import IDLE_STATES, Stage
from .setpoint import Leases, Priority, Ramp
from .signals import (
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
from .timing import (
    CONTROLLER_TIMEOUT_S,
    EMERGENCY_CLEAR_S,
    MEASUREMENT_FAULT_AGE_S,
    MEASUREMENT_MAX_AGE_S,
    STAGE_MAX_AGE_S,
)

State = AdvanticsControllerStatus.State

STATUS_PERIOD_S = 0.1
"""R2"""
SAFE_VOLTAGE_V = 20.0
"""R15"""
EMPTY_VOLTAGE_V = 5.0
"""Where emptying the output behind open contactors ends: safely below what is safe."""
INSULATION_OHM_PER_V = 100.0
"""R14"""
INSULATION_SATURATION_OHM = 510e3
"""R13: the largest value that Power_Modules_Status carries"""
INSISTING_FRAMES = 3
INSISTING_S = 0.5
"""A controller that sends this many refused commands over this time, and no good one between,
means it."""
COMMAND_MAX_AGE_S = 0.3
"""An older command starts nothing: it waited somewhere for too long. A stop is never too old."""
BLEED_CHECK_S = 1.0
BLEED_CHECK_FALL = 0.2
"""Bleeding that lowers the voltage by less than this share in this time feeds on a battery."""
OVER_LIMIT_S = 0.5
"""How long a measured value may exceed its limit; longer than a contactor's inrush."""


class Phase(enum.IntEnum):
    """What power_control is doing; the numbers are those of ``PowerStatus.msg``."""

    IDLE = 0
    WAKING = 1
    STANDBY = 2
    INSULATION_TEST = 3
    LOWERING = 4
    PRECHARGE = 5
    POWER_TRANSFER = 6
    OFF = 7
    FAULT = 8


class Happening(enum.Enum):
    """What moves the phase besides a command."""

    ANNOUNCED = 'session announced'
    READY = 'modules ready'
    FINISHED = 'session finished'
    CONTROLLER_IDLE = 'controller idle'
    FAULT = 'fault'
    RESET = 'fault reset'


POWERED = frozenset({Phase.INSULATION_TEST, Phase.PRECHARGE, Phase.POWER_TRANSFER})
"""Phases in which the modules may deliver."""
_FLOATING = (Phase.STANDBY, Phase.OFF, Phase.LOWERING)
_STOPS = {
    Request.STANDBY: Phase.STANDBY, Request.LOWERING: Phase.LOWERING, Request.OFF: Phase.OFF,
}
_STARTS = {
    Request.INSULATION_TEST: Phase.INSULATION_TEST,
    Request.PRECHARGE: Phase.PRECHARGE,
    Request.POWER_TRANSFER: Phase.POWER_TRANSFER,
}

TRANSITIONS = {
    (Phase.IDLE, Happening.ANNOUNCED): Phase.WAKING,
    (Phase.WAKING, Happening.ANNOUNCED): Phase.WAKING,
    (Phase.WAKING, Happening.READY): Phase.STANDBY,
    (Phase.FAULT, Happening.RESET): Phase.IDLE,
    # Before the session and while the modules wake there is nothing to stop.
    **{(phase, stop): phase for phase in (Phase.IDLE, Phase.WAKING) for stop in _STOPS},
    # A stop is always obeyed.
    **{(phase, stop): target for phase in (*_FLOATING, *sorted(POWERED))
       for stop, target in _STOPS.items()},
    # A function starts from Standby (lowering is Standby), never from Off directly (R22) ..
    **{(phase, start): target for phase in (Phase.STANDBY, Phase.LOWERING)
       for start, target in _STARTS.items()},
    # .. and goes on until it is stopped: no function follows another directly.
    **{(phase, start): phase for start, phase in _STARTS.items()},
    **{(phase, Happening.ANNOUNCED): phase for phase in _FLOATING},
    **{(phase, Happening.FINISHED): phase for phase in (Phase.IDLE, Phase.WAKING, *_FLOATING)},
    **{(phase, Happening.FINISHED): Phase.STANDBY for phase in sorted(POWERED)},
    **{(phase, Happening.CONTROLLER_IDLE): Phase.IDLE
       for phase in (Phase.IDLE, Phase.WAKING, *_FLOATING)},
    **{(phase, Happening.FAULT): Phase.FAULT for phase in Phase},
}
"""Every change of phase. What is not here does not happen."""


@dataclasses.dataclass(frozen=True, slots=True)
class PowerConfig:
    """Parameters of power_control; see ``config/`` for words and ranges."""

    limits: ChargerLimits = dataclasses.field(default_factory=ChargerLimits)
    insulation_test_current: float = 2.0
    """A, current limit while the test voltage builds up; the interface gives none (R11)"""
    precharge_min_current: float = 1.0
    """A, used when the vehicle's cap is lower: some vehicles allow 0 A (A13)"""
    current_ramp_up: float = 100.0
    """A/s"""
    current_ramp_down: float = 400.0
    """A/s, towards zero; a stop is not ramped"""
    voltage_ramp: float = 1000.0
    """V/s, for the insulation test and the precharge"""
    supervise_insulation: bool = True
    """Check R14 ourselves; false when the controller reads the monitor (A37)"""

    def __post_init__(self):
        for name in ('insulation_test_current', 'current_ramp_up', 'current_ramp_down',
                     'voltage_ramp'):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise ValueError(f'{name} must be a finite number > 0, not {value}')
        if not 0 <= self.precharge_min_current <= 5:
            raise ValueError(
                f'precharge_min_current must be 0 .. 5 A, not {self.precharge_min_current}'
            )


@dataclasses.dataclass(frozen=True, slots=True)
class Effective:
    """The current in force, whose it is, and what shaped it."""

    voltage_v: float
    current_a: float
    commanded_a: float
    source: str
    lease_remaining_s: float
    limited_by: tuple


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
    effective: Effective | None


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
        self._note = ''
        self._limits = AdvertisedLimits(config.limits)
        self._leases = Leases()
        self._current = Ramp(config.current_ramp_up, config.current_ramp_down)
        self._voltage = Ramp(config.voltage_ramp, config.voltage_ramp)
        self._command = DcPowerControl()
        self._ocpp_current_a = None
        self._effective = None
        # Inputs with the time at which each was true.
        self._controller_state = None
        self._controller_s = -math.inf
        self._measurement = None
        self._measured_s = -math.inf
        self._stage = Stage.OPEN
        self._stage_reason = 'nothing heard from it yet'
        self._stage_s = -math.inf
        self._has_output_contactors = True
        self._ticked_s = -math.inf
        self._emergency_s = -math.inf
        # Memory of the session.
        self._is_finished = False
        self._battery_may_be_connected = False
        self._idle_states_in_a_row = 0
        self._refused = 0
        self._refused_since_s = None
        self._bleeding_from = None
        self._over_since_s = {}
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

        A reading with a voltage or current that is no number is not taken: the last good one
        ages on.

        :returns: whether it was taken
        """
        if not (math.isfinite(measurement.voltage_v) and math.isfinite(measurement.current_a)):
            self.journal.finding(
                'measurement', 'the driver measures '
                f'{measurement.voltage_v} V, {measurement.current_a} A: not taken', now_s=now_s,
            )
            return False
        if now_s < self._measured_s:
            return False
        if self.phase in POWERED:
            # What was missing between two ticks was missing all the same.
            self._fail_if(self._measurement_missing(now_s), now_s)
        self._measurement, self._measured_s = measurement, now_s
        return True

    def see_stage(self, stage, reason, *, has_output_contactors=True, now_s):
        """Take a report of the output stage."""
        was_closed = self._stage is Stage.CLOSED
        self._stage, self._stage_reason, self._stage_s = Stage(stage), reason, now_s
        self._has_output_contactors = has_output_contactors
        if was_closed and self._stage is not Stage.CLOSED and self.phase in POWERED:
            # It does not come back by itself: power needs a command that begins anew.
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
        limits = self.config.limits
        if duration_s > 0:
            low, high = -limits.max_charger_discharge_current, limits.max_charger_current
            if not low <= current_a <= high:
                raise ValueError(
                    f'{current_a:g} A is outside {low:g} .. {high:g} A that this charger can do'
                )
            if not self._is_range_mode() and current_a < SMALLEST_CURRENT_A:
                raise ValueError(
                    f'{current_a:g} A cannot be told to a vehicle that sets the current itself '
                    '(Target_Mode, R32, R33); to end the charge call stop_charge'
                )
        self._leases.grant(
            current_a, duration_s=duration_s, priority=priority, source=source, now_s=now_s,
        )
        if duration_s == 0:
            return f'lease of the {Priority(priority).name.lower()} given back'
        if self._is_range_mode():
            return f'{current_a:g} A for {duration_s:g} s, inside the range of the controller'
        return (
            f'Maximum_Charge_Current {current_a:g} A is told to the vehicle for {duration_s:g} s; '
            'the vehicle sets the current (Target_Mode, R32)'
        )

    def request_limits(self, *, voltage_v, charge_current_a, discharge_current_a, now_s):
        """
        Lower what is told to the controller; see :meth:`AdvertisedLimits.set`.

        :returns: words with the limits now in force
        :raises ValueError: with the reason of the refusal
        """
        self._limits.set(
            voltage_v=voltage_v, charge_current_a=charge_current_a,
            discharge_current_a=discharge_current_a,
        )
        limits = self.config.limits
        words = (
            f'maximum {voltage_v or limits.max_charger_voltage:g} V, '
            f'charge {charge_current_a or limits.max_charger_current:g} A, '
            f'discharge {discharge_current_a or limits.max_charger_discharge_current:g} A'
        )
        self.journal.info(f'limits set: {words}', now_s=now_s)
        return words

    def emergency_stop(self, reason, *, now_s):
        """Take the power away at once, latched (R8)."""
        why = f'emergency stop asked for: {reason or "no reason given"}'
        if self.phase is not Phase.FAULT:
            self._fail(why, now_s)
        elif why not in self.fault:
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
        if cause:
            raise ValueError(f'{cause}; the fault stays: {self.fault}')
        self.journal.info(f'fault reset: {self.fault}', now_s=now_s)
        self.fault = ''
        self._happen(Happening.RESET, now_s)

    # The tick

    def tick(self, *, now_s):
        """Decide: age every input, latch what went wrong, and say what the modules shall do."""
        if self.phase in POWERED and now_s - self._ticked_s >= DRIVER_TIMEOUT_S:
            # The driver has switched off meanwhile: nothing to go on with.
            self._fail(f'no decision for {now_s - self._ticked_s:.2f} s: machine too busy?', now_s)
        self._ticked_s = now_s
        self._supervise(now_s)
        self._note = ''
        setpoint = self._decide(now_s)
        if setpoint.mode is not ModulesMode.REGULATE:
            # Whatever stops, stops at once; the next start begins at nothing.
            self._current.reset()
            self._voltage.reset()
            self._effective = None
        if setpoint.mode is not ModulesMode.BLEED:
            self._bleeding_from = None
        lease = self._leases.in_force(now_s=now_s)
        self._limits.lease(
            max(lease.current_a, SMALLEST_CURRENT_A)
            if lease is not None and not self._is_range_mode() else None
        )
        return Decision(
            setpoint=setpoint,
            status=self._status_due(now_s),
            parameters=None if self.phase is Phase.IDLE else self._limits.due(now_s=now_s),
            phase=self.phase,
            system_enable=self._system_enable,
            fault=self.fault,
            note=self._note,
            effective=self._effective,
        )

    # Messages of the controller

    def _on_status(self, message, now_s):
        if self.phase in POWERED:
            # What was missing between two ticks was missing all the same.
            self._fail_if(self._controller_gone(now_s), now_s)
        self._controller_s = max(now_s, self._controller_s)
        state = self._controller_state = message.state
        self._idle_states_in_a_row = (
            self._idle_states_in_a_row + 1 if state in IDLE_STATES else 0
        )
        if state == State.CONNECTED_WITH_FULL_INFO:
            # It may come before New_Charge_Session or after it (A4).
            self._happen(Happening.ANNOUNCED, now_s)
        elif self.phase is Phase.IDLE and State.INSULATION_TEST < state <= State.ENDING_CHARGE:
            self.journal.finding(
                'mid-session', 'a session is running that this node has not seen begin: '
                'it stays off until the next one', now_s=now_s,
            )
        if self._idle_states_in_a_row < 2:
            # One odd frame among good ones ends nothing.
            return
        if self.phase in POWERED:
            self._fail(
                f'controller went back to {State(state).name} while {self.phase.name} was '
                'commanded', now_s,
            )
        elif self.phase is not Phase.FAULT:
            self._happen(Happening.CONTROLLER_IDLE, now_s)

    def _on_new_session(self, _message, now_s):
        self._happen(Happening.ANNOUNCED, now_s)

    def _on_status_change(self, message, _now_s):
        if message.vehicle_ready_for_charging == (
                ChargeStatusChange.VehicleReadyForCharging.CHARGE_STARTED):
            self._battery_may_be_connected = True

    def _on_finished(self, message, now_s):
        # An undefined label controls nothing (1.4).
        is_defined = isinstance(message.state, ChargeSessionFinished.State)
        if is_defined and self.phase is not Phase.FAULT:
            self._is_finished = True
            self._happen(Happening.FINISHED, now_s)

    def _on_emergency(self, message, now_s):
        # Whatever the origin says, defined or not: the frame asks to stop.
        self._emergency_s = now_s
        if self.phase not in (Phase.IDLE, Phase.FAULT):
            origin = message.origin
            side = origin.name if isinstance(origin, EmergencyStop.Origin) else f'origin {origin}'
            self._fail(f'Emergency_Stop from the controller, raised by {side} (R38)', now_s)

    def _on_ocpp(self, message, _now_s):
        if self.phase is not Phase.IDLE:
            self._ocpp_current_a = message.dynamic_target_current

    def _on_command(self, command, now_s):
        why = illegality(command)
        if not why:
            request = request_of(command)
            why = self._unfit(request, command, now_s)
        if why:
            self._refuse(why, now_s)
            return
        self._refused = 0
        self._refused_since_s = None
        self._command = command
        self._happen(request, now_s)

    def _unfit(self, request, command, now_s):
        """Say why a legal request does not fit what is going on; empty when it does."""
        if self.phase is Phase.FAULT:
            return '' if request in _STOPS else f'{request.value} while a fault is latched'
        if request in _STARTS and self._is_finished:
            return f'{request.value} after Charge_Session_Finished'
        if (self.phase, request) not in TRANSITIONS:
            return f'{request.value} commanded in {self.phase.name}'
        if request in _STARTS and self._ticked_s - now_s > COMMAND_MAX_AGE_S:
            return f'{request.value} is {self._ticked_s - now_s:.1f} s old'
        if request is Request.INSULATION_TEST and self._battery_may_be_connected:
            return 'Insulation_Test although the battery may be connected'
        if (self.phase is Phase.POWER_TRANSFER and request is Request.POWER_TRANSFER
                and command.setpoints_mode != self._command.setpoints_mode):
            return 'Setpoints_Mode changed within a power transfer (R27)'
        return ''

    def _refuse(self, why, now_s):
        kept = f'{self.phase.name} stays in force' if self.phase in POWERED else 'not followed'
        self.journal.finding('command', f'DC_Power_Control refused: {why}; {kept}', now_s=now_s)
        if self._refused_since_s is None:
            self._refused_since_s = now_s
        self._refused += 1
        if (self.phase in POWERED and self._refused >= INSISTING_FRAMES
                and now_s - self._refused_since_s >= INSISTING_S):
            self._fail(f'controller insists on a command that cannot be followed: {why}', now_s)

    # Changes of phase

    def _happen(self, event, now_s):
        before = self.phase
        if (before, event) not in TRANSITIONS:
            return
        if event is Happening.ANNOUNCED:
            if self._is_finished and before in _FLOATING:
                # The controller went straight on to another session (A42).
                before = self.phase = Phase.IDLE
            if before is Phase.IDLE:
                if self._controller_gone(now_s):
                    return  # the announcement repeats, and so does whatever forbids it
                self._begin_session()
        after = self.phase = TRANSITIONS[before, event]
        if after is Phase.IDLE and before is not Phase.IDLE:
            self._leases.clear()
        if after in (Phase.PRECHARGE, Phase.POWER_TRANSFER):
            # The vehicle closes its contactors at the end of the precharge, unannounced (R19).
            self._battery_may_be_connected = True
        if after is not before:
            self._over_since_s.clear()
            self._current.reset()
            self._voltage.reset(
                0.0 if self._measurement is None else max(0.0, self._measurement.voltage_v)
            )
            self.journal.info(f'{before.name} -> {after.name} ({event.value})', now_s=now_s)

    def _begin_session(self):
        self._is_finished = False
        self._battery_may_be_connected = False
        self._ocpp_current_a = None
        self._command = DcPowerControl()
        self._refused = 0
        self._refused_since_s = None
        self._next_status_s = -math.inf
        self._limits.announce()

    def _fail(self, why, now_s):
        if self.phase is Phase.FAULT:
            return
        during = self.phase
        self.fault = f'{why} (in {during.name})'
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
        if self.phase is not Phase.WAKING and self._measurement is not None:
            self._fail_if(self._limit_exceeded(now_s), now_s)
        cause = self._cause_still_there(now_s, waking=self.phase is Phase.WAKING)
        if cause and self._is_finished:
            # The session is over: whoever leaves now leaves no fault behind.
            self._happen(Happening.CONTROLLER_IDLE, now_s)
        elif cause:
            self._fail(cause, now_s)
        elif (self.phase is Phase.WAKING and not self._not_ready(now_s)
                and not self._charge_left_behind(now_s)):
            self._happen(Happening.READY, now_s)

    def _cause_still_there(self, now_s, *, waking=False):
        """Name a cause that forbids power right now, whatever is commanded; empty if none."""
        return self._controller_gone(now_s) or ('' if waking else self._not_ready(now_s))

    def _controller_gone(self, now_s):
        """Name what the controller's side lacks for a session; empty when it is there."""
        age_s = now_s - self._controller_s
        if age_s >= CONTROLLER_TIMEOUT_S:
            return (
                f'controller silent: no Advantics_Controller_Status for {age_s * 1e3:.0f} ms (R1)'
            )
        if now_s - self._emergency_s < EMERGENCY_CLEAR_S:
            return 'Emergency_Stop is in force (R38)'
        return ''

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

    def _limit_exceeded(self, now_s):
        """Name a measured value beyond its limit for too long; empty when there is none."""
        reading, command = self._measurement, self._command
        volts, amperes = reading.voltage_v, abs(reading.current_a)
        limits = self.config.limits
        # What is checked -> (whether it is beyond its limit now, the words with the values).
        checks = {'maximum voltage': (
            volts > limits.max_voltage_v * 1.05 + 5.0,
            f'over-voltage: {volts:.1f} V with a maximum of {limits.max_voltage_v:g} V',
        )}
        if self.phase in (Phase.INSULATION_TEST, Phase.PRECHARGE):
            target_v = self._voltage_limit()
            checks['target voltage'] = (
                volts > target_v * 1.05 + 10.0,
                f'over-voltage: {volts:.1f} V with a target of {target_v:g} V',
            )
        if self.phase is Phase.PRECHARGE:
            cap_a = self._precharge_cap()
            checks['precharge current'] = (
                amperes > cap_a + 1.0,
                f'precharge current {amperes:.1f} A over its cap of {cap_a:g} A (R19)',
            )
        if self.phase is Phase.POWER_TRANSFER:
            setpoint_a = self._current.value
            low_a, high_a = min(setpoint_a, 0.0), max(setpoint_a, 0.0)
            checks['current'] = (
                not low_a * 1.05 - 3.0 <= reading.current_a <= high_a * 1.05 + 3.0,
                f'over-current: {reading.current_a:.1f} A with a setpoint of {setpoint_a:.1f} A',
            )
        if self.phase in _FLOATING:
            checks['idle current'] = (
                amperes > 5.0 and self._stage is Stage.CLOSED,
                f'{amperes:.1f} A although no power is commanded',
            )
        resistance = reading.insulation_resistance_ohm
        if (self.config.supervise_insulation and math.isfinite(resistance)
                and self.phase in (Phase.PRECHARGE, Phase.POWER_TRANSFER)):
            needed = INSULATION_OHM_PER_V * max(command.target_voltage, volts)
            checks['insulation'] = (
                resistance < needed,
                f'insulation {resistance / 1e3:.0f} kOhm below {needed / 1e3:.0f} kOhm (R14)',
            )
        for name, (is_beyond, words) in checks.items():
            if not is_beyond:
                self._over_since_s.pop(name, None)
            elif now_s - self._over_since_s.setdefault(name, now_s) >= OVER_LIMIT_S:
                return words
        return ''

    # Setpoints

    def _decide(self, now_s):
        if self.phase in POWERED:
            if self._stage is not Stage.CLOSED:
                self._note = (
                    f'{self.phase.name} waits for the output stage: '
                    f'{self._stage.name} {self._stage_reason}'.rstrip()
                )
                return PowerSetpoint(reason=self._note)
            return _REGULATORS[self.phase](self, now_s)
        if self.phase is Phase.LOWERING:
            return self._lower(now_s)
        if self.phase is Phase.WAKING:
            self._note = self._not_ready(now_s)
        elif self.phase is Phase.IDLE:
            self._note = self._controller_gone(now_s)
        if self.phase in (Phase.IDLE, Phase.WAKING):
            left_behind = self._charge_left_behind(now_s)
            if left_behind:
                self._note = left_behind
                return self._bleed(now_s, 'emptied behind open contactors')
        return PowerSetpoint(reason=self.fault or self.phase.name)

    def _charge_left_behind(self, now_s):
        """
        Name what a session that broke off left behind own open contactors; empty if nothing.

        They cannot be closed on it, so the next session would wait for ever.
        """
        reading = self.reading(now_s=now_s)
        is_cut_off = (
            self._has_output_contactors and self._stage is Stage.OPEN
            and now_s - self._stage_s < STAGE_MAX_AGE_S
        )
        if reading is None or not is_cut_off or reading.voltage_v <= EMPTY_VOLTAGE_V:
            return ''
        if reading.voltage_v <= SAFE_VOLTAGE_V and self._bleeding_from is None:
            return ''
        return f'{reading.voltage_v:.0f} V are left on the output: emptied first'

    def _voltage_limit(self):
        return min(self._command.target_voltage, self.config.limits.max_voltage_v)

    def _rising_voltage(self, now_s):
        """Ramp upwards; a target below where we are is a limit and holds at once (R29)."""
        limit_v = self._voltage_limit()
        if self._voltage.value > limit_v:
            self._voltage.reset(limit_v)
        return self._voltage.move(limit_v, now_s=now_s)

    def _test_insulation(self, now_s):
        voltage_v = self._rising_voltage(now_s)
        if self._voltage_limit() < self._command.target_voltage:
            self._note = (
                f'test voltage {self._command.target_voltage:g} V is above the maximum of '
                f'{self._voltage_limit():g} V'
            )
        return PowerSetpoint(
            ModulesMode.REGULATE, voltage_v, self.config.insulation_test_current,
            'Insulation_Test',
        )

    def _precharge_cap(self):
        cap_a = max(self._command.current_range_max, self.config.precharge_min_current)
        return self.config.limits.clamp_current(cap_a, voltage_v=0.0)[0]

    def _precharge(self, now_s):
        voltage_v = self._rising_voltage(now_s)
        return PowerSetpoint(
            ModulesMode.REGULATE, voltage_v, self._precharge_cap(), 'Precharge',
        )

    def _transfer(self, now_s):
        command = self._command
        commanded_a, lease, source = command.current_range_max, None, 'controller'
        wanted_a = commanded_a
        if self._is_range_mode():
            lease = self._leases.in_force(now_s=now_s)
            if lease is not None:
                wanted_a, source = lease.current_a, lease.source
            elif self._ocpp_current_a is not None:
                wanted_a, source = self._ocpp_current_a, 'ocpp'
        limited_by = []
        inside_a = min(max(wanted_a, command.current_range_min), command.current_range_max)
        if inside_a != wanted_a:
            limited_by.append('range')
        possible_a, names = self.config.limits.clamp_current(
            inside_a, voltage_v=self._measurement.voltage_v,
        )
        limited_by += names
        current_a = self._current.move(possible_a, now_s=now_s)
        if current_a != possible_a:
            limited_by.append('ramp')
        voltage_v = self._voltage_limit()
        if voltage_v < command.target_voltage:
            limited_by.append('maximum voltage')
        if limited_by:
            self._note = f'{current_a:.1f} A of {wanted_a:g} A: {", ".join(limited_by)}'
        self._effective = Effective(
            voltage_v, current_a, commanded_a, source,
            0.0 if lease is None else lease.expires_s - now_s, tuple(limited_by),
        )
        return PowerSetpoint(ModulesMode.REGULATE, voltage_v, current_a, f'{source}: transfer')

    def _lower(self, now_s):
        """Bleed the output, unless a battery may be on it (R15 to R17)."""
        if self._battery_may_be_connected and self._has_output_contactors:
            if self._stage is not Stage.OPEN:
                self._note = f'does not bleed: output contactors are {self._stage.name}'
                return PowerSetpoint(reason=self._note)
        elif self._battery_may_be_connected and (
                self._controller_state != State.CLOSING_COMMUNICATION):
            self._note = 'does not bleed: the vehicle may still be connected (R17)'
            return PowerSetpoint(reason=self._note)
        return self._bleed(now_s, 'Lower_Output_Voltage')

    def _bleed(self, now_s, why):
        volts = self._measurement.voltage_v
        if self._bleeding_from is None:
            self._bleeding_from = (now_s, volts)
        since_s, from_v = self._bleeding_from
        if now_s - since_s >= BLEED_CHECK_S:
            if volts > max(SAFE_VOLTAGE_V, from_v * (1.0 - BLEED_CHECK_FALL)):
                self._fail(
                    f'output does not fall while bleeding: {from_v:.0f} V, {volts:.0f} V after '
                    f'{BLEED_CHECK_S:g} s; is a battery connected?', now_s,
                )
                return PowerSetpoint(reason=self.fault)
            self._bleeding_from = (now_s, volts)
        # On to zero, never stopping at 20 V (A12).
        return PowerSetpoint(ModulesMode.BLEED, reason=why)

    def _is_range_mode(self):
        return (self.phase is Phase.POWER_TRANSFER
                and self._command.setpoints_mode == DcPowerControl.SetpointsMode.RANGE_MODE)

    # Power_Modules_Status

    @property
    def _system_enable(self):
        return self.phase not in (Phase.IDLE, Phase.WAKING, Phase.FAULT)

    def _status_due(self, now_s):
        """
        Return the status frame when it is time (R2), with a reading that is fresh, or nothing.

        Silence is right when there is nothing true to say, and outside a session once the output
        is safe.
        """
        reading = self.reading(now_s=now_s)
        if reading is None:
            return None
        if self.phase is Phase.IDLE and reading.voltage_v <= SAFE_VOLTAGE_V:
            return None
        if now_s < self._next_status_s:
            return None
        late_s = now_s - self._next_status_s
        self._next_status_s = (
            self._next_status_s if late_s < STATUS_PERIOD_S else now_s
        ) + STATUS_PERIOD_S
        return power_modules_status(reading, is_allowed=self._system_enable)


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


def _inside(value, low, high):
    """Saturate at the ends of the signal; without a sensor say its lowest value."""
    return low if math.isnan(value) else min(max(value, low), high)
