"""Topics, what assigns messages to them, and their history, in the state store."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, Row, func, select

from causerie.errors import Conflict, NotFound
from causerie.store.state import insert_into, transaction
from causerie.store.state_schema import topic_events, topic_maps, topics
from causerie.topics import TOPICS_MAX, Definition, Topic, TopicEvent, TopicKind
from causerie.wording import say

HISTORY_MAX = 500


@dataclass(frozen=True)
class StoredMap:
    """What assigns messages to suggested topics."""

    document: bytes
    revision: int
    made_at: datetime
    messages: int
    """How many it was made from."""


class Topics:
    """Safe in threads; every method is one transaction, and raises Unavailable when the store
    cannot be reached.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def all(self, project: str) -> list[Topic]:
        """Every topic of a project, kept ones first, then in the order they were made."""
        query = select(topics).where(topics.c.project == project)
        with transaction(self._engine) as connection:
            found = [_topic(row) for row in connection.execute(query)]
        return sorted(found, key=lambda topic: (not topic.kept, topic.created_at, topic.id))

    def get(self, project: str, id: str) -> Topic:
        """One topic. Raises NotFound."""
        query = select(topics).where(topics.c.project == project, topics.c.id == id)
        with transaction(self._engine) as connection:
            row = connection.execute(query).first()
        if row is None:
            raise NotFound(f"no topic {id[:100]!r}", field="topic")
        return _topic(row)

    def put(self, topic: Topic, events: Iterable[TopicEvent] = ()) -> None:
        """Make or change a topic. Raises Conflict when the project has too many kept ones."""
        with transaction(self._engine) as connection:
            if topic.kept:
                kept = select(func.count()).where(
                    topics.c.project == topic.project,
                    topics.c.kind != TopicKind.SUGGESTED.value,
                    topics.c.id != topic.id,
                )
                if (connection.execute(kept).scalar() or 0) >= TOPICS_MAX:
                    raise Conflict(
                        say(
                            "a project has at most %(topics_max)s (TOPICS_MAX) topics",
                            topics_max=TOPICS_MAX,
                        )
                    )
            _write(connection, topic)
            _note(connection, events)

    def delete(self, topic: Topic, events: Iterable[TopicEvent] = ()) -> None:
        """Forget a topic; its history stays."""
        of = (topics.c.project == topic.project, topics.c.id == topic.id)
        with transaction(self._engine) as connection:
            connection.execute(topics.delete().where(*of))
            _note(connection, events)

    def map(self, project: str) -> StoredMap | None:
        """What assigns messages to suggested topics; None before any were found."""
        query = select(topic_maps).where(topic_maps.c.project == project)
        with transaction(self._engine) as connection:
            row = connection.execute(query).first()
        if row is None:
            return None
        return StoredMap(bytes(row.document), row.revision, row.made_at, row.messages)

    def map_revision(self, project: str) -> int:
        """Of the map; 0 before any topics were found."""
        query = select(topic_maps.c.revision).where(topic_maps.c.project == project)
        with transaction(self._engine) as connection:
            return int(connection.execute(query).scalar() or 0)

    def save_found(
        self,
        project: str,
        made: StoredMap,
        found: Sequence[Topic],
        events: Sequence[TopicEvent],
    ) -> None:
        """Keep what a discovery found, all or nothing.

        Of a topic that is there already only what discovery knows is written: what a person said
        of it meanwhile stays. Raises Conflict when another discovery was faster.
        """
        with transaction(self._engine) as connection:
            if not _save_map(connection, project, made):
                raise Conflict(say("topics were found anew meanwhile"))
            for topic in found:
                _write_found(connection, topic)
            _note(connection, events)

    def polish(self, project: str, names: Mapping[str, str]) -> None:
        """Keep what a language model calls suggested topics, by their ids."""
        with transaction(self._engine) as connection:
            of = (topics.c.project == project, topics.c.id.in_(names))
            for topic in [_topic(row) for row in connection.execute(select(topics).where(*of))]:
                better = msgspec.structs.replace(topic.definition, polished_name=names[topic.id])
                one = (topics.c.project == project, topics.c.id == topic.id)
                values = {"definition": msgspec.json.encode(better).decode()}
                connection.execute(topics.update().where(*one).values(**values))

    def note(self, events: Iterable[TopicEvent]) -> None:
        """Write down what happened."""
        with transaction(self._engine) as connection:
            _note(connection, events)

    def asked(self, project: str, kind: str, since: datetime) -> bool:
        """Whether an event of that kind has been written down since."""
        of = (topic_events.c.project == project, topic_events.c.kind == kind)
        query = select(topic_events.c.seq).where(*of, topic_events.c.at > since).limit(1)
        with transaction(self._engine) as connection:
            return connection.execute(query).first() is not None

    def history(self, project: str, topic: str = "", limit: int = HISTORY_MAX) -> list[TopicEvent]:
        """What happened to the topics of a project, or to one, the latest first."""
        query = select(topic_events).where(topic_events.c.project == project)
        if topic:
            query = query.where(
                (topic_events.c.topic == topic)
                | topic_events.c.others.contains(f'"{topic}"', autoescape=True)
            )
        with transaction(self._engine) as connection:
            rows = connection.execute(query.order_by(topic_events.c.seq.desc()).limit(limit))
            return [_event(row) for row in rows]


def _values(topic: Topic) -> dict[str, Any]:
    values = msgspec.structs.asdict(topic)
    definition = msgspec.json.encode(topic.definition).decode()
    return {**values, "kind": topic.kind.value, "definition": definition}


def _write(connection: Connection, topic: Topic) -> None:
    values = _values(topic)
    put = insert_into(connection, topics).values(**values)
    changed = {name: value for name, value in values.items() if name not in ("project", "id")}
    connection.execute(put.on_conflict_do_update(index_elements=["project", "id"], set_=changed))


def _write_found(connection: Connection, topic: Topic) -> None:
    values = _values(topic)
    put = insert_into(connection, topics).values(**values)
    known = {name: values[name] for name in ("definition", "dormant", "changed_at")}
    connection.execute(put.on_conflict_do_update(index_elements=["project", "id"], set_=known))


def _save_map(connection: Connection, project: str, made: StoredMap) -> bool:
    values = {
        "document": made.document,
        "revision": made.revision,
        "made_at": made.made_at,
        "messages": made.messages,
    }
    put = insert_into(connection, topic_maps).values(project=project, **values)
    saved = put.on_conflict_do_update(
        index_elements=["project"],
        set_=values,
        where=topic_maps.c.revision == made.revision - 1,
    )
    return connection.execute(saved.returning(topic_maps.c.revision)).first() is not None


def _note(connection: Connection, events: Iterable[TopicEvent]) -> None:
    rows = [
        {
            **msgspec.structs.asdict(event),
            "others": msgspec.json.encode(event.others).decode(),
        }
        for event in events
    ]
    if rows:
        connection.execute(topic_events.insert(), rows)


def _topic(row: Row[Any]) -> Topic:
    values = dict(row._mapping)
    values["kind"] = TopicKind(values["kind"])
    values["definition"] = msgspec.json.decode(values["definition"], type=Definition)
    return Topic(**values)


def _event(row: Row[Any]) -> TopicEvent:
    values = dict(row._mapping)
    values.pop("seq")
    values["others"] = tuple(msgspec.json.decode(values["others"]))
    return TopicEvent(**values)
