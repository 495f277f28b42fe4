"""Answers to chat requests, with a context or without one, in OpenAI's or Ark's manner."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from causerie.calls import Call
from causerie.completions import Answer
from causerie.context_calls import ContextCalls, Kept, Open, Question
from causerie.gateway import Finish, Frame, Gateway, nothing_more
from causerie.token_usage import Usage, reported
from causerie.tokens import Tokens
from causerie.web.streams import HungUp, attended, event_stream
from causerie.web.voices import Voice, request_headers
from causerie.wire import chat


@dataclass(frozen=True)
class Manner:
    """How an API wants its answers: `strict` as Ark's clients need them, else as they came."""

    voice: Voice
    strict: bool

    def events(self, frame: Frame, *, wants_usage: bool) -> Iterator[bytes]:
        """What the caller gets of a piece."""
        if self.strict:
            return chat.ark_events(frame.data)
        return chat.openai_events(
            frame.data, has_choices=bool(frame.piece.choices), wants_usage=wants_usage
        )


class Turns:
    """Makes calls and turns, and says their answers."""

    def __init__(self, gateway: Gateway, contexts: ContextCalls, tokens: Tokens) -> None:
        self._gateway = gateway
        self._contexts = contexts
        self._tokens = tokens

    async def plain(
        self, request: Request, call: Call, manner: Manner, headers: dict[str, str]
    ) -> Response:
        """A call without a context."""
        headers = {**request_headers(request), **headers}
        try:
            if call.stream:
                frames = self._stream(call, manner, nothing_more, None)
                return await event_stream(request, frames, _fault(request, manner), headers)
            work = self._gateway.complete(call)
            body, answer = await attended(request.receive, work)
        except HungUp:
            return Response(status_code=499)
        usage = answer.usage or await self._estimated(call, answer)
        return _json(chat.whole(body, reported(usage), strict=manner.strict), headers)

    async def _estimated(self, call: Call, answer: Answer) -> Usage:
        return await asyncio.to_thread(self._estimate, call, answer)

    def _estimate(self, call: Call, answer: Answer) -> Usage:
        return Usage(
            input_tokens=self._tokens.messages(call.messages, answer.model),
            output_tokens=self._tokens.text(answer.text, answer.model),
            estimated=True,
        )

    async def in_context(
        self, request: Request, question: Question, manner: Manner, headers: dict[str, str]
    ) -> Response:
        """A turn of a context, answered once the whole of it is kept."""
        headers = {**request_headers(request), **headers}
        opened = await self._contexts.begin(question)
        if isinstance(opened, Kept):
            return _made(question, _repeated(opened), headers)
        if opened.full:
            self._contexts.release(opened)
            return _made(question, self._cut_short(opened), headers)
        try:
            return await self._turn(request, opened, manner, headers)
        except HungUp:
            await self._contexts.settle(opened, delivered=False)
            return Response(status_code=499)
        except BaseException:
            self._contexts.release(opened)
            raise

    async def _turn(
        self, request: Request, opened: Open, manner: Manner, headers: dict[str, str]
    ) -> Response:
        async def finish(answer: Answer) -> None:
            await self._contexts.finish(opened, answer)

        call = opened.call
        if call.stream:

            async def done(sent: bool) -> None:
                await self._contexts.settle(opened, delivered=sent)

            frames = self._stream(call, manner, finish, opened)
            return await event_stream(request, frames, _fault(request, manner), headers, done)
        work = self._gateway.complete(call, finish)
        body, answer = await attended(request.receive, work)
        usage = opened.usage or await self._estimated(call, answer)
        return _json(chat.whole(body, reported(usage), strict=manner.strict), headers)

    async def _stream(
        self, call: Call, manner: Manner, finish: Finish, opened: Open | None
    ) -> AsyncGenerator[bytes, None]:
        head: dict[str, object] = {"id": call.id, "created": int(call.at.timestamp())}
        answer = Answer()

        async def finished(whole: Answer) -> None:
            nonlocal answer
            answer = whole
            await finish(whole)

        async with aclosing(await self._gateway.stream(call, finished)) as frames:
            async for frame in frames:
                for event in manner.events(frame, wants_usage=call.wants_usage):
                    yield event
        # OpenAI's clients have had the provider's own.
        if call.wants_usage and (manner.strict or answer.usage is None):
            known = opened.usage if opened is not None else answer.usage
            usage = known or await self._estimated(call, answer)
            head["model"] = answer.model
            yield chat.usage_event(head, reported(usage))
        yield chat.DONE

    def _cut_short(self, opened: Open) -> chat.Document:
        """The answer where the window is full: it ends before it begins."""
        question, context = opened.question, opened.context
        said = self._tokens.messages(question.messages)
        usage = Usage(
            input_tokens=context.initial_tokens + opened.plan.kept_tokens + said, estimated=True
        )
        message = {"role": "assistant", "content": ""}
        model = opened.call.endpoint.upstreams[0].model
        created = int(question.at.timestamp())
        return chat.made(question.id, created, model, [message], "length", reported(usage))


def _fault(request: Request, manner: Manner) -> Callable[[Exception], bytes]:
    return lambda error: manner.voice.frame(request, error)


def _repeated(kept: Kept) -> chat.Document:
    return chat.made(
        kept.id,
        kept.created,
        kept.model,
        kept.messages,
        kept.finish_reason,
        reported(kept.usage),
    )


def _made(question: Question, answer: chat.Document, headers: dict[str, str]) -> Response:
    if not question.stream:
        return _json(chat.encode(answer), headers)
    body = b"".join(chat.made_events(answer, wants_usage=question.wants_usage))
    return Response(body, 200, headers, "text/event-stream")


def _json(body: bytes, headers: dict[str, str]) -> Response:
    return Response(body, 200, headers, "application/json")
