# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The controller's own configuration: which pistol, which entries, which words of complaint."""

from amount import many
from hypothesis import example, given, settings
from hypothesis import strategies as st
import pytest

from gi3_ros.core.controller_config import read

TYPE = 'charger_type = Advantics_Generic_DC_v3\n'
DEFAULTS = {
    'index': 1, 'use_sequence_flags': True, 'is_bidirectional': False, 'evse_id': '',
    'max_charger_voltage': 500.0, 'max_charger_discharge_current': 0.0,
}
AC = '[pistol:CCS AC]\nindex = 2\ncharger_type = Advantics_Generic_AC_v2\n'
CHADEMO = f'[pistol:CHAdeMO]\nindex = 3\n{TYPE}'

ONE_WAY = """\
[pistols]
enabled =
    CCS DC
#    CCS AC

[pistol:CCS DC]
index = 4                       # unidirectional
charger_type = Advantics_Generic_DC_v3
use_sequence_flags = false
temperatures =
    io:pt1k_ch1_a = cable
    charger:enclosure_temperature = monitor
"""
TWO_WAY = """\
# a two-way pistol
[hardware]
dig_in1 = Monitor

[pistol:CCS DC]
index = 1
charger_type = Advantics_Generic_DC_v3
use_sequence_flags = yes
is_bidirectional = True
supports_range_mode = on
max_charger_discharge_current = 62.5
enable_iso_part2 = 1
enable_iso_part20 = true
"""
V2G = """\
[pistol:CHAdeMO]
charger_type = Advantics_Generic_DC_v3
is_bidirectional = true
chademo_precharge = TRUE
"""


def ccs(*lines, kind=TYPE):
    """Return a configuration with one pistol that has these entries."""
    return '[pistol:CCS DC]\n' + kind + ''.join(f'{line}\n' for line in lines)


def refusal(text, **how):
    """Return the words with which a text is refused."""
    with pytest.raises(ValueError) as caught:
        read(text, **how)
    return str(caught.value)


def take_refusal(text, defaults=DEFAULTS):
    section = read(text)
    with pytest.raises(ValueError) as caught:
        section.take(defaults)
    return str(caught.value)


@pytest.mark.parametrize('text, name, values', [
    (ONE_WAY, 'CCS DC', {'index': 4, 'use_sequence_flags': False}),
    (TWO_WAY, 'CCS DC', {
        'index': 1, 'use_sequence_flags': True, 'is_bidirectional': True,
        'max_charger_discharge_current': 62.5,
    }),
    (V2G, 'CHAdeMO', {'is_bidirectional': True}),
], ids=['one way', 'two-way', 'V2G'])
@pytest.mark.parametrize('form', [
    str, lambda text: '\ufeff' + text, lambda text: text.replace('\n', '\r\n'),
], ids=['plain', 'byte order mark', 'CRLF'])
def test_minimal_configurations_are_read_without_complaint(text, name, values, form):
    """Those of interface.md 5.1 for one way, two ways and CHAdeMO with V2G."""
    section = read(form(text))
    taken = section.take(DEFAULTS)
    assert (section.name, section.warnings) == (name, ())
    assert taken == values
    assert {name: type(value) for name, value in taken.items()} == {
        name: type(DEFAULTS[name]) for name in values}


def test_take_leaves_out_what_the_section_lacks_and_what_was_not_asked_for():
    section = read(ccs('index = 7', 'Evse_ID = 33A51A0001'))
    assert section.take({'evse_id': '', 'is_bidirectional': False}) == {'evse_id': '33A51A0001'}
    assert section.take({}) == {}


def test_entries_are_the_texts_as_written_with_lower_case_names():
    section = read(ccs('Max_Charger_Voltage=  5e2  # V', 'evse_id = a#b %(c)s'))
    assert section.entries == {
        'charger_type': 'Advantics_Generic_DC_v3', 'max_charger_voltage': '5e2',
        'evse_id': 'a#b %(c)s',
    }
    with pytest.raises(TypeError):
        section.entries['max_charger_voltage'] = '900'


@pytest.mark.parametrize('pistol', [
    'CHAdeMO', 'pistol:CHAdeMO', 'chademo', ' Pistol: CHADEMO ',
])
def test_a_pistol_is_chosen_by_name(pistol):
    assert read(TWO_WAY + CHADEMO, pistol=pistol).take(DEFAULTS) == {'index': 3}


@pytest.mark.parametrize('header', ['[PISTOL:ccs dc]', '[ pistol: CCS DC ]'])
def test_the_file_may_spell_the_section_differently(header):
    section = read(f'{header}\n{TYPE}index = 5\n', pistol='CCS DC')
    assert section.name.upper() == 'CCS DC'
    assert section.take(DEFAULTS) == {'index': 5}


@pytest.mark.parametrize('enabled, name', [
    ('', 'CCS DC'),
    ('[pistols]\nenabled =\n#   CHAdeMO\n', 'CCS DC'),
    ('[pistols]\nenabled = CCS DC\n', 'CCS DC'),
    ('[pistols]\nenabled =\n  ccs dc\n  CCS AC\n', 'CCS DC'),
])
def test_the_only_dc_pistol_needs_no_name(enabled, name):
    section = read(enabled + ccs() + AC)
    assert (section.name, section.warnings) == (name, ())


def test_the_only_enabled_pistol_needs_no_name_among_several_sections():
    section = read('[pistols]\nenabled = CHAdeMO\n' + TWO_WAY + CHADEMO)
    assert (section.name, section.warnings) == ('CHAdeMO', ())


@pytest.mark.parametrize('text, words', [
    (TWO_WAY + CHADEMO, ['several', '[pistol:CCS DC]', '[pistol:CHAdeMO]']),
    ('[pistols]\nenabled =\n  CCS DC\n  CHAdeMO\n' + TWO_WAY + CHADEMO, ['several', 'chademo']),
    (AC, ['no DC pistol', '[pistol:CCS AC]']),
    ('[pistols]\nenabled = CCS AC\n' + TWO_WAY + AC, ['no DC pistol', '[pistol:CCS DC]']),
    ('[hardware]\ndig_in1 = Monitor\n', ['no DC pistol', 'no pistol section']),
    ('', ['no DC pistol', 'no pistol section']),
])
def test_which_pistol_is_meant_is_not_guessed(text, words):
    complaint = refusal(text)
    assert all(word in complaint for word in [*words, 'controller_pistol'])


def test_a_pistol_that_is_not_there_is_refused_with_those_that_are():
    complaint = refusal(TWO_WAY + CHADEMO, pistol='MCS')
    assert all(word in complaint for word in ('mcs', '[pistol:CCS DC]', '[pistol:CHAdeMO]'))
    assert 'chademo' in refusal('[pistols]\nenabled = CHAdeMO\n' + TWO_WAY)


def test_two_sections_of_one_pistol_are_refused():
    assert 'written differently' in refusal(ccs() + f'[pistol:ccs dc]\n{TYPE}')


def test_ac_speaks_another_interface():
    assert 'R53' in refusal(ccs() + AC, pistol='CCS AC')
    assert 'R53' in refusal('[pistol:CCS AC]\n', pistol='CCS AC')


def test_a_pistol_that_is_not_enabled_is_read_with_a_warning():
    text = '[pistols]\nenabled = CCS DC\n' + TWO_WAY + CHADEMO
    section = read(text, pistol='CHAdeMO')
    assert section.name == 'CHAdeMO'
    [warning] = section.warnings
    assert 'CHAdeMO' in warning and 'enabled' in warning
    assert read(text, pistol='CCS DC').warnings == ()


OLD_NAMES = [
    ('min_voltage', 'min_charger_voltage'), ('max_voltage', 'max_charger_voltage'),
    ('min_current', 'min_charger_current'), ('max_current', 'max_charger_current'),
    ('min_power', 'min_charger_power'), ('max_power', 'max_charger_power'),
    ('enable_iso_ed1', 'enable_iso_part2'),
]


@pytest.mark.parametrize('old, new', OLD_NAMES)
def test_an_old_name_stands_for_the_new_one_with_a_warning(old, new):
    """A20."""
    section = read(ccs(f'{old} = 1'))
    assert section.take({new: 7.5, old: 7.5}) == {new: 1.0}
    [warning] = section.warnings
    assert all(word in warning for word in (f'[pistol:CCS DC] {old} ', new, 'A20'))


@pytest.mark.parametrize('old, new', OLD_NAMES)
def test_old_and_new_name_must_agree(old, new):
    """A20."""
    section = read(ccs(f'{new} = 1', f'{old} = 1'))
    assert section.take({new: 7.5, old: 7.5}) == {new: 1.0}
    assert len(section.warnings) == 1
    for lines in ((f'{old} = 1', f'{new} = 0'), (f'{new} = 0', f'{old} = 1')):
        complaint = refusal(ccs(*lines))
        assert all(word in complaint for word in (f'{old} = ', f'{new} = ', 'A20'))


def test_a_bad_value_is_reported_where_it_stands():
    assert take_refusal(ccs('max_voltage = 5oo')) == (
        "[pistol:CCS DC] max_voltage = '5oo': a number is expected")
    assert take_refusal(ccs() + '[charger]\nuse_sequence_flags = maybe\n') == (
        "[charger] use_sequence_flags = 'maybe': true or false is expected")
    assert take_refusal(ccs('max_voltage = 5oo', 'max_charger_voltage = 5oo')) == (
        "[pistol:CCS DC] max_charger_voltage = '5oo': a number is expected")


def test_sequence_flags_may_stand_in_the_charger_section():
    """A8."""
    section = read('[charger]\nuse_sequence_flags = false\nmax_charger_voltage = 9\n' + ccs())
    assert section.take(DEFAULTS) == {'use_sequence_flags': False}
    [warning] = section.warnings
    assert '[charger]' in warning and 'A8' in warning


def test_sequence_flags_of_both_sections_must_agree():
    """A8."""
    there = ccs('use_sequence_flags = True') + '[charger]\nuse_sequence_flags = '
    assert read(there + 'true\n').take(DEFAULTS) == {'use_sequence_flags': True}
    complaint = refusal(there + 'false\n')
    assert all(word in complaint for word in ('[charger]', '[pistol:CCS DC]', 'A8'))
    assert read(ccs('use_sequence_flags = True') + '[charger]\nx = 1\n').warnings == ()


@pytest.mark.parametrize('text', [
    'Advantics_Generic_DC_v3', 'Advantics_Generic DC_v3', 'ADVANTICS GENERIC DC V3',
])
def test_the_charger_type_of_this_interface_is_accepted(text):
    assert read(ccs(kind=f'charger_type = {text}\n')).warnings == ()


@pytest.mark.parametrize('text', [
    'Advantics_Generic_DC_v2', 'Advantics_Generic DC_v2', 'Advantics_Generic_AC_v2',
    'Advantics_Generic_DC_v31', 'Advantics_ADS_PC_BPUD', '',
])
def test_another_charger_type_is_refused_with_what_to_set(text):
    complaint = refusal(ccs(kind=f'charger_type = {text}\n'))
    assert repr(text) in complaint
    assert 'set charger_type = Advantics_Generic_DC_v3' in complaint


def test_no_charger_type_is_a_warning_with_what_to_set():
    [warning] = read(ccs('index = 1', kind='')).warnings
    assert 'v2' in warning and 'set charger_type = Advantics_Generic_DC_v3' in warning


@pytest.mark.parametrize('text, line, words', [
    ('index = 1\n' + ccs(), 1, 'before the first'),
    (ccs('index = 1', 'max_charger_voltage'), 4, 'name = value'),
    (ccs('index = 1', 'Index = 1'), 4, '[pistol:CCS DC] index is there twice'),
    (ccs() + '\n' + ccs(), 4, '[pistol:CCS DC] is there twice'),
    ('[ocpp\nenabled = false\n', 1, 'before the first'),
    ('\ufeff\r\n[pistol:CCS DC]\r\n= 5\r\n', 3, 'name = value'),
])
def test_a_broken_text_is_refused_with_its_line(text, line, words):
    complaint = refusal(text)
    assert complaint.startswith(f'line {line}') and words in complaint


@pytest.mark.parametrize('entry, words', [
    ('index = 1.5', "index = '1.5': a whole number is expected"),
    ('index = 1' + '0' * 400, 'a whole number is expected'),
    ('max_charger_voltage = 5oo', "max_charger_voltage = '5oo': a number is expected"),
    ('max_charger_voltage =', "max_charger_voltage = '': a number is expected"),
    ('max_charger_voltage = 500 V', "'500 V': a number is expected"),
    ('max_charger_voltage = inf', "'inf': a number is expected"),
    ('max_charger_voltage = NaN', "'NaN': a number is expected"),
    ('max_charger_voltage = 1e999', "'1e999': a number is expected"),
    ('is_bidirectional = 2', "is_bidirectional = '2': true or false is expected"),
    ('is_bidirectional =', "is_bidirectional = '': true or false is expected"),
])
def test_a_value_of_another_type_is_refused(entry, words):
    complaint = take_refusal(ccs(entry))
    assert complaint.startswith(f'[pistol:CCS DC] {entry.split()[0]} = ')
    assert complaint.endswith(words)


@pytest.mark.parametrize('first', ['max_charger_voltage = 400', 'is_bidirectional = true'])
@pytest.mark.parametrize('second', [' index = 7', '\tindex = 7', ' seven'])
def test_an_entry_with_leading_blanks_spoils_the_value_before(first, second):
    complaint = take_refusal(ccs(first, second))
    assert 'several lines: leading blanks?' in complaint
    assert 'several lines' not in take_refusal(ccs('index = x', 'evse_id = a', ' b'))


@pytest.mark.parametrize('second', [' max_charger_voltage = 900', ' [pistol:CHAdeMO]'])
def test_an_entry_or_section_swallowed_by_a_text_is_a_warning(second):
    section = read(ccs('evse_id = a', second))
    assert section.take(DEFAULTS) == {'evse_id': 'a\n' + second.strip()}
    [warning] = section.warnings
    assert 'evse_id' in warning and repr(second.strip()) in warning


def test_a_value_may_begin_on_the_next_line():
    section = read(
        ccs('max_charger_voltage =', '    900') + '[charger]\nuse_sequence_flags =\n  off\n')
    assert section.entries['max_charger_voltage'] == '900'
    assert section.take(DEFAULTS) == {'max_charger_voltage': 900.0, 'use_sequence_flags': False}


def test_a_text_of_one_line_may_look_like_an_entry():
    section = read(ccs('evse_id = a = [b]'))
    assert (section.take(DEFAULTS), section.warnings) == ({'evse_id': 'a = [b]'}, ())


lines = st.lists(st.sampled_from([
    '[pistols]', 'enabled = CCS DC', 'enabled =', '  CCS DC', '  CHAdeMO', '[pistol:CCS DC]',
    '[pistol:CCS AC]', '[pistol:chademo]', '[pistol:]', '[charger]', '[DEFAULT]', '[]', '[',
    TYPE, 'charger_type = x', 'max_voltage = 1', 'max_charger_voltage = 2', 'index = 1_0',
    'use_sequence_flags = 1', ' index = nan', '= 5', '=', ':', 'index', '# a', '; b', '\r', '\x85',
    '%(a)s = ${b}', '\ufeff', '\x00', '\ud800',
])).map(lambda rows: '\n'.join(['[pistol:CCS DC]', *rows]))


@settings(max_examples=many(500))
@given(st.text() | lines, st.sampled_from(['', 'CCS DC', 'chademo', 'pistol:']) | st.text())
@example('[pistol:CCS DC]\nindex\n index = 1\n', '')
@example('[DEFAULT]\nmin_voltage = 1\n[pistol:CCS DC]\nmin_charger_voltage = 2\n', '')
def test_no_text_raises_anything_but_a_value_error(text, pistol):
    try:
        section = read(text, pistol=pistol)
        section.take(DEFAULTS)
    except ValueError as error:
        assert str(error)
        assert '<string>' not in str(error), 'these are the words of configparser'
    else:
        assert f'{section.name}]' in text


@given(
    st.floats(allow_nan=False, allow_infinity=False), st.integers(-10**300, 10**300),
    st.booleans(), st.sampled_from([str, lambda text: text.upper(), lambda text: text.lower()]),
)
def test_numbers_and_booleans_come_back(number, whole, flag, case):
    section = read(ccs(
        f'max_charger_voltage = {case(repr(number))}', f'index = {whole}',
        f'is_bidirectional = {case(str(flag))}',
    ))
    assert section.take(DEFAULTS) == {
        'max_charger_voltage': number, 'index': whole, 'is_bidirectional': flag}


@pytest.mark.parametrize('text, flag', [
    ('true', True), ('yes', True), ('on', True), ('1', True), ('YES', True), ('On', True),
    ('false', False), ('no', False), ('off', False), ('0', False), ('NO', False), ('Off', False),
])
def test_booleans_have_all_their_words(text, flag):
    assert read(ccs(f'is_bidirectional = {text}')).take(DEFAULTS) == {'is_bidirectional': flag}
