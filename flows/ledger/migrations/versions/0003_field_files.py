"""What the ledger keeps for open rejections, quotas, contested numbers and decisions."""

import json
from typing import Any

import sqlalchemy as sa
from alembic import op

from flows.ledger.core.types import Instant

revision = "0003"
down_revision = "0002"

Key = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _add_told_findings()
    op.add_column("submission", sa.Column("reasons", sa.JSON(), nullable=True))
    op.add_column("submission", sa.Column("basis", sa.String(), nullable=True))
    op.add_column("tally", sa.Column("bytes", sa.BigInteger(), nullable=True))
    op.create_table(
        "number_change",
        sa.Column("revision", Key, nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("members", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["revision"], ["revision.id"], name=op.f("fk_number_change_revision_revision")),
        sa.PrimaryKeyConstraint("revision", "seq", name=op.f("pk_number_change")),
    )
    _add_contested_numbers()


def _add_told_findings() -> None:
    """Why a drop was reported as incomplete: until now in the JSON of `pending`."""
    op.add_column("drop", sa.Column("told_findings", sa.JSON(), nullable=True))
    told: sa.ColumnClause[Any] = sa.column("told")
    pending: sa.ColumnClause[Any] = sa.column("pending")
    reported = sa.table(
        "drop", sa.column("business"), sa.column("name"), told, pending, sa.column("told_findings", sa.JSON)
    )
    conn = op.get_bind()
    for row in conn.execute(sa.select(reported).where(told.is_not(None), pending.is_not(None))).all():
        findings = json.loads(row.pending).get("lacking", [])
        same = (reported.c.business == row.business, reported.c.name == row.name)
        told_findings = {"findings": findings[:50], "total": len(findings), "errors": len(findings)}
        conn.execute(reported.update().where(*same).values(told_findings=told_findings))
    is_told = sa.text("told IS NOT NULL")
    op.create_index("ix_drop_told", "drop", ["business"], sqlite_where=is_told, postgresql_where=is_told)


def _add_contested_numbers() -> None:
    op.add_column("submission", sa.Column("unanswered", sa.Integer(), nullable=True))
    op.create_table(
        "inquiry",
        sa.Column("business", sa.String(), nullable=False),
        sa.Column("day", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("numbers", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("business", "day", "digest"),
    )
    op.create_table(
        "asked_number",
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("business", sa.String(), nullable=False),
        sa.Column("drop", sa.String(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("number", "business"),
    )
    op.create_index("ix_asked_number_at", "asked_number", ["at"])
    op.create_table(
        "released_number",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True),
        sa.Column("business", sa.String(), nullable=False),
        sa.Column("reference", sa.String(), nullable=True),
        sa.Column("drop", sa.String(), nullable=True),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
    )
    op.create_index("ix_released_number_business", "released_number", ["business"])
