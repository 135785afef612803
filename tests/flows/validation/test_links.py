"""Links in a drop are never followed, neither as a named file nor above one. `run` and `check` report the same."""

from datetime import UTC, datetime

import pytest

from flows.settings import Settings
from flows.validation.dry_run import check_path
from flows.validation.spill_files import open_spill_files


@pytest.fixture
def linked(world):
    """A drop whose manifest names a file below a link."""
    world.drop("acme-bank/a", "")
    drop = world.inbox / "acme-bank/a"
    manifest = (drop / "program.yaml").read_text()
    (drop / "program.yaml").write_text(manifest.replace("numbers.csv", "s/numbers.csv"))
    (drop / "numbers.csv").unlink()
    (drop / "s").symlink_to("/etc")
    return drop


def test_a_run_takes_the_drop_and_rejects_it(world, linked):
    world.run()
    assert world.receipt("acme-bank/a")["outcome"] == "registered"
    report = world.report("acme-bank/a")
    assert report["verdict"] == "rejected"
    assert [(found["rule"], found["value"]) for found in report["findings"]] == [("MAN-007", "s/numbers.csv")]


def test_a_check_reports_the_same(linked):
    with open_spill_files() as open_spill:
        findings = check_path(linked, None, Settings(), datetime.now(UTC), open_spill=open_spill).judgment.findings
    assert [(found.rule, found.value) for found in findings] == [("MAN-007", "s/numbers.csv")]
