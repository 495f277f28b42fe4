"""The analytics tables, in one definition for the embedded engine, a server, and a cluster.

`conversations` has a row per conversation and answers lists, counts and series; `messages` has a
row per message and answers transcripts and text search. Both replace rows of the same sorting
key by the highest version, so that writing a batch twice changes nothing. `exchanges` has a row
per call of a model through the gateway, with what it took; its words are in the other two.
`meanings` has what is understood of a message: narrow rows, written again whenever topics change,
without the text. `outcomes` has what online evaluators said of an answer, a row per evaluator.

A column that a later version needs goes into its table's dictionary, and nowhere else: tables that
an earlier version made get it when they are opened. Its rows of then hold the type's default.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

COLUMNS_OF_CONVERSATIONS = {
    "project": "LowCardinality(String)",
    "started_at": "DateTime64(6, 'UTC')",
    "tenant": "String",
    "id": "String",
    "ended_at": "DateTime64(6, 'UTC')",
    "user": "String",
    "model": "LowCardinality(String)",
    "metadata": "Map(LowCardinality(String), String)",
    "feedback": "String CODEC(ZSTD(1))",
    "source": "LowCardinality(String)",
    "preview": "String CODEC(ZSTD(1))",
    "messages": "UInt32",
    "user_messages": "UInt32",
    "assistant_messages": "UInt32",
    "tools": "UInt32",
    "events": "UInt32",
    "thumbs_up": "UInt32",
    "thumbs_down": "UInt32",
    # What is understood of it; `meaning` and `judged` are 0 until it is.
    "language": "LowCardinality(String)",
    "sentiment": "Nullable(Float32)",
    "scored": "UInt32",
    "trend": "LowCardinality(String)",
    "signals": "Array(LowCardinality(String))",
    "topics": "Array(LowCardinality(String))",
    "suggested": "Array(LowCardinality(String))",
    "meaning": "UInt64",
    "judged": "UInt64",
    "version": "UInt64",
    "deleted": "UInt8",
}

COLUMNS_OF_MESSAGES = {
    "project": "LowCardinality(String)",
    "tenant": "String",
    "conversation": "String",
    "position": "UInt64",
    "id": "String",
    "at": "DateTime64(6, 'UTC')",
    "kind": "LowCardinality(String)",
    "role": "LowCardinality(String)",
    "text": "String CODEC(ZSTD(1))",
    "rating": "Int8",
    "name": "LowCardinality(String)",
    "thought": "String CODEC(ZSTD(1))",
    "input": "String CODEC(ZSTD(1))",
    "observation": "String CODEC(ZSTD(1))",
    "metadata": "Map(LowCardinality(String), String)",
    "masked": "Array(String)",
    "version": "UInt64",
    "deleted": "UInt8",
}

COLUMNS_OF_MEANINGS = {
    "project": "LowCardinality(String)",
    "tenant": "String",
    "conversation": "String",
    "position": "UInt64",
    "message": "String",
    "at": "DateTime64(6, 'UTC')",
    "user": "String",
    "role": "LowCardinality(String)",
    "language": "LowCardinality(String)",
    "sentiment": "Nullable(Float32)",
    "signals": "Array(LowCardinality(String))",
    "topics": "Array(LowCardinality(String))",
    "suggested": "LowCardinality(String)",
    "translation": "String CODEC(ZSTD(1))",
    "model": "LowCardinality(String)",
    # A byte per dimension, -127 to 127; cosines are those of reinterpret(vector, 'Array(Int8)').
    "vector": "String CODEC(NONE)",
    "revision": "UInt32",
    "version": "UInt64",
    "deleted": "UInt8",
}

COLUMNS_OF_EXCHANGES = {
    "project": "LowCardinality(String)",
    "at": "DateTime64(6, 'UTC')",
    "id": "String",
    "api": "LowCardinality(String)",
    "key": "LowCardinality(String)",
    "endpoint": "LowCardinality(String)",
    "model": "LowCardinality(String)",
    "upstream": "LowCardinality(String)",
    "user": "String",
    "tenant": "String",
    "conversation": "String",
    "context": "String",
    "first_token_ms": "Nullable(UInt32)",
    "total_ms": "UInt32",
    "input_tokens": "UInt32",
    # Nothing where the provider does not say.
    "cached_tokens": "Nullable(UInt32)",
    "output_tokens": "UInt32",
    "reasoning_tokens": "UInt32",
    "estimated": "UInt8",
    # Nothing where no price is known.
    "cost": "Nullable(Decimal(18, 9))",
    "currency": "LowCardinality(String)",
    "prices": "LowCardinality(String)",
    "finish_reason": "LowCardinality(String)",
    "status": "UInt16",
    "error": "String CODEC(ZSTD(1))",
    "streamed": "UInt8",
    "partial": "UInt8",
    "version": "UInt64",
    "deleted": "UInt8",
}

COLUMNS_OF_OUTCOMES = {
    "project": "LowCardinality(String)",
    # The name of the online evaluator.
    "evaluator": "LowCardinality(String)",
    "tenant": "String",
    "conversation": "String",
    "position": "UInt64",
    "message": "String",
    "at": "DateTime64(6, 'UTC')",
    "outcome": "LowCardinality(String)",
    "reason": "String CODEC(ZSTD(1))",
    # JSON of the same, to be said in the language of a page; empty where there is nothing of ours.
    "said": "String CODEC(ZSTD(1))",
    # What the evaluator asked by then.
    "revision": "UInt32",
    "judged_at": "DateTime64(6, 'UTC')",
    # How often a judge has failed, and when it is asked again: 1970 where it is not.
    "failures": "UInt8",
    "again_at": "DateTime64(6, 'UTC')",
    "version": "UInt64",
    "deleted": "UInt8",
}

SETTINGS = {
    # An insert that was acknowledged must outlive a power cut: the inbox forgets it.
    "fsync_after_insert": 1,
    "fsync_part_directory": 1,
    # So must the part that replaces others, because their files are soon taken away: what was
    # removed is to be off the disk within seconds, not whenever the engine comes round.
    "min_rows_to_fsync_after_merge": 1,
    "old_parts_lifetime": 1,
    "cleanup_delay_period": 1,
    "cleanup_delay_period_random_add": 0,
    "max_cleanup_delay_period": 2,
}


@dataclass(frozen=True)
class EventTable:
    """One table: columns in order, what sorts and identifies its rows, what spreads them."""

    name: str
    columns: dict[str, str]
    order: tuple[str, ...]
    shard: str
    indexes: tuple[str, ...] = ()

    def statements(self, cluster: str = "") -> list[str]:
        """The statements that make it, on one server or spread over a cluster."""
        if not cluster:
            return [self._create(self.name, "ReplacingMergeTree(version, deleted)", "")]
        local, _ = self.names(cluster)
        # {shard} and {replica} are the server's own macros, filled in by each node.
        replicated = (
            f"ReplicatedReplacingMergeTree('/clickhouse/tables/{{shard}}/{{database}}/{local}', "
            "'{replica}', version, deleted)"
        )
        spread = f"Distributed('{cluster}', currentDatabase(), '{local}', {self.shard})"
        on = f" ON CLUSTER '{cluster}'"
        return [
            self._create(local, replicated, on),
            f"CREATE TABLE IF NOT EXISTS {self.name}{on} AS {local} ENGINE = {spread}",
        ]

    def additions(self, name: str, present: Collection[str], cluster: str = "") -> list[str]:
        """The statements that give an older table, or its local half, the columns it lacks."""
        on = f" ON CLUSTER '{cluster}'" if cluster else ""
        before = ["", *self.columns]
        return [
            f"ALTER TABLE {name}{on} ADD COLUMN IF NOT EXISTS `{column}` {kind}"
            + (f" AFTER `{earlier}`" if earlier else " FIRST")
            for earlier, (column, kind) in zip(before, self.columns.items(), strict=False)
            if column not in present
        ]

    def names(self, cluster: str = "") -> tuple[str, ...]:
        """The tables that stand for it, in the order in which they may be changed."""
        return (f"{self.name}_local", self.name) if cluster else (self.name,)

    def _create(self, name: str, engine: str, on: str) -> str:
        lines = [f"`{column}` {kind}" for column, kind in self.columns.items()]
        columns = ",\n  ".join([*lines, *(f"INDEX {index}" for index in self.indexes)])
        return (
            f"CREATE TABLE IF NOT EXISTS {name}{on} (\n  {columns}\n)\n"
            f"ENGINE = {engine}\nORDER BY ({', '.join(self.order)})\n"
            f"SETTINGS {_listed(SETTINGS)}"
        )

    def settling(self, name: str, engine: str, cluster: str = "") -> list[str]:
        """The statement that gives an older table the settings it lacks, if there are any. `engine`
        is how the engine itself describes the table; what is only spread over a cluster has none.
        """
        lacking = {key: value for key, value in SETTINGS.items() if f"{key} = " not in engine}
        if "MergeTree" not in engine or not lacking:
            return []
        on = f" ON CLUSTER '{cluster}'" if cluster else ""
        return [f"ALTER TABLE {name}{on} MODIFY SETTING {_listed(lacking)}"]


def _listed(settings: Mapping[str, int]) -> str:
    return ", ".join(f"{name} = {value}" for name, value in settings.items())


CONVERSATIONS = EventTable(
    "conversations",
    COLUMNS_OF_CONVERSATIONS,
    ("project", "started_at", "tenant", "id"),
    "cityHash64(project, tenant, id)",
    # Sorted by time for the reports; this finds one by its id.
    ("by_id id TYPE bloom_filter(0.01) GRANULARITY 1",),
)
MESSAGES = EventTable(
    "messages",
    COLUMNS_OF_MESSAGES,
    ("project", "tenant", "conversation", "position", "id"),
    "cityHash64(project, tenant, conversation)",
)
EXCHANGES = EventTable(
    "exchanges", COLUMNS_OF_EXCHANGES, ("project", "at", "id"), "cityHash64(project, id)"
)
MEANINGS = EventTable(
    "meanings",
    COLUMNS_OF_MEANINGS,
    ("project", "tenant", "conversation", "position", "message"),
    "cityHash64(project, tenant, conversation)",
)
OUTCOMES = EventTable(
    "outcomes",
    COLUMNS_OF_OUTCOMES,
    # Reports are about one evaluator at a time.
    ("project", "evaluator", "tenant", "conversation", "position", "message"),
    "cityHash64(project, tenant, conversation)",
)
TABLES = (CONVERSATIONS, MESSAGES, EXCHANGES, MEANINGS, OUTCOMES)
