"""Notes on charts: written by members, shown where their day is, and nowhere else."""

from __future__ import annotations

import json
from typing import Any

import pytest

from causerie.accounts import Role
from tests.conftest import Cast
from tests.test_dashboard import home, sign_in, talk
from tests.web_page import Page


def note(cast: Cast, csrf: str, day: str, text: str, back: str = "") -> Any:
    form = {"csrf": csrf, "day": day, "text": text, "back": back}
    return cast.client.post(f"{home(cast)}/notes", data=form, follow_redirects=False)


def drawn(cast: Cast, address: str) -> dict[str, Any]:
    """What the first chart of a page is drawn from."""
    text = cast.client.get(home(cast) + address).text
    start = text.index('<script type="application/json"')
    body = text[text.index(">", start) + 1 : text.index("</script", start)]
    found: dict[str, Any] = json.loads(body)
    return found


@pytest.fixture
def owner(cast: Cast) -> str:
    talk(cast)
    cast.settle()
    return sign_in(cast)


@pytest.mark.parametrize(("period", "place"), [("day", 4), ("week", 1), ("month", 0)])
def test_a_note_stands_at_its_day_week_or_month(
    cast: Cast, owner: str, period: str, place: int
) -> None:
    assert note(cast, owner, "2026-05-18", "New prompt <b>shipped</b>").status_code == 303
    for path in ("", "/reports"):
        data = drawn(cast, f"{path}?days=7&period={period}")
        assert data["notes"] == [{"place": place, "text": "New prompt <b>shipped</b>"}]
    text = cast.client.get(f"{home(cast)}?days=7").text
    assert "New prompt &lt;b&gt;shipped&lt;/b&gt;" in text
    assert drawn(cast, "?since=2026-05-19&until=2026-05-20")["notes"] == []


def test_who_wrote_a_note_comes_back_to_the_page_and_nowhere_else(cast: Cast, owner: str) -> None:
    own = f"{home(cast)}/reports?metric=mood"
    assert note(cast, owner, "2026-05-18", "One", own).headers["location"] == own
    for back in ("https://elsewhere.example/", "//elsewhere.example", f"{home(cast)}x", ""):
        assert note(cast, owner, "2026-05-18", "Two", back).headers["location"] == home(cast)


@pytest.mark.parametrize(
    ("day", "text"),
    [
        ("", "x"),
        ("yesterday", "x"),
        ("2026-05-18", "  "),
        ("2026-05-18", "x" * 201),
        ("0001-01-01", "x"),
    ],
)
def test_a_note_without_a_day_or_words_is_refused(
    cast: Cast, owner: str, day: str, text: str
) -> None:
    assert note(cast, owner, day, text).status_code == 400


def test_a_note_is_removed_and_viewers_only_read(cast: Cast, owner: str) -> None:
    note(cast, owner, "2026-05-18", "Shipped")
    page = Page(cast.client.get(home(cast)).text)
    (remove,) = [
        one["action"]
        for tag, one in page.tags
        if tag == "form" and "/notes/" in one.get("action", "")
    ]
    csrf = sign_in(cast, Role.VIEWER)
    seen = cast.client.get(home(cast)).text
    assert "Shipped" in seen and "/notes" not in seen
    assert cast.client.post(remove, data={"csrf": csrf}).status_code == 403
    csrf = sign_in(cast, Role.MEMBER)
    assert cast.client.post(remove, data={"csrf": csrf}, follow_redirects=False).status_code == 303
    assert "Shipped" not in cast.client.get(home(cast)).text
