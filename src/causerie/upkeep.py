"""Upkeep: small work that has to be done again and again while the server runs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from causerie.errors import CauserieError

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Chore:
    """What is done every so many seconds, in a thread."""

    name: str
    interval_s: float
    work: Callable[[], object]


class Upkeep:
    """Does the chores until it is stopped; a chore that fails is done again next time."""

    def __init__(self, chores: Sequence[Chore]) -> None:
        self._chores = chores
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin, inside the event loop."""
        self._tasks = [asyncio.create_task(self._repeat(chore)) for chore in self._chores]

    async def stop(self) -> None:
        """Do every chore once more, and end."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for chore in self._chores:
            await self._do(chore)

    async def _repeat(self, chore: Chore) -> None:
        while True:
            await asyncio.sleep(chore.interval_s)
            await self._do(chore)

    async def _do(self, chore: Chore) -> None:
        try:
            await asyncio.to_thread(chore.work)
        except CauserieError as error:
            log.warning("%s waits: %s", chore.name, error)
        except Exception:  # the edge of a task: it must go on, whatever one round met
            log.exception("%s failed, trying again", chore.name)
