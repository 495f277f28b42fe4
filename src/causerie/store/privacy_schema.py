"""The tables of privacy: what is removed, and who has looked at what."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, String, Table, Text

from causerie.store.state_schema import Moment, metadata

removals = Table(
    "removals",
    metadata,
    Column("id", String, primary_key=True),
    Column("project", ForeignKey("projects.id"), nullable=False),
    Column("scope", String, nullable=False),
    # Keyed digest of what is removed: who has an id can find its removal, nobody the id.
    Column("subject", String, nullable=False),
    # The target, encrypted, until it is done.
    Column("target", Text),
    Column("asked_by", String, nullable=False),
    Column("asked_at", Moment, nullable=False),
    Column("before", Moment),
    Column("stage", String, nullable=False),
    # JSON list of the versions of the marks.
    Column("versions", Text, nullable=False),
    Column("rounds", Integer, nullable=False),
    # JSON: place to count, and what was looked through.
    Column("removed", Text, nullable=False),
    Column("checked", Text, nullable=False),
    Column("done_at", Moment),
    Column("proof", Text),
    Column("trouble", Text, nullable=False),
    Index("removals_of_project", "project", "asked_at"),
)

audit = Table(
    "audit",
    metadata,
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    # Of no project where nobody known tried to sign in.
    Column("project", String, nullable=False),
    Column("at", Moment, nullable=False),
    Column("by_kind", String, nullable=False),
    Column("by_id", String, nullable=False),
    Column("by_name", String, nullable=False),
    Column("action", String, nullable=False),
    Column("place", String, nullable=False),
    Column("object_kind", String, nullable=False),
    # An id, or a keyed digest of the id of somebody or of what they said.
    Column("object", String, nullable=False),
    Column("address", String, nullable=False),
    Column("how", String, nullable=False),
    # JSON: rows, hits, a tool, a statement without its values.
    Column("detail", Text, nullable=False),
    Index("audit_at", "project", "at", "seq"),
    Index("audit_action", "project", "action", "at", "seq"),
    Index("audit_by", "project", "by_id", "at", "seq"),
    Index("audit_object", "project", "object", "at", "seq"),
)
