"""The correction manifest parses to the original manifest with rejected.csv as its only numbers file."""

from dataclasses import replace

import pytest

from reports.correction_manifest import correction_manifest
from schemas.manifest.parse import parse_manifest
from schemas.model.manifest import NumbersFile, TypedNumber
from tests.reports import samples


def parse_correction(view):
    text = correction_manifest(view)
    assert text is not None
    manifest = parse_manifest(text.encode(), max_bytes=1 << 20, per_rule=5).manifest
    assert manifest is not None
    return manifest


def with_a_rejected_row(view):
    counts = replace(view.judgment.counts, rejected=1)
    return replace(view, judgment=replace(view.judgment, counts=counts))


def test_everything_but_the_numbers_is_kept():
    view = with_a_rejected_row(samples.accepted())
    correction = parse_correction(view)
    files = (NumbersFile(file="rejected.csv", path=correction.files[0].path, line=correction.files[0].line),)
    assert correction == replace(view.judgment.manifest, files=files)


def test_rows_are_added_even_if_the_manifest_replaces_numbers():
    view = samples.held()
    correction = parse_correction(view)
    assert (correction.numbers_mode, correction.max_rejected_percent) == ("add", 10.0)
    assert correction.schedule == view.judgment.manifest.schedule


def test_typed_in_numbers_and_the_original_files_are_dropped():
    view = samples.with_rejections()
    manifest = replace(
        view.judgment.manifest,
        typed=(TypedNumber(number="1", call_purpose="Survey"),),
        files=(NumbersFile(file="a.csv", sha256="0" * 64, rows=3),),
        business_unit="New unit",
        create_business_unit=True,
        reassign=True,
    )
    correction = parse_correction(replace(view, judgment=replace(view.judgment, manifest=manifest)))
    assert [(file.file, file.sha256, file.rows) for file in correction.files] == [("rejected.csv", None, None)]
    assert correction.typed == ()
    assert (correction.business_unit, correction.create_business_unit, correction.reassign) == ("New unit", True, True)


@pytest.mark.parametrize("text", ["yes", "2027-01-04", "1e5", "# no comment", "a: b", "null", "‘’", "back\\slash"])
def test_text_that_yaml_would_read_as_another_type_stays_text(text):
    view = with_a_rejected_row(samples.accepted())
    manifest = replace(view.judgment.manifest, description=text)
    assert parse_correction(replace(view, judgment=replace(view.judgment, manifest=manifest))).description == text


def test_the_comment_says_what_it_does():
    text = correction_manifest(with_a_rejected_row(samples.accepted()))
    assert text.splitlines()[:3] == [
        "# Drop this together with the corrected rejected.csv. Made from submission 20261123T151409Z-9f86d081.",
        "# It only adds the corrected rows. Everything else stays the same.",
        "# Include the logo 'acme.svg' in this drop again, unless it is in your gallery.",
    ]


def test_a_logo_name_cannot_break_out_of_its_comment():
    view = samples.hostile()
    comment = [line for line in correction_manifest(view).splitlines() if "gallery" in line]
    assert len(comment) == 1
    assert comment[0].startswith("# Include the logo")


def test_there_is_no_correction_manifest_without_rows_to_correct():
    assert correction_manifest(samples.accepted()) is None
    view = with_a_rejected_row(samples.accepted())
    judgment = replace(view.judgment, rows=replace(view.judgment.rows, repeated=1))
    assert correction_manifest(replace(view, judgment=judgment)) is None


def test_there_is_no_correction_manifest_for_an_unreadable_manifest():
    assert correction_manifest(samples.unreadable()) is None
