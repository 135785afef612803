"""Judges a drop. The functions are in the order of the steps:

1. parse the manifest,
2. check the program that it describes, and which of its files are in the drop,
3. judge the rows,
4. decide the verdict,
5. put the judgment together, and compare it with the previous submission for the program.

Importing this module is cheap: the modules that judge rows are imported when there are rows to judge.
"""

import io
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import phonenumbers

from schemas import __version__
from schemas.manifest.drop_files import ListedFiles, check_manifest_count, find_numbers_files, report_unlisted_files
from schemas.manifest.finding_collector import FindingCollector
from schemas.manifest.parse import ManifestContent, ParsedManifest, parse_manifest
from schemas.manifest.program_checks import CheckedProgram, check_program
from schemas.model.area_codes import AreaCodeList, AreaCodesOnDay
from schemas.model.callbacks import OpenSpillFile, Progress
from schemas.model.drop import Drop, DropFile, explain_different_sha256
from schemas.model.findings import Finding
from schemas.model.judging_context import JudgingContext, PreviousSubmission
from schemas.model.judgment import NO_NUMBERS, Counts, Judgment, RowTotals, RuleTotal
from schemas.model.manifest import Manifest, NumbersFile
from schemas.model.policy import FindingCaps, Policy
from schemas.rows.numbers.area_codes import merge_area_codes, shipped_area_codes
from schemas.rules import RULES, RULES_VERSION
from schemas.rules_not_checked import (
    not_checked_in_bare_file,
    not_checked_in_drop,
    not_checked_without_manifest,
    not_checked_without_rows,
)
from schemas.verdict import VerdictWithReasons, decide_verdict

if TYPE_CHECKING:
    from schemas.rows.row_judge import NumbersResult
    from schemas.rows.types import NumberTerms, RowWorkers

#: Judges the rows of files and the typed-in numbers of a manifest.
_JudgeRows = Callable[[list[tuple[NumbersFile, DropFile]], Manifest, JudgingContext], "NumbersResult"]

DEFAULT_CAPS = FindingCaps()
REJECTED = VerdictWithReasons(verdict="rejected")
#: The program types that show a display name.
BRANDING_TYPES = ("INFORM", "INFORM with Logo")


def judge(
    drop: Drop,
    context: JudgingContext,
    policy: Policy,
    now: datetime,
    *,
    parsed: ParsedManifest | None = None,
    caps: FindingCaps = DEFAULT_CAPS,
    open_spill: OpenSpillFile = io.BytesIO,
    workers: "RowWorkers | None" = None,
    progress: Progress | None = None,
) -> Judgment:
    """Judge a drop at the instant `now`. Any bytes give a judgment; only errors of files and databases raise.

    `parsed` is the drop's first manifest, if it was already parsed with the same limits. `open_spill` opens temporary
    files, which the judgment's rows are read from. `workers` judge the rows of large files in other processes.
    """
    judge_rows = partial(
        _judge_rows, policy=policy, now=now, caps=caps, open_spill=open_spill, workers=workers, progress=progress
    )
    findings, content = _read_manifest(drop, parsed, policy, caps)
    if content is None:
        return _build_judgment(findings, caps, REJECTED, context, not_checked=not_checked_without_manifest())
    files = ListedFiles(drop, content.listed_files)
    program = check_program(content, drop, files, context, policy, now, findings)
    rows = _judge_numbers(files, program.manifest, context, findings, judge_rows)
    verdict = _decide(content, rows, context, policy, findings)
    not_checked = not_checked_in_drop(drop, context, program.manifest)
    judgment = _build_judgment(findings, caps, verdict, context, rows, program, not_checked)
    return _compare_with_previous(judgment, context.previous) if context.has_ledger else judgment


def judge_incomplete(
    drop: Drop,
    context: JudgingContext,
    policy: Policy,
    now: datetime,
    *,
    different: Mapping[str, str],
    parsed: ParsedManifest | None = None,
    caps: FindingCaps = DEFAULT_CAPS,
) -> Judgment:
    """Judge what is known of a drop that has not arrived completely: all but its rows. It is rejected as it is.

    `different` has the sha256 of each numbers file that is not the one the manifest gives a sha256 for. Of the files,
    only the manifest and the logo are opened. Options as in `judge`.
    """
    findings, content = _read_manifest(drop, parsed, policy, caps)
    if content is None:
        return _build_judgment(findings, caps, REJECTED, context, not_checked=not_checked_without_manifest())
    files = ListedFiles(drop, content.listed_files)
    program = check_program(content, drop, files, context, policy, now, findings)
    for listed, file in find_numbers_files(files, content.manifest, findings):
        if listed.sha256 and file.name in different:
            message = explain_different_sha256(different[file.name], listed.sha256)
            findings.report("CSV-003", message, file=listed.file)
    report_unlisted_files(files, findings)
    not_checked = not_checked_without_rows(drop, context, program.manifest)
    return _build_judgment(findings, caps, REJECTED, context, program=program, not_checked=not_checked)


def judge_csv(
    file: DropFile,
    policy: Policy,
    now: datetime,
    *,
    area_codes: AreaCodeList | None = None,
    caps: FindingCaps = DEFAULT_CAPS,
    open_spill: OpenSpillFile = io.BytesIO,
    workers: "RowWorkers | None" = None,
    progress: Progress | None = None,
) -> Judgment:
    """Judge a numbers file without a manifest, by the rules about files and rows only, as of the instant `now`.

    `area_codes` is the operator's list. Other options as in `judge`.
    """
    context = JudgingContext(area_codes=area_codes)
    rows = _judge_rows(
        [(NumbersFile(file=file.name), file)],
        Manifest(),
        context,
        policy=policy,
        now=now,
        caps=caps,
        open_spill=open_spill,
        workers=workers,
        progress=progress,
    )
    verdict = decide_verdict(Manifest(), _counts(rows), has_errors=rows.has_file_errors, has_rows=True)
    findings = FindingCollector(caps.per_rule)
    return _build_judgment(findings, caps, verdict, context, rows, not_checked=not_checked_in_bare_file())


# 1. Parse the manifest


def _read_manifest(
    drop: Drop, parsed: ParsedManifest | None, policy: Policy, caps: FindingCaps
) -> tuple[FindingCollector, ManifestContent | None]:
    """The findings about the drop's manifest by itself, and what it says. None if it is missing or not readable."""
    findings = FindingCollector(caps.per_rule)
    check_manifest_count(drop, findings)
    parsed = parsed or parse_drop_manifest(drop, policy, caps)
    if parsed is None:
        return findings, None
    findings.include(parsed.findings)
    return findings, parsed.content


def parse_drop_manifest(drop: Drop, policy: Policy, caps: FindingCaps = DEFAULT_CAPS) -> ParsedManifest | None:
    """Parse the drop's first manifest. Returns None if the drop has no manifest."""
    if not drop.manifests:
        return None
    with drop.manifests[0].open() as stream:
        content = stream.read(policy.max_manifest_bytes + 1)
    return parse_manifest(content, max_bytes=policy.max_manifest_bytes, per_rule=caps.per_rule)


# 2 and 3. Find the numbers files, and judge the rows (`check_program` checks the program)


def _judge_numbers(
    files: ListedFiles,
    manifest: Manifest,
    context: JudgingContext,
    findings: FindingCollector,
    judge_rows: _JudgeRows,
) -> "NumbersResult | None":
    """Judge all numbers of an active program. None if there are no files and no typed-in numbers."""
    if manifest.state != "active":
        return None
    numbers_files = find_numbers_files(files, manifest, findings)
    report_unlisted_files(files, findings)
    return judge_rows(numbers_files, manifest, context) if numbers_files or manifest.typed else None


def _judge_rows(
    files: list[tuple[NumbersFile, DropFile]],
    manifest: Manifest,
    context: JudgingContext,
    *,
    policy: Policy,
    now: datetime,
    caps: FindingCaps,
    open_spill: OpenSpillFile,
    workers: "RowWorkers | None",
    progress: Progress | None,
) -> "NumbersResult":
    # Only here, for a fast start: these import numpy, pandas and Pandera.
    from schemas.rows.row_judge import judge_numbers
    from schemas.rows.types import NumbersSource

    sources = [
        NumbersSource(
            name=file.name,
            bytes=file.bytes,
            sha256=file.sha256,
            open=file.open,
            expected_sha256=listed.sha256,
            expected_rows=listed.rows,
        )
        for listed, file in files
    ]
    return judge_numbers(
        sources,
        manifest.typed,
        _number_terms(manifest, context, policy, now),
        policy=policy,
        caps=caps,
        open_spill=open_spill,
        workers=workers,
        progress=progress,
    )


def _number_terms(manifest: Manifest, context: JudgingContext, policy: Policy, now: datetime) -> "NumberTerms":
    from schemas.rows.types import NumberTerms  # only here, for a fast start

    business = context.business
    return NumberTerms(
        call_purpose=manifest.call_purpose,
        regions=policy.regions if business is None or business.regions is None else business.regions,
        toll_free=policy.toll_free,
        area_codes=_area_codes_on_day(manifest, context, now),
        do_not_originate=context.do_not_originate,
        claims=context.claims,
        suspects=context.previous.suspects if context.previous else None,
        read_purposes=context.read_purposes,
    )


def _area_codes_on_day(manifest: Manifest, context: JudgingContext, now: datetime) -> AreaCodesOnDay:
    """The listed area codes on the day when the numbers go live: at the start, or now if it is past or not known."""
    schedule = manifest.schedule
    live_at = max(schedule.start, now) if schedule else now
    zone = ZoneInfo(schedule.timezone) if schedule else UTC
    return AreaCodesOnDay(
        codes=merge_area_codes(context.area_codes), day=live_at.astimezone(zone).date(), is_start=live_at != now
    )


# 4. Decide the verdict


def _decide(
    content: ManifestContent,
    rows: "NumbersResult | None",
    context: JudgingContext,
    policy: Policy,
    findings: FindingCollector,
) -> VerdictWithReasons:
    """The verdict. Checks the rules about all rows together first: MAN-017, PUR-005, MAN-019."""
    manifest, counts, has_rows = content.manifest, _counts(rows), rows is not None
    _check_rejected_share(content, counts, findings)
    _check_all_do_not_originate(content, rows, context, findings)
    has_errors = findings.has_errors or (rows is not None and rows.has_file_errors)
    verdict = decide_verdict(manifest, counts, has_errors=has_errors, has_rows=has_rows)
    if verdict.verdict == "rejected" or not _check_removed_share(content, rows, context, policy, findings):
        return verdict
    return decide_verdict(manifest, counts, has_errors=False, has_rows=has_rows, removes_many=True)


def _check_rejected_share(content: ManifestContent, counts: Counts, findings: FindingCollector) -> None:
    """MAN-017: more rows were rejected than the manifest allows."""
    limit = content.manifest.max_rejected_percent
    if limit is None or counts.rejected * 100 <= limit * counts.read:
        return
    percent = counts.rejected * 100 / counts.read
    message = (
        f"{counts.rejected:,} of {counts.read:,} rows were rejected ({percent:.3g}%); "
        f"max_rejected_percent allows {limit:g}%."
    )
    findings.report("MAN-017", message, **content.root_keys.at("max_rejected_percent"))


def _check_all_do_not_originate(
    content: ManifestContent, rows: "NumbersResult | None", context: JudgingContext, findings: FindingCollector
) -> None:
    """PUR-005: no number of the program makes calls, but its type brands calls."""
    manifest, program = content.manifest, context.program
    keeps_calling_numbers = program is not None and program.calls and manifest.numbers_mode == "add"
    if rows is None or not rows.all_do_not_originate or keeps_calling_numbers:
        return
    if manifest.program_type in BRANDING_TYPES:
        message = f"Every number is Do Not Originate, but {manifest.program_type} programs brand calls."
        findings.report("PUR-005", message, **(content.program_keys or content.root_keys).at("type"))


def _check_removed_share(
    content: ManifestContent,
    rows: "NumbersResult | None",
    context: JudgingContext,
    policy: Policy,
    findings: FindingCollector,
) -> bool:
    """MAN-019: replacing would remove more of a live program's numbers than the policy allows. True if it is broken."""
    program, count_removed = context.program, context.count_removed_by_replace
    if content.manifest.numbers_mode != "replace" or not program or not program.live or not count_removed:
        return False
    removed = count_removed(rows or NO_NUMBERS)
    if removed * 100 <= policy.max_removed_percent * program.numbers:
        return False
    message = f"Replacing would remove {removed:,} of the program's {program.numbers:,} numbers."
    findings.report("MAN-019", message, **content.root_keys.at("numbers_mode"))
    return True


# 5. Put the judgment together, and compare it with the previous submission for the program


def _build_judgment(
    findings: FindingCollector,
    caps: FindingCaps,
    verdict: VerdictWithReasons,
    context: JudgingContext,
    rows: "NumbersResult | None" = None,
    program: CheckedProgram | None = None,
    not_checked: tuple[str, ...] = (),
) -> Judgment:
    return Judgment(
        verdict=verdict.verdict,
        manifest=program.manifest if program else None,
        counts=_counts(rows),
        files=rows.files if rows else (),
        totals=_rule_totals(findings, rows),
        findings=_sorted_findings(findings, rows, caps),
        findings_total=findings.totals.total() + (rows.findings_total if rows else 0),
        rules_not_checked=not_checked,
        groups=rows.groups if rows else (),
        rows=rows.rows if rows else RowTotals(),
        held_because=verdict.held_because,
        logo=program.logo if program else None,
        numbers=rows or NO_NUMBERS,
        versions=_versions(context),
    )


def _versions(context: JudgingContext) -> dict[str, str]:
    operator = {"operator_area_codes": context.area_codes.version} if context.area_codes else {}
    return {
        "launchdrop": __version__,
        "rules": RULES_VERSION,
        "phonenumbers": phonenumbers.__version__,
        "area_codes": shipped_area_codes().version,
        **operator,
    }


def _counts(rows: "NumbersResult | None") -> Counts:
    return sum((file.counts for file in rows.files), Counts()) if rows else Counts()


def _sorted_findings(
    findings: FindingCollector, rows: "NumbersResult | None", caps: FindingCaps
) -> tuple[Finding, ...]:
    """Manifest findings by line (those without a line last), then row findings. At most `caps.shown`."""
    of_manifest = sorted(findings.kept_findings, key=lambda finding: (finding.line is None, finding.line or 0))
    return (*of_manifest, *(rows.findings if rows else ()))[: caps.shown]


def _rule_totals(findings: FindingCollector, rows: "NumbersResult | None") -> tuple[RuleTotal, ...]:
    """The totals of all broken rules, in catalog order."""
    counts = findings.totals + Counter(rows.totals if rows else {})
    return tuple(
        RuleTotal(
            id=rule.id,
            name=rule.name,
            severity=findings.severities.get(rule.id, rule.severity),
            count=counts[rule.id],
            fix=rule.fix,
        )
        for rule in RULES.values()
        if counts[rule.id]
    )


def _compare_with_previous(judgment: Judgment, previous: PreviousSubmission | None) -> Judgment:
    from schemas.rows.open_rejections import update_open_rejections  # only here, for a fast start

    manifest = judgment.manifest
    # A rejected submission changes nothing of the program, whatever it says.
    replaces_all = manifest is not None and manifest.numbers_mode == "replace" and judgment.verdict != "rejected"
    baseline, now_open = update_open_rejections(judgment.numbers, previous, replaces_all=replaces_all)
    return replace(judgment, baseline=baseline, open_rejections=now_open)
