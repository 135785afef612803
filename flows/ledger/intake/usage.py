"""How many bytes a business has in the archive and the reports."""

from sqlalchemy import Connection, select, update

from flows.ledger.core.tables import tally


def read_used_bytes(conn: Connection, business: str) -> int | None:
    """What a business uses, as far as it was counted when its submissions were registered.

    None if it was never counted: the ledger comes from an older release.
    """
    row = conn.execute(select(tally.c.bytes).where(tally.c.business == business)).one_or_none()
    return 0 if row is None else row.bytes


def set_used_bytes(conn: Connection, business: str, size: int) -> None:
    """Replace what was counted by what is there."""
    conn.execute(update(tally).where(tally.c.business == business).values(bytes=size))
