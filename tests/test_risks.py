"""Who is at risk: the rule against a plain computation, what it names by chance, and the page."""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from math import comb
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ttest_ind
from sqlalchemy import Engine

from causerie.reports import Question
from causerie.risks import (
    BEFORE_DAYS,
    MOODS_MIN,
    NOW_DAYS,
    RATE,
    SPREAD_MIN,
    VISITS_MIN,
    RiskReport,
    feeling,
    risks_of,
    windows_of,
)
from causerie.store.events import EventStore
from causerie.store.inbox import Inbox
from causerie.zones import day_of
from tests.conftest import Cast
from tests.test_dashboard import home, sign_in
from tests.test_retention import NOW, put, world
from tests.understood import understand_all
from tests.web_page import Page

WINDOWS = windows_of(Question("p", NOW - timedelta(days=7), NOW))
Row = Mapping[str, Any]


def row(
    user: str, days: list[int], moods: list[tuple[int, float]], first: int | None = None
) -> Row:
    """A person by how many days ago they came, the first time too."""

    def ago(count: int) -> date:
        return WINDOWS.last - timedelta(days=count)

    return {
        "tenant": "",
        "user": user,
        "first": ago(first if first is not None else max(days, default=0)),
        "days": [ago(count) for count in days],
        "moods": [(ago(count), mood) for count, mood in moods],
        "last_seen": NOW,
    }


# ---- against a plain computation -----------------------------------------------------------------


def plainly(rows: list[Row]) -> dict[str, tuple[bool, bool]]:
    """Who comes less and who is in a worse mood, from the definitions in the documentation."""
    turn = NOW.date() - timedelta(days=NOW_DAYS - 1)
    chances: list[tuple[float, str, int]] = []
    for one in rows:
        begin = max(turn - timedelta(days=BEFORE_DAYS), one["first"] + timedelta(days=1))
        before = len({day for day in one["days"] if begin <= day < turn})
        now = len({day for day in one["days"] if day >= turn})
        if before < VISITS_MIN or (turn - begin).days < 14:
            continue
        share = NOW_DAYS / (NOW_DAYS + (turn - begin).days)
        total = before + now
        chance = sum(
            comb(total, hits) * share**hits * (1 - share) ** (total - hits)
            for hits in range(now + 1)
        )
        chances.append((chance, one["user"], 0))
        old = [mood for day, mood in one["moods"] if day < turn]
        new = [mood for day, mood in one["moods"] if day >= turn]
        if min(len(old), len(new)) >= MOODS_MIN:
            tested = ttest_ind(new, old, equal_var=False, alternative="less")
            chances.append((float(tested.pvalue), one["user"], 1))
    chances.sort()
    told = 0
    for rank, (chance, _, _) in enumerate(chances, 1):
        if chance <= RATE * rank / len(chances):
            told = rank
    found: dict[str, list[bool]] = {}
    for _, user, what in chances[:told]:
        found.setdefault(user, [False, False])[what] = True
    return {user: (thins, sours) for user, (thins, sours) in found.items()}


# Whole hundredths, and far enough apart that no spread is under the least one.
feelings = st.lists(
    st.tuples(st.integers(0, 83), st.integers(-90, 90)), max_size=16, unique_by=lambda pair: pair[1]
)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sets(st.integers(0, 83), min_size=1, max_size=40), st.integers(0, 60), feelings
        ),
        max_size=12,
    )
)
def test_the_rule_is_what_it_says(people: list[tuple[set[int], int, Any]]) -> None:
    rows = [
        row(
            f"u{number}",
            sorted(days),
            [(ago, mood / 100) for ago, mood in moods],
            first=max(days) + earlier,
        )
        for number, (days, earlier, moods) in enumerate(people)
    ]
    for one in rows:
        for is_now in (False, True):
            own = [mood for day, mood in one["moods"] if (day >= WINDOWS.turn) is is_now]
            felt = feeling(own)
            if felt and felt.spread == SPREAD_MIN:
                return
    found = risks_of(rows, WINDOWS).found
    assert {one.user: (one.thins, one.sours) for one in found} == plainly(rows)
    assert [one.at_stake for one in found] == sorted((one.at_stake for one in found), reverse=True)


def test_what_the_engine_tells_is_what_happened(events: EventStore, sqlite_engine: Engine) -> None:
    project = f"risks-{id(sqlite_engine)}"
    visits = [*world(7), *world(8), *world(9)]
    put(events, Inbox(sqlite_engine), project, visits)
    zone = "Asia/Tokyo"
    question = Question(project, NOW - timedelta(days=7), NOW, None, zone=zone)
    windows = windows_of(question)
    came: dict[tuple[str, str], set[date]] = {}
    for tenant, user, at in visits:
        if user:
            came.setdefault((tenant, user), set()).add(day_of(at, zone))
    looked_at = 0
    for days in came.values():
        begin = max(windows.begin, min(days) + timedelta(days=1))
        often = sum(begin <= day < windows.turn for day in days) >= VISITS_MIN
        looked_at += often and (windows.turn - begin).days >= 14
    assert looked_at > 0
    assert RiskReport(events).risks(question).people == looked_at


# ---- what it names by chance ---------------------------------------------------------------------


def test_where_nobody_changes_few_worlds_name_anybody() -> None:
    draw = random.Random(11)
    worlds = 0
    for _ in range(60):
        rows = []
        for number in range(60):
            habit, mood = draw.uniform(0.05, 0.6), draw.uniform(-0.4, 0.4)
            days = [ago for ago in range(84) if draw.random() < habit]
            moods = [(ago, draw.gauss(mood, 0.3)) for ago in days]
            rows.append(row(f"u{number}", days, moods, first=200))
        worlds += bool(risks_of(rows, WINDOWS).found)
    # One in ten, with what luck adds.
    assert worlds <= 12


def test_those_who_leave_are_found_among_many_who_stay() -> None:
    draw = random.Random(12)
    rows = []
    for number in range(80):
        leaves, sours = number < 8, 8 <= number < 16
        days = [ago for ago in range(84) if draw.random() < 0.35 and not (leaves and ago < 28)]
        moods = [(ago, draw.gauss(-0.3 if sours and ago < 28 else 0.3, 0.2)) for ago in days]
        rows.append(row(f"u{number:02}", days, moods, first=200))
    found = risks_of(rows, WINDOWS)
    assert found.people == 80
    thin = [one.user for one in found.found if one.thins]
    sour = [one.user for one in found.found if one.sours]
    assert set(thin) >= {f"u{number:02}" for number in range(8)} and len(thin) <= 9
    assert set(sour) >= {f"u{number:02}" for number in range(8, 16)} and len(sour) <= 11


def test_nobody_is_named_on_two_data_points() -> None:
    rows = [row("a", [60, 40], [(60, 0.9), (40, 0.9)], first=100), row("b", [83], [], first=100)]
    assert risks_of(rows, WINDOWS).people == 0
    often = row("c", list(range(30, 80, 2)), [(30, 0.9), (31, 0.8), (3, -0.9), (2, -0.8)], 100)
    assert not risks_of([often], WINDOWS).found[0].sours


def test_the_margin_of_a_mood_holds_nineteen_times_of_twenty() -> None:
    draw = random.Random(13)
    held = 0
    for _ in range(2000):
        found = feeling([draw.gauss(0.1, 0.3) for _ in range(6)])
        assert found is not None
        held += abs(found.mean - 0.1) <= found.margin
    assert held / 2000 == pytest.approx(0.95, abs=0.02)


# ---- the page ------------------------------------------------------------------------------------


def test_the_page_says_who_and_why(cast: Cast) -> None:
    sign_in(cast)
    path = f"{home(cast)}/users/risk"
    assert "Nobody to compare yet" in Page(cast.client.get(path).text).text
    noon = datetime(2026, 5, 20, 11, tzinfo=UTC)
    for user, days in (("gone", range(30, 60, 2)), ("here", range(1, 80, 5))):
        for ago in days:
            at = (noon - timedelta(days=ago)).isoformat()
            said = {"role": "user", "message": "Hi", "event_timestamp": at}
            cast.log(said, id=f"{user}-{ago}", how="/thread", metadata={"user_id": user})
    cast.settle()
    told = {}
    for number, ago in enumerate(range(1, 80, 5)):
        mood = (-0.6, -0.5)[number % 2] if ago < 28 else (0.5, 0.3)[number % 2]
        told[f"here-{ago}"] = [{"sentiment": mood}]
    understand_all(cast.stores.events, cast.project, told)
    page = Page(cast.client.get(path).text)
    page.check()
    assert "2 people who used to come now come clearly less or are in a worse mood" in page.text
    assert "Came on 14 days before, and not once in the last 4 weeks." in page.text
    assert "The mood of their conversations fell from +0.40 to −0.55." in page.text
    rows = {one["user"]: one for one in cast.client.get(f"{path}?format=json").json()}
    assert rows["gone"]["comes_less"] and not rows["here"]["comes_less"]
    assert rows["here"]["mood_now"] == pytest.approx(-0.55)
    doors = [given["href"] for given in page.all("a") if "user=gone" in given.get("href", "")]
    before, now = (Page(cast.client.get(door).text).text for door in doors[:2])
    assert "15 conversations" in before and "No conversation fits" in now
    assert "turn = datetime.date" in cast.client.get(f"{path}?format=sql").text
