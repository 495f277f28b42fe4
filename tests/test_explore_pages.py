"""Reports, Explore, and the same by a read key: what is shown, split, taken away and refused."""

from __future__ import annotations

import io
from datetime import datetime, timedelta
from typing import Any

import pytest
from pyarrow import parquet

from causerie.metric_catalogue import METRICS
from tests.conftest import Cast
from tests.metric_world import keep
from tests.plain_metrics import Call, Talk, World
from tests.test_dashboard import home, sign_in
from tests.web_page import Page


def world(now: datetime) -> World:
    """Three people of two plans; one of another tenant."""
    at = now - timedelta(days=2)
    return World(
        [
            Talk("a", at, "ana", model="small", metadata={"plan": "plus"}, moods=(0.5,), asked=3),
            Talk("b", at, "ben", model="large", metadata={"plan": "free"}, moods=(-0.5,), down=1),
            Talk("c", at, "ana", model="small", metadata={"plan": "plus"}, moods=(0.1,), up=1),
            Talk("d", at, "eve", tenant="acme", model="secret-model"),
        ],
        [Call("x", at, conversation="a", model="small", read=10, written=5, total_ms=900)],
    )


@pytest.fixture
def filled(cast: Cast) -> Cast:
    keep(cast.stores.events, cast.project, world(cast.clock()))
    return cast


def read(cast: Cast, name: str, **query: str) -> Any:
    answer = cast.client.get(
        f"/api/v1/metrics/{name}",
        params=query,
        headers={"Authorization": f"Bearer {cast.tokens['read']}"},
    )
    return answer


def test_every_metric_has_its_page(filled: Cast) -> None:
    sign_in(filled)
    for name, metric in METRICS.items():
        page = Page(filled.client.get(f"{home(filled)}/reports?metric={name}").text)
        assert str(metric.definition) in page.words


def test_a_split_leads_to_what_is_behind_each_part(filled: Cast) -> None:
    sign_in(filled)
    address = f"{home(filled)}/reports?metric=mood&split=meta:plan"
    page = Page(filled.client.get(address).text)
    assert page.links["plus"].endswith("/conversations?meta=plan:plus")
    listed = Page(filled.client.get(page.links["plus"]).text)
    assert "2 conversations" in listed.words


def test_an_unknown_metric_or_split_shows_the_first(filled: Cast) -> None:
    sign_in(filled)
    page = filled.client.get(f"{home(filled)}/reports?metric=happiness&split=weather")
    assert page.status_code == 200 and METRICS["conversations"].definition in page.text


def test_rows_are_taken_away_as_parquet_with_their_types(filled: Cast) -> None:
    sign_in(filled)
    address = f"{home(filled)}/reports?metric=users&split=model&format=parquet"
    table = parquet.read_table(io.BytesIO(filled.client.get(address).content))
    assert [str(table.schema.field(name).type) for name in ("start", "value")] == [
        "date32[day]",
        "int64",
    ]
    totals = {row["part"]: row["value"] for row in table.to_pylist() if row["start"] is None}
    assert totals == {"(all)": 3, "small": 1, "large": 1, "secret-model": 1}


@pytest.mark.parametrize("path", ["", "/conversations", "/users", "/topics", "/models"])
def test_every_page_with_rows_gives_them_as_parquet(filled: Cast, path: str) -> None:
    sign_in(filled)
    answer = filled.client.get(f"{home(filled)}{path}?format=parquet")
    csv = filled.client.get(f"{home(filled)}{path}?format=csv").text.splitlines()
    table = parquet.read_table(io.BytesIO(answer.content))
    assert table.column_names == csv[0].removeprefix("\ufeff").split(",")
    assert table.num_rows == len(csv) - 1


def test_a_program_reads_the_same(filled: Cast) -> None:
    told = read(filled, "mood", split="model", days="7").json()
    assert (told["unit"], told["of"], told["zone"]) == ("position", "messages", "UTC")
    assert told["whole"]["total"]["value"] == pytest.approx(0.1 / 3)
    # What another tenant talks about is not told where none is named.
    assert {part["name"] for part in told["parts"]} == {"small", "large"}
    assert len(told["starts"]) == len(told["whole"]["series"]) == 7
    others = read(filled, "conversations", tenant_id="acme").json()
    assert others["whole"]["total"]["value"] == 1


def test_calls_are_told_too(filled: Cast) -> None:
    told = read(filled, "tokens", split="model").json()
    assert told["whole"]["total"]["value"] == 15
    assert [part["name"] for part in told["parts"]] == ["small"]


@pytest.mark.parametrize(
    ("name", "query", "status"),
    [
        ("happiness", {}, 404),
        ("mood", {"split": "weather"}, 400),
        ("mood", {"days": "never"}, 400),
        ("mood", {"format": "xlsx"}, 400),
    ],
)
def test_what_is_not_understood_is_refused(
    filled: Cast, name: str, query: dict[str, str], status: int
) -> None:
    answer = read(filled, name, **query)
    assert answer.status_code == status and "traceback" not in answer.text.casefold()


def test_the_index_has_every_metric(filled: Cast) -> None:
    answer = filled.client.get(
        "/api/v1/metrics", headers={"Authorization": f"Bearer {filled.tokens['read']}"}
    )
    assert [metric["name"] for metric in answer.json()["metrics"]] == list(METRICS)


def test_charts_of_other_pages_lead_here(filled: Cast) -> None:
    sign_in(filled)
    for path, metrics in (
        ("", ("conversations", "users", "mood", "thumbs_up_share")),
        ("/models", ("calls", "cached_share")),
    ):
        text = filled.client.get(f"{home(filled)}{path}?days=7&model=small").text
        for metric in metrics:
            door = f"{home(filled)}/reports?days=7&amp;model=small&amp;metric={metric}"
            assert door in text, metric
            assert filled.client.get(door.replace("&amp;", "&")).status_code == 200
