"""Keyword topics: which of them a text belongs to because it holds one of their words, exactly.

Small and capital letters are the same, and so are the ways to write one letter in Unicode. A word
without accents also finds those who write them: `resume` finds "résumé", `résumé` only itself. No
other form of a word is found, no plural either. A word ends where its script ends it, as
`letters.py` has it; in Chinese, where a segmenter has a word begin and end.

A text is looked through once, whatever the number of topics: words are looked up by their first run
of letters, and only where that occurs they are compared in full.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from threading import Lock
from typing import Any

from causerie.letters import KANA, PLAIN_RUN, RUN, folded, is_han, stands_alone, without_accents
from causerie.topics import Definition

_segmenter: Any = None
_segmenter_lock = Lock()


@dataclass(frozen=True, slots=True)
class Word:
    """One word, or several with blanks between them, of one topic."""

    text: str
    lead: int
    """How many signs are before its first run of letters, as of `.net`."""
    topic: int
    """Its place among the topics."""


class KeywordTopics:
    """All keyword topics of a project: ids with their definitions, in the order to be told. Safe in
    threads.
    """

    def __init__(self, topics: Sequence[tuple[str, Definition]]) -> None:
        self._ids = [id for id, _ in topics]
        languages = {code for _, definition in topics for code in definition.language_words}
        self._by_language = {code: _Index(topics, code) for code in languages}
        self._other = _Index(topics, "")

    def match(self, text: str, language: str = "") -> tuple[str, ...]:
        """The ids of those that the text belongs to, in their order. `language` is a code such as
        `fr` or `zh-TW`; anything unknown finds the words for any language.
        """
        found = self._index(language).find(text, language)
        return tuple(self._ids[topic] for topic in sorted(found)) if found else ()

    def _index(self, language: str) -> _Index:
        own = self._by_language.get(language)
        return own or self._by_language.get(language.partition("-")[0], self._other)


class _Index:
    """The words that count in one language."""

    def __init__(self, topics: Sequence[tuple[str, Definition]], language: str) -> None:
        base = language.partition("-")[0]
        words = [
            (topic, folded(word))
            for topic, (_, definition) in enumerate(topics)
            for word in _words(definition, language, base)
        ]
        # Two texts are looked through: with accents for words that have some, without for others.
        self._plain = _Table((topic, word) for topic, word in words if not _accented(word))
        self._exact = _Table((topic, word) for topic, word in words if _accented(word))

    def find(self, text: str, language: str) -> set[int]:
        """The places of the topics that it belongs to."""
        text = folded(text)
        if text.isascii():
            return self._plain.find(text, language) if self._plain else set()
        found: set[int] = set()
        if self._exact:
            found |= self._exact.find(text, language)
        if self._plain:
            found |= self._plain.find(without_accents(text), language)
        return found


def _words(definition: Definition, language: str, base: str) -> Iterable[str]:
    of: Mapping[str, Sequence[str]] = definition.language_words
    return of.get(language) or of.get(base) or definition.words


def _accented(word: str) -> bool:
    return without_accents(word) != word


class _Table:
    """Words by their first run of letters."""

    def __init__(self, words: Iterable[tuple[int, str]]) -> None:
        self._by_run: dict[str, list[Word]] = {}
        signs: dict[str, list[Word]] = {}
        for topic, text in words:
            run = RUN.search(text)
            if run is not None:
                self._by_run.setdefault(run[0], []).append(Word(text, run.start(), topic))
            elif text:
                signs.setdefault(text, []).append(Word(text, 0, topic))
        self._signs = signs
        either = "|".join(map(re.escape, sorted(signs, key=len, reverse=True)))
        # A lookahead, so that of two words that begin alike both are seen.
        self._sign = re.compile(f"(?=({either}))") if signs else None

    def __bool__(self) -> bool:
        return bool(self._by_run or self._signs)

    def find(self, text: str, language: str) -> set[int]:
        """The topics of the words that a folded text holds."""
        runs = PLAIN_RUN if text.isascii() else RUN
        found: set[int] = set()
        if not self._by_run.keys().isdisjoint(runs.findall(text)):
            place = _Place(text, language)
            for run in runs.finditer(text):
                for word in self._by_run.get(run[0], ()):
                    if word.topic not in found and place.holds(word, run.start() - word.lead):
                        found.add(word.topic)
        if self._sign is not None:
            found.update(self._find_signs(text, language))
        return found

    def _find_signs(self, text: str, language: str) -> Iterator[int]:
        place = _Place(text, language)
        assert self._sign is not None
        for match in self._sign.finditer(text):
            for length in range(1, len(match[1]) + 1):
                for word in self._signs.get(match[1][:length], ()):
                    if place.holds(word, match.start()):
                        yield word.topic


class _Place:
    """A folded text in which words may stand."""

    def __init__(self, text: str, language: str) -> None:
        self._text = text
        self._language = language

    def holds(self, word: Word, start: int) -> bool:
        """Whether that word stands there, as a word of its own."""
        end = start + len(word.text)
        if start < 0 or not self._text.startswith(word.text, start):
            return False
        if not stands_alone(self._text, start, end):
            return False
        return self._ends_in_han(word.text, start, end)

    def _ends_in_han(self, word: str, start: int, end: int) -> bool:
        """The same for letters of Chinese, which the eye cannot take apart."""
        text = self._text
        back = start > 0 and is_han(text[start]) and is_han(text[start - 1])
        on = end < len(text) and is_han(text[end - 1]) and is_han(text[end])
        if not (back or on):
            return True
        if not self._chinese:
            # Japanese puts words together of two letters and more; one is a piece of such a word.
            return len(word) > 1
        if not _known(word):
            return True
        starts, ends = self._edges
        return (not back or start in starts) and (not on or end in ends)

    @cached_property
    def _chinese(self) -> bool:
        if self._language:
            return self._language.partition("-")[0] not in ("ja", "ko")
        return not KANA.search(self._text)

    @cached_property
    def _edges(self) -> tuple[frozenset[int], frozenset[int]]:
        """Where words begin and where they end, those inside of longer ones too."""
        pieces = _segments(self._text)
        return frozenset(start for _, start, _ in pieces), frozenset(end for _, _, end in pieces)


def _segments(text: str) -> list[tuple[str, int, int]]:
    pieces: list[tuple[str, int, int]] = _loaded().tokenize(text, mode="search")
    return pieces


def _known(word: str) -> bool:
    """Whether the segmenter has heard of all its parts: of a new name it cannot tell the ends."""
    segmenter = _loaded()
    return all(not is_han(part[0]) or segmenter.has_word(part) for part in segmenter.cut(word))


def _loaded() -> Any:
    """The segmenter, which takes half a second and 25 MB, once there is Chinese to read."""
    global _segmenter
    with _segmenter_lock:
        if _segmenter is None:
            from rjieba import Jieba

            _segmenter = Jieba()
    return _segmenter
