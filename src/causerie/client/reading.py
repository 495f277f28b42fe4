"""What the server knows of conversations, for who has a key that reads."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from causerie.client.calls import Calls, path_of
from causerie.wire.contextai import (
    ConversationResponse,
    ConversationsResponse,
    SeriesIndex,
    SeriesResponse,
)

API = ("api", "v1")
Time = datetime | str


class Exchanges(msgspec.Struct):
    """A page of calls that went through the gateway, the latest first."""

    exchanges: list[dict[str, Any]]
    page: int


class Reading:
    """Each call raises ClientError. Times without a zone are UTC; a span without a beginning
    begins six days before today.
    """

    def __init__(self, calls: Calls, tenant: str | None) -> None:
        self._calls = calls
        self._own_tenant = tenant

    def conversations(
        self,
        *,
        since: Time | None = None,
        until: Time | None = None,
        page: int | None = None,
        per_page: int | None = None,
        tenant: str | None = None,
    ) -> ConversationsResponse:
        """A page of conversations with their messages, the latest first."""
        query = {"start_time": since, "end_time": until, "page": page, "per_page": per_page}
        path = path_of(*API, "conversations", **query, tenant_id=tenant or self._own_tenant)
        return self._calls.ask(ConversationsResponse, "GET", path)

    def conversation(self, id: str, *, tenant: str | None = None) -> ConversationResponse:
        """One conversation, with all that the server took before."""
        path = path_of(*API, "conversations", id, tenant_id=tenant or self._own_tenant)
        return self._calls.ask(ConversationResponse, "GET", path)

    def series_names(self) -> list[str]:
        """Which series there are."""
        path = path_of(*API, "conversations", "series")
        return self._calls.ask(SeriesIndex, "GET", path).available

    def series(
        self,
        name: str,
        *,
        since: Time | None = None,
        until: Time | None = None,
        period: str | None = None,
        tenant: str | None = None,
    ) -> SeriesResponse:
        """Numbers per `period`: day, week or month."""
        query = {"start_time": since, "end_time": until, "period": period}
        owner = tenant or self._own_tenant
        path = path_of(*API, "conversations", "series", name, **query, tenant_id=owner)
        return self._calls.ask(SeriesResponse, "GET", path)

    def exchanges(
        self,
        *,
        since: Time | None = None,
        until: Time | None = None,
        page: int | None = None,
        per_page: int | None = None,
        failed: bool | None = None,
    ) -> Exchanges:
        """A page of calls through the gateway; with `failed` those that went wrong."""
        query = {"start_time": since, "end_time": until, "page": page, "per_page": per_page}
        path = path_of(*API, "exchanges", **query, failed=failed)
        return self._calls.ask(Exchanges, "GET", path)
