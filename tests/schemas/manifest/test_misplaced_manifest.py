"""Which file of a drop without a manifest was probably meant to be it."""

import pytest

from schemas.manifest.finding_collector import FindingCollector
from schemas.manifest.misplaced_manifest import find_misplaced_manifests, report_missing_manifest


@pytest.mark.parametrize(
    "name",
    [
        "Program.YAML", "PROGRAM.YML", "program.yaml.txt", "program.yml.yaml", "program (1).yaml", "program.yaml ",
        "Copy of program.yaml", "program - Copy.yaml", "program_v2.yml", "program.json", "programs.docx", "program",
        "manifest.yaml", "Manifest.YML", "program.yaml~", "program.yaml.bak", "progam.yaml", "q1.yml",
        "pr\u043egram.yaml", "program.yaml\u200b", "program\uff0eyaml", "2030-q1/program.yaml", "a/b/Program.yaml",
        "q1\\program.yaml",
    ],
)  # fmt: skip
def test_a_near_name_is_found(name):
    assert find_misplaced_manifests(["numbers.csv", name, "readme.md"]) == [name]


@pytest.mark.parametrize(
    "name",
    [
        "program.csv",
        "programming.txt",
        "readme.md",
        "program.yaml.part",
        ".program.yaml",
        "a/q1.yaml",
        "x" * 200 + ".txt",
    ],
)
def test_other_names_are_not(name):
    assert find_misplaced_manifests(["numbers.csv", name]) == []


def test_only_the_most_likely_kind_is_reported():
    names = ["q1.yaml", "a/manifest.yaml", "Program.yaml", "b/program.yml", "a/program.yaml"]
    assert find_misplaced_manifests(names) == ["a/program.yaml", "b/program.yml"]
    assert find_misplaced_manifests(names[:3]) == ["Program.yaml"]
    assert find_misplaced_manifests(names[:2]) == ["a/manifest.yaml"]


def reported(names, refused=None):
    findings = FindingCollector(200)
    report_missing_manifest(names, refused or {}, findings)
    return [(f.rule, f.file, f.message) for f in findings.kept_findings]


def test_the_message_says_what_to_do():
    start = "The drop has no manifest, but it has "
    assert reported(["Q1/Program.YAML"]) == [
        (
            "MAN-022",
            "Q1/Program.YAML",
            f'{start}"Q1/Program.YAML": move it up into the drop\'s own folder, and rename it to program.yaml.',
        )
    ]
    assert reported(["program.yaml\u200b"]) == [
        (
            "MAN-022",
            "program.yaml\u200b",
            f'{start}"program.yaml\u200b", with a zero width space (U+200B): rename it to program.yaml.',
        )
    ]
    assert reported(["numbers.csv"]) == [("MAN-018", None, "The drop has no manifest (program.yaml).")]
    assert reported([], {"program.yaml": "a link, not a file of the drop"}) == [
        ("MAN-022", "program.yaml", "program.yaml was not opened: it is a link, not a file of the drop.")
    ]


def test_a_folder_full_of_manifests_gives_ten_findings():
    assert len(reported([f"{n}/program.yaml" for n in range(50)])) == 10
