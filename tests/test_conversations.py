"""Identity, times, metadata and summaries of conversations."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from causerie.conversations import (
    METADATA_CHARS_MAX,
    METADATA_KEYS_MAX,
    Conversation,
    Kind,
    Message,
    identify,
    message_id,
    number,
    spread_times,
    summarize,
    trim_metadata,
)

NOW = datetime(2026, 5, 20, 12, tzinfo=UTC)


def transcript(*texts: str, rating: int = 0, **given: Any) -> Conversation:
    messages = [
        Message(
            id="",
            position=0,
            at=NOW,
            role=("user", "assistant")[index % 2],
            text=text,
            rating=rating,
        )
        for index, text in enumerate(texts)
    ]
    return Conversation(id="c", messages=messages, **given)


def continues(later: Conversation, earlier: Conversation) -> bool:
    first, second = identify(earlier), identify(later)
    assert first is not None and second is not None
    return second.opening == first.opening and second.continues(first.chain)


def test_a_message_id_looks_like_the_services_and_is_the_same_for_the_same_seed() -> None:
    assert message_id("seed", 0) == message_id("seed", 0)
    assert message_id("seed", 0) != message_id("seed", 1)
    assert len(message_id("seed", 0)) == 17 and message_id("seed", 0).startswith("e_")
    assert message_id("seed", 0)[2:].isalpha() and message_id("seed", 0).islower()


def test_a_longer_transcript_continues_the_shorter_one() -> None:
    assert continues(transcript("hi", "hello", "and?", "so"), transcript("hi", "hello"))


def test_a_transcript_that_comes_again_with_a_rating_is_the_same() -> None:
    assert continues(transcript("hi", "hello", rating=1), transcript("hi", "hello"))


def test_a_transcript_that_parts_from_the_earlier_one_is_another() -> None:
    assert not continues(transcript("hi", "hello", "b"), transcript("hi", "hello", "a"))


def test_other_metadata_or_another_tenant_makes_another_conversation() -> None:
    earlier = transcript("hi", "hello", metadata={"user_id": "1"})
    assert not continues(transcript("hi", "hello", metadata={"user_id": "2"}), earlier)
    assert not continues(transcript("hi", "hello", metadata={"user_id": "1"}, tenant="t"), earlier)


def test_metadata_in_another_order_is_the_same_metadata() -> None:
    earlier = transcript("hi", "hello", metadata={"a": "1", "b": "2"})
    assert continues(transcript("hi", "hello", metadata={"b": "2", "a": "1"}), earlier)


def test_a_single_message_has_no_identity() -> None:
    assert identify(transcript("hi")) is None


def test_an_event_changes_neither_identity_nor_the_ids_of_messages() -> None:
    plain = transcript("hi", "hello", "more")
    event = Message(id="", position=0, at=NOW, kind=Kind.EVENT, name="Checkout")
    with_event = Conversation(id="c", messages=[plain.messages[0], event, *plain.messages[1:]])
    assert identify(plain) == identify(with_event)
    ids = [message.id for message in number(plain).messages]
    numbered = [message for message in number(with_event).messages if message.kind is Kind.MESSAGE]
    assert [message.id for message in numbered] == ids


def test_a_key_that_is_cut_takes_no_other_keys_place_unsaid() -> None:
    long = "k" * (METADATA_CHARS_MAX + 1)
    kept, lost = trim_metadata({long[:-1]: "1", long: "2"})
    assert kept == {long[:-1]: "1"} and len(lost) == 1 and "dropped" in lost[0]


def test_texts_cannot_be_cut_differently_to_look_the_same() -> None:
    assert not continues(transcript("ab", "c"), transcript("a", "bc"))


def test_one_stamp_anywhere_dates_the_whole_transcript() -> None:
    stamp = NOW - timedelta(days=9)
    assert spread_times([None, stamp, None], NOW) == [stamp, stamp, stamp]
    assert spread_times([None, None], NOW) == [NOW, NOW]
    later = stamp + timedelta(minutes=1)
    assert spread_times([stamp, None, later], NOW) == [stamp, stamp, later]


def test_metadata_within_the_limits_is_kept_whole() -> None:
    given = {f"key {n}": "v" * METADATA_CHARS_MAX for n in range(METADATA_KEYS_MAX)}
    assert trim_metadata(given) == (given, [])


def test_of_too_much_metadata_the_reserved_keys_are_kept_and_the_rest_is_told() -> None:
    given = {f"k{n}": "v" for n in range(METADATA_KEYS_MAX)} | {"user_id": "u", "model": "m"}
    kept, lost = trim_metadata(given)
    assert len(kept) == METADATA_KEYS_MAX and kept["user_id"] == "u" and kept["model"] == "m"
    assert len(lost) == 2


def test_a_value_that_is_too_long_is_cut_and_told() -> None:
    kept, lost = trim_metadata({"k" * 50: "v" * 50})
    assert kept == {"k" * 40: "v" * 40} and len(lost) == 1


def test_a_summary_counts_messages_by_role_and_kind() -> None:
    messages = [
        *transcript("one two", "answer", rating=1).messages,
        Message(id="t", position=0, at=NOW, kind=Kind.TOOL, name="search"),
        Message(id="e", position=0, at=NOW + timedelta(hours=1), kind=Kind.EVENT, name="Paid"),
    ]
    summary = summarize(messages, NOW)
    assert (summary.messages, summary.user_messages, summary.assistant_messages) == (2, 1, 1)
    assert (summary.tools, summary.events, summary.thumbs_up) == (1, 1, 2)
    assert (summary.started_at, summary.ended_at) == (NOW, NOW + timedelta(hours=1))
    assert summary.preview == "one two"


def test_a_conversation_without_messages_begins_when_it_arrived() -> None:
    summary = summarize([], NOW)
    assert (summary.started_at, summary.messages, summary.preview) == (NOW, 0, "")
