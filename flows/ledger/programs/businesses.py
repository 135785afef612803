"""The businesses: seeded from businesses.yaml, decided by the ledger."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from flows.ledger.core.control_flags import get_flag, set_flag
from flows.ledger.core.tables import asset, business_unit
from flows.ledger.core.tables import business as business_table
from flows.ledger.core.transitions import upsert
from flows.ledger.programs.reviews import approve_listed_assets
from schemas.model.business import Business, DisplayName

_SEED = "businesses.yaml"
_LISTS = ("brands", "logos", "contacts", "regions")


def record_businesses(
    conn: Connection,
    businesses: Sequence[Business],
    now: datetime,
    *,
    gallery: Mapping[str, Mapping[str, str]] | None = None,
) -> bool:
    """Take over what businesses.yaml says; whether anything was new. Costs one look when it says what it said before.

    `gallery` gives, by business and name, the sha256 of the gallery's images that are listed as approved. A business
    that is no longer listed stays, and nothing is un-approved; a value that the operator rejected stays rejected.
    """
    digest = _digest(businesses, gallery or {})
    if get_flag(conn, _SEED) == digest:
        return False
    for entry in businesses:
        _seed_one(conn, entry, (gallery or {}).get(entry.id, {}), now)
    set_flag(conn, _SEED, digest)
    return True


def read_business(conn: Connection, business_id: str) -> Business | None:
    """A business as the ledger knows it, with every display name and logo approved so far; None: not registered."""
    row = conn.execute(select(business_table).where(business_table.c.id == business_id)).one_or_none()
    if row is None:
        return None
    units = select(business_unit.c.name).where(business_unit.c.business == business_id).order_by(business_unit.c.name)
    approved = conn.execute(
        select(asset).where(asset.c.business == business_id, asset.c.state == "approved").order_by(asset.c.id)
    ).all()
    names = (DisplayName(display=a.display, shorthand=a.shorthand) for a in approved if a.kind == "display_name")
    return Business(
        id=business_id,
        **_facts(row.facts),
        business_units=tuple(conn.execute(units).scalars()),
        display_names=tuple(names),
        approved_logos=frozenset(a.sha256 for a in approved if a.kind == "logo"),
    )


def list_business_ids(conn: Connection) -> list[str]:
    """All registered businesses, by id."""
    return list(conn.execute(select(business_table.c.id).order_by(business_table.c.id)).scalars())


def add_business_units(conn: Connection, business_id: str, names: Iterable[str]) -> None:
    """Add business units; one that is there already is no fault."""
    rows = [{"business": business_id, "name": name} for name in names]
    if rows:
        conn.execute(upsert(conn, business_unit).on_conflict_do_nothing(), rows)


def _seed_one(conn: Connection, entry: Business, logos: Mapping[str, str], now: datetime) -> None:
    facts: dict[str, Any] = {"legal_name": entry.legal_name, "dba": entry.dba}
    facts |= {name: None if (value := getattr(entry, name)) is None else list(value) for name in _LISTS}
    statement = upsert(conn, business_table).values(id=entry.id, facts=facts, seeded_at=now)
    conn.execute(
        statement.on_conflict_do_update(
            index_elements=["id"], set_={"facts": statement.excluded.facts, "seeded_at": statement.excluded.seeded_at}
        )
    )
    add_business_units(conn, entry.id, entry.business_units)
    names = [{"kind": "display_name", "display": n.display, "shorthand": n.shorthand} for n in entry.display_names]
    images = [{"kind": "logo", "sha256": sha256, "name": name} for name, sha256 in logos.items()]
    images += [{"kind": "logo", "sha256": sha256} for sha256 in sorted(entry.approved_logos)]
    approve_listed_assets(conn, entry.id, [*names, *images], now)


def _facts(facts: dict[str, Any]) -> dict[str, Any]:
    return facts | {name: None if facts[name] is None else tuple(facts[name]) for name in _LISTS}


def _digest(businesses: Sequence[Business], gallery: Mapping[str, Mapping[str, str]]) -> str:
    entries = [repr(sorted(_plain(entry).items())) for entry in businesses]
    seen = json.dumps([entries, {name: dict(images) for name, images in gallery.items()}], sort_keys=True)
    return hashlib.sha256(seen.encode()).hexdigest()


def _plain(entry: Business) -> dict[str, Any]:
    values = {name: getattr(entry, name) for name in Business.__slots__}
    return values | {"approved_logos": sorted(entry.approved_logos)}
