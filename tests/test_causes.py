"""What is behind findings, against conversations counted plainly."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from causerie.causes import Cause, Counts, cause_of, incidents, sign_of, without
from causerie.evidence import WHOLE, Part
from causerie.findings import Finding
from causerie.mornings import MEANT

DAYS_BEFORE = 28
VERSION: Part = ("meta:app_version", "4.2.0")
LOGIN: Part = ("topic", "login")


def finding(kind: str, part: Part = WHOLE, *, rises: bool = True) -> Finding:
    now, before = (0.4, 0.1) if rises else (0.1, 0.4)
    return Finding(kind, part, now, before, 100, 2800, 40, 40, 40, 0.5, 0.0)


def counted(
    strange: Part, share: float, usual: float = 0.1, seed: int = 3
) -> tuple[Counts, Counts]:
    """A hundred conversations a day, of which some show a finding: now, of those with the strange
    trait that share. A fifth have it; the language and the latest version are anybody's.
    """
    random = Random(seed)
    shows: dict[Part, list[int]] = {}
    every: dict[Part, list[int]] = {}
    for day in range(DAYS_BEFORE + 1):
        for _ in range(100):
            traits = {WHOLE, ("language", random.choice(("en", "fr")))}
            is_now = day == DAYS_BEFORE
            traits |= {strange} if random.random() < 0.2 else set()
            traits |= {("meta:build", "77")} if day > DAYS_BEFORE - 5 else set()
            bad = random.random() < (share if is_now and strange in traits else usual)
            for counts in (every, shows) if bad else (every,):
                for trait in traits:
                    counts.setdefault(trait, [0, 0])[0 if is_now else 1] += 1
    return (
        {part: (now, before) for part, (now, before) in shows.items()},
        {part: (now, before) for part, (now, before) in every.items()},
    )


@pytest.mark.parametrize("kind", ["thumbs_down", "mood"])
def test_the_value_that_most_of_it_lies_in_is_named_with_its_share(kind: str) -> None:
    shows, every = counted(VERSION, 0.9)
    cause = cause_of(finding(kind, rises=kind != "mood"), shows, every, 1 / DAYS_BEFORE)
    assert cause is not None and cause.part == VERSION
    (now, before), (own, own_before) = shows[WHOLE], shows[VERSION]
    usual = every[WHOLE][0] / every[WHOLE][1]
    assert cause.share == pytest.approx(min(1, (own - own_before * usual) / (now - before * usual)))
    assert cause.conversations == own


def test_what_everybody_has_is_behind_nothing() -> None:
    # Where all of now is worse, in whatever trait, none is named more often than promised.
    named: Counter[Part] = Counter()
    for seed in range(60):
        shows, every = counted(("tenant", "acme"), 0.4, usual=0.1, seed=seed)
        worse = {part: (now * 3, before) for part, (now, before) in every.items()}
        assert worse[("meta:build", "77")][0] == worse[WHOLE][0]
        cause = cause_of(finding("signal", ("signal", "gave_up")), shows, every, 1 / DAYS_BEFORE)
        named[cause.part if cause else WHOLE] += 1
    assert ("meta:build", "77") not in named


def test_by_chance_alone_a_value_is_named_as_rarely_as_promised() -> None:
    told = 0
    for seed in range(100):
        shows, every = counted(VERSION, 0.1, seed=seed)
        cause = cause_of(finding("thumbs_down"), shows, every, 1 / DAYS_BEFORE)
        told += cause is not None
    assert told <= 12


def test_more_conversations_lie_in_what_brought_them() -> None:
    every = {WHOLE: (200, 2800), ("tenant", "acme"): (110, 280), ("language", "en"): (100, 1400)}
    every[VERSION] = (200, 560)
    cause = cause_of(finding("conversations"), every, every, 1 / DAYS_BEFORE)
    assert cause == Cause(("tenant", "acme"), 1.0, 110)


def test_findings_of_one_cause_are_one_incident() -> None:
    grown, down, mood, asked = (
        finding("topic", LOGIN),
        finding("thumbs_down", LOGIN),
        finding("mood", rises=False),
        finding("signal", ("signal", "reasked")),
    )
    other = finding("mood", ("language", "fr"), rises=False)
    causes = {2: Cause(LOGIN, 0.9, 30), 4: Cause(VERSION, 0.8, 20), 0: Cause(VERSION, 0.95, 40)}
    first, second = incidents([grown, down, mood, other, asked], causes)
    assert (first.lead, list(first.others)) == (grown, [down, mood, asked])
    assert first.cause == Cause(VERSION, 0.95, 40)
    assert (second.lead, second.others, second.cause) == (other, [], None)


def test_what_is_not_understood_yet_is_behind_nothing() -> None:
    causes = {0: Cause(LOGIN, 0.9, 30), 1: Cause(VERSION, 0.8, 20)}
    assert without(causes, MEANT) == {1: causes[1]}


def test_that_a_topic_grew_within_another_is_no_cause_to_tell() -> None:
    inner = finding("topic", ("topic", "pin"))
    (incident,) = incidents([inner, finding("topic", LOGIN)], {0: Cause(LOGIN, 1.0, 40)})
    assert incident.lead == inner and incident.cause is None


def test_what_no_conversation_shows_has_no_sign() -> None:
    for kind in ("cost", "event", "masked", "new", "returning", "budget", "silence"):
        assert sign_of(finding(kind)) is None
    assert sign_of(finding("thumbs_down", rises=False)) is None
