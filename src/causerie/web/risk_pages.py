"""Users, At risk: who used to come and comes less, or is in a worse mood, and how that is known."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from causerie.risks import (
    BEFORE_DAYS,
    MOODS_MIN,
    NOW_DAYS,
    VISITS_MIN,
    Risk,
    RiskReport,
    Windows,
    parameters,
)
from causerie.web.downloads import FORMATS, as_sql, download
from causerie.web.filtered_pages import FilteredPages
from causerie.web.filters import WITHOUT_TENANT
from causerie.web.questions import Asked

PATH = "/p/{project}/users/risk"
SHOWN_MAX = 200
COLUMNS = (
    *("user", "tenant", "comes_less", "worse_mood", "visits_a_week_before", "visits_a_week_now"),
    *("visits_before", "visits_now", "mood_before", "mood_before_margin", "mood_now"),
    *("mood_now_margin", "conversations_before", "conversations_now", "last_seen"),
)


class RiskPages:
    """Sync: the server runs it in its thread pool."""

    def __init__(self, report: RiskReport, filtered: FilteredPages) -> None:
        self._report = report
        self._filtered = filtered

    def routes(self) -> list[BaseRoute]:
        """Its address."""
        return [Route(PATH, self.show)]

    def show(self, request: Request) -> Response:
        """Everybody at risk, the most to lose first, or their rows to take away."""
        visitor, asked, tree = self._filtered.enter(request)
        kind = request.query_params.get("format")
        if kind == "sql":
            return as_sql("reports/comings", asked.question, parameters(asked.question))
        risks = self._report.risks(asked.question)
        if kind in FORMATS:
            name = f"{visitor.project.id}-at-risk"
            rows = [_row(one) for one in risks.found]
            return download(kind, name, COLUMNS, rows)
        home = visitor.home
        return self._filtered.render(
            request,
            "risk.html",
            visitor,
            asked,
            tree,
            section="users",
            is_empty=not risks.people,
            risks=risks,
            shown=risks.found[:SHOWN_MAX],
            before=lambda one: (
                f"{home}/conversations{_door(one, asked, risks.windows, is_now=False)}"
            ),
            now_=lambda one: f"{home}/conversations{_door(one, asked, risks.windows, is_now=True)}",
            NOW_WEEKS=NOW_DAYS // 7,
            BEFORE_WEEKS=BEFORE_DAYS // 7,
            VISITS_MIN=VISITS_MIN,
            MOODS_MIN=MOODS_MIN,
        )


def _door(one: Risk, asked: Asked, windows: Windows, *, is_now: bool) -> str:
    """The query of their conversations now, or before."""
    first, last = (
        (windows.turn, windows.last)
        if is_now
        else (windows.begin, windows.turn - timedelta(days=1))
    )
    return asked.door(
        since=first.isoformat(),
        until=last.isoformat(),
        user=one.user,
        tenant=one.tenant or WITHOUT_TENANT,
    )


def _row(one: Risk) -> dict[str, Any]:
    moods = {
        "mood_before": one.mood_before,
        "mood_now": one.mood_now,
    }
    return {
        "user": one.user,
        "tenant": one.tenant,
        "comes_less": one.thins,
        "worse_mood": one.sours,
        "visits_a_week_before": one.visits_before.a_week,
        "visits_a_week_now": one.visits_now.a_week,
        "visits_before": one.visits_before.days,
        "visits_now": one.visits_now.days,
        **{name: mood.mean if mood else None for name, mood in moods.items()},
        **{f"{name}_margin": mood.margin if mood else None for name, mood in moods.items()},
        "conversations_before": one.mood_before.count if one.mood_before else None,
        "conversations_now": one.mood_now.count if one.mood_now else None,
        "last_seen": one.last_seen,
    }
