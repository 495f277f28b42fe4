"""The Context API's bodies as conversations, and conversations as its answers."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn

import msgspec
from msgspec import UNSET

from causerie.conversations import (
    ID_CHARS_MAX,
    MESSAGES_MAX,
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
    Rating,
    nests_deeper,
    spread_times,
)
from causerie.errors import Invalid, TooLarge
from causerie.wire import contextai as wire

RATING_WORDS = {-1: "negative", 0: "neutral", 1: "positive"}
_log_body = msgspec.json.Decoder(wire.LogBody)
_patch_body = msgspec.json.Decoder(wire.PatchBody | list[wire.MessagePatch])
_PATH = re.compile(r"^(?P<what>.*?)(?: - at `\$\.?(?P<path>.*)`)?$", re.DOTALL)


def decode_log(body: bytes) -> wire.LogBody:
    """Body of log, upsert and thread. Raises Invalid, naming the field."""
    decoded: wire.LogBody = _decode(_log_body, body)
    return decoded


def decode_patch(body: bytes) -> tuple[list[wire.MessagePatch], str | int | None]:
    """What to rate and the tenant named in the body, from either shape of a thread patch."""
    decoded = _decode(_patch_body, body)
    patches = decoded if isinstance(decoded, list) else decoded.messages
    if len(patches) > MESSAGES_MAX:
        raise TooLarge(f"messages: over {MESSAGES_MAX} (MESSAGES_MAX)", field="messages")
    return patches, None if isinstance(decoded, list) else decoded.tenant_id


def _decode(decoder: Any, body: bytes) -> Any:
    if not body:
        raise Invalid("the body is empty, JSON is expected", field="body")
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        _blame(str(error))
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Invalid(f"the body is not JSON: {error}", field="body") from error
    except RecursionError as error:
        raise Invalid("the body is nested too deeply", field="body") from error


def _blame(message: str) -> NoReturn:
    found = _PATH.match(message)
    what, field = (found["what"], found["path"] or "body") if found else (message, "body")
    raise Invalid(f"{field}: {what}", field=field)


def tenant_of(in_query: str | None, in_body: str | int | None) -> str | None:
    """The tenant, from the query (the SDKs) or the body (the documentation); None if not named."""
    body = None if in_body is None else str(in_body)
    if in_query is not None and body is not None and in_query != body:
        raise Invalid("tenant_id: the query and the body name different tenants", field="tenant_id")
    tenant = body if in_query is None else in_query
    if tenant is not None:
        _check_text("tenant_id", tenant, TENANT_CHARS_MAX)
    return tenant


def conversation_of(
    body: wire.LogBody, tenant: str, now: datetime, *, thread: bool
) -> Conversation:
    """What was sent as a Conversation without message ids. Raises Invalid, naming the field."""
    given = body.conversation
    if given.messages is None or not (given.messages or thread):
        raise Invalid(
            "conversation.messages: at least one message is needed", field="conversation.messages"
        )
    if len(given.messages) > MESSAGES_MAX:
        raise TooLarge(
            f"conversation.messages: over {MESSAGES_MAX} messages (MESSAGES_MAX)",
            field="conversation.messages",
        )
    id = str(given.id) if thread and given.id is not None else ""
    _check_text("conversation.id", id, ID_CHARS_MAX)
    feedback = given.feedback or ""
    _check_text("conversation.feedback", feedback)
    return Conversation(
        id=id,
        tenant=tenant,
        metadata=_metadata("conversation.metadata", given.metadata),
        feedback=feedback,
        messages=_messages(given.messages, now),
    )


def _messages(given: Sequence[wire.MessageIn], now: datetime) -> list[Message]:
    paths = [f"conversation.messages[{index}]" for index in range(len(given))]
    stamps = [
        _stamp(path, item.event_timestamp, now) for path, item in zip(paths, given, strict=True)
    ]
    times = spread_times(stamps, now)
    return [_message(path, item, at) for path, item, at in zip(paths, given, times, strict=True)]


def _message(path: str, given: wire.MessageIn, at: datetime) -> Message:
    kind = _kind(path, given)
    text = _text_of(path, given, kind)
    rating = given.rating or 0
    if rating not in Rating.__members__.values():
        raise Invalid(f"{path}.rating: -1, 0 or 1 is expected", field=f"{path}.rating")
    _check_text(f"{path}.role", given.role or "", ROLE_CHARS_MAX)
    _check_text(f"{path}.name", given.name or "", NAME_CHARS_MAX)
    _check_text(f"{path}.thought", given.thought or "")
    return Message(
        id="",
        position=0,
        at=at,
        kind=kind,
        role=given.role or "",
        text=text,
        rating=rating,
        name=given.name or "",
        thought=given.thought or "",
        input=_json_text(f"{path}.input", given.input),
        observation=_plain_text(f"{path}.observation", given.observation),
        metadata=_metadata(f"{path}.metadata", given.metadata) if given.metadata else {},
    )


def _kind(path: str, given: wire.MessageIn) -> Kind:
    try:
        return Kind(given.type or "message")
    except ValueError:
        raise Invalid(
            f"{path}.type: message, tool or event is expected", field=f"{path}.type"
        ) from None


def _text_of(path: str, given: wire.MessageIn, kind: Kind) -> str:
    if kind is Kind.MESSAGE:
        if not given.role:
            raise Invalid(f"{path}.role is missing", field=f"{path}.role")
        if given.message is UNSET:
            raise Invalid(f"{path}.message is missing", field=f"{path}.message")
    elif not given.name:
        raise Invalid(f"{path}.name is missing", field=f"{path}.name")
    text = given.message or ""
    _check_text(f"{path}.message", text)
    return text


def _stamp(path: str, text: str | None, now: datetime) -> datetime | None:
    if not text:
        return None
    field = f"{path}.event_timestamp"
    try:
        stamp = datetime.fromisoformat(text)
        stamp = stamp.replace(tzinfo=UTC) if stamp.tzinfo is None else stamp.astimezone(UTC)
    except (ValueError, OverflowError):
        raise Invalid(f"{field}: an ISO 8601 time is expected", field=field) from None
    if not TIMESTAMP_FIRST <= stamp <= now + timedelta(hours=TIMESTAMP_AHEAD_HOURS_MAX):
        raise Invalid(
            f"{field}: before {TIMESTAMP_FIRST.year} or more than "
            f"{TIMESTAMP_AHEAD_HOURS_MAX} hours ahead (TIMESTAMP_AHEAD_HOURS_MAX)",
            field=field,
        )
    return stamp


def _metadata(path: str, given: Mapping[str, Any] | None) -> dict[str, str]:
    """String to string; other values as the Python client would have written them."""
    kept = {}
    for key, value in (given or {}).items():
        if value is None:
            continue
        text = value if isinstance(value, str) else _json_text(f"{path}.{key}", value)
        _check_text(f"{path}.{key}"[:200], key + text)
        kept[key] = text
    return kept


def _json_text(path: str, value: Any) -> str:
    if value is None:
        return ""
    if nests_deeper(value, NESTING_MAX):
        raise Invalid(f"{path} is nested deeper than {NESTING_MAX} (NESTING_MAX)", field=path)
    text = msgspec.json.encode(value).decode()
    if "\\u0000" in text:
        raise Invalid(f"{path} holds a NUL character", field=path)
    _check_text(path, text)
    return text


def _plain_text(path: str, value: Any) -> str:
    if not isinstance(value, str):
        return _json_text(path, value)
    _check_text(path, value)
    return value


def _check_text(field: str, text: str, chars_max: int | None = None) -> None:
    if "\x00" in text:
        raise Invalid(f"{field} holds a NUL character", field=field)
    if chars_max is not None and len(text) > chars_max:
        raise Invalid(f"{field} is over {chars_max} characters", field=field)
    if len(text) > TEXT_BYTES_MAX // 4 and len(text.encode()) > TEXT_BYTES_MAX:
        raise TooLarge(f"{field} is over {TEXT_BYTES_MAX} bytes (TEXT_BYTES_MAX)", field=field)


def thread_answer(thread: Conversation) -> wire.ThreadResponse:
    """What a thread append answers: the id and the messages with theirs."""
    appended = [
        wire.Appended(message.id, message.role, message.text, RATING_WORDS[message.rating])
        for message in thread.messages
    ]
    return wire.ThreadResponse("ok", wire.ThreadData(thread.id, appended))


def iso(at: datetime) -> str:
    """A time as the clients parse it: UTC, with T and Z."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
