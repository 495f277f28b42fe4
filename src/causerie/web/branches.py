"""Which conversation a response goes on with, and how it is kept.

A chain of responses is one context. A response that goes on from the middle of it, or from its end
while another does so too, makes a branch: a context of its own, with a copy of what was before. New
contexts and branches are made when the answer is whole, so that nothing is left of a call that
failed.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

import msgspec

from causerie.context_calls import ContextCalls, Keeping, Kept, Open, Question
from causerie.contexts import (
    Context,
    Mode,
    Strategy,
    Truncation,
    Turn,
    expiry,
    new_context_id,
    resolve_strategy,
)
from causerie.errors import Busy, Invalid, NotFound
from causerie.store.contexts import Contexts
from causerie.store.responses import Responses

RESPONSE_TTL_S = 30 * 86_400
ORIGIN = "response"
WHOLE_HISTORY = Strategy(type=Truncation.ROLLING, rolling_tokens=False)
"""Of a call that would rather fail than have old turns dropped."""


@dataclass(frozen=True, kw_only=True)
class Continuation:
    """A question, and what it goes on from."""

    question: Question
    """Its context is not known yet."""
    previous: str = ""
    """Id of a response."""
    conversation: str = ""
    store: bool = True
    tenant: str = ""
    ttl_s: int = RESPONSE_TTL_S


class Branches:
    """Begins the turns of responses, and keeps them."""

    def __init__(
        self,
        calls: ContextCalls,
        contexts: Contexts,
        responses: Responses,
        clock: Callable[[], datetime],
    ) -> None:
        self._calls = calls
        self._contexts = contexts
        self._responses = responses
        self._clock = clock
        self._random = random.SystemRandom()

    async def begin(self, asked: Continuation) -> Open:
        """The turn. Raises NotFound, Invalid when there is nothing to go on from, Busy when the
        conversation is in the middle of another turn.
        """
        opened = await self._begun(asked)
        if opened.full:
            self._calls.release(opened)
            full = Invalid("the input exceeds the context window of the model", field="input")
            full.code = "context_length_exceeded"
            raise full
        return opened

    async def _begun(self, asked: Continuation) -> Open:
        if asked.previous:
            return await self._after_response(asked)
        if asked.conversation:
            return await self._in_conversation(asked)
        return self._calls.open(asked.question, self._new(asked), [], Keeping.CONTEXT)

    def _new(self, asked: Continuation) -> Context:
        question = asked.question
        endpoint = question.endpoint
        window, output = endpoint.window_tokens, endpoint.output_tokens
        return Context(
            id=new_context_id(question.at, self._random),
            project=question.caller.project.id,
            endpoint=endpoint.id,
            mode=Mode.SESSION,
            ttl_s=asked.ttl_s,
            strategy=resolve_strategy(Mode.SESSION, None, window, output),
            initial=b"[]",
            initial_tokens=0,
            created_at=question.at,
            used_at=question.at,
            expires_at=expiry(asked.ttl_s, question.at),
            user=question.user,
            tenant=asked.tenant,
            metadata=dict(question.metadata),
            origin=ORIGIN,
        )

    # ---- conversations -------------------------------------------------------------------------

    async def _in_conversation(self, asked: Continuation) -> Open:
        question = replace(asked.question, context=asked.conversation)
        try:
            context = await self._context(question, question.context)
        except NotFound as error:
            raise NotFound(error.message, field="conversation") from None
        if context.mode is not Mode.SESSION:
            raise Invalid("conversation: this is a common prefix", field="conversation")
        if not asked.store:
            return await self._unkept(question, context, context.turns)
        return await self._begin(question)

    async def _begin(self, question: Question) -> Open:
        opened = await self._calls.begin(question)
        assert not isinstance(opened, Kept), "a question without a digest is no repetition"
        return opened

    async def _context(self, question: Question, id: str) -> Context:
        project = question.caller.project.id
        return await self._calls.run(self._contexts.get, project, id, self._clock())

    # ---- chains --------------------------------------------------------------------------------

    async def _after_response(self, asked: Continuation) -> Open:
        try:
            context, turns = await self._previous(asked)
        except NotFound:
            lost = Invalid(
                f"previous response {asked.previous[:100]!r} not found",
                field="previous_response_id",
            )
            lost.code = "previous_response_not_found"
            raise lost from None
        question = replace(asked.question, context=context.id)
        if not asked.store:
            return await self._unkept(question, context, turns)
        opened = await self._at_head(question, context, turns)
        return opened or await self._branch(asked, question, context, turns)

    async def _previous(self, asked: Continuation) -> tuple[Context, int]:
        question = asked.question
        context, turns, _ = await self._calls.run(
            self._responses.get, question.caller.project.id, asked.previous, self._clock()
        )
        return await self._context(question, context), turns

    async def _at_head(self, question: Question, context: Context, turns: int) -> Open | None:
        """The turn, unless another went on from there before."""
        busy = context.busy_until is not None and context.busy_until > self._clock()
        if busy or context.turns != turns:
            return None
        try:
            opened = await self._begin(question)
        except Busy:
            return None
        if opened.position == turns:
            return opened
        self._calls.release(opened)
        return None

    async def _branch(
        self, asked: Continuation, question: Question, context: Context, turns: int
    ) -> Open:
        before, history = await self._until(question, context, turns)
        new = self._new(asked)
        branch = msgspec.structs.replace(
            new,
            initial=before.initial,
            initial_tokens=before.initial_tokens,
            cut=before.cut,
            turns=before.turns,
            metadata={**context.metadata, **new.metadata},
        )
        # In the transcripts a branch begins with what is new in it, and says where it parted.
        about = {**question.metadata, "branch_of": context.id}
        question = replace(question, context=branch.id, metadata=about)
        return self._calls.open(question, branch, history, Keeping.CONTEXT)

    async def _unkept(self, question: Question, context: Context, turns: int) -> Open:
        before, history = await self._until(question, context, turns)
        return self._calls.open(question, before, history, Keeping.NOTHING)

    async def _until(
        self, question: Question, context: Context, count: int
    ) -> tuple[Context, list[Turn]]:
        """The context as it was after so many turns, and these."""
        project = question.caller.project.id
        turns = await self._calls.run(self._contexts.history, project, context.id, self._clock())
        # Where the cut was when there were fewer turns is not known: the call cuts anew.
        cut = context.cut if context.cut < count or count == context.turns else 0
        before = msgspec.structs.replace(context, cut=cut, turns=count)
        said = (turn for turn in turns if turn.position < count)
        return before, [msgspec.structs.replace(t, request=None, delivered=True) for t in said]

    # ---- what is kept --------------------------------------------------------------------------

    async def keep(self, opened: Open, id: str, document: bytes, ttl_s: int) -> None:
        """Keep the response of a turn that was finished."""
        now = self._clock()
        await self._calls.run(
            self._responses.put,
            id,
            opened.context.project,
            opened.context.id,
            opened.position + 1,
            document,
            now,
            expiry(ttl_s, now),
        )

    async def document(self, project: str, id: str) -> bytes:
        """A response that was kept. Raises NotFound."""
        _, _, found = await self._calls.run(self._responses.get, project, id, self._clock())
        return found

    async def delete(self, project: str, id: str) -> None:
        """Forget a response, and its chain when no other response stands for any of it. Raises
        NotFound.
        """
        await self._calls.run(self._delete, project, id, self._clock())

    def _delete(self, project: str, id: str, now: datetime) -> None:
        context, _, _ = self._responses.get(project, id, now)
        self._responses.delete(project, id)
        if self._responses.stands_for(project, context):
            return
        try:
            found = self._contexts.get(project, context, now)
            busy = found.busy_until is not None and found.busy_until > now
            if found.origin == ORIGIN and not busy:
                self._contexts.delete(project, context)
        except NotFound:
            return
