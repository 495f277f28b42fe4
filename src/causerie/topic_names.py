"""What topics are called, without asking a model: the terms that their messages have and others
have not (class TF-IDF), and the message that is most like all of them.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from causerie.embeddings import Vectors
from causerie.topic_discovery import Labels
from causerie.topic_words import HAN_RUN, stems, terms_of

TERMS_MAX = 6
TERMS_IN_NAME = 2
TOPICS_IN_NAME = 3
TERM_SHARE_MIN = 0.02
"""A term that fewer of a topic's messages have is a word of theirs, not of the topic."""
NAME_SHARE_MIN = 0.05
"""A topic none of whose terms is in so many of its messages is one of small talk ("hmm", "ok"), and
is called by what is typically said."""
SECOND_SHARE_MIN = 0.35
"""So much of the first term's weight the second has to have to be in the name."""
PAIR_FACTOR = 1.6
"""A pair says more than its words, and is rarer."""
TYPICAL_CHARS = (12, 160)
TYPICAL_CANDIDATES = 12
READ_PER_TOPIC_MAX = 1000
NAME_CHARS_MAX = 60
LANGUAGE_SHARE_MIN = 0.15
"""A language that fewer of a topic's messages are in has no say in its terms."""


class Naming(NamedTuple):
    """How a topic is shown."""

    name: str
    terms: tuple[str, ...]
    """At most six, best first."""
    typical: str
    """A message of the topic, shortened."""


def namings(
    texts: Sequence[str],
    languages: Sequence[str],
    vectors: Vectors,
    labels: Labels,
    weights: npt.NDArray[np.int64] | None = None,
) -> list[Naming]:
    """A naming for each group, in the language that most of its messages are in; an empty one for a
    group without messages.

    Args:
        weights: how many messages each row stands for.
    """
    count = int(labels.max(initial=-1)) + 1
    weights = np.ones(len(labels), dtype=np.int64) if weights is None else weights
    rows = [rows_read(np.flatnonzero(labels == group)) for group in range(count)]
    counts = [group_terms(of, texts, languages, weights) for of in rows]
    rarity = rarities(counts)
    found = []
    taken: Counter[str] = Counter()
    for of, tally in zip(rows, counts, strict=True):
        if not len(of):
            found.append(Naming("", (), ""))
            continue
        terms = best_terms(tally, rarity)
        said = [(term, weight) for term, weight in terms if tally.share(term) >= NAME_SHARE_MIN]
        typical = typical_text(
            mainly(of, languages, weights), texts, vectors, [term for term, _ in said]
        )
        # Names are in one language: terms of others are for the list of terms.
        spoken = [each for each in said if 2 * tally.main[each[0]] >= tally.terms[each[0]]]
        name = name_of(spoken or said, typical, taken)
        taken[name] += 1
        found.append(Naming(name, tuple(term for term, _ in terms), typical))
    return found


def rows_read(rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Some of a large topic's rows, evenly: a thousand messages tell what it is about."""
    step = max(math.ceil(len(rows) / READ_PER_TOPIC_MAX), 1)
    return rows[::step]


def mainly(
    rows: npt.NDArray[np.int64], languages: Sequence[str], weights: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Those of the rows that are in the language most of them are in."""
    sizes: Counter[str] = Counter()
    for row in rows:
        sizes[languages[row]] += int(weights[row])
    main = sizes.most_common(1)[0][0]
    return np.array([row for row in rows if languages[row] == main], dtype=np.int64)


class Tally(NamedTuple):
    """In how many of a topic's messages its terms are."""

    messages: int
    terms: Counter[str]
    main: Counter[str]
    """Those of the messages in the language that most are in."""

    def share(self, term: str) -> float:
        """Of how many of all messages."""
        return self.terms[term] / self.messages


def group_terms(
    rows: npt.NDArray[np.int64],
    texts: Sequence[str],
    languages: Sequence[str],
    weights: npt.NDArray[np.int64],
) -> Tally:
    """Each term once a message, however often it is said, as templates and pastes repeat theirs. A
    text that came many times counts as a few: it is one way to say it.
    """
    by_language: defaultdict[str, Counter[str]] = defaultdict(Counter)
    sizes: Counter[str] = Counter()
    for row in rows:
        weight = 1 + int(math.log2(weights[row]))
        sizes[languages[row]] += weight
        for term in set(terms_of(texts[row], languages[row])):
            by_language[languages[row]][term] += weight
    total = sizes.total()
    terms: Counter[str] = Counter()
    for language, tally in by_language.items():
        if sizes[language] >= LANGUAGE_SHARE_MIN * total:
            terms.update(tally)
    main = by_language[sizes.most_common(1)[0][0]] if sizes else Counter()
    return Tally(total, terms, main)


def rarities(counts: Sequence[Tally]) -> dict[str, float]:
    """How much a term says, the less the more of all topics have it, each topic counted as large
    as the others.
    """
    shares: defaultdict[str, float] = defaultdict(float)
    for tally in counts:
        for term, times in tally.terms.items():  # None of a group without messages.
            shares[term] += times / tally.messages
    return {term: math.log(1 + len(counts) / (0.5 + share)) for term, share in shares.items()}


def best_terms(tally: Tally, rarity: dict[str, float]) -> list[tuple[str, float]]:
    """The best terms with their weights; none that says what a better one says already."""
    least = max(2.0, TERM_SHARE_MIN * tally.messages)
    weighed = [
        (term, times / tally.messages * rarity[term] * (PAIR_FACTOR if is_pair(term) else 1))
        for term, times in tally.terms.items()
        if times >= least
    ] or [(term, times * rarity[term]) for term, times in tally.terms.items()]
    weighed.sort(key=lambda each: (-each[1], each[0]))
    chosen: list[tuple[str, float]] = []
    for term, weight in weighed:
        if not any(same_words(term, other) for other, _ in chosen):
            chosen.append((term, weight))
            if len(chosen) == TERMS_MAX:
                break
    return chosen


def is_pair(term: str) -> bool:
    return " " in term or (len(term) >= 4 and bool(HAN_RUN.match(term)))


def same_words(first: str, second: str) -> bool:
    """Whether one is the plural of the other, a part of it, or nearly so."""
    if HAN_RUN.match(first):
        return first in second or second in first
    return bool(stems(first) & stems(second))


def typical_text(
    rows: npt.NDArray[np.int64], texts: Sequence[str], vectors: Vectors, terms: list[str]
) -> str:
    """The message nearest to the mean that is short enough to read, long enough to tell something,
    and has a term of the topic, if there is one.
    """
    mean = vectors[rows].mean(axis=0)
    order = rows[np.argsort(-(vectors[rows] @ mean), kind="stable")]
    least, most = TYPICAL_CHARS
    tidy = [" ".join(texts[row].split()) for row in order[: 4 * TYPICAL_CANDIDATES]]
    readable = [text for text in tidy if least <= len(text) <= most][:TYPICAL_CANDIDATES]
    telling = [text for text in readable if any(term in text.lower() for term in terms[:3])]
    text = next(iter(telling or readable or sorted(tidy, key=len)))
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def name_of(terms: list[tuple[str, float]], typical: str, taken: Counter[str]) -> str:
    """The best term and, if it says about as much, the second; more if another topic has that name
    already. A topic without terms, such as "ok" or "42", is called by its typical message.
    """
    if not terms:
        return shortened(typical)
    first = terms[0][1]
    said = [term for term, weight in terms if weight >= SECOND_SHARE_MIN * first]
    parts = max(min(len(said), TERMS_IN_NAME), 1)
    while True:
        name = shortened(" · ".join(term for term, _ in terms[:parts]))
        if name not in taken or parts >= len(terms):
            return name if name not in taken else shortened(f"{name}: {typical}")
        parts += 1


def theme_name(own: Naming, members: Sequence[Naming]) -> str:
    """A theme's own terms; where none is in many of its messages, what its topics, the largest
    first, are about.
    """
    if own.name != shortened(own.typical):
        return own.name
    firsts = [each.terms[0] for each in members if each.name != shortened(each.typical)]
    told = list(dict.fromkeys(firsts))[:TOPICS_IN_NAME]
    return shortened(" · ".join(told)) if len(told) > 1 else own.name


def shortened(name: str) -> str:
    name = name[:1].upper() + name[1:]
    return name if len(name) <= NAME_CHARS_MAX else name[: NAME_CHARS_MAX - 1].rstrip() + "…"
