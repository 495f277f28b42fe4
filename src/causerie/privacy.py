"""The personal-data filter: finds what identifies a person in a text and puts dummies in its place.

1. `_is_plain` lets go of texts that cannot hold anything, which is most of chat.
2. `_read` folds full-width and other digits, invisible characters and JSON escapes, and remembers
   where each character stood.
3. The finders (`identifiers`, `phones`) run from the most certain kind to the least; what one has
   found, the next does not see.
4. `mask` replaces, and reads again what it has written until nothing is found, so that masking a
   masked text changes nothing.
"""

import hashlib
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from causerie import documents, identifiers, names
from causerie.documents import may_hold_birth
from causerie.identifiers import Edges, may_hold_bearer, may_hold_key
from causerie.masking import DEFAULT_MASKING, Masking, OwnPattern, finder
from causerie.phones import REGIONS, PhoneNumbers

REPLACEMENTS = {
    "api_key": "sk-00000000000000000000",
    "email": "email@example.com",
    "ip": "0.0.0.0",
    "iban": "GB00 0000 0000 0000 0000 00",
    "card": "1111 1111 1111 1111",
    "national_insurance": "QQ 12 34 56 C",
    "ssn": "000-00-0000",
    "national_id": "ID-00000000",
    "passport_number": "P-00000000",
    "birth_date": "0000-00-00",
    "phone": "+1 000-000-0000",
}
IPV6_REPLACEMENT = "2001:db8::"
CREDENTIALS_REPLACEMENT = "***:***"
ALL_KINDS = tuple(REPLACEMENTS)
NAME = "name"
"""The kind of what people are called: looked for only where a project wants it."""
NAME_REPLACEMENT = "[name]"
MARK_BYTES = 6
"""Of a mark's digest: of a hundred thousand people, two look alike once in fifty thousand tries."""
MARKS_MAX = 200

ROUNDS_MAX = 8

_DUMMIES = (*REPLACEMENTS.values(), IPV6_REPLACEMENT, CREDENTIALS_REPLACEMENT, NAME_REPLACEMENT)
_SIGN = re.compile("[\\d\uff20]")
# Six digits close together, without which there is no card, account, NI, social security or phone
# number; or four small numbers with dots between; or the middle of an Italian tax code.
_NUMBERED = re.compile(
    r"[0-9](?:(?:[^0-9A-Za-z]{0,3}[0-9]){5}|(?:\.[0-9]{1,3}){2}\.[0-9]"
    r"|[0-9][A-Za-z][0-9]{2}[A-Za-z][0-9]{3})"
)

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

Find = Callable[[str], Iterable[Edges]]


class Masked(NamedTuple):
    """A text without personal data, and the kinds that were in it, each once, in their order."""

    text: str
    found: tuple[str, ...]


class Marked(NamedTuple):
    """A text without personal data, and a mark such as `email:3f9a1c0b7d2e` for each value that
    was in it, in their order: the same value has the same mark wherever the same salt is used.
    """

    text: str
    marks: tuple[str, ...]


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

    `patterns` are a project's own: they come first. `names` adds what people call themselves.
    Keeps no state between texts but the numbering plans it has read: one filter serves all threads.
    Raises ValueError for a kind that does not exist, Invalid for a pattern that is none.
    """

    def __init__(
        self,
        kinds: Collection[str] = ALL_KINDS,
        regions: Sequence[str] = REGIONS,
        *,
        names: bool = False,
        patterns: Sequence[OwnPattern] = (),
    ) -> None:
        unknown = sorted(set(kinds) - set(ALL_KINDS))
        if unknown:
            raise ValueError(f"no such kind of personal data: {', '.join(unknown)}")
        marked: dict[str, Find] = {
            "api_key": identifiers.api_keys,
            "email": identifiers.emails,
            "ip": identifiers.ip_addresses,
            "birth_date": documents.birth_dates,
        }
        numbered: dict[str, Find] = {
            "national_id": documents.national_ids,
            "iban": identifiers.ibans,
            "card": identifiers.cards,
            "national_insurance": identifiers.national_insurance_numbers,
            "ssn": identifiers.social_security_numbers,
            "passport_number": documents.passports,
            "phone": PhoneNumbers(regions).find,
        }
        self.masks_names = names
        """Whether those who call `mark` should say who talks."""
        self._marked = [(kind, find) for kind, find in marked.items() if kind in kinds]
        self._numbered = [(kind, find) for kind, find in numbered.items() if kind in kinds]
        self._own = [(one.name, _finder(finder(one))) for one in patterns]
        self._dummies = {**REPLACEMENTS, NAME: NAME_REPLACEMENT}
        self._dummies |= {one.name: one.dummy for one in patterns}
        self._all_dummies = (*_DUMMIES, *(one.dummy for one in patterns))
        self._dummy = _dummy_finder(self._all_dummies)

    def mask(self, text: str, people: re.Pattern[str] | None = None) -> Masked:
        """The text with a dummy in the place of everything found.

        `people` finds the names of those who talk (`names.people`).
        """
        text, taken = self._take(text, people)
        return Masked(text, tuple(dict.fromkeys(kind for kind, _ in taken)))

    def mark(self, text: str, salt: bytes, people: re.Pattern[str] | None = None) -> Marked:
        """The same, and who or what was masked, so that one person is still counted as one."""
        text, taken = self._take(text, people)
        return Marked(text, tuple(mark_of(*one, salt) for one in taken[:MARKS_MAX]))

    def _take(self, text: str, people: re.Pattern[str] | None) -> tuple[str, list[tuple[str, str]]]:
        """The text without, and what was in it, as kind and writing; read until nothing is."""
        taken: list[tuple[str, str]] = []
        for _ in range(ROUNDS_MAX):
            spans = self.find(text, people)
            if not spans:
                break
            taken += [(span.kind, text[span.start : span.end]) for span in spans]
            text = self._replaced(text, spans)
        return text, taken

    def find(self, text: str, people: re.Pattern[str] | None = None) -> list[Span]:
        """What there is to mask, in the order of the text; the dummies themselves are not."""
        named = self._names(people)
        plain = _is_plain(text)
        if plain and not named:
            return []
        reading = _read(text)
        spans = self._spans(reading.text, named, plain)
        places = reading.places
        if places is None:
            return spans
        return [Span(kind, places[start], places[end]) for kind, start, end in spans]

    def _names(self, people: re.Pattern[str] | None) -> Sequence[tuple[str, Find]]:
        """What is looked for in every text, also where no sign of a number is."""
        if not self.masks_names:
            return self._own
        known = [(NAME, _finder(people))] if people else []
        return [*self._own, *known, (NAME, names.introductions)]

    def _spans(
        self,
        text: str,
        named: Sequence[tuple[str, Find]],
        plain: bool,
    ) -> list[Span]:
        if any(dummy in text for dummy in self._all_dummies):
            text = self._dummy.sub(lambda match: "\0" * len(match.group()), text)
        spans: list[Span] = []
        text = self._search(text, named, spans)
        if not plain:
            text = self._search(text, self._marked, spans)
            if _NUMBERED.search(text):
                self._search(text, self._numbered, spans)
        spans.sort(key=lambda span: span.start)
        return spans

    def _search(
        self,
        text: str,
        finders: Sequence[tuple[str, Find]],
        spans: list[Span],
    ) -> str:
        """Adds to the spans; returns the text with what was found blanked out."""
        for kind, find in finders:
            found = [
                Span(kind, start, end)
                for start, end in find(text)
                if text[start:end] != self.dummy_of(kind, text[start:end])
            ]
            if found:
                spans.extend(found)
                text = _joined(text, found, lambda span: "\0" * (span.end - span.start))
        return text

    def _replaced(self, text: str, spans: Sequence[Span]) -> str:
        return _joined(
            text, spans, lambda span: self.dummy_of(span.kind, text[span.start : span.end])
        )

    def dummy_of(self, kind: str, written: str = "") -> str:
        """What stands for it. A colon tells IPv6 from IPv4, and a URL's password from a key."""
        if kind == "ip" and (":" in written or "\uff1a" in written):
            return IPV6_REPLACEMENT
        if kind == "api_key" and ":" in written and not written.startswith("-----"):
            return CREDENTIALS_REPLACEMENT
        return self._dummies[kind]


@lru_cache(maxsize=256)
def filter_of(masking: Masking = DEFAULT_MASKING) -> PersonalDataFilter:
    """The filter of a project that masks so; made once for all that mask alike."""
    kinds = [kind for kind in ALL_KINDS if kind not in masking.off]
    return PersonalDataFilter(kinds, names=masking.names, patterns=masking.patterns)


def mark_of(kind: str, written: str, salt: bytes) -> str:
    """The mark of a value: keyed, so that nobody without the project's salt can try values."""
    digest = hashlib.blake2b(
        f"{kind}\0{_normal(kind, written)}".encode(), key=salt, digest_size=MARK_BYTES
    )
    return f"{kind}:{digest.hexdigest()}"


def _normal(kind: str, written: str) -> str:
    """A value as it is counted, in whatever way it was written."""
    folded = _read(written).text.casefold()
    if kind in ("phone", "card", "ssn"):
        return "".join(sign for sign in folded if sign.isdigit())
    if kind in ("iban", "national_insurance", "national_id", "passport_number"):
        return "".join(sign for sign in folded if sign.isalnum())
    return " ".join(folded.split())


def _dummy_finder(dummies: Sequence[str]) -> re.Pattern[str]:
    return re.compile(
        r"(?<![A-Za-z0-9._%+'@:-])(?:"
        + "|".join(re.escape(dummy) for dummy in dummies)
        + r")(?![A-Za-z0-9:]|[._-][A-Za-z0-9])"
    )


def _finder(pattern: re.Pattern[str]) -> Callable[[str], Iterator[Edges]]:
    return lambda text: (match.span() for match in pattern.finditer(text))


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
    return not (
        _NUMBERED.search(text)
        or "::" in text
        or "\\u" in text
        or may_hold_bearer(text)
        or may_hold_birth(text)
    )


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


def _joined(text: str, spans: Sequence[Span], substitute: Callable[[Span], str]) -> str:
    pieces: list[str] = []
    last = 0
    for span in spans:
        pieces.append(text[last : span.start])
        pieces.append(substitute(span))
        last = span.end
    pieces.append(text[last:])
    return "".join(pieces)
