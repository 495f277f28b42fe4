"""The tables that typed SQL sees, and what their columns mean."""

from __future__ import annotations

from dataclasses import dataclass

from causerie.store.events import statement


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
        return statement(self.statement)


def _columns(*lines: str) -> tuple[Column, ...]:
    return tuple(Column(*(part.strip() for part in line.split("|"))) for line in lines)


_TENANT = "tenant | String | whom the conversation was logged for; empty where nobody was named"
_AT = "at | DateTime64(6) | when, in the project's time zone"
_OF = "conversation | String | id of the conversation that it is in"
_POSITION = "position | UInt64 | its place in the conversation: sort by it"
_MOOD = "mood | Nullable(Float32) | how pleased it sounds, -1 to 1; NULL where that is not known"
_MEAN_MOOD = _MOOD.replace("Float32", "Float64")
_METADATA = "metadata | Map(String, String) | what the app logged with it: metadata['plan']"
_SIGNALS = (
    "signals | Array(String) | what is said outright of how it goes, such as thanks or complaint"
)

TABLES = (
    Table(
        "queries/conversations",
        "A row per conversation.",
        _columns(
            "id | String | its id; unique within a tenant",
            _TENANT,
            "user | String | who talked; empty where nobody was named",
            "started_at | DateTime64(6) | when it began, in the project's time zone",
            "ended_at | DateTime64(6) | when its latest message was sent, in the same zone",
            "model | String | the model that answered",
            "source | String | how it came here",
            "preview | String | how it begins",
            "messages | UInt32 | how many messages it has",
            "user_messages | UInt32 | how many of them are the user's",
            "assistant_messages | UInt32 | how many of them are the assistant's",
            "tools | UInt32 | how many calls of tools",
            "events | UInt32 | how many events",
            "thumbs_up | UInt32 | how many thumbs up",
            "thumbs_down | UInt32 | how many thumbs down",
            "feedback | String | what the user wrote about it",
            "language | String | a code such as fr; empty where it is not known",
            _MOOD,
            "mood_messages | UInt32 | how many messages that is the mean of",
            "mood_trend | String | where its mood went: up, flat, down, or empty",
            _SIGNALS,
            "topics | Array(String) | names of the topics that it is about",
            _METADATA,
        ),
    ),
    Table(
        "queries/messages",
        "A row per message, with its text: personal data is masked.",
        _columns(
            _OF,
            "id | String | its id",
            _TENANT,
            _POSITION,
            _AT,
            "role | String | user or assistant",
            "text | String | what was said",
            "rating | Int8 | 1 thumb up, -1 thumb down, 0 none",
            "masked | Array(String) | which kinds of personal data were masked in it",
            _METADATA,
        ),
    ),
    Table(
        "queries/meanings",
        "A row per understood message: join it to messages by conversation, tenant and id.",
        _columns(
            _OF,
            "message | String | id of the message",
            _TENANT,
            _POSITION,
            _AT,
            "user | String | who talked",
            "role | String | user or assistant",
            "language | String | a code such as fr",
            _MOOD,
            _SIGNALS,
            "topics | Array(String) | names of the topics that it is about",
            "translation | String | its text in another language, where one was made",
        ),
    ),
    Table(
        "queries/users",
        "A row per user and tenant, over all time.",
        _columns(
            "user | String | who",
            _TENANT,
            "conversations | UInt64 | how many they had",
            "messages | UInt64 | how many messages they sent",
            "thumbs_up | UInt64 | how many thumbs up they gave",
            "thumbs_down | UInt64 | how many thumbs down",
            _MEAN_MOOD,
            "languages | Array(String) | codes of the languages that they talked in",
            "first_seen | DateTime64(6) | when their first conversation began",
            "last_seen | DateTime64(6) | when their latest message was sent",
        ),
    ),
    Table(
        "queries/topics",
        "A row per topic that users talked about, over all time.",
        _columns(
            "topic | String | its name",
            "theme | String | the name of the theme that it is in; empty for none",
            "messages | UInt64 | messages of users about it",
            "conversations | UInt64 | conversations with such messages",
            "users | UInt64 | users who sent them",
            _MEAN_MOOD,
            "first_seen | DateTime64(6) | when the first of them was sent",
            "last_seen | DateTime64(6) | when the latest was sent",
        ),
    ),
    Table(
        "queries/events",
        "A row per event that the app logged.",
        _columns(
            _OF,
            "id | String | its id",
            _TENANT,
            _POSITION,
            _AT,
            "name | String | what happened",
            "text | String | what the app wrote with it",
            _METADATA,
        ),
    ),
    Table(
        "queries/tools",
        "A row per call of a tool.",
        _columns(
            _OF,
            "id | String | its id",
            _TENANT,
            _POSITION,
            _AT,
            "name | String | which tool",
            "thought | String | why the assistant called it",
            "input | String | what it was given",
            "observation | String | what it answered",
            _METADATA,
        ),
    ),
    Table(
        "queries/exchanges",
        "A row per call of a model through the gateway, with what it took.",
        _columns(
            "id | String | its id",
            _AT,
            "api | String | which of the gateway's APIs",
            "key | String | name of the key that called",
            "endpoint | String | which endpoint",
            "model | String | which model",
            "upstream | String | which provider answered",
            "user | String | for whom",
            _TENANT,
            "conversation | String | id of the conversation that its words are in",
            "context | String | id of the context, if there is one",
            "first_token_ms | Nullable(UInt32) | milliseconds until the answer began",
            "total_ms | UInt32 | milliseconds until it ended",
            "input_tokens | UInt32 | tokens that were sent",
            "cached_tokens | Nullable(UInt32) | of these, from the cache; NULL: not said",
            "output_tokens | UInt32 | tokens that came back",
            "reasoning_tokens | UInt32 | of these, for thinking",
            "estimated | Bool | whether the tokens were counted here, not by the provider",
            "cost | Nullable(Decimal(18, 9)) | what it cost; NULL where no price is known",
            "currency | String | in which currency",
            "finish_reason | String | why it ended",
            "status | UInt16 | the HTTP status",
            "error | String | what went wrong",
            "streamed | Bool | whether it was streamed",
            "partial | Bool | whether it broke off",
        ),
    ),
)
