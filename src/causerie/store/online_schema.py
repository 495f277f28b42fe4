"""The table of online evaluators; what came of them is in the analytics store."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Integer, String, Table, Text

from causerie.store.state_schema import metadata

online_evaluators = Table(
    "online_evaluators",
    metadata,
    Column("project", ForeignKey("projects.id"), primary_key=True),
    Column("name", String, primary_key=True),
    # JSON of an OnlineEvaluator.
    Column("document", Text, nullable=False),
    Column("revision", Integer, nullable=False),
    # The version of the analytics store's rows up to which every answer has been looked at.
    Column("reached", BigInteger, nullable=False),
    # What it said is still to be taken out of the analytics store.
    Column("removed", Boolean, nullable=False),
)
