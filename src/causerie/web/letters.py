"""Letters: notices in words, for mailboxes, channels and webhooks, in the language of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from starlette.datastructures import QueryParams

from causerie.accounts import Project
from causerie.discretion import Discretion
from causerie.errors import NotFound
from causerie.metric_catalogue import metric_of
from causerie.mornings import Look, Mornings, look_at
from causerie.notices import Destination, Letter, Notice
from causerie.store.accounts import Accounts
from causerie.store.alerts import Alerts
from causerie.web.alert_words import evidence, firing_sentence, rule_sentence
from causerie.web.morning_pages import lines_of, row_of, span_of
from causerie.web.pages import Pages
from causerie.web.questions import parse
from causerie.web.speech import speaking, speech
from causerie.wording import say, say_many, tell

LINES_MAX = 12
FOOT = say("What is told moved beyond chance: of twenty such lines, one is chance on average.")


@dataclass(frozen=True)
class Item:
    """One line of a letter, with the way to what is behind it."""

    text: str
    label: str
    url: str
    tone: str = ""
    others: Sequence[str] = ()
    """What goes with it."""


@dataclass(frozen=True)
class Sheet:
    """What stands in a letter, in its language."""

    title: str
    lead: str
    items: Sequence[Item]
    foot: str
    url: str
    label: str
    document: Mapping[str, Any]


class Letters:
    """Says notices in words. `base_url` is where people reach the dashboard."""

    def __init__(
        self,
        accounts: Accounts,
        discretion: Discretion,
        mornings: Mornings,
        alerts: Alerts,
        pages: Pages,
        base_url: str,
    ) -> None:
        self._accounts = accounts
        self._discretion = discretion
        self._mornings = mornings
        self._alerts = alerts
        self._pages = pages
        self._base_url = base_url
        self._sheets: Mapping[str, Callable[[Notice, Project, datetime], Sheet]] = {
            "digest": self._digest,
            "alert": self._alert,
            "test": self._test,
        }

    def compose(self, notice: Notice, destination: Destination, now: datetime) -> Letter:
        """A notice for a destination. Raises NotFound, Unavailable."""
        project = self._accounts.project(notice.project)
        if project is None:
            raise NotFound("there is no such project")
        with speaking(destination.language) as spoken:
            sheet = self._sheets[notice.subject](notice, project, now)
            html = self._pages.draw("letter.html", spoken.code, sheet=sheet, tag=spoken.tag)
        return Letter(
            title=sheet.title,
            text=_as_text(sheet),
            html=html,
            slack=_as_slack(sheet),
            document=sheet.document,
        )

    # ---- what changed ------------------------------------------------------------------------

    def _digest(self, notice: Notice, project: Project, now: datetime) -> Sheet:
        choice = "week" if notice.document["every"] == "week" else "yesterday"
        look = look_at(choice, now, project.zone, None)
        tree = self._discretion.tree(project.id)
        asked = parse(project.id, QueryParams(""), now, lambda: None, zone=project.zone, tree=tree)
        morning = self._mornings.morning(asked.question, look, tree, now)
        keys = {key.id: f"{key.name} …{key.hint}" for key in self._accounts.keys(project.id)}
        home = f"{self._base_url}/p/{project.id}"
        lines = lines_of(morning, asked, tree, keys, home)[:LINES_MAX]
        items = [
            Item(
                tell(each.text),
                tell(each.evidence),
                each.door,
                each.tone,
                [tell(other.text) for other in each.others],
            )
            for each in lines
        ]
        span = span_of(look)
        rows = [
            row_of(incident.lead, number, incident.cause)
            for number, incident in enumerate(morning.incidents[:LINES_MAX], 1)
        ]
        return Sheet(
            title=tell(
                say("What changed in %(project)s: %(days)s", project=project.name, days=_days(look))
            ),
            lead=tell(
                _lead(
                    morning.whole.conversations, morning.whole.people, bool(items), morning.compares
                )
            ),
            items=items,
            foot=tell(FOOT) if items else "",
            url=f"{home}/today?changes={choice}",
            label=tell(say("All of it")),
            document={
                **span,
                "conversations": morning.whole.conversations,
                "people": morning.whole.people,
                "findings": [
                    {**row, "text": item.text, "url": item.url, "others": list(item.others)}
                    for row, item in zip(rows, items, strict=True)
                ],
                "url": f"{home}/today?changes={choice}",
            },
        )

    # ---- alerts ------------------------------------------------------------------------------

    def _alert(self, notice: Notice, project: Project, now: datetime) -> Sheet:
        alert = self._alerts.get(project.id, notice.document["alert"]).alert
        start = datetime.fromisoformat(notice.document["start"])
        firing = self._alerts.firing(project.id, alert.id, start)
        home, metric = f"{self._base_url}/p/{project.id}", metric_of(alert.metric)
        url = f"{home}/reports/alerts/{alert.id}"
        said = tell(firing_sentence(firing, alert, metric, project.zone))
        items = [
            Item(
                tell(rule_sentence(alert, metric)),
                tell(say("Conversations")),
                home + evidence(alert, firing, project.zone),
                "bad",
            )
        ]
        return Sheet(
            title=tell(
                say("Alert in %(project)s: %(name)s", project=project.name, name=alert.name)
            ),
            lead=said,
            items=items,
            foot="",
            url=url,
            label=tell(say("The alert")),
            document={
                "alert": {"id": alert.id, "name": alert.name, "metric": alert.metric},
                "start": firing.start,
                "end": firing.end,
                "value": firing.value,
                "low": firing.low,
                "high": firing.high,
                "sample": firing.sample,
                "text": said,
                "url": url,
            },
        )

    # ---- tests -------------------------------------------------------------------------------

    def _test(self, notice: Notice, project: Project, now: datetime) -> Sheet:
        home = f"{self._base_url}/p/{project.id}"
        title = tell(say("A test from %(project)s", project=project.name))
        lead = tell(say("This is a test. Notices of this project arrive here."))
        return Sheet(
            title=title,
            lead=lead,
            items=(),
            foot="",
            url=f"{home}/settings/notices",
            label=tell(say("Notifications")),
            document={"text": lead, "url": f"{home}/settings/notices"},
        )


def _days(look: Look) -> str:
    if look.days == 1:
        return speech().day_of_week(look.first)
    return speech().days(look.first, look.last)


def _lead(conversations: int, people: int, found: bool, compares: bool) -> str:
    talks = say_many("%(num)s conversation", "%(num)s conversations", conversations)
    those = say_many("%(num)s person", "%(num)s people", people)
    if not compares:
        return say(
            "%(talks)s, %(people)s. There are too few days before to compare with.",
            talks=talks,
            people=those,
        )
    if found:
        return say("%(talks)s, %(people)s.", talks=talks, people=those)
    return say("%(talks)s, %(people)s. Nothing moved beyond chance.", talks=talks, people=those)


def _as_text(sheet: Sheet) -> str:
    parts = [sheet.title, "", sheet.lead, ""]
    for number, item in enumerate(sheet.items, 1):
        parts += [f"{number}. {item.text}", f"   {item.label}: {item.url}"]
        parts += [*(f"   - {other}" for other in item.others), ""]
    parts += [sheet.foot, ""] if sheet.foot else []
    return "\n".join([*parts, f"{sheet.label}: {sheet.url}", ""])


def _as_slack(sheet: Sheet) -> str:
    lines = [f"*{_slack(sheet.title)}*", _slack(sheet.lead)]
    for item in sheet.items:
        lines.append(f"• {_slack(item.text)} <{item.url}|{_slack(item.label)}>")
        lines += [f"      ◦ {_slack(other)}" for other in item.others]
    lines += [_slack(sheet.foot)] if sheet.foot else []
    return "\n".join([*lines, f"<{sheet.url}|{_slack(sheet.label)}>"])


def _slack(text: str) -> str:
    """Text that Slack takes for text: what makes links and mentions is escaped."""
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return escaped.replace("|", "¦")
