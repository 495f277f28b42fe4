"""Every number that is tracked."""

from __future__ import annotations

from collections.abc import Mapping

from causerie import metric_workings as work
from causerie.errors import NotFound
from causerie.metrics import Metric, Source, Summing

_ADDED, _DISTINCT, _MEAN = Summing.ADDED, Summing.DISTINCT, Summing.MEAN
_SHARE, _QUANTILE = Summing.SHARE, Summing.QUANTILE
_CALLS, _PEOPLE = Source.CALLS, Source.PEOPLE


def _of_conversations() -> list[Metric]:
    """Volume, people, mood, ratings, languages."""
    return [
        Metric(
            "conversations",
            "Conversations",
            "How many conversations began.",
            "conversations",
            "conversations",
            _ADDED,
            work.count("conversations"),
        ),
        Metric(
            "messages",
            "Messages",
            "How many messages, tool calls and events the conversations hold that began.",
            "messages",
            "conversations",
            _ADDED,
            work.count("messages", "messages_squared"),
            rank="messages",
        ),
        Metric(
            "user_messages",
            "Messages of users",
            "How many messages users wrote in the conversations that began.",
            "messages",
            "conversations",
            _ADDED,
            work.count("user_messages", "user_messages_squared"),
            rank="user_messages",
        ),
        Metric(
            "assistant_messages",
            "Messages of assistants",
            "How many messages assistants wrote in the conversations that began.",
            "messages",
            "conversations",
            _ADDED,
            work.count("assistant_messages", "assistant_messages_squared"),
            rank="assistant_messages",
        ),
        Metric(
            "messages_per_conversation",
            "Messages per conversation",
            "How many messages, tool calls and events a conversation holds, on average.",
            "ratio",
            "conversations",
            _MEAN,
            work.messages_each,
        ),
        Metric(
            "users",
            "Users",
            "How many different people began a conversation; a person is a user id of a tenant.",
            "users",
            "conversations",
            _DISTINCT,
            work.count("users"),
            rank="users",
        ),
        Metric(
            "daily_active_users",
            "Daily active users",
            "How many different people began a conversation on a day, on average over its days.",
            "users",
            "conversations",
            _DISTINCT,
            work.daily,
            rank="users",
        ),
        Metric(
            "weekly_active_users",
            "Weekly active users",
            "How many different people began a conversation in the 7 days that end with its last.",
            "users",
            "users",
            _DISTINCT,
            work.active,
            source=_PEOPLE,
            rank="users",
            window=7,
        ),
        Metric(
            "monthly_active_users",
            "Monthly active users",
            "How many different people began a conversation in the 30 days that end with its last.",
            "users",
            "users",
            _DISTINCT,
            work.active,
            source=_PEOPLE,
            rank="users",
            window=30,
        ),
        Metric(
            "new_users",
            "New users",
            "How many people began their first conversation of all.",
            "users",
            "users",
            _DISTINCT,
            work.new,
            rank="users",
        ),
        Metric(
            "returning_users",
            "Returning users",
            "How many people began a conversation who had begun one before it.",
            "users",
            "users",
            _DISTINCT,
            work.returning,
            rank="users",
        ),
        Metric(
            "mood",
            "Mood",
            "How pleased users sound, from -1 to 1: the mean over their messages.",
            "position",
            "messages",
            _MEAN,
            work.mood,
            rank="scored",
        ),
        Metric(
            "positive_share",
            "Conversations in a good mood",
            "The share of conversations whose mood is over 0.25, of those that have one.",
            "share",
            "conversations",
            _SHARE,
            work.part("positive", "felt"),
        ),
        Metric(
            "negative_share",
            "Conversations in a bad mood",
            "The share of conversations whose mood is under -0.25, of those that have one.",
            "share",
            "conversations",
            _SHARE,
            work.part("negative", "felt"),
        ),
        Metric(
            "rating",
            "Rating",
            "The mean thumb, from -1 (down) to 1 (up).",
            "position",
            "ratings",
            _MEAN,
            work.rating,
            rank="rated",
        ),
        Metric(
            "thumbs_up_share",
            "Thumbs up among ratings",
            "The share of thumbs that are up.",
            "share",
            "ratings",
            _SHARE,
            work.up_share,
            rank="rated",
        ),
        Metric(
            "rated_messages",
            "Rated messages",
            "How many messages carry a thumb.",
            "messages",
            "conversations",
            _ADDED,
            work.rated,
            rank="rated",
        ),
        Metric(
            "languages",
            "Languages",
            "How many languages conversations were held in.",
            "languages",
            "conversations",
            _DISTINCT,
            work.languages,
        ),
    ]


def _of_signals() -> list[Metric]:
    """Shares of conversations in which something was said outright."""
    told = {
        "reasked": ("Asked again", "users asked the same again"),
        "rejected": ("Rejected the answer", "users said that an answer is wrong"),
        "gave_up": ("Gave up", "users gave up"),
        "complained": ("Complained", "users complained"),
        "thanked": ("Said thanks", "users said thanks"),
        "apologised": ("Assistant apologised", "the assistant apologised"),
        "refused": ("Assistant refused", "the assistant refused to help"),
    }
    return [
        Metric(
            f"{name}_share",
            title,
            f"The share of conversations in which {what}, of those that were understood.",
            "share",
            "conversations",
            _SHARE,
            work.signal(name),
        )
        for name, (title, what) in told.items()
    ]


def _of_calls() -> list[Metric]:
    """Tokens, money, time, errors."""
    return [
        Metric(
            "calls",
            "Calls",
            "How many calls of models went through the gateway.",
            "calls",
            "calls",
            _ADDED,
            work.calls("calls"),
            source=_CALLS,
        ),
        Metric(
            "errors",
            "Errors",
            "How many calls ended in an error.",
            "calls",
            "calls",
            _ADDED,
            work.calls("errors"),
            source=_CALLS,
            rank="errors",
        ),
        Metric(
            "error_share",
            "Errors among calls",
            "The share of calls that ended in an error.",
            "share",
            "calls",
            _SHARE,
            work.error_share,
            source=_CALLS,
        ),
        Metric(
            "input_tokens",
            "Input tokens",
            "How many tokens models read.",
            "tokens",
            "calls",
            _ADDED,
            work.calls("input_tokens", "input_squared"),
            source=_CALLS,
            rank="input_tokens",
        ),
        Metric(
            "cached_tokens",
            "Cached tokens",
            "How many of the tokens read came from caches of the providers that say so.",
            "tokens",
            "calls",
            _ADDED,
            work.cached,
            source=_CALLS,
            rank="cached_tokens",
        ),
        Metric(
            "cached_share",
            "Input from caches",
            "The share of the tokens read that came from caches, of the providers that say so.",
            "share",
            "calls",
            _SHARE,
            work.cached_share,
            source=_CALLS,
            rank="input_tokens",
        ),
        Metric(
            "output_tokens",
            "Output tokens",
            "How many tokens models wrote.",
            "tokens",
            "calls",
            _ADDED,
            work.calls("output_tokens", "output_squared"),
            source=_CALLS,
            rank="output_tokens",
        ),
        Metric(
            "tokens",
            "Tokens",
            "How many tokens models read and wrote.",
            "tokens",
            "calls",
            _ADDED,
            work.tokens,
            source=_CALLS,
            rank="tokens",
        ),
        Metric(
            "cost",
            "Cost",
            "What the calls cost whose price is known, in one currency.",
            "money",
            "calls",
            _ADDED,
            work.cost,
            source=_CALLS,
            rank="cost",
        ),
        Metric(
            "latency_median",
            "Latency, median",
            "Half of the calls that were answered took no longer than this.",
            "ms",
            "calls",
            _QUANTILE,
            work.time("total_p50_ms", "answered"),
            source=_CALLS,
        ),
        Metric(
            "latency_p95",
            "Latency, 95th percentile",
            "95 % of the calls that were answered took no longer than this.",
            "ms",
            "calls",
            _QUANTILE,
            work.time("total_p95_ms", "answered"),
            source=_CALLS,
        ),
        Metric(
            "first_token_median",
            "First token, median",
            "Half of the calls that streamed had their first token by then.",
            "ms",
            "calls",
            _QUANTILE,
            work.time("first_p50_ms", "streams"),
            source=_CALLS,
        ),
        Metric(
            "first_token_p95",
            "First token, 95th percentile",
            "95 % of the calls that streamed had their first token by then.",
            "ms",
            "calls",
            _QUANTILE,
            work.time("first_p95_ms", "streams"),
            source=_CALLS,
        ),
    ]


METRICS: Mapping[str, Metric] = {
    metric.name: metric for metric in (*_of_conversations(), *_of_signals(), *_of_calls())
}
"""Every metric by its name, in the order in which they are listed."""


def metric_of(name: str) -> Metric:
    """A metric by its name. Raises NotFound."""
    if name not in METRICS:
        raise NotFound(f"no metric {name!r}", field="metric")
    return METRICS[name]
