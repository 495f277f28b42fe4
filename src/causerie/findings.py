"""What changed: findings beyond chance among everything that is counted of conversations and calls,
ranked by how many people each touches and how bad it is. Values and rules alone.

Everything is compared with the four weeks before, or as much of them as there is. Of what is told,
no more than `FALSE_RATE` is chance on average, however many things were looked at; on a day on
which nothing changed, something is told as rarely.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import log

from causerie.comparisons import (
    Comparison,
    Parts,
    beyond_chance,
    compare_amounts,
    compare_means,
    compare_shares,
)
from causerie.evidence import (
    UNDERSTOOD,
    WHOLE,
    CallRecord,
    Evidence,
    Part,
    Record,
    Tally,
)

FALSE_RATE = 0.05
BEFORE_DAYS = 28
PEOPLE_MIN = 10
"""So many people, now and before together, before a part is looked at."""
SCORED_MIN = 10
"""Moods and times over fewer are not compared."""
TOLD_SHARE = 0.1
"""An amount, a time or a price that moved by less is not worth a line."""
TOLD_POINTS = 0.01
TOLD_MOOD = 0.05
BUDGET_SHARE = 0.8
"""From here on a budget is nearly spent."""
CAUSE_TIMES = 1.25
CAUSE_SHARE = 0.6
"""A part that moved so many times as far as all, and makes up so much of it, is the cause."""
LED = ("mood", "thumbs_down")
SILENCE_TIMES = 1.5
SILENCE_H_MIN = 1.0
"""A silence is told that is longer, and so many times as long as any before."""
BAD_SIGNALS = frozenset({"reasked", "rejected", "gave_up", "complained", "refused"})
MOOD_PARTS = ("", "topic", "language", "model")
SHARED = ("topic", "language", "model", "tenant", "signal", "event", "masked")
"""What people are counted by as a share of all people."""

OF_MEANING = ("topic", "language", "signal")

# How bad it is, from 0 to 1, where the number rises and where it falls.
SEVERITY: Mapping[str, tuple[float, float]] = {
    "silence": (1.0, 1.0),
    "errors": (1.0, 0.4),
    "budget": (1.0, 1.0),
    "signal": (0.9, 0.4),
    "thumbs_down": (0.9, 0.4),
    "mood": (0.4, 0.9),
    "event": (0.5, 0.8),
    "masked": (0.7, 0.3),
    "latency": (0.7, 0.3),
    "cost": (0.7, 0.3),
    "conversations": (0.4, 0.6),
    "people": (0.45, 0.65),
    "new": (0.4, 0.6),
    "returning": (0.4, 0.6),
    "topic": (0.6, 0.5),
    "language": (0.6, 0.5),
    "model": (0.35, 0.35),
    "tenant": (0.5, 0.6),
}


@dataclass(frozen=True)
class Finding:
    """One thing that changed. What `now` and `before` are depends on the kind: amounts, shares of
    people or calls, moods from -1 to 1, milliseconds, money.
    """

    kind: str
    part: Part
    now: float
    before: float
    sample: int
    """What `now` is made of: people, messages or calls."""
    sample_before: int
    hits: int
    """Of a share, how many of the sample."""
    conversations: int
    people: int
    """Whom it touches."""
    effect: float
    """How far it moved, from 0 to 1."""
    chance: float

    @property
    def rises(self) -> bool:
        return self.now > self.before

    @property
    def severity(self) -> float:
        """How bad it is, from 0 to 1."""
        if self.kind == "signal" and self.part[1] not in BAD_SIGNALS:
            return 0.3
        return SEVERITY[self.kind][0 if self.rises else 1]

    @property
    def weight(self) -> float:
        """What it is ranked by."""
        return self.people * self.severity * self.effect


def find(evidence: Evidence) -> list[Finding]:
    """What changed, the weightiest first; of equals the likelier one."""
    tested = [*_of_people(evidence), *_of_calls(evidence)]
    sure = beyond_chance([each.chance for each in tested], FALSE_RATE)
    told = [each for each, is_sure in zip(tested, sure, strict=True) if is_sure and _matters(each)]
    told += [*_of_budgets(evidence), *_of_silence(evidence)]
    weights = {id(each): each.weight for each in told}
    for kind in LED:
        _put_cause_first([each for each in told if each.kind == kind], weights)
    return sorted(told, key=lambda each: (-weights[id(each)], each.chance, each.kind, each.part))


def _put_cause_first(alike: Sequence[Finding], weights: dict[int, float]) -> None:
    """Where one part makes up most of what moved in all, it goes before all, and before the other
    parts that moved because of it: it says where to look.
    """
    whole = next((each for each in alike if each.part == WHOLE), None)
    if whole is None:
        return
    moved = (whole.now - whole.before) * whole.sample
    causes = [
        each
        for each in alike
        if each is not whole
        and abs(each.now - each.before) >= CAUSE_TIMES * abs(whole.now - whole.before)
        and (each.now - each.before) * each.sample / moved >= CAUSE_SHARE
    ]
    if causes:
        first = max(causes, key=lambda each: (abs(each.now - each.before), -each.chance))
        weights[id(first)] = max(weights[id(each)] for each in alike) * 1.01


def _matters(finding: Finding) -> bool:
    """Whether it moved by enough to be told."""
    now, before = finding.now, finding.before
    if finding.kind == "mood":
        return abs(now - before) >= TOLD_MOOD
    if finding.kind in (*SHARED, "thumbs_down", "errors") and abs(now - before) < TOLD_POINTS:
        return False
    return abs(now - before) >= TOLD_SHARE * max(abs(before), 1e-9)


# ---- conversations -------------------------------------------------------------------------------


def _of_people(evidence: Evidence) -> Iterator[Finding]:
    whole = evidence.parts.get(WHOLE)
    if whole is None:
        return
    span = evidence.span_days
    yield from _amounts(whole, span)
    for part, record in evidence.parts.items():
        people = sum(day.people for day in record.days)
        if people < PEOPLE_MIN:
            continue
        if part[0] in MOOD_PARTS:
            yield from _mood(part, record, span)
        if part[0] in ("", "topic"):
            yield from _unhappy(part, record, span)
        if part[0] in SHARED:
            all_ = evidence.parts.get(UNDERSTOOD, whole) if part[0] in OF_MEANING else whole
            yield from _share(part, record, all_, span)


AMOUNTS: Mapping[str, Callable[[Tally], int]] = {
    "conversations": lambda tally: tally.conversations,
    "people": lambda tally: tally.people,
    "new": lambda tally: tally.new,
    "returning": lambda tally: tally.people - tally.new,
}


def _amounts(whole: Record, span: int) -> Iterator[Finding]:
    for kind, count in AMOUNTS.items():
        days = [count(day) for day in whole.days]
        found = compare_amounts(days[-span:], days[:-span])
        if found is None or not _stands_out([count(each) for each in whole.spans], found, span):
            continue
        now = count(whole.spans[-1])
        # People who came on several days of the span are one, then as now.
        usual = found.before * _once(whole, count, span)
        if (now > usual) == found.rises:
            moved = round(abs(now - usual))
            yield Finding(
                kind=kind,
                part=WHOLE,
                now=now,
                before=usual,
                sample=now,
                sample_before=round(found.sample_before),
                hits=now,
                conversations=whole.spans[-1].conversations,
                people=moved,
                effect=_ratio_effect(now, usual),
                chance=found.chance,
            )


def _once(whole: Record, count: Callable[[Tally], int], span: int) -> float:
    """How many different people come in a span, to those of its days added up."""
    before = whole.spans[:-1]
    daily = sum(count(day) for day in whole.days[: len(whole.days) - span][-span * len(before) :])
    return sum(count(each) for each in before) / daily if daily else 1.0


def _mood(part: Part, record: Record, span: int) -> Iterator[Finding]:
    now, before = _parts(record, span, lambda day: day.feeling, lambda day: day.scored)
    if now.totals[1] < SCORED_MIN or before.totals[1] < SCORED_MIN:
        return
    found = compare_means(now, before)
    means = [each.feeling / each.scored for each in record.spans if each.scored]
    if found is not None and _stands_out(means, found, span):
        tally = record.spans[-1]
        yield Finding(
            kind="mood",
            part=part,
            now=found.now,
            before=found.before,
            sample=round(found.sample),
            sample_before=round(found.sample_before),
            hits=tally.scored,
            conversations=tally.conversations,
            people=tally.people,
            effect=min(1.0, abs(found.now - found.before)),
            chance=found.chance,
        )


def _unhappy(part: Part, record: Record, span: int) -> Iterator[Finding]:
    days = _parts(record, span, lambda day: day.unhappy, lambda day: day.people)
    once = [(each.unhappy, each.people) for each in record.spans]
    yield from _shared("thumbs_down", part, record.spans[-1], days, once)


def _share(part: Part, record: Record, whole: Record, span: int) -> Iterator[Finding]:
    own, all_ = [day.people for day in record.days], [day.people for day in whole.days]
    days = Parts(own[-span:], all_[-span:]), Parts(own[:-span], all_[:-span])
    once = [
        (each.people, every.people) for each, every in zip(record.spans, whole.spans, strict=True)
    ]
    yield from _shared(part[0], part, record.spans[-1], days, once)


def _shared(
    kind: str,
    part: Part,
    tally: Tally,
    days: tuple[Parts, Parts],
    once: Sequence[tuple[int, int]],
) -> Iterator[Finding]:
    """A share of people. `once` counts each once in a span: hits and all, the latest last."""
    (hits, of), earlier = once[-1], once[:-1]
    hits_before, of_before = sum(hit for hit, _ in earlier), sum(all_ for _, all_ in earlier)
    if of < PEOPLE_MIN or not of_before:
        return
    found = compare_shares(*days, Parts((hits, hits_before), (of, of_before)))
    shares = [hit / all_ for hit, all_ in once if all_]
    if found is None or not _stands_out(shares, found, len(days[0].of)):
        return
    now, usual = hits / of, hits_before / of_before
    if (now > usual) == found.rises:
        yield Finding(
            kind=kind,
            part=part,
            now=now,
            before=usual,
            sample=of,
            sample_before=of_before,
            hits=hits,
            conversations=tally.conversations,
            people=hits if now > usual else round(usual * of) - hits,
            effect=_ratio_effect(hits + 1, usual * of + 1),
            chance=found.chance,
        )


def _parts(
    record: Record, span: int, hits: Callable[[Tally], float], of: Callable[[Tally], float]
) -> tuple[Parts, Parts]:
    counted = [(hits(day), of(day)) for day in record.days]
    return _columns(counted[-span:]), _columns(counted[:-span])


def _columns(pairs: Sequence[tuple[float, float]]) -> Parts:
    return Parts([hit for hit, _ in pairs], [of for _, of in pairs])


def _stands_out(spans: Sequence[float], found: Comparison, span: int) -> bool:
    """Whether a span of several days is beyond all those before. Days that follow upon each other
    are alike (the same people come), which days compared one by one do not know.
    """
    *before, now = spans
    if span == 1 or not before:
        return True
    return now >= max(before) if found.rises else now <= min(before)


def _ratio_effect(now: float, before: float) -> float:
    """1 where it is three times as much, or a third."""
    if now <= 0 or before <= 0:
        return 1.0
    return min(1.0, abs(log(now / before)) / log(3))


# ---- calls ---------------------------------------------------------------------------------------


def _of_calls(evidence: Evidence) -> Iterator[Finding]:
    for model, record in evidence.calls.items():
        for kind, found, now, before, effect in _call_numbers(record, evidence.span_days):
            tally = record.spans[-1]
            touched = tally.people
            if kind == "errors":
                touched = round(tally.people * min(1.0, max(now, before)))
            yield Finding(
                kind=kind,
                part=("model", model),
                now=now,
                before=before,
                sample=round(found.sample),
                sample_before=round(found.sample_before),
                hits=tally.errors if kind == "errors" else round(found.sample),
                conversations=0,
                people=max(touched, 1),
                effect=effect,
                chance=found.chance,
            )


def _call_numbers(
    record: CallRecord, span: int
) -> Iterator[tuple[str, Comparison, float, float, float]]:
    days, latest = record.days, record.spans[-1]
    timed = _columns([(day.log_ms, day.timed) for day in days[-span:]])
    timed_before = _columns([(day.log_ms, day.timed) for day in days[:-span]])
    if latest.timed >= SCORED_MIN and (found := compare_means(timed, timed_before)):
        medians = [each.median_ms for each in record.spans[:-1] if each.timed]
        usual = sorted(medians)[len(medians) // 2] if medians else 0.0
        if (latest.median_ms > usual) == found.rises:
            effect = min(1.0, abs(found.now - found.before) / log(3))
            yield "latency", found, latest.median_ms, usual, effect
    priced = _columns([(day.cost, day.priced) for day in days[-span:]])
    priced_before = _columns([(day.cost, day.priced) for day in days[:-span]])
    if latest.priced >= SCORED_MIN and (found := compare_means(priced, priced_before)):
        yield "cost", found, found.now, found.before, _ratio_effect(found.now, found.before)
    failed = _columns([(day.errors, day.calls) for day in days[-span:]])
    failed_before = _columns([(day.errors, day.calls) for day in days[:-span]])
    if latest.calls >= SCORED_MIN and (found := compare_shares(failed, failed_before)):
        effect = _ratio_effect(found.now * found.sample + 1, found.before * found.sample + 1)
        yield "errors", found, found.now, found.before, effect


# ---- what needs no comparison --------------------------------------------------------------------


def _of_budgets(evidence: Evidence) -> Iterator[Finding]:
    everybody = _usual_people(evidence)
    for budget in evidence.budgets:
        if budget.of > 0 and budget.spent >= BUDGET_SHARE * budget.of:
            yield _certain("budget", ("key", budget.key), budget.spent, budget.of, everybody)


def _of_silence(evidence: Evidence) -> Iterator[Finding]:
    longest = evidence.longest_h
    if longest and evidence.silent_h > max(SILENCE_TIMES * longest, SILENCE_H_MIN):
        everybody = _usual_people(evidence)
        yield _certain("silence", WHOLE, evidence.silent_h, longest, everybody)


def _certain(kind: str, part: Part, now: float, before: float, people: int) -> Finding:
    return Finding(
        kind=kind,
        part=part,
        now=now,
        before=before,
        sample=0,
        sample_before=0,
        hits=0,
        conversations=0,
        people=people,
        effect=1.0,
        chance=0.0,
    )


def _usual_people(evidence: Evidence) -> int:
    whole = evidence.parts.get(WHOLE)
    days = whole.days[: -evidence.span_days] if whole else ()
    return max(1, round(sum(day.people for day in days) / len(days))) if days else 1
