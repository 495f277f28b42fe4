"""What track() costs the calls inside it: each case with and without it, in turns, in one run.

    python benchmarks/usage.py [--rounds 30]

The model answers inside the process, through httpx's own mock transport, so that nothing but the
libraries' work is timed; a real call takes a hundred times as long and more. Each round times a
case in three ways: as if track() had never been called, outside of its blocks, and inside one.
"""

from __future__ import annotations

import argparse
import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from typing import Any

import httpx
from langchain_openai import ChatOpenAI
from openai import OpenAI
from openai._base_client import SyncAPIClient
from rich.console import Console
from rich.table import Table

from causerie.usage import track

ADDRESS = "http://api.openai.com/v1"
PIECES = 200
USAGE = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
BODY: Any = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Hello"}]}
STREAM: Any = {**BODY, "stream": True, "stream_options": {"include_usage": True}}

Case = tuple[str, Callable[[], Any], int]
"""A name, what is timed, and how many times in one go."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=30)
    rounds = parser.parse_args().rounds
    with httpx.Client(transport=httpx.MockTransport(answer)) as http, ThreadPoolExecutor(1) as pool:
        cases = made(http, pool)
        with track():
            pass  # From here on everything is wrapped.
        measures = {case[0]: measured(case, rounds) for case in cases}
    Console(width=120).print(table(measures))


def made(http: httpx.Client, pool: ThreadPoolExecutor) -> list[Case]:
    client = OpenAI(base_url=ADDRESS, api_key="none", http_client=http)
    model = ChatOpenAI(
        model="gpt-4o", base_url=ADDRESS, api_key="none", http_client=http, stream_usage=True
    )
    create = client.chat.completions.create
    return [
        ("openai: a call", lambda: create(**BODY), 40),
        ("openai: 60 frames deep", lambda: deep(60, lambda: create(**BODY)), 40),
        (f"openai: a stream of {PIECES} pieces", lambda: list(create(**STREAM)), 5),
        ("LangChain: invoke", lambda: model.invoke("Hello"), 20),
        (f"LangChain: a stream of {PIECES} pieces", lambda: list(model.stream("Hello")), 2),
        ("a thread, started and joined", thread, 100),
        ("work for a pool", lambda: pool.submit(int).result(), 200),
    ]


def answer(request: httpx.Request) -> httpx.Response:
    asked = json.loads(request.content)
    head = {"id": "answer", "created": 1, "model": "gpt-4o"}
    if not asked.get("stream"):
        message = {"role": "assistant", "content": "Good day."}
        choice = {"index": 0, "finish_reason": "stop", "message": message}
        whole = {**head, "object": "chat.completion", "choices": [choice], "usage": USAGE}
        return httpx.Response(200, json=whole)
    piece = {"index": 0, "delta": {"content": "a"}, "finish_reason": None}
    chunk = json.dumps({**head, "object": "chat.completion.chunk", "choices": [piece]})
    last = {**head, "object": "chat.completion.chunk", "choices": [], "usage": USAGE}
    events = [chunk] * PIECES + [json.dumps(last), "[DONE]"]
    return httpx.Response(
        200,
        headers={"content-type": "text/event-stream"},
        content="".join(f"data: {event}\n\n" for event in events).encode(),
    )


def deep(frames: int, then: Callable[[], Any]) -> Any:
    return deep(frames - 1, then) if frames else then()


def thread() -> None:
    started = threading.Thread(target=int)
    started.start()
    started.join()


def measured(case: Case, rounds: int) -> dict[str, float]:
    """The best time of each way, in microseconds: others use the machine too."""
    _, call, times = case
    best = dict.fromkeys(WAYS, float("inf"))
    for _ in range(rounds):
        for name, way in WAYS.items():
            with way():
                begun = time.perf_counter()
                for _time in range(times):
                    call()
                took = (time.perf_counter() - begun) / times * 1e6
            best[name] = min(best[name], took)
    return best


@contextmanager
def unwrapped() -> Iterator[None]:
    """As if track() had never been called."""
    places = (
        (SyncAPIClient, "request"),
        (threading.Thread, "start"),
        (ThreadPoolExecutor, "submit"),
    )
    wrapped = [getattr(owner, name) for owner, name in places]
    for (owner, name), ours in zip(places, wrapped, strict=True):
        setattr(owner, name, ours.__wrapped__)
    yield
    for (owner, name), ours in zip(places, wrapped, strict=True):
        setattr(owner, name, ours)


WAYS: dict[str, Callable[[], Any]] = {
    "never": unwrapped,
    "outside": nullcontext,
    "inside": track,
}


def table(measures: dict[str, dict[str, float]]) -> Table:
    shown = Table("case, microseconds", *WAYS, "outside adds", "inside adds", "of the call")
    for name, best in measures.items():
        never, outside, inside = best.values()
        shown.add_row(
            name,
            *(f"{took:.0f}" for took in best.values()),
            f"{outside - never:.1f}",
            f"{inside - never:.1f}",
            f"{(inside - never) / never:.1%}",
        )
    return shown


if __name__ == "__main__":
    main()
