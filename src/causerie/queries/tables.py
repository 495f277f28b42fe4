"""The tables that typed SQL sees, and what their columns mean."""

from __future__ import annotations

from dataclasses import dataclass, replace

from causerie.store.statements import statement
from causerie.wording import say


@dataclass(frozen=True)
class Column:
    """One column: its name, its type as the engine has it, and what it holds."""

    name: str
    type: str
    words: str


@dataclass(frozen=True)
class Table:
    """One table of the project. `statement` names the query that makes its rows."""

    statement: str
    words: str
    columns: tuple[Column, ...]

    @property
    def name(self) -> str:
        """What it is called in typed SQL."""
        return self.statement.rpartition("/")[2]

    @property
    def rows(self) -> str:
        """The query that makes its rows."""
        return statement(self.statement, {})


_TENANT = Column(
    "tenant", "String", say("whom the conversation was logged for; empty where nobody was named")
)
_AT = Column("at", "DateTime64(6)", say("when, in the project's time zone"))
_OF = Column("conversation", "String", say("id of the conversation that it is in"))
_POSITION = Column("position", "UInt64", say("its place in the conversation: sort by it"))
_MOOD = Column(
    "mood", "Nullable(Float32)", say("how pleased it sounds, -1 to 1; NULL where that is not known")
)
_MEAN_MOOD = replace(_MOOD, type="Nullable(Float64)")
_METADATA = Column(
    "metadata", "Map(String, String)", say("what the app logged with it: metadata['plan']")
)
_SIGNALS = Column(
    "signals",
    "Array(String)",
    say("what is said outright of how it goes, such as thanks or complaint"),
)

TABLES = (
    Table(
        "queries/conversations",
        say("A row per conversation."),
        (
            Column("id", "String", say("its id; unique within a tenant")),
            _TENANT,
            Column("user", "String", say("who talked; empty where nobody was named")),
            Column("started_at", "DateTime64(6)", say("when it began, in the project's time zone")),
            Column(
                "ended_at",
                "DateTime64(6)",
                say("when its latest message was sent, in the same zone"),
            ),
            Column("model", "String", say("the model that answered")),
            Column("source", "String", say("how it came here")),
            Column("preview", "String", say("how it begins")),
            Column("messages", "UInt32", say("how many messages it has")),
            Column("user_messages", "UInt32", say("how many of them are the user's")),
            Column("assistant_messages", "UInt32", say("how many of them are the assistant's")),
            Column("tools", "UInt32", say("how many calls of tools")),
            Column("events", "UInt32", say("how many events")),
            Column("thumbs_up", "UInt32", say("how many thumbs up")),
            Column("thumbs_down", "UInt32", say("how many thumbs down")),
            Column("feedback", "String", say("what the user wrote about it")),
            Column("language", "String", say("a code such as fr; empty where it is not known")),
            _MOOD,
            Column("mood_messages", "UInt32", say("how many messages that is the mean of")),
            Column("mood_trend", "String", say("where its mood went: up, flat, down, or empty")),
            _SIGNALS,
            Column("topics", "Array(String)", say("names of the topics that it is about")),
            _METADATA,
        ),
    ),
    Table(
        "queries/messages",
        say("A row per message, with its text: personal data is masked."),
        (
            _OF,
            Column("id", "String", say("its id")),
            _TENANT,
            _POSITION,
            _AT,
            Column("role", "String", say("user or assistant")),
            Column("text", "String", say("what was said")),
            Column("rating", "Int8", say("1 thumb up, -1 thumb down, 0 none")),
            Column(
                "masked", "Array(String)", say("which kinds of personal data were masked in it")
            ),
            _METADATA,
        ),
    ),
    Table(
        "queries/meanings",
        say("A row per understood message: join it to messages by conversation, tenant and id."),
        (
            _OF,
            Column("message", "String", say("id of the message")),
            _TENANT,
            _POSITION,
            _AT,
            Column("user", "String", say("who talked")),
            Column("role", "String", say("user or assistant")),
            Column("language", "String", say("a code such as fr")),
            _MOOD,
            _SIGNALS,
            Column("topics", "Array(String)", say("names of the topics that it is about")),
            Column(
                "translation", "String", say("its text in another language, where one was made")
            ),
        ),
    ),
    Table(
        "queries/evaluations",
        say("A row per answer and online evaluator: join it to messages as meanings."),
        (
            _OF,
            Column("message", "String", say("id of the answer")),
            _TENANT,
            _POSITION,
            _AT,
            Column("evaluator", "String", say("name of the online evaluator")),
            Column("outcome", "String", say("pass, fail or inconclusive")),
            Column("reason", "String", say("why")),
            Column(
                "judged_at", "DateTime64(6)", say("when it was judged, in the project's time zone")
            ),
        ),
    ),
    Table(
        "queries/users",
        say("A row per user and tenant, over all time."),
        (
            Column("user", "String", say("who")),
            _TENANT,
            Column("conversations", "UInt64", say("how many they had")),
            Column("messages", "UInt64", say("how many messages they sent")),
            Column("thumbs_up", "UInt64", say("how many thumbs up they gave")),
            Column("thumbs_down", "UInt64", say("how many thumbs down")),
            _MEAN_MOOD,
            Column("languages", "Array(String)", say("codes of the languages that they talked in")),
            Column("first_seen", "DateTime64(6)", say("when their first conversation began")),
            Column("last_seen", "DateTime64(6)", say("when their latest message was sent")),
        ),
    ),
    Table(
        "queries/topics",
        say("A row per topic that users talked about, over all time."),
        (
            Column("topic", "String", say("its name")),
            Column("theme", "String", say("the name of the theme that it is in; empty for none")),
            Column("messages", "UInt64", say("messages of users about it")),
            Column("conversations", "UInt64", say("conversations with such messages")),
            Column("users", "UInt64", say("users who sent them")),
            _MEAN_MOOD,
            Column("first_seen", "DateTime64(6)", say("when the first of them was sent")),
            Column("last_seen", "DateTime64(6)", say("when the latest was sent")),
        ),
    ),
    Table(
        "queries/events",
        say("A row per event that the app logged."),
        (
            _OF,
            Column("id", "String", say("its id")),
            _TENANT,
            _POSITION,
            _AT,
            Column("name", "String", say("what happened")),
            Column("text", "String", say("what the app wrote with it")),
            _METADATA,
        ),
    ),
    Table(
        "queries/tools",
        say("A row per call of a tool."),
        (
            _OF,
            Column("id", "String", say("its id")),
            _TENANT,
            _POSITION,
            _AT,
            Column("name", "String", say("which tool")),
            Column("thought", "String", say("why the assistant called it")),
            Column("input", "String", say("what it was given")),
            Column("observation", "String", say("what it answered")),
            _METADATA,
        ),
    ),
    Table(
        "queries/exchanges",
        say("A row per call of a model through the gateway, with what it took."),
        (
            Column("id", "String", say("its id")),
            _AT,
            Column("api", "String", say("which of the gateway's APIs")),
            Column("key", "String", say("name of the key that called")),
            Column("endpoint", "String", say("which endpoint")),
            Column("model", "String", say("which model")),
            Column("upstream", "String", say("which provider answered")),
            Column("user", "String", say("for whom")),
            _TENANT,
            Column("conversation", "String", say("id of the conversation that its words are in")),
            Column("context", "String", say("id of the context, if there is one")),
            Column(
                "first_token_ms", "Nullable(UInt32)", say("milliseconds until the answer began")
            ),
            Column("total_ms", "UInt32", say("milliseconds until it ended")),
            Column("input_tokens", "UInt32", say("tokens that were sent")),
            Column(
                "cached_tokens", "Nullable(UInt32)", say("of these, from the cache; NULL: not said")
            ),
            Column("output_tokens", "UInt32", say("tokens that came back")),
            Column("reasoning_tokens", "UInt32", say("of these, for thinking")),
            Column(
                "estimated",
                "Bool",
                say("whether the tokens were counted here, not by the provider"),
            ),
            Column(
                "cost",
                "Nullable(Decimal(18, 9))",
                say("what it cost; NULL where no price is known"),
            ),
            Column("currency", "String", say("in which currency")),
            Column("finish_reason", "String", say("why it ended")),
            Column("status", "UInt16", say("the HTTP status")),
            Column("error", "String", say("what went wrong")),
            Column("streamed", "Bool", say("whether it was streamed")),
            Column("partial", "Bool", say("whether it broke off")),
        ),
    ),
)
