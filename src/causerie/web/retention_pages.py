"""The page that tells whether people come back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from math import sqrt
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from causerie.retention import SPLITS, Retention, RetentionReport, Share, parameters
from causerie.topic_trees import TopicTree
from causerie.web.changes import Change, exact_share_change, sure_together
from causerie.web.downloads import FORMATS, as_sql, download
from causerie.web.filtered_pages import FilteredPages
from causerie.web.meaning_words import LANGUAGES
from causerie.web.questions import Asked
from causerie.wording import say, say_in
from causerie.zones import days_between

PATH = "/p/{project}/users/retention"
MOOD_TITLES = {
    "positive": say_in("mood", "Good"),
    "neutral": say_in("mood", "Neutral"),
    "negative": say_in("mood", "Bad"),
}
PARTS_SHOWN = 12
SPLIT_FIRST = "language"
"""What people are told apart by until somebody chooses."""
DAYS_BY_DAY_MAX = 14
COLUMNS = ("cohort", "part", "later", "returned", "of")
HEATS = 9
"""How many shades there are."""


class RetentionPages:
    """Sync: the server runs it in its thread pool."""

    def __init__(
        self, report: RetentionReport, filtered: FilteredPages, clock: Callable[[], datetime]
    ) -> None:
        self._report = report
        self._filtered = filtered
        self._clock = clock

    def routes(self) -> list[BaseRoute]:
        """Its address."""
        return [Route(PATH, self.retention)]

    def retention(self, request: Request) -> Response:
        """Cohorts as a table of shades, and people told apart by their first conversation."""
        visitor, asked, tree = self._filtered.enter(request)
        asked = _by_week_if_long(asked)
        given = request.query_params.get("split", SPLIT_FIRST)
        split = given if given in SPLITS else ""
        now, kind = self._clock(), request.query_params.get("format")
        if kind == "sql":
            return as_sql(
                "reports/retention", asked.question, parameters(asked.question, split, now)
            )
        found = self._report.retention(asked.question, split, now)
        if kind in FORMATS:
            name = f"{visitor.project.id}-retention"
            rows = _rows(found)
            return download(kind, name, COLUMNS, rows)
        return self._filtered.render(
            request,
            "retention.html",
            visitor,
            asked,
            tree,
            section="users",
            found=found,
            split=split,
            lines=_lines(found, split, tree),
            heat=heat,
            is_empty=not found.cohorts,
        )


def _by_week_if_long(asked: Asked) -> Asked:
    """A cohort for each day makes a long table of few people each; who wants it chooses it."""
    question = asked.question
    days = days_between(question.since, question.until, question.zone)
    if asked.period or question.period != "day" or days <= DAYS_BY_DAY_MAX:
        return asked
    return replace(asked, question=replace(question, period="week"))


def heat(value: float) -> int:
    """The shade of a share, 0 to HEATS: fine where most shares are, as few people come back."""
    return min(round(sqrt(value) * HEATS), HEATS)


def _rows(found: Retention) -> list[dict[str, Any]]:
    """Each share as a row: of the cohorts, then of the parts over all cohorts."""
    cohorts = [(cohort.start, "", cohort.shares) for cohort in found.cohorts]
    parts = [("", part.name, part.shares) for part in found.parts]
    return [
        dict(zip(COLUMNS, (start, name, later, share.returned, share.of), strict=True))
        for start, name, shares in (*cohorts, *parts)
        for later, share in enumerate(shares, 1)
    ]


def _lines(found: Retention, split: str, tree: TopicTree) -> list[dict[str, Any]]:
    """The largest parts, with their names, and where they differ most from all others."""
    parts = found.parts[:PARTS_SHOWN]
    changes = sure_together(
        {
            f"{place} {later}": _against_others(share, found.whole.shares[later - 1])
            for place, part in enumerate(parts)
            for later, share in enumerate(part.shares, 1)
        }
    )
    lines = []
    for place, part in enumerate(parts):
        own = {later: changes[f"{place} {later}"] for later in range(1, len(part.shares) + 1)}
        later = max(own, key=lambda later: _weight(own[later]), default=0)
        title = _title(split, part.name, tree)
        lines.append({"part": part, "title": title, "later": later, "change": own.get(later)})
    return lines


def _title(split: str, name: str, tree: TopicTree) -> str:
    if split == "topic":
        return tree.title(name) or name if name else say("No topic")
    if split == "language":
        return LANGUAGES.get(name, name)
    return MOOD_TITLES.get(name, say("Not known"))


def _against_others(own: Share, every: Share) -> Change:
    """The share of a part that came back a period later, against that of all others."""
    return exact_share_change(
        own.returned, own.of, every.returned - own.returned, every.of - own.of
    )


def _weight(change: Change) -> tuple[bool, float]:
    """What is beyond chance first, then what is larger."""
    return change.sure, abs(change.share or 0.0)
