"""What happened in conversations: what users and assistants did, and the app's custom events."""

from __future__ import annotations

from dataclasses import dataclass, replace

from causerie.reports import Question
from causerie.store.events import EventStore


@dataclass(frozen=True)
class Happening:
    """A signal or an event, by its name."""

    name: str
    conversations: int
    times: int = 0
    """How often it happened, of an event."""


class Happenings:
    """Raises Unavailable when the analytics store cannot be reached."""

    def __init__(self, events: EventStore) -> None:
        self._events = events

    def signals(self, question: Question) -> dict[str, int]:
        """In how many conversations each signal is, whichever is asked for: so that one can be
        chosen instead of another.
        """
        every = replace(question, signal="", conditions=replace(question.conditions, signals=()))
        rows = self._events.select("reports/signals", every.parameters())
        return {row["name"]: int(row["conversations"]) for row in rows}

    def events(self, question: Question) -> list[Happening]:
        """The events of the conversations of a question, those in most of them first."""
        rows = self._events.select("reports/events", question.parameters())
        return [
            Happening(row["name"], int(row["conversations"]), int(row["times"])) for row in rows
        ]
