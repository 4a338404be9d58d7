# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The page of gi3 report as text: what it says, and that it loads and runs nothing foreign."""

import dataclasses
import html
import html.parser
import json
import os
import re
import types

from click.testing import CliRunner
import log_bench
import plotly.offline
import pytest

from gi3_ros.core.interface import codec
from gi3_ros.core.interface.frame import Frame
from gi3_ros.core.interface.signals import (
    AdvanticsControllerStatus,
    ChargeSessionFinished,
    DcPowerParameters,
    EvInformationChargeLimits,
    EvInformationVoltages,
    NewChargeSession,
    PowerModulesStatus,
)
from gi3_ros.core.rules.findings import Finding
from gi3_ros.logs.audit import Audit, Verdict
from gi3_ros.logs.entries import Heard, Sample
from gi3_ros.logs.report.chart import CONFIG
from gi3_ros.logs.report.clock import Clock
from gi3_ros.logs.report.markup import json_text
from gi3_ros.logs.report.page import page
from gi3_ros.logs.story.story import tell
from gi3_ros.logs.story.verdict import verdict
from gi3_ros.logs.times import Zone
from gi3_ros.logs.writing import open_writer
from gi3_ros.tools.main import main

State = AdvanticsControllerStatus.State
BEGIN_NS = 1_772_593_263_250_000_000
HOSTILE = '</script><script>alert(1)</script>"\'><img src=x onerror=alert(2)>'


def heard(time_s, message, index=1, channel='can0'):
    frame = message if isinstance(message, Frame) else codec.encode(message, index=index)
    return Heard(BEGIN_NS + round(time_s * 1e9), frame, channel)


def simulated(name):
    return [heard(time_s, frame) for time_s, frame in log_bench.session(name)]


def page_of(log, judge=None, **fields):
    """Return the page, without plotly.js."""
    fields.setdefault('name', 'night.log')
    text = page(tell(log, judge), **fields)
    return text.replace(plotly.offline.get_plotlyjs(), '')


class Reader(html.parser.HTMLParser):
    """Collects elements, attributes and the words outside of scripts."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.words, self.scripts = [], [], []
        self._inside = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag in ('script', 'style'):
            self._inside.append(tag)

    def handle_endtag(self, tag):
        if self._inside and tag == self._inside[-1]:
            self._inside.pop()

    def handle_data(self, data):
        if not self._inside:
            self.words.append(data)
        elif self._inside[-1] == 'script':
            self.scripts.append(data)

    @property
    def text(self):
        return ' '.join(' '.join(self.words).split())

    def named(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


class Grumbler:
    """Finds one thing in every announcement."""

    first_ns = None

    def __init__(self, text='no good'):
        self._text = text

    def take(self, time_ns, decoded):
        self.first_ns = self.first_ns or time_ns
        if isinstance(getattr(decoded, 'message', None), NewChargeSession):
            return [Verdict(1, Finding((time_ns - self.first_ns) / 1e9, 'R6', self._text, {}))]
        return []

    def conclude(self):
        return []


@pytest.mark.parametrize(('log', 'words'), [
    ([], 'The log is empty: not a single frame.'),
    ([heard(0.0, Frame(0x123, b'', is_extended=False))],
     'Nothing of Generic Interface v3 in this log: 1 frame, none of them of the interface.'),
    ([heard(0.0, AdvanticsControllerStatus(State.WAITING_FOR_PEV))], 'No session; no finding.'),
])
def test_a_log_with_nothing_to_tell_says_so(log, words):
    assert words in Reader(page_of(log)).text


def test_a_page_without_a_chart_has_no_script():
    text = page(tell([]), name='empty.log')
    assert '<script' not in text
    assert len(text) < 20_000


def test_the_page_shows_session_rates_and_findings_as_text():
    text = Reader(page_of(simulated('restart'), Audit(), kind='candump', version='1.2.3')).text
    for words in (
            'Pistol 1', 'Session 1', 'Session 2', 'Rushed_Stop', 'CCS_ISO_15118_2013_v2',
            'System_Enable withdrawn at', 'Battery 75 kWh', 'Advantics_Controller_Status',
            'R1', 'controller', 'candump', '1.2.3', 'estimate for 500 kbit/s'):
        assert words in text, words


def test_each_finding_is_a_row_that_links_to_its_moment():
    reader = Reader(page_of(simulated('restart'), Audit()))
    row, = (each for each in reader.named('tr') if each.get('id', '').startswith('finding-'))
    assert row['id'] == 'finding-1'
    assert row['data-chart'] == 'chart-1'
    assert 19.0 < float(row['data-time']) < 21.0
    assert {'href': '#finding-1'} in reader.named('a')


def test_each_session_has_a_button_that_zooms():
    buttons = Reader(page_of(simulated('restart'), Audit())).named('button')
    sessions = [each for each in buttons if 'data-begin' in each]
    assert len(sessions) == 2
    assert float(sessions[0]['data-begin']) == pytest.approx(4.5, abs=0.1)
    assert all(each['aria-label'] for each in buttons if 'data-factor' in each)


def test_each_pistol_has_its_section():
    begin = NewChargeSession()
    reader = Reader(page_of([heard(0.0, begin, 1), heard(0.1, begin, 9)]))
    assert [each['id'] for each in reader.named('h2')] == ['pistol-1', 'pistol-9', 'file']
    assert {'chart-1', 'chart-9'} <= {each.get('id') for each in reader.named('div')}


def test_what_the_reader_could_not_read_is_told():
    text = Reader(page_of(simulated('CCS'), problems=['line 7 is cut off'])).text
    assert 'line 7 is cut off' in text
    assert 'Nothing in it was left out' not in text


def test_nothing_from_the_log_becomes_markup():
    message = types.SimpleNamespace(phase=1, phase_name=HOSTILE, fault=HOSTILE)
    log = [
        heard(0.0, NewChargeSession(), channel=HOSTILE),
        heard(0.1, PowerModulesStatus(), channel='can1'),
        Sample(BEGIN_NS, 'pistol1', 'power_status', message, 1),
        Sample(BEGIN_NS, HOSTILE, 'power_status', message, None),
    ]
    text = page_of(log, Grumbler(HOSTILE), name=HOSTILE, kind=HOSTILE, problems=[HOSTILE],
                   version=HOSTILE, note=HOSTILE)
    reader = Reader(text)
    assert len(reader.named('script')) == 3
    assert not reader.named('img')
    assert not any(name.startswith('on') for _, each in reader.elements for name in each)
    assert reader.text.count('alert(1)') >= 6
    assert '<script>alert' not in text


def test_hostile_words_are_words_in_the_chart_too():
    message = types.SimpleNamespace(phase=1, phase_name=HOSTILE, fault=HOSTILE)
    reader = Reader(page_of([heard(0.0, NewChargeSession()),
                             Sample(BEGIN_NS, 'pistol1', 'power_status', message, 1)]))
    data, = (json.loads(each) for each in reader.scripts if each.startswith('{'))
    words = json.dumps(data)
    assert '<img' not in words
    assert '&lt;img' in words


def test_json_cannot_end_its_element():
    text = json_text({'a': '</script><!-- & \u2028'})
    assert '<' not in text
    assert json.loads(text) == {'a': '</script><!-- & \u2028'}


def test_the_page_loads_nothing_and_forbids_it():
    text = page_of(simulated('CCS'), Audit())
    reader = Reader(text)
    for name, attributes in reader.elements:
        assert 'src' not in attributes, name
        assert attributes.get('href', '#').startswith('#'), name
        assert name not in ('link', 'iframe', 'object', 'embed', 'base', 'form')
    policy, = (each['content'] for each in reader.named('meta') if 'http-equiv' in each)
    assert "default-src 'none'" in policy
    assert not re.search(r'https?:', policy)
    assert not re.search(r'url\(|@import', text)
    assert not re.search(r'https?://', text)


def test_the_page_can_be_read_aloud():
    reader = Reader(page_of(simulated('CCS'), Audit()))
    assert reader.named('html') == [{'lang': 'en'}]
    assert len(reader.named('h1')) == 1
    assert len(reader.named('caption')) == len(reader.named('table')) > 0
    assert all('scope' in each for each in reader.named('th'))
    # What scrolls can be reached by key; what can be reached has a name, and is in no picture.
    for each in reader.named('div'):
        if each.get('class') in ('table', 'chart'):
            assert each['tabindex'] == '0'
            assert each['aria-label']
            assert each['role'] in ('region', 'group')


def test_times_have_their_zone(monkeypatch):
    monkeypatch.setenv('TZ', 'Europe/Madrid')
    import time
    time.tzset()
    try:
        clock = Clock(BEGIN_NS, True, 10.0)
        assert clock.text(0.5) == '04:01:03.750'
        assert clock.span(0.0, 10.0) == '2026-03-04 04:01:03 to 04:01:13 CET (UTC+01:00)'
        assert clock.pieces == [(0.0, BEGIN_NS // 1_000_000 + 3_600_000, '')]
        assert clock.axis == 'local time, CET (UTC+01:00)'
        assert Clock(BEGIN_NS, True, 86400.0).text(0.5) == '2026-03-04 04:01:03.750'
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize('first_ns', [0, 1 << 68])
def test_times_without_a_date_are_seconds(first_ns):
    clock = Clock(first_ns, first_ns != 0)
    assert not clock.has_dates
    assert clock.text(1.5) == '1.500 s'
    assert clock.pieces == []
    assert 'no dates' in clock.span(0.0, 1.0)


AUTUMN_NS = 1_792_890_000_000_000_000
"""2026-10-25 01:00:00 UTC: clocks go back in Europe at this moment."""


def test_the_zone_that_was_asked_for_is_on_the_page():
    text = Reader(page_of(simulated('CCS'), zone=Zone('Asia/Kathmandu'))).text
    assert 'NPT' in text or '+0545' in text
    assert '(UTC+05:45)' in text
    assert '2026-03-04 08:46:03' in text
    clock = Clock(BEGIN_NS, True, 10.0, zone=Zone('UTC'))
    assert clock.text(0.5) == '03:01:03.750'
    assert clock.axis == 'UTC, UTC (UTC+00:00)'


def test_in_a_night_when_clocks_are_changed_each_time_has_its_offset():
    clock = Clock(AUTUMN_NS - 1800 * 10**9, True, 3600.0, zone=Zone('Europe/Madrid'))
    assert clock.text(0.0) == '02:30:00.000+02:00'
    assert clock.text(3600.0) == '02:30:00.000+01:00'
    assert clock.span(0.0, 3600.0) == (
        '2026-10-25 02:30:00 CEST (UTC+02:00) to 2026-10-25 02:30:00 CET (UTC+01:00)')
    # The axis goes on; words of the cursor are those of the tables.
    origin_ms = (AUTUMN_NS - 1800 * 10**9) / 1e6 + 7200e3
    assert clock.pieces == [
        (0.0, origin_ms, '+02:00'), (1800.0, origin_ms - 3600e3, '+01:00')]
    assert 'also after the clocks were changed' in clock.axis


def test_after_the_clock_of_the_log_was_set_back_times_are_those_of_the_log():
    clock = Clock(BEGIN_NS, True, 30.0, zone=Zone('UTC'), steps=[(10.0, 3529.0), (20.0, 60.0)])
    assert clock.text(9.0) == '2026-03-04 03:01:12.250'
    assert clock.text(10.0) == '2026-03-04 02:02:24.250'
    assert clock.text(21.0) == '2026-03-04 02:01:35.250'
    assert [each[0] for each in clock.pieces] == [0.0, 10.0, 20.0]
    assert clock.pieces[1][1] == clock.pieces[0][1] - 3529e3


def test_buttons_are_named_one_by_one_and_none_of_them_leaves_the_page():
    buttons = {each for group in CONFIG['modeBarButtons'] for each in group}
    assert buttons == {
        'toImage', 'zoom2d', 'pan2d', 'zoomIn2d', 'zoomOut2d', 'resetScale2d'}
    assert CONFIG['plotlyServerURL'] == ''
    assert CONFIG['showSendToCloud'] is CONFIG['showLink'] is CONFIG['displaylogo'] is False
    data, = (json.loads(each) for each in Reader(page_of(simulated('CCS'))).scripts
             if each.startswith('{'))
    assert data['config'] == CONFIG


def test_zero_in_the_parameters_is_no_limit_of_zero():
    def parameters(time_s, *limits):
        return heard(time_s, DcPowerParameters(*limits))
    begin, end = NewChargeSession(), ChargeSessionFinished()
    own = page_of([heard(0.0, begin), parameters(0.1, 0, 0, 0), heard(9.0, end)])
    assert "No limits told by the charger: the controller's own hold" in html.unescape(own)
    assert 'Maximum_Voltage of the charger' not in own
    some = page_of([heard(0.0, begin), parameters(0.1, 920, 40, 0), heard(9.0, end)])
    assert ("Limits told by the charger: voltage 920 V, charging 40 A, discharging the "
            "controller's own") in html.unescape(some)
    assert 'Maximum_Charge_Current of the charger' in some
    assert 'Maximum_Discharge_Current of the charger' not in some


def test_what_the_vehicle_did_not_tell_is_no_zero():
    text = Reader(page_of([
        heard(0.0, NewChargeSession()), heard(0.1, EvInformationVoltages(0, 410)),
        heard(0.1, EvInformationChargeLimits(0, 0, 0, 90000)), heard(9.0, ChargeSessionFinished()),
    ])).text
    assert 'Vehicle up to 410 V' in text
    assert 'charges with up to 90 kW' in text


def test_an_observation_is_told_apart_from_a_breach():
    class Observer(Grumbler):
        def take(self, time_ns, decoded):
            return [Verdict(1, dataclasses.replace(each.finding, rule='R11', is_observation=True))
                    for each in super().take(time_ns, decoded)]

    log = simulated('CCS')
    text = page_of(log, Observer())
    reader = Reader(text)
    words, mood, _ = verdict(tell(log, Observer()))
    assert 'no finding; ' in words
    assert 'observation' in words
    assert mood == 'good'
    assert 'customer, observation' in reader.text
    assert {'class': 'who observation'} in reader.named('span')
    assert '"observation, customer"' in text


def test_an_hour_takes_less_than_two_megabytes():
    """Every value differs from the one before."""
    def entries():
        yield heard(0.0, NewChargeSession())
        for each in range(18_000):
            yield heard(each * 0.2, PowerModulesStatus(
                300 + each * 7919 % 2000 / 10, each * 6007 % 2000 / 10, 30 + each % 9,
                25 + each % 5, 1, 2000 * (each * 31 % 255)))
    assert 200_000 < len(page_of(entries())) < 2_000_000


# The command

@pytest.fixture
def log(tmp_path):
    path = tmp_path / 'night.log'
    with open_writer(path) as writer:
        for entry in simulated('restart'):
            writer.write(entry)
    return path


def test_the_command_writes_the_page_beside_the_log(log):
    result = CliRunner().invoke(main, ['report', str(log)])
    assert result.exit_code == 0, result.output
    assert f'{log.with_suffix(".html")}: 2 sessions' in result.output
    assert 'Rushed_Stop' in log.with_suffix('.html').read_text(encoding='utf-8')
    assert sorted(path.name for path in log.parent.iterdir()) == ['night.html', 'night.log']


def test_the_command_replaces_a_page_but_not_the_log(log, tmp_path):
    target = tmp_path / 'page.html'
    target.write_text('old')
    assert CliRunner().invoke(main, ['report', str(log), '-o', str(target)]).exit_code == 0
    assert target.read_text(encoding='utf-8').startswith('<!DOCTYPE html>')
    before = log.read_bytes()
    assert CliRunner().invoke(main, ['report', str(log), '-o', str(log)]).exit_code == 2
    assert log.read_bytes() == before


def test_the_page_of_a_folder_is_beside_it_with_its_whole_name(log, tmp_path, monkeypatch):
    for name in ('night_03.00', 'night_03.10'):
        with open_writer(tmp_path / 'bag') as writer:
            writer.write(heard(0.0, NewChargeSession()))
        (tmp_path / 'bag').rename(tmp_path / name)
        assert CliRunner().invoke(main, ['report', str(tmp_path / name)]).exit_code == 0
        assert (tmp_path / f'{name}.html').exists()
        (tmp_path / f'{name}.html').unlink()
    monkeypatch.chdir(tmp_path / 'night_03.00')
    assert CliRunner().invoke(main, ['report', '.']).exit_code == 0
    assert (tmp_path / 'night_03.00.html').exists()


def test_the_page_goes_where_a_link_leads_and_never_in_the_place_of_a_device(log, tmp_path):
    (tmp_path / 'link.html').symlink_to('page.html')
    target = tmp_path / 'link.html'
    assert CliRunner().invoke(main, ['report', str(log), '-o', str(target)]).exit_code == 0
    assert target.is_symlink()
    assert (tmp_path / 'page.html').exists()
    os.mkfifo(tmp_path / 'pipe')
    result = CliRunner().invoke(main, ['report', str(log), '-o', str(tmp_path / 'pipe')])
    assert result.exit_code == 2
    assert 'is a pipe' in result.output
    assert (tmp_path / 'pipe').is_fifo()


def test_the_command_tells_times_in_the_zone_that_was_asked_for(log):
    path = log.with_suffix('.html')
    for options, words in ((['--utc'], '(UTC+00:00)'), (['--tz', 'Asia/Tokyo'], 'JST (UTC+09:00)'),
                           (['--tz', '-03:30'], '(UTC-03:30)')):
        assert CliRunner().invoke(main, ['report', str(log), *options]).exit_code == 0
        assert words in path.read_text(encoding='utf-8')
    for options, words in ((['--tz', 'Mars/Olympus'], 'no time zone'),
                           (['--tz', 'UTC', '--utc'], 'contradict')):
        result = CliRunner().invoke(main, ['report', str(log), *options])
        assert result.exit_code == 2
        assert words in result.output


@pytest.mark.parametrize(('detail', 'words'), [
    ('03:10', 'two times'), ('noon/13:00', 'is no time'), ('20/10', 'the end is not after'),
])
def test_the_command_says_what_is_wrong_with_a_time_of_detail(log, detail, words):
    result = CliRunner().invoke(main, ['report', str(log), '--utc', '--detail', detail])
    assert result.exit_code == 2
    assert words in result.output


def test_the_command_says_what_it_cannot_read_or_write(log, tmp_path):
    result = CliRunner().invoke(main, ['report', str(tmp_path / 'none.log')])
    assert result.exit_code == 2
    assert 'no such file' in result.output
    result = CliRunner().invoke(main, ['report', str(log), '-o', str(tmp_path / 'no/p.html')])
    assert result.exit_code == 2
    assert 'cannot be written' in result.output
    assert CliRunner().invoke(
        main, ['report', str(log), '--tolerance', 'nonsense=3']).exit_code == 2


def test_what_is_on_the_page_is_a_document_for_programs(log, tmp_path):
    page = tmp_path / 'a.html'
    result = CliRunner().invoke(main, ['report', str(log), '-o', str(page), '--json', '--utc'])
    document = json.loads(result.stdout)
    assert document['schema'] == 'gi3/report/1'
    assert document['output'] == str(page) and page.is_file()
    assert document['verdict'] in ('good', 'bad', 'partial', 'empty')
    assert document['words'] in html.unescape(page.read_text('utf-8'))
    assert document['begin'].endswith('+00:00')
    sessions = [each for pistol in document['pistols'] for each in pistol['sessions']]
    assert sessions and all(each['duration_s'] >= 0 for each in sessions)
    refused = CliRunner().invoke(main, ['report', str(log), '-o', '-', '--json'])
    assert refused.exit_code == 2
