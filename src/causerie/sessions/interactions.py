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
from causerie.sessions.replies import Reply, logged
from causerie.usage import Scope, track

CONCURRENCY = 8
"""How many prompts are at the model at once."""


@dataclass(frozen=True)
class Interactions:
    """What came of prompts, in their order, and what all of it took: `used.total_tokens`,
    `used.total_cost` and the rest of `causerie.usage`.
    """

    outcomes: Sequence[Reply | ModelFailed]
    used: Scope

    @property
    def replies(self) -> list[Reply]:
        """Those that were answered."""
        return [outcome for outcome in self.outcomes if isinstance(outcome, Reply)]

    @property
    def failures(self) -> list[ModelFailed]:
        """Why the others were not."""
        return [outcome for outcome in self.outcomes if isinstance(outcome, ModelFailed)]


async def additional_interactions(
    prompts: Iterable[Any],
    chain: Runnable[Any, Any] | None = None,
    *,
    concurrency: int = CONCURRENCY,
) -> Interactions:
    """Ask each of them, so many at once. The chain is that of the environment if none is given.

    All are asked, whether others fail or not. Each failure is in the log; if there is one, all of
    them are raised together as InteractionsFailed, whose `interactions` have the replies as well.
    """
    known, permits = chain or build_chain(), asyncio.Semaphore(concurrency)
    with track() as used:
        outcomes = await asyncio.gather(*(_answer(known, prompt, permits) for prompt in prompts))
    found = Interactions(outcomes, used)
    count, failed = len(outcomes), len(found.failures)
    log.info("additional interactions: %d, %s tokens", count - failed, used.total_tokens)
    if failed:
        raise InteractionsFailed(f"{failed} of {count} prompts failed", found.failures, found)
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
