"""The tables of privacy: what is removed."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Integer, String, Table, Text

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
