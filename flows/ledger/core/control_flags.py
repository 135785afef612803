"""State of the whole ledger, kept in the table `flag`: the launch pause, counters, and the ledger's marker."""

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select

from flows.ledger.core.bulk import upsert
from flows.ledger.core.tables import flag, move
from flows.ledger.core.transitions import LAUNCHDROP, record_transitions

_PAUSED = "paused"
_IDENTITY = "identity"
_BASE = "generation_base"
_REPLACES = "replaces"


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchPause:
    """Since when launching is paused, by whom, and why. `restored`: ending and branding are paused, too.

    The fields are the keys of the stored flag.
    """

    at: str
    by: str
    why: str
    restored: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerMarker:
    """Which ledger this is, and how many transitions it has recorded. A copy is kept beside the archive.

    `generation` only grows as long as the ledger is the same.
    """

    ledger: str
    generation: int


def get_flag(conn: Connection, name: str) -> Any:
    """A flag's value; None if it was never set."""
    return conn.execute(select(flag.c.value).where(flag.c.name == name)).scalar()


def set_flag(conn: Connection, name: str, value: Any) -> None:
    """Set a flag to a JSON value."""
    statement = upsert(conn, flag).values(name=name, value=value)
    conn.execute(statement.on_conflict_do_update(index_elements=["name"], set_={"value": statement.excluded.value}))


def increment_counter(conn: Connection, name: str, kind: str) -> None:
    """Add one to the count of a kind under this name. Safe when several processes count at once."""
    counts = conn.execute(select(flag.c.value).where(flag.c.name == name).with_for_update()).scalar() or {}
    set_flag(conn, name, counts | {kind: counts.get(kind, 0) + 1})


def read_counters(conn: Connection, name: str) -> dict[str, int]:
    """The counts under a name, by kind."""
    return get_flag(conn, name) or {}


def get_launch_pause(conn: Connection) -> LaunchPause | None:
    """Why launching is paused; None if it is not."""
    value = get_flag(conn, _PAUSED)
    return LaunchPause(**value) if value else None


def pause_launching(conn: Connection, *, by: str, why: str, now: datetime, restored: bool = False) -> None:
    """Stop all launching. Live programs stay live. If launching is paused already, nothing changes."""
    if get_launch_pause(conn) is None:
        set_flag(conn, _PAUSED, {"at": now.isoformat(), "by": by, "why": why, "restored": restored})
        entry = {"thing": "launching", "before": "running", "after": "paused", "cause": why, "by": by}
        record_transitions(conn, now, [entry])


def resume_launching(conn: Connection, *, by: str, now: datetime) -> bool:
    """Start launching again; False if it was not paused."""
    if get_launch_pause(conn) is None:
        return False
    set_flag(conn, _PAUSED, None)
    entry = {"thing": "launching", "before": "paused", "after": "running", "cause": "resumed", "by": by}
    record_transitions(conn, now, [entry])
    return True


def get_ledger_marker(conn: Connection) -> LedgerMarker:
    """The ledger's present marker, to be saved beside the archive after a commit."""
    recorded = conn.execute(select(func.max(move.c.id))).scalar() or 0
    return LedgerMarker(ledger=str(get_flag(conn, _IDENTITY) or ""), generation=recorded + (get_flag(conn, _BASE) or 0))


def check_ledger_marker(conn: Connection, saved: LedgerMarker | None, *, now: datetime) -> bool:
    """Compare the ledger with the marker saved beside the archive, and pause launching if they contradict each other.

    If the saved marker is ahead, this ledger was restored from a backup and may not know of some launches. If it is the
    marker of another ledger, this ledger has replaced that one. In both cases launching is paused, once, until the
    operator resumes it, and the ledger continues counting from the saved marker.

    Returns whether launching was paused by this call.
    """
    if get_flag(conn, _IDENTITY) is None:
        set_flag(conn, _IDENTITY, secrets.token_hex(8))
    current = get_ledger_marker(conn)
    if saved is None or (saved.ledger == current.ledger and saved.generation <= current.generation):
        return False
    if get_flag(conn, _REPLACES) == saved.ledger:
        return False
    if saved.ledger == current.ledger:
        why = "the ledger is older than the archive: it was restored from a backup"
        set_flag(conn, _BASE, (get_flag(conn, _BASE) or 0) + saved.generation - current.generation)
    else:
        why = "the archive belongs to another ledger, which this one has replaced"
        set_flag(conn, _REPLACES, saved.ledger)
    set_flag(conn, _PAUSED, None)
    pause_launching(conn, by=LAUNCHDROP, why=why, now=now, restored=True)
    return True
