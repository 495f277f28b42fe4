"""What of a message is shown where it was found: the sentence that fits, with its words marked."""

from __future__ import annotations

import re

from markupsafe import Markup, escape

from causerie.search_words import Wanted

EXCERPT_CHARS_MAX = 240
BEFORE_CHARS = 60
"""Of a long sentence, before the first word that fits."""
SENTENCE_END = re.compile(r"(?<=[.!?…])\s+|(?<=[。！？])|\n+")


def excerpt(text: str, words: Wanted) -> Markup:
    """The sentence that has most of the words, or the first one, with what fits in it marked."""
    mark = re.compile(words.mark, re.IGNORECASE) if words.mark else None
    sentences = [part.strip() for part in SENTENCE_END.split(text) if part.strip()] or [""]
    patterns = [re.compile(one) for one in words.patterns]
    best = max(
        range(len(sentences)),
        key=lambda place: (sum(bool(one.search(sentences[place])) for one in patterns), -place),
    )
    shown = sentences[best]
    for following in sentences[best + 1 :]:
        if len(shown) + len(following) >= EXCERPT_CHARS_MAX:
            break
        shown = f"{shown} {following}"
    first = mark.search(shown) if mark else None
    return _marked(*_cut(shown, first.start() if first else 0), mark)


def _cut(text: str, around: int) -> tuple[str, bool, bool]:
    """At most so many characters, and whether something was left out before and after."""
    start = max(0, around - BEFORE_CHARS) if len(text) > EXCERPT_CHARS_MAX else 0
    end = start + EXCERPT_CHARS_MAX
    return text[start:end], start > 0, end < len(text)


def _marked(text: str, before: bool, after: bool, mark: re.Pattern[str] | None) -> Markup:
    pieces = [Markup("… ") if before else Markup("")]
    last = 0
    for match in mark.finditer(text) if mark else ():
        pieces += [escape(text[last : match.start()]), Markup("<mark>{}</mark>").format(match[0])]
        last = match.end()
    pieces += [escape(text[last:]), Markup(" …") if after else Markup("")]
    return Markup("").join(pieces)
