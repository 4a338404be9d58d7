"""Whole sessions of other installations than CCS with contactors of one's own."""

import pytest

from gi3_ros import msg as ros

pytestmark = pytest.mark.timeout(180, func_only=True)
V2G = """
about: charges, then the central system takes energy back
vehicle: {file: chademo_v2g, charge_duration_s: 16}
controller:
  index: 1
  is_bidirectional: true
  max_charger_discharge_current: 60
  chademo_precharge: true
steps:
  - when: {state: Charging, current_above: 90}
    after: 3
    do: ocpp -20
  - when: {current_below: -19}
    after: 2
    do: ocpp 30
"""


def test_chademo_v2g_behind_the_controllers_relays(
        build_site, world, witness, start_process, tmp_path):
    """R25, R30, R46, R47: Range_Mode in both directions, through real processes."""
    site = build_site(
        modules=('-p', 'contactors:=controller'),
        charger=(
            '-p', 'has_output_contactors:=false',
            '-p', 'is_bidirectional:=true',
            '-p', 'max_charger_discharge_current:=60.0'))
    setpoints = world.listen(ros.EffectiveSetpoint, 'effective_setpoint')
    scenario = tmp_path / 'v2g.yaml'
    scenario.write_text(V2G)
    simulator = start_process(
        'gi3', 'sim', '--once', '--port', witness.port, '--plug-port', site.plug_port,
        '--plug-in-after', 0, '--scenario', scenario)
    site.measurements.wait_for(lambda reading: reading.current > 90.0, timeout_s=60.0)
    site.measurements.wait_for(lambda reading: reading.current < -19.0, timeout_s=20.0)
    site.measurements.wait_for(
        lambda reading: 29.0 < reading.current < 31.0, after=site.measurements.mark,
        timeout_s=20.0)
    assert simulator.exit_status(timeout_s=60.0) == 0, simulator.text
    assert 'Range_Mode, both' in simulator.text
    assert 'CLEAN_STOP' in simulator.output.last
    assert 'Wh taken back' in simulator.output.last
    sources = {setpoint.source for setpoint in setpoints.heard}
    assert 'ocpp' in sources
    finished = site.stories.wait_for(lambda story: story.end_reason)
    assert finished.end_reason == 'Clean_Stop'
    assert finished.energy_discharged > 1.0
