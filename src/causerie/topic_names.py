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
from causerie.topic_words import HAN_RUN, is_tone, stems, terms_of

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
COMMON_SHARE_MIN = 0.2
"""From so many of its messages on, a topic is named in the language of most messages of all topics,
so that a list of topics speaks one language; else in its own."""
TONE_SHARE_MIN = 0.6
"""Where so many messages, in the language of the name, say nothing but how it went, it is a topic
of tone."""
UNKNOWN = frozenset({"", "und"})


class Naming(NamedTuple):
    """How a topic is shown."""

    name: str
    terms: tuple[str, ...]
    """At most six, best first."""
    typical: str
    """A message of the topic, shortened."""
    tone: bool = False
    """Whether its messages say how people feel, whatever they talk about."""
    spoken: frozenset[str] = frozenset()
    """The terms of its messages in the language of its name."""


def namings(
    texts: Sequence[str],
    languages: Sequence[str],
    vectors: Vectors,
    labels: Labels,
    weights: npt.NDArray[np.int64] | None = None,
) -> list[Naming]:
    """A naming for each group; an empty one for a group without messages. Its name is in one
    language: that of most messages of all groups, where enough of its own are in it.

    Args:
        weights: how many messages each row stands for.
    """
    count = int(labels.max(initial=-1)) + 1
    weights = np.ones(len(labels), dtype=np.int64) if weights is None else weights
    rows = [rows_read(np.flatnonzero(labels == group)) for group in range(count)]
    counts = [group_terms(of, texts, languages, weights) for of in rows]
    rarity = rarities(counts)
    common = commonest(sum((tally.sizes for tally in counts), Counter()))
    found = []
    taken: Counter[str] = Counter()
    for of, tally in zip(rows, counts, strict=True):
        if not len(of):
            found.append(Naming("", (), ""))
            continue
        language = tally.language(common)
        own = tally.only(language)
        said = [each for each in best_terms(own, rarity) if own.share(each[0]) >= NAME_SHARE_MIN]
        inside = np.array([row for row in of if languages[row] == language], dtype=np.int64)
        typical = typical_text(inside, texts, vectors, [term for term, _ in said])
        name = name_of([] if own.is_tone else said, typical, taken)
        taken[name] += 1
        terms = tuple(term for term, _ in best_terms(tally, rarity))
        found.append(Naming(name, terms, typical, own.is_tone, frozenset(own.terms)))
    return found


def rows_read(rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Some of a large topic's rows, evenly: a thousand messages tell what it is about."""
    step = max(math.ceil(len(rows) / READ_PER_TOPIC_MAX), 1)
    return rows[::step]


def commonest(sizes: Counter[str]) -> str:
    """The language that most messages are in; of equals always the same."""
    known = {language: size for language, size in sizes.items() if language not in UNKNOWN}
    return max(known or sizes, key=lambda each: (sizes[each], each), default="")


class Tally(NamedTuple):
    """In how many of a topic's messages its terms are."""

    messages: int
    terms: Counter[str]
    sizes: Counter[str]
    """How many messages are in each language."""
    spoken: dict[str, Counter[str]]
    """The terms by language."""
    toned: Counter[str]
    """Messages that say nothing but how it went, by language."""

    def share(self, term: str) -> float:
        """Of how many of all messages."""
        return self.terms[term] / self.messages

    @property
    def is_tone(self) -> bool:
        return self.toned.total() >= TONE_SHARE_MIN * self.messages

    def language(self, common: str) -> str:
        """What to name the topic in."""
        if self.sizes[common] >= COMMON_SHARE_MIN * self.messages:
            return common
        return commonest(self.sizes)

    def only(self, language: str) -> Tally:
        """The same of the messages in one language."""
        terms = self.spoken[language]
        sizes = Counter({language: self.sizes[language]})
        toned = Counter({language: self.toned[language]})
        return Tally(self.sizes[language], terms, sizes, {language: terms}, toned)


def group_terms(
    rows: npt.NDArray[np.int64],
    texts: Sequence[str],
    languages: Sequence[str],
    weights: npt.NDArray[np.int64],
) -> Tally:
    """Each term once a message, however often it is said, as templates and pastes repeat theirs. A
    text that came many times counts as a few: it is one way to say it.
    """
    spoken: defaultdict[str, Counter[str]] = defaultdict(Counter)
    sizes: Counter[str] = Counter()
    toned: Counter[str] = Counter()
    for row in rows:
        weight = 1 + int(math.log2(weights[row]))
        sizes[languages[row]] += weight
        toned[languages[row]] += weight * is_tone(texts[row], languages[row])
        for term in set(terms_of(texts[row], languages[row])):
            spoken[languages[row]][term] += weight
    terms: Counter[str] = Counter()
    for language, tally in spoken.items():
        if sizes[language] >= LANGUAGE_SHARE_MIN * sizes.total():
            terms.update(tally)
    return Tally(sizes.total(), terms, sizes, spoken, toned)


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
    first, are about, in the theme's language.
    """
    if own.name != shortened(own.typical):
        return own.name
    wordy = [each for each in members if each.name != shortened(each.typical)]
    firsts = [next((term for term in each.terms if term in own.spoken), "") for each in wordy]
    told = [term for term in dict.fromkeys(firsts) if term][:TOPICS_IN_NAME]
    return shortened(" · ".join(told)) if len(told) > 1 else own.name


def shortened(name: str) -> str:
    name = name[:1].upper() + name[1:]
    return name if len(name) <= NAME_CHARS_MAX else name[: NAME_CHARS_MAX - 1].rstrip() + "…"
