"""Reports, Alerts: what is watched, what it would have fired for, and what it did.

The address of a new one holds, beside the filters of `questions`: metric=, each=hour|day|week,
rule=, threshold= (of a change in percent, of a share too), direction=, sample=, lasting=, rest= and
alert=, the id of the one that is changed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from math import isfinite
from typing import Any
from urllib.parse import parse_qsl, urlencode

import msgspec
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from causerie.accounts import Role, new_id
from causerie.alarms import PREVIEW_DAYS, PREVIEW_WEEKS, begin, preview, settled
from causerie.alert_readings import AlertReadings
from causerie.alerts import Alert, Firing, Rule, checked_alert
from causerie.errors import CauserieError, Conflict, Invalid, NotFound
from causerie.metric_catalogue import find_metric, metric_of
from causerie.reports import Question
from causerie.store.alerts import Alerts
from causerie.store.notices import Notices
from causerie.topic_trees import TopicTree
from causerie.web.alert_charts import draw_past
from causerie.web.alert_words import (
    DIRECTION_WORDS,
    PERIOD_WORDS,
    RULE_WORDS,
    evidence,
    explored,
    firing_sentence,
    period_words,
    rule_sentence,
    value_words,
)
from causerie.web.explore_pages import GROUPS
from causerie.web.filtered_pages import FilteredPages
from causerie.web.filters import Pairs
from causerie.web.forms import sentence
from causerie.web.posts import Change, Form, post, refusal
from causerie.web.questions import Asked, parse
from causerie.web.signin import Doors, Visitor
from causerie.wording import say

PATH = "/p/{project}/reports/alerts"
OWN = ("metric", "each", "rule", "threshold", "direction", "sample", "lasting", "rest", "alert")
"""What an address says of an alert, beside the filters."""
DEFAULTS = {
    "metric": "conversations",
    "each": "day",
    "rule": "unusual",
    "threshold": "",
    "direction": "both",
    "sample": "10",
    "lasting": "1",
    "rest": "24",
}
SNOOZES = {"1": say("A day"), "7": say("A week"), "30": say("A month")}
PERCENT = 100
DONE = {
    "saved": say("The alert is kept. It is judged from the next period on."),
    "removed": say("The alert is gone, with what it fired for."),
    "changed": say("Done."),
}


@dataclass(frozen=True)
class AskedAlert(Asked):
    """A question with what its address says of an alert."""

    own: Pairs = ()

    @property
    def every(self) -> Pairs:
        """All parameters but the page and the time."""
        return self.filters + self.own


class AlertPages:
    """The pages under `/p/{project}/reports/alerts`."""

    def __init__(
        self,
        alerts: Alerts,
        readings: AlertReadings,
        notices: Notices,
        filtered: FilteredPages,
        doors: Doors,
        clock: Callable[[], datetime],
    ) -> None:
        self._alerts = alerts
        self._readings = readings
        self._notices = notices
        self._filtered = filtered
        self._doors = doors
        self._clock = clock

    def routes(self) -> list[BaseRoute]:
        """Their addresses."""
        return [
            Route(PATH, self.list),
            self._post("", self._save),
            Route(f"{PATH}/new", self.new),
            Route(f"{PATH}/{{alert}}", self.show),
            self._post("/{alert}/mute", self._mute),
            self._post("/{alert}/snooze", self._snooze),
            self._post("/{alert}/remove", self._remove),
            self._post("/{alert}/acknowledge", self._acknowledge),
        ]

    def _post(self, path: str, change: Change) -> BaseRoute:
        return post(self._doors, PATH + path, Role.MEMBER, change)

    # ---- what the pages show -----------------------------------------------------------------

    def list(self, request: Request) -> Response:
        """Every alert, and what they fired for."""
        visitor, asked, tree = self._filtered.enter(request)
        project = visitor.project.id
        watched = self._alerts.all(project)
        return self._render(
            request,
            "alerts.html",
            visitor,
            asked,
            tree,
            watched=watched,
            by_id={one.alert.id: one.alert for one in watched},
            fired=self._alerts.fired(project),
            sent=self._sent(project),
        )

    def show(self, request: Request) -> Response:
        """One alert: its past, and what it fired for."""
        visitor, asked, tree = self._filtered.enter(request)
        project = visitor.project.id
        one = self._alerts.get(project, request.path_params["alert"])
        return self._render(
            request,
            "alert.html",
            visitor,
            asked,
            tree,
            one=one,
            alert=one.alert,
            fired=self._alerts.fired(project, one.alert.id),
            sent=self._sent(project),
            change=f"?{urlencode(_address_of(one.alert))}",
            snoozes=SNOOZES,
            **self._past(visitor, one.alert),
        )

    def new(self, request: Request) -> Response:
        """A new alert, or another shape of one, with what it would have fired for."""
        self._doors.enter(request, Role.MEMBER)
        return self._show_new(request, request.query_params)

    def _show_new(
        self, request: Request, given: QueryParams, status: int = 200, **context: Any
    ) -> Response:
        visitor, _, tree = self._filtered.enter(request)
        project = visitor.project
        asked = _asked(given, project.id, self._clock(), tree, project.zone)
        own = _own_of(given)
        pairs = tuple((name, value) for name, value in own.items() if value)
        values = {one.name: getattr(asked, one.name) for one in fields(Asked)}
        mine = AskedAlert(**{**values, "span": (), "days": "30"}, own=pairs)
        known: dict[str, Any] = {"fault": "", "field": None, "alert": None, "judged": ()}
        try:
            alert = alert_of(own, visitor.project.id, mine.filters, name="–")
            known |= {"alert": alert, **self._past(visitor, alert)}
        except Invalid as error:
            known |= {"fault": sentence(error.wording), "field": error.field}
        before = self._before(visitor.project.id, own["alert"])
        return self._render(
            request,
            "alert_form.html",
            visitor,
            mine,
            tree,
            status=status,
            own=own,
            before=before,
            destinations=self._notices.destinations(visitor.project.id),
            groups=GROUPS,
            **{"filled": {}, **known, **context},
        )

    def _before(self, project: str, id: str) -> Alert | None:
        return self._alerts.get(project, id).alert if id else None

    def _past(self, visitor: Visitor, alert: Alert) -> dict[str, Any]:
        """What it would have fired for lately."""
        project, now = visitor.project, self._clock()
        question, tree = ask(alert, now, self._filtered.tree(project.id), project.zone)
        try:
            judged = preview(self._readings, alert, question, tree, now)
        except (Invalid, NotFound) as error:
            return {"judged": (), "picture": None, "fault": sentence(error.wording)}
        return {
            "judged": [each for each in judged if each.fires],
            "known": sum(each.range is not None for each in judged),
            "picture": draw_past(judged),
            "days": PREVIEW_DAYS if alert.period != "week" else 7 * PREVIEW_WEEKS,
        }

    def _sent(self, project: str) -> dict[str, str]:
        """What became of notices, by their keys."""
        return {notice.key: notice.status.value for notice in self._notices.log(project)}

    def _render(
        self,
        request: Request,
        template: str,
        visitor: Visitor,
        asked: Asked,
        tree: TopicTree,
        *,
        status: int = 200,
        **context: Any,
    ) -> Response:
        project, query = visitor.project, request.query_params
        names = {one.id: one.name for one in self._notices.destinations(project.id)}
        values = {
            "may_manage": visitor.role.covers(Role.MEMBER),
            "done": DONE.get(query.get("done", ""), ""),
            "fault": "",
            "names": names,
            "names_of": lambda ids: ", ".join(names.get(id, "–") for id in ids),
            "metric_of": metric_of,
            "periods": PERIOD_WORDS,
            "rules": RULE_WORDS,
            "directions": DIRECTION_WORDS,
            "rule_of": lambda alert: rule_sentence(alert, metric_of(alert.metric)),
            "fired_for": lambda firing, alert: firing_sentence(
                firing, alert, metric_of(alert.metric), project.zone
            ),
            "period_of": lambda start, alert: period_words(start, alert.period, project.zone),
            "value_of": lambda value, alert: value_words(value, metric_of(alert.metric)),
            "evidence": lambda alert, firing: evidence(alert, firing, project.zone),
            "explored": lambda alert, firing: explored(alert, firing, project.zone),
            "notice_key": _notice_key,
            **context,
        }
        return self._filtered.render(
            request,
            template,
            visitor,
            asked,
            tree,
            status=status,
            section="reports",
            is_empty=False,
            **values,
        )

    # ---- what the forms do -------------------------------------------------------------------

    def _save(self, request: Request, visitor: Visitor, form: Form) -> Response:
        project, now = visitor.project, self._clock()
        given = QueryParams(form.get("query", ""))
        own, tree = _own_of(given), self._filtered.tree(project.id)
        try:
            before = self._before(project.id, own["alert"])
            asked = _asked(given, project.id, now, tree, project.zone)
            made = alert_of(
                own, project.id, asked.filters, name=" ".join(form.get("name", "").split())
            )
            made = msgspec.structs.replace(
                made,
                id=before.id if before else new_id("alert"),
                destinations=_chosen(form, self._notices, project.id),
                by=visitor.member.email,
                muted=bool(before and before.muted),
                created_at=before.created_at if before else now,
            )
            since = begin(made.period, settled(made.period, now, project.zone), project.zone)
            self._alerts.put(made, since, now)
        except (Invalid, Conflict) as error:
            return self._refuse(request, form, given, error)
        return self._back(visitor, f"/{made.id}?done=saved")

    def _refuse(
        self, request: Request, form: Form, given: QueryParams, error: CauserieError
    ) -> Response:
        return self._show_new(request, given, **refusal(error), filled=form)

    def _mute(self, request: Request, visitor: Visitor, form: Form) -> Response:
        alert = self._alerts.get(visitor.project.id, request.path_params["alert"]).alert
        muted = form.get("muted") == "on"
        self._alerts.change(msgspec.structs.replace(alert, muted=muted, snoozed_until=None))
        return self._back(visitor, f"/{alert.id}?done=changed")

    def _snooze(self, request: Request, visitor: Visitor, form: Form) -> Response:
        alert = self._alerts.get(visitor.project.id, request.path_params["alert"]).alert
        days = form.get("days", "")
        if days not in SNOOZES:
            days = "1"
        until = self._clock() + timedelta(days=int(days))
        self._alerts.change(msgspec.structs.replace(alert, snoozed_until=until))
        return self._back(visitor, f"/{alert.id}?done=changed")

    def _remove(self, request: Request, visitor: Visitor, form: Form) -> Response:
        self._alerts.remove(visitor.project.id, request.path_params["alert"])
        return self._back(visitor, "?done=removed")

    def _acknowledge(self, request: Request, visitor: Visitor, form: Form) -> Response:
        id = request.path_params["alert"]
        alert = self._alerts.get(visitor.project.id, id).alert
        try:
            start = datetime.fromisoformat(form.get("start", ""))
        except ValueError as error:
            raise NotFound("There is nothing here.") from error
        if start.tzinfo is None:
            raise NotFound("There is nothing here.")
        self._alerts.acknowledge(
            visitor.project.id, alert.id, start, visitor.member.email, self._clock()
        )
        return self._back(visitor, f"/{alert.id}?done=changed")

    def _back(self, visitor: Visitor, where: str) -> Response:
        return RedirectResponse(PATH.replace("{project}", visitor.project.id) + where, 303)


def ask(alert: Alert, now: datetime, tree: TopicTree, zone: str) -> tuple[Question, TopicTree]:
    """The question that the filters of an alert ask; its span does not count."""
    return _asked(QueryParams(alert.query), alert.project, now, tree, zone).question, tree


def _asked(given: QueryParams, project: str, now: datetime, tree: TopicTree, zone: str) -> Asked:
    return parse(project, given, now, lambda: None, tree=tree, zone=zone)


def _own_of(given: Mapping[str, str]) -> dict[str, str]:
    return {name: given.get(name, DEFAULTS.get(name, "")) for name in OWN}


def alert_of(own: Mapping[str, str], project: str, filters: Pairs, name: str) -> Alert:
    """The alert that an address describes. Raises Invalid, naming the field."""
    metric = find_metric(own["metric"])
    if metric is None:
        raise Invalid(say("choose a number"), field="metric")
    try:
        rule = Rule(own["rule"])
    except ValueError as error:
        raise Invalid(say("choose when it fires"), field="rule") from error
    threshold = 0.0
    if rule is not Rule.UNUSUAL:
        in_percent = rule is Rule.CHANGE or metric.unit == "share"
        threshold = _decimal(own["threshold"], "threshold") / (PERCENT if in_percent else 1)
    return checked_alert(
        Alert(
            id=own["alert"] or "new",
            project=project,
            name=name,
            metric=metric.name,
            query=urlencode(filters),
            period=own["each"],
            rule=rule,
            threshold=threshold,
            direction=own["direction"],
            sample_min=_whole(own["sample"], "sample"),
            lasting=_whole(own["lasting"], "lasting"),
            cooldown_h=_whole(own["rest"], "rest"),
        )
    )


def _address_of(alert: Alert) -> list[tuple[str, str]]:
    """The same the other way."""
    in_percent = alert.rule is Rule.CHANGE or metric_of(alert.metric).unit == "share"
    threshold = alert.threshold * (PERCENT if in_percent else 1)
    own = {
        "metric": alert.metric,
        "each": alert.period,
        "rule": alert.rule.value,
        "threshold": "" if alert.rule is Rule.UNUSUAL else f"{threshold:.12g}",
        "direction": alert.direction,
        "sample": str(alert.sample_min),
        "lasting": str(alert.lasting),
        "rest": str(alert.cooldown_h),
        "alert": alert.id,
    }
    return [*parse_qsl(alert.query), *own.items()]


def _decimal(text: str, field: str) -> float:
    wrong = Invalid(say("that is not a number"), field=field)
    try:
        value = float(text.strip().replace(",", "."))
    except ValueError as error:
        raise wrong from error
    if not isfinite(value):
        raise wrong
    return value


def _whole(text: str, field: str) -> int:
    if text.isascii() and text.isdigit():
        return int(text[:9])
    raise Invalid(say("that is not a whole number"), field=field)


def _chosen(form: Form, notices: Notices, project: str) -> tuple[str, ...]:
    """The destinations that are ticked."""
    known = (one.id for one in notices.destinations(project))
    return tuple(id for id in known if form.get(f"to_{id}") == "on")


def _notice_key(firing: Firing, project: str, destination: str) -> str:
    return f"alert {project} {firing.alert} {firing.start.isoformat()} {destination}"
