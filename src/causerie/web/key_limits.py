"""The limits of keys on the page of keys: their form, and what was spent against them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation

from causerie.accounts import Access, Allowance, Key, Logging, check_allowance
from causerie.costs import CallQuestion, Costs, Sums
from causerie.errors import Invalid, Unavailable
from causerie.store.spending import NANO_DIGITS, Spending, month_of
from causerie.web.amounts import price as written
from causerie.wording import say

KEYS_SUMMED_MAX = 1_000
MAY = "may:"
"""Before the id of an endpoint, in the name of the box that lets a key call it."""
LOGGINGS = {
    Logging.EVERYTHING: say("What is said, and what it takes"),
    Logging.USAGE: say("Only what it takes"),
    Logging.NOTHING: say("Nothing; only the limits are kept"),
}


@dataclass(frozen=True)
class Spent:
    """What a key spent in this calendar month, UTC."""

    sums: Sums | None
    """Its calls; None while nobody can say."""
    of_budget: Decimal | None
    """In the budget's currency, as the limit counts it; None where there is no budget."""


class Ledger:
    """Says what keys have spent this month. Raises Unavailable when the state store cannot be
    reached; without the analytics store it says less.
    """

    def __init__(self, costs: Costs, spending: Spending) -> None:
        self._costs = costs
        self._spending = spending

    def spent(self, project: str, keys: Sequence[Key], now: datetime) -> dict[str, Spent]:
        """By key, for those that can call the gateway."""
        callers = [key for key in keys if key.allows(Access.GATEWAY)]
        sums = self._sums(project, now) if callers else {}
        budgets = self._budgets(callers, now)
        return {
            key.id: Spent(
                None if sums is None else sums.get(key.id, Sums()),
                budgets.get(key.id),
            )
            for key in callers
        }

    def _sums(self, project: str, now: datetime) -> dict[str, Sums] | None:
        question = CallQuestion(
            project,
            month_start(now),
            now + timedelta(minutes=1),
            tenant=None,
            by="key",
            per_page=KEYS_SUMMED_MAX,
        )
        try:
            return {row.name: row.sums for row in self._costs.rows(question).rows}
        except Unavailable:
            return None

    def _budgets(self, keys: Sequence[Key], now: datetime) -> dict[str, Decimal]:
        places = {
            key.id: (key.id, month_of(now, key.allowance.currency))
            for key in keys
            if key.allowance.monthly_budget is not None
        }
        totals = self._spending.totals(list(places.values())) if places else {}
        return {
            key: totals[place].cost if place in totals else Decimal(0)
            for key, place in places.items()
        }


def month_start(now: datetime) -> datetime:
    """When this month began, UTC."""
    return now.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def shown_of(allowance: Allowance) -> dict[str, str]:
    """What the form shows of an allowance."""
    budget = allowance.monthly_budget
    return {
        "requests_per_minute": _text(allowance.requests_per_minute),
        "tokens_per_minute": _text(allowance.tokens_per_minute),
        "monthly_budget": "" if budget is None else written(budget),
        "currency": allowance.currency,
        "logging": allowance.logging.value,
        **{f"{MAY}{endpoint}": "on" for endpoint in allowance.endpoints or ()},
    }


def _text(limit: int | None) -> str:
    return "" if limit is None else str(limit)


def allowance_of(form: Mapping[str, str]) -> Allowance:
    """What the form says; an empty field is no limit. Raises Invalid, naming the field."""
    named = (name.removeprefix(MAY) for name in form if name.startswith(MAY) and form[name])
    try:
        logging = Logging(form.get("logging") or Logging.EVERYTHING)
    except ValueError as error:
        raise Invalid(say("choose what is logged"), field="logging") from error
    return check_allowance(
        Allowance(
            requests_per_minute=_limit(form, "requests_per_minute"),
            tokens_per_minute=_limit(form, "tokens_per_minute"),
            monthly_budget=_budget(form.get("monthly_budget", "").strip()),
            currency=form.get("currency", "").strip().upper() or "USD",
            endpoints=tuple(named) or None,
            logging=logging,
        )
    )


def _limit(form: Mapping[str, str], field: str) -> int | None:
    text = form.get(field, "").strip()
    try:
        return int(text) if text else None
    except ValueError as error:
        raise Invalid(say("“%(given)s” is not a number", given=text[:40]), field=field) from error


def _budget(text: str) -> Decimal | None:
    if not text:
        return None
    try:
        budget = Decimal(text)
        if budget.is_finite() and budget == round(budget, NANO_DIGITS):
            return budget
    except InvalidOperation:
        pass
    raise Invalid(say("a budget is an amount such as 50 or 12.50"), field="monthly_budget")
