"""What somebody searches for: words that must all be there, "phrases", and -words that must not.

Upper and lower case are the same, and so are letters with and without accents. A word is found
within others, for some languages write without spaces; as a whole it counts for more.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

WORDS_MAX = 12
ANY_CASE = "(?i)"
ITEM = re.compile(
    r'(?:^|(?<=\s))(-?)(?:"([^"]*)"?|“([^”]*)”?|«\s*([^»]*?)\s*(?:»|$)|「([^」]*)」?|(\S+))'
)
SCRIPTS = ((0x61, 0x250), (0x370, 0x460), (0x1E00, 0x2000))
"""Where letters with accents are: Latin, Greek, Cyrillic."""
LETTER = r"[\p{L}\p{N}]"


def _families() -> dict[str, str]:
    """Letters with all that are the same but for accents and case."""
    found: dict[str, set[str]] = {}
    for first, after in SCRIPTS:
        for code in range(first, after):
            base = plain(chr(code))
            if len(base) == 1 and base.isalpha():
                found.setdefault(base, {base, base.upper()}).add(chr(code))
    return {base: "".join(sorted(family)) for base, family in found.items()}


def plain(letters: str) -> str:
    """Without case and accents."""
    apart = unicodedata.normalize("NFD", letters.casefold())
    return "".join(sign for sign in apart if not unicodedata.combining(sign))


FAMILIES = _families()


@dataclass(frozen=True)
class Wanted:
    """What is searched for; words and phrases as they were given."""

    words: tuple[str, ...] = ()
    without: tuple[str, ...] = ()

    @cached_property
    def patterns(self) -> list[str]:
        """An expression for each word, as the engine and Python understand them."""
        return [ANY_CASE + pattern(word) for word in self.words]

    @cached_property
    def whole_patterns(self) -> list[str]:
        """The same as whole words, as the engine understands them."""
        return [
            f"{ANY_CASE}(?:^|[^{LETTER[1:]}){pattern(word)}(?:$|[^{LETTER[1:]})"
            for word in self.words
        ]

    @cached_property
    def without_patterns(self) -> list[str]:
        """An expression for each word that must not be there."""
        return [ANY_CASE + pattern(word) for word in self.without]

    @property
    def mark(self) -> str:
        """One expression for all words, the longest first; empty where there is none."""
        return "|".join(pattern(word) for word in sorted(self.words, key=len, reverse=True))


def wanted(text: str) -> Wanted:
    """What a person typed. At most `WORDS_MAX` words count."""
    words: dict[str, None] = {}
    without: dict[str, None] = {}
    for minus, word in _items(text):
        if word := " ".join(word.split()):
            (without if minus else words)[word] = None
    return Wanted(tuple(words)[:WORDS_MAX], tuple(without)[:WORDS_MAX])


def _items(text: str) -> Iterator[tuple[bool, str]]:
    for match in ITEM.finditer(text.replace("\0", " ")):
        quoted = [part for part in match.groups()[1:] if part is not None]
        # A dash that stands alone is none of ours.
        yield bool(match[1]) and bool(quoted[0].strip()), quoted[0]


def pattern(word: str) -> str:
    """An expression for a word or a phrase, without regard to case and accents."""
    return r"\s+".join("".join(map(_sign, part)) for part in word.split())


def _sign(sign: str) -> str:
    family = FAMILIES.get(plain(sign))
    if family:
        return f"[{family}]"
    return re.escape(sign)
