"""The page about models and cost: what it says of calls, and where its numbers lead."""

from __future__ import annotations

import csv
import io
import json

import pytest
from sqlalchemy import Engine

from causerie.accounts import Allowance, KeyKind, Role
from causerie.store.events import EventStore
from tests.gallery import Gallery, Guest
from tests.made_calls import NOON, call

EVIL = "</script><script>alert(1)</script>\"'><img src=x onerror=alert(2)>"
FAILURE = "the model's provider answered 500"


@pytest.fixture
def gallery(sqlite_engine: Engine, embedded_events: EventStore, project_id: str) -> Gallery:
    return Gallery(sqlite_engine, embedded_events, project_id)


@pytest.fixture
def ana(gallery: Gallery) -> Guest:
    """A viewer, signed in."""
    return gallery.visitor(Role.VIEWER)


def test_only_members_of_the_project_see_it(gallery: Gallery) -> None:
    gallery.keep(call("a", cost="1 USD", model="secret-model"))
    assert gallery.visitor(None).get("/models").headers["location"].startswith("/signin?next=")
    stranger = gallery.visitor(Role.OWNER, gallery.other)
    assert stranger.get("/models").status_code == 404
    assert "secret-model" not in stranger.get(f"/p/{gallery.other}/models").text


def test_without_an_endpoint_it_says_what_comes_first(ana: Guest) -> None:
    page = ana.see("/models")
    assert "No model was called through this server yet" in page.text
    assert page.links["To the endpoints"] == f"/p/{ana.project}/endpoints"


def test_without_a_call_it_shows_the_first_one(gallery: Gallery, ana: Guest) -> None:
    gallery.add_endpoint("ep-mine")
    page = ana.see("/models")
    assert "http://127.0.0.1:8123/api/v3/context/create" in page.code[0]
    assert '"model": "ep-mine"' in page.code[0]


def test_it_begins_with_a_sentence(gallery: Gallery, ana: Guest) -> None:
    gallery.keep(
        call("a", cost="0.25 USD", input_tokens=100, cached_tokens=40),
        call("b", cost="12 CNY", input_tokens=100, cached_tokens=60),
        call("c", model="odd"),
        call("d", status=502, error=FAILURE, input_tokens=0, output_tokens=0),
    )
    text = ana.see("/models").text
    assert (
        "4 calls in the last 30 days cost 12.00 CNY + 0.25 USD, plus 1 call with no price." in text
    )
    assert "50 % of the input whose provider says so came from its cache." in text
    assert "1 call failed." in text


def test_a_cost_nobody_knows_is_a_dash_and_never_zero(gallery: Gallery, ana: Guest) -> None:
    gallery.keep(call("a"), call("b"))
    page = ana.see("/models")
    assert "2 calls in the last 30 days took 30 tokens; no price is known." in page.text
    assert "Cost – plus 2 calls with no price" in page.text
    assert "0 USD" not in page.text
    assert "smallmodels.example2 calls, 30 tokens" in page.text


def test_what_is_free_costs_nothing(gallery: Gallery, ana: Guest) -> None:
    gallery.keep(call("a", cost="0 USD"))
    assert "1 call in the last 30 days cost 0 USD." in ana.see("/models").text


def test_growth_is_told_against_the_span_before(gallery: Gallery, ana: Guest) -> None:
    gallery.keep(call("old", 13, cost="1 USD"))
    gallery.keep(*(call(f"new{number}", 1, cost="1 USD") for number in range(40)))
    text = ana.see("/models?days=7").text
    assert (
        "40 calls in the last 7 days cost 40.00 USD. That is up from 1.00 USD in the 7 days before."
        in text
    )
    assert "before" not in ana.see("/models?days=30").text.partition("Over time")[0]


def test_numbers_open_the_conversations_behind_them(gallery: Gallery, ana: Guest) -> None:
    gallery.keep(
        call("a", user="ana", model="large", conversation="talk", cost="1 USD"),
        call("b", user="ben", model="small", endpoint="ep-b", error=FAILURE, conversation="sad"),
    )
    list = f"/p/{ana.project}/conversations"
    page = ana.see("/models?days=7")
    assert page.links["2 calls"] == f"{list}?days=7"
    assert page.links["large"] == f"{list}?days=7&model=large"
    assert page.links[FAILURE].startswith(f"{list}?days=7&text=the%20model")
    by_user = ana.see("/models?by=user").links
    assert by_user["ben"] == f"{list}?user=ben"
    by_endpoint = ana.see("/models?by=endpoint").links
    assert by_endpoint["ep-b"] == f"{list}?meta=endpoint:ep-b"
    by_day = ana.see("/models?by=day").links
    assert by_day["Wednesday 20 May 2026"] == f"{list}?since=2026-05-20&until=2026-05-20"


def test_a_filter_narrows_what_is_told_and_stays_in_the_links(gallery: Gallery, ana: Guest) -> None:
    gallery.keep(call("a", user="ana", cost="1 USD"), call("b", user="ben", cost="2 USD"))
    page = ana.see("/models?user=ben&by=key")
    assert "1 call in the last 30 days cost 2.00 USD" in page.text
    assert "Calls in the last 30 days by ben" in page.text
    assert page.links["Week"] == f"/p/{ana.project}/models?user=ben&by=key&period=week"
    assert page.links["Overview"].endswith("?user=ben")


def test_keys_and_endpoints_have_their_names(gallery: Gallery, ana: Guest) -> None:
    made, _ = gallery.accounts.create_key(
        gallery.project, KeyKind.GATEWAY, "shop", NOON, allowance=Allowance()
    )
    gallery.add_endpoint("ep-a", name="Support")
    gallery.keep(call("a", key=made.id), call("b", key="anyone"), call("c", key="key_gone"))
    by_key = ana.see("/models?by=key")
    assert f"shop …{made.hint}" in by_key.text
    assert "Without a key" in by_key.text and "key_gone" in by_key.text
    assert "Supportep-a" in ana.see("/models?by=endpoint").text


def test_calls_of_one_key_lead_to_no_list_that_has_others_too(gallery: Gallery, ana: Guest) -> None:
    made, _ = gallery.accounts.create_key(gallery.project, KeyKind.GATEWAY, "shop", NOON)
    gallery.keep(call("a", key=made.id, model="large"), call("b", key="other"))
    door = ana.see("/models?by=key").links[f"shop …{made.hint}"]
    page = ana.see(door)
    assert "1 call in the last 30 days" in page.text
    assert f"with the key shop …{made.hint}" in page.text
    own = [link for link in page.links.values() if "/conversations" in link]
    assert own == [page.links["Conversations"]]
    assert page.links["large"].startswith(f"/p/{ana.project}/models?")


def test_what_cannot_be_understood_is_said(gallery: Gallery, ana: Guest) -> None:
    gallery.keep(call("a"))
    text = ana.see("/models?by=colour&gateway_key=nobody&sort=beauty&days=9").text
    for words in (
        "by “colour”",
        "no such key",
        "Order: “beauty” is not known",
        "“9” is not a time",
    ):
        assert words in text
    assert "1 call in the last 30 days" in text


def test_a_silent_span_says_where_there_were_calls(gallery: Gallery, ana: Guest) -> None:
    gallery.keep(call("a", 25))
    page = ana.see("/models?days=7")
    assert "No call in the last 7 days" in page.text
    assert "1 call since 25 April 2026" in ana.see(page.links["Look at all time"]).text


def test_rows_can_be_taken_away(gallery: Gallery, ana: Guest) -> None:
    gallery.keep(
        call("a", cost="0.25 USD", user="=ana", tenant="acme"), call("b", cost="2 CNY", user="ben")
    )
    sheet = ana.get("/models?by=user&format=csv").text.removeprefix("\ufeff")
    rows = {row["user"]: row for row in csv.DictReader(io.StringIO(sheet))}
    assert rows["'=ana"]["tenant"] == "acme"
    assert rows["'=ana"]["cost_USD"] == "0.250000000" and rows["ben"]["cost_CNY"] == "2.000000000"
    taken = json.loads(ana.get("/models?format=json").text)
    assert [(row["model"], row["calls"]) for row in taken] == [("small", 2)]
    assert taken[0]["costs"] == {"CNY": "2.000000000", "USD": "0.250000000"}
    days = json.loads(ana.get("/models?by=day&format=json").text)
    assert [(row["day"], row["calls"]) for row in days] == [("2026-05-20", 2)]
    statement = ana.get("/models?by=user&format=sql").text
    assert "user AS name" in statement and "FROM exchanges FINAL" in statement


def test_the_table_comes_in_pages(gallery: Gallery, ana: Guest) -> None:
    gallery.keep(*(call(f"c{number}", model=f"m{number:02}") for number in range(30)))
    first = ana.see("/models")
    assert "1 to 25 of 30" in first.text
    second = ana.see(first.links["Next"])
    assert "26 to 30 of 30" in second.text and "m29" in second.text
    assert "1 to 25 of 30" in ana.see("/models?page=9").text


def test_names_that_are_code_stay_words(gallery: Gallery, ana: Guest) -> None:
    gallery.keep(call("a", model=EVIL[:60], user=EVIL[:40], error=f"{EVIL}: {EVIL}"))
    for by in ("model", "user", "day"):
        assert ana.see(f"/models?by={by}").all("img") == []


def test_the_numbers_behind_the_charts_have_every_day(gallery: Gallery, ana: Guest) -> None:
    gallery.keep(call("a", 1, cost="0.5 USD"), call("b", 1))
    page = ana.see("/models?days=7")
    assert "Tuesday 19 May 2026 0.50" in page.text
    assert "Tuesday 19 May 2026 2" in page.text
    assert "Monday 18 May 2026 0" in page.text
