"""Tree: what our handlers saw of one run and of all that went on inside it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from uuid import UUID

from causerie.client.items import Item
from causerie.langchain.words import Talk

STEPS_MAX = 2_000
"""More of one tree are not kept."""


class Kind(StrEnum):
    """What LangChain runs."""

    CHAIN = "chain"
    MODEL = "model"
    TOOL = "tool"
    RETRIEVER = "retriever"


@dataclass
class Step:
    """A run that is kept. `began` and `ended` count what happened in its tree; the times are in
    seconds since 1970.
    """

    kind: Kind
    name: str
    began: int
    outermost: bool
    branches: dict[UUID, UUID] = field(default_factory=dict)
    """For each parallel run around it: the part in which it is."""
    given: Any = None
    """As it came, for what is told as a step."""
    talk: Talk = field(default_factory=Talk)
    said: list[Item] = field(default_factory=list)
    ended: int | None = None
    started_at: float = field(default_factory=time.time)
    ended_at: float | None = None

    def precedes(self, other: Step) -> bool:
        """Whether it was over before the other began, which may go on from what it said."""
        if self.ended is None or self.ended > other.began:
            return False
        return all(other.branches.get(run, part) == part for run, part in self.branches.items())


@dataclass(frozen=True)
class Trouble:
    """An error, or that somebody stopped listening."""

    place: int
    name: str
    metadata: dict[str, str]


@dataclass
class Party:
    """Who talks, in which conversation, and what else is known of it."""

    user: str = ""
    conversation: str = ""
    metadata: dict[str, Any] = field(default_factory=dict)

    def learn(self, other: Party) -> None:
        """What is not known yet."""
        self.user = self.user or other.user
        self.conversation = self.conversation or other.conversation
        self.metadata = {**other.metadata, **self.metadata}


class Tree:
    """One conversation entry in the making. To be used under the lock of the runs."""

    def __init__(self) -> None:
        self.steps: dict[UUID, Step] = {}
        self.troubles: list[Trouble] = []
        self.party = Party()
        self._errors: set[int] = set()
        self._count = 0

    def tick(self) -> int:
        """The number of what happens now."""
        self._count += 1
        return self._count

    def add(self, run: UUID, step: Step) -> None:
        """A run that is kept, once, and while there is room."""
        if len(self.steps) < STEPS_MAX:
            self.steps.setdefault(run, step)

    def end(self, run: UUID, said: list[Item]) -> None:
        """What a run gave; the first that tells it counts."""
        step = self.steps.get(run)
        if step is not None and step.ended is None:
            step.said = said
            step.ended = self.tick()
            step.ended_at = time.time()

    def fail(self, error: BaseException, name: str, metadata: dict[str, str]) -> None:
        """An error; it is the same one in every run that it leaves."""
        if id(error) not in self._errors and len(self.troubles) < STEPS_MAX:
            self._errors.add(id(error))
            self.troubles.append(Trouble(self.tick(), name, metadata))

    @property
    def outermost(self) -> list[Step]:
        """The runs that are in no other of ours, in the order in which they began."""
        return [step for step in self.steps.values() if step.outermost]
