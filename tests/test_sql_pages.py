"""Reports, SQL: queries by form and by address, results as table, chart and file, who may."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from causerie.accounts import Role
from causerie.queries.desk import Answer, Field
from causerie.queries.tables import TABLES
from causerie.store.views import Views
from causerie.views import View
from causerie.web.sql_examples import EXAMPLES
from causerie.web.sql_results import SERIES_MAX, Axes, cell, drawing, fitting_axes
from tests.conftest import Cast
from tests.desk_cast import World
from tests.test_dashboard import home, sign_in
from tests.web_page import Page

See = Callable[..., Page]


@pytest.fixture
def csrf(cast: Cast) -> str:
    cast.log(
        {"role": "user", "message": "Where is <my> card?"},
        {"role": "assistant", "message": "On its way."},
        how="/thread",
        id="talk/1",
        metadata={"user_id": "ana b", "model": "small"},
    )
    cast.settle()
    return sign_in(cast, Role.MEMBER)


@pytest.fixture
def see(cast: Cast, csrf: str) -> See:
    def see(sql: str = "", status: int = 200, **query: str) -> Page:
        params = {"sql": sql, "days": "all", **query}
        answer = cast.client.get(f"{home(cast)}/reports/sql", params=params)
        assert answer.status_code == status, answer.text
        page = Page(answer.text)
        page.check()
        return page

    return see


def test_a_query_of_the_address_is_run(see: See) -> None:
    page = see(
        "SELECT conversation, text, position > 0 AS later FROM messages ORDER BY at, position"
    )
    assert "2 rows" in page.text
    assert "Where is <my> card?" in page.text
    assert page.areas[0].strip().startswith("SELECT conversation")


def test_ids_lead_to_what_they_name(see: See, cast: Cast) -> None:
    page = see("SELECT id AS conversation, user, tenant FROM conversations")
    assert page.links["talk/1"] == f"{home(cast)}/conversations/talk%2F1?days=all"
    for address in (page.links["talk/1"], page.links["ana b"]):
        assert cast.client.get(address).status_code == 200


def test_a_form_leads_to_an_address_that_can_be_shared(cast: Cast, csrf: str) -> None:
    data = {"csrf": csrf, "sql": "SELECT 1\r\nAS x", "show": "bars"}
    path = f"{home(cast)}/reports/sql?days=7"
    answer = cast.client.post(path, data=data, follow_redirects=False)
    assert answer.status_code == 303
    query = parse_qs(urlsplit(answer.headers["location"]).query)
    assert query == {"days": ["7"], "sql": ["SELECT 1\nAS x"], "show": ["bars"]}
    assert "1 row" in Page(cast.client.get(answer.headers["location"]).text).text


def test_a_query_too_long_for_an_address_is_answered_at_once(cast: Cast, csrf: str) -> None:
    long = "SELECT 'found' AS word /*" + "x" * 5_000 + "*/"
    path = f"{home(cast)}/reports/sql"
    answer = cast.client.post(path, data={"csrf": csrf, "sql": long}, follow_redirects=False)
    assert answer.status_code == 200
    page = Page(answer.text)
    assert "found" in page.text
    assert "csv" in [button.get("value") for button in page.all("button")]
    taken = cast.client.post(path, data={"csrf": csrf, "sql": long, "format": "csv"})
    assert taken.text == "\ufeffword\r\nfound\r\n"


def test_a_form_without_its_secret_is_refused(cast: Cast, csrf: str) -> None:
    path = f"{home(cast)}/reports/sql"
    assert cast.client.post(path, data={"csrf": "x", "sql": "SELECT 1"}).status_code == 403


def test_results_are_taken_as_files(cast: Cast, csrf: str) -> None:
    path = f"{home(cast)}/reports/sql"
    params = {"sql": "SELECT 1 AS a, '=x' AS b", "format": "csv"}
    assert cast.client.get(path, params=params).text == "\ufeffa,b\r\n1,'=x\r\n"
    assert cast.client.get(path, params={**params, "format": "json"}).json() == [
        {"a": 1, "b": "=x"}
    ]
    parquet = cast.client.get(path, params={**params, "format": "parquet"})
    assert parquet.content.startswith(b"PAR1")
    assert "attachment" in parquet.headers["content-disposition"]


def test_an_error_says_where_and_keeps_what_was_typed(see: See) -> None:
    page = see("SELECT user,\n  nothing FROM users", status=400)
    assert "line 2, column 3" in page.text
    area = page.all("textarea")[0]
    assert (area["data-line"], area["data-column"]) == ("2", "3")
    assert area["aria-describedby"] == "wrong"
    assert "nothing FROM users" in page.areas[0]


def test_the_span_of_the_page_is_named_in_braces(see: See) -> None:
    counting = "SELECT count() AS n FROM messages WHERE at >= {since} AND at < {until}"
    assert " n 2 " in see(counting).text
    assert " n 0 " in see(counting, days="", since="2020-01-01", until="2020-01-02").text


def test_a_chart_is_drawn_of_the_columns_that_fit(see: See) -> None:
    page = see(
        "SELECT toDate(at) AS day, role, count() AS n FROM messages GROUP BY ALL", show="line"
    )
    assert any("data-sql-chart" in place for place in page.all("div"))
    assert page.chosen[:4] == ["line", "day", "n", "role"]


def test_a_viewer_reads_what_was_saved_and_runs_nothing_else(cast: Cast, csrf: str) -> None:
    saved = "SELECT 'kept' AS word"
    view = View(
        id="v1",
        project=cast.project,
        name="Kept",
        page="sql",
        query=f"sql={quote(saved)}&show=table",
        by="ana@mail.example",
        created_at=cast.clock(),
    )
    Views(cast.stores.engine).add(view)
    sign_in(cast, Role.VIEWER)
    path = f"{home(cast)}/reports/sql"
    kept = cast.client.get(view.path)
    assert kept.status_code == 200
    assert "kept" in Page(kept.text).text
    other = cast.client.get(path, params={"sql": "SELECT 'other' AS word"})
    assert other.status_code == 403
    assert "viewers see those that are saved" in Page(other.text).text
    empty = Page(cast.client.get(path).text)
    assert not empty.all("textarea")


def test_the_page_tells_of_every_table_and_column(see: See) -> None:
    text = see().text
    for table in TABLES:
        assert table.words in text
        assert all(column.words in text for column in table.columns)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: str(example.name))
def test_an_example_runs(world: World, example: Any) -> None:
    answer = world.ask(example.sql)
    if example.show != "table":
        assert drawing(answer, Axes(), "UTC") or not answer.rows


def test_examples_of_charts_say_something(world: World) -> None:
    for example in EXAMPLES[:1] + EXAMPLES[4:5]:
        drawn = drawing(world.ask(example.sql), Axes(), "UTC")
        assert drawn is not None
        assert sum(value or 0 for _, line in drawn.series for value in line) == 36
        json.dumps(drawn.data("line"))


# ---- results as values ---------------------------------------------------------------------------

DAY, NAME, COUNT = Field("day", "Date"), Field("name", "String"), Field("n", "UInt64")


def found(*rows: list[Any], fields: tuple[Field, ...] = (DAY, NAME, COUNT)) -> Answer:
    return Answer(list(fields), list(rows), False, 0.1)


def test_a_line_for_each_text_with_gaps_where_nothing_is() -> None:
    rows = (["1", "a", 5], ["1", "b", 1], ["2", "a", 7])
    drawn = drawing(found(*rows), Axes(), "UTC")
    assert drawn is not None
    assert drawn.labels == ["1", "2"]
    assert drawn.series == [("a", [5.0, 7.0]), ("b", [1.0, None])]


def test_only_the_largest_lines_are_drawn_and_the_page_says_so() -> None:
    drawn = drawing(found(*(["1", f"name {i}", i] for i in range(SERIES_MAX + 3))), Axes(), "UTC")
    assert drawn is not None
    assert [name for name, _ in drawn.series][:2] == ["name 10", "name 9"]
    assert drawn.notes == [f"Drawn are the {SERIES_MAX} largest of {SERIES_MAX + 3}."]


@pytest.mark.parametrize(
    ("wanted", "chosen"),
    [
        (Axes(), Axes("day", "n", "name")),
        (Axes(x="name"), Axes("name", "n", "")),
        (Axes(split="-"), Axes("day", "n", "")),
        (Axes("no such", "name", "n"), Axes("day", "n", "")),
    ],
)
def test_axes_are_what_was_chosen_or_what_fits(wanted: Axes, chosen: Axes) -> None:
    assert fitting_axes((DAY, NAME, COUNT), wanted) == chosen


def test_nothing_is_drawn_of_words_alone() -> None:
    assert drawing(found(["a"], fields=(NAME,)), Axes(), "UTC") is None
    assert drawing(found(), Axes(), "UTC") is None


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [
        (None, "Nullable(Float64)", "–"),
        (0.1 + 0.2, "Float64", "0.3"),
        (True, "Bool", "true"),
        (["a", "b"], "Array(String)", "a, b"),
        ([1, None], "Array(Nullable(UInt8))", "[1,null]"),
        ({"a": "b"}, "Map(String, String)", '{"a":"b"}'),
        ("0.250000000", "Decimal(18, 9)", "0.250000000"),
        ("2026-05-20T12:00:00.000000Z", "DateTime64(6, 'UTC')", "2026-05-20 14:00:00"),
        ("2026-05-20", "Date", "2026-05-20"),
        (2026, "UInt16", "2026"),
    ],
)
def test_a_value_is_written(value: object, kind: str, text: str) -> None:
    assert cell(value, Field("x", kind), "Europe/Paris") == text
