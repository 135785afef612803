"""The rules about one program, against what is known of its business and of the program itself.

MAN-008 to MAN-010, MAN-014, MAN-015, and the calls to the SCH, DSP, RSN and IMG rules.
"""

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime

from schemas.manifest import display_name, logo, schedule
from schemas.manifest.finding_collector import FindingCollector
from schemas.manifest.parse import ManifestContent
from schemas.manifest.schedule import Times
from schemas.manifest.section import SectionKeys, SectionReporter, nearest_word, printable_text
from schemas.model.drop import Drop, Known
from schemas.model.judgment import JudgedLogo
from schemas.model.lifecycle import FINAL
from schemas.model.manifest import Manifest, Schedule
from schemas.model.policy import Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedProgram:
    """A manifest with its schedule as it will be, what of it must be reviewed, and its image."""

    manifest: Manifest
    needs_review: tuple[str, ...] = ()
    logo: JudgedLogo | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sections:
    """A manifest's content, with its sections ready to report findings."""

    manifest: Manifest
    times: Times | None
    root: SectionReporter
    display: SectionReporter | None
    schedule: SectionReporter | None

    @classmethod
    def of(cls, content: ManifestContent, findings: FindingCollector) -> "_Sections":
        def reporter(keys: SectionKeys | None) -> SectionReporter | None:
            return SectionReporter(keys, findings) if keys else None

        return cls(
            manifest=content.manifest,
            times=content.times,
            root=SectionReporter(content.root, findings),
            display=reporter(content.display),
            schedule=reporter(content.schedule),
        )


def check_program(
    content: ManifestContent, drop: Drop, known: Known, policy: Policy, now: datetime, findings: FindingCollector
) -> CheckedProgram:
    """Check the program that a manifest describes, and report what is wrong with it."""
    reading = _Sections.of(content, findings)
    _check_business(reading, drop, known)
    if reading.manifest.state == "cancelled":
        _check_cancelling(reading, known)
        return CheckedProgram(manifest=reading.manifest)
    _check_unit(reading, known)
    _check_revision(reading, known)
    if reading.manifest.call_reason:
        display_name.check_reason(reading.root, reading.manifest.call_reason, policy=policy)
    name_in_review = _check_display(reading, known, policy)
    timing = _check_schedule(reading, known, policy, now, in_review=name_in_review)
    image = _check_logo(reading, drop, known)
    logo_in_review = image is not None and known.business is not None and not image.is_approved
    return CheckedProgram(
        manifest=_kept(reading.manifest, timing),
        needs_review=("display_name",) * name_in_review + ("logo",) * logo_in_review,
        logo=image,
    )


def _kept(manifest: Manifest, timing: Schedule | None) -> Manifest:
    """The manifest as it is kept and shown, after its texts were looked at as written."""
    return replace(
        manifest,
        schedule=timing,
        display_name=display_name.storable_name(manifest.display_name),
        call_reason=manifest.call_reason and printable_text(manifest.call_reason),
    )


def _check_business(reading: _Sections, drop: Drop, known: Known) -> None:
    named, root = reading.manifest.business, reading.root
    if named and drop.business and named != drop.business:
        message = f"The manifest is for {named}, but lies in the inbox of {drop.business}."
        root.note("MAN-008", "business", message, value=named, suggestion=drop.business)
    elif named and known.registered is False:
        root.note("MAN-009", "business", f"No business {named} is registered.", value=named)


def _check_cancelling(reading: _Sections, known: Known) -> None:
    """A reference that is not known is no doubt misspelt, and what was to be cancelled would go on."""
    reference = reading.manifest.reference
    if known.ledger and known.program is None and reference:
        message = f"No program has the reference {reference}, so that nothing can be cancelled."
        reading.root.note("MAN-004", "reference", message, value=reference)
    if known.program and known.program.state == "ended":
        message = f"The program {reference} has ended, so that there is nothing to cancel."
        reading.root.note("MAN-015", "reference", message, value=reference)


def _check_unit(reading: _Sections, known: Known) -> None:
    unit, business = reading.manifest.business_unit, known.business
    if unit is None or business is None or reading.manifest.create_business_unit or unit in business.business_units:
        return
    message = f'The business has no unit "{unit}".'
    reading.root.note(
        "MAN-010", "business_unit", message, value=unit, suggestion=nearest_word(unit, business.business_units)
    )


def _check_revision(reading: _Sections, known: Known) -> None:
    program, manifest, root = known.program, reading.manifest, reading.root
    is_first = program is None or program.held
    # A dry run cannot know whether this is the first revision; without numbers it is far more likely a slip.
    if is_first and not root.has("numbers"):
        root.note("MAN-014", "numbers", "The program's first revision names no numbers.")
    if program and program.state in FINAL:
        over = "was cancelled" if program.state == "cancelled" else "has ended"
        message = f"The program {manifest.reference} {over} and takes no revision."
        root.note("MAN-015", "reference", message, value=manifest.reference)


def _check_display(reading: _Sections, known: Known, policy: Policy) -> bool:
    """Whether the display name needs a review."""
    name = reading.manifest.display_name
    if reading.display is None or name is None:
        return False
    return display_name.check_display_name(reading.display, name, business=known.business, policy=policy)


def _check_schedule(
    reading: _Sections, known: Known, policy: Policy, now: datetime, *, in_review: bool
) -> Schedule | None:
    if reading.schedule is None or reading.times is None:
        return None
    times = schedule.check_schedule(reading.schedule, reading.times, program=known.program, policy=policy, now=now)
    if in_review:
        schedule.check_review(reading.schedule, times, program=known.program, now=now)
    return times.schedule()


def _check_logo(reading: _Sections, drop: Drop, known: Known) -> JudgedLogo | None:
    """The image that the program shows; None where it cannot be had or must not be shown."""
    manifest, root = reading.manifest, reading.root
    if manifest.program_type == "INFORM with Logo" and not root.has("logo"):
        root.note("IMG-001", "logo", "The program's type is INFORM with Logo, but logo names no image.")
    found = _find_logo(root, manifest.logo, drop, known) if manifest.logo else None
    if found is None:
        return None
    size, image = found
    faults = logo.check_logo(size, image.content)
    for fault in faults:
        root.note(fault.rule, "logo", fault.message, value=image.name)
    if faults:
        return None
    if known.business and not image.is_approved:
        root.note("IMG-005", "logo", f"The image {image.name} is not approved for the business yet.", value=image.name)
    return image


def _find_logo(root: SectionReporter, name: str, drop: Drop, known: Known) -> tuple[int, JudgedLogo] | None:
    """The image's true size and what was read of it. A file in the drop goes before a gallery name."""
    if name in drop.files:
        file = drop.files[name]
        with file.open() as stream:
            content = stream.read(logo.MAX_READ)
        return file.bytes, _image(name, content, file.sha256, known)
    if why := drop.why_refused(name):
        root.note("MAN-007", "logo", f"The file {name} was not opened: {why}.", value=name)
        return None
    kept = known.gallery(name)
    if kept is not None:
        return len(kept), _image(name, kept, _sha256(kept), known)
    if known.registered is not None:
        root.note("MAN-005", "logo", f"The logo {name} is neither in the drop nor in the gallery.", value=name)
    return None


def _image(name: str, content: bytes, sha256: str, known: Known) -> JudgedLogo:
    return JudgedLogo(name=name, content=content, sha256=sha256, is_approved=sha256 in _approved(known))


def _approved(known: Known) -> frozenset[str]:
    """The sha256 of every approved image: what was reviewed, and what the operator keeps in the business's gallery."""
    if known.business is None:
        return frozenset()
    kept = (known.gallery(name) for name in known.business.logos)
    return known.business.approved_logos | {_sha256(content) for content in kept if content is not None}


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
