"""Alembic's versions of the state store's tables."""
