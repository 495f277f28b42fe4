"""The page of funnels, the lists of what happened, and the events of the overview."""

from __future__ import annotations

import csv
import io

import pytest

from causerie.store.topics import Topics
from tests.conftest import Cast
from tests.test_dashboard import See, see
from tests.understood import found_topic, understand_all

__all__ = ["see"]
ASK = {"role": "user", "message": "Where is my card?"}
CHECKOUT = {"type": "event", "name": "Checkout", "metadata": {"size": "xl"}}


@pytest.fixture
def talks(cast: Cast) -> None:
    """Four conversations; two end with an event, in one the user gave up."""
    Topics(cast.stores.engine).put(found_topic(cast.project, "cards", "Cards"))
    for number in range(4):
        model = "large" if number else "small"
        about = {"user_id": f"user-{number}", "model": model}
        more = [CHECKOUT, CHECKOUT] if number < 2 else []
        cast.log(ASK, *more, id=f"c{number}", how="/thread", metadata=about)
    cast.settle()
    about = {"language": "en", "suggested": "cards"}
    signals = [(), (), (), ("gave_up",)]
    told = {f"c{number}": [{**about, "signals": some}] for number, some in enumerate(signals)}
    understand_all(cast.stores.events, cast.project, told)


def test_a_project_without_events_learns_how(cast: Cast, see: See) -> None:
    text = see("/reports/funnels").text
    assert "A funnel takes two steps" in text and '"type": "event"' in text


def test_the_commonest_event_is_the_first_funnel(talks: None, see: See) -> None:
    page = see("/reports/funnels")
    assert "50 % of 4 conversations got from “A conversation begins” to “Checkout”" in page.text
    assert {"first", "event:Checkout"} <= set(page.chosen)
    reached = see(page.links["4"])
    assert "They reached “A conversation begins”" in reached.text
    assert "4 conversations" in reached.text
    left = [given["href"] for given in page.all("a") if "left=yes" in given["href"]]
    assert "2 conversations" in see(left[0]).text and "and not “Checkout”" in see(left[0]).text


def test_steps_are_chosen_and_kept(talks: None, see: See) -> None:
    query = "step=topic:cards&step=event:Checkout&step=event:Checkout&split=model&by=user&window=3"
    page = see(f"/reports/funnels?{query}&days=7")
    assert "50 % of 4 users got from “Cards” to “Checkout”" in page.text
    assert "within 3 days" in page.text and "small" in page.text and "large" in page.text
    assert {"topic:cards", "event:Checkout", "user", "model"} <= set(page.chosen)
    # The filters keep the steps, and the steps the filters.
    filtered = see(page.links["90 days"])
    assert "step=topic:cards" in page.links["90 days"]
    assert "50 % of 4 users" in filtered.text
    fields = [(given.get("name"), given.get("value")) for given in page.all("input")]
    assert ("days", "7") in fields


def test_unknown_steps_are_left_out(talks: None, see: See) -> None:
    text = see("/reports/funnels?step=topic:never&step=first&window=many&split=meta&by=all").text
    assert "A funnel takes two steps" in text
    assert (
        "Nobody took the first step"
        in see("/reports/funnels?step=event:Never&step=event:Checkout").text
    )
    assert "two steps" in see("/reports/funnels/conversations?step=first").text


def test_a_funnel_can_be_taken_away(cast: Cast, talks: None, see: See) -> None:
    links = see("/reports/funnels?step=first&step=event:Checkout&split=model").links
    text = cast.client.get(links["CSV"]).text.removeprefix("\ufeff")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [(row["part"], row["what"], row["reached"]) for row in rows] == [
        *(("", "first", "4"), ("", "event:Checkout", "2")),
        *(("large", "first", "3"), ("large", "event:Checkout", "1")),
        *(("small", "first", "1"), ("small", "event:Checkout", "1")),
    ]
    assert "{kinds:Array(String)}" in cast.client.get(links["SQL"]).text


def test_lists_of_what_happened_are_one_click_away(talks: None, see: See) -> None:
    page = see("/conversations")
    gave_up = see(page.links["Gave up"])
    assert (
        "1 conversation" in gave_up.text and "4 conversations" in see(gave_up.links["Gave up"]).text
    )
    assert not see("/conversations?user=user-0").with_class("quick-lists")


def test_the_overview_tells_which_events_happened(talks: None, see: See) -> None:
    page = see("")
    assert "Checkout" in page.links and "4 times" in page.text
    assert "2 conversations" in see(page.links["Checkout"]).text
    assert "Checkout" not in see("?user=user-3").links
