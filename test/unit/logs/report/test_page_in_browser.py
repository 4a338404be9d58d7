# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The page of gi3 report in a real browser: charts are drawn, links zoom, it can be printed."""

import functools
import os
import re
import shutil
import subprocess
import types

from browser_bench import Browser, CHROMIUM
import log_bench
import pytest

from gi3_ros.core.interface import codec
from gi3_ros.core.interface.signals import DcPowerControl, PowerModulesStatus
from gi3_ros.logs.audit import Audit
from gi3_ros.logs.entries import Heard, Sample
from gi3_ros.logs.report.page import page
from gi3_ros.logs.story.series import Series
from gi3_ros.logs.story.story import tell
from gi3_ros.logs.times import Zone

BEGIN_NS = 1_772_593_263_250_000_000
HOSTILE = '</script><script>document.title = "hacked"</script><img src=x onerror=alert(2)>'

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason='there is no Chromium (apt install chromium)'),
    # Starting it takes seconds, on a busy machine half a minute.
    pytest.mark.timeout(240),
]


def write(folder, begin_ns=BEGIN_NS, extra=(), **fields):
    log = [Heard(begin_ns + round(time_s * 1e9), frame, 'can0')
           for time_s, frame in log_bench.session('restart')]
    path = folder / 'page.html'
    path.write_text(page(tell([*log, *extra], Audit()), name='night.log', **fields),
                    encoding='utf-8')
    return path


def browse(folder, path, *options, hash='', zone='UTC'):
    """Open the page, return what the browser says."""
    return subprocess.run(
        [CHROMIUM, '--headless=new', '--no-sandbox', '--disable-gpu', '--no-first-run',
         '--disable-dev-shm-usage', f'--user-data-dir={folder / "profile"}',
         '--virtual-time-budget=15000', '--window-size=1440,900', *options,
         path.as_uri() + hash],
        capture_output=True, text=True, timeout=200, check=True, cwd=folder,
        env={**os.environ, 'TZ': zone}).stdout


def drawn(dom):
    """Return the charts in a dumped page: attributes of the root and the text of all SVG."""
    root = re.search(r'<html[^>]*>', dom).group()
    assert 'data-error' not in root, root
    assert 'data-drawn="1"' in root
    return re.search(r'id="chart-1".*?</section>', dom, re.DOTALL).group()


def tick_seconds(chart):
    """Return the seconds of the minute that the time axis shows."""
    labels = re.findall(r'class="xtick[^>]*><text.*?</text>', chart)
    return [float(found.group(1)) for label in labels
            if (found := re.search(r'\d\d:\d\d:(\d\d(?:\.\d+)?)', label))]


def test_the_chart_is_drawn_and_a_link_to_a_finding_zooms_to_it(tmp_path, monkeypatch):
    monkeypatch.setenv('TZ', 'UTC')
    path = write(tmp_path)
    found, = (float(each) for each in re.findall(r'data-time="([\d.]+)"', path.read_text()))
    chart = drawn(browse(tmp_path, path, '--dump-dom', hash='#finding-1'))
    assert '<svg' in chart
    # Lines and their band, bars of four lanes, the marker of the finding.
    assert len(re.findall(r'<g class="trace scatter', chart)) >= 10
    assert len(re.findall(r'<g class="trace bars', chart)) == 4
    for words in ('Charging', 'Allowed', 'Close', 'Voltage', 'commanded range'):
        assert words in chart, words
    when_s = 3.25 + found
    ticks = tick_seconds(chart)
    assert len(ticks) > 3
    assert all(when_s - 4.1 <= each <= when_s + 4.1 for each in ticks), (ticks, when_s)
    assert re.search(r'<tr id="finding-1"[^>]*class="is-chosen"', chart)


def test_without_a_link_the_whole_log_is_shown(tmp_path, monkeypatch):
    monkeypatch.setenv('TZ', 'UTC')
    ticks = tick_seconds(drawn(browse(tmp_path, write(tmp_path), '--dump-dom')))
    assert max(ticks) - min(ticks) > 20


def test_the_chart_has_the_time_of_the_tables_wherever_it_is_read(tmp_path):
    path = write(tmp_path)
    there, here = (drawn(browse(tmp_path, path, '--dump-dom', zone=zone))
                   for zone in ('Asia/Tokyo', 'UTC'))
    for pattern in (r'class="xtick[^>]*><text.*?</text>', r'<g class="point"><path d="([^"]*)"'):
        seen = re.findall(pattern, there)
        assert len(seen) > 3
        assert seen == re.findall(pattern, here)


def test_hostile_words_and_times_without_dates_are_drawn_as_they_are(tmp_path):
    message = types.SimpleNamespace(phase=1, phase_name=HOSTILE, fault=HOSTILE)
    extra = [Sample(each * 1_000_000_000, 'pistol1', 'power_status', message, 1)
             for each in range(50, 60)]
    path = write(tmp_path, 0, extra, has_dates=False)
    dom = browse(tmp_path, path, '--dump-dom')
    assert 'hacked' in drawn(dom)
    assert '<title>night.log' in dom
    assert '<img src' not in dom
    assert 'seconds since the begin of the log' in dom


def test_it_prints_on_a_few_pages(tmp_path):
    target = tmp_path / 'page.pdf'
    browse(tmp_path, write(tmp_path), f'--print-to-pdf={target}', '--no-pdf-header-footer')
    pages = len(re.findall(rb'/Type\s*/Page\b', target.read_bytes()))
    assert 2 <= pages <= 4
    if shutil.which('pdftotext'):
        words = subprocess.run(
            ['pdftotext', '-layout', target, '-'], capture_output=True, text=True,
            check=True).stdout
        # What is drawn and what is written, but none of what only a screen can do.
        assert 'Voltage' in words
        assert 'Rates and gaps' in words
        assert 'Whole log' not in words


@pytest.mark.skipif(shutil.which('pdftotext') is None, reason='apt install poppler-utils')
@pytest.mark.parametrize('options', [{}, {'landscape': True}, {'paperWidth': 8.5}])
def test_bars_keep_their_words_in_print(tmp_path, browser, options):
    log = [Heard(BEGIN_NS + round(time_s * 1e9), frame, 'can0')
           for time_s, frame in log_bench.session('long')]
    path, target = tmp_path / 'page.html', tmp_path / 'page.pdf'
    path.write_text(page(tell(log), name='night.log'), encoding='utf-8')
    browser.open(path)
    browser.pdf(target, printBackground=True, **options)
    words = subprocess.run(['pdftotext', '-layout', target, '-'], capture_output=True, text=True,
                           check=True).stdout
    # Of the chart: no table has them.
    for label in ('Charging', 'Power Transfer', 'Allowed', 'Close'):
        assert re.search(rf'^.*\b(State|Function|Enable|Contactors).*{label}', words,
                         re.MULTILINE), label
    # And back on the screen it is as before.
    assert drawn_size(browser)[1] > 400


def test_no_table_is_wider_than_paper(tmp_path, browser):
    browser.open(write(tmp_path))
    browser.ask('Emulation.setEmulatedMedia', media='print')
    # A4 without its margins.
    browser.resize(703, 1000)
    browser.wait('document.documentElement.scrollWidth <= 703')


@pytest.fixture
def browser(tmp_path, monkeypatch):
    monkeypatch.setenv('TZ', 'UTC')
    with Browser(tmp_path) as opened:
        yield opened


CHART = 'document.querySelector(".chart")'


def drawn_size(browser):
    """Return width and height of what is drawn, once it fits its chart."""
    browser.wait(f"""(() => {{
        const svg = {CHART}.querySelector(".main-svg").getBoundingClientRect();
        return Math.abs(svg.width - ({CHART}.clientWidth - 8)) < 2; }})()""")
    browser.frame()
    return browser.value(f"""(() => {{
        const svg = {CHART}.querySelector(".main-svg").getBoundingClientRect();
        const lines = {CHART}.querySelectorAll(".scatterlayer .trace").length;
        return [svg.width, svg.height, lines]; }})()""")


def no_mistake(browser):
    return browser.value('document.documentElement.dataset.error || ""') == ''


def test_whatever_is_clicked_the_page_reaches_out_to_nothing(tmp_path, browser):
    path = write(tmp_path)
    browser.ask('Browser.setDownloadBehavior', behavior='allow', downloadPath=str(tmp_path))
    browser.open(path)
    assert browser.requests() == [path.as_uri()]
    titles = browser.value('[...document.querySelectorAll(".modebar-btn")].map('
                           'each => each.dataset.title)')
    assert len(titles) == 6
    assert not any('hare' in title or 'loud' in title for title in titles)
    for selector in ('.modebar-btn', 'button', '.chart a, a[href^="#"]'):
        # Kept: a click may draw a chart anew, and its buttons are gone for a moment.
        count = browser.value(
            f'(window.targets = [...document.querySelectorAll({selector!r})]).length')
        assert count
        for place in range(count):
            browser.value(f'window.targets[{place}].dispatchEvent('
                          'new MouseEvent("click", {bubbles: true, cancelable: true}))')
            browser.frame()
    browser.frame()
    assert browser.requests() == [path.as_uri()]
    assert browser.value('document.querySelectorAll("[class*=cloud], [class*=dialog]").length'
                         ) == 0
    assert browser.pages() == 1
    assert browser.value('location.href').startswith(path.as_uri())
    assert no_mistake(browser)
    # And it would have been seen.
    browser.value('void (new Image().src = "http://127.0.0.1:9/x.png")')
    browser.wait('document.documentElement.dataset.error')
    browser.value('void open("about:blank")')
    assert browser.pages() == 2


def test_the_chart_stays_when_the_window_changes_its_size(tmp_path, browser):
    browser.open(write(tmp_path))
    first = drawn_size(browser)
    assert first[1] > 400
    for width, height in ((1000, 900), (700, 500), (1900, 1000), (1440, 900)):
        browser.resize(width, height)
        size = drawn_size(browser)
        assert size[1:] == first[1:]
        assert size[0] < width
    assert size == first
    assert no_mistake(browser)


@pytest.mark.parametrize('width', [390, 320])
def test_a_phone_shows_all_of_it_upright_and_turned(tmp_path, browser, width):
    browser.resize(width, 844, is_mobile=True)
    browser.open(write(tmp_path))
    upright = drawn_size(browser)
    for size in ((width, 844), (844, width), (width, 844)):
        browser.resize(*size, is_mobile=True)
        now = drawn_size(browser)
        assert now[1] > 400
        assert now[2] == upright[2]
        # Not wider than the screen.
        assert browser.value('document.documentElement.scrollWidth') <= size[0]
        assert browser.value('innerWidth') == size[0]
    assert now == upright
    assert no_mistake(browser)


def test_a_finger_scrolls_the_page_and_a_tap_reads_out(tmp_path, browser):
    browser.resize(390, 844, is_mobile=True)
    browser.open(write(tmp_path))
    browser.value(f'{CHART}.scrollIntoView()')
    browser.frame()
    browser.tap(200, 300)
    browser.wait(f'{CHART}.querySelector(".readout").offsetHeight > 50')
    words = browser.value(f'{CHART}.querySelector(".readout").innerText')
    assert 'Present_Voltage' in words
    box = browser.value('(r => [r.left, r.right, r.bottom])(document.querySelector('
                        '".readout").getBoundingClientRect())')
    assert box[0] >= 0
    assert box[1] <= 390
    assert box[2] <= 844
    before = browser.value('scrollY')
    browser.swipe(200, 400, -250)
    browser.wait(f'scrollY > {before + 100}')
    assert no_mistake(browser)


def test_keys_read_out_sample_by_sample_and_say_it(tmp_path, browser):
    browser.open(write(tmp_path))
    browser.value(f'{CHART}.focus()')
    said = f'{CHART}.querySelector("[role=status]").textContent'
    seen = []
    for key in ('ArrowRight', 'ArrowRight', 'ArrowRight', 'ArrowLeft', 'Home', 'End'):
        browser.key(key)
        browser.frame()
        seen.append(browser.value(said))
    assert all('State' in words and 'Voltage' in words for words in seen[:3])
    assert len(set(seen[:3])) == 3
    assert seen[3] == seen[1]
    times = [words[:23] for words in seen]
    assert times[4] < times[0] < times[1] < times[2] < times[5]
    browser.key('Escape')
    browser.wait(f'{CHART}.querySelector(".readout").style.display === "none"')
    assert no_mistake(browser)


def test_the_cursor_reads_out_samples_of_the_bus_and_nothing_else(
        tmp_path, browser, monkeypatch):
    """As if the log were so long that lines are thinned."""
    monkeypatch.setattr('gi3_ros.logs.story.lines.Series', functools.partial(Series, buckets=8))
    frames = [(time_s, frame) for time_s, frame in log_bench.session('long')]
    log, said = [], set()
    for place, (time_s, frame) in enumerate(frames):
        message = codec.decode(frame).message
        if isinstance(message, PowerModulesStatus) and 30 < time_s < 90:
            message = PowerModulesStatus(
                360 + place * 37 % 400 / 10, place * 53 % 900 / 10, 30, 25, 1, 500e3)
            frame = codec.encode(message, index=1)
        entry = Heard(BEGIN_NS + round(time_s * 1e9), frame, 'can0')
        log.append(entry)
        if isinstance(message, PowerModulesStatus):
            said.add((Zone('UTC').text(entry.time_ns)[11:23], 'Present_Voltage',
                      f'{message.present_voltage:g} V'))
            said.add((Zone('UTC').text(entry.time_ns)[11:23], 'Present_Current',
                      f'{message.present_current:g} A'))
        elif isinstance(message, DcPowerControl):
            said.add((Zone('UTC').text(entry.time_ns)[11:23], 'Target_Voltage',
                      f'{message.target_voltage:g} V'))
    # Without a judge: around findings nothing is left out.
    story = tell(log)
    path = tmp_path / 'long.html'
    path.write_text(page(story, name='long.log', zone=Zone('UTC')), encoding='utf-8')
    browser.open(path)
    browser.value(f'{CHART}.scrollIntoView()')
    left, width = browser.value('(r => [r.left, r.width])(document.querySelector('
                                '".nsewdrag").getBoundingClientRect())')
    read, notes = set(), 0
    for step in range(150):
        browser.mouse('mouseMoved', left + width * (step + 0.37) / 150, 300)
        rows, note = browser.value(f"""[
            [...{CHART}.querySelectorAll(".readout tr")].map(
                row => [...row.cells].slice(1).map(cell => cell.textContent)),
            {CHART}.querySelector(".readout p")?.textContent ?? ""]""")
        notes += 'are not on this page' in note
        read |= {(time.removeprefix('since '), name, value) for name, value, time in rows
                 if name in ('Present_Voltage', 'Present_Current', 'Target_Voltage')}
    assert read <= said, sorted(read - said)[:5]
    assert len(read) > 50
    assert notes > 30
    assert no_mistake(browser)


@pytest.mark.parametrize('mood', ['good', 'bad', 'partial'])
def test_the_colour_of_the_head_is_its_mood(tmp_path, browser, mood):
    frames = log_bench.session('restart' if mood == 'bad' else 'CCS')
    log = [Heard(BEGIN_NS + round(time_s * 1e9), frame, 'can0') for time_s, frame in frames]
    path = tmp_path / 'page.html'
    path.write_text(page(tell(log, Audit()), name='a.log', problems=['line 7 is cut off'] * (
        mood == 'partial')), encoding='utf-8')
    browser.open(path)
    colour, words = browser.value('(head => [getComputedStyle(head).borderLeftColor, '
                                  'head.textContent])(document.querySelector(".verdict"))')
    assert (colour == 'rgb(0, 122, 89)') is (mood == 'good')
    assert words.startswith({'good': 'All clean', 'bad': 'Attention',
                             'partial': 'Not complete'}[mood])
    assert browser.value('document.querySelectorAll("header .missing li").length') == (
        mood == 'partial')
