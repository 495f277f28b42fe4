"""Saved views in the state store, on both engines, and what may be kept as one."""

from __future__ import annotations

from datetime import UTC, datetime
from random import Random

import pytest
from msgspec.structs import asdict
from sqlalchemy import Engine

from causerie.errors import Conflict, Invalid, NotFound
from causerie.store import state_schema
from causerie.store.accounts import Accounts
from causerie.store.views import Views
from causerie.views import (
    VIEW_NAME_CHARS_MAX,
    VIEW_QUERY_CHARS_MAX,
    VIEWS_MAX,
    View,
    checked_view_name,
    checked_view_page,
    checked_view_query,
    new_view_id,
)

NOW = datetime(2026, 5, 20, 12, 0, tzinfo=UTC)


@pytest.fixture
def views(engine: Engine) -> Views:
    for project in ("mine", "theirs"):
        Accounts(engine).create_project(project, NOW, project)
    return Views(engine)


def view(id: str, name: str, *, project: str = "mine", query: str = "rating=down") -> View:
    return View(
        id=id,
        project=project,
        name=name,
        page="conversations",
        query=query,
        by="ana@example.org",
        created_at=NOW,
    )


def test_a_view_is_kept_found_renamed_and_forgotten(views: Views) -> None:
    views.add(view("b", "Übel"))
    views.add(view("a", "bad days"))
    assert [one.name for one in views.all("mine")] == ["bad days", "Übel"]
    assert views.get("mine", "b") == view("b", "Übel")
    views.rename("mine", "b", "All bad")
    assert [one.name for one in views.all("mine")] == ["All bad", "bad days"]
    views.delete("mine", "a")
    assert [one.id for one in views.all("mine")] == ["b"]


def test_a_view_belongs_to_its_project(views: Views) -> None:
    views.add(view("a", "Bad"))
    views.add(view("a", "Bad", project="theirs"))
    assert views.all("theirs") == [view("a", "Bad", project="theirs")]
    views.delete("theirs", "a")
    for lost in (
        lambda: views.get("theirs", "a"),
        lambda: views.rename("theirs", "a", "Good"),
        lambda: views.delete("theirs", "a"),
    ):
        with pytest.raises(NotFound):
            lost()
    assert views.get("mine", "a").name == "Bad"


def test_a_name_is_given_once(views: Views) -> None:
    views.add(view("a", "Über uns"))
    with pytest.raises(Conflict, match="already"):
        views.add(view("b", "über UNS"))
    views.add(view("b", "Others"))
    with pytest.raises(Conflict, match="already"):
        views.rename("mine", "b", "ÜBER uns")
    views.rename("mine", "a", "über uns")


def test_a_project_has_so_many_views(views: Views, engine: Engine) -> None:
    many = [asdict(view(f"v{number}", f"View {number}")) for number in range(VIEWS_MAX)]
    with engine.begin() as connection:
        connection.execute(state_schema.views.insert(), many)
    with pytest.raises(Conflict, match="VIEWS_MAX"):
        views.add(view("one-more", "One more"))


def test_a_view_leads_to_its_page() -> None:
    assert view("a", "Bad").path == "/p/mine/conversations?rating=down"
    assert view("a", "All", query="").path == "/p/mine/conversations"


@pytest.mark.parametrize("name", ["", "  ", "a\0b", "n" * (VIEW_NAME_CHARS_MAX + 1)])
def test_a_name_has_letters_and_not_too_many(name: str) -> None:
    with pytest.raises(Invalid):
        checked_view_name(name)


@pytest.mark.parametrize("query", ["a=b c", "a=\n", "a=é", "a#b", "q" * (VIEW_QUERY_CHARS_MAX + 1)])
def test_a_query_is_as_it_stands_in_an_address(query: str) -> None:
    with pytest.raises(Invalid):
        checked_view_query(query)


def test_what_is_right_is_taken() -> None:
    assert checked_view_name("  Bad\t days ") == "Bad days"
    assert checked_view_query("?a=%C3%A9&b=:/") == "a=%C3%A9&b=:/"
    assert checked_view_page("users") == "users"
    with pytest.raises(Invalid):
        checked_view_page("settings")
    assert len({new_view_id(Random(seed)) for seed in range(50)}) == 50
