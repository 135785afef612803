"""Marks of files to be written are claimed by whoever writes them."""

import sqlalchemy as sa
from alembic import op

from flows.ledger.core.types import Instant

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("outbox", sa.Column("claimed_by", sa.String(), nullable=True))
    op.add_column("outbox", sa.Column("claimed_until", Instant(), nullable=True))
