"""What holds for all programs at once: whether launching is paused, and whether this ledger is the newest there was."""

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select

from flows.ledger.core.tables import flag, move
from flows.ledger.core.transitions import record_transitions, upsert

_PAUSED = "paused"
_IDENTITY = "identity"
_BASE = "generation_base"


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchPause:
    """Since when, by whom and why nothing is launched. `restored`: nothing is ended or branded either."""

    at: str
    by: str
    why: str
    restored: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerMarker:
    """Which ledger, and how far it had come. Kept beside the archive; it only grows while the ledger is the same."""

    ledger: str
    generation: int


def get_flag(conn: Connection, name: str) -> Any:
    """A flag's value; None: never set."""
    return conn.execute(select(flag.c.value).where(flag.c.name == name)).scalar()


def set_flag(conn: Connection, name: str, value: Any) -> None:
    """Set a flag."""
    statement = upsert(conn, flag).values(name=name, value=value)
    conn.execute(statement.on_conflict_do_update(index_elements=["name"], set_={"value": statement.excluded.value}))


def increment_counter(conn: Connection, name: str, kind: str) -> None:
    """One more of a kind, under a name of its own; several may count at once."""
    kept = conn.execute(select(flag.c.value).where(flag.c.name == name).with_for_update()).scalar() or {}
    set_flag(conn, name, kept | {kind: kept.get(kind, 0) + 1})


def read_counters(conn: Connection, name: str) -> dict[str, int]:
    """What was counted under a name, by kind."""
    return get_flag(conn, name) or {}


def get_launch_pause(conn: Connection) -> LaunchPause | None:
    """Why nothing is launched at present; None: launching goes on."""
    value = get_flag(conn, _PAUSED)
    return LaunchPause(**value) if value else None


def pause_launching(conn: Connection, *, by: str, why: str, now: datetime, restored: bool = False) -> None:
    """Stop all launching. Programs that are live stay so; pausing what is paused changes nothing."""
    if get_launch_pause(conn) is None:
        set_flag(conn, _PAUSED, {"at": now.isoformat(), "by": by, "why": why, "restored": restored})
        record_transitions(
            conn, now, [{"thing": "launching", "before": "running", "after": "paused", "cause": why, "by": by}]
        )


def resume_launching(conn: Connection, *, by: str, now: datetime) -> bool:
    """Start launching again; False when it was not paused."""
    if get_launch_pause(conn) is None:
        return False
    set_flag(conn, _PAUSED, None)
    record_transitions(
        conn, now, [{"thing": "launching", "before": "paused", "after": "running", "cause": "resumed", "by": by}]
    )
    return True


def get_ledger_marker(conn: Connection) -> LedgerMarker:
    """How far this ledger has come, to be put beside the archive after a commit."""
    made = conn.execute(select(func.max(move.c.id))).scalar() or 0
    return LedgerMarker(ledger=str(get_flag(conn, _IDENTITY) or ""), generation=made + (get_flag(conn, _BASE) or 0))


def check_ledger_marker(conn: Connection, beside: LedgerMarker | None, *, now: datetime) -> bool:
    """Compare the ledger with the marker found beside the archive; whether launching was paused for it.

    A marker that is further than the ledger was written by a later state of it, so this one was restored from a backup
    and may have forgotten launches; a marker of another ledger means that this one was put in its place. Either way
    launching is paused until the operator resumes it, once: the ledger then counts on from the marker.
    """
    if get_flag(conn, _IDENTITY) is None:
        set_flag(conn, _IDENTITY, secrets.token_hex(8))
    mine = get_ledger_marker(conn)
    if beside is None or (beside.ledger == mine.ledger and beside.generation <= mine.generation):
        return False
    if get_flag(conn, "replaces") == beside.ledger:
        return False
    if beside.ledger == mine.ledger:
        why = "the ledger is older than the archive: it was restored from a backup"
        set_flag(conn, _BASE, (get_flag(conn, _BASE) or 0) + beside.generation - mine.generation)
    else:
        why = "the archive belongs to another ledger: this one took its place"
        set_flag(conn, "replaces", beside.ledger)
    set_flag(conn, _PAUSED, None)
    pause_launching(conn, by="launchdrop", why=why, now=now, restored=True)
    return True
