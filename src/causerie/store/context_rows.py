"""Contexts and their turns as rows, within a transaction of `contexts.py`: found, read, written."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    delete,
    func,
    insert,
    literal,
    select,
    true,
    update,
)

from causerie.contexts import TAG_PREFIX, Context, Mode, Strategy, Turn
from causerie.errors import Conflict, NotFound
from causerie.store.state import insert_new
from causerie.store.state_schema import (
    context_openings,
    context_tags,
    context_turns,
    contexts,
    responses,
)

NAME_CHARS_MAX = 100
"""How much of an unknown name is said back."""
WHOLE = select(contexts, context_openings.c.messages.label("initial")).join(context_openings)
NAMED = select(contexts.c.id, contexts.c.expires_at)
# Without the answer: it is as long as the messages again, and only the last one is ever repeated.
SAID = select(*(column for column in context_turns.c if column.name not in ("context", "answer")))
decode_strategy = msgspec.json.Decoder(Strategy).decode
decode_metadata = msgspec.json.Decoder(dict[str, str]).decode

# ---- contexts ------------------------------------------------------------------------------------


def named(project: str, id: str) -> tuple[ColumnElement[bool], ...]:
    """The context of that id, or `tag:NAME`."""
    # No id holds a NUL, and PostgreSQL takes none.
    id = id.replace("\0", "?")
    if not id.startswith(TAG_PREFIX):
        return contexts.c.project == project, contexts.c.id == id
    return contexts.c.project == project, tagged(project, id.removeprefix(TAG_PREFIX))


def tagged(project: str, tag: str) -> ColumnElement[bool]:
    """The context of that tag."""
    found = select(context_tags.c.context).where(*of_tag(project, tag))
    return contexts.c.id == found.scalar_subquery()


def of_tag(project: str, tag: str) -> tuple[ColumnElement[bool], ...]:
    """The tag of that name."""
    return context_tags.c.project == project, context_tags.c.tag == tag.replace("\0", "?")


def find(
    connection: Connection,
    what: Select[Any],
    project: str,
    id: str,
    now: datetime,
    *,
    hold: bool = False,
) -> Row[Any]:
    """The row of a live context; `hold` lets others who would change it wait. Raises NotFound."""
    query = what.where(*named(project, id))
    row = connection.execute(query.with_for_update(of=contexts) if hold else query).first()
    if row is None:
        raise missing(id)
    if row.expires_at <= now:
        raise NotFound(f"context {row.id} has expired", field="context_id")
    return row


def hold(connection: Connection, id: str) -> Row[Any] | None:
    """The row of that id, live or not; others who would change it wait."""
    return connection.execute(select(contexts).where(contexts.c.id == id).with_for_update()).first()


def missing(id: str) -> NotFound:
    """The same for a context that is unknown and for another project's."""
    said = id[:NAME_CHARS_MAX]
    return NotFound(f"context {said} not found or expired", field="context_id")


def read(row: Row[Any]) -> Context:
    """The context of a row of `WHOLE`."""
    values = dict(row._mapping)
    del values["busy_by"]
    values["mode"] = Mode(row.mode)
    values["strategy"] = None if row.strategy is None else decode_strategy(row.strategy)
    values["metadata"] = decode_metadata(row.metadata)
    return Context(**values)


def add(connection: Connection, context: Context) -> None:
    """A new row, nobody's. Raises Conflict when the id is taken."""
    row = msgspec.structs.asdict(context)
    del row["initial"], row["busy_until"]
    strategy = None if context.strategy is None else document(context.strategy)
    row |= {"mode": context.mode.value, "strategy": strategy}
    row["metadata"] = document(context.metadata)
    if not insert_new(connection, contexts, row):
        raise Conflict(f"there is a context {context.id} already", field="context_id")
    opening = {"context": context.id, "messages": context.initial}
    connection.execute(insert(context_openings).values(opening))


def write(connection: Connection, id: str, **values: object) -> None:
    """Change a row."""
    connection.execute(update(contexts).where(contexts.c.id == id).values(**values))


def document(value: object) -> str:
    """As JSON."""
    return msgspec.json.encode(value).decode()


# ---- turns ---------------------------------------------------------------------------------------


def turns(connection: Connection, id: str, cut: int) -> list[Turn]:
    """The turns of a context from that position on, without their answers."""
    query = SAID.where(context_turns.c.context == id, context_turns.c.position >= cut)
    query = query.order_by(context_turns.c.position)
    return [Turn(**row._mapping) for row in connection.execute(query)]


def read_turn(row: Row[Any]) -> Turn:
    """The turn of a whole row."""
    return Turn(**{name: value for name, value in row._mapping.items() if name != "context"})


def tokens(connection: Connection, id: str, cut: int, end: int) -> int:
    """Of the turns from `cut` on and before `end`."""
    among = (context_turns.c.position >= cut, context_turns.c.position < end)
    query = select(func.sum(context_turns.c.tokens)).where(context_turns.c.context == id, *among)
    return int(connection.execute(query).scalar() or 0)


def add_turns(connection: Connection, id: str, turns: Sequence[Turn]) -> None:
    """New rows. The answers before them are not repeated any more, and are forgotten."""
    if turns:
        earlier = (context_turns.c.context == id, context_turns.c.position == turns[0].position - 1)
        connection.execute(update(context_turns).where(*earlier).values(answer=None))
        rows = [{"context": id, **msgspec.structs.asdict(turn)} for turn in turns]
        connection.execute(insert(context_turns), rows)


def copy_turns(connection: Connection, id: str, other: str, end: int) -> None:
    """The turns before `end`, for another context, where nobody asked for them."""
    said = ("position", "messages", "tokens", "at")
    of = (context_turns.c.context == id, context_turns.c.position < end)
    columns = (context_turns.c[name] for name in said)
    copies = select(literal(other), *columns, true()).where(*of)
    names = ["context", *said, "delivered"]
    connection.execute(insert(context_turns).from_select(names, copies))


def drop_turn(connection: Connection, id: str, position: int) -> None:
    """The last turn, and the responses that stand for what it said."""
    one = (context_turns.c.context == id, context_turns.c.position == position)
    connection.execute(delete(context_turns).where(*one))
    after = (responses.c.context == id, responses.c.turns > position)
    connection.execute(delete(responses).where(*after))
