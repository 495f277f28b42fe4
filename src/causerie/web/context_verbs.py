"""What callers can do with their contexts beside talking: read, list, change, copy, tag, forget."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Raw
from starlette.requests import Request
from starlette.responses import Response

from causerie.calls import Caller
from causerie.context_calls import ContextCalls
from causerie.contexts import Context, Turn
from causerie.errors import Conflict
from causerie.store.contexts import Contexts
from causerie.web.callers import Callers, flag_of, metadata_of, required, text_of
from causerie.web.context_forms import (
    ContextForms,
    answer_of,
    count_of,
    exported_of,
    int_of,
    strategy_document,
    ttl_of,
    turn_answer,
)
from causerie.web.edge import JSONResponse
from causerie.web.voices import request_headers
from causerie.wire import ark as wire

LIST_MAX = 500
ID_TRIES_MAX = 20
Verb = tuple[str, str, Callable[[Request], Any]]


class ContextVerbs:
    """Contexts of a project, for callers with a key of its gateway."""

    def __init__(
        self,
        callers: Callers,
        calls: ContextCalls,
        contexts: Contexts,
        forms: ContextForms,
        clock: Callable[[], datetime],
    ) -> None:
        self._callers = callers
        self._calls = calls
        self._contexts = contexts
        self._forms = forms
        self._clock = clock

    def verbs(self) -> list[Verb]:
        """Methods and paths, behind those of a context."""
        return [
            ("POST", "/clone", self.clone),
            ("POST", "/import", self.import_context),
            ("GET", "/tags", self.tags),
            ("PUT", "/tags/{tag}", self.tag),
            ("DELETE", "/tags/{tag}", self.untag),
            ("GET", "", self.listed),
            ("GET", "/{id}", self.get),
            ("PATCH", "/{id}", self.change),
            ("DELETE", "/{id}", self.delete),
            ("GET", "/{id}/history", self.history),
            ("POST", "/{id}/undo", self.undo),
            ("GET", "/{id}/export", self.export),
        ]

    async def keep(self, context: Context, turns: Sequence[Turn], now: datetime) -> Context:
        """A new context in the store, under an id that was free."""
        for _ in range(ID_TRIES_MAX):
            try:
                await self._calls.run(self._contexts.create, context, turns)
                return context
            except Conflict:
                context = msgspec.structs.replace(context, id=self._forms.new_id(now))
        raise Conflict("no free id was found, try again")

    async def get(self, request: Request) -> Response:
        """One context, without what was said in it."""
        caller = await self._callers.caller(request)
        context = await self._find(caller, request)
        return self._told(request, context)

    async def _find(self, caller: Caller, request: Request) -> Context:
        id = request.path_params["id"]
        return await self._calls.run(self._contexts.get, caller.project.id, id, self._clock())

    def _told(self, request: Request, context: Context) -> Response:
        answer = answer_of(context, self._clock())
        return JSONResponse(answer, headers=request_headers(request))

    async def listed(self, request: Request) -> Response:
        """Live contexts, the last used first; by `user` or `tag`."""
        caller = await self._callers.caller(request)
        query = request.query_params
        limit, offset = count_of(query.get("limit"), 50), count_of(query.get("offset"), 0)
        found, total = await self._calls.run(
            self._contexts.list,
            caller.project.id,
            self._clock(),
            user=query.get("user"),
            tag=query.get("tag"),
            limit=min(limit, LIST_MAX),
            offset=offset,
        )
        data = [answer_of(context, self._clock()) for context in found]
        page = wire.ListAnswer(data, total, min(limit, LIST_MAX), offset)
        return JSONResponse(page, headers=request_headers(request))

    async def change(self, request: Request) -> Response:
        """Another time to live or other metadata."""
        knock = await self._callers.admit(request)
        ttl = ttl_of(knock.body)
        context = await self._calls.run(
            self._contexts.change,
            knock.caller.project.id,
            request.path_params["id"],
            knock.at,
            ttl_s=None if ttl is None else self._forms.seconds(ttl),
            metadata=metadata_of(knock.body) if "metadata" in knock.body else None,
        )
        return self._told(request, context)

    async def delete(self, request: Request) -> Response:
        """Forget a context at once. Its transcript stays in the analytics."""
        caller = await self._callers.caller(request)
        id = request.path_params["id"]
        await self._calls.run(self._contexts.delete, caller.project.id, id)
        return JSONResponse(wire.Deleted(id), headers=request_headers(request))

    async def history(self, request: Request) -> Response:
        """All that was said, also what the model no longer sees."""
        caller = await self._callers.caller(request)
        context = await self._find(caller, request)
        turns = await self._calls.run(
            self._contexts.history, caller.project.id, context.id, self._clock()
        )
        told = [turn_answer(turn, context) for turn in turns]
        answer = wire.HistoryAnswer(context.id, Raw(context.initial), told)
        return JSONResponse(answer, headers=request_headers(request))

    async def undo(self, request: Request) -> Response:
        """Drop the last turn, as if it had not been."""
        caller = await self._callers.caller(request)
        id = request.path_params["id"]
        work = self._contexts.undo
        context = await self._calls.run(work, caller.project.id, id, self._clock())
        return self._told(request, context)

    async def clone(self, request: Request) -> Response:
        """Another context that begins as this one is, or as it was after so many `turns`."""
        knock = await self._callers.admit(request)
        required(knock.body, "context_id")
        context = await self._calls.run(
            self._contexts.clone,
            knock.caller.project.id,
            text_of(knock.body, "context_id"),
            self._forms.new_id(knock.at),
            knock.at,
            turns=int_of(knock.body, "turns"),
        )
        return self._told(request, context)

    async def export(self, request: Request) -> Response:
        """A context as a document."""
        caller = await self._callers.caller(request)
        context = await self._find(caller, request)
        turns = await self._calls.run(
            self._contexts.history, caller.project.id, context.id, self._clock()
        )
        document = wire.Exported(
            model=context.endpoint,
            mode=context.mode.value,
            ttl=context.ttl_s,
            initial=Raw(context.initial),
            initial_tokens=context.initial_tokens,
            truncation_strategy=strategy_document(context.strategy),
            turns=[
                wire.ExportedTurn(Raw(turn.messages), turn.tokens, turn.at.timestamp())
                for turn in turns
            ],
            user=context.user,
            metadata=context.metadata,
        )
        return JSONResponse(document, headers=request_headers(request))

    async def import_context(self, request: Request) -> Response:
        """A new context from such a document."""
        knock = await self._callers.admit(request)
        document = exported_of(knock.raw)
        endpoint = await self._callers.endpoint(knock.caller, document.model)
        context, turns = self._forms.imported(knock, endpoint, document)
        context = await self.keep(context, turns, knock.at)
        return self._told(request, msgspec.structs.replace(context, turns=len(turns)))

    async def tags(self, request: Request) -> Response:
        """Every tag of the project."""
        caller = await self._callers.caller(request)
        found = await self._calls.run(self._contexts.tags, caller.project.id)
        data = [wire.TagAnswer(tag, context) for tag, context in sorted(found.items())]
        return JSONResponse({"object": "list", "data": data}, headers=request_headers(request))

    async def tag(self, request: Request) -> Response:
        """Let a tag stand for a context; `tag:NAME` is then understood as its id. With `keep`, a
        live context that has the tag already keeps it, and the answer names that one.
        """
        knock = await self._callers.admit(request)
        required(knock.body, "context_id")
        context, tag = text_of(knock.body, "context_id"), request.path_params["tag"]
        project = knock.caller.project.id
        work, keep = self._contexts.tag, flag_of(knock.body, "keep")
        named = await self._calls.run(work, project, tag, context, knock.at, keep=keep)
        return JSONResponse(wire.TagAnswer(tag, named), headers=request_headers(request))

    async def untag(self, request: Request) -> Response:
        """Forget a tag."""
        caller = await self._callers.caller(request)
        tag = request.path_params["tag"]
        await self._calls.run(self._contexts.untag, caller.project.id, tag)
        return JSONResponse(wire.Deleted(tag), headers=request_headers(request))
