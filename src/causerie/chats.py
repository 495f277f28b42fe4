"""Chat messages as OpenAI's API writes them, and the normalised corpus, which does likewise."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from causerie.conversations import Kind
from causerie.drafts import (
    ROLES,
    THUMBS,
    TOOL_ROLES,
    Draft,
    Item,
    Scale,
    Stamp,
    json_text,
    plain,
    rated,
    scale_of,
    thumb,
)


class Function(msgspec.Struct, gc=False):
    name: str = ""
    arguments: Any = ""


class ToolCall(msgspec.Struct, gc=False):
    id: str | None = None
    function: Function = msgspec.field(default_factory=Function)


class ChatMessage(msgspec.Struct, gc=False):
    """One message, whoever says it; `role` tool answers the call with `tool_call_id`."""

    role: str
    content: str | list[dict[str, Any] | str] | None = None
    created_at: Stamp = None
    rating: float | None = None
    name: str | None = None
    tool_calls: list[ToolCall] | None = None
    tool_call_id: str | None = None
    function_call: Function | None = None

    @property
    def calls(self) -> list[ToolCall]:
        """The tools it asks for, in the present and in the earlier spelling."""
        earlier = [ToolCall(function=self.function_call)] if self.function_call else []
        return [*(self.tool_calls or []), *earlier]


class Chat(msgspec.Struct):
    """A line of messages, and what else such lines say."""

    messages: list[ChatMessage]
    id: str | None = None
    user_id: str | None = None
    user: str | None = None
    tenant_id: str | None = None
    started_at: Stamp = None
    model: str | None = None
    language: str | None = None
    source: str | None = None
    feedback: str | dict[str, Any] | None = None
    metadata: dict[str, Any] | None = None


def draft_chat(chat: Chat) -> Draft:
    """A draft of chat messages; those of the normalised corpus say where they are from."""
    scores = chat.feedback if isinstance(chat.feedback, dict) else {}
    scale = scale_of(scores.get("scale"), [said.rating or 0 for said in chat.messages])
    items = list(chat_items(chat.messages, "messages", scale))
    return Draft(
        "corpus" if chat.source else "openai",
        [*items, rated(scores)] if scores else items,
        id=chat.id or "",
        tenant=chat.tenant_id or "",
        metadata=about(chat),
        feedback=chat.feedback if isinstance(chat.feedback, str) else "",
        started_at=chat.started_at,
    )


def about(chat: Chat) -> dict[str, str]:
    """Its metadata, with the reserved keys from where the shape has them."""
    known = {
        "user_id": chat.user_id or chat.user,
        "model": chat.model,
        "language": chat.language,
        "source": chat.source,
    }
    said = {key: value for key, value in known.items() if value}
    return {**plain(chat.metadata or {}, "metadata"), **said}


def chat_items(
    messages: Sequence[ChatMessage], where: str, scale: Scale = THUMBS
) -> Iterator[Item]:
    """A tool's answer moves to the call it answers; without such a call it is an item itself."""
    called = {call.id for said in messages for call in said.calls if call.id}
    answers = {
        said.tool_call_id: _readable(said.content)
        for said in messages
        if said.role in TOOL_ROLES and said.tool_call_id in called
    }
    for index, said in enumerate(messages):
        path = f"{where}[{index}]"
        if said.role not in TOOL_ROLES:
            yield from _said(said, path, scale)
            yield from (_called(call, said, path, answers) for call in said.calls)
        elif said.tool_call_id not in called:
            observation = _readable(said.content)
            name = said.name or ""
            yield Item(path, Kind.TOOL, at=said.created_at, name=name, observation=observation)


def _said(said: ChatMessage, path: str, scale: Scale) -> Iterator[Item]:
    text = _readable(said.content)
    if text or not said.calls:
        role = ROLES.get(said.role, said.role)
        rating = thumb(said.rating, scale, f"{path}.rating")
        yield Item(path, role=role, text=text, at=said.created_at, rating=rating)


def _called(call: ToolCall, by: ChatMessage, path: str, answers: Mapping[str, str]) -> Item:
    return Item(
        path,
        Kind.TOOL,
        at=by.created_at,
        name=call.function.name,
        input=json_text(call.function.arguments),
        observation=answers.get(call.id or "", ""),
    )


def _readable(content: str | Sequence[dict[str, Any] | str] | None) -> str:
    if content is None or isinstance(content, str):
        return content or ""
    return "\n\n".join(filter(None, map(_part, content)))


def _part(part: dict[str, Any] | str) -> str:
    """A content part as text; what is no text is named, with its address where it has one."""
    match part:
        case str(text) | {"text": str(text)} | {"refusal": str(text)}:
            return text
        case {"image_url": {"url": str(url)}} if url.startswith("http"):
            return f"[image: {url}]"
        case {"file": {"filename": str(name)}}:
            return f"[file: {name}]"
        case {"type": str(kind)}:
            return f"[{kind.removeprefix('input_').removesuffix('_url')}]"
    return "[part]"
