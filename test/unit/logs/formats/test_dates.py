# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Dates as the heads of text logs have them: of many languages, code pages and orders."""

import datetime

import pytest
from text_log_bench import local_ns, SECOND_NS, text_log

from gi3_ros.logs.formats.dates import date_ns
from gi3_ros.logs.reading import open_log

AFTERNOON = (2025, 3, 26, 15, 10)
DATES = [
    ('Wed Mar 26 03:10:00.000 pm 2025', AFTERNOON),
    ('Mit Mär 26 15:10:00.000 2025', AFTERNOON),
    ('Mi. März 26 15:10:00.000 2025', AFTERNOON),
    ('mer. mars 26 15:10:00.000 2025', AFTERNOON),
    ('mié. mar. 26 15:10:00.000 2025', AFTERNOON),
    ('mié mar 26 03:10:00.000 p. m. 2025', AFTERNOON),
    ('mer mar 26 15:10:00.000 2025', AFTERNOON),
    ('qua mar 26 15:10:00.000 2025', AFTERNOON),
    ('wo mrt 26 15:10:00.000 2025', AFTERNOON),
    ('ons mars 26 15:10:00.000 2025', AFTERNOON),
    ('śr. mar 26 15:10:00.000 2025', AFTERNOON),
    ('st bře 26 15:10:00.000 2025', AFTERNOON),
    ('st III 26 15:10:00.000 2025', AFTERNOON),
    ('周三 三月 26 03:10:00.000 下午 2025', AFTERNOON),
    ('星期三 3月 26 15:10:00.000 2025', AFTERNOON),
    ('水 3 26 15:10:00.000 2025', AFTERNOON),
    ('水 3月 26 03:10:00.000 午後 2025', AFTERNOON),
    ('2025年3月26日 午後 03:10:00', AFTERNOON),
    ('2025/3/26 下午 03:10:00', AFTERNOON),
    ('2025-03-26 15:10:00.000', AFTERNOON),
    ('2025-03-26T15:10:00', AFTERNOON),
    ('26.03.2025 15:10:00.000', AFTERNOON),
    ('26.03.2025 15.10.00', AFTERNOON),
    ('26/03/2025 15:10:00', AFTERNOON),
    ('26/03/2025 03:10:00 p.m.', AFTERNOON),
    ('3/26/2025 3:10:00 PM', AFTERNOON),
    ('26-03-2025 15:10:00', AFTERNOON),
    ('miércoles, 26 de marzo de 2025 15:10:00', AFTERNOON),
    ('mar. mars 4 08:00:00 2025', (2025, 3, 4, 8)),
    ('mar mar 4 08:00:00 2025', (2025, 3, 4, 8)),
    ('Sat Mar 1 12:00:00 am 2025', (2025, 3, 1)),
    ('Sat Mar 1 12:00:00 pm 2025', (2025, 3, 1, 12)),
    ('04.03.2025 08:00:00', (2025, 3, 4, 8)),
    ('03.03.2025 08:00:00', (2025, 3, 3, 8)),
    ('Mon Feb 29 00:00:00 2016', (2016, 2, 29)),
    ('mer. déc. 24 15:10:00.000 2025', (2025, 12, 24, 15, 10)),
    ('lun. juin 2 15:10:00 2025', (2025, 6, 2, 15, 10)),
    ('mar. juil. 1 15:10:00 2025', (2025, 7, 1, 15, 10)),
    ('ven. août 1 15:10:00 2025', (2025, 8, 1, 15, 10)),
    ('sáb ago 2 15:10:00 2025', (2025, 8, 2, 15, 10)),
    ('vie. ene. 3 15:10:00 2025', (2025, 1, 3, 15, 10)),
    ('gio mag 1 15:10:00 2025', (2025, 5, 1, 15, 10)),
    ('gio giu 5 15:10:00 2025', (2025, 6, 5, 15, 10)),
    ('mar lug 1 15.10.00 2025', (2025, 7, 1, 15, 10)),
    ('qua out 1 15:10:00 2025', (2025, 10, 1, 15, 10)),
    ('qui mai 1 15:10:00 2025', (2025, 5, 1, 15, 10)),
    ('do mei 1 15:10:00 2025', (2025, 5, 1, 15, 10)),
    ('tors maj 1 15:10:00 2025', (2025, 5, 1, 15, 10)),
    ('śr. paź 1 15:10:00 2025', (2025, 10, 1, 15, 10)),
    ('sob. lis 1 15:10:00 2025', (2025, 11, 1, 15, 10)),
    ('pon wrz 1 15:10:00 2025', (2025, 9, 1, 15, 10)),
    ('po čvn 2 15:10:00 2025', (2025, 6, 2, 15, 10)),
    ('út čvc 1 15:10:00 2025', (2025, 7, 1, 15, 10)),
    ('ne června 1 15:10:00 2025', (2025, 6, 1, 15, 10)),
    ('út července 1 15:10:00 2025', (2025, 7, 1, 15, 10)),
    ('st říj 1 15:10:00 2025', (2025, 10, 1, 15, 10)),
    ('po XII 1 15:10:00 2025', (2025, 12, 1, 15, 10)),
    ('周四 十二月 25 15:10:00 2025', (2025, 12, 25, 15, 10)),
    ('ke maalis 26 15.10.00 2025', AFTERNOON),
    ('ke marras 26 15:10:00.000 2025', (2025, 11, 26, 15, 10)),
    ('keskiviikko 26. marraskuuta 2025 15:10:00', (2025, 11, 26, 15, 10)),
    ('ti heinä 1 15:10:00 2025', (2025, 7, 1, 15, 10)),
]


@pytest.mark.parametrize(('text', 'when'), DATES)
def test_dates_of_many_languages_and_orders(text, when):
    assert date_ns(text) == local_ns(*when)
    assert date_ns(f'  {text}  ') == local_ns(*when)


@pytest.mark.parametrize('text', [
    'sri lis 22 15:10:00 2025', 'sub lip 21 15:10:00 2025', 'čet srp 3 15:10:00 2025',
    'pon lis 20 15:10:00 2025', 'srijeda, 22. listopada 2025 15:10:00'])
def test_the_month_of_a_language_that_means_another_one_in_a_known_one_is_no_date(text):
    # October, June and July in Croatian; November, July and August in Polish or Czech.
    assert date_ns(text) is None


def test_dates_with_their_offset_from_utc():
    noon_ns = round(datetime.datetime(
        2025, 3, 26, 12, tzinfo=datetime.timezone.utc).timestamp()) * SECOND_NS
    for text in ('2025-03-26T12:00:00Z', '2025-03-26 13:00:00+01:00', '2025-03-26T07:00:00-0500'):
        assert date_ns(text) == noon_ns
    assert date_ns('2025-03-26T12:00:00.123456789Z') == noon_ns + 123456789


STRANGE = [
    'Çar Mar 26 15:10:00 2025 Mittag', 'Wed Foo 26 15:10:00 2025', '03/04/2025 15:10:00',
    '03-04-2025 03:10:00 pm', 'Wed Mar 32 15:10:00 2025', 'Wed Mar 26 25:10:00 2025',
    'Wed Mar 26 2025', '15:10:00', 'yesterday', 'Mar 26 15:10:00', '2025-13-26 15:10:00',
    '2025-03-26 \N{GREEK SMALL LETTER MU}\N{GREEK SMALL LETTER MU} 03:10:00']


@pytest.mark.parametrize('text', STRANGE)
def test_a_date_that_is_not_understood_is_said_once_and_no_frame_is_lost(tmp_path, text):
    assert date_ns(text) is None
    path = text_log(tmp_path, '.asc', (
        f'date {text}\nbase hex  timestamps absolute\nBegin TriggerBlock {text}\n'
        '  0.1 1  106B000x  Rx  d 1 07\nEnd TriggerBlock\n'
        f'Begin TriggerBlock {text}\n  0.2 1  106B000x  Rx  d 1 07\n'))
    log = open_log(path)
    assert [each.time_ns for each in log] == [SECOND_NS // 10, SECOND_NS // 5]
    assert len(log.problems) == 1 and 'is not understood' in log.problems[0]
    assert not log.has_dates and not log.is_damaged
    assert log.problems[0].isascii()


@pytest.mark.parametrize(('encoding', 'dates'), [
    ('cp1252', ['Mit Mär 26 15:10:00 2025', 'mié. mar. 26 15:10:00 2025',
                'mer. mars 26 15:10:00 2025']),
    ('cp1250', ['st bře 26 15:10:00 2025', 'śr. mar 26 15:10:00 2025']),
    ('gb18030', ['周三 三月 26 03:10:00 下午 2025', '2025/3/26 下午 03:10:00',
                 '星期三 3月 26 15:10:00 2025']),
    ('cp932', ['水 3月 26 03:10:00 午後 2025', '水 3 26 15:10:00 2025',
               '2025/03/26 午後 03:10:00']),
    ('utf-16', ['Mit Mär 26 15:10:00 2025', '水 3月 26 15:10:00 2025', 'st bře 26 15:10:00 2025']),
    ('utf-8', ['Mit Mär 26 15:10:00 2025', '周三 三月 26 03:10:00 下午 2025']),
    ('utf-8-sig', ['st bře 26 15:10:00 2025']),
])
def test_dates_in_code_pages(tmp_path, encoding, dates):
    for date in dates:
        path = text_log(tmp_path, '.asc', (
            f'date {date}\nbase hex  timestamps absolute\ninternal events logged\n'
            f'Begin TriggerBlock {date}\n  0.1 1  106B000x  Rx  d 1 07\n'), encoding)
        log = open_log(path)
        assert [each.time_ns for each in log] == [local_ns(*AFTERNOON) + SECOND_NS // 10], date
        assert log.problems == []
