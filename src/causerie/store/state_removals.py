"""Removal from the state store: what waits, what is remembered, answered, quoted, held in contexts.

The file is then written anew, because an engine leaves what it deletes where it stood until it
needs the place: so does the write-ahead log of SQLite, which is emptied.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from sqlalchemy import Connection, Engine, Row, delete, func, select, text, update

from causerie.errors import Unavailable
from causerie.judging import about_title, asked_text, digest_of
from causerie.removals import Scope, Target
from causerie.store.arrivals import Entry
from causerie.store.evaluation_schema import (
    evaluation_results,
    evaluation_runs,
    set_cases,
    set_versions,
)
from causerie.store.event_removals import Key
from causerie.store.inbox import decode
from causerie.store.online_schema import online_evaluators
from causerie.store.state import slices, transaction
from causerie.store.state_schema import (
    alerts,
    context_openings,
    context_tags,
    context_turns,
    contexts,
    firings,
    identities,
    inbox,
    notices,
    responses,
    topic_maps,
    topics,
    verdicts,
    views,
)
from causerie.store.test_sets import hold_sets
from causerie.store.verdicts import judged_of
from causerie.topic_maps import TopicMap
from causerie.topic_names import shortened
from causerie.topics import Definition

ENTRIES_READ = 500
COMPACT_TRIES = 20
COMPACT_PAUSE_S = 0.25
REWRITTEN = (
    inbox,
    identities,
    contexts,
    context_openings,
    context_turns,
    context_tags,
    responses,
    verdicts,
    topics,
    topic_maps,
    views,
    alerts,
    firings,
    notices,
    set_cases,
    evaluation_results,
)
MENTIONS = {views: "query", alerts: "document", firings: "document", notices: "document"}
Aliases = Callable[[str], Collection[str]]
"""The forms in which a user's id may be kept."""


class StateRemovals:
    """The state store's part of removals, on either engine. Every method may be called again, and
    raises Unavailable when the store cannot be reached.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    # ---- what waits ----------------------------------------------------------------------------

    def waiting(self, project: str, target: Target) -> set[Key]:
        """The conversations that entries on their way name the target in."""
        if target.scope is Scope.AGE:
            return set()
        return {
            (entry.conversation.tenant, entry.conversation.id)
            for _, entry in self._entries(project)
            if entry.conversation.id and is_about(entry, target)
        }

    def drop_waiting(self, project: str, target: Target, keys: Collection[Key]) -> int:
        """Forget entries of the target or of these conversations, parked ones too; how many."""
        doomed = [
            seq
            for seq, entry in self._entries(project)
            if (entry.conversation.tenant, entry.conversation.id) in keys or is_about(entry, target)
        ]
        with transaction(self._engine) as connection:
            for some in slices(doomed):
                connection.execute(delete(inbox).where(inbox.c.seq.in_(some)))
        return len(doomed)

    def _entries(self, project: str) -> Iterator[tuple[int, Entry]]:
        last = 0
        query = select(inbox.c.seq, inbox.c.entry).where(inbox.c.project == project)
        while True:
            some = query.where(inbox.c.seq > last).order_by(inbox.c.seq).limit(ENTRIES_READ)
            with transaction(self._engine) as connection:
                rows = connection.execute(some).all()
            for seq, entry in rows:
                yield seq, decode(entry)
            if not rows:
                return
            last = rows[-1].seq

    # ---- what is remembered --------------------------------------------------------------------

    def drop_identities(self, project: str, keys: Collection[Key]) -> int:
        """Forget how conversations would be recognised; how many were."""
        count = 0
        with transaction(self._engine) as connection:
            for some in slices(sorted({id for _, id in keys})):
                of = (identities.c.project == project, identities.c.conversation.in_(some))
                count += connection.execute(delete(identities).where(*of)).rowcount
        return count

    def count_identities(self, project: str, keys: Collection[Key]) -> int:
        """How many of these conversations would be recognised."""
        count = 0
        with transaction(self._engine) as connection:
            for some in slices(sorted({id for _, id in keys})):
                of = (identities.c.project == project, identities.c.conversation.in_(some))
                query = select(func.count()).select_from(identities).where(*of)
                count += connection.execute(query).scalar_one()
        return count

    def contexts_of(self, project: str, target: Target, aliases: Aliases) -> list[str]:
        """The contexts of a user; `aliases` tells how an id may be kept elsewhere."""
        if target.scope is not Scope.USER:
            return []
        query = select(contexts.c.id, contexts.c.user).where(
            contexts.c.project == project, contexts.c.user != ""
        )
        if target.tenant is not None:
            query = query.where(contexts.c.tenant == target.tenant)
        names = set(target.names)
        with transaction(self._engine) as connection:
            rows = connection.execute(query).all()
        return [row.id for row in rows if names & set(aliases(row.user))]

    def drop_contexts(self, project: str, ids: Sequence[str]) -> dict[str, int]:
        """Forget contexts with their turns, tags and responses; how many of each."""
        found = {"contexts": 0, "responses": 0}
        with transaction(self._engine) as connection:
            for some in slices(sorted(set(ids))):
                of = (responses.c.project == project, responses.c.context.in_(some))
                found["responses"] += connection.execute(delete(responses).where(*of)).rowcount
                of = (contexts.c.project == project, contexts.c.id.in_(some))
                found["contexts"] += connection.execute(delete(contexts).where(*of)).rowcount
        return found

    # ---- what was made of it -------------------------------------------------------------------

    def has_answers(self, project: str) -> bool:
        """Whether anything is kept that is about the words themselves."""
        quoted = select(topics.c.id).where(topics.c.project == project).limit(1)
        judged = select(verdicts.c.question).where(verdicts.c.project == project).limit(1)
        with transaction(self._engine) as connection:
            found = [connection.execute(query).first() for query in (quoted, judged)]
        return any(row is not None for row in found)

    def drop_answers(self, project: str, texts: Iterable[str]) -> int:
        """Forget what models answered about these texts; how many answers."""
        digests = sorted({digest_of(asked_text(said)) for said in texts})
        with transaction(self._engine) as connection:
            return _drop_verdicts(connection, project, digests)

    def drop_quotes(self, project: str, texts: Iterable[str]) -> int:
        """Take these texts out of topics that quote them; how many topics that were."""
        said = {" ".join(one.split()) for one in texts}
        count = 0
        with transaction(self._engine) as connection:
            mine = topics.c.project == project
            rows = connection.execute(select(topics.c.id, topics.c.definition).where(mine)).all()
            for id, document in rows:
                definition = msgspec.json.decode(document, type=Definition)
                left = _without(definition, said)
                if left == definition:
                    continue
                count += 1
                title = about_title(definition.terms, definition.typical)
                _drop_verdicts(connection, project, [title.digest])
                values = {"definition": msgspec.json.encode(left).decode()}
                connection.execute(topics.update().where(mine, topics.c.id == id).values(**values))
            count += _drop_quotes_of_map(connection, project, said)
        return count

    def drop_mentions(self, project: str, target: Target, texts: Iterable[str]) -> dict[str, int]:
        """Forget what people and alerts have kept that names the user or quotes what they said: how
        many of each.
        """
        names = frozenset(target.names) if target.scope is Scope.USER else frozenset()
        said = frozenset(" ".join(one.split()) for one in texts)
        found = {}
        for table, column in MENTIONS.items():
            mine = table.c.project == project
            query = select(*table.primary_key, table.c[column].label("document")).where(mine)
            with transaction(self._engine) as connection:
                rows = connection.execute(query).all()
                doomed = [row for row in rows if _mentions(row.document, names, said)]
                for row in doomed:
                    one = [column == row._mapping[column] for column in table.primary_key]
                    connection.execute(delete(table).where(*one))
            found[table.name] = len(doomed)
        return {name: count for name, count in found.items() if count}

    def drop_cases(self, project: str, keys: Collection[Key]) -> dict[str, int]:
        """Forget the cases of test sets that were made of these conversations, in every version,
        with what was answered to them; how many of each. Versions and runs stay.
        """
        columns = set_cases.c
        found = {"cases": 0, "evaluation_results": 0}
        with transaction(self._engine) as connection:
            # Else a version that is being made of them would not be seen.
            hold_sets(connection, project)
            for some in slices(sorted({id for _, id in keys if id})):
                mine = (columns.project == project, columns.conversation.in_(some))
                for row in connection.execute(select(set_cases).where(*mine)).all():
                    if (row.tenant, row.conversation) in keys:
                        found["evaluation_results"] += _drop_case(connection, row)
                        found["cases"] += 1
            watched = select(online_evaluators.c.name).where(online_evaluators.c.project == project)
            if found["cases"] or (keys and connection.execute(watched).first() is not None):
                # Judges may have quoted what they were shown; what is kept only saves asking again.
                connection.execute(delete(verdicts).where(*judged_of(project)))
        return {name: count for name, count in found.items() if count}

    def count_cases(self, project: str, keys: Collection[Key]) -> int:
        """How many cases were made of these conversations."""
        columns, count = set_cases.c, 0
        with transaction(self._engine) as connection:
            for some in slices(sorted({id for _, id in keys if id})):
                mine = (columns.project == project, columns.conversation.in_(some))
                query = select(columns.tenant, columns.conversation).where(*mine)
                rows = connection.execute(query).all()
                count += sum((row.tenant, row.conversation) in keys for row in rows)
        return count

    # ---- the file ------------------------------------------------------------------------------

    def compact(self) -> None:
        """Write anew what deleted rows may still stand in."""
        if self._engine.dialect.name == "sqlite":
            self._compact_sqlite()
            return
        with self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            for table in REWRITTEN:
                connection.execute(text(f"VACUUM (FULL) {table.name}"))

    def _compact_sqlite(self) -> None:
        with self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            # Else the unused room of the new pages would hold what the memory held before.
            connection.execute(text("PRAGMA secure_delete=ON"))
            connection.execute(text("VACUUM"))
            connection.execute(text("PRAGMA secure_delete=FAST"))
            for _ in range(COMPACT_TRIES):
                # The log can be emptied only in a moment when nobody reads from it.
                busy = connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)")).one()[0]
                if not busy:
                    return
                time.sleep(COMPACT_PAUSE_S)
        raise Unavailable("the state store's log is being read all the time")


def _drop_case(connection: Connection, row: Row[Any]) -> int:
    """Forget one case; how many results that were."""
    columns, runs = set_cases.c, evaluation_runs.c
    of = (runs.project == row.project, runs.name == row.name, runs.version == row.version)
    results = delete(evaluation_results).where(
        evaluation_results.c.position == row.position,
        evaluation_results.c.run.in_(select(runs.id).where(*of)),
    )
    one = [column == row._mapping[column] for column in set_cases.primary_key]
    connection.execute(delete(set_cases).where(*one, columns.conversation == row.conversation))
    versions = set_versions.c
    connection.execute(
        update(set_versions)
        .where(
            versions.project == row.project,
            versions.name == row.name,
            versions.version == row.version,
        )
        .values(cases=versions.cases - 1)
    )
    return connection.execute(results).rowcount


def is_about(entry: Entry, target: Target) -> bool:
    """Whether an entry names the target itself."""
    given, call = entry.conversation, entry.exchange
    tenants = {given.tenant, call.tenant} if call is not None and not given.id else {given.tenant}
    if target.scope is Scope.AGE or (target.tenant is not None and target.tenant not in tenants):
        return False
    if target.scope is Scope.CONVERSATION:
        return given.id in target.names
    return given.user in target.names or (call is not None and call.user in target.names)


def _mentions(document: str, names: Collection[str], said: Collection[str]) -> bool:
    """Whether a query or a JSON document has a name by itself, in quotation marks or as the user of
    a filter, or a text as a whole.
    """
    try:
        leaves = list(_leaves(msgspec.json.decode(document)))
    except msgspec.DecodeError:
        leaves = [document]
    return any(
        leaf in names
        or dict(parse_qsl(leaf.partition("?")[2] or leaf)).get("user") in names
        or any(f"'{name}'" in leaf for name in names)
        or " ".join(leaf.split()) in said
        for leaf in leaves
    )


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _leaves(inner)


def _drop_verdicts(connection: Connection, project: str, digests: Sequence[bytes]) -> int:
    count = 0
    for some in slices(digests):
        of = (verdicts.c.project == project, verdicts.c.text.in_(some))
        count += connection.execute(delete(verdicts).where(*of)).rowcount
    return count


def _without(definition: Definition, said: Collection[str]) -> Definition:
    """The definition without quotes of what was said, and without a name that is one."""
    examples = tuple(one for one in definition.examples if " ".join(one.split()) not in said)
    definition = msgspec.structs.replace(definition, examples=examples)
    if not _is_quoted(definition.typical, said):
        return definition
    quote = shortened(definition.typical)
    found, polished = definition.found_name, definition.polished_name
    return msgspec.structs.replace(
        definition,
        typical="",
        found_name="" if quote in found or found in quote else found,
        # A model made it with the quote in sight.
        polished_name="" if polished and quote == found else polished,
    )


def _is_quoted(typical: str, said: Collection[str]) -> bool:
    if not typical or typical in said:
        return bool(typical)
    # What is too long is quoted in part.
    beginning = typical.removesuffix("…")
    return beginning != typical and any(one.startswith(beginning) for one in said)


def _drop_quotes_of_map(connection: Connection, project: str, said: Collection[str]) -> int:
    query = select(topic_maps.c.document).where(topic_maps.c.project == project)
    document = connection.execute(query).scalar()
    if document is None:
        return 0
    found = TopicMap.from_bytes(bytes(document))
    kept = tuple(
        msgspec.structs.replace(
            topic,
            typical="",
            name="" if shortened(topic.typical) in topic.name else topic.name,
        )
        if _is_quoted(topic.typical, said)
        else topic
        for topic in found.topics
    )
    if kept == found.topics:
        return 0
    # Of the same revision: what it assigns is the same.
    values = {"document": TopicMap(**{**vars(found), "topics": kept}).to_bytes()}
    mine = topic_maps.c.project == project
    connection.execute(topic_maps.update().where(mine).values(**values))
    return sum(one != other for one, other in zip(kept, found.topics, strict=True))
