"""Findings on worlds made by chance: where nothing changed nothing is told, and what was planted is
told first. Comparisons against plain facts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from math import log
from random import Random

import pytest

from causerie.comparisons import (
    Parts,
    beyond_chance,
    compare_amounts,
    compare_means,
    compare_shares,
)
from causerie.evidence import WHOLE, Budget, CallRecord, CallTally, Evidence, Part, Record, Tally
from causerie.findings import BEFORE_DAYS, FALSE_RATE, Finding, find

WEEK = (1.1, 1.05, 1.0, 1.0, 1.1, 0.8, 0.5)
TOPICS = ("card", "rates", "refund", "login")
EVENTS = ("signed_up",)
NEW_SHARE = 0.1


@dataclass
class Talk:
    """A conversation of the world."""

    day: int
    user: str
    language: str
    model: str
    topic: str
    mood: float
    down: bool
    signals: tuple[str, ...]
    events: tuple[str, ...]
    masked: bool
    tenant: str = ""
    slow: float = 1.0
    cost: float = 0.01
    failed: bool = False
    first: bool = False


Change = Callable[[Talk, Random], Iterable[Talk]]
"""What becomes of a conversation of the last span."""


@dataclass
class World:
    """People who come more or less often, with their own language and temper, in weeks."""

    random: Random
    span: int = 1
    people: int = 150
    talks: list[Talk] = field(default_factory=list)

    def live(self, change: Change | None = None) -> Evidence:
        """All days, the last ones with the change."""
        temper = [self.random.gauss(0.1, 0.3) for _ in range(self.people)]
        habit = [0.08 * self.random.lognormvariate(0, 0.9) for _ in range(self.people)]
        language = self.random.choices(("en", "fr", "es"), (6, 3, 1), k=self.people)
        days = BEFORE_DAYS + self.span
        # Who is known comes from before the world; of those who come, some are always new.
        seen = {f"u{who}" for who in range(self.people)}
        for day in range(days):
            mood = self.random.gauss(0, 0.05)
            for who in range(self.people):
                if self.random.random() < habit[who] * WEEK[day % 7]:
                    for _ in range(1 + (self.random.random() < 0.3)):
                        talk = self._talk(day, who, language[who], temper[who] + mood)
                        if self.random.random() < NEW_SHARE:
                            talk.user = f"n{len(self.talks)}"
                        is_now = day >= BEFORE_DAYS
                        self.talks += change(talk, self.random) if change and is_now else [talk]
        for talk in self.talks:
            talk.first = talk.user not in seen
            seen.add(talk.user)
        return evidence(self.talks, days, self.span)

    def _talk(self, day: int, who: int, language: str, temper: float) -> Talk:
        draw = self.random.random
        mood = temper + self.random.gauss(0, 0.4)
        return Talk(
            day=day,
            user=f"u{who}",
            language=language,
            model="small" if draw() < 0.7 else "large",
            topic=self.random.choices(TOPICS, (4, 3, 2, 1))[0],
            mood=mood,
            down=draw() < (0.1 if mood < 0 else 0.02),
            signals=tuple(
                name for name, share in (("reasked", 0.1), ("gave_up", 0.03)) if draw() < share
            ),
            events=EVENTS if draw() < 0.2 else (),
            masked=draw() < 0.05,
            slow=self.random.lognormvariate(0, 0.5),
            cost=self.random.lognormvariate(-5, 0.6),
            failed=draw() < 0.02,
        )


def evidence(talks: list[Talk], days: int, span: int) -> Evidence:
    """The world counted, plainly."""
    by_part: dict[Part, list[Talk]] = defaultdict(list)
    for talk in talks:
        parts = {WHOLE, ("language", talk.language), ("model", talk.model), ("topic", talk.topic)}
        parts |= {("signal", name) for name in talk.signals}
        parts |= {("event", name) for name in talk.events}
        parts |= {("masked", "email")} if talk.masked else set()
        parts |= {("tenant", talk.tenant)} if talk.tenant else set()
        parts -= {("topic", "")}
        for part in parts:
            by_part[part].append(talk)
    records = {part: record(own, days, span) for part, own in by_part.items()}
    models = {
        model: [talk for talk in talks if talk.model == model] for model in ("small", "large")
    }
    calls = {model: call_record(own, days, span) for model, own in models.items()}
    return Evidence(span, records, calls, silent_h=1.0, longest_h=9.0)


def blocks(talks: list[Talk], days: int, span: int) -> list[list[Talk]]:
    """Spans of whole days, counted from the latest; what is left at the beginning is left out."""
    count = days // span
    found: list[list[Talk]] = [[] for _ in range(count)]
    for talk in talks:
        ago = (days - 1 - talk.day) // span
        if ago < count:
            found[count - 1 - ago].append(talk)
    return found


def record(talks: list[Talk], days: int, span: int) -> Record:
    return Record(
        [tally(some) for some in blocks(talks, days, 1)],
        [tally(some) for some in blocks(talks, days, span)],
    )


def tally(talks: list[Talk]) -> Tally:
    return Tally(
        people=len({talk.user for talk in talks}),
        conversations=len(talks),
        scored=len(talks),
        feeling=sum(talk.mood for talk in talks),
        unhappy=len({talk.user for talk in talks if talk.down}),
        new=len({talk.user for talk in talks if talk.first}),
    )


def call_record(talks: list[Talk], days: int, span: int) -> CallRecord:
    return CallRecord(
        [call_tally(some) for some in blocks(talks, days, 1)],
        [call_tally(some) for some in blocks(talks, days, span)],
    )


def call_tally(talks: list[Talk]) -> CallTally:
    answered = sorted(1000 * talk.slow for talk in talks if not talk.failed)
    return CallTally(
        people=len({talk.user for talk in talks}),
        calls=len(talks),
        errors=sum(talk.failed for talk in talks),
        timed=len(answered),
        log_ms=sum(map(log, answered)),
        median_ms=answered[len(answered) // 2] if answered else 0.0,
        priced=len(answered),
        cost=sum(talk.cost for talk in talks if not talk.failed),
    )


# ---- where nothing changed -----------------------------------------------------------------------

WORLDS = 150


@pytest.mark.parametrize("span", [1, 7])
def test_where_nothing_changed_nothing_is_told_but_as_rarely_as_promised(span: int) -> None:
    told = sum(bool(find(World(Random(seed), span).live())) for seed in range(WORLDS))
    # Three standard errors above the promise.
    assert told <= WORLDS * FALSE_RATE + 3 * (WORLDS * FALSE_RATE) ** 0.5


def test_few_days_tell_nothing() -> None:
    talks = World(Random(1)).live().parts[WHOLE].days[-5:]
    assert find(Evidence(1, {WHOLE: Record(talks, talks)})) == []


# ---- what was planted ----------------------------------------------------------------------------


def more(talk: Talk, random: Random) -> Iterable[Talk]:
    return [talk, replace(talk, user=f"{talk.user}b")]


def fewer(talk: Talk, random: Random) -> Iterable[Talk]:
    return [talk] if random.random() < 0.4 else []


def only(condition: Callable[[Talk], bool], share: float, **given: object) -> Change:
    """Some of those conversations become another way."""

    def change(talk: Talk, random: Random) -> Iterable[Talk]:
        struck = condition(talk) and random.random() < share
        # Fields of many types in one dictionary.
        return [replace(talk, **given) if struck else talk]  # type: ignore[arg-type]

    return change


def worse(condition: Callable[[Talk], bool], **by: float) -> Change:
    """Numbers of those conversations times or plus something."""

    def change(talk: Talk, random: Random) -> Iterable[Talk]:
        if condition(talk):
            moved = {name: getattr(talk, name) * times for name, times in by.items()}
            return (
                [replace(talk, **moved)]
                if "mood" not in by
                else [replace(talk, mood=talk.mood + by["mood"])]
            )
        return [talk]

    return change


def every(talk: Talk) -> bool:
    return True


PLANTED: dict[str, tuple[Change, str, Part | None, bool]] = {
    "more people": (more, "people conversations new", WHOLE, True),
    "fewer people": (fewer, "people conversations returning", WHOLE, False),
    "a mood that falls": (worse(every, mood=-0.5), "mood", None, False),
    "the mood of a topic": (
        worse(lambda talk: talk.topic == "rates", mood=-0.9),
        "mood",
        ("topic", "rates"),
        False,
    ),
    "the mood of a language": (
        worse(lambda talk: talk.language == "fr", mood=-0.9),
        "mood",
        ("language", "fr"),
        False,
    ),
    "the mood of a model": (
        worse(lambda talk: talk.model == "large", mood=-0.9),
        "mood",
        ("model", "large"),
        False,
    ),
    "a topic that is new": (only(every, 0.4, topic="outage"), "topic", ("topic", "outage"), True),
    "a topic that grew": (
        only(lambda talk: talk.topic != "login", 0.4, topic="login"),
        "topic",
        ("topic", "login"),
        True,
    ),
    "a topic that went quiet": (
        only(lambda talk: talk.topic == "card", 0.95, topic=""),
        "topic",
        ("topic", "card"),
        False,
    ),
    "a language that appeared": (
        only(every, 0.4, language="zh"),
        "language",
        ("language", "zh"),
        True,
    ),
    "a tenant that appeared": (only(every, 0.4, tenant="acme"), "tenant", ("tenant", "acme"), True),
    "thumbs down in a topic": (
        only(lambda talk: talk.topic == "rates", 0.8, down=True),
        "thumbs_down",
        ("topic", "rates"),
        True,
    ),
    "people who give up": (
        only(every, 0.4, signals=("gave_up",)),
        "signal",
        ("signal", "gave_up"),
        True,
    ),
    "a conversion that broke": (
        only(lambda talk: bool(talk.events), 0.95, events=()),
        "event",
        ("event", "signed_up"),
        False,
    ),
    "personal data": (only(every, 0.4, masked=True), "masked", ("masked", "email"), True),
    "a slow model": (
        worse(lambda talk: talk.model == "small", slow=4.0),
        "latency",
        ("model", "small"),
        True,
    ),
    "a dear model": (
        worse(lambda talk: talk.model == "small", cost=4.0),
        "cost",
        ("model", "small"),
        True,
    ),
    "a model that fails": (
        only(lambda talk: talk.model == "small", 0.5, failed=True),
        "errors",
        ("model", "small"),
        True,
    ),
}


@pytest.mark.parametrize("span", [1, 7])
@pytest.mark.parametrize("planted", PLANTED)
def test_what_was_planted_is_told_first(planted: str, span: int) -> None:
    change, kind, part, rises = PLANTED[planted]
    found = find(World(Random(7), span, people=400).live(change))
    assert found, "nothing was told"
    first = found[0]
    assert first.kind in kind.split() and first.rises == rises, told(found)
    if part is not None:
        assert first.part == part, told(found)
    assert first.people > 0


def told(found: list[Finding]) -> list[str]:
    return [
        f"{each.kind} {each.part} {each.now:.2f}/{each.before:.2f} {each.weight:.1f}"
        for each in found
    ]


def test_a_budget_that_is_nearly_spent_is_told() -> None:
    quiet = World(Random(1)).live()
    (found,) = find(replace(quiet, budgets=[Budget("k1", 85, 100), Budget("k2", 10, 100)]))
    assert (found.kind, found.part, found.now, found.before) == ("budget", ("key", "k1"), 85, 100)


def test_a_silence_longer_than_any_before_is_told_first() -> None:
    quiet = World(Random(1)).live()
    assert find(quiet) == []
    (found,) = find(replace(quiet, silent_h=14.0))
    assert (found.kind, found.now) == ("silence", 14.0)


# ---- the comparisons -----------------------------------------------------------------------------


def test_a_weekend_is_no_fall() -> None:
    weeks = [100, 98, 103, 99, 101, 60, 30] * 4
    found = compare_amounts([29], weeks[:-1])
    assert found is not None
    assert found.chance > 0.05
    monday = compare_amounts([29], weeks)
    assert monday is not None
    assert monday.chance < 1e-6


def test_days_that_scatter_much_hide_a_step_that_steady_days_show() -> None:
    steady = compare_amounts([80], [40, 41, 39, 40, 42, 38, 40, 41, 39, 40])
    wild = compare_amounts([80], [20, 70, 35, 50, 10, 66, 30, 44, 25, 50])
    assert steady is not None and wild is not None
    assert steady.chance < 0.001 < 0.05 < wild.chance


def test_the_same_heavy_person_every_day_is_one_person() -> None:
    days = Parts([1] * 7, [5] * 7), Parts([0] * 28, [5] * 28)
    many = compare_shares(*days)
    one = compare_shares(*days, Parts((1, 0), (20, 80)))
    assert many is not None and one is not None
    assert many.chance < 0.001 < 0.1 < one.chance


def test_a_mean_is_compared_by_how_far_days_scatter() -> None:
    before = Parts([1.0, -1.0] * 14, [10] * 28)
    near = compare_means(Parts([1.5], [10]), before)
    far = compare_means(Parts([5.0], [10]), before)
    assert near is not None and far is not None
    assert far.chance < 0.001 < 0.1 < near.chance
    assert compare_means(Parts([1.0], [10]), Parts([1.0] * 3, [10] * 3)) is None


def test_of_many_small_chances_more_are_told_than_of_one_among_many() -> None:
    assert beyond_chance([0.01], 0.05) == [True]
    assert beyond_chance([0.01] + [0.9] * 9, 0.05) == [False] * 10
    assert beyond_chance([0.01] * 5 + [0.9] * 5, 0.05) == [True] * 5 + [False] * 5
    assert beyond_chance([], 0.05) == []
