"""The program's facts as lines of text: what the manifest says, and the program's state in the ledger."""

from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from reports.formatting import (
    UTC_ZONE,
    format_date_time,
    format_long_date_time,
    plain_text,
    time_left,
    visible_text,
)
from reports.headline import program_zone
from reports.views import SubmissionView
from schemas.model.manifest import Manifest

_VALUE_WIDTH = 200
_MISSING_VALUE_RULES = ("MAN-003", "IMG-001")
#: The manifest's keys of the facts that can be missing.
_PATHS = {
    "program_reference": "reference",
    "program_business": "business",
    "program_type": "program.type",
    "program_name": "program.name",
    "program_call_purpose": "program.call_purpose",
    "program_display": "display_name.display",
    "program_shorthand": "display_name.shorthand",
    "program_logo": "logo",
    "program_start": "schedule.start",
    "program_end": "schedule.end",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramFact:
    """One line: a label, its value and a note. `path` is its key in the manifest.

    A value that is missing or not valid is None. `absence` says then which of the two it is.
    """

    label: str
    value: str | None
    note: str = ""
    path: str = ""
    absence: str = ""


def list_program_facts(view: SubmissionView) -> list[ProgramFact]:
    """Every field of the manifest, in the manifest's order, also the required ones that are missing."""
    manifest = view.judgment.manifest
    if manifest is None:
        return []
    facts = [
        *_identity(view, manifest),
        *_branding_fields(manifest),
        *_schedule(view, manifest),
        *_options(manifest),
        *_ledger_facts(view, manifest),
    ]
    return [fact if fact.value else replace(fact, absence=_explain_absence(view, fact.path)) for fact in facts]


def _explain_absence(view: SubmissionView, path: str) -> str:
    """Why there is no value: the manifest has none, it is not valid, or something else in its section is not valid."""
    section = path.rpartition(".")[0]
    rules = {finding.path: finding.rule for finding in view.judgment.findings if finding.severity == "error"}
    found = rules.get(path) or rules.get(section)
    if found in _MISSING_VALUE_RULES:
        return plain_text("program_missing")
    return plain_text("program_not_valid" if found or not section else "program_unclear", section=section)


def _identity(view: SubmissionView, manifest: Manifest) -> list[ProgramFact]:
    unit = _cut(manifest.business_unit)
    if unit and manifest.create_business_unit:
        unit = plain_text("program_unit_create", unit=unit)
    facts = [
        _fact("program_reference", manifest.reference),
        _fact("program_business", view.legal_name or manifest.business),
        ProgramFact(label=plain_text("program_business_unit"), value=unit, path="business_unit"),
        _fact("program_type", manifest.program_type),
        _fact("program_name", manifest.name),
        _fact("program_call_purpose", manifest.call_purpose),
    ]
    return facts + ([_fact("program_description", manifest.description)] if manifest.description else [])


def _branding_fields(manifest: Manifest) -> list[ProgramFact]:
    facts = []
    if manifest.program_type != "SENTRY" or manifest.display_name:
        name = manifest.display_name
        facts.append(_fact("program_display", name.display if name else None))
        facts.append(_fact("program_shorthand", name.shorthand if name else None))
    if manifest.program_type == "INFORM with Logo" or manifest.logo:
        facts.append(_fact("program_logo", manifest.logo))
    return facts + ([_fact("program_call_reason", manifest.call_reason)] if manifest.call_reason else [])


def _schedule(view: SubmissionView, manifest: Manifest) -> list[ProgramFact]:
    schedule = manifest.schedule
    if schedule is None:
        return [_fact("program_start", None), _fact("program_end", None)]
    zone = program_zone(view)
    start = view.scheduled_start or schedule.start
    old_start, old_end = (view.revision.start_before, view.revision.end_before) if view.revision else (None, None)
    return [
        _time_fact("program_start", start, old_start, zone, view.now),
        _time_fact("program_end", schedule.end, old_end, zone, view.now),
    ]


def _time_fact(key: str, instant: datetime, before: datetime | None, zone: ZoneInfo, now: datetime) -> ProgramFact:
    notes = [format_date_time(instant, UTC_ZONE), time_left(instant, now)]
    if before:
        notes.append(plain_text("time_moved", when=format_date_time(before, zone)))
    return ProgramFact(label=plain_text(key), value=format_long_date_time(instant, zone), note="; ".join(notes))


def _options(manifest: Manifest) -> list[ProgramFact]:
    rejected = plain_text(f"rejected_{manifest.on_rejected_rows}")
    if manifest.max_rejected_percent is not None:
        rejected = plain_text("rejected_percent", how=rejected, percent=f"{manifest.max_rejected_percent:g}")
    facts = [
        _fact("program_mode", plain_text(f"mode_{manifest.numbers_mode}")),
        ProgramFact(label=plain_text("program_rejected"), value=rejected),
    ]
    if manifest.reassign:
        facts.append(_fact("program_reassign", plain_text("reassign_yes")))
    if manifest.hold_until_branded:
        facts.append(_fact("program_hold", plain_text("hold_yes")))
    return facts


def _ledger_facts(view: SubmissionView, manifest: Manifest) -> list[ProgramFact]:
    facts = []
    if view.state:
        note = plain_text("live_note") if view.state == "live" else ""
        state = plain_text(f"state_name_{view.state}")
        facts.append(ProgramFact(label=plain_text("program_state"), value=state, note=note))
    if view.branding:
        waits = view.branding == "in_review" and manifest.hold_until_branded
        note = plain_text("branding_in_review_hold" if waits else f"branding_{view.branding}_note")
        branding = plain_text(f"branding_{view.branding}")
        facts.append(ProgramFact(label=plain_text("program_branding"), value=branding, note=note))
    return facts


def _fact(key: str, value: str | None) -> ProgramFact:
    return ProgramFact(label=plain_text(key), value=_cut(value), path=_PATHS.get(key, ""))


def _cut(value: str | None) -> str | None:
    return None if value is None else visible_text(value, _VALUE_WIDTH)
