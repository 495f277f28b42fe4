"""Prompts outside of any session, many at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.runnables import Runnable

from causerie.sessions.conversation import messages_of
from causerie.sessions.errors import InteractionsFailed, ModelFailed, answering, log, report
from causerie.sessions.models import HISTORY, INPUT, build_chain
from causerie.sessions.replies import Reply, logged, summed

CONCURRENCY = 8
"""How many prompts are at the model at once."""


@dataclass(frozen=True)
class Interactions:
    """The replies, in the order of the prompts. Tokens are None where one of them is unknown."""

    replies: Sequence[Reply]

    @property
    def prompt_tokens(self) -> int | None:
        """Of all that was read."""
        return summed(reply.prompt_tokens for reply in self.replies)

    @property
    def completion_tokens(self) -> int | None:
        """Of all that was said."""
        return summed(reply.completion_tokens for reply in self.replies)

    @property
    def total_tokens(self) -> int | None:
        """Of both."""
        return summed(reply.total_tokens for reply in self.replies)


async def additional_interactions(
    prompts: Iterable[Any],
    chain: Runnable[Any, Any] | None = None,
    *,
    concurrency: int = CONCURRENCY,
) -> Interactions:
    """Ask each of them, so many at once. The chain is that of the environment if none is given.

    All are asked, whether others fail or not. Each failure is in the log; if there is one, all of
    them are raised together as InteractionsFailed, whose `done` has the replies as well.
    """
    asked = list(prompts)
    known, permits = chain or build_chain(), asyncio.Semaphore(concurrency)
    done = await asyncio.gather(*(_answer(known, prompt, permits) for prompt in asked))
    failures = [outcome for outcome in done if isinstance(outcome, ModelFailed)]
    if failures:
        raise InteractionsFailed(f"{len(failures)} of {len(done)} prompts failed", failures, done)
    found = Interactions([outcome for outcome in done if isinstance(outcome, Reply)])
    log.info("additional interactions: %d, %s tokens", len(asked), found.total_tokens)
    return found


async def _answer(
    chain: Runnable[Any, Any], prompt: Any, permits: asyncio.Semaphore
) -> Reply | ModelFailed:
    async with permits:
        try:
            with answering():
                answer = await chain.ainvoke({INPUT: prompt, HISTORY: []})
                message = messages_of(answer, "")[-1]
        except ModelFailed as error:
            report(error)
            return error
    log.info("additional interaction: %s", logged(message))
    return Reply(prompt, message)
