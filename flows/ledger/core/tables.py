"""The ledger's tables, as the migrations create them.

Times are UTC. A phone number is an integer of ten digits. A comment after a column lists its values or says what it is.
"""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)

from flows.ledger.core.types import Instant, metadata

# SQLite assigns row ids only to a column whose type is exactly INTEGER.
Key = BigInteger().with_variant(Integer(), "sqlite")


# --- Businesses ---

business = Table(
    "business",
    metadata,
    Column("id", String, primary_key=True),
    Column("facts", JSON, nullable=False),  # its entry in businesses.yaml, without what has its own table
    Column("seeded_at", Instant, nullable=False),
)

business_unit = Table(
    "business_unit",
    metadata,
    Column("business", ForeignKey("business.id"), nullable=False),
    Column("name", String, nullable=False),
    PrimaryKeyConstraint("business", "name"),
)

#: What called phones show, and its review: a display name (display and shorthand) or a logo (sha256 of its bytes).
asset = Table(
    "asset",
    metadata,
    Column("id", Key, primary_key=True),
    Column("business", String, nullable=False),
    Column("kind", String, nullable=False),  # display_name | logo
    Column("display", String, nullable=False, server_default=""),
    Column("shorthand", String, nullable=False, server_default=""),
    Column("sha256", String, nullable=False, server_default=""),
    Column("name", String),  # the logo's file name, for people to read
    Column("state", String, nullable=False),  # in_review | approved | rejected
    Column("submission", String),  # that asked for the review
    Column("noticed", JSON, nullable=False),  # findings for the reviewer: [{rule, message}]
    Column("requested_at", Instant, nullable=False),
    Column("decided_at", Instant),
    Column("decided_by", String),
    Column("reason", String),
    UniqueConstraint("business", "kind", "display", "shorthand", "sha256"),
)
Index(
    "ix_asset_in_review",
    asset.c.requested_at,
    sqlite_where=asset.c.state == "in_review",
    postgresql_where=asset.c.state == "in_review",
)


# --- Intake: drops, submissions, receipts ---

#: A folder in the inbox: what the last scan found, what was taken of it, and the lease for taking it.
drop = Table(
    "drop",
    metadata,
    Column("business", String(63), primary_key=True),
    Column("name", String(255), primary_key=True),
    Column("first_seen", Instant, nullable=False),  # of the pending content; the arrival grace counts from here
    Column("manifest_seen", Instant),  # decides the order of revisions
    Column("print", String(64), nullable=False),  # fingerprint of the listing at the last scan
    Column("pending", Text),  # PendingDrop as JSON; null: nothing new is in the folder
    Column("taken", Text),  # TakenVersions as JSON, of the last time it was taken
    Column("submission", String(64)),  # the last one made of it
    Column("reference", String(64)),  # in the pending manifest
    Column("told", Instant),  # when it was reported as incomplete, once
    Column("told_findings", JSON),  # why: ReportedFindings as JSON
    Column("writes", Integer, nullable=False),  # grows with every write except a lease's; detects concurrent writes
    Column("lease_owner", String(255)),
    Column("lease_token", BigInteger, nullable=False),  # fencing token; grows with every claim
    Column("lease_until", Instant),
    Index(None, "business", "reference"),
)
Index("ix_drop_told", drop.c.business, sqlite_where=drop.c.told.is_not(None), postgresql_where=drop.c.told.is_not(None))

submission = Table(
    "submission",
    metadata,
    Column("seq", Key, primary_key=True),  # the order of registration
    Column("id", String, nullable=False),  # not unique across businesses: the same bytes in the same second
    Column("business", String, nullable=False),
    Column("reference", String),
    Column("drop", String, nullable=False),
    Column("digest", String, nullable=False),
    Column("received_at", Instant, nullable=False),
    Column("judged_at", Instant, nullable=False),
    Column("verdict", String, nullable=False),  # in force: as judged, or as decided later on a held one
    Column("judged", String, nullable=False),  # the verdict as judged
    # rejected | held | dismissed | replaced | waiting | lapsed | registered
    Column("standing", String, nullable=False),
    Column("held_because", JSON, nullable=False),
    Column("counts", JSON, nullable=False),
    Column("totals", JSON, nullable=False),  # {rule: count}
    Column("manifest", JSON),
    Column("logo", JSON),  # {name, sha256}
    Column("noticed", JSON, nullable=False),  # findings on display name and logo, for their reviews: [{rule, message}]
    Column("reasons", JSON),  # what kept it or rows of it out: {reasons, total}; null before revision 0003
    Column("archive", String, nullable=False),
    Column("unanswered", Integer),  # numbers of other businesses in it, if it was held so as not to say which
    Column("retake_of", String),
    Column("basis", String),  # of a rejected one: fingerprint of what it was judged by
    Column("decided_at", Instant),
    Column("decided_by", String),
    Column("reason", String),
    UniqueConstraint("business", "id"),
)
Index("ix_submission_id", submission.c.id)
Index("ix_submission_business", submission.c.business, submission.c.seq)
Index("ix_submission_reference", submission.c.business, submission.c.reference, submission.c.seq)
_open = submission.c.standing.in_(["held", "waiting"])
Index("ix_submission_open", submission.c.business, submission.c.reference, sqlite_where=_open, postgresql_where=_open)

#: The accepted numbers of a held or waiting submission, in packed blocks, until it is registered.
parked = Table(
    "parked",
    metadata,
    Column("submission", ForeignKey("submission.seq"), nullable=False),
    Column("seq", Integer, nullable=False),
    Column("members", LargeBinary, nullable=False),
    PrimaryKeyConstraint("submission", "seq"),
)

#: What each drop was last acknowledged as: the submission that its receipt is about.
receipt = Table(
    "receipt",
    metadata,
    Column("business", String, nullable=False),
    Column("drop", String, nullable=False),
    Column("outcome", String, nullable=False),  # registered | duplicate
    Column("submission", String, nullable=False),
    Column("digest", String, nullable=False),
    Column("at", Instant, nullable=False),
    PrimaryKeyConstraint("business", "drop"),
)
Index("ix_receipt_submission", receipt.c.submission)


# --- Programs: revisions, numbers, takeovers ---

program = Table(
    "program",
    metadata,
    Column("id", Key, primary_key=True),
    Column("business", String, nullable=False),
    Column("reference", String, nullable=False),
    Column("revision", BigInteger),  # revision.id of the newest one
    Column("live_revision", BigInteger),  # revision.id of the one that is live at the carrier
    Column("submission", String),  # the last accepted one, which may be a cancellation
    Column("digest", String),
    Column("branding", String, nullable=False, server_default="none"),
    Column("brand_due", Boolean, nullable=False, server_default=false()),  # the branding has to be sent to the carrier
    Column("at_carrier", Boolean, nullable=False, server_default=false()),  # some of it may be there
    Column("carrier_id", String),
    Column("ends_at", Instant),  # when to end it at the carrier
    Column("cancelled_at", Instant),
    Column("numbers_live", Integer, nullable=False, server_default="0"),
    Column("numbers_pending", Integer, nullable=False, server_default="0"),
    Column("numbers_refused", Integer, nullable=False, server_default="0"),
    Column("lease_owner", String),
    Column("lease_token", BigInteger, nullable=False, server_default="0"),
    Column("lease_until", Instant),
    Column("not_before", Instant),  # the carrier was down: try again then
    UniqueConstraint("business", "reference"),
)
Index("ix_program_ends", program.c.ends_at, sqlite_where=text("at_carrier = 1"), postgresql_where=program.c.at_carrier)
Index("ix_program_brand_due", program.c.id, sqlite_where=text("brand_due = 1"), postgresql_where=program.c.brand_due)

revision = Table(
    "revision",
    metadata,
    Column("id", Key, primary_key=True),
    Column("program", ForeignKey("program.id"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("submission", String),  # that it carries out; after a number was released by hand, several do
    Column("state", String, nullable=False),
    Column("reason", String),  # of launch_failed and missed
    Column("start", Instant, nullable=False),
    Column("end", Instant, nullable=False),
    Column("timezone", String, nullable=False),
    Column("facts", JSON, nullable=False),  # type, name, call_purpose, description, business_unit, call_reason
    Column("display_name", ForeignKey("asset.id")),
    Column("logo", ForeignKey("asset.id")),
    Column("hold_until_branded", Boolean, nullable=False),
    Column("added", Integer, nullable=False),
    Column("removed", Integer, nullable=False),
    Column("changed", Integer, nullable=False),
    Column("made_at", Instant, nullable=False),
    Column("late_from", Instant, nullable=False),  # start of the launch deadline
    Column("live_at", Instant),
    UniqueConstraint("program", "number"),
)
_due = revision.c.state.in_(["scheduled", "launching"])
Index("ix_revision_due", revision.c.start, sqlite_where=_due, postgresql_where=_due)
_failed = revision.c.state.in_(["launch_failed", "missed"])
Index("ix_revision_failed", revision.c.program, sqlite_where=_failed, postgresql_where=_failed)
Index("ix_revision_display_name", revision.c.display_name)
Index("ix_revision_logo", revision.c.logo)
Index("ix_revision_submission", revision.c.submission)

#: What a revision changed in the program's numbers, in packed blocks: see flows/ledger/programs/number_changes.py
number_change = Table(
    "number_change",
    metadata,
    Column("revision", ForeignKey("revision.id"), nullable=False),
    Column("seq", Integer, nullable=False),
    Column("kind", String, nullable=False),  # changed | removed | added
    Column("members", LargeBinary, nullable=False),
    PrimaryKeyConstraint("revision", "seq"),
)

#: A program's numbers as they should be. `change` is what still has to be sent to the carrier: add, repurpose or
#: remove; or "wait": the number belongs to a revision that waits for a launch to finish.
number = Table(
    "number",
    metadata,
    Column("program", BigInteger, nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("purpose", SmallInteger, nullable=False),
    Column("state", String, nullable=False),  # pending | live | refused | removed | reassigned
    Column("change", String),
    Column("claimed", Boolean, nullable=False),
    Column("reason", String),
    PrimaryKeyConstraint("program", "number"),
    sqlite_with_rowid=False,
)
Index(
    "uq_number_claimed",
    number.c.number,
    unique=True,
    sqlite_where=text("claimed = 1"),
    postgresql_where=number.c.claimed,
)

#: Which program takes over numbers from which other one of the same business. `waits` is true until the taker's launch;
#: `moved` counts the numbers moved so far.
takeover = Table(
    "takeover",
    metadata,
    Column("taker", ForeignKey("program.id"), nullable=False),
    Column("giver", ForeignKey("program.id"), nullable=False),
    Column("waits", Boolean, nullable=False),
    Column("moved", Integer, nullable=False, server_default="0"),
    PrimaryKeyConstraint("taker", "giver"),
)
Index("ix_takeover_giver", takeover.c.giver)


# --- Contested numbers: see flows/ledger/programs/contested_numbers.py ---

#: How many numbers of other businesses the drops of a business contained, by day and content.
inquiry = Table(
    "inquiry",
    metadata,
    Column("business", String, nullable=False),
    Column("day", String, nullable=False),  # YYYY-MM-DD, UTC
    Column("digest", String, nullable=False),
    Column("numbers", Integer, nullable=False),
    PrimaryKeyConstraint("business", "day", "digest"),
)

#: Numbers that a business asked for and could not have (NUM-022), with the last drop that had them. Kept for some days.
asked_number = Table(
    "asked_number",
    metadata,
    Column("number", BigInteger, nullable=False),
    Column("business", String, nullable=False),
    Column("drop", String, nullable=False),
    Column("at", Instant, nullable=False),
    PrimaryKeyConstraint("number", "business"),
)
Index("ix_asked_number_at", asked_number.c.at)

#: Numbers that the operator released, for the receipts of the business that had one, and of those that asked for it.
released_number = Table(
    "released_number",
    metadata,
    Column("id", Key, primary_key=True),
    Column("business", String, nullable=False),
    Column("reference", String),  # of the program that had it
    Column("drop", String),  # that asked for it
    Column("number", BigInteger, nullable=False),
    Column("at", Instant, nullable=False),
    Column("reason", String),
)
Index("ix_released_number_business", released_number.c.business)


# --- Launches: batches ---

#: One call to the carrier, with at most 500 numbers.
batch = Table(
    "batch",
    metadata,
    Column("id", Key, primary_key=True),
    Column("revision", ForeignKey("revision.id"), nullable=False),  # the one being launched
    Column("seq", Integer, nullable=False),
    Column("program", ForeignKey("program.id"), nullable=False),  # the one that gets or loses the numbers
    Column("kind", String, nullable=False),  # add | remove
    Column("key", String, nullable=False, unique=True),
    Column("size", Integer, nullable=False),
    Column("members", LargeBinary, nullable=False),
    Column("state", String, nullable=False),  # planned | sent | unknown | done
    Column("sent_at", Instant),
    Column("done_at", Instant),
    Column("outcome", JSON),  # {refused: count}, or {why} if it is unknown
    UniqueConstraint("revision", "seq"),
)
Index(
    "ix_batch_unknown", batch.c.id, sqlite_where=batch.c.state == "unknown", postgresql_where=batch.c.state == "unknown"
)


# --- History ---

#: The audit log: every transition, with its time, its cause, and who made it. Rows are never deleted.
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


# --- Published files: see flows/ledger/core/outbox.py ---

outbox = Table(
    "outbox",
    metadata,
    Column("kind", String, nullable=False),  # receipt | report | report_incomplete | index | operator
    Column("business", String, nullable=False),
    Column("key", String, nullable=False),  # the drop, the submission, or empty
    Column("stamp", BigInteger, nullable=False),
    Column("claimed_by", String),  # who writes it now
    Column("claimed_until", Instant),
    PrimaryKeyConstraint("kind", "business", "key"),
)


# --- Totals: kept up to date, so that an index page costs the same after ten years ---

#: Totals of a business over all time.
tally = Table(
    "tally",
    metadata,
    Column("business", String, primary_key=True),
    Column("submissions", BigInteger, nullable=False),
    Column("last_received_at", Instant, nullable=False),
    Column("bytes", BigInteger),  # in archive and reports; null: not counted yet
)

#: Totals of a business by day.
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

#: Findings of a business by day and rule.
rule_day = Table(
    "rule_day",
    metadata,
    Column("business", String, nullable=False),
    Column("day", String, nullable=False),
    Column("rule", String, nullable=False),
    Column("count", BigInteger, nullable=False),
    PrimaryKeyConstraint("business", "day", "rule"),
)


# --- State of the whole ledger: see flows/ledger/core/control_flags.py ---

flag = Table(
    "flag",
    metadata,
    Column("name", String, primary_key=True),
    Column("value", JSON, nullable=False),
)
