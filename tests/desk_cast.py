"""Two projects side by side in every analytics table: one can be asked for the other's rows."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import Engine

from causerie.accounts import KeyKind
from causerie.discretion import Discretion
from causerie.queries.desk import Answer, Limits, QueryDesk, TypedQuery
from causerie.store.accounts import Accounts
from causerie.store.events import EventStore
from causerie.store.events_schema import TABLES, EventTable
from causerie.store.topics import Topics
from tests.topic_cast import keyword, suggested

NOON = datetime(2026, 5, 20, 12, tzinfo=UTC)
SECRET = "SECRETOFOTHERS"
CONVERSATIONS = 36
"""Of each project, every other one of the tenant acme."""


def fill(events: EventStore, project: str, other: str) -> None:
    """Both projects in one part, with the secret in each text of the other."""
    for table in TABLES:
        rows = []
        for index in range(CONVERSATIONS):
            rows.append(_row(table, project, index, f"own {index}"))
            rows.append(_row(table, other, index, f"{SECRET} {index}"))
        events.insert(table, rows)


class Worlds:
    """A world in each analytics store, made when it is first asked for. `engine` is the state store
    of all, which ends with them.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._made: dict[int, World] = {}

    def of(self, events: EventStore) -> World:
        """The world in that store."""
        if id(events) not in self._made:
            self._made[id(events)] = World(events, self._engine)
        return self._made[id(events)]

    def close(self) -> None:
        """Close all of them."""
        for world in self._made.values():
            world.desk.close()
        self._engine.dispose()


class World:
    """A project with topics and a key, another beside it whose rows are secret, and a desk."""

    def __init__(self, events: EventStore, engine: Engine) -> None:
        self.events = events
        self.topics, self.accounts = Topics(engine), Accounts(engine)
        self.project = f"desk-{uuid.uuid4().hex[:8]}"
        fill(events, self.project, f"{self.project}-other")
        self.accounts.create_project("Mine", NOON, self.project)
        self.accounts.set_topic_users_min(self.project, 1)
        self.accounts.create_key(self.project, KeyKind.READ, "A key", NOON)
        self.topics.put(keyword("t_post", "post", name="Post", project=self.project))
        self.topics.put(suggested("t_late", name="Late", parent="t_post", project=self.project))
        self.desk = self.open_desk()

    def open_desk(self, **limits: int) -> QueryDesk:
        """A desk with limits of its own. Whoever opens it closes it."""
        limited = replace(Limits(), **limits)
        discretion = Discretion(self.topics, self.accounts, self.events, lambda: NOON)
        return QueryDesk(self.events.beside(), discretion, self.accounts, limited)

    def ask(self, text: str, **given: Any) -> Answer:
        """What a member of the project who types it is told; `{since}` is a month ago."""
        return self.desk.answer(self.typed(text, **given))

    def typed(self, text: str, **given: Any) -> TypedQuery:
        """The same, to be asked elsewhere."""
        month = {"since": NOON - timedelta(days=30), "until": NOON + timedelta(days=1)}
        return TypedQuery(text, self.project, **{**month, **given})


def column(answer: Answer, index: int = 0) -> list[Any]:
    """The values of one column."""
    return [row[index] for row in answer.rows]


def _row(table: EventTable, project: str, index: int, text: str) -> list[Any]:
    at = NOON - timedelta(hours=index)
    values = {
        "project": project,
        "tenant": "acme" if index % 2 else "",
        "user": f"{text} user" if index % 4 else "",
        "started_at": at,
        "ended_at": at + timedelta(minutes=5),
        "at": at,
        "judged_at": at,
        "again_at": at,
        "kind": ("message", "tool", "event")[index % 3],
        "role": "user",
        "metadata": {"plan": text},
        "topics": ["t_post"] if index % 2 else [],
        "suggested": ["t_late"] if table.name == "conversations" else "t_late",
        "signals": [text],
        "masked": [text],
        "language": "fr",
        "sentiment": 0.5,
        "cost": Decimal("0.25"),
        "version": 1,
        "deleted": 0,
    }
    return [values.get(name, _filler(kind, text)) for name, kind in table.columns.items()]


def _filler(kind: str, text: str) -> Any:
    if "Nullable" in kind:
        return None
    return 1 if "Int" in kind else text
