"""The businesses. businesses.yaml seeds them; what counts is the ledger."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from flows.ledger.core.bulk import upsert
from flows.ledger.core.control_flags import get_flag, set_flag
from flows.ledger.core.tables import asset, business_unit
from flows.ledger.core.tables import business as business_table
from flows.ledger.programs.reviews import approve_listed_assets
from schemas.model.business import Business, DisplayName

#: The flag with the digest of the last seeding.
_SEED = "businesses.yaml"

#: Facts that are lists in JSON and tuples in `Business`.
_LISTS = ("brands", "logos", "contacts", "regions")


def record_businesses(
    conn: Connection,
    businesses: Sequence[Business],
    now: datetime,
    *,
    gallery: Mapping[str, Mapping[str, str]] | None = None,
) -> bool:
    """Copy the content of businesses.yaml into the ledger; returns whether it has changed. Otherwise costs one query.

    `gallery` gives the sha256 of the gallery images that are listed as approved, by business and file name. A business
    that is no longer listed stays, and nothing loses its approval. What the operator rejected stays rejected.
    """
    digest = _digest(businesses, gallery or {})
    if get_flag(conn, _SEED) == digest:
        return False
    for entry in businesses:
        _seed_business(conn, entry, (gallery or {}).get(entry.id, {}), now)
    set_flag(conn, _SEED, digest)
    return True


def read_business(conn: Connection, business_id: str) -> Business | None:
    """A business with all display names and logos approved so far; None if it is not registered."""
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
        **_load_facts(row.facts),
        business_units=tuple(conn.execute(units).scalars()),
        display_names=tuple(names),
        approved_logos=frozenset(a.sha256 for a in approved if a.kind == "logo"),
    )


def list_business_ids(conn: Connection) -> list[str]:
    """The ids of all businesses, sorted."""
    return list(conn.execute(select(business_table.c.id).order_by(business_table.c.id)).scalars())


def add_business_units(conn: Connection, business_id: str, names: Iterable[str]) -> None:
    """Add business units that do not exist yet."""
    rows = [{"business": business_id, "name": name} for name in names]
    if rows:
        conn.execute(upsert(conn, business_unit).on_conflict_do_nothing(), rows)


def _seed_business(conn: Connection, entry: Business, logos: Mapping[str, str], now: datetime) -> None:
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


def _load_facts(facts: dict[str, Any]) -> dict[str, Any]:
    return facts | {name: None if facts[name] is None else tuple(facts[name]) for name in _LISTS}


def _digest(businesses: Sequence[Business], gallery: Mapping[str, Mapping[str, str]]) -> str:
    entries = [repr(sorted(_field_values(entry).items())) for entry in businesses]
    content = json.dumps([entries, {name: dict(images) for name, images in gallery.items()}], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()


def _field_values(entry: Business) -> dict[str, Any]:
    values = {name: getattr(entry, name) for name in Business.__slots__}
    return values | {"approved_logos": sorted(entry.approved_logos)}
