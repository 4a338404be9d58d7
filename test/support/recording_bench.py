# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""
What a bag would have of a session on the made-up clock: its frames, and samples of its topics.

The messages have the fields of ``msg/*.msg`` and are published when the nodes would: on change,
and as often as the driver expects.
"""

import math
import types

from gi3_ros.core.hardware import Stage
from gi3_ros.logs.entries import Heard, Sample

START_NS = 1_700_000_000_000_000_000


def stamp_of(time_ns):
    return types.SimpleNamespace(sec=time_ns // 10**9, nanosec=time_ns % 10**9)


class Recorder:
    """Joins a link and collects its entries, as a log that can be read twice."""

    kind = 'made up'
    has_dates = True

    def __init__(self, link, *, namespace='pistol1', delay_s=0.002):
        self.path = 'made up'
        self.problems = []
        self.entries = []
        self.delay_ns = int(delay_s * 1e9)
        self._link = link
        self._namespace = namespace
        self._due = {}
        self._last = {}
        charger = link.charger
        link._on_frame = self._frame
        self._wrap(charger.stage, 'measure', self._measurement)
        self._wrap(charger.stage, 'see_contacts', self._contacts)
        self._wrap(charger, 'tick', self._decided, after=True)

    def __iter__(self):
        return iter(sorted(self.entries, key=lambda entry: entry.time_ns))

    def frames_only(self):
        return [entry for entry in self if isinstance(entry, Heard)]

    def _wrap(self, part, name, note, *, after=False):
        inner = getattr(part, name)

        def wrapped(*arguments, now_s, **others):
            if not after:
                note(*arguments, now_s=now_s)
            result = inner(*arguments, now_s=now_s, **others)
            if after:
                note(now_s=now_s)
            return result
        setattr(part, name, wrapped)

    def _frame(self, frame, time_s):
        self.entries.append(Heard(START_NS + round(time_s * 1e9), frame, 'can0'))

    def _publish(self, topic, now_s, *, period_s=0.0, **fields):
        if self._last.get(topic) == fields and now_s < self._due.get(topic, -math.inf) - 1e-6:
            return
        self._last[topic], self._due[topic] = fields, now_s + period_s
        stamp_ns = START_NS + round(now_s * 1e9)
        message = types.SimpleNamespace(
            header=types.SimpleNamespace(stamp=stamp_of(stamp_ns), frame_id=''), **fields)
        self.entries.append(Sample(
            stamp_ns + self.delay_ns, self._namespace, topic, message, self._link.charger.index))

    def _measurement(self, reading, *, now_s):
        self._publish(
            'power_measurement', now_s, voltage=reading.voltage_v, current=reading.current_a,
            insulation_resistance=reading.insulation_resistance_ohm,
            power_modules_temperature=reading.power_modules_temperature_c,
            enclosure_temperature=reading.enclosure_temperature_c, ready=reading.is_ready,
            fault=reading.fault)

    def _contacts(self, feedback, *, now_s):
        self._publish(
            'contactor_feedback', now_s, output=int(feedback.output),
            precharge=int(feedback.precharge), pistol_voltage=feedback.pistol_voltage_v)

    def _decided(self, *, now_s):
        # A node stamps what it has decided, so a little later than it looked at the clock.
        now_s += 1e-4
        charger = self._link.charger
        decision, command, stage = charger.decision, charger.command, charger.stage
        if charger.is_alive['power']:
            setpoint, effective = decision.setpoint, decision.effective
            self._publish(
                'power_setpoint', now_s, period_s=0.05, mode=int(setpoint.mode),
                voltage=setpoint.voltage_v, current=setpoint.current_a, reason=setpoint.reason)
            self._publish(
                'power_status', now_s, period_s=0.1, phase=int(decision.phase),
                phase_name=decision.phase.name, system_enable=decision.system_enable,
                fault=decision.fault)
            lease = effective.lease
            self._publish(
                'effective_setpoint', now_s, period_s=0.1,
                lease_source='' if lease is None else lease.source,
                lease_current=0.0 if lease is None else lease.current_a,
                lease_remaining=effective.lease_remaining_s)
        if charger.is_alive['stage']:
            if command is not None:
                self._publish(
                    'contactor_command', now_s, period_s=0.1,
                    output_closed=command.output_closed,
                    precharge_closed=command.precharge_closed)
            self._publish(
                'stage_status', now_s, period_s=0.1, stage=int(stage.stage),
                stage_name=Stage(stage.stage).name, reason=stage.reason,
                installation=stage.config.installation,
                has_output_contactors=stage.config.has_output_contactors,
                battery_may_be_connected=stage.battery_may_be_connected)
