"""A context as a member reads it: what the model will see next, and by which rule it is kept.

A context holds what was said word for word, because the model needs it. Members see it as they see
transcripts: without personal data, if the project wants that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec

from causerie.accounts import Project
from causerie.chats import chat_items
from causerie.contexts import (
    KEPT_AFTER_CUT,
    Context,
    Mode,
    Strategy,
    Truncation,
    resolve_strategy,
)
from causerie.contexts import Turn as KeptTurn
from causerie.conversations import Conversation, Message
from causerie.endpoints import Endpoint
from causerie.ingest import How, Ingest, Submission
from causerie.recordings import chat_of
from causerie.web.reading import Turn, read

KEPT_SHOWN_MAX = 100
DROPPED_SHOWN_MAX = 20


@dataclass(frozen=True)
class Block:
    """What one turn said, or the initial messages."""

    turns: list[Turn]
    number: int
    """Of the turn, from 1; 0 for the initial messages."""
    tokens: int
    at: datetime
    delivered: bool = True


@dataclass(frozen=True)
class View:
    """What the model will see next, and what it no longer sees."""

    initial: Block
    dropped: list[Block]
    kept: list[Block]
    dropped_before: int
    """Turns that are not even shown: dropped long ago."""
    kept_before: int
    """Turns that the model sees and the page has no room for."""


@dataclass(frozen=True)
class Rule:
    """How a context is kept within bounds, in words, and how full it is, in tokens."""

    words: str
    used: int = 0
    most: int | None = None
    """None where nothing fills up."""

    @property
    def share(self) -> float | None:
        """How full it is: 1 is when something is dropped."""
        return self.used / self.most if self.most else None


class ContextReading:
    """Reads contexts for the members of their projects."""

    def __init__(self, ingest: Ingest) -> None:
        self._ingest = ingest

    def about(self, context: Context, project: Project, tags: Sequence[str]) -> dict[str, str]:
        """The metadata of a context with its user as `user_id`, as its conversation has them; and
        each tag under `tag:` and its own name.
        """
        told = {**context.metadata, **({"user_id": context.user} if context.user else {})}
        named = {f"tag:{tag}": tag for tag in tags}
        return self._masked(project, context, told | named, []).metadata

    def view(self, context: Context, turns: Sequence[KeptTurn], project: Project) -> View:
        """All that was said in it, sorted by whether the model still sees it."""
        kept = [turn for turn in turns if turn.position >= context.cut]
        dropped = [turn for turn in turns if turn.position < context.cut]
        initial = KeptTurn(
            position=-1,
            messages=context.initial,
            tokens=context.initial_tokens,
            at=context.created_at,
        )
        return View(
            self._block(initial, context, project),
            [self._block(turn, context, project) for turn in dropped[-DROPPED_SHOWN_MAX:]],
            [self._block(turn, context, project) for turn in kept[-KEPT_SHOWN_MAX:]],
            max(0, len(dropped) - DROPPED_SHOWN_MAX),
            max(0, len(kept) - KEPT_SHOWN_MAX),
        )

    def _block(self, turn: KeptTurn, context: Context, project: Project) -> Block:
        said = messages_of(turn.messages, turn.at)
        masked = self._masked(project, context, {}, said).messages
        number = turn.position + 1
        return Block(read(masked, 1).turns, number, turn.tokens, turn.at, turn.delivered)

    def _masked(
        self,
        project: Project,
        context: Context,
        metadata: Mapping[str, str],
        messages: list[Message],
    ) -> Conversation:
        given = Conversation(id=context.id, metadata=dict(metadata), messages=messages)
        submission = Submission(project, How.IMPORT, given, context.id, context.created_at)
        return self._ingest.mask(submission).conversation


def messages_of(document: bytes, at: datetime) -> list[Message]:
    """A JSON array of chat messages as a transcript has them."""
    # A rating in what was sent to a model means nothing to us, and may be of any scale.
    chat = [msgspec.structs.replace(said, rating=None) for said in chat_of(document)]
    return [
        Message(
            id="",
            position=index,
            at=at,
            kind=item.kind,
            role=item.role,
            text=item.text,
            name=item.name,
            input=item.input,
            observation=item.observation,
        )
        for index, item in enumerate(chat_items(chat, "messages"))
    ]


def rule_of(context: Context, endpoint: Endpoint | None) -> Rule:
    """What is dropped when; without its endpoint the model's window is not known."""
    if context.mode is Mode.COMMON_PREFIX:
        return Rule("Nothing is added to it: each call brings all that comes after these messages.")
    strategy = context.strategy
    if strategy is None and endpoint is not None:
        window, output = endpoint.window_tokens, endpoint.output_tokens
        strategy = resolve_strategy(context.mode, None, window, output)
    if strategy is None:
        return Rule("The oldest turns are dropped when the model's window is full.")
    if strategy.type is Truncation.LAST_HISTORY:
        return _last_history(context, strategy)
    return _rolling(context, strategy, endpoint)


def _last_history(context: Context, strategy: Strategy) -> Rule:
    most = strategy.last_history_tokens or 0
    words = (
        f"Beside the initial messages, turns of up to {most:,} tokens are kept. When there are "
        f"more, the oldest are dropped until {int(most * KEPT_AFTER_CUT):,} are left."
    )
    return Rule(words, context.kept_tokens, most or None)


def _rolling(context: Context, strategy: Strategy, endpoint: Endpoint | None) -> Rule:
    used = context.initial_tokens + context.kept_tokens
    if not strategy.rolling_tokens:
        window = None if endpoint is None else endpoint.window_tokens
        size = "" if window is None else f" of {window:,} tokens"
        words = f"Nothing is dropped. When the model's window{size} is full, answers are cut short."
        return Rule(words, used, window)
    most, block = strategy.max_window_tokens, strategy.rolling_window_tokens
    if most is None or block is None:
        return Rule("The oldest turns are dropped when the model's window is full.", used)
    words = (
        f"At {most:,} tokens, the initial messages among them, the oldest turns are dropped: at "
        f"least {block:,} tokens of them at once."
    )
    return Rule(words, used, most)
