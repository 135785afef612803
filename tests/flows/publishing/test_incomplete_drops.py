"""An incomplete drop: its receipt and report have all that is known, and go when the drop is taken."""

import json
import shutil
from datetime import timedelta

import pytest
from jsonschema import Draft202012Validator

from flows.archive.judgments import JudgmentMissing, load_incomplete_judgment
from flows.ledger.core.outbox import add_incomplete_drop_to_outbox
from flows.publishing.outbox import publish_outbox
from flows.validation.dry_run import check_path
from flows.validation.spill_files import open_spill_files
from reports.json_documents import published_schema
from tests.flows.sample_drops import ROWS, manifest

DROPS = "acme-bank/drops/a"


def wait_for_the_grace(world):
    world.run()
    world.clock.now += timedelta(minutes=16)
    return world.run()


def write_manifest(world, **changes):
    (world.inbox / "acme-bank/a/program.yaml").write_text(manifest("acme-bank", **changes))


@pytest.fixture
def incomplete(world):
    """A drop with faults in its manifest, whose numbers file has arrived under another name."""
    world.drop("acme-bank/a", ROWS)
    folder = world.inbox / "acme-bank/a"
    write_manifest(world, business_unit="Crads", numbers="[{file: numbers.csv}, {file: more.csv}]")
    (folder / "numbers.csv").rename(folder / "Numbers.csv")
    assert wait_for_the_grace(world).intake.incomplete == 1
    return world


def list_files(world):
    return sorted(file.name for file in (world.reports / DROPS).iterdir())


def check(world, drop):
    with open_spill_files() as open_spill:
        return check_path(
            world.inbox / drop, None, world.services.settings, world.clock(), open_spill=open_spill
        ).judgment


def places(findings):
    return [(f["rule"], f["path"], f["line"], f["message"], f["suggestion"]) for f in findings]


def test_the_receipt_has_what_check_finds_in_the_same_folder(incomplete):
    receipt = incomplete.receipt("acme-bank/a")
    Draft202012Validator(json.loads(published_schema("receipt"))).validate(receipt)
    checked = [(f.rule, f.path, f.line, f.message, f.suggestion) for f in check(incomplete, "acme-bank/a").findings]
    assert sorted(places(receipt["findings"])) == sorted(checked)
    assert [f["rule"] for f in receipt["findings"]] == ["MAN-005", "MAN-005", "MAN-010"]
    assert [(r["rule"], r["suggestion"]) for r in receipt["reasons"]] == [
        ("MAN-005", "Numbers.csv"), ("MAN-005", None), ("MAN-010", "Cards"),
    ]  # fmt: skip
    assert (receipt["reasons_total"], receipt["findings_total"]) == (3, 3)


def test_it_has_a_report_and_stands_on_the_index(incomplete):
    receipt, folder = incomplete.receipt("acme-bank/a"), incomplete.reports / DROPS
    assert (receipt["report"], receipt["report_json"], receipt["link"]) == ("report.html", "report.json", "report.html")
    report = json.loads((folder / "report.json").read_text())
    Draft202012Validator(json.loads(published_schema("report"))).validate(report)
    assert (report["verdict"], report["submission"]["id"], report["submission"]["digest"]) == (None, None, None)
    assert sorted(places(report["findings"])) == sorted(places(receipt["findings"]))
    assert "This drop has not arrived completely, and has 3 errors so far." in (folder / "report.html").read_text()
    assert not (folder / "program.yaml").exists()
    index = (incomplete.reports / "acme-bank/index.html").read_text()
    assert '<a href="drops/a/report.html">a</a>' in index
    assert "<small>and 2 more errors</small>" in index


def test_all_of_it_goes_when_the_drop_is_taken(incomplete):
    shutil.rmtree(incomplete.inbox / "acme-bank/a")
    incomplete.drop("acme-bank/a", ROWS)
    incomplete.run()
    assert incomplete.receipt("acme-bank/a")["verdict"] == "accepted"
    assert list_files(incomplete) == ["receipt.json"]
    assert "Incomplete drops" not in (incomplete.reports / "acme-bank/index.html").read_text()
    with pytest.raises(JudgmentMissing):
        load_incomplete_judgment(incomplete.services.archive, "acme-bank", "a")


def test_a_corrected_manifest_is_reported_again_and_nothing_else_is(incomplete):
    assert incomplete.run().intake.incomplete == 0
    (incomplete.inbox / "acme-bank/a/other.csv").write_text("x")
    assert incomplete.run().intake.incomplete == 0
    write_manifest(incomplete, numbers="[{file: numbers.csv}]")
    assert incomplete.run().intake.incomplete == 1
    assert [r["rule"] for r in incomplete.receipt("acme-bank/a")["reasons"]] == ["MAN-005"]
    assert "and has 1 error so far" in (incomplete.reports / DROPS / "report.html").read_text()
    assert incomplete.run().intake.incomplete == 0
    (incomplete.inbox / "acme-bank/a/numbers.csv").write_text(ROWS)
    incomplete.run()
    assert list_files(incomplete) == ["receipt.json"]


def test_the_report_stays_if_the_drop_is_deleted_because_the_receipt_links_to_it(incomplete):
    shutil.rmtree(incomplete.inbox / "acme-bank/a")
    incomplete.clock.now += timedelta(days=1)
    incomplete.run()
    assert list_files(incomplete) == ["receipt.json", "report.html", "report.json"]


def test_the_files_are_written_again_from_ledger_and_archive(incomplete):
    before = {p.name: p.read_bytes() for p in (incomplete.reports / DROPS).iterdir()}
    shutil.rmtree(incomplete.reports / DROPS)
    with incomplete.services.ledger.begin() as conn:
        add_incomplete_drop_to_outbox(conn, "acme-bank", "a")
    publish_outbox(incomplete.services)
    assert {p.name: p.read_bytes() for p in (incomplete.reports / DROPS).iterdir()} == before


@pytest.mark.parametrize(
    ("name", "how"),
    [
        ("Program.YAML", "rename it to program.yaml"),
        ("program.yaml.txt", "rename it to program.yaml"),
        ("q1/program.yaml", "move it up into the drop's own folder"),
    ],
)
def test_a_misplaced_manifest_gets_a_receipt_that_says_so(world, name, how):
    world.drop("acme-bank/a", ROWS)
    target = world.inbox / "acme-bank/a" / name
    target.parent.mkdir(exist_ok=True)
    (world.inbox / "acme-bank/a/program.yaml").rename(target)
    assert wait_for_the_grace(world).intake.incomplete == 1
    receipt = world.receipt("acme-bank/a")
    assert [(r["rule"], r["file"], r["message"]) for r in receipt["reasons"]] == [
        ("MAN-022", name, f'The drop has no manifest, but it has "{name}": {how}.')
    ]
    assert [f.message for f in check(world, "acme-bank/a").findings] == [receipt["reasons"][0]["message"]]
    assert world.run().intake.incomplete == 0


def test_an_empty_manifest_is_reported_after_the_grace(world):
    world.drop("acme-bank/a", ROWS)
    (world.inbox / "acme-bank/a/program.yaml").write_text("\n")
    assert wait_for_the_grace(world).intake.incomplete == 1
    receipt = world.receipt("acme-bank/a")
    assert (receipt["outcome"], [r["rule"] for r in receipt["reasons"]]) == ("incomplete", ["MAN-001"])


def test_a_missing_logo_and_a_file_with_another_sha256_are_reported_with_the_rest(world):
    world.drop("acme-bank/a", ROWS)
    write_manifest(
        world,
        program='{type: INFORM with Logo, name: Orders, call_purpose: Surveys, description: "Calls."}',
        logo="none.svg",
        numbers="[{file: numbers.csv, sha256: " + 64 * "0" + "}]",
    )
    wait_for_the_grace(world)
    receipt = world.receipt("acme-bank/a")
    assert [r["rule"] for r in receipt["reasons"]] == ["MAN-005", "CSV-003", "MAN-004"]
    errors = [f.message for f in check(world, "acme-bank/a").findings if f.severity == "error"]
    assert sorted(f["message"] for f in receipt["findings"]) == sorted(errors)


def test_a_drop_that_changes_while_it_is_judged_is_left_to_the_next_pass(world, monkeypatch):
    from flows.arrival.manifests import manifest_cache

    world.drop("acme-bank/a", ROWS)
    (world.inbox / "acme-bank/a/numbers.csv").unlink()
    world.run()
    world.clock.now += timedelta(minutes=16)
    file = world.inbox / "acme-bank/a/program.yaml"
    monkeypatch.setattr(manifest_cache, "find_by_place", lambda _: file.write_text("a: b") and None)
    assert world.run().intake.incomplete == 0
    monkeypatch.undo()
    world.run()
    assert world.receipt("acme-bank/a")["verdict"] == "rejected"
