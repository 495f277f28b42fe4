"""Engagement on random worlds, against a plain count; and the page that shows it."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import date, datetime, timedelta
from statistics import mean

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine

from causerie.buckets import bucket_start
from causerie.engagement import (
    MONTH,
    WEEK,
    Engagement,
    Gap,
    Talk,
    bucket_ends,
    gaps_of,
    variance,
    whole_weeks,
)
from causerie.reports import Question, Reports
from causerie.store.events import EventStore
from causerie.store.inbox import Inbox
from causerie.store.topics import Topics
from causerie.topic_trees import TopicTree
from causerie.visits import Standing, standing
from causerie.web.stacks import HEIGHT, TICKS_MAX, WIDTH, stack, step_of
from causerie.zones import day_of
from tests.conftest import Cast
from tests.test_dashboard import home, sign_in
from tests.test_retention import NOW, Visit, put, world
from tests.understood import found_topic, understand_all
from tests.web_page import Page

ZONE = "America/New_York"
Days = dict[tuple[str, str], list[date]]
"""Of each person the days on which they came, in order."""


def days_of(visits: list[Visit], zone: str) -> Days:
    found: dict[tuple[str, str], set[date]] = defaultdict(set)
    for tenant, user, at in visits:
        if user:
            found[(tenant, user)].add(day_of(at, zone))
    return {person: sorted(days) for person, days in found.items()}


def what(days: list[date], day: date) -> Standing:
    return standing(days[0], sum(each < day for each in days), day)


@pytest.fixture
def told(events: EventStore, sqlite_engine: Engine) -> Callable[[int], tuple[str, list[Visit]]]:
    def tell(seed: int) -> tuple[str, list[Visit]]:
        project, visits = f"engagement-{id(sqlite_engine)}-{seed}", world(seed)
        put(events, Inbox(sqlite_engine), project, visits)
        return project, visits

    return tell


def test_numbers_are_what_a_plain_count_finds(
    events: EventStore, told: Callable[[int], tuple[str, list[Visit]]]
) -> None:
    project, visits = told(5)
    report, reports = Engagement(events), Reports(events)
    for zone in ("UTC", ZONE):
        days = days_of(visits, zone)
        for period, back in (("day", 20), ("week", 60)):
            since = NOW - timedelta(days=back)
            question = Question(project, since, NOW, None, period=period, zone=zone)
            _check_reach(report, question, days)
            _check_habits(report, question, visits)
            _check_standings(report, reports, question, visits)


def _check_reach(report: Engagement, question: Question, days: Days) -> None:
    first = min(each[0] for each in days.values())
    found = report.reach(question, first)
    assert [one.day for one in found] == bucket_ends(question)
    for one in found:
        week, month = (
            {
                person: [day for day in each if timedelta() <= one.day - day < timedelta(days=of)]
                for person, each in days.items()
            }
            for of in (WEEK, MONTH)
        )
        assert one.of_day == sum(one.day in each for each in days.values())
        assert one.of_week == sum(bool(each) for each in week.values())
        assert one.of_month == sum(bool(each) for each in month.values())
        assert one.visits_of_week == sum(map(len, week.values()))
        assert one.visits_of_month == sum(map(len, month.values()))
        assert one.whole == ((one.day - first).days >= MONTH - 1)
        a_day = [
            sum(one.day - timedelta(days=ago) in each for each in days.values())
            for ago in range(MONTH)
        ]
        if one.of_month:
            assert one.daily_of_monthly == pytest.approx(mean(a_day) / one.of_month)


def _check_habits(report: Engagement, question: Question, visits: list[Visit]) -> None:
    whole = whole_weeks(question)
    assert whole is not None
    weeks: dict[tuple[str, str, date], set[date]] = defaultdict(set)
    for tenant, user, at in visits:
        day = day_of(at, question.zone)
        if user and whole.since <= at < whole.until:
            weeks[(tenant, user, bucket_start(day, "week"))].add(day)
    counted = Counter(len(days) for days in weeks.values())
    found = report.habits(question)
    assert {one.days: one.weeks for one in found if one.weeks} == dict(counted)


def _check_standings(
    report: Engagement, reports: Reports, question: Question, visits: list[Visit]
) -> None:
    days = days_of(visits, question.zone)
    people: dict[tuple[date, Standing], set[tuple[str, str]]] = defaultdict(set)
    conversations: Counter[tuple[date, Standing]] = Counter()
    for tenant, user, at in visits:
        if user and question.since <= at < question.until:
            day = day_of(at, question.zone)
            key = (bucket_start(day, question.period), what(days[(tenant, user)], day))
            people[key].add((tenant, user))
            conversations[key] += 1
    found = {
        (bucket.start, one): (group.people, group.conversations)
        for bucket in report.standings(question)
        for one, group in bucket.groups.items()
    }
    assert found == {key: (len(people[key]), conversations[key]) for key in people}
    for one in Standing:
        asked = Question(
            question.project, question.since, NOW, None, standing=one.value, zone=question.zone
        )
        total = sum(count for (_, of), count in conversations.items() if of is one)
        assert reports.totals(asked).conversations == total


@pytest.mark.parametrize(
    ("since", "until", "weeks"),
    [
        ("2026-05-04T00", "2026-05-18T00", 2),
        ("2026-05-05T00", "2026-05-17T23", 0),
        ("2026-05-05T00", "2026-05-18T00", 1),
        ("2026-05-04T00", "2026-05-10T12", 0),
    ],
)
def test_only_whole_weeks_have_habits(since: str, until: str, weeks: int) -> None:
    begin, end = (datetime.fromisoformat(f"{each}:00:00+00:00") for each in (since, until))
    whole = whole_weeks(Question("p", begin, end))
    assert (whole.until - whole.since if whole else timedelta()) == timedelta(weeks=weeks)


# ---- what they talk about ------------------------------------------------------------------------


def talk(counts: list[tuple[int, int]]) -> Talk:
    """Of each person how many conversations are about it, and how many they have."""
    return Talk(
        sum(1 for some, _ in counts if some),
        sum(some for some, _ in counts),
        sum(some**2 for some, _ in counts),
        sum(some * every for some, every in counts),
    )


def every(counts: list[tuple[int, int]]) -> Talk:
    return talk([(all_, all_) for _, all_ in counts])


def test_the_variance_of_a_share_is_that_of_drawing_people() -> None:
    draw = random.Random(3)
    people = []
    for _ in range(60):
        has, likes = draw.randint(1, 9), draw.random() < 0.3
        people.append((sum(draw.random() < (0.9 if likes else 0.02) for _ in range(has)), has))
    part, of = talk(people), every(people)
    share = part.conversations / of.conversations
    drawn = []
    for _ in range(4000):
        again = draw.choices(people, k=len(people))
        drawn.append(sum(some for some, _ in again) / sum(all_ for _, all_ in again))
    middle = mean(drawn)
    spread = mean((each - middle) ** 2 for each in drawn)
    assert variance(part, of, share) == pytest.approx(spread, rel=0.15)
    # Twice what it were if each conversation were drawn for itself.
    assert spread > 2 * share * (1 - share) / of.conversations


def test_one_person_who_repeats_themselves_is_no_difference() -> None:
    quiet = [(0, 3)] * 40
    new, veteran = [*quiet, (30, 30)], [(0, 3)] * 50
    gap = Gap("t", talk(new), talk(veteran), every(new), every(veteran))
    assert gap.share_new > 0.19 and gap.chance > 0.05
    many = [(1, 3)] * 30 + [(0, 3)] * 10
    gap = Gap("t", talk(many), talk(veteran), every(many), every(veteran))
    assert gap.chance < 0.001 and gap.interval[0] > 0


def test_among_many_topics_few_are_called_different_by_chance() -> None:
    draw = random.Random(8)
    tree = TopicTree(found_topic("p", f"t{number}", "T") for number in range(40))
    called = 0
    for _ in range(40):
        rows = []
        for who in ("new", "veteran"):
            people = [draw.randint(1, 6) for _ in range(50)]
            whole = every([(has, has) for has in people])
            rows.append(_row(who, "*", whole))
            for number in range(40):
                counts = [(sum(draw.random() < 0.1 for _ in range(has)), has) for has in people]
                rows.append(_row(who, f"t{number}", talk(counts)))
        called += any(gap.sure for gap in gaps_of(rows, tree).gaps)
    # Where nothing differs, one world in twenty has any.
    assert called <= 6


def _row(who: str, topic: str, of: Talk) -> dict[str, object]:
    return {
        "standing": who,
        "topic": topic,
        "people": of.people,
        "conversations": of.conversations,
        "squares": of.squares,
        "products": of.products,
    }


# ---- the page ------------------------------------------------------------------------------------


def test_a_stack_fills_its_height_and_stays_within() -> None:
    found = stack([[("a", 3, "#"), ("b", 1, "#")], [], [("a", 0, "#"), ("b", 2, "#")]])
    assert found.top == 4
    assert [bar.total for bar in found.bars] == [4, 0, 2]
    pieces = [piece for bar in found.bars for piece in bar.pieces]
    assert [(piece.kind, piece.y, piece.height) for piece in pieces] == [
        ("a", HEIGHT / 4, HEIGHT * 3 / 4),
        ("b", 0, HEIGHT / 4),
        ("b", HEIGHT / 2, HEIGHT / 2),
    ]
    assert all(piece.x >= 0 and piece.x + piece.width <= WIDTH for piece in pieces)
    assert stack([]).bars == ()


@given(st.integers(1, 10**7))
def test_the_axis_has_round_numbers_up_to_the_highest_bar(most: int) -> None:
    found = stack([[("a", most, "#")], [("a", 1, "#")]])
    counts = [tick.count for tick in found.ticks]
    step = step_of(most)
    assert counts == [step * place for place in range(len(counts))]
    assert counts[-1] == found.top >= most > counts[-2] and len(counts) <= TICKS_MAX + 1
    assert str(step).rstrip("0") in ("1", "2", "5")
    (piece,) = found.bars[0].pieces
    assert piece.y == pytest.approx(HEIGHT * (1 - most / found.top), abs=1e-6)
    assert (found.ticks[0].y, found.ticks[-1].y) == (HEIGHT, 0)


def test_the_page_tells_new_people_from_veterans(cast: Cast) -> None:
    sign_in(cast)
    path = f"{home(cast)}/users/engagement"
    assert "Nobody came" in Page(cast.client.get(path).text).text
    Topics(cast.stores.engine).put(found_topic(cast.project, "late", "Late parcels"))
    for number in range(20):
        for days in (0,) if number < 10 else (0, 3, 9, 15, 40):
            id = f"c{number}-{days}"
            at = (cast.clock() - timedelta(days=days)).isoformat()
            said = {"role": "user", "message": "Hi", "event_timestamp": at}
            cast.log(said, id=id, how="/thread", metadata={"user_id": f"u{number}"})
    cast.settle()
    late, nothing = ({"language": "en", "suggested": topic} for topic in ("late", ""))
    told = {f"c{number}-0": [late if number < 10 else nothing] for number in range(20)}
    understand_all(cast.stores.events, cast.project, told)
    answer = cast.client.get(path)
    page = Page(answer.text)
    page.check()
    assert "20 people came, in the last 7 of them 20" in page.text
    assert "Late parcels 100.0 % 0.0 % +100.0" in page.text
    assert "more among new people" in page.text
    new = Page(cast.client.get(home(cast) + _door(page, "people=new", "/conversations")).text)
    assert "10 conversations" in new.text and "of new people" in new.text
    for of in ("reach", "people", "topics"):
        rows = cast.client.get(f"{path}?format=json&of={of}").json()
        assert rows
        assert cast.client.get(f"{path}?format=csv&of={of}").text.count("\n") == len(rows) + 1
        assert "-- bound by name" in cast.client.get(f"{path}?format=sql&of={of}").text


def _door(page: Page, *words: str) -> str:
    doors = [given["href"] for given in page.all("a") if "href" in given]
    found = next(door for door in doors if all(word in door for word in words))
    return "/" + found.split("/", 3)[3]
