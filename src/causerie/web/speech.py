"""The languages that pages are in: catalogues of texts, and how numbers, dates and money are
written.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from functools import cache, lru_cache
from gettext import GNUTranslations, NullTranslations
from importlib import resources
from io import BytesIO
from typing import Any

from babel import Locale
from babel.dates import format_date, format_interval, format_skeleton
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_compact_decimal, format_decimal
from markupsafe import Markup

from causerie.wording import Wording, speaker, tell

ENGLISH = "en"
OFFERED = {"en": "English", "fr": "Français", "es": "Español", "zh": "简体中文"}
"""Every language of the pages, by its code, under its own name."""
LOCALES = {"en": "en_GB", "zh": "zh_Hans_CN"}
TAGS = {"zh": "zh-Hans"}
"""What the language is called in a page, where it is not its code."""
UNKNOWN = "–"
HEADER_CHARS_MAX = 1_000
RANGE = re.compile(
    r"\s*([a-z]{1,8}|\*)(?:-[a-z0-9-]*)?\s*(?:;\s*q\s*=\s*([01](?:\.\d{0,3})?)\s*)?", re.I
)
# French writes the first of a month as an ordinal; the common data has no such rule.
FRENCH_FIRST = re.compile(r"^1 (?=\w)")
WRITTEN_MAX = 8_192
"""So many numbers and days are remembered as they were written: a chart writes hundreds, each of
which takes as long as a row of a table.
"""
# The comma's place is taken from four digits on, in Spanish from five.
UNGROUPED_UNDER: dict[str, int] = {"es": 10_000}


class Speech:
    """One language. Stateless but for its catalogue; safe in threads."""

    def __init__(self, code: str) -> None:
        self.code = code
        self.tag = TAGS.get(code, code)
        self.locale = Locale.parse(LOCALES.get(code, code))
        self.catalogue = catalogue(code)

    @property
    def full_stop(self) -> str:
        """What ends a sentence."""
        return "。" if self.code == "zh" else "."

    # ---- texts -------------------------------------------------------------------------------

    def tell(self, wording: Wording) -> str:
        """A marked text, as plain text."""
        text = self._find(wording.message, wording.many, wording.num, wording.context)
        return text % {name: self.written(value) for name, value in wording.values.items()}

    def _find(self, message: str, many: str, count: int | None, context: str) -> str:
        if count is not None:
            return self.catalogue.ngettext(message, many, count)
        return (
            self.catalogue.pgettext(context, message)
            if context
            else self.catalogue.gettext(message)
        )

    def gettext(self, message: str, /, **values: object) -> Markup:
        """A text of a template, whose markup stays and whose values are escaped."""
        return self._filled(self.catalogue.gettext(message), values)

    def pgettext(self, context: str, message: str, /, **values: object) -> Markup:
        """The same, told apart from others that are alike in English."""
        return self._filled(self.catalogue.pgettext(context, message), values)

    def ngettext(self, one: str, many: str, num: int, /, **values: object) -> Markup:
        """The same, depending on a number, which is `%(num)s` in it."""
        text = self.catalogue.ngettext(one, many, num)
        return self._filled(text, {"num": num, **values})

    def npgettext(self, context: str, one: str, many: str, num: int, /, **values: object) -> Markup:
        """Both."""
        text = self.catalogue.npgettext(context, one, many, num)
        return self._filled(text, {"num": num, **values})

    def _filled(self, text: str, values: Mapping[str, object]) -> Markup:
        return Markup(text) % {name: self.written(value) for name, value in values.items()}

    def written(self, value: Any) -> Any:
        """A value as it stands in a text: numbers and days as this language writes them."""
        if isinstance(value, Wording):
            return tell(value)
        if isinstance(value, int):
            return self.decimal(value, "#,##0")
        if isinstance(value, (float, Decimal)):
            return self.decimal(value, "#,##0.##")
        if isinstance(value, date):
            return self.day(value)
        return value

    # ---- numbers -----------------------------------------------------------------------------

    def decimal(self, value: float | Decimal, pattern: str) -> str:
        """A number by a pattern such as `#,##0.00`."""
        grouped = abs(float(value)) >= UNGROUPED_UNDER.get(self.code, 0)
        # Zero has two signs, which are the same number to whoever remembers.
        return _number(value or 0, pattern, self.locale, grouped)

    def percent(self, share: float) -> str:
        """A share of one, in whole percents."""
        return self.percent_pattern.replace("0", self.decimal(share * 100, "#,##0"))

    @property
    def percent_pattern(self) -> str:
        """How a percentage is written, with `0` for the number."""
        if self.code == ENGLISH:
            return "0\u00a0%"
        pattern: str = self.locale.percent_formats[None].pattern
        return pattern.replace("#,##0", "0")

    def compact(self, count: int) -> str:
        """A large number in short: `12.3k`."""
        if self.code == ENGLISH:
            return _compact_english(count)
        return format_compact_decimal(count, locale=self.locale, fraction_digits=1)

    # ---- days --------------------------------------------------------------------------------

    def day(self, value: date) -> str:
        """`4 March 2024`."""
        return self._first(_date(_day(value), "long", self.locale))

    def day_of_week(self, value: date) -> str:
        """`Monday 4 March 2024`."""
        pattern = "EEEE d MMMM y" if self.code == ENGLISH else "full"
        return self._first(_date(_day(value), pattern, self.locale))

    def short_day(self, value: date, *, year: bool = False) -> str:
        """`4 Mar`, or `4 Mar 2024`."""
        skeleton = "yMMMd" if year else "MMMd"
        return self._first(_skeleton(_day(value), skeleton, self.locale))

    def month(self, value: date) -> str:
        """`March 2024`."""
        return _skeleton(_day(value), "yMMMM", self.locale)

    def short_month(self, value: date) -> str:
        """`Mar 2024`."""
        return _skeleton(_day(value), "yMMM", self.locale)

    def month_alone(self, value: date) -> str:
        """`Mar`."""
        return _date(_day(value), "LLL", self.locale)

    def days(self, first: date, last: date) -> str:
        """`4–10 Mar 2024`."""
        return format_interval(first, last, "yMMMd", locale=self.locale)

    def _first(self, text: str) -> str:
        return FRENCH_FIRST.sub("1ᵉʳ ", text) if self.code == "fr" else text

    # ---- languages ---------------------------------------------------------------------------

    def language(self, code: str, english: Mapping[str, str]) -> str:
        """The name of a language."""
        if self.code == ENGLISH:
            return english.get(code, code)
        return self.locale.languages.get(code) or english.get(code, code)


def _day(value: date) -> date:
    """Without its hour: moments that are the same may be on two days, in two zones."""
    return value.date() if isinstance(value, datetime) else value


@lru_cache(WRITTEN_MAX, typed=True)
def _number(value: float | Decimal, pattern: str, locale: Locale, grouped: bool) -> str:
    return format_decimal(value, pattern, locale, group_separator=grouped)


@lru_cache(WRITTEN_MAX)
def _date(value: date, pattern: str, locale: Locale) -> str:
    return format_date(value, pattern, locale)


@lru_cache(WRITTEN_MAX)
def _skeleton(value: date, skeleton: str, locale: Locale) -> str:
    moment = datetime(value.year, value.month, value.day)
    return format_skeleton(skeleton, moment, locale=locale)


def _compact_english(count: int) -> str:
    for size, letter in ((1_000_000_000, "B"), (1_000_000, "M"), (1_000, "k")):
        if count >= size:
            return f"{count / size:.1f}".removesuffix(".0") + letter
    return f"{count:,}"


@cache
def speech_of(code: str) -> Speech:
    """The language of that code."""
    return Speech(code)


def speech() -> Speech:
    """The language of the page that is being drawn, English elsewhere."""
    now = speaker.get()
    return now if isinstance(now, Speech) else speech_of(ENGLISH)


@contextmanager
def speaking(code: str) -> Iterator[Speech]:
    """Draw a page in a language."""
    now = speech_of(code)
    token = speaker.set(now)
    try:
        yield now
    finally:
        speaker.reset(token)


def catalogue(code: str) -> NullTranslations:
    """The texts of a language, read from the file that translators edit."""
    if code == ENGLISH:
        return NullTranslations()
    file = resources.files("causerie") / "locales" / code / "LC_MESSAGES" / "causerie.po"
    with file.open("rb") as text:
        messages = read_po(text, locale=code)
    compiled = BytesIO()
    write_mo(compiled, messages)
    compiled.seek(0)
    return GNUTranslations(compiled)


def accepted(header: str) -> str:
    """The language that a browser asks for, as far as it is offered; else English."""
    wishes = []
    for place, part in enumerate(header[:HEADER_CHARS_MAX].split(",")):
        found = RANGE.fullmatch(part)
        weight = float(found[2] or 1) if found else 0.0
        if found and 0 < weight <= 1:
            wishes.append((-weight, place, found[1].lower()))
    for _, _, wish in sorted(wishes):
        if wish in OFFERED:
            return wish
    return ENGLISH


def spoken(value: Any) -> Any:
    """Data for a script, with every marked text in it as it is read."""
    if isinstance(value, str):
        return tell(value)
    if isinstance(value, Mapping):
        return {tell(key): spoken(each) for key, each in value.items()}
    return [spoken(each) for each in value] if isinstance(value, list | tuple) else value
