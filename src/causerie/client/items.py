"""Messages as apps have them, and as the server takes them: chat messages, tool calls, events."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

Item = dict[str, Any]
ROLES = {"human": "user", "ai": "assistant", "developer": "system"}
TOOL_ROLES = ("tool", "function")
ITEM_TYPES = ("message", "tool", "event")
FIELDS = (
    "type",
    "role",
    "message",
    "event_timestamp",
    "rating",
    "metadata",
    "name",
    "thought",
    "input",
    "observation",
)


# ---- made by hand --------------------------------------------------------------------------------


def message(
    role: str,
    text: str,
    *,
    rating: int | None = None,
    metadata: Mapping[str, Any] | None = None,
    at: datetime | None = None,
) -> Item:
    """What somebody said. `rating` is -1, 0 or 1; `at` is when, now where it is missing."""
    said = {"role": role, "message": text, "rating": rating, "metadata": metadata}
    return _set({**said, "event_timestamp": _iso(at)})


def tool(
    name: str,
    input: Any = None,
    observation: Any = None,
    *,
    thought: str | None = None,
    at: datetime | None = None,
) -> Item:
    """A tool's call: its arguments and what it gave back, any JSON."""
    said = {"type": "tool", "name": name, "input": input, "observation": observation}
    return _set({**said, "thought": thought, "event_timestamp": _iso(at)})


def event(
    name: str, *, metadata: Mapping[str, Any] | None = None, at: datetime | None = None
) -> Item:
    """Something that happened meanwhile: a checkout, a click, an error."""
    return _set({"type": "event", "name": name, "metadata": metadata, "event_timestamp": _iso(at)})


def _set(fields: Item) -> Item:
    return {name: value for name, value in fields.items() if value is not None}


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.astimezone(UTC).isoformat()


# ---- as they come --------------------------------------------------------------------------------


def items_of(given: Any) -> list[Item]:
    """What the server takes of one message or many: its own shape, that of OpenAI's chat messages,
    or a text, which the user says. Raises ValueError for anything else, naming the message.
    """
    messages = [given] if isinstance(given, str | Mapping) else list(given or ())
    items: list[Item] = []
    calls: dict[str, Item] = {}
    for place, said in enumerate(messages):
        if isinstance(said, str):
            items.append({"role": "user", "message": said})
        elif isinstance(said, Mapping):
            items.extend(_items(said, calls))
        else:
            raise ValueError(f"messages[{place}]: a message is expected, not {said!r:.100}")
    return items


def _items(said: Mapping[str, Any], calls: dict[str, Item]) -> Iterable[Item]:
    role = said.get("role") or (None if "message" in said else said.get("type"))
    if "tool_call_id" in said or (role in TOOL_ROLES and "content" in said):
        yield from _answered(said, calls)
    elif said.get("type") in ITEM_TYPES or "content" not in said:
        yield {name: said[name] for name in FIELDS if said.get(name) is not None}
    else:
        yield from _spoken(said, ROLES.get(str(role), role), calls)


def _answered(said: Mapping[str, Any], calls: Mapping[str, Item]) -> Iterable[Item]:
    """A tool's answer belongs to its call; without that it is an item itself."""
    text = readable(said.get("content"))
    call = calls.get(str(said.get("tool_call_id")))
    if call is None:
        yield {"type": "tool", "name": said.get("name") or "tool", "observation": text}
    else:
        call["observation"] = text


def _spoken(said: Mapping[str, Any], role: Any, calls: dict[str, Item]) -> Iterable[Item]:
    asked = said.get("tool_calls") or ()
    text = readable(said["content"])
    if text or not asked:
        kept = {name: said[name] for name in FIELDS if said.get(name) is not None}
        yield {**kept, "type": "message", "role": role, "message": text}
    for call in asked:
        function = call.get("function") or {"name": call.get("name"), "arguments": call.get("args")}
        made = {"type": "tool", "name": function.get("name") or "tool"}
        made["input"] = _arguments(function.get("arguments"))
        calls[str(call.get("id"))] = made
        yield made


def _arguments(given: Any) -> Any:
    try:
        return msgspec.json.decode(given) if isinstance(given, str) else given
    except msgspec.DecodeError:
        return given


def readable(content: Any) -> str:
    """Content in parts as one text; what is no text is named, with its address if it has one."""
    if content is None or isinstance(content, str):
        return content or ""
    if isinstance(content, Mapping):
        return _part(content)
    return "\n\n".join(filter(None, map(_part, content)))


def _part(part: Any) -> str:
    match part:
        case str(text) | {"text": str(text)} | {"refusal": str(text)}:
            return text
        case {"image_url": {"url": str(url)}} if url.startswith("http"):
            return f"[image: {url}]"
        case {"type": "image" | "file" | "audio" | "video" as kind, "url": str(url)} if (
            url.startswith("http")
        ):
            return f"[{kind}: {url}]"
        case {"file": {"filename": str(name)}}:
            return f"[file: {name}]"
        case {"type": str(kind)}:
            return f"[{kind.removeprefix('input_').removesuffix('_url')}]"
    return "[part]"
