"""Runs the migrations on the connection that `flows.ledger.core.engine` passes in, inside its transaction."""

from alembic import context

from flows.ledger.core.types import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
