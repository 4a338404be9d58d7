"""The page of gi3 report in a real browser: charts are drawn, links zoom, it can be printed."""

import re
import shutil
import subprocess
import types

import log_bench
import pytest

from gi3_ros.logs.audit import Audit
from gi3_ros.logs.entries import Heard, Sample
from gi3_ros.logs.page import page
from gi3_ros.logs.story import tell

CHROMIUM = next(filter(None, map(shutil.which, (
    'chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'))), None)
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


def browse(folder, path, *options, hash=''):
    """Open the page, return what the browser says."""
    return subprocess.run(
        [CHROMIUM, '--headless=new', '--no-sandbox', '--disable-gpu', '--no-first-run',
         '--disable-dev-shm-usage', f'--user-data-dir={folder / "profile"}',
         '--virtual-time-budget=15000', '--window-size=1440,900', *options,
         path.as_uri() + hash],
        capture_output=True, text=True, timeout=200, check=True, cwd=folder).stdout


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
