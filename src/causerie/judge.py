"""The judge: a project's language model is asked, within a budget of calls, and not for ever.

What is asked here is no call of the gateway: it is in no conversation and no exchange. Calls and
tokens are counted per day, in `asking_days`, and nowhere else.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from time import monotonic

import msgspec

from causerie.completions import Said, decode
from causerie.endpoints import Endpoint, Upstream
from causerie.errors import CauserieError, Invalid, TooMany, UpstreamFailed, UpstreamSlow
from causerie.judging import UNREADABLE, Inquiry, Verdict
from causerie.meaning_settings import MeaningSettings, Service
from causerie.store.verdicts import Asked, Verdicts, day_of
from causerie.token_usage import usage_of
from causerie.upstream import Upstreams
from causerie.wording import say

COMPLETIONS = "/chat/completions"
log = logging.getLogger(__name__)
encode_json = msgspec.json.Encoder().encode
FindEndpoint = Callable[[str, str], Endpoint | None]
"""Of a project, by its id, with its keys in the clear; None where it is gone or disabled."""


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How long and how often. Times in seconds."""

    at_once: int = 4
    """Calls of one round that go on at the same time."""
    timeout_s: float = 60.0
    """For a whole answer."""
    connect_timeout_s: float = 5.0
    attempts: int = 3
    """For one question, where a provider is over its limit or unwell."""
    backoff_s: float = 0.5
    """Before the second attempt; twice as long before each further one."""
    wait_s_max: float = 10.0
    """A provider that wants more is left alone for so long as it says."""
    failures: int = 5
    """So many questions in a row without an answer, and nothing is asked for a while."""
    pause_s: float = 60.0
    pause_s_max: float = 3_600.0
    round_s: float = 60.0
    """After that no further question of a round is begun."""


@dataclass
class Circuit:
    """How it has gone lately with one service of one project."""

    failures: int = 0
    quiet_until: float = 0.0
    """On the clock of `monotonic`; before, nothing is asked."""
    trouble: str = ""
    first: int = 0
    """Which upstream answered last."""
    plain: set[int] = field(default_factory=set)
    """Upstreams that want requests without functions and limits."""


@dataclass
class Round:
    """What became of some questions."""

    project: str
    most: int
    """Calls a day."""
    circuit: Circuit
    upstreams: Sequence[Upstream]
    defaults: dict[str, object]
    until: float
    answers: dict[Asked, Verdict] = field(default_factory=dict)
    trouble: str = ""
    stopped: bool = False

    def stop(self, trouble: str) -> None:
        """Begin nothing more."""
        self.stopped = True
        self.trouble = self.trouble or trouble


class Judge:
    """Asks what it is given, keeps each answer as it comes. Safe in threads, but not to be called
    in an event loop: `ask` runs one of its own.
    """

    def __init__(
        self,
        verdicts: Verdicts,
        find_endpoint: FindEndpoint,
        clock: Callable[[], datetime],
        patience: Patience | None = None,
    ) -> None:
        self._verdicts = verdicts
        self._find_endpoint = find_endpoint
        self._clock = clock
        self._patience = patience or Patience()
        self._circuits: dict[tuple[str, Service], Circuit] = {}

    def trouble(self, project: str, settings: MeaningSettings) -> str:
        """Why nothing is asked at the moment, in a sentence; empty where nothing is in the way."""
        circuit = self._circuits.get((project, settings.judge))
        return circuit.trouble if circuit and circuit.quiet_until > monotonic() else ""

    def ask(
        self, project: str, settings: MeaningSettings, inquiries: Sequence[Inquiry]
    ) -> tuple[dict[Asked, Verdict], str]:
        """The answers that could be had now, and, where not all could, why: a sentence without
        keys, or nothing where there was only no time. Raises nothing but bugs.
        """
        circuit = self._circuits.setdefault((project, settings.judge), Circuit())
        if circuit.quiet_until > monotonic():
            return {}, circuit.trouble
        try:
            upstreams, defaults = self._upstreams(project, settings.judge)
        except CauserieError as error:
            return {}, error.wording
        until = monotonic() + self._patience.round_s
        asking = Round(project, settings.calls_per_day, circuit, upstreams, defaults, until)
        asyncio.run(self._ask_all(asking, inquiries))
        return asking.answers, asking.trouble

    def _upstreams(
        self, project: str, service: Service
    ) -> tuple[list[Upstream], dict[str, object]]:
        if service.url:
            found = [Upstream(base_url=service.url, model=service.model, key=service.key)]
            return [self._patient(upstream) for upstream in found], {}
        endpoint = self._find_endpoint(project, service.endpoint)
        if endpoint is None:
            gone = say("the endpoint %(id)s is gone or disabled", id=service.endpoint)
            raise Invalid(gone)
        # Those without weight are there for when all others fail.
        ordered = sorted(endpoint.upstreams, key=lambda upstream: not upstream.weight)
        return [self._patient(upstream) for upstream in ordered], dict(endpoint.defaults)

    def _patient(self, upstream: Upstream) -> Upstream:
        whole = min(upstream.first_token_timeout_s, self._patience.timeout_s)
        connect = min(upstream.connect_timeout_s, self._patience.connect_timeout_s)
        return msgspec.structs.replace(
            upstream, first_token_timeout_s=whole, connect_timeout_s=connect
        )

    async def _ask_all(self, asking: Round, inquiries: Iterable[Inquiry]) -> None:
        pool = Upstreams()
        pool.open()
        left = iter(inquiries)
        try:
            lines = (self._ask_some(asking, pool, left) for _ in range(self._patience.at_once))
            await asyncio.gather(*lines)
        finally:
            await pool.close()

    async def _ask_some(self, asking: Round, pool: Upstreams, left: Iterator[Inquiry]) -> None:
        for inquiry in left:
            if asking.stopped or monotonic() >= asking.until:
                return
            try:
                await _Question(self, asking, pool, inquiry).ask()
            except CauserieError as error:
                # The state store's: what cannot be counted is not asked.
                asking.stop(error.message)

    async def reserve(self, asking: Round) -> str:
        """Count a call of today; the day, or nothing, and the round stopped, when it is used up."""
        day = day_of(self._clock())
        if await asyncio.to_thread(self._verdicts.reserve, asking.project, day, asking.most):
            return day
        most = f"{asking.most:,}"
        asking.stop(say("today's %(most)s calls are used up; more after midnight (UTC)", most=most))
        return ""

    async def give_back(self, asking: Round, day: str) -> None:
        """Take back what reached nobody."""
        await asyncio.to_thread(self._verdicts.give_back, asking.project, day)

    async def keep(self, asking: Round, inquiry: Inquiry, verdict: Verdict, tokens: int) -> None:
        """An answer has come."""
        work = self._verdicts.keep
        await asyncio.to_thread(work, asking.project, inquiry, verdict, self._clock(), tokens)
        asking.answers[inquiry.question, inquiry.digest] = verdict

    def failed(self, asking: Round, trouble: str, *, pause_s: float = 0.0) -> None:
        """A question got no answer. After some in a row, or at once where it says for how long,
        nothing is asked for a while.
        """
        circuit, patience = asking.circuit, self._patience
        circuit.failures += 1
        asking.trouble = trouble
        if pause_s or circuit.failures >= patience.failures:
            pause = min(pause_s or patience.pause_s, patience.pause_s_max)
            circuit.quiet_until = monotonic() + pause
            circuit.trouble = trouble
            circuit.failures = 0
            asking.stop(trouble)
            log.warning("%s asks nothing for %.0f s: %s", asking.project, pause, trouble)

    @property
    def patience(self) -> Patience:
        """How long and how often."""
        return self._patience


class _Question:
    """One inquiry on its way through attempts and upstreams."""

    def __init__(self, judge: Judge, asking: Round, pool: Upstreams, inquiry: Inquiry) -> None:
        self._judge = judge
        self._asking = asking
        self._pool = pool
        self._inquiry = inquiry
        self._tokens = 0

    async def ask(self) -> None:
        """Ask until there is an answer, or until there is none to be had."""
        asking, patience = self._asking, self._judge.patience
        count = len(asking.upstreams)
        tries = max(patience.attempts, count)
        for number in range(tries):
            place = (asking.circuit.first + number) % count
            try:
                if await self._answered_by(place):
                    asking.circuit.first = place
                return
            except (UpstreamFailed, TooMany) as error:
                last = number + 1 == tries or isinstance(error, UpstreamSlow)
                if number + 1 < count:
                    continue
                if last or not await self._waited(number, error):
                    return self._give_up(error)

    async def _answered_by(self, place: int) -> bool:
        """Whether the upstream was asked to the end. Raises what its failure became."""
        asking, circuit = self._asking, self._asking.circuit
        refused = ""
        for plain in (False, True):
            if place in circuit.plain and not plain:
                continue
            try:
                said = await self._said(place, plain=plain)
            except Invalid as error:
                refused = error.message
                continue
            if said is None:
                return False
            verdict = self._inquiry.read(said)
            if verdict is not None:
                if plain:
                    circuit.plain.add(place)
                circuit.failures = 0
                await self._judge.keep(asking, self._inquiry, verdict, self._tokens)
                return True
        # Kept all the same: what a model cannot read today it cannot read tomorrow.
        await self._judge.keep(asking, self._inquiry, UNREADABLE, self._tokens)
        self._judge.failed(asking, refused or say("the model's answers are no verdicts"))
        return True

    async def _said(self, place: int, *, plain: bool) -> Said | None:
        """What the model said; None when today's calls are used up."""
        day = await self._judge.reserve(self._asking)
        if not day:
            return None
        upstream = self._asking.upstreams[place]
        body = {**self._asking.defaults, **self._inquiry.body(plain=plain)}
        body["model"] = upstream.model
        try:
            whole = await self._pool.ask(upstream, COMPLETIONS, encode_json(body), {})
        except UpstreamFailed as error:
            if not error.reached:
                await self._judge.give_back(self._asking, day)
            raise
        completion = decode(whole)
        if not completion.choices:
            raise UpstreamFailed("the model's provider answered something that is no answer")
        usage = usage_of(completion.usage)
        self._tokens += usage.total_tokens if usage else 0
        return completion.choices[0].message or Said()

    async def _waited(self, number: int, error: UpstreamFailed | TooMany) -> bool:
        """Whether it is worth another attempt, after a while."""
        patience = self._judge.patience
        wait = patience.backoff_s * 2**number
        if isinstance(error, TooMany):
            wait = max(wait, error.retry_after_s or 0.0)
        elif error.lasting:
            return False
        if wait > patience.wait_s_max or monotonic() + wait > self._asking.until:
            return False
        await asyncio.sleep(wait)
        return not self._asking.stopped

    def _give_up(self, error: UpstreamFailed | TooMany) -> None:
        pause = 0.0
        if isinstance(error, TooMany):
            long = error.retry_after_s or 0.0
            pause = long if long > self._judge.patience.wait_s_max else 0.0
        elif error.lasting:
            pause = self._judge.patience.pause_s
        self._judge.failed(self._asking, error.message, pause_s=pause)
