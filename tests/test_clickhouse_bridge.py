"""The bridge is a ClickHouse server to clickhouse-connect's own HTTP client."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import clickhouse_connect
import httpx
import pytest
from clickhouse_connect import common
from clickhouse_connect.driver import Client
from clickhouse_connect.driver.exceptions import DatabaseError, StreamFailureError
from clickhouse_connect.driver.summary import QuerySummary

from tests.clickhouse_bridge import ClickHouseBridge

START = datetime(2024, 2, 29, 23, 59, 59, 123456, UTC)
COLUMNS = ["id", "at", "metadata", "rating", "language", "version"]
CREATE = """
    CREATE TABLE {name:Identifier} (
        id String, at DateTime64(6, 'UTC'), metadata Map(String, String),
        rating Nullable(Int8), language LowCardinality(String), version UInt64
    ) ENGINE = ReplacingMergeTree(version) ORDER BY id
"""


@pytest.fixture(scope="module")
def bridge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouseBridge]:
    with ClickHouseBridge(tmp_path_factory.mktemp("clickhouse") / "data") as bridge:
        yield bridge


@pytest.fixture(scope="module")
def client(bridge: ClickHouseBridge) -> Iterator[Client]:
    with connect(bridge) as client:
        yield client


def connect(bridge: ClickHouseBridge, **options: Any) -> Client:
    return clickhouse_connect.get_client(
        dsn=bridge.url, autogenerate_session_id=False, tz_mode="aware", **options
    )


@pytest.fixture
def table(client: Client) -> Iterator[str]:
    client.command(CREATE, parameters={"name": "messages"})
    yield "messages"
    client.command("DROP TABLE messages")


def rows(count: int, version: int = 1) -> list[list[Any]]:
    """Rows with what breaks careless transports: quotes, NUL, line ends, a FORMAT in the text."""
    texts = itertools.cycle(
        ["it's", "a\0b\n\t\\", "été 你好", "INSERT INTO t FORMAT Native\n;", ""]
    )
    return [
        [
            f"m{number:06}",
            START + timedelta(microseconds=number),
            {"text": next(texts), "n": str(number)},
            None if number % 3 == 0 else number % 2,
            ("en", "fr", "zh")[number % 3],
            version,
        ]
        for number in range(count)
    ]


def stored(client: Client, table: str) -> list[list[Any]]:
    result = client.query(f"SELECT * FROM {table} FINAL ORDER BY id")
    return [list(row) for row in result.result_rows]


def test_a_client_connects_with_separate_words_too(bridge: ClickHouseBridge) -> None:
    with clickhouse_connect.get_client(
        host="127.0.0.1", port=bridge.port, username=bridge.user, password=bridge.password
    ) as client:
        assert client.ping()
        assert client.command("SELECT currentDatabase()") == "default"


@pytest.mark.parametrize("compress", [False, "gzip", "zstd", "lz4", True])
def test_rows_come_back_as_they_went_in(
    bridge: ClickHouseBridge, table: str, compress: bool | str
) -> None:
    with connect(bridge, compress=compress) as client:
        summary = client.insert(table, rows(500), column_names=COLUMNS)
        assert summary.written_rows == 500
        assert stored(client, table) == rows(500)


@pytest.mark.parametrize("compress", [False, True])
def test_fifty_thousand_rows_go_in_at_once(
    bridge: ClickHouseBridge, table: str, compress: bool
) -> None:
    with connect(bridge, compress=compress) as client:
        client.insert(table, rows(50_000), column_names=COLUMNS)
        assert stored(client, table) == rows(50_000)


def test_the_later_version_of_a_row_replaces_the_earlier(client: Client, table: str) -> None:
    for version in (2, 1, 3):
        client.insert(table, rows(3, version), column_names=COLUMNS)
    assert stored(client, table) == rows(3, version=3)


def test_raw_inserts_go_in_whatever_the_format(client: Client, table: str) -> None:
    block = client.raw_query("SELECT toString(number) AS id FROM numbers(1000)", fmt="Native")
    client.raw_insert(table, ["id"], block, fmt="Native")
    client.raw_insert(table, ["id", "language"], '{"id":"x","language":"de"}', fmt="JSONEachRow")
    assert client.command(f"SELECT count(), countIf(language = 'de') FROM {table}") == ["1001", "1"]


def test_a_torn_insert_is_refused_and_leaves_nothing(client: Client, table: str) -> None:
    block = client.raw_query("SELECT toString(number) AS id FROM numbers(1000)", fmt="Native")
    with pytest.raises(DatabaseError) as refused:
        client.raw_insert(table, ["id"], block[:-100], fmt="Native")
    assert refused.value.code == 33
    assert client.command(f"SELECT count() FROM {table}") == 0


@pytest.mark.parametrize(
    ("type_", "value"),
    [
        ("String", 'it\'s "quoted" \\ \t\r\n {x:String} é 你好'),
        ("String", ""),
        ("String", "long " * 20_000),
        ("UInt64", 2**64 - 1),
        ("Nullable(String)", None),
        ("Array(String)", ["a'b", "c\\d", "", "e,f]"]),
        ("Array(String)", [f"id{number}" for number in range(5_000)]),
        ("Array(UInt32)", []),
        ("Map(String, String)", {"k'": "v\\", "": "{}"}),
    ],
)
def test_a_parameter_arrives_as_it_is(client: Client, type_: str, value: object) -> None:
    before = common.get_setting("dict_parameter_format")
    common.set_setting("dict_parameter_format", "map")
    try:
        result = client.query(f"SELECT {{x:{type_}}}", parameters={"x": value})
    finally:
        common.set_setting("dict_parameter_format", before)
    assert result.result_rows == [(value,)]


def test_a_time_parameter_keeps_its_microseconds(client: Client) -> None:
    result = client.query("SELECT {x:DateTime64(6, 'UTC')}", parameters={"x_64": START})
    assert result.result_rows == [(START,)]


def test_settings_hold_for_their_query_alone(client: Client) -> None:
    sql = "SELECT number FROM numbers(10)"
    with pytest.raises(DatabaseError) as refused:
        client.query(sql, settings={"max_result_rows": 5})
    assert refused.value.code == 396
    assert len(client.query(sql).result_rows) == 10


def test_settings_hold_for_inserts(client: Client) -> None:
    client.command("CREATE TABLE parted (a UInt8) ENGINE = MergeTree PARTITION BY a ORDER BY a")
    settings = {"max_partitions_per_insert_block": 1}
    with pytest.raises(DatabaseError) as refused:
        client.insert("parted", [[1], [2]], column_names=["a"], settings=settings)
    assert refused.value.code == 252
    assert client.command("SELECT count() FROM parted") == 0


def test_the_database_is_the_one_asked_for(bridge: ClickHouseBridge, client: Client) -> None:
    client.command("CREATE DATABASE other")
    with connect(bridge, database="other") as elsewhere:
        elsewhere.command("CREATE TABLE here (a UInt8) ENGINE = MergeTree ORDER BY a")
        elsewhere.insert("here", [[7]], column_names=["a"])
    assert client.command("SELECT a FROM other.here") == 7
    with pytest.raises(DatabaseError):
        client.query("SELECT a FROM here")


def test_no_rows_and_no_result_differ(client: Client) -> None:
    assert client.command("SELECT name FROM system.tables WHERE 0") == ""
    assert isinstance(client.command("SET max_threads = 1"), QuerySummary)
    assert client.query("SELECT 1 WHERE 0").result_rows == []
    assert client.query("SELECT 1 AS one LIMIT 0").column_names == ("one",)


def test_a_wrong_password_is_refused(bridge: ClickHouseBridge) -> None:
    with pytest.raises(DatabaseError) as refused:
        clickhouse_connect.get_client(dsn=bridge.url, password="wrong")
    assert (refused.value.code, refused.value.name) == (516, "AUTHENTICATION_FAILED")


def test_both_ways_to_say_who_asks_are_heard(bridge: ClickHouseBridge) -> None:
    root = f"http://127.0.0.1:{bridge.port}"
    known = {"X-ClickHouse-User": bridge.user, "X-ClickHouse-Key": bridge.password}
    with httpx.Client(base_url=root, params={"query": "SELECT 1"}, trust_env=False) as http:
        assert http.get("/", headers=known).text == "1\n"
        assert http.get("/", auth=(bridge.user, bridge.password)).text == "1\n"
        for answer in (
            http.get("/"),
            http.get("/", headers={**known, "X-ClickHouse-Key": "wrong"}),
            http.get("/", headers={"Authorization": "Basic ???"}),
        ):
            assert answer.status_code == 403
            assert answer.headers["X-ClickHouse-Exception-Code"] == "516"
        assert http.get("/ping").text == "Ok.\n"


@pytest.mark.parametrize(
    ("sql", "code", "status"),
    [
        ("SELEC 1", 62, 400),
        ("SELECT * FROM nowhere", 60, 404),
        ("SELECT throwIf(1)", 395, 500),
        ("SELECT 1 SETTINGS no_such_setting = 1", 115, 404),
    ],
)
def test_an_error_has_its_code_and_status(
    bridge: ClickHouseBridge, client: Client, sql: str, code: int, status: int
) -> None:
    with pytest.raises(DatabaseError) as refused:
        client.query(sql)
    assert refused.value.code == code
    account = (bridge.user, bridge.password)
    root = f"http://127.0.0.1:{bridge.port}/"
    assert httpx.post(root, content=sql, auth=account, trust_env=False).status_code == status


def test_a_result_streams_in_blocks(client: Client) -> None:
    sql = "SELECT number FROM numbers(300000)"
    with client.query_row_block_stream(sql, settings={"max_block_size": 50_000}) as blocks:
        sizes = [len(block) for block in blocks]
    assert (len(sizes), sum(sizes)) == (6, 300_000)


def test_a_stream_may_be_left_half_read(client: Client) -> None:
    with client.query_row_block_stream("SELECT number FROM numbers(3000000)") as blocks:
        assert next(iter(blocks))[0] == (0,)
    assert client.command("SELECT 1") == 1


def test_an_error_within_a_stream_is_told(client: Client) -> None:
    sql = "SELECT throwIf(number = 299999) FROM numbers(300000)"
    with (
        pytest.raises(StreamFailureError) as failed,
        client.query_row_block_stream(sql, settings={"max_block_size": 1000}) as blocks,
    ):
        for _ in blocks:
            pass
    assert failed.value.code == 395


def test_eight_threads_share_a_client(client: Client, table: str) -> None:
    def work(thread: int) -> int:
        for turn in range(5):
            mine = [[f"{thread}-{turn}-{row[0]}", *row[1:]] for row in rows(100)]
            client.insert(table, mine, column_names=COLUMNS)
        sql = f"SELECT id FROM {table} WHERE startsWith(id, {{mine:String}})"
        return len(client.query(sql, parameters={"mine": f"{thread}-"}).result_rows)

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(work, range(8))) == [500] * 8
    assert client.command(f"SELECT count() FROM {table}") == 4_000


def test_what_was_acknowledged_outlives_a_kill(tmp_path: Path) -> None:
    with ClickHouseBridge(tmp_path / "data") as bridge:
        port = bridge.port
        with connect(bridge) as client:
            client.command(CREATE, parameters={"name": "kept"})
            client.insert("kept", rows(100), column_names=COLUMNS)
            bridge.kill()
            bridge.start()
            assert bridge.port == port
            assert stored(client, "kept") == rows(100)
