"""The gateway put together: what it is made of, its addresses, how it starts and ends."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine
from starlette.routing import BaseRoute

from causerie.accounts import Project
from causerie.allowances import Allowances
from causerie.config import Settings
from causerie.context_calls import ContextCalls, WhenBusy
from causerie.gateway import Gateway
from causerie.ingest import GroupCommit, Ingest
from causerie.journal import Journal
from causerie.prices import Prices
from causerie.recorder import Recorder
from causerie.store.contexts import Contexts
from causerie.store.endpoints import Endpoints
from causerie.store.responses import Responses
from causerie.store.spending import Spending
from causerie.tokens import Tokens
from causerie.upkeep import Chore, Upkeep
from causerie.upstream import Upstreams
from causerie.vault import Vault, open_vault
from causerie.web.ark import ArkAPI
from causerie.web.callers import Callers
from causerie.web.context_forms import ContextForms
from causerie.web.context_turns import ContextTurns
from causerie.web.context_verbs import ContextVerbs
from causerie.web.conversations import ConversationsAPI
from causerie.web.edge import status_of
from causerie.web.openai import OpenAIAPI
from causerie.web.responses import ResponsesAPI
from causerie.web.turns import Turns
from causerie.web.voices import Voices

JOURNALS = "journal"
FLUSH_INTERVAL_S = 1.0
SWEEP_INTERVAL_S = 60.0
CONTEXT_THREADS_MAX = 8


@dataclass(frozen=True)
class Shelves:
    """What the gateway keeps in the state store."""

    contexts: Contexts
    responses: Responses
    endpoints: Endpoints
    spending: Spending
    vault: Vault


def open_shelves(settings: Settings, engine: Engine) -> Shelves:
    """The gateway's part of an open state store. Raises Conflict when its secret is another's."""
    vault = open_vault(settings.data, settings.secret)
    return Shelves(
        Contexts(engine), Responses(engine), Endpoints(engine, vault), Spending(engine), vault
    )


class Switchboard:
    """Everything between a caller and a model. To be started inside the event loop, and stopped
    before the inbox is.
    """

    def __init__(
        self,
        settings: Settings,
        shelves: Shelves,
        callers: Callers,
        allowances: Allowances,
        ingest: Ingest,
        commit: GroupCommit,
        voices: Voices,
        clock: Callable[[], datetime],
    ) -> None:
        self._settings = settings
        self._shelves = shelves
        self._callers = callers
        self._allowances = allowances
        self._voices = voices
        self._clock = clock
        self.tokens = Tokens()
        self._prices = Prices()
        self._upstreams = Upstreams()
        journal = Journal(settings.data / JOURNALS, secrets.token_hex(8))
        self._recorder = Recorder(journal, ingest, commit, self._prices, self.tokens)
        self._gateway = Gateway(self._upstreams, self._recorder, allowances, status_of)
        self._calls = ContextCalls(
            shelves.contexts,
            self.tokens,
            clock,
            secrets.token_hex(4),
            WhenBusy(settings.when_busy),
            # SQLite lets one write at a time: threads that wait for each other there are no help.
            CONTEXT_THREADS_MAX if settings.state_url.startswith("postgres") else 1,
        )
        self._upkeep = Upkeep(
            [
                Chore("what keys have spent", FLUSH_INTERVAL_S, allowances.flush),
                Chore("expired contexts", SWEEP_INTERVAL_S, self._sweep),
            ]
        )

    def routes(self) -> list[BaseRoute]:
        """Where it answers."""
        turns = Turns(self._gateway, self._calls, self.tokens)
        return [
            *OpenAIAPI(self._callers, turns, self._gateway, self._voices).routes(),
            *self._ark(turns).routes(),
            *self._responses().routes(),
            *self._conversations().routes(),
        ]

    def _ark(self, turns: Turns) -> ArkAPI:
        contexts, clock = self._shelves.contexts, self._clock
        forms = ContextForms(self.tokens, strict=self._settings.ark_limits)
        verbs = ContextVerbs(self._callers, self._calls, contexts, forms, clock)
        added = ContextTurns(self._callers, self._calls, contexts, self.tokens, clock)
        return ArkAPI(self._callers, turns, verbs, added, forms, self._gateway, clock, self._voices)

    def _responses(self) -> ResponsesAPI:
        return ResponsesAPI(
            self._callers,
            self._calls,
            self._shelves.contexts,
            self._shelves.responses,
            self._gateway,
            self.tokens,
            self._clock,
            self._voices,
        )

    def _conversations(self) -> ConversationsAPI:
        contexts = self._shelves.contexts
        return ConversationsAPI(self._callers, self._calls, contexts, self.tokens, self._clock)

    async def start(self, projects: Callable[[str], Project | None]) -> None:
        """Open the pool of connections, keep what a kill left in the journal, begin the upkeep."""
        self._upstreams.open()
        if self._settings.embedded and not self._settings.state_url:
            # Who has the data folder is alone: every lock is a dead process's.
            self._shelves.contexts.unlock_all()
        await self._recorder.recover(self._settings.data / JOURNALS, projects)
        self._upkeep.start()

    @property
    def waiting(self) -> int:
        """How many exchanges are on their way to the inbox."""
        return self._recorder.waiting

    def warm(self) -> None:
        """Read vocabularies and prices, so that the first callers do not wait for them."""
        self.tokens.load()
        self._prices.load()

    async def stop(self) -> None:
        """Keep what is to be kept."""
        await self._recorder.stop()
        await self._calls.stop()
        await self._upkeep.stop()
        await self._upstreams.close()

    def _sweep(self) -> None:
        self._shelves.contexts.sweep(self._clock())
        self._shelves.responses.sweep(self._clock())
