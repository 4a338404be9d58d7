# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The CAN database in its two forms, and the files generated from it."""

import pathlib
import re
import shutil
import subprocess
import sys

import cantools
import pytest

from gi3_ros.core.interface.signals import MESSAGES
from gi3_ros.generate import command, files

ROOT = pathlib.Path(__file__).parents[3]
KCD = ROOT / files.SOURCE
DBC = ROOT / files.DBC
SHARED = ROOT.parent / 'shared'
CLASSES = list(MESSAGES.values())

CONTROLLER = 'Advantics_Charge_Controller'
CHARGER = 'Generic_Power_Modules'

FRAMES = {
    # id: name, bytes, period in ms, sender, number of signals
    0x6B000: ('Advantics_Controller_Status', 1, 100, CONTROLLER, 1),
    0x6B001: ('New_Charge_Session', 2, 100, CONTROLLER, 2),
    0x6B002: ('Charge_Status_Change', 1, None, CONTROLLER, 1),
    0x6B003: ('DC_Power_Control', 7, 100, CONTROLLER, 8),
    0x6B004: ('Charge_Session_Finished', 1, None, CONTROLLER, 1),
    0x6B005: ('Emergency_Stop', 1, 100, CONTROLLER, 1),
    0x6B100: ('EV_Information_Battery', 3, None, CONTROLLER, 2),
    0x6B101: ('EV_Information_Voltages', 4, None, CONTROLLER, 2),
    0x6B102: ('EV_Information_Charge_Limits', 8, None, CONTROLLER, 4),
    0x6B103: ('EV_Information_Discharge_Limits', 8, None, CONTROLLER, 4),
    0x6B200: ('ADM_CO_CUI1_Inputs', 8, 1000, CONTROLLER, 11),
    0x6B201: ('ADM_CS_SECC_Inputs', 8, 1000, CONTROLLER, 8),
    0x6B300: ('OCPP_Control', 2, None, CONTROLLER, 1),  # sender: A15
    0x63000: ('Power_Modules_Status', 8, 100, CHARGER, 6),
    0x63001: ('DC_Power_Parameters', 8, None, CHARGER, 4),
    0x63002: ('Sequence_Control', 3, None, CHARGER, 6),
    0x63201: ('ADM_CS_SECC_Outputs', 8, 1000, CHARGER, 5),
}
"""The message table of the interface, v3.2."""


def name_of(value):
    """Test id of a class."""
    return getattr(value, '__name__', None)


def facts(path):
    """Everything that a database says, as plain values by message."""
    return {
        message.name: {
            'id': message.frame_id,
            'length': message.length,
            'extended': message.is_extended_frame,
            'senders': message.senders,
            'cycle time': message.cycle_time,
            'comment': one_line(message.comment),
            'signals': {
                signal.name: {
                    'start': signal.start,
                    'length': signal.length,
                    'byte order': signal.byte_order,
                    'signed': signal.is_signed,
                    'scale': signal.scale,
                    'offset': signal.offset,
                    'unit': signal.unit or '',
                    'labels': {int(k): str(v) for k, v in (signal.choices or {}).items()},
                    'minimum': signal.minimum,
                    'maximum': signal.maximum,
                    'comment': one_line(signal.comment),
                }
                for signal in message.signals
            },
        }
        for message in cantools.database.load_file(path, strict=True).messages
    }


def one_line(comment):
    """Return a comment without line breaks and indentation."""
    return ' '.join(comment.split())


@pytest.fixture
def project(tmp_path):
    """Return a copy of what the generator reads and writes."""
    for folder in ('dbc', 'msg'):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    (tmp_path / 'gi3_ros/core/interface').mkdir(parents=True)
    for path in (files.PACKING, files.SIGNALS):
        shutil.copy(ROOT / path, tmp_path / path)
    return tmp_path


# ---- the database


@pytest.mark.parametrize('path', [KCD, DBC], ids=['kcd', 'dbc'])
def test_the_database_has_the_message_table_of_v3_2(path):
    database = cantools.database.load_file(path, strict=True)
    assert {
        m.frame_id: (m.name, m.length, m.cycle_time, *m.senders, len(m.signals))
        for m in database.messages
    } == FRAMES
    assert sum(len(message.signals) for message in database.messages) == 67
    assert {node.name for node in database.nodes} == {CONTROLLER, CHARGER}
    assert database.version == '3.2'
    assert database.buses[0].baudrate == 500_000


def test_the_dbc_says_what_the_kcd_says():
    assert facts(DBC) == facts(KCD)


def test_the_dbc_is_ascii_and_says_how_it_was_made():
    text = DBC.read_bytes().decode('ascii')
    assert f'CM_ "{files.NOTICE}";' in text
    # Whatever reads DBC takes its own line ends, but version control shall see one kind.
    assert '\r' not in text


@pytest.mark.parametrize('ours', [KCD, DBC], ids=['kcd', 'dbc'])
def test_the_database_agrees_with_the_vendors(ours):
    tool = SHARED / 'tools/check_database.py'
    if not tool.exists():
        pytest.skip("the vendor's database is not part of this project, nor beside it here")
    result = subprocess.run(
        [sys.executable, str(tool), str(ours), str(SHARED / 'reference/evse_v3.2.kcd')],
        capture_output=True, text=True)
    assert result.stdout.splitlines() == ['17 messages, 67 signals, 0 differences']
    assert result.returncode == 0


# ---- the generator


def test_the_generated_files_are_those_of_the_database(capsys):
    status = command.main(['--check', '--root', str(ROOT)])
    assert (status, capsys.readouterr().out) == (0, '20 files agree with dbc/gi3_v3.2.kcd\n')


@pytest.mark.parametrize('path', [
    'dbc/gi3_v3.2.dbc', 'gi3_ros/core/interface/packing.py', 'gi3_ros/core/interface/signals.py',
    'msg/DcPowerControl.msg'])
def test_a_changed_file_is_named_with_the_command_to_run(project, capsys, path):
    with open(project / path, 'a', encoding='utf-8') as file:
        file.write('\n')
    assert command.main(['--check', '--root', str(project)]) == 1
    assert capsys.readouterr().out.splitlines() == [
        f'{path} is not what dbc/gi3_v3.2.kcd gives',
        'Do not edit these files; run: python -m gi3_ros.generate',
    ]
    assert command.main(['--root', str(project)]) == 0
    assert capsys.readouterr().out == f'wrote {path}\n'
    assert (project / path).read_bytes() == (ROOT / path).read_bytes()


def test_a_missing_file_is_named(project, capsys):
    (project / 'msg/OcppControl.msg').unlink()
    assert command.main(['--check', '--root', str(project)]) == 1
    assert capsys.readouterr().out.startswith('msg/OcppControl.msg is not what')


def test_line_ends_count(project):
    path = project / 'msg/OcppControl.msg'
    path.write_bytes(path.read_bytes().replace(b'\n', b'\r\n'))
    assert command.main(['--check', '--root', str(project)]) == 1


def test_a_changed_database_is_noticed(project, capsys):
    source = project / files.SOURCE
    text = source.read_text(encoding='utf-8')
    source.write_text(text.replace('"Rushed_Stop"', '"Hurried_Stop"'), encoding='utf-8')
    assert command.main(['--check', '--root', str(project)]) == 1
    named = [line.partition(' ')[0] for line in capsys.readouterr().out.splitlines()[:-1]]
    assert named == [files.DBC, files.SIGNALS, 'msg/ChargeSessionFinished.msg']


def test_a_message_file_without_a_message_goes_and_a_hand_written_one_stays(project, capsys):
    left_over = project / 'msg/OldFrame.msg'
    left_over.write_text(f'# Old_Frame\n# {files.NOTICE}\nuint8 old\n', encoding='utf-8')
    by_hand = project / 'msg/ByHand.msg'
    by_hand.write_text('uint8 kept\n', encoding='utf-8')
    assert command.main(['--check', '--root', str(project)]) == 1
    assert 'msg/OldFrame.msg has no message in dbc/gi3_v3.2.kcd' in capsys.readouterr().out
    assert command.main(['--root', str(project)]) == 0
    assert not left_over.exists()
    assert by_hand.exists()


def test_the_output_does_not_depend_on_the_run(project):
    # Set order changes with the hash seed; an identical second run in this process proves little.
    program = (
        'import pathlib, sys\nfrom gi3_ros.generate import command\n'
        f'sys.exit(command.main(["--check", "--root", {str(project)!r}]))')
    for seed in ('1', '2'):
        result = subprocess.run(
            [sys.executable, '-c', program], cwd=project.parent, capture_output=True, text=True,
            env={'PYTHONHASHSEED': seed, 'PYTHONPATH': ':'.join(filter(None, sys.path))})
        assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize(('old', 'new', 'complaint'), [
    ('<Signal name="Target_Voltage" offset="0"', '<Signal name="Target_Voltage" endianess="big" '
     'offset="0"', 'DC_Power_Control.Target_Voltage is not little-endian'),
    ('<Value slope="0.1" unit="V"/>', '<Value slope="0.1" unit="Volts"/>',
     "DC_Power_Control.Target_Voltage has the unit 'Volts'; known are V, A, kW"),
    ('<Value type="signed" slope="0.1" unit="A"/>', '<Value type="double" unit="A"/>',
     'DC_Power_Control.Current_Range_Max is a floating-point number'),
    ('id="0x6B300" length="2" name="OCPP_Control" format="extended"',
     'id="0x300" length="2" name="OCPP_Control" format="standard"',
     'OCPP_Control is not an extended frame'),
    ('id="0x6B300"', 'id="0x106B300"', 'OCPP_Control is not of module type 0x06 with index 0'),
    ('id="0x6B300"', 'id="0x6A300"', 'OCPP_Control is not of interface version 3'),
    ('id="0x6B300"', 'id="0x63300"',
     'OCPP_Control has a bit 15 that makes Generic_Power_Modules its producer'),
    ('name="OCPP_Control"', 'name="DC_Power_control"', 'share a name: DcPowerControl'),
    ('name="User_Stop_Button"', 'name="User__Stop"', 'User__Stop is a bad name'),
    ('name="User_Stop_Button"', 'name="Class"', 'Sequence_Control.Class is a bad name'),
    ('name="SWITCH1"', 'name="Switch0"', 'share a name: switch0'),
    ('<Label name="PEV" value="3"/>', '<Label name="PEV" value="256"/>',
     'Emergency_Stop.Origin has a label for a number that its bits cannot hold'),
    ('<Label name="PEV" value="3"/>', '<Label name="evse" value="3"/>', 'share a name: EVSE'),
    ('<Label name="PEV" value="3"/>', '<Label name="3" value="3"/>',
     "Emergency_Stop.Origin has a label without a spelling: '3'"),
    ('Side that raised it.', 'Side that "raised" it.',
     'Emergency_Stop.Origin has a note with a double quote'),
    ('Side that raised it. 0 and 2 have no meaning.', '', 'Emergency_Stop.Origin has no note'),
    ('name="Dynamic_Target_Current" offset="0" length="16"',
     'name="Dynamic_Target_Current" offset="0" length="12"',
     'OCPP_Control.Dynamic_Target_Current has a sign and does not fill its bytes'),
    ('name="User_Stop_Button" offset="16" length="1"',
     'name="User_Stop_Button" offset="15" length="2"',
     'Sequence_Control.User_Stop_Button lies across the bytes that are read as one number'),
    ('intercept="-40"', 'intercept="-40.5"', 'has an offset that is not an integer'),
    ('<Bus ', '<Bus', 'cannot be read: '),
    ('name="Origin" offset="0"', 'name="Origin" offset="1"', 'cannot be read: '),
])
def test_what_the_generated_code_has_no_place_for_is_refused(
        project, capsys, old, new, complaint):
    source = project / files.SOURCE
    text = source.read_text(encoding='utf-8')
    assert old in text
    source.write_text(text.replace(old, new, 1), encoding='utf-8')
    before = (project / files.SIGNALS).read_bytes()
    assert command.main(['--root', str(project)]) == 2
    error = capsys.readouterr().err
    assert error.startswith('dbc/gi3_v3.2.kcd: ')
    assert complaint in error
    assert (project / files.SIGNALS).read_bytes() == before


def test_multiplexed_messages_are_refused(project, capsys):
    source = project / files.SOURCE
    text = source.read_text(encoding='utf-8')
    mux = (
        '<Producer><NodeRef id="0"/></Producer>'
        '<Multiplex name="Page" offset="8" length="8"><MuxGroup count="1">'
        '<Signal name="Word" offset="0" length="8"/></MuxGroup></Multiplex>'
    )
    head, tail = text.split('name="OCPP_Control"')
    body = re.sub('<Producer>.*</Producer>', mux, tail, count=1)
    body = re.sub('<Signal name="Dynamic.*?</Signal>', '', body, count=1, flags=re.DOTALL)
    source.write_text(f'{head}name="OCPP_Control"{body}', encoding='utf-8')
    assert command.main(['--root', str(project)]) == 2
    assert 'OCPP_Control is multiplexed' in capsys.readouterr().err


def test_a_directory_without_the_database_is_refused(tmp_path, capsys):
    assert command.main(['--root', str(tmp_path)]) == 2
    assert 'cannot be read: ' in capsys.readouterr().err


# ---- the ROS messages


def parse_msg(text):
    """Return ({field: type}, {constant: (type, value)}, lines above each field) of a .msg."""
    fields, constants, comments, above = {}, {}, {}, []
    for line in text.splitlines():
        if line.startswith('#'):
            above.append(line)
            continue
        code = line.partition('#')[0].strip()
        if not code:
            above = []
        elif '=' in code:
            kind, name, value = re.fullmatch(r'(\S+) (\S+)=(\S+)', code).groups()
            constants[name] = (kind, value)
        else:
            kind, name, *_ = code.split()
            fields[name] = kind
            comments[name] = ' '.join(line.lstrip('# ') for line in above)
    return fields, constants, comments


@pytest.mark.parametrize('message_class', CLASSES, ids=name_of)
def test_a_ros_message_has_the_fields_of_its_class(message_class):
    text = (ROOT / f'msg/{message_class.__name__}.msg').read_text(encoding='ascii')
    fields, constants, comments = parse_msg(text)
    expected = {'header': 'std_msgs/Header'}
    labels = {}
    for signal in message_class.SIGNALS:
        expected[signal.field] = (
            'uint8' if signal.enum else 'bool' if signal.is_flag else 'float64')
        for member in signal.enum or ():
            labels[f'{signal.field.upper()}_{member.name}'] = ('uint8', str(member.value))
    assert fields == expected
    assert list(fields) == list(expected)
    if constants.pop('TEMPERATURE_NOT_PROVIDED', None):
        assert any(signal.unit == 'degC' for signal in message_class.SIGNALS)
    assert constants == labels
    for name in constants:
        assert re.fullmatch(r'[A-Z]([A-Z0-9_]?[A-Z0-9]+)*', name)
    for signal in message_class.SIGNALS:
        assert f'Source: {message_class.NAME}.{signal.name}, ' in comments[signal.field]
        assert not signal.unit or f'Unit: {signal.unit}, ' in comments[signal.field]
    assert comments['header'].startswith(
        'Time at which the frame arrived' if message_class.FROM_CONTROLLER
        else 'Time at which the content was true')


@pytest.mark.parametrize('message_class', CLASSES, ids=name_of)
def test_ros_can_read_the_message(message_class):
    parser = pytest.importorskip('rosidl_adapter.parser', reason='needs ROS 2')
    name = message_class.__name__
    parsed = parser.parse_message_file('gi3_ros', str(ROOT / f'msg/{name}.msg'))
    values = {field.name: field.default_value for field in parsed.fields}
    default = message_class()
    for signal in message_class.SIGNALS:
        assert (values[signal.field] or 0) == getattr(default, signal.field)


def test_labels_that_are_no_identifiers_keep_the_vendors_text_beside_them():
    text = (ROOT / 'msg/NewChargeSession.msg').read_text(encoding='ascii')
    for line in (
        'uint8 COMMUNICATION_PROTOCOL_CHADEMO_V0_9=3  # CHAdeMO_v0.9',
        'uint8 COMMUNICATION_PROTOCOL_CHADEMO_V1_0_TO_V1_2=4  # CHAdeMO_v1.0-v1.1-v1.2',
        'uint8 COMMUNICATION_PROTOCOL_CHADEMO_V2_0=5  # CHAdeMO_v2.0',
    ):
        assert line in text.splitlines()


# ---- the Python classes


@pytest.mark.parametrize('message_class', CLASSES, ids=name_of)
def test_a_class_carries_the_facts_of_its_frame(message_class):
    name, length, period_ms, sender, _ = FRAMES[message_class.BASE_ID]
    topic = 'controller_status' if name == 'Advantics_Controller_Status' else name.lower()
    assert name == message_class.NAME
    assert length == message_class.LENGTH
    assert (period_ms and period_ms / 1000) == message_class.PERIOD_S
    assert message_class.FROM_CONTROLLER is (sender == CONTROLLER)
    assert topic == message_class.TOPIC
    vendor_signals = facts(KCD)[name]['signals']
    vendor_signals.pop('Reserved', None)
    assert {s.name: (s.start, s.length, s.is_signed, s.labels) for s in message_class.SIGNALS} == {
        name: (s['start'], s['length'], s['signed'], s['labels'])
        for name, s in vendor_signals.items()
    }
