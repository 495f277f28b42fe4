"""What a model said, and what that took."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import BaseMessage

TEXT_CHARS_LOGGED_MAX = 200


@dataclass(frozen=True)
class Reply:
    """The answer to `input`. Tokens are None where the model did not say."""

    input: Any
    message: BaseMessage

    @property
    def text(self) -> str:
        """Its words."""
        return text_of(self.message)

    @property
    def prompt_tokens(self) -> int | None:
        """Of all that the model read."""
        return self._tokens("input_tokens")

    @property
    def completion_tokens(self) -> int | None:
        """Of all that it said."""
        return self._tokens("output_tokens")

    @property
    def total_tokens(self) -> int | None:
        """Of both."""
        return self._tokens("total_tokens")

    def _tokens(self, name: str) -> int | None:
        usage = getattr(self.message, "usage_metadata", None)
        return None if usage is None else int(usage[name])


def text_of(message: BaseMessage) -> str:
    """The words of a message, whose content may be parts."""
    if isinstance(message.content, str):
        return message.content
    texts = (p if isinstance(p, str) else p.get("text") or "" for p in message.content)
    return "".join(str(text) for text in texts)


def logged(message: BaseMessage) -> str:
    """The beginning of its words, in one line."""
    return " ".join(text_of(message).split())[:TEXT_CHARS_LOGGED_MAX]


def summed(counts: Iterable[int | None]) -> int | None:
    """Their sum; unknown when one of them is."""
    known = list(counts)
    numbers = [count for count in known if count is not None]
    return sum(numbers) if len(numbers) == len(known) else None
