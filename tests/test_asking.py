"""Asking a real server that follows a script: budget, failures, and nothing asked twice."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from time import monotonic

import msgspec
import pytest
from sqlalchemy import Engine

from causerie.asking import Answered, Asking
from causerie.endpoints import Endpoint, Upstream
from causerie.errors import Conflict, Unavailable
from causerie.judge import FindEndpoint, Judge, Patience
from causerie.judging import FUNCTION, about_topic
from causerie.meaning_settings import MeaningSettings, Service
from causerie.store.accounts import Accounts
from causerie.store.state import open_state
from causerie.store.verdicts import Verdicts, day_of
from causerie.testing import Ticking
from causerie.topics import Definition, Template
from tests.scripted_model import Reply
from tests.scripted_upstream import (
    ScriptedUpstream,
    Seen,
    answer,
    close_at_once,
    garbage,
    hold,
    refuse,
    status,
    tool_calls,
    wrong_shape,
)
from tests.topic_cast import NOW, keyword, llm

KEY = "sk-nobody-may-see-this"
HASTE = Patience(
    at_once=4, timeout_s=0.4, connect_timeout_s=0.4, backoff_s=0.01, wait_s_max=0.2, pause_s=0.3
)
TOPIC = llm("t", "wants money back")


def says(verdict: object, reason: str = "Because.") -> Reply:
    return tool_calls(FUNCTION, {"reason": reason, "verdict": verdict})


@dataclass
class Scene:
    """A project with a judge, and what the judge is asked."""

    engine: Engine
    verdicts: Verdicts
    clock: Ticking
    upstream: ScriptedUpstream

    def asking(
        self,
        patience: Patience = HASTE,
        verdicts: Verdicts | None = None,
        find: FindEndpoint = lambda project, id: None,
    ) -> Asking:
        verdicts = verdicts or self.verdicts
        return Asking(verdicts, Judge(verdicts, find, self.clock, patience))

    def settings(self, **given: object) -> MeaningSettings:
        judge = Service(url=self.upstream.url, model="scripted-1", key=KEY)
        usual = MeaningSettings(judge=judge, calls_per_day=50)
        return msgspec.structs.replace(usual, **given)

    def ask(self, *texts: str, asking: Asking | None = None, **given: object) -> Answered:
        return (asking or self.asking()).answer("mine", self.settings(**given), [TOPIC], texts)

    @property
    def calls(self) -> int:
        return self.verdicts.day("mine", day_of(self.clock())).calls


@pytest.fixture
def scene(sqlite_engine: Engine, clock: Ticking, upstream: ScriptedUpstream) -> Scene:
    return staged(sqlite_engine, clock, upstream)


def staged(engine: Engine, clock: Ticking, upstream: ScriptedUpstream) -> Scene:
    for project in ("mine", "theirs"):
        Accounts(engine).create_project(project, NOW, project)
    upstream.always(says(True))
    return Scene(engine, Verdicts(engine), clock, upstream)


def test_each_text_is_asked_about_once_for_each_revision(scene: Scene) -> None:
    asking, settings, other = scene.asking(), scene.settings(), llm("u", "is angry")
    topics = [TOPIC, keyword("k", "money"), other]
    found = asking.answer("mine", settings, topics, ["a", "b", "a", " "])
    assert found.verdicts["a"] == found.verdicts["b"] == {"t": True, "u": True}
    assert found.verdicts[" "] == {"t": False, "u": False}
    assert (found.complete, found.trouble, len(scene.upstream.requests)) == (True, "", 4)
    scene.upstream.always(says(False))
    again = scene.asking().answer("mine", settings, topics, ["b", "a"])
    assert again.complete and again.verdicts["a"]["t"] and len(scene.upstream.requests) == 4
    changed = asking.answer("mine", settings, [llm("t", "is glad", revision=2)], ["a"])
    assert changed.verdicts == {"a": {"t": False}} and len(scene.upstream.requests) == 5
    assert asking.reasons("mine", topics, "a") == {"t": "Because.", "u": "Because."}


def test_what_is_tried_costs_calls_and_is_not_kept(scene: Scene) -> None:
    asking, settings = scene.asking(), scene.settings(calls_per_day=3)
    tried = Definition(template=Template.INTENT, prompt="wants money back")
    found = asking.try_out("mine", settings, tried, ["a", "b"])
    assert {text: list(by.values()) for text, by in found.verdicts.items()} == {
        "a": [True],
        "b": [True],
    }
    assert scene.calls == 2
    scene.upstream.always(says(False))
    other = Definition(template=Template.INTENT, prompt="is glad")
    found = asking.try_out("mine", settings, other, ["a", "b"])
    # Nothing of the other definition counts, and the day's calls are used up.
    assert [list(by.values()) for by in found.verdicts.values()].count([False]) == 1
    assert scene.calls == 3 and found.trouble and not found.complete


def test_the_request_is_a_forced_call_and_has_the_key(scene: Scene) -> None:
    scene.ask("Where is my money?")
    seen = scene.upstream.last
    assert seen.headers["authorization"] == f"Bearer {KEY}"
    assert seen.body["model"] == "scripted-1" and "stream" not in seen.body
    assert seen.body["tool_choice"] == {"type": "function", "function": {"name": FUNCTION}}
    assert [one["role"] for one in seen.messages] == ["system", "user"]
    assert seen.messages[1]["content"] == "Where is my money?"


def test_calls_and_tokens_are_counted_and_nothing_else_is_kept(scene: Scene) -> None:
    scene.ask("a", "b")
    day = scene.verdicts.day("mine", day_of(scene.clock()))
    assert day.calls == 2 and day.tokens > 2
    with scene.engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM inbox").scalar() == 0


def test_missing_tells_what_would_be_asked(scene: Scene) -> None:
    asking = scene.asking()
    assert asking.missing("mine", [TOPIC], ["a", "b", "a", ""]) == ["a", "b"]
    scene.ask("a", asking=asking)
    assert asking.missing("mine", [TOPIC], ["a", "b"]) == ["b"]
    assert asking.missing("mine", [llm("t", revision=2)], ["a"]) == ["a"]
    assert asking.missing("theirs", [TOPIC], ["a"]) == ["a"]
    assert asking.missing("mine", [keyword("k", "x")], ["a"]) == []


def test_without_a_judge_what_is_kept_is_told(scene: Scene) -> None:
    scene.ask("a")
    found = scene.ask("a", "b", judge=Service())
    assert found.verdicts == {"a": {"t": True}, "b": {}} and not found.complete
    assert "no model" in found.trouble
    assert scene.ask("a", judge=Service()) == Answered({"a": {"t": True}}, True, "")


def test_a_day_has_its_budget_and_midnight_a_new_one(scene: Scene) -> None:
    found = scene.ask("a", "b", "c", "d", calls_per_day=2)
    assert (scene.calls, len(scene.upstream.requests), found.complete) == (2, 2, False)
    assert "2 calls are used up" in found.trouble
    assert scene.ask("a", "b", "c", "d", calls_per_day=0).trouble
    assert len(scene.upstream.requests) == 2
    scene.clock.now += timedelta(days=1)
    assert scene.ask("a", "b", "c", "d", calls_per_day=2).complete


def test_two_judges_together_keep_to_one_budget(
    engine: Engine, clock: Ticking, upstream: ScriptedUpstream
) -> None:
    scene = staged(engine, clock, upstream)
    second = open_state(engine.url.render_as_string(hide_password=False))
    texts = [[f"{who} {number}" for number in range(20)] for who in "ab"]
    stores = (scene.verdicts, Verdicts(second))

    def work(who: int) -> None:
        scene.ask(*texts[who], asking=scene.asking(verdicts=stores[who]), calls_per_day=13)

    threads = [threading.Thread(target=work, args=(who,)) for who in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(upstream.requests) == scene.calls == 13
    second.dispose()


def test_no_more_are_on_their_way_than_may_be(scene: Scene) -> None:
    scene.upstream.always(hold())
    patient = replace(HASTE, timeout_s=20.0)
    found: list[Answered] = []
    texts = [str(number) for number in range(9)]

    def work() -> None:
        found.append(scene.ask(*texts, asking=scene.asking(patient)))

    thread = threading.Thread(target=work)
    thread.start()
    scene.upstream.until(lambda: len(scene.upstream.requests) == 4)
    scene.upstream.always(says(False))
    assert len(scene.upstream.requests) == 4
    scene.upstream.release()
    thread.join()
    # Those that were held said something, but no verdict: they were asked again, plainly.
    assert found[0].complete and len(scene.upstream.requests) == 13


def test_who_cannot_be_reached_costs_nothing(scene: Scene) -> None:
    nowhere = Service(url="http://127.0.0.1:9/v1", model="m", key=KEY)
    found = scene.ask("a", judge=nowhere)
    assert (found.verdicts, found.complete, scene.calls) == ({"a": {}}, False, 0)
    assert found.trouble == "the model's provider cannot be reached"


def test_a_wrong_key_is_told_at_once_and_never_shown(scene: Scene) -> None:
    scene.upstream.always(status(401).but(raw=json.dumps({"error": f"no {KEY}"}).encode()))
    asking = scene.asking()
    found = scene.ask(*"abcdefgh", asking=asking)
    assert len(scene.upstream.requests) <= HASTE.at_once and not found.complete
    assert "key" in found.trouble and KEY not in found.trouble
    count = len(scene.upstream.requests)
    assert scene.ask("a", asking=asking).trouble == found.trouble
    assert asking.trouble("mine", scene.settings()) == found.trouble
    assert len(scene.upstream.requests) == count
    # Another key is another start.
    scene.upstream.always(says(True))
    judge = Service(url=scene.upstream.url, model="scripted-1", key="sk-other")
    assert scene.ask("a", asking=asking, judge=judge).complete


def test_who_is_busy_is_asked_again_when_it_says(scene: Scene) -> None:
    scene.upstream.then(refuse(429, retry_after="0.1"), status(500), says(True))
    began = monotonic()
    assert scene.ask("a").verdicts == {"a": {"t": True}}
    assert monotonic() - began >= 0.1 and scene.calls == len(scene.upstream.requests) == 3


def test_who_wants_long_peace_gets_it(scene: Scene) -> None:
    scene.upstream.then(*[refuse(429, retry_after="600")] * 4)
    asking = scene.asking()
    found = scene.ask(*"abcdefgh", asking=asking)
    assert "over its limit" in found.trouble and len(scene.upstream.requests) <= 4
    assert not scene.ask("a", asking=asking).complete


def test_after_failures_in_a_row_there_is_a_pause(scene: Scene) -> None:
    scene.upstream.always(status(500))
    asking = scene.asking(replace(HASTE, at_once=1, attempts=1))
    found = scene.ask(*"abcdefgh", asking=asking)
    assert len(scene.upstream.requests) == HASTE.failures and "500" in found.trouble
    scene.upstream.always(says(True))
    assert scene.ask("a", asking=asking).trouble == found.trouble
    assert len(scene.upstream.requests) == HASTE.failures
    scene.upstream.until(lambda: scene.ask("a", asking=asking).complete)
    assert asking.trouble("mine", scene.settings()) == ""


def test_one_failure_among_answers_stops_nothing(scene: Scene) -> None:
    scene.upstream.then(says(True), *[status(500)] * 3, says(False))
    asking = scene.asking(replace(HASTE, at_once=1))
    found = scene.ask("a", "b", "c", asking=asking)
    assert found.verdicts == {"a": {"t": True}, "b": {}, "c": {"t": False}}
    assert not found.complete and "500" in found.trouble
    assert scene.ask("a", "b", "c", asking=asking).complete


@pytest.mark.parametrize("reply", [garbage(), wrong_shape(), close_at_once()])
def test_what_is_no_completion_is_no_verdict_and_not_kept(scene: Scene, reply: Reply) -> None:
    scene.upstream.always(reply)
    found = scene.ask("a")
    assert found.verdicts == {"a": {}} and found.trouble.startswith("the model's provider")
    scene.upstream.always(says(True))
    assert scene.ask("a").complete


def test_who_hangs_is_left(scene: Scene) -> None:
    scene.upstream.then(hold())
    found = scene.ask("a")
    assert found.verdicts == {"a": {}} and "did not answer within 0.4 s" in found.trouble
    assert scene.calls == len(scene.upstream.requests) == 1


def test_a_round_ends_in_time(scene: Scene) -> None:
    scene.upstream.always(says(True).but(wait_s=0.1))
    patience = replace(HASTE, at_once=1, round_s=0.6, timeout_s=10.0)
    found = scene.ask(*map(str, range(50)), asking=scene.asking(patience))
    assert (found.complete, found.trouble) == (False, "")
    assert 1 <= len(scene.upstream.requests) < 50


def test_a_verdict_that_is_no_boolean_is_asked_for_plainly(scene: Scene) -> None:
    scene.upstream.then(says("true"), answer('{"reason": "Yes.", "verdict": true}'))
    asking = scene.asking()
    assert scene.ask("a", asking=asking).verdicts == {"a": {"t": True}}
    assert "tools" not in scene.upstream.last.body
    # From now on plainly at once.
    scene.upstream.then(answer('```json\n{"verdict": false}\n```'))
    assert scene.ask("b", asking=asking).verdicts == {"b": {"t": False}}
    assert scene.calls == len(scene.upstream.requests) == 3


def test_who_refuses_functions_is_asked_without(scene: Scene) -> None:
    scene.upstream.then(status(400), answer('{"verdict": true}'))
    assert scene.ask("a").verdicts == {"a": {"t": True}}


def test_a_model_without_verdicts_is_never_a_match_nor_asked_for_ever(scene: Scene) -> None:
    scene.upstream.always(answer("Well, that depends."))
    asking = scene.asking(replace(HASTE, at_once=1))
    found = scene.ask("a", asking=asking)
    assert found.verdicts == {"a": {"t": False}} and len(scene.upstream.requests) == 2
    assert scene.ask("a", asking=asking).complete and len(scene.upstream.requests) == 2
    assert asking.reasons("mine", [TOPIC], "a") == {}
    many = scene.ask(*"bcdefghij", asking=asking)
    assert not many.complete and "no verdicts" in many.trouble


def test_a_call_that_a_kill_left_open_stays_counted(scene: Scene) -> None:
    scene.verdicts.reserve("mine", day_of(scene.clock()), 2)
    found = scene.ask("a", "b", calls_per_day=2)
    assert len(scene.upstream.requests) == 1 and not found.complete


class Torn(Verdicts):
    """A store that goes away in the middle."""

    def reserve(self, project: str, day: str, most: int) -> bool:
        raise Unavailable("the state store cannot be reached")


def test_what_cannot_be_counted_is_not_asked(scene: Scene) -> None:
    found = scene.ask("a", "b", asking=scene.asking(verdicts=Torn(scene.engine)))
    assert not found.complete and "state store" in found.trouble
    assert not scene.upstream.requests


def endpoint(*urls: str) -> Callable[[str, str], Endpoint | None]:
    upstreams = tuple(Upstream(base_url=url, model=f"m-{n}") for n, url in enumerate(urls))
    made = Endpoint(
        project="mine",
        id="ep-judge",
        name="Judge",
        upstreams=upstreams,
        created_at=NOW,
        defaults={"top_p": 0.5, "temperature": 1},
    )
    return lambda project, id: made if (project, id) == ("mine", "ep-judge") else None


def test_an_endpoint_of_the_gateway_is_asked_with_what_it_has(scene: Scene) -> None:
    find = endpoint("http://127.0.0.1:9/v1", scene.upstream.url)
    asking = scene.asking(find=find)
    judge = Service(endpoint="ep-judge")
    assert scene.ask("a", asking=asking, judge=judge).complete
    body = scene.upstream.last.body
    assert (body["model"], body["top_p"], body["temperature"]) == ("m-1", 0.5, 0)
    assert scene.calls == 1
    gone = scene.ask("b", asking=asking, judge=Service(endpoint="ep-gone"))
    assert "ep-gone is gone" in gone.trouble


def test_a_secret_that_is_another_is_told(scene: Scene) -> None:
    def find(project: str, id: str) -> Endpoint | None:
        raise Conflict("encrypted with another secret")

    judge = Service(endpoint="ep-judge")
    found = scene.ask("a", asking=scene.asking(find=find), judge=judge)
    assert "another secret" in found.trouble


def test_foreign_texts_are_translated_once(scene: Scene) -> None:
    scene.upstream.always(answer("Hello"))
    asking, settings = scene.asking(), scene.settings(translates_to="en")
    texts = [("Bonjour", "fr"), ("Hi", "en"), ("???", "und"), ("你好", "zh"), (" ", "fr")]
    assert asking.missing_translations("mine", settings, texts) == ["Bonjour", "你好"]
    for _ in range(2):
        assert asking.translations("mine", settings, texts) == {"Bonjour": "Hello", "你好": "Hello"}
    assert len(scene.upstream.requests) == 2
    assert "into English" in scene.upstream.last.messages[0]["content"]
    assert asking.missing_translations("mine", settings, texts) == []
    nobody = scene.settings(translates_to="en", judge=Service())
    assert asking.translations("mine", nobody, texts) == {}
    assert asking.translations("mine", scene.settings(), texts) == {}


def test_names_are_polished_where_that_is_wanted_and_works(scene: Scene) -> None:
    asking = scene.asking(replace(HASTE, at_once=1))
    topics = [(["parcel", "late"], "where is it", "parcel, late"), (["card"], "my card", "card")]
    assert asking.polish("mine", scene.settings(), topics) == ["parcel, late", "card"]
    assert not scene.upstream.requests
    polishing = scene.settings(polishes_names=True)
    scene.upstream.then(answer('"Late parcels"'), *[answer("Sure!\nHere is one")] * 2)
    for _ in range(2):
        assert asking.polish("mine", polishing, topics) == ["Late parcels", "card"]
    assert len(scene.upstream.requests) == 3
    assert "where is it" in scene.upstream.requests[0].messages[1]["content"]


@pytest.fixture
def slow(scene: Scene) -> list[Seen]:
    scene.upstream.always(says(True).but(wait_s=0.02))
    return scene.upstream.requests


def test_an_answer_is_kept_as_it_comes(scene: Scene, slow: list[Seen]) -> None:
    patience = replace(HASTE, at_once=1, round_s=0.03, timeout_s=10.0)
    asking = scene.asking(patience)
    texts = [str(number) for number in range(6)]
    while not scene.ask(*texts, asking=asking).complete:
        known = scene.verdicts.find(
            "mine", [(one.question, one.digest) for one in (about_topic(TOPIC, t) for t in texts)]
        )
        assert len(known) == len(slow)
    assert len(slow) == 6
