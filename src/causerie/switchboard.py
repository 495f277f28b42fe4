"""The gateway put together: what it is made of, its addresses, how it starts and ends."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime
from functools import partial

from sqlalchemy import Engine
from starlette.routing import BaseRoute

from causerie.allowances import Allowances
from causerie.config import Settings
from causerie.context_calls import ContextCalls, WhenBusy
from causerie.endpoints import Endpoint
from causerie.gateway import Gateway
from causerie.ingest import GroupCommit, Ingest
from causerie.journal import Journal
from causerie.prices import Prices
from causerie.recorder import Recorder
from causerie.store.accounts import Accounts
from causerie.store.contexts import Contexts
from causerie.store.endpoints import Endpoints
from causerie.store.responses import Responses
from causerie.store.spending import Spending
from causerie.tokens import Tokens
from causerie.upkeep import Chore, Upkeep
from causerie.upstream import Upstreams
from causerie.vault import open_vault
from causerie.web.ark import ArkAPI
from causerie.web.callers import Callers
from causerie.web.conversations import ConversationsAPI
from causerie.web.edge import Keys, status_of
from causerie.web.openai import OpenAIAPI
from causerie.web.responses import ResponsesAPI
from causerie.web.turns import Turns
from causerie.web.voices import Voices

JOURNALS = "journal"
FLUSH_INTERVAL_S = 1.0
SWEEP_INTERVAL_S = 60.0
CONTEXT_THREADS_MAX = 8


class Switchboard:
    """Everything between a caller and a model. To be started inside the event loop, and stopped
    before the inbox is.
    """

    def __init__(
        self,
        settings: Settings,
        engine: Engine,
        accounts: Accounts,
        keys: Keys,
        ingest: Ingest,
        commit: GroupCommit,
        voices: Voices,
        clock: Callable[[], datetime],
        new_uid: Callable[[], str],
        local: Callable[[str], Endpoint | None],
    ) -> None:
        self._folder = settings.data / JOURNALS
        self._accounts = accounts
        self._clock = clock
        # Who has the data folder is alone, so that no lock is anybody's but a dead process's.
        self._alone = settings.embedded and not settings.state_url
        self.contexts = Contexts(engine)
        self.responses = Responses(engine)
        self.endpoints = Endpoints(engine, open_vault(settings.data, settings.secret))
        self.allowances = Allowances(Spending(engine), clock)
        self._tokens = Tokens()
        self._prices = Prices()
        self._upstreams = Upstreams()
        journal = Journal(self._folder, secrets.token_hex(8))
        self._recorder = Recorder(journal, ingest, commit, self._prices, self._tokens)
        gateway = Gateway(self._upstreams, self._recorder, self.allowances, status_of)
        # SQLite lets one write at a time: threads that wait for each other there are no help.
        threads = 1 if engine.dialect.name == "sqlite" else CONTEXT_THREADS_MAX
        self._calls = ContextCalls(
            self.contexts,
            self._tokens,
            clock,
            secrets.token_hex(4),
            WhenBusy(settings.when_busy),
            threads,
        )
        self.callers = Callers(
            keys,
            accounts,
            self.endpoints,
            self.allowances,
            clock,
            new_uid,
            local,
            settings.open_project,
        )
        turns = Turns(gateway, self._calls, self._tokens)
        self._openai = OpenAIAPI(self.callers, turns, gateway, voices)
        self._ark = ArkAPI(
            self.callers,
            turns,
            self._calls,
            self.contexts,
            gateway,
            self._tokens,
            clock,
            voices,
            strict=settings.ark_limits,
        )
        self._responses = ResponsesAPI(
            self.callers,
            self._calls,
            self.contexts,
            self.responses,
            gateway,
            self._tokens,
            clock,
            voices,
        )
        self._conversations = ConversationsAPI(
            self.callers, self._calls, self.contexts, self._tokens, clock
        )
        self._upkeep = Upkeep(
            [
                Chore("what keys have spent", FLUSH_INTERVAL_S, self.allowances.flush),
                Chore("expired contexts", SWEEP_INTERVAL_S, partial(self._sweep)),
            ]
        )

    def routes(self) -> list[BaseRoute]:
        """Where it answers."""
        apis = (self._openai, self._responses, self._conversations, self._ark)
        return [route for api in apis for route in api.routes()]

    async def start(self) -> None:
        """Open the pool of connections, keep what a kill left in the journal, begin the upkeep."""
        self._upstreams.open()
        if self._alone:
            self.contexts.unlock_all()
        await self._recorder.recover(self._folder, self._accounts.project)
        self._upkeep.start()

    def warm(self) -> None:
        """Read vocabularies and prices, so that the first callers do not wait for them."""
        self._tokens.load()
        self._prices.load()

    async def stop(self) -> None:
        """Keep what is to be kept."""
        await self._recorder.stop()
        await self._calls.stop()
        await self._upkeep.stop()
        await self._upstreams.close()

    def _sweep(self) -> None:
        self.contexts.sweep(self._clock())
        self.responses.sweep(self._clock())
