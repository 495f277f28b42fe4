"""Typed SQL as an attacker types it: a member of one project who is after the rows of another, the
server's files, or the server.

Every text below is refused, or answered from the member's own rows; the secret of the other project
is in no answer and in no error. Behind that, the engine itself refuses when the first wall is gone.
"""

from __future__ import annotations

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from causerie.queries import desk as desk_module
from causerie.queries.tables import TABLES
from causerie.queries.tokens import SqlError
from causerie.store.events import EventStore
from tests.desk_cast import CONVERSATIONS, SECRET, World, Worlds

REFUSED = """
SELECT * FROM file('/etc/passwd', 'LineAsString')
SELECT file('/etc/passwd')
SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString', 'x String')
SELECT * FROM s3('http://127.0.0.1:1/x', 'CSV')
SELECT * FROM remote('127.0.0.1', 'system', 'one')
SELECT * FROM cluster('default', 'system.one')
SELECT * FROM executable('id', 'TSV', 'x String')
SELECT * FROM sqlite('/tmp/x.db', 'keys')
SELECT * FROM postgresql('127.0.0.1:1', 'a', 'b', 'c', 'd')
SELECT * FROM mysql('127.0.0.1:1', 'a', 'b', 'c', 'd')
SELECT * FROM merge('default', '^messages$')
SELECT * FROM merge(currentDatabase(), 'messages')
SELECT * FROM view(SELECT * FROM messages)
SELECT * FROM numbers(10)
SELECT * FROM generateRandom('a String')
SELECT * FROM values('a String', 'x')
SELECT * FROM input('a String')
SELECT * FROM loop(messages)
SELECT * FROM dictionary('x')
SELECT * FROM mergeTreeIndex('default', 'messages')
SELECT * FROM system.tables
SELECT * FROM `system`.`query_log`
SELECT * FROM "system"."tables"
SELECT * FROM system . tables
SELECT * FROM `system.tables`
SELECT * FROM default.messages
SELECT * FROM information_schema.tables
SELECT * FROM messages_local
SELECT * FROM _temporary_and_external_tables.x
SELECT * FROM messages AS a, default.messages AS b
SELECT * FROM messages JOIN system.one ON 1 = 1
SELECT (SELECT count() FROM default.messages)
SELECT 1 IN messages
SELECT 1 IN default.messages
SELECT 1 WHERE 1 NOT IN system.one
SELECT in(1, messages)
SELECT 1 GLOBAL IN (SELECT 1)
SELECT dictGet('users', 'x', 1)
SELECT joinGet('messages', 'text', 1)
SELECT hasColumnInTable('default', 'messages', 'text')
SELECT hasColumnInTable('127.0.0.1', 'default', 'messages', 'text')
SELECT getSetting('max_memory_usage')
SELECT currentDatabase()
SELECT version()
SELECT hostName()
SELECT currentUser()
SELECT getMacro('shard')
SELECT filesystemAvailable()
SELECT sleep(3)
SELECT sleepEachRow(1) FROM messages
SELECT throwIf(text LIKE 'S%') FROM messages
SELECT arrayReduce('groupArray', [text]) FROM messages
SELECT initializeAggregation('sumState', 1)
SELECT catboostEvaluate('/tmp/x', 1)
SELECT addressToLine(1)
SELECT * FROM messages INTO OUTFILE '/tmp/causerie-out'
SELECT * FROM messages FORMAT Native
SELECT * FROM messages SETTINGS readonly = 0
SELECT * FROM messages SETTINGS additional_table_filters = {}
SELECT * FROM (SELECT * FROM messages SETTINGS max_execution_time = 0)
SELECT 1; DROP TABLE messages
SELECT 1;;SELECT 2
DROP TABLE messages
INSERT INTO messages SELECT * FROM messages
ALTER TABLE messages DELETE WHERE 1
TRUNCATE TABLE messages
CREATE TABLE x AS SELECT * FROM messages
CREATE FUNCTION f AS x -> x
ATTACH TABLE x
DETACH TABLE messages
RENAME TABLE messages TO x
OPTIMIZE TABLE messages FINAL
SYSTEM FLUSH LOGS
KILL QUERY WHERE 1
SET readonly = 0
USE system
SHOW TABLES
DESCRIBE TABLE messages
EXPLAIN SELECT * FROM messages
EXPLAIN AST SELECT 1
EXISTS TABLE messages
GRANT ALL ON *.* TO default
BACKUP TABLE messages TO Disk('x', 'y')
WATCH messages
FROM messages SELECT *
TABLE messages
VALUES (1)
WITH messages AS (SELECT * FROM messages) SELECT * FROM messages
WITH Messages AS (SELECT 1) SELECT * FROM messages
WITH RECURSIVE r AS (SELECT 1) SELECT * FROM r
SELECT * FROM later, (WITH later AS (SELECT 1) SELECT * FROM later) AS x
SELECT COLUMNS('.*') FROM messages
SELECT * APPLY(toString) FROM messages
SELECT * REPLACE (1 AS id) FROM messages
SELECT project FROM messages
SELECT messages.project FROM messages
SELECT `messages.project` FROM messages
SELECT __own.project FROM messages
SELECT `__own`.`project` FROM messages
SELECT 1 AS __own
SELECT vector FROM meanings
SELECT version, deleted FROM conversations
SELECT _part FROM messages
SELECT _table, _shard_num FROM messages
SELECT * FROM messages WHERE project = 'other'
SELECT * FROM messages PREWHERE 1
SELECT * FROM messages SAMPLE 1
SELECT {project:String}
SELECT {tenant}
SELECT {since:Identifier}.{until:Identifier}
SELECT * FROM {since:Identifier}
SELECT $$x$$
SELECT $x$ text $x$
SELECT 'a' # comment
SELECT 1 /* never closed
SELECT 'never closed
SELECT `never closed
SELECT CAST(1 AS AggregateFunction(sum, UInt8))
SELECT 1::Enum('a' = 1)
SELECT CAST(text, 'Int8') FROM messages
SELECT sumState(1)
SELECT sumMerge(1)
SELECT x -> 1
SELECT @@version
SELECT * FROM messages AS m FINAL FINAL FINAL, system.one
SELECT * FROM messages JOIN (SELECT * FROM file('/etc/passwd')) AS f ON 1
SELECT 1 UNION ALL SELECT * FROM file('/etc/passwd', 'LineAsString')
SELECT * FROM (SELECT 1) ARRAY JOIN file('/etc/passwd') AS x
SELECT 1 ORDER BY (SELECT * FROM system.one)
SELECT 1 LIMIT (SELECT 1)
SELECT count() OVER w FROM messages WINDOW w AS ()
""".strip().split("\n")

OWN_ONLY = """
SELECT * FROM messages
SELECT * FROM conversations
SELECT * FROM meanings
SELECT * FROM exchanges
SELECT * FROM users
SELECT * FROM topics
SELECT * FROM events
SELECT * FROM tools
SELECT m.* FROM messages AS m CROSS JOIN messages AS n
SELECT groupArray(text) FROM messages
SELECT text FROM messages WHERE 1 OR 1 = 1
SELECT text FROM messages WHERE text LIKE '%' OR tenant = tenant
SELECT text FROM messages WHERE 1) OR (1
SELECT text FROM messages -- ' OR 1=1
SELECT 'x' AS project, text FROM messages
SELECT text AS project FROM messages WHERE project != ''
WITH 'other' AS project SELECT text, project FROM messages
WITH project AS (SELECT 1) SELECT text FROM messages, project
SELECT arrayMap(project -> text, [1]) FROM messages
SELECT text FROM messages WHERE tenant IN (SELECT tenant FROM users)
SELECT max(text), min(text), anyLast(text) FROM messages GROUP BY ALL
SELECT text FROM messages UNION ALL SELECT preview FROM conversations
SELECT text FROM messages EXCEPT SELECT 'x'
SELECT text FROM (SELECT * FROM (SELECT * FROM (SELECT * FROM messages)))
SELECT a.text FROM messages a LEFT JOIN messages b ON a.id != b.id
SELECT id FROM conversations FINAL
SELECT topK(100)(user) FROM conversations
SELECT mapKeys(metadata), mapValues(metadata) FROM conversations
SELECT text, lagInFrame(text) OVER (ORDER BY at) FROM messages
SELECT * FROM messages WHERE text = '\\' OR 1=1 --'
SELECT * FROM messages WHERE text = 'x'' OR 1=1'
SELECT * FROM "messages"
SELECT * FROM `messages` AS `default`
SELECT EXISTS (SELECT 1 FROM messages WHERE text LIKE 'SECRET%')
SELECT text, * EXCEPT (text) FROM messages ORDER BY ALL
SELECT groupConcat(text) FROM messages
SELECT text FROM messages WHERE (text, 1) IN ((text, 1))
SELECT text FROM messages WHERE text IN (text)
SELECT text FROM messages WHERE text IN (messages.text)
SELECT name FROM (SELECT 'x' AS name) AS tables
""".strip().split("\n")


@pytest.mark.parametrize("attack", REFUSED)
def test_it_is_refused(world: World, attack: str) -> None:
    with pytest.raises(SqlError) as caught:
        world.ask(attack)
    assert SECRET not in caught.value.message
    assert world.project not in caught.value.message


@pytest.mark.parametrize("attack", OWN_ONLY)
def test_it_is_refused_or_sees_own_rows_only(world: World, attack: str) -> None:
    assert SECRET not in told(world, attack)


def told(world: World, attack: str) -> str:
    """All that the attacker gets to read."""
    try:
        return repr(world.ask(attack).rows)
    except SqlError as error:
        return error.message


def test_own_rows_are_seen_so_that_seeing_none_proves_nothing(world: World) -> None:
    assert "own 3" in told(world, "SELECT text FROM messages")
    found = world.ask("SELECT count() FROM conversations AS a CROSS JOIN conversations AS b").rows
    assert found == [[CONVERSATIONS**2]]


# ---- what an error, or its absence, gives away ---------------------------------------------------

ORACLES = """
SELECT count() FROM {table} WHERE toInt64(replaceAll({text}, 'own ', '')) >= -1
SELECT sum(toInt64(replaceRegexpOne({text}, '^own (\\d+).*', '\\1'))) FROM {table}
SELECT count() FROM {table} WHERE intDiv(1, {text} LIKE 'own%') = 1
SELECT count() FROM {table} WHERE modulo(1, toUInt8({text} LIKE 'own%')) = 0
SELECT count() FROM {table} WHERE tenant = '' AND intDiv(1, {text} LIKE 'own%') = 1
SELECT count() FROM {table} WHERE intDiv(1, {text} LIKE 'own%') = 1 OR tenant = 'acme'
SELECT count() FROM {table} a JOIN {table} b USING tenant WHERE 1 = intDiv(1, a.{text} LIKE 'own%')
SELECT count() FROM {table} GROUP BY intDiv(1, {text} LIKE 'own%')
SELECT count() FROM (SELECT * FROM {table} WHERE intDiv(1, {text} LIKE 'own%') = 1 LIMIT 1)
SELECT count() FROM {table} WHERE 1 IN (SELECT intDiv(1, {text} LIKE 'own%') FROM {table})
SELECT count() FROM {table} ORDER BY count() + sum(intDiv(1, {text} LIKE 'own%'))
""".strip().split("\n")
TEXTS = {
    "conversations": "preview",
    "messages": "text",
    "meanings": "translation",
    "exchanges": "error",
    "events": "text",
    "tools": "observation",
}


@pytest.mark.parametrize("oracle", ORACLES)
def test_a_computation_never_sees_the_rows_of_others_even_to_fail_on_them(
    world: World, oracle: str
) -> None:
    for table, text in TEXTS.items():
        query = oracle.replace("{table}", table).replace("{text}", text)
        for tenant in (None, "acme"):
            asked = world.typed(query, tenant=tenant)
            assert world.desk.answer(asked).rows


def test_those_computations_do_fail_where_a_row_of_ones_own_makes_them(world: World) -> None:
    for attack in ("intDiv(1, text LIKE 'none%')", "toInt64(text)"):
        with pytest.raises(SqlError):
            world.ask(f"SELECT count() FROM messages WHERE {attack} = 1")


# ---- the walls behind the first ------------------------------------------------------------------


@pytest.fixture
def open_gate(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first wall is gone: what is typed goes to the engine as it is."""
    monkeypatch.setattr(desk_module, "translated", lambda text, *_: text)


@pytest.mark.usefixtures("open_gate")
@pytest.mark.parametrize("table", ["messages", "conversations", "meanings", "exchanges"])
def test_the_engine_adds_the_condition_by_itself(world: World, table: str) -> None:
    for query in (
        f"SELECT * FROM {table}",
        f"SELECT * FROM (SELECT * FROM {table} AS x FINAL)",
        f"SELECT * FROM {table} AS x SETTINGS additional_table_filters = {{}}",
        f"SELECT groupArray(project) FROM {table}",
    ):
        assert SECRET not in told(world, query)
        assert f"{world.project}-other" not in told(world, query)
    rows = world.desk.answer(
        world.typed(f"SELECT DISTINCT tenant FROM {table}", tenant="acme")
    ).rows
    assert rows == [["acme"]]


@pytest.mark.usefixtures("open_gate")
@pytest.mark.parametrize(
    "attack",
    [
        "SELECT * FROM file('/etc/passwd', 'LineAsString')",
        "SELECT 1 UNION ALL SELECT * FROM file('/etc/hostname', 'LineAsString')",
        "SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString', 'x String')",
        "SELECT * FROM remote('127.0.0.1', 'system', 'one')",
        "SELECT * FROM executable('id', 'TSV', 'x String')",
        "SELECT * FROM sqlite('/tmp/x.db', 'keys')",
        "SELECT 1 SETTINGS readonly = 0, max_execution_time = 100",
        "INSERT INTO messages (id) VALUES ('x')",
        "DROP TABLE messages",
    ],
)
def test_the_engine_reaches_and_changes_nothing(world: World, attack: str) -> None:
    with pytest.raises(SqlError):
        world.ask(attack)


# ---- whatever a grammar can say ------------------------------------------------------------------

NAMES = st.sampled_from(
    [
        *(column.name for table in TABLES for column in table.columns),
        *("project", "deleted", "vector", "version", "__own", "messages", "x"),
    ]
)
COLUMNS = st.one_of(NAMES, st.tuples(st.sampled_from("ab"), NAMES).map(".".join))
CALLS = st.sampled_from(
    [
        "count",
        "min",
        "max",
        "any",
        "groupArray",
        "uniq",
        "toString",
        "length",
        "upper",
        "concat",
        "ifNull",
        "tuple",
        "array",
    ]
)
CONSTANTS = st.sampled_from(["1", "'x'", "'%'", f"'{SECRET}'", "NULL", "[1]", "{since}", "*"])


def expressions(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """One more level of a value."""
    return st.one_of(
        st.tuples(CALLS, inner).map("{0[0]}({0[1]})".format),
        st.tuples(inner, st.sampled_from(["=", "!=", "LIKE", "OR", "AND", "||"]), inner).map(
            " ".join
        ),
        st.tuples(inner, inner).map("if({0[0]} = {0[1]}, {0[0]}, {0[1]})".format),
        st.tuples(inner, inner).map("{0[0]} IN ({0[1]})".format),
    )


VALUES = st.recursive(st.one_of(COLUMNS, CONSTANTS), expressions, max_leaves=4)
SOURCES = st.sampled_from([*(table.name for table in TABLES), "x", "default.messages", "file('x')"])


def queries(source: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """A SELECT over sources."""
    return st.builds(
        "SELECT {0} FROM {1} AS a {2} {3} {4} {5}".format,
        st.lists(VALUES, min_size=1, max_size=3).map(", ".join),
        source,
        st.one_of(st.just(""), source.map("CROSS JOIN {} AS b".format)),
        st.one_of(st.just(""), VALUES.map("WHERE {}".format)),
        st.one_of(st.just(""), st.just("GROUP BY ALL"), VALUES.map("GROUP BY {}".format)),
        st.sampled_from(["", "LIMIT 5", "ORDER BY ALL", "UNION ALL SELECT text FROM messages"]),
    )


QUERIES = st.recursive(SOURCES, lambda inner: queries(inner).map("({})".format), max_leaves=3)
WHOLE = st.one_of(
    queries(QUERIES),
    st.tuples(queries(QUERIES), queries(st.just("x"))).map("WITH x AS ({0[0]}) {0[1]}".format),
    st.tuples(VALUES, queries(QUERIES)).map("WITH {0[0]} AS project {0[1]}".format),
)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(query=WHOLE)
def test_no_query_of_a_grammar_tells_a_secret(
    embedded_events: EventStore, query_worlds: Worlds, query: str
) -> None:
    world = query_worlds.of(embedded_events)
    # Who knows the word that they look for is told it back; the number after it is the secret.
    assert not re.search(rf"{SECRET} \d", told(world, query))
