"""Contexts in the state store: their turns, their tags, and who is in the middle of a turn.

A context is live until it expires, and a call that goes on keeps it alive: from `begin` on it
expires no earlier than the call's lock. What changes a context first takes its row: PostgreSQL
locks the row, SQLite the file, so that of two who begin a turn at once one finds the other's lock.

The initial messages have a table of their own, because a context's row is written twice in every
call. What a call costs depends neither on their length nor on the number of contexts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from msgspec.structs import replace
from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    case,
    delete,
    func,
    literal,
    select,
    update,
)

from causerie.contexts import Context, Mode, Tally, Turn, check_tag, expiry
from causerie.errors import Busy, Conflict, NotFound
from causerie.store import context_rows as rows
from causerie.store.state import insert_into, transaction
from causerie.store.state_schema import context_tags, context_turns, contexts
from causerie.token_usage import Usage

SWEEP_ROWS_MAX = 500
UNLOCKED: dict[str, Any] = {"busy_by": None, "busy_until": None}
Turns = list[Turn]
Listed = tuple[list[Context], int]


class Contexts:
    """The contexts' SQL, on either engine. Safe in threads; every method is one transaction, and
    `sweep` some.

    Where a project and an id are taken, `tag:NAME` is understood too. NotFound is raised for a
    context that is unknown, of another project or expired, and names the field `context_id`.
    Every method raises Unavailable when the store cannot be reached.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with transaction(self._engine) as connection:
            if self._engine.dialect.name == "sqlite":
                # Else two processes could both look, find no lock, and both begin.
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            yield connection

    @contextmanager
    def _locking(self) -> Iterator[Connection]:
        """The same, but a power cut may undo it: it ends the calls that hold locks, too. So none
        waits for the disk before its model is asked.
        """
        with transaction(self._engine) as connection:
            if self._engine.dialect.name == "sqlite":
                with _immediate(connection):
                    yield connection
            else:
                connection.exec_driver_sql("SET LOCAL synchronous_commit TO OFF")
                yield connection

    # ---- contexts ----------------------------------------------------------------------------

    def create(self, context: Context, turns: Sequence[Turn] = ()) -> None:
        """Keep a new context; with turns, which are numbered anew, if it comes from elsewhere.
        Raises Conflict when the id is taken.
        """
        counted = [replace(turn, position=position) for position, turn in enumerate(turns)]
        with self._writing() as connection:
            rows.add(connection, replace(context, turns=len(counted)))
            rows.add_turns(connection, context.id, counted)

    def get(self, project: str, id: str, now: datetime) -> Context:
        """The context, without its turns. Raises NotFound."""
        with transaction(self._engine) as connection:
            return rows.read(rows.find(connection, rows.WHOLE, project, id, now))

    def list(
        self,
        project: str,
        now: datetime,
        *,
        user: str | None = None,
        tag: str | None = None,
        limit: int = 50,
        offset: int = 0,
    ) -> Listed:
        """Live contexts, the last used first, and how many there are in all."""
        which: list[ColumnElement[bool]] = [
            contexts.c.project == project,
            contexts.c.expires_at > now,
        ]
        if user is not None:
            which.append(contexts.c.user == user.replace("\0", "?"))
        if tag is not None:
            which.append(rows.tagged(project, tag))
        latest = (contexts.c.used_at.desc(), contexts.c.id.desc())
        page = rows.WHOLE.where(*which).order_by(*latest).limit(limit).offset(offset)
        count = select(func.count()).select_from(contexts).where(*which)
        with transaction(self._engine) as connection:
            found = [rows.read(row) for row in connection.execute(page)]
            return found, connection.execute(count).scalar_one()

    def totals(self, project: str, now: datetime) -> Tally:
        """The live contexts of a project, in sums."""
        sums = {
            "kept_tokens": contexts.c.initial_tokens + contexts.c.kept_tokens,
            "calls": contexts.c.calls,
            "input_tokens": contexts.c.input_tokens,
            "cached_tokens": contexts.c.cached_tokens,
        }
        query = select(
            func.count().label("live"),
            *(func.coalesce(func.sum(sum), 0).label(name) for name, sum in sums.items()),
        )
        live = (contexts.c.project == project, contexts.c.expires_at > now)
        with transaction(self._engine) as connection:
            found = connection.execute(query.where(*live)).one()._mapping
        return Tally(**{name: int(value) for name, value in found.items()})

    def change(
        self,
        project: str,
        id: str,
        now: datetime,
        *,
        ttl_s: int | None = None,
        metadata: Mapping[str, str] | None = None,
    ) -> Context:
        """Another time to live, which starts anew, or other metadata. Raises NotFound."""
        with self._writing() as connection:
            context = rows.read(rows.find(connection, rows.WHOLE, project, id, now, hold=True))
            if ttl_s is not None:
                ends = max(expiry(ttl_s, now), context.busy_until or now)
                context = replace(context, ttl_s=ttl_s, expires_at=ends)
            if metadata is not None:
                context = replace(context, metadata=dict(metadata))
            rows.write(
                connection,
                context.id,
                ttl_s=context.ttl_s,
                expires_at=context.expires_at,
                metadata=rows.document(context.metadata),
            )
        return context

    def delete(self, project: str, id: str) -> None:
        """Forget a context with its turns and tags; a call that is going on then cannot finish.
        Raises NotFound.
        """
        with self._writing() as connection:
            gone = connection.execute(delete(contexts).where(*rows.named(project, id)))
            if gone.rowcount == 0:
                raise rows.missing(id)

    def clone(
        self,
        project: str,
        id: str,
        new_id: str,
        now: datetime,
        *,
        turns: int | None = None,
        origin: str | None = None,
    ) -> Context:
        """A context that begins with the same initial messages and the same turns, or the first of
        them, and goes on by itself. Raises NotFound, and Conflict when it does not have so many
        turns or the new id is taken.
        """
        with self._writing() as connection:
            old = rows.read(rows.find(connection, rows.WHOLE, project, id, now, hold=True))
            count = old.turns if turns is None else turns
            if not 0 <= count <= old.turns:
                raise Conflict(f"context {old.id} has {old.turns} turns", field="context_id")
            # Where the cut was when there were fewer turns is not known: the next call cuts anew.
            cut = old.cut if old.cut < count or count == old.turns else 0
            new = replace(
                _fresh(old, new_id, now),
                origin=old.origin if origin is None else origin,
                turns=count,
                cut=cut,
                kept_tokens=rows.tokens(connection, old.id, cut, count),
            )
            rows.add(connection, new)
            rows.copy_turns(connection, old.id, new.id, count)
        return new

    # ---- turns -------------------------------------------------------------------------------

    def begin(
        self, project: str, id: str, holder: str, now: datetime, lock_s: float
    ) -> tuple[Context, Turns]:
        """Start a call: the context, and its turns from the cut on, without their answers.

        The time to live starts anew. A session is then locked for that many seconds, for `holder`,
        a name that no other call has. Raises NotFound, Busy while another call holds the lock.
        """
        until = now + timedelta(seconds=lock_s)
        with self._locking() as connection:
            context = rows.read(rows.find(connection, rows.WHOLE, project, id, now, hold=True))
            ends = max(expiry(context.ttl_s, now), until)
            context = replace(context, used_at=now, expires_at=ends)
            values: dict[str, Any] = {"used_at": now, "expires_at": ends}
            if context.mode is Mode.SESSION:
                _refuse_busy(context, now)
                context = replace(context, busy_until=until)
                values |= {"busy_by": holder, "busy_until": until}
            rows.write(connection, context.id, **values)
            return context, rows.turns(connection, context.id, context.cut)

    def hold(self, project: str, id: str, holder: str, now: datetime, lock_s: float) -> Context:
        """Lock a session for that many seconds, or longer for who has it already, while its turn is
        answered elsewhere. Raises NotFound, Busy while another has it, Conflict for a common
        prefix.
        """
        until = now + timedelta(seconds=lock_s)
        with self._locking() as connection:
            row = rows.find(connection, rows.WHOLE, project, id, now, hold=True)
            context = rows.read(row)
            if context.mode is not Mode.SESSION:
                raise Conflict(f"context {context.id} is a common prefix: nothing is added to it")
            if row.busy_by != holder:
                _refuse_busy(context, now)
            ends = max(expiry(context.ttl_s, now), until)
            held = {"used_at": now, "expires_at": ends, "busy_until": until}
            rows.write(connection, context.id, **held, busy_by=holder)
        return replace(context, **held)

    def renew(self, id: str, holder: str, now: datetime, lock_s: float) -> bool:
        """Hold the lock of a session for that many seconds from now; False when it is lost."""
        until = literal(now + timedelta(seconds=lock_s), contexts.c.expires_at.type)
        ends = case((contexts.c.expires_at < until, until), else_=contexts.c.expires_at)
        held = update(contexts).where(contexts.c.id == id, contexts.c.busy_by == holder)
        with self._locking() as connection:
            renewed = connection.execute(held.values(busy_until=until, expires_at=ends))
            return renewed.rowcount > 0

    def finish(
        self,
        id: str,
        holder: str,
        now: datetime,
        *,
        turn: Turn | None,
        cut: int,
        kept_tokens: int,
        usage: Usage | None,
    ) -> None:
        """End a call: append its turn, if any, count what it took, start the time to live anew and
        let the lock go. `kept_tokens` are those from the cut on, with the turn. Without `usage`
        nothing is counted: no model was asked.

        A lock that ran out is still good while nobody took it and no sweep came by, even when the
        context expired meanwhile: it then lives on. Else nothing is kept: raises Conflict when
        another call or an undo had the context, NotFound when it is gone. For a common prefix
        neither is raised: it has nothing to lose.
        """
        with self._writing() as connection:
            row = rows.hold(connection, id)
            if row is None and turn is None:
                return
            if row is None:
                raise rows.missing(id)
            values: dict[str, Any] = {"expires_at": expiry(row.ttl_s, now)}
            if row.mode == Mode.COMMON_PREFIX.value:
                # Other calls may be going on, and each was promised its time.
                values["expires_at"] = max(values["expires_at"], row.expires_at)
            else:
                if row.busy_by != holder or (turn is not None and turn.position != row.turns):
                    raise Conflict(f"context {id} was taken by another call", field="context_id")
                rows.add_turns(connection, id, [] if turn is None else [turn])
                values |= {"cut": cut, "kept_tokens": kept_tokens, **UNLOCKED}
                values["turns"] = row.turns + (turn is not None)
            if usage is not None:
                values |= _counted(row.calls, row.input_tokens, row.cached_tokens, usage)
            rows.write(connection, id, used_at=now, **values)

    def release(self, id: str, holder: str, now: datetime) -> None:
        """End a call that appends nothing; nothing is done when its lock is lost."""
        with self._locking() as connection:
            row = rows.hold(connection, id)
            if row is not None and row.busy_by == holder:
                rows.write(connection, id, expires_at=expiry(row.ttl_s, now), **UNLOCKED)

    def undelivered(self, id: str, position: int, now: datetime) -> None:
        """Note that the answer of a turn, made by now, may not have reached its caller."""
        one = (context_turns.c.context == id, context_turns.c.position == position)
        change = update(context_turns).where(*one, context_turns.c.at <= now)
        with self._writing() as connection:
            connection.execute(change.values(delivered=False))

    def replay(
        self, project: str, id: str, request: bytes, now: datetime, *, keyed: bool
    ) -> Turn | None:
        """The last turn, with its answer, when the same request made it and the answer may not have
        reached its caller; when `keyed`, even if it did.
        """
        last = context_turns.c.position == contexts.c.turns - 1
        query = select(context_turns).join(contexts).where(last, contexts.c.expires_at > now)
        query = query.where(*rows.named(project, id), context_turns.c.request == request)
        if not keyed:
            query = query.where(context_turns.c.delivered.is_(False))
        with transaction(self._engine) as connection:
            row = connection.execute(query).first()
        return None if row is None else rows.read_turn(row)

    def undo(self, project: str, id: str, now: datetime) -> Context:
        """Drop the last turn, and the responses that stand for it; what was cut stays cut. Raises
        NotFound, Busy in the middle of a call, Conflict when there is no turn.
        """
        with self._writing() as connection:
            context = rows.read(rows.find(connection, rows.WHOLE, project, id, now, hold=True))
            _refuse_busy(context, now)
            if context.turns == 0:
                raise Conflict(f"context {context.id} has no turns", field="context_id")
            last = context.turns - 1
            cut = min(context.cut, last)
            left = rows.tokens(connection, context.id, cut, last)
            rows.drop_turn(connection, context.id, last)
            values = {"turns": last, "cut": cut, "kept_tokens": left}
            # Unlocked, so that a call whose lock ran out appends nothing behind what it never saw.
            rows.write(connection, context.id, **values, **UNLOCKED)
        return replace(context, turns=last, cut=cut, kept_tokens=left, busy_until=None)

    def history(self, project: str, id: str, now: datetime) -> Turns:
        """All turns, those before the cut too, without their answers. Raises NotFound."""
        with transaction(self._engine) as connection:
            row = rows.find(connection, rows.NAMED, project, id, now)
            return rows.turns(connection, row.id, 0)

    # ---- tags --------------------------------------------------------------------------------

    def tag(self, project: str, tag: str, id: str, now: datetime, *, keep: bool = False) -> str:
        """Give a context a name, which any other loses; unless it is to `keep` the name while it is
        live. Returns the id of the context that has it now. Raises NotFound, Invalid.
        """
        key = {"project": project, "tag": check_tag(tag)}
        ends = select(contexts.c.expires_at).where(contexts.c.id == context_tags.c.context)
        with self._writing() as connection:
            row = rows.find(connection, rows.NAMED, project, id, now, hold=True)
            put = insert_into(connection, context_tags).values(**key, context=row.id)
            put = put.on_conflict_do_update(
                index_elements=[*key],
                set_={"context": row.id},
                where=ends.scalar_subquery() <= now if keep else None,
            )
            connection.execute(put)
            named = select(context_tags.c.context).where(*rows.of_tag(project, tag))
            return str(connection.execute(named).scalar_one())

    def untag(self, project: str, tag: str) -> None:
        """Forget a name. Raises NotFound."""
        with self._writing() as connection:
            gone = connection.execute(delete(context_tags).where(*rows.of_tag(project, tag)))
            if gone.rowcount == 0:
                raise NotFound("there is no such tag", field="tag")

    def tags(self, project: str) -> dict[str, str]:
        """The names, in order, and the contexts they stand for, of which some may have expired."""
        query = select(context_tags.c.tag, context_tags.c.context)
        query = query.where(context_tags.c.project == project).order_by(context_tags.c.tag)
        with transaction(self._engine) as connection:
            return {row.tag: row.context for row in connection.execute(query)}

    # ---- the end -----------------------------------------------------------------------------

    def sweep(self, now: datetime) -> int:
        """Forget expired contexts with their turns and tags; how many there were. In slices, so
        that calls get in between.
        """
        # Those that somebody holds are left alone: perhaps a call makes them live on.
        some = select(contexts.c.id).where(contexts.c.expires_at <= now).limit(SWEEP_ROWS_MAX)
        some = some.with_for_update(skip_locked=True)
        swept = 0
        while True:
            with self._writing() as connection:
                gone = connection.execute(delete(contexts).where(contexts.c.id.in_(some))).rowcount
            swept += gone
            if gone < SWEEP_ROWS_MAX:
                return swept

    def unlock_all(self) -> None:
        """Let every lock go: for the start of a process that is alone."""
        with self._writing() as connection:
            locked = update(contexts).where(contexts.c.busy_by.is_not(None))
            connection.execute(locked.values(**UNLOCKED))


@contextmanager
def _immediate(connection: Connection) -> Iterator[None]:
    """A transaction of SQLite that is not waited for. The connection is then as it was."""
    connection.exec_driver_sql("PRAGMA synchronous=NORMAL")
    try:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        yield
        connection.connection.commit()
    finally:
        connection.connection.rollback()
        connection.exec_driver_sql("PRAGMA synchronous=FULL")


def _fresh(context: Context, id: str, now: datetime) -> Context:
    """The same under another id, as if it had just been made."""
    return replace(
        context,
        id=id,
        created_at=now,
        used_at=now,
        expires_at=expiry(context.ttl_s, now),
        calls=0,
        input_tokens=0,
        cached_tokens=0,
        busy_until=None,
    )


def _counted(calls: int, input_tokens: int, cached_tokens: int, usage: Usage) -> dict[str, int]:
    return {
        "calls": calls + 1,
        "input_tokens": input_tokens + usage.input_tokens,
        "cached_tokens": cached_tokens + (usage.cached_tokens or 0),
    }


def _refuse_busy(context: Context, now: datetime) -> None:
    if context.busy_until is not None and context.busy_until > now:
        raise Busy(f"context {context.id} is in invalid state: InProgress", field="context_id")
