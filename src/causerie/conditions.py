"""Conditions: what conversations must be like, besides what a question asks for by itself.

All of them hold together; of several values of one, any. `without_…` leaves out what has any of
its values. An empty condition asks for nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

NO_LIMIT = 10**12
"""More than any conversation has messages, seconds or cost."""
Pairs = tuple[tuple[str, str], ...]
Names = tuple[str, ...]


@dataclass(frozen=True)
class Range:
    """From a number to another, both included; None is no limit."""

    least: float | None = None
    most: float | None = None

    @property
    def limits(self) -> bool:
        """Whether it asks for anything."""
        return self.least is not None or self.most is not None

    def bounds(self) -> list[float]:
        """As the statements bind it: nothing where there is no limit."""
        if not self.limits:
            return []
        return [self.least or 0, NO_LIMIT if self.most is None else self.most]


ANY = Range()


@dataclass(frozen=True)
class Conditions:
    """See above. Metadata and events are exact; metadata of several keys has all of them."""

    users: Names = ()
    models: Names = ()
    languages: Names = ()
    moods: Names = ()
    ratings: Names = ()
    signals: Names = ()
    sources: Names = ()
    """What logged it: log, upsert, thread, gateway, demo, import:…"""
    endpoints: Names = ()
    """Through any of which a call of it went."""
    events: Names = ()
    """An event that is called so, and has all of the metadata."""
    event_metadata: Pairs = ()
    evaluations: Pairs = ()
    """An online evaluator and what it said of an answer; of several evaluators all."""
    feedback: str = ""
    """`any`, `none`, or `says`, which means `feedback_text`."""
    feedback_text: str = ""
    masked: str = ""
    """`yes` or `no`: whether personal data was masked in it."""
    failed: str = ""
    """`yes` or `no`: whether a call of it through the gateway failed."""
    messages: Range = ANY
    seconds: Range = ANY
    """From its first to its last message."""
    hours: Range = ANY
    """Of the day on which it began, in the zone of the question, the last one not included; from
    22 to 6 is the night.
    """
    cost: Range = ANY
    """What its calls through the gateway came to, in any one currency."""
    without_users: Names = ()
    without_models: Names = ()
    without_languages: Names = ()
    without_signals: Names = ()
    without_topics: Names = ()
    """Ids as they are kept."""
    without_events: Names = ()
    without_metadata: Pairs = ()

    @property
    def of_conversations(self) -> bool:
        """Whether anything is asked that a call of a model does not tell by itself."""
        rest = replace(self, users=(), models=(), endpoints=(), without_users=(), without_models=())
        return rest != NO_CONDITIONS

    def parameters(self) -> dict[str, Any]:
        """As the statements bind them; those that a question has too are put together there."""
        names = ("sources", "endpoints", "events", "feedback", "feedback_text", "masked", "failed")
        without = ("users", "models", "languages", "signals", "topics", "events")
        return {
            **{name: _bound(getattr(self, name)) for name in names},
            **{f"without_{name}": list(getattr(self, f"without_{name}")) for name in without},
            "event_keys": [key for key, _ in self.event_metadata],
            "event_values": [value for _, value in self.event_metadata],
            "evaluators": list(by_key(self.evaluations)),
            "outcomes": list(by_key(self.evaluations).values()),
            "without_keys": [key for key, _ in self.without_metadata],
            "without_values": [value for _, value in self.without_metadata],
            "messages_range": self.messages.bounds(),
            "seconds_range": self.seconds.bounds(),
            "hours_range": self.hours.bounds(),
            "cost_range": self.cost.bounds(),
        }


NO_CONDITIONS = Conditions()


def by_key(pairs: Pairs) -> dict[str, list[str]]:
    """The values that any of are asked for, of each key."""
    found: dict[str, list[str]] = {}
    for key, value in pairs:
        found.setdefault(key, []).append(value)
    return found


def _bound(value: str | Names) -> str | list[str]:
    return value if isinstance(value, str) else list(value)
