"""Items of OpenAI's Responses API, and the chat messages that they stand for.

What a model thought is an item too, but no message: it is not shown to a model again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from causerie.errors import Invalid

ITEM_ID_BYTES = 24
ITEMS_PAGE, ITEMS_PAGE_MAX = 20, 100
ROLES = {"user": "user", "assistant": "assistant", "system": "system", "developer": "system"}
"""As the message's role. Only OpenAI knows developers; to its models a system is the same."""
TEXTS = ("input_text", "output_text", "text")
Document = dict[str, Any]
encode = msgspec.json.Encoder().encode


# ---- items to messages ---------------------------------------------------------------------------


def messages_of(given: object, field: str) -> list[Document]:
    """The messages of a text, which the user says, or of items. Raises Invalid, naming the item."""
    if isinstance(given, str):
        return [{"role": "user", "content": given}]
    if not isinstance(given, list):
        raise Invalid(f"{field}: a text or a list of items is expected", field=field)
    messages: list[Document] = []
    for place, item in enumerate(given):
        _add(messages, item, f"{field}[{place}]")
    return messages


def _add(messages: list[Document], item: object, where: str) -> None:
    if not isinstance(item, dict):
        raise Invalid(f"{where}: an object is expected", field=where)
    match item.get("type") or "message":
        case "message":
            messages.append(_message(item, where))
        case "function_call":
            _add_call(messages, item, where)
        case "function_call_output":
            messages.append(_result(item, where))
        case "reasoning":
            pass
        case "item_reference":
            raise Invalid(f"{where}: send the item itself, not a reference to it", field=where)
        case kind:
            raise Invalid(f"{where}: items of type {kind} are not supported", field=where)


def _message(item: Document, where: str) -> Document:
    role = ROLES.get(_text(item, "role", where))
    if role is None:
        raise Invalid(f"{where}.role: one of {', '.join(ROLES)} is expected", field=where)
    return {"role": role, "content": _content(item.get("content"), f"{where}.content", role)}


def _content(given: object, where: str, role: str) -> str | list[Document]:
    if isinstance(given, str):
        return given
    if not isinstance(given, list):
        raise Invalid(f"{where}: a text or a list of parts is expected", field=where)
    parts = [_part(part, f"{where}[{place}]") for place, part in enumerate(given)]
    plain = all(part["type"] == "text" for part in parts)
    # What a model said comes in one piece, and not all take it in parts.
    if plain and (role != "user" or len(parts) <= 1):
        return "".join(part["text"] for part in parts)
    return parts


def _part(part: object, where: str) -> Document:
    if not isinstance(part, dict):
        raise Invalid(f"{where}: an object is expected", field=where)
    match part.get("type"):
        case kind if kind in TEXTS:
            return {"type": "text", "text": _text(part, "text", where)}
        case "refusal":
            return {"type": "refusal", "refusal": _text(part, "refusal", where)}
        case "input_image":
            _refuse_id(part, where)
            shown = {"url": _text(part, "image_url", where), **_set(part, "detail")}
            return {"type": "image_url", "image_url": shown}
        case "input_file":
            _refuse_id(part, where)
            data = _text(part, "file_data", where)
            return {"type": "file", "file": {**_set(part, "filename"), "file_data": data}}
        case "input_audio":
            return {"type": "input_audio", **_set(part, "input_audio")}
        case kind:
            raise Invalid(f"{where}: parts of type {kind} are not supported", field=where)


def _refuse_id(part: Document, where: str) -> None:
    for name in ("file_id", "file_url"):
        if part.get(name):
            raise Invalid(f"{where}.{name}: no files are kept here, send the data", field=where)


def _add_call(messages: list[Document], item: Document, where: str) -> None:
    """A call belongs to what the model said before it, or is all that it said."""
    function = {name: _text(item, name, where) for name in ("name", "arguments")}
    call = {"id": _text(item, "call_id", where), "type": "function", "function": function}
    if not messages or messages[-1]["role"] != "assistant":
        messages.append({"role": "assistant", "content": None})
    messages[-1].setdefault("tool_calls", []).append(call)


def _result(item: Document, where: str) -> Document:
    content = _content(item.get("output"), f"{where}.output", "tool")
    return {"role": "tool", "tool_call_id": _text(item, "call_id", where), "content": content}


def _text(item: Document, name: str, where: str) -> str:
    value = item.get(name)
    if not isinstance(value, str):
        raise Invalid(f"{where}.{name}: a text is expected", field=f"{where}.{name}")
    return value


def _set(item: Document, *names: str) -> Document:
    return {name: item[name] for name in names if item.get(name) is not None}


# ---- messages to items ---------------------------------------------------------------------------


def place_of(context: str, position: int, index: int) -> str:
    """Which message it is: of which context (or call), which turn, the how manieth of the turn."""
    return f"{context}\0{position}\0{index}"


def item_id(kind: str, place: str) -> str:
    """An id like `msg_…`, always the same for the same place."""
    digest = hashlib.blake2b(place.encode(), digest_size=ITEM_ID_BYTES)
    return f"{kind}_{digest.hexdigest()}"


def items_of(
    messages: Sequence[Mapping[str, Any]], context: str, position: int, start: int = 0
) -> list[Document]:
    """The items of a turn's messages; `start` is the index of the first of them in the turn."""
    return [
        item
        for index, said in enumerate(messages, start)
        for item in _items(said, place_of(context, position, index))
    ]


def _items(said: Mapping[str, Any], place: str) -> Iterator[Document]:
    if said.get("role") in ("tool", "function"):
        yield _result_item(said, place)
        return
    calls = said.get("tool_calls") or []
    content = _parts(said)
    if content or not calls:
        yield {
            "id": item_id("msg", place),
            "type": "message",
            "status": "completed",
            "role": said.get("role"),
            "content": content or [output_text("")],
        }
    for number, call in enumerate(calls):
        yield call_item(call, place, number)


def _result_item(said: Mapping[str, Any], place: str) -> Document:
    content = said.get("content")
    return {
        "id": item_id("fco", place),
        "type": "function_call_output",
        "status": "completed",
        "call_id": said.get("tool_call_id") or "",
        "output": content if isinstance(content, str) else _parts(said),
    }


def call_item(call: Mapping[str, Any], place: str, number: int) -> Document:
    """A function call, the how manieth of its message."""
    function = call.get("function") or {}
    given = function.get("arguments", "")
    return {
        "id": item_id("fc", f"{place}\0{number}"),
        "type": "function_call",
        "status": "completed",
        # Some providers give their calls no names.
        "call_id": call.get("id") or item_id("call", f"{place}\0{number}"),
        "name": function.get("name") or "",
        "arguments": given if isinstance(given, str) else encode(given).decode(),
    }


def reasoning_item(thought: str, place: str) -> Document:
    """What the model thought before it said that message."""
    return {
        "id": item_id("rs", place),
        "type": "reasoning",
        "status": "completed",
        "summary": [],
        "content": [{"type": "reasoning_text", "text": thought}],
    }


def output_text(text: str) -> Document:
    """A part of an answer."""
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def _parts(said: Mapping[str, Any]) -> list[Document]:
    content = said.get("content")
    given = [{"type": "text", "text": content}] if isinstance(content, str) else content or []
    model = said.get("role") == "assistant"
    objects = (part for part in given if isinstance(part, dict) and part.get("text") != "")
    parts = [_part_item(part, model=model) for part in objects]
    refusal = said.get("refusal")
    return [*parts, {"type": "refusal", "refusal": refusal}] if refusal else parts


def _part_item(part: Document, *, model: bool) -> Document:
    match part:
        case {"type": "text", "text": str(text)}:
            return output_text(text) if model else {"type": "input_text", "text": text}
        case {"type": "image_url", "image_url": {"url": str(url), **more}}:
            return {"type": "input_image", "image_url": url, "detail": more.get("detail", "auto")}
        case {"type": "file", "file": dict(file)}:
            return {"type": "input_file", **file}
    return part


# ---- pages ---------------------------------------------------------------------------------------


def page(items: Sequence[Document], query: Mapping[str, str]) -> Document:
    """The part of a list that `order`, `after` and `limit` ask for; the last first, if nothing.
    Raises Invalid.
    """
    order, limit = query.get("order", "desc"), query.get("limit", str(ITEMS_PAGE))
    if order not in ("asc", "desc"):
        raise Invalid("order: asc or desc is expected", field="order")
    if not (limit.isascii() and limit.isdigit() and 1 <= int(limit[:9]) <= ITEMS_PAGE_MAX):
        raise Invalid(f"limit: 1 to {ITEMS_PAGE_MAX} is expected", field="limit")
    ordered = list(items if order == "asc" else reversed(items))
    places = {item["id"]: place for place, item in enumerate(ordered, 1)}
    after = query.get("after", "")
    if after and after not in places:
        raise Invalid(f"after: there is no item {after[:100]!r} in this list", field="after")
    rest = ordered[places.get(after, 0) :]
    return listed(rest[: int(limit)], more=len(rest) > int(limit))


def listed(items: Sequence[Document], *, more: bool = False) -> Document:
    """A list as OpenAI sends it."""
    return {
        "object": "list",
        "data": items,
        "first_id": items[0]["id"] if items else None,
        "last_id": items[-1]["id"] if items else None,
        "has_more": more,
    }
