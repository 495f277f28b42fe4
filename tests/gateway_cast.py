"""The gateway of the whole app with a scripted provider behind it, for tests."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from httpx2 import Response

from causerie.accounts import Allowance, KeyKind
from causerie.endpoints import Endpoint, Upstream, check_endpoint
from causerie.store.endpoints import Endpoints
from causerie.vault import open_vault
from tests.conftest import Cast
from tests.scripted_upstream import ScriptedUpstream

WAIT_SECONDS_MAX = 10.0
MODEL = "scripted-1"


@dataclass
class GatewayCast:
    """Calls of a caller, and what was recorded of them."""

    cast: Cast
    upstream: ScriptedUpstream
    token: str

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    def add_endpoint(self, id: str, *upstreams: Upstream, **given: Any) -> Endpoint:
        """An endpoint of the project; at the scripted provider unless said otherwise."""
        own = Upstream(base_url=self.upstream.url, model=MODEL, key="sk-upstream")
        endpoint = Endpoint(
            project=self.cast.project,
            id=id,
            name=id,
            upstreams=upstreams or (own,),
            created_at=self.cast.clock(),
            **given,
        )
        self.endpoints.add(check_endpoint(endpoint))
        return endpoint

    @property
    def endpoints(self) -> Endpoints:
        folder = self.cast.folder
        return Endpoints(self.cast.stores.engine, open_vault(folder, ""))

    def key(self, **allowance: Any) -> str:
        """The token of another key of the gateway."""
        accounts = self.cast.stores.accounts
        allowed = Allowance(**allowance)
        now = self.cast.clock()
        return accounts.create_key(
            self.cast.project, KeyKind.GATEWAY, "key", now, allowance=allowed
        )[1]

    def post(self, path: str, body: Any, token: str = "", **headers: str) -> Response:
        known = {"Authorization": f"Bearer {token}"} if token else self.headers
        return self.cast.client.post(path, json=body, headers={**known, **headers})

    def chat(self, *said: Any, model: str = "ep-test", **more: Any) -> Response:
        """A chat of messages; a text is the user's, then the assistant's, and so on."""
        headers = more.pop("headers", {})
        body = {"model": model, "messages": list(messages(*said)), **more}
        return self.post("/v1/chat/completions", body, **headers)

    def create(self, *said: Any, model: str = "ep-test", **more: Any) -> Response:
        """A new context."""
        first = list(said) or [{"role": "system", "content": "Be brief."}]
        body = {"model": model, "messages": first, **more}
        return self.post("/api/v3/context/create", body)

    def turn(self, context: str, *said: Any, model: str = "ep-test", **more: Any) -> Response:
        """A turn of a context."""
        headers = more.pop("headers", {})
        body = {"context_id": context, "model": model, "messages": list(messages(*said)), **more}
        return self.post("/api/v3/context/chat/completions", body, **headers)

    def exchanges(self, count: int) -> list[dict[str, Any]]:
        """The facts of so many exchanges, the first first, once they are there."""
        deadline = time.monotonic() + WAIT_SECONDS_MAX
        while True:
            listed = self.cast.get("/api/v1/exchanges", "admin").json()["exchanges"]
            if len(listed) >= count or time.monotonic() > deadline:
                assert len(listed) == count
                return sorted(listed, key=lambda one: (one["at"], one["total_ms"]))
            time.sleep(0.01)

    def transcripts(self, count: int = 1) -> list[list[tuple[str, str]]]:
        """Role (or kind) and words of what was said, conversation by conversation."""
        listed = self.cast.get("/api/v1/conversations", "admin").json()["conversations"]
        assert len(listed) == count
        return [
            [(said["role"] or said["type"], _words(said)) for said in one["messages"]]
            for one in sorted(listed, key=lambda one: one["messages"][0]["message"])
        ]


def _words(said: dict[str, Any]) -> str:
    return str(said["message"] or said.get("name", ""))


def messages(*said: Any) -> Iterator[dict[str, Any]]:
    """Messages as OpenAI writes them."""
    for place, one in enumerate(said):
        if isinstance(one, dict):
            yield one
        else:
            yield {"role": ("user", "assistant")[place % 2], "content": one}


def frames(response: Response) -> list[Any]:
    """The data of a stream's events."""
    lines = response.text.split("\n\n")
    data = [line.removeprefix("data: ") for line in lines if line]
    return [one if one == "[DONE]" else json.loads(one) for one in data]


def spoken(response: Response) -> str:
    """What a stream says in all."""
    deltas = [
        choice["delta"].get("content") or ""
        for frame in frames(response)
        if frame != "[DONE]"
        for choice in frame.get("choices", ())
    ]
    return "".join(deltas)
