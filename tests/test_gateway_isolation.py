"""Every address of the gateway, tried with a right key, a wrong one, a revoked one, another
project's, and none.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

import pytest
from httpx2 import Response
from starlette.applications import Starlette
from starlette.routing import Route

from causerie.accounts import KeyKind
from causerie.endpoints import Upstream
from tests.conftest import Cast
from tests.gateway_cast import MODEL, GatewayCast
from tests.scripted_upstream import ScriptedUpstream

# Before the first word of a path: where it is served.
BASES = {
    "context": ("/api/v3/", "/v1/", "/"),
    "chat": ("/api/v3/", "/v1/"),
    "embeddings": ("/api/v3/", "/v1/"),
    "models": ("/v1/",),
    "responses": ("/api/v3/", "/v1/"),
    "conversations": ("/api/v3/", "/v1/"),
    "endpoints": ("/api/v1/",),
    "exchanges": ("/api/v1/",),
}
DOORS = """
                                                right wrong gone other nobody
POST   chat/completions                           200   403  401   404   401
POST   embeddings                                 200   403  401   404   401
GET    models                                     200   403  401   200   401
GET    models/{id:path}                           200   403  401   404   401
POST   context/create                             200   403  401   404   401
POST   context/chat/completions                   200   403  401   404   401
POST   context/clone                              200   403  401   404   401
POST   context/import                             200   403  401   404   401
GET    context                                    200   403  401   200   401
GET    context/{id}                               200   403  401   404   401
PATCH  context/{id}                               200   403  401   404   401
GET    context/{id}/history                       200   403  401   404   401
GET    context/{id}/export                        200   403  401   404   401
PUT    context/tags/{tag}                         200   403  401   404   401
GET    context/tags                               200   403  401   200   401
DELETE context/tags/{tag}                         200   403  401   404   401
POST   context/{id}/hold                          200   403  401   404   401
POST   context/{id}/turns                         200   403  401   404   401
DELETE context/{id}/hold/{hold}                   200   403  401   404   401
POST   context/{id}/undo                          200   403  401   404   401
DELETE context/{id}                               200   403  401   404   401
POST   responses                                  200   403  401   404   401
GET    responses/{id}                             200   403  401   404   401
GET    responses/{id}/input_items                 200   403  401   404   401
POST   responses/{id}/cancel                      400   403  401   404   401
DELETE responses/{id}                             200   403  401   404   401
POST   conversations                              200   403  401   200   401
GET    conversations/{id}                         200   403  401   404   401
POST   conversations/{id}                         200   403  401   404   401
POST   conversations/{id}/items                   200   403  401   404   401
GET    conversations/{id}/items                   200   403  401   404   401
GET    conversations/{id}/items/{item}            200   403  401   404   401
DELETE conversations/{id}/items/{item}            400   403  401   404   401
DELETE conversations/{id}                         200   403  401   404   401
GET    endpoints                                  200   403  401   200   401
POST   endpoints                                  201   403  401   201   401
GET    endpoints/{endpoint}                       200   403  401   404   401
PATCH  endpoints/{endpoint}                       200   403  401   404   401
GET    exchanges                                  200   403  401   200   401
DELETE endpoints/{endpoint}                       204   403  401   404   401
"""
WHO = ("right", "wrong", "gone", "other", "nobody")
STRANGERS = WHO[:0:-1]
HOLD = "a-name-of-mine"
CHANGES = ("POST", "PUT", "PATCH", "DELETE")


@dataclass(frozen=True)
class Door:
    """One address."""

    method: str
    base: str
    path: str
    statuses: dict[str, int]

    @property
    def noun(self) -> str:
        return self.path.partition("/")[0]

    @property
    def name(self) -> str:
        return f"{self.method} {self.base}{self.path}"


def read_doors() -> list[Door]:
    doors = []
    for line in DOORS.strip().splitlines()[1:]:
        method, path, *statuses = line.split()
        known = dict(zip(WHO, map(int, statuses), strict=True))
        for base in BASES[path.partition("/")[0]]:
            doors.append(Door(method, base, path, known))
    return doors


ALL = read_doors()


class House:
    """A project with something behind every door, and words that nobody outside may read."""

    def __init__(self, gateway: GatewayCast) -> None:
        self.gateway = gateway
        self.secrets: list[str] = []
        self.tokens = self._cut_keys()
        secret = Upstream(
            base_url=gateway.upstream.url, model=MODEL, key=self.secret("sk-upstream")
        )
        gateway.add_endpoint("ep-spare", secret)
        self.contexts: dict[str, str] = {}
        self.responses: dict[str, str] = {}
        self.conversations: dict[str, tuple[str, str]] = {}
        for base in ("/api/v3/", "/v1/", "/"):
            self._furnish(base)

    def secret(self, what: str) -> str:
        self.secrets.append(f"{what}-{uuid.uuid4().hex[:12]}")
        return self.secrets[-1]

    def _cut_keys(self) -> dict[str, str]:
        cast = self.gateway.cast
        accounts, now = cast.stores.accounts, cast.clock()
        gone, token = accounts.create_key(cast.project, KeyKind.ADMIN, "gone", now)
        accounts.revoke_key(cast.project, gone.id, now)
        return {"gone": token, "other": cast.tokens["stranger"]}

    def _furnish(self, base: str) -> None:
        said = [{"role": "system", "content": self.secret("opening")}]
        made = self.gateway.create(*said, user=self.secret("user"))
        self.contexts[base] = made.json()["id"]
        self.gateway.turn(self.contexts[base], self.secret("word"))
        asked = {"model": "ep-test", "input": self.secret("input")}
        self.responses[base] = self.gateway.post("/v1/responses", asked).json()["id"]
        items = [{"role": "user", "content": self.secret("item")}]
        made = self.gateway.post("/v1/conversations", {"items": items})
        id = made.json()["id"]
        listed = self.gateway.cast.client.get(
            f"/v1/conversations/{id}/items", headers=self.gateway.headers
        )
        self.conversations[base] = (id, listed.json()["data"][0]["id"])

    def knock(self, door: Door, who: str) -> Response:
        token = self._token(door, who)
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        body = self._body(door) if door.method in CHANGES[:3] else None
        client = self.gateway.cast.client
        return client.request(door.method, self.address(door), json=body, headers=headers)

    def _token(self, door: Door, who: str) -> str:
        tokens = self.gateway.cast.tokens
        if who in ("right", "wrong"):
            kinds = {"endpoints": ("admin", "gateway"), "exchanges": ("read", "gateway")}
            right, wrong = kinds.get(door.noun, ("gateway", "read"))
            return tokens[right if who == "right" else wrong]
        return self.tokens.get(who, "")

    def address(self, door: Door) -> str:
        conversation, item = self.conversations[door.base if door.base != "/api/v1/" else "/"]
        ids = {
            "context": self.contexts.get(door.base, ""),
            "responses": self.responses.get(door.base, ""),
            "conversations": conversation,
        }
        path = door.path.replace("{id:path}", "ep-test").replace("{endpoint}", "ep-spare")
        path = path.replace("{tag}", f"tag{len(door.base)}").replace("{item}", item)
        path = path.replace("{hold}", HOLD)
        return door.base + path.replace("{id}", ids.get(door.noun, ""))

    def _body(self, door: Door) -> dict[str, Any]:
        """What any of the addresses asks for."""
        said = [{"role": "user", "content": "Good morning"}]
        context = {"context_id": self.contexts.get(door.base, "")}
        known = {"model": "ep-test", "messages": said, "input": "Good morning"}
        match door.path:
            case "context/import":
                return {**known, "mode": "session", "ttl": 60, "initial": said, "initial_tokens": 1}
            case "endpoints":
                upstream = {"base_url": "http://127.0.0.1:9/v1", "model": "m"}
                return {"name": "Another", "upstreams": [upstream]}
            case "endpoints/{endpoint}":
                return {"name": "Another name"}
            case "context/create" | "chat/completions" | "embeddings":
                return known
            case "responses":
                return {"model": "ep-test", "input": "Good morning"}
            case "context/{id}/hold" | "context/{id}/turns":
                return {"messages": said, "hold": HOLD}
            case "conversations/{id}/items":
                return {"items": said}
            case path if path.startswith("conversations"):
                return {"metadata": {"plan": "other"}}
            case "context/{id}":
                return {"ttl": 60}
        return {**known, **context}

    def state(self) -> object:
        """All that is behind the doors, but for when it was used last."""
        gateway = self.gateway
        client, auth = gateway.cast.client, gateway.headers
        histories = [
            client.get(f"/context/{id}/history", headers=auth).json()
            for id in self.contexts.values()
        ]
        told = [
            client.get(f"/v1/responses/{id}", headers=auth).json() for id in self.responses.values()
        ]
        items = [
            client.get(f"/v1/conversations/{id}/items", headers=auth).json()
            for id, _ in self.conversations.values()
        ]
        listed = gateway.endpoints.list(gateway.cast.project)
        tags = client.get("/context/tags", headers=auth).json()
        return histories, told, items, listed, tags

    def leaks(self, answer: Response) -> list[str]:
        said = f"{answer.text} {answer.headers.raw!r}"
        return [word for word in self.secrets if word in said]


@pytest.fixture
def house(cast: Cast, upstream: ScriptedUpstream) -> House:
    gateway = GatewayCast(cast, upstream, cast.tokens["gateway"])
    gateway.add_endpoint("ep-test")
    return House(gateway)


def test_every_address_of_the_gateway_is_in_the_table(cast: Cast) -> None:
    app = cast.client.app
    assert isinstance(app, Starlette)
    served = set()
    for route in app.routes:
        assert isinstance(route, Route)
        bases = [(base, noun) for noun, bases in BASES.items() for base in bases]
        if any(f"{route.path}/".startswith(f"{base}{noun}/") for base, noun in bases):
            if route.path.startswith("/api/v1/conversations"):
                continue  # those of the analytics
            served |= {f"{method} {route.path}" for method in (route.methods or set()) - {"HEAD"}}
    assert sorted(served) == sorted(door.name for door in ALL)


@pytest.mark.parametrize("who", STRANGERS)
def test_strangers_are_refused_at_every_address_and_change_nothing(house: House, who: str) -> None:
    before = house.state()
    answers = {door.name: house.knock(door, who) for door in ALL}
    statuses = {name: answer.status_code for name, answer in answers.items()}
    assert statuses == {door.name: door.statuses[who] for door in ALL}
    assert {name: found for name, answer in answers.items() if (found := house.leaks(answer))} == {}
    assert house.state() == before


def test_the_right_key_opens_every_address(house: House) -> None:
    answers = {door.name: house.knock(door, "right").status_code for door in ALL}
    assert answers == {door.name: door.statuses["right"] for door in ALL}


def test_what_does_not_exist_looks_like_what_is_anothers(house: House) -> None:
    for door in ALL:
        if "{id}" in door.path and door.method == "GET":
            theirs = house.knock(door, "other").json()
            id = {
                "context": house.contexts.get(door.base, ""),
                "responses": house.responses.get(door.base, ""),
                "conversations": house.conversations.get(door.base, ("",))[0],
            }[door.noun]
            none = f"{id[:-3]}zzz"
            address = house.address(door).replace(id, none)
            headers = {"Authorization": f"Bearer {house.tokens['other']}"}
            never = house.gateway.cast.client.get(address, headers=headers).json()
            assert theirs["error"]["code"] == never["error"]["code"]
            said, also = theirs["error"]["message"], never["error"]["message"]
            assert (
                said.partition(" Request id")[0].replace(id, none)
                == also.partition(" Request id")[0]
            )
