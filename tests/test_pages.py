"""Pages: how numbers and times are written, and how static files are kept."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.testclient import TestClient

from causerie.errors import NotFound
from causerie.web.pages import Pages, ago, duration, moment, number, percent, signed, urlpart

NOW = datetime(2026, 5, 20, 9, 30, tzinfo=UTC)


@pytest.fixture
def client() -> Iterator[TestClient]:
    """A server with the static files and a page that fails."""
    pages = Pages(lambda: NOW)

    def broken(request: Request) -> Response:
        return pages.error(request, 404, "There is <nothing> here.")

    def missing(request: Request, error: Exception) -> Response:
        return Response(str(error), 404)

    routes = [*pages.routes(), Route("/broken", broken)]
    with TestClient(Starlette(routes=routes, exception_handlers={NotFound: missing})) as client:
        yield client


def test_what_is_unknown_is_a_dash_and_never_zero() -> None:
    assert [number(None), percent(None), signed(None)] == ["–", "–", "–"]
    assert [number(0), percent(0.0), signed(0.0)] == ["0", "0\u00a0%", "0.00"]


def test_numbers_are_grouped_and_shares_are_percent() -> None:
    assert number(1234567) == "1,234,567"
    assert percent(0.806) == "81\u00a0%"
    assert [signed(-0.421), signed(-0.004), signed(0.006)] == ["−0.42", "0.00", "+0.01"]


@pytest.mark.parametrize(
    ("past", "words"),
    [
        (timedelta(seconds=59), "just now"),
        (timedelta(seconds=60), "1\u00a0min ago"),
        (timedelta(minutes=59, seconds=59), "59\u00a0min ago"),
        (timedelta(hours=1), "1\u00a0h ago"),
        (timedelta(hours=24), "yesterday"),
        (timedelta(days=6), "6\u00a0days ago"),
        (timedelta(days=7), "13 May"),
        (timedelta(days=365), "20 May 2025"),
        (timedelta(hours=-1), "20 May"),
    ],
)
def test_the_past_is_told_in_the_largest_unit(past: timedelta, words: str) -> None:
    assert f">{words}</time>" in ago(NOW - past, NOW)


def test_a_moment_has_its_year_where_it_is_another() -> None:
    assert ">20 May, 09:30</time>" in moment(NOW, NOW)
    assert ">20 May 2025, 09:30</time>" in moment(NOW.replace(year=2025), NOW)
    assert 'datetime="2026-05-20T09:30:00+00:00"' in moment(NOW, NOW)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0\u00a0s"),
        (59, "59\u00a0s"),
        (60, "1\u00a0min"),
        (125, "2\u00a0min 5\u00a0s"),
        (3_600, "1\u00a0h"),
        (90_000, "1\u00a0day 1\u00a0h"),
        (200_000, "2\u00a0days 7\u00a0h"),
    ],
)
def test_a_duration_has_at_most_two_units(seconds: int, words: str) -> None:
    assert duration(timedelta(seconds=seconds)) == words


def test_an_id_is_one_part_of_a_path() -> None:
    assert urlpart("a/b ?#é") == "a%2Fb%20%3F%23%C3%A9"


def test_a_static_file_with_its_digest_is_kept_for_ever(client: TestClient) -> None:
    address = client.get("/broken").text.partition('rel="stylesheet" href="')[2].partition('"')[0]
    found = client.get(address)
    assert found.status_code == 200
    assert found.headers["content-type"].startswith("text/css")
    assert found.headers["cache-control"] == "public, max-age=31536000, immutable"


@pytest.mark.parametrize("query", ["", "?v=old"])
def test_a_static_file_without_its_digest_is_checked_every_time(
    client: TestClient, query: str
) -> None:
    found = client.get(f"/static/app.css{query}")
    assert found.headers["cache-control"] == "no-cache"
    same = {"If-None-Match": found.headers["etag"]}
    assert client.get(f"/static/app.css{query}", headers=same).status_code == 304


@pytest.mark.parametrize("name", ["nothing.css", "../pages.py", "%2e%2e/pages.py", ""])
def test_nothing_else_is_a_static_file(client: TestClient, name: str) -> None:
    assert client.get(f"/static/{name}").status_code == 404


def test_an_error_page_says_what_happened_and_where_to_go(client: TestClient) -> None:
    page = client.get("/broken")
    assert page.status_code == 404
    assert "There is &lt;nothing&gt; here." in page.text
    assert 'href="/"' in page.text


def test_a_page_is_kept_nowhere_and_may_load_only_from_here(client: TestClient) -> None:
    headers = client.get("/broken").headers
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy


@pytest.mark.parametrize(
    ("cookie", "mark"), [("dark", 'data-theme="dark"'), ("light", 'data-theme="light"')]
)
def test_the_light_or_dark_switch_holds_from_the_first_byte(
    client: TestClient, cookie: str, mark: str
) -> None:
    client.cookies.set("theme", cookie)
    assert mark in client.get("/broken").text


def test_a_theme_that_is_none_is_left_out(client: TestClient) -> None:
    client.cookies.set("theme", "x-onload")
    assert "data-theme" not in client.get("/broken").text
