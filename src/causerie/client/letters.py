"""Letter: something to be written to the server, as it waits, and as it travels.

What the caller handed over is copied by encoding it, in microseconds; all else happens when it is
sent. The same letter always makes the same request, byte for byte: by that, and by its key, the
server knows one that is sent again.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from urllib.parse import quote

import msgspec

from causerie.client.connection import Request
from causerie.client.items import items_of

LOG = "/api/v1/log/conversation"


class Way(StrEnum):
    """Where it goes."""

    LOG = "log"
    UPSERT = "upsert"
    THREAD = "thread"
    RATING = "rating"


class Letter(msgspec.Struct, array_like=True, kw_only=True):
    """One request that waits. `at` is when it was handed over, seconds since 1970. `line` is what
    letters without an id have in common that are to be sent one after the other.
    """

    way: Way
    key: str
    at: float
    id: str = ""
    tenant: str = ""
    user: str = ""
    messages: Any = None
    metadata: Any = None
    feedback: str | None = None
    rating: int = 0
    message_id: str = ""
    line: str = ""

    @property
    def lane(self) -> str | None:
        """Letters of one lane are sent one after the other; those of none whenever."""
        if self.id:
            return f"{self.tenant}\0{self.id}"
        if self.line:
            return f"{self.tenant}\0\0\0{self.line}"
        return f"{self.tenant}\0\0{self.user}" if self.way is Way.UPSERT else None


def _foreign(value: Any) -> Any:
    """What the encoder does not know: models as their fields, anything else as its text."""
    dump = getattr(value, "model_dump", None)
    return dump(mode="json") if callable(dump) else str(value)


_encode = msgspec.msgpack.Encoder(enc_hook=_foreign).encode
_decode = msgspec.msgpack.Decoder(Letter).decode
_body = msgspec.json.Encoder(enc_hook=_foreign).encode


def packed(letter: Letter) -> bytes:
    """The letter as it is kept. Raises RecursionError for what contains itself, ValueError or
    TypeError for what no JSON can say.
    """
    try:
        return _encode(letter)
    except (UnicodeEncodeError, OverflowError):
        cleaned = {name: _clean(getattr(letter, name)) for name in letter.__struct_fields__}
        return _encode(Letter(**cleaned))


def _clean(value: Any) -> Any:
    """Without what UTF-8 cannot hold, or a number of 64 bits."""
    match value:
        case str() if not isinstance(value, Way):
            return value.encode("utf-8", "replace").decode()
        case int() if not -(2**63) <= value < 2**64:
            return str(value)
        case Mapping():
            return {_clean(key): _clean(inner) for key, inner in value.items()}
        case list() | tuple():
            return [_clean(inner) for inner in value]
    return value


def unpacked(data: bytes) -> Letter:
    """The letter that was kept. Raises msgspec.DecodeError."""
    return _decode(data)


def request_of(letter: Letter) -> Request:
    """The letter as it travels. Raises ValueError, TypeError for what the server cannot take."""
    query = f"?tenant_id={quote(letter.tenant, safe='')}" if letter.tenant else ""
    if letter.way is Way.RATING:
        path = f"{LOG}/thread/{quote(letter.id, safe='')}{query}"
        rated: dict[str, Any] = {"rating": letter.rating}
        if letter.message_id:
            rated["id"] = letter.message_id
        return Request("PATCH", path, _body({"messages": [rated]}), letter.key)
    end = {Way.LOG: "/thread" if letter.id else "", Way.UPSERT: "/upsert"}.get(
        letter.way, "/thread"
    )
    return Request("POST", LOG + end + query, _body({"conversation": _told(letter)}), letter.key)


def _told(letter: Letter) -> dict[str, Any]:
    metadata = dict(letter.metadata or {})
    if letter.user:
        metadata["user_id"] = letter.user
    if letter.way is Way.UPSERT and letter.id:
        # Only transcripts with the same metadata are taken for the same one grown longer.
        metadata["conversation_id"] = letter.id
    told: dict[str, Any] = {"messages": _dated(items_of(letter.messages), letter.at)}
    if metadata:
        told["metadata"] = metadata
    if letter.feedback:
        told["feedback"] = letter.feedback
    if letter.id and letter.way is not Way.UPSERT:
        told["id"] = letter.id
    return told


def _dated(items: list[dict[str, Any]], at: float) -> list[dict[str, Any]]:
    """Dated when it was handed over, where nothing has a date: it may arrive much later."""
    if items and not any(item.get("event_timestamp") for item in items):
        items[0]["event_timestamp"] = datetime.fromtimestamp(at, UTC).isoformat()
    return items
