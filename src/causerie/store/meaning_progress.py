"""How far the worker has come that understands messages, in the state store."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Engine, select

from causerie.store.state import transaction
from causerie.store.state_schema import meaning_progress


@dataclass(frozen=True)
class Progress:
    """What is left to do of a project."""

    left: int
    """Messages that lack meaning."""
    rate: float
    """How many get one in a second; 0 where that is not known."""
    at: datetime
    trouble: str
    """Why it stands still, in words; empty where it does not."""

    @property
    def lasts(self) -> timedelta | None:
        """How long what is left will take; None where that is not known."""
        if self.trouble or self.rate <= 0 or not self.left:
            return None
        return timedelta(seconds=max(1, round(self.left / self.rate)))


class MeaningProgress:
    """Safe in threads; raises Unavailable when the store cannot be reached."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def get(self, project: str) -> Progress | None:
        """How far a project is; None before the worker has looked at it."""
        query = select(meaning_progress).where(meaning_progress.c.project == project)
        with transaction(self._engine) as connection:
            row = connection.execute(query).first()
        return None if row is None else Progress(row.left, row.rate, row.at, row.trouble)
