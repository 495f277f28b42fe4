"""What online evaluators say, on pages: a filter, a split, a pass rate, and beside each answer."""

from __future__ import annotations

from datetime import timedelta

import pytest

from causerie.store.online_evaluators import OnlineEvaluators
from causerie.store.topics import Topics
from tests.conftest import Cast
from tests.metric_world import keep
from tests.online_cast import until
from tests.plain_metrics import Talk, World
from tests.test_dashboard import home, sign_in
from tests.understood import kept_topic
from tests.web_page import Page

RATE, SPLIT = "pass_rate:Polite", "evaluation:Polite"


@pytest.fixture
def filled(cast: Cast) -> Cast:
    """Twenty conversations, every other one with an answer that did not pass."""
    at = cast.clock() - timedelta(days=2)
    talks = [
        Talk(f"t{place}", at, "ana", outcomes=("pass", "fail") if place % 2 else ("pass",))
        for place in range(20)
    ]
    keep(cast.stores.events, cast.project, World([*talks, Talk("none", at, "ben")]))
    return cast


def test_a_pass_rate_is_drawn_and_each_outcome_leads_to_its_conversations(filled: Cast) -> None:
    sign_in(filled)
    page = Page(filled.client.get(f"{home(filled)}/reports?metric={RATE}&split={SPLIT}").text)
    assert "Pass rate of “Polite”" in page.words
    assert "67 % in the last 30 days." in page.text
    assert page.links["Failed"].endswith("/conversations?evaluation=Polite:fail")
    listed = Page(filled.client.get(page.links["Failed"]).text)
    assert "10 conversations" in listed.words and "with “Polite”" in listed.words
    assert "Not judged" in page.words


def test_every_report_can_be_filtered_by_what_they_say(filled: Cast) -> None:
    sign_in(filled)
    for end in ("", "/users", "/topics", "/reports", "/reports/funnels", "/users/retention"):
        answer = filled.client.get(f"{home(filled)}{end}?evaluation=Polite:fail")
        assert answer.status_code == 200 and "with “Polite”" in Page(answer.text).words
    odd = filled.client.get(f"{home(filled)}/conversations?evaluation=Polite:perhaps").text
    assert "“Polite:perhaps” is not an evaluator" in odd


def test_a_program_reads_the_same(filled: Cast) -> None:
    told = filled.get(f"/api/v1/metrics/{RATE}", split=SPLIT).json()
    whole = told["whole"]["total"]
    assert (round(whole["value"], 4), whole["sample"]) == (0.6667, 30)
    assert {part["name"] for part in told["parts"]} == {"pass", "fail", ""}


def test_an_alert_can_watch_a_pass_rate(filled: Cast) -> None:
    csrf = sign_in(filled)
    path = f"{home(filled)}/reports/alerts"
    asked = {"metric": RATE, "each": "day", "rule": "below", "threshold": "90", "direction": "both"}
    page = Page(filled.client.get(f"{path}/new", params={**asked, "sample": "1"}).text)
    assert "Pass rate of “Polite”, each day: below 90 %." in page.text
    assert "It would have fired 1 time" in page.text
    query = next(given["value"] for given in page.all("input") if given.get("name") == "query")
    form = {"csrf": csrf, "name": "Watched", "query": query}
    assert "The alert is kept." in filled.client.post(path, data=form).text
    assert "Pass rate of “Polite”" in filled.client.get(path).text


def test_an_answer_shows_its_outcomes_and_why(cast: Cast) -> None:
    given = {"name": "Is short", "evaluator": "length", "options": {"max": 5}}
    path = "/api/v1/evaluations/online"
    assert cast.client.post(path, json=given, headers=cast.auth()).status_code == 201
    cast.log(
        {"role": "user", "message": "Hello"},
        {"role": "assistant", "message": "Good day"},
        how="/thread",
        id="T",
    )
    until(cast, f"{path}/Is short", lambda told: told["outcomes"] == {"fail": 1})
    sign_in(cast)
    page = Page(cast.client.get(f"{home(cast)}/conversations/T").text)
    assert "Is short: failed" in page.words
    assert "8 characters" in page.words


def test_one_is_made_rested_and_removed_by_forms(cast: Cast) -> None:
    csrf = sign_in(cast)
    path = f"{home(cast)}/evaluations/online"
    cast.log(
        {"role": "user", "message": "Hello"}, {"role": "assistant", "message": "Good day"}, id="T"
    )
    made = {"csrf": csrf, "name": "Is / short", "evaluator": "length", "percent": "100"}
    page = Page(cast.client.post(path, data={**made, "options": '{"max": ', "since": "all"}).text)
    assert "a JSON object is expected" in page.text
    told = cast.client.post(path, data={**made, "options": '{"max": 9}', "since": "all"}).text
    assert "The evaluator judges from now on." in told
    until(cast, "/api/v1/evaluations/online/Is / short", lambda one: one["outcomes"] == {"pass": 1})
    page = Page(cast.client.get(path).text)
    assert "100 % passed" in page.text.replace("\u202f", " ")
    assert page.links["Passed 1"].endswith("evaluation=Is%20/%20short%3Apass")
    assert "1 conversation" in Page(cast.client.get(page.links["Passed 1"]).text).words
    named = {"csrf": csrf, "name": "Is / short"}
    assert "rests" in cast.client.post(f"{path}/change", data={**named, "on": "no"}).text
    gone = Page(cast.client.post(f"{path}/remove", data=named).text)
    assert "The evaluator is gone" in gone.text and "None yet." in gone.text


def test_a_form_says_which_conversations_are_judged(filled: Cast) -> None:
    csrf, path = sign_in(filled), f"{home(filled)}/evaluations/online"
    engine = filled.stores.engine
    topic = kept_topic(filled.project, "t1", "Refunds", "refund")
    Topics(engine).put(topic)
    form = {"csrf": csrf, "name": "Some", "evaluator": "length", "percent": "100"}
    chosen = {"tenant": "acme", "topic": "t1", "language": "fr", "model": ""}
    made = filled.client.post(path, data={**form, **chosen})
    told = "100 % of conversations of tenant acme in French about Refunds · since"
    assert told in Page(made.text).text
    online = OnlineEvaluators(engine)
    assert online.get(filled.project, "Some").query == "tenant=acme&language=fr&topic=t1"
    Topics(engine).delete(topic)
    words = Page(filled.client.get(path).text).words
    assert "Until it is there, nothing more is judged." in words
    odd = filled.client.post(path, data={**form, "name": "Odd", "topic": "t1"})
    assert odd.status_code == 400 and "t1" in Page(odd.text).words
