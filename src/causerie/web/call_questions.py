"""What the page about calls is asked for: a question about conversations, and by whom or what.

Its addresses hold, beside those of `questions`: by=, what the table is by; gateway_key=, the id of
a key.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any

from starlette.datastructures import QueryParams

from causerie.costs import COST_SORTS, DIMENSIONS, CallQuestion, calls_of
from causerie.topic_trees import NO_TOPICS, TopicTree
from causerie.web.filters import Pairs
from causerie.web.questions import Asked, Chip, Reach, parse
from causerie.wording import say
from causerie.zones import DEFAULT_ZONE

BY = (*DIMENSIONS, "day")
KEY = "gateway_key"
"""Not `key`, which is a field of the form of filters."""


@dataclass(frozen=True)
class AskedCalls(Asked):
    """A question about calls with the words and the addresses that go with it."""

    question: CallQuestion
    by: str = BY[0]
    """What the table is by: one of `BY`."""
    key_name: str = ""

    @property
    def every(self) -> Pairs:
        """All parameters but the page."""
        return super().every + ((("by", self.by),) if self.by != BY[0] else ())

    @property
    def has_doors(self) -> bool:
        """Whether the conversations behind a number can be listed: they do not know keys."""
        return not self.question.key

    def door(self, **changes: str) -> str:
        """The query of the conversations behind a number: time and filters, some changed."""
        return super().door(**{KEY: "", **changes})

    def _chip(self, pair: tuple[str, str], before: tuple[str, str] | None) -> Chip:
        if pair[0] == KEY:
            return Chip(say("with the key"), self.key_name, self.query(**{KEY: ""}))
        return super()._chip(pair, before)


def ask(
    project: str,
    given: QueryParams,
    now: datetime,
    reach: Callable[[], Reach | None],
    keys: Mapping[str, str],
    tree: TopicTree = NO_TOPICS,
    zone: str = DEFAULT_ZONE,
) -> AskedCalls:
    """The question in an address. `keys` has the project's, by id, with their names."""
    asked = parse(project, given, now, reach, sorts=COST_SORTS, tree=tree, zone=zone)
    notices = list(asked.notices)
    by, key = given.get("by", BY[0]), given.get(KEY, "")
    if by not in BY:
        notices.append(
            say("Calls cannot be shown by “%(given)s”; these are by model.", given=by[:40])
        )
        by = BY[0]
    if key and key not in keys:
        notices.append(say("There is no such key in this project; the filter was left out."))
        key = ""
    values: dict[str, Any] = {one.name: getattr(asked, one.name) for one in fields(asked)}
    values |= {
        "question": replace(
            calls_of(asked.question), key=key, by=by if by in DIMENSIONS else DIMENSIONS[0]
        ),
        "filters": asked.filters + (((KEY, key),) if key else ()),
        "notices": tuple(notices),
    }
    return AskedCalls(**values, by=by, key_name=keys.get(key, ""))
