"""Masking: what of a project's conversations counts as personal data, beyond the on and the off."""

from __future__ import annotations

import re
from collections import Counter

import msgspec

from causerie.errors import Invalid
from causerie.patterns import compiled

PATTERNS_MAX = 20
PATTERN_NAME = re.compile(r"[a-z][a-z0-9_]{0,29}")
WORDS_MAX = 500
WORD_CHARS_MAX = 80
REPLACEMENT_CHARS_MAX = 40
# No quote and no backslash, so that a masked JSON document is still one.
REPLACEMENT = re.compile(r"[^\x00-\x1f\x7f\"'\\]+")


class OwnPattern(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a project itself wants masked: an expression, or a list of words."""

    name: str
    expression: str = ""
    words: tuple[str, ...] = ()
    replacement: str = ""
    """The name in square brackets when empty."""

    @property
    def dummy(self) -> str:
        """What stands in the place of a hit."""
        return self.replacement or f"[{self.name}]"


class Masking(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which kinds are left alone, whether names go too, and what the project adds.

    Kinds are named when they are off, so that one which a later version learns is on.
    """

    off: tuple[str, ...] = ()
    names: bool = False
    patterns: tuple[OwnPattern, ...] = ()


DEFAULT_MASKING = Masking()


def check_masking(masking: Masking, kinds: tuple[str, ...]) -> Masking:
    """The same masking. `kinds` are those the filter knows. Raises Invalid, naming the field."""
    unknown = sorted(set(masking.off) - set(kinds))
    if unknown:
        raise Invalid(f"no such kind of personal data: {', '.join(unknown)}", field="off")
    if len(masking.patterns) > PATTERNS_MAX:
        raise Invalid(f"a project has at most {PATTERNS_MAX} patterns", field="patterns")
    [(name, often)] = Counter(one.name for one in masking.patterns).most_common(1) or [("", 0)]
    if often > 1:
        raise Invalid(f"two patterns are called {name}", field="patterns")
    for pattern in masking.patterns:
        check_pattern(pattern, kinds)
    return masking


def check_pattern(pattern: OwnPattern, kinds: tuple[str, ...] = ()) -> OwnPattern:
    """The same pattern. Raises Invalid, saying which one and what is wrong with it."""
    if not PATTERN_NAME.fullmatch(pattern.name):
        raise Invalid(
            "a pattern's name has 1 to 30 small letters, digits and underscores", field="patterns"
        )
    if pattern.name in (*kinds, "name"):
        raise Invalid(f"{pattern.name} is a kind that is built in", field="patterns")
    if bool(pattern.expression) == bool(pattern.words):
        raise Invalid(f"{pattern.name}: an expression or words, one of both", field="patterns")
    if len(pattern.dummy) > REPLACEMENT_CHARS_MAX or not REPLACEMENT.fullmatch(pattern.dummy):
        raise Invalid(
            f"{pattern.name}: a replacement has 1 to {REPLACEMENT_CHARS_MAX} characters, no quotes "
            "and no backslash",
            field="patterns",
        )
    too_long = any(not 1 < len(word.strip()) <= WORD_CHARS_MAX for word in pattern.words)
    if len(pattern.words) > WORDS_MAX or too_long:
        raise Invalid(
            f"{pattern.name}: at most {WORDS_MAX} words of 2 to {WORD_CHARS_MAX} characters",
            field="patterns",
        )
    try:
        finder(pattern)
    except Invalid as error:
        raise Invalid(f"{pattern.name}: {error.message}", field="patterns") from error
    return pattern


def finder(pattern: OwnPattern) -> re.Pattern[str]:
    """What finds it. Words are found whole and in any case."""
    if pattern.expression:
        return compiled(pattern.expression)
    return word_finder(pattern.words)


def word_finder(words: tuple[str, ...], flags: int = re.IGNORECASE) -> re.Pattern[str]:
    """Finds any of the words, the longest first; a word that ends in a letter ends there.

    Chinese and Japanese have no spaces: their words are found wherever they stand.
    """
    return re.compile("|".join(map(_whole, sorted(words, key=len, reverse=True))), flags)


def _whole(word: str) -> str:
    word = " ".join(word.split())
    inner = re.escape(word).replace(r"\ ", r"\s{1,3}")
    before = rf"(?<!{_EDGE})" if re.match(_EDGE, word[0]) else ""
    after = rf"(?!{_EDGE})" if re.match(_EDGE, word[-1]) else ""
    return f"{before}{inner}{after}"


_EDGE = "[0-9A-Za-z\u00c0-\u024f\u0370-\u052f]"
