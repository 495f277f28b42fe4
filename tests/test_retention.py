"""Retention on random worlds, against a plain computation; and the page that shows it."""

from __future__ import annotations

import random
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import Engine

from causerie.accounts import Project
from causerie.conversations import Conversation, Message
from causerie.delivery import Delivery
from causerie.ingest import How, Ingest, Submission
from causerie.privacy import PersonalDataFilter
from causerie.reports import Question
from causerie.retention import LATER_MAX, RetentionReport, Share
from causerie.store.events import EventStore
from causerie.store.inbox import Inbox
from causerie.testing import Ticking
from causerie.web.changes import share_change
from causerie.zones import day_of
from tests.conftest import Cast
from tests.test_dashboard import home, sign_in
from tests.web_page import Page

NOW = datetime(2026, 5, 20, 12, tzinfo=UTC)
Visit = tuple[str, str, datetime]
"""A tenant, a user, and when a conversation of theirs began."""


def world(seed: int) -> list[Visit]:
    """Some people of two tenants who come again more or less often; some have no name."""
    draw = random.Random(seed)
    visits = []
    for number in range(40):
        user = f"u{number % 30}" if number < 38 else ""
        tenant = draw.choice(["", "acme"])
        for _ in range(draw.randint(1, 6)):
            ago = timedelta(days=draw.choice([1, 7, 14, 30, 90]) * draw.random())
            visits.append((tenant, user, NOW - ago))
    return visits


def put(events: EventStore, inbox: Inbox, project_id: str, visits: list[Visit]) -> None:
    project = Project(id=project_id, name="W", created_at=NOW, salt=b"salt")
    steps = Ingest(PersonalDataFilter())
    for number, (tenant, user, at) in enumerate(visits):
        said = [Message(id="", position=0, at=at, text="hello", role="user")]
        metadata = {"user_id": user} if user else {}
        found = Conversation(id=f"c{number}", tenant=tenant, metadata=metadata, messages=said)
        submission = Submission(project, How.THREAD, found, f"c{number}", NOW)
        inbox.take([steps.prepare(submission)[0]], NOW)
    Delivery(inbox, events, "test", Ticking(NOW), 1).drain()


def plainly(
    visits: list[Visit],
    since: datetime,
    until: datetime,
    tenant: str | None,
    days: int,
    zone: str,
) -> dict[date, list[tuple[int, int]]]:
    """By cohort and periods later, who came back and of how many; only periods that began."""

    def period(at: datetime) -> date:
        day = day_of(at, zone)
        return day if days == 1 else day - timedelta(days=day.weekday())

    came: dict[tuple[str, str], list[datetime]] = defaultdict(list)
    for whose, user, at in visits:
        if user and at < NOW and tenant in (None, whose):
            came[(whose, user)].append(at)
    cohorts: dict[date, list[set[int]]] = defaultdict(list)
    for times in came.values():
        if since <= min(times) < until:
            start = period(min(times))
            cohorts[start].append({(period(at) - start).days // days for at in times})
    found = {}
    for start, people in cohorts.items():
        begun = min((period(NOW) - start).days // days, LATER_MAX)
        found[start] = [
            (sum(later in each for each in people), len(people)) for later in range(1, begun + 1)
        ]
    return found


@pytest.mark.parametrize(
    ("seed", "zone"), [(0, "UTC"), (1, "Asia/Tokyo"), (2, "America/New_York"), (3, "UTC")]
)
def test_cohorts_are_what_a_plain_count_finds(
    events: EventStore, sqlite_engine: Engine, seed: int, zone: str
) -> None:
    project, visits = f"retention-{id(events)}-{seed}", world(seed)
    put(events, Inbox(sqlite_engine), project, visits)
    report = RetentionReport(events)
    for period, days in (("day", 1), ("week", 7)):
        for since in (NOW - timedelta(days=120), NOW - timedelta(days=20)):
            for tenant in (None, "", "acme"):
                question = Question(project, since, NOW, tenant=tenant, period=period, zone=zone)
                found = report.retention(question, "language", NOW)
                told = {
                    cohort.start: [(share.returned, share.of) for share in cohort.shares]
                    for cohort in found.cohorts
                }
                assert told == plainly(visits, since, NOW, tenant, days, zone)
                assert sum(part.size for part in found.parts) == found.whole.size
                over = [
                    cohort.shares[0]
                    for cohort in found.cohorts
                    if len(cohort.shares) > 1 or (cohort.shares and not cohort.running)
                ]
                if over:
                    first = found.whole.shares[0]
                    assert first.of == sum(share.of for share in over)
                    assert first.returned == sum(share.returned for share in over)


def test_a_share_of_few_says_how_far_it_may_be_off() -> None:
    low, high = Share(1, 4).interval
    assert (round(low, 3), round(high, 3)) == (0.046, 0.699)
    assert Share(0, 5).interval[0] == 0.0
    assert Share(5, 5).interval[1] == 1.0


def test_a_difference_that_could_be_chance_is_none() -> None:
    def moved(*counts: int) -> tuple[bool, bool]:
        change = share_change(*counts)
        return change.rises, change.falls

    assert moved(3, 10, 2, 10) == (False, False)
    assert moved(60, 100, 30, 100) == (True, False)
    assert moved(30, 100, 60, 100) == (False, True)
    assert moved(1, 1, 0, 0) == (False, False)


def test_the_page_shows_who_came_back(cast: Cast) -> None:
    sign_in(cast)
    page = Page(cast.client.get(f"{home(cast)}/users/retention").text)
    page.check()
    assert "Nobody came for the first time" in page.text
    for number, user in enumerate(("ana", "ben", "ana")):
        said = {"role": "user", "message": "hello"}
        cast.log(said, id=f"r{number}", how="/thread", metadata={"user_id": user})
    cast.settle()
    for split in ("", "language", "topic", "mood", "nonsense"):
        page = Page(cast.client.get(f"{home(cast)}/users/retention?split={split}").text)
        page.check()
        assert "2 people came for the first time" in page.text
    rows = cast.client.get(f"{home(cast)}/users/retention?format=json").json()
    assert rows == []
    assert "first_since_64" in cast.client.get(f"{home(cast)}/users/retention?format=sql").text


def test_another_project_s_people_are_not_counted(cast: Cast) -> None:
    sign_in(cast)
    assert cast.client.get("/p/none-of-mine/users/retention").status_code == 404
