"""What online evaluators said of answers, in the analytics store, and what they have yet to say."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec

from causerie.online_evaluators import SHARES, LiveOutcome, OnlineEvaluator
from causerie.store.events import EventStore, lookups
from causerie.store.events_schema import OUTCOMES
from causerie.wording import Kept, sentences_of

NEVER = datetime(1970, 1, 1, tzinfo=UTC)
SAID_CHARS_MAX = 20_000
"""A longer reason is kept in English alone."""
decode_said = msgspec.json.Decoder(tuple[Kept, ...]).decode
Key = tuple[str, str]
"""A conversation of a project: its tenant and id."""


@dataclass(frozen=True)
class Answer:
    """Where an answer stands."""

    tenant: str
    conversation: str
    position: int
    id: str
    failures: int = 0
    """How often a judge has failed at it."""

    @property
    def talk(self) -> Key:
        """The conversation that it is in."""
        return self.tenant, self.conversation


@dataclass(frozen=True)
class Judged:
    """What came of judging an answer."""

    answer: Answer
    at: datetime
    """When the answer was given."""
    outcome: LiveOutcome
    reason: str
    judged_at: datetime
    said: tuple[Kept, ...] = ()
    failures: int = 0
    again_at: datetime = NEVER


@dataclass(frozen=True)
class Told:
    """What an evaluator said of an answer."""

    evaluator: str
    outcome: LiveOutcome
    reason: str
    said: tuple[Kept, ...] = ()

    @property
    def sentences(self) -> tuple[str, ...]:
        """The reason as pages say it."""
        return sentences_of(self.reason, self.said)


@dataclass(frozen=True)
class Took:
    """What a call took. An answer has the time of its call."""

    talk: Key
    at: datetime
    total_ms: int
    cost: Decimal | None
    currency: str


class Outcomes:
    """Reads and writes. Raises Unavailable when the analytics store cannot be reached."""

    def __init__(self, events: EventStore) -> None:
        self._events = events

    def lacking(
        self,
        online: OnlineEvaluator,
        reached: int,
        limit: int,
        asked: Mapping[str, Any] | None = None,
    ) -> list[Answer]:
        """Answers written after a version that it is to judge and has not: the first of them. With
        the parameters of a question, those of conversations that fit it by now.
        """
        given = {
            **(asked or {}),
            **_of(online),
            "reached": reached,
            "answered_64": online.since,
            "share": online.share,
            "shares": SHARES,
            "limit": limit,
        }
        if asked is None:
            return [Answer(**row) for row in self._events.select("evaluations/lacking", given)]
        [span] = self._events.select("evaluations/span", given)
        if not span["conversations"]:
            return []
        # Only days are looked through of which something is new.
        first, end = span["first"], span["latest"] + timedelta(microseconds=1)
        given |= {"since_64": first, "until_64": end, "earliest_64": first}
        return [Answer(**row) for row in self._events.select("evaluations/lacking_of_some", given)]

    def due(self, online: OnlineEvaluator, now: datetime, limit: int) -> list[Answer]:
        """Answers that a judge has failed at and is to be asked about again by now."""
        given = {**_of(online), "now_64": now, "limit": limit}
        return [Answer(**row) for row in self._events.select("evaluations/due", given)]

    def took(self, project: str, talks: Collection[Key]) -> list[Took]:
        """What the calls of some conversations took, in order."""
        rows = self._events.select("evaluations/took", _names(project, talks))
        found = [Took((row.pop("tenant"), row.pop("conversation")), **row) for row in rows]
        return [one for one in found if one.talk in talks]

    def present(self, project: str, talks: Collection[Key]) -> set[Key]:
        """Those of some conversations that are still there."""
        found: set[Key] = set()
        for some in lookups(sorted(talks)):
            rows = self._events.select("evaluations/present", _names(project, some))
            found |= {(row["tenant"], row["id"]) for row in rows}
        return found & set(talks)

    def tallies(self, project: str) -> dict[str, dict[str, int]]:
        """How many answers had each outcome, by evaluator."""
        found: dict[str, dict[str, int]] = {}
        for row in self._events.select("evaluations/tallies", {"project": project}):
            found.setdefault(row["evaluator"], {})[row["outcome"]] = int(row["answers"])
        return found

    def of_conversation(self, project: str, tenant: str, id: str) -> dict[str, list[Told]]:
        """What was said of the answers of a conversation, by their ids."""
        given = {"project": project, "tenant": tenant, "conversation": id}
        found: dict[str, list[Told]] = {}
        for row in self._events.select("reports/outcomes", given):
            outcome = LiveOutcome(row["outcome"])
            said = decode_said(row["said"]) if row["said"] else ()
            told = Told(row["evaluator"], outcome, row["reason"], said)
            found.setdefault(row["message"], []).append(told)
        return found

    def keep(self, online: OnlineEvaluator, judged: Sequence[Judged], version: int) -> None:
        """Write what it said, in place of what it has said of the same answers before. To be called
        while nobody else writes.
        """
        self._events.insert(OUTCOMES, [_row(online, one, version) for one in judged])

    def hide(self, online: OnlineEvaluator, version: int) -> None:
        """Take away all that it said. To be called while nobody else writes."""
        given = {"project": online.project, "evaluator": online.name, "version": version}
        self._events.run("evaluations/hide", given)


def _said(sentences: Sequence[Kept]) -> str:
    text = msgspec.json.encode(sentences).decode() if sentences else ""
    return text if len(text) <= SAID_CHARS_MAX else ""


def _of(online: OnlineEvaluator) -> dict[str, Any]:
    return {
        "project": online.project,
        "evaluator": online.name,
        "revision": online.revision,
    }


def _names(project: str, talks: Collection[Key]) -> dict[str, Any]:
    return {
        "project": project,
        "tenants": sorted({tenant for tenant, _ in talks}),
        "ids": sorted({id for _, id in talks}),
    }


def _row(online: OnlineEvaluator, one: Judged, version: int) -> list[Any]:
    values = {
        **_of(online),
        "tenant": one.answer.tenant,
        "conversation": one.answer.conversation,
        "position": one.answer.position,
        "message": one.answer.id,
        "at": one.at,
        "outcome": one.outcome.value,
        "reason": one.reason,
        "said": _said(one.said),
        "judged_at": one.judged_at,
        "failures": one.failures,
        "again_at": one.again_at,
        "version": version,
        "deleted": 0,
    }
    return [values[name] for name in OUTCOMES.columns]
