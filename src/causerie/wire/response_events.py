"""The events of a response that is streamed, in the order in which OpenAI sends them.

Items stay open until the response ends, because some providers go back and forth between them; only
what was thought ends when the model speaks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from causerie.wire import responses as wire
from causerie.wire.items import Document, call_item, item_id, output_text

encode = msgspec.json.Encoder().encode
REASONING, MESSAGE = "rs", "msg"


@dataclass
class Growing:
    """An item that was announced, and what was sent of it."""

    item: Document
    index: int
    """In the output."""
    parts: dict[str, str] = field(default_factory=dict)
    """Kind of each part to its text so far, in order; a call's arguments are of kind arguments."""
    done: bool = False

    def whole(self, status: str) -> Document:
        """The item as it is so far."""
        if self.item["type"] == "function_call":
            return {**self.item, "status": status, "arguments": self.parts.get("arguments", "")}
        content = [_part(kind, text) for kind, text in self.parts.items()]
        return {**self.item, "status": status, "content": content}


class Events:
    """Says one response. `place` is that of the message that it makes."""

    def __init__(self, response: Document, place: str) -> None:
        self._response = response
        self._place = place
        self._number = 0
        self._items: dict[str, Growing] = {}
        self._calls: dict[int, Document] = {}
        self._ids: dict[int, str] = {}

    def begin(self) -> Iterator[bytes]:
        """The response is being made."""
        yield self._event("response.created", response=self._response)
        yield self._event("response.in_progress", response=self._response)

    def piece(
        self, content: object, refusal: object, thought: object, calls: object
    ) -> Iterator[bytes]:
        """What a piece of a chat's answer adds."""
        if isinstance(thought, str) and thought:
            yield from self._say(REASONING, "reasoning_text", thought)
        if isinstance(content, str) and content:
            yield from self._say(MESSAGE, "output_text", content)
        if isinstance(refusal, str) and refusal:
            yield from self._say(MESSAGE, "refusal", refusal)
        for place, call in enumerate(calls if isinstance(calls, list) else ()):
            if isinstance(call, dict):
                yield from self._call(call, place)

    def _say(self, kind: str, part: str, text: str) -> Iterator[bytes]:
        id = item_id(kind, self._place)
        if id not in self._items:
            yield from self._thought_out()
            yield from self._add(_opening(kind, id))
        yield from self._grow(self._items[id], part, text)

    def _call(self, piece: Document, place: int) -> Iterator[bytes]:
        index = piece.get("index")
        index = index if isinstance(index, int) else place
        known = self._calls.setdefault(index, {"function": {"name": "", "arguments": ""}})
        function = piece.get("function") or {}
        known["id"] = piece.get("id") or known.get("id")
        known["function"]["name"] = function.get("name") or known["function"]["name"]
        if isinstance(function.get("arguments"), str):
            known["function"]["arguments"] += function["arguments"]
        if index not in self._ids and known["function"]["name"]:
            item = call_item(known, self._place, len(self._ids))
            self._ids[index] = item["id"]
            yield from self._thought_out()
            yield from self._add({**item, "arguments": "", "status": "in_progress"})
        if index in self._ids:
            growing = self._items[self._ids[index]]
            sent = len(growing.parts.get("arguments", ""))
            yield from self._grow(growing, "arguments", known["function"]["arguments"][sent:])

    def _thought_out(self) -> Iterator[bytes]:
        thought = self._items.get(item_id(REASONING, self._place))
        if thought is not None and not thought.done:
            yield from self._close(thought, thought.whole("completed"))

    def _add(self, item: Document) -> Iterator[bytes]:
        growing = self._items[item["id"]] = Growing(item, len(self._items))
        yield self._event("response.output_item.added", output_index=growing.index, item=item)

    def _grow(self, growing: Growing, kind: str, text: str) -> Iterator[bytes]:
        if growing.done:
            return
        if kind not in growing.parts:
            growing.parts[kind] = ""
            if kind != "arguments":
                added = "response.content_part.added"
                yield self._event(added, **self._where(growing, kind), part=_part(kind, ""))
        if text:
            growing.parts[kind] += text
            more: Document = {"logprobs": []} if kind == "output_text" else {}
            where = self._where(growing, kind)
            yield self._event(f"response.{_name(kind)}.delta", **where, delta=text, **more)

    def _where(self, growing: Growing, kind: str) -> Document:
        where: Document = {"item_id": growing.item["id"], "output_index": growing.index}
        if kind == "arguments":
            return where
        return {**where, "content_index": list(growing.parts).index(kind)}

    def _close(self, growing: Growing, item: Document) -> Iterator[bytes]:
        growing.done = True
        for kind, text in growing.parts.items():
            where = self._where(growing, kind)
            more: Document = {"logprobs": []} if kind == "output_text" else {}
            word = kind if kind in ("arguments", "refusal") else "text"
            yield self._event(f"response.{_name(kind)}.done", **where, **{word: text}, **more)
            if kind != "arguments":
                yield self._event("response.content_part.done", **where, part=_part(kind, text))
        yield self._event("response.output_item.done", output_index=growing.index, item=item)

    def end(self, response: Document) -> Iterator[bytes]:
        """What is still to be said of the whole response, and its end."""
        for item in response["output"]:
            if item["id"] not in self._items:
                yield from self._add(_empty(item))
            growing = self._items[item["id"]]
            if growing.done:
                continue
            for kind, text in _texts(item):
                yield from self._grow(growing, kind, text[len(growing.parts.get(kind, "")) :])
            yield from self._close(growing, item)
        yield self._event(f"response.{response['status']}", response=response)

    def failed(self, code: str, message: str) -> bytes:
        """The response ends before its end."""
        output = [growing.whole("incomplete") for growing in self._items.values()]
        response = wire.failed(self._response, output, code, message)
        return self._event("response.failed", response=response)

    def _event(self, kind: str, **said: Any) -> bytes:
        data = encode({"type": kind, "sequence_number": self._number, **said})
        self._number += 1
        return b"event: " + kind.encode() + b"\ndata: " + data + b"\n\n"


def _name(kind: str) -> str:
    return "function_call_arguments" if kind == "arguments" else kind


def _part(kind: str, text: str) -> Document:
    if kind == "output_text":
        return output_text(text)
    return {"type": kind, "refusal" if kind == "refusal" else "text": text}


def _opening(kind: str, id: str) -> Document:
    if kind == REASONING:
        return {"id": id, "type": "reasoning", "status": "in_progress", "summary": []}
    shape = {"type": "message", "status": "in_progress", "role": "assistant", "content": []}
    return {"id": id, **shape}


def _empty(item: Document) -> Document:
    if item["type"] == "function_call":
        return {**item, "status": "in_progress", "arguments": ""}
    return {**item, "status": "in_progress", "content": []}


def _texts(item: Document) -> Sequence[tuple[str, str]]:
    if item["type"] == "function_call":
        return [("arguments", item["arguments"])]
    parts = (part for part in item["content"] if isinstance(part.get("type"), str))
    return [(part["type"], part.get("text") or part.get("refusal") or "") for part in parts]
