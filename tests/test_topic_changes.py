"""What people do with topics is checked, kept, and told with who did it."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest
from sqlalchemy import Engine

from causerie.errors import Conflict, Invalid, NotFound
from causerie.judging import Verdict, about_topic
from causerie.store.accounts import Accounts
from causerie.store.topics import Topics
from causerie.store.verdicts import Verdicts
from causerie.testing import Ticking
from causerie.topic_changes import TopicChanges, checked_definition
from causerie.topics import Definition, Template, Topic, TopicKind
from tests.topic_cast import NOW, suggested

WORDS = Definition(words=("refund",))


@pytest.fixture
def topics(engine: Engine) -> Topics:
    for project in ("mine", "theirs"):
        Accounts(engine).create_project(project, NOW, project)
    return Topics(engine)


@pytest.fixture
def verdicts(engine: Engine) -> Verdicts:
    return Verdicts(engine)


@pytest.fixture
def changes(topics: Topics, verdicts: Verdicts, clock: Ticking) -> TopicChanges:
    numbers = itertools.count(1)
    return TopicChanges(topics, verdicts, clock, lambda: f"t{next(numbers)}")


def made(changes: TopicChanges, name: str = "Refunds", project: str = "mine") -> Topic:
    return changes.define(project, "ann", name, TopicKind.KEYWORD, WORDS)


def told(topics: Topics, id: str) -> list[tuple[str, str, tuple[str, ...], str]]:
    events = reversed(topics.history("mine", id))
    return [(event.kind, event.by, event.others, event.detail) for event in events]


def test_a_topic_is_defined_and_told(changes: TopicChanges, topics: Topics) -> None:
    given = Definition(words=(" Refund ", "refund", "", "C++"), threshold=0.5, prompt="x")
    topic = changes.define("mine", "ann", "  Money  back ", TopicKind.KEYWORD, given)
    assert topic == topics.get("mine", topic.id)
    assert (topic.name, topic.definition) == ("Money back", Definition(words=("Refund", "C++")))
    assert told(topics, topic.id) == [("defined", "ann", (), "Money back")]


def test_its_revision_grows_only_with_what_it_matches(
    changes: TopicChanges, topics: Topics
) -> None:
    id = made(changes).id
    assert changes.change("mine", "ben", id, WORDS).revision == 1
    assert changes.rename("mine", "ben", id, "Other").revision == 1
    assert changes.pin("mine", "ben", id).revision == changes.hide("mine", "ben", id).revision == 1
    assert changes.change("mine", "ben", id, Definition(words=("money",))).revision == 2
    changes.pin("mine", "ben", id, pinned=False)
    changes.hide("mine", "ben", id, hidden=False)
    changes.hide("mine", "ben", id, hidden=False)
    kinds = [kind for kind, *_ in told(topics, id)]
    assert kinds == ["defined", "renamed", "pinned", "hidden", "changed", "unpinned", "shown"]
    assert topics.get("mine", id).name == "Other"


def test_old_verdicts_are_forgotten_with_the_question(
    changes: TopicChanges, verdicts: Verdicts
) -> None:
    asking = Definition(template=Template.INTENT, prompt="to cancel")
    topic = changes.define("mine", "ann", "Cancel", TopicKind.LLM, asking)
    asked = about_topic(topic, "stop it")
    verdicts.keep("mine", asked, Verdict(True), NOW)
    key = (asked.question, asked.digest)
    changes.rename("mine", "ann", topic.id, "Leaving")
    assert verdicts.find("mine", [key])
    changes.change("mine", "ann", topic.id, Definition(prompt="to stay"))
    assert not verdicts.find("mine", [key])


def test_topics_are_merged_and_come_apart(changes: TopicChanges, topics: Topics) -> None:
    a, b, c = (made(changes, name).id for name in "abc")
    topics.put(suggested("s"))
    changes.merge("mine", "ann", a, b)
    changes.merge("mine", "ann", b, c)
    changes.merge("mine", "ann", "s", a)
    for id, into in ((c, a), (a, a), (b, "s")):
        with pytest.raises(Conflict):
            changes.merge("mine", "ann", id, into)
    assert changes.unmerge("mine", "ann", b).merged_into == ""
    assert changes.merge("mine", "ann", c, a).merged_into == a
    assert told(topics, "s") == [("merged", "ann", (a,), "")]
    assert ("unmerged", "ann", (c,), "") in told(topics, b)


def test_what_was_part_of_a_deleted_topic_stands_for_itself(
    changes: TopicChanges, topics: Topics
) -> None:
    a, b = made(changes, "a").id, made(changes, "b").id
    changes.merge("mine", "ann", a, b)
    changes.delete("mine", "ann", b)
    assert [(one.id, one.merged_into) for one in topics.all("mine")] == [(a, "")]
    assert told(topics, b)[-1] == ("deleted", "ann", (), "b")


def test_a_suggested_topic_is_named_and_kept(changes: TopicChanges, topics: Topics) -> None:
    topics.put(suggested("s", "where is my parcel"))
    changes.rename("mine", "ann", "s", "Parcels")
    kept = changes.keep("mine", "ann", "s", examples=["where is it", "it is late"])
    assert (kept.kind, kept.name) == (TopicKind.SEMANTIC, "Parcels")
    assert kept.definition.examples == ("where is it", "it is late")
    assert topics.get("mine", "s").merged_into == kept.id
    assert changes.rename("mine", "ann", "s", " ").title == "about s"
    again = changes.keep("mine", "ann", "s", "Again")
    assert again.definition.examples == ("where is my parcel",)
    with pytest.raises(Conflict):
        changes.keep("mine", "ann", kept.id)
    with pytest.raises(Conflict):
        changes.delete("mine", "ann", "s")
    with pytest.raises(Conflict):
        changes.change("mine", "ann", "s", WORDS)


def test_another_projects_topics_are_not_there(changes: TopicChanges) -> None:
    mine, theirs = made(changes), made(changes, project="theirs")
    attempts: tuple[Callable[[], Topic], ...] = (
        lambda: changes.change("mine", "ann", theirs.id, WORDS),
        lambda: changes.rename("mine", "ann", theirs.id, "x"),
        lambda: changes.merge("mine", "ann", theirs.id, mine.id),
        lambda: changes.merge("mine", "ann", mine.id, theirs.id),
        lambda: changes.unmerge("mine", "ann", theirs.id),
        lambda: changes.pin("mine", "ann", theirs.id),
        lambda: changes.hide("mine", "ann", theirs.id),
        lambda: changes.delete("mine", "ann", theirs.id),
        lambda: changes.keep("mine", "ann", theirs.id),
    )
    for attempt in attempts:
        with pytest.raises(NotFound):
            attempt()


@pytest.mark.parametrize(
    ("kind", "definition", "field"),
    [
        (TopicKind.KEYWORD, Definition(), "words"),
        (TopicKind.KEYWORD, Definition(words=("x" * 101,)), "words"),
        (TopicKind.KEYWORD, Definition(words=("a\0",)), "words"),
        (TopicKind.KEYWORD, Definition(words=("\u200b",)), "words"),
        (TopicKind.KEYWORD, Definition(words=tuple(map(str, range(201)))), "words"),
        (TopicKind.KEYWORD, Definition(language_words={"a language": ("x",)}), "language_words"),
        (TopicKind.SEMANTIC, Definition(), "examples"),
        (TopicKind.SEMANTIC, Definition(examples=(" ",)), "examples"),
        (TopicKind.SEMANTIC, Definition(examples=("x" * 2_001,)), "examples"),
        (TopicKind.SEMANTIC, Definition(examples=("x",), threshold=1.1), "threshold"),
        (TopicKind.SEMANTIC, Definition(examples=("x",), threshold=float("nan")), "threshold"),
        (TopicKind.LLM, Definition(prompt=" "), "prompt"),
        (TopicKind.LLM, Definition(prompt="x" * 8_001), "prompt"),
        (TopicKind.SUGGESTED, Definition(), "kind"),
    ],
)
def test_what_cannot_match_is_refused_by_its_field(
    kind: TopicKind, definition: Definition, field: str
) -> None:
    with pytest.raises(Invalid) as refused:
        checked_definition(kind, definition)
    assert refused.value.field == field


def test_a_topic_needs_a_name(changes: TopicChanges) -> None:
    for name in ("", "  ", "x" * 81):
        with pytest.raises(Invalid):
            made(changes, name)
    with pytest.raises(Invalid):
        changes.rename("mine", "ann", made(changes).id, "")
