"""The personal-data filter: finds what identifies a person in a text and puts dummies in its place.

1. `_is_plain` lets go of texts that cannot hold anything, which is most of chat.
2. `_read` folds full-width and other digits, invisible characters and JSON escapes, and remembers
   where each character stood.
3. The finders (`identifiers`, `phones`) run from the most certain kind to the least; what one has
   found, the next does not see.
4. `mask` replaces, and reads again what it has written until nothing is found, so that masking a
   masked text changes nothing.
"""

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import NamedTuple

from causerie import identifiers
from causerie.identifiers import Edges, may_hold_bearer, may_hold_key
from causerie.phones import PhoneNumbers

REPLACEMENTS = {
    "api_key": "sk-00000000000000000000",
    "email": "email@example.com",
    "ip": "0.0.0.0",
    "iban": "GB00 0000 0000 0000 0000 00",
    "card": "1111 1111 1111 1111",
    "national_insurance": "QQ 12 34 56 C",
    "ssn": "000-00-0000",
    "phone": "+1 000-000-0000",
}
IPV6_REPLACEMENT = "2001:db8::"
CREDENTIALS_REPLACEMENT = "***:***"
ALL_KINDS = tuple(REPLACEMENTS)

ROUNDS_MAX = 8

_DUMMIES = (*REPLACEMENTS.values(), IPV6_REPLACEMENT, CREDENTIALS_REPLACEMENT)
_DUMMY = re.compile(
    r"(?<![A-Za-z0-9._%+'@:-])(?:"
    + "|".join(re.escape(dummy) for dummy in _DUMMIES)
    + r")(?![A-Za-z0-9:]|[._-][A-Za-z0-9])"
)
_SIGN = re.compile("[\\d\uff20]")
# Six digits close together, without which there is no card, account, NI, social security or phone
# number; or four small numbers with dots between.
_NUMBERED = re.compile(r"[0-9](?:(?:[^0-9A-Za-z]{0,3}[0-9]){5}|(?:\.[0-9]{1,3}){2}\.[0-9])")

_INVISIBLE = "\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff"
# One character that counts, or none, from several that were written.
_WRITTEN_LONG = re.compile(rf"\\(?<!\\\\)\\*+(?:u([0-9a-fA-F]{{4}})|[\"/bfnrt])|[{_INVISIBLE}]+")
# The zero of each script whose digits people type on a phone.
_ZEROS = "\u0660\u06f0\u07c0\u0966\u09e6\u0a66\u0ae6\u0b66\u0be6\u0c66\u0ce6\u0d66\u0e50\u0ed0"
_FOLDS = {
    **{zero + value: 48 + value for zero in map(ord, _ZEROS) for value in range(10)},
    **{wide: wide - 0xFEE0 for wide in range(0xFF01, 0xFF5F)},
    **dict.fromkeys((*range(0x2010, 0x2016), 0x2212, 0xFE58, 0xFE63), ord("-")),
    **dict.fromkeys((0xA0, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000), ord(" ")),
}
_FOLDED = re.compile(f"[{''.join(re.escape(chr(sign)) for sign in _FOLDS)}]")


class Masked(NamedTuple):
    """A text without personal data, and the kinds that were in it, each once, in their order."""

    text: str
    found: tuple[str, ...]


class Span(NamedTuple):
    """text[start:end] is personal data of this kind."""

    kind: str
    start: int
    end: int


class _Reading(NamedTuple):
    """A text as the finders read it; places[i] is where its i-th character stood, if moved."""

    text: str
    places: list[int] | None


class PersonalDataFilter:
    """Finds and masks the given kinds; regions say whose national phone numbers are known.

    Keeps no state between texts but the numbering plans it has read: one filter serves all threads.
    Raises ValueError for a kind that does not exist.
    """

    def __init__(
        self,
        kinds: Collection[str] = ALL_KINDS,
        regions: Sequence[str] = ("US", "GB", "FR", "ES", "CN", "DE"),
    ) -> None:
        unknown = sorted(set(kinds) - set(ALL_KINDS))
        if unknown:
            raise ValueError(f"no such kind of personal data: {', '.join(unknown)}")
        marked: dict[str, Callable[[str], Iterable[Edges]]] = {
            "api_key": identifiers.api_keys,
            "email": identifiers.emails,
            "ip": identifiers.ip_addresses,
        }
        numbered: dict[str, Callable[[str], Iterable[Edges]]] = {
            "iban": identifiers.ibans,
            "card": identifiers.cards,
            "national_insurance": identifiers.national_insurance_numbers,
            "ssn": identifiers.social_security_numbers,
            "phone": PhoneNumbers(regions).find,
        }
        self._marked = [(kind, finder) for kind, finder in marked.items() if kind in kinds]
        self._numbered = [(kind, finder) for kind, finder in numbered.items() if kind in kinds]

    def mask(self, text: str) -> Masked:
        """The text with a dummy in the place of everything found."""
        kinds: dict[str, None] = {}
        for _ in range(ROUNDS_MAX):
            spans = self.find(text)
            if not spans:
                break
            kinds.update(dict.fromkeys(span.kind for span in spans))
            text = _replaced(text, spans)
        return Masked(text, tuple(kinds))

    def find(self, text: str) -> list[Span]:
        """What there is to mask, in the order of the text; the dummies themselves are not."""
        if _is_plain(text):
            return []
        reading = _read(text)
        spans = self._spans(reading.text)
        places = reading.places
        if places is None:
            return spans
        return [Span(kind, places[start], places[end]) for kind, start, end in spans]

    def _spans(self, text: str) -> list[Span]:
        if any(dummy in text for dummy in _DUMMIES):
            text = _DUMMY.sub(lambda match: "\0" * len(match.group()), text)
        spans: list[Span] = []
        text = _search(text, self._marked, spans)
        if _NUMBERED.search(text):
            _search(text, self._numbered, spans)
        spans.sort(key=lambda span: span.start)
        return spans


def _is_plain(text: str) -> bool:
    """Whether a look at single signs already shows that there is nothing to find.

    Substring searches on purpose: ten of them cost less than the shortest regular expression.
    """
    if "@" in text:
        return False
    if may_hold_key(text):
        return False
    if not text.isascii():
        return _SIGN.search(text) is None
    if not _has_digit(text):
        return True
    return not (_NUMBERED.search(text) or "::" in text or "\\u" in text or may_hold_bearer(text))


def _has_digit(text: str) -> bool:
    return (
        "0" in text
        or "1" in text
        or "2" in text
        or "3" in text
        or "4" in text
        or "5" in text
        or "6" in text
        or "7" in text
        or "8" in text
        or "9" in text
    )


def _read(text: str) -> _Reading:
    """The text in ASCII digits and punctuation, JSON escapes undone, nothing invisible."""
    if not text.isascii():
        if _FOLDED.search(text):
            text = text.translate(_FOLDS)
    elif "\\" not in text:
        return _Reading(text, None)
    pieces: list[str] = []
    places: list[int] = []
    last = 0
    for match in _WRITTEN_LONG.finditer(text):
        pieces.append(text[last : match.start()])
        places.extend(range(last, match.start()))
        sign = _meant(match)
        pieces.append(sign)
        places.extend([match.start()] * len(sign))
        last = match.end()
    if last == 0:
        return _Reading(text, None)
    pieces.append(text[last:])
    places.extend(range(last, len(text) + 1))
    return _Reading("".join(pieces), places)


def _meant(match: re.Match[str]) -> str:
    """The character that an escape stands for; none for invisible ones."""
    written = match.group()
    if written[0] != "\\":
        return ""
    if match.group(1):
        return chr(int(match.group(1), 16)).translate(_FOLDS)
    return "\n" if written[-1] in "bfnrt" else written[-1]


def _search(
    text: str, finders: list[tuple[str, Callable[[str], Iterable[Edges]]]], spans: list[Span]
) -> str:
    """Adds to the spans; returns the text with what was found blanked out."""
    for kind, finder in finders:
        found = [
            Span(kind, start, end)
            for start, end in finder(text)
            if text[start:end] != _dummy(kind, text[start:end])
        ]
        if found:
            spans.extend(found)
            text = _joined(text, found, lambda span: "\0" * (span.end - span.start))
    return text


def _replaced(text: str, spans: Sequence[Span]) -> str:
    return _joined(text, spans, lambda span: _dummy(span.kind, text[span.start : span.end]))


def _joined(text: str, spans: Sequence[Span], substitute: Callable[[Span], str]) -> str:
    pieces: list[str] = []
    last = 0
    for span in spans:
        pieces.append(text[last : span.start])
        pieces.append(substitute(span))
        last = span.end
    pieces.append(text[last:])
    return "".join(pieces)


def _dummy(kind: str, written: str) -> str:
    """What stands for it. A colon tells IPv6 from IPv4, and a URL's user:password from a key."""
    if kind == "ip" and (":" in written or "\uff1a" in written):
        return IPV6_REPLACEMENT
    if kind == "api_key" and ":" in written and not written.startswith("-----"):
        return CREDENTIALS_REPLACEMENT
    return REPLACEMENTS[kind]
