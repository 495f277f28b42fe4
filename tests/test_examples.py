"""Every example runs as it stands, and what it says it logs arrives."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from causerie.client import Client
from tests.clients import apps
from tests.conftest import AppServer
from tests.session_cast import ENDPOINT

ROOT = Path(__file__).parents[1]


class Stage:
    """Runs examples, and tells what each has brought to the server."""

    def __init__(self, server: AppServer, openai_url: str) -> None:
        self._server = server.process
        self._key = server.key
        self._variables = {
            "CAUSERIE_URL": server.url,
            "CONTEXT_API_TOKEN": self._key,
            "OPENAI_BASE_URL": openai_url,
            "OPENAI_API_KEY": "none",
            "ARK_API_KEY": self._key,
        }

    def play(self, name: str, *given: str, environment: str = "") -> tuple[list[str], list[Any]]:
        """The lines that an example prints, and the conversations that were not there before."""
        before = {one.id for one in self._kept()}
        printed = apps.example(name, self._variables, environment, *given)
        return printed.splitlines(), [one for one in self._kept() if one.id not in before]

    def _kept(self) -> list[Any]:
        self._server.settle()
        with Client(self._key, self._server.endpoint) as client:
            return client.conversations(per_page=100).conversations


@pytest.fixture(scope="module")
def stage(app_server: AppServer, openai_url: str) -> Stage:
    return Stage(app_server, openai_url)


def spoken(conversation: Any) -> list[tuple[str, str]]:
    return [(said.role or said.type, said.message or said.name) for said in conversation.messages]


def test_a_chat_model_with_the_handler_logs_what_is_said(stage: Stage) -> None:
    printed, (kept,) = stage.play("chat_model.py")
    assert spoken(kept) == [
        ("system", "You are a helpful assistant that translates English to French."),
        ("user", "I love programming."),
        ("assistant", printed[0]),
    ]
    assert kept.metadata == {"user_id": "123", "model": "gpt-4.1-mini"}


@pytest.mark.parametrize("name", ["shared_handler.py", "two_handlers.py"])
def test_a_chain_is_logged_once_with_one_handler_or_with_two(stage: Stage, name: str) -> None:
    printed, (kept,) = stage.play(name)
    assert spoken(kept) == [("user", "colorful socks"), ("assistant", printed[0])]
    assert kept.metadata == {"user_id": "123", "model": "gpt-4.1-mini"}


def test_an_agent_s_thread_is_one_conversation_with_its_tools(stage: Stage) -> None:
    asked = "When do you open in Lyon? <<opening_hours Lyon>>"
    printed, (kept,) = stage.play("agent.py", asked, "Thank you!")
    assert kept.id == "visit-12" and kept.metadata["user_id"] == "ada"
    assert spoken(kept) == [
        ("user", asked),
        ("tool", "opening_hours"),
        ("assistant", printed[0]),
        ("user", "Thank you!"),
        ("assistant", printed[1]),
    ]
    assert printed[0].endswith("9 to 18")


def test_ark_s_client_against_the_gateway_is_in_the_analytics(stage: Stage) -> None:
    printed, (kept,) = stage.play("ark_context.py", ENDPOINT, environment="ark5")
    assert [text for role, text in spoken(kept) if role == "assistant"] == printed
    assert [text for role, text in spoken(kept) if role == "user"] == [
        "My name is Ada.",
        "What is my name?",
    ]


def test_the_old_script_s_conversation_remembers_counts_and_asks_side_by_side(
    stage: Stage, app_server: AppServer
) -> None:
    printed, _ = stage.play("conversation.py")
    assert printed[:5] == [
        "You said: I am Ada, and I collect bridges.",
        "You said: Which one should I see in Lyon?",
        "You said: What is my name?",
        "You said: Thank you!",
        "8 messages, 158 tokens",
    ]
    assert printed[5:8] == [
        "You said: Name a river.",
        "You said: Name a bridge.",
        "You said: Name a town with both.",
    ]
    assert printed[8].endswith(" USD") and printed[8].startswith("43 tokens, 0.0")


def test_the_conversation_runs_through_the_gateway_as_well(
    stage: Stage, app_server: AppServer
) -> None:
    own = {
        "OPENAI_BASE_URL": f"{app_server.url}/v1",
        "OPENAI_API_KEY": app_server.key,
        "OPENAI_MODEL": ENDPOINT,
    }
    printed = apps.example("conversation.py", own)
    assert "You said: What is my name?" in printed


def test_every_example_is_run_by_a_test() -> None:
    text = Path(__file__).read_text()
    for example in (ROOT / "examples").glob("*.py"):
        assert f'"{example.name}"' in text, example.name
