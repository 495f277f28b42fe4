"""Allowances: whether a key may call now, counted in memory and shared through the state store.

A limit per minute is one per minute of the clock, UTC: counters begin anew at each full minute. A
request counts when it is admitted, tokens when their call has ended, so that the call which goes
over the limit is answered whole and the next is refused. A budget is for the calendar month, UTC.

Each process counts by itself and tells the store once a second what it added, in one transaction
that also reads what the others did: limits hold for all processes together within that second.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from datetime import datetime, timedelta

from causerie.accounts import Allowance, Key
from causerie.errors import TooMany
from causerie.exchanges import Cost
from causerie.store.spending import NOTHING, Amount, Place, Spending, minute_of, month_of, nano

MINUTE_S = 60
IDLE = timedelta(seconds=60)
"""After that, what is known of a key is forgotten, and read again when it is used."""
NEARBY_MINUTES = 5
"""How far a clock may go back without a minute beginning anew."""


class Book:
    """What one key has spent, by span: as the store knows it, on its way there, and only here."""

    def __init__(self, used_at: datetime) -> None:
        self.used_at = used_at
        self.allowance = Allowance()
        self.loaded = False
        self.kept: dict[str, Amount] = {}
        self.sent: dict[str, Amount] = {}
        self.added: dict[str, Amount] = {}

    def spent(self, span: str) -> Amount:
        """All that is known."""
        parts = (self.kept, self.sent, self.added)
        return sum((part[span] for part in parts if span in part), NOTHING)

    def add(self, span: str, amount: Amount) -> None:
        """What was spent here just now."""
        self.added[span] = self.added.get(span, NOTHING) + amount

    def send(self) -> dict[str, Amount]:
        """What is to be added to the store."""
        self.sent, self.added = self.added, {}
        return self.sent

    def take_back(self) -> None:
        """The store did not get it: it is sent again."""
        sent, self.sent = self.sent, {}
        for span, amount in sent.items():
            self.add(span, amount)


class Allowances:
    """Counts what keys spend against their limits. Safe in threads."""

    def __init__(self, spending: Spending, clock: Callable[[], datetime]) -> None:
        self._spending = spending
        self._clock = clock
        self._books: dict[str, Book] = {}
        self._lock = threading.Lock()
        self._storing = threading.Lock()
        """Held by whoever is between sending and having heard, so that nothing counts twice."""
        self._swept = ""

    def known(self, key: Key) -> bool:
        """Whether `admit` has what it needs, or `load` is to be called in a thread before."""
        if not _is_limited(key.allowance):
            return True
        book = self._books.get(key.id)
        return book is not None and book.loaded

    def load(self, key: Key) -> None:
        """Read what the key has spent until now. Raises Unavailable."""
        with self._storing:
            now = self._clock()
            spans = {*_spans(key.allowance, now), *_minutes_near(now)}
            places = [(key.id, span) for span in spans]
            totals = self._spending.totals(places)
            with self._lock:
                book = self._book(key, now)
                book.kept |= {span: totals.get((key.id, span), NOTHING) for _, span in places}
                book.loaded = True

    def admit(self, key: Key) -> dict[str, str]:
        """Count a request; returned are the headers that say how much is left of each limit there
        is. Raises TooMany, and then counts nothing.
        """
        allowance = key.allowance
        if not _is_limited(allowance):
            return {}
        now = self._clock()
        with self._lock:
            book = self._book(key, now)
            _refuse_over_budget(allowance, book, now)
            _refuse_over_limit(allowance, book, now)
            if _is_paced(allowance):
                book.add(minute_of(now), Amount(requests=1))
            return _headers(allowance, book.spent(minute_of(now)), now)

    def spend(self, key: Key, tokens: int, cost: Cost | None) -> None:
        """Note what a call took; None where its price is not known."""
        now = self._clock()
        currency = key.allowance.currency if cost is None else cost.currency
        amount = Amount(1, tokens, 0 if cost is None else nano(cost.amount))
        with self._lock:
            book = self._book(key, now)
            book.add(month_of(now, currency), amount)
            if _is_paced(key.allowance):
                book.add(minute_of(now), Amount(tokens=tokens))

    def flush(self) -> None:
        """Tell the store what was added here, and hear what others did. Raises Unavailable; what
        was not kept is told the next time.
        """
        with self._storing:
            now = self._clock()
            added, wanted = self._send(now)
            try:
                totals = self._spending.merge(added, wanted) if added or wanted else {}
            except BaseException:  # whatever it was, also the end of the task, is told again
                self._take_back()
                raise
            self._hear(totals, wanted, now)
            self._sweep(now)

    def _book(self, key: Key, now: datetime) -> Book:
        book = self._books.get(key.id)
        if book is None:
            book = self._books[key.id] = Book(now)
        book.used_at, book.allowance = now, key.allowance
        return book

    def _send(self, now: datetime) -> tuple[dict[Place, Amount], set[Place]]:
        added: dict[Place, Amount] = {}
        wanted: set[Place] = set()
        with self._lock:
            for key, book in self._books.items():
                sent = book.send()
                added |= {(key, span): amount for span, amount in sent.items()}
                if _is_limited(book.allowance):
                    before = _minutes_near(now) & {*book.kept, *sent}
                    spans = {*_spans(book.allowance, now), *before}
                    wanted |= {(key, span) for span in spans}
        return added, wanted

    def _take_back(self) -> None:
        with self._lock:
            for book in self._books.values():
                book.take_back()

    def _hear(self, totals: dict[Place, Amount], wanted: set[Place], now: datetime) -> None:
        with self._lock:
            for book in self._books.values():
                book.kept, book.sent = {}, {}
            for key, span in wanted:
                self._books[key].kept[span] = totals.get((key, span), NOTHING)
                self._books[key].loaded = True
            idle = [
                key
                for key, book in self._books.items()
                if not book.added and abs(now - book.used_at) > IDLE
            ]
            for key in idle:
                del self._books[key]

    def _sweep(self, now: datetime) -> None:
        minute = minute_of(now)
        if minute != self._swept:
            self._spending.sweep(now)
            self._swept = minute


def _is_paced(allowance: Allowance) -> bool:
    return allowance.requests_per_minute is not None or allowance.tokens_per_minute is not None


def _is_limited(allowance: Allowance) -> bool:
    return _is_paced(allowance) or allowance.monthly_budget is not None


def _spans(allowance: Allowance, now: datetime) -> tuple[str, str]:
    """What a limit may ask for."""
    return minute_of(now), month_of(now, allowance.currency)


def _minutes_near(now: datetime) -> set[str]:
    """To which the clock may come back."""
    minutes = range(-NEARBY_MINUTES, NEARBY_MINUTES + 1)
    return {minute_of(now + timedelta(minutes=away)) for away in minutes}


def _refuse_over_budget(allowance: Allowance, book: Book, now: datetime) -> None:
    budget = allowance.monthly_budget
    if budget is None:
        return
    spent = book.spent(month_of(now, allowance.currency))
    if spent.cost_nano >= nano(budget):
        said = f"the key's budget of {budget} {allowance.currency} for this month is spent"
        raise TooMany(said, limit="budget")


def _refuse_over_limit(allowance: Allowance, book: Book, now: datetime) -> None:
    spent = book.spent(minute_of(now))
    requests, tokens = allowance.requests_per_minute, allowance.tokens_per_minute
    if requests is not None and spent.requests >= requests:
        raise _too_many(f"{requests} requests", "requests", now)
    if tokens is not None and spent.tokens >= tokens:
        raise _too_many(f"{tokens} tokens", "tokens", now)


def _too_many(what: str, limit: str, now: datetime) -> TooMany:
    said = f"the key's limit of {what} per minute is reached; try again in {_reset(now)}"
    return TooMany(said, limit=limit, retry_after_s=_rest_s(now))


def _rest_s(now: datetime) -> float:
    """Seconds until the next minute."""
    return MINUTE_S - now.second - now.microsecond / 1_000_000


def _reset(now: datetime) -> str:
    return f"{math.ceil(_rest_s(now))}s"


def _headers(allowance: Allowance, spent: Amount, now: datetime) -> dict[str, str]:
    """As OpenAI says them."""
    headers = {}
    limits = {
        "requests": (allowance.requests_per_minute, spent.requests),
        "tokens": (allowance.tokens_per_minute, spent.tokens),
    }
    for what, (limit, used) in limits.items():
        if limit is not None:
            headers[f"x-ratelimit-limit-{what}"] = str(limit)
            headers[f"x-ratelimit-remaining-{what}"] = str(max(0, limit - used))
            headers[f"x-ratelimit-reset-{what}"] = _reset(now)
    return headers
