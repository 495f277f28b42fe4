"""The Context service's API, word for word: statuses, shapes, identity, bad input."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import datetime, timedelta
from typing import Any

import pytest
from httpx2 import Response

from causerie.conversations import MESSAGES_MAX, METADATA_KEYS_MAX, TEXT_BYTES_MAX
from causerie.delivery import WORKER
from causerie.store.events import CLIENTS_MAX
from causerie.web import contextai
from causerie.web.edge import BODY_BYTES_MAX
from tests.conftest import Cast

USER = {"role": "user", "message": "Where is my card?"}
THREADS_OF_READS = 45
"""More than the server has for them."""
ASSISTANT = {"role": "assistant", "message": "On its way."}


def only(cast: Cast, **query: str) -> dict[str, Any]:
    """The one conversation that the read API lists."""
    listed = cast.get("/api/v1/conversations", **query).json()
    assert listed["pagination"]["total_records"] == 1, listed
    conversation: dict[str, Any] = listed["conversations"][0]
    return conversation


def refused(answer: Response, status: int, field: str) -> None:
    """A 4xx in the service's shape that names the field and invites no retry."""
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert error["field"] == field and error["code"] and error["message"]
    assert "retry-after" not in answer.headers


# ---- log ----------------------------------------------------------------------------------------


def test_a_logged_transcript_is_answered_201_and_read_back(cast: Cast) -> None:
    answer = cast.log(USER, ASSISTANT, metadata={"user_id": "u1", "model": "gpt-4o"})
    assert (answer.status_code, answer.json()) == (201, {"status": "ok"})
    read = only(cast)
    assert read["metadata"] == {"user_id": "u1", "model": "gpt-4o"}
    assert [(m["role"], m["message"]) for m in read["messages"]] == [
        ("user", "Where is my card?"),
        ("assistant", "On its way."),
    ]


def test_every_field_of_a_read_message_has_its_type(cast: Cast) -> None:
    cast.log({**USER, "rating": -1, "metadata": {"k": "v"}}, feedback="slow")
    read = only(cast)
    assert (read["sentiment_trend"], read["topics"], read["suggested_topics"]) == ("flat", [], [])
    (message,) = read["messages"]
    assert message["rating"] == -1 and type(message["rating"]) is int
    assert type(message["sentiment"]) is float and message["topics"] == []
    assert message["language"] == "und" and message["metadata"] == {"k": "v"}
    assert message["event_timestamp"] == "2026-05-20T12:00:00.000000Z"
    assert message["type"] == "message" and message["id"].startswith("e_")


def test_each_log_is_a_new_conversation(cast: Cast) -> None:
    for _ in range(2):
        cast.log(USER, ASSISTANT)
    assert cast.get("/api/v1/conversations").json()["count"] == 2


def test_a_retry_with_the_clients_request_id_is_kept_once(cast: Cast) -> None:
    for _ in range(3):
        assert cast.log(USER, headers={"x-ms-client-request-id": "r"}).status_code == 201
    assert cast.get("/api/v1/conversations").json()["count"] == 1


def test_a_retry_with_an_idempotency_key_is_kept_once_for_a_day(cast: Cast) -> None:
    for hours in (0, 23, 2):
        cast.clock.move(hours=hours)
        cast.log(USER, headers={"Idempotency-Key": "k"})
    assert cast.get("/api/v1/conversations").json()["count"] == 2


def test_another_body_under_the_same_request_id_is_not_lost(cast: Cast) -> None:
    for text in ("one", "two"):
        cast.log({**USER, "message": text}, headers={"Idempotency-Key": "always the same"})
    assert cast.get("/api/v1/conversations").json()["count"] == 2


def test_unknown_keys_are_ignored(cast: Cast) -> None:
    answer = cast.log({**USER, "colour": "red"}, extra={"deep": [1]}, headers={})
    assert answer.status_code == 201


@pytest.mark.parametrize("role", ["system", "function", "developer"])
def test_any_role_is_kept_as_it_is(cast: Cast, role: str) -> None:
    cast.log({"role": role, "message": "x"})
    assert only(cast)["messages"][0]["role"] == role


def test_a_tool_call_and_an_event_are_kept_with_all_they_hold(cast: Cast) -> None:
    tool = {
        "type": "tool",
        "name": "search",
        "thought": "hm",
        "input": {"q": [1, None]},
        "observation": "nothing",
    }
    event = {"type": "event", "name": "Checkout", "metadata": {"basket": "3"}}
    cast.log(USER, tool, event)
    read = only(cast)["messages"]
    assert {k: read[1][k] for k in tool} == tool
    assert {k: read[2][k] for k in event} == event


def test_one_timestamp_dates_the_whole_transcript(cast: Cast) -> None:
    cast.log({**USER, "event_timestamp": "2026-05-18T08:00:00+02:00"}, ASSISTANT)
    assert {m["event_timestamp"] for m in only(cast)["messages"]} == {"2026-05-18T06:00:00.000000Z"}


def test_a_backfill_from_years_ago_is_found_in_its_time(cast: Cast) -> None:
    cast.log({**USER, "event_timestamp": "2023-01-02 03:04:05"})
    assert cast.get("/api/v1/conversations").json()["count"] == 0
    only(cast, start_time="2023-01-01T00:00:00Z", end_time="2023-02-01T00:00:00Z")


def test_too_much_metadata_is_cut_and_told_and_no_message_is_lost(cast: Cast) -> None:
    metadata = {f"key{n}": "v" for n in range(METADATA_KEYS_MAX + 5)} | {"long": "x" * 100}
    answer = cast.log(USER, ASSISTANT, metadata=metadata)
    assert answer.status_code == 201
    assert "dropped" in answer.headers["x-causerie-warning"]
    read = only(cast)
    assert len(read["metadata"]) == METADATA_KEYS_MAX and len(read["messages"]) == 2


def test_metadata_that_is_not_text_becomes_text(cast: Cast) -> None:
    cast.log(USER, metadata={"n": 7, "yes": True, "none": None, "list": [1]})
    assert only(cast)["metadata"] == {"n": "7", "yes": "true", "list": "[1]"}


def test_personal_data_is_masked_before_it_is_kept(cast: Cast) -> None:
    cast.log({**USER, "message": "write to ann@corp.fr"}, metadata={"user_id": "ann@corp.fr"})
    waiting = cast.stores.inbox.waiting(9)
    read = only(cast)
    assert read["messages"][0]["message"] == "write to email@example.com"
    assert read["metadata"]["user_id"].startswith("user_")
    assert all("ann@corp.fr" not in str(one) for one in waiting)


def test_a_masked_user_stays_one_user(cast: Cast) -> None:
    for user in ("ann@corp.fr", "ANN@corp.fr", "bob@corp.fr"):
        cast.log(USER, metadata={"user_id": user})
    listed = cast.get("/api/v1/conversations").json()["conversations"]
    assert len({one["metadata"]["user_id"] for one in listed}) == 2


def test_masking_can_be_switched_off_per_project(cast: Cast) -> None:
    cast.stores.accounts.set_masking(cast.project, False)
    cast.log({**USER, "message": "write to ann@corp.fr"})
    assert only(cast)["messages"][0]["message"] == "write to ann@corp.fr"


# ---- upsert -------------------------------------------------------------------------------------


def test_a_growing_transcript_stays_one_conversation(cast: Cast) -> None:
    turns = [USER, ASSISTANT, {"role": "user", "message": "Thanks"}]
    assert cast.log(*turns[:2], how="/upsert").json() == {"status": "ok"}
    cast.log(*turns, how="/upsert")
    assert [m["message"] for m in only(cast)["messages"]] == [m["message"] for m in turns]


def test_two_people_whose_addresses_are_masked_keep_conversations_of_their_own(
    cast: Cast,
) -> None:
    for address in ("ann@corp.fr", "bob@corp.fr", "ann@corp.fr"):
        cast.log(USER, ASSISTANT, how="/upsert", metadata={"contact": address})
    read = cast.get("/api/v1/conversations").json()["conversations"]
    assert [one["metadata"] for one in read] == [{"contact": "email@example.com"}] * 2


def test_an_upsert_with_a_thumb_rates_what_is_there(cast: Cast) -> None:
    cast.log(USER, ASSISTANT, how="/upsert")
    cast.log(USER, {**ASSISTANT, "rating": 1}, how="/upsert")
    assert [m["rating"] for m in only(cast)["messages"]] == [0, 1]


# ---- thread and patch ---------------------------------------------------------------------------


def test_a_thread_without_an_id_gets_one_and_message_ids(cast: Cast) -> None:
    answer = cast.log(USER, {**ASSISTANT, "rating": 1}, how="/thread")
    assert answer.status_code == 201
    body = answer.json()
    assert body["status"] == "ok" and body["data"]["id"]
    appended = body["data"]["appended_messages"]
    assert [(m["role"], m["message"], m["rating"]) for m in appended] == [
        ("user", USER["message"], "neutral"),
        ("assistant", ASSISTANT["message"], "positive"),
    ]
    read = cast.get(f"/api/v1/conversations/{body['data']['id']}").json()
    assert [m["id"] for m in read["messages"]] == [m["id"] for m in appended]


def test_a_thread_appends_under_the_clients_id(cast: Cast) -> None:
    id = "a b/c d?ü"
    for text in ("one", "two"):
        answer = cast.log({"role": "user", "message": text}, how="/thread", id=id)
        assert answer.json()["data"]["id"] == id
    path = "/api/v1/conversations/a%20b%2Fc%20d%3F%C3%BC"
    assert [m["message"] for m in cast.get(path).json()["messages"]] == ["one", "two"]


def test_a_thread_can_begin_empty_and_take_feedback_later(cast: Cast) -> None:
    id = cast.log(how="/thread").json()["data"]["id"]
    cast.log(how="/thread", id=id, feedback="great")
    read = cast.get(f"/api/v1/conversations/{id}").json()
    assert (read["feedback"], read["messages"]) == ("great", [])


def test_a_retried_append_answers_the_first_ids(cast: Cast) -> None:
    header = {"x-ms-client-request-id": "r"}
    first, again = (cast.log(USER, how="/thread", headers=header).json() for _ in range(2))
    assert first == again
    assert len(only(cast)["messages"]) == 1


def patch(cast: Cast, id: str, body: Any) -> Response:
    path = f"/api/v1/log/conversation/thread/{id}"
    return cast.client.patch(path, json=body, headers=cast.auth("ingest"))


def test_a_message_is_rated_by_its_id(cast: Cast) -> None:
    data = cast.log(USER, ASSISTANT, how="/thread", id="T").json()["data"]
    wanted = {"id": data["appended_messages"][1]["id"], "rating": -1}
    answer = patch(cast, "T", {"messages": [wanted]})
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
    assert [m["rating"] for m in only(cast)["messages"]] == [0, -1]


def test_the_clients_own_patch_without_ids_rates_the_last_answers(cast: Cast) -> None:
    cast.log(USER, ASSISTANT, USER, ASSISTANT, USER, how="/thread", id="T")
    assert patch(cast, "T", [{"rating": 1}]).status_code == 200
    assert [m["rating"] for m in only(cast)["messages"]] == [0, 0, 0, 1, 0]
    assert patch(cast, "T", [{"rating": -1}, {"rating": 0}]).status_code == 200
    assert [m["rating"] for m in only(cast)["messages"]] == [0, -1, 0, 0, 0]


def test_a_patch_of_nothing_known_is_404(cast: Cast) -> None:
    cast.log(USER, ASSISTANT, how="/thread", id="T")
    refused(patch(cast, "other", [{"rating": 1}]), 404, "id")
    refused(patch(cast, "T", {"messages": [{"id": "e_x", "rating": 1}]}), 404, "messages[0].id")
    refused(patch(cast, "T", [{"rating": 1}] * 2), 400, "messages")
    refused(patch(cast, "T", [{"rating": 2}]), 400, "messages[0].rating")


def test_a_patch_of_what_is_still_on_its_way_is_503_and_not_404(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contextai, "SETTLE_SECONDS_MAX", 0.2)
    inbox = cast.stores.inbox
    cast.log(USER, ASSISTANT, how="/thread", id="first")
    cast.settle()
    inbox.release(WORKER, "test", cast.clock())
    assert inbox.lease(WORKER, "another process", cast.clock())
    cast.log(USER, ASSISTANT, how="/thread", id="T")
    assert patch(cast, "T", [{"rating": 1}]).status_code == 503
    inbox.release(WORKER, "another process", cast.clock())
    cast.stores.delivery.wake()
    cast.settle()
    assert patch(cast, "T", [{"rating": 1}]).status_code == 200


def test_reads_that_wait_for_the_store_do_not_hold_up_what_comes_in(cast: Cast) -> None:
    with ExitStack() as busy, ThreadPoolExecutor(THREADS_OF_READS) as readers:
        for _ in range(CLIENTS_MAX):
            busy.enter_context(cast.stores.events._client())
        path, headers = "/api/v1/conversations", cast.auth("read")
        reads = [
            readers.submit(cast.client.get, path, headers=headers) for _ in range(THREADS_OF_READS)
        ]
        while not cast.stores.events._clients.empty() or sum(read.running() for read in reads) < 40:
            time.sleep(0.01)
        refused(cast.log({"role": "user"}), 400, "conversation.messages[0].message")
        assert cast.log({**USER, "message": "x" * 100_000}).status_code == 201
        busy.close()
        assert {read.result().status_code for read in reads} == {200}


def test_a_patch_finds_a_tenants_thread_with_and_without_naming_the_tenant(cast: Cast) -> None:
    cast.log(USER, ASSISTANT, how="/thread", id="T", tenant_id="acme")
    assert patch(cast, "T", [{"rating": 1}]).status_code == 200
    assert patch(cast, "T?tenant_id=acme", [{"rating": 1}]).status_code == 200
    refused(patch(cast, "T?tenant_id=globex", [{"rating": 1}]), 404, "id")


# ---- tenants ------------------------------------------------------------------------------------


def test_a_tenant_is_taken_from_query_or_body_and_kept_apart(cast: Cast) -> None:
    cast.log(USER, tenant_id="acme")
    body = {"conversation": {"messages": [USER]}}
    path = "/api/v1/log/conversation?tenant_id=globex"
    assert cast.client.post(path, json=body, headers=cast.auth("ingest")).status_code == 201
    for tenant in ("acme", "globex"):
        assert only(cast, tenant_id=tenant)["tenant_id"] == tenant
    assert cast.get("/api/v1/conversations").json()["count"] == 0


def test_an_id_that_no_conversation_can_have_is_not_found(cast: Cast) -> None:
    for id in ("%00", "a%00b", "%ff", "x" * 20_000, "..%2f", "'", "%5C", "%0a"):
        assert cast.get(f"/api/v1/conversations/{id}").status_code == 404
        assert patch(cast, id, [{"rating": 1}]).status_code == 404


def test_a_conversation_of_another_tenant_is_not_found(cast: Cast) -> None:
    cast.log(USER, how="/thread", id="T", tenant_id="acme")
    assert cast.get("/api/v1/conversations/T", tenant_id="acme").status_code == 200
    refused(cast.get("/api/v1/conversations/T", tenant_id="globex"), 404, "id")
    refused(cast.get("/api/v1/conversations/T"), 404, "id")


def test_two_different_tenants_in_one_request_are_refused(cast: Cast) -> None:
    body = {"conversation": {"messages": [USER]}, "tenant_id": "a"}
    path = "/api/v1/log/conversation?tenant_id=b"
    refused(cast.client.post(path, json=body, headers=cast.auth()), 400, "tenant_id")


# ---- read ---------------------------------------------------------------------------------------


def test_pages_carry_the_services_pagination(cast: Cast) -> None:
    for n in range(5):
        cast.log({**USER, "event_timestamp": f"2026-05-1{n + 5}T00:00:00Z"})
    first = cast.get("/api/v1/conversations", per_page=2).json()
    assert first["pagination"] == {
        "total_records": 5,
        "per_page": 2,
        "current_page": 1,
        "previous_page": None,
        "next_page": 2,
        "page_count": 3,
    }
    last = cast.get("/api/v1/conversations", per_page=2, page=3).json()
    assert (last["pagination"]["previous_page"], last["pagination"]["next_page"]) == (2, None)
    stamps = [one["messages"][0]["event_timestamp"][:10] for one in first["conversations"]]
    assert stamps == ["2026-05-19", "2026-05-18"]


def test_the_default_span_is_seven_days_with_today(cast: Cast) -> None:
    for stamp in ("2026-05-13T23:59:59Z", "2026-05-14T00:00:00Z", "2026-05-20T11:59:59Z"):
        cast.log({**USER, "event_timestamp": stamp})
    assert cast.get("/api/v1/conversations").json()["count"] == 2


def test_the_series_index_names_the_three_series(cast: Cast) -> None:
    answer = cast.get("/api/v1/conversations/series").json()
    assert answer == {"available": ["sentiment", "rating", "volume"]}


def test_a_series_has_the_days_of_the_project_s_zone(cast: Cast) -> None:
    cast.stores.accounts.set_zone(cast.project, "America/Los_Angeles")
    cast.log({**USER, "event_timestamp": "2026-05-20T06:30:00Z"})
    answer = cast.get("/api/v1/conversations/series/volume").json()
    data = answer["series"][0]["data"]
    assert (list(data)[0], list(data)[-1], data["2026-05-19"]) == ("2026-05-14", "2026-05-20", 1)
    assert answer["start_time"] == "2026-05-14T07:00:00.000000Z"


def test_a_series_has_a_bucket_for_every_day(cast: Cast) -> None:
    cast.log({**USER, "event_timestamp": "2026-05-15T10:00:00Z"}, {**ASSISTANT, "rating": 1})
    cast.log({**USER, "event_timestamp": "2026-05-15T11:00:00Z"}, {**ASSISTANT, "rating": -1})
    cast.log(USER, {**ASSISTANT, "rating": 1})
    volume = cast.get("/api/v1/conversations/series/volume").json()
    assert (volume["type"], volume["period"]) == ("volume", "day")
    assert volume["start_time"] == "2026-05-14T00:00:00.000000Z"
    (series,) = volume["series"]
    assert series["name"] == "volume" and len(series["data"]) == 7
    assert series["data"]["2026-05-15"] == 2 and series["data"]["2026-05-16"] == 0
    rating = cast.get("/api/v1/conversations/series/rating").json()["series"][0]["data"]
    assert (rating["2026-05-15"], rating["2026-05-16"], rating["2026-05-20"]) == (0, None, 1)
    sentiment = cast.get("/api/v1/conversations/series/sentiment").json()["series"][0]["data"]
    assert set(sentiment.values()) == {None}


def test_weeks_begin_on_monday_and_months_on_the_first(cast: Cast) -> None:
    cast.log(USER)
    span = {"start_time": "2026-03-31T00:00:00Z", "end_time": "2026-05-20T13:00:00Z"}
    path = "/api/v1/conversations/series/volume"
    weeks = cast.get(path, period="week", **span).json()["series"][0]["data"]
    assert list(weeks)[0] == "2026-03-30" and weeks["2026-05-18"] == 1
    months = cast.get(path, period="month", **span).json()["series"][0]["data"]
    assert months == {"2026-03-01": 0, "2026-04-01": 0, "2026-05-01": 1}


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"period": "year"}, "period"),
        ({"page": "0"}, "page"),
        ({"per_page": "1000"}, "per_page"),
        ({"per_page": "many"}, "per_page"),
        ({"page": "99999999999999999999"}, "page"),
        ({"page": "9" * 5_000}, "page"),
        ({"per_page": "0000001000000"}, "per_page"),
        ({"start_time": "yesterday"}, "start_time"),
        ({"end_time": "9999-12-31T23:59:59Z"}, "end_time"),
        ({"start_time": "2026-05-20T13:00:00Z"}, "start_time"),
        ({"tenant_id": "x" * 41}, "tenant_id"),
    ],
)
def test_a_bad_parameter_is_named(cast: Cast, query: dict[str, str], field: str) -> None:
    refused(cast.get("/api/v1/conversations", **query), 400, field)


# ---- bad input ----------------------------------------------------------------------------------


def nested(deep: int) -> Any:
    """A list in a list in a list."""
    inner: list[Any] = []
    for _ in range(deep - 1):
        inner = [inner]
    return inner


def post(cast: Cast, body: bytes) -> Response:
    headers = {**cast.auth("ingest"), "Content-Type": "application/json"}
    return cast.client.post("/api/v1/log/conversation", content=body, headers=headers)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"", "body"),
        (b"{", "body"),
        (b"null", "body"),
        (b'"text"', "body"),
        (b"[" * 100_000, "body"),
        (b'{"conversation":{"messages":[{"role":"user","message":"\xff\xfe"}]}}', "body"),
        (b"{}", "body"),
        (b'{"conversation":7}', "conversation"),
        (b'{"conversation":{}}', "conversation.messages"),
        (b'{"conversation":{"messages":[]}}', "conversation.messages"),
        (b'{"conversation":{"messages":{}}}', "conversation.messages"),
        (b'{"conversation":{"messages":[1]}}', "conversation.messages[0]"),
    ],
)
def test_a_body_that_is_no_transcript_is_refused(cast: Cast, body: bytes, field: str) -> None:
    refused(post(cast, body), 400, field)


@pytest.mark.parametrize(
    ("message", "field"),
    [
        ({"role": "user"}, "message"),
        ({"message": "x"}, "role"),
        ({"role": "user", "message": 7}, "message"),
        ({"role": ["user"], "message": "x"}, "role"),
        ({**USER, "rating": "positive"}, "rating"),
        ({**USER, "rating": 2}, "rating"),
        ({**USER, "rating": 0.5}, "rating"),
        ({**USER, "rating": 10**30}, "rating"),
        ({**USER, "type": "video"}, "type"),
        ({**USER, "metadata": []}, "metadata"),
        ({**USER, "message": "a\0b"}, "message"),
        ({**USER, "role": "r" * 41}, "role"),
        ({**USER, "event_timestamp": "tomorrow"}, "event_timestamp"),
        ({**USER, "event_timestamp": "9999-12-31T23:59:59Z"}, "event_timestamp"),
        ({**USER, "event_timestamp": "0001-01-01T00:00:00+14:00"}, "event_timestamp"),
        ({**USER, "event_timestamp": 1700000000}, "event_timestamp"),
        ({"type": "event"}, "name"),
        ({"type": "tool", "name": "t", "input": nested(101)}, "input"),
        ({"type": "tool", "name": "t", "input": nested(500)}, "input"),
        ({"type": "tool", "name": "t", "observation": nested(101)}, "observation"),
        ({**USER, "metadata": {"k": nested(101)}}, "metadata.k"),
        ({"type": "tool", "name": "t", "input": {"k": "\0"}}, "input"),
    ],
)
def test_a_bad_message_is_refused_with_its_place(
    cast: Cast, message: dict[str, Any], field: str
) -> None:
    refused(cast.log(USER, message), 400, f"conversation.messages[1].{field}")


def test_what_is_nested_to_the_limit_is_kept_and_read_back(cast: Cast) -> None:
    cast.log({"type": "tool", "name": "t", "input": nested(100)})
    assert only(cast)["messages"][0]["input"] == nested(100)


def test_half_a_surrogate_pair_is_refused_or_kept_readable(cast: Cast) -> None:
    body = b'{"conversation":{"messages":[{"role":"user","message":"\\ud800"}]}}'
    assert post(cast, body).status_code in (201, 400)
    assert cast.get("/api/v1/conversations").status_code == 200


def test_ten_thousand_messages_are_refused(cast: Cast) -> None:
    refused(cast.log(*[USER] * 10_000), 413, "conversation.messages")
    assert cast.log(*[USER] * MESSAGES_MAX).status_code == 201


def test_a_body_of_twenty_megabytes_is_refused(cast: Cast) -> None:
    refused(post(cast, b" " * (20 * 1024 * 1024)), 413, "body")
    assert post(cast, b" " * BODY_BYTES_MAX).status_code == 400


def test_a_text_over_the_limit_is_refused(cast: Cast) -> None:
    fits = {**USER, "message": "é" * (TEXT_BYTES_MAX // 2)}
    assert cast.log(fits).status_code == 201
    over = {**USER, "message": "é" * (TEXT_BYTES_MAX // 2 + 1)}
    refused(cast.log(over), 413, "conversation.messages[0].message")


def test_a_timestamp_a_day_ahead_is_kept_and_more_is_refused(cast: Cast) -> None:
    def log(ahead: timedelta) -> Response:
        stamp: datetime = cast.clock() + ahead
        return cast.log({**USER, "event_timestamp": stamp.isoformat()})

    assert log(timedelta(hours=24)).status_code == 201
    field = "conversation.messages[0].event_timestamp"
    refused(log(timedelta(hours=24, seconds=1)), 400, field)


def test_an_empty_post_as_the_client_sends_it_is_refused(cast: Cast) -> None:
    headers = {**cast.auth("ingest"), "Content-Length": "0"}
    refused(cast.client.post("/api/v1/log/conversation", headers=headers), 400, "body")


# ---- keys ---------------------------------------------------------------------------------------

ENDPOINTS = [
    ("POST", "/api/v1/log/conversation", "ingest"),
    ("POST", "/api/v1/log/conversation/upsert", "ingest"),
    ("POST", "/api/v1/log/conversation/thread", "ingest"),
    ("PATCH", "/api/v1/log/conversation/thread/T", "ingest"),
    ("GET", "/api/v1/conversations", "read"),
    ("GET", "/api/v1/conversations/T", "read"),
    ("GET", "/api/v1/conversations/series", "read"),
    ("GET", "/api/v1/conversations/series/sentiment", "read"),
    ("GET", "/api/v1/conversations/series/rating", "read"),
    ("GET", "/api/v1/conversations/series/volume", "read"),
    ("GET", "/api/v1/export", "read"),
]


@pytest.mark.parametrize(("method", "path", "kind"), ENDPOINTS)
def test_an_endpoint_opens_to_its_kind_of_key_only(
    cast: Cast, method: str, path: str, kind: str
) -> None:
    cast.log(USER, ASSISTANT, how="/thread", id="T")
    cast.settle()
    sent = [{"rating": 1}] if method == "PATCH" else {"conversation": {"messages": [USER]}}

    def knock(headers: dict[str, str]) -> Response:
        content = json.dumps(sent) if method != "GET" else None
        return cast.client.request(method, path, content=content, headers=headers)

    for right in (kind, "admin"):
        assert knock(cast.auth(right)).status_code in (200, 201)
    for wrong in {"ingest", "read", "gateway"} - {kind}:
        assert knock(cast.auth(wrong)).status_code == 403
    assert knock({}).status_code == 401
    assert knock({"Authorization": "Bearer csr_admin_nonsense"}).status_code == 401
    assert knock({"Authorization": "Basic abc"}).status_code == 401


def test_a_strangers_key_sees_and_changes_nothing_of_ours(cast: Cast) -> None:
    cast.log(USER, ASSISTANT, how="/thread", id="T")
    assert cast.get("/api/v1/conversations", "stranger").json()["count"] == 0
    assert cast.get("/api/v1/conversations/T", "stranger").status_code == 404
    assert cast.get("/api/v1/export", "stranger").content == b""
    volume = cast.get("/api/v1/conversations/series/volume", "stranger").json()
    assert set(volume["series"][0]["data"].values()) == {0}
    path = "/api/v1/log/conversation/thread/T"
    answer = cast.client.patch(path, json=[{"rating": 1}], headers=cast.auth("stranger"))
    assert answer.status_code == 404
    body = {"conversation": {"id": "T", "messages": [USER]}}
    thread = "/api/v1/log/conversation/thread"
    assert cast.client.post(thread, json=body, headers=cast.auth("stranger")).status_code == 201
    assert len(only(cast)["messages"]) == 2


def test_a_revoked_key_is_refused(cast: Cast) -> None:
    accounts = cast.stores.accounts
    assert cast.log(USER).status_code == 201
    for key in accounts.keys(cast.project):
        accounts.revoke_key(cast.project, key.id, cast.clock())
    answer = cast.client.get("/api/v1/conversations", headers=cast.auth("read"))
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "unauthenticated"


def test_an_unknown_path_answers_in_the_apis_shape(cast: Cast) -> None:
    answer = cast.client.get("/api/v1/nothing", headers=cast.auth())
    assert answer.status_code == 404 and answer.json()["error"]["code"] == "not_found"
    answer = cast.client.put("/api/v1/conversations", headers=cast.auth())
    assert answer.status_code == 405 and answer.json()["error"]["code"] == "method_not_allowed"
