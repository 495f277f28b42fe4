"""Evidence: what was counted of people, conversations and calls, day by day, for findings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

Part = tuple[str, str]
"""What it is about: a dimension and a value of it; `WHOLE` is everything."""
WHOLE = ("", "")
UNDERSTOOD = ("understood", "")
"""What is known of meaning: topics and the like are shares of that, for the rest is yet to come."""


@dataclass(frozen=True)
class Tally:
    """What was counted of one part in one day, or in one span of days."""

    people: int = 0
    """Each once; a conversation of nobody known is one person."""
    conversations: int = 0
    scored: int = 0
    """Messages of users whose mood is known."""
    feeling: float = 0.0
    """The sum of their moods."""
    unhappy: int = 0
    """People who gave a thumb down."""
    new: int = 0
    """People who came for the first time."""
    named: int = 0
    """Of the people, those who said who they are."""


@dataclass(frozen=True)
class CallTally:
    """The same of the calls of one model. Times are of calls that were answered."""

    people: int = 0
    calls: int = 0
    errors: int = 0
    timed: int = 0
    log_ms: float = 0.0
    """The sum of the logarithms of their times."""
    median_ms: float = 0.0
    priced: int = 0
    cost: float = 0.0
    """In the currency of the evidence."""


@dataclass(frozen=True)
class Record:
    """A part, day by day and span by span, the latest last."""

    days: Sequence[Tally]
    spans: Sequence[Tally]


@dataclass(frozen=True)
class CallRecord:
    """The calls of a model, day by day and span by span, the latest last."""

    days: Sequence[CallTally]
    spans: Sequence[CallTally]


@dataclass(frozen=True)
class Budget:
    """What a key has spent of its budget this month, in currency units."""

    key: str
    spent: float
    of: float


@dataclass(frozen=True)
class Evidence:
    """All that is looked at. The last `span_days` of the days are now."""

    span_days: int
    parts: Mapping[Part, Record]
    calls: Mapping[str, CallRecord] = field(default_factory=dict)
    """By model."""
    budgets: Sequence[Budget] = ()
    silent_h: float = 0.0
    """Hours since the latest conversation."""
    longest_h: float = 0.0
    """Hours of the longest silence of the days before."""
