"""What is wrong in the inbox outside of drops stands on the operator's page, and on the page of its business."""

import pytest

from tests.flows.sample_drops import ROWS

IN_ROOT = "&#39;program.yaml&#39; is directly in the inbox"
LOOSE = "&#39;acme-bank/program.yaml&#39; is not in the folder of a drop: expected one folder per drop"


@pytest.fixture
def page(world):
    def read(name):
        return (world.reports / name / "index.html").read_text()

    return read


def test_a_manifest_in_the_inbox_is_a_line_for_the_operator_while_it_is_there(world, page):
    manifest = world.inbox / "program.yaml"
    manifest.write_text("manifest: 1\n")
    assert len(world.run().problems) == 1
    assert page("_operator").count(IN_ROOT) == 1
    world.run()
    world.run(business="acme-bank")
    assert page("_operator").count(IN_ROOT) == 1
    manifest.unlink()
    world.run()
    assert IN_ROOT not in page("_operator")


def test_a_business_sees_its_own_files_outside_of_drops_and_no_others(world, page):
    world.drop("zenith-health/a", ROWS)
    world.drop("acme-bank/a", ROWS)
    (world.inbox / "acme-bank/program.yaml").write_text("manifest: 1\n")
    world.run()
    assert LOOSE in page("acme-bank")
    assert LOOSE in page("_operator")
    assert "expected one folder per drop" not in page("zenith-health")
    (world.inbox / "acme-bank/program.yaml").unlink()
    world.run(business="zenith-health")
    assert LOOSE in page("acme-bank")
    world.run(business="acme-bank")
    assert LOOSE not in page("acme-bank")


def test_many_problems_of_a_business_are_cut_and_counted(world, page):
    for number in range(6):
        (world.inbox / f"acme-bank/5012149020 \u202e{number}").mkdir(parents=True)
        (world.inbox / f"acme-bank/5012149020 \u202e{number}/program.yaml").write_text("manifest: 1\n")
    world.run()
    assert page("_operator").count("its name has characters that cannot be printed") == 3
    assert "; and 3 more" in page("_operator")
    assert "5012149020" not in page("_operator")


def test_an_error_in_businesses_yaml_is_on_the_operators_page_at_once(world, page):
    world.run()
    (world.inbox / "businesses.yaml").write_text("businesses: [")
    world.run()
    assert "businesses.yaml cannot be read" in page("_operator")
