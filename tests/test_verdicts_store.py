"""Verdicts in the state store, and a day's calls, which no number of processes exceeds."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import Engine

from causerie.judging import Verdict, about_topic
from causerie.store.accounts import Accounts
from causerie.store.state import open_state
from causerie.store.verdicts import Day, Verdicts, day_of
from tests.topic_cast import NOW, llm

TODAY = day_of(NOW)


@pytest.fixture
def verdicts(engine: Engine) -> Verdicts:
    for project in ("mine", "theirs"):
        Accounts(engine).create_project(project, NOW, project)
    return Verdicts(engine)


@pytest.fixture
def other(engine: Engine) -> Iterator[Verdicts]:
    """As another process has it."""
    more = open_state(engine.url.render_as_string(hide_password=False))
    yield Verdicts(more)
    more.dispose()


def test_an_answer_is_found_again_for_its_text_question_and_project(verdicts: Verdicts) -> None:
    asked = [about_topic(llm("t"), text) for text in ("a", "b")]
    changed = about_topic(llm("t", revision=2), "a")
    verdicts.keep("mine", asked[0], Verdict(True, "Why"), NOW, tokens=7)
    verdicts.keep("mine", asked[0], Verdict(False, "On second thoughts"), NOW)
    keys = [(one.question, one.digest) for one in (*asked, changed)]
    assert verdicts.find("mine", keys) == {keys[0]: Verdict(False, "On second thoughts")}
    assert verdicts.find("theirs", keys) == verdicts.find("mine", []) == {}
    verdicts.forget("mine", changed.question)
    assert len(verdicts.find("mine", keys)) == 1
    verdicts.forget("mine", asked[0].question)
    assert verdicts.find("mine", keys) == {}


def test_many_texts_are_looked_up_at_once(verdicts: Verdicts) -> None:
    asked = [about_topic(llm("t"), str(number)) for number in range(1_200)]
    for one in asked[::100]:
        verdicts.keep("mine", one, Verdict(True), NOW)
    assert len(verdicts.find("mine", [(one.question, one.digest) for one in asked])) == 12


def test_a_days_calls_are_counted_before_they_are_made(verdicts: Verdicts) -> None:
    assert [verdicts.reserve("mine", TODAY, 2) for _ in range(3)] == [True, True, False]
    assert not verdicts.reserve("theirs", TODAY, 0) and verdicts.reserve("theirs", TODAY, 1)
    verdicts.give_back("mine", TODAY)
    assert verdicts.reserve("mine", TODAY, 2) and not verdicts.reserve("mine", TODAY, 2)
    verdicts.keep("mine", about_topic(llm("t"), "a"), Verdict(True), NOW, tokens=9)
    assert verdicts.day("mine", TODAY) == Day(2, 9)
    assert verdicts.day("mine", "2026-05-21") == Day()
    assert verdicts.reserve("mine", day_of(NOW + timedelta(days=1)), 1)


def test_two_processes_together_never_make_more(verdicts: Verdicts, other: Verdicts) -> None:
    def reserve(number: int) -> bool:
        return (verdicts, other)[number % 2].reserve("mine", TODAY, 25)

    with ThreadPoolExecutor(8) as threads:
        granted = list(threads.map(reserve, range(60)))
    assert granted.count(True) == 25 == verdicts.day("mine", TODAY).calls


def test_a_day_is_one_in_utc() -> None:
    late = datetime(2026, 5, 20, 23, 0, tzinfo=timezone(timedelta(hours=-5)))
    assert day_of(late) == "2026-05-21" == day_of(datetime(2026, 5, 21, tzinfo=UTC))
