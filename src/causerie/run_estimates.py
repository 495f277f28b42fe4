"""What a run would take, before it begins: how many answers, and at most what they cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import msgspec

from causerie.answering import endpoint_of
from causerie.cases import Case, Version
from causerie.endpoints import Endpoint
from causerie.exchanges import Cost
from causerie.prices import Prices
from causerie.token_usage import Usage
from causerie.tokens import Tokens

LIMITS = ("max_completion_tokens", "max_tokens")
"""What a case or an endpoint may say of the length of an answer."""
encode = msgspec.json.Encoder().encode


@dataclass(frozen=True)
class Estimate:
    """What a run would take. Judges that are asked come on top."""

    answers: int
    given: int
    """Those that stand in the cases: nobody is asked."""
    costs: Mapping[str, Decimal]
    """At most, by currency: every answer as long as it may be, the dearest provider."""
    unpriced: int
    """Answers whose price nobody knows."""
    missing: tuple[str, ...]
    """What cases name and no endpoint answers to."""

    @property
    def asked(self) -> int:
        """Answers that a model is asked for."""
        return self.answers - self.given


class Estimates:
    """Safe in threads."""

    def __init__(self, tokens: Tokens, prices: Prices, clock: Callable[[], datetime]) -> None:
        self._tokens = tokens
        self._prices = prices
        self._clock = clock

    def of(
        self, version: Version, iterations: int, model: str, endpoints: Sequence[Endpoint]
    ) -> Estimate:
        """Of a run of a version; `model` answers instead of what the cases name."""
        cases = [case for case in version.cases if not case.is_removed]
        given = unpriced = 0
        costs: dict[str, Decimal] = {}
        missing: Counter[str] = Counter()
        for case in cases:
            if case.pregenerated_response is not None and not model:
                given += iterations
                continue
            endpoint = endpoint_of(endpoints, model or case.model)
            if endpoint is None:
                missing[model or case.model] += 1
                continue
            cost = self._cost(case, endpoint)
            if cost is None:
                unpriced += iterations
            else:
                known = costs.get(cost.currency, Decimal())
                costs[cost.currency] = known + cost.amount * iterations
        return Estimate(len(cases) * iterations, given, costs, unpriced, tuple(missing))

    def _cost(self, case: Case, endpoint: Endpoint) -> Cost | None:
        """Of one answer, at most; None where one of the providers has no known price."""
        said = [{"role": line.role, "content": line.message} for line in case.messages]
        limit = _limit(case, endpoint)
        found: list[Cost] = []
        for upstream in endpoint.upstreams:
            usage = Usage(
                input_tokens=self._tokens.messages(encode(said), upstream.model),
                output_tokens=limit,
            )
            cost = self._prices.cost(
                upstream.model,
                usage,
                self._clock(),
                base_url=upstream.base_url,
                price=endpoint.price,
            )
            if cost is None:
                return None
            found.append(cost)
        return max(found, key=lambda cost: cost.amount) if found else None


def _limit(case: Case, endpoint: Endpoint) -> int:
    for given in (case.model_config, endpoint.defaults):
        for name in LIMITS:
            if isinstance(given.get(name), int):
                return int(given[name])
    return endpoint.output_tokens
