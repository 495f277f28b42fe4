"""Letters: what is the same word in any spelling, and where a word ends, with spaces or without."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

HAN = "\u3005\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
HIRAGANA = "\u3041-\u309f"
KATAKANA = "\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff"
HANGUL = "\uac00-\ud7a3"
SOUTHEAST = "\u0e01-\u0eff\u1000-\u109f\u1780-\u17ff"
"""Thai, Lao, Burmese, Khmer: words follow each other without a gap."""
UNSPACED = HAN + HIRAGANA + KATAKANA + HANGUL + SOUTHEAST
MARKS = (
    "\u0300-\u036f\u0483-\u0487\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670"
    "\u0900-\u0963\u0971-\u0dff"
)
"""Signs that belong to the letter before them, of scripts with spaces."""
RUN = re.compile(rf"[{UNSPACED}]|[^\W{UNSPACED}]+(?:[{MARKS}]+[^\W{UNSPACED}]*)*")
"""A word, or one letter of a script that writes none apart."""
PLAIN_RUN = re.compile(r"\w+", re.ASCII)
KANA = re.compile(f"[{HIRAGANA}{KATAKANA}]")
KINDS = {
    kind: re.compile(f"[{letters}]")
    for kind, letters in {
        "han": HAN,
        "hiragana": HIRAGANA,
        "katakana": KATAKANA,
        "hangul": HANGUL,
        "southeast": SOUTHEAST,
        "spaced": rf"\w{MARKS}",
    }.items()
}
# Without width: they tell a browser where to break a line, or an emoji in which colours to come.
IGNORABLE = re.compile("[\u00ad\u200b-\u200f\u2060\ufe0e\ufe0f\ufeff]")
# Marks that people leave out when they are in a hurry: of Latin and Greek letters, the dots of the
# Russian ё, vowels of Arabic and Hebrew. Not those that make another letter, as of й or ガ.
ACCENTS = re.compile(
    "(?<=[a-z\u0250-\u02af\u03b1-\u03c9])[\u0300-\u036f]+"
    "|(?<=\u0435)\u0308"
    "|[\u0591-\u05bd\u05bf-\u05c7\u0610-\u061a\u0640\u064b-\u0652\u0670]"
)
NUMBER_JOINTS = ".,"
"""Between two digits they make one number of them."""
WORD_SIGNS = frozenset("@#.+-/$&%=~*:")
"""They make words, as in @name and C++; an exclamation mark does not."""
LEADING_VOWELS = "เแโใไເແໂໃໄ"
FOLLOWING_VOWELS = "ะาำๅະາຳ"
"""Of Thai and Lao: written before or behind the consonant that they belong to."""


def folded(text: str) -> str:
    """A text whose words are compared: small letters, each in its one form, single spaces."""
    if text.isascii():
        return " ".join(text.lower().split())
    text = IGNORABLE.sub("", unicodedata.normalize("NFKC", text).casefold())
    return " ".join(unicodedata.normalize("NFC", text).split())


def without_accents(text: str) -> str:
    """A folded text without the marks that people may leave out."""
    if text.isascii():
        return text
    apart = ACCENTS.sub("", unicodedata.normalize("NFD", text))
    return unicodedata.normalize("NFC", apart)


@lru_cache(maxsize=10_000)
def kind_of(letter: str) -> str:
    """Of which way of writing a letter is; empty for what is none, such as a comma."""
    return next((kind for kind, letters in KINDS.items() if letters.match(letter)), "")


def stands_alone(text: str, start: int, end: int) -> bool:
    """Whether that part of a folded text is words of their own, not pieces of longer ones.

    Where words follow each other without a gap, in Chinese say, letters do not tell: there it holds
    unless the neighbour is a sign that belongs to the letter at the edge.
    """
    begins = start == 0 or not _goes_back(text, start)
    return begins and (end == len(text) or not _goes_on(text, end))


def _goes_back(text: str, start: int) -> bool:
    outer, inner = text[start - 1], text[start]
    outer_kind, inner_kind = kind_of(outer), kind_of(inner)
    if inner_kind and outer_kind:
        # Korean puts its particles behind a word, never before.
        whole = ("spaced", "katakana", "hangul")
        return outer_kind == inner_kind and (inner_kind in whole or outer in LEADING_VOWELS)
    if inner_kind:
        number = inner.isdigit() and outer in NUMBER_JOINTS
        return number and text[start - 2 : start - 1].isdigit()
    return _sign_joined(inner, outer, outer_kind)


def _goes_on(text: str, end: int) -> bool:
    inner, outer = text[end - 1], text[end]
    inner_kind, outer_kind = kind_of(inner), kind_of(outer)
    if inner_kind and outer_kind:
        if inner_kind == "southeast":
            return outer_kind == inner_kind and _syllable_goes_on(outer)
        return outer_kind == inner_kind and inner_kind in ("spaced", "katakana")
    if inner_kind == "spaced":
        number = inner.isdigit() and outer in NUMBER_JOINTS
        # The C of C++ and of C# is another language.
        more = outer == "#" or text.startswith("++", end)
        return more or (number and text[end + 1 : end + 2].isdigit())
    return not inner_kind and _sign_joined(inner, outer, outer_kind)


def _sign_joined(inner: str, outer: str, outer_kind: str) -> bool:
    """Whether a sign at the edge, has more beside it that makes another word."""
    return inner in WORD_SIGNS and (outer == inner or outer_kind == "spaced")


def _syllable_goes_on(after: str) -> bool:
    return after in FOLLOWING_VOWELS or unicodedata.category(after) in ("Mn", "Mc")


def is_han(letter: str) -> bool:
    """Whether it is one of the letters that Chinese and Japanese share."""
    return kind_of(letter) == "han"
