"""What changed since last time: which days are now, what is counted of them and of those before,
and what `findings` makes of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from math import sqrt
from typing import Any

from causerie.accounts import Key
from causerie.causes import (
    CONVERSATIONS_MIN,
    Cause,
    Counts,
    Incident,
    Sign,
    anchors,
    cause_of,
    incidents,
    sign_of,
    without,
)
from causerie.comparisons import DAYS_MIN
from causerie.costs import CallQuestion
from causerie.evidence import WHOLE, Budget, CallRecord, CallTally, Evidence, Part, Record, Tally
from causerie.findings import BEFORE_DAYS, Finding, find
from causerie.meanings import MOOD_MARGIN
from causerie.reports import Question, Reports
from causerie.store.accounts import Accounts
from causerie.store.events import EventStore
from causerie.store.progress import Progress
from causerie.store.spending import Spending, month_of
from causerie.topic_trees import TopicTree
from causerie.zones import day_of, midnight

CHOICES = ("visit", "yesterday", "week", "today")
SPAN_DAYS_MAX = 14
"""Of a longer absence only the last two weeks are told: four weeks are there to compare with."""
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
WHOLE_DAY_S = 25 * 3600
"""The longest day, when clocks go back."""
LEFT_MAX = 100
"""With more messages to be understood, what was understood says nothing of the latest days."""
CAUSES_MAX = 40
"""Of so many findings, the weightiest, it is looked for what is behind them."""
MEANT = ("understood", "topic", "language", "signal")


@dataclass(frozen=True)
class Look:
    """The days that are now, in the project's time zone, and how much of each is looked at."""

    choice: str
    first: date
    last: date
    zone: str
    day_seconds: int = WHOLE_DAY_S
    """Of a day that still runs, as much as has gone by; of the days before it the same hours."""

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1

    def begins(self, days_before: int = 0) -> datetime:
        """When the first day began, or one so many days before it."""
        return self._midnight(self.first - timedelta(days=days_before))

    @property
    def ends(self) -> datetime:
        """When the last day was over, or the part of it that is looked at."""
        over = self._midnight(self.last + timedelta(days=1))
        return min(over, self._midnight(self.last) + timedelta(seconds=self.day_seconds))

    def _midnight(self, day: date) -> datetime:
        return midnight(day, self.zone)


@dataclass(frozen=True)
class Morning:
    """What changed, and what went on at all."""

    look: Look
    findings: Sequence[Finding]
    whole: Tally
    days_before: int
    """How many days there were to compare with."""
    latest: datetime | None
    left: int
    """Messages that are yet to be understood."""
    currency: str = ""
    """Of costs: the one that most is spent in."""
    incidents: Sequence[Incident] = ()
    """The findings, those of one cause together."""

    @property
    def compares(self) -> bool:
        """Whether there was enough to compare with."""
        return self.days_before >= DAYS_MIN


def look_at(choice: str, now: datetime, zone: str, visited: datetime | None) -> Look:
    """The days that are meant. Since a visit: whole days from that of the visit to yesterday, or
    yesterday alone where there was none.
    """
    today = day_of(now, zone)
    yesterday = today - timedelta(days=1)
    if choice == "today":
        gone = now - midnight(today, zone)
        return Look(choice, today, today, zone, max(1, int(gone.total_seconds())))
    if choice == "week":
        return Look(choice, today - timedelta(days=7), yesterday, zone)
    if choice == "visit" and visited is not None:
        came = day_of(visited, zone)
        earliest = today - timedelta(days=SPAN_DAYS_MAX)
        return Look(choice, min(max(came, earliest), yesterday), yesterday, zone)
    return Look(choice, yesterday, yesterday, zone)


class Mornings:
    """Raises Unavailable when a store cannot be reached."""

    def __init__(
        self,
        events: EventStore,
        reports: Reports,
        accounts: Accounts,
        spending: Spending,
        progress: Progress,
    ) -> None:
        self._events = events
        self._reports = reports
        self._accounts = accounts
        self._spending = spending
        self._progress = progress

    def morning(self, asked: Question, look: Look, tree: TopicTree, now: datetime) -> Morning:
        """What changed among the conversations of a question, whose span does not count."""
        extent = self._reports.extent(asked.project)
        before = _days_before(look, extent.first)
        question = replace(asked, since=look.begins(before), until=look.ends)
        standing = self._progress.get(asked.project)
        left = standing.left if standing else 0
        parts = self._parts(question, look, tree, before)
        if left > LEFT_MAX:
            parts = _without_meaning(parts)
        silent_h, longest_h = self._silence(question, now)
        calls, currency = self._calls(question, look, before)
        evidence = Evidence(
            look.days,
            parts,
            calls,
            self._budgets(asked.project, now),
            silent_h,
            longest_h,
        )
        whole = parts[WHOLE].spans[-1] if WHOLE in parts else Tally()
        found = find(evidence)
        causes = self._causes(found, question, look, tree, before)
        if left > LEFT_MAX:
            causes = without(causes, MEANT)
        told = incidents(found, causes)
        return Morning(look, found, whole, before, extent.latest, left, currency, told)

    # ---- conversations -----------------------------------------------------------------------

    def _parts(
        self, question: Question, look: Look, tree: TopicTree, before: int
    ) -> dict[Part, Record]:
        bound = {**question.parameters(), **tree.parameters(), **_bound(look)}
        days = self._counted(bound, before + look.days)
        if look.days == 1:
            return {part: Record(own, own) for part, own in days.items()}
        blocks = (before + look.days) // look.days
        spans = self._counted({**bound, "days": look.days}, blocks)
        # What came only on days that make no whole block before has nothing in the spans.
        none = [Tally()] * blocks
        return {part: Record(own, spans.get(part, none)) for part, own in days.items()}

    def _counted(self, bound: Mapping[str, Any], blocks: int) -> dict[Part, list[Tally]]:
        """What was counted of each part, block by block, the latest last."""
        rows = self._events.select("reports/people", bound)
        rows += self._events.select("reports/marks", bound)
        found: dict[Part, list[Tally]] = {}
        for row in rows:
            if row["ago"] < blocks:
                tallies = found.setdefault((row["dimension"], row["value"]), [Tally()] * blocks)
                tallies[blocks - 1 - row["ago"]] = _tally(row)
        ever = {**bound, "since_64": BEGINNING, "blocks": blocks}
        for row in self._events.select("reports/firsts", ever) if WHOLE in found else ():
            at = blocks - 1 - row["ago"]
            if at < blocks:
                found[WHOLE][at] = replace(found[WHOLE][at], new=int(row["people"]))
        return found

    def _causes(
        self,
        findings: Sequence[Finding],
        question: Question,
        look: Look,
        tree: TopicTree,
        before: int,
    ) -> dict[int, Cause]:
        """What is behind findings, by their place: all of them counted at once."""
        signs = {place: sign_of(finding) for place, finding in enumerate(findings[:CAUSES_MAX])}
        shown = {place: sign for place, sign in signs.items() if sign is not None}
        if not shown or not before:
            return {}
        bound = {**question.parameters(), **tree.parameters(), **_bound(look)}
        bound |= {"days": look.days, "margin": MOOD_MARGIN, "least": CONVERSATIONS_MIN}
        rows = self._events.select(
            "reports/causes", {**bound, **_of_signs(list(shown.values())), **_of_calls(findings)}
        )
        counted: dict[int, dict[Part, tuple[int, int]]] = {}
        for row in rows:
            counts = counted.setdefault(int(row["number"]), {})
            counts[row["dimension"], row["value"]] = int(row["now"]), int(row["before"])
        every: Counts = counted.get(0, {})
        told = anchors(findings)
        found = {
            place: cause_of(findings[place], counted[number], every, look.days / before, told)
            for number, place in enumerate(shown, 1)
            if number in counted
        }
        return {place: cause for place, cause in found.items() if cause is not None}

    def _silence(self, question: Question, now: datetime) -> tuple[float, float]:
        """Hours since the latest conversation, and the longest silence until then."""
        until_now = replace(question, until=now)
        row = self._events.select("reports/silence", until_now.parameters())[0]
        if not row["conversations"]:
            return 0.0, 0.0
        return (now - row["latest"]).total_seconds() / 3600, float(row["longest_h"])

    # ---- calls and budgets -------------------------------------------------------------------

    def _calls(
        self, question: Question, look: Look, before: int
    ) -> tuple[dict[str, CallRecord], str]:
        """What was counted of each model, and the currency of its costs."""
        values = {name: getattr(question, name) for name in Question.__dataclass_fields__}
        asked = CallQuestion(**values)
        totals = self._events.select("costs/totals", asked.parameters())[0]
        if not totals["calls"]:
            return {}, ""
        costs: Mapping[str, Any] = totals["costs"]
        currency = max(costs, key=lambda name: (costs[name], name), default="")
        bound = {**asked.parameters(), **_bound(look), "currency": currency}
        days = self._calls_counted(bound, before + look.days)
        blocks = (before + look.days) // look.days
        spans = self._calls_counted({**bound, "days": look.days}, blocks)
        none = [CallTally()] * blocks
        found = {model: CallRecord(own, spans.get(model, none)) for model, own in days.items()}
        return found, currency

    def _calls_counted(self, bound: Mapping[str, Any], blocks: int) -> dict[str, list[CallTally]]:
        found: dict[str, list[CallTally]] = {}
        for row in self._events.select("costs/morning", bound):
            if row["ago"] < blocks and row["name"]:
                tallies = found.setdefault(row["name"], [CallTally()] * blocks)
                tallies[blocks - 1 - row["ago"]] = _call_tally(row)
        return found

    def _budgets(self, project: str, now: datetime) -> list[Budget]:
        keys = [key for key in self._accounts.keys(project) if _has_budget(key)]
        places = {key.id: (key.id, month_of(now, key.allowance.currency)) for key in keys}
        spent = self._spending.totals(list(places.values())) if places else {}
        return [
            Budget(
                key.id, float(spent[places[key.id]].cost), float(key.allowance.monthly_budget or 0)
            )
            for key in keys
            if places[key.id] in spent
        ]


def _days_before(look: Look, first: datetime | None) -> int:
    """How many whole days there were before, from the day after the very first on."""
    if first is None:
        return 0
    began = day_of(first, look.zone) + timedelta(days=1)
    return min(BEFORE_DAYS, max(0, (look.first - began).days))


def _bound(look: Look) -> dict[str, Any]:
    return {"zone": look.zone, "last": look.last, "days": 1, "day_seconds": look.day_seconds}


def _of_signs(signs: Sequence[Sign]) -> dict[str, list[str]]:
    """As the statement binds them: the first one is every conversation."""
    every = Sign("", "", WHOLE)
    return {
        "marks": [each.mark for each in (every, *signs)],
        "mark_values": [each.mark_value for each in (every, *signs)],
        "parts": [each.part[0] for each in (every, *signs)],
        "part_values": [each.part[1] for each in (every, *signs)],
    }


def _of_calls(findings: Sequence[Finding]) -> dict[str, Any]:
    """Which calls count as failed or slow: those slower than half way, by ratio, from the usual
    time to the one that is told.
    """
    failed = [each.part[1] for each in findings if each.kind == "errors"]
    slow = [each for each in findings if each.kind == "latency" and each.rises]
    return {
        "failed_models": failed,
        "slow_models": [each.part[1] for each in slow],
        "slow_ms": min((sqrt(each.now * each.before) for each in slow), default=0.0),
    }


def _without_meaning(parts: Mapping[Part, Record]) -> dict[Part, Record]:
    """The same without what takes understanding, moods included."""

    def blank(tallies: Sequence[Tally]) -> list[Tally]:
        return [replace(tally, scored=0, feeling=0.0) for tally in tallies]

    return {
        part: Record(blank(record.days), blank(record.spans))
        for part, record in parts.items()
        if part[0] not in MEANT
    }


def _tally(row: Mapping[str, Any]) -> Tally:
    return Tally(
        people=int(row["people"]),
        conversations=int(row["conversations"]),
        scored=int(row.get("scored_messages", 0)),
        feeling=float(row.get("feeling", 0.0)),
        unhappy=int(row.get("unhappy", 0)),
        named=int(row.get("named", 0)),
    )


def _call_tally(row: Mapping[str, Any]) -> CallTally:
    return CallTally(
        people=int(row["people"]),
        calls=int(row["calls_made"]),
        errors=int(row["errors"]),
        timed=int(row["timed"]),
        log_ms=float(row["log_ms"]),
        median_ms=float(row["median_ms"]),
        priced=int(row["priced"]),
        cost=float(row["spent"]),
    )


def _has_budget(key: Key) -> bool:
    return key.revoked_at is None and key.allowance.monthly_budget is not None
