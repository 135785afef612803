"""How a manifest is kept as JSON, and read back as it was."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

from schemas.business import DisplayName
from schemas.manifest import Manifest, NumbersFile, Schedule, TypedNumber


def manifest_json(manifest: Manifest) -> dict[str, Any]:
    """The manifest as understood, instants as ISO 8601; the typed-in numbers stay in the archive."""
    form = asdict(manifest) | {"typed": []}
    if manifest.schedule:
        form["schedule"] |= {"start": manifest.schedule.start.isoformat(), "end": manifest.schedule.end.isoformat()}
    return form


def manifest_of(form: dict[str, Any]) -> Manifest:
    """The manifest that `manifest_json` wrote down."""
    schedule, name = form["schedule"], form["display_name"]
    if schedule:
        start, end = datetime.fromisoformat(schedule["start"]), datetime.fromisoformat(schedule["end"])
        schedule = Schedule(start=start, end=end, timezone=schedule["timezone"])
    nested = {
        "schedule": schedule,
        "display_name": DisplayName(**name) if name else None,
        "files": tuple(NumbersFile(**file) for file in form["files"]),
        "typed": tuple(TypedNumber(**typed) for typed in form["typed"]),
    }
    return Manifest(**(form | nested))
