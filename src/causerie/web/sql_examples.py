"""Queries to begin with: each answers a question that people have, over the span of the page."""

from __future__ import annotations

from dataclasses import dataclass

from causerie.wording import Wording, say


@dataclass(frozen=True)
class Example:
    """One query. `show` is how its result is best looked at."""

    name: Wording
    sql: str
    show: str = "table"


EXAMPLES = (
    Example(
        say("Conversations per week, by language"),
        """SELECT toStartOfWeek(started_at, 1) AS week, language, count() AS conversations
FROM conversations
WHERE started_at >= {since} AND started_at < {until}
GROUP BY week, language
ORDER BY week""",
        "line",
    ),
    Example(
        say("The unhappiest topics"),
        """SELECT topic, count() AS messages, uniq(user) AS users, round(avg(mood), 2) AS mood
FROM meanings
ARRAY JOIN topics AS topic
WHERE role = 'user' AND at >= {since} AND at < {until}
GROUP BY topic
HAVING messages >= 10
ORDER BY mood
LIMIT 20""",
    ),
    Example(
        say("What people wrote last, where the mood fell"),
        """SELECT c.id AS conversation, c.tenant AS tenant, c.user AS user,
  argMax(m.text, m.position) AS last_words
FROM conversations AS c
JOIN messages AS m ON m.conversation = c.id AND m.tenant = c.tenant
WHERE c.mood_trend = 'down' AND m.role = 'user' AND c.started_at >= {since}
GROUP BY conversation, tenant, user
LIMIT 50""",
    ),
    Example(
        say("Who gave more than one thumb down"),
        """SELECT user, tenant, sum(thumbs_down) AS down, sum(thumbs_up) AS up,
  max(ended_at) AS last_seen
FROM conversations
WHERE user != '' AND started_at >= {since} AND started_at < {until}
GROUP BY user, tenant
HAVING down > 1
ORDER BY down DESC
LIMIT 100""",
    ),
    Example(
        say("The hours at which people talk"),
        """SELECT toHour(started_at) AS hour, count() AS conversations
FROM conversations
WHERE started_at >= {since} AND started_at < {until}
GROUP BY hour
ORDER BY hour""",
        "bars",
    ),
    Example(
        say("Ratings of each model"),
        """SELECT model, count() AS conversations, sum(thumbs_up) AS up, sum(thumbs_down) AS down,
  round(up / (up + down), 2) AS share_up
FROM conversations
WHERE started_at >= {since} AND started_at < {until}
GROUP BY model
HAVING up + down > 0
ORDER BY share_up DESC""",
    ),
    Example(
        say("What a day costs, by model"),
        """SELECT toDate(at) AS day, model, sum(cost) AS cost
FROM exchanges
WHERE at >= {since} AND at < {until} AND currency = 'USD'
GROUP BY day, model
ORDER BY day""",
        "bars",
    ),
    Example(
        say("The slowest answers through the gateway"),
        """SELECT model, count() AS calls, quantile(0.5)(total_ms) AS median_ms,
  quantile(0.95)(total_ms) AS slow_ms, countIf(status >= 400) AS failed
FROM exchanges
WHERE at >= {since} AND at < {until}
GROUP BY model
ORDER BY slow_ms DESC""",
    ),
    Example(
        say("How often each tool is called, and how long its answers are"),
        """SELECT name AS tool, count() AS calls, uniq(tenant, conversation) AS conversations,
  round(avg(lengthUTF8(observation))) AS characters
FROM tools
WHERE at >= {since} AND at < {until}
GROUP BY tool
ORDER BY calls DESC""",
    ),
)
