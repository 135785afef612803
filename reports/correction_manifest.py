"""The manifest to drop beside the corrected rejected.csv: only what is corrected goes in, all else stays as it is."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from reports.formatting import plain_text
from reports.views import SubmissionView
from schemas.model.manifest import Manifest

#: The file beside it that the repair manifest names.
REJECTED_CSV = "rejected.csv"


def correction_manifest(view: SubmissionView) -> str | None:
    """program.yaml for the corrected rows: same reference, `numbers_mode: add`, and nothing but rejected.csv to read.

    It is written from the manifest as understood, not from its bytes: sizes and hashes of the first files would be
    wrong, and every value comes back canonical (times with their offset, so that no zone can be misread). None where
    no manifest was understood; then the manifest itself is what has to be corrected.
    """
    import yaml

    manifest = view.judgment.manifest
    if manifest is None:
        return None
    body = yaml.safe_dump(_document(manifest), sort_keys=False, allow_unicode=True, width=1000)
    return _head(view, manifest) + body.encode("utf-8", "replace").decode("utf-8")


def _head(view: SubmissionView, manifest: Manifest) -> str:
    key = "repair_part" if view.judgment.verdict.startswith("accepted") else "repair_whole"
    lines = [plain_text(key, submission=view.id)]
    if manifest.logo:
        lines.append(plain_text("repair_logo", logo=ascii(manifest.logo)))
    return "".join(f"# {line}\n" for text in lines for line in text.splitlines())


def _document(manifest: Manifest) -> dict[str, Any]:
    document = {
        "manifest": 1,
        "business": manifest.business,
        "business_unit": _unit(manifest),
        "reference": manifest.reference,
        "program": _present(
            {
                "type": manifest.program_type,
                "name": manifest.name,
                "call_purpose": manifest.call_purpose,
                "description": manifest.description,
            }
        ),
        "display_name": _display_name(manifest),
        "logo": manifest.logo,
        "call_reason": manifest.call_reason,
        "schedule": _schedule(manifest),
        "numbers": [{"file": REJECTED_CSV}],
        "numbers_mode": "add",
        "on_rejected_rows": manifest.on_rejected_rows,
        "max_rejected_percent": _percent(manifest.max_rejected_percent),
        "reassign": manifest.reassign or None,
        "hold_until_branded": manifest.hold_until_branded or None,
    }
    return _present(document)


def _present(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}


def _unit(manifest: Manifest) -> str | dict[str, Any] | None:
    if manifest.business_unit is None or not manifest.create_business_unit:
        return manifest.business_unit
    return {"name": manifest.business_unit, "create": True}


def _display_name(manifest: Manifest) -> dict[str, str] | None:
    name = manifest.display_name
    return {"display": name.display, "shorthand": name.shorthand} if name else None


def _schedule(manifest: Manifest) -> dict[str, str] | None:
    schedule = manifest.schedule
    if schedule is None:
        return None
    zone = ZoneInfo(schedule.timezone)
    return {
        "start": _local(schedule.start, zone),
        "end": _local(schedule.end, zone),
        "timezone": schedule.timezone,
    }


def _local(instant: datetime, zone: ZoneInfo) -> str:
    return instant.astimezone(zone).isoformat(timespec="auto")


def _percent(value: float | None) -> float | int | None:
    return int(value) if value is not None and value == int(value) else value
