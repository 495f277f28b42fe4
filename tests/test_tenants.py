"""Every way to read, tried with a key of one tenant: nothing of another, or of another project."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

import pytest
from httpx2 import Response
from starlette.applications import Starlette
from starlette.routing import Route

from causerie.accounts import KeyKind
from causerie.conversations import Conversation
from causerie.errors import Invalid
from causerie.exchanges import API, Exchange
from causerie.store.arrivals import Arrival, Entry
from causerie.store.topics import Topics
from tests import understood
from tests.conftest import Cast

# What a read key of tenant A gets: of its own, of tenant B by name, and of an address that names
# no tenant. `own` means that the answer holds A's marker; `shut` that the key does not open it.
DOORS = """
                                                    own    other  unnamed
GET   /api/v1/conversations                          own    403    own
GET   /api/v1/conversations/{id:path}                own    403    own
GET   /api/v1/conversations/series                   200    200    200
GET   /api/v1/conversations/series/sentiment         200    403    200
GET   /api/v1/conversations/series/rating            200    403    200
GET   /api/v1/conversations/series/volume            200    403    200
GET   /api/v1/topic_suggestions                      own    403    own
GET   /api/v1/suggested_topics                       own    403    own
GET   /api/v1/topic_suggestions/{id}/conversations   own    403    own
GET   /api/v1/topic_suggestions/{id}/statistics      200    403    200
GET   /api/v1/export                                 own    403    own
GET   /api/v1/exchanges                              own    403    own
GET   /api/v1/metrics                                200    200    200
GET   /api/v1/metrics/{name}                         200    403    200
GET   /api/v1/test_sets                              403    403    403
POST  /api/v1/test_sets                              403    403    403
DELETE /api/v1/test_sets/{set:path}                  403    403    403
GET   /api/v1/evaluations/run                        403    403    403
POST  /api/v1/evaluations/run                        403    403    403
GET   /api/v1/evaluations/run/{run}                  403    403    403
DELETE /api/v1/evaluations/run/{run}                 403    403    403
GET   /api/v1/evaluations/online                     403    403    403
POST  /api/v1/evaluations/online                     403    403    403
GET   /api/v1/evaluations/online/{evaluator:path}    403    403    403
PATCH /api/v1/evaluations/online/{evaluator:path}    403    403    403
DELETE /api/v1/evaluations/online/{evaluator:path}   403    403    403
GET   /api/v1/audit                                  403    403    403
GET   /api/v1/removals                               403    403    403
GET   /api/v1/removals/{id}                          403    403    403
GET   /api/v1/endpoints                              403    403    403
GET   /api/v1/endpoints/{endpoint}                   403    403    403
POST  /api/v1/sql                                    403    403    403
POST  /mcp                                           403    403    403
DELETE /api/v1/users/{user:path}                     403    403    403
DELETE /api/v1/conversations/{id:path}               403    403    403
POST  /api/v1/log/conversation                       403    403    403
POST  /api/v1/log/conversation/upsert                403    403    403
POST  /api/v1/log/conversation/thread                403    403    403
PATCH /api/v1/log/conversation/thread/{id:path}      403    403    403
"""
ASKED = ("own", "other", "unnamed")
GATEWAY = ("/v1/", "/api/v3/", "/context")
"""Takes gateway keys, which are of no tenant; its table is tests/test_gateway_isolation.py."""
DAYS = {"start_time": "2026-05-01", "days": "all"}


@dataclass(frozen=True)
class Door:
    """One row of the table."""

    method: str
    path: str
    wanted: dict[str, str]

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"


def read_doors() -> list[Door]:
    rows = [line.split() for line in DOORS.strip().splitlines()[1:]]
    return [Door(method, path, dict(zip(ASKED, rest, strict=True))) for method, path, *rest in rows]


ALL = read_doors()


class Houses:
    """Tenants A and B of a project, and A of another project, with the same ids everywhere."""

    def __init__(self, cast: Cast) -> None:
        self.cast = cast
        self.markers = {name: f"marker-{name}-{uuid.uuid4().hex[:8]}" for name in ("a", "b", "x")}
        for name in ("a", "b"):
            self._move_in(cast.project, cast.auth("ingest"), name, self.markers[name])
        self._move_in(f"{cast.project}-other", cast.auth("stranger"), "a", self.markers["x"])
        cast.settle()
        for name in ("a", "b"):
            meaning = {"language": "en", "suggested": "t1"}
            understood.understand(cast.stores.events, cast.project, "same-id", meaning, tenant=name)
        topic = understood.found_topic(cast.project, "t1", "Lamps", size=2, typical="A lamp?")
        Topics(cast.stores.engine).put(topic)
        accounts, now = cast.stores.accounts, cast.clock()
        _, self.token = accounts.create_key(cast.project, KeyKind.READ, "A", now, tenant="a")

    def _move_in(self, project: str, auth: dict[str, str], tenant: str, marker: str) -> None:
        body = {
            "tenant_id": tenant,
            "conversation": {
                "id": "same-id",
                "messages": [{"role": "user", "message": f"I am {marker}"}],
                "metadata": {"user_id": "same-user", "model": marker[:30]},
            },
        }
        sent = self.cast.client.post("/api/v1/log/conversation/thread", json=body, headers=auth)
        assert sent.status_code == 201
        call = Exchange(
            id=f"call-{marker}",
            at=self.cast.clock(),
            api=API.CHAT,
            key="k",
            endpoint="e",
            model=marker,
            user="same-user",
            tenant=tenant,
        )
        entry = Entry(Conversation(id=""), exchange=call)
        self.cast.stores.inbox.take([Arrival(project, entry, call.id)], self.cast.clock())

    def knock(self, door: Door, asked: str, **query: str) -> Response:
        """Try a door with the key of tenant A."""
        names = {"own": {"tenant_id": "a"}, "other": {"tenant_id": "b"}, "unnamed": {}}
        places = {"{id:path}": "same-id", "{name}": "conversations", "{user:path}": "same-user"}
        path = door.path
        for place, name in places.items():
            path = path.replace(place, name)
        path = path.replace("{id}", "t1" if "topic" in path else "same-id")
        return self.cast.client.request(
            door.method,
            path,
            params={**DAYS, **names[asked], **query},
            headers={"Authorization": f"Bearer {self.token}"},
            json=None if door.method == "GET" else self._body(path, names[asked]),
        )

    def _body(self, path: str, named: dict[str, str]) -> Any:
        if path == "/api/v1/sql":
            return {"sql": "SELECT * FROM messages"}
        said = [{"role": "user", "message": "x"}]
        return {**named, "conversation": {"id": "same-id", "messages": said}}


@pytest.fixture
def houses(cast: Cast) -> Houses:
    return Houses(cast)


def test_every_route_of_the_api_is_in_the_table(cast: Cast) -> None:
    app = cast.client.app
    assert isinstance(app, Starlette)
    routes = set()
    for route in app.routes:
        assert isinstance(route, Route)
        api = route.path.startswith(("/api/", "/mcp")) and not route.path.startswith(GATEWAY)
        if api:
            routes |= {f"{name} {route.path}" for name in (route.methods or set()) - {"HEAD"}}
    # What changes endpoints takes an admin key, and no key of a tenant is one.
    routes = {one for one in routes if not (" /api/v1/endpoints" in one and "GET" not in one)}
    assert sorted(routes) == sorted(door.name for door in ALL)


@pytest.mark.parametrize("door", ALL, ids=lambda door: door.name)
def test_a_key_of_one_tenant_reads_that_tenant_alone(houses: Houses, door: Door) -> None:
    for asked, wanted in door.wanted.items():
        answer = houses.knock(door, asked)
        status = 200 if wanted == "own" else int(wanted)
        assert (asked, answer.status_code) == (asked, status), answer.text
        assert (houses.markers["a"][:30] in answer.text) == (wanted == "own")
        for stranger in ("b", "x"):
            assert houses.markers[stranger][:20] not in answer.text


def test_a_key_of_all_tenants_finds_what_the_other_does_not(houses: Houses) -> None:
    """Else the table would prove nothing."""
    auth = houses.cast.auth("read")
    for path in ("/api/v1/conversations", "/api/v1/export", "/api/v1/exchanges"):
        found = houses.cast.client.get(path, params={**DAYS, "tenant_id": "b"}, headers=auth).text
        assert houses.markers["b"][:20] in found


def test_numbers_are_of_the_one_tenant(houses: Houses) -> None:
    door = next(door for door in ALL if door.path.endswith("{name}"))
    told = houses.knock(door, "unnamed", split="tenant").json()
    assert [part["name"] for part in told["parts"] if not part["is_other"]] == ["a"]
    volume = next(door for door in ALL if door.path.endswith("series/volume"))
    series = houses.knock(volume, "own").json()
    assert sum(series["series"][0]["data"].values()) == 1


def test_only_a_read_key_is_for_one_tenant(cast: Cast) -> None:
    accounts, now = cast.stores.accounts, cast.clock()
    with pytest.raises(Invalid, match="only a read key"):
        accounts.create_key(cast.project, KeyKind.ADMIN, "A", now, tenant="a")
    key, _ = accounts.create_key(cast.project, KeyKind.READ, "none", now, tenant="")
    assert [one.tenant for one in accounts.keys(cast.project) if one.id == key.id] == [""]
