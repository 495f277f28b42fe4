"""Topics found anew that are still the same topics: which new group goes on with which old topic,
what came, went, fell apart and grew together, and what people decided about it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from causerie.embeddings import CENTRED_MODELS, Vectors
from causerie.language_means import LanguageMeans
from causerie.topic_discovery import Labels, discover, prototypes_of, themes_of
from causerie.topic_maps import UNSORTED, Edits, Topic, TopicMap, thresholds
from causerie.topic_names import Naming, namings, theme_name

ROWS_DISCOVERED_MAX = 20_000
"""More different texts are not compared each with each: topics are found among so many of them, and
the rest is assigned."""
OVERLAP_MIN = 0.3
"""So much of the smaller one an old topic and a new group share at least to be one topic."""
SAME_OVERLAP_MIN = 0.5
"""So much of both together they share to keep the name as well."""
PART_MIN = 0.25
"""So much of a topic must go elsewhere for it to have fallen apart, or come from elsewhere."""
GROWN_FACTOR = 2
IDLE_MAX = 5
"""So many times in a row a topic may be without messages before it vanishes."""

Happening = Literal["appeared", "vanished", "split", "merged", "grown"]


class Event(NamedTuple):
    """Something for the history of topics."""

    what: Happening
    topic: str
    others: tuple[str, ...] = ()
    """split: the parts that are now topics of their own. merged: what is now in this topic."""


class Evolution(NamedTuple):
    """What came of looking for topics anew."""

    map: TopicMap
    ids: list[str]
    """Of each message that was given, "" for none."""
    events: list[Event]


@dataclass(frozen=True)
class Texts:
    """Messages with those that say the same put together: people repeat themselves, programs
    more so.
    """

    firsts: npt.NDArray[np.int64]
    """The first message of each text."""
    text_of: npt.NDArray[np.int64]
    """The text of each message, as its place in `firsts`."""
    weights: npt.NDArray[np.int64]

    @classmethod
    def of(cls, messages: Sequence[str]) -> Texts:
        places: dict[str, int] = {}
        firsts: list[int] = []
        text_of = np.empty(len(messages), dtype=np.int64)
        for row, message in enumerate(messages):
            said = " ".join(message.lower().split())
            if said not in places:
                places[said] = len(firsts)
                firsts.append(row)
            text_of[row] = places[said]
        weights = np.bincount(text_of, minlength=len(firsts))
        return cls(np.array(firsts, dtype=np.int64), text_of, weights)


class Found(NamedTuple):
    """Groups among texts, whatever they are called."""

    labels: Labels
    prototypes: Vectors
    owners: Labels
    number: int
    """How many groups there are."""
    fixed: tuple[str, ...]
    """The ids of the last groups, which people decided about; the others have none yet."""
    resolution: float


def evolve(
    old: TopicMap | None,
    vectors: Vectors,
    texts: Sequence[str],
    languages: Sequence[str],
    previous_ids: Sequence[str],
    new_id: Callable[[], str],
    edits: Edits | None = None,
    *,
    model: str,
    seed: int = 0,
) -> Evolution:
    """Topics among these messages, which go on with the old ones.

    Args:
        vectors: one row a message, as the embedder gave it.
        languages: one a message, "und" where it is not known.
        previous_ids: the topic that each message had, "" for none or a new message.
        new_id: gives an id to each topic that was not there before.
        model: the embedder's name. An old map of another model hands on ids all the same, by the
            messages that had them.
    """
    edits = edits or Edits()
    old = old if old is not None else TopicMap(model, (), vectors[:0], ())
    said = Texts.of(texts)
    spoken = [languages[row] for row in said.firsts]
    rows = vectors[said.firsts]
    means = LanguageMeans.empty().added(rows, spoken)
    if model not in CENTRED_MODELS:
        rows = means.centred(rows, spoken)
    before = [edits.target(previous_ids[row]) for row in said.firsts]
    found = find(old, rows, said.weights, before, edits, seed, model)
    ids = identified(found, before, said.weights, new_id)
    heard = Heard(rows, [texts[row] for row in said.firsts], spoken, said.weights, before)
    topics = topics_of(found, ids, heard, old, edits)
    themes, parents = themes_among(found, topics, heard, old, new_id, seed)
    topics = [msgspec.structs.replace(each, parent=parents.get(each.id, "")) for each in topics]
    dormant = resting(old, ids, before, edits)
    prototypes, owners = places_of(found, ids, dormant, old, model)
    shown = (*themes, *topics, *dormant)
    new = TopicMap(model, shown, prototypes, owners, means, len(texts), found.resolution)
    by_text = [ids[label] if label >= 0 else UNSORTED for label in found.labels]
    events = happenings(heard, by_text, old, new)
    return Evolution(new, [by_text[text] for text in said.text_of], events)


@dataclass(frozen=True)
class Heard:
    """The different texts, all in one order."""

    rows: Vectors
    texts: list[str]
    languages: list[str]
    weights: npt.NDArray[np.int64]
    before: list[str]

    def namings(self, labels: Labels) -> list[Naming]:
        return namings(self.texts, self.languages, self.rows, labels, self.weights)


def find(
    old: TopicMap,
    rows: Vectors,
    weights: npt.NDArray[np.int64],
    before: list[str],
    edits: Edits,
    seed: int,
    model: str,
) -> Found:
    """Groups among the rows: those that people decided about as they are, with what has come near
    them; among the rest, what there is.
    """
    known = old.assign_centred(rows, edits) if old.model == model else [UNSORTED] * len(rows)
    now = [was or near for was, near in zip(before, known, strict=True)]
    fixed = tuple(sorted(edits.fixed & {*now, *(topic.id for topic in old.topics)}))
    is_free = np.array([topic not in edits.fixed for topic in now], dtype=bool)
    free = np.flatnonzero(is_free)
    rng = np.random.default_rng(seed)
    looked_at = np.sort(rng.permutation(free)[:ROWS_DISCOVERED_MAX])
    codes = {topic: code for code, topic in enumerate(sorted({*before, ""}))}
    codes[UNSORTED] = -1
    remembered = np.array([codes[before[row]] for row in looked_at], dtype=np.int64)
    groups = discover(
        rows[looked_at],
        seed=seed,
        weights=weights[looked_at],
        before=remembered if (remembered >= 0).any() else None,
    )
    labels = np.full(len(rows), -1, dtype=np.int64)
    labels[looked_at] = groups.labels
    if len(looked_at) < len(free) and groups.count:
        rest = np.setdiff1d(free, looked_at)
        similar = rows[rest] @ groups.prototypes.T
        least = thresholds(rows[looked_at], groups.labels, groups.prototypes, groups.owners)
        nearest = groups.owners[similar.argmax(axis=1)]
        labels[rest] = np.where(similar.max(axis=1) >= np.array(least)[nearest], nearest, -1)
    number = {topic: groups.count + place for place, topic in enumerate(fixed)}
    for row in np.flatnonzero(~is_free):
        labels[row] = number[now[row]]
    prototypes, owners = prototypes_of(rows, labels, seed)
    return Found(labels, prototypes, owners, groups.count + len(fixed), fixed, groups.resolution)


def identified(
    found: Found,
    before: list[str],
    weights: npt.NDArray[np.int64],
    new_id: Callable[[], str],
) -> list[str]:
    """The id of each group: of the old topic that it shares the most messages with, all groups
    taken together, or a new one.
    """
    from scipy.optimize import linear_sum_assignment

    free = found.number - len(found.fixed)
    topics = sorted({topic for topic in before if topic and topic not in found.fixed})
    shared = np.zeros((free, len(topics)))
    place = {topic: number for number, topic in enumerate(topics)}
    for label, topic, weight in zip(found.labels, before, weights, strict=True):
        if 0 <= label < free and topic in place:
            shared[label, place[topic]] += weight
    ids = [""] * free
    smaller = np.minimum(shared.sum(axis=1, keepdims=True), shared.sum(axis=0, keepdims=True))
    for group, number in zip(*linear_sum_assignment(-shared), strict=True):
        if shared[group, number] > OVERLAP_MIN * smaller[group, number]:
            ids[group] = topics[number]
    return [topic or new_id() for topic in ids] + list(found.fixed)


def topics_of(
    found: Found, ids: list[str], heard: Heard, old: TopicMap, edits: Edits
) -> list[Topic]:
    """The topics as they are shown. One that is much the same as before is called the same."""
    named = heard.namings(found.labels)
    named += [Naming("", (), "")] * (found.number - len(named))
    least = thresholds(heard.rows, found.labels, found.prototypes, found.owners)
    least += [1.0] * (found.number - len(least))
    sizes = np.bincount(
        found.labels[found.labels >= 0],
        heard.weights[found.labels >= 0],
        minlength=found.number,
    )
    topics = []
    for group, topic in enumerate(ids):
        name, terms, typical, tone, _ = named[group]
        was = old.topic(topic)
        if was is not None and (not sizes[group] or is_same(found, group, topic, heard)):
            name, typical = was.name, was.typical or typical
            terms = terms or was.terms
        if was is not None and not sizes[group]:
            least[group] = was.threshold
        name = edits.renamed.get(topic, name)
        size = int(sizes[group])
        topics.append(Topic(topic, name, "", 1, size, terms, typical, least[group], tone=tone))
    return topics


def is_same(found: Found, group: int, topic: str, heard: Heard) -> bool:
    """Whether a group and what an old topic had are mostly the same, among messages that were
    there before.
    """
    if topic in found.fixed:
        return True
    inside = found.labels == group
    had = np.array([was == topic for was in heard.before])
    known = np.array([bool(was) for was in heard.before])
    both = heard.weights[inside & had].sum()
    return bool(both >= SAME_OVERLAP_MIN * heard.weights[(inside & known) | had].sum())


def themes_among(
    found: Found,
    topics: list[Topic],
    heard: Heard,
    old: TopicMap,
    new_id: Callable[[], str],
    seed: int,
) -> tuple[list[Topic], dict[str, str]]:
    """The themes, and the theme of each topic that has one; those of tone have none. A theme is
    the one again that most of its topics' messages were under.
    """
    groups = np.full(found.number + 1, -1, dtype=np.int64)
    of_subjects = np.array(
        [-1 if topic.tone else group for group, topic in enumerate(topics)] + [-1]
    )
    filled, compact = np.unique(of_subjects[found.labels], return_inverse=True)
    if (filled >= 0).any():
        of_filled = themes_of(heard.rows, compact - int(filled[0] < 0), seed)
        groups[filled[filled >= 0]] = of_filled
    # The last one is of rows without a group.
    labels = groups[found.labels]
    themes: list[Topic] = []
    parents: dict[str, str] = {}
    taken: set[str] = set()
    named = heard.namings(labels)
    for number, naming in enumerate(named):
        members = [topics[group] for group in np.flatnonzero(groups == number)]
        if not members:
            continue
        size = sum(member.size for member in members)
        was: Counter[str] = Counter()
        for member in members:
            kept = old.topic(member.id)
            if kept is not None and kept.parent and kept.parent not in taken:
                was[kept.parent] += member.size
        best, shared = max(was.items(), key=lambda each: each[1], default=("", 0))
        theme = best if shared > OVERLAP_MIN * size else new_id()
        taken.add(theme)
        largest = sorted(members, key=lambda each: -each.size)
        name = theme_name(naming, [Naming(each.name, each.terms, each.typical) for each in largest])
        themes.append(Topic(theme, name, "", 0, size, naming.terms, naming.typical))
        parents |= {member.id: theme for member in members}
    return themes, parents


def resting(old: TopicMap, ids: list[str], before: list[str], edits: Edits) -> list[Topic]:
    """Old topics that had no messages this time, and are kept for a while, as rare ones come and
    go; those whose messages are elsewhere now are not.
    """
    here = {*ids, *before, *edits.merged}
    return [
        msgspec.structs.replace(topic, parent="", size=0, idle=topic.idle + 1)
        for topic in old.topics
        if topic.level and topic.id not in here and topic.idle < IDLE_MAX
    ]


def places_of(
    found: Found, ids: list[str], dormant: list[Topic], old: TopicMap, model: str
) -> tuple[Vectors, tuple[str, ...]]:
    """All prototypes with their topics' ids: what has no messages now keeps those it had."""
    owners = [ids[owner] for owner in found.owners]
    if old.model != model:
        return found.prototypes, tuple(owners)
    asleep = ({topic.id for topic in dormant} | set(found.fixed)) - set(owners)
    kept = [place for place, owner in enumerate(old.owners) if owner in asleep]
    owners += [old.owners[place] for place in kept]
    return np.concatenate([found.prototypes, old.prototypes[kept]]), tuple(owners)


def happenings(heard: Heard, now: list[str], old: TopicMap, new: TopicMap) -> list[Event]:
    """What is different, told by where the messages of each old topic went."""
    moved: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for was, topic, weight in zip(heard.before, now, heard.weights, strict=True):
        if was and topic:
            moved[was][topic] += int(weight)
    known = {topic.id: topic for topic in old.topics if topic.level}
    present = {topic.id: topic for topic in new.topics if topic.level}
    events, from_splits = [], set()
    taken_in: defaultdict[str, list[str]] = defaultdict(list)
    for was, went in sorted(moved.items()):
        parts = [
            topic
            for topic, count in went.items()
            if topic not in known and topic != was and count >= PART_MIN * went.total()
        ]
        if parts:
            events.append(Event("split", was, tuple(sorted(parts))))
            from_splits |= set(parts)
        elif was not in present:
            taken_in[went.most_common(1)[0][0]].append(was)
    events += [Event("merged", into, tuple(came)) for into, came in sorted(taken_in.items())]
    merged_away = {topic for came in taken_in.values() for topic in came}
    for topic in sorted(known.keys() - present.keys() - merged_away):
        events.append(Event("vanished", topic))
    for topic in sorted(present.keys() - known.keys() - from_splits):
        events.append(Event("appeared", topic))
    for topic in sorted(present.keys() & known.keys()):
        if known[topic].size and present[topic].size >= GROWN_FACTOR * known[topic].size:
            events.append(Event("grown", topic))
    return events
