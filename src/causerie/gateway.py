"""The gateway: a call finds a provider, its answer comes back whole or streamed, and is recorded.

Whatever happens to a call, its exchange is recorded once, before the caller has the end of it.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import math
import random
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from time import monotonic
from typing import TypeVar

import msgspec
from msgspec import Raw

from causerie.accounts import Logging
from causerie.allowances import Allowances
from causerie.calls import Call, Progress, body_of
from causerie.completions import Answer, Completion, decode
from causerie.dialects import hinted
from causerie.endpoints import Upstream
from causerie.errors import CauserieError, Invalid, TooMany, UpstreamFailed
from causerie.exchanges import Cost
from causerie.recorder import STATUS_HUNG_UP, Open, Recorder
from causerie.token_usage import Usage
from causerie.upstream import Answering, Upstreams, refusal, secrets_of

COMPLETIONS = "/chat/completions"
EMBEDDINGS = "/embeddings"
COOL_SECONDS = 10.0
log = logging.getLogger(__name__)
encode_json = msgspec.json.Encoder().encode
decode_messages = msgspec.json.Decoder(list[Raw]).decode
Result = TypeVar("Result")
Finish = Callable[[Answer], Awaitable[None]]
"""What has to be done with a whole answer before the caller has the end of it."""


async def nothing_more(answer: Answer) -> None:
    """For calls of which only the recording is kept."""


@dataclass(frozen=True)
class Frame:
    """A piece of a streamed answer: as the provider sent it, and as we read it."""

    data: bytes
    piece: Completion


class Gateway:
    """Calls of all APIs pass here. `status` tells the HTTP status of an error."""

    def __init__(
        self,
        upstreams: Upstreams,
        recorder: Recorder,
        allowances: Allowances,
        status: Callable[[CauserieError], int],
    ) -> None:
        self._upstreams = upstreams
        self._recorder = recorder
        self._allowances = allowances
        self._status = status
        self._failed: dict[tuple[str, str, str], float] = {}

    async def complete(self, call: Call, finish: Finish = nothing_more) -> tuple[bytes, Answer]:
        """A whole answer, as the provider sent it. Raises what its refusal or failure became."""
        progress = Progress(call, call.endpoint.upstreams[0])
        opened: Open | None = None
        try:
            body = await self._ask(call, progress)
            progress.told()
            opened = self._whole(progress)
            await finish(progress.answer)
        except BaseException as error:  # a caller that hangs up too: every call is recorded
            self._record(progress, error, opened=opened)
            raise
        self._record(progress, opened=opened)
        return body, progress.answer

    async def _ask(self, call: Call, progress: Progress) -> bytes:
        async def ask(upstream: Upstream) -> bytes:
            progress.upstream = upstream
            body, headers = _request(call, upstream)
            return await self._upstreams.ask(upstream, COMPLETIONS, body, headers)

        whole = await self._first_that_answers(call, ask)
        completion = decode(whole)
        if not completion.choices:
            raise UpstreamFailed("the model's provider answered something that is no answer")
        progress.answer.add(completion)
        return whole

    async def stream(
        self, call: Call, finish: Finish = nothing_more
    ) -> AsyncGenerator[Frame, None]:
        """A streamed answer that has begun. Raises before the first frame what its refusal became.

        The frames from the first that says "finished" come after `finish` was done. To be begun at
        once, and to be closed.
        """
        progress = Progress(call, call.endpoint.upstreams[0])
        try:
            answering = await self._begin(call, progress)
        except BaseException as error:  # a caller that hangs up too: every call is recorded
            self._record(progress, error)
            raise
        return self._frames(call, progress, answering, finish)

    async def warm(self, call: Call) -> None:
        """Let the provider read the messages. What that takes is recorded, no word of it."""
        progress = Progress(call, call.endpoint.upstreams[0], words=False)
        await self._ask(call, progress)
        self._record(progress)

    async def embed(self, call: Call) -> bytes:
        """Vectors, as the provider sent them. Raises what its refusal or failure became."""
        progress = Progress(call, call.endpoint.upstreams[0])

        async def ask(upstream: Upstream) -> bytes:
            progress.upstream = upstream
            body = encode_json({**call.parameters, "model": upstream.model})
            return await self._upstreams.ask(upstream, EMBEDDINGS, body, {})

        try:
            whole = await self._first_that_answers(call, ask)
            progress.answer.add(decode(whole))
        except BaseException as error:  # a caller that hangs up too: every call is recorded
            self._record(progress, error)
            raise
        self._record(progress)
        return whole

    async def _begin(self, call: Call, progress: Progress) -> Answering:
        async def begin(upstream: Upstream) -> Answering:
            progress.upstream = upstream
            body, headers = _request(call, upstream)
            return await self._upstreams.stream(upstream, COMPLETIONS, body, headers)

        return await self._first_that_answers(call, begin)

    async def _frames(
        self, call: Call, progress: Progress, answering: Answering, finish: Finish
    ) -> AsyncGenerator[Frame, None]:
        opened = self._open(progress)
        held: list[Frame] = []
        try:
            async with aclosing(self._pieces(progress, answering)) as pieces:
                async for frame in pieces:
                    if held or progress.answer.finished(call.choices):
                        held.append(frame)
                        continue
                    progress.told()
                    self._note(opened, call, frame.piece)
                    yield frame
            opened = self._whole(progress, opened)
            await finish(progress.answer)
        except BaseException as error:  # a caller that hangs up too: every call is recorded
            self._record(progress, error, opened=opened)
            raise
        finally:
            answering.close()
        self._record(progress, opened=opened)
        for frame in held:
            yield frame

    async def _pieces(
        self, progress: Progress, answering: Answering
    ) -> AsyncGenerator[Frame, None]:
        """The pieces of an answer, until it is complete. Raises UpstreamFailed when it is not."""
        try:
            async with aclosing(answering.frames()) as frames:
                async for data in frames:
                    frame = Frame(data, _understood(data, answering.upstream))
                    progress.answer.add(frame.piece)
                    yield frame
        except UpstreamFailed:
            # Who has said why it ends need not say goodbye too.
            if not progress.answer.finished(progress.call.choices):
                raise
        if not (progress.answer.begun or progress.answer.finished()):
            raise UpstreamFailed("the model's provider said nothing")

    def _open(self, progress: Progress) -> Open | None:
        if progress.call.caller.key.allowance.logging is Logging.NOTHING:
            return None
        recording = progress.recording(None, status=200, gone=False)
        if not progress.call.words:
            recording = msgspec.structs.replace(recording, asked=b"[]", sent=b"")
        return self._recorder.begin(recording)

    def _whole(self, progress: Progress, opened: Open | None = None) -> Open | None:
        """What a context keeps can be told again after a kill: the journal has it before that."""
        progress.whole = True
        call = progress.call
        if not call.context or call.caller.key.allowance.logging is Logging.NOTHING:
            return opened
        recording = progress.recording(None, status=200, gone=False)
        return self._recorder.whole(recording, opened)

    def _note(self, opened: Open | None, call: Call, piece: Completion) -> None:
        if opened is not None and call.words:
            deltas = (choice.delta for choice in piece.choices or () if choice.delta)
            words = (said.content for said in deltas if isinstance(said.content, str))
            self._recorder.piece(opened, call.id, "".join(words))

    def _record(
        self,
        progress: Progress,
        error: BaseException | None = None,
        *,
        opened: Open | None = None,
    ) -> None:
        gone = isinstance(error, (asyncio.CancelledError, GeneratorExit))
        if gone and progress.whole:
            # It is being added to its context all the same: nothing of it is missing.
            gone, error = False, None
        fault = error if isinstance(error, CauserieError) else None
        if error is not None and fault is None and not gone:
            fault = CauserieError("internal error")
        status = STATUS_HUNG_UP if gone else self._status(fault) if fault else 200
        recording = progress.recording(fault, status=status, gone=gone)
        key = progress.call.caller.key

        def spend(usage: Usage, cost: Cost | None) -> None:
            self._allowances.spend(key, usage.total_tokens, cost)

        self._recorder.end(recording, progress.call.caller.project, key, spend, opened)

    async def _first_that_answers(
        self, call: Call, ask: Callable[[Upstream], Awaitable[Result]]
    ) -> Result:
        """Ask one provider after the other. Raises what the last one made of it."""
        failure: CauserieError = UpstreamFailed("no provider is configured")
        for upstream in self._in_order(call):
            try:
                return await ask(upstream)
            except (UpstreamFailed, TooMany) as error:
                log.info("%s via %s: %s", call.endpoint.id, upstream.host, error.message)
                self._failed[_place(upstream)] = monotonic() + COOL_SECONDS
                failure = error
        raise failure

    def _in_order(self, call: Call) -> list[Upstream]:
        """Those that failed just now last; else by weight, the same for calls of one prefix."""
        upstreams = call.endpoint.upstreams
        if len(upstreams) == 1:
            return list(upstreams)
        now = monotonic()

        def rank(upstream: Upstream) -> tuple[bool, float]:
            cooling = self._failed.get(_place(upstream), 0.0) > now
            return cooling, _turn(upstream, call.prefix.key)

        return sorted(upstreams, key=rank)


def _place(upstream: Upstream) -> tuple[str, str, str]:
    """With the key: one account's trouble is not another's."""
    return upstream.base_url, upstream.model, upstream.key


def _turn(upstream: Upstream, key: str) -> float:
    """Weighted rendezvous hashing: the smallest is asked first, in proportion to the weights."""
    if not upstream.weight:
        return math.inf
    if not key:
        return -math.log(1.0 - random.random()) / upstream.weight
    digest = hashlib.blake2b(f"{key}\0{upstream.base_url}\0{upstream.model}".encode())
    chance = (int.from_bytes(digest.digest()[:7], "big") + 1) / (1 << 56)
    return -math.log(chance) / upstream.weight


def _request(call: Call, upstream: Upstream) -> tuple[bytes, dict[str, str]]:
    try:
        messages = decode_messages(call.messages)
    except msgspec.DecodeError as error:
        raise Invalid("messages: a list is expected", field="messages") from error
    body, headers = hinted(body_of(call, upstream), messages, upstream, call.prefix)
    return encode_json(body), headers


def _understood(data: bytes, upstream: Upstream) -> Completion:
    piece = decode(data)
    if piece.error:
        told = refusal(500, {}, data, secrets_of(upstream)).message
        raise UpstreamFailed(told.replace("answered 500", "broke off"))
    return piece
