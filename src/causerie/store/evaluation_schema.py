"""The tables of evaluations: test sets, evaluators, runs and what came of them."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Integer, String, Table, Text

from causerie.store.state_schema import Moment, metadata

set_versions = Table(
    "set_versions",
    metadata,
    Column("project", ForeignKey("projects.id"), primary_key=True),
    Column("name", String, primary_key=True),
    Column("version", Integer, primary_key=True),
    # JSON list of uses of evaluators.
    Column("evaluators", Text, nullable=False),
    Column("cases", Integer, nullable=False),
    Column("by", String, nullable=False),
    Column("created_at", Moment, nullable=False),
)

set_cases = Table(
    "set_cases",
    metadata,
    Column("project", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("position", Integer, primary_key=True),
    # JSON of a Case.
    Column("document", Text, nullable=False),
    # What it was made of, with which it goes; empty for others.
    Column("tenant", String, nullable=False),
    Column("conversation", String, nullable=False),
    Index("set_cases_by_conversation", "project", "conversation"),
)

evaluators = Table(
    "evaluators",
    metadata,
    Column("project", ForeignKey("projects.id"), primary_key=True),
    Column("identifier", String, primary_key=True),
    # JSON of a CustomEvaluator.
    Column("document", Text, nullable=False),
)

evaluation_runs = Table(
    "evaluation_runs",
    metadata,
    Column("id", String, primary_key=True),
    Column("project", ForeignKey("projects.id"), nullable=False),
    Column("name", String, nullable=False),
    Column("version", Integer, nullable=False),
    Column("iterations", Integer, nullable=False),
    Column("model", String, nullable=False),
    Column("status", String, nullable=False),
    Column("total", Integer, nullable=False),
    Column("completed", Integer, nullable=False),
    Column("trouble", Text, nullable=False),
    Column("by", String, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("started_at", Moment),
    Column("ended_at", Moment),
    # Whose work it is, and until when it is nobody else's.
    Column("holder", String, nullable=False),
    Column("held_until", Moment),
    # JSON of a Tally, once it is over.
    Column("tally", Text),
    Index(
        "evaluation_runs_once",
        *("project", "name", "version", "iterations", "model"),
        unique=True,
    ),
    Index("evaluation_runs_open", "status", "created_at"),
)

evaluation_results = Table(
    "evaluation_results",
    metadata,
    Column("run", ForeignKey("evaluation_runs.id"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("iteration", Integer, primary_key=True),
    # JSON of a CaseResult.
    Column("document", Text, nullable=False),
)
