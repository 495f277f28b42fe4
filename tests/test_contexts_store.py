"""Contexts in the state store, on SQLite and on PostgreSQL: one turn at a time, whoever asks."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy import Engine, create_engine, event, func, select, text

from causerie.config import Settings
from causerie.contexts import Context, Mode, Strategy, Tally, Truncation, Turn
from causerie.errors import Busy, Conflict, Invalid, NotFound, Unavailable
from causerie.store.accounts import Accounts
from causerie.store.contexts import SWEEP_ROWS_MAX, Contexts
from causerie.store.responses import Responses
from causerie.store.state import open_state
from causerie.store.state_schema import (
    context_openings,
    context_tags,
    context_turns,
    contexts,
)
from causerie.testing import Ticking
from causerie.token_usage import Usage

NOW = datetime(2026, 5, 20, 12, 0, tzinfo=UTC)
TTL_S, LOCK_S = 600, 60.0
HOUR = timedelta(hours=1)
INITIAL = b'[ {"role":"system", "content":"be brief"}]'
FIGHTERS, ROUNDS = 4, 25
SPAWN = multiprocessing.get_context("spawn")


@pytest.fixture
def store(engine: Engine) -> Contexts:
    accounts = Accounts(engine)
    for project in ("shop", "other"):
        accounts.create_project(project.title(), NOW, project)
    return Contexts(engine)


@pytest.fixture
def responses(engine: Engine) -> Responses:
    return Responses(engine)


def context(id: str = "ctx-1", **given: Any) -> Context:
    values: dict[str, Any] = {
        "project": "shop",
        "endpoint": "ep-1",
        "mode": Mode.SESSION,
        "ttl_s": TTL_S,
        "strategy": Strategy(type=Truncation.LAST_HISTORY, last_history_tokens=4_096),
        "initial": INITIAL,
        "initial_tokens": 18,
        "created_at": NOW,
        "used_at": NOW,
        "expires_at": NOW + timedelta(seconds=TTL_S),
        "user": "lan",
        "tenant": "north",
        "metadata": {"plan": "gold"},
        **given,
    }
    return Context(id=id, **values)


def prefix(id: str = "ctx-1", **given: Any) -> Context:
    return context(id, mode=Mode.COMMON_PREFIX, strategy=None, **given)


def turn(position: int, at: datetime = NOW, **given: Any) -> Turn:
    values: dict[str, Any] = {
        "messages": b'[{"role":"user" ,"content":"%d"}]' % position,
        "tokens": 10 + position,
        "request": b"request %d" % position,
        "answer": b"answer %d" % position,
        **given,
    }
    return Turn(position=position, at=at, **values)


def bare(turn: Turn) -> Turn:
    """As it is read for the next call."""
    return replace(turn, answer=None)


def talk(store: Contexts, id: str, now: datetime = NOW, cut: int | None = None) -> Turn:
    """One whole call."""
    found, kept = store.begin("shop", id, "holder", now, LOCK_S)
    made = turn(found.turns, now)
    cut = found.cut if cut is None else cut
    left = sum(one.tokens for one in [*kept, made] if one.position >= cut)
    used = Usage(input_tokens=100, cached_tokens=40, output_tokens=5)
    store.finish(found.id, "holder", now, turn=made, cut=cut, kept_tokens=left, usage=used)
    return made


def finish(
    store: Contexts, holder: str, now: datetime, made: Turn | None, id: str = "ctx-1"
) -> None:
    store.finish(id, holder, now, turn=made, cut=0, kept_tokens=10, usage=Usage(input_tokens=7))


# ---- life ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("made", [context(), prefix(user="", metadata={}, origin="openai")])
def test_a_context_is_kept_as_it_was_made(store: Contexts, made: Context) -> None:
    store.create(made)
    assert store.get("shop", made.id, NOW) == made


def test_an_id_is_given_once(store: Contexts) -> None:
    store.create(context(user="first"))
    for project in ("shop", "other"):
        with pytest.raises(Conflict):
            store.create(context(project=project, user="second"))
    assert store.get("shop", "ctx-1", NOW).user == "first"


def test_a_context_comes_back_from_elsewhere_with_its_turns(store: Contexts) -> None:
    store.create(context(cut=1, kept_tokens=11), [turn(7), turn(9)])
    found = store.get("shop", "ctx-1", NOW)
    assert (found.turns, found.cut, found.kept_tokens) == (2, 1, 11)
    history = store.history("shop", "ctx-1", NOW)
    assert [one.position for one in history] == [0, 1]
    assert history[1].messages == turn(9).messages


def every_use(
    store: Contexts, project: str, id: str, now: datetime
) -> dict[str, Callable[[], object]]:
    """All that takes a project and an id, but `replay`, which has nothing to say of it."""
    return {
        "get": lambda: store.get(project, id, now),
        "begin": lambda: store.begin(project, id, "holder", now, LOCK_S),
        "change": lambda: store.change(project, id, now, ttl_s=9),
        "undo": lambda: store.undo(project, id, now),
        "clone": lambda: store.clone(project, id, "ctx-new", now),
        "history": lambda: store.history(project, id, now),
        "tag": lambda: store.tag(project, "name", id, now),
    }


@pytest.mark.parametrize("id", ["ctx-1", "tag:mine"])
def test_another_projects_context_is_as_unknown_as_none(store: Contexts, id: str) -> None:
    store.create(context())
    talk(store, "ctx-1")
    store.tag("shop", "mine", "ctx-1", NOW)
    unknown = id.replace("1", "9").replace("mine", "none")
    nobodys = every_use(store, "shop", unknown, NOW)
    nobodys["delete"] = lambda: store.delete("shop", unknown)
    others = every_use(store, "other", id, NOW)
    others["delete"] = lambda: store.delete("other", id)
    for name, use in others.items():
        with pytest.raises(NotFound) as theirs:
            use()
        with pytest.raises(NotFound) as none:
            nobodys[name]()
        assert theirs.value.message == f"context {id} not found or expired"
        assert theirs.value.message == none.value.message.replace(unknown, id)
        assert theirs.value.field == none.value.field == "context_id"
    assert store.replay("other", id, b"request 0", NOW, keyed=True) is None
    assert store.list("other", NOW) == ([], 0)
    assert store.get("shop", "ctx-1", NOW).turns == 1


@pytest.mark.parametrize(
    "id", ["ctx\0", "tag:a\0b", "", "tag:", "x" * 5_000, "'; DROP TABLE contexts"]
)
def test_an_id_that_none_can_have_is_unknown(store: Contexts, id: str) -> None:
    for use in every_use(store, "shop", id, NOW).values():
        with pytest.raises(NotFound) as unknown:
            use()
        assert len(unknown.value.message) < 200
    assert store.replay("shop", id, b"request", NOW, keyed=True) is None


def test_a_context_ends_when_nobody_used_it_for_its_time(store: Contexts) -> None:
    store.create(context())
    talk(store, "ctx-1")
    ends = NOW + timedelta(seconds=TTL_S)
    assert store.get("shop", "ctx-1", ends - timedelta(microseconds=1)).expires_at == ends
    for name, use in every_use(store, "shop", "ctx-1", ends).items():
        with pytest.raises(NotFound) as ended:
            use()
        assert ended.value.message == "context ctx-1 has expired", name
    assert store.replay("shop", "ctx-1", b"request 0", ends, keyed=True) is None
    assert store.list("shop", ends) == ([], 0)


def test_every_use_starts_the_time_anew(store: Contexts, clock: Ticking) -> None:
    store.create(context())
    for _ in range(5):
        clock.move(seconds=TTL_S - 1)
        talk(store, "ctx-1", clock())
    assert store.get("shop", "ctx-1", clock()).expires_at == clock() + timedelta(seconds=TTL_S)
    clock.move(seconds=5)
    store.begin("shop", "ctx-1", "a", clock(), LOCK_S)
    assert store.get("shop", "ctx-1", clock()).expires_at == clock() + timedelta(seconds=TTL_S)


def test_a_look_does_not_start_the_time_anew(store: Contexts) -> None:
    store.create(context())
    store.history("shop", "ctx-1", NOW + timedelta(seconds=5))
    assert store.get("shop", "ctx-1", NOW + timedelta(seconds=5)) == context()


def test_another_time_to_live_counts_from_now(store: Contexts) -> None:
    store.create(context())
    later = NOW + timedelta(seconds=30)
    changed = store.change("shop", "ctx-1", later, ttl_s=10)
    assert changed == replace(context(), ttl_s=10, expires_at=later + timedelta(seconds=10))
    changed = store.change("shop", "ctx-1", later, metadata={"a": "b"})
    assert changed.metadata == {"a": "b"}
    assert store.get("shop", "ctx-1", later) == changed


def test_a_deleted_context_is_gone_with_all_it_had(store: Contexts, engine: Engine) -> None:
    store.create(context())
    store.create(context("ctx-2"))
    for id in ("ctx-1", "ctx-2"):
        talk(store, id)
        store.tag("shop", id.replace("ctx", "tag"), id, NOW)
    store.delete("shop", "tag:tag-1")
    with pytest.raises(NotFound):
        store.delete("shop", "ctx-1")
    for table in (contexts, context_openings, context_turns, context_tags):
        with engine.connect() as connection:
            assert connection.execute(select(func.count()).select_from(table)).scalar() == 1
    assert store.tags("shop") == {"tag-2": "ctx-2"}


def test_contexts_are_listed_by_last_use(store: Contexts, clock: Ticking) -> None:
    for number, user in enumerate(("lan", "mei", "lan")):
        store.create(context(f"ctx-{number}", user=user))
    store.create(context("ctx-gone", expires_at=NOW))
    store.tag("shop", "mine", "ctx-1", NOW)
    clock.move(seconds=1)
    talk(store, "ctx-0", clock())
    listed, total = store.list("shop", clock())
    assert ([one.id for one in listed], total) == (["ctx-0", "ctx-2", "ctx-1"], 3)
    assert listed[0] == store.get("shop", "ctx-0", clock())
    listed, total = store.list("shop", clock(), user="lan", limit=1, offset=1)
    assert ([one.id for one in listed], total) == (["ctx-2"], 2)
    listed, total = store.list("shop", clock(), tag="mine")
    assert ([one.id for one in listed], total) == (["ctx-1"], 1)
    assert store.list("shop", clock(), user="lan", tag="mine") == ([], 0)
    assert store.list("shop", clock(), user="a\0", tag="b\0") == ([], 0)


def test_live_contexts_are_added_up(store: Contexts) -> None:
    assert store.totals("shop", NOW) == Tally(
        live=0, kept_tokens=0, calls=0, input_tokens=0, cached_tokens=0
    )
    store.create(context())
    store.create(prefix("ctx-2"))
    store.create(context("ctx-gone", expires_at=NOW))
    talk(store, "ctx-1")
    talk(store, "ctx-1")
    store.begin("shop", "ctx-2", "b", NOW, LOCK_S)
    finish(store, "b", NOW, None, "ctx-2")
    assert store.totals("shop", NOW) == Tally(
        live=2, kept_tokens=18 + 18 + 10 + 11, calls=3, input_tokens=207, cached_tokens=80
    )


# ---- turns ---------------------------------------------------------------------------------------


def test_a_call_gets_the_turns_from_the_cut_on_and_appends_its_own(store: Contexts) -> None:
    store.create(context())
    made = [talk(store, "ctx-1"), talk(store, "ctx-1"), talk(store, "ctx-1", cut=1)]
    found, kept = store.begin("shop", "ctx-1", "a", NOW, LOCK_S)
    assert kept == [bare(one) for one in made[1:]]
    assert (found.turns, found.cut, found.kept_tokens) == (3, 1, 11 + 12)
    assert (found.calls, found.input_tokens, found.cached_tokens) == (3, 300, 120)
    assert found.initial == INITIAL
    assert found.busy_until == NOW + timedelta(seconds=LOCK_S)
    assert store.history("shop", "ctx-1", NOW) == [bare(one) for one in made]


def test_a_second_call_is_refused_until_the_first_ends(store: Contexts) -> None:
    store.create(context())
    for end in (partial(finish, store, "a", NOW, None), partial(store.release, "ctx-1", "a", NOW)):
        store.begin("shop", "ctx-1", "a", NOW, LOCK_S)
        before = store.get("shop", "ctx-1", NOW)
        with pytest.raises(Busy) as busy:
            store.begin("shop", "ctx-1", "b", NOW + timedelta(seconds=1), LOCK_S)
        assert busy.value.message == "context ctx-1 is in invalid state: InProgress"
        with pytest.raises(Busy):
            store.undo("shop", "ctx-1", NOW)
        assert store.get("shop", "ctx-1", NOW) == before
        end()
        assert store.get("shop", "ctx-1", NOW).busy_until is None
    store.begin("shop", "ctx-1", "b", NOW, LOCK_S)


def test_a_call_that_fails_leaves_the_context_as_it_was(store: Contexts) -> None:
    store.create(context())
    talk(store, "ctx-1")
    before = store.get("shop", "ctx-1", NOW)
    store.begin("shop", "ctx-1", "a", NOW, LOCK_S)
    store.release("ctx-1", "b", NOW)
    assert store.get("shop", "ctx-1", NOW).busy_until is not None
    store.release("ctx-1", "a", NOW)
    assert store.get("shop", "ctx-1", NOW) == before
    store.release("ctx-none", "a", NOW)


def test_calls_of_a_common_prefix_go_on_together(store: Contexts, clock: Ticking) -> None:
    store.create(prefix(ttl_s=10))
    for holder in "abc":
        found, kept = store.begin("shop", "ctx-1", holder, clock(), LOCK_S)
        assert (kept, found.busy_until) == ([], None)
    clock.move(seconds=LOCK_S - 1)
    for holder in "abc":
        finish(store, holder, clock(), None)
    found = store.get("shop", "ctx-1", clock())
    assert (found.calls, found.turns, found.input_tokens) == (3, 0, 21)
    assert found.expires_at == clock() + timedelta(seconds=10)
    assert store.renew("ctx-1", "a", clock(), LOCK_S) is False
    store.delete("shop", "ctx-1")
    finish(store, "a", clock(), None)


def fight(store: Contexts, together: threading.Barrier, holder: str) -> list[int]:
    """The turns of those rounds that this one wins; all begin at once, none ends early."""
    won = []
    for _ in range(ROUNDS):
        together.wait()
        try:
            found, _ = store.begin("shop", "ctx-1", holder, NOW, LOCK_S)
        except Busy:
            found = None
        together.wait()
        if found is not None:
            finish(store, holder, NOW, turn(found.turns))
            won.append(found.turns)
    return won


def test_of_threads_that_want_a_session_exactly_one_gets_it(store: Contexts) -> None:
    store.create(context())
    together = threading.Barrier(FIGHTERS, timeout=60)
    with ThreadPoolExecutor(FIGHTERS) as pool:
        fights = [pool.submit(fight, store, together, f"holder {n}") for n in range(FIGHTERS)]
        won = [position for one in fights for position in one.result()]
    assert sorted(won) == list(range(ROUNDS))
    assert len(store.history("shop", "ctx-1", NOW)) == ROUNDS


def fight_alone(address: str, stage: str, holder: str) -> list[int]:
    """In a process of its own: the turns made, each alone on the stage."""
    engine = open_state(address)
    store = Contexts(engine)
    made: list[int] = []
    while len(made) < ROUNDS:
        try:
            found, _ = store.begin("shop", "ctx-1", holder, NOW, LOCK_S)
        except Busy:
            continue
        # Fails when another one is there.
        os.close(os.open(stage, os.O_CREAT | os.O_EXCL))
        os.unlink(stage)
        finish(store, holder, NOW, turn(found.turns))
        made.append(found.turns)
    engine.dispose()
    return made


def test_of_processes_that_want_a_session_one_at_a_time_gets_it(
    store: Contexts, state_url: str, tmp_path: Path
) -> None:
    store.create(context())
    address, stage = Settings(state_url=state_url).state_address, str(tmp_path / "stage")
    with ProcessPoolExecutor(2, SPAWN) as pool:
        fights = [pool.submit(fight_alone, address, stage, f"holder {n}") for n in range(2)]
        made = [position for one in fights for position in one.result()]
    assert sorted(made) == list(range(2 * ROUNDS))
    assert [one.position for one in store.history("shop", "ctx-1", NOW)] == sorted(made)
    assert store.get("shop", "ctx-1", NOW).calls == 2 * ROUNDS


def begin_and_die(address: str) -> None:
    """In a process of its own, which is killed in the middle of a call."""
    Contexts(open_state(address)).begin("shop", "ctx-1", "dead", NOW, LOCK_S)
    os.kill(os.getpid(), signal.SIGKILL)


def test_the_lock_of_a_process_that_was_killed_runs_out(store: Contexts, state_url: str) -> None:
    store.create(context())
    talk(store, "ctx-1")
    process = SPAWN.Process(
        target=begin_and_die, args=(Settings(state_url=state_url).state_address,)
    )
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    ends = NOW + timedelta(seconds=LOCK_S)
    with pytest.raises(Busy):
        store.begin("shop", "ctx-1", "b", ends - timedelta(microseconds=1), LOCK_S)
    found, kept = store.begin("shop", "ctx-1", "b", ends, LOCK_S)
    assert (found.turns, len(kept)) == (1, 1)


def test_a_process_that_starts_alone_lets_every_lock_go(store: Contexts) -> None:
    for id in ("ctx-1", "ctx-2"):
        store.create(context(id))
        store.begin("shop", id, "dead", NOW, LOCK_S)
    store.unlock_all()
    for id in ("ctx-1", "ctx-2"):
        store.begin("shop", id, "b", NOW, LOCK_S)
    with pytest.raises(Conflict):
        finish(store, "dead", NOW, turn(0))


def test_what_is_kept_survives_a_power_cut_although_locks_need_not(
    store: Contexts, engine: Engine
) -> None:
    sqlite = engine.dialect.name == "sqlite"
    asked = "PRAGMA synchronous" if sqlite else "SHOW synchronous_commit"
    store.create(context())
    with engine.connect() as connection:
        before = connection.execute(text(asked)).scalar()
    talk(store, "ctx-1")
    store.begin("shop", "ctx-1", "a", NOW, LOCK_S)
    with pytest.raises(Busy):
        store.begin("shop", "ctx-1", "b", NOW, LOCK_S)
    store.renew("ctx-1", "a", NOW, LOCK_S)
    store.release("ctx-1", "a", NOW)
    # On the connection that all of them had.
    with engine.connect() as connection:
        assert connection.execute(text(asked)).scalar() == before
    assert store.get("shop", "ctx-1", NOW).busy_until is None


def test_a_lock_that_is_renewed_does_not_run_out(store: Contexts, clock: Ticking) -> None:
    store.create(context(ttl_s=1))
    store.begin("shop", "ctx-1", "a", clock(), LOCK_S)
    for _ in range(3):
        clock.move(seconds=LOCK_S - 1)
        assert store.renew("ctx-1", "a", clock(), LOCK_S)
        assert not store.renew("ctx-1", "b", clock(), LOCK_S)
        assert store.sweep(clock()) == 0
        with pytest.raises(Busy):
            store.begin("shop", "ctx-1", "b", clock(), LOCK_S)
    clock.move(seconds=LOCK_S - 1)
    finish(store, "a", clock(), turn(0))
    assert store.get("shop", "ctx-1", clock()).expires_at == clock() + timedelta(seconds=1)
    assert not store.renew("ctx-1", "a", clock(), LOCK_S)


def test_a_hold_is_a_lock_that_is_taken_again_by_its_name(store: Contexts) -> None:
    store.create(context())
    assert store.hold("shop", "ctx-1", "hold a", NOW, LOCK_S).busy_until is not None
    store.hold("shop", "ctx-1", "hold a", NOW, LOCK_S)
    with pytest.raises(Busy):
        store.hold("shop", "ctx-1", "hold b", NOW, LOCK_S)
    with pytest.raises(Busy):
        store.begin("shop", "ctx-1", "c", NOW, LOCK_S)
    store.release("ctx-1", "hold a", NOW)
    store.hold("shop", "ctx-1", "hold b", NOW, LOCK_S)
    store.create(prefix("ctx-2"))
    with pytest.raises(Conflict):
        store.hold("shop", "ctx-2", "hold a", NOW, LOCK_S)


def test_who_lost_the_lock_appends_nothing(store: Contexts, clock: Ticking) -> None:
    store.create(context())
    store.begin("shop", "ctx-1", "slow", clock(), LOCK_S)
    clock.move(seconds=LOCK_S)
    store.begin("shop", "ctx-1", "b", clock(), LOCK_S)
    assert not store.renew("ctx-1", "slow", clock(), LOCK_S)
    with pytest.raises(Conflict):
        finish(store, "slow", clock(), turn(0))
    store.release("ctx-1", "slow", clock())
    finish(store, "b", clock(), turn(0, answer=b"b"))
    after = store.get("shop", "ctx-1", clock())
    for made in (turn(1), turn(0), None):
        with pytest.raises(Conflict):
            finish(store, "slow", clock(), made)
    assert store.get("shop", "ctx-1", clock()) == after
    assert (after.turns, after.calls) == (1, 1)


def test_a_lock_that_ran_out_is_good_while_nobody_took_it(store: Contexts, clock: Ticking) -> None:
    store.create(context())
    store.begin("shop", "ctx-1", "slow", clock(), LOCK_S)
    clock.move(seconds=LOCK_S + 1)
    finish(store, "slow", clock(), turn(0))
    assert store.get("shop", "ctx-1", clock()).turns == 1


def test_a_call_that_outlives_its_context_by_a_jump_of_the_clock_keeps_it(
    store: Contexts, clock: Ticking
) -> None:
    store.create(context())
    store.begin("shop", "ctx-1", "a", clock(), LOCK_S)
    clock.move(seconds=10 * TTL_S)
    with pytest.raises(NotFound):
        store.begin("shop", "ctx-1", "b", clock(), LOCK_S)
    finish(store, "a", clock(), turn(0))
    found = store.get("shop", "ctx-1", clock())
    assert (found.turns, found.expires_at) == (1, clock() + timedelta(seconds=TTL_S))


def test_a_call_whose_context_was_swept_or_deleted_says_so(store: Contexts, clock: Ticking) -> None:
    for end in (partial(store.sweep, NOW + HOUR), partial(store.delete, "shop", "ctx-1")):
        store.create(context())
        store.begin("shop", "ctx-1", "a", clock(), LOCK_S)
        end()
        assert not store.renew("ctx-1", "a", clock(), LOCK_S)
        with pytest.raises(NotFound):
            finish(store, "a", clock(), turn(0))
        store.release("ctx-1", "a", clock())
        store.undelivered("ctx-1", 0, clock())
    assert store.list("shop", NOW) == ([], 0)


def test_a_turn_out_of_its_place_is_refused(store: Contexts) -> None:
    store.create(context())
    talk(store, "ctx-1")
    store.begin("shop", "ctx-1", "a", NOW, LOCK_S)
    for position in (0, 2):
        with pytest.raises(Conflict):
            finish(store, "a", NOW, turn(position))
    assert len(store.history("shop", "ctx-1", NOW)) == 1


# ---- repetition, undo, clones --------------------------------------------------------------------


def test_a_repeated_request_is_answered_again_when_its_answer_was_lost(store: Contexts) -> None:
    store.create(context())
    first = talk(store, "ctx-1")
    ask = partial(store.replay, "shop", "ctx-1", now=NOW)
    assert ask(b"request 0", keyed=False) is None
    assert ask(b"request 0", keyed=True) == first
    store.undelivered("ctx-1", 0, NOW)
    assert ask(b"request 0", keyed=False) == replace(first, delivered=False)
    assert ask(b"another", keyed=True) is None
    second = talk(store, "ctx-1")
    assert ask(b"request 0", keyed=True) is None
    assert ask(b"request 1", keyed=True) == second
    store.tag("shop", "mine", "ctx-1", NOW)
    assert store.replay("shop", "tag:mine", b"request 1", NOW, keyed=True) == second


def test_only_the_last_answer_is_kept(store: Contexts, engine: Engine) -> None:
    store.create(context())
    for _ in range(3):
        talk(store, "ctx-1")
    query = select(context_turns.c.answer).order_by(context_turns.c.position)
    with engine.connect() as connection:
        assert list(connection.execute(query).scalars()) == [None, None, b"answer 2"]


def test_the_last_turn_can_be_undone(store: Contexts, responses: Responses) -> None:
    store.create(context())
    made = [talk(store, "ctx-1") for _ in range(3)]
    later = NOW + HOUR
    for turns in (2, 3):
        responses.put(f"resp-{turns}", "shop", "ctx-1", turns, b"{}", NOW, later)
    undone = store.undo("shop", "ctx-1", NOW)
    assert (undone.turns, undone.cut, undone.kept_tokens) == (2, 0, 10 + 11)
    assert store.get("shop", "ctx-1", NOW) == undone
    assert store.history("shop", "ctx-1", NOW) == [bare(one) for one in made[:2]]
    assert responses.get("shop", "resp-2", NOW) == ("ctx-1", 2, b"{}")
    with pytest.raises(NotFound):
        responses.get("shop", "resp-3", NOW)
    assert talk(store, "ctx-1").position == 2


def test_undoing_stops_at_the_first_turn(store: Contexts) -> None:
    store.create(context())
    talk(store, "ctx-1")
    talk(store, "ctx-1", cut=1)
    found, _ = store.begin("shop", "ctx-1", "a", NOW, LOCK_S)
    store.finish("ctx-1", "a", NOW, turn=turn(2), cut=2, kept_tokens=12, usage=Usage())
    assert [store.undo("shop", "ctx-1", NOW).cut for _ in range(3)] == [2, 1, 0]
    with pytest.raises(Conflict):
        store.undo("shop", "ctx-1", NOW)
    assert store.get("shop", "ctx-1", NOW).kept_tokens == 0
    assert found.turns == 2


def test_a_slow_call_appends_nothing_behind_an_undo(store: Contexts, clock: Ticking) -> None:
    store.create(context())
    for _ in range(2):
        talk(store, "ctx-1")
    store.begin("shop", "ctx-1", "slow", clock(), LOCK_S)
    clock.move(seconds=LOCK_S)
    store.undo("shop", "ctx-1", clock())
    with pytest.raises(Conflict):
        finish(store, "slow", clock(), turn(2))
    assert len(store.history("shop", "ctx-1", clock())) == 1


def test_a_clone_goes_on_by_itself(store: Contexts, clock: Ticking) -> None:
    store.create(context())
    made = [talk(store, "ctx-1") for _ in range(3)]
    store.begin("shop", "ctx-1", "a", clock(), LOCK_S)
    clock.move(seconds=9)
    clone = store.clone("shop", "ctx-1", "ctx-2", clock(), origin="response")
    ends = clock() + timedelta(seconds=TTL_S)
    assert clone == context(
        "ctx-2",
        origin="response",
        created_at=clock(),
        used_at=clock(),
        expires_at=ends,
        turns=3,
        kept_tokens=33,
    )
    assert store.get("shop", "ctx-2", clock()) == clone
    copies = [replace(bare(one), request=None) for one in made]
    assert store.history("shop", "ctx-2", clock()) == copies
    talk(store, "ctx-2", clock())
    store.delete("shop", "ctx-1")
    assert len(store.history("shop", "ctx-2", clock())) == 4


def test_a_clone_may_branch_off_earlier(store: Contexts) -> None:
    store.create(context())
    for _ in range(3):
        talk(store, "ctx-1")
    talk(store, "ctx-1", cut=2)
    expected = {0: (0, 0), 1: (0, 10), 2: (0, 21), 3: (2, 12), 4: (2, 25)}
    for turns, (cut, tokens) in expected.items():
        clone = store.clone("shop", "ctx-1", f"ctx-at-{turns}", NOW, turns=turns)
        assert (clone.turns, clone.cut, clone.kept_tokens) == (turns, cut, tokens)
        assert len(store.history("shop", clone.id, NOW)) == turns
    for turns in (-1, 5):
        with pytest.raises(Conflict):
            store.clone("shop", "ctx-1", "ctx-new", NOW, turns=turns)
    with pytest.raises(Conflict):
        store.clone("shop", "ctx-1", "ctx-at-0", NOW)


# ---- tags ----------------------------------------------------------------------------------------


def test_a_tag_stands_for_a_context_until_it_is_moved(store: Contexts) -> None:
    for id in ("ctx-1", "ctx-2"):
        store.create(context(id))
    store.tag("shop", "mine", "ctx-1", NOW)
    store.tag("shop", "also", "tag:mine", NOW)
    assert store.tags("shop") == {"also": "ctx-1", "mine": "ctx-1"}
    assert store.begin("shop", "tag:mine", "a", NOW, LOCK_S)[0].id == "ctx-1"
    store.tag("shop", "mine", "ctx-2", NOW)
    assert store.get("shop", "tag:mine", NOW).id == "ctx-2"
    store.untag("shop", "mine")
    for name in ("mine", "nul\0"):
        with pytest.raises(NotFound):
            store.untag("shop", name)
    with pytest.raises(NotFound):
        store.get("shop", "tag:mine", NOW)
    with pytest.raises(Invalid):
        store.tag("shop", "", "ctx-1", NOW)


def test_of_threads_that_would_keep_a_tag_all_find_one_context(store: Contexts) -> None:
    ids = [f"ctx-{number}" for number in range(6)]
    for id in ids:
        store.create(context(id))
    with ThreadPoolExecutor(6) as threads:
        named = set(threads.map(lambda id: store.tag("shop", "mine", id, NOW, keep=True), ids))
    assert named == {store.get("shop", "tag:mine", NOW).id}
    later = NOW + HOUR
    store.create(context("ctx-7", expires_at=later + HOUR))
    assert store.tag("shop", "mine", "ctx-7", later, keep=True) == "ctx-7"


def test_each_project_has_its_own_tags(store: Contexts) -> None:
    store.create(context())
    store.create(context("ctx-2", project="other"))
    store.tag("shop", "mine", "ctx-1", NOW)
    store.tag("other", "mine", "ctx-2", NOW)
    assert store.get("shop", "tag:mine", NOW).id == "ctx-1"
    store.untag("other", "mine")
    assert (store.tags("shop"), store.tags("other")) == ({"mine": "ctx-1"}, {})


# ---- the end -------------------------------------------------------------------------------------


def test_what_expired_is_swept_with_all_it_had(store: Contexts, engine: Engine) -> None:
    store.create(context())
    talk(store, "ctx-1")
    store.tag("shop", "mine", "ctx-1", NOW)
    store.create(context("ctx-2", expires_at=NOW + 2 * HOUR))
    assert store.sweep(NOW) == 0
    assert store.sweep(NOW + HOUR) == 1
    assert store.sweep(NOW + HOUR) == 0
    with engine.connect() as connection:
        for table in (context_turns, context_tags):
            assert connection.execute(select(func.count()).select_from(table)).scalar() == 0
        assert list(connection.execute(select(context_openings.c.context)).scalars()) == ["ctx-2"]
    with pytest.raises(NotFound) as gone:
        store.get("shop", "ctx-1", NOW)
    assert gone.value.message == "context ctx-1 not found or expired"


def test_more_than_a_slice_is_swept(store: Contexts) -> None:
    for number in range(SWEEP_ROWS_MAX + 1):
        store.create(context(f"ctx-{number}", expires_at=NOW))
    assert store.sweep(NOW) == SWEEP_ROWS_MAX + 1


def test_a_response_is_kept_for_its_project_and_time(store: Contexts, responses: Responses) -> None:
    store.create(context())
    responses.put("resp-1", "shop", "ctx-1", 1, b'{"a":1}', NOW, NOW + HOUR)
    with pytest.raises(Conflict):
        responses.put("resp-1", "other", "ctx-1", 1, b"{}", NOW, NOW + HOUR)
    assert responses.get("shop", "resp-1", NOW) == ("ctx-1", 1, b'{"a":1}')
    for project, id, now in (
        ("other", "resp-1", NOW),
        ("shop", "resp-2", NOW),
        ("shop", "\0", NOW),
        ("shop", "resp-1", NOW + HOUR),
    ):
        with pytest.raises(NotFound) as unknown:
            responses.get(project, id, now)
        assert unknown.value.message == f"response {id} not found or expired"
    with pytest.raises(NotFound):
        responses.delete("other", "resp-1")
    responses.delete("shop", "resp-1")
    with pytest.raises(NotFound):
        responses.delete("shop", "resp-1")


def test_expired_responses_are_swept(store: Contexts, responses: Responses) -> None:
    for number in (1, 2):
        responses.put(f"resp-{number}", "shop", "ctx-1", 1, b"{}", NOW, NOW + number * HOUR)
    assert responses.sweep(NOW + HOUR) == 1
    assert responses.get("shop", "resp-2", NOW)


# ---- cost ----------------------------------------------------------------------------------------


def use_everything(store: Contexts, responses: Responses) -> None:
    """Every method that a call or a page waits for."""
    store.create(context())
    store.tag("shop", "mine", "ctx-1", NOW)
    talk(store, "tag:mine")
    talk(store, "ctx-1")
    store.undelivered("ctx-1", 1, NOW)
    store.replay("shop", "tag:mine", b"request 1", NOW, keyed=False)
    store.clone("shop", "ctx-1", "ctx-2", NOW, turns=1)
    store.begin("shop", "ctx-1", "a", NOW, LOCK_S)
    store.renew("ctx-1", "a", NOW, LOCK_S)
    store.release("ctx-1", "a", NOW)
    store.undo("shop", "ctx-1", NOW)
    store.change("shop", "ctx-1", NOW, ttl_s=9)
    store.get("shop", "tag:mine", NOW)
    store.list("shop", NOW)
    store.list("shop", NOW, user="lan")
    store.list("shop", NOW, tag="mine")
    store.totals("shop", NOW)
    store.tags("shop")
    store.untag("shop", "mine")
    store.delete("shop", "ctx-1")
    store.sweep(NOW + HOUR)
    responses.put("resp-1", "shop", "ctx-1", 1, b"{}", NOW, NOW + HOUR)
    responses.get("shop", "resp-1", NOW)
    responses.delete("shop", "resp-1")
    responses.sweep(NOW)


def test_everything_is_found_by_an_index(sqlite_engine: Engine) -> None:
    """SQLite says how it goes about each statement."""
    sent: dict[str, Any] = {}

    @event.listens_for(sqlite_engine, "before_cursor_execute")
    def note(_connection: object, _cursor: object, statement: str, given: Any, *_: object) -> None:
        sent.setdefault(statement, given)

    Accounts(sqlite_engine).create_project("Shop", NOW, "shop")
    sent.clear()
    use_everything(Contexts(sqlite_engine), Responses(sqlite_engine))
    assert len(sent) > 25
    plans = []
    with sqlite_engine.connect() as connection:
        for statement, given in list(sent.items()):
            if not statement.startswith("BEGIN"):
                explained = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", given)
                plans += [(row.detail, statement) for row in explained]
    slow = [plan for plan in plans if "SCAN" in plan[0] or "TEMP B-TREE" in plan[0]]
    assert slow == []


def test_a_list_takes_as_many_statements_for_many_contexts_as_for_one(
    store: Contexts, engine: Engine
) -> None:
    sent: list[str] = []
    for number in range(20):
        store.create(context(f"ctx-{number}"))
    event.listen(engine, "before_cursor_execute", lambda *given: sent.append(given[2]))
    assert len(store.list("shop", NOW, limit=1)[0]) == 1
    few = len(sent)
    assert len(store.list("shop", NOW)[0]) == 20
    assert len(sent) == 2 * few


def test_a_store_that_cannot_be_reached_says_so_and_no_value(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'none' / 'state.db'}")
    with pytest.raises(Unavailable) as down:
        Contexts(engine).create(context(user="secret"))
    assert "secret" not in down.value.message
    with pytest.raises(Unavailable):
        Responses(engine).get("shop", "resp-1", NOW)
