"""What responses ask of the state store, on SQLite and on PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine

from causerie.contexts import Context, Mode, Turn
from causerie.store.accounts import Accounts
from causerie.store.contexts import Contexts
from causerie.store.responses import Responses

NOW = datetime(2026, 5, 20, 12, 0, tzinfo=UTC)
LATER = NOW + timedelta(days=30)


@pytest.fixture
def responses(engine: Engine) -> Responses:
    accounts = Accounts(engine)
    for project in ("shop", "other"):
        accounts.create_project(project.title(), NOW, project)
    return Responses(engine)


def test_a_context_is_stood_for_until_its_last_response_is_gone(responses: Responses) -> None:
    for id in ("resp_1", "resp_2"):
        responses.put(id, "shop", "ctx-1", 1, b"{}", NOW, LATER)
    assert responses.stands_for("shop", "ctx-1")
    assert not responses.stands_for("other", "ctx-1")
    responses.delete("shop", "resp_1")
    assert responses.stands_for("shop", "ctx-1")
    responses.delete("shop", "resp_2")
    assert not responses.stands_for("shop", "ctx-1")


def test_a_turn_that_no_model_was_asked_for_is_no_call(
    engine: Engine, responses: Responses
) -> None:
    contexts = Contexts(engine)
    made = Context(
        id="conv_1",
        project="shop",
        endpoint="",
        mode=Mode.SESSION,
        ttl_s=600,
        strategy=None,
        initial=b"[]",
        initial_tokens=0,
        created_at=NOW,
        used_at=NOW,
        expires_at=LATER,
        origin="openai",
    )
    contexts.create(made)
    contexts.begin("shop", "conv_1", "me", NOW, 60.0)
    turn = Turn(position=0, messages=b'[{"role":"user","content":"Hi"}]', tokens=3, at=NOW)
    contexts.finish("conv_1", "me", NOW, turn=turn, cut=0, kept_tokens=3, usage=None)
    found = contexts.get("shop", "conv_1", NOW)
    assert (found.turns, found.kept_tokens, found.busy_until) == (1, 3, None)
    assert (found.calls, found.input_tokens, found.cached_tokens) == (0, 0, 0)
