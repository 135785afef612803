"""The ledger of the first release."""

from alembic import op

from flows.ledger.base import metadata

revision = "0001"
down_revision = None


def upgrade() -> None:
    metadata.create_all(op.get_bind())
    if op.get_bind().dialect.name == "postgresql":
        # Room for a number to move from pending to live within its page, without touching an index.
        op.execute("alter table number set (fillfactor = 70)")
