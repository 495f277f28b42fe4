"""One user's page: whoever they are called, what they asked, and where its numbers lead."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causerie.meanings import mood_of
from causerie.reports import Bucket, Totals
from causerie.store.topics import Topics
from causerie.web.calendars import STEP, WEEKS_MAX, calendar
from causerie.web.user_addresses import RESERVED, user_of, user_part
from tests.conftest import Cast
from tests.made_calls import call, keep_calls
from tests.test_dashboard import home, sign_in
from tests.understood import found_topic, understand
from tests.web_page import Page

See = Callable[..., Page]


@pytest.fixture
def see(cast: Cast) -> See:
    """Looks at a page of the project as an owner, and checks that it is well made."""
    sign_in(cast)

    def see(path: str, status: int = 200) -> Page:
        address = path if path.startswith("/p/") else home(cast) + path
        answer = cast.client.get(address)
        assert answer.status_code == status, answer.text
        page = Page(answer.text)
        page.check()
        return page

    return see


def says(
    cast: Cast, user: str, text: str, id: str, tenant: str = "", ago: int = 0, **meaning: object
) -> None:
    """A conversation of one question so many days ago, understood."""
    given = {"tenant_id": tenant} if tenant else {}
    at = (cast.clock() - timedelta(days=ago)).isoformat()
    message = {"role": "user", "message": text, "event_timestamp": at}
    cast.log(message, id=id, how="/thread", metadata={"user_id": user}, **given)
    cast.settle()
    known = {"language": "en", "sentiment": 0.0, **meaning}
    understand(cast.stores.events, cast.project, id, known, tenant=tenant)


# ---- addresses -----------------------------------------------------------------------------------


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1))
def test_every_id_has_an_address_of_its_own(user: str) -> None:
    part = user_part(user)
    assert user_of(unquote(part)) == user
    assert "/" not in part and unquote(part) not in RESERVED


def test_a_page_for_whatever_an_id_is(cast: Cast, see: See) -> None:
    users = ["retention", "..", "~ana", "a/b?c#d&e", "阿强 & co", '"><b>']
    for number, user in enumerate(users):
        message = {"role": "user", "message": f"Question {number}"}
        cast.log(message, id=f"c{number}", how="/thread", metadata={"user_id": user})
    cast.settle()
    links = see("/users").links
    for number, user in enumerate(users):
        page = see(links[user])
        assert f"Question {number}" in page.links
        assert page.text.count("Question") == 1


def test_the_form_of_filters_leads_to_whom_it_names(cast: Cast, see: See) -> None:
    says(cast, "ben", "Hello", "one")
    answer = cast.client.get(f"{home(cast)}/users/ana?user=ben&days=7", follow_redirects=False)
    assert answer.headers["location"] == f"{home(cast)}/users/ben?days=7"


def test_nobody_has_no_page(cast: Cast, see: See) -> None:
    see("/users/nobody", 404)
    says(cast, "ana", "Hello", "one", tenant="acme")
    see("/users/ana?tenant=other", 404)


# ---- what it shows -------------------------------------------------------------------------------


def test_the_same_id_in_two_tenants_is_two_people(cast: Cast, see: See) -> None:
    says(cast, "ana", "Top question", "one")
    says(cast, "ana", "Tenant question", "two", tenant="acme")
    top, theirs = see("/users/ana"), see("/users/ana?tenant=acme")
    assert "Top question" in top.text and "Tenant question" not in top.text
    assert "Tenant question" in theirs.text and "Top question" not in theirs.text
    assert "Tenant question" in see(top.links["in tenant acme"]).text
    assert "Top question" in see(theirs.links["without a tenant"]).text
    doors = [address for address in top.links.values() if "/conversations?" in address]
    assert doors and all("tenant=%28none%29" in address for address in doors)


def test_what_somebody_asked_stands_with_day_topic_and_mood(cast: Cast, see: See) -> None:
    Topics(cast.stores.engine).put(found_topic(cast.project, "late", "Late parcels"))
    says(cast, "ana", "Where is it?", "one", suggested="late", sentiment=-0.7, signals=("reasked",))
    says(cast, "ben", "Somebody else", "two")
    page = see("/users/ana?days=7")
    assert "Somebody else" not in page.text
    for words in ("asked again", "Late parcels", "20 May, 12:00", "−0.70"):
        assert words in page.text
    assert "Mostly about: Late parcels" in page.text
    assert "What did not go well" in page.text and page.text.count("Where is it?") == 2
    assert mood_of(-0.7) in page.with_class("mood")[0]["class"]
    assert "1 conversation" in see(page.links["Late parcels"]).text


def test_someone_who_did_not_come_lately_is_still_there(cast: Cast, see: See) -> None:
    says(cast, "ana", "Hello", "one", ago=60)
    page = see("/users/ana")
    assert "Nothing of theirs in the last 30 days" in page.text
    assert "Hello" in see(page.links["Look at all time"]).text


def test_how_often_somebody_comes_follows_them(cast: Cast, see: See) -> None:
    for number in range(5):
        says(cast, "ana", f"Question {number}", f"c{number}", ago=8 * number + 1)
    page = see("/users/ana")
    assert "5 conversations on 5 days in all" in page.text
    assert "veteran" in page.text
    assert "4 conversations on 4 days in the last 30 days" in page.text
    assert len(page.with_class("shade-1")) == 4


def test_what_their_answers_cost_is_told(cast: Cast, see: See) -> None:
    says(cast, "ana", "Hello", "one")
    assert "no call through this server" in see("/users/ana").text
    made = call("one", user="ana", cost="1.25 USD")
    keep_calls(cast.stores.inbox, cast.stores.events, cast.project, [made])
    text = see("/users/ana").text
    assert "Cost 1.25 USD" in text and "1 call of models" in text


def test_their_conversations_can_be_taken_away(cast: Cast, see: See) -> None:
    says(cast, "ana", "Hello", "one")
    says(cast, "ben", "Other", "two")
    rows = cast.client.get(f"{home(cast)}/users/ana?format=json").json()
    assert [row["id"] for row in rows] == ["one"]
    assert "Hello" in cast.client.get(f"{home(cast)}/users/ana?format=csv").text
    assert "users = ['ana']" in cast.client.get(f"{home(cast)}/users/ana?format=sql").text


def test_a_long_list_has_pages(cast: Cast, see: See) -> None:
    for number in range(26):
        at = (cast.clock() - timedelta(hours=number)).isoformat()
        message = {"role": "user", "message": f"Question {number}", "event_timestamp": at}
        cast.log(message, id=f"c{number}", how="/thread", metadata={"user_id": "ana"})
    cast.settle()
    page = see("/users/ana")
    assert "1 to 25 of 26" in page.text
    assert "Question 25" in see(page.links["Next"]).links
    assert "26 to 26 of 26" in see("/users/ana?page=2").text
    assert "1 to 25 of 26" in see("/users/ana?page=9").text


def test_another_project_s_user_is_nobody(cast: Cast, see: See) -> None:
    says(cast, "ana", "Hello", "one")
    assert cast.client.get(f"{home(cast)}-other/users/ana").status_code == 404


# ---- the calendar --------------------------------------------------------------------------------


@given(st.integers(1, 900), st.dates(date(2024, 1, 1), date(2026, 1, 1)))
def test_a_calendar_has_each_day_at_its_place_once(count: int, first: date) -> None:
    starts = [first + timedelta(days=number) for number in range(count)]
    drawn = calendar([Bucket(day, Totals(conversations=1)) for day in starts], str)
    assert len({(day.x, day.y) for day in drawn.days}) == len(drawn.days)
    assert [day.day for day in drawn.days] == starts[-len(drawn.days) :]
    assert len(drawn.days) == count or len(drawn.days) > (WEEKS_MAX - 1) * 7
    assert all(day.y == day.day.weekday() * STEP for day in drawn.days)
    assert all(0 <= day.x < drawn.width <= WEEKS_MAX * STEP for day in drawn.days)
    assert all(b.x - a.x >= 3 * STEP for a, b in zip(drawn.months, drawn.months[1:], strict=False))
