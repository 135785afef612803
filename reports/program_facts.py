"""The program as understood: its facts as lines of text."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from reports.formatting import UTC_ZONE, left, long_moment, moment, place, plain, visible
from reports.headline import zone_of
from reports.views import SubmissionView
from schemas.model.manifest import Manifest

if TYPE_CHECKING:
    from markupsafe import Markup

_WIDTH = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One line: a label, its value (None: missing) and what is to be known of it."""

    label: str
    value: "str | Markup | None"
    note: str = ""


def facts(view: SubmissionView) -> list[Fact]:
    """Every field of the manifest, in the manifest's order; what is missing is said to be."""
    manifest = view.judgment.manifest
    if manifest is None:
        return []
    return [*_identity(view, manifest), *_shown_fields(manifest), *_schedule(view, manifest), *_choices(view, manifest)]


def _identity(view: SubmissionView, manifest: Manifest) -> list[Fact]:
    unit = _cut(manifest.business_unit)
    if unit and manifest.create_business_unit:
        unit = plain("program_unit_create", unit=unit)
    facts = [
        _fact("program_reference", manifest.reference),
        Fact(label=plain("program_business"), value=_cut(view.legal_name or manifest.business)),
        Fact(label=plain("program_business_unit"), value=unit),
        _fact("program_type", manifest.program_type),
        _fact("program_name", manifest.name),
        _fact("program_call_purpose", manifest.call_purpose),
    ]
    return facts + ([_fact("program_description", manifest.description)] if manifest.description else [])


def _shown_fields(manifest: Manifest) -> list[Fact]:
    facts = []
    if manifest.program_type != "SENTRY" or manifest.display_name:
        name = manifest.display_name
        facts.append(_fact("program_display", name.display if name else None))
        facts.append(_fact("program_shorthand", name.shorthand if name else None))
    if manifest.program_type == "INFORM with Logo" or manifest.logo:
        facts.append(_fact("program_logo", manifest.logo))
    return facts + ([_fact("program_call_reason", manifest.call_reason)] if manifest.call_reason else [])


def _schedule(view: SubmissionView, manifest: Manifest) -> list[Fact]:
    schedule = manifest.schedule
    if schedule is None:
        return [Fact(label=plain(key), value=None) for key in ("program_start", "program_end")]
    zone = zone_of(view)
    start = view.scheduled_start or schedule.start
    before = (view.revision.start_before, view.revision.end_before) if view.revision else (None, None)
    return [
        _time("program_start", start, zone, view.now, before[0]),
        _time("program_end", schedule.end, zone, view.now, before[1]),
    ]


def _time(key: str, instant: datetime, zone: ZoneInfo, now: datetime, before: datetime | None) -> Fact:
    notes = [plain("start_utc", when=moment(instant, UTC_ZONE)), left(instant, now)]
    if before:
        notes.append(plain("time_moved", when=moment(before, zone)))
    return Fact(
        label=plain(key),
        value=f"{long_moment(instant, zone)} ({place(str(zone))})",
        note="; ".join(notes),
    )


def _choices(view: SubmissionView, manifest: Manifest) -> list[Fact]:
    rejected = plain(f"rejected_{manifest.on_rejected_rows}")
    if manifest.max_rejected_percent is not None:
        rejected = plain("rejected_percent", how=rejected, percent=f"{manifest.max_rejected_percent:g}")
    facts = [
        Fact(label=plain("program_mode"), value=plain(f"mode_{manifest.numbers_mode}")),
        Fact(label=plain("program_rejected"), value=rejected),
    ]
    if manifest.reassign:
        facts.append(Fact(label=plain("program_reassign"), value=plain("reassign_yes")))
    if manifest.hold_until_branded:
        facts.append(Fact(label=plain("program_hold"), value=plain("hold_yes")))
    return facts + _ledger_facts(view, manifest)


def _ledger_facts(view: SubmissionView, manifest: Manifest) -> list[Fact]:
    facts = []
    if view.state:
        note = plain("live_note") if view.state == "live" else ""
        facts.append(Fact(label=plain("program_state"), value=plain(f"state_name_{view.state}"), note=note))
    if view.branding:
        facts.append(_branding(view.branding, manifest.hold_until_branded))
    return facts


def _branding(branding: str, waits: bool) -> Fact:
    key = "branding_in_review_hold" if branding == "in_review" and waits else f"branding_{branding}_note"
    return Fact(label=plain("program_branding"), value=plain(f"branding_{branding}"), note=plain(key))


def _fact(key: str, value: str | None) -> Fact:
    return Fact(label=plain(key), value=_cut(value))


def _cut(value: str | None) -> str | None:
    return None if value is None else visible(value, _WIDTH)
