"""How far a project's conversations are understood, as the worker last told."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Engine, select

from causerie.store.state import insert_into, transaction
from causerie.store.state_schema import meaning_progress


@dataclass(frozen=True)
class Standing:
    """Where the worker was at that time."""

    left: int
    """Messages that lack meaning."""
    rate: float
    """Messages a second; 0 while it is not known."""
    at: datetime
    trouble: str = ""
    """Why something stands still, in words; empty where nothing does."""

    @property
    def time_left(self) -> timedelta | None:
        """None where it is not known."""
        return timedelta(seconds=self.left / self.rate) if self.rate else None


class Progress:
    """One row per project. Safe in threads; raises Unavailable when the store cannot be reached."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def put(self, project: str, generation: int, standing: Standing) -> None:
        """Tell where the worker is."""
        values = {
            "generation": generation,
            "left": standing.left,
            "rate": standing.rate,
            "at": standing.at,
            "trouble": standing.trouble,
        }
        with transaction(self._engine) as connection:
            put = insert_into(connection, meaning_progress).values(project=project, **values)
            connection.execute(put.on_conflict_do_update(index_elements=["project"], set_=values))

    def get(self, project: str) -> Standing | None:
        """Where it was; None before it ever began."""
        query = select(meaning_progress).where(meaning_progress.c.project == project)
        with transaction(self._engine) as connection:
            row = connection.execute(query).first()
        return None if row is None else Standing(row.left, row.rate, row.at, row.trouble)
