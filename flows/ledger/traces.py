"""The tables of what changes leave behind: the history, files to be written anew, sums by day, and flags."""

from sqlalchemy import JSON, BigInteger, Column, Index, Integer, PrimaryKeyConstraint, String, Table

from flows.ledger.base import Instant, metadata
from flows.ledger.tables import Key

#: Every move, for ever: what moved from where to where, when, why, and by whom.
move = Table(
    "move",
    metadata,
    Column("id", Key, primary_key=True),
    Column("at", Instant, nullable=False),
    Column("business", String),
    Column("reference", String),
    Column("revision", Integer),
    Column("thing", String, nullable=False),  # revision | submission | branding | numbers | review | launching
    Column("before", String),
    Column("after", String, nullable=False),
    Column("cause", String, nullable=False),
    Column("by", String, nullable=False),
    sqlite_autoincrement=True,
)
Index("ix_move_program", move.c.business, move.c.reference, move.c.id)

#: Files to be written anew after a commit; a mark is cleared only by whoever wrote what it stands for.
outbox = Table(
    "outbox",
    metadata,
    Column("kind", String, nullable=False),  # receipt | report | index | operator
    Column("business", String, nullable=False),
    Column("key", String, nullable=False),  # the drop, the submission, or nothing
    Column("stamp", BigInteger, nullable=False),
    Column("claimed_by", String),  # who is writing it now
    Column("claimed_until", Instant),
    PrimaryKeyConstraint("kind", "business", "key"),
)

#: Sums of a business since ever, and by day, so that an index page costs the same after ten years.
tally = Table(
    "tally",
    metadata,
    Column("business", String, primary_key=True),
    Column("submissions", BigInteger, nullable=False),
    Column("last_received_at", Instant, nullable=False),
)

day = Table(
    "day",
    metadata,
    Column("business", String, nullable=False),
    Column("day", String, nullable=False),  # YYYY-MM-DD, UTC
    Column("submissions", Integer, nullable=False),
    Column("refused", Integer, nullable=False),  # submissions with the verdict rejected
    Column("accepted", BigInteger, nullable=False),  # rows
    Column("rejected", BigInteger, nullable=False),  # rows
    PrimaryKeyConstraint("business", "day"),
)
Index("ix_day_day", day.c.day)

rule_day = Table(
    "rule_day",
    metadata,
    Column("business", String, nullable=False),
    Column("day", String, nullable=False),
    Column("rule", String, nullable=False),
    Column("count", BigInteger, nullable=False),
    PrimaryKeyConstraint("business", "day", "rule"),
)

flag = Table(
    "flag",
    metadata,
    Column("name", String, primary_key=True),
    Column("value", JSON, nullable=False),
)
