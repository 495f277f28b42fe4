"""Turns that were answered elsewhere: added to a context, one at a time, under its lock."""

from __future__ import annotations

from typing import Any

import pytest
from httpx2 import Response

from causerie.context_calls import LOCK_S
from causerie.tokens import Tokens
from tests.conftest import Cast
from tests.gateway_cast import GatewayCast, messages
from tests.scripted_upstream import ScriptedUpstream

SAID = list(messages("Where is my card?", "In the drawer."))


@pytest.fixture
def gateway(cast: Cast, upstream: ScriptedUpstream) -> GatewayCast:
    gateway = GatewayCast(cast, upstream, cast.tokens["gateway"])
    gateway.add_endpoint("ep-test")
    return gateway


@pytest.fixture
def context(gateway: GatewayCast) -> str:
    return str(gateway.create().json()["id"])


def add(gateway: GatewayCast, context: str, said: Any = SAID, **more: Any) -> Response:
    headers = more.pop("headers", {})
    return gateway.post(f"/context/{context}/turns", {"messages": said, **more}, **headers)


def hold(gateway: GatewayCast, context: str, name: str) -> Response:
    return gateway.post(f"/context/{context}/hold", {"hold": name})


def told(gateway: GatewayCast, path: str) -> Any:
    return gateway.cast.client.get(f"/context/{path}", headers=gateway.headers).json()


def code(answer: Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def test_an_added_turn_is_in_the_history_and_the_model_sees_it(
    gateway: GatewayCast, context: str, upstream: ScriptedUpstream
) -> None:
    added = add(gateway, context)
    assert added.status_code == 200
    gateway.turn(context, "And the key?")
    assert [one["content"] for one in upstream.requests[-1].body["messages"]] == [
        "Be brief.",
        "Where is my card?",
        "In the drawer.",
        "And the key?",
    ]
    history = told(gateway, f"{context}/history")
    assert history["turns"][0]["messages"] == SAID
    assert len(history["turns"]) == 2


def test_an_added_turn_is_counted_in_tokens_and_not_as_a_call(
    gateway: GatewayCast, context: str
) -> None:
    before = told(gateway, context)
    after = add(gateway, context).json()
    assert after["turns"] == 1
    (turn,) = told(gateway, f"{context}/history")["turns"]
    counted = Tokens()
    assert turn["tokens"] >= counted.text("Where is my card?") + counted.text("In the drawer.")
    assert after["kept_tokens"] == before["kept_tokens"] + turn["tokens"]
    assert after["calls"] == 0
    assert {**told(gateway, context), "expire_at": 0} == {**after, "expire_at": 0}


def test_an_added_turn_is_no_exchange_and_no_transcript(gateway: GatewayCast, context: str) -> None:
    add(gateway, context)
    gateway.chat("Hello")
    assert len(gateway.exchanges(1)) == 1
    assert len(gateway.transcripts()) == 1


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, (400, "MissingParameter")),
        ({"messages": []}, (400, "InvalidParameter")),
        ({"messages": "text"}, (400, "InvalidParameter")),
        ({"messages": [{"content": "no role"}]}, (400, "InvalidParameter")),
        ({"messages": [{"role": "villain", "content": "x"}]}, (400, "InvalidParameter")),
        ({"messages": SAID, "hold": "a\nb"}, (400, "InvalidParameter")),
        ({"messages": SAID, "hold": "x" * 101}, (400, "InvalidParameter")),
        ({"messages": SAID, "hold": "nobody's"}, (409, "OperationDenied.Conflict")),
    ],
)
def test_what_cannot_be_added_is_refused_and_nothing_is(
    gateway: GatewayCast, context: str, body: dict[str, Any], expected: tuple[int, str]
) -> None:
    assert code(gateway.post(f"/context/{context}/turns", body)) == expected
    assert told(gateway, f"{context}/history")["turns"] == []
    assert add(gateway, context).status_code == 200


def test_nothing_is_added_to_a_common_prefix_an_unknown_or_an_expired_context(
    gateway: GatewayCast, context: str
) -> None:
    prefix = gateway.create(mode="common_prefix").json()["id"]
    for answer in (add(gateway, prefix), hold(gateway, prefix, "mine")):
        assert code(answer) == (409, "OperationDenied.Conflict")
    assert code(add(gateway, "ctx-none")) == (404, "NotFound.ContextId")
    gateway.cast.clock.move(days=2)
    for answer in (add(gateway, context), hold(gateway, context, "mine")):
        assert code(answer) == (404, "NotFound.ContextId")


def test_a_held_context_is_busy_for_all_others_until_the_turn_of_the_hold(
    gateway: GatewayCast, context: str
) -> None:
    assert hold(gateway, context, "mine").json()["busy"] is True
    busy = (403, "OperationDenied.InvalidState")
    assert code(hold(gateway, context, "another")) == busy
    assert code(add(gateway, context)) == busy
    assert code(gateway.turn(context, "Hello")) == busy
    assert code(add(gateway, context, hold="another")) == (409, "OperationDenied.Conflict")
    assert add(gateway, context, hold="mine").json()["busy"] is False
    assert gateway.turn(context, "Hello").status_code == 200
    assert told(gateway, context)["turns"] == 2


def test_a_hold_is_let_go_without_a_turn_by_its_own_name_only(
    gateway: GatewayCast, context: str
) -> None:
    hold(gateway, context, "mine")
    client, headers = gateway.cast.client, gateway.headers
    assert client.delete(f"/context/{context}/hold/other", headers=headers).status_code == 200
    assert hold(gateway, context, "other").status_code == 403
    client.delete(f"/context/{context}/hold/mine", headers=headers)
    assert hold(gateway, context, "other").status_code == 200


def test_a_hold_ends_by_itself_unless_it_is_taken_again(gateway: GatewayCast, context: str) -> None:
    hold(gateway, context, "mine")
    gateway.cast.clock.move(seconds=LOCK_S - 1)
    assert hold(gateway, context, "mine").status_code == 200
    gateway.cast.clock.move(seconds=LOCK_S - 1)
    assert hold(gateway, context, "other").status_code == 403
    gateway.cast.clock.move(seconds=2)
    assert hold(gateway, context, "other").status_code == 200
    assert code(add(gateway, context, hold="mine")) == (409, "OperationDenied.Conflict")


def test_a_turn_that_is_sent_again_under_its_key_is_added_once(
    gateway: GatewayCast, context: str
) -> None:
    hold(gateway, context, "mine")
    key = {"Idempotency-Key": "k1"}
    first, again = (add(gateway, context, hold="mine", headers=key) for _ in range(2))
    assert (first.json()["turns"], again.json()["turns"]) == (1, 1)
    assert add(gateway, context, headers={"Idempotency-Key": "k2"}).json()["turns"] == 2


def test_a_tag_that_is_to_be_kept_stays_with_its_live_context(
    gateway: GatewayCast, context: str
) -> None:
    other = gateway.create(ttl=60).json()["id"]
    client, headers = gateway.cast.client, gateway.headers

    def tag(id: str, **more: Any) -> str:
        body = {"context_id": id, **more}
        return str(client.put("/context/tags/s", json=body, headers=headers).json()["context_id"])

    assert tag(other, keep=True) == other
    assert tag(context, keep=True) == other
    gateway.cast.clock.move(seconds=61)
    assert tag(context, keep=True) == context
    assert tag(gateway.create().json()["id"]) != context
