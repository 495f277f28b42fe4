"""Chains on a scripted model, and a process that talks in sessions, for tests of them.

As a program (`python -m tests.session_cast PLACE MODEL_URL SESSION COUNT LEASE_S`) it says so many
things in a session, one after the other, each with its own number and that of the process.
"""

from __future__ import annotations

import os
import sys
from typing import Any

import httpx
from langchain_core.messages import BaseMessage
from langchain_core.runnables import Runnable, RunnableConfig

from causerie.client import Client
from causerie.sessions import ModelSettings, Sessions, build_chain, build_model, build_prompt

KEY = "sk-of-the-test-0123456789abcdef"
ENDPOINT = "ep-test"
TIMEOUT_S = 10.0


def chain_of(url: str, **settings: Any) -> Runnable[dict[str, Any], Any]:
    """A prompt and the model at that address."""
    given = {"key": KEY, "model": "scripted-1", "retries": 0, "timeout_s": TIMEOUT_S, **settings}
    # Kept connections would outlive the loop of a test.
    client = httpx.AsyncClient(limits=httpx.Limits(max_keepalive_connections=0))
    model = build_model(ModelSettings(base_url=url, **given), http_async_client=client)
    return build_chain(build_prompt("Be brief."), model)


def named(session: str) -> RunnableConfig:
    return {"configurable": {"session_id": session}}


def contents(messages: list[BaseMessage]) -> list[str]:
    return [str(message.content) for message in messages]


def open_place(place: str, **options: Any) -> Sessions:
    """Sessions at a place that is written as `http://KEY@HOST:PORT`, or as what Sessions takes."""
    if not place.startswith("http://"):
        return Sessions(place or None, **options)
    key, _, host = place.removeprefix("http://").partition("@")
    return Sessions(Client(key, f"http://{host}"), model=ENDPOINT, **options)


if __name__ == "__main__":
    where, model_url, session, count, lease_s = sys.argv[1:]
    with open_place(where, lease_s=float(lease_s)) as sessions:
        conversation = sessions.build_conversation(chain_of(model_url))
        for number in range(int(count)):
            conversation.invoke({"input": f"{os.getpid()} {number}"}, named(session))
