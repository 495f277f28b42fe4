"""Removal by key and by the pages: asked for, followed, proven."""

from __future__ import annotations

import time
from typing import Any

import pytest

from causerie.accounts import Role
from causerie.store.events import EventStore
from causerie.store.sign_ins import SignIns
from tests.conftest import Cast
from tests.web_page import Page


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing here is about files, so it does not wait for the engine to take old ones away."""
    monkeypatch.setattr(EventStore, "given_up", lambda *_: 0)


def said(cast: Cast, user: str, id: str, **given: Any) -> None:
    message = {"role": "user", "message": f"{user} says {id}"}
    metadata = {"user_id": user}
    assert cast.log(message, how="/thread", id=id, metadata=metadata, **given).status_code == 201
    cast.settle()


def done(cast: Cast, id: str) -> Any:
    """The removal, once it is done."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        found = cast.client.get(f"/api/v1/removals/{id}", headers=cast.auth()).json()
        if found["status"] == "done":
            return found
        time.sleep(0.05)
    raise AssertionError(found)


def ids(cast: Cast, **query: str) -> list[str]:
    found = cast.get("/api/v1/conversations", start_time="2026-01-01", **query).json()
    return sorted(one["id"] for one in found["conversations"])


def test_a_user_is_removed_by_an_admin_key_and_the_proof_is_found_by_their_id(cast: Cast) -> None:
    said(cast, "ada@corp.fr", "c1")
    said(cast, "eve@corp.fr", "c2")
    said(cast, "ada@corp.fr", "c3", tenant_id="t")
    asked = cast.client.delete("/api/v1/users/ada@corp.fr", headers=cast.auth())
    assert asked.status_code == 202
    found = done(cast, asked.json()["id"])
    assert found["removed"]["conversations"] == 1 and found["steps_done"] == found["steps"]
    assert all(check["left"] == 0 for check in found["proof"]["checked"])
    assert ids(cast) == ["c2"] and ids(cast, tenant_id="t") == ["c3"]
    query = {"user_id": "ada@corp.fr"}
    listed = cast.client.get("/api/v1/removals", params=query, headers=cast.auth()).json()
    assert [one["id"] for one in listed["removals"]] == [found["id"]]
    assert "ada" not in str(listed)
    other = cast.client.get(
        "/api/v1/removals", params={"user_id": "eve@corp.fr"}, headers=cast.auth()
    )
    assert other.json() == {"removals": []}


def test_every_tenant_has_to_be_said(cast: Cast) -> None:
    for tenant in ("a", "b"):
        said(cast, "u", f"c-{tenant}", tenant_id=tenant)
    both = cast.client.delete(
        "/api/v1/users/u", params={"tenant_id": "a", "every_tenant": "true"}, headers=cast.auth()
    )
    assert both.status_code == 400 and both.json()["error"]["field"] == "tenant_id"
    asked = cast.client.delete(
        "/api/v1/users/u", params={"every_tenant": "true"}, headers=cast.auth()
    )
    assert done(cast, asked.json()["id"])["removed"]["conversations"] == 2
    assert [ids(cast, tenant_id=tenant) for tenant in ("a", "b")] == [[], []]


def test_one_conversation_is_removed(cast: Cast) -> None:
    said(cast, "u", "c1")
    said(cast, "u", "c2")
    asked = cast.client.delete("/api/v1/conversations/c1", headers=cast.auth())
    done(cast, asked.json()["id"])
    assert ids(cast) == ["c2"]


def test_an_owner_counts_before_saving_and_removes_by_the_page(cast: Cast) -> None:
    said(cast, "u", "c1")
    accounts, now = cast.stores.accounts, cast.clock()
    owner = accounts.create_member("owner@mail.example", now)
    accounts.join(cast.project, owner.id, Role.OWNER)
    token, csrf = SignIns(cast.stores.engine).create_session(owner.id, now)
    cast.client.cookies.set("causerie-session", token)
    data = f"/p/{cast.project}/settings/privacy/data"
    cast.clock.move(days=40)
    token, csrf = SignIns(cast.stores.engine).create_session(owner.id, cast.clock())
    cast.client.cookies.set("causerie-session", token)

    def send(path: str, **fields: str) -> Any:
        return cast.client.post(
            f"{data}{path}", data={"csrf": csrf, **fields}, follow_redirects=False
        )

    def kept_days() -> int | None:
        project = cast.stores.accounts.project(cast.project)
        assert project is not None
        return project.retention_days

    counted = send("/count", retention_days="30")
    assert "Would remove 1 conversation now" in counted.text
    assert kept_days() is None
    assert send("/retention", retention_days="0").status_code == 400
    assert send("/retention", retention_days="30").status_code == 303
    assert kept_days() == 30
    asked = send("/user", user_id="u")
    assert asked.status_code == 303
    id = asked.headers["location"].rpartition("/")[2]
    done(cast, id)
    shown = Page(cast.client.get(asked.headers["location"]).text)
    assert "conversations" in shown.text and "owner@mail.example" in shown.text
    proof = cast.client.get(f"{asked.headers['location']}?format=json").json()
    assert proof["id"] == id and proof["removed"]["conversations"] == 1
    assert id in send("/find", user_id="u").text
    assert "No removal of that user" in send("/find", user_id="somebody").text
