"""Entry: a tree of runs as it is logged, one conversation or one more turn of it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime

from causerie.client.items import Item
from causerie.langchain.trees import Kind, Step, Tree
from causerie.langchain.words import plain, tool_item

SPEAKING = (Kind.CHAIN, Kind.MODEL)
"""Runs that are talk; a tool or a retriever that somebody runs by itself is none."""


@dataclass
class Entry:
    """`new` is the turn, `whole` the turn with all that was said before it."""

    new: list[Item]
    whole: list[Item]
    continues: bool
    opening: str
    """What the conversations of a user have in common that begin alike."""


def entry_of(tree: Tree) -> Entry | None:
    """The start inputs and the final outputs of the outermost runs, and what happened between."""
    outermost = [step for step in tree.outermost if step.kind in SPEAKING]
    if not outermost:
        return None
    first = _first(outermost)
    asked = _asked(first)
    between = _between(tree, outermost)
    replies = _replies(outermost, answered=any(item.get("type") == "tool" for item in between))
    talk = first[0].talk
    whole = talk.whole if talk.continues else asked
    turn = [*between, *replies]
    if not asked and not turn:
        return None
    _date(asked, first[0].started_at)
    return Entry([*asked, *turn], [*whole, *turn], talk.continues, _opening(whole, tree.party.user))


def _first(outermost: list[Step]) -> list[Step]:
    """Those that none precedes: they were given what began it all."""
    return [step for step in outermost if not any(other.precedes(step) for other in outermost)]


def _last(outermost: list[Step]) -> list[Step]:
    """Those that precede none: what they gave is what came of it."""
    return [step for step in outermost if not any(step.precedes(other) for other in outermost)]


def _asked(first: list[Step]) -> list[Item]:
    """What they were given, once where it is the same."""
    items: list[Item] = []
    for step in first:
        items.extend(item for item in step.talk.new if item not in items)
    return items


def _replies(outermost: list[Step], *, answered: bool) -> list[Item]:
    items: list[Item] = []
    for step in _last(outermost):
        said = [item for item in step.said if not (answered and "observation" in item)]
        if step.ended_at is not None:
            _date(said, step.ended_at)
        items.extend(said)
    return items


def _date(items: list[Item], at: float) -> None:
    for item in items[-1:]:
        item.setdefault("event_timestamp", datetime.fromtimestamp(at, UTC).isoformat())


def _between(tree: Tree, outermost: list[Step]) -> list[Item]:
    """Tools, steps and errors, in the order in which they were."""
    inner = [step for step in tree.steps.values() if not step.outermost]
    told = [(step.began, _told(step)) for step in inner]
    if not any(step.kind is Kind.TOOL for step in inner):
        told += [(outermost[-1].began, item) for item in _called(outermost)]
    for trouble in tree.troubles:
        event = {"type": "event", "name": trouble.name, "metadata": trouble.metadata}
        told.append((trouble.place, event))
    return [item for _, item in sorted(told, key=lambda pair: pair[0])]


def _called(outermost: list[Step]) -> list[Item]:
    """The tools' calls that the last run was told of and the first was not."""
    known = [item for item in outermost[0].talk.whole if item.get("type") == "tool"]
    later = [item for item in outermost[-1].talk.whole if item.get("type") == "tool"]
    return later[len(known) :]


def _told(step: Step) -> Item:
    given = step.given if step.kind is Kind.TOOL else plain(step.given)
    said = "\n\n".join(str(item.get("message") or item.get("name")) for item in step.said)
    item = tool_item(step.name, given, said if step.ended is not None else None)
    item["event_timestamp"] = datetime.fromtimestamp(step.started_at, UTC).isoformat()
    return item


def _opening(whole: list[Item], user: str) -> str:
    said = next((item["message"] for item in whole if item.get("role") == "user"), "")
    return hashlib.blake2b(f"{user}\0{said}".encode(), digest_size=12).hexdigest()
