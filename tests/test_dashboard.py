"""The pages about conversations, on the whole server."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from httpx2 import Response

from causerie.accounts import Role
from causerie.store.sign_ins import SignIns
from causerie.web.reading import TURNS_PER_PART
from tests.conftest import Cast
from tests.web_page import Page

COOKIE = "causerie-session"
EVIL = "</script><script>alert(1)</script>\"'><img src=x onerror=alert(2)>"
See = Callable[..., Page]


def sign_in(cast: Cast, role: Role = Role.OWNER, project: str = "") -> str:
    """A member of the project with an open session, and the secret of their forms."""
    accounts, now = cast.stores.accounts, cast.clock()
    member = accounts.create_member(f"{role}@example.org", now)
    accounts.join(project or cast.project, member.id, role)
    token, csrf = SignIns(cast.stores.engine).create_session(member.id, now)
    cast.client.cookies.set(COOKIE, token)
    return csrf


@pytest.fixture
def see(cast: Cast) -> See:
    """Looks at a page of the project as an owner, and checks that it is well made."""
    sign_in(cast)

    def see(path: str = "", status: int = 200) -> Page:
        address = path if path.startswith("/") and path.startswith("/p/") else home(cast) + path
        answer = cast.client.get(address)
        assert answer.status_code == status, answer.text
        page = Page(answer.text)
        page.check()
        return page

    return see


def home(cast: Cast) -> str:
    """The address of the project."""
    return f"/p/{cast.project}"


def talk(cast: Cast, question: str = "Where is my card?", **given: Any) -> None:
    """One question with an answer; what else is given goes to the conversation."""
    rating = given.pop("rating", 0)
    answer = {"role": "assistant", "message": "On its way.", "rating": rating}
    sent = cast.log({"role": "user", "message": question}, answer, **given)
    assert sent.status_code == 201, sent.text
    cast.settle()


def raw(cast: Cast, path: str) -> Response:
    """An answer as it comes."""
    return cast.client.get(home(cast) + path)


def move(cast: Cast, zone: str) -> None:
    """The project is somewhere else."""
    cast.stores.accounts.set_zone(cast.project, zone)


# ---- who may look ------------------------------------------------------------------------------

PATHS = ["", "/start", "/start/waiting", "/conversations", "/conversations/some", "/users"]


@pytest.mark.parametrize("path", PATHS)
def test_whoever_is_not_signed_in_is_asked_to(cast: Cast, path: str) -> None:
    answer = cast.client.get(home(cast) + path, follow_redirects=False)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/signin?next=/p/")


@pytest.mark.parametrize("path", PATHS)
def test_another_project_looks_as_if_there_were_none(cast: Cast, path: str) -> None:
    sign_in(cast)
    theirs = cast.client.get(f"{home(cast)}-other{path}")
    nobodys = cast.client.get(f"{home(cast)}-nothing{path}")
    assert (theirs.status_code, nobodys.status_code) == (404, 404)
    assert theirs.text == nobodys.text


def test_the_first_page_is_the_project_looked_at_last(cast: Cast) -> None:
    sign_in(cast)
    accounts = cast.stores.accounts
    member = accounts.member_by_email("owner@example.org")
    assert member is not None
    accounts.join(f"{cast.project}-other", member.id, Role.VIEWER)
    cast.client.get(f"{home(cast)}-other")
    answer = cast.client.get("/", follow_redirects=False)
    assert answer.headers["location"] == f"{home(cast)}-other"


def test_a_conversation_of_another_project_is_not_found(cast: Cast) -> None:
    message = {"role": "user", "message": "secret"}
    headers = cast.auth("stranger")
    body = {"conversation": {"id": "theirs", "messages": [message]}}
    cast.client.post("/api/v1/log/conversation/thread", json=body, headers=headers)
    cast.settle()
    sign_in(cast)
    assert raw(cast, "/conversations/theirs").status_code == 404
    assert raw(cast, "/conversations/theirs?format=json").status_code == 404


# ---- overview ----------------------------------------------------------------------------------


def test_an_empty_project_is_told_how_to_begin(see: See) -> None:
    page = see()
    assert "No conversations yet" in page.text
    assert page.links["Get started"].endswith("/start")


def test_a_silent_span_says_where_there_is_something(cast: Cast, see: See) -> None:
    talk(cast)
    cast.clock.move(days=25)
    page = see("?days=7")
    assert "Nothing in the last 7 days" in page.text
    assert "The one conversation began on 20 May 2026" in page.text
    assert "Where is my card?" in see(page.links["Look at all time"]).text


def test_the_overview_begins_with_a_sentence(cast: Cast, see: See) -> None:
    talk(cast, metadata={"user_id": "ana"}, rating=1)
    talk(cast, metadata={"user_id": "ana"}, rating=-1)
    talk(cast, metadata={"user_id": "ben"})
    text = see().text
    assert "2 people had 3 conversations in the last 30 days" in text
    assert "50 % of 2 ratings were thumbs up. 1 answer was rated down." in text
    assert "Mood – not known yet" in text


def test_growth_is_not_told_before_there_was_anything(cast: Cast, see: See) -> None:
    talk(cast)
    assert "before" not in see("?days=7").text


def test_growth_is_told_against_the_same_hours_before(cast: Cast, see: See) -> None:
    talk(cast)
    cast.clock.move(days=8)
    for _ in range(10):
        talk(cast)
    cast.clock.move(days=5)
    text = see("?days=7").text
    assert "10 conversations in the last 7 days. That is up from 1 in the 7 days before" in text


def test_every_number_of_the_overview_opens_its_conversations(cast: Cast, see: See) -> None:
    talk(cast, "good", metadata={"user_id": "ana"}, rating=1)
    talk(cast, "bad", metadata={"user_id": "ana"}, rating=-1)
    links = see("?days=7").links
    assert "2 conversations" in see(links["2 conversations"]).text
    assert "1 user" in see(links["1 person"]).text
    down = see(links["1 answer was rated down"]).text
    assert "bad" in down
    assert "good" not in down


def test_the_tables_behind_the_charts_have_every_day(cast: Cast, see: See) -> None:
    talk(cast)
    text = see("?days=7").text
    assert text.count("Tuesday 19 May 2026") == 2
    assert "Wednesday 20 May 2026 (in part) 1" in text


def test_days_and_hours_are_those_of_the_project_s_zone(cast: Cast, see: See) -> None:
    cast.log({"role": "user", "message": "Hello", "event_timestamp": "2026-05-18T23:30:00Z"})
    cast.settle()
    move(cast, "Asia/Tokyo")
    rows = raw(cast, "?days=7&format=json").json()
    assert [row["start"] for row in rows if row["conversations"]] == ["2026-05-19"]
    found = raw(cast, "/conversations?since=2026-05-19&until=2026-05-19&format=json").json()
    assert len(found) == 1
    assert "19 May 2026, 08:30:00 Asia/Tokyo" in raw(cast, "/conversations").text
    words = see(f"/conversations/{quote(found[0]['id'])}").words
    assert "19 May 2026" in words and "08:30" in words and "23:30" not in words


def test_the_data_of_a_chart_cannot_leave_its_element(cast: Cast, see: See) -> None:
    talk(cast, EVIL, metadata={"user_id": EVIL[:40], "model": EVIL[:40]}, rating=1)
    page = see(f"?model={quote(EVIL[:40])}")
    assert page.all("img") == []


# ---- conversations -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("user=ana", {"one", "three"}),
        ("model=gpt", {"one", "two"}),
        ("meta=plan:free", {"two"}),
        ("key=plan&value=free", {"two"}),
        ("rating=down", {"three"}),
        ("rating=none", {"two"}),
        ("tenant=acme", {"two"}),
        ("tenant=(none)", {"one", "three"}),
        ("text=HREE", {"three"}),
        ("user=ana&model=gpt", {"one"}),
        ("text=nowhere", set()),
    ],
)
def test_a_filter_finds_its_conversations(
    cast: Cast, see: See, query: str, found: set[str]
) -> None:
    talk(cast, "one", metadata={"user_id": "ana", "model": "gpt"}, rating=1)
    talk(cast, "two", metadata={"model": "gpt", "plan": "free"}, tenant_id="acme")
    talk(cast, "three", metadata={"user_id": "ana"}, rating=-1)
    links = see(f"/conversations?{query}").links
    assert {words for words in ("one", "two", "three") if words in links} == found


def test_a_filter_is_taken_away_by_its_chip(cast: Cast, see: See) -> None:
    talk(cast, "one", metadata={"user_id": "ana"})
    talk(cast, "two", metadata={"user_id": "ben"})
    page = see("/conversations?user=ana&rating=none")
    assert "Conversations in the last 30 days by ana not rated" in page.text
    chip = next(given["href"] for given in page.all("a") if "by ana" in given.get("aria-label", ""))
    assert chip == f"{home(cast)}/conversations?rating=none"
    assert {"one", "two"} <= see(chip).links.keys()


def test_filters_stay_from_page_to_page(cast: Cast, see: See) -> None:
    talk(cast, metadata={"user_id": "ana"})
    page = see("/conversations?days=7&user=ana&sort=oldest&page=1")
    for place in ("Overview", "Users"):
        assert page.links[place].endswith("?days=7&user=ana")
    assert see(page.links["Users"]).links["ana"].endswith("/users/ana?days=7")


def test_a_long_list_has_pages_and_the_last_one_is_short(cast: Cast, see: See) -> None:
    for index in range(27):
        talk(cast, f"number {index}")
        cast.clock.move(minutes=1)
    first = see("/conversations")
    assert "1 to 25 of 27" in first.text
    assert "number 26" in first.links
    second = see(first.links["Next"])
    assert "26 to 27 of 27" in second.text
    assert [words for words in second.links if words.startswith("number")] == [
        "number 1",
        "number 0",
    ]
    assert "1 to 25 of 27" in see("/conversations?page=99").text


def test_the_order_is_chosen_by_a_link(cast: Cast, see: See) -> None:
    talk(cast, "early", rating=-1)
    cast.clock.move(minutes=1)
    talk(cast, "late", rating=1)
    page = see("/conversations")
    order = [words for words in page.links if words in ("early", "late")]
    assert order == ["late", "early"]
    for choice in ("Oldest first", "Worst rated first"):
        sorted_links = see(page.links[choice]).links
        assert [words for words in sorted_links if words in ("early", "late")] == ["early", "late"]


@pytest.mark.parametrize("path", ["", "/conversations", "/users"])
def test_a_bad_address_is_explained_and_never_fails(cast: Cast, see: See, path: str) -> None:
    talk(cast, metadata={"user_id": "ana"})
    page = see(f"{path}?days=x&since=never&page=0&rating=good&meta=broken&sort=odd&text=%00")
    assert len(page.with_class("notice")) >= 6


def test_what_was_said_is_never_markup(cast: Cast, see: See) -> None:
    talk(
        cast,
        EVIL,
        id=EVIL[:20],
        how="/thread",
        metadata={"user_id": EVIL[:40], EVIL[:40]: EVIL[:40]},
    )
    for path in ("", "/conversations", "/users"):
        assert see(path).all("img") == []
    links = see("/conversations").links
    page = see(next(address for words, address in links.items() if words.startswith("</script>")))
    assert EVIL in page.text
    assert page.all("img") == []


# ---- one conversation --------------------------------------------------------------------------


def test_a_transcript_shows_all_that_was_sent(cast: Cast, see: See) -> None:
    cast.log(
        {"role": "system", "message": "You sell shoes."},
        {"role": "user", "message": "Blue ones?", "metadata": {"page": "shoes"}},
        {
            "type": "tool",
            "name": "stock",
            "thought": "Look.",
            "input": {"size": 43},
            "observation": "2",
        },
        {"role": "assistant", "message": "Two pairs.", "rating": 1},
        {"type": "event", "name": "Checkout", "metadata": {"basket": "1"}},
        id="shop/1 é",
        how="/thread",
        metadata={"user_id": "ana", "model": "gpt", "plan": "free"},
        feedback="Quick and friendly.",
    )
    cast.settle()
    page = see(see("/conversations").links["Blue ones?"])
    for words in (
        "You sell shoes.",
        "page: shoes",
        "Used stock",
        "Look.",
        '"size": 43',
        "Two pairs.",
        "Rated up",
        "Checkout",
        "basket: 1",
        "Quick and friendly.",
        "shop/1 é",
    ):
        assert words in page.text
    assert page.links["free"].endswith("?meta=plan:free")
    assert page.links["ana"].endswith("/users/ana")


@pytest.mark.parametrize(
    ("said", "title"),
    [("word " * 40, "word " * 18 + "…"), ("靴 " + "あ" * 200, "靴 " + "あ" * 88 + " …")],
    ids=["with spaces", "almost without"],
)
def test_a_long_title_is_cut_between_words_where_there_are_any(
    cast: Cast, see: See, said: str, title: str
) -> None:
    talk(cast, said, how="/thread", id="long")
    assert title in see("/conversations/long").text.split("·")[0]


def test_a_search_is_marked_in_the_transcript(cast: Cast, see: See) -> None:
    talk(cast, "Where is my card?")
    page = see(see("/conversations?text=CARD").links["Where is my card?"])
    assert len(page.all("mark")) == 1


def test_masked_data_is_marked(cast: Cast, see: See) -> None:
    talk(cast, "Write to ana.lopez@corp.example please")
    page = see(see("/conversations").links["Write to email@example.com please"])
    assert "ana.lopez" not in page.text
    assert len(page.with_class("masked")) == 1


def test_the_same_id_of_two_tenants_is_two_conversations(cast: Cast, see: See) -> None:
    for tenant in ("acme", "globex"):
        said = f"hello {tenant}"
        cast.log({"role": "user", "message": said}, id="same", how="/thread", tenant_id=tenant)
    cast.settle()
    links = see("/conversations").links
    for tenant in ("acme", "globex"):
        assert f"hello {tenant}" in see(links[f"hello {tenant}"]).text


def test_raw_json_is_all_that_is_kept(cast: Cast, see: See) -> None:
    talk(cast, metadata={"user_id": "ana"}, rating=1, feedback="Fine.")
    page = see(see("/conversations").links["Where is my card?"])
    answer = cast.client.get(page.links["Raw JSON"])
    assert answer.headers["content-type"] == "application/json"
    kept = answer.json()
    assert kept["metadata"] == {"user_id": "ana"}
    assert kept["feedback"] == "Fine."
    assert [message["text"] for message in kept["messages"]] == ["Where is my card?", "On its way."]
    assert kept["sentiment"] is None


def test_a_very_long_conversation_is_read_in_parts(cast: Cast, see: See) -> None:
    roles = ("user", "assistant")
    messages: list[dict[str, object]] = [
        {"role": roles[n % 2], "message": f"turn {n}."} for n in range(TURNS_PER_PART + 5)
    ]
    cast.log(*messages, id="long", how="/thread")
    cast.settle()
    first = see("/conversations/long")
    assert len(first.with_class("turn")) == TURNS_PER_PART
    second = see(first.links["5 more"])
    assert len(second.with_class("turn")) == 5
    assert f"turn {TURNS_PER_PART + 4}." in second.text
    assert "Earlier messages" in second.links


# ---- users -------------------------------------------------------------------------------------


def test_a_user_has_their_numbers_and_a_door(cast: Cast, see: See) -> None:
    talk(cast, "one", metadata={"user_id": "ana"}, rating=1)
    talk(cast, "two", metadata={"user_id": "ana"})
    talk(cast, "three", metadata={"user_id": "ben"})
    talk(cast, "four")
    page = see("/users?sort=messages")
    assert "2 users" in page.text
    assert "ana 2 2 – 100 % just now just now" in page.text
    assert "ben 1 1 – – just now just now" in page.text
    assert {"one", "two"} <= see(page.links["ana"]).links.keys()


def test_people_without_a_name_are_explained(cast: Cast, see: See) -> None:
    talk(cast)
    assert "Users appear once conversations carry a user_id" in see("/users").text


# ---- take it away ------------------------------------------------------------------------------


def test_rows_go_out_as_csv_and_the_same_as_json(cast: Cast, see: See) -> None:
    talk(cast, 'one, "quoted"\nline', metadata={"user_id": "ana", "plan": "free"}, rating=1)
    links = see("/conversations").links
    answer = cast.client.get(links["CSV"])
    assert answer.headers["content-disposition"].startswith("attachment")
    rows = list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    assert rows[0]["preview"] == 'one, "quoted" line'
    assert json.loads(rows[0]["metadata"]) == {"user_id": "ana", "plan": "free"}
    found = cast.client.get(links["JSON"]).json()
    assert [row["id"] for row in found] == [row["id"] for row in rows]
    assert found[0]["thumbs_up"] == 1


def test_a_download_has_all_rows_and_the_filters(cast: Cast) -> None:
    sign_in(cast)
    for index in range(27):
        talk(cast, f"number {index}", metadata={"user_id": "ana" if index else "ben"})
    assert len(raw(cast, "/conversations?format=json&user=ana&page=2").json()) == 26
    users = raw(cast, "/users?format=json&sort=messages").json()
    assert [(row["user"], row["messages"]) for row in users] == [("ana", 26), ("ben", 1)]


def test_text_that_a_spreadsheet_would_run_is_disarmed(cast: Cast) -> None:
    sign_in(cast)
    talk(cast, '=HYPERLINK("x")', metadata={"user_id": "@ana"})
    rows = list(csv.DictReader(io.StringIO(raw(cast, "/conversations?format=csv").text)))
    assert rows[0]["preview"] == '\'=HYPERLINK("x")'
    assert rows[0]["user"] == "'@ana"


def test_a_charts_rows_are_its_buckets(cast: Cast) -> None:
    sign_in(cast)
    talk(cast, metadata={"user_id": "ana"}, rating=1)
    rows = raw(cast, "?days=7&format=json").json()
    assert len(rows) == 7
    assert rows[-1] == {
        "start": "2026-05-20",
        "conversations": 1,
        "messages": 2,
        "user_messages": 1,
        "users": 1,
        "thumbs_up": 1,
        "thumbs_down": 0,
        "sentiment": None,
        "scored": 0,
    }
    assert len(raw(cast, "?days=7&format=csv").text.splitlines()) == 8


@pytest.mark.parametrize("path", ["", "/conversations", "/users"])
def test_the_statement_is_shown_with_what_is_bound(cast: Cast, path: str) -> None:
    sign_in(cast)
    text = raw(cast, f"{path}?format=sql&user=o'ana").text
    assert "{project:String}" in text
    assert 'users = ["o\'ana"]' in text
