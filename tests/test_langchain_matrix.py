"""The handler in every way that it is attached, on LangChain as it is and as it was in 0.3: exactly
the expected conversations arrive at a real server.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from causerie.client import Client
from causerie.wire.contextai import ConversationResponse
from tests.clients import apps
from tests.clients.apps import Service
from tests.conftest import AppServer

HOWS = {"invoke": 1, "stream": 1, "batch": 3, "ainvoke": 1, "astream": 1, "concurrent": 0}
CONCURRENT = {"langgraph": 50, "langgraph06": 10}
ATTACHED = {
    "model": ("model", "chain"),
    "llm_chain": ("model", "chain", "shared", "two"),
    "lcel": ("model", "chain", "shared", "two"),
    "graph": ("model", "chain", "shared", "two"),
}
SCENES = [
    (f"{what}-{how}-{where}", count)
    for what, wheres in ATTACHED.items()
    for how, count in HOWS.items()
    for where in wheres
]


@dataclass(frozen=True)
class Played:
    """What an app did in one environment, and what the server has of it: by user, and by scene."""

    environment: str
    kept: dict[str, list[ConversationResponse]]
    scenes: dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def service(app_server: AppServer) -> Service:
    return Service(app_server.url, app_server.key, Path())


@pytest.fixture(scope="module", params=list(CONCURRENT))
def played(
    request: pytest.FixtureRequest, app_server: AppServer, service: Service, openai_url: str
) -> Played:
    run = uuid.uuid4().hex[:8]
    environment = request.param
    given = ("all", "all", "all", run, str(CONCURRENT[environment]))
    answer: Any = apps.handler(service, openai_url, environment, *given).answer
    app_server.process.settle()
    kept: dict[str, list[ConversationResponse]] = {}
    for one in conversations(service):
        if one.metadata.get("user_id", "").endswith(run):
            kept.setdefault(one.metadata["user_id"], []).append(one)
    return Played(environment, kept, {scene["name"]: scene for scene in answer})


def conversations(service: Service) -> Iterator[ConversationResponse]:
    """All that the server has, once all is there."""
    page: int | None = 1
    with Client(service.token, service.endpoint) as client:
        while page is not None:
            answer = client.conversations(page=page, per_page=100)
            yield from answer.conversations
            page = answer.pagination.next_page


@pytest.mark.parametrize(("scene", "count"), SCENES)
def test_exactly_the_expected_conversations_arrive(played: Played, scene: str, count: int) -> None:
    told = played.scenes[scene]
    assert len(told["users"]) == (count or CONCURRENT[played.environment])
    for user, question, answer in zip(
        told["users"], told["questions"], told["answers"], strict=True
    ):
        (kept,) = played.kept[user]
        assert [spoken(one) for one in kept.messages] == expected(scene, question, answer)
        if not scene.startswith("llm_chain") or not scene.endswith("chain"):
            # An LLMChain's own handler hears nothing of the model inside.
            assert kept.metadata["model"] == "gpt-4"


def test_nothing_else_arrives(played: Played) -> None:
    users = {user for told in played.scenes.values() for user in told["users"]}
    assert set(played.kept) == users
    assert sum(map(len, played.kept.values())) == len(users)


def spoken(said: Any) -> tuple[str, ...]:
    if said.type == "tool":
        return ("tool", said.name, str(said.input), said.observation)
    return (said.role, said.message)


def expected(scene: str, question: str, answer: str) -> list[tuple[str, ...]]:
    """What was given to the outermost run that a handler was on, the tools, and what came of it."""
    what, _, where = scene.split("-")
    told = [] if what == "graph" else [("system", "Be kind.")]
    if what in ("llm_chain", "lcel") and where != "model":
        told = []
    if what == "graph":
        tool = ("tool", "weather", str({"city": "Paris"}), "Rain in Paris.")
        return [("user", f"{question} <<weather Paris>>"), tool, ("assistant", answer)]
    return [*told, ("user", question), ("assistant", answer)]
