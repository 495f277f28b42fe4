"""The calls that went through the gateway, one by one, for who reads the analytics by key."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from causerie.store.events import EventStore
from causerie.web.contextai import question_of
from causerie.web.edge import JSONResponse, Keys

PER_PAGE_MAX = 1_000
PER_PAGE = 100
SWITCHES = ("estimated", "streamed", "partial")


class ExchangesAPI:
    """`/api/v1/exchanges`, of the span and the page that is asked for."""

    def __init__(self, keys: Keys, events: EventStore, clock: Callable[[], datetime]) -> None:
        self._keys = keys
        self._events = events
        self._clock = clock

    def routes(self) -> list[Route]:
        """Where it answers."""
        return [Route("/api/v1/exchanges", self.exchanges)]

    def exchanges(self, request: Request) -> Response:
        """A page of calls, the latest first; with `failed=true` those that went wrong."""
        reader = self._keys.reader(request)
        query = request.query_params
        question = question_of(reader, query, self._clock(), PER_PAGE, PER_PAGE_MAX)
        # Without a tenant all calls are told: that of a call is among what is told of it.
        tenant = reader.tenant(query.get("tenant_id"))
        rows = self._events.select(
            "exchanges/latest",
            {
                "project": reader.project.id,
                "every_tenant": tenant is None,
                "tenant": tenant or "",
                "since_64": question.since,
                "until_64": question.until,
                "failed": query.get("failed", "").lower() in ("1", "true"),
                "limit": question.per_page,
                "offset": (question.page - 1) * question.per_page,
            },
        )
        return JSONResponse({"exchanges": [_told(row) for row in rows], "page": question.page})


def _told(row: dict[str, Any]) -> dict[str, Any]:
    cost = row["cost"]
    return {
        **row,
        **{name: bool(row[name]) for name in SWITCHES},
        # As text, so that no reader makes a binary fraction of it.
        "cost": None if cost is None else f"{cost.normalize():f}",
    }
