"""A conversation on its way in from a file: as the file wrote it, then as a Conversation.

Here are the rules that all formats share: times, limits, metadata as text, ratings as thumbs.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec

from causerie.conversations import (
    ID_CHARS_MAX,
    NAME_CHARS_MAX,
    NESTING_MAX,
    ROLE_CHARS_MAX,
    TENANT_CHARS_MAX,
    TEXT_BYTES_MAX,
    TIMESTAMP_AHEAD_HOURS_MAX,
    TIMESTAMP_FIRST,
    Conversation,
    Kind,
    Message,
    message_id,
    nests_deeper,
    spread_times,
    trim_metadata,
)
from causerie.errors import Invalid

Stamp = str | int | float | None
"""A time as files write it."""
ROLES = {
    "human": "user",
    "prompter": "user",
    "gpt": "assistant",
    "chatgpt": "assistant",
    "bard": "assistant",
    "bing": "assistant",
    "model": "assistant",
    "developer": "system",
}
"""Other tools' words for the three roles that the reports know; any other is kept."""
TOOL_ROLES = ("tool", "function", "observation", "function_response")
EPOCH_SECONDS_MAX = 1e11
"""A number above it counts milliseconds."""
RATED_EVENT = "rated"
"""The event that keeps the scores a person gave to a conversation as a whole."""


@dataclass
class Item:
    """A message on its way in: as Message, but its time is still as the file wrote it."""

    path: str
    """Where it stands in the line, for error messages: `messages[3]`."""
    kind: Kind = Kind.MESSAGE
    role: str = ""
    text: str = ""
    at: Stamp = None
    at_key: str = "created_at"
    rating: int = 0
    name: str = ""
    thought: str = ""
    input: str = ""
    observation: str = ""
    metadata: dict[str, str] = field(default_factory=dict)
    id: str = ""
    """Its id within the conversation, where the file gives one."""

    @property
    def says_something(self) -> bool:
        """Whether there is anything to read in it."""
        return bool(self.text or self.name or self.input or self.observation)


@dataclass
class Draft:
    """A conversation on its way in; `format` becomes the end of its source."""

    format: str
    items: list[Item]
    id: str = ""
    tenant: str = ""
    metadata: dict[str, str] = field(default_factory=dict)
    feedback: str = ""
    started_at: Stamp = None
    started_key: str = "started_at"
    complete: bool = False
    """Kept also where nobody says anything."""


def finish(draft: Draft, id: str, now: datetime) -> Conversation:
    """The conversation of a draft. Raises Invalid, naming the field, where a limit is passed.

    `now` dates what has no time at all, and bounds the times that are possible.
    """
    metadata, _ = trim_metadata(draft.metadata)
    return Conversation(
        id=_within(id, ID_CHARS_MAX, "id"),
        tenant=_within(draft.tenant, TENANT_CHARS_MAX, "tenant_id"),
        metadata=metadata,
        feedback=_text(draft.feedback, "feedback"),
        source=f"import:{draft.format}",
        messages=[
            _message(item, own, at)
            for item, own, at in zip(
                draft.items, _message_ids(draft, id), _times(draft, now), strict=True
            )
        ],
    )


def _message_ids(draft: Draft, id: str) -> list[str]:
    """The ids that the file gives, if they tell all messages apart; else by place."""
    given = [_within(item.id, ID_CHARS_MAX, f"{item.path}.id") for item in draft.items]
    if all(given) and len(set(given)) == len(given):
        return given
    return [message_id(id, index) for index, _ in enumerate(draft.items)]


def _times(draft: Draft, now: datetime) -> list[datetime]:
    stamps = [_time(item.at, now, f"{item.path}.{item.at_key}") for item in draft.items]
    if stamps and stamps[0] is None:
        stamps[0] = _time(draft.started_at, now, draft.started_key)
    return spread_times(stamps, now)


def _time(given: Stamp, now: datetime, field: str) -> datetime | None:
    if given is None or given == "":
        return None
    try:
        time = _parsed_time(given)
    except (ValueError, OverflowError, OSError) as error:
        raise Invalid(f"the time {str(given)[:40]!r} cannot be understood", field=field) from error
    if not TIMESTAMP_FIRST <= time <= now + timedelta(hours=TIMESTAMP_AHEAD_HOURS_MAX):
        raise Invalid(f"the time {str(given)[:40]!r} is impossible", field=field)
    return time


def _parsed_time(given: str | int | float) -> datetime:
    """ISO 8601 (UTC where no zone is given), the date of an HTTP header, or a Unix time."""
    if not isinstance(given, str):
        seconds = given if abs(given) < EPOCH_SECONDS_MAX else given / 1000
        return datetime.fromtimestamp(seconds, UTC)
    iso = given[:1].isdigit()
    time = datetime.fromisoformat(given) if iso else parsedate_to_datetime(given)
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)


def _message(item: Item, id: str, at: datetime) -> Message:
    metadata, _ = trim_metadata(item.metadata)
    return Message(
        id=id,
        position=0,
        at=at,
        kind=item.kind,
        role=_within(item.role, ROLE_CHARS_MAX, f"{item.path}.role"),
        text=_text(item.text, item.path),
        rating=item.rating,
        name=_within(item.name, NAME_CHARS_MAX, f"{item.path}.name"),
        thought=_text(item.thought, f"{item.path}.thought"),
        input=_text(item.input, f"{item.path}.input"),
        observation=_text(item.observation, f"{item.path}.observation"),
        metadata=metadata,
    )


def _within(value: str, chars_max: int, field: str) -> str:
    if len(value) > chars_max:
        raise Invalid(f"longer than {chars_max} characters", field=field)
    return value


def _text(value: str, field: str) -> str:
    if len(value) * 4 > TEXT_BYTES_MAX and len(value.encode()) > TEXT_BYTES_MAX:
        raise Invalid(f"longer than {TEXT_BYTES_MAX} bytes", field=field)
    return value


def plain(given: dict[str, Any], where: str) -> dict[str, str]:
    """Metadata as text: numbers and truth values are written out, null is left out."""
    written = {}
    for key, value in given.items():
        if isinstance(value, dict | list):
            raise Invalid("expected text", field=f"{where}.{key}")
        if value is not None:
            written[key] = str(value)
    return written


def exact_json(value: Any) -> str:
    """A value as JSON text; text becomes a JSON string. Raises Invalid where it is too deep."""
    if nests_deeper(value, NESTING_MAX):
        raise Invalid(f"what a tool was given or answered is nested deeper than {NESTING_MAX}")
    return msgspec.json.encode(value).decode()


def json_text(value: Any) -> str:
    """A tool's arguments as JSON text, also where they came as text that is none."""
    if not isinstance(value, str):
        return exact_json(value)
    try:
        is_json = not nests_deeper(msgspec.json.decode(value.encode()), NESTING_MAX)
    except (msgspec.DecodeError, RecursionError):
        is_json = False
    return value if is_json or not value else msgspec.json.encode(value).decode()


Scale = tuple[float, float]
THUMBS: Scale = (-1, 1)
STARS: Scale = (1, 5)


def scale_of(stated: Any, ratings: Iterable[float]) -> Scale:
    """Lowest and highest rating. Where it is not stated, a rating above 1 shows that it is 1 to 5.

    So a lone 1 without a stated scale is a thumb up.
    """
    match stated:
        case [int() | float() as low, int() | float() as high] if low < high:
            return low, high
    return STARS if max(ratings, default=0) > 1 else THUMBS


def thumb(rating: float | None, scale: Scale, field: str) -> int:
    """-1, 0 or 1: the lower two fifths of the scale, its middle fifth, the upper two."""
    low, high = scale
    if rating is None:
        return 0
    if not low <= rating <= high:
        raise Invalid(f"{rating:g} is not between {low} and {high}", field=field)
    share = (rating - low) / (high - low)
    return (share > 0.6) - (share < 0.4)


def rated(scores: dict[str, Any], at_path: str = "feedback") -> Item:
    """The scores that a person gave to the whole conversation, as an event at its end.

    They are nobody's thumb on one message, so no message gets one. Of the scores only an overall
    `rating` counts as a thumb; all are kept as the event's metadata.
    """
    overall = scores.get("rating")
    given = overall if isinstance(overall, int | float) else None
    scale = scale_of(scores.get("scale"), [given or 0])
    kept = {key: value for key, value in scores.items() if key != "scale"}
    return Item(
        at_path,
        Kind.EVENT,
        name=RATED_EVENT,
        rating=thumb(given, scale, f"{at_path}.rating"),
        metadata={**plain(kept, at_path), "scale": f"{scale[0]} to {scale[1]}"},
    )
