"""Every number that is tracked."""

from __future__ import annotations

from collections.abc import Mapping

from causerie import metric_workings as work
from causerie.errors import NotFound
from causerie.metrics import Metric, Source, Summing
from causerie.wording import say

_ADDED, _DISTINCT, _MEAN = Summing.ADDED, Summing.DISTINCT, Summing.MEAN
_SHARE, _QUANTILE = Summing.SHARE, Summing.QUANTILE
_CALLS, _PEOPLE = Source.CALLS, Source.PEOPLE


OF_CONVERSATIONS = [
    Metric(
        "conversations",
        say("Conversations"),
        say("How many conversations began."),
        "conversations",
        "conversations",
        _ADDED,
        work.count("conversations"),
    ),
    Metric(
        "messages",
        say("Messages"),
        say("How many messages, tool calls and events the conversations hold that began."),
        "messages",
        "conversations",
        _ADDED,
        work.count("messages", "messages_squared"),
        rank="messages",
    ),
    Metric(
        "user_messages",
        say("Messages of users"),
        say("How many messages users wrote in the conversations that began."),
        "messages",
        "conversations",
        _ADDED,
        work.count("user_messages", "user_messages_squared"),
        rank="user_messages",
    ),
    Metric(
        "assistant_messages",
        say("Messages of assistants"),
        say("How many messages assistants wrote in the conversations that began."),
        "messages",
        "conversations",
        _ADDED,
        work.count("assistant_messages", "assistant_messages_squared"),
        rank="assistant_messages",
    ),
    Metric(
        "messages_per_conversation",
        say("Messages per conversation"),
        say("How many messages, tool calls and events a conversation holds, on average."),
        "ratio",
        "conversations",
        _MEAN,
        work.messages_each,
    ),
    Metric(
        "users",
        say("Users"),
        say("How many different people began a conversation; a person is a user id of a tenant."),
        "users",
        "conversations",
        _DISTINCT,
        work.count("users"),
        rank="users",
    ),
    Metric(
        "daily_active_users",
        say("Daily active users"),
        say("How many different people began a conversation on a day, on average over its days."),
        "users",
        "conversations",
        _DISTINCT,
        work.daily,
        rank="users",
    ),
    Metric(
        "weekly_active_users",
        say("Weekly active users"),
        say("How many different people began a conversation in the 7 days that end with its last."),
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
        say("Monthly active users"),
        say(
            "How many different people began a conversation in the 30 days that end with its last."
        ),
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
        say("New users"),
        say("How many people began their first conversation of all."),
        "users",
        "users",
        _DISTINCT,
        work.new,
        rank="users",
    ),
    Metric(
        "returning_users",
        say("Returning users"),
        say("How many people began a conversation who had begun one before it."),
        "users",
        "users",
        _DISTINCT,
        work.returning,
        rank="users",
    ),
    Metric(
        "mood",
        say("Mood"),
        say("How pleased users sound, from -1 to 1: the mean over their messages."),
        "position",
        "messages",
        _MEAN,
        work.mood,
        rank="scored",
    ),
    Metric(
        "positive_share",
        say("Conversations in a good mood"),
        say("The share of conversations whose mood is over 0.25, of those that have one."),
        "share",
        "conversations",
        _SHARE,
        work.part("positive", "felt"),
    ),
    Metric(
        "negative_share",
        say("Conversations in a bad mood"),
        say("The share of conversations whose mood is under -0.25, of those that have one."),
        "share",
        "conversations",
        _SHARE,
        work.part("negative", "felt"),
    ),
    Metric(
        "rating",
        say("Rating"),
        say("The mean thumb, from -1 (down) to 1 (up)."),
        "position",
        "ratings",
        _MEAN,
        work.rating,
        rank="rated",
    ),
    Metric(
        "thumbs_up_share",
        say("Thumbs up among ratings"),
        say("The share of thumbs that are up."),
        "share",
        "ratings",
        _SHARE,
        work.up_share,
        rank="rated",
    ),
    Metric(
        "rated_messages",
        say("Rated messages"),
        say("How many messages carry a thumb."),
        "messages",
        "conversations",
        _ADDED,
        work.rated,
        rank="rated",
    ),
    Metric(
        "languages",
        say("Languages"),
        say("How many languages conversations were held in."),
        "languages",
        "conversations",
        _DISTINCT,
        work.languages,
    ),
]
"""Volume, people, mood, ratings, languages."""


OF_SIGNALS = [
    Metric(
        "reasked_share",
        say("Asked again"),
        say(
            "The share of conversations in which users asked the same again, of those that "
            "were understood."
        ),
        "share",
        "conversations",
        _SHARE,
        work.signal("reasked"),
    ),
    Metric(
        "rejected_share",
        say("Rejected the answer"),
        say(
            "The share of conversations in which users said that an answer is wrong, of "
            "those that were understood."
        ),
        "share",
        "conversations",
        _SHARE,
        work.signal("rejected"),
    ),
    Metric(
        "gave_up_share",
        say("Gave up"),
        say("The share of conversations in which users gave up, of those that were understood."),
        "share",
        "conversations",
        _SHARE,
        work.signal("gave_up"),
    ),
    Metric(
        "complained_share",
        say("Complained"),
        say("The share of conversations in which users complained, of those that were understood."),
        "share",
        "conversations",
        _SHARE,
        work.signal("complained"),
    ),
    Metric(
        "thanked_share",
        say("Said thanks"),
        say(
            "The share of conversations in which users said thanks, of those that were understood."
        ),
        "share",
        "conversations",
        _SHARE,
        work.signal("thanked"),
    ),
    Metric(
        "apologised_share",
        say("Assistant apologised"),
        say(
            "The share of conversations in which the assistant apologised, of those that "
            "were understood."
        ),
        "share",
        "conversations",
        _SHARE,
        work.signal("apologised"),
    ),
    Metric(
        "refused_share",
        say("Assistant refused"),
        say(
            "The share of conversations in which the assistant refused to help, of those "
            "that were understood."
        ),
        "share",
        "conversations",
        _SHARE,
        work.signal("refused"),
    ),
]
"""Shares of conversations in which something was said outright."""

OF_CALLS = [
    Metric(
        "calls",
        say("Calls"),
        say("How many calls of models went through the gateway."),
        "calls",
        "calls",
        _ADDED,
        work.calls("calls"),
        source=_CALLS,
    ),
    Metric(
        "errors",
        say("Errors"),
        say("How many calls ended in an error."),
        "calls",
        "calls",
        _ADDED,
        work.calls("errors"),
        source=_CALLS,
        rank="errors",
    ),
    Metric(
        "error_share",
        say("Errors among calls"),
        say("The share of calls that ended in an error."),
        "share",
        "calls",
        _SHARE,
        work.error_share,
        source=_CALLS,
    ),
    Metric(
        "input_tokens",
        say("Input tokens"),
        say("How many tokens models read."),
        "tokens",
        "calls",
        _ADDED,
        work.calls("input_tokens", "input_squared"),
        source=_CALLS,
        rank="input_tokens",
    ),
    Metric(
        "cached_tokens",
        say("Cached tokens"),
        say("How many of the tokens read came from caches of the providers that say so."),
        "tokens",
        "calls",
        _ADDED,
        work.cached,
        source=_CALLS,
        rank="cached_tokens",
    ),
    Metric(
        "cached_share",
        say("Input from caches"),
        say("The share of the tokens read that came from caches, of the providers that say so."),
        "share",
        "calls",
        _SHARE,
        work.cached_share,
        source=_CALLS,
        rank="input_tokens",
    ),
    Metric(
        "output_tokens",
        say("Output tokens"),
        say("How many tokens models wrote."),
        "tokens",
        "calls",
        _ADDED,
        work.calls("output_tokens", "output_squared"),
        source=_CALLS,
        rank="output_tokens",
    ),
    Metric(
        "tokens",
        say("Tokens"),
        say("How many tokens models read and wrote."),
        "tokens",
        "calls",
        _ADDED,
        work.tokens,
        source=_CALLS,
        rank="tokens",
    ),
    Metric(
        "cost",
        say("Cost"),
        say("What the calls cost whose price is known, in one currency."),
        "money",
        "calls",
        _ADDED,
        work.cost,
        source=_CALLS,
        rank="cost",
    ),
    Metric(
        "latency_median",
        say("Latency, median"),
        say("Half of the calls that were answered took no longer than this."),
        "ms",
        "calls",
        _QUANTILE,
        work.time("total_p50_ms", "answered"),
        source=_CALLS,
    ),
    Metric(
        "latency_p95",
        say("Latency, 95th percentile"),
        say("95 %% of the calls that were answered took no longer than this."),
        "ms",
        "calls",
        _QUANTILE,
        work.time("total_p95_ms", "answered"),
        source=_CALLS,
    ),
    Metric(
        "first_token_median",
        say("First token, median"),
        say("Half of the calls that streamed had their first token by then."),
        "ms",
        "calls",
        _QUANTILE,
        work.time("first_p50_ms", "streams"),
        source=_CALLS,
    ),
    Metric(
        "first_token_p95",
        say("First token, 95th percentile"),
        say("95 %% of the calls that streamed had their first token by then."),
        "ms",
        "calls",
        _QUANTILE,
        work.time("first_p95_ms", "streams"),
        source=_CALLS,
    ),
]
"""Tokens, money, time, errors."""


METRICS: Mapping[str, Metric] = {
    metric.name: metric for metric in (*OF_CONVERSATIONS, *OF_SIGNALS, *OF_CALLS)
}
"""Every metric by its name, in the order in which they are listed."""


PASS_RATE = "pass_rate"
"""A kind of metric with a key: the name of an online evaluator."""
NAME_CHARS_MAX = 64


def pass_rate(evaluator: str) -> Metric:
    """How much of what an online evaluator judged passes."""
    return Metric(
        f"{PASS_RATE}:{evaluator}",
        say("Pass rate of “%(name)s”", name=evaluator),
        say(
            "The share of answers that passed, of those that the online evaluator judged, in the "
            "conversations that began."
        ),
        "share",
        "answers",
        _SHARE,
        work.pass_rate,
        rank="decided",
    )


def find_metric(name: str) -> Metric | None:
    """A metric by its name, `pass_rate:NAME` for that of an online evaluator."""
    kind, _, key = name.partition(":")
    if kind == PASS_RATE and 0 < len(key) <= NAME_CHARS_MAX and "\0" not in key:
        return pass_rate(key)
    return METRICS.get(name)


def metric_of(name: str) -> Metric:
    """The same. Raises NotFound where there is none."""
    if (found := find_metric(name)) is None:
        raise NotFound(f"no metric {name!r}", field="metric")
    return found
