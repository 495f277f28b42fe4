"""The pages of evaluations on the whole server."""

from __future__ import annotations

import csv
import io
import json
import time
from decimal import Decimal
from typing import Any

import pytest
from httpx2 import Response

from causerie.accounts import Role
from causerie.endpoints import Endpoint, Price, Upstream
from causerie.store.endpoints import Endpoints
from causerie.store.evaluation_runs import EvaluationRuns
from causerie.store.test_sets import TestSets
from causerie.vault import open_vault
from tests.conftest import Cast
from tests.test_dashboard import home, sign_in, talk
from tests.web_page import Page

WAIT_SECONDS_MAX = 30


def look(cast: Cast, path: str = "", status: int = 200, **query: str) -> Page:
    answer = cast.client.get(f"{home(cast)}/evaluations{path}", params=query)
    assert answer.status_code == status, answer.text
    page = Page(answer.text)
    page.check()
    return page


def send(cast: Cast, csrf: str, path: str, **form: str) -> Response:
    return cast.client.post(f"{home(cast)}/evaluations{path}", data={"csrf": csrf, **form})


def act(cast: Cast, csrf: str, path: str, status: int = 200, /, **form: str) -> Page:
    """Send a form; the page that it leads to."""
    answer = send(cast, csrf, path, **form)
    assert answer.status_code == status, answer.text
    page = Page(answer.text)
    page.check()
    return page


def sets(cast: Cast) -> TestSets:
    return TestSets(cast.stores.engine)


def names(cast: Cast, name: str, version: int) -> list[str]:
    return [case.name for case in sets(cast).version(cast.project, name, version).cases]


def given(name: str, answer: str, **more: Any) -> str:
    """A line of a case that has its answer."""
    messages = [{"role": "user", "message": f"Tell me of {name}"}]
    body = {"name": name, "messages": messages, "pregenerated_response": answer, **more}
    return json.dumps(body)


def run(cast: Cast, csrf: str, name: str, version: int) -> str:
    """The id of a run that is over."""
    form = {"set": name, "version": str(version), "iterations": "1", "model": ""}
    address = str(send(cast, csrf, "/runs", **form).url)
    id = address.rpartition("/")[2]
    until = time.monotonic() + WAIT_SECONDS_MAX
    while not EvaluationRuns(cast.stores.engine).get(cast.project, id).is_over:
        assert time.monotonic() < until
        time.sleep(0.02)
    return id


# ---- test sets -------------------------------------------------------------------------------


def test_a_set_is_made_of_lines_and_its_next_version_keeps_what_is_not_replaced(cast: Cast) -> None:
    csrf = sign_in(cast)
    assert "No test set yet" in look(cast).text
    lines = "\n".join([given("one", "1"), given("two", "2")])
    page = act(cast, csrf, "/new", name="support", cases=lines, use_no_refusal="on")
    assert "The version is made." in page.text and "Tell me of two" in page.text
    again = act(cast, csrf, "/new", set="support", copy="prior_version", cases=given("two", "zwei"))
    assert "zwei" in again.text
    assert names(cast, "support", 2) == ["one", "two"]
    assert sets(cast).version(cast.project, "support", 2).evaluators == ()
    act(cast, csrf, "/new", set="support", copy="1 support", cases=given("three", "3"))
    assert names(cast, "support", 3) == ["one", "two", "three"]
    act(cast, csrf, "/new", set="support", copy="none", cases=given("four", "4"))
    assert names(cast, "support", 4) == ["four"]
    act(cast, csrf, "/new", name="other", copy="3 support", cases="")
    assert names(cast, "other", 1) == ["one", "two", "three"]
    assert "support" in look(cast).links and "Version 2" in look(cast, "/sets/support").text


def test_bad_lines_are_told_with_their_numbers_and_nothing_is_kept(cast: Cast) -> None:
    csrf = sign_in(cast)
    lines = [
        given("fine", "1"),
        "",
        '{"name": "no messages"}',
        "{broken",
        given("fine", "again"),
        '{"name": "silent", "messages": [{"role": "user", "message": "Hi"}]}',
        given("odd", "1", evaluators=[{"evaluator": "vibes"}]),
    ]
    page = act(cast, csrf, "/new", 400, name="support", cases="\r\n".join(lines))
    for number in (3, 4, 5, 6, 7):
        assert f"Line {number}: " in page.text
    assert "Line 1: " not in page.text and "Line 2: " not in page.text
    assert "line 1 has a case of that name" in page.text
    assert "fine" in page.areas[0]
    assert not sets(cast).versions(cast.project)


def test_a_set_is_deleted_once_it_has_said_what_goes_with_it(cast: Cast) -> None:
    csrf = sign_in(cast)
    lines = "\n".join([given("one", "1"), given("two", "2")])
    act(cast, csrf, "/new", name="a/b c", cases=lines, use_no_refusal="on")
    act(cast, csrf, "/new", set="a/b c", copy="prior_version", cases=given("three", "3"))
    act(cast, csrf, "/new", name="copy", copy="1 a/b c", cases="")
    id = run(cast, csrf, "a/b c", 2)
    page = look(cast, "/sets/a%2Fb%20c")
    assert "With it go, for good: 2 versions · 1 run · 3 judged answers." in page.text
    assert "What is under way stops." not in page.text
    page = act(cast, csrf, "/remove", set="a/b c")
    assert "The test set is deleted" in page.text
    assert "copy" in page.links and "a/b c" not in page.links
    assert "a/b c" not in look(cast, "/runs").text
    for path in ("/sets/a%2Fb%20c", f"/runs/{id}"):
        look(cast, path, 404)
    assert names(cast, "copy", 1) == ["one", "two"]
    act(cast, csrf, "/remove", 404, set="a/b c")


def test_a_run_is_deleted_and_its_set_stays(cast: Cast) -> None:
    csrf = sign_in(cast)
    act(cast, csrf, "/new", name="support", cases=given("one", "1"))
    id = run(cast, csrf, "support", 1)
    assert "Delete this run" in look(cast, f"/runs/{id}").text
    page = act(cast, csrf, f"/runs/{id}/remove")
    assert "The run is deleted" in page.text and "Nothing was run yet" in page.text
    look(cast, f"/runs/{id}", 404)
    assert run(cast, csrf, "support", 1) != id


def test_a_question_a_line_is_a_case_that_the_chosen_endpoint_answers(cast: Cast) -> None:
    csrf = sign_in(cast)
    act(cast, csrf, "/new", name="plain", cases="Where is it?\n\n[sic] why?", model="ep-a")
    found = sets(cast).version(cast.project, "plain", 1).cases
    assert [(case.name, case.model) for case in found] == [
        ("Where is it?", "ep-a"),
        ("[sic] why?", "ep-a"),
    ]
    page = look(cast, "/sets/plain")
    assert "No endpoint answers to ep-a" in page.text


def test_a_new_set_does_not_become_a_version_of_another_by_its_name(cast: Cast) -> None:
    csrf = sign_in(cast)
    act(cast, csrf, "/new", name="support", cases=given("one", "1"))
    page = act(cast, csrf, "/new", 409, name="support", cases=given("two", "2"))
    assert "There is a set of that name" in page.text
    assert len(sets(cast).versions(cast.project)) == 1


def test_a_case_is_changed_and_left_out_by_new_versions(cast: Cast) -> None:
    csrf = sign_in(cast)
    lines = "\n".join([given("one", "1"), given("two", "2")])
    act(cast, csrf, "/new", name="a/b c", cases=lines, use_no_apology="on")
    form = look(cast, "/new", set="a/b c", case="two")
    assert json.loads(form.areas[0])["pregenerated_response"] == "2"
    act(cast, csrf, "/drop", set="a/b c", case="one")
    assert names(cast, "a/b c", 2) == ["two"]
    assert names(cast, "a/b c", 1) == ["one", "two"]
    assert [one.evaluator for one in sets(cast).version(cast.project, "a/b c", 2).evaluators] == [
        "no_apology"
    ]
    act(cast, csrf, "/drop", 409, set="a/b c", case="two")


def test_one_case_is_changed_in_a_form_that_keeps_what_it_does_not_show(cast: Cast) -> None:
    csrf = sign_in(cast)
    line = given("one", "1", metadata={"plan": "pro"}, evaluators=[{"evaluator": "no_refusal"}])
    act(cast, csrf, "/new", name="a/b", cases="\n".join([line, given("two", "2")]))
    page = look(cast, "/cases/a%2Fb", case="one")
    assert page.areas[:2] == ["Tell me of one", ""] and "no_refusal" in page.areas[-1]
    form = {"was": "one", "name": "uno", "has": "asked", "model": "ep-a", "role_1": "system"}
    form |= {"text_1": "Be kind.\r\nBe short.", "role_2": "user", "text_2": "Hi", "text_3": " "}
    act(cast, csrf, "/cases/a%2Fb", **form)
    changed, other = sets(cast).version(cast.project, "a/b", 2).cases
    assert (changed.name, changed.model, changed.pregenerated_response) == ("uno", "ep-a", None)
    assert [line.message for line in changed.messages] == ["Be kind.\nBe short.", "Hi"]
    assert changed.metadata == {"plan": "pro"} and changed.evaluators == ()
    assert other.name == "two"
    act(cast, csrf, "/cases/a%2Fb", 409, **{**form, "was": "", "name": "two"})
    refused = act(cast, csrf, "/cases/a%2Fb", 400, **{**form, "was": "uno", "model": ""})
    assert "Model: a model is expected" in refused.text
    added = {"name": "three", "has": "given", "answer": "3", "role_1": "user", "text_1": "Three?"}
    act(cast, csrf, "/cases/a%2Fb", **added)
    assert names(cast, "a/b", 3) == ["uno", "two", "three"]
    assert sets(cast).version(cast.project, "a/b", 3).cases[2].pregenerated_response == "3"


def test_cases_are_taken_away_as_they_can_be_given_again(cast: Cast) -> None:
    csrf = sign_in(cast)
    line = given("one", "=1+1", metadata={"plan": "pro"}, evaluators=[{"evaluator": "no_refusal"}])
    act(cast, csrf, "/new", name="support", cases=line)
    address = f"{home(cast)}/evaluations/sets/support"
    taken = cast.client.get(address, params={"format": "jsonl"})
    assert taken.headers["content-type"].startswith("application/x-ndjson")
    act(cast, csrf, "/new", name="copy", cases=taken.text)
    before, after = (sets(cast).version(cast.project, name, 1) for name in ("support", "copy"))
    assert before.cases == after.cases


def test_cases_come_a_page_at_a_time_and_are_searched(cast: Cast) -> None:
    csrf = sign_in(cast)
    lines = "\n".join(given(f"case-{number:02}", "ok") for number in range(30))
    act(cast, csrf, "/new", name="many", cases=lines)
    page = look(cast, "/sets/many")
    assert "Page 1 of 2" in page.text and "case-24" in page.text and "case-25" not in page.text
    assert "case-29" in look(cast, "/sets/many", page="2").text
    found = look(cast, "/sets/many", case="CASE-07").text
    assert "1 case fits" in found and "case-08" not in found


# ---- cases of conversations ------------------------------------------------------------------


def test_conversations_that_fit_become_masked_cases_that_name_them(cast: Cast) -> None:
    csrf = sign_in(cast)
    for number in range(3):
        plan = "pro" if number else "free"
        asked = f"Mail me at ana{number}@mail.example"
        talk(cast, asked, metadata={"plan": plan, "user_id": f"u{number}"})
    page = look(cast, "/talks", meta="plan:pro", days="all")
    assert "all 2 that fit" in page.text
    act(cast, csrf, "/talks?meta=plan:pro&days=all", name="real", which="all", given="yes")
    cases = sets(cast).version(cast.project, "real", 1).cases
    assert len(cases) == 2
    assert all("@mail.example" not in line.message for case in cases for line in case.messages)
    assert all(case.pregenerated_response == "On its way." for case in cases)
    assert all(case.conversation[1] for case in cases)
    assert "Its conversation" in look(cast, "/sets/real").links


def test_ticked_conversations_alone_go_into_the_next_version_of_a_set(cast: Cast) -> None:
    csrf = sign_in(cast)
    act(cast, csrf, "/new", name="support", cases=given("one", "1"), use_no_refusal="on")
    talk(cast, "Where is my card?", id="t/1", how="/thread", tenant_id="acme")
    talk(cast, "Where is my code?", id="t/2", how="/thread")
    page = look(cast, "/talks", days="all")
    boxes = {
        box["value"]: box["name"] for box in page.all("input") if box.get("type") == "checkbox"
    }
    form = {boxes["acme/t%2F1"]: "acme/t%2F1", "which": "some", "given": "yes"}
    act(cast, csrf, "/talks?days=all", set="support", **form)
    added = sets(cast).version(cast.project, "support", 2)
    assert [case.conversation for case in added.cases] == [("", ""), ("acme", "t/1")]
    assert [one.evaluator for one in added.evaluators] == ["no_refusal"]


def test_a_conversation_leads_to_the_form_that_adds_it(cast: Cast) -> None:
    csrf = sign_in(cast)
    talk(cast, "Where is my card?", id="here", how="/thread", tenant_id="acme")
    shown = cast.client.get(f"{home(cast)}/conversations/here", params={"tenant": "acme"})
    link = Page(shown.text).links["Add to a test set"]
    page = Page(cast.client.get(link).text)
    assert "Where is my card?" in page.text
    query = link.partition("?")[2]
    form = {"name": "mine", "given": "yes", "pick_1": "acme/here"}
    act(cast, csrf, f"/talks?{query}", **form)
    [case] = sets(cast).version(cast.project, "mine", 1).cases
    assert case.conversation == ("acme", "here")
    refused = act(cast, csrf, f"/talks?{query}", 400, name="none", given="yes")
    assert "None of these conversations can be a case" in refused.text


def test_lists_and_topics_lead_to_cases_of_what_they_show(cast: Cast) -> None:
    sign_in(cast)
    talk(cast, "Where is my card?", metadata={"plan": "pro"})
    shown = cast.client.get(f"{home(cast)}/conversations", params={"meta": "plan:pro"})
    link = Page(shown.text).links["Add to a test set"]
    assert link.endswith("/evaluations/talks?meta=plan:pro")


# ---- runs --------------------------------------------------------------------------------------


def test_a_run_says_its_cost_first_then_what_failed_first(cast: Cast) -> None:
    csrf = sign_in(cast)
    lines = "\n".join(
        [given("good", "Here it is."), given("bad", "I apologise for the inconvenience.")]
    )
    act(cast, csrf, "/new", name="support", cases=lines, use_no_apology="on", phrase="Here")
    before = look(cast, "/sets/support", iterations="3")
    assert "6 answers that the cases have are judged. No model is asked" in before.text
    id = run(cast, csrf, "support", 1)
    page = look(cast, f"/runs/{id}")
    assert "completed" in page.text and "50 % of 2 answers passed everything." in page.text
    assert page.text.index("inconvenience") < page.text.index("Here it is.")
    for outcome in ("passed", "passed in part", "failed", "could not be judged"):
        assert outcome in page.text
    assert page.links["failed 1"].endswith("?evaluator=no_apology&outcome=negative#answers")
    failed = look(cast, f"/runs/{id}", evaluator="no_apology", outcome="negative")
    assert "1 answer fits" in failed.text and "Here it is." not in failed.text
    assert "There is such a run already." in look(cast, "/sets/support").text
    assert "50 %" in look(cast).text and "support, version 1" in look(cast, "/runs").links


def test_what_an_endpoint_would_cost_at_most_is_said_before_a_run(cast: Cast) -> None:
    csrf = sign_in(cast)
    upstream = Upstream(base_url="http://127.0.0.1:9/v1", model="m-1")
    price = Price(input=Decimal(1), output=Decimal(1000), currency="USD")
    made = Endpoint(
        project=cast.project,
        id="ep-dear",
        name="Dear",
        upstreams=(upstream,),
        price=price,
        output_tokens=1000,
        created_at=cast.clock(),
    )
    Endpoints(cast.stores.engine, open_vault(cast.folder, "")).add(made)
    act(cast, csrf, "/new", name="support", cases="Where is it?\nWhy?", model="ep-dear")
    page = look(cast, "/sets/support", iterations="3")
    # Two cases, three times, a thousand tokens at a thousand dollars a million.
    assert "6 answers are asked for. They cost at most 6.00 USD" in page.text
    dear = act(cast, csrf, "/new", name="given", cases=given("one", "1"))
    assert "No model is asked" in dear.text
    assert "They cost at most 1.00 USD" in look(cast, "/sets/given", model="ep-dear").text


def test_rows_of_a_run_are_taken_away(cast: Cast) -> None:
    csrf = sign_in(cast)
    act(cast, csrf, "/new", name="support", cases=given("one", "=1+1"), use_no_apology="on")
    id = run(cast, csrf, "support", 1)
    address = f"{home(cast)}/evaluations/runs/{id}"
    text = cast.client.get(address, params={"format": "csv"}).text.lstrip("\ufeff")
    [row] = csv.DictReader(io.StringIO(text))
    assert (row["case"], row["evaluator"], row["evaluation"]) == ("one", "no_apology", "positive")
    assert row["answer"] == "'=1+1"
    told = cast.client.get(address, params={"format": "json"}).text
    assert "no_apology" in told
    assert cast.client.get(address, params={"format": "parquet"}).content.startswith(b"PAR1")


def test_progress_asks_for_the_page_anew_once_the_run_is_over(cast: Cast) -> None:
    csrf = sign_in(cast)
    act(cast, csrf, "/new", name="support", cases=given("one", "1"))
    id = run(cast, csrf, "support", 1)
    answer = cast.client.get(f"{home(cast)}/evaluations/runs/{id}/progress")
    assert answer.headers["HX-Refresh"] == "true"
    assert "hx-get" not in answer.text and "1 of 1 answers are judged." in Page(answer.text).text


def test_two_runs_are_compared_worst_first_and_chance_is_told(cast: Cast) -> None:
    csrf = sign_in(cast)
    sorry = "I'm sorry, I cannot help with that."
    good = "\n".join(given(f"c{number}", "Here it is.") for number in range(8))
    bad = "\n".join(
        given(f"c{number}", sorry if number < 7 else "Here it is.") for number in range(8)
    )
    act(cast, csrf, "/new", name="support", cases=good, use_no_apology="on", use_no_refusal="on")
    uses = {"use_no_apology": "on", "use_no_refusal": "on"}
    act(cast, csrf, "/new", set="support", copy="prior_version", cases=bad, **uses)
    first, second = run(cast, csrf, "support", 1), run(cast, csrf, "support", 2)
    page = look(cast, "/compare", before=first, now=second)
    assert "it got worse, by more than chance" in page.text
    assert "7 cases got worse, none better." in page.text
    assert page.text.index("c0") < page.text.index("c6")
    back = look(cast, "/compare", before=second, now=first)
    assert "it got better, by more than chance" in back.text
    same = look(cast, "/compare", before=first, now=first)
    assert "Nothing changed by more than chance." in same.text
    assert "Choose a run" in look(cast, "/compare").text


def test_one_case_that_fails_can_be_chance(cast: Cast) -> None:
    csrf = sign_in(cast)
    good = "\n".join(given(f"c{number}", "Here it is.") for number in range(8))
    act(cast, csrf, "/new", name="support", cases=good, use_no_apology="on")
    change = given("c3", "I apologise for the inconvenience.")
    form = {"copy": "prior_version", "use_no_apology": "on"}
    act(cast, csrf, "/new", set="support", cases=change, **form)
    ids = run(cast, csrf, "support", 1), run(cast, csrf, "support", 2)
    page = look(cast, "/compare", before=ids[0], now=ids[1])
    assert "It can be chance." in page.text and "More than chance." not in page.text
    assert "Nothing changed by more than chance." in page.text


# ---- evaluators ----------------------------------------------------------------------------------


def test_an_evaluator_is_made_changed_and_removed(cast: Cast) -> None:
    csrf = sign_in(cast)
    form = {"name": "Promises no date", "instructions": "No day is named."}
    context = {"context": "model_response_only"}
    page = act(cast, csrf, "/evaluators", **form, **context)
    assert "promises_no_date" in page.text and "inconclusive without a judge" in page.text
    act(cast, csrf, "/evaluators", 409, **form, **context)
    form["instructions"] = "No week is named."
    act(cast, csrf, "/evaluators/promises_no_date", **form, context="context_window")
    one = sets(cast).evaluators(cast.project)["promises_no_date"]
    assert (one.instructions, one.context.value, one.revision) == (
        "No week is named.",
        "context_window",
        2,
    )
    assert "Promises no date" in look(cast, "/new").text
    act(cast, csrf, "/evaluators/promises_no_date/remove")
    assert not sets(cast).evaluators(cast.project)


@pytest.mark.parametrize(
    ("field", "value"),
    [("name", "Regex"), ("name", "日期"), ("instructions", " "), ("context", "elsewhere")],
)
def test_what_is_no_evaluator_is_refused_with_what_was_written(
    cast: Cast, field: str, value: str
) -> None:
    csrf = sign_in(cast)
    form = {"name": "Kind", "instructions": "It is kind.", "context": "context_window"}
    page = act(cast, csrf, "/evaluators", 400, **{**form, field: value})
    assert any(given.get("aria-invalid") == "true" for given in page.all("input")) or (
        field in ("instructions", "context")
    )
    assert not sets(cast).evaluators(cast.project)


def test_every_built_in_evaluator_is_explained_with_what_it_does_without_a_judge(
    cast: Cast,
) -> None:
    sign_in(cast)
    page = look(cast, "/evaluators")
    for name in ("golden_response", "semantic_match", "json_schema", "cost"):
        assert name in page.text
    assert "embeddings on this server say how close both texts are" in page.text
    assert "This project has no judge" in page.text


# ---- who may -------------------------------------------------------------------------------------


def test_a_viewer_sees_everything_and_is_offered_no_change(cast: Cast) -> None:
    csrf = sign_in(cast)
    act(cast, csrf, "/new", name="support", cases=given("one", "1"), use_no_refusal="on")
    id = run(cast, csrf, "support", 1)
    sign_in(cast, Role.VIEWER)
    for path in ("", "/sets/support", "/runs", f"/runs/{id}", "/compare", "/evaluators"):
        page = look(cast, path)
        offered = {form["action"] for form in page.all("form") if form.get("method") == "post"}
        assert offered <= {"/language", "/signout"}
        assert not any("/new" in link or "/talks" in link for link in page.links.values())
