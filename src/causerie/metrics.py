"""What a metric is: what it is called, what it means, how it is summed, from what, and what it can
be split by. `metric_catalogue.py` has them all.

A number is worked out of the sums over a part of some conversations, or of some calls, as
`store/sql/metrics` makes them. Conversations count when they began within the span, calls when they
were made within it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from causerie.errors import Invalid
from causerie.metric_workings import Working

CONVERSATION_SPLITS = (
    "topic",
    "language",
    "model",
    "mood",
    "signal",
    "rating",
    "standing",
    "tenant",
    "source",
    "user",
    "conversation",
)
CALL_SPLITS = (*CONVERSATION_SPLITS, "endpoint", "key")
META = "meta"
"""A split by the values of one key of the metadata: `meta:plan`."""
EVALUATION = "evaluation"
"""A split by what an online evaluator said: `evaluation:Refuses`."""
KEYED = (META, EVALUATION)
"""Splits that need a key."""


class Source(StrEnum):
    """What a number is worked out of."""

    CONVERSATIONS = "conversations"
    PEOPLE = "people"
    """Days on which people came, some of them before the span."""
    CALLS = "calls"


class Summing(StrEnum):
    """How the numbers of parts, or of days, hang together with that of all."""

    ADDED = "added"
    """It is their sum; of topics and signals it is less, as one conversation may have several."""
    DISTINCT = "distinct"
    """It is less than their sum: whoever comes twice counts once."""
    MEAN = "mean"
    """It is the mean over all that they are made of, not the mean of theirs."""
    SHARE = "share"
    """It is the share of all that they are made of."""
    QUANTILE = "quantile"
    """It is worked out anew of all that they are made of."""


@dataclass(frozen=True)
class Metric:
    """One number. `unit` is what it is of (`users`), or `share`, `position` (-1 to 1), `ratio`,
    `ms`, `money`; `of` is what its sample is of.
    """

    name: str
    """With a key where it needs one: `pass_rate:Refuses`."""
    title: str
    definition: str
    unit: str
    of: str
    summing: Summing
    working: Working
    source: Source = Source.CONVERSATIONS
    rank: str = ""
    """What the largest parts of a split have most of; of conversations or calls where empty."""
    window: int = 0
    """Days within which somebody must have come, the last of a bucket and those before."""

    @property
    def kind(self) -> str:
        """Its name without a key."""
        return self.name.partition(":")[0]

    @property
    def key(self) -> str:
        """What it needs beside its kind, such as the name of an evaluator."""
        return self.name.partition(":")[2]

    @property
    def splits(self) -> tuple[str, ...]:
        """What it can be split by, beside a key of the metadata."""
        return CALL_SPLITS if self.source is Source.CALLS else CONVERSATION_SPLITS

    @property
    def told_splits(self) -> tuple[str, ...]:
        """The same for people, with what needs a key."""
        return (*self.splits, f"{META}:KEY", f"{EVALUATION}:NAME")

    @property
    def is_sampled(self) -> bool:
        """Whether it is a mean, a share or the like, of which a small sample tells little."""
        return self.summing in (Summing.MEAN, Summing.SHARE, Summing.QUANTILE)


@dataclass(frozen=True)
class Split:
    """What parts are told apart by: one of `CALL_SPLITS`, the values of a key of metadata, or what
    an online evaluator said.
    """

    name: str = ""
    key: str = ""

    def __str__(self) -> str:
        return f"{self.name}:{self.key}" if self.key else self.name


WHOLE = Split()


def split_of(text: str, metric: Metric) -> Split:
    """A split by its name, `meta:KEY` for metadata, `evaluation:NAME` for what an evaluator said;
    of nothing for no name. Raises Invalid.
    """
    name, colon, key = text.partition(":")
    if name in KEYED and key:
        return Split(name, key)
    if not text:
        return WHOLE
    if colon or name not in metric.splits:
        known = ", ".join(metric.told_splits)
        raise Invalid(f"split: {metric.name} is split by one of {known}", field="split")
    return Split(name)
