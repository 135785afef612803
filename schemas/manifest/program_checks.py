"""Checks the program that a manifest describes against its business, its earlier revisions and the policy.

MAN-008 to MAN-010, MAN-014, MAN-015, and calls to the checks of the schedule, display name, call reason and logo.
"""

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime

from schemas.manifest import display_name, logo, schedule
from schemas.manifest.drop_files import ListedFiles
from schemas.manifest.finding_collector import FindingCollector
from schemas.manifest.nearest_words import nearest_word
from schemas.manifest.parse import ManifestContent
from schemas.manifest.schedule import ParsedSchedule
from schemas.manifest.section import SectionKeys, SectionReporter, describe_hidden, printable_text
from schemas.model.drop import Drop
from schemas.model.judging_context import JudgingContext
from schemas.model.judgment import JudgedLogo
from schemas.model.lifecycle import FINAL_STATES
from schemas.model.manifest import Manifest, Schedule
from schemas.model.policy import Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedProgram:
    """A manifest as it will be registered, with its logo."""

    manifest: Manifest
    logo: JudgedLogo | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sections:
    """A manifest, with a reporter for each of its sections."""

    manifest: Manifest
    parsed_schedule: ParsedSchedule | None
    root: SectionReporter
    display_name: SectionReporter | None
    schedule: SectionReporter | None

    @classmethod
    def of(cls, content: ManifestContent, findings: FindingCollector) -> "_Sections":
        def reporter(keys: SectionKeys | None) -> SectionReporter | None:
            return SectionReporter(keys, findings) if keys else None

        return cls(
            manifest=content.manifest,
            parsed_schedule=content.parsed_schedule,
            root=SectionReporter(content.root_keys, findings),
            display_name=reporter(content.display_name_keys),
            schedule=reporter(content.schedule_keys),
        )


def check_program(
    content: ManifestContent,
    drop: Drop,
    files: ListedFiles,
    context: JudgingContext,
    policy: Policy,
    now: datetime,
    findings: FindingCollector,
) -> CheckedProgram:
    """Check a program or a cancellation, and report its faults to `findings`."""
    sections = _Sections.of(content, findings)
    _check_business(sections, drop, context)
    if sections.manifest.state == "cancelled":
        _check_cancellation(sections, context)
        return CheckedProgram(manifest=sections.manifest)
    _check_business_unit(sections, context)
    _check_revision(sections, context)
    if sections.manifest.call_reason:
        display_name.check_call_reason(sections.root, sections.manifest.call_reason, policy=policy)
    name_needs_review = _check_display_name(sections, context, policy)
    checked_schedule = _check_schedule(sections, context, policy, now, name_needs_review=name_needs_review)
    image = _check_logo(sections, files, context)
    return CheckedProgram(manifest=_storable_manifest(sections.manifest, checked_schedule), logo=image)


def _storable_manifest(manifest: Manifest, checked_schedule: Schedule | None) -> Manifest:
    """The manifest with its checked schedule. Its texts were checked as written, and lose their control characters."""
    return replace(
        manifest,
        schedule=checked_schedule,
        display_name=display_name.storable_name(manifest.display_name),
        call_reason=manifest.call_reason and printable_text(manifest.call_reason),
    )


def _check_business(sections: _Sections, drop: Drop, context: JudgingContext) -> None:
    business, root = sections.manifest.business, sections.root
    if business and drop.business and business != drop.business:
        message = f"The manifest is for {business}, but it is in the folder of {drop.business}."
        root.report("MAN-008", "business", message, value=business, suggestion=drop.business)
    elif business and context.is_registered is False:
        root.report("MAN-009", "business", f"The business {business} is not registered.", value=business)


def _check_cancellation(sections: _Sections, context: JudgingContext) -> None:
    """An unknown reference is an error: it is probably misspelled, and the program would stay active."""
    reference = sections.manifest.reference
    if context.has_ledger and context.program is None and reference:
        message = f"No program has the reference {reference}, so there is nothing to cancel."
        sections.root.report("MAN-004", "reference", message, value=reference)
    if context.program and context.program.state == "ended":
        message = f"The program {reference} has ended, so there is nothing to cancel."
        sections.root.report("MAN-015", "reference", message, value=reference)


def _check_business_unit(sections: _Sections, context: JudgingContext) -> None:
    manifest, business = sections.manifest, context.business
    unit = manifest.business_unit
    if unit is None or business is None or manifest.create_business_unit or unit in business.business_units:
        return
    meant = nearest_word(unit, business.business_units)
    message = f'There is no business unit "{unit}"{describe_hidden(unit)}.'
    sections.root.report("MAN-010", "business_unit", message, value=unit, suggestion=meant)


def _check_revision(sections: _Sections, context: JudgingContext) -> None:
    program, manifest, root = context.program, sections.manifest, sections.root
    is_first = program is None or program.held
    # A dry run does not know whether this is the first revision. If it has no numbers, that is most likely a mistake.
    if is_first and not root.is_filled("numbers"):
        root.report("MAN-014", "numbers", "The first revision of a program needs numbers.")
    if program and program.state in FINAL_STATES:
        over = "was canceled" if program.state == "cancelled" else "has ended"
        message = f"The program {manifest.reference} {over} and accepts no more revisions."
        root.report("MAN-015", "reference", message, value=manifest.reference)


def _check_display_name(sections: _Sections, context: JudgingContext, policy: Policy) -> bool:
    """Check the display name, and return whether it needs a review."""
    name = sections.manifest.display_name
    if sections.display_name is None or name is None:
        return False
    return display_name.check_display_name(sections.display_name, name, business=context.business, policy=policy)


def _check_schedule(
    sections: _Sections, context: JudgingContext, policy: Policy, now: datetime, *, name_needs_review: bool
) -> Schedule | None:
    section, parsed, program = sections.schedule, sections.parsed_schedule, context.program
    if section is None or parsed is None:
        return None
    checked = schedule.check_schedule(section, parsed, program=program, policy=policy, now=now)
    if name_needs_review:
        schedule.check_review_time(section, checked, program=program, now=now)
    return checked.to_schedule()


def _check_logo(sections: _Sections, files: ListedFiles, context: JudgingContext) -> JudgedLogo | None:
    """Check the program's logo. Returns None if there is none, it is not found, or it breaks a rule."""
    manifest, root = sections.manifest, sections.root
    if manifest.program_type == "INFORM with Logo" and not root.is_filled("logo"):
        root.report("IMG-001", "logo", "An INFORM with Logo program needs a logo.")
    found = _find_logo(root, manifest.logo, files, context) if manifest.logo else None
    if found is None:
        return None
    size, image = found
    faults = logo.check_logo(size, image.content)
    for fault in faults:
        root.report(fault.rule, "logo", fault.message, value=image.name)
    if faults:
        return None
    if context.business and not image.is_approved:
        message = f"The logo {image.name} is not approved for this business yet."
        root.report("IMG-005", "logo", message, value=image.name)
    return image


def _find_logo(
    root: SectionReporter, name: str, files: ListedFiles, context: JudgingContext
) -> tuple[int, JudgedLogo] | None:
    """The logo's full size in bytes, and its content, which may be cut. A file in the drop wins over the gallery."""
    if file := files.find(name):
        with file.open() as stream:
            content = stream.read(logo.MAX_PARSED_BYTES)
        return file.bytes, _judged_logo(name, content, file.sha256, context)
    if reason := files.explain_refusal(name):
        root.report("MAN-007", "logo", f"The file {name} was not opened: {reason}.", value=name)
        return None
    from_gallery = context.gallery(name)
    if from_gallery is not None:
        return len(from_gallery), _judged_logo(name, from_gallery, _sha256(from_gallery), context)
    if context.is_registered is not None:
        _report_missing_logo(root, name, files)
    return None


def _report_missing_logo(root: SectionReporter, name: str, files: ListedFiles) -> None:
    similar = files.take_similar(name)
    message = f"The logo {name} is neither in the drop nor in the gallery.{f' {similar.sentence}' if similar else ''}"
    root.report("MAN-005", "logo", message, value=name, suggestion=similar.suggestion if similar else None)


def _judged_logo(name: str, content: bytes, sha256: str, context: JudgingContext) -> JudgedLogo:
    is_approved = sha256 in _approved_logos(context)
    return JudgedLogo(name=name, content=content, sha256=sha256, is_approved=is_approved)


def _approved_logos(context: JudgingContext) -> frozenset[str]:
    """The sha256 of every approved logo: those approved in a review, and those in the business's gallery."""
    if context.business is None:
        return frozenset()
    gallery = (context.gallery(name) for name in context.business.logos)
    return context.business.approved_logos | {_sha256(content) for content in gallery if content is not None}


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
