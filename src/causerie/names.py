"""What people are called, where they say so themselves or the app that sent the text does.

No list of names and no model: a sentence such as "my name is Ada Lovelace" gives the name away,
and the metadata of a conversation may. Everything else that is a name stays.
"""

import re
from collections.abc import Iterator, Mapping

from causerie.identifiers import Edges
from causerie.masking import word_finder

NAME_KEYS = ("user_name", "username", "name", "full_name")
"""Of the metadata: what the person who talks is called."""
PARTS_MAX = 5

_UPPER = "A-Z\u00c0-\u00d6\u00d8-\u00de\u0410-\u042f\u0401"
_LOWER = "a-z\u00df-\u00f6\u00f8-\u024f\u0430-\u044f\u0451"
_WORD = rf"[{_UPPER}][{_LOWER}{_UPPER}'’]*(?:-[{_UPPER}][{_LOWER}]+)?"
_NAME = (
    rf"{_WORD}(?:\.?[ \t](?:(?:de|da|di|du|la|le|van|von|der|den|el|al|bin) ){{0,2}}{_WORD}){{0,3}}"
)
# Said of oneself, in the languages of the house. "I am" and "this is" say too many other things.
_INTRODUCTION = re.compile(
    r"(?i:\bmy (?:full |first |last |given )?name(?:['’]s| is|:)|\bi(?:['’]m| am) called"
    r"|\bje m['’]appelle|\bmon (?:nom|prénom)(?: complet)? est|\bme llamo"
    r"|\bmi nombre(?: completo)? es"
    r"|\bich hei(?:ß|ss)e|\bmein name ist|\bmi chiamo|\bil mio nome è|\b(?:eu )?me chamo"
    r"|\b(?:o )?meu nome é|\bik heet|\bmijn naam is|\bnazywam się|\bmam na imię|\bменя зовут"
    r"|\bbenim adım)[ \t]{1,3}[\"“«]?"
    rf"({_NAME})"
)
_CHINESE = re.compile(
    r"(?:我(?:的名字|的姓名)?叫做?|我的(?:名字|姓名|全名)是|本人姓名[是:：]?)"
    r"(?![你您他她它我什这那不啥])([\u4e00-\u9fff·]{2,4})(?=[\s，,。.、！!？?;；]|\Z)"
)
_CUES: tuple[str, ...] = (
    "name",
    "nom",
    "prénom",
    "appel",
    "called",
    "llamo",
    "hei",
    "chiamo",
    "chamo",
    "heet",
)
_CUES += ("naam", "nazywam", "imię", "зовут", "adım")


def introductions(text: str) -> Iterator[Edges]:
    """The names with which people introduce themselves."""
    lowered = text.lower()
    if any(cue in lowered for cue in _CUES):
        yield from (match.span(1) for match in _INTRODUCTION.finditer(text))
    elif "我" in text or "本人" in text:
        yield from (match.span(1) for match in _CHINESE.finditer(text))


def people(metadata: Mapping[str, str]) -> re.Pattern[str] | None:
    """Finds the person that a conversation's metadata names: whole, and by each part of the name.

    A part has three letters or more and begins with a capital, so that "de" and "will" stay.
    """
    words: list[str] = []
    for key in NAME_KEYS:
        name = " ".join(metadata.get(key, "").split())
        parts = [part for part in name.split() if len(part) >= 3 and part[0].isupper()]
        if name and any(sign.isalpha() for sign in name) and len(name) > 1:
            words += [name, *parts[:PARTS_MAX]]
    return word_finder(tuple(dict.fromkeys(words)), re.NOFLAG) if words else None
