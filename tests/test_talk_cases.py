"""Cases of conversations that were held: what is asked again, and that it goes with them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from causerie.cases import CASE_NAME_CHARS_MAX, Case, CopyFrom, Line, check_cases
from causerie.reports import Transcript
from causerie.store.events import EventStore
from causerie.store.state_removals import StateRemovals
from causerie.store.test_sets import TestSets
from causerie.talk_cases import case_of_talk
from tests import understood
from tests.conftest import Cast, open_cast

TALK: list[Mapping[str, Any]] = [
    {"role": "system", "message": "You sell shoes."},
    {"role": "user", "message": "Blue ones in 43? Write to ana@corp.fr"},
    {"type": "tool", "name": "stock", "input": {"size": 43}, "observation": "2"},
    {"role": "assistant", "message": "Two pairs."},
    {"role": "user", "message": "And in red?"},
    {"role": "assistant", "message": "None in red."},
    {"type": "event", "name": "Checkout"},
    {"role": "user", "message": "Thanks, bye"},
]


@pytest.fixture
def held(
    project_id: str, sqlite_engine: Engine, events: EventStore, tmp_path: Path
) -> Iterator[Cast]:
    """On both analytics stores."""
    with open_cast(project_id, sqlite_engine, events, tmp_path) as cast:
        yield cast


def talk(cast: Cast, *messages: Mapping[str, Any], id: str = "talk-1", **given: Any) -> Transcript:
    assert cast.log(*messages, how="/thread", id=id, **given).status_code == 201
    cast.settle()
    found = cast.stores.reports.conversation(cast.project, id, given.get("tenant_id", ""))
    assert found is not None
    return found


def untitled(ids: Sequence[str]) -> list[str]:
    return []


def made(found: Transcript, model: str = "ep-one", *, given: bool = False) -> Case:
    case = case_of_talk(found, untitled, model, given=given)
    assert case is not None
    check_cases([case], (), {})
    return case


def test_a_case_is_all_that_was_said_before_the_last_answer(held: Cast) -> None:
    found = talk(held, *TALK, metadata={"model": "gpt-4"})
    case = made(found)
    assert [line.role for line in case.messages] == ["system", "user", "assistant", "user"]
    assert case.messages[-1] == Line("user", "And in red?")
    assert "ana@corp.fr" not in case.messages[1].message, "what is kept is masked, and so is a case"
    assert (case.model, case.pregenerated_response) == ("ep-one", None)
    assert made(found, "").model == "gpt-4"


def test_the_answer_that_there_was_can_be_judged_as_it_is(held: Cast) -> None:
    case = made(talk(held, *TALK), "", given=True)
    assert case.pregenerated_response == "None in red."


@pytest.mark.parametrize(
    ("messages", "model"),
    [
        ([{"role": "user", "message": "Hello?"}], "ep-one"),
        ([{"role": "assistant", "message": "May I help?"}], "ep-one"),
        (TALK[:4], ""),
        ([*TALK[:1], {"role": "assistant", "message": "May I help?"}], "ep-one"),
        ([{"role": "user", "message": "x" * 400_001}, TALK[3]], "ep-one"),
    ],
    ids=["no answer", "nobody asked", "no model", "only a system asked", "too long"],
)
def test_what_cannot_be_answered_again_is_no_case(
    cast: Cast, messages: list[Mapping[str, Any]], model: str
) -> None:
    assert case_of_talk(talk(cast, *messages), untitled, model, given=False) is None


def test_a_conversation_that_grew_replaces_its_case(cast: Cast) -> None:
    first = made(talk(cast, *TALK[:4]))
    second = made(talk(cast, *TALK[4:6]))
    assert first.name == second.name and first.messages != second.messages
    other = made(talk(cast, *TALK[:4], tenant_id="acme"))
    assert other.name != first.name
    assert other.conversation == ("acme", "talk-1")
    far = made(talk(cast, *TALK[:4], id="x" * 200, tenant_id="acme"))
    assert len(far.name) <= CASE_NAME_CHARS_MAX and far.name.endswith("x" * 200)


def test_a_case_says_its_language_and_the_topics_that_may_be_named(cast: Cast) -> None:
    talk(cast, *TALK[:4])
    meaning = {"language": "en", "suggested": "t1", "topics": ("k1",)}
    understood.understand(cast.stores.events, cast.project, "talk-1", {}, meaning)
    found = cast.stores.reports.conversation(cast.project, "talk-1", "")
    assert found is not None
    case = case_of_talk(
        found, lambda ids: [f"named {id}" for id in ids if id == "k1"], "m", given=False
    )
    assert case is not None
    assert case.metadata == {
        "conversation_id": "talk-1",
        "language": "en",
        "topics": ["named k1"],
    }
    assert "topics" not in made(found).metadata, "a topic that must not be named is not"


def test_a_case_goes_with_its_conversation(cast: Cast) -> None:
    cases = [
        made(talk(cast, *TALK[:4])),
        made(talk(cast, *TALK[:4], tenant_id="acme")),
    ]
    sets = TestSets(cast.stores.engine)
    sets.add(cast.project, "set", cases, (), CopyFrom.NONE, "", cast.clock())
    removals = StateRemovals(cast.stores.engine)
    assert removals.drop_cases(cast.project, {("", "talk-1")}) == {"cases": 1}
    left = sets.version(cast.project, "set", 1).cases
    assert [case.is_removed for case in left] == [True, False]
