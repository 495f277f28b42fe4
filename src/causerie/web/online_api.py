"""Online evaluators for programs: `/api/v1/evaluations/online` (docs/evaluations.md)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import msgspec
from msgspec import UNSET
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from causerie.accounts import Access, Key
from causerie.clock import Clock
from causerie.errors import Invalid
from causerie.online_evaluators import OnlineEvaluator, changed, checked_online
from causerie.store.online_evaluators import OnlineEvaluators
from causerie.store.outcomes import Outcomes
from causerie.store.test_sets import TestSets
from causerie.topic_trees import TopicTree
from causerie.web.edge import JSONResponse, Keys, read_body
from causerie.web.evaluations_api import decoded
from causerie.web.online_filters import checked_query
from causerie.web.transcripts import iso
from causerie.wire import evaluations as wire

PATH = "/api/v1/evaluations/online"
NO_OUTCOMES: Mapping[str, int] = {}


class OnlineAPI:
    """Made and changed with an admin key, because judges cost money; read with a read key. `tree`
    tells the topics of a project.
    """

    def __init__(
        self,
        keys: Keys,
        online: OnlineEvaluators,
        outcomes: Outcomes,
        sets: TestSets,
        tree: Callable[[str], TopicTree],
        wake: Callable[[str], None],
        clock: Clock,
    ) -> None:
        self._keys = keys
        self._online = online
        self._outcomes = outcomes
        self._sets = sets
        self._tree = tree
        self._wake = wake
        self._clock = clock

    def routes(self) -> list[Route]:
        """Where it answers."""
        return [
            Route(PATH, self.list),
            Route(PATH, self.add, methods=["POST"]),
            Route(f"{PATH}/{{evaluator:path}}", self.get),
            Route(f"{PATH}/{{evaluator:path}}", self.change, methods=["PATCH"]),
            Route(f"{PATH}/{{evaluator:path}}", self.remove, methods=["DELETE"]),
        ]

    def list(self, request: Request) -> Response:
        """Those of the project, by name."""
        project = self._keys.find(request, Access.READ)[1]
        said = self._outcomes.tallies(project.id)
        found = [told(one, said.get(one.name)) for one in self._online.list(project.id)]
        return JSONResponse({"evaluators": found})

    def get(self, request: Request) -> Response:
        """One of them."""
        project = self._keys.find(request, Access.READ)[1]
        found = self._online.get(project.id, request.path_params["evaluator"])
        return JSONResponse(told(found, self._outcomes.tallies(project.id).get(found.name)))

    async def add(self, request: Request) -> Response:
        """A new one."""
        key, project = await run_in_threadpool(self._keys.find, request, Access.ADMIN)
        body = decoded(await read_body(request), wire.OnlineIn)
        return await run_in_threadpool(self._add, key, project.id, body)

    def _add(self, key: Key, project: str, body: wire.OnlineIn) -> Response:
        now = self._clock()
        online = OnlineEvaluator(
            project=project,
            name=body.name.strip(),
            evaluator=body.evaluator,
            options=body.options,
            percent=body.percent,
            query=self._query(project, body.filter),
            enabled=body.enabled,
            since=_moment(body.since, now),
            by=key.name or key.id,
            created_at=now,
            changed_at=now,
        )
        self._online.add(checked_online(online, self._sets.evaluators(project)))
        self._wake(project)
        return JSONResponse(told(online), 201)

    async def change(self, request: Request) -> Response:
        """Put in what is given, leave what is not."""
        _, project = await run_in_threadpool(self._keys.find, request, Access.ADMIN)
        body = decoded(await read_body(request), wire.OnlineChangeIn)
        return await run_in_threadpool(self._change, request, project.id, body)

    def _change(self, request: Request, project: str, body: wire.OnlineChangeIn) -> Response:
        before = self._online.get(project, request.path_params["evaluator"])
        fields = msgspec.structs.asdict(body)
        given = {name: value for name, value in fields.items() if value is not UNSET}
        if "since" in given:
            given["since"] = _moment(given["since"], before.since)
        if "filter" in given:
            given["query"] = self._query(project, given.pop("filter"))
        after = changed(before, self._clock(), **given)
        self._online.change(before, checked_online(after, self._sets.evaluators(project)))
        self._wake(project)
        return JSONResponse(told(after, self._outcomes.tallies(project).get(after.name)))

    def _query(self, project: str, given: str) -> str:
        return checked_query(given, project, self._clock(), self._tree(project)) if given else ""

    def remove(self, request: Request) -> Response:
        """Forget one, with all that it said."""
        project = self._keys.find(request, Access.ADMIN)[1]
        self._online.remove(project.id, request.path_params["evaluator"])
        self._wake(project.id)
        return Response(status_code=204)


def _moment(given: datetime | None, usual: datetime) -> datetime:
    if given is None:
        return usual
    if given.tzinfo is None:
        raise Invalid("since: a time with its zone is expected", field="since")
    return given.astimezone(UTC)


def told(online: OnlineEvaluator, said: Mapping[str, int] | None = None) -> wire.OnlineOut:
    """An online evaluator as the API says it."""
    return wire.OnlineOut(
        name=online.name,
        evaluator=online.evaluator,
        options=online.options,
        percent=online.percent,
        filter=online.query,
        enabled=online.enabled,
        since=iso(online.since),
        revision=online.revision,
        by=online.by,
        created_at=iso(online.created_at),
        changed_at=iso(online.changed_at),
        outcomes=dict(said or NO_OUTCOMES),
    )
