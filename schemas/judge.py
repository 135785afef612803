"""From a drop to its judgment: the manifest's rules and the rows' rules together, and the verdict.

Importing this costs little: what judges the rows is imported when there are rows to judge.
"""

import io
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, BinaryIO

import phonenumbers

from schemas import __version__, not_checked
from schemas.manifest import files, program
from schemas.manifest.finding_collector import FindingCollector
from schemas.manifest.parse import ManifestContent, ParsedManifest, parse_manifest
from schemas.manifest.program import CheckedProgram
from schemas.model.drop import Drop, DropFile, Known
from schemas.model.findings import Finding
from schemas.model.judgment import NO_NUMBERS, Counts, Judgment, RuleTotal
from schemas.model.manifest import Manifest, NumbersFile, TypedNumber
from schemas.model.policy import Caps, Policy
from schemas.rules import RULES, VERSION
from schemas.verdict import Decision, decide

if TYPE_CHECKING:
    from schemas.rows.row_judge import NumbersResult
    from schemas.rows.types import NumbersSource, NumberTerms, RowWorkers

#: Called with the bytes done and the bytes in all.
Progress = Callable[[int, int], None]
OpenSpillFile = Callable[[], BinaryIO]

DEFAULT_CAPS = Caps()
BRANDING_TYPES = ("INFORM", "INFORM with Logo")


def parse_manifest_of(drop: Drop, policy: Policy, caps: Caps = DEFAULT_CAPS) -> ParsedManifest | None:
    """The drop's first manifest, parsed; None where it has none."""
    if not drop.manifests:
        return None
    with drop.manifests[0].open() as stream:
        content = stream.read(policy.max_manifest_bytes + 1)
    return parse_manifest(content, max_bytes=policy.max_manifest_bytes, per_rule=caps.per_rule)


def judge(
    drop: Drop,
    known: Known,
    policy: Policy,
    now: datetime,
    *,
    parsed: ParsedManifest | None = None,
    caps: Caps = DEFAULT_CAPS,
    open_spill: OpenSpillFile = io.BytesIO,
    workers: "RowWorkers | None" = None,
    progress: Progress | None = None,
) -> Judgment:
    """The judgment of a drop at the instant `now`. Any bytes give one; only a broken world raises.

    `parsed` is the drop's first manifest where it was parsed before, with the same limits; else it is parsed here.

    `open_spill` gives temporary files for rejected rows; `workers` are other processes that judge the rows of a
    long file.
    """
    parsed = parsed or parse_manifest_of(drop, policy, caps)
    notes = FindingCollector(caps.per_rule)
    files.report_manifests(drop, notes)
    if parsed is not None:
        notes.include(parsed.findings)
    if parsed is None or parsed.content is None:
        return _assemble(notes, caps, Decision(verdict="rejected"), not_checked=not_checked.without_a_manifest())
    read = parsed.content
    checked = program.check_program(read, drop, known, policy, now, notes)
    rows = None
    if checked.manifest.state == "active":
        sources = _sources(files.numbers_files(drop, checked.manifest, notes))
        files.report_unnamed(drop, read.named, notes)
        if sources or checked.manifest.typed:
            judge_rows = _row_judge(policy, caps, open_spill, workers, progress)
            rows = judge_rows(sources, checked.manifest.typed, _terms(checked.manifest, known, policy))
    decision = _decide(read, rows, known, policy, notes)
    return _assemble(notes, caps, decision, rows, checked, not_checked.in_a_drop(drop, known, checked.manifest))


def judge_csv(
    file: DropFile,
    policy: Policy,
    *,
    caps: Caps = DEFAULT_CAPS,
    open_spill: OpenSpillFile = io.BytesIO,
    workers: "RowWorkers | None" = None,
    progress: Progress | None = None,
) -> Judgment:
    """The judgment of a numbers file by itself: the rules about files and rows alone."""
    from schemas.rows.types import NumbersSource

    source = NumbersSource(name=file.name, bytes=file.bytes, sha256=file.sha256, open=file.open)
    judge_rows = _row_judge(policy, caps, open_spill, workers, progress)
    rows = judge_rows([source], (), _terms(Manifest(), Known(), policy))
    has_errors = rows.has_file_errors
    decision = decide(Manifest(), _counts(rows), has_errors=has_errors, has_rows=True)
    return _assemble(FindingCollector(caps.per_rule), caps, decision, rows, not_checked=not_checked.in_a_bare_file())


def _sources(files: list[tuple[NumbersFile, DropFile]]) -> "list[NumbersSource]":
    if not files:
        return []
    from schemas.rows.types import NumbersSource

    return [
        NumbersSource(
            name=file.name,
            bytes=file.bytes,
            sha256=file.sha256,
            open=file.open,
            expected_sha256=named.sha256,
            expected_rows=named.rows,
        )
        for named, file in files
    ]


def _terms(manifest: Manifest, known: Known, policy: Policy) -> "NumberTerms":
    from schemas.rows.types import NumberTerms

    business = known.business
    return NumberTerms(
        call_purpose=manifest.call_purpose,
        regions=policy.regions if business is None or business.regions is None else business.regions,
        toll_free=policy.toll_free,
        do_not_originate=known.do_not_originate,
        claims=known.claims,
    )


def _row_judge(
    policy: Policy, caps: Caps, open_spill: OpenSpillFile, workers: "RowWorkers | None", progress: Progress | None
) -> "Callable[[list[NumbersSource], tuple[TypedNumber, ...], NumberTerms], NumbersResult]":
    from schemas.rows.row_judge import judge_numbers

    return partial(judge_numbers, policy=policy, caps=caps, open_spill=open_spill, workers=workers, progress=progress)


def _counts(rows: "NumbersResult | None") -> Counts:
    return sum((file.counts for file in rows.files), Counts()) if rows else Counts()


def _decide(
    read: ManifestContent, rows: "NumbersResult | None", known: Known, policy: Policy, notes: FindingCollector
) -> Decision:
    """The verdict, after the rules about the rows as a whole: MAN-017, PUR-005, MAN-019."""
    manifest, counts = read.manifest, _counts(rows)
    _check_rejected_share(read, counts, notes)
    others = known.program is not None and known.program.calls and manifest.numbers_mode == "add"
    if rows and rows.all_do_not_originate and manifest.program_type in BRANDING_TYPES and not others:
        message = f"Every number is Do Not Originate, but {manifest.program_type} brands calls."
        notes.add("PUR-005", message, **(read.program or read.root).at("type"))
    has_errors = notes.has_errors or (rows is not None and rows.has_file_errors)
    decision = decide(manifest, counts, has_errors=has_errors, has_rows=rows is not None)
    if decision.verdict == "rejected" or not _removes_many(read, rows, known, policy, notes):
        return decision
    return decide(manifest, counts, has_errors=False, has_rows=rows is not None, removes_many=True)


def _check_rejected_share(read: ManifestContent, counts: Counts, notes: FindingCollector) -> None:
    most = read.manifest.max_rejected_percent
    if most is None or counts.rejected * 100 <= most * counts.read:
        return
    share = counts.rejected * 100 / counts.read
    message = (
        f"{counts.rejected:,} of {counts.read:,} rows were rejected ({share:.3g} %); "
        f"max_rejected_percent allows {most:g} %."
    )
    notes.add("MAN-017", message, **read.root.at("max_rejected_percent"))


def _removes_many(
    read: ManifestContent, rows: "NumbersResult | None", known: Known, policy: Policy, notes: FindingCollector
) -> bool:
    """MAN-019: whether replacing would take more than the allowed share out of a live program."""
    before = known.program
    if read.manifest.numbers_mode != "replace" or not before or not before.live or not known.removed_by_replace:
        return False
    removed = known.removed_by_replace(rows or NO_NUMBERS)
    if removed * 100 <= policy.max_removed_percent * before.numbers:
        return False
    message = f"Replacing would remove {removed:,} of the program's {before.numbers:,} numbers."
    notes.add("MAN-019", message, **read.root.at("numbers_mode"))
    return True


def _assemble(
    notes: FindingCollector,
    caps: Caps,
    decision: Decision,
    rows: "NumbersResult | None" = None,
    checked: CheckedProgram | None = None,
    not_checked: tuple[str, ...] = (),
) -> Judgment:
    return Judgment(
        verdict=decision.verdict,
        manifest=checked.manifest if checked else None,
        counts=_counts(rows),
        files=rows.files if rows else (),
        totals=_totals(notes, rows),
        findings=_findings(notes, rows, caps),
        findings_total=notes.totals.total() + (rows.findings_total if rows else 0),
        rules_not_checked=not_checked,
        groups=rows.groups if rows else (),
        held_because=decision.held_because,
        rejected_because=decision.rejected_because,
        needs_review=checked.needs_review if checked else (),
        logo=checked.logo if checked else None,
        numbers=rows or NO_NUMBERS,
        versions={"launchdrop": __version__, "rules": VERSION, "phonenumbers": phonenumbers.__version__},
    )


def _findings(notes: FindingCollector, rows: "NumbersResult | None", caps: Caps) -> tuple[Finding, ...]:
    """Manifest findings by line, those without one last; then the rows' by file and row; at most `caps.shown`."""
    manifest = sorted(notes.kept, key=lambda found: (found.line is None, found.line or 0))
    return (*manifest, *(rows.findings if rows else ()))[: caps.shown]


def _totals(notes: FindingCollector, rows: "NumbersResult | None") -> tuple[RuleTotal, ...]:
    counted = notes.totals + Counter(rows.totals if rows else {})
    return tuple(
        RuleTotal(
            id=rule.id,
            name=rule.name,
            severity=notes.severities.get(rule.id, rule.severity),
            count=counted[rule.id],
            fix=rule.fix,
        )
        for rule in RULES.values()
        if counted[rule.id]
    )
