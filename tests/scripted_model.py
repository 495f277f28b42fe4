"""What the scripted provider's model says: completions, their chunks, usage, embeddings.

Its own choice of words counts the turns that it was shown, so that a caller can tell what it
remembers. Its tokens are words and signs. What it has read and said once, it has in its cache.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

MODELS = ("scripted-1", "scripted-embedding-1")
CREATED = 1_700_000_000
DIMENSIONS = 8
TOKEN = re.compile(r"\w+|[^\w\s]")
PIECE = re.compile(r"\s*\S+(?:\s+$)?")
MARKER = re.compile(r"<<(\w+)((?: \w+=[^ >]+)*)>>")
CHAT, EMBEDDINGS, LISTED = "/v1/chat/completions", "/v1/embeddings", "/v1/models"


@dataclass(frozen=True)
class Reply:
    """What one request gets. `but` changes any of it; counts of frames do not count the head."""

    text: str | None = None
    """What the model says; None is its own choice."""
    reasoning: str = ""
    tools: tuple[tuple[str, str], ...] = ()
    """Calls: name and arguments as JSON."""
    finish: str | None = None
    cached: int | None = None
    """Cached tokens that it claims; None is the truth."""
    usage: bool = True
    status: int = 200
    retry_after: str | None = None
    """The header of that name."""
    raw: bytes | None = None
    """A body as it is, also where a stream was asked for."""
    kind: str = "application/json"
    """What it claims to be."""
    drop: bool = False
    """The connection is closed without a byte."""
    wait_s: float = 0.0
    wait_after: int | None = None
    """The wait comes after so many frames; None is before the head."""
    hold_after: int | None = None
    """After so many frames nothing more is said until `release`; -1 is before the head."""
    pause_s: float = 0.0
    """Before each frame."""
    cut_after: int | None = None
    """The connection is closed after so many frames."""
    half: bool = False
    """Together with half of the next frame."""
    last_frame: bytes = b""
    last_after: int | None = None
    """The stream ends with that frame after so many others."""
    done: bool = True
    """Whether a stream ends with `[DONE]`."""
    odd: bool = False
    """Frames are as strange as server-sent events may be."""

    def but(self, **changes: Any) -> Reply:
        """The same with changes."""
        return replace(self, **changes)


class ScriptedModel:
    """Talks, and remembers what it has read."""

    def __init__(self) -> None:
        self._cache: set[bytes] = set()
        self._answers = 0

    def forget(self) -> None:
        """Drops the cache."""
        self._cache.clear()

    def streams(self, path: str, raw: bytes) -> bool:
        """Whether that request asks for a stream."""
        asked = json.loads(raw) if path == CHAT else {}
        return bool(asked.get("stream") and asked["messages"])

    def whole(self, path: str, raw: bytes, reply: Reply) -> tuple[int, bytes]:
        """HTTP status and body of an answer in one piece."""
        if path == CHAT and not json.loads(raw)["messages"]:
            return 400, encoded({"error": {"message": "Nothing was said.", "code": "empty"}})
        if path == CHAT:
            return 200, encoded(self.completion(json.loads(raw), reply))
        if path == EMBEDDINGS:
            return 200, encoded(embeddings(json.loads(raw), reply))
        if path == LISTED:
            listed = [{"id": id, "object": "model", "created": CREATED} for id in MODELS]
            return 200, encoded({"object": "list", "data": listed})
        return 404, encoded({"error": {"message": f"No such path: {path}", "code": "not_found"}})

    def completion(self, asked: dict[str, Any], reply: Reply) -> dict[str, Any]:
        """A whole chat completion."""
        message = said(asked, reply)
        choices = [
            {"index": index, "message": message, "finish_reason": finished(reply)}
            for index in range(asked.get("n") or 1)
        ]
        usage = self._usage(asked, message, reply)
        told = {"usage": usage} if reply.usage else {}
        return {**self._head(asked, "chat.completion"), "choices": choices, **told}

    def chunks(self, asked: dict[str, Any], reply: Reply) -> Iterator[dict[str, Any]]:
        """The same in pieces of a word, its usage at the end if that was asked for."""
        message = said(asked, reply)
        usage = self._usage(asked, message, reply)
        wanted = bool((asked.get("stream_options") or {}).get("include_usage"))
        head = self._head(asked, "chat.completion.chunk")
        if wanted:
            head["usage"] = None
        for delta, end in deltas(message, finished(reply)):
            for index in range(asked.get("n") or 1):
                choice = {"index": index, "delta": delta, "finish_reason": end}
                yield {**head, "choices": [choice]}
        if wanted and reply.usage:
            yield {**head, "choices": [], "usage": usage}

    def _head(self, asked: dict[str, Any], kind: str) -> dict[str, Any]:
        self._answers += 1
        id = f"chatcmpl-{self._answers}"
        return {"id": id, "object": kind, "created": CREATED, "model": asked["model"]}

    def _usage(self, asked: dict[str, Any], message: Any, reply: Reply) -> dict[str, Any]:
        taken = sum(map(tokens, asked["messages"]))
        given = tokens(message) * (asked.get("n") or 1)
        found = self._remembered(asked, message)
        return {
            "prompt_tokens": taken,
            "completion_tokens": given,
            "total_tokens": taken + given,
            "prompt_tokens_details": {
                "cached_tokens": found if reply.cached is None else reply.cached
            },
            "completion_tokens_details": {"reasoning_tokens": len(TOKEN.findall(reply.reasoning))},
        }

    def _remembered(self, asked: dict[str, Any], message: dict[str, Any]) -> int:
        """Tokens of the longest opening that was read or said before; keeps what is new."""
        state = hashlib.sha256(encoded([asked["model"], asked.get("tools")]))
        known, read, fresh = 0, 0, False
        for one in [*asked["messages"], message]:
            state.update(encoded([one.get(part) for part in ("role", "content", "tool_calls")]))
            read += tokens(one)
            fresh = fresh or state.digest() not in self._cache
            if not fresh and one is not message:
                known = read
            self._cache.add(state.digest())
        return known


def said(asked: dict[str, Any], reply: Reply) -> dict[str, Any]:
    """The model's message."""
    message: dict[str, Any] = {"role": "assistant", "content": reply.text}
    if reply.text is None:
        message["content"] = own_words(asked["messages"])
    if reply.reasoning:
        message["reasoning_content"] = reply.reasoning
    if reply.tools:
        message["content"] = None
        message["tool_calls"] = [
            {"id": f"call_{at}", "type": "function", "function": {"name": name, "arguments": given}}
            for at, (name, given) in enumerate(reply.tools)
        ]
    return message


def own_words(messages: list[dict[str, Any]]) -> str:
    """`Turn 2: you said Good morning.`: how many turns it was shown, and the last one's words."""
    asked = [words(message) for message in messages if message.get("role") == "user"]
    last = MARKER.sub("", words(messages[-1])).strip()
    return f"Turn {len(asked)}: you said {last}"


def finished(reply: Reply) -> str:
    """Why the answer ends."""
    return reply.finish or ("tool_calls" if reply.tools else "stop")


def deltas(message: dict[str, Any], finish: str) -> Iterator[tuple[dict[str, Any], str | None]]:
    """The pieces of a message, and the end, which brings no content."""
    yield {"role": "assistant", "content": ""}, None
    for part in ("reasoning_content", "content"):
        for piece in PIECE.findall(message.get(part) or ""):
            yield {part: piece}, None
    for index, call in enumerate(message.get("tool_calls", ())):
        name, given = call["function"]["name"], call["function"]["arguments"]
        opening = {**call, "index": index, "function": {"name": name, "arguments": ""}}
        yield {"tool_calls": [opening]}, None
        for half in (given[: len(given) // 2], given[len(given) // 2 :]):
            yield {"tool_calls": [{"index": index, "function": {"arguments": half}}]}, None
    yield {}, finish


def embeddings(asked: dict[str, Any], reply: Reply) -> dict[str, Any]:
    """A vector for each text, always the same for the same text."""
    texts = asked["input"] if isinstance(asked["input"], list) else [asked["input"]]
    taken = sum(len(TOKEN.findall(str(text))) for text in texts)
    data = [
        {"object": "embedding", "index": index, "embedding": vector(str(text), asked)}
        for index, text in enumerate(texts)
    ]
    told = {"usage": {"prompt_tokens": taken, "total_tokens": taken}} if reply.usage else {}
    return {"object": "list", "data": data, "model": asked["model"], **told}


def vector(text: str, asked: dict[str, Any]) -> list[float] | str:
    """Numbers, or their bytes in base64 as OpenAI's client asks."""
    size = asked.get("dimensions") or DIMENSIONS
    numbers = [byte / 256 for byte in hashlib.shake_256(text.encode()).digest(size)]
    if asked.get("encoding_format") == "base64":
        return base64.b64encode(struct.pack(f"<{size}f", *numbers)).decode()
    return numbers


def tokens(message: dict[str, Any]) -> int:
    """Words and signs of what is said, thought and called."""
    calls = json.dumps(message["tool_calls"]) if message.get("tool_calls") else ""
    return len(TOKEN.findall(f"{words(message)} {message.get('reasoning_content') or ''} {calls}"))


def words(message: dict[str, Any]) -> str:
    """A message's text, which travels as a string or as parts."""
    content = message.get("content") or ""
    if isinstance(content, str):
        return content
    return "".join(part.get("text", "") for part in content)


def encoded(value: Any) -> bytes:
    """JSON, letters as they are."""
    return json.dumps(value, ensure_ascii=False).encode()
