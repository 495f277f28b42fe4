"""`/api/v1/sql`: answers in each format, and errors as the API says them."""

from __future__ import annotations

from typing import Any

import pytest
from httpx2 import Response

from tests.conftest import Cast


def ask(cast: Cast, query: str, kind: str = "read", **given: Any) -> Response:
    cast.settle()
    body = {"sql": query, **given}
    return cast.client.post("/api/v1/sql", json=body, headers=cast.auth(kind))


@pytest.fixture
def talk(cast: Cast) -> Cast:
    cast.log({"role": "user", "message": "Where is =my card?"}, metadata={"user_id": "ana"})
    cast.log({"role": "user", "message": "Hello"}, tenant_id="acme")
    return cast


def test_rows_come_with_the_names_and_types_of_their_columns(talk: Cast) -> None:
    answer = ask(talk, "SELECT user, count() AS n FROM conversations GROUP BY user ORDER BY user")
    assert answer.status_code == 200
    said = answer.json()
    assert said["columns"] == [{"name": "user", "type": "String"}, {"name": "n", "type": "UInt64"}]
    assert said["rows"] == [["", 1], ["ana", 1]]
    assert said["truncated"] is False
    assert said["seconds"] > 0


def test_an_admin_key_may_ask_too(talk: Cast) -> None:
    assert ask(talk, "SELECT 1", "admin").json()["rows"] == [[1]]


def test_a_strangers_key_sees_nothing_of_it(talk: Cast) -> None:
    assert ask(talk, "SELECT * FROM messages", "stranger").json()["rows"] == []


def test_it_can_be_limited_to_a_tenant(talk: Cast) -> None:
    query = "SELECT text FROM messages"
    assert ask(talk, query, tenant_id="acme").json()["rows"] == [["Hello"]]
    assert len(ask(talk, query).json()["rows"]) == 2


def test_a_span_is_named_in_braces(talk: Cast) -> None:
    query = "SELECT count() FROM messages WHERE at >= {since} AND at < {until}"
    assert ask(talk, query, until="2027-01-01T00:00:00Z").json()["rows"] == [[2]]
    since = "2026-12-31T00:00:00+02:00"
    assert ask(talk, query, since=since, until="2027-01-01T00:00:00Z").json()["rows"] == [[0]]


def test_rows_come_as_a_file(talk: Cast) -> None:
    query = "SELECT text FROM messages ORDER BY text DESC LIMIT 1"
    csv = ask(talk, query.replace("text FROM", "substring(text, 10, 3) AS text FROM"), format="csv")
    assert csv.headers["content-type"].startswith("text/csv")
    assert csv.text == "\ufefftext\r\n'=my\r\n"
    parquet = ask(talk, query, format="parquet")
    assert parquet.content[:4] == parquet.content[-4:] == b"PAR1"


@pytest.mark.parametrize(
    ("body", "field", "said"),
    [
        ({"sql": "SELECT\n  nothing FROM users"}, "sql", "line 2, column 3"),
        ({"sql": "DROP TABLE users"}, "sql", "line 1, column 1"),
        ({"sql": 1}, "body", "$.sql"),
        ({"sql": "SELECT 1", "format": "xlsx"}, "format", "parquet"),
        ({"sql": "SELECT 1", "sinse": "x"}, "body", "sinse"),
        ({"sql": "SELECT 1", "since": "2026-05-01T00:00:00"}, "since", "time zone"),
        ({}, "body", "sql"),
    ],
)
def test_what_cannot_be_understood_is_named(
    cast: Cast, body: dict[str, Any], field: str, said: str
) -> None:
    answer = cast.client.post("/api/v1/sql", json=body, headers=cast.auth())
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error["field"] == field
    assert said in error["message"]


def test_what_is_no_json_is_refused(cast: Cast) -> None:
    answer = cast.client.post("/api/v1/sql", content=b"SELECT 1", headers=cast.auth())
    assert answer.status_code == 400
