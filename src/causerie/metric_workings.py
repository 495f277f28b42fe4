"""How the numbers of metrics are worked out, each of a row of sums over conversations or calls."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from causerie.costs import Sums
from causerie.uncertainty import (
    UNKNOWN,
    Clumps,
    Value,
    clumped_share,
    counted,
    divided,
    share,
)

SIGNALS = (
    "reasked",
    "rejected",
    "gave_up",
    "complained",
    "thanked",
    "apologised",
    "refused",
)


@dataclass(frozen=True)
class Frame:
    """What a number is of, beside its sums: a bucket of so many days, or the whole span."""

    days: int
    is_whole: bool
    currency: str = ""


Row = Mapping[str, Any]
Working = Callable[[Row, Frame], Value]


def _number(row: Row, name: str) -> Any:
    return row.get(name) or 0


def count(name: str, squares: str = "") -> Working:
    """A sum over conversations; without squares, of one for each that is counted."""

    def work(row: Row, frame: Frame) -> Value:
        value = int(_number(row, name))
        spread = float(_number(row, squares)) if squares else float(value)
        return counted(value, spread, int(_number(row, "conversations")))

    return work


def daily(row: Row, frame: Frame) -> Value:
    days = int(_number(row, "user_days"))
    return counted(days, float(days), int(_number(row, "conversations")), float(frame.days))


def active(row: Row, frame: Frame) -> Value:
    users = int(_number(row, "users"))
    return counted(users, float(users), users)


def new(row: Row, frame: Frame) -> Value:
    users = int(_number(row, "new_in_span" if frame.is_whole else "new_in_bucket"))
    return counted(users, float(users), int(_number(row, "users")))


def returning(row: Row, frame: Frame) -> Value:
    users = int(_number(row, "users"))
    again = users - int(new(row, frame).value or 0)
    return counted(again, float(again), users)


def messages_each(row: Row, frame: Frame) -> Value:
    conversations, messages = int(_number(row, "conversations")), float(_number(row, "messages"))
    squared = float(_number(row, "messages_squared"))
    sums = Clumps(messages, conversations, squared, messages, conversations, conversations)
    return divided(sums, conversations, least=0.0)


def mood(row: Row, frame: Frame) -> Value:
    sums = Clumps(
        number=float(_number(row, "feeling")),
        by=float(_number(row, "scored")),
        squared=float(_number(row, "feeling_squared")),
        crossed=float(_number(row, "feeling_scored")),
        by_squared=float(_number(row, "scored_squared")),
        count=int(_number(row, "felt")),
    )
    return divided(sums, int(sums.by), -1.0, 1.0)


def rating(row: Row, frame: Frame) -> Value:
    """The mean of +1 and -1: twice the share that is up, less one."""
    up = clumped_share(_thumbs(row))
    if up.value is None or up.low is None or up.high is None:
        return UNKNOWN
    return Value(2 * float(up.value) - 1, up.sample, 2 * up.low - 1, 2 * up.high - 1)


def _thumbs(row: Row) -> Clumps:
    up, down = int(_number(row, "thumbs_up")), int(_number(row, "thumbs_down"))
    return Clumps(
        number=up,
        by=up + down,
        squared=float(_number(row, "up_squared")),
        crossed=float(_number(row, "up_rated")),
        by_squared=float(_number(row, "rated_squared")),
        count=int(_number(row, "raters")),
    )


def up_share(row: Row, frame: Frame) -> Value:
    return clumped_share(_thumbs(row))


def pass_rate(row: Row, frame: Frame) -> Value:
    sums = Clumps(
        number=float(_number(row, "passed")),
        by=float(_number(row, "decided")),
        squared=float(_number(row, "passed_squared")),
        crossed=float(_number(row, "passed_decided")),
        by_squared=float(_number(row, "decided_squared")),
        count=int(_number(row, "talks_decided")),
    )
    found = clumped_share(sums)
    return replace(found, missing=int(_number(row, "undecided")))


def rated(row: Row, frame: Frame) -> Value:
    thumbs = _thumbs(row)
    return counted(int(thumbs.by), thumbs.by_squared, int(thumbs.count))


def part(name: str, of: str) -> Working:
    """A share of conversations."""
    return lambda row, frame: share(int(_number(row, name)), int(_number(row, of)))


def languages(row: Row, frame: Frame) -> Value:
    understood = int(_number(row, "understood"))
    if _number(row, "conversations") and not understood:
        return UNKNOWN
    return Value(int(_number(row, "languages")), understood)


def signal(name: str) -> Working:
    place = SIGNALS.index(name)

    def work(row: Row, frame: Frame) -> Value:
        found = row.get("signalled") or (0,) * len(SIGNALS)
        return share(int(found[place]), int(_number(row, "understood")))

    return work


# ---- those of calls ---------------------------------------------------------------------------


def _clump(row: Row) -> float:
    """How many calls go together: those of a conversation do."""
    conversations = _number(row, "conversations")
    return max(_number(row, "calls") / conversations, 1.0) if conversations else 1.0


def calls(name: str, squares: str = "") -> Working:
    """A sum over calls; without squares, of one for each that is counted."""

    def work(row: Row, frame: Frame) -> Value:
        value = int(_number(row, name))
        spread = float(_number(row, squares)) if squares else float(value)
        return counted(value, spread * _clump(row), int(_number(row, "calls")))

    return work


def tokens(row: Row, frame: Frame) -> Value:
    value = int(_number(row, "input_tokens")) + int(_number(row, "output_tokens"))
    squares = float(_number(row, "tokens_squared")) * _clump(row)
    return counted(value, squares, int(_number(row, "calls")))


def cached(row: Row, frame: Frame) -> Value:
    calls, told = int(_number(row, "calls")), int(_number(row, "told"))
    if row.get("cached_tokens") is None:
        return Value(None if calls else 0, 0, missing=calls)
    squares = float(_number(row, "cached_squared")) * _clump(row)
    found = counted(int(row["cached_tokens"]), squares, told)
    return Value(found.value, told, found.low, found.high, calls - told)


def cached_share(row: Row, frame: Frame) -> Value:
    told = int(_number(row, "told_tokens"))
    if row.get("cached_tokens") is None or not told:
        return UNKNOWN
    # Tokens of one call go together, and so do the calls of a conversation.
    clump = float(_number(row, "input_squared")) / max(int(_number(row, "input_tokens")), 1)
    found = share(int(row["cached_tokens"]), told, clump * _clump(row))
    return Value(found.value, int(_number(row, "told")), found.low, found.high)


def error_share(row: Row, frame: Frame) -> Value:
    return share(int(_number(row, "errors")), int(_number(row, "calls")), _clump(row))


def cost(row: Row, frame: Frame) -> Value:
    sums = Sums(costs=row.get("costs") or {}, unpriced=int(_number(row, "unpriced")))
    value, priced = sums.cost(frame.currency), int(_number(row, "priced"))
    if value is None:
        return Value(None, priced, missing=sums.unpriced)
    squares = float((row.get("costs_squared") or {}).get(frame.currency, 0.0)) * _clump(row)
    found = counted(value, squares, priced)
    return Value(value, priced, found.low, found.high, sums.unpriced)


def time(name: str, sample: str) -> Working:
    def work(row: Row, frame: Frame) -> Value:
        if row.get(name) is None:
            return UNKNOWN
        low, high = row[name.replace("_ms", "_around")]
        ends = (None if low is None else float(low), None if high is None else float(high))
        return Value(int(row[name]), int(row[sample]), *ends)

    return work
