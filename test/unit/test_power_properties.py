"""What must hold for the setpoint whatever the controller sends and whenever it does."""

import math

from hypothesis import given, settings
from hypothesis import strategies as st

from gi3_ros.core.hardware import ModulesMode, PowerMeasurement
from gi3_ros.core.limits import ChargerLimits
from gi3_ros.core.output_stage import Stage
from gi3_ros.core.power import Phase, PowerConfig, PowerControl, POWERED
from gi3_ros.core.signals import (
    AdvanticsControllerStatus,
    ChargeSessionFinished,
    ChargeStatusChange,
    DcPowerControl,
    EmergencyStop,
    NewChargeSession,
    OcppControl,
)

LIMITS = ChargerLimits(max_charger_discharge_current=60.0)
CONFIG = PowerConfig(limits=LIMITS)
volts = st.sampled_from([0.0, 0.1, 19.9, 360.0, 420.0, 500.0, 500.1, 1500.0, 6553.5])
amps = st.sampled_from([-3276.8, -60.1, -60.0, -0.1, 0.0, 0.1, 2.0, 50.0, 100.0, 120.1, 3276.7])

random_commands = st.builds(
    DcPowerControl,
    target_voltage=volts, current_range_max=amps, current_range_min=amps,
    power_function=st.integers(0, 15), setpoints_mode=st.integers(0, 1),
    output_contactors=st.integers(0, 1), lower_output_voltage=st.integers(0, 1))
legal_commands = st.one_of(
    st.builds(DcPowerControl, power_function=st.sampled_from([0, 1]),
              output_contactors=st.just(1)),
    st.builds(DcPowerControl, target_voltage=volts, power_function=st.just(2),
              output_contactors=st.just(1)),
    st.builds(DcPowerControl, target_voltage=volts, current_range_max=st.just(2.0),
              power_function=st.just(4), setpoints_mode=st.just(1), output_contactors=st.just(1)),
    st.builds(lambda v, a: DcPowerControl(v, a, a, DcPowerControl.PowerFunction.POWER_TRANSFER,
                                          output_contactors=1), volts, amps),
    st.builds(lambda v, a, b: DcPowerControl(
        v, max(a, b), min(a, b), DcPowerControl.PowerFunction.POWER_TRANSFER,
        setpoints_mode=1, output_contactors=1), volts, amps, amps),
)
numbers = st.one_of(st.floats(-50, 600), st.sampled_from([math.nan, math.inf, -math.inf]))
events = st.one_of(
    legal_commands, legal_commands, random_commands,
    st.builds(AdvanticsControllerStatus, st.integers(0, 13)),
    st.just(NewChargeSession()),
    st.builds(EmergencyStop, st.integers(0, 3)),
    st.builds(ChargeSessionFinished, st.integers(0, 2)),
    st.builds(ChargeStatusChange, st.integers(0, 1)),
    st.builds(OcppControl, amps),
    st.builds(PowerMeasurement, numbers, numbers, st.booleans(), numbers),
    st.sampled_from(Stage),
)
sequences = st.lists(
    st.tuples(events, st.sampled_from([0.0, 0.001, 0.01, 0.05, 0.1, 0.19, 0.2, 0.21, 1.0, 70.0])),
    max_size=40)
well = st.sampled_from([True, True, True, False])
"""Whether heartbeat, measurement and stage come along, so that sequences get far."""


def give(core, event, now_s):
    if isinstance(event, PowerMeasurement):
        core.measure(event, now_s=now_s)
    elif isinstance(event, Stage):
        core.see_stage(event, 'test', now_s=now_s)
    else:
        core.receive(event, now_s=now_s)


@settings(max_examples=300, deadline=None)
@given(sequences, st.lists(well, min_size=40, max_size=40))
def test_the_setpoint_keeps_within_everything(sequence, healthy):
    core = PowerControl(CONFIG)
    now_s, last_status_s = 0.0, -math.inf
    command = DcPowerControl()
    previous_a, previous_s = 0.0, 0.0
    for (event, dt_s), is_well in zip(sequence, healthy, strict=False):
        now_s += dt_s
        if is_well:
            give(core, AdvanticsControllerStatus(3), now_s)
            give(core, PowerMeasurement(360.0, 0.0), now_s)
            give(core, Stage.CLOSED, now_s)
            # This tick belongs to the command before.
            previous_a, previous_s = core.tick(now_s=now_s).setpoint.current_a, now_s
            last_status_s = now_s
        give(core, event, now_s)
        if isinstance(event, AdvanticsControllerStatus):
            last_status_s = now_s
        was_fault = core.phase is Phase.FAULT
        decision = core.tick(now_s=now_s)
        setpoint = decision.setpoint
        if isinstance(event, DcPowerControl) and core._command is event:
            command = event
        assert math.isfinite(setpoint.voltage_v) and math.isfinite(setpoint.current_a)
        if setpoint.mode is not ModulesMode.REGULATE:
            assert setpoint.current_a == setpoint.voltage_v == 0.0
            previous_a, previous_s = 0.0, now_s
            continue
        # From here on power is commanded: it needs a reason, and it keeps its limits.
        assert decision.phase in POWERED
        assert not decision.fault and not was_fault
        assert decision.system_enable
        assert now_s - last_status_s < 0.2
        assert 0.0 <= setpoint.voltage_v <= min(LIMITS.max_voltage_v, command.target_voltage)
        if decision.phase is not Phase.POWER_TRANSFER:
            assert 0.0 <= setpoint.current_a <= 2.0
            continue
        assert -60.0 <= setpoint.current_a <= 100.0
        assert setpoint.current_a <= max(command.current_range_max, previous_a, 0.0)
        assert setpoint.current_a >= min(command.current_range_min, previous_a, 0.0)
        slope = max(CONFIG.current_ramp_up, CONFIG.current_ramp_down)
        assert abs(setpoint.current_a - previous_a) <= slope * (now_s - previous_s) + 1e-6
        previous_a, previous_s = setpoint.current_a, now_s


@settings(max_examples=300, deadline=None)
@given(sequences)
def test_nothing_a_peer_sends_is_an_exception_and_a_fault_stays(sequence):
    core = PowerControl(CONFIG)
    now_s, fault = 0.0, ''
    for event, dt_s in sequence:
        now_s += dt_s
        give(core, event, now_s)
        decision = core.tick(now_s=now_s)
        if fault:
            assert decision.fault == fault
        fault = decision.fault
