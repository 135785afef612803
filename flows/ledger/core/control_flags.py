"""What holds for all programs at once: whether launching is paused, and whether this ledger is the newest there was."""

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select

from flows.ledger.core.tables import flag, move
from flows.ledger.core.transitions import note, upsert

_PAUSED = "paused"
_IDENTITY = "identity"
_BASE = "generation_base"


@dataclass(frozen=True, slots=True, kw_only=True)
class Paused:
    """Since when, by whom and why nothing is launched. `restored`: nothing is ended or branded either."""

    at: str
    by: str
    why: str
    restored: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Marker:
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


def count_up(conn: Connection, name: str, kind: str) -> None:
    """One more of a kind, under a name of its own; several may count at once."""
    kept = conn.execute(select(flag.c.value).where(flag.c.name == name).with_for_update()).scalar() or {}
    set_flag(conn, name, kept | {kind: kept.get(kind, 0) + 1})


def counted(conn: Connection, name: str) -> dict[str, int]:
    """What was counted under a name, by kind."""
    return get_flag(conn, name) or {}


def paused(conn: Connection) -> Paused | None:
    """Why nothing is launched at present; None: launching goes on."""
    value = get_flag(conn, _PAUSED)
    return Paused(**value) if value else None


def pause(conn: Connection, *, by: str, why: str, now: datetime, restored: bool = False) -> None:
    """Stop all launching. Programs that are live stay so; pausing what is paused changes nothing."""
    if paused(conn) is None:
        set_flag(conn, _PAUSED, {"at": now.isoformat(), "by": by, "why": why, "restored": restored})
        note(conn, now, [{"thing": "launching", "before": "running", "after": "paused", "cause": why, "by": by}])


def resume(conn: Connection, *, by: str, now: datetime) -> bool:
    """Start launching again; False when it was not paused."""
    if paused(conn) is None:
        return False
    set_flag(conn, _PAUSED, None)
    note(conn, now, [{"thing": "launching", "before": "paused", "after": "running", "cause": "resumed", "by": by}])
    return True


def marker(conn: Connection) -> Marker:
    """How far this ledger has come, to be put beside the archive after a commit."""
    made = conn.execute(select(func.max(move.c.id))).scalar() or 0
    return Marker(ledger=str(get_flag(conn, _IDENTITY) or ""), generation=made + (get_flag(conn, _BASE) or 0))


def check_marker(conn: Connection, beside: Marker | None, *, now: datetime) -> bool:
    """Compare the ledger with the marker found beside the archive; whether launching was paused for it.

    A marker that is further than the ledger was written by a later state of it, so this one was restored from a backup
    and may have forgotten launches; a marker of another ledger means that this one was put in its place. Either way
    launching is paused until the operator resumes it, once: the ledger then counts on from the marker.
    """
    if get_flag(conn, _IDENTITY) is None:
        set_flag(conn, _IDENTITY, secrets.token_hex(8))
    mine = marker(conn)
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
    pause(conn, by="launchdrop", why=why, now=now, restored=True)
    return True
