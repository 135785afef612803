"""Sample views for the tests and pictures of the pages: one for each verdict, and one full of hostile values."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pyarrow as pa

from reports.views import (
    AttentionItem,
    BrandingPreview,
    BusinessIndexView,
    BusinessSummary,
    IncompleteSummary,
    NumberChange,
    OperatorDecision,
    OperatorIndexView,
    PastSubmission,
    ProgramSummary,
    ReceiptView,
    RefusedNumber,
    RevisionChanges,
    RuleCount,
    SubmissionSummary,
    SubmissionView,
    UpcomingLaunch,
)
from schemas.model.business import DisplayName
from schemas.model.findings import Finding
from schemas.model.judgment import BaselineComparison, Counts, FileResult, Judgment, RepairGroup, RowTotals, RuleTotal
from schemas.model.manifest import Manifest, NumbersFile, Schedule
from schemas.reasons import Reason, reason_of_finding
from schemas.rows.findings.findings_table import REJECTION_SCHEMA
from schemas.rules import RULES

NOW = datetime(2026, 11, 23, 15, 14, 9, tzinfo=UTC)
DIGEST = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
LOGO = b"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64"><rect width="64" height="64" fill="#0a5257"/>
<path d="M32 12 52 50H12z" fill="#fff"/><path d="M32 28 40 44H24z" fill="#0a5257"/></svg>"""

HOSTILE = (
    "<script>document.title='owned'</script>",
    '"><img src=x onerror="document.title=1">',
    "=cmd|' /C calc'!A0",
    "\u202egpj.exe\u202c \u2066reversed\u2069",
    "zero\u200bwidth\ufeffjoined\u2060",
    "x" * 10_000,
    "👩‍👩‍👧‍👦📞" * 40,
    "nul\x00byte\x1b[31m\r\n\ttab",
    "</textarea></title></style>--><!-- {{ 7*7 }} {% raw %}",
    "]]>'\"&amp;&#x3C;javascript:alert(1)",
)


@dataclass(frozen=True)
class FakeNumbers:
    """Numbers with the given rejected rows. Each call starts over."""

    lines: list[dict] = field(default_factory=list)
    batch: int = 4096

    def accepted(self):
        return iter(())

    def rejections(self) -> Iterator[pa.RecordBatch]:
        for start in range(0, len(self.lines), self.batch):
            yield pa.RecordBatch.from_pylist(self.lines[start : start + self.batch], schema=REJECTION_SCHEMA)

    def rejected_records(self) -> Iterator[bytes]:
        seen = set()
        for line in self.lines:
            if (place := (line["file"], line["row"])) not in seen:
                seen.add(place)
                yield f"{line['phone_number']},{line['call_purpose']}\n".encode()


def line(file, row, number, purpose, rule, message, suggestion=None, *, kept=(None, None, None)):
    """A line of rejections.csv. `kept` is the file, the row and the purpose of the earlier row with the number."""
    values = (
        file, row, row, number, purpose, rule, RULES[rule].severity, message, RULES[rule].fix, suggestion or "",
        None, *kept, False,
    )  # fmt: skip
    return dict(zip(REJECTION_SCHEMA.names, values, strict=True))


def judged(lines, *, files, verdict, manifest, extra=(), groups=(), cap=200, numbers=None, **more) -> Judgment:
    """A judgment with totals, findings and counts computed from these lines and extra findings."""
    counted = Counter(found["rule"] for found in lines) + Counter(finding.rule for finding in extra)
    kept: Counter[str] = Counter()
    findings = list(extra)
    for found in lines:
        kept[found["rule"]] += 1
        if kept[found["rule"]] <= cap:
            findings.append(_finding(found))
    return Judgment(
        verdict=verdict,
        manifest=manifest,
        counts=sum((file.counts for file in files), Counts()),
        files=tuple(files),
        totals=tuple(
            RuleTotal(id=rule, name=RULES[rule].name, severity=RULES[rule].severity, count=n, fix=RULES[rule].fix)
            for rule, n in sorted(counted.items())
        ),
        findings=tuple(findings),
        findings_total=sum(counted.values()),
        groups=tuple(groups),
        numbers=FakeNumbers(lines),
        versions={"launchdrop": "0.1.0", "rules": "1", "phonenumbers": "9.0.43"},
        **more,
    )


def judged_lines(lines, *, cap=200, read=10_000, **more) -> Judgment:
    """A judgment with these lines and the files they name."""
    names = dict.fromkeys(line["file"] for line in lines) or {"numbers.csv": None}
    files = [file_of(name, lines, read=read) for name in names]
    return judged(lines, files=files, verdict="accepted_with_rejections", manifest=MANIFEST, cap=cap, **more)


def _finding(found) -> Finding:
    column = "call_purpose" if found["rule"].startswith("PUR") else "phone_number"
    return Finding(
        rule=found["rule"],
        severity=found["severity"],
        message=found["message"],
        file=found["file"],
        row=found["row"],
        line=found["line"],
        column=None if found["rule"].startswith("CSV") else column,
        value=found["call_purpose" if column == "call_purpose" else "phone_number"],
        suggestion=found["suggestion"] or None,
    )


def file_of(name, lines, *, read, ignored=0, size=25_000) -> FileResult:
    """A file result with counts and chunks computed from the lines with errors."""
    rows = {found["row"] for found in lines if found["file"] == name and found["severity"] == "error"}
    chunks = -(-read // 500)
    by_chunk = Counter((row - 1) // 500 for row in rows)
    counts = Counts(read=read, accepted=read - ignored - len(rows), rejected=len(rows), ignored=ignored)
    return FileResult(
        name=name,
        sha256=DIGEST[::-1],
        bytes=size,
        chunks=chunks,
        counts=counts,
        rejected_by_chunk=[by_chunk[chunk] for chunk in range(chunks)],
    )


MANIFEST = Manifest(
    business="acme-bank",
    reference="collections-2027-q1",
    business_unit="Collections",
    program_type="INFORM",
    name="Q1 Collections",
    call_purpose="Debt Collection",
    description="Reminder calls for accounts 30 to 60 days past due.",
    display_name=DisplayName(display="Acme Bank Collections", shorthand="Acme Bank"),
    schedule=Schedule(
        start=datetime(2027, 1, 4, 15, tzinfo=UTC),
        end=datetime(2027, 3, 31, 23, tzinfo=UTC),
        timezone="America/Chicago",
    ),
    files=(NumbersFile(file="numbers.csv"), NumbersFile(file="late.csv")),
)


def view_of(judgment: Judgment, **more) -> SubmissionView:
    values = {
        "id": "20261123T151409Z-9f86d081",
        "digest": DIGEST,
        "received_at": NOW,
        "now": NOW,
        "business": "acme-bank",
        "legal_name": "Acme Bank, N.A.",
        "reference": "collections-2027-q1",
        "drop": "2027-q1",
        "state": "scheduled",
        "branding": "approved",
        "scheduled_start": MANIFEST.schedule.start,
        "revision": RevisionChanges(number=1, added=1200),
    }
    return SubmissionView(judgment=judgment, **values | more)


def accepted() -> SubmissionView:
    """Everything accepted, with one warning."""
    manifest = replace(
        MANIFEST,
        program_type="INFORM with Logo",
        logo="acme.svg",
        call_reason="Payment reminder",
        hold_until_branded=True,
    )
    note = Finding(
        rule="PUR-003",
        severity="warning",
        message="14 of 1,200 rows have a call purpose other than the program's Debt Collection.",
        file="numbers.csv",
    )
    files = [file_of("numbers.csv", [], read=1200)]
    judgment = judged([], files=files, verdict="accepted", manifest=manifest, extra=[note])
    return view_of(judgment, logo=LOGO)


def with_rejections() -> SubmissionView:
    """About 1,200 rows, some rejected for various reasons, with a history and a baseline."""
    lines = sorted(_rejected_lines(), key=lambda found: (found["file"] != "numbers.csv", found["row"]))
    files = [
        file_of("numbers.csv", lines, read=1143, ignored=3, size=28_411),
        file_of("late.csv", lines, read=60, size=1_410),
    ]
    review = Finding(
        rule="DSP-008",
        severity="warning",
        message='"Acme Bank Collections" is not approved for this business yet.',
        path="display_name.display",
        line=11,
        value="Acme Bank Collections",
    )
    notes = Finding(
        rule="MAN-006", severity="warning", message="The manifest does not name notes.txt.", file="notes.txt"
    )
    judgment = judged(
        lines,
        files=files,
        verdict="accepted_with_rejections",
        manifest=MANIFEST,
        extra=[review, notes],
        groups=_groups(),
        rows=RowTotals(with_findings=51, repeated=6, emptied=3),
        baseline=BaselineComparison(
            submission="20261120T081500Z-5c1a9e00", fixed=12, still_open=31, left_out=9, new=12
        ),
    )
    return view_of(
        judgment,
        branding="in_review",
        revision=RevisionChanges(number=3, added=1148, removed=2, changed=14, listed=1164, shown=_changed_numbers()),
        history=_history(),
        refused=[RefusedNumber(number="(501) 214-9077", reason="ALLOCATED_NUMBER")],
        refused_total=1,
        reassigned_from=["collections-2026-q4"],
    )


def _rejected_lines() -> list[dict]:
    numbers = "numbers.csv"
    lines = [line(numbers, 17 + 7 * i, f"214-{9020 + i}", "Customer Service", "NUM-004",
                  "This has 7 digits: the area code is missing.") for i in range(18)]  # fmt: skip
    lines += [line("late.csv", 3 + i, f"214{9120 + i}", "Survey", "NUM-004",
                   "This has 7 digits: the area code is missing.") for i in range(3)]  # fmt: skip
    lines += [line(numbers, 600 + 3 * i, f"(501) 214-{9220 + i}", "Marketing", "PUR-002",
                   "This is not one of the ten call purposes.", "Telemarketing") for i in range(9)]  # fmt: skip
    lines += [line(numbers, 700 + i, f"501-214-{9320 + i}", "Informational", "PUR-002",
                   "This is not one of the ten call purposes.", "Informational/Notification")
              for i in range(5)]  # fmt: skip
    lines += [line(numbers, 900 + 2 * i, f"501 214 {9420 + i}", "Debt Collection", "NUM-020",
                   f"This phone number is already in row {400 + i} of numbers.csv.",
                   kept=(numbers, 400 + i, "Debt Collection")) for i in range(6)]  # fmt: skip
    lines.append(line(numbers, 920, "501 214 9430", "Survey", "NUM-021",
                      "This phone number is already in row 410 of numbers.csv, with the call purpose Debt Collection, "
                      "which was kept.",
                      kept=(numbers, 410, "Debt Collection")))  # fmt: skip
    lines += [line("late.csv", 20 + i, "5.01215E+09", "Survey", "NUM-003",
                   "A spreadsheet changed this phone number (5.01215E+09).") for i in range(3)]  # fmt: skip
    lines += [line(numbers, 1002 + i, f"501 555 {int('0102') + i:04}", "Survey", "NUM-010",
                   f"555-010{2 + i} is a fictional number.") for i in range(2)]  # fmt: skip
    lines.append(line(numbers, 1040, "501-911-4400 ext 2", "", "NUM-002", "Phone numbers can't contain “e”."))
    lines.append(line(numbers, 1040, "501-911-4400 ext 2", "", "PUR-001", "The call purpose is blank."))
    lines.append(line(numbers, 1041, "+15012149440", "Survey", "NUM-023",
                      "This phone number is already in the program branch-hours."))  # fmt: skip
    lines += [line(numbers, 1060 + i, f"501 958 {1000 + i}", "Survey", "NUM-016",
                   "Exchange 958 is used for tests or information services.") for i in range(2)]  # fmt: skip
    return lines


def _changed_numbers():
    """The first of the changed numbers, as a flow passes them."""
    before, after = "Survey", "Debt Collection"
    changed = [("changed", f"+15012149{100 + i}", before, after) for i in range(14)]
    removed = [("removed", f"+15012148{100 + i}", after, None) for i in range(2)]
    added = [("added", f"+15012147{100 + i}", None, after) for i in range(40)]
    return [
        NumberChange(kind=kind, number=number, purpose_before=old, purpose=new)
        for kind, number, old, new in changed + removed + added
    ]


def _groups() -> list[RepairGroup]:
    def group(rule, file, pattern, count, example, suggestion=None):
        return RepairGroup(rule=rule, file=file, pattern=pattern, count=count, example=example, suggestion=suggestion)

    return [
        group("NUM-004", "numbers.csv", "999-9999", 18, "214-9020", "10 digits, area code first: AAA-214-9020"),
        group("NUM-004", "late.csv", "9999999", 3, "2149120"),
        group("PUR-002", "numbers.csv", "Marketing", 9, "Marketing", "Telemarketing"),
        group("PUR-002", "numbers.csv", "Informational", 5, "Informational", "Informational/Notification"),
        group("NUM-003", "late.csv", "9.99999E+99", 3, "5.01215E+09"),
        group("NUM-010", "numbers.csv", "999 999 9999", 2, "501 555 0102"),
    ]


def _history() -> list[PastSubmission]:
    counts = [(900, 310), (1180, 140), (1195, 96), (1200, 64)]
    return [
        PastSubmission(
            id=f"2026112{day}T081500Z-5c1a9e0{day}",
            received_at=NOW - timedelta(days=4 - day),
            verdict="accepted_with_rejections" if day else "rejected",
            counts=Counts(read=read, accepted=read - bad, rejected=bad),
        )
        for day, (read, bad) in enumerate(counts)
    ]


def held() -> SubmissionView:
    lines = [line("numbers.csv", 40 + i, f"214-{9020 + i}", "Survey", "NUM-004",
                  "This has 7 digits: the area code is missing.") for i in range(5)]  # fmt: skip
    large = Finding(
        rule="MAN-019",
        severity="warning",
        message="Replacing would remove 412 of 1,200 live numbers, more than 20%.",
        path="numbers_mode",
        line=22,
        value="replace",
    )
    manifest = replace(MANIFEST, numbers_mode="replace", max_rejected_percent=10.0)
    files = [file_of("numbers.csv", lines, read=820)]
    judgment = judged(
        lines,
        files=files,
        verdict="held",
        manifest=manifest,
        extra=[large],
        held_because=("it would remove 412 of 1,200 live numbers",),
    )
    return view_of(judgment, state="live", revision=RevisionChanges(number=2, added=27, removed=412, changed=0))


def rejected() -> SubmissionView:
    """Errors in the manifest and in the rows."""
    errors = [
        Finding(rule="MAN-002", severity="error", message='"shedule" is not a manifest key.', path="shedule",
                line=14, suggestion="schedule"),
        Finding(rule="MAN-003", severity="error", message="program.call_purpose is missing.",
                path="program.call_purpose", line=5),
        Finding(rule="DSP-003", severity="error", message='"’" at position 5 is not allowed.',
                path="display_name.display", line=11, value="Acme’s Bank", suggestion="Acme's Bank"),
        Finding(rule="CSV-005", severity="error", message="The columns are separated by semicolons.",
                file="late.csv"),
    ]  # fmt: skip
    lines = [line("numbers.csv", 12 + i, f"214-{9020 + i}", "Survey", "NUM-004",
                  "This has 7 digits: the area code is missing.") for i in range(5)]  # fmt: skip
    files = [file_of("numbers.csv", lines, read=820, ignored=2), file_of("late.csv", [], read=0)]
    manifest = replace(MANIFEST, call_purpose=None, display_name=None, schedule=None)
    judgment = judged(lines, files=files, verdict="rejected", manifest=manifest, extra=errors)
    return view_of(judgment, state=None, branding=None, scheduled_start=None, revision=None)


def unreadable() -> SubmissionView:
    error = Finding(
        rule="MAN-001",
        severity="error",
        message="Line 8, column 3: the key has no colon.",
        line=8,
    )
    judgment = judged([], files=[], verdict="rejected", manifest=None, extra=[error])
    return view_of(judgment, state=None, branding=None, scheduled_start=None, revision=None, reference=None)


def incomplete() -> SubmissionView:
    """A drop that waits for a file, with an error in the manifest and a file of a near name."""
    found = [
        Finding(
            rule="MAN-010", severity="error", message='There is no business unit "Colections".', path="business_unit",
            line=3, value="Colections", suggestion="Collections",
        ),
        Finding(
            rule="MAN-005", severity="error", message="The file numbers.csv did not arrive.",
            path="numbers[0].file", line=18, value="numbers.csv", suggestion="Numbers.csv",
        ),
        Finding(
            rule="MAN-006", severity="warning", message="Numbers.csv is not listed in the manifest and was not read.",
            file="Numbers.csv",
        ),
    ]  # fmt: skip
    judgment = judged([], files=[], verdict="rejected", manifest=MANIFEST, extra=found, rules_not_checked=("NUM-001",))
    view = view_of(judgment, state=None, branding=None, scheduled_start=None, revision=None)
    return replace(view, id=None, digest=None, incomplete=True)


def dry_run() -> SubmissionView:
    """A bare numbers CSV, judged by itself in a dry run."""
    lines = [
        line(
            "numbers.csv",
            4,
            "5.01215E+09",
            "Survey",
            "NUM-003",
            "A spreadsheet changed this phone number (5.01215E+09).",
        )
    ]
    files = [file_of("numbers.csv", lines, read=10)]
    judgment = judged(
        lines,
        files=files,
        verdict="accepted_with_rejections",
        manifest=None,
        rules_not_checked=("NUM-022", "NUM-023", "MAN-015", "MAN-019", "SCH-008"),
    )
    return view_of(
        judgment, business=None, legal_name=None, reference=None, drop=None, dry_run=True, state=None,
        branding=None, scheduled_start=None, revision=None,
    )  # fmt: skip


def hostile() -> SubmissionView:
    """Every value in the manifest, files and 5,000 rows is an attack."""
    words = [HOSTILE[i % len(HOSTILE)] for i in range(5000)]
    rules = [rule for rule in RULES if rule.startswith(("NUM", "PUR-002")) and RULES[rule].severity == "error"] * 300
    lines = [
        line(HOSTILE[i % 3], i + 1, word, HOSTILE[-1 - i % 7], rules[i], f"Not a number: {word[:200]}", word[:200])
        for i, word in enumerate(words)
    ]
    files = [file_of(name, lines, read=5000) for name in HOSTILE[:3]]
    outside_rows = [
        Finding(rule="MAN-002", severity="error", message=f"Unknown: {word[:200]}", path=word[:200], line=i + 1,
                value=word[:200], suggestion=word[:200])
        for i, word in enumerate(HOSTILE)
    ]  # fmt: skip
    groups = [
        RepairGroup(rule=rule, file=word, pattern=word, count=3, example=word, suggestion=word)
        for rule in ("PUR-002", "NUM-004")
        for word in HOSTILE
    ]
    judgment = judged(
        lines, files=files, verdict="accepted_with_rejections", manifest=hostile_manifest(), extra=outside_rows,
        groups=groups, held_because=HOSTILE[:2],
    )  # fmt: skip
    return view_of(
        judgment,
        legal_name=HOSTILE[4],
        drop=HOSTILE[0],
        branding="in_review",
        refused=[RefusedNumber(number=word, reason=word) for word in HOSTILE],
        refused_total=len(HOSTILE),
        reassigned_to=[HOSTILE[0]],
        logo=b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'><script>alert(1)</script>"
        b"<image href='http://203.0.113.9/x.png'/></svg>",
    )


def hostile_manifest() -> Manifest:
    return replace(
        MANIFEST,
        business_unit=HOSTILE[0],
        program_type="INFORM with Logo",
        name=HOSTILE[5],
        call_purpose=HOSTILE[8],
        description=HOSTILE[5],
        display_name=DisplayName(display=HOSTILE[6], shorthand=HOSTILE[5]),
        logo=HOSTILE[7],
        call_reason=HOSTILE[3],
    )


def receipts() -> list[ReceiptView]:
    registered = ReceiptView(
        outcome="registered",
        business="acme-bank",
        drop="2027-q1",
        received_at=NOW,
        submission="20261123T151409Z-9f86d081",
        reference="collections-2027-q1",
        verdict="accepted",
        counts=Counts(read=2, accepted=2),
        state="scheduled",
        branding="none",
        scheduled_start=MANIFEST.schedule.start,
        digest=DIGEST,
        registered=2,
        folder="../../20261123T151409Z-9f86d081/",
    )
    missing = Finding(
        rule="MAN-005",
        severity="error",
        message="numbers.csv did not arrive within 15 minutes.",
        path="numbers[0].file",
    )
    incomplete = ReceiptView(
        outcome="incomplete",
        business="acme-bank",
        drop="2027-q1",
        received_at=NOW,
        reasons=[reason_of_finding(missing)],
        reasons_total=1,
        folder="",
        findings=[missing],
        findings_total=1,
    )
    dismissed = replace(
        registered,
        verdict="rejected",
        registered=0,
        state=None,
        branding=None,
        scheduled_start=None,
        reasons=[Reason(message="The operator rejected this drop: wrong list.", fix="Drop all files again.")],
        reasons_total=1,
        decision=OperatorDecision(what="rejected", who="ann", when=NOW, reason="wrong list."),
    )
    return [registered, replace(registered, outcome="duplicate", registered=0), incomplete, dismissed]


def business_index(submissions: int = 24) -> BusinessIndexView:
    programs = [
        ProgramSummary(reference="collections-2027-q1", revision=3, state="scheduled", branding="in_review",
                    name="Q1 Collections", start=MANIFEST.schedule.start, end=MANIFEST.schedule.end,
                    timezone="America/Chicago", pending=1151),
        ProgramSummary(reference="branch-hours", revision=1, state="live", branding="approved", name="Branch hours",
                    start=NOW - timedelta(days=60), end=NOW + timedelta(days=38), timezone="America/New_York",
                    live=5210, refused=3,
                    refusals=[("ALLOCATED_NUMBER", 2), ("NUM-024: on the do-not-originate list", 1)]),
        ProgramSummary(reference="survey-2026", revision=2, state="launch_failed", branding="none", name="Survey",
                    start=NOW - timedelta(days=1), end=NOW + timedelta(days=9), timezone="America/Chicago",
                    pending=400),
    ]  # fmt: skip
    waiting = IncompleteSummary(
        drop="2027-q2",
        first_seen=NOW - timedelta(minutes=40),
        why="The file numbers.csv did not arrive.",
        problems=2,
        report="drops/2027-q2/report.html",
    )
    return BusinessIndexView(
        business="acme-bank",
        incomplete=[waiting],
        incomplete_total=1,
        legal_name="Acme Bank, N.A.",
        now=NOW,
        programs=programs,
        submissions=[_submission_line(i) for i in range(submissions)],
        submissions_total=submissions * 10,
        top_rules=[
            RuleCount(id=rule, name=RULES[rule].name, count=n)
            for rule, n in (("NUM-004", 812), ("PUR-002", 390), ("NUM-020", 204), ("NUM-003", 17))
        ],
    )


def _submission_line(i: int) -> SubmissionSummary:
    read, bad = 1200 + 7 * i, (i * 37) % 160
    verdict = ("accepted_with_rejections" if bad else "accepted") if i % 9 else ("held", "rejected")[i % 2]
    return SubmissionSummary(
        id=f"20261123T1514{i % 60:02}Z-{i:08x}",
        received_at=NOW - timedelta(hours=11 * i),
        verdict=verdict,
        counts=Counts(read=read, accepted=read - bad, rejected=bad),
        report=f"20261123T1514{i % 60:02}Z-{i:08x}/report.html",
        reference="collections-2027-q1" if i % 3 else "branch-hours",
        drop=f"2026-11-{23 - i % 20:02}",
    )


def operator_index() -> OperatorIndexView:
    return OperatorIndexView(
        now=NOW,
        businesses=[
            BusinessSummary(id="acme-bank", index="../acme-bank/index.html", legal_name="Acme Bank, N.A.",
                         programs_live=1, programs_scheduled=1, numbers_live=5210, submissions=240,
                         last_received_at=NOW, last_30_days=Counts(read=31_000, accepted=29_800, rejected=1200)),
            BusinessSummary(id="blue-river-clinic", index="../blue-river-clinic/index.html",
                         legal_name="Blue River Clinic LLC", programs_scheduled=2, submissions=12,
                         last_received_at=NOW - timedelta(hours=7), last_30_days=Counts(read=900, accepted=900)),
            BusinessSummary(id="northwind", index="../northwind/index.html"),
        ],
        held=[
            AttentionItem(what="acme-bank/branch-hours", business="acme-bank", since=NOW - timedelta(hours=3),
                      why="It would remove 412 of 1,200 live numbers.",
                      report="../acme-bank/20261123T121409Z-77aa0000/report.html",
                      commands=("launchdrop submissions release 20261123T121409Z-77aa0000",
                                "launchdrop submissions reject 20261123T121409Z-77aa0000")),
        ],
        review=[
            AttentionItem(what="Acme Bank Collections", business="acme-bank", since=NOW - timedelta(days=1),
                      why="A new display name. The program starts on Jan 4, 2027.",
                      preview=BrandingPreview(display="Acme Bank Collections", shorthand="Acme Bank Collect"),
                      commands=("launchdrop review approve 7", "launchdrop review reject 7 --reason …")),
            AttentionItem(what="logo river.svg", business="blue-river-clinic", since=NOW - timedelta(hours=5),
                      why="The image river.svg is not approved for this business yet.",
                      preview=BrandingPreview(logo=LOGO),
                      commands=("launchdrop review approve 8", "launchdrop review reject 8 --reason …")),
        ],
        failed=[
            AttentionItem(what="acme-bank/survey-2026", business="acme-bank", since=NOW - timedelta(hours=20),
                      why="The carrier did not answer for 24 hours.",
                      commands=("launchdrop launches retry acme-bank/survey-2026",)),
        ],
        upcoming_launches=[
            UpcomingLaunch(business="blue-river-clinic", reference="reminders", revision=1,
                       start=NOW + timedelta(hours=9), timezone="America/Denver", numbers=900, branding="approved"),
        ],
    )  # fmt: skip
