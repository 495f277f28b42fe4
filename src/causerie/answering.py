"""Answers to cases: an endpoint of the gateway is asked, and what it took is noted.

What is asked here is in no conversation and no exchange: an evaluation is nobody's use of the app.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from time import perf_counter

import msgspec

from causerie.cases import Case
from causerie.completions import Answer, decode
from causerie.endpoints import Endpoint, Upstream
from causerie.errors import CauserieError, TooMany, UpstreamFailed
from causerie.evaluation_runs import Response, unanswered
from causerie.prices import Prices
from causerie.token_usage import Usage
from causerie.upstream import Upstreams
from causerie.wording import say

COMPLETIONS = "/chat/completions"
OWN = ("messages", "model", "stream", "stream_options", "n")
"""What the configuration of a case cannot choose."""
encode_json = msgspec.json.Encoder().encode
FindEndpoint = Callable[[str, str], Endpoint | None]
"""Of a project, by id or by the name of a model; with its keys in the clear."""


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How often an endpoint is asked. Times in seconds."""

    attempts: int = 4
    backoff_s: float = 0.5
    """Before the second attempt; twice as long before each further one."""
    wait_s_max: float = 30.0
    """A provider that wants more is left alone for so long."""


class Answering:
    """Asks inside an event loop, with connections of its own."""

    def __init__(
        self,
        find_endpoint: FindEndpoint,
        prices: Prices,
        clock: Callable[[], datetime],
        patience: Patience | None = None,
    ) -> None:
        self._find_endpoint = find_endpoint
        self._prices = prices
        self._clock = clock
        self._patience = patience or Patience()

    async def answer(self, upstreams: Upstreams, project: str, case: Case, model: str) -> Response:
        """What an endpoint answers to a case, or why it does not. Raises nothing but bugs."""
        if case.pregenerated_response is not None and not model:
            return Response(text=case.pregenerated_response, given=True)
        name = model or case.model
        endpoint = await asyncio.to_thread(self._find_endpoint, project, name)
        if endpoint is None:
            named = repr(name[:100])
            return unanswered(say("There is no endpoint %(name)s in this project.", name=named))
        try:
            return await self._ask(upstreams, endpoint, case)
        except CauserieError as error:
            return unanswered(error.wording)

    async def _ask(self, pool: Upstreams, endpoint: Endpoint, case: Case) -> Response:
        # Those without weight are there for when all others fail.
        ordered = sorted(endpoint.upstreams, key=lambda upstream: not upstream.weight)
        for number in range(max(self._patience.attempts, len(ordered))):
            upstream = ordered[number % len(ordered)]
            try:
                return await self._asked_once(pool, endpoint, upstream, case)
            except (TooMany, UpstreamFailed) as error:
                if number + 1 >= max(self._patience.attempts, len(ordered)):
                    raise
                if number + 1 >= len(ordered):
                    await asyncio.sleep(self._pause(number + 1 - len(ordered), error))
        raise AssertionError("an attempt answers or raises")

    def _pause(self, number: int, error: CauserieError) -> float:
        wanted = (error.retry_after_s if isinstance(error, TooMany) else None) or 0.0
        usual = self._patience.backoff_s * (1 << number)
        return min(max(usual, wanted), self._patience.wait_s_max)

    async def _asked_once(
        self, pool: Upstreams, endpoint: Endpoint, upstream: Upstream, case: Case
    ) -> Response:
        body = _body(endpoint, upstream, case)
        at, began = self._clock(), perf_counter()
        whole = await pool.ask(upstream, COMPLETIONS, body, {})
        took = round((perf_counter() - began) * 1000)
        completion = decode(whole)
        if not completion.choices:
            raise UpstreamFailed("the model's provider answered something that is no answer")
        answer = Answer()
        answer.add(completion)
        return self._told(endpoint, upstream, answer, at, took)

    def _told(
        self, endpoint: Endpoint, upstream: Upstream, answer: Answer, at: datetime, took: int
    ) -> Response:
        usage = answer.usage or Usage()
        cost = None
        if answer.usage is not None:
            price = endpoint.price
            model, url = upstream.model, upstream.base_url
            cost = self._prices.cost(model, usage, at, base_url=url, price=price)
        [message, *_] = answer.messages()
        content = message["content"]
        return Response(
            text=content if isinstance(content, str) else answer.text,
            input_tokens=usage.input_tokens if answer.usage else None,
            output_tokens=usage.output_tokens if answer.usage else None,
            cost=cost.amount if cost else None,
            currency=cost.currency if cost else "",
            latency_ms=took,
        )


def _body(endpoint: Endpoint, upstream: Upstream, case: Case) -> bytes:
    config = {key: value for key, value in case.model_config.items() if key not in OWN}
    messages = [{"role": line.role, "content": line.message} for line in case.messages]
    return encode_json(
        {**endpoint.defaults, **config, "messages": messages, "model": upstream.model}
    )


def endpoint_of(endpoints: Sequence[Endpoint], name: str) -> Endpoint | None:
    """The endpoint of that id or name, or the first whose model has that name: what cases of the
    Context service say is a model's.
    """
    usable = [one for one in endpoints if not one.disabled]
    by_name = (one for one in usable if name in (one.id, one.name, *one.serves))
    by_model = (one for one in usable if any(each.model == name for each in one.upstreams))
    return next(by_name, None) or next(by_model, None)
