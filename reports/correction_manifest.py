"""The manifest to drop with the corrected rejected.csv: it adds only the corrected rows and changes nothing else."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from reports.formatting import plain_text
from reports.views import SubmissionView
from schemas.model.manifest import Manifest

#: The only numbers file that the correction manifest names.
REJECTED_CSV = "rejected.csv"


def correction_manifest(view: SubmissionView) -> str | None:
    """program.yaml for the corrected rows: same reference, `numbers_mode: add`, and rejected.csv as its only file.

    It is written from the parsed manifest, not from the received bytes: row counts and hashes of the original files
    would be wrong. Every value comes out in its canonical form, and times with their offset, so that no zone can be
    misread. None if no manifest could be parsed, or if the drop is incomplete: then the drop itself must be corrected.
    None, too, if there are no rows to correct.
    """
    import yaml  # here because it saves start-up time

    manifest = view.judgment.manifest
    if manifest is None or view.incomplete or not view.judgment.rows_to_send_again:
        return None
    body = yaml.safe_dump(_document(manifest), sort_keys=False, allow_unicode=True, width=1000)
    return _comment(view, manifest) + body.encode("utf-8", "replace").decode("utf-8")


def _comment(view: SubmissionView, manifest: Manifest) -> str:
    key = "correction_part" if view.judgment.verdict.startswith("accepted") else "correction_whole"
    lines = [plain_text(key, submission=view.id)]
    if manifest.logo:
        lines.append(plain_text("correction_logo", logo=ascii(manifest.logo)))
    return "".join(f"# {line}\n" for text in lines for line in text.splitlines())


def _document(manifest: Manifest) -> dict[str, Any]:
    document = {
        "manifest": 1,
        "business": manifest.business,
        "business_unit": _business_unit(manifest),
        "reference": manifest.reference,
        "program": _without_none(
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
        "max_rejected_percent": _whole_if_possible(manifest.max_rejected_percent),
        "reassign": manifest.reassign or None,
        "hold_until_branded": manifest.hold_until_branded or None,
    }
    return _without_none(document)


def _without_none(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}


def _business_unit(manifest: Manifest) -> str | dict[str, Any] | None:
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


def _whole_if_possible(value: float | None) -> float | int | None:
    return int(value) if value is not None and value == int(value) else value
