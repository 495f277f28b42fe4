"""The pages about contexts: what is live, what a model will see next, and what may be done."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from causerie.accounts import Role
from causerie.contexts import Context, Mode, Strategy, Truncation, Turn
from causerie.store.events import EventStore
from causerie.token_usage import Usage
from causerie.web.context_reading import DROPPED_SHOWN_MAX, KEPT_SHOWN_MAX
from tests.gallery import Gallery, Guest
from tests.made_calls import NOON

OUTSIDE = ["/language", "/signout"]
"""The forms of the rail."""

EVIL = "</script><script>alert(1)</script>\"'><img src=x onerror=alert(2)>"
LAST_HISTORY = Strategy(type=Truncation.LAST_HISTORY, last_history_tokens=1_000)
CHANGES = ("undo", "delete")


@pytest.fixture
def gallery(sqlite_engine: Engine, embedded_events: EventStore, project_id: str) -> Gallery:
    return Gallery(sqlite_engine, embedded_events, project_id)


@pytest.fixture
def mia(gallery: Gallery) -> Guest:
    """A member, signed in."""
    return gallery.visitor(Role.MEMBER)


def chat(*texts: str, role: str = "user") -> bytes:
    """Messages, by the user and the assistant in turn."""
    roles = (role, "assistant")
    return json.dumps(
        [{"role": roles[place % 2], "content": text} for place, text in enumerate(texts)]
    ).encode()


def keep(gallery: Gallery, id: str = "ctx-one", turns: tuple[Turn, ...] = (), **given: Any) -> None:
    """A context of the project that has an hour to live."""
    facts: dict[str, Any] = {
        "project": gallery.project,
        "endpoint": "ep-a",
        "mode": Mode.SESSION,
        "ttl_s": 3600,
        "strategy": LAST_HISTORY,
        "initial": chat("You are terse.", role="system"),
        "initial_tokens": 7,
        "created_at": NOON,
        "used_at": NOON,
        "expires_at": NOON + timedelta(hours=1),
    }
    gallery.contexts.create(Context(id=id, **{**facts, **given}), turns)


def turn(place: int, question: str = "", answer: str = "", tokens: int = 10) -> Turn:
    """A question and its answer."""
    said = chat(question or f"question {place}", answer or f"answer {place}")
    return Turn(position=place, messages=said, tokens=tokens, at=NOON)


# ---- who may ---------------------------------------------------------------------------------


@pytest.mark.parametrize("path", CHANGES)
@pytest.mark.parametrize("role", list(Role))
def test_a_change_takes_a_member(gallery: Gallery, path: str, role: Role) -> None:
    keep(gallery, turns=(turn(0),))
    status = gallery.visitor(role).post(f"/contexts/ctx-one/{path}").status_code
    listed, _ = gallery.contexts.list(gallery.project, NOON)
    changed = [context.turns for context in listed] != [1]
    assert (status, changed) == ((403, False) if role is Role.VIEWER else (303, True))


@pytest.mark.parametrize("path", CHANGES)
def test_strangers_and_other_sites_change_nothing(gallery: Gallery, path: str) -> None:
    keep(gallery, turns=(turn(0),))
    stranger = gallery.visitor(Role.OWNER, gallery.other)
    address = f"/contexts/ctx-one/{path}"
    assert stranger.post(address).status_code == 404
    assert stranger.post(f"/p/{gallery.other}{address}").status_code == 404
    assert gallery.visitor(None).post(address).status_code == 303
    assert gallery.visitor(Role.MEMBER).post(address, csrf="wrong").status_code == 403
    assert gallery.contexts.get(gallery.project, "ctx-one", NOON).turns == 1


def test_a_context_of_another_project_is_not_found(gallery: Gallery) -> None:
    keep(gallery)
    gallery.contexts.tag(gallery.project, "main", "ctx-one", NOON)
    stranger = gallery.visitor(Role.OWNER, gallery.other)
    for path in ("/contexts/ctx-one", "/contexts/tag:main"):
        answer = stranger.get(f"/p/{gallery.other}{path}")
        assert answer.status_code == 404 and "terse" not in answer.text
    assert "ctx-one" not in stranger.get(f"/p/{gallery.other}/contexts").text


def test_a_viewer_looks_and_is_offered_no_change(gallery: Gallery) -> None:
    keep(gallery, turns=(turn(0),))
    page = gallery.visitor(Role.VIEWER).see("/contexts/ctx-one")
    assert [form["action"] for form in page.all("form") if "action" in form] == OUTSIDE


# ---- the list --------------------------------------------------------------------------------


def test_without_a_context_it_shows_how_to_make_one(gallery: Gallery, mia: Guest) -> None:
    assert "First, an endpoint" in mia.see("/contexts").text
    gallery.add_endpoint("ep-mine")
    page = mia.see("/contexts")
    assert "No context is live" in page.text
    assert "/context/create" in page.code[0] and "ep-mine" in page.code[0]


def test_the_list_begins_with_a_sentence(gallery: Gallery, mia: Guest) -> None:
    keep(gallery, turns=(turn(0),), kept_tokens=10, calls=3, input_tokens=200, cached_tokens=150)
    keep(gallery, "ctx-two", mode=Mode.COMMON_PREFIX, strategy=None)
    keep(gallery, "ctx-gone", expires_at=NOON)
    text = mia.see("/contexts").text
    assert "2 contexts are live and keep 24 tokens for the next calls." in text
    assert "75 % of what 3 calls sent came from the providers’ caches." in text
    assert "ctx-gone" not in text


def test_a_row_tells_the_facts_of_a_context(gallery: Gallery, mia: Guest) -> None:
    gallery.add_endpoint("ep-a", name="Support")
    keep(
        gallery,
        turns=(turn(0), turn(1)),
        user="ana",
        kept_tokens=500,
        calls=2,
        input_tokens=100,
        cached_tokens=40,
    )
    gallery.contexts.tag(gallery.project, "vip", "ctx-one", NOON)
    gallery.clock.move(minutes=5)
    page = mia.see("/contexts")
    assert "ctx-onevip Support ana 2 507 40 % 5 min ago 55 min" in page.text
    assert page.links["ana"] == f"/p/{gallery.project}/users/ana?days=all"


def test_a_hit_share_that_nobody_told_is_a_dash(gallery: Gallery, mia: Guest) -> None:
    keep(gallery, calls=2, input_tokens=100)
    page = mia.see("/contexts")
    assert "No provider told of any cache in 2 calls." in page.text
    assert "0 %" not in page.text


def test_filters_find_by_user_and_by_tag(gallery: Gallery, mia: Guest) -> None:
    keep(gallery, user="ana")
    keep(gallery, "ctx-two", user="ben")
    gallery.contexts.tag(gallery.project, "vip", "ctx-two", NOON)
    assert "ctx-two" not in mia.see("/contexts?user=ana").text
    assert "ctx-one" not in mia.see("/contexts?tag=vip").text
    assert "No live context fits" in mia.see("/contexts?user=ana&tag=vip").text
    assert "No live context fits" in mia.see("/contexts?user=%00&tag=%00").text


def test_the_list_comes_in_pages(gallery: Gallery, mia: Guest) -> None:
    for number in range(51):
        used = NOON - timedelta(seconds=number)
        keep(gallery, f"ctx-{number:02}", used_at=used, user="ana")
    first = mia.see("/contexts?user=ana")
    assert "1 to 50 of 51" in first.text and "ctx-50" not in first.text
    second = mia.see(first.links["Next"])
    assert "51 to 51 of 51" in second.text and "ctx-50" in second.text
    for odd in ("9", "-1", "x", "9" * 50):
        assert "1 to 50 of 51" in mia.see(f"/contexts?page={odd}").text


# ---- one context -----------------------------------------------------------------------------


def test_it_shows_what_the_model_will_see_next(gallery: Gallery, mia: Guest) -> None:
    turns = tuple(turn(place) for place in range(3))
    keep(gallery, turns=turns, cut=1, kept_tokens=20)
    page = mia.see("/contexts/ctx-one")
    text = page.text
    assert "27 tokens: the initial messages and 2 turns, of 3 there were" in text
    places = [
        text.index(words) for words in ("You are terse.", "question 0", "answer 1", "answer 2")
    ]
    assert places == sorted(places)
    gone = [given["id"] for given in page.with_class("gone")]
    assert gone == ["d1-1", "d1-2"]
    assert "1 turn was dropped; the model no longer sees it" in text
    transcript = f"/p/{gallery.project}/conversations/ctx-one"
    assert page.links["Transcript"] == transcript


def test_a_context_is_found_by_its_tag(gallery: Gallery, mia: Guest) -> None:
    keep(gallery, turns=(turn(0),))
    gallery.contexts.tag(gallery.project, "main", "ctx-one", NOON)
    page = mia.see("/contexts/tag:main")
    assert "ctx-one" in page.text and "question 0" in page.text
    assert (
        mia.post("/contexts/tag:main/undo")
        .headers["location"]
        .endswith("/contexts/ctx-one?done=undone")
    )


@pytest.mark.parametrize(
    ("given", "words", "full"),
    [
        ({"kept_tokens": 250}, "turns of up to 1,000 tokens are kept", "250 of 1,000 tokens, 25 %"),
        (
            {
                "strategy": Strategy(
                    type=Truncation.ROLLING,
                    rolling_tokens=True,
                    max_window_tokens=2_007,
                    rolling_window_tokens=400,
                ),
                "kept_tokens": 2_000,
            },
            "at least 400 tokens of them at once",
            "2,007 of 2,007 tokens, 100 % full",
        ),
        (
            {"strategy": Strategy(type=Truncation.ROLLING, rolling_tokens=False)},
            "window of 32,768 tokens is full, answers are cut short",
            "7 of 32,768 tokens",
        ),
        (
            {"strategy": None},
            "At 28,672 tokens, the initial messages among them",
            "7 of 28,672 tokens",
        ),
        (
            {"mode": Mode.COMMON_PREFIX, "strategy": None},
            "Nothing is added to it",
            "common prefix: nothing is added",
        ),
    ],
)
def test_how_it_is_kept_is_told_in_words(
    gallery: Gallery, mia: Guest, given: dict[str, Any], words: str, full: str
) -> None:
    gallery.add_endpoint("ep-a")
    keep(gallery, **given)
    text = mia.see("/contexts/ctx-one").text
    assert words in text and full in text


def test_an_endpoint_that_is_gone_is_said_to_be(gallery: Gallery, mia: Guest) -> None:
    keep(gallery, strategy=Strategy(type=Truncation.ROLLING, rolling_tokens=False))
    text = mia.see("/contexts/ctx-one").text
    assert "ep-a removed" in text
    assert "When the model's window is full, answers are cut short." in text


def test_personal_data_is_masked_as_in_transcripts(gallery: Gallery, mia: Guest) -> None:
    secret = "eva.lind@mail.se"
    said = json.dumps(
        [
            {"role": "user", "content": f"I am {secret}"},
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    {
                        "id": "call_1",
                        "type": "function",
                        "function": {"name": "find", "arguments": json.dumps({"mail": secret})},
                    }
                ],
            },
            {"role": "tool", "tool_call_id": "call_1", "content": f"found {secret}"},
        ]
    ).encode()
    turns = (Turn(position=0, messages=said, tokens=9, at=NOON),)
    keep(
        gallery,
        turns=turns,
        user=secret,
        metadata={"contact": secret},
        initial=chat(f"Help {secret}", role="system"),
    )
    gallery.contexts.tag(gallery.project, secret, "ctx-one", NOON)
    pages = [mia.get(path).text for path in ("/contexts", "/contexts/ctx-one")]
    assert secret not in "".join(pages)
    assert "Used find" in mia.see("/contexts/ctx-one").text
    user = next(name for name in mia.see("/contexts").links if name.startswith("user_"))
    assert user in pages[1]
    gallery.accounts.set_masking(gallery.project, False)
    assert mia.get("/contexts/ctx-one").text.count(secret) >= 4


def test_what_no_chat_has_is_shown_all_the_same(gallery: Gallery, mia: Guest) -> None:
    odd = b'[{"role": 7, "content": {"a": "odd words"}}, "plain", {"role":"user","rating":9,'
    odd += b'"content":[{"type":"image_url","image_url":{"url":"data:;base64,AA"}}]}]'
    keep(gallery, initial=odd)
    text = mia.see("/contexts/ctx-one").text
    assert "odd words" in text and "plain" in text and "[image]" in text


def test_names_that_are_code_stay_words(gallery: Gallery, mia: Guest) -> None:
    keep(gallery, turns=(turn(0, EVIL, EVIL),), user=EVIL, metadata={EVIL: EVIL}, tenant=EVIL)
    gallery.contexts.tag(gallery.project, EVIL, "ctx-one", NOON)
    for path in ("/contexts", "/contexts/ctx-one"):
        assert mia.see(path).all("img") == []


def test_of_very_many_turns_the_latest_are_shown(gallery: Gallery, mia: Guest) -> None:
    cut, count = DROPPED_SHOWN_MAX + 3, DROPPED_SHOWN_MAX + 3 + KEPT_SHOWN_MAX + 2
    keep(gallery, turns=tuple(turn(place) for place in range(count)), cut=cut)
    page = mia.see("/contexts/ctx-one")
    assert len(page.with_class("gone")) == 2 * DROPPED_SHOWN_MAX
    assert "3 earlier turns, in the transcript" in page.text
    assert "2 more turns that the model sees" in page.text
    assert f"question {count - 1}" in page.text


# ---- what may be done ------------------------------------------------------------------------


def test_the_last_turn_can_be_undone(gallery: Gallery, mia: Guest) -> None:
    keep(gallery, turns=(turn(0), turn(1)), kept_tokens=20)
    page = mia.change("/contexts/ctx-one/undo")
    assert "The last turn is dropped" in page.text
    assert "answer 0" in page.text and "answer 1" not in page.text
    mia.change("/contexts/ctx-one/undo")
    refused = mia.post("/contexts/ctx-one/undo")
    assert refused.status_code == 409 and "has no turns" in refused.text


def test_nothing_is_undone_in_the_middle_of_a_call(gallery: Gallery, mia: Guest) -> None:
    keep(gallery, turns=(turn(0),))
    gallery.contexts.begin(gallery.project, "ctx-one", "a call", NOON, 60)
    refused = mia.post("/contexts/ctx-one/undo")
    assert refused.status_code == 409
    assert "A turn is going on in this context" in refused.text
    gallery.contexts.finish(
        "ctx-one", "a call", NOON, turn=turn(1), cut=0, kept_tokens=20, usage=Usage()
    )
    assert gallery.contexts.get(gallery.project, "ctx-one", NOON).turns == 2


def test_a_context_can_be_deleted(gallery: Gallery, mia: Guest) -> None:
    keep(gallery)
    assert "Calls with this context are refused at once" in mia.see("/contexts/ctx-one").text
    assert "The context is deleted" in mia.change("/contexts/ctx-one/delete").text
    assert mia.get("/contexts/ctx-one").status_code == 404
    assert mia.post("/contexts/ctx-one/delete").status_code == 404


def test_an_expired_context_is_not_there(gallery: Gallery, mia: Guest) -> None:
    keep(gallery)
    gallery.clock.move(hours=2)
    answer = mia.get("/contexts/ctx-one")
    assert answer.status_code == 404 and "expired" in answer.text
