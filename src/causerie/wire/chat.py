"""Chat completions as they travel: OpenAI's, passed on as they came, and Ark's, which are stricter.

Ark's clients print the text of every piece unguarded, and expect a usage of null in each.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

encode = msgspec.json.Encoder().encode
decode = msgspec.json.Decoder().decode
DONE = b"data: [DONE]\n\n"
Document = dict[str, Any]


def event(data: bytes) -> bytes:
    """One server-sent event."""
    return b"data: " + data + b"\n\n"


def openai_events(data: bytes, *, has_choices: bool, wants_usage: bool) -> Iterator[bytes]:
    """A piece for OpenAI's clients: as it came, or nothing when only we asked for the usage."""
    if has_choices or wants_usage:
        yield event(data)
        return
    said = decode(data)
    if not said.get("usage"):
        yield event(data)


def ark_events(data: bytes) -> Iterator[bytes]:
    """A piece for Ark's clients. The usage comes by itself, with `ark_usage`."""
    said = decode(data)
    choices = said.get("choices") or []
    if not choices:
        return
    said["usage"] = None
    for choice in choices:
        delta = choice.get("delta") or {}
        choice["delta"] = {"role": "assistant", "content": "", **_set(delta)}
        choice.setdefault("finish_reason", None)
    if any(choice["finish_reason"] and choice["delta"]["content"] for choice in choices):
        # The last piece has no words.
        yield event(encode({**said, "choices": [_unfinished(choice) for choice in choices]}))
        said["choices"] = [_wordless(choice) for choice in choices]
    yield event(encode(said))


def _set(delta: Mapping[str, Any]) -> Document:
    return {name: value for name, value in delta.items() if value is not None}


def _unfinished(choice: Document) -> Document:
    return {**choice, "finish_reason": None}


def _wordless(choice: Document) -> Document:
    return {**choice, "delta": {"role": "assistant", "content": ""}}


def usage_event(head: Mapping[str, Any], usage: Document) -> bytes:
    """The piece that tells the usage."""
    said = {**head, "object": "chat.completion.chunk", "choices": [], "usage": usage}
    return event(encode(said))


def whole(body: bytes, usage: Document, *, strict: bool) -> bytes:
    """A whole answer. It is passed on as it came when it has its usage; `strict`, for Ark's
    clients, sees to it that the usage is complete.
    """
    said = decode(body)
    if not strict and isinstance(said.get("usage"), dict):
        return body
    given = said.get("usage") if isinstance(said.get("usage"), dict) else {}
    return encode({**said, "usage": {**given, **usage}})


def made(
    id: str, created: int, model: str, messages: Sequence[Any], finish_reason: str, usage: Document
) -> Document:
    """An answer that no provider sent just now: one that is repeated, or that ends at once."""
    choices = [
        {"index": index, "finish_reason": finish_reason, "logprobs": None, "message": message}
        for index, message in enumerate(messages)
    ]
    return {
        "id": id,
        "object": "chat.completion",
        "created": created,
        "model": model,
        "choices": choices,
        "usage": usage,
    }


def made_events(answer: Document, *, wants_usage: bool) -> Iterator[bytes]:
    """The same as a stream of few pieces."""
    head = {name: answer[name] for name in ("id", "created", "model")}
    head["object"] = "chat.completion.chunk"
    for choice in answer["choices"]:
        said = decode(encode(choice["message"]))
        words = {"role": "assistant", "content": "", **_set(said)}
        last = {"role": "assistant", "content": ""}
        for delta, reason in ((words, None), (last, choice["finish_reason"])):
            piece = {"index": choice["index"], "delta": delta, "finish_reason": reason}
            yield event(encode({**head, "choices": [piece], "usage": None}))
    if wants_usage:
        yield usage_event(head, answer["usage"])
    yield DONE
