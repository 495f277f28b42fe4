"""Head counts: how many people have talked about each topic, and how long such a count stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

LONGEST = timedelta(minutes=1)
SHORTEST = timedelta(seconds=1)
PATIENCE = 30
"""A count stands this many times as long as it took: while topics are found, numbers change by the
second, and a small store can follow.
"""


@dataclass(frozen=True)
class HeadCount:
    """What is not in `people` nobody has talked about."""

    began: datetime
    ended: datetime
    lineage: Mapping[str, list[str]]
    """Which topics were counted for which."""
    people: Mapping[str, int]

    def stands(self, now: datetime, lineage: Mapping[str, list[str]]) -> bool:
        """Whether it may still be told."""
        lasts = min(LONGEST, max(SHORTEST, PATIENCE * (self.ended - self.began)))
        return self.lineage == lineage and timedelta(0) <= now - self.ended < lasts
