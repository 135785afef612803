"""The program as understood: its facts as lines of text."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from reports.formatting import (
    UTC_ZONE,
    format_long_moment,
    format_moment,
    plain_text,
    time_left,
    visible_text,
    zone_city,
)
from reports.headline import program_zone
from reports.views import SubmissionView
from schemas.model.manifest import Manifest

if TYPE_CHECKING:
    from markupsafe import Markup

_WIDTH = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramFact:
    """One line: a label, its value (None: missing) and what is to be known of it."""

    label: str
    value: "str | Markup | None"
    note: str = ""


def list_program_facts(view: SubmissionView) -> list[ProgramFact]:
    """Every field of the manifest, in the manifest's order; what is missing is said to be."""
    manifest = view.judgment.manifest
    if manifest is None:
        return []
    return [*_identity(view, manifest), *_shown_fields(manifest), *_schedule(view, manifest), *_choices(view, manifest)]


def _identity(view: SubmissionView, manifest: Manifest) -> list[ProgramFact]:
    unit = _cut(manifest.business_unit)
    if unit and manifest.create_business_unit:
        unit = plain_text("program_unit_create", unit=unit)
    facts = [
        _fact("program_reference", manifest.reference),
        ProgramFact(label=plain_text("program_business"), value=_cut(view.legal_name or manifest.business)),
        ProgramFact(label=plain_text("program_business_unit"), value=unit),
        _fact("program_type", manifest.program_type),
        _fact("program_name", manifest.name),
        _fact("program_call_purpose", manifest.call_purpose),
    ]
    return facts + ([_fact("program_description", manifest.description)] if manifest.description else [])


def _shown_fields(manifest: Manifest) -> list[ProgramFact]:
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
        return [ProgramFact(label=plain_text(key), value=None) for key in ("program_start", "program_end")]
    zone = program_zone(view)
    start = view.scheduled_start or schedule.start
    before = (view.revision.start_before, view.revision.end_before) if view.revision else (None, None)
    return [
        _time("program_start", start, zone, view.now, before[0]),
        _time("program_end", schedule.end, zone, view.now, before[1]),
    ]


def _time(key: str, instant: datetime, zone: ZoneInfo, now: datetime, before: datetime | None) -> ProgramFact:
    notes = [plain_text("start_utc", when=format_moment(instant, UTC_ZONE)), time_left(instant, now)]
    if before:
        notes.append(plain_text("time_moved", when=format_moment(before, zone)))
    return ProgramFact(
        label=plain_text(key),
        value=f"{format_long_moment(instant, zone)} ({zone_city(str(zone))})",
        note="; ".join(notes),
    )


def _choices(view: SubmissionView, manifest: Manifest) -> list[ProgramFact]:
    rejected = plain_text(f"rejected_{manifest.on_rejected_rows}")
    if manifest.max_rejected_percent is not None:
        rejected = plain_text("rejected_percent", how=rejected, percent=f"{manifest.max_rejected_percent:g}")
    facts = [
        ProgramFact(label=plain_text("program_mode"), value=plain_text(f"mode_{manifest.numbers_mode}")),
        ProgramFact(label=plain_text("program_rejected"), value=rejected),
    ]
    if manifest.reassign:
        facts.append(ProgramFact(label=plain_text("program_reassign"), value=plain_text("reassign_yes")))
    if manifest.hold_until_branded:
        facts.append(ProgramFact(label=plain_text("program_hold"), value=plain_text("hold_yes")))
    return facts + _ledger_facts(view, manifest)


def _ledger_facts(view: SubmissionView, manifest: Manifest) -> list[ProgramFact]:
    facts = []
    if view.state:
        note = plain_text("live_note") if view.state == "live" else ""
        facts.append(
            ProgramFact(label=plain_text("program_state"), value=plain_text(f"state_name_{view.state}"), note=note)
        )
    if view.branding:
        facts.append(_branding(view.branding, manifest.hold_until_branded))
    return facts


def _branding(branding: str, waits: bool) -> ProgramFact:
    key = "branding_in_review_hold" if branding == "in_review" and waits else f"branding_{branding}_note"
    return ProgramFact(
        label=plain_text("program_branding"), value=plain_text(f"branding_{branding}"), note=plain_text(key)
    )


def _fact(key: str, value: str | None) -> ProgramFact:
    return ProgramFact(label=plain_text(key), value=_cut(value))


def _cut(value: str | None) -> str | None:
    return None if value is None else visible_text(value, _WIDTH)
