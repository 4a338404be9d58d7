"""``gi3 decode``: what candump prints, in words."""

from click.testing import CliRunner
import pytest

from gi3_ros.tools.decode import decode


def run(*arguments, text=None):
    return CliRunner().invoke(decode, arguments, input=text)


@pytest.mark.parametrize('line', [
    '0106B003#A00F1400000064',
    '0106b003#a00f1400000064',
    '(1700000000.123456) can0 0106B003#A00F1400000064',
    '  can0  0106B003   [7]  A0 0F 14 00 00 00 64',
    ' (000.000000)  can0  0106B003   [7]  A0 0F 14 00 00 00 64',
    '(1700000000.123456) can0 0106B003#A00F1400000064 T',
    "  can0  0106B003   [7]  A0 0F 14 00 00 00 64   '......d'",
])
def test_every_spelling_of_candump(line):
    result = run(text=line + '\n')
    assert result.exit_code == 0
    assert result.output == (
        'pistol 1 controller DC_Power_Control: Target_Voltage=400 V, Current_Range_Max=2 A, '
        'Current_Range_Min=0 A, Power_Function=Precharge, Setpoints_Mode=Range_Mode, '
        'Output_Contactors=Close, Lower_Output_Voltage=No_Lowering\n')


@pytest.mark.parametrize('frame, words', [
    ('123#00', 'foreign'),
    ('0106B003#A0', 'short: DC_Power_Control with 1 bytes'),
    ('0106B0FF#00', 'unknown'),
    ('0106B000#0D', 'State=13 (undefined)'),
    ('01063002#010080', 'unassigned bits set: 0x800000'),
])
def test_frames_that_are_not_quite_right_are_told(frame, words):
    result = run(frame)
    assert result.exit_code == 0
    assert words in result.output


def test_text_without_a_frame_is_an_error_and_the_rest_is_still_told():
    result = run(text='hello\n\n0106B000#07\n')
    assert result.exit_code == 1
    assert 'no CAN frame in' in result.output
    assert 'State=Charging' in result.output
