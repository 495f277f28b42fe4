"""Every table of the state store: a file of tables that is not named here is not made."""

from __future__ import annotations

from causerie.store import embed_schema, evaluation_schema, online_schema, privacy_schema
from causerie.store.state_schema import metadata

__all__ = ["FILES", "metadata"]
FILES = (embed_schema, evaluation_schema, online_schema, privacy_schema)
"""They add theirs to those of state_schema.py."""
