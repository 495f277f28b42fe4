"""The map: what is opened, in which order, what it is handed to, and how it is closed."""

from __future__ import annotations

import asyncio
import gc
import logging
import random
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from causerie.allowances import Allowances
from causerie.answering import endpoint_of
from causerie.clock import Clock, utc_now
from causerie.config import Settings
from causerie.endpoints import Endpoint
from causerie.errors import CauserieError
from causerie.ingest import GroupCommit, Ingest
from causerie.laboratory import Laboratory, open_laboratory
from causerie.local_models import LocalModel
from causerie.lodge import open_lodge
from causerie.meaning_reports import MeaningReports
from causerie.metric_reports import MetricReports
from causerie.postroom import open_postroom
from causerie.privacy import PersonalDataFilter
from causerie.showroom import Showroom
from causerie.store.outcomes import Outcomes
from causerie.stores import Stores, open_desk, open_discretion
from causerie.switchboard import Switchboard, open_shelves
from causerie.web.answers import Answers
from causerie.web.audit_api import AuditAPI
from causerie.web.audited import audited
from causerie.web.callers import Callers
from causerie.web.contextai import ContextAPI
from causerie.web.edge import JSONResponse, Keys, answer_error
from causerie.web.endpoints import EndpointsAPI
from causerie.web.evaluations_api import EvaluationsAPI
from causerie.web.exchanges import ExchangesAPI
from causerie.web.mcp import McpServer
from causerie.web.mcp_answers import McpAnswers
from causerie.web.mcp_tools import Tools
from causerie.web.metrics_api import MetricsAPI
from causerie.web.offers import Offers
from causerie.web.online_api import OnlineAPI
from causerie.web.pages import Pages
from causerie.web.removals_api import RemovalsAPI
from causerie.web.sql_api import SqlAPI
from causerie.web.topic_suggestions import TopicSuggestions
from causerie.web.voices import Voices
from causerie.workshop import Workshop, open_workshop

log = logging.getLogger(__name__)


def open_workshop_of(settings: Settings, stores: Stores, clock: Clock = utc_now) -> Workshop:
    """Where meaning is made, for a command: the models of the gateway's endpoints included."""
    shelves = open_shelves(settings, stores.engine)
    return open_workshop(
        settings,
        stores.engine,
        stores.events,
        stores.accounts,
        stores.delivery,
        shelves.vault,
        shelves.endpoints.resolve,
        clock,
    )


def uids() -> Callable[[], str]:
    """Makes 128-bit random names, none of them secret.

    Not from the system's generator: that call lets go of the interpreter lock, and under load
    each request would queue up to get it back.
    """
    generator = random.Random(secrets.token_bytes(32))
    return lambda: f"{generator.getrandbits(128):032x}"


def build(
    settings: Settings,
    stores: Stores,
    clock: Clock = utc_now,
    local_model: LocalModel | None = None,
    *,
    warm: bool = False,
) -> Starlette:
    """The server over open stores. Its lifespan starts the workers and closes the stores. `warm`
    reads beforehand what the first calls of the gateway would wait for.
    """
    parts = Parts(settings, stores, clock, _local_endpoint(local_model))

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        stores.delivery.start()
        if settings.meaning_processes:
            parts.workshop.start()
        await parts.switchboard.start(stores.accounts.project)
        parts.postroom.start()
        parts.lodge.start()
        parts.laboratory.start()
        # Beside the first requests: a server that starts again is waited for.
        warming = asyncio.create_task(parts.warm()) if warm else None
        yield
        if warming is not None:
            await warming
        await run_in_threadpool(parts.postroom.stop)
        await run_in_threadpool(parts.laboratory.stop)
        await parts.lodge.stop()
        await parts.switchboard.stop()
        await parts.commit.stop()
        await run_in_threadpool(parts.workshop.stop)
        await run_in_threadpool(parts.desk.close)
        stores.delivery.stop()
        stores.close()

    answer = answer_error(parts.pages, parts.voices)
    handlers = {CauserieError: answer, HTTPException: answer, Exception: answer}
    return Starlette(routes=parts.routes(), lifespan=lifespan, exception_handlers=handlers)


def spare_collections() -> None:
    """Let the garbage collector pass over all that is there for as long as the server runs: it
    stops every call, for up to 150 ms when it has to look at everything.
    """
    gc.collect()
    gc.freeze()


class Parts:
    """What the server is made of, and what each part is handed."""

    def __init__(
        self,
        settings: Settings,
        stores: Stores,
        clock: Clock,
        local: Callable[[str], Endpoint | None],
    ) -> None:
        self.settings = settings
        self.stores = stores
        self.clock = clock
        self.local = local
        self.uid = uids()
        self.keys = Keys(stores.accounts, clock)
        self.commit = GroupCommit(stores.inbox, clock, stores.delivery.wake)
        self.ingest = Ingest(PersonalDataFilter())
        self.voices = Voices(should_retry=settings.when_busy == "retry")
        self.pages = Pages(clock)
        self.shelves = open_shelves(settings, stores.engine)
        self.workshop = self._workshop()
        self.discretion = open_discretion(stores, clock)
        self.desk = open_desk(settings, stores, self.discretion)
        self.lodge = open_lodge(settings, stores, self.shelves.vault, clock)
        self.allowances = Allowances(self.shelves.spending, clock)
        self.callers = Callers(
            self.keys,
            stores.accounts,
            self.shelves.endpoints,
            self.allowances,
            clock,
            self.uid,
            local,
            settings.open_project,
        )
        self.postroom = open_postroom(
            settings, stores, self.shelves, self.pages, self.discretion, clock
        )
        self.switchboard = Switchboard(
            settings,
            self.shelves,
            self.callers,
            self.allowances,
            self.ingest,
            self.commit,
            self.voices,
            clock,
        )
        self.laboratory = self._laboratory()

    def _workshop(self) -> Workshop:
        stores = self.stores
        return open_workshop(
            self.settings,
            stores.engine,
            stores.events,
            stores.accounts,
            stores.delivery,
            self.shelves.vault,
            self._find_endpoint,
            self.clock,
        )

    def _laboratory(self) -> Laboratory:
        return open_laboratory(
            self.settings,
            self.stores,
            self.workshop,
            self._find_named,
            self._find_endpoint,
            self.switchboard.tokens,
            self.discretion,
            self.clock,
        )

    def _find_endpoint(self, project: str, id: str) -> Endpoint | None:
        found = self.local(project)
        return found if found and found.id == id else self.shelves.endpoints.resolve(project, id)

    def _find_named(self, project: str, name: str) -> Endpoint | None:
        local = self.local(project)
        known = [*self.shelves.endpoints.list(project), *([local] if local else [])]
        found = endpoint_of(known, name)
        return found and self._find_endpoint(project, found.id)

    async def warm(self) -> None:
        """Read what the first calls would wait for, and settle down."""
        await run_in_threadpool(self.switchboard.warm)
        spare_collections()

    def routes(self) -> list[BaseRoute]:
        """Every address."""
        found = [
            *self._api(),
            *self.switchboard.routes(),
            Route("/health", _health(self.stores, self.switchboard)),
            *self._showroom().routes(),
            *self.pages.routes(),
        ]
        return audited(found, self.lodge.auditing.record, self.clock)

    def _api(self) -> list[BaseRoute]:
        stores, clock, reports = self.stores, self.clock, self.stores.reports
        answers = Answers(reports, MeaningReports(stores.events), self.discretion)
        return [
            *ContextAPI(
                self.keys,
                self.ingest,
                self.commit,
                stores.delivery,
                reports,
                answers,
                clock,
                self.uid,
            ).routes(),
            *TopicSuggestions(self.keys, reports, answers, clock).routes(),
            *SqlAPI(self.keys, self.desk, clock).routes(),
            *MetricsAPI(
                self.keys, MetricReports(stores.events), reports, self.discretion, clock
            ).routes(),
            *McpServer(self.keys, Tools(self._mcp_answers())).routes(),
            *AuditAPI(self.keys, self.lodge.log, self.lodge.auditing).routes(),
            *RemovalsAPI(self.keys, self.lodge.removing, self.lodge.removals).routes(),
            *EvaluationsAPI(
                self.keys,
                self.laboratory.sets,
                self.laboratory.runs,
                self.laboratory.evaluating,
                clock,
                self.uid,
            ).routes(),
            *OnlineAPI(
                self.keys,
                self.laboratory.online,
                Outcomes(stores.events),
                self.laboratory.sets,
                self.discretion.tree,
                self.laboratory.observing.wake,
                clock,
            ).routes(),
            *ExchangesAPI(self.keys, stores.events, clock).routes(),
            *EndpointsAPI(self.keys, self.shelves.endpoints, clock, self.callers.forget).routes(),
        ]

    def _mcp_answers(self) -> McpAnswers:
        stores = self.stores
        return McpAnswers(
            stores.reports,
            MeaningReports(stores.events),
            self.discretion,
            MetricReports(stores.events),
            self.desk,
            self.clock,
            self.settings.base_url,
        )

    def _showroom(self) -> Showroom:
        stores, shelves = self.stores, self.shelves
        return Showroom(
            self.settings,
            stores,
            shelves,
            self.workshop,
            self.pages,
            self.keys,
            Offers(shelves.endpoints, self.local),
            self.clock,
            self.callers.forget,
            self.desk,
            self.postroom,
            self.lodge,
            self.discretion,
            self.laboratory,
        )


def _local_endpoint(model: LocalModel | None) -> Callable[[str], Endpoint | None]:
    return (lambda project: None) if model is None else model.endpoint


def _health(stores: Stores, switchboard: Switchboard) -> Callable[[Request], Response]:
    def health(request: Request) -> Response:
        """Whether both stores answer, and how much waits between them. Needs no key."""
        # In this order, so that nothing is overlooked on its way from the one to the other.
        recording = switchboard.waiting
        waiting, parked = stores.inbox.backlog()
        stores.events.version()
        return JSONResponse({"status": "ok", "waiting": waiting + recording, "parked": parked})

    return health
