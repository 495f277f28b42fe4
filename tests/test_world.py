"""The sample world: the same for the same seed, within its limits, and with stories to find."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from statistics import mean

import pytest

from causerie.conversations import (
    METADATA_CHARS_MAX,
    METADATA_KEYS_MAX,
    Conversation,
    Kind,
    message_id,
    trim_metadata,
)
from causerie.world import make_world
from causerie.world_talk import CHOICE, SLOT, phrases, subjects

UNTIL = datetime(2025, 6, 1, 10, 30, tzinfo=UTC)
SINCE = UNTIL - timedelta(days=90)
LANGUAGES = ("en", "fr", "es", "zh")


@pytest.fixture(scope="module")
def world() -> list[Conversation]:
    return list(make_world(7, UNTIL))


@pytest.fixture(scope="module")
def crowd() -> list[Conversation]:
    """Large enough that chance does not hide a story."""
    return list(make_world(7, UNTIL, 18_000))


def texts(world: Iterable[Conversation], role: str) -> list[str]:
    return [item.text for talk in world for item in talk.messages if item.role == role]


def language(talk: Conversation) -> str:
    return talk.metadata["locale"][:2]


def day(talk: Conversation) -> int:
    return (talk.messages[0].at - SINCE).days


def satisfaction(world: Iterable[Conversation], tool: str, days: range) -> float:
    """The mean thumb, from -1 to 1, of conversations in which a tool was used."""
    return mean(
        item.rating
        for talk in world
        if day(talk) in days and any(item.name == tool for item in talk.messages)
        for item in talk.messages
        if item.rating
    )


def test_the_same_seed_and_end_give_the_same_world() -> None:
    assert list(make_world(3, UNTIL, 200)) == list(make_world(3, UNTIL, 200))


def test_another_seed_gives_another_world() -> None:
    first, other = make_world(3, UNTIL, 200), make_world(4, UNTIL, 200)
    assert not set(texts(first, "user")) >= set(texts(other, "user"))


@pytest.mark.parametrize("conversations", [0, 1, 5, 333])
def test_it_has_as_many_conversations_as_asked_for(conversations: int) -> None:
    assert len(list(make_world(1, UNTIL, conversations, days=20))) == conversations


def test_it_has_the_size_of_a_real_product(world: list[Conversation]) -> None:
    assert len(world) == 6000
    assert 850 <= len({talk.user for talk in world}) <= 950
    assert {talk.tenant for talk in world} == {"", "acme", "globex", "initech"}
    assert 0.05 < mean(talk.tenant != "" for talk in world) < 0.15


def test_every_id_is_there_once(world: list[Conversation]) -> None:
    assert len({talk.id for talk in world}) == len(world)
    items = [item.id for talk in world for item in talk.messages]
    assert len(set(items)) == len(items)
    assert world[0].messages[0].id == message_id(world[0].id, 0)


@pytest.mark.parametrize("seed", [1, 7])
def test_times_are_in_order_and_within_the_span(seed: int) -> None:
    world = list(make_world(seed, UNTIL))
    starts = [talk.messages[0].at for talk in world]
    assert min(starts) >= SINCE
    assert max(talk.messages[-1].at for talk in world) <= UNTIL
    assert {day(talk) for talk in world} == set(range(90))
    for talk in world:
        times = [item.at for item in talk.messages]
        assert times == sorted(times)


def test_all_four_languages_are_spoken_in_their_shares(world: list[Conversation]) -> None:
    spoken = Counter(language(talk) for talk in {talk.user: talk for talk in world}.values())
    shares = {name: count / spoken.total() for name, count in spoken.items()}
    assert shares == pytest.approx({"en": 0.45, "fr": 0.2, "es": 0.2, "zh": 0.15}, abs=0.06)
    for talk in world:
        said = "".join(item.text for item in talk.messages)
        chinese = any("\u4e00" <= letter <= "\u9fff" for letter in said)
        assert chinese == (language(talk) == "zh")


def test_everybody_says_something_and_nothing_is_left_to_fill(world: list[Conversation]) -> None:
    for role in ("user", "assistant", "system"):
        said = texts(world, role)
        assert said
        for text in said:
            assert text == text.strip() != ""
            assert not CHOICE.search(text), text
            assert not SLOT.search(text), text
            assert "  " not in text


def test_people_rarely_say_the_same(world: list[Conversation]) -> None:
    said = texts(world, "user")
    assert len(set(said)) / len(said) > 0.7
    assert Counter(said).most_common(1)[0][1] < len(said) * 0.005


def test_conversations_have_two_to_twelve_messages(world: list[Conversation]) -> None:
    lengths = {sum(item.kind is Kind.MESSAGE for item in talk.messages) for talk in world}
    assert min(lengths) >= 2
    assert max(lengths) <= 12
    assert len(lengths) >= 8


def test_metadata_keeps_the_limits(world: list[Conversation]) -> None:
    for talk in world:
        for metadata in (talk.metadata, *(item.metadata for item in talk.messages)):
            assert trim_metadata(metadata) == (metadata, [])
            assert len(metadata) <= METADATA_KEYS_MAX
            assert all(len(value) <= METADATA_CHARS_MAX for value in metadata.values())
        assert set(talk.metadata) == {
            "user_id", "model", "plan", "channel", "locale", "app_version",
        }  # fmt: skip


def test_it_has_events_tools_ratings_and_feedback(world: list[Conversation]) -> None:
    items = [item for talk in world for item in talk.messages]
    events = {item.name for item in items if item.kind is Kind.EVENT}
    assert events == {"Checkout", "card_ordered", "agent_handover", "feedback_opened"}
    tools = [item for item in items if item.kind is Kind.TOOL]
    assert "lookup_transaction" in {item.name for item in tools}
    assert all(item.input and item.observation for item in tools)
    answers = [item for item in items if item.role == "assistant"]
    assert mean(item.rating != 0 for item in answers) == pytest.approx(0.12, abs=0.03)
    assert not any(item.rating for item in items if item.role != "assistant")
    assert mean(talk.feedback != "" for talk in world) == pytest.approx(0.03, abs=0.015)


def test_more_people_come_every_month_and_fewer_at_weekends(world: list[Conversation]) -> None:
    months = Counter(day(talk) // 30 for talk in world)
    assert months[0] < months[1] < months[2]
    week = Counter(talk.messages[0].at.weekday() for talk in world)
    assert max(week[5], week[6]) < min(week[day] for day in range(5))


def test_the_strike_makes_people_unhappy_about_deliveries(crowd: list[Conversation]) -> None:
    before = satisfaction(crowd, "track_parcel", range(76))
    during = satisfaction(crowd, "track_parcel", range(76, 90))
    assert during < before - 0.4


def test_the_new_model_is_better_at_refunds_and_worse_at_rates(crowd: list[Conversation]) -> None:
    models = {talk.model for talk in crowd if day(talk) < 60}
    assert models == {"gpt-4o-mini", "mistral-small"}
    assert "claude-haiku-4-5" in {talk.model for talk in crowd if day(talk) >= 60}
    early, late = range(60), range(60, 90)
    for tool, better in (("lookup_transaction", 1), ("get_rate", -1)):
        change = satisfaction(crowd, tool, late) - satisfaction(crowd, tool, early)
        assert change * better > 0.3


def test_people_who_write_spanish_come_back_more(world: list[Conversation]) -> None:
    days: dict[str, dict[str, set[int]]] = {name: {} for name in LANGUAGES}
    for talk in world:
        days[language(talk)].setdefault(talk.user, set()).add(day(talk))
    returning = {
        name: mean(len(seen) > 1 for seen in users.values()) for name, users in days.items()
    }
    assert max(returning, key=lambda name: returning[name]) == "es"
    assert returning["es"] > returning["en"] + 0.1


@pytest.mark.parametrize("name", LANGUAGES)
def test_every_language_has_the_same_things_to_say(name: str) -> None:
    english, other = phrases("en"), phrases(name)
    assert {key: set(english[key]) for key in ("slots", "formats", "common")} == {
        key: set(other[key]) for key in ("slots", "formats", "common")
    }
    assert len(other["slots"]["currency"]) == len(phrases("subjects")["euro_buys"])
    for subject in subjects():
        for part in ("cases", "more"):
            assert len(other[subject.name][part]) == len(english[subject.name][part])
        assert other[subject.name]["bad"]
