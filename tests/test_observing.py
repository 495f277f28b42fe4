"""Online evaluators: every answer of the sample is judged once, whatever happens meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Engine, select, update

from causerie.answer_checks import inconclusive
from causerie.delivery import Delivery
from causerie.errors import Conflict, Invalid, NotFound
from causerie.evaluation_runs import Evaluation, Outcome, Reason
from causerie.evaluators import EvaluatorUse
from causerie.exchanges import API, Cost, Exchange
from causerie.observing import AGAIN_AFTER
from causerie.online_evaluators import OnlineEvaluator, changed, checked_online, is_sampled
from causerie.removals import Scope, Target
from causerie.store.accounts import Accounts
from causerie.store.event_removals import EventRemovals
from causerie.store.events import EventStore
from causerie.store.inbox import Inbox
from causerie.store.online_evaluators import OnlineEvaluators
from causerie.store.online_schema import online_evaluators
from causerie.store.outcomes import Outcomes
from causerie.store.state import transaction
from causerie.testing import Ticking
from causerie.topic_trees import TopicTree
from causerie.web.speech import speaking
from causerie.wording import tell
from tests.made_calls import NOON
from tests.online_cast import Watch
from tests.understood import kept_topic, understand

ASKED = EvaluatorUse("attempts_answer")


class Killed(Exception):
    """Stands for the end of the process."""


def yes(text: str) -> Evaluation:
    reasons = (Reason(True, f"{text} will do"),)
    return Evaluation(evaluator="attempts_answer", outcome=Outcome.POSITIVE, reasons=reasons)


@pytest.fixture
def watch(project_id: str, sqlite_engine: Engine, events: EventStore, clock: Ticking) -> Watch:
    return Watch(project_id, sqlite_engine, events, clock, yes)


@pytest.fixture
def embedded(
    project_id: str, sqlite_engine: Engine, embedded_events: EventStore, clock: Ticking
) -> Watch:
    return Watch(project_id, sqlite_engine, embedded_events, clock, yes)


def test_the_answers_of_a_sample_are_judged_once_and_a_larger_one_adds_to_it(watch: Watch) -> None:
    first = watch.evaluator("short", options={"max": 6}, percent=30)
    names = [(tenant, f"talk {at}") for at in range(60) for tenant in ("", "t")]
    for tenant, id in names:
        watch.say(id, "hello", id, tenant=tenant)
    watch.run()

    def wanted(share: int) -> dict[tuple[str, str], str]:
        return {
            (tenant, id): "pass" if len(id) <= 6 else "fail"
            for tenant, id in names
            if is_sampled(tenant, id, share)
        }

    found = {place[:2]: outcome for place, outcome in watch.outcomes("short").items()}
    assert found == wanted(3_000) and 10 < len(found) < 60
    watch.run()
    assert len(watch.judging.seen) == len(found)
    watch.online.change(first, changed(first, watch.clock(), percent=60.0))
    watch.run()
    more = {place[:2]: outcome for place, outcome in watch.outcomes("short").items()}
    assert more == wanted(6_000) and found.items() <= more.items()
    assert len(watch.judging.seen) == len(more), "what was judged is not judged again"


def test_a_thread_that_grows_has_its_new_answers_judged(watch: Watch) -> None:
    watch.evaluator("short", options={"max": 3})
    watch.say("T", "hello", "yes")
    watch.run()
    assert watch.outcomes("short") == {("", "T", "yes"): "pass"}
    watch.say("T", "and now?", "certainly not")
    watch.run()
    assert watch.outcomes("short") == {
        ("", "T", "yes"): "pass",
        ("", "T", "certainly not"): "fail",
    }
    assert watch.judging.seen == ["yes", "certainly not"]


def test_why_is_said_in_the_language_of_the_page_and_a_judge_as_it_put_it(watch: Watch) -> None:
    watch.evaluator("words", "context_contains_phrase", options={"phrases": ["yes", "it's"]})
    watch.evaluator("judge", ASKED.evaluator)
    watch.say("T", "hello", "yes")
    watch.run()
    [told] = Outcomes(watch.events).of_conversation(watch.project.id, "", "T").values()
    with speaking("zh"):
        said = {one.evaluator: [*map(tell, one.sentences)] for one in told}
    assert said == {"words": ["包含 'yes'。", '缺少 "it\'s"。'], "judge": ["yes will do"]}
    [words] = [one.reason for one in told if one.evaluator == "words"]
    assert words == "It has 'yes'. It lacks \"it's\"."


# ---- filters -----------------------------------------------------------------------------------


def understood_as(watch: Watch, id: str, tenant: str = "", **meaning: Any) -> None:
    """A conversation gets its meaning, as enrichment writes it."""

    def work(renewed: Callable[[], int]) -> None:
        version = renewed()
        understand(watch.events, watch.project.id, id, meaning, tenant=tenant, version=version)

    assert watch.delivery.rewrite(work)


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("tenant=acme", {"of acme", "all"}),
        ("tenant=%28none%29", {"of nobody"}),
        ("model=m-1&model=m-2", {"of m-1", "all"}),
        ("not_model=m-1", {"of nobody", "of acme"}),
        ("meta=plan:pro&tenant=acme", {"all"}),
    ],
)
def test_only_conversations_that_fit_its_filters_are_judged(
    watch: Watch, query: str, wanted: set[str]
) -> None:
    watch.evaluator("some", query=query)
    watch.say("of nobody", "hello", "of nobody")
    watch.say("of acme", "hello", "of acme", tenant="acme")
    watch.say("of m-1", "hello", "of m-1", tenant="other", metadata={"model": "m-1"})
    everything = {"model": "m-1", "plan": "pro"}
    watch.say("all", "hello", "all", tenant="acme", metadata=everything)
    watch.run()
    assert {id for _, id, _ in watch.outcomes("some")} == wanted
    watch.say("all", "again", "more of all", tenant="acme", metadata=everything)
    watch.run()
    fits = {"all", "more of all"} if "all" in wanted else set()
    assert {text for _, id, text in watch.outcomes("some") if id == "all"} == fits
    assert len(watch.judging.seen) == len(watch.outcomes("some")), "each was judged once"


def test_one_that_fits_once_it_is_understood_has_all_its_answers_judged(watch: Watch) -> None:
    watch.evaluator("french", query="language=fr")
    watch.say("T", "bonjour", "oui", "encore", "non")
    watch.say("other", "hello", "yes")
    watch.run()
    assert watch.outcomes("french") == {}
    understood_as(watch, "other", language="en")
    understood_as(watch, "T", language="fr")
    watch.run()
    assert {text for _, _, text in watch.outcomes("french")} == {"oui", "non"}
    watch.run()
    assert sorted(watch.judging.seen) == ["non", "oui"]


def test_a_topic_that_is_not_there_judges_nothing_until_it_is(embedded: Watch) -> None:
    embedded.evaluator("refunds", query="topic=t1")
    embedded.say("T", "hello", "yes")
    embedded.say("other", "hello", "no")
    embedded.run()
    understood_as(embedded, "T", topics=("t1",))
    embedded.run()
    assert embedded.judging.seen == []
    embedded.tree = TopicTree([kept_topic(embedded.project.id, "t1", "Refunds", "refund")])
    embedded.run()
    assert embedded.judging.seen == ["yes"]


def test_another_filter_adds_what_fits_it_and_takes_nothing_away(embedded: Watch) -> None:
    before = embedded.evaluator("some", query="tenant=a")
    for tenant in ("a", "b"):
        embedded.say("T", "hello", tenant, tenant=tenant)
    embedded.run()
    embedded.online.change(before, changed(before, embedded.clock(), query="tenant=b"))
    embedded.run()
    assert embedded.judging.seen == ["a", "b"]
    assert {tenant for tenant, _, _ in embedded.outcomes("some")} == {"a", "b"}


def test_one_that_was_kept_before_there_were_filters_goes_on(embedded: Watch) -> None:
    embedded.evaluator("old")
    with transaction(embedded.engine) as connection:
        document = connection.execute(select(online_evaluators.c.document)).scalar_one()
        older = document.replace('"query":"",', "")
        assert older != document
        connection.execute(update(online_evaluators).values(document=older))
    embedded.say("T", "hello", "yes")
    embedded.run()
    [work] = embedded.online.work(embedded.project.id)
    assert work.reached > 0
    embedded.online.change(work.online, changed(work.online, embedded.clock(), percent=50.0))
    assert embedded.online.get(embedded.project.id, "old").percent == 50.0


def test_what_was_said_before_it_was_there_is_not_judged(embedded: Watch) -> None:
    embedded.say("before", "hello", "yes")
    embedded.clock.move(seconds=60)
    embedded.evaluator("short", since=embedded.clock())
    embedded.clock.move(seconds=60)
    embedded.say("after", "hello", "yes")
    embedded.run()
    assert embedded.outcomes("short") == {("", "after", "yes"): "pass"}


@pytest.mark.parametrize("at", [1, 3])
@pytest.mark.parametrize("whose", ["evaluate", "keep", "reach"])
def test_a_kill_anywhere_costs_nothing_and_judges_nothing_twice_in_effect(
    embedded: Watch, monkeypatch: pytest.MonkeyPatch, whose: str, at: int
) -> None:
    monkeypatch.setattr("causerie.observing.AT_ONCE", 3)
    embedded.evaluator("short", options={"max": 8})
    for place in range(10):
        embedded.say(f"talk {place}", "hello", f"answer {place}" if place % 2 else "answer ten")
    calls = 0

    def dying(real: Callable[..., Any]) -> Callable[..., Any]:
        def work(*given: Any, **named: Any) -> Any:
            nonlocal calls
            calls += 1
            done = real(*given, **named) if calls <= at else None
            if calls == at:
                raise Killed
            return done

        return work

    owner = {"evaluate": embedded.judging, "keep": Outcomes, "reach": OnlineEvaluators}[whose]
    with monkeypatch.context() as patch:
        patch.setattr(owner, whose, dying(getattr(owner, whose)))
        try:
            embedded.run()
        except Killed:
            calls = -1
    embedded.observing = embedded.worker()
    embedded.run()
    assert embedded.outcomes("short") == {
        ("", f"talk {place}", f"answer {place}" if place % 2 else "answer ten"): "pass"
        if place % 2
        else "fail"
        for place in range(10)
    }
    # At most the portion that was under way was judged again.
    assert len(embedded.judging.seen) <= 13


def test_a_judge_that_fails_is_no_pass_and_is_asked_again_so_often(watch: Watch) -> None:
    watch.evaluator("tries", "attempts_answer")
    watch.judging.judge = lambda text: inconclusive(ASKED, "the provider is unwell")
    watch.say("T", "hello", "yes")
    watch.run()
    assert watch.outcomes("tries") == {("", "T", "yes"): "inconclusive"}
    watch.run()
    assert len(watch.judging.seen) == 1, "not before its time"
    for wait in (*AGAIN_AFTER, *AGAIN_AFTER):
        watch.clock.move(seconds=wait.total_seconds() + 1)
        watch.observing = watch.worker()
        watch.run()
    assert len(watch.judging.seen) == 1 + len(AGAIN_AFTER)
    assert watch.outcomes("tries") == {("", "T", "yes"): "inconclusive"}
    watch.judging.judge = yes
    watch.say("U", "hello", "no")
    watch.run()
    assert watch.outcomes("tries")["", "U", "no"] == "pass"


def test_a_judge_that_is_well_again_says_what_it_could_not(embedded: Watch) -> None:
    embedded.evaluator("tries", "attempts_answer")
    embedded.judging.judge = lambda text: inconclusive(ASKED, "the provider is unwell")
    for place in range(80):
        embedded.say(f"talk {place}", "hello", "yes")
    embedded.run()
    # While it fails at everything it is not asked about ever more.
    assert len(embedded.judging.seen) == 64
    embedded.judging.judge = yes
    embedded.clock.move(seconds=61)
    embedded.observing = embedded.worker()
    embedded.run()
    assert set(embedded.outcomes("tries").values()) == {"pass"}
    assert len(embedded.outcomes("tries")) == 80


def test_what_was_removed_while_it_was_judged_is_not_written(watch: Watch) -> None:
    watch.evaluator("tries", "attempts_answer")
    watch.say("gone", "hello", "yes")
    watch.say("stays", "hello", "no")
    watch.delivery.drain()

    def removing(text: str) -> Evaluation:
        target = Target(scope=Scope.CONVERSATION, names=("gone",), tenant="")

        def work(renewed: Callable[[], int]) -> None:
            removals, versions = EventRemovals(watch.events), [renewed()]
            removals.hide_conversations(watch.project.id, target, versions)
            removals.hide_rest(watch.project.id, target, versions)

        assert watch.delivery.rewrite(work)
        return yes(text)

    watch.judging.judge = removing
    watch.run()
    assert watch.outcomes("tries") == {("", "stays", "no"): "pass"}
    assert Outcomes(watch.events).tallies(watch.project.id) == {"tries": {"pass": 1}}


def test_what_goes_with_its_conversation_is_in_no_report(watch: Watch) -> None:
    watch.evaluator("short")
    watch.say("gone", "hello", "yes")
    watch.say("stays", "hello", "no")
    watch.run()
    target = Target(scope=Scope.CONVERSATION, names=("gone",), tenant="")
    removals = EventRemovals(watch.events)

    def work(renewed: Callable[[], int]) -> None:
        versions = [renewed()]
        removals.hide_conversations(watch.project.id, target, versions)
        removals.hide_rest(watch.project.id, target, versions)
        assert removals.marked(watch.project.id, versions)["outcomes"] == 1

    assert watch.delivery.rewrite(work)
    assert watch.outcomes("short") == {("", "stays", "no"): "pass"}


def test_another_question_is_asked_of_everything_anew(watch: Watch) -> None:
    before = watch.evaluator("short", options={"max": 2})
    watch.say("T", "hello", "yes")
    watch.run()
    assert watch.outcomes("short") == {("", "T", "yes"): "fail"}
    watch.online.change(before, changed(before, watch.clock(), options={"max": 3}))
    watch.run()
    assert watch.outcomes("short") == {("", "T", "yes"): "pass"}


def test_one_that_is_removed_takes_what_it_said_with_it(watch: Watch) -> None:
    for name in ("short", "other"):
        watch.evaluator(name)
    watch.say("T", "hello", "yes")
    watch.run()
    watch.online.remove(watch.project.id, "short")
    with pytest.raises(NotFound):
        watch.online.get(watch.project.id, "short")
    watch.run()
    assert watch.outcomes("short") == {}
    assert watch.outcomes("other") == {("", "T", "yes"): "pass"}
    watch.evaluator("short", options={"min": 9})
    watch.run()
    assert watch.outcomes("short") == {("", "T", "yes"): "fail"}


def test_one_that_is_off_judges_nothing_until_it_is_on_again(embedded: Watch) -> None:
    off = embedded.evaluator("short", enabled=False)
    embedded.say("T", "hello", "yes")
    embedded.run()
    assert embedded.outcomes("short") == {}
    embedded.online.change(off, changed(off, embedded.clock(), enabled=True))
    embedded.run()
    assert embedded.outcomes("short") == {("", "T", "yes"): "pass"}


def test_time_and_cost_are_those_of_the_call(watch: Watch) -> None:
    watch.evaluator("fast", "latency", options={"max_ms": 500})
    watch.evaluator("cheap", "cost", options={"max": 0.5})
    for id, took, cost in (("quick", 500, "0.6"), ("slow", 501, "0.5")):
        call = Exchange(
            id=f"call {id} {watch.project.id}",
            at=watch.clock() + timedelta(seconds=took),
            api=API.CHAT,
            key="k",
            endpoint="e",
            model="m",
            conversation=id,
            total_ms=took,
            cost=Cost(amount=Decimal(cost), currency="USD", prices=""),
        )
        watch.say(id, "hello", "yes", call=call)
    watch.say("logged", "hello", "yes")
    watch.run()
    assert {id: outcome for (_, id, _), outcome in watch.outcomes("fast").items()} == {
        "quick": "pass",
        "slow": "fail",
        "logged": "inconclusive",
    }
    assert {id: outcome for (_, id, _), outcome in watch.outcomes("cheap").items()} == {
        "quick": "fail",
        "slow": "pass",
        "logged": "inconclusive",
    }


def test_another_process_that_writes_is_the_one_that_judges(embedded: Watch) -> None:
    embedded.evaluator("short")
    embedded.say("T", "hello", "yes")
    embedded.delivery.drain()
    beside = Delivery(Inbox(embedded.engine), embedded.events, "other", embedded.clock, 1)
    own, embedded.delivery = embedded.delivery, beside
    embedded.worker().drain()
    assert embedded.outcomes("short") == {}
    embedded.delivery = own
    embedded.worker().drain()
    assert embedded.outcomes("short") == {("", "T", "yes"): "pass"}


ONLINE = OnlineEvaluator(
    project="p", name="a", evaluator="length", since=NOON, created_at=NOON, changed_at=NOON
)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": "x" * 65}, "name"),
        ({"percent": 0.0}, "percent"),
        ({"percent": 100.1}, "percent"),
        ({"percent": float("nan")}, "percent"),
        ({"evaluator": "golden_response"}, "evaluator"),
        ({"evaluator": "semantic_match"}, "evaluator"),
        ({"evaluator": "nobody"}, "evaluator"),
        ({"options": {"max": -1}}, "options"),
    ],
)
def test_what_cannot_be_is_refused_by_its_name(given: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        checked_online(changed(ONLINE, NOON, **given), {})
    assert refused.value.field == field


def test_who_changes_what_somebody_else_has_changed_is_told(
    engine: Engine, project_id: str
) -> None:
    Accounts(engine).create_project("P", NOON, project_id)
    online, store = changed(ONLINE, NOON, project=project_id), OnlineEvaluators(engine)
    store.add(online)
    with pytest.raises(Conflict):
        store.add(online)
    store.change(online, changed(online, NOON, percent=5.0))
    with pytest.raises(Conflict):
        store.change(online, changed(online, NOON, percent=6.0))
    assert store.get(project_id, "a").percent == 5.0
