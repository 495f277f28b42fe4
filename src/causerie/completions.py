"""Completion: what a model answers, whole or in pieces, and what is remembered of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgspec

from causerie.errors import UpstreamFailed
from causerie.token_usage import Usage, usage_of

DONE_FRAME = b"data: [DONE]\n\n"


class Said(msgspec.Struct, gc=False, omit_defaults=True):
    """A message of an answer, or the piece of one."""

    role: str | None = None
    content: Any = None
    refusal: str | None = None
    reasoning_content: str | None = None
    tool_calls: Any = None
    function_call: Any = None


class Choice(msgspec.Struct, gc=False):
    """One of the answers; `message` when it came whole, `delta` when in pieces."""

    index: int | None = None
    message: Said | None = None
    delta: Said | None = None
    finish_reason: str | None = None


class Completion(msgspec.Struct, gc=False):
    """A chat.completion or chat.completion.chunk, as far as we look into it."""

    choices: list[Choice] | None = None
    model: str | None = None
    usage: Any = None
    error: Any = None
    timings: Any = None


decoder = msgspec.json.Decoder(Completion)


def decode(body: bytes) -> Completion:
    """A completion or a piece of one. Raises UpstreamFailed when it is none."""
    try:
        return decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UpstreamFailed("the model's provider answered something that is no answer") from error


@dataclass
class Told:
    """One choice, as far as it has come."""

    parts: list[str] = field(default_factory=list)
    content: Any = None
    """Content that is no text."""
    refusal: str = ""
    thought: list[str] = field(default_factory=list)
    calls: dict[int, dict[str, Any]] = field(default_factory=dict)
    function_call: dict[str, Any] | None = None
    finish_reason: str = ""

    def message(self) -> dict[str, Any]:
        """The choice as a message of a conversation."""
        text = "".join(self.parts)
        content = self.content if self.content is not None else text
        said: dict[str, Any] = {"role": "assistant", "content": content}
        if self.calls:
            said["content"] = content or None
            said["tool_calls"] = [self.calls[index] for index in sorted(self.calls)]
        if self.function_call is not None:
            said["function_call"] = self.function_call
        if self.refusal:
            said["refusal"] = self.refusal
        return said


class Answer:
    """Everything that is remembered of an answer, put together from its pieces."""

    def __init__(self) -> None:
        self._told: dict[int, Told] = {}
        self.model = ""
        self.usage: Usage | None = None
        """As the provider reported it."""

    def add(self, piece: Completion) -> None:
        """The whole or the next piece."""
        self.model = piece.model or self.model
        self.usage = usage_of(piece.usage, piece.timings) or self.usage
        for place, choice in enumerate(piece.choices or ()):
            told = self._told.setdefault(place if choice.index is None else choice.index, Told())
            said = choice.message or choice.delta
            if said is not None:
                _grow(told, said)
            told.finish_reason = choice.finish_reason or told.finish_reason

    @property
    def begun(self) -> bool:
        """Whether anything was said."""
        return any(told.parts or told.calls or told.thought for told in self._told.values())

    def finished(self, choices: int = 1) -> bool:
        """Whether so many choices came to their end."""
        return sum(bool(told.finish_reason) for told in self._told.values()) >= choices

    @property
    def finish_reason(self) -> str:
        """Why the first choice ended."""
        return next((told.finish_reason for _, told in sorted(self._told.items())), "")

    @property
    def text(self) -> str:
        """All that was said and thought, to be counted."""
        parts = []
        for told in self._told.values():
            parts += [*told.thought, *told.parts, told.refusal]
            parts += [msgspec.json.encode(call).decode() for call in told.calls.values()]
        return "".join(parts)

    @property
    def thoughts(self) -> list[str]:
        """What each choice thought before it spoke."""
        return ["".join(told.thought) for _, told in sorted(self._told.items())]

    def messages(self) -> list[dict[str, Any]]:
        """One message for each choice."""
        return [told.message() for _, told in sorted(self._told.items())]


def _grow(told: Told, said: Said) -> None:
    if isinstance(said.content, str):
        told.parts.append(said.content)
    elif said.content is not None:
        told.content = said.content
    told.refusal += said.refusal or ""
    if said.reasoning_content:
        told.thought.append(said.reasoning_content)
    if isinstance(said.tool_calls, list):
        for place, call in enumerate(said.tool_calls):
            if isinstance(call, dict):
                _grow_call(told.calls, place, call)
    if isinstance(said.function_call, dict):
        told.function_call = _joined(told.function_call or {}, said.function_call)


def _grow_call(calls: dict[int, dict[str, Any]], place: int, piece: dict[str, Any]) -> None:
    index = piece.get("index")
    index = index if isinstance(index, int) else place
    known = calls.setdefault(index, {})
    for name in ("id", "type"):
        if isinstance(piece.get(name), str):
            known[name] = piece[name]
    function = piece.get("function")
    if isinstance(function, dict):
        known["function"] = _joined(known.get("function") or {}, function)


def _joined(known: dict[str, Any], piece: dict[str, Any]) -> dict[str, Any]:
    """The function with its arguments, which come in pieces, put together."""
    arguments = piece.get("arguments")
    joined = known | {name: value for name, value in piece.items() if value is not None}
    if isinstance(arguments, str):
        joined["arguments"] = str(known.get("arguments", "")) + arguments
    return joined
