"""Whole judgments: the order of findings, caps, rules not checked, and arbitrary bytes."""

import hashlib
import io
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version

import pytest
from hypothesis import example, given, seed, settings
from hypothesis import strategies as st

from schemas.judge import judge, judge_csv, judge_incomplete
from schemas.manifest.parse import parse_manifest
from schemas.model.business import Business, DisplayName
from schemas.model.drop import Drop, DropFile
from schemas.model.judging_context import ExistingProgram, JudgingContext
from schemas.model.judgment import Judgment
from schemas.model.manifest import Manifest
from schemas.model.policy import FindingCaps, Policy
from schemas.rules import RULES
from tests.schemas.drop_cases import CASES_FOLDER, NOW

GOOD = (CASES_FOLDER / "DSP-008" / "near-miss-approved" / "drop" / "program.yaml").read_bytes()
NUMBER = b'  - {number: "+1 501 214 9020", call_purpose: Debt Collection}\n'
ACME = Business(
    id="acme-bank",
    legal_name="Acme Bank, N.A.",
    business_units=("Collections",),
    display_names=(DisplayName(display="Acme Bank", shorthand="Acme Bank"),),
)
CONTEXT = JudgingContext(business=ACME, is_registered=True, has_ledger=True)


def file(name: str, content: bytes) -> DropFile:
    return DropFile(
        name=name, bytes=len(content), sha256=hashlib.sha256(content).hexdigest(), open=partial(io.BytesIO, content)
    )


def drop(manifest: bytes, files: Mapping[str, bytes] | None = None, business: str | None = "acme-bank") -> Drop:
    arrived = {name: file(name, content) for name, content in (files or {}).items()}
    return Drop(business=business, name="d", manifests=(file("program.yaml", manifest),), files=arrived)


def rules_and_places(judgment: Judgment) -> list[tuple[str, object]]:
    """The rule of each finding, and its row, line or file."""
    return [(found.rule, found.row or found.line or found.file) for found in judgment.findings]


def test_a_judgment_has_the_version_of_launchdrop():
    assert judge(drop(GOOD), CONTEXT, Policy(), NOW).versions["launchdrop"] == version("launchdrop")


def test_manifest_findings_come_first_by_line_then_row_findings():
    manifest = GOOD.replace(b"business_unit: Collections", b"business_unit: Cards").replace(
        NUMBER, b"  - file: b.csv\n  - file: a.csv\n  - file: c.csv\n"
    )
    files = {"a.csv": b"1,Survey\n", "b.csv": b"5012149020,Survey\n2,Survey\n", "z.txt": b""}
    judgment = judge(drop(manifest, files), CONTEXT, Policy(), NOW)
    found = [(f.rule, f.file, f.row, f.line) for f in judgment.findings if f.rule != "PUR-003"]
    assert found == [
        ("MAN-010", None, None, 3),
        ("MAN-005", None, None, 20),
        ("MAN-006", "z.txt", None, None),
        ("NUM-005", "b.csv", 2, 2),
        ("NUM-005", "a.csv", 1, 1),
    ]
    assert judgment.verdict == "rejected"
    assert (judgment.counts.read, judgment.counts.accepted, judgment.counts.rejected) == (3, 1, 2)


def test_caps_limit_the_findings_but_not_the_totals():
    manifest = GOOD + b"".join(b"unknown%d: x\n" % n for n in range(30))
    files = {f"{n}.txt": b"" for n in range(20)}
    judgment = judge(drop(manifest, files), CONTEXT, Policy(), NOW, caps=FindingCaps(per_rule=5, shown=8))
    totals = {total.id: total.count for total in judgment.totals}
    assert totals == {"MAN-002": 30, "MAN-006": 20}
    assert judgment.findings_total == 50
    assert [found.rule for found in judgment.findings] == ["MAN-002"] * 5 + ["MAN-006"] * 3


def test_totals_are_in_catalog_order_with_name_and_fix():
    manifest = GOOD.replace(b"2027-03-31", b"2026-03-31").replace(b"manifest: 1", b"manifest: 2")
    judgment = judge(drop(manifest), CONTEXT, Policy(), NOW)
    assert [(total.id, total.severity, total.count) for total in judgment.totals] == [
        ("MAN-016", "error", 1),
        ("SCH-002", "error", 1),
        ("SCH-003", "error", 1),
    ]
    assert all((total.name, total.fix) == (RULES[total.id].name, RULES[total.id].fix) for total in judgment.totals)


def test_a_policy_can_make_a_past_start_an_error():
    manifest = GOOD.replace(b"2027-01-04", b"2026-11-30")
    judgment = judge(drop(manifest), CONTEXT, Policy(past_start="reject"), NOW)
    assert [(total.id, total.severity) for total in judgment.totals] == [("SCH-004", "error")]
    assert judgment.verdict == "rejected"


def test_rules_not_checked_in_a_dry_run():
    def not_checked(context: JudgingContext, business: str | None = "acme-bank") -> list[str]:
        return list(judge(drop(GOOD, business=business), context, Policy(), NOW).rules_not_checked)

    assert not_checked(CONTEXT) == ["NUM-024"]
    assert not_checked(replace(CONTEXT, has_ledger=False)) == [
        *("MAN-015", "MAN-019", "SCH-008", "NUM-022", "NUM-023", "NUM-024", "NUM-025", "PUR-006"),
    ]
    assert not_checked(JudgingContext(), business=None) == [
        *("MAN-008", "MAN-009", "MAN-010", "MAN-015", "MAN-019", "SCH-005", "SCH-008", "DSP-007", "DSP-008", "IMG-005"),
        *("NUM-022", "NUM-023", "NUM-024", "NUM-025", "PUR-006"),
    ]


def test_without_a_gallery_a_logo_is_not_reported_as_missing():
    manifest = GOOD.replace(b"type: INFORM", b"type: INFORM with Logo").replace(b"schedule:", b"logo: a.svg\nschedule:")
    judgment = judge(drop(manifest, business=None), JudgingContext(), Policy(), NOW)
    assert judgment.findings == ()
    assert {"IMG-002", "IMG-003", "IMG-004", "IMG-005"} <= set(judgment.rules_not_checked)


def test_an_unreadable_manifest_gives_a_judgment():
    judgment = judge(drop(b"\xff", {"numbers.csv": b"5012149020,Survey\n"}), CONTEXT, Policy(), NOW)
    assert (judgment.verdict, judgment.manifest, judgment.files) == ("rejected", None, ())
    assert rules_and_places(judgment) == [("MAN-001", 1)]
    assert list(judgment.numbers.accepted()) == []
    assert set(judgment.rules_not_checked) == set(RULES) - {"MAN-001", "MAN-011", "MAN-013", "MAN-018", "MAN-022"}


def test_a_drop_that_is_incomplete_is_judged_without_opening_its_numbers_files():
    manifest = GOOD.replace(b"business_unit: Collections", b"business_unit: Cards").replace(
        NUMBER, b"  - file: numbrs.csv\n  - file: b.csv\n    sha256: " + 64 * b"0" + b"\n"
    )
    found = drop(manifest, {"numbers.csv": b"x", "b.csv": b"x"})
    unread = {name: replace(f, sha256="", open=lambda: pytest.fail("opened")) for name, f in found.files.items()}
    judgment = judge_incomplete(
        replace(found, files=unread), CONTEXT, Policy(), NOW, different={"b.csv": hashlib.sha256(b"x").hexdigest()}
    )
    assert (judgment.verdict, judgment.counts.read, judgment.files) == ("rejected", 0, ())
    complete = judge(found, CONTEXT, Policy(), NOW)
    assert [f for f in judgment.findings if f.rule[:3] == "MAN"] == [
        f for f in complete.findings if f.rule[:3] == "MAN"
    ]
    assert rules_and_places(judgment) == [("MAN-010", 3), ("MAN-005", 18), ("CSV-003", "b.csv")]
    assert [f.suggestion for f in judgment.findings if f.rule == "MAN-005"] == ["numbers.csv"]
    assert [f for f in judgment.findings if f.rule == "CSV-003"] == [
        f for f in complete.findings if f.rule == "CSV-003"
    ]
    assert {"NUM-008", "CSV-001", "PUR-001", "MAN-017"} <= {*judgment.rules_not_checked}
    assert "MAN-010" not in judgment.rules_not_checked


def test_a_bare_file_is_judged_by_file_and_row_rules_only():
    judgment = judge_csv(file("numbers.csv", b"5012149020,Survey\n501,Survey\n"), Policy(), NOW)
    assert (judgment.verdict, judgment.manifest) == ("accepted_with_rejections", None)
    assert rules_and_places(judgment) == [("NUM-005", 2)]
    scopes = {RULES[rule].scope for rule in set(RULES) - set(judgment.rules_not_checked)}
    assert scopes == {"file", "row", "number", "purpose"}
    assert "PUR-003" in judgment.rules_not_checked


def test_a_cancellation_needs_three_keys_and_ignores_the_rest():
    program = ExistingProgram(state="live", revision=3, start=NOW, end=NOW, live=True, numbers=9)
    manifest = (
        b"manifest: 1\nbusiness: acme-bank\nreference: spring\nstate: cancelled\nreference: spring\nfoo: 1\nfoo: 2\n"
    )
    judgment = judge(drop(manifest, {"x.csv": b""}), replace(CONTEXT, program=program), Policy(), NOW)
    assert rules_and_places(judgment) == [("MAN-012", 5)]
    judgment = judge(
        drop(manifest.replace(b"\nreference: spring", b"", 1)), replace(CONTEXT, program=program), Policy(), NOW
    )
    assert (judgment.verdict, judgment.counts.read, judgment.totals) == ("accepted", 0, ())


@pytest.mark.parametrize(("state", "live"), [("live", True), ("scheduled", True), ("launching", False)])
def test_the_start_of_a_launched_program_stays(state, live):
    start = datetime(2026, 11, 2, 15, tzinfo=UTC)
    program = ExistingProgram(state=state, revision=1, start=start, end=NOW, live=live, numbers=1)
    judgment = judge(drop(GOOD), replace(CONTEXT, program=program), Policy(), NOW)
    assert judgment.manifest is not None
    assert judgment.manifest.schedule is not None
    assert judgment.manifest.schedule.start == start
    assert rules_and_places(judgment) == [("SCH-008", 14)]


def test_an_unapproved_display_name_needs_a_review():
    manifest = GOOD.replace(b"display: Acme Bank", b"display: Acme Bank Cards")
    assert "DSP-008" in {total.id for total in judge(drop(manifest), CONTEXT, Policy(), NOW).totals}
    assert "DSP-008" not in {total.id for total in judge(drop(manifest), JudgingContext(), Policy(), NOW).totals}


def parse(content: bytes) -> Manifest | None:
    return parse_manifest(content, max_bytes=1 << 20, per_rule=5).manifest


def test_a_manifest_with_faults_still_has_its_good_values():
    manifest = parse(GOOD.replace(b"timezone: America/Chicago", b"timezone: nowhere"))
    assert manifest is not None
    assert (manifest.reference, manifest.schedule, len(manifest.typed)) == ("collections-2027-q1", None, 1)
    assert parse(b"[") is None
    assert parse(b"") is None


@pytest.mark.parametrize("held", [True, False])
def test_the_revision_after_a_held_first_one_needs_numbers(held):
    program = ExistingProgram(state=None if held else "scheduled", revision=0, start=None, end=None, held=held)
    judgment = judge(drop(GOOD.replace(NUMBER, b"")), replace(CONTEXT, program=program), Policy(), NOW)
    assert rules_and_places(judgment) == ([("MAN-014", 17)] if held else [])


MANIFESTS = [path.read_bytes() for path in sorted(CASES_FOLDER.glob("MAN-0*/*/drop/program.yaml"))]
LINES = sorted({line for manifest in MANIFESTS for line in manifest.splitlines(keepends=True)})
FRAGMENTS = st.sampled_from(
    [b"\t", b": ", b"- ", b"&a ", b"*a", b"!!int ", b"[", b"{", b"'", b'"', b"\x00", b"\xff", b"|\n", b"\n"]
)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A manifest with one piece replaced by other fragments."""
    manifest = draw(st.sampled_from(MANIFESTS))
    begin, end = sorted(draw(st.tuples(*[st.integers(0, len(manifest))] * 2)))
    return manifest[:begin] + b"".join(draw(st.lists(FRAGMENTS, max_size=4))) + manifest[end:]


@seed(20270104)
@settings(max_examples=400, deadline=None, database=None)
@given(
    st.one_of(
        st.binary(max_size=300),
        st.text(max_size=300).map(lambda text: text.encode("utf-8", "surrogatepass")),
        st.lists(st.sampled_from(LINES), max_size=40).map(b"".join),
        damaged(),
    )
)
@example(b"? [a]\n: b\n")
@example(b"a: &a\nb: *a\n")
@example(b"manifest: 1\n? &a business\n: x\n? *a\n: y\n")
def test_any_bytes_give_a_judgment(content):
    judgment = judge(drop(content), CONTEXT, Policy(), NOW)
    assert judgment.verdict in ("accepted", "accepted_with_rejections", "held", "rejected")
    assert judgment.findings_total == sum(total.count for total in judgment.totals)
    assert (judgment.verdict == "rejected") == any(total.severity == "error" for total in judgment.totals)
    assert all("\n" not in found.message for found in judgment.findings)
    assert judge(drop(content), CONTEXT, Policy(), NOW).findings == judgment.findings


def test_a_hostile_file_name_stays_on_one_line():
    judgment = judge(drop(GOOD, {"a\nb\udcff\x1b[2J": b""}), CONTEXT, Policy(), NOW)
    (found,) = judgment.findings
    assert (found.file, found.message) == ("a b  [2J", "a b  [2J is not listed in the manifest and was not read.")


def test_thousands_of_missing_files_take_seconds():
    manifest = GOOD + b"".join(b"  - file: f%06d.csv\n" % n for n in range(20_000))
    began = time.process_time()
    judgment = judge(drop(manifest, {f"g{n:06d}.csv": b"" for n in range(2_000)}), CONTEXT, Policy(), NOW)
    assert time.process_time() - began < 10
    # Each of the 200 findings that are kept of MAN-005 names an unlisted file, which has no finding of its own then.
    assert {total.id: total.count for total in judgment.totals} == {"MAN-005": 20_000, "MAN-006": 1_800}
