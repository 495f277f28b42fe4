"""Conversation, Message, Rating: what an exchange with a model is, and when two are the same.

Pure values and rules. Ids and times come in from the flows.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from enum import IntEnum, StrEnum
from typing import Any

import msgspec

METADATA_KEYS_MAX = 20
METADATA_CHARS_MAX = 40
TENANT_CHARS_MAX = 40
MESSAGES_MAX = 5_000
TEXT_BYTES_MAX = 4 * 1024 * 1024
ID_CHARS_MAX = 200
ROLE_CHARS_MAX = 40
NAME_CHARS_MAX = 200
NESTING_MAX = 100
TIMESTAMP_AHEAD_HOURS_MAX = 24
TIMESTAMP_FIRST = datetime(1990, 1, 1, tzinfo=UTC)
UPSERT_WINDOW = timedelta(hours=6)
UPSERT_PREFIX_MESSAGES = 2
LETTERS = str.maketrans("0123456789", "ghijklmnop")
"""Makes hexadecimal digits letters."""


class Kind(StrEnum):
    """What an item of a conversation is."""

    MESSAGE = "message"
    TOOL = "tool"
    EVENT = "event"


class Rating(IntEnum):
    """The thumbs of a person: down, none given, up."""

    NEGATIVE = -1
    NEUTRAL = 0
    POSITIVE = 1


class Message(msgspec.Struct, gc=False, frozen=True, kw_only=True, omit_defaults=True):
    """One item of a conversation, in order of `position` within it."""

    id: str
    position: int
    at: datetime
    kind: Kind = Kind.MESSAGE
    role: str = ""
    text: str = ""
    rating: int = 0
    name: str = ""
    thought: str = ""
    input: str = ""
    """A tool's arguments, as JSON text."""
    observation: str = ""
    metadata: dict[str, str] = {}
    masked: tuple[str, ...] = ()
    """What personal data was taken out, such as `email:3f9a1c0b7d`: in the order of the text."""

    @property
    def texts(self) -> list[str]:
        """All that was said or handed over in it, where there is something."""
        given = (self.text, self.name, self.thought, self.input, self.observation)
        return [text for text in given if text] + [
            f"{key}: {value}" for key, value in self.metadata.items()
        ]


class Conversation(msgspec.Struct, gc=False, frozen=True, kw_only=True, omit_defaults=True):
    """A transcript of one project. `messages` may be all of it or what is to be appended."""

    id: str
    tenant: str = ""
    metadata: dict[str, str] = {}
    feedback: str = ""
    source: str = ""
    messages: list[Message] = []

    @property
    def user(self) -> str:
        """The person who talked, by the reserved metadata key."""
        return self.metadata.get("user_id", "")

    @property
    def model(self) -> str:
        """The model that answered, by the reserved metadata key."""
        return self.metadata.get("model", "")


def message_id(seed: str, index: int) -> str:
    """An id like `e_aeglcefpnoqeumu`, always the same for the same seed and index.

    Deterministic, so that moving a batch twice writes the same rows.
    """
    digest = hashlib.blake2b(f"{seed}\0{index}".encode(), digest_size=8).hexdigest()
    return "e_" + digest[:15].translate(LETTERS)


def number(transcript: Conversation) -> Conversation:
    """A full transcript with the ids that its messages get from their place in it.

    Events are counted apart: they may be missing the next time the transcript is sent.
    """
    talk = events = 0
    messages = []
    for message in transcript.messages:
        if message.kind is Kind.EVENT:
            own, events = message_id(f"{transcript.id}\0event", events), events + 1
        else:
            own, talk = message_id(transcript.id, talk), talk + 1
        messages.append(msgspec.structs.replace(message, id=own))
    return msgspec.structs.replace(transcript, messages=messages)


def spread_times(stamps: Sequence[datetime | None], now: datetime) -> list[datetime]:
    """When each message happened, given those that say so.

    A message without a time takes that of the stamped one before it, else of the first stamped
    one, else `now`: one stamp anywhere dates the whole transcript, as the Context service did.
    """
    first = next((stamp for stamp in stamps if stamp is not None), now)
    times = []
    latest = first
    for stamp in stamps:
        latest = stamp or latest
        times.append(latest)
    return times


def trim_metadata(given: dict[str, str]) -> tuple[dict[str, str], list[str]]:
    """What of `given` fits the limits, and a sentence for each thing that did not.

    Keys and values are cut at 40 characters; the reserved keys come first when there are more
    than 20, then the order given. A user's id keeps its beginning and gets a digest, so that users
    whose ids begin alike stay apart.
    """
    kept: dict[str, str] = {}
    lost: list[str] = []
    for key in sorted(given, key=lambda key: key not in ("user_id", "model")):
        name = key[:METADATA_CHARS_MAX]
        if len(kept) >= METADATA_KEYS_MAX:
            lost.append(f"key {name!r} dropped: over {METADATA_KEYS_MAX} keys")
            continue
        if name in kept:
            lost.append(f"key {name!r} dropped: another begins with the same characters")
            continue
        if len(key) > METADATA_CHARS_MAX or len(given[key]) > METADATA_CHARS_MAX:
            lost.append(f"key {name!r} cut at {METADATA_CHARS_MAX} characters")
        kept[name] = _cut_user(given[key]) if key == "user_id" else given[key][:METADATA_CHARS_MAX]
    return kept, lost


def _cut_user(id: str) -> str:
    if len(id) <= METADATA_CHARS_MAX:
        return id
    digest = hashlib.blake2b(id.encode(), digest_size=6).hexdigest()
    return f"{id[: METADATA_CHARS_MAX - len(digest) - 1]}~{digest}"


def nests_deeper(value: Any, most: int) -> bool:
    """Whether lists and objects stand in one another more than `most` deep."""
    if not isinstance(value, (list, dict)):
        return False
    inner = value.values() if isinstance(value, dict) else value
    return most == 0 or any(nests_deeper(item, most - 1) for item in inner)


class Identity(msgspec.Struct, gc=False, frozen=True):
    """How a full transcript is recognised when it comes again, longer.

    `opening` finds candidates (tenant, metadata and the first two messages); `chain[n]` stands
    for the first n+1 messages, so that one comparison tells whether one is a prefix of another.
    """

    opening: bytes
    chain: list[bytes]

    def continues(self, earlier: Sequence[bytes]) -> bool:
        """Whether this transcript is the earlier one again, longer, the same, or cut short."""
        shared = min(len(self.chain), len(earlier))
        return shared >= UPSERT_PREFIX_MESSAGES and self.chain[shared - 1] == earlier[shared - 1]


CHAIN_DIGEST_BYTES = 8


def identify(
    conversation: Conversation, sent: Conversation | None = None, salt: bytes = b""
) -> Identity | None:
    """The identity of a transcript, or None when it is too short to have one.

    Events take no part: the upsert protocol never had them. Ratings take no part: a transcript
    that comes again with a thumb on it is the same transcript. `sent` is the transcript before
    personal data was masked: by its metadata people are told apart who look the same afterwards.
    With a `salt` no digest tells who they are.
    """
    chain: list[bytes] = []
    scope = _scope(sent or conversation)
    state = hashlib.blake2b(scope, key=salt, digest_size=CHAIN_DIGEST_BYTES)
    for message in conversation.messages:
        if message.kind is Kind.EVENT:
            continue
        parts = (message.kind, message.role, message.text, message.name, message.input)
        state.update(b"\x1e".join(part.encode() for part in parts) + b"\x1d")
        chain.append(state.digest())
    if len(chain) < UPSERT_PREFIX_MESSAGES:
        return None
    return Identity(chain[UPSERT_PREFIX_MESSAGES - 1], chain)


def _scope(conversation: Conversation) -> bytes:
    return msgspec.json.encode([conversation.tenant, sorted(conversation.metadata.items())])


class Summary(msgspec.Struct, gc=False, frozen=True, kw_only=True):
    """What lists and counts need to know of a whole conversation."""

    started_at: datetime
    ended_at: datetime
    preview: str
    messages: int
    user_messages: int
    assistant_messages: int
    tools: int
    events: int
    thumbs_up: int
    thumbs_down: int


PREVIEW_CHARS_MAX = 160


def summarize(messages: Iterable[Message], begun: datetime) -> Summary:
    """Counts and span of a conversation's messages; `begun` dates one that has none yet."""
    items = list(messages)
    talk = [item for item in items if item.kind is Kind.MESSAGE]
    return Summary(
        started_at=min((item.at for item in items), default=begun),
        ended_at=max((item.at for item in items), default=begun),
        preview=_preview(talk),
        messages=len(talk),
        user_messages=sum(item.role == "user" for item in talk),
        assistant_messages=sum(item.role == "assistant" for item in talk),
        tools=sum(item.kind is Kind.TOOL for item in items),
        events=sum(item.kind is Kind.EVENT for item in items),
        thumbs_up=sum(item.rating > 0 for item in items),
        thumbs_down=sum(item.rating < 0 for item in items),
    )


def _preview(talk: Sequence[Message]) -> str:
    first = next((item for item in talk if item.role == "user"), talk[0] if talk else None)
    return (
        " ".join(first.text[: PREVIEW_CHARS_MAX * 4].split())[:PREVIEW_CHARS_MAX] if first else ""
    )
