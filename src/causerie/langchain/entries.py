"""Entry: a turn as it is logged, a conversation by itself or more of one."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime

from causerie.client.items import Item
from causerie.langchain.fitting import fitted
from causerie.langchain.trees import Kind, Step, Turn
from causerie.langchain.words import tool_item


@dataclass
class Entry:
    """`new` is the turn, `whole` the turn with all that was said before it, `told` what the model
    was told to be.
    """

    new: list[Item]
    whole: list[Item]
    told: list[Item]
    continues: bool
    opening: str
    """What the conversations of a user have in common that begin alike."""


def entry_of(turn: Turn) -> Entry | None:
    """What the first run was given, what came of the last, and what happened between."""
    talk = turn.first.talk
    between = _between(turn)
    after = [*between, *_replies(turn, between)]
    if not talk.new and not after:
        return None
    _date(talk.new, turn.first.started_at)
    whole = talk.whole if talk.continues else talk.new
    return Entry(
        fitted([*talk.new, *after]),
        fitted([*whole, *after]),
        fitted(talk.told),
        talk.continues,
        _opening(whole, turn.party.user),
    )


def _replies(turn: Turn, between: list[Item]) -> list[Item]:
    answered = any(item.get("type") == "tool" for item in between)
    items: list[Item] = []
    for head in turn.heads:
        said = [item for item in head.said if not (answered and "observation" in item)]
        if head.ended_at is not None:
            _date(said, head.ended_at)
        items.extend(said)
    return items or turn.partial


def _date(items: list[Item], at: float) -> None:
    for item in items[-1:]:
        item.setdefault("event_timestamp", datetime.fromtimestamp(at, UTC).isoformat())


def _between(turn: Turn) -> list[Item]:
    """Tools, steps and errors, in the order in which they were."""
    told = [(step.place, _told(step)) for step in turn.steps]
    if not any(step.kind is Kind.TOOL for step in turn.steps):
        told += [(0, item) for item in _called(turn)]
    for place, trouble in turn.troubles:
        event: Item = {"type": "event", "name": trouble.name}
        if trouble.kind:
            event |= {"message": trouble.message, "metadata": {"type": trouble.kind}}
        told.append((place, event))
    return [item for _, item in sorted(told, key=lambda pair: pair[0])]


def _called(turn: Turn) -> list[Item]:
    """The tools' calls that the last run was told of and the first was not."""
    known = sum(item.get("type") == "tool" for item in turn.first.talk.whole)
    return [item for item in turn.last.talk.whole if item.get("type") == "tool"][known:]


def _told(step: Step) -> Item:
    said = "\n\n".join(str(item.get("message") or item.get("name")) for item in step.said)
    item = tool_item(step.name, step.given, said if step.ended_at is not None else None)
    item["event_timestamp"] = datetime.fromtimestamp(step.started_at, UTC).isoformat()
    return item


def _opening(whole: list[Item], user: str) -> str:
    said = next((item["message"] for item in whole if item.get("role") == "user"), "")
    whose = f"{user}\0{said}".encode("utf-8", "replace")
    return hashlib.blake2b(whose, digest_size=12).hexdigest()
