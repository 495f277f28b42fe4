"""Recording: an exchange as the gateway saw it, before it is masked, named, priced and kept."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import msgspec

from causerie.chats import ChatMessage, chat_items
from causerie.conversations import (
    ID_CHARS_MAX,
    NAME_CHARS_MAX,
    ROLE_CHARS_MAX,
    Conversation,
    Kind,
    Message,
    message_id,
)
from causerie.drafts import Item
from causerie.endpoints import Price
from causerie.exchanges import Exchange
from causerie.store.arrivals import Resumption

ENDING_DIGEST_BYTES = 16
BROKEN_OFF = "broken off"
FAILED_EVENT = "call_failed"


class Recording(msgspec.Struct, gc=False, frozen=True, kw_only=True, omit_defaults=True):
    """All that is known of one exchange when it ends."""

    project: str
    exchange: Exchange
    """Without its cost, and with the usage that the provider reported."""
    words: bool = True
    """Whether what was said is kept, or only what it took."""
    asked: bytes = b"[]"
    """JSON array of the messages of the call: all of it, or what is new in a context."""
    opening: bytes = b""
    """JSON array of what the conversation begins with, however often that is told."""
    answered: tuple[bytes, ...] = ()
    """JSON of each message of the answer."""
    thoughts: tuple[str, ...] = ()
    counted: bool = False
    """Whether the provider reported the usage."""
    sent: bytes = b""
    """JSON array of all messages that the model read, where that is more than `asked`."""
    metadata: dict[str, str] = {}
    named: bool = False
    """The caller names the conversation, in `exchange.conversation`."""
    base_url: str = ""
    price: Price | None = None
    """The endpoint's own."""


class Piece(msgspec.Struct, gc=False, frozen=True, tag="piece"):
    """Some words of a streamed answer."""

    id: str
    text: str


class Begun(msgspec.Struct, gc=False, frozen=True, tag="begun"):
    """A stream that has begun; the recording is what it would be if it ended now."""

    recording: Recording


class Ended(msgspec.Struct, gc=False, frozen=True, tag="ended"):
    """An exchange that has come to its end."""

    recording: Recording


Names = dict[str | None, str]
"""Id of a tool call to the name of the tool."""
encode = msgspec.msgpack.Encoder().encode
decode_record = msgspec.msgpack.Decoder(Begun | Piece | Ended).decode
encode_json = msgspec.json.Encoder().encode
decode_chat = msgspec.json.Decoder(list[ChatMessage])
decode_any = msgspec.json.Decoder()


def conversation_of(recording: Recording) -> tuple[Conversation, int]:
    """What was said, with how many of its messages are new in this call."""
    exchange = recording.exchange
    asked = chat_of(recording.asked)
    start = history_length(asked)
    earlier = _items(asked[:start], {})
    calls = [call for said in asked for call in said.calls if call.id]
    names: Names = {call.id: call.function.name for call in calls}
    new = _items(asked[start:], names)
    messages = [_message(item, exchange, index) for index, item in enumerate([*earlier, *new])]
    opening = _opening(recording)
    answered = _answered(recording, len(messages))
    conversation = Conversation(
        id=exchange.conversation or exchange.id,
        tenant=exchange.tenant,
        metadata=_metadata(recording),
        source="gateway",
        messages=[*opening, *messages, *answered],
    )
    return conversation, len(new) + len(answered)


def chat_of(document: bytes) -> list[ChatMessage]:
    """The messages, read as far as they can be: a caller may send what no one has seen yet."""
    try:
        return decode_chat.decode(document)
    except msgspec.DecodeError:
        found = _any(document)
    return [_lenient(said) for said in found] if isinstance(found, list) else []


def _any(document: bytes) -> Any:
    try:
        return decode_any.decode(document)
    except (msgspec.DecodeError, RecursionError):
        # Half of a letter, or too deep: nobody can read it, but it was said.
        return [document.decode(errors="replace")]


def _lenient(said: Any) -> ChatMessage:
    try:
        return msgspec.convert(said, ChatMessage)
    except msgspec.ValidationError:
        role = said.get("role") if isinstance(said, dict) else None
        text = encode_json(said.get("content", said) if isinstance(said, dict) else said).decode()
        return ChatMessage(role=role if isinstance(role, str) else "user", content=text)


def history_length(asked: Sequence[ChatMessage]) -> int:
    """How many messages were there before this call: all up to the last of the assistant's."""
    places = [place for place, said in enumerate(asked, 1) if said.role == "assistant"]
    return places[-1] if places else 0


def _items(chat: Sequence[ChatMessage], names: Names) -> list[Item]:
    items = list(chat_items(chat, "messages"))
    answers = [said for said in chat if said.tool_call_id in names]
    nameless = (item for item in items if item.kind is Kind.TOOL and not item.name)
    for item, said in zip(nameless, answers, strict=False):
        item.name = names[said.tool_call_id]
    return items


def _message(item: Item, exchange: Exchange, index: int, **more: Any) -> Message:
    return Message(
        id=message_id(exchange.id, index),
        position=0,
        at=exchange.at,
        kind=item.kind,
        role=item.role[:ROLE_CHARS_MAX],
        text=item.text.replace("\0", ""),
        name=item.name[:NAME_CHARS_MAX],
        input=item.input,
        observation=item.observation,
        **more,
    )


def _opening(recording: Recording) -> list[Message]:
    """The initial messages of a context, which have the same ids each time."""
    exchange = recording.exchange
    items = _items(chat_of(recording.opening), {}) if recording.opening else []
    said = [_message(item, exchange, index) for index, item in enumerate(items)]
    seed = f"{exchange.context}\0opening"
    return [
        msgspec.structs.replace(one, id=message_id(seed, index)) for index, one in enumerate(said)
    ]


def _answered(recording: Recording, start: int) -> list[Message]:
    """The answer, or what came instead of it."""
    exchange = recording.exchange
    told: list[Message] = []
    for place, document in enumerate(recording.answered):
        metadata = {"partial": exchange.error or BROKEN_OFF} if exchange.partial else {}
        for item in _items(chat_of(b"[" + document + b"]"), {}):
            thought = recording.thoughts[place] if place < len(recording.thoughts) else ""
            message = _message(item, exchange, start + len(told), metadata=metadata)
            told.append(msgspec.structs.replace(message, thought=thought))
    if exchange.error:
        item = Item("answer", Kind.EVENT, name=FAILED_EVENT, text=exchange.error)
        told.append(_message(item, exchange, start + len(told)))
    return told


def _metadata(recording: Recording) -> dict[str, str]:
    exchange = recording.exchange
    own = {
        "user_id": exchange.user,
        "model": exchange.model,
        "endpoint": exchange.endpoint,
        "context": exchange.context,
    }
    given = {name: value for name, value in recording.metadata.items() if name not in own}
    return {**{name: value[:ID_CHARS_MAX] for name, value in own.items() if value}, **given}


def resumption_of(recording: Recording, recent: int, salt: bytes) -> Resumption:
    """How the conversation is found that this exchange goes on with."""
    exchange = recording.exchange
    asked = chat_of(recording.asked)
    start = history_length(asked)
    answered = chat_of(b"[" + recording.answered[0] + b"]") if recording.answered else []
    scope = (exchange.tenant, exchange.user, exchange.context)
    key = hashlib.blake2b(salt, digest_size=32).digest()
    return Resumption(
        ending=_ending(asked[:start], scope, key) if start else None,
        next_ending=_ending([*asked, *answered], scope, key),
        recent=recent,
        named=recording.named,
    )


def _ending(chat: Sequence[ChatMessage], scope: tuple[str, ...], key: bytes) -> bytes:
    """Stands for the last two messages, whatever the caller does to the white space around them."""
    digest = hashlib.blake2b("\0".join(scope).encode(), key=key, digest_size=ENDING_DIGEST_BYTES)
    talk = [said for said in chat if said.role not in ("system", "developer")]
    for said in talk[-2:]:
        content = said.content.strip() if isinstance(said.content, str) else said.content
        calls = [(call.function.name, call.function.arguments) for call in said.calls]
        digest.update(encode_json((said.role, content or "", calls)) + b"\n")
    return digest.digest()
