"""Topics for tests, in a few words."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from causerie.topics import Definition, Topic, TopicKind

NOW = datetime(2026, 5, 20, 12, 0, tzinfo=UTC)


def topic(id: str, kind: TopicKind, *, project: str = "mine", **given: Any) -> Topic:
    """A topic; what a definition has is given by its names."""
    names = ("name", "merged_into", "revision", "pinned", "hidden", "dormant")
    own = {name: given.pop(name) for name in names if name in given}
    defined = Definition(**given)
    return Topic(
        project=project,
        id=id,
        kind=kind,
        definition=defined,
        created_at=NOW,
        changed_at=NOW,
        **own,
    )


def keyword(id: str, *words: str, **given: Any) -> Topic:
    """Found by words."""
    return topic(id, TopicKind.KEYWORD, words=words, **given)


def semantic(id: str, *examples: str, **given: Any) -> Topic:
    """Found by examples."""
    return topic(id, TopicKind.SEMANTIC, examples=examples, **given)


def llm(id: str, prompt: str = "complaints", **given: Any) -> Topic:
    """Found by a language model."""
    return topic(id, TopicKind.LLM, prompt=prompt, **given)


def suggested(id: str, typical: str = "where is my parcel", **given: Any) -> Topic:
    """Found by discovery."""
    return topic(id, TopicKind.SUGGESTED, typical=typical, found_name=f"about {id}", **given)
