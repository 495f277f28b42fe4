"""Masking: what of a project's conversations counts as personal data, beyond the on and the off."""

from __future__ import annotations

import re
from collections import Counter

import msgspec

from causerie.errors import Invalid
from causerie.patterns import compiled
from causerie.wording import say

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
        raise Invalid(
            say("no such kind of personal data: %(join_unknown)s", join_unknown=", ".join(unknown)),
            field="off",
        )
    if len(masking.patterns) > PATTERNS_MAX:
        raise Invalid(
            say("a project has at most %(patterns_max)s patterns", patterns_max=PATTERNS_MAX),
            field="patterns",
        )
    [(name, often)] = Counter(one.name for one in masking.patterns).most_common(1) or [("", 0)]
    if often > 1:
        raise Invalid(say("two patterns are called %(name)s", name=name), field="patterns")
    for pattern in masking.patterns:
        check_pattern(pattern, kinds)
    return masking


def check_pattern(pattern: OwnPattern, kinds: tuple[str, ...] = ()) -> OwnPattern:
    """The same pattern. Raises Invalid, saying which one and what is wrong with it."""
    if not PATTERN_NAME.fullmatch(pattern.name):
        raise Invalid(
            say("a pattern's name has 1 to 30 small letters, digits and underscores"),
            field="patterns",
        )
    if pattern.name in (*kinds, "name"):
        raise Invalid(
            say("%(pattern_name)s is a kind that is built in", pattern_name=pattern.name),
            field="patterns",
        )
    if bool(pattern.expression) == bool(pattern.words):
        raise Invalid(
            say("%(pattern_name)s: an expression or words, one of both", pattern_name=pattern.name),
            field="patterns",
        )
    _check_lengths(pattern)
    try:
        finder(pattern)
    except Invalid as error:
        raise Invalid(
            say(
                "%(pattern_name)s: %(error_message)s",
                pattern_name=pattern.name,
                error_message=error.wording,
            ),
            field="patterns",
        ) from error
    return pattern


def _check_lengths(pattern: OwnPattern) -> None:
    if len(pattern.dummy) > REPLACEMENT_CHARS_MAX or not REPLACEMENT.fullmatch(pattern.dummy):
        raise Invalid(
            say(
                "%(pattern_name)s: a replacement has 1 to %(max)s characters, no quotes "
                "and no backslash",
                pattern_name=pattern.name,
                max=REPLACEMENT_CHARS_MAX,
            ),
            field="patterns",
        )
    too_long = any(not 1 < len(word.strip()) <= WORD_CHARS_MAX for word in pattern.words)
    if len(pattern.words) > WORDS_MAX or too_long:
        raise Invalid(
            say(
                "%(pattern_name)s: at most %(words_max)s words "
                "of 2 to %(word_chars_max)s characters",
                pattern_name=pattern.name,
                words_max=WORDS_MAX,
                word_chars_max=WORD_CHARS_MAX,
            ),
            field="patterns",
        )


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
