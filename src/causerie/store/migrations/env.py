"""Run by Alembic: upgrades over the connection that the state store hands in."""

from alembic import context

from causerie.store.embed_schema import embeds
from causerie.store.evaluation_schema import evaluation_runs
from causerie.store.online_schema import online_evaluators
from causerie.store.privacy_schema import removals

# Of every file of tables one, so that all are known.
tables = (embeds, evaluation_runs, online_evaluators, removals)
connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=tables[0].metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
