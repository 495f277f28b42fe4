"""What an answer of the `openai` client says of itself: its model and its tokens."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from causerie.token_usage import Usage, usage_of


def usage_in(answer: Any) -> Usage | None:
    """The usage of a whole answer, or of a piece of one; None when it says nothing."""
    return usage_of(_plain(_of(answer, "usage")), _plain(_of(answer, "timings")))


def model_in(answer: Any) -> str:
    """The model that answered, as the provider names it."""
    model = _of(answer, "model")
    return model if isinstance(model, str) else ""


def says_anything(piece: Any) -> bool:
    """Whether a piece may have a usage in it. Most have none, and this is asked of every one."""
    words = piece if isinstance(piece, Mapping) else getattr(piece, "__dict__", {})
    return bool(words.get("usage") or words.get("response"))


def is_last(piece: Any) -> bool:
    """Whether nothing of the answer comes after a piece with a usage in it. Some providers send
    what it has taken so far in every piece.
    """
    choices = _of(piece, "choices")
    return not choices or any(_of(choice, "finish_reason") for choice in choices)


def answer_in(piece: Any) -> Any:
    """The events of the Responses API hold the answer as far as it is there."""
    return _of(piece, "response") or piece


def _of(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, Mapping) else getattr(value, name, None)


def _plain(value: Any) -> Any:
    return value.model_dump(warnings=False) if hasattr(value, "model_dump") else value
