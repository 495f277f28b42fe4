"""The analytics store as an embed may read it: one tenant of one project, whatever is asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from causerie.errors import Forbidden
from causerie.store.events import EventStore
from causerie.store.statements import statement

NO_TENANT = frozenset({"search/models"})
"""Statements that tell nothing of any conversation."""
WORDS = ("preview", "feedback", "text")
SPOKEN = frozenset({"reports/transcripts", "reports/texts"})
"""Statements that are all about what was said."""


class TenantEvents(EventStore):
    """Reads only. Every statement is bound to the tenant here, beneath all reports, so that none
    can be asked for another; one that knows of no tenant is refused. Where words may not be read,
    rows come without them.
    """

    def __init__(self, events: EventStore, project: str, tenant: str, *, words: bool) -> None:
        # Without a client of its own: it reads by that of the other.
        self._events = events
        self._project = project
        self._tenant = tenant
        self._words = words

    def select(
        self, name: str, parameters: Mapping[str, Any], binary: Sequence[str] = ()
    ) -> list[dict[str, Any]]:
        """The rows of the named statement that are of the tenant. Raises Forbidden for one that is
        about more, or about words that may not be read; Unavailable, LookupError.
        """
        bound = {**parameters, **self._own(parameters)}
        if parameters.get("project") != self._project or not _is_bound(name, bound):
            raise Forbidden("this is not part of the view")
        if name in SPOKEN and not self._words:
            raise Forbidden("what was said is not part of the view")
        rows = self._events.select(name, bound, binary)
        return rows if self._words else [_without_words(row) for row in rows]

    def _own(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        own = {"every_tenant": False, "tenant": self._tenant}
        return {**own, "tenants": [self._tenant]} if "tenants" in parameters else own


def _is_bound(name: str, parameters: Mapping[str, Any]) -> bool:
    """Whether what is sent of a statement is limited by a tenant, or by a list of them."""
    text = statement(name, parameters)
    limits = ("tenant = {tenant:String}", "tenant IN {tenants:Array(String)}")
    return name in NO_TENANT or any(limit in text for limit in limits)


def _without_words(row: dict[str, Any]) -> dict[str, Any]:
    return {name: "" if name in WORDS else value for name, value in row.items()}
