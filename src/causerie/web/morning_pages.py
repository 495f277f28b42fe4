"""The page that a morning begins with: what changed since last time.

Its address holds, beside the filters of `questions`: changes=visit|yesterday|week|today.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from causerie.causes import OF_METADATA, Cause, Incident
from causerie.findings import BAD_SIGNALS, Finding
from causerie.mornings import CHOICES, Look, Morning, Mornings, look_at
from causerie.store.accounts import Accounts
from causerie.store.last_looks import LastLooks
from causerie.topic_trees import TopicTree
from causerie.web.downloads import download
from causerie.web.filtered_pages import FilteredPages
from causerie.web.filters import pack
from causerie.web.finding_words import caused_sentence, short_of
from causerie.web.questions import Asked
from causerie.web.speech import speech
from causerie.wording import Wording, say, say_many

PATH = "/p/{project}/today"
CHANGES = "changes"
SHOWN = 12
"""So many lines stand open, the rest is folded."""
CHOICE_WORDS = {
    "visit": say("Since your last visit"),
    "yesterday": say("Yesterday"),
    "week": say("Last 7 days"),
    "today": say("Today so far"),
}
COLUMNS = (
    "kind",
    "dimension",
    "value",
    "now",
    "before",
    "hits",
    "sample",
    "sample_before",
    "people",
    "chance",
    "incident",
    "cause_dimension",
    "cause_value",
    "cause_share",
)
FILTERS = frozenset({"topic", "language", "model", "tenant", "signal"})
OF_CALLS = frozenset({"latency", "cost", "errors"})
OF_USERS = {"people": "last", "returning": "last", "new": "newest"}
"""Told of on the page of users, in that order."""
GOOD_WHEN_MORE = frozenset({"conversations", "people", "new", "returning", "mood"})
BAD_WHEN_MORE = frozenset({"thumbs_down", "masked", "latency", "cost", "errors"})
BAD_AT_ALL = frozenset({"budget", "silence"})


@dataclass(frozen=True)
class Line:
    """A finding to read."""

    text: Wording
    door: str
    """The address of what is behind it."""
    evidence: Wording
    """What is there."""
    tone: str
    """`good`, `bad` or nothing."""
    rises: bool
    others: Sequence[Line] = ()
    """Findings of the same cause."""
    with_it: Sequence[str] = ()
    """What those are of, in a word or two each."""


class MorningPages:
    """Sync: the server runs it in its thread pool."""

    def __init__(
        self,
        mornings: Mornings,
        looks: LastLooks,
        accounts: Accounts,
        filtered: FilteredPages,
        clock: Callable[[], datetime],
    ) -> None:
        self._mornings = mornings
        self._looks = looks
        self._accounts = accounts
        self._filtered = filtered
        self._clock = clock

    def routes(self) -> list[BaseRoute]:
        """Its address."""
        return [Route(PATH, self.today)]

    def today(self, request: Request) -> Response:
        """What changed, or the findings to take away."""
        visitor, asked, tree = self._filtered.enter(request)
        project, now = visitor.project, self._clock()
        given = request.query_params.get(CHANGES, "")
        choice = given if given in CHOICES else CHOICES[0]
        kind = request.query_params.get("format")
        if kind in ("csv", "json"):
            visited = self._looks.last(project.id, visitor.member.id, now, project.zone)
        else:
            visited = self._looks.come(project.id, visitor.member.id, now, project.zone)
        look = look_at(choice, now, project.zone, visited)
        morning = self._mornings.morning(asked.question, look, tree, now)
        if kind in ("csv", "json"):
            name, rows = f"{project.id}-changes", rows_of(morning)
            return download(kind, name, COLUMNS, rows)
        keys = {key.id: f"{key.name} …{key.hint}" for key in self._accounts.keys(project.id)}
        return self._filtered.render(
            request,
            "today.html",
            visitor,
            asked,
            tree,
            section="today",
            morning=morning,
            look=look,
            # Said while the page is drawn, in its language.
            told=lambda: lines_of(morning, asked, tree, keys, f"/p/{project.id}"),
            visited=visited,
            choices=CHOICE_WORDS,
            weekday=lambda day: speech().day_of_week(day),
            span_door=asked.door(**span_of(look)),
            shown=SHOWN,
            is_empty=morning.latest is None,
        )


def lines_of(
    morning: Morning, asked: Asked, tree: TopicTree, keys: Mapping[str, str], home: str
) -> list[Line]:
    """Every incident to read, the weightiest first. `home` is the address of the project, `keys`
    are names of keys by id.
    """

    def line(finding: Finding, cause: Cause | None = None) -> Line:
        return Line(
            caused_sentence(finding, cause, tree, keys, morning.currency),
            home + _door(finding, morning.look, _narrowed(asked, cause)),
            _behind(finding, cause),
            _tone(finding),
            finding.rises,
        )

    return [
        replace(
            line(each.lead, each.cause),
            tone=_tone_of(each),
            others=[line(other) for other in each.others],
            with_it=list(dict.fromkeys(short_of(other, tree, keys) for other in each.others)),
        )
        for each in morning.incidents
    ]


def _narrowed(asked: Asked, cause: Cause | None) -> Asked:
    """The question about the conversations that have a cause."""
    if cause is None:
        return asked
    dimension, value = cause.part
    about = (dimension, value)
    if dimension.startswith(OF_METADATA):
        about = ("meta", pack(dimension.removeprefix(OF_METADATA), value))
    return replace(asked, filters=(*asked.filters, about))


def span_of(look: Look) -> dict[str, str]:
    """The days that are told of, as addresses have them."""
    return {"since": look.first.isoformat(), "until": look.last.isoformat()}


def _door(finding: Finding, look: Look, asked: Asked) -> str:
    kind, value = finding.part
    span = span_of(look)
    if finding.kind == "budget":
        return "/settings/keys"
    if finding.kind == "silence":
        return f"/conversations{asked.door(days='all')}"
    if finding.kind in OF_CALLS:
        return f"/models{asked.door(**span, model=value)}"
    if finding.kind in OF_USERS:
        return f"/users{asked.door(**span, sort=OF_USERS[finding.kind])}"
    about = {kind: value} if kind in FILTERS else {}
    if finding.kind == "mood":
        about["sort"] = "mood"
    if finding.kind == "thumbs_down":
        about["rating"] = "down"
    return f"/conversations{asked.door(**span, **about)}"


def _behind(finding: Finding, cause: Cause | None) -> Wording:
    if finding.kind == "budget":
        return say("Keys")
    if finding.kind == "silence":
        return say("The latest")
    if finding.kind in OF_CALLS:
        return say_many("%(num)s call", "%(num)s calls", finding.sample)
    if finding.kind in OF_USERS:
        return say("Users")
    if finding.kind == "thumbs_down" or finding.part[0] not in {*FILTERS, ""}:
        return say("Conversations")
    if cause is not None and finding.kind == "mood":
        return say("Conversations")
    count = cause.conversations if cause is not None else finding.conversations
    return say_many("%(num)s conversation", "%(num)s conversations", count)


def _tone(finding: Finding) -> str:
    """Whether it is good or bad news, as far as that can be said."""
    good = finding.kind in GOOD_WHEN_MORE or finding.part == ("signal", "thanked")
    bad = finding.kind in BAD_WHEN_MORE or (
        finding.kind == "signal" and finding.part[1] in BAD_SIGNALS
    )
    if finding.kind in BAD_AT_ALL:
        return "bad"
    if not good and not bad:
        return ""
    return "good" if good == finding.rises else "bad"


def _tone_of(incident: Incident) -> str:
    """That of its lead; where it has none, bad news of the others makes it bad."""
    own = _tone(incident.lead)
    others = {_tone(other) for other in incident.others}
    return own or ("bad" if "bad" in others else "")


def rows_of(morning: Morning) -> list[dict[str, object]]:
    """The findings as rows to take away, those of one incident with its number."""
    return [
        row_of(finding, number, each.cause if finding is each.lead else None)
        for number, each in enumerate(morning.incidents, 1)
        for finding in (each.lead, *each.others)
    ]


def row_of(finding: Finding, incident: int, cause: Cause | None) -> dict[str, object]:
    """One finding, with what is behind it."""
    dimension, value = cause.part if cause is not None else ("", "")
    return {
        "kind": finding.kind,
        "dimension": finding.part[0],
        "value": finding.part[1],
        **{name: getattr(finding, name) for name in COLUMNS[3:-4]},
        "incident": incident,
        "cause_dimension": dimension,
        "cause_value": value,
        "cause_share": cause.share if cause is not None else None,
    }
