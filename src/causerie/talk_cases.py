"""Test cases of conversations that were held: all up to the last answer, which is given again.

What is kept of a conversation is masked already, so a case is too. Its metadata names the
conversation, with which it is removed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from causerie.cases import (
    CASE_NAME_CHARS_MAX,
    CONVERSATION_KEY,
    MESSAGES_MAX,
    MODEL_CHARS_MAX,
    TENANT_KEY,
    TEXT_CHARS_MAX,
    Case,
    Line,
    Speaker,
)
from causerie.conversations import Kind
from causerie.reports import Transcript

TALKS_MAX = 500
"""At once."""
WORDS_CHARS_MAX = 80
Titles = Callable[[Sequence[str]], list[str]]
"""The names of topics, by their ids; of those that may be shown."""


def case_of_talk(transcript: Transcript, titles: Titles, model: str, *, given: bool) -> Case | None:
    """A case of a conversation; None where it has no answer to a user, or is too long for one.
    `given` keeps the answer that there was, to be judged as it is; else `model` answers, that of
    the conversation where it is empty.
    """
    said = [
        message
        for message in transcript.messages
        if message.kind is Kind.MESSAGE and message.text and message.role in set(Speaker)
    ]
    answers = [at for at, message in enumerate(said) if message.role == Speaker.ASSISTANT]
    if not answers:
        return None
    lines = tuple(Line(message.role, message.text) for message in said[: answers[-1]])
    answer, model = said[answers[-1]].text, model or transcript.row.model
    fits = len(lines) <= MESSAGES_MAX and len(model) <= MODEL_CHARS_MAX
    texts = [*(line.message for line in lines), answer]
    if not fits or max(map(len, texts)) > TEXT_CHARS_MAX or not (given or model):
        return None
    if not any(line.role == Speaker.USER for line in lines):
        return None
    return Case(
        name=_name(transcript),
        messages=lines,
        model=model,
        metadata=_metadata(transcript, titles),
        pregenerated_response=answer if given else None,
    )


def _name(transcript: Transcript) -> str:
    """The same for the same conversation, so that it replaces itself in the next version."""
    row = transcript.row
    words = " ".join(row.preview.split())[:WORDS_CHARS_MAX]
    own = f"{row.tenant}/{row.id}" if row.tenant else row.id
    return f"{words} · {own}"[-CASE_NAME_CHARS_MAX:]


def _metadata(transcript: Transcript, titles: Titles) -> dict[str, Any]:
    row = transcript.row
    found: dict[str, Any] = {CONVERSATION_KEY: row.id}
    if row.tenant:
        found[TENANT_KEY] = row.tenant
    topics = titles([*row.topics, *row.suggested])
    if topics:
        found["topics"] = topics
    if row.language:
        found["language"] = row.language
    return found
