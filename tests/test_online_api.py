"""Online evaluators by the API, over a running server that judges as it goes."""

from __future__ import annotations

import uuid
from typing import Any
from urllib.parse import urlencode

import pytest
from httpx2 import Response

from tests.conftest import Cast
from tests.online_cast import until

PATH = "/api/v1/evaluations/online"


@pytest.fixture
def name() -> str:
    return f"Is short / {uuid.uuid4().hex[:8]}"


def send(cast: Cast, method: str, path: str, body: Any = None) -> Response:
    return cast.client.request(method, path, json=body, headers=cast.auth("admin"))


def test_what_is_logged_is_judged_and_told(shared_cast: Cast, name: str) -> None:
    given = {"name": name, "evaluator": "length", "options": {"max": 20}}
    made = send(shared_cast, "POST", PATH, given)
    assert made.status_code == 201, made.text
    told = made.json()
    assert (told["name"], told["percent"], told["enabled"]) == (name, 100.0, True)
    assert (told["revision"], told["by"], told["outcomes"]) == (1, "admin", {})
    shared_cast.log(
        {"role": "user", "message": "Hello"}, {"role": "assistant", "message": "Good day"}
    )
    path = f"{PATH}/{name}"
    until(shared_cast, path, lambda told: told["outcomes"] == {"pass": 1})
    changed = send(shared_cast, "PATCH", path, {"options": {"max": 2}, "percent": 100})
    assert changed.status_code == 200 and changed.json()["revision"] == 2
    until(shared_cast, path, lambda told: told["outcomes"] == {"fail": 1})
    listed = shared_cast.get(PATH).json()["evaluators"]
    assert name in [one["name"] for one in listed]
    assert send(shared_cast, "DELETE", path).status_code == 204
    assert shared_cast.get(path).status_code == 404


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"evaluator": "golden_response"}, "evaluator"),
        ({"percent": 0}, "percent"),
        ({"filter": "user=ana"}, "filter"),
        ({"filter": "days=7"}, "filter"),
        ({"filter": "topic=none-such"}, "filter"),
        ({"filter": "language=klingon"}, "filter"),
        ({"percent": "many"}, "body"),
        ({"surprise": 1}, "body"),
        ({"since": "2026-05-20T12:00:00"}, "since"),
        ({"options": {"most": 1}}, "options"),
    ],
)
def test_what_cannot_be_is_refused(
    shared_cast: Cast, name: str, given: dict[str, Any], field: str
) -> None:
    body = {"name": name, "evaluator": "length", **given}
    refused = send(shared_cast, "POST", PATH, body)
    assert (refused.status_code, refused.json()["error"]["field"]) == (400, field), refused.text


def test_filters_choose_the_conversations_and_can_be_changed(shared_cast: Cast, name: str) -> None:
    def talk(tenant: str) -> None:
        said = ({"role": "user", "message": "Hello"}, {"role": "assistant", "message": tenant})
        shared_cast.log(*said, tenant_id=tenant)

    tenants = [f"acme & {uuid.uuid4().hex[:6]}" for _ in range(2)]
    given = {"name": name, "evaluator": "length", "filter": urlencode({"tenant": tenants[0]})}
    assert send(shared_cast, "POST", PATH, given).json()["filter"] == given["filter"]
    for tenant in tenants:
        talk(tenant)
    path = f"{PATH}/{name}"
    until(shared_cast, path, lambda told: told["outcomes"] == {"pass": 1})
    changed = send(shared_cast, "PATCH", path, {"filter": ""})
    assert (changed.json()["filter"], changed.json()["revision"]) == ("", 1)
    talk(tenants[1])
    until(shared_cast, path, lambda told: told["outcomes"].get("pass", 0) >= 3)


def test_a_name_is_one_evaluators(shared_cast: Cast, name: str) -> None:
    body = {"name": name, "evaluator": "no_refusal", "percent": 0.5}
    assert send(shared_cast, "POST", PATH, body).status_code == 201
    assert send(shared_cast, "POST", PATH, body).status_code == 409
