"""Inventory: what a project has, whatever is asked of it. Every page tells some of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock

from causerie.reports import FilterValues, Reports

KEPT_FOR = timedelta(seconds=10)
"""How old it may be: whoever goes from page to page reads it once, and what is new is in the menus
when they look again.
"""
NOTHING = FilterValues([], [], [], [])
"""Is never kept: what comes first is waited for."""


@dataclass
class Kept:
    """What was read of a project, and when."""

    at: datetime
    values: FilterValues | None
    firsts: dict[str | None, datetime]


class Inventory:
    """Safe in threads. Raises Unavailable when the analytics store cannot be reached."""

    def __init__(self, reports: Reports, clock: Callable[[], datetime]) -> None:
        self._reports = reports
        self._clock = clock
        self._kept: dict[str, Kept] = {}
        self._reading: defaultdict[str, Lock] = defaultdict(Lock)

    def values(self, project: str) -> FilterValues:
        """What its conversations can be filtered by, as of the last seconds."""
        # One reads, and whoever asks meanwhile waits for that.
        with self._reading[project]:
            kept = self._of(project)
            if kept.values is not None:
                return kept.values
            found = self._reports.values(project)
            if found != NOTHING:
                kept.values = found
            return found

    def first(self, project: str, tenant: str | None) -> datetime | None:
        """When its first conversation began, or that of one tenant; None while there is none."""
        with self._reading[project]:
            firsts = self._of(project).firsts
            if tenant not in firsts:
                found = self._reports.first(project, tenant)
                if found is None:
                    return None
                firsts[tenant] = found
            return firsts[tenant]

    def _of(self, project: str) -> Kept:
        now, kept = self._clock(), self._kept.get(project)
        if kept is None or not timedelta(0) <= now - kept.at < KEPT_FOR:
            kept = self._kept[project] = Kept(now, None, {})
        return kept
