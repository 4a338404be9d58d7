# Copyright 2026 gi3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Dates as the heads of text logs have them: of many languages, code pages and orders."""

import datetime
import re
from typing import NamedTuple
import unicodedata

_MONTHS = {
    # English, German, French, Spanish, Italian, Portuguese, Dutch, Swedish, Danish, Norwegian
    1: 'jan gen ene', 2: 'feb fev', 3: 'mar mrz mrt maa', 4: 'apr avr abr',
    5: 'may mai mag mei maj', 6: 'jun juin giu', 7: 'jul juil lug', 8: 'aug aou ago', 9: 'sep set',
    10: 'oct okt ott out', 11: 'nov', 12: 'dec dez dic des',
}
_SLAVIC_MONTHS = {
    # Polish, Czech with its two ways to shorten June and July, and with Roman numbers
    1: 'sty led i', 2: 'lut uno ii', 3: 'bre iii', 4: 'kwi dub iv', 5: 'kve v',
    6: 'cze cvn cerv vi', 7: 'lip cvc cervenec cervence vii', 8: 'sie srp viii',
    9: 'wrz zar ix', 10: 'paz rij x', 11: 'lis xi', 12: 'gru pro xii',
}
_FINNISH_MONTHS = {
    # The third one is maalis, and Dutch has that.
    1: 'tam', 2: 'hel', 4: 'huh', 5: 'tou', 6: 'kes', 7: 'hei', 8: 'elo', 9: 'syy', 10: 'lok',
    11: 'marras', 12: 'jou',
}
_HAN = ('一', '二', '三', '四', '五', '六', '七', '八', '九', '十', '十一', '十二')
_MONTH = {
    **{word: month for table in (_MONTHS, _SLAVIC_MONTHS, _FINNISH_MONTHS)
       for month, words in table.items() for word in words.split()},
    **{f'{word}月': month for month, word in enumerate(_HAN, 1)},
}
_LONGEST_MONTH = max(map(len, _MONTH))
_AFTERNOON = {'am': False, '上午': False, '午前': False, '오전': False, 'dop': False,
              'pm': True, '下午': True, '午後': True, '오후': True, 'odp': True}
_PARTICLES = frozenset(('de', 'del', 'den', 'di', 'le', 'kl', 'um', 'uhr', 'at', 'o', 'godz'))
_WEEKDAY = re.compile(
    r'[a-z]+|(?:周|週|星期)?[一二三四五六日天月火水木金土](?:曜日?)?|[월화수목금토일](?:요일)?')
_CROATIAN_DAYS = frozenset((
    'uto', 'sri', 'cet', 'pet', 'sub', 'ned',
    'ponedjeljak', 'utorak', 'srijeda', 'cetvrtak', 'petak', 'subota', 'nedjelja'))
"""Where these stand, lip, srp and lis are other months than in Polish and Czech."""
_CODE_PAGES = ('gb18030', 'cp932', 'cp950', 'cp949', 'cp1252', 'cp1250')
"""
Of Windows, for the languages above; the first one in which a date is understood is taken.

The Asian ones first: in the others every byte is a letter, and an afternoon may pass for a day.
"""

_CLOCK = re.compile(
    r'(?<![\d.])(\d{1,2})(?::|\.|[时時시]\s*)(\d\d)(?::|\.|[分분]\s*)(\d\d)'
    r'(?:[.,:](\d{1,9}))?(?:[秒초])?(?![\d])(?!\.\d)(\s*Z\b|\s*[+-]\d\d:?\d\d\b)?')
_AM_PM = re.compile(r'(?<![^\W\d])([ap])\.?\s?m(?:\.|\b)', re.IGNORECASE)
_NUMERIC = re.compile(r'(\d{1,4})\s*([-/.年년])\s*(\d{1,2})\s*[-/.月월]\s*(\d{1,4})\s*[日일.]?')
_MONTH_NUMBER = re.compile(r'(\d{1,2})\s*[月월]')
_WORD = re.compile(r'\d+|[^\W\d_]+')
_YEARS = range(1970, 2200)
_IN_HEADS = re.compile(
    r'^[^\S\n]*(?:date|begin[^\S\n]+triggerblock)[^\S\n]+(\S.*)$',
    re.IGNORECASE | re.MULTILINE)
"""Where Vector's text format has its dates."""


class _Day(NamedTuple):
    """A date."""

    year: int
    month: int
    day: int


def date_ns(text: str) -> int | None:
    """
    Return the nanoseconds since the epoch of a date with its time of day.

    Without an offset (``+01:00``, ``Z``) it is local time. ``None`` for what is not understood, a
    word too many or an order that can be read in two ways (``03/04/2025``) included: a wrong date
    is worse than none.
    """
    try:
        return _date_ns(unicodedata.normalize('NFKC', text))
    except (ValueError, OverflowError, OSError):
        return None


def _date_ns(text: str) -> int | None:
    text = re.sub(r'(?<=\d)T(?=\d)', ' ', text)
    text = _AM_PM.sub(lambda match: f' {match[1].lower()}m ', text)
    # A date with points looks like a clock with points: the one with colons is the clock.
    clock = _CLOCK.search(text) if ':' not in text else next(
        (each for each in _CLOCK.finditer(text) if ':' in each[0]), None)
    if clock is None:
        return None
    rest = f'{text[:clock.start()]} \0 {text[clock.end():]}'
    numeric = _NUMERIC.search(rest)
    if numeric:
        day = _numeric_day(*numeric.group(1, 2, 3, 4))
        words = _words(f'{rest[:numeric.start()]} {rest[numeric.end():]}')
    else:
        words = _words(_MONTH_NUMBER.sub(lambda match: f' {_HAN[int(match[1]) - 1]}月 ', rest))
        day = _named_day(words)
    halves = [_AFTERNOON[word] for word in words if word in _AFTERNOON]
    # What is left may be the day of the week, and that stands in front.
    others = [number for number, word in enumerate(words)
              if not word.isdigit() and word not in _AFTERNOON]
    if day is None or len(halves) > 1 or others not in ([], [0]):
        return None
    if others and not (_WEEKDAY.fullmatch(words[0]) and _may_be(words[0], day)):
        return None
    return _moment_ns(day, clock, halves)


def _may_be(weekday: str, day: _Day) -> bool:
    if weekday == 'pon':
        # Polish and Croatian: if it is no Monday, the month is the other one's.
        return datetime.date(*day).weekday() == 0
    return weekday not in _CROATIAN_DAYS


def _moment_ns(day: _Day, clock: re.Match[str], halves: list[bool]) -> int:
    hours, minute, second, fraction, zone = clock.groups()
    hour = int(hours) % 12 + 12 * halves[0] if halves else int(hours)
    when = datetime.datetime(*day, hour, int(minute), int(second))
    if zone:
        zone = zone.strip().replace('Z', '+00:00')
        when = datetime.datetime.fromisoformat(f'{when.isoformat()}{zone}')
    return int(when.timestamp()) * 10**9 + int((fraction or '0').ljust(9, '0'))


def _words(text: str) -> list[str]:
    """Return words without accents and numbers, in their order."""
    plain = ''.join(each for each in unicodedata.normalize('NFD', text.casefold())
                    if not unicodedata.combining(each))
    words = _WORD.findall(unicodedata.normalize('NFC', plain))
    return [word for word in words if word not in _PARTICLES]


def _month(word: str) -> int | None:
    """Return the number of a month for its name, short or whole."""
    if word[-1] == '月' or len(word) < 3:
        return _MONTH.get(word)
    sizes = range(min(len(word), _LONGEST_MONTH), 2, -1)
    return next((_MONTH[word[:size]] for size in sizes if word[:size] in _MONTH), None)


def _named_day(words: list[str]) -> _Day | None:
    """Take a date out of the words: month by its name, or behind the day of the week."""
    names = [number for number, word in enumerate(words)
             if not word.isdigit() and word not in _AFTERNOON and _month(word)]
    numbers = [int(word) for word in words if word.isdigit()]
    years = [number for number in numbers if number in _YEARS]
    others = [number for number in numbers if number not in _YEARS]
    if len(years) != 1 or len(others) != (1 if names else 2):
        return None
    if names:
        # Two may be months, as French mar. is a Tuesday: the day of the week is the first.
        month = _month(words.pop(names[-1]))
        return None if month is None else _Day(years[0], month, others[0])
    # As Vector writes where months have no names: day of the week, month, day.
    return _Day(years[0], *others)


def _numeric_day(first: str, sign: str, second: str, third: str) -> _Day | None:
    return _day_of(int(first), sign, int(second), int(third))


def _day_of(first: int, sign: str, second: int, third: int) -> _Day | None:
    if first in _YEARS:
        return _Day(first, second, third)
    if third not in _YEARS:
        return None
    if sign == '.' or first > 12 or first == second:
        return _Day(third, second, first)
    # Month first or day first: only a day beyond 12 tells.
    return _Day(third, first, second) if second > 12 else None


def code_page(head: bytes) -> str:
    """
    Return the encoding of a text log: that in which the dates in its head are some.

    :param head: its first bytes
    """
    if any('\ufffd' in date for date in _IN_HEADS.findall(head.decode('utf-8', 'replace'))):
        for name in _CODE_PAGES:
            dates = _IN_HEADS.findall(head.decode(name, 'replace'))
            if all(date_ns(date) is not None for date in dates):
                return name
    return 'utf-8-sig'
