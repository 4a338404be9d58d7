# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
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
    '0106B003 A0 0F 14 00 00 00 64',
    '  can0  0106B003   [7]  '
    '10100000 00001111 00010100 00000000 00000000 00000000 01100100',
    ' (000.000000)  can0  RX - -  0106B003   [7]  '
    "10100000 00001111 00010100 00000000 00000000 00000000 01100100            '......d'",
    '  can0  0106B003   [7]  64`00`00`00`14`0F`A0',
    '  can0  0106B003   [7]  01100100`00000000`00000000`00000000`00010100`00001111`10100000',
    '  \x1b[1m\x1b[34mcan0  0106B003   [7]  A0 0F 14 00 00 00 64\x1b[0m',
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


@pytest.mark.parametrize('line, words', [
    ('can0  0106B000   [1]  00000111', 'State=Charging'),
    ('can0  0106B000   [1]  00000001', 'State=Waiting_For_PEV'),
    ('can0  0106B002   [4]  00000001', 'Vehicle_Ready_for_Charging=Charge_Stopped'),
    ('can0  0106B103   [8]  '
     '00000000 00000000 00000001 00000000 00010001 00000000 00000000 00000000',
     'EV_Maximum_Discharge_Current'),
    ('can0  0106B201  {9}  11 22 33 44 55 66 77 88', 'ADM_CS_SECC_Inputs'),
    ('0106B201#1122334455667788_9', 'ADM_CS_SECC_Inputs'),
    ('can0  0106B000   [0]  remote request', 'foreign: not an extended data frame'),
    ('can0 0106B000#R', 'foreign: not an extended data frame'),
    ('can0 0106B000#R1', 'foreign: not an extended data frame'),
    ('can0  20000004   [8]  00 20 00 00 00 00 00 00   ERRORFRAME',
     'foreign: not an extended data frame'),
    ('can0       123   [0] ', 'foreign'),
])
def test_a_digit_is_what_the_count_of_bytes_says(line, words):
    result = run(text=line + '\n')
    assert result.exit_code == 0, result.output
    assert words in result.output


@pytest.mark.parametrize('line, words', [
    ('can0  0106B003   [7]  10100000 00001111 00010100', 'not 7 bytes'),
    ('can0  0106B003   [7]  10100000 00001111 00010100 00000000 00000000 00000000 0110010',
     'not 7 bytes'),
    ('can0  0106B003   [7]  A0 0F 14 00 00 00', 'not 7 bytes'),
    ('can0  0106B003   [6]  A0 0F 14 00 00 00 64', 'not 6 bytes'),
    ('can0  0106B000   [1]  00000112', 'neither hexadecimal nor binary'),
    ('can0  0106B000   [0]  07', 'not 0 bytes'),
    ('can0  0106B003   [9]  A0 0F 14 00 00 00 64 00 00', '8 at the most'),
    ('can0 0106B003#A00F140000006', 'not 6 bytes'),
    ('can0 0106B003#A00F1400000064000000', '8 at the most'),
    ('can0 0106B003##5A00F1400000064', 'CAN FD'),
    ('can0  0106B003  [07]  A0 0F 14 00 00 00 64', 'CAN FD'),
    ('10106B003#A00F1400000064', 'no CAN frame'),
])
def test_a_line_that_contradicts_itself_is_no_frame(line, words):
    result = run(text=line + '\n')
    assert result.exit_code == 1, result.output
    assert words in result.output
    assert 'Target_Voltage' not in result.output


def test_text_without_a_frame_is_an_error_and_the_rest_is_still_told():
    result = run(text='hello\n\n0106B000#07\n')
    assert result.exit_code == 1
    assert 'no CAN frame in' in result.output
    assert 'State=Charging' in result.output
