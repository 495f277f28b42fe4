"""Removal from the analytics store, so that no byte of it is left in the files of its parts.

First rows of a higher version mark what is removed: from then on no report sees it, and what
arrives afterwards is newer than the marks. Then the engine writes anew the parts that hold rows of
what is marked, without them, and then those with the marks; then it takes the old files away. No
statement that the engine keeps with its files names anybody: it says the numbers of the marks.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Any

from causerie.removals import Scope, Target
from causerie.store.events import EventStore, lookups
from causerie.store.events_schema import (
    CONVERSATIONS,
    EXCHANGES,
    MEANINGS,
    MESSAGES,
    OUTCOMES,
    EventTable,
)

HIDDEN_AT_ONCE = 20_000
"""Conversations that are marked under one version."""
BEGINNING = datetime(1990, 1, 1, tzinfo=UTC)
BY_CONVERSATION = (MESSAGES, MEANINGS, OUTCOMES, CONVERSATIONS)
"""Found by the marks of conversations."""
TABLES = (*BY_CONVERSATION, EXCHANGES)
HIDE = {
    MESSAGES.name: "removal/hide_messages",
    MEANINGS.name: "removal/hide_meanings",
    OUTCOMES.name: "removal/hide_outcomes",
    EXCHANGES.name: "removal/hide_exchanges",
}
MARKED = {
    MESSAGES.name: "removal/marked_messages",
    MEANINGS.name: "removal/marked_meanings",
    OUTCOMES.name: "removal/marked_outcomes",
    CONVERSATIONS.name: "removal/marked_conversations",
    EXCHANGES.name: "removal/marked_exchanges",
}
ROWS = {
    MESSAGES.name: "removal/rows_messages",
    MEANINGS.name: "removal/rows_meanings",
    OUTCOMES.name: "removal/rows_outcomes",
    CONVERSATIONS.name: "removal/rows_conversations",
    EXCHANGES.name: "removal/rows_exchanges",
}
LEFT = {
    MESSAGES.name: "removal/left_messages",
    MEANINGS.name: "removal/left_meanings",
    OUTCOMES.name: "removal/left_outcomes",
    CONVERSATIONS.name: "removal/left_conversations",
    EXCHANGES.name: "removal/left_exchanges",
}
Key = tuple[str, str]
"""Tenant and id of a conversation."""


class EventRemovals:
    """The analytics' part of removals. Every method may be called again. Raises Unavailable when
    the store cannot be reached.
    """

    def __init__(self, events: EventStore) -> None:
        self._events = events

    def hide_conversations(
        self,
        project: str,
        target: Target,
        versions: Sequence[int],
        also: Collection[Key] = (),
    ) -> int:
        """Mark conversations of a target under the last of the versions, at most `HIDDEN_AT_ONCE`,
        and others by name; how many. To be called while nobody else writes.
        """
        marks = {**_hiding(project, target, versions), "limit": HIDDEN_AT_ONCE}
        for some in list(lookups(sorted(also))) or [()]:
            names = {"tenants": [tenant for tenant, _ in some], "ids": [id for _, id in some]}
            self._events.run("removal/hide_conversations", {**marks, **names})
        return self._count(MARKED[CONVERSATIONS.name], project, [versions[-1]])

    def hide_rest(self, project: str, target: Target, versions: Sequence[int]) -> None:
        """Mark what else there is of marked conversations, and calls of the target. From here on
        the engine may forget what was said whenever it merges parts.
        """
        for table in (MESSAGES, MEANINGS, OUTCOMES, EXCHANGES):
            marks = _hiding(project, target, versions)
            self._events.run(HIDE[table.name], marks)

    def marked(self, project: str, versions: Sequence[int]) -> dict[str, int]:
        """How much is marked, by table."""
        return {table.name: self._count(MARKED[table.name], project, versions) for table in TABLES}

    def keys(self, project: str, versions: Sequence[int]) -> set[Key]:
        """The conversations that are marked."""
        rows = self._events.select("removal/keys", _marks(project, versions))
        return {(row["tenant"], row["id"]) for row in rows}

    def contexts(self, project: str, target: Target, versions: Sequence[int]) -> list[str]:
        """The contexts that calls of the target and of marked conversations were made in."""
        given = _hiding(project, target, versions)
        return [row["context"] for row in self._events.select("removal/contexts", given)]

    def texts(self, project: str, versions: Sequence[int]) -> list[str]:
        """What was said in marked conversations, each text once."""
        given = {**_marks(project, versions), "source": CONVERSATIONS.name}
        return [row["text"] for row in self._events.select("removal/texts", given)]

    def erase_rows(self, project: str, versions: Sequence[int]) -> None:
        """Begin to write parts anew without what is marked, in the tables that have it."""
        left = self.left(project, versions)
        for table in (table for table in TABLES if left[table.name]):
            given = {
                **_marks(project, versions),
                "version": max(versions),
                "source": self._events.local(_source(table)),
            }
            self._events.erase(table, ROWS[table.name], given)

    def erase_marks(self, project: str, versions: Sequence[int]) -> None:
        """Begin to write parts anew without the marks, in the tables that have some."""
        marked = self.marked(project, versions)
        for table in (table for table in TABLES if marked[table.name]):
            self._events.erase(table, "removal/marks", _marks(project, versions))

    def erasing(self) -> int:
        """How many parts are still to be written anew. Raises Unavailable where that fails."""
        return self._events.erasing(TABLES)

    def left(self, project: str, versions: Sequence[int]) -> dict[str, int]:
        """Rows that are still there of what is marked, by table."""
        found = {}
        for table in TABLES:
            given = {
                **_marks(project, versions),
                "version": max(versions),
                "source": _source(table).name,
            }
            found[table.name] = self._first(LEFT[table.name], given)
        return found

    def named(self, project: str, target: Target, version: int) -> int:
        """Rows anywhere that name the target and are not newer than its marks; marks do not."""
        if target.scope is Scope.AGE:
            return self.older(project, target.before or BEGINNING, version)
        return self._first("removal/named", {**_told(project, target), "version": version})

    def older(self, project: str, before: datetime, version: int | None = None) -> int:
        """How many conversations ended before a moment; of those up to a version, if given."""
        newest = 2**64 - 1 if version is None else version
        given = {"project": project, "before_64": before, "version": newest}
        return self._first("removal/old", given)

    def late(self, project: str, target: Target, asked_at: datetime) -> int:
        """Conversations of the target from before it was asked for, that came in since."""
        if target.scope is Scope.AGE:
            return 0
        return self._first("removal/late", {**_told(project, target), "asked_64": asked_at})

    def now(self) -> datetime:
        """The engine's own time, to the second."""
        return self._events.now()

    def files(self, moment: datetime) -> int:
        """Files of parts that were given up by that moment and are still on the disk."""
        return self._events.given_up(TABLES, moment)

    def _count(self, name: str, project: str, versions: Sequence[int]) -> int:
        return self._first(name, _marks(project, versions)) if versions else 0

    def _first(self, name: str, given: dict[str, Any]) -> int:
        return int(self._events.select(name, given)[0]["rows"])


def _source(table: EventTable) -> EventTable:
    """Whose marks say what goes from a table: calls may be of no conversation."""
    return EXCHANGES if table is EXCHANGES else CONVERSATIONS


def _marks(project: str, versions: Sequence[int]) -> dict[str, Any]:
    return {"project": project, "versions": list(versions)}


def _hiding(project: str, target: Target, versions: Sequence[int]) -> dict[str, Any]:
    marks = {"version": versions[-1], "versions": list(versions), "source": CONVERSATIONS.name}
    return {**_told(project, target), **marks}


def _told(project: str, target: Target) -> dict[str, Any]:
    return {
        "project": project,
        "scope": target.scope.value,
        "names": list(target.names),
        "every_tenant": target.tenant is None,
        "tenant": target.tenant or "",
        "before_64": target.before or BEGINNING,
    }
