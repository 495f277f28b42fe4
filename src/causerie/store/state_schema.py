"""The tables of the state store, as SQLAlchemy knows them. Alembic's versions make them."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
)


class Moment(TypeDecorator[datetime]):
    """A UTC time, aware on both engines: SQLite keeps no zone, so it is put back on reading."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Aware times only, in UTC."""
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Aware times only, in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


metadata = MetaData()
# SQLite numbers rows by itself only where the column is INTEGER.
Sequence = BigInteger().with_variant(Integer, "sqlite")

projects = Table(
    "projects",
    metadata,
    Column("id", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("masks_personal_data", Boolean, nullable=False),
    # Keys the pseudonyms of users whose id was personal data.
    Column("salt", LargeBinary, nullable=False, default=lambda: secrets.token_bytes(16)),
    Column("created_at", Moment, nullable=False),
    # JSON of a Masking; nothing means the default.
    Column("masking", Text),
    Column("zone", String, nullable=False, server_default="UTC"),
    # Nothing keeps transcripts for ever.
    Column("retention_days", Integer),
    # A suggested topic of fewer users is not named.
    Column("topic_users_min", Integer, nullable=False, server_default="3"),
    Column("audit_days", Integer, nullable=False, server_default="365"),
)

keys = Table(
    "keys",
    metadata,
    Column("id", String, primary_key=True),
    Column("project", ForeignKey("projects.id"), nullable=False, index=True),
    Column("kind", String, nullable=False),
    Column("name", String, nullable=False),
    Column("hint", String, nullable=False),
    Column("hash", LargeBinary, nullable=False, unique=True),
    Column("created_at", Moment, nullable=False),
    Column("last_used_at", Moment),
    Column("revoked_at", Moment),
    # JSON of an Allowance; nothing means no limits.
    Column("allowance", Text),
    # Of a read key: the one tenant that it is for; nothing means all.
    Column("tenant", String),
)

members = Table(
    "members",
    metadata,
    Column("id", String, primary_key=True),
    Column("email", String, nullable=False, unique=True),
    Column("password_hash", String),
    Column("created_at", Moment, nullable=False),
    # Of the pages; nothing means what the browser asks for.
    Column("language", String),
)

memberships = Table(
    "memberships",
    metadata,
    Column("project", ForeignKey("projects.id"), primary_key=True),
    Column("member", ForeignKey("members.id"), primary_key=True),
    Column("role", String, nullable=False),
)

sessions = Table(
    "sessions",
    metadata,
    Column("hash", LargeBinary, primary_key=True),
    Column("member", ForeignKey("members.id"), nullable=False, index=True),
    Column("csrf", String, nullable=False),
    Column("expires_at", Moment, nullable=False),
)

sign_in_links = Table(
    "sign_in_links",
    metadata,
    Column("hash", LargeBinary, primary_key=True),
    Column("email", String, nullable=False),
    Column("project", ForeignKey("projects.id")),
    Column("role", String, nullable=False),
    Column("expires_at", Moment, nullable=False),
    Column("used_at", Moment),
)

inbox = Table(
    "inbox",
    metadata,
    # Never reused after a delete, so that a number means one entry for ever.
    Column("seq", Sequence, primary_key=True, autoincrement=True),
    Column("project", String, nullable=False),
    Column("conversation", String, nullable=False),
    Column("entry", LargeBinary, nullable=False),
    Column("attempts", Integer, nullable=False, default=0),
    Column("error", Text),
    Index("inbox_by_conversation", "project", "conversation"),
    sqlite_autoincrement=True,
)

requests = Table(
    "requests",
    metadata,
    Column("key", LargeBinary, primary_key=True),
    Column("uid", String, nullable=False),
    Column("at", Moment, nullable=False, index=True),
)

identities = Table(
    "identities",
    metadata,
    Column("project", String, primary_key=True),
    Column("conversation", String, primary_key=True),
    Column("opening", LargeBinary, nullable=False),
    Column("chain", LargeBinary, nullable=False),
    # The last link of the chain: finds what a longer transcript continues.
    Column("tail", LargeBinary, nullable=False),
    Column("at", Moment, nullable=False, index=True),
    Index("identities_by_opening", "project", "opening", "at"),
    Index("identities_by_tail", "project", "tail"),
)

workers = Table(
    "workers",
    metadata,
    Column("name", String, primary_key=True),
    Column("holder", String, nullable=False),
    Column("expires_at", Moment, nullable=False),
    Column("batch", BigInteger, nullable=False),
)

endpoints = Table(
    "endpoints",
    metadata,
    Column("project", ForeignKey("projects.id"), primary_key=True),
    Column("id", String, primary_key=True),
    # JSON of an Endpoint whose upstreams' keys are encrypted.
    Column("document", Text, nullable=False),
    Column("created_at", Moment, nullable=False),
)

contexts = Table(
    "contexts",
    metadata,
    Column("id", String, primary_key=True),
    Column("project", ForeignKey("projects.id"), nullable=False),
    Column("endpoint", String, nullable=False),
    Column("mode", String, nullable=False),
    Column("ttl_s", Integer, nullable=False),
    # JSON of a Strategy; nothing for a common prefix.
    Column("strategy", Text),
    Column("initial_tokens", Integer, nullable=False),
    Column("user", String, nullable=False, default=""),
    Column("tenant", String, nullable=False, default=""),
    Column("metadata", Text, nullable=False, default="{}"),
    # What made it: "ark", "openai" (a conversation) or "response".
    Column("origin", String, nullable=False, default="ark"),
    Column("created_at", Moment, nullable=False),
    Column("used_at", Moment, nullable=False),
    Column("expires_at", Moment, nullable=False),
    # The position of the first turn that the model still sees.
    Column("cut", Integer, nullable=False, default=0),
    # How many turns there ever were: the position of the next one.
    Column("turns", Integer, nullable=False, default=0),
    # Tokens of the turns that the model still sees.
    Column("kept_tokens", Integer, nullable=False, default=0),
    Column("calls", Integer, nullable=False, default=0),
    Column("input_tokens", BigInteger, nullable=False, default=0),
    Column("cached_tokens", BigInteger, nullable=False, default=0),
    # Who is in the middle of a turn, and until when that is believed.
    Column("busy_by", String),
    Column("busy_until", Moment),
    # With the expiry, so that live ones are counted without a look at the table.
    Index("contexts_of_project", "project", "used_at", "id", "expires_at"),
    Index("contexts_of_user", "project", "user", "used_at", "id", "expires_at"),
    Index("contexts_by_expiry", "expires_at"),
)

context_openings = Table(
    "context_openings",
    metadata,
    # Apart from the context, whose row is written anew twice a call, however long the opening is.
    Column("context", ForeignKey("contexts.id", ondelete="CASCADE"), primary_key=True),
    # The initial messages: a JSON array, byte for byte as it came.
    Column("messages", LargeBinary, nullable=False),
)

context_turns = Table(
    "context_turns",
    metadata,
    Column("context", ForeignKey("contexts.id", ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True),
    # What was asked and answered: a JSON array of messages, byte for byte.
    Column("messages", LargeBinary, nullable=False),
    Column("tokens", Integer, nullable=False),
    Column("at", Moment, nullable=False),
    # What a repeated request has in common with the one that made this turn.
    Column("request", LargeBinary),
    # The whole answer, kept for such a repetition.
    Column("answer", LargeBinary),
    # Whether the caller is known to have been there when the answer was sent.
    Column("delivered", Boolean, nullable=False, default=True),
)

context_tags = Table(
    "context_tags",
    metadata,
    Column("project", ForeignKey("projects.id"), primary_key=True),
    Column("tag", String, primary_key=True),
    Column("context", ForeignKey("contexts.id", ondelete="CASCADE"), nullable=False, index=True),
)

responses = Table(
    "responses",
    metadata,
    Column("id", String, primary_key=True),
    Column("project", ForeignKey("projects.id"), nullable=False),
    Column("context", String, nullable=False, index=True),
    # How many turns the context had after this response.
    Column("turns", Integer, nullable=False),
    # The response and its input items as they were sent: JSON.
    Column("document", LargeBinary, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("expires_at", Moment, nullable=False, index=True),
)

spending = Table(
    "spending",
    metadata,
    Column("key", ForeignKey("keys.id"), primary_key=True),
    # A minute ("2026-11-20T15:18") or a month ("2026-11").
    Column("span", String, primary_key=True),
    Column("requests", BigInteger, nullable=False, default=0),
    Column("tokens", BigInteger, nullable=False, default=0),
    # Billionths of a currency unit, so that sums are exact.
    Column("cost_nano", BigInteger, nullable=False, default=0),
)

topics = Table(
    "topics",
    metadata,
    Column("project", ForeignKey("projects.id"), primary_key=True),
    Column("id", String, primary_key=True),
    Column("kind", String, nullable=False),
    Column("name", String, nullable=False),
    # JSON of a Definition.
    Column("definition", Text, nullable=False),
    Column("pinned", Boolean, nullable=False),
    Column("hidden", Boolean, nullable=False),
    Column("merged_into", String, nullable=False),
    Column("dormant", Boolean, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("changed_at", Moment, nullable=False),
)

topic_events = Table(
    "topic_events",
    metadata,
    Column("seq", Sequence, primary_key=True, autoincrement=True),
    Column("project", String, nullable=False),
    Column("at", Moment, nullable=False),
    Column("kind", String, nullable=False),
    Column("topic", String, nullable=False),
    # JSON list of topic ids.
    Column("others", Text, nullable=False),
    Column("by", String, nullable=False),
    Column("detail", Text, nullable=False),
    Index("topic_events_by_project", "project", "seq"),
)

topic_maps = Table(
    "topic_maps",
    metadata,
    Column("project", ForeignKey("projects.id"), primary_key=True),
    # What assigns messages to suggested topics: bytes of a TopicMap.
    Column("document", LargeBinary, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("made_at", Moment, nullable=False),
    # How many messages it was made from.
    Column("messages", Integer, nullable=False),
)

verdicts = Table(
    "verdicts",
    metadata,
    Column("project", ForeignKey("projects.id"), primary_key=True),
    # The topic and its revision; of a translation, the language asked for.
    Column("question", String, primary_key=True),
    # Digest of the text asked about.
    Column("text", LargeBinary, primary_key=True),
    Column("verdict", Boolean, nullable=False),
    # Why, or the translation.
    Column("reason", Text, nullable=False),
    Column("at", Moment, nullable=False),
)

asking_days = Table(
    "asking_days",
    metadata,
    Column("project", ForeignKey("projects.id"), primary_key=True),
    # A day in UTC: "2026-11-20".
    Column("day", String, primary_key=True),
    Column("calls", Integer, nullable=False),
    Column("tokens", BigInteger, nullable=False),
)

meaning_settings = Table(
    "meaning_settings",
    metadata,
    Column("project", ForeignKey("projects.id"), primary_key=True),
    # JSON of MeaningSettings, keys of other services sealed.
    Column("document", Text, nullable=False),
)

meaning_progress = Table(
    "meaning_progress",
    metadata,
    Column("project", ForeignKey("projects.id"), primary_key=True),
    Column("generation", BigInteger, nullable=False),
    # Messages that lack meaning, and how many get one in a second.
    Column("left", BigInteger, nullable=False),
    Column("rate", Float, nullable=False),
    Column("at", Moment, nullable=False),
    # Why it stands still, in words.
    Column("trouble", Text, nullable=False),
)

views = Table(
    "views",
    metadata,
    Column("project", ForeignKey("projects.id"), primary_key=True),
    Column("id", String, primary_key=True),
    Column("name", String, nullable=False),
    # A key of `views.PAGES`, and what stands after the question mark.
    Column("page", String, nullable=False),
    Column("query", Text, nullable=False),
    # The email of whoever kept it.
    Column("by", String, nullable=False),
    Column("created_at", Moment, nullable=False),
)

last_looks = Table(
    "last_looks",
    metadata,
    Column("project", ForeignKey("projects.id"), primary_key=True),
    Column("member", ForeignKey("members.id"), primary_key=True),
    # When they last looked at what changed, and when they last did on an earlier day.
    Column("at", Moment, nullable=False),
    Column("earlier_at", Moment),
)


destinations = Table(
    "destinations",
    metadata,
    Column("project", ForeignKey("projects.id"), primary_key=True),
    Column("id", String, primary_key=True),
    # JSON of a Destination, what is secret in it sealed.
    Column("document", Text, nullable=False),
    # When what changed is sent there next; nothing where it never is.
    Column("due_at", Moment, index=True),
    Column("created_at", Moment, nullable=False),
)

notices = Table(
    "notices",
    metadata,
    Column("id", Sequence, primary_key=True, autoincrement=True),
    Column("project", ForeignKey("projects.id"), nullable=False),
    Column("destination", String, nullable=False),
    # What makes it this one and no other, so that it is told once.
    Column("key", String, nullable=False, unique=True),
    Column("subject", String, nullable=False),
    Column("document", Text, nullable=False),
    Column("status", String, nullable=False),
    Column("attempts", Integer, nullable=False, default=0),
    Column("due_at", Moment, nullable=False),
    # Who sends it now, and until when that is believed.
    Column("held_by", String),
    Column("held_until", Moment),
    Column("error", Text, nullable=False, default=""),
    Column("created_at", Moment, nullable=False),
    Column("sent_at", Moment),
    Index("notices_by_status", "status", "due_at"),
    Index("notices_by_project", "project", "id"),
    sqlite_autoincrement=True,
)

mail_servers = Table(
    "mail_servers",
    metadata,
    Column("project", ForeignKey("projects.id"), primary_key=True),
    # With the password, sealed.
    Column("address", Text, nullable=False),
    Column("sender", String, nullable=False),
)

alerts = Table(
    "alerts",
    metadata,
    Column("project", ForeignKey("projects.id"), primary_key=True),
    Column("id", String, primary_key=True),
    # JSON of an Alert, and of the Standing that it has.
    Column("document", Text, nullable=False),
    Column("standing", Text, nullable=False),
    # Periods that begin before have been judged.
    Column("judged_to", Moment, nullable=False),
    # Why it cannot be judged, in words.
    Column("trouble", Text, nullable=False, default=""),
    Column("created_at", Moment, nullable=False),
)

firings = Table(
    "firings",
    metadata,
    Column("project", ForeignKey("projects.id"), primary_key=True),
    Column("alert", String, primary_key=True),
    # The period for which it fired.
    Column("start", Moment, primary_key=True),
    # JSON of a Firing.
    Column("document", Text, nullable=False),
    Column("fired_at", Moment, nullable=False),
    # The email of whoever has seen to it.
    Column("acknowledged_by", String, nullable=False, default=""),
    Column("acknowledged_at", Moment),
    Index("firings_by_time", "project", "fired_at"),
)

notes = Table(
    "notes",
    metadata,
    Column("project", ForeignKey("projects.id"), primary_key=True),
    Column("id", String, primary_key=True),
    Column("day", Date, nullable=False),
    Column("text", Text, nullable=False),
    # The email of whoever wrote it.
    Column("by", String, nullable=False),
    Column("created_at", Moment, nullable=False),
)
