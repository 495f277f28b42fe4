"""The table of embeds: what a project lets its customers' customers see."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, String, Table, Text

from causerie.store.state_schema import Moment, metadata

embeds = Table(
    "embeds",
    metadata,
    Column("project", ForeignKey("projects.id"), primary_key=True),
    # Encrypted by the vault; none while it is off.
    Column("secret", Text),
    Column("hint", String, nullable=False),
    Column("made_at", Moment),
    # JSON list.
    Column("origins", Text, nullable=False),
)
