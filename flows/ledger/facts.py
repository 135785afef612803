"""What a revision says of its program besides its numbers: as kept, and as a manifest says it."""

from typing import Any

from sqlalchemy import Connection, Row, select

from flows.ledger.tables import asset
from schemas.business import DisplayName
from schemas.manifest import Manifest, Schedule
from schemas.revision import Facts


def facts_of(conn: Connection, row: Row[Any]) -> Facts:
    """What a revision says."""
    by_id = {}
    for asset_row in conn.execute(select(asset).where(asset.c.id.in_([row.display_name, row.logo]))):
        by_id[asset_row.id] = asset_row
    name, logo = by_id.get(row.display_name), by_id.get(row.logo)
    return Facts(
        schedule=Schedule(start=row.start, end=row.end, timezone=row.timezone),
        display_name=DisplayName(display=name.display, shorthand=name.shorthand) if name else None,
        logo_sha256=logo.sha256 if logo else None,
    )


def facts_said(manifest: Manifest, logo_sha256: str | None) -> Facts:
    brands = manifest.program_type != "SENTRY"
    return Facts(
        schedule=schedule_said(manifest),
        display_name=manifest.display_name if brands else None,
        logo_sha256=logo_sha256 if manifest.program_type == "INFORM with Logo" else None,
    )


def schedule_said(manifest: Manifest) -> Schedule:
    if manifest.schedule is None:
        raise ValueError("an accepted manifest has a schedule")
    return manifest.schedule
