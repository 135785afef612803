"""A link in a drop is never followed, whether a named file is one or lies below one; `run` and `check` say the same."""

from datetime import UTC, datetime

import pytest

from flows.settings import Settings
from flows.validation.dry_run import check
from flows.validation.scratch import spools


@pytest.fixture
def linked(world):
    """A drop whose manifest names a file that lies below a link."""
    world.drop("acme-bank/a", "")
    drop = world.inbox / "acme-bank/a"
    manifest = (drop / "program.yaml").read_text()
    (drop / "program.yaml").write_text(manifest.replace("numbers.csv", "s/numbers.csv"))
    (drop / "numbers.csv").unlink()
    (drop / "s").symlink_to("/etc")
    return drop


def test_a_run_takes_the_drop_and_refuses_it(world, linked):
    world.run()
    assert world.receipt("acme-bank/a")["outcome"] == "registered"
    report = world.report("acme-bank/a")
    assert report["verdict"] == "rejected"
    assert [(found["rule"], found["value"]) for found in report["findings"]] == [("MAN-007", "s/numbers.csv")]


def test_a_check_says_so_too(linked):
    with spools() as spool:
        findings = check(linked, None, Settings(), datetime.now(UTC), spool=spool).judgment.findings
    assert [(found.rule, found.value) for found in findings] == [("MAN-007", "s/numbers.csv")]
