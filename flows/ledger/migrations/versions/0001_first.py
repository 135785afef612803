"""The ledger of the first release."""

import sqlalchemy as sa
from alembic import op

from flows.ledger.core.types import Instant

revision = "0001"
down_revision = None

Key = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "asset",
        sa.Column("id", Key, nullable=False),
        sa.Column("business", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("display", sa.String(), server_default="", nullable=False),
        sa.Column("shorthand", sa.String(), server_default="", nullable=False),
        sa.Column("sha256", sa.String(), server_default="", nullable=False),
        sa.Column("name", sa.String(), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("submission", sa.String(), nullable=True),
        sa.Column("noticed", sa.JSON(), nullable=False),
        sa.Column("requested_at", Instant(), nullable=False),
        sa.Column("decided_at", Instant(), nullable=True),
        sa.Column("decided_by", sa.String(), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_asset")),
        sa.UniqueConstraint(
            "business",
            "kind",
            "display",
            "shorthand",
            "sha256",
            name=op.f("uq_asset_business_kind_display_shorthand_sha256"),
        ),
    )
    op.create_index(
        "ix_asset_in_review",
        "asset",
        ["requested_at"],
        unique=False,
        sqlite_where=sa.text("state = 'in_review'"),
        postgresql_where=sa.text("state = 'in_review'"),
    )
    op.create_table(
        "business",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("seeded_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_business")),
    )
    op.create_table(
        "day",
        sa.Column("business", sa.String(), nullable=False),
        sa.Column("day", sa.String(), nullable=False),
        sa.Column("submissions", sa.Integer(), nullable=False),
        sa.Column("refused", sa.Integer(), nullable=False),
        sa.Column("accepted", sa.BigInteger(), nullable=False),
        sa.Column("rejected", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("business", "day", name=op.f("pk_day")),
    )
    op.create_index("ix_day_day", "day", ["day"], unique=False)
    op.create_table(
        "drop",
        sa.Column("business", sa.String(length=63), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("first_seen", Instant(), nullable=False),
        sa.Column("manifest_seen", Instant(), nullable=True),
        sa.Column("print", sa.String(length=64), nullable=False),
        sa.Column("pending", sa.Text(), nullable=True),
        sa.Column("taken", sa.Text(), nullable=True),
        sa.Column("submission", sa.String(length=64), nullable=True),
        sa.Column("reference", sa.String(length=64), nullable=True),
        sa.Column("told", Instant(), nullable=True),
        sa.Column("writes", sa.Integer(), nullable=False),
        sa.Column("lease_owner", sa.String(length=255), nullable=True),
        sa.Column("lease_token", sa.BigInteger(), nullable=False),
        sa.Column("lease_until", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("business", "name", name=op.f("pk_drop")),
    )
    op.create_index(op.f("ix_drop_business_reference"), "drop", ["business", "reference"], unique=False)
    op.create_table(
        "flag",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("value", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_flag")),
    )
    op.create_table(
        "move",
        sa.Column("id", Key, nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("business", sa.String(), nullable=True),
        sa.Column("reference", sa.String(), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=True),
        sa.Column("thing", sa.String(), nullable=False),
        sa.Column("before", sa.String(), nullable=True),
        sa.Column("after", sa.String(), nullable=False),
        sa.Column("cause", sa.String(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_move")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_move_program", "move", ["business", "reference", "id"], unique=False)
    op.create_table(
        "number",
        sa.Column("program", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("purpose", sa.SmallInteger(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("change", sa.String(), nullable=True),
        sa.Column("claimed", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("program", "number", name=op.f("pk_number")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "uq_number_claimed",
        "number",
        ["number"],
        unique=True,
        sqlite_where=sa.text("claimed = 1"),
        postgresql_where=sa.text("claimed"),
    )
    op.create_table(
        "outbox",
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("business", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("stamp", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "business", "key", name=op.f("pk_outbox")),
    )
    op.create_table(
        "program",
        sa.Column("id", Key, nullable=False),
        sa.Column("business", sa.String(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=True),
        sa.Column("live_revision", sa.BigInteger(), nullable=True),
        sa.Column("submission", sa.String(), nullable=True),
        sa.Column("digest", sa.String(), nullable=True),
        sa.Column("branding", sa.String(), server_default="none", nullable=False),
        sa.Column("brand_due", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("at_carrier", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("carrier_id", sa.String(), nullable=True),
        sa.Column("ends_at", Instant(), nullable=True),
        sa.Column("cancelled_at", Instant(), nullable=True),
        sa.Column("numbers_live", sa.Integer(), server_default="0", nullable=False),
        sa.Column("numbers_pending", sa.Integer(), server_default="0", nullable=False),
        sa.Column("numbers_refused", sa.Integer(), server_default="0", nullable=False),
        sa.Column("lease_owner", sa.String(), nullable=True),
        sa.Column("lease_token", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("lease_until", Instant(), nullable=True),
        sa.Column("not_before", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_program")),
        sa.UniqueConstraint("business", "reference", name=op.f("uq_program_business_reference")),
    )
    op.create_index(
        "ix_program_brand_due",
        "program",
        ["id"],
        unique=False,
        sqlite_where=sa.text("brand_due = 1"),
        postgresql_where=sa.text("brand_due"),
    )
    op.create_index(
        "ix_program_ends",
        "program",
        ["ends_at"],
        unique=False,
        sqlite_where=sa.text("at_carrier = 1"),
        postgresql_where=sa.text("at_carrier"),
    )
    op.create_table(
        "receipt",
        sa.Column("business", sa.String(), nullable=False),
        sa.Column("drop", sa.String(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("submission", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("business", "drop", name=op.f("pk_receipt")),
    )
    op.create_index("ix_receipt_submission", "receipt", ["submission"], unique=False)
    op.create_table(
        "rule_day",
        sa.Column("business", sa.String(), nullable=False),
        sa.Column("day", sa.String(), nullable=False),
        sa.Column("rule", sa.String(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("business", "day", "rule", name=op.f("pk_rule_day")),
    )
    op.create_table(
        "submission",
        sa.Column("seq", Key, nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("business", sa.String(), nullable=False),
        sa.Column("reference", sa.String(), nullable=True),
        sa.Column("drop", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("received_at", Instant(), nullable=False),
        sa.Column("judged_at", Instant(), nullable=False),
        sa.Column("verdict", sa.String(), nullable=False),
        sa.Column("judged", sa.String(), nullable=False),
        sa.Column("standing", sa.String(), nullable=False),
        sa.Column("held_because", sa.JSON(), nullable=False),
        sa.Column("counts", sa.JSON(), nullable=False),
        sa.Column("totals", sa.JSON(), nullable=False),
        sa.Column("manifest", sa.JSON(), nullable=True),
        sa.Column("logo", sa.JSON(), nullable=True),
        sa.Column("noticed", sa.JSON(), nullable=False),
        sa.Column("archive", sa.String(), nullable=False),
        sa.Column("retake_of", sa.String(), nullable=True),
        sa.Column("decided_at", Instant(), nullable=True),
        sa.Column("decided_by", sa.String(), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_submission")),
        sa.UniqueConstraint("business", "id", name=op.f("uq_submission_business_id")),
    )
    op.create_index("ix_submission_business", "submission", ["business", "seq"], unique=False)
    op.create_index("ix_submission_id", "submission", ["id"], unique=False)
    op.create_index(
        "ix_submission_open",
        "submission",
        ["business", "reference"],
        unique=False,
        sqlite_where=sa.text("standing IN ('held', 'waiting')"),
        postgresql_where=sa.text("standing IN ('held', 'waiting')"),
    )
    op.create_index("ix_submission_reference", "submission", ["business", "reference", "seq"], unique=False)
    op.create_table(
        "tally",
        sa.Column("business", sa.String(), nullable=False),
        sa.Column("submissions", sa.BigInteger(), nullable=False),
        sa.Column("last_received_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("business", name=op.f("pk_tally")),
    )
    op.create_table(
        "business_unit",
        sa.Column("business", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["business"], ["business.id"], name=op.f("fk_business_unit_business_business")),
        sa.PrimaryKeyConstraint("business", "name", name=op.f("pk_business_unit")),
    )
    op.create_table(
        "parked",
        sa.Column("submission", Key, nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("members", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["submission"], ["submission.seq"], name=op.f("fk_parked_submission_submission")),
        sa.PrimaryKeyConstraint("submission", "seq", name=op.f("pk_parked")),
    )
    op.create_table(
        "revision",
        sa.Column("id", Key, nullable=False),
        sa.Column("program", Key, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("submission", sa.String(), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("start", Instant(), nullable=False),
        sa.Column("end", Instant(), nullable=False),
        sa.Column("timezone", sa.String(), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("display_name", Key, nullable=True),
        sa.Column("logo", Key, nullable=True),
        sa.Column("hold_until_branded", sa.Boolean(), nullable=False),
        sa.Column("added", sa.Integer(), nullable=False),
        sa.Column("removed", sa.Integer(), nullable=False),
        sa.Column("changed", sa.Integer(), nullable=False),
        sa.Column("made_at", Instant(), nullable=False),
        sa.Column("late_from", Instant(), nullable=False),
        sa.Column("live_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["display_name"], ["asset.id"], name=op.f("fk_revision_display_name_asset")),
        sa.ForeignKeyConstraint(["logo"], ["asset.id"], name=op.f("fk_revision_logo_asset")),
        sa.ForeignKeyConstraint(["program"], ["program.id"], name=op.f("fk_revision_program_program")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_revision")),
        sa.UniqueConstraint("program", "number", name=op.f("uq_revision_program_number")),
    )
    op.create_index("ix_revision_display_name", "revision", ["display_name"], unique=False)
    op.create_index(
        "ix_revision_due",
        "revision",
        ["start"],
        unique=False,
        sqlite_where=sa.text("state IN ('scheduled', 'launching')"),
        postgresql_where=sa.text("state IN ('scheduled', 'launching')"),
    )
    op.create_index(
        "ix_revision_failed",
        "revision",
        ["program"],
        unique=False,
        sqlite_where=sa.text("state IN ('launch_failed', 'missed')"),
        postgresql_where=sa.text("state IN ('launch_failed', 'missed')"),
    )
    op.create_index("ix_revision_logo", "revision", ["logo"], unique=False)
    op.create_index("ix_revision_submission", "revision", ["submission"], unique=False)
    op.create_table(
        "takeover",
        sa.Column("taker", Key, nullable=False),
        sa.Column("giver", Key, nullable=False),
        sa.Column("waits", sa.Boolean(), nullable=False),
        sa.Column("moved", sa.Integer(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(["giver"], ["program.id"], name=op.f("fk_takeover_giver_program")),
        sa.ForeignKeyConstraint(["taker"], ["program.id"], name=op.f("fk_takeover_taker_program")),
        sa.PrimaryKeyConstraint("taker", "giver", name=op.f("pk_takeover")),
    )
    op.create_index("ix_takeover_giver", "takeover", ["giver"], unique=False)
    op.create_table(
        "batch",
        sa.Column("id", Key, nullable=False),
        sa.Column("revision", Key, nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("program", Key, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("members", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("sent_at", Instant(), nullable=True),
        sa.Column("done_at", Instant(), nullable=True),
        sa.Column("outcome", sa.JSON(), nullable=True),
        sa.ForeignKeyConstraint(["program"], ["program.id"], name=op.f("fk_batch_program_program")),
        sa.ForeignKeyConstraint(["revision"], ["revision.id"], name=op.f("fk_batch_revision_revision")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_batch")),
        sa.UniqueConstraint("key", name=op.f("uq_batch_key")),
        sa.UniqueConstraint("revision", "seq", name=op.f("uq_batch_revision_seq")),
    )
    op.create_index(
        "ix_batch_unknown",
        "batch",
        ["id"],
        unique=False,
        sqlite_where=sa.text("state = 'unknown'"),
        postgresql_where=sa.text("state = 'unknown'"),
    )
    if op.get_bind().dialect.name == "postgresql":
        # Room for a number to move from pending to live within its page, without touching an index.
        op.execute("alter table number set (fillfactor = 70)")
