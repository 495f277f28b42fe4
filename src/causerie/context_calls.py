"""Turns of kept conversations: the context is filled in, and what was answered is added to it.

A session has one turn at a time. Its lock is in the store, is renewed while the turn goes on, and
ends by itself when the process is killed. Nothing is added to a session unless the whole answer
has come; then it is added before the caller has the end of it.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import partial
from time import monotonic
from typing import Any, TypeVar

import msgspec
from msgspec import Raw

from causerie.calls import Call, Caller
from causerie.completions import Answer
from causerie.contexts import Context, Mode, Plan, Strategy, Turn, grown, plan, view
from causerie.dialects import Prefix
from causerie.endpoints import Endpoint
from causerie.errors import Busy, CauserieError, Invalid
from causerie.exchanges import API
from causerie.store.contexts import Contexts
from causerie.token_usage import Usage
from causerie.tokens import Tokens

INLINE_BYTES_MAX = 64 * 1024
LOCK_S = 30.0
RENEW_S = 10.0
WAIT_S_MAX = 20.0
WAIT_STEP_S = 0.05
log = logging.getLogger(__name__)
encode_json = msgspec.json.Encoder().encode
decode_messages = msgspec.json.Decoder(list[Raw]).decode
Result = TypeVar("Result")


class WhenBusy(StrEnum):
    """What a second call gets while a session is in the middle of a turn."""

    REFUSE = "refuse"
    """An error at once, as Ark answers."""
    RETRY = "retry"
    """The same error with a header on which Ark's Python client tries again by itself."""
    WAIT = "wait"
    """Its turn, if that comes within seconds."""


@dataclass(frozen=True, kw_only=True)
class Question:
    """What a caller says to a context."""

    caller: Caller
    endpoint: Endpoint
    api: API
    id: str
    at: datetime
    began: float
    context: str
    messages: bytes
    """JSON array of what is new."""
    parameters: Mapping[str, Raw]
    stream: bool = False
    wants_usage: bool = False
    user: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    request: bytes | None = None
    """What a repetition of this request has in common with it."""
    keyed: bool = False
    """Whether the caller says itself that it is one, by an idempotency key."""
    instructions: bytes = b"[]"
    """JSON array of messages that go before all others, for this call alone."""
    strategy: Strategy | None = None
    """Goes before the context's own, for this call alone."""


class Kept(msgspec.Struct, frozen=True):
    """An answer as it is kept for a repeated request."""

    id: str
    created: int
    model: str
    finish_reason: str
    messages: list[Raw]
    usage: Usage


class Keeping(StrEnum):
    """What becomes of a turn once its answer is whole."""

    TURN = "turn"
    """It is added to its context."""
    CONTEXT = "context"
    """A new context is made of it and the turns before it."""
    NOTHING = "nothing"
    """It is forgotten."""


@dataclass
class Open:
    """A turn that has begun: `call` is to be made, unless the context is full."""

    question: Question
    context: Context
    seen: Context
    """The context as this call sees it, with its instructions and by its strategy."""
    plan: Plan
    call: Call
    new_tokens: int
    """Of the messages of the question."""
    keeping: Keeping = Keeping.TURN
    earlier: list[Turn] = field(default_factory=list)
    """All turns before this one, where a new context is to be made of them."""
    full: bool = False
    """There is no room for an answer: it ends before it begins."""
    renewal: asyncio.Task[None] | None = None
    position: int = 0
    usage: Usage | None = None
    finishing: asyncio.Future[None] | None = None
    """The answer is being added."""
    kept: bool = False
    """It was."""


class ContextCalls:
    """Begins and ends turns. `holder` names this process in the locks that it takes."""

    def __init__(
        self,
        contexts: Contexts,
        tokens: Tokens,
        clock: Callable[[], datetime],
        holder: str,
        when_busy: WhenBusy,
        threads: int,
    ) -> None:
        self._contexts = contexts
        self._tokens = tokens
        self._clock = clock
        self._holder = holder
        self._when_busy = when_busy
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="contexts")
        self._ending: set[asyncio.Task[None]] = set()

    async def stop(self) -> None:
        """Let go of every session."""
        await asyncio.gather(*self._ending, return_exceptions=True)
        self._threads.shutdown()

    async def run(self, work: Callable[..., Result], *given: Any, **named: Any) -> Result:
        """Call the store in a thread of its own."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, partial(work, *given, **named))

    async def begin(self, question: Question) -> Open | Kept:
        """A turn of a context, or the answer that this very request got before.

        Raises NotFound, Busy, Invalid when its model is another.
        """
        kept = await self._replay(question)
        if kept is not None:
            return kept
        holder = f"{self._holder} {question.id}"
        project = question.caller.project.id
        context, turns = await self.admitted(project, question.context, holder)
        try:
            # The same request may have been answered while this one waited for its turn.
            kept = await self._replay(question) if question.keyed else None
            if kept is not None:
                await self.run(self._contexts.release, context.id, holder, self._clock())
                return kept
            if len(question.messages) > INLINE_BYTES_MAX:
                opened = await asyncio.to_thread(self._opened, question, context, turns)
            else:
                opened = self._opened(question, context, turns)
        except BaseException:  # a caller that hangs up too: else the context stays locked
            await self.run(self._contexts.release, context.id, holder, self._clock())
            raise
        if context.mode is Mode.SESSION:
            opened.renewal = asyncio.create_task(self._renew(context.id, holder))
        return opened

    async def _replay(self, question: Question) -> Kept | None:
        if question.request is None:
            return None
        turn = await self.run(
            self._contexts.replay,
            question.caller.project.id,
            question.context,
            question.request,
            self._clock(),
            keyed=question.keyed,
        )
        if turn is None or not turn.answer:
            return None
        return msgspec.json.decode(turn.answer, type=Kept)

    async def admitted(self, project: str, id: str, holder: str) -> tuple[Context, list[Turn]]:
        """A context that `holder` has now, and its turns. Raises NotFound, Busy: at once, or after
        its wait, as the server is told to do.
        """
        end = monotonic() + (WAIT_S_MAX if self._when_busy is WhenBusy.WAIT else 0)
        while True:
            try:
                return await self.run(
                    self._contexts.begin, project, id, holder, self._clock(), LOCK_S
                )
            except Busy:
                if monotonic() >= end:
                    raise
                await asyncio.sleep(WAIT_STEP_S)

    def open(
        self, question: Question, context: Context, turns: list[Turn], keeping: Keeping
    ) -> Open:
        """A turn of a context that nobody else can have, after all of these turns: one that is yet
        to be made, or one of which nothing is kept.
        """
        opened = self._opened(question, context, [t for t in turns if t.position >= context.cut])
        opened.keeping = keeping
        opened.earlier = turns
        return opened

    def _opened(self, question: Question, context: Context, turns: list[Turn]) -> Open:
        endpoint = question.endpoint
        # With OpenAI, each response of a conversation may be another model's.
        if context.endpoint != endpoint.id and context.origin == "ark":
            raise Invalid(
                f"model: context {context.id} is of {context.endpoint}, not of {endpoint.id}",
                field="model",
            )
        new_tokens = self._tokens.messages(question.messages, endpoint.upstreams[0].model)
        seen = self._seen(question, context)
        planned = plan(
            seen,
            turns,
            new_tokens,
            _max_tokens(question.parameters),
            endpoint.window_tokens,
            endpoint.output_tokens,
        )
        call = _call(question, seen, [t for t in turns if t.position >= planned.cut], planned)
        opened = Open(
            question, context, seen, planned, call, new_tokens=new_tokens, position=context.turns
        )
        opened.full = planned.room <= 0
        return opened

    def _seen(self, question: Question, context: Context) -> Context:
        strategy = question.strategy or context.strategy
        if question.instructions == b"[]":
            return msgspec.structs.replace(context, strategy=strategy)
        model = question.endpoint.upstreams[0].model
        more = self._tokens.messages(question.instructions, model)
        return msgspec.structs.replace(
            context,
            strategy=strategy,
            initial=view(question.instructions, [], context.initial),
            initial_tokens=context.initial_tokens + more,
        )

    async def _renew(self, context: str, holder: str) -> None:
        while True:
            await asyncio.sleep(RENEW_S)
            try:
                await self.run(self._contexts.renew, context, holder, self._clock(), LOCK_S)
            except CauserieError as error:
                log.warning("the lock of %s could not be renewed: %s", context, error)

    async def finish(self, opened: Open, answer: Answer) -> None:
        """Add the answer; to the end, though the caller does not wait for it. Raises Conflict when
        another has gone on with the context meanwhile.
        """
        opened.finishing = asyncio.ensure_future(self._finish(opened, answer))
        await asyncio.shield(opened.finishing)

    async def _finish(self, opened: Open, answer: Answer) -> None:
        if opened.renewal is not None:
            opened.renewal.cancel()
        usage = answer.usage or Usage(
            input_tokens=opened.seen.initial_tokens + opened.plan.kept_tokens + opened.new_tokens,
            output_tokens=self._tokens.text(answer.text, answer.model),
            estimated=True,
        )
        opened.usage = usage
        if opened.keeping is Keeping.TURN:
            await self._append(opened, answer, usage)
        elif opened.keeping is Keeping.CONTEXT:
            await self._create(opened, self._turn(opened, answer, usage), usage)
        opened.kept = True

    async def settle(self, opened: Open, *, delivered: bool) -> None:
        """Leave a turn behind: let go of its session unless its answer was added, and remember when
        that answer may not have reached the caller.
        """
        if opened.finishing is not None:
            await asyncio.wait([opened.finishing])
        if not opened.kept:
            await self._leave(opened)
        elif not delivered:
            await self._undelivered(opened)

    async def _append(self, opened: Open, answer: Answer, usage: Usage) -> None:
        turn = None
        kept = 0
        if opened.context.mode is Mode.SESSION:
            turn = self._turn(opened, answer, usage)
            kept = opened.plan.kept_tokens + turn.tokens
        await self.run(
            self._contexts.finish,
            opened.context.id,
            f"{self._holder} {opened.question.id}",
            self._clock(),
            turn=turn,
            cut=opened.plan.cut,
            kept_tokens=kept,
            usage=usage,
        )

    async def _create(self, opened: Open, turn: Turn, usage: Usage) -> None:
        context = msgspec.structs.replace(
            opened.context,
            cut=opened.plan.cut,
            kept_tokens=opened.plan.kept_tokens + turn.tokens,
            calls=1,
            input_tokens=usage.input_tokens,
            cached_tokens=usage.cached_tokens or 0,
        )
        await self.run(self._contexts.create, context, [*opened.earlier, turn])

    def _turn(self, opened: Open, answer: Answer, usage: Usage) -> Turn:
        question = opened.question
        # The first answer is the one that the conversation goes on with.
        said = encode_json(answer.messages()[0])
        fallback = opened.new_tokens + self._tokens.text(answer.text, answer.model)
        return Turn(
            position=opened.position,
            messages=view(question.messages, [], b"[" + said + b"]"),
            tokens=grown(opened.seen, opened.plan, usage, fallback),
            at=question.at,
            request=question.request,
            answer=encode_json(kept_answer(question, answer, usage)) if question.request else None,
        )

    def release(self, opened: Open) -> None:
        """Settle a turn whose caller is not there any more, whoever waits for it or not."""
        task = asyncio.create_task(self.settle(opened, delivered=True))
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    async def _leave(self, opened: Open) -> None:
        if opened.renewal is not None:
            opened.renewal.cancel()
        if opened.context.mode is not Mode.SESSION:
            return
        holder = f"{self._holder} {opened.question.id}"
        try:
            await self.run(self._contexts.release, opened.context.id, holder, self._clock())
        except CauserieError as error:
            log.warning("the lock of %s ends by itself: %s", opened.context.id, error)

    async def _undelivered(self, opened: Open) -> None:
        if opened.context.mode is Mode.SESSION and opened.question.request is not None:
            work = self._contexts.undelivered
            await self.run(work, opened.context.id, opened.position, self._clock())


def request_digest(caller: Caller, context: str, body: bytes, key: str | None) -> bytes:
    """What a repetition has in common with the first request."""
    said = (caller.project.id, caller.key.id, context, key or "")
    digest = hashlib.blake2b("\0".join(said).encode(), digest_size=16)
    digest.update(b"\0" + body)
    return digest.digest()


def kept_answer(question: Question, answer: Answer, usage: Usage) -> Kept:
    """The answer as it is kept for a repeated request."""
    messages = [Raw(encode_json(said)) for said in answer.messages()]
    created = int(question.at.timestamp())
    return Kept(question.id, created, answer.model, answer.finish_reason, messages, usage)


def _max_tokens(parameters: Mapping[str, Raw]) -> int | None:
    for name in ("max_completion_tokens", "max_tokens"):
        if name in parameters:
            try:
                return msgspec.json.decode(parameters[name], type=int)
            except msgspec.DecodeError as error:
                raise Invalid(f"{name}: a number is expected", field=name) from error
    return None


def _call(question: Question, context: Context, turns: list[Turn], planned: Plan) -> Call:
    session = context.mode is Mode.SESSION
    messages = view(context.initial, [turn.messages for turn in turns], question.messages)
    initial = len(decode_messages(context.initial))
    count = len(decode_messages(messages)) - len(decode_messages(question.messages))
    parameters = dict(question.parameters)
    asked_for = _max_tokens(parameters)
    if 0 < planned.room < (asked_for or question.endpoint.output_tokens):
        parameters.pop("max_completion_tokens", None)
        parameters["max_tokens"] = Raw(str(planned.room).encode())
    return Call(
        caller=question.caller,
        endpoint=question.endpoint,
        api=question.api,
        id=question.id,
        at=question.at,
        began=question.began,
        messages=messages,
        asked=question.messages,
        # In a transcript the initial messages stand before the first turn.
        opening=b"" if session and context.turns else context.initial,
        parameters=parameters,
        stream=question.stream,
        wants_usage=question.wants_usage,
        user=question.user or context.user,
        tenant=context.tenant,
        conversation=context.id if session else "",
        context=context.id,
        metadata={**context.metadata, **question.metadata},
        prefix=Prefix(context.id, question.caller.project.id, initial, count),
    )
