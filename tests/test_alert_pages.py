"""The pages of alerts on the whole server."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from causerie.accounts import Role
from causerie.alert_rules import Standing
from causerie.alerts import Firing
from causerie.store.alerts import Alerts
from tests.conftest import Cast
from tests.test_dashboard import home, sign_in
from tests.test_morning_pages import live
from tests.test_notice_pages import compose, send
from tests.web_page import Page

NEW = {"metric": "conversations", "each": "day", "rule": "below", "threshold": "5"}


def look(cast: Cast, path: str = "", **query: str) -> Page:
    answer = cast.client.get(f"{home(cast)}/reports/alerts{path}", params=query)
    assert answer.status_code == 200, answer.text
    page = Page(answer.text)
    page.check()
    return page


def act(cast: Cast, csrf: str, path: str = "", **form: str) -> Page:
    answer = cast.client.post(f"{home(cast)}/reports/alerts{path}", data={"csrf": csrf, **form})
    page = Page(answer.text)
    page.check()
    return page


def query(page: Page) -> str:
    """What the form that keeps an alert says of it."""
    return next(given["value"] for given in page.all("input") if given.get("name") == "query")


def alerts(cast: Cast) -> Alerts:
    return Alerts(cast.stores.engine)


def test_an_alert_is_tried_on_the_past_then_kept(cast: Cast) -> None:
    csrf = sign_in(cast)
    live(cast)
    assert "Nothing yet." in look(cast).text
    page = look(cast, "/new", language="en", **NEW)
    # The twenty days before the first conversation say nothing.
    assert "It would not have fired in the last 60 days." in page.text
    above = look(cast, "/new", language="en", **{**NEW, "rule": "above"})
    assert "It would have fired 1 time in the last 60 days." in above.text
    assert "Conversations, each day: below 5." in page.text
    kept = act(cast, csrf, name="Quiet", query=query(page))
    assert "The alert is kept." in kept.text
    (one,) = alerts(cast).all(cast.project)
    assert (one.alert.name, one.alert.query, one.alert.threshold) == ("Quiet", "language=en", 5)
    # Midnight of the day that is not judged yet: the past fires nothing.
    assert one.judged_to == cast.clock().replace(hour=0)
    assert "Quiet" in look(cast).text


def test_a_change_is_asked_for_in_percent_and_comes_back_so(cast: Cast) -> None:
    csrf = sign_in(cast)
    live(cast)
    page = look(cast, "/new", **{**NEW, "rule": "change", "threshold": "30", "direction": "down"})
    assert "more than 30 % from the week before, down" in page.text
    act(cast, csrf, name="Fall", query=query(page))
    (one,) = alerts(cast).all(cast.project)
    assert one.alert.threshold == pytest.approx(0.3)
    change = look(cast, f"/{one.alert.id}").links["Change"]
    again = Page(cast.client.get(change).text)
    assert "more than 30 % from the week before, down" in again.text
    act(cast, csrf, name="Fall again", query=query(again))
    (changed,) = alerts(cast).all(cast.project)
    assert (changed.alert.id, changed.alert.name) == (one.alert.id, "Fall again")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"threshold": "many"}, "not a number"),
        ({"threshold": "nan"}, "not a number"),
        ({"metric": "luck"}, "Choose a number"),
        ({"each": "minute"}, "Choose hours, days or weeks"),
        ({"rule": "odd"}, "Choose when it fires"),
        ({"lasting": "0"}, "In a row: 1 to"),
        ({"rest": "-1"}, "not a whole number"),
        ({"rule": "change", "threshold": "0"}, "more than 0 %"),
    ],
)
def test_what_cannot_be_watched_is_said(cast: Cast, given: dict[str, str], said: str) -> None:
    sign_in(cast)
    page = look(cast, "/new", **{**NEW, **given})
    assert said in page.text
    assert "Keep the alert" not in page.text


def test_a_name_is_needed_and_nothing_that_was_filled_in_is_lost(cast: Cast) -> None:
    csrf = sign_in(cast)
    page = act(cast, csrf, name="", query="language=fr&metric=users&each=week&rule=unusual")
    assert "Give it a name" in page.text
    assert "Users, each week: unusual, up or down." in page.text
    assert "language=fr" in query(page)
    assert alerts(cast).all(cast.project) == []


def fire(cast: Cast, csrf: str, **given: Any) -> str:
    """An alert that has fired for yesterday; its id."""
    send(cast, csrf, kind="webhook", name="Ops", url="http://127.0.0.1:9/x", language="en")
    page = look(cast, "/new", **NEW, language="en")
    to = next(box["name"] for box in page.all("input") if box.get("name", "").startswith("to_"))
    act(cast, csrf, name="Quiet", query=query(page), **{to: "on"})
    (one,) = alerts(cast).all(cast.project)
    start = cast.clock().replace(hour=0) - timedelta(days=1)
    firing = Firing(
        alert=one.alert.id, start=start, end=start + timedelta(days=1), value=2, sample=2, low=5
    )
    alerts(cast).keep(one, cast.clock(), Standing(), [firing], cast.clock())
    return one.alert.id


def test_what_fired_says_why_where_it_went_and_who_has_seen_to_it(cast: Cast) -> None:
    csrf = sign_in(cast)
    live(cast)
    id = fire(cast, csrf)
    said = "Conversations: 2, Tuesday 19 May 2026; expected at least 5 (sample of 2)."
    page = look(cast)
    assert said in page.text
    assert "Ops:" in page.text
    (door,) = [door for door in page.links.values() if "/conversations?since=" in door]
    assert "since=2026-05-19&until=2026-05-19&language=en" in door
    assert cast.client.get(door).status_code == 200
    start = next(given["value"] for given in page.all("input") if given.get("name") == "start")
    assert "seen by owner@example.org" in act(cast, csrf, f"/{id}/acknowledge", start=start).text
    assert act(cast, csrf, f"/{id}/acknowledge", start="never").text.startswith("Not found")


def test_an_alert_is_muted_snoozed_and_removed(cast: Cast) -> None:
    csrf = sign_in(cast)
    live(cast)
    id = fire(cast, csrf)
    assert "It is muted" in act(cast, csrf, f"/{id}/mute", muted="on").text
    assert "It is muted" not in act(cast, csrf, f"/{id}/mute", muted="").text
    assert "It is snoozed until" in act(cast, csrf, f"/{id}/snooze", days="7").text
    assert "is gone" in act(cast, csrf, f"/{id}/remove").text
    assert alerts(cast).all(cast.project) == []


def test_viewers_read_and_change_nothing(cast: Cast) -> None:
    csrf = sign_in(cast)
    live(cast)
    id = fire(cast, csrf)
    sign_in(cast, Role.VIEWER)
    page = look(cast, f"/{id}")
    assert "Quiet" in page.text and "Mute" not in page.text and "Seen" not in page.text
    assert cast.client.get(f"{home(cast)}/reports/alerts/new").status_code == 403


def test_a_letter_says_what_it_fired_for(cast: Cast) -> None:
    csrf = sign_in(cast)
    live(cast)
    id = fire(cast, csrf)
    start = cast.clock().replace(hour=0) - timedelta(days=1)
    document = {"alert": id, "start": start.isoformat()}
    letter = compose(cast, "en", subject="alert", document=document)
    assert letter.title == "Alert in Mine: Quiet"
    assert "Conversations: 2, Tuesday 19 May 2026; expected at least 5" in letter.text
    assert f"/p/{cast.project}/reports/alerts/{id}" in letter.text
    assert (letter.document["value"], letter.document["low"]) == (2.0, 5.0)
