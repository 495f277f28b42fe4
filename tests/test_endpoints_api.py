"""The API of endpoints: an admin key makes, changes and removes; no key of a provider comes out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from httpx2 import Response

from causerie.web.endpoints import GIVEN, OF_AN_UPSTREAM, EndpointsAPI
from tests.conftest import Cast

UPSTREAM = {"base_url": "https://models.example/v1", "model": "m-1", "key": "sk-of-the-provider"}
ROOT = "/api/v1/endpoints"


def ask(cast: Cast, method: str, path: str = "", body: Any = None, kind: str = "admin") -> Response:
    return cast.client.request(method, ROOT + path, json=body, headers=cast.auth(kind))


def test_an_endpoint_is_made_shown_changed_and_removed(cast: Cast) -> None:
    body = {"name": "One", "upstreams": [UPSTREAM], "serves": ["m"]}
    made = ask(cast, "POST", "", body)
    assert made.status_code == 201, made.text
    id = made.json()["id"]
    assert id.startswith("ep-")
    shown = ask(cast, "GET", f"/{id}").json()
    assert shown == made.json() and shown["upstreams"][0]["has_key"] is True
    assert ask(cast, "GET").json() == {"endpoints": [shown]}
    changed = ask(cast, "PATCH", f"/{id}", {"name": "Two", "window_tokens": 9_000})
    assert (changed.json()["name"], changed.json()["window_tokens"]) == ("Two", 9_000)
    assert ask(cast, "DELETE", f"/{id}").status_code == 204
    assert ask(cast, "GET", f"/{id}").status_code == 404
    for answer in (made, changed):
        assert "sk-of-the-provider" not in answer.text and "sealed" not in answer.text


def test_a_key_stays_with_its_provider_when_nothing_else_is_said(cast: Cast) -> None:
    id = ask(cast, "POST", "", {"name": "One", "upstreams": [UPSTREAM]}).json()["id"]
    keyless = {name: UPSTREAM[name] for name in ("base_url", "model")}
    same = ask(cast, "PATCH", f"/{id}", {"upstreams": [{**keyless, "weight": 3}]}).json()
    assert same["upstreams"][0]["has_key"] and same["upstreams"][0]["weight"] == 3
    moved = {**keyless, "base_url": "https://elsewhere.example/v1"}
    other = ask(cast, "PATCH", f"/{id}", {"upstreams": [moved]}).json()
    assert other["upstreams"][0]["has_key"] is False, "no key goes to another provider"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"upstreams": [UPSTREAM]}, "name"),
        ({"name": "One"}, "upstreams"),
        ({"name": "One", "upstreams": [{"model": "m"}]}, "upstreams[0].base_url"),
        ({"name": "One", "upstreams": ["m"]}, "upstreams[0]"),
        ({"name": "One", "upstreams": [{**UPSTREAM, "secret": 1}]}, "upstreams[0].secret"),
        ({"name": "One", "upstreams": [{**UPSTREAM, "weight": "x"}]}, "upstreams[0].weight"),
        ({"name": "One", "upstreams": [{**UPSTREAM, "key": "sealed:x"}]}, "upstreams[0].key"),
        ({"name": "One", "upstreams": [UPSTREAM], "project": "other"}, "project"),
        ({"name": "One", "upstreams": [UPSTREAM], "price": {"input": "much"}}, "price.input"),
        ([], "body"),
    ],
)
def test_what_is_wrong_is_named(cast: Cast, body: Any, field: str) -> None:
    refused = ask(cast, "POST", "", body)
    assert refused.status_code == 400, refused.text
    assert refused.json()["error"]["field"] == field


@pytest.mark.parametrize("kind", ["ingest", "read", "gateway"])
def test_only_an_admin_key_opens_it(cast: Cast, kind: str) -> None:
    assert ask(cast, "GET", kind=kind).status_code == 403


def test_a_change_is_seen_by_the_gateway_at_once(cast: Cast) -> None:
    body = {"name": "One", "upstreams": [{**UPSTREAM, "base_url": "http://127.0.0.1:9/v1"}]}
    id = ask(cast, "POST", "", body).json()["id"]
    chat = {"model": id, "messages": [{"role": "user", "content": "Hi"}]}
    post = cast.client.post
    assert post("/v1/chat/completions", json=chat, headers=cast.auth()).status_code == 502
    ask(cast, "PATCH", f"/{id}", {"disabled": True})
    assert post("/v1/chat/completions", json=chat, headers=cast.auth()).status_code == 404


def test_another_projects_endpoint_does_not_exist(cast: Cast) -> None:
    id = ask(cast, "POST", "", {"name": "One", "upstreams": [UPSTREAM]}).json()["id"]
    for method, body in (("GET", None), ("PATCH", {"name": "Two"}), ("DELETE", None)):
        assert ask(cast, method, f"/{id}", body, "stranger").status_code == 404
    assert ask(cast, "GET", kind="stranger").json() == {"endpoints": []}
    assert ask(cast, "GET", f"/{id}").json()["name"] == "One"


def test_an_id_and_a_served_name_are_taken_once_and_kept(cast: Cast) -> None:
    body = {"id": "ep-one", "name": "One", "upstreams": [UPSTREAM], "serves": ["m"]}
    assert ask(cast, "POST", "", body).status_code == 201
    assert ask(cast, "POST", "", {**body, "serves": []}).status_code == 409
    refused = ask(cast, "POST", "", {**body, "id": "ep-two"})
    assert (refused.status_code, refused.json()["error"]["field"]) == (409, "serves")
    renamed = ask(cast, "PATCH", "/ep-one", {"id": "ep-two"})
    assert (renamed.status_code, renamed.json()["error"]["field"]) == (400, "id")
    assert ask(cast, "PATCH", "/ep-one", {"id": "ep-one", "name": "Two"}).status_code == 200


@pytest.mark.parametrize("key", ["", None])
def test_a_key_can_be_taken_out(cast: Cast, key: str | None) -> None:
    id = ask(cast, "POST", "", {"name": "One", "upstreams": [UPSTREAM]}).json()["id"]
    changed = ask(cast, "PATCH", f"/{id}", {"upstreams": [{**UPSTREAM, "key": key}]}).json()
    assert changed["upstreams"][0]["has_key"] is False


def test_amounts_of_a_price_come_back_as_they_were_given(cast: Cast) -> None:
    price = {"input": "0.8", "output": 2.5, "currency": "CNY"}
    body = {"name": "One", "upstreams": [UPSTREAM], "price": price}
    made = ask(cast, "POST", "", body).json()
    expected = {"input": "0.8", "output": "2.5", "cached": None, "currency": "CNY"}
    assert made["price"] == expected
    again = ask(cast, "PATCH", f"/{made['id']}", {"price": made["price"], "disabled": True}).json()
    assert again == {**made, "disabled": True}
    assert ask(cast, "PATCH", f"/{made['id']}", {"price": None}).json()["price"] is None


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff"])
def test_a_body_that_is_no_object_changes_nothing(cast: Cast, body: bytes) -> None:
    made = ask(cast, "POST", "", {"name": "One", "upstreams": [UPSTREAM]}).json()
    address = f"{ROOT}/{made['id']}"
    refused = cast.client.patch(address, content=body, headers=cast.auth())
    assert (refused.status_code, refused.json()["error"]["field"]) == (400, "body")
    assert ask(cast, "GET", f"/{made['id']}").json() == made


def test_every_address_and_field_is_documented() -> None:
    text = (Path(__file__).parents[1] / "docs" / "gateway.md").read_text()
    for route in EndpointsAPI.__new__(EndpointsAPI).routes():
        assert f"`{route.path}`" in text
    for name in GIVEN | OF_AN_UPSTREAM:
        assert f"`{name}`" in text or f'"{name}"' in text, name
