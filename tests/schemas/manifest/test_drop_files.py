"""Which files of a drop a manifest lists, and what is said about those that are missing under their listed name."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.manifest.drop_files import ListedFiles, find_numbers_files, report_unlisted_files
from schemas.manifest.finding_collector import FindingCollector
from schemas.model.drop import Drop, DropFile
from schemas.model.filenames import explain_unsafe_name
from schemas.model.manifest import Manifest, NumbersFile

NFC, NFD = "n\u00fameros.csv", "nu\u0301meros.csv"


def compare(listed, present, refused=()):
    """(names found, findings as (rule, message, suggestion)) of a drop with these files."""
    files = {name: DropFile(name=name, bytes=0, sha256="", open=io.BytesIO) for name in present}
    drop = Drop(business=None, name="drop", manifests=(), files=files, refused=dict.fromkeys(refused, "a link"))
    findings = FindingCollector(per_rule=100)
    by_name = ListedFiles(drop, frozenset(listed))
    manifest = Manifest(files=tuple(NumbersFile(file=name) for name in listed))
    found = [file.name for _, file in find_numbers_files(by_name, manifest, findings)]
    report_unlisted_files(by_name, findings)
    return found, [(finding.rule, finding.message, finding.suggestion) for finding in findings.kept_findings]


@pytest.mark.parametrize(
    ("listed", "present", "difference", "suggestion"),
    [
        ("numbers.csv", "Numbers.CSV", "capital letters differ.", "Numbers.CSV"),
        (NFC, "NU\u0301MEROS.csv", "capital letters differ.", "NU\u0301MEROS.csv"),
        ("o\ufb03ce.csv", "office.csv", "some characters look alike.", "office.csv"),
        ("numbers q1.csv", "numbers%20q1.csv", "some characters are written as codes.", "numbers%20q1.csv"),
        ("numbers q1.csv", "numbers+q1.csv", "some characters are written as codes.", "numbers+q1.csv"),
        (NFC, "n%C3%BAmeros.csv", "some characters are written as codes.", "n%C3%BAmeros.csv"),
        ("numbers%20q1.csv", "numbers q1.csv", "some characters are written as codes.", "numbers q1.csv"),
        ("numbers.csv", "upload/numbers.csv", "it is in another folder.", "upload/numbers.csv"),
        ("west/numbers.csv", "numbers.csv", "it is in another folder.", "numbers.csv"),
        ("numbers.csv", "numbers.csv.csv", "it has another ending.", "numbers.csv.csv"),
        ("numbers.csv", "numbers.csv.txt", "it has another ending.", "numbers.csv.txt"),
        ("numbers.csv", "numbers-1.csv", "the names are similar.", "numbers-1.csv"),
        (
            "numbers q1.csv",
            "numbers\u00a0q1.csv",
            "it has a no-break space (U+00A0) at position 8.",
            "numbers\u00a0q1.csv",
        ),
        (
            "numbers.csv",
            "numbers.csv ",
            "spaces at the start or end differ. Rename the file: its name starts or ends with a space.",
            None,
        ),
        (
            "west/numbers.csv",
            "west\\numbers.csv",
            "slashes and backslashes differ. Rename the file: its name has a backslash.",
            None,
        ),
    ],
)
def test_a_file_under_another_name_is_reported_once(listed, present, difference, suggestion):
    message = f'The file {listed} did not arrive. The drop has "{present}": {difference}'
    assert compare([listed], [present]) == ([], [("MAN-005", message, suggestion)])


def test_a_file_with_another_name_is_still_unlisted():
    assert compare(["numbers.csv"], ["readme.txt"]) == (
        [],
        [
            ("MAN-005", "The file numbers.csv did not arrive.", None),
            ("MAN-006", "readme.txt is not listed in the manifest and was not read.", None),
        ],
    )


def test_several_files_that_could_be_meant_are_all_reported():
    found, findings = compare(["numbers.csv"], ["Numbers.csv", "NUMBERS.csv"])
    message = "The file numbers.csv did not arrive. The drop has 2 files that could be meant: capital letters differ."
    assert (found, findings[0]) == ([], ("MAN-005", message, None))
    assert [rule for rule, _, _ in findings] == ["MAN-005", "MAN-006", "MAN-006"]


def test_two_other_spellings_of_a_name_with_accents():
    found, findings = compare(["\u00e9e\u0301.csv"], ["\u00e9\u00e9.csv", "e\u0301e\u0301.csv"])
    assert found == []
    assert findings[0][1].endswith("The drop has 2 files that could be meant: the accents are written in another way.")
    assert all(message.endswith("accents are written in another way.") for _, message, _ in findings[1:])


def test_each_file_is_suggested_once():
    findings = compare(["a-numbers.csv", "b-numbers.csv"], ["c-numbers.csv"])[1]
    assert [suggestion for _, _, suggestion in findings] == ["c-numbers.csv", None]


def test_the_very_name_wins_and_the_one_that_looks_like_it_is_reported():
    message = (
        f"{NFD} is not listed in the manifest and was not read. It looks like a listed name, but its accents are "
        "written in another way."
    )
    assert compare([NFC], [NFC, NFD]) == ([NFC], [("MAN-006", message, None)])


@pytest.mark.parametrize(("listed", "present"), [(NFC, NFD), (NFD, NFC)])
def test_accents_match_in_either_form(listed, present):
    assert compare([listed], [present]) == ([present], [])


@pytest.mark.parametrize(
    ("listed", "refused", "reason"),
    [
        (NFC, NFD, "a link"),
        (f"{NFC}/a.csv", NFD, f"{NFD} is a link"),
        ("a/b/c.csv", "a/b", "a/b is a link"),
    ],
)
def test_a_link_is_refused_in_any_form(listed, refused, reason):
    assert compare([listed], [], [refused]) == ([], [("MAN-007", f"The file {listed} was not opened: {reason}.", None)])


NAMES = st.text("aA\u00e9e\u0301 .%2+\\/", min_size=1, max_size=8)


@given(st.lists(NAMES, max_size=4), st.sets(NAMES, max_size=4))
def test_a_suggestion_finds_the_file(listed, present):
    plain = [name for name in listed if explain_unsafe_name(name) is None][:1]
    _, findings = compare(plain, present)
    for rule, _, suggestion in findings:
        if suggestion:
            assert rule == "MAN-005"
            assert compare([suggestion], present)[0] == [suggestion]
