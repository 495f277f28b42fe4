"""Tree: what our handlers saw of one root run, as the turns that come of it.

A turn is what will be one entry: an outermost run that a handler is on, with all that went on
inside it. A chain is a turn by itself. Models that run side by side or one after the other in a
chain that no handler is on are one turn where the later goes on with what the earlier said, as the
calls of an agent do, or is asked the same; otherwise they are a turn each.
"""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from uuid import UUID

from causerie.client.items import Item
from causerie.langchain.troubles import Trouble, is_told, trouble_of
from causerie.langchain.words import Talk

STEPS_MAX = 2_000
"""More of one turn are not kept."""
TURNS_MAX = 200
"""More of one tree do not wait for its end."""
CANDIDATES_MAX = 8
"""So many turns back it is looked for the one that a model goes on with."""


class Kind(StrEnum):
    """What LangChain runs."""

    CHAIN = "chain"
    MODEL = "model"
    TOOL = "tool"
    RETRIEVER = "retriever"

    @property
    def speaks(self) -> bool:
        """Whether it can be a turn. A tool or a retriever that somebody runs is no talk."""
        return self in (Kind.CHAIN, Kind.MODEL)


@dataclass
class Step:
    """A run that is kept. The times are in seconds since 1970."""

    kind: Kind
    name: str
    given: Any = None
    talk: Talk = field(default_factory=Talk)
    branches: dict[UUID, UUID] = field(default_factory=dict)
    """For each parallel run around it: the part in which it is."""
    said: list[Item] = field(default_factory=list)
    place: int = 0
    started_at: float = field(default_factory=time.time)
    ended_at: float | None = None

    def is_beside(self, other: Step) -> bool:
        """Whether both are parts of one parallel run."""
        return any(other.branches.get(run, part) != part for run, part in self.branches.items())


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


class Turn:
    """One entry in the making."""

    _numbers = itertools.count()

    def __init__(self, first: Step, party: Party, defaults: Party) -> None:
        self.first = first
        self.heads = [first]
        """The outermost runs whose replies are final, as far as is known."""
        self.last = first
        self.party = party
        self.defaults = Party()
        """What handlers were told, for what runs do not tell."""
        self.defaults.learn(defaults)
        self.steps: list[Step] = []
        self.troubles: list[tuple[int, Trouble]] = []
        """With the number of what had happened before."""
        self.partial: list[Item] = []
        """What a model had said inside when it was stopped."""
        self.open: set[UUID] = set()
        self._number = next(self._numbers)
        self._count = 0

    @property
    def is_answered(self) -> bool:
        """Whether all of its outermost runs have ended."""
        return all(head.ended_at is not None for head in self.heads)

    def tick(self) -> int:
        """The number of what happens now."""
        self._count += 1
        return self._count

    def add(self, step: Step) -> None:
        """A run inside, while there is room."""
        if len(self.steps) < STEPS_MAX:
            step.place = self.tick()
            self.steps.append(step)

    def fail(self, error: BaseException) -> None:
        """What went wrong, once; that nobody listens any more as well."""
        trouble = trouble_of(error)
        if trouble is None or is_told(error, self._number) or len(self.troubles) >= STEPS_MAX:
            return
        if not (trouble.ends and any(known.ends for _, known in self.troubles)):
            self.troubles.append((self.tick(), trouble))

    def takes(self, step: Step, party: Party, defaults: Party) -> bool:
        """Whether that model's run belongs here; it is a head from now on."""
        if self.first.kind is not Kind.MODEL or step.kind is not Kind.MODEL:
            return False
        if self._who(self.party, self.defaults) != self._who(party, defaults):
            return False
        before = [head for head in self.heads if _goes_on(step, head)]
        if not before:
            if step.talk.new != self.first.talk.new:
                return False
            before = [head for head in self.heads if head.ended_at and not head.said]
            beside = [h for h in self.heads if not h.ended_at or h.is_beside(step)]
            if not (before or beside):
                return False
        self.heads = [head for head in self.heads if head not in before] + [step]
        self.last = step
        return True

    def _who(self, party: Party, defaults: Party) -> tuple[str, str]:
        return party.user or defaults.user, party.conversation or defaults.conversation


def _goes_on(step: Step, head: Step) -> bool:
    """Whether what the head said is in what the step was given."""
    if not head.said or not step.talk.continues:
        return False
    said = head.said[0]
    return any(_same(said, item) for item in step.talk.whole)


def _same(one: Item, other: Item) -> bool:
    names = ("role", "message", "name", "input")
    return all(one.get(name) == other.get(name) for name in names)


class Tree:
    """The turns of one root, for one owner. To be used under the lock of the runs."""

    def __init__(self) -> None:
        self.turns: list[Turn] = []
        self.over = False
        """The root has ended."""
        self._outermost: dict[UUID, Turn] = {}
        self._kept: dict[UUID, tuple[Turn, Step | None]] = {}

    @property
    def is_open(self) -> bool:
        """Whether a run that we were told of goes on."""
        return any(turn.open for turn in self.turns)

    @property
    def is_left(self) -> bool:
        """Whether an outermost run has ended while others go on inside it."""
        return any(turn.open and turn.is_answered for turn in self.turns)

    def turn_of(self, line: list[UUID]) -> Turn | None:
        """The turn in which a run is, whose own line of parents this is."""
        return next((self._outermost[run] for run in line if run in self._outermost), None)

    def find(self, run: UUID) -> tuple[Turn, Step | None] | None:
        """The turn of a run that we were told of, and the run if it is kept."""
        return self._kept.get(run)

    def begin(self, run: UUID, step: Step, party: Party, defaults: Party) -> Turn:
        """An outermost run: it belongs to a turn that there is, or is a new one."""
        recent = reversed(self.turns[-CANDIDATES_MAX:])
        turn = next((turn for turn in recent if turn.takes(step, party, defaults)), None)
        if turn is None:
            turn = Turn(step, party, defaults)
            self.turns.append(turn)
        self._outermost[run] = turn
        self.hear(run, turn, step)
        return turn

    def hear(self, run: UUID, turn: Turn, step: Step | None) -> None:
        """A run of that turn goes on."""
        self._kept[run] = (turn, step)
        turn.open.add(run)

    def is_outermost(self, run: UUID) -> bool:
        """Whether it is in no other of ours."""
        return run in self._outermost

    def surplus(self) -> list[Turn]:
        """The oldest turns, of which there are too many; they are whole, and gone from here."""
        if len(self.turns) <= TURNS_MAX:
            return []
        whole = [turn for turn in self.turns if not turn.open][: TURNS_MAX // 2]
        self.turns = [turn for turn in self.turns if turn not in whole]
        for places in (self._outermost, self._kept):
            gone = [run for run, kept in places.items() if _turn(kept) in whole]
            for run in gone:
                del places[run]
        return whole


def _turn(kept: Any) -> Turn:
    turn: Turn = kept[0] if isinstance(kept, tuple) else kept
    return turn
