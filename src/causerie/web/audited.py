"""Routes whose requests are recorded: by `audit_rules`, with what their handlers note meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextvars import ContextVar
from datetime import datetime
from typing import Any

from starlette.datastructures import QueryParams
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from causerie.accounts import Project
from causerie.audit import NOBODY, SERVER, Action, Entry, How, object_of
from causerie.web.audit_rules import NOTHING, Rule, rule_of
from causerie.web.user_addresses import user_of

REFUSED = 400
KEPT = ("rows", "hits", "tool", "sql", "format", "filters", "changed")
FILTERS = ("user", "text", "q", "tenant", "tenant_id", "topic", "language", "mood", "signal")
noted: ContextVar[dict[str, Any] | None] = ContextVar("noted", default=None)


def note(**facts: Any) -> None:
    """Tell what a request is about: `by`, `project`, `object`, and what of `KEPT` is known. Does
    nothing where nothing is recorded.
    """
    now = noted.get()
    if now is not None:
        now.update(facts)


def audited(
    routes: Iterable[BaseRoute],
    record: Callable[[Entry], None],
    clock: Callable[[], datetime],
) -> list[BaseRoute]:
    """The same routes, recorded as their rules say."""
    found = list(routes)
    for route in found:
        if isinstance(route, Route):
            rules = {method: rule_of(method, route.path) for method in route.methods or ()}
            wanted = {method: rule for method, rule in rules.items() if rule is not None}
            if _may_tell(route, wanted):
                route.app = Audited(route.app, route.path, wanted, record, clock)
    return found


def _may_tell(route: Route, rules: Mapping[str, Rule]) -> bool:
    takes = route.path.startswith(("/p/", "/api/v1/metrics")) and "GET" in rules
    return takes or any(rule is not NOTHING for rule in rules.values())


class Audited:
    """One route; what is refused is not recorded, but for attempts to sign in."""

    def __init__(
        self,
        app: ASGIApp,
        path: str,
        rules: Mapping[str, Rule],
        record: Callable[[Entry], None],
        clock: Callable[[], datetime],
    ) -> None:
        self._app = app
        self._path = path
        self._rules = rules
        self._record = record
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, and record it when the answer is sent, or as far as it was."""
        rule = self._rules.get(scope["method"], NOTHING)
        facts: dict[str, Any] = {}
        statuses: list[int] = []

        async def watch(message: Message) -> None:
            if message["type"] == "http.response.start":
                statuses.append(message["status"])
            await send(message)

        token = noted.set(facts)
        try:
            await self._app(scope, receive, watch)
        finally:
            noted.reset(token)
            status = statuses[0] if statuses else 500
            action = _action(rule, facts, status)
            if action is not None:
                self._record(self._entry(scope, rule, action, facts))

    def _entry(self, scope: Scope, rule: Rule, action: Action, facts: Mapping[str, Any]) -> Entry:
        project: Project | None = facts.get("project")
        given = QueryParams(scope["query_string"])
        kind, id = facts.get("object", (rule.kind, ""))
        id = id or scope["path_params"].get(rule.part, "") or given.get(rule.part, "")
        id = user_of(id) if kind == "user" and self._path.startswith("/p/") else id
        if not id and given.get("user"):
            kind, id = "user", given["user"]
        detail = {name: facts[name] for name in KEPT if name in facts}
        filters = [name for name in FILTERS if given.get(name)]
        client = scope.get("client")
        return Entry(
            project=project.id if project else SERVER,
            at=self._clock(),
            by=facts.get("by", NOBODY),
            action=action,
            place=self._path,
            object_kind=kind if id else "",
            object=object_of(kind, id, project.salt if project else b""),
            address=client[0] if client else "",
            how=_how(self._path),
            detail={**detail, "filters": filters} if filters else detail,
        )


def _action(rule: Rule, facts: Mapping[str, Any], status: int) -> Action | None:
    if rule.action is Action.SIGN_IN:
        fits = "by" in facts and status < REFUSED
        return Action.SIGN_IN if fits else Action.FAILED_SIGN_IN if status in (401, 429) else None
    if status >= REFUSED or "project" not in facts:
        return None
    if rule.only and rule.only not in facts:
        return None
    if "format" in facts and rule.action in (None, Action.LIST, Action.SEARCH):
        return Action.DOWNLOAD
    if rule.action is Action.LIST and facts.get("searched"):
        return Action.SEARCH
    return rule.action


def _how(path: str) -> How:
    if path == "/mcp":
        return How.MCP
    return How.API if path.startswith("/api/") else How.PAGE
