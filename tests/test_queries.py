"""Typed SQL: what it answers, what it refuses and where, on both engines."""

from __future__ import annotations

import re
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causerie.errors import TooMany
from causerie.queries.desk import VALUES, Limits, Places
from causerie.queries.functions import AGGREGATES, COMPUTED, FUNCTIONS, WINDOWS
from causerie.queries.selects import translated
from causerie.queries.tables import TABLES, Table
from causerie.queries.tokens import SqlError
from causerie.store.events import EventStore
from tests.desk_cast import CONVERSATIONS, SECRET, World, column, fill

VIEWS = {table.name: "VIEW" for table in TABLES}


# ---- what is answered ----------------------------------------------------------------------------


@pytest.mark.parametrize("table", TABLES, ids=lambda table: str(table.name))
def test_a_table_has_the_columns_that_are_told_of_it(world: World, table: Table) -> None:
    answer = world.ask(f"SELECT * FROM {table.name}")
    told = [(column.name, column.type) for column in table.columns]
    # How a column is kept, and the zone that its times are told in, are no matter of the reader's.
    found = [
        (field.name, re.sub(r"LowCardinality\((String)\)|(\(6), '\w+'", r"\1\2", field.type))
        for field in answer.fields
    ]
    assert found == told
    assert answer.rows
    assert SECRET not in repr(answer.rows)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("SELECT count() FROM conversations", [(CONVERSATIONS,)]),
        ("select COUNT(*) n from Conversations;", [(CONVERSATIONS,)]),
        ("SELECT DISTINCT language, mood FROM conversations", [("fr", 0.5)]),
        ("SELECT metadata['plan'] FROM messages WHERE position = 1 ORDER BY at DESC LIMIT"
         " 1", [("own 0",)]),
        ("SELECT topics FROM meanings ORDER BY at DESC LIMIT"
         " 2", [(["Late"],), (["Post", "Late"],)]),
        ("SELECT topic, theme, messages, users FROM topics ORDER BY topic",
         [("Late", "Post", CONVERSATIONS, 27), ("Post", "", 18, 18)]),
        ("SELECT t, count() FROM conversations ARRAY JOIN topics AS t GROUP BY t ORDER BY t",
         [("Late", CONVERSATIONS), ("Post", 18)]),
        ("WITH few AS (SELECT * FROM conversations LIMIT 3) SELECT count() FROM few", [(3,)]),
        ("WITH few AS (SELECT 1 AS a) SELECT a FROM few UNION ALL SELECT a + 1 FROM few ORDER"
         " BY a", [(1,), (2,)]),
        ("SELECT m.text FROM messages m JOIN conversations c ON m.conversation = c.id AND"
         " m.tenant = c.tenant"
         " WHERE c.preview = 'own 3'", [("own 3",)]),
        ("SELECT count() FROM messages WHERE conversation IN (SELECT id FROM conversations"
         " WHERE tenant = 'acme')", [(6,)]),
        ("SELECT count() FROM conversations WHERE started_at >= {since} AND started_at <"
         " {until}", [(CONVERSATIONS,)]),
        ("SELECT count() FROM conversations WHERE started_at > {until} - INTERVAL 30 HOUR", [(6,)]),
        ("SELECT 5 IN (1, 2 + 3), (1, 'a') IN ((1, 'a'), (2, 'b')), 3 NOT IN (1), 1 IN [1],"
         " 'x' IN ('x')",
         [(True, True, True, True, True)]),
        ("SELECT CASE 2 WHEN 1 THEN 'a' WHEN 2 THEN 'b' END, 1 > 2 ? 'a' : 'b', -2 + 3 * 2, 7"
         " % 4, 7 DIV 2",
         [("b", "b", 4, 3, 3)]),
        ("SELECT arrayMap(x -> x * 2, [1, 2]), arraySum((x, y) -> x * y, [1, 2], [3, 4]), (5,"
         " 'a').2",
         [([2, 4], 11, "a")]),
        ("SELECT '2'::Int64 + 1, CAST('3' AS Nullable(Int32)), extract(year from {since}),"
         " DATE '2026-05-01' < today()",
         [(3, 3, 2026, True)]),
        ("SELECT quantile(0.5)(x), countIf(x > 1), sum(x) FILTER (WHERE x < 3) FROM (SELECT"
         " arrayJoin([1, 2, 3]) AS x)",
         [(2.0, 2, 3)]),
        ("SELECT x, row_number() OVER (ORDER BY x DESC), sum(x) OVER (ORDER BY x ROWS BETWEEN"
         " UNBOUNDED PRECEDING"
         " AND CURRENT ROW) FROM (SELECT arrayJoin([1, 2]) AS x) ORDER BY"
         " x", [(1, 2, 1), (2, 1, 3)]),
        ("SELECT x FROM (SELECT arrayJoin([1, 1, 2, 2]) AS x) ORDER BY x LIMIT 1 BY x LIMIT 1,"
         " 5", [(2,)]),
        ("SELECT x FROM (SELECT arrayJoin([1, 4]) AS x) ORDER BY x WITH FILL FROM 1 TO 5 STEP"
         " 1", [(1,), (2,), (3,), (4,)]),
        ("SELECT a, count() FROM (SELECT arrayJoin(['x', 'x', 'y']) AS a) GROUP BY a WITH"
         " ROLLUP ORDER BY 2",
         [("y", 1), ("x", 2), ("", 3)]),
        ("SELECT 'it''s', 'a\\'b', 'back\\\\slash', '-- no comment', 1 /* a comment */ --"
         " another\n",
         [("it's", "a'b", "back\\slash", "-- no comment", 1)]),
        ("SELECT 1 AS 数量, 2 AS `per cent %`", [(1, 2)]),
        ("(SELECT 1 AS a) UNION (SELECT 1) EXCEPT SELECT 2", [(1,)]),
        ("SELECT dateDiff(day, DATE '2026-05-01', toDate('2026-05-04')), 'Zürich' ILIKE"
         " 'zÜ%'", [(3, True)]),
        ("SELECT EXISTS (SELECT 1 FROM events), (SELECT max(messages) FROM users)", [(True, 1)]),
        ("SELECT user FROM users WHERE match(user, '^own \\d user$') ORDER BY user LIMIT"
         " 1", [("own 1 user",)]),
    ],
)  # fmt: skip
def test_a_query_is_answered(world: World, query: str, expected: list[tuple[object, ...]]) -> None:
    assert [tuple(row) for row in world.ask(query).rows] == expected


def test_names_stand_in_place_of_ids(world: World) -> None:
    rows = world.ask("SELECT * FROM conversations").rows
    assert "t_post" not in repr(rows)
    assert "Post" in repr(rows)


def test_days_are_those_of_the_projects_time_zone(world: World) -> None:
    query = (
        "SELECT toString(at), toDate(at), toHour(at), at >= '2026-05-20 21:00:00',"
        " toHour(toDateTime('2026-05-20 03:00:00')) FROM messages ORDER BY at DESC LIMIT 1"
    )
    for zone, expected in (
        ("UTC", ["2026-05-20 12:00:00.000000", "2026-05-20", 12, 0, 3]),
        ("Asia/Tokyo", ["2026-05-20 21:00:00.000000", "2026-05-20", 21, 1, 3]),
        ("Pacific/Auckland", ["2026-05-21 00:00:00.000000", "2026-05-21", 0, 1, 3]),
    ):
        assert world.ask(query, zone=zone).rows == [expected]
    at = world.ask("SELECT at FROM messages ORDER BY at DESC LIMIT 1", zone="Asia/Tokyo").rows
    assert at == [["2026-05-20T12:00:00.000000Z"]]


def test_a_key_of_one_tenant_sees_nothing_of_another(world: World) -> None:
    for table in TABLES:
        if any(column.name == "tenant" for column in table.columns):
            query = f"SELECT tenant, count() FROM {table.name} GROUP BY tenant"
            assert column(world.ask(query, tenant="acme")) == ["acme"]
            assert column(world.ask(query, tenant="nobody")) == []


def test_more_rows_than_the_limit_are_cut_and_said_to_be(
    world: World,
) -> None:
    desk = world.open_desk(rows=5)
    for query in (
        "SELECT user FROM users",
        "SELECT 1 FROM messages UNION ALL SELECT 2 FROM messages",
    ):
        answer = desk.answer(world.typed(query))
        assert (len(answer.rows), answer.is_cut) == (5, True)
    whole = desk.answer(world.typed("SELECT arrayJoin([5, 4, 3, 2, 1]) AS x ORDER BY x DESC"))
    assert (column(whole), whole.is_cut) == ([5, 4, 3, 2, 1], False)
    desk.close()


def test_a_file_holds_the_same_rows(world: World) -> None:
    content = world.desk.parquet(
        world.typed("SELECT preview FROM conversations UNION ALL SELECT 'b'")
    )
    assert content.startswith(b"PAR1")
    assert content.endswith(b"PAR1")
    assert SECRET.encode() not in content


def test_columns_tell_what_a_chart_can_do_with_them(world: World) -> None:
    query = "SELECT toDate(started_at), model, toNullable(messages), [1] FROM conversations LIMIT 1"
    fields = world.ask(query).fields
    assert [field.kind for field in fields] == ["time", "text", "number", "text"]


# ---- what is refused, and where ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "place", "said"),
    [
        ("", (1, 1), "nothing is asked"),
        ("SELECT 1\nFROM nothing", (2, 6), "no table nothing"),
        ("SELECT 1 FROM conversation", (1, 15), "did you mean conversations"),
        ("SELECT cuont() FROM users", (1, 8), "did you mean count"),
        ("SELECT 'open", (1, 8), "never closed"),
        ("SELECT 1 FROM users WHERE", (1, 26), "the query ends"),
        ("SELECT 1 +\n  FROM users", (2, 3), "'FROM' stands where"),
        ("SELECT (1, 2", (1, 13), "the query ends"),
        ("SELECT 1 §", (1, 10), "'§'"),
        ("SELECT 1; SELECT 2", (1, 9), "one statement"),
        ("SELECT {nothing}", (1, 8), "{since}, {until}"),
        ("SELECT a\nFROM users", (1, 8), "a"),
        ("SELECT user,\n  nothing_such FROM users", (2, 3), "there is no column nothing_such"),
        ("SELECT u.usr FROM users AS u", (1, 10), "did you mean user?"),
        ("SELECT user, count() FROM users", None, ""),
        ("SELECT toInt64('x')", None, "x"),
        ("SELECT 1 LIMIT -1", (1, 16), "a number of rows"),
        (f"SELECT {'(' * 60}1{')' * 60}", (1, 48), "nested"),
        (f"SELECT {'abs(' * 25}1{')' * 25}" + ", abs(1)" * 290, (1, 2336), "300"),
        ("SELECT " + "1," * 12_000 + "1", None, "20,000"),
        ("SELECT 1 FROM " + ", ".join(f"users u{i}" for i in range(40)), (1, 335), "30 tables"),
        ("SELECT " + "+".join(["1"] * 5_000), None, "too deep"),
        ("SELECT 1" + "::Int8" * 3_000, None, "too deep"),
        ("SELECT 1" + " IS NULL" * 2_000, None, "depth"),
    ],
)  # fmt: skip
def test_what_cannot_be_run_is_refused_with_its_place(
    world: World, query: str, place: tuple[int, int] | None, said: str
) -> None:
    with pytest.raises(SqlError) as caught:
        world.ask(query)
    error = caught.value
    if place is not None:
        assert (error.line, error.column) == place
    assert said in error.message
    assert "__own" not in error.message
    assert world.project not in error.message


def test_a_query_that_takes_too_long_is_ended(
    world: World,
) -> None:
    desk = world.open_desk(seconds=1)
    forever = "SELECT count() FROM (SELECT arrayJoin(range(1000000)) AS a) AS x, " + ", ".join(
        f"(SELECT arrayJoin(range(1000000)) AS a) AS x{index}" for index in range(3)
    )
    with pytest.raises(SqlError, match="over 1 seconds"):
        desk.answer(world.typed(forever))
    desk.close()


def test_a_query_that_needs_too_much_memory_is_ended(
    world: World,
) -> None:
    desk = world.open_desk(memory_bytes=50_000_000)
    many = "(SELECT arrayJoin(range(100000)) AS a, arrayJoin(range(1000)) AS b)"
    greedy = f"SELECT length(groupArray(b)) FROM {many}"
    with pytest.raises(SqlError, match="50 MB of memory"):
        desk.answer(world.typed(greedy))
    desk.close()


def test_a_result_that_is_too_large_is_refused(world: World) -> None:
    large = "SELECT leftPad('x', 900000, 'y') FROM (SELECT arrayJoin(range(40)))"
    with pytest.raises(SqlError, match="over 32 MB"):
        world.ask(large)


def test_writers_go_on_while_a_query_runs(
    world: World,
) -> None:
    desk = world.open_desk(seconds=2)
    many = "(SELECT arrayJoin(range(1000000)) AS a)"
    slow = f"SELECT count() FROM {many} AS x, {many} AS y"
    ended = threading.Event()

    def run() -> None:
        with pytest.raises(SqlError, match="over 2 seconds"):
            desk.answer(world.typed(slow))
        ended.set()

    thread = threading.Thread(target=run)
    thread.start()
    fill(world.events, f"{world.project}-beside", f"{world.project}-beside-other")
    assert not ended.is_set()
    thread.join()
    assert ended.is_set()
    desk.close()


def test_places_are_shared_among_projects() -> None:
    places = Places(at_once=2, waiting=1, seconds=0.01)
    with places.taken("a"):
        with pytest.raises(TooMany), places.taken("a"):
            pass
        with places.taken("b"), pytest.raises(TooMany), places.taken("c"):
            pass
        with places.taken("c"):
            pass
    with places.taken("a"):
        pass


def test_whoever_waits_gets_the_place_that_becomes_free() -> None:
    places = Places(at_once=2, waiting=1, seconds=30)
    order: list[str] = []

    def second() -> None:
        with places.taken("a"):
            order.append("second")

    with places.taken("a"):
        thread = threading.Thread(target=second)
        thread.start()
        order.append("first")
    thread.join()
    assert order == ["first", "second"]


# ---- what it is made of --------------------------------------------------------------------------


def test_every_function_is_one_of_the_engine_and_none_is_a_table(
    embedded_events: EventStore,
) -> None:
    query = (
        "SELECT if(name = lower(name) OR NOT case_insensitive, name, name) FROM system.functions"
    )
    known = set(column_of(embedded_events, query))
    own = {*COMPUTED, *WINDOWS.split(), *AGGREGATES.split()}
    insensitive = {name.lower() for name in known}
    assert {name for name in own if name.lower() not in insensitive} == set()
    tables = set(column_of(embedded_events, "SELECT name FROM system.table_functions"))
    assert not tables & set(FUNCTIONS.values())


def column_of(events: EventStore, query: str) -> list[str]:
    return [str(row[0]) for row in events.answer(query, {}, 10**7).rows]


PIECES = st.sampled_from(
    [
        *(
            "a",
            "'",
            "''",
            "\\'",
            "\\\\",
            "\\n",
            "\\d",
            "\\x41",
            "\\0",
            "\\t",
            "\\e",
            "\\/",
            "\\%",
            "\\_",
        ),
        *("%", "{project:String}", "{", "--", "/*", '"', "`", "\\`", "$a$", "#", "\n", "\t"),
        *("é", "世", "😀", "“", "‘"),
    ]
)


@given(parts=st.lists(PIECES, max_size=8))
def test_a_text_means_here_what_it_means_to_the_engine(
    embedded_events: EventStore, parts: list[str]
) -> None:
    literal = "'" + "".join(part for part in parts if part != "'") + "'"
    ours = translated(f"SELECT {literal}", VIEWS, VALUES)
    # A bound name keeps the driver from formatting the text by itself.
    query = f"SELECT ({{ours:String}} = 'x'), ({ours}), {literal}"
    row = embedded_events.answer(query, {"ours": "x"}, 10**6).rows[0]
    assert row[1] == row[2]


SOUP = """
SELECT FROM WHERE WITH AS ( ) , * . ; :: ? : -> [ ] = != IN NOT AND OR UNION ALL EXCEPT JOIN
LEFT ARRAY ON USING GROUP BY ORDER LIMIT 1 2 .5 'x' `a` "b" x messages conversations system
tables system.tables file('x') count( sum( CASE WHEN THEN END CAST( INTERVAL DAY {since} {x}
DISTINCT OVER PARTITION EXISTS( FINAL PREWHERE SETTINGS FORMAT INTO OUTFILE merge( view( __own
project LIKE BETWEEN IS NULL NULLS FIRST WITH FILL TIES OFFSET -- /* */ \\ ' ` " $x$ \0 é
"""
WORDS = st.sampled_from(SOUP.split())


@given(words=st.lists(WORDS, max_size=25))
def test_any_text_is_refused_or_reads_nothing_but_tables_of_ours(words: list[str]) -> None:
    text = "SELECT " + " ".join(words)
    try:
        query = translated(text, VIEWS, VALUES)
    except SqlError:
        return
    # Without strings and quoted names, no word is left that could name anything of the engine's.
    bare = re.sub(r"'[^']*'|`[^`]*`|\{[^}]*\}", " ", query.replace("VIEW", " "))
    left = set(re.findall(r"[A-Za-z_]\w*", bare))
    assert not left & {"messages", "conversations", "system", "tables", "file", "merge", "project"}
    assert not left & {"SETTINGS", "FORMAT", "INTO", "OUTFILE", "PREWHERE", "view"}


def test_limits_are_what_the_docs_say() -> None:
    assert Limits() == Limits(rows=10_000, seconds=10, memory_bytes=500_000_000)
