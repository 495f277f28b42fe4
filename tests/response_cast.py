"""The Responses API from a caller's side, for tests: questions, streams, and callers who leave."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from httpx2 import Response

from tests.gateway_cast import GatewayCast
from tests.scripted_upstream import hold

WEATHER = {
    "type": "function",
    "name": "weather",
    "description": "The weather of a town.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    "strict": True,
}
PICTURE = "data:image/png;base64,iVBORw0KGgo="


def ask(gateway: GatewayCast, said: Any, **more: Any) -> Response:
    headers = more.pop("headers", {})
    body = {"model": "ep-test", "input": said, **more}
    return gateway.post("/v1/responses", body, **headers)


def respond(gateway: GatewayCast, said: Any, **more: Any) -> dict[str, Any]:
    """A response that succeeds."""
    response = ask(gateway, said, **more)
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    return found


def look(gateway: GatewayCast, path: str, token: str = "", method: str = "GET") -> Response:
    headers = {"Authorization": f"Bearer {token}"} if token else gateway.headers
    return gateway.cast.client.request(method, path, headers=headers)


def text_of(response: dict[str, Any]) -> str:
    """What OpenAI's client calls `output_text`."""
    return "".join(
        part["text"]
        for item in response["output"]
        if item["type"] == "message"
        for part in item["content"]
        if part["type"] == "output_text"
    )


def seen(gateway: GatewayCast) -> list[tuple[str, Any]]:
    """What the model read last."""
    return [(one["role"], one["content"]) for one in gateway.upstream.last.messages]


def events_of(response: Response) -> list[dict[str, Any]]:
    """The events of a stream, whose names stand twice in each."""
    told = []
    for event in response.text.split("\n\n")[:-1]:
        name, data = event.split("\n")
        told.append(json.loads(data.removeprefix("data: ")))
        assert name == f"event: {told[-1]['type']}"
    assert [event["sequence_number"] for event in told] == list(range(len(told)))
    return told


def contexts(gateway: GatewayCast) -> list[dict[str, Any]]:
    """Every live context."""
    found: list[dict[str, Any]] = look(gateway, "/api/v3/context").json()["data"]
    return found


def hang_up(gateway: GatewayCast, body: dict[str, Any]) -> None:
    """Ask, and do not wait for the end of the answer: until some words have come, if it streams."""
    portal = gateway.cast.client.portal
    assert portal is not None
    gateway.upstream.then(hold(after=3) if body["stream"] else hold())
    count = len(gateway.upstream.requests)
    portal.call(_ask_and_leave, gateway, body, count)
    gateway.upstream.until(lambda: gateway.upstream.last.hung_up)


async def _ask_and_leave(gateway: GatewayCast, body: dict[str, Any], count: int) -> None:
    leave = asyncio.Event()
    left = [json.dumps(body).encode()]

    async def receive() -> dict[str, Any]:
        if left:
            return {"type": "http.request", "body": left.pop(), "more_body": False}
        await leave.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        if b"output_text.delta" in message.get("body", b""):
            leave.set()

    async def watch() -> None:
        requests = gateway.upstream.requests
        await asyncio.to_thread(gateway.upstream.until, lambda: len(requests) > count)
        if not body["stream"]:
            leave.set()

    headers = [(b"authorization", gateway.headers["Authorization"].encode())]
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/v1/responses",
        "query_string": b"",
        "headers": headers,
    }
    await asyncio.gather(gateway.cast.client.app(scope, receive, send), watch())
