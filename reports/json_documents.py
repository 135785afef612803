"""The documents for programs: report.json and receipt.json, with their published JSON Schemas."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any, Literal
from zoneinfo import ZoneInfo

from reports.formatting import plain_text
from reports.views import OperatorDecision, ReceiptView, ReleasedNumber, RevisionChanges, SubmissionView
from schemas.model.findings import Finding
from schemas.model.judgment import Counts, FileResult, Judgment
from schemas.model.manifest import Manifest, Schedule
from schemas.reasons import Reason
from schemas.rows.rule_codes import count_row_findings

#: Goes up with any change that could break a reader. Within a version, fields are only added.
SCHEMA_VERSION = 2


_BASELINE_FIELDS = ("submission", "fixed", "still_open", "left_out", "new", "not_compared")


def report_json(view: SubmissionView) -> str:
    """The text of report.json, with the keys and meanings of `reports/schemas/report.schema.json`."""
    judgment = view.judgment
    return _to_json(
        {
            "schema_version": SCHEMA_VERSION,
            "submission": _submission(view),
            "verdict": None if view.incomplete else judgment.verdict,
            "program": _program(judgment.manifest),
            "counts": _counts(judgment.counts),
            "files": [_file(file) for file in judgment.files],
            "rules": _rules(judgment),
            "rules_not_checked": list(judgment.rules_not_checked),
            "findings": [_finding(finding) for finding in judgment.findings],
            "findings_total": judgment.findings_total,
            "findings_shown": len(judgment.findings),
            "revision": _revision(view.revision),
            "baseline": _pick_fields(judgment.baseline, *_BASELINE_FIELDS),
            "engine": _engine(judgment),
            **_refused(view),
            **_rejections(judgment),
        }
    )


def receipt_json(view: ReceiptView) -> str:
    """The text of receipt.json, with the keys and meanings of `reports/schemas/receipt.schema.json`."""
    return _to_json(
        {
            "schema_version": SCHEMA_VERSION,
            "outcome": view.outcome,
            "business": view.business,
            "drop": view.drop,
            "reference": view.reference,
            "received_at": format_utc(view.received_at),
            "submission": view.submission,
            "verdict": view.verdict,
            "counts": _counts(view.counts) if view.counts else None,
            "registered": view.registered,
            "reasons": [_reason(reason) for reason in view.reasons],
            "reasons_total": view.reasons_total,
            "decision": _decision(view.decision) if view.decision else None,
            "program_state": view.state,
            "branding": view.branding,
            "scheduled_start": format_utc(view.scheduled_start) if view.scheduled_start else None,
            "digest": view.digest,
            "link": f"{view.folder}report.html",
            "report": f"{view.folder}report.html",
            "report_json": f"{view.folder}report.json",
            "findings": [_finding(finding) for finding in view.findings],
            "findings_total": view.findings_total,
            **_refused(view),
            "released": [_released(each) for each in view.released],
        }
    )


def published_schema(name: Literal["report", "receipt"]) -> str:
    """The JSON Schema (draft 2020-12) of report.json or receipt.json."""
    return (files("reports") / "schemas" / f"{name}.schema.json").read_text(encoding="utf-8")


def format_utc(instant: datetime) -> str:
    """ISO 8601 in UTC with `Z`. Whole seconds have no fraction."""
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _submission(view: SubmissionView) -> dict[str, Any]:
    return {
        "id": view.id,
        "business": view.business,
        "reference": view.reference,
        "drop": view.drop,
        "digest": view.digest,
        "received_at": format_utc(view.received_at),
    }


def _program(manifest: Manifest | None) -> dict[str, Any] | None:
    if manifest is None:
        return None
    return {
        "business_unit": manifest.business_unit,
        "create_business_unit": manifest.create_business_unit,
        "type": manifest.program_type,
        "name": manifest.name,
        "call_purpose": manifest.call_purpose,
        "description": manifest.description,
        "display_name": _pick_fields(manifest.display_name, "display", "shorthand"),
        "logo": manifest.logo,
        "call_reason": manifest.call_reason,
        **_schedule(manifest.schedule),
        "numbers_mode": manifest.numbers_mode,
        "on_rejected_rows": manifest.on_rejected_rows,
        "max_rejected_percent": manifest.max_rejected_percent,
        "state": manifest.state,
        "reassign": manifest.reassign,
        "hold_until_branded": manifest.hold_until_branded,
    }


def _schedule(schedule: Schedule | None) -> dict[str, Any]:
    if schedule is None:
        return {"start": None, "end": None, "timezone": None}
    zone = ZoneInfo(schedule.timezone)
    start, end = (
        {"utc": format_utc(instant), "local": instant.astimezone(zone).isoformat()}
        for instant in (schedule.start, schedule.end)
    )
    return {"start": start, "end": end, "timezone": schedule.timezone}


def _engine(judgment: Judgment) -> dict[str, Any]:
    versions = judgment.versions
    return {
        **{key: versions.get(key) for key in ("launchdrop", "rules", "phonenumbers")},
        "area_codes": {"supplement": versions.get("area_codes"), "operator": versions.get("operator_area_codes")},
    }


def _revision(revision: RevisionChanges | None) -> dict[str, Any] | None:
    if revision is None:
        return None
    return {
        **{name: getattr(revision, name) for name in ("number", "added", "removed", "changed")},
        "numbers": [
            {
                "change": each.kind,
                "phone_number": each.number,
                "call_purpose_before": each.purpose_before,
                "call_purpose": each.purpose,
            }
            for each in revision.shown
        ],
        "numbers_listed": revision.listed,
    }


def _rejections(judgment: Judgment) -> dict[str, int]:
    """How many lines rejections.csv would have, and how many it has."""
    total = count_row_findings(judgment.totals)
    return {"rejections_total": total, "rejections_shown": total - judgment.rows.unlisted}


def _rules(judgment: Judgment) -> list[dict[str, Any]]:
    return [
        {"id": rule.id, "name": rule.name, "severity": rule.severity, "count": rule.count, "fix": rule.fix}
        for rule in judgment.totals
    ]


def _file(file: FileResult) -> dict[str, Any]:
    return {
        "name": file.name,
        "sha256": file.sha256,
        "bytes": file.bytes,
        "chunks": file.chunks,
        "counts": _counts(file.counts),
    }


def _counts(counts: Counts) -> dict[str, int]:
    return {
        "read": counts.read,
        "accepted": counts.accepted,
        "rejected": counts.rejected,
        "ignored": counts.ignored,
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "rule": finding.rule,
        "severity": finding.severity,
        "file": finding.file,
        "row": finding.row,
        "line": finding.line,
        "column": finding.column,
        "path": finding.path,
        "value": finding.value,
        "message": finding.message,
        "suggestion": finding.suggestion,
    }


def _reason(reason: Reason) -> dict[str, Any]:
    return {
        "rule": reason.rule,
        "message": reason.message,
        "fix": reason.fix,
        "file": reason.file,
        "row": reason.row,
        "line": reason.line,
        "path": reason.path,
        "suggestion": reason.suggestion,
        "count": reason.count,
    }


def _decision(decision: OperatorDecision) -> dict[str, Any]:
    return {
        "what": decision.what,
        "who": decision.who,
        "when": format_utc(decision.when),
        "reason": decision.reason,
    }


def _refused(view: SubmissionView | ReceiptView) -> dict[str, Any]:
    return {
        "refused": [{"number": each.number, "reason": each.reason} for each in view.refused],
        "refused_total": view.refused_total,
    }


def _released(each: ReleasedNumber) -> dict[str, Any]:
    return {
        "number": each.number,
        "message": plain_text("released_from_program" if each.was_in_program else "released_and_free"),
        "at": format_utc(each.at),
        "reason": each.reason,
    }


def _pick_fields(value: object, *names: str) -> dict[str, Any] | None:
    return None if value is None else {name: getattr(value, name) for name in names}


def _to_json(document: Mapping[str, Any]) -> str:
    """Readable JSON. A lone surrogate, which UTF-8 cannot encode, becomes "?"."""
    text = json.dumps(document, ensure_ascii=False, indent=1) + "\n"
    return text.encode("utf-8", "replace").decode("utf-8")
