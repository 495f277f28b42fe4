"""Funnels on random worlds: what the engine says is what plain Python says."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from causerie.funnels import Funnel, Funnels, Step, passage
from causerie.reports import Question, Reports
from causerie.store.events import EventStore
from causerie.store.events_schema import CONVERSATIONS, MEANINGS, MESSAGES
from causerie.topic_trees import TopicTree
from tests.kept_rows import put
from tests.understood import found_topic

START = datetime(2026, 5, 1, tzinfo=UTC)
SPAN = timedelta(days=20)
FIRST, POST, LATE = Step("first"), Step("topic", "post"), Step("topic", "late")
CHECKOUT, REFUND = Step("event", "Checkout"), Step("event", "Refund")
TREE = TopicTree([found_topic("p", "post", "Post"), found_topic("p", "late", "Late", "post")])


@dataclass(frozen=True)
class Item:
    """Something that can be a step, in the order in which it counts."""

    at: datetime
    rank: int
    position: int
    tenant: str
    conversation: str
    steps: frozenset[Step]

    @property
    def order(self) -> tuple[Any, ...]:
        return (self.at, self.rank, self.position, self.tenant, self.conversation)


@dataclass(frozen=True)
class Talk:
    """A conversation of a user."""

    tenant: str
    id: str
    user: str
    at: datetime
    model: str
    plan: str
    topics: list[str]
    """Of its messages, one each; empty for none."""
    events: list[str]

    @property
    def items(self) -> list[Item]:
        """Its messages and events, which come by turns, some at one time."""
        found = [Item(self.at, 0, 0, self.tenant, self.id, frozenset({FIRST}))]
        for place, topic in enumerate(self.topics):
            steps = {"late": {LATE, POST}, "post": {POST}}.get(topic, set())
            found.append(self._item(place * 2, frozenset(steps)))
        for place, name in enumerate(self.events):
            found.append(self._item(place * 2 + 1, frozenset({Step("event", name)})))
        return found

    def _item(self, position: int, steps: frozenset[Step]) -> Item:
        at = self.at + timedelta(minutes=7 * (position // 2))
        return Item(at, 1, position, self.tenant, self.id, steps)


def world() -> list[Talk]:
    draw = random.Random(3)
    return [
        Talk(
            tenant=draw.choice(["", "acme"]),
            id=f"c{number}",
            user=draw.choice(["", *(f"u{number}" for number in range(12))]),
            at=START + timedelta(hours=draw.randrange(int(SPAN / timedelta(hours=1)))),
            model=draw.choice(["small", "large"]),
            plan=draw.choice(["", "free"]),
            topics=draw.choices(["late", "post", ""], k=draw.randrange(4)),
            events=draw.choices(["Checkout", "Refund", "Other"], k=draw.randrange(3)),
        )
        for number in range(60)
    ]


WORLD = world()


def keep(events: EventStore, project: str) -> None:
    for talk in WORLD:
        about: dict[str, Any] = {"project": project, "tenant": talk.tenant}
        row = {
            **about,
            "id": talk.id,
            "started_at": talk.at,
            "ended_at": talk.at,
            "user": talk.user,
            "model": talk.model,
            "metadata": {"plan": talk.plan} if talk.plan else {},
            "suggested": sorted({topic for topic in talk.topics if topic}),
        }
        put(events, CONVERSATIONS, [row])
        of = {**about, "conversation": talk.id}
        for item in talk.items:
            here = {**of, "position": item.position, "at": item.at}
            (event,) = [step.name for step in item.steps if step.kind == "event"] or [""]
            if event:
                put(
                    events,
                    MESSAGES,
                    [{**here, "id": str(item.position), "kind": "event", "name": event}],
                )
            elif item.rank:
                topic = talk.topics[item.position // 2]
                meant = {"message": str(item.position), "role": "user", "suggested": topic}
                put(events, MEANINGS, [{**here, **meant}])
    about = {"project": project}
    # What is no user's, and what is no event, is no step.
    talk = WORLD[0]
    of = {**about, "tenant": talk.tenant, "conversation": talk.id, "at": talk.at}
    put(events, MEANINGS, [{**of, "message": "x", "role": "assistant", "suggested": "late"}])
    put(events, MESSAGES, [{**of, "id": "x", "kind": "tool", "name": "Checkout"}])


@pytest.fixture(scope="module")
def kept() -> set[int]:
    """The engines that have the world."""
    return set()


@pytest.fixture
def question(events: EventStore, kept: set[int]) -> Question:
    project = f"funnels-{id(events)}"
    if id(events) not in kept:
        kept.add(id(events))
        keep(events, project)
    return Question(project, START, START + SPAN, tenant=None, per_page=100)


@pytest.fixture
def funnels(events: EventStore) -> Funnels:
    return Funnels(events, Reports(events))


def subjects(funnel: Funnel) -> list[list[Item]]:
    """The items of each conversation or user that can be a step, in order."""
    found: dict[tuple[str, str], list[Item]] = defaultdict(list)
    for talk in WORLD:
        if funnel.by == "conversation" or talk.user:
            key = (talk.tenant, talk.user if funnel.by == "user" else talk.id)
            found[key] += [item for item in talk.items if item.steps & set(funnel.steps)]
    return [sorted(items, key=lambda item: item.order) for items in found.values()]


def best(items: Sequence[Item], funnel: Funnel) -> tuple[Item, ...]:
    """By trying all ways: the longest chain, of those the one whose items are the earliest."""
    window = timedelta(days=funnel.days if funnel.by == "user" else 1_000)

    def onwards(after: int, chain: tuple[Item, ...]) -> tuple[Item, ...]:
        longest = chain
        for place in range(after, len(items)):
            item = items[place]
            if chain and item.at - chain[0].at > window:
                break
            if len(chain) < len(funnel.steps) and funnel.steps[len(chain)] in item.steps:
                found = onwards(place + 1, (*chain, item))
                longest = found if len(found) > len(longest) else longest
        return longest

    return onwards(0, ())


def plainly(funnel: Funnel) -> list[tuple[int, float]]:
    """How many reached each step, and the median minutes since the one before."""
    chains = [best(items, funnel) for items in subjects(funnel)]
    found = []
    for place in range(len(funnel.steps)):
        those = [chain for chain in chains if len(chain) > place]
        gaps = [(chain[place].at - chain[place - 1].at) / timedelta(minutes=1) for chain in those]
        found.append((len(those), median(gaps) if place and gaps else 0.0))
    return found


STEPS = st.lists(
    st.sampled_from([FIRST, POST, LATE, CHECKOUT, REFUND]), min_size=2, max_size=4
).map(tuple)
FUNNELS = st.builds(
    Funnel, steps=STEPS, by=st.sampled_from(["conversation", "user"]), days=st.sampled_from([1, 4])
)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(funnel=FUNNELS)
def test_as_many_get_as_far_as_plain_python_says(
    funnels: Funnels, question: Question, funnel: Funnel
) -> None:
    whole = funnels.pass_through(question, funnel, TREE).whole
    expected = plainly(funnel)
    assert [step.count for step in whole.steps] == [count for count, _ in expected]
    gaps = [step.gap / timedelta(minutes=1) if step.gap else 0.0 for step in whole.steps]
    assert gaps == pytest.approx([gap for _, gap in expected])


def test_the_world_has_something_of_all(question: Question) -> None:
    # Else the test above would say nothing.
    for by in ("conversation", "user"):
        counts = [count for count, _ in plainly(Funnel((FIRST, LATE, CHECKOUT), by=by, days=4))]
        assert counts[0] > counts[1] > counts[2] > 0, by


def test_parts_are_told_apart_by_where_it_began(funnels: Funnels, question: Question) -> None:
    funnel = Funnel((FIRST, CHECKOUT), split="model")
    passed = funnels.pass_through(question, funnel, TREE)
    assert {part.name for part in passed.parts} == {"small", "large"}
    for part in passed.parts:
        own = [talk for talk in WORLD if talk.model == part.name]
        checked_out = [talk for talk in own if "Checkout" in talk.events]
        assert (part.began, part.ended) == (len(own), len(checked_out))
        assert part.conversion.value == pytest.approx(len(checked_out) / len(own))
    assert sum(part.began for part in passed.parts) == passed.whole.began == len(WORLD)
    plans = funnels.pass_through(question, replace(funnel, split="meta", key="plan"), TREE)
    assert {part.name: part.began for part in plans.parts} == {
        plan: sum(talk.plan == plan for talk in WORLD) for plan in ("", "free")
    }
    topics = funnels.pass_through(question, replace(funnel, split="topic"), TREE)
    began = {part.name: part.began for part in topics.parts}
    # A theme counts for all that is in it.
    assert began["post"] == sum({"post", "late"} & set(talk.topics) != set() for talk in WORLD)
    assert began[""] == sum(not any(talk.topics) for talk in WORLD)


def test_each_step_leads_to_its_conversations(funnels: Funnels, question: Question) -> None:
    funnel = Funnel((FIRST, POST, CHECKOUT))
    chains = {items[0].conversation: best(items, funnel) for items in subjects(funnel)}
    for step in (1, 2, 3):
        page = funnels.reached(question, funnel, TREE, step, left=False)
        ids = {id for id, chain in chains.items() if len(chain) >= step}
        assert {row.id for row in page.rows} == ids and page.total == len(ids)
        left = funnels.reached(question, funnel, TREE, step, left=True)
        assert {row.id for row in left.rows} == {
            id for id, chain in chains.items() if len(chain) == step
        }
    first = funnels.reached(replace(question, per_page=2), funnel, TREE, 1, left=False)
    assert (len(first.rows), first.total) == (2, len(WORLD))


def test_filters_hold_for_who_is_counted(funnels: Funnels, question: Question) -> None:
    funnel = Funnel((FIRST, CHECKOUT))
    whole = funnels.pass_through(replace(question, model="small"), funnel, TREE).whole
    assert whole.began == sum(talk.model == "small" for talk in WORLD)
    nobody = funnels.pass_through(replace(question, user="nobody"), funnel, TREE)
    assert (nobody.whole.began, nobody.whole.conversion.value, nobody.parts) == (0, None, [])


def test_an_item_is_one_step_alone(funnels: Funnels, question: Question) -> None:
    whole = funnels.pass_through(question, Funnel((CHECKOUT, CHECKOUT)), TREE).whole
    twice = [talk for talk in WORLD if talk.events.count("Checkout") > 1]
    assert whole.ended == len(twice) > 0


def test_rows_become_shares_with_their_intervals() -> None:
    rows = [
        {"kind": "*", "name": "", "step": 1, "reached": 10, "gap": 0},
        {"kind": "*", "name": "", "step": 2, "reached": 5, "gap": 60_000_000},
    ]
    first, second, third = passage(rows, 3).whole.steps
    assert (first.count, first.gap, first.of_first.value) == (10, None, 1.0)
    assert (second.gap, second.of_first.value) == (timedelta(minutes=1), 0.5)
    assert second.of_first.low == pytest.approx(0.2366, abs=1e-3)
    assert (third.count, third.gap, third.of_first.value, third.of_last.value) == (0, None, 0, 0)
