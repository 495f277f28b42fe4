"""Embeds: each page of one tenant shows nothing of another, whatever the address asks for."""

from __future__ import annotations

import re
from datetime import timedelta
from urllib.parse import quote

import pytest
from httpx2 import Response
from hypothesis import given, settings
from hypothesis import strategies as st

from causerie.audit import Action, digest_of
from causerie.store.audit import AuditLog, Sought
from causerie.views import PAGES
from causerie.web.embed_pages import NEEDS_WORDS, NOT_EMBEDDED
from tests.conftest import Cast
from tests.embed_cast import SITE, House

QUERIES = {
    "topics": ("", "sort=messages"),
    "explore": ("metric=mood&split=topic", "metric=conversations&split=meta:plan"),
    "engagement": ("days=90", ""),
    "retention": ("split=topic", "period=day"),
    "funnels": ("step=first&step=event:bought", "step=first&step=topic:t-b&by=user&split=topic"),
    "search": ("q=lamp", ""),
}
"""Queries of views, where a page has some of its own; any is tried without one too."""
SHOWN = [page for page in PAGES if page not in NOT_EMBEDDED]


@pytest.fixture(scope="module")
def house(shared_cast: Cast) -> House:
    return House(shared_cast)


def lures(house: House) -> list[str]:
    """Each finds something of B where the tenant does not count."""
    mark = house.b.marker
    return [
        f"user={mark}",
        f"text={mark}",
        f"q={mark}",
        f"meta=plan:plan-{mark}",
        f"model=model-{mark}",
        f"event=event-{mark}",
        "topic=t-b",
    ]


def attempts(house: House) -> list[str]:
    """What a reader of A may put into an address to see something of B."""
    name = house.b.name
    return [
        "",
        "&".join([*lures(house), f"tenant={name}", "days=all"]),
        f"tenant={house.a.name}&tenant={name}&tenant=(none)&key=tenant&value={name}&days=all",
        f"format=csv&like=talk-3&like_of={name}&split=tenant&metric=users&step=topic:t-b&of=topics",
    ]


def told(text: str) -> str:
    """A page without what it repeats of its address."""
    repeated = (
        r'<p class="(?:chips|notice)".*?</p>',
        r'(?:href|value|hx-get)="[^"]*"',
        r'"door": "[^"]*"',
    )
    return re.sub("|".join(repeated), "", text, flags=re.DOTALL)


@pytest.mark.parametrize("page", NOT_EMBEDDED)
def test_a_page_that_cannot_be_limited_says_so(house: House, page: str) -> None:
    answer = house.look(house.home(house.view(page), transcripts=True))
    assert answer.status_code == 404
    assert "cannot be embedded" in answer.text
    assert_frames(answer, "*")


@pytest.mark.parametrize("transcripts", [False, True], ids=["numbers", "words"])
@pytest.mark.parametrize("page", SHOWN)
def test_an_embed_of_one_tenant_shows_nothing_of_another(
    house: House, page: str, transcripts: bool
) -> None:
    for query in ("", *QUERIES.get(page, ())):
        home = house.home(house.view(page, query), transcripts=transcripts)
        for attempt in attempts(house)[: 2 if query else None]:
            answer = house.look(home, attempt)
            if page in NEEDS_WORDS and not transcripts:
                assert answer.status_code == 404
                continue
            assert answer.status_code == 200, (query, attempt)
            assert house.b.marker not in told(answer.text), (query, attempt)
            assert_frames(answer, SITE)
            if not transcripts:
                for words in ("A lamp for", "feedback of", "Said to", "the prompt of"):
                    assert words not in answer.text, (query, attempt)


def test_the_dashboard_finds_by_each_lure_what_an_embed_does_not(house: House) -> None:
    """Else the table would prove nothing."""
    view = house.view("conversations")
    for lure in lures(house):
        of_a, of_b = (house.look(house.home(view, name), lure).text for name in ("acme", "bolt"))
        if lure.startswith(("q=", "text=")):
            continue
        assert "No conversation" in of_a, lure
        assert "No conversation" not in of_b, lure
    words = house.home(view, "bolt", transcripts=True)
    assert house.b.marker in told(house.look(words, f"text={house.b.marker}").text)


def assert_frames(answer: Response, ancestors: str) -> None:
    """That these sites may frame it, that nothing is kept, and that nothing leads out of it."""
    policy = answer.headers["content-security-policy"]
    assert policy.endswith(f"frame-ancestors {ancestors}")
    assert "x-frame-options" not in answer.headers
    assert "set-cookie" not in answer.headers
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "no-referrer"
    home = "/".join(answer.request.url.path.split("/")[:4])
    for address in re.findall(r'(?:href|action|hx-get)="([^"]*)"', answer.text):
        assert address.startswith((home, "/static/", "#")), address
    assert not re.search(r'<form[^>]*method="post"', answer.text)
    assert '"door": "/p/' not in answer.text


# ---- who is let in -------------------------------------------------------------------------------


def test_what_was_not_signed_by_the_project_looks_alike(house: House) -> None:
    """So that nobody learns which projects there are, or what once worked."""
    view, other = house.view("overview"), f"{house.cast.project}-other"
    token = house.home(view).rpartition("/")[2]
    gone = house.cast.clock() - timedelta(minutes=1)
    refused = [
        house.home(view, secret="x" * 40),
        house.home(view, secret="x" * 40, exp=gone.timestamp()),
        house.home("none", secret="x" * 40),
        f"/embed/{other}/{token}",
        f"/embed/none/{token}",
        f"/embed/{house.cast.project}/{token[:-9]}",
        f"/embed/{house.cast.project}/{token}x.y",
        f"/embed/{house.cast.project}/{'a' * 5_000}",
        f"/embed/{house.cast.project}/%00.%ff.é",
    ]
    answers = [house.look(address) for address in refused]
    assert {answer.status_code for answer in answers} == {403}
    assert len({answer.text for answer in answers}) == 1
    for answer in answers:
        assert_frames(answer, "*")


def test_what_was_signed_and_cannot_be_shown_says_why(house: House) -> None:
    view, now = house.view("overview"), house.cast.clock()
    far = (now + timedelta(days=31)).timestamp()
    for address, status, told in (
        (house.home(view, exp=now.timestamp()), 410, "The time of this link is over."),
        (house.home(view, exp=None), 403, "missing required field `exp`"),
        (house.home(view, exp=far), 403, "exp is over 30 days ahead"),
        (house.home(view, ""), 403, "tenant takes 1 to 200 characters"),
        (house.home("none"), 404, "This view is no longer there."),
        (house.home(view) + "/settings", 404, "not part of this view"),
        (house.home(view) + "/users", 404, "not part of this view"),
        (house.home(view) + "/topics/t-a", 404, "not part of this view"),
    ):
        answer = house.look(address)
        assert (answer.status_code, told in answer.text) == (status, True), told
        assert_frames(answer, "*")


def test_no_session_is_asked_for_and_none_opens_anything(house: House) -> None:
    home = house.home(house.view("overview"))
    answer = house.look(home, Cookie="project=x; theme=dark; language=zh")
    assert 'lang="zh-Hans"' in answer.text
    assert "data-theme" not in answer.text
    assert house.cast.client.post(home).status_code == 405


@given(st.text(max_size=60), st.text(max_size=60), st.text(max_size=20))
@settings(max_examples=40, deadline=None)
def test_whatever_is_asked_for_is_refused(house: House, token: str, rest: str, query: str) -> None:
    address = "/".join(quote(part, safe="") for part in ("embed", house.cast.project, token, rest))
    answer = house.look(f"/{address}", f"x={quote(query)}")
    assert answer.status_code in (403, 404)
    assert house.b.marker not in answer.text


# ---- what a view holds, and what a reader chooses ------------------------------------------------


def test_a_transcript_is_read_where_the_token_says_so_and_of_its_tenant(house: House) -> None:
    view, a, b = house.view("overview"), house.a.marker, house.b.marker
    words, numbers = house.home(view, transcripts=True), house.home(view)
    shared = house.look(f"{words}/conversations/talk-0").text
    assert f"A lamp for {a}?" in shared
    assert f"Said to {a}" in shared
    for hidden in ("the prompt of", f"tool-{a}", f"model-{a}", f"plan-{a}", f"event-{a}", b):
        assert hidden not in shared
    for address in (f"{words}/conversations/{b}-0", f"{words}/conversations/talk-0?tenant=bolt"):
        assert b not in house.look(address).text
    assert house.look(f"{words}/conversations/{b}-0").status_code == 404
    assert house.look(f"{numbers}/conversations/talk-0").status_code == 404


def test_the_filters_of_a_view_hold(house: House) -> None:
    a = house.a.marker
    home = house.home(house.view("conversations", f"user={a}&tenant=bolt&metric=users"))
    for attempt in ("", "days=all", "user=user-0", f"user={a}&user=user-0", "not_user=user-0"):
        answer = house.look(home, attempt)
        assert "1 conversation<" in answer.text, attempt
        # What is held need not be told, and cannot be taken away.
        assert f"Remove User {a}" not in answer.text
    narrower = house.look(home, "signal=thanked").text
    assert "No conversation fits" in narrower


def test_a_metric_is_the_views(house: House) -> None:
    home = house.home(house.view("explore", "metric=mood&split=topic"))
    plain, other = (house.look(home, query).text for query in ("", "metric=cost&split=meta:plan"))
    for page in (plain, other):
        assert "<h1>Mood</h1>" in page
        assert f"plan-{house.a.marker}" not in page


def test_an_entry_shows_the_time_of_the_view_and_links_choose_another(house: House) -> None:
    page = house.look(house.home(house.view("overview", "days=90"))).text
    assert re.search(r'days=90" aria-current="true"', page)
    month = re.search(r'href="([^"]*days=30[^"]*)"', page)
    assert month is not None
    assert re.search(r'days=30" aria-current="true"', house.look(month[1]).text)


def test_words_cannot_be_felt_out_by_what_fits(house: House) -> None:
    home = house.home(house.view("conversations"))
    for query in ("text=nothing-like-it", "feedback_says=nothing-like-it"):
        assert "2 conversations" in house.look(home, query).text
    home = house.home(house.view("conversations"), transcripts=True)
    assert "2 conversations" not in house.look(home, "text=nothing-like-it").text


def test_numbers_names_and_topics_lead_to_their_conversations(house: House) -> None:
    home = house.home(house.view("users"))
    page = house.look(home).text
    door = re.search(
        r'<a class="open" href="([^"]*)">user-0</a>|href="([^"]*user=user-0[^"]*)"', page
    )
    assert door is not None
    led = (door[1] or door[2]).replace("&amp;", "&")
    assert led.startswith(f"{home}/conversations?")
    assert "1 conversation<" in house.look(led).text


def test_topics_are_named_once_enough_of_the_tenant_talk_about_them(house: House) -> None:
    view = house.view("topics")
    of_a, of_b = (house.look(house.home(view, name)).text for name in ("acme", "bolt"))
    # Two people of A, five of B.
    assert "A small topic" in of_a
    assert f"Lamps {house.b.marker}" in of_b
    assert f"Kept {house.a.marker}" in of_a
    assert f"Kept {house.a.marker}" not in of_b
    for page in (of_a, of_b):
        assert "A lamp for" not in page
        assert "Silent" not in page


def test_who_looked_through_which_view_is_recorded_without_the_token(house: House) -> None:
    view = house.view("overview")
    home = house.home(view, transcripts=True)
    house.look(home.replace("/embed/", "/embed/x"))
    house.look(f"{home}/conversations/talk-0")
    house.cast.client.get("/api/v1/audit", headers=house.cast.auth())
    found = AuditLog(house.cast.stores.engine).page(Sought(house.cast.project))
    looks = [entry for entry in found if entry.by.id == view]
    project = house.cast.stores.accounts.project(house.cast.project)
    assert project is not None
    talk = digest_of("conversation", "talk-0", project.salt)
    assert [(one.action, one.by.kind, one.object) for one in looks] == [
        (Action.EMBED, "embed", talk)
    ]
    assert home.rpartition("/")[2] not in repr(found)
