"""The repair manifest: what the parser understands of it is the manifest, with rejected.csv for its numbers."""

from dataclasses import replace

import pytest

from reports.correction_manifest import correction_manifest
from schemas.judge import understood
from schemas.model.manifest import NumbersFile, TypedNumber
from tests.reports import samples as samples


def repaired(view):
    text = correction_manifest(view)
    assert text is not None
    manifest = understood(text.encode())
    assert manifest is not None
    return manifest


def test_it_keeps_everything_but_the_numbers():
    view = samples.accepted()
    again = repaired(view)
    files = (NumbersFile(file="rejected.csv", path=again.files[0].path, line=again.files[0].line),)
    assert again == replace(view.judgment.manifest, files=files)


def test_rows_are_added_whatever_the_manifest_asked_for():
    view = samples.held()
    again = repaired(view)
    assert (again.numbers_mode, again.max_rejected_percent) == ("add", 10.0)
    assert again.schedule == view.judgment.manifest.schedule


def test_typed_in_numbers_and_expectations_of_the_first_files_are_gone():
    view = samples.with_rejections()
    manifest = replace(
        view.judgment.manifest,
        typed=(TypedNumber(number="1", call_purpose="Survey"),),
        files=(NumbersFile(file="a.csv", sha256="0" * 64, rows=3),),
        business_unit="New unit",
        create_business_unit=True,
        reassign=True,
    )
    again = repaired(replace(view, judgment=replace(view.judgment, manifest=manifest)))
    assert [(file.file, file.sha256, file.rows) for file in again.files] == [("rejected.csv", None, None)]
    assert again.typed == ()
    assert (again.business_unit, again.create_business_unit, again.reassign) == ("New unit", True, True)


@pytest.mark.parametrize("text", ["yes", "2027-01-04", "1e5", "# no comment", "a: b", "null", "‘’", "back\\slash"])
def test_texts_that_yaml_would_take_for_something_else_stay_texts(text):
    view = samples.accepted()
    manifest = replace(view.judgment.manifest, description=text)
    assert repaired(replace(view, judgment=replace(view.judgment, manifest=manifest))).description == text


def test_its_head_says_what_it_does():
    text = correction_manifest(samples.accepted())
    assert text.splitlines()[:3] == [
        "# Drop this with the corrected rejected.csv beside it. Made from submission 20261123T151409Z-9f86d081.",
        "# Only the corrected rows are added; everything else stays as it is.",
        "# The logo 'acme.svg' has to lie beside it again, unless it is in the gallery.",
    ]


def test_a_logo_cannot_leave_the_comment_it_is_named_in():
    view = samples.hostile()
    head = [line for line in correction_manifest(view).splitlines() if "gallery" in line]
    assert len(head) == 1
    assert head[0].startswith("# The logo")


def test_there_is_none_without_a_manifest():
    assert correction_manifest(samples.unreadable()) is None
