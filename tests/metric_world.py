"""Plain worlds, put into the analytics store as deliveries, understanding and the gateway would."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from causerie.store.events import EventStore
from causerie.store.events_schema import CONVERSATIONS, EXCHANGES, OUTCOMES
from tests.kept_rows import put
from tests.plain_metrics import Call, Talk, World


def keep(
    events: EventStore, project: str, world: World, earlier: Sequence[Talk | Call] = ()
) -> None:
    """Writes a world. `earlier` are versions of its conversations and calls that came before, and
    what was deleted since.
    """
    there: list[Talk | Call] = [*world.talks, *world.calls]
    now = {_name(one) for one in there}
    gone = [one for one in earlier if _name(one) not in now]
    talks = [(one, 1, 0) for one in earlier] + [(one, 2, 1) for one in gone]
    talks += [(one, 2, 0) for one in there]
    # Twice, as when a delivery was killed after it had written.
    talks += talks[-1:]
    put(events, OUTCOMES, list(_outcomes(talks, project)))
    for table, kind in ((CONVERSATIONS, Talk), (EXCHANGES, Call)):
        put(
            events,
            table,
            [
                {**_row(one), "project": project, "version": version, "deleted": deleted}
                for one, version, deleted in talks
                if isinstance(one, kind)
            ],
        )


def _outcomes(
    talks: Sequence[tuple[Talk | Call, int, int]], project: str
) -> Iterator[dict[str, Any]]:
    for one, version, deleted in talks:
        for place, outcome in enumerate(one.outcomes if isinstance(one, Talk) else ()):
            row = {
                "project": project,
                "tenant": one.tenant,
                "conversation": one.id,
                "position": place,
                "message": str(place),
                "at": one.at + timedelta(minutes=1),
                "version": version,
            }
            # One of another name says something else, and so did an earlier version of this one.
            yield {**row, "evaluator": "Rude", "outcome": "pass" if place else "fail"}
            yield {**row, "evaluator": "Polite", "outcome": outcome, "deleted": deleted}


def _name(one: Talk | Call) -> tuple[type, str, str]:
    return type(one), one.tenant if isinstance(one, Talk) else "", one.id


def _row(one: Talk | Call) -> dict[str, Any]:
    return _talk(one) if isinstance(one, Talk) else _call(one)


def _talk(talk: Talk) -> dict[str, Any]:
    return {
        "id": talk.id,
        "started_at": talk.at,
        "ended_at": talk.at + timedelta(minutes=3),
        "tenant": talk.tenant,
        "user": talk.user,
        "model": talk.model,
        "source": talk.source,
        "metadata": talk.metadata,
        "messages": talk.messages,
        "user_messages": talk.asked,
        "assistant_messages": talk.answered,
        "events": talk.others,
        "thumbs_up": talk.up,
        "thumbs_down": talk.down,
        "language": talk.language,
        "sentiment": talk.mood,
        "scored": len(talk.moods or ()),
        "signals": list(talk.signals),
        "topics": list(talk.topics),
        "meaning": 0 if talk.moods is None else 1,
    }


def _call(call: Call) -> dict[str, Any]:
    same = ("id", "at", "user", "tenant", "conversation", "model", "endpoint", "key", "cost")
    facts = asdict(call)
    return {
        **{name: facts[name] for name in (*same, "currency", "total_ms", "error")},
        "input_tokens": call.read,
        "cached_tokens": call.cached,
        "output_tokens": call.written,
        "first_token_ms": call.first_ms,
        "streamed": int(call.first_ms is not None),
    }
