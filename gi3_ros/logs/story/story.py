"""
What happened in a log: one pass over its entries, for :mod:`.page` to show.

Sessions, lanes (what held from when to when), series (lines), rates and gaps, findings. Memory is
bounded: a day takes no more than an hour. Times are in seconds since the first entry.
"""

import collections

from ...core.interface import codec
from ...core.interface.signals import (
    AdmCoCui1Inputs,
    AdmCsSeccInputs,
    AdvanticsControllerStatus,
    ChargeSessionFinished,
    DcPowerControl,
    DcPowerParameters,
    EmergencyStop,
    EvInformationBattery,
    EvInformationChargeLimits,
    EvInformationDischargeLimits,
    EvInformationVoltages,
    NewChargeSession,
    OcppControl,
    PowerModulesStatus,
    SequenceControl,
)
from ..entries import decoded_batches, Gap, Sample
from . import causes
from .rates import BadFrames, BusLoad, MessageRate
from .series import Focus, Lane, Series

State = AdvanticsControllerStatus.State
Function = DcPowerControl.PowerFunction
IDLE = frozenset({State.INITIALISING, State.WAITING_FOR_PEV, State.NOT_AVAILABLE})
NOT_UNDER_WAY = IDLE | {
    State.NEGOTIATING_CONNECTION, State.CCS_AUTHORISATION_PROCESS, State.CLOSING_COMMUNICATION}
"""Any other is one of a session whose begin may not be in the log, also one that has no label
here (Charge_Pause of v3.4)."""
PHASES = frozenset({
    State.INSULATION_TEST, State.PRECHARGE, State.ENDING_CHARGE, State.WELDING_DETECTION,
    State.CLOSING_COMMUNICATION})
"""States of which no sample is left out of the lines .."""
PHASE_S = 300.0
""".. for so long: who hangs in one for hours is thinned like all else."""
PHASE_LABELS = frozenset({
    'Insulation_Test', 'Precharge', 'Ending_Charge', 'Welding_Detection', 'Closing_Communication',
    'Standby, Lowering', 'Off, Lowering', 'INSULATION_TEST', 'PRECHARGE'})
"""Bars of these stay when others have to go."""
_AT_THE_END = frozenset({
    State.ENDING_CHARGE, State.WELDING_DETECTION, State.CLOSING_COMMUNICATION})
CROSSING_S = 0.5
"""State and announcement of the same moment are no further apart (A5)."""
INTEGRATE_S = 1.0
"""Energy is not counted across a longer silence of Power_Modules_Status."""
REST_S = 5.0
"""For so long what flows after the end of a session is still counted as its energy."""
BREAK_S = 10.0
"""After so long without any frame the log was interrupted, and with it every session."""
BACK_S = 1.0
"""A stamp that is so much older than the one before: the clock of the log was set back .."""
AHEAD = 100
""".. unless it goes on as it did before the last entries, so many at most: these were ahead."""
LEFT_S = 15.0
"""For so long after its end the voltage that is left at the output belongs to a session."""
GONE_S = 2.0
"""By then it is gone: the vehicle has opened its contactors, the charger lowered what was left."""
TOUCHABLE_V = 60.0
"""A voltage that is left there and higher was not taken away."""
FALLING_PER_S = 0.05
"""A voltage that falls by this share in a second is on its way to none."""
SILENT_S = 0.45
"""Without Power_Modules_Status: what the controller's 0.5 s look like in a log (R3)."""
INSULATION_OHM_PER_V = 100.0
"""What the insulation must have (R14)."""
NOT_PROVIDED_C = -40.0
"""R50."""
FINDINGS = 40
"""Of one rule, end and pistol that are kept; the others are counted."""
SESSIONS = 500
"""Of one pistol that are kept; the others are counted."""

_COMMANDED = ('target', 'range_max', 'range_min')
"""Lines of what DC_Power_Control says."""
_FAST_S, _SLOW_S = 0.5, 3.0
"""Lines of messages that come every 0.1 s and every second are interrupted after so long."""
_LINES = {
    _FAST_S: ('voltage', 'current', 'power', 'insulation', 'modules', 'enclosure', 'threshold'),
    None: (*_COMMANDED, 'soc', 'ocpp', 'limit_v', 'limit_charge', 'limit_discharge'),
    _SLOW_S: ('cpu', 'ptc1', 'ptc2', 'colibri'),
    1.0: ('setpoint_v', 'setpoint_a'),
}
"""After how many seconds without a word a line is interrupted -> names of lines."""


class Session:
    """One charge session of one pistol; what was not heard is ``None``."""

    def __init__(self, begin_s, is_begin_known):
        self.begin_s = begin_s
        self.is_begin_known = is_begin_known
        self.end_s = None
        self.outcome = None
        """``'Clean_Stop'``, ``'Rushed_Stop'``, or ``None`` without Charge_Session_Finished."""
        self.end_reason = ''
        """How it ended, in words."""
        self.is_cut = False
        """Whether it is the log that ends there, and not the session."""
        self.protocol = self.plug = None
        self.capacity_wh = None
        self.ev_voltages_v = None
        """(lowest, highest)"""
        self.ev_charge = self.ev_discharge = None
        """(least A, most A, least W, most W)"""
        self.soc_from = self.soc_to = None
        self.transfer_s = None
        """When the first Power_Transfer was commanded."""
        self.charged_wh = self.discharged_wh = 0.0
        self.has_energy = False
        """Whether two statuses were close enough to integrate anything."""
        self.uncounted = 0
        """Silences across which no energy was counted .."""
        self.uncounted_s = 0.0
        """.. and their length together."""
        self.peak_v = self.peak_a = self.peak_w = None
        """(value, time); the current and power of largest magnitude, with their sign."""
        self.test_ohm = self.later_ohm = None
        """(smallest insulation, time): at test voltage, and from the precharge on."""
        self.emergency = None
        """(origin, when) of the first Emergency_Stop."""
        self.withdrawals = []
        """When System_Enable went from Allowed to Not_Allowed; the first ones."""
        self.was_allowed = False
        """Whether System_Enable was Allowed at any time."""
        self.reasons = causes.Reasons()
        self.stage = ''
        """The last State before the end that says what was going on."""
        self.told = None
        """Limits of the newest DC_Power_Parameters (V, A, A); 0 is the controller's own (R33)."""
        self.left_v = None
        """What Power_Modules_Status measured at last, up to some seconds after the end .."""
        self.left_s = None
        """When."""
        self.left_at_pistol_v = None
        """.. and what was behind own contactors, from bags."""
        self._left_marks = collections.deque(maxlen=2)
        """(time, V) of the last readings that are a second apart."""

    def integrate(self, first_w, last_w, step_s):
        """Count the energy between two measurements, the power changing evenly."""
        self.has_energy = True
        hours = step_s / 7200
        if first_w > 0 or last_w > 0:
            self.charged_wh += (max(first_w, 0.0) + max(last_w, 0.0)) * hours
        if first_w < 0 or last_w < 0:
            self.discharged_wh -= (min(first_w, 0.0) + min(last_w, 0.0)) * hours

    @property
    def duration_s(self):
        """From begin to end."""
        return max(0.0, self.end_s - self.begin_s)

    @property
    def cause(self):
        """Why it did not end as it should, in words; empty for one that did."""
        return causes.cause(self)

    @property
    def is_whole(self):
        """Whether it is in the log from its begin to its end."""
        return self.is_begin_known and self.outcome is not None

    @property
    def left_live_v(self):
        """The voltage that was not taken away as far as the log says, 0 where it was."""
        volts = max(self.left_v or 0.0, self.left_at_pistol_v or 0.0)
        return volts if not self.is_cut and volts >= TOUCHABLE_V else 0.0

    @property
    def is_left_live(self):
        """Whether it was measured long enough after the end to say that it stayed."""
        return (bool(self.left_live_v) and self.left_s - self.end_s >= GONE_S
                and not self._is_left_falling)

    @property
    def _is_left_falling(self):
        if not self._left_marks:
            return False
        time_s, volts = self._left_marks[0]
        share = FALLING_PER_S * (self.left_s - time_s)
        return self.left_live_v <= volts * (1.0 - min(share, 0.9))

    def see_left(self, time_s, *, output_v=None, pistol_v=None):
        """Take a voltage that is left, up to some seconds after the end."""
        self.left_s = time_s
        if output_v is not None:
            self.left_v = output_v
        if pistol_v is not None:
            self.left_at_pistol_v = pistol_v
        if not self._left_marks or time_s - self._left_marks[-1][0] >= 1.0:
            volts = max(self.left_v or 0.0, self.left_at_pistol_v or 0.0)
            self._left_marks.append((time_s, volts))


class Pistol:
    """What is known of one pistol."""

    def __init__(self, index, windows=()):
        self.index = index
        self.sessions = []
        self.more_sessions = 0
        self.endings = collections.Counter()
        """Outcome of a session, ``None`` included -> how many; also of those that are not kept."""
        self.lanes = {
            'State': Lane(1.0, phases=PHASE_LABELS), 'Power_Function': Lane(phases=PHASE_LABELS),
            'System_Enable': Lane(1.0), 'Output_Contactors': Lane(),
        }
        """Title -> lane; those of topics are added when there are any."""
        self.focus = Focus(windows)
        """Times of which no sample is left out of the lines."""
        self.series = {
            name: Series(gap_s, focus=self.focus)
            for gap_s, names in _LINES.items() for name in names}
        self.rates = {}
        """Message name -> :class:`~.rates.MessageRate`"""
        self._known = {}
        """Class of message -> where it is counted, and what takes it."""
        self.bad = BadFrames()
        self.emergencies = []
        """(time, origin), also outside of sessions; the first ones."""
        self.stops = []
        """When User_Stop_Button went to Pressed; the first ones."""
        self._session = None
        self._latest = None
        """The session that is open or was open last."""
        self._state = None
        self._state_s = 0.0
        self._state_lane = self.lanes['State']
        self._command = None
        """The newest, as far as it is in force, and when it was repeated last."""
        self._command_s = None
        self._is_insulated = False
        """Whether a function is commanded that needs insulation; and at which voltage."""
        self._insulated_v = self._test_v = None
        self._status = None
        self._status_s = self._status_w = None
        self._finished_s = None
        self._was_active = False
        self._emergency_s = None
        self._is_stop_pressed = False
        self._phase_s = None
        """Since when a phase is going on of which nothing is left out."""
        self._enable = None
        self._told = None
        self.begins_in = None
        """The State that the log begins in where a session was under way, else ``''``."""

    @property
    def frames(self):
        """How many were heard, sound or not."""
        return sum(rate.count for rate in self.rates.values()) + self.bad.short

    # The wire

    def take(self, time_s, received):
        """Take a message of this pistol."""
        message = received.message
        cls = type(message)
        known = self._known.get(cls)
        if known is None:
            rate = self.rates[cls.NAME] = MessageRate(cls)
            known = self._known[cls] = rate.see, _HANDLERS.get(cls, _ignore)
        if received.undefined or received.unassigned_bits:
            self.bad.see(time_s, received)
        see, handle = known
        handle(self, message, time_s)
        see(time_s, self._session)

    def reject(self, time_s, rejected):
        """Take a frame of this pistol that was too short."""
        self.bad.see(time_s, rejected)

    def interrupt(self, time_s, reason='the log was interrupted'):
        """Take it that the log has a hole: what was going on is not known any more."""
        if self._session is not None:
            self._session.is_cut = True
            self._end(time_s, reason)
        self._latest = self._phase_s = None
        self._forget_command()
        self._status = self._state = self._finished_s = None
        for series in self.series.values():
            series.interrupt()
        for lane in self.lanes.values():
            lane.see(time_s, None)

    def conclude(self, time_s):
        """End what is still open where the log ends."""
        if self._session is not None:
            self._session.is_cut = True
            self._end(time_s, 'the log ends during the session')
        self._forget_command()
        for name in ('soc', 'ocpp', 'limit_v', 'limit_charge', 'limit_discharge'):
            self.series[name].hold(time_s)

    def _begin(self, time_s, is_begin_known):
        self._session = Session(time_s, is_begin_known)
        self._was_active = False
        self._status = None
        # What was commanded in the session before is none of this one.
        self._forget_command()
        self._latest = self._session
        self._session.told = self._told
        self.focus.around(time_s)
        if len(self.sessions) < SESSIONS:
            self.sessions.append(self._session)
        else:
            self.more_sessions += 1

    def _end(self, time_s, reason, outcome=None):
        session = self._session
        if session.emergency is None:
            self._see_silence(session, time_s)
        session.end_s = time_s
        session.end_reason = reason
        session.outcome = outcome
        self.endings[outcome] += 1
        self.focus.around(time_s)
        self._session = None
        # A target of the central system is forgotten with the session (A16), the state of charge
        # is that of a vehicle that leaves.
        for name in ('ocpp', 'soc'):
            self.series[name].hold(time_s)
            self.series[name].interrupt()

    def _on_state(self, message, time_s):
        state = message.state
        if state is self._state and time_s - self._state_s <= 1.0 and (
                self._session is None or self._was_active):
            self._state_s = time_s
            self._state_lane.hold(time_s)
            return
        self._state_s = time_s
        self._state_lane.see(time_s, _label(message, 'state'))
        if state != self._state:
            self._on_new_state(state, _label(message, 'state'), time_s)
        session = self._session
        if session is None:
            return
        if state not in IDLE:
            self._was_active = True
        elif self._was_active or time_s - session.begin_s > CROSSING_S:
            self._end(time_s, f'the controller went to {_label(message, "state")} without '
                              'Charge_Session_Finished')

    def _on_new_state(self, state, label, time_s):
        is_under_way = self._session is None and self._finished_s is None and (
            state not in NOT_UNDER_WAY or state == State.CLOSING_COMMUNICATION)
        if self.begins_in is None:
            self.begins_in = label if is_under_way else ''
        if self._state is None and is_under_way and state not in NOT_UNDER_WAY:
            self._begin(time_s, False)
        if state in IDLE:
            # A controller that restarted commands nothing any more, and does not say so.
            self._forget_command()
        elif self._session is not None and state not in _AT_THE_END:
            self._session.stage = label
        self._state = state
        self.focus.around(time_s)
        self._see_phase(time_s)

    def _see_phase(self, time_s):
        command = self._command
        is_phase = self._state in PHASES or (command is not None and (
            command.lower_output_voltage == 1
            or command.power_function in (Function.INSULATION_TEST, Function.PRECHARGE)))
        if not is_phase:
            self._phase_s = None
        elif self._phase_s is None:
            self._phase_s = time_s

    def _on_announcement(self, message, time_s):
        if self._session is None:
            if self._finished_s is not None and 0 <= time_s - self._finished_s < CROSSING_S:
                return
            self._begin(time_s, True)
        self._session.protocol = _label(message, 'communication_protocol')
        self._session.plug = _label(message, 'plug_and_pins')

    def _on_finished(self, message, time_s):
        self._finished_s = time_s
        if self._session is not None:
            outcome = _label(message, 'state')
            self._end(time_s, outcome, outcome)

    def _on_command(self, message, time_s):
        self._command_s = time_s
        if message == self._command:
            return
        before, self._command = self._command, message
        self._see_phase(time_s)
        function = message.power_function
        if before is None or before.power_function != function or (
                before.output_contactors != message.output_contactors):
            self.focus.around(time_s)
        words = _label(message, 'power_function')
        if message.lower_output_voltage == 1:
            words += ', Lowering'
        elif function == Function.POWER_TRANSFER and message.setpoints_mode == 1:
            words += ', Range_Mode'
        self.lanes['Power_Function'].see(time_s, words)
        self.lanes['Output_Contactors'].see(time_s, _label(message, 'output_contactors'))
        series = self.series
        self._is_insulated = function not in (Function.OFF, Function.STANDBY)
        self._insulated_v = self._test_v = 0.0
        if not self._is_insulated:
            for name in _COMMANDED:
                series[name].hold(time_s)
                series[name].interrupt()
            return
        series['target'].add(time_s, message.target_voltage)
        if function == Function.INSULATION_TEST:
            for name in _COMMANDED[1:]:
                series[name].hold(time_s)
                series[name].interrupt()
            self._test_v = self._insulated_v = message.target_voltage
        else:
            series['range_max'].add(time_s, message.current_range_max)
            series['range_min'].add(time_s, message.current_range_min)
            if function == Function.PRECHARGE:
                self._insulated_v = message.target_voltage
        session = self._session
        if session is not None and function != Function.INSULATION_TEST:
            session.reasons.drop(causes.TEST)
            if session.transfer_s is None and function == Function.POWER_TRANSFER:
                session.transfer_s = time_s

    def _forget_command(self):
        """Take it that nothing is commanded any more since the newest command."""
        time_s = self._command_s
        if self._command is not None:
            for title in ('Power_Function', 'Output_Contactors'):
                self.lanes[title].hold(time_s)
                self.lanes[title].see(time_s, None)
            for name in _COMMANDED:
                self.series[name].hold(time_s)
                self.series[name].interrupt()
        self._command = None
        self._is_insulated = False
        self._test_v = 0.0

    def _on_status(self, status, time_s):
        series = self.series
        voltage, current = status.present_voltage, status.present_current
        power = voltage * current
        ohm = status.insulation_resistance
        series['voltage'].add(time_s, voltage)
        series['current'].add(time_s, current)
        series['power'].add(time_s, power)
        series['insulation'].add(time_s, ohm)
        celsius = status.power_modules_temperature
        series['modules'].add(time_s, None if celsius == NOT_PROVIDED_C else celsius)
        celsius = status.enclosure_temperature
        series['enclosure'].add(time_s, None if celsius == NOT_PROVIDED_C else celsius)
        self.lanes['System_Enable'].see(time_s, _label(status, 'system_enable'))
        if status.system_enable != self._enable:
            self._enable = status.system_enable
            self.focus.around(time_s)
        if self._phase_s is not None and time_s - self._phase_s <= PHASE_S:
            self.focus.around(time_s)
        left = self._left_session(time_s)
        if left is not None:
            left.see_left(time_s, output_v=voltage)
        if self._is_insulated:
            reference_v = voltage if voltage > self._insulated_v else self._insulated_v
            series['threshold'].add(time_s, INSULATION_OHM_PER_V * reference_v)
        else:
            series['threshold'].interrupt()
        before, before_s, before_w = self._status, self._status_s, self._status_w
        self._status, self._status_s, self._status_w = status, time_s, power
        session = self._session
        if session is None:
            self._count_rest(before, before_s, before_w, time_s)
            return
        session.was_allowed = session.was_allowed or status.system_enable == 1
        if before is not None:
            step_s = time_s - before_s
            if 0 <= step_s <= INTEGRATE_S:
                session.integrate(before_w, power, step_s)
            elif step_s > 0:
                session.uncounted += 1
                session.uncounted_s += step_s
            if before.system_enable == 1 and status.system_enable == 0:
                session.reasons.note(
                    causes.WITHDRAWN, time_s, 'System_Enable was withdrawn by the charger')
                if len(session.withdrawals) < 20:
                    session.withdrawals.append(time_s)
        if session.peak_v is None or voltage > session.peak_v[0]:
            session.peak_v = voltage, time_s
        if session.peak_a is None or abs(current) > abs(session.peak_a[0]):
            session.peak_a = current, time_s
        if session.peak_w is None or abs(power) > abs(session.peak_w[0]):
            session.peak_w = power, time_s
        if self._is_insulated:
            self._see_insulation(session, voltage, ohm, time_s)
            if not self._test_v:
                if session.later_ohm is None or ohm < session.later_ohm[0]:
                    session.later_ohm = ohm, time_s
            elif voltage >= 0.9 * self._test_v and (
                    session.test_ohm is None or ohm < session.test_ohm[0]):
                session.test_ohm = ohm, time_s

    def _see_insulation(self, session, voltage, ohm, time_s):
        needed = INSULATION_OHM_PER_V * max(voltage, self._insulated_v)
        is_test = bool(self._test_v)
        if is_test and voltage < 0.9 * self._test_v:
            return
        kind = causes.TEST if is_test else causes.INSULATION
        if ohm >= needed:
            session.reasons.drop(kind)
            return
        words = 'the insulation test was not passed' if is_test else 'insulation too low'
        session.reasons.note(
            kind, time_s, f'{words}: {ohm / 1e3:.0f} kΩ at {voltage:.0f} V, {needed / 1e3:.1f} kΩ '
            f'are needed ({"R12" if is_test else "R14"})')

    def _see_silence(self, session, time_s):
        last_s = session.begin_s if self._status_s is None else max(
            self._status_s, session.begin_s)
        if time_s - last_s > SILENT_S:
            session.reasons.note(
                causes.SILENCE, time_s,
                f'no Power_Modules_Status for {time_s - last_s:.1f} s (R3)')

    def _left_session(self, time_s):
        """Return the session that what is left at the output belongs to, or ``None``."""
        session = self._latest
        if session is None or (
                session.end_s is not None and time_s - session.end_s > LEFT_S):
            return None
        return session

    def _count_rest(self, before, before_s, before_w, time_s):
        """Count what still flows when the session has been declared finished."""
        session = self._latest
        if before is None or session is None or time_s - session.end_s > REST_S:
            return
        if 0 <= time_s - before_s <= INTEGRATE_S:
            session.integrate(before_w, self._status_w, time_s - before_s)

    def _on_emergency(self, message, time_s):
        origin = _label(message, 'origin')
        if self._emergency_s is None or time_s - self._emergency_s > 1.0:
            if len(self.emergencies) < SESSIONS:
                self.emergencies.append((time_s, origin))
            self.focus.around(time_s)
            session = self._latest
            if session is not None:
                self._see_silence(session, time_s)
            # The end may be said first.
            if session is not None and session.emergency is None and (
                    session.end_s is None or 0 <= time_s - session.end_s <= CROSSING_S):
                session.emergency = origin, time_s
        self._emergency_s = time_s

    def _on_battery(self, message, time_s):
        self.series['soc'].add(time_s, message.present_state_of_charge)
        if self._session is not None:
            self._session.capacity_wh = message.battery_capacity or None
            if self._session.soc_from is None:
                self._session.soc_from = message.present_state_of_charge
            self._session.soc_to = message.present_state_of_charge

    def _on_voltages(self, message, _time_s):
        if self._session is not None:
            self._session.ev_voltages_v = message.ev_minimum_voltage, message.ev_maximum_voltage

    def _on_charge_limits(self, message, _time_s):
        if self._session is not None:
            self._session.ev_charge = (
                message.ev_minimum_charge_current, message.ev_maximum_charge_current,
                message.ev_minimum_charge_power, message.ev_maximum_charge_power)

    def _on_discharge_limits(self, message, _time_s):
        if self._session is not None:
            self._session.ev_discharge = (
                message.ev_minimum_discharge_current, message.ev_maximum_discharge_current,
                message.ev_minimum_discharge_power, message.ev_maximum_discharge_power)

    def _on_parameters(self, message, time_s):
        series = self.series
        told = (message.maximum_voltage, message.maximum_charge_current,
                message.maximum_discharge_current)
        # 0 is no limit of 0, but the one that the controller is configured with (R33).
        for name, value, sign in zip(
                ('limit_v', 'limit_charge', 'limit_discharge'), told, (1, 1, -1), strict=True):
            series[name].hold(time_s)
            series[name].add(time_s, sign * value if value else None)
        self._told = told
        if self._session is not None:
            self._session.told = told

    def _on_ocpp(self, message, time_s):
        self.series['ocpp'].add(time_s, message.dynamic_target_current)

    def _on_inputs(self, message, time_s):
        for name, field in (('cpu', 'cpu_temperature'), ('ptc1', 'pistol_ptc1'),
                            ('ptc2', 'pistol_ptc2'), ('colibri', 'colibri_temperature')):
            value = getattr(message, field, NOT_PROVIDED_C)
            self.series[name].add(time_s, None if value == NOT_PROVIDED_C else value)

    def _on_sequence(self, message, time_s):
        is_pressed = message.user_stop_button == 1
        if is_pressed and not self._is_stop_pressed:
            if len(self.stops) < SESSIONS:
                self.stops.append(time_s)
            if self._session is not None:
                self._session.reasons.note(
                    causes.BUTTON, time_s, 'the stop button was pressed (User_Stop_Button)')
        self._is_stop_pressed = is_pressed
        if self._session is not None and message.ccs_authorisation_done == 1 and (
                message.ccs_authorisation_valid == 0):
            self._session.reasons.note(
                causes.REFUSED, time_s, 'the authorisation was refused (CCS_Authorisation_Valid)')

    # Topics that are no frames

    def sample(self, time_s, topic, message):
        """Take a message of another topic of this pistol."""
        handler = _SAMPLE_HANDLERS.get(topic)
        if handler is not None:
            handler(self, message, time_s)

    def _see(self, title, time_s, label):
        lane = self.lanes.get(title)
        if lane is None:
            lane = self.lanes[title] = Lane(2.0)
        lane.see(time_s, label)

    def _on_phase(self, message, time_s):
        self._see('power_control', time_s, message.phase_name or f'phase {message.phase}')
        if message.fault or 'fault' in self.lanes:
            self._see('fault', time_s, message.fault or None)

    def _on_stage(self, message, time_s):
        self._see('output stage', time_s, message.stage_name or f'stage {message.stage}')

    def _on_feedback(self, message, time_s):
        self._see('output contactors', time_s, _position(message.output))
        self._see('precharge relay', time_s, _position(message.precharge))
        # Behind own contactors only this tells what is left at the pistol.
        pistol_v = getattr(message, 'pistol_voltage', None)
        if pistol_v is not None and pistol_v == pistol_v:
            left = self._left_session(time_s)
            if left is not None:
                left.see_left(time_s, pistol_v=pistol_v)

    def _on_setpoint(self, message, time_s):
        mode = message.mode
        self._see('setpoint', time_s, _MODES.get(mode, f'mode {mode}'))
        is_regulating = mode == 1
        self.series['setpoint_v'].add(time_s, message.voltage if is_regulating else None)
        self.series['setpoint_a'].add(time_s, message.current if is_regulating else None)


def _ignore(_pistol, _message, _time_s):
    pass


_MODES = {0: 'OFF', 1: 'REGULATE', 2: 'BLEED'}
_HANDLERS = {
    AdvanticsControllerStatus: Pistol._on_state,
    NewChargeSession: Pistol._on_announcement,
    ChargeSessionFinished: Pistol._on_finished,
    DcPowerControl: Pistol._on_command,
    PowerModulesStatus: Pistol._on_status,
    EmergencyStop: Pistol._on_emergency,
    EvInformationBattery: Pistol._on_battery,
    EvInformationVoltages: Pistol._on_voltages,
    EvInformationChargeLimits: Pistol._on_charge_limits,
    EvInformationDischargeLimits: Pistol._on_discharge_limits,
    DcPowerParameters: Pistol._on_parameters,
    OcppControl: Pistol._on_ocpp,
    AdmCoCui1Inputs: Pistol._on_inputs,
    AdmCsSeccInputs: Pistol._on_inputs,
    SequenceControl: Pistol._on_sequence,
}
_SAMPLE_HANDLERS = {
    'power_status': Pistol._on_phase,
    'stage_status': Pistol._on_stage,
    'contactor_feedback': Pistol._on_feedback,
    'power_setpoint': Pistol._on_setpoint,
}


def _labels(cls):
    return {signal.field: signal.labels for signal in cls.SIGNALS if signal.labels}


_LABELS = {cls: _labels(cls) for cls in _HANDLERS}


def _label(message, field):
    """Return the vendor's word for a value, or its number where it has none."""
    value = getattr(message, field)
    return _LABELS[type(message)][field].get(value) or f'undefined ({int(value)})'


def _position(value):
    return {0: 'open', 1: 'closed', 2: 'unknown'}.get(value, str(value))


class Story:
    """
    All of a log.

    :param judge: takes every frame and returns what it finds, as :class:`~.audit.Audit`; ``None``
        for a story without findings
    """

    def __init__(self, judge=None, windows=None):
        self.first_ns = self.last_ns = None
        self.samples = 0
        self.pistols = {}
        """Index -> :class:`Pistol`"""
        self.loads = {}
        """Channel -> :class:`~.rates.BusLoad`"""
        self.findings = []
        """(time in s, index, :class:`~gi3_ros.core.rules.findings.Finding`), in order."""
        self.counts = collections.Counter()
        """(index, rule, end) -> breaches, also of those that are not kept."""
        self.observations = []
        """As ``findings``, of what is odd and nobody's breach; the first ones .."""
        self.observed = collections.Counter()
        """.. and how many there are, as ``counts``."""
        self.notes = []
        """``(time in ns, sentence)`` about stamps that were put right (:mod:`.clocks`)."""
        self.breaks = []
        """(begin, end) of times without any frame; the first ones."""
        self.steps = []
        """(time in s, by how many s) where the clock of the log was set back; the first ones."""
        self.strays = collections.Counter()
        """Namespace -> messages of topics whose pistol is not known."""
        self._judge = judge
        self._windows = windows
        self._at_ns = self._newest_ns = self._shift_ns = 0
        """Of the newest entry, since the first; the latest of all; what is added to the stamps."""
        self._before_ns, self._ahead = None, AHEAD
        """Where the clock was before its last leap ahead, and how many entries ago that was."""
        self._heard_s = None
        self._channels = {}

    @property
    def length_s(self):
        """From the first to the last entry."""
        return self._newest_ns / 1e9

    @property
    def frames(self):
        """How many were on the bus, whosever they are."""
        return sum(load.frames for load in self.loads.values())

    @property
    def interface_frames(self):
        """How many of them are Generic Interface v3."""
        return sum(pistol.frames for pistol in self.pistols.values())

    @property
    def finding_count(self):
        """Of all breaches, kept or not."""
        return sum(self.counts.values())

    @property
    def new_beginnings(self):
        """How often the rules began anew, because something is missing there or may be."""
        return len(getattr(self._judge, 'breaks', ()))

    @property
    def shared_indices(self):
        """Index -> channels, of pistol indices that speak on several of them."""
        return {index: sorted(channels) for index, channels in self._channels.items()
                if len(channels) > 1}

    def take(self, batch):
        """
        Take the next entries of the log.

        :param batch: list of ``(entry, decoded)`` as of :func:`~.entries.decoded_batches`
        """
        for entry, decoded in batch:
            if decoded is not None:
                self._hear(entry, decoded)
            elif isinstance(entry, Sample):
                self._sample(entry)
        if self._judge is None:
            return
        for entry, decoded in batch:
            if decoded is not None:
                for verdict in self._judge.take(entry.time_ns, decoded):
                    self._keep(verdict)
            elif isinstance(entry, Gap):
                self._judge.skip(entry.time_ns, entry.words)

    def _seconds(self, time_ns):
        """
        Return the time since the first entry by a clock that never goes back.

        Where the clock of the log was set back, it goes on from where it was.
        """
        if self.first_ns is None:
            self.first_ns = self.last_ns = time_ns
        elif time_ns > self.last_ns:
            self.last_ns = time_ns
        at_ns = time_ns - self.first_ns + self._shift_ns
        step_ns = at_ns - self._at_ns
        self._ahead += 1
        if step_ns > BACK_S * 1e9:
            self._before_ns, self._ahead = self._at_ns, 0
        elif step_ns < -BACK_S * 1e9 and not self._was_ahead(at_ns):
            self._shift_ns -= step_ns
            at_ns = self._at_ns
            self._interrupt_back(-step_ns / 1e9, at_ns / 1e9)
        self._at_ns = at_ns
        if at_ns > self._newest_ns:
            self._newest_ns = at_ns
        return at_ns / 1e9

    def _was_ahead(self, at_ns):
        """Return whether the last stamps were ahead, and this one goes on as before."""
        return self._ahead <= AHEAD and at_ns >= self._before_ns - BACK_S * 1e9

    def _interrupt_back(self, by_s, time_s):
        if len(self.steps) < SESSIONS:
            self.steps.append((time_s, by_s))
        for pistol in self.pistols.values():
            pistol.interrupt(time_s, 'the clock of the log was set back')

    def _sample(self, sample):
        self.samples += 1
        time_s = self._seconds(sample.time_ns)
        if sample.index is None:
            self.strays[sample.namespace] += 1
        else:
            self._pistol(sample.index).sample(time_s, sample.topic, sample.message)

    def _pistol(self, index):
        pistol = self.pistols.get(index)
        if pistol is None:
            windows = () if self._windows is None else self._windows(self.first_ns)
            pistol = self.pistols[index] = Pistol(index, windows)
            self._channels[index] = set()
        return pistol

    def _hear(self, heard, decoded):
        time_ns = heard.time_ns
        time_s = self._seconds(time_ns)
        if self._heard_s is not None and time_s - self._heard_s > BREAK_S:
            self._interrupt(time_s - self._heard_s, time_s)
        self._heard_s = time_s
        load = self.loads.get(heard.channel)
        if load is None:
            load = self.loads[heard.channel] = BusLoad()
        load.see(time_s, heard.frame)
        index = decoded.index
        if index is None:
            return
        pistol = self.pistols.get(index) or self._pistol(index)
        self._channels[index].add(heard.channel)
        if isinstance(decoded, codec.Received):
            pistol.take(time_s, decoded)
        else:
            pistol.reject(time_s, decoded)

    def _keep(self, verdict):
        finding = verdict.finding
        key = verdict.index, finding.rule, finding.who
        counts, kept = (self.observed, self.observations) if finding.is_observation else (
            self.counts, self.findings)
        counts[key] += 1
        if counts[key] <= FINDINGS:
            time_s = (self._judge.first_ns - self.first_ns + self._shift_ns) / 1e9 + finding.time_s
            kept.append((time_s, verdict.index, finding))
            if verdict.index in self.pistols:
                self.pistols[verdict.index].focus.around(time_s)

    def _interrupt(self, silent_s, time_s):
        if len(self.breaks) < SESSIONS:
            self.breaks.append((time_s - silent_s, time_s))
        for pistol in self.pistols.values():
            pistol.interrupt(time_s - silent_s)

    def conclude(self):
        """End what is still open, when there are no more entries."""
        if self._judge is not None:
            for verdict in self._judge.conclude():
                self._keep(verdict)
        # Some wait for the end of their session.
        self.findings.sort(key=lambda each: each[0])
        if self._heard_s is not None:
            for pistol in self.pistols.values():
                pistol.conclude(self._heard_s)
        self.findings.sort(key=lambda each: each[0])


def tell(log, judge=None, *, windows=None):
    """
    Return the :class:`Story` of a log.

    :param log: entries in order; read once
    :param windows: called with the time of the first entry in ns; returns ``(begin, end)`` in
        seconds since then, of times of which no sample is left out of the lines
    """
    story = Story(judge, windows)
    for batch in decoded_batches(log, story.notes):
        story.take(batch)
    story.conclude()
    return story
