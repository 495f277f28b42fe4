"""A server that understands what it is sent, as those who send and read see it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from causerie.testing import ServerProcess

PATIENCE_S = 90
ANGRY = "This is terrible, I am so angry and disappointed, nothing works"
SPANISH = "Hola, ¿dónde está mi pedido? Lo espero desde hace una semana"


WEB = httpx.Client(timeout=60)
"""One for all calls: to make one takes longer than they do."""


@pytest.fixture(scope="module", autouse=True)
def closing() -> Iterator[None]:
    yield
    WEB.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    found = ServerProcess(tmp_path_factory.mktemp("data"), CAUSERIE_MEANING_PROCESSES="1")
    found.start()
    yield found
    found.stop()


def call(server: ServerProcess, method: str, path: str, **given: Any) -> Any:
    """The JSON answer of an admin's call."""
    headers = {"Authorization": f"Bearer {key_of(server)}"}
    answer = WEB.request(method, f"{server.endpoint}/api/v1{path}", headers=headers, **given)
    answer.raise_for_status()
    return answer.json()


KEYS: dict[int, str] = {}


def key_of(server: ServerProcess) -> str:
    """An admin key, made once."""
    if id(server) not in KEYS:
        KEYS[id(server)] = server.key("admin")
    return KEYS[id(server)]


def say(server: ServerProcess, id: str, *texts: str) -> None:
    """Send a thread, user and assistant in turn."""
    messages = [
        {"role": ("user", "assistant")[place % 2], "message": text}
        for place, text in enumerate(texts)
    ]
    body = {"conversation": {"id": id, "messages": messages}}
    call(server, "POST", "/log/conversation/thread", json=body)


def wait_for(look: Callable[[], Any]) -> Any:
    """What `look` finds, once it finds something."""
    end = time.monotonic() + PATIENCE_S
    while not (found := look()):
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.1)
    return found


def understood(server: ServerProcess, id: str) -> Any:
    """A conversation whose first message is understood."""

    def look() -> Any:
        found = call(server, "GET", f"/conversations/{id}")
        return found if found["messages"][0]["language"] != "und" else None

    return wait_for(look)


def test_the_read_api_tells_language_and_mood_of_what_was_just_sent(server: ServerProcess) -> None:
    say(server, "angry", ANGRY, "I am sorry.")
    say(server, "hola", SPANISH, "Ya lo miro.")
    angry = understood(server, "angry")
    assert angry["messages"][0]["language"] == "en"
    assert angry["messages"][0]["sentiment"] < -0.3
    assert angry["messages"][1]["sentiment"] == 0.0
    assert angry["sentiment_trend"] == "flat"
    assert [one["language"] for one in understood(server, "hola")["messages"]] == ["es", "es"]


def test_topics_come_by_themselves_and_the_old_endpoints_have_them(server: ServerProcess) -> None:
    subjects = ("my card has not arrived", "will it rain tomorrow", "play some jazz music")
    endings = ("", " now", " please", " again", " today", " then", " for me", " friend", " sir")
    begins = ("", "hello, ", "well ", "so ")
    for place, subject in enumerate(subjects):
        for begin in begins:
            for number, ending in enumerate(endings):
                say(server, f"{place}{begin.strip()}{number}", f"{begin}{subject}{ending}", "Yes.")
    topics = wait_for(lambda: call(server, "GET", "/topic_suggestions")["topics"])
    assert len(topics) >= 3
    wait_for(lambda: call(server, "GET", "/topic_suggestions")["topics"][0]["conversations_sample"])
    id = topics[0]["id"]
    numbers = call(server, "GET", f"/topic_suggestions/{id}/statistics")["statistics"]
    assert numbers["conversation_count"] >= 4
    page = call(server, "GET", f"/topic_suggestions/{id}/conversations")
    assert page["conversations"][0]["suggested_topics"][0]["id"] == id
    assert call(server, "GET", "/suggested_topics", params={"path": 1})["count"] == len(topics)


def test_a_killed_server_leaves_no_process_and_goes_on_where_it_was(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path / "data", CAUSERIE_MEANING_PROCESSES="1")
    server.start()
    say(server, "first", SPANISH, "Ya lo miro.")
    understood(server, "first")
    children = _children(server.pid)
    assert children
    say(server, "second", ANGRY, "I am sorry.")
    server.kill()
    wait_for(lambda: not any(Path(f"/proc/{child}").exists() for child in children))
    server.start()
    try:
        assert understood(server, "second")["messages"][0]["sentiment"] < -0.3
    finally:
        server.stop()


def _children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").iterdir()
    found = [child for task in tasks for child in (task / "children").read_text().split()]
    assert os.getpid() != pid
    return [int(child) for child in found]
